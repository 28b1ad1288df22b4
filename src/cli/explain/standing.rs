//! What became of the newest proposal: whether it went out, waits for a person, was turned down, or is held, and by what.

use super::way_out::{Held, typed};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::edges::next_midnight;
use crate::decide::explain::Explanation;
use crate::decide::release::Guard;
use crate::decide::{Flag, Outcome};
use crate::flow::intent;
use crate::flow::pricing::Record;
use crate::money::{Money, currency};
use crate::report::digest::plain;
use crate::store::decisions::{self, Evaluation, Review};
use crate::store::products::Product;

/// Who said no to which price.
#[derive(serde::Serialize)]
pub(super) struct TurnedDown {
    pub price: String,
    pub by: String,
    pub at: String,
    pub why: String,
    /// Until then the same price is not asked about again, as long as the facts stay the same.
    pub until: String,
}

/// A proposal that waited for a person once.
#[derive(serde::Serialize)]
pub(super) struct Waited {
    /// Its number, which `approve` and `reject` took.
    pub id: i64,
    pub from: String,
    pub to: String,
    pub since: String,
    pub why: String,
    /// `open` where it still waits, else `approved`, `rejected`, `expired` or `superseded`.
    pub became: String,
    pub became_at: Option<String>,
    pub by: Option<String>,
}

/// The proposal that waited at an instant: it was opened by then, and nobody and nothing had settled it.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub(super) async fn waited(app: &App, product: &Product, at: Millis) -> anyhow::Result<Option<Waited>> {
    let newest = decisions::newest_review(&app.db, product.id, at).await?;
    let open = |review: &Review| review.expires_at > at.0 && review.settled_at.is_none_or(|settled| settled > at.0);
    let Some(review) = newest.filter(open) else { return Ok(None) };
    let own = currency(&review.currency)?;
    let money = |minor| Money::from_minor(minor, own).to_string();
    Ok(Some(Waited {
        id: review.id,
        from: money(review.previous_minor),
        to: money(review.price_minor),
        since: Millis(review.created_at).to_string(),
        why: plain(&review.why),
        became_at: review.settled_at.map(|at| Millis(at).to_string()),
        by: review.settled_by.as_deref().map(plain),
        became: review.state,
    }))
}

/// A no that still counted at an instant; a newer proposal takes its place.
///
/// # Errors
/// The store's.
pub(super) async fn turned_down(
    app: &App,
    product: &Product,
    at: Millis,
) -> anyhow::Result<Option<(Review, TurnedDown)>> {
    let newest = decisions::newest_review(&app.db, product.id, at).await?;
    let Some(review) = newest.filter(|review| review.state == "rejected" && review.expires_at > at.0) else {
        return Ok(None);
    };
    let Some(said_at) = review.settled_at.filter(|said| *said <= at.0) else { return Ok(None) };
    let told = TurnedDown {
        price: Money::from_minor(review.price_minor, currency(&review.currency)?).to_string(),
        by: plain(review.settled_by.as_deref().unwrap_or("somebody")),
        at: Millis(said_at).to_string(),
        why: plain(review.settled_why.as_deref().unwrap_or_default()),
        until: Millis(review.expires_at).to_string(),
    };
    Ok(Some((review, told)))
}

/// Puts what became of the newest evaluation into an explanation of its record.
///
/// # Errors
/// The rules' and the store's.
pub(super) async fn settle(
    app: &App,
    product: &Product,
    evaluation: &Evaluation,
    record: &Record,
    told: &mut Explanation,
) -> anyhow::Result<()> {
    let now = app.now();
    let outcome = outcome(&evaluation.outcome).unwrap_or(record.decision.outcome);
    told.stands_at(&record.facts, outcome, record.price());
    let moves = record.carried.is_some() || record.decision.proposes();
    let Some(price) = record.price().filter(|_| moves && outcome != Outcome::Change) else {
        told.why.extend(record.release.iter().map(|reason| format!("{}.", plain(reason))));
        told.held.extend(wants(record, outcome));
        return Ok(());
    };
    let held = Held { product, price, config: &app.config };
    if let Some((review, no)) = turned_down(app, product, now).await?
        && review.price_minor == price.minor()
    {
        told.stands_at(&record.facts, Outcome::Hold, Some(price));
        told.what = format!("{}: {} turned it down.", told.what.trim_end_matches('.'), no.by);
        told.held.push(format!(
            "{} turned {price} down at {}: {}. It is asked about again when the facts are different, or after {}.",
            no.by, no.at, no.why, no.until
        ));
        told.held.push(held.by_hand(is_odd(app, product, price, now).await?.unwrap_or(false)));
        return Ok(());
    }
    if outcome == Outcome::Review
        && let Some((end, told_end)) = unanswered(app, product, now).await?
    {
        told.stands_at(&record.facts, Outcome::Hold, Some(price));
        told.what = format!("{}: {end}.", told.what.trim_end_matches('.'));
        told.held.push(told_end);
        told.held.push(held.by_hand(is_odd(app, product, price, now).await?.unwrap_or(false)));
        return Ok(());
    }
    match outcome {
        Outcome::Review => {
            told.held.extend(asks(app, product, now).await?);
            // A person's word overrides each of them, so there is nothing to wait for.
            told.held.extend(record.release.iter().map(|reason| format!("{}.", plain(reason))));
        }
        Outcome::Hold => {
            told.held.extend(record.release.iter().map(|reason| held.told(reason)));
            let odd = is_odd(app, product, price, now).await?;
            told.held.extend(odd.map(|odd| held.by_hand(odd)));
        }
        _ => told.held.extend(record.release.iter().map(|reason| held.told(reason))),
    }
    Ok(())
}

