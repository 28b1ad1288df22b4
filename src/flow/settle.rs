//! Where people and channels have the last word: approvals of reviewed proposals, and prices adopted from a channel.

use super::facts::facts;
use super::pricing::{Record, facts_hash, stored, write};
use super::{guards, proposal};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::release::{Approval, Consent, is_same_person, person};
use crate::decide::{self, Outcome, bounds};
use crate::money::{Money, WirePrice, currency};
use crate::report::text::plain;
use crate::store::StoreError;
use crate::store::decisions::{self, Evaluated, Review, Written};
use crate::store::overrides::{self, Kind, New};
use crate::store::products;

/// Why a person's price did not become a decision.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("there is no open review {0}\nhint: `omniprice review` lists them")]
    NotOpen(i64),
    #[error(
        "review {id} ({sku}) was {how}\nhint: `omniprice review` lists what waits, `omniprice explain {sku}` tells what holds now"
    )]
    Over { id: i64, sku: String, how: String },
    #[error(
        "review {0} was settled or replaced by somebody else a moment ago\nhint: `omniprice review` lists what waits, `omniprice explain SKU` who settled it"
    )]
    Settled(i64),
    #[error("review {0} has expired\nhint: the next evaluation opens a new one")]
    Expired(i64),
    #[error(
        "the facts have changed since review {0} was opened\nhint: `omniprice review` shows the new proposal after the next evaluation"
    )]
    Stale(i64),
    #[error(
        "review {id} needs two persons, and {by} has agreed already\nhint: somebody else approves it under another name; `omniprice reject {id} --why \"...\"` ends it"
    )]
    SamePerson { id: i64, by: String },
    #[error(
        "review {0} needs two persons, and an approval without a name is nobody's\nhint: --actor says who approves"
    )]
    Nameless(i64),
    #[error("{0}\nhint: no approval makes up for this; correct the product's data and import it again")]
    Guarded(String),
}

/// What became of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approved {
    /// The price is decided; the decision has this version.
    Decided { version: i64 },
    /// It is noted, and a second person must agree too.
    First,
}

/// Carries out a reviewed proposal, if it is open and its facts still hold; where the price needs two persons, the first
/// one's consent is noted.
///
/// # Errors
/// [`Refused`], the rules' and the store's.
pub async fn approve(app: &App, id: i64, actor: &str, why: &str) -> anyhow::Result<Approved> {
    loop {
        // Somebody else may agree between reading and noting: then this is the second person.
        if let Some(approved) = consent(app, id, actor, why).await? {
            return Ok(approved);
        }
    }
}

/// One person's consent; none if another one's came in between.
async fn consent(app: &App, id: i64, actor: &str, why: &str) -> anyhow::Result<Option<Approved>> {
    let now = app.now();
    let review = decisions::review(&app.db, id).await?.ok_or(Refused::NotOpen(id))?;
    if review.state != "open" {
        return Err(over(&review).into());
    }
    if review.expires_at <= now.0 {
        decisions::settle_review(&app.db, id, "expired", actor.to_owned(), String::new(), now).await?;
        return Err(Refused::Expired(id).into());
    }
    let product = products::by_id(&app.db, review.product_id).await?.ok_or(Refused::NotOpen(id))?;
    let loaded = app.rules().await?;
    let fresh = proposal::of(app, &loaded, &product, now).await?;
    // A rule that is only tried by now pushes nothing, and no approval makes it.
    let pushes = !matches!(fresh.decision.outcome, Outcome::Shadow | Outcome::None);
    if !pushes
        || facts_hash(&fresh.facts, &fresh.decision)? != review.facts_hash
        || fresh.price().map(Money::minor) != Some(review.price_minor)
    {
        ask_again(app, product.id, now).await?;
        return Err(Refused::Stale(id).into());
    }
    let price = Money::from_minor(review.price_minor, currency(&review.currency)?);
    let first = review.first_by.clone().zip(review.first_at).map(|(by, at)| Consent { at: Millis(at), by });
    let approval = Approval { price, at: now, by: actor.to_owned(), first: first.clone() };
    let whole = guards::whole(app).await?;
    let guarded = guards::asked(app, &loaded, &product, &fresh, Some(approval), whole, now).await?;
    let against: Vec<&str> = guarded.hard().collect();
    if !against.is_empty() {
        return Err(Refused::Guarded(against.join("; ")).into());
    }
    if guarded.wants_second().is_some() {
        return match first {
            _ if person(actor).is_none() => Err(Refused::Nameless(id).into()),
            Some(first) if is_same_person(&first.by, actor) => Err(Refused::SamePerson { id, by: first.by }.into()),
            // The first consent is older than approvals are valid now.
            Some(_) => {
                decisions::settle_review(&app.db, id, "expired", actor.to_owned(), String::new(), now).await?;
                ask_again(app, product.id, now).await?;
                Err(Refused::Expired(id).into())
            }
            None => {
                let noted = decisions::agree(&app.db, id, actor.to_owned(), why.to_owned(), now).await?;
                Ok(noted.then_some(Approved::First))
            }
        };
    }
    let before = review.first_by.iter().zip(&review.first_why);
    let mut release: Vec<String> = before.map(|(by, why)| format!("approved by {by}: {why}")).collect();
    release.push(format!("approved by {actor}: {why}"));
    release.extend(fresh.remarks());
    let vat = fresh.facts.product.vat.as_ref();
    let vat = vat.map(|vat| (vat.percent.normalize().to_string(), vat.row.clone().unwrap_or_default()));
    let carried = fresh.carried.map(|carried| carried.price);
    let record = Record {
        release,
        carried,
        actor: Some(actor.to_owned()),
        guarded: Some(guarded),
        ..Record::of(&loaded, now, fresh.facts, fresh.decision)
    };
    let terms = app.terms().await?;
    let stored = stored(app, &loaded, &terms, &product, &record, Outcome::Change).await?;
    // Everything that could change the answer by itself is worked out by the evaluation that follows at once.
    let evaluated = Evaluated { approves: Some(id), again_at: Some(now), vat, ..stored };
    match write(app, evaluated).await {
        Ok(Written::Decided { version }) => Ok(Some(Approved::Decided { version })),
        Ok(Written::Noted | Written::Stale) => Err(Refused::Stale(id).into()),
        Err(error) => match error.downcast_ref::<StoreError>() {
            Some(StoreError::ReviewSettled(_)) => Err(Refused::Settled(id).into()),
            _ => Err(error),
        },
    }
}

