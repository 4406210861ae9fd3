//! What an interface may be like on each kind of target: all 432 cells, whichever of the two comes first.

use std::collections::BTreeSet;

use pintle_core::Refusal;
use pintle_core::command::{Command, CreateFloatingIp, CreateFlowLog, CreateInstance, CreatePublicPool, CreateVni};
use pintle_core::command::{CreateShare, FloatingIpChoice, IpChoice, NewMountTarget, UpdateVni, VniChoice};
use pintle_core::id::VniId;
use pintle_core::legality::{self, Conflict, Manner, Property, Traits};
use pintle_core::model::{
    Attachment, DestinationKind, FileFormat, FileOwner, FloatingIp, FlowDestination, FlowField, FlowLogTarget,
    Instance, PublicPool, ReservedIp, Role, Share, TargetKind, TrafficType, TransitEncryption, Vni,
};

use crate::common::build::{Scene, auto, existing, instance, net, new, scene, vni};
use crate::common::says;

/// An interface's traits on a kind of target.
#[derive(Debug, Clone, Copy)]
struct Cell {
    kind: TargetKind,
    traits: Traits,
}

fn cells() -> Vec<Cell> {
    let of = |kind| legality::combinations().into_iter().map(move |traits| Cell { kind, traits });
    TargetKind::ALL.into_iter().flat_map(of).collect()
}

impl Cell {
    /// What breaks a rule, asked in IBM VPC's way, while attached to nothing and on the target.
    fn broken(self) -> Vec<Property> {
        let mut all: Vec<Conflict> = legality::conflicts(None, &self.traits, Manner::PerInterface);
        all.extend(legality::conflicts(Some(self.kind), &self.traits, Manner::PerInterface));
        all.into_iter().map(|conflict| conflict.property).collect()
    }
}

fn public() -> Scene {
    let mut s = scene();
    let (zone, cidrs) = ("zone-1".to_owned(), vec![net("203.0.113.0/29")]);
    s.world.run::<PublicPool>(Command::CreatePublicPool(CreatePublicPool { name: None, zone, cidrs }));
    s
}

fn flow_log(vni: VniId) -> Command {
    Command::CreateFlowLog(CreateFlowLog {
        collector: None,
        target: FlowLogTarget::Vni(vni),
        traffic: TrafficType::All,
        destination: FlowDestination {
            kind: DestinationKind::Bucket,
            name: "logs".to_owned(),
            role: None,
            cross_account_role: None,
        },
        fields: FlowField::default_format(),
        interval: 600,
        files: FileFormat::default(),
    })
}

fn floating_ip(vni: VniId, manner: Manner) -> Command {
    let target = Some(FloatingIpChoice::primary(vni, manner));
    Command::CreateFloatingIp(CreateFloatingIp { name: None, zone: None, address: None, target })
}

/// What it takes for an interface that is like a new one to become like this.
fn changes(vni: VniId, traits: Traits) -> Vec<Command> {
    let mut all = Vec::new();
    let update = UpdateVni {
        allow_ip_spoofing: traits.ip_spoofing.then_some(true),
        enable_infrastructure_nat: (!traits.infrastructure_nat).then_some(false),
        protocol_state_filtering: Some(traits.state_filtering),
        manner: Manner::PerInterface,
        ..UpdateVni::default()
    };
    all.push(Command::UpdateVni(vni, update));
    all.extend((0..traits.secondary_addresses).map(|_| Command::AddVniIp(vni, auto())));
    all.extend((0..traits.floating_ips).map(|_| floating_ip(vni, Manner::PerInterface)));
    all.extend((0..traits.flow_logs).map(|_| flow_log(vni)));
    all
}

/// A target of a kind with this interface from the start.
fn target(s: &mut Scene, kind: TargetKind, vni: VniId) -> Command {
    let role = match kind {
        TargetKind::Instance => Role::Server,
        TargetKind::BareMetal => Role::BareMetal,
        TargetKind::ShareMount => return mount(s, existing(vni).vni),
    };
    let primary = Some(existing(vni));
    Command::CreateInstance(CreateInstance { role, primary, ..instance(s.vpc, s.hosts[0]) })
}

