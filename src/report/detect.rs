//! Detectors: conditions that no single stage sees, raised and resolved as events.

mod ended;
mod live;
mod standing;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use super::gather;
use crate::app::{App, PAUSE};
use crate::clock::Millis;
use crate::config::Span;
use crate::money::{Decimal, Money, currency};
use crate::observe::war::{PriceMove, war};
use crate::sentence::Sentence;
use crate::store::events::{self, Event, Raise};
use crate::store::{decisions, observations, products, progress, reporting, settings};

/// Listings and products looked at per round.
const LIMIT: i64 = 100_000;
const RESTLESS: i64 = 1_000;
const RUNS: i64 = 500;
/// A war needs at least three moves of each side.
const LEAST_MOVES: i64 = 3;
/// Names the event of paused pushes, which ends with the pause.
pub const PAUSED: &str = "paused";
/// Wars are looked at this often; the other conditions are cheap and looked at in every round.
const WARS_EVERY: i64 = 5 * Millis::MINUTE;
/// What customers see needs a walk over the catalogue, and a price below its floor costs money by the minute.
const CUSTOMERS_EVERY: i64 = Millis::MINUTE;
/// What needs a walk over the catalogue and changes in days is looked at this often.
const CATALOGUE_EVERY: i64 = Millis::HOUR;
const LEASE: i64 = 2 * Millis::MINUTE;
/// What lasts unchanged is noted as seen this often.
const SEEN_EVERY: i64 = Millis::MINUTE;

pub(super) use live::{late_after, lower};

/// Open events by their keys.
pub(super) type Open = BTreeMap<String, Event>;

async fn open(app: &App) -> anyhow::Result<Open> {
    Ok(events::open(&app.db, LIMIT).await?.into_iter().map(|event| (event.dedupe.clone(), event)).collect())
}

/// Raises and resolves everything that is detected here.
///
/// # Errors
/// The store's.
pub async fn all(app: &App) -> anyhow::Result<()> {
    // Most rounds find nothing new; only what is open needs a write to be closed.
    let open = open(app).await?;
    standing::of_channels(app, &open).await?;
    standing::of_competitors(app, &open).await?;
    parity(app, &open).await?;
    nothing_fetched(app, &open).await?;
    paused(app, &open).await?;
    let customers = async {
        standing::of_listings(app).await?;
        live::all(app, &open).await
    };
    every(app, CUSTOMERS_EVERY, "detect/customers", customers).await?;
    let wars = async {
        wars(app, &open).await?;
        let events: Vec<Event> = open.values().cloned().collect();
        ended::all(app, &events).await
    };
    every(app, WARS_EVERY, "detect/wars", wars).await?;
    let catalogue = async {
        costs(app, &open).await?;
        variants::all(app, &open).await
    };
    every(app, CATALOGUE_EVERY, "detect/catalogue", catalogue).await
}

/// Does some work unless it, or another worker, did it a short while ago.
async fn every(app: &App, span: i64, duty: &str, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let (duty, owner, now) = (duty.to_owned(), app.owner.clone(), app.now());
    if settings::take_duty(&app.db, duty.clone(), owner.clone(), now, now.plus(LEASE), now.plus(-span)).await? {
        let done = work.await;
        settings::end_duty(&app.db, duty, owner, done.is_ok().then(|| app.now())).await?;
        done?;
    }
    Ok(())
}

/// Looks at once at what customers see, for whoever waits for the answer.
///
/// # Errors
/// The store's.
pub async fn customers(app: &App) -> anyhow::Result<()> {
    live::all(app, &open(app).await?).await
}

/// How long each channel may take to show a price.
pub(super) struct Patience {
    /// What rules declare (`converge_within`).
    declared: BTreeMap<String, i64>,
    /// What the lanes give each channel's vendor.
    lanes: BTreeMap<String, i64>,
    usual: i64,
}

impl Patience {
    /// Without rules nothing is declared.
    pub(super) async fn of(app: &App) -> Self {
        let declared = match app.rules().await {
            Ok(loaded) => {
                loaded.set.channels.iter().filter_map(|one| Some((one.id.clone(), one.converge_within_ms?))).collect()
            }
            Err(_) => BTreeMap::new(),
        };
        let lanes = app.lanes.iter().map(|lane| (lane.name.clone(), lane.policy.settle_within)).collect();
        Self { declared, lanes, usual: app.config.publish.settle_within.0 }
    }

