//! Tags, tokens, batches and quotas: what may come with any request.

use pintle_core::command::{ChangeTags, Command, CreateVni, TagRemoval};
use pintle_core::model::{AccountId, Owner, Tags, Vni, Vpc};
use pintle_core::refusal::Noun;
use pintle_core::{Actor, Refusal, Reply, Request, Token, query};

use crate::common::World;
use crate::common::build::{net, subnet, vni};

/// A tenant with a VPC and a subnet.
struct Tenant {
    world: World,
    by: Actor,
    create: CreateVni,
    vpc: Vpc,
}

fn tenant() -> Tenant {
    let mut world = World::new();
    let by = Actor::Tenant(Owner::new(AccountId::FIRST, "local"));
    let create = pintle_core::command::CreateVpc { cidrs: vec![net("10.0.0.0/16")], ..Default::default() };
    let vpc: Vpc = world.run(Request::new(by.clone(), Command::CreateVpc(create)));
    let made: pintle_core::model::Subnet = world.run(Request::new(by.clone(), subnet(vpc.id, "zone-1", "10.0.0.0/24")));
    let create = vni(made.id);
    Tenant { world, by, create, vpc }
}

impl Tenant {
    fn create(&self) -> Request {
        Request::new(self.by.clone(), Command::CreateVni(self.create.clone()))
    }

    fn limit(&mut self, quota: &str, limit: Option<u32>) {
        self.world.done(Command::SetQuota { account: AccountId::FIRST, quota: quota.to_owned(), limit });
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    Tags::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).unwrap()
}

fn token(name: &str, fingerprint: &str) -> Option<Token> {
    Some(Token { name: name.to_owned(), fingerprint: fingerprint.to_owned() })
}

#[test]
fn tags_come_with_what_a_request_makes_and_go_with_it() {
    let mut t = tenant();
    let given = vec![(Noun::Vni, tags(&[("Name", "web")])), (Noun::Vpc, tags(&[("not", "this")]))];
    let made: Vni = t.world.run(Request { tags: given, ..t.create() });
    assert_eq!(query::tags(&t.world.store, &made).unwrap(), tags(&[("Name", "web")]));
    t.world.run::<Vni>(Request::new(t.by.clone(), Command::DeleteVni(made.id)));
    assert!(t.world.store.content().keys().all(|key| !key.starts_with("tags/")));
}

#[test]
fn tags_are_changed_on_all_things_or_on_none() {
    let mut t = tenant();
    let made: Vni = t.world.run(t.create());
    let ids = |more: &[&str]| {
        [made.id.to_string(), t.vpc.id.to_string()].into_iter().chain(more.iter().map(|id| (*id).to_owned())).collect()
    };
    let change = |resources, put, remove| Command::ChangeTags(ChangeTags { resources, put, remove });
    let put = tags(&[("a", "1"), ("b", "2")]);
    let unknown = change(ids(&["sg-00000000000000001"]), put.clone(), TagRemoval::default());
    let refusal = t.world.refused(Request::new(t.by.clone(), unknown));
    assert!(matches!(refusal, Refusal::NotFound { noun: Noun::SecurityGroup, .. }), "{refusal}");
    t.world.done(change(ids(&[]), put, TagRemoval::default()));
    let some = TagRemoval::These(vec![("a".to_owned(), Some("other".to_owned())), ("b".to_owned(), None)]);
    t.world.done(change(ids(&[]), tags(&[("c", "3")]), some));
    assert_eq!(query::tags(&t.world.store, &made).unwrap(), tags(&[("a", "1"), ("c", "3")]));
    assert_eq!(query::tags(&t.world.store, &t.vpc).unwrap(), tags(&[("a", "1"), ("c", "3")]));
    t.world.done(change(ids(&[]), Tags::default(), TagRemoval::All));
    assert!(query::tags(&t.world.store, &made).unwrap().is_empty());
    let stranger = Actor::Tenant(Owner::new("000000000007".parse().unwrap(), "local"));
    let theirs = change(vec![made.id.to_string()], tags(&[("x", "")]), TagRemoval::default());
    assert!(matches!(t.world.refused(Request::new(stranger, theirs)), Refusal::NotFound { noun: Noun::Vni, .. }));
}

