//! The order of updates from live prices that somebody else left: whatever a channel shows, every channel comes to show what
//! is wanted, and no step breaks a pair that is whole or widens one that is broken.

use std::collections::BTreeMap;

use omniprice::clock::Millis;
use omniprice::publish::constraint::{NeverBelow, Order, TaxView, View, may_send};
use omniprice::publish::step::{Event, Plan, Policy, Shown, plan};
use omniprice::store::lanes::Shut;

use super::dice::Dice;
use super::table::{Table, row};

const WORLDS: u64 = 20_000;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const LEASE: i64 = 1_000;
/// A world that needs more moves than this after its last decision does not settle.
const MOVES: usize = 3_000;

fn policy() -> Policy {
    Policy {
        retry: vec![100, 400],
        give_up_after: 100,
        verify_after: 50,
        settle_within: 4_000,
        readable: true,
        idempotent: false,
        ordered: false,
        puts_back: false,
        unsure_for: 900,
    }
}

/// Two to four channels of one product with a circle-free set of pairs, and what each really shows.
struct Market {
    dice: Dice,
    table: Table,
    pairs: Vec<NeverBelow>,
    shows: BTreeMap<i64, i64>,
    /// Sent, and not shown yet.
    on_its_way: BTreeMap<i64, i64>,
    now: i64,
}

impl Market {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let names = &NAMES[..usize::try_from(2 + dice.below(3)).unwrap()];
        let (mut table, mut shows, mut pairs) = (Table::default(), BTreeMap::new(), Vec::new());
        for (id, above) in (1..).zip(names) {
            shows.insert(id, 100 + dice.below(20));
            table.rows.push(row(id, above, 1, shows[&id]));
            for below in &names[usize::try_from(id).unwrap()..] {
                if dice.percent(60) {
                    let (above, below) = ((*above).to_owned(), (*below).to_owned());
                    pairs.push(NeverBelow { above, below, best_effort_after_ms: None });
                }
            }
        }
        Self { dice, table, pairs, shows, on_its_way: BTreeMap::new(), now: 0 }
    }

    /// Wants prices that break no pair, and no others: where no pair says so they need no order.
    fn decide(&mut self) {
        let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
        for row in self.table.rows.clone().iter().rev() {
            let below = self.pairs.iter().filter(|pair| pair.above == row.channel).map(|pair| wanted[&pair.below]);
            let minor = below.max().unwrap_or(0).max(100 + self.dice.below(20));
            wanted.insert(row.channel.clone(), minor);
            self.table.desire(row.id, &Ok(minor), Millis(self.now));
        }
    }

    /// How far each pair is broken.
    fn gaps(&self) -> Vec<i64> {
        let live = |name: &String| {
            self.table.rows.iter().find(|row| row.channel == *name).map_or(0, |row| self.shows[&row.id])
        };
        self.pairs.iter().map(|pair| (live(&pair.below) - live(&pair.above)).max(0)).collect()
    }

    /// One channel does what comes next there.
    fn turn(&mut self) -> Result<(), String> {
        self.now += 20 + self.dice.below(60);
        let id = 1 + self.dice.below(i64::try_from(self.table.rows.len()).unwrap());
        if let Some(minor) = self.on_its_way.remove(&id) {
            let before = self.gaps();
            self.shows.insert(id, minor);
            let wider = before.iter().zip(self.gaps()).any(|(before, after)| after > *before);
            return if wider { Err(format!("{id} shows {minor}: {:?} after {before:?}", self.gaps())) } else { Ok(()) };
        }
        let (now, until) = (Millis(self.now), Millis(self.now + LEASE));
        let channel = NAMES[usize::try_from(id - 1).unwrap()];
        let Some(listing) = self.table.claim(channel, now, until, 1).pop() else { return Ok(()) };
        let lease = (listing.id, listing.lease_token);
        let event = match plan(&listing, &policy(), now) {
            Plan::Rest => Event::Rested,
            Plan::Read => Event::Read(Ok(Some(Shown::price(self.shows[&id])))),
            Plan::Push => {
                let pairs = &self.pairs;
                let sent = self.table.begin(lease, now, until, |fresh, siblings| {
                    let minor = fresh.desired_minor.expect("a price is wanted");
                    let view = |_: &_| View { tax: TaxView::Gross, decimals: 2 };
                    let waits = |why| Shut { state: "held", reason: why, next_at: Some(now.plus(100)) };
                    may_send(fresh, minor, siblings, pairs, &view, now).map(|()| minor).map_err(|order| match order {
                        Order::Wait(why) | Order::Contradiction(why) => waits(why),
                    })
                });
                let Ok(sent) = sent else { return Ok(()) };
                self.on_its_way.insert(id, sent.sent_minor.unwrap_or(0));
                Event::Pushed(Ok(()))
            }
        };
        self.table.advance(lease.0, lease.1, &event, &policy(), now);
        Ok(())
    }

    fn settled(&self) -> bool {
        let done = |row: &omniprice::store::listings::Listing| {
            row.state == "verified" && row.desired_minor == Some(self.shows[&row.id])
        };
        self.table.rows.iter().all(done)
    }
}

/// Whether the pairs were broken at first; the first thing that goes wrong otherwise.
fn run(seed: u64) -> Result<bool, String> {
    let mut market = Market::new(seed);
    let broken = market.gaps().iter().any(|gap| *gap > 0);
    for _ in 0..1 + market.dice.below(5) {
        market.decide();
        // The next decision may come while prices of this one are on their way.
        for _ in 0..market.dice.below(12) {
            market.turn()?;
        }
    }
    for _ in 0..MOVES {
        if market.settled() {
            return Ok(broken);
        }
        market.turn()?;
    }
    let stuck = market.table.rows.iter().map(|row| {
        let shows = market.shows[&row.id];
        format!("{} is {} ({}), shows {shows}, wants {:?}", row.channel, row.state, row.reason, row.desired_minor)
    });
    Err(format!("no end: {}", stuck.collect::<Vec<_>>().join("; ")))
}

#[test]
fn from_any_live_prices_every_channel_comes_to_what_is_wanted() {
    let mut broken = 0;
    for seed in 0..WORLDS {
        match run(seed) {
            Ok(was) => broken += u64::from(was),
            Err(why) => panic!("seed {seed}: {why}"),
        }
    }
    assert!(broken > WORLDS / 4, "{broken} of {WORLDS} began with a broken pair");
}
