//! Listings that a channel does not let us read: they hide neither what the others show nor that they are not seen.

use omniprice::store::{listings, progress};
use omniprice::verify::{self, Kind, Look, Report};

use super::*;

both_engines![
    listings_that_may_not_be_read_do_not_hide_what_the_others_show,
    a_look_that_finds_too_many_keeps_what_it_saw_and_the_next_ones_see_the_rest,
    listings_that_may_not_be_read_close_no_channel_and_are_asked_for_less_and_less_often,
    a_listing_that_may_not_be_read_is_not_gone,
    a_key_that_may_not_read_is_one_incident_whatever_a_look_says,
];

/// So many products, each proved on the web shop at the price that the catalogue has.
async fn many(test: TestDb, n: usize) -> (World, Vec<&'static str>) {
    let skus: Vec<&'static str> = (0..n).map(|i| &*Box::leak(format!("P{i:02}").into_boxed_str())).collect();
    let products = skus.iter().map(|sku| (*sku, "499.00", Some("250.00"))).collect();
    let world = World::open_at(test, Setup { products, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    (world, skus)
}

async fn external(world: &World, sku: &str) -> String {
    world.listing(sku, "webshop").await.external.unwrap()
}

async fn hide(world: &World, odd: &Refusing, skus: &[&str]) {
    let mut hidden = std::collections::BTreeSet::new();
    for sku in skus {
        hidden.insert(external(world, sku).await);
    }
    odd.now(|ways| ways.hidden = hidden);
}

/// A look by policy, and how many calls it took.
async fn look(world: &World, odd: &Refusing, webshop: &Lane) -> (Report, usize) {
    let before = odd.ways.lock().unwrap().asked;
    let report = verify::look(&world.app, webshop, Look::ByPolicy).await.unwrap();
    let calls = odd.ways.lock().unwrap().asked - before;
    (report, calls)
}

async fn open(world: &World, kind: &str) -> Vec<String> {
    let all = events::open(&world.app.db, 100).await.unwrap().into_iter();
    all.filter(|event| event.kind == kind).map(|event| event.message).collect()
}

async fn seconds(world: &World, lane: &Lane, most: i64) {
    for _ in 0..most {
        world.app.clock.advance(Millis::SECOND);
        flow::publish_due(&world.app, lane).await.unwrap();
    }
}

async fn listings_that_may_not_be_read_do_not_hide_what_the_others_show(test: TestDb) {
    let (world, _) = many(test, 40).await;
    let (odd, webshop) = Refusing::on(&world);
    let hidden = ["P00", "P13", "P26", "P39"];
    hide(&world, &odd, &hidden).await;
    world.webshop.edit("P20", 100);
    let (report, _) = look(&world, &odd, &webshop).await;
    assert_eq!((report.error.clone(), report.compared, report.unread.len()), (None, 36, 4));
    let found: Vec<_> = report.differences.iter().map(|one| one.external.clone()).collect();
    assert_eq!(found, [external(&world, "P20").await], "somebody's price of 1.00 is found: {:?}", report.differences);
    let told = open(&world, "not_compared").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("4 of 40 listings of webshop cannot be read"), "{}", told[0]);
    let said = world.say(&["channel", "list"]).await.out;
    assert!(said.contains("4 of 40 listings of webshop cannot be read"), "{said}");
    // They are known now: once all of them, once all the others, and each of the four.
    let (again, calls) = look(&world, &odd, &webshop).await;
    assert_eq!((again.unread.len(), again.error.clone(), calls), (4, None, 6));
    for sku in hidden {
        let listing = world.listing(sku, "webshop").await;
        let reads = progress::attempts(&world.app.db, listing.id, 50).await.unwrap();
        let forbidden = reads.iter().filter(|one| one.outcome == "forbidden").count();
        assert_eq!(forbidden, 1, "however often it is asked for: {reads:?}");
    }
    odd.now(|ways| ways.hidden.clear());
    for _ in 0..2 {
        let (whole, calls) = look(&world, &odd, &webshop).await;
        assert_eq!((whole.compared, whole.unread.len(), calls), (40, 0, 1));
        assert_eq!(open(&world, "not_compared").await, Vec::<String>::new());
    }
}

async fn a_look_that_finds_too_many_keeps_what_it_saw_and_the_next_ones_see_the_rest(test: TestDb) {
    let (world, skus) = many(test, 48).await;
    let (odd, webshop) = Refusing::on(&world);
    let hidden: Vec<&str> = skus.iter().copied().step_by(2).collect();
    hide(&world, &odd, &hidden).await;
    for sku in [skus[1], skus[47]] {
        world.webshop.edit(sku, 100);
    }
    let (first, calls) = look(&world, &odd, &webshop).await;
    let error = first.error.clone().expect("it says that it did not come to its end");
    assert!(error.contains("left to the next"), "{error}");
    assert!((1..24).contains(&first.unread.len()) && calls < 200, "{} in {calls} calls", first.unread.len());
    assert_eq!(first.differences.len(), 1, "what was seen counts: {:?}", first.differences);
    assert!(open(&world, "not_compared").await[0].starts_with("webshop was not compared to its end"));
    let (second, _) = look(&world, &odd, &webshop).await;
    assert_eq!((second.error.clone(), second.unread.len(), second.compared), (None, 24, 24));
    let found = [&first, &second].map(|report| report.differences[0].external.clone());
    assert_eq!(found, [external(&world, skus[1]).await, external(&world, skus[47]).await]);
    assert!(open(&world, "not_compared").await[0].starts_with("24 of 48 listings of webshop cannot be read"));
    // Eight of them are asked for once more at each look, in turn.
    odd.now(|ways| drop(ways.hidden.take(&hidden_last(&first))));
    for _ in 0..3 {
        world.app.clock.advance(Millis::MINUTE);
        look(&world, &odd, &webshop).await;
    }
    let (found, _) = look(&world, &odd, &webshop).await;
    assert_eq!((found.unread.len(), found.compared), (23, 25), "one may be read again");
}

fn hidden_last(report: &Report) -> String {
    report.unread.last().unwrap().external.clone()
}

async fn listings_that_may_not_be_read_close_no_channel_and_are_asked_for_less_and_less_often(test: TestDb) {
    let world = three(test).await;
    for sku in ["KETTLE", "LAMP", "CHAIR"] {
        decide(&world, sku, 47_900).await;
    }
    seconds(&world, world.app.lane("till").unwrap(), 4).await;
    let (odd, webshop) = Refusing::on(&world);
    // The oldest one is among them: it is not asked for the others.
    hide(&world, &odd, &["KETTLE", "LAMP"]).await;
    for _ in 0..60 {
        seconds(&world, &webshop, 1).await;
        assert_eq!(state(&world).await.state, "ok");
    }
    assert_eq!(world.listing("CHAIR", "webshop").await.state, "verified");
    for sku in ["KETTLE", "LAMP"] {
        let listing = world.listing(sku, "webshop").await;
        assert!(listing.state == "accepted" && listing.reason.contains("read scope missing"), "{listing:?}");
    }
    let asked = || odd.ways.lock().unwrap().asked;
    let (mut hours, mut before) = (Vec::new(), asked());
    for _ in 0..12 {
        for _ in 0..60 {
            world.app.clock.advance(Millis::MINUTE);
            flow::publish_due(&world.app, &webshop).await.unwrap();
            assert_eq!(state(&world).await.state, "ok");
        }
        hours.push(asked() - before);
        before = asked();
    }
    assert!(hours[1..].iter().all(|calls| *calls <= 12) && hours[11] <= 8, "calls by the hour: {hours:?}");
    let listing = world.listing("KETTLE", "webshop").await;
    let reads = progress::attempts(&world.app.db, listing.id, 50).await.unwrap();
    assert_eq!(reads.iter().filter(|one| one.outcome == "forbidden").count(), 1, "{reads:?}");
    assert_eq!((told_refused(&world).await, odd.writes()), (0, 3), "each was sent once");
    // A new price does not wait for the next read.
    decide(&world, "KETTLE", 46_900).await;
    seconds(&world, world.app.lane("till").unwrap(), 4).await;
    seconds(&world, &webshop, 10).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(46_900));
    odd.now(|ways| ways.hidden.clear());
    for _ in 0..130 {
        world.app.clock.advance(Millis::MINUTE);
        flow::publish_due(&world.app, &webshop).await.unwrap();
    }
    assert_eq!(world.listing("LAMP", "webshop").await.state, "verified");
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
}

