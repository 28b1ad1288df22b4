//! Starts of campaigns that a channel keeps by itself, through the real application and a real feed on both engines, on a
//! clock that the test moves: nobody has to be there when a campaign begins.

use omniprice::clock::Millis;
use omniprice::money::{Currency, WirePrice};
use omniprice::store::events;
use omniprice::store::listings::Listing;
use omniprice::store::overrides::Kind;
use omniprice::store::stages::{self, OnChannel};
use omniprice::store::{campaigns, progress, strikes};
use omniprice::verify;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};
use crate::intent::{add, at, set, shown, turns, window, world};

both_engines![
    a_feed_begins_a_campaign_by_itself_and_nothing_is_sent_for_it,
    a_campaign_that_came_and_went_while_no_daemon_ran_is_part_of_the_price_s_history,
    a_start_that_will_not_happen_is_taken_back_from_the_channel,
    a_price_that_moves_before_the_start_is_what_is_crossed_out,
    a_price_that_moves_in_the_last_minute_leaves_the_start_to_the_daemon,
    a_channel_that_did_not_take_the_start_is_told_before_it,
];

const BEFORE: i64 = 49_900;
const REDUCED: i64 = 39_900;
/// Long enough for a reduction to be announced.
const HISTORY: i64 = 45 * Millis::DAY;
/// Within the time in which starts are staged.
const SOON: i64 = 40 * Millis::MINUTE;

/// A shop with a history of prices, and a campaign that begins soon and is staged where channels can.
async fn staged(test: TestDb, setup: Setup) -> (World, i64) {
    let world = world(test, setup).await;
    world.app.clock.advance(HISTORY);
    let id = add(&world, SOON, Millis::DAY, "").await;
    world.settle().await;
    (world, id)
}

async fn google(world: &World) -> Listing {
    world.listing("KETTLE", "google").await
}

/// What a reader of the feed makes of it now: the price and what is crossed out.
async fn read(world: &World) -> (Option<WirePrice>, Option<Option<WirePrice>>) {
    let seen = world.app.lane("google").unwrap().channel.read(&["KETTLE".to_owned()]).await.unwrap();
    (seen[0].price, seen[0].regular)
}

fn feed(world: &World) -> String {
    let folder = world.app.config.path(std::path::Path::new("feeds/google.xml"));
    std::fs::read_to_string(folder).unwrap()
}

fn dkk(minor: i64) -> Option<WirePrice> {
    Some(WirePrice::from_minor(minor, Currency::DKK))
}

async fn pushes(world: &World) -> usize {
    let attempts = progress::attempts(&world.app.db, google(world).await.id, 1_000).await.unwrap();
    attempts.iter().filter(|attempt| attempt.kind == "push").count()
}

async fn a_feed_begins_a_campaign_by_itself_and_nothing_is_sent_for_it(test: TestDb) {
    let (world, id) = staged(test, Setup::default()).await;
    assert_eq!(shown(&world).await, [Some(BEFORE); 3], "nothing has begun");
    let from = window(&world, "google").await.from;
    let listing = google(&world).await;
    assert_eq!((listing.staged_minor, listing.staged_from), (Some(REDUCED), Some(from.0)), "{listing:?}");
    assert!(feed(&world).contains("<g:sale_price>399.00 DKK</g:sale_price>"), "{}", feed(&world));
    let on = stages::per_channel(&world.app.db, id, world.app.now()).await.unwrap();
    let whole = OnChannel { channel: "google".into(), listings: 1, wanted: 1, starts_at: from.0, confirmed: 1 };
    assert_eq!(on, [whole], "a shop and a till that know no such window are not asked to keep one");
    let given = pushes(&world).await;

    let start = Millis(campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap().starts_at);
    assert_eq!(at(&world, start).await, [Some(REDUCED), Some(BEFORE), Some(REDUCED)], "the advert waits for the tills");
    world.app.clock.advance(from.since(world.app.now()));
    assert_eq!(read(&world).await, (dkk(REDUCED), Some(dkk(BEFORE))), "and begins by itself");
    let lane = world.app.lane("google").unwrap();
    let report = verify::look(&world.app, lane, verify::Look::ByPolicy).await.unwrap();
    assert_eq!(report.differences, [], "what was given to it is no drift");
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(REDUCED); 3]);
    assert_eq!(pushes(&world).await, given, "looking was proof enough");
    let listing = google(&world).await;
    let taken_over = (listing.sent_minor, listing.sent_regular_minor, listing.staged_minor);
    assert_eq!(taken_over, (Some(REDUCED), Some(BEFORE), None), "{listing:?}");
    assert_eq!((listing.verified_seq, listing.sent_seq), (listing.desired_seq, listing.desired_seq));
    let rows = strikes::strikes_of(&world.app.db, id, 10).await.unwrap();
    let own = rows.iter().find(|row| row.channel == "google").unwrap();
    assert_eq!((own.started_at, own.announce, own.prior_minor), (from.0, 1, Some(BEFORE)), "{own:?}");
    assert_eq!(stages::of_campaign(&world.app.db, id, 10).await.unwrap(), []);
    assert_eq!(verify::look(&world.app, lane, verify::Look::ByPolicy).await.unwrap().differences, []);

    world.app.clock.advance(Millis::DAY);
    turns(&world).await;
    world.app.clock.advance(Millis::HOUR);
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(BEFORE); 3]);
    assert_eq!(read(&world).await, (dkk(BEFORE), Some(None)));
}

