//! What an operation is: a name, a decoder, and the work that comes of a request.

use std::sync::Arc;

use pintle_core::model::ResourceType;
use pintle_core::txn::Snapshot;
use pintle_core::{Command, Reply};

use super::caller::Caller;
use super::error::Ec2Error;
use super::params::Params;
use super::xml::Xml;

/// Whose operation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Amazon EC2.
    Ec2,
    /// The security token service.
    Sts,
}

impl Service {
    /// As credential scopes name it.
    pub fn name(self) -> &'static str {
        match self {
            Service::Ec2 => "ec2",
            Service::Sts => "sts",
        }
    }
}

/// What a request costs, as far as throttling asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Reads.
    Read,
    /// Changes.
    Change,
    /// Changes that make or end instances.
    Instance,
}

/// One operation of the API.
pub struct Operation {
    /// Its name: the `Action` of requests.
    pub name: &'static str,
    /// Whose it is.
    pub service: Service,
    /// What it costs.
    pub class: Class,
    /// What Pintle does with it, in a few words, for the table of operations.
    pub about: &'static str,
    /// Reads a request.
    pub decode: fn(&mut Params, &Caller) -> Result<Work, Ec2Error>,
}

impl Operation {
    /// An operation of EC2 that reads.
    pub const fn read(
        name: &'static str,
        about: &'static str,
        decode: fn(&mut Params, &Caller) -> Result<Work, Ec2Error>,
    ) -> Self {
        Operation { name, service: Service::Ec2, class: Class::Read, about, decode }
    }

    /// An operation of EC2 that changes something.
    pub const fn change(
        name: &'static str,
        about: &'static str,
        decode: fn(&mut Params, &Caller) -> Result<Work, Ec2Error>,
    ) -> Self {
        Operation { name, service: Service::Ec2, class: Class::Change, about, decode }
    }
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Writes an answer from a snapshot.
pub type Show = Box<dyn FnOnce(&dyn Snapshot, &mut Xml) -> Result<(), Ec2Error> + Send>;
/// Makes the command by looking names and such up in a snapshot: the same of the same snapshot, however often it is asked.
pub type Look = Arc<dyn Fn(&dyn Snapshot) -> Result<Command, Ec2Error> + Send + Sync>;
/// Writes the answer to a command that has been carried out.
pub type Tell = Box<dyn FnOnce(&dyn Snapshot, Reply, &mut Xml) -> Result<(), Ec2Error> + Send>;

/// A command for which something must be looked up first.
///
/// It may be judged on a later snapshot only if the same would come of looking there: what was looked up may have become
/// something else meanwhile.
pub struct Lookup {
    /// Of what types that is, as far as errors tell of it.
    pub of: &'static [ResourceType],
    /// Looks.
    pub look: Look,
}

/// How a request becomes a command.
pub enum Plan {
    /// The request says it whole.
    Whole(Box<Command>),
    /// Something must be looked up first.
    Lookup(Lookup),
}

/// What is to be done for a request.
pub enum Work {
    /// Read once and show.
    Read(Show),
    /// Look through records, a bounded number of them at a time.
    Scan(Box<dyn Scan>),
    /// Carry out a command.
    Change(Plan, Tell),
}

impl Work {
    /// Reads once and shows.
    pub fn read(show: impl FnOnce(&dyn Snapshot, &mut Xml) -> Result<(), Ec2Error> + Send + 'static) -> Work {
        Work::Read(Box::new(show))
    }

    /// Carries out a command that the request says whole.
    pub fn change(
        command: Command,
        tell: impl FnOnce(&dyn Snapshot, Reply, &mut Xml) -> Result<(), Ec2Error> + Send + 'static,
    ) -> Work {
        Work::Change(Plan::Whole(Box::new(command)), Box::new(tell))
    }

    /// Carries out a command and answers `<return>true</return>`.
    pub fn done(command: Command) -> Work {
        Work::change(command, |_, _, xml| {
            xml.done();
            Ok(())
        })
    }

    /// Carries out a command for which something of these types must be looked up first ([`Lookup`]).
    pub fn planned(
        of: &'static [ResourceType],
        look: impl Fn(&dyn Snapshot) -> Result<Command, Ec2Error> + Send + Sync + 'static,
        tell: impl FnOnce(&dyn Snapshot, Reply, &mut Xml) -> Result<(), Ec2Error> + Send + 'static,
    ) -> Work {
        Work::Change(Plan::Lookup(Lookup { of, look: Arc::new(look) }), Box::new(tell))
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Work::Read(_) => "Read",
            Work::Scan(_) => "Scan",
            Work::Change(..) => "Change",
        })
    }
}

/// A look through records that may be many.
pub trait Scan: Send {
    /// Looks at no more than `most` records; whether that was the last of them.
    ///
    /// # Errors
    /// What the client asked wrongly, or that the store can't be read.
    fn step(&mut self, snapshot: &dyn Snapshot, most: usize) -> Result<bool, Ec2Error>;

    /// Writes what was found.
    fn write(self: Box<Self>, xml: &mut Xml);
}

/// The error for a reply of another kind than the command's: a fault of ours.
pub fn other_reply(reply: &Reply) -> Ec2Error {
    let detail = format!("a command was answered with {reply:?}");
    crate::Problem::Internal { detail }.into()
}
