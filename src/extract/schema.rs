//! schema.org products, offers and price specifications, whatever syntax they came in.
//!
//! It yields one candidate per product it finds and says which of them are only related products. It never picks a
//! price by position when two offers differ: a difference becomes a range, a contradiction stays open.

use std::collections::HashMap;

use super::json::{Object, Value};
use super::offer::{Availability, Candidate, Evidence, MAX_FIELD, MAX_TITLE, Offer, Source, UnitPrice, field};
use super::price::{self, Context, PriceKind, Refusal, TaxView};
use super::{address, gtin};
use crate::money::{Currency, Money};

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
    let mut walker = Walker { around, ids: HashMap::new(), found: Vec::new(), left: MAX_OBJECTS };
    for root in roots {
        walker.index(root, 0);
    }
    walker.left = MAX_OBJECTS;
    for root in roots {
        walker.walk(root, "", false, 0);
    }
    walker.found
}

struct Walker<'w, 'a> {
    around: &'w Surroundings<'w>,
    ids: HashMap<String, &'w Object<'a>>,
    found: Vec<Product>,
    left: usize,
}

/// Deepest nesting of objects that is followed.
const MAX_DEPTH: usize = 40;

/// Properties whose value is another product than the page's.
const RELATED: [&str; 16] = [
    "itemListElement", "isRelatedTo", "isSimilarTo", "isAccessoryOrSparePartFor", "isConsumableFor", "itemReviewed", "hasPart",
    "recommendation", "relatedTo", "similarTo", "isPartOf", "about", "mentions", "review", "hasOfferCatalog", "makesOffer",
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
                    self.ids.entry(id.to_owned()).or_insert(object);
                }
                object.entries.iter().for_each(|(_, value)| self.index(value, depth + 1));
            }
            _ => {}
        }
    }

    fn walk(&mut self, value: &'w Value<'a>, path: &str, related: bool, depth: usize) {
        if depth > MAX_DEPTH || self.left == 0 || self.found.len() >= MAX_PRODUCTS {
            return;
        }
        match value {
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.walk(item, &format!("{path}[{i}]"), related, depth + 1);
                }
            }
            Value::Object(object) => {
                self.left -= 1;
                let is_product = is_product(object);
                if is_product {
                    let product = self.product(object, path, related);
                    self.found.push(product);
                }
                for (key, value) in &object.entries {
                    // Offers and variants of a product belong to it and are read there.
                    if is_product && matches!(key.as_ref(), "offers" | "hasVariant" | "isVariantOf" | "model" | "brand") {
                        continue;
                    }
                    let aside = related || RELATED.contains(&key.as_ref()) || (is_product && !matches!(key.as_ref(), "mainEntityOfPage"));
                    self.walk(value, &join(path, key), aside, depth + 1);
                }
            }
            _ => {}
        }
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
            let hit = texts(variant, &["url", "@id"]).iter().any(|u| address::names_variant(self.around.url, u))
                || own.sku.as_deref().is_some_and(|sku| address::query_has_value(self.around.url, sku));
            for term in &mut terms[from..] {
                term.variant = own.sku.clone().or_else(|| own.title.clone());
                term.identity = Some(Box::new(own.clone()));
                term.named |= hit;
            }
            named |= hit;
        }
        urls.extend(terms.iter().filter_map(|t| t.url.clone()));
        named |= terms.iter().any(|t| t.named);
        let mut candidate = Candidate::new(self.around.source, Offer::default());
        let several = terms.len() > 1;
        let terms = choose(terms);
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
            self.resolve(b).and_then(|o| o.first(&["name", "legalName", "title"])).and_then(Value::text).or_else(|| b.text())
        });
        let codes = ["gtin13", "gtin14", "gtin12", "gtin8", "gtin", "isbn", "ean", "upc", "productID", "sku", "mpn"];
        let codes = codes.iter().filter_map(|key| object.get(key).and_then(Value::text));
        let image = object.first(&["image", "photo"]).and_then(|v| match v.each().first()? {
            Value::Object(o) => o.first(&["contentUrl", "url", "@id"]).and_then(Value::text),
            other => other.text(),
        });
        Offer {
            title: first(&["name", "title"]).and_then(|n| field(n, MAX_TITLE)),
            brand: brand.filter(|b| !b.starts_with("http")).map(|b| b.rsplit_once(": ").map_or(b, |(_, name)| name)).and_then(|b| field(b, MAX_FIELD)),
            sku: first(&["sku", "productID", "productId", "identifier"]).and_then(|s| field(s, MAX_FIELD)),
            mpn: first(&["mpn"]).and_then(|s| field(s, MAX_FIELD)),
            gtin: codes.filter_map(|code| gtin_of(code)).next(),
            image: image.and_then(|i| field(i, 2048)),
            condition: first(&["itemCondition"]).and_then(condition),
            ..Offer::default()
        }
    }

    /// Collects every offer of a product: direct, in lists, in aggregates, nested.
    fn terms_of(&self, object: &'w Object<'a>, path: &str, terms: &mut Vec<Terms>) {
        if let Some(offers) = object.get("offers").or_else(|| object.get("offer")) {
            for (i, value) in offers.each().iter().enumerate() {
                let path = if matches!(offers, Value::List(_)) { format!("{path}.offers[{i}]") } else { format!("{path}.offers") };
                if let Some(offer) = self.resolve(value) {
                    self.offer(offer, &path, None, terms, 0);
                }
            }
        } else if object.first(&["price", "lowPrice", "priceSpecification"]).is_some() {
            self.offer(object, path, None, terms, 0);
        }
    }

    fn offer(&self, offer: &'w Object<'a>, path: &str, currency: Option<Currency>, terms: &mut Vec<Terms>, depth: usize) {
        if terms.len() >= MAX_OFFERS || depth > 4 {
            return;
        }
        let currency = self.currency(offer).or(currency);
        let before = terms.len();
        for (i, nested) in offer.get("offers").map(Value::each).unwrap_or_default().iter().enumerate() {
            if let Some(nested) = self.resolve(nested) {
                self.offer(nested, &format!("{path}.offers[{i}]"), currency, terms, depth + 1);
            }
        }
        let nested = terms[before..].iter().any(|t| t.price.is_some());
        let mut own = self.terms(offer, path, currency);
        own.aggregate = offer.get("lowPrice").is_some();
        // Real offers inside an aggregate say more than its two ends.
        if nested && (own.aggregate || own.price.is_none()) {
            let availability = own.availability;
            for term in &mut terms[before..] {
                if term.availability == Availability::Unknown {
                    term.availability = availability;
                }
            }
        } else {
            terms.truncate(before);
            terms.push(own);
        }
    }

    fn currency(&self, object: &Object<'_>) -> Option<Currency> {
        let named = object.first(&["priceCurrency", "currency", "pricecurrency"]).and_then(Value::text)?;
        price::currency_of(named, &self.around.context)
    }

    fn terms(&self, offer: &'w Object<'a>, path: &str, currency: Option<Currency>) -> Terms {
        let first = |keys: &[&str]| offer.first(keys).and_then(Value::text);
        let mut terms = Terms {
            path: path.to_owned(),
            currency,
            availability: first(&["availability"]).map_or(Availability::Unknown, Availability::parse),
            condition: first(&["itemCondition"]).and_then(condition),
            seller: offer.first(&["seller", "offeredBy"]).and_then(|s| {
                self.resolve(s).and_then(|o| o.get("name")).and_then(Value::text).or_else(|| s.text()).and_then(|n| field(n, MAX_FIELD))
            }),
            url: first(&["url"]).map(str::to_owned),
            sku: first(&["sku"]).and_then(|s| field(s, MAX_FIELD)),
            mpn: first(&["mpn"]).and_then(|s| field(s, MAX_FIELD)),
            gtin: ["gtin13", "gtin14", "gtin12", "gtin8", "gtin"].iter().filter_map(|k| first(&[k])).find_map(gtin_of),
            valid_until: first(&["priceValidUntil", "validThrough"]).and_then(|s| field(s, 40)),
            ..Terms::default()
        };
        if terms.availability == Availability::Unknown
            && let Some(level) = offer.get("inventoryLevel").and_then(Value::text)
        {
            terms.availability = if level == "0" { Availability::OutOfStock } else { Availability::InStock };
        }
        terms.named = terms.url.as_deref().is_some_and(|u| address::names_variant(self.around.url, u))
            || terms.sku.as_deref().is_some_and(|sku| address::query_has_value(self.around.url, sku));
        let contradicts = offer.contradicts("price");
        let key = ["price", "lowPrice"].into_iter().find(|k| offer.first(&[k]).is_some());
        if let Some((key, value)) = key.and_then(|k| offer.get(k).map(|v| (k, v))) {
            for (i, value) in value.each().iter().enumerate() {
                // A list of prices is the same price in several spellings, or it is a contradiction.
                self.amount(&mut terms, value, &format!("{path}.{key}"), i > 0);
            }
            if contradicts {
                terms.open.push(format!("{path}.price is given twice with different values"));
                terms.price = None;
            }
            if key == "lowPrice" {
                let high = offer.first(&["highPrice"]).and_then(|v| self.money(v, terms.currency).ok());
                terms.high = high.filter(|h| terms.price.is_some_and(|low| low.minor() < h.minor()));
                terms.kind = if terms.high.is_some() { PriceKind::Range } else { PriceKind::Exact };
            }
        }
        for (i, spec) in offer.get("priceSpecification").map(Value::each).unwrap_or_default().iter().enumerate() {
            if let Some(spec) = self.resolve(spec) {
                self.specification(&mut terms, spec, &format!("{path}.priceSpecification[{i}]"));
            }
        }
        self.shipping(&mut terms, offer);
        terms
    }

    /// Reads one stated amount into `terms.price`; a second one must agree.
    fn amount(&self, terms: &mut Terms, value: &Value<'_>, path: &str, again: bool) {
        let Some((raw, at)) = value.scalar().filter(|(raw, _)| !raw.is_empty()) else { return };
        let context = Context { currency: terms.currency.or(self.around.context.currency), ..self.around.context };
        match price::machine(raw, &context).and_then(|r| r.money(context.currency).map(|m| (r, m))) {
            Ok((_, money)) if again => {
                if terms.price.is_some_and(|p| p != money) {
                    terms.open.push(format!("{path} is also given as {raw}"));
                    terms.price = None;
                }
            }
            Ok((reading, money)) => {
                terms.price = Some(money);
                terms.currency = Some(money.currency());
                terms.tax = reading.tax;
                terms.evidence = Some(Evidence::new(self.around.source, path, raw, Some(at)));
            }
            Err(refusal) => {
                terms.note(path, raw, &refusal);
                terms.raw = Some(raw.to_owned());
                terms.evidence = Some(Evidence::new(self.around.source, path, raw, Some(at)));
            }
        }
    }

    fn money(&self, value: &Value<'_>, currency: Option<Currency>) -> Result<Money, Refusal> {
        let (raw, _) = value.scalar().ok_or(Refusal::NoPrice)?;
        let context = Context { currency: currency.or(self.around.context.currency), ..self.around.context };
        price::machine(raw, &context)?.money(context.currency)
    }

    /// <https://schema.org/PriceSpecification> with the price types Google documents for merchants.
    fn specification(&self, terms: &mut Terms, spec: &'w Object<'a>, path: &str) {
        let kind = types(spec);
        let currency = self.currency(spec).or(terms.currency);
        let Some(value) = spec.first(&["price", "minPrice"]) else { return };
        let label = spec.first(&["priceType", "name", "description"]).and_then(Value::text).unwrap_or("");
        let label = label.rsplit(['/', '#']).next().unwrap_or("").to_ascii_lowercase();
        let reference = spec.get("referenceQuantity").and_then(|v| self.resolve(v));
        let tax = match spec.get("valueAddedTaxIncluded").and_then(Value::boolean) {
            Some(true) => TaxView::Gross,
            Some(false) => TaxView::Net,
            None => TaxView::Unknown,
        };
        if kind.contains("DeliveryChargeSpecification") || kind.contains("PaymentChargeSpecification") {
            if kind.contains("Delivery") {
                terms.shipping = terms.shipping.or(self.money(value, currency).ok());
            }
            return;
        }
        if ["listprice", "srp", "msrp", "strikethroughprice", "regularprice", "suggestedretailprice", "minimumadvertisedprice"].contains(&label.as_str()) {
            if label != "minimumadvertisedprice" {
                terms.list = terms.list.or(self.money(value, currency).ok());
            }
            return;
        }
        if spec.get("validForMemberTier").is_some() || label.contains("member") {
            terms.member = terms.member.or(self.money(value, currency).ok());
            return;
        }
        if let Some(reference) = reference {
            let amount = value.scalar().and_then(|(raw, _)| crate::money::decimal(raw).ok());
            let number = |key: &str| reference.get(key).and_then(Value::text).unwrap_or("").to_owned();
            let unit = reference.first(&["unitText", "unitCode"]).and_then(Value::text).unwrap_or("");
            let per = format!("{} {unit}", number("value")).trim().to_owned();
            let is_piece = matches!(unit, "C62" | "H87" | "EA" | "PCE" | "ST") || per.is_empty();
            if let Some(amount) = amount.filter(|_| !is_piece) {
                terms.unit = Some(UnitPrice { amount, currency, per });
                return;
            }
        }
        let mut own = Terms { currency, ..Terms::default() };
        self.amount(&mut own, value, &format!("{path}.price"), false);
        if terms.tax == TaxView::Unknown && (terms.price.is_none() || own.price == terms.price) {
            terms.tax = tax;
        }
        match (terms.price, own.price) {
            (None, Some(_)) => {
                terms.price = own.price;
                terms.currency = own.currency;
                terms.evidence = own.evidence;
                terms.tax = tax;
            }
            (Some(price), Some(other)) if tax == TaxView::Net && other.minor() < price.minor() => {}
            // A sale price beside the offer's price wins when its type says so; otherwise the higher one is the reference.
            (Some(price), Some(other)) if label == "saleprice" && other.currency() == price.currency() => {
                terms.list = terms.list.or((price.minor() > other.minor()).then_some(price));
                terms.price = Some(other);
                terms.evidence = own.evidence;
            }
            (None, None) => {
                terms.open.extend(own.open);
                terms.evidence = terms.evidence.take().or(own.evidence);
                terms.raw = terms.raw.take().or(own.raw);
            }
            _ => {}
        }
    }

    fn shipping(&self, terms: &mut Terms, offer: &'w Object<'a>) {
        let details = offer.get("shippingDetails").map(Value::each).unwrap_or_default();
        let rate = details.iter().filter_map(|d| self.resolve(d)).filter_map(|d| d.get("shippingRate")).find_map(|r| self.resolve(r));
        if let Some(rate) = rate
            && let Some(value) = rate.first(&["value", "price", "maxValue"])
        {
            let currency = self.currency(rate).or(terms.currency);
            terms.shipping = terms.shipping.or(self.money(value, currency).ok());
        }
    }
}

