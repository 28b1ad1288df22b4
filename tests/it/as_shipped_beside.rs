//! Small pages of habits of shops in what stands beside a price: the name, the brand, the code, the stock.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Availability, Extraction, Outcome, Source};

use crate::extract::read;
use crate::shop_page::{SHOP, page};

const BUY: &str = "<button>Add to cart</button>";

fn title(found: &Extraction) -> &str {
    found.offer.as_ref().and_then(|offer| offer.title.as_deref()).unwrap_or("-")
}

fn sku(found: &Extraction) -> Option<&str> {
    found.offer.as_ref()?.sku.as_deref()
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
fn the_name_in_the_markup_beats_a_box_that_has_none_of_its_words() {
    let body = |head: &str, box_title: &str| {
        format!("{head}<div class=price>£12.50</div>{BUY}<div class=service_product_title>{box_title}</div>")
    };
    for head in ["", "<title>Brass Lamp</title>", "<title>Lamp shop</title>"] {
        let found = read(&body(&[head, &named("")].concat(), "More information"), SHOP);
        assert_eq!(title(&found), "Brass Lamp", "{head}");
    }
    // The page's own title knows the words of the heading and none of the markup.
    let found = read(&body(&["<title>Messinglampe</title>", &named("")].concat(), "Messinglampe"), SHOP);
    assert_eq!(title(&found), "Messinglampe");
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
fn a_brand_stands_in_front_of_the_name_only_where_the_page_says_so() {
    let brand = r#","brand":{"name":"Nordlys"},"offers":{"price":"12.50","priceCurrency":"GBP"}"#;
    for (page_title, name) in [
        ("Brass Lamp - Nordlys", "Brass Lamp"),
        ("Brass Lamp · Nordlys", "Brass Lamp"),
        ("Nordlys | Brass Lamp", "Brass Lamp"),
        ("Nordlys Brass Lamp | Lamps", "Nordlys Brass Lamp"),
        ("Buy the Nordlys Lamp of Brass", "Nordlys Brass Lamp"),
    ] {
        let html = format!("<title>{page_title}</title>{}<h1>Brass Lamp</h1>", named(brand));
        assert_eq!(title(&read(&html, SHOP)), name, "{page_title}");
    }
}

#[test]
fn the_name_of_a_shop_behind_a_bar_is_no_part_of_the_title() {
    for (page_title, heading, name) in [
        ("Brass Lamp｜Lampenhaus", "Nordlys</span> <span>Brass Lamp", "Brass Lamp"),
        ("Brass Lamp - Shop", "", "Brass Lamp"),
        ("Brass Lamp | Lamps &amp; More", "", "Brass Lamp"),
        ("Brass Lamp - black", "", "Brass Lamp - black"),
    ] {
        let offer = r#"<meta property="product:price:amount" content="12.50">
            <meta property="product:price:currency" content="GBP"><meta property="og:site_name" content="Lamps & More">"#;
        let html = format!(
            r#"<html lang=en><title>{page_title}</title><meta property="og:title" content="{page_title}">{offer}
            <h1><span>{heading}</span></h1>"#
        );
        assert_eq!(title(&read(&html, "https://www.shop.example/p/lamp")), name, "{page_title}");
    }
    // A code in brackets behind the name is the article's.
    let body = "<div class=price>£12.50</div>";
    let html =
        format!("<html lang=en><title>Brass Lamp, Shop</title><h1>Brass Lamp <small>[BL-20]</small></h1>{body}{BUY}");
    assert_eq!(title(&read(&html, SHOP)), "Brass Lamp");
    let html = html.replace("Lamp, Shop", "Lamp [BL-20], Shop");
    assert_eq!(title(&read(&html, SHOP)), "Brass Lamp [BL-20]");
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
fn an_element_called_sku_holds_one_if_it_looks_like_one() {
    let of = |body: &str| {
        let body = format!("<div class=price>£12.50</div>{BUY}{body}");
        sku(&read(&page("en", "Brass Lamp", "", &body), SHOP)).map(str::to_owned)
    };
    for mark in ["class=sku", "class='meta product-sku'", "id=product_sku", "itemprop=sku"] {
        assert_eq!(of(&format!("<span {mark}>LAMP-001</span>")).as_deref(), Some("LAMP-001"), "{mark}");
    }
    for body in [
        "<span class=sku>N/A</span>",
        "<span class=sku>12.90</span>",
        "<span class=sku>Brass and glass</span>",
        "<span class=skus-count>1204</span>",
        "<span class=sku hidden>LAMP-001</span>",
        "<span class=sku>LAMP-001</span><span class=sku>LAMP-002</span>",
    ] {
        assert_eq!(of(body), None, "{body}");
    }
}

#[test]
fn sold_out_in_the_place_of_the_price_counts_under_the_title_of_a_shop() {
    let read_at = |url: &str, title: &str| {
        let html =
            format!("<html lang=en><title>{title}</title><h1>Brass Lamp</h1><p class=box>Currently unavailable</p>");
        read(&html, url).outcome
    };
    assert_eq!(read_at(SHOP, "Things - Shop"), Outcome::OutOfStock);
    assert_ne!(read_at("https://www.shop.example/cart", "Things - Shop"), Outcome::OutOfStock);
    assert_ne!(read_at("https://www.shop.example/search?q=lamp", "Things - Shop"), Outcome::OutOfStock);
}

#[test]
fn a_search_on_the_front_page_is_a_search() {
    let tile = |name: &str, price: &str| {
        format!(
            "<li><a href='/p/{name}'><h2>{name}</h2></a><span class=price>£{price}</span><a class=add_to_cart href='?add={name}'>Add to cart</a></li>"
        )
    };
    let html = format!(
        "<html lang=en><title>lamp - Shop</title><h1>Search results for: lamp</h1><ul>{}{}</ul>",
        tile("brass", "12.50"),
        tile("steel", "9.50")
    );
    assert_eq!(read(&html, "https://www.shop.example/?s=lamp&post_type=product").outcome, Outcome::Search);
}

#[test]
fn a_login_in_portuguese_is_one() {
    let html = "<html><title>Acesse sua conta</title><body>Faça seu login para continuar";
    assert_eq!(read(html, SHOP).outcome, Outcome::LoginWall);
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
