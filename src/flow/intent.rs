//! What the guards think of a price that a person is about to set: floors that nobody may go under, and everything odd
//! that a second look is worth.

use super::facts::facts;
use super::guards;
use super::history::History;
use super::proposal::Proposal;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::facts::ManualPrice;
use crate::decide::release::Guard;
use crate::decide::{self, Facts, bounds};
use crate::money::Money;
use crate::store::decisions::{self, DecisionRow};
use crate::store::products::Product;

/// The guards that speak about the amount itself. The others are about rules, competitors and pace.
const ABOUT_AMOUNTS: [Guard; 7] = [
    Guard::Eligibility,
    Guard::FreshFloor,
    Guard::Corridor,
    Guard::Slip,
    Guard::Step,
    Guard::Confirmation,
    Guard::SecondPerson,
];

/// Findings about a price set by hand, in the order of the guards; empty if nothing is odd.
///
/// # Errors
/// The rules' and the store's.
pub async fn examine(app: &App, product: &Product, price: Money, now: Millis) -> anyhow::Result<Vec<(Guard, String)>> {
    let loaded = app.rules().await?;
    let facts = facts(app, &loaded, product, now).await?;
    let newest = decisions::latest(&app.db, product.id).await?.filter(|row| product.compares_with(row.created_at));
    findings(app, &loaded, product, Asked { facts, newest, history: None }, price, now).await
}

/// Findings about a price that somebody names for a product on its way into another money or tax view. `there` is the product
/// as it will be; what was decided before is in another money, and compared with nothing.
///
/// # Errors
/// The rules' and the store's.
pub async fn examine_there(
    app: &App,
    loaded: &Loaded,
    there: &Product,
    price: Money,
    now: Millis,
) -> anyhow::Result<Vec<(Guard, String)>> {
    let mut facts = facts(app, loaded, there, now).await?;
    facts.product.changes_today = 0;
    facts.product.day_start = None;
    facts.product.last_reference = None;
    let asked = Asked { facts, newest: None, history: Some(History::default()) };
    let found = findings(app, loaded, there, asked, price, now).await?;
    // What has no cost and no minimum has no floor before and after, and no channel gets it.
    let unpriced = there.cost_net.is_none() && there.min_minor.is_none();
    Ok(found.into_iter().filter(|(guard, _)| !(unpriced && *guard == Guard::FreshFloor)).collect())
}

/// What a price is held against.
struct Asked {
    facts: Facts,
    newest: Option<DecisionRow>,
    history: Option<History>,
}

async fn findings(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    asked: Asked,
    price: Money,
    now: Millis,
) -> anyhow::Result<Vec<(Guard, String)>> {
    let Asked { mut facts, newest, history } = asked;
    facts.product.lock = None;
    facts.product.campaign = None;
    facts.product.regulated = false;
    let until = now.plus(Millis::DAY);
    let manual = ManualPrice { price, owner: String::new(), reason: String::new(), until };
    facts.product.manual = Some(manual);
    let mut findings = Vec::new();
    if product.min_minor.is_some_and(|minimum| price.minor() < minimum) {
        findings.push((Guard::FreshFloor, format!("{price} is below the product's own minimum")));
        return Ok(findings);
    }
    let decision = decide::price(&facts, &loaded.set, now.timestamp());
    if decision.price != Some(price) {
        let why = match bounds::floor(&facts, &[], &loaded.set.engine) {
            Some((floor, _)) => {
                format!("{price} is below the floor {}", Money::from_minor(floor, facts.market.currency))
            }
            None => format!("there is no floor to hold {price} against, because its cost or tax rate is not known"),
        };
        findings.push((Guard::FreshFloor, why));
        return Ok(findings);
    }
    let proposal = Proposal { facts, decision, carried: None, rivalry: None, newest, history };
    let found = guards::findings(app, loaded, product, &proposal, guards::whole(app).await?, now).await?;
    findings.extend(found.into_iter().filter(|(guard, _)| ABOUT_AMOUNTS.contains(guard)));
    Ok(findings)
}
