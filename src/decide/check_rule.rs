//! Checks one rule and turns it from its written form into the form the engine uses.

use std::collections::BTreeSet;

use crate::clock::Millis;
use crate::decide::check::Report;
use crate::decide::decision::TargetKind;
use crate::decide::grammar::{
    AdjustText, BoundText, FallbackText, Figure, LimitsText, Names, OffersText, RoundingText, RuleText, SelectText,
    TargetText, TierText, ValidText,
};
use crate::decide::rounding::{MAX_ENDINGS, MAX_TIERS, Rounding, Tier};
use crate::decide::rules::{
    Adjust, Bound, Competitor, CostPlus, Fallback, Limits, MarketRules, Mode, OfferFilter, PriceField, Rule, Target,
};
use crate::decide::select::{Comparison, Hours, Schedule, Selector};
use crate::decide::text::Quoted;
use crate::money::Decimal;

/// A margin above this is a slip of the pen, and one of 100 % has no price.
pub const MAX_MARGIN_PCT: i64 = 95;
/// A markup, a raise or an adjustment above this is a slip of the pen.
pub const MAX_PCT: i64 = 1_000;
/// The longest age limit of an offer or a remembered reference: 90 days.
const MAX_AGE_H: i64 = 90 * 24;

const QUOTES: &str = "write it as a decimal in quotes, such as \"10.00\"";

/// What a rule may refer to.
pub struct Refs<'a> {
    pub markets: &'a [MarketRules],
    pub competitors: &'a [Competitor],
    /// The mode of a rule that names none.
    pub mode: Mode,
    /// The file declares its markets, so references to them can be checked.
    pub whole: bool,
}

/// Checks a rule. None if something without which there is no rule is missing; every problem is in the report.
pub fn rule(text: RuleText, refs: &Refs, report: &mut Report) -> Option<Rule> {
    let id = rule_id(text.id.as_deref(), refs.whole, report);
    let schedule = schedule(&text.valid, text.days.as_deref(), text.hours.as_deref(), report);
    let select = selector(text.select, report);
    let target = match &text.target {
        Some(target) => self::target(target, report),
        None => {
            report.missing("target", "say what the price follows: target = { kind = \"lowest\" }");
            None
        }
    };
    let adjust = text.adjust.as_ref().map(|adjust| self::adjust(adjust, report));
    let min = bounds(&text.bounds.min, "bounds.min", report);
    let max = bounds(&text.bounds.max, "bounds.max", report);
    let fallbacks = once(text.on_no_data, text.bounds.on_no_data, "on_no_data", report);
    let on_no_data = fallbacks.map_or_else(|| vec![Fallback::Keep], |list| self::fallbacks(&list, report));
    let rule = Rule {
        id: id.unwrap_or_default(),
        priority: text.priority.unwrap_or(0),
        enabled: text.enabled.unwrap_or(true),
        mode: text.mode.unwrap_or(refs.mode),
        markets: text.markets.0,
        schedule,
        select,
        offers: offers(text.offers, report),
        target: target?,
        adjust,
        min,
        max,
        on_conflict: once(text.on_conflict, text.bounds.on_conflict, "on_conflict", report).unwrap_or_default(),
        on_below_floor: once(text.on_below_floor, text.bounds.on_below_floor, "on_below_floor", report)
            .unwrap_or_default(),
        on_no_data,
        rounding: text.rounding.and_then(|rounding| self::rounding(rounding, "rounding", report)),
        limits: limits(&text.limits, report),
    };
    if text.priority.is_none() && refs.whole {
        report.missing("priority", "a larger number is looked at first; write priority = 100");
    }
    references(&rule, refs, report);
    Some(rule)
}

fn rule_id(id: Option<&str>, needed: bool, report: &mut Report) -> Option<String> {
    let Some(id) = id else {
        if needed {
            report.missing("id", "every rule needs an id; the decision log refers to it");
        }
        return None;
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > 64 || !id.chars().all(allowed) {
        report.error("id", format!("`{id}` is not an id"), "use lower-case letters, digits and hyphens, at most 64");
    }
    Some(id.to_owned())
}

fn schedule(
    valid: &ValidText,
    days: Option<&[crate::decide::grammar::Day]>,
    hours: Option<&str>,
    report: &mut Report,
) -> Schedule {
    let (from, until) = (valid.from.map(|instant| instant.0), valid.until.map(|instant| instant.0));
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        report.error("valid", "`from` is not before `until`", "`until` is the first instant after the rule");
    }
    if days.is_some_and(<[_]>::is_empty) {
        report.error("days", "no day at all", "leave `days` out for every day, or use enabled = false");
    }
    let parsed = hours.and_then(Hours::parse);
    if hours.is_some() && parsed.is_none() {
        report.error("hours", "not a span of hours", "write \"06:00-22:00\"; \"22:00-06:00\" crosses midnight");
    }
    Schedule {
        from,
        until,
        days: days.map(|days| days.iter().fold(0, |bits, day| bits | 1 << *day as u8)),
        hours: parsed,
    }
}

