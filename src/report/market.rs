//! Our place in the market at any instant, from the recorded runs of competing prices and our own decisions.
//!
//! Basis: what decisions compare with (`decide::offers`): prices in the product's currency, tax view and pack, of offers
//! that the product's rule lets count, each competitor once. Products without such an offer are counted apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::chart::{Chart, Line};
use super::metrics::{self, BasketIndex, BasketItem, FreshnessFigures, Position, ProductIndex, Shares, basket_index};
use crate::clock::Millis;
use crate::decide::decision::Fate;
use crate::money::{Currency, Decimal, Money};

/// What a page showed over the time in which it was seen, judged as a decision judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The page; one competitor may have several.
    pub target: i64,
    pub competitor: Arc<str>,
    /// The comparable price in minor units of the product's currency; 0 where nothing makes it comparable.
    pub minor: i64,
    /// What a decision makes of the offer, its age apart.
    pub fate: Fate,
    /// False where the page said that it is sold out.
    pub in_stock: bool,
    pub first: Millis,
    /// When the price was last seen.
    pub last: Millis,
}

impl Seen {
    /// Whether it is part of the market: an offer of another condition, kind or seller than the rule wants is none, one
    /// that is sold out is.
    #[must_use]
    pub const fn is_market(&self) -> bool {
        self.minor > 0 && matches!(self.fate, Fate::Counted | Fate::Availability | Fate::OutOfBounds)
    }
}

/// A price that a manufacturer names for resale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommended {
    pub minor: i64,
    /// A minimum advertised price in a market that allows one; a recommendation everywhere else.
    pub is_minimum: bool,
}

/// One product with its own and competing prices over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    pub id: i64,
    pub sku: String,
    pub title: String,
    pub brand: Option<String>,
    pub category: Option<String>,
    pub tags: Vec<String>,
    pub market: String,
    pub currency: Currency,
    /// What we ask now.
    pub own_minor: i64,
    pub recommended: Option<Recommended>,
    /// Our own delivery charge in minor units where the rule compares delivered prices, else 0.
    pub shipping: i64,
    /// The age limit of the product's rule in milliseconds; none: the usual one.
    pub max_age: Option<i64>,
    /// Price before and after each decision of the span, oldest first.
    pub decided: Vec<(Millis, i64, i64)>,
    /// What pages showed, per page oldest first.
    pub seen: Vec<Seen>,
}

/// An offer that counts at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer<'a> {
    pub competitor: &'a str,
    pub minor: i64,
}

impl Track {
    /// What we asked at an instant.
    #[must_use]
    pub fn ours(&self, at: Millis) -> i64 {
        match self.decided.iter().rev().find(|(decided, ..)| *decided <= at) {
            Some((.., after)) => *after,
            None => self.decided.first().map_or(self.own_minor, |(_, before, _)| *before),
        }
    }

    /// What we asked at an instant on the basis of the offers: with delivery where theirs are.
    #[must_use]
    pub fn compared(&self, at: Millis) -> i64 {
        self.ours(at).saturating_add(self.shipping)
    }

