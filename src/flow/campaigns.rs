//! Campaigns in the daemon: their phases, what may be said about each reduction (frozen when it starts, from prices that
//! were really live), and campaigns of some channels only.

pub use super::campaign_plan::{Outlook, outlook, outlook_of, plan};
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::campaign::{self, CampaignChannel, Role, STAGING_DEADLINE_MS, START_FAILED_AFTER_MS};
use crate::decide::prior::{Audience, LivePrice, PriorPrice, Reduction, better_from, prior_price};
use crate::decide::prior_rules;
use crate::money::{Currency, Money, currency};
use crate::sentence::Sentence;
use crate::store::campaigns::{self, Campaign, Frozen, OfProduct};
use crate::store::events::{self, Raise};
use crate::store::listings::{self, Desire, Listing};
use crate::store::products::{self, Product};

/// A campaign that a policy delays is tried again after this.
const DELAY: i64 = 10 * Millis::MINUTE;
/// Products of a campaign handled at once.
pub const MOST_ITEMS: i64 = 100_000;
/// Steps of a progressive reduction followed back.
const MOST_STEPS: usize = 20;
/// Goods with this tag follow the rules for what perishes quickly.
const PERISHABLE: &str = "perishable";
/// The 95th percentile of a channel is read from this much history.
const LATENCY_SINCE: i64 = 30 * Millis::DAY;

/// The channels of a campaign; none if it is on all of ours, which makes its price the product's own.
#[must_use]
pub fn scope(app: &App, channels: &str) -> Option<Vec<String>> {
    let named: Vec<String> = serde_json::from_str(channels).unwrap_or_default();
    let all = named.is_empty() || app.lanes.iter().all(|lane| named.contains(&lane.name));
    (!all).then_some(named)
}

/// A running campaign of some channels only, as one product has it.
pub(super) struct Scoped {
    pub campaign: OfProduct,
    pub channels: Vec<String>,
    pub price: Money,
}

/// Campaigns of some channels only that run now for a product.
pub(super) async fn scoped(app: &App, product: &Product, now: Millis) -> anyhow::Result<Vec<Scoped>> {
    let mut found = Vec::new();
    for campaign in campaigns::of_product(&app.db, product.id, now).await? {
        if campaign.starts_at <= now.0
            && let Some(channels) = scope(app, &campaign.channels)
        {
            let price = Money::from_minor(campaign.price_minor, currency(&campaign.currency)?);
            found.push(Scoped { campaign, channels, price });
        }
    }
    Ok(found)
}

/// What may be said about a reduction on each listing that gets a campaign's price, as of its start now.
///
/// # Errors
/// The store's.
pub(super) async fn strikes(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    name: &str,
    desired: &[Desire],
    now: Millis,
) -> anyhow::Result<Vec<Frozen>> {
    let running = campaigns::of_product(&app.db, product.id, now).await?;
    let Some(campaign) = running.into_iter().find(|one| one.name == name) else { return Ok(vec![]) };
    freeze(app, loaded, product, &campaign, desired, now).await
}

async fn freeze(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    campaign: &OfProduct,
    desired: &[Desire],
    now: Millis,
) -> anyhow::Result<Vec<Frozen>> {
    let listings = listings::of_product(&app.db, product.id).await?;
    let mut frozen = Vec::with_capacity(desired.len());
    for desire in desired {
        let Some(listing) = listings.iter().find(|listing| listing.id == desire.listing_id) else { continue };
        let (Ok(minor), Some(regular)) = (&desire.price, listing.live_minor.or(listing.desired_minor)) else {
            continue;
        };
        let planned = Money::from_minor(*minor, currency(&listing.currency)?);
        let end = Millis(campaign.ends_at);
        let begins = Millis(campaign.starts_at);
        let (prior, _) = prior_of(app, loaded, product, listing, planned, (begins, now, end)).await?;
        let mut reasons = reasons(&prior);
        if campaign.announce == 0 {
            reasons.push(Sentence::NothingAnnounced.with(&[]));
        }
        frozen.push(Frozen {
            campaign_id: campaign.id,
            listing_id: listing.id,
            campaign_minor: *minor,
            regular_minor: regular,
            prior_minor: prior.prior.map(Money::minor),
            currency: listing.currency.clone(),
            window_from: prior.window_start.map(Millis::from),
            started_at: now,
            announce: campaign.announce != 0 && prior.announce == Some(true),
            max_percent: prior.max_percent,
            reasons: serde_json::to_string(&reasons)?,
        });
    }
    Ok(frozen)
}

