//! Prices as the shop shows them, and which special price is in force: the shop asks what day it is where it stands.

use jiff::tz::{Offset, TimeZone};
use rust_decimal::RoundingStrategy;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::staging;
use crate::channel::Seen;
use crate::channel::wire::amount::{self, Shown};
use crate::channel::wire::found;
use crate::channel::wire::graphql::text;
use crate::clock::Millis;
use crate::money::{Currency, decimal};

/// Decimals of the shop's price columns. Digits behind them are those of a binary number that PHP printed in full.
const COLUMN_DECIMALS: u32 = 6;
/// The zones furthest behind and ahead of UTC, in hours.
const FURTHEST: [i8; 2] = [-12, 14];

/// A row as the shop shows it; special prices have a window.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub price: Box<RawValue>,
    pub store_id: u32,
    pub sku: String,
    pub price_from: Option<String>,
    pub price_to: Option<String>,
}

/// What day it is now in the shop, `Y-m-d`; several where its stores stand in several zones.
#[derive(Debug)]
pub(super) struct Days(Vec<String>);

/// What decides which special prices are in force.
#[derive(Debug)]
pub(super) enum Now {
    Days(Days),
    /// A shop with staging goes by the second.
    Instant(Millis),
}

impl Now {
    fn in_force(&self, row: &Row) -> bool {
        match self {
            Self::Days(days) => days.any_in_force(row),
            Self::Instant(now) => staging::runs(row, *now),
        }
    }
}

impl Days {
    fn of(zones: impl Iterator<Item = TimeZone>, now: Millis) -> Self {
        let mut days: Vec<String> =
            zones.map(|zone| now.timestamp().to_zoned(zone).strftime("%Y-%m-%d").to_string()).collect();
        days.sort();
        days.dedup();
        Self(days)
    }

    /// Every day that it is somewhere now.
    pub(super) fn anywhere(now: Millis) -> Self {
        Self::of(FURTHEST.into_iter().map(|hours| TimeZone::fixed(Offset::constant(hours))), now)
    }

    /// The days in the zones that `storeConfigs` tells; nothing if it tells one that is not known here.
    pub(super) fn of_stores(configs: &Value, now: Millis) -> Option<Self> {
        let names: Vec<String> =
            configs.as_array().into_iter().flatten().filter_map(|config| text(config, "timezone")).collect();
        let zones: Result<Vec<TimeZone>, _> = names.iter().map(|name| TimeZone::get(name)).collect();
        zones.ok().filter(|zones| !zones.is_empty()).map(|zones| Self::of(zones.into_iter(), now))
    }

    /// Whether a special price is in force on one of these days and not on another.
    pub(super) fn disagree_on(&self, row: &Row) -> bool {
        let first = self.0.first().is_some_and(|day| in_force(row, day));
        self.0.iter().any(|day| in_force(row, day) != first)
    }

    fn any_in_force(&self, row: &Row) -> bool {
        self.0.iter().any(|day| in_force(row, day))
    }
}

/// Both days of a window belong to it, whatever time of day they say.
fn in_force(row: &Row, day: &str) -> bool {
    fn date(text: &Option<String>) -> Option<&str> {
        text.as_deref().and_then(|text| text.get(..10))
    }
    date(&row.price_from).is_none_or(|from| from <= day) && date(&row.price_to).is_none_or(|to| day <= to)
}

/// What a row's price shows.
fn price(row: &Row, currency: Currency) -> Result<Option<Shown>, String> {
    let kept = decimal(row.price.get())
        .map(|all| all.round_dp_with_strategy(COLUMN_DECIMALS, RoundingStrategy::MidpointAwayFromZero).to_string());
    amount::shown(kept.as_deref().unwrap_or(row.price.get()), currency)
}

/// What buyers of a store pay for a SKU; `None` if the shop has no price of it there. A price with more decimals than ours
/// is what buyers pay as well: it is told, rounded, and proves nothing.
pub(super) fn seen(
    sku: &str,
    (store_id, currency): (u32, Currency),
    base: &[Row],
    special: &[Row],
    now: &Now,
) -> Option<Seen> {
    let own = |row: &&Row| row.sku == sku && row.store_id == store_id;
    let regular = price(base.iter().find(own)?, currency);
    let mut pays = regular.clone();
    for row in special.iter().filter(own).filter(|row| now.in_force(row)) {
        pays = match (pays, price(row, currency)) {
            // Of two that round to the same price, the one with more decimals says that it is not ours.
            (Ok(Some(known)), Ok(Some(reduced)))
                if (reduced.price.amount(), reduced.exact) < (known.price.amount(), known.exact) =>
            {
                Ok(Some(reduced))
            }
            (Ok(None), reduced) | (Ok(Some(_)), reduced @ Err(_)) => reduced,
            (known, _) => known,
        };
    }
    let others = base.iter().filter(|row| row.sku == sku && row.store_id != store_id);
    let hidden: Vec<String> = others.map(|row| row.store_id.to_string()).collect();
    let hides = (!hidden.is_empty()).then(|| format!("stores {} have prices of their own for it", hidden.join(", ")));
    let seen = found::crossed_out(found::shown(sku.to_owned(), pays), regular);
    Some(Seen { refused: seen.refused.clone().or(hides), ..seen })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(from: Option<&str>, to: Option<&str>) -> Row {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let price = serde_json::from_str("39.9").unwrap();
        Row { price, store_id: 0, sku: "A".to_owned(), price_from: own(from), price_to: own(to) }
    }

    #[test]
    fn a_special_price_goes_by_the_day_where_the_shop_stands() {
        // Noon UTC of 1 March 2027.
        let now = Millis(1_803_902_400_000);
        let in_zones = |zones: &[&str]| {
            let configs = zones.iter().map(|zone| serde_json::json!({ "timezone": zone })).collect();
            Days::of_stores(&Value::Array(configs), now)
        };
        let second = row(Some("2027-03-02 00:00:00"), Some("2027-03-02 00:00:00"));
        assert!(!in_zones(&["Europe/Copenhagen"]).unwrap().any_in_force(&second));
        assert!(in_zones(&["Pacific/Kiritimati"]).unwrap().any_in_force(&second), "there it is the second");
        let both = in_zones(&["Europe/Copenhagen", "Pacific/Kiritimati"]).unwrap();
        assert!(both.any_in_force(&second) && both.disagree_on(&second));
        let first = row(Some("2027-03-01 18:00:00"), Some("2027-03-01 06:00:00"));
        assert!(in_zones(&["Europe/Copenhagen"]).unwrap().any_in_force(&first), "the time of day does not count");
        assert!(Days::anywhere(now).disagree_on(&second) && !Days::anywhere(now).disagree_on(&row(None, None)));
        assert!(in_zones(&["Mars/Olympus"]).is_none() && in_zones(&[]).is_none());
    }
}
