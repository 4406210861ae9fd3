//! Requests that say who they are: sent again, they are answered again and not carried out again.
//!
//! What a token has made is noted by the day, so that forgetting the old ones needs no list of when each was used. A token is
//! good for one to two days.

use serde::{Deserialize, Serialize};

use crate::by_id;
use crate::command::Reply;
use crate::draft::{Draft, decode_as, encode};
use crate::record;
use crate::refusal::{DecideError, Refusal};
use crate::request::{Actor, Token};

/// What a token has been used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    fingerprint: String,
    made: Vec<Made>,
    /// Whether the answer was a list, be it of one.
    batch: bool,
}

/// One thing that came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Made {
    /// A record, by its id.
    Record(String),
    /// A delegated network.
    Prefix(ipnet::IpNet),
    /// Nothing to show.
    Done,
}

fn keys(draft: &Draft<'_>, token: &Token) -> [String; 2] {
    let by = match &draft.by {
        Actor::Tenant(owner) => owner.scope(),
        Actor::Operator | Actor::System => "operator".to_owned(),
    };
    let today = draft.now.0 / record::DAY;
    [today, today.saturating_sub(1)].map(|day| record::token_key(day, &by, &token.name))
}

/// What the request with this token has been answered with, as it is now; `None`: it has not come before.
///
/// # Errors
/// [`Refusal::TokenReused`]; [`Refusal::NotFound`] when what it made is gone.
pub(super) fn recall(draft: &mut Draft<'_>, token: &Token) -> Result<Option<Reply>, DecideError> {
    for key in keys(draft, token) {
        let Some(value) = draft.raw(&key)? else { continue };
        let used: Used = decode_as(&key, &value)?;
        if used.fingerprint != token.fingerprint {
            return Err(Refusal::TokenReused.into());
        }
        let mut replies = Vec::with_capacity(used.made.len());
        for made in used.made {
            replies.push(match made {
                Made::Record(id) => by_id::reply_of(draft, &id)?,
                Made::Prefix(net) => Reply::Prefix(net),
                Made::Done => Reply::Done,
            });
        }
        return Ok(Some(match replies.pop() {
            Some(only) if replies.is_empty() && !used.batch => only,
            last => Reply::Batch(replies.into_iter().chain(last).collect()),
        }));
    }
    Ok(None)
}

/// Notes what a request with a token is answered with.
pub(super) fn note(draft: &mut Draft<'_>, token: &Token, reply: &Reply) {
    fn made(reply: &Reply, into: &mut Vec<Made>) {
        match reply {
            Reply::Batch(replies) => replies.iter().for_each(|reply| made(reply, into)),
            Reply::Prefix(net) => into.push(Made::Prefix(*net)),
            other => into.push(other.id().map_or(Made::Done, Made::Record)),
        }
    }
    let mut used =
        Used { fingerprint: token.fingerprint.clone(), made: Vec::new(), batch: matches!(reply, Reply::Batch(_)) };
    made(reply, &mut used.made);
    let [today, _] = keys(draft, token);
    draft.put_raw(today, encode(&used));
}

/// How many tokens one command forgets.
const FORGOTTEN_AT_ONCE: usize = 1000;

/// Forgets tokens that are too old to come again, a bounded number of them.
pub(super) fn forget(draft: &mut Draft<'_>) -> Result<(), DecideError> {
    let end = record::tokens_to_keep(draft.now);
    for key in draft.keys_hint(record::TOKENS, "", FORGOTTEN_AT_ONCE)? {
        if key < end {
            draft.delete_raw(key);
        }
    }
    Ok(())
}
