//! Everybody who is told something: the configured people with what they, or the command line, changed since.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use super::lang::Kind;
use super::link::Links;
use super::reader::Reader;
use super::text::plain;
use crate::app::{App, hex};
use crate::config::{ConfigError, Person, address};
use crate::store::{products, settings, subscriptions};

/// Where the key of signed links is kept.
const LINK_KEY: &str = "report/link-key";
const KEY_BYTES: usize = 32;
/// A stored change is small; more is no change of wishes.
const MAX_VALUE: usize = 2_000;

/// The signed links of this installation. Their key is made at first use and kept in the database.
///
/// # Errors
/// The store's, or a system without randomness.
pub async fn links(app: &App) -> anyhow::Result<Links> {
    // Written once in a database's life; read for every round.
    if let Some(kept) = settings::get(&app.db, LINK_KEY).await? {
        return Ok(Links::new(&app.config.report.link, kept.value.into_bytes()));
    }
    let mut fresh = [0; KEY_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut fresh).map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    let why = "signs links in mails";
    let kept = subscriptions::keep_first(&app.db, LINK_KEY, hex(&fresh), why, app.now()).await?;
    Ok(Links::new(&app.config.report.link, kept.into_bytes()))
}

/// Everybody with their wishes as they are now, whether they want mails or not.
///
/// # Errors
/// The store's. Changes that cannot be read any more are said in the log, and the configured wishes hold.
pub async fn everybody(app: &App) -> anyhow::Result<Vec<Person>> {
    let mut people = app.config.report.everybody();
    for stored in subscriptions::all(&app.db).await? {
        let configured = people.iter().position(|person| person.address() == stored.person);
        let base =
            configured.and_then(|index| people.get(index).cloned()).unwrap_or_else(|| Person::plain(&stored.person));
        let changed = match changed(app, &base, &stored.value) {
            Ok(changed) => changed,
            Err(error) => {
                tracing::warn!("the changed wishes of {} are left out: {error:#}", stored.person);
                continue;
            }
        };
        match configured.and_then(|index| people.get_mut(index)) {
            Some(person) => *person = changed,
            None => people.push(changed),
        }
    }
    Ok(people)
}

/// Lays a JSON object of changes over wishes.
fn changed(app: &App, base: &Person, patch: &str) -> anyhow::Result<Person> {
    let Value::Object(mut merged) = serde_json::to_value(base)? else { bail!("wishes are an object") };
    let patch: Map<String, Value> = serde_json::from_str(patch).context("stored wishes")?;
    merged.extend(patch);
    let person: Person = serde_json::from_value(Value::Object(merged))?;
    let problems = person.problems(&app.config.report, &person.address());
    if problems.is_empty() { Ok(person) } else { Err(ConfigError(problems).into()) }
}

/// A reader for everybody who has not unsubscribed.
///
/// # Errors
/// As [`everybody`] and [`links`].
pub async fn readers(app: &App) -> anyhow::Result<Vec<Reader>> {
    let links = links(app).await?;
    let people = everybody(app).await?.into_iter().filter(|person| !person.off);
    Ok(people.map(|person| Reader::new(person, &app.config.report, links.clone())).collect())
}

/// The reader with an address, unsubscribed or not; a stranger gets everything in the ordinary form.
///
/// # Errors
/// As [`readers`].
pub async fn reader(app: &App, mail: &str) -> anyhow::Result<Reader> {
    let wanted = address(mail);
    let person = everybody(app).await?.into_iter().find(|person| person.address() == wanted);
    Ok(Reader::new(person.unwrap_or_else(|| Person::plain(mail)), &app.config.report, links(app).await?))
}

/// The same for somebody who has to be known: a mistyped address would show what nobody is sent.
///
/// # Errors
/// An unknown address, with those that are known; or the store's.
pub async fn known(app: &App, mail: &str) -> anyhow::Result<Reader> {
    let (wanted, all) = (address(mail), everybody(app).await?);
    if !all.iter().any(|person| person.address() == wanted) {
        let known: Vec<String> = all.iter().map(Person::address).collect();
        let known = if known.is_empty() { "nobody yet".to_owned() } else { known.join(", ") };
        bail!(
            "nobody is told anything at `{}`\nhint: known are {known}; `omniprice subscription set {}` adds a person",
            plain(&wanted),
            plain(&wanted)
        );
    }
    reader(app, mail).await
}

/// Stores changes of wishes; keys that are not named stay as they are. Returns the wishes that now hold.
///
/// # Errors
/// Wishes that make no sense, each with its key; or the store's.
pub async fn change(
    app: &App,
    mail: &str,
    changes: Map<String, Value>,
    actor: &str,
    why: &str,
) -> anyhow::Result<Person> {
    let key = address(mail);
    let stored = subscriptions::get(&app.db, &key).await?;
    let mut patch: Map<String, Value> = match &stored {
        Some(stored) => serde_json::from_str(&stored.value).unwrap_or_default(),
        None => Map::new(),
    };
    for (name, value) in changes {
        if value.to_string().len() > MAX_VALUE {
            bail!("{name}: longer than {MAX_VALUE} bytes\nhint: a category or tag stands for many products");
        }
        patch.insert(name, value);
    }
    let configured = app.config.report.everybody().into_iter().find(|person| person.address() == key);
    let base = configured.unwrap_or_else(|| Person::plain(mail));
    let value = Value::Object(patch).to_string();
    let person = changed(app, &base, &value)?;
    if person.address() != key {
        bail!("mail: the address itself cannot change\nhint: subscribe the new one and remove the old one");
    }
    if let Some(strange) = strange(app, &person).into_iter().next() {
        bail!("{strange}");
    }
    subscriptions::set(&app.db, key, value, actor.to_owned(), why.to_owned(), app.now()).await?;
    Ok(person)
}

