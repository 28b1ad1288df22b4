//! Site files: what `scrapers/<site>.toml` says about the shops where the general way is not enough.
//!
//! Loading refuses everything it does not understand, with file, line and key. Nothing here fetches a page.

pub mod check;
pub mod dom;
pub mod path;
pub mod rules;
pub mod suggest;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use super::locale::Locale;
use super::price::TaxView;
use crate::money::{self, Currency};

/// Files in one directory.
const MAX_FILES: usize = 2_000;
/// Bytes of one file.
const MAX_FILE_BYTES: u64 = 256 * 1024;
/// Rules of one field.
const MAX_RULES: usize = 20;
/// Bytes of one compiled regular expression: user patterns must not eat the machine.
const MAX_REGEX_BYTES: usize = 1 << 20;

include!(concat!(env!("OUT_DIR"), "/scrapers.rs"));

/// One thing that is wrong with a site file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteError {
    /// File name as given.
    pub file: String,
    /// Line, counted from 1; 0 when the file could not be read at all.
    pub line: usize,
    /// The key the error is about, empty when the text is no TOML.
    pub key: String,
    pub problem: String,
    pub hint: String,
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        write!(f, "{}; hint: {}", self.problem, self.hint)
    }
}

impl std::error::Error for SiteError {}

/// A rule set for the hosts of one shop or one shop system.
#[derive(Debug, Clone)]
pub struct Site {
    file: String,
    settings: Settings,
    compiled: Vec<(Field, rules::Compiled)>,
    locale: Option<Locale>,
    currency: Option<Currency>,
    tax: TaxView,
}

/// The fields a rule can fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    Price,
    ListPrice,
    MemberPrice,
    UnitPrice,
    Currency,
    Availability,
    Condition,
    Seller,
    Shipping,
    ValidUntil,
    Title,
    Brand,
    Sku,
    Mpn,
    Gtin,
    Image,
    Variant,
}

const FIELDS: [(&str, Field); 17] = [
    ("price", Field::Price),
    ("list_price", Field::ListPrice),
    ("member_price", Field::MemberPrice),
    ("unit_price", Field::UnitPrice),
    ("currency", Field::Currency),
    ("availability", Field::Availability),
    ("condition", Field::Condition),
    ("seller", Field::Seller),
    ("shipping", Field::Shipping),
    ("valid_until", Field::ValidUntil),
    ("title", Field::Title),
    ("brand", Field::Brand),
    ("sku", Field::Sku),
    ("mpn", Field::Mpn),
    ("gtin", Field::Gtin),
    ("image", Field::Image),
    ("variant", Field::Variant),
];

impl Field {
    /// The key of the field in a site file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        FIELDS.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }
}

/// The file as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    hosts: Vec<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    tax: Option<String>,
    #[serde(default)]
    pace_ms: Option<u64>,
    #[serde(default)]
    render: bool,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Selector or query parameter that names the variant; `{variant}` in rules stands for it.
    #[serde(default)]
    variant_from: Option<String>,
    #[serde(default)]
    inside: Option<String>,
    #[serde(default)]
    not_inside: Vec<String>,
    #[serde(default)]
    field: BTreeMap<String, Vec<rules::Rule>>,
    #[serde(default)]
    example: Vec<Example>,
}

/// A page and what must be read from it: the test of the file it stands in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub url: String,
    /// Page file relative to the directory of the site file; or `html`, the page itself.
    #[serde(default)]
    pub file: Option<String>,
    #[serde(default)]
    pub html: Option<String>,
    /// Expected values by field name; `outcome` and `currency` are possible too.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
}