fn selector(text: SelectText, report: &mut Report) -> Selector {
    let mut compare = |path: &str, text: Option<String>| {
        let text = text?;
        let parsed = Comparison::parse(&text);
        if parsed.is_none() {
            report.error(
                &format!("select.{path}"),
                format!("`{text}` is not a comparison"),
                "write an operator and a number, such as \">=1\" or \"<15\"",
            );
        }
        parsed
    };
    Selector {
        own_stock: compare("own_stock", text.own_stock),
        cost_net: compare("cost_net", text.cost_net),
        current: compare("current", text.current),
        margin_pct: compare("margin_pct", text.margin_pct),
        in_stock_competitors: compare("in_stock_competitors", text.in_stock_competitors),
        brand: set(text.brand),
        category_under: text.category_under.0,
        sku: set(text.sku),
        tags_any: set(text.tags_any),
        tags_none: set(text.tags_none),
    }
}

fn set(names: Names) -> BTreeSet<String> {
    names.0.into_iter().collect()
}

fn offers(text: OffersText, report: &mut Report) -> OfferFilter {
    let defaults = OfferFilter::default();
    if text.min_offers == Some(0) {
        report.error("offers.min_offers", "0 offers are no data", "leave it out or write at least 1");
    }
    for (path, empty) in [
        ("offers.availability", text.availability.as_ref().is_some_and(Vec::is_empty)),
        ("offers.condition", text.condition.as_ref().is_some_and(Vec::is_empty)),
        ("offers.kinds", text.kinds.as_ref().is_some_and(Vec::is_empty)),
    ] {
        if empty {
            report.error(path, "no value at all, so no offer could ever count", "leave it out for the default");
        }
    }
    OfferFilter {
        include: set(text.include),
        exclude: set(text.exclude),
        availability: text.availability.unwrap_or(defaults.availability),
        condition: text.condition.unwrap_or(defaults.condition),
        kinds: text.kinds.unwrap_or(defaults.kinds),
        min_rating: text.min_rating.map(|figure| figure.0),
        min_offers: text.min_offers.unwrap_or(defaults.min_offers).max(1),
        max_age_ms: text.max_age_h.and_then(|figure| hours_ms(figure, "offers.max_age_h", report)),
        basis: text.basis,
        out_of_bounds: text.out_of_bounds,
    }
}

fn hours_ms(Figure(hours): Figure, path: &str, report: &mut Report) -> Option<i64> {
    if hours <= Decimal::ZERO || hours > Decimal::from(MAX_AGE_H) {
        report.error(path, format!("{hours} is not between 0 and {MAX_AGE_H} hours"), "write a number of hours");
        return None;
    }
    i64::try_from((hours * Decimal::from(Millis::HOUR)).trunc()).ok()
}

fn target(text: &TargetText, report: &mut Report) -> Option<Target> {
    let spare = [
        ("n", text.n.is_some(), TargetKind::Rank),
        ("pct", text.pct.is_some(), TargetKind::Range),
        ("names", text.names.is_some(), TargetKind::Competitor),
        ("margin_pct", text.margin_pct.is_some(), TargetKind::CostPlus),
        ("markup_pct", text.markup_pct.is_some(), TargetKind::CostPlus),
        ("plus_net", text.plus_net.is_some(), TargetKind::CostPlus),
        ("field", text.field.is_some(), TargetKind::Field),
    ];
    for (key, present, kind) in spare {
        if present && text.kind != kind {
            let problem = format!("belongs to another kind of target ({kind:?})").to_lowercase();
            report.error(&format!("target.{key}"), problem, "take it out or change `kind`");
        }
    }
    let needed = |value: Option<Target>, key: &str, report: &mut Report| {
        if value.is_none() {
            report.missing(&format!("target.{key}"), "this kind of target cannot do without it; see docs/rules.md");
        }
        value
    };
    match text.kind {
        TargetKind::Lowest => Some(Target::Lowest),
        TargetKind::Highest => Some(Target::Highest),
        TargetKind::Mean => Some(Target::Mean),
        TargetKind::Median => Some(Target::Median),
        TargetKind::Keep => Some(Target::Keep),
        TargetKind::Rank => {
            if text.n == Some(0) {
                report.error("target.n", "0 is no place", "1 is the cheapest");
            }
            needed(text.n.map(Target::Rank), "n", report)
        }
        TargetKind::Range => {
            let percent = text.pct.map(|pct| percent(pct, "target.pct", 0, 100, report));
            needed(percent.map(Target::Range), "pct", report)
        }
        TargetKind::Competitor => {
            let names = text.names.as_ref().map(|names| names.0.clone()).filter(|names| !names.is_empty());
            needed(names.map(Target::Competitor), "names", report)
        }
        TargetKind::Field => needed(text.field.map(Target::Field), "field", report),
        TargetKind::CostPlus => cost_plus_target(text, report),
    }
}

