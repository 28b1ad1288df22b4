//! Rivalries: what our moves and the competitors' show together, and what the configured answer makes of a proposal.
//!
//! Pure, and the same for the daemon and for simulations, so that a race ends in the one as it would in the other. It must
//! never keep a price below its floor from being repaired; whoever asks leaves such proposals out.

use std::collections::BTreeMap;

use crate::clock::Millis;
use crate::decide::decision::Decision;
use crate::decide::facts::Facts;
use crate::decide::fx::FxTable;
use crate::decide::release_guards::change_pct;
use crate::decide::rounding::two_decimals;
use crate::decide::war_response::{self, Answering, WarAnswer, WarResponse};
use crate::money::{Currency, Decimal, Money};
use crate::observe::war::{PriceMove, Spiral, WarParams, flip_flops, multipliers, spiral, war};

/// How far back our own prices matter.
pub const OWN_PRICES_MS: i64 = 30 * Millis::DAY;
/// How far back everybody's moves matter.
pub const MOVES_MS: i64 = 3 * Millis::DAY;

/// When moves are a rivalry, and the answer to one.
#[derive(Debug, Clone, Copy)]
pub struct RivalryParams {
    pub war: WarParams,
    pub response: WarResponse,
    /// How long an answer stands before the normal rule is tried again.
    pub hold_ms: i64,
    /// A rise of ours beyond this many percent within the time, without a change of cost, is one too many.
    pub own_rise_pct: Decimal,
    pub own_rise_within_ms: i64,
    /// Returns to the price before last within a day.
    pub flip_flops: usize,
}

/// Prices and moves, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Our released prices of the last 30 days, the current one last.
    pub own: Vec<(Millis, Money)>,
    /// The price before each of `own`.
    pub own_from: Vec<Money>,
    /// Our moves and one competitor's, interleaved by time, per competitor.
    pub moves: BTreeMap<String, Vec<PriceMove>>,
}

impl History {
    /// Only what happened after an instant.
    #[must_use]
    pub fn after(&self, since: Millis) -> Self {
        let late = |at: Option<Millis>| at.is_none_or(|at| at > since);
        let pairs = self.own.iter().zip(&self.own_from).filter(|((at, _), _)| late(Some(*at)));
        let (own, own_from) = pairs.map(|(own, from)| (*own, *from)).unzip();
        let of = |moves: &Vec<PriceMove>| moves.iter().filter(|step| late(step.at)).cloned().collect();
        let moves = self.moves.iter().map(|(competitor, moves)| (competitor.clone(), of(moves))).collect();
        Self { own, own_from, moves }
    }

    /// Every price of ours since the window of [`OWN_PRICES_MS`] began, oldest first, with the instant from which it was in
    /// force: the price before the first move (`current` where there was none) from the beginning of the window on.
    #[must_use]
    pub fn prices(&self, current: Option<Money>, now: Millis) -> Vec<(Millis, Money)> {
        let before = self.own_from.first().copied().or(current);
        before.map(|price| (now.plus(-OWN_PRICES_MS), price)).into_iter().chain(self.own.iter().copied()).collect()
    }
}

impl RivalryParams {
    /// The answer to a war, and how long it stands.
    #[must_use]
    pub const fn answering(&self) -> Answering {
        Answering { response: self.response, hold_ms: self.hold_ms }
    }
}

/// Both ends of a competitor's move in our currency, at one rate, so that a rate that moved is no move of the competitor's.
/// None without a rate, or where it changed its currency: nothing is said of moves that cannot be compared with ours.
#[must_use]
pub fn in_our_currency(from: Money, to: Money, own: Currency, fx: Option<&FxTable>) -> Option<(Decimal, Decimal)> {
    if from.currency() != to.currency() {
        return None;
    }
    if from.currency() == own {
        return Some((from.amount(), to.amount()));
    }
    let convert = |money: Money| fx?.convert(money.amount(), money.currency(), own).ok();
    Some((convert(from)?, convert(to)?))
}

/// What histories show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Alternating cuts, and how far our price fell, in percent.
    War { cuts: usize, fell_pct: Decimal },
    /// Every answer leads further the same way: the factor of one round, in percent.
    Spiral { factor_pct: Decimal, up: bool },
    /// Our price went back to the one before last so often.
    FlipFlop { times: usize },
    /// Our price would have risen by so many percent.
    OwnRise { rise_pct: Decimal },
}

impl Sign {
    /// The name under which it is stored and counted.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::War { .. } => "war",
            Self::Spiral { up: true, .. } => "spiral_up",
            Self::Spiral { up: false, .. } => "spiral_down",
            Self::FlipFlop { .. } => "flip_flop",
            Self::OwnRise { .. } => "own_rise",
        }
    }
}

/// A sign and whose; none where something is wrong with our own prices alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub competitor: Option<String>,
    pub sign: Sign,
}

