//! schema.org products, offers and price specifications, whatever syntax they came in.
//!
//! It yields one candidate per product it finds and says which of them are only related products. It never picks a
//! price by position when two offers differ: a difference becomes a range, a contradiction stays open.

mod bounds;
mod offers;
mod terms;

use std::cell::OnceCell;

use rustc_hash::FxHashMap;

use self::terms::{choose, settle};
use super::address::Here;
use super::json::{Object, Value};
use super::offer::{Candidate, Evidence, MAX_FIELD, MAX_TITLE, Offer, Source, field};
use super::price::Context;
use super::trail::Trail;
use super::{address, gtin, text};

/// Objects visited on one page.
const MAX_OBJECTS: usize = 50_000;
/// Products kept on one page.
const MAX_PRODUCTS: usize = 400;
/// Offers of one product that are compared.
const MAX_OFFERS: usize = 2_000;

/// A product as markup describes it, before anything is decided.
#[derive(Debug)]
pub struct Product {
    pub candidate: Candidate,
    /// Not the subject of the page: a member of a list, a related product, a reviewed thing.
    pub related: bool,
    /// Addresses that the markup gives for the product.
    pub urls: Vec<String>,
    /// Whether the page's own address names one of the product's variants or offers.
    pub named_by_url: bool,
}

/// What the reader knows about the page.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    pub context: Context<'a>,
    pub url: &'a str,
    pub source: Source,
}

