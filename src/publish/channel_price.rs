//! What one decision costs on one channel: currency, tax view, surcharge, fee-aware floor, ending, net view.
//!
//! The same decision, channel settings, rates and VAT rows always give the same price. Nothing else may have a say, and
//! a channel without settings shows the decision itself.

use rust_decimal::RoundingStrategy;

use crate::decide::bounds::fee_aware_floor;
use crate::decide::fx::{FxError, FxTable};
use crate::decide::quotient::Quotient;
use crate::decide::rounding::{CEILING, DISPLAY, Direction, FLOOR, Grid, PRICE, Rounding, Span};
use crate::decide::rules::{Adjust, ChannelFloor};
use crate::decide::vat;
use crate::money::{Currency, Decimal, Money, MoneyError, WirePrice, exponent};

/// Why a channel has no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelPriceError {
    #[error(
        "margin and fees leave nothing of the price: {0}\n  hint: lower the channel's margin_pct or fees; until then the product is not sellable there"
    )]
    Infeasible(String),
    #[error("channel ceiling {ceiling} is below its floor {floor}\n  hint: raise the ceiling or check the cost")]
    Conflict { floor: Money, ceiling: Money },
    #[error("the channel's settings make {0} of the decision\n  hint: check its `adjust`; a price is never given away")]
    NotPositive(String),
    #[error("{0} % is not a VAT rate\n  hint: check the VAT rows of both markets")]
    Vat(Decimal),
    #[error("the price of the channel needs {0}, which the number range does not hold")]
    OutOfRange(String),
    #[error("{from} is not {to}, and there is no FX table\n  hint: import rates with `omniprice fx import FILE`")]
    NoRates { from: &'static str, to: &'static str },
    #[error(transparent)]
    Fx(#[from] FxError),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// A channel's settings, resolved for one product: everything its price depends on besides decision and rates.
#[derive(Debug, Clone)]
pub struct ChannelView {
    pub currency: Currency,
    /// Added on a converted price, in percent; the ECB's rates are for information only.
    pub fx_buffer_pct: Decimal,
    /// VAT contained in the decision (none in that of a market whose prices are net), and VAT the channel's buyers pay, in
    /// percent; both or neither.
    pub vat_view: Option<(Decimal, Decimal)>,
    pub adjust: Option<Adjust>,
    pub floor: Option<FloorTerms>,
    /// Highest price in major units.
    pub ceiling: Option<Decimal>,
    pub rounding: Option<Rounding>,
    /// The channel takes prices without this VAT (percent).
    pub net_of: Option<Decimal>,
}

impl ChannelView {
    /// The identity in a currency.
    #[must_use]
    pub const fn identity(currency: Currency) -> Self {
        Self {
            currency,
            fx_buffer_pct: Decimal::ZERO,
            vat_view: None,
            adjust: None,
            floor: None,
            ceiling: None,
            rounding: None,
            net_of: None,
        }
    }
}

/// The terms of the channel's floor; amounts in the channel's currency, net of VAT.
#[derive(Debug, Clone, Copy)]
pub struct FloorTerms {
    pub cost_net: Decimal,
    pub fees: ChannelFloor,
    pub vat_pct: Decimal,
}

/// A channel's price with what limited it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPrice {
    /// What buyers see, in the channel's currency.
    pub price: Money,
    /// The same without VAT, for a channel that is sent net prices.
    pub net: Option<NetPrice>,
    pub floor: Option<Money>,
    pub floor_applied: bool,
    pub ceiling_applied: bool,
    /// No allowed ending fits between floor and ceiling.
    pub ending_skipped: bool,
}

impl ChannelPrice {
    /// The same at a higher price.
    ///
    /// # Errors
    /// `Vat` or `OutOfRange`.
    pub(super) fn raised_to(self, price: Money, net_of: Option<Decimal>) -> Result<Self, ChannelPriceError> {
        Ok(Self { price, net: net_of.map(|vat_pct| net_price(price, vat_pct)).transpose()?, ..self })
    }
}

/// A net price with its VAT rate. It has more decimals than money has, so it is no [`Money`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetPrice {
    exact: Decimal,
    vat_pct: Decimal,
    gross: Money,
}

impl NetPrice {
    /// Rounded to the decimals of a channel's price field (RP7).
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn at(&self, decimals: u32) -> Result<WirePrice, MoneyError> {
        WirePrice::rounded(self.exact, decimals, self.gross.currency(), DISPLAY)
    }

    /// What buyers see where the channel adds VAT to the sent net price, if that is not our gross price.
    #[must_use]
    pub fn shown_otherwise(&self, sent: WirePrice) -> Option<Money> {
        let shown = vat::gross_of(sent.amount(), self.vat_pct, self.gross.currency(), DISPLAY).ok()?;
        (shown != self.gross).then_some(shown)
    }
}

