//! What the engine makes of fresh facts, and the few prices that follow from no rule: a tax rate that is passed on, the
//! price from before a campaign, the answer to a rival.

use serde_json::Value;

use super::facts::facts;
use super::history::History;
use super::pricing::RULES;
use super::rivalry::{self, Answered};
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::config::Mode;
use crate::decide::facts::Tax;
use crate::decide::vat::{OnVatChange, after_change};
use crate::decide::{self, Decision, Facts, Flag, Outcome, bounds};
use crate::money::{Money, currency, decimal};
use crate::sentence::Sentence;
use crate::store::decisions::{self, DecisionRow};
use crate::store::products::Product;
use crate::store::terms;

/// Who decides when a price that a person set is over, and when a campaign is.
const AFTER_SET: &str = "rules, after a price that was set";
pub const AFTER_CAMPAIGN: &str = "rules, after a campaign";

/// Decisions walked back to find the price from before a campaign or a price set by hand.
const WALK_BACK: i64 = 400 * Millis::DAY;

/// A price in place of the engine's.
#[derive(Debug, Clone)]
pub struct Carried {
    pub price: Money,
    pub actor: String,
    pub why: String,
    /// It passes on a new tax rate.
    pub by_tax: bool,
}

/// What is to be done with a product.
#[derive(Debug, Clone)]
pub struct Proposal {
    pub facts: Facts,
    pub decision: Decision,
    pub carried: Option<Carried>,
    pub rivalry: Option<Answered>,
    pub newest: Option<DecisionRow>,
    /// Read where it was needed; the guards need it too.
    pub history: Option<History>,
}

impl Proposal {
    /// The purchase cost at the newest decision.
    #[must_use]
    pub fn newest_cost(&self) -> Option<Money> {
        let record: Value = serde_json::from_str(&self.newest.as_ref()?.record).ok()?;
        serde_json::from_value(record.pointer("/facts/product/cost_net")?.clone()).ok()
    }

    /// The price that is proposed, or kept.
    #[must_use]
    pub fn price(&self) -> Option<Money> {
        self.carried.as_ref().map(|carried| carried.price).or(self.decision.price)
    }

    /// Whether it proposes a price other than the current one.
    #[must_use]
    pub fn proposes(&self) -> bool {
        self.carried.is_some() || self.decision.proposes()
    }

    /// A person or a campaign set the price: consent was given with a name and a reason.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.decision.is_set()
    }

    /// The price from before the campaign or the person whose price is in force still, once the rules decide again.
    #[must_use]
    pub fn returns_to(&self) -> Option<Money> {
        self.facts.product.before_set.filter(|_| !self.decision.is_gated())
    }

    /// The move is meant: set, carried over, or the way back after a campaign. Breakers over runs do not count it.
    #[must_use]
    pub fn is_intended(&self) -> bool {
        self.is_set() || self.carried.is_some() || self.returns_to().is_some()
    }

    /// The price from before a campaign comes back.
    #[must_use]
    pub fn ends_campaign(&self) -> bool {
        self.returns_to().is_some() && self.newest.as_ref().is_some_and(|row| was_by(row, &[Flag::Campaign]))
    }

    /// Who decides.
    #[must_use]
    pub fn actor(&self) -> String {
        let product = &self.facts.product;
        if let Some(carried) = &self.carried {
            return carried.actor.clone();
        }
        if let Some(manual) = product.manual.as_ref().filter(|_| self.decision.has(Flag::ManualPrice)) {
            return manual.owner.clone();
        }
        if let Some(campaign) = product.campaign.as_ref().filter(|_| self.decision.has(Flag::Campaign)) {
            return format!("campaign {}", campaign.id);
        }
        if self.returns_to().is_some() { AFTER_SET.to_owned() } else { RULES.to_owned() }
    }

    /// What the record says beside the guards' findings.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.carried.iter().map(|c| c.why.clone()).chain(self.rivalry.iter().map(|r| r.message.clone()))
    }
}

