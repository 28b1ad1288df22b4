//! What customers see is watched: conditions of prices that are live, raised while they last, through the real application.

use omniprice::app::PAUSE;
use omniprice::clock::{Clock, Millis};
use omniprice::demo::market::Shown;
use omniprice::demo::shop::Fault;
use omniprice::flow;
use omniprice::report::alerts::{Surroundings, standing};
use omniprice::report::detect;
use omniprice::sentence::{Sentence, find};
use omniprice::store::events::{self, Event, Raise};
use omniprice::store::{channels, listings, products, rivals, settings, targets};
use omniprice::verify;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_live_price_below_its_floor_and_prices_that_wait_are_told_while_they_last,
    a_price_below_its_floor_that_drifted_is_told_however_young_the_decision_is,
    a_key_item_that_a_competitor_keeps_cheaper_is_told_once,
    an_offer_that_no_decision_counts_undercuts_nobody,
    a_host_that_turns_us_away_with_pages_is_told_until_it_does_not,
    an_advert_that_promises_less_than_a_checkout_is_told_until_both_agree,
    a_channel_is_late_then_unreachable_then_neither,
    a_channel_that_nobody_answers_for_is_unreachable,
    what_ends_behind_everybodys_back_is_resolved,
    what_stands_in_the_state_is_told_however_it_came_to_be_untold,
    a_listing_that_comes_back_is_not_lost_any_more,
    what_a_lane_says_is_found_again,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);
/// The watch looks every five minutes.
const LOOK: i64 = 6 * Millis::MINUTE;

async fn open(world: &World) -> Vec<String> {
    world.app.clock.advance(LOOK);
    detect::all(&world.app).await.unwrap();
    let all = events::open(&world.app.db, 50).await.unwrap();
    // What nobody can take apart would reach every reader in English; a person's own words do so on purpose.
    let told = |event: &&Event| event.kind != "paused" && event.message != "a test";
    for event in all.iter().filter(told) {
        assert!(find(&event.message).is_some(), "{}: {}", event.kind, event.message);
    }
    let mut open: Vec<String> = all.into_iter().map(|event| event.kind).collect();
    open.sort();
    open.dedup();
    open
}

/// The open event of a kind about a channel.
async fn about(world: &World, kind: &str, channel: &str) -> Event {
    let open = events::open(&world.app.db, 50).await.unwrap();
    let known = |event: &Event| event.kind == kind && event.channel.as_deref() == Some(channel);
    open.iter().find(|event| known(event)).cloned().unwrap_or_else(|| panic!("{kind} of {channel} in {open:?}"))
}

/// One round of a channel, and no more: what fails then waits for its next try.
async fn publish(world: &World, channel: &str) {
    while flow::check_due(&world.app).await.unwrap() > 0 || flow::decide_due(&world.app).await.unwrap() > 0 {}
    flow::publish_due(&world.app, world.app.lane(channel).unwrap()).await.unwrap();
}

async fn a_live_price_below_its_floor_and_prices_that_wait_are_told_while_they_last(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
    let (pause, who, why) = (PAUSE.to_owned(), "ann".to_owned(), "stocktaking".to_owned());
    settings::set(&world.app.db, pause, "on".to_owned(), who, why, world.app.now()).await.unwrap();
    // 450.00 with VAT is 562.50, and every channel shows less.
    world.import("sku,title,price,cost\nKETTLE,Kettle,499.00,450.00\n").await;
    assert_eq!(open(&world).await, ["floor_breach", "paused"]);
    let all = events::open(&world.app.db, 50).await.unwrap();
    let breaches: Vec<_> = all.iter().filter(|event| event.kind == "floor_breach").collect();
    assert_eq!(breaches.len(), 3, "one per channel: {all:?}");
    assert!(breaches[0].message.contains("below the floor 562.50 DKK"), "{}", breaches[0].message);
    settings::clear(&world.app.db, PAUSE).await.unwrap();
    world.import("sku,title,price,cost\nKETTLE,Kettle,499.00,250.00\n").await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn a_price_below_its_floor_that_drifted_is_told_however_young_the_decision_is(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    world.till.edit("KETTLE", 19_900);
    verify::look(&world.app, world.app.lane("till").unwrap(), verify::Look::ByPolicy).await.unwrap();
    assert!(open(&world).await.contains(&"floor_breach".to_owned()), "nothing is on its way to it");
}

async fn a_key_item_that_a_competitor_keeps_cheaper_is_told_once(test: TestDb) {
    let world = World::open_at(test, Setup { mode: "shadow", ..Setup::default() }, Clock::manual(START)).await;
    world.near.show("KETTLE", price(45_900));
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new(), "not a key item");
    world.import("sku,title,price,cost,tags\nKETTLE,Kettle,499.00,250.00,kvi\n").await;
    assert_eq!(open(&world).await, ["kvi_undercut"]);
    let event = events::open(&world.app.db, 50).await.unwrap().remove(0);
    assert!(event.message.contains("asks 459.00 DKK, we ask 499.00 DKK: 8.7 % more"), "{}", event.message);
    assert_eq!(open(&world).await, ["kvi_undercut"]);
    assert_eq!(events::open(&world.app.db, 50).await.unwrap().len(), 1);
    world.near.show("KETTLE", Shown::Price { minor: 45_900, in_stock: false });
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn an_offer_that_no_decision_counts_undercuts_nobody(test: TestDb) {
    const OUTLET: &str = "[[rule]]\nid = \"stay\"\npriority = 900\ntarget = { kind = \"lowest\" }\n\
                          offers = { exclude = [\"near.example\"], max_age_h = 2 }\n\
                          bounds = { min = [ { margin_pct = \"10\" } ] }\n";
    let setup = Setup { mode: "shadow", rules: OUTLET, ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.import("sku,title,price,cost,tags\nKETTLE,Kettle,499.00,250.00,kvi\n").await;
    world.near.show("KETTLE", price(45_900));
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new(), "the rule leaves this competitor out");
    world.far.show("KETTLE", price(46_900));
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, ["kvi_undercut"]);
    world.app.clock.advance(Millis::HOUR * 3);
    assert_eq!(open(&world).await, Vec::<String>::new(), "the rule believes no offer for longer than two hours");
}

