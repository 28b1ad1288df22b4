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

/// Products of a run that its shares are taken of at most: beyond them a smaller whole only makes the breakers stricter.
pub const RUN_PRODUCTS: u32 = 10_000;

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

/// What the breakers look at, added up item by item: a run of any length takes no more room than its different prices.
#[derive(Debug, Clone, Default)]
pub struct RunTally {
    changes: u32,
    /// Changes whose percentage is known, their sum, and those that go far.
    measured: u32,
    sum: Decimal,
    large: u32,
    held: u32,
    /// Who gets which price.
    values: BTreeMap<(i64, &'static str), SameValue>,
}

#[derive(Debug, Clone)]
struct SameValue {
    price: Money,
    products: u32,
    /// The first product's old price, and whether another one had a different one.
    old: Option<Money>,
    differ: bool,
}

impl RunTally {
    /// Adds one product's part.
    pub fn add(&mut self, item: &RunItem, params: &RunParams) {
        self.held += u32::from(item.held);
        let Some(price) = item.proposed.filter(|price| item.current != Some(*price)) else { return };
        self.changes += 1;
        if let Some(change) = item.current.and_then(|current| change_pct(current, price)) {
            self.measured += 1;
            self.sum = self.sum.saturating_add(change);
            self.large += u32::from(change.abs() > Decimal::from(params.large_change_pct));
        }
        let fresh = || SameValue { price, products: 0, old: item.current, differ: false };
        let same = self.values.entry((price.minor(), price.currency().code())).or_insert_with(fresh);
        same.products += 1;
        same.differ |= same.old != item.current;
    }

    /// Products that change.
    #[must_use]
    pub const fn changes(&self) -> u32 {
        self.changes
    }

    /// The reasons to hold a run of so many products; empty if it may go on. Every limit must be exceeded, not only reached.
    #[must_use]
    pub fn holds(&self, products: u32, rest: RunRest, params: &RunParams, engine: &RunBreaker) -> Vec<RunHold> {
        let mut holds = Vec::new();
        let average = self.sum.checked_div(Decimal::from(self.measured)).unwrap_or(Decimal::ZERO);
        let totals = RunTotals { products, changes: self.changes, avg_change_pct: average };
        match judge_run(&totals, engine) {
            RunVerdict::WithinLimits => {}
            RunVerdict::TooManyChanges => holds.push(RunHold::TooManyChanges { changes: self.changes, products }),
            RunVerdict::AverageChange => holds.push(average_hold(average)),
        }
        let enough = products >= params.least_products;
        if enough && exceeds(self.large, params.large_changes_pct, products) {
            holds.push(RunHold::ManyLargeChanges { count: self.large });
        }
        let tighter = average.abs() > Decimal::from(params.average_change_pct);
        if enough && tighter && self.measured >= engine.min_changes && holds.iter().all(|hold| !is_average(hold)) {
            holds.push(average_hold(average));
        }
        holds.extend(self.same_value(products, params));
        let held = self.held.saturating_add(rest.held);
        let all = products.max(rest.products);
        if all >= params.least_products && exceeds(held, params.held_pct, all) {
            holds.push(RunHold::ManyHeld { count: held });
        }
        holds
    }

    /// One price for many products whose prices differed: the sign of a slipped cap, or of a parsed delivery fee.
    fn same_value(&self, products: u32, params: &RunParams) -> Option<RunHold> {
        let most = self.values.values().filter(|same| same.differ).max_by_key(|same| same.products)?;
        let share = u64::from(products) * u64::from(params.same_value_pct) / 100;
        let allowed = u64::from(params.same_value_least).max(share);
        let hold = RunHold::SameValue { price: most.price, products: most.products };
        (u64::from(most.products) > allowed).then_some(hold)
    }
}

/// The reasons to hold a whole run; empty if it may go on.
#[must_use]
pub fn run_breaker(items: &[RunItem], rest: RunRest, params: &RunParams, engine: &RunBreaker) -> Vec<RunHold> {
    let mut tally = RunTally::default();
    items.iter().for_each(|item| tally.add(item, params));
    tally.holds(u32::try_from(items.len()).unwrap_or(u32::MAX), rest, params, engine)
}

fn average_hold(average: Decimal) -> RunHold {
    RunHold::AverageChange { percent: crate::decide::rounding::two_decimals(average).to_string() }
}

const fn is_average(hold: &RunHold) -> bool {
    matches!(hold, RunHold::AverageChange { .. })
}

fn exceeds(part: u32, percent: u32, whole: u32) -> bool {
    u64::from(part) * 100 > u64::from(percent) * u64::from(whole)
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
    fn a_price_in_another_money_is_no_change_of_the_one_before() {
        let mut items: Vec<RunItem> = (0..40).map(|n| item(10_000 + n, 10_060 + n)).collect();
        for item in items.iter_mut().take(20) {
            item.proposed = Some(Money::from_minor(1_340, Currency::EUR));
        }
        let average = judge(&items).into_iter().find(is_average);
        assert_eq!(average, None, "what can be measured is 0.6 %");
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
