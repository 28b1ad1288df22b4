//! `omniprice once`: everything that is due, one time, for cron and for a first look.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

use super::{Context, NEEDS_A_PERSON};
use crate::clock::Millis;
use crate::report::detect;
use crate::report::digest::plain;
use crate::store::{decisions, events, targets};
use crate::{daemon, flow};

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
    still_due: i64,
    reviews: usize,
    critical: usize,
    /// Every page was asked for, whatever its time.
    asked_all: bool,
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
        not_read: targets::unhealthy(&app.db, 20).await?,
        still_due: targets::count_due(&app.db, app.now()).await?,
        reviews: decisions::open_reviews(&app.db, 1_000).await?.len(),
        critical: open.iter().filter(|event| event.severity == "critical").count(),
        asked_all: args.now,
    };
    context.print(&report, text)?;
    app.db.close().await;
    let blind = pass.checked > 0 && report.prices_read == 0;
    let needs = report.reviews > 0 || report.critical > 0 || blind;
    Ok(if needs { ExitCode::from(NEEDS_A_PERSON) } else { ExitCode::SUCCESS })
}

fn text(report: &Report) -> String {
    let Report { pass, prices_read, not_read, still_due, reviews, critical, asked_all } = report;
    let failed = if pass.failed == 0 { String::new() } else { format!(" ({} of them not taken)", pass.failed) };
    let mut out = format!(
        "{} pages checked ({prices_read} with a price or unchanged), {} products evaluated, {} prices sent{failed}, {} read back equal, {} digests",
        pass.checked, pass.evaluated, pass.pushed, pass.verified, pass.digests
    );
    for pages in not_read {
        let why = pages.problem.as_ref().map_or_else(String::new, |why| format!(" ({})", plain(why)));
        out += &format!("\nnot read: {}: {} pages {}{why}", pages.competitor, pages.n, pages.outcome.replace('_', " "));
    }
    if pass.checked == 0 && !asked_all {
        out += "\nnothing was due; --now checks all pages anyway";
    }
    if *still_due > 0 && pass.checked == 0 {
        out += &format!("\n{still_due} pages wait: their hosts failed lately and are left alone for a while");
        out += "\nomniprice competitor list says why; omniprice competitor retry NAME asks again at once";
    } else if *still_due > 0 {
        out += &format!("\n{still_due} pages are still due: their hosts are asked at their own pace");
    }
    if *reviews > 0 {
        out += &format!("\n{reviews} proposals wait: omniprice review");
    }
    if *critical > 0 {
        out += &format!("\n{critical} critical events: omniprice alert list");
    }
    out
}
