//! What decisions rest on is watched: purchase costs, matches of pages, and the order of channels.

use omniprice::clock::{Clock, Millis};
use omniprice::decide::facts::Standing;
use omniprice::demo::shop::Fault;
use omniprice::flow::{self, pricing};
use omniprice::report::detect;
use omniprice::sentence::find;
use omniprice::store::events::{self, Event, MATCH_REVIEW};
use omniprice::store::{catalogue, decisions, observations, products, reporting, rivals, targets};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    purchase_costs_that_nobody_names_any_more_are_told_until_somebody_does,
    a_page_far_from_our_price_for_a_week_does_not_count_until_somebody_says_it_does,
    a_doubt_ends_when_the_prices_meet_again,
    a_channel_is_late_after_twice_the_time_that_its_rules_declare,
    an_order_of_channels_that_live_prices_break_is_told_until_it_holds,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

async fn open(world: &World) -> Vec<Event> {
    detect::all(&world.app).await.unwrap();
    let all = events::open(&world.app.db, 50).await.unwrap();
    for event in &all {
        assert!(find(&event.message).is_some(), "{}: {}", event.kind, event.message);
    }
    all
}

/// Whether an event of a kind is open, two hours later.
async fn told(world: &World, kind: &str) -> Option<Event> {
    world.app.clock.advance(2 * Millis::HOUR);
    open(world).await.into_iter().find(|event| event.kind == kind)
}

async fn purchase_costs_that_nobody_names_any_more_are_told_until_somebody_does(test: TestDb) {
    let products = vec![("KETTLE", "499.00", Some("250.00")), ("MUG", "99.00", Some("40.00")), ("POT", "9.00", None)];
    let world = World::open_at(test, Setup { products, ..Setup::default() }, Clock::manual(START)).await;
    assert!(told(&world, "cost_stale").await.is_none());
    world.app.clock.advance(20 * Millis::DAY);
    world.import("sku,title,price,cost\nMUG,Mug,99.00,41.00\n").await;
    assert!(told(&world, "cost_stale").await.is_none(), "three weeks old");
    world.app.clock.advance(10 * Millis::DAY);
    let event = told(&world, "cost_stale").await.expect("a month is over");
    assert_eq!(event.severity, "warning");
    assert_eq!(event.message, "purchase costs older than 30d: 1, the oldest that of KETTLE, of 2026-11-24T09:00:00Z");
    let oldest = reporting::old_costs(&world.app.db, world.app.now()).await.unwrap().unwrap();
    assert_eq!((oldest.sku.as_str(), oldest.n), ("KETTLE", 2), "the mug's is ten days old, the pot has none");
    products::set_locked(&world.app.db, "KETTLE".into(), true, world.app.now()).await.unwrap();
    assert!(told(&world, "cost_stale").await.is_none(), "nothing is decided for what is locked");
    products::set_locked(&world.app.db, "KETTLE".into(), false, world.app.now()).await.unwrap();
    assert!(told(&world, "cost_stale").await.is_some());
    world.import("sku,title,price,cost,stock\nKETTLE,Kettle,499.00,250.00,3\n").await;
    assert!(told(&world, "cost_stale").await.is_none(), "the same cost, named today");
}

/// A competitor's page at 200.00 beside our 499.00, believed.
async fn far_away(test: TestDb) -> World {
    let world = World::open_at(test, Setup { mode: "shadow", ..Setup::default() }, Clock::manual(START)).await;
    world.near.show("KETTLE", price(20_000));
    believed(&world).await;
    world
}

/// Time enough for any jump to be confirmed.
async fn believed(world: &World) {
    for _ in 0..4 {
        world.drive().await;
        world.app.clock.advance(Millis::HOUR);
    }
}

async fn days(world: &World, n: usize) {
    for _ in 0..n {
        world.app.clock.advance(Millis::DAY);
        world.drive().await;
    }
}

/// Whether the near competitor's offer counts, by both ways of reading facts, and the price that its evaluation wants.
async fn near(world: &World) -> (Standing, Option<i64>) {
    let (app, product) = (&world.app, products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap());
    while flow::decide_due(app).await.unwrap() > 0 {}
    let loaded = app.rules().await.unwrap();
    let facts = pricing::facts(app, &loaded, &product, app.now()).await.unwrap();
    let standing = facts.offers.iter().find(|offer| offer.competitor == "near.example").unwrap().standing;
    let latest = observations::latest_of_product(&app.db, product.id).await.unwrap();
    let of_page = latest.iter().find(|latest| latest.competitor == "near.example").unwrap().in_review;
    let of_range = catalogue::offers(&app.db, product.id - 1, product.id).await.unwrap();
    let of_range = of_range.iter().find(|offer| offer.latest.competitor == "near.example").unwrap().latest.in_review;
    assert_eq!((of_page > 0, of_range > 0), (standing != Standing::Accepted, standing != Standing::Accepted));
    (standing, decisions::evaluation(&app.db, product.id).await.unwrap().unwrap().price_minor)
}

