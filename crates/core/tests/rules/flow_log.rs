//! Flow logs: of something that exists, each configuration once, gone with what they watch.

use pintle_core::command::{Command, CreateFlowLog, CreateInstance, NewCollector, UpdateFlowLog};
use pintle_core::model::{DestinationKind, FileFormat, FlowDestination, FlowField, FlowLog, FlowLogTarget};
use pintle_core::model::{Instance, Owner, Role, Subnet, TrafficType, Vni, Vpc};
use pintle_core::refusal::{Holder, Noun};
use pintle_core::{Refusal, Request};

use crate::common::build::{existing, instance, scene};
use crate::common::says;

fn log(target: FlowLogTarget, group: &str) -> CreateFlowLog {
    let (kind, name) = (DestinationKind::LogGroup, group.to_owned());
    CreateFlowLog {
        target,
        traffic: TrafficType::All,
        destination: FlowDestination { kind, name, role: None, cross_account_role: None },
        fields: FlowField::default_format(),
        interval: 600,
        files: FileFormat::default(),
        collector: None,
    }
}

#[test]
fn k16_flow_logs_go_with_what_they_watch() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    for target in [FlowLogTarget::Vpc(s.vpc), FlowLogTarget::Subnet(s.subnet), FlowLogTarget::Vni(vni)] {
        let made: FlowLog = s.world.run(Command::CreateFlowLog(log(target, "group")));
        assert_eq!((made.target, made.owner), (target, s.world.get::<Vpc>(s.vpc).owner));
    }
    s.world.run::<Vni>(Command::DeleteVni(vni));
    assert_eq!(s.world.all::<FlowLog>().len(), 2);
    s.world.run::<Subnet>(Command::DeleteSubnet(s.subnet));
    let left = s.world.all::<FlowLog>();
    assert_eq!(left.iter().map(|log| log.target).collect::<Vec<_>>(), [FlowLogTarget::Vpc(s.vpc)]);
    s.world.run::<FlowLog>(Command::DeleteFlowLog(left[0].id));
    s.world.run::<Vpc>(Command::DeleteVpc(s.vpc));
}

#[test]
fn k16_the_same_configuration_is_there_once_and_two_are_the_most() {
    let mut s = scene();
    let target = FlowLogTarget::Vpc(s.vpc);
    let first: FlowLog = s.world.run(Command::CreateFlowLog(log(target, "one")));
    let again = CreateFlowLog { interval: 60, ..log(target, "one") };
    let refusal = s.world.refused(Command::CreateFlowLog(again));
    assert_eq!(refusal, Refusal::AlreadyExists { noun: Noun::FlowLog, id: first.id.to_string() });
    let rejected = CreateFlowLog { traffic: TrafficType::Reject, ..log(target, "one") };
    s.world.run::<FlowLog>(Command::CreateFlowLog(rejected));
    says(&s.world.refused(Command::CreateFlowLog(log(target, "three"))), &[&s.vpc.to_string(), "the limit is 2"]);
}

#[test]
fn k16_what_is_asked_is_checked_and_what_is_anothers_is_not_there() {
    let mut s = scene();
    let target = FlowLogTarget::Subnet(s.subnet);
    for (create, field) in [
        (CreateFlowLog { fields: Vec::new(), ..log(target, "a") }, "'fields'"),
        (CreateFlowLog { fields: vec![FlowField::Start, FlowField::Start], ..log(target, "a") }, "'fields'"),
        (CreateFlowLog { interval: 61, ..log(target, "a") }, "'interval'"),
        (log(target, ""), "'destination'"),
        (log(target, "two\nlines"), "'destination'"),
    ] {
        says(&s.world.refused(Command::CreateFlowLog(create)), &[field]);
    }
    let stranger = Owner::new("000000000007".parse().unwrap(), "local");
    let refusal = s.world.refused(Request::tenant(stranger.clone(), Command::CreateFlowLog(log(target, "a"))));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::Subnet, id: s.subnet.to_string() });
    let made: FlowLog = s.world.run(Command::CreateFlowLog(log(target, "a")));
    let refusal = s.world.refused(Request::tenant(stranger, Command::DeleteFlowLog(made.id)));
    assert_eq!(refusal, Refusal::NotFound { noun: Noun::FlowLog, id: made.id.to_string() });
}

