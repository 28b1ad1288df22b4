//! What people and campaigns decide, through the real application on both engines, on a clock that the test moves.

use std::collections::BTreeMap;

use omniprice::clock::{Clock, Millis};
use omniprice::decide::campaign::{CART_GRACE_MS, LATE_AFTER_MS, Window};
use omniprice::decide::campaign_file::CampaignFile;
use omniprice::decide::release::Guard;
use omniprice::flow::{campaigns as planning, intent, pricing};
use omniprice::money::{Currency, Money};
use omniprice::report;
use omniprice::store::campaigns::{self, Added};
use omniprice::store::overrides::{self, Kind, New};
use omniprice::store::products::Import;
use omniprice::store::strikes::{self, Strike};
use omniprice::store::{channels, decisions, events, products};
use serde_json::json;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};
use crate::web::ask;

both_engines![
    a_lock_keeps_the_price_and_its_end_lets_rules_decide,
    a_price_set_by_hand_goes_to_every_channel_even_in_review_and_ends,
    guards_speak_before_a_price_is_set_by_hand,
    a_campaign_runs_on_all_channels_in_one_window_and_says_what_history_allows,
    a_campaign_that_goes_on_from_another_keeps_the_price_before_both,
    a_campaign_without_history_changes_the_price_and_announces_nothing,
    an_override_of_a_countrys_rules_decides_what_history_is_enough,
    a_campaign_of_one_channel_leaves_the_others_alone,
    after_a_campaign_that_no_rule_follows_the_price_before_it_is_back,
    a_channel_that_cannot_be_written_to_delays_or_cancels_by_policy,
    adverts_leave_a_campaign_before_its_end_and_checkouts_after_the_carts,
    the_end_of_a_campaign_brings_back_our_price_and_not_a_strangers,
    the_end_of_a_campaign_needs_nobodys_consent_in_review_mode,
    a_campaign_price_that_stays_after_its_end_is_an_alarm_until_it_is_gone,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

pub async fn world(test: TestDb, setup: Setup) -> World {
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    world
}

pub async fn set(world: &World, kind: Kind, minor: Option<i64>, lasts: i64) {
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let new = New {
        product_id: product.id,
        kind,
        price_minor: minor,
        currency: "DKK".into(),
        owner: "ann".into(),
        why: "price promise".into(),
        until: Some(world.app.now().plus(lasts)),
    };
    overrides::set(&world.app.db, new, world.app.now()).await.unwrap();
}

pub async fn shown(world: &World) -> Vec<Option<i64>> {
    let mut shown = Vec::new();
    for channel in ["webshop", "google", "till"] {
        let listing = world.listing("KETTLE", channel).await;
        assert!(
            matches!(listing.state.as_str(), "verified" | "idle"),
            "{channel}: {} {}",
            listing.state,
            listing.reason
        );
        shown.push(listing.live_minor);
    }
    shown
}

async fn why(world: &World) -> String {
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap().why
}

async fn a_lock_keeps_the_price_and_its_end_lets_rules_decide(test: TestDb) {
    let world = world(test, Setup::default()).await;
    set(&world, Kind::Lock, None, Millis::HOUR).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!((world.ours("KETTLE").await, why(&world).await.as_str()), (49_900, "locked by ann: price promise"));
    world.app.clock.advance(Millis::HOUR);
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(47_900); 3]);
}

async fn a_price_set_by_hand_goes_to_every_channel_even_in_review_and_ends(test: TestDb) {
    let world = world(test, Setup { mode: "review", ..Setup::default() }).await;
    set(&world, Kind::Price, Some(45_900), Millis::DAY).await;
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(45_900); 3], "a person's price was consented to by that person");
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let newest = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    assert_eq!(newest.actor, "ann");
    assert!(newest.why.contains("price promise"), "{}", newest.why);
    let record: pricing::Record = serde_json::from_str(&newest.record).unwrap();
    let loaded = world.app.rules().await.unwrap();
    let now = record.now.timestamp();
    omniprice::decide::explain::prove(&record.facts, &loaded.set, now, &record.decision).unwrap();
    world.app.clock.advance(Millis::DAY);
    world.settle().await;
    let open = decisions::open_reviews(&world.app.db, 10).await.unwrap();
    assert_eq!(
        open.iter().map(|r| r.price_minor).collect::<Vec<_>>(),
        [49_900],
        "the rules' way back waits for a person"
    );
    assert_eq!(world.ours("KETTLE").await, 45_900);
}

