//! Checks one rule and turns it from its written form into the form the engine uses.

use std::collections::BTreeSet;

use crate::decide::check::Report;
use crate::decide::check_amounts as amounts;
use crate::decide::grammar::{Names, OffersText, RuleText, SelectText, ValidText};
use crate::decide::rules::{Bound, Competitor, Fallback, MarketRules, Mode, OfferFilter, PriceField, Rule, Target};
use crate::decide::select::{Comparison, Hours, Schedule, Selector, is_under};
use crate::money::Decimal;
use crate::nearest::meant;

/// Characters of a reason: it is told in one line.
const MAX_REASON: usize = 200;

/// What a rule may refer to.
pub struct Refs<'a> {
    pub markets: &'a [MarketRules],
    pub competitors: &'a [Competitor],
    /// The mode of a rule that names none.
    pub mode: Mode,
    /// The file declares its markets, so references to them can be checked.
    pub whole: bool,
    /// The rules were in force once: what is asked of new ones only is not asked of them.
    pub kept: bool,
}

/// Checks a rule. None if something without which there is no rule is missing; every problem is in the report.
pub fn rule(text: RuleText, refs: &Refs, report: &mut Report) -> Option<Rule> {
    let id = rule_id(text.id.as_deref(), refs.whole, report);
    let schedule = schedule(&text.valid, text.days.as_deref(), text.hours.as_deref(), report);
    let select = selector(text.select, report);
    let target = match &text.target {
        Some(target) => amounts::target(target, report),
        None => {
            report.missing("target", "say what the price follows: target = { kind = \"lowest\" }");
            None
        }
    };
    let adjust = text.adjust.as_ref().map(|adjust| amounts::adjust(adjust, report));
    let min = amounts::bounds(&text.bounds.min, "bounds.min", report);
    let max = amounts::bounds(&text.bounds.max, "bounds.max", report);
    let fallbacks = once(text.on_no_data, text.bounds.on_no_data, "on_no_data", report);
    let on_no_data = fallbacks.map_or_else(|| vec![Fallback::Keep], |list| amounts::fallbacks(&list, report));
    let no_ceiling = text.bounds.no_ceiling;
    // Without a target there is no rule, but everything else of it is still checked.
    let usable = target.is_some();
    let rule = Rule {
        id: id.unwrap_or_default(),
        priority: text.priority.unwrap_or(0),
        enabled: text.enabled.unwrap_or(true),
        mode: text.mode.unwrap_or(refs.mode),
        markets: text.markets.0,
        schedule,
        select,
        offers: offers(text.offers, report),
        target: target.unwrap_or(Target::Keep),
        adjust,
        min,
        max,
        on_conflict: once(text.on_conflict, text.bounds.on_conflict, "on_conflict", report).unwrap_or_default(),
        on_below_floor: once(text.on_below_floor, text.bounds.on_below_floor, "on_below_floor", report)
            .unwrap_or_default(),
        on_no_data,
        rounding: text.rounding.and_then(|rounding| amounts::rounding(rounding, "rounding", report)),
        limits: amounts::limits(&text.limits, report),
    };
    if text.priority.is_none() && refs.whole {
        report.missing("priority", "a larger number is looked at first; write priority = 100");
    }
    references(&rule, refs, report);
    if usable {
        ceiling(&rule, no_ceiling, refs, report);
    }
    usable.then_some(rule)
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
        report.absent("days", "no day at all", "leave `days` out for every day, or use enabled = false");
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
    for (key, names) in [
        ("brand", &text.brand),
        ("category_under", &text.category_under),
        ("sku", &text.sku),
        ("tags_any", &text.tags_any),
    ] {
        if names.0.iter().any(|name| name.trim().is_empty()) {
            report.warn(format!(
                "select.{key} has an empty name, which no product has; leave it out to select every one"
            ));
        }
    }
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
            report.absent(path, "no value at all, so no offer could ever count", "leave it out for the default");
        }
    }
    OfferFilter {
        include: set(text.include),
        exclude_reason: exclude_reason(text.exclude_reason, &text.exclude, report),
        exclude: set(text.exclude),
        availability: text.availability.unwrap_or(defaults.availability),
        condition: text.condition.unwrap_or(defaults.condition),
        kinds: text.kinds.unwrap_or(defaults.kinds),
        min_rating: text.min_rating.map(|figure| figure.0),
        min_offers: text.min_offers.unwrap_or(defaults.min_offers).max(1),
        max_age_ms: text.max_age_h.and_then(|figure| amounts::hours_ms(figure, "offers.max_age_h", report)),
        basis: text.basis,
        out_of_bounds: text.out_of_bounds,
    }
}

