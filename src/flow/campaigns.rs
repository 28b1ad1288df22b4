//! Campaigns in the daemon: their phases, and each channel's turn in them. Checkouts start first and end last, so that no
//! advert promises what a till does not take.

use std::collections::BTreeMap;

use super::campaign_claims as claims;
pub use super::campaign_claims::prior_of;
pub use super::campaign_plan::{Outlook, Remark, outlook, outlook_of, plan, remarks};
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::campaign::{
    self, CampaignChannel, LATE_AFTER_MS, MOST_CART_GRACE_MS, READY_BEFORE_MS, Role, Window,
};
use crate::decide::prior::Audience;
use crate::money::{Money, currency};
use crate::sentence::Sentence;
use crate::store::campaigns::{self, Campaign, OfProduct};
use crate::store::events::{self, Raise};
use crate::store::listings::{self, Desire};
use crate::store::products::{self, Product};
use crate::store::strikes::{self, Lagging};
use crate::store::{channels, progress, shelf, stages};

/// Kinds of events: a channel lags behind a campaign, and a campaign that its own policy cancelled or put off.
const FAILED: &str = "campaign";
pub(super) const CHANGED: &str = "campaign_changed";
/// A campaign that a policy delays is tried again after this.
const DELAY: i64 = 10 * Millis::MINUTE;
/// Products of a campaign handled at once.
pub const MOST_ITEMS: i64 = 100_000;
/// The 95th percentile of a channel is read from this much history.
const LATENCY_SINCE: i64 = 30 * Millis::DAY;
/// Decisions made when a channel's turn comes are stored before this.
const TURN_AGAIN: i64 = Millis::MINUTE;
/// Channels are watched for an ended campaign's prices for so long.
const WATCHED_AFTER: i64 = 7 * Millis::DAY;

/// The channels of a campaign; none if it is on all of ours, which makes its price the product's own. A price for members is
/// never that, though all channels be theirs today: it would go wherever one is opened.
#[must_use]
pub fn scope(app: &App, channels: &str, audience: &str) -> Option<Vec<String>> {
    let named: Vec<String> = serde_json::from_str(channels).unwrap_or_default();
    let all = named.is_empty() || app.lanes.iter().all(|lane| named.contains(&lane.name));
    (!all || Audience::stored(audience) == Audience::Loyalty).then_some(named)
}

/// The part of a campaign that one channel has; the campaign's own where parts are not settled yet.
#[must_use]
pub fn window(one: &OfProduct, channel: &str) -> Window {
    let whole = Window { from: Millis(one.starts_at), until: Millis(one.ends_at) };
    part(one.windows.as_deref(), channel, whole)
}

/// The part of a window that one channel has, by the campaign's stored parts.
#[must_use]
pub fn part(windows: Option<&str>, channel: &str, whole: Window) -> Window {
    windows.and_then(|text| read(text).remove(channel)).unwrap_or(whole)
}

/// Stored windows; what cannot be read counts as not settled, so that the campaign's own window holds.
fn read(text: &str) -> BTreeMap<String, Window> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Campaigns of a product that run now or later, or whose price checkouts may still have.
pub(super) async fn planned(app: &App, product: &Product, now: Millis) -> anyhow::Result<Vec<OfProduct>> {
    Ok(campaigns::of_product(&app.db, product.id, now.plus(-MOST_CART_GRACE_MS)).await?)
}

/// What campaigns want of one listing at an instant.
#[derive(Debug)]
pub(super) enum Wish {
    /// The product's decision.
    Decided,
    /// A campaign's price, in the product's currency: it is on some channels only.
    Reduced(Money),
    /// The campaign's price for carts that were begun before its end, unless the decision is lower.
    ForCarts(i64),
    /// What is wanted already: the campaign has begun and this advert's turn comes later.
    AsBefore,
    /// The price from before the campaign with this number, which began then: this advert stops ahead of the end.
    Regular(i64, Millis),
}

