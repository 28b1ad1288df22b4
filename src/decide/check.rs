//! Turns a rule file into a checked [`RuleSet`], or into the list of everything that is wrong with it.
//!
//! A file is refused as a whole: half a rule set is not a smaller rule set but another one.

use std::collections::BTreeSet;

use crate::decide::check_rule::{self, Refs};
use crate::decide::check_world;
use crate::decide::grammar::{ChannelText, CompetitorText, ConstraintText, EngineText, Head, MarketText, RuleText};
use crate::decide::read::{self, MAX_ERRORS};
use crate::decide::rules::{AmbiguousPriority, EngineParams, Mode, Rule, RuleSet};

/// The schema this program writes and reads.
pub const SCHEMA: i64 = 1;
/// A rule file larger than this was not written by a person.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// More rules than this cannot be overseen, and every product is compared with all of them.
pub const MAX_RULES: usize = 2_000;

/// One thing that is wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}{path}: {problem}\n  hint: {hint}", if place.is_empty() || path.is_empty() { "" } else { ": " })]
pub struct RuleError {
    /// `rule audio-beat-cheapest`, `market DK`, `engine`; empty for the file itself.
    pub place: String,
    /// `rounding.tiers[1].endings[0]`; empty for the place itself.
    pub path: String,
    pub problem: String,
    pub hint: String,
}

/// Something that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub place: String,
    pub message: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Collects problems under the name of the section that is being read.
#[derive(Debug, Default)]
pub struct Report {
    pub errors: Vec<RuleError>,
    pub warnings: Vec<Warning>,
    place: String,
}

impl Report {
    pub fn enter(&mut self, place: String) {
        self.place = place;
    }

    pub fn error(&mut self, path: &str, problem: impl Into<String>, hint: &str) {
        if self.errors.len() < MAX_ERRORS {
            let (place, path, hint) = (self.place.clone(), path.to_owned(), hint.to_owned());
            self.errors.push(RuleError { place, path, problem: problem.into(), hint });
        }
    }

    pub fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(Warning { place: self.place.clone(), message: message.into() });
    }

    /// Reports that a key is missing, unless what stood there was already refused.
    pub fn missing(&mut self, path: &str, hint: &str) {
        self.absent(path, "missing", hint);
    }

    /// Reports what follows from something that is not there, unless it is only missing because it was refused.
    pub fn absent(&mut self, path: &str, problem: impl Into<String>, hint: &str) {
        if !self.is_refused(path) {
            self.error(path, problem, hint);
        }
    }

    /// Whether something at a path or inside of it was already refused.
    #[must_use]
    pub fn is_refused(&self, path: &str) -> bool {
        self.errors.iter().any(|error| error.place == self.place && is_within(&error.path, path))
    }
}

/// Whether a path is another one or lies inside of it: `tiers[1].endings` in `tiers[1]`, but not `tiers[10]`.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl RuleSet {
    /// Reads a rule file: sections `[engine]`, `[[market]]`, `[[competitor]]`, `[[rule]]`, `[[channel]]` and
    /// `[[constraint]]`, schema 1. A rule without a mode is in review: nothing goes out unless somebody said so.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file, each with its path and a hint.
    pub fn parse(text: &str) -> Result<(Self, Vec<Warning>), Vec<RuleError>> {
        let whole_file = |problem: String, hint: &str| {
            let (place, path, hint) = (String::new(), "file".to_owned(), hint.to_owned());
            vec![RuleError { place, path, problem, hint }]
        };
        if text.len() > MAX_FILE_BYTES {
            return Err(whole_file(format!("larger than {MAX_FILE_BYTES} bytes"), "split the rules by market"));
        }
        let table: toml::Table = toml::from_str(text)
            .map_err(|error| whole_file(error.to_string().trim().replace('\n', "\n    "), "it must be TOML"))?;
        parse_table(table, Mode::default(), Origin::File)
    }

    /// Rules that were in force once, so that what they decided can be computed again: they need not be what is asked of
    /// rules today.
    ///
    /// # Errors
    /// As [`RuleSet::parse`].
    pub fn parse_kept(text: &str) -> Result<Self, Vec<RuleError>> {
        let table = toml::from_str(text).map_err(|error: toml::de::Error| {
            let hint = "the stored rules are damaged; restore the database from a backup".to_owned();
            vec![RuleError { place: String::new(), path: "file".to_owned(), problem: error.to_string(), hint }]
        })?;
        parse_table(table, Mode::default(), Origin::Kept).map(|(set, _)| set)
    }

    /// Rules alone, without the markets and competitors they refer to, as tests and tools hand them in. `mode` is that
    /// of rules that name none.
    ///
    /// # Errors
    /// As [`RuleSet::parse`].
    pub fn from_table(table: toml::Table, mode: Mode) -> Result<(Self, Vec<Warning>), Vec<RuleError>> {
        parse_table(table, mode, Origin::Alone)
    }
}

/// Where rules come from, and so what is asked of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    File,
    Kept,
    /// Without the rest of a file.
    Alone,
}

