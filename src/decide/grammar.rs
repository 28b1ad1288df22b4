//! The written form of a rule file (schema 1), exactly as a person types it: serde types that refuse unknown keys.
//!
//! Nothing here is checked beyond its type; `check` turns these into a [`RuleSet`](crate::decide::rules::RuleSet).

use std::fmt;

use jiff::Timestamp;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::decide::decision::{BelowFloor, TargetKind};
use crate::decide::facts::{Availability, Condition, PriceKind, Tax};
use crate::decide::prior::Audience;
use crate::decide::rounding::Direction;
use crate::decide::rules::{AmbiguousPriority, Basis, Combine, Mode, OnConflict, OutOfBounds, PriceField, StaleFx};
use crate::decide::text::Quoted;
use crate::money::{self, Decimal};

/// The keys outside all sections.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Head {
    pub schema: Option<i64>,
    pub combine: Combine,
}

/// `[engine]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineText {
    pub min_floor_markup_pct: Option<Quoted>,
    pub allow_below_cost: bool,
    pub ambiguous_priority: AmbiguousPriority,
    pub max_offer_age: Option<Span>,
    pub stale_fx: StaleFx,
    pub run_breaker: Option<RunBreakerText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunBreakerText {
    pub max_share_changed: Option<Quoted>,
    pub max_avg_change_pct: Option<Quoted>,
    pub min_products: Option<u32>,
    pub min_changes: Option<u32>,
}

/// `[[market]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketText {
    pub id: Option<String>,
    pub country: Option<String>,
    pub currency: Option<String>,
    pub tax: Tax,
    pub tz: Option<String>,
    pub vat: Option<String>,
    pub omnibus: Option<String>,
    pub map_allowed: bool,
    pub derived_from: Option<String>,
    pub price_increment: Option<Quoted>,
}

/// `[[competitor]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompetitorText {
    pub id: Option<String>,
    pub markets: Vec<String>,
    pub tax: Tax,
    pub currency: Option<String>,
    pub weight: Option<u32>,
    #[serde(rename = "self")]
    pub own: bool,
}

