//! What a digest is made of: one window of the log and the state at its end, already cut to the reader's scope.

use super::chart::Chart;
use super::lang::Limit;
use super::market::Figures;
use super::metrics::FreshnessFigures;
use super::moves::{Moved, SoldOut};
use crate::clock::Millis;
use crate::config::Mode;
use crate::decide::Decision;
use crate::decide::war_response::WarResponse;
use crate::money::{Money, WirePrice, currency};
use crate::store::decisions::{Held, NamedDecision, OutcomeCount, Review};
use crate::store::events::Event;
use crate::store::observations::Waiting;
use crate::store::progress::{Parity, Unsettled};
use crate::store::targets::Unhealthy;

/// Everything that a digest tells. Lists are whole; how many rows are shown is the digest's affair.
#[derive(Debug, Clone)]
pub struct Facts {
    pub from: Millis,
    pub until: Millis,
    /// When it is told; later than `until` after an outage.
    pub at: Millis,
    pub mode: Mode,
    pub paused: Option<String>,
    /// Markets of the scope, by their ids.
    pub markets: Vec<String>,
    pub products: usize,
    /// Age limit of competing prices in milliseconds.
    pub max_age: i64,
    pub reviews: Vec<(Review, Told)>,
    pub held: Vec<(Held, Told)>,
    /// Holds that end by themselves or are not worth anybody's time.
    pub resting: usize,
    /// Open events, critical ones first, then the oldest.
    pub events: Vec<Event>,
    /// The configured answer to a rivalry.
    pub rivalry: WarResponse,
    /// Listings that should show their decision by now and do not, and those that never will by themselves.
    pub late: Vec<Unsettled>,
    pub waiting: Vec<Waiting>,
    pub unhealthy: Vec<Unhealthy>,
    /// One row for each product and competitor that moved.
    pub moves: Vec<Moved>,
    /// Rows whose change is below the reader's thresholds.
    pub small_moves: usize,
    /// Every competitor that moved, the most active first, whatever the reader's thresholds.
    pub active: Vec<Active>,
    /// One row for each product that changed, those that weigh most first.
    pub changes: Vec<OurChange>,
    /// Changes of ours below the reader's thresholds.
    pub small_changes: usize,
    pub outcomes: Vec<OutcomeCount>,
    pub parity: Vec<Parity>,
    pub market: MarketFacts,
    pub headroom: Vec<Headroom>,
    pub sold_out: Vec<SoldOut>,
    pub overtaken: Vec<Overtaken>,
    pub floors: Vec<AtFloor>,
    pub campaigns: Vec<Campaign>,
    pub histories: Vec<History>,
    /// When the last backup was made.
    pub backup: Option<Millis>,
    /// Deviations that every report repeats, such as robots.txt being ignored and why.
    pub notices: Vec<String>,
}

/// What we did to the price of one product in the window, in one money: its newest decision, with the price before the
/// first one.
#[derive(Debug, Clone)]
pub struct OurChange {
    pub row: NamedDecision,
    pub told: Told,
    /// Decisions of the window.
    pub times: usize,
}

/// How often a competitor's prices moved in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    pub name: String,
    pub up: usize,
    pub down: usize,
}

/// The market as it stands, at the beginning of the window and a week ago.
#[derive(Debug, Clone, Default)]
pub struct MarketFacts {
    pub now: Figures,
    pub before: Figures,
    pub week: Figures,
    pub freshness: Option<FreshnessFigures>,
    /// The index over the last weeks, in hundredths of a percent.
    pub trend: Option<Chart>,
}

/// How far a price could rise before it reaches the next offer; only where we are the cheapest.
#[derive(Debug, Clone)]
pub struct Headroom {
    pub sku: String,
    pub title: String,
    pub amount: Money,
    pub competitor: String,
    pub price: Money,
}

/// A product whose lowest price was ours when the window began and is not any more.
#[derive(Debug, Clone)]
pub struct Overtaken {
    pub sku: String,
    pub title: String,
    pub competitor: String,
    pub price: Money,
}

/// A product that its floor keeps from where the rule wants it.
#[derive(Debug, Clone)]
pub struct AtFloor {
    pub sku: String,
    pub title: String,
    pub floor: Option<Money>,
    /// What we ask, where that is less than the floor: nothing holds it up yet.
    pub below: Option<Money>,
}

/// A campaign that starts, runs or ends around now.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub name: String,
    /// Members alone get its price.
    pub for_members: bool,
    pub stage: Stage,
    /// Its products inside the reader's scope.
    pub products: usize,
    /// How far channels show it; empty before its start.
    pub channels: Vec<OnChannel>,
    pub claims: Vec<Claims>,
}

