//! The pages behind links in mails: unsubscribe, change what one is told, approve or reject a price.
//!
//! A GET shows a page and changes nothing, whoever follows the link first: a mail scanner, a preview, the person. Only
//! the page's own form acts, and mail programs' one-click unsubscribe (RFC 8058), which is a POST too.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value};

use super::{Failed, campaigns};
use crate::app::App;
use crate::clock::Millis;
use crate::config::{Language, Part, QuietDay, Wanted};
use crate::flow::pricing::{self, Approved, Refused};
use crate::report::lang::{Kind, Words, fill};
use crate::report::link::{Claim, LinkError, PATH, Purpose};
use crate::report::people;
use crate::report::product_page::{self, ProductPage};
use crate::report::reader::Reader;
use crate::report::text;
use crate::store::decisions::{self, Review};
use crate::store::products;

/// A form is some lines of text.
const MAX_FORM: usize = 16 * 1024;
/// Reasons are cut to this many characters.
const MAX_WHY: usize = 500;

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route(&format!("/{PATH}/{{token}}"), get(show).post(act)).layer(DefaultBodyLimit::max(MAX_FORM))
}

#[derive(Template)]
#[template(path = "people.html")]
pub(super) struct Page<'a> {
    lang: &'static str,
    words: &'static Words,
    title: &'a str,
    /// Said first, and read out by screen readers: what was not done.
    alert: Option<String>,
    lines: Vec<String>,
    form: Option<Form>,
}

#[derive(Template)]
#[template(path = "product.html")]
struct About<'a> {
    lang: &'static str,
    words: &'static Words,
    page: &'a ProductPage,
    parts: &'a [(&'static str, &'a [String])],
}

/// A form with one button, and what it asks.
pub(super) struct Form {
    pub button: &'static str,
    pub fields: Vec<Field>,
}

pub(super) struct Field {
    name: &'static str,
    label: &'static str,
    value: String,
    /// Values and labels of a choice; empty for a line of text.
    choices: Vec<(&'static str, &'static str)>,
    /// Names that a list may hold, where they are fixed.
    known: Vec<String>,
    /// What is wrong with the value as it was typed.
    wrong: Option<String>,
}

impl Field {
    pub fn line(name: &'static str, label: &'static str, value: &str) -> Self {
        Self { name, label, value: value.to_owned(), choices: vec![], known: vec![], wrong: None }
    }

    fn list(name: &'static str, label: &'static str, values: &[String]) -> Self {
        Self::line(name, label, &people::list(values.iter().map(String::as_str)))
    }

    fn choice(name: &'static str, label: &'static str, value: &str, choices: &[(&'static str, &'static str)]) -> Self {
        Self { choices: choices.to_vec(), ..Self::line(name, label, value) }
    }

    fn knowing(self, known: &[&str]) -> Self {
        Self { known: known.iter().map(|name| (*name).to_owned()).collect(), ..self }
    }
}

/// Pages with a token in their address are nobody else's business: not stored, not indexed, no referrer, no script.
pub(super) fn answer(status: StatusCode, page: &impl Template) -> Result<Response, Failed> {
    let mut response = (status, page.render()?).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    Ok(response)
}

pub(super) fn page<'a>(reader: &Reader, title: &'a str, lines: Vec<String>, form: Option<Form>) -> Page<'a> {
    Page { lang: reader.voice.language.code(), words: reader.voice.words, title, alert: None, lines, form }
}

/// Who holds a link and what for.
struct Opened {
    claim: Claim,
    reader: Reader,
    /// Whether it still is somebody who gets mails; for anybody else a link only unsubscribes.
    known: bool,
}

