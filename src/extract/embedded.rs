//! Product state inside scripts and attributes: Next, Nuxt, Shopify, WooCommerce, Magento, data layers, Apollo, Redux.
//!
//! State describes everything a page may show, related products included, so an object counts only when it identifies
//! itself as the page's product. It never outranks markup; it confirms it or stands in for it.

mod keys;
mod relevant;
mod variants;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use self::keys::{ASIDE_WORDS, CODES, CURRENCIES, LISTS, NAMES, price_of, stock};
use self::relevant::relevant;
use super::harvest::{Harvest, Script};
use super::json::{self, Object, Value};
use super::offer::{Availability, Candidate, Evidence, MAX_FIELD, MAX_TITLE, Offer, Source, field};
use super::price::{self, Context};
use super::text::Words;
use super::trail::Trail;
use super::{gtin, text};
use crate::money::{Currency, Money};

/// Objects visited on one page.
const MAX_OBJECTS: usize = 120_000;
/// Characters of the way to an object that are shown.
const MAX_PATH: usize = 120;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 48;
/// Objects that may be the product.
const MAX_HITS: usize = 200;

/// What identifies the page's product.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'i> {
    pub url: &'i str,
    /// Names of the product: title tags, headings, markup.
    pub names: &'i [&'i str],
    pub sku: Option<&'i str>,
}

/// What markup has said already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    pub price: bool,
    pub stock: bool,
}

/// The candidates that embedded state yields, best first; one without a price when state says nothing but whether the
/// product is there and markup does not say it.
#[must_use]
pub fn candidates(
    harvest: &Harvest<'_>,
    identity: &Identity<'_>,
    context: &Context<'_>,
    known: Known,
) -> Vec<Candidate> {
    let mut search = Search {
        identity,
        context,
        hits: Vec::new(),
        left: MAX_OBJECTS,
        cents: false,
        currency: None,
        words: OnceCell::new(),
        stock_open: !known.stock,
        stocks: Vec::new(),
        named: None,
        stray: None,
    };
    for (name, value, at) in &harvest.state_attributes {
        search.shop_system(name, value);
        for root in json::values(value, 0) {
            if *name == "data-product_variations" {
                search.variations(&root, *at);
            }
            search.walk(&root, &Trail::start(name), 0, 0, Some(*at));
        }
    }
    for script in &harvest.scripts {
        if relevant(script, known) {
            search.script(script);
        }
    }
    search.finish()
}

struct Hit {
    offer: Offer,
    /// The prices of all its variants.
    amounts: Vec<Money>,
    points: i32,
    named: bool,
}

struct Search<'s> {
    identity: &'s Identity<'s>,
    context: &'s Context<'s>,
    hits: Vec<Hit>,
    left: usize,
    /// The shop system writes prices as whole cents.
    cents: bool,
    /// Currency that the current script names outside the product.
    currency: Option<Currency>,
    /// The words of every name, needed for few pages.
    words: OnceCell<Vec<Words>>,
    /// Nothing else says whether the product is there.
    stock_open: bool,
    /// What objects without a price say about it that carry a code of the page's address.
    stocks: Vec<Offer>,
    /// The variant that the address names, where its price cannot be told.
    named: Option<Offer>,
    /// The address names a variant that the product does not have: what those it has cost.
    stray: Option<Vec<Money>>,
}

fn words_of(identity: &Identity<'_>) -> Vec<Words> {
    identity.names.iter().map(|name| Words::of(name)).collect()
}

