//! Prices as the shop shows them, and which special price is in force: the shop asks what day it is where it stands.

use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::channel::Seen;
use crate::channel::wire::amount;
use crate::channel::wire::graphql::text;
use crate::clock::Millis;
use crate::money::Currency;

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

/// What buyers of a store pay for a SKU; `None` if the shop has no price of it there.
pub(super) fn seen(
    sku: &str,
    (store_id, currency): (u32, Currency),
    base: &[Row],
    special: &[Row],
    days: &Days,
) -> Option<Seen> {
    let own = |row: &&Row| row.sku == sku && row.store_id == store_id;
    let money = |row: &Row| amount::parse(row.price.get(), currency).ok();
    let base_price = money(base.iter().find(own)?)?;
    let in_force = special.iter().filter(own).filter(|row| days.any_in_force(row));
    let reduced = in_force.filter_map(money).min_by_key(|money| money.amount());
    let reduced = reduced.filter(|reduced| reduced.amount() < base_price.amount());
    let others = base.iter().filter(|row| row.sku == sku && row.store_id != store_id);
    let hidden: Vec<String> = others.map(|row| row.store_id.to_string()).collect();
    let refused = (!hidden.is_empty()).then(|| format!("stores {} have prices of their own for it", hidden.join(", ")));
    let price = reduced.unwrap_or(base_price);
    Some(Seen { refused, ..Seen::crossed(sku.to_owned(), Some(price), reduced.map(|_| base_price)) })
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
