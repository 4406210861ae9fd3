//! What goes over the wire, held to golden files: requests to commands, records to replies, problems to errors.

mod child_interfaces;
mod ec2;
mod ec2_interfaces;
mod ec2_network;
mod ec2_policy;
mod ec2_routing;
mod golden;
mod ibm_models;
mod ibm_resources;
mod network_interfaces;
mod problems;
mod replies;
mod requests;
mod world;
