//! What a listing does next and what an answer makes of it: pure functions that lanes and simulations share.
//!
//! Two rules carry the rest: an unknown outcome is resolved by reading, and only a read that equals what was sent is
//! proof.

use super::forbidden::Sake;
use crate::channel::{ChannelError, Class};
use crate::clock::Millis;
use crate::sentence::Sentence;
use crate::store::lanes::Change;
use crate::store::listings::Listing;
use crate::store::progress;

mod shown;
mod unread;

pub use shown::Shown;
use unread::{unread, unreadable};

/// Times and bounds of one channel's lane.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Waits between tries, in milliseconds; the last one repeats.
    pub retry: Vec<i64>,
    /// Tries of one price before it is parked and a person is told.
    pub give_up_after: i64,
    pub verify_after: i64,
    /// How long an accepted price may take to show.
    pub settle_within: i64,
    pub readable: bool,
    pub idempotent: bool,
    /// The channel itself refuses an older number, so that what arrives late does no harm there.
    pub ordered: bool,
    /// A push puts the listing there, or back there: one that is absent after a push has not got it yet.
    pub puts_back: bool,
    /// For so many milliseconds after its intent was committed, a push without an answer may still take effect.
    pub unsure_for: i64,
}

impl Policy {
    /// Until when the listing's last push may still take effect, if its answer never came.
    fn unsure_until(&self, listing: &Listing) -> i64 {
        let sent = listing.sent_at.unwrap_or(0).saturating_add(self.unsure_for);
        listing.unsure_until.max(sent)
    }
}

/// Reads that must miss, spread over time, before an unknown push counts as not applied.
const MISSES_BEFORE_RESEND: i64 = 2;
/// Pushes of one price that the channel acknowledged and did not show, before it is parked.
const PUSHES_BEFORE_LIE: i64 = 3;
/// The same where what it shows is what was sent with fewer decimals: it may still be the price before.
const PUSHES_BEFORE_SHORT: i64 = 2;

/// What a claimed listing needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    Push,
    Read,
    /// Nothing: give the lease back.
    Rest,
}

/// What came of a push, a read, or a look at the whole channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Pushed(Result<(), ChannelError>),
    /// A push that the channel forbids, and for whose sake, as far as its other answers tell.
    Forbidden(Sake, ChannelError),
    /// `Ok(None)`: the channel does not have the listing.
    Read(Result<Option<Shown>, ChannelError>),
    /// The channel has the listing and does not tell its price; `forbidden` if it does not let it be read.
    Unreadable {
        why: String,
        forbidden: bool,
    },
    Rested,
    /// The channel takes no more updates of the listing before an instant; the text says why.
    Full(Millis, String),
}

/// What to do with a listing that a lane has just claimed.
#[must_use]
pub fn plan(listing: &Listing, policy: &Policy, now: Millis) -> Plan {
    let stray = waits_for_stray(listing, policy, now).is_some();
    match wish(listing, policy, now) {
        // Neither may a price that the channel already shows be proved while something else may still replace it.
        Plan::Push | Plan::Read if stray && !in_flight(listing) => Plan::Rest,
        Plan::Push if stray => Plan::Rest,
        wish => wish,
    }
}

/// A push whose answer never came may land after the next one and undo it. Until it no longer can, only the very same
/// price may be sent again; where the channel refuses older numbers, anything newer may.
#[must_use]
pub fn waits_for_stray(listing: &Listing, policy: &Policy, now: Millis) -> Option<Millis> {
    if policy.ordered {
        return None;
    }
    let until = match listing.state.as_str() {
        "sent" | "unknown" => policy.unsure_until(listing),
        _ => listing.unsure_until,
    };
    let same = listing.desired_minor == listing.sent_minor && listing.desired_seq == listing.sent_seq;
    (!same && now.0 < until).then_some(Millis(until))
}

fn in_flight(listing: &Listing) -> bool {
    matches!(listing.state.as_str(), "sent" | "unknown" | "accepted" | "applied")
}

