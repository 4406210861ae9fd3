//! What is another tenant's is no different from what does not exist: status, headers and body, through all APIs, whatever is
//! named and however it is named. Nothing is listed by hand that could be forgotten: the operations come from where the server
//! has them, and one that names something of which these tests know none fails them.

mod asking;
mod bodies;
pub(crate) mod ec2;
pub(crate) mod ec2_forms;
mod ec2_plain;
pub(crate) mod fill;
mod filters;
mod ibm;
mod native;
mod native_bodies;
mod paths;
mod regions;
pub(crate) mod traces;
mod world;
pub(crate) mod world_ec2;
