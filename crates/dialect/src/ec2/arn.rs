//! Amazon Resource Names: what EC2 calls things beside their ids.

use pintle_core::model::Owner;

/// The name of an owner's thing of this kind.
pub(super) fn arn(owner: &Owner, kind: &str, id: impl std::fmt::Display) -> String {
    format!("arn:aws:ec2:{}:{}:{kind}/{id}", owner.region, owner.account)
}