fn parse_table(mut table: toml::Table, mode: Mode, origin: Origin) -> Result<(RuleSet, Vec<Warning>), Vec<RuleError>> {
    let whole = origin != Origin::Alone;
    let mut report = Report::default();
    let engine = table.remove("engine");
    let markets = items(&mut table, "market", &mut report);
    let competitors = items(&mut table, "competitor", &mut report);
    let rules = items(&mut table, "rule", &mut report);
    let channels = items(&mut table, "channel", &mut report);
    let constraints = items(&mut table, "constraint", &mut report);

    report.enter(String::new());
    let head: Head = read_section(toml::Value::Table(table), &mut report).unwrap_or_default();
    if whole && head.schema != Some(SCHEMA) {
        report.error("schema", "missing or unknown", "write `schema = 1` at the top of the file");
    }
    report.enter("engine".to_owned());
    let engine = engine.and_then(|value| read_section::<EngineText>(value, &mut report));
    let engine = engine.map_or_else(EngineParams::default, |text| check_world::engine(&text, &mut report));

    let markets = each(markets, "market", &mut report, |text: MarketText, report| check_world::market(text, report));
    check_world::derived_markets(&markets, &mut report);
    let competitors = each(competitors, "competitor", &mut report, |text: CompetitorText, report| {
        check_world::competitor(text, &markets, report)
    });
    if rules.len() > MAX_RULES {
        report.enter("rules".to_owned());
        report.error(
            "",
            format!("{} rules, at most {MAX_RULES}", rules.len()),
            "use selectors instead of one rule per product",
        );
    }
    let kept = origin == Origin::Kept;
    let refs = Refs { markets: &markets, competitors: &competitors, mode, whole, kept };
    let mut rules = each(rules, "rule", &mut report, |text: RuleText, report| check_rule::rule(text, &refs, report));
    let channels = each(channels, "channel", &mut report, |text: ChannelText, report| {
        check_world::channel(text, &markets, report)
    });
    let constraints = each(constraints, "constraint", &mut report, |text: ConstraintText, report| {
        check_world::constraint(text, &channels, report)
    });
    check_world::constraint_cycles(&constraints, &mut report);

    rules.sort_by(|a: &Rule, b: &Rule| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
    ambiguous_priorities(&rules, engine.ambiguous_priority, &mut report);
    if !report.errors.is_empty() {
        return Err(report.errors);
    }
    let own_shops = competitors.iter().filter(|competitor| competitor.own).map(|own| own.id.clone()).collect();
    let set = RuleSet { engine, combine: head.combine, markets, competitors, own_shops, rules, channels, constraints };
    Ok((set, report.warnings))
}

/// The entries of `[[name]]`.
fn items(table: &mut toml::Table, name: &str, report: &mut Report) -> Vec<toml::Value> {
    match table.remove(name) {
        None => Vec::new(),
        Some(toml::Value::Array(items)) => items,
        Some(_) => {
            report.enter(String::new());
            report.error(name, "is one table", &format!("write `[[{name}]]` with two brackets on each side"));
            Vec::new()
        }
    }
}

fn read_section<T: serde::de::DeserializeOwned>(value: toml::Value, report: &mut Report) -> Option<T> {
    let (read, misread) = read::section(value);
    for read::Misread { path, problem } in misread {
        let hint = if problem.starts_with("unknown field") || problem.starts_with("unknown variant") {
            "compare with docs/rules.md; keys that are not in the grammar are refused"
        } else if problem.contains("decimal in quotes") {
            "write amounts and percentages in quotes"
        } else {
            "see docs/rules.md for what belongs here"
        };
        report.error(&path, problem, hint);
    }
    read
}

/// Reads and checks every entry of a section; ids must be unique in it.
fn each<T, R>(
    values: Vec<toml::Value>,
    name: &str,
    report: &mut Report,
    mut check: impl FnMut(T, &mut Report) -> Option<R>,
) -> Vec<R>
where
    T: serde::de::DeserializeOwned,
{
    let mut ids = BTreeSet::new();
    let mut checked = Vec::with_capacity(values.len());
    for (value, position) in values.into_iter().zip(1..) {
        let id = value.get("id").and_then(toml::Value::as_str).map(str::to_owned);
        report.enter(id.as_ref().map_or_else(|| format!("{name} #{position}"), |id| format!("{name} {id}")));
        if let Some(id) = id
            && !ids.insert(id)
        {
            report.error("id", "is used twice", "ids are unique in a file, because the log refers to them");
        }
        if let Some(result) = read_section(value, report).and_then(|text| check(text, report)) {
            checked.push(result);
        }
    }
    checked
}

/// Two enabled rules of one priority that could both match a product: the smaller id wins, which nobody intends.
fn ambiguous_priorities(rules: &[Rule], policy: AmbiguousPriority, report: &mut Report) {
    for same in rules.chunk_by(|a, b| a.priority == b.priority) {
        for (position, first) in same.iter().enumerate() {
            let clash = same[position + 1..].iter().find(|second| check_rule::may_overlap(first, second));
            let Some(second) = clash else { continue };
            let message = format!(
                "has the same priority {} as rule {} and may match the same products; {} would decide",
                first.priority, second.id, first.id
            );
            report.enter(format!("rule {}", first.id));
            match policy {
                AmbiguousPriority::Warn => report.warn(message),
                AmbiguousPriority::Error => report.error("priority", message, "give one of them another priority"),
            }
        }
    }
}
