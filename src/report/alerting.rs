//! Alerts on their way: detects, plans for everybody, queues in one transaction with what is told, sends by lease.
//!
//! A crash between planning and sending leaves the message in the queue; one between sending and marking can repeat it
//! once, under the same Message-ID. Watching and sending are apart, and so are the ways of sending: a mail server that
//! hangs delays mails alone.

use std::collections::BTreeSet;

use super::alerts::{self, Body, Draft, Situation, Target};
use super::concern::{self, Concerns, Own};
use super::digest::DETAILS_FOR;
use super::hooks::Hook;
use super::lang::Voice;
use super::link::Purpose;
use super::mail::MailError;
use super::market::Track;
use super::reader::Reader;
use super::{MAX_TRIES, alert_text, detect, envelope, message_id, people, retry_after};
use crate::app::App;
use crate::clock::Millis;
use crate::config::{Wanted, quiet_hours};
use crate::store::alerts::{self as store, Message, Queue, Recent};
use crate::store::events::Event;
use crate::store::{products, settings};

/// What was over, told or sent before this no longer matters to planning; what is open always does.
const MEMORY: i64 = 2 * Millis::DAY;
const EVENTS: i64 = 20_000;
/// Messages of one transport in a row; then others have their turn.
const MESSAGES: usize = 64;
/// No transport waits so long for an answer.
const LEASE: i64 = 5 * Millis::MINUTE;
/// The transport of everybody with an address.
const MAIL: &str = "mail";
const PLAN_LEASE: i64 = Millis::MINUTE;

/// One round: watches and sends. Returns how many messages went out.
///
/// # Errors
/// The store's; a message that does not go out is tried again later.
pub async fn round(app: &App) -> anyhow::Result<u64> {
    watch(app).await?;
    send_queued(app).await
}

/// Detects what a person has to know, and queues what is told now.
///
/// # Errors
/// The store's.
pub async fn watch(app: &App) -> anyhow::Result<()> {
    detect::all(app).await?;
    let now = app.now();
    if store::events(&app.db, now.plus(-MEMORY), 1).await?.is_empty() {
        return Ok(());
    }
    let (duty, owner) = ("alerts".to_owned(), app.owner.clone());
    // Two planners at once would both tell; whoever comes second finds everything told.
    if settings::take_duty(&app.db, duty.clone(), owner.clone(), now, now.plus(PLAN_LEASE), now).await? {
        let planned = plan(app, now).await;
        settings::end_duty(&app.db, duty, owner, planned.is_ok().then_some(now)).await?;
        planned?;
    }
    Ok(())
}

/// Everybody who may be told, with the reader of people; hooks get everything in their language.
async fn targets(app: &App, now: Millis) -> anyhow::Result<Vec<(Target, Option<Reader>)>> {
    let mut targets = Vec::new();
    for reader in people::readers(app).await? {
        let quiet = is_quiet(&reader.person.quiet, &reader.voice, now);
        let target = Target {
            name: reader.address.clone(),
            wanted: reader.person.alerts,
            quiet,
            day_start: reader.voice.midnight(now),
            unlimited: false,
        };
        targets.push((target, Some(reader)));
    }
    for hook in Hook::ALL.into_iter().filter(|hook| hook.is_configured(&app.config)) {
        let unlimited = hook == Hook::Webhook;
        let day_start = hook_voice(app, hook).midnight(now);
        let target = Target { name: hook.name().to_owned(), wanted: Wanted::All, quiet: false, day_start, unlimited };
        targets.push((target, None));
    }
    Ok(targets)
}

fn hook_voice(app: &App, hook: Hook) -> Voice {
    Voice::new(hook.language(&app.config), &app.config.report.time_zone)
}

/// Whether a time of day lies in `22:00-06:30`, which may span midnight.
#[must_use]
pub fn is_quiet(hours: &str, voice: &Voice, now: Millis) -> bool {
    let Some((from, until)) = quiet_hours(hours) else { return false };
    let clock = voice.clock(now);
    if from <= until { (from..until).contains(&clock) } else { clock >= from || clock < until }
}

