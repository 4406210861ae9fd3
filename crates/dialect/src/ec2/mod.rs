//! EC2's Query API: parameters in, commands and XML out.
//!
//! To add an operation (see `vni/delete.rs`, the shortest, and `vni/create.rs`):
//! 1. Make a file for it, with `pub(super) const OPERATION: Operation = Operation::change("DeleteX", "…", decode);`
//!    (`Operation::read` for what changes nothing).
//! 2. `fn decode(params: &mut Params, caller: &Caller) -> Result<Work, Ec2Error>` reads every parameter that the operation
//!    has (`required_id`, `text`, `flag`, `number`, `ids`, `list`, `structure`). What it does not read is refused for it.
//! 3. It gives back `Work::done(command)`, or `Work::change(command, |snapshot, reply, xml| …)` which writes the answer's
//!    body, or `Work::planned(types, |snapshot| …, …)` if something of these types has to be looked up first (what calls such a
//!    thing by anything but its id says so with `names_otherwise`); or `Work::read(|snapshot, xml| …)`.
//!    `DryRun` is dealt with outside: the command is judged and not committed.
//! 4. A `Describe` of stored records: `impl Resource for XView` (element, filters, indexes, item) in the resource's `show.rs`,
//!    and `describe::list::<XView>(params, caller, 5)`.
//!    What can have tags reads them with `params.tagged(…)`; what EC2 gives a `ClientToken`, with `params.client_token()`:
//!    both are dealt with outside.
//! 5. Add it to `OPERATIONS` in `registry.rs`, run `PINTLE_BLESS=1 cargo test -p pintle-dialect --test wire` for the
//!    golden files and the table in `docs/ec2-operations.md`, and read what it wrote.
//! 6. A new refusal gets its code in `problem.rs`, a new kind of id its codes in `ids.rs`.

pub mod caller;
pub mod describe;
pub mod error;
pub mod filter;
pub mod ids;
pub mod operation;
pub mod params;
pub mod problem;
pub mod registry;
pub mod xml;

mod address;
mod arn;
mod dhcp;
mod flow_log;
mod found;
mod instance;
mod internet_gateways;
mod nat_gateways;
mod network_acl;
mod place;
mod prefix_list;
mod private_name;
mod ranges;
mod route_tables;
mod security_group;
mod slice;
mod sts;
mod subnet;
mod tags;
mod vni;
mod vpc;

pub use caller::{Caller, RegionInfo};
pub use error::Ec2Error;
pub use operation::{Class, Lookup, Operation, Plan, Scan, Service, Work};
pub use params::{Asked, Beside, Named, Params};
pub use registry::{OPERATIONS, find};
pub use xml::Xml;

/// Namespaces end in this; what stands before is the version that the client asked for.
const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/";
/// STS has had one version only.
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The version that requests without one get.
pub const VERSION: &str = "2016-11-15";
/// Versions whose requests and answers are subsets of the present ones.
const VERSIONS: &[&str] = &[
    "2014-02-01",
    "2014-06-15",
    "2014-09-01",
    "2014-10-01",
    "2015-03-01",
    "2015-04-15",
    "2015-10-01",
    "2016-04-01",
    "2016-09-15",
    VERSION,
];

/// Holds a request to a version that the service has.
///
/// # Errors
/// `NoSuchVersion`.
pub fn check_version(service: Service, version: Option<&str>) -> Result<String, Ec2Error> {
    let (known, default): (&[&str], _) = match service {
        Service::Ec2 => (VERSIONS, VERSION),
        Service::Sts => (&["2011-06-15"], "2011-06-15"),
    };
    let version = version.unwrap_or(default);
    if known.contains(&version) {
        return Ok(version.to_owned());
    }
    let message =
        format!("The requested version ({}) of service {} does not exist", error::short(version), service.name());
    Err(Ec2Error::new("NoSuchVersion", message))
}

/// The document of an answer.
pub fn answer(operation: &Operation, version: &str, request_id: &str, body: Xml) -> Vec<u8> {
    let name = operation.name;
    let body = body.into_bytes();
    match operation.service {
        Service::Ec2 => {
            let namespace = format!("{EC2_NAMESPACE}{version}/");
            Xml::document(&format!("{name}Response"), Some(&namespace), |xml| {
                xml.text("requestId", request_id);
                xml.piece_of(&body);
            })
        }
        Service::Sts => Xml::document(&format!("{name}Response"), Some(STS_NAMESPACE), |xml| {
            xml.nest(&format!("{name}Result"), |xml| xml.piece_of(&body));
            xml.nest("ResponseMetadata", |xml| xml.text("RequestId", request_id));
        }),
    }
}