/// A link's holder; a page that says why not otherwise.
async fn opened(app: &App, token: &str) -> anyhow::Result<Result<Opened, Box<(StatusCode, Language, LinkError)>>> {
    let language = app.config.report.language;
    match people::links(app).await?.read(token, app.now()) {
        Ok(claim) => {
            // Who was removed keeps the links of old mails; they must not bring anybody back, with what was hidden before.
            let known = people::everybody(app).await?.iter().any(|person| person.address() == claim.person);
            if !known && claim.purpose != Purpose::Unsubscribe {
                return Ok(Err(Box::new((StatusCode::GONE, language, LinkError::Expired))));
            }
            let reader = people::reader(app, &claim.person).await?;
            Ok(Ok(Opened { claim, reader, known }))
        }
        Err(error @ LinkError::Expired) => Ok(Err(Box::new((StatusCode::GONE, language, error)))),
        Err(error @ LinkError::Broken) => Ok(Err(Box::new((StatusCode::NOT_FOUND, language, error)))),
    }
}

fn refused(why: &(StatusCode, Language, LinkError)) -> Result<Response, Failed> {
    let (status, language, error) = why;
    let words = Words::of(*language);
    let line = if *error == LinkError::Expired { words.link_expired } else { words.link_broken };
    let page = Page {
        lang: language.code(),
        words,
        title: words.page_title,
        alert: None,
        lines: vec![line.to_owned()],
        form: None,
    };
    answer(*status, &page)
}