/// What one offer states.
#[derive(Debug, Clone, Default)]
struct Terms {
    path: String,
    price: Option<Money>,
    high: Option<Money>,
    list: Option<Money>,
    member: Option<Money>,
    unit: Option<UnitPrice>,
    shipping: Option<Money>,
    currency: Option<Currency>,
    tax: TaxView,
    kind: PriceKind,
    availability: Availability,
    condition: Option<String>,
    seller: Option<String>,
    url: Option<String>,
    sku: Option<String>,
    mpn: Option<String>,
    gtin: Option<String>,
    valid_until: Option<String>,
    variant: Option<String>,
    identity: Option<Box<Offer>>,
    evidence: Option<Evidence>,
    raw: Option<String>,
    open: Vec<String>,
    named: bool,
    aggregate: bool,
}

impl Terms {
    fn note(&mut self, path: &str, raw: &str, refusal: &Refusal) {
        self.open.push(format!("{path} `{}`: {refusal}", super::text::cut(raw, 40)));
    }
}

/// Keeps the offers that can be meant: the one the URL names, else new ones, else those in stock.
fn choose(mut terms: Vec<Terms>) -> Vec<Terms> {
    let narrow = |terms: &mut Vec<Terms>, keep: &dyn Fn(&Terms) -> bool| {
        if terms.iter().any(keep) {
            terms.retain(keep);
        }
    };
    // An address names a variant only where the others have addresses of their own.
    if terms.iter().any(|t| t.named) && terms.iter().any(|t| !t.named && (t.url.is_some() || t.variant.is_some())) {
        narrow(&mut terms, &|t| t.named && t.price.is_some());
        narrow(&mut terms, &|t| t.named);
    }
    narrow(&mut terms, &|t| t.price.is_some_and(Money::is_positive));
    narrow(&mut terms, &|t| t.condition.as_deref().is_none_or(|c| c == "new"));
    narrow(&mut terms, &|t| t.availability != Availability::OutOfStock);
    terms
}

