//! Cases of the figures that pricing managers read.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, CaseError, figure, read, take_key};
use crate::decide::grammar::Figure;
use crate::money::Decimal;
use crate::report::metrics::{
    BasketItem, Shares, arc_elasticity, basket_index, freshness, position, product_index, shown,
};

pub(super) fn answer(mut inputs: Value) -> Answer {
    match take_key(&mut inputs, "op").as_deref() {
        Some("product_index") => product(&read(inputs)?),
        Some("basket_index") => basket(&read(inputs)?),
        Some("share") => share(&read(inputs)?),
        Some("elasticity") => elasticity(&read(inputs)?),
        Some("freshness") => ages(&read(inputs)?),
        other => Err(CaseError::malformed(format!("unknown op `{}`", other.unwrap_or_default()))),
    }
}

fn text(value: Decimal) -> String {
    shown(value).to_string()
}

/// A difference of prices: with the decimals of the prices where they have more than two.
fn difference(value: Decimal) -> String {
    if value.normalize().scale() > 2 { value.normalize().to_string() } else { text(value) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    ours: Figure,
    offers: Vec<Figure>,
}

impl Product {
    fn offers(&self) -> Vec<Decimal> {
        self.offers.iter().map(figure).collect()
    }
}

fn product(input: &Product) -> Answer {
    let Some(index) = product_index(input.ours.0, &input.offers()) else {
        return Err(CaseError::new("no_data", "no offer to compare with"));
    };
    Ok(json!({
        "index_mean": text(index.index_mean),
        "index_median": text(index.index_median),
        "index_min": text(index.index_min),
        "rank": index.rank,
        "ties": index.ties,
        "of": index.of,
        "gap_to_lowest": difference(index.gap_to_lowest),
        "gap_to_lowest_pct": text(index.gap_to_lowest_pct),
        "headroom": index.headroom.map(difference),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basket {
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    ours: Option<Figure>,
    market: Option<Figure>,
    weight: Option<Figure>,
}

fn basket(input: &Basket) -> Answer {
    let item = |item: &Item| BasketItem {
        ours: item.ours.map_or(Decimal::ZERO, |price| price.0),
        market: item.market.map_or(Decimal::ZERO, |price| price.0),
        weight: item.weight.map_or(Decimal::ONE, |weight| weight.0),
    };
    let items: Vec<BasketItem> = input.items.iter().map(item).collect();
    let index = basket_index(&items).ok_or_else(|| CaseError::new("no_data", "no product with both prices"))?;
    Ok(json!({
        "basket": text(index.basket),
        "mean_of_indices": text(index.mean_of_indices),
        "geometric": text(index.geometric),
        "no_data": index.no_data,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    products: Vec<Product>,
}

fn share(input: &Share) -> Answer {
    let mut shares = Shares::default();
    for product in &input.products {
        shares.count(position(product.ours.0, &product.offers()));
    }
    Ok(json!({
        "cheapest": shares.cheapest,
        "shared": shares.shared,
        "below_avg": shares.below_average,
        "above_avg": shares.above_average,
        "most_expensive": shares.most_expensive,
        "no_data": shares.no_data,
        "share_cheapest_pct": shares.cheapest_pct().map(text),
        "coverage_pct": shares.coverage_pct().map(text),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elasticity {
    q0: Figure,
    q1: Figure,
    p0: Figure,
    p1: Figure,
}

fn elasticity(input: &Elasticity) -> Answer {
    let arc = arc_elasticity(input.q0.0, input.q1.0, input.p0.0, input.p1.0);
    Ok(json!({ "arc_elasticity": arc.map(text) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ages {
    ages_h: Vec<Figure>,
    sla_h: Figure,
}

fn ages(input: &Ages) -> Answer {
    let ages: Vec<Decimal> = input.ages_h.iter().map(figure).collect();
    let Some(figures) = freshness(&ages, input.sla_h.0) else {
        return Err(CaseError::new("no_data", "no ages"));
    };
    Ok(json!({
        "median_h": text(figures.median),
        "p95_h": text(figures.p95),
        "within_sla_pct": text(figures.within_limit_pct),
    }))
}
