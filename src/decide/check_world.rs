//! Checks what rules refer to: engine settings, markets, competitors, channels and their order.

use std::collections::BTreeSet;

use crate::clock::Millis;
use crate::decide::check::Report;
use crate::decide::check_amounts::{MAX_MARGIN_PCT, MAX_PCT, adjust, not_negative, percent, rounding};
use crate::decide::country;
use crate::decide::facts::Market;
use crate::decide::grammar::{ChannelText, CompetitorText, ConstraintText, EngineText, MarketText, OnFailure};
use crate::decide::prior::Audience;
use crate::decide::rules::{
    ChannelFloor, ChannelRules, Competitor, Constraint, EngineParams, MarketRules, Mode, RunBreaker,
};
use crate::decide::text::Zone;
use crate::money::{self, Decimal, Money};

/// Countries of the EU and EEA and the United Kingdom, where a supplier's minimum price must never be enforced.
const NO_MAP: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IS", "IT", "LI",
    "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "UK",
];
/// What waits for another channel by best effort waits so long.
const BEST_EFFORT_AFTER_MS: i64 = 30 * Millis::MINUTE;
/// Largest weight of a competitor.
const MAX_WEIGHT: u32 = 1_000;
/// Kinds of channels, as far as a rule file distinguishes them.
const CHANNEL_KINDS: &[&str] = &["shop", "marketplace", "feed", "pos", "shelf_label", "newsletter", "api"];

/// Those of them that anybody sees: they have no prices for members.
pub const SEEN_BY_ALL: &[&str] = &["marketplace", "feed", "shelf_label"];

/// Checks `[engine]`.
pub fn engine(text: &EngineText, report: &mut Report) -> EngineParams {
    let defaults = EngineParams::default();
    let least = if text.allow_below_cost { -99 } else { 0 };
    let markup = text.min_floor_markup_pct.map(|value| {
        let path = "min_floor_markup_pct";
        let value_checked = percent(value, path, least, MAX_PCT, report);
        if value_checked < Decimal::ZERO {
            report.warn("the implicit floor is below cost, because allow_below_cost is set");
        }
        value_checked
    });
    let breaker = text.run_breaker.as_ref().map(|breaker| {
        let defaults = RunBreaker::default();
        let share = breaker
            .max_share_changed
            .map_or(defaults.max_share_changed, |share| not_negative(share, "run_breaker.max_share_changed", report));
        if share > Decimal::ONE {
            report.error("run_breaker.max_share_changed", format!("{share} is above 1"), "a quarter is \"0.25\"");
        }
        let average = breaker.max_avg_change_pct.map_or(defaults.max_avg_change_pct, |average| {
            percent(average, "run_breaker.max_avg_change_pct", 0, MAX_PCT, report)
        });
        RunBreaker {
            max_share_changed: share,
            max_avg_change_pct: average,
            min_products: breaker.min_products.unwrap_or(defaults.min_products),
            min_changes: breaker.min_changes.unwrap_or(defaults.min_changes),
        }
    });
    EngineParams {
        min_floor_markup_pct: markup.unwrap_or(defaults.min_floor_markup_pct),
        ambiguous_priority: text.ambiguous_priority,
        max_offer_age_ms: text.max_offer_age.map_or(defaults.max_offer_age_ms, |span| span.0),
        stale_fx: text.stale_fx,
        run_breaker: breaker.unwrap_or(defaults.run_breaker),
    }
}

