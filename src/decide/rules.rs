//! Pricing rules as the engine uses them: checked, ordered, ready to evaluate.
//!
//! A `RuleSet` exists only after every check passed; the engine never meets a rule that contradicts itself.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::decide::decision::{BelowFloor, TargetKind};
use crate::decide::facts::{Availability, Condition, Facts, Market, PriceKind};
use crate::decide::prior::Audience;
use crate::decide::rounding::Rounding;
use crate::decide::select::{Schedule, Selector};
pub use crate::decide::world::{ChannelFloor, ChannelRules, Competitor, Constraint, MarketRules};
use crate::money::Decimal;

/// A checked set of rules with everything it refers to.
#[derive(Debug, Clone)]
pub struct RuleSet {
    pub engine: EngineParams,
    pub combine: Combine,
    pub markets: Vec<MarketRules>,
    pub competitors: Vec<Competitor>,
    /// The competitors that are our own shops: looked up for every offer, so kept apart.
    pub own_shops: BTreeSet<String>,
    /// By falling priority, then by rising id: evaluation order.
    pub rules: Vec<Rule>,
    pub channels: Vec<ChannelRules>,
    pub constraints: Vec<Constraint>,
}

/// Settings of the whole engine.
#[derive(Debug, Clone)]
pub struct EngineParams {
    /// Markup on cost below which no price may go, whatever the rules say.
    pub min_floor_markup_pct: Decimal,
    pub ambiguous_priority: AmbiguousPriority,
    pub max_offer_age_ms: i64,
    pub stale_fx: StaleFx,
    pub run_breaker: RunBreaker,
}

impl Default for EngineParams {
    fn default() -> Self {
        Self {
            min_floor_markup_pct: Decimal::ZERO,
            ambiguous_priority: AmbiguousPriority::Warn,
            max_offer_age_ms: 24 * Millis::HOUR,
            stale_fx: StaleFx::Hold,
            run_breaker: RunBreaker::default(),
        }
    }
}

/// What two enabled rules of one priority that both match a product are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmbiguousPriority {
    #[default]
    Warn,
    Error,
}

/// What a decision does that needs rates which missed two publications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleFx {
    #[default]
    Hold,
    Last,
}

/// When a whole run is held for a person (section 4.6 of the semantics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunBreaker {
    /// Share of the products, between 0 and 1.
    pub max_share_changed: Decimal,
    /// Mean of the changes in percent, without sign.
    pub max_avg_change_pct: Decimal,
    /// A share means nothing in a run with fewer products.
    pub min_products: u32,
    /// An average means nothing over fewer changes.
    pub min_changes: u32,
}

impl Default for RunBreaker {
    fn default() -> Self {
        Self {
            max_share_changed: Decimal::from_parts(25, 0, 0, false, 2),
            max_avg_change_pct: Decimal::TEN,
            min_products: 20,
            min_changes: 5,
        }
    }
}

/// How the matching rules of a product become one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The first in evaluation order decides alone.
    #[default]
    First,
    Lowest,
    Highest,
    Average,
}

/// Whether a rule's decisions may go out by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Computed and logged only.
    Shadow,
    /// A person approves.
    #[default]
    Review,
    Auto,
}

/// One checked rule.
#[derive(Debug, Clone)]
pub struct Rule {
    pub id: String,
    pub priority: i64,
    pub enabled: bool,
    pub mode: Mode,
    /// Markets it applies to; empty means every market.
    pub markets: Vec<String>,
    pub schedule: Schedule,
    pub select: Selector,
    pub offers: OfferFilter,
    pub target: Target,
    pub adjust: Option<Adjust>,
    pub min: Vec<Bound>,
    pub max: Vec<Bound>,
    pub on_conflict: OnConflict,
    pub on_below_floor: BelowFloor,
    pub on_no_data: Vec<Fallback>,
    pub rounding: Option<Rounding>,
    pub limits: Limits,
}

/// Which offers a rule may see.
#[derive(Debug, Clone)]
pub struct OfferFilter {
    /// Competitors that may be seen; empty means all.
    pub include: BTreeSet<String>,
    pub exclude: BTreeSet<String>,
    /// Why these are left out, in the operator's words: leaving a seller out by agreement with it is a cartel.
    pub exclude_reason: Option<String>,
    pub availability: Vec<Availability>,
    pub condition: Vec<Condition>,
    pub kinds: Vec<PriceKind>,
    /// Sellers below this rating, and sellers without one, are left out.
    pub min_rating: Option<Decimal>,
    pub min_offers: u32,
    /// Age limit of this rule; none means the engine's, or one and a half fetch intervals of a slow listing.
    pub max_age_ms: Option<i64>,
    pub basis: Basis,
    pub out_of_bounds: OutOfBounds,
}

impl Default for OfferFilter {
    fn default() -> Self {
        Self {
            include: BTreeSet::new(),
            exclude: BTreeSet::new(),
            exclude_reason: None,
            availability: vec![Availability::InStock],
            condition: vec![Condition::New],
            kinds: vec![PriceKind::Exact],
            min_rating: None,
            min_offers: 1,
            max_age_ms: None,
            basis: Basis::Item,
            out_of_bounds: OutOfBounds::Compete,
        }
    }
}

/// Whether delivery is part of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    #[default]
    Item,
    Delivered,
}

