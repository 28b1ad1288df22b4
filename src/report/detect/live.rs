//! Detectors of what customers see: prices under their floor, adverts that promise less than is asked, channels that are
//! late, and key items on which a competitor stays cheaper.
//!
//! They look at what was read back and what was seen, never at what was meant.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Open, Patience, set};
use crate::app::App;
use crate::channel::Capabilities;
use crate::clock::Millis;
use crate::decide::campaign::Role;
use crate::decide::facts::Tax;
use crate::decide::rounding::DISPLAY;
use crate::flow::campaigns;
use crate::money::{Currency, Decimal, MOST_DECIMALS, Money, WirePrice, currency};
use crate::publish::terms::Terms;
use crate::report::gather::{KEY_ITEM, max_age};
use crate::report::tracks;
use crate::sentence::Sentence;
use crate::store::events::{Event, Raise};
use crate::store::products::{self, Product};
use crate::store::shown::{self, ShownPrice};

/// Products per page.
const PAGE: i64 = 1_000;
/// Rows of a list that are named; all are counted.
const LIMIT: i64 = 1_000;
/// A key item's competitor must be this much cheaper, in percent of its price (SEMANTICS 6.3).
const KEY_GAP_PCT: i64 = 5;
/// Our own answer to a key item's competitor has had its time after this.
const KEY_PATIENCE: i64 = 15 * Millis::MINUTE;
/// A channel is late when prices wait longer than twice the time that rules declare for it (SEMANTICS 6.3); one without,
/// when they wait longer than this, or than twice the time in which its prices settle, whichever is more.
const LATE: i64 = 15 * Millis::MINUTE;

/// Events that should be open, by what keeps them apart.
type Found = BTreeMap<String, Raise>;

/// Raises and resolves everything that is detected here.
///
/// # Errors
/// The store's.
pub async fn all(app: &App, open: &Open) -> anyhow::Result<()> {
    let mut found = Found::new();
    let begin = |kind: &str| open.keys().filter(move |dedupe| dedupe.starts_with(kind)).cloned().collect::<Vec<_>>();
    late(app, &mut found).await?;
    key_items(app, &mut found).await?;
    orders(app, &mut found).await?;
    let mut watched: Vec<String> = ["late/", "key-item/", "order/"].into_iter().flat_map(begin).collect();
    // Without rules nobody can say what a floor or an advert is; what was told stays told.
    if let Ok(terms) = app.terms().await {
        floors(app, &terms, &mut found).await?;
        adverts(app, &mut found).await?;
        watched.extend(["floor-live/", "advert/"].into_iter().flat_map(begin));
    }
    let over: Vec<String> = watched.into_iter().filter(|dedupe| !found.contains_key(dedupe)).collect();
    for (dedupe, event) in found {
        set(app, open, dedupe, Some(event)).await?;
    }
    for dedupe in over {
        set(app, open, dedupe, None).await?;
    }
    Ok(())
}

/// Prices that a channel shows now and that are below today's floor.
async fn floors(app: &App, terms: &Terms, found: &mut Found) -> anyhow::Result<()> {
    let patience = Patience::of(app).await;
    let mut after = 0;
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let seen = shown::between(&app.db, after, last.id).await?;
        after = last.id;
        let products: BTreeMap<i64, &Product> = page.iter().map(|product| (product.id, product)).collect();
        for one in seen {
            let Some(product) = products.get(&one.product_id) else { continue };
            let Some((price, floor)) = below(terms, product, &one) else { continue };
            // A raise that is on its way mends it.
            let wanted = one.desired_minor.is_some_and(|wanted| {
                WirePrice::stored(wanted, one.decimals, &one.currency)
                    .is_ok_and(|price| price.amount() >= floor.amount())
            });
            let settled = app.now().plus(-patience.shows(&one.channel));
            // Nothing is on its way to a listing that drifted, was refused or is held.
            let moving = matches!(one.state.as_str(), "intended" | "sent" | "unknown" | "accepted" | "applied");
            if wanted && moving && one.desired_at.is_some_and(|at| at > settled.0) {
                continue;
            }
            let dedupe = format!("floor-live/{}/{}", one.channel, product.id);
            let event = Raise {
                kind: "floor_breach",
                severity: "critical",
                dedupe: dedupe.clone(),
                product_id: Some(product.id),
                channel: Some(one.channel.clone()),
                competitor: None,
                message: Sentence::FloorShown.with(&[("channel", &one.channel), ("price", &price), ("floor", &floor)]),
                hint: format!("omniprice explain {}", product.sku),
            };
            found.insert(dedupe, event);
        }
    }
}