/// Whether one wish, laid over the others of a person, is one that can be kept.
#[must_use]
pub fn makes_sense(app: &App, person: &Person, name: &str, value: &Value) -> bool {
    let patch = Value::Object(Map::from_iter([(name.to_owned(), value.clone())])).to_string();
    value.to_string().len() <= MAX_VALUE && changed(app, person, &patch).is_ok()
}

/// Names in a person's wishes that stand for nothing: whoever is told only of those is told nothing.
#[must_use]
pub fn strange(app: &App, person: &Person) -> Vec<String> {
    let mut strange = Vec::new();
    for kind in person.kinds.iter().filter(|kind| Kind::of(kind) == Kind::Other) {
        strange.push(format!("kinds: there is no kind of event `{}`\nhint: docs/digests.md lists them", plain(kind)));
    }
    for channel in person.channels.iter().filter(|channel| app.lane(channel).is_none()) {
        strange.push(format!("channels: there is no channel `{}`\nhint: omniprice channel list", plain(channel)));
    }
    strange
}

/// Categories of a person's wishes that no product is in yet, each in a sentence with a hint.
///
/// # Errors
/// The store's.
pub async fn empty_categories(app: &App, person: &Person) -> anyhow::Result<Vec<String>> {
    let told = |name: String| {
        format!(
            "categories: no product is in `{name}`\nhint: as in the column category of the import, such as audio/headphones"
        )
    };
    Ok(empty(app, person).await?.into_iter().map(told).collect())
}

/// The names of those categories.
///
/// # Errors
/// The store's.
pub async fn empty(app: &App, person: &Person) -> anyhow::Result<Vec<String>> {
    let mut empty = Vec::new();
    for category in &person.categories {
        if !products::any_under(&app.db, category).await? {
            empty.push(plain(category));
        }
    }
    Ok(empty)
}

/// Names in a list with commas between them; one that holds a comma stands in quotation marks, as [`list`] writes it.
fn listed(text: &str) -> anyhow::Result<Vec<String>> {
    let (mut names, mut name, mut inside) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => inside = !inside,
            ',' if !inside => names.push(std::mem::take(&mut name)),
            _ => name.push(c),
        }
    }
    if inside {
        bail!("a quotation mark is left open\nhint: audio, \"Home, Garden\"");
    }
    names.push(name);
    Ok(names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
}

/// Names as [`parse`] reads them.
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |name: &str| if name.contains(',') { format!("\"{name}\"") } else { name.to_owned() };
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Turns `KEY=VALUE` into a change, by the type that the key has: a list is split at commas outside quotation marks.
///
/// # Errors
/// A text without `=`, or an unknown key with those that are known.
pub fn parse(text: &str) -> anyhow::Result<(String, Value)> {
    let Some((key, value)) = text.split_once('=') else {
        bail!("`{text}` is not KEY=VALUE\nhint: language=da, categories=audio,video or rise_pct=5");
    };
    let Value::Object(known) = serde_json::to_value(Person::default())? else { bail!("wishes are an object") };
    let (key, value) = (key.trim(), value.trim());
    let typed = match known.get(key) {
        Some(Value::Array(_)) => Value::from(listed(value).with_context(|| key.to_owned())?),
        Some(Value::Bool(_)) => match value.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Value::Bool(true),
            "false" | "no" | "off" | "0" | "" => Value::Bool(false),
            _ => bail!("{key}: `{}` is neither yes nor no\nhint: {key}=yes or {key}=no", plain(value)),
        },
        // What is not set is the general setting; an empty digest is none at all.
        Some(Value::Null) if value.is_empty() && key != "digest" => Value::Null,
        Some(_) => Value::from(value),
        None => bail!("there is no `{key}`\nhint: known are {}", known.keys().cloned().collect::<Vec<_>>().join(", ")),
    };
    Ok((key.to_owned(), typed))
}

/// The same for a command line, where a value that its key cannot take is told with the key.
///
/// # Errors
/// As [`parse`], and a value of another form.
pub fn parse_whole(text: &str) -> anyhow::Result<(String, Value)> {
    let (key, typed) = parse(text)?;
    let Value::Object(mut tried) = serde_json::to_value(Person::default())? else { bail!("wishes are an object") };
    tried.insert(key.clone(), typed.clone());
    if let Err(error) = serde_json::from_value::<Person>(Value::Object(tried)) {
        let hint = match typed.as_str().and_then(|value| value.strip_suffix('%')) {
            Some(number) => format!("{key}={}", plain(number.trim())),
            None => "docs/digests.md says what each takes, such as language=da or rise_pct=5".to_owned(),
        };
        bail!("{key}: {error}\nhint: {hint}");
    }
    Ok((key, typed))
}
