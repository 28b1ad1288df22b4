//! The publishing protocol under faults: ten thousand seeded schedules without a broken promise, and the same schedules
//! finding each protection that is taken away on purpose.
//!
//! One schedule again: `OMNIPRICE_SEED=4711 cargo nextest run --test it protocol::one_seed --no-capture`.
//! A soak: `OMNIPRICE_SCHEDULES=1000000 cargo test --release --test it protocol::schedules -- --nocapture`.

mod broken_pairs;
mod dice;
mod table;
mod twin;
mod world;

use table::Broken;
use world::{run, tell};

const SCHEDULES: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn schedules_break_no_promise() {
    let schedules = number("OMNIPRICE_SCHEDULES").unwrap_or(SCHEDULES);
    let (mut events, mut faults) = (0, 0);
    for seed in 0..schedules {
        match run(seed, Broken::Nothing) {
            Ok(world) => {
                events += world.events;
                faults += world.faults;
            }
            Err(broken) => panic!("seed {seed}: {broken:?}\nhint: OMNIPRICE_SEED={seed} replays it"),
        }
    }
    println!("{schedules} schedules, {events} events, {faults} faults, no broken promise");
    assert!(faults > schedules, "faults happened");
}

#[test]
fn one_seed_replays_exactly() {
    let seeds = number("OMNIPRICE_SEED").map_or(0..20, |seed| seed..seed + 1);
    for seed in seeds {
        let outcome = |broken| run(seed, broken).map(|world| (world.trace, world.events, world.now));
        assert_eq!(outcome(Broken::Nothing), outcome(Broken::Nothing), "seed {seed}");
    }
    if let Some(seed) = number("OMNIPRICE_SEED") {
        println!("{}", tell(seed, Broken::Nothing).join("\n"));
    }
}

#[test]
fn every_protection_taken_away_is_found() {
    for (broken, promises) in [
        (Broken::Fence, ["P2", "P4"]),
        (Broken::ReadAfterUnknown, ["P4", "P2"]),
        (Broken::Stray, ["P2", "P6"]),
        (Broken::Trust, ["P3", "P5"]),
        (Broken::Order, ["P6", "P6"]),
        (Broken::Forget, ["P6", "P5"]),
        (Broken::Vanish, ["P5", "P5"]),
        (Broken::Turn, ["P2", "P2"]),
        (Broken::TurnLease, ["P2", "P4"]),
        (Broken::TurnEnd, ["P2", "P2"]),
        (Broken::Complaint, ["P5", "P5"]),
        (Broken::Sake, ["P5", "P5"]),
    ] {
        let found = (0..SCHEDULES).find_map(|seed| run(seed, broken).err().map(|violation| (seed, violation)));
        let (seed, violation) = found.unwrap_or_else(|| panic!("{broken:?} was not found"));
        println!("{broken:?}: found by seed {seed}: {violation:?}");
        assert!(promises.contains(&violation.promise), "{broken:?}: {violation:?}");
    }
}