/// Checks a `[[market]]`.
pub fn market(text: MarketText, report: &mut Report) -> Option<MarketRules> {
    let currency = text.currency.as_deref().map(money::currency);
    if let Some(Err(error)) = &currency {
        report.error("currency", error.to_string(), "use an ISO 4217 code such as DKK");
    }
    let zone = text.tz.as_deref().map(Zone::parse);
    if let Some(Err(error)) = &zone {
        report.error("tz", error.to_string(), "use an IANA name such as Europe/Copenhagen");
    }
    for (key, missing) in [
        ("id", text.id.is_none()),
        ("country", text.country.is_none()),
        ("currency", currency.is_none()),
        ("tz", zone.is_none()),
    ] {
        if missing {
            report.missing(key, "a market is id, country, currency and tz");
        }
    }
    let price_increment = text.price_increment.map(|increment| {
        let step = not_negative(increment, "price_increment", report);
        let whole = currency
            .as_ref()
            .and_then(|found| found.as_ref().ok())
            .is_none_or(|currency| Money::exact(step, *currency).is_ok_and(Money::is_positive));
        if !whole {
            report.error("price_increment", format!("{step} is no step of prices"), "such as \"1.00\" or \"0.05\"");
        }
        step
    });
    for (key, code) in [("country", &text.country), ("omnibus", &text.omnibus)] {
        if let Some((code, hint)) = code.as_ref().and_then(|code| Some((code, country::unknown(code)?))) {
            report.error(key, format!("`{}` is no country", code.escape_debug()), &hint);
        }
    }
    let country = text.country?;
    let own = currency.as_ref().and_then(|found| found.as_ref().ok()).map(|found| found.code());
    let usual = country::currencies(&country);
    if let (Some(own), Some(first)) = (own, usual.first().filter(|_| own.is_some_and(|own| !usual.contains(&own)))) {
        report.warn(format!("prices in {country} are usually in {first}, and its currency is {own}"));
    }
    if text.map_allowed && NO_MAP.contains(&country.as_str()) {
        report.warn(format!(
            "map_allowed in {country}: enforcing a supplier's minimum price there is resale price maintenance; ask a lawyer"
        ));
    }
    Some(MarketRules {
        market: Market {
            id: text.id?,
            currency: currency?.ok()?,
            tax: text.tax,
            tz: zone?.ok()?,
            map_allowed: text.map_allowed,
            country: country.clone(),
            price_increment,
        },
        vat_class: text.vat.unwrap_or_else(|| "standard".to_owned()),
        omnibus: text.omnibus.unwrap_or(country),
        derived_from: text.derived_from,
    })
}

/// A market whose prices follow from another's: the other exists, and the chain ends somewhere.
pub fn derived_markets(markets: &[MarketRules], report: &mut Report) {
    for market in markets {
        report.enter(format!("market {}", market.market.id));
        let mut seen = BTreeSet::from([market.market.id.as_str()]);
        let mut next = market.derived_from.as_deref();
        while let Some(id) = next {
            if !seen.insert(id) {
                let problem = if market.derived_from.as_deref() == Some(market.market.id.as_str()) {
                    "is derived from itself".to_owned()
                } else {
                    format!("is derived in a circle through {id}")
                };
                report.error("derived_from", problem, "one market of the chain needs rules of its own");
                break;
            }
            match markets.iter().find(|other| other.market.id == id) {
                Some(other) => next = other.derived_from.as_deref(),
                None => {
                    report.error("derived_from", format!("`{id}` is not a market of this file"), "declare it first");
                    break;
                }
            }
        }
    }
}

/// Checks a `[[competitor]]`.
pub fn competitor(text: CompetitorText, markets: &[MarketRules], report: &mut Report) -> Option<Competitor> {
    if text.id.is_none() {
        report.missing("id", "the id that observations carry, such as elgiganten.dk");
    }
    known_markets(&text.markets, markets, report);
    let currency = text.currency.as_deref().map(money::currency);
    if let Some(Err(error)) = &currency {
        report.error("currency", error.to_string(), "use an ISO 4217 code such as DKK");
    }
    Some(Competitor {
        id: text.id?,
        markets: text.markets,
        tax: text.tax,
        currency: currency.and_then(Result::ok),
        weight: weight(text.weight, report),
        own: text.own,
    })
}

/// A weight that is left out is 1. With a limit, so that no sum of prices times weights leaves the number range.
fn weight(given: Option<u32>, report: &mut Report) -> u32 {
    let weight = given.unwrap_or(1);
    if weight > MAX_WEIGHT {
        let hint = "weights are relative: 3 counts three times as much as 1";
        report.error("weight", format!("{weight} is above {MAX_WEIGHT}"), hint);
    }
    weight
}

fn known_markets(names: &[String], markets: &[MarketRules], report: &mut Report) {
    for (name, index) in names.iter().zip(0..) {
        if !markets.iter().any(|market| market.market.id == *name) {
            let problem = format!("`{name}` is not a market of this file");
            report.error(&format!("markets[{index}]"), problem, "declare it with [[market]]");
        }
    }
}

