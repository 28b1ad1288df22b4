//! Rules of a site file: how one field is found on a page.
//!
//! A rule states one way; several rules are tried in order and the first that yields a text wins.

use std::cell::OnceCell;

use regex::{Regex, RegexBuilder};
use scraper::{ElementRef, Html, Selector};
use serde::Deserialize;

use super::path::JsonPath;
use crate::extract::harvest::Harvest;
use crate::extract::json::{self, Value};
use crate::extract::{scan, text};

/// Bytes a user's regular expression is run on: the engine is linear, but only per match.
const MAX_REGEX_INPUT: usize = 512 * 1024;
/// Characters of a value.
const MAX_VALUE: usize = 4_096;

/// A rule as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// CSS selector; the first match wins.
    css: Option<String>,
    /// Attribute of the match instead of its text.
    attribute: Option<String>,
    /// Only inside this selector; overrides the file's.
    inside: Option<String>,
    /// Not inside any of these selectors; added to the file's.
    #[serde(default)]
    not_inside: Vec<String>,
    /// Regular expression on the page source, or on what the other key of the rule found; group `value` or the first.
    regex: Option<String>,
    /// Path into any JSON-LD block.
    json_ld: Option<String>,
    /// Id of a script element, or text that stands before the JSON in one, or `body` for a JSON API.
    script: Option<String>,
    /// Path into that script's JSON.
    json: Option<String>,
    constant: Option<String>,
    #[serde(default)]
    transform: Vec<Transform>,
}

/// What is done to a found text, in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Transform {
    Named(Named),
    Replace { replace: [String; 2] },
    Map { map: std::collections::BTreeMap<String, String> },
    Append { append: String },
    Prepend { prepend: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    /// The amount is in cents, øre, pence: two decimals are split off.
    MinorUnits,
    /// Keep digits, points, commas and blanks only.
    Number,
    Lower,
    /// The part before the first line break or bar.
    FirstLine,
}

/// What is wrong with a rule.
#[derive(Debug, Clone)]
pub struct RuleError {
    pub key: String,
    pub value: String,
    pub problem: String,
    pub hint: String,
}

/// A rule that can be run.
#[derive(Debug, Clone)]
pub struct Compiled {
    way: Way,
    regex: Option<Regex>,
    inside: Option<Selector>,
    not_inside: Vec<Selector>,
    transform: Vec<Transform>,
    shown: String,
}

#[derive(Debug, Clone)]
enum Way {
    Css(Selector, Option<String>),
    JsonLd(JsonPath),
    Script(String, JsonPath),
    Source,
    Constant(String),
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub text: String,
    /// Byte offset in the page text, where it is known.
    pub at: Option<usize>,
}

/// A page prepared for rules; the tree is built on the first CSS rule.
pub struct Target<'p> {
    page: &'p str,
    harvest: &'p Harvest<'p>,
    /// Stands for `{variant}` in rules.
    variant: Option<String>,
    tree: OnceCell<Option<Html>>,
    json_ld: OnceCell<Vec<Value<'p>>>,
}

impl Rule {
    /// Checks and compiles the rule with the file's scope.
    ///
    /// # Errors
    /// The key that is wrong, its value, and a hint.
    pub fn compile(
        &self,
        inside: &Option<String>,
        not_inside: &[String],
        regex_bytes: usize,
    ) -> Result<Compiled, RuleError> {
        let ways =
            [("css", &self.css), ("json_ld", &self.json_ld), ("script", &self.script), ("constant", &self.constant)];
        let given: Vec<_> = ways.into_iter().filter_map(|(key, value)| value.as_ref().map(|v| (key, v))).collect();
        let error = |key: &str, value: &str, problem: String, hint: &str| RuleError {
            key: key.to_owned(),
            value: value.to_owned(),
            problem,
            hint: hint.to_owned(),
        };
        let way = match given.as_slice() {
            [("css", css)] => Way::Css(selector("css", css)?, self.attribute.clone()),
            [("json_ld", path)] => Way::JsonLd(parse_path("json_ld", path)?),
            [("script", id)] => {
                let path = self.json.as_deref().ok_or_else(|| {
                    error(
                        "script",
                        id,
                        "needs `json`, the path inside the script".into(),
                        "add json = \"product.price\"",
                    )
                })?;
                Way::Script((*id).clone(), parse_path("json", path)?)
            }
            [("constant", value)] => Way::Constant((*value).clone()),
            [] if self.regex.is_some() => Way::Source,
            [] => {
                return Err(error(
                    "css",
                    "",
                    "the rule says no way to find anything".into(),
                    "give one of css, json_ld, script, regex, constant",
                ));
            }
            more => {
                let keys: Vec<_> = more.iter().map(|(k, _)| *k).collect();
                return Err(error(
                    keys[1],
                    more[1].1,
                    format!("a rule has one way, this one has {}", keys.join(" and ")),
                    "write two rules",
                ));
            }
        };
        if self.attribute.is_some() && self.css.is_none() {
            return Err(error("attribute", "", "belongs to a css rule".into(), "add css, or remove attribute"));
        }
        let regex = self.regex.as_deref().map(|pattern| {
            let built = RegexBuilder::new(pattern).size_limit(regex_bytes).dfa_size_limit(regex_bytes).build();
            built.map_err(|e| {
                error(
                    "regex",
                    pattern,
                    format!("is no regular expression: {}", last_line(&e)),
                    "test it with `omniprice scraper check`",
                )
            })
        });
        let scope = self.inside.as_ref().or(inside.as_ref());
        let excluded = not_inside.iter().chain(&self.not_inside).map(|s| selector("not_inside", s));
        Ok(Compiled {
            shown: self.shown(),
            way,
            regex: regex.transpose()?,
            inside: scope.map(|s| selector("inside", s)).transpose()?,
            not_inside: excluded.collect::<Result<_, _>>()?,
            transform: self.transform.clone(),
        })
    }