async fn guards_speak_before_a_price_is_set_by_hand(test: TestDb) {
    let world = world(test, Setup::default()).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let found = async |minor: i64| {
        let price = Money::from_minor(minor, Currency::DKK);
        let found = intent::examine(&world.app, &product, price, world.app.now()).await.unwrap();
        found.into_iter().map(|(guard, _)| guard).collect::<Vec<_>>()
    };
    assert_eq!(found(46_900).await, []);
    assert_eq!(found(31_249).await, [Guard::FreshFloor], "250.00 with VAT is 312.50");
    assert_eq!(found(4_990).await, [Guard::FreshFloor]);
    assert!(found(499_000).await.contains(&Guard::Slip));
    assert_eq!(world.ours("KETTLE").await, 49_900, "asking changes nothing");
}

pub async fn add(world: &World, from: i64, until: i64, extra: &str) -> i64 {
    campaign(world, "black-week", "399.00", (from, until), extra).await
}

async fn campaign(world: &World, id: &str, asked: &str, (from, until): (i64, i64), extra: &str) -> i64 {
    let at = |ms: i64| world.app.now().plus(ms);
    let text = format!(
        "id = \"{id}\"\nfrom = \"{}\"\nuntil = \"{}\"\nowner = \"ann\"\nwhy = \"the yearly one\"\nannounce = true\n{extra}\n\
         [[item]]\nsku = \"KETTLE\"\nprice = \"{asked}\"\n",
        at(from),
        at(until)
    );
    let file = CampaignFile::parse(&text).unwrap();
    let planned = planning::plan(&world.app, &file, text).await.unwrap().unwrap();
    match campaigns::add(&world.app.db, planned, world.app.now()).await.unwrap() {
        Added::Stored(id) => id,
        refused => panic!("{refused:?}"),
    }
}

async fn strike(world: &World, channel: &str) -> Option<Strike> {
    let (listing, now) = (world.listing("KETTLE", channel).await.id, world.app.now());
    let read = world
        .app
        .db
        .write((listing, now), |tx, &(listing, now)| Box::pin(async move { strikes::strike(tx, listing, now).await }));
    read.await.unwrap()
}

