//! Whether one observed price may be believed: accepted, suspect, quarantined or rejected, with the reason.
//!
//! One wrong observation must neither lower nor raise our price. What is not accepted never reaches a rule; the price
//! accepted before stays usable until it is too old. Every threshold is a parameter with a default.

use rust_decimal::RoundingStrategy;

use crate::clock::Millis;
use crate::money::{Currency, Decimal, Money};
use crate::observe::war::quoted;
use crate::observe::zscore::{self, Log};

/// One hundredth and less is no price in any currency.
const LEAST_PRICE: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// Thresholds of the gate; a section of the configuration. The defaults are engineering choices, not standards; count their effect before changing them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateParams {
    /// Amounts that shops show instead of a price, in whole units of the currency.
    pub placeholders: Vec<u32>,
    /// How near a tax conversion or a repeated observation must be, in percent.
    #[serde(with = "quoted")]
    pub same_pct: Decimal,
    /// How near a factor of ten must be, in percent.
    #[serde(with = "quoted")]
    pub shift_pct: Decimal,
    /// How near an instalment or a unit price must be, in percent.
    #[serde(with = "quoted")]
    pub part_pct: Decimal,
    /// Numbers of instalments that shops offer.
    pub instalments: Vec<u32>,
    /// Accepted observations needed for a robust score.
    pub least_history: usize,
    /// With a short history, a factor beyond this either way is suspicious.
    #[serde(with = "quoted")]
    pub jump_factor: Decimal,
    /// A change beyond this factor either way needs three equal observations instead of two.
    #[serde(with = "quoted")]
    pub large_factor: Decimal,
    /// A new price within this factor of the others' median is inside the market.
    #[serde(with = "quoted")]
    pub level_factor: Decimal,
    pub level_offers: usize,
    pub moving_offers: usize,
    /// Re-fetches closer together may be one cached page.
    pub refetch_after_ms: i64,
    /// After this time, the same value is believed even if it looks like another tax view.
    pub settled_after_ms: i64,
}

impl Default for GateParams {
    fn default() -> Self {
        Self {
            placeholders: vec![1, 9_999, 99_999, 123_456],
            same_pct: Decimal::new(5, 1),
            shift_pct: Decimal::ONE,
            part_pct: Decimal::new(15, 1),
            instalments: vec![6, 10, 12, 18, 20, 24, 30, 36, 48],
            least_history: 5,
            jump_factor: Decimal::new(130, 2),
            large_factor: Decimal::TWO,
            level_factor: Decimal::new(125, 2),
            level_offers: 3,
            moving_offers: 2,
            refetch_after_ms: 10 * Millis::MINUTE,
            settled_after_ms: Millis::DAY,
        }
    }
}

/// An observed price with what stood near it.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub amount: Decimal,
    /// None for a currency that is not one.
    pub currency: Option<Currency>,
    pub marker: Option<Marker>,
    pub tax_label: Option<TaxLabel>,
    /// Pieces in the offered pack.
    pub pack_qty: u32,
    /// Later fetches of the same page, oldest first.
    pub refetches: Vec<Refetch>,
}

/// A later fetch of the same page with a fresh session.
#[derive(Debug, Clone, Copy)]
pub struct Refetch {
    pub after_ms: i64,
    pub amount: Decimal,
}

/// Words near the number that say it is not the price of the article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    PerMonth,
    PerUnit,
    From,
    Net,
    Member,
}

/// A label near the number about VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxLabel {
    Incl,
    Excl,
}

/// What is known besides the observation.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The currency of the competitor's market.
    pub currency: Option<Currency>,
    /// In percent.
    pub vat_pct: Decimal,
    /// Accepted amounts of this listing, oldest first: the last 30 of the last 90 days, at most one per six hours.
    pub history: Vec<Decimal>,
    /// Comparable accepted prices of other competitors now.
    pub others: Vec<Decimal>,
    /// How the others moved within the last 72 hours, each as the logarithm of its factor.
    pub others_moved: Vec<Log>,
}

/// What becomes of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Accepted,
    /// Waiting for a confirmation.
    Suspect,
    /// Needs another page, a better parser or a person.
    Quarantined,
    Rejected,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Normal,
    FirstObservation,
    ConvertedFromNet,
    ConsensusMove,
    ConsensusLevel,
    ConfirmedJump,
    NeedsConfirmation,
    NetPriceSuspect,
    GrossPriceSuspect,
    CurrencyFlip,
    DecimalShift,
    Installment,
    UnitPrice,
    FromPrice,
    MemberPrice,
    Placeholder,
    UnknownCurrency,
    NotReproduced,
}

/// The gate's answer, stored with the observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub status: Status,
    pub reason: Reason,
    /// The robust score as text with two decimals; none with a short history.
    pub z: Option<String>,
    /// The amount to compare with, after a conversion from net.
    pub comparable: Option<Money>,
}

