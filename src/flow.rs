//! The pipeline on one page, and the only file that knows its order:
//! schedule, fetch, extract, observe, decide, publish, verify, report.
//!
//! Each function does one stage's share of what is due now and says whether there was any, so that the daemon can
//! repeat it for ever and `once` until nothing is left.

mod campaign_claims;
pub mod campaign_consent;
mod campaign_plan;
mod campaign_stages;
pub mod campaigns;
pub mod facts;
pub mod fx;
pub mod guards;
mod history;
pub mod intent;
pub mod matches;
pub mod moving;
pub mod names;
pub mod odd_rules;
pub mod pricing;
mod proposal;
pub mod replay;
mod replay_set;
mod rivalry;
mod settle;
pub mod staged;
pub mod terms;

use std::sync::Arc;

use self::matches::Pick;
use crate::app::App;
use crate::channel::{Drift, Match};
use crate::clock::Millis;
use crate::config::Mode;
use crate::observe::visit;
use crate::publish::lane::{self, Lane, Round};
use crate::report;
use crate::store::listings::Found;
use crate::store::{StoreError, fleet, listings, overrides, products, progress, settings, targets};
use crate::telemetry::Metrics;
use crate::verify::{self, Kind, Look};

/// Due pages taken per host and claim.
const PAGES_PER_CLAIM: i64 = 16;
/// Products decided per claim, and how long the claim lasts.
const PRODUCTS_PER_CLAIM: i64 = 64;
const DECIDE_LEASE: i64 = 20 * Millis::SECOND;
/// SKUs looked up on a channel per request.
const FIND_PAGE: i64 = 200;
/// How long one worker may hold a duty such as reading a whole channel.
const DUTY_LEASE: i64 = 10 * Millis::MINUTE;
/// A duty that a channel did not let us finish is taken up again after this.
const PART_AGAIN: i64 = 5 * Millis::MINUTE;
/// Products that a channel does not have are looked for again after this.
const MAP_EVERY: i64 = Millis::HOUR;
/// Overrides closed at once; the next pass takes the rest.
const OVERRIDES_PER_PASS: i64 = 1_000;

/// Fetch, extract, observe: visits hosts that have pages due. Returns how many pages were checked.
///
/// # Errors
/// The store's; what goes wrong with a page is its outcome.
pub async fn check_due(app: &Arc<App>) -> anyhow::Result<u64> {
    let now = app.now();
    let hosts = i64::try_from(app.config.fetch.concurrency).unwrap_or(i64::MAX);
    let claims = targets::claim(&app.db, now, now.plus(visit::lease_ms(app)), hosts, PAGES_PER_CLAIM).await?;
    let mut visits = tokio::task::JoinSet::new();
    for claim in claims {
        let app = Arc::clone(app);
        visits.spawn(async move { visit::host(&app, claim).await });
    }
    let mut checked = 0;
    while let Some(visited) = visits.join_next().await {
        // One page that makes a parser panic must not take the others with it; its attempts are counted at the claim.
        match visited {
            Ok(result) => checked += result?,
            Err(panic) => tracing::error!("a visit panicked and was dropped: {panic}"),
        }
    }
    Ok(checked)
}

/// Decide: prices products whose facts changed, and writes each decision with the desired price of every channel.
///
/// # Errors
/// The rules' and the store's.
pub async fn decide_due(app: &App) -> anyhow::Result<u64> {
    let now = app.now();
    let claimed = products::claim_dirty(&app.db, now, now.plus(DECIDE_LEASE), PRODUCTS_PER_CLAIM).await?;
    if claimed.is_empty() {
        return Ok(0);
    }
    let n = claimed.len() as u64;
    pricing::decide(app, claimed, now).await?;
    Metrics::add(&app.metrics.evaluations, n);
    Ok(n)
}

