//! A rule's canonical form: what it says, whatever the order of its keys, the writing of its numbers and the version that
//! read it. Two texts of one meaning have one form, and a key that a rule does not use is not in it, so that a newer
//! version with more keys does not take a rule that nobody touched for another one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::decide::decision::BelowFloor;
use crate::decide::rounding::{Rounding, Tier};
use crate::decide::rules::{
    Adjust, Basis, Bound, CostPlus, Fallback, Limits, OfferFilter, OnConflict, OutOfBounds, PriceField, Rule, Target,
};
use crate::decide::select::{Comparison, Schedule, Selector};
use crate::money::Decimal;

/// The form as one line of JSON: keys sorted, decimals in their shortest writing, defaults left out. Percentages and amounts
/// are as the rule has them, spans in milliseconds, times of day in minutes.
#[must_use]
pub fn of(rule: &Rule) -> String {
    // Every field is named here and below: a new one does not compile until it is said when it is left out.
    let Rule {
        id,
        priority,
        enabled,
        mode,
        markets,
        schedule,
        select,
        offers,
        target,
        adjust,
        min,
        max,
        on_conflict,
        on_below_floor,
        on_no_data,
        rounding,
        limits,
    } = rule;
    let mut form = Form::default();
    form.put("id", json!(id));
    // A rule that names no mode has the configured one, so no mode is the default of all versions.
    form.put("mode", json!(mode));
    form.unless(*priority == 0, "priority", json!(priority));
    form.unless(*enabled, "enabled", json!(enabled));
    form.names("markets", markets);
    form.schedule(schedule);
    form.select(select);
    form.offers(offers);
    form.put("target", target_of(target));
    if let Some(Adjust { percent, amount }) = adjust {
        form.put("adjust", json!([plain(*percent), plain(*amount)]));
    }
    form.list("min", min.iter().map(bound));
    form.list("max", max.iter().map(bound));
    form.unless(*on_conflict == OnConflict::default(), "on_conflict", json!(on_conflict));
    form.unless(*on_below_floor == BelowFloor::default(), "on_below_floor", json!(on_below_floor));
    form.unless(on_no_data[..] == [Fallback::Keep], "on_no_data", on_no_data.iter().map(fallback).collect());
    if let Some(Rounding { direction, tiers }) = rounding {
        form.put("rounding", json!([direction, tiers.iter().map(tier).collect::<Value>()]));
    }
    form.limits(limits);
    Value::Object(form.0.into_iter().collect()).to_string()
}

/// Keys with what the rule says under them; those of tables have the table's name and a dot before theirs.
#[derive(Default)]
struct Form(BTreeMap<String, Value>);

impl Form {
    fn put(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    fn unless(&mut self, default: bool, key: &str, value: Value) {
        if !default {
            self.put(key, value);
        }
    }

    /// Names whose order means nothing.
    fn names<'a>(&mut self, key: &str, names: impl IntoIterator<Item = &'a String>) {
        let names: BTreeSet<&String> = names.into_iter().collect();
        self.unless(names.is_empty(), key, json!(names));
    }

    /// Values whose order counts.
    fn list(&mut self, key: &str, values: impl Iterator<Item = Value>) {
        let values: Vec<Value> = values.collect();
        self.unless(values.is_empty(), key, json!(values));
    }

    fn number(&mut self, key: &str, number: Option<Decimal>) {
        if let Some(number) = number {
            self.put(key, json!(plain(number)));
        }
    }