impl Search<'_> {
    fn shop_system(&mut self, name: &str, source: &str) {
        let shopify = source.contains("gid://shopify")
            || source.contains("compare_at_price_max")
            || source.contains("ShopifyAnalytics")
            || (source.contains("\"price_min\"")
                && source.contains("\"price_max\"")
                && source.contains("\"variants\""))
            || name.starts_with("ProductJson")
            || (source.contains("\"vendor\"") && source.contains("\"variants\""));
        self.cents = shopify && name != "data-product_variations";
    }

    fn script(&mut self, script: &Script<'_>) {
        self.shop_system(script.id, script.text);
        self.currency = currency_in(script.text, self.context);
        let label = if script.id.is_empty() { "script" } else { script.id };
        let is_json = script.kind.to_ascii_lowercase().contains("json");
        let unquoted = unescape_parse(script.text);
        let source = unquoted.as_deref().unwrap_or(script.text);
        let base = if unquoted.is_some() { None } else { Some(script.at) };
        for root in json::values(source, 0) {
            // Program text is full of braces that are no data.
            let data = is_json
                || matches!(&root, Value::Object(o) if !o.entries.is_empty())
                || matches!(&root, Value::List(l) if !l.is_empty());
            if data {
                self.walk(&root, &Trail::start(label), 0, 0, base);
            }
        }
    }

    fn walk(&mut self, value: &Value<'_>, path: &Trail<'_>, depth: usize, aside: i32, base: Option<usize>) {
        if depth > MAX_DEPTH || self.left == 0 {
            return;
        }
        match value {
            Value::List(items) => items.iter().for_each(|item| self.walk(item, path, depth + 1, aside, base)),
            Value::Object(object) => {
                self.left -= 1;
                if object.get("optionPrices").is_some() {
                    self.configurable(object, path, base);
                }
                if self.hits.len() < MAX_HITS {
                    self.consider(object, path, aside, base);
                }
                for (key, inner) in &object.entries {
                    if matches!(inner, Value::Object(_) | Value::List(_)) {
                        let away = i32::from(ASIDE_WORDS.is_match(key.as_bytes()));
                        self.walk(inner, &path.name(key), depth + 1, aside + away, base);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes an object that names itself as the page's product and carries a price.
    fn consider(&mut self, object: &Object<'_>, path: &Trail<'_>, aside: i32, base: Option<usize>) {
        let Some((key, raw)) = price_of(object) else {
            if self.stock_open && aside == 0 {
                self.note_stock(object, path, base);
            }
            return;
        };
        let path = path.to_string();
        let path = text::cut(&path, MAX_PATH);
        let name = object.first(NAMES).and_then(Value::text);
        let (points, named) = self.fit(object, name, path);
        if points - aside * 40 < 50 {
            return;
        }
        let currency = object
            .first(CURRENCIES)
            .and_then(Value::text)
            .and_then(|c| price::currency_of(c, self.context))
            .or(self.currency);
        let Some((money, shown, at)) = self.amount(raw, key, currency) else {
            self.note_variant(object, path);
            return;
        };
        let list = LISTS
            .iter()
            .filter(|k| **k != key)
            .find_map(|k| object.get(k).and_then(|v| self.amount(v, k, Some(money.currency()))));
        let mut offer = Offer {
            price: Some(money),
            currency: Some(money.currency()),
            list_price: list.map(|l| l.0).filter(|l| l.minor() > money.minor()),
            title: name.and_then(|n| field(n, MAX_TITLE)),
            brand: object
                .first(&["brand", "vendor", "manufacturer", "item_brand"])
                .and_then(Value::text)
                .and_then(|b| field(b, MAX_FIELD)),
            sku: object
                .first(&["sku", "articleNumber", "product_sku", "item_sku", "product_web_id"])
                .and_then(Value::text)
                .and_then(|s| field(s, MAX_FIELD)),
            gtin: object
                .first(&["gtin", "gtin13", "ean", "barcode", "upc", "isbn"])
                .and_then(Value::text)
                .and_then(gtin::canonical),
            availability: stock(object),
            evidence: Some(Evidence::new(Source::Embedded, format!("{path}.{key}"), &shown, base.map(|b| b + at))),
            ..Offer::default()
        };
        let amounts = self.variants(object, &mut offer);
        self.hits.push(Hit { offer, amounts, points: points - aside * 40, named });
    }

    /// Takes what an object without a price says about stock, if a code of the page's address identifies it.
    fn note_stock(&mut self, object: &Object<'_>, path: &Trail<'_>, base: Option<usize>) {
        let availability = stock(object);
        if availability == Availability::Unknown || !self.fit(object, None, "").1 {
            return;
        }
        let evidence =
            Evidence::new(Source::Embedded, path.to_string(), availability.as_str(), base.map(|b| b + object.at));
        self.stocks.push(Offer { availability, evidence: Some(evidence), ..Offer::default() });
    }

    /// How well an object fits the page: by its codes in the address, by its name.
    fn fit(&self, object: &Object<'_>, name: Option<&str>, path: &str) -> (i32, bool) {
        let mut points = 0;
        let mut named = false;
        for code in CODES.iter().filter_map(|key| object.get(key).and_then(Value::text)) {
            if self.identity.sku.is_some_and(|sku| sku.eq_ignore_ascii_case(code)) {
                points = points.max(60);
            }
            if code.len() >= 4 && in_address(self.identity.url, code) {
                points = points.max(60);
                named = true;
            }
        }
        if let Some(name) = name {
            let own = Words::of(name);
            let own: Vec<&str> = own.iter().collect();
            let fit = self
                .words
                .get_or_init(|| words_of(self.identity))
                .iter()
                .map(|other| own.iter().filter(|w| other.contains(w)).count() * 100 / own.len().max(1))
                .max()
                .unwrap_or(0);
            let enough = own.len() >= 2 || own.iter().any(|w| w.chars().count() > 5);
            points += if enough && fit >= 80 {
                50
            } else if enough && fit >= 60 {
                25
            } else {
                0
            };
        }
        let path = path.to_ascii_lowercase();
        (points + if path.contains("product") || path.contains("item") { 10 } else { 0 }, named)
    }

    /// An amount in any of the shapes state has: number, text, `{amount, currency}`, `{finalPrice: {amount}}`.
    fn amount(&self, value: &Value<'_>, key: &str, currency: Option<Currency>) -> Option<(Money, String, usize)> {
        if let Value::Object(object) = value {
            let own = object
                .first(CURRENCIES)
                .and_then(Value::text)
                .and_then(|c| price::currency_of(c, self.context))
                .or(currency);
            let inner = [
                "finalPrice",
                "final",
                "current",
                "now",
                "sale",
                "amount",
                "value",
                "centAmount",
                "price",
                "selling",
                "min",
                "minVariantPrice",
                "gross",
                "raw",
                "formatted",
                "withTax",
            ];
            return inner.iter().find_map(|k| object.get(k).and_then(|v| self.amount(v, k, own)));
        }
        let (raw, at) = value.scalar()?;
        let context = Context { currency: currency.or(self.context.currency), ..*self.context };
        let reading = price::machine(raw, &context).ok()?;
        let whole = raw.bytes().all(|b| b.is_ascii_digit());
        let lower = key.to_ascii_lowercase();
        let is_cents = whole && (self.cents || lower.contains("cent"));
        let money = reading.money(context.currency).ok()?;
        let money = if is_cents && crate::money::exponent(money.currency()) == 2 {
            Money::from_minor(money.minor() / 100, money.currency())
        } else {
            money
        };
        money.is_positive().then(|| (money, raw.to_owned(), at))
    }

    fn finish(mut self) -> Vec<Candidate> {
        let stray = self.stray.take();
        let named = self.named.take().map(|offer| Candidate::new(Source::Embedded, offer));
        let mut found = self.ranked();
        found.extend(named.filter(|_| !found.iter().any(|c| c.offer.variant.is_some())));
        if let Some(amounts) = stray.filter(|_| !found.iter().any(|c| c.offer.variant.is_some())) {
            let other = Candidate::new(Source::Embedded, Offer::default());
            found.push(Candidate { amounts, other_variant: true, ..other });
        }
        found
    }

    fn ranked(&mut self) -> Vec<Candidate> {
        self.hits.sort_by_key(|hit| (std::cmp::Reverse(hit.points), !hit.named));
        // Objects that contradict each other are variants of which nobody knows which one is meant.
        let agreed = self.stocks.first().filter(|one| self.stocks.iter().all(|s| s.availability == one.availability));
        let stock = agreed.map(|offer| Candidate::new(Source::Embedded, offer.clone()));
        let Some(best) = self.hits.first().map(|h| h.points) else { return stock.into_iter().collect() };
        let mut kept: Vec<Candidate> = Vec::new();
        // The variant that the address names speaks for the product.
        let hits = std::mem::take(&mut self.hits);
        let (named, others): (Vec<_>, Vec<_>) = hits
            .into_iter()
            .filter(|h| h.points >= best - 15 || h.offer.variant.is_some())
            .partition(|h| h.offer.variant.is_some());
        for hit in named.into_iter().chain(others) {
            if let Some(same) = kept.iter_mut().find(|k| k.offer.price == hit.offer.price) {
                same.offer.sku = same.offer.sku.take().or(hit.offer.sku.filter(|_| same.offer.variant.is_none()));
                if same.offer.variant == hit.offer.variant {
                    same.offer.gtin = same.offer.gtin.take().or(hit.offer.gtin);
                }
                continue;
            }
            if kept.len() < 8 {
                let candidate = Candidate::new(Source::Embedded, hit.offer);
                kept.push(Candidate { score: hit.points, amounts: hit.amounts, ..candidate });
            }
        }
        kept
    }
}

/// Whether a code stands in an address as a word of its own.
fn in_address(url: &str, code: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let code = code.to_ascii_lowercase();
    lower.match_indices(&code).any(|(at, _)| {
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !word(lower[..at].chars().next_back()) && !word(lower[at + code.len()..].chars().next())
    })
}

/// The currency that a script names once, outside of any product.
fn currency_in(source: &str, context: &Context<'_>) -> Option<Currency> {
    static KEYS: LazyLock<[(&str, Finder<'static>); 3]> =
        LazyLock::new(|| ["currencyCode", "priceCurrency", "currency"].map(|key| (key, Finder::new(key))));
    let mut found = None;
    for (key, finder) in &*KEYS {
        for at in finder.find_iter(source.as_bytes()).take(20) {
            let rest = source.get(at + key.len()..)?;
            let rest = text::cut(rest, 16).trim_start_matches(['"', '\'', ' ', ':', '=', '{', '\\']);
            let code = rest.get(..3).filter(|c| c.bytes().all(|b| b.is_ascii_uppercase()));
            let Some(currency) = code.and_then(|c| price::currency_of(c, context)) else { continue };
            match found {
                None => found = Some(currency),
                Some(other) if other != currency => return None,
                Some(_) => {}
            }
        }
    }
    found
}

/// `JSON.parse("{\"a\":1}")`: the text inside is JSON once more escaped.
fn unescape_parse(source: &str) -> Option<Cow<'_, str>> {
    static PARSE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("JSON.parse("));
    let at = PARSE.find(source.as_bytes())? + 11;
    let Some(Value::Text(inner, _)) = json::value_at(source, at, 0) else { return None };
    inner.trim_start().starts_with(['{', '[']).then(|| Cow::Owned(inner.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str, url: &str, names: &[&str]) -> Vec<Candidate> {
        let harvest = Harvest::collect(page);
        candidates(&harvest, &Identity { url, names, sku: None }, &Context::default(), Known::default())
    }

    #[test]
    fn shopify_cents_and_named_variant() {
        let page = r#"<script>var meta = {"product":{"id":91,"vendor":"Nordlys","title":"Desk Lamp Two","variants":[
            {"id":11,"price":4900,"sku":"A"},{"id":12,"price":5900,"compare_at_price":7900,"sku":"B","available":false}],"price":4900},"currency":"DKK"}</script>"#;
        let found = read(page, "https://s.dk/products/desk-lamp-two?variant=12", &["Desk Lamp Two"]);
        let offer = &found[0].offer;
        assert_eq!(offer.price.unwrap().to_string(), "59.00 DKK");
        assert_eq!(offer.list_price.unwrap().to_string(), "79.00 DKK");
        assert_eq!((offer.sku.as_deref(), offer.availability), (Some("B"), Availability::OutOfStock));
    }

    #[test]
    fn recommendations_are_not_the_product() {
        let page = r#"<script>window.__STATE__ = {"currency":"SEK","related":[{"name":"Desk Lamp Two","price":"10.00"}],"product":{"name":"Desk Lamp Two","price":{"value":"249.00"}}}</script>"#;
        let found = read(page, "https://s.se/p/1", &["Desk Lamp Two"]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].offer.price.unwrap().to_string(), "249.00 SEK");
    }

    #[test]
    fn a_data_layer_without_a_price_says_what_is_in_stock() {
        let layer = |id: &str, stock: &str| {
            format!("<script>var d = {{product_id:['{id}'],product_instock:['{stock}']}};</script>")
        };
        let read_at = |page: &str| read(page, "https://s.com/p?item=N82E1684", &[]);
        assert_eq!(read_at(&layer("N82E1684", "0"))[0].offer.availability, Availability::OutOfStock);
        assert!(read_at(&layer("N82E9999", "0")).is_empty());
        assert!(read_at(&(layer("N82E1684", "0") + &layer("N82E1684", "3"))).is_empty());
    }

    #[test]
    fn data_layers_are_read_from_program_text() {
        let page = r#"<script>if (a) { b(); } dataLayer.push({'event':'view_item','ecommerce':{'currency':'EUR','items':[{'item_name':'Blue Chair','item_id':'X77001','price':129.5,'item_brand':'Sit'}]}});</script>"#;
        let found = read(page, "https://s.de/blue-chair-X77001", &["Blue Chair"]);
        assert_eq!(found[0].offer.price.unwrap().to_string(), "129.50 EUR");
        assert_eq!(found[0].offer.brand.as_deref(), Some("Sit"));
    }
}
