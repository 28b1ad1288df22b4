//! What the channels of one process share because they write to the same shop, or because its vendor counts their
//! requests together; and turns at a shop's products, which daemons of one database share too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use url::Url;

use super::pace::Pace;
use crate::channel::{ChannelError, Class};

/// Nobody waits longer than this for another channel's write; the lane tries again later instead.
const MAX_WAIT: Duration = Duration::from_secs(15);
/// Another daemon's turn is looked for again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

type Lock = tokio::sync::Mutex<()>;

fn taken() -> ChannelError {
    let text = "another channel writes the same product of this shop just now";
    ChannelError::new(Class::Retry { after_ms: None }, text)
}

/// Turns that daemons of one database take at the products of a shop, each for the length of a lease.
#[async_trait]
pub trait Turns: Send + Sync {
    /// Makes known that a channel writes a shop, and says who else does.
    ///
    /// # Errors
    /// A text for a person; then nothing is written.
    async fn join(&self, shop: &str, channel: &str) -> Result<Company, String>;

    /// Takes all these products for `lease`, or none of them if somebody else has one; true if they were taken.
    ///
    /// # Errors
    /// A text for a person; then nothing is written.
    async fn take(&self, turn: &Taken, lease: Duration) -> Result<bool, String>;

    /// Gives them back. What is not given back is free when its lease is over.
    async fn give_back(&self, turn: &Taken);
}

/// Who writes a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    Alone,
    Others,
    /// Others do, and they did not know of this channel until now: what they write just now, they write without a turn.
    New,
}

/// Products of a shop for one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub shop: String,
    /// In ascending order, each once.
    pub products: Vec<String>,
    /// Tells this turn from every other one of the process.
    pub number: u64,
}

/// Products that are being read, merged and written as a whole, and requests that a vendor counts together. Two channels
/// for two currencies of one shop write the same product, and each would put the other's old price back.
#[derive(Default)]
pub struct Shared {
    products: Mutex<HashMap<String, Weak<Lock>>>,
    paces: Mutex<HashMap<[u8; 32], Arc<Pace>>>,
    /// None where nobody else can know of them.
    turns: Option<Arc<dyn Turns>>,
    /// For so long after it was sent, a write without an answer may still take effect.
    late: Duration,
    /// Turns given so far.
    given: AtomicU64,
}

/// Keeps other channels away from products until it ends.
pub struct Turn {
    #[expect(dead_code, reason = "the locks are let go when they are dropped")]
    locks: Vec<OwnedMutexGuard<()>>,
    lease: Option<Lease>,
}

/// A turn that everybody on the database knows of.
struct Lease {
    turns: Arc<dyn Turns>,
    taken: Taken,
    since: Instant,
    /// Writes may begin until so long after it; the rest of the lease is for what they may still do.
    sends_for: Duration,
}

impl Turn {
    /// Asked before each write: a worker that was suspended meanwhile must not send late, since by then the product may be
    /// another daemon's.
    ///
    /// # Errors
    /// `Retry` if a request's time is over since the turn began; the rest of the lease is for what a request may still do.
    pub fn still_ours(&self) -> Result<(), ChannelError> {
        match &self.lease {
            Some(lease) if lease.since.elapsed() > lease.sends_for => {
                let text = "the turn at this product of the shop took too long; nothing was sent";
                Err(ChannelError::new(Class::Retry { after_ms: None }, text))
            }
            _ => Ok(()),
        }
    }

    /// Lets the others go on, once it is known what became of the write. One without an answer may still take effect, and
    /// would put the others' old prices back: then the turn stays taken until its lease is over, like one that is dropped.
    pub async fn end<T>(self, outcome: &Result<T, ChannelError>) {
        let unknown = outcome.as_ref().is_err_and(|error| error.class == Class::Unknown);
        if let Some(lease) = self.lease.as_ref().filter(|_| !unknown) {
            lease.turns.give_back(&lease.taken).await;
        }
    }
}

impl Shared {
    /// The same with turns that outlive the process and that others on its database know of; `late` is for how long a
    /// write without an answer may still take effect.
    #[must_use]
    pub fn among(turns: Arc<dyn Turns>, late: Duration) -> Self {
        Self { turns: Some(turns), late, ..Self::default() }
    }