async fn told_refused(world: &World) -> usize {
    open(world, "channel_refused").await.len()
}

async fn a_listing_that_may_not_be_read_is_not_gone(test: TestDb) {
    let world = three(test).await;
    for sku in ["KETTLE", "LAMP", "CHAIR"] {
        decide(&world, sku, 47_900).await;
    }
    seconds(&world, world.app.lane("till").unwrap(), 4).await;
    let (odd, mut webshop) = Refusing::on(&world);
    seconds(&world, &webshop, 30).await;
    let sent = odd.writes();
    let before = world.listing("LAMP", "webshop").await;
    assert_eq!(before.state, "verified");
    hide(&world, &odd, &["LAMP"]).await;
    for seeded in [false, true] {
        odd.now(|ways| ways.seeded = seeded);
        webshop.policy.puts_back = seeded;
        let (report, _) = look(&world, &odd, &webshop).await;
        assert!(report.differences.iter().all(|one| one.kind != Kind::Gone), "{:?}", report.differences);
        assert_eq!((report.unread.len(), report.compared), (1, 2));
        assert_eq!(report.unread[0].why, "read scope missing");
        seconds(&world, &webshop, 5).await;
        let after = world.listing("LAMP", "webshop").await;
        let kept = (after.state.as_str(), after.live_minor, after.sent_seq);
        assert_eq!(kept, ("verified", Some(47_900), before.sent_seq), "neither lost nor sent again");
    }
    assert_eq!((odd.writes(), open(&world, "listing_lost").await.len()), (sent, 0));
    // A listing that the channel has, and says why it cannot tell the price of, is not gone either.
    odd.now(|ways| {
        ways.hidden.clear();
        ways.tells = Some((before.external.clone().unwrap(), "several offers with this SKU"));
    });
    let (report, _) = look(&world, &odd, &webshop).await;
    assert_eq!((report.unread.len(), report.compared), (1, 2), "{:?}", report.differences);
    assert_eq!(listings::of_product(&world.app.db, before.product_id).await.unwrap().len(), 3);
    assert_eq!(world.listing("LAMP", "webshop").await.state, "verified");
}

async fn a_key_that_may_not_read_is_one_incident_whatever_a_look_says(test: TestDb) {
    let world = three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.reads = Some(Class::Forbidden));
    for sku in ["KETTLE", "LAMP", "CHAIR"] {
        decide(&world, sku, 47_900).await;
    }
    seconds(&world, world.app.lane("till").unwrap(), 4).await;
    seconds(&world, &webshop, 10).await;
    let since = state(&world).await.since;
    for _ in 0..120 {
        world.app.clock.advance(Millis::MINUTE);
        flow::publish_due(&world.app, &webshop).await.unwrap();
        let now = state(&world).await;
        assert_eq!((now.state.as_str(), now.since), ("refused", since), "a look without problems reads nothing");
    }
    odd.now(|ways| ways.reads = None);
    assert!(minutes(&world, &webshop, 61).await.is_some());
    seconds(&world, &webshop, 60).await;
    assert_eq!(world.listing("CHAIR", "webshop").await.state, "verified");
}
