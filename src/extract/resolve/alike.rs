//! Products that are marked up beside the page's own and only resemble it: recommended ones of the same series.

use super::{is_page, share};
use crate::extract::Page;
use crate::extract::address::Here;
use crate::extract::harvest::Harvest;
use crate::extract::offer::{Candidate, Source};
use crate::extract::schema::Product;
use crate::extract::text::Words;

/// Which priced products have a name that only resembles the heading, behind it, where another product states no price and
/// has a name that is all of the heading: what is sold out or priced by a script is not sold at the price of its like.
fn lookalikes(candidates: &[&Candidate], harvest: &Harvest<'_>) -> Vec<bool> {
    let Some((heading, at)) = harvest.headings.first() else { return Vec::new() };
    let unpriced = |c: &&&Candidate| c.offer.price.is_none() && c.open.is_empty() && c.offer.title.is_some();
    if !candidates.iter().any(|c| unpriced(&c)) {
        return Vec::new();
    }
    let heading = Words::of(heading);
    let name = |c: &Candidate| Words::of(c.offer.title.as_deref().unwrap_or(""));
    let is_it = |c: &Candidate| share(&name(c), &heading) == 100 && share(&heading, &name(c)) == 100;
    if !candidates.iter().filter(unpriced).any(|c| is_it(c)) {
        return Vec::new();
    }
    let behind = |c: &Candidate| c.evidence_offset().is_some_and(|offset| offset > *at);
    let alike = |c: &Candidate| {
        let own = name(c);
        c.offer.price.is_some() && behind(c) && share(&own, &heading) < 100 && share(&heading, &own) < 100
    };
    candidates.iter().map(|c| alike(c)).collect()
}

/// Drops them from the products of one kind of markup, but for those that the page's address names.
pub(super) fn drop_products(own: &mut Vec<Product>, page: &Page<'_>, harvest: &Harvest<'_>) {
    if own.len() < 2 {
        return;
    }
    let alike = lookalikes(&own.iter().map(|p| &p.candidate).collect::<Vec<_>>(), harvest);
    if !alike.contains(&true) {
        return;
    }
    let pages = [Here::of(page.final_url)];
    let mut alike = alike.into_iter();
    own.retain(|product| !alike.next().unwrap_or(false) || product.named_by_url || is_page(product, &pages));
}

/// Drops them from the products of all kinds of markup together.
pub(super) fn drop(candidates: &mut Vec<Candidate>, harvest: &Harvest<'_>) {
    if candidates.len() < 2 {
        return;
    }
    let mut alike = lookalikes(&candidates.iter().collect::<Vec<_>>(), harvest).into_iter();
    candidates.retain(|candidate| !alike.next().unwrap_or(false) || candidate.source == Source::SiteRule);
}
