//! The breakers over a whole run of proposals: what no single proposal shows.
//!
//! A wrong rule or a wrong import moves many products at once, each within its limits. Then the whole run is held: half
//! of a wrong run is not better than all of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decide::breaker::{RunTotals, RunVerdict, judge_run};
use crate::decide::release_guards::change_pct;
use crate::decide::rules::RunBreaker;
use crate::money::{Decimal, Money};

/// One product's part in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunItem {
    pub current: Option<Money>,
    /// None if nothing is proposed.
    pub proposed: Option<Money>,
    /// The release layer doubts the proposal and holds it.
    pub held: bool,
}

/// What a run is held against beside its own items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunRest {
    /// Products of the whole catalogue, those of the run among them.
    pub products: u32,
    /// Proposals about products that are not in the run, which were held lately because the release layer doubts them.
    pub held: u32,
}

/// Limits of a run; percentages are of its products, except where named change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunParams {
    /// A smaller run is judged only by its concentration.
    pub least_products: u32,
    pub large_change_pct: u32,
    pub large_changes_pct: u32,
    pub average_change_pct: u32,
    pub same_value_least: u32,
    pub same_value_pct: u32,
    pub held_pct: u32,
}

impl Default for RunParams {
    fn default() -> Self {
        Self {
            least_products: 20,
            large_change_pct: 10,
            large_changes_pct: 5,
            average_change_pct: 5,
            same_value_least: 5,
            same_value_pct: 2,
            held_pct: 10,
        }
    }
}

/// Why a run is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunHold {
    /// More of the catalogue would change than the engine's breaker allows.
    TooManyChanges { changes: u32, products: u32 },
    /// The mean of the changes is beyond the engine's breaker.
    AverageChange { percent: String },
    /// Many products change far.
    ManyLargeChanges { count: u32 },
    /// One price is given to many products that had different ones.
    SameValue { price: Money, products: u32 },
    /// Too many proposals were held one by one.
    ManyHeld { count: u32 },
}

/// The reasons to hold a whole run; empty if it may go on. Every limit must be exceeded, not only reached.
#[must_use]
pub fn run_breaker(items: &[RunItem], rest: RunRest, params: &RunParams, engine: &RunBreaker) -> Vec<RunHold> {
    let products = count(items.len());
    let changing: Vec<(&RunItem, Money)> = items
        .iter()
        .filter_map(|item| Some((item, item.proposed.filter(|price| item.current != Some(*price))?)))
        .collect();
    let changes: Vec<Decimal> = changing.iter().filter_map(|(item, price)| change_pct(item.current?, *price)).collect();
    let mut holds = Vec::new();
    let average = average(&changes);
    let totals = RunTotals { products, changes: count(changing.len()), avg_change_pct: average };
    match judge_run(&totals, engine) {
        RunVerdict::WithinLimits => {}
        RunVerdict::TooManyChanges => holds.push(RunHold::TooManyChanges { changes: totals.changes, products }),
        RunVerdict::AverageChange => holds.push(average_hold(average)),
    }
    let enough = products >= params.least_products;
    let large = count(changes.iter().filter(|change| change.abs() > Decimal::from(params.large_change_pct)).count());
    if enough && exceeds(large, params.large_changes_pct, products) {
        holds.push(RunHold::ManyLargeChanges { count: large });
    }
    let tighter = average.abs() > Decimal::from(params.average_change_pct);
    if enough && tighter && count(changes.len()) >= engine.min_changes && holds.iter().all(|hold| !is_average(hold)) {
        holds.push(average_hold(average));
    }
    holds.extend(same_value(&changing, products, params));
    let held = count(items.iter().filter(|item| item.held).count()).saturating_add(rest.held);
    let all = products.max(rest.products);
    if all >= params.least_products && exceeds(held, params.held_pct, all) {
        holds.push(RunHold::ManyHeld { count: held });
    }
    holds
}

fn average_hold(average: Decimal) -> RunHold {
    RunHold::AverageChange { percent: crate::decide::rounding::two_decimals(average).to_string() }
}