/// Publish: one round of one channel's lane.
///
/// # Errors
/// The rules' and the store's.
pub async fn publish_due(app: &App, lane: &Lane) -> anyhow::Result<Round> {
    let terms = Arc::new(app.terms().await?);
    let round = lane::round(&app.db, &app.clock, lane, terms).await?;
    Metrics::add(&app.metrics.pushes, round.pushed);
    Metrics::add(&app.metrics.verified, round.verified);
    Ok(round)
}

/// Verify: finds listings of new products on a channel, and compares the whole channel when it is time.
///
/// # Errors
/// The store's.
pub async fn verify_due(app: &App, lane: &Lane) -> anyhow::Result<bool> {
    let whole_map = async { Ok(map(app, lane).await?.error.is_none()) };
    // Where another mode lets prices out, a channel that only we fill is filled at once.
    let named = format!("{}{}/{}", settings::SEARCHES, lane.name, app.config.mode.as_str());
    let mapped = duty_in_part(app, named, MAP_EVERY, whole_map).await?;
    let every = app.config.publish.reconcile_every.0;
    let whole_look = async { Ok(reconcile(app, lane, false).await?.error.is_none()) };
    let compared = duty_in_part(app, format!("reconcile/{}", lane.name), every, whole_look).await?;
    Ok(mapped || compared)
}

/// Reads a whole channel and, unless `dry_run`, handles what differs by the channel's policy.
///
/// # Errors
/// The store's.
pub async fn reconcile(app: &App, lane: &Lane, dry_run: bool) -> anyhow::Result<verify::Report> {
    look(app, lane, if dry_run { Look::Only } else { Look::ByPolicy }).await
}

/// Reads a whole channel and handles what differs; a price that is to be adopted becomes a decision for all channels.
///
/// # Errors
/// The store's.
pub async fn look(app: &App, lane: &Lane, look: Look<'_>) -> anyhow::Result<verify::Report> {
    let report = verify::look(app, lane, look).await?;
    if let Some(error) = &report.error {
        tracing::warn!(channel = lane.name, "channel {} was not read to its end: {error}", lane.name);
    }
    if lane.drift == Drift::Adopt && !matches!(look, Look::Only) {
        let ours = |id: i64| report.reasserted.contains(&id);
        for difference in report.differences.iter().filter(|d| d.kind == Kind::Drifted && !ours(d.product_id)) {
            if let Some(price) = difference.found {
                pricing::adopt(app, difference.product_id, price, &lane.name).await?;
            }
        }
    }
    Ok(report)
}

/// Tends to what time alone changes: exchange rates, tax rates and channel terms, the phases of campaigns, the ends of
/// overrides and of answers to rivals.
///
/// # Errors
/// The rules' and the store's; rates that cannot be fetched are an event.
pub async fn tend(app: &App) -> anyhow::Result<()> {
    let now = app.now();
    for over in overrides::expire(&app.db, now, OVERRIDES_PER_PASS).await? {
        tracing::info!(product = over.product_id, "the {} of {} on {} is over", over.kind, over.owner, over.sku);
    }
    fx::tend(app).await?;
    terms::tend(app).await?;
    moving::tend(app).await?;
    campaigns::tend(app).await?;
    rivalry::settle(app, now).await
}

/// Report: alerts that cannot wait, and digests whose time has come. Returns how many digests went out.
///
/// # Errors
/// The store's; a mail that does not go out waits for its next try.
pub async fn report_due(app: &App) -> anyhow::Result<u64> {
    report::alerting::round(app).await?;
    digests_due(app).await
}

/// Sends the digests whose time has come, and counts them.
///
/// # Errors
/// The store's; a mail that does not go out waits for its next try.
pub async fn digests_due(app: &App) -> anyhow::Result<u64> {
    let sent = report::send_due(app).await?;
    Metrics::add(&app.metrics.digests, sent);
    Ok(sent)
}

/// What a search of a channel for our products brought.
#[derive(Debug, Clone, Default)]
pub struct Mapped {
    pub added: usize,
    /// SKUs that several listings of the channel carry; none of them is priced before a person has mended that.
    pub ambiguous: Vec<String>,
    /// SKUs whose listing cannot be priced for them, and why.
    pub shut: Vec<(String, String)>,
    /// Why the search was not finished.
    pub error: Option<String>,
}