fn wish(listing: &Listing, policy: &Policy, now: Millis) -> Plan {
    let newer = listing.desired_seq > listing.sent_seq;
    // A channel refuses an older number only once it has seen the newer one, so looking at it is not enough.
    let must_be_told = policy.ordered && newer && now.0 < listing.unsure_until;
    match listing.state.as_str() {
        "intended" if must_be_told => Plan::Push,
        // The channel already shows the price, or has begun the sale by itself: prove it instead of sending it.
        "intended" if policy.readable && listing.reads == 0 && !listing.must_stage() && may_show(listing, now) => {
            Plan::Read
        }
        "intended" => Plan::Push,
        // A worker died between committing the intent and writing the answer.
        "sent" | "unknown" if policy.readable => Plan::Read,
        "sent" | "unknown" if policy.idempotent => Plan::Push,
        "accepted" | "applied" if newer => Plan::Push,
        "accepted" | "applied" if policy.readable => Plan::Read,
        // An earlier push could still have landed after the proof.
        "verified" if policy.readable && listing.maybe().is_some() => Plan::Read,
        // What it sent and never saw keeps others waiting, and one of those may be what it waits for itself.
        "held" if listing.desired_minor.is_none() => Plan::Rest,
        "held" if policy.readable && listing.maybe().is_some() && listing.reads == 0 => Plan::Read,
        "held" => Plan::Push,
        _ => Plan::Rest,
    }
}

fn may_show(listing: &Listing, now: Millis) -> bool {
    let begun = listing.desired_minor.is_some_and(|minor| listing.begun_with(minor, now));
    begun || listing.live_minor == listing.desired_minor
}

/// The next state of a listing. `seed` spreads retries, so that many listings do not come back at one instant.
#[must_use]
pub fn step(listing: &Listing, event: &Event, policy: &Policy, now: Millis) -> Change {
    match event {
        Event::Pushed(Ok(())) => pushed(listing, policy, now),
        Event::Pushed(Err(error)) => failed(listing, error, policy, now),
        Event::Forbidden(sake, error) => forbidden(listing, *sake, error, policy, now),
        Event::Read(Ok(seen)) => read(listing, seen.as_ref(), policy, now),
        Event::Read(Err(error)) => unread(listing, error, policy, now),
        Event::Unreadable { why, forbidden } => unreadable(listing, why, *forbidden, policy, now),
        Event::Rested => rested(listing, policy, now),
        Event::Full(until, why) => full(listing, *until, why, policy, now),
    }
}

/// Nothing was sent, so nothing is forgotten: what was sent before and never seen is read on while the listing waits.
fn full(listing: &Listing, until: Millis, why: &str, policy: &Policy, now: Millis) -> Change {
    let maybe_sent = |sent| listing.maybe().is_some_and(|(low, high)| (low..=high).contains(&sent));
    let unseen =
        policy.readable && listing.verified_seq < listing.sent_seq && listing.sent_minor.is_some_and(maybe_sent);
    let same = Change { reason: why.to_owned(), next_at: Some(until), ..Change::none(listing) };
    if !unseen || in_flight(listing) {
        return same;
    }
    Change {
        state: if listing.unsure_until > 0 { "unknown" } else { "accepted" },
        next_at: Some(Millis(until.0.min(now.0 + next_read(listing.reads, policy)))),
        ..same
    }
}

fn pushed(listing: &Listing, policy: &Policy, now: Millis) -> Change {
    let finish = Some(("accepted", String::new()));
    let fact = listing.sent_minor.map(|minor| (minor, "accepted"));
    if policy.readable {
        return Change {
            state: "accepted",
            reason: String::new(),
            next_at: Some(now.plus(policy.verify_after)),
            reads: 0,
            finish,
            fact,
            ..Change::none(listing)
        };
    }
    let newer = listing.desired_seq > listing.sent_seq;
    let strays = strays(listing, now).filter(|_| !policy.ordered);
    Change {
        state: if newer { "intended" } else { "unverified" },
        maybe: strays,
        unsure_until: if policy.ordered { 0 } else { listing.unsure_until },
        reason: "acknowledged; this channel cannot be read back".to_owned(),
        next_at: if newer { Some(now) } else { strays.map(|_| Millis(listing.unsure_until)) },
        live: listing.sent_minor.map(|minor| (minor, now)),
        tries: 0,
        finish,
        fact,
        ..Change::none(listing)
    }
}

