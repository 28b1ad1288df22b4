//! Prices in vendors' words and back, without a binary float on the way.

use rust_decimal::RoundingStrategy;
use serde_json::value::RawValue;

use crate::channel::{ChannelError, Class, Tax};
use crate::money::{Currency, Decimal, MOST_DECIMALS, WirePrice, decimal, exponent};

/// Micros per major unit.
const MICROS: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// A vendor's price field: its currency, and how many decimals it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub currency: Currency,
    pub decimals: u32,
}

impl Field {
    /// That of a channel: a gross price has the decimals of its currency, a net price as many more as are known to be kept.
    #[must_use]
    pub fn of(currency: Currency, tax: Tax, net_decimals: Option<u32>) -> Self {
        let own = Self::from(currency);
        let finer = net_decimals.filter(|_| tax == Tax::Net);
        let decimals = finer.map_or(own.decimals, |decimals| decimals.clamp(own.decimals, MOST_DECIMALS));
        Self { decimals, ..own }
    }
}

/// Checks the `net_decimals` of a connector's table.
///
/// # Errors
/// A text for a person: only net prices have more decimals than their currency, and none has more than [`MOST_DECIMALS`].
pub fn net_decimals(currency: Currency, tax: Tax, wanted: Option<u32>) -> Result<(), String> {
    let own = exponent(currency);
    match wanted {
        Some(_) if tax == Tax::Gross => {
            Err("net_decimals is for tax = \"net\"; gross prices have the decimals of their currency".to_owned())
        }
        Some(wanted) if !(own..=MOST_DECIMALS).contains(&wanted) => {
            Err(format!("net_decimals must be from {own} to {MOST_DECIMALS}"))
        }
        _ => Ok(()),
    }
}

impl From<Currency> for Field {
    fn from(currency: Currency) -> Self {
        Self { currency, decimals: exponent(currency) }
    }
}

/// `12.50` or `8.3950`, with as many decimals as the field has that the price is for.
#[must_use]
pub fn text(price: WirePrice) -> String {
    price.amount().to_string()
}

/// The currency's minor units, for vendors that count in them.
///
/// # Errors
/// A price with more decimals than its currency.
pub fn minor(price: WirePrice) -> Result<i64, ChannelError> {
    price.minor().map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))
}

/// A JSON number, printed from the decimal.
///
/// # Errors
/// None for any price; a text if that ever changes.
pub fn number(amount: Decimal) -> Result<Box<RawValue>, String> {
    RawValue::from_string(amount.normalize().to_string()).map_err(|e| e.to_string())
}

/// Millionths of the major unit.
///
/// # Errors
/// A price beyond 64 bits of micros.
pub fn micros(price: WirePrice) -> Result<i64, String> {
    let micros = price.amount().checked_mul(MICROS).and_then(|micros| i64::try_from(micros.normalize()).ok());
    micros.ok_or_else(|| format!("{price} does not fit into micros"))
}

/// A price of a number of micros.
///
/// # Errors
/// More decimals than the currency has.
pub fn from_micros(micros: i64, currency: Currency) -> Result<WirePrice, String> {
    let amount = Decimal::from(micros).checked_div(MICROS).ok_or("micros")?;
    WirePrice::exact(amount, exponent(currency), currency).map_err(|e| e.to_string())
}

/// A price of a vendor's text or JSON number, exactly: `12.5`, `"12.50"` and `12.5000` are 12.50, `12.505` is an error
/// where the field is no finer than the currency. Read JSON numbers as [`RawValue`], never through `f64`.
///
/// # Errors
/// Not a number, or more significant decimals than the field has.
pub fn parse(written: &str, field: impl Into<Field>) -> Result<WirePrice, String> {
    let Field { currency, decimals } = field.into();
    let plain = written.trim().trim_matches('"');
    let amount = decimal(plain).map_err(|e| e.to_string())?.normalize();
    if amount.scale() > decimals {
        return Err(format!("{plain} has more decimals than {}'s {decimals}", currency.code()));
    }
    WirePrice::exact(amount, decimals, currency).map_err(|e| e.to_string())
}

/// A price as a vendor shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub price: WirePrice,
    /// False where the vendor keeps more decimals than the field is given: then `price` is rounded.
    pub exact: bool,
}

/// What a vendor's text or JSON number shows: nothing for `""`, `null` and `false`, and a price with too many decimals
/// rounded as shops round it for buyers, halves away from zero.
///
/// # Errors
/// Neither nothing nor a number.
pub fn shown(written: &str, field: impl Into<Field>) -> Result<Option<Shown>, String> {
    let Field { currency, decimals } = field.into();
    let plain = written.trim().trim_matches('"').trim();
    if matches!(plain, "" | "null" | "false") {
        return Ok(None);
    }
    let amount = decimal(plain).map_err(|_| no_price(plain))?;
    rounded(amount, Field { currency, decimals }).map(Some).ok_or_else(|| no_price(plain))
}

