//! Simulations of times in which people and campaigns had set prices and locks.

use omniprice::clock::{Clock, Millis};
use omniprice::decide::simulate::{SimParams, SimReport, Simulation};
use omniprice::flow::replay;
use omniprice::store::overrides::{self, Kind};
use omniprice::store::{products, targets};

use crate::alerts::seen;
use crate::both_engines;
use crate::harness::{Setup, TestDb, World};
use crate::intent::{add, set};

both_engines![what_people_and_campaigns_had_set_is_in_force_in_a_replay_as_it_was];

const START: Millis = Millis(1_795_510_800_000);
const BEAT: &str = "[[rule]]\nid = \"beat\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\nadjust = { percent = \"-1\" }\n\
                    bounds = { min = [ { margin_pct = \"10\" } ] }\n";

async fn simulate(world: &World, rules_only: bool) -> SimReport {
    let loaded = world.app.rules().await.unwrap();
    let end = world.app.now();
    let params = SimParams { end: Some(end), sample: 50, rules_only, ..SimParams::default() };
    let mut simulation = Simulation::new(&loaded.set, params);
    let page = products::page(&world.app.db, 0, 10).await.unwrap();
    let window = replay::Window { since: START, end, rules_only };
    let rates = replay::Rates::of(&world.app, (START, end)).await.unwrap();
    for moments in replay::page(&world.app, &loaded, &rates, &page, &window).await.unwrap() {
        simulation.product(moments.replayed);
    }
    simulation.finish()
}

async fn what_people_and_campaigns_had_set_is_in_force_in_a_replay_as_it_was(test: TestDb) {
    let world = World::open_at(test, Setup { rules: BEAT, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let pages = targets::of_product(&world.app.db, product.id).await.unwrap();
    let near = pages.iter().find(|page| page.competitor == "near.example").unwrap();
    let (clock, hour) = (&world.app.clock, Millis::HOUR);
    // Locked for three days, in which a rival falls, and unlocked after one and a half.
    clock.advance(24 * hour);
    set(&world, Kind::Lock, None, 72 * hour).await;
    seen(&world.app, near.id, 46_000, START.plus(48 * hour)).await;
    clock.advance(36 * hour);
    let lifted = world.app.now();
    overrides::end(&world.app.db, product.id, Kind::Lock, "ann".into(), "sold".into(), lifted).await.unwrap();
    // A price by hand for a day, and then a campaign for another; nobody sees the rival any more.
    clock.advance(36 * hour);
    set(&world, Kind::Price, Some(45_000), 24 * hour).await;
    clock.advance(48 * hour);
    add(&world, hour, 24 * hour, "").await;
    clock.advance(48 * hour);

    let real = simulate(&world, false).await;
    let moves = |report: &SimReport| {
        let of = |sample: &omniprice::decide::simulate::Sample| (sample.change.at, sample.change.to.minor());
        report.sample.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(moves(&real)[1..], [(lifted, 45_540)], "one percent below 460.00, once the lock is lifted: {real:?}");
    assert_eq!(real.changes_set, 4, "there and back twice: {real:?}");
    assert!(real.flags["locked"] > 0 && real.flags["manual_price"] > 0 && real.flags["campaign"] > 0, "{real:?}");
    assert!(real.assumes.iter().all(|said| !said.contains("locks")), "{:?}", real.assumes);
    let bare = simulate(&world, true).await;
    assert_eq!(moves(&bare)[1..], [(START.plus(48 * hour), 45_540)], "{bare:?}");
    assert_eq!((bare.changes_set, bare.flags.get("locked")), (0, None));
    assert!(bare.assumes.iter().any(|said| said.contains("locks and prices set by hand are left out")));
    assert_eq!(bare.margin_pct.after, real.margin_pct.after, "a campaign that is over has left no trace");

    // While a person has the price, no rule is judged by it.
    set(&world, Kind::Price, Some(44_000), 24 * hour).await;
    clock.advance(hour);
    let held = simulate(&world, false).await;
    assert_eq!((held.changes_set, held.margin_pct.products), (5, real.margin_pct.products - 1), "{held:?}");
}
