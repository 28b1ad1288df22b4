//! Pages as tests write them, and what is read from them as text.

use omniprice::extract::Extraction;
use omniprice::extract::locale::Locale;
use omniprice::extract::price::Context;

use crate::extract::read;

/// The address of a page whose host says nothing about its country.
pub const SHOP: &str = "https://www.shop.example.com/p/brass-lamp";

/// Buttons that put a product into a cart.
pub const BUY: &str = "<button>Add to cart</button>";
pub const KAUFEN: &str = "<button>In den Warenkorb</button>";

/// A page of a product: its title in the head and above the body.
pub fn page(lang: &str, title: &str, head: &str, body: &str) -> String {
    format!("<html lang={lang}><title>{title} | Shop</title>{head}<h1>{title}</h1>{body}")
}

/// Markup of a brass lamp with these offers.
pub fn json_ld(offers: &str) -> String {
    format!(
        r#"<script type="application/ld+json">{{"@type":"Product","name":"Brass Lamp","offers":{offers}}}</script>"#
    )
}

pub fn price(found: &Extraction) -> Option<String> {
    prices(found).0
}

/// The price before.
pub fn list(found: &Extraction) -> Option<String> {
    prices(found).1
}

/// Price and price before.
pub fn prices(found: &Extraction) -> (Option<String>, Option<String>) {
    let Some(offer) = &found.offer else { return (None, None) };
    (offer.price.map(|money| money.to_string()), offer.list_price.map(|money| money.to_string()))
}

/// Checks the price that a page tells and the price before; `-` for none.
#[track_caller]
pub fn check(page: &str, url: &str, price: &str, list: &str) {
    let found = read(page, url);
    let wanted = [price, list].map(|amount| (amount != "-").then(|| amount.to_owned()));
    assert_eq!(prices(&found), wanted.into(), "{page}\n{}", found.explanation);
}

/// What is known of a price text: the language of its page alone.
pub fn context(locale: &str) -> Context<'static> {
    Context { locale: Locale::parse(locale), ..Context::default() }
}
