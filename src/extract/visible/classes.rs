//! What class names, ids and data attributes say: shops name things in English or in their own language.
//!
//! Stems are compared inside lower-case names; a name is a hint worth points, never proof.

use crate::extract::scan::Tag;

/// What the names on one element hint at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints {
    pub price: bool,
    pub current: bool,
    pub old: bool,
    pub aside: bool,
    pub not_price: bool,
    pub product: bool,
    /// The box with the buy button.
    pub buy: bool,
}

const PRICE: &[&str] = &[
    "price", "preis", "pris", "prix", "precio", "prezzo", "preco", "cena", "ceny", "hinta", "cijena", "pret", "kaina", "hind", "prijs", "amount", "fiyat",
    "buybox", "kwota", "_pr", "deal",
];
const CURRENT: &[&str] = &[
    "current", "special", "final", "sale", "now", "actual", "our", "discounted", "promo", "offer", "selling", "nowprice", "main-price", "brutto", "gross", "withvat",
    "with-vat", "price-new", "new-price", "newprice", "price_new", "value",
];
const OLD: &[&str] = &[
    "old", "was", "rrp", "list-price", "listprice", "strike", "crossed", "original", "before", "compare", "msrp", "prev", "regular", "uvp", "past", "ancien",
    "barre", "tachado", "anterior", "stara", "perecherk", "previous", "cut-price", "through", "retail", "basisprice", "suggested", "base-price", "price-standard",
    "a-text-price", "otherprice", "other-price", "other_price", "market-price", "barred", "full-price", "fullprice", "_disc",
];
const ASIDE: &[&str] = &[
    "related", "recommend", "recommand", "upsell", "up-sell", "crosssell", "cross-sell", "crossell", "carousel", "slider", "swiper-slide", "owl-", "slick", "similar",
    "accessor", "bundle", "viewed", "sponsor", "footer", "navbar", "menu", "minicart", "mini-cart", "minibasket", "mini-basket", "cart-total", "cart_total", "basket-total",
    "cart-summary", "header-cart", "filter", "facet", "review", "coupon", "voucher", "newsletter", "wishlist", "compare-", "comparison", "also-", "alsobought", "bought-", "frequently",
    "suggest", "teaser", "product-list", "productlist", "product-grid", "product-tile", "product-card", "listing-item", "compatib", "topbar", "sidebar", "dropdown", "popup", "modal",
    "swatch", "advert", "banner",
];
const NOT_PRICE: &[&str] = &[
    "shipping", "delivery", "versand", "livraison", "dostaw", "frakt", "fragt", "install", "monthly", "finance", "credit", "kredit", "raty", "leasing", "klarna", "save", "saving",
    "discount-amount", "discount-value", "percent", "points", "loyalty", "unit-price", "unitprice", "per-unit", "base-unit", "grundpreis", "threshold", "free-ship", "deposit", "tax-amount",
    "warranty",
];
const PRODUCT: &[&str] = &[
    "product-info", "product-detail", "productdetail", "product_detail", "product-main", "product-page", "product-view", "product-essential", "product-summary", "product-shop",
    "buybox", "buy-box", "add-to-cart", "addtocart", "product-form", "productinfo", "product_info", "centercol", "pdp", "entry-summary", "product-price", "detail",
];

const BUY: &[&str] = &["buybox", "buy-box", "buy_box", "buynew", "usedbuy", "newbuy", "add-to-cart", "addtocart", "add_to_cart", "add-to-basket", "addtobasket", "product-form", "cart-wrapper", "addtobag"];

/// Reads the names on an element.
#[must_use]
pub fn hints(tag: &Tag<'_>) -> Hints {
    let mut found = Hints::default();
    for (key, value) in tag.attributes() {
        let key = key.to_ascii_lowercase();
        let relevant = matches!(key.as_str(), "class" | "id" | "itemprop" | "data-testid" | "data-test" | "data-qa" | "data-hook" | "data-name" | "data-role" | "name");
        if !relevant || value.is_empty() {
            continue;
        }
        let name = value.get(..value.len().min(200)).unwrap_or("").to_ascii_lowercase();
        let any = |stems: &[&str]| stems.iter().any(|stem| name.contains(stem));
        found.price |= any(PRICE);
        found.current |= any(CURRENT);
        found.old |= any(OLD);
        found.aside |= any(ASIDE);
        found.not_price |= any(NOT_PRICE);
        found.product |= any(PRODUCT);
        found.buy |= any(BUY);
    }
    found
}

/// Whether an element's names say that it holds the product's title.
#[must_use]
pub fn names_title(tag: &Tag<'_>) -> bool {
    const TITLES: [&str; 9] = ["product-title", "product-name", "producttitle", "productname", "product_title", "product_name", "prod-name", "item-title", "page-title"];
    ["class", "id", "itemprop"].iter().filter_map(|key| tag.attribute(key)).any(|value| {
        let value = value.to_ascii_lowercase();
        TITLES.iter().any(|t| value.contains(t))
    })
}

/// Whether an element's names merely say "title" or "name": enough where its words are those of the page's title.
#[must_use]
pub fn may_name_title(tag: &Tag<'_>) -> bool {
    ["class", "id", "itemprop"].iter().filter_map(|key| tag.attribute(key)).any(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("title") || value.contains("name") || value.contains("heading")
    })
}

/// Whether an element is invisible by its own attributes.
#[must_use]
pub fn is_hidden(tag: &Tag<'_>) -> bool {
    if tag.is("template") || tag.is("noscript") || tag.is("select") || tag.is("option") {
        return true;
    }
    let mut hidden = false;
    for (key, value) in tag.attributes() {
        if key.eq_ignore_ascii_case("hidden") {
            hidden = !value.eq_ignore_ascii_case("false");
        } else if key.eq_ignore_ascii_case("style") {
            let style: String = value.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
            hidden |= style.contains("display:none") || style.contains("visibility:hidden") || style.contains("font-size:0;") || style.contains("left:-9999");
        }
    }
    hidden
}

/// Whether the element itself is drawn struck through.
#[must_use]
pub fn is_struck(tag: &Tag<'_>) -> bool {
    tag.is("del") || tag.is("s") || tag.is("strike") || tag.attribute("style").is_some_and(|s| s.to_ascii_lowercase().contains("line-through"))
}
