//! When tax rates or a channel's terms change: decisions where a rate begins, and new desired prices where the same
//! decision costs something else on a channel.
//!
//! A channel's terms are its rules, its currency and tax view, the tax rates of today, and the exchange rates that its
//! prices were computed with. They are noted only after every listing was looked at, so that a crash repeats the work.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::app::{App, Loaded, hex};
use crate::decide::facts::Tax;
use crate::decide::fx::Freshness;
use crate::decide::rules::MarketRules;
use crate::money::{Currency, Decimal, Money, currency, exponent};
use crate::publish::lane::Lane;
use crate::publish::terms::Terms;
use crate::store::terms;
use crate::store::{products, settings};

/// Listings looked at in one transaction.
const PAGE: i64 = 500;

/// Finds tax rates that began and channels whose terms changed, and follows both.
///
/// # Errors
/// The rules' and the store's.
pub async fn tend(app: &App) -> anyhow::Result<()> {
    let loaded = app.rules().await?;
    mode(app).await?;
    for market in &loaded.set.markets {
        tax(app, market).await?;
    }
    for lane in &app.lanes {
        channel(app, &loaded, lane).await?;
    }
    Ok(())
}

/// Another mode of the daemon gives other outcomes to the same facts, so everything is decided again.
async fn mode(app: &App) -> anyhow::Result<()> {
    const NAME: &str = "mode";
    let (mode, now) = (app.config.mode.as_str(), app.now());
    let before = settings::get(&app.db, NAME).await?;
    if before.as_ref().is_some_and(|before| before.value == mode) {
        return Ok(());
    }
    if let Some(before) = before {
        let marked = products::mark_all_dirty(&app.db, now).await?;
        // Shadow mode shuts every door.
        terms::look_again(&app.db, now).await?;
        tracing::info!("mode went from {} to {mode}: {marked} products are decided again", before.value);
    }
    let why = "mode of the configuration".to_owned();
    Ok(settings::set(&app.db, NAME.to_owned(), mode.to_owned(), app.owner.clone(), why, now).await?)
}

/// The tax rates of a market today, as one text.
fn rates_today(app: &App, market: &MarketRules) -> String {
    let country = if market.market.country == "GB" { "UK" } else { &market.market.country };
    let today = app.now().timestamp().to_zoned(market.market.tz.0.clone()).date();
    let rows = app.vat.rows().iter().filter(|row| row.country == country);
    let in_force = rows.filter(|row| row.from <= today && row.until.is_none_or(|until| today <= until));
    in_force.map(|row| format!("{} {}\n", row.id(), row.percent)).collect()
}

/// A day on which a row begins or ends asks for a decision on every product of the market.
async fn tax(app: &App, market: &MarketRules) -> anyhow::Result<()> {
    let name = format!("vat/{}", market.market.id);
    let hash = hex(&Sha256::digest(rates_today(app, market)));
    let before = settings::get(&app.db, &name).await?;
    if before.as_ref().is_some_and(|before| before.value == hash) {
        return Ok(());
    }
    let now = app.now();
    if before.is_some() {
        let marked = terms::mark_market_dirty(&app.db, market.market.id.clone(), now).await?;
        tracing::info!(market = market.market.id, "tax rates changed: {marked} products are decided again");
    }
    let why = "tax rates in force".to_owned();
    Ok(settings::set(&app.db, name, hash, app.owner.clone(), why, now).await?)
}

