//! The release layer on real rows: gathers what the guards must know, and says how far a proposal may go.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::config::Mode;
use crate::decide::release::{Approval, Guard, GuardInputs, Release, release};
use crate::decide::run_gate::{RunHold, RunItem, RunParams, run_breaker};
use crate::decide::{Decision, Facts, Outcome};
use crate::money::{Decimal, Money, currency};
use crate::observe::war::PriceMove;
use crate::store::products::{self, Product};
use crate::store::{decisions, observations, settings};

/// How far back our own prices and everybody's moves matter.
const OWN_PRICES: i64 = 30 * Millis::DAY;
const MOVES: i64 = 3 * Millis::DAY;
const MOVE_ROWS: i64 = 500;
/// The run that the breakers look at: what was decided in the last hour, and what is proposed now.
const RUN: i64 = Millis::HOUR;
const RUN_ROWS: i64 = 10_000;

/// How far a proposal may go, and every reason for stepping down.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub outcome: Outcome,
    pub reasons: Vec<String>,
    /// A second witness would help: look at the competitors again soon.
    pub wants_witness: bool,
}

/// Brings a proposal before the guards. The least permissive of engine, guards and mode counts.
///
/// # Errors
/// The store's, or stored amounts that cannot be read.
pub async fn judge(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    facts: &Facts,
    decision: &Decision,
    now: Millis,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict { outcome: decision.outcome, reasons: vec![], wants_witness: false };
    if !matches!(decision.outcome, Outcome::Change | Outcome::Review) {
        return Ok(verdict);
    }
    if product.min_minor.is_some_and(|min| decision.price.is_none_or(|price| price.minor() < min)) {
        verdict.reasons.push("the price is below the product's own minimum".to_owned());
        verdict.outcome = Outcome::Hold;
        return Ok(verdict);
    }
    let inputs = inputs(app, loaded, product, facts, decision, None, now).await?;
    let released = release(decision, facts, &inputs, &app.config.release, now);
    verdict.wants_witness = released.holds().any(|(guard, _)| guard == Guard::Quorum);
    verdict.reasons.extend(released.holds().map(|(_, finding)| finding.to_owned()));
    verdict.outcome = match app.config.mode {
        Mode::Shadow => {
            verdict.reasons.push("mode = \"shadow\": nothing goes out".to_owned());
            Outcome::Shadow
        }
        _ if hopeless(&released) => Outcome::Hold,
        // A person looks at it anyway, with every finding beside it.
        Mode::Review => {
            verdict.reasons.push("mode = \"review\": every change waits for a person".to_owned());
            Outcome::Review
        }
        Mode::Auto if released.passes() => decision.outcome,
        Mode::Auto if released.needs_approval_only() => Outcome::Review,
        Mode::Auto => Outcome::Hold,
    };
    Ok(verdict)
}

/// Nobody's consent makes up for a missing floor or a mapping that is not sure.
fn hopeless(released: &Release) -> bool {
    released.holds().any(|(guard, _)| matches!(guard, Guard::Eligibility | Guard::FreshFloor))
}

/// What stands against carrying out a proposal that a person approved: only what no consent makes up for.
///
/// # Errors
/// As [`judge`].
pub async fn against_approval(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    facts: &Facts,
    decision: &Decision,
    approval: Approval,
) -> anyhow::Result<Vec<String>> {
    let now = approval.at;
    let inputs = inputs(app, loaded, product, facts, decision, Some(approval), now).await?;
    let released = release(decision, facts, &inputs, &app.config.release, now);
    let hard = |guard: &Guard| matches!(guard, Guard::Eligibility | Guard::FreshFloor);
    Ok(released.holds().filter(|(guard, _)| hard(guard)).map(|(_, finding)| finding.to_owned()).collect())
}

async fn inputs(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    facts: &Facts,
    decision: &Decision,
    approved: Option<Approval>,
    now: Millis,
) -> anyhow::Result<GuardInputs> {
    let own = currency(&product.currency)?;
    let mut own_prices: Vec<(Millis, Money)> = Vec::new();
    let mut ours = Vec::new();
    for row in decisions::of_product_since(&app.db, product.id, now.plus(-OWN_PRICES)).await? {
        let (from, to) = (Money::from_minor(row.previous_minor, own), Money::from_minor(row.price_minor, own));
        own_prices.push((Millis(row.created_at), to));
        ours.push(PriceMove { ours: true, from: from.amount(), to: to.amount(), at: Some(Millis(row.created_at)) });
    }
    let previous = decisions::latest(&app.db, product.id).await?;
    Ok(GuardInputs {
        fresh_cost_net: facts.product.cost_net,
        previous_cost_net: previous.and_then(|row| previous_cost(&row.record)),
        sightings: sightings(app, product).await?,
        median_30d: median(&own_prices),
        moves: moves(app, product, &ours, now).await?,
        rule_since: rule_since(app, loaded, decision, now).await?,
        rule_products: u32::try_from(products::count(&app.db).await?).unwrap_or(u32::MAX),
        rule_revision: rule_form(loaded, decision).unwrap_or_default(),
        own_prices,
        approved,
        ..GuardInputs::default()
    })
}