/// A mount target, of a share of its own, with this interface.
fn mount(s: &mut Scene, vni: VniChoice) -> Command {
    let create = CreateShare {
        name: None,
        zone: "zone-1".to_owned(),
        host: None,
        profile: "dp2".to_owned(),
        size_gb: 50,
        iops: None,
        transit_encryption: None,
        initial_owner: FileOwner::default(),
        user_tags: BTreeSet::new(),
        mount_targets: Vec::new(),
    };
    let share: Share = s.world.run(Command::CreateShare(Box::new(create)));
    let new = NewMountTarget { name: None, vni, transit_encryption: TransitEncryption::None };
    Command::CreateMountTarget(share.id, new)
}

/// Carries commands out until one is refused; that one's conflict.
fn until_refused(s: &mut Scene, commands: Vec<Command>) -> Option<Conflict> {
    for command in commands {
        match s.world.attempt(command) {
            Ok(_) => {}
            Err(Refusal::NotOnTarget { conflict, .. }) => return Some(*conflict),
            Err(other) => panic!("{other}"),
        }
    }
    None
}

#[track_caller]
fn compare(cell: Cell, refused: Option<&Conflict>) {
    let broken = cell.broken();
    match refused {
        None => assert!(broken.is_empty(), "{cell:?} was not refused, but breaks {broken:?}"),
        Some(conflict) => {
            assert!(broken.contains(&conflict.property), "{cell:?} was refused: {conflict}");
            let here = conflict.on.is_none() || conflict.on == Some(cell.kind);
            assert!(here && !conflict.value.is_empty(), "{conflict}");
        }
    }
}

#[test]
fn f03_c07_all_432_cells_with_the_interface_made_first() {
    let cells = cells();
    assert_eq!(cells.len(), 432);
    let mut accepted = [0, 0, 0];
    for cell in cells {
        let mut s = public();
        let vni = s.world.vni(s.subnet).id;
        let mut commands = changes(vni, cell.traits);
        commands.push(target(&mut s, cell.kind, vni));
        let refused = until_refused(&mut s, commands);
        compare(cell, refused.as_ref());
        accepted[cell.kind as usize] += usize::from(refused.is_none());
    }
    // Instances: NAT on, so one floating IP at most: 2 x 2 x 3 x 2 x 2. Bare metal: no flow log; with NAT on 2 x 2 x 3 x 2, with NAT
    // off 2 x 2 x 3 x 3. Share mount targets: everything as it is by default, with filtering automatic or enabled.
    assert_eq!(accepted, [48, 60, 2]);
}

#[test]
fn f03_c08_e08_all_432_cells_with_the_target_made_first() {
    let mut accepted = 0;
    for cell in cells() {
        let mut s = public();
        let vni = s.world.vni(s.subnet).id;
        let mut commands = vec![target(&mut s, cell.kind, vni)];
        commands.extend(changes(vni, cell.traits));
        let refused = until_refused(&mut s, commands);
        compare(cell, refused.as_ref());
        accepted += usize::from(refused.is_none());
    }
    assert_eq!(accepted, 110);
}

#[test]
fn f03_what_is_made_with_its_target_is_held_to_the_same() {
    let mut s = public();
    let off = CreateVni { enable_infrastructure_nat: Some(false), ..vni(s.subnet) };
    let create = |role, create: CreateVni, s: &Scene| {
        let primary = Some(new(create));
        Command::CreateInstance(CreateInstance { role, primary, ..instance(s.vpc, s.hosts[0]) })
    };
    let command = create(Role::Server, off.clone(), &s);
    says(&s.world.refused(command), &["field 'enable_infrastructure_nat'", "'false'", "on an instance", "true"]);
    let command = create(Role::BareMetal, off, &s);
    s.world.run::<Instance>(command);
    let two = CreateVni { ips: vec![IpChoice::default()], ..vni(s.subnet) };
    let command = mount(&mut s, new(two).vni);
    says(&s.world.refused(command), &["field 'ips'", "on a share mount target", "none"]);
}