fn collector(target: FlowLogTarget, name: &str) -> CreateFlowLog {
    let collector = Some(NewCollector { name: Some(name.to_owned()), active: true });
    CreateFlowLog { collector, ..log(target, "bucket") }
}

#[test]
fn k16_a_collector_is_the_only_one_of_its_target_and_has_a_name_in_its_vpc() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let made: FlowLog = s.world.run(Command::CreateFlowLog(collector(FlowLogTarget::Vni(vni), "one")));
    assert_eq!((made.name.as_deref(), made.active), (Some("one"), true));
    let second = s.world.refused(Command::CreateFlowLog(collector(FlowLogTarget::Vni(vni), "two")));
    let (noun, holder) = (Noun::FlowLogTarget, Holder::FlowLog(made.id));
    assert!(matches!(&second, Refusal::InUse { noun: of, holder: by, .. } if *of == noun && *by == holder), "{second}");
    s.world.run::<FlowLog>(Command::CreateFlowLog(log(FlowLogTarget::Vni(vni), "ec2's own")));
    let taken = s.world.refused(Command::CreateFlowLog(collector(FlowLogTarget::Subnet(s.subnet), "one")));
    assert!(matches!(taken, Refusal::NameTaken { noun: Noun::FlowLog, .. }));
    let of_subnet: FlowLog = s.world.run(Command::CreateFlowLog(collector(FlowLogTarget::Subnet(s.subnet), "two")));
    let pause = UpdateFlowLog { active: Some(false), name: Some("three".to_owned()) };
    let paused: FlowLog = s.world.run(Command::UpdateFlowLog(of_subnet.id, pause));
    assert_eq!((paused.name.as_deref(), paused.active), (Some("three"), false));
    let of_ec2 = s.world.all::<FlowLog>().into_iter().find(|log| log.name.is_none()).unwrap();
    let name = UpdateFlowLog { name: Some("four".to_owned()), active: None };
    s.world.run::<FlowLog>(Command::UpdateFlowLog(of_ec2.id, name));
    s.world.run::<Vni>(Command::DeleteVni(vni));
    assert_eq!(s.world.all::<FlowLog>().len(), 1, "names and all");
}

#[test]
fn k16_collectors_of_instances_and_attachments_go_with_them() {
    let mut s = scene();
    let vni = s.world.vni(s.subnet).id;
    let home = s.world.instance(s.vpc, s.hosts[0]).id;
    let attachment = s.world.attach_now(home, vni);
    s.world.run::<FlowLog>(Command::CreateFlowLog(collector(FlowLogTarget::Instance(home), "server")));
    s.world.run::<FlowLog>(Command::CreateFlowLog(collector(FlowLogTarget::Attachment(attachment.id), "card")));
    s.world.detach(attachment.id);
    s.world.done(Command::AttachmentGone(attachment.id));
    assert_eq!(s.world.all::<FlowLog>().len(), 1);
    s.world.delete_instance(home);
    assert_eq!(s.world.all::<FlowLog>(), []);
}

#[test]
fn k16_bare_metal_servers_have_no_collectors() {
    let mut s = scene();
    let primary = Some(existing(s.world.vni(s.subnet).id));
    let create = CreateInstance { role: Role::BareMetal, primary, ..instance(s.vpc, s.hosts[0]) };
    let metal: Instance = s.world.run(Command::CreateInstance(create));
    let refusal = s.world.refused(Command::CreateFlowLog(collector(FlowLogTarget::Instance(metal.id), "x")));
    says(&refusal, &["'target'", "a bare metal server"]);
}
