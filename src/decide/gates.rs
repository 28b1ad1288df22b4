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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::campaign::CampaignPrice;
    use crate::decide::facts::{AppliedVat, Lock, Market, Product};
    use crate::decide::text::Zone;
    use crate::money::{Currency, Decimal};

    const NOW: Millis = Millis(1_000);

    fn dkk(minor: i64) -> Money {
        Money::from_minor(minor, Currency::DKK)
    }

    fn facts(change: impl FnOnce(&mut Product)) -> Facts {
        let mut product = Product {
            current: Some(dkk(49_900)),
            cost_net: Some(dkk(30_000)),
            vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
            ..Product::named("A1")
        };
        change(&mut product);
        Facts::new(product, Market::of_country("DK", Currency::DKK, Zone::UTC))
    }

    fn gate(facts: &Facts) -> Option<(Outcome, Flag, Option<i64>)> {
        let answer = check(facts, &EngineParams::default(), NOW);
        answer.map(|(outcome, flag, price)| (outcome, flag, price.map(Money::minor)))
    }

    fn manual(minor: i64, until: i64) -> Option<ManualPrice> {
        let (owner, reason) = ("anna".to_owned(), "test".to_owned());
        Some(ManualPrice { price: dkk(minor), owner, reason, until: Millis(until) })
    }

    fn campaign(minor: i64) -> Option<CampaignPrice> {
        Some(CampaignPrice { id: "bf".to_owned(), price: dkk(minor), from: NOW, until: Millis(2_000) })
    }

    #[test]
    fn a_person_beats_the_rules_but_not_the_floor() {
        let change = |minor: i64| gate(&facts(|product| product.manual = manual(minor, 2_000)));
        assert_eq!(change(45_000), Some((Outcome::Change, Flag::ManualPrice, Some(45_000))));
        assert_eq!(change(49_900), Some((Outcome::Keep, Flag::ManualPrice, Some(49_900))));
        assert_eq!(change(37_500), Some((Outcome::Change, Flag::ManualPrice, Some(37_500))));
        assert_eq!(change(37_499), Some((Outcome::Hold, Flag::ManualPrice, Some(49_900))));
        let unknown_cost = facts(|product| {
            product.manual = manual(45_000, 2_000);
            product.cost_net = None;
        });
        assert_eq!(gate(&unknown_cost), Some((Outcome::Hold, Flag::ManualPrice, Some(49_900))));
        assert_eq!(gate(&facts(|product| product.manual = manual(45_000, 1_000))), None, "it has expired");
    }

    #[test]
    fn gates_answer_in_their_order() {
        let lock = |until: Option<i64>| {
            Some(Lock { owner: "anna".to_owned(), reason: "test".to_owned(), until: until.map(Millis) })
        };
        let mut all = facts(|product| {
            product.lock = lock(None);
            product.manual = manual(45_000, 2_000);
            product.regulated = true;
            product.campaign = campaign(44_000);
        });
        all.kill_switch = true;
        let mut answers = Vec::new();
        while let Some((_, flag, _)) = gate(&all) {
            answers.push(flag);
            match flag {
                Flag::KillSwitch => all.kill_switch = false,
                Flag::Locked => all.product.lock = lock(Some(NOW.0)),
                Flag::ManualPrice => all.product.manual = None,
                Flag::RegulatedPrice => all.product.regulated = false,
                _ => all.product.campaign = None,
            }
        }
        let order = [Flag::KillSwitch, Flag::Locked, Flag::ManualPrice, Flag::RegulatedPrice, Flag::Campaign];
        assert_eq!(answers, order);
    }

    #[test]
    fn a_campaign_below_the_floor_waits_for_a_person() {
        let change = |minor: i64| gate(&facts(|product| product.campaign = campaign(minor)));
        assert_eq!(change(44_000), Some((Outcome::Change, Flag::Campaign, Some(44_000))));
        assert_eq!(change(37_499), Some((Outcome::Hold, Flag::Campaign, Some(49_900))));
    }
}