/// A shown price with its floor, if it is below it.
fn below(terms: &Terms, product: &Product, one: &ShownPrice) -> Option<(WirePrice, WirePrice)> {
    let ours = Money::from_minor(product.own_minor, currency(&product.currency).ok()?);
    let (_, floor) = terms.price(product, ours, &one.channel).ok()?;
    let floor = floor.filter(|floor| floor.currency().code() == one.currency)?;
    let price = WirePrice::stored(one.minor, one.decimals, &one.currency).ok()?;
    (price.amount() < floor.amount()).then_some((price, floor))
}

/// Adverts that promise a lower price than a checkout of the same currency asks.
async fn adverts(app: &App, found: &mut Found) -> anyhow::Result<()> {
    let loaded = app.rules().await?;
    let role = |name: &str| campaigns::channel_of(app, &loaded, name, 0).role;
    let (adverts, checkouts): (Vec<_>, Vec<_>) = app.lanes.iter().partition(|lane| role(&lane.name) == Role::Advert);
    let patience = Patience::of(app).await;
    for advert in &adverts {
        // A price that is just being raised is on its way to the advert, too, for as long as the advert takes.
        let settled = app.now().plus(-patience.shows(&advert.name));
        let view = advert.channel.capabilities();
        for checkout in &checkouts {
            let other = checkout.channel.capabilities();
            if (view.currency, view.tax) != (other.currency, other.tax) {
                continue;
            }
            let apart = apart(&view, &other);
            let lower = shown::lower(&app.db, &advert.name, &checkout.name, apart, settled, LIMIT).await?;
            let Some(first) = lower.first() else { continue };
            let dedupe = format!("advert/{}/{}", advert.name, checkout.name);
            let event = Raise {
                kind: "advert_below_checkout",
                severity: "critical",
                dedupe: dedupe.clone(),
                product_id: None,
                channel: Some(advert.name.clone()),
                competitor: None,
                message: Sentence::AdvertLower.with(&[
                    ("advert", &advert.name),
                    ("checkout", &checkout.name),
                    ("n", &lower.len()),
                    ("sku", first),
                ]),
                hint: format!("omniprice verify {} --dry-run", advert.name),
            };
            found.insert(dedupe, event);
        }
    }
    Ok(())
}

/// Products behind an open event of an advert that promises less than a checkout asks, or of an order of channels that is
/// broken, with the channel that is compared; `None` if it names no two channels that are configured.
pub(in crate::report) async fn lower(
    app: &App,
    patience: &Patience,
    event: &Event,
    limit: i64,
) -> anyhow::Result<Option<(String, Vec<String>)>> {
    let Some(one) = event.channel.as_deref() else { return Ok(None) };
    let [advert, order] = ["advert", "order"].map(|kind| event.dedupe.strip_prefix(&format!("{kind}/{one}/")));
    let Some(other) = advert.or(order) else { return Ok(None) };
    let (Some(view), Some(than)) = (app.lane(one), app.lane(other)) else { return Ok(None) };
    let since = if advert.is_some() { app.now().plus(-patience.shows(one)) } else { app.now() };
    let apart = apart(&view.channel.capabilities(), &than.channel.capabilities());
    let skus = shown::lower(&app.db, one, other, apart, since, limit).await?;
    Ok(Some((other.to_owned(), skus)))
}

/// How prices of two channels compare: their currency, and how far apart they are for rounding alone, in millionths. The same
/// price is 8.40 where net prices have two decimals and 8.3950 where they have four.
fn apart(one: &Capabilities, other: &Capabilities) -> (Currency, i64) {
    let coarser = one.decimals().min(other.decimals());
    let slack = if one.decimals() == other.decimals() { 0 } else { 10_i64.pow(MOST_DECIMALS - coarser) / 2 };
    (one.currency, slack)
}

/// How long prices may wait for a channel, in milliseconds.
pub(in crate::report) fn late_after(patience: &Patience, channel: &str) -> i64 {
    match patience.declared(channel) {
        Some(declared) => declared.saturating_mul(2),
        None => patience.shows(channel).saturating_mul(2).max(LATE),
    }
}

/// Channels on which prices wait longer than they should.
async fn late(app: &App, found: &mut Found) -> anyhow::Result<()> {
    let patience = Patience::of(app).await;
    for lane in &app.lanes {
        let span = late_after(&patience, &lane.name);
        let Some(row) = shown::late(&app.db, &lane.name, app.now().plus(-span)).await? else { continue };
        let dedupe = format!("late/{}", row.channel);
        let unreachable = row.unanswered > 0 && row.unanswered == row.listings;
        let event = Raise {
            kind: if unreachable { "channel_unreachable" } else { "channel_late" },
            severity: "critical",
            dedupe: dedupe.clone(),
            product_id: None,
            channel: Some(row.channel.clone()),
            competitor: None,
            message: Sentence::PricesWait.with(&[
                ("channel", &row.channel),
                ("n", &row.listings),
                ("since", &Millis(row.since)),
            ]),
            hint: format!("omniprice channel test {}", row.channel),
        };
        found.insert(dedupe, event);
    }
    Ok(())
}

