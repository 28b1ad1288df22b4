//! Cases of the rule engine: one product, its offers and rules, and what is decided.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, CaseError, amount, currency, pieces, read, unrounded};
use crate::clock::Millis;
use crate::decide::facts::{
    AppliedVat, Availability, Condition, Facts, LastReference, Lock, Market, OfferFact, Product, Standing, Tax,
};
use crate::decide::fx::{Freshness, FxTable};
use crate::decide::grammar::{Figure, Instant};
use crate::decide::rules::Mode;
use crate::decide::text::{Quoted, Zone};
use crate::decide::{RuleSet, price};
use crate::money::{Currency, Money, decimal};

/// The time of a case that names none.
const DEFAULT_NOW: &str = "2026-11-21T10:00:00+01:00";
/// The age in hours of an offer that names none.
const DEFAULT_AGE_H: i64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    product: ProductInput,
    #[serde(default)]
    offers: Vec<OfferInput>,
    rules: Vec<Value>,
    combine: Option<String>,
    now: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductInput {
    sku: Option<String>,
    currency: String,
    current: Option<String>,
    cost_net: Option<String>,
    vat_pct: Option<Figure>,
    msrp: Option<String>,
    regular: Option<String>,
    map: Option<String>,
    brand: Option<String>,
    category: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    own_stock: Option<i64>,
    own_shipping: Option<String>,
    pack_qty: Option<u32>,
    #[serde(default)]
    locked: bool,
    /// A price set by law, such as a fixed book price.
    #[serde(default)]
    regulated_price: bool,
    #[serde(default)]
    self_ids: Vec<String>,
    last_changed: Option<Instant>,
    #[serde(default)]
    changes_today: u32,
    day_start: Option<String>,
    last_reference: Option<LastReferenceInput>,
    fx: Option<BTreeMap<String, Quoted>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LastReferenceInput {
    value: String,
    age_h: Figure,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferInput {
    competitor: String,
    price: String,
    currency: Option<String>,
    #[serde(default)]
    tax: Tax,
    shipping: Option<String>,
    #[serde(default)]
    availability: Availability,
    #[serde(default)]
    condition: Condition,
    rating: Option<Figure>,
    age_h: Option<Figure>,
    pack_qty: Option<u32>,
    #[serde(default)]
    status: Standing,
}

pub(super) fn answer(inputs: Value) -> Answer {
    let inputs: Inputs = read(inputs)?;
    let (now, zone) = local_time(inputs.now.as_deref().unwrap_or(DEFAULT_NOW))?;
    let rules = rule_set(inputs.rules, inputs.combine)?;
    let currency = currency(&inputs.product.currency)?;
    let offers: Result<Vec<_>, _> = inputs.offers.into_iter().map(|offer| self::offer(offer, currency, now)).collect();
    let facts = facts(inputs.product, offers?, currency, zone, now)?;
    let decision = price(&facts, &rules, now);
    let flags: Vec<&str> = decision.flags.iter().map(|flag| flag.as_str()).collect();
    Ok(json!({
        "outcome": decision.outcome.as_str(),
        "price": decision.price.map(amount),
        "reference": decision.reference.map(|value| unrounded(value, currency)),
        "flags": flags,
        "rule": decision.rule,
        "floor": decision.floor.map(amount),
        "ceiling": decision.ceiling.map(amount),
    }))
}

/// An instant and the zone of its offset: a case has no other local time.
fn local_time(text: &str) -> Result<(Timestamp, Zone), CaseError> {
    let pieces = Pieces::parse(text).map_err(CaseError::malformed)?;
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    Ok((text.parse().map_err(CaseError::malformed)?, Zone(TimeZone::fixed(offset))))
}

fn rule_set(rules: Vec<Value>, combine: Option<String>) -> Result<RuleSet, CaseError> {
    let rules = rules.into_iter().zip(0..).map(|(rule, index)| as_toml(rule, &format!("rules[{index}]")));
    let rules: Vec<toml::Value> = rules.collect::<Result<_, _>>()?;
    if rules.len() > 1 && rules.iter().any(|rule| rule.get("id").is_none()) {
        return Err(CaseError::malformed("rules: each of several rules needs an id, which breaks ties"));
    }
    let mut table = toml::Table::from_iter([("rule".to_owned(), toml::Value::Array(rules))]);
    table.extend(combine.map(|combine| ("combine".to_owned(), toml::Value::String(combine))));
    let (mut rules, _) = RuleSet::from_table(table, Mode::Auto).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        CaseError::new("invalid_rules", errors.join("\n"))
    })?;
    // A case has one market without a name, so a rule's markets can exclude nothing.
    for rule in &mut rules.rules {
        rule.markets.clear();
    }
    Ok(rules)
}

