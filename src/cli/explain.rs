//! `omniprice explain SKU`: what the price is and why, read from the record and proved by computing it again.

use std::process::ExitCode;

use anyhow::{Context as _, bail};

mod intent;
mod moved;
mod proof;
mod standing;
mod text;
mod way_out;

use super::{Context, when};
use crate::app::{App, kept_rules};
use crate::clock::Millis;
use crate::decide::prior::Audience;
use crate::decide::release::Check;
use crate::decide::text::Zone;
use crate::decide::{self, Outcome};
use crate::flow::pricing::Record;
use crate::money::{Money, WirePrice, currency};
use crate::report::digest::plain;
use crate::store::decisions::{self, DecisionRow, Evaluation};
use crate::store::listings::{self, Listing};
use crate::store::observations::{self, Evidence};
use crate::store::products::{self, Product};
use crate::store::progress::{self, Attempt, LivePrice};
use crate::store::{revisions, targets};

const ATTEMPTS: usize = 5;
/// Attempts looked through for those of an earlier instant.
const ATTEMPTS_BACK: i64 = 1_000;
const HISTORY: i64 = 12;

#[derive(Debug, clap::Args)]
pub struct Args {
    sku: String,
    /// The decision in force at this time, and what waited for a person: a day (its end) or a time such as
    /// 2026-11-21T10:00, both in the zone of reports, or with an offset, 2026-11-21T10:00+01:00
    #[arg(long, value_name = "DAY|TIME")]
    at: Option<String>,
    /// Only this channel
    #[arg(long)]
    channel: Option<String>,
}

#[derive(serde::Serialize)]
struct Report {
    sku: String,
    title: String,
    price: String,
    version: i64,
    /// The instant that was asked about, to the millisecond; listings show what they asked then beside their state of today.
    at: Option<String>,
    /// Another decision than the one that is told would be found at the end of the second that was asked about.
    #[serde(skip)]
    at_exactly: bool,
    locked: bool,
    /// The newest evaluation in one sentence, and the whole story of it.
    outcome: Option<String>,
    since: Option<String>,
    /// When that was found: a hold may have had another reason before.
    evaluated_at: Option<String>,
    why: Option<String>,
    story: Option<String>,
    decision: Option<Decided>,
    /// The proposal that waited for a person at the instant that is asked about, and what became of it.
    waited: Option<standing::Waited>,
    /// Who turned the newest proposal down, as long as that counts.
    turned_down: Option<standing::TurnedDown>,
    /// `equal`: computed again from its record, the decision and the guards' answers came out the same, and rows and records
    /// agree.
    proof: String,
    /// The rules and settings that decided, and what each guard answered.
    cites: Option<Cites>,
    /// What people, campaigns and the watch over rivals have to do with it, one sentence each.
    intent: Vec<String>,
    /// When it went to another market or into another money, who did that and why; newest first.
    moved: Vec<String>,
    offers: Vec<Seen>,
    /// Competitor pages with their last outcome, where nothing was read from any of them.
    pages: Vec<Looked>,
    channels: Vec<OnChannel>,
}

#[derive(serde::Serialize)]
struct Cites {
    /// Number of the rule revision.
    rules: i64,
    /// Number, hash and text of the settings; none in records of versions that cited none.
    settings: Option<i64>,
    settings_hash: Option<String>,
    settings_values: Option<serde_json::Value>,
    guards: Vec<Check>,
}

/// What computing a record again says.
struct Proof {
    verdict: String,
    story: String,
    cites: Option<Cites>,
}

#[derive(serde::Serialize)]
struct Looked {
    competitor: String,
    url: String,
    outcome: Option<String>,
    checked_at: Option<String>,
}

#[derive(serde::Serialize)]
struct Decided {
    /// Its number, which `rollback` takes.
    id: i64,
    version: i64,
    /// To the millisecond: several may fall into one second.
    at: String,
    /// Whether another decision on the product fell into the same second.
    #[serde(skip)]
    crowded: bool,
    from: String,
    to: String,
    actor: String,
    why: String,
}

#[derive(serde::Serialize)]
struct Seen {
    competitor: String,
    price: Option<String>,
    verdict: String,
    reason: String,
    first_seen: String,
    last_seen: String,
    checks: i64,
    url: String,
    /// Source, path, raw text and hash of the page.
    evidence: serde_json::Value,
}

