//! Cases of money: VAT, cash totals, FX, minor units, endings, floors, margins, unit prices, staleness of rates.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rust_decimal::RoundingStrategy;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, CaseError, amount, currency, read, take_key};
use crate::decide::bounds::fee_aware_floor;
use crate::decide::check::Report;
use crate::decide::check_amounts;
use crate::decide::fx::{self, Freshness, FxError, FxTable};
use crate::decide::grammar::{Figure, Instant, RoundingText};
use crate::decide::rounding::{DISPLAY, FLOOR, Grid, Rounding, Span, cash_total};
use crate::decide::rules::ChannelFloor;
use crate::decide::target_days::ClosingDays;
use crate::decide::text::{self, Quoted};
use crate::decide::vat::{self, Split, VatError, VatRow, VatTable};
use crate::money::{Currency, Decimal, Money, exponent};
use crate::report::metrics::shown;

pub(super) fn answer(mut inputs: Value) -> Answer {
    match take_key(&mut inputs, "op").as_deref() {
        Some("gross_from_net") => gross_from_net(&read(inputs)?),
        Some("net_from_gross") => net_from_gross(&read(inputs)?),
        Some("roundtrip") => roundtrip(&read(inputs)?),
        Some("receipt_vat") => receipt_vat(read(inputs)?),
        Some("cash_round") => cash_round(&read(inputs)?),
        Some("fx") => convert(read(inputs)?),
        Some("to_minor") => to_minor(&read(inputs)?),
        Some("from_minor") => from_minor(&read(inputs)?),
        Some("ending") => ending(read(inputs)?),
        Some("floor_price") => floor_price(&read(inputs)?),
        Some("margin") => margin(&read(inputs)?),
        Some("unit_price") => unit_price(&read(inputs)?),
        Some("fx_staleness") => fx_staleness(read(inputs)?),
        Some("vat_at") => vat_at(read(inputs)?),
        other => Err(CaseError::malformed(format!("unknown op `{}`", other.unwrap_or_default()))),
    }
}

impl From<VatError> for CaseError {
    fn from(error: VatError) -> Self {
        match error {
            VatError::Money(error) => error.into(),
            VatError::Missing { .. } => Self::new("no_rate", error),
            VatError::Row { .. } | VatError::Syntax(_) => Self::malformed(error),
        }
    }
}

impl From<FxError> for CaseError {
    fn from(error: FxError) -> Self {
        match error {
            FxError::Missing { .. } => Self::new("missing_rate", error),
            FxError::OutOfRange(_) => Self::new("out_of_range", error),
        }
    }
}

fn out_of_range(what: &str) -> CaseError {
    CaseError::new("out_of_range", format!("{what} leaves the number range"))
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    HalfUp,
    HalfEven,
}

