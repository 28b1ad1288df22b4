//! Which products a rule applies to, and when.
//!
//! An unknown figure matches no comparison: a rule for scarce goods must not fire because stock is unknown.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use crate::decide::facts::{Availability, Facts, Market, OfferFact, Product, Standing};
use crate::decide::rules::RuleSet;
use crate::money::{self, Decimal};

/// When a rule is open: validity, weekdays and hours, the latter two in the market's local time.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    /// Monday is bit 0; none means every day.
    pub days: Option<u8>,
    pub hours: Option<Hours>,
}

/// Minutes since local midnight, `[from, until)`; a span whose start is later than its end crosses midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    pub from_min: u16,
    pub until_min: u16,
}

impl Hours {
    /// Reads `06:00-22:00`; `24:00` is the end of the day. None for anything else and for an empty span.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let hours = Self { from_min: minute_of_day(from.trim())?, until_min: minute_of_day(until.trim())? };
        (hours.from_min != hours.until_min && hours.from_min < 24 * 60).then_some(hours)
    }

    #[must_use]
    pub const fn contains(self, minute: u16) -> bool {
        if self.from_min < self.until_min {
            self.from_min <= minute && minute < self.until_min
        } else {
            minute >= self.from_min || minute < self.until_min
        }
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    (minute < 60 && (hour < 24 || hour == 24 && minute == 0)).then_some(hour * 60 + minute)
}

impl Schedule {
    #[must_use]
    pub fn is_open(&self, market: &Market, now: Timestamp) -> bool {
        if self.from.is_some_and(|from| now < from) || self.until.is_some_and(|until| now >= until) {
            return false;
        }
        if self.days.is_none() && self.hours.is_none() {
            return true;
        }
        let local = market.tz.0.to_datetime(now);
        let day = 1_u8 << local.date().weekday().to_monday_zero_offset();
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        self.days.is_none_or(|days| days & day != 0) && self.hours.is_none_or(|hours| hours.contains(minute))
    }
}

/// Which products: every key that is present must hold; a list holds if one element does.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    pub brand: BTreeSet<String>,
    pub category_under: Vec<String>,
    pub sku: BTreeSet<String>,
    pub tags_any: BTreeSet<String>,
    pub tags_none: BTreeSet<String>,
    pub own_stock: Option<Comparison>,
    pub cost_net: Option<Comparison>,
    pub current: Option<Comparison>,
    pub margin_pct: Option<Comparison>,
    pub in_stock_competitors: Option<Comparison>,
}

impl Selector {
    /// Whether the rule applies to the product. `rules` says which competitors are our own shops, and how old their
    /// stock figures may be.
    #[must_use]
    pub fn matches(&self, facts: &Facts, rules: &RuleSet, now_ms: i64) -> bool {
        self.matches_product(facts) && self.matches_stock(facts, rules, now_ms)
    }

    /// Whether the rule applies to the product, as far as that does not depend on competitors.
    #[must_use]
    pub fn matches_product(&self, facts: &Facts) -> bool {
        let product = &facts.product;
        self.names(product)
            && holds(self.own_stock, || product.own_stock.map(Decimal::from))
            && holds(self.cost_net, || facts.in_market(product.cost_net))
            && holds(self.current, || facts.in_market(product.current))
            && holds(self.margin_pct, || product.current.and_then(|price| facts.margin_pct(price)))
    }

    /// Whether the rule could apply to the product, whatever its stock, its cost and its price are.
    #[must_use]
    pub fn names(&self, product: &Product) -> bool {
        let listed = |set: &BTreeSet<String>, value: Option<&String>| {
            set.is_empty() || value.is_some_and(|value| set.contains(value))
        };
        listed(&self.brand, product.brand.as_ref())
            && listed(&self.sku, Some(&product.sku))
            && self.matches_category(product.category.as_deref())
            && (self.tags_any.is_empty() || product.tags.iter().any(|tag| self.tags_any.contains(tag)))
            && !product.tags.iter().any(|tag| self.tags_none.contains(tag))
    }

    fn matches_category(&self, category: Option<&str>) -> bool {
        self.category_under.is_empty()
            || category.is_some_and(|category| self.category_under.iter().any(|under| is_under(category, under)))
    }

    fn matches_stock(&self, facts: &Facts, rules: &RuleSet, now_ms: i64) -> bool {
        let Some(comparison) = self.in_stock_competitors else { return true };
        let (surely, possibly) = competitors_in_stock(facts, rules, now_ms);
        // The true number lies between the two, so a comparison is only true if it is true at both ends.
        comparison.holds(Decimal::from(surely)) && comparison.holds(Decimal::from(possibly))
    }
}

