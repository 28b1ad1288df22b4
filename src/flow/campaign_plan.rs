//! A campaign before it is stored: its products found in the catalogue, every price held against its floor, and what the
//! price history would allow it to say.

use serde::Serialize;

use super::campaign_claims::{prior_of, reasons};
use super::campaign_consent::{self, Reduction};
use super::campaigns::scope;
use super::facts::facts;
use super::names;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::campaign::{STAGE_BEFORE_MS, Window};
use crate::decide::campaign_file::{CampaignFile, Candidate};
use crate::decide::campaign_place::Wrong;
use crate::decide::check_world::SEEN_BY_ALL;
use crate::decide::decision::BoundSource;
use crate::decide::prior::Audience;
use crate::decide::{self, Facts, bounds};
use crate::money::{Money, currency};
use crate::nearest::meant;
use crate::publish::terms::is_seen_by_all;
use crate::sentence::Sentence;
use crate::store::campaigns::{Campaign, Item, New, NewItem};
use crate::store::listings;
use crate::store::overrides;
use crate::store::products::{self, Product};

/// Products read at once.
const PAGE: i64 = 1_000;
/// Problems told at once; a wrong percentage would be wrong for every product.
const MOST_PROBLEMS: usize = 20;
/// Products for which history is looked up.
const MOST_LOOKED_UP: usize = 200;

/// What history would allow to say about one listing in a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct Outlook {
    pub sku: String,
    pub channel: String,
    pub price: String,
    pub prior: Option<String>,
    pub announce: bool,
    pub max_percent: Option<u32>,
    pub reasons: Vec<String>,
    /// The override of the country's rules that the prior price follows, as it is written.
    pub rules: Option<String>,
    /// The first instant from which the same price could claim more.
    pub better_from: Option<Millis>,
}

/// Finds the products of a campaign and checks it against catalogue and channels; the inner error lists every problem.
///
/// # Errors
/// The rules' and the store's.
pub async fn plan(app: &App, file: &CampaignFile, body: String) -> anyhow::Result<Result<New, Vec<String>>> {
    let loaded = app.rules().await?;
    let (starts_at, ends_at) = file.window();
    let mut problems = Vec::new();
    if ends_at <= app.now() {
        problems.push(Wrong::at("until", "it is over already"));
    }
    for channel in file.channels.iter().filter(|channel| app.lane(channel).is_none()) {
        let meant = meant(channel, app.lanes.iter().map(|lane| lane.name.as_str()));
        problems.push(Wrong::at("channels", format!("`{}` is not configured{meant}", channel.escape_debug())));
    }
    let channels = match file.audience {
        Audience::Loyalty => for_members(app, &loaded, file, &mut problems),
        Audience::Public | Audience::Individual => file.channels.clone(),
    };
    let mut items: Vec<NewItem> = Vec::new();
    let mut reductions: Vec<Reduction> = Vec::new();
    let mut found = vec![0_usize; file.items.len()];
    let mut after = 0;
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for product in &page {
            match item(app, file, product, &mut found).await? {
                Some(Ok(item)) => {
                    let own = currency(&product.currency)?;
                    let money = |minor| Money::from_minor(minor, own);
                    let (from, to) = (money(product.own_minor), money(item.price_minor));
                    reductions.push(Reduction { from, to, stock: product.stock });
                    items.push(item);
                }
                Some(Err(problem)) if problems.len() < MOST_PROBLEMS => problems.push(problem),
                Some(Err(_)) | None => {}
            }
        }
    }
    for (index, item) in file.items.iter().enumerate() {
        let strange = names::strange_skus(&app.db, &item.sku.0).await?;
        if found[index] == 0 && strange.is_empty() {
            let strange = names::strange_groups(&app.db, item).await?;
            let why = if strange.is_empty() {
                "\nhint: all keys of an item must hold for one product; omniprice report lists the products".to_owned()
            } else {
                format!(": {}\nhint: names are those of the import's columns", strange.join("; "))
            };
            problems.push(Wrong::at(format!("item[{index}]"), format!("selects no product of the catalogue{why}")));
        }
        problems.extend(strange.into_iter().map(|what| Wrong::at(format!("item[{index}].sku"), what)));
    }
    if !problems.is_empty() {
        return Ok(Err(problems.iter().map(|wrong| wrong.told(&body)).collect()));
    }
    let windows = match app.now() >= starts_at.plus(-STAGE_BEFORE_MS) {
        // Its prices may be decided before the next look at campaigns.
        true => {
            let named = scope(app, &serde_json::to_string(&channels)?, file.audience.as_str());
            let whole = Window { from: starts_at, until: ends_at };
            let windows = super::campaigns::measured(app, &loaded, named, whole, file.cart_grace()).await?;
            Some(serde_json::to_string(&windows)?)
        }
        false => None,
    };
    let zone = file.zone.clone().or_else(|| loaded.set.markets.first().map(|market| market.market.tz.name()));
    Ok(Ok(New {
        name: file.id.clone(),
        starts_at,
        ends_at,
        zone: zone.unwrap_or_else(|| "UTC".to_owned()),
        channels,
        announce: file.announce,
        audience: file.audience.as_str(),
        policy: file.on_unready.as_str(),
        cart_grace_ms: file.cart_grace(),
        windows,
        owner: file.owner.clone(),
        why: file.why.clone(),
        body,
        added_by: file.owner.clone(),
        asked: campaign_consent::asked(&app.config.release, &reductions)
            .map(|why| (why, campaign_consent::until(app, starts_at, ends_at))),
        items,
    }))
}