/// Writes the chosen offers into `offer`: one price, or a range of them.
fn settle(offer: &mut Offer, open: &mut Vec<String>, terms: Vec<Terms>, several: bool) {
    let currency = terms.iter().find_map(|t| t.price.map(Money::currency));
    let same_currency = terms.iter().filter(|t| t.price.is_some_and(|p| Some(p.currency()) == currency));
    let lowest = same_currency.clone().min_by_key(|t| t.price.map(Money::minor));
    let highest = same_currency.filter_map(|t| t.high.or(t.price)).max_by_key(|p| p.minor());
    let stock = if terms.iter().any(|t| t.availability == Availability::InStock) {
        Some(Availability::InStock)
    } else {
        terms.iter().map(|t| t.availability).find(|a| *a != Availability::Unknown)
    };
    let Some(best) = lowest.or_else(|| terms.first()).cloned() else { return };
    offer.price = best.price;
    offer.kind = best.kind;
    if let (Some(low), Some(high)) = (best.price, highest)
        && high.minor() > low.minor()
    {
        offer.high_price = Some(high);
        offer.kind = PriceKind::Range;
    }
    offer.list_price = best.list;
    offer.member_price = best.member;
    offer.unit_price = best.unit;
    offer.shipping = best.shipping;
    offer.currency = best.currency;
    offer.tax = best.tax;
    offer.availability = if best.named { best.availability } else { stock.unwrap_or(best.availability) };
    offer.condition = best.condition.or(offer.condition.take());
    offer.seller = best.seller;
    offer.valid_until = best.valid_until;
    offer.evidence = best.evidence;
    if best.price.is_none() {
        open.extend(best.open);
        open.extend(best.raw);
    }
    // Only the variant the URL names lends its identity; the others are merely the first in a list.
    let one = terms.iter().all(|t| t.sku == best.sku);
    let identify = best.named || !several;
    if let Some(identity) = best.identity.filter(|_| identify) {
        offer.sku = identity.sku.or(offer.sku.take());
        offer.gtin = identity.gtin.or(offer.gtin.take());
        offer.mpn = identity.mpn.or(offer.mpn.take());
        offer.title = identity.title.or(offer.title.take());
        offer.variant = best.variant;
    } else if best.named {
        offer.variant = best.sku.clone();
    }
    if identify || one {
        offer.sku = offer.sku.take().or(best.sku);
        offer.mpn = offer.mpn.take().or(best.mpn);
        offer.gtin = offer.gtin.take().or(best.gtin);
    }
}