/// Finds products that a channel has and we do not know there yet. Live prices are adopted, never overwritten.
///
/// # Errors
/// The store's; a channel that does not answer is part of the result.
pub async fn map(app: &App, lane: &Lane) -> anyhow::Result<Mapped> {
    let mut after = 0;
    let mut mapped = Mapped::default();
    loop {
        let page = listings::unlisted(&app.db, &lane.name, after, FIND_PAGE).await?;
        let Some(last) = page.last() else {
            seed(app, lane).await?;
            if !mapped.ambiguous.is_empty() {
                let (n, name) = (mapped.ambiguous.len(), &lane.name);
                tracing::warn!(
                    channel = name,
                    "{n} SKUs belong to several listings on {name} and are not priced there"
                );
            }
            for (sku, why) in &mapped.shut {
                tracing::warn!(channel = lane.name, "{sku} is not priced on {}: {why}", lane.name);
            }
            return Ok(mapped);
        };
        after = last.id;
        let skus: Vec<String> = page.iter().map(|product| product.sku.clone()).collect();
        let found_there = match lane.channel.find(&skus).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(channel = lane.name, "channel {} cannot be searched: {error}", lane.name);
                return Ok(Mapped { error: Some(error.to_string()), ..mapped });
            }
        };
        mapped.ambiguous.extend(matches::several(&skus, &found_there));
        mapped.shut.extend(matches::shut(&skus, &found_there));
        let own = lane.channel.capabilities().currency;
        let decimals = lane.channel.capabilities().decimals();
        let mut found = Vec::new();
        for product in &page {
            if let Pick::One(hit) = matches::pick(&product.sku, &found_there) {
                if let Some(other) = held(app, lane, product.id, hit).await? {
                    let why = format!("its listing there is {other}'s already, and has one price");
                    mapped.shut.push((product.sku.clone(), why));
                    continue;
                }
                found.push(Found {
                    channel: lane.name.clone(),
                    product_id: product.id,
                    external: hit.external.clone(),
                    currency: own.code().to_owned(),
                    live_minor: hit
                        .price
                        .filter(|price| price.currency() == own)
                        .and_then(|p| p.units_at(decimals).ok()),
                    decimals: (decimals > crate::money::exponent(own)).then_some(i64::from(decimals)),
                });
            }
        }
        // A decision made before the listing was found must reach it; and what only we fill must not stay empty.
        let ours = lane.channel.capabilities().seeded_by_us;
        let decided = |id: i64| page.iter().any(|product| product.id == id && product.version > 0);
        let wanting = found.iter().filter(|f| decided(f.product_id) || (ours && f.live_minor.is_none()));
        let wanting: Vec<i64> = wanting.map(|f| f.product_id).collect();
        mapped.added += found.len();
        listings::add(&app.db, found, app.now()).await?;
        if app.config.mode == Mode::Auto {
            pricing::seed(app, lane, &wanting).await?;
        }
    }
}

/// The product whose listing this is already, as long as the channel says so: a SKU that was renamed there keeps nobody
/// from its listing.
async fn held(app: &App, lane: &Lane, product_id: i64, hit: &Match) -> anyhow::Result<Option<String>> {
    let Some(other) = listings::holder(&app.db, &lane.name, &hit.external, product_id).await? else { return Ok(None) };
    let still = match lane.channel.find(std::slice::from_ref(&other)).await {
        Ok(found) => found.iter().any(|one| one.sku == other && one.external == hit.external),
        Err(_) => true,
    };
    Ok(still.then_some(other))
}

/// A feed that lacks the products whose price never changed would have a marketplace take them off sale.
async fn seed(app: &App, lane: &Lane) -> anyhow::Result<()> {
    let mut after = 0;
    while app.config.mode == Mode::Auto && lane.channel.capabilities().seeded_by_us {
        let wanting = fleet::unseeded(&app.db, &lane.name, after, FIND_PAGE).await?;
        let Some(last) = wanting.last() else { break };
        after = *last;
        pricing::seed(app, lane, &wanting).await?;
    }
    Ok(())
}