/// The channels of a campaign for members: those named, or all that only members see. Everybody would see its price on any
/// other, where it would count as a public one.
fn for_members(app: &App, loaded: &Loaded, file: &CampaignFile, problems: &mut Vec<Wrong>) -> Vec<String> {
    let is_theirs = |name: &str| loaded.set.audience(name) == Audience::Loyalty;
    let declare = "hint: audience = \"loyalty\" in the [[channel]] of the rules, if only members see it";
    for (open, lane) in file.channels.iter().filter_map(|name| app.lane(name).map(|lane| (name, lane))) {
        if is_theirs(open) {
            continue;
        }
        let declared = loaded.set.channel(open).map(|rules| rules.kind.as_str());
        let can_be_theirs = !is_seen_by_all(lane.kind) && !declared.is_some_and(|kind| SEEN_BY_ALL.contains(&kind));
        let leave_out =
            "hint: leave it out of `channels`; feeds, marketplaces and shelf labels have no prices for members";
        let what = format!(
            "`{}` shows its prices to everybody, and the campaign is for members\n{}",
            open.escape_debug(),
            if can_be_theirs { declare } else { leave_out }
        );
        problems.push(Wrong::at("channels", what));
    }
    if !file.channels.is_empty() {
        return file.channels.clone();
    }
    let theirs: Vec<String> = app.lanes.iter().map(|lane| lane.name.clone()).filter(|name| is_theirs(name)).collect();
    if theirs.is_empty() {
        problems.push(Wrong::at("audience", format!("no channel is for members\n{declare}")));
    }
    theirs
}

