//! What people are told: digests by schedule, from one window of the log and the state at its end.

pub mod digest;
pub mod mail;
pub mod metrics;

use anyhow::Context as _;

use crate::app::{App, PAUSE};
use crate::clock::Millis;
use crate::config::Mode;
use crate::schedule::Schedule;
use crate::store::events::{self, DigestEnd};
use crate::store::{decisions, listings, observations, products, settings, targets};
use digest::{Digest, Facts};
use mail::{Envelope, MailError};

/// Rows read per section; the digest shows ten and counts the rest.
const LIMIT: i64 = 10_000;
/// The window of a first digest.
const FIRST_WINDOW: i64 = Millis::DAY;
const LEASE: i64 = 5 * Millis::MINUTE;
/// Waits between tries of one mail, in minutes (RFC 5321 section 4.5.4.1 asks for patience); the last one repeats.
const RETRY_MINUTES: [i64; 6] = [1, 5, 15, 30, 60, 120];
/// After about four days a mail is given up (RFC 5321 section 4.5.4.1).
const MAX_TRIES: i64 = 50;

/// Gathers a digest's facts: the log of `(from, until]` and the state now.
///
/// # Errors
/// The store's.
pub async fn facts(app: &App, from: Millis, until: Millis) -> anyhow::Result<Facts> {
    let db = &app.db;
    Ok(Facts {
        from,
        until,
        mode: match app.config.mode {
            Mode::Auto => "auto",
            Mode::Review => "review",
            Mode::Shadow => "shadow",
        },
        paused: settings::get(db, PAUSE).await?.map(|pause| format!("{} ({})", pause.why, pause.actor)),
        products: products::count(db).await?,
        reviews: decisions::open_reviews(db, LIMIT).await?,
        held: decisions::held(db, LIMIT).await?,
        events: events::between(db, from, until, LIMIT).await?,
        unsettled: listings::unsettled(db, LIMIT).await?,
        waiting: observations::waiting(db, LIMIT).await?,
        unhealthy: targets::unhealthy(db, LIMIT).await?,
        moves: observations::moves(db, from, until, LIMIT)
            .await?
            .into_iter()
            .filter(|m| m.old_minor.is_some_and(|old| old != m.new_minor))
            .collect(),
        decisions: decisions::since(db, from, until, LIMIT).await?,
        outcomes: decisions::outcomes(db).await?,
        verdicts: observations::verdict_counts(db, from).await?,
        parity: listings::parity(db).await?,
        notices: app.notices(),
    })
}

/// The digest of a window; `None` when nothing matters.
///
/// # Errors
/// The store's, or a fault of the template.
pub async fn digest(app: &App, from: Millis, until: Millis) -> anyhow::Result<Option<Digest>> {
    digest::render(&facts(app, from, until).await?).context("digest template")
}

/// Sends the digests whose time has come; returns how many went out.
///
/// # Errors
/// The store's; a mail that does not go out is tried again later under the same Message-ID.
pub async fn send_due(app: &App) -> anyhow::Result<u64> {
    let report = &app.config.report;
    let schedule = Schedule::cron(&report.digest, &report.time_zone).map_err(anyhow::Error::msg)?;
    let Some(slot) = schedule.latest(app.now()) else { return Ok(0) };
    let mut sent = 0;
    for recipient in &report.recipients {
        sent += u64::from(send_slot(app, recipient, slot).await?);
    }
    Ok(sent)
}

/// Sends one recipient's digest of a slot unless it is settled. Claimed by lease, marked after: a crash in between can
/// repeat the mail once, under the same Message-ID, and never loses it.
///
/// # Errors
/// The store's.
pub async fn send_slot(app: &App, recipient: &str, slot: Millis) -> anyhow::Result<bool> {
    let now = app.now();
    let last = events::last_digest(&app.db, recipient).await?;
    if last.is_some_and(|last| last >= slot) {
        return Ok(false);
    }
    let id = message_id(recipient, slot);
    let claim = events::claim_digest(&app.db, recipient.to_owned(), slot, id, now, now.plus(LEASE)).await?;
    let Some(claim) = claim else { return Ok(false) };
    let from = last.unwrap_or_else(|| slot.plus(-FIRST_WINDOW));
    let mut end =
        DigestEnd { id: claim.id, state: "skipped", subject: None, detail: String::new(), sent_at: None, next_at: now };
    let Some(digest) = digest(app, from, slot).await? else {
        "nothing to tell".clone_into(&mut end.detail);
        events::settle_digest(&app.db, end).await?;
        return Ok(false);
    };
    end.subject = Some(digest.subject.clone());
    let envelope = Envelope {
        from: app.config.mail.from.clone(),
        to: recipient.to_owned(),
        message_id: claim.message_id,
        at: now,
    };
    match app.mailer.send(&digest, &envelope).await {
        Ok(detail) => end = DigestEnd { state: "sent", detail, sent_at: Some(app.now()), ..end },
        Err(MailError::Temporary(why)) if claim.tries < MAX_TRIES => {
            let index = usize::try_from(claim.tries - 1).unwrap_or(0).min(RETRY_MINUTES.len() - 1);
            tracing::warn!("digest not sent yet, try {}: {why}", claim.tries);
            end = DigestEnd {
                state: "claimed",
                detail: why,
                next_at: now.plus(RETRY_MINUTES[index] * Millis::MINUTE),
                ..end
            };
        }
        Err(error) => {
            tracing::error!("digest not sent: {error}");
            end = DigestEnd { state: "failed", detail: error.to_string(), ..end };
        }
    }
    let sent = end.state == "sent";
    events::settle_digest(&app.db, end).await?;
    Ok(sent)
}

/// Fixed for a recipient and slot, so that a repeat is recognised as one.
fn message_id(recipient: &str, slot: Millis) -> String {
    use sha2::{Digest as _, Sha256};
    let hash = crate::app::hex(&Sha256::digest(recipient.as_bytes()));
    format!("<digest.{}.{}@omniprice.localhost>", slot.0, &hash[..16])
}
