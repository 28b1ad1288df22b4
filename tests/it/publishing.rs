//! A channel as a whole: the brake, a day's updates, and going back.

use std::sync::Arc;

use async_trait::async_trait;
use omniprice::channel::{Capabilities, Channel, ChannelError, Match, PriceChange, Probe, Receipt, Seen};
use omniprice::flow;
use omniprice::publish::fleet::Limits;
use omniprice::publish::gate::Door;
use omniprice::publish::halt::released_key;
use omniprice::publish::lane::Lane;
use omniprice::store::listings::{self, Desire};
use omniprice::store::{channels, decisions, events, fleet, products, settings};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_channel_on_which_too_much_moves_stops_until_a_person_has_looked,
    the_last_update_of_a_day_is_kept_for_a_raise,
    channels_of_one_account_use_up_one_allowance,
    going_back_makes_new_decisions_that_reach_every_channel,
    what_a_channel_showed_at_an_instant_can_be_wanted_again,
    a_till_asks_only_for_what_changed,
    a_note_about_a_channel_is_told_and_a_problem_needs_a_person,
    a_vendor_that_takes_longer_to_show_a_price_gets_the_time,
    a_pair_in_two_currencies_is_a_finding,
];

/// A channel that counts a listing's updates.
struct Capped(Arc<dyn Channel>, u32);

#[async_trait]
impl Channel for Capped {
    fn capabilities(&self) -> Capabilities {
        Capabilities { daily_per_listing: Some(self.1), ..self.0.capabilities() }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        self.0.push(changes, door).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        self.0.read(externals).await
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        self.0.find(skus).await
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        self.0.probe().await
    }
}

async fn decide(world: &World, minor: i64) {
    world.near.show("KETTLE", price(minor));
    omniprice::store::targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    flow::check_due(&world.app).await.unwrap();
    while flow::decide_due(&world.app).await.unwrap() > 0 {}
}

/// Rounds of one lane until it rests or only waits for another day.
async fn rounds(world: &World, lane: &Lane) {
    for _ in 0..60 {
        flow::publish_due(&world.app, lane).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
}

async fn a_channel_on_which_too_much_moves_stops_until_a_person_has_looked(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let mut lane = world.app.lane("webshop").unwrap().clone();
    lane.brake = Limits { least: 1, share_pct: 10, mean_pct: 90 };
    decide(&world, 47_900).await;
    rounds(&world, &lane).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(49_900), "nothing moved");
    let stopped = channels::list(&world.app.db).await.unwrap().into_iter().find(|row| row.name == "webshop").unwrap();
    assert_eq!(stopped.state, "breaker");
    assert!(stopped.reason.contains("1 of 1 listings"), "{}", stopped.reason);
    let open = events::open(&world.app.db, 10).await.unwrap();
    assert_eq!(open.iter().filter(|e| e.kind == "fleet_breaker" && e.severity == "critical").count(), 1);
    let now = world.app.now();
    let until = now.plus(60_000).0.to_string();
    settings::set(&world.app.db, released_key("webshop"), until, "Ann".into(), "seen".into(), now).await.unwrap();
    channels::set_state(&world.app.db, "webshop".into(), "ok", String::new(), now).await.unwrap();
    rounds(&world, &lane).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
}

async fn the_last_update_of_a_day_is_kept_for_a_raise(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let mut lane = world.app.lane("webshop").unwrap().clone();
    lane.channel = Arc::new(Capped(Arc::clone(&lane.channel), 2));
    decide(&world, 47_900).await;
    rounds(&world, &lane).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900), "the first update of the day goes out");
    decide(&world, 46_900).await;
    rounds(&world, &lane).await;
    let waiting = world.listing("KETTLE", "webshop").await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900), "a second one that lowers waits");
    assert!(waiting.reason.contains("2 updates of a listing in 24 hours"), "{}", waiting.reason);
    let wait = waiting.next_at.unwrap() - world.app.now().0;
    assert!((82_000_000..=86_400_000).contains(&wait), "until the first one is a day old: {wait}");
    let pushed = |external: &'static str| {
        let (world, product_id) = (&world, waiting.product_id);
        async move {
            let since = world.app.now().plus(-60_000);
            fleet::pushed_since(&world.app.db, product_id, "webshop", external, since).await.unwrap().updates
        }
    };
    let external: &'static str = waiting.external.clone().unwrap().leak();
    assert_eq!((pushed(external).await, pushed("another").await), (1, 0));
    decide(&world, 48_900).await;
    rounds(&world, &lane).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(48_900), "one that raises goes out");
}

