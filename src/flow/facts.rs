//! The facts of one product as of now: what was imported, seen, set by people and planned by campaigns.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::campaign::CampaignPrice;
use crate::decide::facts::{
    Availability, Condition, LastReference, Lock, ManualPrice, Market, OfferFact, PriceKind, Standing, Tax,
};
use crate::decide::fx::FxTable;
use crate::decide::moments::ABSENT_FOR_MS;
use crate::decide::{self, Facts};
use crate::money::{Currency, Decimal, Money, currency};
use crate::store::campaigns::{self, OfProduct};
use crate::store::observations::{self, Latest};
use crate::store::overrides::{self, Override};
use crate::store::products::Product;
use crate::store::{catalogue, decisions};

/// What the database knows about a product beside its row.
#[derive(Debug, Default)]
struct Known {
    offers: Vec<Latest>,
    set: Vec<Override>,
    campaigns: Vec<OfProduct>,
    /// Decisions of the local day: how many, and the price before the first.
    today: (i64, Option<i64>),
    last_reference: Option<LastReference>,
}

/// The facts of a product as of now.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub async fn facts(app: &App, loaded: &Loaded, product: &Product, now: Millis) -> anyhow::Result<Facts> {
    let midnight = midnight(market(loaded, product)?, now);
    let evaluation = decisions::evaluation(&app.db, product.id).await?;
    let known = Known {
        offers: observations::latest_of_product(&app.db, product.id).await?,
        set: overrides::of_product(&app.db, product.id, now).await?,
        campaigns: campaigns::of_product(&app.db, product.id, now).await?,
        today: decisions::of_day(&app.db, product.id, midnight).await?,
        last_reference: evaluation.and_then(|evaluation| last_reference(&evaluation.record)),
    };
    assemble(app, loaded, product, known, app.fx().await?.as_ref(), now)
}

/// The facts of products that follow each other by id, read together: the same as [`facts`] gives for each.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub async fn page(app: &App, loaded: &Loaded, products: &[Product], now: Millis) -> anyhow::Result<Vec<Facts>> {
    let (Some(first), Some(last)) = (products.first(), products.last()) else { return Ok(vec![]) };
    let (after, until) = (first.id - 1, last.id);
    let mut known: BTreeMap<i64, Known> = products.iter().map(|product| (product.id, Known::default())).collect();
    let mut midnights = BTreeMap::new();
    for product in products {
        if !midnights.contains_key(product.market.as_str()) {
            midnights.insert(product.market.as_str(), midnight(market(loaded, product)?, now));
        }
    }
    let market_of: BTreeMap<i64, Millis> =
        products.iter().map(|product| (product.id, midnights[product.market.as_str()])).collect();
    let earliest = midnights.values().min().copied().unwrap_or(now);
    for row in catalogue::offers(&app.db, after, until).await? {
        known.entry(row.product_id).or_default().offers.push(row.latest);
    }
    for row in catalogue::set(&app.db, after, until, now).await? {
        known.entry(row.product_id).or_default().set.push(row);
    }
    for row in catalogue::campaigns(&app.db, after, until, now).await? {
        known.entry(row.product_id).or_default().campaigns.push(row.campaign);
    }
    for row in catalogue::decided(&app.db, after, until, earliest).await? {
        if market_of.get(&row.product_id).is_some_and(|midnight| row.created_at >= midnight.0) {
            let today = &mut known.entry(row.product_id).or_default().today;
            *today = (today.0 + 1, today.1.or(Some(row.previous_minor)));
        }
    }
    for row in catalogue::records(&app.db, after, until).await? {
        known.entry(row.product_id).or_default().last_reference = last_reference(&row.record);
    }
    let fx = app.fx().await?;
    let one = |product: &Product| {
        let known = known.remove(&product.id).unwrap_or_default();
        assemble(app, loaded, product, known, fx.as_ref(), now)
    };
    products.iter().map(one).collect()
}