/// What a product's campaigns want of its listing on a channel, beside what was decided for the product.
pub(super) fn wish(
    app: &App,
    planned: &[OfProduct],
    decided: Money,
    (channel, audience): (&str, Audience),
    now: Millis,
) -> anyhow::Result<Wish> {
    // A channel that everybody sees now has no price for members, whatever it was when the campaign was stored.
    let sees = |one: &&OfProduct| audience.could_have(Audience::stored(&one.audience));
    for one in planned.iter().rev().filter(|one| one.starts_at <= now.0).filter(sees) {
        let named = scope(app, &one.channels, &one.audience);
        if named.as_ref().is_some_and(|named| !named.iter().any(|name| name == channel)) {
            continue;
        }
        let window = window(one, channel);
        let price = Money::from_minor(one.price_minor, currency(&one.currency)?);
        if one.ends_at <= now.0 {
            if window.contains(now) {
                return Ok(Wish::ForCarts(one.id));
            }
        } else if named.is_some() {
            return Ok(if window.contains(now) { Wish::Reduced(price) } else { Wish::Decided });
        } else if decided == price && now < window.from {
            return Ok(Wish::AsBefore);
        } else if decided == price && now >= window.until {
            return Ok(Wish::Regular(one.id, Millis(one.starts_at)));
        } else {
            // A person or a lock may have decided otherwise; where not, the decision is the campaign's price.
            return Ok(Wish::Decided);
        }
    }
    Ok(Wish::Decided)
}

/// What a channel is to a campaign: adverts promise a price, everything else takes it.
#[must_use]
pub fn channel_of(app: &App, loaded: &Loaded, name: &str, latency_ms: i64) -> CampaignChannel {
    let kind = loaded.set.channel(name).map(|rules| rules.kind.as_str());
    let advert = match kind {
        Some(kind) => matches!(kind, "feed" | "shelf_label" | "newsletter"),
        None => app.lane(name).is_some_and(|lane| lane.kind == "feed"),
    };
    let role = if advert { Role::Advert } else { Role::Checkout };
    CampaignChannel { id: name.to_owned(), role, latency_ms }
}

/// Each channel's window of a campaign: as settled, or from the latencies measured up to now.
///
/// # Errors
/// The store's.
pub async fn windows(app: &App, loaded: &Loaded, one: &Campaign) -> anyhow::Result<BTreeMap<String, Window>> {
    if let Some(text) = &one.windows {
        return Ok(read(text));
    }
    let whole = Window { from: Millis(one.starts_at), until: Millis(one.ends_at) };
    measured(app, loaded, scope(app, &one.channels, &one.audience), whole, one.cart_grace_ms).await
}

/// Each channel's window of a campaign that is about to start: it stays as it is from now on.
pub(super) async fn settled(app: &App, loaded: &Loaded, one: &Campaign) -> anyhow::Result<BTreeMap<String, Window>> {
    let windows = windows(app, loaded, one).await?;
    if one.windows.is_none() {
        campaigns::settle(&app.db, one.id, serde_json::to_string(&windows)?).await?;
    }
    Ok(windows)
}

/// Each channel's part of a window, from the latencies measured up to now.
///
/// # Errors
/// The store's.
pub(super) async fn measured(
    app: &App,
    loaded: &Loaded,
    named: Option<Vec<String>>,
    whole: Window,
    cart_grace_ms: i64,
) -> anyhow::Result<BTreeMap<String, Window>> {
    let mut channels = Vec::new();
    for lane in app.lanes.iter().filter(|lane| named.as_ref().is_none_or(|named| named.contains(&lane.name))) {
        let seen = progress::convergence(&app.db, &lane.name, app.now().plus(-LATENCY_SINCE)).await?;
        channels.push(channel_of(app, loaded, &lane.name, progress::percentile(&seen, 95).unwrap_or(0)));
    }
    Ok(campaign::windows(whole.from, whole.until, cart_grace_ms, &channels))
}

/// Moves campaigns through their phases and channels through their windows; says so when channels are not ready for a
/// start, did not take it, or show the price after its end.
///
/// # Errors
/// The rules' and the store's.
pub async fn tend(app: &App) -> anyhow::Result<()> {
    let now = app.now();
    super::campaign_consent::tend(app, now).await?;
    let open = campaigns::open(&app.db).await?;
    for one in &open {
        if now >= Millis(one.starts_at).plus(-READY_BEFORE_MS) {
            tend_one(app, one, now).await?;
            check_end(app, one, now).await?;
        }
    }
    // After the phases have moved, so that decisions of campaigns that just began are asked for already.
    super::campaign_stages::tend(app, &campaigns::open(&app.db).await?, now).await?;
    for one in campaigns::ended(&app.db, now.plus(-WATCHED_AFTER)).await? {
        check_end(app, &one, now).await?;
    }
    Ok(())
}

