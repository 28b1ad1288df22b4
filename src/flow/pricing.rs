//! Gathers the facts of a product, asks the engine, and writes what comes of it with every channel's desired price.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::guards;
use crate::app::{App, Loaded, hex};
use crate::clock::Millis;
use crate::decide::facts::LastReference;
use crate::decide::facts::{Availability, Condition, Lock, OfferFact, PriceKind, Standing, Tax};
use crate::decide::release::Approval;
use crate::decide::{self, Decision, Facts, Outcome};
use crate::money::{Decimal, Money, currency};
use crate::publish::lane::Lane;
use crate::publish::terms::Terms;
use crate::store::decisions::{self, Evaluated, Written};
use crate::store::events::{self, Raise};
use crate::store::listings::{self, Desire};
use crate::store::observations::{self, Latest};
use crate::store::products::{self, Product};
use crate::store::targets;
use crate::telemetry::Metrics;

/// Everything needed to compute a decision again: what `explain` reads and proves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub now: Millis,
    pub rule_revision: i64,
    pub facts: Facts,
    pub decision: Decision,
    /// Why the outcome differs from the engine's: the mode, a guard, a person.
    pub release: Vec<String>,
}

/// A proposal on its way to the log.
struct Proposed {
    product: Product,
    record: Record,
    verdict: guards::Verdict,
}

/// Decides claimed products: the engine for each, the guards for each, the breakers for all of them together.
///
/// # Errors
/// The rules' and the store's.
pub async fn decide(app: &App, claimed: Vec<Product>, claimed_at: Millis) -> anyhow::Result<()> {
    let loaded = app.rules().await?;
    let terms = app.terms().await?;
    let mut run = Vec::with_capacity(claimed.len());
    for product in claimed {
        let now = app.now();
        let facts = facts(app, &loaded, &product, now).await?;
        let decision = decide::price(&facts, &loaded.set, now.timestamp());
        let verdict = guards::judge(app, &loaded, &product, &facts, &decision, now).await?;
        let record = Record { now, rule_revision: loaded.revision, facts, decision, release: vec![] };
        run.push(Proposed { product, record, verdict });
    }
    let held = hold_run(app, &loaded, &run).await?;
    for Proposed { product, mut record, mut verdict } in run {
        if verdict.outcome == Outcome::Change && !held.is_empty() {
            verdict.outcome = Outcome::Review;
            verdict.reasons.extend(held.iter().cloned());
        }
        if verdict.wants_witness {
            targets::hasten(&app.db, product.id, record.now.plus(app.config.schedule.confirm_after.0)).await?;
        }
        record.release = verdict.reasons;
        let evaluated = evaluated(app, &terms, &product, record, verdict.outcome, claimed_at).await?;
        write(app, evaluated).await?;
    }
    Ok(())
}

/// Why the whole run waits for a person; empty if it may go on.
async fn hold_run(app: &App, loaded: &Loaded, run: &[Proposed]) -> anyhow::Result<Vec<String>> {
    let item = |p: &Proposed| {
        let changes = p.verdict.outcome == Outcome::Change;
        (
            p.record.facts.product.current,
            p.record.decision.price.filter(|_| changes),
            p.verdict.outcome == Outcome::Hold && p.record.decision.proposes(),
        )
    };
    let items: Vec<_> = run.iter().map(item).collect();
    let held = guards::run_holds(app, loaded, &items, app.now()).await?;
    if let Some(why) = held.first() {
        let event = Raise {
            kind: "run_held",
            severity: "critical",
            dedupe: "run-held".to_owned(),
            product_id: None,
            channel: None,
            competitor: None,
            message: why.clone(),
            hint: "omniprice review lists the proposals; omniprice approve or reject settles them".to_owned(),
        };
        events::raise(&app.db, event, app.now()).await?;
    } else {
        events::resolve(&app.db, "run-held".to_owned(), app.now()).await?;
    }
    Ok(held)
}

async fn write(app: &App, evaluated: Evaluated) -> anyhow::Result<Written> {
    let sku = evaluated.product_id;
    let written = decisions::write(&app.db, evaluated).await?;
    if let Written::Decided { version } = written {
        Metrics::add(&app.metrics.decisions, 1);
        tracing::debug!(product = sku, version, "product {sku} has decision {version}");
    }
    Ok(written)
}

