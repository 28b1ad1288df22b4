//! Amounts of money: integer minor units of an ISO 4217 currency, never a binary float.
//!
//! Rounding happens only where a caller names a strategy; everything else is exact or an error.

mod wire_price;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

pub use iso_currency::Currency;
pub use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
pub use wire_price::{MOST_DECIMALS, WirePrice};

/// What can go wrong with an amount. No variant is ever answered with a default.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("{left} and {right} are different currencies")]
    CurrencyMismatch { left: &'static str, right: &'static str },
    #[error("`{amount}` has more decimals than {currency} has ({exponent})")]
    TooManyDecimals { amount: String, currency: &'static str, exponent: u32 },
    #[error("`{amount}` has more than {decimals} decimals")]
    TooFine { amount: String, decimals: u32 },
    #[error("`{0}` is outside the range of a 64-bit count of minor units")]
    OutOfRange(String),
    #[error("`{0}` is not a plain decimal number")]
    NotANumber(String),
    #[error("`{0}` is not an ISO 4217 currency with minor units")]
    UnknownCurrency(String),
}

/// Number of decimals of a currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD.
///
/// Codes without minor units (gold, test codes) are refused by [`currency`] and count as 0 here.
#[must_use]
pub fn exponent(currency: Currency) -> u32 {
    currency.exponent().map_or(0, u32::from)
}

/// Parses an ISO 4217 code in upper case.
///
/// # Errors
/// `UnknownCurrency` for unknown codes and for codes that have no minor units, such as XAU.
pub fn currency(code: &str) -> Result<Currency, MoneyError> {
    Currency::from_code(code)
        .filter(|c| c.exponent().is_some())
        .ok_or_else(|| MoneyError::UnknownCurrency(code.to_owned()))
}

/// Parses `-?digits(.digits)?` and nothing else.
///
/// `Decimal::from_str` also takes `1_000` and `1e3`, which no price text or rule file may mean.
///
/// # Errors
/// `NotANumber` for any other text, also for more digits than a `Decimal` holds.
pub fn decimal(text: &str) -> Result<Decimal, MoneyError> {
    let not_a_number = || MoneyError::NotANumber(text.chars().take(40).collect());
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(not_a_number());
    }
    Decimal::from_str_exact(text).map_err(|_| not_a_number())
}

/// An exact amount: `minor` units (cents, øre, yen) of `currency`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The amount as it is written, without rounding.
    ///
    /// # Errors
    /// `TooManyDecimals` if the currency cannot hold it, `OutOfRange` beyond 64 bits.
    pub fn exact(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let scaled = scale_up(amount, currency)?;
        if !scaled.fract().is_zero() {
            return Err(MoneyError::TooManyDecimals {
                amount: amount.to_string(),
                currency: currency.code(),
                exponent: exponent(currency),
            });
        }
        Self::from_scaled(scaled, currency)
    }

    /// The amount rounded to minor units by a strategy that the caller names.
    ///
    /// # Errors
    /// `OutOfRange` beyond 64 bits.
    pub fn rounded(amount: Decimal, currency: Currency, strategy: RoundingStrategy) -> Result<Self, MoneyError> {
        let scaled = scale_up(amount, currency)?;
        Self::from_scaled(scaled.round_dp_with_strategy(0, strategy), currency)
    }

    /// Parses a plain decimal such as `"499.00"`.
    ///
    /// # Errors
    /// `NotANumber`, `TooManyDecimals` or `OutOfRange`.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        Self::exact(decimal(amount)?, currency)
    }

    fn from_scaled(scaled: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let minor = i64::try_from(scaled).map_err(|_| MoneyError::OutOfRange(scaled.to_string()))?;
        Ok(Self { minor, currency })
    }

    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount in major units with the scale of the currency: 499.00, 12680, 11.781.
    #[must_use]
    pub fn amount(self) -> Decimal {
        Decimal::new(self.minor, exponent(self.currency))
    }

    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// # Errors
    /// `CurrencyMismatch` or `OutOfRange`.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor);
        minor.map(|minor| Self { minor, ..self }).ok_or_else(|| MoneyError::OutOfRange(format!("{self} + {other}")))
    }

    /// # Errors
    /// `CurrencyMismatch` or `OutOfRange`.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor);
        minor.map(|minor| Self { minor, ..self }).ok_or_else(|| MoneyError::OutOfRange(format!("{self} - {other}")))
    }

    /// Compares two amounts of one currency.
    ///
    /// # Errors
    /// `CurrencyMismatch`: amounts of two currencies have no order.
    pub fn compare(self, other: Self) -> Result<Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { left: self.currency.code(), right: other.currency.code() })
    }
}

fn scale_up(amount: Decimal, currency: Currency) -> Result<Decimal, MoneyError> {
    let factor = Decimal::from(10_i64.pow(exponent(currency)));
    amount.checked_mul(factor).ok_or_else(|| MoneyError::OutOfRange(amount.to_string()))
}

/// `499.00 DKK`: the form of logs, tables and `FromStr`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency.code())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (amount, code) = text.rsplit_once(' ').ok_or_else(|| MoneyError::NotANumber(text.to_owned()))?;
        Self::parse(amount, currency(code)?)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    amount: String,
    currency: String,
}

/// `{"amount": "499.00", "currency": "DKK"}`: strings, so that no reader makes a float of it by accident.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { amount: self.amount().to_string(), currency: self.currency.code().to_owned() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let currency = currency(&wire.currency).map_err(D::Error::custom)?;
        Self::parse(&wire.amount, currency).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_iso_4217() {
        for (code, minor, text) in [("DKK", 49_900, "499.00"), ("JPY", 12_680, "12680"), ("KWD", 11_781, "11.781")] {
            let money = Money::parse(text, currency(code).unwrap()).unwrap();
            assert_eq!(money.minor(), minor);
            assert_eq!(money.amount().to_string(), text);
        }
        assert!(currency("XAU").is_err());
    }

    #[test]
    fn too_many_decimals_are_an_error_and_trailing_zeros_are_not() {
        assert!(matches!(Money::parse("19.999", Currency::EUR), Err(MoneyError::TooManyDecimals { .. })));
        assert!(matches!(Money::parse("12680.50", Currency::JPY), Err(MoneyError::TooManyDecimals { .. })));
        assert_eq!(Money::parse("12680.00", Currency::JPY).unwrap().minor(), 12_680);
    }

    #[test]
    fn only_plain_decimals_are_numbers() {
        for text in ["1_000", "1e3", "", ".5", "5.", "+5", "1,5", " 5", "--5"] {
            assert!(decimal(text).is_err(), "{text:?}");
        }
        assert_eq!(decimal("-0.10").unwrap().to_string(), "-0.10");
    }

    #[test]
    fn currencies_do_not_mix() {
        let left = Money::from_minor(1, Currency::DKK);
        let right = Money::from_minor(1, Currency::SEK);
        assert!(left.checked_add(right).is_err() && left.checked_sub(right).is_err() && left.compare(right).is_err());
        assert!(Money::from_minor(i64::MAX, Currency::DKK).checked_add(left).is_err());
    }

    #[test]
    fn text_and_json_round_trip() {
        let money: Money = "499.00 DKK".parse().unwrap();
        assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
        let json = serde_json::to_string(&money).unwrap();
        assert_eq!(json, r#"{"amount":"499.00","currency":"DKK"}"#);
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }
}
