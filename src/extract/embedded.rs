//! Product state inside scripts and attributes: Next, Nuxt, Shopify, WooCommerce, Magento, data layers, Apollo, Redux.
//!
//! State describes everything a page may show, related products included, so an object counts only when it identifies
//! itself as the page's product. It never outranks markup; it confirms it or stands in for it.

mod amount;
mod attributes;
mod devalue;
mod factored;
mod flight;
mod keys;
mod named;
mod relevant;
mod unwrap;
mod variants;

use std::cell::OnceCell;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use self::attributes::Attribute;
use self::keys::{ASIDE_WORDS, Priced, stock};
use self::relevant::{LARGE, SMALL, is_priced, relevant};
use super::harvest::{Harvest, Script};
use super::json::{self, Object, Value};
use super::offer::{Availability, Candidate, Evidence, MAX_FIELD, MAX_TITLE, Offer, Source, field};
use super::price::{self, Context, PriceKind};
use super::text::Words;
use super::trail::Trail;
use super::{gtin, text};
use crate::money::{Currency, Money};

/// Objects visited on one page.
const MAX_OBJECTS: usize = 120_000;
/// Characters of the way to an object that are shown.
const MAX_PATH: usize = 120;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 96;
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
/// product is there and markup does not say it. `page` is what `harvest` was collected from.
#[must_use]
pub fn candidates(
    page: &str,
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
            search.walk(&root, Place::start(&Trail::start(name), Some(*at)));
        }
    }
    for script in harvest.scripts.iter().filter(|script| !flight::is_piece(script)) {
        if relevant(script, known) {
            search.script(script);
        }
    }
    search.flight(harvest, known);
    if !known.price {
        attributes::each(page, harvest, |attribute| search.attribute(&attribute));
    }
    search.finish()
}

/// Where in the state of a page a value stands.
#[derive(Clone, Copy)]
struct Place<'t> {
    path: &'t Trail<'t>,
    depth: usize,
    /// Steps of the way whose names speak of other products.
    aside: i32,
    /// The value is one of several with names of their own.
    crowd: bool,
    /// Byte offset in the page of the text that offsets count in, where that stands in the page.
    base: Option<usize>,
}

impl<'t> Place<'t> {
    const fn start(path: &'t Trail<'t>, base: Option<usize>) -> Self {
        Self { path, depth: 0, aside: 0, crowd: false, base }
    }
}

/// Things with names of their own from which on a list is one of different things.
const CROWD: usize = 3;

/// Signs of a shop system that writes cents: each of the first three is one, and so is the last one beside the vendor or
/// beside both ends of the prices.
static SHOPIFY: LazyLock<[Finder<'static>; 7]> = LazyLock::new(|| {
    let signs =
        ["gid://shopify", "compare_at_price", "ShopifyAnalytics", "\"vendor\"", "\"price_min\"", "\"price_max\""];
    let [one, two, three, vendor, low, high] = signs.map(Finder::new);
    [one, two, three, vendor, low, high, Finder::new("\"variants\"")]
});

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

/// Whether the price before at `at` is one of the shop system's that writes cents: of the whole product, or of a variant
/// with a number as long as that system's are.
fn lists_variants(source: &str, at: usize) -> bool {
    const NUMBER: usize = 12;
    const REACH: usize = 600;
    let begin = source.ceil_char_boundary(at.saturating_sub(REACH));
    let own = source[begin..at].rfind('{').map_or("", |open| &source[begin + open..at]);
    let numbered = |id: &str| id.trim_start().bytes().take_while(u8::is_ascii_digit).count() >= NUMBER;
    source.contains("compare_at_price_max")
        || own.contains("\"available\"") && own.split_once("\"id\":").is_some_and(|(_, id)| numbered(id))
}