/// Whether offers outside floor and ceiling count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfBounds {
    #[default]
    Compete,
    Ignore,
}

/// What a rule aims at. Percentages and amounts are in percent and in major units of the market's currency.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    Lowest,
    Highest,
    /// One minor unit below the n-th cheapest offer, unless an adjustment says otherwise.
    Rank(u32),
    Mean,
    Median,
    /// `lowest + (highest - lowest) * percent / 100`.
    Range(Decimal),
    /// The first of these competitors that has an eligible offer.
    Competitor(Vec<String>),
    CostPlus(CostPlus),
    Field(PriceField),
    Keep,
}

impl Target {
    #[must_use]
    pub const fn kind(&self) -> TargetKind {
        match self {
            Self::Lowest => TargetKind::Lowest,
            Self::Highest => TargetKind::Highest,
            Self::Rank(_) => TargetKind::Rank,
            Self::Mean => TargetKind::Mean,
            Self::Median => TargetKind::Median,
            Self::Range(_) => TargetKind::Range,
            Self::Competitor(_) => TargetKind::Competitor,
            Self::CostPlus(_) => TargetKind::CostPlus,
            Self::Field(_) => TargetKind::Field,
            Self::Keep => TargetKind::Keep,
        }
    }
}

/// What is added to the purchase cost. Margin and markup are net figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostPlus {
    MarginPct(Decimal),
    MarkupPct(Decimal),
    PlusNet(Decimal),
}

/// A price that our own catalogue carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceField {
    Msrp,
    Regular,
    Map,
}

/// `reference * (1 + percent / 100) + amount`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adjust {
    pub percent: Decimal,
    pub amount: Decimal,
}

/// A minimum or maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Cost(CostPlus),
    Field(PriceField),
    Amount(Decimal),
}

/// What a floor above the ceiling means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    #[default]
    Hold,
    Floor,
}

/// What stands in when there is no reference; the first usable one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The last reference if it is not older than this.
    LastReference {
        max_age_ms: i64,
    },
    Field(PriceField),
    /// The ceiling.
    Max,
    /// The floor.
    Min,
    Keep,
    Hold,
}

/// How far and how often a price may move. Percentages of the current price, or of the day's first price.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub max_step_down_pct: Option<Decimal>,
    pub max_step_up_pct: Option<Decimal>,
    pub max_day_down_pct: Option<Decimal>,
    pub max_day_up_pct: Option<Decimal>,
    pub min_change: Option<Decimal>,
    pub min_change_pct: Option<Decimal>,
    pub cooldown_ms: Option<i64>,
    /// Up to this much longer, by a hash of product and last change: machines that wait equally long meet again.
    pub cooldown_jitter_pct: Option<Decimal>,
    pub max_changes_per_day: Option<u32>,
    pub review_above_pct: Option<Decimal>,
}

impl RuleSet {
    #[must_use]
    pub fn market(&self, id: &str) -> Option<&MarketRules> {
        self.markets.iter().find(|market| market.market.id == id)
    }

    /// The market whose decisions a market's prices are converted from; none for one with rules of its own.
    #[must_use]
    pub fn source_of(&self, id: &str) -> Option<&str> {
        let mut source = self.market(id)?.derived_from.as_deref()?;
        // The loader refuses circles, so the walk ends.
        while let Some(next) = self.market(source).and_then(|market| market.derived_from.as_deref()) {
            source = next;
        }
        Some(source)
    }

    /// A channel's market and the market that its prices come from, where a product that is priced in `market` is none of
    /// that one's.
    #[must_use]
    pub fn other_source(&self, channel: &str, market: &str) -> Option<(&str, &str)> {
        let derived = &self.channel(channel)?.market;
        self.source_of(derived).filter(|source| *source != market).map(|source| (derived.as_str(), source))
    }

    #[must_use]
    pub fn competitor(&self, id: &str) -> Option<&Competitor> {
        self.competitors.iter().find(|competitor| competitor.id == id)
    }

    /// How much a competitor's offer counts in an average: 1 unless the file says otherwise.
    #[must_use]
    pub fn weight(&self, competitor: &str) -> u32 {
        self.competitor(competitor).map_or(1, |known| known.weight)
    }

    /// Whether a competitor is one of our own shops, by the facts or by this file.
    #[must_use]
    pub fn is_own(&self, facts: &Facts, competitor: &str) -> bool {
        self.own_shops.contains(competitor) || facts.own_shops.iter().any(|own| own == competitor)
    }

    /// Who sees a channel's prices; everybody where the file does not say.
    #[must_use]
    pub fn audience(&self, channel: &str) -> Audience {
        self.channel(channel).map_or(Audience::Public, |rules| rules.audience)
    }

    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    #[must_use]
    pub fn channel(&self, id: &str) -> Option<&ChannelRules> {
        self.channels.iter().find(|channel| channel.id == id)
    }
}

impl Rule {
    /// Whether the rule is in force in a market at an instant, whatever the product.
    #[must_use]
    pub fn is_open(&self, market: &Market, now: Timestamp) -> bool {
        self.is_for(market) && self.schedule.is_open(market, now)
    }

    /// Whether the rule is in force in a market at any time.
    #[must_use]
    pub fn is_for(&self, market: &Market) -> bool {
        self.enabled && (self.markets.is_empty() || self.markets.contains(&market.id))
    }
}
