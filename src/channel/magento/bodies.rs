//! Price calls of Adobe Commerce: their bodies, and how prices are read back out of them before they leave.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::channel::wire::{amount, outgoing};
use crate::channel::{ChannelError, Class, Sale};
use crate::clock::Millis;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{GateError, Quote};

/// `price_to` is a required property, so a reduction until further notice ends on a day that nobody waits for.
const OPEN_END: &str = "2099-12-31 23:59:59";

/// The body of every price call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices<T> {
    pub prices: Vec<T>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Base {
    pub price: Box<RawValue>,
    pub store_id: u32,
    pub sku: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Special {
    pub price: Box<RawValue>,
    pub store_id: u32,
    pub sku: String,
    pub price_from: String,
    pub price_to: String,
}

/// No place on earth is further behind or ahead of UTC than a day.
const ZONES: i64 = Millis::DAY;

/// The day of an instant in UTC, `Y-m-d`.
fn day(at: Millis) -> String {
    at.timestamp().strftime("%Y-%m-%d").to_string()
}

/// The window that a special price is given, in the form of its calls. The shop goes by the day of its own zone, which no
/// instant of ours meets: so it begins on a day that is over everywhere, and ends on one that begins nowhere before the
/// sale's end. Within it the price holds until the daemon takes it back; the end is there for the day when none runs.
pub(super) fn window(sale: &Sale) -> (String, String) {
    let from = format!("{} 00:00:00", day(sale.starts_at.plus(-ZONES)));
    let to = sale.ends_at.map_or_else(|| OPEN_END.to_owned(), |end| format!("{} 23:59:59", day(end.plus(ZONES))));
    (from, to)
}

pub(super) fn number(money: WirePrice) -> Result<Box<RawValue>, ChannelError> {
    amount::number(money.amount()).map_err(|why| ChannelError::new(Class::Rejected, why))
}

pub(super) fn bytes(body: &impl Serialize) -> Result<Vec<u8>, ChannelError> {
    serde_json::to_vec(body).map_err(|error| ChannelError::new(Class::Rejected, error.to_string()))
}

/// Reads prices back out of both bodies of one push, by their text alone. The currency is the shop's base currency.
pub(super) fn quoted(
    base: &[u8],
    special: Option<&[u8]>,
    store_id: u32,
    currency: Currency,
) -> Result<Vec<Quote>, GateError> {
    fn prices<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, GateError> {
        if let Ok(queued) = outgoing::parse::<Vec<Prices<T>>>(body) {
            return Ok(queued.into_iter().flat_map(|one| one.prices).collect());
        }
        Ok(outgoing::parse::<Prices<T>>(body)?.prices)
    }
    let mut reduced = special.map(prices::<Special>).transpose()?.unwrap_or_default();
    let mut quotes = Vec::new();
    for row in prices::<Base>(base)? {
        let price = outgoing::money(row.price.get(), currency)?;
        let own = reduced.iter().position(|special| special.sku == row.sku).map(|place| reduced.remove(place));
        if row.store_id != store_id || own.as_ref().is_some_and(|own| own.store_id != store_id) {
            return Err(outgoing::unreadable(&"a price of another store"));
        }
        quotes.push(match own {
            Some(own) => {
                let reduced = outgoing::money(own.price.get(), currency)?;
                // A special price that equals the base price reduces nothing.
                outgoing::quote(row.sku, reduced, (reduced != price).then_some(price))
            }
            None => Quote::new(row.sku, price),
        });
    }
    match reduced.into_iter().next() {
        Some(stray) => Err(GateError::Undecided(stray.sku)),
        None => Ok(quotes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_from_the_first_instant_of_the_sale_to_its_last_in_every_zone() {
        let regular = WirePrice::from_minor(1_000, Currency::EUR);
        for hour in 0..48 {
            let starts_at = Millis(1_803_902_400_000).plus(hour * Millis::HOUR);
            let ends_at = starts_at.plus(5 * Millis::DAY);
            let sale = Sale { regular, prior: None, prior_from: None, starts_at, ends_at: Some(ends_at) };
            let (from, to) = window(&sale);
            for zone in -12..=14 {
                let local = |at: Millis| day(at.plus(zone * Millis::HOUR));
                assert!(from[..10] <= *local(starts_at), "{from} {starts_at} {zone}");
                assert!(to[..10] >= *local(ends_at), "{to} {ends_at} {zone}");
            }
        }
    }

    #[test]
    fn a_sale_is_read_back_from_both_bodies() {
        let eur = |minor| WirePrice::from_minor(minor, Currency::EUR);
        let base = br#"{"prices":[{"price":59.9,"store_id":0,"sku":"A"},{"price":10,"store_id":0,"sku":"B"}]}"#;
        let queued =
            br#"[{"prices":[{"price":59.9,"store_id":0,"sku":"A"}]},{"prices":[{"price":10,"store_id":0,"sku":"B"}]}]"#;
        let special = br#"{"prices":[{"price":49.9,"store_id":0,"sku":"A","price_from":"2027-01-01 00:00:00","price_to":"2099-12-31 23:59:59"}]}"#;
        let expected = [outgoing::quote("A", eur(4_990), Some(eur(5_990))), Quote::new("B", eur(1_000))];
        assert_eq!(quoted(base, Some(special), 0, Currency::EUR).unwrap(), expected);
        assert_eq!(quoted(queued, Some(special), 0, Currency::EUR).unwrap(), expected);
        assert!(quoted(base, Some(special), 1, Currency::EUR).is_err(), "another store");
        let stray = br#"{"prices":[{"price":1,"store_id":0,"sku":"C","price_from":"","price_to":""}]}"#;
        assert_eq!(quoted(base, Some(stray), 0, Currency::EUR), Err(GateError::Undecided("C".into())));
        assert!(
            quoted(br#"{"prices":[{"price":1,"cost":1,"store_id":0,"sku":"C"}]}"#, None, 0, Currency::EUR).is_err()
        );
    }
}