fn previous_cost(record: &str) -> Option<Money> {
    let record: Value = serde_json::from_str(record).ok()?;
    serde_json::from_value(record.pointer("/facts/product/cost_net")?.clone()).ok()
}

fn median(prices: &[(Millis, Money)]) -> Option<Money> {
    let mut sorted: Vec<i64> = prices.iter().map(|(_, price)| price.minor()).collect();
    sorted.sort_unstable();
    let middle = sorted.get(sorted.len() / 2)?;
    Some(Money::from_minor(*middle, prices.first()?.1.currency()))
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

/// Our moves and each competitor's of the last days, interleaved by time.
async fn moves(
    app: &App,
    product: &Product,
    ours: &[PriceMove],
    now: Millis,
) -> anyhow::Result<BTreeMap<String, Vec<PriceMove>>> {
    let since = now.plus(-MOVES);
    let own = currency(&product.currency)?;
    let mut theirs: BTreeMap<String, Vec<PriceMove>> = BTreeMap::new();
    let mut last: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut runs = observations::history_of_product(&app.db, product.id, since, MOVE_ROWS).await?;
    runs.reverse();
    for run in runs.into_iter().filter(|run| run.verdict == "accepted" && run.currency.as_deref() == Some(own.code())) {
        let Some(minor) = run.price_minor else { continue };
        let to = Money::from_minor(minor, own).amount();
        if let Some(from) = last.insert(run.competitor.clone(), to).filter(|from| *from != to) {
            let step = PriceMove { ours: false, from, to, at: Some(Millis(run.first_seen)) };
            theirs.entry(run.competitor).or_default().push(step);
        }
    }
    for steps in theirs.values_mut() {
        steps.extend(ours.iter().filter(|step| step.at.is_some_and(|at| at >= since)).cloned());
        steps.sort_by_key(|step| step.at);
    }
    Ok(theirs)
}

/// A rule's form: its id and everything it says, so that editing one rule does not make the others new.
fn rule_form(loaded: &Loaded, decision: &Decision) -> Option<String> {
    use sha2::{Digest as _, Sha256};
    let rule = loaded.set.rule(decision.rule.as_deref()?)?;
    Some(format!("{}/{}", rule.id, &crate::app::hex(&Sha256::digest(format!("{rule:?}")))[..16]))
}

/// Since when a rule has its present form: remembered at its first proposal.
async fn rule_since(app: &App, loaded: &Loaded, decision: &Decision, now: Millis) -> anyhow::Result<Option<Millis>> {
    let Some(form) = rule_form(loaded, decision) else { return Ok(None) };
    let name = format!("rule/{form}");
    if let Some(known) = settings::get(&app.db, &name).await? {
        return Ok(Some(Millis(known.created_at)));
    }
    settings::set(&app.db, name, String::new(), "rules".to_owned(), "first proposal in this form".to_owned(), now)
        .await?;
    Ok(Some(now))
}

/// The breakers over a run: what was decided in the last hour and what is proposed now, against the whole catalogue.
///
/// # Errors
/// The store's.
pub async fn run_holds(
    app: &App,
    loaded: &Loaded,
    proposals: &[(Option<Money>, Option<Money>, bool)],
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
    for row in decisions::since(&app.db, now.plus(-RUN), now, RUN_ROWS).await? {
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
    // The rest of the catalogue moves nothing; beyond the cap a smaller whole only makes the breakers stricter.
    let whole = usize::try_from(products::count(&app.db).await?.min(RUN_ROWS)).unwrap_or(0);
    items.resize(items.len().max(whole), RunItem { current: None, proposed: None, held: false });
    let holds = run_breaker(&items, &RunParams::default(), &loaded.set.engine.run_breaker);
    Ok(holds.iter().map(told).collect())
}

fn told(hold: &RunHold) -> String {
    match hold {
        RunHold::TooManyChanges { changes, products } => {
            format!("run held: {changes} of {products} products would change")
        }
        RunHold::AverageChange { percent } => format!("run held: the average change is {percent} %"),
        RunHold::ManyLargeChanges { count } => format!("run held: {count} products would change far"),
        RunHold::SameValue { price, products } => {
            format!("run held: {products} products with different prices would all cost {price}")
        }
        RunHold::ManyHeld { count } => format!("run held: {count} proposals were held one by one"),
    }
}