    fn declared(&self, channel: &str) -> Option<i64> {
        self.declared.get(channel).copied()
    }

    /// How long the channel's vendor may take to show a price, whatever rules promise.
    fn shows(&self, channel: &str) -> i64 {
        self.lanes.get(channel).copied().unwrap_or(self.usual)
    }

    pub(super) fn within(&self, channel: &str) -> i64 {
        self.declared(channel).unwrap_or_else(|| self.shows(channel))
    }
}

/// Raises an event when a condition begins, keeps it while it lasts, and resolves it when it ends.
async fn set(app: &App, open: &Open, dedupe: String, holds: Option<Raise>) -> anyhow::Result<()> {
    let now = app.now();
    match (holds, open.get(&dedupe)) {
        (Some(event), None) => events::raise(&app.db, event, now).await.map(drop)?,
        (Some(event), Some(known)) => {
            let same = known.message == event.message && known.severity == event.severity;
            if !same || now.since(Millis(known.last_at)) >= SEEN_EVERY {
                events::keep(&app.db, event, now).await?;
            }
        }
        (None, Some(_)) => events::resolve(&app.db, dedupe, now).await.map(drop)?,
        (None, None) => {}
    }
    Ok(())
}

/// Share of listings live at the newest decision, against the goal; listings still inside their time do not count.
async fn parity(app: &App, open: &Open) -> anyhow::Result<()> {
    let goal = app.config.publish.parity_goal_pct.0;
    let patience = Patience::of(app).await;
    let late = progress::unsettled(&app.db, LIMIT).await?;
    let mut over: BTreeSet<&String> = open.keys().filter(|dedupe| dedupe.starts_with("parity/")).collect();
    for row in progress::parity(&app.db).await? {
        let within = patience.within(&row.channel);
        let since = app.now().plus(-within);
        let late = late.iter().filter(|l| l.channel == row.channel && l.state_since < since.0).count();
        let dedupe = format!("parity/{}", row.channel);
        let share = Decimal::from(100 * (row.listings - i64::try_from(late).unwrap_or(i64::MAX)));
        let event = (share < goal * Decimal::from(row.listings)).then(|| Raise {
            kind: "parity_below_goal",
            severity: "critical",
            dedupe: dedupe.clone(),
            product_id: None,
            channel: Some(row.channel.clone()),
            competitor: None,
            message: Sentence::NotLive.with(&[
                ("channel", &row.channel),
                ("n", &late),
                ("all", &row.listings),
                ("span", &Span(within)),
            ]),
            hint: format!("omniprice verify {} --dry-run", row.channel),
        });
        over.remove(&dedupe);
        set(app, open, dedupe, event).await?;
    }
    // A channel without listings has nothing that could be below a goal.
    for dedupe in over {
        set(app, open, dedupe.clone(), None).await?;
    }
    Ok(())
}

/// Whether any competitor's page gave a price lately.
async fn nothing_fetched(app: &App, open: &Open) -> anyhow::Result<()> {
    const KEY: &str = "nothing-fetched";
    // A schedule that looks once a day must not be called silent in between.
    let patience = app.config.alerts.nothing_fetched_after.0.max(app.schedule.interval(app.now()).saturating_mul(2));
    let last = reporting::last_price(&app.db).await?;
    let event = last.filter(|last| app.now().since(*last) > patience).map(|last| Raise {
        kind: "nothing_fetched",
        severity: "critical",
        dedupe: KEY.to_owned(),
        product_id: None,
        channel: None,
        competitor: None,
        message: Sentence::NothingSince.with(&[("since", &last)]),
        hint: Sentence::HintPages.with(&[]),
    });
    set(app, open, KEY.to_owned(), event).await
}

