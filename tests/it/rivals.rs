//! Crawls that cannot be believed and competitors that chase us, through the real application on both engines.

use std::sync::atomic::Ordering;

use omniprice::clock::{Clock, Millis};
use omniprice::demo::market::Shown;
use omniprice::store::{decisions, events, observations, products, rivals};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_competitor_that_sells_out_at_once_is_suspended_and_its_prices_stay,
    a_price_war_freezes_us_for_a_day_and_then_the_rule_is_back,
    an_answer_to_a_price_war_stands_as_long_as_it_is_configured_to,
    stepping_to_the_next_leaves_the_rival_out,
    prices_that_flip_freeze_the_product,
];

const START: Millis = Millis(1_795_510_800_000);
const SKUS: [&str; 12] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];
/// The defaults, which worlds of other tests do without.
const WATCHED: &str = "[guards.rivalry]\nleast_alternations = 6\n";
const UNDERCUT: &str = "[[rule]]\nid = \"under\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\nadjust = { amount = \"-1.00\" }\n\
                        bounds = { min = [ { margin_pct = \"10\" } ] }\n";

async fn a_competitor_that_sells_out_at_once_is_suspended_and_its_prices_stay(test: TestDb) {
    let products: Vec<_> = SKUS.iter().map(|sku| (*sku, "499.00", Some("250.00"))).collect();
    let world = World::open_at(test, Setup { products, ..Setup::default() }, Clock::manual(START)).await;
    for (index, sku) in SKUS.iter().enumerate() {
        let more = 10 * i64::try_from(index).unwrap();
        world.near.show(sku, price(48_900 + more));
        world.far.show(sku, price(49_900 + more));
    }
    world.drive().await;
    world.app.clock.advance(6 * Millis::HOUR);
    for sku in SKUS {
        world.near.show(sku, Shown::Price { minor: 45_000, in_stock: false });
    }
    world.drive().await;
    let suspended = rivals::suspended(&world.app.db).await.unwrap();
    assert_eq!(suspended.iter().map(|s| s.competitor.as_str()).collect::<Vec<_>>(), ["near.example"]);
    assert!(suspended[0].reason.contains("out of stock at once") || suspended[0].reason.contains("one price"));
    assert_eq!(world.app.metrics.suspensions.load(Ordering::Relaxed), 1);
    let told = events::open(&world.app.db, 50).await.unwrap();
    assert_eq!(told.iter().filter(|e| e.kind == "competitor_suspended").count(), 1);
    let product = products::by_sku(&world.app.db, "A").await.unwrap().unwrap();
    let latest = observations::latest_of_product(&world.app.db, product.id).await.unwrap();
    let near = latest.iter().find(|l| l.competitor == "near.example").unwrap();
    assert_eq!(near.price_minor, Some(48_900), "the last believed price");
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(world.ours("A").await, 48_900, "nothing that it shows now moves us");
    let resumed =
        rivals::resume(&world.app.db, "near.example".into(), "ann".into(), "it is so".into(), world.app.now());
    assert!(resumed.await.unwrap());
    for _ in 0..3 {
        world.app.clock.advance(Millis::HOUR);
        world.drive().await;
    }
    let latest = observations::latest_of_product(&world.app.db, product.id).await.unwrap();
    let near = latest.iter().find(|l| l.competitor == "near.example").unwrap();
    assert_eq!((near.price_minor, near.availability.as_str()), (Some(45_000), "out_of_stock"), "believed again");
    assert_eq!(rivals::suspended(&world.app.db).await.unwrap().len(), 0, "the old crawl does not suspend it again");
}

/// A rival that goes below our price every hour.
async fn chase(world: &World, moves: &[i64]) {
    for minor in moves {
        world.near.show("KETTLE", price(*minor));
        world.app.clock.advance(Millis::HOUR);
        world.drive().await;
    }
}

async fn a_price_war_freezes_us_for_a_day_and_then_the_rule_is_back(test: TestDb) {
    let world =
        World::open_at(test, Setup { rules: UNDERCUT, config: WATCHED, ..Setup::default() }, Clock::manual(START))
            .await;
    world.drive().await;
    chase(&world, &[49_000, 48_300, 47_700]).await;
    let frozen = world.ours("KETTLE").await;
    chase(&world, &[46_900, 46_000]).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let open = rivals::open(&world.app.db, product.id, world.app.now()).await.unwrap();
    assert!(open.iter().any(|r| r.kind == "war" && r.competitor == "near.example"), "{open:?}");
    let held = decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
    assert_eq!(held.outcome, "hold", "{}", held.why);
    assert!(held.why.contains("price war with near.example"), "{}", held.why);
    assert!(world.ours("KETTLE").await <= frozen && world.ours("KETTLE").await >= 46_800);
    let stopped = world.ours("KETTLE").await;
    assert!(events::open(&world.app.db, 50).await.unwrap().iter().any(|e| e.kind == "rivalry"));
    world.app.clock.advance(25 * Millis::HOUR);
    world.drive().await;
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 45_900, "the normal rule is back, from {stopped}");
}

async fn an_answer_to_a_price_war_stands_as_long_as_it_is_configured_to(test: TestDb) {
    let config = "[guards.rivalry]\nleast_alternations = 6\nhold = \"72h\"\n";
    let setup = Setup { rules: UNDERCUT, config, ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    chase(&world, &[49_000, 48_300, 47_700, 46_900, 46_000]).await;
    let stopped = world.ours("KETTLE").await;
    assert!(stopped > 45_900, "{stopped}");
    for (hours, expected) in [(48, stopped), (25, 45_900)] {
        world.app.clock.advance(hours * Millis::HOUR);
        world.drive().await;
        world.drive().await;
        assert_eq!(world.ours("KETTLE").await, expected, "after {hours} hours more");
    }
}

async fn stepping_to_the_next_leaves_the_rival_out(test: TestDb) {
    let config = "[guards.rivalry]\nresponse = \"step_to_next\"\n";
    let setup = Setup { rules: UNDERCUT, config, ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    chase(&world, &[49_000, 48_300, 47_700, 46_900, 46_000]).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let open = rivals::open(&world.app.db, product.id, world.app.now()).await.unwrap();
    assert!(!open.is_empty());
    assert_eq!(world.ours("KETTLE").await, 49_800, "one below far.example, as if near.example were not there");
    assert!(rivals::last_raise(&world.app.db, product.id).await.unwrap().is_some());
}

async fn prices_that_flip_freeze_the_product(test: TestDb) {
    let rules = "[[rule]]\nid = \"follow\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                 bounds = { min = [ { margin_pct = \"10\" } ] }\n";
    let world = World::open_at(test, Setup { rules, config: WATCHED, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    chase(&world, &[48_000, 49_000, 48_000, 49_000, 48_000, 49_000, 48_000]).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let open = rivals::open(&world.app.db, product.id, world.app.now()).await.unwrap();
    assert!(open.iter().any(|r| r.kind == "flip_flop"), "{open:?}");
    let moves = decisions::of_product_since(&world.app.db, product.id, START).await.unwrap().len();
    assert!(moves <= 6, "{moves}");
}
