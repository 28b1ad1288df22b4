//! Value added tax: exact conversions between net and gross, and dated rates per country and class.
//!
//! The gross price is the truth in markets that show VAT. It is never rebuilt from a rounded net price.

use jiff::civil::Date;
use rust_decimal::RoundingStrategy;
use serde::Deserialize;

use crate::decide::facts::AppliedVat;
use crate::decide::rounding::PRICE;
use crate::decide::text;
use crate::money::{Currency, Decimal, Money, MoneyError};

/// The shipped rows of `config/vat.toml`; every one can be replaced by the operator's own.
pub const DEFAULT_ROWS: &str = include_str!("../../config/vat.toml");

/// No VAT rate in the world comes near this; a larger one is a slip of the pen.
const HIGHEST_PERCENT: Decimal = Decimal::from_parts(60, 0, 0, false, 0);

/// What can be wrong with a VAT table or a conversion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VatError {
    #[error("vat table: {0}\n  hint: compare with the rows of `config/vat.toml`")]
    Syntax(String),
    #[error("vat row {row}: {problem}\n  hint: rows of a class must be in order and must not overlap")]
    Row { row: String, problem: String },
    #[error("no VAT rate for class `{class}` in {country} on {date}\n  hint: add a row to the VAT table")]
    Missing { country: String, class: String, date: Date },
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// `1 + percent/100`; none when the percentage is negative or beyond any real rate.
#[must_use]
pub fn factor(percent: Decimal) -> Option<Decimal> {
    if percent.is_sign_negative() && !percent.is_zero() || percent > HIGHEST_PERCENT {
        return None;
    }
    Some(Decimal::ONE + percent / Decimal::ONE_HUNDRED)
}

/// A price split into net and VAT: the three always add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    pub net: Money,
    pub vat: Money,
    pub gross: Money,
}

/// Splits a gross price: the net is rounded once (RP7), VAT is the rest.
///
/// # Errors
/// `Money` beyond the number range, `Row` for an impossible percentage.
pub fn split_gross(gross: Money, percent: Decimal, mode: RoundingStrategy) -> Result<Split, VatError> {
    let net = gross.amount().checked_div(checked_factor(percent)?);
    let net = Money::rounded(net.ok_or_else(|| out_of_range(gross))?, gross.currency(), mode)?;
    Ok(Split { net, vat: gross.checked_sub(net)?, gross })
}

/// The tax within a gross amount, rounded by itself as receipts state it (RP7).
///
/// # Errors
/// `Money` beyond the number range, `Row` for an impossible percentage.
pub fn tax_within(gross: Money, percent: Decimal, mode: RoundingStrategy) -> Result<Money, VatError> {
    let over = gross.amount().checked_mul(checked_factor(percent)? - Decimal::ONE);
    let tax = over.and_then(|over| over.checked_div(checked_factor(percent).ok()?));
    Ok(Money::rounded(tax.ok_or_else(|| out_of_range(gross))?, gross.currency(), mode)?)
}

/// The gross price of a net amount, which may have more decimals than the currency (four-decimal net prices).
///
/// # Errors
/// `Money` beyond the number range, `Row` for an impossible percentage.
pub fn gross_of(net: Decimal, percent: Decimal, currency: Currency, mode: RoundingStrategy) -> Result<Money, VatError> {
    let gross = net.checked_mul(checked_factor(percent)?).ok_or_else(|| MoneyError::OutOfRange(net.to_string()))?;
    Ok(Money::rounded(gross, currency, mode)?)
}

/// What happens to a gross price on the day its VAT rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnVatChange {
    /// Buyers pay the same; we keep more or less.
    #[default]
    KeepGross,
    /// We keep the same; buyers pay more or less. Sweden expects this of its food rate.
    PassThrough,
}

/// The gross price after a change of the rate from `old` to `new` percent; an exact half goes down (RP4).
///
/// # Errors
/// `Money` beyond the number range, `Row` for an impossible percentage.
pub fn after_change(gross: Money, old: Decimal, new: Decimal, policy: OnVatChange) -> Result<Money, VatError> {
    if policy == OnVatChange::KeepGross {
        return Ok(gross);
    }
    let scaled = gross.amount().checked_mul(checked_factor(new)?);
    let moved = scaled.and_then(|scaled| scaled.checked_div(checked_factor(old).ok()?));
    Ok(Money::rounded(moved.ok_or_else(|| out_of_range(gross))?, gross.currency(), PRICE)?)
}

