//! Money in vendors' words and back, without a binary float on the way.

use rust_decimal::RoundingStrategy;
use serde_json::value::RawValue;

use crate::money::{Currency, Decimal, Money, decimal, exponent};

/// Micros per major unit.
const MICROS: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// `12.50`, with as many decimals as the currency has.
#[must_use]
pub fn text(price: Money) -> String {
    price.amount().to_string()
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
pub fn micros(price: Money) -> Result<i64, String> {
    let micros = price.amount().checked_mul(MICROS).and_then(|micros| i64::try_from(micros.normalize()).ok());
    micros.ok_or_else(|| format!("{price} does not fit into micros"))
}

/// A price of a number of micros.
///
/// # Errors
/// More decimals than the currency has.
pub fn from_micros(micros: i64, currency: Currency) -> Result<Money, String> {
    let amount = Decimal::from(micros).checked_div(MICROS).ok_or("micros")?;
    Money::exact(amount, currency).map_err(|e| e.to_string())
}

/// A price of a vendor's text or JSON number, exactly: `12.5`, `"12.50"` and `12.5000` are 12.50, `12.505` is an error.
/// Read JSON numbers as [`RawValue`], never through `f64`.
///
/// # Errors
/// Not a number, or more significant decimals than the currency has.
pub fn parse(written: &str, currency: Currency) -> Result<Money, String> {
    let plain = written.trim().trim_matches('"');
    let amount = decimal(plain).map_err(|e| e.to_string())?.normalize();
    if amount.scale() > exponent(currency) {
        return Err(format!("{plain} has more decimals than {}", currency.code()));
    }
    Money::exact(amount, currency).map_err(|e| e.to_string())
}

/// A price as a vendor shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub price: Money,
    /// False where the vendor keeps more decimals than the currency has: then `price` is rounded.
    pub exact: bool,
}

/// What a vendor's text or JSON number shows: nothing for `""`, `null` and `false`, and a price with too many decimals
/// rounded as shops round it for buyers, halves away from zero.
///
/// # Errors
/// Neither nothing nor a number.
pub fn shown(written: &str, currency: Currency) -> Result<Option<Shown>, String> {
    let plain = written.trim().trim_matches('"').trim();
    if matches!(plain, "" | "null" | "false") {
        return Ok(None);
    }
    let unreadable = |_| format!("`{}`, which is no price", plain.chars().take(40).collect::<String>());
    let amount = decimal(plain).map_err(unreadable)?;
    let price = Money::rounded(amount, currency, RoundingStrategy::MidpointAwayFromZero).map_err(unreadable)?;
    Ok(Some(Shown { price, exact: price.amount() == amount }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_nothing_a_price_or_an_error() {
        let of = |written: &str| shown(written, Currency::EUR);
        let price = |minor, exact| Ok(Some(Shown { price: Money::from_minor(minor, Currency::EUR), exact }));
        for nothing in ["", "\"\"", "null", "false"] {
            assert_eq!(of(nothing), Ok(None), "{nothing}");
        }
        assert_eq!(of("\"41.3200\""), price(4_132, true));
        assert_eq!(of("41.3223"), price(4_132, false));
        assert_eq!(of("41.325"), price(4_133, false));
        assert!(of("\"12,50\"").unwrap_err().contains("`12,50`"));
    }

    #[test]
    fn amounts_keep_every_digit_and_gain_none() {
        let price = |minor, currency| Money::from_minor(minor, currency);
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
