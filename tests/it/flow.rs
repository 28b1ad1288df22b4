//! The whole flow through the real application, on both engines. Names cite the promises they prove.

mod deciding;
mod drift;
mod put_back;
mod taken_over;
mod waiting;

use omniprice::clock::{Clock, Millis};
use omniprice::demo::shop::Fault;
use omniprice::flow;
use omniprice::report::{self, digest::plain};
use omniprice::store::{channels, events, listings, products, progress, settings};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    p3_a_competitor_s_move_reaches_every_channel_and_is_proved,
    p4_an_unknown_outcome_is_read_and_not_sent_again,
    p3_a_channel_that_says_done_and_changes_nothing_is_parked,
    p5_deadlocks_and_overload_are_only_retried,
    p5_a_refused_channel_stops_alone_and_tells_once,
    a_channel_in_shadow_mode_decides_and_sends_nothing,
    p6_never_below_holds_while_prices_move,
    p7_nothing_goes_out_without_a_floor,
    p1_a_channel_found_later_hears_of_the_decision,
    p1_a_search_that_a_channel_broke_off_is_taken_up_again_soon,
    i12_pause_stops_pushes_and_survives,
    r1_a_digest_goes_out_once_per_slot_and_keeps_its_message_id,
    two_workers_on_one_database_send_nothing_twice,
];

async fn p3_a_competitor_s_move_reaches_every_channel_and_is_proved(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(49_900), "live prices are adopted, not overwritten");
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    for channel in ["webshop", "google", "till"] {
        let listing = world.listing("KETTLE", channel).await;
        assert_eq!(
            (listing.state.as_str(), listing.live_minor),
            ("verified", Some(47_900)),
            "{channel}: {}",
            listing.reason
        );
        assert_eq!(listing.verified_seq, listing.desired_seq, "{channel}");
    }
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
    assert_eq!(world.till.price("KETTLE"), Some(47_900));
    let feed = std::fs::read_to_string(world.test.dir.path().join("feeds/google.xml")).unwrap();
    assert!(feed.contains("<g:price>479.00 DKK</g:price>"), "{feed}");
}

async fn p4_an_unknown_outcome_is_read_and_not_sent_again(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.webshop.fail_next(&[Fault::CutAfterApply]);
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
    assert_eq!(world.webshop.writes(), 1, "the cut request had been applied; reading showed it");
}

async fn p3_a_channel_that_says_done_and_changes_nothing_is_parked(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.webshop.fail_next(&[Fault::Lie; 10]);
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let listing = world.listing("KETTLE", "webshop").await;
    assert_eq!((listing.state.as_str(), listing.live_minor), ("parked", Some(49_900)));
    assert!(listing.reason.contains("acknowledges and does not change"), "{}", listing.reason);
    let open = events::open(&world.app.db, 10).await.unwrap();
    assert_eq!(open.iter().filter(|e| e.kind == "listing_parked").count(), 1);
    assert_eq!(world.listing("KETTLE", "till").await.state, "verified", "the other channels go on");
}

async fn p5_deadlocks_and_overload_are_only_retried(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.webshop.fail_next(&[Fault::Deadlock, Fault::Unavailable, Fault::TooMany]);
    world.till.fail_next(&[Fault::Unavailable]);
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    for channel in ["webshop", "till"] {
        assert_eq!(world.listing("KETTLE", channel).await.state, "verified", "{channel}");
    }
}

async fn p5_a_refused_channel_stops_alone_and_tells_once(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.webshop.fail_next(&[Fault::Forbidden]);
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    assert_eq!(world.listing("KETTLE", "till").await.state, "verified");
    let refused = world.listing("KETTLE", "webshop").await;
    assert_eq!((refused.state.as_str(), refused.next_at), ("intended", None));
    world.near.show("KETTLE", price(46_900));
    world.pass().await;
    assert_eq!(world.webshop.writes(), 1, "no retry storm against a channel that refused us");
    let open = events::open(&world.app.db, 10).await.unwrap();
    assert_eq!(open.iter().filter(|e| e.kind == "channel_refused").count(), 1);
    // The key is mended: the lane goes on with the newest price only.
    channels::set_state(&world.app.db, "webshop".into(), "ok", String::new(), world.app.now()).await.unwrap();
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(46_900));
    assert_eq!(world.webshop.history().iter().filter(|(_, minor)| *minor == 47_900).count(), 0);
}

