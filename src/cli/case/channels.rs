//! Cases of channels: the price on a channel, the order of updates, the fence, the state of a listing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::tax::{money, rounding, table};
use super::{Answer, CaseError, amount, currency, read, take_key};
use crate::clock::Millis;
use crate::decide::facts::Tax;
use crate::decide::grammar::{Figure, RoundingText};
use crate::decide::rules::{Adjust, ChannelFloor, Constraint};
use crate::decide::text::Quoted;
use crate::money::{Currency, Decimal, Money};
use crate::publish::channel_price::{ChannelPriceError, ChannelView, FloorTerms, channel_price};
use crate::publish::fence::{Applied, FenceAction, SyncState, fence, sync_state};
use crate::publish::order::{Move, OrderError, waves};

pub(super) fn answer(mut inputs: Value) -> Answer {
    match take_key(&mut inputs, "op").as_deref() {
        Some("price") => price(read(inputs)?),
        Some("order") => order(read(inputs)?),
        Some("fence") => fence_arrivals(&read(inputs)?),
        Some("sync") => sync(read(inputs)?),
        other => Err(CaseError::malformed(format!("unknown op `{}`", other.unwrap_or_default()))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceInput {
    currency: String,
    decision: String,
    rates: Option<BTreeMap<String, Quoted>>,
    channel: ChannelInput,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelInput {
    #[serde(rename = "name")]
    _name: Option<String>,
    currency: Option<String>,
    buffer_pct: Option<Figure>,
    vat_from: Option<Figure>,
    vat_to: Option<Figure>,
    percent: Option<Figure>,
    amount: Option<Quoted>,
    floor: Option<FloorInput>,
    ceiling: Option<Quoted>,
    rounding: Option<RoundingText>,
    #[serde(default)]
    tax: Tax,
    net_vat: Option<Figure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorInput {
    cost_net: Quoted,
    fee_fixed_net: Option<Quoted>,
    fee_pct_of_gross: Option<Figure>,
    margin_pct: Option<Figure>,
    vat_pct: Figure,
}

impl From<ChannelPriceError> for CaseError {
    fn from(error: ChannelPriceError) -> Self {
        let code = match error {
            ChannelPriceError::Money(error) => return error.into(),
            ChannelPriceError::Fx(error) => return error.into(),
            ChannelPriceError::Infeasible(_) => "infeasible",
            ChannelPriceError::Conflict { .. } => "bounds_conflict",
            ChannelPriceError::NoRates { .. } => "missing_rate",
            ChannelPriceError::NotPositive(_) => "not_positive",
            ChannelPriceError::OutOfRange(_) => "out_of_range",
            ChannelPriceError::Vat(_) => Self::MALFORMED,
        };
        Self::new(code, error)
    }
}

fn zero(figure: Option<Figure>) -> Decimal {
    figure.map_or(Decimal::ZERO, |figure| figure.0)
}

fn price(input: PriceInput) -> Answer {
    let home = currency(&input.currency)?;
    let channel = input.channel;
    let net_of = match channel.tax {
        Tax::Gross => None,
        Tax::Net => Some(channel.net_vat.ok_or_else(|| CaseError::malformed("a net channel needs net_vat"))?.0),
    };
    let vat_view = match (channel.vat_from, channel.vat_to) {
        (Some(from), Some(to)) => Some((from.0, to.0)),
        (None, None) => None,
        _ => return Err(CaseError::malformed("vat_from and vat_to: one without the other would count as 0 %")),
    };
    let percent = zero(channel.percent);
    let view = ChannelView {
        currency: channel.currency.as_deref().map_or(Ok(home), currency)?,
        fx_buffer_pct: zero(channel.buffer_pct),
        vat_view,
        adjust: Some(Adjust { percent, amount: channel.amount.map_or(Decimal::ZERO, |Quoted(amount)| amount) }),
        floor: channel.floor.map(|floor| FloorTerms {
            cost_net: floor.cost_net.0,
            fees: ChannelFloor {
                fee_pct_of_gross: zero(floor.fee_pct_of_gross),
                fee_fixed_net: floor.fee_fixed_net.map_or(Decimal::ZERO, |Quoted(fee)| fee),
                margin_pct: zero(floor.margin_pct),
            },
            vat_pct: floor.vat_pct.0,
        }),
        ceiling: channel.ceiling.map(|Quoted(ceiling)| ceiling),
        rounding: channel.rounding.map(rounding).transpose()?,
        net_of,
    };
    let rates = input.rates.map(table);
    let result = channel_price(money(&input.decision, home)?, &view, rates.as_ref())?;
    let shown = match result.net {
        Some(net) => Money::exact(net.at(crate::money::exponent(view.currency))?.amount(), view.currency)?,
        None => result.price,
    };
    Ok(json!({ "price": amount(shown) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderInput {
    channels: BTreeMap<String, (Quoted, Quoted)>,
    #[serde(default)]
    never_below: Vec<(String, String)>,
}

fn order(input: OrderInput) -> Answer {
    let moves = input.channels.into_iter().map(|(id, (Quoted(old), Quoted(new)))| (id, Move { old, new })).collect();
    let constraints: Vec<Constraint> = input
        .never_below
        .into_iter()
        .map(|never_below| Constraint { never_below, best_effort_after_ms: None })
        .collect();
    match waves(&moves, &constraints) {
        Ok(waves) => Ok(json!({ "waves": waves })),
        Err(error @ OrderError::Cycle(_)) => Err(CaseError::new("cycle", error)),
        Err(error @ OrderError::TooMany(_)) => Err(CaseError::malformed(error)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FenceInput {
    arrivals: Vec<Arrival>,
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrival {
    version: i64,
    price: String,
}

/// Cases of fence and state need not name a currency; then the decimals that their prices have decide.
fn case_currency<'a>(code: Option<&str>, prices: impl Iterator<Item = &'a String>) -> Result<Currency, CaseError> {
    let decimals = prices.map(|price| price.split_once('.').map_or(0, |(_, decimals)| decimals.len())).max();
    let by_decimals = match decimals {
        Some(0) => Currency::JPY,
        Some(3) => Currency::KWD,
        _ => Currency::EUR,
    };
    code.map_or(Ok(by_decimals), currency)
}

fn fence_arrivals(input: &FenceInput) -> Answer {
    let currency = case_currency(input.currency.as_deref(), input.arrivals.iter().map(|arrival| &arrival.price))?;
    let mut last = None;
    let mut actions = Vec::with_capacity(input.arrivals.len());
    for arrival in &input.arrivals {
        let arriving = Applied { version: arrival.version, price: money(&arrival.price, currency)? };
        let action = fence(last, arriving);
        if action == FenceAction::Apply {
            last = Some(arriving);
        }
        actions.push(action.as_str());
    }
    Ok(json!({
        "actions": actions,
        "live": last.map(|last| amount(last.price)),
        "version": last.map(|last| last.version),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncInput {
    f: BTreeMap<String, String>,
    live: Option<String>,
    minutes_since_latest: Figure,
    #[serde(rename = "T_minutes")]
    t_minutes: Figure,
    currency: Option<String>,
}

fn sync(input: SyncInput) -> Answer {
    let currency = case_currency(input.currency.as_deref(), input.f.values().chain(&input.live))?;
    let mut by_version: BTreeMap<i64, Money> = BTreeMap::new();
    for (version, price) in &input.f {
        by_version.insert(version.parse().map_err(CaseError::malformed)?, money(price, currency)?);
    }
    let live = input.live.as_deref().map(|live| money(live, currency)).transpose()?;
    let ms = |Figure(minutes): Figure| {
        let ms = minutes.checked_mul(Millis::MINUTE.into()).and_then(|ms| i64::try_from(ms.trunc()).ok());
        ms.ok_or_else(|| CaseError::malformed(format!("{minutes} minutes")))
    };
    let state = sync_state(&by_version, live, ms(input.minutes_since_latest)?, ms(input.t_minutes)?);
    let live_version = match state {
        SyncState::Propagating { live_version } | SyncState::Late { live_version } => Some(live_version),
        SyncState::InSync => by_version.last_key_value().map(|(version, _)| *version),
        SyncState::Drifted | SyncState::Unreachable => None,
    };
    Ok(json!({ "state": state.as_str(), "live_version": live_version }))
}
