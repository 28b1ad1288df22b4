//! Starts that channels keep by themselves (SEMANTICS 7.4, *stage*): where a channel takes a sale with a future window, it
//! is given the campaign's price ahead, so that the reduction begins on time there whether a daemon runs then or not.

use std::collections::BTreeMap;

use super::campaigns::{self, MOST_ITEMS, planned, prior_of, scope};
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
/// Listings changed in one transaction.
const AT_ONCE: usize = 500;
/// A start that no decision took over by then is taken back.
const LOOSE_AFTER: i64 = 2 * Millis::MINUTE;

/// Stages the starts that are near, takes back those that will not happen, and sends what changed in between once more.
///
/// # Errors
/// The rules' and the store's.
pub(super) async fn tend(app: &App, open: &[Campaign], now: Millis) -> anyhow::Result<()> {
    let loose = stages::loose(&app.db, now.plus(-LOOSE_AFTER), now, MOST_ITEMS).await?;
    take_back(app, loose.into_iter().map(|stage| stage.listing_id).collect(), now).await?;
    let near = |one: &&Campaign| now >= Millis(one.starts_at).plus(-STAGE_BEFORE_MS) && now.0 < one.starts_at;
    let near: Vec<&Campaign> = open.iter().filter(near).collect();
    if near.is_empty() || !app.lanes.iter().any(|lane| lane.channel.capabilities().stages) {
        return Ok(());
    }
    let (duty, owner) = (DUTY.to_owned(), app.owner.clone());
    if !settings::take_duty(&app.db, duty.clone(), owner.clone(), now, now.plus(LEASE), now.plus(-EVERY)).await? {
        return Ok(());
    }
    for one in near {
        arrange(app, one, now).await?;
    }
    Ok(settings::end_duty(&app.db, duty, owner, Some(now)).await?)
}

async fn arrange(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<()> {
    let (loaded, terms) = (app.rules().await?, app.terms().await?);
    let windows = campaigns::settled(app, &loaded, one).await?;
    let start = Start { one, windows: &windows, loaded: &loaded, terms: &terms, whole: guards::whole(app).await? };
    let mut wanted: BTreeMap<i64, Stage> = BTreeMap::new();
    for item in stored::items(&app.db, one.id, MOST_ITEMS).await? {
        if let Some(product) = products::by_id(&app.db, item.product_id).await? {
            wanted
                .extend(start.of_product(app, &product, now).await?.into_iter().map(|stage| (stage.listing_id, stage)));
        }
    }
    let mut back = Vec::new();
    for have in stages::of_campaign(&app.db, one.id, MOST_ITEMS).await? {
        match wanted.get(&have.listing_id) {
            Some(stage) if *stage == have => drop(wanted.remove(&have.listing_id)),
            Some(_) => {}
            None => back.push(have.listing_id),
        }
    }
    let put: Vec<Stage> = wanted.into_values().collect();
    for part in put.chunks(AT_ONCE) {
        stages::arrange(&app.db, part.to_vec(), vec![], now).await?;
    }
    take_back(app, back, now).await
}

async fn take_back(app: &App, listings: Vec<i64>, now: Millis) -> anyhow::Result<()> {
    for part in listings.chunks(AT_ONCE) {
        stages::arrange(&app.db, vec![], part.to_vec(), now).await?;
    }
    Ok(())
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
    /// What the product's listings are to be given ahead: nothing where the campaign will not decide them at its start, as
    /// far as is known now, or where nothing may be announced.
    async fn of_product(&self, app: &App, product: &Product, now: Millis) -> anyhow::Result<Vec<Stage>> {
        let mut planned = planned(app, product, now).await?;
        planned.retain(|of| of.ends_at > now.0);
        // Another campaign has the listings' windows until this one starts.
        let Some(of) = planned.first().filter(|of| of.id == self.one.id && of.announce != 0) else { return Ok(vec![]) };
        let Some(price) = self.decided(app, product, of).await? else { return Ok(vec![]) };
        let mut staged = Vec::new();
        for listing in listings::of_product(&app.db, product.id).await? {
            if let Some(window) = self.keeps(&listing) {
                staged.extend(self.of_listing(app, product, &listing, price, window).await?);
            }
        }
        Ok(staged)
    }

    /// The product's price at the start: the campaign's, unless a person, the law or a floor stands against it.
    async fn decided(&self, app: &App, product: &Product, of: &OfProduct) -> anyhow::Result<Option<Money>> {
        let own = currency(&product.currency)?;
        if scope(app, &of.channels).is_some() {
            // On some channels only it is no decision of the product.
            return Ok(Some(Money::from_minor(product.own_minor, own)));
        }
        let starts = Millis(of.starts_at);
        let facts = facts(app, self.loaded, product, starts).await?;
        let decision = decide::price(&facts, &self.loaded.set, starts.timestamp());
        if !decision.has(Flag::Campaign) {
            return Ok(None);
        }
        let newest = decisions::latest(&app.db, product.id).await?;
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

    async fn of_listing(
        &self,
        app: &App,
        product: &Product,
        listing: &Listing,
        price: Money,
        window: Window,
    ) -> anyhow::Result<Option<Stage>> {
        let have = stages::of_one(&app.db, listing.id).await?;
        // A channel that does not take it is told elsewhere, and gets the price at its start like any other.
        let settled = matches!(listing.state.as_str(), "verified" | "unverified");
        let Some(regular_minor) = listing.desired_minor.filter(|_| settled || have.is_some()) else { return Ok(None) };
        let then = Terms { now: window.from, ..self.terms.clone() };
        let desired = desired(app, &then, product, price, Some(&listing.channel)).await?;
        let Some(Ok(minor)) = desired.into_iter().next().map(|desire| desire.price) else { return Ok(None) };
        if minor >= regular_minor {
            return Ok(None);
        }
        let reduced = Money::from_minor(minor, currency(&listing.currency)?);
        let instants = (Millis(self.one.starts_at), window.from, window.until);
        let (prior, _) = prior_of(app, self.loaded, product, listing, reduced, instants).await?;
        Ok((prior.announce == Some(true)).then(|| Stage {
            listing_id: listing.id,
            campaign_id: self.one.id,
            minor,
            regular_minor,
            prior_minor: prior.prior.map(Money::minor),
            starts_at: window.from.0,
            ends_at: window.until.0,
        }))
    }
}
