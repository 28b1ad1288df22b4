//! What the engine answers: an outcome, a price, the flags, and the steps that led there.
//!
//! A decision carries no text of its own beyond identifiers; `explain` turns it into sentences.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::decide::text;
use crate::money::{Decimal, Money};

/// What happens to the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A new price may go out (after the release layer).
    Change,
    /// The current price is the right one.
    Keep,
    /// Something must be known or decided first; the current price stays.
    Hold,
    /// A person has to approve the price.
    Review,
    /// Computed and logged, never pushed.
    Shadow,
    /// No rule applies, or the kill switch is on.
    None,
}

impl Outcome {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Keep => "keep",
            Self::Hold => "hold",
            Self::Review => "review",
            Self::Shadow => "shadow",
            Self::None => "none",
        }
    }
}

macro_rules! flags {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// A remark on a decision; its text is stable and is what logs, files and counters show.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Flag { $($(#[$doc])* #[serde(rename = $text)] $variant),+ }

        impl Flag {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Whether it keeps a price back for a time only, so that nobody has to do anything about it.
            #[must_use]
            pub const fn ends_by_itself(self) -> bool {
                matches!(self, Self::Cooldown | Self::DailyQuota)
            }
        }
    };
}

flags! {
    /// The target price is below the floor and the rule asks for something else than the floor.
    BelowFloor = "below_floor",
    /// The difference is smaller than the rule's minimum change.
    BelowMinChange = "below_min_change",
    /// The current price is outside the hard bounds, so damping does not apply.
    BoundRepair = "bound_repair",
    /// Floor above ceiling.
    BoundsConflict = "bounds_conflict",
    /// A campaign decides.
    Campaign = "campaign",
    /// The price was cut at the ceiling.
    CeilingApplied = "ceiling_applied",
    CombinedAverage = "combined:average",
    CombinedHighest = "combined:highest",
    CombinedLowest = "combined:lowest",
    /// The last change is too recent.
    Cooldown = "cooldown",
    /// The day's number of changes is used up.
    DailyQuota = "daily_quota",
    /// No allowed price ending fits; the exact price is used.
    EndingSkipped = "ending_skipped",
    FallbackKeep = "fallback:keep",
    FallbackLastReference = "fallback:last_reference",
    FallbackMap = "fallback:map",
    FallbackMax = "fallback:max",
    FallbackMin = "fallback:min",
    FallbackMsrp = "fallback:msrp",
    FallbackRegular = "fallback:regular",
    /// The price was raised to the floor.
    FloorApplied = "floor_applied",
    /// A rate is one publication late, or older and used because the operator allows it.
    FxLate = "fx_late",
    /// An offer's currency has no rate, so the offer does not count.
    FxMissing = "fx_missing",
    /// Rates are too old for an offer that counts.
    FxStale = "fx_stale",
    /// No allowed price keeps the intended side of the reference.
    IntentUnreachable = "intent_unreachable",
    /// The global stop is on.
    KillSwitch = "kill_switch",
    /// The change is large enough for a person.
    LargeChange = "large_change",
    /// A person locked the product.
    Locked = "locked",
    /// A person set the price.
    ManualPrice = "manual_price",
    /// Every competitor is below what we can afford.
    NoAffordableCompetitor = "no_affordable_competitor",
    /// The product has no price yet and the decision would keep it.
    NoCurrentPrice = "no_current_price",
    /// No reference could be computed.
    NoData = "no_data",
    /// No minimum could be computed.
    NoFloor = "no_floor",
    /// The VAT rate is unknown.
    NoVat = "no_vat",
    /// Offers outside floor and ceiling were left out.
    OutOfBoundsIgnored = "out_of_bounds_ignored",
    /// An amount does not fit the number range; nothing is decided from it.
    Overflow = "overflow",
    /// The price is fixed by law or contract.
    RegulatedPrice = "regulated_price",
    /// Fewer offers than the wanted rank.
    ShortMarket = "short_market",
    /// Cheaper offers that we cannot afford to follow were passed over.
    SkippedUnaffordable = "skipped_unaffordable",
    /// Step and day limits leave no room inside the hard bounds, which win.
    StepLimitOverridden = "step_limit_overridden",
    /// A step or day limit cut the move.
    StepLimited = "step_limited",
}

/// The engine's answer for one product in one market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub outcome: Outcome,
    /// The price that results: the proposal of `change`, `review` and `shadow`, the current price otherwise.
    pub price: Option<Money>,
    /// The number the target was computed from, in the market's currency, unrounded.
    #[serde(with = "text::decimal_option")]
    pub reference: Option<Decimal>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Sorted by text, each once.
    pub flags: Vec<Flag>,
    pub floor: Option<Money>,
    pub ceiling: Option<Money>,
    /// The span that bounds, step and day limits left; the upper end is missing where nothing limits it.
    pub window: Option<(Money, Option<Money>)>,
    pub steps: Vec<Step>,
    /// When the same facts could give another answer: the end of a cooldown.
    pub next_evaluation: Option<Millis>,
}