async fn tend_one(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<()> {
    let (starts, ends) = (Millis(one.starts_at), Millis(one.ends_at));
    if now < starts && !prepare(app, one, now).await? {
        return Ok(());
    }
    let windows = settled(app, &*app.rules().await?, one).await?;
    if windows.values().all(|window| now >= window.until) && now >= ends {
        campaigns::set_phase(&app.db, one.id, "over", None, None, now).await?;
        for kind in ["start", "ready"] {
            events::resolve(&app.db, dedupe(one, kind), now).await?;
        }
    } else if one.phase == "planned" && now >= starts {
        campaigns::set_phase(&app.db, one.id, "running", None, None, now).await?;
        // From now on what counts is whether it started.
        events::resolve(&app.db, dedupe(one, "ready"), now).await?;
    } else if one.phase == "running" {
        check_start(app, one, now).await?;
    }
    let everywhere = scope(app, &one.channels, &one.audience).is_none();
    let turned = |window: &Window| {
        // Decisions carry the start and the end of a campaign on all channels; other turns are acted on here.
        let starts_apart = !everywhere || window.from != starts;
        let ends_apart = !everywhere || window.until != ends;
        let passed = |at: Millis| at <= now && one.tended_at.is_none_or(|tended| tended < at.0);
        // A second time for decisions that were on their way at the first.
        let turns = |at: Millis| passed(at) || passed(at.plus(TURN_AGAIN));
        starts_apart && turns(window.from) || ends_apart && turns(window.until)
    };
    let due: Vec<String> =
        windows.iter().filter(|(_, window)| turned(window)).map(|(channel, _)| channel.clone()).collect();
    if !due.is_empty() {
        again(app, one, &due, now).await?;
        campaigns::tended(&app.db, one.id, now).await?;
    }
    Ok(())
}

fn dedupe(one: &Campaign, what: &str) -> String {
    format!("campaign-{what}/{}", one.id)
}

/// Before the start: channels that cannot be written to are told, and the campaign's policy decides whether it starts as
/// planned.
async fn prepare(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<bool> {
    let named = scope(app, &one.channels, &one.audience);
    let mut broken: Vec<String> = channels::list(&app.db)
        .await?
        .into_iter()
        .filter(|row| app.lane(&row.name).is_some() && row.state != "ok")
        .map(|row| row.name)
        .filter(|name| named.as_ref().is_none_or(|named| named.contains(name)))
        .collect();
    // A start that a channel was given in good time and did not take will not happen there by itself.
    let given = stages::per_channel(&app.db, one.id, now.plus(-READY_BEFORE_MS)).await?;
    broken.extend(given.into_iter().filter(|on| on.confirmed < on.wanted).map(|on| on.channel));
    broken.sort();
    broken.dedup();
    if broken.is_empty() {
        events::resolve(&app.db, dedupe(one, "ready"), now).await?;
        return Ok(true);
    }
    let channels = broken.join(", ");
    let (follows, kind) = match one.policy.as_str() {
        "cancel" => (Sentence::CampaignCancelled, CHANGED),
        "delay_all" => (Sentence::CampaignDelayed, CHANGED),
        _ => (Sentence::CampaignPartly, FAILED),
    };
    let follows = follows.with(&[]);
    let told = Sentence::CampaignNotReady.with(&[("name", &one.name), ("channels", &channels), ("follows", &follows)]);
    // Told first: a crash in between tells it again, and nothing is cancelled in silence.
    events::note(&app.db, notice(one, kind, "ready", "critical", told), now).await?;
    match one.policy.as_str() {
        "cancel" => {
            let why = Some(Sentence::CampaignUnready.with(&[("name", &one.name), ("channels", &channels)]));
            campaigns::set_phase(&app.db, one.id, "cancelled", Some("policy".to_owned()), why, now).await?;
        }
        "delay_all" => {
            campaigns::postpone(&app.db, one.id, now.plus(READY_BEFORE_MS + DELAY)).await?;
        }
        _ => return Ok(true),
    }
    Ok(false)
}

async fn check_start(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<()> {
    let missing = strikes::unstarted(&app.db, one.id, now.plus(-LATE_AFTER_MS), now).await?;
    lagging(app, one, ("start", "warning", Sentence::CampaignNotLive), &missing, now).await
}

async fn check_end(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<()> {
    let left = strikes::unended(&app.db, one.id, now.plus(-LATE_AFTER_MS)).await?;
    lagging(app, one, ("end", "critical", Sentence::CampaignStays), &left, now).await
}

/// Tells that channels lag behind a campaign, or that they no longer do.
async fn lagging(
    app: &App,
    one: &Campaign,
    (what, severity, told): (&str, &'static str, Sentence),
    rows: &[Lagging],
    now: Millis,
) -> anyhow::Result<()> {
    if rows.is_empty() {
        events::resolve(&app.db, dedupe(one, what), now).await?;
        return Ok(());
    }
    let on = |row: &Lagging| Sentence::OnChannel.with(&[("n", &row.n), ("channel", &row.channel)]);
    let list = rows.iter().map(on).collect::<Vec<_>>().join(", ");
    let told = told.with(&[("name", &one.name), ("list", &list)]);
    tell(app, one, what, severity, told, now).await
}

async fn tell(
    app: &App,
    one: &Campaign,
    what: &str,
    severity: &'static str,
    message: String,
    now: Millis,
) -> anyhow::Result<()> {
    // It is looked at every few seconds and went wrong once.
    events::note(&app.db, notice(one, FAILED, what, severity, message), now).await?;
    Ok(())
}

fn notice(one: &Campaign, kind: &'static str, what: &str, severity: &'static str, message: String) -> Raise {
    Raise {
        kind,
        severity,
        dedupe: dedupe(one, what),
        product_id: None,
        channel: None,
        competitor: None,
        message,
        hint: format!("omniprice campaign show {}", one.name),
    }
}

/// What follows when a campaign was ended by hand.
///
/// # Errors
/// The rules' and the store's.
pub async fn ended(app: &App, one: &Campaign) -> anyhow::Result<()> {
    let now = app.now();
    for kind in ["start", "ready"] {
        events::resolve(&app.db, dedupe(one, kind), now).await?;
    }
    let all: Vec<String> = app.lanes.iter().map(|lane| lane.name.clone()).collect();
    again(app, one, &all, now).await
}

/// A channel's turn of a campaign changes no decision; its listings get their price here.
async fn again(app: &App, one: &Campaign, channels: &[String], now: Millis) -> anyhow::Result<()> {
    let (loaded, terms) = (app.rules().await?, app.terms().await?);
    let everywhere = scope(app, &one.channels, &one.audience).is_none();
    if !everywhere {
        shelf::note(&app.db, one.id, now).await?;
    }
    for item in campaigns::items(&app.db, one.id, MOST_ITEMS).await? {
        let Some(product) = products::by_id(&app.db, item.product_id).await? else { continue };
        let ours = Money::from_minor(product.own_minor, currency(&product.currency)?);
        let listings = listings::of_product(&app.db, product.id).await?;
        let listing_of = |desire: &Desire| listings.iter().find(|listing| listing.id == desire.listing_id);
        let mut desired = super::pricing::desired(app, &terms, &product, ours, None).await?;
        desired.retain(|desire| {
            listing_of(desire).is_some_and(|listing| {
                channels.contains(&listing.channel) && desire.price.as_ref().ok() != listing.desired_minor.as_ref()
            })
        });
        let running = planned(app, &product, now).await?.into_iter().find(|of| of.id == one.id && of.ends_at > now.0);
        let frozen = match running.filter(|of| !everywhere || product.own_minor == of.price_minor) {
            Some(of) => {
                let begins = |desire: &&Desire| {
                    listing_of(desire).is_some_and(|listing| window(&of, &listing.channel).contains(now))
                };
                let begun: Vec<Desire> = desired.iter().filter(begins).cloned().collect();
                claims::freeze(app, &loaded, &product, &of, &begun, now).await?
            }
            None => vec![],
        };
        let newest = crate::store::decisions::latest(&app.db, product.id).await?.map(|decision| decision.id);
        campaigns::desire(&app.db, frozen, desired, newest, now).await?;
    }
    Ok(())
}
