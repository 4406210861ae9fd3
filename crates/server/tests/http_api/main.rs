//! The HTTP front ends over an engine in memory: what a client sees, without hosts.

mod addresses;
mod attachments;
mod audit;
mod authorisation;
mod bad_input;
mod bare_metal;
mod child_interfaces;
mod client;
mod concurrency;
mod described;
mod dialects;
mod ec2;
mod foreign;
mod frame;
mod ibm;
mod legality;
mod native;
mod network_interfaces;
mod openapi;
mod paging;
mod policy;
mod shares;
mod telemetry;
mod tenants;
mod vnis;
