//! A vendor's request budget: a bucket of points that refills, corrected by what its answers say is left.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::channel::{ChannelError, Class};

/// Points are counted in thousandths, so that slow refills need no fractions.
const MILLI: u64 = 1_000;
/// Nobody waits longer than this for a turn; the lane tries again later instead.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A bucket shared by everything that the vendor counts together.
#[derive(Debug)]
pub struct Pace {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Thousandths of points.
    left: u64,
    capacity: u64,
    /// Thousandths of points per second.
    refill: u64,
    counted_at: Instant,
    not_before: Instant,
}

impl Pace {
    /// A full bucket of `capacity` points that gains `per_minute` points a minute.
    #[must_use]
    pub fn new(capacity: u32, per_minute: u32) -> Self {
        let now = Instant::now();
        let capacity = u64::from(capacity.max(1)) * MILLI;
        let refill = (u64::from(per_minute) * MILLI / 60).max(1);
        let state = State { left: capacity, capacity, refill, counted_at: now, not_before: now };
        Self { state: Mutex::new(state) }
    }

    /// Waits for `cost` points, first come first served. What costs more than the bucket holds waits for a full one.
    ///
    /// # Errors
    /// `Retry` with the wait, if the turn would come too late to wait for it; nothing was sent.
    pub async fn take(&self, cost: u32) -> Result<(), ChannelError> {
        self.take_within(cost, MAX_WAIT).await
    }

    async fn take_within(&self, cost: u32, patience: Duration) -> Result<(), ChannelError> {
        let asked = Instant::now();
        // Whoever waits for its points keeps the others waiting too, of every channel that shares the bucket.
        let Ok(mut state) = tokio::time::timeout(patience, self.state.lock()).await else {
            let text = format!("others wait for the channel's request budget, for {} s by now", patience.as_secs());
            return Err(ChannelError::new(Class::Retry { after_ms: None }, text));
        };
        let now = Instant::now();
        state.refill_until(now);
        let cost = (u64::from(cost) * MILLI).min(state.capacity);
        let missing =
            Duration::from_millis(cost.saturating_sub(state.left).saturating_mul(1_000).div_ceil(state.refill));
        let wait = missing.max(state.not_before.saturating_duration_since(now));
        if now.saturating_duration_since(asked) + wait > patience {
            let after_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            let text = format!("the channel's request budget is used up for {} s", wait.as_secs());
            return Err(ChannelError::new(Class::Retry { after_ms: Some(after_ms) }, text));
        }
        if !wait.is_zero() {
            // The lock is held: whoever comes later has a later turn.
            tokio::time::sleep(wait).await;
            state.refill_until(Instant::now());
        }
        state.left = state.left.saturating_sub(cost);
        Ok(())
    }

    /// The slower of two: channels that share a bucket may have been told different limits. Only before the first use.
    pub fn at_most(&self, capacity: u32, per_minute: u32) {
        // Channels are built before anything is sent, so nobody has it.
        if let Ok(mut state) = self.state.try_lock() {
            state.capacity = state.capacity.min(u64::from(capacity.max(1)) * MILLI);
            state.left = state.left.min(state.capacity);
            state.refill = state.refill.min((u64::from(per_minute) * MILLI / 60).max(1));
        }
    }

    /// Believes the vendor: `left` points of `capacity` now, and `per_minute` to come.
    pub async fn learn(&self, left: u32, capacity: u32, per_minute: u32) {
        let mut state = self.state.lock().await;
        state.capacity = u64::from(capacity.max(1)) * MILLI;
        state.left = (u64::from(left) * MILLI).min(state.capacity);
        state.refill = (u64::from(per_minute) * MILLI / 60).max(1);
        state.counted_at = Instant::now();
    }

    /// Nothing more for a while: the vendor said so.
    pub async fn hold(&self, milliseconds: i64) {
        let mut state = self.state.lock().await;
        let until = Instant::now() + Duration::from_millis(milliseconds.max(0).unsigned_abs());
        state.not_before = state.not_before.max(until);
    }
}

impl State {
    fn refill_until(&mut self, now: Instant) {
        let passed = u64::try_from(now.saturating_duration_since(self.counted_at).as_millis()).unwrap_or(u64::MAX);
        self.left = self.left.saturating_add(passed.saturating_mul(self.refill) / 1_000).min(self.capacity);
        self.counted_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_passes_and_then_the_refill_sets_the_pace() {
        let pace = Pace::new(5, 6_000);
        let start = Instant::now();
        for _ in 0..10 {
            pace.take(1).await.unwrap();
        }
        // Five at once, five more at a hundred a second; never earlier, however slow the machine.
        assert!(start.elapsed() >= Duration::from_millis(45), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_turn_that_comes_too_late_is_a_retry_with_its_time() {
        let pace = Pace::new(1, 1);
        pace.take(1).await.unwrap();
        let error = pace.take(1).await.unwrap_err();
        assert!(matches!(error.class, Class::Retry { after_ms: Some(ms) } if ms > 30_000), "{error:?}");
        pace.learn(10, 10, 60).await;
        pace.take(1).await.unwrap();
        pace.hold(120_000).await;
        assert!(matches!(pace.take(1).await.unwrap_err().class, Class::Retry { after_ms: Some(_) }));
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_limit_behind_others_of_one_bucket() {
        // A point every 100 ms, and patience for one and a half.
        let (pace, patience) = (Pace::new(1, 600), Duration::from_millis(150));
        pace.take(1).await.unwrap();
        let (first, second) = tokio::join!(pace.take_within(1, patience), pace.take_within(1, patience));
        assert_eq!(first, Ok(()));
        assert!(matches!(second.unwrap_err().class, Class::Retry { after_ms: Some(_) }));
        // Of two limits that were configured for one bucket, the lower one counts.
        pace.at_most(1, 1);
        let error = pace.take(1).await.unwrap_err();
        assert!(matches!(error.class, Class::Retry { after_ms: Some(ms) } if ms > 30_000), "{error:?}");
    }
}
