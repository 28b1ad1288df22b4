//! The release layer over a whole catalogue and over days, through the real application.

use omniprice::clock::{Clock, Millis};
use omniprice::decide::explain::{explain, prove};
use omniprice::flow::pricing;
use omniprice::store::{decisions, products};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_slide_in_quick_steps_stops_at_the_limit_of_a_day,
    a_products_own_minimum_is_where_its_price_goes,
    a_product_without_cost_is_repriced_above_its_own_minimum,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

async fn world(test: TestDb, setup: Setup) -> World {
    World::open_at(test, setup, Clock::manual(START)).await
}

async fn a_slide_in_quick_steps_stops_at_the_limit_of_a_day(test: TestDb) {
    let config = "[release]\noff = [\"quorum\", \"staging\", \"loop\", \"oscillation\", \"corridor\"]\n";
    let world = world(test, Setup { config, ..Setup::default() }).await;
    world.drive().await;
    for (theirs, ours) in [(45_200, 45_200), (41_100, 41_100), (38_000, 41_100)] {
        world.near.show("KETTLE", price(theirs));
        world.drive().await;
        assert_eq!(world.ours("KETTLE").await, ours, "{theirs}: the day began at 499.00");
    }
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let evaluation = decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
    assert!(evaluation.why.contains("-23.85 % within 24 h"), "{}", evaluation.why);
}

async fn import(world: &World, csv: &str) {
    let rules = world.app.rules().await.unwrap();
    let read = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
    assert_eq!(read.errors, vec![]);
    products::import(&world.app.db, read.rows, world.app.now()).await.unwrap();
}

async fn a_products_own_minimum_is_where_its_price_goes(test: TestDb) {
    let world = world(test, Setup::default()).await;
    import(&world, "sku,price,min\nKETTLE,499.00,470.00\n").await;
    world.near.show("KETTLE", price(46_500));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_000);
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let row = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    let record: pricing::Record = serde_json::from_str(&row.record).unwrap();
    let rules = world.app.rules().await.unwrap();
    prove(&record.facts, &rules.set, record.now.timestamp(), &record.decision).unwrap();
    let told = explain(&record.facts, &rules.set, record.now.timestamp(), &record.decision, None).to_string();
    assert!(told.contains("It may not go below 470.00 DKK (the product's own minimum)."), "{told}");
    // A record from before products had one reads as it did.
    let mut old = serde_json::to_value(&record.facts).unwrap();
    old["product"].as_object_mut().unwrap().remove("min").unwrap();
    let old: omniprice::decide::Facts = serde_json::from_value(old).unwrap();
    assert_eq!(old.product.min, None);
    assert!(!serde_json::to_string(&old).unwrap().contains("\"min\""));
}

async fn a_product_without_cost_is_repriced_above_its_own_minimum(test: TestDb) {
    let world = world(test, Setup { products: vec![("KETTLE", "499.00", None)], ..Setup::default() }).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 49_900, "nothing says how low it may go");
    import(&world, "sku,price,min\nKETTLE,499.00,475.00\n").await;
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
    world.near.show("KETTLE", price(47_000));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_500);
    assert_eq!(world.webshop.price("KETTLE"), Some(47_500), "the door lets it through");
}
