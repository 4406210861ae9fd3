//! The HTTP front ends over an engine in memory: what a client sees, without hosts.

mod addresses;
mod attachments;
mod audit;
mod bad_input;
mod client;
mod concurrency;
mod described;
mod ec2;
mod frame;
mod native;
mod openapi;
mod paging;
mod policy;
mod telemetry;
mod vnis;
