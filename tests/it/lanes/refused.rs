//! A channel that refuses us: what stops, how often it is tried, and how soon one that takes prices again is found.

mod forbidden;
mod unreadable;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use omniprice::channel::{Capabilities, Channel, ChannelError, Class, Match, PriceChange, Probe, Receipt, Seen};
use omniprice::clock::{Clock, Millis};
use omniprice::flow;
use omniprice::publish::gate::Door;
use omniprice::publish::lane::Lane;
use omniprice::store::{channels, events};

use super::{PAIR, decide, state};
use crate::both_engines;
use crate::harness::{Setup, TestDb, World};

both_engines![
    a_refused_write_is_mended_by_a_write_and_not_by_a_look,
    a_channel_that_is_gone_is_left_alone_until_a_person_says_so,
    a_shop_that_takes_writes_again_is_found_within_the_hour_whatever_else_a_look_finds,
    a_look_that_fails_keeps_a_write_from_being_tried_for_hours_only,
    a_price_that_must_wait_or_is_not_taken_does_not_stand_for_the_others,
    a_listing_that_is_always_refused_does_not_stand_for_the_others,
    a_trial_whose_answer_was_lost_is_proved_by_reading,
    a_refused_read_is_mended_by_a_read_when_a_look_finds_something_else,
    a_look_that_says_that_the_channel_is_gone_ends_the_trials,
];

