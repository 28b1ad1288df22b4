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
fn the_address_says_which_dollar_a_template_in_american_english_means() {
    for (lang, url, text, wanted) in [
        ("en-US", "https://shop.example.com.au/p/lamp", "$399.00", Some("399.00 AUD")),
        ("en-US", "https://shop.example.ca/p/lamp", "$399.00", Some("399.00 CAD")),
        ("en-US", "https://shop.example.co.uk/p/lamp", "£1,299", Some("1299.00 GBP")),
        ("en-US", "https://shop.example.se/p/lamp", "1 299 kr", Some("1299.00 SEK")),
        ("es-ES", "https://tienda.example.com.mx/p/lampara", "$399.00", Some("399.00 MXN")),
        ("es-ES", "https://tienda.example.cl/p/lampara", "$12.990", Some("12990 CLP")),
        ("en", "https://au.example.com/p/lamp", "$399.00", Some("399.00 AUD")),
        ("en", "https://www.example.com/ca/en/p/lamp", "$399.00", Some("399.00 CAD")),
        ("en", "https://www.example.com/se/p/lamp", "1 299 kr", Some("1299.00 SEK")),
        ("en", "https://www.example.co/p/lamp", "$1,299", Some("1299.00 USD")),
        ("es", "https://www.example.co/p/lampara", "$129.900", Some("129900.00 COP")),
        // What the page itself says stays where the address names no country, or another language's.
        ("en-US", "https://www.example.com/p/lamp", "$399.00", Some("399.00 USD")),
        ("da-DK", "https://www.example.se/dk/p/lampe", "1.299 kr", Some("1299.00 DKK")),
        ("de-CH", "https://www.example.de/ch/p/lampe", "<b class=price>399.00</b>", Some("399.00 CHF")),
        ("ca", "https://www.example.com/ca/p/llum", "399,00 €", Some("399.00 EUR")),
    ] {
        let body = format!("<div class=price>{text}</div><button class=add-to-cart>x</button>");
        let found = read(&page(lang, "", &body), url);
        assert_eq!(price(&found).as_deref(), wanted, "{lang} {url} {text}: {}", found.explanation);
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

#[test]
fn a_tile_is_a_tile_whatever_shape_its_price_has() {
    let tile = |n: usize, name: &str, price: &str| {
        format!("<div class=tile><a href=/p/{n}><img src=x>{name}</a>{price}<button>Add to basket</button></div>")
    };
    let plain = |n: usize| tile(n, &format!("Steel chair mark {n}b"), &format!("<span>£{n}1.00</span>"));
    let tiles: String = (3..6).map(plain).collect();
    let odd = tile(9, "Oak table", "<b><i>£403.00</i></b>");
    let body = format!("<p>Nothing here</p>{tiles}{odd}");
    let found = read(&page("en-GB", "", &body), "https://shop.example.co.uk/gone");
    assert_eq!(price(&found), None, "{}", found.explanation);
}

#[test]
fn a_list_of_one_is_no_product() {
    let body = "<p>1 result</p><div class=x9a><a href=/p/96858><img src=a.jpg>HP LaserJet M110w</a><b>$880.99</b><button>Add to Cart</button></div>";
    let html = format!("<html lang=en-US><title>Lamps | Shop</title><h1>Lamps</h1>{body}");
    let found = read(&html, "https://shop.example.com/collections/lamps");
    assert_eq!(price(&found), None, "{}", found.explanation);
    // A brand's picture in the box of the price names the product's own brand.
    let body =
        "<div><a href=/brands/brass><img src=b.jpg>Brass Works</a><b>$880.99</b><button>Add to Cart</button></div>";
    let found = read(&page("en-US", "", body), "https://shop.example.com/p/brass-lamp");
    assert_eq!(price(&found).as_deref(), Some("880.99 USD"), "{}", found.explanation);
}