    fn shown(&self) -> String {
        let attribute = self.attribute.as_ref().map(|a| format!("@{a}")).unwrap_or_default();
        let way = self.css.as_ref().map(|c| format!("css {c}{attribute}"));
        let way = way.or_else(|| self.json_ld.as_ref().map(|p| format!("json-ld {p}")));
        let script = || self.script.as_ref().map(|s| format!("script {s} {}", self.json.as_deref().unwrap_or("")));
        way.or_else(script)
            .or_else(|| self.constant.as_ref().map(|_| "constant".to_owned()))
            .unwrap_or_else(|| "regex".to_owned())
    }
}

fn parse_path(key: &str, path: &str) -> Result<JsonPath, RuleError> {
    JsonPath::parse(path).map_err(|problem| RuleError {
        key: key.to_owned(),
        value: path.to_owned(),
        problem,
        hint: "a path looks like offers[0].price, variants[?id={variant}].price or ..price".to_owned(),
    })
}

fn selector(key: &str, css: &str) -> Result<Selector, RuleError> {
    Selector::parse(css).map_err(|e| RuleError {
        key: key.to_owned(),
        value: css.to_owned(),
        problem: format!("is no CSS selector: {e}"),
        hint: "try the selector in a browser's inspector; pseudo-elements and :contains() are not supported".to_owned(),
    })
}

fn last_line(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or("").trim().to_owned()
}

impl<'p> Target<'p> {
    #[must_use]
    pub fn new(page: &'p str, harvest: &'p Harvest<'p>, variant: Option<String>) -> Self {
        Self { page, harvest, variant, tree: OnceCell::new(), json_ld: OnceCell::new() }
    }

    /// The variant the address names, by the file's own rule.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    fn tree(&self) -> Option<&Html> {
        self.tree.get_or_init(|| super::dom::parse(self.page).ok()).as_ref()
    }

    fn json_ld(&self) -> &[Value<'p>] {
        self.json_ld.get_or_init(|| self.harvest.json_ld.iter().flat_map(|s| json::values(s.text, s.at)).collect())
    }

    /// The currency that the page's JSON-LD names, if it names one.
    #[must_use]
    pub fn stated_currency(&self) -> Option<String> {
        let path = JsonPath::parse("..priceCurrency").ok()?;
        self.json_ld()
            .iter()
            .find_map(|root| path.find(root, None).into_iter().find_map(Value::text).map(str::to_owned))
    }

    /// The JSON of a script: by element id, or the value that follows `marker` in any script, or the whole body.
    fn script(&self, marker: &str) -> Option<Value<'p>> {
        if marker == "body" {
            return json::values(self.page, 0).into_iter().next();
        }
        if let Some(script) = self.harvest.scripts.iter().find(|s| s.id == marker) {
            return json::values(script.text, script.at).into_iter().next();
        }
        self.harvest.scripts.iter().find_map(|script| {
            let after = script.text.find(marker)? + marker.len();
            let start = after + script.text[after..].find(['{', '['])?;
            json::value_at(script.text, start, script.at)
        })
    }
}

