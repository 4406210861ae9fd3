//! EC2's API: requests as clients send them and the documents they get, over a small world.

mod bounds;
mod instances;

use std::sync::Arc;

use pintle_core::{Command, Request, Token};
use pintle_dialect::ec2::{self, Beside, Caller, Ec2Error, Params, Plan, RegionInfo, Service, Work, Xml, registry};

use crate::golden;
use crate::world::{World, world};

fn caller() -> Caller {
    let region = |name: &str, zones: &[&str]| RegionInfo {
        name: name.to_owned(),
        zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
    };
    Caller {
        account: pintle_core::model::AccountId::FIRST,
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        region: "local".to_owned(),
        regions: Arc::new([region("local", &["zone-1", "zone-2"]), region("other", &["other-1"])]),
        now: pintle_core::model::Timestamp(1_790_000_900_000),
        endpoint: "pintle.example:7480".into(),
    }
}

/// What a request is answered with, and the command that it became.
pub(crate) fn respond(
    world: &mut World,
    service: Service,
    action: &str,
    form: &str,
) -> Result<(String, Option<Command>), Ec2Error> {
    let caller = caller();
    let operation = ec2::find(service, action).ok_or_else(|| Ec2Error::unknown_action(action))?;
    let mut params = Params::parse(form.as_bytes())?;
    let work = (operation.decode)(&mut params, &caller)?;
    let Beside { tags, token } = params.take_beside();
    params.finish()?;
    let (mut xml, mut done) = (Xml::piece(), None);
    match work {
        Work::Read(show) => show(world, &mut xml)?,
        Work::Scan(mut scan) => {
            // One record at a time, so that every way of going on is taken.
            while !scan.step(world, 1)? {}
            scan.write(&mut xml);
        }
        Work::Change(plan, tell) => {
            let command = match plan {
                Plan::Whole(command) => *command,
                Plan::Lookup(lookup) => (lookup.look)(world)?,
            };
            let token = token.map(|(name, fingerprint)| Token { name, fingerprint });
            let request = Request { tags, token, ..command.clone().into() };
            world.judge(request.clone())?;
            let reply = world.run(request);
            done = Some(command);
            tell(world, reply, &mut xml)?;
        }
    }
    let version = ec2::check_version(service, None)?;
    let document = ec2::answer(operation, &version, "request-1", xml);
    Ok((String::from_utf8(document).unwrap().replace("><", ">\n<"), done))
}

/// Sends the request of a golden file; holds its command and its answer to theirs. The answer.
pub(crate) fn check(world: &mut World, name: &str, action: &str) -> String {
    check_with(world, name, action, &[])
}

/// Sends a request that names what was made before; holds it, its command and its answer to their golden files. The answer.
pub(crate) fn check_form(world: &mut World, name: &str, action: &str, form: &str) -> String {
    golden::check(&format!("ec2/{name}.request.txt"), &form.replace('&', "\n&"));
    check_with(world, name, action, &[])
}

/// As [`check`], with words of the request replaced, such as by ids of what was made before.
pub(crate) fn check_with(world: &mut World, name: &str, action: &str, words: &[(&str, String)]) -> String {
    let mut form = golden::read(&format!("ec2/{name}.request.txt")).replace('\n', "");
    words.iter().for_each(|(word, text)| form = form.replace(word, text));
    let (answer, command) =
        respond(world, Service::Ec2, action, &form).unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Some(command) = command {
        golden::check(&format!("ec2/{name}.command.txt"), &format!("{command:#?}"));
    }
    golden::check(&format!("ec2/{name}.reply.xml"), &answer);
    answer
}

/// The text of the first element with this name.
pub(crate) fn first(document: &str, element: &str) -> String {
    let (_, rest) = document.split_once(&format!("<{element}>")).unwrap_or_else(|| panic!("{element}: {document}"));
    rest.split_once(&format!("</{element}>")).unwrap().0.to_owned()
}

