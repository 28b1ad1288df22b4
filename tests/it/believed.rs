//! Which source of a page is believed where two of them disagree: markup, the state of scripts, what a person sees.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Extraction, Outcome};

use crate::extract::read;

fn price(found: &Extraction) -> Option<String> {
    found.offer.as_ref().and_then(|o| o.price).map(|p| p.to_string())
}

fn list(found: &Extraction) -> Option<String> {
    found.offer.as_ref().and_then(|o| o.list_price).map(|p| p.to_string())
}

fn page(lang: &str, head: &str, body: &str) -> String {
    format!("<html lang={lang}><title>Brass Lamp | Shop</title>{head}<h1>Brass Lamp</h1>{body}")
}

fn json_ld(offers: &str) -> String {
    format!(
        r#"<script type="application/ld+json">{{"@type":"Product","name":"Brass Lamp","offers":{offers}}}</script>"#
    )
}

fn stated(amount: &str, currency: &str) -> String {
    json_ld(&format!(r#"{{"price":"{amount}","priceCurrency":"{currency}"}}"#))
}

fn event(amount: &str, currency: &str) -> String {
    format!(
        r#"<script>dataLayer.push({{"event":"view_item","ecommerce":{{"currency":"{currency}","value":{amount},"items":[{{"item_id":"q1","item_name":"Brass Lamp","price":{amount}}}]}}}});</script>"#
    )
}

const GERMAN: &str = "https://laden.example.de/p/lampe";
const BRITISH: &str = "https://shop.example.co.uk/p/lamp";

/// What a German page with markup of 265.49 tells.
fn german(body: &str) -> Extraction {
    read(&page("de", &stated("265.49", "EUR"), &format!("{body}<button>In den Warenkorb</button>")), GERMAN)
}

#[test]
fn of_two_amounts_in_one_text_people_pay_the_one_with_tax() {
    for (lang, url, text, wanted) in [
        ("de", GERMAN, "100,00 € (inkl. MwSt. 119,00 €)", "119.00 EUR"),
        ("en-GB", BRITISH, "£100.00 (£120.00 inc VAT)", "120.00 GBP"),
        ("pl", "https://sklep.example.pl/p/lampa", "100,00 zł netto / 123,00 zł brutto", "123.00 PLN"),
        ("ja", "https://mise.example.co.jp/p/lamp", "34,463円 (税込 37,910円)", "37910 JPY"),
        ("cs", "https://obchod.example.cz/p/lampa", "1 000 Kč (1 210 Kč s DPH)", "1210.00 CZK"),
        // A set costs more as well, and nothing there speaks of tax.
        ("en-GB", BRITISH, "£100.00 (£120.00 with bulb)", "100.00 GBP"),
        ("en-GB", BRITISH, "£120.00 inc VAT (£100.00 ex VAT)", "120.00 GBP"),
    ] {
        let body = format!("<p>{text}</p><button class=add-to-cart>x</button>");
        let found = read(&page(lang, "", &body), url);
        assert_eq!(price(&found).as_deref(), Some(wanted), "{text}: {}", found.explanation);
    }
}

#[test]
fn labels_behind_two_amounts_belong_to_the_amount_in_front_of_them() {
    let hidden = |words: &str| format!("<span class=visually-hidden>{words}</span>");
    let body = format!(
        "<div><span>£129.00</span>{} <span>£159.00</span>{}</div><button>Add to basket</button>",
        hidden("current price"),
        hidden("previous price")
    );
    assert_eq!(price(&read(&page("en-GB", "", &body), BRITISH)).as_deref(), Some("129.00 GBP"));
    let ahead = format!(
        "<div>{}<span>£159.00</span>{}<span>£129.00</span></div><button>Add to basket</button>",
        hidden("previous price"),
        hidden("current price")
    );
    assert_eq!(price(&read(&page("en-GB", "", &ahead), BRITISH)).as_deref(), Some("129.00 GBP"));
}

