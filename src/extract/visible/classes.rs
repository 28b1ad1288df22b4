//! What class names, ids and data attributes say: shops name things in English or in their own language.
//!
//! Stems are compared inside lower-case names; a name is a hint worth points, never proof.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::extract::phrases::{Anywhere, Hit};
use crate::extract::scan::{Name, Tag};
use crate::extract::unseen;

/// What the names on one element hint at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints {
    pub price: bool,
    pub current: bool,
    pub old: bool,
    /// The price before by a name that the only price of many shops has as well.
    pub usual: bool,
    pub aside: bool,
    pub not_price: bool,
    /// The price per measure and nothing else that is no price.
    pub per_unit: bool,
    pub product: bool,
    /// The box with the buy button.
    pub buy: bool,
    /// The box of one of several products, on most pages.
    pub card: bool,
    /// The price before, whatever else the names say.
    pub former: bool,
}

const PRICE: &[&str] = &[
    "price", "preis", "pris", "prix", "precio", "prezzo", "preco", "cena", "ceny", "hinta", "cijena", "pret", "kaina",
    "hind", "prijs", "amount", "fiyat", "buybox", "kwota", "_pr", "deal",
];
#[rustfmt::skip]
const CURRENT: &[&str] = &[
    "current", "special", "final", "sale", "now", "actual", "our", "discounted", "promo", "offer", "selling",
    "nowprice", "indirimli", "yeni", "nuovo", "nuevo", "preco_por", "preco-por", "main-price", "brutto", "gross",
    "withvat", "with-vat", "price-new", "new-price", "newprice", "price_new",
];
#[rustfmt::skip]
const OLD: &[&str] = &[
    "old",
    "was",
    "rrp",
    "list-price",
    "listprice",
    "strike",
    "crossed",
    "before",
    "msrp",
    "prev",
    "uvp",
    "past",
    "ancien",
    "barre",
    "tachado",
    "anterior",
    "stara",
    "perecherk",
    "previous",
    "cut-price",
    "through",
    "suggested",
    "a-text-price",
    "otherprice",
    "other-price",
    "other_price",
    "barred",
    "_disc",
    "eski",
    "vecchio",
    "viejo",
    "antiguo",
    "antigo",
    "gammel",
    "vechi",
    "staro",
    "deleted",
    "struck",
    "price_orig", "price-orig", "orig-price", "orig_price", "prc-org", "price-org", "org-price",
];
/// Names of the price before that the only price of many shops has as well.
const USUAL: &[&str] = &[
    "original",
    "compare",
    "regular",
    "retail",
    "basisprice",
    "base-price",
    "price-standard",
    "market-price",
    "full-price",
    "fullprice",
    "origin-price",
    "originprice",
    "origin_price",
    "price-origin",
];
/// Names of the price per measure, which some shops give to the price of one piece.
const PER_UNIT: &[&str] = &["unit-price", "unitprice", "per-unit", "base-unit", "per-measure", "permeasure"];
const ASIDE: &[&str] = &[
    "related",
    "recommend",
    "recommand",
    "upsell",
    "up-sell",
    "crosssell",
    "cross-sell",
    "crossell",
    "carousel",
    "slider",
    "swiper-slide",
    "owl-",
    "slick",
    "similar",
    "accessor",
    "bundle",
    "viewed",
    "sponsor",
    "footer",
    "navbar",
    "menu",
    "minicart",
    "mini-cart",
    "minibasket",
    "mini-basket",
    "cart-total",
    "cart_total",
    "basket-total",
    "cart-summary",
    "header-cart",
    "filter",
    "facet",
    "review",
    "coupon",
    "voucher",
    "newsletter",
    "wishlist",
    "compare-",
    "comparison",
    "also-",
    "alsobought",
    "bought-",
    "together",
    "frequently",
    "suggest",
    "teaser",
    "product-list",
    "productlist",
    "product-grid",
    "product-tile",
    "listing-item",
    "compatib",
    "topbar",
    "sidebar",
    "dropdown",
    "popup",
    "modal",
    "swatch",
    "advert",
    "banner",
];
const NOT_PRICE: &[&str] = &[
    "shipping",
    "delivery",
    "versand",
    "livraison",
    "dostaw",
    "frakt",
    "fragt",
    "install",
    "monthly",
    "finance",
    "credit",
    "kredit",
    "raty",
    "leasing",
    "klarna",
    "save",
    "saving",
    "discount-amount",
    "discount-value",
    "percent",
    "points",
    "loyalty",
    "grundpreis",
    "threshold",
    "free-ship",
    "deposit",
    "tax-amount",
    "price-suffix",
    "approx",
    "converted",
    "price-break",
    "price_break",
    "tier-price",
    "tierprice",
    "warranty",
    "wallet",
    "aslowas",
    "as-low-as",
    "clubcard",
    "nectar",
    "courier",
    "simulation",
    "eraty",
];
const PRODUCT: &[&str] = &[
    "product-info",
    "product-detail",
    "productdetail",
    "product_detail",
    "product-main",
    "product-page",
    "product-view",
    "product-essential",
    "product-summary",
    "product-shop",
    "buybox",
    "buy-box",
    "add-to-cart",
    "addtocart",
    "product-form",
    "productinfo",
    "product_info",
    "centercol",
    "pdp",
    "entry-summary",
    "product-price",
    "detail",
];

