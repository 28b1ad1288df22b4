//! The publishing protocol under a seeded, discrete-event simulation: the real `publish::step` and `publish::constraint`,
//! the table of `table.rs`, workers that die and pause at every await, and channels that lose, delay, half do and lie.
//!
//! Time is simulated, so a seed replays exactly. The promises P1 to P6 are checked at every event, not at the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use omniprice::channel::{ChannelError, Class};
use omniprice::clock::Millis;
use omniprice::publish::constraint::{NeverBelow, Order, TaxView, may_send};
use omniprice::publish::daily::{Cap, Spent, full_until, reads_meanwhile};
use omniprice::publish::step::{Event, Plan, Policy, Shown, plan, waits_for_stray};
use omniprice::store::lanes::{Change, Shut};
use omniprice::store::listings::Listing;

use super::table::{Broken, Table, row};

const TIMEOUT: i64 = 400;
const LEASE: i64 = 2_000;
/// A request may take effect this long after it was sent, whatever became of its answer.
const LATE: i64 = 800;
const VERIFY_AFTER: i64 = 60;
const SETTLE_WITHIN: i64 = 3_000;
/// What a channel that counts updates counts in.
const CAP_WINDOW: i64 = 12_000;
/// Faults and decisions happen until here; afterwards everything must settle.
const FAULTS_UNTIL: i64 = 30_000;
const SETTLED_BY: i64 = 600_000;
/// A schedule that needs more events than this does not end.
const MAX_EVENTS: u64 = 400_000;

/// SplitMix64: a seed gives the same schedule on every machine.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: i64) -> i64 {
        i64::try_from(self.roll() % n.max(1).unsigned_abs()).unwrap_or(0)
    }

    fn percent(&mut self, chance: i64) -> bool {
        self.below(100) < chance
    }
}

/// One channel as its vendor made it, and what it really shows.
#[derive(Debug)]
struct Shop {
    name: String,
    readable: bool,
    idempotent: bool,
    /// It refuses numbers lower than it has.
    ordered: bool,
    max_batch: usize,
    /// A read shows the state of so long ago.
    lag: i64,
    /// What it shows, by listing: every change with its instant and sequence number, the first one at 0.
    shown: BTreeMap<i64, Vec<(i64, i64, i64)>>,
    refuses_until: i64,
    lies_until: i64,
    refused_us: bool,
    /// Updates of a listing that it takes in a span, and when each listing's pushes began.
    cap: Option<Cap>,
    pushes: BTreeMap<i64, Vec<i64>>,
    /// A write takes the listing away before it puts it back; these are away.
    rewrites: bool,
    absent: BTreeSet<i64>,
    /// The sequence number of each listing's newest price that it does not take.
    rejected: BTreeMap<i64, i64>,
}

impl Shop {
    fn live(&self, id: i64, at: i64) -> i64 {
        let history = &self.shown[&id];
        history.iter().rev().find(|(since, _, _)| *since <= at).map_or(history[0].2, |(_, _, minor)| *minor)
    }

    fn policy(&self) -> Policy {
        Policy {
            retry: vec![80, 300, 900],
            give_up_after: 40,
            verify_after: VERIFY_AFTER.max(self.lag),
            settle_within: SETTLE_WITHIN,
            readable: self.readable,
            idempotent: self.idempotent,
            ordered: self.ordered,
            puts_back: self.rewrites,
            unsure_for: LEASE / 2 + LATE,
        }
    }
}

/// What is in flight to a channel: listing id, sequence number, price.
type Batch = Vec<(i64, i64, i64)>;

/// A lane of one worker on one channel, between two awaits.
#[derive(Debug, Clone)]
enum At {
    Claim,
    Begin {
        claimed: Vec<Listing>,
        claimed_at: i64,
    },
    Send {
        batches: Vec<Batch>,
        tokens: BTreeMap<i64, i64>,
        reads: Vec<Listing>,
        claimed_at: i64,
    },
    /// Waits for the answer to request `ticket`.
    Sent {
        ticket: u64,
        batch: Batch,
        rest: Box<At>,
    },
    Read {
        reads: Vec<Listing>,
    },
    Reading {
        ticket: u64,
        reads: Vec<Listing>,
    },
}