async fn channels_of_one_account_use_up_one_allowance(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let mut lane = world.app.lane("till").unwrap().clone();
    decide(&world, 47_900).await;
    // The other channel sends the same listing first.
    let other = world.app.lane("google").unwrap().clone();
    let external = |listing: listings::Listing| listing.external;
    let both = [world.listing("KETTLE", "google").await, world.listing("KETTLE", "till").await].map(external);
    assert_eq!(both[0], both[1], "they know it by the same reference");
    rounds(&world, &other).await;
    let (product_id, day) = (world.listing("KETTLE", "till").await.product_id, world.app.now().plus(-86_400_000));
    let pushed = async |channel: &str| {
        fleet::pushed_since(&world.app.db, product_id, channel, "KETTLE", day).await.unwrap().updates
    };
    let (theirs, ours) = (pushed("google").await, pushed("till").await);
    assert!(theirs > 0);
    let used = theirs + ours;
    lane.channel = Arc::new(Capped(Arc::clone(&lane.channel), u32::try_from(used + 1).unwrap()));
    lane.capped_with = vec![other.name.clone()];
    rounds(&world, &lane).await;
    let waiting = world.listing("KETTLE", "till").await;
    assert_eq!(world.till.price("KETTLE"), Some(49_900), "one is left, and that is for a raise");
    assert!(waiting.reason.contains(&format!("and {used} are used")), "{}", waiting.reason);
    lane.capped_with.clear();
    listings::desire_again(
        &world.app.db,
        vec![(Desire { listing_id: waiting.id, price: Ok(47_900) }, None)],
        world.app.now(),
    )
    .await
    .unwrap();
    rounds(&world, &lane).await;
    assert_eq!(world.till.price("KETTLE"), Some(47_900), "its own allowance is whole");
}

async fn going_back_makes_new_decisions_that_reach_every_channel(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let before = world.app.now().to_string();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let bad = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    let numbered = fleet::numbered(&world.app.db, bad.id).await.unwrap().unwrap();
    assert_eq!((numbered.created_at, numbered.version), (bad.created_at, bad.version));
    let then = fleet::prices_at(&world.app.db, world.app.now().plus(-600), 0, 10).await.unwrap();
    assert!(then.iter().all(|then| then.price_minor != then.own_minor));

    let (code, said) = world.say(&["rollback", "--to", &before, "--why", "wrong rule", "--dry-run"]).await.told();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("KETTLE: 479.00 DKK -> 499.00 DKK"), "{said}");
    assert_eq!(world.ours("KETTLE").await, 47_900, "a dry run changes nothing");
    let (code, said) = world.say(&["rollback", "--to", &before, "--why", "wrong rule"]).await.told();
    assert_eq!(code, 0, "{said}");
    world.pass().await;
    for channel in ["webshop", "google", "till"] {
        let listing = world.listing("KETTLE", channel).await;
        assert_eq!((listing.state.as_str(), listing.live_minor), ("verified", Some(49_900)), "{channel}");
        assert!(listing.desired_seq > 1, "{channel}: a new number, not the old one again");
    }
    let restored = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    assert!(restored.version > bad.version && restored.price_minor == 49_900, "{restored:?}");
    let (code, said) = world.say(&["rollback", "--to", "yesterday", "--why", "x"]).await.told();
    assert_eq!(code, 2, "{said}");
}

