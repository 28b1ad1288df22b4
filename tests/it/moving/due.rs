//! What a move makes due on channels: for every listing that waits for a price, whatever became of the command, and not in
//! shadow mode.

use std::sync::Arc;

use omniprice::app::App;
use omniprice::config::Config;
use omniprice::flow;

use super::*;

both_engines![
    a_move_whose_command_died_reaches_every_channel_all_the_same,
    a_listing_that_was_held_in_the_old_money_is_wanted_again,
    in_shadow_mode_a_move_reaches_no_channel_before_it_ends,
];

const RATE: &str = "1 EUR = 7.46 DKK";

async fn a_move_whose_command_died_reaches_every_channel_all_the_same(test: TestDb) {
    let world = world(test).await;
    let (db, id) = (&world.app.db, kettle(&world).await.id);
    assert_eq!(moves::due(db, 0, 10).await.unwrap(), Vec::<i64>::new());
    // Nothing but the transaction of the move, and then the decision that finds the price there already.
    let planned = plan(&world, wish(Some(RATE))).await.moves;
    moves::apply(db, planned, ("ann".to_owned(), "x".to_owned()), world.app.now()).await.unwrap();
    while flow::decide_due(&world.app).await.unwrap() > 0 {}
    assert_eq!(world.listing("KETTLE", "webshop").await.desired_minor, Some(47_900));
    assert_eq!(moves::due(db, 0, 10).await.unwrap(), [id]);
    world.settle().await;
    for channel in ["webshop", "google", "till"] {
        let listing = world.listing("KETTLE", channel).await;
        let told = (listing.state.as_str(), listing.desired_minor, listing.live_minor);
        assert_eq!(told, ("verified", Some(47_901), Some(47_901)), "64.21 EUR in kroner, on {channel}");
    }
    assert_eq!(moves::due(db, 0, 10).await.unwrap(), Vec::<i64>::new());
    let before = world.webshop.writes();
    world.settle().await;
    assert_eq!(world.webshop.writes(), before, "once");
}

async fn a_listing_that_was_held_in_the_old_money_is_wanted_again(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    write(&world, &format!("{RULES}\n{EURO}"));
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    // Into euros without any rate: no channel can show that.
    let rules = world.app.rules().await.unwrap();
    let file = "sku,title,price,cost,market\nKETTLE,Kettle,64.21,33.51,DKE\n";
    let rows = omniprice::catalog::import::read(file.as_bytes(), &rules.set, |_| {}).rows;
    let amounts = rows.into_iter().map(|row| (row.sku.clone(), row)).collect();
    carry_out(&world, Wish { amounts, ..wish(None) }).await;
    world.settle().await;
    let held = world.listing("KETTLE", "webshop").await;
    assert_eq!((held.state.as_str(), held.desired_minor), ("held", None), "{}", held.reason);
    assert!(held.reason.contains("no exchange rates"), "{}", held.reason);
    // And back, with nobody who decides anything about it.
    intent::set(&world, Kind::Lock, None, Millis::DAY).await;
    let back = Wish { market: "DK".into(), ..wish(Some(RATE)) };
    carry_out(&world, back).await;
    world.settle().await;
    let listing = world.listing("KETTLE", "webshop").await;
    let told = (listing.state.as_str(), listing.desired_minor, world.webshop.price("KETTLE"));
    assert_eq!(told, ("verified", Some(47_901), Some(47_901)), "{}", listing.reason);
}

/// The daemon as it starts again in another mode.
async fn again_in(world: &World, from: &str, to: &str) -> Arc<App> {
    let text = std::fs::read_to_string(&world.config).unwrap();
    let text = text.replace(&format!("mode = \"{from}\""), &format!("mode = \"{to}\""));
    std::fs::write(&world.config, text).unwrap();
    App::build(Config::load(Some(&world.config), &[]).unwrap(), world.app.clock.clone()).await.unwrap()
}

async fn rounds(app: &App) {
    for _ in 0..8 {
        flow::tend(app).await.unwrap();
        while flow::decide_due(app).await.unwrap() > 0 {}
        for lane in &app.lanes {
            flow::publish_due(app, lane).await.unwrap();
        }
        app.clock.advance(Millis::SECOND);
    }
}

async fn in_shadow_mode_a_move_reaches_no_channel_before_it_ends(test: TestDb) {
    let world = world(test).await;
    let shadow = again_in(&world, "auto", "shadow").await;
    let before = world.webshop.writes();
    let plan = moving::plan(&shadow, &wish(Some(RATE))).await.unwrap();
    moving::carry_out(&shadow, plan.moves, "ann", "the euro is here").await.unwrap();
    rounds(&shadow).await;
    assert_eq!((world.webshop.writes(), world.webshop.price("KETTLE")), (before, Some(47_900)));
    let held = world.listing("KETTLE", "webshop").await;
    assert_eq!((held.state.as_str(), held.desired_minor), ("held", Some(47_901)));
    assert!(held.reason.contains("shadow mode"), "{}", held.reason);
    let auto = again_in(&world, "shadow", "auto").await;
    rounds(&auto).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_901), "{:?}", world.listing("KETTLE", "webshop").await);
}
