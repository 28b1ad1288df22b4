//! The listings table as the store keeps it, in memory: what each statement does, without an engine. A test of its own
//! holds it against both engines, so that what is true of this table is true of theirs.

use omniprice::clock::Millis;
use omniprice::publish::step::{Event, Policy, step};
use omniprice::store::lanes::{Change, Shut};
use omniprice::store::listings::Listing;

/// What is broken on purpose, to show that the simulation would find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Broken {
    #[default]
    Nothing,
    /// Leases are taken, but nobody checks them.
    Fence,
    /// An unknown outcome is sent again without reading.
    ReadAfterUnknown,
    /// A push that may still land does not hold up the next price.
    Stray,
    /// The channel's answer counts as proof.
    Trust,
    /// Listings are sent in any order.
    Order,
    /// A listing that waits for the channel's cap forgets what it sent before.
    Forget,
    /// A listing that its own write took away counts as lost for good.
    Vanish,
    /// Two channels write one document without turns.
    Turn,
    /// A worker that was suspended in its turn sends all the same.
    TurnLease,
    /// A turn is given back although its write may still land.
    TurnEnd,
    /// What a channel complains of counts as its answer to the last write.
    Complaint,
    /// A listing that the channel forbids for its own sake counts as the channel's refusal.
    Sake,
}

#[derive(Debug, Clone, Default)]
pub struct Table {
    pub rows: Vec<Listing>,
    pub broken: Broken,
}

/// A listing that nobody has priced yet.
pub fn row(id: i64, channel: &str, product_id: i64, live: i64) -> Listing {
    Listing {
        id,
        channel: channel.to_owned(),
        product_id,
        external: Some(format!("x{id}")),
        state: "idle".to_owned(),
        state_since: 0,
        reason: String::new(),
        currency: "DKK".to_owned(),
        decimals: None,
        desired_seq: 0,
        desired_minor: None,
        desired_at: None,
        decision_id: None,
        sent_seq: 0,
        sent_minor: None,
        sent_regular_minor: None,
        stage_seq: 0,
        staged_minor: None,
        staged_from: None,
        staged_until: None,
        sent_at: None,
        unsure_until: 0,
        maybe_low: None,
        maybe_high: None,
        verified_seq: 0,
        live_minor: Some(live),
        live_at: Some(0),
        tries: 0,
        reads: 0,
        next_at: None,
        leased_until: 0,
        lease_token: 0,
    }
}

impl Table {
    fn owned(&self, id: i64, token: i64) -> Option<usize> {
        let fenced = self.broken != Broken::Fence;
        self.rows.iter().position(|row| row.id == id && (row.lease_token == token || !fenced))
    }

    pub fn claim(&mut self, channel: &str, now: Millis, until: Millis, limit: usize) -> Vec<Listing> {
        let mut due: Vec<usize> = (0..self.rows.len())
            .filter(|&i| {
                let row = &self.rows[i];
                row.channel == channel && row.next_at.is_some_and(|at| at <= now.0) && row.leased_until <= now.0
            })
            .collect();
        due.sort_by_key(|&i| (self.rows[i].next_at, self.rows[i].id));
        due.truncate(limit);
        due.into_iter()
            .map(|i| {
                self.rows[i].leased_until = until.0;
                self.rows[i].lease_token += 1;
                self.rows[i].clone()
            })
            .collect()
    }

    /// Commits the intent to send one listing: `Ok` with the row as sent, `Err(Some)` with a shut door, `Err(None)` for
    /// a lost lease.
    pub fn begin(
        &mut self,
        (id, token): (i64, i64),
        now: Millis,
        until: Millis,
        door: impl Fn(&Listing, &[Listing]) -> Result<i64, Shut>,
    ) -> Result<Listing, Option<Shut>> {
        let at = self.owned(id, token).ok_or(None)?;
        let siblings: Vec<Listing> =
            self.rows.iter().filter(|row| row.product_id == self.rows[at].product_id).cloned().collect();
        match door(&self.rows[at], &siblings) {
            Ok(minor) => {
                let row = &mut self.rows[at];
                if matches!(row.state.as_str(), "sent" | "unknown" | "accepted" | "applied") {
                    (row.maybe_low, row.maybe_high) = row.maybe_with_sent().unzip();
                }
                "sent".clone_into(&mut row.state);
                row.state_since = now.0;
                row.reason.clear();
                row.sent_seq = row.desired_seq;
                row.sent_minor = Some(minor);
                row.sent_regular_minor = None;
                row.sent_at = Some(now.0);
                row.tries += 1;
                row.reads = 0;
                row.next_at = Some(until.0);
                row.leased_until = until.0;
                Ok(row.clone())
            }
            Err(shut) => {
                let change = Change::shut(&self.rows[at], &shut);
                self.apply(at, &change, now);
                Err(Some(shut))
            }
        }
    }

    pub fn advance(&mut self, id: i64, token: i64, event: &Event, policy: &Policy, now: Millis) -> Option<Change> {
        let at = self.owned(id, token)?;
        let change = step(&self.rows[at], event, policy, now);
        self.apply(at, &change, now);
        Some(change)
    }

    fn apply(&mut self, at: usize, change: &Change, now: Millis) {
        let row = &mut self.rows[at];
        if row.state != change.state {
            row.state_since = now.0;
        }
        change.state.clone_into(&mut row.state);
        row.reason.clone_from(&change.reason);
        row.next_at = change.next_at.map(|at| at.0);
        row.verified_seq = change.verified_seq;
        row.live_minor = change.live.map(|(minor, _)| minor);
        row.live_at = change.live.map(|(_, at)| at.0);
        row.tries = change.tries;
        row.reads = change.reads;
        row.unsure_until = change.unsure_until;
        (row.maybe_low, row.maybe_high) = change.maybe.unzip();
        row.leased_until = 0;
    }

    pub fn desire(&mut self, id: i64, price: &Result<i64, String>, now: Millis) {
        let Some(row) = self.rows.iter_mut().find(|row| row.id == id) else { return };
        let in_flight = matches!(row.state.as_str(), "sent" | "accepted" | "applied" | "unknown");
        row.desired_seq += 1;
        row.desired_minor = price.as_ref().ok().copied();
        row.desired_at = Some(now.0);
        row.tries = 0;
        row.reads = 0;
        if !in_flight {
            row.state_since = now.0;
            row.reason = price.as_ref().err().cloned().unwrap_or_default();
            (if price.is_ok() { "intended" } else { "held" }).clone_into(&mut row.state);
        }
        row.next_at = if price.is_err() && !in_flight { None } else { Some(now.0) };
    }

    /// A channel takes our credentials again: its listings are looked at.
    pub fn resume(&mut self, channel: &str, now: Millis) {
        for row in self.rows.iter_mut().filter(|row| row.channel == channel) {
            let waits = matches!(row.state.as_str(), "intended" | "sent" | "unknown" | "accepted" | "applied");
            if waits && row.next_at.is_none() {
                row.next_at = Some(now.0);
            }
        }
    }

    /// The only process of an embedded database starts: whatever was leased was its own.
    pub fn free(&mut self) {
        for row in self.rows.iter_mut().filter(|row| row.leased_until > 0) {
            row.leased_until = 0;
            row.lease_token += 1;
        }
    }
}
