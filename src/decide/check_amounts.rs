//! Checks the numbers of a rule: targets, percentages, bounds, fallbacks, price endings and limits.

use crate::clock::Millis;
use crate::decide::check::Report;
use crate::decide::decision::TargetKind;
use crate::decide::grammar::{
    AdjustText, BoundText, FallbackText, Figure, LimitsText, RoundingText, TargetText, TierText,
};
use crate::decide::rounding::{MAX_ENDINGS, MAX_TIERS, Rounding, Tier};
use crate::decide::rules::{Adjust, Bound, CostPlus, Fallback, Limits, PriceField, Target};
use crate::decide::text::Quoted;
use crate::money::Decimal;

/// A margin above this is a slip of the pen, and one of 100 % has no price.
pub const MAX_MARGIN_PCT: i64 = 95;
/// A markup, a raise or an adjustment above this is a slip of the pen.
pub const MAX_PCT: i64 = 1_000;
/// A cooldown may be at most a quarter longer than it says.
const MAX_JITTER_PCT: i64 = 25;
/// The longest age limit of an offer or a remembered reference: 90 days.
const MAX_AGE_H: i64 = 90 * 24;

const QUOTES: &str = "write it as a decimal in quotes, such as \"10.00\"";
const ENDING: &str = "an ending is what is left after whole multiples of the modulus";

/// Reads what a rule aims at; keys of another kind of target are refused.
pub fn target(text: &TargetText, report: &mut Report) -> Option<Target> {
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
        report.error(path, format!("{value} is negative"), "write 0 or more");
    }
    value
}

/// Reads an adjustment of a reference.
pub fn adjust(text: &AdjustText, report: &mut Report) -> Adjust {
    let percent = text.percent.map_or(Decimal::ZERO, |value| percent(value, "adjust.percent", -99, MAX_PCT, report));
    Adjust { percent, amount: text.amount.map_or(Decimal::ZERO, |Quoted(amount)| amount) }
}

/// Reads minimums or maximums.
pub fn bounds(texts: &[BoundText], path: &str, report: &mut Report) -> Vec<Bound> {
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

/// Reads the chain of fallbacks.
pub fn fallbacks(texts: &[FallbackText], report: &mut Report) -> Vec<Fallback> {
    if texts.is_empty() {
        report.absent("on_no_data", "an empty list", "write [\"hold\"] to hold, or leave it out to keep the price");
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
        report.absent(path, format!("{} tiers, between 1 and {MAX_TIERS} are possible", tiers.len()), QUOTES);
    }
    let last = tiers.len().saturating_sub(1);
    let mut previous = Decimal::ZERO;
    let mut read = Vec::with_capacity(tiers.len());
    for (index, (path, text)) in tiers.into_iter().enumerate() {
        match text.below {
            None if index < last => {
                report.absent(&path, "has no `below` and hides the tiers after it", "only the last tier is unlimited");
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
        report.absent(&format!("{path}.endings"), format!("{} endings", endings.len()), "give 1 to 100 of them");
    }
    for (Quoted(ending), index) in endings.iter().zip(0..) {
        let at = format!("{path}.endings[{index}]");
        if *ending >= modulus {
            report.error(&at, format!("{ending} is not below modulus {modulus}"), ENDING);
        } else if ending.is_sign_negative() && !ending.is_zero() {
            report.error(&at, format!("{ending} is negative"), ENDING);
        }
    }
    let endings = endings.iter().map(|Quoted(ending)| *ending).collect();
    Some(Tier { below: text.below.map(|Quoted(below)| below), modulus, endings })
}

/// Reads step, day and damping limits.
pub fn limits(text: &LimitsText, report: &mut Report) -> Limits {
    let mut within = |value: Option<Quoted>, key: &str, most: i64| {
        value.map(|value| percent(value, &format!("limits.{key}"), 0, most, report))
    };
    let limits = Limits {
        max_step_down_pct: within(text.max_step_down_pct, "max_step_down_pct", 100),
        max_step_up_pct: within(text.max_step_up_pct, "max_step_up_pct", MAX_PCT),
        max_day_down_pct: within(text.max_day_down_pct, "max_day_down_pct", 100),
        max_day_up_pct: within(text.max_day_up_pct, "max_day_up_pct", MAX_PCT),
        min_change_pct: within(text.min_change_pct, "min_change_pct", 100),
        cooldown_jitter_pct: within(text.cooldown_jitter_pct, "cooldown_jitter_pct", MAX_JITTER_PCT),
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

/// Reads an age in hours as milliseconds; an impossible one is reported.
pub fn hours_ms(Figure(hours): Figure, path: &str, report: &mut Report) -> Option<i64> {
    if hours <= Decimal::ZERO || hours > Decimal::from(MAX_AGE_H) {
        report.error(path, format!("{hours} is not between 0 and {MAX_AGE_H} hours"), "write a number of hours");
        return None;
    }
    i64::try_from((hours * Decimal::from(Millis::HOUR)).trunc()).ok()
}
