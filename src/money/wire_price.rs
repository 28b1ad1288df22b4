//! A price as it stands in a channel's price field, with as many decimals as that field keeps. Only a net price has more
//! than its currency: 9.99 EUR with 19 % VAT is 8.3950 without, and 8.39 would be sold for 9.98. Decisions, gross prices and
//! everything else are [`Money`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use rust_decimal::RoundingStrategy;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Currency, Decimal, Money, MoneyError, Wire, currency, decimal, exponent};

/// The most decimals that any channel's price field is given.
pub const MOST_DECIMALS: u32 = 6;

/// An exact amount: `units` of ten to the minus `decimals` of `currency`. Two are equal if they are the same amount,
/// whatever their decimals.
#[derive(Clone, Copy)]
pub struct WirePrice {
    units: i64,
    decimals: u32,
    currency: Currency,
}

impl WirePrice {
    /// A count of units of ten to the minus `decimals`; what a channel may have is at most [`MOST_DECIMALS`].
    #[must_use]
    pub const fn from_units(units: i64, decimals: u32, currency: Currency) -> Self {
        Self { units, decimals: if decimals > MOST_DECIMALS { MOST_DECIMALS } else { decimals }, currency }
    }

    /// A count of the currency's own minor units.
    #[must_use]
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        Money::from_minor(minor, currency).into()
    }

    /// A count as the store keeps it: of ten to the minus `decimals`, or of the currency's own minor units without them.
    ///
    /// # Errors
    /// `UnknownCurrency`, or `OutOfRange` for decimals that no price has.
    pub fn stored(units: i64, decimals: Option<i64>, code: &str) -> Result<Self, MoneyError> {
        let currency = currency(code)?;
        let Some(decimals) = decimals else { return Ok(Self::from_minor(units, currency)) };
        let known = u32::try_from(decimals).ok().filter(|decimals| *decimals <= MOST_DECIMALS);
        let decimals = known.ok_or_else(|| MoneyError::OutOfRange(format!("{decimals} decimals")))?;
        Ok(Self { units, decimals, currency })
    }

    /// The amount rounded to so many decimals by a strategy that the caller names.
    ///
    /// # Errors
    /// `OutOfRange` beyond 64 bits of units.
    pub fn rounded(
        amount: Decimal,
        decimals: u32,
        currency: Currency,
        strategy: RoundingStrategy,
    ) -> Result<Self, MoneyError> {
        let decimals = decimals.min(MOST_DECIMALS);
        let out_of_range = || MoneyError::OutOfRange(amount.to_string());
        let scaled = amount.checked_mul(Decimal::from(10_i64.pow(decimals))).ok_or_else(out_of_range)?;
        let units = i64::try_from(scaled.round_dp_with_strategy(0, strategy)).map_err(|_| out_of_range())?;
        Ok(Self { units, decimals, currency })
    }

    /// The amount as it is written, without rounding.
    ///
    /// # Errors
    /// `TooFine` for more significant decimals than these, `OutOfRange` beyond 64 bits of units.
    pub fn exact(amount: Decimal, decimals: u32, currency: Currency) -> Result<Self, MoneyError> {
        let price = Self::rounded(amount, decimals, currency, RoundingStrategy::ToZero)?;
        if price.amount() == amount {
            return Ok(price);
        }
        Err(MoneyError::TooFine { amount: amount.to_string(), decimals: decimals.min(MOST_DECIMALS) })
    }

    /// The amount in major units, with the decimals of the field: 8.3950.
    #[must_use]
    pub fn amount(self) -> Decimal {
        Decimal::new(self.units, self.decimals)
    }

    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.units > 0
    }

    /// The count of units of ten to the minus `decimals` that is the same amount.
    ///
    /// # Errors
    /// `TooFine` if it would have to be rounded, `OutOfRange` beyond 64 bits.
    pub fn units_at(self, decimals: u32) -> Result<i64, MoneyError> {
        Self::exact(self.amount(), decimals, self.currency).map(|price| price.units)
    }

    /// The count of the currency's own minor units, for channels that count in them.
    ///
    /// # Errors
    /// `TooFine` if it would have to be rounded, `OutOfRange` beyond 64 bits.
    pub fn minor(self) -> Result<i64, MoneyError> {
        self.units_at(exponent(self.currency))
    }

    /// The same amount with so many decimals, or as many more as it has.
    #[must_use]
    pub fn with_decimals(self, decimals: u32) -> Self {
        let needed = self.amount().normalize().scale().max(decimals);
        Self::exact(self.amount(), needed, self.currency).unwrap_or(self)
    }

    /// Compares two amounts of one currency.
    ///
    /// # Errors
    /// `CurrencyMismatch`: amounts of two currencies have no order.
    pub fn compare(self, other: Self) -> Result<Ordering, MoneyError> {
        if self.currency == other.currency {
            return Ok(self.amount().cmp(&other.amount()));
        }
        Err(MoneyError::CurrencyMismatch { left: self.currency.code(), right: other.currency.code() })
    }

    /// Whether this is what becomes of `sent` in a field that keeps fewer decimals, by rounding or by cutting off. Only of
    /// prices with more decimals than their currency has: anything else that differs is another price.
    #[must_use]
    pub fn is_shortened(self, sent: Self) -> bool {
        let (own, amount) = (exponent(self.currency), sent.amount());
        let finer = self.currency == sent.currency && self != sent && sent.minor().is_err();
        let like = |decimals, strategy| amount.round_dp_with_strategy(decimals, strategy) == self.amount();
        let cut = |decimals| {
            like(decimals, RoundingStrategy::MidpointAwayFromZero)
                || like(decimals, RoundingStrategy::MidpointNearestEven)
                || like(decimals, RoundingStrategy::ToZero)
        };
        finer && (own..amount.scale()).any(cut)
    }
}

