//! The figures of SEMANTICS 6.1 over a window: what `omniprice report` shows, as a table, JSON, CSV or a workbook.
//!
//! Products without data are in no figure and are counted. What needs units sold is told where somebody brings them and
//! left out where nobody does.

mod log;
mod sold;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::gather;
use super::lang::Voice;
use super::market::{self, Figures, Track};
use super::metrics::{Position, below, shown};
use super::moves;
use super::reader::Reader;
use super::readiness::{self, Readiness, Refused};
use super::sales::Sales;
use super::scope::{self, Scope, Site};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::text::decimal_option;
use crate::money::{Decimal, Money};
use crate::observe::zscore::median;
pub use log::FloorHit;
pub use sold::{Important, Target};

const LIMIT: i64 = 100_000;

/// One figure with what it is of: a count without decimals, everything else with two.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub name: String,
    /// None: there is nothing to compute it from.
    #[serde(serialize_with = "decimal_option::serialize")]
    pub value: Option<Decimal>,
    /// `index` (100 is the market), `%`, `h`, `s`, a currency, or a plain count.
    pub unit: String,
}

/// One product's place in its market.
#[derive(Debug, Clone, Serialize)]
pub struct ProductRow {
    pub sku: String,
    pub title: String,
    pub ours: Money,
    pub offers: usize,
    pub lowest: Option<Money>,
    pub lowest_at: Option<String>,
    #[serde(serialize_with = "decimal_option::serialize")]
    pub index_mean: Option<Decimal>,
    #[serde(serialize_with = "decimal_option::serialize")]
    pub index_median: Option<Decimal>,
    #[serde(serialize_with = "decimal_option::serialize")]
    pub index_min: Option<Decimal>,
    /// `2 of 5`; with ties.
    pub rank: Option<usize>,
    pub of: Option<usize>,
    pub ties: Option<usize>,
    #[serde(serialize_with = "decimal_option::serialize")]
    pub gap: Option<Decimal>,
    #[serde(serialize_with = "decimal_option::serialize")]
    pub gap_pct: Option<Decimal>,
    #[serde(serialize_with = "decimal_option::serialize")]
    pub headroom: Option<Decimal>,
    pub position: &'static str,
    /// Offers below `recommended`, and what that is: a minimum advertised price, or a recommended one.
    pub below: Option<usize>,
    pub recommended: Option<Money>,
    pub recommended_is: Option<&'static str>,
    /// Units sold a day, and over how many days of the window.
    #[serde(serialize_with = "decimal_option::serialize")]
    pub units_per_day: Option<Decimal>,
    pub sales_days: usize,
    /// What a day loses if the price must come down to the target, in the product's currency.
    #[serde(serialize_with = "decimal_option::serialize")]
    pub margin_at_risk: Option<Decimal>,
    #[serde(serialize_with = "decimal_option::serialize")]
    pub elasticity: Option<Decimal>,
    /// Days that the elasticity rests on, before and after the change.
    pub elasticity_days: Option<[usize; 2]>,
}

/// What the figures are asked for with.
pub struct Asked<'a> {
    /// Whose figures they are, if they are somebody's: the tracks are cut to their scope already.
    pub reader: Option<&'a Reader>,
    /// Units sold, if somebody brought them.
    pub sales: Option<&'a Sales>,
    pub target: Target,
    /// Says what a day is.
    pub voice: &'a Voice,
}

/// A window's figures.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    pub from: String,
    pub until: String,
    /// What every figure rests on.
    pub basis: String,
    pub figures: Vec<Figure>,
    pub products: Vec<ProductRow>,
    /// Whether channels have prior-price history enough for a reduction to be announced.
    pub omnibus: Vec<Readiness>,
    /// Reductions of campaigns that must not be announced.
    pub not_announced: Vec<Refused>,
    /// Products that their floor keeps from where their rule wants them: there purchasing must act.
    pub floor_hits: Vec<FloorHit>,
    /// What was read of each competitor's pages.
    pub sites: Vec<Site>,
    /// The products with the most margin at risk, compared in one currency.
    pub important: Vec<Important>,
}