impl Site {
    /// Parses and validates one file; every problem is reported, not the first alone.
    ///
    /// # Errors
    /// All problems with file, line, key and hint.
    pub fn parse(file: &str, source: &str) -> Result<Self, Vec<SiteError>> {
        let settings: Settings = toml::from_str(source).map_err(|error| vec![from_toml(file, source, &error)])?;
        let at = |key: &str, problem: String, hint: &str| SiteError {
            file: file.to_owned(),
            line: line_of(source, key),
            key: key.to_owned(),
            problem,
            hint: hint.to_owned(),
        };
        let mut errors = Vec::new();
        if settings.hosts.is_empty() || settings.hosts.iter().any(|h| !plausible_host(h)) {
            errors.push(at(
                "hosts",
                "is empty or holds something that is no host".into(),
                "write hosts = [\"www.shop.example\"] or [\"*.shop.example\"]",
            ));
        }
        let locale = settings.locale.as_deref().map(Locale::parse);
        if locale == Some(None) {
            errors.push(at("locale", "is no language tag".into(), "write a BCP 47 tag such as \"da-DK\""));
        }
        let currency = settings.currency.as_deref().map(money::currency);
        if let Some(Err(error)) = &currency {
            errors.push(at("currency", error.to_string(), "write an ISO 4217 code such as \"DKK\""));
        }
        let tax = match settings.tax.as_deref() {
            None => TaxView::Unknown,
            Some("gross") => TaxView::Gross,
            Some("net") => TaxView::Net,
            Some(other) => {
                errors.push(at("tax", format!("`{other}` is unknown"), "write \"gross\" or \"net\""));
                TaxView::Unknown
            }
        };
        let mut compiled = Vec::new();
        for (name, list) in &settings.field {
            let Some((_, field)) = FIELDS.iter().find(|(known, _)| known == name) else {
                let names: Vec<_> = FIELDS.iter().map(|(n, _)| *n).collect();
                errors.push(at(name, "is no field".into(), &format!("fields are {}", names.join(", "))));
                continue;
            };
            if list.len() > MAX_RULES {
                errors.push(at(name, format!("has more than {MAX_RULES} rules"), "remove those that never match"));
            }
            for rule in list {
                match rule.compile(&settings.inside, &settings.not_inside, MAX_REGEX_BYTES) {
                    Ok(rule) => compiled.push((*field, rule)),
                    Err(rules::RuleError { key, value, problem, hint }) => {
                        let line = line_of_value(source, &key, &value);
                        errors.push(SiteError {
                            file: file.to_owned(),
                            line,
                            key: format!("field.{name}.{key}"),
                            problem,
                            hint,
                        });
                    }
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        compiled.sort_by_key(|(field, _)| *field);
        let (locale, currency) = (locale.flatten(), currency.and_then(Result::ok));
        Ok(Self { file: file.to_owned(), settings, compiled, locale, currency, tax })
    }

    /// Host names, some with a leading `*.`.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.settings.hosts
    }

    /// The file this site was read from.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What the file says about itself.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.settings.note.as_deref()
    }

    #[must_use]
    pub const fn locale(&self) -> Option<Locale> {
        self.locale
    }

    #[must_use]
    pub const fn currency(&self) -> Option<Currency> {
        self.currency
    }

    #[must_use]
    pub const fn tax(&self) -> TaxView {
        self.tax
    }

    /// Milliseconds between two requests to the host, if the file sets them.
    #[must_use]
    pub const fn pace_ms(&self) -> Option<u64> {
        self.settings.pace_ms
    }

    /// Whether the page needs a browser before it can be read.
    #[must_use]
    pub const fn render(&self) -> bool {
        self.settings.render
    }

    /// Request headers by name.
    #[must_use]
    pub const fn headers(&self) -> &BTreeMap<String, String> {
        &self.settings.headers
    }

    /// `query:NAME` or `path:REGEX`: where the address names the variant.
    #[must_use]
    pub fn variant_from(&self) -> Option<&str> {
        self.settings.variant_from.as_deref()
    }

    /// The rules of one field in order.
    pub fn rules(&self, field: Field) -> impl Iterator<Item = &rules::Compiled> {
        self.compiled.iter().filter(move |(own, _)| *own == field).map(|(_, rule)| rule)
    }

    /// Whether any field has rules.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        !self.compiled.is_empty()
    }

    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.settings.example
    }

    fn serves(&self, host: &str) -> bool {
        self.settings.hosts.iter().any(|own| match own.strip_prefix("*.") {
            Some(suffix) => host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            None => host == own || host.strip_prefix("www.") == Some(own) || own.strip_prefix("www.") == Some(host),
        })
    }
}

/// Every site that is known.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    sites: Vec<Site>,
}

impl Sites {
    /// The files that are part of the program.
    ///
    /// # Errors
    /// Never in a released build: a test parses every embedded file.
    pub fn embedded() -> Result<Self, Vec<SiteError>> {
        let mut sites = Self::default();
        let mut errors = Vec::new();
        for (name, source) in EMBEDDED {
            match Site::parse(name, source) {
                Ok(site) => sites.sites.push(site),
                Err(found) => errors.extend(found),
            }
        }
        errors.extend(sites.refuse_doubles());
        if errors.is_empty() { Ok(sites) } else { Err(errors) }
    }

