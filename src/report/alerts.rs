//! The lifecycle of alerts, after the model of Alertmanager: raised, collected in groups, told, repeated, resolved and
//! armed again. Pure: events, silences and what was told go in, messages and what is told now come out.
//!
//! Only what a person must act on before the next digest is an alert (SEMANTICS 6.3); all else waits for the digest.

mod plan;

pub use plan::{Body, Draft, EARLY, Item, Plan, Situation, Target, plan};

use super::lang::Kind;
use crate::clock::Millis;
use crate::store::alerts::Silence;
use crate::store::events::Event;

/// What an alert of a kind is grouped by, besides its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Channel,
    Competitor,
    Product,
    Nothing,
}

/// When a kind of event is an alert, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// False: it waits for the digest.
    pub immediate: bool,
    /// Told again after this many milliseconds while it lasts.
    pub repeat: Option<i64>,
    pub about: About,
}

const fn at_once(repeat_hours: i64, about: About) -> Rule {
    let repeat = if repeat_hours == 0 { None } else { Some(repeat_hours * Millis::HOUR) };
    Rule { immediate: true, repeat, about }
}

/// The table of SEMANTICS 6.3. The limit of drift and the grace of lateness are held by whoever raises or plans.
#[must_use]
pub const fn rule(kind: Kind) -> Rule {
    match kind {
        Kind::FloorLive | Kind::AdvertBelow => at_once(1, About::Channel),
        Kind::HeldAtDoor
        | Kind::ChannelStopped
        | Kind::ChannelRefused
        | Kind::ChannelUnreachable
        | Kind::ChannelLate => at_once(4, About::Channel),
        Kind::ParityBelowGoal | Kind::Drift | Kind::TwoWriters => at_once(4, About::Channel),
        Kind::NothingFetched => at_once(4, About::Nothing),
        Kind::PriceWar | Kind::Spiral | Kind::FlipFlop | Kind::OwnRise => at_once(24, About::Competitor),
        Kind::KviUndercut => at_once(24, About::Product),
        Kind::CompetitorUnreachable | Kind::CompetitorSuspended => at_once(24, About::Competitor),
        Kind::InputStale | Kind::CostStale | Kind::RulesBroken => at_once(12, About::Nothing),
        Kind::CampaignFailed => Rule { immediate: true, repeat: Some(15 * Millis::MINUTE), about: About::Channel },
        Kind::RunHeld | Kind::Paused => at_once(0, About::Nothing),
        Kind::MatchReview => Rule { immediate: false, repeat: None, about: About::Competitor },
        Kind::ListingLost | Kind::ListingParked | Kind::PriceRejected | Kind::OrderBroken | Kind::Other => {
            Rule { immediate: false, repeat: None, about: About::Channel }
        }
    }
}

/// The name of the group that an event belongs to.
#[must_use]
pub fn group(event: &Event) -> String {
    let about = match rule(Kind::of(&event.kind)).about {
        About::Channel => event.channel.as_deref(),
        About::Competitor => event.competitor.as_deref(),
        About::Product => event.sku.as_deref(),
        About::Nothing => None,
    };
    format!("{}/{}", event.kind, about.unwrap_or_default())
}

/// The open event that makes telling another one pointless: what it causes need not be told beside it.
#[must_use]
pub fn inhibitor<'a>(event: &Event, open: &'a [Event]) -> Option<&'a Event> {
    let kind = Kind::of(&event.kind);
    let same = |own: Option<&String>, other: Option<&String>| own.is_some() && own == other;
    open.iter().filter(|other| other.resolved_at.is_none() && other.dedupe != event.dedupe).find(|other| {
        match Kind::of(&other.kind) {
            Kind::ChannelUnreachable | Kind::ChannelRefused => {
                let caused = [
                    Kind::ChannelLate,
                    Kind::Drift,
                    Kind::ParityBelowGoal,
                    Kind::ListingParked,
                    Kind::ListingLost,
                    Kind::PriceRejected,
                ];
                caused.contains(&kind) && same(event.channel.as_ref(), other.channel.as_ref())
            }
            Kind::CompetitorUnreachable | Kind::CompetitorSuspended => {
                let caused = [Kind::KviUndercut, Kind::PriceWar];
                caused.contains(&kind) && same(event.competitor.as_ref(), other.competitor.as_ref())
            }
            Kind::NothingFetched => kind == Kind::CompetitorUnreachable,
            // The kill switch explains everything but a price that loses money while customers can buy at it.
            Kind::Paused => !matches!(kind, Kind::Paused | Kind::FloorLive),
            _ => false,
        }
    })
}

/// The silence that covers an event.
#[must_use]
pub fn silenced<'a>(event: &Event, silences: &'a [Silence], now: Millis) -> Option<&'a Silence> {
    let fits = |wanted: &Option<String>, own: Option<&str>| wanted.as_deref().is_none_or(|wanted| Some(wanted) == own);
    silences.iter().filter(|silence| silence.ends_at > now.0).find(|silence| {
        fits(&silence.kind, Some(&event.kind))
            && fits(&silence.channel, event.channel.as_deref())
            && fits(&silence.competitor, event.competitor.as_deref())
            && fits(&silence.sku, event.sku.as_deref())
    })
}

/// Why an open event is, or is not, an alert: what `omniprice alert list` shows.
#[must_use]
pub fn standing(event: &Event, open: &[Event], silences: &[Silence], now: Millis, drift_above: i64) -> String {
    if let Some(silence) = silenced(event, silences, now) {
        return format!("silenced by {} until {}", silence.owner, Millis(silence.ends_at));
    }
    if let Some(other) = inhibitor(event, open) {
        return format!("covered by {}", other.kind);
    }
    if !rule(Kind::of(&event.kind)).immediate || few_drifts(event, open, drift_above) {
        return "waits for the digest".to_owned();
    }
    "alert".to_owned()
}

/// A few prices that somebody changed by hand are for the digest; many are somebody's tool.
#[must_use]
pub fn few_drifts(event: &Event, open: &[Event], above: i64) -> bool {
    if Kind::of(&event.kind) != Kind::Drift {
        return false;
    }
    let same = |other: &&Event| {
        other.resolved_at.is_none() && Kind::of(&other.kind) == Kind::Drift && other.channel == event.channel
    };
    i64::try_from(open.iter().filter(same).count()).unwrap_or(i64::MAX) <= above
}

#[cfg(test)]
mod tests;
