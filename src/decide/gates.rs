//! What answers before any rule is looked at: kill switch, locks, manual prices, regulated prices, campaigns.

use crate::clock::Millis;
use crate::decide::bounds;
use crate::decide::decision::{Flag, Outcome};
use crate::decide::facts::{Facts, ManualPrice};
use crate::decide::rules::EngineParams;
use crate::money::Money;

/// The answer of the first gate that is shut: outcome, reason, and the price that results.
#[must_use]
pub fn check(facts: &Facts, engine: &EngineParams, now: Millis) -> Option<(Outcome, Flag, Option<Money>)> {
    let product = &facts.product;
    if facts.kill_switch {
        return Some((Outcome::None, Flag::KillSwitch, product.current));
    }
    if product.lock.as_ref().is_some_and(|lock| lock.until.is_none_or(|until| now < until)) {
        return Some((Outcome::Keep, Flag::Locked, product.current));
    }
    if let Some(ManualPrice { price, .. }) = product.manual.as_ref().filter(|manual| now < manual.until) {
        return Some(set_price(facts, engine, *price, Flag::ManualPrice));
    }
    if product.regulated {
        return Some((Outcome::Keep, Flag::RegulatedPrice, product.current));
    }
    let campaign = product.campaign.as_ref().filter(|campaign| campaign.is_active(now))?;
    Some(set_price(facts, engine, campaign.price, Flag::Campaign))
}

/// A price that a person or a campaign set: kept while it is current, else proposed, but never below the floor.
fn set_price(facts: &Facts, engine: &EngineParams, price: Money, flag: Flag) -> (Outcome, Flag, Option<Money>) {
    if facts.product.current == Some(price) {
        return (Outcome::Keep, flag, Some(price));
    }
    let above_floor = bounds::floor(facts, &[], engine).is_some_and(|(floor, _)| price.minor() >= floor);
    if !above_floor || price.currency() != facts.market.currency {
        return (Outcome::Hold, flag, facts.product.current);
    }
    (Outcome::Change, flag, Some(price))
}
