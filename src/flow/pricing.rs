//! Asks the engine about a product, brings the answer before the guards, and writes what comes of it with every
//! channel's desired price.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::campaigns::Wish;
pub use super::facts::facts;
pub use super::proposal::AFTER_CAMPAIGN;
use super::proposal::{self, Proposal};
pub use super::settle::{Approved, Refused, adopt, approve, reject};
use super::{campaign_claims, campaigns, guards};
use crate::app::{App, Loaded, hex};
use crate::clock::Millis;
use crate::decide::decision::{Fate, Step};
use crate::decide::facts::LastReference;
use crate::decide::release::Guarded;
use crate::decide::{Decision, Facts, Flag, Outcome, edges};
use crate::money::{Money, currency};
use crate::publish::lane::Lane;
use crate::publish::terms::Terms;
use crate::sentence::Sentence;
use crate::store::decisions::{self, Evaluated, Written};
use crate::store::events::{self, Raise};
use crate::store::listings::{self, Desire, Listing};
use crate::store::products::{self, Product};
use crate::store::{strikes, targets};
use crate::telemetry::Metrics;

/// Who decides when nobody else did.
pub const RULES: &str = "rules";
/// The event of a run that waits for a person; it lasts until its last proposal is settled.
pub const RUN_HELD: &str = "run-held";

/// Everything needed to compute a decision again: what `explain` reads and proves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub now: Millis,
    pub rule_revision: i64,
    pub facts: Facts,
    pub decision: Decision,
    /// Why the outcome differs from the engine's: the mode, a guard, a person.
    pub release: Vec<String>,
    /// A price in place of the engine's: set on a channel, passed on with a new tax rate, or the one from before a
    /// campaign. The engine's own answer stays provable beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Money>,
    /// What the deciding rule computed from offers just now: later evaluations without data may fall back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<LastReference>,
    /// Who decided; records of older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The hash of the settings that decided, as `config_revisions` has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// What the guards were asked and what each answered, also those that let it pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded: Option<Guarded>,
}

impl Record {
    /// What the engine made of facts, before anybody said how far it may go.
    #[must_use]
    pub fn of(loaded: &Loaded, now: Millis, facts: Facts, decision: Decision) -> Self {
        let rule = decision.rule.as_deref().and_then(|id| loaded.set.rule(id));
        let reference = decision.market_reference().zip(rule).map(|(value, rule)| LastReference {
            value,
            at: now,
            rule: Some(rule.id.clone()),
            basis: Some(rule.offers.basis),
        });
        Self {
            now,
            rule_revision: loaded.revision,
            facts,
            decision,
            release: vec![],
            carried: None,
            reference,
            actor: Some(RULES.to_owned()),
            config: Some(loaded.config.clone()),
            guarded: None,
        }
    }

    /// The price that this record stands for.
    #[must_use]
    pub const fn price(&self) -> Option<Money> {
        match self.carried {
            Some(carried) => Some(carried),
            None => self.decision.price,
        }
    }
}

/// A proposal on its way to the log.
struct Judged {
    product: Product,
    proposal: Proposal,
    verdict: guards::Verdict,
    now: Millis,
}

