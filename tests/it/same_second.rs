//! Decisions on one product within one second: what `explain` prints of each finds that one again when it is typed.

use omniprice::clock::{Clock, Millis};
use omniprice::flow;
use omniprice::store::overrides::Kind;
use omniprice::store::{decisions, products};

use crate::harness::{Engine, Setup, World, database};
use crate::intent::set;

/// What a command says that answers in UTC.
async fn run(world: &World, arguments: &[&str]) -> String {
    world.say(arguments).await.ends(0).out
}

/// What stands between two words of what is said.
fn between<'a>(said: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = said.split_once(before).unwrap_or_else(|| panic!("{before}: {said}"));
    rest.split_once(after).unwrap_or_else(|| panic!("{after}: {said}")).0
}

/// The time that is printed of the last change, and its price.
fn last(said: &str) -> (&str, &str) {
    let line = said.lines().find(|line| line.starts_with("last change: ")).unwrap_or_else(|| panic!("{said}"));
    (between(line, " at ", " by "), between(line, " -> ", " at "))
}

#[tokio::test]
async fn each_of_two_decisions_of_a_second_is_found_by_the_time_that_is_printed_of_it() {
    let start = Millis(Clock::System.now().plus(-Millis::HOUR).end_of_second().0 + 1);
    let world = World::open_at(database(Engine::Sqlite).await.unwrap(), Setup::default(), Clock::manual(start)).await;
    world.drive().await;
    // Prices that a person sets: the third comes a second later than the others.
    world.app.clock.advance(world.app.now().end_of_second().since(world.app.now()) + 1 + Millis::MINUTE);
    let second = world.app.now();
    for (after, minor) in [(0, 48_900), (40, 47_900), (1_700, 46_900)] {
        world.app.clock.advance(second.plus(after).since(world.app.now()));
        set(&world, Kind::Price, Some(minor), Millis::DAY).await;
        while flow::decide_due(&world.app).await.unwrap() > 0 {}
        assert_eq!(world.ours("KETTLE").await, minor);
    }
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let all = decisions::of_product_since(&world.app.db, product.id, second).await.unwrap();
    let times: Vec<i64> = all.iter().map(|one| one.created_at - second.0).collect();
    assert_eq!(times, [0, 40, 1_700]);
    for (decision, wanted, fraction) in
        [(&all[0], "489.00 DKK", Some(".000")), (&all[1], "479.00 DKK", Some(".040")), (&all[2], "469.00 DKK", None)]
    {
        let typed = Millis(decision.created_at).exact();
        let said = run(&world, &["explain", "KETTLE", "--at", &typed]).await;
        let (printed, price) = last(&said);
        assert_eq!(price, wanted, "{said}");
        match fraction {
            Some(fraction) => assert!(printed.contains(fraction), "{printed}"),
            None => assert!(!printed.contains('.'), "nothing else fell into this second: {printed}"),
        }
        let again = run(&world, &["explain", "KETTLE", "--at", printed]).await;
        assert_eq!(last(&again), (printed, wanted), "{again}");
        // The time in the headline is the one that was asked about, and finds the same again, too.
        let asked = between(&again, &format!("{wanted} at "), ", decision version");
        assert_eq!(last(&run(&world, &["explain", "KETTLE", "--at", asked]).await).1, wanted, "{asked}");
        let data: serde_json::Value =
            serde_json::from_str(&run(&world, &["explain", "KETTLE", "--at", printed, "--json"]).await).unwrap();
        assert_eq!(data["decision"]["at"], typed, "{data}");
        if fraction.is_some() {
            let number = decision.id.to_string();
            let back = ["rollback", "--to", &number, "--why", "x", "--until", "1h", "--dry-run"];
            assert!(run(&world, &back).await.contains(&format!("-> {wanted}")), "{number}");
        }
    }
}
