//! Whether two amounts of a page are one offer without and with value added tax.

use super::Found;
use super::judge::Verdict;
use crate::extract::locale::Locale;
use crate::extract::offer::{Candidate, Source};
use crate::extract::price::{PriceKind, Role, TaxView};
use crate::extract::visible::spots::Spot;
use crate::money::Money;

/// Rates of value added tax by country in tenths of a percent, the standard one first.
#[rustfmt::skip]
const RATES: [(&str, &[i64]); 38] = [
    ("AT", &[200, 130, 100]), ("BE", &[210, 120, 60]), ("BG", &[200, 90]), ("HR", &[250, 130, 50]), ("CY", &[190, 90, 50]),
    ("CZ", &[210, 120]), ("DK", &[250]), ("EE", &[240, 220, 130, 90]), ("FI", &[255, 140, 100]), ("FR", &[200, 100, 55, 21]),
    ("DE", &[190, 70]), ("GR", &[240, 130, 60]), ("HU", &[270, 180, 50]), ("IE", &[230, 135, 90]), ("IT", &[220, 100, 50, 40]),
    ("LV", &[210, 120, 50]), ("LT", &[210, 120, 90, 50]), ("LU", &[170, 140, 80, 30]), ("MT", &[180, 70, 50]), ("NL", &[210, 90]),
    ("PL", &[230, 80, 50]), ("PT", &[230, 130, 60]), ("RO", &[210, 190, 110, 90]), ("SK", &[230, 190, 50]), ("SI", &[220, 95, 50]),
    ("ES", &[210, 100, 40]), ("SE", &[250, 120, 60]), ("NO", &[250, 150, 120]), ("IS", &[240, 110]), ("CH", &[81, 38, 26]),
    ("GB", &[200, 50]), ("TR", &[200, 100, 10]), ("RU", &[220, 200, 100]), ("UA", &[200, 70]), ("AU", &[100]), ("NZ", &[150]),
    ("IN", &[180, 120, 280, 50]), ("JP", &[100, 80]),
];

/// Rates that are in force somewhere, for a page that does not say where it is.
const ANYWHERE: [i64; 22] =
    [25, 38, 50, 55, 60, 70, 80, 81, 90, 100, 120, 130, 140, 150, 190, 200, 210, 220, 230, 240, 250, 270];

/// Which of two places that show different amounts has the one with the wanted view of tax: only where words at one of
/// them speak of tax and the amounts differ by a rate of the page's country. A reduction by a fifth looks the same and
/// says neither.
pub(super) fn wanted_of(one: &Candidate, other: &Candidate, found: &Found) -> Option<Money> {
    let (a, b) = one.offer.price.zip(other.offer.price)?;
    let spoken = one.offer.tax != TaxView::Unknown || other.offer.tax != TaxView::Unknown;
    let (net, gross) = if a.minor() < b.minor() { (a, b) } else { (b, a) };
    let wanted = if found.wants_net { net } else { gross };
    (spoken && differ_by_vat(net, gross, found.locale)).then_some(wanted)
}

/// Nodes between the two places of a pair.
const BESIDE: usize = 200;
/// Nodes between them where words speak of tax at one of them only.
const NEAR: usize = 60;

/// A price that was chosen and the same one in the wanted view, where the page shows both: people pay the price with
/// tax, unless the site's settings say that they pay the other.
pub(super) fn in_view(verdict: Verdict, found: &mut Found, spots: &[Spot]) -> Verdict {
    let Verdict::Price { index, confidence, why } = verdict else { return verdict };
    let candidate = &found.candidates[index];
    let wanted = if found.wants_net { TaxView::Net } else { TaxView::Gross };
    let exact = matches!(candidate.offer.kind, PriceKind::Exact | PriceKind::From);
    let price = candidate
        .offer
        .price
        .filter(|_| candidate.source != Source::SiteRule && candidate.offer.tax != wanted && exact);
    let other = price.and_then(|price| counterpart(spots, price, wanted, found.locale));
    let seen = other.and_then(|money| {
        found.candidates.iter().position(|c| c.source == Source::Visible && c.offer.price == Some(money))
    });
    let Some(seen) = seen else { return Verdict::Price { index, confidence, why } };
    found.candidates[seen].offer.tax = wanted;
    let note = if found.wants_net {
        "; the page shows it without tax as well"
    } else {
        "; the page shows it with tax as well"
    };
    Verdict::Price { index: seen, confidence: confidence.min(85), why: why + note }
}

fn counterpart(spots: &[Spot], price: Money, wanted: TaxView, locale: Option<Locale>) -> Option<Money> {
    let places = || spots.iter().filter(|s| !s.tile && !s.aside && !s.struck);
    let own: Vec<&Spot> = places().filter(|s| s.money == Some(price)).collect();
    // A price that stands there with the wanted view needs no other.
    if own.iter().any(|s| s.reading.tax == wanted) {
        return None;
    }
    let pairs = |s: &&Spot| {
        let near = |o: &&Spot| {
            let reach = if o.reading.tax == TaxView::Unknown { NEAR } else { BESIDE };
            o.node.abs_diff(s.node) < reach
        };
        let fits = |money: Money| match wanted {
            TaxView::Net => differ_by_vat(money, price, locale),
            _ => differ_by_vat(price, money, locale),
        };
        s.reading.tax == wanted
            && !s.old
            && s.reading.role == Role::Price
            && s.reading.kind != PriceKind::Unit
            && s.money.is_some_and(fits)
            && own.iter().any(near)
    };
    let mut found: Vec<Money> = places().filter(pairs).filter_map(|s| s.money).collect();
    if found.is_empty() && own.iter().any(|s| s.reading.tax != TaxView::Unknown) {
        // The label at one of two prices speaks for the other as well.
        let plain = |s: &&Spot| {
            let fits = |money: Money| match wanted {
                TaxView::Net => differ_by_vat(money, price, locale),
                _ => differ_by_vat(price, money, locale),
            };
            s.reading.tax == TaxView::Unknown
                && !(s.old || s.reading.worded || s.other)
                && (s.marked || s.dashed)
                && s.reading.role == Role::Price
                && s.reading.kind == PriceKind::Exact
                && s.money.is_some_and(fits)
                && own.iter().any(|o| o.node.abs_diff(s.node) < NEAR)
        };
        found = places().filter(plain).filter_map(|s| s.money).collect();
    }
    found.dedup();
    if let [only] = found.as_slice() { Some(*only) } else { None }
}

/// The view that the page names beside an amount, if all places that show it agree.
pub(super) fn named(spots: &[Spot], price: Money) -> TaxView {
    let views = spots.iter().filter(|s| s.money == Some(price) && !s.tile && !s.aside).map(|s| s.reading.tax);
    let mut views = views.filter(|tax| *tax != TaxView::Unknown);
    let Some(first) = views.next() else { return TaxView::Unknown };
    if views.all(|tax| tax == first) { first } else { TaxView::Unknown }
}

/// Whether two amounts differ by a rate of value added tax of the page's country.
pub(super) fn differ_by_vat(net: Money, gross: Money, locale: Option<Locale>) -> bool {
    let region = locale.as_ref().and_then(Locale::likely_region);
    let known = RATES.iter().find(|(of, _)| Some(*of) == region).map(|(_, rates)| *rates);
    net.currency() == gross.currency()
        && known.unwrap_or(&ANYWHERE).iter().any(|rate| {
            let expected = net.minor().saturating_mul(1_000 + rate);
            (expected - gross.minor().saturating_mul(1_000)).abs() <= 1_000
        })
}