#[test]
fn c03_c04_several_floating_ips_need_infrastructure_nat_off_in_ibms_way() {
    let mut s = public();
    let made = s.world.vni(s.subnet);
    let first: FloatingIp = s.world.run(floating_ip(made.id, Manner::PerInterface));
    let refusal = s.world.refused(floating_ip(made.id, Manner::PerInterface));
    says(&refusal, &["field 'floating_ips'", &first.id.to_string(), "one at most while enable_infrastructure_nat"]);
    let refusal = s.world.refused(floating_ip(made.id, Manner::PerAddress));
    assert!(matches!(refusal, Refusal::AddressHasFloatingIp { .. }), "{refusal}");
    let nat =
        |on| UpdateVni { enable_infrastructure_nat: Some(on), manner: Manner::PerInterface, ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(made.id, nat(false)));
    let second: FloatingIp = s.world.run(floating_ip(made.id, Manner::PerInterface));
    s.world.run::<FloatingIp>(floating_ip(made.id, Manner::PerInterface));
    let refusal = s.world.refused(Command::UpdateVni(made.id, nat(true)));
    says(&refusal, &["field 'floating_ips'", &first.id.to_string(), &second.id.to_string()]);
    let anyhow = UpdateVni { manner: Manner::PerAddress, ..nat(true) };
    let refusal = s.world.refused(Command::UpdateVni(made.id, anyhow.clone()));
    assert!(matches!(refusal, Refusal::AddressHasFloatingIp { .. }), "two can't be translated to one: {refusal}");
    s.world.run::<FloatingIp>(Command::DeleteFloatingIp(first.id));
    s.world.run::<FloatingIp>(Command::DisassociateFloatingIp(second.id));
    s.world.run::<Vni>(Command::UpdateVni(made.id, anyhow));
    s.world.run::<Vni>(Command::DeleteVni(made.id));
}

#[test]
fn c09_each_private_address_has_its_floating_ip_where_nobody_asks_in_ibms_way() {
    let mut s = public();
    let made = s.world.vni(s.subnet);
    let ip: ReservedIp = s.world.run(Command::AddVniIp(made.id, auto()));
    s.world.run::<FloatingIp>(floating_ip(made.id, Manner::PerAddress));
    let of_second = FloatingIpChoice { vni: made.id, ip: Some(ip.id), manner: Manner::PerAddress };
    let create = CreateFloatingIp { name: None, zone: None, address: None, target: Some(of_second) };
    s.world.run::<FloatingIp>(Command::CreateFloatingIp(create));
    let instance = s.world.instance(s.vpc, s.hosts[0]).id;
    s.world.run::<Attachment>(Command::Attach(instance, existing(made.id)));
    let rename = UpdateVni { name: Some("other".to_owned()), ..UpdateVni::default() };
    s.world.run::<Vni>(Command::UpdateVni(made.id, rename));
}

/// The table as `docs/targets.md` has it.
fn documented() -> String {
    let columns = [None, Some(TargetKind::Instance), Some(TargetKind::BareMetal), Some(TargetKind::ShareMount)];
    let titles = columns.map(|on| on.map_or("attached to nothing", TargetKind::words));
    let mut text = format!("| property | {} |\n|---|---|---|---|---|\n", titles.join(" | "));
    for row in legality::TABLE {
        let cells = columns.map(|on| row.limit(on).words());
        text.push_str(&format!("| `{}` | {} |\n", row.property.name(), cells.join(" | ")));
    }
    let filters = |on: Option<TargetKind>| on.map_or("", |kind| if kind.filters_state() { " on" } else { " off" });
    let cells = columns.map(filters).join(" |");
    text.push_str(&format!("| state filtering where the mode is `auto` |{cells} |\n"));
    text
}

#[test]
fn f03_e02_the_documents_table_is_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/targets.md");
    let text = std::fs::read_to_string(path).unwrap();
    let begin = text.find("| property |").expect("the table begins there");
    let end = text.find("<!-- end -->").expect("the table ends there");
    let want = documented();
    if std::env::var_os("PINTLE_BLESS").is_some() {
        std::fs::write(path, format!("{}{want}{}", &text[..begin], &text[end..])).unwrap();
        return;
    }
    assert_eq!(&text[begin..end], want, "PINTLE_BLESS=1 writes what the code says");
}
