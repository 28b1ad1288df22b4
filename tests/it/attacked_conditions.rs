//! What a price is bound to: a card, a number of pieces, that the thing can be bought at all, the money it is in, all the
//! digits that it is drawn with.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says what is wrong by panicking")]

use omniprice::extract::{Availability, Extraction, Outcome};

use crate::extract::read;
use crate::shop_page::{self, BUY, KAUFEN, SHOP, json_ld, page, price};

fn lamp(lang: &str, head: &str, body: &str) -> Extraction {
    read(&page(lang, "Brass Lamp", head, body), SHOP)
}

/// Checks a page of a lamp: what stands behind its heading, the price told and the list price told.
#[track_caller]
fn check(lang: &str, head: &str, body: &str, price: &str, list: &str) {
    shop_page::check(&page(lang, "Brass Lamp", head, body), SHOP, price, list);
}

fn spans(parts: &[&str]) -> String {
    let parts: String = parts.iter().map(|part| format!("<span>{part}</span>")).collect();
    format!("<div>{parts}</div>")
}

#[test]
fn what_members_pay_is_not_the_price_wherever_its_label_stands() {
    for (lang, low, member, high, others, button, price, club) in [
        ("da", "49,95 kr", "med Coop-kort", "64,95 kr", "uden kort", "Læg i kurv", "64.95 DKK", "49.95 DKK"),
        ("en-GB", "£39.00", "with Clubcard", "£49.00", "without", "Add to cart", "49.00 GBP", "39.00 GBP"),
        ("de", "39,95 €", "mit Kundenkarte", "49,95 €", "ohne Kundenkarte", "Kaufen", "49.95 EUR", "39.95 EUR"),
        ("sv", "39,95 kr", "medlemspris", "49,95 kr", "ordinarie pris", "Köp", "49.95 SEK", "39.95 SEK"),
        ("pl", "39,95 zł", "z kartą", "49,95 zł", "bez karty", "Do koszyka", "49.95 PLN", "39.95 PLN"),
        ("fr", "39,95 €", "avec la carte", "49,95 €", "sans la carte", "Acheter", "49.95 EUR", "39.95 EUR"),
        ("nl", "39,95 €", "met bonuskaart", "49,95 €", "zonder bonuskaart", "Bestellen", "49.95 EUR", "39.95 EUR"),
        ("en-GB", "£39.00", "with Nectar", "£49.00", "without Nectar", "Add to cart", "49.00 GBP", "39.00 GBP"),
    ] {
        let button = format!("<button>{button}</button>");
        for body in [
            spans(&[low, member, high, others]),
            spans(&[high, others, low, member]),
            spans(&[member, low, others, high]),
            format!("{}{}", spans(&[low, member]), spans(&[high, others])),
            format!("{}{}", spans(&[member, low]), spans(&[others, high])),
            format!("<div><p>{low} {member}</p><p>{high} {others}</p></div>"),
        ] {
            let found = lamp(lang, "", &format!("{body}{button}"));
            assert_eq!(shop_page::price(&found).as_deref(), Some(price), "{body}: {}", found.explanation);
            let told = found.offer.unwrap().member_price.map(|money| money.to_string());
            assert_eq!(told.as_deref(), Some(club), "{body}");
        }
    }
}