    /// The embedded files and those of a directory; a file of the directory replaces the embedded one of its hosts.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load(directory: &Path) -> Result<Self, Vec<SiteError>> {
        let mut errors = Vec::new();
        let mut own = Self::default();
        for (name, source) in read_directory(directory)? {
            match Site::parse(&name, &source) {
                Ok(site) => own.sites.push(site),
                Err(found) => errors.extend(found),
            }
        }
        errors.extend(own.refuse_doubles());
        match Self::embedded() {
            Ok(embedded) => {
                let replaced =
                    |site: &Site| site.hosts().iter().any(|h| own.sites.iter().any(|o| o.hosts().contains(h)));
                let kept: Vec<Site> = embedded.sites.into_iter().filter(|site| !replaced(site)).collect();
                own.sites.extend(kept);
            }
            Err(found) => errors.extend(found),
        }
        if errors.is_empty() { Ok(own) } else { Err(errors) }
    }

    /// The site of a host; an exact name wins over `*.suffix`.
    #[must_use]
    pub fn for_host(&self, host: &str) -> Option<&Site> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let exact = self.sites.iter().find(|s| s.hosts().contains(&host));
        exact.or_else(|| self.sites.iter().find(|site| site.serves(&host)))
    }

    /// All sites in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter()
    }

    fn refuse_doubles(&self) -> Vec<SiteError> {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let mut errors = Vec::new();
        for site in &self.sites {
            for host in site.hosts() {
                if let Some(other) = seen.insert(host, &site.file) {
                    errors.push(SiteError {
                        file: site.file.clone(),
                        line: 1,
                        key: "hosts".to_owned(),
                        problem: format!("`{host}` is also served by {other}"),
                        hint: format!("keep {host} in one of the two files"),
                    });
                }
            }
        }
        errors
    }
}

fn read_directory(directory: &Path) -> Result<Vec<(String, String)>, Vec<SiteError>> {
    let problem = |file: &Path, problem: String| SiteError {
        file: file.display().to_string(),
        line: 0,
        key: String::new(),
        problem,
        hint: "check the path and its permissions".to_owned(),
    };
    let entries = std::fs::read_dir(directory).map_err(|e| vec![problem(directory, format!("cannot be read: {e}"))])?;
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "toml"))
        .collect();
    paths.sort();
    if paths.len() > MAX_FILES {
        return Err(vec![problem(directory, format!("holds more than {MAX_FILES} site files"))]);
    }
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        let size = std::fs::metadata(&path).map(|m| m.len());
        match size
            .and_then(|size| if size > MAX_FILE_BYTES { Ok(None) } else { std::fs::read_to_string(&path).map(Some) })
        {
            Ok(Some(source)) => files.push((path.display().to_string(), source)),
            Ok(None) => errors.push(problem(&path, format!("is larger than {MAX_FILE_BYTES} bytes"))),
            Err(error) => errors.push(problem(&path, format!("cannot be read: {error}"))),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

fn plausible_host(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    !name.is_empty()
        && name.contains('.')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

fn from_toml(file: &str, source: &str, error: &toml::de::Error) -> SiteError {
    let start = error.span().map_or(0, |span| span.start);
    let line = source[..start.min(source.len())].matches('\n').count() + 1;
    let text = source.lines().nth(line - 1).unwrap_or("");
    let key = text.split(['=', ']']).next().unwrap_or("").trim_matches(['[', ' ', '"']).to_owned();
    SiteError {
        file: file.to_owned(),
        line,
        key,
        problem: error.message().to_owned(),
        hint: "see docs/add-a-site.md for the keys of a site file".to_owned(),
    }
}

fn line_of(source: &str, key: &str) -> usize {
    let starts = |line: &str| {
        line.trim_start_matches(['[', ' ', '"'])
            .strip_prefix("field.")
            .unwrap_or(line.trim_start_matches(['[', ' ']))
            .starts_with(key)
    };
    source.lines().position(starts).map_or(1, |at| at + 1)
}

fn line_of_value(source: &str, key: &str, value: &str) -> usize {
    let holds = |line: &str| line.contains(key) && (value.is_empty() || line.contains(super::text::cut(value, 20)));
    source.lines().position(holds).map_or_else(|| line_of(source, key), |at| at + 1)
}