/// Every rivalry that the histories show at a proposal of `price`. `same_cost`: the purchase cost is that of the newest
/// decision, so that a rise has no reason in it.
#[must_use]
pub fn found(
    history: &History,
    price: Option<Money>,
    same_cost: bool,
    params: &RivalryParams,
    now: Millis,
) -> Vec<Found> {
    let mut found = Vec::new();
    for (competitor, moves) in &history.moves {
        let seen = war(moves, &params.war);
        let mut add = |sign| found.push(Found { competitor: Some(competitor.clone()), sign });
        if seen.is_war && recent(moves, &params.war, now) {
            add(Sign::War { cuts: seen.alternations, fell_pct: seen.own_drop_pct });
        }
        if let Some((factor, leads)) = mutual(moves, &params.war).filter(|(_, leads)| *leads != Spiral::Stable) {
            let factor_pct = two_decimals(factor * Decimal::ONE_HUNDRED);
            add(Sign::Spiral { factor_pct, up: leads == Spiral::DivergesUp });
        }
    }
    let prices: Vec<(Millis, Decimal)> = history.own.iter().map(|(at, price)| (*at, price.amount())).collect();
    let times = flip_flops(&prices, Millis::DAY);
    if times >= params.flip_flops && prices.last().is_some_and(|(at, _)| now.since(*at) <= Millis::DAY) {
        found.push(Found { competitor: None, sign: Sign::FlipFlop { times } });
    }
    let rise = own_rise(history, price, params, now).filter(|_| same_cost);
    found.extend(rise.map(|rise_pct| Found { competitor: None, sign: Sign::OwnRise { rise_pct } }));
    found
}

fn recent(moves: &[PriceMove], params: &WarParams, now: Millis) -> bool {
    moves.last().and_then(|step| step.at).is_none_or(|at| now.since(at) <= params.within_ms)
}

/// The factor of one round of reactions and where it leads, once both sides reacted often enough to mean it and our own
/// price went that way as far as in a war.
fn mutual(moves: &[PriceMove], params: &WarParams) -> Option<(Decimal, Spiral)> {
    let reactions = moves.windows(2).filter(|pair| pair[0].ours != pair[1].ours).count();
    let (ours, theirs) = multipliers(moves).filter(|_| reactions >= params.least_alternations)?;
    let mut own = moves.iter().filter(|step| step.ours);
    let (first, last) = (own.next()?, own.next_back()?);
    let moved = last.to.checked_sub(first.from)?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(first.from)?;
    let far = |moved: Decimal| moved >= params.least_own_drop_pct;
    spiral(ours, theirs).filter(|(_, leads)| match leads {
        Spiral::DivergesUp => far(moved),
        Spiral::DivergesDown => far(-moved),
        Spiral::Stable => false,
    })
}

/// How far our own price would rise above its start of the window, in percent, where that is too far.
fn own_rise(history: &History, price: Option<Money>, params: &RivalryParams, now: Millis) -> Option<Decimal> {
    let since = now.plus(-params.own_rise_within_ms);
    let first = history.own.iter().position(|(at, _)| *at >= since)?;
    let rise = change_pct(*history.own_from.get(first)?, price?).filter(|rise| *rise > params.own_rise_pct)?;
    Some(two_decimals(rise))
}

/// A rivalry that is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub kind: &'a str,
    /// Empty where it is nobody's.
    pub competitor: &'a str,
    /// When it was noticed.
    pub since: Millis,
}

/// What the answer to a rivalry makes of a proposal.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Stands,
    Hold,
    /// A person is asked.
    Review,
    /// To be decided again from these facts, in which the rival does not appear.
    Again(Box<Facts>),
}

/// Answers one rivalry at a proposal of `price`. `last_raise` is when an answer last raised the product's price.
#[must_use]
pub fn reply(
    known: Known<'_>,
    facts: &Facts,
    decision: &Decision,
    price: Option<Money>,
    answering: Answering,
    last_raise: Option<Millis>,
    now: Millis,
) -> Reply {
    let (current, price) = (facts.product.current.map(Money::minor), price.map(Money::minor));
    let (rises, falls) = (price > current, price < current);
    match known.kind {
        "flip_flop" | "loop" | "oscillation" => Reply::Hold,
        "spiral_up" | "own_rise" if rises => Reply::Hold,
        "spiral_up" | "own_rise" => Reply::Stands,
        "spiral_down" if !falls => Reply::Stands,
        _ => match war_response::answer(answering, facts, decision, known.competitor, known.since, last_raise, now) {
            WarAnswer::Unchanged => Reply::Stands,
            WarAnswer::Hold { .. } => Reply::Hold,
            WarAnswer::Review => Reply::Review,
            WarAnswer::Again(facts) => Reply::Again(facts),
        },
    }
}