/// Turns a proposal down, if it is open: the same price is not asked about again as long as the facts stay the same and
/// its time is not over.
///
/// # Errors
/// [`Refused`], with what became of it instead, or the store's.
pub async fn reject(app: &App, id: i64, actor: &str, why: &str) -> anyhow::Result<()> {
    let now = app.now();
    if decisions::settle_review(&app.db, id, "rejected", actor.to_owned(), why.to_owned(), now).await? {
        return Ok(());
    }
    let known = decisions::review(&app.db, id).await?.filter(|review| review.state != "open");
    Err(known.map_or(Refused::NotOpen(id), |review| over(&review)).into())
}

/// What became of a proposal that is not open any more, by whom and when.
fn over(review: &Review) -> Refused {
    let by = plain(review.settled_by.as_deref().unwrap_or("somebody"));
    let at = Millis(review.settled_at.unwrap_or(review.expires_at));
    let why = review.settled_why.as_deref().map(plain).filter(|why| !why.is_empty());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let how = match review.state.as_str() {
        "approved" => format!("approved by {by} at {at}{why}"),
        "rejected" => format!("turned down by {by} at {at}{why}"),
        "superseded" => format!("replaced at {at} by what was evaluated then"),
        _ => format!("open until {} and has expired", Millis(review.expires_at)),
    };
    Refused::Over { id: review.id, sku: plain(&review.sku), how }
}

async fn ask_again(app: &App, product_id: i64, now: Millis) -> anyhow::Result<()> {
    let mark =
        app.db.write(product_id, move |tx, id| Box::pin(async move { products::mark_dirty(tx, *id, now).await }));
    Ok(mark.await?)
}

/// Makes a price that somebody set on one channel the price of all channels, and locks it against rules until somebody
/// unlocks the product. What a channel shows without VAT is our price with it; a channel that shows another price than ours
/// by its terms, such as a surcharge, has none that could be taken over unless it is what those terms make of one.
///
/// # Errors
/// The rules' and the store's.
pub async fn adopt(app: &App, product_id: i64, shown: WirePrice, channel: &str) -> anyhow::Result<()> {
    let Some(product) = products::by_id(&app.db, product_id).await? else { return Ok(()) };
    if shown.currency().code() != product.currency {
        return Ok(());
    }
    let terms = app.terms().await?;
    let Some(price) = terms.ours(&product, shown, channel) else {
        tracing::warn!(product = product_id, "no price of ours is {shown} on {channel}, so it is not adopted");
        return Ok(());
    };
    let now = app.now();
    let loaded = app.rules().await?;
    let facts = facts(app, &loaded, &product, now).await?;
    let decision = decide::price(&facts, &loaded.set, now.timestamp());
    let computed = bounds::floor(&facts, &[], &loaded.set.engine).map(|(floor, _)| floor);
    let floor = decision.floor.map(Money::minor).max(computed);
    if floor.is_none_or(|floor| price.minor() < floor) {
        tracing::warn!(product = product_id, "the price set on {channel} is below the floor and is not adopted");
        return Ok(());
    }
    let release = vec![format!("adopted from {channel}")];
    let owner = format!("channel {channel}");
    let actor = Some(owner.clone());
    let record = Record { release, carried: Some(price), actor, ..Record::of(&loaded, now, facts, decision) };
    let stored = stored(app, &loaded, &terms, &product, &record, Outcome::Change).await?;
    let why = format!("set by hand on {channel} and adopted");
    let evaluated = Evaluated { why: why.clone(), ..stored };
    write(app, evaluated).await?;
    let lock =
        New { product_id, kind: Kind::Lock, price_minor: None, currency: product.currency, owner, why, until: None };
    overrides::set(&app.db, lock, now).await?;
    products::set_locked(&app.db, product.sku, true, now).await?;
    Ok(())
}
