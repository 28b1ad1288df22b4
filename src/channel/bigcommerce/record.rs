//! Variants and records in BigCommerce's words: as they leave, as they are read back out of a batch, and as the store
//! holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::channel::wire::outgoing;
use crate::money::Currency;
use crate::publish::gate::{GateError, Quote};

/// A catalogue variant as it travels; a sale price of null is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub id: u64,
    pub price: Box<RawValue>,
    pub sale_price: Option<Box<RawValue>>,
}

/// A record of a price list as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub variant_id: u64,
    pub currency: String,
    pub price: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_price: Option<Box<RawValue>>,
    // The rest is sent where a record that has been deleted is written again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retail_price: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_price: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_pricing_tiers: Option<Box<RawValue>>,
}

/// A variant or a record as the store shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Held {
    pub id: Option<u64>,
    pub variant_id: Option<u64>,
    pub sku: Option<String>,
    pub price: Option<Box<RawValue>>,
    pub sale_price: Option<Box<RawValue>>,
    pub calculated_price: Option<Box<RawValue>>,
    pub currency: Option<String>,
    retail_price: Option<Box<RawValue>>,
    map_price: Option<Box<RawValue>>,
    bulk_pricing_tiers: Option<Vec<Tier>>,
}

/// A volume price. No maximum is null where it is shown and must be left out where it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Tier {
    quantity_min: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity_max: Option<Box<RawValue>>,
    r#type: Box<RawValue>,
    amount: Box<RawValue>,
}

/// What a record of a price list has beside its price and sale price, in the store's own words.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub retail_price: Option<Box<RawValue>>,
    pub map_price: Option<Box<RawValue>>,
    pub bulk_pricing_tiers: Option<Box<RawValue>>,
}

impl Kept {
    fn words(&self) -> [Option<&str>; 3] {
        [&self.retail_price, &self.map_price, &self.bulk_pricing_tiers].map(|raw| raw.as_deref().map(RawValue::get))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}

/// A product as the search by SKU shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Product {
    sku: Option<String>,
    base_variant_id: Option<u64>,
    #[serde(default)]
    variants: Vec<Held>,
}

impl Product {
    /// The variant that is sold under the product's own SKU; a product with options has none.
    pub fn base(self, sku: &str) -> Option<Held> {
        let id = self.base_variant_id.filter(|_| self.sku.as_deref() == Some(sku));
        self.variants.into_iter().find(|variant| id.is_some() && variant.id == id)
    }
}

impl Held {
    /// # Errors
    /// Volume prices that cannot be written down.
    pub fn kept(&self) -> Result<Kept, String> {
        let tiers = self.bulk_pricing_tiers.as_ref().filter(|tiers| !tiers.is_empty());
        let tiers = tiers.map(to_raw_value).transpose().map_err(|why| why.to_string())?;
        let (retail_price, map_price) = (self.retail_price.clone(), self.map_price.clone());
        Ok(Kept { retail_price, map_price, bulk_pricing_tiers: tiers })
    }

    pub fn external(&self) -> String {
        self.variant_id.or(self.id).map(|id| id.to_string()).unwrap_or_default()
    }
}

/// Reads prices back out of an outgoing batch, by its text alone. The catalogue names no currency: it is the store's. A
/// record may bring back what the store had beside its prices, `kept`, and nothing else.
pub(super) fn quoted(body: &[u8], currency: Currency, kept: &BTreeMap<u64, Kept>) -> Result<Vec<Quote>, GateError> {
    let quote = |id: u64, currency, price: &RawValue, sale: Option<&RawValue>| {
        let price = outgoing::money(price.get(), currency)?;
        Ok(match sale {
            Some(sale) => outgoing::quote(id.to_string(), outgoing::money(sale.get(), currency)?, Some(price)),
            None => Quote::new(id.to_string(), price),
        })
    };
    if let Ok(variants) = outgoing::parse::<Vec<Variant>>(body) {
        return variants.iter().map(|one| quote(one.id, currency, &one.price, one.sale_price.as_deref())).collect();
    }
    let one = |record: &Record| {
        let Record { retail_price, map_price, bulk_pricing_tiers, .. } = record;
        let beside = Kept {
            retail_price: retail_price.clone(),
            map_price: map_price.clone(),
            bulk_pricing_tiers: bulk_pricing_tiers.clone(),
        };
        if beside != kept.get(&record.variant_id).cloned().unwrap_or_default() {
            let why = format!("the record {} has further prices that are not the store's own", record.variant_id);
            return Err(GateError::Unreadable(why));
        }
        let currency = outgoing::currency(&record.currency.to_ascii_uppercase())?;
        quote(record.variant_id, currency, &record.price, record.sale_price.as_deref())
    };
    outgoing::parse::<Vec<Record>>(body)?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::WirePrice;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let dkk = |minor| WirePrice::from_minor(minor, Currency::DKK);
        let of = |body: &str| quoted(body.as_bytes(), Currency::DKK, &BTreeMap::new());
        assert_eq!(of(r#"[{"id":7,"price":479,"sale_price":null}]"#).unwrap(), [Quote::new("7", dkk(47_900))]);
        let sale = outgoing::quote("7", dkk(47_950), Some(dkk(59_900)));
        assert_eq!(of(r#"[{"id":7,"price":599,"sale_price":479.5}]"#).unwrap(), [sale]);
        let eur = WirePrice::from_minor(6_400, Currency::EUR);
        assert_eq!(of(r#"[{"variant_id":7,"currency":"eur","price":64}]"#).unwrap(), [Quote::new("7", eur)]);
        for bad in [r#"[{"id":7,"price":479,"sale_price":null,"map_price":1}]"#, r#"[{"id":7,"price":479.005}]"#] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_record_brings_back_what_the_store_had_and_no_other_price() {
        let body = r#"[{"variant_id":7,"currency":"eur","price":64,"map_price":50}]"#;
        let held: Held = serde_json::from_str(r#"{"variant_id":7,"map_price":50,"bulk_pricing_tiers":[]}"#).unwrap();
        let of = |kept: &BTreeMap<u64, Kept>| quoted(body.as_bytes(), Currency::EUR, kept);
        assert!(of(&[(7, held.kept().unwrap())].into()).is_ok());
        assert!(of(&[(8, held.kept().unwrap())].into()).is_err() && of(&BTreeMap::new()).is_err());
        assert!(of(&[(7, Kept { map_price: None, ..held.kept().unwrap() })].into()).is_err());
    }
}