/// The prior price of a reduction on one listing, and from when the same price could claim more. The instants are those
/// at which its campaign begins, at which its price goes out, and at which it ends.
///
/// # Errors
/// The store's, or a stored currency that is not one.
pub async fn prior_of(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    listing: &Listing,
    planned: Money,
    (begins, start, end): (Millis, Millis, Millis),
) -> anyhow::Result<(PriorPrice, Option<Millis>)> {
    let market = loaded.set.channel(&listing.channel).map_or(product.market.as_str(), |rules| rules.market.as_str());
    let Some(market) = loaded.set.market(market) else { anyhow::bail!("market {market} is not in the rules") };
    let readable = app.lane(&listing.channel).is_none_or(|lane| lane.policy.readable);
    let rows = listings::live_history(&app.db, listing.id, Millis(0)).await?;
    let spans = spans(&rows, planned.currency(), readable);
    let tags: Vec<String> = serde_json::from_str(&product.tags).unwrap_or_default();
    let reduction = Reduction {
        start: start.timestamp(),
        end: Some(end.timestamp()),
        price: planned,
        audience: Audience::Public,
        perishable: tags.iter().any(|tag| tag == PERISHABLE),
        earlier_steps: earlier_steps(app, listing, begins).await?,
    };
    let rules = prior_rules::of_country(&market.omnibus);
    let zone = &market.market.tz.0;
    let prior = prior_price(&spans, &reduction, &rules, zone);
    let better = better_from(&spans, &reduction, &rules, zone).map(Millis::from);
    Ok((prior, better))
}

/// When the earlier steps went live of which the campaign that begins then is the next, without a gap in between.
async fn earlier_steps(app: &App, listing: &Listing, begins: Millis) -> anyhow::Result<Vec<jiff::Timestamp>> {
    let mut steps = Vec::new();
    let mut end = begins;
    while steps.len() < MOST_STEPS {
        let Some((at, began)) = campaigns::step_before(&app.db, listing.id, end).await? else { break };
        steps.push(at.timestamp());
        end = began;
    }
    steps.reverse();
    Ok(steps)
}

/// Recorded price facts as spans. A price that was sent may be live from then on, and the one before it stays possible
/// until another one is proved; what was seen (or acknowledged, where nothing can be read) proves that the product was on
/// offer, and nothing before that counts as offered.
fn spans(rows: &[listings::LivePrice], of: Currency, readable: bool) -> Vec<LivePrice> {
    let proves = |basis: &str| matches!(basis, "verified" | "foreign") || !readable && basis == "accepted";
    let rows: Vec<_> = rows.iter().filter(|row| row.currency == of.code()).collect();
    let Some(offered) = rows.iter().find(|row| proves(&row.basis)).map(|row| row.seen_at) else { return vec![] };
    let mut spans = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let replaced = rows[index + 1..].iter().find(|later| proves(&later.basis) && later.minor != row.minor);
        let until = replaced.map(|later| later.seen_at);
        let from = row.seen_at.max(offered);
        if until.is_none_or(|until| until > from) {
            spans.push(LivePrice {
                from: Millis(from).timestamp(),
                until: until.map(|until| Millis(until).timestamp()),
                price: Money::from_minor(row.minor, of),
                audience: Audience::Public,
            });
        }
    }
    spans
}

/// Everything that speaks for or against a claim, in words.
pub(super) fn reasons(prior: &PriorPrice) -> Vec<String> {
    let mut reasons: Vec<String> = prior.flags.iter().map(flag_text).collect();
    if let Some(claim) = &prior.claim {
        let days = |count: Option<i64>| count.map_or_else(|| "-".to_owned(), |days| format!("{days} days"));
        reasons.push(Sentence::FormerPrice.with(&[
            ("days", &claim.days_at_reference),
            ("share", &claim.share_of_last_90_days),
            ("last", &days(claim.age_of_reference)),
            ("offer", &days(claim.offer_days)),
        ]));
    }
    reasons
}