/// The facts by which offers of a product are judged at any time: what people set, campaigns and earlier decisions are left
/// out, and the rates are there whatever currency the newest offers have.
///
/// # Errors
/// A market that the rules do not have, or a stored amount that cannot be read.
pub fn of_market(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    newest: Vec<Latest>,
    fx: Option<&FxTable>,
    now: Millis,
) -> anyhow::Result<Facts> {
    let known = Known { offers: newest, ..Known::default() };
    Ok(Facts { fx: fx.cloned(), ..assemble(app, loaded, product, known, None, now)? })
}

fn market<'a>(loaded: &'a Loaded, product: &Product) -> anyhow::Result<&'a Market> {
    let found = loaded.set.market(&product.market).map(|rules| &rules.market);
    found.with_context(|| {
        format!(
            "{}: market {} is not in the rules\nhint: add [[market]] id = \"{}\"",
            product.sku, product.market, product.market
        )
    })
}

/// The start of the market's local day.
fn midnight(market: &Market, now: Millis) -> Millis {
    let today = now.timestamp().to_zoned(market.tz.0.clone()).date();
    today.to_zoned(market.tz.0.clone()).map_or(now, |midnight| Millis::from(midnight.timestamp()))
}

fn assemble(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    known: Known,
    fx: Option<&FxTable>,
    now: Millis,
) -> anyhow::Result<Facts> {
    let rules = &loaded.set;
    let market = market(loaded, product)?;
    let own = currency(&product.currency)?;
    let money = |minor: Option<i64>| minor.map(|minor| Money::from_minor(minor, own));
    let today = now.timestamp().to_zoned(market.tz.0.clone()).date();
    let tags: Vec<String> = serde_json::from_str(&product.tags).context("tags")?;
    let max_age = app.config.observe.max_age.0;
    let interval = app.schedule.interval(now);
    let pack_qty = u32::try_from(product.pack_qty).unwrap_or(1);
    let fact = |latest: &Latest| offer(latest, rules, interval.max(max_age * 2 / 3), pack_qty);
    let offers: Vec<OfferFact> = known.offers.iter().filter_map(fact).collect();
    // Rates are part of the record only where something was converted with them.
    let foreign = offers.iter().any(|offer| offer.price.currency() != own);
    Ok(Facts {
        product: decide::Product {
            sku: product.sku.clone(),
            current: Some(Money::from_minor(product.own_minor, own)),
            cost_net: product.cost_net.as_deref().map(|text| Money::parse(text, own)).transpose()?,
            vat: app.vat.at(&market.country, &product.vat_class, today).ok(),
            msrp: money(product.msrp_minor),
            regular: money(product.regular_minor),
            map: money(product.map_minor),
            min: money(product.min_minor),
            brand: product.brand.clone(),
            category: product.category.clone(),
            regulated: tags.iter().any(|tag| tag == REGULATED),
            tags,
            own_stock: product.stock,
            own_shipping: money(product.own_shipping_minor),
            pack_qty,
            lock: lock(product, &known.set),
            manual: known.set.iter().find_map(|one| manual(one, own)),
            campaign: campaign(app, known.campaigns)?,
            last_changed: product.changed_at.map(Millis),
            changes_today: u32::try_from(known.today.0).unwrap_or(u32::MAX),
            day_start: money(known.today.1),
            before_set: None,
            set_by_hand: false,
            last_reference: known.last_reference,
        },
        market: market.clone(),
        offers,
        fx: fx.filter(|_| foreign).cloned(),
        own_shops: rules.competitors.iter().filter(|c| c.own).map(|c| c.id.clone()).collect(),
        kill_switch: false,
    })
}

/// Products with this tag have a price fixed by law or contract.
const REGULATED: &str = "regulated-price";

/// A person's lock says who and why; a lock from the catalogue only that there is one.
pub(super) fn lock(product: &Product, set: &[Override]) -> Option<Lock> {
    let by_hand = set.iter().find_map(lock_by_hand);
    let imported = || Lock { owner: "the catalogue".into(), reason: "imported as locked".into(), until: None };
    by_hand.or_else(|| (product.locked != 0).then(imported))
}