impl Search<'_> {
    fn shop_system(&mut self, name: &str, source: &str) {
        let [cloud, compared, analytics, vendor, low, high, variants] = &*SHOPIFY;
        let has = |sign: &Finder<'_>| sign.find(source.as_bytes()).is_some();
        let shopify = || {
            name.starts_with("ProductJson")
                || has(cloud)
                || compared.find(source.as_bytes()).is_some_and(|at| lists_variants(source, at))
                || has(analytics)
                || (has(variants) && (has(vendor) || (has(low) && has(high))))
        };
        self.cents = name != "data-product_variations" && shopify();
    }

    fn script(&mut self, script: &Script<'_>) {
        self.shop_system(script.id, script.text);
        self.currency = currency_in(script.text, self.context);
        let label = if script.id.is_empty() { "script" } else { script.id };
        let is_json = script.kind.to_ascii_lowercase().contains("json");
        let written = factored::written_out(script.text, LARGE).or_else(|| unwrap::unwrapped(script.text));
        let source = written.as_deref().unwrap_or(script.text);
        let base = if written.is_some() { None } else { Some(script.at) };
        let path = Trail::start(label);
        for root in json::values(source, 0) {
            if let (true, Value::List(items)) = (script.id.starts_with("__NUXT_DATA__"), &root)
                && let Some(resolved) = devalue::resolve(items)
            {
                self.walk(&resolved, Place::start(&path, base));
                continue;
            }
            // Program text is full of braces that are no data.
            let data = is_json
                || matches!(&root, Value::Object(o) if !o.entries.is_empty())
                || matches!(&root, Value::List(l) if !l.is_empty());
            if data {
                self.walk(&root, Place::start(&path, base));
            }
        }
    }

    /// Reads what the scripts of a page push as one flight.
    fn flight(&mut self, harvest: &Harvest<'_>, known: Known) {
        let pieces = harvest.scripts.iter().filter(|script| flight::is_piece(script));
        let limit = if known.price { SMALL } else { LARGE };
        let Some(flight) = flight::joined(pieces, limit).filter(|flight| is_priced(flight.as_bytes())) else { return };
        self.shop_system("", &flight);
        self.currency = currency_in(&flight, self.context);
        let path = Trail::start("flight");
        flight::rows(&flight, |row| self.walk(&row, Place::start(&path, None)));
    }

    fn attribute(&mut self, attribute: &Attribute<'_>) {
        self.shop_system(attribute.name, &attribute.value);
        self.currency = currency_in(&attribute.value, self.context);
        let path = Trail::start(attribute.name);
        let aside = i32::from(ASIDE_WORDS.is_match(attribute.name.as_bytes()));
        for mut root in json::values(&attribute.value, 0) {
            if attribute.name == "props" {
                unwrap::without_kinds(&mut root);
            }
            self.walk(&root, Place { aside, ..Place::start(&path, Some(attribute.at)) });
        }
    }

    fn walk(&mut self, value: &Value<'_>, place: Place<'_>) {
        if place.depth > MAX_DEPTH || self.left == 0 {
            return;
        }
        let deeper = Place { depth: place.depth + 1, ..place };
        match value {
            Value::List(items) => {
                let named = || items.iter().filter_map(Value::object).filter(|o| keys::is_named(o)).take(CROWD).count();
                let crowd = items.len() >= CROWD && named() >= CROWD;
                items.iter().for_each(|item| self.walk(item, Place { crowd, ..deeper }));
            }
            Value::Object(object) => {
                self.left -= 1;
                if object.get("optionPrices").is_some() {
                    self.configurable(object, place.path, place.base);
                }
                if self.hits.len() < MAX_HITS {
                    self.consider(object, place);
                }
                for (key, inner) in &object.entries {
                    if matches!(inner, Value::Object(_) | Value::List(_)) {
                        let away = i32::from(ASIDE_WORDS.is_match(key.as_bytes()));
                        let path = place.path.name(key);
                        self.walk(inner, Place { path: &path, aside: place.aside + away, crowd: false, ..deeper });
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes an object that names itself as the page's product and carries a price, or holds variants that do.
    fn consider(&mut self, object: &Object<'_>, place: Place<'_>) {
        let priced = keys::priced(object);
        if priced != Priced::Itself && self.stock_open && place.aside == 0 {
            self.note_stock(object, place);
        }
        if priced == Priced::No {
            return;
        }
        let path = place.path.to_string();
        let path = text::cut(&path, MAX_PATH);
        let name = self.name_of(object);
        let (points, named) = self.fit(object, name, path);
        let points = points - place.aside * 40;
        if points < 50 || (place.crowd && !named && !name.is_some_and(|name| self.says_all(name))) {
            return;
        }
        let Some(found) = self.price(object) else {
            self.note_variant(object, path);
            return;
        };
        let amount = found.amount;
        let code = |keys: &[&str]| {
            let of = |o: &Object<'_>| o.first(keys).and_then(Value::text).map(str::to_owned);
            of(object).or_else(|| found.variant.and_then(of))
        };
        let availability = match stock(object) {
            Availability::Unknown => found.availability,
            said => said,
        };
        let raw = (&amount.shown, place.base.map(|base| base + amount.at));
        let mut offer = Offer {
            price: Some(amount.money),
            kind: if amount.high.is_some() { PriceKind::Range } else { PriceKind::Exact },
            high_price: amount.high,
            currency: Some(amount.money.currency()),
            list_price: amount.list,
            title: name.and_then(|n| field(n, MAX_TITLE)),
            brand: object
                .first(&["brand", "vendor", "manufacturer", "item_brand"])
                .and_then(Value::text)
                .and_then(|b| field(b, MAX_FIELD)),
            sku: code(&["sku", "articleNumber", "product_sku", "item_sku", "product_web_id", "item_id"])
                .and_then(|s| field(&s, MAX_FIELD)),
            gtin: code(&["gtin", "gtin13", "ean", "barcode", "upc", "isbn"]).and_then(|g| gtin::canonical(&g)),
            availability,
            evidence: Some(Evidence::new(Source::Embedded, format!("{path}.{}", found.way), raw.0, raw.1)),
            ..Offer::default()
        };
        let amounts = if found.variant.is_none() { self.variants(object, &mut offer) } else { Vec::new() };
        self.hits.push(Hit { offer, amounts, points, named });
    }

    /// Takes what an object without a price says about stock, if a code of the page's address identifies it.
    fn note_stock(&mut self, object: &Object<'_>, place: Place<'_>) {
        let availability = stock(object);
        if availability == Availability::Unknown || !self.fit(object, None, "").1 {
            return;
        }
        let evidence = Evidence::new(
            Source::Embedded,
            place.path.to_string(),
            availability.as_str(),
            place.base.map(|b| b + object.at),
        );
        self.stocks.push(Offer { availability, evidence: Some(evidence), ..Offer::default() });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str, url: &str, names: &[&str]) -> Vec<Candidate> {
        let harvest = Harvest::collect(page);
        candidates(page, &harvest, &Identity { url, names, sku: None }, &Context::default(), Known::default())
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