    fn whole(&mut self, key: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.put(key, json!(number));
        }
    }

    fn schedule(&mut self, schedule: &Schedule) {
        let Schedule { from, until, days, hours } = schedule;
        self.whole("valid.from", from.map(jiff::Timestamp::as_millisecond));
        self.whole("valid.until", until.map(jiff::Timestamp::as_millisecond));
        self.whole("days", days.map(i64::from));
        if let Some(hours) = hours {
            self.put("hours", json!([hours.from_min, hours.until_min]));
        }
    }

    fn select(&mut self, select: &Selector) {
        let Selector {
            brand,
            category_under,
            sku,
            tags_any,
            tags_none,
            own_stock,
            cost_net,
            current,
            margin_pct,
            in_stock_competitors,
        } = select;
        self.names("select.brand", brand);
        self.names("select.category_under", category_under);
        self.names("select.sku", sku);
        self.names("select.tags_any", tags_any);
        self.names("select.tags_none", tags_none);
        let mut compared = |key: &str, comparison: &Option<Comparison>| {
            if let Some(comparison) = comparison {
                self.put(key, json!(comparison.to_string()));
            }
        };
        compared("select.own_stock", own_stock);
        compared("select.cost_net", cost_net);
        compared("select.current", current);
        compared("select.margin_pct", margin_pct);
        compared("select.in_stock_competitors", in_stock_competitors);
    }

    fn offers(&mut self, offers: &OfferFilter) {
        let default = OfferFilter::default();
        let OfferFilter {
            include,
            exclude,
            exclude_reason,
            availability,
            condition,
            kinds,
            min_rating,
            min_offers,
            max_age_ms,
            basis,
            out_of_bounds,
        } = offers;
        self.names("offers.include", include);
        self.names("offers.exclude", exclude);
        if let Some(reason) = exclude_reason {
            self.put("offers.exclude_reason", json!(reason));
        }
        self.unless(*availability == default.availability, "offers.availability", json!(availability));
        self.unless(*condition == default.condition, "offers.condition", json!(condition));
        self.unless(*kinds == default.kinds, "offers.kinds", json!(kinds));
        self.number("offers.min_rating", *min_rating);
        self.unless(*min_offers == default.min_offers, "offers.min_offers", json!(min_offers));
        self.whole("offers.max_age_ms", *max_age_ms);
        self.unless(*basis == Basis::default(), "offers.basis", json!(basis));
        self.unless(*out_of_bounds == OutOfBounds::default(), "offers.out_of_bounds", json!(out_of_bounds));
    }

    fn limits(&mut self, limits: &Limits) {
        let Limits {
            max_step_down_pct,
            max_step_up_pct,
            max_day_down_pct,
            max_day_up_pct,
            min_change,
            min_change_pct,
            cooldown_ms,
            cooldown_jitter_pct,
            max_changes_per_day,
            review_above_pct,
        } = limits;
        self.number("limits.max_step_down_pct", *max_step_down_pct);
        self.number("limits.max_step_up_pct", *max_step_up_pct);
        self.number("limits.max_day_down_pct", *max_day_down_pct);
        self.number("limits.max_day_up_pct", *max_day_up_pct);
        self.number("limits.min_change", *min_change);
        self.number("limits.min_change_pct", *min_change_pct);
        self.whole("limits.cooldown_ms", *cooldown_ms);
        self.number("limits.cooldown_jitter_pct", *cooldown_jitter_pct);
        self.whole("limits.max_changes_per_day", max_changes_per_day.map(i64::from));
        self.number("limits.review_above_pct", *review_above_pct);
    }
}

/// A decimal in its shortest writing: `1`, `1.0` and `1.00` are one number.
fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}

fn target_of(target: &Target) -> Value {
    let kind = json!(target.kind());
    match target {
        Target::Lowest | Target::Highest | Target::Mean | Target::Median | Target::Keep => json!([kind]),
        Target::Rank(n) => json!([kind, n]),
        Target::Range(percent) => json!([kind, plain(*percent)]),
        Target::Competitor(names) => json!([kind, names]),
        Target::CostPlus(plus) => json!([kind, cost(plus)]),
        Target::Field(field) => json!([kind, field]),
    }
}

fn cost(plus: &CostPlus) -> Value {
    match plus {
        CostPlus::MarginPct(percent) => json!(["margin_pct", plain(*percent)]),
        CostPlus::MarkupPct(percent) => json!(["markup_pct", plain(*percent)]),
        CostPlus::PlusNet(amount) => json!(["plus_net", plain(*amount)]),
    }
}

fn field(field: PriceField) -> Value {
    json!(["field", field])
}

fn bound(bound: &Bound) -> Value {
    match bound {
        Bound::Cost(plus) => cost(plus),
        Bound::Field(of) => field(*of),
        Bound::Amount(amount) => json!(["amount", plain(*amount)]),
    }
}

fn fallback(fallback: &Fallback) -> Value {
    match fallback {
        Fallback::LastReference { max_age_ms } => json!(["last_reference", max_age_ms]),
        Fallback::Field(of) => field(*of),
        Fallback::Max => json!(["max"]),
        Fallback::Min => json!(["min"]),
        Fallback::Keep => json!(["keep"]),
        Fallback::Hold => json!(["hold"]),
    }
}

