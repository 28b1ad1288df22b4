//! `omniprice once`: everything that is due, one time, for cron and for a first look.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

use super::names::{count, waits};
use super::{Context, NEEDS_A_PERSON};
use crate::app::App;
use crate::clock::Millis;
use crate::report::detect;
use crate::report::digest::plain;
use crate::store::{campaigns, decisions, events, rivals, targets};
use crate::{daemon, flow};

/// Competitors and outcomes that are named.
const NAMED: i64 = 20;
/// Competitors looked through.
const MOST: i64 = 10_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Check all competitor pages now, due or not
    #[arg(long)]
    now: bool,
    /// Seconds to wait for what is on its way (read-back, next page of a host) before leaving it to the next run
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u32>,
}

#[derive(serde::Serialize)]
struct Report {
    #[serde(flatten)]
    pass: flow::Pass,
    prices_read: u64,
    /// Competitor pages whose last check gave no price.
    not_read: Vec<targets::Unhealthy>,
    /// Competitors a host of which failed and is not asked for a while.
    left_alone: Vec<LeftAlone>,
    still_due: i64,
    reviews: usize,
    /// Campaigns that a second person has to agree with.
    campaigns: usize,
    critical: usize,
    /// Every page was asked for, whatever its time.
    asked_all: bool,
}

#[derive(serde::Serialize)]
struct LeftAlone {
    competitor: String,
    until: Millis,
}

/// # Errors
/// The first stage that fails.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.worker().await?;
    if args.now {
        targets::due_now(&app.db, None, app.now()).await?;
    }
    let patience = args.patience.map_or(daemon::ONCE_PATIENCE, |seconds| i64::from(seconds) * Millis::SECOND);
    let pass = flow::pass(&app, patience).await?;
    // Somebody who runs this by hand or from cron wants to know now, not when the watch comes round.
    detect::customers(&app).await?;
    let open = events::open(&app.db, 1_000).await?;
    let report = Report {
        pass,
        prices_read: app.metrics.prices.load(Relaxed) + app.metrics.unchanged.load(Relaxed),
        not_read: targets::unhealthy(&app.db, NAMED).await?,
        left_alone: left_alone(&app).await?,
        still_due: targets::count_due(&app.db, app.now()).await?,
        reviews: decisions::open_reviews(&app.db, 1_000).await?.len(),
        campaigns: campaigns::waiting(&app.db).await?.len(),
        critical: open.iter().filter(|event| event.severity == "critical").count(),
        asked_all: args.now,
    };
    context.print(&report, |report| context.here(&text(report)))?;
    app.db.close().await;
    let blind = pass.checked > 0 && report.prices_read == 0;
    let needs = report.reviews > 0 || report.campaigns > 0 || report.critical > 0 || blind;
    Ok(if needs { ExitCode::from(NEEDS_A_PERSON) } else { ExitCode::SUCCESS })
}

async fn left_alone(app: &App) -> anyhow::Result<Vec<LeftAlone>> {
    let now = app.now();
    let all = rivals::list(&app.db, MOST).await?.into_iter().filter(|one| one.blocked_until > now.0);
    Ok(all.map(|one| LeftAlone { competitor: one.competitor, until: Millis(one.blocked_until) }).collect())
}

fn text(report: &Report) -> String {
    let Report { pass, prices_read, not_read, left_alone, still_due, reviews, campaigns, critical, asked_all } = report;
    let failed = if pass.failed == 0 { String::new() } else { format!(" ({} of them not taken)", pass.failed) };
    let mut out = format!(
        "{} checked ({prices_read} with a price or unchanged), {} evaluated, {} sent{failed}, {} read back equal, {}",
        count(pass.checked, "page"),
        count(pass.evaluated, "product"),
        count(pass.pushed, "price"),
        pass.verified,
        count(pass.digests, "digest")
    );
    for pages in not_read {
        let why = pages.problem.as_ref().map_or_else(String::new, |why| format!(" ({})", plain(why)));
        let (n, outcome) = (count(pages.n, "page"), pages.outcome.replace('_', " "));
        out += &format!("\nnot read: {}: {n} {outcome}{why}", plain(&pages.competitor));
    }
    for one in left_alone.iter().take(usize::try_from(NAMED).unwrap_or(usize::MAX)) {
        let name = plain(&one.competitor);
        out += &format!(
            "\n{name} is left alone until {}: omniprice competitor retry {name} asks it again, then omniprice once",
            one.until
        );
    }
    if pass.checked == 0 && !asked_all {
        out += "\nnothing was due; --now checks all pages anyway";
    }
    if *still_due > 0 && pass.checked == 0 {
        out += &format!(
            "\n{still_due} of the pages are due and wait: their hosts failed lately; omniprice competitor list says why"
        );
    } else if *still_due > 0 {
        out += &format!("\nstill due: {}; their hosts are asked at their own pace", count(still_due, "page"));
    }
    if *reviews > 0 {
        out += &format!("\n{} for a person: omniprice review", waits(*reviews, "proposal"));
    }
    if *campaigns > 0 {
        out += &format!("\n{} for a second person: omniprice review", waits(*campaigns, "campaign"));
    }
    if *critical > 0 {
        out += &format!("\n{}: omniprice alert list", count(critical, "critical event"));
    }
    out
}