fn fails(action: &str, form: &str) -> Ec2Error {
    fails_in(&mut world().0, action, form)
}

/// Why a request is refused in a world.
pub(crate) fn fails_in(world: &mut World, action: &str, form: &str) -> Ec2Error {
    match respond(world, Service::Ec2, action, form) {
        Ok((answer, _)) => panic!("{action} {form} was not refused: {answer}"),
        Err(error) => error,
    }
}

#[test]
fn a13_network_interfaces_are_golden() {
    let (mut world, _) = world();
    check(&mut world, "describe_network_interfaces", "DescribeNetworkInterfaces");
    check(&mut world, "describe_network_interfaces_filtered", "DescribeNetworkInterfaces");
    check(&mut world, "create_network_interface", "CreateNetworkInterface");
    check(&mut world, "create_network_interface_minimal", "CreateNetworkInterface");
    check(&mut world, "delete_network_interface", "DeleteNetworkInterface");
}

#[test]
fn a13_places_are_golden() {
    let (mut world, _) = world();
    check(&mut world, "describe_regions", "DescribeRegions");
    check(&mut world, "describe_availability_zones", "DescribeAvailabilityZones");
    check(&mut world, "describe_account_attributes", "DescribeAccountAttributes");
    let (answer, _) = respond(&mut world, Service::Sts, "GetCallerIdentity", "").unwrap();
    golden::check("ec2/get_caller_identity.reply.xml", &answer);
}

#[test]
fn a13_tags_are_golden() {
    let (mut world, ids) = world();
    let create = format!("ResourceId.1={}&ResourceId.2={}&Tag.1.Key=Name&Tag.1.Value=blue", ids.vpc, ids.vni);
    check_form(&mut world, "create_tags", "CreateTags", &create);
    check_form(&mut world, "describe_tags", "DescribeTags", "Filter.1.Name=key&Filter.1.Value.1=N*");
    check_form(&mut world, "delete_tags", "DeleteTags", &format!("ResourceId.1={}&Tag.1.Key=Name", ids.vni));
}

#[test]
fn a13_pages_join_to_the_whole_and_tokens_fit_their_query_only() {
    let (mut world, ids) = world();
    for n in 0..23 {
        let form = format!("SubnetId={}&Description=number-{n}", ids.subnet);
        respond(&mut world, Service::Ec2, "CreateNetworkInterface", &form).unwrap();
    }
    let filters = [
        "",
        "&Filter.1.Name=description&Filter.1.Value.1=number-*",
        &format!("&Filter.1.Name=subnet-id&Filter.1.Value.1={}", ids.subnet),
        &format!(
            "&Filter.1.Name=vpc-id&Filter.1.Value.1={}&Filter.2.Name=description&Filter.2.Value.1=number-1?",
            ids.vpc
        ),
    ];
    let listed = |world: &mut World, form: &str| {
        let (answer, _) = respond(world, Service::Ec2, "DescribeNetworkInterfaces", form).unwrap();
        let after = |tag: &str| {
            let values = answer.lines().filter_map(|line| line.strip_prefix(tag)?.split('<').next());
            values.map(ToOwned::to_owned).collect::<Vec<String>>()
        };
        (after("<networkInterfaceId>"), after("<nextToken>").pop())
    };
    for filter in filters {
        let (mut whole, none) = listed(&mut world, filter);
        assert_eq!(none, None);
        let (mut joined, mut token) = listed(&mut world, &format!("MaxResults=5{filter}"));
        assert_eq!(joined.len(), 5, "{filter}");
        while let Some(next) = token {
            let wrong = format!("MaxResults=5&NextToken={next}&Filter.9.Name=status&Filter.9.Value.1=x{filter}");
            let error = respond(&mut world, Service::Ec2, "DescribeNetworkInterfaces", &wrong).unwrap_err();
            assert_eq!(error.code, "InvalidNextToken");
            let (page, following) = listed(&mut world, &format!("MaxResults=5&NextToken={next}{filter}"));
            joined.extend(page);
            token = following;
        }
        whole.sort();
        joined.sort();
        assert_eq!(whole, joined, "{filter}");
    }
}