impl Mode {
    const fn strategy(self) -> RoundingStrategy {
        match self {
            Self::HalfUp => DISPLAY,
            Self::HalfEven => RoundingStrategy::MidpointNearestEven,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetInput {
    net: Quoted,
    vat_pct: Figure,
    currency: String,
    #[serde(default)]
    mode: Mode,
}

fn gross_from_net(input: &NetInput) -> Answer {
    let currency = currency(&input.currency)?;
    let gross = vat::gross_of(input.net.0, input.vat_pct.0, currency, input.mode.strategy())?;
    let vat = gross.amount().checked_sub(input.net.0).ok_or_else(|| out_of_range("the VAT"))?;
    Ok(json!({ "gross": amount(gross), "vat": amount(Money::rounded(vat, currency, input.mode.strategy())?) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrossInput {
    gross: String,
    vat_pct: Figure,
    currency: String,
    #[serde(default)]
    mode: Mode,
}

impl GrossInput {
    fn split(&self) -> Result<Split, CaseError> {
        let gross = Money::parse(&self.gross, currency(&self.currency)?)?;
        Ok(vat::split_gross(gross, self.vat_pct.0, self.mode.strategy())?)
    }
}

fn net_from_gross(input: &GrossInput) -> Answer {
    let split = input.split()?;
    Ok(json!({ "net": amount(split.net), "vat": amount(split.vat) }))
}

fn roundtrip(input: &GrossInput) -> Answer {
    let Split { net, gross, .. } = input.split()?;
    let again = vat::gross_of(net.amount(), input.vat_pct.0, net.currency(), input.mode.strategy())?;
    Ok(json!({ "net": amount(net), "gross_again": amount(again), "equal": again == gross }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptInput {
    lines_gross: Vec<String>,
    vat_pct: Figure,
    currency: String,
    #[serde(default)]
    mode: Mode,
}

fn receipt_vat(input: ReceiptInput) -> Answer {
    let currency = currency(&input.currency)?;
    let (mut per_line, mut total) = (Money::from_minor(0, currency), Money::from_minor(0, currency));
    for line in &input.lines_gross {
        let gross = Money::parse(line, currency)?;
        per_line = per_line.checked_add(vat::tax_within(gross, input.vat_pct.0, input.mode.strategy())?)?;
        total = total.checked_add(gross)?;
    }
    let on_total = vat::tax_within(total, input.vat_pct.0, input.mode.strategy())?;
    Ok(json!({ "vat_per_line": amount(per_line), "vat_on_total": amount(on_total), "total": amount(total) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CashInput {
    currency: String,
    increment: Quoted,
    total: String,
}

fn cash_round(input: &CashInput) -> Answer {
    let total = Money::parse(&input.total, currency(&input.currency)?)?;
    let rounded = cash_total(total.amount(), input.increment.0);
    let rounded = rounded.ok_or_else(|| CaseError::malformed("an increment is positive"))?;
    let cash = Money::exact(rounded, total.currency())?;
    Ok(json!({ "cash_total": amount(cash), "rounding": amount(cash.checked_sub(total)?) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FxInput {
    amount: Quoted,
    from: String,
    to: String,
    rates: BTreeMap<String, Quoted>,
    buffer_pct: Option<Figure>,
}

/// A table of the rates that a case gives.
pub(super) fn table(rates: BTreeMap<String, Quoted>) -> FxTable {
    FxTable { date: Date::default(), rates, freshness: Freshness::Fresh, buffer_pct: Decimal::ZERO }
}

fn convert(input: FxInput) -> Answer {
    let (from, to) = (currency(&input.from)?, currency(&input.to)?);
    let buffer = input.buffer_pct.map_or(Decimal::ZERO, |figure| figure.0);
    let factor = Decimal::ONE_HUNDRED.checked_add(buffer).ok_or_else(|| out_of_range("the buffer"))?;
    let buffered = input.amount.0.checked_mul(factor).ok_or_else(|| out_of_range("the amount"))?;
    let converted = table(input.rates).convert(buffered, from, to)? / Decimal::ONE_HUNDRED;
    Ok(json!({ "amount": amount(Money::rounded(converted, to, DISPLAY)?) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToMinorInput {
    amount: String,
    currency: String,
}

fn to_minor(input: &ToMinorInput) -> Answer {
    let currency = currency(&input.currency)?;
    let money = Money::parse(&input.amount, currency)?;
    // Elsewhere zeros beyond the currency's decimals are harmless; a text is judged by what it says.
    let decimals = input.amount.trim().rsplit_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals > exponent(currency) as usize {
        return Err(CaseError::new("too_many_decimals", format!("{} in {}", input.amount, currency.code())));
    }
    Ok(json!({ "minor": money.minor() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FromMinorInput {
    minor: i64,
    currency: String,
}

fn from_minor(input: &FromMinorInput) -> Answer {
    Ok(json!({ "amount": amount(Money::from_minor(input.minor, currency(&input.currency)?)) }))
}

/// The price endings of a case, checked like those of a rule file.
pub(super) fn rounding(text: RoundingText) -> Result<Rounding, CaseError> {
    let mut report = Report::default();
    let rounding = check_amounts::rounding(text, "rounding", &mut report);
    match (rounding, report.errors.first()) {
        (Some(rounding), None) => Ok(rounding),
        (_, error) => Err(CaseError::new("invalid_rounding", error.map(ToString::to_string).unwrap_or_default())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndingInput {
    x: Quoted,
    currency: String,
    rounding: RoundingText,
    min: Option<Quoted>,
    max: Option<Quoted>,
}

fn ending(input: EndingInput) -> Answer {
    let currency = currency(&input.currency)?;
    let rounding = rounding(input.rounding)?;
    let scale = Decimal::from(10_i64.pow(exponent(currency)));
    let minor = |value: Decimal, strategy: RoundingStrategy| {
        let scaled = value.checked_mul(scale).map(|scaled| scaled.round_dp_with_strategy(0, strategy));
        scaled.and_then(|scaled| i64::try_from(scaled).ok()).ok_or_else(|| out_of_range("the price"))
    };
    let low = input.min.map_or(Ok(1), |Quoted(min)| minor(min, RoundingStrategy::ToPositiveInfinity))?;
    let high = input.max.map_or(Ok(i64::MAX), |Quoted(max)| minor(max, RoundingStrategy::ToNegativeInfinity))?;
    let x = input.x.0.checked_mul(scale).ok_or_else(|| out_of_range("the price"))?;
    let grid = rounding.tier(input.x.0).and_then(|tier| Grid::of(tier, currency));
    let point = grid.and_then(|grid| grid.pick(x, Span { low: low.max(1), high }, rounding.direction));
    Ok(json!({ "price": point.map(|minor| amount(Money::from_minor(minor, currency))) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorInput {
    cost_net: Quoted,
    margin_pct: Option<Figure>,
    markup_pct: Option<Figure>,
    fee_pct_of_gross: Option<Figure>,
    fee_fixed_net: Option<Quoted>,
    vat_pct: Figure,
    currency: String,
}

fn floor_price(input: &FloorInput) -> Answer {
    let currency = currency(&input.currency)?;
    let factor = vat::factor(input.vat_pct.0).ok_or_else(|| CaseError::malformed("not a VAT rate"))?;
    let percent = |figure: Option<Figure>| figure.map_or(Decimal::ZERO, |figure| figure.0);
    let fees = ChannelFloor {
        fee_pct_of_gross: percent(input.fee_pct_of_gross),
        fee_fixed_net: input.fee_fixed_net.map_or(Decimal::ZERO, |Quoted(fee)| fee),
        margin_pct: percent(input.margin_pct),
    };
    if input.cost_net.0 <= Decimal::ZERO {
        return Err(CaseError::new("no_cost", "a cost that is not positive is no cost: the floor would be nothing"));
    }
    let shares = [fees.fee_pct_of_gross, fees.fee_fixed_net, fees.margin_pct, percent(input.markup_pct)];
    if shares.iter().any(|share| *share < Decimal::ZERO) {
        return Err(CaseError::malformed("fees, margin and markup cannot be negative: the floor would be below cost"));
    }
    let markup = Decimal::ONE_HUNDRED.checked_add(percent(input.markup_pct));
    let cost = markup.and_then(|markup| input.cost_net.0.checked_mul(markup)?.checked_div(Decimal::ONE_HUNDRED));
    let floor = fee_aware_floor(cost.ok_or_else(|| out_of_range("the cost"))?, fees, factor);
    let floor = floor.ok_or_else(|| CaseError::new("infeasible", "margin and fees leave nothing of the price"))?;
    let value = floor.value().ok_or_else(|| out_of_range("the floor"))?;
    Ok(json!({ "floor": amount(Money::rounded(value, currency, FLOOR)?) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarginInput {
    gross: String,
    vat_pct: Figure,
    cost_net: Quoted,
    currency: String,
}

fn margin(input: &MarginInput) -> Answer {
    let gross = Money::parse(&input.gross, currency(&input.currency)?)?.amount();
    let factor = vat::factor(input.vat_pct.0).ok_or_else(|| CaseError::malformed("not a VAT rate"))?;
    // Both shares are taken of gross figures: VAT is in numerator and divisor alike and cancels out.
    let cost_gross = input.cost_net.0.checked_mul(factor).ok_or_else(|| out_of_range("the cost"))?;
    let profit = gross.checked_sub(cost_gross).and_then(|profit| profit.checked_mul(Decimal::ONE_HUNDRED));
    let of = |whole: Decimal| profit.and_then(|profit| profit.checked_div(whole)).map(|share| shown(share).to_string());
    Ok(json!({ "margin_pct": of(gross), "markup_pct": of(cost_gross) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitInput {
    gross: String,
    content_qty: Figure,
    unit_qty: Figure,
    currency: String,
}

fn unit_price(input: &UnitInput) -> Answer {
    let currency = currency(&input.currency)?;
    let gross = Money::parse(&input.gross, currency)?.amount();
    let value = gross.checked_mul(input.unit_qty.0).and_then(|value| value.checked_div(input.content_qty.0));
    let value = value.ok_or_else(|| CaseError::malformed("a content that can be divided by"))?;
    Ok(json!({ "unit_price": amount(Money::rounded(value, currency, DISPLAY)?) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StalenessInput {
    #[serde(with = "text::date")]
    rate_date: Date,
    now: Instant,
    closing_days: Option<Vec<String>>,
}

fn fx_staleness(input: StalenessInput) -> Answer {
    let closing = match input.closing_days {
        None => ClosingDays::target(),
        Some(days) => {
            let days: Result<BTreeSet<Date>, _> = days.iter().map(|day| day.parse()).collect();
            ClosingDays::Listed(days.map_err(CaseError::malformed)?)
        }
    };
    let staleness = fx::staleness(input.rate_date, input.now.0, &closing);
    Ok(json!({
        "expected_date": staleness.expected.to_string(),
        "missed_publications": staleness.missed,
        "age_days": staleness.age_days,
        "state": staleness.freshness,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VatAtInput {
    #[serde(with = "text::date")]
    date: Date,
    rates: Option<Vec<RateInput>>,
    country: Option<String>,
    class: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateInput {
    #[serde(with = "text::date")]
    from: Date,
    until: Option<String>,
    pct: Quoted,
}

fn vat_at(input: VatAtInput) -> Answer {
    let country = input.country.unwrap_or_else(|| "case".to_owned());
    let class = input.class.unwrap_or_else(|| "standard".to_owned());
    let row = |rate: RateInput| {
        let until = rate.until.map(|until| until.parse()).transpose().map_err(CaseError::malformed)?;
        let (country, class) = (country.clone(), class.clone());
        Ok::<_, CaseError>(VatRow { country, class, from: rate.from, until, percent: rate.pct.0, note: String::new() })
    };
    let table = match input.rates {
        None => VatTable::parse(vat::DEFAULT_ROWS)?,
        Some(rates) => VatTable::new(rates.into_iter().map(row).collect::<Result<_, _>>()?)?,
    };
    Ok(json!({ "vat_pct": table.at(&country, &class, input.date)?.percent.normalize().to_string() }))
}

/// Reads an amount of a case in a currency.
pub(super) fn money(text: &str, currency: Currency) -> Result<Money, CaseError> {
    Ok(Money::parse(text, currency)?)
}