#[derive(serde::Serialize)]
struct OnChannel {
    channel: String,
    /// Who sees its prices: `public` or `loyalty`.
    audience: &'static str,
    /// What it showed, or may have shown, at the instant that was asked about.
    then: Option<Then>,
    state: String,
    since: String,
    reason: String,
    desired: Option<String>,
    live: Option<String>,
    live_at: Option<String>,
    /// The start of a campaign that the channel keeps by itself.
    begins: Option<Begins>,
    attempts: Vec<Attempt>,
}

#[derive(serde::Serialize)]
struct Then {
    price: String,
    /// How sure that is: `sent`, `unknown`, `accepted`, `verified`, or `foreign` for a price that somebody else set.
    basis: String,
    since: String,
    /// Who could buy at it: `public` or `loyalty`.
    audience: String,
}

#[derive(serde::Serialize)]
struct Begins {
    price: String,
    from: String,
    until: String,
}

/// # Errors
/// An unknown SKU, the store's, or a record that does not come out equal when it is computed again.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let product = super::names::product(&app, &args.sku).await?;
    if let Some(unknown) = args.channel.as_ref().filter(|name| app.lane(name).is_none()) {
        let known: Vec<&str> = app.lanes.iter().map(|lane| lane.name.as_str()).collect();
        return Err(super::wrong(format!(
            "there is no channel `{unknown}`\nhint: configured are {}",
            known.join(", ")
        )));
    }
    let zone = super::zone_of_reports(&app)?;
    let at = args.at.as_deref().map(|text| asked(text, &zone, app.now())).transpose()?;
    if let Some(at) = at {
        known_at(&app, &product, at, &zone).await?;
    }
    let decision = match at {
        Some(at) => decisions::at(&app.db, product.id, at).await?,
        None => decisions::latest(&app.db, product.id).await?,
    };
    let evaluation = decisions::evaluation(&app.db, product.id).await?.filter(|_| at.is_none());
    let record = decision.as_ref().map(|d| d.record.clone()).filter(|_| at.is_some());
    let record = record
        .or_else(|| evaluation.as_ref().map(|e| e.record.clone()))
        .or_else(|| decision.as_ref().map(|d| d.record.clone()));
    let record: Option<Record> =
        record.map(|text| serde_json::from_str(&text)).transpose().context("the stored record")?;
    let proof = match &record {
        Some(record) => prove(&app, &product, record, decision.as_ref(), evaluation.as_ref()).await?,
        None => Proof { verdict: "nothing was decided yet".to_owned(), story: String::new(), cites: None },
    };
    let waited = match at {
        Some(at) => standing::waited(&app, &product, at).await?,
        None => None,
    };
    let asked = Asked { at, channel: args.channel.as_deref(), waited };
    let report = report(&app, asked, &product, decision.as_ref(), evaluation.as_ref(), proof).await?;
    context.print(&report, |report| when::local(&text::of(report, &zone.name()), &zone))?;
    if report.proof.starts_with("MISMATCH") {
        bail!("{}: {}", product.sku, report.proof);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked about.
struct Asked<'a> {
    at: Option<Millis>,
    channel: Option<&'a str>,
    waited: Option<standing::Waited>,
}

/// A day stands for its last moment, and today for now.
fn asked(text: &str, zone: &Zone, now: Millis) -> anyhow::Result<Millis> {
    let Some((begin, end)) = when::begin(text, zone).zip(when::end(text, zone)) else {
        return Err(super::wrong(format!(
            "--at: `{text}` is neither a day nor an instant\nhint: 2026-11-20 (its end) or 2026-11-20T10:00, both in {}; or with an offset, 2026-11-20T10:00+01:00",
            zone.name()
        )));
    };
    if begin == end {
        // The present second is not over.
        return Ok(if begin <= now { when::last_of(text, begin).min(now) } else { begin });
    }
    Ok(if begin <= now { end.plus(-1).min(now) } else { begin })
}

/// Nothing can be said of a time that has not come, or before the product was known.
async fn known_at(app: &App, product: &Product, at: Millis, zone: &Zone) -> anyhow::Result<()> {
    let (now, since) = (app.now(), products::since(&app.db, product.id).await?.unwrap_or(Millis(0)));
    if at > now {
        let said = format!("--at {at} has not come yet\nhint: leave --at out for what holds now");
        return Err(super::wrong(when::local(&said, zone)));
    }
    if at < since {
        let sku = plain(&product.sku);
        let said = format!("--at {at}: {sku} was imported at {since}\nhint: nothing is known before");
        return Err(super::wrong(when::local(&said, zone)));
    }
    Ok(())
}

