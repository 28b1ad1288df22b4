//! Names of members that shop systems and data layers give to prices, names, codes and stock.
//!
//! Where a table is ordered, the first name that an object has is trusted most.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::extract::json::{Object, Value};
use crate::extract::offer::Availability;
use crate::extract::phrases::Anywhere;

#[rustfmt::skip]
const PRICES: &[&str] = &[
    "price", "salePrice", "sale_price", "currentPrice", "current_price", "finalPrice", "final_price", "discountedPrice", "discounted_price", "specialPrice", "special_price", "sellingPrice", "selling_price", "nowPrice", "offerPrice", "display_price", "productPrice", "product_price",
    "priceAmount", "price_amount", "priceValue", "priceCents", "priceCent", "price_cents", "priceInCents", "catalogProductPrice", "unitPrice", "regularPrice", "prices", "pricing", "product_unit_price",
    "productPriceTaxInc", "priceWithVat", "grossPrice", "priceRange", "minPrice", "lowPrice",
    "calculatedPrice", "calculated_price", "price_range", "priceInfo", "price_info", "priceData", "priceSummary", "priceDetails", "productPrices", "actualPrice", "actual_price", "sellPrice", "sell_price", "salesPrice", "sales_price",
    "priceInclVat", "priceInclTax", "price_incl_tax", "priceWithTax", "price_with_tax", "price_with_vat", "bestPrice", "webPrice", "onlinePrice", "unit_amount", "Price",
];
#[rustfmt::skip]
pub(super) const LISTS: &[&str] = &[
    "listPrice", "list_price", "compareAtPrice", "compare_at_price", "originalPrice", "original_price", "oldPrice", "old_price", "regularPrice", "regular_price",
    "wasPrice", "was_price", "display_regular_price", "strikePrice", "msrp", "rrp", "basePrice", "previousPrice", "beforePrice", "ListPrice",
];
/// What is paid where it is lower than what is called `price`: then that is the price before.
const REDUCED: &[&str] = &[
    "salePrice",
    "sale_price",
    "currentPrice",
    "current_price",
    "finalPrice",
    "final_price",
    "discountedPrice",
    "discounted_price",
];
/// What an object that is a price calls the price before.
#[rustfmt::skip]
const BEFORE: &[&str] = &["list", "was", "before", "original", "regular", "old", "previous", "compareAt"];
/// What an object that is a price calls the amount in it; names of [`PRICES`] come behind them.
#[rustfmt::skip]
pub(super) const AMOUNTS: &[&str] = &[
    "finalPrice", "final", "current", "now", "sale", "sales", "discounted", "amount", "value", "centAmount", "price", "selling", "min", "minVariantPrice", "minimum_price", "start", "gross", "raw", "formatted", "withTax",
];
/// Lower ends of ranges and what the upper end beside them is called.
#[rustfmt::skip]
const RANGES: &[(&str, &str)] = &[
    ("min", "max"), ("minVariantPrice", "maxVariantPrice"), ("minimum_price", "maximum_price"), ("start", "stop"), ("minPrice", "maxPrice"), ("lowPrice", "highPrice"), ("low", "high"),
];
/// The one variant or offer that an object speaks of: the one selected, then the one shown when none is.
#[rustfmt::skip]
pub(super) const SELECTED: &[&str] = &[
    "selectedVariant", "selected_variant", "selectedOrFirstAvailableVariant", "currentVariant", "activeVariant", "selectedProductVariant", "selectedSku", "currentSku", "activeSku", "selectedOffer", "buyBox", "buybox", "winningOffer", "mainOffer",
];
#[rustfmt::skip]
pub(super) const DEFAULTS: &[&str] = &[
    "masterVariant", "defaultVariant", "default_variant", "firstAvailableVariant", "primaryVariant", "firstVariant", "defaultSku", "defaultOffer", "bestOffer", "variant", "offer",
];
/// Lists of variants or of offers of one product.
pub(super) const VARIANTS: &[&str] =
    &["variants", "productVariants", "product_variants", "skus", "variations", "combinations", "offers", "sellers"];
#[rustfmt::skip]
pub(super) const NAMES: &[&str] = &[
    "name", "title", "productName", "product_name", "item_name", "displayName", "catalogProductDesc", "productTitle", "product_title", "itemDesc",
];
#[rustfmt::skip]
pub(super) const CODES: &[&str] = &[
    "sku", "item_id", "productId", "product_id", "productID", "id", "articleNumber", "itemNumber", "code", "partNumber", "handle", "slug", "catalogProductID",
    "product_sku", "item_sku", "product_web_id",
];
#[rustfmt::skip]
pub(super) const CURRENCIES: &[&str] = &[
    "currency", "currencyCode", "priceCurrency", "currency_code", "currencyIso", "currencyISO", "currencyIsoCode", "order_currency", "site_currency",
];
#[rustfmt::skip]
const STOCKS: &[&str] = &[
    "availability", "is_in_stock", "inStock", "in_stock", "available", "isAvailable", "stockStatus", "stock_status", "product_instock", "instock", "stockLevel",
    "availableForSale", "availabilityStatus", "inventoryStatus", "stockState",
];
/// What an object that is about stock calls its answer.
const STATES: &[&str] = &["status", "state"];
#[rustfmt::skip]
const ASIDE: &[&str] = &[
    "related", "recommend", "similar", "upsell", "crosssell", "cross_sell", "accessor", "recently", "viewed", "cart", "basket", "carousel", "sponsored", "bundle",
    "alsobought", "suggest",
];

