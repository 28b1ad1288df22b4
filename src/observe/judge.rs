//! Brings a read page before the gate: what was accepted before, what the other competitors do, what stood near the
//! number. The gate itself is pure and next door.

use jiff::tz::TimeZone;
use serde_json::json;

use super::gate::{self, Known, Reason, Refetch, Sighting, Status, TaxLabel};
use super::markers;
use super::zscore::Log;
use crate::app::App;
use crate::clock::Millis;
use crate::decide::fx::FxTable;
use crate::extract::price::{PriceKind, TaxView};
use crate::extract::{Extraction, Hints, Offer};
use crate::money::{Currency, Decimal, Money, currency};
use crate::store::observations::{self, Latest, New, Run};
use crate::store::products::{self, Product};
use crate::store::targets::DueTarget;
use crate::telemetry::Metrics;

/// The history that counts: the last 30 accepted observations of the last 90 days, at most one per six hours.
const HISTORY_RUNS: i64 = 60;
const HISTORY_POINTS: usize = 30;
const HISTORY_AGE: i64 = 90 * Millis::DAY;
const HISTORY_STEP: i64 = 6 * Millis::HOUR;
/// Movements of the others older than this confirm nothing.
const CONSENSUS_AGE: i64 = 72 * Millis::HOUR;

/// Where and when a page was read: part of the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Where<'a> {
    pub url: &'a str,
    pub final_url: &'a str,
    pub body_hash: &'a str,
    pub at: Millis,
}

/// A judged page.
#[derive(Debug)]
pub struct Judged {
    pub new: New,
    /// Look again soon: only a second sighting can make it believed.
    pub confirm: bool,
    /// Something that rules may see differs from the run before.
    pub changed: bool,
}

/// An observation without a price.
#[must_use]
pub fn no_price(outcome: &str, reason: &str) -> New {
    New {
        outcome: outcome.to_owned(),
        verdict: "none",
        reason: reason.to_owned(),
        price_minor: None,
        currency: None,
        list_minor: None,
        availability: "unknown".to_owned(),
        offer: "{}".to_owned(),
        evidence: "{}".to_owned(),
        body_hash: None,
    }
}

/// Whether the newest sighting of a page waits for its confirmation. What is doubted because its competitor is suspended
/// waits for a person, and is read anew once that person resumed it.
///
/// # Errors
/// The store's.
pub async fn waits(app: &App, page: &DueTarget) -> anyhow::Result<bool> {
    let newest = observations::recent(&app.db, page.id, 1).await?;
    Ok(match newest.first() {
        Some(run) if run.verdict != "suspect" => false,
        Some(run) if run.reason == super::crawl::REASON => !super::crawl::is_suspended(app, &page.competitor).await?,
        newest => newest.is_some(),
    })
}

/// What we know of the product helps to read its page, never to invent a price.
///
/// # Errors
/// The store's.
pub async fn hints(app: &App, page: &DueTarget) -> anyhow::Result<Hints> {
    let product = products::by_id(&app.db, page.product_id).await?;
    let expected = app.rules().await?.set.competitor(&page.competitor).and_then(|c| c.currency);
    Ok(Hints {
        currency: expected,
        locale: None,
        expected_gtin: product.as_ref().and_then(|p| p.gtin.clone()),
        expected_title: product.map(|p| p.title),
    })
}

