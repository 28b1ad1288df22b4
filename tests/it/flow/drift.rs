//! Prices that somebody else changed on a channel, or that a channel lost, by each policy.

use omniprice::flow;
use omniprice::store::{events, products};

use super::settled_at;
use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    p8_drift_is_told_and_left_alone_by_default,
    p8_drift_is_reasserted_by_policy,
    p8_drift_is_adopted_for_every_channel_by_policy,
    p8_a_line_that_our_own_feed_lost_is_written_again,
];

async fn p8_drift_is_told_and_left_alone_by_default(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    settled_at(&world, 47_900).await;
    world.webshop.edit("KETTLE", 39_900);
    let lane = world.app.lane("webshop").unwrap();
    let mut looks = Vec::new();
    for _ in 0..2 {
        let report = flow::reconcile(&world.app, lane, false).await.unwrap();
        looks.push((report.differences.len(), report.standing.len()));
    }
    assert_eq!(looks, [(1, 0), (0, 1)], "what was told still stands");
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(39_900), "never silently overwritten");
    let listing = world.listing("KETTLE", "webshop").await;
    assert_eq!((listing.state.as_str(), listing.live_minor), ("drifted", Some(39_900)));
    let open = events::open(&world.app.db, 10).await.unwrap();
    assert_eq!(open.iter().filter(|e| e.kind == "drift").map(|e| e.times).collect::<Vec<_>>(), [1], "told once");
}

async fn p8_drift_is_reasserted_by_policy(test: TestDb) {
    let world = World::open(test, Setup { drift: "reassert", ..Setup::default() }).await;
    settled_at(&world, 47_900).await;
    world.webshop.edit("KETTLE", 39_900);
    flow::reconcile(&world.app, world.app.lane("webshop").unwrap(), false).await.unwrap();
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
    // Somebody who keeps writing wins, and a person is told that there are two writers.
    for _ in 0..4 {
        world.webshop.edit("KETTLE", 39_900);
        flow::reconcile(&world.app, world.app.lane("webshop").unwrap(), false).await.unwrap();
        world.pass().await;
    }
    assert_eq!(world.webshop.price("KETTLE"), Some(39_900));
    assert!(events::open(&world.app.db, 10).await.unwrap().iter().any(|e| e.kind == "two_writers"));
}

async fn p8_drift_is_adopted_for_every_channel_by_policy(test: TestDb) {
    let world = World::open(test, Setup { drift: "adopt", ..Setup::default() }).await;
    settled_at(&world, 47_900).await;
    world.webshop.edit("KETTLE", 45_900);
    flow::reconcile(&world.app, world.app.lane("webshop").unwrap(), false).await.unwrap();
    world.pass().await;
    for channel in ["webshop", "till", "google"] {
        let listing = world.listing("KETTLE", channel).await;
        assert_eq!((listing.state.as_str(), listing.live_minor), ("verified", Some(45_900)), "{channel}");
    }
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    assert_eq!((product.own_minor, product.locked), (45_900, 1), "a price set by hand is not undone by the next rule");
    let rules = world.app.rules().await.unwrap();
    let csv = "sku,title,price,cost\nKETTLE,KETTLE,499.00,250.00\n";
    let again = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
    products::import(&world.app.db, again.rows, world.app.now()).await.unwrap();
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    assert_eq!(product.locked, 1, "nor by the next import");
}

async fn p8_a_line_that_our_own_feed_lost_is_written_again(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let path = world.test.dir.path().join("feeds/google.xml");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lane = world.app.lanes.iter().find(|lane| lane.name == "google").unwrap();
    let report = flow::reconcile(&world.app, lane, false).await.unwrap();
    assert!(!report.differences.is_empty(), "{report:?}");
    world.pass().await;
    let again = std::fs::read_to_string(&path).unwrap();
    let lines = |text: &str| text.matches("<g:id>").count();
    assert_eq!(lines(&again), lines(&whole));
    assert!(again.contains("479.00"), "{again}");
    let listing = world.listing("KETTLE", "google").await;
    assert_eq!((listing.state.as_str(), listing.live_minor), ("verified", Some(47_900)));
}
