//! Cases of prior prices: a channel's price history, a planned reduction, and what may be announced.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, CaseError, amount, currency, read};
use crate::decide::grammar::Instant;
use crate::decide::prior::{Audience, LivePrice, Reduction, prior_price};
use crate::decide::prior_rules::zone_of;
use crate::decide::prior_table::of_country;
use crate::money::{Currency, Money, WirePrice};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    country: String,
    currency: String,
    history: Vec<Entry>,
    reduction: ReductionInput,
    #[serde(default)]
    perishable: Option<bool>,
    #[serde(default)]
    campaign_steps: Option<Vec<Instant>>,
    #[serde(rename = "channel")]
    _channel: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    from: Instant,
    price: Option<String>,
    #[serde(default)]
    audience: Audience,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReductionInput {
    start: Instant,
    price: String,
    end: Option<Instant>,
    #[serde(default)]
    kind: Audience,
}

pub(super) fn answer(inputs: Value) -> Answer {
    let inputs: Inputs = read(inputs)?;
    let currency = currency(&inputs.currency)?;
    let zone = zone_of(&inputs.country)
        .ok_or_else(|| CaseError::malformed(format!("`{}` is not a country with a time zone of ours", inputs.country)))?
        .0;
    let history = spans(&inputs.history, currency)?;
    let price = WirePrice::from(Money::parse(&inputs.reduction.price, currency)?);
    if !price.is_positive() {
        return Err(CaseError::malformed(format!("reduction.price: {price} is no price")));
    }
    if inputs.reduction.end.as_ref().is_some_and(|end| end.0 <= inputs.reduction.start.0) {
        return Err(CaseError::malformed("reduction.end: is not after its start"));
    }
    let reduction = Reduction {
        start: inputs.reduction.start.0,
        end: inputs.reduction.end.map(|Instant(end)| end),
        price,
        audience: inputs.reduction.kind,
        perishable: inputs.perishable.unwrap_or(false),
        earlier_steps: inputs.campaign_steps.iter().flatten().map(|Instant(step)| *step).collect(),
    };
    let prior = prior_price(&history, &reduction, &of_country(&inputs.country), &zone);
    let local = |instant: Timestamp| instant.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let mut answer = json!({
        "required": prior.required,
        "prior_price": prior.prior.map(amount),
        "announce": prior.announce,
        "max_percent": prior.max_percent,
        "window_start": prior.window_start.map(local),
        "flags": prior.flags,
    });
    if let (Some(claim), Some(answer)) = (&prior.claim, answer.as_object_mut()) {
        answer.insert("days_at_reference".to_owned(), claim.days_at_reference.into());
        answer.insert("share_of_last_90_days".to_owned(), claim.share_of_last_90_days.into());
        answer.insert("offer_days".to_owned(), claim.offer_days.into());
        answer.insert("age_of_reference".to_owned(), claim.age_of_reference.into());
    }
    Ok(answer)
}

/// A case lists changes: each price lasts until the next change for the same audience; null ends it, and where the public
/// can no longer buy, nobody can.
fn spans(entries: &[Entry], currency: Currency) -> Result<Vec<LivePrice>, CaseError> {
    let mut spans = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(price) = &entry.price else { continue };
        let closes = |other: &Entry| other.price.is_none() && other.audience == Audience::Public;
        let ends = |other: &&Entry| other.from.0 > entry.from.0 && (other.audience == entry.audience || closes(other));
        let until = entries.iter().filter(ends).map(|other| other.from.0).min();
        let price = WirePrice::from(Money::parse(price, currency)?);
        spans.push(LivePrice { from: entry.from.0, until, price, audience: entry.audience });
    }
    Ok(spans)
}
