//! The last reference: the market as one rule saw it, kept for that rule while no offer can be seen.

use omniprice::clock::{Clock, Millis};
use omniprice::demo::market::Shown;
use omniprice::store::{decisions, products};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_price_does_not_move_by_numbers_of_our_own_that_another_rule_looked_at,
    a_rule_falls_back_to_what_it_saw_itself_and_to_nobody_elses_number,
];

const START: Millis = Millis(1_795_510_800_000);

/// Keeps what is in stock, and undercuts the market for the rest.
const BY_STOCK: &str = "[[rule]]\nid = \"stocked\"\npriority = 900\nmode = \"auto\"\nselect = { own_stock = \">=1\" }\ntarget = { kind = \"keep\" }\n\
                        [[rule]]\nid = \"empty\"\npriority = 800\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\nadjust = { percent = \"-1\" }\n\
                        on_no_data = [{ last_reference_h = 48 }, \"keep\"]\n";

async fn stock(world: &World, sku: &str, units: i64, urls: &str) {
    let ours = world.ours(sku).await;
    let csv = format!("sku,title,price,cost,stock,urls\n{sku},{sku},{}.00,250.00,{units},{urls}\n", ours / 100);
    world.import(&csv).await;
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
}

async fn a_price_does_not_move_by_numbers_of_our_own_that_another_rule_looked_at(test: TestDb) {
    let products = vec![("KETTLE", "1000.00", Some("250.00"))];
    let world =
        World::open_at(test, Setup { products, rules: BY_STOCK, ..Setup::default() }, Clock::manual(START)).await;
    // Nobody can be seen from the first moment on.
    for shop in [&world.near, &world.far] {
        shop.show("KETTLE", Shown::Gone);
    }
    for units in [1, 0, 1, 0, 1, 0] {
        stock(&world, "KETTLE", units, "").await;
        assert_eq!(world.ours("KETTLE").await, 100_000, "no offer, no move");
    }
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let evaluation = decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
    assert_eq!(
        (evaluation.rule.as_deref(), evaluation.outcome.as_str()),
        (Some("empty"), "keep"),
        "{}",
        evaluation.why
    );
}

async fn a_rule_falls_back_to_what_it_saw_itself_and_to_nobody_elses_number(test: TestDb) {
    let rules = "[[rule]]\nid = \"stocked\"\npriority = 900\nmode = \"auto\"\nselect = { own_stock = \">=1\" }\n\
                 target = { kind = \"highest\" }\non_no_data = [{ last_reference_h = 48 }, \"keep\"]\n\
                 [[rule]]\nid = \"empty\"\npriority = 800\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                 adjust = { percent = \"-1\" }\non_no_data = [{ last_reference_h = 48 }, \"keep\"]\n";
    let world = World::open_at(test, Setup { rules, ..Setup::default() }, Clock::manual(START)).await;
    let urls = format!("{} {}", world.near.url("KETTLE"), world.far.url("KETTLE"));
    world.near.show("KETTLE", price(48_000));
    stock(&world, "KETTLE", 0, &urls).await;
    assert_eq!(world.ours("KETTLE").await, 47_520, "one percent below 480.00");
    // Sold out for certain: the offers do not count any more.
    for shop in [&world.near, &world.far] {
        shop.show("KETTLE", Shown::Price { minor: 48_000, in_stock: false });
    }
    for _ in 0..4 {
        stock(&world, "KETTLE", 0, &urls).await;
    }
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let flags = async || decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap().flags;
    assert!(flags().await.contains("fallback:last_reference"), "{}", flags().await);
    assert_eq!(world.ours("KETTLE").await, 47_520, "the market as it was, not a step below our own price");
    stock(&world, "KETTLE", 1, &urls).await;
    assert!(flags().await.contains("fallback:keep"), "another rule never saw that market: {}", flags().await);
    assert_eq!(world.ours("KETTLE").await, 47_520);
    stock(&world, "KETTLE", 0, &urls).await;
    assert!(flags().await.contains("fallback:last_reference"), "the first rule's is kept: {}", flags().await);
}
