//! What does not exist for who asks is not judged: not refused, and no work for the evaluator however much of it is named.

use pintle_authz::{Need, Rights, check_one};
use pintle_core::id::{ApiKeyId, PolicyId, VniId};
use pintle_core::model::{AccessRole, Policy, Principal, ResourceType, Timestamp, Verb};
use pintle_core::txn::{ReadError, Revision, Snapshot, Stored};

/// A store in which nothing is.
struct Nothing;

impl Snapshot for Nothing {
    fn revision(&self) -> Revision {
        0
    }
    fn get(&self, _: &str) -> Result<Option<Stored>, ReadError> {
        Ok(None)
    }
    fn list(&self, _: &str, _: &str, _: usize) -> Result<Vec<Stored>, ReadError> {
        Ok(Vec::new())
    }
    fn count(&self, _: &str) -> Result<u64, ReadError> {
        Ok(0)
    }
}

#[test]
fn p06_what_nobody_has_is_not_judged() {
    let (role, resource_type) = (AccessRole::Viewer, Some(ResourceType::Vni));
    let resource = Some(VniId::from_bits(1).to_string());
    let policy = Policy { id: PolicyId::from_bits(1), role, resource_type, resource, created_at: Timestamp(0) };
    let rights = Rights::new(Principal::ApiKey(ApiKeyId::from_bits(1)), &[policy]);
    for bits in 1..100 {
        let need = Need::one(Verb::Update, VniId::from_bits(bits));
        check_one(&rights, &Nothing, &need).unwrap();
        assert_eq!(rights.kept(&need), None, "{need:?}");
    }
    let any = Need::any(ResourceType::Vni, Verb::Update);
    assert!(check_one(&rights, &Nothing, &any).is_err(), "a type is always there");
    assert_eq!(rights.kept(&any), Some(false));
}