async fn a_host_that_turns_us_away_with_pages_is_told_until_it_does_not(test: TestDb) {
    let products = ["KETTLE", "LAMP", "CHAIR"].map(|sku| (sku, "499.00", Some("250.00"))).to_vec();
    let setup = Setup { products, mode: "shadow", ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    let show = |shown: Shown| ["KETTLE", "LAMP", "CHAIR"].map(|sku| world.near.show(sku, shown.clone()));
    // A page with 403 and a challenge on it, not a broken connection.
    show(Shown::Challenge);
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, ["competitor_unreachable"]);
    show(price(49_900));
    world.app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn an_advert_that_promises_less_than_a_checkout_is_told_until_both_agree(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
    // Somebody raises the price at the checkout; the feed still promises the old one.
    world.webshop.edit("KETTLE", 52_900);
    world.app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, ["advert_below_checkout", "drift", "parity_below_goal"]);
    let advert = about(&world, "advert_below_checkout", "google").await;
    assert_eq!(advert.severity, "critical");
    assert!(advert.message.starts_with("google promises less than webshop asks"), "{}", advert.message);
    assert!(advert.message.contains("KETTLE"), "{}", advert.message);
    assert!(open(&world).await.contains(&"advert_below_checkout".to_owned()), "told while it lasts");
    // Either of the two that refuses covers it, by the very event that is raised here; another channel does not.
    let refuses = |channel: &str| Event {
        kind: "channel_refused".into(),
        dedupe: format!("refused/{channel}"),
        channel: Some(channel.into()),
        ..advert.clone()
    };
    for (channel, covered) in [("google", true), ("webshop", true), ("till", false)] {
        let all = [advert.clone(), refuses(channel)];
        let standing = standing(&advert, &Surroundings::of(&all), &[], world.app.now(), 5);
        assert_eq!(standing, if covered { "covered by channel_refused" } else { "alert" }, "{channel}");
    }
    world.webshop.edit("KETTLE", 47_900);
    world.app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn a_channel_is_late_then_unreachable_then_neither(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    world.near.show("KETTLE", price(47_900));
    targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    world.webshop.fail_next(&[Fault::TooMany]);
    publish(&world, "webshop").await;
    assert!(!open(&world).await.contains(&"channel_late".to_owned()), "every try has its time");
    world.app.clock.advance(10 * Millis::MINUTE);
    assert!(open(&world).await.contains(&"channel_late".to_owned()));
    let late = about(&world, "channel_late", "webshop").await;
    assert!(late.message.starts_with("webshop: prices that wait: 1, the oldest since 2026-"), "{}", late.message);
    world.webshop.fail_next(&[Fault::CutAfterApply]);
    publish(&world, "webshop").await;
    assert!(open(&world).await.contains(&"channel_unreachable".to_owned()));
    let lost = about(&world, "channel_unreachable", "webshop").await;
    assert_eq!(lost.id, late.id, "the same trouble, now worse");
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn a_channel_that_nobody_answers_for_is_unreachable(test: TestDb) {
    let config = "[channels.outlet]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/prices\"\n\
                  secret = \"whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0\"\ncurrency = \"DKK\"\ntax = \"gross\"\n";
    let world = World::open_at(test, Setup { config, ..Setup::default() }, Clock::manual(START)).await;
    for lane in &world.app.lanes {
        flow::verify_due(&world.app, lane).await.unwrap();
    }
    world.near.show("KETTLE", price(47_900));
    targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    publish(&world, "outlet").await;
    world.app.clock.advance(20 * Millis::MINUTE);
    publish(&world, "outlet").await;
    open(&world).await;
    about(&world, "channel_unreachable", "outlet").await;
    assert_eq!(world.listing("KETTLE", "outlet").await.state, "intended", "nothing of it can have arrived");
}

/// An event as its producer raises it, for conditions that end without the producer.
async fn raised(world: &World, kind: &'static str, dedupe: &str, channel: Option<&str>, product_id: Option<i64>) {
    let event = Raise {
        kind,
        severity: "warning",
        dedupe: dedupe.to_owned(),
        product_id,
        channel: channel.map(str::to_owned),
        competitor: None,
        message: "a test".to_owned(),
        hint: String::new(),
    };
    events::raise(&world.app.db, event, world.app.now()).await.unwrap();
}

async fn what_stands_in_the_state_is_told_however_it_came_to_be_untold(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    let (db, why) = (&world.app.db, "the channel refuses the credentials (401)");
    let state = |state| channels::set_state(db, "webshop".to_owned(), state, why.to_owned(), world.app.now());
    // A crash between the state and its event.
    state("refused").await.unwrap();
    let now = world.app.now();
    let doubt = Sentence::SuspectPrices.with(&[("n", &12), ("all", &20)]);
    rivals::suspend(db, "near.example".to_owned(), doubt, now, now).await.unwrap();
    assert_eq!(open(&world).await, ["channel_refused", "competitor_suspended"]);
    let first = about(&world, "channel_refused", "webshop").await;
    assert_eq!(open(&world).await.len(), 2);
    let again = about(&world, "channel_refused", "webshop").await;
    assert_eq!((again.id, again.times), (first.id, 1), "what lasts is one thing, seen once");
    // Somebody closes what is not over.
    events::resolve(db, first.dedupe.clone(), world.app.now()).await.unwrap();
    assert_eq!(open(&world).await, ["channel_refused", "competitor_suspended"], "told again");
    state("breaker").await.unwrap();
    assert_eq!(open(&world).await, ["competitor_suspended", "fleet_breaker"]);
}

async fn what_ends_behind_everybodys_back_is_resolved(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    let db = &world.app.db;
    let id = products::by_sku(db, "KETTLE").await.unwrap().unwrap().id;
    let state = async |state: &'static str| {
        let (name, now) = ("webshop".to_owned(), world.app.now());
        channels::set_state(&world.app.db, name, state, "a test".to_owned(), now).await.unwrap();
    };
    state("refused").await;
    raised(&world, "channel_refused", "channel-refused/webshop", Some("webshop"), None).await;
    let (near, now) = ("near.example".to_owned(), world.app.now());
    rivals::suspend(db, near.clone(), "12 of 20 prices are suspect".to_owned(), now, now).await.unwrap();
    raised(&world, "competitor_suspended", "competitor-suspended/near.example", None, None).await;
    assert_eq!(open(&world).await, ["channel_refused", "competitor_suspended"], "both last");
    state("ok").await;
    rivals::resume(db, near, "ann".to_owned(), "looked".to_owned(), world.app.now()).await.unwrap();
    // What the listing, the run, the host and the campaign of these were like is long past.
    raised(&world, "held_at_door", &format!("door/google/{id}"), Some("google"), Some(id)).await;
    raised(&world, "price_rejected", &format!("listing/google/{id}"), Some("google"), Some(id)).await;
    raised(&world, "two_writers", &format!("two_writers/till/{id}"), Some("till"), Some(id)).await;
    raised(&world, "run_held", "run-held", None, None).await;
    raised(&world, "competitor_unreachable", "host-blocked/gone.example", None, None).await;
    raised(&world, "campaign", "campaign-start/99", None, None).await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn a_listing_that_comes_back_is_not_lost_any_more(test: TestDb) {
    let products = vec![("KETTLE", "499.00", Some("250.00")), ("MUG", "99.00", Some("40.00"))];
    let world = World::open_at(test, Setup { products, ..Setup::default() }, Clock::manual(START)).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    world.webshop.remove("KETTLE");
    world.app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, ["listing_lost", "parity_below_goal"]);
    world.webshop.put("KETTLE", "1", 47_900);
    world.app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    assert_eq!(open(&world).await, Vec::<String>::new());
}

async fn what_a_lane_says_is_found_again(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    world.webshop.fail_next(&[Fault::Lie; 30]);
    world.till.fail_next(&[Fault::Forbidden]);
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    let kinds = open(&world).await;
    assert!(kinds.contains(&"listing_parked".to_owned()), "{kinds:?}");
    let parked = world.listing("KETTLE", "webshop").await;
    assert!(find(&parked.reason).is_some(), "{}", parked.reason);
    // A cost that nobody has looked at yet shuts every door.
    world.import("sku,title,price,cost\nKETTLE,Kettle,499.00,450.00\n").await;
    channels::set_state(&world.app.db, "till".into(), "ok", String::new(), world.app.now()).await.unwrap();
    for channel in ["webshop", "till", "google"] {
        let listing = world.listing("KETTLE", channel).await;
        let wish = listings::Desire { listing_id: listing.id, price: Ok(47_800) };
        listings::desire_again(&world.app.db, vec![(wish, None)], world.app.now()).await.unwrap();
        flow::publish_due(&world.app, world.app.lane(channel).unwrap()).await.unwrap();
    }
    let kinds = open(&world).await;
    assert!(kinds.contains(&"held_at_door".to_owned()), "{kinds:?}");
}
