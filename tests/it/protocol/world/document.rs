//! Two channels of one shop, whose prices of a product stand in one document: each write reads it, changes its own price
//! and puts the whole back. Turns keep the two, on whichever worker, from putting each other's old price back.

use omniprice::channel::Class;

use super::{Act, At, Batch, Kept, LATE, LEASE, TIMEOUT, Violation, World};
use crate::protocol::table::Broken;

/// A turn is waited for this long before the lane tries again later, and looked for this often.
pub(super) const WAIT: i64 = 700;
const LOOK_AGAIN: i64 = 40;
/// A turn lasts until what was sent within [`TIMEOUT`] of its beginning can no longer take effect.
const TURN: i64 = TIMEOUT + if LATE > TIMEOUT { LATE } else { TIMEOUT };

impl World {
    fn product(&self, id: i64) -> i64 {
        self.table.rows.iter().find(|row| row.id == id).map_or(0, |row| row.product_id)
    }

    /// Nothing was sent, and the lane goes on with what it has besides.
    fn give_up(
        &mut self,
        (worker, shop): (usize, usize),
        ticket: u64,
        batch: Batch,
        rest: Box<At>,
    ) -> Result<(), Violation> {
        let results = vec![Err(Class::Retry { after_ms: None }); batch.len()];
        self.lanes.insert((worker, shop), At::Sent { ticket, batch, rest });
        self.answered(ticket, worker, shop, &results)
    }

    pub(super) fn knock(
        &mut self,
        worker: usize,
        shop: usize,
        batch: Batch,
        rest: Box<At>,
        until: i64,
    ) -> Result<(), Violation> {
        self.next += 1;
        let (ticket, life, now) = (self.next, self.lives[worker], self.now);
        let id = batch.first().map_or(0, |(id, _, _)| *id);
        let product = self.product(id);
        let taken = self.turns.get(&product).is_some_and(|(_, until)| *until > now);
        if taken && self.table.broken != Broken::Turn {
            if now > until {
                return self.give_up((worker, shop), ticket, batch, rest);
            }
            self.lanes.insert((worker, shop), At::Knock { batch, rest, until });
            self.plan(now + LOOK_AGAIN, Act::Lane { worker, shop, life });
            return Ok(());
        }
        self.turns.insert(product, (ticket, now + TURN));
        if self.faulty(6) {
            return self.give_up((worker, shop), ticket, batch, rest);
        }
        self.lanes.insert((worker, shop), At::Fetch { ticket, batch, rest, since: now });
        let travel = 1 + self.dice.below(30);
        self.plan(now + travel, Act::Fetch { ticket, worker, shop, life, id });
        Ok(())
    }

    /// The channel hands out the document as it is at this instant.
    pub(super) fn fetch(&mut self, ticket: u64, (worker, shop, life): (usize, usize, u64), id: i64) {
        let product = self.product(id);
        let beside = self.shops[shop].beside.and_then(|other| {
            let name = &self.shops[other].name;
            let row = self.table.rows.iter().find(|row| row.product_id == product && row.channel == *name)?;
            let (_, seq, minor) = *self.shops[other].shown[&row.id].last()?;
            Some((other, row.id, seq, minor))
        });
        let back = self.now + 1 + self.dice.below(20);
        self.plan(back, Act::Fetched { ticket, worker, shop, life, beside });
    }

    pub(super) fn fetched(&mut self, ticket: u64, worker: usize, shop: usize, beside: Kept) {
        match self.lanes.insert((worker, shop), At::Claim) {
            Some(At::Fetch { ticket: own, batch, rest, since }) if own == ticket => {
                self.lanes.insert((worker, shop), At::Merge { ticket, batch, rest, since, beside });
                self.go_on(worker, shop);
            }
            Some(other) => {
                self.lanes.insert((worker, shop), other);
            }
            None => {}
        }
    }

    /// Writes the document back, unless the turn or the lease is too old for that.
    pub(super) fn merge(
        &mut self,
        (worker, shop): (usize, usize),
        ticket: u64,
        batch: Batch,
        rest: Box<At>,
        since: i64,
        beside: Kept,
    ) -> Result<(), Violation> {
        let over = self.now - since > TIMEOUT && self.table.broken != Broken::Turn;
        let claimed_at = if let At::Send { claimed_at, .. } = rest.as_ref() { *claimed_at } else { self.now };
        let late = self.now - claimed_at > LEASE / 2 && self.table.broken != Broken::Fence;
        if (over || late) && self.table.broken != Broken::TurnLease {
            return self.give_up((worker, shop), ticket, batch, rest);
        }
        self.dispatch((worker, shop), ticket, batch, rest, beside)
    }

    /// Gives a turn back, unless what was sent in it may still take effect: then the others wait until it no longer can.
    pub(super) fn end_turn(&mut self, ticket: u64, results: &[Result<(), Class>]) {
        let unknown = results.contains(&Err(Class::Unknown));
        if !unknown || self.table.broken == Broken::TurnEnd {
            self.turns.retain(|_, (holder, _)| *holder != ticket);
        }
    }
}