impl From<Money> for WirePrice {
    fn from(money: Money) -> Self {
        Self::from_units(money.minor(), exponent(money.currency()), money.currency())
    }
}

impl PartialEq for WirePrice {
    fn eq(&self, other: &Self) -> bool {
        self.currency == other.currency && self.amount() == other.amount()
    }
}

impl Eq for WirePrice {}

impl PartialEq<Money> for WirePrice {
    fn eq(&self, other: &Money) -> bool {
        *self == Self::from(*other)
    }
}

impl Hash for WirePrice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.amount().normalize(), self.currency).hash(state);
    }
}

/// `8.395 EUR`, `499.00 DKK`: no fewer decimals than the currency has, and no zeros behind them.
impl fmt::Display for WirePrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.with_decimals(exponent(self.currency)).amount(), self.currency.code())
    }
}

impl fmt::Debug for WirePrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parses `8.3950 EUR` with the decimals that it is written with, and no fewer than the currency has.
impl FromStr for WirePrice {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (amount, code) = text.rsplit_once(' ').ok_or_else(|| MoneyError::NotANumber(text.to_owned()))?;
        as_written(amount, currency(code)?)
    }
}

fn as_written(amount: &str, currency: Currency) -> Result<WirePrice, MoneyError> {
    let amount = decimal(amount)?;
    WirePrice::exact(amount, amount.scale().max(exponent(currency)), currency)
}

/// `{"amount": "8.3950", "currency": "EUR"}`, as [`Money`] is written.
impl Serialize for WirePrice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { amount: self.amount().to_string(), currency: self.currency.code().to_owned() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WirePrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let currency = currency(&wire.currency).map_err(D::Error::custom)?;
        as_written(&wire.amount, currency).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(text: &str) -> WirePrice {
        format!("{text} EUR").parse().unwrap()
    }

    #[test]
    fn equal_amounts_are_equal_whatever_their_decimals() {
        assert_eq!(eur("8.4000"), eur("8.40"));
        assert_eq!(eur("8.4000"), Money::parse("8.40", Currency::EUR).unwrap());
        assert_ne!(eur("8.3950"), eur("8.40"));
        assert_ne!(eur("8.40"), WirePrice::from_minor(840, Currency::DKK));
        assert_eq!(eur("8.395").compare(eur("8.40")), Ok(Ordering::Less));
        assert!(eur("8.395").compare(WirePrice::from_minor(840, Currency::DKK)).is_err());
    }

    #[test]
    fn no_digit_is_lost_on_the_way_to_units_and_back() {
        let price = eur("8.395");
        assert_eq!((price.units_at(4), price.units_at(3)), (Ok(83_950), Ok(8_395)));
        assert!(matches!(price.minor(), Err(MoneyError::TooFine { .. })));
        assert_eq!(eur("8.4000").minor(), Ok(840));
        assert_eq!(WirePrice::from_units(83_950, 4, Currency::EUR), price);
        assert_eq!(price.with_decimals(4).amount().to_string(), "8.3950");
        assert_eq!(price.with_decimals(2).amount().to_string(), "8.395", "as many more as it has");
        let json = serde_json::to_string(&price.with_decimals(4)).unwrap();
        assert_eq!(json, r#"{"amount":"8.3950","currency":"EUR"}"#);
        assert_eq!(serde_json::from_str::<WirePrice>(&json).unwrap(), price);
        assert_eq!((price.to_string(), eur("8.4000").to_string()), ("8.395 EUR".to_owned(), "8.40 EUR".to_owned()));
        assert_eq!("1250 JPY".parse::<WirePrice>().unwrap().minor(), Ok(1_250));
        assert!("8.3950001 EUR".parse::<WirePrice>().is_err(), "no channel keeps so many");
        assert!(WirePrice::from_units(i64::MAX, 2, Currency::EUR).units_at(4).is_err());
    }

    #[test]
    fn a_price_is_shortened_only_where_decimals_fell_off() {
        let of = |shown: &str, sent: &str| eur(shown).is_shortened(eur(sent));
        assert!(of("8.40", "8.3950") && of("8.39", "8.3950") && of("8.395", "8.3954"));
        assert!(!of("8.3950", "8.395"), "the same");
        assert!(!of("8.41", "8.3950") && !of("8", "8.3950") && !of("8.39", "8.40"), "another price");
    }
}