/// The facts of a product as of now.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub async fn facts(app: &App, loaded: &Loaded, product: &Product, now: Millis) -> anyhow::Result<Facts> {
    let rules = &loaded.set;
    let market = rules.market(&product.market).with_context(|| {
        format!(
            "{}: market {} is not in the rules\nhint: add [[market]] id = \"{}\"",
            product.sku, product.market, product.market
        )
    })?;
    let own = currency(&product.currency)?;
    let money = |minor: Option<i64>| minor.map(|minor| Money::from_minor(minor, own));
    let today = now.timestamp().to_zoned(market.market.tz.0.clone()).date();
    let midnight = today.to_zoned(market.market.tz.0.clone()).map(|z| Millis::from(z.timestamp())).unwrap_or(now);
    let (changes_today, first) = decisions::of_day(&app.db, product.id, midnight).await?;
    let cost = product.cost_net.as_deref().map(|text| Money::parse(text, own)).transpose()?;
    let tags: Vec<String> = serde_json::from_str(&product.tags).context("tags")?;
    let max_age = app.config.observe.max_age.0;
    let interval = app.schedule.interval(now);
    let offers = observations::latest_of_product(&app.db, product.id).await?;
    let fact = |latest: &Latest| offer(latest, rules, interval.max(max_age * 2 / 3));
    Ok(Facts {
        product: decide::Product {
            sku: product.sku.clone(),
            current: Some(Money::from_minor(product.own_minor, own)),
            cost_net: cost,
            vat: app.vat.at(&market.market.country, &product.vat_class, today).ok(),
            msrp: money(product.msrp_minor),
            regular: money(product.regular_minor),
            map: money(product.map_minor),
            brand: product.brand.clone(),
            category: product.category.clone(),
            tags,
            own_stock: product.stock,
            own_shipping: None,
            pack_qty: u32::try_from(product.pack_qty).unwrap_or(1),
            lock: (product.locked != 0).then(|| Lock {
                owner: "catalogue".into(),
                reason: "locked".into(),
                until: None,
            }),
            manual: None,
            regulated: false,
            campaign: None,
            last_changed: product.changed_at.map(Millis),
            changes_today: u32::try_from(changes_today).unwrap_or(u32::MAX),
            day_start: first.map(|minor| Money::from_minor(minor, own)),
            last_reference: last_reference(app, product).await?,
        },
        market: market.market.clone(),
        offers: offers.iter().filter_map(fact).collect(),
        fx: app.fx().await?,
        own_shops: rules.competitors.iter().filter(|c| c.own).map(|c| c.id.clone()).collect(),
        kill_switch: false,
    })
}

/// The reference of the newest evaluation that had one.
async fn last_reference(app: &App, product: &Product) -> anyhow::Result<Option<LastReference>> {
    let Some(evaluation) = decisions::evaluation(&app.db, product.id).await? else { return Ok(None) };
    // An old record may be of another shape; then there simply is no remembered reference.
    let Ok(record) = serde_json::from_str::<Record>(&evaluation.record) else { return Ok(None) };
    Ok(match record.decision.reference {
        Some(value) => Some(LastReference { value, at: record.now }),
        None => record.facts.product.last_reference,
    })
}

fn offer(latest: &Latest, rules: &decide::RuleSet, interval_ms: i64) -> Option<OfferFact> {
    let money = currency(latest.currency.as_deref()?).ok()?;
    let stored: Value = serde_json::from_str(&latest.offer).unwrap_or_default();
    let text = |key: &str| stored.get(key).and_then(Value::as_str);
    let shipping = stored.get("shipping").and_then(|value| serde_json::from_value::<Money>(value.clone()).ok());
    let named = rules.competitor(&latest.competitor);
    Some(OfferFact {
        observation_id: Some(latest.id),
        competitor: latest.competitor.clone(),
        price: Money::from_minor(latest.price_minor?, money),
        shipping,
        // A price marked net was converted at the gate; what is stored is comparable, unless the competitor is net.
        tax: match named.map(|c| c.tax) {
            Some(Tax::Net) if latest.reason != "converted_from_net" => Tax::Net,
            _ => Tax::Gross,
        },
        availability: availability(latest.newest_availability.as_deref().unwrap_or(&latest.availability)),
        absence_confirmed: latest.availability == "out_of_stock"
            && latest.last_seen - latest.first_seen >= 2 * Millis::HOUR,
        condition: condition(text("condition")),
        rating: None::<Decimal>,
        observed_at: Millis(latest.last_seen),
        interval_min: u32::try_from(interval_ms / Millis::MINUTE).ok(),
        pack_qty: 1,
        standing: Standing::Accepted,
        kind: match text("kind") {
            Some("from") => PriceKind::From,
            Some("range") => PriceKind::Range,
            _ => PriceKind::Exact,
        },
    })
}

fn availability(text: &str) -> Availability {
    match text {
        // A shop that says nothing about stock and sells at a price is taken at its price.
        "in_stock" | "unknown" => Availability::InStock,
        "limited" => Availability::Limited,
        "backorder" => Availability::Backorder,
        "preorder" => Availability::Preorder,
        _ => Availability::OutOfStock,
    }
}

