//! Page to offer, with evidence: what a product page of any shop asks for the product, or why that cannot be said.
//!
//! Pure: no I/O, no clock. It refuses rather than guesses, and it never lets a price without evidence through.

pub mod address;
pub mod charset;
pub mod embedded;
pub mod explain;
pub mod gtin;
pub mod harvest;
pub mod items;
pub mod json;
pub mod kind;
pub mod locale;
pub mod meta;
pub mod offer;
pub mod outcome;
pub mod phrases;
pub mod price;
pub mod resolve;
pub mod scan;
pub mod schema;
pub mod scraper;
pub mod text;
pub mod trail;
pub mod tree;
mod unseen;
pub mod visible;

use serde::Serialize;

pub use self::offer::{Availability, Candidate, Evidence, Offer, Source, UnitPrice};
pub use self::outcome::Outcome;
pub use self::price::{PriceKind, TaxView};
use crate::money::Currency;

/// A page as it was received.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Content encoding already removed.
    pub body: &'a [u8],
    /// The HTTP header, if there was one.
    pub content_type: Option<&'a str>,
    /// As requested.
    pub url: &'a str,
    /// After redirects.
    pub final_url: &'a str,
    pub status: u16,
}

/// What the listing and the site's settings know about the page.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    pub currency: Option<Currency>,
    /// BCP 47.
    pub locale: Option<String>,
    pub expected_gtin: Option<String>,
    pub expected_title: Option<String>,
}

/// What was made of a page.
#[derive(Debug, Clone, Serialize)]
pub struct Extraction {
    pub outcome: Outcome,
    /// Present on product pages; its price is present only when `outcome` is a price.
    pub offer: Option<Offer>,
    /// Percent.
    pub confidence: u8,
    /// One or two sentences for a person.
    pub explanation: String,
    /// Every reading of every source, in the order in which they were judged.
    pub candidates: Vec<Candidate>,
    /// The locale that prices were read with.
    pub locale: Option<String>,
    /// Character encoding of the body.
    pub encoding: &'static str,
}

/// Reads a page. The same bytes and hints always give the same answer.
#[must_use]
pub fn extract(page: &Page<'_>, site: Option<&scraper::Site>, hints: &Hints) -> Extraction {
    resolve::run(page, site, hints)
}