const BUY: &[&str] = &[
    "buybox",
    "buy-box",
    "buy_box",
    "buynew",
    "usedbuy",
    "newbuy",
    "add-to-cart",
    "addtocart",
    "add_to_cart",
    "add-to-basket",
    "addtobasket",
    "product-form",
    "cart-wrapper",
    "addtobag",
];

const CARD: &[&str] = &["product-card", "productcard", "product_card"];

const FORMER: &[&str] = &["former", "preco_de", "preco-de", "__old"];

/// All stems, and what each of them hints at.
static STEMS: LazyLock<(Anywhere, Vec<u16>)> = LazyLock::new(|| {
    let groups = [
        (PRICE, 1),
        (CURRENT, 2),
        (OLD, 4),
        (ASIDE, 8),
        (NOT_PRICE, 16),
        (PRODUCT, 32),
        (BUY, 64),
        (CARD, 128),
        (FORMER, 256),
        (USUAL, 512),
        (PER_UNIT, 1024),
    ];
    let (stems, bits): (Vec<&str>, Vec<u16>) =
        groups.iter().flat_map(|(stems, bit)| stems.iter().map(|s| (*s, *bit))).unzip();
    (Anywhere::in_any_case(stems), bits)
});

/// Bytes of one name that are read.
const MAX_NAME: usize = 240;

/// Bytes of a stem that stands inside other words by chance.
const SHORT_STEM: usize = 3;

/// What an element's own attributes say about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    pub hints: Hints,
    /// Invisible by its own attributes.
    pub hidden: bool,
    /// Drawn struck through.
    pub struck: bool,
    pub class: &'a str,
}

/// Hints by name: the boxes of a page share few names.
pub type Known<'a> = FxHashMap<&'a str, u16>;

/// Reads an element's attributes once for all that is asked of them.
#[must_use]
pub fn facts<'a>(tag: &Tag<'a>, known: &mut Known<'a>) -> Facts<'a> {
    let mut facts = Facts {
        hidden: matches!(tag.key, Name::TEMPLATE | Name::NOSCRIPT | Name::SELECT | Name::OPTION),
        struck: matches!(tag.key, Name::DEL | Name::S | Name::STRIKE),
        ..Facts::default()
    };
    if tag.attributes.len() < 6 {
        return facts;
    }
    let mut found = 0;
    for (key, value) in tag.attributes() {
        if value.len() >= 3 && names_something(key) {
            found |= *known.entry(value).or_insert_with(|| bits(value));
        }
        if key.len() == 5 && key.eq_ignore_ascii_case("class") {
            facts.class = value;
            facts.hidden |= unseen::is_not_drawn(value);
        } else if key.len() == 5 && key.eq_ignore_ascii_case("style") {
            facts.hidden |= hides(value);
            facts.struck |= value.to_ascii_lowercase().contains("line-through");
        } else if key.len() == 6 && key.eq_ignore_ascii_case("hidden") {
            facts.hidden |= !value.eq_ignore_ascii_case("false");
        }
    }
    // Browsers draw a declarative shadow root in the place of its element.
    if tag.is(Name::TEMPLATE) && ["shadowrootmode", "shadowroot"].iter().any(|key| tag.attribute(key).is_some()) {
        facts.hidden = false;
    }
    facts.hints = Hints::of(found);
    facts
}