fn failed(listing: &Listing, error: &ChannelError, policy: &Policy, now: Millis) -> Change {
    let newer = listing.desired_seq > listing.sent_seq;
    let finish = |outcome| Some((outcome, error.message.clone()));
    match error.class {
        Class::Retry { after_ms } => {
            let wait = after_ms.unwrap_or(0).max(wait(policy, listing));
            again(listing, policy, now, wait, error, finish("retry"))
        }
        Class::Refused | Class::Forbidden | Class::Gone => Change {
            state: "intended",
            reason: error.message.clone(),
            // The channel's own recovery wakes its listings.
            next_at: None,
            tries: 0,
            finish: finish("refused"),
            ..Change::none(listing)
        },
        Class::Rejected if newer => Change {
            state: "intended",
            reason: String::new(),
            next_at: Some(now),
            finish: finish("rejected"),
            ..Change::none(listing)
        },
        Class::Rejected => Change {
            state: "rejected",
            reason: error.message.clone(),
            next_at: None,
            finish: finish("rejected"),
            ..Change::none(listing)
        },
        Class::Unknown if policy.readable => Change {
            state: "unknown",
            reason: error.message.clone(),
            next_at: Some(now.plus(policy.verify_after)),
            reads: 0,
            unsure_until: policy.unsure_until(listing),
            finish: finish("unknown"),
            fact: listing.sent_minor.map(|minor| (minor, "unknown")),
            ..Change::none(listing)
        },
        Class::Unknown if policy.idempotent => {
            again(listing, policy, now, wait(policy, listing), error, finish("unknown"))
        }
        Class::Unknown => Change {
            state: "parked",
            unsure_until: policy.unsure_until(listing),
            reason: format!("{}; it can neither be read back nor sent twice", error.message),
            next_at: None,
            finish: finish("unknown"),
            fact: listing.sent_minor.map(|minor| (minor, "unknown")),
            ..Change::none(listing)
        },
    }
}

/// Where it is not the whole channel's matter, the attempt is noted as forbidden: the next one is judged by it.
fn forbidden(listing: &Listing, sake: Sake, error: &ChannelError, policy: &Policy, now: Millis) -> Change {
    let (class, message, outcome) = match sake {
        Sake::Listing => {
            (Class::Rejected, Sentence::ForbidsThisOne.with(&[("why", &error.message)]), progress::FORBIDDEN_ALONE)
        }
        Sake::Unclear => (Class::Retry { after_ms: None }, error.message.clone(), progress::FORBIDDEN),
        Sake::Channel => return failed(listing, error, policy, now),
    };
    let change = failed(listing, &ChannelError { class, message }, policy, now);
    Change { finish: Some((outcome, error.message.clone())), ..change }
}

