//! Products as the shop shows them. Plug-ins make numbers and nulls of what the vendor writes as texts, so everything but
//! the id is read with patience: one odd product must not hide the hundred of its page.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::channel::Seen;
use crate::channel::wire::amount::{self, Field, Shown};
use crate::channel::wire::found;
use crate::channel::wire::http::Answer;

/// The fields of [`Product`], for `_fields=`.
pub const FIELDS: &str = "id,sku,type,parent_id,price,regular_price,sale_price";

/// A price field as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Price(Option<Box<RawValue>>);

impl Price {
    /// The text without quotes; empty for null.
    pub fn text(&self) -> &str {
        self.0.as_ref().map_or("", |raw| raw.get().trim_matches('"'))
    }

    /// # Errors
    /// Neither nothing nor a number.
    pub fn shown(&self, field: impl Into<Field>) -> Result<Option<Shown>, String> {
        amount::shown(self.text(), field)
    }
}

/// A product or variation as the shop shows it, or in a batch the reason why it was not written.
#[derive(Debug, Deserialize)]
pub struct Product {
    pub id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub sku: String,
    #[serde(default, deserialize_with = "or_default")]
    pub r#type: String,
    /// 0 for what has no parent, and where the shop does not say.
    #[serde(default, deserialize_with = "or_default")]
    pub parent_id: u64,
    #[serde(default)]
    pub price: Price,
    #[serde(default)]
    pub regular_price: Price,
    #[serde(default)]
    pub sale_price: Price,
    pub error: Option<Fault>,
}

/// An error in the vendor's words.
#[derive(Debug, Default, Deserialize)]
pub struct Fault {
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub data: Value,
}

impl Fault {
    /// What an answer says about itself; empty for a page of the web server's or a proxy's.
    pub fn of(answer: &Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// Whether WooCommerce itself speaks, and not WordPress without it or a web server.
    pub fn of_the_shop(&self) -> bool {
        self.code.starts_with("woocommerce_rest_")
    }
}

impl Product {
    /// What a price can be mapped to: a variable or grouped product shows a range of the prices below it.
    pub fn priced(&self) -> bool {
        self.r#type != "grouped" && !self.r#type.starts_with("variable")
    }

    /// `ID` of a product or `PARENT/ID` of a variation, of whatever plug-in's type.
    pub fn reference(&self) -> String {
        match self.parent_id {
            parent @ 1.. if self.r#type.ends_with("variation") => format!("{parent}/{}", self.id),
            _ => self.id.to_string(),
        }
    }

    /// What a buyer pays, and the regular price where it is crossed out.
    pub fn seen(&self, external: String, field: impl Into<Field>) -> Seen {
        let field = field.into();
        found::crossed_out(found::shown(external, self.price.shown(field)), self.regular_price.shown(field))
    }
}

/// Null and a value of another type count as a missing one.
fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    let value = Option::<Value>::deserialize(from)?.unwrap_or_default();
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn product(json: &str) -> Product {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_and_nulls_of_plug_ins_are_read_as_texts_are() {
        let odd = product(
            r#"{"id":7,"sku":null,"type":null,"parent_id":null,"price":12.5,"regular_price":15,"sale_price":null}"#,
        );
        let seen = odd.seen(odd.reference(), Currency::DKK);
        let dkk = |minor| Some(crate::money::WirePrice::from_minor(minor, Currency::DKK));
        assert_eq!((seen.external.as_str(), seen.price, seen.regular), ("7", dkk(1_250), Some(dkk(1_500))));
        let none = product(r#"{"id":7,"price":null}"#).seen("7".to_owned(), Currency::DKK);
        assert_eq!((none.price, none.refused), (None, None));
    }

    #[test]
    fn only_what_has_a_price_of_its_own_is_mapped() {
        let of = |kind: &str, parent: u64| product(&format!(r#"{{"id":7,"type":"{kind}","parent_id":{parent}}}"#));
        for kind in ["variable", "variable-subscription", "grouped"] {
            assert!(!of(kind, 0).priced(), "{kind}");
        }
        assert_eq!(of("subscription_variation", 3).reference(), "3/7");
        assert!(of("variation", 3).priced() && of("simple", 0).priced() && of("subscription", 0).priced());
        assert_eq!(of("simple", 3).reference(), "7", "a child of a grouped product");
    }
}
