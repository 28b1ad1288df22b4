//! The figures of SEMANTICS 6.1 over a window: what `omniprice report` shows, as a table, JSON, CSV or a workbook.
//!
//! Products without data are in no figure and are counted. What needs units sold is told where somebody brings them and
//! left out where nobody does.

mod sold;
mod tables;

use std::collections::BTreeMap;

use serde::Serialize;

use super::gather;
use super::lang::Voice;
use super::market::{self, Figures, Track};
use super::metrics::{Position, below, nearest_rank, shown};
use super::readiness::{self, Readiness, Refused};
use super::sales::Sales;
use crate::app::App;
use crate::clock::Millis;
use crate::decide::text::decimal_option;
use crate::money::{Decimal, Money};
use crate::observe::zscore::median;
use crate::store::{decisions, observations, progress};
pub use sold::Target;

const LIMIT: i64 = 100_000;

/// One figure with what it is of.
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
    let mut figures = market_figures(tracks, from, until, age);
    figures.extend(activity(app, tracks, from, until).await?);
    figures.extend(consistency(app, from).await?);
    let plain = |n: i64| Some(Decimal::from(n));
    for row in observations::verdict_counts(&app.db, from).await? {
        figures.push(figure(format!("observations {}", row.verdict), plain(row.n), "count"));
    }
    for row in decisions::outcomes(&app.db).await? {
        figures.push(figure(format!("evaluations {}", row.outcome), plain(row.n), "count"));
    }
    figures.extend(resale(&products));
    figures.extend(sold::at_risk(&products));
    figures.extend(sold::baskets(&products, tracks, until, age));
    let skus = tracks.iter().map(|track| track.sku.as_str()).collect();
    Ok(Overview {
        omnibus: readiness::readiness(app, tracks).await?,
        not_announced: readiness::refused(app, &skus).await?,
        from: from.to_string(),
        until: until.to_string(),
        basis: format!(
            "item prices as customers see them, in the product's currency; competing offers in stock, not older than {} h",
            age / Millis::HOUR
        ),
        figures,
        products,
    })
}

fn figure(name: impl Into<String>, value: Option<Decimal>, unit: impl Into<String>) -> Figure {
    Figure { name: name.into(), value: value.map(shown), unit: unit.into() }
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
        figure("index against median, basket", now.against_median.map(|b| b.basket), "index"),
        figure("index against median, geometric", now.against_median.map(|b| b.geometric), "index"),
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
    let fresh = market::freshness(tracks, until, age);
    figures.push(figure("freshness median", fresh.map(|f| f.median), "h"));
    figures.push(figure("freshness p95", fresh.map(|f| f.p95), "h"));
    figures.push(figure("freshness within limit", fresh.map(|f| f.within_limit_pct), "%"));
    figures
}

/// What competitors did: moves a day, their median size and direction, and who is out of stock.
async fn activity(app: &App, tracks: &[Track], from: Millis, until: Millis) -> anyhow::Result<Vec<Figure>> {
    let moves = observations::moves(&app.db, from, until, LIMIT).await?;
    let inside: std::collections::BTreeSet<&str> = tracks.iter().map(|track| track.sku.as_str()).collect();
    let mut sizes = Vec::new();
    let (mut up, mut down) = (0_usize, 0_usize);
    for moved in moves.iter().filter(|m| inside.contains(m.sku.as_str())) {
        let Some(old) = moved.old_minor.filter(|old| *old != moved.new_minor) else { continue };
        *(if moved.new_minor > old { &mut up } else { &mut down }) += 1;
        sizes.extend(super::lang::change_pct(old, moved.new_minor).map(|change| change.abs()));
    }
    sizes.sort_unstable();
    let days = Decimal::from(until.since(from).max(1)).checked_div(Decimal::from(Millis::DAY));
    let per_day = days.and_then(|days| Decimal::from(up + down).checked_div(days));
    let mut newest: BTreeMap<i64, bool> = BTreeMap::new();
    for seen in tracks.iter().flat_map(|track| &track.seen).filter(|seen| seen.first <= until) {
        newest.insert(seen.target, seen.in_stock);
    }
    let out = newest.values().filter(|in_stock| !**in_stock).count();
    let share = Decimal::from(100 * out).checked_div(Decimal::from(newest.len()));
    let gone = crate::store::reporting::sold_out(&app.db, from, until, LIMIT).await?;
    let gone = gone.iter().filter(|gone| inside.contains(gone.sku.as_str())).count();
    Ok(vec![
        figure("competitor moves per day", per_day, "count"),
        figure("competitor moves up", Some(Decimal::from(up)), "count"),
        figure("competitor moves down", Some(Decimal::from(down)), "count"),
        figure("competitor move, median size", median(&sizes), "%"),
        figure("competitor offers out of stock", share, "%"),
        figure("competitor offers newly out of stock", Some(Decimal::from(gone)), "count"),
    ])
}

/// How far channels show what was decided, and how long that takes.
async fn consistency(app: &App, from: Millis) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for row in progress::parity(&app.db).await? {
        let share = Decimal::from(100 * row.live).checked_div(Decimal::from(row.listings));
        figures.push(figure(format!("in sync on {}", row.channel), share, "%"));
        let times: Vec<Decimal> = progress::convergence(&app.db, &row.channel, from)
            .await?
            .into_iter()
            .map(|ms| Decimal::new(ms, 3))
            .collect();
        figures.push(figure(format!("time to live on {}, p95", row.channel), nearest_rank(&times, 95), "s"));
    }
    let drifted: i64 = progress::states(&app.db).await?.iter().filter(|s| s.state == "drifted").map(|s| s.n).sum();
    figures.push(figure("prices changed by somebody else", Some(Decimal::from(drifted)), "count"));
    Ok(figures)
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
