//! Carrying out what an operation asks: read, look through, or change.

use pintle_core::txn::{Sight, Snapshot};
use pintle_core::{Actor, Command, Reply, Request, Token, Unnamed};
use pintle_dialect::Problem;
use pintle_dialect::ec2::{Beside, Ec2Error, Named, Plan, Scan, Work, Xml};
use pintle_store::StoreError;
use sha2::{Digest, Sha256};

use super::super::answer::Fault;
use super::super::app::App;
use super::lookup;
use crate::engine::EngineError;

/// Records that are looked at on the spot: some milliseconds of reading.
const AT_ONCE: usize = 64;
/// Records that one snapshot is held for, on a thread that may take its time.
const AT_A_TIME: usize = 1000;

/// Who asks for the work, and what is said beside it.
pub(super) struct Asked {
    /// Who asks.
    pub(super) by: Actor,
    /// The operation.
    pub(super) action: &'static str,
    /// What it names.
    pub(super) named: Named,
    /// Tags and token.
    pub(super) beside: Beside,
    /// Whether it is only to be judged.
    pub(super) dry: bool,
}

impl Asked {
    /// All that the engine needs to know of it.
    pub(super) fn request(&self, command: Command) -> Request {
        let Beside { tags, token } = self.beside.clone();
        let token = token.map(|(token, fingerprint)| Token { name: token_name(self.action, &token), fingerprint });
        Request { by: self.by.clone(), command, tags, token, unnamed: Unnamed::ById }
    }
}

/// A client's token together with the operation that it is for: clients may give the same to two of them.
fn token_name(action: &str, token: &str) -> String {
    let digest = Sha256::digest(format!("{action}\n{token}"));
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Does the work; the answer's body.
pub(super) async fn run(app: &App, asked: Asked, work: Work) -> Result<Xml, Ec2Error> {
    let (dry, by) = (asked.dry, asked.by.clone());
    if !matches!(work, Work::Change(..)) {
        for need in super::reads::needs(asked.action) {
            app.check_look(&asked.by, &need).await.map_err(engine_error)?;
        }
    }
    let mut xml = Xml::piece();
    match work {
        Work::Read(show) => read(app, &by, |snapshot| show(snapshot, &mut xml)).await?,
        Work::Scan(scan) => look_through(app, by, scan).await?.write(&mut xml),
        Work::Change(plan, tell) => {
            let reply = match plan {
                Plan::Whole(command) if dry => return Err(judge(app, asked.request(*command)).await),
                Plan::Whole(command) => app.carry_out(asked.request(*command)).await.map_err(fault)?,
                Plan::Lookup(lookup) => lookup::carry_out(app, &asked, &lookup).await?,
            };
            read(app, &by, |snapshot| tell(snapshot, reply, &mut xml)).await?;
        }
    }
    // What only reads has done nothing: whether it would be answered is known when it is.
    if dry { Err(Ec2Error::dry_run()) } else { Ok(xml) }
}

/// Judges what is not to be carried out: what it would be refused with, or that it is not done because it was asked so.
pub(super) async fn judge(app: &App, request: Request) -> Ec2Error {
    let judged = async {
        app.check_rights(&request).await?;
        app.engine.judge(request).await
    };
    judged.await.map_or_else(engine_error, |_: Reply| Ec2Error::dry_run())
}

/// Reads as who asks sees it: what a request names and another tenant has is not found, whichever operation looks for it.
pub(super) async fn read<T: Send>(
    app: &App,
    by: &Actor,
    read: impl FnOnce(&dyn Snapshot) -> Result<T, Ec2Error> + Send,
) -> Result<T, Ec2Error> {
    app.engine.read(|snapshot| Ok(read(&Sight::new(snapshot, by.clone())))).await.map_err(engine_error)?
}

async fn look_through(app: &App, by: Actor, mut scan: Box<dyn Scan>) -> Result<Box<dyn Scan>, Ec2Error> {
    if read(app, &by, |snapshot| scan.step(snapshot, AT_ONCE)).await? {
        return Ok(scan);
    }
    let app = app.clone();
    let runtime = tokio::runtime::Handle::current();
    let rest = tokio::task::spawn_blocking(move || {
        while !runtime.block_on(read(&app, &by, |snapshot| scan.step(snapshot, AT_A_TIME)))? {}
        Ok(scan)
    });
    rest.await.unwrap_or_else(|error| Err(Problem::Internal { detail: error.to_string() }.into()))
}

/// What came of a command that was not carried out, in EC2's words.
pub(super) fn fault(fault: Fault) -> Ec2Error {
    fault.problem().clone().into()
}

/// What the engine could not do, in EC2's words.
pub(super) fn engine_error(error: EngineError) -> Ec2Error {
    let problem = match error {
        EngineError::Decide(error) => error.into(),
        EngineError::Busy { .. } | EngineError::Store(StoreError::Busy { .. }) => Problem::Busy,
        EngineError::Store(StoreError::Closed) => Problem::Stopping,
        EngineError::Store(error) => Problem::Internal { detail: error.to_string() },
    };
    if let Problem::Internal { detail } = &problem {
        tracing::error!(detail, "a request failed");
    }
    problem.into()
}
