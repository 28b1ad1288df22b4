//! What customers see is watched: conditions of prices that are live, raised while they last, through the real application.

use omniprice::app::PAUSE;
use omniprice::catalog::import;
use omniprice::clock::{Clock, Millis};
use omniprice::demo::market::Shown;
use omniprice::report::detect;
use omniprice::store::{events, products, settings};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_live_price_below_its_floor_and_prices_that_wait_are_told_while_they_last,
    a_key_item_that_a_competitor_keeps_cheaper_is_told_once,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);
/// The watch looks every five minutes.
const LOOK: i64 = 6 * Millis::MINUTE;

async fn open(world: &World) -> Vec<String> {
    world.app.clock.advance(LOOK);
    detect::all(&world.app).await.unwrap();
    let mut open: Vec<String> = events::open(&world.app.db, 50).await.unwrap().into_iter().map(|e| e.kind).collect();
    open.sort();
    open.dedup();
    open
}

async fn catalogue(world: &World, csv: &str) {
    let rules = world.app.rules().await.unwrap();
    let rows = import::read(csv.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
}

async fn a_live_price_below_its_floor_and_prices_that_wait_are_told_while_they_last(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
    let (pause, who, why) = (PAUSE.to_owned(), "ann".to_owned(), "stocktaking".to_owned());
    settings::set(&world.app.db, pause, "on".to_owned(), who, why, world.app.now()).await.unwrap();
    // 450.00 with VAT is 562.50, and every channel shows less.
    catalogue(&world, "sku,title,price,cost\nKETTLE,Kettle,499.00,450.00\n").await;
    assert_eq!(open(&world).await, ["floor_breach", "paused"]);
    let all = events::open(&world.app.db, 50).await.unwrap();
    let breaches: Vec<_> = all.iter().filter(|event| event.kind == "floor_breach").collect();
    assert_eq!(breaches.len(), 3, "one per channel: {all:?}");
    assert!(breaches[0].message.contains("below the floor 562.50 DKK"), "{}", breaches[0].message);
    settings::clear(&world.app.db, PAUSE).await.unwrap();
    catalogue(&world, "sku,title,price,cost\nKETTLE,Kettle,499.00,250.00\n").await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn a_key_item_that_a_competitor_keeps_cheaper_is_told_once(test: TestDb) {
    let world = World::open_at(test, Setup { mode: "shadow", ..Setup::default() }, Clock::manual(START)).await;
    world.near.show("KETTLE", price(45_900));
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new(), "not a key item");
    catalogue(&world, "sku,title,price,cost,tags\nKETTLE,Kettle,499.00,250.00,kvi\n").await;
    assert_eq!(open(&world).await, ["kvi_undercut"]);
    let event = events::open(&world.app.db, 50).await.unwrap().remove(0);
    assert!(event.message.contains("asks 459.00 DKK, we ask 499.00 DKK: 8.7 % more"), "{}", event.message);
    assert_eq!(open(&world).await, ["kvi_undercut"]);
    assert_eq!(events::open(&world.app.db, 50).await.unwrap().len(), 1);
    world.near.show("KETTLE", Shown::Price { minor: 45_900, in_stock: false });
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}
