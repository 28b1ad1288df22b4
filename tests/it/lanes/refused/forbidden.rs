//! A write that the channel forbids: for the listing's sake, which the others must not suffer from, or for the account's.

use omniprice::verify;

use super::*;

both_engines![
    a_listing_that_is_forbidden_beside_others_is_rejected,
    a_listing_that_is_forbidden_between_others_is_rejected,
    a_forbidden_listing_that_was_alone_closes_its_channel_once_and_no_more,
    a_listing_that_may_not_be_read_keeps_no_other_from_its_proof,
    a_key_that_may_not_read_closes_the_channel,
    a_key_without_rights_closes_a_channel_that_takes_one_at_a_time,
    a_key_without_rights_closes_a_channel_that_takes_many_at_once,
];

/// Seconds pass, with a round of the lane in each of them.
async fn seconds(world: &World, lane: &Lane, most: i64) {
    for _ in 0..most {
        world.app.clock.advance(Millis::SECOND);
        flow::publish_due(&world.app, lane).await.unwrap();
    }
}

async fn told(world: &World, kind: &str) -> usize {
    let all = events::open(&world.app.db, 50).await.unwrap();
    all.iter().filter(|event| event.kind == kind).count()
}

async fn a_listing_that_is_forbidden_beside_others_is_rejected(test: TestDb) {
    a_listing_that_is_forbidden_is_rejected_and_the_others_go_on(test, false).await;
}

async fn a_listing_that_is_forbidden_between_others_is_rejected(test: TestDb) {
    a_listing_that_is_forbidden_is_rejected_and_the_others_go_on(test, true).await;
}

async fn a_listing_that_is_forbidden_is_rejected_and_the_others_go_on(test: TestDb, single: bool) {
    let world = all_three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| (ways.single, ways.of) = (single, Some(("KETTLE", Class::Forbidden))));
    for _ in 0..60 {
        seconds(&world, &webshop, 1).await;
        assert_eq!(state(&world).await.state, "ok", "{:?}", odd.ways.lock().unwrap().arrived);
    }
    assert_eq!([world.webshop.price("LAMP"), world.webshop.price("CHAIR")], [Some(47_900); 2]);
    let kettle = world.listing("KETTLE", "webshop").await;
    assert_eq!(kettle.state, "rejected", "{}", kettle.reason);
    assert_eq!(kettle.reason, "the channel takes others and forbids this one: write scope missing");
    assert_eq!((told(&world, "price_rejected").await, told(&world, "channel_refused").await), (1, 0));
    // Its next price is tried like any other, and stops nobody either.
    decide(&world, "KETTLE", 46_900).await;
    let till = world.app.lane("till").unwrap();
    seconds(&world, till, 4).await;
    seconds(&world, &webshop, 60).await;
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "rejected");
    assert_eq!(state(&world).await.state, "ok");
}

async fn a_forbidden_listing_that_was_alone_closes_its_channel_once_and_no_more(test: TestDb) {
    let world = three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.of = Some(("KETTLE", Class::Forbidden)));
    let till = world.app.lane("till").unwrap();
    decide(&world, "KETTLE", 47_900).await;
    seconds(&world, till, 4).await;
    seconds(&world, &webshop, 30).await;
    assert_eq!(state(&world).await.state, "refused", "nothing tells that it is not the account");
    decide(&world, "LAMP", 47_900).await;
    seconds(&world, till, 4).await;
    assert!(minutes(&world, &webshop, 60).await.is_some());
    assert_eq!(world.webshop.price("LAMP"), Some(47_900));
    for _ in 0..180 {
        world.app.clock.advance(Millis::MINUTE);
        flow::publish_due(&world.app, &webshop).await.unwrap();
        assert_eq!(state(&world).await.state, "ok", "it takes others");
    }
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "rejected");
    assert_eq!((told(&world, "price_rejected").await, told(&world, "channel_refused").await), (1, 0));
}

async fn a_listing_that_may_not_be_read_keeps_no_other_from_its_proof(test: TestDb) {
    let world = all_three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    let kettle = world.listing("KETTLE", "webshop").await.external.unwrap();
    odd.now(|ways| ways.hides = Some(kettle));
    for _ in 0..60 {
        seconds(&world, &webshop, 1).await;
        assert_eq!(state(&world).await.state, "ok");
    }
    for sku in ["LAMP", "CHAIR"] {
        assert_eq!(world.listing(sku, "webshop").await.state, "verified", "{sku}");
    }
    let kettle = world.listing("KETTLE", "webshop").await;
    assert!(kettle.state == "accepted" && kettle.reason.contains("read scope missing"), "{kettle:?}");
    // A whole look goes on to its end, too.
    let report = verify::look(&world.app, &webshop, verify::Look::Only).await.unwrap();
    assert_eq!((report.error, report.compared), (None, 2), "what rests is compared");
    odd.now(|ways| ways.hides = None);
    world.app.clock.advance(Millis::HOUR);
    seconds(&world, &webshop, 5).await;
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
}

async fn a_key_that_may_not_read_closes_the_channel(test: TestDb) {
    let world = all_three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| (ways.reads, ways.problem) = (Some(Class::Forbidden), Some("the key may not read")));
    seconds(&world, &webshop, 10).await;
    assert_eq!(state(&world).await.state, "refused");
    odd.now(|ways| (ways.reads, ways.problem) = (None, None));
    assert!(minutes(&world, &webshop, 60).await.is_some());
    seconds(&world, &webshop, 60).await;
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
}

async fn a_key_without_rights_closes_a_channel_that_takes_one_at_a_time(test: TestDb) {
    a_key_without_rights_closes_the_channel_and_is_told_once(test, true).await;
}

async fn a_key_without_rights_closes_a_channel_that_takes_many_at_once(test: TestDb) {
    a_key_without_rights_closes_the_channel_and_is_told_once(test, false).await;
}

async fn a_key_without_rights_closes_the_channel_and_is_told_once(test: TestDb, single: bool) {
    let world = all_three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| (ways.single, ways.writes) = (single, Some(Class::Forbidden)));
    seconds(&world, &webshop, 30).await;
    assert_eq!(state(&world).await.state, "refused");
    let before = odd.writes();
    assert!(before <= 6, "{before} writes tell it");
    let first = refusal(&world).await.unwrap();
    assert_eq!(minutes(&world, &webshop, 60).await, None);
    assert_eq!((refusal(&world).await.unwrap().id, told(&world, "price_rejected").await), (first.id, 0));
    odd.now(|ways| ways.writes = None);
    assert!(minutes(&world, &webshop, 60).await.is_some());
    seconds(&world, &webshop, 90).await;
    for sku in ["KETTLE", "LAMP", "CHAIR"] {
        assert_eq!(world.webshop.price(sku), Some(47_900), "{sku}: {:?}", world.listing(sku, "webshop").await);
    }
    assert!(refusal(&world).await.is_none());
    // What was forbidden with all the others is not held against a listing when it happens again.
    for sku in ["KETTLE", "LAMP", "CHAIR"] {
        decide(&world, sku, 46_900).await;
    }
    seconds(&world, world.app.lane("till").unwrap(), 4).await;
    odd.now(|ways| ways.writes = Some(Class::Forbidden));
    seconds(&world, &webshop, 30).await;
    assert_eq!((state(&world).await.state.as_str(), told(&world, "price_rejected").await), ("refused", 0));
}
