//! A lane at its channel: what waits for a day's updates, what a refusal stops and what mends it, reads that take longer
//! than the lease, and moves that come one at a time.

mod refused;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use omniprice::channel::{Capabilities, Channel, ChannelError, Drift, Match, PriceChange, Probe, Receipt, Seen, Tax};
use omniprice::clock::{Clock, Millis};
use omniprice::flow;
use omniprice::money::{Currency, Money};
use omniprice::publish::fleet::Limits;
use omniprice::publish::gate::Door;
use omniprice::publish::lane::{self, Doorkeeper, Lane};
use omniprice::publish::step::Policy;
use omniprice::store::lanes::{Permit, Shut};
use omniprice::store::listings::{self, Desire, Found, Listing};
use omniprice::store::products::{self, Product};
use omniprice::store::{channels, fleet};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, permit, price};
use crate::store_suite::import;

both_engines![
    p6_a_listing_that_waits_for_its_day_keeps_the_price_it_may_show,
    a_raise_is_judged_by_the_lowest_price_that_may_be_shown,
    lanes_that_share_an_allowance_never_take_the_last_update_both,
    what_waits_within_a_push_until_half_the_lease_is_over_is_not_sent,
    reads_that_outlast_the_lease_are_written_down_in_parts,
    prices_that_move_one_at_a_time_stop_a_channel_as_well,
];

/// A channel as it is, or as a test wants it.
struct Odd {
    inner: Arc<dyn Channel>,
    cap: Option<u32>,
    writes: AtomicUsize,
    /// Milliseconds that a push waits before it asks the channel, as for a turn or for the vendor's pace.
    waits_ms: AtomicU64,
    /// Reads show what they showed before.
    stale: AtomicBool,
    shown: Mutex<Vec<Seen>>,
}

impl Odd {
    fn on(world: &World, name: &str, cap: Option<u32>) -> (Arc<Self>, Lane) {
        let mut lane = world.app.lane(name).unwrap().clone();
        let odd = Arc::new(Self {
            inner: Arc::clone(&lane.channel),
            cap,
            writes: AtomicUsize::new(0),
            waits_ms: AtomicU64::new(0),
            stale: AtomicBool::new(false),
            shown: Mutex::default(),
        });
        lane.channel = Arc::clone(&odd) as Arc<dyn Channel>;
        (odd, lane)
    }
}

#[async_trait]
impl Channel for Odd {
    fn capabilities(&self) -> Capabilities {
        Capabilities { daily_per_listing: self.cap, ..self.inner.capabilities() }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.waits_ms.load(Ordering::SeqCst))).await;
        self.inner.push(changes, door).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        if self.stale.load(Ordering::SeqCst) {
            return Ok(self.shown.lock().unwrap().clone());
        }
        let seen = self.inner.read(externals).await?;
        self.shown.lock().unwrap().clone_from(&seen);
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        self.inner.find(skus).await
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        Ok(Probe::of("nothing wrong", vec![]))
    }
}

const PAIR: &str = "[[channel]]\nid = \"webshop\"\nkind = \"shop\"\nmarket = \"DK\"\n[[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\n\
                    [[constraint]]\nnever_below = [\"webshop\", \"till\"]\n";

async fn decide(world: &World, sku: &str, minor: i64) {
    world.near.show(sku, price(minor));
    omniprice::store::targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    flow::check_due(&world.app).await.unwrap();
    while flow::decide_due(&world.app).await.unwrap() > 0 {}
}