pub(super) fn lock_by_hand(one: &Override) -> Option<Lock> {
    (one.kind == overrides::Kind::Lock.as_str()).then(|| Lock {
        owner: one.owner.clone(),
        reason: one.why.clone(),
        until: one.until_at.map(Millis),
    })
}

pub(super) fn manual(one: &Override, own: Currency) -> Option<ManualPrice> {
    let (minor, until) = one.price_minor.zip(one.until_at)?;
    (one.kind == overrides::Kind::Price.as_str() && one.currency == own.code()).then(|| ManualPrice {
        price: Money::from_minor(minor, own),
        owner: one.owner.clone(),
        reason: one.why.clone(),
        until: Millis(until),
    })
}

/// The campaign that decides the product on all channels now, or the next one.
fn campaign(app: &App, planned: Vec<OfProduct>) -> anyhow::Result<Option<CampaignPrice>> {
    planned.into_iter().find_map(|one| campaign_price(app, one).transpose()).transpose()
}

/// What a campaign makes of the product's own price. Campaigns of some channels only are no decision of the product; they are
/// terms of those channels.
pub(super) fn campaign_price(app: &App, one: OfProduct) -> anyhow::Result<Option<CampaignPrice>> {
    if super::campaigns::scope(app, &one.channels, &one.audience).is_some() {
        return Ok(None);
    }
    Ok(Some(CampaignPrice {
        id: one.name,
        price: Money::from_minor(one.price_minor, currency(&one.currency)?),
        from: Millis(one.starts_at),
        until: Millis(one.ends_at),
    }))
}

/// As much of a record as tells the last reference; the rest is long and not needed for it.
#[derive(Deserialize)]
struct Remembered {
    #[serde(default)]
    reference: Option<LastReference>,
    facts: RememberedFacts,
}
#[derive(Deserialize)]
struct RememberedFacts {
    product: RememberedProduct,
}
#[derive(Deserialize)]
struct RememberedProduct {
    #[serde(default)]
    last_reference: Option<LastReference>,
}

/// The reference of the newest evaluation that had one. An old record may be of another shape, or may not say whose
/// reference it is; then there simply is no remembered reference.
fn last_reference(record: &str) -> Option<LastReference> {
    let record: Remembered = serde_json::from_str(record).ok()?;
    record.reference.or(record.facts.product.last_reference).filter(|last| last.rule.is_some())
}

/// A stored run as an offer; none without a price.
pub fn offer(latest: &Latest, rules: &decide::RuleSet, interval_ms: i64, pack_qty: u32) -> Option<OfferFact> {
    let money = currency(latest.currency.as_deref()?).ok()?;
    let stored: Value = serde_json::from_str(&latest.offer).unwrap_or_default();
    let named_text = |key: &str| stored.get(key).and_then(Value::as_str);
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
        absence_confirmed: absence_confirmed(&latest.availability, latest.first_seen, latest.last_seen),
        condition: condition(named_text("condition")),
        rating: None::<Decimal>,
        observed_at: Millis(latest.last_seen),
        interval_min: u32::try_from(interval_ms / Millis::MINUTE).ok(),
        // A page is listed for a product because it sells the same pack.
        pack_qty,
        standing: if latest.in_review > 0 { Standing::Quarantined } else { Standing::Accepted },
        kind: match named_text("kind") {
            Some("from") => PriceKind::From,
            Some("range") => PriceKind::Range,
            _ => PriceKind::Exact,
        },
    })
}

/// What a page that has nothing left is stored as.
pub(super) const OUT_OF_STOCK: &str = "out_of_stock";

/// Whether a page has said for long enough that it is sold out.
pub(super) fn absence_confirmed(availability: &str, first_seen: i64, last_seen: i64) -> bool {
    availability == OUT_OF_STOCK && last_seen - first_seen >= ABSENT_FOR_MS
}

/// An availability as it is stored.
pub fn availability(text: &str) -> Availability {
    match text {
        "in_stock" => Availability::InStock,
        "limited" => Availability::Limited,
        "backorder" => Availability::Backorder,
        "preorder" => Availability::Preorder,
        "unknown" => Availability::Unknown,
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