/// `[[rule]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleText {
    pub id: Option<String>,
    pub priority: Option<i64>,
    pub enabled: Option<bool>,
    pub mode: Option<Mode>,
    pub markets: Names,
    pub valid: ValidText,
    pub days: Option<Vec<Day>>,
    pub hours: Option<String>,
    pub select: SelectText,
    pub offers: OffersText,
    pub target: Option<TargetText>,
    pub adjust: Option<AdjustText>,
    pub bounds: BoundsText,
    /// Also accepted inside `bounds`.
    pub on_below_floor: Option<BelowFloor>,
    /// Also accepted inside `bounds`.
    pub on_no_data: Option<Vec<FallbackText>>,
    /// Also accepted inside `bounds`.
    pub on_conflict: Option<OnConflict>,
    pub rounding: Option<RoundingText>,
    pub limits: LimitsText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidText {
    pub from: Option<Instant>,
    pub until: Option<Instant>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelectText {
    pub brand: Names,
    pub category_under: Names,
    pub sku: Names,
    pub tags_any: Names,
    pub tags_none: Names,
    pub own_stock: Option<String>,
    pub cost_net: Option<String>,
    pub current: Option<String>,
    pub margin_pct: Option<String>,
    pub in_stock_competitors: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OffersText {
    pub include: Names,
    pub exclude: Names,
    pub exclude_reason: Option<String>,
    pub availability: Option<Vec<Availability>>,
    pub condition: Option<Vec<Condition>>,
    pub kinds: Option<Vec<PriceKind>>,
    pub min_rating: Option<Figure>,
    pub min_offers: Option<u32>,
    pub max_age_h: Option<Figure>,
    pub basis: Basis,
    pub out_of_bounds: OutOfBounds,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetText {
    pub kind: TargetKind,
    pub n: Option<u32>,
    pub pct: Option<Quoted>,
    pub names: Option<Names>,
    pub margin_pct: Option<Quoted>,
    pub markup_pct: Option<Quoted>,
    pub plus_net: Option<Quoted>,
    pub field: Option<PriceField>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdjustText {
    pub percent: Option<Quoted>,
    pub amount: Option<Quoted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoundsText {
    pub min: Vec<BoundText>,
    pub max: Vec<BoundText>,
    pub on_conflict: Option<OnConflict>,
    pub on_below_floor: Option<BelowFloor>,
    pub on_no_data: Option<Vec<FallbackText>>,
    /// A rule that aims above a competitor says so where it means to have no maximum.
    pub no_ceiling: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundText {
    MarginPct(Quoted),
    MarkupPct(Quoted),
    PlusNet(Quoted),
    Field(PriceField),
    Amount(Quoted),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackText {
    LastReferenceH(Figure),
    Regular,
    Msrp,
    Map,
    Max,
    Min,
    Keep,
    Hold,
}

/// One tier written directly, or several under `tiers`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoundingText {
    pub direction: Direction,
    pub modulus: Option<Quoted>,
    pub endings: Option<Vec<Quoted>>,
    pub tiers: Option<Vec<TierText>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TierText {
    pub below: Option<Quoted>,
    pub modulus: Option<Quoted>,
    pub endings: Option<Vec<Quoted>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsText {
    pub max_step_down_pct: Option<Quoted>,
    pub max_step_up_pct: Option<Quoted>,
    pub max_day_down_pct: Option<Quoted>,
    pub max_day_up_pct: Option<Quoted>,
    pub min_change: Option<Quoted>,
    pub min_change_pct: Option<Quoted>,
    pub cooldown_min: Option<u32>,
    pub cooldown_jitter_pct: Option<Quoted>,
    pub max_changes_per_day: Option<u32>,
    pub review_above_pct: Option<Quoted>,
}

/// `[[channel]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelText {
    pub id: Option<String>,
    pub kind: Option<String>,
    pub market: Option<String>,
    pub mode: Option<Mode>,
    pub adjust: Option<AdjustText>,
    pub rounding: Option<RoundingText>,
    pub floor: Option<ChannelFloorText>,
    pub ceiling: Option<Quoted>,
    pub converge_within: Option<Span>,
    pub audience: Audience,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelFloorText {
    pub fee_pct_of_gross: Option<Quoted>,
    pub fee_fixed_net: Option<Quoted>,
    pub margin_pct: Option<Quoted>,
}

/// `[[constraint]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConstraintText {
    pub never_below: Option<(String, String)>,
    pub on_failure: OnFailure,
    pub after: Option<Span>,
}

/// What follows when the channel that has to change first does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The other one waits for as long as it takes.
    #[default]
    Strict,
    /// The other one goes on after a time.
    BestEffort,
}

/// A weekday by its first three letters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// One name or a list of names.
#[derive(Debug, Clone, Default)]
pub struct Names(pub Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a list of names")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(NamesVisitor)
    }
}

/// A number that is not money (an age in hours, a rating): bare or quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure(pub Decimal);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match toml::Value::deserialize(deserializer)? {
            toml::Value::Integer(number) => return Ok(Self(Decimal::from(number))),
            // Only the shortest text of the number is used; nothing is computed with the float.
            toml::Value::Float(number) => number.to_string(),
            toml::Value::String(text) => text,
            other => return Err(D::Error::custom(format!("expected a number, found {}", other.type_str()))),
        };
        money::decimal(&text).map(Self).map_err(D::Error::custom)
    }
}

/// An instant with its offset, as a TOML datetime or as text.
#[derive(Debug, Clone, Copy)]
pub struct Instant(pub Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => text,
            toml::Value::Datetime(datetime) => datetime.to_string(),
            other => return Err(D::Error::custom(format!("expected an instant, found {}", other.type_str()))),
        };
        let invalid = |_| D::Error::custom(format!("`{text}` is not an instant such as 2026-11-20T00:00:00+01:00"));
        text.parse().map(Self).map_err(invalid)
    }
}

/// A span of time such as `24h` or `15m`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub i64);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let invalid = || D::Error::custom(format!("`{text}` is not a span of time such as \"24h\" or \"15m\""));
        span_ms(&text).map(Self).ok_or_else(invalid)
    }
}

fn span_ms(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit_ms).filter(|ms| *ms > 0)
}
