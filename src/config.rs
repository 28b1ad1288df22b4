//! Configuration: embedded defaults, then the file, then the environment; every problem is reported at once.
//!
//! Checking needs no network and no database. Secrets never print: `show` masks them.

mod layers;
mod pricing;
mod report;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use layers::{compare, default_table};
pub use layers::{masked, merged};
pub use pricing::{Cited, Deciding, Fx, FxFetch, Guards, Rivalry, Vat};
pub use report::{
    Alerts, Attachment, Format, Language, Least, Part, Person, QuietDay, Report, Wanted, address, quiet_hours,
};
pub use values::{Percent, Span};

use crate::clock::Millis;
use crate::decide::prior_table::{self, PriorRow};
use crate::decide::release::ReleaseParams;
use crate::schedule::Schedule;

/// The embedded manual with all defaults.
pub const DEFAULT: &str = include_str!("../config/default.toml");

/// A problem at one place, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path, as in `channels.webshop.url`.
    pub path: String,
    pub what: String,
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  hint: {}", self.path, self.what, self.hint)
    }
}

/// All problems of a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{} in the configuration\n{}", count(.0.len()), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);

fn count(n: usize) -> String {
    if n == 1 { "1 problem".to_owned() } else { format!("{n} problems") }
}

/// How far decisions go by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Released prices go out.
    Auto,
    /// Every proposed change waits for a person.
    Review,
    /// Computed and logged only.
    Shadow,
}

