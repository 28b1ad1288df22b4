//! Time alone starts decisions: no page changes, nobody imports anything, and prices follow the clock all the same.

use omniprice::clock::{Clock, Millis};
use omniprice::store::{decisions, products};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_rule_that_ends_hands_the_product_to_the_next_without_any_news,
    a_product_without_pages_follows_the_hours_of_its_rule,
    a_price_that_may_go_only_so_far_at_once_goes_on_until_it_is_there,
    a_used_up_day_is_over_at_local_midnight,
    an_offer_too_old_for_its_rule_is_noticed_when_it_becomes_so,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

async fn world(test: TestDb, rules: &'static str) -> World {
    let world = World::open_at(test, Setup { rules, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    world
}

/// Lets time pass; the competitors' pages stay what they are.
async fn later(world: &World, ms: i64) {
    world.app.clock.advance(ms);
    world.settle().await;
}

async fn asked_again_at(world: &World, sku: &str) -> Option<Millis> {
    products::by_sku(&world.app.db, sku).await.unwrap().unwrap().dirty_at.map(Millis)
}

async fn a_rule_that_ends_hands_the_product_to_the_next_without_any_news(test: TestDb) {
    let rules = "[[rule]]\nid = \"sale\"\npriority = 200\nmode = \"auto\"\nvalid = { until = 2026-11-24T10:10:00+01:00 }\n\
                 target = { kind = \"lowest\" }\nadjust = { percent = \"-4\" }\nbounds = { min = [{ margin_pct = \"10\" }] }\n";
    let world = world(test, rules).await;
    assert_eq!(world.ours("KETTLE").await, 47_904);
    later(&world, 9 * Millis::MINUTE).await;
    assert_eq!(world.ours("KETTLE").await, 47_904, "the rule is still in force");
    later(&world, Millis::MINUTE).await;
    assert_eq!(world.ours("KETTLE").await, 49_900, "its last moment is over");
}

async fn a_product_without_pages_follows_the_hours_of_its_rule(test: TestDb) {
    let rules = "[[rule]]\nid = \"lamps\"\npriority = 200\nmode = \"auto\"\nhours = \"10:30-11:00\"\nselect = { sku = [\"LAMP\"] }\n\
                 target = { kind = \"field\", field = \"regular\" }\n\
                 [[rule]]\nid = \"else\"\npriority = 150\nmode = \"auto\"\nselect = { sku = [\"LAMP\"] }\n\
                 target = { kind = \"field\", field = \"msrp\" }\n";
    let world = world(test, rules).await;
    let rules = world.app.rules().await.unwrap();
    let csv = "sku,price,cost,regular,msrp\nLAMP,100.00,40.00,95.00,100.00\n";
    let rows = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    world.settle().await;
    assert_eq!(asked_again_at(&world, "LAMP").await, Some(START.plus(30 * Millis::MINUTE)));
    later(&world, 30 * Millis::MINUTE).await;
    assert_eq!(world.ours("LAMP").await, 9_500);
    assert_eq!(asked_again_at(&world, "LAMP").await, Some(START.plus(60 * Millis::MINUTE)));
    later(&world, 30 * Millis::MINUTE).await;
    assert_eq!(world.ours("LAMP").await, 10_000);
    assert_eq!(asked_again_at(&world, "LAMP").await, Some(START.plus(Millis::DAY + 30 * Millis::MINUTE)));
}

async fn a_price_that_may_go_only_so_far_at_once_goes_on_until_it_is_there(test: TestDb) {
    let rules = "[[rule]]\nid = \"steps\"\npriority = 200\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                 bounds = { min = [{ margin_pct = \"10\" }] }\nlimits = { max_step_down_pct = \"3\" }\n";
    let world = world(test, rules).await;
    world.near.show("KETTLE", price(47_000));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 48_403, "three percent at once");
    let next = asked_again_at(&world, "KETTLE").await.unwrap();
    assert_eq!(next.since(world.app.now()) / Millis::MINUTE, world.app.schedule.interval(START) / Millis::MINUTE - 1);
    later(&world, world.app.schedule.interval(START)).await;
    assert_eq!(world.ours("KETTLE").await, 47_000);
}

async fn a_used_up_day_is_over_at_local_midnight(test: TestDb) {
    let rules = "[[rule]]\nid = \"once\"\npriority = 200\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                 bounds = { min = [{ margin_pct = \"10\" }] }\nlimits = { max_changes_per_day = 1 }\n";
    let world = world(test, rules).await;
    for minor in [48_900, 47_900] {
        world.near.show("KETTLE", price(minor));
        world.drive().await;
        assert_eq!(world.ours("KETTLE").await, 48_900);
    }
    assert_eq!(asked_again_at(&world, "KETTLE").await, Some(START.plus(14 * Millis::HOUR)));
    later(&world, 14 * Millis::HOUR).await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
}

async fn an_offer_too_old_for_its_rule_is_noticed_when_it_becomes_so(test: TestDb) {
    let rules = "[[rule]]\nid = \"fresh\"\npriority = 200\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                 offers = { max_age_h = 1 }\nbounds = { min = [{ margin_pct = \"10\" }] }\n";
    let world = world(test, rules).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let evaluation = decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
    let record: omniprice::flow::pricing::Record = serde_json::from_str(&evaluation.record).unwrap();
    let first = record.facts.offers.iter().map(|offer| offer.observed_at).min().unwrap();
    assert_eq!(asked_again_at(&world, "KETTLE").await, Some(first.plus(Millis::HOUR + 1)));
}