/// Every product in a set of values.
#[must_use]
pub fn products(roots: &[Value<'_>], around: &Surroundings<'_>) -> Vec<Product> {
    let (ids, found, here) = (FxHashMap::default(), Vec::new(), OnceCell::new());
    let mut walker = Walker { around, ids, found, left: MAX_OBJECTS, here };
    for root in roots {
        walker.index(root, 0);
    }
    walker.left = MAX_OBJECTS;
    for root in roots {
        walker.walk(root, &Trail::start(""), false, 0);
    }
    walker.found
}

struct Walker<'w, 'a> {
    around: &'w Surroundings<'w>,
    ids: FxHashMap<&'w str, &'w Object<'a>>,
    found: Vec<Product>,
    left: usize,
    /// The page's address, needed where an offer has one of its own.
    here: OnceCell<Here<'w>>,
}

/// Deepest nesting of objects that is followed.
const MAX_DEPTH: usize = 40;

/// Properties whose value is another product than the page's.
const RELATED: [&str; 16] = [
    "itemListElement",
    "isRelatedTo",
    "isSimilarTo",
    "isAccessoryOrSparePartFor",
    "isConsumableFor",
    "itemReviewed",
    "hasPart",
    "recommendation",
    "relatedTo",
    "similarTo",
    "isPartOf",
    "about",
    "mentions",
    "review",
    "hasOfferCatalog",
    "makesOffer",
];

impl<'w, 'a> Walker<'w, 'a> {
    fn index(&mut self, value: &'w Value<'a>, depth: usize) {
        if depth > MAX_DEPTH || self.left == 0 {
            return;
        }
        match value {
            Value::List(items) => items.iter().for_each(|item| self.index(item, depth + 1)),
            Value::Object(object) => {
                self.left -= 1;
                if let Some(id) = object.get("@id").and_then(Value::text)
                    && object.entries.len() > 1
                {
                    self.ids.entry(id).or_insert(object);
                }
                object.entries.iter().for_each(|(_, value)| self.index(value, depth + 1));
            }
            _ => {}
        }
    }

    fn walk(&mut self, value: &'w Value<'a>, path: &Trail<'_>, related: bool, depth: usize) {
        if depth > MAX_DEPTH || self.left == 0 || self.found.len() >= MAX_PRODUCTS {
            return;
        }
        match value {
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.walk(item, &path.index(i), related, depth + 1);
                }
            }
            Value::Object(object) => {
                self.left -= 1;
                let is_product = is_product(object);
                if is_product {
                    let product = self.product(object, &path.to_string(), related);
                    self.found.push(product);
                }
                for (key, value) in &object.entries {
                    if !matches!(value, Value::Object(_) | Value::List(_)) {
                        continue;
                    }
                    // Offers and variants of a product belong to it and are read there.
                    if is_product && matches!(key.as_ref(), "offers" | "hasVariant" | "isVariantOf" | "model" | "brand")
                    {
                        continue;
                    }
                    let aside = related
                        || RELATED.contains(&key.as_ref())
                        || (is_product && !matches!(key.as_ref(), "mainEntityOfPage"));
                    self.walk(value, &path.name(key), aside, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// How surely the page's own address picks the variant or offer that has this address, 0 if it does not.
    fn fit(&self, variant: &str) -> usize {
        self.here.get_or_init(|| Here::of(self.around.url)).fit_of_variant(variant).map_or(0, |parts| parts + 1)
    }

    /// Whether the page's own address names another variant than the one that has this address.
    fn is_other(&self, variant: &str) -> bool {
        self.here.get_or_init(|| Here::of(self.around.url)).names_another_than(variant)
    }

    /// An object, or what its `@id` points at.
    fn resolve(&self, value: &'w Value<'a>) -> Option<&'w Object<'a>> {
        let object = value.object()?;
        if object.entries.len() == 1
            && let Some(id) = object.get("@id").and_then(Value::text)
        {
            return self.ids.get(id).copied().or(Some(object));
        }
        Some(object)
    }

    fn product(&self, object: &'w Object<'a>, path: &str, related: bool) -> Product {
        let mut offer = self.identity(object);
        let mut urls = texts(object, &["url", "@id"]);
        let mut terms = Vec::new();
        self.terms_of(object, path, &mut terms);
        let mut named = false;
        let variants = object.get("hasVariant").or_else(|| object.get("model")).map(Value::each).unwrap_or_default();
        for (i, variant) in variants.iter().take(MAX_OFFERS).enumerate() {
            let Some(variant) = self.resolve(variant) else { continue };
            let own = self.identity(variant);
            let from = terms.len();
            self.terms_of(variant, &format!("{path}.hasVariant[{i}]"), &mut terms);
            let addresses = texts(variant, &["url", "@id"]);
            let by_code = own.sku.as_deref().is_some_and(|sku| address::names_in_query(self.around.url, sku));
            let hit = if by_code { BY_CODE } else { addresses.iter().map(|u| self.fit(u)).max().unwrap_or(0) };
            let other = hit == 0 && addresses.iter().any(|u| self.is_other(u));
            for term in &mut terms[from..] {
                term.variant = own.sku.clone().or_else(|| own.title.clone());
                term.identity = Some(Box::new(own.clone()));
                term.named = term.named.max(hit);
                term.other |= other;
            }
            named |= hit > 0;
        }
        urls.extend(terms.iter().filter_map(|t| t.url.clone()));
        named |= terms.iter().any(|t| t.named > 0);
        // The address of the product itself fits as well where it names a variant, but less surely.
        let surest = terms.iter().map(|t| t.named).max().unwrap_or(0);
        terms.iter_mut().filter(|t| t.named < surest).for_each(|t| t.named = 0);
        let mut candidate = Candidate::new(self.around.source, Offer::default());
        candidate.other_variant = !terms.is_empty() && terms.iter().all(|t| t.other && t.named == 0);
        let several = terms.len() > 1;
        let terms = choose(terms);
        if several || terms.iter().any(|t| t.high.is_some()) {
            candidate.amounts = terms.iter().flat_map(|t| [t.price, t.high]).flatten().collect();
        }
        settle(&mut offer, &mut candidate.open, terms, several);
        if offer.evidence.is_none() {
            let name = offer.title.clone().unwrap_or_default();
            offer.evidence = Some(Evidence::new(self.around.source, path, &name, Some(object.at)));
        }
        candidate.offer = offer;
        Product { candidate, related, urls, named_by_url: named }
    }

    fn identity(&self, object: &'w Object<'a>) -> Offer {
        let first = |keys: &[&str]| object.first(keys).and_then(Value::text);
        let brand = object.first(&["brand", "manufacturer"]).and_then(|b| b.each().first()).and_then(|b| {
            self.resolve(b)
                .and_then(|o| o.first(&["name", "legalName", "title"]))
                .and_then(Value::text)
                .or_else(|| b.text())
        });
        let named = ["gtin13", "gtin14", "gtin12", "gtin8", "gtin", "isbn", "ean", "upc"];
        let named = named.iter().filter_map(|key| object.get(key).and_then(Value::text));
        let others = ["productID", "sku", "mpn"].iter().filter_map(|key| object.get(key).and_then(Value::text));
        let image = object.first(&["image", "photo"]).and_then(|v| match v.each().first()? {
            Value::Object(o) => o.first(&["contentUrl", "url", "@id"]).and_then(Value::text),
            other => other.text(),
        });
        Offer {
            title: first(&["name", "title"]).and_then(|n| field(n, MAX_TITLE)),
            brand: brand
                .filter(|b| !b.starts_with("http"))
                .map(|b| b.rsplit_once(": ").map_or(b, |(_, name)| name))
                .and_then(|b| field(b, MAX_FIELD)),
            sku: first(&["sku", "productID", "productId", "identifier"])
                .and_then(|s| field(s, MAX_FIELD))
                .map(|sku| without_words(without_scheme(sku))),
            mpn: first(&["mpn"]).and_then(|s| field(s, MAX_FIELD)),
            gtin: named
                .filter_map(gtin_of)
                .next()
                .or_else(|| others.filter(|code| may_be_gtin(code)).find_map(gtin_of)),
            image: image.and_then(|i| field(i, 2048)),
            condition: first(&["itemCondition"]).and_then(condition),
            ..Offer::default()
        }
    }
}

/// How surely an address picks a variant whose code it has in its query: more than by any address.
const BY_CODE: usize = usize::MAX;

/// Digits of a code at least that stands in front of words.
const MIN_DIGITS: usize = 4;
/// Letters of the first word behind it at least, so that a size or a colour code stays part of the code.
const MIN_WORD: usize = 5;

/// The code of `sku:856802`, as Google once asked for identifiers.
pub(super) fn without_scheme(sku: String) -> String {
    let scheme =
        |s: &str| ["sku", "mpn", "id", "upc", "ean", "gtin", "isbn", "asin"].iter().any(|k| s.eq_ignore_ascii_case(k));
    match sku.split_once(':') {
        Some((name, code)) if scheme(name) && !code.trim().is_empty() => code.trim().to_owned(),
        _ => sku,
    }
}

/// The code of a text that goes on in words, as some shops fill the field: `TE502955-1293415 chair cover`.
fn without_words(sku: String) -> String {
    let Some((code, rest)) = sku.split_once(' ') else { return sku };
    let is_code = code.bytes().filter(u8::is_ascii_digit).count() >= MIN_DIGITS;
    let names = text::Words::of(rest).iter().next().is_some_and(|word| word.chars().count() >= MIN_WORD)
        && !rest.contains(|c: char| c.is_ascii_digit());
    if is_code && names { code.to_owned() } else { sku }
}

/// Types with a price that are sold as things, and any other type that carries offers.
fn is_product(object: &Object<'_>) -> bool {
    const PRODUCTS: [&str; 12] = [
        "Product",
        "ProductGroup",
        "IndividualProduct",
        "ProductModel",
        "SomeProducts",
        "Vehicle",
        "Car",
        "Book",
        "SoftwareApplication",
        "VideoGame",
        "MobileApplication",
        "Motorcycle",
    ];
    const NEVER: [&str; 12] = [
        "Event",
        "Hotel",
        "Restaurant",
        "LocalBusiness",
        "Organization",
        "WebSite",
        "ItemList",
        "OfferCatalog",
        "Store",
        "AggregateOffer",
        "Person",
        "BreadcrumbList",
    ];
    let kinds = types(object);
    let any = |list: &[&str]| kinds.split(' ').any(|kind| list.contains(&kind));
    let priced = object.get("offers").is_some();
    any(&PRODUCTS[..7])
        || (any(&PRODUCTS) && priced)
        || (priced && !kinds.is_empty() && !any(&NEVER))
        || (kinds == "Offer" && object.first(&["price", "priceSpecification"]).is_some())
}

/// The local names of an object's types, separated by blanks.
fn types(object: &Object<'_>) -> String {
    let Some(value) = object.get("@type").or_else(|| object.get("type")) else { return String::new() };
    let names: Vec<&str> = value
        .each()
        .iter()
        .filter_map(Value::text)
        .map(|t| t.trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or(t))
        .collect();
    names.join(" ")
}

fn texts(object: &Object<'_>, keys: &[&str]) -> Vec<String> {
    keys.iter().filter_map(|k| object.get(k).and_then(Value::text)).map(str::to_owned).collect()
}

/// A verified GTIN; eight digits count only where the key or a label promises one, so part numbers stay part numbers.
fn gtin_of(code: &str) -> Option<String> {
    let (kind, _) = gtin::classify(code)?;
    (kind != gtin::Kind::Issn).then(|| gtin::canonical(code)).flatten()
}

/// Whether an article's number can be a GTIN that nothing calls one: with its label, or as unbroken digits that no shop
/// gives out itself. One of ten numbers has a check digit that fits by chance.
fn may_be_gtin(code: &str) -> bool {
    let code = code.trim();
    if code.starts_with(char::is_alphabetic) {
        return true;
    }
    let in_store = |code: &str| code.starts_with("02") || code.starts_with("04") || code.starts_with('2');
    let digits = code.bytes().all(|b| b.is_ascii_digit());
    match code.len() {
        12 => digits && !code.starts_with(['2', '4']),
        13 => digits && !in_store(code),
        14 => digits && !in_store(&code[1..]),
        _ => false,
    }
}

/// schema.org's OfferItemCondition and the words of feeds.
#[must_use]
pub fn condition(raw: &str) -> Option<String> {
    let name = raw.trim().rsplit(['/', '#']).next()?.to_ascii_lowercase();
    let known = [
        ("new", "new"),
        ("refurb", "refurbished"),
        ("renewed", "refurbished"),
        ("used", "used"),
        ("damaged", "damaged"),
    ];
    known.iter().find(|(stem, _)| name.starts_with(stem)).map(|(_, word)| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_behind_a_code_are_no_part_of_it() {
        for (field, code) in [
            ("TE502955-1293415 chair cover", "TE502955-1293415"),
            ("NORD 570 EASY II", "NORD 570 EASY II"),
            ("104908 4", "104908 4"),
            ("104908 blue", "104908 blue"),
        ] {
            assert_eq!(without_words(field.to_owned()), code);
        }
    }
}
