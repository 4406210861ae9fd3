//! Making a disagreement smaller: fewer events, then less of the host, as long as the two still differ.

use pintle_core::host_spec::EntryKey;

use super::case::{Case, Tally, hex};
use super::kernel::Kernel;
use super::scene::Scene;
use super::traffic::Event;

/// Reruns are cheap, but not for nothing.
const RERUNS: usize = 500;

/// How the two differ in this series of events, if they do, and how many events that takes.
fn differ(kernel: &mut Kernel, scene: &Scene, events: &[Event]) -> Option<(usize, String)> {
    let mut case = match Case::new(kernel, scene.clone()) {
        Ok(case) => case,
        Err(text) => return Some((0, text)),
    };
    for (number, event) in events.iter().enumerate() {
        if let Err(text) = case.happen(event, &mut Tally::default()) {
            return Some((number + 1, text));
        }
    }
    case.compare_flows().err().map(|text| (events.len(), text))
}

/// The smaller case and how it differs.
pub fn shrink(
    kernel: &mut Kernel,
    mut scene: Scene,
    mut events: Vec<Event>,
    text: String,
) -> (Scene, Vec<Event>, String) {
    let Some((length, mut text)) = differ(kernel, &scene, &events) else {
        return (scene, events, format!("(not again in a rerun) {text}"));
    };
    println!("before shrinking: {text}");
    kernel.thorough = true;
    events.truncate(length);
    let mut left = RERUNS;
    let mut size = events.len() / 2;
    while size > 0 && left > 0 {
        let mut at = 0;
        while at < events.len() && left > 0 {
            left -= 1;
            let mut fewer = events.clone();
            fewer.drain(at..(at + size).min(events.len()));
            match differ(kernel, &scene, &fewer) {
                Some((length, why)) => {
                    fewer.truncate(length);
                    (events, text) = (fewer, why);
                }
                None => at += size,
            }
        }
        size /= 2;
    }
    for less in parts(&scene) {
        let mut smaller = scene.clone();
        smaller.entries.retain(|key, _| !less.contains(key));
        if let Some((_, why)) = differ(kernel, &smaller, &events) {
            (scene, text) = (smaller, why);
        }
    }
    (scene, events, text)
}

/// Prints the case.
pub fn report(scene: &Scene, events: &[Event]) {
    for (key, entry) in &scene.entries {
        println!("{key}: {entry:?}");
    }
    for event in events {
        match event {
            Event::Sent { port, frame } => println!("{port} sends {}", hex(frame)),
            Event::Arrived { segment, vtep, frame } => println!("{vtep} sends in {segment}: {}", hex(frame)),
            other => println!("{other:?}"),
        }
    }
}

/// What can be left out of a host together, so that what it knows still makes sense.
fn parts(scene: &Scene) -> Vec<Vec<EntryKey>> {
    let mut parts = Vec::new();
    for guest in &scene.guests {
        let endpoints = guest.addresses.iter().map(|address| EntryKey::Endpoint(guest.segment, *address));
        let own = [EntryKey::Port(guest.port()), EntryKey::Location(guest.segment, guest.mac)];
        parts.push(endpoints.chain(own).collect());
    }
    let alone = |key: &&EntryKey| matches!(key, EntryKey::Group(_) | EntryKey::Acl(_) | EntryKey::PrefixList(_));
    parts.extend(scene.entries.keys().filter(alone).map(|key| vec![*key]));
    parts
}