#[derive(Debug)]
enum Act {
    /// A lane goes on, unless its worker died since (the number of its lives changed).
    Lane {
        worker: usize,
        shop: usize,
        life: u64,
    },
    Arrive {
        ticket: u64,
        worker: usize,
        shop: usize,
        life: u64,
        batch: Batch,
        answer: Answer,
    },
    /// An answer or the client's own deadline.
    Answered {
        ticket: u64,
        worker: usize,
        shop: usize,
        life: u64,
        results: Vec<Result<(), Class>>,
    },
    ReadDone {
        ticket: u64,
        worker: usize,
        shop: usize,
        life: u64,
        result: Option<Vec<(i64, Option<i64>)>>,
    },
    Decide,
    Kill {
        worker: usize,
    },
    Mend {
        shop: usize,
    },
}

/// What a channel does with a request that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ok,
    /// Applied, but the answer never comes.
    Lost,
    /// Not applied, and says so.
    Busy,
    /// Applied, and answers with an error that proves nothing.
    Broken,
    /// Takes all but the first item.
    Partial,
    /// Says yes and does nothing.
    Lie,
    Refuse,
    /// Does not take the price of the first item.
    Reject,
}

pub struct World {
    pub table: Table,
    pub now: i64,
    dice: Dice,
    shops: Vec<Shop>,
    constraints: Vec<NeverBelow>,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    acts: BTreeMap<u64, Act>,
    next: u64,
    lanes: BTreeMap<(usize, usize), At>,
    lives: Vec<u64>,
    single: bool,
    /// Highest number ever sent, by listing.
    sent: BTreeMap<i64, i64>,
    /// Listings whose last push has an outcome that nobody has read since.
    unread: BTreeMap<i64, i64>,
    decisions: BTreeMap<i64, i64>,
    /// A hash of everything that happened: two runs of one seed must agree on it.
    pub trace: u64,
    pub events: u64,
    pub faults: u64,
    /// What happened, in words, if somebody wants to read it.
    pub story: Option<Vec<String>>,
}

/// A broken promise, with what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub promise: &'static str,
    pub what: String,
    pub at: i64,
}

fn violation(promise: &'static str, what: String, at: i64) -> Violation {
    Violation { promise, what, at }
}

/// Runs one schedule.
///
/// # Errors
/// The first broken promise.
pub fn run(seed: u64, broken: Broken) -> Result<World, Violation> {
    let mut world = World::new(seed, broken);
    world.finish()?;
    Ok(world)
}

/// Runs one schedule and tells it, line by line, to where it ended.
pub fn tell(seed: u64, broken: Broken) -> Vec<String> {
    let mut world = World::new(seed, broken);
    world.story = Some(Vec::new());
    let end = world.finish();
    let mut story = world.story.unwrap_or_default();
    story.push(format!("{:>6} {end:?}", world.now));
    story
}

impl World {
    fn finish(&mut self) -> Result<(), Violation> {
        self.start();
        while let Some(Reverse((at, key))) = self.queue.pop() {
            self.now = at;
            self.events += 1;
            if at > SETTLED_BY || self.events > MAX_EVENTS {
                // What waits for a parked listing waits for a person; everything else had time enough.
                return match self.unsettled() {
                    busy if busy.is_empty() => self.settled(),
                    busy => Err(violation("P5", format!("still busy: {busy}"), at)),
                };
            }
            let Some(act) = self.acts.remove(&key) else { continue };
            self.act(act)?;
        }
        self.settled()
    }

    fn say(&mut self, words: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(format!("{:>6} {}", self.now, words()));
        }
    }
}