/// Types with a price that are sold as things, and any other type that carries offers.
fn is_product(object: &Object<'_>) -> bool {
    const PRODUCTS: [&str; 12] = [
        "Product", "ProductGroup", "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Car", "Book", "SoftwareApplication",
        "VideoGame", "MobileApplication", "Motorcycle",
    ];
    const NEVER: [&str; 12] = [
        "Event", "Hotel", "Restaurant", "LocalBusiness", "Organization", "WebSite", "ItemList", "OfferCatalog", "Store", "AggregateOffer", "Person", "BreadcrumbList",
    ];
    let kinds = types(object);
    let any = |list: &[&str]| list.iter().any(|name| kinds.split(' ').any(|kind| kind == *name));
    let priced = object.get("offers").is_some();
    any(&PRODUCTS[..7]) || (any(&PRODUCTS) && priced) || (priced && !kinds.is_empty() && !any(&NEVER)) || (kinds == "Offer" && object.first(&["price", "priceSpecification"]).is_some())
}

/// The local names of an object's types, separated by blanks.
fn types(object: &Object<'_>) -> String {
    let Some(value) = object.get("@type").or_else(|| object.get("type")) else { return String::new() };
    let names: Vec<&str> =
        value.each().iter().filter_map(Value::text).map(|t| t.trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or(t)).collect();
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

/// schema.org's OfferItemCondition and the words of feeds.
#[must_use]
pub fn condition(raw: &str) -> Option<String> {
    let name = raw.trim().rsplit(['/', '#']).next()?.to_ascii_lowercase();
    let known = [("new", "new"), ("refurb", "refurbished"), ("renewed", "refurbished"), ("used", "used"), ("damaged", "damaged")];
    known.iter().find(|(stem, _)| name.starts_with(stem)).map(|(_, word)| (*word).to_owned())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