impl Mode {
    /// As it is written in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Review => "review",
            Self::Shadow => "shadow",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub mode: Mode,
    pub database: Database,
    pub rules: Rules,
    pub scrapers: Scrapers,
    pub schedule: ScheduleConfig,
    pub fetch: Fetch,
    pub observe: Observe,
    pub release: ReleaseParams,
    pub guards: Guards,
    pub vat: Vat,
    /// Overrides of what a country asks of announced reductions, by country.
    pub prior_price: BTreeMap<String, PriorRow>,
    pub fx: Fx,
    pub publish: Publish,
    pub mail: Mail,
    pub report: Report,
    pub alerts: Alerts,
    pub web: Web,
    pub log: Log,
    /// `kind` and the kind's own keys, which only that kind understands.
    pub channels: BTreeMap<String, Table>,
    /// Where relative paths start: the folder of the file, or the working directory.
    #[serde(skip)]
    pub base: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: SecretString,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub file: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scrapers {
    pub dir: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    pub every: Span,
    pub cron: String,
    pub time_zone: String,
    pub confirm_after: Span,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    pub user_agent: String,
    pub concurrency: usize,
    pub delay: Span,
    pub connect_timeout: Span,
    pub timeout: Span,
    /// Bytes after decompression.
    pub max_body_bytes: usize,
    pub max_redirects: usize,
    pub robots: Robots,
    pub robots_reason: String,
    pub allow_networks: Vec<String>,
    pub resolve: BTreeMap<String, std::net::IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Robots {
    Obey,
    Ignore,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    pub max_age: Span,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    pub retry: Vec<Span>,
    pub give_up_after: i64,
    pub lease: Span,
    pub timeout: Span,
    pub verify_after: Span,
    pub settle_within: Span,
    /// How long a push without an answer may still take effect.
    pub late_within: Span,
    pub reconcile_every: Span,
    pub per_minute: u32,
    pub brake_least: i64,
    pub brake_share_pct: i64,
    pub brake_mean_pct: i64,
    pub parity_goal_pct: Percent,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    pub transport: MailTransport,
    pub directory: PathBuf,
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    pub user: String,
    pub password: SecretString,
    pub ca_file: PathBuf,
    pub from: String,
    pub timeout: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTransport {
    Directory,
    Smtp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    Starttls,
    Tls,
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    pub listen: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Human,
    Json,
}

impl Config {
    /// Loads defaults, the file if one is given, and the environment, and validates the whole.
    ///
    /// # Errors
    /// Every problem found, each with its path and a hint.
    pub fn load(file: Option<&Path>, environment: &[(String, String)]) -> Result<Self, ConfigError> {
        let (table, base) = merged(file, environment)?;
        Self::from_table(table, base)
    }

    /// The same with only some sections of file and environment; the others keep their defaults, whatever stands there.
    ///
    /// # Errors
    /// Every problem found in those sections.
    pub fn load_part(
        file: Option<&Path>,
        environment: &[(String, String)],
        sections: &[&str],
    ) -> Result<Self, ConfigError> {
        let (table, base) = layers::merged_part(file, environment, |section| sections.contains(&section))?;
        Self::from_table(table, base)
    }

    /// Validates a merged table; relative paths start at `base`.
    ///
    /// # Errors
    /// Every problem found.
    pub fn from_table(table: Table, base: PathBuf) -> Result<Self, ConfigError> {
        let defaults = default_table();
        let mut problems = Vec::new();
        compare(&table, &defaults, "", &mut problems);
        check_sections(&table, &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError(problems));
        }
        let mut config: Self = table.try_into().map_err(|e: toml::de::Error| {
            ConfigError(vec![problem("config", e.message(), "see `omniprice config show`")])
        })?;
        config.base = base;
        config.check(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
    }

    /// A path of the configuration, made absolute from the folder of its file.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// The database URL with a relative SQLite path made absolute.
    #[must_use]
    pub fn database_url(&self) -> String {
        let url = self.database.url.expose_secret();
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.starts_with('/') => format!("sqlite://{}", self.base.join(path).display()),
            _ => url.to_owned(),
        }
    }

    /// The file of an embedded database; `None` for PostgreSQL.
    #[must_use]
    pub fn database_file(&self) -> Option<PathBuf> {
        let url = self.database_url();
        let path = url.strip_prefix("sqlite://")?;
        Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
    }

    /// The check schedule of competitor pages.
    ///
    /// # Errors
    /// What the cron text or time zone says wrong.
    pub fn schedule(&self) -> Result<Schedule, String> {
        if self.schedule.cron.is_empty() {
            Ok(Schedule::every(self.schedule.every.0))
        } else {
            Schedule::cron(&self.schedule.cron, &self.schedule.time_zone)
        }
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        let mut refuse = |path: &str, what: String, hint: &str| problems.push(problem(path, &what, hint));
        // Looked at without a pattern too: the zone waits there for the day on which somebody writes one.
        if let Some((what, hint)) = report::strange_zone(&self.schedule.time_zone) {
            refuse("schedule.time_zone", what, &hint);
        } else if let Err(what) = self.schedule() {
            refuse("schedule.cron", what, "five fields, such as \"0 5 * * MON-SAT\"");
        }
        if self.schedule.every.0 < Millis::SECOND {
            refuse("schedule.every", "is shorter than a second".into(), "an hour or more is polite");
        }
        if !(1..=512).contains(&self.fetch.concurrency) {
            refuse(
                "fetch.concurrency",
                format!("{} is not in 1..=512", self.fetch.concurrency),
                "16 is plenty for most shops",
            );
        }
        if self.fetch.robots == Robots::Ignore && self.fetch.robots_reason.trim().is_empty() {
            refuse("fetch.robots_reason", "ignoring robots.txt needs a reason".into(), "write who allowed it and when");
        }
        for network in &self.fetch.allow_networks {
            if let Err(what) = crate::fetch::guard::Network::parse(network) {
                refuse("fetch.allow_networks", what, "write a network such as \"10.1.0.0/16\" or \"::1/128\"");
            }
        }
        if self.publish.lease.0 <= 2 * self.publish.timeout.0 {
            let what = format!("{} is not longer than two timeouts of {}", self.publish.lease, self.publish.timeout);
            refuse("publish.lease", what, "a lease that ends during a request lets two workers send; try \"90s\"");
        }
        if self.publish.retry.is_empty() {
            refuse("publish.retry", "is empty".into(), "at least one wait, such as [\"5s\"]");
        }
        if self.publish.per_minute == 0 {
            refuse(
                "publish.per_minute",
                "is zero: nothing would ever be sent".into(),
                "`omniprice pause` stops pushes",
            );
        }
        if !self.web.listen.is_empty() && self.web.listen.parse::<SocketAddr>().is_err() {
            refuse(
                "web.listen",
                format!("`{}` is not ADDRESS:PORT", self.web.listen),
                "\"127.0.0.1:8020\", or \"\" for none",
            );
        }
        for (path, mailbox) in
            self.report.recipients.iter().map(|r| ("report.recipients", r)).chain([("mail.from", &self.mail.from)])
        {
            if mailbox.parse::<lettre::message::Mailbox>().is_err() || mailbox.contains(['\r', '\n']) {
                refuse(path, format!("`{mailbox}` is not a mail address"), "\"Name <name@shop.example>\"");
            }
        }
        if self.mail.security == MailSecurity::None && !is_loopback(&self.mail.host) {
            refuse(
                "mail.security",
                format!("none would send the password to {} in the clear", self.mail.host),
                "use \"starttls\" or \"tls\"",
            );
        }
        let database = self.database.url.expose_secret();
        if let Err(what) = database_url(database) {
            refuse("database.url", what, "\"sqlite://omniprice.db\" or \"postgres://user@host/database\"");
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            refuse("log.filter", format!("`{}`: {error}", self.log.filter), "\"info\", or \"info,omniprice=debug\"");
        }
        self.vat.check(problems);
        let wrong = prior_table::wrong(&self.prior_price).into_iter();
        problems.extend(wrong.map(|wrong| problem(&wrong.path, &wrong.what, &wrong.hint)));
        self.fx.check(problems);
        self.guards.check(problems);
        for (name, table) in &self.channels {
            crate::channel::check(name, table, problems);
        }
        self.report.check(problems);
        self.alerts.check(problems);
    }
}

/// Whether a database URL can be one at all; its secret part is never repeated.
fn database_url(url: &str) -> Result<(), String> {
    if url.strip_prefix("sqlite://").is_some_and(|path| !path.is_empty()) {
        return Ok(());
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("starts with neither `sqlite://` nor `postgres://`".to_owned());
    }
    url::Url::parse(url).map(drop).map_err(|error| format!("is no URL: {error}"))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A problem from its parts.
#[must_use]
pub fn problem(path: &str, what: &str, hint: &str) -> Problem {
    Problem { path: path.to_owned(), what: what.trim_end().to_owned(), hint: hint.to_owned() }
}

/// Deserialises section by section, so that one bad value does not hide the next section's.
fn check_sections(table: &Table, problems: &mut Vec<Problem>) {
    fn one<T: serde::de::DeserializeOwned>(table: &Table, section: &str, problems: &mut Vec<Problem>) {
        let Some(Value::Table(inner)) = table.get(section) else { return };
        for (key, value) in inner {
            let mut single = default_table().get(section).and_then(Value::as_table).cloned().unwrap_or_default();
            single.insert(key.clone(), value.clone());
            let here = format!("{section}.{key}");
            if problems.iter().any(|p| p.path.starts_with(&here)) {
                continue;
            }
            if let Err(error) = Value::Table(single).try_into::<T>() {
                problems.push(problem(
                    &here,
                    error.message(),
                    "the comment in `omniprice config default` shows the form",
                ));
            }
        }
    }
    one::<Database>(table, "database", problems);
    one::<Rules>(table, "rules", problems);
    one::<Scrapers>(table, "scrapers", problems);
    one::<ScheduleConfig>(table, "schedule", problems);
    one::<Fetch>(table, "fetch", problems);
    one::<Observe>(table, "observe", problems);
    one::<ReleaseParams>(table, "release", problems);
    one::<Guards>(table, "guards", problems);
    one::<Vat>(table, "vat", problems);
    one::<BTreeMap<String, PriorRow>>(table, "prior_price", problems);
    one::<Fx>(table, "fx", problems);
    one::<Publish>(table, "publish", problems);
    one::<Mail>(table, "mail", problems);
    one::<Report>(table, "report", problems);
    one::<Alerts>(table, "alerts", problems);
    one::<Web>(table, "web", problems);
    one::<Log>(table, "log", problems);
    if let Some(mode) = table.get("mode")
        && let Err(error) = mode.clone().try_into::<Mode>()
    {
        problems.push(problem("mode", error.message(), "\"review\" until you trust it, then \"auto\""));
    }
}

#[cfg(test)]
mod tests;
