//! Whatever bytes may come: `PINTLE_FUZZ` requests (2,000 unless told), with parameters made up and signatures damaged.

use proptest::prelude::*;

use super::{Ec2, Signer, send};

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("true".to_owned()),
        Just("10.0.0.5".to_owned()),
        Just("eni-00000000000000001".to_owned()),
        Just("subnet-00000000000000001".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "SubnetId",
        "NetworkInterfaceId",
        "NetworkInterfaceId.1",
        "Filter.1.Name",
        "Filter.1.Value.1",
        "MaxResults",
        "NextToken",
        "PrivateIpAddress",
        "PrivateIpAddresses.1.PrivateIpAddress",
        "PrivateIpAddresses.1.Primary",
        "SecurityGroupId.1",
        "Ipv6AddressCount",
        "Ipv4Prefix.1.Ipv4Prefix",
        "DryRun",
        "ClientToken",
        "Description",
        "RegionName.1",
        "ZoneId.1",
        "AttributeName.1",
        "Version",
        "Action",
    ];
    prop_oneof![proptest::sample::select(KNOWN).prop_map(str::to_owned), "[A-Za-z.0-9]{1,12}", "\\PC{0,4}"]
}

/// What a header's list has: empty elements, as a comma in the place of a blank makes one, say nothing (RFC 9110, 5.6.1).
fn parts(header: &[u8]) -> Vec<&[u8]> {
    header.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()).collect()
}

/// Requests that are made up are answered, and never by a failure of ours.
#[test]
fn v05_whatever_comes_is_the_clients_to_mend() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let api = runtime.block_on(Ec2::new()).api;
    let actions: Vec<&str> = pintle_dialect::ec2::OPERATIONS.iter().map(|operation| operation.name).collect();
    let strategy = (
        proptest::sample::select(actions),
        proptest::collection::vec((name(), value()), 0..6),
        proptest::option::of((0usize..400, any::<u8>())),
    );
    let cases = std::env::var("PINTLE_FUZZ").ok().map_or(2000, |text| text.parse().expect("PINTLE_FUZZ is a number"));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(cases));
    let run = runner.run(&strategy, |(action, pairs, damage)| {
        let mut form = form_urlencoded::Serializer::new(format!("Action={action}"));
        let form = form.extend_pairs(&pairs).finish();
        let mut request = Signer::GOOD.sign(&form);
        let mut bad = false;
        if let Some((at, byte)) = damage {
            let header = request.headers()["authorization"].as_bytes().to_vec();
            let mut damaged = header.clone();
            if let Some(place) = damaged.get_mut(at) {
                *place = b' ' + byte % 94;
            }
            bad = parts(&damaged) != parts(&header);
            request.headers_mut().insert("authorization", axum::http::HeaderValue::from_bytes(&damaged).unwrap());
        }
        let (status, body) = runtime.block_on(send(&api, request));
        prop_assert!(status < 500, "{form}: {body}");
        // Blanks around the header's parts may change without changing what it says.
        prop_assert!(!bad || status != 200 || damage.is_some_and(|(_, byte)| byte % 94 == 0), "accepted: {form}");
        Ok(())
    });
    run.unwrap();
}