/// Computes the figures of `(from, until]` from tracks that go back at least to `from`.
///
/// # Errors
/// The store's.
pub async fn overview(
    app: &App,
    tracks: &[Track],
    asked: &Asked<'_>,
    from: Millis,
    until: Millis,
) -> anyhow::Result<Overview> {
    let age = gather::max_age(app);
    let campaigns = if asked.sales.is_some() { sold::spans(app, asked.voice, from).await? } else { BTreeMap::new() };
    let none = Vec::new();
    let products: Vec<ProductRow> = tracks
        .iter()
        .map(|track| {
            let mut row = product(track, until, age);
            if let Some(sales) = asked.sales {
                sold::fill(
                    &mut row,
                    track,
                    sales,
                    asked,
                    campaigns.get(&track.id).unwrap_or(&none),
                    (from, until, age),
                );
            }
            row
        })
        .collect();
    let scope = Scope::of(tracks, asked.reader);
    let (evaluated, sites) = (scope::evaluated(app, &scope).await?, scope::sites(app, &scope, from).await?);
    let mut figures = market_figures(tracks, from, until, age);
    figures.extend(activity(tracks, from, until));
    let skus: BTreeSet<&str> = tracks.iter().map(|track| track.sku.as_str()).collect();
    figures.extend(log::consistency(&scope::listed(app, &scope).await?, from));
    figures.push(log::changed_by_others(app, &skus, asked.reader, from, until).await?);
    figures.extend(log::observed(&sites));
    figures.extend(log::outcomes(&evaluated));
    figures.extend(resale(&products));
    figures.extend(sold::at_risk(&products));
    figures.extend(sold::baskets(&products, tracks, until, age));
    Ok(Overview {
        omnibus: readiness::readiness(app, tracks).await?,
        not_announced: readiness::refused(app, &skus).await?,
        from: from.to_string(),
        until: until.to_string(),
        basis: format!(
            "prices in each product's currency, tax view and pack; the competing offers that its rule lets count, not older \
             than {} h or the rule's own limit; delivery included where the rule compares delivered prices; other currencies at \
             the stored rates",
            age / Millis::HOUR
        ),
        floor_hits: log::floor_hits(app, tracks).await?,
        important: sold::important(&products, app.fx().await?.as_ref()),
        sites,
        figures,
        products,
    })
}

fn figure(name: impl Into<String>, value: Option<Decimal>, unit: impl Into<String>) -> Figure {
    let unit = unit.into();
    // Nobody counts in hundredths.
    let rounded =
        |value: Decimal| if unit == "count" && value.fract().is_zero() { value.normalize() } else { shown(value) };
    Figure { name: name.into(), value: value.map(rounded), unit }
}

/// Offers below the prices that manufacturers name, apart for markets that allow a minimum and for all others.
fn resale(products: &[ProductRow]) -> Vec<Figure> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (what, n) in products.iter().filter_map(|row| Some((row.recommended_is?, row.below?))) {
        *counts.entry(what).or_default() += n;
    }
    counts
        .into_iter()
        .map(|(what, n)| figure(format!("offers below {what}"), Some(Decimal::from(n)), "count"))
        .collect()
}

fn market_figures(tracks: &[Track], from: Millis, until: Millis, age: i64) -> Vec<Figure> {
    let (now, before) = (Figures::at(tracks, until, age), Figures::at(tracks, from, age));
    let count = |n: usize| Some(Decimal::from(n));
    let change = now.index().zip(before.index()).and_then(|(now, before)| now.checked_sub(before));
    let mut figures = vec![
        figure("index against median, mean over products", now.index(), "index"),
        figure("index against median, change in the window", change, "index"),
        figure("index against median, geometric", now.index_geometric, "index"),
        figure("index against average", now.index_mean, "index"),
        figure("index against lowest", now.index_min, "index"),
        figure("share cheapest", now.shares.cheapest_pct(), "%"),
        figure("coverage", now.shares.coverage_pct(), "%"),
        figure("products cheapest", count(now.shares.cheapest), "count"),
        figure("products shared cheapest", count(now.shares.shared), "count"),
        figure("products below average", count(now.shares.below_average), "count"),
        figure("products above average", count(now.shares.above_average), "count"),
        figure("products most expensive", count(now.shares.most_expensive), "count"),
        figure("products without data", count(now.shares.no_data), "count"),
    ];
    let baskets = market::baskets(tracks, until, age).into_iter();
    figures
        .extend(baskets.map(|(code, basket)| {
            figure(format!("index against median, {code} basket"), Some(basket.basket), "index")
        }));
    let fresh = market::freshness(tracks, until, age);
    figures.push(figure("freshness median", fresh.map(|f| f.median), "h"));
    figures.push(figure("freshness p95", fresh.map(|f| f.p95), "h"));
    figures.push(figure("freshness within limit", fresh.map(|f| f.within_limit_pct), "%"));
    figures
}