async fn plan(app: &App, now: Millis) -> anyhow::Result<()> {
    let since = now.plus(-MEMORY);
    let everything = store::events(&app.db, since, EVENTS).await?;
    let (silences, states) = (store::silences(&app.db, now).await?, store::states(&app.db, since).await?);
    let recent = store::recent(&app.db, since).await?;
    let situation = Situation {
        everything: &everything,
        silences: &silences,
        states: &states,
        recent: &recent,
        policy: &app.config.alerts,
        now,
    };
    let mut known = None;
    let (mut queue, mut told) = (Vec::new(), Vec::new());
    for (target, reader) in targets(app, now).await? {
        let events = match &reader {
            Some(reader) => scope(app, reader, &everything, &mut known).await?,
            None => everything.clone(),
        };
        let plan = alerts::plan(&target, &events, &situation);
        for draft in plan.drafts {
            queue.push(queued(app, &target, draft, &recent, now).await?);
        }
        told.extend(plan.states);
    }
    if !queue.is_empty() {
        store::tell(&app.db, queue, told, now).await?;
    }
    Ok(())
}

/// What scopes are cut from: every product, and what events about whole channels are about.
struct Known {
    tracks: Vec<Track>,
    concerns: Concerns,
}

/// The events of a reader's scope. What it is cut from is only loaded when somebody's scope asks for it.
async fn scope(
    app: &App,
    reader: &Reader,
    everything: &[Event],
    known: &mut Option<Known>,
) -> anyhow::Result<Vec<Event>> {
    if reader.takes_all_products() {
        let none = BTreeSet::new();
        return Ok(everything.iter().filter(|event| reader.takes_event(event, &none)).cloned().collect());
    }
    let known = match known.take() {
        Some(loaded) => known.insert(loaded),
        None => {
            let (tracks, concerns) = (super::tracks::catalogue(app).await?, concern::of(app, everything).await?);
            known.insert(Known { tracks, concerns })
        }
    };
    let own = Own::of(known.tracks.iter().filter(|track| reader.takes(track)));
    let mine = everything.iter().filter(|event| reader.takes_event(event, &own.skus));
    Ok(mine.filter_map(|event| known.concerns.cut(event, &own)).collect())
}

async fn queued(app: &App, target: &Target, draft: Draft, recent: &[Recent], now: Millis) -> anyhow::Result<Queue> {
    let latest = recent.iter().find(|m| m.target == target.name && m.grp == draft.grp && m.grp != alerts::EARLY);
    let began = draft.body.items.iter().map(|item| item.first_at).min();
    let thread = match (latest, began) {
        (Some(latest), _) => Some(latest.message_id.clone()),
        // What lasts for days was first told before what is remembered here.
        (None, Some(began)) => store::thread(&app.db, &target.name, &draft.grp, Millis(began)).await?,
        (None, None) => None,
    };
    let occasion = format!("{}/{}", draft.grp, now.0);
    Ok(Queue {
        message_id: message_id("alert", &target.name, &occasion, &app.config.mail.from),
        target: target.name.clone(),
        thread,
        early: draft.early,
        body: serde_json::to_string(&draft.body)?,
        grp: draft.grp,
    })
}

/// Sends what is queued and due, by all transports at once; returns how many messages went out.
///
/// # Errors
/// The store's.
pub async fn send_queued(app: &App) -> anyhow::Result<u64> {
    // Looking costs nothing; a claim is a synced write.
    if store::next_at(&app.db).await?.is_none_or(|next| next > app.now()) {
        return Ok(0);
    }
    let [slack, teams, webhook] = Hook::ALL.map(|hook| send_by(app, hook.name()));
    let (mails, slack, teams, webhook) = tokio::join!(send_by(app, MAIL), slack, teams, webhook);
    Ok(mails? + slack? + teams? + webhook?)
}

/// One transport's messages, one after the other, until one is put off: what keeps one waiting would keep the next.
async fn send_by(app: &App, transport: &'static str) -> anyhow::Result<u64> {
    let mut sent = 0;
    for _ in 0..MESSAGES {
        let now = app.now();
        let Some(message) = store::claim(&app.db, transport, now, now.plus(LEASE)).await? else { break };
        let tries = message.tries;
        let (state, detail, next) = match send(app, &message).await {
            Ok(detail) => ("sent", detail, now),
            Err(MailError::Temporary(why)) if tries < MAX_TRIES => {
                tracing::warn!("alert not sent yet, try {tries}: {why}");
                ("queued", why, app.now().plus(retry_after(tries)))
            }
            Err(error) => {
                tracing::error!("alert not sent: {error}");
                ("failed", error.to_string(), now)
            }
        };
        let sent_at = (state == "sent").then(|| app.now());
        store::settle(&app.db, message.id, state, detail, sent_at, next).await?;
        if state == "queued" {
            break;
        }
        sent += u64::from(state == "sent");
    }
    Ok(sent)
}