fn flag_text<T: serde::Serialize>(flag: &T) -> String {
    let value = serde_json::to_value(flag).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
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
    CampaignChannel { id: name.to_owned(), role, schedules: false, latency_ms }
}

/// Everything that is due on the channels of a campaign, from their measured latencies.
///
/// # Errors
/// The store's.
pub async fn timetable(app: &App, loaded: &Loaded, one: &Campaign) -> anyhow::Result<Vec<campaign::Due>> {
    let named = scope(app, &one.channels);
    let mut channels = Vec::new();
    for lane in app.lanes.iter().filter(|lane| named.as_ref().is_none_or(|named| named.contains(&lane.name))) {
        let seen = listings::convergence(&app.db, &lane.name, app.now().plus(-LATENCY_SINCE)).await?;
        let p95 = seen.get((seen.len() * 95).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        channels.push(channel_of(app, loaded, &lane.name, p95));
    }
    Ok(campaign::timetable(Millis(one.starts_at), Millis(one.ends_at), &channels))
}

/// Moves campaigns through their phases; says so when channels are not ready for a start, or did not take it.
///
/// # Errors
/// The rules' and the store's.
pub async fn tend(app: &App) -> anyhow::Result<()> {
    for one in campaigns::open(&app.db).await? {
        let now = app.now();
        let (starts, ends) = (Millis(one.starts_at), Millis(one.ends_at));
        if one.phase == "planned" && now >= starts.plus(-STAGING_DEADLINE_MS) && now < starts {
            prepare(app, &one, now).await?;
        } else if one.phase == "planned" && now >= starts && now < ends {
            campaigns::set_phase(&app.db, one.id, "running", None, None, now).await?;
            // From now on what counts is whether it started.
            events::resolve(&app.db, dedupe(&one, "ready"), now).await?;
            again(app, &one, now).await?;
        } else if now >= ends {
            campaigns::set_phase(&app.db, one.id, "over", None, None, now).await?;
            again(app, &one, now).await?;
            for kind in ["start", "ready"] {
                events::resolve(&app.db, dedupe(&one, kind), now).await?;
            }
        } else if one.phase == "running" && now >= starts.plus(START_FAILED_AFTER_MS) {
            check_start(app, &one, now).await?;
        }
    }
    Ok(())
}

fn dedupe(one: &Campaign, what: &str) -> String {
    format!("campaign-{what}/{}", one.id)
}

/// Before the start: channels that cannot be written to are told, and the campaign's policy decides.
async fn prepare(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<()> {
    let named = scope(app, &one.channels);
    let broken: Vec<String> = listings::channels(&app.db)
        .await?
        .into_iter()
        .filter(|row| app.lane(&row.name).is_some() && row.state != "ok")
        .map(|row| row.name)
        .filter(|name| named.as_ref().is_none_or(|named| named.contains(name)))
        .collect();
    if broken.is_empty() {
        events::resolve(&app.db, dedupe(one, "ready"), now).await?;
        return Ok(());
    }
    let channels = broken.join(", ");
    let told = Sentence::CampaignUnready.with(&[("name", &one.name), ("channels", &channels)]);
    let follows = match one.policy.as_str() {
        "cancel" => {
            let why = Some(told.clone());
            campaigns::set_phase(&app.db, one.id, "cancelled", Some("policy".to_owned()), why, now).await?;
            Sentence::CampaignCancelled
        }
        "delay_all" => {
            campaigns::postpone(&app.db, one.id, now.plus(STAGING_DEADLINE_MS + DELAY)).await?;
            Sentence::CampaignDelayed
        }
        _ => Sentence::CampaignPartly,
    };
    let follows = follows.with(&[]);
    let told = Sentence::CampaignNotReady.with(&[("name", &one.name), ("channels", &channels), ("follows", &follows)]);
    tell(app, one, "ready", "critical", told, now).await
}

async fn check_start(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<()> {
    let missing = campaigns::unstarted(&app.db, one.id).await?;
    if missing.is_empty() {
        events::resolve(&app.db, dedupe(one, "start"), now).await?;
        return Ok(());
    }
    let on = |row: &campaigns::Unstarted| Sentence::OnChannel.with(&[("n", &row.n), ("channel", &row.channel)]);
    let list = missing.iter().map(on).collect::<Vec<_>>().join(", ");
    let told = Sentence::CampaignNotLive.with(&[("name", &one.name), ("list", &list)]);
    tell(app, one, "start", "warning", told, now).await
}

async fn tell(
    app: &App,
    one: &Campaign,
    what: &str,
    severity: &'static str,
    message: String,
    now: Millis,
) -> anyhow::Result<()> {
    let event = Raise {
        kind: "campaign",
        severity,
        dedupe: dedupe(one, what),
        product_id: None,
        channel: None,
        competitor: None,
        message,
        hint: format!("omniprice campaign show {}", one.name),
    };
    events::raise(&app.db, event, now).await?;
    Ok(())
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
    again(app, one, now).await
}

/// The start or end of a campaign of some channels only changes no decision; its listings get their price here.
async fn again(app: &App, one: &Campaign, now: Millis) -> anyhow::Result<()> {
    let Some(named) = scope(app, &one.channels) else { return Ok(()) };
    let (loaded, terms) = (app.rules().await?, app.terms().await?);
    for item in campaigns::items(&app.db, one.id, MOST_ITEMS).await? {
        let Some(product) = products::by_id(&app.db, item.product_id).await? else { continue };
        let ours = Money::from_minor(product.own_minor, currency(&product.currency)?);
        let mut desired = super::pricing::desired(app, &terms, &product, ours, None).await?;
        let listings = listings::of_product(&app.db, product.id).await?;
        let concerned = |desire: &Desire| {
            listings.iter().any(|listing| {
                listing.id == desire.listing_id
                    && named.contains(&listing.channel)
                    && desire.price.as_ref().ok() != listing.desired_minor.as_ref()
            })
        };
        desired.retain(concerned);
        let running = scoped(app, &product, now).await?.into_iter().find(|scoped| scoped.campaign.id == one.id);
        let frozen = match running {
            Some(scoped) => freeze(app, &loaded, &product, &scoped.campaign, &desired, now).await?,
            None => vec![],
        };
        let newest = crate::store::decisions::latest(&app.db, product.id).await?.map(|decision| decision.id);
        campaigns::desire(&app.db, frozen, desired, newest, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(minor: i64, basis: &str, seen_at: i64) -> listings::LivePrice {
        listings::LivePrice { minor, currency: "DKK".into(), basis: basis.into(), seen_at }
    }

    fn spanned(rows: &[listings::LivePrice], readable: bool) -> Vec<(i64, Option<i64>, i64)> {
        let ms = |at: jiff::Timestamp| Millis::from(at).0;
        let spans = spans(rows, Currency::DKK, readable);
        spans.into_iter().map(|span| (ms(span.from), span.until.map(ms), span.price.minor())).collect()
    }

    #[test]
    fn a_price_that_was_sent_may_be_live_until_another_is_proved() {
        let rows = [row(500, "verified", 10), row(400, "sent", 20), row(400, "unknown", 21), row(500, "verified", 30)];
        let spans = spanned(&rows, true);
        assert!(spans.contains(&(20, Some(30), 400)), "{spans:?}");
        assert!(spans.contains(&(10, None, 500)), "{spans:?}");
    }

    #[test]
    fn only_proof_makes_an_offer() {
        let rows = [row(400, "sent", 10), row(400, "accepted", 11)];
        assert_eq!(spanned(&rows, true), [], "a readable channel has to show it");
        assert_eq!(spanned(&rows, false), [(11, None, 400), (11, None, 400)]);
        let later = [row(400, "sent", 10), row(400, "verified", 15), row(300, "verified", 20)];
        assert_eq!(spanned(&later, true)[0], (15, Some(20), 400));
    }
}
