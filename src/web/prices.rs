//! Our decided prices for tills and shelf labels, read-only: all of them, what changed since, and what is planned
//! (SEMANTICS sections 3.4 and 7.5).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};

use super::{Failed, tagged};
use crate::app::{App, Loaded};
use crate::channel::Tax as ChannelTax;
use crate::clock::Millis;
use crate::decide::campaign::Window;
use crate::decide::facts::Tax;
use crate::decide::prior::Audience;
use crate::decide::prior_rules;
use crate::decide::world::MarketRules;
use crate::flow::campaigns::{part, scope};
use crate::money::{Currency, Money, currency};
use crate::publish::terms::Terms;
use crate::store::products::{self, Product};
use crate::store::{fleet, shelf};

/// Prices per answer.
const PAGE: i64 = 1_000;
/// How far ahead planned prices are told: a long weekend without a network.
const AHEAD_MS: i64 = 7 * Millis::DAY;
/// A cursor stays this far behind the clock: a change bears the instant of its evaluation and is written up to one claim
/// of products later, and it must not lie before a cursor by then. What changed within it is told again.
const SETTLED_MS: i64 = Millis::MINUTE;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/prices", get(prices)).route("/v1/prices/upcoming", get(upcoming))
}

/// Where a till stopped reading: nothing yet, an id of the first pass, or (instant, id) of the newest change it has.
#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    after: i64,
    /// The `cursor` of an earlier answer: only what changed since.
    since: Option<String>,
    /// The channel that asks: campaigns that only some channels have count for it.
    channel: Option<String>,
}

#[derive(Serialize)]
struct Price {
    sku: String,
    version: i64,
    #[serde(flatten)]
    price: Money,
    #[serde(flatten)]
    view: View,
    changed_at: Option<String>,
    /// Exclusive end of the campaign that set the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    /// Present only where the reduction may be announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    reduced: Option<Reduced>,
}

/// The market whose price it is, and whether the amounts of that market contain VAT.
#[derive(Serialize)]
struct View {
    market: String,
    /// `gross`, with VAT, or `net`; none where the rules do not have the market.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<Tax>,
}

impl View {
    fn of(loaded: Option<&Loaded>, market: &str) -> Self {
        let rules = loaded.and_then(|loaded| loaded.set.market(market));
        Self { market: market.to_owned(), tax: rules.map(|rules| rules.market.tax) }
    }
}

