//! The release layer on real rows: gathers what the guards must know, and says how far a proposal may go.

use std::collections::BTreeMap;

use super::proposal::Proposal;
use super::{history, pricing, rivalry, staged};
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::config::Mode;
use crate::decide::release::{Approval, Guard, GuardInputs, Guarded, Release, usual};
use crate::decide::run_gate::{RUN_PRODUCTS, RunHold, RunItem, RunRest, run_breaker};
use crate::decide::{Flag, Outcome};
use crate::money::{Money, currency};
use crate::sentence::Sentence;
use crate::store::products::{self, Product};
use crate::store::{decisions, observations, rivals};
use crate::telemetry::Metrics;

/// The run that the breakers look at: what was decided and doubted in the last hour, and what is proposed now.
const RUN: i64 = Millis::HOUR;

/// How far a proposal may go, and every reason for stepping down.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub outcome: Outcome,
    pub reasons: Vec<String>,
    /// A second witness would help: look at the competitors again soon.
    pub wants_witness: bool,
    /// What the guards were asked and answered; none where there was nothing to ask about.
    pub guarded: Option<Guarded>,
    /// The price is held because something is odd about it, not because it is worth no label or its turn has not come.
    pub doubted: bool,
}

/// How many products there are: counted once for many proposals, because counting a large catalogue takes longer than
/// deciding a product.
///
/// # Errors
/// The store's.
pub async fn whole(app: &App) -> anyhow::Result<u32> {
    Ok(u32::try_from(products::count(&app.db).await?).unwrap_or(u32::MAX))
}

/// Brings a proposal before the guards. The least permissive of engine, guards and mode counts; what a person or a
/// campaign set was consented to by name and reason and only has to keep to the floor.
///
/// # Errors
/// The store's, or stored amounts that cannot be read.
pub async fn judge(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    proposal: &Proposal,
    whole: u32,
    now: Millis,
) -> anyhow::Result<Verdict> {
    let outcome = if proposal.carried.is_some() { Outcome::Change } else { proposal.decision.outcome };
    let mut verdict = Verdict { outcome, reasons: vec![], wants_witness: false, guarded: None, doubted: false };
    if !matches!(outcome, Outcome::Change | Outcome::Review) {
        return Ok(verdict);
    }
    if product.min_minor.is_some_and(|min| proposal.price().is_none_or(|price| price.minor() < min)) {
        verdict.reasons.push(Sentence::BelowOwnMinimum.with(&[]));
        verdict.outcome = Outcome::Hold;
        verdict.doubted = true;
        return Ok(verdict);
    }
    if proposal.is_set() || proposal.carried.is_some() {
        let guarded = asked(app, loaded, product, proposal, None, whole, now).await?;
        verdict.reasons = guarded.hard().map(str::to_owned).collect();
        let second = guarded.wants_second().map(str::to_owned);
        verdict.guarded = Some(guarded);
        verdict.outcome = match app.config.mode {
            _ if !verdict.reasons.is_empty() => Outcome::Hold,
            Mode::Shadow => shadowed(&mut verdict),
            // Whoever planned a campaign planned its end.
            Mode::Review if proposal.carried.is_some() && !proposal.ends_campaign() => {
                verdict.reasons.extend(second);
                reviewed(&mut verdict)
            }
            Mode::Review | Mode::Auto if proposal.decision.has(Flag::ManualPrice) && second.is_some() => {
                verdict.reasons.extend(second);
                Outcome::Review
            }
            Mode::Review | Mode::Auto => Outcome::Change,
        };
        return Ok(verdict);
    }
    let guarded = asked(app, loaded, product, proposal, None, whole, now).await?;
    let released = &guarded.release;
    if let Some(until) = released.freeze_until {
        remember_freeze(app, product, released, until, now).await?;
    }
    verdict.wants_witness = released.holds().any(|(guard, _)| guard == Guard::Quorum);
    verdict.reasons.extend(released.holds().map(|(_, finding)| finding.to_owned()));
    verdict.outcome = match app.config.mode {
        Mode::Shadow => shadowed(&mut verdict),
        _ if guarded.hard().next().is_some() => Outcome::Hold,
        // A person looks at it anyway, with every finding beside it.
        Mode::Review => reviewed(&mut verdict),
        Mode::Auto if released.passes() => outcome,
        Mode::Auto if released.needs_approval_only() => Outcome::Review,
        Mode::Auto => Outcome::Hold,
    };
    if let Some(answer) = proposal.rivalry.as_ref().and_then(|answered| answered.outcome)
        && matches!(verdict.outcome, Outcome::Change | Outcome::Review)
    {
        verdict.outcome = answer;
    }
    if verdict.outcome == Outcome::Hold {
        Metrics::add(&app.metrics.guard_holds, 1);
        let answered = proposal.rivalry.as_ref().is_some_and(|answered| answered.outcome == Some(Outcome::Hold));
        verdict.doubted = answered || released.doubts();
    }
    verdict.guarded = Some(guarded);
    Ok(verdict)
}

fn shadowed(verdict: &mut Verdict) -> Outcome {
    verdict.reasons.push("mode = \"shadow\": nothing goes out".to_owned());
    Outcome::Shadow
}

fn reviewed(verdict: &mut Verdict) -> Outcome {
    verdict.reasons.push("mode = \"review\": every change waits for a person".to_owned());
    Outcome::Review
}

async fn remember_freeze(
    app: &App,
    product: &Product,
    released: &Release,
    until: Millis,
    now: Millis,
) -> anyhow::Result<()> {
    for (guard, finding) in released.holds() {
        let kind = match guard {
            Guard::Loop => "loop",
            Guard::Oscillation => "oscillation",
            _ => continue,
        };
        rivalry::freeze(app, product, kind, finding, until, now).await?;
    }
    Ok(())
}

