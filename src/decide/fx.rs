//! Exchange rates: units of a currency per one euro, as the ECB publishes them.
//!
//! A currency without a rate is an error of that market, never a rate of one.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::decide::target_days::ClosingDays;
use crate::decide::text::{self, Quoted, Zone};
use crate::money::{Currency, Decimal};

/// A publication is due at this local time in Frankfurt: about 16:00, with half an hour for delays.
const DUE: jiff::civil::Time = jiff::civil::time(16, 30, 0, 0);
const FRANKFURT: &str = "Europe/Berlin";
/// Rates older than this many calendar days are expired, whatever was published.
const EXPIRED_AFTER_DAYS: i32 = 7;
/// From this many missed publications on, decisions that need the rate are held.
const STALE_AT_MISSED: u32 = 2;

/// What can be wrong with a conversion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FxError {
    #[error(
        "no rate for {currency} on {date}\n  hint: the ECB dropped it or the table is partial; import a table that has it"
    )]
    Missing { currency: &'static str, date: Date },
    #[error("`{0}` leaves the number range when converted")]
    OutOfRange(String),
}

/// The rates of one publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FxTable {
    #[serde(with = "text::date")]
    pub date: Date,
    /// Units per one euro by ISO 4217 code; the euro itself needs no row.
    pub rates: BTreeMap<String, Quoted>,
    #[serde(default)]
    pub freshness: Freshness,
    /// Percent added on top when our own price is derived from a rate; the ECB's rates are for information only.
    #[serde(default, with = "text::decimal")]
    pub buffer_pct: Decimal,
}

/// How far a table is behind the publications that were due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    #[default]
    Fresh,
    Late,
    Stale,
    Expired,
}

/// A freshness with the numbers it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staleness {
    /// The newest publication that is due.
    pub expected: Date,
    pub missed: u32,
    pub age_days: i32,
    pub freshness: Freshness,
}

impl FxTable {
    /// # Errors
    /// `Missing` for a currency that is not in the table.
    pub fn rate(&self, currency: Currency) -> Result<Decimal, FxError> {
        if currency == Currency::EUR {
            return Ok(Decimal::ONE);
        }
        let rate = self.rates.get(currency.code()).filter(|rate| rate.0 > Decimal::ZERO);
        rate.map(|rate| rate.0).ok_or(FxError::Missing { currency: currency.code(), date: self.date })
    }

    /// An amount of `from` in `to`, unrounded: multiplied first, divided once.
    ///
    /// # Errors
    /// `Missing` or `OutOfRange`.
    pub fn convert(&self, amount: Decimal, from: Currency, to: Currency) -> Result<Decimal, FxError> {
        if from == to {
            return Ok(amount);
        }
        let (from_rate, to_rate) = (self.rate(from)?, self.rate(to)?);
        let product = amount.checked_mul(to_rate);
        product
            .and_then(|product| product.checked_div(from_rate))
            .ok_or_else(|| FxError::OutOfRange(format!("{amount} {}", from.code())))
    }

    /// The same rates with their freshness at an instant.
    #[must_use]
    pub fn seen_at(self, now: jiff::Timestamp, closing: &ClosingDays) -> Self {
        Self { freshness: staleness(self.date, now, closing).freshness, ..self }
    }

    /// Whether the rate moved enough since the one used last for derived markets to be repriced.
    #[must_use]
    pub fn moved(&self, currency: Currency, last_used: Decimal, threshold_pct: Decimal) -> bool {
        let Ok(rate) = self.rate(currency) else { return false };
        let moved = rate.checked_sub(last_used).map(|d| d.abs()).and_then(|d| d.checked_mul(Decimal::ONE_HUNDRED));
        let limit = threshold_pct.checked_mul(last_used);
        moved.zip(limit).is_some_and(|(moved, limit)| moved >= limit)
    }
}

/// When the rates of a day are published.
#[must_use]
pub fn published(day: Date) -> Option<jiff::Timestamp> {
    let zone = Zone::parse(FRANKFURT).unwrap_or(Zone::UTC);
    day.to_datetime(DUE).to_zoned(zone.0).ok().map(|at| at.timestamp())
}

/// How stale a table of `rate_date` is at `now`, by counting the publications that were due since.
#[must_use]
pub fn staleness(rate_date: Date, now: jiff::Timestamp, closing: &ClosingDays) -> Staleness {
    let zone = Zone::parse(FRANKFURT).unwrap_or(Zone::UTC);
    let local = now.to_zoned(zone.0);
    let today = local.date();
    let due_today = closing.is_open(today) && local.time() >= DUE;
    let expected = if due_today { today } else { closing.last_open_before(today) };
    let missed = closing.open_days_after(rate_date, expected);
    let age_days = rate_date.until(today).map_or(i32::MAX, |span| span.get_days());
    let freshness = match missed {
        _ if age_days > EXPIRED_AFTER_DAYS => Freshness::Expired,
        0 => Freshness::Fresh,
        missed if missed < STALE_AT_MISSED => Freshness::Late,
        _ => Freshness::Stale,
    };
    Staleness { expected, missed, age_days, freshness }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;
    use jiff::civil::date;

    fn table() -> FxTable {
        let rates = [("DKK", "7.4575"), ("SEK", "11.3595"), ("RUB", "0")];
        let rates = rates.map(|(code, rate)| (code.to_owned(), Quoted(decimal(rate).unwrap())));
        FxTable { date: date(2024, 6, 28), rates: rates.into(), freshness: Freshness::Fresh, buffer_pct: Decimal::ZERO }
    }

    #[test]
    fn a_missing_rate_is_not_one() {
        let rub = crate::money::currency("RUB").unwrap();
        assert!(matches!(table().convert(Decimal::ONE, rub, Currency::DKK), Err(FxError::Missing { .. })));
        assert!(matches!(table().convert(Decimal::ONE, Currency::DKK, Currency::JPY), Err(FxError::Missing { .. })));
    }

    #[test]
    fn small_movements_do_not_reprice() {
        let half = decimal("0.5").unwrap();
        assert!(!table().moved(Currency::SEK, decimal("11.3100").unwrap(), half));
        assert!(table().moved(Currency::SEK, decimal("11.3000").unwrap(), half));
    }

    #[test]
    fn weekends_and_easter_publish_nothing() {
        let closing = ClosingDays::target();
        let monday = "2026-11-23T10:00:00+01:00".parse().unwrap();
        assert_eq!(staleness(date(2026, 11, 20), monday, &closing).freshness, Freshness::Fresh);
        let after_easter = "2026-04-07T09:00:00+02:00".parse().unwrap();
        let easter = staleness(date(2026, 4, 2), after_easter, &closing);
        assert_eq!((easter.missed, easter.age_days, easter.freshness), (0, 5, Freshness::Fresh));
        let late = "2026-11-23T16:30:00+01:00".parse().unwrap();
        assert_eq!(staleness(date(2026, 11, 20), late, &closing).freshness, Freshness::Late);
    }
}