/// The lowest price of 30 days must know a price that was live although nobody looked (SEMANTICS 3, I11).
async fn a_campaign_that_came_and_went_while_no_daemon_ran_is_part_of_the_price_s_history(test: TestDb) {
    let (world, _) = staged(test, Setup::default()).await;
    let listing = google(&world).await;
    let from = listing.staged_from.unwrap();
    world.app.clock.advance(3 * Millis::DAY);
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(BEFORE); 3]);
    let history = progress::live_history(&world.app.db, listing.id, Millis(0)).await.unwrap();
    assert!(history.iter().any(|fact| (fact.minor, fact.seen_at) == (REDUCED, from)), "{history:?}");
    assert!(!feed(&world).contains("sale_price>399"), "{}", feed(&world));
    assert_eq!(google(&world).await.staged_minor, None);
}

async fn a_start_that_will_not_happen_is_taken_back_from_the_channel(test: TestDb) {
    let (world, id) = staged(test, Setup::default()).await;
    let of = async || stages::of_campaign(&world.app.db, id, 10).await.unwrap().len();
    assert_eq!((google(&world).await.staged_minor, of().await), (Some(REDUCED), 1));
    // A lock that is over before the start does not stand against it, one that lasts does.
    set(&world, Kind::Lock, None, 10 * Millis::MINUTE).await;
    world.app.clock.advance(2 * Millis::MINUTE);
    world.settle().await;
    assert_eq!((google(&world).await.staged_minor, of().await), (Some(REDUCED), 1));
    set(&world, Kind::Lock, None, Millis::DAY).await;
    world.app.clock.advance(2 * Millis::MINUTE);
    world.settle().await;
    assert_eq!((google(&world).await.staged_minor, of().await), (None, 0));
    assert_eq!(shown(&world).await, [Some(BEFORE); 3]);
    assert!(!feed(&world).contains("<g:sale_price>399"), "{}", feed(&world));
    let product = omniprice::store::products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let now = world.app.now();
    omniprice::store::overrides::end(&world.app.db, product.id, Kind::Lock, "ann".into(), "enough".into(), now)
        .await
        .unwrap();
    world.app.clock.advance(2 * Millis::MINUTE);
    world.settle().await;
    assert_eq!(google(&world).await.staged_minor, Some(REDUCED), "and staged again");
    campaigns::set_phase(&world.app.db, id, "cancelled", Some("ann".into()), Some("enough".into()), world.app.now())
        .await
        .unwrap();
    world.settle().await;
    assert_eq!((google(&world).await.staged_minor, of().await), (None, 0));
    world.app.clock.advance(2 * Millis::HOUR);
    assert_eq!(read(&world).await, (dkk(BEFORE), Some(None)), "nothing begins");
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(BEFORE); 3]);
}

async fn a_price_that_moves_before_the_start_is_what_is_crossed_out(test: TestDb) {
    let (world, id) = staged(test, Setup::default()).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    world.app.clock.advance(2 * Millis::MINUTE);
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(47_900); 3]);
    let stage = stages::of_campaign(&world.app.db, id, 10).await.unwrap();
    assert_eq!(stage.iter().map(|stage| (stage.regular_minor, stage.minor)).collect::<Vec<_>>(), [(47_900, REDUCED)]);
    assert_eq!(google(&world).await.staged_minor, Some(REDUCED));
    let from = window(&world, "google").await.from;
    world.app.clock.advance(from.since(world.app.now()));
    assert_eq!(read(&world).await, (dkk(REDUCED), Some(dkk(47_900))));
}

async fn a_price_that_moves_in_the_last_minute_leaves_the_start_to_the_daemon(test: TestDb) {
    let (world, id) = staged(test, Setup::default()).await;
    let from = window(&world, "google").await.from;
    let start = Millis(campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap().starts_at);
    at(&world, start.plus(-30 * Millis::SECOND)).await;
    assert_eq!(google(&world).await.staged_minor, Some(REDUCED));
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert!(world.app.now() < start, "the clock ran away");
    assert_eq!(google(&world).await.staged_minor, None, "it would have crossed out another price");
    assert_eq!(at(&world, from).await, [Some(REDUCED); 3]);
    let rows = strikes::strikes_of(&world.app.db, id, 10).await.unwrap();
    let own = rows.iter().find(|row| row.channel == "google").unwrap();
    assert_eq!((own.regular_minor, own.started_at >= from.0), (47_900, true), "{own:?}");
}

async fn a_channel_that_did_not_take_the_start_is_told_before_it(test: TestDb) {
    let world = world(test, Setup::default()).await;
    world.app.clock.advance(HISTORY);
    // Nothing can be written over a folder.
    let file = world.app.config.path(std::path::Path::new("feeds/google.xml"));
    let kept = file.with_extension("kept");
    let id = add(&world, SOON, Millis::DAY, "").await;
    std::fs::rename(&file, &kept).unwrap();
    std::fs::create_dir(&file).unwrap();
    world.settle().await;
    let on = stages::per_channel(&world.app.db, id, world.app.now()).await.unwrap();
    assert_eq!(on.iter().map(|on| (on.wanted, on.confirmed)).collect::<Vec<_>>(), [(1, 0)]);
    world.app.clock.advance(SOON - 9 * Millis::MINUTE);
    world.settle().await;
    let open = events::open(&world.app.db, 20).await.unwrap();
    let told = open.iter().find(|event| event.kind == "campaign").map(|event| event.message.as_str());
    assert!(told.is_some_and(|told| told.contains("google")), "{open:?}");
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&kept, &file).unwrap();
}
