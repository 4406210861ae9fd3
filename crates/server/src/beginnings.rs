//! What the store must say before anybody is served: the regions, the first account, and what accounts begin with.

use ipnet::Ipv6Net;
use pintle_core::command::CreateAccount;
use pintle_core::model::{AccessKey, AccessKeyId, Account, AccountId, Owner, Region};
use pintle_core::{Command, DecideError, query, record};

use crate::engine::{Engine, EngineError};
use crate::start::StartError;

/// Makes the store know what is configured and what follows from it; what it knows already it keeps as it is.
pub(crate) async fn configure(
    engine: &Engine,
    regions: Vec<Region>,
    ipv6_range: Option<Ipv6Net>,
) -> Result<(), StartError> {
    match engine.execute(Command::ConfigureRegions(regions)).await {
        Err(EngineError::Decide(DecideError::Refused(refusal))) => return Err(StartError::Regions(refusal)),
        other => drop(other?),
    }
    match engine.execute(Command::ConfigureIpv6Range(ipv6_range)).await {
        Err(EngineError::Decide(DecideError::Refused(refusal))) => return Err(StartError::Ipv6Range(refusal)),
        other => drop(other?),
    }
    let first = AccountId::FIRST;
    if engine.read(|snapshot| query::find::<Account>(snapshot, first)).await?.is_none() {
        let create = CreateAccount { id: Some(first), name: Some("first".to_owned()) };
        engine.execute(Command::CreateAccount(create)).await?;
    }
    for owner in beginners(engine).await? {
        engine.execute(Command::EnsureDefaults(owner)).await?;
    }
    Ok(())
}

/// Accounts that clients act for, in the regions that are new to them. An account without an access key has no clients, and
/// begins when it gets one.
async fn beginners(engine: &Engine) -> Result<Vec<Owner>, EngineError> {
    engine
        .read(|snapshot| {
            let mut accounts = Vec::new();
            for id in query::index::<AccessKeyId>(snapshot, &record::lists_of::<AccessKey>())? {
                accounts.push(query::get::<AccessKey>(snapshot, id)?.0.account);
            }
            accounts.sort_unstable();
            accounts.dedup();
            let mut owners = Vec::new();
            for region in query::regions(snapshot)?.iter() {
                for account in &accounts {
                    let owner = Owner::new(*account, &region.name);
                    if !query::has_begun(snapshot, &owner)? {
                        owners.push(owner);
                    }
                }
            }
            Ok(owners)
        })
        .await
}
