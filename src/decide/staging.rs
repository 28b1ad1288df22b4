//! Staged activation: a new or edited rule acts on few products first, then on more, then on all.
//!
//! Which products are first depends only on the rule's id and the SKU, so every worker and every replay picks the same, and
//! an edit begins again with those that were first before: edits one after another must not draw in one product after another.

use sha2::{Digest, Sha256};

use crate::clock::Millis;
use crate::decide::release::{Proposal, ReleaseParams};
use crate::sentence::Sentence;

/// The resolution of a share: hundredths of a percent.
pub const WHOLE: u64 = 10_000;

/// The share of a rule's products on which it may act now, in hundredths of a percent.
#[must_use]
pub fn share(since: Millis, now: Millis, products: u32, params: &ReleaseParams) -> u64 {
    let stage_ms = i64::from(params.stage_h) * Millis::HOUR;
    let age_ms = now.since(since);
    let percent = if age_ms < stage_ms {
        params.stage_pct[0]
    } else if age_ms < 2 * stage_ms {
        params.stage_pct[1]
    } else {
        100
    };
    let least = u64::from(params.stage_least_products) * WHOLE / u64::from(products.max(1));
    (u64::from(percent) * WHOLE / 100).max(least).min(WHOLE)
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

/// When the turn of a product comes that has this place in a rule's queue: the beginning of the first stage with it.
#[must_use]
pub fn turn(place: u64, since: Millis, products: u32, params: &ReleaseParams) -> Millis {
    let stage_ms = i64::from(params.stage_h) * Millis::HOUR;
    let second = since.plus(stage_ms);
    if place < share(since, second, products, params) { second } else { second.plus(stage_ms) }
}

/// Why a product has to wait for a later stage; none if it is its turn.
#[must_use]
pub fn finding(proposal: &Proposal) -> Option<String> {
    let state = proposal.state;
    let (since, products) = (state.rule_since?, state.rule_products);
    let share = share(since, proposal.now, products, proposal.params);
    let place = place(&state.rule, &proposal.facts.product.sku);
    (place >= share).then(|| {
        let turn = turn(place, since, products, proposal.params);
        let share = format!("{}.{:02}", share / 100, share % 100);
        Sentence::NewRule.with(&[("share", &share), ("turn", &turn)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_grow_and_small_rules_start_with_five_products() {
        let params = ReleaseParams::default();
        let at = |hours: i64, products: u32| share(Millis(0), Millis(hours * Millis::HOUR), products, &params);
        assert_eq!([at(0, 10_000), at(24, 10_000), at(48, 10_000)], [100, 1_000, 10_000]);
        assert_eq!([at(0, 100), at(0, 5), at(0, 0)], [500, 10_000, 10_000]);
    }

    #[test]
    fn the_turn_of_every_product_comes_when_its_stage_begins() {
        let params = ReleaseParams::default();
        let since = Millis(5);
        for place in [0, 99, 100, 999, 1_000, 9_999] {
            let turn = turn(place, since, 10_000, &params);
            assert!(place < share(since, turn, 10_000, &params), "{place}");
            let before = share(since, turn.plus(-1), 10_000, &params);
            assert!(place >= before || place < 100, "{place} had its turn before");
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
