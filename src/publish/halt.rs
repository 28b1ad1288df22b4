//! When a whole channel may not work: it refuses us, it wants never to be called again, or too much moves at once.

use super::fleet::trips;
use super::lane::Lane;
use super::{notice, reading};
use crate::channel::{ChannelError, Class, Probe};
use crate::clock::Millis;
use crate::store::{Db, StoreError, channels, events, fleet, settings, unread};

/// A refused channel is tried at distances that grow from this...
const TRY_AFTER: i64 = 5 * Millis::MINUTE;
/// ...to this: a mended key needs neither a restart nor a person, and one that was revoked is not hammered for months.
const TRY_WITHIN: i64 = Millis::HOUR;
/// Listings woken for a trial: the doors of some may be shut just now, and one may be refused for a reason of its own.
const WOKEN: i64 = 20;

/// What a lane may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    No,
    Yes,
    /// It was a write that was refused, so that only a write can show that it is mended: one listing is tried.
    Trial {
        /// Since when the channel refuses us.
        since: Millis,
    },
}

/// What was refused when a channel refused us, since only the same can show that it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Read,
    Write,
    /// It asks never to be called again.
    Gone,
}

impl Refusal {
    /// What an error says about the channel as a whole; nothing, if it speaks of one price.
    #[must_use]
    pub const fn of(class: Class, wrote: bool) -> Option<Self> {
        match class {
            Class::Gone => Some(Self::Gone),
            Class::Refused | Class::Forbidden if wrote => Some(Self::Write),
            Class::Refused | Class::Forbidden => Some(Self::Read),
            Class::Retry { .. } | Class::Rejected | Class::Unknown => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Gone => "gone",
        }
    }
}

fn refusal_key(channel: &str) -> String {
    format!("refusal/{channel}")
}

/// What a refused channel refused.
///
/// # Errors
/// The store's.
pub async fn refusal(db: &Db, channel: &str) -> Result<Refusal, StoreError> {
    let known = settings::get(db, &refusal_key(channel)).await?;
    Ok(match known.as_ref().map(|known| known.value.as_str()) {
        Some("write") => Refusal::Write,
        Some("gone") => Refusal::Gone,
        _ => Refusal::Read,
    })
}

/// Whether the lane may work. A channel that refused a read works again after a read that it answers, one that refused a
/// write after a write that it took; both are tried at growing distances, at least every hour. One that is gone works again
/// only when a person says so.
///
/// # Errors
/// The store's.
pub async fn open(db: &Db, lane: &Lane, now: Millis) -> Result<Open, StoreError> {
    let state = channels::list(db).await?.into_iter().find(|row| row.name == lane.name);
    let Some(state) = state.filter(|row| row.state != "ok") else {
        return Ok(if brake(db, lane, now).await? { Open::Yes } else { Open::No });
    };
    if state.state == "breaker" {
        return Ok(Open::No);
    }
    let lasted = now.since(Millis(state.since));
    let refusal = refusal(db, &lane.name).await?;
    if refusal == Refusal::Gone {
        return Ok(Open::No);
    }
    let distance = (lasted / 2).clamp(TRY_AFTER, TRY_WITHIN);
    let (probe, owner) = (format!("probe/{}", lane.name), "lane".to_owned());
    let (until, due) = (now.plus(Millis::MINUTE), now.plus(-distance));
    if lasted < TRY_AFTER || !settings::take_duty(db, probe.clone(), owner.clone(), now, until, due).await? {
        return Ok(Open::No);
    }
    let look = lane.channel.probe().await;
    settings::end_duty(db, probe, owner, Some(now)).await?;
    if let Err(error) = &look
        && error.class == Class::Gone
    {
        refuse(db, lane, Refusal::Gone, error.message.clone(), now).await?;
        return Ok(Open::No);
    }
    // A look can fail, or find a problem, for reasons that have nothing to do with the refusal: a clock that is wrong, a
    // right that only the look needs. Then what was refused is tried all the same, only later.
    if look.is_err() && distance < TRY_WITHIN {
        return Ok(Open::No);
    }
    if refusal == Refusal::Write {
        channels::wake(db, lane.name.clone(), WOKEN, now).await?;
        return Ok(Open::Trial { since: Millis(state.since) });
    }
    if !answers(db, lane, &look).await? {
        return Ok(Open::No);
    }
    mended(db, lane, now).await?;
    Ok(Open::Yes)
}

/// Whether a channel that refused a read can be read again: only a read shows it, for a look may need less. One that has
/// nothing to read is believed after a look without problems.
async fn answers(db: &Db, lane: &Lane, look: &Result<Probe, ChannelError>) -> Result<bool, StoreError> {
    if unread::references(db, &lane.name, 1).await?.is_empty() {
        return Ok(look.as_ref().is_ok_and(|look| look.problems.is_empty()));
    }
    Ok(reading::another(db, lane, &[]).await? == Ok(true))
}

/// The channel takes prices again: its listings go on and the incident is over.
///
/// # Errors
/// The store's.
pub async fn mended(db: &Db, lane: &Lane, now: Millis) -> Result<(), StoreError> {
    channels::set_state(db, lane.name.clone(), "ok", String::new(), now).await?;
    events::resolve(db, notice::refused_key(&lane.name), now).await?;
    tracing::info!(channel = lane.name, "channel {} takes our prices again", lane.name);
    Ok(())
}

/// Stops a channel that refuses us. One that is stopped already keeps its first instant and its first reason, unless it
/// now asks never to be called again.
///
/// # Errors
/// The store's.
pub async fn refuse(db: &Db, lane: &Lane, by: Refusal, reason: String, now: Millis) -> Result<(), StoreError> {
    let stopped = channels::list(db).await?.iter().any(|row| row.name == lane.name && row.state == "refused");
    if !stopped || by == Refusal::Gone {
        let (key, value) = (refusal_key(&lane.name), by.as_str().to_owned());
        settings::set(db, key, value, "lane".to_owned(), reason.clone(), now).await?;
    }
    if !channels::set_state(db, lane.name.clone(), "refused", reason.clone(), now).await? {
        return Ok(());
    }
    tracing::error!(channel = lane.name, "channel {} refuses us: {reason}", lane.name);
    events::raise(db, notice::refused(&lane.name, &reason), now).await.map(drop)
}

/// Name of the note that a person let a stopped channel go on, with the instant until which it may.
#[must_use]
pub fn released_key(channel: &str) -> String {
    format!("fleet/{channel}")
}

/// Stops the whole channel when too much moves within an hour; true if it may work. What a person let through does not
/// count afterwards.
async fn brake(db: &Db, lane: &Lane, now: Millis) -> Result<bool, StoreError> {
    // It looks at every listing of the channel; a lane without work asks far too often for that.
    if !fleet::anything_due(db, &lane.name, now).await? {
        return Ok(true);
    }
    let released = settings::get(db, &released_key(&lane.name)).await?;
    let released = released.and_then(|until| until.value.parse::<i64>().ok()).unwrap_or(0);
    if now.0 < released {
        return Ok(true);
    }
    let since = Millis(released.max(now.0 - fleet::MOVES_COUNT_FOR));
    let Some(why) = trips(fleet::moving(db, &lane.name, since).await?, lane.brake) else { return Ok(true) };
    if channels::set_state(db, lane.name.clone(), "breaker", why.clone(), now).await? {
        tracing::error!(channel = lane.name, "channel {} is stopped: {why}", lane.name);
        events::raise(db, notice::stopped(&lane.name, &why), now).await?;
    }
    Ok(false)
}