/// The reason for leaving sellers out, which is asked for: an agreement not to undercut a seller looks just like it.
fn exclude_reason(text: Option<String>, exclude: &Names, report: &mut Report) -> Option<String> {
    let Some(text) = text else {
        if !exclude.0.is_empty() {
            report.warn(format!(
                "leaves out {} and does not say why; beside `exclude` write exclude_reason = \"our own outlet\", or \
                 whatever it is: decisions record it",
                exclude.0.join(", ")
            ));
        }
        return None;
    };
    let reason = text.trim();
    if exclude.0.is_empty() {
        let hint = "add exclude = [\"outlet.example\"], or take it out";
        report.absent("offers.exclude_reason", "nobody is left out", hint);
    } else if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.contains(char::is_control) {
        let problem = format!("is no reason: a line of 1 to {MAX_REASON} characters is");
        report.error("offers.exclude_reason", problem, "such as \"our own outlet\" or \"sells to companies only\"");
    }
    Some(reason.to_owned())
}

/// A key that may stand in the rule or in its `bounds`, but not in both.
fn once<T>(outside: Option<T>, inside: Option<T>, key: &str, report: &mut Report) -> Option<T> {
    if outside.is_some() && inside.is_some() {
        report.error(&format!("bounds.{key}"), "is also given outside of `bounds`", "keep one of the two");
    }
    outside.or(inside)
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
            let problem = format!("`{name}` is not a market of this file{}", meant(name, known.iter().copied()));
            report.error(&format!("markets[{index}]"), problem, &hint);
        }
        let declared = refs.markets.iter().find(|market| market.market.id == *name);
        if let Some(source) = declared.and_then(|market| market.derived_from.as_deref()) {
            let problem = format!("`{name}` is derived from {source} and follows that market's decisions");
            report.error(&format!("markets[{index}]"), problem, "take it out, or derived_from out of the market");
        }
    }
    let applies = |market: &&MarketRules| rule.markets.is_empty() || rule.markets.contains(&market.market.id);
    let forbids = refs.markets.iter().filter(applies).filter(|market| !market.market.map_allowed);
    let forbids: Vec<&str> = forbids.map(|market| market.market.id.as_str()).collect();
    if !forbids.is_empty() {
        for path in uses_map(rule) {
            report.error(
                &path,
                format!("uses a supplier's minimum price in market {}, where none is allowed", forbids.join(", ")),
                "in the EU, EEA and UK this is resale price maintenance; elsewhere set map_allowed = true in the market",
            );
        }
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
                let meant = meant(name, refs.competitors.iter().map(|competitor| competitor.id.as_str()));
                report.warn(format!("names competitor `{name}`, which this file does not declare{meant}"));
            }
            _ => {}
        }
    }
    if rule.offers.min_rating.is_some() {
        report.warn("offers.min_rating leaves out every offer: competitors' own pages show no rating of a seller");
    }
}

/// A rule that aims above competitors needs a ceiling, or has to say that it wants none: two machines of which each asks
/// more than the other once took a book to 23 million dollars.
fn ceiling(rule: &Rule, no_ceiling: bool, refs: &Refs, report: &mut Report) {
    const PROBLEM: &str =
        "aims above a competitor without a ceiling; against a rival that follows us up, nothing ends it";
    let above = rule.adjust.is_some_and(|adjust| adjust.percent > Decimal::ZERO || adjust.amount > Decimal::ZERO);
    let endless = above && rule.target.kind().is_market() && rule.max.is_empty();
    if no_ceiling && !endless {
        let hint = "take it out";
        report.absent("bounds.no_ceiling", "the rule has a ceiling, or does not aim above a competitor", hint);
    } else if endless && !no_ceiling && refs.whole && !refs.kept {
        report.absent("bounds.max", PROBLEM, "add max = [{ field = \"msrp\" }] to its bounds, or no_ceiling = true");
    } else if endless && !no_ceiling {
        report.warn(PROBLEM);
    }
}

/// Every place at which a rule uses a supplier's minimum price.
fn uses_map(rule: &Rule) -> Vec<String> {
    let map = Bound::Field(PriceField::Map);
    let places = |name: &str, uses: Vec<bool>| -> Vec<String> {
        let used = uses.into_iter().zip(0..).filter(|(uses, _)| *uses);
        used.map(|(_, index): (_, usize)| format!("{name}[{index}]")).collect()
    };
    let mut paths = Vec::new();
    paths.extend((rule.target == Target::Field(PriceField::Map)).then(|| "target.field".to_owned()));
    paths.extend(places("bounds.min", rule.min.iter().map(|bound| *bound == map).collect()));
    paths.extend(places("bounds.max", rule.max.iter().map(|bound| *bound == map).collect()));
    let falls = |fallback: &Fallback| *fallback == Fallback::Field(PriceField::Map);
    paths.extend(places("on_no_data", rule.on_no_data.iter().map(falls).collect()));
    paths
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
            let related = |other: &String| is_under(one, other) || is_under(other, one);
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
