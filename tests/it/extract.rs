//! Pages end to end: our own examples, outcomes, hostile shapes, and the shared data where it is at hand.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by panicking")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use omniprice::extract::scraper::Sites;
use omniprice::extract::{Availability, Extraction, Hints, Outcome, Page, extract, gtin};
use serde_json::Value;

use crate::shop_page::price;

pub(crate) fn read(html: &str, url: &str) -> Extraction {
    let page = Page {
        body: html.as_bytes(),
        content_type: Some("text/html; charset=utf-8"),
        url,
        final_url: url,
        status: 200,
    };
    extract(&page, None, &Hints::default())
}

#[test]
fn every_markup_gives_the_same_offer() {
    let name = "Brass Reading Lamp";
    let json_ld = r##"<script type="application/ld+json">{"@context":"https://schema.org","@graph":[{"@type":"Product","name":"Brass Reading Lamp","offers":{"@id":"#o"},},{"@id":"#o","@type":"Offer","price":"1249.50","priceCurrency":"DKK","availability":"InStock"}]} // end</script>"##;
    let microdata = r#"<div itemscope itemtype="http://schema.org/Product"><span itemprop="name">Brass Reading Lamp</span><div itemprop="offers" itemscope itemtype="http://schema.org/Offer"><meta itemprop="price" content="1249.50"><meta itemprop="priceCurrency" content="DKK"><link itemprop="availability" href="http://schema.org/InStock"></div></div>"#;
    let rdfa = r#"<div vocab="http://schema.org/" typeof="Product"><span property="name">Brass Reading Lamp</span><div property="offers" typeof="Offer"><span property="price" content="1249.50">1.249,50</span><span property="priceCurrency" content="DKK">kr</span><link property="availability" href="http://schema.org/InStock"></div></div>"#;
    let meta = r#"<meta property="og:type" content="product"><meta property="og:title" content="Brass Reading Lamp"><meta property="product:price:amount" content="1249,50"><meta property="product:price:currency" content="DKK"><meta property="product:availability" content="in stock">"#;
    let state = r#"<script id="__NEXT_DATA__" type="application/json">{"props":{"product":{"name":"Brass Reading Lamp","price":{"amount":"1249.50","currency":"DKK"},"inStock":true}}}</script>"#;
    let visible = r#"<div class="product-price">1.249,50 kr.</div><button>Læg i kurv</button>"#;
    for (source, markup) in [
        ("json-ld", json_ld),
        ("microdata", microdata),
        ("rdfa", rdfa),
        ("meta", meta),
        ("embedded", state),
        ("visible", visible),
    ] {
        let page =
            format!("<html lang=da><head><title>{name}</title></head><body><h1>{name}</h1>{markup}</body></html>");
        let found = read(&page, "https://shop.dk/p/brass-reading-lamp");
        assert_eq!(price(&found).as_deref(), Some("1249.50 DKK"), "{source}: {}", found.explanation);
        let offer = found.offer.unwrap();
        assert_eq!(offer.availability, Availability::InStock, "{source}");
        let evidence = offer.evidence.unwrap();
        assert_eq!(evidence.source, source);
        let at = evidence.offset.unwrap();
        assert!(page[at..].starts_with(&evidence.raw[..4]) || page[at..].contains("1249"), "{source}: offset {at}");
    }
}

#[test]
fn the_variant_that_the_address_names_is_read() {
    let page = r#"<html lang=en-GB><title>Lamp</title><h1>Lamp</h1><script type="application/ld+json">{"@type":"ProductGroup","name":"Lamp","hasVariant":[
        {"@type":"Product","sku":"R","name":"Lamp red","offers":{"url":"/lamp?c=red","price":10,"priceCurrency":"GBP","availability":"InStock"}},
        {"@type":"Product","sku":"B","name":"Lamp blue","offers":{"url":"/lamp?c=blue","price":12,"priceCurrency":"GBP","availability":"OutOfStock"}}]}</script>"#;
    let blue = read(page, "https://shop.co.uk/lamp?c=blue").offer.unwrap();
    assert_eq!(
        (blue.price.unwrap().to_string().as_str(), blue.sku.as_deref(), blue.availability),
        ("12.00 GBP", Some("B"), Availability::OutOfStock)
    );
    let either = read(page, "https://shop.co.uk/lamp").offer.unwrap();
    assert_eq!((either.kind.as_str(), either.high_price), ("exact", None), "only one variant can be bought");
}

