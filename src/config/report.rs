//! Who is told what: people with their scope, thresholds, schedule and language, and where alerts go besides mail.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

use super::{Percent, Problem, Span, problem};
use crate::nearest::nearest;
use crate::schedule::Schedule;

/// Digests, and the people who get them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub digest: String,
    pub time_zone: String,
    pub recipients: Vec<String>,
    pub language: Language,
    /// Where people reach this daemon's pages; empty: mails name commands instead of links.
    pub link: String,
    pub people: Vec<Person>,
}

/// Alerts that cannot wait for the digest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// How long a group collects before its first mail, and how long one with a critical event does.
    pub wait: Span,
    pub wait_critical: Span,
    /// At most one message per group and person in this time.
    pub group_every: Span,
    /// An event must stay resolved this long before it is told as resolved, and to count as a new one afterwards.
    pub settle: Span,
    pub per_hour: usize,
    pub per_day: usize,
    /// Drifted prices of one channel from which on an alert is due.
    pub drift_above: i64,
    /// No page of any competitor gave a price for this long.
    pub nothing_fetched_after: Span,
    /// A purchase cost that no import named for this long is old; zero: never.
    pub cost_stale_after: Span,
    pub slack: SecretString,
    pub teams: SecretString,
    pub webhook: String,
    pub webhook_secret: SecretString,
    /// Of Slack and Teams, too, unless they have their own.
    pub webhook_language: Language,
    #[serde(deserialize_with = "if_any")]
    pub slack_language: Option<Language>,
    #[serde(deserialize_with = "if_any")]
    pub teams_language: Option<Language>,
}

/// A language, or an empty text for none.
fn if_any<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Language>, D::Error> {
    match String::deserialize(deserializer)? {
        text if text.is_empty() => Ok(None),
        text => Language::deserialize(IntoDeserializer::into_deserializer(text)).map(Some),
    }
}

/// The languages of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    En,
    Da,
    Sv,
    Pl,
    De,
}

impl Language {
    pub const ALL: [Self; 5] = [Self::En, Self::Da, Self::Sv, Self::Pl, Self::De];

    /// The ISO 639-1 code, as in HTML's `lang`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Da => "da",
            Self::Sv => "sv",
            Self::Pl => "pl",
            Self::De => "de",
        }
    }
}

/// Which alerts a person gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    #[default]
    All,
    Critical,
    None,
}

/// The form of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Html,
    Text,
}

/// Full lists beside the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attachment {
    Xlsx,
    Csv,
}

/// What a day without news brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietDay {
    #[default]
    Skip,
    /// Three lines.
    Short,
    /// Three lines, once a week.
    Weekly,
}

/// Parts of a digest, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    NeedsYou,
    WrongNow,
    Market,
    OurChanges,
    Opportunities,
    Threats,
    Campaigns,
    Health,
}

impl Part {
    /// As they are written in the configuration.
    pub const NAMES: [&'static str; 8] =
        ["needs_you", "wrong_now", "market", "our_changes", "opportunities", "threats", "campaigns", "health"];
}

/// One person's wishes: configured, then changed by the person's own link or by the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Person {
    /// `Name <address>`.
    pub mail: String,
    pub language: Option<Language>,
    pub time_zone: Option<String>,
    /// Cron of the digest; an empty text: none.
    pub digest: Option<String>,
    /// `22:00-06:30` in the person's time zone: alerts that are not critical wait until it ends.
    pub quiet: String,
    /// What the scope is called in subjects; empty: made from the scope.
    pub scope: String,
    /// Empty lists mean everything. A category stands for all below it.
    pub categories: Vec<String>,
    pub brands: Vec<String>,
    pub competitors: Vec<String>,
    pub channels: Vec<String>,
    pub tags: Vec<String>,
    pub sections: BTreeSet<Part>,
    /// Kinds of events; empty: all.
    pub kinds: Vec<String>,
    pub alerts: Wanted,
    /// Smaller rises and falls, of competitors and our own, are counted and not listed.
    pub rise_pct: Least,
    pub fall_pct: Least,
    /// In major units of the product's currency.
    pub rise_amount: Least,
    pub fall_amount: Least,
    pub format: Format,
    #[serde(default = "both")]
    pub attachments: BTreeSet<Attachment>,
    /// Costs, floors and margins are nothing for this person's role.
    pub hide_costs: bool,
    pub quiet_day: QuietDay,
    /// Unsubscribed: neither digests nor alerts.
    pub off: bool,
}

/// A least amount or percentage, written as a text; empty is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Least(pub crate::money::Decimal);

impl TryFrom<String> for Least {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() { Ok(Self::default()) } else { Percent::try_from(text).map(|p| Self(p.0)) }
    }
}

impl Serialize for Least {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&if self.0.is_zero() { String::new() } else { self.0.normalize().to_string() })
    }
}

fn both() -> BTreeSet<Attachment> {
    [Attachment::Xlsx, Attachment::Csv].into()
}

impl Person {
    /// Somebody who gets everything in the ordinary form.
    #[must_use]
    pub fn plain(mail: &str) -> Self {
        Self { mail: mail.to_owned(), attachments: both(), ..Self::default() }
    }