/// What competitors did: moves a day, their median size and direction, and who is out of stock.
fn activity(tracks: &[Track], from: Millis, until: Millis) -> Vec<Figure> {
    let moved = moves::moves(tracks, from, until);
    let steps = || moved.iter().flat_map(|row| &row.steps);
    let up = steps().filter(|(was, now)| now > was).count();
    let down = steps().count() - up;
    let mut sizes: Vec<Decimal> =
        steps().filter_map(|(was, now)| Some(super::lang::change_pct(*was, *now)?.abs())).collect();
    sizes.sort_unstable();
    let days = Decimal::from(until.since(from).max(1)).checked_div(Decimal::from(Millis::DAY));
    let per_day = days.and_then(|days| Decimal::from(up + down).checked_div(days));
    let mut newest: BTreeMap<i64, bool> = BTreeMap::new();
    let market = tracks.iter().flat_map(|track| &track.seen).filter(|seen| seen.is_market() && seen.first <= until);
    for seen in market {
        newest.insert(seen.target, seen.in_stock);
    }
    let out = newest.values().filter(|in_stock| !**in_stock).count();
    let share = Decimal::from(100 * out).checked_div(Decimal::from(newest.len()));
    let hours = Decimal::from(moves::out_of_stock(tracks, from, until)).checked_div(Decimal::from(Millis::HOUR));
    let count = |n: usize| Some(Decimal::from(n));
    vec![
        figure("competitor moves per day", per_day, "count"),
        figure("competitor moves up", count(up), "count"),
        figure("competitor moves down", count(down), "count"),
        figure("competitor move, median size", median(&sizes), "%"),
        figure("products that competitors moved", count(products_of(&moved)), "count"),
        figure("competitor offers out of stock", share, "%"),
        figure("competitor offers out of stock, hours in all", hours, "h"),
        figure("competitor offers newly out of stock", count(moves::sold_out(tracks, from, until).len()), "count"),
    ]
}

fn products_of(moved: &[moves::Moved]) -> usize {
    moved.iter().map(|row| row.sku.as_str()).collect::<std::collections::BTreeSet<&str>>().len()
}

fn product(track: &Track, until: Millis, age: i64) -> ProductRow {
    let money = |minor| Money::from_minor(minor, track.currency);
    let offers = track.offers(until, age);
    let index = track.index(until, age);
    let of = |pick: fn(&super::metrics::ProductIndex) -> Decimal| index.as_ref().map(pick).map(shown);
    ProductRow {
        sku: track.sku.clone(),
        title: track.title.clone(),
        ours: money(track.ours(until)),
        offers: offers.len(),
        lowest: offers.first().map(|offer| money(offer.minor)),
        lowest_at: offers.first().map(|offer| offer.competitor.to_owned()),
        index_mean: of(|index| index.index_mean),
        index_median: of(|index| index.index_median),
        index_min: of(|index| index.index_min),
        rank: index.as_ref().map(|index| index.rank),
        of: index.as_ref().map(|index| index.of),
        ties: index.as_ref().map(|index| index.ties),
        gap: of(|index| index.gap_to_lowest),
        gap_pct: of(|index| index.gap_to_lowest_pct),
        headroom: index.as_ref().and_then(|index| index.headroom),
        position: match track.position(until, age) {
            Position::Cheapest => "cheapest",
            Position::Shared => "shared cheapest",
            Position::BelowAverage => "below average",
            Position::AboveAverage => "above average",
            Position::MostExpensive => "most expensive",
            Position::NoData => "no data",
        },
        below: track.recommended.map(|limit| below(&track.amounts(until, age).1, money(limit.minor).amount())),
        recommended: track.recommended.map(|limit| money(limit.minor)),
        recommended_is: track
            .recommended
            .map(|limit| if limit.is_minimum { "minimum advertised price" } else { "recommended price" }),
        units_per_day: None,
        sales_days: 0,
        margin_at_risk: None,
        elasticity: None,
        elasticity_days: None,
    }
}
