//! Products as a Shopware shop shows them, and what they cost there.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::channel::wire::amount::{self, Field};
use crate::channel::wire::found;
use crate::channel::{Seen, Tax};

/// A product. A variant that inherits its price and its tax shows its parent's, because the question asks for that.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    pub id: String,
    pub product_number: Option<String>,
    #[serde(default)]
    pub price: Option<Vec<Box<RawValue>>>,
    pub tax: Option<HeldTax>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeldTax {
    pub tax_rate: Box<RawValue>,
}

/// A price; more keys are the shop's own business.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub currency_id: String,
    gross: Box<RawValue>,
    net: Box<RawValue>,
    list_price: Option<ShownPair>,
}

#[derive(Debug, Deserialize)]
struct ShownPair {
    gross: Box<RawValue>,
    net: Box<RawValue>,
}

impl Held {
    /// The price in one of the shop's currencies. A price with more decimals than ours have is what the shop computes for
    /// the side that nobody typed: it is there, and it is not ours.
    pub fn seen(&self, currency_id: &str, tax: Tax, field: Field) -> Seen {
        let prices = self.price.as_deref().unwrap_or_default().iter();
        let mut prices = prices.filter_map(|price| serde_json::from_str::<Shown>(price.get()).ok());
        let side = |gross: &RawValue, net: &RawValue| {
            amount::shown(if tax == Tax::Gross { gross.get() } else { net.get() }, field)
        };
        let Some(own) = prices.find(|shown| shown.currency_id == currency_id) else {
            return Seen::crossed(self.id.clone(), None, None);
        };
        let list = own.list_price.as_ref().map_or(Ok(None), |list| side(&list.gross, &list.net));
        found::crossed_out(found::shown(self.id.clone(), side(&own.gross, &own.net)), list)
    }
}
