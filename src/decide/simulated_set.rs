//! Prices that people and campaigns set during a simulation, and the way back from them, as the daemon goes it.

use crate::decide::bounds;
use crate::decide::decision::{Decision, Flag};
use crate::decide::facts::{Facts, Product};
use crate::decide::rules::EngineParams;
use crate::money::Money;

/// The price from before a person or a campaign set the current one, while that is in force.
#[derive(Debug, Default)]
pub struct SetPrice {
    before: Option<Money>,
    by_hand: bool,
}

impl SetPrice {
    /// Puts it into the facts of a decision.
    pub fn enter(&self, product: &mut Product) {
        product.before_set = self.before;
        product.set_by_hand = self.by_hand;
        if self.before.is_some() && product.manual.is_none() && product.campaign.is_none() {
            // A rule's cooldown counts from its own changes.
            product.last_changed = None;
        }
    }

    /// The price that goes out whatever rules say: a set one, or the one before it where no rule says what follows.
    #[must_use]
    pub fn due(&self, facts: &Facts, decision: &Decision, engine: &EngineParams) -> Option<Money> {
        if decision.is_set() {
            return decision.price.filter(|_| decision.proposes());
        }
        let back = self.before.filter(|before| facts.product.current != Some(*before));
        let back = back.filter(|_| decision.is_silent() && !decision.is_gated())?;
        let (floor, _) = bounds::floor(facts, &[], engine)?;
        (back.minor() >= floor).then_some(back)
    }

    /// A decision moved the price away from `from`.
    pub fn moved(&mut self, decision: &Decision, from: Option<Money>) {
        *self = if decision.is_set() {
            Self { before: self.before.or(from), by_hand: decision.has(Flag::ManualPrice) }
        } else {
            Self::default()
        };
    }
}