const fn is_average(hold: &RunHold) -> bool {
    matches!(hold, RunHold::AverageChange { .. })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn exceeds(part: u32, percent: u32, whole: u32) -> bool {
    u64::from(part) * 100 > u64::from(percent) * u64::from(whole)
}

fn average(changes: &[Decimal]) -> Decimal {
    let sum = changes.iter().fold(Decimal::ZERO, |sum, change| sum.saturating_add(*change));
    sum.checked_div(Decimal::from(changes.len())).unwrap_or(Decimal::ZERO)
}

/// One price for many products whose prices differed: the sign of a slipped cap, or of a parsed delivery fee.
fn same_value(changing: &[(&RunItem, Money)], products: u32, params: &RunParams) -> Option<RunHold> {
    let mut olds: BTreeMap<(i64, &str), Vec<Option<Money>>> = BTreeMap::new();
    for (item, price) in changing {
        olds.entry((price.minor(), price.currency().code())).or_default().push(item.current);
    }
    let differ = |olds: &Vec<Option<Money>>| olds.iter().any(|old| *old != olds[0]);
    let ((minor, _), olds) = olds.into_iter().filter(|(_, olds)| differ(olds)).max_by_key(|(_, olds)| olds.len())?;
    let (_, price) = changing.iter().find(|(_, price)| price.minor() == minor)?;
    let (number, price) = (count(olds.len()), *price);
    let allowed = params.same_value_least.max(count((products as usize * params.same_value_pct as usize) / 100));
    (number > allowed).then_some(RunHold::SameValue { price, products: number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn item(current: i64, proposed: i64) -> RunItem {
        let usd = |minor| Some(Money::from_minor(minor, Currency::USD));
        RunItem { current: usd(current), proposed: usd(proposed), held: false }
    }

    fn judge(items: &[RunItem]) -> Vec<RunHold> {
        run_breaker(items, RunRest::default(), &RunParams::default(), &RunBreaker::default())
    }

    #[test]
    fn one_cap_for_the_whole_catalogue_is_held_even_in_a_small_run() {
        let items: Vec<RunItem> = (0..8).map(|n| item(5_100 + n, 4_995)).collect();
        assert!(judge(&items).iter().any(|hold| matches!(hold, RunHold::SameValue { products: 8, .. })));
        let alike: Vec<RunItem> = (0..8).map(|_| item(5_000, 4_995)).collect();
        assert!(judge(&alike).is_empty(), "variants of one price may move together");
        let mut large: Vec<RunItem> = (0..1_000).map(|n| item(10_000 + n, 10_000 + n)).collect();
        large.iter_mut().take(20).for_each(|item| item.proposed = Some(Money::from_minor(9_999, Currency::USD)));
        assert!(judge(&large).is_empty(), "two percent of a thousand may share a price");
    }

    #[test]
    fn an_ordinary_run_goes_on() {
        let mut items: Vec<RunItem> = (0..1_000).map(|n| item(10_000 + n, 10_000 + n)).collect();
        for (n, item) in items.iter_mut().enumerate().take(120) {
            item.proposed = Some(Money::from_minor(9_800 + i64::try_from(n).unwrap(), Currency::USD));
        }
        assert_eq!(judge(&items), []);
    }

    #[test]
    fn many_large_changes_and_many_holds_stop_a_run() {
        let mut items: Vec<RunItem> = (0..100).map(|n| item(10_000 + n, 10_000 + n)).collect();
        for item in items.iter_mut().take(6) {
            item.proposed = item.current.map(|current| Money::from_minor(current.minor() * 88 / 100, Currency::USD));
        }
        assert!(judge(&items).contains(&RunHold::ManyLargeChanges { count: 6 }));
        let mut at_limit: Vec<RunItem> = (0..100).map(|_| item(10_000, 10_000)).collect();
        at_limit.iter_mut().take(6).for_each(|item| *item = self::item(10_000, 9_000));
        let many = |hold: &RunHold| matches!(hold, RunHold::ManyLargeChanges { .. });
        assert!(!judge(&at_limit).iter().any(many), "ten percent exactly is not more than ten percent");
        for item in items.iter_mut().take(11) {
            item.held = true;
        }
        assert!(judge(&items).contains(&RunHold::ManyHeld { count: 11 }));
    }

    #[test]
    fn what_was_held_in_earlier_claims_counts_against_the_whole_catalogue() {
        let claim: Vec<RunItem> = (0..64).map(|n| item(10_000 + n, 10_000 + n)).collect();
        let judge = |products: u32, held: u32| {
            run_breaker(&claim, RunRest { products, held }, &RunParams::default(), &RunBreaker::default())
        };
        assert_eq!(judge(1_000, 101), [RunHold::ManyHeld { count: 101 }]);
        assert_eq!(judge(1_000, 100), [], "a tenth exactly is not more than a tenth");
        assert_eq!(judge(100_000, 9_999), []);
    }
}