/// Decides claimed products: the engine for each, the guards for each, the breakers for all of them together.
///
/// # Errors
/// The rules' and the store's.
pub async fn decide(app: &App, claimed: Vec<Product>, claimed_at: Millis) -> anyhow::Result<()> {
    let loaded = app.rules().await?;
    let terms = app.terms().await?;
    let whole = guards::whole(app).await?;
    let mut run = Vec::with_capacity(claimed.len());
    for product in claimed {
        let now = app.now();
        let proposal = proposal::of(app, &loaded, &product, now).await?;
        let verdict = guards::judge(app, &loaded, &product, &proposal, whole, now).await?;
        run.push(Judged { product, proposal, verdict, now });
    }
    let held = hold_run(app, &loaded, &run, whole).await?;
    for Judged { product, proposal, mut verdict, now } in run {
        if verdict.outcome == Outcome::Change && !proposal.is_intended() && !held.is_empty() {
            verdict.outcome = Outcome::Review;
            verdict.reasons.extend(held.iter().cloned());
        }
        if verdict.outcome == Outcome::Change
            && let Some(no) = turned_down(app, &product, &proposal, now).await?
        {
            verdict.outcome = Outcome::Hold;
            verdict.reasons.push(no);
        }
        if verdict.wants_witness {
            targets::hasten(&app.db, product.id, now.plus(app.config.schedule.confirm_after.0)).await?;
        }
        if let Some(answered) = proposal.rivalry.as_ref().filter(|_| verdict.outcome == Outcome::Change) {
            answered.note_raise(app, &proposal, now).await?;
        }
        let judged = Judged { product, proposal, verdict, now };
        let evaluated = evaluated(app, &loaded, &terms, judged, claimed_at).await?;
        write(app, evaluated).await?;
    }
    Ok(())
}

/// What a person turned down does not go out because the mode has changed, as long as the facts are the same.
async fn turned_down(app: &App, product: &Product, proposal: &Proposal, now: Millis) -> anyhow::Result<Option<String>> {
    let Some(price) = proposal.price().filter(|_| !proposal.is_intended()) else { return Ok(None) };
    let hash = facts_hash(&proposal.facts, &proposal.decision)?;
    let no = decisions::turned_down(&app.db, product.id, price.minor(), &hash, now).await?;
    Ok(no.map(|no| {
        let (by, why) = (no.settled_by.unwrap_or_default(), no.settled_why.unwrap_or_default());
        Sentence::TurnedDown.with(&[("by", &by), ("why", &why)])
    }))
}

/// Why the whole run waits for a person; empty if it may go on.
async fn hold_run(app: &App, loaded: &Loaded, run: &[Judged], whole: u32) -> anyhow::Result<Vec<String>> {
    let item = |judged: &Judged| {
        let changes = judged.verdict.outcome == Outcome::Change;
        (judged.proposal.facts.product.current, judged.proposal.price().filter(|_| changes), judged.verdict.doubted)
    };
    // What people and campaigns ask for is meant; the breakers watch what rules make of the market.
    let items: Vec<_> = run.iter().filter(|judged| !judged.proposal.is_intended()).map(item).collect();
    let held = guards::run_holds(app, loaded, &items, whole, app.now()).await?;
    if let Some(why) = held.first() {
        let event = Raise {
            kind: "run_held",
            severity: "critical",
            dedupe: format!("{RUN_HELD}/{}", app.now().0 / app.schedule.interval(app.now()).max(Millis::HOUR)),
            product_id: None,
            channel: None,
            competitor: None,
            message: why.clone(),
            hint: Sentence::HintProposals.with(&[]),
        };
        if events::raise(&app.db, event, app.now()).await? {
            Metrics::add(&app.metrics.runs_held, 1);
        }
    }
    Ok(held)
}

pub(super) async fn write(app: &App, evaluated: Evaluated) -> anyhow::Result<Written> {
    let id = evaluated.product_id;
    let written = decisions::write(&app.db, evaluated).await?;
    if let Written::Decided { version } = written {
        Metrics::add(&app.metrics.decisions, 1);
        tracing::debug!(product = id, version, "product {id} has decision {version}");
    }
    Ok(written)
}