/// Recomputes a channel's desired prices if its terms changed since they were computed last.
async fn channel(app: &App, loaded: &Loaded, lane: &Lane) -> anyhow::Result<()> {
    let (hash, needed) = hash(app, loaded, lane);
    let known = terms::revision(&app.db, &lane.name).await?;
    let table = if needed.is_empty() { None } else { app.fx().await? };
    let used = known.as_ref().map(|known| super::fx::read(&known.rates)).unwrap_or_default();
    let threshold = app.config.fx.reprice_above_pct.0;
    // Stale rates move nothing: what was computed with better ones stays.
    let usable = table.as_ref().filter(|table| matches!(table.freshness, Freshness::Fresh | Freshness::Late));
    let moved = usable.is_some_and(|table| super::fx::moved(table, &used, &needed, threshold));
    let same = known.as_ref().is_some_and(|known| known.hash == hash);
    if same && !moved || !needed.is_empty() && usable.is_none() {
        return Ok(());
    }
    // The first rates of all may be what prices on this channel were waiting for.
    if known.is_some() || !needed.is_empty() {
        let raised = desire_again(app, &app.terms().await?, &lane.name).await?;
        tracing::info!(channel = lane.name, "the terms of {} changed: {raised} prices are wanted anew", lane.name);
    }
    let rates: BTreeMap<String, Decimal> = usable.map(|table| super::fx::of_table(table, &needed)).unwrap_or_default();
    terms::keep_revision(&app.db, lane.name.clone(), hash, super::fx::write(&rates), app.now()).await?;
    Ok(())
}

/// Everything but rates that a channel's prices depend on beside decisions, and the currencies whose rates count.
fn hash(app: &App, loaded: &Loaded, lane: &Lane) -> (String, Vec<Currency>) {
    let capabilities = lane.channel.capabilities();
    let rules = loaded.set.channel(&lane.name);
    let markets: Vec<&MarketRules> =
        loaded.set.markets.iter().filter(|market| rules.is_none_or(|rules| rules.market == market.market.id)).collect();
    let mut text = format!("{rules:?}\n{:?} {:?}\n", capabilities.currency, capabilities.tax);
    // What has the decimals of its currency is written as it was before others were known.
    if capabilities.decimals() > exponent(capabilities.currency) {
        text += &format!("{} decimals\n", capabilities.decimals());
    }
    for market in &markets {
        text += &format!("{:?} {:?}\n{}", market.market, market.derived_from, rates_today(app, market));
    }
    // What a product's own market taxes matters where a channel sells into another one.
    for market in &loaded.set.markets {
        text += &rates_today(app, market);
    }
    // What such markets decide was once sent as if it had VAT in it; those prices are computed anew.
    if loaded.set.markets.iter().any(|market| market.market.tax == Tax::Net) {
        text += "net decisions get VAT\n";
    }
    let foreign = loaded.set.markets.iter().any(|market| market.market.currency != capabilities.currency);
    let mut needed: Vec<Currency> = Vec::new();
    if foreign && !loaded.set.markets.is_empty() {
        needed.push(capabilities.currency);
        needed.extend(loaded.set.markets.iter().map(|market| market.market.currency));
        needed.sort_unstable_by_key(|currency| currency.code());
        needed.dedup();
        needed.retain(|currency| *currency != Currency::EUR);
        text += &app.config.fx.buffer_pct.0.to_string();
    }
    (hex(&Sha256::digest(text)), needed)
}

/// Recomputes what every listing of a channel should show from the price we ask now; only differences are wanted anew,
/// never below the channel's floor, which is part of the computation and checked again at the door.
async fn desire_again(app: &App, terms: &Terms, channel: &str) -> anyhow::Result<usize> {
    let (mut after, mut raised) = (0, 0);
    loop {
        let page = terms::wanted(&app.db, channel, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(raised) };
        after = last.id;
        let mut desires = Vec::new();
        for wanted in &page {
            let Some(product) = products::by_id(&app.db, wanted.product_id).await? else { continue };
            let price = Money::from_minor(product.own_minor, currency(&product.currency)?);
            for desire in super::pricing::desired(app, terms, &product, price, Some(channel)).await? {
                if desire.listing_id == wanted.id && desire.says_else_than(wanted.desired_minor) {
                    desires.push((desire, wanted.decision_id));
                }
            }
        }
        raised += desires.len();
        terms::desire_changed(&app.db, desires, app.now()).await?;
    }
}
