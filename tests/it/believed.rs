//! Which source of a page is believed where two of them disagree: markup, the state of scripts, what a person sees.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Extraction, Outcome};

use crate::extract::read;
use crate::shop_page::{self, json_ld, list, price};

fn page(lang: &str, head: &str, body: &str) -> String {
    shop_page::page(lang, "Brass Lamp", head, body)
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
fn no_other_amount_between_title_and_button_overrules_markup() {
    for body in [
        "<p>Lieferung nach Hause: 4,95 €</p>",
        "<p>Versandkostenfrei ab 99 €</p>",
        "<label><input type=checkbox> Garantie 3 Jahre 29,99 €</label>",
        "<h2>Meinungen</h2><p>Im Laden 199,00 € bezahlt</p>",
        "<h3>Passendes Zubehör</h3><div><p>Birne</p><p class=price>5,00 €</p></div>",
        "<p class=price>11,06 €</p><p>im Monat, 24 Monate lang</p>",
        "<p>Gebraucht 199,00 €</p>",
        "<p><b>19,99 €</b> Leselampe aus Messing</p>",
    ] {
        let found = german(body);
        assert_eq!(price(&found).as_deref(), Some("265.49 EUR"), "{body}: {}", found.explanation);
        assert!(found.confidence <= 80, "{body}: {}", found.confidence);
    }
    let meta = r#"<meta property="product:price:amount" content="265.49"><meta property="product:price:currency" content="EUR">"#;
    let body = "<p>Gebraucht 199,00 €</p><button>In den Warenkorb</button>";
    assert_eq!(price(&read(&page("de", meta, body), GERMAN)).as_deref(), Some("265.49 EUR"));
}

#[test]
fn a_place_that_is_a_price_and_nothing_else_speaks_against_markup() {
    let found = german("<p class=price>199,00 €</p>");
    assert_eq!(price(&found).as_deref(), Some("199.00 EUR"), "{}", found.explanation);
    let labelled = german("<p>Preis: 199,00 €</p>");
    assert_eq!(price(&labelled).as_deref(), Some("199.00 EUR"), "{}", labelled.explanation);
    // Nothing calls it the price, and nothing else on the page says what it is.
    let found = german("<p>199,00 €</p>");
    assert_eq!((found.outcome, price(&found)), (Outcome::Ambiguous, None), "{}", found.explanation);
    // The page shows what the markup says, in halves or as the second amount of a text.
    for body in [
        "<p class=price>199,00 €</p><p>265<sup>€49</sup></p>",
        "<p class=price>199,00 €</p><p>Neu, mit Rechnung, 2 Jahre Garantie: 265,49 €</p>",
    ] {
        let found = german(body);
        assert_ne!(price(&found).as_deref(), Some("199.00 EUR"), "{body}: {}", found.explanation);
    }
}

#[test]
fn an_amount_in_front_of_the_title_does_not_overrule_markup() {
    let head = stated("265.49", "EUR");
    let list = "<section class=purchase_info><div class=price_info><div class=price_selling><span class=price_reduced>199,00 €</span></div></div></section>";
    let html = format!(
        "<html lang=de><title>Brass Lamp</title>{head}{list}<h1>Brass Lamp</h1><button>In den Warenkorb</button>"
    );
    let found = read(&html, GERMAN);
    assert_ne!(price(&found).as_deref(), Some("199.00 EUR"), "{}", found.explanation);
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
fn markup_without_tax_is_not_what_people_pay() {
    let found = |body: &str| {
        let body = format!("{body}<button>In den Warenkorb</button>");
        read(&page("de", &stated("100.00", "EUR"), &body), GERMAN)
    };
    let both = found("<p class=price>119,00 €</p><p>100,00 € netto</p>");
    assert_eq!(price(&both).as_deref(), Some("119.00 EUR"), "{}", both.explanation);
    let gross = found("<p class=price>119,00 € mit allem drum und dran</p>");
    assert_eq!(price(&gross), None, "{}", gross.explanation);
}

#[test]
fn a_sale_that_markup_does_not_know_is_told_where_the_page_explains_it() {
    let found = |body: &str| {
        let body = format!("<p>{body}</p><button>In den Warenkorb</button>");
        read(&page("de", &stated("159.00", "EUR"), &body), GERMAN)
    };
    let pair = "<span class=a>159,00 €</span> <span class=b>129,00 €</span>";
    for explained in ["<span>-19%</span>", "<span>Sie sparen 30,00 €</span>"] {
        let sale = found(&format!("{pair} {explained}"));
        assert_eq!((price(&sale).as_deref(), list(&sale).as_deref()), (Some("129.00 EUR"), Some("159.00 EUR")));
    }
    let bare = found(pair);
    assert_eq!((bare.outcome, price(&bare)), (Outcome::Ambiguous, None), "{}", bare.explanation);
    let worded = found("<span class=a>159,00 €</span> <span class=b>129,00 € mit Code LAMPE</span>");
    assert_eq!(price(&worded).as_deref(), Some("159.00 EUR"), "{}", worded.explanation);
    let known =
        read(&page("de", &stated("129.00", "EUR"), &format!("<p>{pair}</p><button>In den Warenkorb</button>")), GERMAN);
    assert_eq!(price(&known).as_deref(), Some("129.00 EUR"), "{}", known.explanation);
}

#[test]
fn an_instalment_or_the_smallest_size_in_markup_is_not_the_price() {
    for (amount, body) in [
        ("24.96", "<p class=price>599,00 €</p><p>oder 24,96 €/Monat</p>"),
        ("99.00", "<p>ab 99,00 €</p><p class=price>129,00 €</p>"),
        ("99.00", "<ul><li>50 ml 99,00 €</li><li>100 ml 129,00 €</li></ul><p class=price>129,00 €</p>"),
    ] {
        let body = format!("{body}<button>In den Warenkorb</button>");
        let found = read(&page("de", &stated(amount, "EUR"), &body), GERMAN);
        assert_eq!(price(&found), None, "{body}: {}", found.explanation);
    }
}

#[test]
fn of_a_range_the_page_sells_at_the_price_it_shows() {
    let head = json_ld(r#"{"@type":"AggregateOffer","lowPrice":"89.00","highPrice":"149.00","priceCurrency":"EUR"}"#);
    let found = |body: &str| read(&page("de", &head, &format!("{body}<button>In den Warenkorb</button>")), GERMAN);
    assert_eq!(price(&found("<p class=price>99,00 €</p>")).as_deref(), Some("99.00 EUR"));
    assert_eq!(price(&found("<p class=price>ab 89,00 €</p>")).as_deref(), Some("89.00 EUR"));
    assert_eq!(price(&found("<p>Gebraucht 99,00 €</p>")).as_deref(), Some("89.00 EUR"));
}

#[test]
fn markup_in_another_money_than_the_page_is_refused() {
    let found = |body: &str| read(&page("en-IE", &stated("49.00", "USD"), body), "https://shop.example.com/p/lamp");
    let euros = found("<p class=price>€45.00</p><button>Add to cart</button>");
    assert_eq!((euros.outcome, price(&euros)), (Outcome::Ambiguous, None), "{}", euros.explanation);
    let both = found("<p class=price>€45.00</p><p>49.00 USD in our American shop</p><button>Add to cart</button>");
    assert_eq!(price(&both).as_deref(), Some("49.00 USD"), "{}", both.explanation);
}

#[test]
fn a_list_that_is_marked_up_as_one_product_is_a_list() {
    let head = json_ld(r#"{"@type":"AggregateOffer","lowPrice":"19.00","highPrice":"59.00","priceCurrency":"GBP"}"#);
    let tile = |n: usize| format!("<div class=t><a href=/p/{n}><img src=x>Lamp number {n}</a><b>£{n}9.00</b></div>");
    let tiles: String = (1..6).map(tile).collect();
    let found = read(&page("en-GB", &head, &tiles), "https://shop.example.co.uk/c/lamps");
    assert_eq!((found.outcome, price(&found)), (Outcome::Category, None), "{}", found.explanation);
    let own = format!("<p class=price>£19.00</p><button>Add to basket</button><h2>More</h2>{tiles}");
    assert_eq!(price(&read(&page("en-GB", &head, &own), BRITISH)).as_deref(), Some("19.00 GBP"));
}

#[test]
fn what_scripts_know_beats_an_amount_that_says_it_is_something_else() {
    for (lang, url, head, body, wanted) in [
        ("de", GERMAN, event("265.49", "EUR"), "<p>Gratis Versand über 99 €</p>", "265.49 EUR"),
        (
            "en-GB",
            BRITISH,
            event("72.95", "GBP"),
            "<p>£72.95</p><div class=buybox><p>Used - Good: <b>£51.06</b></p></div>",
            "72.95 GBP",
        ),
        ("fr", "https://boutique.example.fr/p", event("128.49", "EUR"), "<p>128<sup>€49</sup></p>", "128.49 EUR"),
        (
            "fi",
            "https://kauppa.example.fi/p",
            event("265.49", "EUR"),
            "<p>Ilmainen toimitus yli 99 €</p><div class=c1>265,49</div>",
            "265.49 EUR",
        ),
    ] {
        let body = format!("{body}<button class=add-to-cart>x</button>");
        let found = read(&page(lang, &head, &body), url);
        assert_eq!(price(&found).as_deref(), Some(wanted), "{body}: {}", found.explanation);
    }
    let body = "<p class=price>199,00 €</p><button>In den Warenkorb</button>";
    let named = read(&page("de", &event("265.49", "EUR"), body), GERMAN);
    assert_eq!(price(&named).as_deref(), Some("199.00 EUR"), "a place named as the price outlives a stale state");
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
