//! What the channels of one process share because they write to the same shop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use url::Url;

use crate::channel::{ChannelError, Class};

/// Nobody waits longer than this for another channel's write; the lane tries again later instead.
const MAX_WAIT: Duration = Duration::from_secs(15);

type Lock = tokio::sync::Mutex<()>;

/// Products that are being read, merged and written as a whole. Two channels for two currencies of one shop write the
/// same product, and each would put the other's old price back.
#[derive(Default)]
pub struct Shared {
    products: Mutex<HashMap<String, Weak<Lock>>>,
}

/// Keeps other channels of the process away from products until it is dropped.
pub struct Held {
    #[expect(dead_code, reason = "the locks are let go when they are dropped")]
    locks: Vec<OwnedMutexGuard<()>>,
}

impl Shared {
    /// Waits until no other channel of this process writes these products of a shop.
    ///
    /// # Errors
    /// `Retry` if that takes too long; nothing was sent.
    pub async fn hold(&self, shop: &Url, products: &[&str]) -> Result<Held, ChannelError> {
        self.hold_within(shop, products, MAX_WAIT).await
    }

    async fn hold_within(&self, shop: &Url, products: &[&str], wait: Duration) -> Result<Held, ChannelError> {
        // Always in one order, so that two channels never wait for each other.
        let mut products = products.to_vec();
        products.sort_unstable();
        products.dedup();
        let locks: Vec<Arc<Lock>> = products.iter().map(|product| self.lock(&format!("{shop} {product}"))).collect();
        let all = async {
            let mut held = Vec::with_capacity(locks.len());
            for lock in locks {
                held.push(lock.lock_owned().await);
            }
            held
        };
        let held = tokio::time::timeout(wait, all).await;
        held.map(|locks| Held { locks }).map_err(|_| {
            let text = "another channel writes the same product of this shop just now";
            ChannelError::new(Class::Retry { after_ms: None }, text)
        })
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
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_product_is_written_by_one_channel_at_a_time_and_nothing_is_remembered() {
        let (shared, shop) = (Shared::default(), Url::parse("https://shop.example/").unwrap());
        let held = shared.hold(&shop, &["b", "a", "b"]).await.unwrap();
        let error = shared.hold_within(&shop, &["a"], Duration::from_millis(20)).await.err().expect("it is taken");
        assert_eq!(error.class, Class::Retry { after_ms: None });
        let other = Url::parse("https://other.example/").unwrap();
        assert!(shared.hold(&shop, &["c"]).await.is_ok() && shared.hold(&other, &["a"]).await.is_ok());
        drop(held);
        assert!(shared.hold(&shop, &["a", "b"]).await.is_ok());
        drop(shared.lock("x"));
        assert_eq!(shared.products.lock().unwrap().len(), 1);
    }
}