fn again(
    listing: &Listing,
    policy: &Policy,
    now: Millis,
    wait: i64,
    error: &ChannelError,
    finish: Option<(&'static str, String)>,
) -> Change {
    let unknown = error.class == Class::Unknown;
    if listing.tries >= policy.give_up_after {
        let reason = format!("given up after {} tries: {}", listing.tries, error.message);
        return Change { state: "parked", reason, next_at: None, finish, ..Change::none(listing) };
    }
    Change {
        // What may have arrived stays unknown until the same number is sent again.
        state: if unknown { "unknown" } else { "intended" },
        reason: error.message.clone(),
        next_at: Some(now.plus(wait)),
        unsure_until: if unknown { policy.unsure_until(listing) } else { listing.unsure_until },
        finish,
        fact: unknown.then_some(listing.sent_minor).flatten().map(|minor| (minor, "unknown")),
        ..Change::none(listing)
    }
}

fn read(listing: &Listing, seen: Option<&Shown>, policy: &Policy, now: Millis) -> Change {
    let newer = listing.desired_seq > listing.sent_seq;
    let in_flight = in_flight(listing);
    // Until nothing that was sent can come to show any more, a look at what waits proves nothing.
    let quiet_at = listing.unsure_until.max(listing.sent_at.unwrap_or(0).saturating_add(2 * policy.settle_within));
    let waits = listing.state == "held";
    // Nor does its absence: the write that was never seen may have taken it away, and the next one puts it back.
    let away = seen.is_none() && !in_flight && (waits || listing.maybe().is_some());
    if away || (waits && now.0 < quiet_at) {
        let same = Change::none(listing);
        // What was proved and is away is sent again: looking on would never end.
        let state = if same.state == "verified" { "intended" } else { same.state };
        return Change { state, next_at: Some(now), reads: 1, ..same };
    }
    let Some(seen) = seen else {
        let base = Change { read: Some(("absent", String::new())), ..Change::none(listing) };
        // A listing that our push puts there: absent only means not applied (yet).
        if in_flight && (listing.live_minor.is_none() || policy.puts_back) {
            return missed(listing, None, policy, now, base);
        }
        let reason = "the channel does not have this listing".to_owned();
        return Change { state: "rejected", reason, next_at: None, ..base };
    };
    let live = Some((seen.minor, now));
    let begun = listing.begun_with(seen.minor, now) && seen.proves(listing.staged_minor, listing.sent_minor);
    let took_over = begun && !in_flight && listing.desired_minor == listing.staged_minor;
    let equal = if in_flight {
        begun || seen.proves(listing.sent_minor, listing.sent_regular_minor)
    } else {
        // Not sent yet: what would be crossed out is only known at the door, or was staged there before.
        took_over || seen.proves(listing.desired_minor, None)
    };
    // What was sent and is shown shuts out everything older, where the channel goes by numbers.
    let fenced = policy.ordered && equal && in_flight;
    let strays = strays(listing, now).filter(|_| !fenced);
    let base = Change {
        live,
        unsure_until: if fenced { 0 } else { listing.unsure_until },
        read: Some((if equal { "equal" } else { "different" }, String::new())),
        ..Change::none(listing)
    };
    match (equal, in_flight) {
        (true, true) if newer => Change {
            state: "intended",
            reason: String::new(),
            next_at: Some(now),
            verified_seq: listing.sent_seq,
            maybe: strays,
            tries: 0,
            reads: 0,
            finish: Some(("applied", String::new())),
            fact: Some((seen.minor, "verified")),
            ..base
        },
        (true, _) => Change {
            state: "verified",
            reason: String::new(),
            next_at: strays.map(|_| Millis(listing.unsure_until)),
            verified_seq: if in_flight { listing.sent_seq } else { listing.desired_seq },
            maybe: strays,
            tries: 0,
            reads: 0,
            finish: in_flight.then(|| ("applied", String::new())),
            fact: Some((seen.minor, "verified")),
            took_over,
            ..base
        },
        // Not sent yet: somebody changed the channel since we last looked, so it has to be sent after all.
        (false, false) => {
            let maybe = if waits { strays } else { base.maybe };
            Change { state: "intended", next_at: Some(now), reads: 1, maybe, ..base }
        }
        (false, true) => match seen.why_not(listing, policy, now) {
            Some(why) if !newer => Change {
                state: "rejected",
                reason: why.clone(),
                next_at: None,
                finish: Some(("rejected", why.clone())),
                fact: Some((seen.minor, "verified")),
                ..base
            },
            _ => missed(listing, Some(seen), policy, now, base),
        },
    }
}

/// What was seen replaces every earlier price, unless one of them may still land.
fn strays(listing: &Listing, now: Millis) -> Option<(i64, i64)> {
    listing.maybe().filter(|_| now.0 < listing.unsure_until)
}

/// The wait before the next look at what the channel took and does not show yet.
fn next_read(reads: i64, policy: &Policy) -> i64 {
    (policy.verify_after.max(1) << reads.min(10)).min(policy.settle_within / 2 + 1)
}

/// Whether what was sent has had its time to show.
fn settled(listing: &Listing, policy: &Policy, now: Millis) -> bool {
    now.since(listing.sent_at.map_or(now, Millis)) >= policy.settle_within
}

/// A read that does not show what was sent; `seen` is what it shows, if anything.
fn missed(listing: &Listing, seen: Option<&Shown>, policy: &Policy, now: Millis, base: Change) -> Change {
    let reads = listing.reads + 1;
    let fact = seen.map(|seen| (seen.minor, "verified"));
    let cut_short = |after| shortened(listing, seen?).filter(|_| listing.tries >= after);
    let rejected = |base: Change, reason: String| {
        let finish = Some(("rejected", reason.clone()));
        Change { state: "rejected", reason, next_at: None, reads, finish, fact, ..base }
    };
    let wait = policy.verify_after.max(1) << reads.min(10);
    if matches!(listing.state.as_str(), "sent" | "unknown") {
        // Also when a worker died before it could write down that the outcome is unknown.
        let base = Change { unsure_until: policy.unsure_until(listing), ..base };
        if reads < MISSES_BEFORE_RESEND {
            return Change { state: "unknown", next_at: Some(now.plus(wait)), reads, ..base };
        }
        if let Some(reason) = cut_short(PUSHES_BEFORE_LIE) {
            return rejected(base, reason);
        }
        if listing.tries >= policy.give_up_after {
            let reason = format!("given up after {} tries whose outcome the channel never showed", listing.tries);
            return Change { state: "parked", reason, next_at: None, reads, ..base };
        }
        let reason = "the push did not arrive".to_owned();
        let finish = Some(("not applied", String::new()));
        let maybe = listing.maybe_with_sent();
        return Change { state: "intended", reason, next_at: Some(now), reads, maybe, finish, fact, ..base };
    }
    if !settled(listing, policy, now) {
        return Change { state: "accepted", next_at: Some(now.plus(next_read(reads, policy))), reads, ..base };
    }
    if let Some(reason) = cut_short(PUSHES_BEFORE_SHORT) {
        return rejected(base, reason);
    }
    if listing.tries < PUSHES_BEFORE_LIE {
        let reason = "acknowledged but not shown; sent again".to_owned();
        let maybe = listing.maybe_with_sent();
        return Change { state: "intended", reason, next_at: Some(now), reads, maybe, fact, ..base };
    }
    let reason = format!("the channel acknowledges and does not change ({} times)", listing.tries);
    Change { state: "parked", reason, next_at: None, reads, fact, ..base }
}

/// What is told of a channel that keeps fewer decimals of a net price, or of what it crosses out, than it was sent: sent
/// again it would be cut short again.
fn shortened(listing: &Listing, seen: &Shown) -> Option<String> {
    let cut = |shown: Option<i64>, sent: Option<i64>| {
        let (shown, sent) = (listing.price(shown?).ok()?, listing.price(sent?).ok()?);
        let hint = Sentence::HintNetDecimals.with(&[("channel", &listing.channel)]);
        let told = || Sentence::KeepsFewer.with(&[("shown", &shown), ("sent", &sent), ("hint", &hint)]);
        shown.is_shortened(sent).then(told)
    };
    let regular = || cut(seen.regular.flatten(), listing.sent_regular_minor);
    cut(Some(seen.minor), listing.sent_minor).or_else(regular).filter(|_| listing.desired_seq == listing.sent_seq)
}

/// A listing that needs nothing now must not be looked at again at once.
fn rested(listing: &Listing, policy: &Policy, now: Millis) -> Change {
    let stuck = matches!(listing.state.as_str(), "sent" | "unknown");
    if stuck && !policy.readable && !policy.idempotent {
        let reason = "a push was cut off; it can neither be read back nor sent twice".to_owned();
        return Change {
            state: "parked",
            reason,
            next_at: None,
            finish: Some(("unknown", String::new())),
            ..Change::none(listing)
        };
    }
    if let Some(until) = waits_for_stray(listing, policy, now) {
        return Change { next_at: Some(until), ..Change::none(listing) };
    }
    if listing.state == "unverified" {
        return Change { next_at: None, maybe: strays(listing, now), ..Change::none(listing) };
    }
    // What it was to rest for may be over by now; nobody else would take it up again.
    if listing.state != "held" && plan(listing, policy, now) != Plan::Rest {
        return Change { next_at: Some(now), ..Change::none(listing) };
    }
    let waits = listing.state == "held" && listing.desired_minor.is_some();
    Change { next_at: waits.then(|| now.plus(wait(policy, listing))), ..Change::none(listing) }
}

/// The wait before the next try, plus up to a fifth that depends on the listing alone.
fn wait(policy: &Policy, listing: &Listing) -> i64 {
    let index = usize::try_from((listing.tries - 1).max(0)).unwrap_or(0).min(policy.retry.len().saturating_sub(1));
    let wait = policy.retry.get(index).copied().unwrap_or(Millis::MINUTE);
    wait + wait / 5 * (listing.id.rem_euclid(10)) / 10
}

#[cfg(test)]
mod tests;
