//! Simulations on history as it is really recorded: changes only, sometimes very many, sometimes almost none.

use omniprice::clock::{Clock, Millis};
use omniprice::decide::rivals::Follow;
use omniprice::decide::simulate::{SimParams, SimReport, Simulation};
use omniprice::flow::{replay, staged};
use omniprice::store::settings::{self, Rate};
use omniprice::store::{products, targets};

use crate::alerts::seen;
use crate::both_engines;
use crate::foreign::lamp;
use crate::harness::{Setup, TestDb, World};

both_engines![
    rivals_that_follow_race_with_us_in_a_market_that_stood_still,
    of_too_many_moments_the_newest_are_replayed_and_the_rest_is_told,
    rivals_in_another_currency_answer_at_the_rates_of_the_window,
    rules_that_are_tried_begin_with_their_stages_and_known_ones_do_not,
];

const START: Millis = Millis(1_795_510_800_000);
const BEAT: &str = "[[rule]]\nid = \"beat\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\nadjust = { percent = \"-1\" }\n\
                    bounds = { min = [ { margin_pct = \"10\" } ] }\n";

/// The rules in force on the world's own history up to now.
async fn simulate(world: &World, since: Millis, follow: Option<Follow>) -> SimReport {
    let loaded = world.app.rules().await.unwrap();
    let now = world.app.now();
    let params = SimParams { follow, end: Some(now), ..SimParams::default() };
    let mut simulation = Simulation::new(&loaded.set, params);
    let page = products::page(&world.app.db, 0, 10).await.unwrap();
    let rates = replay::Rates::of(&world.app, (since, now)).await.unwrap();
    let window = replay::Window { since, end: now, rules_only: false };
    for moments in replay::page(&world.app, &loaded, &rates, &page, &window).await.unwrap() {
        simulation.leave_out(moments.left_out);
        simulation.product(moments.replayed);
    }
    simulation.finish()
}

async fn rivals_that_follow_race_with_us_in_a_market_that_stood_still(test: TestDb) {
    let world = World::open_at(test, Setup { rules: BEAT, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    for _ in 0..25 {
        world.app.clock.advance(Millis::DAY);
        world.drive().await;
    }
    let quiet = simulate(&world, START, None).await;
    assert_eq!((quiet.wars, quiet.decisions), (0, 1), "one moment was recorded: {quiet:?}");
    let race = simulate(&world, START, Some(Follow::default())).await;
    assert_eq!(race.decisions, 25 * 6, "every four hours until the end: {race:?}");
    assert_eq!(race.wars, 1, "{race:?}");
    assert!(race.margin_pct.after.unwrap().0 < quiet.margin_pct.after.unwrap().0);
    assert_eq!(race.index.before, quiet.index.before, "what was before does not depend on the model");
}

async fn of_too_many_moments_the_newest_are_replayed_and_the_rest_is_told(test: TestDb) {
    let world = World::open_at(test, Setup { rules: BEAT, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let pages = targets::of_product(&world.app.db, product.id).await.unwrap();
    let near = pages.iter().find(|page| page.competitor == "near.example").unwrap();
    // An hour apart: to and fro by a little, and at the very end a fall.
    let moments = i64::try_from(replay::MAX_MOMENTS).unwrap() + 200;
    for hour in 1..=moments {
        let minor = if hour > moments - 150 { 40_000 + hour % 2 } else { 49_000 + hour % 2 };
        seen(&world.app, near.id, minor, START.plus(hour * Millis::HOUR)).await;
    }
    world.app.clock.advance((moments + 1) * Millis::HOUR);
    let report = simulate(&world, START, None).await;
    // The first look at both pages is a moment, too.
    assert_eq!((report.decisions, report.left_out), (400, 201), "{report:?}");
    let largest = report.largest_change.unwrap();
    assert_eq!(largest.to.minor(), 39_601, "the newest part of the history counts: {largest:?}");
}

async fn rivals_in_another_currency_answer_at_the_rates_of_the_window(test: TestDb) {
    // 62.00 EUR at 7.4575 are 462.37 DKK.
    let (world, _shop) = lamp(test, BEAT, "", "499.00", 6_200).await;
    world.drive().await;
    // The rates of the first day come in the afternoon: the same page is 496.00 DKK then.
    let dkk = Rate { day: "2026-11-24".into(), currency: "DKK".into(), rate: "8.0000".into() };
    settings::keep_rates(&world.app.db, vec![dkk], START.plus(7 * Millis::HOUR)).await.unwrap();
    world.app.clock.advance(5 * Millis::DAY);
    let quiet = simulate(&world, START, None).await;
    // Nobody has looked at the page since, so that its offer grows too old after a day.
    assert_eq!((quiet.decisions, quiet.changes_down, quiet.changes_up), (3, 1, 1), "{quiet:?}");
    let largest = quiet.largest_change.as_ref().unwrap();
    assert_eq!((largest.from.minor(), largest.to.minor()), (49_900, 45_775), "one percent below 462.37");
    let race = simulate(&world, START, Some(Follow::default())).await;
    assert!(race.changes_down > 10, "the shop in euros answers too: {race:?}");
    assert!(race.margin_pct.after.unwrap().0 < quiet.margin_pct.after.unwrap().0);
}

async fn rules_that_are_tried_begin_with_their_stages_and_known_ones_do_not(test: TestDb) {
    let config = "[release]\noff = [\"quorum\"]\n";
    let setup = Setup { rules: BEAT, config, ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    let loaded = world.app.rules().await.unwrap();
    let tried = async || staged::tried(&world.app, &loaded, world.app.now()).await.unwrap();
    let new = tried().await;
    let beat = new["beat"];
    assert_eq!((beat.since, beat.products), (START, 1), "nobody has seen it yet: {new:?}");
    assert_eq!(beat.stages.map(|stages| stages.map(|stage| stage.products)), Some([1, 1]), "five at least: {new:?}");
    assert_eq!(tried().await, new, "trying remembers nothing");
    world.drive().await;
    world.app.clock.advance(Millis::DAY);
    assert!(tried().await["beat"].since.since(START) < Millis::HOUR, "in force for a day, and in its second stage");
    world.app.clock.advance(Millis::DAY + Millis::HOUR);
    assert!(!tried().await.contains_key("beat"), "in force for both stages");
}
