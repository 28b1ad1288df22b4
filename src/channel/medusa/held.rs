//! Prices as a Medusa shop shows them to its back office.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::bodies::Row;

/// A variant as the admin API shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Held {
    pub id: String,
    #[serde(default)]
    pub sku: Option<String>,
    #[serde(default)]
    pub product_id: Option<String>,
    #[serde(default)]
    pub prices: Vec<HeldPrice>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HeldPrice {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub variant_id: Option<String>,
    pub currency_code: String,
    pub amount: Box<RawValue>,
    pub min_quantity: Option<Box<RawValue>>,
    pub max_quantity: Option<Box<RawValue>>,
    /// Answered only where the query asks for `prices.price_rules`.
    pub rules: Option<std::collections::BTreeMap<String, String>>,
}

impl HeldPrice {
    pub fn row(&self) -> Row {
        let quantity = |value: &Option<Box<RawValue>>| value.clone().filter(|value| value.get() != "null");
        Row {
            currency_code: self.currency_code.clone(),
            amount: self.amount.clone(),
            min_quantity: quantity(&self.min_quantity),
            max_quantity: quantity(&self.max_quantity),
            rules: self.rules.clone().filter(|rules| !rules.is_empty()),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct HeldList {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub prices: Vec<HeldPrice>,
}