fn checked_factor(percent: Decimal) -> Result<Decimal, VatError> {
    factor(percent).ok_or_else(|| VatError::Row {
        row: format!("{percent} %"),
        problem: format!("a VAT percentage is between 0 and {HIGHEST_PERCENT}"),
    })
}

fn out_of_range(money: Money) -> MoneyError {
    MoneyError::OutOfRange(money.to_string())
}

/// Rates by country and class, each valid from its first to its last day, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatTable {
    rows: Vec<VatRow>,
}

/// One rate. `until` is the last day on which it applies; none means until further notice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatRow {
    pub country: String,
    pub class: String,
    #[serde(with = "text::date")]
    pub from: Date,
    #[serde(default, deserialize_with = "optional_date")]
    pub until: Option<Date>,
    #[serde(with = "text::decimal")]
    pub percent: Decimal,
    /// Where the rate comes from, and whether it still has to be verified.
    #[serde(default)]
    pub note: String,
}

fn optional_date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    text::date::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VatFile {
    rate: Vec<VatRow>,
}

impl VatRow {
    /// `SE/food/2026-04-01`: what a decision stores about the rate it used.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.country, self.class, self.from)
    }

    fn covers(&self, date: Date) -> bool {
        self.from <= date && self.until.is_none_or(|until| date <= until)
    }
}

impl VatTable {
    /// Reads `[[rate]]` rows.
    ///
    /// # Errors
    /// `Syntax`, or `Row` for an impossible percentage, an inverted span or two rows that overlap.
    pub fn parse(toml_text: &str) -> Result<Self, VatError> {
        let file: VatFile = toml::from_str(toml_text).map_err(|error| VatError::Syntax(error.to_string()))?;
        Self::new(file.rate)
    }

    /// # Errors
    /// `Row`, as for [`VatTable::parse`].
    pub fn new(mut rows: Vec<VatRow>) -> Result<Self, VatError> {
        rows.sort_by(|a, b| (&a.country, &a.class, a.from).cmp(&(&b.country, &b.class, b.from)));
        for row in &rows {
            if factor(row.percent).is_none() || row.until.is_some_and(|until| until < row.from) {
                return Err(VatError::Row { row: row.id(), problem: "percentage or dates are impossible".to_owned() });
            }
        }
        for pair in rows.windows(2) {
            let same = pair[0].country == pair[1].country && pair[0].class == pair[1].class;
            if same && pair[0].covers(pair[1].from) {
                return Err(VatError::Row { row: pair[1].id(), problem: format!("overlaps {}", pair[0].id()) });
            }
        }
        Ok(Self { rows })
    }

    /// The rows of this table with those of `own` in place of every class that `own` mentions.
    #[must_use]
    pub fn overridden_by(&self, own: &Self) -> Self {
        let replaced = |row: &VatRow| own.rows.iter().any(|o| o.country == row.country && o.class == row.class);
        let mut rows: Vec<_> = self.rows.iter().filter(|row| !replaced(row)).cloned().collect();
        rows.extend(own.rows.iter().cloned());
        rows.sort_by(|a, b| (&a.country, &a.class, a.from).cmp(&(&b.country, &b.class, b.from)));
        Self { rows }
    }

    /// The rate on a local calendar day.
    ///
    /// # Errors
    /// `Missing`: an unknown rate is never taken to be zero.
    pub fn at(&self, country: &str, class: &str, date: Date) -> Result<AppliedVat, VatError> {
        let country = if country == "GB" { "UK" } else { country };
        let row = self.rows.iter().find(|row| row.country == country && row.class == class && row.covers(date));
        let row =
            row.ok_or_else(|| VatError::Missing { country: country.to_owned(), class: class.to_owned(), date })?;
        Ok(AppliedVat { percent: row.percent, row: Some(row.id()) })
    }

