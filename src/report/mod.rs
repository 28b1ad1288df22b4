//! What people are told: digests by schedule, from one window of the log and the state at its end, and alerts that
//! cannot wait for them.

pub mod alert_text;
pub mod alerting;
pub mod alerts;
pub mod bars;
pub mod campaigns;
pub mod chart;
pub mod concern;
pub mod detect;
pub mod digest;
pub mod facts;
pub mod gather;
pub mod hooks;
pub mod lang;
pub mod link;
pub mod mail;
pub mod market;
pub mod metrics;
pub mod moves;
pub mod overview;
pub mod people;
pub mod product_page;
pub mod reader;
pub mod readiness;
pub mod sales;
pub mod scope;
pub mod sheet;
pub mod text;
pub mod tracks;

use crate::app::App;
use crate::clock::Millis;
use crate::config::QuietDay;
use crate::sentence::Sentence;
use crate::store::events::{self, DigestClaim, DigestEnd, Raise};
use crate::store::{products, subscriptions};
use digest::Digest;
use link::Purpose;
use mail::{Envelope, MailError};
use market::Track;
use reader::Reader;

/// The window of a first digest is no shorter, however soon its schedule repeats.
const FIRST_WINDOW: i64 = Millis::DAY;
/// What was too small for a mail this long ago is told no more.
const QUIET_WINDOW: i64 = gather::DAYS * Millis::DAY;
const LEASE: i64 = 5 * Millis::MINUTE;
/// A digest that is due this long may not have been begun yet, whatever its reader changes meanwhile.
const JUST_DUE: i64 = 15 * Millis::MINUTE;
/// Waits between tries of one mail, in minutes (RFC 5321 section 4.5.4.1 asks for patience); the last one repeats.
const RETRY_MINUTES: [i64; 6] = [1, 5, 15, 30, 60, 120];
/// Digests in a row that are refused for good before no more are sent to an address.
const MAX_REFUSED: i64 = 3;
/// After about four days a mail is given up (RFC 5321 section 4.5.4.1).
pub const MAX_TRIES: i64 = 50;

/// The digest of a window for one reader, from tracks that go back far enough; `None` on a day without news, unless
/// the reader wants a sign of life.
///
/// # Errors
/// The store's, or a fault of a template.
pub async fn digest_for(
    app: &App,
    tracks: &[Track],
    reader: &Reader,
    from: Millis,
    until: Millis,
) -> anyhow::Result<Option<Digest>> {
    let facts = gather::facts(app, tracks, reader, from, until).await?;
    let digest = digest::render(&facts, reader).map_err(anyhow::Error::msg)?;
    let wanted = !digest.quiet
        || match reader.person.quiet_day {
            QuietDay::Skip => false,
            QuietDay::Short => true,
            QuietDay::Weekly => !told_within_a_week(app, &reader.address, until).await?,
        };
    Ok(wanted.then_some(digest))
}

async fn told_within_a_week(app: &App, address: &str, until: Millis) -> anyhow::Result<bool> {
    // Slots drift by an hour when clocks change; half a day keeps "weekly" on its weekday.
    let since = until.plus(-7 * Millis::DAY + Millis::DAY / 2);
    Ok(events::last_mail(&app.db, address).await?.is_some_and(|sent| sent > since))
}

/// The digest of a window as the first configured person gets it, or anybody if there is none.
///
/// # Errors
/// As [`digest_for`].
pub async fn digest(app: &App, from: Millis, until: Millis) -> anyhow::Result<Option<Digest>> {
    let first = app.config.report.everybody().into_iter().next();
    let reader =
        people::reader(app, first.as_ref().map_or("Preview <preview@localhost>", |person| &person.mail)).await?;
    digest_for(app, &tracks(app, from).await?, &reader, from, until).await
}

/// Tracks that go back far enough for a digest from an instant on.
///
/// # Errors
/// The store's.
pub async fn tracks(app: &App, from: Millis) -> anyhow::Result<Vec<Track>> {
    gather::tracks(app, from.min(app.now().plus(-(gather::DAYS + 1) * Millis::DAY))).await
}

