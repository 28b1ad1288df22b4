//! What people are told about a channel and its listings: one wording for the stage that sees it happen and for the
//! detector that finds it in the state, where a crash, or a person who closed the event too early, left it untold.

use crate::sentence::{self, Part, Sentence};
use crate::store::events::Raise;

/// The key of the event about a channel that too much was about to move on.
#[must_use]
pub fn stopped_key(channel: &str) -> String {
    format!("fleet/{channel}")
}

/// The key of the event about a channel that takes no prices.
#[must_use]
pub fn refused_key(channel: &str) -> String {
    format!("channel-refused/{channel}")
}

/// Too much was about to move at once.
#[must_use]
pub fn stopped(channel: &str, why: &str) -> Raise {
    of_channel(
        "fleet_breaker",
        stopped_key(channel),
        channel,
        format!("{channel} is stopped: {why}"),
        format!("omniprice channel resume {channel} --why \"...\""),
    )
}

/// A channel refuses our credentials.
#[must_use]
pub fn refused(channel: &str, reason: &str) -> Raise {
    of_channel(
        "channel_refused",
        refused_key(channel),
        channel,
        format!("{channel} takes no prices: {reason}"),
        format!("omniprice channel test {channel}"),
    )
}

/// The key of the event about a channel that was not compared to its end.
#[must_use]
pub fn not_compared_key(channel: &str) -> String {
    format!("not-compared/{channel}")
}

/// A look at a whole channel did not come to its end.
#[must_use]
pub fn not_compared(channel: &str, why: &str) -> Raise {
    unread(channel, Sentence::NotCompared.with(&[("channel", &channel), ("why", &why)]))
}

/// Listings that a whole look could not see, of all that it looked for, and why the first of them.
#[must_use]
pub fn not_readable(channel: &str, n: usize, all: usize, why: &str) -> Raise {
    unread(channel, Sentence::NotReadable.with(&[("channel", &channel), ("n", &n), ("all", &all), ("why", &why)]))
}

fn unread(channel: &str, message: String) -> Raise {
    let hint = format!("omniprice verify {channel} --dry-run");
    Raise { severity: "warning", ..of_channel("not_compared", not_compared_key(channel), channel, message, hint) }
}

fn of_channel(kind: &'static str, dedupe: String, channel: &str, message: String, hint: String) -> Raise {
    let (severity, channel) = ("critical", Some(channel.to_owned()));
    Raise { kind, severity, dedupe, product_id: None, channel, competitor: None, message, hint }
}

/// A listing whose price was rejected, is not shown or was held at the door, and why; nothing for any other state.
#[must_use]
pub fn listing(channel: &str, product_id: i64, state: &str, reason: &str) -> Option<Raise> {
    let key = listing_key(channel, product_id);
    let attempts = "omniprice explain SKU shows every attempt";
    let (kind, severity, dedupe, message, hint) = match state {
        "rejected" => ("price_rejected", "warning", key, format!("{channel} rejects the price: {reason}"), attempts),
        "parked" => {
            ("listing_parked", "warning", key, format!("{channel} does not show the price: {reason}"), attempts)
        }
        "held" => {
            let message = Sentence::NotSent.with(&[("channel", &channel), ("why", &reason)]);
            let (kind, severity, key) = match at_door(reason) {
                kind @ "held_at_door" => (kind, "critical", door_key(channel, product_id)),
                kind => (kind, "warning", not_sent_key(channel, product_id)),
            };
            (kind, severity, key, message, "omniprice explain SKU")
        }
        _ => return None,
    };
    let (channel, hint) = (Some(channel.to_owned()), hint.to_owned());
    Some(Raise { kind, severity, dedupe, product_id: Some(product_id), channel, competitor: None, message, hint })
}

/// The kind of event that a reason to hold a listing is: only a price below its floor would lose money, had it gone out.
#[must_use]
pub fn at_door(reason: &str) -> &'static str {
    match sentence::find(reason).map(|found| found.sentence) {
        Some(Sentence::BelowTodaysFloor | Sentence::BelowFloorAtDoor) => "held_at_door",
        _ => "not_sent",
    }
}