/// Judges an observation; the first check that answers decides.
#[must_use]
pub fn judge(sighting: &Sighting, known: &Known, params: &GateParams) -> Verdict {
    let verdict = |status, reason| Verdict { status, reason, z: None, comparable: None };
    let placeholder = |amount: &u32| sighting.amount == Decimal::from(*amount);
    if sighting.amount <= LEAST_PRICE || params.placeholders.iter().any(placeholder) {
        return verdict(Status::Rejected, Reason::Placeholder);
    }
    let Some(currency) = sighting.currency else { return verdict(Status::Rejected, Reason::UnknownCurrency) };
    if known.currency.is_some_and(|expected| expected != currency) {
        return verdict(Status::Quarantined, Reason::CurrencyFlip);
    }
    let marked_net = match sighting.marker {
        Some(Marker::PerMonth) => return verdict(Status::Quarantined, Reason::Installment),
        Some(Marker::PerUnit) => return verdict(Status::Quarantined, Reason::UnitPrice),
        Some(Marker::From) => return verdict(Status::Quarantined, Reason::FromPrice),
        Some(Marker::Member) => return verdict(Status::Quarantined, Reason::MemberPrice),
        Some(Marker::Net) => true,
        None => sighting.tax_label == Some(TaxLabel::Excl),
    };
    let converted = if marked_net { gross(sighting, known, currency) } else { None };
    let comparable = converted.map_or(sighting.amount, Money::amount);
    let judged = Judged { sighting, known, params, amount: comparable, converted: converted.is_some() };
    let (status, reason) = judged.status();
    let z = zscore::score(comparable, &known.history, params.least_history).map(zscore::text);
    let comparable = converted.or_else(|| Money::exact(comparable, currency).ok());
    Verdict { status, reason, z, comparable }
}

fn gross(sighting: &Sighting, known: &Known, currency: Currency) -> Option<Money> {
    let gross = sighting.amount.checked_mul(vat_factor(known.vat_pct)?)?;
    Money::rounded(gross, currency, RoundingStrategy::MidpointAwayFromZero).ok()
}

struct Judged<'a> {
    sighting: &'a Sighting,
    known: &'a Known,
    params: &'a GateParams,
    /// The comparable amount.
    amount: Decimal,
    converted: bool,
}

impl Judged<'_> {
    fn status(&self) -> (Status, Reason) {
        if let Some(reason) = self.tax_trap() {
            let settled =
                |refetch: &Refetch| refetch.after_ms >= self.params.settled_after_ms && self.is_same(refetch.amount);
            return if self.sighting.refetches.iter().any(settled) {
                (Status::Accepted, Reason::ConfirmedJump)
            } else {
                (Status::Suspect, reason)
            };
        }
        // The last accepted price, or the market where the listing has no price yet.
        let Some(base) = self.known.history.last().copied().or_else(|| zscore::median(&self.known.others)) else {
            return (Status::Accepted, self.ordinary(Reason::FirstObservation));
        };
        if !self.is_suspicious(base) {
            let first = self.known.history.is_empty();
            return (Status::Accepted, self.ordinary(if first { Reason::FirstObservation } else { Reason::Normal }));
        }
        if let Some(reason) = self.misreading(base) {
            return (Status::Quarantined, reason);
        }
        if let Some(reason) = self.consensus(base) {
            return (Status::Accepted, reason);
        }
        self.confirmation(base)
    }

    const fn ordinary(&self, reason: Reason) -> Reason {
        if self.converted { Reason::ConvertedFromNet } else { reason }
    }

    /// Exactly one VAT away from the last accepted price: probably the other tax view of the same price.
    fn tax_trap(&self) -> Option<Reason> {
        let last = *self.known.history.last()?;
        if self.sighting.tax_label.is_some() || self.converted || self.known.vat_pct <= Decimal::ZERO {
            return None;
        }
        let factor = vat_factor(self.known.vat_pct)?;
        let near = |value: Option<Decimal>| value.is_some_and(|value| within(value, last, self.params.same_pct));
        if near(self.amount.checked_mul(factor)) {
            return Some(Reason::NetPriceSuspect);
        }
        near(self.amount.checked_div(factor)).then_some(Reason::GrossPriceSuspect)
    }

    fn is_suspicious(&self, base: Decimal) -> bool {
        match zscore::score(self.amount, &self.known.history, self.params.least_history) {
            Some(z) => zscore::is_outlier(z),
            None => beyond(self.amount, base, self.params.jump_factor),
        }
    }

    /// A number that is explained by a wrong reading of the page.
    fn misreading(&self, base: Decimal) -> Option<Reason> {
        let is_part = |parts: Decimal, tolerance_pct: Decimal| {
            self.amount.checked_mul(parts).is_some_and(|whole| within(whole, base, tolerance_pct))
        };
        let is_multiple = |factor: Decimal| {
            base.checked_mul(factor).is_some_and(|moved| within(self.amount, moved, self.params.shift_pct))
        };
        let tens = [Decimal::TEN, Decimal::ONE_HUNDRED, Decimal::ONE_THOUSAND];
        if tens.iter().any(|ten| is_part(*ten, self.params.shift_pct) || is_multiple(*ten)) {
            return Some(Reason::DecimalShift);
        }
        if self.params.instalments.iter().any(|parts| is_part(Decimal::from(*parts), self.params.part_pct)) {
            return Some(Reason::Installment);
        }
        let pack = self.sighting.pack_qty;
        (pack > 1 && is_part(Decimal::from(pack), self.params.part_pct)).then_some(Reason::UnitPrice)
    }

    fn consensus(&self, base: Decimal) -> Option<Reason> {
        let moved = &self.known.others_moved;
        if moved.len() >= self.params.moving_offers && zscore::moved_along(self.amount, base, moved) * 2 >= moved.len()
        {
            return Some(Reason::ConsensusMove);
        }
        let level = zscore::median(&self.known.others)?;
        let inside = !beyond(self.amount, level, self.params.level_factor);
        (self.known.others.len() >= self.params.level_offers && inside).then_some(Reason::ConsensusLevel)
    }

    /// Equal values on later fetches, far enough apart; another value refutes the first.
    fn confirmation(&self, base: Decimal) -> (Status, Reason) {
        let needed = if beyond(self.amount, base, self.params.large_factor) { 3 } else { 2 };
        let (mut seen, mut last_ms) = (1, 0);
        for refetch in &self.sighting.refetches {
            if refetch.after_ms - last_ms < self.params.refetch_after_ms {
                continue;
            }
            if !self.is_same(refetch.amount) {
                return (Status::Rejected, Reason::NotReproduced);
            }
            last_ms = refetch.after_ms;
            seen += 1;
        }
        if seen >= needed {
            (Status::Accepted, Reason::ConfirmedJump)
        } else {
            (Status::Suspect, Reason::NeedsConfirmation)
        }
    }

    /// Whether a later fetch shows what was observed (before any conversion).
    fn is_same(&self, amount: Decimal) -> bool {
        within(amount, self.sighting.amount, self.params.same_pct)
    }
}

