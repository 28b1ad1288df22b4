//! Kinds of events that people are told about, and what limited a price.

use super::{da, de, en, pl, sv};
use crate::config::Language;
use crate::decide::decision::Flag;
use crate::sentence::{Part, Sentence, find};

/// What an alert says besides its own details.
#[derive(Debug, Clone, Copy)]
pub struct KindText {
    pub title: &'static str,
    pub effect: &'static str,
    pub done: &'static str,
    pub todo: &'static str,
}

pub(super) const fn say(title: &'static str, effect: &'static str, done: &'static str, todo: &'static str) -> KindText {
    KindText { title, effect, done, todo }
}

macro_rules! kinds {
    ($($variant:ident = $($name:literal)|+),+ $(,)?) => {
        /// A kind of event, as it is stored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($variant,)+ Other }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+ Self::Other];

            /// The stored names.
            pub const NAMES: &'static [&'static str] = &[$($($name,)+)+];

            /// The kind of a stored name; what is not known is still told, as something to look at.
            #[must_use]
            pub fn of(name: &str) -> Self {
                match name {
                    $($($name)|+ => Self::$variant,)+
                    _ => Self::Other,
                }
            }
        }
    };
}

kinds! {
    FloorLive = "floor_breach",
    HeldAtDoor = "held_at_door",
    NotSent = "not_sent",
    RunHeld = "run_held",
    ChannelStopped = "fleet_breaker",
    ChannelRefused = "channel_refused",
    ChannelUnreachable = "channel_unreachable",
    ChannelLate = "channel_late",
    ParityBelowGoal = "parity_below_goal",
    NothingFetched = "nothing_fetched",
    PriceWar = "price_war" | "rivalry",
    Spiral = "spiral",
    FlipFlop = "flip_flop",
    OwnRise = "own_rise",
    KviUndercut = "kvi_undercut",
    CompetitorUnreachable = "competitor_unreachable",
    CompetitorSuspended = "competitor_suspended",
    RulesBroken = "rules_broken",
    Drift = "drift",
    TwoWriters = "two_writers",
    ListingLost = "listing_lost",
    NotCompared = "not_compared",
    ListingParked = "listing_parked",
    PriceRejected = "price_rejected",
    Paused = "paused",
    InputStale = "fx_stale" | "fx_fetch_failed",
    CostStale = "cost_stale",
    MatchReview = "match_review",
    OrderBroken = "order_broken",
    CampaignFailed = "campaign",
    CampaignChanged = "campaign_changed",
    MailRefused = "mail_refused",
    AdvertBelow = "advert_below_checkout",
}

impl Kind {
    /// The kind of a stored event. Rivalries are stored under one name; their message says which one it is.
    #[must_use]
    pub fn told(name: &str, message: &str) -> Self {
        match (name, Self::of(name)) {
            ("rivalry", war) => rivalry(message).unwrap_or(war),
            (_, kind) => kind,
        }
    }

    /// Its texts in a language.
    #[must_use]
    pub const fn text(self, language: Language) -> KindText {
        match language {
            Language::En => en::kind(self),
            Language::Da => da::kind(self),
            Language::Sv => sv::kind(self),
            Language::Pl => pl::kind(self),
            Language::De => de::kind(self),
        }
    }
}

fn rivalry(message: &str) -> Option<Kind> {
    let found = find(message)?;
    Some(match found.sentence {
        Sentence::Reactions | Sentence::LockStep => Kind::Spiral,
        Sentence::FlipFlop | Sentence::TurnsAgain => Kind::FlipFlop,
        Sentence::OwnRise => Kind::OwnRise,
        Sentence::FrozenAfter => match found.parts.into_iter().next()?.1 {
            Part::Said(why) => return rivalry(&why),
            _ => return None,
        },
        _ => return None,
    })
}

/// Remarks of the engine that a reader of a price wants to know: what limited it, or what kept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Floor,
    Ceiling,
    Step,
    Campaign,
    Skipped,
    Fallback,
    Large,
    Fx,
    Cooldown,
    Quota,
    NoData,
    NoFloor,
    NoVat,
    BelowFloor,
    Conflict,
    Rates,
    NoPrice,
    Overflow,
    Manual,
    Locked,
}

impl Limit {
    /// The remark behind a flag; none for flags that say nothing to a reader.
    #[must_use]
    pub const fn of(flag: Flag) -> Option<Self> {
        Some(match flag {
            Flag::FloorApplied | Flag::BoundRepair => Self::Floor,
            Flag::CeilingApplied => Self::Ceiling,
            Flag::StepLimited | Flag::StepLimitOverridden => Self::Step,
            Flag::Campaign => Self::Campaign,
            Flag::SkippedUnaffordable | Flag::NoAffordableCompetitor => Self::Skipped,
            Flag::FallbackKeep
            | Flag::FallbackLastReference
            | Flag::FallbackMap
            | Flag::FallbackMax
            | Flag::FallbackMin
            | Flag::FallbackMsrp
            | Flag::FallbackRegular => Self::Fallback,
            Flag::LargeChange => Self::Large,
            Flag::FxLate => Self::Fx,
            Flag::Cooldown => Self::Cooldown,
            Flag::DailyQuota => Self::Quota,
            Flag::NoData => Self::NoData,
            Flag::NoFloor => Self::NoFloor,
            Flag::NoVat => Self::NoVat,
            Flag::BelowFloor => Self::BelowFloor,
            Flag::BoundsConflict => Self::Conflict,
            Flag::FxStale | Flag::FxMissing => Self::Rates,
            Flag::NoCurrentPrice => Self::NoPrice,
            Flag::Overflow => Self::Overflow,
            Flag::ManualPrice => Self::Manual,
            Flag::Locked => Self::Locked,
            _ => return None,
        })
    }

    #[must_use]
    pub const fn text(self, language: Language) -> &'static str {
        match language {
            Language::En => en::limit(self),
            Language::Da => da::limit(self),
            Language::Sv => sv::limit(self),
            Language::Pl => pl::limit(self),
            Language::De => de::limit(self),
        }
    }
}
