//! The figures of SEMANTICS 6.1 over a window: what `omniprice report` shows, as a table, JSON, CSV or a workbook.
//!
//! Products without data are in no figure and are counted. What cannot be told from what is stored (units sold, and
//! with them margin at risk and elasticity) is left out rather than guessed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gather;
use super::market::{self, Figures, Track};
use super::metrics::{Position, nearest_rank, shown};
use super::sheet::{Cell, Table};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::text::decimal_option;
use crate::money::{Decimal, Money};
use crate::observe::zscore::median;
use crate::store::{decisions, listings, observations};

const LIMIT: i64 = 100_000;

/// One figure with what it is of.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub name: String,
    /// None: there is nothing to compute it from.
    #[serde(serialize_with = "decimal_option::serialize")]
    pub value: Option<Decimal>,
    /// `index` (100 is the market), `%`, `h`, `s` or a plain count.
    pub unit: &'static str,
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
}

/// Computes the figures of `(from, until]` from tracks that go back at least to `from`.
///
/// # Errors
/// The store's.
pub async fn overview(app: &App, tracks: &[Track], from: Millis, until: Millis) -> anyhow::Result<Overview> {
    let age = gather::max_age(app);
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
    Ok(Overview {
        from: from.to_string(),
        until: until.to_string(),
        basis: format!(
            "item prices as customers see them, in the product's currency; competing offers in stock, not older than {} h",
            age / Millis::HOUR
        ),
        figures,
        products: tracks.iter().map(|track| product(track, until, age)).collect(),
    })
}

fn figure(name: impl Into<String>, value: Option<Decimal>, unit: &'static str) -> Figure {
    Figure { name: name.into(), value: value.map(shown), unit }
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
    for row in listings::parity(&app.db).await? {
        let share = Decimal::from(100 * row.live).checked_div(Decimal::from(row.listings));
        figures.push(figure(format!("in sync on {}", row.channel), share, "%"));
        let times: Vec<Decimal> = listings::convergence(&app.db, &row.channel, from)
            .await?
            .into_iter()
            .map(|ms| Decimal::new(ms, 3))
            .collect();
        figures.push(figure(format!("time to live on {}, p95", row.channel), nearest_rank(&times, 95), "s"));
    }
    let drifted: i64 = listings::states(&app.db).await?.iter().filter(|s| s.state == "drifted").map(|s| s.n).sum();
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
    }
}

impl Overview {
    /// The figures and the products as two lists.
    #[must_use]
    pub fn tables(&self) -> [Table; 2] {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let number = |n: Option<usize>| n.map_or(Cell::Empty, |n| Cell::Number(Decimal::from(n)));
        let figures = self.figures.iter().map(|f| vec![f.name.as_str().into(), f.value.into(), f.unit.into()]);
        let products = self.products.iter().map(|p| {
            vec![
                p.sku.as_str().into(),
                super::text::title(&p.title).into(),
                p.ours.currency().code().into(),
                p.ours.amount().into(),
                Cell::Number(Decimal::from(p.offers)),
                p.lowest.map(Money::amount).into(),
                p.lowest_at.clone().map_or(Cell::Empty, Cell::Text),
                p.index_mean.into(),
                p.index_median.into(),
                p.index_min.into(),
                number(p.rank),
                number(p.of),
                number(p.ties),
                p.gap.into(),
                p.gap_pct.into(),
                p.headroom.into(),
                p.position.into(),
            ]
        });
        [
            Table {
                title: "Figures".into(),
                name: "figures",
                columns: texts(&["figure", "value", "unit"]),
                rows: figures.collect(),
            },
            Table {
                title: "Products".into(),
                name: "products",
                columns: texts(&[
                    "sku",
                    "title",
                    "currency",
                    "our price",
                    "offers",
                    "lowest",
                    "lowest at",
                    "index average",
                    "index median",
                    "index lowest",
                    "rank",
                    "of",
                    "ties",
                    "gap",
                    "gap %",
                    "headroom",
                    "position",
                ]),
                rows: products.collect(),
            },
        ]
    }
}