impl Compiled {
    /// The rule in a few words, for evidence and tables.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs the rule.
    #[must_use]
    pub fn run(&self, target: &Target<'_>) -> Option<Found> {
        let found = match &self.way {
            Way::Constant(value) => Some(Found { text: value.clone(), at: None }),
            Way::Source => {
                let page = text_window(target.page);
                let captures = self.regex.as_ref()?.captures(page)?;
                let hit = captures.name("value").or_else(|| captures.get(1)).or_else(|| captures.get(0))?;
                Some(Found { text: text::clean(hit.as_str()).into_owned(), at: Some(hit.start()) })
            }
            Way::Css(selector, attribute) => self.css(target, selector, attribute.as_deref()),
            Way::JsonLd(path) => target.json_ld().iter().find_map(|root| first_text(path, root, target.variant())),
            Way::Script(marker, path) => first_text(path, &target.script(marker)?, target.variant()),
        }?;
        let text = match (&self.way, &self.regex) {
            (Way::Source, _) | (_, None) => found.text,
            (_, Some(regex)) => {
                let captures = regex.captures(text::cut(&found.text, MAX_VALUE))?;
                captures.name("value").or_else(|| captures.get(1)).or_else(|| captures.get(0))?.as_str().to_owned()
            }
        };
        let text = self.transform.iter().try_fold(text, |text, transform| transform.apply(&text))?;
        let text = text::cut(text.trim(), MAX_VALUE).to_owned();
        (!text.is_empty()).then_some(Found { text, at: found.at })
    }

    fn css(&self, target: &Target<'_>, selector: &Selector, attribute: Option<&str>) -> Option<Found> {
        let tree = target.tree()?;
        tree.select(selector).filter(|e| self.in_scope(*e)).find_map(|element| {
            let raw = match attribute {
                Some(name) => element.value().attr(name)?.to_owned(),
                None => visible_text(element),
            };
            let clean = text::fold_space(&raw).into_owned();
            let at = offset_in(target.page, attribute.map_or(clean.as_str(), |_| raw.as_str()));
            (!clean.is_empty()).then_some(Found { text: clean, at })
        })
    }

    fn in_scope(&self, element: ElementRef<'_>) -> bool {
        let mut inside = self.inside.is_none();
        for ancestor in std::iter::once(element).chain(element.ancestors().filter_map(ElementRef::wrap)) {
            if self.not_inside.iter().any(|s| s.matches(&ancestor)) {
                return false;
            }
            inside |= self.inside.as_ref().is_some_and(|s| s.matches(&ancestor));
        }
        inside
    }
}

impl Transform {
    fn apply(&self, text: &str) -> Option<String> {
        Some(match self {
            Self::Named(Named::Lower) => text.to_lowercase(),
            Self::Named(Named::FirstLine) => text.split(['\n', '|']).next().unwrap_or("").trim().to_owned(),
            Self::Named(Named::Number) => {
                text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ')).collect()
            }
            Self::Named(Named::MinorUnits) => {
                let amount = crate::money::decimal(text.trim()).ok()?;
                amount.checked_div(crate::money::Decimal::ONE_HUNDRED)?.to_string()
            }
            Self::Replace { replace: [from, to] } => text.replace(from.as_str(), to),
            Self::Map { map } => {
                map.get(text.trim()).or_else(|| map.get("*")).cloned().unwrap_or_else(|| text.to_owned())
            }
            Self::Append { append } => format!("{text}{append}"),
            Self::Prepend { prepend } => format!("{prepend}{text}"),
        })
    }
}

fn first_text(path: &JsonPath, root: &Value<'_>, variant: Option<&str>) -> Option<Found> {
    path.find(root, variant).into_iter().find_map(|value| match value {
        Value::Bool(flag) => Some(Found { text: flag.to_string(), at: None }),
        other => other
            .scalar()
            .filter(|(t, _)| !t.is_empty())
            .map(|(t, at)| Found { text: text::clean(t).into_owned(), at: Some(at) }),
    })
}

/// Text of an element without scripts; `sup` and `small` cents are set apart by a blank as they are on screen.
fn visible_text(element: ElementRef<'_>) -> String {
    let mut out = String::new();
    for node in element.descendants() {
        if let Some(part) = node.value().as_text() {
            let hidden = node
                .ancestors()
                .filter_map(ElementRef::wrap)
                .any(|e| matches!(e.value().name(), "script" | "style" | "template"));
            if !hidden {
                out.push_str(part);
            }
        }
        if out.len() > MAX_VALUE {
            break;
        }
    }
    out
}

/// Where a text first stands on the page as it is; an honest absence when entities or tags break it up.
fn offset_in(page: &str, needle: &str) -> Option<usize> {
    (needle.len() >= 3).then(|| memchr::memmem::find(page.as_bytes(), needle.as_bytes())).flatten()
}

fn text_window(page: &str) -> &str {
    &page[..page.floor_char_boundary(MAX_REGEX_INPUT)]
}

/// Scripts and tags of the page in short, for the messages of `scraper new`.
#[must_use]
pub fn tag_count(page: &str) -> usize {
    scan::Scanner::new(page).filter(|t| matches!(t, scan::Token::Open(_))).count()
}