fn cost_plus_target(text: &TargetText, report: &mut Report) -> Option<Target> {
    let given = [
        text.margin_pct.map(|m| CostPlus::MarginPct(percent(m, "target.margin_pct", 0, MAX_MARGIN_PCT, report))),
        text.markup_pct.map(|m| CostPlus::MarkupPct(percent(m, "target.markup_pct", 0, MAX_PCT, report))),
        text.plus_net.map(|amount| CostPlus::PlusNet(not_negative(amount, "target.plus_net", report))),
    ];
    let mut given = given.into_iter().flatten();
    let first = given.next();
    if first.is_none() {
        report.missing("target.margin_pct", "cost_plus needs one of margin_pct, markup_pct and plus_net");
    }
    if given.next().is_some() {
        report.error("target", "more than one of margin_pct, markup_pct and plus_net", "keep one of them");
    }
    first.map(Target::CostPlus)
}

/// Reads a percentage inside its limits; outside them it is reported and used as it is.
pub fn percent(Quoted(value): Quoted, path: &str, least: i64, most: i64, report: &mut Report) -> Decimal {
    if value < Decimal::from(least) || value > Decimal::from(most) {
        report.error(path, format!("{value} is not between {least} and {most} percent"), "check the sign and the size");
    }
    value
}

/// Reads an amount that cannot be negative.
pub fn not_negative(Quoted(value): Quoted, path: &str, report: &mut Report) -> Decimal {
    if value.is_sign_negative() && !value.is_zero() {
        report.error(path, format!("{value} is negative"), QUOTES);
    }
    value
}

/// Reads an adjustment of a reference.
pub fn adjust(text: &AdjustText, report: &mut Report) -> Adjust {
    let percent = text.percent.map_or(Decimal::ZERO, |value| percent(value, "adjust.percent", -99, MAX_PCT, report));
    Adjust { percent, amount: text.amount.map_or(Decimal::ZERO, |Quoted(amount)| amount) }
}

fn bounds(texts: &[BoundText], path: &str, report: &mut Report) -> Vec<Bound> {
    let mut bounds = Vec::with_capacity(texts.len());
    for (text, index) in texts.iter().zip(0..) {
        let at = |key: &str| format!("{path}[{index}].{key}");
        bounds.push(match *text {
            BoundText::MarginPct(value) => {
                Bound::Cost(CostPlus::MarginPct(percent(value, &at("margin_pct"), 0, MAX_MARGIN_PCT, report)))
            }
            BoundText::MarkupPct(value) => {
                Bound::Cost(CostPlus::MarkupPct(percent(value, &at("markup_pct"), 0, MAX_PCT, report)))
            }
            BoundText::PlusNet(value) => Bound::Cost(CostPlus::PlusNet(not_negative(value, &at("plus_net"), report))),
            BoundText::Field(field) => Bound::Field(field),
            BoundText::Amount(value) => Bound::Amount(not_negative(value, &at("amount"), report)),
        });
    }
    bounds
}

/// A key that may stand in the rule or in its `bounds`, but not in both.
fn once<T>(outside: Option<T>, inside: Option<T>, key: &str, report: &mut Report) -> Option<T> {
    if outside.is_some() && inside.is_some() {
        report.error(&format!("bounds.{key}"), "is also given outside of `bounds`", "keep one of the two");
    }
    outside.or(inside)
}

