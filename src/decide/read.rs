//! Reads one section of a rule file into its serde type and reports every wrong value of it, not only the first.
//!
//! Serde stops at the first error. So the value that it names is taken out of the section, the error is kept, and the
//! rest is read again, until it reads or nothing is left to take out.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// A section with more mistakes than this is not a rule; the first ones are enough to see that.
pub const MAX_ERRORS: usize = 100;

/// A wrong value: its path inside the section and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misread {
    /// Empty for the section itself.
    pub path: String,
    pub problem: String,
}

/// Reads a section. The value is none only if what remains after taking out the wrong parts still does not read.
#[must_use]
pub fn section<T: DeserializeOwned>(mut value: toml::Value) -> (Option<T>, Vec<Misread>) {
    let mut misread = Vec::new();
    let mut taken = Taken::default();
    for path in take_lists(&mut value) {
        misread.push(Misread { path, problem: "is a list; write a table, such as { key = \"...\" }".to_owned() });
    }
    while misread.len() < MAX_ERRORS {
        match serde_path_to_error::deserialize(value.clone()) {
            Ok(read) => return (Some(read), misread),
            Err(error) => {
                let steps: Vec<Step> = error.path().iter().filter_map(Step::of).collect();
                let problem = first_line(&error.inner().to_string());
                let removed = taken.remove(&mut value, &steps);
                let path = taken.written(&steps, removed);
                // What is missing only because it was taken out has been reported.
                if !misread.iter().any(|known| is_inside(&known.path, &path)) {
                    misread.push(Misread { path, problem });
                }
                if removed == 0 {
                    break;
                }
            }
        }
    }
    (None, misread)
}

/// Keys that hold a table. Serde would fill one from a list by position, without looking at a single name.
const TABLES: [&str; 11] =
    ["adjust", "bounds", "floor", "limits", "offers", "rounding", "run_breaker", "select", "target", "tax", "valid"];

/// Takes lists out of places for tables, and says where they were.
fn take_lists(value: &mut toml::Value) -> Vec<String> {
    let toml::Value::Table(section) = value else { return vec![] };
    let wrong = |(key, value): (&String, &toml::Value)| {
        (TABLES.contains(&key.as_str()) && value.is_array()).then(|| key.clone())
    };
    let mut paths: Vec<String> = section.iter().filter_map(wrong).collect();
    for key in &paths {
        section.remove(key);
    }
    let tiers = section.get_mut("rounding").and_then(|rounding| rounding.get_mut("tiers"));
    if let Some(toml::Value::Array(tiers)) = tiers {
        let lists = tiers.iter().zip(0..).filter(|(tier, _)| tier.is_array());
        paths.extend(lists.map(|(_, index): (_, usize)| format!("rounding.tiers[{index}]")));
        tiers.retain(|tier| !tier.is_array());
    }
    paths
}

/// Whether a path lies inside another one.
fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn of(segment: &Segment) -> Option<Self> {
        match segment {
            Segment::Map { key } | Segment::Enum { variant: key } => Some(Self::Key(key.clone())),
            Segment::Seq { index } => Some(Self::Index(*index)),
            Segment::Unknown => None,
        }
    }
}

/// Which elements were already taken out of which lists: later errors must show the indexes that the file has.
#[derive(Debug, Default)]
struct Taken {
    lists: BTreeMap<String, BTreeSet<usize>>,
}

impl Taken {
    /// Takes out the deepest value on the path that exists, and says how many steps lead to it (0: none).
    fn remove(&mut self, value: &mut toml::Value, steps: &[Step]) -> usize {
        (1..=steps.len()).rev().find(|depth| take(value, &steps[..*depth])).unwrap_or(0)
    }

    /// The path as it is in the file; the element that was just taken out is remembered.
    fn written(&mut self, steps: &[Step], removed: usize) -> String {
        let mut path = String::new();
        for (step, depth) in steps.iter().zip(1..) {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.push_str(&format!(".{key}")),
                Step::Index(index) => {
                    let list = self.lists.entry(path.clone()).or_default();
                    let mut original = *index;
                    for gone in list.iter() {
                        original += usize::from(*gone <= original);
                    }
                    if depth == removed {
                        list.insert(original);
                    }
                    path.push_str(&format!("[{original}]"));
                }
            }
        }
        path
    }
}

fn take(value: &mut toml::Value, steps: &[Step]) -> bool {
    let Some((last, before)) = steps.split_last() else { return false };
    let mut parent = value;
    for step in before {
        let next = match (step, parent) {
            (Step::Key(key), toml::Value::Table(table)) => table.get_mut(key.as_str()),
            (Step::Index(index), toml::Value::Array(list)) => list.get_mut(*index),
            _ => None,
        };
        match next {
            Some(next) => parent = next,
            None => return false,
        }
    }
    match (last, parent) {
        (Step::Key(key), toml::Value::Table(table)) => table.remove(key.as_str()).is_some(),
        (Step::Index(index), toml::Value::Array(list)) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::grammar::RuleText;

    fn misread(text: &str) -> Vec<Misread> {
        section::<RuleText>(toml::from_str(text).unwrap()).1
    }

    #[test]
    fn every_wrong_value_is_reported_with_the_index_of_the_file() {
        let found = misread(
            r#"
            id = "a"
            colour = "red"
            priority = "high"
            target = { kind = "lowest", depth = 3 }
            rounding = { modulus = "1.00", endings = [0.95, "0.49", 0.99] }
            bounds.min = [{ margin_pct = 10 }, { amount = "79.00" }, { marge = "5" }]
            "#,
        );
        let paths: BTreeSet<&str> = found.iter().map(|misread| misread.path.as_str()).collect();
        for path in ["colour", "priority", "target.depth", "rounding.endings[0]", "rounding.endings[2]"] {
            assert!(paths.contains(path), "{path} is missing from {paths:?}");
        }
        assert!(paths.iter().any(|path| path.starts_with("bounds.min[0]")), "{paths:?}");
        assert!(paths.iter().any(|path| path.starts_with("bounds.min[2]")), "{paths:?}");
    }

    #[test]
    fn what_is_missing_because_it_was_refused_is_reported_once() {
        let found = misread("id = \"a\"\nbounds.min = [{ margin_pct = 10 }]\ntarget = { kind = \"lowst\" }");
        let paths: Vec<&str> = found.iter().map(|misread| misread.path.as_str()).collect();
        assert_eq!(paths, ["bounds.min[0].margin_pct", "target.kind"], "{found:?}");
    }

    #[test]
    fn a_list_is_no_table() {
        let found = misread("id = \"a\"\nadjust = [\"-1\", \"0.00\"]\nlimits = [\"5\"]\n[rounding]\ntiers = [[\"1\"]]");
        let paths: Vec<&str> = found.iter().map(|misread| misread.path.as_str()).collect();
        assert_eq!(paths, ["adjust", "limits", "rounding.tiers[0]"], "{found:?}");
    }

    #[test]
    fn what_is_right_is_read_in_spite_of_what_is_wrong() {
        let value = toml::from_str("id = \"a\"\npriority = \"high\"\nhours = \"06:00-22:00\"").unwrap();
        let (read, misread) = section::<RuleText>(value);
        assert_eq!(read.unwrap().hours.as_deref(), Some("06:00-22:00"));
        assert_eq!(misread.len(), 1);
    }
}