/// Sends the digests whose time has come; returns how many went out.
///
/// # Errors
/// The store's; a mail that does not go out is tried again later under the same Message-ID.
pub async fn send_due(app: &App) -> anyhow::Result<u64> {
    let now = app.now();
    let (mut sent, mut loaded) = (0, None);
    for reader in people::readers(app).await? {
        let schedule = reader.person.schedule(&app.config.report).map_err(anyhow::Error::msg)?;
        let Some(slot) = schedule.and_then(|schedule| schedule.latest(now)) else { continue };
        if !is_awaited(app, &reader, slot).await? {
            continue;
        }
        sent += u64::from(send(app, &reader, slot, &mut loaded).await?);
    }
    Ok(sent)
}

/// Whether a person waits for the digest of a slot: it is no time from before there was any product, nor one that lay
/// behind when the person was added or chose another schedule. What was begun is finished.
async fn is_awaited(app: &App, reader: &Reader, slot: Millis) -> anyhow::Result<bool> {
    if products::first(&app.db).await?.is_none_or(|first| slot < first) {
        return Ok(false);
    }
    let changed = subscriptions::get(&app.db, &reader.address).await?.map(|stored| Millis(stored.updated_at));
    // What was refused again and again goes out again once somebody has changed something.
    let refused = events::digests_refused(&app.db, &reader.address, changed.unwrap_or(Millis(0))).await?;
    if refused >= MAX_REFUSED {
        return Ok(false);
    }
    if changed.is_none_or(|changed| slot.plus(JUST_DUE) >= changed) {
        return Ok(true);
    }
    Ok(events::digest_begun(&app.db, &reader.address, slot).await?)
}

/// Sends one recipient's digest of a slot unless it is settled.
///
/// # Errors
/// The store's.
pub async fn send_slot(app: &App, recipient: &str, slot: Millis) -> anyhow::Result<bool> {
    let reader = people::reader(app, recipient).await?;
    send(app, &reader, slot, &mut None).await
}

/// Claimed by lease, marked after: a crash in between can repeat the mail once, under the same Message-ID, and never
/// loses it. The market is loaded for the first reader who needs it, and kept for the others whom it goes back far enough for.
async fn send(app: &App, reader: &Reader, slot: Millis, loaded: &mut Option<Loaded>) -> anyhow::Result<bool> {
    let now = app.now();
    let last = events::last_digest(&app.db, &reader.address).await?;
    if last.is_some_and(|last| last >= slot) {
        return Ok(false);
    }
    let id = message_id("digest", &reader.address, &slot.0.to_string(), &app.config.mail.from);
    let claim = events::claim_digest(&app.db, reader.address.clone(), slot, id, now, now.plus(LEASE)).await?;
    let Some(claim) = claim else { return Ok(false) };
    let from = window_start(app, reader, slot, last).await?;
    let loaded = match loaded.take().filter(|known| known.since <= from) {
        Some(known) => loaded.insert(known),
        None => loaded.insert(Loaded { since: from, tracks: tracks(app, from).await? }),
    };
    let end = match digest_for(app, &loaded.tracks, reader, from, slot).await {
        Ok(digest) => deliver(app, reader, claim, digest).await?,
        // One person's digest that cannot be made is that person's trouble, and is not tried for ever.
        Err(error) => put_off(app, reader, &claim, MailError::Temporary(format!("{error:#}"))).await?,
    };
    let sent = end.state == "sent";
    events::settle_digest(&app.db, end).await?;
    Ok(sent)
}

/// The market as it was loaded for an instant on.
struct Loaded {
    since: Millis,
    tracks: Vec<Track>,
}

/// Where the window of a digest begins: at the last mail, so that what a slot without one left untold, or no daemon was
/// there to tell, is told by the next. Small steps that no mail was worth may be worth one together, for a month; what no
/// slot has looked at yet is told however old it is. A first mail covers one round of its schedule.
async fn window_start(app: &App, reader: &Reader, slot: Millis, settled: Option<Millis>) -> anyhow::Result<Millis> {
    let told = match events::last_mail(&app.db, &reader.address).await? {
        Some(told) => told,
        None => {
            // A first digest may have been refused, or put off until the next one was due.
            let first = events::first_digest(&app.db, &reader.address).await?.unwrap_or(slot);
            let schedule = reader.person.schedule(&app.config.report).map_err(anyhow::Error::msg)?;
            let (day, round) = (first.plus(-FIRST_WINDOW), schedule.and_then(|one| one.latest(first.plus(-1))));
            round.map_or(day, |round| round.min(day))
        }
    };
    Ok(settled.map_or(told, |settled| told.max(slot.plus(-QUIET_WINDOW)).min(settled)))
}

