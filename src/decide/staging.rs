//! Staged activation: a new or edited rule acts on few products first, then on more, then on all.
//!
//! Which products are first depends only on the rule's id and the SKU, so every worker and every replay picks the same, and
//! an edit begins again with those that were first before: edits one after another must not draw in one product after another.
//! How many they are is counted: a stage ends at the place of its last product.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Millis;
use crate::decide::release::{Proposal, ReleaseParams};
use crate::sentence::Sentence;

/// The resolution of a share: hundredths of a percent.
pub const WHOLE: u64 = 10_000;

/// The products that a stage of a rule acts on: those with a place below `below`, which are so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub below: u64,
    pub products: u32,
}

/// How many products of a rule have each place of its queue.
#[derive(Debug, Clone)]
pub struct Queue(Vec<u32>);

impl Default for Queue {
    fn default() -> Self {
        Self(vec![0; usize::try_from(WHOLE).unwrap_or(0)])
    }
}

impl Queue {
    /// Adds a product that the rule matches.
    pub fn add(&mut self, rule: &str, sku: &str) {
        if let Some(n) = usize::try_from(place(rule, sku)).ok().and_then(|place| self.0.get_mut(place)) {
            *n = n.saturating_add(1);
        }
    }

    #[must_use]
    pub fn products(&self) -> u32 {
        self.0.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The first two stages: the share of each in whole products, rounded up, and no fewer than the least number. Products
    /// that share the last place are all in.
    #[must_use]
    pub fn stages(&self, params: &ReleaseParams) -> [Stage; 2] {
        let all = u64::from(self.products());
        params.stage_pct.map(|percent| {
            let wanted = (all * u64::from(percent)).div_ceil(100).max(u64::from(params.stage_least_products)).min(all);
            let mut stage = Stage { below: 0, products: 0 };
            for (n, next) in self.0.iter().zip(1..) {
                if u64::from(stage.products) >= wanted {
                    break;
                }
                stage = Stage { below: next, products: stage.products.saturating_add(*n) };
            }
            stage
        })
    }
}

/// Since when a rule has its present form, how many products it matches, and which of them come first: none in records of
/// older versions, where a stage was a share of all places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Young {
    pub since: Millis,
    pub products: u32,
    pub stages: Option<[Stage; 2]>,
}

impl Young {
    /// The places below which products are in at an instant, and how many hundredths of a percent of all products they are.
    #[must_use]
    pub fn reach(&self, now: Millis, params: &ReleaseParams) -> (u64, u64) {
        let stage_ms = i64::from(params.stage_h) * Millis::HOUR;
        let age_ms = now.since(self.since);
        let which = if age_ms < stage_ms {
            0
        } else if age_ms < 2 * stage_ms {
            1
        } else {
            return (WHOLE, WHOLE);
        };
        let all = u64::from(self.products.max(1));
        if let Some(stage) = self.stages.map(|stages| stages[which]) {
            return (stage.below, (u64::from(stage.products) * WHOLE / all).min(WHOLE));
        }
        let least = u64::from(params.stage_least_products) * WHOLE / all;
        let share = (u64::from(params.stage_pct[which]) * WHOLE / 100).max(least).min(WHOLE);
        (share, share)
    }

    /// When the turn of a product comes that has this place in the queue: the beginning of the first stage with it.
    #[must_use]
    pub fn turn(&self, place: u64, params: &ReleaseParams) -> Millis {
        let stage_ms = i64::from(params.stage_h) * Millis::HOUR;
        let second = self.since.plus(stage_ms);
        if place < self.reach(second, params).0 { second } else { second.plus(stage_ms) }
    }
}

/// Where a product stands in the queue of a rule, between 0 and [`WHOLE`].
#[must_use]
pub fn place(rule: &str, sku: &str) -> u64 {
    // The length keeps ("ab", "c") and ("a", "bc") apart.
    let mut hash = Sha256::new();
    hash.update(rule.len().to_be_bytes());
    hash.update(rule);
    hash.update(sku);
    let digest = hash.finalize();
    let first: [u8; 8] = [digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]];
    u64::from_be_bytes(first) % WHOLE
}

/// Why a product has to wait for a later stage; none if it is its turn.
#[must_use]
pub fn finding(proposal: &Proposal) -> Option<String> {
    let state = proposal.state;
    let young = Young { since: state.rule_since?, products: state.rule_products, stages: state.rule_stages };
    let (below, share) = young.reach(proposal.now, proposal.params);
    let place = place(&state.rule, &proposal.facts.product.sku);
    (place >= below).then(|| {
        let turn = young.turn(place, proposal.params);
        let share = format!("{}.{:02}", share / 100, share % 100);
        Sentence::NewRule.with(&[("share", &share), ("turn", &turn)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(products: u32) -> Queue {
        let mut queue = Queue::default();
        (0..products).for_each(|n| queue.add("rule", &format!("SKU{n}")));
        queue
    }

    fn young(products: u32, params: &ReleaseParams) -> Young {
        Young { since: Millis(5), products, stages: Some(queue(products).stages(params)) }
    }

    #[test]
    fn a_stage_lets_as_many_products_through_as_it_says() {
        let params = ReleaseParams::default();
        for (products, first, second) in [(0, 0, 0), (3, 3, 3), (6, 5, 5), (7, 5, 5), (60, 5, 6), (950, 10, 95)] {
            let young = young(products, &params);
            for (hours, wanted) in [(0, first), (24, second), (48, products)] {
                let (below, share) = young.reach(young.since.plus(hours * Millis::HOUR), &params);
                let through = (0..products).filter(|n| place("rule", &format!("SKU{n}")) < below).count();
                assert_eq!(through, wanted as usize, "{products} products after {hours} h");
                let told = u64::from(wanted) * WHOLE / u64::from(products.max(1));
                assert!(share == told || hours == 48, "{products} products after {hours} h: {share}");
            }
        }
        let [first, second] = queue(100_000).stages(&params);
        assert!((1_000..1_030).contains(&first.products) && (10_000..10_030).contains(&second.products));
    }

    #[test]
    fn a_record_of_an_older_version_comes_out_as_it_did() {
        let params = ReleaseParams::default();
        let at = |hours: i64, products: u32| {
            let young = Young { since: Millis(0), products, stages: None };
            young.reach(Millis(hours * Millis::HOUR), &params)
        };
        let twice = |share| (share, share);
        assert_eq!([at(0, 10_000), at(24, 10_000), at(48, 10_000)], [100, 1_000, 10_000].map(twice));
        assert_eq!([at(0, 100), at(0, 5), at(0, 0)], [500, 10_000, 10_000].map(twice));
    }

    #[test]
    fn the_turn_of_every_product_comes_when_its_stage_begins() {
        let params = ReleaseParams::default();
        for young in [young(10_000, &params), Young { since: Millis(5), products: 10_000, stages: None }] {
            let first = young.reach(young.since, &params).0;
            for place in [0, 99, 100, 999, 1_000, 9_999] {
                let turn = young.turn(place, &params);
                assert!(place < young.reach(turn, &params).0, "{place}");
                let before = young.reach(turn.plus(-1), &params).0;
                assert!(place >= before || place < first, "{place} had its turn before");
            }
        }
    }

    #[test]
    fn places_are_spread_evenly_and_never_change() {
        let first = (0..10_000).filter(|n| place("rule", &format!("SKU{n}")) < 100).count();
        assert!((60..=140).contains(&first), "{first}");
        assert_eq!(place("rule", "SKU1"), place("rule", "SKU1"));
        assert_ne!(place("rule", "SKU1"), place("other", "SKU1"));
    }
}