async fn show(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Response, Failed> {
    let Opened { claim, reader, .. } = match opened(&app, &token).await? {
        Ok(opened) => opened,
        Err(why) => return refused(&why),
    };
    let words = reader.voice.words;
    match claim.purpose {
        Purpose::Unsubscribe => {
            let (line, button) = if reader.person.off {
                (words.unsubscribed, words.resubscribe)
            } else {
                (words.unsubscribe_ask, words.unsubscribe_button)
            };
            let on = Field::line("again", "", if reader.person.off { "on" } else { "" });
            let form = Form { button, fields: vec![on] };
            let line = fill(line, &[("mail", &reader.address)]);
            answer(StatusCode::OK, &page(&reader, words.unsubscribe, vec![line], Some(form)))
        }
        Purpose::Settings => {
            answer(StatusCode::OK, &page(&reader, words.settings_title, vec![], Some(settings_form(&reader, &app))))
        }
        Purpose::Product(id) => {
            let Some(product) = products::by_id(&app.db, id).await? else {
                return refused(&(StatusCode::GONE, reader.voice.language, LinkError::Expired));
            };
            let page = product_page::of(&app, &reader, product).await?;
            let parts = [
                (words.market, page.offers.as_slice()),
                (words.settings_channels, page.channels.as_slice()),
                (words.our_changes, page.changes.as_slice()),
            ];
            answer(StatusCode::OK, &About { lang: reader.voice.language.code(), words, page: &page, parts: &parts })
        }
        Purpose::ApproveCampaign(id) => campaigns::show(&app, &reader, id, true).await,
        Purpose::RejectCampaign(id) => campaigns::show(&app, &reader, id, false).await,
        Purpose::Approve(id) | Purpose::Reject(id) => {
            let Some(review) = open_review(&app, id).await? else { return settled(&app, &reader, id).await };
            let approve = matches!(claim.purpose, Purpose::Approve(_));
            let (title, ask, button) = if approve {
                (words.approve, words.approve_ask, words.approve_button)
            } else {
                (words.reject, words.reject_ask, words.reject_button)
            };
            let mut lines = vec![
                text::product(&review.sku, &review.title),
                reader.voice.span(review.previous_minor, review.price_minor, &review.currency),
                fill(words.valid_until, &[("at", &reader.voice.at(Millis(review.expires_at)))]),
                ask.to_owned(),
            ];
            lines.extend(review.first_by.as_deref().map(|by| agreed(&reader, by)));
            let why = Field::line("why", words.why_label, "");
            answer(StatusCode::OK, &page(&reader, title, lines, Some(Form { button, fields: vec![why] })))
        }
    }
}

async fn open_review(app: &App, id: i64) -> anyhow::Result<Option<Review>> {
    let review = decisions::review(&app.db, id).await?;
    Ok(review.filter(|review| review.state == "open" && review.expires_at > app.now().0))
}

/// That one of two persons has agreed.
fn agreed(reader: &Reader, by: &str) -> String {
    fill(reader.voice.words.agreed_by, &[("person", &text::message(by))])
}

/// A proposal that is not open any more: what became of it, when and by whom.
async fn settled(app: &App, reader: &Reader, id: i64) -> Result<Response, Failed> {
    let words = reader.voice.words;
    let mut lines = vec![words.review_settled.to_owned()];
    if let Some(review) = decisions::review(&app.db, id).await? {
        lines.push(text::product(&review.sku, &review.title));
        lines.push(reader.voice.span(review.previous_minor, review.price_minor, &review.currency));
        lines.push(became(&review, reader));
    }
    answer(StatusCode::CONFLICT, &page(reader, words.page_title, lines, None))
}

fn became(review: &Review, reader: &Reader) -> String {
    let (words, voice) = (reader.voice.words, &reader.voice);
    let told = match review.state.as_str() {
        "approved" => words.review_approved,
        "rejected" => words.review_rejected,
        "superseded" => words.review_replaced,
        _ => words.review_expired,
    };
    let of = |text: &Option<String>| text.as_deref().map(text::plain).unwrap_or_default();
    let at =
        if told == words.review_expired { review.expires_at } else { review.settled_at.unwrap_or(review.expires_at) };
    let values = [("who", of(&review.settled_by)), ("at", voice.at(Millis(at))), ("why", of(&review.settled_why))];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fill(told, &values).trim_end().to_owned()
}

async fn act(State(app): State<Arc<App>>, Path(token): Path<String>, body: String) -> Result<Response, Failed> {
    let Opened { claim, reader, known } = match opened(&app, &token).await? {
        Ok(opened) => opened,
        Err(why) => return refused(&why),
    };
    let words = reader.voice.words;
    let form: Map<String, Value> = url::form_urlencoded::parse(body.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::from(text::plain(&value))))
        .collect();
    match claim.purpose {
        Purpose::Unsubscribe => {
            let again = known && form.get("again").and_then(Value::as_str) == Some("on");
            if !known {
                let line = fill(words.unsubscribed, &[("mail", &reader.address)]);
                return answer(StatusCode::OK, &page(&reader, words.unsubscribe, vec![line], None));
            }
            let change = Map::from_iter([("off".to_owned(), Value::Bool(!again))]);
            people::change(&app, &reader.person.mail, change, &reader.address, "by link").await?;
            let line = if again { words.settings_saved } else { words.unsubscribed };
            let line = fill(line, &[("mail", &reader.address)]);
            answer(StatusCode::OK, &page(&reader, words.unsubscribe, vec![line], None))
        }
        Purpose::Settings => save(&app, &reader, &form).await,
        Purpose::Product(_) => Ok(StatusCode::METHOD_NOT_ALLOWED.into_response()),
        Purpose::ApproveCampaign(id) => campaigns::settle(&app, &reader, id, true, &reason(&form, &reader)).await,
        Purpose::RejectCampaign(id) => campaigns::settle(&app, &reader, id, false, &reason(&form, &reader)).await,
        Purpose::Approve(id) | Purpose::Reject(id) => {
            let why = reason(&form, &reader);
            settle(&app, &reader, id, matches!(claim.purpose, Purpose::Approve(_)), why).await
        }
    }
}

/// Why somebody agreed or did not. The log keeps it in the words of whoever followed the link, as any reason.
fn reason(form: &Map<String, Value>, reader: &Reader) -> String {
    let why = form.get("why").and_then(Value::as_str).unwrap_or_default();
    if why.trim().is_empty() { reader.voice.words.by_link.to_owned() } else { why.chars().take(MAX_WHY).collect() }
}