/// Purchase costs that no import named for long: floors follow from them. What was never dated is not judged.
async fn costs(app: &App, open: &Open) -> anyhow::Result<()> {
    const KEY: &str = "cost-stale";
    let patience = app.config.alerts.cost_stale_after;
    let old = if patience.0 > 0 { reporting::old_costs(&app.db, app.now().plus(-patience.0)).await? } else { None };
    let event = old.map(|old| Raise {
        kind: "cost_stale",
        severity: "warning",
        dedupe: KEY.to_owned(),
        product_id: None,
        channel: None,
        competitor: None,
        message: Sentence::CostsOld.with(&[
            ("span", &patience),
            ("n", &old.n),
            ("sku", &old.sku),
            ("since", &Millis(old.cost_at)),
        ]),
        hint: Sentence::HintCosts.with(&[]),
    });
    set(app, open, KEY.to_owned(), event).await
}

/// The kill switch is told to everybody: whoever used it, others wonder.
async fn paused(app: &App, open: &Open) -> anyhow::Result<()> {
    let event = settings::get(&app.db, PAUSE).await?.map(|pause| Raise {
        kind: "paused",
        severity: "critical",
        dedupe: PAUSED.to_owned(),
        product_id: None,
        channel: None,
        competitor: None,
        message: format!("{} ({})", pause.why, pause.actor),
        hint: "omniprice resume --why \"...\"".to_owned(),
    });
    set(app, open, PAUSED.to_owned(), event).await
}

/// Price wars between us and one competitor, by `observe::war` over the last days' moves.
async fn wars(app: &App, open: &Open) -> anyhow::Result<()> {
    let params = app.config.guards.rivalry.war();
    let since = app.now().plus(-params.within_ms);
    let mut known: BTreeMap<String, bool> =
        open.keys().filter(|dedupe| dedupe.starts_with("price-war/")).map(|dedupe| (dedupe.clone(), false)).collect();
    for row in reporting::restless(&app.db, since, LEAST_MOVES, RESTLESS).await? {
        let Some(product) = products::by_id(&app.db, row.product_id).await? else { continue };
        let moves = moves(app, &product, &row.competitor, since).await?;
        let found = war(&moves, &params);
        if !found.is_war {
            continue;
        }
        let dedupe = format!("price-war/{}/{}", product.id, row.competitor);
        known.insert(dedupe.clone(), true);
        let event = Raise {
            kind: "price_war",
            severity: "critical",
            dedupe: dedupe.clone(),
            product_id: Some(product.id),
            channel: None,
            competitor: Some(row.competitor.clone()),
            message: Sentence::CutsInARow.with(&[
                ("n", &found.alternations),
                ("competitor", &row.competitor),
                ("fell", &found.own_drop_pct),
            ]),
            hint: "omniprice explain SKU".to_owned(),
        };
        set(app, open, dedupe, Some(event)).await?;
    }
    for (dedupe, _) in known.into_iter().filter(|(_, lasts)| !lasts) {
        set(app, open, dedupe, None).await?;
    }
    Ok(())
}

/// Our moves and one competitor's, interleaved by time.
async fn moves(
    app: &App,
    product: &products::Product,
    competitor: &str,
    since: Millis,
) -> anyhow::Result<Vec<PriceMove>> {
    let own = currency(&product.currency)?;
    let amount = |minor| Money::from_minor(minor, own).amount();
    let mut moves: Vec<PriceMove> = Vec::new();
    for row in decisions::of_product_since(&app.db, product.id, since).await? {
        let at = Some(Millis(row.created_at));
        moves.push(PriceMove { ours: true, from: amount(row.previous_minor), to: amount(row.price_minor), at });
    }
    let mut runs =
        observations::history_of_product(&app.db, product.id, since.plus(-gather::max_age(app)), RUNS).await?;
    runs.reverse();
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for run in runs.into_iter().filter(|run| run.competitor == competitor && run.verdict == "accepted") {
        let Some(minor) = run.price_minor.filter(|_| run.currency.as_deref() == Some(own.code())) else { continue };
        let before = last.insert(run.url, minor);
        if let Some(before) = before.filter(|before| *before != minor && run.first_seen >= since.0) {
            let at = Some(Millis(run.first_seen));
            moves.push(PriceMove { ours: false, from: amount(before), to: amount(minor), at });
        }
    }
    moves.sort_by_key(|step| step.at);
    Ok(moves)
}