/// What a vendor's text of millionths of the major unit shows, rounded in the same way.
///
/// # Errors
/// No whole number.
pub fn shown_micros(written: &str, field: impl Into<Field>) -> Result<Shown, String> {
    let micros = written.parse::<i64>().map_err(|_| no_price(written))?;
    let amount = Decimal::from(micros).checked_div(MICROS);
    amount.and_then(|amount| rounded(amount, field.into())).ok_or_else(|| no_price(written))
}

fn rounded(amount: Decimal, Field { currency, decimals }: Field) -> Option<Shown> {
    let price = WirePrice::rounded(amount, decimals, currency, RoundingStrategy::MidpointAwayFromZero).ok()?;
    Some(Shown { price, exact: price.amount() == amount })
}

fn no_price(written: &str) -> String {
    format!("`{}`, which is no price", written.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_nothing_a_price_or_an_error() {
        let of = |written: &str| shown(written, Currency::EUR);
        let price = |minor, exact| Ok(Some(Shown { price: WirePrice::from_minor(minor, Currency::EUR), exact }));
        for nothing in ["", "\"\"", "null", "false"] {
            assert_eq!(of(nothing), Ok(None), "{nothing}");
        }
        assert_eq!(of("\"41.3200\""), price(4_132, true));
        assert_eq!(of("41.3223"), price(4_132, false));
        assert_eq!(of("41.325"), price(4_133, false));
        assert!(of("\"12,50\"").unwrap_err().contains("`12,50`"));
        let micros = |written: &str| shown_micros(written, Currency::EUR).map(Some);
        assert_eq!((micros("41320000"), micros("41322300")), (price(4_132, true), price(4_132, false)));
        assert!(micros("41.32").unwrap_err().contains("`41.32`"));
    }

    #[test]
    fn only_net_prices_are_finer_than_their_currency_and_none_without_being_told() {
        let of = |tax, wanted| Field::of(Currency::EUR, tax, wanted).decimals;
        assert_eq!((of(Tax::Net, None), of(Tax::Net, Some(4)), of(Tax::Gross, Some(4))), (2, 4, 2));
        assert_eq!((of(Tax::Net, Some(9)), of(Tax::Net, Some(0))), (6, 2));
        assert_eq!(net_decimals(Currency::EUR, Tax::Net, Some(4)), Ok(()));
        assert_eq!(net_decimals(Currency::EUR, Tax::Gross, None), Ok(()));
        for (currency, tax, wanted) in [
            (Currency::EUR, Tax::Gross, 4),
            (Currency::EUR, Tax::Net, 1),
            (Currency::KWD, Tax::Net, 2),
            (Currency::EUR, Tax::Net, 7),
        ] {
            assert!(net_decimals(currency, tax, Some(wanted)).is_err(), "{currency:?} {tax:?} {wanted}");
        }
    }

    #[test]
    fn a_field_finer_than_its_currency_keeps_its_digits_and_no_more() {
        let field = Field { currency: Currency::EUR, decimals: 4 };
        let price = WirePrice::from_units(83_950, 4, Currency::EUR);
        for written in ["8.395", "\"8.3950\"", "8.395000"] {
            assert_eq!(parse(written, field).as_ref(), Ok(&price), "{written}");
            assert_eq!(shown(written, field), Ok(Some(Shown { price, exact: true })), "{written}");
        }
        assert_eq!(text(parse("8.395", field).unwrap()), "8.3950");
        assert!(parse("8.39504", field).is_err() && parse("8.395", Currency::EUR).is_err());
        assert_eq!(shown("8.39504", field), Ok(Some(Shown { price, exact: false })));
    }

    #[test]
    fn amounts_keep_every_digit_and_gain_none() {
        let price = |minor, currency| WirePrice::from_minor(minor, currency);
        assert_eq!(text(price(1_250, Currency::DKK)), "12.50");
        assert_eq!(text(price(1_250, Currency::JPY)), "1250");
        assert_eq!(text(price(1_250, Currency::KWD)), "1.250");
        assert_eq!(number(price(1_999, Currency::EUR).amount()).unwrap().get(), "19.99");
        assert_eq!(micros(price(1_999, Currency::EUR)).unwrap(), 19_990_000);
        assert_eq!(from_micros(19_990_000, Currency::EUR).unwrap(), price(1_999, Currency::EUR));
        assert!(from_micros(19_995_000, Currency::JPY).is_err());
        for written in ["12.5", "\"12.50\"", "12.5000", " 12.50 "] {
            assert_eq!(parse(written, Currency::DKK).unwrap(), price(1_250, Currency::DKK), "{written}");
        }
        for written in ["12,50", "12.505", "", "null", "1e3"] {
            assert!(parse(written, Currency::DKK).is_err(), "{written}");
        }
    }
}