impl World {
    fn new(seed: u64, broken: Broken) -> Self {
        let mut dice = Dice::new(seed);
        let (channels, products) = (2 + dice.below(2), 1 + dice.below(2));
        let names = ["feed", "webshop", "market"];
        let mut shops = Vec::new();
        let mut rows = Vec::new();
        for (index, name) in names.iter().take(usize::try_from(channels).unwrap_or(2)).enumerate() {
            // The first two can always be read: what cannot be read may stay unproved for ever.
            let readable = index < 2 || dice.percent(50);
            let ordered = dice.percent(25);
            let mut shown = BTreeMap::new();
            for product in 0..products {
                let id = product * 10 + i64::try_from(index).unwrap_or(0) + 1;
                shown.insert(id, vec![(0, 0, 50_000)]);
                rows.push(row(id, name, product, 50_000));
            }
            // One that counts updates may also take longer to show one than is waited for.
            let cap = dice.percent(25).then(|| Cap { updates: 1 + dice.below(3), window_ms: CAP_WINDOW });
            let slow = cap.is_some() && dice.percent(50);
            let lag = if dice.percent(30) { dice.below(150) } else { 0 };
            shops.push(Shop {
                cap,
                pushes: BTreeMap::new(),
                rewrites: readable && dice.percent(25),
                absent: BTreeSet::new(),
                rejected: BTreeMap::new(),
                name: (*name).to_owned(),
                readable,
                idempotent: ordered || (!readable && dice.percent(70)),
                ordered,
                max_batch: usize::try_from(1 + dice.below(3)).unwrap_or(1),
                lag: if slow { SETTLE_WITHIN + dice.below(1_000) } else { lag },
                shown,
                refuses_until: 0,
                lies_until: 0,
                refused_us: false,
            });
        }
        rows.sort_by_key(|row| row.id);
        let single = dice.percent(40);
        let pair = |above: &str, below: &str| NeverBelow {
            above: above.to_owned(),
            below: below.to_owned(),
            best_effort_after_ms: None,
        };
        let readable = |name: &str| shops.iter().any(|shop| shop.name == name && shop.readable);
        let mut constraints = vec![pair("feed", "webshop")];
        if readable("market") {
            constraints.push(pair("webshop", "market"));
        }
        Self {
            table: Table { rows, broken },
            now: 0,
            dice,
            shops,
            constraints,
            queue: BinaryHeap::new(),
            acts: BTreeMap::new(),
            next: 0,
            lanes: BTreeMap::new(),
            lives: vec![0; if single { 1 } else { 2 }],
            single,
            sent: BTreeMap::new(),
            unread: BTreeMap::new(),
            decisions: BTreeMap::new(),
            trace: 0xCBF2_9CE4_8422_2325,
            events: 0,
            faults: 0,
            story: None,
        }
    }

    fn start(&mut self) {
        for worker in 0..self.lives.len() {
            self.spawn(worker);
            let at = 1_000 + self.dice.below(6_000);
            self.plan(at, Act::Kill { worker });
        }
        let mut at = 0;
        for _ in 0..2 + self.dice.below(5) {
            at += self.dice.below(6_000);
            self.plan(at, Act::Decide);
        }
        for shop in 0..self.shops.len() {
            if self.dice.percent(20) {
                let from = self.dice.below(FAULTS_UNTIL);
                self.shops[shop].refuses_until = from + self.dice.below(4_000);
            }
            if self.dice.percent(20) {
                self.shops[shop].lies_until = self.dice.below(8_000);
            }
        }
    }

    fn plan(&mut self, at: i64, act: Act) {
        self.next += 1;
        self.queue.push(Reverse((at, self.next)));
        self.acts.insert(self.next, act);
    }

    fn note(&mut self, words: &[i64]) {
        for word in words {
            self.trace = (self.trace ^ word.unsigned_abs()).wrapping_mul(0x0100_0000_01B3).rotate_left(5);
        }
    }

    fn faulty(&mut self, chance: i64) -> bool {
        let hit = self.now < FAULTS_UNTIL && self.dice.percent(chance);
        self.faults += u64::from(hit);
        hit
    }

    fn spawn(&mut self, worker: usize) {
        self.lives[worker] += 1;
        if self.single {
            self.table.free();
        }
        for shop in 0..self.shops.len() {
            self.lanes.insert((worker, shop), At::Claim);
            self.go_on(worker, shop);
        }
    }

    /// The lane's next await ends soon, or after a pause that may be longer than its lease.
    fn go_on(&mut self, worker: usize, shop: usize) {
        let pause = if self.faulty(2) { self.dice.below(3 * LEASE) } else { 0 };
        let at = self.now + 1 + self.dice.below(8) + pause;
        let life = self.lives[worker];
        self.plan(at, Act::Lane { worker, shop, life });
    }

    fn act(&mut self, act: Act) -> Result<(), Violation> {
        match act {
            Act::Decide => self.decide(),
            Act::Kill { worker } => self.kill(worker),
            Act::Mend { shop } => {
                self.shops[shop].refused_us = false;
                let name = self.shops[shop].name.clone();
                self.table.resume(&name, Millis(self.now));
            }
            Act::Lane { worker, shop, life } if life == self.lives[worker] => return self.lane(worker, shop),
            Act::Arrive { ticket, worker, shop, life, batch, answer } => {
                return self.arrive(ticket, (worker, shop, life), &batch, answer);
            }
            Act::Answered { ticket, worker, shop, life, results } if life == self.lives[worker] => {
                self.answered(ticket, worker, shop, &results)?;
            }
            Act::ReadDone { ticket, worker, shop, life, result } if life == self.lives[worker] => {
                self.read_done(ticket, worker, shop, result)?;
            }
            // What comes back to a dead process is heard by nobody.
            Act::Lane { .. } | Act::Answered { .. } | Act::ReadDone { .. } => {}
        }
        Ok(())
    }

