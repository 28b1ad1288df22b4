//! What must hold for any input. The fuzz targets and the plain test over the corpus both call these.

use omniprice::extract::price::{self, Context};
use omniprice::extract::scraper::Site;
use omniprice::extract::{Hints, Page, extract, json};

/// Bytes of one input that are used; longer ones only slow a fuzzer down.
const MAX_INPUT: usize = 256 * 1024;

/// Reading a price text never panics, and a reading's own number is finite and repeatable.
pub fn price_text(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(MAX_INPUT)]);
    let first = price::read(&text, &Context::default());
    assert_eq!(first, price::read(&text, &Context::default()), "the same text gives the same reading");
    if let Ok(reading) = first {
        // An amount that a currency can hold survives being printed and read again.
        if let Ok(money) = reading.money(None) {
            let printed = format!("{} {}", money.amount(), money.currency().code());
            // `3.000 OMR` alone may be three thousand; whoever knows the mark reads what was printed.
            let known = Context { decimal_mark: Some('.'), ..Context::default() };
            assert_eq!(price::money(&printed, &known).ok(), Some(money), "{printed}");
        }
    }
}

/// The JSON reader never panics and its offsets stay inside the text.
pub fn structured(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(MAX_INPUT)]);
    for value in json::values(&text, 0) {
        if let Some((_, at)) = value.scalar() {
            assert!(at <= text.len());
        }
    }
    html(format!("<title>x</title><h1>x</h1><script type=application/ld+json>{text}</script>").as_bytes());
}

/// A page never panics, and a price comes with evidence inside the body.
pub fn html(data: &[u8]) {
    let body = &data[..data.len().min(MAX_INPUT)];
    let page = Page {
        body,
        content_type: None,
        url: "https://shop.example/p/1",
        final_url: "https://shop.example/p/1",
        status: 200,
    };
    let found = extract(&page, None, &Hints::default());
    if found.outcome.is_price() {
        let offer = found.offer.expect("a priced outcome has an offer");
        assert!(offer.price.is_some_and(|p| p.is_positive()));
        let evidence = offer.evidence.expect("a price has evidence");
        assert!(evidence.raw.chars().count() <= 200 && !evidence.raw.chars().any(char::is_control));
        assert!(evidence.offset.is_none_or(|at| at <= body.len()));
    } else {
        assert!(found.offer.is_none_or(|o| o.price.is_none()));
    }
}

/// A site file is refused or understood; an understood one runs on any page.
pub fn site_file(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(MAX_INPUT)]);
    match Site::parse("fuzz.toml", &text) {
        Ok(site) => {
            let url = "https://shop.example/p?v=1";
            let body = b"<h1>x</h1><p class=price>1,00 kr</p><script id=s>{\"price\":1}</script>";
            let page = Page { body, content_type: None, url, final_url: url, status: 200 };
            let _ = extract(&page, Some(&site), &Hints::default());
        }
        Err(errors) => assert!(errors.iter().all(|e| !e.problem.is_empty() && !e.hint.is_empty())),
    }
}