async fn settle(app: &App, reader: &Reader, id: i64, approve: bool, why: String) -> Result<Response, Failed> {
    let words = reader.voice.words;
    if open_review(app, id).await?.is_none() {
        return settled(app, reader, id).await;
    }
    if !approve {
        if let Err(error) = pricing::reject(app, id, &reader.address, &why).await {
            return if error.is::<Refused>() { settled(app, reader, id).await } else { Err(error.into()) };
        }
        return answer(StatusCode::OK, &page(reader, words.reject, vec![words.done_rejected.to_owned()], None));
    }
    match pricing::approve(app, id, &reader.address, &why).await {
        Ok(approved) => {
            let done = match approved {
                Approved::Decided { .. } => words.done_approved,
                Approved::First => words.done_agreed,
            };
            answer(StatusCode::OK, &page(reader, words.approve, vec![done.to_owned()], None))
        }
        Err(error) => match error.downcast_ref::<Refused>() {
            Some(Refused::SamePerson { by, .. }) => {
                answer(StatusCode::CONFLICT, &page(reader, words.approve, vec![agreed(reader, by)], None))
            }
            Some(refused) => {
                let lines = vec![words.review_settled.to_owned(), text::message(&refused.to_string())];
                answer(StatusCode::CONFLICT, &page(reader, words.approve, lines, None))
            }
            None => Err(error.into()),
        },
    }
}

fn settings_form(reader: &Reader, app: &App) -> Form {
    let words = reader.voice.words;
    let person = &reader.person;
    let least =
        |least: crate::config::Least| if least.0.is_zero() { String::new() } else { least.0.normalize().to_string() };
    let wanted = match person.alerts {
        Wanted::All => "all",
        Wanted::Critical => "critical",
        Wanted::None => "none",
    };
    let format = if person.format == crate::config::Format::Html { "html" } else { "text" };
    let quiet_day = match person.quiet_day {
        QuietDay::Skip => "skip",
        QuietDay::Short => "short",
        QuietDay::Weekly => "weekly",
    };
    let languages = [("en", "English"), ("da", "Dansk"), ("sv", "Svenska"), ("pl", "Polski"), ("de", "Deutsch")];
    let alerts = [("all", words.settings_all), ("critical", words.settings_critical), ("none", words.settings_none)];
    let quiet_days =
        [("skip", words.settings_skip), ("short", words.settings_short), ("weekly", words.settings_weekly)];
    let files = [("xlsx, csv", "xlsx, csv"), ("xlsx", "xlsx"), ("csv", "csv"), ("", words.settings_none)];
    let lanes: Vec<&str> = app.lanes.iter().map(|lane| lane.name.as_str()).collect();
    let digest = person.digest.as_deref().unwrap_or(&app.config.report.digest);
    let fields = vec![
        Field::choice("language", words.settings_language, reader.voice.language.code(), &languages),
        Field::line("digest", words.settings_digest, digest),
        Field::line("time_zone", words.settings_zone, person.zone(&app.config.report)),
        Field::line("quiet", words.settings_quiet, &person.quiet),
        Field::choice("alerts", words.settings_alerts, wanted, &alerts),
        Field::choice("quiet_day", words.settings_quiet_day, quiet_day, &quiet_days),
        Field::choice("format", words.settings_format, format, &[("html", "HTML"), ("text", "Text")]),
        Field::choice("attachments", words.settings_attachments, &names(&person.attachments), &files),
        Field::line("sections", words.settings_sections, &names(&person.sections)).knowing(&Part::NAMES),
        Field::list("kinds", words.settings_kinds, &person.kinds).knowing(Kind::NAMES),
        Field::list("categories", words.settings_categories, &person.categories),
        Field::list("brands", words.settings_brands, &person.brands),
        Field::list("competitors", words.settings_competitors, &person.competitors),
        Field::list("channels", words.settings_channels, &person.channels).knowing(&lanes),
        Field::list("tags", words.settings_tags, &person.tags),
        Field::line("rise_pct", words.settings_rise, &least(person.rise_pct)),
        Field::line("fall_pct", words.settings_fall, &least(person.fall_pct)),
        Field::line("rise_amount", words.settings_rise_amount, &least(person.rise_amount)),
        Field::line("fall_amount", words.settings_fall_amount, &least(person.fall_amount)),
    ];
    Form { button: words.settings_save, fields }
}