async fn a_campaign_runs_on_all_channels_in_one_window_and_says_what_history_allows(test: TestDb) {
    let world = world(test, Setup::default()).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    world.app.clock.advance(20 * Millis::DAY);
    world.near.show("KETTLE", price(49_900));
    world.drive().await;
    world.app.clock.advance(25 * Millis::DAY);
    let id = add(&world, Millis::HOUR, 3 * Millis::DAY, "").await;
    world.drive().await;
    assert_eq!((shown(&world).await, strike(&world, "webshop").await), (vec![Some(49_900); 3], None));
    let planned = digest(&world).await;
    assert!(planned.contains("* black-week starts "), "{planned}");
    assert!(planned.contains("1 product; DK: 3 of 3 reductions may be announced"), "{planned}");
    let (starts, ends) = (world.app.now().plus(Millis::HOUR), world.app.now().plus(3 * Millis::DAY));
    let upcoming = ask(&world.app, "/v1/prices/upcoming").await;
    let begins = json!({ "sku": "KETTLE", "amount": "399.00", "currency": "DKK",
        "market": "DK", "tax": "gross", "valid_from": starts.to_string(), "valid_until": ends.to_string() });
    assert_eq!(upcoming, json!({ "upcoming": [begins], "next": null }));
    let before = ask(&world.app, "/v1/prices").await;
    assert_eq!(before["prices"][0].get("valid_until"), None, "{before}");
    world.app.clock.advance(Millis::HOUR);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(39_900); 3], "{}", why(&world).await);
    let frozen = strikes::strikes_of(&world.app.db, id, 10).await.unwrap();
    assert_eq!(frozen.len(), 3);
    for one in &frozen {
        // 479.00 was in force when the window of 30 days opened, so it is the lowest.
        assert_eq!((one.announce, one.prior_minor, one.max_percent), (1, Some(47_900), Some(16)), "{one:?}");
        assert_eq!(one.regular_minor, 49_900);
        let window = Millis(one.window_from.unwrap()).timestamp();
        let zone = jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap();
        assert_eq!(window.to_zoned(zone).time(), jiff::civil::time(0, 0, 0, 0), "local midnight");
    }
    assert_eq!(ask(&world.app, "/v1/prices/upcoming").await, json!({ "upcoming": [], "next": null }));
    let changed = ask(&world.app, &format!("/v1/prices?since={}", before["cursor"].as_str().unwrap())).await;
    let shelf = &changed["prices"][0];
    assert_eq!((&shelf["amount"], &shelf["valid_until"]), (&json!("399.00"), &json!(ends.to_string())), "{changed}");
    let since = Millis(frozen[0].window_from.unwrap()).to_string();
    assert_eq!(
        shelf["reduced"],
        json!({ "from": { "amount": "479.00", "currency": "DKK" },
        "text": "Laveste pris seneste 30 dage", "since": since })
    );
    let seen = strike(&world, "till").await.unwrap();
    assert_eq!((seen.announce, seen.prior_minor), (true, Some(47_900)));
    let crossed = (seen.reference_minor(), world.listing("KETTLE", "google").await.sent_regular_minor);
    assert_eq!(crossed, (47_900, Some(47_900)), "499.00 was asked for last, and may not be crossed out");
    let running = digest(&world).await;
    assert!(running.contains("* black-week runs until "), "{running}");
    assert!(running.contains("till: 1 of 1 prices read back equal"), "{running}");
    assert!(running.contains("DK: 3 of 3 reductions may be announced, prior price DKK\u{a0}479.00"), "{running}");
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 39_900, "rules wait");
    world.app.clock.advance(3 * Millis::DAY);
    world.drive().await;
    assert_eq!(shown(&world).await, [Some(49_900); 3], "{}", why(&world).await);
    assert_eq!(strike(&world, "till").await, None);
    let after = ask(&world.app, "/v1/prices").await;
    assert_eq!((after["prices"][0].get("reduced"), after["prices"][0].get("valid_until")), (None, None), "{after}");
    assert_eq!(campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap().phase, "over");
    assert!(digest(&world).await.contains("* black-week ended "));
    // A shop that puts the campaign's price back is a late end, however long ago the end was.
    world.webshop.edit("KETTLE", 39_900);
    world.app.clock.advance(2 * Millis::DAY);
    world.settle().await;
    let late = digest(&world).await;
    assert!(late.contains("webshop still shows its price: 1"), "{late}");
}

/// The text of the last day's digest as anybody gets it.
async fn digest(world: &World) -> String {
    let now = world.app.now();
    report::digest(&world.app, now.plus(-Millis::DAY), now).await.unwrap().unwrap().text
}

/// Two reductions without a day between them are steps of one: in Denmark the price before the first stays the prior
/// price of the second (SEMANTICS 3.2).
async fn a_campaign_that_goes_on_from_another_keeps_the_price_before_both(test: TestDb) {
    let world = world(test, Setup::default()).await;
    world.drive().await;
    world.app.clock.advance(45 * Millis::DAY);
    let window = |from: i64, days: i64| (from, from + days * Millis::DAY);
    campaign(&world, "first", "449.00", window(Millis::HOUR, 2), "").await;
    let second = campaign(&world, "second", "399.00", window(Millis::HOUR + 2 * Millis::DAY, 2), "").await;
    world.app.clock.advance(Millis::HOUR + 40 * Millis::SECOND);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(44_900); 3], "{}", why(&world).await);
    world.app.clock.advance(2 * Millis::DAY);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(39_900); 3], "{}", why(&world).await);
    for one in strikes::strikes_of(&world.app.db, second, 10).await.unwrap() {
        assert_eq!((one.prior_minor, one.max_percent), (Some(49_900), Some(20)), "{one:?}");
        assert!(one.reasons.contains("progressive") && !one.reasons.contains("broken"), "{one:?}");
    }
}

