//! One visit to a host: its robots.txt, then its due pages one after the other at its pace, each judged and stored.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::{crawl, judge};
use crate::app::{App, hex};
use crate::clock::Millis;
use crate::config::Robots;
use crate::extract;
use crate::fetch::host::{self as pacing, Pace};
use crate::fetch::robots::{self, Rules};
use crate::fetch::{Class, FetchError, Fetched, Page, Validators};
use crate::sentence::Sentence;
use crate::store::events::{self, Raise};
use crate::store::targets::{self, Checked, Claim, DueTarget, HostLease, HostPace};
use crate::telemetry::Metrics;

/// Pauses up to this long are waited for with the lease held; longer ones give the host back.
const MAX_WAIT: i64 = 15 * Millis::SECOND;
/// A page that was taken this often without ever being finished kills its worker; it rests.
const MAX_ATTEMPTS: i64 = 5;
const POISON_REST: i64 = Millis::DAY;
/// Characters of a cause that are kept with a page.
const MAX_CAUSE: usize = 200;

/// How long a host belongs to one worker without a sign of life: one request and one pause, renewed with every page.
#[must_use]
pub fn lease_ms(app: &App) -> i64 {
    app.config.fetch.timeout.0 + MAX_WAIT + 5 * Millis::SECOND
}

/// Visits a host; returns how many pages were checked.
///
/// # Errors
/// The store's.
pub async fn host(app: &App, claim: Claim) -> anyhow::Result<u64> {
    let Claim { lease, targets: pages } = claim;
    let (rules, asked) = match pages.first().and_then(|page| Url::parse(&page.url).ok()) {
        Some(url) => rules(app, &lease, &url).await?,
        None => (Rules::AllowAll, false),
    };
    let floor = app.config.fetch.delay.0.max(site_pace(app, &lease.host)).max(rules.delay_ms().unwrap_or(0));
    // A host in good standing starts at what is configured now; trouble is only worked off slowly.
    let delay_ms = if lease.failures > 0 { lease.delay_ms.max(floor) } else { floor };
    let mut pace = Pace { delay_ms, failures: lease.failures, blocked_until: Millis(0) };
    let mut checked = 0;
    let mut begun = 0;
    let last = pages.len().saturating_sub(1);
    if asked && !rest(app, &lease, pace).await? {
        targets::put_back(&app.db, pages.iter().map(|page| page.id).collect()).await?;
        return Ok(0);
    }
    for (index, page) in pages.iter().enumerate() {
        begun = index + 1;
        if (index > 0 || asked) && pace.delay_ms > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(pace.delay_ms.unsigned_abs())).await;
        }
        let started = tokio::time::Instant::now();
        let waits = judge::waits(app, page).await?;
        let result = get(app, page, &rules, waits).await;
        let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let now = app.now();
        let failed = result.as_ref().err().cloned();
        let mut check = checked_page(app, page, result, now).await?;
        // A page that turns us away (403, or a challenge in place of the product) is a refusal, though it came as a page.
        let refused = || (check.outcome == extract::Outcome::Blocked.as_str()).then_some(FetchError::Status(403));
        pace = pacing::after(pace, floor, took, failed.or_else(refused).as_ref(), now);
        let stop = index == last || pace.delay_ms > MAX_WAIT || pace.blocked_until > now;
        check.pace = Some(HostPace {
            host: lease.host.clone(),
            lease_token: lease.lease_token,
            leased_until: if stop { Millis(0) } else { now.plus(lease_ms(app)) },
            next_allowed_at: now.plus(pace.delay_ms),
            delay_ms: pace.delay_ms,
            failures: pace.failures,
            blocked_until: pace.blocked_until,
        });
        let recorded = app.recorder.record(check).await?;
        checked += 1;
        Metrics::add(&app.metrics.checks, 1);
        if stop || !recorded.host_is_ours {
            break;
        }
    }
    if begun < pages.len() {
        targets::put_back(&app.db, pages[begun..].iter().map(|page| page.id).collect()).await?;
    }
    let competitors: BTreeSet<&str> = pages[..begun].iter().map(|page| page.competitor.as_str()).collect();
    for competitor in competitors {
        crawl::judge(app, competitor).await?;
    }
    if pace.failures >= 3 {
        blocked(app, &lease.host, pace).await?;
    } else {
        events::resolve(&app.db, format!("host-blocked/{}", lease.host), app.now()).await?;
    }
    Ok(checked)
}

