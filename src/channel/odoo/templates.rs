//! Sales prices, which belong to templates: what they show, and which of them are ours to price.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::way::{Arguments, Way};
use super::{MAX_READ, Odoo, TEMPLATE, currency_of};
use crate::channel::wire::{amount, found};
use crate::channel::{ChannelError, Class, Match, PriceChange, Seen};
use crate::money::Currency;

/// What decides whether a template's price is ours to write.
#[derive(Debug, Deserialize)]
struct Owned {
    id: i64,
    /// That of the template's company, or of the server's first one where it has none; not that of our user's.
    currency_id: Value,
    /// The variants that are not archived: each has this price.
    product_variant_count: i64,
}

impl Odoo {
    pub(super) async fn seen_templates(&self, way: Way, ids: &[i64]) -> Result<Vec<Seen>, ChannelError> {
        #[derive(Deserialize)]
        struct Template {
            id: i64,
            list_price: Box<RawValue>,
            /// The template's, which need not be the one that the table names.
            currency_id: Value,
        }
        let fields = ["id", "list_price", "currency_id"];
        let rows: Vec<Template> = self.search(way, TEMPLATE, json!([["id", "in", ids]]), &fields).await?;
        let one = |row: &Template| {
            let price = currency_of(&row.currency_id)
                .and_then(|code| amount::shown(row.list_price.get(), self.priced_in(code)));
            found::shown(row.id.to_string(), price)
        };
        Ok(rows.iter().map(one).collect())
    }

    async fn owned(&self, way: Way, ids: &[i64]) -> Result<Vec<Owned>, ChannelError> {
        let fields = ["id", "currency_id", "product_variant_count"];
        self.search(way, TEMPLATE, json!([["id", "in", ids]]), &fields).await
    }

    /// The changes that may not be written, by their places: a price in another money would be written as ours, and one
    /// of several variants would carry the others along, whose floors nobody asked.
    pub(super) async fn not_ours(
        &self,
        way: Way,
        changes: &[PriceChange],
    ) -> Result<Vec<(usize, ChannelError)>, ChannelError> {
        let ids: Vec<i64> = changes.iter().filter_map(|change| change.external.parse().ok()).collect();
        let templates = self.owned(way, &ids).await?;
        let why = |change: &PriceChange| {
            let own = templates.iter().find(|own| own.id.to_string() == change.external)?;
            match currency_of(&own.currency_id) {
                Err(why) => Some(format!("the listing shows {why}")),
                Ok(code) if code != self.currency => Some(format!(
                    "it is priced in {code} there and in {own} here; set currency = \"{code}\", or the template's company",
                    code = code.code(),
                    own = self.currency.code(),
                )),
                Ok(_) => shared(&change.sku, own.product_variant_count),
            }
        };
        let refused = changes.iter().enumerate().filter_map(|(place, change)| Some((place, why(change)?)));
        Ok(refused.map(|(place, why)| (place, ChannelError::new(Class::Rejected, why))).collect())
    }

    /// Shuts listings whose template has variants that were not asked for as well: without a reference, on another page,
    /// or none of ours.
    pub(super) async fn shut_shared(&self, way: Way, matches: &mut [Match]) -> Result<(), ChannelError> {
        for part in matches.chunks_mut(MAX_READ) {
            let ids: Vec<i64> = part.iter().filter_map(|one| one.external.parse().ok()).collect();
            let templates = self.owned(way, &ids).await?;
            for one in part.iter_mut().filter(|one| one.shut.is_none()) {
                let own = templates.iter().find(|own| own.id.to_string() == one.external);
                one.shut = own.and_then(|own| shared(&one.sku, own.product_variant_count));
            }
        }
        Ok(())
    }

    /// The money of sales prices: that of any template that the server shows, since it need not be the user's company's.
    /// `None` without a template.
    pub(super) async fn money_of_templates(&self, way: Way) -> Result<Option<Result<Currency, String>>, ChannelError> {
        #[derive(Deserialize)]
        struct Template {
            currency_id: Value,
        }
        let fields = ["currency_id"];
        let arguments = Arguments {
            placed: json!([[], fields, 0, 1]),
            named: json!({ "domain": [], "fields": fields, "limit": 1 }),
        };
        let rows: Vec<Template> = self.ask(way, TEMPLATE, "search_read", arguments).await?;
        Ok(rows.first().map(|row| currency_of(&row.currency_id)))
    }
}

/// Why a SKU cannot be priced for itself, if its template has other variants.
fn shared(sku: &str, variants: i64) -> Option<String> {
    (variants > 1)
        .then(|| format!("{sku} is one of {variants} variants of a template, which has one price; use a pricelist"))
}
