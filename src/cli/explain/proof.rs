//! Whether what is stored agrees with itself: a row with its record, the record with the engine, the guards and the
//! settings that it cites. Each function names the first thing that does not, in a sentence.

use sha2::{Digest as _, Sha256};

use crate::app::{App, hex};
use crate::clock::Millis;
use crate::config::{Cited, Mode};
use crate::decide::explain::prove;
use crate::decide::{Decision, Flag, RuleSet};
use crate::flow::pricing::{AFTER_CAMPAIGN, Record};
use crate::money::{Money, currency};
use crate::report::digest::plain;
use crate::store::decisions::{DecisionRow, Evaluation};
use crate::store::revisions::{self, Revision};

/// What adopting a price from a channel writes into a record.
const ADOPTED: &str = "adopted from ";

/// What a decision's row says otherwise than its record.
pub(super) fn row(row: &DecisionRow, record: &Record) -> Option<String> {
    let says = |what: &str, row_says: String, record_says: String| {
        (row_says != record_says).then(|| {
            format!("decision {} says {what} {}, its record {}", row.id, plain(&row_says), plain(&record_says))
        })
    };
    let money = |minor| currency(&row.currency).ok().map(|code| Money::from_minor(minor, code));
    let shown = |money: Option<Money>| money.map_or_else(|| "none".to_owned(), |money| money.to_string());
    let rule = |rule: &Option<String>| rule.clone().unwrap_or_else(|| "none".to_owned());
    let revision = row.rule_revision.map_or_else(|| "none".to_owned(), |revision| revision.to_string());
    says("the price is", shown(money(row.price_minor)), shown(record.price()))
        .or_else(|| says("the price before was", shown(money(row.previous_minor)), shown(record.facts.product.current)))
        .or_else(|| says("the rule is", rule(&row.rule), rule(&record.decision.rule)))
        .or_else(|| says("the rule revision is", revision, record.rule_revision.to_string()))
        .or_else(|| says("it was made at", Millis(row.created_at).to_string(), record.now.to_string()))
        .or_else(|| {
            says("it was made by", row.actor.clone(), record.actor.clone().unwrap_or_else(|| row.actor.clone()))
        })
}

/// What the row of the newest evaluation says otherwise than its record.
pub(super) fn evaluation(row: &Evaluation, record: &Record) -> Option<String> {
    let price = record.price().map(Money::minor);
    if row.price_minor != price {
        return Some(format!("the newest evaluation says {:?}, its record {price:?} in minor units", row.price_minor));
    }
    if row.rule != record.decision.rule || row.evaluated_at != record.now.0 {
        return Some("the newest evaluation names another rule or time than its record".to_owned());
    }
    None
}

/// What the engine answers otherwise than the record. `decision` is the newest decision at that time.
pub(super) fn engine(record: &Record, rules: &RuleSet, decision: Option<&DecisionRow>) -> Option<String> {
    let error = prove(&record.facts, rules, record.now.timestamp(), &record.decision).err()?;
    (!is_old_adoption(record, decision, &error.recomputed)).then(|| error.to_string())
}

/// Records of the first version put an adopted price in place of the engine's own instead of beside it. Such a record cites no
/// settings, its decision was made by the channel, and only the price differs.
fn is_old_adoption(record: &Record, decision: Option<&DecisionRow>, recomputed: &Decision) -> bool {
    let [reason] = record.release.as_slice() else { return false };
    let Some(channel) = reason.strip_prefix(ADOPTED) else { return false };
    let by_channel = decision.is_some_and(|row| {
        row.actor == format!("channel {channel}") && Some(row.price_minor) == record.decision.price.map(Money::minor)
    });
    let otherwise_equal = Decision { price: record.decision.price, ..recomputed.clone() } == record.decision;
    record.config.is_none() && record.carried.is_none() && by_channel && otherwise_equal
}

/// The settings that a record cites; none where it is of a version that cited none.
///
/// # Errors
/// The store's.
pub(super) async fn settings(app: &App, record: &Record) -> anyhow::Result<Option<Revision>> {
    match &record.config {
        Some(hash) => Ok(revisions::config(&app.db, hash).await?),
        None => Ok(None),
    }
}

/// What the guards answer otherwise than the record, asked again with the settings of then; and for a record that was
/// released, what should have held it.
///
/// # Errors
/// The store's.
pub(super) async fn guards(app: &App, record: &Record, released: bool) -> anyhow::Result<Option<String>> {
    let Some(hash) = &record.config else { return Ok(None) };
    let Some(settings) = settings(app, record).await? else {
        return Ok(Some(format!("the settings {hash} that it cites are not in the database")));
    };
    if hex(&Sha256::digest(settings.body.as_bytes())) != *hash {
        return Ok(Some(format!("settings revision {} is not the one that it cites", settings.id)));
    }
    let Ok(cited) = serde_json::from_str::<Cited>(&settings.body) else {
        return Ok(Some(format!("this version cannot read settings revision {}", settings.id)));
    };
    Ok(answered(record, &cited, released))
}

/// The price from before a campaign came back: its end was planned with it.
fn ends_campaign(record: &Record) -> bool {
    let back = record.carried.is_some() && record.carried == record.facts.product.before_set;
    back && record.actor.as_deref() == Some(AFTER_CAMPAIGN)
}

fn answered(record: &Record, cited: &Cited, released: bool) -> Option<String> {
    let Some(guarded) = &record.guarded else {
        // A price adopted from a channel is there already; nobody is asked whether it may go.
        let adopted = record.carried.is_some() && record.release.iter().any(|reason| reason.starts_with(ADOPTED));
        return (released && !adopted)
            .then(|| "it was released and its record has no answers of the guards".to_owned());
    };
    let (decision, facts) = (&record.decision, &record.facts);
    if !guarded.comes_out_equal(decision, record.carried, facts, &cited.release, record.now) {
        return Some("the guards answer otherwise than recorded".to_owned());
    }
    if !released {
        return None;
    }
    let approved = guarded.inputs.approved.is_some();
    let set = decision.has(Flag::ManualPrice) || decision.has(Flag::Campaign);
    let consented = approved || set || record.carried.is_some();
    let held = if consented {
        // A campaign and its end are planned beforehand; what a person approves or sets by hand may need two.
        let second = guarded.wants_second().filter(|_| approved || decision.has(Flag::ManualPrice));
        guarded.hard().next().or(second).map(str::to_owned)
    } else {
        guarded.release.holds().next().map(|(_, finding)| finding.to_owned())
    };
    let stays = match cited.mode {
        Mode::Auto => false,
        Mode::Review => !approved && !set && !ends_campaign(record),
        Mode::Shadow => !approved,
    };
    match held {
        Some(finding) => Some(format!("it was released although a guard holds it: {}", plain(&finding))),
        None => stays.then(|| format!("it was released in mode \"{}\" and nobody approved it", cited.mode.as_str())),
    }
}