/// After robots.txt the host has its pause like after any request: true if it is short enough to be waited for with the
/// lease, which is renewed for it; else the host is given back.
async fn rest(app: &App, lease: &HostLease, pace: Pace) -> anyhow::Result<bool> {
    let (now, waits) = (app.now(), pace.delay_ms <= MAX_WAIT);
    let renewed = HostPace {
        host: lease.host.clone(),
        lease_token: lease.lease_token,
        leased_until: if waits { now.plus(lease_ms(app)) } else { Millis(0) },
        next_allowed_at: now.plus(pace.delay_ms),
        delay_ms: pace.delay_ms,
        failures: pace.failures,
        blocked_until: pace.blocked_until,
    };
    targets::give_back(&app.db, renewed, vec![]).await?;
    Ok(waits)
}

fn site_pace(app: &App, host: &str) -> i64 {
    let name = host.split(':').next().unwrap_or(host);
    app.sites
        .for_host(name)
        .and_then(extract::scraper::Site::pace_ms)
        .and_then(|ms| i64::try_from(ms).ok())
        .unwrap_or(0)
}

async fn blocked(app: &App, host: &str, pace: Pace) -> anyhow::Result<()> {
    let competitor = crate::catalog::import::competitor(host);
    let event = Raise {
        kind: "competitor_unreachable",
        severity: "warning",
        dedupe: format!("host-blocked/{host}"),
        product_id: None,
        channel: None,
        hint: Sentence::HintAging.with(&[("competitor", &competitor)]),
        competitor: Some(competitor),
        message: Sentence::HostSilent.with(&[("host", &host), ("n", &pace.failures), ("until", &pace.blocked_until)]),
    };
    events::raise(&app.db, event, app.now()).await?;
    Ok(())
}

/// The host's robots.txt, and whether it was asked for: stored if it is younger than a day, fetched otherwise.
async fn rules(app: &App, lease: &HostLease, page: &Url) -> anyhow::Result<(Rules, bool)> {
    if app.config.fetch.robots == Robots::Ignore {
        return Ok((Rules::AllowAll, false));
    }
    let now = app.now();
    let product = robots::product_token(app.fetcher.user_agent()).to_owned();
    if let (Some(state), Some(at)) = (&lease.robots_state, lease.robots_at) {
        let keep = if state == "disallow" { robots::RETRY_CLOSED } else { robots::KEEP_FOR };
        if now.since(Millis(at)) < keep {
            return Ok((Rules::stored(state, lease.robots_text.as_deref(), &product), false));
        }
    }
    let Some(location) = robots::location(page) else { return Ok((Rules::DisallowAll, false)) };
    let fetched =
        app.fetcher.get(&location, Validators::default(), now, app.config.fetch.delay.duration(), &|_| true).await;
    let (state, text) = match fetched {
        Ok(Fetched::Page(page)) if (200..300).contains(&page.status) => {
            let body = &page.body[..page.body.len().min(robots::MAX_BYTES)];
            ("rules", Some(String::from_utf8_lossy(body).replace('\0', " ")))
        }
        // RFC 9309 section 2.3.1.3: 4xx means that there is none.
        Ok(Fetched::Page(page)) if (400..500).contains(&page.status) => ("allow", None),
        Err(FetchError::Status(status)) if (400..500).contains(&status) => ("allow", None),
        Err(FetchError::RedirectedElsewhere(_)) => ("allow", None),
        // A server in trouble keeps the last good copy; without one it is closed (section 2.3.1.4).
        _ if lease.robots_state.as_deref() == Some("rules") => ("rules", lease.robots_text.clone()),
        Ok(_) | Err(FetchError::Status(_) | FetchError::Overloaded { .. }) => ("disallow", None),
        // The host never answered, or we may not ask it: nothing was learnt that is worth keeping.
        Err(error) => return Ok((Rules::Unknown(error), true)),
    };
    targets::keep_robots(&app.db, lease, state, text.clone(), now).await?;
    Ok((Rules::stored(state, text.as_deref(), &product), true))
}

/// Asks for a page; one whose price waits for confirmation is asked for whole, as "not modified" would confirm nothing.
async fn get(app: &App, page: &DueTarget, rules: &Rules, waits: bool) -> Result<Fetched, FetchError> {
    if page.attempts > MAX_ATTEMPTS {
        return Err(FetchError::Refused("it was begun too often without an end".to_owned()));
    }
    if let Rules::Unknown(error) = rules {
        return Err(error.clone());
    }
    let url = Url::parse(&page.url).map_err(|e| FetchError::Refused(format!("not a URL: {e}")))?;
    // Validators are only worth something if the same bytes would be read the same way.
    let current = page.body_hash.as_deref().is_some_and(|hash| hash.ends_with(&app.extractor));
    let validators = if current && !waits {
        Validators { etag: page.etag.as_deref(), last_modified: page.last_modified.as_deref() }
    } else {
        Validators::default()
    };
    app.fetcher.get(&url, validators, app.now(), app.config.fetch.delay.duration(), &|hop| rules.allows(hop)).await
}

