//! OpenGraph, product and other meta tags: one candidate per page.
//!
//! Meta tags describe the page they stand on, so they need no choosing, only reading.

use super::gtin;
use super::harvest::{Harvest, Meta};
use super::offer::{Availability, Candidate, Evidence, MAX_FIELD, MAX_TITLE, Offer, Source, field};
use super::price::{self, Context};

const AMOUNTS: [&str; 9] = [
    "product:sale_price:amount",
    "product:price:amount",
    "og:price:amount",
    "og:product:price:amount",
    "product:price",
    "og:price",
    "twitter:data1",
    "price",
    "etsymarketplace:price_value",
];
const CURRENCIES: [&str; 9] = [
    "product:sale_price:currency",
    "product:price:currency",
    "og:price:currency",
    "og:product:price:currency",
    "product:currency",
    "og:currency",
    "currency",
    "pricecurrency",
    "etsymarketplace:currency_code",
];

/// What the meta tags offer; without a price it still may name the product.
#[must_use]
pub fn candidate(harvest: &Harvest<'_>, context: &Context<'_>) -> Option<Candidate> {
    let text = |keys: &[&str], max: usize| harvest.meta(keys).and_then(|m| field(&m.content, max));
    let currency = harvest.meta(&CURRENCIES).and_then(|m| price::currency_of(&m.content, context));
    let context = Context { currency: currency.or(context.currency), ..*context };
    let mut offer = Offer {
        title: text(&["og:title", "twitter:title", "product:title"], MAX_TITLE),
        brand: text(&["product:brand", "og:brand", "brand"], MAX_FIELD),
        sku: text(&["product:retailer_item_id", "product:retailer_part_no", "product:sku", "sku"], MAX_FIELD),
        mpn: text(&["product:mfr_part_no", "product:mpn"], MAX_FIELD),
        gtin: harvest
            .meta(&["product:ean", "product:gtin", "product:upc", "product:isbn", "og:upc", "book:isbn", "gtin13"])
            .and_then(|m| gtin::canonical(&m.content)),
        image: text(&["og:image", "og:image:secure_url", "twitter:image"], 2048),
        canonical_url: text(&["og:url"], 2048),
        condition: harvest
            .meta(&["product:condition", "og:condition"])
            .and_then(|m| super::schema::condition(&m.content)),
        currency,
        ..Offer::default()
    };
    let stock = harvest.meta(&["product:availability", "og:availability", "availability"]);
    let stray = || match harvest.stray_stock.as_slice() {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => *first,
        _ => Availability::Unknown,
    };
    offer.availability = stock.map_or_else(stray, |m| Availability::parse(&m.content));
    let mut candidate = Candidate::new(Source::Meta, Offer::default());
    let amount = AMOUNTS.iter().find_map(|key| harvest.meta(&[key]).filter(|m| plausible(key, m)));
    if let Some(meta) = amount {
        offer.evidence = Some(Evidence::new(Source::Meta, meta.key.clone(), &meta.content, Some(meta.at)));
        match price::machine(&meta.content, &context).and_then(|reading| reading.money(context.currency)) {
            // The sign in the amount and the currency beside it say two different things: neither is believed.
            Ok(money) if currency.is_some_and(|stated| stated != money.currency()) => {
                let raw = super::text::cut(&meta.content, 40);
                candidate.open.push(format!("{} `{raw}` is in another money than stated", meta.key));
            }
            Ok(money) => {
                offer.price = Some(money);
                offer.currency = Some(money.currency());
            }
            Err(refusal) => {
                candidate.open.push(format!("{} `{}`: {refusal}", meta.key, super::text::cut(&meta.content, 40)))
            }
        }
        let original =
            harvest.meta(&["product:original_price:amount", "og:price:standard_amount", "product:price:original"]);
        let original = original.and_then(|m| price::machine(&m.content, &context).ok()?.money(context.currency).ok());
        // Beside the price of a sale stands the one before under the usual key.
        let before = || {
            let usual = harvest.meta(&["product:price:amount"]).filter(|_| meta.key == AMOUNTS[0])?;
            price::machine(&usual.content, &context).ok()?.money(context.currency).ok()
        };
        let original = original.or_else(before);
        offer.list_price = original.filter(|list| offer.price.is_some_and(|p| list.minor() > p.minor()));
    }
    candidate.offer = offer;
    let says_something = candidate.offer != Offer::default();
    says_something.then_some(candidate)
}

/// Whether the page declares itself a product by its OpenGraph type.
#[must_use]
pub fn says_product(harvest: &Harvest<'_>) -> bool {
    harvest.meta(&["og:type"]).is_some_and(|m| {
        let kind = m.content.to_ascii_lowercase();
        let kind = kind.rsplit([':', '.']).next().unwrap_or("");
        matches!(kind, "product" | "product.item" | "item" | "book" | "music.album")
    })
}

/// `twitter:data1` and bare `price` hold anything: they count only when they look like an amount of money.
fn plausible(key: &str, meta: &Meta<'_>) -> bool {
    let trusted = key.contains(':') && key != "twitter:data1";
    trusted || price::read(&meta.content, &Context::default()).is_ok_and(|r| r.mark.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_tags_are_read_with_currency_and_sale() {
        let page = r#"<meta property="og:type" content="og:product"><meta property="product:price:amount" content="$$2.699,00">
            <meta property="product:price:currency" content="USD"><meta name="twitter:data1" content="4 reviews">
            <meta property="product:availability" content="in stock">"#;
        let harvest = Harvest::collect(page);
        let found = candidate(&harvest, &Context::default()).unwrap();
        assert_eq!(found.offer.price.unwrap().to_string(), "2699.00 USD");
        assert_eq!(found.offer.availability, Availability::InStock);
        assert!(says_product(&harvest));
    }
}
