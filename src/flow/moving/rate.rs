//! The rate at which a product's amounts go into another money, and how a slip in it is noticed.

use anyhow::Context as _;
use rust_decimal::RoundingStrategy;

use crate::app::App;
use crate::decide::fx::FxTable;
use crate::decide::rounding::DISPLAY;
use crate::decide::text::Quoted;
use crate::money::{Currency, Decimal, Money, currency, decimal};
use crate::store::settings;

/// How amounts get into the new money.
#[derive(Debug, Clone)]
pub enum Rate {
    /// `1 EUR = 7.46 DKK`: an official fixed rate.
    Fixed { one: Currency, other: Currency, rate: Decimal },
    /// The newest stored rates, as published.
    Recorded(FxTable),
}

impl Rate {
    /// Reads `1 EUR = 7.46 DKK`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let ["1", one, "=", rate, other] = words[..] else { return None };
        let (one, other) = (currency(one).ok()?, currency(other).ok()?);
        let rate = decimal(rate).ok().filter(|rate| *rate > Decimal::ZERO)?;
        (one != other).then_some(Self::Fixed { one, other, rate })
    }

    /// An amount in another money, not rounded; none where the rate is of other currencies.
    pub(super) fn convert(&self, amount: Decimal, from: Currency, to: Currency) -> Option<Decimal> {
        match self {
            Self::Fixed { one, other, rate } if (*one, *other) == (from, to) => amount.checked_mul(*rate),
            Self::Fixed { one, other, rate } if (*other, *one) == (from, to) => amount.checked_div(*rate),
            Self::Fixed { .. } => None,
            Self::Recorded(table) => table.convert(amount, from, to).ok(),
        }
    }

    /// Whether it says anything about these two currencies.
    pub(super) fn is_between(&self, from: Currency, to: Currency) -> bool {
        match self {
            Self::Fixed { one, other, .. } => (*one, *other) == (from, to) || (*other, *one) == (from, to),
            Self::Recorded(_) => true,
        }
    }

    /// Minor units in another money, rounded once.
    pub(super) fn brought(&self, minor: i64, from: Currency, to: Currency) -> Option<i64> {
        let amount = self.convert(Money::from_minor(minor, from).amount(), from, to)?;
        Money::rounded(amount, to, DISPLAY).ok().map(Money::minor)
    }

    /// What the stored rates say instead, where a given one is so far from them that it is a slip: turned round, or a
    /// digit too many.
    pub(super) fn slip(&self, stored: &FxTable) -> Option<String> {
        const TIMES: i64 = 2;
        let Self::Fixed { one, other, rate } = self else { return None };
        let known = stored.convert(Decimal::ONE, *one, *other).ok().filter(|known| *known > Decimal::ZERO)?;
        let (low, high) = if *rate < known { (*rate, known) } else { (known, *rate) };
        let far = low.checked_mul(Decimal::from(TIMES)).is_none_or(|twice| twice < high);
        far.then(|| {
            format!(
                "--rate 1 {} = {} {}: by the stored rates of {} it is {}\nhint: look which of the two is the larger, or --rate recorded",
                one.code(),
                rate.normalize(),
                other.code(),
                stored.date,
                known.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero).normalize()
            )
        })
    }

    pub(super) fn told(&self) -> String {
        match self {
            Self::Fixed { .. } => format!("at {}", self.text()),
            Self::Recorded(table) => format!("at the recorded rates of {}", table.date),
        }
    }

    /// As it is given to `--rate`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Fixed { one, other, rate } => format!("1 {} = {} {}", one.code(), rate.normalize(), other.code()),
            Self::Recorded(_) => "recorded".to_owned(),
        }
    }
}

/// The stored rates that a given one is compared with, of any age: a currency that gave way to another is published no more.
/// None where there is no rate of one of the two.
pub(super) async fn measure(app: &App, rate: &Rate, stored: Option<&FxTable>) -> anyhow::Result<Option<FxTable>> {
    let Rate::Fixed { one, other, .. } = rate else { return Ok(stored.cloned()) };
    let Some(mut table) = stored.cloned() else { return Ok(None) };
    for own in [*one, *other] {
        if table.rate(own).is_ok() {
            continue;
        }
        let Some(row) = settings::newest_rate(&app.db, own.code(), &table.date.to_string()).await? else {
            return Ok(None);
        };
        // What is told of is the older of the two.
        table.date = row.day.parse().with_context(|| format!("stored rates of {}", row.day))?;
        table.rates.insert(row.currency, Quoted(decimal(&row.rate)?));
    }
    Ok(Some(table))
}
