//! Price wars, spirals, flip-flops and runaway raises in the daemon: noticed from both histories, remembered, answered
//! as configured, told once.

use super::history::{self, History};
use super::proposal::Proposal;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::config::Rivalry as Params;
use crate::decide::release_guards::change_pct;
use crate::decide::rounding::two_decimals;
use crate::decide::war_response::{self, WarAnswer};
use crate::decide::{self, Flag, Outcome};
use crate::money::{Decimal, Money};
use crate::observe::war::{PriceMove, Spiral, flip_flops, multipliers, spiral, war};
use crate::sentence::Sentence;
use crate::store::events::{self, Raise};
use crate::store::products::Product;
use crate::store::rivals::{self, Rivalry};
use crate::telemetry::Metrics;

/// Nobody in particular: what is wrong with our own prices.
const NOBODY: &str = "";

/// What the answer to a rivalry does to a proposal.
#[derive(Debug, Clone)]
pub struct Answered {
    pub id: i64,
    pub message: String,
    pub outcome: Option<Outcome>,
    /// When the normal rule is tried again.
    pub until: Millis,
    /// The rival was left out of the facts.
    pub stepped: bool,
}

impl Answered {
    /// Remembers that stepping to the next raised our price: once a day is enough.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_raise(&self, app: &App, proposal: &Proposal, now: Millis) -> anyhow::Result<()> {
        let rises =
            proposal.price().zip(proposal.facts.product.current).is_some_and(|(to, from)| to.minor() > from.minor());
        if self.stepped && rises {
            rivals::raised(&app.db, self.id, now).await?;
        }
        Ok(())
    }
}

/// Looks for rivalries behind a proposal and puts the configured answer in it. A price below its floor is repaired
/// whatever rivals do.
///
/// # Errors
/// The store's.
pub async fn answer(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    proposal: &mut Proposal,
    now: Millis,
) -> anyhow::Result<()> {
    let repairs = proposal.decision.has(Flag::BoundRepair);
    if !matches!(proposal.decision.outcome, Outcome::Change | Outcome::Review) || repairs {
        return Ok(());
    }
    let history = history::of(app, product, now).await?;
    let mut open = rivals::open(&app.db, product.id, now).await?;
    let since = rivals::last_end(&app.db, product.id, now).await?.unwrap_or(Millis(0));
    for (competitor, kind, message) in found(&history.after(since), proposal, &app.config.guards.rivalry, now) {
        let known = |rivalry: &Rivalry| rivalry.kind == kind && rivalry.competitor == competitor;
        if !open.iter().any(known) {
            note(app, product, competitor, kind, message, now).await?;
        }
    }
    proposal.history = Some(history);
    open = rivals::open(&app.db, product.id, now).await?;
    for rivalry in &open {
        if let Some(answered) = one(app, loaded, proposal, rivalry, now).await? {
            proposal.rivalry = Some(answered);
            break;
        }
    }
    Ok(())
}

/// Every rivalry that the histories show: competitor, kind, and what a person is told.
fn found(history: &History, proposal: &Proposal, params: &Params, now: Millis) -> Vec<(String, &'static str, String)> {
    let mut found = Vec::new();
    for (competitor, moves) in &history.moves {
        let seen = war(moves, &params.war());
        if seen.is_war && recent(moves, params, now) {
            let told = Sentence::WarWith.with(&[
                ("competitor", competitor),
                ("n", &seen.alternations),
                ("fell", &seen.own_drop_pct),
            ]);
            found.push((competitor.clone(), "war", told));
        }
        if let Some((factor, leads)) = mutual(moves, params) {
            let kind = match leads {
                Spiral::DivergesUp => "spiral_up",
                Spiral::DivergesDown => "spiral_down",
                Spiral::Stable => continue,
            };
            let factor = two_decimals(factor * Decimal::ONE_HUNDRED);
            let told = Sentence::Reactions.with(&[("competitor", competitor), ("factor", &factor)]);
            found.push((competitor.clone(), kind, told));
        }
    }
    let prices: Vec<(Millis, Decimal)> = history.own.iter().map(|(at, price)| (*at, price.amount())).collect();
    let flips = flip_flops(&prices, Millis::DAY);
    if flips >= params.flip_flops && prices.last().is_some_and(|(at, _)| now.since(*at) <= Millis::DAY) {
        let told = Sentence::FlipFlop.with(&[("n", &flips)]);
        found.push((NOBODY.to_owned(), "flip_flop", told));
    }
    found.extend(own_rise(history, proposal, params, now).map(|told| (NOBODY.to_owned(), "own_rise", told)));
    found
}

fn recent(moves: &[PriceMove], params: &Params, now: Millis) -> bool {
    moves.last().and_then(|step| step.at).is_none_or(|at| now.since(at) <= params.within.0)
}

