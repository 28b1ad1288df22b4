//! A lane's side: it claims, commits, sends, and acts on what comes back.

use std::collections::BTreeMap;

use omniprice::channel::{ChannelError, Class};
use omniprice::clock::Millis;
use omniprice::publish::constraint::{Order, TaxView, View, may_send};
use omniprice::publish::daily::{full_until, reads_meanwhile};
use omniprice::publish::forbidden::Sake;
use omniprice::publish::step::{Event, Plan, Policy, Shown, plan, waits_for_stray};
use omniprice::store::fleet::Spent;
use omniprice::store::lanes::{Change, Shut};
use omniprice::store::listings::Listing;
use omniprice::store::progress::{Forbidden, Others};

use super::{Act, At, Batch, FAULTS_UNTIL, Kept, LATE, LEASE, SETTLE_WITHIN, TIMEOUT, Violation, World, violation};
use crate::protocol::table::Broken;

impl World {
    pub(super) fn lane(&mut self, worker: usize, shop: usize) -> Result<(), Violation> {
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
            At::Knock { batch, rest, until } => return self.knock(worker, shop, batch, rest, until),
            At::Merge { ticket, batch, rest, since, beside } => {
                return self.merge((worker, shop), ticket, batch, rest, since, beside);
            }
            // Only an answer or the deadline moves these.
            waiting @ (At::Sent { .. } | At::Fetch { .. } | At::Reading { .. }) => {
                self.lanes.insert((worker, shop), waiting);
            }
        }
        Ok(())
    }

    pub(super) fn claim(&mut self, worker: usize, shop: usize) {
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
    pub(super) fn waits(&mut self, shop: usize, listing: &Listing, policy: &Policy, reads: &mut Vec<Listing>) -> bool {
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

    pub(super) fn begin(&mut self, shop: usize, claimed: Vec<Listing>, claimed_at: i64) -> At {
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
                        match may_send(
                            fresh,
                            minor,
                            siblings,
                            &constraints,
                            &|_| View { tax: TaxView::Gross, decimals: 2 },
                            now,
                        ) {
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

    pub(super) fn send(
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
        let rest = Box::new(At::Send { batches, tokens, reads, claimed_at });
        if self.shops[shop].beside.is_some() {
            let until = self.now + super::document::WAIT;
            self.lanes.insert((worker, shop), At::Knock { batch, rest, until });
            self.go_on(worker, shop);
            return Ok(());
        }
        self.next += 1;
        self.dispatch((worker, shop), self.next, batch, rest, None)
    }

    /// A request leaves; `ticket` is what its answer is known by.
    pub(super) fn dispatch(
        &mut self,
        (worker, shop): (usize, usize),
        ticket: u64,
        batch: Batch,
        rest: Box<At>,
        beside: Kept,
    ) -> Result<(), Violation> {
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
        let life = self.lives[worker];
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
                self.plan(self.now + travel, Act::Arrive { ticket, worker, shop, life, batch, beside, answer });
            }
        }
        self.lanes.insert((worker, shop), At::Sent { ticket, batch, rest });
        Ok(())
    }

    pub(super) fn answered(
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
        self.end_turn(ticket, results);
        let policy = self.shops[shop].policy();
        let tokens = if let At::Send { tokens, .. } = rest.as_ref() { tokens.clone() } else { BTreeMap::new() };
        for (&(id, seq, _), result) in batch.iter().zip(results) {
            match result {
                // An answer proves that the request is over; what it did is for a read to tell.
                Ok(())
                | Err(Class::Retry { .. } | Class::Rejected | Class::Refused | Class::Forbidden | Class::Gone) => {
                    self.unread.remove(&id);
                }
                Err(Class::Unknown) => {}
            }
            let (event, closes) = self.judged(shop, id, *result, results);
            if closes {
                self.close(shop, id, *result)?;
            }
            let trusted = self.table.broken == Broken::Trust && *result == Ok(());
            self.remember(id, &event);
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

    /// What the lane makes of an answer, and whether it closes the channel.
    fn judged(&self, shop: usize, id: i64, result: Result<(), Class>, all: &[Result<(), Class>]) -> (Event, bool) {
        let error = |class| ChannelError::new(class, "simulated");
        if result != Err(Class::Forbidden) {
            return (Event::Pushed(result.map_err(error)), result == Err(Class::Refused));
        }
        let count = |wanted| all.iter().filter(|one| **one == wanted).count();
        let sake = match self.table.broken {
            Broken::Sake => Sake::Channel,
            _ => Sake::of(count(Ok(())), count(Err(Class::Forbidden)), self.known(shop, id)),
        };
        (Event::Forbidden(sake, error(Class::Forbidden)), sake == Sake::Channel)
    }

    /// What the store would tell of a listing that is forbidden.
    fn known(&self, shop: usize, id: i64) -> Forbidden {
        let alone = self.alone.contains(&id);
        let Some(&at) = self.forbidden.get(&id) else {
            return Forbidden { before: false, alone, others: Others::None };
        };
        let sent_at = self.table.rows.iter().find(|row| row.id == id).and_then(|row| row.sent_at).unwrap_or(0);
        let others = self.shops[shop].shown.keys().filter(|other| **other != id);
        let taken = others.filter_map(|other| self.taken.get(other));
        let others = match taken.filter(|(from, _)| *from > at).map(|(_, to)| *to).min() {
            None => Others::None,
            Some(first) if first <= sent_at => Others::Before,
            Some(_) => Others::Meanwhile,
        };
        Forbidden { before: true, alone, others }
    }

    fn remember(&mut self, id: i64, event: &Event) {
        match event {
            Event::Forbidden(sake @ (Sake::Listing | Sake::Unclear), _) => {
                self.forbidden.entry(id).or_insert(self.now);
                if *sake == Sake::Listing {
                    self.alone.insert(id);
                }
            }
            Event::Pushed(Ok(())) => {
                let sent_at = self.table.rows.iter().find(|row| row.id == id).and_then(|row| row.sent_at);
                self.taken.insert(id, (sent_at.unwrap_or(0), self.now));
                self.forbidden.remove(&id);
                self.alone.remove(&id);
            }
            _ => {}
        }
    }

    /// One listing closes a channel once at most, as long as the channel takes others.
    fn close(&mut self, shop: usize, id: i64, result: Result<(), Class>) -> Result<(), Violation> {
        if result == Err(Class::Forbidden)
            && let Some(before) = self.closed_for.insert(id, self.now)
        {
            let others = self.shops[shop].shown.keys().filter(|other| **other != id);
            let mut taken = others.filter_map(|other| self.taken.get(other));
            if taken.any(|(from, _)| *from > before) {
                return Err(violation("P5", format!("listing {id} closes its channel again"), self.now));
            }
        }
        self.refuse(shop);
        Ok(())
    }

    pub(super) fn refuse(&mut self, shop: usize) {
        if !self.shops[shop].refused_us {
            self.shops[shop].refused_us = true;
            let mend = self.shops[shop].refuses_until.max(self.now) + 500;
            self.plan(mend, Act::Mend { shop });
        }
    }

    pub(super) fn ask(&mut self, worker: usize, shop: usize, reads: Vec<Listing>) {
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

    pub(super) fn read_done(
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
                    Event::Read(Ok(minor.map(|minor| self.seen(&listing, minor))))
                }
                None => Event::Read(Err(ChannelError::new(Class::Retry { after_ms: None }, "simulated"))),
            };
            self.settle(shop, listing.id, listing.lease_token, &event, &policy)?;
        }
        self.go_on(worker, shop);
        Ok(())
    }

    /// Some listings carry a complaint about an older price until the channel has looked at the last one.
    fn seen(&self, listing: &Listing, minor: i64) -> Shown {
        let unseen = listing.sent_at.is_some_and(|at| self.now - at < SETTLE_WITHIN);
        let old = (unseen && listing.id % 4 == 0).then(|| "an older price was not liked".to_owned());
        match self.table.broken {
            Broken::Complaint => Shown { refused: old, ..Shown::price(minor) },
            _ => Shown { complaint: old, ..Shown::price(minor) },
        }
    }

    pub(super) fn settle(
        &mut self,
        shop: usize,
        id: i64,
        token: i64,
        event: &Event,
        policy: &Policy,
    ) -> Result<(), Violation> {
        let Some(change) = self.table.advance(id, token, event, policy, Millis(self.now)) else { return Ok(()) };
        self.note(&[5, id, change.verified_seq, change.state.len() as i64, self.now]);
        self.say(|| format!("{id} is {} ({}) after {event:?}", change.state, change.reason));
        if change.state == "verified" {
            self.proved(shop, id)?;
        }
        Ok(())
    }
}
