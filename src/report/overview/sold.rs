//! What units sold say about products: margin at risk and price elasticity.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Serialize;

use super::super::lang::Voice;
use super::super::market::Track;
use super::super::metrics::{BasketItem, basket_index, margin_at_risk, shown};
use super::super::sales::{Sales, Step};
use super::{Asked, Figure, LIMIT, ProductRow, figure};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::fx::FxTable;
use crate::decide::text::decimal_option;
use crate::money::{Decimal, Money};
use crate::observe::zscore::median;
use crate::store::reporting;

/// Products that the list of the most important ones holds (SEMANTICS 6.2 asks for ten).
const IMPORTANT: usize = 10;

/// The first and the last day of a span.
type Days = (Date, Date);

/// The position in the market that a price should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Target {
    /// As cheap as the cheapest offer.
    #[default]
    Lowest,
    Median,
    Average,
}

impl Target {
    /// The price that the position needs; none without an offer.
    #[must_use]
    pub fn needed(self, offers: &[Decimal]) -> Option<Decimal> {
        match self {
            Self::Lowest => offers.iter().min().copied(),
            Self::Median => median(offers),
            Self::Average => {
                let sum = offers.iter().try_fold(Decimal::ZERO, |sum, offer| sum.checked_add(*offer))?;
                sum.checked_div(Decimal::from(offers.len()))
            }
        }
    }
}

/// Days on which campaigns ran, by product.
pub async fn spans(app: &App, voice: &Voice, since: Millis) -> anyhow::Result<BTreeMap<i64, Vec<Days>>> {
    let mut spans: BTreeMap<i64, Vec<_>> = BTreeMap::new();
    for row in reporting::campaign_spans(&app.db, since, LIMIT).await? {
        let days = (voice.date(Millis(row.starts_at)), voice.date(Millis(row.ends_at)));
        spans.entry(row.product_id).or_default().push(days);
    }
    Ok(spans)
}

/// What sales say about a product.
pub fn fill(
    row: &mut ProductRow,
    track: &Track,
    sales: &Sales,
    asked: &Asked<'_>,
    campaigns: &[Days],
    (from, until, age): (Millis, Millis, i64),
) {
    let (first, last) = (asked.voice.date(from), asked.voice.date(until));
    if let Some((units, days)) = sales.per_day(&track.sku, first, last) {
        let (ours, offers) = track.amounts(until, age);
        row.units_per_day = Some(shown(units));
        row.sales_days = days;
        let needed = asked.target.needed(&offers);
        row.margin_at_risk = needed.and_then(|needed| margin_at_risk(ours, needed, units)).map(shown);
    }
    if let Some(found) = sales.elasticity(&track.sku, &steps(track, asked.voice, (from, until)), campaigns) {
        row.elasticity = Some(shown(found.arc));
        row.elasticity_days = Some([found.before, found.after]);
    }
}

/// Our prices of a window over the whole days on which they were asked; the day of a change counts for neither.
fn steps(track: &Track, voice: &Voice, (from, until): (Millis, Millis)) -> Vec<Step> {
    let amount = |minor| Money::from_minor(minor, track.currency).amount();
    let mut steps = Vec::new();
    let (mut begin, mut price) = (voice.date(from), track.ours(from));
    for (at, _, after) in track.decided.iter().filter(|(at, ..)| *at > from && *at <= until) {
        let day = voice.date(*at);
        if let Ok(before) = day.yesterday() {
            steps.push(Step { from: begin, until: before, price: amount(price) });
        }
        (begin, price) = (day.tomorrow().unwrap_or(day), *after);
    }
    steps.push(Step { from: begin, until: voice.date(until), price: amount(price) });
    steps
}