/// Declared orders of channels (`never_below`) that the prices read back break: a best-effort order whose time was up, or
/// a price that somebody else changed.
async fn orders(app: &App, found: &mut Found) -> anyhow::Result<()> {
    let Ok(loaded) = app.rules().await else { return Ok(()) };
    for constraint in &loaded.set.constraints {
        let (above, below) = &constraint.never_below;
        let (Some(one), Some(other)) = (app.lane(above), app.lane(below)) else { continue };
        // Amounts with and without VAT are not compared.
        if one.channel.capabilities().tax != other.channel.capabilities().tax {
            continue;
        }
        let apart = apart(&one.channel.capabilities(), &other.channel.capabilities());
        let lower = shown::lower(&app.db, above, below, apart, app.now(), LIMIT).await?;
        let Some(first) = lower.first() else { continue };
        let dedupe = format!("order/{above}/{below}");
        let event = Raise {
            kind: "order_broken",
            severity: "warning",
            dedupe: dedupe.clone(),
            product_id: None,
            channel: Some(above.clone()),
            competitor: None,
            message: Sentence::OrderBroken.with(&[
                ("above", above),
                ("below", below),
                ("n", &lower.len()),
                ("sku", first),
            ]),
            hint: format!("omniprice verify {above} --dry-run"),
        };
        found.insert(dedupe, event);
    }
    Ok(())
}

/// Our price of a product, and the offers that count for a decision now: fresh by its rule, in stock, and nobody's whom it
/// leaves out. All in minor units of the product's currency, tax view and pack, as decisions compare them.
#[derive(Debug, Default)]
struct Compared {
    ours: i64,
    theirs: BTreeMap<String, i64>,
}

async fn compared(app: &App, product_id: i64, now: Millis) -> anyhow::Result<Compared> {
    let Some(product) = products::by_id(&app.db, product_id).await? else { return Ok(Compared::default()) };
    let age = max_age(app);
    let Some(track) = tracks::one(app, product, now.plus(-age)).await? else { return Ok(Compared::default()) };
    let offers = track.offers(now, age).into_iter();
    let theirs = offers.map(|offer| (offer.competitor.to_owned(), offer.minor)).collect();
    Ok(Compared { ours: track.compared(now), theirs })
}

/// Key items on which a competitor was seen more than once, clearly cheaper, and we did not answer by ourselves.
async fn key_items(app: &App, found: &mut Found) -> anyhow::Result<()> {
    let loaded = app.rules().await.ok();
    let (own, net) = loaded.as_ref().map_or_else(Default::default, |loaded| {
        let net = loaded.set.markets.iter().filter(|market| market.market.tax == Tax::Net);
        (loaded.set.own_shops.clone(), net.map(|market| market.market.id.as_str()).collect::<Vec<_>>())
    });
    let now = app.now();
    let (fresh, begun) = (now.plus(-max_age(app)), now.plus(-KEY_PATIENCE));
    let mut judged: BTreeMap<i64, Compared> = BTreeMap::new();
    let mut cheaper = Vec::new();
    for row in shown::undercut(&app.db, KEY_ITEM, (100 + KEY_GAP_PCT, &net), fresh, begun, LIMIT).await? {
        let Ok(code) = currency(&row.currency) else { continue };
        if own.contains(&row.competitor) {
            continue;
        }
        if let Entry::Vacant(unknown) = judged.entry(row.product_id) {
            unknown.insert(compared(app, row.product_id, now).await?);
        }
        let known = judged.get(&row.product_id);
        let Some((ours, theirs)) = known.and_then(|known| Some((known.ours, *known.theirs.get(&row.competitor)?)))
        else {
            continue;
        };
        if i128::from(ours) * 100 > i128::from(theirs) * i128::from(100 + KEY_GAP_PCT) {
            cheaper.push((row.product_id, theirs, ours, code, row));
        }
    }
    cheaper.sort_by_key(|(product, theirs, ..)| (*product, *theirs));
    for (_, theirs, ours, code, row) in cheaper {
        let gap = Decimal::from(ours - theirs) * Decimal::ONE_HUNDRED / Decimal::from(theirs);
        let (ours, theirs) = (Money::from_minor(ours, code), Money::from_minor(theirs, code));
        let dedupe = format!("key-item/{}", row.product_id);
        // The cheapest competitor comes first, and one message per product is enough.
        found.entry(dedupe.clone()).or_insert_with(|| Raise {
            kind: "kvi_undercut",
            severity: "warning",
            dedupe,
            product_id: Some(row.product_id),
            channel: None,
            competitor: Some(row.competitor.clone()),
            message: Sentence::KeyItem.with(&[
                ("competitor", &row.competitor),
                ("theirs", &theirs),
                ("ours", &ours),
                ("gap", &gap.round_dp_with_strategy(1, DISPLAY)),
            ]),
            hint: format!("omniprice explain {}", row.sku),
        });
    }
    Ok(())
}