/// How a channel behaves now.
#[derive(Debug, Default)]
struct Ways {
    /// What every write is answered with.
    writes: Option<Class>,
    /// The same for the writes of one product alone.
    of: Option<(&'static str, Class)>,
    /// Writes take effect, and their answer is lost.
    loses: bool,
    /// What every read is answered with.
    reads: Option<Class>,
    /// A read that names this reference is forbidden as a whole.
    hides: Option<String>,
    /// The same for several.
    hidden: std::collections::BTreeSet<String>,
    /// A listing whose price it does not tell, and why.
    tells: Option<(String, &'static str)>,
    /// Reads that arrived.
    asked: usize,
    /// It has no listings of its own.
    seeded: bool,
    /// What a look finds.
    problem: Option<&'static str>,
    /// A look fails.
    looks: Option<Class>,
    /// SKUs of the writes that arrived.
    arrived: Vec<String>,
    /// It takes one listing at a time.
    single: bool,
}

/// A channel that refuses, or does not, as a test wants it.
struct Refusing {
    inner: Arc<dyn Channel>,
    ways: Mutex<Ways>,
}

impl Refusing {
    fn on(world: &World) -> (Arc<Self>, Lane) {
        let mut lane = world.app.lane("webshop").unwrap().clone();
        let odd = Arc::new(Self { inner: Arc::clone(&lane.channel), ways: Mutex::default() });
        lane.channel = Arc::clone(&odd) as Arc<dyn Channel>;
        (odd, lane)
    }

    fn now(&self, change: impl FnOnce(&mut Ways)) {
        change(&mut self.ways.lock().unwrap());
    }

    fn writes(&self) -> usize {
        self.ways.lock().unwrap().arrived.len()
    }
}

#[async_trait]
impl Channel for Refusing {
    fn capabilities(&self) -> Capabilities {
        let own = self.inner.capabilities();
        let ways = self.ways.lock().unwrap();
        let own = Capabilities { seeded_by_us: own.seeded_by_us || ways.seeded, ..own };
        match ways.single {
            true => Capabilities { max_batch: 1, concurrency: 1, ..own },
            false => own,
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let (answers, loses): (Vec<Option<Class>>, bool) = {
            let mut ways = self.ways.lock().unwrap();
            ways.arrived.extend(changes.iter().map(|change| change.sku.clone()));
            let of = |change: &PriceChange| ways.of.filter(|(sku, _)| *sku == change.sku).map(|(_, class)| class);
            (changes.iter().map(|change| ways.writes.or_else(|| of(change))).collect(), ways.loses)
        };
        let mut results = Vec::new();
        for (change, answer) in changes.iter().zip(answers) {
            results.push(match answer {
                Some(class) => Err(ChannelError::new(class, "write scope missing")),
                None => self.inner.push(std::slice::from_ref(change), door).await.remove(0),
            });
        }
        if loses {
            return results.iter().map(|_| Err(ChannelError::new(Class::Unknown, "no answer in time"))).collect();
        }
        results
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let refused = {
            let mut ways = self.ways.lock().unwrap();
            ways.asked += 1;
            let hidden = ways.hides.as_ref().is_some_and(|hidden| externals.contains(hidden));
            let hidden = hidden || externals.iter().any(|one| ways.hidden.contains(one));
            ways.reads.or_else(|| hidden.then_some(Class::Forbidden))
        };
        match refused {
            Some(class) => Err(ChannelError::new(class, "read scope missing")),
            None => {
                let mut seen = self.inner.read(externals).await?;
                let tells = self.ways.lock().unwrap().tells.clone();
                for one in &mut seen {
                    if let Some((_, why)) = tells.as_ref().filter(|(external, _)| *external == one.external) {
                        (one.price, one.refused) = (None, Some((*why).to_owned()));
                    }
                }
                Ok(seen)
            }
        }
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        self.inner.find(skus).await
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let ways = self.ways.lock().unwrap();
        match ways.looks {
            Some(class) => Err(ChannelError::new(class, "the look failed")),
            None => Ok(Probe::of("a look", ways.problem.map(str::to_owned).into_iter().collect())),
        }
    }
}

const START: Millis = Millis(1_795_000_000_000);

/// A world whose clock only tests move, in which the web shop has one price to send.
async fn still(test: TestDb) -> World {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    decide(&world, "KETTLE", 47_900).await;
    world
}

/// The same with three products of which none has anything to send yet.
async fn three(test: TestDb) -> World {
    let products = ["KETTLE", "LAMP", "CHAIR"].map(|sku| (sku, "499.00", Some("250.00"))).to_vec();
    let world = World::open_at(test, Setup { products, rules: PAIR, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    world
}

/// All three products have a new price, and the till is down with it, so that the shop may follow.
async fn all_three(test: TestDb) -> World {
    let world = three(test).await;
    for sku in ["KETTLE", "LAMP", "CHAIR"] {
        decide(&world, sku, 47_900).await;
    }
    let till = world.app.lane("till").unwrap();
    for _ in 0..4 {
        world.app.clock.advance(Millis::SECOND);
        flow::publish_due(&world.app, till).await.unwrap();
    }
    world
}

async fn refusal(world: &World) -> Option<events::Event> {
    events::open(&world.app.db, 10).await.unwrap().into_iter().find(|event| event.kind == "channel_refused")
}

/// Minutes pass, with a round of the lane in each of them; after how many the channel was open again.
async fn minutes(world: &World, lane: &Lane, most: i64) -> Option<i64> {
    for minute in 1..=most {
        world.app.clock.advance(Millis::MINUTE);
        flow::publish_due(&world.app, lane).await.unwrap();
        if state(world).await.state == "ok" {
            return Some(minute);
        }
    }
    None
}

async fn a_refused_write_is_mended_by_a_write_and_not_by_a_look(test: TestDb) {
    let world = still(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.writes = Some(Class::Refused));
    flow::publish_due(&world.app, &webshop).await.unwrap();
    let (first, since) = (refusal(&world).await.unwrap(), state(&world).await.since);
    let mut tried = Vec::new();
    for minute in 1..=60 {
        world.app.clock.advance(Millis::MINUTE);
        let before = odd.writes();
        flow::publish_due(&world.app, &webshop).await.unwrap();
        if odd.writes() > before {
            tried.push(minute);
        }
        assert_eq!((state(&world).await.state.as_str(), state(&world).await.since), ("refused", since));
    }
    assert_eq!(tried, [5, 10, 20, 40], "one price each time, further and further apart");
    let still_open = refusal(&world).await.unwrap();
    assert_eq!((still_open.id, still_open.first_at), (first.id, first.first_at), "one incident from its first instant");
    odd.now(|ways| ways.writes = None);
    world.app.clock.advance(Millis::HOUR);
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
    assert_eq!(state(&world).await.state, "ok");
    assert!(refusal(&world).await.is_none());
}

async fn a_channel_that_is_gone_is_left_alone_until_a_person_says_so(test: TestDb) {
    let world = still(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.writes = Some(Class::Gone));
    flow::publish_due(&world.app, &webshop).await.unwrap();
    odd.now(|ways| ways.writes = None);
    for _ in 0..20 {
        world.app.clock.advance(Millis::DAY);
        flow::publish_due(&world.app, &webshop).await.unwrap();
    }
    assert_eq!((odd.writes(), state(&world).await.state.as_str()), (1, "refused"));
    channels::set_state(&world.app.db, "webshop".into(), "ok", String::new(), world.app.now()).await.unwrap();
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
}

async fn a_shop_that_takes_writes_again_is_found_within_the_hour_whatever_else_a_look_finds(test: TestDb) {
    let world = still(test).await;
    let webshop = world.app.lane("webshop").unwrap();
    // The shop's clock is the real one, so that a look finds ours wrong by months, as it was before.
    let look = webshop.channel.probe().await.unwrap();
    assert!(look.problems.iter().any(|problem| problem.contains("clock")), "{look:?}");
    world.webshop.close(true);
    flow::publish_due(&world.app, webshop).await.unwrap();
    let before = world.webshop.writes();
    for _ in 0..7 * 24 * 6 {
        world.app.clock.advance(10 * Millis::MINUTE);
        flow::publish_due(&world.app, webshop).await.unwrap();
        assert_eq!(state(&world).await.state, "refused");
    }
    let tried = world.webshop.writes() - before;
    assert!((7 * 24 - 2..=7 * 24 + 4).contains(&tried), "one price an hour, a little more often at first: {tried}");
    world.webshop.close(false);
    let found = minutes(&world, webshop, 60).await;
    assert!(found.is_some(), "{:?}", world.listing("KETTLE", "webshop").await);
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
    assert!(refusal(&world).await.is_none());
}

async fn a_look_that_fails_keeps_a_write_from_being_tried_for_hours_only(test: TestDb) {
    let world = still(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| (ways.writes, ways.looks) = (Some(Class::Refused), Some(Class::Refused)));
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!(minutes(&world, &webshop, 110).await, None);
    assert_eq!(odd.writes(), 1, "where even a look is refused, a write would be");
    assert_eq!(minutes(&world, &webshop, 24 * 60).await, None);
    assert!((24..=26).contains(&odd.writes()), "{}", odd.writes());
    odd.now(|ways| ways.writes = None);
    assert!(minutes(&world, &webshop, 60).await.is_some(), "a look may need a right that writing does not");
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
}

async fn a_price_that_must_wait_or_is_not_taken_does_not_stand_for_the_others(test: TestDb) {
    let world = three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.writes = Some(Class::Refused));
    decide(&world, "CHAIR", 47_900).await;
    flow::publish_due(&world.app, world.app.lane("till").unwrap()).await.unwrap();
    world.app.clock.advance(Millis::SECOND);
    flow::publish_due(&world.app, world.app.lane("till").unwrap()).await.unwrap();
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!((state(&world).await.state.as_str(), odd.writes()), ("refused", 1));
    // The till does not go down, so that the shop has to wait with this one: longest of all.
    decide(&world, "KETTLE", 46_900).await;
    world.app.clock.advance(Millis::MINUTE);
    decide(&world, "LAMP", 50_900).await;
    world.far.show("LAMP", crate::harness::price(50_900));
    decide(&world, "LAMP", 50_900).await;
    odd.now(|ways| (ways.writes, ways.of) = (None, Some(("LAMP", Class::Rejected))));
    assert!(minutes(&world, &webshop, 60).await.is_some(), "{:?}", world.listing("KETTLE", "webshop").await);
    let kettle = world.listing("KETTLE", "webshop").await;
    assert_eq!((kettle.state.as_str(), world.webshop.price("KETTLE")), ("held", Some(49_900)), "{}", kettle.reason);
    assert_eq!(world.listing("LAMP", "webshop").await.state, "rejected");
    assert_eq!(world.webshop.price("CHAIR"), Some(47_900), "this one showed it");
}

async fn a_listing_that_is_always_refused_does_not_stand_for_the_others(test: TestDb) {
    let world = all_three(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.writes = Some(Class::Refused));
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!(minutes(&world, &webshop, 180).await, None);
    let each = |sku: &str| odd.ways.lock().unwrap().arrived.iter().filter(|one| *one == sku).count();
    assert!(["KETTLE", "LAMP", "CHAIR"].into_iter().all(|sku| each(sku) > 1), "{:?}", odd.ways.lock().unwrap().arrived);
    // It belongs to somebody else now; the shop takes the others.
    odd.now(|ways| (ways.writes, ways.of) = (None, Some(("KETTLE", Class::Refused))));
    assert!(minutes(&world, &webshop, 120).await.is_some(), "{:?}", odd.ways.lock().unwrap().arrived);
    assert!([world.webshop.price("LAMP"), world.webshop.price("CHAIR")].contains(&Some(47_900)));
}

async fn a_trial_whose_answer_was_lost_is_proved_by_reading(test: TestDb) {
    let world = still(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.writes = Some(Class::Refused));
    flow::publish_due(&world.app, &webshop).await.unwrap();
    odd.now(|ways| (ways.writes, ways.loses) = (None, true));
    assert_eq!(minutes(&world, &webshop, 5).await, None, "an answer that never came is no yes");
    assert_eq!((odd.writes(), world.listing("KETTLE", "webshop").await.state.as_str()), (2, "unknown"));
    assert!(minutes(&world, &webshop, 60).await.is_some());
    assert_eq!(odd.writes(), 2, "what was seen was not sent again");
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
}

async fn a_refused_read_is_mended_by_a_read_when_a_look_finds_something_else(test: TestDb) {
    let world = still(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| (ways.reads, ways.problem) = (Some(Class::Refused), Some("this machine's clock is behind")));
    for _ in 0..3 {
        world.app.clock.advance(Millis::SECOND);
        flow::publish_due(&world.app, &webshop).await.unwrap();
    }
    assert_eq!(state(&world).await.state, "refused");
    assert_eq!(minutes(&world, &webshop, 300).await, None, "a look that is answered is not enough");
    odd.now(|ways| ways.reads = None);
    assert!(minutes(&world, &webshop, 60).await.is_some());
    assert_eq!(odd.writes(), 1);
    world.app.clock.advance(Millis::SECOND);
    flow::publish_due(&world.app, &webshop).await.unwrap();
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
}

async fn a_look_that_says_that_the_channel_is_gone_ends_the_trials(test: TestDb) {
    let world = still(test).await;
    let (odd, webshop) = Refusing::on(&world);
    odd.now(|ways| ways.writes = Some(Class::Refused));
    flow::publish_due(&world.app, &webshop).await.unwrap();
    odd.now(|ways| (ways.writes, ways.looks) = (None, Some(Class::Gone)));
    assert_eq!(minutes(&world, &webshop, 6).await, None);
    odd.now(|ways| ways.looks = None);
    assert_eq!(minutes(&world, &webshop, 300).await, None, "it asked never to be called again");
    assert_eq!(odd.writes(), 1);
}