    #[must_use]
    pub fn rows(&self) -> &[VatRow] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_country_of_the_union_has_a_standard_rate_and_rates_that_changed_are_dated() {
        let table = VatTable::parse(DEFAULT_ROWS).unwrap();
        let union = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";
        let at = |country: &str, class: &str, day| table.at(country, class, day).unwrap().percent.to_string();
        for country in union.split(' ') {
            let percent = table.at(country, "standard", date(2026, 11, 23)).unwrap().percent;
            assert!(percent >= Decimal::from(15) && percent <= Decimal::from(27), "{country}: {percent}");
        }
        for (country, standard, reduced) in [
            ("BG", "20", "9"),
            ("CY", "19", "9"),
            ("GR", "24", "13"),
            ("HR", "25", "13"),
            ("LT", "21", "12"),
            ("LU", "17", "14"),
            ("LV", "21", "12"),
            ("MT", "18", "7"),
            ("PT", "23", "13"),
            ("SI", "22", "9.5"),
        ] {
            let day = date(2026, 11, 23);
            assert_eq!((at(country, "standard", day), at(country, "reduced", day)), (standard.into(), reduced.into()));
        }
        let luxembourg = [date(2022, 12, 31), date(2023, 1, 1), date(2023, 12, 31), date(2024, 1, 1)];
        assert_eq!(luxembourg.map(|day| at("LU", "standard", day)), ["17", "16", "16", "17"]);
        assert_eq!(at("LT", "reduced", date(2025, 12, 31)), "9");
    }

    #[test]
    fn the_shipped_table_is_valid_and_knows_the_dated_swedish_food_rate() {
        let table = VatTable::parse(DEFAULT_ROWS).unwrap();
        let food = |day| table.at("SE", "food", day).unwrap().percent;
        assert_eq!(food(date(2026, 3, 31)), Decimal::from(12));
        assert_eq!(food(date(2026, 4, 1)), Decimal::from(6));
        assert_eq!(food(date(2027, 12, 31)), Decimal::from(6));
        assert_eq!(food(date(2028, 1, 1)), Decimal::from(12));
        assert_eq!(table.at("GB", "standard", date(2026, 1, 1)).unwrap().percent, Decimal::from(20));
    }

    #[test]
    fn the_tax_of_a_receipt_is_rounded_by_itself() {
        let tax = |minor| {
            let gross = Money::from_minor(minor, Currency::GBP);
            tax_within(gross, Decimal::from(20), RoundingStrategy::MidpointAwayFromZero).unwrap().minor()
        };
        assert_eq!((tax(999), tax(1_998), tax(3)), (167, 333, 1));
    }

    #[test]
    fn a_lower_rate_is_kept_or_passed_on() {
        let sek = |minor| Money::from_minor(minor, Currency::SEK);
        let change = |minor, policy| after_change(sek(minor), Decimal::from(12), Decimal::from(6), policy).unwrap();
        assert_eq!(change(11_200, OnVatChange::KeepGross), sek(11_200));
        assert_eq!(change(11_200, OnVatChange::PassThrough), sek(10_600));
        assert_eq!(change(11_190, OnVatChange::PassThrough), sek(10_591));
    }

    #[test]
    fn an_unknown_rate_is_not_zero() {
        let table = VatTable::parse(DEFAULT_ROWS).unwrap();
        assert!(matches!(table.at("DK", "no-such-class", date(2026, 1, 1)), Err(VatError::Missing { .. })));
    }

    #[test]
    fn overlapping_rows_are_refused() {
        let text = r#"
            [[rate]]
            country = "XX"
            class = "standard"
            from = "2020-01-01"
            percent = "10"
            [[rate]]
            country = "XX"
            class = "standard"
            from = "2021-01-01"
            percent = "11"
        "#;
        assert!(matches!(VatTable::parse(text), Err(VatError::Row { .. })));
    }

    #[test]
    fn own_rows_replace_a_whole_class() {
        let text = "[[rate]]\ncountry = \"DK\"\nclass = \"standard\"\nfrom = \"2026-07-01\"\npercent = \"24\"\n";
        let own = VatTable::parse(text).unwrap();
        let table = VatTable::parse(DEFAULT_ROWS).unwrap().overridden_by(&own);
        assert_eq!(table.at("DK", "standard", date(2026, 7, 1)).unwrap().percent, Decimal::from(24));
        assert!(table.at("DK", "standard", date(2026, 6, 30)).is_err());
    }
}
