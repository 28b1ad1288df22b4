//! The publishing protocol under a seeded, discrete-event simulation: the real `publish::step` and `publish::constraint`,
//! the table of `table.rs`, workers that die and pause at every await, and channels that lose, delay, half do and lie,
//! some of them two of one shop, whose prices of a product stand in one document.
//!
//! Time is simulated, so a seed replays exactly. The promises P1 to P6 are checked at every event, not at the end.

mod channel;
mod document;
mod lane;
mod promises;
mod setting;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use omniprice::channel::Class;
use omniprice::clock::Millis;
use omniprice::publish::constraint::NeverBelow;
use omniprice::publish::daily::Cap;
use omniprice::publish::step::Policy;
use omniprice::store::listings::Listing;

use super::dice::Dice;
use super::table::{Broken, Table};

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
    /// It refuses by forbidding each write, as where a right is missing, and not by refusing the key.
    by_right: bool,
    /// A listing that it forbids for its own sake, as long as faults happen.
    forbids: Option<i64>,
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
    /// The other channel of this shop: a write replaces a product's document, with the prices of both.
    beside: Option<usize>,
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

/// What a document says of the other channel's listing, if that has one of the product: channel, listing id, sequence
/// number and price.
type Kept = Option<(usize, i64, i64, i64)>;

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
    /// Waits for its turn at a document.
    Knock {
        batch: Batch,
        rest: Box<At>,
        until: i64,
    },
    /// Has the turn, and waits for the document.
    Fetch {
        ticket: u64,
        batch: Batch,
        rest: Box<At>,
        since: i64,
    },
    /// Has the document, with what it says of the other channel.
    Merge {
        ticket: u64,
        batch: Batch,
        rest: Box<At>,
        since: i64,
        beside: Kept,
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
        beside: Kept,
        answer: Answer,
    },
    /// A document is asked for, and comes back.
    Fetch {
        ticket: u64,
        worker: usize,
        shop: usize,
        life: u64,
        id: i64,
    },
    Fetched {
        ticket: u64,
        worker: usize,
        shop: usize,
        life: u64,
        beside: Kept,
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
    /// Since when each listing's writes are forbidden for a reason of its own, or for one not known yet.
    forbidden: BTreeMap<i64, i64>,
    /// Those that are known to be forbidden for their own sake.
    alone: BTreeSet<i64>,
    /// When each listing's last write that was taken began, and when its answer came.
    taken: BTreeMap<i64, (i64, i64)>,
    /// When a channel was last closed because of a listing.
    closed_for: BTreeMap<i64, i64>,
    /// Turns at documents, as the database keeps them: product, who has it, and until when.
    turns: BTreeMap<i64, (u64, i64)>,
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
            Act::Arrive { ticket, worker, shop, life, batch, beside, answer } => {
                return self.arrive(ticket, (worker, shop, life), &batch, beside, answer);
            }
            Act::Fetch { ticket, worker, shop, life, id } => self.fetch(ticket, (worker, shop, life), id),
            Act::Fetched { ticket, worker, shop, life, beside } if life == self.lives[worker] => {
                self.fetched(ticket, worker, shop, beside);
            }
            Act::Answered { ticket, worker, shop, life, results } if life == self.lives[worker] => {
                self.answered(ticket, worker, shop, &results)?;
            }
            Act::ReadDone { ticket, worker, shop, life, result } if life == self.lives[worker] => {
                self.read_done(ticket, worker, shop, result)?;
            }
            // What comes back to a dead process is heard by nobody.
            Act::Lane { .. } | Act::Answered { .. } | Act::Fetched { .. } | Act::ReadDone { .. } => {}
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
}