async fn a_page_far_from_our_price_for_a_week_does_not_count_until_somebody_says_it_does(test: TestDb) {
    let world = far_away(test).await;
    let far = rivals::far(&world.app.db, 9).await.unwrap().remove(0);
    assert_eq!((far.competitor.as_str(), far.price_minor, far.own_minor), ("near.example", 20_000, 49_900));
    days(&world, 6).await;
    assert!(told(&world, MATCH_REVIEW).await.is_none(), "six days");
    let (standing, wanted) = near(&world).await;
    assert_eq!(standing, Standing::Accepted);
    assert!(wanted.unwrap() < 49_900, "it pulls our price down: {wanted:?}");
    days(&world, 1).await;
    let event = told(&world, MATCH_REVIEW).await.expect("a week");
    assert!(event.message.starts_with("near.example asks 200.00 DKK where we ask 499.00 DKK"), "{}", event.message);
    assert!(event.message.contains(&world.near.url("KETTLE")), "{}", event.message);
    assert!(event.hint.contains(&format!("omniprice extract \"{}\"", world.near.url("KETTLE"))), "{}", event.hint);
    assert_eq!((event.sku.as_deref(), event.competitor.as_deref()), (Some("KETTLE"), Some("near.example")));
    assert_eq!(near(&world).await, (Standing::Quarantined, Some(49_900)), "the other competitor's price stays");
    days(&world, 2).await;
    assert!(told(&world, MATCH_REVIEW).await.is_some(), "it lasts");
    // A person has looked: it is our product.
    events::resolve(&world.app.db, event.dedupe.clone(), world.app.now()).await.unwrap();
    assert_eq!(near(&world).await, (Standing::Accepted, wanted));
    days(&world, 3).await;
    assert!(told(&world, MATCH_REVIEW).await.is_none(), "the word holds");
    let resolved = events::resolved(&world.app.db, MATCH_REVIEW, 9).await.unwrap();
    assert_eq!(resolved.keys().collect::<Vec<_>>(), [&event.dedupe]);
    // The prices meet and part again: another spell, another doubt.
    world.near.show("KETTLE", price(48_900));
    believed(&world).await;
    assert!(rivals::far(&world.app.db, 9).await.unwrap().is_empty());
    world.near.show("KETTLE", price(20_000));
    believed(&world).await;
    assert!(told(&world, MATCH_REVIEW).await.is_none());
    days(&world, 7).await;
    assert!(told(&world, MATCH_REVIEW).await.is_some());
}

async fn a_doubt_ends_when_the_prices_meet_again(test: TestDb) {
    let world = far_away(test).await;
    days(&world, 7).await;
    assert!(told(&world, MATCH_REVIEW).await.is_some());
    world.near.show("KETTLE", price(48_900));
    believed(&world).await;
    assert!(told(&world, MATCH_REVIEW).await.is_none());
    assert_eq!(near(&world).await, (Standing::Accepted, Some(48_900)));
}

async fn a_channel_is_late_after_twice_the_time_that_its_rules_declare(test: TestDb) {
    let rules = "[[channel]]\nid = \"webshop\"\nkind = \"shop\"\nmarket = \"DK\"\nconverge_within = \"2h\"\n\
                 [[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\nconverge_within = \"2m\"\n";
    let world = World::open_at(test, Setup { rules, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    world.near.show("KETTLE", price(47_900));
    targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    while flow::check_due(&world.app).await.unwrap() > 0 || flow::decide_due(&world.app).await.unwrap() > 0 {}
    let late = async |minutes: i64| {
        world.app.clock.advance(minutes * Millis::MINUTE);
        let all = open(&world).await.into_iter().filter(|event| event.kind == "channel_late");
        all.filter_map(|event| event.channel).collect::<Vec<_>>()
    };
    assert_eq!(late(6).await, ["till"], "the feed's fifteen minutes are not over");
    let mut slow = late(20).await;
    slow.sort();
    assert_eq!(slow, ["google", "till"], "two hours are declared for the web shop");
    let mut slow = late(4 * 60).await;
    slow.sort();
    assert_eq!(slow, ["google", "till", "webshop"]);
    world.drive().await;
    assert_eq!(late(6).await, Vec::<String>::new());
}

async fn an_order_of_channels_that_live_prices_break_is_told_until_it_holds(test: TestDb) {
    let rules = "[[channel]]\nid = \"webshop\"\nkind = \"shop\"\nmarket = \"DK\"\n\
                 [[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\n\
                 [[constraint]]\nnever_below = [\"webshop\", \"till\"]\non_failure = \"best_effort\"\nafter = \"5m\"\n";
    let world = World::open_at(test, Setup { rules, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    world.near.show("KETTLE", price(47_900));
    targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    while flow::check_due(&world.app).await.unwrap() > 0 || flow::decide_due(&world.app).await.unwrap() > 0 {}
    let webshop = async || {
        for _ in 0..20 {
            flow::publish_due(&world.app, world.app.lane("webshop").unwrap()).await.unwrap();
            world.app.clock.advance(Millis::SECOND);
        }
    };
    world.till.fail_next(&[Fault::TooMany]);
    flow::publish_due(&world.app, world.app.lane("till").unwrap()).await.unwrap();
    webshop().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(49_900), "it waits for the till");
    assert!(open(&world).await.iter().all(|event| event.kind != "order_broken"));
    world.app.clock.advance(6 * Millis::MINUTE);
    webshop().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900), "its time of waiting is over");
    let event = open(&world).await.into_iter().find(|event| event.kind == "order_broken").expect("broken");
    assert_eq!(event.message, "webshop must never be below till and is; products: 1, KETTLE among them");
    assert_eq!(event.channel.as_deref(), Some("webshop"));
    world.drive().await;
    assert_eq!(world.listing("KETTLE", "till").await.live_minor, Some(47_900));
    assert!(told(&world, "order_broken").await.is_none());
}
