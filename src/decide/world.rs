//! What rules refer to: markets, competitors, channels and the order among channels.

use crate::decide::facts::{Market, Tax};
use crate::decide::prior::Audience;
use crate::decide::rounding::Rounding;
use crate::decide::rules::{Adjust, Mode};
use crate::money::{Currency, Decimal};

/// A market and what its prices follow from.
#[derive(Debug, Clone)]
pub struct MarketRules {
    pub market: Market,
    /// The class of the VAT table.
    pub vat_class: String,
    /// The rule set for prior prices.
    pub omnibus: String,
    /// The market whose decisions this one's prices are converted from; it has no rules and no products of its own.
    pub derived_from: Option<String>,
}

/// A competitor and how its prices are to be read.
#[derive(Debug, Clone)]
pub struct Competitor {
    pub id: String,
    pub markets: Vec<String>,
    pub tax: Tax,
    pub currency: Option<Currency>,
    /// How much its offer counts in a rule's `mean`; 0: not at all.
    pub weight: u32,
    /// One of our own shops: never competition.
    pub own: bool,
}

/// How a channel's price follows from the decision.
#[derive(Debug, Clone)]
pub struct ChannelRules {
    pub id: String,
    pub kind: String,
    pub market: String,
    pub adjust: Option<Adjust>,
    pub rounding: Option<Rounding>,
    pub floor: Option<ChannelFloor>,
    /// Highest price, in major units of the channel's currency.
    pub ceiling: Option<Decimal>,
    /// How long a decision may take to be live there.
    pub converge_within_ms: Option<i64>,
    pub mode: Option<Mode>,
    /// Who sees its prices: everybody, or members only.
    pub audience: Audience,
}

/// The terms of a fee-aware floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelFloor {
    pub fee_pct_of_gross: Decimal,
    /// In major units of the channel's currency, without VAT.
    pub fee_fixed_net: Decimal,
    pub margin_pct: Decimal,
}

/// The first channel may never show a lower price than the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    pub never_below: (String, String),
    /// A price that has waited so long for the other channel goes out all the same; `None` waits for ever.
    pub best_effort_after_ms: Option<i64>,
}
