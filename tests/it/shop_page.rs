//! Pages as tests write them, and what is read from them as text.

use omniprice::extract::Extraction;
use omniprice::extract::locale::Locale;
use omniprice::extract::price::Context;

/// The address of a page whose host says nothing about its country.
pub const SHOP: &str = "https://www.shop.example.com/p/brass-lamp";

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

/// What is known of a price text: the language of its page alone.
pub fn context(locale: &str) -> Context<'static> {
    Context { locale: Locale::parse(locale), ..Context::default() }
}