/// Runs a duty that may end before it is done (`false`), and is then due again after a few minutes; returns whether it
/// was due.
async fn duty_in_part(
    app: &App,
    name: String,
    every: i64,
    work: impl Future<Output = anyhow::Result<bool>>,
) -> anyhow::Result<bool> {
    let Some(whole) = duty(app, &name, every, work).await? else { return Ok(false) };
    if !whole {
        let done_at = app.now().plus(PART_AGAIN.min(every) - every);
        settings::end_duty(&app.db, name, app.owner.clone(), Some(done_at)).await?;
    }
    Ok(true)
}

/// Runs a duty if it is due and no other worker has it.
pub(crate) async fn duty<T>(
    app: &App,
    name: &str,
    every: i64,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<Option<T>> {
    let now = app.now();
    let name = name.to_owned();
    let not_since = now.plus(-every);
    if !settings::take_duty(&app.db, name.clone(), app.owner.clone(), now, now.plus(DUTY_LEASE), not_since).await? {
        return Ok(None);
    }
    let done = work.await;
    settings::end_duty(&app.db, name, app.owner.clone(), done.is_ok().then(|| app.now())).await?;
    done.map(Some)
}

/// What one pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pass {
    pub checked: u64,
    pub evaluated: u64,
    pub pushed: u64,
    /// Of the prices pushed, those that the channel answered with an error, or not at all.
    pub failed: u64,
    pub verified: u64,
    pub digests: u64,
}

/// One whole pass: everything that is due, and what follows from it, until all of it is settled, or nothing has moved
/// for `patience_ms`.
///
/// # Errors
/// The first stage that fails.
pub async fn pass(app: &Arc<App>, patience_ms: i64) -> anyhow::Result<Pass> {
    let mut done = Pass::default();
    tend(app).await?;
    for lane in &app.lanes {
        verify_due(app, lane).await?;
    }
    let mut moved_at = app.now();
    // Pages that come due again meanwhile are the next pass's: with a short interval this one would never end.
    let until = moved_at.plus(patience_ms);
    loop {
        let before = done;
        work(app, &mut done, until).await?;
        let now = app.now();
        if done != before {
            moved_at = now;
            continue;
        }
        let next = [targets::next_due(&app.db).await?, products::next_dirty(&app.db).await?, next_publish(app).await?];
        let Some(next) = next.into_iter().flatten().min() else { break };
        // What waits for another listing, or for a channel that refuses us, stays due; that is no progress.
        let wait = next.since(now).max(20);
        if now.since(moved_at) + wait > patience_ms {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(wait.unsigned_abs())).await;
    }
    done.digests = report_due(app).await?;
    Ok(done)
}

/// When the next listing of any channel of the config has something to do: those of a channel that was taken out of it
/// wait for its return.
///
/// # Errors
/// The store's.
pub async fn next_publish(app: &App) -> Result<Option<Millis>, StoreError> {
    let mut next = None;
    for lane in &app.lanes {
        let own = progress::next_at(&app.db, &lane.name).await?;
        next = [next, own].into_iter().flatten().min();
    }
    Ok(next)
}

/// One share of every stage's work; pages are checked as long as some were due by `until`.
async fn work(app: &Arc<App>, done: &mut Pass, until: Millis) -> anyhow::Result<()> {
    if app.now() <= until || targets::count_due(&app.db, until).await? > 0 {
        done.checked += check_due(app).await?;
    }
    loop {
        let evaluated = decide_due(app).await?;
        done.evaluated += evaluated;
        if evaluated == 0 {
            break;
        }
    }
    for lane in &app.lanes {
        let round = publish_due(app, lane).await?;
        done.pushed += round.pushed;
        done.failed += round.failed;
        done.verified += round.verified;
    }
    Ok(())
}
