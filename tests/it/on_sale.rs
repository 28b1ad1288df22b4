//! What words, buttons and labels around a title say of the product: whether it can be had, and under which code.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Availability, Outcome};

use crate::extract::read;

#[test]
fn the_button_of_an_alternative_does_not_put_a_product_into_stock() {
    let sold_out = |own: &str, words: &str| {
        let html = format!(
            "<html lang=de><title>Lampe Nord</title><h1>Lampe Nord</h1><div class=product-price>129,50 €</div><div>{words}</div>{own}<h2>Alternativen</h2><div><a href=/p/2>Andere</a><span>99,50 €</span><button>In den Warenkorb</button></div>"
        );
        let found = read(&html, "https://laden.example.de/p/lampe");
        let offer = found.offer.unwrap();
        (offer.price.map(|p| p.to_string()), offer.availability)
    };
    let price = Some("129.50 EUR".to_owned());
    for own in ["<button disabled>In den Warenkorb</button>", "<button>Benachrichtigen</button>"] {
        assert_eq!(sold_out(own, "Ausverkauft"), (price.clone(), Availability::OutOfStock), "{own}");
    }
    // One size is sold out: the product's own button decides, also behind a heading of its own.
    for own in ["<button>In den Warenkorb</button>", "<h3>Bestellen</h3><div><button>In den Warenkorb</button></div>"] {
        assert_eq!(sold_out(own, "Größe M: ausverkauft").1, Availability::InStock, "{own}");
    }
}

#[test]
fn a_labelled_code_outranks_the_number_in_the_address() {
    for (label, sku) in [
        ("Art.-Nr. 425062", "425062"),
        ("Artikelnummer 425062", "425062"),
        // What numbers something else.
        ("Code 425062", "64785"),
    ] {
        let html = format!(
            "<html lang=de><title>Lampe Nord</title><h1>Lampe Nord</h1><p>{label}</p><p>19,99 €</p><button>In den Warenkorb</button>"
        );
        let found = read(&html, "https://laden.example.de/p/lampe-nord-64785");
        assert_eq!(found.offer.unwrap().sku.as_deref(), Some(sku), "{label}");
    }
}

#[test]
fn a_button_that_orders_in_advance_says_so() {
    for (lang, button, price) in [
        ("pl", "Zamów przedpremierowo", "129,50 zł"),
        ("el", "Προπαραγγελία", "129,50 €"),
        ("pt", "Pré-encomendar", "129,50 €"),
        ("sv", "Förboka", "129,50 kr"),
        ("zh-TW", "預約", "NT$1,295"),
    ] {
        let html = format!(
            "<html lang={lang}><title>GSR 12V</title><h1>GSR 12V</h1><p class=product-price><strong>{price}</strong></p><button>{button}</button>"
        );
        let found = read(&html, "https://shop.example.com/p/gsr");
        assert_eq!(found.outcome, Outcome::Product, "{lang}");
        assert_eq!(found.offer.unwrap().availability, Availability::PreOrder, "{lang}");
    }
}