    /// The bucket of everything that a vendor counts together: the words name what it counts by, such as the kind of
    /// request, the host, and the account or credential, of which only a hash is kept. The first one makes it.
    #[must_use]
    pub fn pace(&self, counted_by: &[&dyn AsRef<[u8]>], capacity: u32, per_minute: u32) -> Arc<Pace> {
        let mut hash = Sha256::new();
        for word in counted_by {
            // The length tells where a word ends.
            hash.update(word.as_ref().len().to_le_bytes());
            hash.update(word.as_ref());
        }
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        match paces.entry(hash.finalize().into()) {
            Entry::Occupied(known) => {
                known.get().at_most(capacity, per_minute);
                Arc::clone(known.get())
            }
            Entry::Vacant(place) => Arc::clone(place.insert(Arc::new(Pace::new(capacity, per_minute)))),
        }
    }

    /// Waits until no other channel, of this process or of another daemon on the same database, writes these products of
    /// a shop, and nothing that one sent may still take effect. `timeout` is that of one request.
    ///
    /// # Errors
    /// `Retry` if that takes too long; nothing was sent.
    pub async fn turn(
        &self,
        shop: &Url,
        channel: &str,
        products: &[&str],
        timeout: Duration,
    ) -> Result<Turn, ChannelError> {
        self.turn_within(shop, channel, products, timeout, MAX_WAIT).await
    }

    async fn turn_within(
        &self,
        shop: &Url,
        channel: &str,
        products: &[&str],
        timeout: Duration,
        wait: Duration,
    ) -> Result<Turn, ChannelError> {
        // Always in one order, so that two channels never wait for each other.
        let mut products = products.to_vec();
        products.sort_unstable();
        products.dedup();
        let (locks, until) =
            (products.iter().map(|product| self.lock(&format!("{shop} {product}"))), Instant::now() + wait);
        let locks: Vec<Arc<Lock>> = locks.collect();
        let all = async {
            let mut held = Vec::with_capacity(locks.len());
            for lock in locks {
                held.push(lock.lock_owned().await);
            }
            held
        };
        let locks = tokio::time::timeout_at(until, all).await.map_err(|_| taken())?;
        let Some(turns) = &self.turns else { return Ok(Turn { locks, lease: None }) };
        let products = products.into_iter().map(str::to_owned).collect();
        let lease = self.lease(turns, shop, channel, products, timeout, until).await?;
        Ok(Turn { locks, lease })
    }

    /// A turn among channels; none where only this channel writes the shop, whose listings have leases of their own.
    async fn lease(
        &self,
        turns: &Arc<dyn Turns>,
        shop: &Url,
        channel: &str,
        products: Vec<String>,
        timeout: Duration,
        until: Instant,
    ) -> Result<Option<Lease>, ChannelError> {
        let unusable = |why: String| {
            let text = format!("the database cannot give a turn at this product: {why}");
            ChannelError::new(Class::Retry { after_ms: None }, text)
        };
        // A request's time for what comes before the write, and then what that takes or may still do.
        let lasts = timeout + timeout.max(self.late);
        match turns.join(shop.as_str(), channel).await.map_err(unusable)? {
            Company::Alone => return Ok(None),
            Company::New => {
                let text = "another channel writes this shop without knowing of this one; it is waited for once";
                let after_ms = i64::try_from(lasts.as_millis()).ok();
                return Err(ChannelError::new(Class::Retry { after_ms }, text));
            }
            Company::Others => {}
        }
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let ours = Taken { shop: shop.to_string(), products, number };
        loop {
            let since = Instant::now();
            // Never cut short: what the database gives to somebody who has gone stays taken until its lease is over.
            if turns.take(&ours, lasts).await.map_err(unusable)? {
                return Ok(Some(Lease { turns: Arc::clone(turns), taken: ours, since, sends_for: timeout }));
            }
            if Instant::now() + LOOK_AGAIN > until {
                return Err(taken());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn lock(&self, key: &str) -> Arc<Lock> {
        let mut known = self.products.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = known.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        // What nobody holds any more is forgotten, so that the list stays as short as the work under way.
        known.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(Lock::default());
        known.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests;