impl Campaign {
    /// Whether a second person must agree to it.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(self.stage, Stage::Waits { .. })
    }

    /// Whether it is worth a mail by itself: it starts or ends within the window or the day after it, or something about
    /// it is not as it should be.
    #[must_use]
    pub fn is_news(&self, from: Millis, now: Millis) -> bool {
        let near = |at: Millis| at > from && at <= now.plus(Millis::DAY);
        let missing = |channel: &OnChannel| channel.live + channel.unverified < channel.listings;
        match &self.stage {
            Stage::Starts(at) | Stage::Ended(at) if near(*at) => true,
            Stage::Starts(_) => false,
            Stage::Runs { until } => near(*until) || self.channels.iter().any(missing),
            Stage::Ended(_) => self.channels.iter().any(|channel| channel.still > 0),
            Stage::Waits { .. } | Stage::Cancelled { .. } => true,
        }
    }
}

/// Where a campaign is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    Starts(Millis),
    /// A second person must agree, who is none of those.
    Waits {
        /// The campaign's number.
        id: i64,
        until: Millis,
        planned_by: String,
        why: String,
    },
    Runs {
        until: Millis,
    },
    Ended(Millis),
    Cancelled {
        why: String,
    },
}

/// Listings of a campaign on one channel.
#[derive(Debug, Clone)]
pub struct OnChannel {
    pub channel: String,
    pub listings: i64,
    /// Read back with the campaign's price.
    pub live: i64,
    /// Acknowledged by a channel that cannot be read.
    pub unverified: i64,
    /// Read back with the campaign's price although another is wanted: a late end.
    pub still: i64,
}

/// What may be said about a campaign's reductions in one country.
#[derive(Debug, Clone)]
pub struct Claims {
    /// ISO 3166-1 code.
    pub country: String,
    /// Listings whose reduction may be announced, and all of them.
    pub allowed: usize,
    pub of: usize,
    /// The prior price, where all listings have the same.
    pub prior: Option<WirePrice>,
    /// Why the others may not be announced: sentences of the program.
    pub reasons: Vec<String>,
}

/// The price history of an important product.
#[derive(Debug, Clone)]
pub struct History {
    pub sku: String,
    pub title: String,
    pub currency: String,
    pub chart: Chart,
}

/// Why a price is what it is, from the record of its decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub rule: Option<String>,
    pub reference: Option<Money>,
    /// Who asks the reference.
    pub competitor: Option<String>,
    pub floor: Option<Money>,
    pub limits: Vec<Limit>,
    pub approved_by: Option<String>,
    pub adopted_from: Option<String>,
    /// What guards found: sentences of the program, or of a person.
    pub findings: Vec<String>,
}

/// The part of a stored record that a reader is told; more keys are the flow's own affair.
#[derive(serde::Deserialize)]
struct Record {
    decision: Decision,
    facts: Seen,
    #[serde(default)]
    release: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Seen {
    #[serde(default)]
    offers: Vec<crate::decide::facts::OfferFact>,
}

impl Told {
    /// Reads a stored record; one of another shape tells nothing.
    #[must_use]
    pub fn of(record: &str, code: &str) -> Self {
        let (Ok(record), Ok(own)) = (serde_json::from_str::<Record>(record), currency(code)) else {
            return Self::default();
        };
        let decision = &record.decision;
        let reference = decision.reference;
        let mut limits: Vec<Limit> = Vec::new();
        for limit in decision.flags.iter().filter_map(|flag| Limit::of(*flag)) {
            if !limits.contains(&limit) {
                limits.push(limit);
            }
        }
        let mut told = Self {
            rule: decision.rule.clone(),
            reference: reference.and_then(|value| Money::rounded(value, own, crate::decide::rounding::DISPLAY).ok()),
            competitor: decision
                .reference_offer()
                .and_then(|index| record.facts.offers.get(index))
                .map(|offer| offer.competitor.clone()),
            floor: decision.floor,
            limits,
            ..Self::default()
        };
        for reason in record.release {
            if let Some(rest) = reason.strip_prefix("approved by ") {
                // Two persons agreed, where a price needs two.
                let before = told.approved_by.take().map_or_else(String::new, |before| format!("{before}; "));
                told.approved_by = Some(before + rest);
            } else if let Some(channel) = reason.strip_prefix("adopted from ") {
                told.adopted_from = Some(channel.to_owned());
            } else if !reason.starts_with("mode = ") {
                told.findings.push(reason);
            }
        }
        told
    }
}