fn condition(text: Option<&str>) -> Condition {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("new" | "newcondition") => Condition::New,
        Some(text) if text.contains("refurb") => Condition::Refurbished,
        Some(text) if text.contains("used") => Condition::Used,
        Some(text) if text.contains("damaged") => Condition::Damaged,
        Some(_) => Condition::Unknown,
    }
}

/// What the engine decided, put into the form in which it is stored.
async fn evaluated(
    app: &App,
    terms: &Terms,
    product: &Product,
    record: Record,
    outcome: Outcome,
    claimed_at: Millis,
) -> anyhow::Result<Evaluated> {
    let now = record.now;
    let decision = &record.decision;
    let desired = match decision.price.filter(|_| outcome == Outcome::Change) {
        Some(price) => desired(app, terms, product, price, None).await?,
        None => vec![],
    };
    Ok(Evaluated {
        product_id: product.id,
        market: product.market.clone(),
        currency: product.currency.clone(),
        outcome: outcome.as_str().to_owned(),
        price_minor: decision.price.map(Money::minor),
        previous_minor: product.own_minor,
        rule: decision.rule.clone(),
        flags: serde_json::to_string(&decision.flags)?,
        why: why(&record),
        actor: "rules".to_owned(),
        rule_revision: Some(record.rule_revision),
        facts_hash: facts_hash(&record.facts)?,
        product_version: product.version,
        claimed_at,
        now,
        again_at: again_at(app, &record),
        review_expires_at: now.plus(i64::from(app.config.release.approval_valid_h) * Millis::HOUR),
        desired,
        approves: None,
        record: serde_json::to_string(&record)?,
    })
}

/// One sentence: the reference and what limited it, then what kept the price back.
fn why(record: &Record) -> String {
    let told = sentence(&record.facts, &record.decision);
    record.release.iter().fold(told, |told, reason| format!("{told}; {reason}"))
}

/// The rule, what it looked at, and what limited it.
fn sentence(facts: &Facts, decision: &Decision) -> String {
    let Some(rule) = &decision.rule else {
        let flags: Vec<String> = decision.flags.iter().map(|flag| flag.as_str().replace('_', " ")).collect();
        return if flags.is_empty() { "no rule selects the product".to_owned() } else { flags.join(", ") };
    };
    let mut told = rule.clone();
    if let Some(reference) = decision.reference {
        let cheapest = facts
            .offers
            .iter()
            .filter(|offer| offer.price.amount() == reference)
            .map(|offer| offer.competitor.as_str())
            .next();
        let whose = cheapest.map_or_else(String::new, |competitor| format!(" ({competitor})"));
        told = format!("{told}: reference {}{whose}", reference.normalize());
    }
    if let Some(floor) = decision.floor {
        told = format!("{told}, floor {}", floor.amount());
    }
    decision.flags.iter().fold(told, |told, flag| format!("{told}, {}", flag.as_str().replace('_', " ")))
}

/// The hash of what a person saw when approving: other facts make an approval stale. Times of sightings do not count.
///
/// # Errors
/// Facts that cannot be written as JSON.
pub fn facts_hash(facts: &Facts) -> anyhow::Result<String> {
    let mut seen = facts.clone();
    seen.product.last_reference = None;
    for offer in &mut seen.offers {
        offer.observed_at = Millis(0);
    }
    Ok(hex(&Sha256::digest(serde_json::to_vec(&seen)?)))
}

/// When the same facts could give another answer: a cooldown's end, or the age at which the newest offer stops counting.
fn again_at(app: &App, record: &Record) -> Option<Millis> {
    let expires = record.facts.offers.iter().map(|offer| offer.observed_at.plus(app.config.observe.max_age.0 + 1_000));
    let expires = expires.filter(|at| *at > record.now).min();
    // What a guard holds may pass later: a second witness, the next stage of a new rule, the end of a day.
    let held = (record.decision.proposes() && !record.release.is_empty())
        .then(|| record.now.plus(app.config.schedule.confirm_after.0 + Millis::MINUTE));
    record.decision.next_evaluation.into_iter().chain(expires).chain(held).min()
}

/// The desired price of every listing of a product, or of its listing on one channel.
///
/// # Errors
/// The store's.
async fn desired(
    app: &App,
    terms: &Terms,
    product: &Product,
    price: Money,
    only: Option<&str>,
) -> anyhow::Result<Vec<Desire>> {
    let mut listings = listings::of_product(&app.db, product.id).await?;
    listings.retain(|listing| only.is_none_or(|name| name == listing.channel));
    let desire = |listing: &listings::Listing| Desire {
        listing_id: listing.id,
        price: terms.price(product, price, &listing.channel).map(|(price, _)| price.minor()),
    };
    Ok(listings.iter().map(desire).collect())
}

