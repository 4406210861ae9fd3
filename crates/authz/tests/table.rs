//! The table through the evaluator: every role, every action, every reach of a policy.

use pintle_authz::{Action, Keyring, Need, Rights, Thing, table};
use pintle_core::id::{ApiKeyId, PolicyId, SecurityGroupId, VniId};
use pintle_core::model::{AccessRole, Policy, Principal, ResourceType, Timestamp, Verb};

const KEY: Principal = Principal::ApiKey(ApiKeyId::from_bits(1));

fn policy(role: AccessRole, resource_type: Option<ResourceType>, resource: Option<String>) -> Policy {
    Policy { id: PolicyId::from_bits(1), role, resource_type, resource, created_at: Timestamp(0) }
}

fn rights(policies: &[Policy]) -> Rights {
    Rights::new(KEY, policies)
}

#[test]
fn p01_p03_p06_each_role_may_do_what_the_table_says_on_the_types_it_is_given_for_and_nothing_else() {
    for role in AccessRole::ALL {
        let everywhere = rights(&[policy(*role, None, None)]);
        for (action, roles) in table::rows() {
            let may = roles.contains(role);
            assert_eq!(everywhere.may(&Need { action, of: None }), may, "{role} {action}");
            for given in ResourceType::ALL {
                let on_type = rights(&[policy(*role, Some(*given), None)]);
                let expected = may && *given == action.on;
                assert_eq!(on_type.may(&Need { action, of: None }), expected, "{role} on {given}: {action}");
            }
        }
    }
    let nothing = rights(&[]);
    assert!(table::rows().all(|(action, _)| !nothing.may(&Need { action, of: None })), "denied unless permitted");
}

#[test]
fn p06_a_policy_for_one_resource_is_for_that_one_only() {
    let (mine, other) = (VniId::from_bits(1), VniId::from_bits(2));
    let both = [
        policy(AccessRole::Editor, Some(ResourceType::Vni), Some(mine.to_string())),
        policy(AccessRole::Viewer, Some(ResourceType::Vni), None),
    ];
    let rights = rights(&both);
    for (verb, on_mine, on_other) in [
        (Verb::Read, true, true),
        (Verb::Update, true, false),
        (Verb::Attach, true, false),
        (Verb::ManageIpSpoofing, false, false),
    ] {
        assert_eq!(rights.may(&Need::one(verb, mine)), on_mine, "{verb}");
        assert_eq!(rights.may(&Need::one(verb, other)), on_other, "{verb}");
        // And again, from what is kept.
        assert_eq!(rights.may(&Need::one(verb, mine)), on_mine, "{verb}");
    }
    assert!(!rights.may(&Need::any(ResourceType::Vni, Verb::Create)), "one resource is not its type");
    assert!(!rights.may(&Need::one(Verb::Read, SecurityGroupId::from_bits(1))), "nor another type");
}

#[test]
fn p03_no_role_but_its_own_includes_spoofing_or_nat() {
    let separate = [Verb::ManageIpSpoofing, Verb::ManageInfrastructureNat];
    for (action, roles) in table::rows().filter(|(action, _)| separate.contains(&action.verb)) {
        assert_eq!((action.on, roles.len()), (ResourceType::Vni, 1), "{action}");
        assert!(!roles.contains(&AccessRole::Administrator), "{action}");
    }
    let name = Action { on: ResourceType::Vni, verb: Verb::ManageIpSpoofing }.to_string();
    assert_eq!(name, "is.virtual-network-interface.virtual-network-interface.manage-ip-spoofing");
}

#[test]
fn rights_follow_the_record_that_they_are_worked_out_of() {
    let ring = Keyring::default();
    let read = Need { action: Action { on: ResourceType::Vpc, verb: Verb::Read }, of: None };
    assert!(!ring.rights(KEY, 1, &[]).may(&read));
    let viewer = [policy(AccessRole::Viewer, None, None)];
    assert!(!ring.rights(KEY, 1, &viewer).may(&read), "the same revision is the same record");
    assert!(ring.rights(KEY, 2, &viewer).may(&read));
    assert!(!ring.rights(Principal::ApiKey(ApiKeyId::from_bits(2)), 2, &[]).may(&read));
}

#[test]
fn things_are_told_by_their_ids() {
    assert_eq!(Thing::named("eni-00000000000000001"), Some(Thing::Vni(VniId::from_bits(1))));
    assert_eq!(Thing::named("eni-attach-00000000000000001"), None);
    assert_eq!(Thing::named("web"), None);
}

#[test]
fn the_documentation_shows_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/authorisation.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- the table, from crates/authz/src/table.rs -->\n", "<!-- end of the table -->");
    let (head, rest) = text.split_once(begin).expect("the table's begin");
    let (shown, tail) = rest.split_once(end).expect("the table's end");
    if std::env::var_os("PINTLE_BLESS").is_some() {
        std::fs::write(path, format!("{head}{begin}{}{end}{tail}", table::markdown())).unwrap();
        return;
    }
    assert!(shown == table::markdown(), "docs/authorisation.md is not the table (PINTLE_BLESS=1 writes it)");
}