    /// Competing offers that count at an instant, the cheapest first; each competitor once, as in decisions.
    #[must_use]
    pub fn offers(&self, at: Millis, max_age: i64) -> Vec<Offer<'_>> {
        let mut newest: BTreeMap<i64, &Seen> = BTreeMap::new();
        for seen in self.seen.iter().filter(|seen| seen.first <= at) {
            newest.insert(seen.target, seen);
        }
        let limit = self.max_age.unwrap_or(max_age);
        let fits = |seen: &&&Seen| {
            matches!(seen.fate, Fate::Counted | Fate::OutOfBounds) && seen.minor > 0 && at.since(seen.last) <= limit
        };
        let mut fitting: Vec<&Seen> = newest.values().filter(fits).copied().collect();
        fitting.sort_by(|a, b| (a.minor, &a.competitor).cmp(&(b.minor, &b.competitor)));
        let mut once = BTreeSet::new();
        fitting.retain(|seen| once.insert(&seen.competitor));
        let counted = fitting.into_iter().filter(|seen| seen.fate == Fate::Counted);
        counted.map(|seen| Offer { competitor: &seen.competitor, minor: seen.minor }).collect()
    }

    /// Our price and the offers' at an instant, in major units.
    #[must_use]
    pub fn amounts(&self, at: Millis, max_age: i64) -> (Decimal, Vec<Decimal>) {
        let amount = |minor| Money::from_minor(minor, self.currency).amount();
        (amount(self.compared(at)), self.offers(at, max_age).iter().map(|offer| amount(offer.minor)).collect())
    }

    /// The figures of this product at an instant; none without an offer.
    #[must_use]
    pub fn index(&self, at: Millis, max_age: i64) -> Option<ProductIndex> {
        let (ours, offers) = self.amounts(at, max_age);
        metrics::product_index(ours, &offers)
    }

    /// Our place at an instant.
    #[must_use]
    pub fn position(&self, at: Millis, max_age: i64) -> Position {
        let (ours, offers) = self.amounts(at, max_age);
        metrics::position(ours, &offers)
    }

    /// Our price and the lowest offer over a span, as a chart.
    #[must_use]
    pub fn history(&self, from: Millis, until: Millis, max_age: i64) -> Chart {
        // Nobody knows what was asked before the first sighting or decision: both lines begin there.
        let first = self.seen.iter().map(|seen| seen.first).chain(self.decided.iter().map(|(at, ..)| *at)).min();
        let begin = first.unwrap_or(from).clamp(from, until);
        let mut ours = vec![(begin, Some(self.compared(begin)))];
        let inside = |at: Millis| at > begin && at <= until;
        let steps = self.decided.iter().filter(|(at, ..)| inside(*at));
        ours.extend(steps.map(|(at, _, after)| (*at, Some(after.saturating_add(self.shipping)))));
        let limit = self.max_age.unwrap_or(max_age);
        let ends = self.seen.iter().map(|seen| seen.last.plus(limit + 1));
        let mut moments: Vec<Millis> =
            self.seen.iter().map(|seen| seen.first).chain(ends).filter(|at| inside(*at)).chain([begin]).collect();
        moments.sort_unstable();
        moments.dedup();
        let lowest = |at: Millis| self.offers(at, max_age).first().map(|offer| offer.minor);
        let theirs = moments.into_iter().map(|at| (at, lowest(at))).collect();
        let line = |points, dashed| Line { points, steps: true, dashed };
        Chart { from, until, lines: vec![line(ours, false), line(theirs, true)], mark: None }
    }
}

/// The market of many products at an instant. Indices have no currency and every product counts the same, so that products
/// of several currencies can stand in one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub shares: Shares,
    /// Mean and geometric mean over products of our price against the median of each product's offers.
    pub index_median: Option<Decimal>,
    pub index_geometric: Option<Decimal>,
    /// Means over products with data.
    pub index_mean: Option<Decimal>,
    pub index_min: Option<Decimal>,
}

impl Figures {
    /// The index that mails show: the mean over products of our price against the median offer.
    #[must_use]
    pub const fn index(&self) -> Option<Decimal> {
        self.index_median
    }

    /// Computes them.
    #[must_use]
    pub fn at(tracks: &[Track], at: Millis, max_age: i64) -> Self {
        let mut shares = Shares::default();
        let mut items = Vec::new();
        let (mut means, mut mins) = (Vec::new(), Vec::new());
        for track in tracks {
            let (ours, offers) = track.amounts(at, max_age);
            shares.count(metrics::position(ours, &offers));
            let Some(index) = metrics::product_index(ours, &offers) else { continue };
            means.push(index.index_mean);
            mins.push(index.index_min);
            items.extend(item(ours, &offers));
        }
        let median = basket_index(&items);
        Self {
            shares,
            index_median: median.map(|index| index.mean_of_indices),
            index_geometric: median.map(|index| index.geometric),
            index_mean: mean(&means),
            index_min: mean(&mins),
        }
    }
}

fn item(ours: Decimal, offers: &[Decimal]) -> Option<BasketItem> {
    let market = crate::observe::zscore::median(offers)?;
    Some(BasketItem { ours, market, weight: Decimal::ONE })
}

/// The basket against the median offer at an instant, one for each currency: amounts of two currencies are never added.
#[must_use]
pub fn baskets(tracks: &[Track], at: Millis, max_age: i64) -> BTreeMap<&'static str, BasketIndex> {
    let mut items: BTreeMap<&'static str, Vec<BasketItem>> = BTreeMap::new();
    for track in tracks {
        let (ours, offers) = track.amounts(at, max_age);
        items.entry(track.currency.code()).or_default().extend(item(ours, &offers));
    }
    items.into_iter().filter_map(|(code, items)| Some((code, basket_index(&items)?))).collect()
}