/// Facts, decision, and what takes its place.
///
/// # Errors
/// The rules' and the store's.
pub async fn of(app: &App, loaded: &Loaded, product: &Product, now: Millis) -> anyhow::Result<Proposal> {
    let mut facts = facts(app, loaded, product, now).await?;
    let newest = decisions::latest(&app.db, product.id).await?;
    // One from before the product went into another money says nothing of today's cost and price.
    let newest = newest.filter(|row| product.compares_with(row.created_at));
    if facts.product.manual.is_none() && facts.product.campaign.is_none() && newest.as_ref().is_some_and(was_set) {
        // The cooldown of a rule counts from the rule's own changes: a campaign's price must not outlive the campaign by it.
        facts.product.last_changed = None;
    }
    facts.product.before_set = before_it_was_set(app, product, newest.as_ref(), now).await?;
    facts.product.set_by_hand = newest.as_ref().is_some_and(|row| was_by(row, &[Flag::ManualPrice]));
    let decision = decide::price(&facts, &loaded.set, now.timestamp());
    let mut proposal = Proposal { facts, decision, carried: None, rivalry: None, newest, history: None };
    if proposal.decision.is_gated() {
        return Ok(proposal);
    }
    proposal.carried = match tax(app, product, &proposal).await? {
        Some(carried) => Some(carried),
        None => way_back(&proposal, app.config.mode),
    };
    if let Some(carried) = &proposal.carried
        && !holds_floor(&proposal.facts, product, loaded, carried.price)
    {
        proposal.carried = None;
    }
    if proposal.carried.is_none() {
        rivalry::answer(app, loaded, product, &mut proposal, now).await?;
    }
    Ok(proposal)
}

/// The price after a change of the tax rate since the price was set, where the policy passes it on.
async fn tax(app: &App, product: &Product, proposal: &Proposal) -> anyhow::Result<Option<Carried>> {
    let Some(vat) = &proposal.facts.product.vat else { return Ok(None) };
    let Some(known) = terms::vat_of(&app.db, product.id).await? else { return Ok(None) };
    let old = decimal(&known.percent)?;
    // A price without VAT does not change with the rate; what channels make of it does, by their terms.
    if proposal.facts.market.tax == Tax::Net {
        return Ok(None);
    }
    let country = &proposal.facts.market.country;
    let policy = app.config.vat.on_change(country, &product.vat_class);
    let Some(current) = proposal.facts.product.current.filter(|_| old != vat.percent) else { return Ok(None) };
    if policy == OnVatChange::KeepGross {
        return Ok(None);
    }
    let price = after_change(current, old, vat.percent, policy)?;
    let row = vat.row.as_deref().unwrap_or("no row");
    let why = Sentence::VatPassedOn.with(&[("before", &old), ("after", &vat.percent), ("row", &row)]);
    Ok((price != current).then(|| Carried { price, actor: "vat".to_owned(), why, by_tax: true }))
}

/// The price from before the campaign, or the person, whose price is in force although its time is over.
async fn before_it_was_set(
    app: &App,
    product: &Product,
    newest: Option<&DecisionRow>,
    now: Millis,
) -> anyhow::Result<Option<Money>> {
    if !newest.is_some_and(was_set) {
        return Ok(None);
    }
    let own = currency(&product.currency)?;
    let rows = decisions::of_product_since(&app.db, product.id, now.plus(-WALK_BACK)).await?;
    let first = rows.iter().rev().take_while(|row| was_set(row)).last();
    Ok(first.map(|row| Money::from_minor(row.previous_minor, own)))
}

/// A decision that carried out what a person or a campaign had set.
fn was_set(row: &DecisionRow) -> bool {
    was_by(row, &[Flag::Campaign, Flag::ManualPrice])
}

fn was_by(row: &DecisionRow, any: &[Flag]) -> bool {
    let record: Value = serde_json::from_str(&row.record).unwrap_or_default();
    let flags = record.pointer("/decision/flags").and_then(Value::as_array);
    flags.is_some_and(|flags| {
        flags.iter().any(|flag| any.iter().any(|one| one.as_str() == flag.as_str().unwrap_or_default()))
    })
}

/// Where no rule says what follows a campaign, the price from before it does: else a reduction would last for ever. So it
/// does while what the rules say waits for a person, since whoever planned the campaign planned its end.
fn way_back(proposal: &Proposal, mode: Mode) -> Option<Carried> {
    let before = proposal.returns_to().filter(|before| proposal.facts.product.current != Some(*before))?;
    let decision = &proposal.decision;
    let waits = mode == Mode::Review || decision.outcome == Outcome::Review;
    let campaign = proposal.ends_campaign();
    (decision.is_silent() || waits && campaign).then(|| Carried {
        price: before,
        actor: if campaign { AFTER_CAMPAIGN } else { AFTER_SET }.to_owned(),
        why: Sentence::BackToBefore.with(&[("price", &before)]),
        by_tax: false,
    })
}

fn holds_floor(facts: &Facts, product: &Product, loaded: &Loaded, price: Money) -> bool {
    let floor = bounds::floor(facts, &[], &loaded.set.engine);
    floor.is_some_and(|(floor, _)| price.minor() >= floor)
        && product.min_minor.is_none_or(|minimum| price.minor() >= minimum)
}