async fn an_override_of_a_countrys_rules_decides_what_history_is_enough(test: TestDb) {
    let config = "[prior_price.DK]\nwindow_days = 14\nlegal_basis = \"a test\"\n";
    let world = world(test, Setup { config, ..Setup::default() }).await;
    // Three weeks on offer are too few for the thirty days of the directive.
    world.app.clock.advance(21 * Millis::DAY);
    world.drive().await;
    let id = add(&world, 0, Millis::DAY, "").await;
    world.settle().await;
    let frozen = strikes::strikes_of(&world.app.db, id, 10).await.unwrap();
    assert!(!frozen.is_empty() && frozen.iter().all(|one| one.announce == 1), "{frozen:?}");
    assert!(frozen.iter().all(|one| one.prior_minor == Some(49_900)), "{frozen:?}");
}

async fn a_campaign_without_history_changes_the_price_and_announces_nothing(test: TestDb) {
    let world = world(test, Setup::default()).await;
    let id = add(&world, 0, Millis::DAY, "").await;
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(39_900); 3]);
    let frozen = strikes::strikes_of(&world.app.db, id, 10).await.unwrap();
    assert!(!frozen.is_empty());
    assert!(frozen.iter().all(|one| one.announce == 0 && one.reasons.contains("insufficient history")), "{frozen:?}");
    assert!(!strike(&world, "webshop").await.unwrap().announce);
}

async fn a_campaign_of_one_channel_leaves_the_others_alone(test: TestDb) {
    let world = world(test, Setup::default()).await;
    let before = ask(&world.app, "/v1/prices?channel=till").await;
    assert_eq!(before["prices"][0]["amount"], "499.00");
    add(&world, 0, Millis::DAY, "channels = [\"till\"]").await;
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(49_900), Some(49_900), Some(39_900)]);
    // A till that asks for its prices gets the campaign exactly where its channel has it, also as a change.
    let told = async |query: &str| {
        let answer = ask(&world.app, &format!("/v1/prices{query}")).await;
        let price = answer["prices"][0].clone();
        (price["amount"].as_str().map(str::to_owned), price["valid_until"].as_str().map(str::to_owned))
    };
    let (reduced, regular) = (Some("399.00".to_owned()), Some("499.00".to_owned()));
    let until = Some(window(&world, "till").await.until.plus(-CART_GRACE_MS).to_string());
    assert_eq!(told("?channel=till").await, (reduced.clone(), until.clone()));
    assert_eq!(told("?channel=webshop").await, (regular.clone(), None));
    assert_eq!(told("").await, (regular.clone(), None), "who does not say which channel it is has no campaign of one");
    let since = format!("?channel=till&since={}", before["cursor"].as_str().unwrap());
    assert_eq!(told(&since).await, (reduced.clone(), until));
    let dearer = |min_minor| Import { min_minor, ..crate::store_suite::import("KETTLE", &[]) };
    products::import(&world.app.db, vec![dearer(Some(45_000))], world.app.now()).await.unwrap();
    assert_eq!(told("?channel=till").await, (regular, None), "below the floor of today it goes out nowhere");
    products::import(&world.app.db, vec![dearer(None)], world.app.now()).await.unwrap();
    assert!(strike(&world, "till").await.is_some() && strike(&world, "webshop").await.is_none());
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(shown(&world).await, [Some(47_900), Some(47_900), Some(39_900)], "rules go on elsewhere");
    world.app.clock.advance(Millis::DAY);
    world.drive().await;
    assert_eq!(shown(&world).await, [Some(47_900), Some(47_900), Some(39_900)], "carts begun before the end");
    assert_eq!(told("?channel=till").await.0.as_deref(), Some("479.00"));
    world.app.clock.advance(CART_GRACE_MS);
    world.drive().await;
    assert_eq!(shown(&world).await, [Some(47_900); 3]);
}

