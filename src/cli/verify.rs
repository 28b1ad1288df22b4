//! `omniprice verify [CHANNEL...] [--dry-run]`: reads channels and compares them with what was proved.

use std::process::ExitCode;

use anyhow::bail;

use super::names::count;
use super::{Context, NEEDS_A_PERSON};
use crate::flow;
use crate::verify::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Channels [default: all]
    channels: Vec<String>,
    /// Only show the differences
    #[arg(long)]
    dry_run: bool,
}

/// # Errors
/// An unknown channel, or the store's.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    if let Some(unknown) = args.channels.iter().find(|name| app.lane(name).is_none()) {
        let known: Vec<&str> = app.lanes.iter().map(|lane| lane.name.as_str()).collect();
        bail!("there is no channel `{unknown}`\nhint: configured are {}", known.join(", "));
    }
    let mut reports = Vec::new();
    for lane in app.lanes.iter().filter(|lane| args.channels.is_empty() || args.channels.contains(&lane.name)) {
        if !args.dry_run {
            flow::map(&app, lane).await?;
        }
        reports.push(flow::reconcile(&app, lane, args.dry_run).await?);
    }
    context.print(&reports, |reports| text(reports))?;
    let clean =
        reports.iter().all(|report| report.differences.is_empty() && report.standing == 0 && report.error.is_none());
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_A_PERSON) })
}

fn text(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "no channels are configured\nomniprice channel kinds shows examples".to_owned();
    }
    let mut lines = Vec::new();
    for report in reports {
        lines.push(format!(
            "{}: {} compared, {} different",
            report.channel,
            count(report.compared, "listing"),
            report.differences.len()
        ));
        if report.standing > 0 {
            lines.push(format!("  {} still differ as was told before: omniprice alert list", report.standing));
        }
        if let Some(error) = &report.error {
            lines.push(format!("  {error}"));
        }
        for difference in &report.differences {
            let money = |m: Option<crate::money::WirePrice>| m.map_or_else(|| "nothing".to_owned(), |m| m.to_string());
            let kind = serde_json::to_value(difference.kind)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default();
            lines.push(format!(
                "  {kind}: {} shows {}, proved {}",
                difference.external,
                money(difference.found),
                money(difference.expected)
            ));
        }
    }
    lines.join("\n")
}
