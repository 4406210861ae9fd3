//! Token buckets: one for each account and class of operation, so that nobody's requests slow another's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use pintle_core::model::AccountId;
use pintle_dialect::ec2::{Class, Ec2Error};

/// How fast one account may go in one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests that may come at once.
    pub burst: f64,
    /// Requests a second in the long run.
    pub per_second: f64,
}

/// The rates of the classes; EC2's own are 50 to 1,000 at once and 5 to 20 a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of reads.
    pub read: Rate,
    /// Of changes.
    pub change: Rate,
    /// Of changes that make or end instances.
    pub instance: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Rates {
            read: Rate { burst: 40_000.0, per_second: 20_000.0 },
            change: Rate { burst: 40_000.0, per_second: 20_000.0 },
            instance: Rate { burst: 1_000.0, per_second: 200.0 },
        }
    }
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

pub(crate) struct Throttle {
    rates: Rates,
    buckets: Mutex<HashMap<(AccountId, Class), Bucket>>,
}

impl Throttle {
    pub(crate) fn new(rates: Rates) -> Self {
        Throttle { rates, buckets: Mutex::default() }
    }

    /// Takes one token.
    pub(in crate::http) fn take(&self, account: AccountId, class: Class, now: Instant) -> Result<(), Ec2Error> {
        let rate = match class {
            Class::Read => self.rates.read,
            Class::Change => self.rates.change,
            Class::Instance => self.rates.instance,
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((account, class)).or_insert(Bucket { tokens: rate.burst, filled: now });
        let since = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * rate.per_second).min(rate.burst);
        bucket.filled = now.max(bucket.filled);
        if bucket.tokens < 1.0 {
            return Err(Ec2Error::with_status(503, "RequestLimitExceeded", "Request limit exceeded."));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_and_is_one_accounts_own() {
        let rate = Rate { burst: 2.0, per_second: 10.0 };
        let throttle = Throttle::new(Rates { read: rate, change: rate, instance: rate });
        let (one, other, now) = (AccountId::FIRST, AccountId::from_bits(7), Instant::now());
        let take = |account, class, at| throttle.take(account, class, at).map_err(|error| error.code.into_owned());
        let full = Err("RequestLimitExceeded".to_owned());
        assert_eq!([(); 3].map(|()| take(one, Class::Read, now)), [Ok(()), Ok(()), full.clone()]);
        assert_eq!((take(one, Class::Change, now), take(other, Class::Read, now)), (Ok(()), Ok(())));
        let later = now + Duration::from_millis(150);
        assert_eq!([(); 2].map(|()| take(one, Class::Read, later)), [Ok(()), full]);
    }
}