/// Computes the price of a decision on a channel, in the declared order: FX with buffer, VAT view, percent, amount,
/// floor and ceiling, ending, net view. Rounded once, at the ending (RP6).
///
/// # Errors
/// `Infeasible`, `Conflict`, `NotPositive`, `Vat`, `NoRates`, `Fx`, `Money` or `OutOfRange`; never a price in place of an error.
pub fn channel_price(
    decision: Money,
    view: &ChannelView,
    rates: Option<&FxTable>,
) -> Result<ChannelPrice, ChannelPriceError> {
    let out_of_range = || ChannelPriceError::OutOfRange(decision.to_string());
    let converted = converted(decision, view, rates)?;
    let adjusted = match view.adjust {
        Some(Adjust { percent, amount }) => converted.adjusted(percent, amount).ok_or_else(out_of_range)?,
        None => converted,
    };
    let x0 = adjusted.value().ok_or_else(out_of_range)?;
    let money = |amount: Decimal, strategy: RoundingStrategy| Money::rounded(amount, view.currency, strategy);
    let floor = floor(view)?;
    if x0 <= Decimal::ZERO && floor.is_none() {
        return Err(ChannelPriceError::NotPositive(format!("{} {}", x0.normalize(), view.currency.code())));
    }
    let ceiling = view.ceiling.map(|ceiling| money(ceiling, CEILING)).transpose()?;
    if let (Some(floor), Some(ceiling)) = (floor, ceiling)
        && floor.minor() > ceiling.minor()
    {
        return Err(ChannelPriceError::Conflict { floor, ceiling });
    }
    let span = Span { low: floor.map_or(1, Money::minor).max(1), high: ceiling.map_or(i64::MAX, Money::minor) };
    let floor_applied = floor.is_some_and(|floor| x0 < floor.amount());
    let ceiling_applied = ceiling.is_some_and(|ceiling| x0 > ceiling.amount());
    let low = Money::from_minor(span.low, view.currency).amount();
    let x1 = if x0 < low { low } else { ceiling.map_or(x0, |ceiling| x0.min(ceiling.amount())) };
    let ending = with_ending(x1, view, span);
    let price = match ending {
        Some(minor) => Money::from_minor(minor, view.currency),
        None => money(x1, PRICE)?,
    };
    Ok(ChannelPrice {
        price,
        net: view.net_of.map(|vat_pct| net_price(price, vat_pct)).transpose()?,
        floor,
        floor_applied,
        ceiling_applied,
        ending_skipped: view.rounding.is_some() && ending.is_none(),
    })
}

fn converted(decision: Money, view: &ChannelView, rates: Option<&FxTable>) -> Result<Quotient, ChannelPriceError> {
    let out_of_range = || ChannelPriceError::OutOfRange(decision.to_string());
    let mut value = Quotient::whole(decision.amount());
    if decision.currency() != view.currency {
        let (from, to) = (decision.currency(), view.currency);
        let table = rates.ok_or(ChannelPriceError::NoRates { from: from.code(), to: to.code() })?;
        let converted = value.times(table.rate(to)?, table.rate(from)?).ok_or_else(out_of_range)?;
        let buffer = table.buffer_pct.checked_add(view.fx_buffer_pct).ok_or_else(out_of_range)?;
        value = converted.adjusted(buffer, Decimal::ZERO).ok_or_else(out_of_range)?;
    }
    if let Some((from, to)) = view.vat_view {
        let factor = |percent| vat::factor(percent).ok_or(ChannelPriceError::Vat(percent));
        value = value.times(factor(to)?, factor(from)?).ok_or_else(out_of_range)?;
    }
    Ok(value)
}

fn floor(view: &ChannelView) -> Result<Option<Money>, ChannelPriceError> {
    let Some(terms) = view.floor else { return Ok(None) };
    let factor = vat::factor(terms.vat_pct).ok_or(ChannelPriceError::Vat(terms.vat_pct))?;
    let infeasible = || {
        let ChannelFloor { fee_pct_of_gross, margin_pct, .. } = terms.fees;
        ChannelPriceError::Infeasible(format!(
            "margin {margin_pct} %, fee {fee_pct_of_gross} %, VAT {} %",
            terms.vat_pct
        ))
    };
    let floor = fee_aware_floor(terms.cost_net, terms.fees, factor).ok_or_else(infeasible)?;
    let value = floor.value().ok_or_else(|| ChannelPriceError::OutOfRange(terms.cost_net.to_string()))?;
    Ok(Some(Money::rounded(value, view.currency, FLOOR)?))
}

fn with_ending(x1: Decimal, view: &ChannelView, span: Span) -> Option<i64> {
    let rounding = view.rounding.as_ref();
    let scaled = Decimal::from(10_i64.checked_pow(exponent(view.currency))?).checked_mul(x1)?;
    match rounding {
        None => Grid::EVERY_UNIT.pick(scaled, span, Direction::Nearest),
        Some(rounding) => Grid::of(rounding.tier(x1)?, view.currency)?.pick(scaled, span, rounding.direction),
    }
}

