//! Small pages of habits of shops in what stands beside a price: the name, the brand, the code, the stock.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Availability, Extraction, Source};

use crate::extract::read;
use crate::shop_page::{SHOP, page};

const BUY: &str = "<button>Add to cart</button>";

fn title(found: &Extraction) -> &str {
    found.offer.as_ref().and_then(|offer| offer.title.as_deref()).unwrap_or("-")
}

fn stock(found: &Extraction) -> Availability {
    found.offer.as_ref().map_or(Availability::Unknown, |offer| offer.availability)
}

/// What a page with a price says in its stock line, with a buy button or without.
fn stock_of(lang: &str, line: &str, button: &str) -> Availability {
    let body = format!("<div class=price>12,50 €</div><p class=stock>{line}</p>{button}");
    stock(&read(&page(lang, "Brass Lamp", "", &body), SHOP))
}

/// A product without offers, as markup names it.
fn named(rest: &str) -> String {
    format!(r#"<script type="application/ld+json">{{"@type":"Product","name":"Brass Lamp"{rest}}}</script>"#)
}

#[test]
fn what_a_heading_does_not_show_is_no_part_of_the_name() {
    for heading in [
        "<span class=sr-only>Product: </span>Brass Lamp",
        "<span class=visually-hidden>Details about &nbsp;</span>Brass Lamp",
        "<span class=g-hdn>Details <span>about</span></span>Brass Lamp",
        "<span style='display: none'>Details</span>Brass Lamp",
        "<span hidden>Details</span>Brass Lamp",
        "Brass Lamp <span><a href='#'>show original title</a></span>",
        "Brass Lamp <a href='javascript:void(0)'>share</a>",
        "Brass Lamp <button>edit</button>",
        "<span class=sr-only>Brass Lamp</span>",
        "<a href='#top'>Brass Lamp</a>",
        "<a href='/brands/brass'>Brass</a> Lamp",
        "Brass <span class='hidden md:inline'>Lamp</span>",
        "Brass <span class='d-none d-md-inline'>Lamp</span>",
    ] {
        let html = format!("<html lang=en><title>Offer</title><h1>{heading}</h1><div class=price>£12.50</div>{BUY}");
        assert_eq!(title(&read(&html, SHOP)), "Brass Lamp", "{heading}");
        let offers = r#","offers":{"price":"12.50","priceCurrency":"GBP"}"#;
        assert_eq!(title(&read(&[&named(offers), html.as_str()].concat(), SHOP)), "Brass Lamp", "{heading}");
    }
}

#[test]
fn words_of_stock_are_known_with_accents_and_without() {
    for (lang, line) in [
        ("fr", "Epuisé"),
        ("fr", "ÉPUISÉ"),
        ("fr", "&Eacute;puis&eacute;"),
        ("fr", "EPUISE"),
        ("fr", "Hors stock"),
        ("fr", "Ce produit n’est plus disponible"),
        ("el", "ΕΞΑΝΤΛΗΘΗΚΕ"),
        ("pt", "Nao disponivel"),
        ("ru", "Нет в продаже"),
        ("ru", "Снят с продажи"),
        ("fa", "ناموجود"),
        ("fa", "اتمام موجودی"),
        ("fa", "موجود نیست"),
        ("ar", "غير موجود"),
        ("zh", "无货"),
        ("zh-TW", "補貨中"),
        ("ja", "完売しました"),
        ("ja", "入荷待ち"),
        ("ja", "在庫なし"),
        ("ja", "在庫がありません"),
        ("ko", "구매할 수 없습니다"),
        ("ko", "재고 없음"),
        ("id", "Stok kosong"),
        ("vi", "Ngừng kinh doanh"),
        ("pl", "Powiadom o dostępności"),
    ] {
        assert_eq!(stock_of(lang, line, ""), Availability::OutOfStock, "{line}");
        assert_eq!(stock_of(lang, line, BUY), Availability::OutOfStock, "{line}");
    }
    for (lang, line, state) in [
        ("fa", "موجود در انبار", Availability::InStock),
        ("fa", "موجود", Availability::InStock),
        ("zh", "现货", Availability::InStock),
        ("ja", "在庫：あり", Availability::InStock),
        ("fr", "En arrivage", Availability::BackOrder),
        ("fr", "En cours d'arrivage", Availability::BackOrder),
        ("ja", "お取り寄せ", Availability::BackOrder),
        ("ja", "残りわずか", Availability::Limited),
        ("de", "Vorratig", Availability::InStock),
    ] {
        assert_eq!(stock_of(lang, line, ""), state, "{line}");
    }
}

#[test]
fn a_state_of_stock_needs_no_item_around_it() {
    let of = |marks: &str| {
        stock(&read(&page("en", "Brass Lamp", "", &format!("<div class=price>£12.50</div>{marks}")), SHOP))
    };
    for tag in ["link", "div class=stock", "span"] {
        let mark = format!("<{tag} itemprop=availability href='https://schema.org/BackOrder'>");
        assert_eq!(of(&mark), Availability::BackOrder, "{tag}");
    }
    let two = |one: &str, other: &str| {
        format!(
            "<link itemprop=availability href='https://schema.org/{one}'><link itemprop=availability href='http://schema.org/{other}'>"
        )
    };
    assert_eq!(of(&two("OutOfStock", "OutOfStock")), Availability::OutOfStock);
    // The boxes of a list have a state each.
    assert_eq!(of(&two("OutOfStock", "InStock")), Availability::Unknown);
    assert_eq!(of("<link itemprop=availability href='https://schema.org/Else'>"), Availability::Unknown);
}

#[test]
fn markup_is_read_whatever_its_type_is_written_with() {
    for plus in ["+", "&#x2B;", "&#43;", "&plus;"] {
        let html = format!(
            r#"<h1>Brass Lamp</h1><script type="application/ld{plus}json">{{"@type":"Product","name":"Brass Lamp",
            "offers":{{"price":"12.50","priceCurrency":"GBP","availability":"SoldOut"}}}}</script>"#
        );
        let found = read(&html, SHOP);
        assert!(found.candidates.iter().any(|c| c.source == Source::JsonLd), "{plus}");
        assert_eq!(stock(&found), Availability::OutOfStock, "{plus}");
    }
}
