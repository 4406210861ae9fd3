//! Commands for which something is looked up first: made of what there is, carried out only while the same would be made of it,
//! and no way to see what one may not see.

use std::sync::Arc;

use pintle_authz::{Need, Thing};
use pintle_core::model::{ResourceType, Verb};
use pintle_core::txn::{Sight, Snapshot};
use pintle_core::{DecideError, Reply};
use pintle_dialect::Problem;
use pintle_dialect::ec2::{Ec2Error, Lookup};

use super::super::app::App;
use super::run::{Asked, engine_error, fault, judge, read};

/// How often it is looked before the command is given up as overtaken: each time somebody else has changed what it is made of.
const ATTEMPTS: u32 = 64;
/// The most things that are judged one by one, because a request names them.
const MOST: usize = 1000;
/// The code of what a key has no role for.
const UNAUTHORIZED: &str = "UnauthorizedOperation";

/// Looks, and carries out what comes of it. If it would be something else by the time when it is judged, looks again: what
/// somebody else has just changed is neither undone nor taken for what it was.
pub(super) async fn carry_out(app: &App, asked: &Asked, lookup: &Lookup) -> Result<Reply, Ec2Error> {
    for attempt in 1..=ATTEMPTS {
        let looked = read(app, &asked.by, |snapshot| Ok(((lookup.look)(snapshot)?, snapshot.revision()))).await;
        let (command, at) = match looked {
            Err(error) if error.status < 500 => return Err(unseen(app, asked, lookup.of).await.unwrap_or(error)),
            looked => looked?,
        };
        let request = asked.request(command.clone());
        if asked.dry {
            return Err(told(app, asked, lookup.of, judge(app, request).await).await);
        }
        let (look, by) = (Arc::clone(&lookup.look), asked.by.clone());
        let as_looked_up = move |snapshot: &dyn Snapshot| -> Result<bool, DecideError> {
            // Where nothing was written there is nothing to look for. An error is the next look's to tell. What is looked at and
            // not read by the command as well (which subnet is the emptiest) may still change until the commit; no record that
            // is written is such a one.
            Ok(snapshot.revision() == at || look(&Sight::new(snapshot, by.clone())).is_ok_and(|now| now == command))
        };
        match app.carry_out_if(request, attempt == ATTEMPTS, as_looked_up).await {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => {}
            Err(refused) => return Err(told(app, asked, lookup.of, fault(refused)).await),
        }
    }
    Err(Problem::Busy.into())
}

/// What is told of a refusal: which action is refused would tell as well whether the look-up has found what it was for.
async fn told(app: &App, asked: &Asked, of: &[ResourceType], error: Ec2Error) -> Ec2Error {
    if error.code == UNAUTHORIZED { unseen(app, asked, of).await.unwrap_or(error) } else { error }
}

/// The refusal for who may neither list what is looked up for a command nor read what of it is named: rights on the command are
/// asked once there is one, so without this a key that has none could try what there is.
async fn unseen(app: &App, asked: &Asked, of: &[ResourceType]) -> Option<Ec2Error> {
    for on in of {
        let Err(error) = app.check_look(&asked.by, &Need::any(*on, Verb::List)).await else { continue };
        if !reads_all(app, asked, *on).await {
            return Some(engine_error(error));
        }
    }
    None
}

/// Whether who asks may read all things of a type that are looked up: those that the request calls by their ids. What it calls
/// otherwise, or leaves to be found, could be any.
async fn reads_all(app: &App, asked: &Asked, on: ResourceType) -> bool {
    let things = asked.named.ids.iter().filter_map(|id| Thing::named(id)).filter(|thing| thing.resource_type() == on);
    let things: Vec<Thing> = things.take(MOST + 1).collect();
    if asked.named.otherwise || things.is_empty() || things.len() > MOST {
        return false;
    }
    for thing in things {
        if app.check_look(&asked.by, &Need::one(Verb::Read, thing)).await.is_err() {
            return false;
        }
    }
    true
}