/// The story of a record, and whether everything stored about it comes out equal when it is computed again with the very
/// rules and settings that it cites.
async fn prove(
    app: &App,
    product: &Product,
    record: &Record,
    decision: Option<&DecisionRow>,
    evaluation: Option<&Evaluation>,
) -> anyhow::Result<Proof> {
    let settings = proof::settings(app, record).await?;
    let cites = Cites {
        rules: record.rule_revision,
        settings: settings.as_ref().map(|settings| settings.id),
        settings_hash: record.config.clone(),
        settings_values: settings.and_then(|settings| serde_json::from_str(&settings.body).ok()),
        guards: record.guarded.as_ref().map_or_else(Vec::new, |guarded| guarded.release.checks.clone()),
    };
    let Some(revision) = revisions::rules(&app.db, record.rule_revision).await? else {
        let verdict = format!("MISMATCH: rule revision {} is not in the database", record.rule_revision);
        return Ok(Proof { verdict, story: String::new(), cites: Some(cites) });
    };
    let rules = kept_rules(&revision.body)?;
    let now = record.now.timestamp();
    let mut told = decide::explain::explain(&record.facts, &rules, now, &record.decision, None);
    match evaluation {
        Some(evaluation) => standing::settle(app, product, evaluation, record, &mut told).await?,
        None => {
            told.stands_at(&record.facts, Outcome::Change, record.price());
            told.why.extend(record.release.iter().map(|reason| format!("{}.", plain(reason))));
        }
    }
    let mut wrong = proof::engine(record, &rules, decision);
    if let Some(row) = decision {
        let own: Record = serde_json::from_str(&row.record).context("the record of the decision")?;
        wrong = wrong.or_else(|| proof::row(row, &own)).or(proof::guards(app, &own, true).await?);
    }
    if let Some(row) = evaluation {
        wrong = wrong.or_else(|| proof::evaluation(row, record)).or(proof::guards(app, record, false).await?);
    }
    let verdict = wrong.map_or_else(|| "equal".to_owned(), |wrong| format!("MISMATCH: {wrong}"));
    Ok(Proof { verdict, story: told.to_string(), cites: Some(cites) })
}

async fn report(
    app: &App,
    asked: Asked<'_>,
    product: &Product,
    decision: Option<&DecisionRow>,
    evaluation: Option<&Evaluation>,
    proof: Proof,
) -> anyhow::Result<Report> {
    let money = money_of;
    let until = asked.at.unwrap_or_else(|| app.now());
    let moved = moved::until(app, product.id, until).await?;
    let later = moved::first_after(app, product.id, until).await?;
    // Before the first decision our price was what the catalogue said; the next decision remembers it.
    let next = match asked.at {
        Some(_) if decision.is_none() => decisions::after(&app.db, product.id, until).await?,
        _ => None,
    };
    let history = observations::history_of_product(&app.db, product.id, until.plus(-30 * Millis::DAY), HISTORY).await?;
    let then = decision.filter(|_| asked.at.is_some());
    let mut channels = Vec::new();
    let rules = app.rules().await.ok();
    for listing in listings::of_product(&app.db, product.id).await? {
        if asked.channel.is_none_or(|name| name == listing.channel) {
            let mut attempts = progress::attempts(&app.db, listing.id, ATTEMPTS_BACK).await?;
            attempts.retain(|attempt| attempt.started_at <= until.0);
            attempts.truncate(ATTEMPTS);
            let audience = rules.as_ref().map_or(Audience::Public, |loaded| loaded.set.audience(&listing.channel));
            let then = match asked.at {
                Some(at) => progress::live_at(&app.db, listing.id, at).await?,
                None => None,
            };
            channels.push(OnChannel { then: then.map(shown_then), ..on_channel(listing, attempts, audience) });
        }
    }
    let offers: Vec<Seen> = history.into_iter().filter(|e| e.first_seen <= until.0).map(|e| seen(e, &money)).collect();
    let pages = if offers.is_empty() { looked(app, product.id).await? } else { vec![] };
    Ok(Report {
        intent: intent::sentences(app, product, asked.channel, until).await?,
        turned_down: standing::turned_down(app, product, until).await?.map(|(_, no)| no),
        waited: asked.waited,
        pages,
        sku: product.sku.clone(),
        title: plain(&product.title),
        price: moved::price(product, asked.at, then, &moved, next.as_ref(), later.as_ref()),
        moved: moved.iter().map(moved::told).collect(),
        version: then.map_or(if asked.at.is_some() { 0 } else { product.version }, |d| d.version),
        at: asked.at.map(Millis::exact),
        at_exactly: match asked.at {
            Some(at) => {
                let found = decisions::at(&app.db, product.id, at.end_of_second()).await?;
                found.map(|found| found.id) != decision.map(|own| own.id)
            }
            None => false,
        },
        // A lock of the catalogue is known as it is now only.
        locked: product.locked != 0 && asked.at.is_none() || intent::locked(app, product, until).await?,
        outcome: evaluation.map(|e| e.outcome.clone()),
        since: evaluation.map(|e| Millis(e.since).to_string()),
        evaluated_at: evaluation.map(|e| Millis(e.evaluated_at).to_string()),
        why: evaluation.map(|e| plain(&e.why)),
        story: Some(proof.story).filter(|story| !story.is_empty()),
        decision: match decision {
            Some(decision) => Some(decided(app, decision, &money).await?),
            None => None,
        },
        proof: proof.verdict,
        cites: proof.cites,
        offers,
        channels,
    })
}

