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
    /// The channel starts and ends prices by itself at a given time; it is told beforehand.
    pub schedules: bool,
    /// How long a change takes there (95th percentile).
    pub latency_ms: i64,
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
    /// Hand the window to a channel that schedules by itself.
    Stage,
    /// Alert if the channel has not confirmed the staging.
    CheckStaging,
    Start,
    /// Alert if the channel does not show the campaign price.
    CheckStart,
    End,
    /// Carts that were begun before the end lose the campaign price.
    EndGrace,
}

/// Everything that is due on the channels of a reduction `[from, until)`, in order.
///
/// Checkouts start up to a minute early and adverts at the start, or later where a checkout needs longer to change;
/// adverts end early by their own latency and checkouts at the end.
#[must_use]
pub fn timetable(from: Millis, until: Millis, channels: &[CampaignChannel]) -> Vec<Due> {
    let lead_ms = |channel: &CampaignChannel| channel.latency_ms.clamp(0, MOST_ADVERT_LEAD_MS);
    let checkouts = channels.iter().filter(|channel| channel.role == Role::Checkout && !channel.schedules);
    let slowest_ms = checkouts.map(lead_ms).max().unwrap_or(0);
    let advert_start = from.plus((slowest_ms - MOST_LEAD_MS).max(0));
    let mut dues = Vec::new();
    for channel in channels {
        let mut due = |at: Millis, action: Action| dues.push(Due { at, action, channel: channel.id.clone() });
        let (start, end) = match channel.role {
            Role::Checkout => (from.plus(-MOST_LEAD_MS.min(lead_ms(channel))), until),
            Role::Advert => (advert_start, until.plus(-lead_ms(channel)).max(advert_start)),
        };
        if channel.schedules {
            due(from.plus(-STAGING_DEADLINE_MS - lead_ms(channel)), Action::Stage);
            due(from.plus(-STAGING_DEADLINE_MS), Action::CheckStaging);
        } else {
            due(start, Action::Start);
            due(end, Action::End);
        }
        due(start.max(from).plus(START_FAILED_AFTER_MS), Action::CheckStart);
        if channel.role == Role::Checkout {
            due(until.plus(CART_GRACE_MS), Action::EndGrace);
        }
    }
    dues.sort();
    dues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(id: &str, role: Role, schedules: bool, latency_ms: i64) -> CampaignChannel {
        CampaignChannel { id: id.to_owned(), role, schedules, latency_ms }
    }

    #[test]
    fn an_advert_is_never_up_while_the_till_is_not() {
        let (from, until) = (Millis(100 * Millis::DAY), Millis(110 * Millis::DAY));
        for latency_ms in [0, 30 * Millis::SECOND, 5 * Millis::MINUTE, Millis::HOUR] {
            let channels = [
                channel("till", Role::Checkout, false, latency_ms),
                channel("feed", Role::Advert, false, Millis::DAY),
                channel("label", Role::Advert, false, Millis::MINUTE),
            ];
            let dues = timetable(from, until, &channels);
            let at = |id: &str, action: Action| {
                dues.iter().find(|due| due.channel == id && due.action == action).map(|due| due.at).unwrap()
            };
            let till_live = at("till", Action::Start).plus(latency_ms);
            for advert in ["feed", "label"] {
                assert!(at(advert, Action::Start) >= till_live, "{advert} at {latency_ms}");
                let gone = at(advert, Action::End).plus(if advert == "feed" { Millis::DAY } else { Millis::MINUTE });
                assert!(gone <= at("till", Action::End), "{advert} at {latency_ms}");
            }
        }
    }

    #[test]
    fn a_channel_that_schedules_is_told_before_the_deadline() {
        let (from, until) = (Millis(Millis::DAY), Millis(2 * Millis::DAY));
        let dues = timetable(from, until, &[channel("woo", Role::Checkout, true, Millis::MINUTE)]);
        let staged = dues.iter().find(|due| due.action == Action::Stage).unwrap();
        assert_eq!(from.since(staged.at), STAGING_DEADLINE_MS + Millis::MINUTE);
        assert!(dues.iter().all(|due| due.action != Action::Start));
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
