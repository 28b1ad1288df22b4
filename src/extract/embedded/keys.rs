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
    "price", "salePrice", "sale_price", "currentPrice", "current_price", "finalPrice", "final_price", "sellingPrice", "selling_price", "nowPrice", "offerPrice", "display_price", "productPrice", "product_price",
    "priceAmount", "price_amount", "priceValue", "discountedPrice", "specialPrice", "special_price", "priceCents", "priceCent", "price_cents", "priceInCents", "catalogProductPrice", "unitPrice", "regularPrice", "prices", "pricing", "product_unit_price",
    "productPriceTaxInc", "priceWithVat", "grossPrice", "priceRange", "minPrice", "lowPrice",
];
#[rustfmt::skip]
pub(super) const LISTS: &[&str] = &[
    "listPrice", "list_price", "compareAtPrice", "compare_at_price", "originalPrice", "original_price", "oldPrice", "old_price", "regularPrice", "regular_price",
    "wasPrice", "was_price", "display_regular_price", "strikePrice", "msrp", "rrp", "basePrice", "previousPrice", "beforePrice",
];
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
    "currency", "currencyCode", "priceCurrency", "currency_code", "currencyIso", "currencyISO", "order_currency", "site_currency",
];
#[rustfmt::skip]
const STOCKS: &[&str] = &[
    "availability", "is_in_stock", "inStock", "in_stock", "available", "isAvailable", "stockStatus", "stock_status", "product_instock", "instock", "stockLevel",
    "availableForSale",
];
#[rustfmt::skip]
const ASIDE: &[&str] = &[
    "related", "recommend", "similar", "upsell", "crosssell", "cross_sell", "accessor", "recently", "viewed", "cart", "basket", "carousel", "sponsored", "bundle",
    "alsobought", "suggest",
];

/// Which of [`PRICES`] a key is; the first ones are trusted most.
static PRICE_RANKS: LazyLock<FxHashMap<&'static [u8], usize>> =
    LazyLock::new(|| PRICES.iter().enumerate().map(|(rank, key)| (key.as_bytes(), rank)).collect());

pub(super) static ASIDE_WORDS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::in_any_case(ASIDE.iter().copied()));

/// Whether a key is among those of prices.
pub(super) fn is_price(key: &[u8]) -> bool {
    PRICE_RANKS.contains_key(key)
}

/// The most trusted price of an object and its key.
pub(super) fn price_of<'o, 'a>(object: &'o Object<'a>) -> Option<(&'static str, &'o Value<'a>)> {
    let ranked = object.entries.iter().filter_map(|(key, value)| Some((*PRICE_RANKS.get(key.as_bytes())?, value)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(rank, value)| (PRICES[rank], value))
}

/// Whether the thing that an object describes is there, as far as the object says it.
pub(super) fn stock(object: &Object<'_>) -> Availability {
    let Some(value) = object.first(STOCKS).and_then(|value| value.each().first()) else { return Availability::Unknown };
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