fn holds(comparison: Option<Comparison>, figure: impl FnOnce() -> Option<Decimal>) -> bool {
    comparison.is_none_or(|comparison| figure().is_some_and(|figure| comparison.holds(figure)))
}

/// Whether a category path is the given one or lies below it, by whole segments.
#[must_use]
pub fn is_under(category: &str, under: &str) -> bool {
    category.strip_prefix(under.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A category and everything above it: `audio/headphones`, `audio`.
pub fn upwards(category: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(category), |path| path.rsplit_once('/').map(|(above, _)| above))
}

/// Competitors that surely have the product in stock, and those that may have it.
fn competitors_in_stock(facts: &Facts, rules: &RuleSet, now_ms: i64) -> (u32, u32) {
    let mut surely = BTreeSet::new();
    let mut possibly = BTreeSet::new();
    for offer in facts.offers.iter().filter(|offer| offer.standing == Standing::Accepted) {
        if rules.is_own(facts, &offer.competitor) {
            continue;
        }
        let fresh = now_ms.saturating_sub(offer.observed_at.0) <= rules.engine.max_offer_age_ms;
        match stock_of(offer) {
            Some(true) if fresh => _ = surely.insert(offer.competitor.as_str()),
            Some(false) if fresh => {}
            _ => _ = possibly.insert(offer.competitor.as_str()),
        }
    }
    let count = |set: BTreeSet<&str>| u32::try_from(set.len()).unwrap_or(u32::MAX);
    possibly.extend(&surely);
    (count(surely), count(possibly))
}

fn stock_of(offer: &OfferFact) -> Option<bool> {
    match offer.availability {
        Availability::InStock => Some(true),
        Availability::OutOfStock if !offer.absence_confirmed => None,
        Availability::Unknown => None,
        _ => Some(false),
    }
}

/// A comparison with a number, such as `>=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    operator: Operator,
    number: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    AtMost,
    Equal,
    NotEqual,
    AtLeast,
    More,
}

impl Comparison {
    /// Reads an operator (`< <= == = != >= >`) and a plain decimal; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const OPERATORS: [(&str, Operator); 7] = [
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            (">", Operator::More),
            ("=", Operator::Equal),
        ];
        let text = text.trim();
        let (operator, number) = OPERATORS.iter().find_map(|(sign, op)| Some((*op, text.strip_prefix(sign)?)))?;
        Some(Self { operator, number: money::decimal(number.trim()).ok()? })
    }

    #[must_use]
    pub fn holds(self, figure: Decimal) -> bool {
        match self.operator {
            Operator::Less => figure < self.number,
            Operator::AtMost => figure <= self.number,
            Operator::Equal => figure == self.number,
            Operator::NotEqual => figure != self.number,
            Operator::AtLeast => figure >= self.number,
            Operator::More => figure > self.number,
        }
    }
}

/// The operator and the number in its shortest writing, without a space: `>=1`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.operator {
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::AtLeast => ">=",
            Operator::More => ">",
        };
        write!(f, "{sign}{}", self.number.normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_an_operator_and_a_plain_decimal() {
        assert!(Comparison::parse(">=1").unwrap().holds(Decimal::ONE));
        assert!(!Comparison::parse("<15").unwrap().holds(Decimal::from(15)));
        assert!(Comparison::parse("<=15").unwrap().holds(Decimal::from(15)));
        assert!(!Comparison::parse(">15").unwrap().holds(Decimal::from(15)));
        assert!(Comparison::parse("!= 2.5").unwrap().holds(Decimal::TWO));
        for text in ["", "1", "=>1", "<", "< 1e3", ">1_000", "<>1"] {
            assert!(Comparison::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn hours_may_cross_midnight_and_end_exclusively() {
        let night = Hours::parse("22:00-06:00").unwrap();
        assert!(night.contains(22 * 60) && night.contains(0) && night.contains(359));
        assert!(!night.contains(360) && !night.contains(21 * 60 + 59));
        assert!(Hours::parse("00:00-24:00").unwrap().contains(1439));
        let day = Hours::parse("06:00-22:00").unwrap();
        assert!(day.contains(360) && !day.contains(22 * 60) && !day.contains(359));
        for text in ["6:00-22:00", "06:00", "25:00-26:00", "06:60-07:00", "06:00-06:00", "24:00-06:00"] {
            assert!(Hours::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_category_is_compared_by_whole_segments() {
        assert!(is_under("audio/headphones", "audio/headphones"));
        assert!(is_under("audio/headphones/wireless", "audio/headphones/"));
        assert!(!is_under("audio/headphones-accessories", "audio/headphones"));
    }
}
