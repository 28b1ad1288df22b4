//! Channels that count a listing's updates in a span of time: which update may still go out, and which has to wait.

use super::constraint::possible;
use super::step::Policy;
use crate::clock::Millis;
use crate::store::fleet::Spent;
use crate::store::listings::Listing;

/// What a channel allows for one listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    pub updates: i64,
    /// The span that it counts in, in milliseconds.
    pub window_ms: i64,
}

impl Cap {
    /// Why an update waits.
    #[must_use]
    pub fn full(self, channel: &str, spent: Spent) -> String {
        format!("{channel} takes {} updates of a listing in 24 hours and {} are used", self.updates, spent.updates)
    }
}

/// Until when a listing's update must wait, if it must. The last update is kept for raises, since a price that is too
/// low costs money every hour; what counts is the lowest price that may be shown, whatever was seen last.
#[must_use]
pub fn full_until(listing: &Listing, spent: Spent, cap: Cap, now: Millis) -> Option<Millis> {
    let lowest = possible(listing, now).min();
    let lowers = listing.desired_minor < lowest && listing.sent_regular_minor.is_none();
    let room = if lowers && cap.updates > 1 { cap.updates - 1 } else { cap.updates };
    if spent.updates < room {
        return None;
    }
    // Without a push that could grow old there would be nothing to wait for.
    let opens = spent.oldest.unwrap_or(now).plus(cap.window_ms);
    Some(Millis(opens.0.max(now.0 + Millis::MINUTE.min(cap.window_ms))))
}

/// Whether a listing whose update has to wait is read instead: what was sent to it last has not been seen yet.
#[must_use]
pub fn reads_meanwhile(listing: &Listing, policy: &Policy) -> bool {
    policy.readable && matches!(listing.state.as_str(), "accepted" | "applied")
}
