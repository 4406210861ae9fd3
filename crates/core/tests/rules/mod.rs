//! The rules, noun by noun: what is accepted, what is refused, and what the refusal says.

mod addressing;
mod attachment;
mod host;
mod instance;
mod late_reports;
mod life;
mod moving;
mod names;
mod reserved_ip;
mod subnet;
mod vni;
mod vpc;
