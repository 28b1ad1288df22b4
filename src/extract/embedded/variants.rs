//! The variant that the page's address names, in the shapes of shop systems: lists of variants, WooCommerce's
//! variations form, Magento's swatches.
//!
//! The first variant never stands in for the one named. Where the one named is not among those of the product, the
//! prices of the others are nobody's.

use super::keys::{LISTS, price_of, stock};
use super::{Hit, Search};
use crate::extract::json::{Object, Value};
use crate::extract::offer::{Availability, Evidence, MAX_FIELD, Offer, Source, field};
use crate::extract::price::PriceKind;
use crate::extract::trail::Trail;
use crate::extract::{address, gtin};
use crate::money::{Currency, Money};

/// Members that identify a variant.
const IDS: [&str; 8] =
    ["id", "variantId", "variant_id", "variation_id", "legacyResourceId", "sku", "itemNumber", "articleNumber"];
/// Points of state that the address picks a variant of: it can only be the page's.
const PICKED: i32 = 100;

/// The variants of a product, whatever the member that lists them is called.
fn variants_of<'o, 'a>(object: &'o Object<'a>) -> &'o [Value<'a>] {
    let list = ["variants", "skus", "children", "productVariants"].iter().find_map(|key| object.get(key));
    list.map(Value::each).unwrap_or_default()
}

/// The number at the end of `gid://shopify/ProductVariant/4002`.
fn plain(id: &str) -> &str {
    if id.starts_with("gid://") { id.rsplit('/').next().unwrap_or(id) } else { id }
}

fn code(variant: &Object<'_>) -> Option<String> {
    variant.first(&["gtin", "gtin13", "ean", "barcode", "upc", "isbn"]).and_then(Value::text).and_then(gtin::canonical)
}

