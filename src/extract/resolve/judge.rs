//! The verdict: which candidate is the page's price, how sure that is, or which outcome the page has instead.

use super::contradiction::{self, Sight};
use super::finish::{complete, finish};
use rust_decimal::RoundingStrategy;

use super::standing::{is_bare, spot_of};
use super::{Found, contested, fill, seen, state, tax, variant};
use crate::extract::harvest::Harvest;
use crate::extract::json::Value;
use crate::extract::offer::{Candidate, Offer, Source};
use crate::extract::price::PriceKind;
use crate::extract::visible::beside;
use crate::extract::visible::{ENOUGH, View};
use crate::extract::{Extraction, Hints, Page, TaxView};
use crate::money::{self, Decimal, Money};

/// Two amounts that differ by less than this, in thousandths, are the same price rounded differently.
const TOLERANCE: i64 = 5;

pub(super) fn decide(
    body: &str,
    harvest: &Harvest<'_>,
    roots: &[Value<'_>],
    page: &Page<'_>,
    hints: &Hints,
    mut found: Found,
) -> Extraction {
    let view = found.view.take().unwrap_or_default();
    contested::settle(&mut found);
    variant::set_aside(&mut found);
    let sight = Sight { body, harvest, view: &view };
    let verdict = variant::verdict(&found).unwrap_or_else(|| choose(&mut found, sight, page, roots));
    let verdict = tax::in_view(variant::refused(&found, verdict), &mut found, &view.spots);
    let mut offer = Offer::default();
    let chosen = match &verdict {
        Verdict::Price { index, .. } => Some(*index),
        _ => None,
    };
    if let Some(index) = chosen {
        offer = found.candidates[index].offer.clone();
        found.candidates[index].chosen = true;
    }
    let structured = found.candidates.iter().filter(|c| c.source != Source::Visible);
    for candidate in structured {
        fill(&mut offer, &candidate.offer);
    }
    // The visible place that shows the chosen price knows the amounts beside it: list price, unit price, shipping.
    let seen = found.candidates.iter().find(|c| c.source == Source::Visible);
    if let Some(best) =
        seen.filter(|b| b.score >= 40 && offer.price.zip(b.offer.price).is_some_and(|(own, seen)| close(own, seen)))
    {
        fill(&mut offer, &best.offer);
    }
    if let Some(price) = offer.price {
        let near = beside::beside(&view.spots, price, &view.discounts);
        offer.list_price = offer.list_price.or(near.list);
        offer.shipping = offer.shipping.or(near.shipping);
        offer.member_price = offer.member_price.or(near.member);
    }
    settle_range(&mut offer);
    variant::identify(&found, &mut offer);
    if let (TaxView::Unknown, Some(price)) = (offer.tax, offer.price) {
        offer.tax = tax::named(&view.spots, price);
    }
    complete(&mut offer, &found, body, harvest, &view, page);
    finish(verdict, offer, found, harvest, roots, page, hints, &view)
}

/// Two offers of which the page shows one struck through are a price and the price before, not a range.
fn settle_range(offer: &mut Offer) {
    if offer.kind == PriceKind::Range
        && let (Some(high), Some(list)) = (offer.high_price, offer.list_price)
        && close(high, list)
    {
        offer.kind = PriceKind::Exact;
        offer.high_price = None;
    }
}

pub(super) enum Verdict {
    Price { index: usize, confidence: u8, why: String },
    Ambiguous(String),
    None,
}

/// Picks the price among the candidates, or says that there is none or that they contradict each other.
fn choose(found: &mut Found, sight: Sight<'_>, page: &Page<'_>, roots: &[Value<'_>]) -> Verdict {
    let view = sight.view;
    let priced = |c: &Candidate| c.offer.price.is_some_and(Money::is_positive);
    let structured: Vec<usize> = (0..found.candidates.len())
        .filter(|i| {
            !matches!(found.candidates[*i].source, Source::Visible | Source::Embedded) && priced(&found.candidates[*i])
        })
        .collect();
    if let Some(first) = structured.first().copied() {
        if found.candidates[first].source != Source::SiteRule && found.products > 1 && !found.says_product {
            return Verdict::None;
        }
        if contradiction::is_list(found, view, first, page) {
            found.listed = found.listed.max(view.tiles);
            (found.products, found.says_product) = (0, false);
            return Verdict::None;
        }
        return reconcile(found, sight, first, &structured);
    }
    if let Some(open) = found.candidates.iter().find(|c| !c.open.is_empty()) {
        let why = open.open.join("; ");
        // A visible price that matches one reading settles what the markup leaves open.
        if let Some(index) = settled_by_view(found, view) {
            return Verdict::Price {
                index,
                confidence: 70,
                why: format!("the visible price settles what the markup leaves open ({why})"),
            };
        }
        return Verdict::Ambiguous(why);
    }
    let seen = seen::by_sight(found, sight, page, roots);
    state::confirm(found, sight, seen)
}

/// Structured prices: all that agree strengthen each other, the visible price confirms or corrects.
fn reconcile(found: &mut Found, sight: Sight<'_>, first: usize, structured: &[usize]) -> Verdict {
    let price = |i: usize, found: &Found| found.candidates[i].offer.price;
    let Some(base) = price(first, found) else { return Verdict::None };
    // A product that the page has twice, for wide screens and for narrow ones, is one source all the same.
    let mut sources = vec![found.candidates[first].source];
    let mut against = Vec::new();
    for &i in &structured[1..] {
        let Some(other) = price(i, found) else { continue };
        if close(base, other) {
            let own = found.candidates[i].source;
            if !sources.contains(&own) {
                sources.push(own);
            }
            found.candidates[i].verdict = "agrees with the chosen price".to_owned();
        } else {
            against.push(i);
        }
    }
    let agreeing = sources.len();
    let visible = best_visible(found).filter(|(i, _)| found.candidates[*i].rival.is_none());
    let source = found.candidates[first].source.as_str();
    if found.candidates[first].source == Source::SiteRule {
        return Verdict::Price { index: first, confidence: 95, why: "a rule of the site file found it".to_owned() };
    }
    for &i in &against {
        let Some(other) = price(i, found) else { continue };
        let (low, high) = if other.minor() < base.minor() { (i, first) } else { (first, i) };
        if in_range(&found.candidates[first].offer, other) || in_range(&found.candidates[i].offer, base) {
            found.candidates[i].verdict = "lies in the range of the chosen offer".to_owned();
            continue;
        }
        if other.currency() != base.currency() {
            found.candidates[i].verdict = "states another currency".to_owned();
            continue;
        }
        // One source carries the sale price and another the price before it: the page shows which is which.
        if let Some((index, _)) = visible
            && let (Some(seen), Some(low_price)) = (price(index, found), price(low, found))
            && close(seen, low_price)
        {
            let high_price = price(high, found);
            found.candidates[low].offer.list_price = found.candidates[low].offer.list_price.or(high_price);
            return Verdict::Price {
                index: low,
                confidence: 75,
                why: "structured sources differ; the lower one is the price a person sees".to_owned(),
            };
        }
        // A source that names the other one's price as the price before, and the page's state with it.
        let before = found.candidates[low].offer.list_price.zip(price(high, found)).is_some_and(|(a, b)| close(a, b));
        let state = |c: &Candidate| {
            c.source == Source::Embedded && c.offer.price.zip(price(low, found)).is_some_and(|(a, b)| close(a, b))
        };
        if before && found.candidates.iter().any(state) {
            let why = "structured sources differ; the lower one names the other as the price before".to_owned();
            return Verdict::Price { index: low, confidence: 72, why };
        }
        if let Some(verdict) = taxed_of(found, sight, low, high, visible.map(|(index, _)| index)) {
            return verdict;
        }
        return Verdict::Ambiguous(format!(
            "{source} says {base}, {} says {other}",
            found.candidates[i].source.as_str()
        ));
    }
    if let Some(verdict) = contradiction::for_members_alone(found, sight, first) {
        return verdict;
    }
    if let Some((index, points)) = visible
        && let Some(seen) = price(index, found)
    {
        let exact = found.candidates[first].offer.kind == PriceKind::Exact;
        if exact && !close(seen, base) && seen.currency() == base.currency() {
            return contradiction::settle(found, sight, first, (index, points), agreeing);
        }
        let other = contradiction::one_of_range(found, sight, first, index)
            .or_else(|| contradiction::in_other_money(found, sight, first, index));
        if let Some(verdict) = other {
            return verdict;
        }
        if exact
            && agreeing == 1
            && close(seen, base)
            && let Some(verdict) = contradiction::reduced_beside(found, sight, base)
        {
            return verdict;
        }
    }
    if agreeing == 1
        && let Some(verdict) = contradiction::in_other_sign(found, sight, first)
    {
        return verdict;
    }
    if visible.is_none()
        && agreeing == 1
        && let Some(verdict) = contradiction::may_be_net(found, sight, first)
    {
        return verdict;
    }
    if visible.is_none() && is_placeholder(base) && !sight.shows(base, found.candidates[first].offer.title.as_deref()) {
        found.candidates[first].verdict = "a placeholder that the page does not show".to_owned();
        return Verdict::None;
    }
    let source = found.candidates[first].source.as_str();
    let state: Vec<Money> =
        found.candidates.iter().filter(|c| c.source == Source::Embedded).filter_map(|c| c.offer.price).collect();
    let doubted = !state.is_empty() && !state.iter().any(|s| close(*s, base));
    let confirmed = visible.is_some_and(|(i, _)| price(i, found).is_some_and(|m| close(m, base)));
    let confidence = match (agreeing, confirmed) {
        (2.., true) => 98,
        (_, true) => 95,
        (2.., false) => 88,
        _ if doubted => 70,
        _ => 80,
    };
    let also = if confirmed { " and the page shows the same price" } else { "" };
    Verdict::Price {
        index: first,
        confidence,
        why: format!("{source} states it{}{also}", if agreeing > 1 { ", other markup agrees" } else { "" }),
    }
}

/// One source states the price without tax and another with it, and the page shows the higher one alone.
fn taxed_of(found: &mut Found, sight: Sight<'_>, low: usize, high: usize, seen: Option<usize>) -> Option<Verdict> {
    let seen = seen?;
    let price = |i: usize| found.candidates[i].offer.price;
    let (net, gross, shown) = (price(low)?, price(high)?, price(seen)?);
    // Where nobody shows the lower one it makes no difference whether it is an old price instead.
    let with_tax = tax::differ_by_vat(net, gross, found.locale);
    if found.wants_net || !with_tax || !close(shown, gross) {
        return None;
    }
    if sight.shows(net, found.candidates[low].offer.title.as_deref()) {
        return None;
    }
    found.candidates[high].offer.tax = TaxView::Gross;
    let why = "structured sources differ by tax; the higher one is the price with tax that the page shows".to_owned();
    Some(Verdict::Price { index: high, confidence: 70, why })
}

pub(super) fn best_visible(found: &Found) -> Option<(usize, i32)> {
    let best = found.candidates.iter().enumerate().find(|(_, c)| c.source == Source::Visible)?;
    (best.1.score >= ENOUGH).then_some((best.0, best.1.score))
}

/// A place with fewer points that no other amount comes near.
pub(super) fn clear_visible(found: &Found) -> Option<(usize, i32)> {
    let (index, best) = found.candidates.iter().enumerate().find(|(_, c)| c.source == Source::Visible)?;
    let rival =
        found.candidates[index + 1..].iter().find(|c| c.source == Source::Visible && c.offer.price != best.offer.price);
    (best.score >= ENOUGH - 12 && rival.is_none_or(|r| r.score + 12 <= best.score)).then_some((index, best.score))
}

/// Whether an amount is what a number of markup says, or that number with the decimals that its money has or none: shops
/// that divide by a rate of tax write `109899.9961` for 109 900.
fn says(word: &str, price: Money) -> bool {
    let number = word.trim_matches(|c: char| !c.is_ascii_digit()).replace([' ', '\u{a0}', '\u{202f}', '\''], "");
    let number = number.as_str();
    let Ok(number) = Decimal::from_str_exact(number).or_else(|_| Decimal::from_str_exact(&number.replace(',', ".")))
    else {
        return false;
    };
    let (amount, exponent) = (price.amount(), money::exponent(price.currency()));
    // Three digits behind one point may be a group: `4.999` is four thousand or nothing that one can pay.
    let grouped = number.scale() == 3 && (Decimal::ONE..Decimal::ONE_THOUSAND).contains(&number);
    let finer = !grouped && number.scale() > exponent && number.normalize().scale() > exponent;
    let rounded = |decimals| number.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero) == amount;
    number == amount || finer && (rounded(exponent) || rounded(0))
}

/// The visible price that is one of the readings which markup leaves open: the best one, or else the only one of all
/// places that say nothing else.
fn settled_by_view(found: &Found, view: &View) -> Option<usize> {
    let is_reading = |index: usize| {
        let Some(price) = found.candidates[index].offer.price else { return false };
        // An amount in another money than the markup names is none of its readings.
        let own = |c: &&Candidate| c.offer.currency.is_none_or(|stated| stated == price.currency());
        let open = found.candidates.iter().filter(own).flat_map(|c| &c.open);
        let mut words = open.flat_map(|text| text.split('`').chain(text.split([' ', ':', ';'])));
        words.any(|word| says(word, price))
    };
    let best = best_visible(found);
    if let Some((best, _)) = best
        && is_reading(best)
    {
        return Some(best);
    }
    // Where nothing else is a price by its place, one that says what markup says needs no place of its own.
    let least = if best.is_some() { ENOUGH } else { 1 };
    let shown =
        |c: &Candidate| c.source == Source::Visible && c.score >= least && spot_of(view, c).is_some_and(is_bare);
    let others = (0..found.candidates.len()).filter(|i| shown(&found.candidates[*i]) && is_reading(*i));
    let others: Vec<usize> = others.collect();
    let first = *others.first()?;
    let same = |i: &usize| found.candidates[*i].offer.price == found.candidates[first].offer.price;
    others.iter().all(same).then_some(first)
}

/// Whether an amount is what shops write where they have no price: nines alone, or all digits in a row.
fn is_placeholder(price: Money) -> bool {
    const LEAST_NINES: usize = 5;
    let digits = price.amount().trunc().normalize().to_string();
    digits.len() >= LEAST_NINES && digits.bytes().all(|digit| digit == b'9')
        || "123456789".starts_with(&digits) && digits.len() > LEAST_NINES
}

/// Same currency and equal within rounding.
pub(super) fn close(a: Money, b: Money) -> bool {
    a.currency() == b.currency()
        && (a.minor() - b.minor()).abs().saturating_mul(1_000) <= a.minor().abs().saturating_mul(TOLERANCE)
}

fn in_range(offer: &Offer, other: Money) -> bool {
    match (offer.price, offer.high_price) {
        (Some(low), Some(high)) => {
            other.currency() == low.currency() && (low.minor()..=high.minor()).contains(&other.minor())
        }
        _ => false,
    }
}
