//! Starts that channels keep by themselves (SEMANTICS 7.4, *stage*): where a channel takes a sale with a future window, it
//! is given the campaign's price ahead, so that the reduction begins on time there whether a daemon runs then or not.

use std::collections::BTreeMap;

use super::campaigns::{self, planned, prior_of, scope};
use super::facts::facts;
use super::guards;
use super::pricing::desired;
use super::proposal::Proposal;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::campaign::{STAGE_BEFORE_MS, Window};
use crate::decide::{self, Flag, Outcome};
use crate::money::{Money, currency};
use crate::publish::terms::Terms;
use crate::store::campaigns::{self as stored, Campaign, OfProduct};
use crate::store::listings::{self, Listing};
use crate::store::products::{self, Product};
use crate::store::stages::{self, Stage};
use crate::store::{decisions, settings};

/// What is staged is compared with what is decided this often.
const EVERY: i64 = Millis::MINUTE;
/// A daemon that dies while it stages leaves the work to others after this.
const LEASE: i64 = 10 * Millis::MINUTE;
const DUTY: &str = "campaign stages";
/// Products compared in one round, and listings changed in one transaction; a round takes a second or two.
const PER_ROUND: i64 = 500;
/// A start that no decision took over by then is taken back.
const LOOSE_AFTER: i64 = 2 * Millis::MINUTE;

/// Stages the starts that are near, takes back those that will not happen, and sends what changed in between once more.
///
/// # Errors
/// The rules' and the store's.
pub(super) async fn tend(app: &App, open: &[Campaign], now: Millis) -> anyhow::Result<()> {
    let loose = stages::loose(&app.db, now.plus(-LOOSE_AFTER), now, PER_ROUND).await?;
    if !loose.is_empty() {
        let listings = loose.into_iter().map(|stage| stage.listing_id).collect();
        stages::arrange(&app.db, vec![], listings, now).await?;
    }
    let near = |one: &&Campaign| now >= Millis(one.starts_at).plus(-STAGE_BEFORE_MS) && now.0 < one.starts_at;
    let mut near: Vec<&Campaign> = open.iter().filter(near).collect();
    if near.is_empty() || !app.lanes.iter().any(|lane| lane.channel.capabilities().stages) {
        return Ok(());
    }
    near.sort_by_key(|one| one.id);
    let (duty, owner) = (DUTY.to_owned(), app.owner.clone());
    if !settings::take_duty(&app.db, duty.clone(), owner.clone(), now, now.plus(LEASE), now.plus(-EVERY)).await? {
        return Ok(());
    }
    let whole = compare_some(app, &near, now).await;
    let done = matches!(whole, Ok(true)).then_some(now);
    settings::end_duty(&app.db, duty, owner, done).await?;
    whole.map(drop)
}

/// Compares as many products as one round may; true if it came to the end of all.
async fn compare_some(app: &App, near: &[&Campaign], now: Millis) -> anyhow::Result<bool> {
    let mut up_to = app.staged_up_to.lock().await;
    let (campaign, product) = up_to.unwrap_or_default();
    let mut room = PER_ROUND;
    for one in near.iter().filter(|one| one.id >= campaign) {
        let after = if one.id == campaign { product } else { 0 };
        let items = stored::products(&app.db, one.id, after, room).await?;
        arrange(app, one, &items, now).await?;
        room -= i64::try_from(items.len())?;
        if room == 0 {
            *up_to = items.last().map(|last| (one.id, *last));
            return Ok(false);
        }
    }
    *up_to = None;
    Ok(true)
}

async fn arrange(app: &App, one: &Campaign, items: &[i64], now: Millis) -> anyhow::Result<()> {
    let (loaded, terms) = (app.rules().await?, app.terms().await?);
    let windows = campaigns::settled(app, &loaded, one).await?;
    let start = Start { one, windows: &windows, loaded: &loaded, terms: &terms, whole: guards::whole(app).await? };
    let (mut put, mut back) = (Vec::new(), Vec::new());
    for id in items {
        let Some(product) = products::by_id(&app.db, *id).await? else { continue };
        let price = start.price(app, &product, now).await?;
        for listing in listings::of_product(&app.db, product.id).await? {
            let have = stages::of_one(&app.db, listing.id).await?;
            let wanted = match price.zip(start.keeps(&listing)) {
                Some(decided) => start.of_listing(app, &product, &listing, have, decided).await?,
                None => None,
            };
            match (wanted, have) {
                (Some(wanted), have) if have != Some(wanted) => put.push(wanted),
                (None, Some(have)) if have.campaign_id == one.id => back.push(listing.id),
                _ => {}
            }
        }
    }
    Ok(stages::arrange(&app.db, put, back, now).await?)
}