/// Judges what extraction found on a page.
///
/// # Errors
/// The store's and the rules'.
pub async fn offer(app: &App, page: &DueTarget, extraction: &Extraction, at: &Where<'_>) -> anyhow::Result<Judged> {
    let runs = observations::recent(&app.db, page.id, HISTORY_RUNS).await?;
    let newest = runs.first();
    let Some((offer, price)) = priced(extraction) else {
        let mut new = no_price(extraction.outcome.as_str(), &extraction.explanation);
        if let Some(offer) = &extraction.offer {
            new.availability = offer.availability.as_str().to_owned();
            new.offer = serde_json::to_string(offer)?;
        }
        new.evidence = evidence(extraction.offer.as_ref(), extraction, at, None);
        new.body_hash = Some(at.body_hash.to_owned());
        let changed = newest.is_none_or(|run| run.availability != new.availability || run.outcome != new.outcome);
        return Ok(Judged { new, confirm: false, changed });
    };
    let Some(product) = products::by_id(&app.db, page.product_id).await? else {
        return Ok(Judged { new: no_price("other", "the product is gone"), confirm: false, changed: false });
    };
    let pack = u32::try_from(product.pack_qty).unwrap_or(1);
    let sighting = sighting(offer, price, pack, newest, at.at);
    let known = known(app, page, &product, &runs, at.at).await?;
    let verdict = gate::judge(&sighting, &known, &app.config.guards.gate);
    let doubted = super::crawl::is_suspended(app, &page.competitor).await?;
    let believed = verdict.comparable.filter(|_| verdict.status == Status::Accepted).unwrap_or(price);
    let new = New {
        outcome: extraction.outcome.as_str().to_owned(),
        verdict: if doubted && verdict.status == Status::Accepted { "suspect" } else { status(verdict.status) },
        reason: if doubted { super::crawl::REASON.to_owned() } else { reason(verdict.reason) },
        price_minor: Some(believed.minor()),
        currency: Some(believed.currency().code().to_owned()),
        list_minor: offer.list_price.filter(|list| list.currency() == believed.currency()).map(Money::minor),
        availability: offer.availability.as_str().to_owned(),
        offer: serde_json::to_string(offer)?,
        evidence: evidence(Some(offer), extraction, at, verdict.z.as_deref()),
        body_hash: Some(at.body_hash.to_owned()),
    };
    let changed = newest.is_none_or(|run| {
        run.price_minor != new.price_minor || run.availability != new.availability || run.verdict != new.verdict
    });
    if new.verdict != "accepted" {
        Metrics::add(&app.metrics.doubted, 1);
    }
    // Looking again proves nothing about a competitor that is suspended as a whole.
    Ok(Judged { confirm: verdict.status == Status::Suspect && !doubted, changed, new })
}

/// Only an exact price of a product page is believed at all; from-prices and ranges keep their kind and are kept, too.
fn priced(extraction: &Extraction) -> Option<(&Offer, Money)> {
    let offer = extraction.offer.as_ref().filter(|_| extraction.outcome.is_price())?;
    let price = offer.price?;
    (!matches!(offer.kind, PriceKind::Unit | PriceKind::Instalment)).then_some((offer, price))
}

fn sighting(offer: &Offer, price: Money, pack_qty: u32, newest: Option<&Run>, now: Millis) -> Sighting {
    let near = offer.evidence.as_ref().map_or("", |evidence| evidence.raw.as_str());
    let mut seen = Sighting {
        amount: price.amount(),
        currency: Some(price.currency()),
        marker: markers::marker_near(near).filter(|_| offer.kind == PriceKind::Exact),
        tax_label: match offer.tax {
            TaxView::Gross => Some(TaxLabel::Incl),
            TaxView::Net => Some(TaxLabel::Excl),
            TaxView::Unknown => markers::tax_label_near(near),
        },
        pack_qty,
        refetches: vec![],
    };
    // An equal price that was suspect before makes this check one of its confirmations.
    let equal =
        |run: &&Run| run.price_minor == Some(price.minor()) && run.currency.as_deref() == Some(price.currency().code());
    if let Some(run) = newest.filter(|run| run.verdict == "suspect").filter(equal) {
        let first = Millis(run.first_seen);
        let refetch = |at: Millis| Refetch { after_ms: at.since(first), amount: price.amount() };
        if run.checks > 1 {
            seen.refetches.push(refetch(Millis(run.last_seen)));
        }
        seen.refetches.push(refetch(now));
    }
    seen
}