/// An amount as it is stored, in words; empty for a currency that is none.
fn money_of(minor: i64, code: &str) -> String {
    currency(code).map_or_else(|_| String::new(), |c| Money::from_minor(minor, c).to_string())
}

async fn decided(app: &App, d: &DecisionRow, money: &impl Fn(i64, &str) -> String) -> anyhow::Result<Decided> {
    let at = Millis(d.created_at);
    let end = at.end_of_second();
    let since = decisions::of_product_since(&app.db, d.product_id, end.plus(1 - Millis::SECOND)).await?;
    Ok(Decided {
        id: d.id,
        version: d.version,
        at: at.exact(),
        crowded: since.iter().any(|other| other.id != d.id && other.created_at <= end.0),
        from: money(d.previous_minor, &d.currency),
        to: money(d.price_minor, &d.currency),
        actor: d.actor.clone(),
        why: plain(&d.why),
    })
}

/// The pages of a product: what came of the last look at each.
async fn looked(app: &App, product_id: i64) -> anyhow::Result<Vec<Looked>> {
    let pages = targets::of_product(&app.db, product_id).await?.into_iter();
    let look = |page: targets::TargetRow| Looked {
        competitor: plain(&page.competitor),
        url: plain(&page.url),
        outcome: page.outcome,
        checked_at: page.checked_at.map(|at| Millis(at).to_string()),
    };
    Ok(pages.map(look).collect())
}

fn seen(e: Evidence, money: &impl Fn(i64, &str) -> String) -> Seen {
    Seen {
        price: e.price_minor.zip(e.currency.as_deref()).map(|(minor, code)| money(minor, code)),
        competitor: plain(&e.competitor),
        verdict: e.verdict,
        reason: plain(&e.reason),
        first_seen: Millis(e.first_seen).to_string(),
        last_seen: Millis(e.last_seen).to_string(),
        checks: e.checks,
        url: plain(&e.url),
        evidence: serde_json::from_str(&e.evidence).unwrap_or_default(),
    }
}

fn shown_then(live: LivePrice) -> Then {
    let price = counted(live.minor, live.decimals, &live.currency);
    Then { price, basis: live.basis, since: Millis(live.seen_at).to_string(), audience: live.audience }
}

/// An amount of a listing, which may be counted in more decimals than its currency has.
fn counted(units: i64, decimals: Option<i64>, code: &str) -> String {
    WirePrice::stored(units, decimals, code).map_or_else(|_| String::new(), |price| price.to_string())
}

fn on_channel(listing: Listing, attempts: Vec<Attempt>, audience: Audience) -> OnChannel {
    let price = |units: i64| counted(units, listing.decimals, &listing.currency);
    let amount = |units: Option<i64>| units.map(price);
    let begins = listing.staged_minor.zip(listing.staged_from.zip(listing.staged_until));
    OnChannel {
        then: None,
        audience: audience.as_str(),
        begins: begins.map(|(minor, (from, until))| Begins {
            price: price(minor),
            from: Millis(from).to_string(),
            until: Millis(until).to_string(),
        }),
        desired: amount(listing.desired_minor),
        live: amount(listing.live_minor),
        live_at: listing.live_at.map(|at| Millis(at).to_string()),
        since: Millis(listing.state_since).to_string(),
        channel: listing.channel,
        state: listing.state,
        reason: plain(&listing.reason),
        attempts,
    }
}
