//! Rules of accounts: an id of their own, a name of their own.

use super::take_name;
use crate::command::CreateAccount;
use crate::draft::Draft;
use crate::model::{Account, AccountId};
use crate::record::Record;
use crate::refusal::{DecideError, Refusal};

const SCOPE: &str = "";
const SCOPE_WORDS: &str = "this server";

pub(super) fn create(draft: &mut Draft<'_>, create: CreateAccount) -> Result<Account, DecideError> {
    let id = match create.id {
        Some(id) if draft.raw(&Account::key_of(id))?.is_some() => {
            return Err(Refusal::invalid("id", id, "there is an account with this id").into());
        }
        Some(id) => id,
        None => loop {
            let id = AccountId::from_bits(draft.ids.bits());
            if draft.raw(&Account::key_of(id))?.is_none() {
                break id;
            }
        },
    };
    let name = take_name::<Account>(draft, create.name, SCOPE, SCOPE_WORDS, id)?;
    let account = Account { id, name, created_at: draft.now };
    draft.insert(&account);
    Ok(account)
}