/// The sums of what is at risk, one for each currency: amounts of two currencies are never added.
pub fn at_risk(products: &[ProductRow]) -> Vec<Figure> {
    let mut sums: BTreeMap<&str, (Decimal, usize)> = BTreeMap::new();
    for (row, amount) in products.iter().filter_map(|row| Some((row, row.margin_at_risk?))) {
        let (sum, n) = sums.entry(row.ours.currency().code()).or_default();
        *sum = sum.saturating_add(amount);
        *n += 1;
    }
    let told = |(code, (sum, n)): (&str, (Decimal, usize))| {
        figure(format!("margin at risk per day, over {n} products with sales"), Some(sum), code)
    };
    sums.into_iter().map(told).collect()
}

/// A product with much margin at risk.
#[derive(Debug, Clone, Serialize)]
pub struct Important {
    pub sku: String,
    pub title: String,
    /// In the product's currency, a day.
    #[serde(with = "crate::decide::text::decimal")]
    pub margin_at_risk: Decimal,
    pub currency: &'static str,
    /// The same in euros; none where all products have one currency, or where there is no rate.
    #[serde(with = "decimal_option")]
    pub in_euros: Option<Decimal>,
}

/// Products with the most margin at risk first. Several currencies are compared in euros at the stored rates; what has no
/// rate comes last.
pub fn important(products: &[ProductRow], fx: Option<&FxTable>) -> Vec<Important> {
    let risky = || products.iter().filter_map(|row| Some((row, row.margin_at_risk.filter(|risk| !risk.is_zero())?)));
    let codes: BTreeSet<&str> = risky().map(|(row, _)| row.ours.currency().code()).collect();
    let one = |(row, risk): (&ProductRow, Decimal)| {
        let rate = fx.filter(|_| codes.len() > 1).and_then(|fx| fx.rate(row.ours.currency()).ok());
        Important {
            sku: row.sku.clone(),
            title: row.title.clone(),
            margin_at_risk: risk,
            currency: row.ours.currency().code(),
            in_euros: rate.and_then(|rate| risk.checked_div(rate)).map(shown),
        }
    };
    let mut all: Vec<Important> = risky().map(one).collect();
    let basis = |row: &Important| if codes.len() > 1 { row.in_euros } else { Some(row.margin_at_risk) };
    all.sort_by(|a, b| basis(b).cmp(&basis(a)).then_with(|| a.sku.cmp(&b.sku)));
    all.truncate(IMPORTANT);
    all
}

/// The basket that buyers really took, weighted by units sold: one for each currency, with how many of the products sold
/// have no market to compare with.
pub fn baskets(products: &[ProductRow], tracks: &[Track], until: Millis, age: i64) -> Vec<Figure> {
    let mut baskets: BTreeMap<&str, Vec<BasketItem>> = BTreeMap::new();
    for (row, track) in products.iter().zip(tracks) {
        let units = row.units_per_day.and_then(|units| units.checked_mul(Decimal::from(row.sales_days)));
        let Some(weight) = units.filter(|units| *units > Decimal::ZERO) else { continue };
        let (ours, offers) = track.amounts(until, age);
        let market = median(&offers).unwrap_or(Decimal::ZERO);
        baskets.entry(row.ours.currency().code()).or_default().push(BasketItem { ours, market, weight });
    }
    let told = |(code, items): (&str, Vec<BasketItem>)| {
        let index = basket_index(&items);
        let left_out = index.map_or(items.len(), |index| index.no_data);
        [
            figure(format!("index against median, {code} basket by units sold"), index.map(|i| i.basket), "index"),
            figure(format!("products sold in {code} without a market"), Some(Decimal::from(left_out)), "count"),
        ]
    };
    baskets.into_iter().flat_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sells_most_weighs_most() {
        let money = |ours: &str, market: &str, units: &str| {
            let [ours, market, weight] = [ours, market, units].map(|text| crate::money::decimal(text).unwrap());
            BasketItem { ours, market, weight }
        };
        let index = |items: &[BasketItem]| basket_index(items).map(|index| shown(index.basket).to_string());
        let items = [money("90.00", "100.00", "9"), money("110.00", "100.00", "1"), money("5.00", "0.00", "700")];
        assert_eq!(index(&items).as_deref(), Some("92.00"));
        assert_eq!(basket_index(&items).map(|index| index.no_data), Some(1));
    }
}