#[test]
fn a_price_that_only_members_pay_is_none_whatever_markup_says() {
    let both = spans(&["£39.00", "with Clubcard", "£49.00", "without"]);
    let stated = |amount: &str| json_ld(&format!(r#"{{"price":"{amount}","priceCurrency":"GBP"}}"#));
    assert_eq!(lamp("en-GB", &stated("39.00"), &format!("{both}{BUY}")).outcome, Outcome::Ambiguous);
    check("en-GB", &stated("49.00"), &format!("{both}{BUY}"), "49.00 GBP", "-");
    check("en-GB", "", &format!("{}{BUY}", spans(&["£39.00", "with Clubcard"])), "-", "-");
    // The dearer one is called the members': nobody can tell.
    check("en-GB", "", &format!("{}{BUY}", spans(&["£49.00", "with Clubcard", "£39.00", "without"])), "-", "-");
}

#[test]
fn what_is_with_tax_or_with_a_thing_is_not_for_members() {
    check("cs", "", "<div>200 Kč bez DPH</div><div>242 Kč s DPH</div><button>Do košíku</button>", "242.00 CZK", "-");
    for (one, other) in [("with charger", "without charger"), ("with memory card", "without memory card")] {
        let body = spans(&["£49.00", one, "£39.00", other]);
        let found = lamp("en-GB", "", &format!("{body}{BUY}"));
        let member = found.offer.and_then(|offer| offer.member_price);
        assert_eq!(member, None, "{body}");
    }
    check("en-GB", "", &format!("<div><b>£49.00</b> <span>with free delivery</span></div>{BUY}"), "49.00 GBP", "-");
}

const SOLD: [(&str, &str, &str, &str); 8] = [
    ("en-GB", "GBP", "£49.00", "Sold out"),
    ("da", "DKK", "49,00 kr.", "Udsolgt"),
    ("de", "EUR", "49,00 €", "Leider ausverkauft"),
    ("sv", "SEK", "49,00 kr", "SLUTSÅLD"),
    ("pl", "PLN", "49,00 zł", "Wyprzedane"),
    ("fr", "EUR", "49,00 €", "Épuisé"),
    ("es", "EUR", "49,00 €", "Agotado"),
    ("fi", "EUR", "49,00 €", "Loppuunmyyty"),
];

/// Whether a page whose markup says that all is there can be bought from; once with markup that leaves nothing open.
#[track_caller]
fn check_stock(lang: &str, currency: &str, body: &str, wanted: Availability) {
    let offer = format!(r#"{{"price":"49.00","priceCurrency":"{currency}","availability":"InStock"}}"#);
    let stated = json_ld(&offer);
    for head in [stated.replace(r#""name""#, r#""sku":"L1","brand":"Acme","name""#), stated] {
        let found = lamp(lang, &head, body);
        let offer = found.offer.unwrap();
        assert!(offer.price.is_some(), "{body}: {}", found.explanation);
        assert_eq!(offer.availability, wanted, "{body}");
    }
}

#[test]
fn a_buyer_who_sees_that_it_is_sold_out_cannot_buy_it() {
    for (lang, currency, price, sold) in SOLD {
        for body in [
            format!("<div class=price>{price}</div><button disabled>{sold}</button>"),
            format!("<div class=price>{price}</div><button><span>{sold}</span></button>"),
            format!("<div class=price>{price}</div><input type=submit value='{sold}'>"),
            format!("<div class=price>{price} <span class=badge>{sold}</span></div>"),
            format!("<div><span class=badge>{sold}</span> <b>{price}</b></div>"),
            format!("<span class=badge>{sold}</span><div class=tools>Share</div><div class=price>{price}</div>"),
        ] {
            check_stock(lang, currency, &body, Availability::OutOfStock);
        }
    }
}

#[test]
fn a_button_that_promises_a_message_leaves_it_open() {
    for (lang, currency, price, notify) in [
        ("en-GB", "GBP", "£49.00", "Notify me when available"),
        ("de", "EUR", "49,00 €", "Benachrichtigen, wenn verfügbar"),
        ("pl", "PLN", "49,00 zł", "Powiadom o dostępności"),
        ("da", "DKK", "49,00 kr.", "Giv mig besked, når varen er på lager"),
        ("fr", "EUR", "49,00 €", "Prévenez-moi"),
    ] {
        let body = format!("<div class=price>{price}</div><button>{notify}</button>");
        check_stock(lang, currency, &body, Availability::Unknown);
    }
}

#[test]
fn what_is_sold_out_beside_a_product_leaves_it_in_stock() {
    for (lang, currency, price, sold) in SOLD {
        let price = format!("<div class=price>{price}</div>");
        for body in [
            // A size, a colour.
            format!("{price}<ul><li>S</li><li>M <span>{sold}</span></li><li>L</li></ul>"),
            format!("{price}<label>M <span>{sold}</span></label><label>L</label>"),
            format!("{price}<div class=size-picker><button>S</button><button>{sold}</button></div>"),
            format!("{price}<div><button>M <i>{sold}</i></button><button>L</button></div>"),
            format!("{price}<select><option>M - {sold}</option><option>L</option></select>"),
            // Another product.
            format!("{price}<div><a href=/p/steel><img src=x>Steel Lamp</a> <button>{sold}</button></div>"),
            format!("{price}<h2>More</h2><div><b>Steel Lamp</b> <button>{sold}</button></div>"),
            format!("{price}<h2>More</h2><div><b>59,00 €</b> <span>{sold}</span></div>"),
            // Not shown, or shown by a template wherever it is not hidden.
            format!("{price}<button style='display:none'>{sold}</button>"),
            format!("{price}<div class=price><b>49</b> <span class='badge price__badge-sold-out'>{sold}</span></div>"),
            // Words of a longer text.
            format!("{price}<p>Never again: {sold}, and more</p>"),
        ] {
            check_stock(lang, currency, &body, Availability::InStock);
        }
    }
    let works = format!("<div class=price>£49.00</div><p>Steel Lamp</p><span>Sold out</span>{BUY}");
    check_stock("en-GB", "GBP", &works, Availability::InStock);
}

#[test]
fn digits_in_elements_that_touch_are_one_number() {
    for (shown, price) in [
        ("£<i>4</i><i>5</i>", "45.00 GBP"),
        ("£<i>4</i><i>5</i><i>9</i>", "459.00 GBP"),
        ("<i>4</i><i>5</i> £", "45.00 GBP"),
        ("<b>£</b><i>4</i><i>5</i>", "45.00 GBP"),
        // Cents, a group of thousands, a footnote.
        ("£<i>4</i><i>59</i>", "4.59 GBP"),
        ("£<i>1</i><i>299</i>", "1299.00 GBP"),
        ("£<i>4</i><sup>1</sup>", "4.00 GBP"),
        ("£<i>45</i><sup>2</sup>", "45.00 GBP"),
        // Nobody can tell where it has its mark.
        ("£<i>45</i><i>9</i>", "-"),
        ("£<i>4</i><i>5</i><i>99</i>", "-"),
    ] {
        check("en-GB", "", &format!("<div class=price>{shown}</div>{BUY}"), price, "-");
        check("en-GB", "", &format!("<div>{shown}</div>{BUY}"), price, "-");
    }
}

#[test]
fn a_stated_price_beside_the_code_of_another_money_is_not_confirmed() {
    let stated = json_ld(r#"{"price":"49.00","priceCurrency":"USD","availability":"InStock"}"#);
    for head in [stated.replace(r#""name""#, r#""sku":"L1","brand":"Acme","name""#), stated] {
        for money in ["CAD", "AUD", "(NZD)", "HK$"] {
            for body in [
                format!("<div class=price>$49.00 <small>{money}</small></div>"),
                format!("<div><span>$49.00</span><span>{money}</span></div>"),
                format!("<div><span>{money}</span> <span>$49.00</span></div>"),
            ] {
                let found = lamp("en", &head, &format!("{body}{BUY}"));
                assert_eq!(price(&found), None, "{body}: {}", found.explanation);
            }
        }
        for body in
            ["<div class=price>$49.00 <small>USD</small></div>", "<div class=price>$49.00 <small>NEW</small></div>"]
        {
            check("en", &head, &format!("{body}{BUY}"), "49.00 USD", "-");
        }
    }
}

#[test]
fn of_a_ladder_the_rung_for_one_piece_is_the_price() {
    for (lang, one, ten, price) in [
        ("de", "ab 1", "ab 10", "5.49 EUR"),
        ("de", "ab 1 Stück", "ab 10 Stück", "5.49 EUR"),
        ("fr", "à partir de 1", "à partir de 10", "5.49 EUR"),
        ("en-IE", "1+", "10+", "5.49 EUR"),
    ] {
        let row = |count: &str, cost: &str| format!("<tr><td>{count}</td><td>{cost} €</td></tr>");
        let line = |count: &str, cost: &str| format!("<li>{count}  {cost} €</li>");
        let dear = if lang == "en-IE" { "5.49" } else { "5,49" };
        let cheap = dear.replace("5", "4");
        for rungs in [
            format!("<table>{}{}</table>", row(one, dear), row(ten, &cheap)),
            format!("<ul>{}{}</ul>", line(one, dear), line(ten, &cheap)),
        ] {
            check(lang, "", &format!("{rungs}{KAUFEN}{BUY}"), price, "-");
        }
    }
}

#[test]
fn the_name_of_a_product_may_stand_behind_the_shop() {
    let title_of = |title: &str, head: &str, heading: &str| {
        let heading = if heading.is_empty() { String::new() } else { format!("<h1>{heading}</h1>") };
        let page = format!("<html lang=en-GB><title>{title}</title>{head}{heading}<div class=price>£49.00</div>{BUY}");
        read(&page, SHOP).offer.unwrap().title.unwrap()
    };
    let named = json_ld(r#"{"price":"49.00","priceCurrency":"GBP"}"#);
    let with_shop = named.replace("Brass Lamp", "Acme | Brass Lamp");
    for (title, head, heading) in [
        // The address and the page itself name the shop.
        ("Shop | Brass Lamp", "", "Shop | Brass Lamp"),
        ("Shop | Brass Lamp", "", ""),
        ("Acme | Brass Lamp", "<meta property=og:site_name content=Acme>", "Acme | Brass Lamp"),
        // Heading or markup say which side it is.
        ("Acme | Brass Lamp", &named, "Acme | Brass Lamp"),
        ("Acme | Brass Lamp", &with_shop, "Brass Lamp"),
        ("Acme | Brass Lamp", &named, ""),
        ("Brass Lamp | Acme", &named, "Brass Lamp"),
    ] {
        assert_eq!(title_of(title, head, heading), "Brass Lamp", "{title} {head} {heading}");
    }
    assert_eq!(title_of("Acme | Brass Lamp", "", "Acme | Brass Lamp"), "Acme | Brass Lamp");
}