fn mean(values: &[Decimal]) -> Option<Decimal> {
    let sum = values.iter().try_fold(Decimal::ZERO, |sum, value| sum.checked_add(*value))?;
    sum.checked_div(Decimal::from(values.len()))
}

/// The index at the end of each of the last `days` days before `until`, as a chart in hundredths of a percent.
#[must_use]
pub fn trend(tracks: &[Track], until: Millis, days: i64, max_age: i64) -> Chart {
    let from = until.plus(-days * Millis::DAY);
    let at_day = |day: i64| {
        let at = from.plus(day * Millis::DAY);
        let index = Figures::at(tracks, at, max_age).index();
        let hundredths = index.and_then(|index| index.checked_mul(Decimal::ONE_HUNDRED));
        (at, hundredths.and_then(|value| i64::try_from(metrics::shown(value)).ok()))
    };
    let points = (0..=days).map(at_day).collect();
    Chart { from, until, lines: vec![Line { points, steps: false, dashed: false }], mark: Some(10_000) }
}

/// Ages, in hours, of the newest accepted sighting of every page.
#[must_use]
pub fn freshness(tracks: &[Track], at: Millis, max_age: i64) -> Option<FreshnessFigures> {
    let hours = |ms: i64| Decimal::from(ms.max(0)).checked_div(Decimal::from(Millis::HOUR)).unwrap_or_default();
    let mut newest: BTreeMap<i64, Millis> = BTreeMap::new();
    for seen in tracks.iter().flat_map(|track| &track.seen).filter(|seen| seen.first <= at) {
        let last = seen.last.min(at);
        newest.entry(seen.target).and_modify(|known| *known = (*known).max(last)).or_insert(last);
    }
    let ages: Vec<Decimal> = newest.values().map(|last| hours(at.since(*last))).collect();
    metrics::freshness(&ages, hours(max_age))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;

    fn seen(target: i64, competitor: &str, minor: i64, first: i64, last: i64) -> Seen {
        Seen {
            target,
            competitor: competitor.into(),
            minor,
            fate: Fate::Counted,
            in_stock: true,
            first: Millis(first),
            last: Millis(last),
        }
    }

    fn track(own: i64, decided: Vec<(i64, i64, i64)>, seen: Vec<Seen>) -> Track {
        Track {
            id: 1,
            sku: "A".into(),
            title: "A".into(),
            brand: None,
            category: None,
            tags: vec![],
            market: "DK".into(),
            currency: Currency::DKK,
            own_minor: own,
            recommended: None,
            shipping: 0,
            max_age: None,
            decided: decided.into_iter().map(|(at, before, after)| (Millis(at), before, after)).collect(),
            seen,
        }
    }

    #[test]
    fn the_past_is_what_was_asked_and_seen_then() {
        let runs =
            vec![seen(1, "near", 49_000, 0, 50), seen(1, "near", 47_900, 51, 100), seen(2, "far", 60_000, 10, 20)];
        let track = track(46_000, vec![(40, 50_000, 48_000), (80, 48_000, 46_000)], runs);
        assert_eq!([0, 40, 79, 80, 500].map(|at| track.ours(Millis(at))), [50_000, 48_000, 48_000, 46_000, 46_000]);
        let cheapest = |at| track.offers(Millis(at), 30).iter().map(|o| (o.competitor, o.minor)).collect::<Vec<_>>();
        assert_eq!(cheapest(5), [("near", 49_000)]);
        assert_eq!(cheapest(30), [("near", 49_000), ("far", 60_000)]);
        assert_eq!(cheapest(60), [("near", 47_900)], "the other page was not seen for longer than the limit");
        assert_eq!(cheapest(131), [], "a price nobody saw for long is no offer");
        assert_eq!(track.position(Millis(90), 30), Position::Cheapest);
    }

    #[test]
    fn figures_are_those_of_the_worked_examples_and_count_what_has_no_data() {
        let m01 = vec![seen(1, "a", 47_900, 0, 9), seen(2, "b", 49_000, 0, 9), seen(3, "c", 49_767, 0, 9)];
        let tracks = [track(48_000, vec![], m01), track(1, vec![], vec![])];
        let figures = Figures::at(&tracks, Millis(9), 10);
        assert_eq!(metrics::shown(figures.index().unwrap()), decimal("97.96").unwrap());
        assert_eq!(metrics::shown(figures.index_min.unwrap()), decimal("100.21").unwrap());
        assert_eq!(metrics::shown(figures.index_mean.unwrap()), decimal("98.18").unwrap());
        assert_eq!((figures.shares.no_data, figures.shares.with_data()), (1, 1));
        assert_eq!(figures.shares.coverage_pct(), Some(decimal("50").unwrap()));
    }

    #[test]
    fn every_currency_has_a_basket_of_its_own_and_an_index_has_none() {
        let dkk = track(100_000, vec![], vec![seen(1, "a", 100_000, 0, 9)]);
        let euro = Track { currency: Currency::EUR, ..track(10_000, vec![], vec![seen(2, "a", 5_000, 0, 9)]) };
        let tracks = [dkk, euro];
        let baskets: Vec<(&str, String)> = baskets(&tracks, Millis(9), 10)
            .into_iter()
            .map(|(code, basket)| (code, metrics::shown(basket.basket).to_string()))
            .collect();
        assert_eq!(baskets, [("DKK", "100.00".to_owned()), ("EUR", "200.00".to_owned())]);
        assert_eq!(Figures::at(&tracks, Millis(9), 10).index(), Some(decimal("150").unwrap()));
    }

    #[test]
    fn offers_are_those_of_decisions_and_delivered_prices_are_compared_with_ours_delivered() {
        let of = |fate: Fate, run: Seen| Seen { fate, ..run };
        let runs = vec![
            of(Fate::Condition, seen(1, "used", 300, 0, 9)),
            of(Fate::OutOfBounds, seen(2, "dumps", 100, 0, 9)),
            seen(3, "dumps", 450, 0, 9),
            seen(4, "near", 500, 0, 9),
            seen(5, "near", 480, 0, 9),
        ];
        let track = Track { shipping: 39, ..track(461, vec![], runs) };
        let offers: Vec<(&str, i64)> =
            track.offers(Millis(9), 10).iter().map(|offer| (offer.competitor, offer.minor)).collect();
        assert_eq!(offers, [("near", 480)], "each competitor once, and whose cheapest is out of bounds not at all");
        assert_eq!(track.index(Millis(9), 10).map(|index| index.gap_to_lowest), Some(decimal("0.20").unwrap()));
        let rule = Track { max_age: Some(3), ..track };
        assert!(rule.offers(Millis(13), 10).is_empty(), "the rule's own age limit");
    }

    #[test]
    fn a_chart_begins_with_the_first_sighting_and_not_with_its_span() {
        let runs = vec![seen(1, "a", 40_000, 5_000, 6_000)];
        let chart =
            track(48_000, vec![(7_000, 48_000, 47_000)], runs.clone()).history(Millis(1_000), Millis(9_000), 500);
        let points = |line: usize| -> Vec<(i64, Option<i64>)> {
            chart.lines[line].points.iter().map(|(at, value)| (at.0, *value)).collect()
        };
        assert_eq!(points(0), [(5_000, Some(48_000)), (7_000, Some(47_000))]);
        assert_eq!(points(1), [(5_000, Some(40_000)), (6_501, None)]);
        let known = track(48_000, vec![], runs).history(Millis(5_500), Millis(9_000), 500);
        assert_eq!(known.lines[1].points[0], (Millis(5_500), Some(40_000)), "older sightings fill the whole span");
    }

    #[test]
    fn a_trend_has_a_gap_where_nothing_was_seen() {
        let runs = vec![seen(1, "a", 40_000, 0, Millis::DAY)];
        let chart = trend(&[track(48_000, vec![], runs)], Millis(4 * Millis::DAY), 4, Millis::DAY);
        let values: Vec<Option<i64>> = chart.lines[0].points.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [Some(12_000), Some(12_000), Some(12_000), None, None]);
    }

    #[test]
    fn freshness_counts_every_page_once_by_its_newest_sighting() {
        let runs = vec![seen(1, "a", 1, 0, 10), seen(1, "a", 2, 11, 2 * Millis::HOUR), seen(2, "b", 2, 0, 0)];
        let figures = freshness(&[track(1, vec![], runs)], Millis(4 * Millis::HOUR), 3 * Millis::HOUR).unwrap();
        assert_eq!((figures.median, figures.p95), (decimal("3").unwrap(), decimal("4").unwrap()));
        assert_eq!(figures.within_limit_pct, decimal("50").unwrap());
    }
}
