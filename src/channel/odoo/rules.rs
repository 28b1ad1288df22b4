//! What a pricelist says about one piece of one variant. The server takes the first rule of its own order that applies, and
//! answers searches in that order, so the order is never touched here. A rule with dates applies from its start to its end,
//! both inclusive (`date_start` and `date_end`, UTC).

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::way::Way;
use super::{Odoo, currency_of};
use crate::channel::wire::amount::{self, Field};
use crate::channel::wire::found;
use crate::channel::{ChannelError, Seen};
use crate::clock::Millis;
use crate::money::{Currency, Decimal, decimal};

const FIELDS: [&str; 8] =
    ["id", "product_id", "fixed_price", "min_quantity", "compute_price", "date_start", "date_end", "currency_id"];
/// How the server writes an instant; texts of this form compare as instants do.
const INSTANT: &str = "%Y-%m-%d %H:%M:%S";

/// A rule as the server shows it.
#[derive(Debug, Deserialize)]
pub struct Rule {
    pub id: i64,
    /// Id and name, or false.
    product_id: Value,
    fixed_price: Box<RawValue>,
    compute_price: String,
    min_quantity: Box<RawValue>,
    /// Text or false.
    date_start: Value,
    date_end: Value,
    /// Id and name, or false.
    currency_id: Value,
}

impl Rule {
    pub fn product(&self) -> Option<i64> {
        self.product_id.get(0).and_then(Value::as_i64)
    }

    /// Whether it speaks about a single piece.
    fn single(&self) -> bool {
        decimal(self.min_quantity.get()).is_ok_and(|least| least <= Decimal::ONE)
    }

    pub fn dated(&self) -> bool {
        self.date_start.is_string() || self.date_end.is_string()
    }

    /// Whether its time is over.
    fn over(&self, now: &str) -> bool {
        self.date_end.as_str().is_some_and(|end| end < now)
    }

    fn applies(&self, now: &str) -> bool {
        !self.over(now) && self.date_start.as_str().is_none_or(|start| start <= now)
    }
}

/// What a buyer of one piece pays by these rules about one variant, in the server's order; `None` without a rule that
/// applies now.
fn seen(product: i64, rules: &[&Rule], field: impl Fn(Currency) -> Field, now: Millis) -> Option<Seen> {
    let now = now.timestamp().strftime(INSTANT).to_string();
    let mut applying = rules.iter().filter(|rule| rule.applies(&now));
    let first = applying.next()?;
    let more = applying.count();
    let fixed = first.compute_price == "fixed";
    let dated = rules.iter().find(|rule| rule.dated() && !rule.over(&now));
    let refused = match dated {
        Some(rule) => {
            let text = |date: &Value| date.as_str().unwrap_or("ever").to_owned();
            let (from, to) = (text(&rule.date_start), text(&rule.date_end));
            Some(format!("rule {} of the pricelist, from {from} to {to} UTC, has its own price; delete it", rule.id))
        }
        None if !fixed => Some(format!("rule {} of the pricelist computes this price; make it fixed", first.id)),
        None if more > 0 => {
            Some(format!("the pricelist has {} rules for this product; delete all but rule {}", more + 1, first.id))
        }
        None => None,
    };
    let external = product.to_string();
    if !fixed {
        return Some(Seen { refused, ..Seen::plain(external, None) });
    }
    let price = currency_of(&first.currency_id).and_then(|code| amount::shown(first.fixed_price.get(), field(code)));
    let seen = found::shown(external, price);
    let seen = Seen { refused: seen.refused.clone().or(refused), ..seen };
    // A price that a date will change, or that a date made, is not ours for good.
    Some(if dated.is_some() { found::unproved(seen) } else { seen })
}

impl Odoo {
    /// All rules about one piece of these variants, in the server's order, whatever their dates and kind.
    pub(super) async fn rules(&self, way: Way, list: i64, products: &[i64]) -> Result<Vec<Rule>, ChannelError> {
        let domain = json!([
            ["pricelist_id", "=", list],
            ["applied_on", "=", "0_product_variant"],
            ["product_id", "in", products]
        ]);
        let rules: Vec<Rule> = self.search(way, "product.pricelist.item", domain, &FIELDS).await?;
        Ok(rules.into_iter().filter(Rule::single).collect())
    }

    pub(super) async fn seen_in_list(&self, way: Way, list: i64, ids: &[i64]) -> Result<Vec<Seen>, ChannelError> {
        let rules = self.rules(way, list, ids).await?;
        let now = self.clock.now();
        let own = |id: i64| rules.iter().filter(|rule| rule.product() == Some(id)).collect::<Vec<_>>();
        Ok(ids.iter().filter_map(|id| seen(*id, &own(*id), |code| self.priced_in(code), now)).collect())
    }
}
