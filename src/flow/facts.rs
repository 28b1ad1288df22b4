//! The facts of one product as of now: what was imported, seen, set by people and planned by campaigns.

use anyhow::Context as _;
use serde_json::Value;

use super::pricing::Record;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::campaign::CampaignPrice;
use crate::decide::facts::{
    Availability, Condition, LastReference, Lock, ManualPrice, OfferFact, PriceKind, Standing, Tax,
};
use crate::decide::{self, Facts};
use crate::money::{Currency, Decimal, Money, currency};
use crate::store::observations::{self, Latest};
use crate::store::overrides::{self, Override};
use crate::store::products::Product;
use crate::store::{campaigns, decisions};

/// The facts of a product as of now.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub async fn facts(app: &App, loaded: &Loaded, product: &Product, now: Millis) -> anyhow::Result<Facts> {
    let rules = &loaded.set;
    let market = rules.market(&product.market).with_context(|| {
        format!(
            "{}: market {} is not in the rules\nhint: add [[market]] id = \"{}\"",
            product.sku, product.market, product.market
        )
    })?;
    let own = currency(&product.currency)?;
    let money = |minor: Option<i64>| minor.map(|minor| Money::from_minor(minor, own));
    let today = now.timestamp().to_zoned(market.market.tz.0.clone()).date();
    let midnight = today.to_zoned(market.market.tz.0.clone()).map(|z| Millis::from(z.timestamp())).unwrap_or(now);
    let (changes_today, first) = decisions::of_day(&app.db, product.id, midnight).await?;
    let cost = product.cost_net.as_deref().map(|text| Money::parse(text, own)).transpose()?;
    let set = overrides::of_product(&app.db, product.id, now).await?;
    let tags: Vec<String> = serde_json::from_str(&product.tags).context("tags")?;
    let max_age = app.config.observe.max_age.0;
    let interval = app.schedule.interval(now);
    let offers = observations::latest_of_product(&app.db, product.id).await?;
    let fact = |latest: &Latest| offer(latest, rules, interval.max(max_age * 2 / 3));
    Ok(Facts {
        product: decide::Product {
            sku: product.sku.clone(),
            current: Some(Money::from_minor(product.own_minor, own)),
            cost_net: cost,
            vat: app.vat.at(&market.market.country, &product.vat_class, today).ok(),
            msrp: money(product.msrp_minor),
            regular: money(product.regular_minor),
            map: money(product.map_minor),
            brand: product.brand.clone(),
            category: product.category.clone(),
            tags: tags.clone(),
            own_stock: product.stock,
            own_shipping: None,
            pack_qty: u32::try_from(product.pack_qty).unwrap_or(1),
            lock: lock(product, &set),
            manual: set.iter().find_map(|one| manual(one, own)),
            regulated: tags.iter().any(|tag| tag == REGULATED),
            campaign: campaign(app, product, now).await?,
            last_changed: product.changed_at.map(Millis),
            changes_today: u32::try_from(changes_today).unwrap_or(u32::MAX),
            day_start: first.map(|minor| Money::from_minor(minor, own)),
            last_reference: last_reference(app, product).await?,
        },
        market: market.market.clone(),
        offers: offers.iter().filter_map(fact).collect(),
        fx: app.fx().await?,
        own_shops: rules.competitors.iter().filter(|c| c.own).map(|c| c.id.clone()).collect(),
        kill_switch: false,
    })
}

/// Products with this tag have a price fixed by law or contract.
const REGULATED: &str = "regulated-price";

/// A person's lock says who and why; a lock from the catalogue only that there is one.
fn lock(product: &Product, set: &[Override]) -> Option<Lock> {
    let by_hand = set.iter().find(|one| one.kind == overrides::Kind::Lock.as_str()).map(|one| Lock {
        owner: one.owner.clone(),
        reason: one.why.clone(),
        until: one.until_at.map(Millis),
    });
    let imported = || Lock { owner: "the catalogue".into(), reason: "imported as locked".into(), until: None };
    by_hand.or_else(|| (product.locked != 0).then(imported))
}