/// Turns what came back into what is stored.
async fn checked_page(
    app: &App,
    page: &DueTarget,
    result: Result<Fetched, FetchError>,
    now: Millis,
) -> anyhow::Result<Checked> {
    let mut check = Checked {
        target_id: page.id,
        product_id: page.product_id,
        outcome: String::new(),
        now,
        due_at: app.schedule.next_check(page.id, now),
        etag: page.etag.clone(),
        last_modified: page.last_modified.clone(),
        body_hash: page.body_hash.clone(),
        problem: None,
        observation: None,
        dirty: false,
        pace: None,
    };
    match result {
        Ok(Fetched::NotModified) => unchanged(app, check, "not_modified").await,
        Ok(Fetched::Page(got)) => {
            let hash = hex(&Sha256::digest(&got.body));
            let key = format!("{hash}:{}", app.extractor);
            check.etag = got.etag.clone();
            check.last_modified = got.last_modified.clone();
            check.body_hash = Some(key.clone());
            if page.body_hash.as_ref() == Some(&key) {
                let unchanged = unchanged(app, check.clone(), "unchanged").await?;
                // A price that waits for confirmation is read again: the same bytes are the second sighting.
                if !judge::waits(app, page).await? {
                    return Ok(unchanged);
                }
            }
            read(app, page, check, &got, hash).await
        }
        Err(error) => {
            Metrics::add(&app.metrics.fetch_errors, 1);
            tracing::debug!(target = page.id, "page {}: {error}", page.id);
            check.outcome = error.outcome().to_owned();
            check.problem = Some(cause(&error));
            if page.attempts > MAX_ATTEMPTS {
                check.due_at = now.plus(POISON_REST);
            }
            if error.class() == Class::Gone {
                check.observation = Some(judge::no_price("gone", &error.to_string()));
            }
            Ok(check)
        }
    }
}

/// What went wrong, fit for one row of the database: libraries quote what a server sent.
fn cause(error: &FetchError) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(MAX_CAUSE).collect()
}

async fn unchanged(app: &App, check: Checked, outcome: &str) -> anyhow::Result<Checked> {
    Metrics::add(&app.metrics.unchanged, 1);
    Ok(Checked { outcome: outcome.to_owned(), ..check })
}

async fn read(app: &App, page: &DueTarget, check: Checked, got: &Page, hash: String) -> anyhow::Result<Checked> {
    let hints = judge::hints(app, page).await?;
    let name = got.final_url.host_str().unwrap_or("").to_owned();
    let (requested, body) = (page.url.clone(), got.clone());
    let site = app.sites.for_host(&name).cloned();
    // Extraction is CPU work of up to a second on hostile pages; the runtime's threads stay free for the others.
    let extraction = tokio::task::spawn_blocking(move || {
        let input = extract::Page {
            body: &body.body,
            content_type: body.content_type.as_deref(),
            url: &requested,
            final_url: body.final_url.as_str(),
            status: body.status,
        };
        extract::extract(&input, site.as_ref(), &hints)
    })
    .await?;
    let evidence = judge::Where { url: &page.url, final_url: got.final_url.as_str(), body_hash: &hash, at: check.now };
    let judged = judge::offer(app, page, &extraction, &evidence).await?;
    if judged.new.price_minor.is_some() {
        Metrics::add(&app.metrics.prices, 1);
    }
    Ok(Checked {
        outcome: judged.new.outcome.clone(),
        due_at: if judged.confirm { check.now.plus(app.config.schedule.confirm_after.0) } else { check.due_at },
        dirty: judged.changed,
        observation: Some(judged.new),
        ..check
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_short_and_has_nothing_a_database_refuses() {
        let hostile = FetchError::Network(format!("reset\0by\u{1b}[31m peer\n{}", "x".repeat(4_000)));
        let told = cause(&hostile);
        assert!(told.starts_with("no answer: resetby[31m peerxx"), "{told}");
        assert_eq!((told.chars().count(), told.chars().any(char::is_control)), (MAX_CAUSE, false));
    }
}
