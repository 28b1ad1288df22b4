//! Embedded state beside what a person sees: it confirms, it settles a tie, it stands in where nothing is seen.

use super::Found;
use super::contradiction::Sight;
use super::judge::{Verdict, clear_visible, close};
use super::standing::{best_showing, is_bare, is_named, spot_of};
use super::tax::differ_by_vat;
use crate::extract::TaxView;
use crate::extract::offer::{Candidate, Source};
use crate::extract::visible::ENOUGH;
use crate::money::Money;

/// Points from which on a place that shows what the state says is believed beside a better one that nothing confirms.
const CONFIRMED: i32 = ENOUGH - 12;
/// Points from which on a place that shows another price speaks against the state.
const SPEAKS: i32 = 40;

/// Brings what the page's scripts know to a verdict that was reached by sight.
pub(super) fn confirm(found: &Found, sight: Sight<'_>, seen: Verdict) -> Verdict {
    let priced = |c: &Candidate| c.source == Source::Embedded && c.offer.price.is_some_and(Money::is_positive);
    let Some(index) = found.candidates.iter().position(priced) else { return seen };
    let states: Vec<Money> = found.candidates.iter().filter(|c| priced(c)).filter_map(|c| c.offer.price).collect();
    let shown = best_showing(&found.candidates, states[0]).filter(|(_, c)| c.score >= CONFIRMED).map(|(i, _)| i);
    match seen {
        Verdict::Price { index: best, confidence, why } => {
            let price = found.candidates[best].offer.price;
            if price.is_some_and(|p| states.iter().any(|s| close(*s, p))) {
                let why = why + "; the page's state agrees";
                return Verdict::Price { index: best, confidence: confidence + 15, why };
            }
            // State that counts without tax, as shops count what they sell, says nothing against the price with it.
            let net = |index: usize| found.candidates[index].offer.tax == TaxView::Net;
            let taxed = |p: Money| p.minor() > states[0].minor() && differ_by_vat(states[0], p, found.locale);
            if !found.wants_net && shown.is_some_and(net) && price.is_some_and(taxed) {
                let why = why + "; the page's state says it without tax";
                return Verdict::Price { index: best, confidence, why };
            }
            if let Some(index) = shown {
                let why = "the page's state names one of the prices shown".to_owned();
                return Verdict::Price { index, confidence: 70, why };
            }
            // What a place says beside its amount makes it something else than the price that the state knows, unless
            // its names call it the price; so does the state's own number where the page shows it.
            let spot = spot_of(sight.view, &found.candidates[best]);
            let named = spot.is_some_and(is_named);
            if states.len() == 1
                && !counts_cents(found, states[0])
                && !named
                && (!spot.is_some_and(is_bare) || stands(found, sight, index))
            {
                return alone(found, sight, index);
            }
            let why = why + "; the page's state says otherwise";
            Verdict::Price { index: best, confidence: confidence.min(62), why }
        }
        Verdict::Ambiguous(why) => {
            let standing = || (states.len() == 1 && stands(found, sight, index)).then_some(index);
            shown.or_else(standing).map_or(Verdict::Ambiguous(why), |index| Verdict::Price {
                index,
                confidence: 68,
                why: "of the prices shown, the one that the page's state names".to_owned(),
            })
        }
        Verdict::None => {
            let clear = clear_visible(found).map(|(i, _)| i);
            let agrees = |i: &usize| found.candidates[*i].offer.price.is_some_and(|p| close(p, states[0]));
            if let Some(index) = clear.filter(agrees) {
                let why = "what a person sees and the page's state agree".to_owned();
                return Verdict::Price { index, confidence: 75, why };
            }
            let speaks = |c: &Candidate| {
                c.source == Source::Visible
                    && c.score >= SPEAKS
                    && c.offer.price.is_some_and(|p| !close(p, states[0]))
                    && spot_of(sight.view, c).is_none_or(is_bare)
            };
            if states.len() == 1
                && !counts_cents(found, states[0])
                && (!found.candidates.iter().any(speaks) || stands(found, sight, index))
            {
                return alone(found, sight, index);
            }
            Verdict::None
        }
    }
}

fn stands(found: &Found, sight: Sight<'_>, index: usize) -> bool {
    let offer = &found.candidates[index].offer;
    offer.price.is_some_and(|price| sight.shows(price, offer.title.as_deref()))
}

/// The price that the state alone names.
fn alone(found: &Found, sight: Sight<'_>, index: usize) -> Verdict {
    if stands(found, sight, index) {
        let why = "the page's state names the product and its price, and the page shows that number".to_owned();
        return Verdict::Price { index, confidence: 75, why };
    }
    let why = "no markup and no clear price to see; the page's state names the product and its price".to_owned();
    Verdict::Price { index, confidence: 62, why }
}

/// Whether the page shows the hundredth part of what its state says, wherever that stands: then the state counts cents
/// and does not say so, and nothing more is known.
fn counts_cents(found: &Found, state: Money) -> bool {
    const CENTS: i64 = 100;
    let shown = found.candidates.iter().filter(|c| c.source == Source::Visible).filter_map(|c| c.offer.price);
    let hundredth = |p: Money| p.currency() == state.currency() && p.minor().checked_mul(CENTS) == Some(state.minor());
    shown.into_iter().any(hundredth)
}
