//! What a read of one listing brought, and what it proves.

use super::{Policy, settled};
use crate::clock::Millis;
use crate::store::listings::Listing;

/// What a channel shows of one listing, as counts of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What a buyer pays.
    pub minor: i64,
    /// The crossed-out price; `None` if the channel cannot tell, `Some(None)` if there is none.
    pub regular: Option<Option<i64>>,
    /// The channel's own reason for not showing the last write, if it gives one.
    pub refused: Option<String>,
    /// What the channel finds wrong with the listing, whichever write it is about.
    pub complaint: Option<String>,
    /// The channel holds several prices that disagree, so that the one shown proves nothing.
    pub disputed: bool,
}

impl Shown {
    /// A price and nothing else.
    #[must_use]
    pub const fn price(minor: i64) -> Self {
        Self { minor, regular: None, refused: None, complaint: None, disputed: false }
    }

    /// Why the last write is not shown. A complaint may be about an older one until the last has had its time to show.
    pub(super) fn why_not(&self, listing: &Listing, policy: &Policy, now: Millis) -> Option<&String> {
        let lasting = || self.complaint.as_ref().filter(|_| settled(listing, policy, now));
        self.refused.as_ref().or_else(lasting)
    }

    /// Whether this proves the price and, where the channel can tell, that exactly the wanted price is crossed out.
    pub(super) fn proves(&self, minor: Option<i64>, regular: Option<i64>) -> bool {
        !self.disputed && minor == Some(self.minor) && self.regular.is_none_or(|shown| shown == regular)
    }
}