    /// One decision moves the desired price of every listing of a product in one transaction (P1).
    fn decide(&mut self) {
        let products: Vec<i64> = {
            let mut ids: Vec<i64> = self.table.rows.iter().map(|row| row.product_id).collect();
            ids.dedup();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let product = products[usize::try_from(self.dice.below(products.len() as i64)).unwrap_or(0)];
        let base = 30_000 + self.dice.below(40) * 1_000;
        let step = self.dice.below(2) * 500;
        *self.decisions.entry(product).or_default() += 1;
        let rows: Vec<(i64, String)> = self
            .table
            .rows
            .iter()
            .filter(|row| row.product_id == product)
            .map(|row| (row.id, row.channel.clone()))
            .collect();
        for (id, channel) in rows {
            let above = match channel.as_str() {
                "feed" => 2,
                "webshop" => 1,
                _ => 0,
            };
            let minor = base + above * step;
            self.table.desire(id, &Ok(minor), Millis(self.now));
            self.note(&[1, id, minor, self.now]);
            self.say(|| format!("decision: {channel} ({id}) wants {minor}"));
        }
    }

    fn kill(&mut self, worker: usize) {
        self.faults += 1;
        self.say(|| format!("worker {worker} dies"));
        let back = self.now + 1 + self.dice.below(LEASE);
        self.lives[worker] += 1;
        for shop in 0..self.shops.len() {
            self.lanes.insert((worker, shop), At::Claim);
        }
        if self.single {
            self.table.free();
        }
        for shop in 0..self.shops.len() {
            let life = self.lives[worker];
            self.plan(back, Act::Lane { worker, shop, life });
        }
        let again = back + 500 + self.dice.below(9_000);
        if again < FAULTS_UNTIL {
            self.plan(again, Act::Kill { worker });
        }
    }

    fn lane(&mut self, worker: usize, shop: usize) -> Result<(), Violation> {
        let at = self.lanes.insert((worker, shop), At::Claim).unwrap_or(At::Claim);
        match at {
            At::Claim => self.claim(worker, shop),
            At::Begin { claimed, claimed_at } => {
                let next = self.begin(shop, claimed, claimed_at);
                self.lanes.insert((worker, shop), next);
                self.go_on(worker, shop);
            }
            At::Send { batches, tokens, reads, claimed_at } => {
                return self.send(worker, shop, batches, tokens, reads, claimed_at);
            }
            At::Read { reads } => self.ask(worker, shop, reads),
            // Only an answer or the deadline moves these.
            waiting @ (At::Sent { .. } | At::Reading { .. }) => {
                self.lanes.insert((worker, shop), waiting);
            }
        }
        Ok(())
    }

    fn claim(&mut self, worker: usize, shop: usize) {
        let now = Millis(self.now);
        let work = !self.shops[shop].refused_us;
        let name = self.shops[shop].name.clone();
        let limit = self.shops[shop].max_batch * 2;
        let claimed = if work { self.table.claim(&name, now, now.plus(LEASE), limit) } else { Vec::new() };
        if claimed.is_empty() {
            // Sleeps until something is due; the end of the simulation is when nothing can become due any more.
            let due = self.table.rows.iter().filter(|row| row.channel == name);
            let due = due.filter_map(|row| row.next_at.map(|at| at.max(row.leased_until))).min();
            let busy = self.now < FAULTS_UNTIL
                || self.table.rows.iter().any(|row| row.next_at.is_some())
                || self.lanes.values().any(|at| !matches!(at, At::Claim))
                || self.acts.values().any(|act| !matches!(act, Act::Lane { .. }));
            let wake = match due {
                Some(due) if work => Some(due.max(self.now + 20)),
                _ => busy.then_some(self.now + 150),
            };
            if let Some(wake) = wake {
                let life = self.lives[worker];
                self.plan(wake, Act::Lane { worker, shop, life });
            }
            return;
        }
        self.note(&[2, self.now, claimed.len() as i64]);
        self.lanes.insert((worker, shop), At::Begin { claimed, claimed_at: self.now });
        self.go_on(worker, shop);
    }

    /// Whether a listing's update has to wait for the channel's cap; what it does in the meantime is arranged here.
    fn waits(&mut self, shop: usize, listing: &Listing, policy: &Policy, reads: &mut Vec<Listing>) -> bool {
        let Some(cap) = self.shops[shop].cap else { return false };
        let now = Millis(self.now);
        let pushes = self.shops[shop].pushes.get(&listing.id).into_iter().flatten();
        let recent: Vec<i64> = pushes.copied().filter(|at| *at > self.now - cap.window_ms).collect();
        let spent = Spent {
            updates: i64::try_from(recent.len()).unwrap_or(i64::MAX),
            oldest: recent.first().map(|at| Millis(*at)),
        };
        let forgets = self.table.broken == Broken::Forget;
        let judged = if forgets {
            // As if only the price seen last could be shown.
            let state = "intended".to_owned();
            Listing { state, maybe_low: None, maybe_high: None, ..listing.clone() }
        } else {
            listing.clone()
        };
        let Some(until) = full_until(&judged, spent, cap, now) else { return false };
        let event = match forgets {
            true => {
                let class = Class::Retry { after_ms: Some(until.0 - self.now) };
                Event::Pushed(Err(ChannelError::new(class, "simulated")))
            }
            false if reads_meanwhile(listing, policy) => {
                reads.push(listing.clone());
                return true;
            }
            false => Event::Full(until, "the cap".to_owned()),
        };
        self.note(&[6, listing.id, until.0]);
        self.say(|| format!("{} waits for the cap until {}", listing.id, until.0));
        self.table.advance(listing.id, listing.lease_token, &event, policy, now);
        true
    }

    fn begin(&mut self, shop: usize, claimed: Vec<Listing>, claimed_at: i64) -> At {
        let now = Millis(self.now);
        let mut policy = self.shops[shop].policy();
        policy.puts_back &= self.table.broken != Broken::Vanish;
        let (mut reads, mut batch, mut tokens) = (Vec::new(), Batch::new(), BTreeMap::new());
        for listing in claimed {
            let mut wanted = plan(&listing, &policy, now);
            match self.table.broken {
                Broken::ReadAfterUnknown if matches!(listing.state.as_str(), "unknown" | "sent") => wanted = Plan::Push,
                Broken::Stray if wanted == Plan::Rest && listing.state == "intended" => wanted = Plan::Push,
                _ => {}
            }
            match wanted {
                Plan::Read => reads.push(listing),
                Plan::Rest => {
                    self.table.advance(listing.id, listing.lease_token, &Event::Rested, &policy, now);
                }
                Plan::Push if self.waits(shop, &listing, &policy, &mut reads) => {}
                Plan::Push => {
                    let (constraints, broken) = (self.constraints.clone(), self.table.broken);
                    let door = |fresh: &Listing, siblings: &[Listing]| {
                        let keep = Change::none(fresh).state;
                        let stray = waits_for_stray(fresh, &policy, now).filter(|_| broken != Broken::Stray);
                        if let Some(until) = stray.filter(|_| broken != Broken::ReadAfterUnknown) {
                            return Err(Shut { state: keep, reason: "stray".into(), next_at: Some(until) });
                        }
                        let wait = |reason| Shut { state: "held", reason, next_at: Some(now.plus(100)) };
                        let minor = fresh.desired_minor.ok_or_else(|| wait("nothing wanted".to_owned()))?;
                        match may_send(fresh, minor, siblings, &constraints, &|_| TaxView::Gross, now) {
                            Err(Order::Wait(why)) if broken != Broken::Order => Err(wait(why)),
                            Err(Order::Contradiction(why)) => Err(wait(why)),
                            _ => Ok(minor),
                        }
                    };
                    let until = now.plus(LEASE);
                    if let Ok(row) = self.table.begin((listing.id, listing.lease_token), now, until, door) {
                        batch.push((row.id, row.sent_seq, row.sent_minor.unwrap_or(0)));
                        tokens.insert(row.id, listing.lease_token);
                        self.shops[shop].pushes.entry(row.id).or_default().push(self.now);
                    }
                }
            }
        }
        let size = self.shops[shop].max_batch;
        let batches = batch.chunks(size).map(<[_]>::to_vec).collect();
        At::Send { batches, tokens, reads, claimed_at }
    }

    fn send(
        &mut self,
        worker: usize,
        shop: usize,
        mut batches: Vec<Batch>,
        tokens: BTreeMap<i64, i64>,
        reads: Vec<Listing>,
        claimed_at: i64,
    ) -> Result<(), Violation> {
        let late = self.now - claimed_at > LEASE / 2 && self.table.broken != Broken::Fence;
        if batches.is_empty() || late {
            let next = if reads.is_empty() { At::Claim } else { At::Read { reads } };
            self.lanes.insert((worker, shop), next);
            self.go_on(worker, shop);
            return Ok(());
        }
        let batch = batches.remove(0);
        for &(id, seq, minor) in &batch {
            let newest = self.sent.entry(id).or_default();
            if seq < *newest {
                return Err(violation("P2", format!("listing {id}: {seq} is sent after {newest}"), self.now));
            }
            *newest = seq;
            let blind = !self.shops[shop].readable;
            if let Some(open) = self.unread.get(&id).filter(|_| !blind && !self.shops[shop].ordered) {
                let what = format!("listing {id}: {minor} is sent while the outcome of {open} was never read");
                return Err(violation("P4", what, self.now));
            }
            self.unread.insert(id, seq);
            self.note(&[3, id, seq, minor, self.now]);
            self.say(|| format!("worker {worker} sends {id} #{seq} {minor}"));
        }
        self.next += 1;
        let (ticket, life) = (self.next, self.lives[worker]);
        let deadline = self.now + TIMEOUT;
        let unknown = vec![Err(Class::Unknown); batch.len()];
        let place = (worker, shop, life);
        if self.faulty(6) {
            // Never connected: known not to have arrived.
            let results = vec![Err(Class::Retry { after_ms: None }); batch.len()];
            self.plan(self.now + 5, Act::Answered { ticket, worker, shop, life, results });
        } else {
            self.plan(deadline, Act::Answered { ticket, worker, shop, life, results: unknown });
            if !self.faulty(6) {
                let answer = self.answer(shop);
                let travel = if self.faulty(8) { self.dice.below(LATE) } else { 1 + self.dice.below(30) };
                let (worker, shop, life) = place;
                let batch = batch.clone();
                self.plan(self.now + travel, Act::Arrive { ticket, worker, shop, life, batch, answer });
            }
        }
        let rest = Box::new(At::Send { batches, tokens, reads, claimed_at });
        self.lanes.insert((worker, shop), At::Sent { ticket, batch, rest });
        Ok(())
    }

    fn answer(&mut self, shop: usize) -> Answer {
        let this = &self.shops[shop];
        if this.refuses_until > self.now && this.refuses_until - self.now < 4_000 {
            return Answer::Refuse;
        }
        if this.lies_until > self.now {
            return Answer::Lie;
        }
        if !self.faulty(25) {
            return Answer::Ok;
        }
        let all = [Answer::Lost, Answer::Busy, Answer::Broken, Answer::Partial, Answer::Reject];
        // A price that is not taken is rarer than a request that goes wrong.
        let pick = self.dice.below(17).min(16) / 4;
        all[usize::try_from(pick).unwrap_or(0)]
    }

    /// A request reaches the channel, whoever may still be waiting for its answer.
    fn arrive(
        &mut self,
        ticket: u64,
        (worker, shop, life): (usize, usize, u64),
        batch: &Batch,
        answer: Answer,
    ) -> Result<(), Violation> {
        let applies = !matches!(answer, Answer::Busy | Answer::Lie | Answer::Refuse);
        for (index, &(id, seq, minor)) in batch.iter().enumerate() {
            if answer == Answer::Reject && index == 0 {
                self.shops[shop].rejected.insert(id, seq);
                continue;
            }
            // It breaks off between taking the listing away and putting it back.
            if answer == Answer::Broken && self.shops[shop].rewrites && self.newest(shop, id) <= seq {
                self.shops[shop].absent.insert(id);
                self.say(|| format!("channel loses {id}"));
                continue;
            }
            if applies && !(answer == Answer::Partial && index == 0) {
                self.apply(shop, id, seq, minor)?;
            }
        }
        let results: Vec<Result<(), Class>> = (0..batch.len())
            .map(|index| match answer {
                Answer::Busy => Err(Class::Retry { after_ms: Some(120) }),
                Answer::Broken => Err(Class::Unknown),
                Answer::Refuse => Err(Class::Refused),
                Answer::Reject if index == 0 => Err(Class::Rejected),
                Answer::Partial if index == 0 => Err(Class::Retry { after_ms: None }),
                _ => Ok(()),
            })
            .collect();
        if answer != Answer::Lost {
            let back = self.now + 1 + self.dice.below(20);
            self.plan(back, Act::Answered { ticket, worker, shop, life, results: results.clone() });
            if self.faulty(3) {
                self.plan(back + 50, Act::Answered { ticket, worker, shop, life, results });
            }
        }
        Ok(())
    }

    fn newest(&self, shop: usize, id: i64) -> i64 {
        self.shops[shop].shown[&id].last().map_or(0, |(_, seq, _)| *seq)
    }

    fn apply(&mut self, shop: usize, id: i64, seq: i64, minor: i64) -> Result<(), Violation> {
        let now = self.now;
        self.shops[shop].absent.remove(&id);
        let ordered = self.shops[shop].ordered;
        let history = self.shops[shop].shown.entry(id).or_default();
        let (_, newest, _) = history.last().copied().unwrap_or((0, 0, 0));
        if seq < newest {
            if ordered {
                return Ok(());
            }
            return Err(violation("P2", format!("listing {id}: {seq} takes effect after {newest}"), now));
        }
        history.push((now, seq, minor));
        self.note(&[4, id, seq, minor, now]);
        self.say(|| format!("channel shows {id} #{seq} {minor}"));
        let product = self.table.rows.iter().find(|row| row.id == id).map_or(0, |row| row.product_id);
        let live = |name: &str| {
            let row = self.table.rows.iter().find(|row| row.product_id == product && row.channel == name)?;
            let shop = self.shops.iter().find(|shop| shop.name == name)?;
            Some(shop.live(row.id, now))
        };
        for NeverBelow { above, below, .. } in &self.constraints {
            if let (Some(a), Some(b)) = (live(above), live(below))
                && a < b
            {
                let what = format!("product {product}: {above} shows {a} while {below} shows {b}");
                return Err(violation("P6", what, now));
            }
        }
        Ok(())
    }

    fn answered(
        &mut self,
        ticket: u64,
        worker: usize,
        shop: usize,
        results: &[Result<(), Class>],
    ) -> Result<(), Violation> {
        // A second answer, or the deadline after an answer, finds nobody waiting.
        let waiting = matches!(self.lanes.get(&(worker, shop)), Some(At::Sent { ticket: own, .. }) if *own == ticket);
        if !waiting {
            return Ok(());
        }
        let Some(At::Sent { batch, rest, .. }) = self.lanes.insert((worker, shop), At::Claim) else { return Ok(()) };
        let policy = self.shops[shop].policy();
        let tokens = if let At::Send { tokens, .. } = rest.as_ref() { tokens.clone() } else { BTreeMap::new() };
        for (&(id, seq, _), result) in batch.iter().zip(results) {
            match result {
                // An answer proves that the request is over; what it did is for a read to tell.
                Ok(()) | Err(Class::Retry { .. } | Class::Rejected | Class::Refused | Class::Gone) => {
                    self.unread.remove(&id);
                }
                Err(Class::Unknown) => {}
            }
            if *result == Err(Class::Refused) {
                self.refuse(shop);
            }
            let event = Event::Pushed(result.map_err(|class| ChannelError::new(class, "simulated")));
            let trusted = self.table.broken == Broken::Trust && *result == Ok(());
            self.settle(shop, id, tokens.get(&id).copied().unwrap_or(0), &event, &policy)?;
            if trusted && let Some(row) = self.table.rows.iter_mut().find(|row| row.id == id) {
                "verified".clone_into(&mut row.state);
                row.verified_seq = seq;
                row.live_minor = row.sent_minor;
                row.next_at = (row.desired_seq > row.sent_seq).then_some(self.now);
                self.proved(shop, id)?;
            }
        }
        self.lanes.insert((worker, shop), *rest);
        self.go_on(worker, shop);
        Ok(())
    }

    fn refuse(&mut self, shop: usize) {
        if !self.shops[shop].refused_us {
            self.shops[shop].refused_us = true;
            let mend = self.shops[shop].refuses_until.max(self.now) + 500;
            self.plan(mend, Act::Mend { shop });
        }
    }

    fn ask(&mut self, worker: usize, shop: usize, reads: Vec<Listing>) {
        self.next += 1;
        let (ticket, life) = (self.next, self.lives[worker]);
        let then = self.now - self.shops[shop].lag;
        let of = &self.shops[shop];
        let shown = |id: i64| (!of.absent.contains(&id)).then(|| of.live(id, then));
        let prices = reads.iter().map(|row| (row.id, shown(row.id))).collect();
        let result = if self.faulty(8) { None } else { Some(prices) };
        let back = self.now + 1 + self.dice.below(30);
        self.plan(back, Act::ReadDone { ticket, worker, shop, life, result });
        self.lanes.insert((worker, shop), At::Reading { ticket, reads });
    }

    fn read_done(
        &mut self,
        ticket: u64,
        worker: usize,
        shop: usize,
        result: Option<Vec<(i64, Option<i64>)>>,
    ) -> Result<(), Violation> {
        let waiting =
            matches!(self.lanes.get(&(worker, shop)), Some(At::Reading { ticket: own, .. }) if *own == ticket);
        if !waiting {
            return Ok(());
        }
        let Some(At::Reading { reads, .. }) = self.lanes.insert((worker, shop), At::Claim) else { return Ok(()) };
        let mut policy = self.shops[shop].policy();
        policy.puts_back &= self.table.broken != Broken::Vanish;
        for listing in reads {
            let price = result.as_ref().and_then(|prices| prices.iter().find(|(id, _)| *id == listing.id));
            let event = match price {
                Some(&(id, minor)) => {
                    self.unread.remove(&id);
                    Event::Read(Ok(minor.map(Shown::price)))
                }
                None => Event::Read(Err(ChannelError::new(Class::Retry { after_ms: None }, "simulated"))),
            };
            self.settle(shop, listing.id, listing.lease_token, &event, &policy)?;
        }
        self.go_on(worker, shop);
        Ok(())
    }

    fn settle(&mut self, shop: usize, id: i64, token: i64, event: &Event, policy: &Policy) -> Result<(), Violation> {
        let Some(change) = self.table.advance(id, token, event, policy, Millis(self.now)) else { return Ok(()) };
        self.note(&[5, id, change.verified_seq, change.state.len() as i64, self.now]);
        self.say(|| format!("{id} is {} ({}) after {event:?}", change.state, change.reason));
        if change.state == "verified" {
            self.proved(shop, id)?;
        }
        Ok(())
    }

    /// P3: what is called live was shown by the channel, as far back as its reads may lag.
    fn proved(&self, shop: usize, id: i64) -> Result<(), Violation> {
        let Some(row) = self.table.rows.iter().find(|row| row.id == id) else { return Ok(()) };
        let shown = &self.shops[shop];
        let recent = shown.live(id, self.now - shown.lag - TIMEOUT);
        let after = shown.shown[&id].iter().filter(|(at, _, _)| *at >= self.now - shown.lag - TIMEOUT);
        if row.live_minor == Some(recent) || after.into_iter().any(|(_, _, minor)| Some(*minor) == row.live_minor) {
            return Ok(());
        }
        let what =
            format!("listing {id} is called live at {:?} and shows {}", row.live_minor, shown.live(id, self.now));
        Err(violation("P3", what, self.now))
    }

    fn waits_for_parked(&self, row: &Listing) -> bool {
        let mut siblings = self.table.rows.iter().filter(|other| other.product_id == row.product_id);
        row.state == "held"
            && !row.reason.is_empty()
            && siblings.any(|other| matches!(other.state.as_str(), "parked" | "rejected"))
    }

    fn unsettled(&self) -> String {
        let open = self.table.rows.iter().filter(|row| row.next_at.is_some() && !self.waits_for_parked(row));
        open.map(|row| format!("{} is {} ({})", row.id, row.state, row.reason)).collect::<Vec<_>>().join(", ")
    }

    /// P1 and P5, when everything has come to rest.
    fn settled(&self) -> Result<(), Violation> {
        for row in &self.table.rows {
            let decided = self.decisions.get(&row.product_id).copied().unwrap_or(0);
            if row.desired_seq != decided {
                let what = format!("listing {} heard of {} of {decided} decisions", row.id, row.desired_seq);
                return Err(violation("P1", what, self.now));
            }
            if decided == 0 {
                continue;
            }
            let Some(shop) = self.shops.iter().find(|shop| shop.name == row.channel) else { continue };
            let live = shop.live(row.id, self.now);
            let fine = match row.state.as_str() {
                "verified" => {
                    Some(live) == row.desired_minor
                        && row.verified_seq == row.desired_seq
                        && !shop.absent.contains(&row.id)
                }
                // A channel that lied, or can neither be read nor asked twice, is a person's.
                "unverified" => {
                    row.sent_seq == row.desired_seq && (Some(live) == row.desired_minor || shop.lies_until > 0)
                }
                "rejected" => shop.rejected.get(&row.id) == Some(&row.desired_seq),
                "parked" => !row.reason.is_empty() && (shop.lies_until > 0 || !shop.readable),
                "held" => self.waits_for_parked(row),
                _ => false,
            };
            if !fine {
                let what = format!(
                    "listing {} on {} rests as {} ({}) showing {live}, wanted {:?}, sent {} of {}",
                    row.id, row.channel, row.state, row.reason, row.desired_minor, row.sent_seq, row.desired_seq
                );
                return Err(violation("P5", what, self.now));
            }
        }
        Ok(())
    }
}