/// A campaign that is about to start.
struct Start<'a> {
    one: &'a Campaign,
    windows: &'a BTreeMap<String, Window>,
    loaded: &'a Loaded,
    terms: &'a Terms,
    whole: u32,
}

impl Start<'_> {
    /// The price that the product has at the start, if the campaign may be announced and nothing stands against it.
    async fn price(&self, app: &App, product: &Product, now: Millis) -> anyhow::Result<Option<Money>> {
        let mut planned = planned(app, product, now).await?;
        planned.retain(|of| of.ends_at > now.0);
        // Another campaign has the listings' windows until this one starts.
        match planned.first().filter(|of| of.id == self.one.id && of.announce != 0) {
            Some(of) => self.decided(app, product, of).await,
            None => Ok(None),
        }
    }

    /// The campaign's price where it decides the product, unless a person, the law or a floor stands against it.
    async fn decided(&self, app: &App, product: &Product, of: &OfProduct) -> anyhow::Result<Option<Money>> {
        let own = currency(&product.currency)?;
        if scope(app, &of.channels, &of.audience).is_some() {
            // On some channels only it is no decision of the product.
            return Ok(Some(Money::from_minor(product.own_minor, own)));
        }
        let starts = Millis(of.starts_at);
        let facts = facts(app, self.loaded, product, starts).await?;
        let decision = decide::price(&facts, &self.loaded.set, starts.timestamp());
        if !decision.has(Flag::Campaign) {
            return Ok(None);
        }
        let newest = decisions::latest(&app.db, product.id).await?.filter(|row| product.compares_with(row.created_at));
        let proposal = Proposal { facts, decision, carried: None, rivalry: None, newest, history: None };
        let verdict = guards::judge(app, self.loaded, product, &proposal, self.whole, starts).await?;
        Ok(proposal.price().filter(|_| verdict.outcome == Outcome::Change))
    }

    /// The channel's window, in whole minutes as feeds and shops have them, if the channel can keep its start and need not
    /// wait for another channel then.
    fn keeps(&self, listing: &Listing) -> Option<Window> {
        let own = self.windows.get(&listing.channel)?;
        let stages = self.terms.channels.get(&listing.channel).is_some_and(|capabilities| capabilities.stages);
        let alone = self.loaded.set.constraints.iter().all(|constraint| {
            let (above, below) = &constraint.never_below;
            let from = |channel: &String| self.windows.get(channel).map(|window| window.from);
            above != &listing.channel && below != &listing.channel || from(above) > from(below)
        });
        let whole = (own.from.0 + Millis::MINUTE - 1).div_euclid(Millis::MINUTE) * Millis::MINUTE;
        (stages && alone && whole < own.until.0).then_some(Window { from: Millis(whole), until: own.until })
    }

    /// What the listing is to be given ahead; nothing where no reduction may be announced there.
    async fn of_listing(
        &self,
        app: &App,
        product: &Product,
        listing: &Listing,
        have: Option<Stage>,
        (price, window): (Money, Window),
    ) -> anyhow::Result<Option<Stage>> {
        // A channel that does not take it is told elsewhere, and gets the price at its start like any other.
        let settled = matches!(listing.state.as_str(), "verified" | "unverified");
        let Some(regular_minor) = listing.desired_minor.filter(|_| settled || have.is_some()) else { return Ok(None) };
        let then = Terms { now: window.from, ..self.terms.clone() };
        let desired = desired(app, &then, product, price, Some(&listing.channel)).await?;
        let Some(Ok(minor)) = desired.into_iter().next().map(|desire| desire.price) else { return Ok(None) };
        if minor >= regular_minor {
            return Ok(None);
        }
        let reduced = listing.price(minor)?;
        let instants = (Millis(self.one.starts_at), window.from, window.until);
        let (prior, _) = prior_of(app, self.loaded, product, listing, reduced, instants).await?;
        // What is crossed out is the prior price; a channel that was given another one ahead would show it until the start.
        let prior_minor = prior.prior.map(|prior| listing.units(prior)).transpose()?;
        let same = prior_minor.is_none_or(|prior| prior == regular_minor);
        Ok((same && prior.announce == Some(true)).then_some(Stage {
            listing_id: listing.id,
            campaign_id: self.one.id,
            minor,
            regular_minor,
            prior_minor,
            starts_at: window.from.0,
            ends_at: window.until.0,
        }))
    }
}