/// The factor of one round of reactions and where it leads, once both sides reacted often enough to mean it and our own
/// price went that way as far as in a war.
fn mutual(moves: &[PriceMove], params: &Params) -> Option<(Decimal, Spiral)> {
    let reactions = moves.windows(2).filter(|pair| pair[0].ours != pair[1].ours).count();
    let (ours, theirs) = multipliers(moves).filter(|_| reactions >= params.least_alternations)?;
    let mut own = moves.iter().filter(|step| step.ours);
    let (first, last) = (own.next()?, own.next_back()?);
    let moved = last.to.checked_sub(first.from)?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(first.from)?;
    let far = |moved: Decimal| moved >= params.least_own_drop_pct.0;
    spiral(ours, theirs).filter(|(_, leads)| match leads {
        Spiral::DivergesUp => far(moved),
        Spiral::DivergesDown => far(-moved),
        Spiral::Stable => false,
    })
}

/// How far our own price rises above its start of the window with this proposal, if the cost did not change.
fn own_rise(history: &History, proposal: &Proposal, params: &Params, now: Millis) -> Option<String> {
    let since = now.plus(-params.own_rise_within.0);
    let first = history.own.iter().position(|(at, _)| *at >= since)?;
    let (from, to) = (*history.own_from.get(first)?, proposal.price()?);
    let cost = proposal.facts.product.cost_net;
    let same_cost = proposal.newest_cost().is_none_or(|before| cost == Some(before));
    let rise = change_pct(from, to).filter(|rise| *rise > params.own_rise_pct.0 && same_cost)?;
    let rise = two_decimals(rise);
    Some(Sentence::OwnRise.with(&[("rise", &rise), ("span", &params.own_rise_within)]))
}

async fn note(
    app: &App,
    product: &Product,
    competitor: String,
    kind: &'static str,
    message: String,
    now: Millis,
) -> anyhow::Result<()> {
    let until = now.plus(app.config.guards.rivalry.hold.0);
    let id = rivals::note(&app.db, product.id, competitor.clone(), kind, message.clone(), until, now).await?;
    Metrics::add(&app.metrics.rivalries, 1);
    let event = Raise {
        kind: "rivalry",
        severity: "warning",
        dedupe: dedupe(id),
        product_id: Some(product.id),
        channel: None,
        competitor: Some(competitor).filter(|name| !name.is_empty()),
        message,
        hint: Sentence::HintHistories.with(&[("sku", &product.sku)]),
    };
    events::raise(&app.db, event, now).await?;
    Ok(())
}

/// Remembers that guards froze a product, so that it stays frozen although the moves that froze it grow old.
///
/// # Errors
/// The store's.
pub async fn freeze(
    app: &App,
    product: &Product,
    kind: &'static str,
    message: &str,
    until: Millis,
    now: Millis,
) -> anyhow::Result<()> {
    let open = rivals::open(&app.db, product.id, now).await?;
    if open.iter().all(|rivalry| rivalry.kind != kind) {
        let message = Sentence::FrozenAfter.with(&[("why", &message), ("until", &until)]);
        note(app, product, NOBODY.to_owned(), kind, message, now).await?;
    }
    Ok(())
}

fn dedupe(id: i64) -> String {
    format!("rivalry/{id}")
}

/// Closes the events of rivalries whose answer has ended.
///
/// # Errors
/// The store's.
pub async fn settle(app: &App, now: Millis) -> anyhow::Result<()> {
    for rivalry in rivals::over(&app.db, now).await? {
        events::resolve(&app.db, dedupe(rivalry.id), now).await?;
    }
    Ok(())
}

/// The answer to one rivalry; none if the proposal may stand.
async fn one(
    app: &App,
    loaded: &Loaded,
    proposal: &mut Proposal,
    rivalry: &Rivalry,
    now: Millis,
) -> anyhow::Result<Option<Answered>> {
    let until = Millis(rivalry.until_at);
    let answered = |outcome: Option<Outcome>, stepped: bool| {
        Some(Answered { id: rivalry.id, message: rivalry.message.clone(), outcome, until, stepped })
    };
    let (current, price) = (proposal.facts.product.current.map(Money::minor), proposal.price().map(Money::minor));
    let (rises, falls) = (price > current, price < current);
    Ok(match rivalry.kind.as_str() {
        "flip_flop" | "loop" | "oscillation" => answered(Some(Outcome::Hold), false),
        "spiral_up" | "own_rise" if rises => answered(Some(Outcome::Hold), false),
        "spiral_up" | "own_rise" => None,
        "spiral_down" if !falls => None,
        _ => {
            let last = rivals::last_raise(&app.db, rivalry.product_id).await?;
            let response = app.config.guards.rivalry.response;
            let since = Millis(rivalry.created_at);
            match war_response::answer(
                response,
                &proposal.facts,
                &proposal.decision,
                &rivalry.competitor,
                since,
                last,
                now,
            ) {
                WarAnswer::Unchanged => None,
                WarAnswer::Hold { .. } => answered(Some(Outcome::Hold), false),
                WarAnswer::Review => answered(Some(Outcome::Review), false),
                WarAnswer::Again(facts) => {
                    proposal.decision = decide::price(&facts, &loaded.set, now.timestamp());
                    proposal.facts = *facts;
                    answered(None, true)
                }
            }
        }
    })
}