fn unsettled(app: &App, claim: &DigestClaim) -> DigestEnd {
    let next_at = app.now();
    DigestEnd { id: claim.id, state: "skipped", subject: None, detail: String::new(), sent_at: None, next_at }
}

async fn deliver(app: &App, reader: &Reader, claim: DigestClaim, digest: Option<Digest>) -> anyhow::Result<DigestEnd> {
    let Some(digest) = digest else {
        return Ok(DigestEnd { detail: "nothing to tell".to_owned(), ..unsettled(app, &claim) });
    };
    let subject = Some(digest.subject.clone());
    let end = match app.mailer.send(&digest, &envelope(app, reader, claim.message_id.clone(), vec![])).await {
        Ok(detail) => {
            taken(app, &reader.address).await?;
            DigestEnd { state: "sent", detail, sent_at: Some(app.now()), ..unsettled(app, &claim) }
        }
        Err(error) => put_off(app, reader, &claim, error).await?,
    };
    Ok(DigestEnd { subject, ..end })
}

/// A digest that did not go out: it is tried again for days, or was refused for good, which others are told.
async fn put_off(app: &App, reader: &Reader, claim: &DigestClaim, error: MailError) -> anyhow::Result<DigestEnd> {
    let end = unsettled(app, claim);
    match error {
        MailError::Temporary(why) if claim.tries < MAX_TRIES => {
            tracing::warn!("the digest for {} is not sent yet, try {}: {why}", reader.address, claim.tries);
            let next_at = app.now().plus(retry_after(claim.tries));
            Ok(DigestEnd { state: "claimed", detail: why, next_at, ..end })
        }
        error => {
            tracing::error!("the digest for {} is not sent: {error}", reader.address);
            refused(app, &reader.address, &error).await?;
            Ok(DigestEnd { state: "failed", detail: error.to_string(), ..end })
        }
    }
}

fn refused_key(address: &str) -> String {
    format!("mail-refused/{address}")
}

/// Somebody's mails are refused for good: the others have to know, since that person is told nothing.
async fn refused(app: &App, address: &str, why: &MailError) -> anyhow::Result<()> {
    let event = Raise {
        kind: "mail_refused",
        severity: "warning",
        dedupe: refused_key(address),
        product_id: None,
        channel: None,
        competitor: None,
        message: Sentence::MailRefused.with(&[("who", &address), ("why", &text::message(&why.to_string()))]),
        hint: Sentence::HintAddress.with(&[("who", &address)]),
    };
    events::raise(&app.db, event, app.now()).await?;
    Ok(())
}

/// Somebody's mails are taken.
async fn taken(app: &App, address: &str) -> anyhow::Result<()> {
    let key = refused_key(address);
    if events::is_open(&app.db, &key).await? {
        events::resolve(&app.db, key, app.now()).await?;
    }
    Ok(())
}

/// The wait after a try, in milliseconds.
#[must_use]
pub fn retry_after(tries: i64) -> i64 {
    let index = usize::try_from(tries - 1).unwrap_or(0).min(RETRY_MINUTES.len() - 1);
    RETRY_MINUTES[index] * Millis::MINUTE
}

/// The envelope of a mail to a reader.
#[must_use]
pub fn envelope(app: &App, reader: &Reader, message_id: String, references: Vec<String>) -> Envelope {
    Envelope {
        from: app.config.mail.from.clone(),
        to: reader.person.mail.clone(),
        message_id,
        at: app.now(),
        unsubscribe: reader.link(Purpose::Unsubscribe, None),
        references,
    }
}

/// Fixed for a purpose, recipient and occasion, so that a repeat is recognised as one.
#[must_use]
pub fn message_id(purpose: &str, recipient: &str, occasion: &str, from: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let hash = crate::app::hex(&Sha256::digest(format!("{recipient}\n{occasion}").as_bytes()));
    format!("<{purpose}.{}@{}>", &hash[..32], mail::domain(from))
}