async fn rounds(world: &World, lanes: &[&Lane]) {
    for _ in 0..60 {
        for lane in lanes {
            flow::publish_due(&world.app, lane).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

async fn p6_a_listing_that_waits_for_its_day_keeps_the_price_it_may_show(test: TestDb) {
    let world = World::open(test, Setup { rules: PAIR, ..Setup::default() }).await;
    world.pass().await;
    let (odd, webshop) = Odd::on(&world, "webshop", Some(1));
    let till = world.app.lane("till").unwrap();
    odd.read(&[world.listing("KETTLE", "webshop").await.external.unwrap()]).await.unwrap();
    odd.stale.store(true, Ordering::SeqCst);
    decide(&world, "KETTLE", 47_900).await;
    rounds(&world, &[till]).await;
    // Longer than a price may take to show: it is neither sent again nor forgotten, since its day is used up.
    rounds(&world, &[&webshop, till]).await;
    let mut unseen = world.listing("KETTLE", "webshop").await;
    for _ in 0..100 {
        // Between a look that shows nothing and the answer that the day is used up, it is for a moment to be sent again.
        assert_eq!((unseen.sent_minor, unseen.live_minor), (Some(47_900), Some(49_900)), "{}", unseen.state);
        if unseen.state == "accepted" && unseen.reason.contains("1 updates of a listing in 24 hours") {
            break;
        }
        assert!(unseen.state != "intended" || unseen.maybe().is_some(), "what may be shown is not forgotten");
        flow::publish_due(&world.app, &webshop).await.unwrap();
        unseen = world.listing("KETTLE", "webshop").await;
    }
    assert_eq!(unseen.state, "accepted", "{}", unseen.reason);
    assert!(unseen.reason.contains("1 updates of a listing in 24 hours"), "{}", unseen.reason);
    assert_eq!(odd.writes.load(Ordering::SeqCst), 1);
    decide(&world, "KETTLE", 48_900).await;
    rounds(&world, &[&webshop, till]).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900), "a raise waits for the next day");
    assert_eq!(world.till.price("KETTLE"), Some(47_900), "and the till must not rise above what the shop may show");
    odd.stale.store(false, Ordering::SeqCst);
    rounds(&world, &[&webshop, till]).await;
    let seen = world.listing("KETTLE", "webshop").await;
    assert_eq!((seen.live_minor, seen.state.as_str()), (Some(47_900), "intended"), "it was read while it waited");
    let wait = seen.next_at.unwrap() - world.app.now().0;
    assert!((82_000_000..=86_400_000).contains(&wait), "and now waits for its day: {wait}");
    assert_eq!(world.till.price("KETTLE"), Some(47_900));
}

async fn a_raise_is_judged_by_the_lowest_price_that_may_be_shown(test: TestDb) {
    let world = World::open(test, Setup { rules: PAIR, ..Setup::default() }).await;
    world.pass().await;
    let (odd, webshop) = Odd::on(&world, "webshop", Some(2));
    let till = world.app.lane("till").unwrap();
    odd.read(&[world.listing("KETTLE", "webshop").await.external.unwrap()]).await.unwrap();
    odd.stale.store(true, Ordering::SeqCst);
    decide(&world, "KETTLE", 47_900).await;
    rounds(&world, &[till]).await;
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900), "the first update of the day");
    // The channel still shows 499, so 489 looks like a second lowering; it is a raise from 479.
    decide(&world, "KETTLE", 48_900).await;
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!(world.webshop.price("KETTLE"), Some(48_900), "the last update of the day is kept for this");
}

async fn state(world: &World) -> channels::ChannelRow {
    channels::list(&world.app.db).await.unwrap().into_iter().find(|row| row.name == "webshop").unwrap()
}

async fn lanes_that_share_an_allowance_never_take_the_last_update_both(test: TestDb) {
    let products =
        ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"].map(|sku| (sku, "499.00", Some("250.00")));
    let world = World::open(test, Setup { products: products.to_vec(), ..Setup::default() }).await;
    world.pass().await;
    let names = ["google", "till"];
    let used = async |sku: &str| {
        let (id, day) = (world.listing(sku, "till").await.product_id, world.app.now().plus(-Millis::DAY));
        let mut used = 0;
        for channel in names {
            used += fleet::pushed_since(&world.app.db, id, channel, sku, day).await.unwrap().updates;
        }
        used
    };
    let before = used("A").await;
    let allowed = before + 1;
    let lanes = [0, 1].map(|n| {
        let (_, mut lane) = Odd::on(&world, names[n], Some(u32::try_from(allowed).unwrap()));
        lane.capped_with = vec![names[1 - n].to_owned()];
        lane
    });
    // A raise, for which the last update is kept.
    let mut wishes = Vec::new();
    for (sku, ..) in products {
        assert_eq!(used(sku).await, before, "{sku}");
        for channel in names {
            let listing_id = world.listing(sku, channel).await.id;
            wishes.push((Desire { listing_id, price: Ok(50_900) }, None));
        }
    }
    listings::desire_again(&world.app.db, wishes, world.app.now()).await.unwrap();
    for _ in 0..20 {
        let [one, two] = &lanes;
        let (one, two) = tokio::join!(flow::publish_due(&world.app, one), flow::publish_due(&world.app, two));
        one.unwrap();
        two.unwrap();
    }
    for (sku, ..) in products {
        assert_eq!(used(sku).await, allowed, "{sku}: one of the two took the last one");
    }
}

async fn what_waits_within_a_push_until_half_the_lease_is_over_is_not_sent(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let (odd, mut webshop) = Odd::on(&world, "webshop", None);
    webshop.lease_ms = 2_000;
    odd.waits_ms.store(1_100, Ordering::SeqCst);
    decide(&world, "KETTLE", 47_900).await;
    flow::publish_due(&world.app, &webshop).await.unwrap();
    let listing = world.listing("KETTLE", "webshop").await;
    assert_eq!((odd.writes.load(Ordering::SeqCst), world.webshop.writes()), (1, 0), "{}", listing.reason);
    assert_eq!(listing.state, "intended", "nothing was sent, and that is known: {}", listing.reason);
    odd.waits_ms.store(100, Ordering::SeqCst);
    rounds(&world, &[&webshop]).await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
}

