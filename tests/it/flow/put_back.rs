//! Prices that drifted and stayed so: what brings ours back, and who is told in the meantime.

use omniprice::clock::{Clock, Millis};
use omniprice::demo::shop::Fault;
use omniprice::report;
use omniprice::store::alerts;
use omniprice::store::events::{self, Event};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    p8_a_price_that_drifted_long_ago_goes_out_again_when_a_person_says_so,
    p8_what_drifted_under_alert_is_put_back_once_the_policy_says_reassert,
    p8_a_drift_that_is_called_over_and_lasts_is_raised_again,
    a_parked_price_goes_out_again_when_a_person_says_so,
];

/// 2026-10-06, ten in the morning in Copenhagen.
const START: Millis = Millis(1_791_273_600_000);

/// KETTLE and POT follow near.example to 479.00 and 95.00, the till shows 289.00 and 99.00 again, and that was told.
async fn drifted(test: TestDb) -> World {
    let products = vec![("KETTLE", "499.00", Some("250.00")), ("POT", "99.00", Some("40.00"))];
    let world = World::open(test, Setup { products, ..Setup::default() }).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.near.show("POT", price(9_500));
    world.pass().await;
    world.till.edit("KETTLE", 28_900);
    world.till.edit("POT", 9_900);
    let (code, told) = world.say(&["verify", "till"]).await.told();
    assert!(code == 3 && told.contains("drifted: KETTLE shows 289.00 DKK, proved 479.00 DKK"), "{told}");
    world
}

async fn about(world: &World, kind: &str, message: &str) -> Option<Event> {
    let open = events::open(&world.app.db, 100).await.unwrap();
    open.into_iter().find(|event| event.kind == kind && event.message.contains(message))
}

async fn p8_a_price_that_drifted_long_ago_goes_out_again_when_a_person_says_so(test: TestDb) {
    let world = drifted(test).await;
    let (code, told) = world.say(&["verify", "till"]).await.told();
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("2 listings compared, 2 different"), "{told}");
    for line in [
        "still drifted since ",
        ": KETTLE shows 289.00 DKK, wanted 479.00 DKK",
        ": POT shows 99.00 DKK, wanted 95.00 DKK",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let hint = "omniprice verify till --reassert";
    assert!(told.contains(hint), "{told}");
    let told = about(&world, "drift", "289.00").await.expect("it is told");
    assert!(told.hint.contains(hint), "{}", told.hint);
    world.pass().await;
    assert_eq!(world.till.price("KETTLE"), Some(28_900), "nobody has said so yet");

    let (code, told) = world.say(&["verify", "till", "--reassert", "--sku", "KETTLE"]).await.told();
    assert_eq!(code, 3, "the pot's price stays as it is: {told}");
    assert!(told.contains("our price of 1 product is sent again"), "{told}");
    world.pass().await;
    assert_eq!((world.till.price("KETTLE"), world.till.price("POT")), (Some(47_900), Some(9_900)));
    assert_eq!(world.listing("KETTLE", "till").await.state, "verified");
    assert!(about(&world, "drift", "289.00").await.is_none(), "it is over");

    let (code, told) = world.say(&["verify", "till", "--reassert"]).await.told();
    assert!(code == 0 && told.contains("our price of 1 product is sent again"), "{told}");
    world.pass().await;
    assert_eq!(world.till.price("POT"), Some(9_500));
    let (code, told) = world.say(&["verify", "till"]).await.told();
    assert!(code == 0 && told.contains(" 0 different"), "{told}");
    assert_eq!(world.say(&["verify", "till", "--sku", "KETTLE"]).await.code, 2, "a product alone is nothing to do");
}

async fn p8_what_drifted_under_alert_is_put_back_once_the_policy_says_reassert(test: TestDb) {
    let world = drifted(test).await;
    let text = std::fs::read_to_string(&world.config).unwrap();
    let till = "read_url = ";
    assert_eq!(text.matches(till).count(), 1, "{text}");
    std::fs::write(&world.config, text.replace(till, &format!("drift = \"reassert\"\n{till}"))).unwrap();
    let (code, told) = world.say(&["verify", "till"]).await.told();
    assert!(code == 0 && told.contains("our price of 2 products is sent again"), "{told}");
    world.pass().await;
    assert_eq!((world.till.price("KETTLE"), world.till.price("POT")), (Some(47_900), Some(9_500)));
    // Whoever writes a third time within a day is left alone, and a person's word counts all the same.
    for _ in 0..2 {
        world.till.edit("KETTLE", 28_900);
        world.say(&["verify", "till"]).await;
        world.pass().await;
    }
    assert_eq!(world.till.price("KETTLE"), Some(28_900));
    assert!(about(&world, "two_writers", "till").await.is_some());
    let (code, told) = world.say(&["verify", "till"]).await.told();
    assert!(code == 3 && told.contains("KETTLE shows 289.00 DKK, wanted 479.00 DKK"), "{told}");
    world.say(&["verify", "till", "--reassert"]).await;
    world.pass().await;
    assert_eq!(world.till.price("KETTLE"), Some(47_900));
}

async fn p8_a_drift_that_is_called_over_and_lasts_is_raised_again(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    world.till.edit("KETTLE", 28_900);
    world.app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    let first = about(&world, "drift", "289.00").await.expect("it is told");
    for _ in 0..3 {
        world.app.clock.advance(2 * Millis::HOUR);
        world.drive().await;
    }
    assert_eq!(about(&world, "drift", "289.00").await.unwrap().times, 1, "looks are no occurrences");
    let id = first.id.to_string();
    let (_, told) = world.say(&["alert", "resolve", &id]).await.told();
    assert!(told.contains("1 resolved; what still lasts is raised and told again"), "{told}");
    let closed = alerts::event(&world.app.db, first.id).await.unwrap().unwrap();
    assert!(closed.resolved_at.is_some());
    let (_, told) = world.say(&["alert", "resolve", &id]).await.told();
    assert!(
        told.contains(&format!("event {id} (drift) has been over since")) && !told.contains("1 resolved"),
        "{told}"
    );
    // Within a minute or two, without a look at the channel.
    world.app.clock.advance(2 * Millis::MINUTE);
    report::detect::all(&world.app).await.unwrap();
    let again = about(&world, "drift", "289.00").await.expect("it lasts");
    assert_ne!(again.id, first.id);
    assert_eq!((again.message, again.hint), (first.message, first.hint), "in the same words");
}

async fn a_parked_price_goes_out_again_when_a_person_says_so(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.webshop.fail_next(&[Fault::Lie; 3]);
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "parked");
    world.say(&["verify", "webshop"]).await;
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(49_900), "by itself it stays");
    let (code, told) = world.say(&["verify", "webshop", "--reassert"]).await.told();
    assert!(code == 0 && told.contains("our price of 1 product is sent again"), "{told}");
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
}
