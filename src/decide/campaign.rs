//! Campaigns: one window for all channels, and the order in which channels enter and leave it.
//!
//! An advert may never promise a price that the till does not have. So at the start of a reduction tills and shops go
//! first and adverts follow; at the end adverts stop first. Nothing here sends anything: it says what is due when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::money::Money;

/// Carts that were begun before the end keep the campaign price this long, unless the campaign says otherwise.
pub const CART_GRACE_MS: i64 = 15 * Millis::MINUTE;
/// No campaign keeps carts waiting for longer than a day.
pub const MOST_CART_GRACE_MS: i64 = Millis::DAY;
/// Channels that keep a start by themselves are given it from this long before it, and each channel's window is settled.
/// It leaves slow ones the time to take it before they must be ready.
pub const STAGE_BEFORE_MS: i64 = Millis::HOUR;
/// This long before the start every channel has to be writable, and have what was staged for it.
pub const READY_BEFORE_MS: i64 = 10 * Millis::MINUTE;
/// A start or an end that a channel has not shown this long after it raises an alert.
pub const LATE_AFTER_MS: i64 = 5 * Millis::MINUTE;
/// Kept between the turns of adverts and checkouts: turns are looked for every few seconds, and clocks differ.
pub const MARGIN_MS: i64 = Millis::MINUTE;
/// No channel needs longer than a day to change (file feeds).
pub const MOST_LATENCY_MS: i64 = Millis::DAY;

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

/// What a channel is to a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Where the price is paid: shop, marketplace, till.
    Checkout,
    /// Where the price is promised: feed, shelf label, newsletter.
    Advert,
}

/// A channel of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignChannel {
    pub id: String,
    pub role: Role,
    /// How long a change takes there (95th percentile).
    pub latency_ms: i64,
}

/// The time in which one channel is told to show the campaign price, `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from: Millis,
    pub until: Millis,
}

impl Window {
    #[must_use]
    pub fn contains(self, now: Millis) -> bool {
        self.from <= now && now < self.until
    }
}

/// One thing that is due on a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Due {
    pub at: Millis,
    pub action: Action,
    pub channel: String,
}

/// What is due. Declared in the order in which things of one instant are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Start,
    /// Alert if the channel does not show the campaign price.
    CheckStart,
    End,
    /// Alert if the channel shows it still.
    CheckEnd,
}

/// Each channel's part of a reduction `[from, until)` (SEMANTICS 7.4).
///
/// Checkouts start at its start, and adverts when the slowest checkout has had the time to. Adverts end before its end by
/// what they need to change (both with a margin), and checkouts after it, so that carts begun before keep their price for `grace_ms`. An
/// advert that is too slow for the whole reduction has an empty window and never shows it.
#[must_use]
pub fn windows(from: Millis, until: Millis, grace_ms: i64, channels: &[CampaignChannel]) -> BTreeMap<String, Window> {
    let latency = |channel: &CampaignChannel| channel.latency_ms.clamp(0, MOST_LATENCY_MS);
    let checkouts = channels.iter().filter(|channel| channel.role == Role::Checkout);
    // Feeds tell windows in whole minutes.
    let whole = |at: Millis| Millis((at.0 + Millis::MINUTE - 1).div_euclid(Millis::MINUTE) * Millis::MINUTE);
    let advertised = whole(from.plus(checkouts.map(|channel| latency(channel) + MARGIN_MS).max().unwrap_or(0)));
    let grace_ms = grace_ms.clamp(0, MOST_CART_GRACE_MS);
    let window = |channel: &CampaignChannel| match channel.role {
        Role::Checkout => Window { from, until: until.plus(grace_ms) },
        Role::Advert => Window { from: advertised, until: until.plus(-latency(channel) - MARGIN_MS).max(advertised) },
    };
    channels.iter().map(|channel| (channel.id.clone(), window(channel))).collect()
}

/// Everything that is due in these windows, in order.
#[must_use]
pub fn timetable(windows: &BTreeMap<String, Window>) -> Vec<Due> {
    let mut dues = Vec::with_capacity(windows.len() * 4);
    for (channel, window) in windows.iter().filter(|(_, window)| window.from < window.until) {
        let mut due = |at: Millis, action: Action| dues.push(Due { at, action, channel: channel.clone() });
        due(window.from, Action::Start);
        due(window.from.plus(LATE_AFTER_MS), Action::CheckStart);
        due(window.until, Action::End);
        due(window.until.plus(LATE_AFTER_MS), Action::CheckEnd);
    }
    dues.sort();
    dues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(id: &str, role: Role, latency_ms: i64) -> CampaignChannel {
        CampaignChannel { id: id.to_owned(), role, latency_ms }
    }

    #[test]
    fn an_advert_is_never_up_while_the_till_is_not() {
        let (from, until) = (Millis(100 * Millis::DAY), Millis(110 * Millis::DAY));
        for latency_ms in [0, 30 * Millis::SECOND, 5 * Millis::MINUTE, Millis::HOUR, 40 * Millis::DAY] {
            let channels = [
                channel("till", Role::Checkout, latency_ms),
                channel("feed", Role::Advert, Millis::DAY),
                channel("label", Role::Advert, Millis::MINUTE),
            ];
            let windows = windows(from, until, CART_GRACE_MS, &channels);
            let till = windows["till"];
            assert_eq!((till.from, till.until), (from, until.plus(CART_GRACE_MS)));
            let till_live = till.from.plus(latency_ms.min(MOST_LATENCY_MS));
            for (advert, needs) in [("feed", Millis::DAY), ("label", Millis::MINUTE)] {
                assert!(windows[advert].from >= till_live, "{advert} at {latency_ms}");
                assert!(windows[advert].until.plus(needs) <= until, "{advert} at {latency_ms}");
            }
        }
    }

    #[test]
    fn an_advert_that_takes_longer_than_the_reduction_never_shows_it() {
        let channels = [channel("till", Role::Checkout, 1_000), channel("feed", Role::Advert, Millis::DAY)];
        let windows = windows(Millis(0), Millis(Millis::HOUR), 0, &channels);
        assert!((0..Millis::HOUR).step_by(1_000).all(|now| !windows["feed"].contains(Millis(now))));
        assert!(timetable(&windows).iter().all(|due| due.channel == "till"));
    }

    #[test]
    fn what_is_due_comes_in_order_and_every_end_is_checked() {
        let channels = [channel("till", Role::Checkout, 0), channel("feed", Role::Advert, 60_000)];
        let dues = timetable(&windows(Millis(0), Millis(Millis::DAY), CART_GRACE_MS, &channels));
        assert!(dues.is_sorted_by_key(|due| due.at));
        let ends: Vec<_> =
            dues.iter().filter(|due| due.action == Action::End).map(|due| due.channel.as_str()).collect();
        assert_eq!(ends, ["feed", "till"], "adverts stop first");
        assert_eq!(dues.iter().filter(|due| due.action == Action::CheckEnd).count(), 2);
    }

    #[test]
    fn a_window_includes_its_start_and_not_its_end() {
        let dkk = crate::money::Currency::DKK;
        let price = CampaignPrice {
            id: "bf".to_owned(),
            price: Money::from_minor(1, dkk),
            from: Millis(10),
            until: Millis(20),
        };
        assert!(!price.is_active(Millis(9)) && price.is_active(Millis(10)) && !price.is_active(Millis(20)));
    }
}
