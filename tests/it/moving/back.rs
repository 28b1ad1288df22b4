//! Going back to an instant after a move, or before one.

use omniprice::store::fleet::{self, Then};
use omniprice::store::overrides;

use super::*;

both_engines![
    a_move_is_what_held_until_the_next_decision,
    a_move_before_the_first_decision_remembers_the_price_before_it,
    no_price_of_another_money_comes_back,
];

async fn at(world: &World, at: Millis) -> Vec<(String, i64, String)> {
    let rows: Vec<Then> = fleet::prices_at(&world.app.db, at, 0, 10).await.unwrap();
    rows.into_iter().map(|row| (row.sku, row.price_minor, row.currency)).collect()
}

fn kettle_at(minor: i64, currency: &str) -> Vec<(String, i64, String)> {
    vec![("KETTLE".to_owned(), minor, currency.to_owned())]
}

/// A move that gave another amount in the same money.
async fn renamed(world: &World, minor: i64) {
    write(world, &format!("{}\n{EURO}", RULES.replace("id = \"DK\"", "id = \"NORTH\"")));
    let mut moves = plan(world, Wish { market: "NORTH".into(), ..wish(None) }).await.moves;
    moves[0].own_minor = minor;
    moves::apply(&world.app.db, moves, ("ann".to_owned(), "x".to_owned()), world.app.now()).await.unwrap();
}

async fn a_move_is_what_held_until_the_next_decision(test: TestDb) {
    let world = world(test).await;
    let decided = world.app.now();
    world.app.clock.advance(Millis::MINUTE);
    renamed(&world, 47_000).await;
    let moved = world.app.now();
    assert_eq!(at(&world, moved).await, vec![], "it costs that now");
    assert_eq!(at(&world, decided).await, kettle_at(47_900, "DKK"));
    world.app.clock.advance(Millis::MINUTE);
    world.near.show("KETTLE", price(46_900));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 46_900);
    assert_eq!(at(&world, moved.plus(1)).await, kettle_at(47_000, "DKK"), "not what was decided before it");
    assert_eq!(at(&world, moved.plus(-1)).await, kettle_at(47_900, "DKK"));
    assert_eq!(at(&world, world.app.now()).await, vec![]);
}

async fn a_move_before_the_first_decision_remembers_the_price_before_it(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    assert!(decisions::latest(&world.app.db, kettle(&world).await.id).await.unwrap().is_none());
    let before = world.app.now();
    world.app.clock.advance(Millis::MINUTE);
    renamed(&world, 49_000).await;
    let moved = world.app.now();
    assert_eq!(at(&world, before).await, kettle_at(49_900, "DKK"));
    world.app.clock.advance(Millis::MINUTE);
    world.near.show("KETTLE", price(46_900));
    world.drive().await;
    assert_eq!(at(&world, before).await, kettle_at(49_900, "DKK"));
    assert_eq!(at(&world, moved).await, kettle_at(49_000, "DKK"));
}

async fn no_price_of_another_money_comes_back(test: TestDb) {
    let world = world(test).await;
    let decided = world.app.now();
    world.app.clock.advance(Millis::MINUTE);
    carry_out(&world, wish(Some("1 EUR = 7.46 DKK"))).await;
    let moved = world.app.now();
    world.app.clock.advance(Millis::MINUTE);
    let set = overrides::New {
        product_id: kettle(&world).await.id,
        kind: Kind::Price,
        price_minor: Some(6_287),
        currency: "EUR".into(),
        owner: "ann".into(),
        why: "x".into(),
        until: Some(world.app.now().plus(Millis::DAY)),
    };
    overrides::set(&world.app.db, set, world.app.now()).await.unwrap();
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 6_287);
    assert_eq!(at(&world, moved).await, kettle_at(6_421, "EUR"), "what the move made of it, and it is no decision");
    assert_eq!(at(&world, decided).await, vec![]);
    let gone = |at: Millis| fleet::in_other_money(&world.app.db, at, 10);
    assert_eq!(gone(decided).await.unwrap(), ["KETTLE"], "so it is told");
    assert_eq!(gone(moved).await.unwrap(), Vec::<String>::new());
}