async fn a_channel_in_shadow_mode_decides_and_sends_nothing(test: TestDb) {
    let rules = "[[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\nmode = \"shadow\"\n";
    let world = World::open(test, Setup { rules, ..Setup::default() }).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    assert_eq!((world.webshop.price("KETTLE"), world.till.price("KETTLE")), (Some(47_900), None));
    let listing = world.listing("KETTLE", "till").await;
    assert_eq!((listing.state.as_str(), listing.desired_minor), ("held", Some(47_900)));
    assert!(listing.reason.contains("shadow"), "{}", listing.reason);
}

async fn p6_never_below_holds_while_prices_move(test: TestDb) {
    let rules = "[[channel]]\nid = \"webshop\"\nkind = \"shop\"\nmarket = \"DK\"\n[[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\n\
                 [[constraint]]\nnever_below = [\"webshop\", \"till\"]\n";
    let world = World::open(test, Setup { rules, ..Setup::default() }).await;
    world.pass().await;
    for (minor, first) in [(47_900, "till"), (49_000, "webshop"), (46_000, "till")] {
        world.near.show("KETTLE", price(minor));
        world.far.show("KETTLE", price(minor));
        world.pass().await;
        let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
        let mut sent = Vec::new();
        for listing in listings::of_product(&world.app.db, product.id).await.unwrap() {
            let attempts = progress::attempts(&world.app.db, listing.id, 50).await.unwrap();
            sent.extend(
                attempts
                    .into_iter()
                    .filter(|a| a.kind == "push" && a.minor == Some(minor))
                    .map(|a| (a.started_at, listing.channel.clone())),
            );
        }
        sent.sort();
        let order: Vec<&str> = sent.iter().map(|(_, channel)| channel.as_str()).filter(|c| *c != "google").collect();
        assert_eq!(order.first(), Some(&first), "to {minor}: {order:?}");
        assert_eq!(world.webshop.price("KETTLE"), Some(minor));
        assert_eq!(world.till.price("KETTLE"), Some(minor));
    }
}

async fn p7_nothing_goes_out_without_a_floor(test: TestDb) {
    let products = vec![("KETTLE", "499.00", Some("250.00")), ("TOASTER", "279.00", None)];
    let world = World::open(test, Setup { products, ..Setup::default() }).await;
    world.pass().await;
    world.near.show("TOASTER", price(1));
    world.far.show("TOASTER", price(19_900));
    world.pass().await;
    assert_eq!(world.ours("TOASTER").await, 27_900);
    assert_eq!(world.webshop.price("TOASTER"), Some(27_900));
    assert_eq!(world.till.price("TOASTER"), None);
    // A cost that rose after the decision stops the price at the channel's door.
    settings::set(
        &world.app.db,
        omniprice::app::PAUSE.to_owned(),
        "on".into(),
        "test".into(),
        "hold".into(),
        world.app.now(),
    )
    .await
    .unwrap();
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let rules = world.app.rules().await.unwrap();
    let dearer = omniprice::catalog::import::read(
        "sku,title,price,cost\nKETTLE,KETTLE,499.00,400.00\n".as_bytes(),
        &rules.set,
        |_| {},
    );
    let mut rows = dearer.rows;
    rows[0].locked = Some(true);
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    settings::clear(&world.app.db, omniprice::app::PAUSE).await.unwrap();
    flow::pass(&world.app, 6_000).await.unwrap();
    let held = world.listing("KETTLE", "webshop").await;
    assert_eq!(held.state, "held", "{}", held.reason);
    assert!(held.reason.contains("below the floor 500.00 DKK"), "{}", held.reason);
    assert_eq!(world.webshop.price("KETTLE"), Some(49_900));
}

async fn settled_at(world: &World, minor: i64) {
    world.pass().await;
    world.near.show("KETTLE", price(minor));
    world.pass().await;
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
}

async fn p1_a_channel_found_later_hears_of_the_decision(test: TestDb) {
    let world = World::open(test, Setup { mode: "auto", ..Setup::default() }).await;
    // The decision is made while no channel has been searched yet.
    while flow::check_due(&world.app).await.unwrap() > 0 {}
    world.near.show("KETTLE", price(47_900));
    omniprice::store::targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    while flow::check_due(&world.app).await.unwrap() > 0 {}
    while flow::decide_due(&world.app).await.unwrap() > 0 {}
    assert_eq!(world.ours("KETTLE").await, 47_900);
    world.pass().await;
    for channel in ["webshop", "google", "till"] {
        let listing = world.listing("KETTLE", channel).await;
        assert_eq!((listing.state.as_str(), listing.live_minor), ("verified", Some(47_900)), "{channel}");
    }
}

