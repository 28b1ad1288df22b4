//! Small pages whose markup, state or address says less than it seems to: a product beside the page's own, a product
//! that stands there twice, a front page's address.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Extraction, Outcome};

use crate::extract::read;
use crate::shop_page::{BUY, SHOP, json_ld, page, price, prices};

fn lamp(lang: &str, head: &str, body: &str) -> Extraction {
    read(&page(lang, "Brass Lamp", head, body), SHOP)
}

/// Microdata of a product with its price, `""` for none.
fn item(name: &str, amount: &str) -> String {
    let cost = if amount.is_empty() { String::new() } else { format!("<meta itemprop=price content={amount}>") };
    format!(
        "<div itemscope itemtype=http://schema.org/Product><b itemprop=name>{name}</b><p itemprop=offers itemscope itemtype=http://schema.org/Offer><meta itemprop=priceCurrency content=EUR>{cost}</p></div>"
    )
}

#[test]
fn a_product_that_the_page_has_twice_is_one_source() {
    let block = format!(
        "{}<div><s>219,99 €</s> <i>-50%</i> <b class=price>110,00 €</b></div>{BUY}",
        item("Brass Lamp", "219.99")
    );
    let found = lamp("de", "", &[block.as_str(), &block].concat());
    assert_eq!(prices(&found), (Some("110.00 EUR".to_owned()), Some("219.99 EUR".to_owned())), "{}", found.explanation);
}

#[test]
fn a_like_of_the_product_lends_it_no_price() {
    let own = r#"<script type="application/ld+json">{"@type":"Product","name":"Oak Table Nora 120","offers":{"availability":"https://schema.org/OutOfStock"}}</script>"#;
    let body = format!("<p>Sold out</p><section><a href=/p/2>More</a>{}</section>", item("Oak Chair Nora", "52.00"));
    let found = read(&page("en", "Oak Table Nora 120", own, &body), SHOP);
    assert_eq!((found.outcome, price(&found)), (Outcome::OutOfStock, None), "{}", found.explanation);
    let both = [item("Oak Table Nora 120", ""), item("Oak Chair Nora", "52.00")].concat();
    assert_eq!(price(&read(&page("en", "Oak Table Nora 120", "", &both), SHOP)), None);
    // One of its colours is the thing.
    let colour = [item("Oak Table Nora 120", ""), item("Oak Table Nora 120 White", "52.00")].concat();
    let found = read(&page("en", "Oak Table Nora 120", "", &format!("{colour}{BUY}")), SHOP);
    assert_eq!(price(&found).as_deref(), Some("52.00 EUR"), "{}", found.explanation);
}

#[test]
fn a_sign_without_its_amount_takes_no_count() {
    let body = format!("<div class=prices><p class=price>£<i></i></p><div>(47 reviews)</div></div>{BUY}");
    assert_eq!(price(&lamp("en-GB", "", &body)), None);
    let texts = ["£ (47 reviews)", "€ (12 Bewertungen)"];
    assert!(
        texts
            .iter()
            .all(|text| omniprice::extract::price::read(text, &omniprice::extract::price::Context::default()).is_err())
    );
}

#[test]
fn what_comes_back_or_on_top_is_no_price_where_the_price_is_missing() {
    for (lang, words) in [
        ("sk", "Späť na zákaznícku kartu <b>1,09 €</b>"),
        ("en", "Get <b>1,09 €</b> back on your card"),
        ("fr", "Cagnotte <b>1,09 €</b>"),
        ("de", "Bonus <b>4,50 €</b>"),
        ("de", "Montage: <b>49,00 €</b>"),
        ("et", "Kohaletoimetamise summa alates <b>10,99 €</b>"),
        ("et", "Järelmaks alates <b>8,90 €</b>"),
        ("es", "Entrega desde <b>4,99 €</b>"),
        ("pl", "Rata od <b>46,02 €</b>"),
        ("it", "Rata mensile <b>9,90 €</b>"),
        ("nl", "Bezorgkosten <b>4,95 €</b>"),
        ("cs", "Pojištění <b>19,00 €</b>"),
    ] {
        let found = lamp(lang, "", &format!("<div class=price-box><p>{words}</p></div>{BUY}"));
        assert_eq!(price(&found), None, "{words}: {}", found.explanation);
    }
    // Above a price they praise the thing.
    for words in ["Easy installation", "2 years of warranty"] {
        let found = lamp("en", "", &format!("<p>{words}</p><div class=price>€99.00</div>{BUY}"));
        assert_eq!(price(&found).as_deref(), Some("99.00 EUR"), "{words}: {}", found.explanation);
    }
}

