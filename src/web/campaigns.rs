//! The pages behind links of campaigns that wait for a second person: what is planned, and a form that agrees to it or
//! cancels it. Looking changes nothing; the consent is given by the rules of the command line.

use axum::http::StatusCode;
use axum::response::Response;

use super::Failed;
use super::people::{Field, Form, answer, page};
use crate::app::App;
use crate::flow::campaign_consent::{self, NotAgreed};
use crate::money::currency;
use crate::report::lang::fill;
use crate::report::reader::Reader;
use crate::report::text;
use crate::store::campaigns::{self, Campaign};

/// Products that a page names; all are counted.
const NAMED: usize = 5;
/// Products read of a campaign.
const MOST: i64 = 10_000;

/// Shows a campaign that waits, with the form that agrees to it or cancels it.
///
/// # Errors
/// The store's.
pub async fn show(app: &App, reader: &Reader, id: i64, approve: bool) -> Result<Response, Failed> {
    let words = reader.voice.words;
    let Some(one) = waiting(app, id).await? else { return settled(app, reader, id).await };
    let (title, ask, button) = if approve {
        (words.approve, words.campaign_ask, words.approve_button)
    } else {
        (words.reject, words.campaign_reject_ask, words.reject_button)
    };
    let mut lines = told(app, reader, &one).await?;
    lines.push(ask.to_owned());
    let why = Field::line("why", words.why_label, "");
    answer(StatusCode::OK, &page(reader, title, lines, Some(Form { button, fields: vec![why] })))
}

/// Agrees to a campaign that waits, or cancels it.
///
/// # Errors
/// The store's.
pub async fn settle(app: &App, reader: &Reader, id: i64, approve: bool, why: &str) -> Result<Response, Failed> {
    let words = reader.voice.words;
    let Some(one) = waiting(app, id).await? else { return settled(app, reader, id).await };
    let (title, done, answered) = if approve {
        (words.approve, words.done_campaign, campaign_consent::approve(app, &one.name, &reader.address, why).await)
    } else {
        (words.reject, words.done_cancelled, campaign_consent::reject(app, &one.name, &reader.address, why).await)
    };
    match answered {
        Ok(()) => answer(StatusCode::OK, &page(reader, title, vec![done.to_owned()], None)),
        Err(error) => match error.downcast_ref::<NotAgreed>() {
            Some(NotAgreed::SamePerson { by, .. }) => {
                let line = fill(words.campaign_own, &[("person", &text::message(by))]);
                answer(StatusCode::CONFLICT, &page(reader, title, vec![line], None))
            }
            Some(_) => settled(app, reader, id).await,
            None => Err(error.into()),
        },
    }
}

async fn waiting(app: &App, id: i64) -> anyhow::Result<Option<Campaign>> {
    let found = campaigns::by_id(&app.db, id).await?;
    Ok(found.filter(|one| one.waits().is_some_and(|until| until > app.now())))
}

/// What is planned, by whom, and why it takes two.
async fn told(app: &App, reader: &Reader, one: &Campaign) -> anyhow::Result<Vec<String>> {
    let (words, voice) = (reader.voice.words, &reader.voice);
    let at = |ms: i64| voice.at(ms.into());
    let name = text::plain(&one.name);
    let waits =
        [("name", name.as_str()), ("at", &at(one.waits_until.unwrap_or_default())), ("who", &text::plain(&one.owner))];
    let mut lines = vec![
        fill(words.campaign_waits, &waits),
        fill(words.campaign_starts, &[("name", &name), ("at", &at(one.starts_at))]),
        fill(words.campaign_runs, &[("name", &name), ("at", &at(one.ends_at))]),
        text::message(&voice.tell_all(one.asked.as_deref().unwrap_or_default())),
        text::message(&one.why),
    ];
    // Neither of the two may agree to it.
    if let Some(who) = one.added_by.as_deref().filter(|who| *who != one.owner) {
        lines.insert(1, fill(words.campaign_entered, &[("who", &text::plain(who))]));
    }
    let items = campaigns::items(&app.db, one.id, MOST).await?;
    lines.push(voice.plural(&words.products, items.len(), &[]));
    for item in items.iter().take(NAMED) {
        // A row whose currency is none would be of another version; it is left out rather than shown without one.
        if currency(&item.currency).is_ok() {
            let span = voice.span(item.own_minor, item.price_minor, &item.currency);
            lines.push(format!("{}: {span}", text::product(&item.sku, &item.title)));
        }
    }
    lines.retain(|line| !line.is_empty());
    Ok(lines)
}

/// A campaign that waits for nobody any more: what became of it.
async fn settled(app: &App, reader: &Reader, id: i64) -> Result<Response, Failed> {
    let (words, voice) = (reader.voice.words, &reader.voice);
    let mut lines = vec![words.campaign_settled.to_owned()];
    if let Some(one) = campaigns::by_id(&app.db, id).await? {
        let name = text::plain(&one.name);
        let at = |ms: Option<i64>| ms.map_or_else(String::new, |ms| voice.at(ms.into()));
        let said = |form, who: &str, when, why: Option<&str>| {
            let why = why.map(|why| text::message(&voice.tell_all(why))).unwrap_or_default();
            let values = [("who", text::plain(who)), ("at", at(when)), ("why", why)];
            let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
            fill(form, &values).trim_end().to_owned()
        };
        lines.push(name);
        let agreed = one.consent_by.as_deref();
        lines.extend(agreed.map(|by| said(words.review_approved, by, one.consent_at, one.consent_why.as_deref())));
        // Somebody may have cancelled what was agreed to.
        match one.ended_by.as_deref().filter(|_| one.phase == "cancelled") {
            Some(by) => lines.push(said(words.review_rejected, by, one.ended_at, one.ended_why.as_deref())),
            None if agreed.is_none() => lines.push(said(words.review_expired, &one.owner, one.waits_until, None)),
            None => {}
        }
    }
    answer(StatusCode::CONFLICT, &page(reader, words.page_title, lines, None))
}
