//! Our place in the market at any instant, from the recorded runs of competing prices and our own decisions.
//!
//! Basis: item prices as customers see them, in the product's currency; a competing offer counts while it is in stock
//! and its last sighting is not older than the age limit. Products without such an offer are counted apart.

use std::collections::BTreeMap;

use super::chart::{Chart, Line};
use super::metrics::{self, BasketIndex, BasketItem, FreshnessFigures, Position, ProductIndex, Shares, basket_index};
use crate::clock::Millis;
use crate::money::{Currency, Decimal, Money};

/// A competing price over the time in which it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The page; one competitor may have several.
    pub target: i64,
    pub competitor: String,
    pub minor: i64,
    pub in_stock: bool,
    pub first: Millis,
    pub last: Millis,
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
    /// Price before and after each decision of the span, oldest first.
    pub decided: Vec<(Millis, i64, i64)>,
    /// Accepted runs, per page oldest first.
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

    /// Competing offers that count at an instant, the cheapest first.
    #[must_use]
    pub fn offers(&self, at: Millis, max_age: i64) -> Vec<Offer<'_>> {
        let mut newest: BTreeMap<i64, &Seen> = BTreeMap::new();
        for seen in self.seen.iter().filter(|seen| seen.first <= at) {
            newest.insert(seen.target, seen);
        }
        let counts = |seen: &&&Seen| seen.in_stock && seen.minor > 0 && at.since(seen.last) <= max_age;
        let mut offers: Vec<Offer<'_>> = newest
            .values()
            .filter(counts)
            .map(|seen| Offer { competitor: &seen.competitor, minor: seen.minor })
            .collect();
        offers.sort_by(|a, b| (a.minor, a.competitor).cmp(&(b.minor, b.competitor)));
        offers
    }

    /// Our price and the offers' at an instant, in major units.
    #[must_use]
    pub fn amounts(&self, at: Millis, max_age: i64) -> (Decimal, Vec<Decimal>) {
        let amount = |minor| Money::from_minor(minor, self.currency).amount();
        (amount(self.ours(at)), self.offers(at, max_age).iter().map(|offer| amount(offer.minor)).collect())
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
        let mut ours = vec![(begin, Some(self.ours(begin)))];
        let inside = |at: Millis| at > begin && at <= until;
        ours.extend(self.decided.iter().filter(|(at, ..)| inside(*at)).map(|(at, _, after)| (*at, Some(*after))));
        let ends = self.seen.iter().map(|seen| seen.last.plus(max_age + 1));
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

/// The market of many products at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub shares: Shares,
    /// Against the median of each product's offers, every product counting the same.
    pub against_median: Option<BasketIndex>,
    /// Means over products with data.
    pub index_mean: Option<Decimal>,
    pub index_min: Option<Decimal>,
}

impl Figures {
    /// The index that mails show: the mean over products of our price against the median offer.
    #[must_use]
    pub fn index(&self) -> Option<Decimal> {
        self.against_median.map(|basket| basket.mean_of_indices)
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
            if let Some(market) = crate::observe::zscore::median(&offers) {
                items.push(BasketItem { ours, market, weight: Decimal::ONE });
            }
        }
        Self { shares, against_median: basket_index(&items), index_mean: mean(&means), index_min: mean(&mins) }
    }
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
        Seen { target, competitor: competitor.into(), minor, in_stock: true, first: Millis(first), last: Millis(last) }
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
