//! Limits that vendors state in prose: one data file per kind, each line with its source.

use std::collections::BTreeSet;

use omniprice::money::{Decimal, decimal};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::double::Request;
use super::schema::{matches, parts};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(rename = "limit")]
    limits: Vec<Limit>,
}

/// One limit. `on` is `METHOD /path/{with}/holes` or `mutation fieldName`; `at` a JSON pointer into the body in which
/// `*` stands for each item.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    on: String,
    #[serde(default)]
    at: String,
    #[serde(flatten)]
    rule: Rule,
    /// Where the vendor says so.
    source: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    /// Items of an array or object.
    MaxItems(usize),
    /// The whole text, or a number as it is written.
    Pattern(String),
    /// Numbers and texts of numbers, inclusive.
    Least(String),
    /// Inclusive.
    Most(String),
    /// The first key's number is smaller than the second's, where both are there and not null or empty.
    Below([String; 2]),
    /// No two items have the same value of this key.
    Unique(String),
    /// All items have the same value of this key.
    Same(String),
    /// Each of these keys is there, if only as null.
    Present(Vec<String>),
    /// None of these keys is there.
    Absent(Vec<String>),
    /// A header of the request, as a pattern.
    Header([String; 2]),
    /// Bytes of the body.
    MaxBytes(usize),
}

impl Limits {
    pub fn of(kind: &str) -> Self {
        let file = format!("{}/tests/it/connectors/limits/{kind}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let limits: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for limit in &limits.limits {
            assert!(!limit.source.is_empty(), "{file}: a limit without a source");
        }
        limits
    }

    /// Prices of this vendor may have so many decimals where they had two.
    pub fn keep(&mut self, decimals: u32) {
        let two = r"\d+(\.\d{1,2})?";
        let mut raised = 0;
        for limit in &mut self.limits {
            if let Rule::Pattern(pattern) = &mut limit.rule
                && pattern == two
            {
                *pattern = two.replace("1,2", &format!("1,{decimals}"));
                raised += 1;
            }
        }
        assert!(raised > 0, "no price has two decimals");
    }

    /// # Errors
    /// The first limit that the request breaks.
    pub fn judge(&self, request: &Request) -> Result<(), String> {
        let body = request.json();
        for limit in self.limits.iter().filter(|limit| limit.concerns(request, &body)) {
            let broken = |why: String| format!("{why} (limit: {})", limit.source);
            match &limit.rule {
                Rule::Header([name, pattern]) if !whole(pattern, request.header(name)) => {
                    return Err(broken(format!("header {name}: {} does not fit", request.header(name))));
                }
                Rule::MaxBytes(most) if request.body.len() > *most => {
                    return Err(broken(format!("the body has {} bytes", request.body.len())));
                }
                Rule::Header(_) | Rule::MaxBytes(_) => {}
                rule => {
                    for (place, part) in parts(&body, &limit.at) {
                        rule.judge(&part).map_err(|why| broken(format!("{place}: {why}")))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Limit {
    fn concerns(&self, request: &Request, body: &Value) -> bool {
        let (method, path) = self.on.split_once(' ').unwrap();
        if method == "mutation" {
            return body["query"].as_str().is_some_and(|query| query.contains(&format!("{path}(")));
        }
        request.method == method && matches(path, &request.path)
    }
}

impl Rule {
    fn judge(&self, value: &Value) -> Result<(), String> {
        let fine = match self {
            Self::MaxItems(most) => {
                value.as_array().map_or(0, Vec::len).max(value.as_object().map_or(0, |o| o.len())) <= *most
            }
            Self::Pattern(pattern) => whole(pattern, &written(value)),
            Self::Least(least) => number(value).is_none_or(|number| number >= decimal(least).unwrap()),
            Self::Most(most) => number(value).is_none_or(|number| number <= decimal(most).unwrap()),
            Self::Below([low, high]) => match (number(&value[low.as_str()]), number(&value[high.as_str()])) {
                (Some(low), Some(high)) => low < high,
                _ => true,
            },
            Self::Unique(key) => {
                let values: Vec<String> = items(value).map(|item| written(&item[key.as_str()])).collect();
                values.iter().collect::<BTreeSet<_>>().len() == values.len()
            }
            Self::Same(key) => {
                items(value).map(|item| written(&item[key.as_str()])).collect::<BTreeSet<_>>().len() <= 1
            }
            Self::Present(keys) => keys.iter().all(|key| value.get(key).is_some()),
            Self::Absent(keys) => keys.iter().all(|key| value.get(key).is_none()),
            Self::Header(_) | Self::MaxBytes(_) => true,
        };
        if fine { Ok(()) } else { Err(format!("{value} breaks {self:?}")) }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `None` for what is no number: null, an empty text.
fn number(value: &Value) -> Option<Decimal> {
    decimal(&written(value)).ok()
}

fn whole(pattern: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(text)
}