fn bits(value: &str) -> u16 {
    let (all, bits) = &*STEMS;
    let value = &value.as_bytes()[..value.len().min(MAX_NAME)];
    // `old` in `bold`, `now` in `snow` and `our` in `colour` say nothing: a short stem begins a word.
    let begins = |hit: &Hit| {
        let inner = hit.start.checked_sub(1).is_some_and(|before| value[before].is_ascii_alphabetic());
        // A box called `no-slider` is none.
        let negated = value[..hit.start].ends_with(b"no-") || value[..hit.start].ends_with(b"not-");
        // A box `with-list-price` holds the price and the one before.
        let holding = || [&b"with-"[..], b"with_", b"has-", b"has_"].iter().any(|w| value[..hit.start].ends_with(w));
        let holds = bits[hit.phrase] & (4 | 512) != 0 && holding();
        // `purchase_discount` is no price before, `suggest-price` no list of suggestions.
        let behind = &value[hit.end..];
        let longer = match &value[hit.start..hit.end] {
            [b'_', ..] | [.., b'o' | b'O', b'r' | b'R', b'g' | b'G'] if bits[hit.phrase] & 4 != 0 => {
                behind.first().is_some_and(u8::is_ascii_alphanumeric)
            }
            // `price-preview` and `page_product` are neither.
            [b'p' | b'P', b'r' | b'R', b'e' | b'E', b'v' | b'V'] => behind.starts_with(b"iew"),
            [b'r' | b'R', b'e' | b'E', b'v' | b'V', ..] => value[..hit.start].ends_with(b"p"),
            [b'_', b'p' | b'P', b'r' | b'R'] => behind.first().is_some_and(u8::is_ascii_alphabetic),
            [b's' | b'S', b'u' | b'U', b'g' | b'G', ..] => behind
                .iter()
                .take(6)
                .collect::<Vec<_>>()
                .windows(5)
                .any(|w| w.iter().zip(b"price").all(|(a, b)| a.eq_ignore_ascii_case(b))),
            _ => false,
        };
        !negated
            && !holds
            && !longer
            && ((hit.end - hit.start) > SHORT_STEM || !inner || !value[hit.start].is_ascii_lowercase())
    };
    all.find_all(value).filter(begins).fold(0, |found, hit| found | bits[hit.phrase])
}

impl Hints {
    fn of(found: u16) -> Self {
        let has = |bit: u16| found & bit != 0;
        Self {
            price: has(1),
            current: has(2),
            old: has(4 | 512),
            usual: has(512) && !has(4 | 256),
            aside: has(8),
            not_price: has(16 | 1024),
            per_unit: has(1024) && !has(16),
            product: has(32),
            buy: has(64),
            card: has(128),
            former: has(256),
        }
    }
}

/// Whether a class calls an amount the one without tax.
#[must_use]
pub fn names_net(class: &str) -> bool {
    static NET: LazyLock<Anywhere> = LazyLock::new(|| {
        Anywhere::in_any_case([
            "excluding-tax",
            "excluding-vat",
            "excl-tax",
            "excl-vat",
            "excltax",
            "exclvat",
            "ex-vat",
            "exvat",
            "without-tax",
            "without-vat",
            "price-net",
            "net-price",
            "netprice",
        ])
    });
    // `internet-price` is none of them.
    let bytes = class.as_bytes();
    NET.find_all(bytes).any(|hit| hit.start == 0 || !bytes[hit.start - 1].is_ascii_alphabetic())
}

fn names_something(key: &str) -> bool {
    let among = |keys: &[&str]| keys.iter().any(|known| key.eq_ignore_ascii_case(known));
    match key.len() {
        2 => among(&["id"]),
        4 => among(&["name"]),
        5 => among(&["class"]),
        7 => among(&["data-qa"]),
        8 => among(&["itemprop"]),
        9 => among(&["data-test", "data-hook", "data-name", "data-role"]),
        11 => among(&["data-testid"]),
        12 => among(&["data-test-id"]),
        14 => among(&["data-meta-name"]),
        15 => among(&["data-price-type"]),
        _ => false,
    }
}

static TITLES: LazyLock<Anywhere> = LazyLock::new(|| {
    Anywhere::in_any_case([
        "product-title",
        "product-name",
        "producttitle",
        "productname",
        "product_title",
        "product_name",
        "prod-name",
        "item-title",
        "page-title",
        "title",
        "name",
        "heading",
    ])
});

/// What every name in [`TITLES`] holds.
static TITLE_WORDS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::in_any_case(["title", "name", "heading"]));

/// How surely an element's names say that it holds the product's title: 2 for sure, 1 for "title" or "name", 0 not.
#[must_use]
pub fn names_title(tag: &Tag<'_>) -> u8 {
    let named = tag.attributes().filter(|(key, value)| {
        value.len() >= 4
            && matches!(key.len(), 2 | 5 | 8)
            && names_something(key)
            && TITLE_WORDS.is_match(value.as_bytes())
    });
    let best =
        named.flat_map(|(_, value)| TITLES.find_all(value.as_bytes()).map(|hit| if hit.phrase < 9 { 2 } else { 1 }));
    best.max().unwrap_or(0)
}

fn hides(style: &str) -> bool {
    let mut plain = String::with_capacity(style.len());
    plain.extend(style.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()));
    ["display:none", "visibility:hidden", "font-size:0;", "left:-9999"].iter().any(|rule| plain.contains(rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_stem_begins_a_word() {
        let old = |name: &str| Hints::of(bits(name)).old;
        assert!(old("price-old") && old("isOld") && old("old_price"));
        assert!(!old("copy--bold") && !old("gold") && !old("threshold"));
        assert!(Hints::of(bits("slider")).aside && !Hints::of(bits("col no-slider")).aside);
    }
}
