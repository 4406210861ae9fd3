//! What EC2's clients say of an instance that means nothing to Pintle, and that they read again: kept as it is with the
//! instance, under names of our own.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::ec2::error::Ec2Error;
use crate::ec2::params::Params;
use crate::ec2::xml::Xml;

/// What is kept.
pub(super) type Notes = BTreeMap<String, String>;

/// A parameter that is kept: its name in requests, and the name under which it is kept.
struct Kept {
    parameter: &'static str,
    note: &'static str,
    /// Which values there are; none: any text.
    values: &'static [&'static str],
}

const fn text(parameter: &'static str, note: &'static str) -> Kept {
    Kept { parameter, note, values: &[] }
}

const fn one_of(parameter: &'static str, note: &'static str, values: &'static [&'static str]) -> Kept {
    Kept { parameter, note, values }
}

const FLAG: &[&str] = &["true", "false"];
const SWITCH: &[&str] = &["enabled", "disabled"];

/// What of RunInstances is kept, beside user data.
const KEPT: &[Kept] = &[
    text("KeyName", "key-name"),
    one_of("EbsOptimized", "ebs-optimized", FLAG),
    one_of("Monitoring.Enabled", "monitoring", FLAG),
    one_of("InstanceInitiatedShutdownBehavior", "shutdown-behavior", &["stop", "terminate"]),
    text("IamInstanceProfile.Arn", "profile-arn"),
    text("IamInstanceProfile.Name", "profile-name"),
    one_of("CreditSpecification.CpuCredits", "cpu-credits", &["standard", "unlimited"]),
    text("Placement.GroupName", "placement-group"),
    one_of("Placement.Tenancy", "tenancy", &["default", "dedicated", "host"]),
    text("CpuOptions.CoreCount", "cores"),
    text("CpuOptions.ThreadsPerCore", "threads-per-core"),
    one_of("CpuOptions.AmdSevSnp", "amd-sev-snp", SWITCH),
    one_of(
        "CapacityReservationSpecification.CapacityReservationPreference",
        "capacity-reservations",
        &["open", "none", "capacity-reservations-only"],
    ),
    one_of("HibernationOptions.Configured", "hibernation", FLAG),
    one_of("EnclaveOptions.Enabled", "enclave", FLAG),
    one_of("MaintenanceOptions.AutoRecovery", "auto-recovery", &["default", "disabled"]),
    one_of("PrivateDnsNameOptions.HostnameType", "hostname-type", &["ip-name", "resource-name"]),
    one_of("PrivateDnsNameOptions.EnableResourceNameDnsARecord", "resource-name-a", FLAG),
    one_of("PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord", "resource-name-aaaa", FLAG),
];

/// The options of instance metadata, whose names are the same wherever they are.
const METADATA: &[Kept] = &[
    one_of("HttpTokens", "metadata-tokens", &["optional", "required"]),
    text("HttpPutResponseHopLimit", "metadata-hop-limit"),
    one_of("HttpEndpoint", "metadata-endpoint", SWITCH),
    one_of("HttpProtocolIpv6", "metadata-ipv6", SWITCH),
    one_of("InstanceMetadataTags", "metadata-tags", SWITCH),
];

/// Reads what is kept of a launch.
///
/// # Errors
/// `InvalidParameterValue`, or what is wrong with user data.
pub(super) fn of_launch(params: &mut Params) -> Result<Notes, Ec2Error> {
    let mut notes = Notes::new();
    take(params, "", KEPT, &mut notes)?;
    take(params, "MetadataOptions.", METADATA, &mut notes)?;
    if let Some(data) = params.text("UserData").filter(|data| !data.is_empty()) {
        notes.insert("user-data".to_owned(), user_data(data)?);
    }
    Ok(notes)
}

/// Reads the options of instance metadata where they stand on their own.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn of_metadata(params: &mut Params) -> Result<Notes, Ec2Error> {
    let mut notes = Notes::new();
    take(params, "", METADATA, &mut notes)?;
    Ok(notes)
}

fn take(params: &mut Params, before: &str, kept: &[Kept], notes: &mut Notes) -> Result<(), Ec2Error> {
    for Kept { parameter, note, values } in kept {
        let name = format!("{before}{parameter}");
        let Some(given) = params.text(&name).filter(|given| !given.is_empty()) else { continue };
        // Flags come as `True` from some clients.
        let given = if values.contains(&"true") { given.to_ascii_lowercase() } else { given };
        if !values.is_empty() && !values.contains(&given.as_str()) {
            return Err(Ec2Error::value(&name, &given, format!("It must be one of: {}.", values.join(", "))));
        }
        notes.insert((*note).to_owned(), given);
    }
    Ok(())
}

/// User data: base64 of 16 KiB at most.
///
/// # Errors
/// `InvalidUserData.Malformed`, `InvalidParameterValue`.
pub(super) fn user_data(data: String) -> Result<String, Ec2Error> {
    let data: String = data.split_ascii_whitespace().collect();
    let Ok(decoded) = BASE64.decode(&data) else {
        return Err(Ec2Error::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data"));
    };
    if decoded.len() > 16 << 10 {
        let message = "User data is limited to 16384 bytes";
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    Ok(data)
}

/// A note that says yes.
pub(super) fn is_on(notes: &Notes, note: &str) -> bool {
    notes.get(note).is_some_and(|value| value == "true")
}

/// A note, or what it is when nobody has said anything.
pub(super) fn or<'a>(notes: &'a Notes, note: &str, default: &'a str) -> &'a str {
    notes.get(note).map_or(default, String::as_str)
}

/// Writes the options of instance metadata.
pub(super) fn write_metadata(xml: &mut Xml, name: &str, notes: &Notes) {
    xml.nest(name, |xml| {
        xml.text("state", "applied");
        xml.text("httpTokens", or(notes, "metadata-tokens", "optional"));
        xml.text("httpPutResponseHopLimit", or(notes, "metadata-hop-limit", "1"));
        xml.text("httpEndpoint", or(notes, "metadata-endpoint", "enabled"));
        xml.text("httpProtocolIpv6", or(notes, "metadata-ipv6", "disabled"));
        xml.text("instanceMetadataTags", or(notes, "metadata-tags", "disabled"));
    });
}
