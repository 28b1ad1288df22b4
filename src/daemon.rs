//! The loops of the daemon under one cancellation token: they stop together, drain within a bound, and one that dies
//! takes the process down with a non-zero exit.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock::Millis;
use crate::report::alerting;
use crate::store::{products, progress, targets};
use crate::{flow, web};

/// Open work may take this long after a signal; then leases expire and the next start resolves what is unknown.
const DRAIN: Duration = Duration::from_secs(20);
/// A loop that found nothing to do looks again after this, or when the next thing is due.
const IDLE: Duration = Duration::from_millis(500);
/// Errors in a row after which a loop counts as dead.
const MAX_ERRORS: u32 = 20;
const ERROR_PAUSE: Duration = Duration::from_secs(3);

/// Runs until `cancel` fires.
///
/// # Errors
/// A loop died; the message names it.
pub async fn run(app: Arc<App>, cancel: CancellationToken) -> anyhow::Result<()> {
    let mut loops: JoinSet<(String, anyhow::Result<()>)> = JoinSet::new();
    let listener = match app.config.web.listen.as_str() {
        "" => None,
        listen => Some(web::bind(listen).await?),
    };
    if let Some(listener) = listener {
        tracing::info!("serving feeds, prices, metrics and health on http://{}", listener.local_addr()?);
        let (app, stop) = (Arc::clone(&app), cancel.clone());
        loops.spawn(async move { ("web".to_owned(), web::serve(app, listener, stop).await) });
    }
    let start = |loops: &mut JoinSet<_>, name: String, work: Loop| {
        let (app, stop) = (Arc::clone(&app), cancel.clone());
        loops.spawn(async move {
            let ended = repeat(&app, &name, work, stop).await;
            (name, ended)
        });
    };
    start(&mut loops, "fetch".to_owned(), Loop::Fetch);
    start(&mut loops, "decide".to_owned(), Loop::Decide);
    start(&mut loops, "tend".to_owned(), Loop::Tend);
    start(&mut loops, "alerts".to_owned(), Loop::Watch);
    start(&mut loops, "messages".to_owned(), Loop::Send);
    start(&mut loops, "digests".to_owned(), Loop::Digests);
    for index in 0..app.lanes.len() {
        start(&mut loops, format!("lane {}", app.lanes[index].name), Loop::Lane(index));
        start(&mut loops, format!("verify {}", app.lanes[index].name), Loop::Verify(index));
    }
    tracing::info!("running with {} channels on {}", app.lanes.len(), app.db.engine());
    let mut died = None;
    while let Some(ended) = loops.join_next().await {
        let (name, result) =
            ended.unwrap_or_else(|panic| ("a loop".to_owned(), Err(anyhow::anyhow!("panicked: {panic}"))));
        if !cancel.is_cancelled() {
            let why = result.err().map_or_else(|| "it ended by itself".to_owned(), |e| format!("{e:#}"));
            tracing::error!("{name} died: {why}");
            died = Some(format!("{name} died: {why}"));
            cancel.cancel();
        }
        if cancel.is_cancelled() {
            break;
        }
    }
    let drained = tokio::time::timeout(DRAIN, async { while loops.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!("work was still open after {} s; its leases expire by themselves", DRAIN.as_secs());
    }
    loops.abort_all();
    match died {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

#[derive(Clone, Copy)]
enum Loop {
    Fetch,
    Decide,
    Tend,
    Watch,
    Send,
    Digests,
    Lane(usize),
    Verify(usize),
}

/// Repeats one stage's work; nothing is begun once the token is cancelled, what is begun is finished.
async fn repeat(app: &Arc<App>, name: &str, work: Loop, stop: CancellationToken) -> anyhow::Result<()> {
    let mut errors = 0;
    while !stop.is_cancelled() {
        let pause = match once(app, work).await {
            Ok(true) => {
                errors = 0;
                continue;
            }
            Ok(false) => {
                errors = 0;
                until_next(app, work).await
            }
            Err(error) => {
                errors += 1;
                tracing::error!("{name}: {error:#}");
                if errors >= MAX_ERRORS {
                    return Err(error);
                }
                ERROR_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}

/// One share of work; true if there may be more at once.
async fn once(app: &Arc<App>, work: Loop) -> anyhow::Result<bool> {
    match work {
        Loop::Fetch => Ok(flow::check_due(app).await? > 0),
        Loop::Decide => Ok(flow::decide_due(app).await? > 0),
        Loop::Tend => flow::tend(app).await.map(|()| false),
        Loop::Watch => alerting::watch(app).await.map(|()| false),
        Loop::Send => Ok(alerting::send_queued(app).await? > 0),
        Loop::Digests => Ok(flow::digests_due(app).await? > 0),
        Loop::Lane(index) => Ok(flow::publish_due(app, &app.lanes[index]).await?.worked()),
        Loop::Verify(index) => flow::verify_due(app, &app.lanes[index]).await,
    }
}

/// How long a loop may sleep: until its next thing is due, within bounds, so that work of other processes is seen too.
async fn until_next(app: &App, work: Loop) -> Duration {
    let next = match work {
        Loop::Fetch => targets::next_due(&app.db).await,
        Loop::Decide => products::next_dirty(&app.db).await,
        Loop::Lane(index) => progress::next_at(&app.db, &app.lanes[index].name).await,
        Loop::Tend | Loop::Watch | Loop::Send | Loop::Digests | Loop::Verify(_) => return Duration::from_secs(5),
    };
    match next {
        Ok(Some(at)) => {
            let wait = u64::try_from(at.since(app.now())).unwrap_or(0);
            Duration::from_millis(wait).clamp(Duration::from_millis(20), IDLE)
        }
        _ => IDLE,
    }
}

/// Cancels the token on SIGTERM or SIGINT; a second signal ends the process at once.
///
/// # Errors
/// Signals cannot be listened to.
pub fn on_signal(cancel: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for round in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if round > 0 {
                tracing::warn!("second signal: ending at once");
                std::process::exit(130);
            }
            tracing::info!("draining for at most {} s; a second signal ends at once", DRAIN.as_secs());
            cancel.cancel();
        }
    });
    Ok(())
}

/// Milliseconds that `once` waits for what is already on its way before it leaves the rest to the next run.
pub const ONCE_PATIENCE: i64 = 10 * Millis::SECOND;