pub async fn window(world: &World, channel: &str) -> Window {
    let stored = campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap().windows.unwrap();
    serde_json::from_str::<BTreeMap<String, Window>>(&stored).unwrap()[channel]
}

/// Lets every channel of a campaign that has just begun have its turn.
pub async fn turns(world: &World) {
    world.settle().await;
    world.app.clock.advance(2 * Millis::MINUTE);
    world.settle().await;
}

/// Moves the clock to an instant and lets everything come to rest.
pub async fn at(world: &World, at: Millis) -> Vec<Option<i64>> {
    world.app.clock.advance(at.since(world.app.now()));
    world.settle().await;
    shown(world).await
}

/// An advert that still promises what the till no longer takes is what this order is for (SEMANTICS 7.1 I5, 7.4).
async fn adverts_leave_a_campaign_before_its_end_and_checkouts_after_the_carts(test: TestDb) {
    let world = world(test, Setup::default()).await;
    // How long each channel takes is measured, on a price that changes once.
    world.near.show("KETTLE", price(48_900));
    world.drive().await;
    let id = add(&world, Millis::HOUR, Millis::DAY, "cart_grace_min = 20").await;
    let stored = campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap();
    let (from, until) = (Millis(stored.starts_at), Millis(stored.ends_at));
    assert_eq!(at(&world, from).await, [Some(39_900), Some(48_900), Some(39_900)], "the advert waits for the tills");
    let (shop, feed) = (window(&world, "webshop").await, window(&world, "google").await);
    assert_eq!(at(&world, feed.from).await, [Some(39_900); 3]);
    assert_eq!((shop.from, shop.until), (from, until.plus(20 * Millis::MINUTE)));
    assert!(feed.from > from && feed.until < until, "{feed:?}");
    let seen = strikes::strikes_of(&world.app.db, id, 10).await.unwrap();
    let started = |channel: &str| seen.iter().find(|row| row.channel == channel).unwrap().started_at;
    assert!(started("google") >= feed.from.0 && started("webshop") < feed.from.0, "{seen:?}");
    assert_eq!(at(&world, feed.until.plus(-Millis::SECOND)).await, [Some(39_900); 3]);
    let shown = async |instant: Millis| at(&world, instant).await;
    assert_eq!(shown(feed.until).await, [Some(39_900), Some(48_900), Some(39_900)], "the advert stops first");
    let proved = world.listing("KETTLE", "google").await.live_at.unwrap();
    assert!(proved <= until.0, "and is gone before the end: {} after {until}", Millis(proved));
    assert_eq!(shown(until).await, [Some(39_900), Some(48_900), Some(39_900)], "carts keep their price");
    assert_eq!(world.ours("KETTLE").await, 48_900, "rules decide again");
    assert_eq!(shown(shop.until).await, [Some(48_900); 3]);
}

async fn the_end_of_a_campaign_brings_back_our_price_and_not_a_strangers(test: TestDb) {
    let world = world(test, Setup::default()).await;
    world.near.show("KETTLE", price(48_900));
    world.drive().await;
    let file = world.app.config.path(std::path::Path::new("feeds/google.xml"));
    let feed = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, feed.replace("489.00 DKK", "455.00 DKK")).unwrap();
    world.app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    let found = world.listing("KETTLE", "google").await;
    assert_eq!((found.state.as_str(), found.live_minor), ("drifted", Some(45_500)), "somebody edited the feed");
    add(&world, 0, Millis::DAY, "cart_grace_min = 0").await;
    world.settle().await;
    world.app.clock.advance(Millis::MINUTE);
    turns(&world).await;
    let feed = window(&world, "google").await;
    assert_eq!(at(&world, feed.from.max(world.app.now())).await, [Some(39_900); 3]);
    assert_eq!(at(&world, feed.until).await[1], Some(48_900), "what we had decided before it");
}

