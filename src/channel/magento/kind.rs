//! What kind of product a SKU is. The shop takes the special price of a bundle for a percentage of what its parts cost, so a
//! reduced price of ours would all but give the bundle away.

use serde::Deserialize;

use super::Magento;
use crate::channel::{ChannelError, Class};

const BUNDLE: &str = "bundle";

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Product>,
}

#[derive(Debug, Deserialize)]
struct Product {
    sku: String,
    type_id: String,
}

/// A search for these SKUs; filters of one group are alternatives.
fn search(skus: &[&str]) -> Vec<(String, String)> {
    let place = |n: usize, key: &str| format!("searchCriteria[filter_groups][0][filters][{n}][{key}]");
    let each = skus.iter().enumerate().flat_map(|(n, sku)| {
        [("field", "sku"), ("value", sku), ("condition_type", "eq")]
            .map(|(key, value)| (place(n, key), value.to_owned()))
    });
    let rest = [("searchCriteria[pageSize]", skus.len().to_string()), ("fields", "items[sku,type_id]".to_owned())];
    each.chain(rest.map(|(key, value)| (key.to_owned(), value))).collect()
}

impl Magento {
    /// The places of those among these SKUs that take no special price in money, each with the reason.
    ///
    /// # Errors
    /// The shop did not tell; nothing was changed.
    pub(super) async fn takes_no_sale(&self, skus: &[&str]) -> Result<Vec<(usize, ChannelError)>, ChannelError> {
        let query = search(skus);
        let query: Vec<(&str, &str)> = query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let page: Page = self.rest.get(&[&self.store, "V1", "products"], &query).await?.ok()?.parse()?;
        let bundles = page.items.iter().filter(|product| product.type_id == BUNDLE);
        let why = "the shop takes a bundle's special price for a percentage of its parts; leave it out of campaigns";
        let refused = |sku: &str| {
            let place = skus.iter().position(|known| *known == sku)?;
            Some((place, ChannelError::new(Class::Rejected, why)))
        };
        Ok(bundles.filter_map(|product| refused(&product.sku)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_names_each_sku_whole() {
        let query = search(&["A,B", "C"]);
        let value = |key: &str| query.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
        assert_eq!(value("searchCriteria[filter_groups][0][filters][0][value]"), Some("A,B"), "a comma is part of it");
        assert_eq!(value("searchCriteria[filter_groups][0][filters][1][value]"), Some("C"));
        assert_eq!(value("searchCriteria[pageSize]"), Some("2"));
    }
}