    /// The bare address in lower case: what identifies a person.
    #[must_use]
    pub fn address(&self) -> String {
        address(&self.mail)
    }

    /// The digest's schedule; none if the person wants no digest.
    ///
    /// # Errors
    /// What the cron text or the zone says wrong.
    pub fn schedule(&self, report: &Report) -> Result<Option<Schedule>, String> {
        let cron = self.digest.as_deref().unwrap_or(&report.digest);
        if cron.is_empty() {
            return Ok(None);
        }
        Schedule::cron(cron, self.zone(report)).map(Some)
    }

    /// The name of the person's time zone.
    #[must_use]
    pub fn zone<'a>(&'a self, report: &'a Report) -> &'a str {
        self.time_zone.as_deref().unwrap_or(&report.time_zone)
    }

    /// Everything that is wrong with these wishes, each with its key.
    #[must_use]
    pub fn problems(&self, report: &Report, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut refuse =
            |key: &str, what: String, hint: &str| problems.push(problem(&format!("{path}.{key}"), &what, hint));
        if self.mail.parse::<lettre::message::Mailbox>().is_err() || self.mail.contains(['\r', '\n']) {
            refuse("mail", format!("`{}` is not a mail address", self.mail), "\"Name <name@shop.example>\"");
        }
        if let Some((what, hint)) = strange_zone(self.zone(report)) {
            refuse("time_zone", what, &hint);
        } else if let Err(what) = self.schedule(report) {
            refuse("digest", what, "five fields, such as \"0 7 * * MON-FRI\"");
        }
        if !self.quiet.is_empty() && quiet_hours(&self.quiet).is_none() {
            refuse("quiet", format!("`{}` is not FROM-UNTIL", self.quiet), "\"22:00-06:30\", or \"\" for none");
        }
        problems
    }
}

/// What is wrong with the name of a time zone, and a hint; none for one that is known here.
pub(super) fn strange_zone(name: &str) -> Option<(String, String)> {
    if TimeZone::get(name).is_ok() {
        return None;
    }
    let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "the IANA name of a zone, such as \"Europe/Copenhagen\" or \"UTC\"".to_owned(),
    };
    Some((format!("`{name}` is not a time zone that is known here"), hint))
}

/// The bare address of `Name <address>`, in lower case.
#[must_use]
pub fn address(mail: &str) -> String {
    let bare = mail.rsplit_once('<').map_or(mail, |(_, rest)| rest.trim_end_matches('>'));
    bare.trim().to_lowercase()
}

/// `22:00-06:30` as two local times.
#[must_use]
pub fn quiet_hours(text: &str) -> Option<(jiff::civil::Time, jiff::civil::Time)> {
    let time = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        jiff::civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    let (from, until) = text.split_once('-')?;
    Some((time(from)?, time(until)?))
}

impl Report {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if let Some((what, hint)) = strange_zone(&self.time_zone) {
            problems.push(problem("report.time_zone", &what, &hint));
        } else if let Err(what) = Schedule::cron(&self.digest, &self.time_zone) {
            problems.push(problem("report.digest", &what, "five fields, such as \"0 7 * * MON-FRI\""));
        }
        if !self.link.is_empty()
            && url::Url::parse(&self.link).map_or(true, |url| !matches!(url.scheme(), "http" | "https"))
        {
            let what = format!("`{}` is not an http address", self.link);
            problems.push(problem("report.link", &what, "\"https://prices.shop.example\", or \"\" for no links"));
        }
        let mut seen = BTreeSet::new();
        for (index, person) in self.people.iter().enumerate() {
            let path = format!("report.people[{index}]");
            problems.extend(person.problems(self, &path));
            if !seen.insert(person.address()) {
                let what = format!("`{}` is there twice", person.address());
                problems.push(problem(&path, &what, "one table per person"));
            }
        }
    }

    /// Everybody who is configured: the tables, and the addresses of the short form.
    #[must_use]
    pub fn everybody(&self) -> Vec<Person> {
        let mut everybody = self.people.clone();
        for mail in &self.recipients {
            if !everybody.iter().any(|person| person.address() == address(mail)) {
                everybody.push(Person::plain(mail));
            }
        }
        everybody
    }
}

impl Alerts {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        use secrecy::ExposeSecret as _;
        for (key, url) in [
            ("alerts.slack", self.slack.expose_secret()),
            ("alerts.teams", self.teams.expose_secret()),
            ("alerts.webhook", self.webhook.as_str()),
        ] {
            if !url.is_empty() && url::Url::parse(url).is_err() {
                // The address itself is the secret: it is not repeated.
                problems.push(problem(key, "is not an address", "the whole https://... that the service shows"));
            }
        }
        if !self.webhook.is_empty() && crate::channel::wire::signed::key(self.webhook_secret.expose_secret()).is_none()
        {
            let hint = "whsec_ and the base64 of 24 to 64 random bytes";
            problems.push(problem("alerts.webhook_secret", "is missing or has another form", hint));
        }
        if self.per_hour == 0 || self.per_day == 0 {
            problems.push(problem(
                "alerts.per_day",
                "a budget of zero would hide alerts",
                "people turn alerts off with `alerts = \"none\"`",
            ));
        }
    }
}
