//! Random operations on the same interfaces by clients of both APIs at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use pintle_lab::Api;
use pintle_lab::cloud::Ec2;
use serde_json::{Value, json};

/// What is random, the same for the same seed and client.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)) % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// What the clients play with.
#[derive(Default)]
pub(crate) struct Board {
    pub(crate) subnet: String,
    pub(crate) groups: Vec<String>,
    pub(crate) instances: Vec<String>,
    /// Interfaces that somebody has made, some of them gone again.
    pub(crate) interfaces: Mutex<Vec<String>>,
    /// How often each operation was done by each API.
    pub(crate) done: Mutex<BTreeMap<(&'static str, &'static str), usize>>,
}

/// The operations; interfaces are made and attached more often than they are detached and deleted.
const OPERATIONS: &[&str] = &[
    "create", "create", "attach", "attach", "attach", "detach", "delete", "assign", "assign", "unassign", "join",
    "leave", "permit",
];

/// Who sends requests of both kinds.
pub(crate) struct Player<'a> {
    pub(crate) board: &'a Board,
    pub(crate) ibm: Api,
    pub(crate) ec2: Ec2,
    pub(crate) dice: Dice,
}

impl Player<'_> {
    /// One operation by one of the APIs; a refusal is an outcome like another.
    pub(crate) fn play(&mut self) -> anyhow::Result<()> {
        let what = *self.dice.pick(OPERATIONS);
        let api = *self.dice.pick(&["EC2", "IBM"]);
        let known = self.board.interfaces.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let interface = if known.is_empty() { None } else { Some(self.dice.pick(&known).clone()) };
        let worked = match (what, interface) {
            ("create", _) if known.len() < 40 => self.create(api)?,
            (_, None) | ("create", _) => return Ok(()),
            (_, Some(interface)) => self.change(what, api, &interface)?,
        };
        if worked {
            *self.board.done.lock().unwrap_or_else(PoisonError::into_inner).entry((api, what)).or_default() += 1;
        }
        Ok(())
    }

    fn create(&mut self, api: &str) -> anyhow::Result<bool> {
        let subnet = &self.board.subnet;
        // Now and then two want the same address.
        let address = (self.dice.below(2) == 0).then(|| format!("10.7.0.{}", 20 + self.dice.below(60)));
        let made = if api == "EC2" {
            let wish = address.map_or(String::new(), |address| format!("&PrivateIpAddress={address}"));
            let answer = self.ec2(&format!("Action=CreateNetworkInterface&SubnetId={subnet}{wish}"))?;
            answer.map(|body| element(&body, "networkInterfaceId").map(str::to_owned)).transpose()?
        } else {
            let mut body = json!({ "subnet": { "id": subnet } });
            if let Some(address) = address {
                body["primary_ip"] = json!({ "address": address });
            }
            let answer = self.ibm("POST", "/v1/virtual_network_interfaces", Some(body))?;
            answer.map(|body| text(&body["id"])).transpose()?
        };
        let Some(made) = made else { return Ok(false) };
        self.board.interfaces.lock().unwrap_or_else(PoisonError::into_inner).push(made);
        Ok(true)
    }

    fn change(&mut self, what: &str, api: &str, interface: &str) -> anyhow::Result<bool> {
        let path = format!("/v1/virtual_network_interfaces/{interface}");
        let Some(shown) = self.ibm("GET", &path, None)? else { return Ok(false) };
        let by_ec2 = api == "EC2";
        let named = format!("NetworkInterfaceId={interface}");
        let group = self.dice.pick(&self.board.groups).clone();
        Ok(match what {
            "attach" => {
                let instance = self.dice.pick(&self.board.instances).clone();
                if by_ec2 {
                    let index = self.dice.below(4);
                    self.done(&format!(
                        "Action=AttachNetworkInterface&{named}&InstanceId={instance}&DeviceIndex={index}"
                    ))?
                } else {
                    let body = json!({ "virtual_network_interface": { "id": interface } });
                    self.ibm("POST", &format!("/v1/instances/{instance}/network_attachments"), Some(body))?.is_some()
                }
            }
            "detach" => {
                let (Some(id), Some(href)) = (shown["target"]["id"].as_str(), shown["target"]["href"].as_str()) else {
                    return Ok(false);
                };
                if by_ec2 {
                    self.done(&format!("Action=DetachNetworkInterface&AttachmentId={id}"))?
                } else {
                    let (_, path) = href.split_once("/v1/").context("no path in a href")?;
                    self.ibm("DELETE", &format!("/v1/{path}"), None)?.is_some()
                }
            }
            "delete" => {
                let gone = if by_ec2 {
                    self.done(&format!("Action=DeleteNetworkInterface&{named}"))?
                } else {
                    self.ibm("DELETE", &path, None)?.is_some()
                };
                if gone {
                    let mut all = self.board.interfaces.lock().unwrap_or_else(PoisonError::into_inner);
                    all.retain(|one| one != interface);
                }
                gone
            }
            "assign" if by_ec2 => {
                self.done(&format!("Action=AssignPrivateIpAddresses&{named}&SecondaryPrivateIpAddressCount=1"))?
            }
            "assign" => {
                let ips = format!("/v1/subnets/{}/reserved_ips", self.board.subnet);
                let Some(ip) = self.ibm("POST", &ips, Some(json!({})))? else { return Ok(false) };
                let id = text(&ip["id"])?;
                let bound = self.ibm("PUT", &format!("{path}/ips/{id}"), None)?.is_some();
                if !bound {
                    self.ibm("DELETE", &format!("{ips}/{id}"), None)?;
                }
                bound
            }
            "unassign" => {
                let ips = shown["ips"].as_array().context("no ips")?;
                let Some(ip) = ips.get(1) else { return Ok(false) };
                if by_ec2 {
                    let address = text(&ip["address"])?;
                    self.done(&format!("Action=UnassignPrivateIpAddresses&{named}&PrivateIpAddress.1={address}"))?
                } else {
                    self.ibm("DELETE", &format!("{path}/ips/{}", text(&ip["id"])?), None)?.is_some()
                }
            }
            "join" | "leave" => {
                let mut groups: Vec<String> = members(&shown)?;
                groups.retain(|one| *one != group);
                if what == "join" {
                    groups.push(group.clone());
                }
                if !by_ec2 {
                    let verb = if what == "join" { "PUT" } else { "DELETE" };
                    self.ibm(verb, &format!("/v1/security_groups/{group}/targets/{interface}"), None)?.is_some()
                } else {
                    let list = groups.iter().enumerate().map(|(at, id)| format!("&SecurityGroupId.{}={id}", at + 1));
                    let list: String = list.collect();
                    !groups.is_empty() && self.done(&format!("Action=ModifyNetworkInterfaceAttribute&{named}{list}"))?
                }
            }
            "permit" => {
                let yes = self.dice.below(2) == 0;
                if by_ec2 {
                    self.done(&format!("Action=ModifyNetworkInterfaceAttribute&{named}&SourceDestCheck.Value={yes}"))?
                } else {
                    self.ibm("PATCH", &path, Some(json!({ "allow_ip_spoofing": yes })))?.is_some()
                }
            }
            _ => bail!("there is no operation '{what}'"),
        })
    }

    fn done(&mut self, form: &str) -> anyhow::Result<bool> {
        Ok(self.ec2(form)?.is_some())
    }

    fn ec2(&mut self, form: &str) -> anyhow::Result<Option<String>> {
        let (status, body) = self.ec2.send(form)?;
        outcome(status, body.clone(), &format!("{form}: {body}"))
    }

    fn ibm(&self, verb: &str, path: &str, body: Option<Value>) -> anyhow::Result<Option<Value>> {
        let (status, body) = self.ibm.raw(verb, path, body)?;
        let words = format!("{verb} {path}: {body}");
        outcome(status, body, &words)
    }
}

/// What was answered; nothing, if it was refused as what others have done meanwhile may make a request be refused.
fn outcome<T>(status: u16, body: T, words: &str) -> anyhow::Result<Option<T>> {
    match status {
        200..300 => Ok(Some(body)),
        400 | 404 | 409 => Ok(None),
        _ => bail!("{status}: {words}"),
    }
}

fn members(shown: &Value) -> anyhow::Result<Vec<String>> {
    shown["security_groups"].as_array().context("no groups")?.iter().map(|group| text(&group["id"])).collect()
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is no text"))
}

/// The text of the first element of this name.
fn element<'a>(document: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let found = document.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<'));
    found.map(|(text, _)| text).with_context(|| format!("no {name} in {document}"))
}
