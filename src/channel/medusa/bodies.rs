//! What leaves for a Medusa shop, and how prices are read back out of it before it does.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::channel::wire::outgoing;
use crate::channel::{ChannelError, Class, Sale};
use crate::money::Currency;
use crate::publish::gate::{GateError, Quote};

/// Start of the titles of our price lists.
pub(super) const LIST_NAME: &str = "omniprice ";

/// A price of a variant as it travels. Rules and quantities are repeated as the shop has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub currency_code: String,
    pub amount: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_quantity: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_quantity: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<std::collections::BTreeMap<String, String>>,
}

impl Row {
    /// The price that everybody of this currency pays for one piece.
    pub fn plain(&self, currency: Currency) -> bool {
        self.currency_code.eq_ignore_ascii_case(currency.code())
            && self.min_quantity.is_none()
            && self.max_quantity.is_none()
            && self.rules.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
    }

    pub fn same(&self, other: &Self) -> bool {
        let quantity = |value: &Option<Box<RawValue>>| value.as_ref().map(|value| value.get().to_owned());
        self.currency_code == other.currency_code
            && self.amount.get() == other.amount.get()
            && self.rules == other.rules
            && quantity(&self.min_quantity) == quantity(&other.min_quantity)
            && quantity(&self.max_quantity) == quantity(&other.max_quantity)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variants {
    pub update: Vec<Variant>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub id: String,
    pub prices: Vec<Row>,
}

/// Prices of a list as they travel, new ones and changed ones alike.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPrices {
    pub create: Vec<ListPrice>,
    pub update: Vec<ListPrice>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewList {
    pub title: String,
    pub description: String,
    pub r#type: String,
    pub status: String,
    pub starts_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    pub prices: Vec<ListPrice>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPrice {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub variant_id: String,
    pub currency_code: String,
    pub amount: Box<RawValue>,
}

/// The list of one window; the same window of several products is one list.
pub(super) fn title(sale: &Sale) -> String {
    let end = sale.ends_at.map_or_else(|| "open".to_owned(), |end| end.to_string());
    format!("{LIST_NAME}{} {end}", sale.starts_at)
}

pub(super) fn bytes(body: &impl Serialize) -> Result<Vec<u8>, ChannelError> {
    serde_json::to_vec(body).map_err(|error| ChannelError::new(Class::Rejected, error.to_string()))
}

pub(super) fn new_list(window: &Sale, prices: Vec<ListPrice>) -> NewList {
    NewList {
        title: title(window),
        description: "Sale prices kept by omniprice".to_owned(),
        r#type: "sale".to_owned(),
        status: "active".to_owned(),
        starts_at: window.starts_at.to_string(),
        ends_at: window.ends_at.map(|end| end.to_string()),
        prices,
    }
}

/// Reads prices back out of all bodies of one push, by their text alone. Rows that only travel along must be the rows
/// that the shop had.
pub(super) fn quoted(
    base: &[u8],
    lists: &[&[u8]],
    kept: &[(String, Vec<Row>)],
    product: &str,
    currency: Currency,
) -> Result<Vec<Quote>, GateError> {
    let mut reduced = Vec::new();
    for list in lists {
        let prices = match outgoing::parse::<NewList>(list) {
            Ok(new) => new.prices,
            Err(_) => {
                let ListPrices { create, update } = outgoing::parse(list)?;
                create.into_iter().chain(update).collect()
            }
        };
        for price in prices {
            let currency = outgoing::currency(&price.currency_code.to_ascii_uppercase())?;
            reduced.push((price.variant_id, outgoing::money(price.amount.get(), currency)?));
        }
    }
    let mut quotes = Vec::new();
    for variant in outgoing::parse::<Variants>(base)?.update {
        let (own, others): (Vec<Row>, Vec<Row>) = variant.prices.into_iter().partition(|row| row.plain(currency));
        let known = kept.iter().find(|(id, _)| *id == variant.id).map(|(_, rows)| rows.as_slice()).unwrap_or_default();
        if others.len() != known.len() || !others.iter().zip(known).all(|(sent, held)| sent.same(held)) {
            return Err(outgoing::unreadable(&"a price of another currency or group that the shop did not have"));
        }
        let [own] = own.as_slice() else { return Err(outgoing::unreadable(&"not one price of the currency")) };
        let base = outgoing::money(own.amount.get(), currency)?;
        let external = format!("{product}/{}", variant.id);
        let mut sales = reduced.iter().filter(|(id, _)| *id == variant.id);
        quotes.push(match (sales.next(), sales.next()) {
            (None, _) => Quote::new(external, base),
            (Some((_, sale)), None) => outgoing::quote(external, *sale, Some(base)),
            _ => return Err(outgoing::unreadable(&"two sale prices of one variant")),
        });
    }
    Ok(quotes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::WirePrice;

    const BASE: &str = r#"{"update":[{"id":"v","prices":[{"currency_code":"dkk","amount":599},{"currency_code":"eur","amount":80.5}]}]}"#;

    fn of(base: &str, lists: &[&str], kept: &str) -> Result<Vec<Quote>, GateError> {
        let lists: Vec<&[u8]> = lists.iter().map(|list| list.as_bytes()).collect();
        let row = Row {
            currency_code: "eur".into(),
            amount: RawValue::from_string(kept.to_owned()).unwrap(),
            min_quantity: None,
            max_quantity: None,
            rules: None,
        };
        quoted(base.as_bytes(), &lists, &[("v".to_owned(), vec![row])], "p", Currency::DKK)
    }

    #[test]
    fn a_sale_is_read_back_from_both_bodies() {
        let dkk = |minor| WirePrice::from_minor(minor, Currency::DKK);
        assert_eq!(of(BASE, &[], "80.5").unwrap(), [Quote::new("p/v", dkk(59_900))]);
        let list = r#"{"create":[{"variant_id":"v","currency_code":"dkk","amount":479}],"update":[]}"#;
        assert_eq!(of(BASE, &[list], "80.5").unwrap(), [outgoing::quote("p/v", dkk(47_900), Some(dkk(59_900)))]);
        assert!(of(BASE, &[list, list], "80.5").is_err(), "two sale prices of one variant");
    }

    #[test]
    fn what_only_travels_along_must_be_what_the_shop_had() {
        assert!(of(BASE, &[], "81").is_err());
        assert!(of(&BASE.replace("eur", "sek"), &[], "80.5").is_err());
        assert!(of(&BASE.replace("\"id\"", "\"price\":1,\"id\""), &[], "80.5").is_err());
    }
}