async fn send(app: &App, message: &Message) -> Result<String, MailError> {
    let body: Body = serde_json::from_str(&message.body).map_err(|e| MailError::Permanent(e.to_string()))?;
    let early = message.early != 0;
    let refused = |why: String| MailError::Permanent(why);
    if let Some(hook) = Hook::of(&message.target) {
        let voice = hook_voice(app, hook);
        let told = alert_text::render(&body, early, &voice, &[]).map_err(refused)?;
        let id = message.message_id.trim_matches(['<', '>']);
        return hook.send(&app.config, id, Millis(message.created_at), &body, &told, &voice).await;
    }
    // The store's trouble passes; the message stays in the queue.
    let readers = people::readers(app).await.map_err(|e| MailError::Temporary(format!("{e:#}")))?;
    // Whoever was removed, or wants no more, is told nothing of what was queued before.
    let Some(reader) = readers.into_iter().find(|reader| reader.address == message.target) else {
        return Err(refused(format!("{} is told nothing any more", message.target)));
    };
    let words = reader.voice.words;
    let purposes = [(words.settings, Purpose::Settings), (words.unsubscribe, Purpose::Unsubscribe)];
    let links: Vec<(&'static str, String)> =
        purposes.into_iter().filter_map(|(label, purpose)| Some((label, reader.link(purpose, None)?))).collect();
    let about = about(app, &body).await.map_err(|e| MailError::Temporary(format!("{e:#}")))?;
    let until = Some(app.now().plus(DETAILS_FOR));
    let page = about.and_then(|id| reader.link(Purpose::Product(id), until)).map(|url| (words.alert_details, url));
    let links: Vec<_> = page.into_iter().chain(links).collect();
    let told = alert_text::render(&body, early, &reader.voice, &links).map_err(refused)?;
    let references = message.thread.iter().cloned().collect();
    let answer = app.mailer.send(&told, &envelope(app, &reader, message.message_id.clone(), references)).await;
    let noted = match &answer {
        Ok(_) => super::taken(app, &reader.address).await,
        Err(error @ MailError::Permanent(_)) => super::refused(app, &reader.address, error).await,
        Err(MailError::Temporary(_)) => Ok(()),
    };
    if let Err(error) = noted {
        tracing::warn!("what became of a mail to {} is not noted: {error:#}", reader.address);
    }
    answer
}

/// The product that a message is about, if it is about one.
async fn about(app: &App, body: &Body) -> anyhow::Result<Option<i64>> {
    let mut skus: Vec<&str> = body.items.iter().filter_map(|item| item.sku.as_deref()).collect();
    skus.dedup();
    let [sku] = skus[..] else { return Ok(None) };
    Ok(products::by_sku(&app.db, sku).await?.map(|product| product.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;

    #[test]
    fn quiet_hours_span_midnight_in_the_persons_own_zone() {
        let at = |text: &str| Millis::from(text.parse::<jiff::Timestamp>().unwrap());
        for (hours, zone, now, quiet) in [
            ("22:00-06:30", "Europe/Copenhagen", "2026-11-22T20:59:00Z", false),
            ("22:00-06:30", "Europe/Copenhagen", "2026-11-22T21:00:00Z", true),
            ("22:00-06:30", "Europe/Copenhagen", "2026-11-23T05:29:00Z", true),
            ("22:00-06:30", "Europe/Copenhagen", "2026-11-23T05:30:00Z", false),
            ("22:00-06:30", "America/New_York", "2026-11-22T21:00:00Z", false),
            ("12:00-13:00", "Europe/Copenhagen", "2026-11-22T11:30:00Z", true),
            ("12:00-13:00", "Europe/Copenhagen", "2026-11-22T12:30:00Z", false),
            // The night in which clocks go back is an hour longer.
            ("22:00-06:30", "Europe/Copenhagen", "2026-10-25T05:15:00Z", true),
            ("", "Europe/Copenhagen", "2026-11-22T23:00:00Z", false),
        ] {
            assert_eq!(is_quiet(hours, &Voice::new(Language::En, zone), at(now)), quiet, "{hours} {zone} {now}");
        }
    }
}