/// Checks a `[[channel]]`.
pub fn channel(text: ChannelText, markets: &[MarketRules], report: &mut Report) -> Option<ChannelRules> {
    for (key, missing) in [("id", text.id.is_none()), ("kind", text.kind.is_none()), ("market", text.market.is_none())]
    {
        if missing {
            report.missing(key, "a channel is id, kind and market");
        }
    }
    if let Some(kind) = text.kind.as_deref().filter(|kind| !CHANNEL_KINDS.contains(kind)) {
        report.error(
            "kind",
            format!("`{kind}` is not a kind of channel"),
            &format!("one of {}", CHANNEL_KINDS.join(", ")),
        );
    }
    if let Some(market) = text.market.as_deref().filter(|id| !markets.iter().any(|m| m.market.id == **id)) {
        report.error("market", format!("`{market}` is not a market of this file"), "declare it with [[market]]");
    }
    if text.mode == Some(Mode::Review) {
        let hint = "\"auto\" or \"shadow\"; what waits for a person is a rule's decision, not a channel's price";
        report.error("mode", "a channel cannot be in review".to_owned(), hint);
    }
    let kind = text.kind.as_deref().unwrap_or_default();
    match text.audience {
        Audience::Individual => {
            let hint = "\"public\" or \"loyalty\"; what one buyer gets is the shop's own business";
            report.error("audience", "prices for single persons are not made here".to_owned(), hint);
        }
        Audience::Loyalty if SEEN_BY_ALL.contains(&kind) => {
            let problem = format!("a `{kind}` shows its prices to everybody");
            let hint = "members only have channels of kind shop, pos, newsletter or api";
            report.error("audience", problem, hint);
        }
        Audience::Public | Audience::Loyalty => {}
    }
    let floor = text.floor.as_ref().map(|floor| {
        let zero = |value: Option<Decimal>| value.unwrap_or(Decimal::ZERO);
        ChannelFloor {
            fee_pct_of_gross: zero(
                floor.fee_pct_of_gross.map(|value| percent(value, "floor.fee_pct_of_gross", 0, MAX_MARGIN_PCT, report)),
            ),
            fee_fixed_net: zero(floor.fee_fixed_net.map(|value| not_negative(value, "floor.fee_fixed_net", report))),
            margin_pct: zero(
                floor.margin_pct.map(|value| percent(value, "floor.margin_pct", 0, MAX_MARGIN_PCT, report)),
            ),
        }
    });
    Some(ChannelRules {
        id: text.id?,
        kind: text.kind?,
        market: text.market?,
        adjust: text.adjust.as_ref().map(|text| adjust(text, report)),
        rounding: text.rounding.and_then(|text| rounding(text, "rounding", report)),
        floor,
        ceiling: text.ceiling.map(|ceiling| {
            let most = not_negative(ceiling, "ceiling", report);
            if most.is_zero() {
                report.error("ceiling", "it leaves no price".to_owned(), "leave it out where there is none");
            }
            most
        }),
        converge_within_ms: text.converge_within.map(|span| span.0),
        mode: text.mode,
        audience: text.audience,
    })
}

/// Checks a `[[constraint]]`.
pub fn constraint(text: ConstraintText, channels: &[ChannelRules], report: &mut Report) -> Option<Constraint> {
    let Some((never, below)) = text.never_below else {
        report.missing("never_below", "write never_below = [\"webshop\", \"marketplace\"]");
        return None;
    };
    for (name, index) in [(&never, 0), (&below, 1)] {
        if !channels.iter().any(|channel| channel.id == *name) {
            let problem = format!("`{name}` is not a channel of this file");
            report.error(&format!("never_below[{index}]"), problem, "declare it with [[channel]]");
        }
    }
    let best_effort_after_ms = match (text.on_failure, text.after) {
        (OnFailure::BestEffort, after) => Some(after.map_or(BEST_EFFORT_AFTER_MS, |after| after.0)),
        (OnFailure::Strict, None) => None,
        (OnFailure::Strict, Some(_)) => {
            report.error("after", "a strict order waits for ever".to_owned(), "add on_failure = \"best_effort\"");
            None
        }
    };
    Some(Constraint { never_below: (never, below), best_effort_after_ms })
}

/// No channel may be held above itself, directly or through others. A circle is reported once.
pub fn constraint_cycles(constraints: &[Constraint], report: &mut Report) {
    let reachable = |from: &Constraint| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from.never_below.1.clone()];
        while let Some(id) = open.pop() {
            if reached.insert(id.clone()) {
                let next = constraints.iter().filter(|constraint| constraint.never_below.0 == id);
                open.extend(next.map(|constraint| constraint.never_below.1.clone()));
            }
        }
        reached
    };
    let mut reported: Vec<BTreeSet<String>> = Vec::new();
    for (constraint, position) in constraints.iter().zip(1..) {
        let start = &constraint.never_below.0;
        let reached = reachable(constraint);
        // Members of one circle reach exactly the same channels.
        if reached.contains(start) && !reported.contains(&reached) {
            report.enter(format!("constraint #{position}"));
            let problem = format!("`{start}` would never be below itself through a circle of constraints");
            report.error("never_below", problem, "take out one constraint of the circle");
            reported.push(reached);
        }
    }
}