async fn known(app: &App, page: &DueTarget, product: &Product, runs: &[Run], now: Millis) -> anyhow::Result<Known> {
    let rules = app.rules().await?;
    let market = rules.set.market(&product.market);
    let own = currency(&product.currency)?;
    let (country, zone) =
        market.map_or_else(|| (String::new(), TimeZone::UTC), |m| (m.market.country.clone(), m.market.tz.0.clone()));
    let vat = app.vat.at(&country, &product.vat_class, now.timestamp().to_zoned(zone).date());
    // The page is held against its own past and against the market in the currency that the competitor asks in.
    let asked = rules.set.competitor(&page.competitor).and_then(|c| c.currency).unwrap_or(own);
    let others = observations::latest_of_product(&app.db, product.id).await?;
    let counts = |other: &&Latest| other.target_id != page.id && other.in_review == 0;
    let others: Vec<&Latest> = others.iter().filter(counts).collect();
    let foreign = others.iter().any(|other| other.currency.as_deref().is_some_and(|code| code != asked.code()));
    let fx = if foreign { app.fx().await? } else { None };
    let mut moved = Vec::new();
    for other in &others {
        let history = observations::accepted(&app.db, other.target_id, 2).await?;
        moved.extend(lately_moved(&history, now));
    }
    Ok(Known {
        currency: Some(asked),
        vat_pct: vat.map(|vat| vat.percent).unwrap_or_default(),
        history: history(runs, asked.code(), now),
        others: others.iter().filter_map(|other| amount_in(other, asked, fx.as_ref())).collect(),
        others_moved: moved,
    })
}

/// What another competitor asks, in the currency of the page that is judged; none where no rate is stored for it, because
/// the bare number says nothing.
fn amount_in(other: &Latest, asked: Currency, fx: Option<&FxTable>) -> Option<Decimal> {
    let theirs = currency(other.currency.as_deref()?).ok()?;
    let amount = Money::from_minor(other.price_minor?, theirs).amount();
    if theirs == asked {
        return Some(amount);
    }
    fx?.convert(amount, theirs, asked).ok()
}

/// The newest step of a page, whatever its currency: a factor needs no rate.
fn lately_moved(newest_two: &[Run], now: Millis) -> Option<Log> {
    let [newer, older] = newest_two else { return None };
    let comparable = newer.currency == older.currency && now.since(Millis(newer.first_seen)) <= CONSENSUS_AGE;
    let (to, from) = newer.price_minor.zip(older.price_minor).filter(|_| comparable)?;
    Some(Log::of_move(Decimal::from(from), Decimal::from(to)))
}

/// Accepted amounts, oldest first, at most one per six hours: neither a run that lasted nor a page that flaps fills the
/// history with one afternoon (SEMANTICS 4.1.5).
fn history(runs: &[Run], code: &str, now: Millis) -> Vec<Decimal> {
    let mut points: Vec<(i64, Decimal)> = Vec::new();
    for run in runs.iter().filter(|run| run.verdict == "accepted" && run.currency.as_deref() == Some(code)) {
        let Some(money) = run.price_minor.zip(currency(code).ok()).map(|(minor, c)| Money::from_minor(minor, c)) else {
            continue;
        };
        let before_the_last = points.last().map_or(i64::MAX, |(at, _)| at.saturating_sub(HISTORY_STEP));
        let mut at = run.last_seen.min(before_the_last);
        while at >= run.first_seen && points.len() < HISTORY_POINTS && now.since(Millis(at)) <= HISTORY_AGE {
            points.push((at, money.amount()));
            at -= HISTORY_STEP;
        }
    }
    points.reverse();
    points.into_iter().map(|(_, amount)| amount).collect()
}

fn evidence(offer: Option<&Offer>, extraction: &Extraction, at: &Where<'_>, z: Option<&str>) -> String {
    json!({
        "url": at.url,
        "final_url": at.final_url,
        "at": at.at.to_string(),
        "body_sha256": at.body_hash,
        "confidence": extraction.confidence,
        "explanation": extraction.explanation,
        "z": z,
        "price": offer.and_then(|offer| offer.evidence.as_ref()),
    })
    .to_string()
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Accepted => "accepted",
        Status::Suspect => "suspect",
        Status::Quarantined => "quarantined",
        Status::Rejected => "rejected",
    }
}

fn reason(reason: Reason) -> String {
    serde_json::to_value(reason).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
