//! The release layer over a whole catalogue and over days, through the real application.

use omniprice::clock::{Clock, Millis};
use omniprice::store::{decisions, products};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![a_slide_in_quick_steps_stops_at_the_limit_of_a_day,];

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