#[test]
fn contradictions_are_refused_and_kept() {
    let page = r#"<html lang=en-US><title>Lamp</title><h1>Lamp</h1><script type="application/ld+json">{"@type":"Product","name":"Lamp","offers":{"price":"19.99","price":"9.99","priceCurrency":"USD"}}</script>"#;
    let found = read(page, "https://shop.us/lamp");
    assert_eq!(found.outcome, Outcome::Ambiguous, "{}", found.explanation);
    assert!(found.candidates.iter().any(|c| !c.open.is_empty()));
    let dearer = r#"<html lang=en-US><title>Oak Lamp</title><div class="product-info"><h1>Oak Lamp</h1><span class="product-price current-price">$24.99</span><button>Add to cart</button></div><script type="application/ld+json">{"@type":"Product","name":"Oak Lamp","offers":{"price":"19.99","priceCurrency":"USD"}}</script>"#;
    assert_eq!(read(dearer, "https://shop.us/lamp").outcome, Outcome::Ambiguous);
}

#[test]
fn a_price_without_a_reason_for_its_decimals_is_ambiguous() {
    let page = |currency: &str| {
        format!(
            r#"<html><title>X</title><h1>Oak Lamp</h1><script type="application/ld+json">{{"@type":"Product","name":"Oak Lamp","offers":{{"price":"1.299","priceCurrency":"{currency}"}}}}</script>"#
        )
    };
    assert_eq!(read(&page("EUR"), "").outcome, Outcome::Ambiguous);
    assert_eq!(price(&read(&page("CLP"), "")).as_deref(), Some("1299 CLP"));
}

#[test]
fn hidden_decoys_carousels_and_thresholds_are_not_the_price() {
    let page = r#"<html lang=en-US><title>Oak Lamp</title><body><p>Free shipping over $50.00</p><main><h1>Oak Lamp</h1>
        <span class="price" style="display: none">$1.00</span><span class="price">$199.00</span><span class="shipping-price">$12.00 shipping</span><span class="save">Save $20.00</span><button>Add to cart</button></main>
        <div class="related carousel"><a href="/a"><img src=a> <span class="price">$19.00</span></a><a href="/b"><img src=b> <span class="price">$29.00</span></a></div>"#;
    let found = read(page, "https://shop.us/oak-lamp");
    assert_eq!(price(&found).as_deref(), Some("199.00 USD"), "{:?}", found.candidates);
}

#[test]
fn outcomes_have_names_of_their_own() {
    let status = |status: u16| {
        let page =
            Page { body: b"<p>x", content_type: None, url: "https://a.dk/p", final_url: "https://a.dk/p", status };
        extract(&page, None, &Hints::default()).outcome
    };
    assert_eq!(
        [status(404), status(410), status(403), status(429), status(451)],
        [Outcome::Gone, Outcome::Gone, Outcome::Blocked, Outcome::Blocked, Outcome::RegionWall]
    );
    for (html, outcome) in [
        ("<title>Just a moment...</title><p>Checking your browser", Outcome::Blocked),
        ("<title>Siden blev ikke fundet</title><h1>404</h1>", Outcome::SoftNotFound),
        ("<title>Log in</title><h1>Log in</h1><input type=password>", Outcome::LoginWall),
        ("<title>Bar</title><h1>Are you over 18?</h1><button>Yes</button>", Outcome::AgeWall),
        ("<title>Shop</title><h1>Choose your country</h1>", Outcome::RegionWall),
        ("<title>Shop</title><p>We value your privacy</p><button>Accept all</button>", Outcome::ConsentWall),
        ("no markup at all", Outcome::ParseFailure),
    ] {
        let found = read(html, "https://shop.dk/p/lamp-1");
        assert_eq!(found.outcome, outcome, "{html}");
        assert!(price(&found).is_none());
    }
    let page = Page {
        body: b"<h1>Welcome</h1>",
        content_type: None,
        url: "https://shop.dk/lamp",
        final_url: "https://shop.dk/",
        status: 200,
    };
    let home = extract(&page, None, &Hints::default()).outcome;
    assert!(matches!(home, Outcome::Home | Outcome::RedirectedElsewhere));
    let lamp = r#"<title>Other</title><h1>Other</h1><script type="application/ld+json">{"@type":"Product","name":"Other","gtin13":"5701234567899","offers":{"price":1,"priceCurrency":"DKK"}}</script>"#;
    let page = Page {
        body: lamp.as_bytes(),
        content_type: None,
        url: "https://shop.dk/lamp",
        final_url: "https://shop.dk/lamp",
        status: 200,
    };
    let hints = Hints { expected_gtin: Some("8717801048538".into()), ..Hints::default() };
    assert_eq!(extract(&page, None, &hints).outcome, Outcome::RedirectedElsewhere);
}

#[test]
fn hostile_pages_cost_bounded_time_and_never_a_price() {
    let big = 5_000_000;
    let shapes = [
        "<div>".repeat(1_000_000),
        "<div class=price><span>1".repeat(200_000),
        "\0".repeat(big),
        format!("<script type=\"application/ld+json\">{}", "[{\"offers\":".repeat(400_000)),
        format!("<p {}>", "a=\"1\" ".repeat(500_000)),
        "<a href=\"/x\">$1.00</a>".repeat(150_000),
        "&amp".repeat(big / 4),
        "<!--".repeat(big / 4),
        format!("<h1>{}</h1>", "1.000.".repeat(500_000)),
    ];
    for shape in shapes {
        let start = Instant::now();
        let found = read(&shape, "https://shop.dk/p/1");
        assert!(
            start.elapsed() < Duration::from_secs(if cfg!(debug_assertions) { 40 } else { 3 }),
            "{:?}",
            &shape[..20]
        );
        assert!(!found.outcome.is_price(), "{:?}", &shape[..20]);
    }
}