fn net_price(gross: Money, vat_pct: Decimal) -> Result<NetPrice, ChannelPriceError> {
    let factor = vat::factor(vat_pct).ok_or(ChannelPriceError::Vat(vat_pct))?;
    let exact = gross.amount().checked_div(factor);
    let exact = exact.ok_or_else(|| ChannelPriceError::OutOfRange(gross.to_string()))?;
    Ok(NetPrice { exact, vat_pct, gross })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dkk(text: &str) -> Money {
        Money::parse(text, Currency::DKK).unwrap()
    }

    #[test]
    fn an_adjustment_that_eats_the_price_is_an_error_and_never_a_cent() {
        for (percent, amount) in [("-100", "0"), ("0", "-479.00"), ("-150", "10")] {
            let decimal = |text: &str| crate::money::decimal(text).unwrap();
            let adjust = Some(Adjust { percent: decimal(percent), amount: decimal(amount) });
            let view = ChannelView { adjust, ..ChannelView::identity(Currency::DKK) };
            let result = channel_price(dkk("479.00"), &view, None);
            assert!(matches!(result, Err(ChannelPriceError::NotPositive(_))), "{percent} {amount}: {result:?}");
        }
    }

    #[test]
    fn another_currency_without_rates_is_an_error() {
        let view = ChannelView::identity(Currency::SEK);
        let result = channel_price(dkk("479.00"), &view, None);
        assert!(matches!(result, Err(ChannelPriceError::NoRates { .. })));
    }

    #[test]
    fn two_net_decimals_do_not_give_back_every_gross_price() {
        let view = ChannelView { net_of: Some(Decimal::from(19)), ..ChannelView::identity(Currency::EUR) };
        let gross = Money::parse("9.99", Currency::EUR).unwrap();
        let net = channel_price(gross, &view, None).unwrap().net.unwrap();
        let shown = net.shown_otherwise(net.at(2).unwrap());
        assert_eq!(shown, Some(Money::parse("9.98", Currency::EUR).unwrap()));
        let sent = net.at(4).unwrap();
        assert_eq!((sent.amount().to_string().as_str(), net.shown_otherwise(sent)), ("8.3950", None));
    }

    #[test]
    fn what_limited_a_price_is_said_and_nothing_else() {
        let tier = |ending: i64| Rounding {
            direction: Direction::Nearest,
            tiers: vec![crate::decide::rounding::Tier {
                below: None,
                modulus: Decimal::TEN,
                endings: vec![Decimal::from(ending)],
            }],
        };
        let base = ChannelView::identity(Currency::DKK);
        let price = |view: &ChannelView| channel_price(dkk("479.00"), view, None).unwrap();
        let plain = price(&base);
        assert!(!plain.ending_skipped && !plain.floor_applied && !plain.ceiling_applied && plain.net.is_none());
        let capped = ChannelView { ceiling: Some(Decimal::from(475)), rounding: Some(tier(9)), ..base.clone() };
        let capped = price(&capped);
        assert_eq!((capped.price, capped.ceiling_applied, capped.ending_skipped), (dkk("469.00"), true, false));
        let fees =
            ChannelFloor { fee_pct_of_gross: Decimal::ZERO, fee_fixed_net: Decimal::ZERO, margin_pct: Decimal::ZERO };
        let terms = FloorTerms { cost_net: Decimal::from(474), fees, vat_pct: Decimal::ZERO };
        let narrow = ChannelView { floor: Some(terms), ceiling: Some(Decimal::from(478)), ..base.clone() };
        let narrow = price(&ChannelView { rounding: Some(tier(9)), ..narrow });
        assert_eq!((narrow.price, narrow.ceiling_applied, narrow.ending_skipped), (dkk("478.00"), true, true));
        let exactly = FloorTerms { cost_net: Decimal::from(479), ..terms };
        assert!(!price(&ChannelView { floor: Some(exactly), ..base }).floor_applied);
    }

    #[test]
    fn a_ceiling_below_the_floor_is_no_price() {
        let fees =
            ChannelFloor { fee_pct_of_gross: Decimal::ZERO, fee_fixed_net: Decimal::ZERO, margin_pct: Decimal::TEN };
        let terms = FloorTerms { cost_net: Decimal::from(380), fees, vat_pct: Decimal::from(25) };
        let view = ChannelView {
            floor: Some(terms),
            ceiling: Some(Decimal::from(500)),
            ..ChannelView::identity(Currency::DKK)
        };
        assert!(matches!(channel_price(dkk("479.00"), &view, None), Err(ChannelPriceError::Conflict { .. })));
    }
}