/// What a key announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announces {
    /// A price, by its place among [`PRICES`]; the first ones are trusted most.
    Price(usize),
    /// Variants or offers, which may have prices of their own.
    Inner,
    Name,
}

static KEYS: LazyLock<FxHashMap<&'static [u8], Announces>> = LazyLock::new(|| {
    let names = NAMES.iter().map(|key| (key.as_bytes(), Announces::Name));
    let inner = [SELECTED, DEFAULTS, VARIANTS].into_iter().flatten().map(|key| (key.as_bytes(), Announces::Inner));
    let prices = PRICES.iter().enumerate().map(|(rank, key)| (key.as_bytes(), Announces::Price(rank)));
    names.chain(inner).chain(prices).collect()
});

pub(super) static ASIDE_WORDS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::in_any_case(ASIDE.iter().copied()));

/// Whether a key is among those of prices.
pub(super) fn is_price(key: &[u8]) -> bool {
    matches!(KEYS.get(key), Some(Announces::Price(_)))
}

/// What an object may say about a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priced {
    /// It has a price of its own.
    Itself,
    /// It has variants or offers that may have one.
    Inside,
    No,
}

/// Whether and where an object may have a price.
pub(super) fn priced(object: &Object<'_>) -> Priced {
    let mut inside = false;
    for (key, value) in &object.entries {
        match KEYS.get(key.as_bytes()) {
            Some(Announces::Price(_)) if !matches!(value, Value::Null) => return Priced::Itself,
            Some(Announces::Inner) => inside |= matches!(value, Value::Object(_) | Value::List(_)),
            _ => {}
        }
    }
    if inside { Priced::Inside } else { Priced::No }
}

/// Whether an object has a name of its own.
pub(super) fn is_named(object: &Object<'_>) -> bool {
    object.entries.iter().any(|(key, _)| KEYS.get(key.as_bytes()) == Some(&Announces::Name))
}

/// The prices of an object and their keys, the most trusted one first.
pub(super) fn prices_of<'o, 'a>(object: &'o Object<'a>) -> Vec<(&'static str, &'o Value<'a>)> {
    let rank = |key: &[u8]| match KEYS.get(key) {
        Some(Announces::Price(rank)) => Some(*rank),
        _ => None,
    };
    let known = object.entries.iter().filter(|(_, value)| !matches!(value, Value::Null));
    let mut ranked: Vec<_> = known.filter_map(|(key, value)| Some((rank(key.as_bytes())?, value))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(rank, value)| (PRICES[rank], value)).collect()
}

/// The most trusted price of an object and its key.
pub(super) fn price_of<'o, 'a>(object: &'o Object<'a>) -> Option<(&'static str, &'o Value<'a>)> {
    prices_of(object).into_iter().next()
}

/// What stands for the price before, beside the price that has the name `key`; `price` says that the object is a price.
pub(super) fn before<'o, 'a>(
    object: &'o Object<'a>,
    key: &str,
    price: bool,
) -> impl Iterator<Item = (&'static str, &'o Value<'a>)> {
    let more: &[&str] = if price { BEFORE } else { &[] };
    let names = LISTS.iter().chain(more).copied().filter(move |name| *name != key);
    names.filter_map(|name| Some((name, object.get(name)?)))
}

/// What may be a reduced price beside the price that has the name `key`.
pub(super) fn reduced<'o, 'a>(
    object: &'o Object<'a>,
    key: &str,
) -> impl Iterator<Item = (&'static str, &'o Value<'a>)> {
    let names = if key == "price" { REDUCED } else { &[] };
    names.iter().filter_map(|name| Some((*name, object.get(name)?)))
}

/// The upper end of the range whose lower end has the name `key`.
pub(super) fn upper_end<'o, 'a>(object: &'o Object<'a>, key: &str) -> Option<(&'static str, &'o Value<'a>)> {
    let (_, upper) = RANGES.iter().find(|(low, _)| *low == key)?;
    Some((upper, object.get(upper)?))
}

/// Whether a name says that its amount counts cents.
pub(super) fn counts_cents(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    (lower.contains("cent") && !lower.contains("percent"))
        || lower.contains("minor")
        || matches!(lower.as_str(), "unit_amount" | "unitamount" | "pence" | "pennies")
}

/// Whether the thing that an object describes is there, as far as the object says it.
pub(super) fn stock(object: &Object<'_>) -> Availability {
    let about =
        || object.get("stock").and_then(Value::object).and_then(|o| o.first(STOCKS).or_else(|| o.first(STATES)));
    let Some(value) = object.first(STOCKS).or_else(about).and_then(|value| value.each().first()) else {
        return Availability::Unknown;
    };
    if let Some(flag) = value.boolean() {
        return if flag { Availability::InStock } else { Availability::OutOfStock };
    }
    match value {
        // Data layers quote their numbers.
        Value::Number(..) | Value::Text(..) if value.text().is_some_and(is_level) => match value.text() {
            Some(level) if level == "0" || level.starts_with('-') => Availability::OutOfStock,
            _ => Availability::InStock,
        },
        other => other.text().map_or(Availability::Unknown, Availability::parse),
    }
}

/// Whether a text is a whole number of pieces.
fn is_level(text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}
