//! Price wars, spirals, flip-flops and runaway raises in the daemon: noticed from both histories, remembered, answered
//! as configured, told once. What is one, and what follows, is `decide::rivalry`.

use super::history;
use super::proposal::Proposal;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::config::Rivalry as Params;
use crate::decide::rivalry::{self, Found, Known, Reply, Sign};
use crate::decide::{self, Flag, Outcome};
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
    let params = &app.config.guards.rivalry;
    let cost = proposal.facts.product.cost_net;
    let same_cost = proposal.newest_cost().is_none_or(|before| cost == Some(before));
    for found in rivalry::found(&history.after(since), proposal.price(), same_cost, &params.params(), now) {
        let kind = found.sign.kind();
        let message = told(&found, params);
        let competitor = found.competitor.unwrap_or_default();
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

/// What a person is told of a rivalry.
fn told(found: &Found, params: &Params) -> String {
    let competitor = found.competitor.as_deref().unwrap_or(NOBODY);
    match &found.sign {
        Sign::War { cuts, fell_pct } => {
            Sentence::WarWith.with(&[("competitor", &competitor), ("n", cuts), ("fell", fell_pct)])
        }
        Sign::Spiral { factor_pct, .. } => {
            Sentence::Reactions.with(&[("competitor", &competitor), ("factor", factor_pct)])
        }
        Sign::FlipFlop { times } => Sentence::FlipFlop.with(&[("n", times)]),
        Sign::OwnRise { rise_pct } => Sentence::OwnRise.with(&[("rise", rise_pct), ("span", &params.own_rise_within)]),
    }
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
    let last = rivals::last_raise(&app.db, rivalry.product_id).await?;
    let known = Known { kind: &rivalry.kind, competitor: &rivalry.competitor, since: Millis(rivalry.created_at) };
    let (facts, decision) = (&proposal.facts, &proposal.decision);
    let answering = app.config.guards.rivalry.params().answering();
    Ok(match rivalry::reply(known, facts, decision, proposal.price(), answering, last, now) {
        Reply::Stands => None,
        Reply::Hold => answered(Some(Outcome::Hold), false),
        Reply::Review => answered(Some(Outcome::Review), false),
        Reply::Again(facts) => {
            proposal.decision = decide::price(&facts, &loaded.set, now.timestamp());
            proposal.facts = *facts;
            answered(None, true)
        }
    })
}
