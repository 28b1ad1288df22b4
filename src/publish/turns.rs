//! Turns that all daemons of a database take at the products of a shop.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::channel::wire::shared::{Company, Taken, Turns};
use crate::clock::{Clock, Millis};
use crate::store::{Db, turns};

/// The turns of a database.
pub struct Leased {
    db: Db,
    clock: Clock,
    /// Names this process.
    owner: String,
    /// Shops and channels that are known to the database.
    joined: Mutex<HashSet<(String, String)>>,
}

impl Leased {
    #[must_use]
    pub fn new(db: Db, clock: Clock, owner: String) -> Self {
        // The hasher's seed tells two of one process apart that were made in the same instant.
        let seed = RandomState::new().hash_one(&owner);
        Self { db, clock, owner: format!("{owner}-{seed:x}"), joined: Mutex::default() }
    }

    fn holder(&self, turn: &Taken) -> String {
        format!("{}-{}", self.owner, turn.number)
    }
}

#[async_trait]
impl Turns for Leased {
    async fn join(&self, shop: &str, channel: &str) -> Result<Company, String> {
        let key = (shop.to_owned(), channel.to_owned());
        let known = self.joined.lock().unwrap_or_else(PoisonError::into_inner).contains(&key);
        let mut new = false;
        if !known {
            let joined = turns::join(&self.db, key.0.clone(), key.1.clone(), self.clock.now()).await;
            new = joined.map_err(|error| error.to_string())?;
            self.joined.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        }
        match turns::writers(&self.db, shop).await.map_err(|error| error.to_string())? {
            0 | 1 => Ok(Company::Alone),
            _ if new => Ok(Company::New),
            _ => Ok(Company::Others),
        }
    }

    async fn take(&self, turn: &Taken, lease: Duration) -> Result<bool, String> {
        let now = self.clock.now();
        let until = now.plus(i64::try_from(lease.as_millis()).unwrap_or(Millis::HOUR));
        let (shop, products) = (turn.shop.clone(), turn.products.clone());
        turns::take(&self.db, shop, products, self.holder(turn), now, until).await.map_err(|error| error.to_string())
    }

    async fn give_back(&self, turn: &Taken) {
        if let Err(error) = turns::give_back(&self.db, turn.shop.clone(), self.holder(turn)).await {
            tracing::warn!("a turn at products of a shop was not given back, others wait for its lease: {error}");
        }
    }
}
