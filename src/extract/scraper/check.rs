//! Runs the `[[example]]` blocks of site files: a file without working examples is a promise nobody checked.
//!
//! Reads page files from disk; everything else is the code path of `extract`.

use std::path::{Path, PathBuf};

use super::{Example, Site};
use crate::extract::{Extraction, Hints, Page, extract};

/// One difference between an example and what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub url: String,
    pub field: String,
    pub expected: String,
    pub found: String,
}

/// Runs every example of a site; page files are looked up in `pages`.
///
/// # Errors
/// A sentence when a page file cannot be read.
pub fn run(site: &Site, pages: &Path) -> Result<Vec<Difference>, String> {
    let mut differences = Vec::new();
    for example in site.examples() {
        let body = body(example, pages)?;
        let page = Page { body: &body, content_type: None, url: &example.url, final_url: &example.url, status: 200 };
        let found = extract(&page, Some(site), &Hints::default());
        for (field, expected) in &example.expect {
            let actual = value(&found, field).unwrap_or_default();
            if &actual != expected {
                differences.push(Difference {
                    url: example.url.clone(),
                    field: field.clone(),
                    expected: expected.clone(),
                    found: actual,
                });
            }
        }
    }
    Ok(differences)
}

fn body(example: &Example, pages: &Path) -> Result<Vec<u8>, String> {
    match (&example.html, &example.file) {
        (Some(html), None) => Ok(html.clone().into_bytes()),
        (None, Some(file)) => {
            let path: PathBuf = pages.join(file);
            let from = if pages.as_os_str().is_empty() { Path::new(".") } else { pages };
            std::fs::read(&path)
                .map_err(|e| format!("{}: {e}; hint: paths are relative to {}", path.display(), from.display()))
        }
        _ => Err(format!("example {}: give either `file` or `html`", example.url)),
    }
}

/// A field of an extraction as the text that examples compare.
#[must_use]
pub fn value(found: &Extraction, field: &str) -> Option<String> {
    if field == "outcome" {
        return Some(found.outcome.as_str().to_owned());
    }
    let offer = found.offer.as_ref()?;
    let money = |m: Option<crate::money::Money>| m.map(|m| m.amount().to_string());
    match field {
        "price" => money(offer.price),
        "list_price" => money(offer.list_price),
        "member_price" => money(offer.member_price),
        "shipping" => money(offer.shipping),
        "currency" => offer.currency.map(|c| c.code().to_owned()),
        "availability" => Some(offer.availability.as_str().to_owned()),
        "kind" => Some(offer.kind.as_str().to_owned()),
        "unit_price" => offer.unit_price.as_ref().map(|u| format!("{}/{}", u.amount, u.per)),
        "condition" => offer.condition.clone(),
        "seller" => offer.seller.clone(),
        "valid_until" => offer.valid_until.clone(),
        "title" => offer.title.clone(),
        "brand" => offer.brand.clone(),
        "sku" => offer.sku.clone(),
        "mpn" => offer.mpn.clone(),
        "gtin" => offer.gtin.clone(),
        "image" => offer.image.clone(),
        "variant" => offer.variant.clone(),
        _ => None,
    }
}