impl Search<'_> {
    /// Prices of variants: the one the address names, else a range when they differ. Answers all of them.
    pub(super) fn variants(&mut self, object: &Object<'_>, offer: &mut Offer) -> Vec<Money> {
        let list = variants_of(object);
        let mut amounts = Vec::new();
        let mut picked = None;
        for variant in list.iter().filter_map(Value::object) {
            let Some((key, raw)) = price_of(variant) else { continue };
            let Some((money, ..)) = self.amount(raw, key, offer.currency) else { continue };
            amounts.push(money);
            if let Some(id) = self.picks(variant).filter(|_| picked.is_none()) {
                picked = Some((id, variant, money));
            }
        }
        if let Some((id, variant, money)) = picked {
            offer.price = Some(money);
            self.identify(variant, id, offer);
            let before = LISTS.iter().find_map(|k| variant.get(k).and_then(|v| self.amount(v, k, offer.currency)));
            offer.list_price = before.map(|b| b.0).filter(|b| b.minor() > money.minor());
            return amounts;
        }
        if self.misses(list) {
            self.stray.get_or_insert_default().extend(&amounts);
        }
        if let ([only], None) = (list, &offer.sku) {
            offer.sku =
                only.object().and_then(|v| v.get("sku")).and_then(Value::text).and_then(|s| field(s, MAX_FIELD));
        }
        // A list of the other sizes has a price of its own beside it.
        if let Some(own) = offer.price.filter(|own| own.is_positive() && !amounts.is_empty() && !amounts.contains(own))
        {
            amounts.push(own);
        }
        if let (Some(low), Some(high)) =
            (amounts.iter().min_by_key(|m| m.minor()), amounts.iter().max_by_key(|m| m.minor()))
            && low.minor() < high.minor()
        {
            offer.price = Some(*low);
            offer.high_price = Some(*high);
            offer.kind = PriceKind::Range;
        }
        amounts
    }

    /// Keeps the identity of the variant that the address names where no price of the product can be told.
    pub(super) fn note_variant(&mut self, object: &Object<'_>, path: &str) {
        let list = variants_of(object);
        let picked = list.iter().filter_map(Value::object).find_map(|v| Some((self.picks(v)?, v)));
        let Some((id, variant)) = picked.filter(|_| self.named.is_none()) else { return };
        let evidence = Some(Evidence::new(Source::Embedded, path, &id, None));
        let mut offer = Offer { evidence, ..Offer::default() };
        self.identify(variant, id, &mut offer);
        self.named = Some(offer);
    }

    /// Which identifier of a variant the page's address has as a value of its query.
    fn picks(&self, variant: &Object<'_>) -> Option<String> {
        let mut ids = IDS.iter().filter_map(|key| variant.get(key).and_then(Value::text)).map(plain);
        ids.find(|id| address::names_in_query(self.identity.url, id)).map(str::to_owned)
    }

    /// Takes over what a variant says about itself and nothing of the others.
    fn identify(&self, variant: &Object<'_>, id: String, offer: &mut Offer) {
        let text = |key: &str| variant.get(key).and_then(Value::text).and_then(|s| field(s, MAX_FIELD));
        offer.sku = text("sku").or_else(|| text("articleNumber")).or_else(|| text("itemNumber"));
        offer.gtin = code(variant);
        offer.availability = stock(variant);
        offer.variant = Some(id);
    }

    /// Whether the address names a variant by number, and these all have numbers of which none is that.
    fn misses(&self, list: &[Value<'_>]) -> bool {
        let Some(wanted) = address::query_value(self.identity.url, "variant") else { return false };
        let number = |id: &str| id.len() >= 4 && id.bytes().all(|b| b.is_ascii_digit());
        let ids: Vec<&str> = list
            .iter()
            .filter_map(Value::object)
            .filter_map(|v| v.get("id").and_then(Value::text))
            .map(plain)
            .collect();
        self.cents && number(&wanted) && !ids.is_empty() && ids.iter().all(|id| number(id) && *id != wanted)
    }

    /// WooCommerce's list of variations in the form of the page's product: those whose attributes the address names.
    pub(super) fn variations(&mut self, root: &Value<'_>, at: usize) {
        let url = self.identity.url;
        let chosen = address::query_with_prefix(url, "attribute_");
        let all: Vec<&Object<'_>> = root.each().iter().filter_map(Value::object).collect();
        let fits = |v: &&&Object<'_>| {
            let own = v.get("attributes").and_then(Value::object);
            let value = |key: &str| own.and_then(|o| o.get(key)).and_then(Value::text);
            // A variation without a value stands for any.
            let named = chosen.iter().any(|(key, _)| value(key).is_some());
            named
                && chosen.iter().all(|(k, v)| value(k).is_none_or(|own| own.is_empty() || own.eq_ignore_ascii_case(v)))
        };
        let by_id = |v: &&&Object<'_>| {
            let id = v.get("variation_id").and_then(Value::text);
            id.is_some_and(|id| address::query_value(url, "variation_id").is_some_and(|wanted| wanted == id))
        };
        let amounts: Vec<Money> = all.iter().filter_map(|v| self.priced(v)).collect();
        let picked: Vec<&&Object<'_>> = all.iter().filter(|v| by_id(v) || fits(v)).collect();
        if picked.is_empty() {
            if !chosen.is_empty() && !all.is_empty() {
                self.stray.get_or_insert_default().extend(amounts);
            }
            return;
        }
        self.pick(&picked, amounts, "data-product_variations[]", Some(at));
    }

    fn priced(&self, variant: &Object<'_>) -> Option<Money> {
        let (key, raw) = price_of(variant)?;
        Some(self.amount(raw, key, self.money_of_page())?.0)
    }

    /// The money of the page's own form, which names none: it is the one that the page shows.
    fn money_of_page(&self) -> Option<Currency> {
        let local = || self.context.locale.and_then(|locale| locale.currency());
        self.currency.or(self.context.currency).or_else(local)
    }

    /// Takes variants that the address picks: one, or several that cost the same.
    fn pick(&mut self, picked: &[&&Object<'_>], amounts: Vec<Money>, path: &str, at: Option<usize>) {
        let prices: Vec<Option<Money>> = picked.iter().map(|v| self.priced(v)).collect();
        let same = prices.windows(2).all(|pair| pair[0] == pair[1]);
        let Some(price) = prices.first().copied().flatten().filter(|_| same) else { return };
        let shown = price.amount().to_string();
        let mut offer = Offer {
            price: Some(price),
            currency: Some(price.currency()),
            evidence: Some(Evidence::new(Source::Embedded, path, &shown, at)),
            ..Offer::default()
        };
        if let [only] = picked {
            let list = LISTS.iter().find_map(|k| only.get(k).and_then(|v| self.amount(v, k, Some(price.currency()))));
            offer.list_price = list.map(|l| l.0).filter(|l| l.minor() > price.minor());
            let id = only.first(&["variation_id", "id"]).and_then(Value::text).unwrap_or("").to_owned();
            self.identify(only, id, &mut offer);
        } else {
            let stocks: Vec<Availability> = picked.iter().map(|v| stock(v)).collect();
            let agreed = stocks.windows(2).all(|pair| pair[0] == pair[1]);
            offer.availability = if agreed { stocks[0] } else { Availability::Unknown };
            offer.variant = Some(String::new());
        }
        self.hits.push(Hit { offer, amounts, points: PICKED, named: true });
    }

    /// Magento's swatches: the options that the query or the fragment of the address chooses, `#93=49` or `?color=49`.
    pub(super) fn configurable(&mut self, object: &Object<'_>, path: &Trail<'_>, base: Option<usize>) {
        let (Some(attributes), Some(prices)) =
            (object.get("attributes").and_then(Value::object), object.get("optionPrices").and_then(Value::object))
        else {
            return;
        };
        let mut picked: Option<Vec<&str>> = None;
        for attribute in attributes.entries.iter().filter_map(|(_, value)| value.object()) {
            let mut names = ["id", "code"].iter().filter_map(|key| attribute.get(key).and_then(Value::text));
            let Some(chosen) = names.find_map(|name| address::chosen(self.identity.url, name)) else {
                continue;
            };
            let options = attribute.get("options").map(Value::each).unwrap_or_default();
            let is_chosen = |option: &&Object<'_>| {
                ["id", "label"]
                    .iter()
                    .filter_map(|key| option.get(key).and_then(Value::text))
                    .any(|own| own.eq_ignore_ascii_case(&chosen))
            };
            let Some(option) = options.iter().filter_map(Value::object).find(is_chosen) else { continue };
            let products: Vec<&str> =
                option.get("products").map(Value::each).unwrap_or_default().iter().filter_map(Value::text).collect();
            picked = Some(match picked {
                None => products,
                Some(before) => before.into_iter().filter(|id| products.contains(id)).collect(),
            });
        }
        let Some(picked) = picked.filter(|ids| !ids.is_empty()) else { return };
        let currency = self.money_of_page();
        let amount = |id: &str| {
            let own = prices.get(id).and_then(Value::object)?;
            own.get("finalPrice").and_then(|v| self.amount(v, "finalPrice", currency)).map(|(money, ..)| money)
        };
        let all: Vec<Money> = prices.entries.iter().filter_map(|(id, _)| amount(id)).collect();
        let own: Vec<Option<Money>> = picked.iter().map(|id| amount(id)).collect();
        let same = own.windows(2).all(|pair| pair[0] == pair[1]);
        let Some(price) = own.first().copied().flatten().filter(|_| same) else { return };
        let mut offer = Offer {
            price: Some(price),
            currency: Some(price.currency()),
            variant: Some(if let [only] = picked.as_slice() { (*only).to_owned() } else { String::new() }),
            evidence: Some(Evidence::new(
                Source::Embedded,
                format!("{path}.optionPrices.{}", picked[0]),
                &price.amount().to_string(),
                base.map(|b| b + object.at),
            )),
            ..Offer::default()
        };
        if let [only] = picked.as_slice() {
            let skus = object.first(&["sku", "skus"]).and_then(Value::object);
            offer.sku = skus.and_then(|o| o.get(only)).and_then(Value::text).and_then(|s| field(s, MAX_FIELD));
            let list = prices.get(only).and_then(Value::object).and_then(|o| o.get("oldPrice"));
            let list = list.and_then(|v| self.amount(v, "oldPrice", currency)).map(|(money, ..)| money);
            offer.list_price = list.filter(|l| l.minor() > price.minor());
        }
        self.hits.push(Hit { offer, amounts: all, points: PICKED, named: true });
    }
}