/// The guards about a price that a person wants: only what no consent makes up for stands against carrying it out.
///
/// # Errors
/// As [`judge`].
pub async fn asked(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    proposal: &Proposal,
    approval: Option<Approval>,
    whole: u32,
    now: Millis,
) -> anyhow::Result<Guarded> {
    let inputs = inputs(app, loaded, product, proposal, approval, whole, now).await?;
    let carried = proposal.carried.as_ref().map(|carried| carried.price);
    Ok(Guarded::of(&proposal.decision, carried, &proposal.facts, inputs, &app.config.release, now))
}

/// Everything that any guard finds in a proposal.
///
/// # Errors
/// As [`judge`].
pub async fn findings(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    proposal: &Proposal,
    whole: u32,
    now: Millis,
) -> anyhow::Result<Vec<(Guard, String)>> {
    let guarded = asked(app, loaded, product, proposal, None, whole, now).await?;
    Ok(guarded.release.holds().map(|(guard, finding)| (guard, finding.to_owned())).collect())
}

async fn inputs(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    proposal: &Proposal,
    approved: Option<Approval>,
    whole: u32,
    now: Millis,
) -> anyhow::Result<GuardInputs> {
    let decision = &proposal.decision;
    let history = match &proposal.history {
        Some(history) => history.clone(),
        None => history::of(app, product, now).await?,
    };
    // What a campaign did to the price is no velocity and no oscillation of the rules.
    let current = proposal.facts.product.current;
    let own_prices = if proposal.returns_to().is_some() { vec![] } else { history.prices(current, now) };
    let youngest = staged::youngest(app, loaded, &proposal.facts, decision, whole, now).await?;
    let suspended = rivals::suspended(&app.db).await?.into_iter().map(|row| row.competitor).collect();
    Ok(GuardInputs {
        fresh_cost_net: proposal.facts.product.cost_net,
        previous_cost_net: proposal.newest_cost(),
        suspended,
        sightings: sightings(app, product).await?,
        median_30d: usual(&own_prices, now),
        moves: history.moves,
        rule_since: youngest.since,
        rule_products: youngest.products,
        rule_stages: youngest.stages,
        rule: youngest.rule,
        own_prices,
        approved,
        ..GuardInputs::default()
    })
}

/// When each competitor's present price was seen: the two ends of its run.
async fn sightings(app: &App, product: &Product) -> anyhow::Result<BTreeMap<String, Vec<Millis>>> {
    let mut seen: BTreeMap<String, Vec<Millis>> = BTreeMap::new();
    for latest in observations::latest_of_product(&app.db, product.id).await? {
        let times = seen.entry(latest.competitor).or_default();
        times.push(Millis(latest.first_seen));
        if latest.last_seen > latest.first_seen {
            times.push(Millis(latest.last_seen));
        }
    }
    Ok(seen)
}

/// The breakers over a run: what was decided or doubted in the last hour and what is proposed now (each product with its
/// price, the one proposed, and whether it is doubted), against the whole catalogue.
///
/// # Errors
/// The store's.
pub async fn run_holds(
    app: &App,
    loaded: &Loaded,
    proposals: &[(Option<Money>, Option<Money>, bool)],
    whole: u32,
    now: Millis,
) -> anyhow::Result<Vec<String>> {
    let mut items: Vec<RunItem> = proposals
        .iter()
        .map(|(current, proposed, held)| RunItem { current: *current, proposed: *proposed, held: *held })
        .collect();
    if items.iter().all(|item| item.proposed.is_none()) {
        return Ok(vec![]);
    }
    // A product that changed several times in the hour is one product: from its first price to its last.
    let mut changed: BTreeMap<String, RunItem> = BTreeMap::new();
    let rows = decisions::since(&app.db, now.plus(-RUN), now, i64::from(RUN_PRODUCTS)).await?;
    // What people and campaigns set is meant.
    for row in rows.into_iter().filter(|row| row.actor == pricing::RULES) {
        let money = |minor| currency(&row.currency).ok().map(|code| Money::from_minor(minor, code));
        let (from, to) = (money(row.previous_minor), money(row.price_minor));
        // Newest first: what comes later in the list is earlier in time.
        changed.entry(row.sku).and_modify(|item| item.current = from).or_insert(RunItem {
            current: from,
            proposed: to,
            held: false,
        });
    }
    items.extend(changed.into_values());
    let held = u32::try_from(products::doubted(&app.db, now.plus(-RUN), now).await?).unwrap_or(u32::MAX);
    let rest = RunRest { products: whole, held };
    // The rest of the catalogue moves nothing.
    let whole = usize::try_from(whole.min(RUN_PRODUCTS)).unwrap_or(0);
    items.resize(items.len().max(whole), RunItem { current: None, proposed: None, held: false });
    let holds = run_breaker(&items, rest, &app.config.guards.run, &loaded.set.engine.run_breaker);
    Ok(holds.iter().map(told).collect())
}

fn told(hold: &RunHold) -> String {
    match hold {
        RunHold::TooManyChanges { changes, products } => {
            Sentence::RunTooMany.with(&[("n", changes), ("all", products)])
        }
        RunHold::AverageChange { percent } => Sentence::RunAverage.with(&[("change", percent)]),
        RunHold::ManyLargeChanges { count } => Sentence::RunFar.with(&[("n", count)]),
        RunHold::SameValue { price, products } => Sentence::RunOnePrice.with(&[("n", products), ("price", price)]),
        RunHold::ManyHeld { count } => Sentence::RunManyHeld.with(&[("n", count)]),
    }
}
