//! Never older after newer: what may be applied to a listing, and what state its live price shows.

use std::collections::BTreeMap;

use crate::money::Money;

/// What a listing has been given last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    pub version: i64,
    pub price: Money,
}

/// What to do with an arriving price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FenceAction {
    Apply,
    /// The same version with the same price: a retry, harmless.
    Noop,
    /// Older than what the listing has.
    Drop,
}

impl FenceAction {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Noop => "noop",
            Self::Drop => "drop",
        }
    }
}

/// Compares an arrival with what the listing has. The same version with another price is applied: the channel's own
/// settings changed (a fee, an ending) without a new decision.
#[must_use]
pub fn fence(last: Option<Applied>, arrival: Applied) -> FenceAction {
    match last {
        Some(last) if arrival.version < last.version => FenceAction::Drop,
        Some(last) if arrival == last => FenceAction::Noop,
        _ => FenceAction::Apply,
    }
}

/// What a read-back says about a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// The newest version is live.
    InSync,
    /// An older version is live, and the channel's time is not over.
    Propagating { live_version: i64 },
    /// An older version is live after the channel's time.
    Late { live_version: i64 },
    /// The live price is none that we ever wanted there.
    Drifted,
    /// Nothing could be read.
    Unreachable,
}

impl SyncState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Propagating { .. } => "propagating",
            Self::Late { .. } => "late",
            Self::Drifted => "drifted",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Derives the state of a listing from the channel prices of all decision versions, the live price and the time since
/// the newest version was released. A price that several versions share counts as the newest of them.
#[must_use]
pub fn sync_state(
    by_version: &BTreeMap<i64, Money>,
    live: Option<Money>,
    since_newest_ms: i64,
    converge_within_ms: i64,
) -> SyncState {
    let Some(live) = live else { return SyncState::Unreachable };
    let newest = by_version.last_key_value().map(|(version, _)| *version);
    let shown = by_version.iter().rev().find(|(_, price)| **price == live).map(|(version, _)| *version);
    match shown {
        None => SyncState::Drifted,
        Some(_) if shown == newest => SyncState::InSync,
        Some(live_version) if since_newest_ms <= converge_within_ms => SyncState::Propagating { live_version },
        Some(live_version) => SyncState::Late { live_version },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn a_price_of_two_versions_counts_as_the_newest() {
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let prices = BTreeMap::from([(7, dkk(47_900)), (8, dkk(46_900)), (9, dkk(47_900))]);
        assert_eq!(sync_state(&prices, Some(dkk(47_900)), 0, 1), SyncState::InSync);
        assert_eq!(sync_state(&prices, Some(dkk(46_900)), 1, 1), SyncState::Propagating { live_version: 8 });
        assert_eq!(sync_state(&prices, None, 0, 1), SyncState::Unreachable);
        assert_eq!(sync_state(&BTreeMap::new(), Some(dkk(1)), 0, 1), SyncState::Drifted);
    }
}