impl Decision {
    #[must_use]
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// The offer that is the reference, by its index in the facts; none where the reference is made of several or of none.
    #[must_use]
    pub fn reference_offer(&self) -> Option<usize> {
        let last = self.steps.iter().rev().find_map(|step| match step {
            Step::Reference { offer, .. } => Some(*offer),
            _ => None,
        });
        last.flatten().map(|index| index as usize)
    }

    /// The reference where it was computed from competitors' offers; none where a rule looked at our own numbers only.
    #[must_use]
    pub fn market_reference(&self) -> Option<Decimal> {
        let of_market = |step: &Step| matches!(step, Step::Reference { kind, .. } if kind.is_market());
        self.reference.filter(|_| self.steps.iter().any(of_market))
    }

    /// Whether a person or a campaign set the price: consent was given with a name and a reason.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.has(Flag::ManualPrice) || self.has(Flag::Campaign)
    }

    /// Whether something that comes before every rule decided.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        self.is_set() || [Flag::KillSwitch, Flag::Locked, Flag::RegulatedPrice].iter().any(|flag| self.has(*flag))
    }

    /// Whether no rule says what the price should be: none applies, or it only keeps the one that is there.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let keeps = |step: &Step| matches!(step, Step::Reference { kind: TargetKind::Keep, .. });
        match self.outcome {
            Outcome::None => true,
            Outcome::Keep => self.has(Flag::FallbackKeep) || self.steps.iter().any(keeps),
            Outcome::Hold => self.has(Flag::NoData),
            Outcome::Change | Outcome::Review | Outcome::Shadow => false,
        }
    }

    /// Whether the decision proposes a price other than the current one.
    #[must_use]
    pub const fn proposes(&self) -> bool {
        matches!(self.outcome, Outcome::Change | Outcome::Review | Outcome::Shadow)
    }
}

/// One thing the engine did, in order: the material of an explanation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// A gate before all rules answered.
    Gate { flag: Flag },
    /// The deciding rule, and how many other rules matched.
    Selected { rule: String, others: u32 },
    /// The hard bounds and what set them.
    Bounds { floor: Money, floor_by: BoundSource, ceiling: Option<Money>, ceiling_by: Option<BoundSource> },
    /// Every offer with its fate, by its index in the facts.
    Offers { seen: Vec<SeenOffer> },
    /// Sellers with an offer that the rule's `exclude` names, each once and by name, and the rule's `exclude_reason`.
    LeftOut { competitors: BTreeSet<String>, reason: String },
    /// The reference, its kind, and the offer it is (where it is one).
    Reference {
        kind: TargetKind,
        #[serde(with = "text::decimal")]
        value: Decimal,
        offer: Option<u32>,
    },
    /// The reference after percent, amount and own shipping.
    Adjusted {
        #[serde(with = "text::decimal")]
        x0: Decimal,
        intent: Option<Intent>,
    },
    /// The target was below the floor and this policy answered.
    BelowFloor { policy: BelowFloor },
    /// A fallback was taken in place of a reference.
    Fallback {
        flag: Flag,
        #[serde(with = "text::decimal")]
        value: Decimal,
    },
    /// The window and the target clamped into it.
    Window {
        low: Money,
        high: Option<Money>,
        #[serde(with = "text::decimal")]
        x1: Decimal,
    },
    /// The price point that was chosen.
    Rounded { price: Money },
    /// Damping kept or held the current price instead of this one.
    Damped { flag: Flag, wanted: Money },
}

/// An offer's fate in this decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenOffer {
    /// Index into the facts' offers.
    pub offer: u32,
    /// The comparable price: our currency, tax view and pack size.
    pub price: Option<Money>,
    pub fate: Fate,
}

/// Why an offer counted or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Counted,
    OwnShop,
    Excluded,
    NotAccepted,
    Availability,
    Condition,
    PriceKind,
    TooOld,
    LowRating,
    ShippingUnknown,
    NoRate,
    NotComparable,
    DearerOfSame,
    OutOfBounds,
}

/// On which side of the reference the price should end up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    Below,
    Match,
    Above,
}

/// What a floor or ceiling was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundSource {
    /// Cost plus VAT plus the engine's own minimum markup.
    Implicit,
    Margin,
    Markup,
    PlusNet,
    Msrp,
    Regular,
    Map,
    Amount,
    /// The product's own minimum.
    Own,
    /// The ceiling was lifted to the floor (`on_conflict = "floor"`).
    Conflict,
}

/// What a rule aims at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    Lowest,
    Highest,
    Rank,
    Mean,
    Median,
    Range,
    Competitor,
    CostPlus,
    Field,
    Keep,
}

impl TargetKind {
    /// Whether the target is computed from competitors' offers.
    #[must_use]
    pub const fn is_market(self) -> bool {
        !matches!(self, Self::CostPlus | Self::Field | Self::Keep)
    }
}

/// What to do when the target lies below the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BelowFloor {
    #[default]
    Floor,
    Next,
    Hold,
    Max,
}