/// What was judged, put into the form in which it is stored.
async fn evaluated(
    app: &App,
    loaded: &Loaded,
    terms: &Terms,
    judged: Judged,
    claimed_at: Millis,
) -> anyhow::Result<Evaluated> {
    let Judged { product, proposal, verdict, now } = judged;
    let actor = proposal.actor();
    let again_at = again_at(app, loaded, &proposal, &verdict, now);
    // A rate that is not passed on yet must be found changed again by the next evaluation.
    let waits = proposal.carried.as_ref().is_some_and(|c| c.by_tax) && verdict.outcome != Outcome::Change;
    let vat = proposal.facts.product.vat.as_ref().filter(|_| !waits);
    let vat = vat.map(|vat| (vat.percent.normalize().to_string(), vat.row.clone().unwrap_or_default()));
    let doubted = verdict.doubted && !proposal.is_intended();
    // Whoever set a price by hand is the first of two persons.
    let set = proposal.facts.product.manual.as_ref().filter(|_| proposal.decision.has(Flag::ManualPrice));
    let agreed = set.map(|set| (set.owner.clone(), set.reason.clone()));
    let mut release = verdict.reasons;
    release.extend(proposal.remarks());
    let carried = proposal.carried.map(|carried| carried.price);
    let record = Record {
        release,
        carried,
        actor: Some(actor),
        guarded: verdict.guarded,
        ..Record::of(loaded, now, proposal.facts, proposal.decision)
    };
    let stored = stored(app, loaded, terms, &product, &record, verdict.outcome).await?;
    Ok(Evaluated { claimed_at, again_at, doubted, vat, agreed, ..stored })
}

