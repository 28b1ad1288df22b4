//! Cases of observed prices: one observation, one crawl, one run, a price war, a spiral.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, CaseError, amount, read, take_key};
use crate::clock::Millis;
use crate::decide::breaker::{RunTotals, RunVerdict, judge_run};
use crate::decide::grammar::Figure;
use crate::decide::rounding::DISPLAY;
use crate::decide::rules::RunBreaker;
use crate::decide::text::Quoted;
use crate::money::{self, Decimal};
use crate::observe::breaker::{Batch, BatchParams, BatchVerdict, judge_batch};
use crate::observe::gate::{GateParams, Known, Marker, Refetch, Sighting, TaxLabel, judge};
use crate::observe::war::{PriceMove, WarParams, spiral, war};
use crate::observe::zscore::Log;

/// What a case of a war calls our own shop.
const OURS: &str = "us";

pub(super) fn answer(mut inputs: Value) -> Answer {
    match take_key(&mut inputs, "kind").as_deref() {
        None | Some("observation") => {
            // A currency that is null was looked for and not found; one that is absent was not in question.
            let unknown = inputs.get("currency").is_some_and(Value::is_null);
            observation(read(inputs)?, unknown)
        }
        Some("site_batch") => site_batch(&read(inputs)?),
        Some("run_breaker") => run_breaker(&read(inputs)?),
        Some("war") => price_war(&read(inputs)?),
        Some("spiral") => cycle(&read(inputs)?),
        Some(other) => Err(CaseError::malformed(format!("unknown kind `{other}`"))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Observation {
    price: Quoted,
    history: Vec<Quoted>,
    expected_currency: Option<String>,
    currency: Option<String>,
    vat_pct: Option<Figure>,
    marker: Option<Marker>,
    tax_label: Option<TaxLabel>,
    pack_qty: Option<u32>,
    #[serde(default)]
    refetch: Vec<RefetchInput>,
    #[serde(default)]
    others: Vec<Quoted>,
    #[serde(default)]
    others_log_moves: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefetchInput {
    after_min: Figure,
    price: Quoted,
}

fn observation(input: Observation, unknown_currency: bool) -> Answer {
    let expected = input.expected_currency.as_deref().map(money::currency).transpose()?;
    let amounts = |list: Vec<Quoted>| -> Vec<Decimal> { list.into_iter().map(|Quoted(amount)| amount).collect() };
    let net = input.tax_label == Some(TaxLabel::Excl) || input.marker == Some(Marker::Net);
    if net && input.vat_pct.is_none() {
        return Err(CaseError::malformed("vat_pct: is needed to compare a price without VAT"));
    }
    let (history, others) = (amounts(input.history), amounts(input.others));
    if history.iter().chain(&others).any(|price| *price <= Decimal::ZERO) {
        return Err(CaseError::malformed("history, others: a price that is not positive was never accepted"));
    }
    let mut refetches = Vec::with_capacity(input.refetch.len());
    for RefetchInput { after_min: Figure(minutes), price } in input.refetch {
        let after = minutes.checked_mul(Millis::MINUTE.into()).and_then(|ms| i64::try_from(ms.trunc()).ok());
        let after_ms = after.ok_or_else(|| CaseError::malformed(format!("{minutes} minutes")))?;
        refetches.push(Refetch { after_ms, amount: price.0 });
    }
    refetches.sort_by_key(|refetch| refetch.after_ms);
    let sighting = Sighting {
        amount: input.price.0,
        currency: match input.currency.as_deref() {
            Some(code) => money::currency(code).ok(),
            None => expected.filter(|_| !unknown_currency),
        },
        marker: input.marker,
        tax_label: input.tax_label,
        pack_qty: super::pieces(input.pack_qty)?,
        refetches,
    };
    let known = Known {
        currency: expected,
        vat_pct: input.vat_pct.map_or(Decimal::ZERO, |figure| figure.0),
        history,
        others,
        others_moved: input.others_log_moves.into_iter().map(Log).collect(),
    };
    let verdict = judge(&sighting, &known, &GateParams::default());
    Ok(json!({
        "status": verdict.status,
        "reason": verdict.reason,
        "z": verdict.z,
        "comparable": verdict.comparable.map(amount),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteBatch {
    checked: u32,
    suspect: u32,
    same_price_max: u32,
    turned_out_of_stock: u32,
}

fn site_batch(input: &SiteBatch) -> Answer {
    let batch = Batch {
        checked: input.checked,
        suspect: input.suspect,
        same_price: input.same_price_max,
        newly_sold_out: input.turned_out_of_stock,
    };
    let verdict = judge_batch(&batch, &BatchParams::default());
    let status = if verdict == BatchVerdict::WithinLimits { "ok" } else { "suspend_competitor" };
    Ok(json!({ "status": status, "reason": verdict }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    products: u32,
    changes: u32,
    avg_change_pct: Figure,
}

fn run_breaker(input: &Run) -> Answer {
    let totals = RunTotals { products: input.products, changes: input.changes, avg_change_pct: input.avg_change_pct.0 };
    let verdict = judge_run(&totals, &RunBreaker::default());
    let status = if verdict == RunVerdict::WithinLimits { "ok" } else { "hold_run" };
    Ok(json!({ "status": status, "reason": verdict }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WarInput {
    moves: Vec<(String, Quoted, Quoted)>,
}

/// A war is one with one competitor: each is judged against us alone, and the fiercest is told.
fn price_war(input: &WarInput) -> Answer {
    let rivals: BTreeSet<&str> = input.moves.iter().map(|(who, ..)| who.as_str()).filter(|who| *who != OURS).collect();
    let judged = |rival: Option<&str>| {
        let concerns = |who: &str| who == OURS || Some(who) == rival;
        let moves = input.moves.iter().filter(|(who, ..)| concerns(who));
        let moves: Vec<PriceMove> =
            moves.map(|(who, from, to)| PriceMove { ours: who == OURS, from: from.0, to: to.0, at: None }).collect();
        war(&moves, &WarParams::default())
    };
    let fiercest = rivals.into_iter().map(|rival| judged(Some(rival)));
    let war = fiercest.max_by_key(|war| (war.is_war, war.alternations)).unwrap_or_else(|| judged(None));
    Ok(json!({
        "status": if war.is_war { "price_war" } else { "normal" },
        "alternations": war.alternations,
        "own_drop_pct": war.own_drop_pct.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpiralInput {
    our_multiplier: Figure,
    their_multiplier: Figure,
}

fn cycle(input: &SpiralInput) -> Answer {
    let found = spiral(input.our_multiplier.0, input.their_multiplier.0);
    let (factor, direction) = found.ok_or_else(|| CaseError::new("out_of_range", "the cycle factor"))?;
    let mut factor = factor.round_dp_with_strategy(6, DISPLAY);
    factor.rescale(6);
    Ok(json!({ "status": direction, "cycle_factor": factor.to_string() }))
}