async fn what_a_channel_showed_at_an_instant_can_be_wanted_again(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let before = world.app.now();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let shown = fleet::live_at(&world.app.db, "webshop", before, 0, 10).await.unwrap();
    assert_eq!(shown.iter().map(|then| then.minor).collect::<Vec<_>>(), [49_900]);
    // A time to the second is the whole of it.
    let at = before.to_string();
    let (code, said) = world.say(&["rollback", "--to", &at, "--channel", "webshop", "--why", "as it was"]).await.told();
    assert!(code == 0 && said.contains("KETTLE: 479.00 DKK -> 499.00 DKK"), "{said}");
    world.settle().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(49_900));
    assert_eq!(world.till.price("KETTLE"), Some(47_900), "the other channels stay");
    let (code, said) = world.say(&["channel", "list"]).await.told();
    assert!((code == 0) && said.contains("webshop (vendure) ok"), "{said}");
    let (code, said) = world.say(&["channel", "test", "webshop"]).await.told();
    assert!(code == 0 && said.contains("1 of 1 products of ours have a listing"), "{said}");
    let (code, said) = world.say(&["channel", "adopt", "webshop", "--dry-run"]).await.told();
    assert_eq!(code, 0, "{said}");
    let (code, said) = world.say(&["channel", "resume", "webshop", "--why", "looked"]).await.told();
    assert!(code == 0 && said.contains("was not stopped"), "{said}");
}

async fn a_till_asks_only_for_what_changed(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let start = world.app.now();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert!(fleet::changed_since(&world.app.db, start, 0, 10).await.unwrap().is_empty());
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let changed = fleet::changed_since(&world.app.db, start, 0, 10).await.unwrap();
    let [product] = changed.as_slice() else { panic!("{changed:?}") };
    let (at, id) = (omniprice::clock::Millis(product.shelf_at.unwrap()), product.id);
    assert!(fleet::changed_since(&world.app.db, at, id, 10).await.unwrap().is_empty(), "nothing twice");
    assert_eq!(fleet::moving(&world.app.db, "webshop", world.app.now()).await.unwrap().moving, 0);
}

async fn a_note_about_a_channel_is_told_and_a_problem_needs_a_person(test: TestDb) {
    let config = "[channels.outlet]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/prices\"\n\
                  secret = \"whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0\"\ncurrency = \"DKK\"\ntax = \"gross\"\n";
    let world = World::open(test, Setup { config, ..Setup::default() }).await;
    let (code, said) = world.say(&["channel", "test", "outlet"]).await.told();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("  note: without read_url") && said.contains("  ok"), "{said}");
    let net = std::fs::read_to_string(&world.config).unwrap().replacen("tax = \"gross\"", "tax = \"net\"", 1);
    std::fs::write(&world.config, net).unwrap();
    let (code, said) = world.say(&["channel", "test", "webshop"]).await.told();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("  problem: ") && said.contains("tax = \"gross\"") && !said.contains("  ok"), "{said}");
}

async fn a_vendor_that_takes_longer_to_show_a_price_gets_the_time(test: TestDb) {
    let config = "[channels.drop]\nkind = \"file\"\nfolder = \"drop\"\nacknowledged = true\ncurrency = \"DKK\"\ntax = \"gross\"\n";
    let world = World::open(test, Setup { config, ..Setup::default() }).await;
    let settles = |name: &str| world.app.lane(name).unwrap().policy.settle_within;
    assert_eq!((settles("webshop"), settles("drop")), (400, 86_400_000));
}

async fn a_pair_in_two_currencies_is_a_finding(test: TestDb) {
    let config = "[channels.outlet]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/prices\"\n\
                  secret = \"whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0\"\ncurrency = \"SEK\"\ntax = \"gross\"\n";
    let rules = "[[channel]]\nid = \"webshop\"\nkind = \"shop\"\nmarket = \"DK\"\n\
                 [[channel]]\nid = \"outlet\"\nkind = \"shop\"\nmarket = \"DK\"\n\
                 [[constraint]]\nnever_below = [\"webshop\", \"outlet\"]\n";
    let world = World::open(test, Setup { config, rules, ..Setup::default() }).await;
    let (code, said) = world.say(&["check", "--offline"]).await.told();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("never_below webshop, outlet: DKK and SEK cannot be compared"), "{said}");
}
