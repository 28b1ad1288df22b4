//! Campaigns: one window for all channels, and the order in which channels enter and leave it.
//!
//! An advert may never promise a price that the till does not have. So at the start of a reduction tills and shops go
//! first and adverts follow; at the end adverts stop first. Nothing here sends anything: it says what is due when.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::money::Money;

/// Tills and shops may start this early, so that no advert is ever ahead of them.
pub const MOST_LEAD_MS: i64 = 60 * Millis::SECOND;
/// Running carts keep the campaign price this long after the end.
pub const CART_GRACE_MS: i64 = 15 * Millis::MINUTE;
/// A channel that has not confirmed staging this long before the start raises an alert.
pub const STAGING_DEADLINE_MS: i64 = 10 * Millis::MINUTE;
/// A start that no channel confirmed this long after it raises an alert.
pub const START_FAILED_AFTER_MS: i64 = 5 * Millis::MINUTE;
/// No channel needs adverts stopped longer than a day ahead (file feeds).
pub const MOST_ADVERT_LEAD_MS: i64 = Millis::DAY;

/// The campaign price of one product in one market, valid in `[from, until)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignPrice {
    pub id: String,
    pub price: Money,
    pub from: Millis,
    pub until: Millis,
}

impl CampaignPrice {
    #[must_use]
    pub fn is_active(&self, now: Millis) -> bool {
        self.from <= now && now < self.until
    }
}