/// JSON as TOML, which has no null: a key that is null is a key that is not there, but an element that is null is not
/// nothing, and dropping it could drop a floor.
fn as_toml(value: Value, path: &str) -> Result<toml::Value, CaseError> {
    Ok(match value {
        Value::Null => return Err(CaseError::malformed(format!("{path}: null stands for nothing in a list"))),
        Value::Bool(flag) => toml::Value::Boolean(flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => toml::Value::Integer(number),
            (None, Some(number)) => toml::Value::Float(number),
            (None, None) => return Err(CaseError::malformed(format!("{path}: {number} is out of range"))),
        },
        Value::String(text) => toml::Value::String(text),
        Value::Array(list) => {
            let list = list.into_iter().zip(0..).map(|(value, index)| as_toml(value, &format!("{path}[{index}]")));
            toml::Value::Array(list.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let given = map.into_iter().filter(|(_, value)| !value.is_null());
            let read = given.map(|(key, value)| Ok((key.clone(), as_toml(value, &format!("{path}.{key}"))?)));
            toml::Value::Table(read.collect::<Result<_, CaseError>>()?)
        }
    })
}

fn ago(now: Timestamp, Figure(hours): Figure) -> Result<Millis, CaseError> {
    if hours.is_sign_negative() && !hours.is_zero() {
        return Err(CaseError::malformed(format!("an age of {hours} hours")));
    }
    let age = hours.checked_mul(Millis::HOUR.into()).and_then(|ms| i64::try_from(ms.trunc()).ok());
    let age = age.ok_or_else(|| CaseError::malformed(format!("an age of {hours} hours")))?;
    Ok(Millis::from(now).plus(-age))
}

fn offer(input: OfferInput, market: Currency, now: Timestamp) -> Result<OfferFact, CaseError> {
    let currency = input.currency.as_deref().map_or(Ok(market), currency)?;
    let observed_at = ago(now, input.age_h.unwrap_or(Figure(DEFAULT_AGE_H.into())))?;
    Ok(OfferFact {
        shipping: input.shipping.map(|text| Money::parse(&text, currency)).transpose()?,
        tax: input.tax,
        availability: input.availability,
        condition: input.condition,
        rating: input.rating.map(|figure| figure.0),
        pack_qty: pieces(input.pack_qty)?,
        standing: input.status,
        ..OfferFact::seen(input.competitor, Money::parse(&input.price, currency)?, observed_at)
    })
}

fn facts(
    input: ProductInput,
    offers: Vec<OfferFact>,
    currency: Currency,
    tz: Zone,
    now: Timestamp,
) -> Result<Facts, CaseError> {
    let money = |text: Option<String>| text.map(|text| Money::parse(&text, currency)).transpose();
    let lock = Lock { owner: "case".to_owned(), reason: "locked in the case".to_owned(), until: None };
    let last_reference = input.last_reference.map(|last| {
        let value = decimal(&last.value)?;
        Ok::<_, CaseError>(LastReference { value, at: ago(now, last.age_h)?, rule: None, basis: None })
    });
    Ok(Facts {
        market: Market { map_allowed: true, ..Market::of_country("case", currency, tz) },
        product: Product {
            current: money(input.current)?,
            cost_net: money(input.cost_net)?,
            vat: input.vat_pct.map(|Figure(percent)| AppliedVat { percent, row: None }),
            msrp: money(input.msrp)?,
            regular: money(input.regular)?,
            map: money(input.map)?,
            brand: input.brand,
            category: input.category,
            tags: input.tags,
            own_stock: input.own_stock,
            own_shipping: money(input.own_shipping)?,
            pack_qty: pieces(input.pack_qty)?,
            lock: input.locked.then_some(lock),
            regulated: input.regulated_price,
            last_changed: input.last_changed.map(|Instant(at)| Millis::from(at)),
            changes_today: input.changes_today,
            day_start: money(input.day_start)?,
            last_reference: last_reference.transpose()?,
            ..Product::named(input.sku.unwrap_or_default())
        },
        offers,
        fx: input.fx.map(|rates| FxTable {
            date: now.to_zoned(TimeZone::UTC).date(),
            rates,
            freshness: Freshness::Fresh,
            buffer_pct: 0.into(),
        }),
        own_shops: input.self_ids,
        kill_switch: false,
    })
}