#[test]
fn the_number_of_an_article_is_no_gtin() {
    let gtin = |sku: &str| {
        let head = json_ld(r#"{"price":"69.95","priceCurrency":"EUR"}"#)
            .replace(r#""name""#, &format!(r#""sku":"{sku}","name""#));
        lamp("en", &head, BUY).offer.unwrap().gtin
    };
    for sku in ["84518927-040-40", "84518927", "2000000000008"] {
        assert_eq!(gtin(sku), None, "{sku}");
    }
    assert_eq!(gtin("4006381333931").as_deref(), Some("4006381333931"));
}

#[test]
fn the_price_before_that_one_source_names_is_what_the_other_states() {
    let head = json_ld(r#"{"price":"150.00","priceCurrency":"USD"}"#)
        + "<meta property=product:price:amount content=120.00><meta property=product:price:currency content=USD><meta property=og:price:standard_amount content=150.00>";
    let state = r#"<script>dataLayer.push({"ecommerce":{"currency":"USD","items":[{"item_name":"Brass Lamp","item_id":"1","price":"120.00"}]}});</script>"#;
    let found = lamp("en-US", &[&head, state].concat(), BUY);
    assert_eq!(prices(&found), (Some("120.00 USD".to_owned()), Some("150.00 USD".to_owned())), "{}", found.explanation);
    assert_eq!(lamp("en-US", &head, BUY).outcome, Outcome::Ambiguous);
}

/// Tiles of recommended things, each with a button.
fn recommended() -> String {
    let tile = |i: u32| format!("<li class=rec><a href=/p/{i}>Toy {i} <i class=cost>£{i}.50</i></a>{BUY}</li>");
    format!("<h2>Goes well with</h2><ul>{}</ul>", (3..17).map(tile).collect::<String>())
}

#[test]
fn recommended_things_make_no_list_of_a_product_page() {
    for own in [BUY, ""] {
        let body = format!("<div class=pip><span class=price>£25.00</span>{own}</div>{}", recommended());
        assert_eq!(price(&lamp("en-GB", "", &body)).as_deref(), Some("25.00 GBP"));
    }
    let block = |heading: &str| {
        format!("<div class=pdp><h2>{heading}</h2><p>29,99 €</p><button>In den Warenkorb</button></div>")
    };
    let colours = ["Brass Lamp blau", "Brass Lamp rot", "Brass Lamp weiß"].map(block).concat();
    let own = "<div class=pdp><p>29,99 €</p><button>In den Warenkorb</button></div>";
    let found = lamp("de", "", &format!("{own}{colours}"));
    assert_eq!(price(&found).as_deref(), Some("29.99 EUR"), "{}", found.explanation);
}

#[test]
fn an_address_of_the_front_may_belong_to_a_product() {
    let front = "https://www.shop.example.com/";
    let own = |head: &str| page("en-GB", "Brass Lamp", head, &format!("<div class=price>£45.00</div>{BUY}"));
    for head in [
        "<link rel=canonical href=https://www.shop.example.com/p/brass-lamp>",
        "<meta property=og:url content=https://shop.example.com/p/brass-lamp>",
        "",
    ] {
        assert_eq!(price(&read(&own(head), front)).as_deref(), Some("45.00 GBP"), "{head}");
    }
    let shop =
        page("en-GB", "Lamps for everyone", "<link rel=canonical href=https://www.shop.example.com/>", &recommended());
    let found = read(&shop, front);
    assert_eq!((found.outcome, price(&found)), (Outcome::Home, None), "{}", found.explanation);
}

#[test]
fn an_article_sells_nothing() {
    let tags = "<meta property=og:type content=article>";
    let found = lamp("en", tags, &format!("<p>Lamps were out of stock for months.</p>{BUY}"));
    assert_eq!(found.outcome, Outcome::Article, "{}", found.explanation);
}

#[test]
fn one_of_many_payments_is_no_price_although_markup_states_it() {
    let page = |stated: &str, total: &str| {
        let parts = "<div class=price>$39.00/mo <small>for 36 months at 0% APR</small></div>";
        let head = json_ld(&format!(r#"{{"price":"{stated}","priceCurrency":"USD"}}"#));
        lamp("en-US", &head, &format!("{parts}<div class=total>{total}</div>{BUY}"))
    };
    let found = page("39.00", "or $1,404.00");
    assert_eq!((found.outcome, price(&found)), (Outcome::Ambiguous, None), "{}", found.explanation);
    assert_eq!(price(&page("1404.00", "or $1,404.00")).as_deref(), Some("1404.00 USD"));
    // What is no multiple of it says nothing of it.
    assert_eq!(price(&page("39.00", "or $1,410.00")).as_deref(), Some("39.00 USD"));
}