/// The names under which wishes of a fixed kind are stored.
fn names<T: serde::Serialize>(wishes: &BTreeSet<T>) -> String {
    // Wishes are plain names; whatever else would not be found in a form again.
    let written = serde_json::to_value(wishes).unwrap_or_default();
    people::list(written.as_array().into_iter().flatten().filter_map(Value::as_str))
}

async fn save(app: &App, reader: &Reader, form: &Map<String, Value>) -> Result<Response, Failed> {
    let words = reader.voice.words;
    let mut changes = Map::new();
    let mut typed = settings_form(reader, app);
    for field in &mut typed.fields {
        let Some(value) = form.get(field.name).and_then(Value::as_str) else { continue };
        let kept = value == text::plain(&field.value);
        // A name that meant something once may not any more, whoever wrote it.
        if kept && field.known.is_empty() {
            continue;
        }
        // What was typed stays in the form, also where it cannot be saved.
        value.clone_into(&mut field.value);
        match people::parse(&format!("{}={value}", field.name)) {
            Ok((name, value)) => {
                field.wrong = wrong(app, reader, field, &value);
                // What a person leaves as it is stays what the configuration says, now and later.
                if !kept {
                    changes.insert(name, value);
                }
            }
            Err(_) => field.wrong = Some(words.wrong_list.to_owned()),
        }
    }
    let strange: Vec<&str> = typed.fields.iter().filter(|field| field.wrong.is_some()).map(|one| one.label).collect();
    if !strange.is_empty() {
        return unsaved(reader, fill(words.not_saved, &[("fields", &strange.join(", "))]), typed);
    }
    match people::change(app, &reader.person.mail, changes, &reader.address, "by link").await {
        Ok(person) => {
            let fresh = people::reader(app, &reader.person.mail).await?;
            let words = fresh.voice.words;
            let mut form = settings_form(&fresh, app);
            let empty = people::empty(app, &person).await?;
            if let Some(field) = form.fields.iter_mut().find(|field| field.name == "categories" && !empty.is_empty()) {
                // It is kept, and tells nothing until a product is in it.
                field.wrong = Some(fill(words.empty_names, &[("names", &empty.join(", "))]));
            }
            let lines = vec![words.settings_saved.to_owned()];
            answer(StatusCode::OK, &page(&fresh, words.settings_title, lines, Some(form)))
        }
        // Each wish makes sense, and all of them together do not.
        Err(_) => unsaved(reader, fill(words.not_saved, &[("fields", words.wrong_value)]), typed),
    }
}

/// The form as it was typed, with what is wrong beside it.
fn unsaved(reader: &Reader, alert: String, form: Form) -> Result<Response, Failed> {
    let page = Page { alert: Some(alert), ..page(reader, reader.voice.words.settings_title, vec![], Some(form)) };
    answer(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// What is wrong with one wish, in the reader's language.
fn wrong(app: &App, reader: &Reader, field: &Field, value: &Value) -> Option<String> {
    let words = reader.voice.words;
    if let (Some(names), false) = (value.as_array(), field.known.is_empty()) {
        let names = names.iter().filter_map(Value::as_str);
        let strange: Vec<&str> = names.filter(|name| !field.known.iter().any(|known| known == name)).collect();
        if !strange.is_empty() {
            return Some(fill(words.wrong_name, &[("names", &strange.join(", "))]));
        }
    }
    let told = match field.name {
        "digest" => words.wrong_schedule,
        "time_zone" => words.wrong_zone,
        "quiet" => words.wrong_hours,
        "rise_pct" | "fall_pct" | "rise_amount" | "fall_amount" => words.wrong_number,
        _ => words.wrong_value,
    };
    (!people::makes_sense(app, &reader.person, field.name, value)).then(|| told.to_owned())
}