/// The first item that selects a product gives its price; below the floor there is none.
async fn item(
    app: &App,
    file: &CampaignFile,
    product: &Product,
    found: &mut [usize],
) -> anyhow::Result<Option<Result<NewItem, Wrong>>> {
    let own = currency(&product.currency)?;
    let tags: Vec<String> = serde_json::from_str(&product.tags).unwrap_or_default();
    let candidate = Candidate {
        sku: &product.sku,
        brand: product.brand.as_deref(),
        category: product.category.as_deref(),
        tags: &tags,
        current: Money::from_minor(product.own_minor, own),
        regular: product.regular_minor.map(|minor| Money::from_minor(minor, own)),
    };
    let mut first = None;
    for (index, item) in file.items.iter().enumerate() {
        if item.selects(&candidate) {
            found[index] += 1;
            first.get_or_insert((index, item));
        }
    }
    let Some((index, item)) = first else { return Ok(None) };
    let key = if item.price.is_some() { "price" } else { "percent" };
    let refused = |what: String| Ok(Some(Err(Wrong::at(format!("item[{index}].{key}"), what))));
    let price = match item.price_of(&candidate) {
        Ok(price) => price,
        Err(problem) => return refused(problem),
    };
    let loaded = app.rules().await?;
    let facts = facts(app, &loaded, product, app.now()).await?;
    Ok(Some(match lowest(&facts, &loaded) {
        None => {
            return refused(format!(
                "{}: it has no floor, because its cost or tax rate is not known\nhint: omniprice import FILE brings its cost",
                product.sku
            ));
        }
        Some((floor, by)) if price.minor() < floor => {
            return refused(format!(
                "{}: {price} is below the floor {} ({by})",
                product.sku,
                Money::from_minor(floor, own)
            ));
        }
        Some(_) => {
            let price_minor = price.minor();
            Ok(NewItem { product_id: product.id, price_minor, currency: product.currency.clone() })
        }
    }))
}

/// The lowest price that a campaign may have, and what makes it so. Margins of rules do not count: campaigns may give them
/// away, but not sell at a loss.
fn lowest(facts: &Facts, loaded: &Loaded) -> Option<(i64, String)> {
    let (computed, by) = bounds::floor(facts, &[], &loaded.set.engine)?;
    if by == BoundSource::Own {
        return Some((computed, "the product's own minimum".to_owned()));
    }
    let cost = facts.product.cost_net.map_or_else(String::new, |cost| format!(" {cost}"));
    Some((computed, format!("its cost{cost} with VAT; the margin of a rule does not count in campaigns")))
}

/// The floor of the rule that would decide a product, and the rule; none where no rule does.
fn floor_of_rule(facts: &Facts, loaded: &Loaded, now: Millis) -> Option<(Money, String)> {
    let mut free = facts.clone();
    (free.product.lock, free.product.manual, free.product.campaign) = (None, None, None);
    let decision = decide::price(&free, &loaded.set, now.timestamp());
    decision.floor.zip(decision.rule)
}

/// Something worth a word about a product of a campaign.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Remark {
    pub sku: String,
    pub what: String,
    /// Whether the campaign waits for it; else it is only worth knowing before the start.
    pub waits: bool,
    /// Whoever stores the campaign is asked whether it is meant.
    pub odd: bool,
}

/// Products that would not get cheaper (prices move until the start), those that go below the floor of their rule, and
/// those whose price a person still keeps when the campaign begins: it waits until that ends.
///
/// # Errors
/// The rules' and the store's.
pub async fn remarks(
    app: &App,
    items: impl Iterator<Item = (i64, i64)>,
    starts_at: Millis,
) -> anyhow::Result<Vec<Remark>> {
    let (loaded, now) = (app.rules().await?, app.now());
    let mut remarks = Vec::new();
    for (id, minor) in items.take(MOST_LOOKED_UP) {
        let Some(product) = products::by_id(&app.db, id).await? else { continue };
        let own = currency(&product.currency)?;
        let money = |minor| Money::from_minor(minor, own);
        let mut note = |what: String, waits, odd| remarks.push(Remark { sku: product.sku.clone(), what, waits, odd });
        let set = overrides::of_product(&app.db, product.id, now).await?;
        for one in set.iter().filter(|one| one.until_at.is_none_or(|until| until > starts_at.0)) {
            let until = one.until_at.map_or_else(String::new, |at| format!(" until {}", Millis(at)));
            let what = one.price_minor.map_or_else(|| "has locked it".to_owned(), |m| format!("has set {}", money(m)));
            note(format!("{} {what}{until}; the campaign waits for that", one.owner), true, false);
        }
        if set.is_empty() && product.locked != 0 {
            note("the catalogue has locked it; the campaign waits for that".to_owned(), true, false);
        }
        if minor >= product.own_minor && set.is_empty() {
            note(format!("{} is no reduction, it costs {} now", money(minor), money(product.own_minor)), false, true);
        }
        let facts = facts(app, &loaded, &product, now).await?;
        let floors = floor_of_rule(&facts, &loaded, now).zip(lowest(&facts, &loaded));
        if let Some(((of_rule, rule), (least, by))) = floors.filter(|((of_rule, _), _)| minor < of_rule.minor()) {
            let what = format!(
                "{} is below {of_rule}, the floor of rule {rule}; campaigns may go down to {} ({by})",
                money(minor),
                money(least)
            );
            note(what, false, false);
        }
    }
    Ok(remarks)
}

