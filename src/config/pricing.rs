//! The sections about deciding: guardrails around observations and runs, tax, and exchange rates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Config, Mode, Observe, Percent, Problem, Span, problem};
use crate::decide::country;
use crate::decide::prior_table::PriorRow;
use crate::decide::release::ReleaseParams;
use crate::decide::rivalry::RivalryParams;
use crate::decide::run_gate::RunParams;
use crate::decide::vat::{OnVatChange, VatRow, VatTable};
use crate::decide::war_response::{HOLD_MS, WarResponse};
use crate::observe::breaker::BatchParams;
use crate::observe::gate::GateParams;
use crate::observe::war::WarParams;

/// What of the configuration decides about prices, as decisions cite it: limits and thresholds, no addresses, no people and
/// no secrets.
#[derive(Debug, Clone, Serialize)]
pub struct Deciding<'a> {
    pub mode: Mode,
    pub observe: &'a Observe,
    pub release: &'a ReleaseParams,
    pub guards: &'a Guards,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prior_price: &'a BTreeMap<String, PriorRow>,
}

/// As much of a stored [`Deciding`] as the release layer needs to be asked again.
#[derive(Debug, Clone, Deserialize)]
pub struct Cited {
    pub mode: Mode,
    pub release: ReleaseParams,
}

impl Config {
    /// What of it decides about prices.
    #[must_use]
    pub const fn deciding(&self) -> Deciding<'_> {
        Deciding {
            mode: self.mode,
            observe: &self.observe,
            release: &self.release,
            guards: &self.guards,
            prior_price: &self.prior_price,
        }
    }
}

/// `[guards]`: what stands before the engine (single observations, whole crawls) and what watches it over time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guards {
    pub gate: GateParams,
    pub crawl: BatchParams,
    pub run: RunParams,
    pub rivalry: Rivalry,
}

/// `[guards.rivalry]`: when we and a competitor chase each other, and what then.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rivalry {
    /// Alternating cuts without a raise that make a war, within `within`, once our price fell by so many percent.
    pub least_alternations: usize,
    pub least_own_drop_pct: Percent,
    pub within: Span,
    pub response: WarResponse,
    /// How long an answer stands before the normal rule is tried again.
    pub hold: Span,
    /// A rise of ours beyond this in `own_rise_within`, without a change of cost, stops further raises.
    pub own_rise_pct: Percent,
    pub own_rise_within: Span,
    /// Returns to the price before last within a day that freeze a product.
    pub flip_flops: usize,
}

impl Rivalry {
    /// The same as the pure functions take it.
    #[must_use]
    pub const fn params(&self) -> RivalryParams {
        RivalryParams {
            war: self.war(),
            response: self.response,
            hold_ms: self.hold.0,
            own_rise_pct: self.own_rise_pct.0,
            own_rise_within_ms: self.own_rise_within.0,
            flip_flops: self.flip_flops,
        }
    }

    /// The part that the detection of wars needs.
    #[must_use]
    pub const fn war(&self) -> WarParams {
        WarParams {
            least_alternations: self.least_alternations,
            least_own_drop_pct: self.least_own_drop_pct.0,
            within_ms: self.within.0,
        }
    }
}

impl Guards {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let hold = self.rivalry.hold;
        if !HOLD_MS.contains(&hold.0) {
            let what = format!("{hold} is not between {} and {}", Span(*HOLD_MS.start()), Span(*HOLD_MS.end()));
            problems.push(problem("guards.rivalry.hold", &what, "\"24h\": a day, then the normal rule is tried again"));
        }
    }
}

/// `[vat]`: own rates in place of shipped ones, and what a new rate does to prices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vat {
    pub rates: Vec<VatRow>,
    pub on_change: OnVatChange,
    /// By country (`SE`) or country and class (`SE/food`); the more exact one counts.
    pub on_change_in: BTreeMap<String, OnVatChange>,
}

impl Vat {
    /// What a change of a rate does to the prices of a class.
    #[must_use]
    pub fn on_change(&self, country: &str, class: &str) -> OnVatChange {
        let exact = self.on_change_in.get(&format!("{country}/{class}"));
        exact.or_else(|| self.on_change_in.get(country)).copied().unwrap_or(self.on_change)
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if let Err(error) = VatTable::new(self.rates.clone()) {
            problems.push(problem("vat.rates", &error.to_string(), "compare with the rows of config/vat.toml"));
        }
        for key in self.on_change_in.keys() {
            if let Some(hint) = country::unknown(key.split('/').next().unwrap_or(key)) {
                let what = format!("`{}` is neither a country nor country/class", key.escape_debug());
                problems.push(problem("vat.on_change_in", &what, &format!("\"SE\" or \"SE/food\"; {hint}")));
            }
        }
        for row in &self.rates {
            if let Some(hint) = country::unknown(&row.country) {
                let what = format!("`{}` is no country", row.country.escape_debug());
                problems.push(problem("vat.rates", &what, &hint));
            }
        }
    }
}

/// `[fx]`: where exchange rates come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fx {
    pub fetch: FxFetch,
    pub url: String,
    pub retry_every: Span,
    pub timeout: Span,
    /// Added on prices of ours that are derived from a rate.
    pub buffer_pct: Percent,
    /// Derived prices follow a rate only when it moved this far since it was used last.
    pub reprice_above_pct: Percent,
}

/// Whether rates are fetched by schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FxFetch {
    /// When a channel or a competitor has another currency than its market.
    Auto,
    On,
    Off,
}

impl Fx {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let safe = url::Url::parse(&self.url).is_ok_and(|url| {
            url.scheme() == "https" || url.scheme() == "http" && url.host_str().is_some_and(super::is_loopback)
        });
        if !safe {
            let what = format!("`{}` is not an https URL", self.url);
            problems.push(problem("fx.url", &what, "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"));
        }
        if self.retry_every.0 < crate::clock::Millis::MINUTE {
            problems.push(problem("fx.retry_every", "is shorter than a minute", "\"30m\" is polite"));
        }
    }
}