fn fallbacks(texts: &[FallbackText], report: &mut Report) -> Vec<Fallback> {
    if texts.is_empty() {
        report.error("on_no_data", "an empty list", "write [\"hold\"] to hold, or leave it out to keep the price");
    }
    let mut fallbacks = Vec::with_capacity(texts.len());
    for (text, index) in texts.iter().zip(0..) {
        fallbacks.push(match *text {
            FallbackText::LastReferenceH(hours) => {
                let path = format!("on_no_data[{index}].last_reference_h");
                Fallback::LastReference { max_age_ms: hours_ms(hours, &path, report).unwrap_or(0) }
            }
            FallbackText::Regular => Fallback::Field(PriceField::Regular),
            FallbackText::Msrp => Fallback::Field(PriceField::Msrp),
            FallbackText::Map => Fallback::Field(PriceField::Map),
            FallbackText::Max => Fallback::Max,
            FallbackText::Min => Fallback::Min,
            FallbackText::Keep => Fallback::Keep,
            FallbackText::Hold => Fallback::Hold,
        });
    }
    fallbacks
}

/// Reads price endings: one tier written directly, or a list of tiers with rising limits.
pub fn rounding(text: RoundingText, path: &str, report: &mut Report) -> Option<Rounding> {
    let direct = text.modulus.is_some() || text.endings.is_some();
    let tiers = match text.tiers {
        Some(_) if direct => {
            report.error(path, "both `tiers` and a single `modulus`", "move the single tier into the list");
            return None;
        }
        Some(tiers) => {
            tiers.into_iter().enumerate().map(|(index, tier)| (format!("{path}.tiers[{index}]"), tier)).collect()
        }
        None => vec![(path.to_owned(), TierText { below: None, modulus: text.modulus, endings: text.endings })],
    };
    if tiers.is_empty() || tiers.len() > MAX_TIERS {
        report.error(path, format!("{} tiers, between 1 and {MAX_TIERS} are possible", tiers.len()), QUOTES);
    }
    let last = tiers.len().saturating_sub(1);
    let mut previous = Decimal::ZERO;
    let mut read = Vec::with_capacity(tiers.len());
    for (index, (path, text)) in tiers.into_iter().enumerate() {
        match text.below {
            None if index < last => {
                report.error(&path, "has no `below` and hides the tiers after it", "only the last tier is unlimited");
            }
            Some(Quoted(below)) if below <= previous => {
                report.error(&format!("{path}.below"), format!("{below} is not above {previous}"), "tiers rise");
            }
            Some(Quoted(below)) => previous = below,
            None => {}
        }
        read.extend(tier(&text, &path, report));
    }
    Some(Rounding { direction: text.direction, tiers: read })
}

fn tier(text: &TierText, path: &str, report: &mut Report) -> Option<Tier> {
    let (Some(Quoted(modulus)), Some(endings)) = (text.modulus, &text.endings) else {
        let key = if text.modulus.is_none() { "modulus" } else { "endings" };
        report.missing(&format!("{path}.{key}"), "a price point is a multiple of `modulus` plus one of `endings`");
        return None;
    };
    if modulus <= Decimal::ZERO {
        report.error(&format!("{path}.modulus"), format!("{modulus} is not positive"), QUOTES);
    }
    if endings.is_empty() || endings.len() > MAX_ENDINGS {
        report.error(&format!("{path}.endings"), format!("{} endings", endings.len()), "give 1 to 100 of them");
    }
    for (Quoted(ending), index) in endings.iter().zip(0..) {
        let at = format!("{path}.endings[{index}]");
        if *ending >= modulus {
            report.error(
                &at,
                format!("{ending} is not below modulus {modulus}"),
                "an ending is what is left after whole multiples of the modulus",
            );
        } else if ending.is_sign_negative() && !ending.is_zero() {
            report.error(
                &at,
                format!("{ending} is negative"),
                "an ending is what is left after whole multiples of the modulus",
            );
        }
    }
    let endings = endings.iter().map(|Quoted(ending)| *ending).collect();
    Some(Tier { below: text.below.map(|Quoted(below)| below), modulus, endings })
}