#[test]
fn a_request_that_comes_again_is_answered_again() {
    let mut t = tenant();
    let request = Request { token: token("t1", "same"), ..t.create() };
    let made: Vni = t.world.run(request.clone());
    let again: Vni = t.world.run(request.clone());
    assert_eq!(again, made);
    assert_eq!(t.world.all::<Vni>().len(), 1);
    let other = Request { token: token("t1", "other"), ..t.create() };
    assert_eq!(t.world.refused(other), Refusal::TokenReused);
    // Tokens are the owner's own.
    let operators = Request { by: Actor::Operator, ..request.clone() };
    assert_ne!(t.world.run::<Vni>(operators).id, made.id);
    // It is known on the next day too, and then no more.
    t.world.now.0 += 86_400_000;
    t.world.done(Command::ForgetTokens);
    assert_eq!(t.world.run::<Vni>(request.clone()).id, made.id);
    t.world.now.0 += 86_400_000;
    t.world.done(Command::ForgetTokens);
    assert!(t.world.store.content().keys().all(|key| !key.starts_with("token/")));
    assert_ne!(t.world.run::<Vni>(request).id, made.id);
}

#[test]
fn a_token_of_what_is_gone_does_not_make_it_again() {
    let mut t = tenant();
    let request = Request { token: token("t1", "same"), ..t.create() };
    let made: Vni = t.world.run(request.clone());
    t.world.run::<Vni>(Command::DeleteVni(made.id));
    assert!(matches!(t.world.refused(request), Refusal::NotFound { noun: Noun::Vni, .. }));
}

#[test]
fn a_batch_is_done_whole_or_not_at_all_and_told_again_as_it_was() {
    let mut t = tenant();
    let one = || Command::CreateVni(t.create.clone());
    let batch = Request::new(t.by.clone(), Command::Batch(vec![one(), one()]));
    let failing = Command::Batch(vec![one(), Command::DeleteVni(pintle_core::id::VniId::from_bits(1))]);
    let request = Request { token: token("b", "f"), ..batch };
    t.world.refused(Request::new(t.by.clone(), failing));
    let Reply::Batch(first) = t.world.attempt(request.clone()).unwrap() else { panic!("a batch") };
    let Reply::Batch(again) = t.world.attempt(request).unwrap() else { panic!("a batch") };
    assert_eq!((first.len(), &first), (2, &again));
    assert_eq!(t.world.all::<Vni>().len(), 2);
    let operators = Command::Batch(vec![Command::ForgetTokens]);
    assert!(matches!(t.world.refused(Request::new(t.by.clone(), operators)), Refusal::NotPermitted { .. }));
}

#[test]
fn k16_a_tenant_has_as_many_as_its_quota_and_the_operator_as_many_as_wanted() {
    let mut t = tenant();
    t.limit("network-interfaces", Some(20));
    let mut made: Vec<Vni> = (0..20).map(|_| t.world.run(t.create())).collect();
    let refusal = t.world.refused(t.create());
    assert!(matches!(refusal, Refusal::Quota { noun: Noun::Vni, limit: 20, .. }), "{refusal}");
    t.world.run::<Vni>(Command::CreateVni(t.create.clone()));
    // What goes makes room again, one for one.
    for _ in 0..20 {
        t.world.run::<Vni>(Command::DeleteVni(made.remove(0).id));
        made.push(t.world.run(t.create()));
        t.world.refused(t.create());
    }
    // A lower limit takes nothing away and lets nothing in; a higher one does.
    t.limit("network-interfaces", Some(3));
    for _ in 0..17 {
        t.world.run::<Vni>(Command::DeleteVni(made.pop().unwrap().id));
        t.world.refused(t.create());
    }
    t.world.run::<Vni>(Command::DeleteVni(made.pop().unwrap().id));
    made.push(t.world.run(t.create()));
    t.limit("network-interfaces", Some(0));
    t.world.refused(t.create());
    t.limit("network-interfaces", None);
    made.push(t.world.run(t.create()));
    for vni in made {
        t.world.run::<Vni>(Command::DeleteVni(vni.id));
    }
    let slots = t.world.store.content().keys().filter(|key| key.starts_with("slot/vni/")).count();
    assert_eq!(slots, 0);
}

#[test]
fn k16_quotas_of_a_vpc_count_within_it_and_unknown_ones_are_refused() {
    let mut t = tenant();
    t.limit("subnets", Some(1));
    let second = subnet(t.vpc.id, "zone-1", "10.0.1.0/24");
    let refusal = t.world.refused(Request::new(t.by.clone(), second));
    crate::common::says(&refusal, &[&t.vpc.id.to_string(), "1", "subnet"]);
    let unknown = Command::SetQuota { account: AccountId::FIRST, quota: "cars".to_owned(), limit: None };
    crate::common::says(&t.world.refused(unknown), &["cars", "network-interfaces"]);
    let stranger =
        Command::SetQuota { account: "000000000009".parse().unwrap(), quota: "vpcs".to_owned(), limit: None };
    assert!(matches!(t.world.refused(stranger), Refusal::NotFound { noun: Noun::Account, .. }));
}