/// A channel that takes everything at once and is slow to read.
struct SlowToRead;

const READ_TAKES: Duration = Duration::from_millis(4);

#[async_trait]
impl Channel for SlowToRead {
    fn capabilities(&self) -> Capabilities {
        Capabilities { readable: true, max_batch: 500, ..Capabilities::cautious(Currency::DKK, Tax::Gross) }
    }

    async fn push(&self, changes: &[PriceChange], _: &Door) -> Vec<Result<Receipt, ChannelError>> {
        changes.iter().map(|_| Ok(Receipt { echoed: None })).collect()
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        tokio::time::sleep(READ_TAKES * u32::try_from(externals.len()).unwrap()).await;
        let price = Some(Money::from_minor(47_900, Currency::DKK));
        Ok(externals.iter().map(|external| Seen::plain(external.clone(), price.map(Into::into))).collect())
    }

    async fn find(&self, _: &[String]) -> Result<Vec<Match>, ChannelError> {
        Ok(vec![])
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        Ok(Probe::of("slow to read", vec![]))
    }
}

struct Anything;

impl Doorkeeper for Anything {
    fn allow(&self, listing: &Listing, _: &Product, _: &[Listing]) -> Result<Permit, Shut> {
        Ok(permit(listing.desired_minor.unwrap()))
    }
}

async fn reads_that_outlast_the_lease_are_written_down_in_parts(test: TestDb) {
    let (db, clock) = (&test.db, Clock::System);
    let now = clock.now();
    products::import(db, (0..300).map(|n| import(&format!("P{n:03}"), &[])).collect(), now).await.unwrap();
    channels::add(db, "slow".into(), "webhook", now).await.unwrap();
    let all = products::page(db, 0, 1_000).await.unwrap();
    let found = all.iter().map(|product| Found {
        channel: "slow".into(),
        product_id: product.id,
        external: product.sku.clone(),
        currency: "DKK".into(),
        live_minor: Some(47_900),
        decimals: None,
    });
    listings::add(db, found.collect(), now).await.unwrap();
    let mut wishes = Vec::new();
    for product in &all {
        let listing_id = listings::of_product(db, product.id).await.unwrap()[0].id;
        wishes.push((Desire { listing_id, price: Ok(47_900) }, None));
    }
    listings::desire_again(db, wishes, now).await.unwrap();
    let lane = Lane {
        name: "slow".into(),
        kind: "webhook",
        channel: Arc::new(SlowToRead),
        policy: Policy {
            retry: vec![100],
            give_up_after: 5,
            verify_after: 1,
            settle_within: 1_000,
            readable: true,
            idempotent: false,
            ordered: false,
            puts_back: false,
            unsure_for: 100,
        },
        drift: Drift::Alert,
        lease_ms: 800,
        per_minute: 60_000,
        capped_with: vec![],
        brake: Limits { least: 1_000, share_pct: 100, mean_pct: 100 },
    };
    // What the channel shows already is only read: 300 reads take longer than the lease.
    let one = lane::round(db, &clock, &lane, Arc::new(Anything)).await.unwrap();
    assert!((64..300).contains(&one.verified), "{one:?}");
    let mut verified = one.verified;
    for _ in 0..20 {
        verified += lane::round(db, &clock, &lane, Arc::new(Anything)).await.unwrap().verified;
    }
    assert_eq!(verified, 300, "the others come at once, without waiting for the lease to run out");
}

async fn prices_that_move_one_at_a_time_stop_a_channel_as_well(test: TestDb) {
    let products = ["A", "B", "C", "D"].map(|sku| (sku, "499.00", Some("250.00"))).to_vec();
    let world = World::open(test, Setup { products, ..Setup::default() }).await;
    world.pass().await;
    let mut lane = world.app.lane("webshop").unwrap().clone();
    lane.brake = Limits { least: 3, share_pct: 60, mean_pct: 90 };
    for sku in ["A", "B"] {
        decide(&world, sku, 47_900).await;
        rounds(&world, &[&lane]).await;
        assert_eq!(world.webshop.price(sku), Some(47_900));
    }
    decide(&world, "C", 47_900).await;
    rounds(&world, &[&lane]).await;
    assert_eq!(world.webshop.price("C"), Some(49_900), "three of four within the hour");
    let stopped = state(&world).await;
    assert_eq!(stopped.state, "breaker");
    assert!(stopped.reason.contains("3 of 4 listings"), "{}", stopped.reason);
    // What went out is not counted twice, nor what a person let through.
    let moving = omniprice::store::fleet::moving(&world.app.db, "webshop", world.app.now()).await.unwrap();
    assert_eq!((moving.known, moving.moving), (4, 1));
}
