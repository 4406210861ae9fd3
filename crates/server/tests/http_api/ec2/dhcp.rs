//! Sets of DHCP options as requests make, associate, show and delete them.

use super::{Ec2, all, first};

const CREATE: &str = "Action=CreateDhcpOptions";

/// One option as parameters say it.
fn option(number: usize, key: &str, values: &[&str]) -> String {
    let mut text = format!("&DhcpConfiguration.{number}.Key={key}");
    for (at, value) in values.iter().enumerate() {
        text.push_str(&format!("&DhcpConfiguration.{number}.Value.{}={value}", at + 1));
    }
    text
}

#[tokio::test]
async fn a13_a_set_of_dhcp_options_is_made_associated_shown_and_gone() {
    let ec2 = Ec2::new().await;
    let options = [
        option(1, "domain-name", &["corp.example"]),
        option(2, "domain-name-servers", &["10.2.5.1,10.2.5.2", "AmazonProvidedDNS"]),
        option(3, "ntp-servers", &["169.254.169.123", "fd00:ec2::123"]),
        option(4, "netbios-name-servers", &["10.2.5.1"]),
        option(5, "netbios-node-type", &["2"]),
    ];
    let tag =
        "&TagSpecification.1.ResourceType=dhcp-options&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b";
    let made = ec2.good(&format!("{CREATE}{}{tag}", options.concat())).await;
    let id = first(&made, "dhcpOptionsId");
    assert!(id.starts_with("dopt-"), "{made}");
    let values = all(&first(&made, "dhcpConfigurationSet"), "value");
    let expected = [
        "corp.example",
        "AmazonProvidedDNS",
        "10.2.5.1",
        "10.2.5.2",
        "169.254.169.123",
        "fd00:ec2::123",
        "10.2.5.1",
        "2",
    ];
    assert_eq!(values, expected);
    for (filter, value) in
        [("dhcp-options-id", id.as_str()), ("key", "ntp-servers"), ("value", "corp.*"), ("tag:a", "b")]
    {
        let found =
            ec2.good(&format!("Action=DescribeDhcpOptions&Filter.1.Name={filter}&Filter.1.Value.1={value}")).await;
        assert_eq!(all(&found, "dhcpOptionsId"), [id.as_str()], "{filter}");
    }
    // The owner's default one is there too.
    let found = ec2.good("Action=DescribeDhcpOptions&Filter.1.Name=owner-id&Filter.1.Value.1=123456789012").await;
    assert_eq!(all(&found, "dhcpOptionsId").len(), 2);

    let vpc = first(&ec2.good("Action=CreateVpc&CidrBlock=10.0.0.0/16").await, "vpcId");
    let associate = |set: &str| format!("Action=AssociateDhcpOptions&VpcId={vpc}&DhcpOptionsId={set}");
    let shown = async || first(&ec2.good(&format!("Action=DescribeVpcs&VpcId.1={vpc}")).await, "dhcpOptionsId");
    ec2.good(&associate(&id)).await;
    assert_eq!(shown().await, id);
    let told = ec2.api.get(&format!("/native/v1/vpcs/{vpc}")).await.expect(200);
    assert_eq!((&told["dhcp"]["domain"], told["dhcp"]["dns"].as_array().unwrap().len()), (&"corp.example".into(), 2));
    let delete = format!("Action=DeleteDhcpOptions&DhcpOptionsId={id}");
    ec2.refused(&delete, "DependencyViolation").await;
    ec2.good(&associate("default")).await;
    assert_eq!(shown().await, "default");
    ec2.good(&delete).await;
    ec2.refused(&associate(&id), "InvalidDhcpOptionID.NotFound").await;
    ec2.refused(&format!("Action=DescribeDhcpOptions&DhcpOptionsId.1={id}"), "InvalidDhcpOptionID.NotFound").await;
}

#[tokio::test]
async fn a13_wrong_dhcp_options_get_the_codes_of_ec2() {
    let ec2 = Ec2::new().await;
    let five = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
    for (options, code) in [
        (String::new(), "MissingParameter"),
        ("&DhcpConfiguration.1.Value.1=x".to_owned(), "MissingParameter"),
        (option(1, "domain-name", &[]), "InvalidParameterValue"),
        (option(1, "domain-name", &["a", "b"]), "InvalidParameterValue"),
        (option(1, "colour", &["red"]), "InvalidParameterValue"),
        (option(1, "domain-name-servers", &["red"]), "InvalidParameterValue"),
        (option(1, "domain-name-servers", &five), "InvalidParameterValue"),
        (option(1, "netbios-node-type", &["3"]), "InvalidParameterValue"),
        (option(1, "netbios-name-servers", &["fd00::1"]), "InvalidParameterValue"),
        (option(1, "ipv6-address-preferred-lease-time", &["140"]), "InvalidParameterValue"),
        (option(1, "ntp-servers", &["10.0.0.1"]) + &option(2, "ntp-servers", &["10.0.0.2"]), "InvalidParameterValue"),
    ] {
        ec2.refused(&format!("{CREATE}{options}"), code).await;
    }
    ec2.refused("Action=DeleteDhcpOptions&DhcpOptionsId=x", "InvalidDhcpOptionsId.Malformed").await;
    let gone = "Action=AssociateDhcpOptions&VpcId=vpc-0ffffffffffffffff&DhcpOptionsId=default";
    ec2.refused(gone, "InvalidVpcID.NotFound").await;
}
