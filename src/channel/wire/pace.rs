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
        let mut state = self.state.lock().await;
        let now = Instant::now();
        state.refill_until(now);
        let cost = (u64::from(cost) * MILLI).min(state.capacity);
        let missing =
            Duration::from_millis(cost.saturating_sub(state.left).saturating_mul(1_000).div_ceil(state.refill));
        let wait = missing.max(state.not_before.saturating_duration_since(now));
        if wait > MAX_WAIT {
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
}