#[test]
fn a13_wrong_requests_get_the_codes_of_ec2() {
    let (_, ids) = world();
    let gone = "eni-0ffffffffffffffff";
    let subnet = format!("SubnetId={}", ids.subnet);
    let describe = |form: &str| fails("DescribeNetworkInterfaces", form);
    let create = |form: &str| fails("CreateNetworkInterface", &format!("{subnet}&{form}"));
    let delete = |form: &str| fails("DeleteNetworkInterface", form);
    for (error, code) in [
        (fails("DescribeUnicorns", ""), "InvalidAction"),
        (delete(""), "MissingParameter"),
        (delete("NetworkInterfaceId=x"), "InvalidNetworkInterfaceId.Malformed"),
        (delete(&format!("NetworkInterfaceId={gone}")), "InvalidNetworkInterfaceID.NotFound"),
        (delete(&format!("NetworkInterfaceId={gone}&Colour=red")), "UnknownParameter"),
        (describe(&format!("NetworkInterfaceId.1={gone}")), "InvalidNetworkInterfaceID.NotFound"),
        (describe(&format!("NetworkInterfaceId.1={}&MaxResults=5", ids.vni)), "InvalidParameterCombination"),
        (describe("MaxResults=4"), "InvalidParameterValue"),
        (describe("NextToken=abc"), "InvalidNextToken"),
        (describe("Filter.1.Name=colour&Filter.1.Value.1=red"), "InvalidParameterValue"),
        (fails("CreateNetworkInterface", "SubnetId=subnet-12345678"), "InvalidSubnetID.NotFound"),
        (create("PrivateIpAddress=10.0.0.300"), "InvalidParameterValue"),
        (create("PrivateIpAddress=192.0.2.1"), "InvalidParameterValue"),
        (create("PrivateIpAddress=10.1.2.1"), "InvalidIPAddress.InUse"),
        (create("SecurityGroupId.1=sg-0ffffffffffffffff"), "InvalidGroup.NotFound"),
        (create("SecondaryPrivateIpAddressCount=500"), "PrivateIpAddressLimitExceeded"),
        (create("InterfaceType=efa-only"), "UnsupportedOperation"),
        (create("InterfaceType=colour"), "InvalidParameterValue"),
        (create("Operator.Principal=eks.amazonaws.com"), "UnsupportedOperation"),
        (delete(&format!("NetworkInterfaceId={}", ids.vni)), "InvalidNetworkInterface.InUse"),
    ] {
        assert_eq!((error.status, &*error.code), (400, code), "{error}");
    }
    let error = describe("Filter.1.Name=colour&Filter.1.Value.1=red");
    assert_eq!(error.message, "The filter 'colour' is invalid");
    golden::check("ec2/error.reply.xml", &String::from_utf8(error.encode("request-1")).unwrap());
    golden::check("ec2/error_sts.reply.xml", &String::from_utf8(error.encode_sts("request-1")).unwrap());
}

#[test]
fn the_table_of_operations_is_up_to_date() {
    golden::check("../../../../docs/ec2-operations.md", &registry::table());
    for service in [Service::Ec2, Service::Sts] {
        let names: Vec<_> = ec2::OPERATIONS.iter().filter(|op| op.service == service).map(|op| op.name).collect();
        assert!(names.is_sorted() && names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
    }
}

#[test]
fn versions_that_ec2_had_are_answered_in_their_namespace() {
    assert_eq!(ec2::check_version(Service::Ec2, Some("2014-10-01")).unwrap(), "2014-10-01");
    assert_eq!(ec2::check_version(Service::Ec2, Some("2031-01-01")).unwrap_err().code, "NoSuchVersion");
    assert_eq!(ec2::check_version(Service::Sts, Some("2016-11-15")).unwrap_err().code, "NoSuchVersion");
}