fn limits(text: &LimitsText, report: &mut Report) -> Limits {
    let mut within = |value: Option<Quoted>, key: &str, most: i64| {
        value.map(|value| percent(value, &format!("limits.{key}"), 0, most, report))
    };
    let limits = Limits {
        max_step_down_pct: within(text.max_step_down_pct, "max_step_down_pct", 100),
        max_step_up_pct: within(text.max_step_up_pct, "max_step_up_pct", MAX_PCT),
        max_day_down_pct: within(text.max_day_down_pct, "max_day_down_pct", 100),
        max_day_up_pct: within(text.max_day_up_pct, "max_day_up_pct", MAX_PCT),
        min_change_pct: within(text.min_change_pct, "min_change_pct", 100),
        review_above_pct: within(text.review_above_pct, "review_above_pct", MAX_PCT),
        min_change: text.min_change.map(|value| not_negative(value, "limits.min_change", report)),
        cooldown_ms: text.cooldown_min.map(|minutes| i64::from(minutes) * Millis::MINUTE),
        max_changes_per_day: text.max_changes_per_day,
    };
    if text.max_changes_per_day == Some(0) {
        report.error("limits.max_changes_per_day", "0 changes", "use enabled = false to stop a rule");
    }
    limits
}

/// References to markets and competitors, and what a market's law forbids.
fn references(rule: &Rule, refs: &Refs, report: &mut Report) {
    if !refs.whole {
        return;
    }
    for (name, index) in rule.markets.iter().zip(0..) {
        if !refs.markets.iter().any(|market| market.market.id == *name) {
            let known: Vec<&str> = refs.markets.iter().map(|market| market.market.id.as_str()).collect();
            let hint = format!("declared markets: {}", known.join(", "));
            report.error(&format!("markets[{index}]"), format!("`{name}` is not a market of this file"), &hint);
        }
    }
    let applies = |market: &&MarketRules| rule.markets.is_empty() || rule.markets.contains(&market.market.id);
    let forbids = refs.markets.iter().filter(applies).find(|market| !market.market.map_allowed);
    if let (Some(path), Some(market)) = (uses_map(rule), forbids) {
        report.error(
            path,
            format!("uses a supplier's minimum price in market {}, which does not allow one", market.market.id),
            "in the EU, EEA and UK this is resale price maintenance; elsewhere set map_allowed = true in the market",
        );
    }
    let named = match &rule.target {
        Target::Competitor(names) => names.as_slice(),
        _ => &[],
    };
    for name in named.iter().chain(&rule.offers.include).chain(&rule.offers.exclude) {
        match refs.competitors.iter().find(|competitor| competitor.id == *name) {
            Some(competitor) if competitor.own && named.contains(name) => {
                report.error("target.names", format!("{name} is our own shop"), "a price must not follow itself");
            }
            None if !refs.competitors.is_empty() => {
                report.warn(format!("names competitor `{name}`, which this file does not declare"));
            }
            _ => {}
        }
    }
    let above = rule.adjust.is_some_and(|adjust| adjust.percent > Decimal::ZERO || adjust.amount > Decimal::ZERO);
    if above && rule.target.kind().is_market() && rule.max.is_empty() {
        report.warn("aims above a competitor without a ceiling; against a rival that follows us up, nothing ends it");
    }
}

fn uses_map(rule: &Rule) -> Option<&'static str> {
    let map = Bound::Field(PriceField::Map);
    let uses = [
        (rule.target == Target::Field(PriceField::Map), "target.field"),
        (rule.min.contains(&map), "bounds.min"),
        (rule.max.contains(&map), "bounds.max"),
        (rule.on_no_data.contains(&Fallback::Field(PriceField::Map)), "on_no_data"),
    ];
    uses.into_iter().find(|(uses, _)| *uses).map(|(_, path)| path)
}

/// Whether two rules of one priority could both match a product, as far as their selectors tell.
#[must_use]
pub fn may_overlap(first: &Rule, second: &Rule) -> bool {
    let disjoint = |a: &BTreeSet<String>, b: &BTreeSet<String>| !a.is_empty() && !b.is_empty() && a.is_disjoint(b);
    let (a, b) = (&first.select, &second.select);
    let markets_apart = !first.markets.is_empty()
        && !second.markets.is_empty()
        && !first.markets.iter().any(|market| second.markets.contains(market));
    let categories_apart = !a.category_under.is_empty()
        && !b.category_under.is_empty()
        && !a.category_under.iter().any(|one| {
            let related = |other: &String| {
                crate::decide::select::is_under(one, other) || crate::decide::select::is_under(other, one)
            };
            b.category_under.iter().any(related)
        });
    let tags_apart = |a: &Selector, b: &Selector| !a.tags_any.is_empty() && a.tags_any.is_subset(&b.tags_none);
    first.enabled
        && second.enabled
        && !markets_apart
        && !categories_apart
        && !disjoint(&a.brand, &b.brand)
        && !disjoint(&a.sku, &b.sku)
        && !tags_apart(a, b)
        && !tags_apart(b, a)
}