/// Whether a price is not sent for want of exchange rates, which are told by themselves.
#[must_use]
pub fn wants_rates(message: &str) -> bool {
    let said = |name: &str, found: sentence::Found| {
        found.parts.into_iter().find_map(|(known, part)| match part {
            Part::Said(why) if known == name => Some(why),
            _ => None,
        })
    };
    // What follows an error is a hint for whoever mends it, and no part of the sentence.
    let message = message.split("\n  hint:").next().unwrap_or(message);
    let why = sentence::find(message).filter(|found| found.sentence == Sentence::NotSent).and_then(|f| said("why", f));
    let cause = why.and_then(|why| sentence::find(&why)).map(|found| found.sentence);
    matches!(cause, Some(Sentence::NoRatesFor | Sentence::NoRatesBetween | Sentence::NoRateOn | Sentence::RatesAwaited))
}

/// A listing that shows another price than the one that we proved. Both are as a person reads them.
#[must_use]
pub fn drift(channel: &str, product_id: i64, shown: &str, proved: &str) -> Raise {
    let message = Sentence::ShowsInstead.with(&[("channel", &channel), ("shown", &shown), ("proved", &proved)]);
    let hint = Sentence::HintDrift.with(&[("channel", &channel)]);
    of_listing("drift", "warning", drift_key(channel, product_id), channel, product_id, message, hint)
}

/// A listing that a channel does not have any more, or has in another currency.
#[must_use]
pub fn lost(channel: &str, product_id: i64, external: &str, shown: &str) -> Raise {
    let message = Sentence::ShowsForListing.with(&[("channel", &channel), ("shown", &shown), ("external", &external)]);
    let (key, hint) = (format!("listing_lost/{channel}/{product_id}"), format!("omniprice channel test {channel}"));
    of_listing("listing_lost", "warning", key, channel, product_id, message, hint)
}

/// A listing whose price somebody else keeps changing.
#[must_use]
pub fn two_writers(channel: &str, product_id: i64, shown: &str) -> Raise {
    let message = Sentence::KeepsChanging.with(&[("channel", &channel), ("shown", &shown)]);
    let hint = Sentence::HintOtherTool.with(&[("channel", &channel)]);
    of_listing("two_writers", "critical", two_writers_key(channel, product_id), channel, product_id, message, hint)
}

/// A drifted listing that nobody is told of: what it shows is in its reason.
#[must_use]
pub fn drifted(channel: &str, product_id: i64, external: &str, reason: &str) -> Option<Raise> {
    let found = sentence::find(reason)?;
    let said = |name: &str| {
        let part = found.parts.iter().find(|(known, _)| *known == name).map(|(_, part)| part);
        if let Some(Part::Said(said)) = part { Some(said.as_str()) } else { None }
    };
    match found.sentence {
        Sentence::ShownInstead => Some(drift(channel, product_id, said("shown")?, said("proved")?)),
        Sentence::Shown => Some(lost(channel, product_id, external, said("shown")?)),
        _ => None,
    }
}

fn of_listing(
    kind: &'static str,
    severity: &'static str,
    dedupe: String,
    channel: &str,
    product_id: i64,
    message: String,
    hint: String,
) -> Raise {
    let (product_id, channel) = (Some(product_id), Some(channel.to_owned()));
    Raise { kind, severity, dedupe, product_id, channel, competitor: None, message, hint }
}

/// The key of the event about a price that somebody else changed.
#[must_use]
pub fn drift_key(channel: &str, product_id: i64) -> String {
    format!("drift/{channel}/{product_id}")
}

/// The key of the event about a price that somebody else keeps changing.
#[must_use]
pub fn two_writers_key(channel: &str, product_id: i64) -> String {
    format!("two_writers/{channel}/{product_id}")
}

/// The key of the event about a price that a channel rejects or does not show.
#[must_use]
pub fn listing_key(channel: &str, product_id: i64) -> String {
    format!("listing/{channel}/{product_id}")
}

/// The key of the event about a price that is not sent, though it is not below its floor.
#[must_use]
pub fn not_sent_key(channel: &str, product_id: i64) -> String {
    format!("not-sent/{channel}/{product_id}")
}

/// The key of the event about a price below its floor that was held at the door.
#[must_use]
pub fn door_key(channel: &str, product_id: i64) -> String {
    format!("door/{channel}/{product_id}")
}