fn manual(one: &Override, own: Currency) -> Option<ManualPrice> {
    let (minor, until) = one.price_minor.zip(one.until_at)?;
    (one.kind == overrides::Kind::Price.as_str() && one.currency == own.code()).then(|| ManualPrice {
        price: Money::from_minor(minor, own),
        owner: one.owner.clone(),
        reason: one.why.clone(),
        until: Millis(until),
    })
}

/// The campaign that decides the product on all channels now, or the next one. Campaigns of some channels only are no
/// decision of the product; they are terms of those channels.
async fn campaign(app: &App, product: &Product, now: Millis) -> anyhow::Result<Option<CampaignPrice>> {
    for one in campaigns::of_product(&app.db, product.id, now).await? {
        if super::campaigns::scope(app, &one.channels).is_none() {
            return Ok(Some(CampaignPrice {
                id: one.name,
                price: Money::from_minor(one.price_minor, currency(&one.currency)?),
                from: Millis(one.starts_at),
                until: Millis(one.ends_at),
            }));
        }
    }
    Ok(None)
}

/// The reference of the newest evaluation that had one.
async fn last_reference(app: &App, product: &Product) -> anyhow::Result<Option<LastReference>> {
    let Some(evaluation) = decisions::evaluation(&app.db, product.id).await? else { return Ok(None) };
    // An old record may be of another shape; then there simply is no remembered reference.
    let Ok(record) = serde_json::from_str::<Record>(&evaluation.record) else { return Ok(None) };
    Ok(match record.decision.reference {
        Some(value) => Some(LastReference { value, at: record.now }),
        None => record.facts.product.last_reference,
    })
}

fn offer(latest: &Latest, rules: &decide::RuleSet, interval_ms: i64) -> Option<OfferFact> {
    let money = currency(latest.currency.as_deref()?).ok()?;
    let stored: Value = serde_json::from_str(&latest.offer).unwrap_or_default();
    let text = |key: &str| stored.get(key).and_then(Value::as_str);
    let shipping = stored.get("shipping").and_then(|value| serde_json::from_value::<Money>(value.clone()).ok());
    let named = rules.competitor(&latest.competitor);
    Some(OfferFact {
        observation_id: Some(latest.id),
        competitor: latest.competitor.clone(),
        price: Money::from_minor(latest.price_minor?, money),
        shipping,
        // A price marked net was converted at the gate; what is stored is comparable, unless the competitor is net.
        tax: match named.map(|c| c.tax) {
            Some(Tax::Net) if latest.reason != "converted_from_net" => Tax::Net,
            _ => Tax::Gross,
        },
        availability: availability(latest.newest_availability.as_deref().unwrap_or(&latest.availability)),
        absence_confirmed: latest.availability == "out_of_stock"
            && latest.last_seen - latest.first_seen >= 2 * Millis::HOUR,
        condition: condition(text("condition")),
        rating: None::<Decimal>,
        observed_at: Millis(latest.last_seen),
        interval_min: u32::try_from(interval_ms / Millis::MINUTE).ok(),
        pack_qty: 1,
        standing: Standing::Accepted,
        kind: match text("kind") {
            Some("from") => PriceKind::From,
            Some("range") => PriceKind::Range,
            _ => PriceKind::Exact,
        },
    })
}

fn availability(text: &str) -> Availability {
    match text {
        // A shop that says nothing about stock and sells at a price is taken at its price.
        "in_stock" | "unknown" => Availability::InStock,
        "limited" => Availability::Limited,
        "backorder" => Availability::Backorder,
        "preorder" => Availability::Preorder,
        _ => Availability::OutOfStock,
    }
}

fn condition(text: Option<&str>) -> Condition {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("new" | "newcondition") => Condition::New,
        Some(text) if text.contains("refurb") => Condition::Refurbished,
        Some(text) if text.contains("used") => Condition::Used,
        Some(text) if text.contains("damaged") => Condition::Damaged,
        Some(_) => Condition::Unknown,
    }
}
