//! Short ways to what nearly every test needs: a VPC with subnets, instances, interfaces.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use pintle_probe::Namespace;
use pintle_probe::inject::Mac;
use pintle_probe::machine::Machine;
use serde_json::{Value, json};

use crate::api::Api;
use crate::host::LabHost;

/// How long a host may take to make an instance.
const REALISED_WITHIN: Duration = Duration::from_secs(30);

/// A VPC of the lab and short ways to fill it.
pub struct Network<'a> {
    api: &'a Api,
    /// The VPC's id.
    pub vpc: String,
    instances: Mutex<Vec<String>>,
}

impl<'a> Network<'a> {
    /// A new VPC.
    ///
    /// # Errors
    /// When it is refused.
    pub fn new(api: &'a Api) -> anyhow::Result<Self> {
        Ok(Network {
            api,
            vpc: id(&api.post("/v1/vpcs", json!({ "address_prefix_management": "manual" }))?)?,
            instances: Mutex::default(),
        })
    }

    /// A new VPC that routes by tables, with this range.
    ///
    /// # Errors
    /// When it is refused.
    pub fn routed(api: &'a Api, cidr: &str) -> anyhow::Result<Self> {
        let body = json!({ "cidrs": [cidr], "route_tables": true });
        Ok(Network { api, vpc: id(&api.post("/native/v1/vpcs", body)?)?, instances: Mutex::default() })
    }

    pub(crate) fn api(&self) -> &'a Api {
        self.api
    }

    /// A subnet; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn subnet(&self, cidr: &str) -> anyhow::Result<String> {
        let body = json!({ "vpc": { "id": self.vpc }, "zone": { "name": "local-1" }, "ipv4_cidr_block": cidr });
        id(&self.api.post("/v1/subnets", body)?)
    }

    /// An interface with this address; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn vni(&self, subnet: &str, address: &str) -> anyhow::Result<String> {
        let body = json!({ "subnet": { "id": subnet }, "primary_ip": { "address": address } });
        id(&self.api.post("/v1/virtual_network_interfaces", body)?)
    }

    /// An instance in a namespace that Pintle makes, without interfaces, realised: the namespace is there; its id.
    ///
    /// # Errors
    /// When it is refused, or its host does not make it in time.
    pub fn instance(&self, host: &str) -> anyhow::Result<String> {
        let body = json!({ "vpc": self.vpc, "host": host, "namespace": { "made": true } });
        let instance = id(&self.api.post("/native/v1/instances", body)?)?;
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).push(instance.clone());
        let path = format!("/native/v1/instances/{instance}");
        self.api.wait(REALISED_WITHIN, &path, |instance| instance["lifecycle"] == "stable")?;
        Ok(instance)
    }

    /// An instance that is a virtual machine, without interfaces, whose taps root alone may open; its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn machine(&self, host: &str) -> anyhow::Result<String> {
        let body = json!({ "vpc": self.vpc, "host": host, "namespace": { "tap": {} } });
        id(&self.api.post("/native/v1/instances", body)?)
    }

    /// Plugs something in behind the first tap of an instance, which is on this host.
    ///
    /// # Errors
    /// When the instance has no interface, or somebody has its tap open.
    pub fn plug(&self, host: &LabHost, instance: &str) -> anyhow::Result<Machine> {
        let interface = self.first_interface(instance)?;
        let tap = interface["attachment"]["host_device"].as_str().context("the attachment has no device")?;
        Ok(Machine::behind(&Namespace::at(host.path()), tap, self.mac(instance)?)?)
    }

    /// The MAC address of an instance's first interface.
    ///
    /// # Errors
    /// When the instance has no interface.
    pub fn mac(&self, instance: &str) -> anyhow::Result<Mac> {
        let interface = self.first_interface(instance)?;
        let text = interface["mac_address"].as_str().context("the interface has no MAC address")?;
        let bytes: Vec<u8> = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<_, _>>()?;
        bytes.try_into().map_err(|_| anyhow!("'{text}' is no MAC address"))
    }

    fn first_interface(&self, instance: &str) -> anyhow::Result<Value> {
        let shown = self.api.get(&format!("/native/v1/instances/{instance}"))?;
        let first = shown["interfaces"].get(0).cloned();
        first.with_context(|| format!("instance {instance} has no interface"))
    }

    /// Every instance that was made here, also those that are no more.
    pub fn instances_ever(&self) -> Vec<String> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Attaches and waits until it is realised; the attachment's id.
    ///
    /// # Errors
    /// When it is refused or fails.
    pub fn attach(&self, vni: &str, instance: &str) -> anyhow::Result<String> {
        let path = format!("/native/v1/virtual_network_interfaces/{vni}/actions/attach?wait=30");
        let answer = self.api.post(&path, json!({ "instance": instance }))?;
        if answer["attachment"]["lifecycle"] != "stable" {
            return Err(anyhow!("the attachment did not become stable: {answer}"));
        }
        id(&answer["attachment"])
    }

    /// An instance with an interface of this address, realised; both ids.
    ///
    /// # Errors
    /// When anything of it is refused or fails.
    pub fn guest(&self, host: &str, subnet: &str, address: &str) -> anyhow::Result<(String, String)> {
        let instance = self.instance(host)?;
        let vni = self.vni(subnet, address)?;
        self.attach(&vni, &instance)?;
        Ok((instance, vni))
    }

    /// Moves and waits until the move has ended.
    ///
    /// # Errors
    /// When it is refused or given up.
    pub fn move_to(&self, vni: &str, instance: &str) -> anyhow::Result<Value> {
        let path = format!("/native/v1/virtual_network_interfaces/{vni}/actions/move");
        let answer = self.api.post(&path, json!({ "to": instance }))?;
        if answer["outcome"] != "moved" {
            return Err(anyhow!("the interface was not moved: {answer}"));
        }
        Ok(answer)
    }

    /// Detaches and waits until nothing is left.
    ///
    /// # Errors
    /// When it is refused.
    pub fn detach(&self, vni: &str) -> anyhow::Result<Value> {
        let path = format!("/native/v1/virtual_network_interfaces/{vni}/actions/detach?wait=30");
        self.api.post(&path, json!({}))
    }

    /// Deletes an instance and waits until it is gone.
    ///
    /// # Errors
    /// When it is refused or stays.
    pub fn delete_instance(&self, instance: &str) -> anyhow::Result<()> {
        let path = format!("/v1/instances/{instance}");
        self.api.delete(&path)?;
        for _ in 0..2000 {
            if self.api.raw("GET", &path, None)?.0 == 404 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(anyhow!("instance {instance} did not go within 10 s"))
    }
}

pub(crate) fn id(value: &Value) -> anyhow::Result<String> {
    value["id"].as_str().map(str::to_owned).with_context(|| format!("the answer has no id: {value}"))
}

/// Makes a guest's stack forward, and keep quiet about better ways (RFC 792 redirects would lead around it).
///
/// # Errors
/// When its settings can't be written.
pub fn forwards(guest: &str) -> anyhow::Result<()> {
    let set = || {
        for (name, value) in [
            ("ip_forward", "1"),
            ("conf/all/send_redirects", "0"),
            ("conf/eth0/send_redirects", "0"),
            ("conf/all/rp_filter", "0"),
            ("conf/eth0/rp_filter", "0"),
        ] {
            std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value)?;
        }
        anyhow::Ok(())
    };
    Namespace::named(guest).run(set)?
}
