//! Products in the words of the Merchant API: as they are put in, and as Google made of them.

use serde::{Deserialize, Serialize};

use crate::channel::wire::amount;
use crate::channel::{ChannelError, Class};
use crate::clock::Millis;
use crate::money::WirePrice;
use crate::publish::gate::{GateError, Quote};

/// A product input, as far as we write it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Input {
    pub offer_id: String,
    pub content_language: String,
    pub feed_label: String,
    /// int64 in JSON is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_number: Option<String>,
    pub product_attributes: Attributes,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Attributes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gtins: Vec<String>,
    pub price: Price,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_price: Option<Price>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_price_effective_date: Option<Interval>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Price {
    pub amount_micros: String,
    pub currency_code: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Interval {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
}

impl Price {
    pub fn of(money: WirePrice) -> Result<Self, ChannelError> {
        let micros = amount::micros(money).map_err(|why| ChannelError::new(Class::Rejected, why))?;
        Ok(Self { amount_micros: micros.to_string(), currency_code: money.currency().code().to_owned() })
    }

    pub fn money(&self) -> Result<WirePrice, String> {
        let currency = crate::money::currency(&self.currency_code).map_err(|why| why.to_string())?;
        let micros = self.amount_micros.parse().map_err(|_| format!("`{}` is no number", self.amount_micros))?;
        amount::from_micros(micros, currency)
    }

    /// As a product shows it, maybe with more decimals than the currency has.
    pub fn shown(&self) -> Result<amount::Shown, String> {
        let currency = crate::money::currency(&self.currency_code).map_err(|why| why.to_string())?;
        amount::shown_micros(&self.amount_micros, currency)
    }
}

impl Interval {
    /// Whether it holds at an instant; a text that is no time does not limit it.
    pub fn holds(&self, now: Millis) -> bool {
        let at = |text: &Option<String>| text.as_deref()?.parse::<jiff::Timestamp>().ok().map(Millis::from);
        at(&self.start_time).is_none_or(|start| start <= now) && at(&self.end_time).is_none_or(|end| now < end)
    }
}

/// A processed product, as far as we read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Product {
    #[serde(default)]
    pub offer_id: String,
    #[serde(default)]
    pub content_language: String,
    #[serde(default)]
    pub feed_label: String,
    #[serde(default)]
    pub product_attributes: Shown,
    #[serde(default)]
    pub product_status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub price: Option<Price>,
    pub sale_price: Option<Price>,
    pub sale_price_effective_date: Option<Interval>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    #[serde(default)]
    pub item_level_issues: Vec<Issue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub severity: String,
    #[serde(default)]
    pub attribute: String,
    #[serde(default)]
    pub description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    #[serde(default)]
    pub products: Vec<Product>,
    pub next_page_token: Option<String>,
}

impl Issue {
    pub fn about_price(&self) -> bool {
        self.severity == "DISAPPROVED" && self.attribute.to_lowercase().contains("price")
    }
}

pub(super) fn quoted(body: &[u8]) -> Result<Vec<Quote>, GateError> {
    let input: Input = serde_json::from_slice(body).map_err(|why| GateError::Unreadable(why.to_string()))?;
    let attributes = input.product_attributes;
    let price = attributes.price.money().map_err(GateError::Unreadable)?;
    let sale = attributes.sale_price.map(|sale| sale.money()).transpose().map_err(GateError::Unreadable)?;
    Ok(vec![match sale {
        None => Quote::new(input.offer_id, price),
        Some(sale) => Quote { regular: Some(price), ..Quote::new(input.offer_id, sale) },
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |attributes: &str| {
            let text = format!(
                r#"{{"offerId":"A","contentLanguage":"da","feedLabel":"DK","productAttributes":{{{attributes}}}}}"#
            );
            quoted(text.as_bytes())
        };
        let price = r#""price":{"amountMicros":"479000000","currencyCode":"DKK"}"#;
        let dkk = |minor| WirePrice::from_minor(minor, Currency::DKK);
        assert_eq!(of(price).unwrap(), vec![Quote::new("A", dkk(47_900))]);
        let sale = format!(r#"{price},"salePrice":{{"amountMicros":"399000000","currencyCode":"DKK"}}"#);
        assert_eq!(of(&sale).unwrap(), vec![Quote { regular: Some(dkk(47_900)), ..Quote::new("A", dkk(39_900)) }]);
        for sneaky in [
            format!(r#"{price},"autoPricingMinPrice":{{"amountMicros":"1","currencyCode":"DKK"}}"#),
            price.replace("479000000", "479001000"),
            price.replace("\"479000000\"", "479000000"),
            String::new(),
        ] {
            assert!(of(&sneaky).is_err(), "{sneaky}");
        }
    }

    #[test]
    fn a_window_begins_inclusive_and_ends_exclusive() {
        let text = |text: &str| Some(text.to_owned());
        let window = Interval { start_time: text("2026-12-01T00:00:00Z"), end_time: text("2026-12-05T00:00:00Z") };
        let at = |text: &str| Millis::from(text.parse::<jiff::Timestamp>().unwrap());
        assert!(!window.holds(at("2026-11-30T23:59:59Z")));
        assert!(window.holds(at("2026-12-01T00:00:00Z")));
        assert!(window.holds(at("2026-12-04T23:59:59Z")));
        assert!(!window.holds(at("2026-12-05T00:00:00Z")));
        assert!(Interval { start_time: None, end_time: None }.holds(Millis(0)));
    }
}
