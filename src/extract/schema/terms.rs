//! What one offer states, and how the offers of one product become one price or a range.
//!
//! No price is picked by its position in a list.

use crate::extract::offer::{Availability, Evidence, Offer, UnitPrice};
use crate::extract::price::{PriceKind, Refusal, TaxView};
use crate::money::{Currency, Decimal, Money};

/// What one offer states.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    pub(super) price: Option<Money>,
    pub(super) high: Option<Money>,
    pub(super) list: Option<Money>,
    pub(super) member: Option<Money>,
    pub(super) unit: Option<UnitPrice>,
    pub(super) shipping: Option<Money>,
    pub(super) currency: Option<Currency>,
    pub(super) tax: TaxView,
    pub(super) kind: PriceKind,
    pub(super) availability: Availability,
    pub(super) condition: Option<String>,
    pub(super) seller: Option<String>,
    pub(super) url: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) mpn: Option<String>,
    pub(super) gtin: Option<String>,
    pub(super) valid_until: Option<String>,
    pub(super) variant: Option<String>,
    pub(super) identity: Option<Box<Offer>>,
    pub(super) evidence: Option<Evidence>,
    pub(super) raw: Option<String>,
    pub(super) open: Vec<String>,
    /// How surely the page's address names it, 0 if it does not.
    pub(super) named: usize,
    /// The page's address names another variant.
    pub(super) other: bool,
    pub(super) aggregate: bool,
    /// Its name says that it is for members of a club.
    pub(super) for_members: bool,
    /// Pieces that one must buy at least, where more than one.
    pub(super) fewest: Option<Decimal>,
    /// For traders, or from a sum of all that is bought on.
    pub(super) narrowed: bool,
    /// When it begins, as stated.
    pub(super) from: Option<String>,
}

impl Terms {
    pub(super) fn note(&mut self, path: &str, raw: &str, refusal: &Refusal) {
        self.open.push(format!("{path} `{}`: {refusal}", crate::extract::text::cut(raw, 40)));
    }
}

/// Keeps the offers that can be meant: the one the URL names, else new ones, else those in stock.
pub(super) fn choose(mut terms: Vec<Terms>) -> Vec<Terms> {
    let narrow = |terms: &mut Vec<Terms>, keep: &dyn Fn(&Terms) -> bool| {
        if terms.iter().any(keep) {
            terms.retain(keep);
        }
    };
    // An address names a variant only where the others have addresses of their own.
    if terms.iter().any(|t| t.named > 0)
        && terms.iter().any(|t| t.named == 0 && (t.url.is_some() || t.variant.is_some()))
    {
        narrow(&mut terms, &|t| t.named > 0 && t.price.is_some());
        narrow(&mut terms, &|t| t.named > 0);
    }
    narrow(&mut terms, &|t| t.price.is_some_and(Money::is_positive));
    set_members_apart(&mut terms);
    narrow(&mut terms, &|t| !t.narrowed);
    if terms.iter().any(|t| t.fewest.is_some()) {
        let fewest = terms.iter().map(|t| t.fewest).min().flatten();
        narrow(&mut terms, &|t| t.fewest == fewest);
    }
    narrow(&mut terms, &|t| t.condition.as_deref().is_none_or(|c| c == "new"));
    narrow(&mut terms, &|t| t.availability != Availability::OutOfStock);
    terms
}

/// Takes an offer that is named for members away from a list where everybody can have another one for more.
fn set_members_apart(terms: &mut Vec<Terms>) {
    let least = |members: bool| {
        terms.iter().filter(|t| t.for_members == members).filter_map(|t| t.price).min_by_key(|price| price.minor())
    };
    let (Some(member), Some(price)) = (least(true), least(false)) else { return };
    if member.currency() == price.currency() && member.minor() < price.minor() {
        terms.retain(|t| !t.for_members);
        for term in terms.iter_mut() {
            term.member = term.member.or(Some(member));
        }
    }
}

/// Two prices for the same thing of which one begins at a time: only the page can tell whether that time has come.
fn not_begun(terms: &[Terms]) -> Option<String> {
    let same = |a: &Terms, b: &Terms| {
        a.sku == b.sku && a.variant == b.variant && a.url == b.url && a.seller == b.seller && a.condition == b.condition
    };
    let dated = terms.iter().filter(|t| t.from.is_some());
    dated.into_iter().find_map(|later| {
        let other = terms.iter().find(|t| t.from != later.from && t.price != later.price && same(t, later))?;
        let (price, other, from) = (later.price?, other.price?, later.from.as_deref()?);
        Some(format!("{other} or, from {from} on, {price}"))
    })
}

/// Writes the chosen offers into `offer`: one price, or a range of them.
pub(super) fn settle(offer: &mut Offer, open: &mut Vec<String>, terms: Vec<Terms>, several: bool) {
    let currency = terms.iter().find_map(|t| t.price.map(Money::currency));
    let same_currency = terms.iter().filter(|t| t.price.is_some_and(|p| Some(p.currency()) == currency));
    let lowest = same_currency.clone().min_by_key(|t| t.price.map(Money::minor));
    let highest = same_currency.filter_map(|t| t.high.or(t.price)).max_by_key(|p| p.minor());
    let stock = if terms.iter().any(|t| t.availability == Availability::InStock) {
        Some(Availability::InStock)
    } else {
        terms.iter().map(|t| t.availability).find(|a| *a != Availability::Unknown)
    };
    let Some(mut best) = lowest.or_else(|| terms.first()).cloned() else { return };
    let begun = highest.filter(|_| terms.iter().any(|t| t.from.is_some())).and_then(|_| not_begun(&terms));
    if let Some(why) = begun {
        open.push(why);
        best = Terms { price: None, high: None, kind: PriceKind::Exact, list: None, ..best };
    }
    offer.price = best.price;
    offer.kind = best.kind;
    if let (Some(low), Some(high)) = (best.price, highest)
        && high.minor() > low.minor()
    {
        offer.high_price = Some(high);
        offer.kind = PriceKind::Range;
    }
    offer.list_price = best.list;
    offer.member_price = best.member;
    offer.unit_price = best.unit;
    offer.shipping = best.shipping;
    offer.currency = best.currency;
    offer.tax = best.tax;
    offer.availability = if best.named > 0 { best.availability } else { stock.unwrap_or(best.availability) };
    offer.condition = best.condition.or(offer.condition.take());
    offer.seller = best.seller;
    offer.valid_until = best.valid_until;
    offer.evidence = best.evidence;
    if best.price.is_none() {
        open.extend(best.open);
        open.extend(best.raw);
    }
    // Only the variant the URL names lends its identity; the others are merely the first in a list.
    let one = terms.iter().all(|t| t.sku == best.sku);
    let identify = best.named > 0 || !several;
    if let Some(identity) = best.identity.filter(|_| identify) {
        offer.sku = identity.sku.or(offer.sku.take());
        offer.gtin = identity.gtin.or(offer.gtin.take());
        offer.mpn = identity.mpn.or(offer.mpn.take());
        offer.title = identity.title.or(offer.title.take());
        offer.variant = best.variant;
    } else if best.named > 0 {
        offer.variant = best.sku.clone();
    }
    if identify || one {
        offer.sku = offer.sku.take().or(best.sku);
        offer.mpn = offer.mpn.take().or(best.mpn);
        offer.gtin = offer.gtin.take().or(best.gtin);
    }
}