fn vat_factor(percent: Decimal) -> Option<Decimal> {
    Decimal::ONE_HUNDRED.checked_add(percent)?.checked_div(Decimal::ONE_HUNDRED)
}

/// Whether two amounts differ by at most so many percent of the second.
fn within(amount: Decimal, of: Decimal, percent: Decimal) -> bool {
    let difference = amount.checked_sub(of).and_then(|d| d.abs().checked_mul(Decimal::ONE_HUNDRED));
    difference.zip(of.checked_mul(percent)).is_some_and(|(difference, limit)| difference <= limit)
}

/// Whether an amount is above `base * factor` or below `base / factor`.
fn beyond(amount: Decimal, base: Decimal, factor: Decimal) -> bool {
    let above = base.checked_mul(factor).is_none_or(|limit| amount > limit);
    let below = amount.checked_mul(factor).is_some_and(|scaled| scaled < base);
    above || below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;

    fn judge_simple(amount: &str, history: &[&str], change: impl FnOnce(&mut Sighting, &mut Known)) -> Verdict {
        let mut sighting = Sighting {
            amount: decimal(amount).unwrap(),
            currency: Some(Currency::DKK),
            marker: None,
            tax_label: None,
            pack_qty: 1,
            refetches: Vec::new(),
        };
        let mut known = Known {
            currency: Some(Currency::DKK),
            vat_pct: Decimal::from(25),
            history: history.iter().map(|amount| decimal(amount).unwrap()).collect(),
            ..Known::default()
        };
        change(&mut sighting, &mut known);
        judge(&sighting, &known, &GateParams::default())
    }

    #[test]
    fn a_net_label_converts_and_the_result_is_judged_like_any_other() {
        let label = |sighting: &mut Sighting, _: &mut Known| sighting.tax_label = Some(TaxLabel::Excl);
        let ordinary = judge_simple("399.20", &["499.00"; 10], label);
        assert_eq!((ordinary.status, ordinary.reason), (Status::Accepted, Reason::ConvertedFromNet));
        let jump = judge_simple("200.00", &["499.00"; 10], label);
        assert_eq!((jump.status, jump.reason), (Status::Suspect, Reason::NeedsConfirmation));
    }

    #[test]
    fn two_fetches_of_one_cached_page_confirm_nothing() {
        let twice = |sighting: &mut Sighting, _: &mut Known| {
            let refetch = |minutes: i64| Refetch { after_ms: minutes * Millis::MINUTE, amount: sighting.amount };
            sighting.refetches = vec![refetch(12), refetch(14)];
        };
        let verdict = judge_simple("221.00", &["499.00"; 10], twice);
        assert_eq!(verdict.reason, Reason::NeedsConfirmation);
    }

    #[test]
    fn a_member_price_is_never_the_public_price() {
        let member = |sighting: &mut Sighting, _: &mut Known| sighting.marker = Some(Marker::Member);
        assert_eq!(judge_simple("489.00", &["499.00"; 10], member).status, Status::Quarantined);
    }
}