#[derive(Serialize)]
struct Reduced {
    /// What may be crossed out.
    from: Money,
    /// What a label says beside it, where a law asks for the lowest price of a time before.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The first instant whose price counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

/// Our decided prices in pages of a thousand: all of them by `?after=` and `next`, or what changed since a `cursor`. An
/// unchanged answer to the same question is a 304 (RFC 9110 section 13.1.2).
async fn prices(
    State(app): State<Arc<App>>,
    Query(from): Query<Start>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let since = match from.since.as_deref().map(pair) {
        Some(None) => return Ok(no_place_of_ours("since")),
        Some(Some(since)) => Some(since),
        None => None,
    };
    if let Some(refused) = unknown(&app, from.channel.as_deref()) {
        return Ok(refused);
    }
    let settled = app.now().plus(-SETTLED_MS);
    // Looked up first: what changes while the pages are read lies behind it.
    let newest = shelf::newest(&app.db, settled).await?.map_or((0, 0), |newest| (newest.shelf_at, newest.id));
    let page = match since {
        Some((at, id)) => fleet::changed_since(&app.db, Millis(at), id, PAGE).await?,
        None => products::page(&app.db, from.after, PAGE).await?,
    };
    let full = page.len() as i64 == PAGE;
    let next = page.last().map(|product| product.id).filter(|_| full && since.is_none());
    let read = page.iter().filter_map(|product| Some((product.shelf_at?, product.id))).max();
    let (at, id) = since.map_or(newest, |since| goes_on(since, read, newest));
    let more = full && since.is_some_and(|since| since < (at, id));
    let prices = told(&app, page, from.channel.as_deref()).await?;
    let cursor = format!("{at}.{id}");
    let body =
        serde_json::to_vec(&serde_json::json!({ "prices": prices, "next": next, "cursor": cursor, "more": more }))?;
    Ok(tagged(&headers, "application/json", body))
}

/// Where a till reads on: however full its page was, from what is settled. It comes back for the rest.
fn goes_on(since: (i64, i64), read: Option<(i64, i64)>, settled: (i64, i64)) -> (i64, i64) {
    read.unwrap_or(since).min(settled).max(since)
}

/// A channel's name that is none of ours: what it has cannot be told.
fn unknown(app: &App, channel: Option<&str>) -> Option<Response> {
    let name = channel.filter(|name| app.lane(name).is_none())?;
    let known: Vec<&str> = app.lanes.iter().map(|lane| lane.name.as_str()).collect();
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    let text = format!("there is no channel {name}; known: {}\n", known.join(", "));
    Some((StatusCode::BAD_REQUEST, text).into_response())
}

/// Whether a channel has a campaign's price: it is one of those named, and whoever sees it now may see that price.
fn has(loaded: Option<&Loaded>, named: &[String], channel: &str, audience: &str) -> bool {
    let sees = loaded.map_or(Audience::Public, |loaded| loaded.set.audience(channel));
    named.iter().any(|name| name == channel) && sees.could_have(Audience::stored(audience))
}

/// Prices with what campaigns say about them.
async fn told(app: &App, page: Vec<Product>, channel: Option<&str>) -> Result<Vec<Price>, Failed> {
    let ids = || page.iter().map(|product| product.id);
    let (first, last, now) = (ids().min().unwrap_or(0), ids().max().unwrap_or(0), app.now());
    let (mut ends, mut apart) = (HashMap::new(), HashMap::new());
    // Without rules nobody can say whether an amount contains VAT; the price is told all the same.
    let loaded = app.rules().await.ok();
    for one in shelf::running(&app.db, first, last, now).await? {
        match (scope(app, &one.channels, &one.audience), channel) {
            (None, _) => drop(ends.insert((one.product_id, one.price_minor), one.ends_at)),
            (Some(named), Some(own)) if has(loaded.as_deref(), &named, own, &one.audience) => {
                let whole = Window { from: Millis(one.starts_at), until: Millis(one.ends_at) };
                let part = part(one.windows.as_deref(), own, whole);
                if part.contains(now) {
                    apart.insert(one.product_id, (one.price_minor, part.until.0.min(one.ends_at)));
                }
            }
            _ => {}
        }
    }
    let mut references = HashMap::new();
    let net = net_markets(loaded.as_deref());
    let compared = shelf::references(&app.db, first, last, now, channel, (&gross_channels(app), &net)).await?;
    for one in compared.into_iter().filter(|one| one.announce != 0) {
        references.insert((one.product_id, one.campaign_minor), one);
    }
    let terms = if apart.is_empty() { None } else { Some(app.terms().await?) };
    let mut prices = Vec::with_capacity(page.len());
    for product in page {
        let money = currency(&product.currency)?;
        let here = apart.get(&product.id).filter(|(minor, _)| {
            let price = Money::from_minor(*minor, money);
            terms.as_ref().zip(channel).is_some_and(|(terms, channel)| goes_out(terms, &product, price, channel))
        });
        let (minor, ends_at) = match here {
            Some((minor, ends_at)) => (*minor, Some(*ends_at)),
            None => (product.own_minor, ends.get(&(product.id, product.own_minor)).copied()),
        };
        let reference = references.get(&(product.id, minor)).filter(|_| ends_at.is_some());
        let country = loaded.as_ref().and_then(|loaded| loaded.set.market(&product.market));
        let label = country.map_or_else(String::new, |market| label(app, market));
        prices.push(Price {
            price: Money::from_minor(minor, money),
            view: View::of(loaded.as_deref(), &product.market),
            valid_until: ends_at.map(|at| Millis(at).to_string()),
            reduced: reference.and_then(|reference| reduced(reference, minor, money, &label)),
            changed_at: product.shelf_at.map(|at| Millis(at).to_string()),
            sku: product.sku,
            version: product.version,
        });
    }
    Ok(prices)
}

/// Channels whose amounts contain VAT, and markets whose amounts do not: what is compared must be of one view.
fn gross_channels(app: &App) -> Vec<&str> {
    let gross = app.lanes.iter().filter(|lane| lane.channel.capabilities().tax == ChannelTax::Gross);
    gross.map(|lane| lane.name.as_str()).collect()
}

fn net_markets(loaded: Option<&Loaded>) -> Vec<&str> {
    let markets = loaded.map(|loaded| loaded.set.markets.as_slice()).unwrap_or_default();
    let net = markets.iter().filter(|market| market.market.tax == Tax::Net);
    net.map(|market| market.market.id.as_str()).collect()
}

/// What a label says beside a prior price of this market.
fn label(app: &App, market: &MarketRules) -> String {
    let days = app.prior.of(&market.omnibus).window_days;
    prior_rules::legal_text(prior_rules::language_of(&market.market.country), days)
}

/// Whether the door of the channel would let a campaign's price through as it is: nobody decided it for the product, so
/// its floor has not been looked at.
fn goes_out(terms: &Terms, product: &Product, price: Money, channel: &str) -> bool {
    let above = terms
        .price(product, price, channel)
        .is_ok_and(|(shown, floor)| floor.is_some_and(|floor| shown.amount() >= floor.amount()));
    above && terms.lifts(product, price, channel).is_ok_and(|lifts| !lifts)
}

fn reduced(reference: &shelf::Reference, own_minor: i64, currency: Currency, label: &str) -> Option<Reduced> {
    let by_law = reference.with_prior > 0;
    (reference.reference_minor > own_minor).then(|| Reduced {
        from: Money::from_minor(reference.reference_minor, currency),
        text: by_law.then(|| label.to_owned()),
        since: reference.window_from.filter(|_| by_law).map(|at| Millis(at).to_string()),
    })
}

#[derive(Deserialize)]
struct After {
    /// The `next` of an earlier answer.
    after: Option<String>,
    /// The channel that asks.
    channel: Option<String>,
}

#[derive(Serialize)]
struct Planned {
    sku: String,
    #[serde(flatten)]
    price: Money,
    #[serde(flatten)]
    view: View,
    valid_from: String,
    valid_until: String,
}

/// Prices that campaigns plan to begin within a week, on all channels or on the one that asks, so that a till or a label that is offline at the
/// start begins by itself. Each reading replaces the last one: what is not in it any more was cancelled or has begun.
async fn upcoming(
    State(app): State<Arc<App>>,
    Query(from): Query<After>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let after = match from.after.as_deref().map(pair) {
        Some(None) => return Ok(no_place_of_ours("after")),
        after => after.flatten().unwrap_or((0, 0)),
    };
    if let Some(refused) = unknown(&app, from.channel.as_deref()) {
        return Ok(refused);
    }
    let now = app.now();
    let page = shelf::planned(&app.db, after, now, now.plus(AHEAD_MS), PAGE).await?;
    let next = page.last().filter(|_| page.len() as i64 == PAGE);
    let next = next.map(|last| format!("{}.{}", last.product_id, last.starts_at));
    let loaded = app.rules().await.ok();
    let mut planned = Vec::with_capacity(page.len());
    for one in page {
        let whole = Window { from: Millis(one.starts_at), until: Millis(one.ends_at) };
        let window = match (scope(&app, &one.channels, &one.audience), from.channel.as_deref()) {
            (None, _) => whole,
            (Some(named), Some(own)) if has(loaded.as_deref(), &named, own, &one.audience) => {
                let part = part(one.windows.as_deref(), own, whole);
                Window { from: part.from, until: part.until.min(whole.until) }
            }
            _ => continue,
        };
        planned.push(Planned {
            price: Money::from_minor(one.price_minor, currency(&one.currency)?),
            view: View::of(loaded.as_deref(), &one.market),
            sku: one.sku,
            valid_from: window.from.to_string(),
            valid_until: window.until.to_string(),
        });
    }
    let body = serde_json::to_vec(&serde_json::json!({ "upcoming": planned, "next": next }))?;
    Ok(tagged(&headers, "application/json", body))
}

fn no_place_of_ours(key: &str) -> Response {
    let text = format!("{key} is no place that an answer of ours named; leave it out to read everything\n");
    (StatusCode::BAD_REQUEST, text).into_response()
}

/// Two numbers of ours with a point between them.
fn pair(text: &str) -> Option<(i64, i64)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::goes_on;

    #[test]
    fn a_cursor_never_passes_what_is_settled_and_never_goes_back() {
        assert_eq!(goes_on((10, 1), None, (30, 5)), (10, 1), "nothing new");
        assert_eq!(goes_on((10, 1), Some((20, 2)), (30, 5)), (20, 2));
        assert_eq!(goes_on((10, 1), Some((40, 2)), (30, 5)), (30, 5), "a change may still be written before 40");
        assert_eq!(goes_on((35, 1), Some((40, 2)), (30, 5)), (35, 1));
    }
}