/// What became of the newest proposal where nobody is asked any more, and when somebody is again; none while it is open.
async fn unanswered(app: &App, product: &Product, now: Millis) -> anyhow::Result<Option<(String, String)>> {
    let Some(review) = decisions::newest_review(&app.db, product.id, now).await? else { return Ok(None) };
    let (id, until) = (review.id, Millis(review.expires_at));
    if review.state == "open" && review.expires_at > now.0 {
        return Ok(None);
    }
    let again = "The next evaluation asks again if it comes to the same price";
    Ok(Some(if review.state == "rejected" {
        let by = plain(review.settled_by.as_deref().unwrap_or("somebody"));
        let at = Millis(review.settled_at.unwrap_or(review.expires_at));
        (
            format!("{by} turned it down"),
            format!("{by} turned proposal {id} down at {at}, which held until {until}. {again}."),
        )
    } else {
        (
            "its proposal is not open any more".to_owned(),
            format!("Proposal {id} could be answered until {until}. {again}."),
        )
    }))
}

/// The commands that settle what waits for a person.
async fn asks(app: &App, product: &Product, now: Millis) -> anyhow::Result<Option<String>> {
    let open = decisions::newest_review(&app.db, product.id, now).await?.filter(|review| review.state == "open");
    Ok(open.map(|review| {
        let (id, until) = (review.id, Millis(review.expires_at));
        let agreed = review.first_by.as_deref().zip(review.first_at).map_or_else(String::new, |(by, at)| {
            format!("{} agreed at {}; a second person must agree too. ", plain(by), Millis(at))
        });
        format!("{agreed}omniprice approve {id} --why \"...\" carries it out until {until}; omniprice reject {id} --why \"...\" turns it down.")
    }))
}

/// What is missing where the rules themselves could not decide.
fn wants(record: &Record, outcome: Outcome) -> Vec<String> {
    if outcome != Outcome::Hold {
        return vec![];
    }
    let sku = typed(&record.facts.product.sku);
    let by_hand = || format!("a person sets a price with omniprice price set {sku} AMOUNT --until 7d --why \"...\"");
    let way = |flag: &Flag| {
        match flag {
        Flag::DailyQuota => next_midnight(&record.facts.market, record.now.timestamp()).map(|at| {
            format!(
                "It is decided again by itself at {}; max_changes_per_day in the rule's [rule.limits] says how many, and {}.",
                Millis::from(at),
                by_hand()
            )
        }),
        Flag::Cooldown => record.decision.next_evaluation.map(|at| {
            format!("It is decided again by itself at {at}; cooldown_min in the rule's [rule.limits] says how long, and {}.", by_hand())
        }),
        Flag::NoData => Some(format!(
            "A page with a price that counts lets it be decided; on_no_data in the rule says what holds without one, and {}.",
            by_hand()
        )),
        Flag::ManualPrice | Flag::Campaign => Some(
            "It is below the floor of the present cost: omniprice import FILE brings another cost.".to_owned(),
        ),
        Flag::Overflow => Some("omniprice import FILE corrects the amount.".to_owned()),
        Flag::NoFloor => {
            Some("omniprice import FILE, with its purchase cost in the column cost, lets it be decided.".to_owned())
        }
        Flag::NoVat => Some(
            "A rate in [vat] of omniprice.toml, or another column `vat` in the import, lets it be decided.".to_owned(),
        ),
        Flag::FxMissing | Flag::FxStale => Some("omniprice fx fetch brings the newest rates.".to_owned()),
        Flag::BelowFloor | Flag::BoundsConflict | Flag::IntentUnreachable | Flag::NoAffordableCompetitor => {
            Some(format!("Other offers or another rule let it move; {}.", by_hand()))
        }
        _ => None,
    }
    };
    // What ends by itself is all that holds it: other flags tell how the price came about.
    let timed: Vec<String> =
        record.decision.flags.iter().filter(|flag| flag.ends_by_itself()).filter_map(way).collect();
    if timed.is_empty() { record.decision.flags.iter().filter_map(way).collect() } else { timed }
}

/// Whether a guard would ask twice about a price that a person sets; none where nobody may set it.
async fn is_odd(app: &App, product: &Product, price: Money, now: Millis) -> anyhow::Result<Option<bool>> {
    let found = intent::examine(app, product, price, now).await?;
    let never = found.iter().any(|(guard, _)| matches!(guard, Guard::Eligibility | Guard::FreshFloor));
    Ok((!never).then_some(!found.is_empty()))
}

fn outcome(stored: &str) -> Option<Outcome> {
    [Outcome::Change, Outcome::Keep, Outcome::Hold, Outcome::Review, Outcome::Shadow, Outcome::None]
        .into_iter()
        .find(|outcome| outcome.as_str() == stored)
}
