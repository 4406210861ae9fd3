//! DescribeManagedPrefixLists.

use pintle_core::model::PrefixList;

use crate::ec2::describe;
use crate::ec2::operation::Operation;
use crate::view::Plain;

pub(in crate::ec2) const OPERATION: Operation = Operation::read(
    "DescribeManagedPrefixLists",
    "whole: ids, filters, pages; the provider has none",
    |params, caller| describe::list::<Plain<PrefixList>>(params, caller, 1),
);