fn tier(tier: &Tier) -> Value {
    let Tier { below, modulus, endings } = tier;
    let endings: BTreeSet<Decimal> = endings.iter().map(Decimal::normalize).collect();
    let endings: Vec<String> = endings.iter().map(Decimal::to_string).collect();
    json!([below.map(plain), plain(*modulus), endings])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::rules::RuleSet;

    const WRITTEN: &str = r#"
        schema = 1
        [[rule]]
        id = "near"
        mode = "auto"
        select = { brand = ["B", "A"], margin_pct = ">= 12.0" }
        target = { kind = "lowest" }
        adjust = { percent = "-1.0", amount = "0.00" }
        bounds.min = [{ margin_pct = "10.00" }, { amount = "79.00" }]
        rounding = { modulus = "1.00", endings = ["0.95", "0.49"] }
        limits = { max_step_down_pct = "5.0", cooldown_min = 30 }
    "#;

    fn form(text: &str) -> String {
        let table = text.parse().unwrap();
        let (set, _) = RuleSet::from_table(table, crate::decide::rules::Mode::Review).unwrap();
        of(&set.rules[0])
    }

    fn with(from: &str, to: &str) -> String {
        assert!(WRITTEN.contains(from), "{from}");
        form(&WRITTEN.replace(from, to))
    }

    #[test]
    fn a_form_says_what_is_written_and_nothing_else() {
        // A newer version must print the very same: whoever changes this stages every rule of every shop anew.
        let expected = concat!(
            r#"{"adjust":["-1","0"],"id":"near","limits.cooldown_ms":1800000,"limits.max_step_down_pct":"5","#,
            r#""min":[["margin_pct","10"],["amount","79"]],"mode":"auto","#,
            r#""rounding":["nearest",[[null,"1",["0.49","0.95"]]]],"#,
            r#""select.brand":["A","B"],"select.margin_pct":">=12","target":["lowest"]}"#,
        );
        assert_eq!(form(WRITTEN), expected);
    }

    #[test]
    fn order_and_writing_do_not_matter_and_a_default_is_as_good_as_nothing() {
        let same = form(WRITTEN);
        for (from, to) in [
            ("percent = \"-1.0\", amount = \"0.00\"", "amount = \"0\", percent = \"-1.00\""),
            ("[\"B\", \"A\"]", "[\"A\", \"B\"]"),
            (">= 12.0", ">=12"),
            ("\"0.95\", \"0.49\"", "\"0.49\", \"0.95\""),
            ("id = \"near\"\n        mode = \"auto\"", "mode = \"auto\"\n        id = \"near\""),
            ("mode = \"auto\"", "mode = \"auto\"\n        enabled = true\n        priority = 0"),
            ("mode = \"auto\"", "mode = \"auto\"\n        offers = { min_offers = 1, condition = [\"new\"] }"),
            ("mode = \"auto\"", "mode = \"auto\"\n        on_no_data = [\"keep\"]\n        on_below_floor = \"floor\""),
        ] {
            assert_eq!(with(from, to), same, "{to}");
        }
    }

    #[test]
    fn what_decides_otherwise_is_another_form() {
        let mut forms: BTreeSet<String> = BTreeSet::from([form(WRITTEN)]);
        let changes = [
            ("\"-1.0\"", "\"-1.1\""),
            ("\"0.00\"", "\"0.01\""),
            ("\"79.00\"", "\"78.00\""),
            ("margin_pct = \"10.00\"", "markup_pct = \"10.00\""),
            (">= 12.0", "> 12.0"),
            ("[\"B\", \"A\"]", "[\"B\"]"),
            ("\"auto\"", "\"review\""),
            ("\"auto\"", "\"auto\"\n        priority = 1"),
            ("\"auto\"", "\"auto\"\n        enabled = false"),
            ("\"auto\"", "\"auto\"\n        markets = \"DK\""),
            ("\"auto\"", "\"auto\"\n        days = [\"mon\"]"),
            ("\"auto\"", "\"auto\"\n        hours = \"06:00-22:00\""),
            ("\"auto\"", "\"auto\"\n        valid = { from = 2026-11-20T00:00:00+01:00 }"),
            ("\"auto\"", "\"auto\"\n        valid = { until = 2026-11-20T00:00:00+01:00 }"),
            ("\"auto\"", "\"auto\"\n        offers = { min_offers = 2 }"),
            ("\"auto\"", "\"auto\"\n        offers = { basis = \"delivered\" }"),
            ("\"auto\"", "\"auto\"\n        offers = { max_age_h = 5 }"),
            ("\"auto\"", "\"auto\"\n        on_conflict = \"floor\""),
            ("\"auto\"", "\"auto\"\n        on_below_floor = \"hold\""),
            ("\"auto\"", "\"auto\"\n        on_no_data = [\"hold\"]"),
            ("\"auto\"", "\"auto\"\n        on_no_data = [{ last_reference_h = 3 }]"),
            ("{ kind = \"lowest\" }", "{ kind = \"highest\" }"),
            ("{ kind = \"lowest\" }", "{ kind = \"rank\", n = 1 }"),
            ("{ kind = \"lowest\" }", "{ kind = \"rank\", n = 2 }"),
            ("{ kind = \"lowest\" }", "{ kind = \"range\", pct = \"25\" }"),
            ("{ kind = \"lowest\" }", "{ kind = \"competitor\", names = [\"a\", \"b\"] }"),
            ("{ kind = \"lowest\" }", "{ kind = \"competitor\", names = [\"b\", \"a\"] }"),
            ("{ kind = \"lowest\" }", "{ kind = \"field\", field = \"msrp\" }"),
            ("adjust = { percent = \"-1.0\", amount = \"0.00\" }", ""),
            ("rounding = { modulus = \"1.00\", endings = [\"0.95\", \"0.49\"] }", ""),
            ("modulus = \"1.00\"", "direction = \"down\", modulus = \"1.00\""),
            ("limits = { max_step_down_pct = \"5.0\", cooldown_min = 30 }", ""),
            ("cooldown_min = 30", "cooldown_min = 31"),
            ("bounds.min =", "bounds.max ="),
        ];
        let all = changes.len();
        forms.extend(changes.into_iter().map(|(from, to)| with(from, to)));
        assert_eq!(forms.len(), all + 1, "{forms:#?}");
    }
}