/// A record in the form in which it is stored.
pub(super) async fn stored(
    app: &App,
    loaded: &Loaded,
    terms: &Terms,
    product: &Product,
    record: &Record,
    outcome: Outcome,
) -> anyhow::Result<Evaluated> {
    let (now, decision) = (record.now, &record.decision);
    let desired = match record.price().filter(|_| outcome == Outcome::Change) {
        Some(price) => desired(app, terms, product, price, None).await?,
        None => vec![],
    };
    let begins = outcome == Outcome::Change && decision.has(Flag::Campaign) && record.carried.is_none();
    let strikes = match record.facts.product.campaign.as_ref().filter(|_| begins) {
        Some(campaign) => campaign_claims::strikes(app, loaded, product, &campaign.id, &desired, now).await?,
        None => vec![],
    };
    Ok(Evaluated {
        product_id: product.id,
        market: product.market.clone(),
        currency: product.currency.clone(),
        outcome: outcome.as_str().to_owned(),
        price_minor: record.price().map(Money::minor),
        previous_minor: product.own_minor,
        rule: decision.rule.clone(),
        flags: serde_json::to_string(&decision.flags)?,
        why: why(record),
        actor: record.actor.clone().unwrap_or_else(|| RULES.to_owned()),
        rule_revision: Some(record.rule_revision),
        facts_hash: facts_hash(&record.facts, &record.decision)?,
        product_version: product.version,
        claimed_at: now,
        now,
        again_at: None,
        review_expires_at: now.plus(i64::from(app.config.release.approval_valid_h) * Millis::HOUR),
        desired,
        approves: None,
        agreed: None,
        strikes,
        doubted: false,
        vat: None,
        record: serde_json::to_string(record)?,
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
        let by_hand = facts.product.manual.as_ref().filter(|_| decision.has(Flag::ManualPrice));
        if let Some(manual) = by_hand {
            return format!("{} set {} until {}: {}", manual.owner, manual.price, manual.until, manual.reason);
        }
        if let Some(campaign) = facts.product.campaign.as_ref().filter(|_| decision.has(Flag::Campaign)) {
            return format!("campaign {}: {} until {}", campaign.id, campaign.price, campaign.until);
        }
        if let Some(lock) = facts.product.lock.as_ref().filter(|_| decision.has(Flag::Locked)) {
            return format!("locked by {}: {}", lock.owner, lock.reason);
        }
        let flags: Vec<String> = decision.flags.iter().map(|flag| flag.as_str().replace('_', " ")).collect();
        return if flags.is_empty() { Sentence::NoRule.with(&[]) } else { flags.join(", ") };
    };
    let mut told = rule.clone();
    if let Some(reference) = decision.reference {
        let offer = decision.reference_offer().and_then(|index| facts.offers.get(index));
        let whose = offer
            .map(|offer| offer.competitor.as_str())
            .map_or_else(String::new, |competitor| format!(" ({competitor})"));
        told = format!("{told}: reference {}{whose}", reference.normalize());
    }
    if let Some(floor) = decision.floor {
        told = format!("{told}, floor {}", floor.amount());
    }
    decision.flags.iter().fold(told, |told, flag| format!("{told}, {}", flag.as_str().replace('_', " ")))
}

/// The hash of what a decision rests on, and a person saw when approving: another one makes an approval stale. What no
/// matching rule reads does not count, nor do ids and times of sightings: an import of other stock changes nothing.
///
/// # Errors
/// A decision that cannot be written as JSON.
pub fn facts_hash(facts: &Facts, decision: &Decision) -> anyhow::Result<String> {
    let product = &facts.product;
    let seen = decision.steps.iter().filter_map(|step| match step {
        Step::Offers { seen } => Some(seen),
        _ => None,
    });
    let counted = seen.flatten().filter(|seen| seen.fate == Fate::Counted);
    // With several rules an offer may be seen several times.
    let offers: BTreeSet<_> = counted
        .filter_map(|seen| {
            let offer = facts.offers.get(seen.offer as usize)?;
            Some((offer.competitor.as_str(), seen.price?.minor(), format!("{:?}", offer.availability)))
        })
        .collect();
    let rests_on = serde_json::json!({
        "sku": product.sku,
        "market": [&facts.market.id, facts.market.currency.code()],
        "current": product.current,
        "cost": product.cost_net,
        "vat": product.vat.as_ref().map(|vat| vat.percent.normalize().to_string()),
        "manual": product.manual,
        "campaign": product.campaign.as_ref().filter(|_| decision.has(Flag::Campaign)),
        "rule": decision.rule,
        "result": [decision.price, decision.floor, decision.ceiling],
        "reference": decision.reference.map(|reference| reference.normalize().to_string()),
        "offers": offers,
    });
    Ok(hex(&Sha256::digest(rests_on.to_string())))
}

/// When the same facts could give another answer: what time alone changes, what a guard holds only for now, and the end of
/// an answer to a rival.
fn again_at(app: &App, loaded: &Loaded, proposal: &Proposal, verdict: &guards::Verdict, now: Millis) -> Option<Millis> {
    if proposal.carried.is_some() && verdict.outcome == Outcome::Change {
        // The rules have not had their say about the price that was carried over.
        return Some(now);
    }
    let step = (verdict.outcome == Outcome::Change).then(|| app.schedule.interval(now));
    let timed = edges::next(&proposal.facts, &loaded.set, &proposal.decision, now, step);
    // What a guard holds may pass later: a second witness, the next stage of a new rule, the end of a day.
    let held = (proposal.proposes() && !verdict.reasons.is_empty())
        .then(|| now.plus(app.config.schedule.confirm_after.0 + Millis::MINUTE));
    let answered = proposal.rivalry.as_ref().map(|answered| answered.until).filter(|until| *until > now);
    [timed, held, answered].into_iter().flatten().min()
}

/// The desired price of every listing of a product, or of its listing on one channel, where it may change now: campaigns
/// have their own price on some channels, and their own time on each.
///
/// # Errors
/// The store's.
pub(super) async fn desired(
    app: &App,
    terms: &Terms,
    product: &Product,
    price: Money,
    only: Option<&str>,
) -> anyhow::Result<Vec<Desire>> {
    let mut listings = listings::of_product(&app.db, product.id).await?;
    listings.retain(|listing| only.is_none_or(|name| name == listing.channel));
    let planned = campaigns::planned(app, product, terms.now).await?;
    let mut desires = Vec::with_capacity(listings.len());
    for listing in &listings {
        let shown = |price: Money| shown(terms, product, price, listing);
        let on = (listing.channel.as_str(), terms.rules.audience(&listing.channel));
        let price = match campaigns::wish(app, &planned, price, on, terms.now)? {
            Wish::Decided => Some(match back(app, terms, product, listing, price).await? {
                Some(regular) => Ok(regular),
                None => shown(price),
            }),
            Wish::Reduced(reduced) => Some(shown(reduced)),
            Wish::AsBefore => None,
            Wish::Regular(campaign, began) => match terms.goes_back(product, listing) {
                Some(back) => Some(Ok(back.regular_minor)),
                None => before(app, terms, product, listing, (campaign, began)).await?,
            },
            Wish::ForCarts(campaign) => {
                let had = strikes::reduced(&app.db, campaign, listing.id).await?.map(|reduced| reduced.campaign_minor);
                let kept = had.filter(|had| listing.desired_minor == Some(*had));
                Some(shown(price).map(|own| kept.map_or(own, |kept| kept.min(own))))
            }
        };
        desires.extend(price.map(|price| Desire { listing_id: listing.id, price }));
    }
    Ok(desires)
}

/// The very price that a listing showed before its campaign, where what we ask now is what we asked then and rates are too
/// old to make a price of it anew: the campaign must not last as long as they do.
async fn back(
    app: &App,
    terms: &Terms,
    product: &Product,
    listing: &Listing,
    price: Money,
) -> anyhow::Result<Option<i64>> {
    let Some(back) = terms.goes_back(product, listing) else { return Ok(None) };
    let until = Millis(back.starts_at).plus(-1);
    let ours = |row: &decisions::DecisionRow| product.compares_with(row.created_at);
    let asked = match decisions::at(&app.db, product.id, until).await?.filter(ours) {
        Some(decided) => Some(decided.price_minor),
        // What was never decided is what it was all the time.
        None => decisions::after(&app.db, product.id, until).await?.filter(ours).map(|first| first.previous_minor),
    };
    Ok((asked.unwrap_or(price.minor()) == price.minor()).then_some(back.regular_minor))
}

/// What a listing asks again when its campaign stops: what we had decided before it, whoever had put another price there
/// meanwhile; where we had decided nothing yet, what the channel showed.
async fn before(
    app: &App,
    terms: &Terms,
    product: &Product,
    listing: &Listing,
    (campaign, began): (i64, Millis),
) -> anyhow::Result<Option<Result<i64, String>>> {
    let own = |minor: i64| {
        let price = Money::from_minor(minor, currency(&product.currency)?);
        anyhow::Ok(shown(terms, product, price, listing))
    };
    let until = began.plus(-1);
    let ours = |row: &decisions::DecisionRow| product.compares_with(row.created_at);
    if let Some(decided) = decisions::at(&app.db, product.id, until).await?.filter(ours) {
        return own(decided.price_minor).map(Some);
    }
    if let Some(reduced) = strikes::reduced(&app.db, campaign, listing.id).await? {
        return Ok(Some(Ok(reduced.regular_minor)));
    }
    match decisions::after(&app.db, product.id, until).await?.filter(ours) {
        Some(first) => own(first.previous_minor).map(Some),
        None => Ok(None),
    }
}

/// A price as a channel shows it, as a count of its listing. A derived market takes over its source's decisions and nobody
/// else's.
fn shown(terms: &Terms, product: &Product, price: Money, listing: &Listing) -> Result<i64, String> {
    let channel = listing.channel.as_str();
    if let Some((market, source)) = terms.rules.other_source(channel, &product.market) {
        return Err(Sentence::OtherSource.with(&[("market", &market), ("source", &source), ("own", &product.market)]));
    }
    let (price, _) = terms.price(product, price, channel)?;
    listing.units(price).map_err(|why| why.to_string())
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
        // Without cost or minimum there is no floor to hold a price against: the product is watched, and stays where it is.
        if matches!(terms.price(&product, price, &lane.name), Ok((_, None))) {
            continue;
        }
        let newest = decisions::latest(&app.db, product.id).await?.map(|decision| decision.id);
        // An imported price below the floor would go out as the floor, which nobody has decided.
        if newest.is_none() && terms.lifts(&product, price, &lane.name) == Ok(true) {
            continue;
        }
        for desire in desired(app, &terms, &product, price, Some(&lane.name)).await? {
            desires.push((desire, newest));
        }
    }
    Ok(listings::desire_again(&app.db, desires, app.now()).await?)
}
