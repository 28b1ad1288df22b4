//! What comes after a price that a person set, and what tills are told of it, through the real application.

use omniprice::clock::{Clock, Millis};
use omniprice::flow::pricing::Record;
use omniprice::store::overrides::{self, Kind};
use omniprice::store::{decisions, products};
use serde_json::json;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};
use crate::intent::{add, set};
use crate::web::ask;

both_engines![
    tills_are_not_told_of_a_start_that_a_person_keeps_from_happening,
    steps_are_counted_from_the_price_that_a_person_had_set,
    what_a_person_had_set_begins_no_cooldown_of_a_rule,
    a_reason_is_as_old_as_it_is,
    a_small_rule_acts_on_as_many_products_as_it_says,
];

const START: Millis = Millis(1_795_510_800_000);
const CALM: &str = "[[rule]]\nid = \"calm\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                    bounds = { min = [ { margin_pct = \"10\" } ] }\nlimits = { max_step_down_pct = \"5\", max_step_up_pct = \"10\" }\n";

async fn world(test: TestDb, setup: Setup) -> World {
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    world
}

async fn upcoming(world: &World) -> usize {
    ask(&world.app, "/v1/prices/upcoming").await["upcoming"].as_array().unwrap().len()
}

async fn tills_are_not_told_of_a_start_that_a_person_keeps_from_happening(test: TestDb) {
    let world = world(test, Setup::default()).await;
    add(&world, 2 * Millis::HOUR, 3 * Millis::DAY, "").await;
    assert_eq!(upcoming(&world).await, 1);
    for (kind, amount) in [(Kind::Lock, None), (Kind::Price, Some(45_900))] {
        // What is over by then keeps nothing from happening.
        set(&world, kind, amount, Millis::HOUR).await;
        assert_eq!(upcoming(&world).await, 1, "{kind:?}");
        set(&world, kind, amount, 3 * Millis::HOUR).await;
        assert_eq!(ask(&world.app, "/v1/prices/upcoming").await["upcoming"], json!([]), "{kind:?}");
        let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
        let (by, why) = ("ann".to_owned(), "done".to_owned());
        overrides::end(&world.app.db, product.id, kind, by, why, world.app.now()).await.unwrap();
        assert_eq!(upcoming(&world).await, 1, "{kind:?}");
    }
}

/// The last decision's record, and its price.
async fn newest(world: &World) -> (Record, i64) {
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let newest = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    (serde_json::from_str(&newest.record).unwrap(), newest.price_minor)
}

async fn steps_are_counted_from_the_price_that_a_person_had_set(test: TestDb) {
    let off = "[release]\noff = [\"quorum\", \"staging\", \"dead_band\", \"velocity\"]\n";
    let world = world(test, Setup { rules: CALM, config: off, ..Setup::default() }).await;
    // A price that was wrong: whoever takes it back must not see it come back in one leap.
    world.near.show("KETTLE", price(42_900));
    set(&world, Kind::Price, Some(53_900), Millis::HOUR).await;
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 53_900);
    world.app.clock.advance(Millis::HOUR + Millis::MINUTE);
    world.drive().await;
    let (record, minor) = newest(&world).await;
    assert!(record.facts.product.set_by_hand, "{record:?}");
    assert_eq!(minor, 51_205, "5 % below 539.00, and not below 499.00: {:?}", record.release);
    // The way up goes in steps, too, and the guards let each of them pass.
    world.near.show("KETTLE", price(49_900));
    set(&world, Kind::Price, Some(40_000), Millis::HOUR).await;
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 40_000);
    world.app.clock.advance(Millis::HOUR + Millis::MINUTE);
    world.drive().await;
    let (record, minor) = newest(&world).await;
    assert_eq!(minor, 44_000, "10 % above 400.00: {:?}", record.release);
}

async fn what_a_person_had_set_begins_no_cooldown_of_a_rule(test: TestDb) {
    const SLOW: &str = "[[rule]]\nid = \"slow\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                        bounds = { min = [ { margin_pct = \"10\" } ] }\nlimits = { cooldown_min = 120 }\n";
    let world = world(test, Setup { rules: SLOW, ..Setup::default() }).await;
    world.near.show("KETTLE", price(47_900));
    set(&world, Kind::Price, Some(45_900), Millis::HOUR).await;
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 45_900);
    world.app.clock.advance(Millis::HOUR + Millis::MINUTE);
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_900, "an hour after it was set, and at once after its end");
    // The rule's own change does.
    world.near.show("KETTLE", price(46_900));
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
    world.app.clock.advance(Millis::HOUR + Millis::MINUTE);
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 46_900);
}

async fn a_reason_is_as_old_as_it_is(test: TestDb) {
    let world = world(test, Setup::default()).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let evaluation = async || decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
    let kept = evaluation().await;
    assert_eq!(kept.outcome, "keep", "{}", kept.why);
    world.app.clock.advance(Millis::HOUR);
    for (amount, minutes) in [(48_900, 1), (47_900, 2)] {
        set(&world, Kind::Price, Some(amount), Millis::DAY).await;
        world.app.clock.advance(minutes * Millis::MINUTE);
        world.settle().await;
    }
    let rows = decisions::of_product_since(&world.app.db, product.id, Millis(0)).await.unwrap();
    let changed = evaluation().await;
    assert_eq!(rows.len(), 2);
    assert!(changed.since >= rows[1].created_at, "{} since {}: {}", changed.outcome, changed.since, changed.why);
    assert!(changed.why.contains("479.00"), "{}", changed.why);
    // The same reason again is not a new one.
    let since = evaluation().await.since;
    world.app.clock.advance(Millis::HOUR);
    products::mark_all_dirty(&world.app.db, world.app.now()).await.unwrap();
    world.settle().await;
    let first = evaluation().await;
    world.app.clock.advance(Millis::HOUR);
    products::mark_all_dirty(&world.app.db, world.app.now()).await.unwrap();
    world.settle().await;
    let again = evaluation().await;
    assert_eq!((again.outcome.as_str(), again.since), ("keep", first.since), "{since}: {}", again.why);
    assert!(again.evaluated_at > again.since);
    // Another reason for the same outcome is.
    overrides::end(&world.app.db, product.id, Kind::Price, "ann".into(), "done".into(), world.app.now()).await.unwrap();
    set(&world, Kind::Lock, None, Millis::DAY).await;
    world.settle().await;
    let locked = evaluation().await;
    assert!(locked.why.contains("locked") && locked.since == locked.evaluated_at, "{}: {}", locked.since, locked.why);
}

async fn a_small_rule_acts_on_as_many_products_as_it_says(test: TestDb) {
    let products: Vec<_> = ["A1", "A2", "A3", "A4", "A5", "A6"].map(|sku| (sku, "499.00", Some("250.00"))).into();
    let setup = Setup { products, config: "[release]\noff = [\"quorum\", \"dead_band\"]\n", ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    for sku in ["A1", "A2", "A3", "A4", "A5", "A6"] {
        world.near.show(sku, price(48_900));
    }
    world.drive().await;
    let (mut moved, mut held) = (0, vec![]);
    for product in products::page(&world.app.db, 0, 10).await.unwrap() {
        let evaluation = decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
        moved += usize::from(product.own_minor != 49_900);
        held.extend((evaluation.outcome == "hold").then_some(evaluation.why));
    }
    assert_eq!((moved, held.len()), (5, 1), "at least five: {held:?}");
    assert!(held[0].contains("acts on 83.33 % of its products so far"), "{held:?}");
}
