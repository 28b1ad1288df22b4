//! `omniprice verify [CHANNEL...] [--dry-run | --reassert [--sku SKU...]]`: reads channels and compares them with what was
//! proved; shows what differs, and sends our price again where the channel's policy or the person says so.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::bail;

use super::names::count;
use super::{Context, NEEDS_A_PERSON, names};
use crate::app::{App, PAUSE};
use crate::channel::Drift;
use crate::flow;
use crate::money::WirePrice;
use crate::report::digest::plain;
use crate::store::{products, settings};
use crate::verify::{Kind, Look, Report};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Channels [default: all]
    channels: Vec<String>,
    /// Only show the differences
    #[arg(long, conflicts_with = "reassert")]
    dry_run: bool,
    /// Send our price again where another one is shown, whatever `drift` says and since whenever it differs
    #[arg(long)]
    reassert: bool,
    /// Only of this product; may be given several times
    #[arg(long, requires = "reassert")]
    sku: Vec<String>,
}

/// # Errors
/// An unknown channel or product, or the store's.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    if let Some(unknown) = args.channels.iter().find(|name| app.lane(name).is_none()) {
        let known: Vec<&str> = app.lanes.iter().map(|lane| lane.name.as_str()).collect();
        bail!("there is no channel `{unknown}`\nhint: configured are {}", known.join(", "));
    }
    let mut asked = BTreeSet::new();
    for sku in &args.sku {
        asked.insert(names::product(&app, sku).await?.id);
    }
    let look = match (args.dry_run, args.reassert) {
        (true, _) => Look::Only,
        (false, true) => Look::Reassert(&asked),
        (false, false) => Look::ByPolicy,
    };
    let mut reports = Vec::new();
    for lane in app.lanes.iter().filter(|lane| args.channels.is_empty() || args.channels.contains(&lane.name)) {
        if !args.dry_run {
            flow::map(&app, lane).await?;
        }
        reports.push(flow::look(&app, lane, look).await?);
    }
    let skus = skus(&app, &reports).await?;
    let paused = settings::get(&app.db, PAUSE).await?.is_some();
    context.print(&reports, |reports| context.here(&text(&app, reports, &skus, paused)))?;
    // What goes out again by itself needs nobody.
    let open = |report: &Report| {
        let left = |id: i64| !report.reasserted.contains(&id);
        report.differences.iter().any(|one| left(one.product_id))
            || report.standing.iter().any(|one| left(one.product_id))
    };
    let whole = |report: &Report| report.error.is_none() && report.unread.is_empty();
    let clean = reports.iter().all(|report| whole(report) && !open(report));
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_A_PERSON) })
}

/// What people call the products that differ, or that cannot be read.
async fn skus(app: &App, reports: &[Report]) -> anyhow::Result<BTreeMap<i64, String>> {
    let differ = reports.iter().flat_map(|report| {
        let standing = report.standing.iter().map(|one| one.product_id);
        let unread = report.unread.iter().map(|one| one.product_id);
        report.differences.iter().map(|one| one.product_id).chain(standing).chain(unread)
    });
    let mut skus = BTreeMap::new();
    for id in differ.collect::<BTreeSet<_>>() {
        if let Some(product) = products::by_id(&app.db, id).await? {
            skus.insert(id, product.sku);
        }
    }
    Ok(skus)
}

fn money(price: Option<WirePrice>) -> String {
    price.map_or_else(|| "nothing".to_owned(), |price| price.to_string())
}

fn text(app: &App, reports: &[Report], skus: &BTreeMap<i64, String>, paused: bool) -> String {
    if reports.is_empty() {
        return "no channels are configured\nomniprice channel kinds shows examples".to_owned();
    }
    let mut lines = Vec::new();
    for report in reports {
        lines.push(format!(
            "{}: {} compared, {} different",
            report.channel,
            count(report.compared, "listing"),
            report.differences.len() + report.standing.len()
        ));
        if let Some(error) = &report.error {
            lines.push(format!("  {}", plain(error)));
        }
        for one in &report.unread {
            lines.push(format!(
                "  not compared: {} cannot be read: {}",
                plain(skus.get(&one.product_id).map_or(one.external.as_str(), String::as_str)),
                plain(&one.why)
            ));
        }
        let sku = |id: i64, external: &str| plain(skus.get(&id).map_or(external, String::as_str));
        for difference in &report.differences {
            let kind = serde_json::to_value(difference.kind)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default();
            lines.push(format!(
                "  {kind}: {} shows {}, proved {}",
                sku(difference.product_id, &difference.external),
                money(difference.found),
                money(difference.expected)
            ));
        }
        for one in &report.standing {
            lines.push(format!(
                "  still {} since {}: {} shows {}, wanted {}",
                one.state,
                one.since,
                sku(one.product_id, &one.external),
                money(one.found),
                money(one.wanted)
            ));
        }
        lines.extend(follows(app, report, paused));
    }
    lines.join("\n")
}

/// What becomes of the differences, and what a person can do about those that stay.
fn follows(app: &App, report: &Report, paused: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let name = &report.channel;
    if !report.reasserted.is_empty() {
        let when = if paused {
            "once pushes are let go on: omniprice resume --why \"...\""
        } else {
            "by the running daemon, or now by omniprice once"
        };
        lines.push(format!("  our price of {} is sent again {when}", count(report.reasserted.len(), "product")));
    }
    let left = |id: i64| !report.reasserted.contains(&id);
    let drifted = report.differences.iter().any(|one| one.kind == Kind::Drifted && left(one.product_id))
        || report.standing.iter().any(|one| left(one.product_id));
    if drifted && app.lane(name).is_some_and(|lane| lane.drift != Drift::Adopt) {
        lines.push(format!("  our price again: omniprice verify {name} --reassert [--sku SKU]"));
        lines.push(format!("  or make ours what it shows: omniprice channel adopt {name}"));
    }
    lines
}