/// What history would allow if a campaign began as planned.
///
/// # Errors
/// The rules' and the store's.
pub async fn outlook(app: &App, planned: &New) -> anyhow::Result<Vec<Outlook>> {
    let channels = serde_json::to_string(&planned.channels)?;
    let items: Vec<(i64, i64)> = planned.items.iter().map(|item| (item.product_id, item.price_minor)).collect();
    let named = scope(app, &channels, planned.audience);
    look(app, &items, named, planned.announce, (planned.starts_at, planned.ends_at)).await
}

/// The same for a stored campaign that has not begun.
///
/// # Errors
/// The rules' and the store's.
pub async fn outlook_of(app: &App, campaign: &Campaign, items: &[Item]) -> anyhow::Result<Vec<Outlook>> {
    let items: Vec<(i64, i64)> = items.iter().map(|item| (item.product_id, item.price_minor)).collect();
    let window = (Millis(campaign.starts_at), Millis(campaign.ends_at));
    let named = scope(app, &campaign.channels, &campaign.audience);
    look(app, &items, named, campaign.announce != 0, window).await
}

/// The override of the rules for reductions on a channel, in words; none where the country's own count.
fn overridden(app: &App, loaded: &Loaded, product: &Product, channel: &str) -> Option<String> {
    let market = loaded.set.channel(channel).map_or(product.market.as_str(), |rules| rules.market.as_str());
    app.prior.override_of(&loaded.set.market(market)?.omnibus)
}

async fn look(
    app: &App,
    items: &[(i64, i64)],
    named: Option<Vec<String>>,
    announce: bool,
    window: (Millis, Millis),
) -> anyhow::Result<Vec<Outlook>> {
    let (loaded, terms) = (app.rules().await?, app.terms().await?);
    let mut seen = Vec::new();
    for (id, minor) in items.iter().take(MOST_LOOKED_UP) {
        let Some(product) = products::by_id(&app.db, *id).await? else { continue };
        let price = Money::from_minor(*minor, currency(&product.currency)?);
        for listing in listings::of_product(&app.db, product.id).await? {
            if named.as_ref().is_some_and(|named| !named.contains(&listing.channel)) {
                continue;
            }
            let Ok((shown, _)) = terms.price(&product, price, &listing.channel) else { continue };
            let (prior, better) =
                prior_of(app, &loaded, &product, &listing, shown, (window.0, window.0, window.1)).await?;
            let mut reasons = reasons(&prior);
            if !announce {
                reasons.push(Sentence::NothingAnnounced.with(&[]));
            }
            seen.push(Outlook {
                sku: product.sku.clone(),
                channel: listing.channel.clone(),
                price: shown.to_string(),
                prior: prior.prior.map(|prior| prior.to_string()),
                announce: announce && prior.announce == Some(true),
                max_percent: prior.max_percent,
                reasons,
                rules: overridden(app, &loaded, &product, &listing.channel),
                better_from: better,
            });
        }
    }
    Ok(seen)
}