/// One lost answer must not keep a channel's listings unknown for an hour, or its prices unread for a day.
async fn p1_a_search_that_a_channel_broke_off_is_taken_up_again_soon(test: TestDb) {
    let clock = Clock::manual(Millis(1_795_510_800_000));
    let world = World::open_at(test, Setup::default(), clock).await;
    world.webshop.mute(true);
    world.drive().await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let known = async || {
        let all = listings::of_product(&world.app.db, product.id).await.unwrap();
        all.iter().any(|listing| listing.channel == "webshop")
    };
    assert!(!known().await, "the search was answered with errors");
    world.webshop.mute(false);
    world.app.clock.advance(Millis::MINUTE);
    world.settle().await;
    assert!(!known().await, "not at once: the channel is overloaded");
    world.app.clock.advance(5 * Millis::MINUTE);
    world.settle().await;
    assert!(known().await);
}

async fn i12_pause_stops_pushes_and_survives(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    settings::set(
        &world.app.db,
        omniprice::app::PAUSE.to_owned(),
        "on".into(),
        "ann".into(),
        "stocktaking".into(),
        world.app.now(),
    )
    .await
    .unwrap();
    world.near.show("KETTLE", price(47_900));
    omniprice::store::targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    flow::pass(&world.app, 200).await.unwrap();
    assert_eq!(world.webshop.writes() + world.till.writes(), 1, "only the first price of the till, before the pause");
    assert_eq!(world.ours("KETTLE").await, 47_900, "deciding goes on");
    assert!(world.listing("KETTLE", "webshop").await.reason.contains("stocktaking"));
    settings::clear(&world.app.db, omniprice::app::PAUSE).await.unwrap();
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
}

async fn r1_a_digest_goes_out_once_per_slot_and_keeps_its_message_id(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    settled_at(&world, 47_900).await;
    let (app, slot) = (&world.app, world.app.now());
    let to = &app.config.report.recipients[0];
    assert!(report::send_slot(app, to, slot).await.unwrap());
    assert!(!report::send_slot(app, to, slot).await.unwrap(), "a settled slot is not sent again");
    let sent = events::digests(&app.db, 5).await.unwrap();
    let eml = std::fs::read_to_string(&sent[0].detail).unwrap();
    assert!(eml.contains(&format!("Message-ID: {}", sent[0].message_id)), "{eml}");
    assert!(eml.contains("1 price changed"), "{eml}");
    // A crash between sending and marking: the lease runs out, the claim is repeated under the same id.
    let later = slot.plus(1_000);
    let first = events::claim_digest(&app.db, to.clone(), later, "<one@x>".into(), later, later.plus(10))
        .await
        .unwrap()
        .unwrap();
    assert!(
        events::claim_digest(&app.db, to.clone(), later, "<two@x>".into(), later, later.plus(10))
            .await
            .unwrap()
            .is_none()
    );
    let again = events::claim_digest(&app.db, to.clone(), later, "<two@x>".into(), later.plus(20), later.plus(40))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.id, again.message_id.as_str(), again.tries), (first.id, "<one@x>", 2));
    assert_eq!(plain("a\u{202e}b"), "a b");
}

async fn two_workers_on_one_database_send_nothing_twice(test: TestDb) {
    let products =
        vec![("A", "499.00", Some("100.00")), ("B", "499.00", Some("100.00")), ("C", "499.00", Some("100.00"))];
    let world = World::open(test, Setup { products, ..Setup::default() }).await;
    world.pass().await;
    let config = omniprice::config::Config::load(Some(&world.config), &[]).unwrap();
    let second = omniprice::app::App::build(config, omniprice::clock::Clock::System).await.unwrap();
    for round in 1..=6_i64 {
        for sku in ["A", "B", "C"] {
            world.near.show(sku, price(49_900 - round * 100));
        }
        omniprice::store::targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
        let (one, two) = tokio::join!(flow::pass(&world.app, 1_500), flow::pass(&second, 1_500));
        one.unwrap();
        two.unwrap();
    }
    world.pass().await;
    assert_eq!(world.till.stale(), 0, "an older price was sent after a newer one");
    for sku in ["A", "B", "C"] {
        let shown: Vec<i64> =
            world.webshop.history().into_iter().filter(|(s, _)| s == sku).map(|(_, minor)| minor).collect();
        assert!(shown.windows(2).all(|pair| pair[0] > pair[1]), "{sku}: {shown:?}");
        assert_eq!(shown.last(), Some(&49_300));
    }
}
