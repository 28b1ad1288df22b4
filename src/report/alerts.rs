//! The lifecycle of alerts, after the model of Alertmanager: raised, collected in groups, told, repeated, resolved and
//! armed again. Pure: events, silences and what was told go in, messages and what is told now come out.
//!
//! Only what a person must act on before the next digest is an alert (SEMANTICS 6.3); all else waits for the digest.

mod plan;

pub use plan::{Body, Draft, EARLY, Item, Plan, Situation, Target, plan};

use std::collections::BTreeMap;

use super::lang::Kind;
use crate::clock::Millis;
use crate::publish::notice;
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

impl Rule {
    /// Milliseconds between two messages of a group. What never repeats is an act of its own each time, and never waits
    /// for the message about the one before.
    #[must_use]
    pub fn pace(self, group_every: i64) -> i64 {
        self.repeat.map_or(0, |repeat| repeat.min(group_every))
    }
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
        Kind::MailRefused => at_once(24, About::Nothing),
        // It was decided once; nothing about it changes until somebody plans anew.
        Kind::CampaignChanged => at_once(0, About::Nothing),
        Kind::CampaignFailed => Rule { immediate: true, repeat: Some(15 * Millis::MINUTE), about: About::Channel },
        Kind::RunHeld | Kind::Paused => at_once(0, About::Nothing),
        Kind::MatchReview => Rule { immediate: false, repeat: None, about: About::Competitor },
        Kind::NotSent
        | Kind::NotCompared
        | Kind::ListingLost
        | Kind::ListingParked
        | Kind::PriceRejected
        | Kind::OrderBroken
        | Kind::Other => Rule { immediate: false, repeat: None, about: About::Channel },
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

/// What is open besides an event, looked up once for all of them: the causes that make telling their effects pointless,
/// and how many prices somebody else changed on each channel.
#[derive(Debug, Default)]
pub struct Surroundings<'a> {
    /// Channels that cannot be reached or written to, or were stopped.
    stuck: BTreeMap<&'a str, &'a Event>,
    /// Competitors whose site does not answer or is not believed.
    silent: BTreeMap<&'a str, &'a Event>,
    /// Price wars by product and competitor.
    wars: BTreeMap<(Option<&'a str>, &'a str), &'a Event>,
    nothing_fetched: Option<&'a Event>,
    stale_rates: Option<&'a Event>,
    paused: Option<&'a Event>,
    drifts: BTreeMap<Option<&'a str>, i64>,
}

impl<'a> Surroundings<'a> {
    /// Of all events; those that are over cover nothing.
    #[must_use]
    pub fn of(events: &'a [Event]) -> Self {
        let mut found = Self::default();
        for event in events.iter().filter(|event| event.resolved_at.is_none()) {
            match (Kind::of(&event.kind), event.channel.as_deref(), event.competitor.as_deref()) {
                (Kind::ChannelUnreachable | Kind::ChannelRefused | Kind::ChannelStopped, Some(channel), _) => {
                    found.stuck.entry(channel).or_insert(event);
                }
                (Kind::CompetitorUnreachable | Kind::CompetitorSuspended, _, Some(competitor)) => {
                    found.silent.entry(competitor).or_insert(event);
                }
                (Kind::NothingFetched, ..) => found.nothing_fetched = Some(event),
                (Kind::InputStale, ..) if event.kind == "fx_stale" => found.stale_rates = Some(event),
                (Kind::Paused, ..) => found.paused = Some(event),
                (Kind::PriceWar, _, Some(competitor)) if event.kind == "price_war" => {
                    found.wars.insert((event.sku.as_deref(), competitor), event);
                }
                (Kind::Drift, channel, _) => *found.drifts.entry(channel).or_default() += 1,
                _ => {}
            }
        }
        found
    }

    /// The open event that makes telling another one pointless: what it causes need not be told beside it.
    #[must_use]
    pub fn inhibitor(&self, event: &Event) -> Option<&'a Event> {
        let kind = Kind::of(&event.kind);
        let cause = match kind {
            Kind::ChannelLate
            | Kind::Drift
            | Kind::ParityBelowGoal
            | Kind::ListingParked
            | Kind::ListingLost
            | Kind::NotCompared
            | Kind::PriceRejected => event.channel.as_deref().and_then(|channel| self.stuck.get(channel)).copied(),
            // The one that stands still is told as long as it does, and nobody can mend its price before it moves again.
            Kind::AdvertBelow => pair(event).into_iter().flatten().find_map(|channel| self.stuck.get(channel)).copied(),
            // A war is noted by whoever answers it, and told as what it is to both sides.
            Kind::PriceWar if event.kind == "rivalry" && self.war(event).is_some() => self.war(event),
            Kind::KviUndercut | Kind::PriceWar => {
                event.competitor.as_deref().and_then(|competitor| self.silent.get(competitor)).copied()
            }
            Kind::CompetitorUnreachable => self.nothing_fetched,
            Kind::NotSent if notice::wants_rates(&event.message) => self.stale_rates,
            _ => None,
        };
        // The kill switch explains everything but a price that loses money while customers can buy at it.
        cause.or_else(|| self.paused.filter(|_| !matches!(kind, Kind::Paused | Kind::FloorLive)))
    }

    /// The open war that an event is about, too.
    fn war(&self, event: &Event) -> Option<&'a Event> {
        let of = (event.sku.as_deref(), event.competitor.as_deref()?);
        (Kind::told(&event.kind, &event.message) == Kind::PriceWar).then(|| self.wars.get(&of).copied())?
    }

    /// A few prices that somebody changed by hand are for the digest; many are somebody's tool.
    #[must_use]
    pub fn few_drifts(&self, event: &Event, above: i64) -> bool {
        let count = || self.drifts.get(&event.channel.as_deref()).copied().unwrap_or(0);
        Kind::of(&event.kind) == Kind::Drift && count() <= above
    }
}

/// The two channels of a pair of which one shows less than the other: the one that the event is told of, and the other by what
/// keeps pairs apart (`advert/google/webshop`).
fn pair(event: &Event) -> [Option<&str>; 2] {
    let one = event.channel.as_deref();
    let other = one.and_then(|one| event.dedupe.strip_prefix("advert/")?.strip_prefix(one)?.strip_prefix('/'));
    [one, other]
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
pub fn standing(
    event: &Event,
    around: &Surroundings<'_>,
    silences: &[Silence],
    now: Millis,
    drift_above: i64,
) -> String {
    if let Some(silence) = silenced(event, silences, now) {
        return format!("silenced by {} until {}", silence.owner, Millis(silence.ends_at));
    }
    if let Some(other) = around.inhibitor(event) {
        return format!("covered by {}", other.kind);
    }
    if !rule(Kind::of(&event.kind)).immediate || around.few_drifts(event, drift_above) {
        return "waits for the digest".to_owned();
    }
    "alert".to_owned()
}

#[cfg(test)]
mod tests;