async fn the_end_of_a_campaign_needs_nobodys_consent_in_review_mode(test: TestDb) {
    let world = world(test, Setup { mode: "review", ..Setup::default() }).await;
    let id = add(&world, 0, Millis::DAY, "cart_grace_min = 0").await;
    world.settle().await;
    let ends = campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap();
    assert_eq!((ends.id, world.ours("KETTLE").await), (id, 39_900), "whoever planned it consented to it");
    world.app.clock.advance(Millis(ends.ends_at).since(world.app.now()));
    turns(&world).await;
    turns(&world).await;
    let told = why(&world).await;
    assert_eq!(
        (world.ours("KETTLE").await, shown(&world).await),
        (49_900, vec![Some(49_900); 3]),
        "and to its end: {told}"
    );
}

async fn a_campaign_price_that_stays_after_its_end_is_an_alarm_until_it_is_gone(test: TestDb) {
    let world = world(test, Setup::default()).await;
    let until = world.app.now().plus(Millis::DAY);
    add(&world, 0, Millis::DAY, "cart_grace_min = 0").await;
    world.settle().await;
    let state = |state: &'static str| {
        channels::set_state(&world.app.db, "till".into(), state, "a test".into(), world.app.now())
    };
    let alarms = async || {
        let open = events::open(&world.app.db, 10).await.unwrap();
        let ends = open.into_iter().filter(|event| event.kind == "campaign" && event.message.contains("is over"));
        ends.map(|event| (event.severity, event.message, event.times)).collect::<Vec<_>>()
    };
    world.app.clock.advance(until.since(world.app.now()).max(0));
    state("refused").await.unwrap();
    world.settle().await;
    assert_eq!(alarms().await, [], "it is given five minutes");
    world.app.clock.advance(LATE_AFTER_MS);
    let told = "campaign black-week is over, and its prices are still live: 1 on till";
    for _ in 0..3 {
        omniprice::flow::tend(&world.app).await.unwrap();
    }
    assert_eq!(
        alarms().await,
        [("critical".to_owned(), told.to_owned(), 1)],
        "it is looked at often and happened once"
    );
    state("ok").await.unwrap();
    world.app.clock.advance(Millis::MINUTE);
    world.drive().await;
    // Ends are looked at when a round begins, and the till was let in again within this one.
    world.drive().await;
    assert_eq!((shown(&world).await, alarms().await), (vec![Some(49_900); 3], vec![]));
}

async fn after_a_campaign_that_no_rule_follows_the_price_before_it_is_back(test: TestDb) {
    let rules = "[[rule]]\nid = \"stay\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"keep\" }\n";
    let world = world(test, Setup { rules, ..Setup::default() }).await;
    add(&world, 0, Millis::DAY, "").await;
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 39_900);
    world.app.clock.advance(Millis::DAY + CART_GRACE_MS);
    world.drive().await;
    assert_eq!(shown(&world).await, [Some(49_900); 3], "{}", why(&world).await);
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 49_900, "and stays");
}

async fn a_channel_that_cannot_be_written_to_delays_or_cancels_by_policy(test: TestDb) {
    let world = world(test, Setup::default()).await;
    add(&world, 5 * Millis::MINUTE, Millis::DAY, "on_unready = \"delay_all\"").await;
    let state = |state: &'static str| {
        channels::set_state(&world.app.db, "till".into(), state, "a test".into(), world.app.now())
    };
    state("refused").await.unwrap();
    world.settle().await;
    let delayed = campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap();
    assert!(Millis(delayed.starts_at) > world.app.now().plus(15 * Millis::MINUTE), "{}", Millis(delayed.starts_at));
    let open = events::open(&world.app.db, 10).await.unwrap();
    assert!(open.iter().any(|e| e.kind == "campaign_changed" && e.message.contains("delayed")), "{open:?}");
    world.app.clock.advance(6 * Millis::MINUTE);
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 49_900, "not at the time that was planned first");
    state("ok").await.unwrap();
    world.app.clock.advance(20 * Millis::MINUTE);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(39_900); 3]);
}
