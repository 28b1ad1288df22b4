//! The variant that the page's address names: what the page's state says about it goes before what markup says about
//! another one.

use super::Found;
use super::judge::{Verdict, best_visible, close};
use crate::extract::offer::{Availability, Candidate, Offer, Source};
use crate::money::Money;

fn is_stated(candidate: &Candidate) -> bool {
    !matches!(candidate.source, Source::Visible | Source::Embedded | Source::SiteRule)
}

fn is_named(candidate: &Candidate) -> bool {
    candidate.source == Source::Embedded && candidate.offer.variant.is_some()
}

/// Takes the identity, and where nothing confirms it the price, from markup that describes another variant than the
/// one that the page's address names.
pub(super) fn set_aside(found: &mut Found) {
    let others: Vec<Money> =
        found.candidates.iter().filter(|c| is_stated(c) && c.other_variant).filter_map(|c| c.offer.price).collect();
    let named = found.candidates.iter().find(|c| is_named(c)).and_then(|c| c.offer.price);
    let seen = best_visible(found).and_then(|(index, _)| found.candidates[index].offer.price);
    let confirmed = |price: Money| named.or(seen).is_some_and(|known| close(known, price));
    for candidate in &mut found.candidates {
        let of_other = |price: &Money| others.iter().any(|other| close(*other, *price));
        if is_stated(candidate) && (candidate.other_variant || candidate.offer.price.as_ref().is_some_and(of_other)) {
            if candidate.offer.price.is_some_and(|price| !confirmed(price)) {
                candidate.offer.price = None;
                candidate.offer.high_price = None;
                candidate.other_variant = true;
                "describes another variant than the address names".clone_into(&mut candidate.verdict);
            }
            forget_identity(&mut candidate.offer);
        }
    }
}

fn forget_identity(offer: &mut Offer) {
    (offer.sku, offer.gtin, offer.mpn, offer.variant) = (None, None, None, None);
    offer.availability = Availability::Unknown;
}

/// The price of the variant that the address names, where markup or what is seen shows that of another one; a refusal
/// where the product has no such variant and the others differ.
pub(super) fn verdict(found: &Found) -> Option<Verdict> {
    let price = |i: usize| found.candidates[i].offer.price.filter(|p| p.is_positive());
    if found.candidates.iter().any(|c| c.source == Source::SiteRule && c.offer.price.is_some()) {
        return None;
    }
    let stated = (0..found.candidates.len()).find(|i| is_stated(&found.candidates[*i]) && price(*i).is_some());
    let by_markup = stated.is_some_and(|i| found.candidates[i].offer.variant.is_some());
    let named = (0..found.candidates.len()).find(|i| is_named(&found.candidates[*i]) && price(*i).is_some());
    if let Some(index) = named.filter(|_| !by_markup) {
        let own = price(index)?;
        let seen = best_visible(found).and_then(|(i, _)| price(i));
        let other = price(stated.unwrap_or(index)).filter(|_| stated.is_some()).or(seen)?;
        let range = stated.and_then(|i| found.candidates[i].offer.price.zip(found.candidates[i].offer.high_price));
        let in_range = range.is_some_and(|(low, high)| (low.minor()..=high.minor()).contains(&own.minor()));
        let of_another = found.candidates[index].amounts.iter().any(|amount| close(*amount, other));
        if close(own, other) && !in_range || !(of_another || in_range || seen.is_some_and(|seen| close(seen, own))) {
            return None;
        }
        return Some(Verdict::Price {
            index,
            confidence: 78,
            why: "the address names a variant, and the page's state has its price".to_owned(),
        });
    }
    let stray = found.candidates.iter().find(|c| c.source == Source::Embedded && c.other_variant)?;
    let differ = stray.amounts.windows(2).any(|pair| pair[0] != pair[1]);
    (differ && !by_markup)
        .then(|| Verdict::Ambiguous("the address names a variant that the product does not have".to_owned()))
}

/// A page of which nothing but another variant is known has no price that could be told.
pub(super) fn refused(found: &Found, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::None if found.candidates.iter().any(|c| is_stated(c) && c.other_variant) => {
            Verdict::Ambiguous("the markup describes another variant than the address names".to_owned())
        }
        verdict => verdict,
    }
}

/// Gives the offer the identity of the variant that the address names.
pub(super) fn identify(found: &Found, offer: &mut Offer) {
    if let Some(named) = found.candidates.iter().find(|c| is_named(c)) {
        let own = &named.offer;
        let same = own.sku.is_some() && own.sku == offer.sku;
        if own.sku.is_some() && !same {
            // What markup says belongs to the variant that it describes.
            (offer.gtin, offer.mpn) = (None, None);
        }
        offer.sku = own.sku.clone().or(offer.sku.take());
        offer.gtin = own.gtin.clone().or(offer.gtin.take());
        if own.availability != Availability::Unknown {
            offer.availability = own.availability;
        }
        offer.variant = own.variant.clone();
    }
    offer.variant = offer.variant.take().filter(|variant| !variant.is_empty());
}
