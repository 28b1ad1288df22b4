//! Looks at every source of a page, picks one offer and says why; refuses when sources disagree.

use super::harvest::Harvest;
use super::json;
use super::locale::Locale;
use super::offer::{Candidate, Offer, Source};
use super::outcome::Outcome;
use super::price::Context;
use super::schema::{self, Surroundings};
use super::{Extraction, Hints, Page, charset, meta, scraper};

pub(super) fn run(page: &Page<'_>, site: Option<&scraper::Site>, hints: &Hints) -> Extraction {
    let decoded = charset::decode(page.body, page.content_type);
    let harvest = Harvest::collect(&decoded.text);
    let locale = hints.locale.as_deref().and_then(Locale::parse).or_else(|| site.and_then(scraper::Site::locale));
    let context = Context { locale, currency: hints.currency.or_else(|| site.and_then(scraper::Site::currency)), ..Context::default() };
    let roots: Vec<_> = harvest.json_ld.iter().flat_map(|s| json::values(s.text, s.at)).collect();
    let around = Surroundings { context, url: page.final_url, source: Source::JsonLd };
    let mut products = schema::products(&roots, &around);
    products.extend(schema::products(&harvest.microdata, &Surroundings { source: Source::Microdata, ..around }));
    products.extend(schema::products(&harvest.rdfa, &Surroundings { source: Source::Rdfa, ..around }));
    let mut candidates: Vec<Candidate> = products.into_iter().filter(|p| !p.related).map(|p| p.candidate).collect();
    candidates.extend(meta::candidate(&harvest, &context));
    let offer: Option<Offer> = candidates.iter().find(|c| c.offer.price.is_some()).map(|c| c.offer.clone());
    let outcome = if offer.is_some() { Outcome::Product } else { Outcome::NoPrice };
    Extraction {
        outcome,
        offer,
        confidence: 50,
        explanation: String::new(),
        candidates,
        locale: locale.map(|l| l.to_string()),
        encoding: decoded.encoding(),
    }
}