#[test]
fn the_answer_is_the_same_every_time() {
    let page = std::fs::read(root().join("tests/pages/otto-de.html")).unwrap();
    let url = "https://www.otto.de/p/nordlys-tischlampe-S0N1/?variationId=V2";
    let page = Page { body: &page, content_type: None, url, final_url: url, status: 200 };
    let first = serde_json::to_string(&extract(&page, None, &Hints::default())).unwrap();
    for _ in 0..20 {
        assert_eq!(serde_json::to_string(&extract(&page, None, &Hints::default())).unwrap(), first);
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the shared data, or `None` with a line that says what is skipped.
fn shared(file: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(file);
    if !path.exists() {
        crate::harness::skip("shared pages", "../shared is not there");
        return None;
    }
    Some(path)
}

fn lines(path: &PathBuf) -> Vec<Value> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

fn same_amount(found: Option<&str>, expected: &Value) -> bool {
    let (Some(found), Some(expected)) = (found, expected.as_str()) else { return false };
    let parse = |text: &str| text.parse::<omniprice::money::Decimal>().unwrap().normalize();
    parse(found) == parse(expected)
}

#[test]
fn real_pages_are_read_right_and_never_wrong() {
    let Some(manifest) = shared("pages/manifest.jsonl") else { return };
    let sites = Sites::embedded().unwrap();
    let (mut right, mut wrong, mut priced, mut quiet, mut silent) = (0, 0, 0, 0, 0);
    for entry in lines(&manifest) {
        let text = |key: &str| entry[key].as_str().unwrap_or("").to_owned();
        if text("kind") == "ambiguous" {
            continue;
        }
        let body = omniprice::cli::extract::read_page(&manifest.with_file_name(text("file"))).unwrap();
        let header = format!("text/html; charset={}", text("charset"));
        let url = text("url");
        let page = Page { body: &body, content_type: Some(&header), url: &url, final_url: &url, status: 200 };
        let site = omniprice::extract::address::host(&url).and_then(|h| sites.for_host(&h).cloned());
        let found = extract(&page, site.as_ref(), &Hints::default());
        let amount = price(&found).map(|p| p.split(' ').next().unwrap().to_owned());
        let expect = &entry["expect"];
        if expect["price"].is_null() {
            silent += 1;
            quiet += usize::from(amount.is_none());
            continue;
        }
        priced += 1;
        let alternatives = expect["price_alt"].as_array().cloned().unwrap_or_default();
        let ok = std::iter::once(&expect["price"]).chain(&alternatives).any(|e| same_amount(amount.as_deref(), e));
        right += usize::from(ok);
        wrong += usize::from(!ok && amount.is_some());
    }
    println!("{right} of {priced} right, {wrong} wrong, {quiet} of {silent} without a price");
    assert!(right * 100 >= priced * 95 && wrong <= 1 && quiet == silent);
}

#[test]
fn gtin_texts_are_classified() {
    let Some(file) = shared("gtin.jsonl") else { return };
    for case in lines(&file) {
        let found = gtin::classify(case["text"].as_str().unwrap());
        let (kind, digits) = found.map_or((None, None), |(k, d)| (Some(k.as_str().to_owned()), Some(d)));
        let wanted = case["expect"].as_str().map(str::to_owned);
        assert!(wanted == kind || wanted == digits, "{case} gave {kind:?} {digits:?}");
    }
}

#[test]
fn markup_cases_give_their_price() {
    // Two are guides that recommend several products, one is a library loan for nothing: no product's price.
    const NO_PRICE: [&str; 3] =
        ["schemaorg/eg-0290.0/jsonld", "schemaorg/eg-0292.0/jsonld", "schemaorg/eg-0395/microdata"];
    let Some(file) = shared("structured/cases.jsonl") else { return };
    let mut failures = HashMap::new();
    for case in lines(&file) {
        let id = case["id"].as_str().unwrap().to_owned();
        if case["expect"].get("price").is_none() {
            continue;
        }
        let amount = price(&read(case["html"].as_str().unwrap(), "")).map(|p| p.split(' ').next().unwrap().to_owned());
        let wanted = &case["expect"]["price"];
        let ok = if wanted.is_null() || NO_PRICE.contains(&id.as_str()) {
            amount.is_none()
        } else {
            same_amount(amount.as_deref(), wanted)
        };
        if !ok {
            failures.insert(id, amount);
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