/// Gives listings that were found just now the price we ask now; the door still holds it against the floor.
///
/// # Errors
/// The rules' and the store's.
pub async fn seed(app: &App, lane: &Lane, products: &[i64]) -> anyhow::Result<()> {
    let terms = app.terms().await?;
    let mut desires = Vec::with_capacity(products.len());
    for id in products {
        let Some(product) = products::by_id(&app.db, *id).await? else { continue };
        let price = Money::from_minor(product.own_minor, currency(&product.currency)?);
        let newest = decisions::latest(&app.db, product.id).await?.map(|decision| decision.id);
        for desire in desired(app, &terms, &product, price, Some(&lane.name)).await? {
            desires.push((desire, newest));
        }
    }
    Ok(listings::desire_again(&app.db, desires, app.now()).await?)
}

/// Why a person's price did not become a decision.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("there is no open review {0}\nhint: `omniprice review` lists them")]
    NotOpen(i64),
    #[error("review {0} has expired\nhint: the next evaluation opens a new one")]
    Expired(i64),
    #[error(
        "the facts have changed since review {0} was opened\nhint: `omniprice review` shows the new proposal after the next evaluation"
    )]
    Stale(i64),
    #[error("{0}\nhint: no approval makes up for this; correct the product's data and import it again")]
    Guarded(String),
}

/// Carries out a reviewed proposal, if it is open and its facts still hold.
///
/// # Errors
/// [`Refused`], the rules' and the store's.
pub async fn approve(app: &App, id: i64, actor: &str, why: &str) -> anyhow::Result<i64> {
    let now = app.now();
    let review = decisions::review(&app.db, id).await?.filter(|r| r.state == "open").ok_or(Refused::NotOpen(id))?;
    if review.expires_at <= now.0 {
        decisions::settle_review(&app.db, id, "expired", actor.to_owned(), String::new(), now).await?;
        return Err(Refused::Expired(id).into());
    }
    let product = products::by_id(&app.db, review.product_id).await?.ok_or(Refused::NotOpen(id))?;
    let loaded = app.rules().await?;
    let fresh = facts(app, &loaded, &product, now).await?;
    let decision = decide::price(&fresh, &loaded.set, now.timestamp());
    if facts_hash(&fresh)? != review.facts_hash || decision.price.map(Money::minor) != Some(review.price_minor) {
        app.db
            .write(product.id, move |tx, id| Box::pin(async move { products::mark_dirty(tx, *id, now).await }))
            .await?;
        return Err(Refused::Stale(id).into());
    }
    let price = Money::from_minor(review.price_minor, currency(&review.currency)?);
    let approval = Approval { price, at: now, by: actor.to_owned() };
    let against = guards::against_approval(app, &loaded, &product, &fresh, &decision, approval).await?;
    if !against.is_empty() {
        return Err(Refused::Guarded(against.join("; ")).into());
    }
    let release = vec![format!("approved by {actor}: {why}")];
    let record = Record { now, rule_revision: loaded.revision, facts: fresh, decision, release };
    let terms = app.terms().await?;
    let evaluated = evaluated(app, &terms, &product, record, Outcome::Change, now).await?;
    let evaluated = Evaluated { actor: actor.to_owned(), approves: Some(id), ..evaluated };
    match write(app, evaluated).await? {
        Written::Decided { version } => Ok(version),
        Written::Noted | Written::Stale => Err(Refused::Stale(id).into()),
    }
}

/// Makes a price that somebody set on one channel the price of all channels, and locks it against rules.
///
/// # Errors
/// The rules' and the store's.
pub async fn adopt(app: &App, product_id: i64, price: Money, channel: &str) -> anyhow::Result<()> {
    let Some(product) = products::by_id(&app.db, product_id).await? else { return Ok(()) };
    if price.currency().code() != product.currency {
        return Ok(());
    }
    let now = app.now();
    let loaded = app.rules().await?;
    let facts = facts(app, &loaded, &product, now).await?;
    let mut decision = decide::price(&facts, &loaded.set, now.timestamp());
    if decision.floor.is_none_or(|floor| price.minor() < floor.minor()) {
        tracing::warn!(product = product_id, "the price set on {channel} is below the floor and is not adopted");
        return Ok(());
    }
    decision.price = Some(price);
    let record = Record {
        now,
        rule_revision: loaded.revision,
        facts,
        decision,
        release: vec![format!("adopted from {channel}")],
    };
    let terms = app.terms().await?;
    let evaluated = evaluated(app, &terms, &product, record, Outcome::Change, now).await?;
    let evaluated = Evaluated {
        actor: format!("channel {channel}"),
        why: format!("set by hand on {channel} and adopted"),
        ..evaluated
    };
    write(app, evaluated).await?;
    products::set_locked(&app.db, product.sku, true, now).await?;
    Ok(())
}
