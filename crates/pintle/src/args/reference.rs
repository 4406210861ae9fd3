//! Values of the command line that are checked before anything is asked of the server.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// An object's id or name. What can't be either never becomes part of a request's path.
pub(super) fn reference(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && text.len() <= 63 {
        Ok(text.to_owned())
    } else {
        Err("neither an id nor a name: both are 1 to 63 letters, digits and hyphens".to_owned())
    }
}

/// A subnet's range.
pub(super) fn cidr(text: &str) -> Result<Ipv4Net, String> {
    let net: Ipv4Net = text.parse().map_err(|_| "not a range of IPv4 addresses such as 10.0.1.0/24".to_owned())?;
    if net.addr() == net.network() {
        Ok(net)
    } else {
        Err(format!("has bits set behind its prefix; the range that it is in is {}", net.trunc()))
    }
}

/// An object's id or name, or an address.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => reference(text).map_err(|_| "neither an id, a name nor an address".to_owned()),
    }
}

/// A network of either version, or an address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let net: IpNet = text.parse().map_err(|_| "not a range such as 10.0.1.0/24 or 2001:db8::/64".to_owned())?;
    if net.addr() == net.network() {
        Ok(net)
    } else {
        Err(format!("has bits set behind its prefix; the range that it is in is {}", net.trunc()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_can_not_lead_to_another_path() {
        for good in ["web", "vpc-0123456789abcdef0", "WEB", "9"] {
            assert_eq!(reference(good).as_deref(), Ok(good));
        }
        for bad in ["", "a/b", "..", "a b", "a?b", "a%2f", "é", &"a".repeat(64)] {
            assert!(reference(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_endpoint_is_a_reference_or_an_address() {
        for good in ["web", "10.0.1.7", "2001:db8::7"] {
            assert_eq!(endpoint(good).as_deref(), Ok(good));
        }
        assert!(endpoint("10.0.1.0/24").is_err() && endpoint("a/b").is_err());
    }

    #[test]
    fn a_network_is_a_range_or_an_address_of_either_version() {
        assert_eq!(network("10.0.1.7"), Ok("10.0.1.7/32".parse().unwrap()));
        assert_eq!(network("2001:db8::/64"), Ok("2001:db8::/64".parse().unwrap()));
        assert!(network("10.0.1.7/24").unwrap_err().contains("10.0.1.0/24"));
        assert!(network("web").unwrap_err().contains("such as"));
    }

    #[test]
    fn a_range_with_host_bits_is_answered_with_the_range_meant() {
        assert_eq!(cidr("10.0.1.0/24"), Ok("10.0.1.0/24".parse().unwrap()));
        assert!(cidr("10.0.1.5/24").unwrap_err().contains("10.0.1.0/24"));
        for bad in ["10.0.1.0", "10.0.1.0/33", "fd00::/64", "x"] {
            assert!(cidr(bad).unwrap_err().contains("such as"), "{bad}");
        }
    }
}
