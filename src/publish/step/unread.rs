//! Reads that tell no price.

use super::{Policy, wait};
use crate::channel::{ChannelError, Class};
use crate::clock::Millis;
use crate::sentence::Sentence;
use crate::store::lanes::Change;
use crate::store::listings::Listing;
use crate::store::unread::FORBIDDEN;

/// A price that is not told for so long is asked for this rarely at last.
const ASKED_WITHIN: i64 = Millis::HOUR;

/// A read that failed.
pub(super) fn unread(listing: &Listing, error: &ChannelError, policy: &Policy, now: Millis) -> Change {
    let after = match error.class {
        Class::Retry { after_ms } => after_ms.unwrap_or(0),
        _ => 0,
    };
    let waits = listing.state == "held";
    Change {
        reason: if waits { listing.reason.clone() } else { cannot(&error.message) },
        // What waits for its turn is tried all the same.
        reads: if waits { 1 } else { listing.reads },
        next_at: (waits || !error.class.stops_the_lane()).then(|| now.plus(after.max(wait(policy, listing)))),
        read: Some(("failed", error.message.clone())),
        ..Change::none(listing)
    }
}

/// A listing whose price the channel does not tell, or does not let us see: it is asked for less and less often, by the time
/// that it has lasted. Reads that tell something else than was sent are counted, so that these must not be.
pub(super) fn unreadable(listing: &Listing, why: &str, forbidden: bool, policy: &Policy, now: Millis) -> Change {
    let change = unread(listing, &ChannelError::new(Class::Retry { after_ms: None }, why), policy, now);
    let since = listing.sent_at.unwrap_or(0).max(listing.state_since);
    let rarely = (now.since(Millis(since)) / 2).min(ASKED_WITHIN);
    // The next try of what waits for its turn is no read.
    let next_at = change.next_at.map(|at| if listing.state == "held" { at } else { at.max(now.plus(rarely)) });
    let known = listing.reason == cannot(why);
    let read = match forbidden {
        true => Some((FORBIDDEN, why.to_owned())),
        // Told once.
        false => change.read.filter(|_| !known),
    };
    Change { next_at, read, ..change }
}

fn cannot(why: &str) -> String {
    Sentence::Unreadable.with(&[("why", &why)])
}
