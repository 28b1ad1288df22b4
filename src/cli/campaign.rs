//! `omniprice campaign add|list|show|cancel`: reductions with one window for all their channels.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::names::count;
use super::{Context, named, say, talk, when, wrong};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::campaign::{Due, timetable};
use crate::decide::campaign_file::CampaignFile;
use crate::decide::prior::Audience;
use crate::decide::text::Zone;
use crate::flow::campaign_consent::PREFIX;
use crate::flow::campaigns as flow;
use crate::money::{Money, WirePrice, currency};
use crate::report::digest::plain;
use crate::store::campaigns::{self, Added, Campaign, Item};
use crate::store::stages::{self, OnChannel};
use crate::store::strikes::{self, StrikeRow};

/// A start that is no older was now when the file was written.
const JUST_NOW: i64 = 5 * Millis::MINUTE;
/// Products that are named; the rest is counted.
const NAMED: usize = 5;
/// Campaigns, and products of one, that are shown at once.
const MOST: i64 = 1_000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store a campaign from a file; `docs/rules.md` shows one
    Add {
        file: PathBuf,
        /// Only check the file and say what may be announced
        #[arg(long)]
        dry_run: bool,
        /// Although it began in the past, or makes a price no lower than it is
        #[arg(long)]
        yes: bool,
        /// Who stores it
        #[arg(long, env = "USER", default_value = "operator")]
        actor: String,
    },
    /// Campaigns, latest start first
    List,
    /// Products, times, and what may be said about each reduction
    Show { name: String },
    /// End a campaign now; rules decide again
    Cancel(Cancel),
}

#[derive(Debug, clap::Args)]
pub struct Cancel {
    name: String,
    #[arg(long)]
    why: String,
    /// Who
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

#[derive(serde::Serialize)]
struct Shown {
    campaign: Campaign,
    items: Vec<Item>,
    times: Vec<Due>,
    /// Channels that keep the start by themselves.
    staged: Vec<OnChannel>,
    strikes: Vec<StrikeRow>,
    /// What history allows today, where the campaign has not started.
    outlook: Vec<flow::Outlook>,
    remarks: Vec<flow::Remark>,
}

/// # Errors
/// A file with problems, a name that is taken or unknown, or the store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    match command {
        Command::Add { file, dry_run, yes, actor } => add(context, &app, file, actor, (*dry_run, *yes)).await,
        Command::List => {
            let all = campaigns::list(&app.db, MOST).await?;
            context.print(&all, |all| table(all))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { name } => show(context, &app, name).await,
        Command::Cancel(args) => cancel(context, &app, args).await,
    }
}

async fn add(
    context: &Context,
    app: &App,
    file: &std::path::Path,
    actor: &str,
    (dry_run, yes): (bool, bool),
) -> anyhow::Result<ExitCode> {
    let body = std::fs::read_to_string(file)
        .with_context(|| format!("{}; hint: docs/rules.md shows a whole campaign file", file.display()))?;
    let at = |problems: Vec<String>| wrong(format!("{}: {}", file.display(), problems.join("\n")));
    let parsed = CampaignFile::parse(&body).map_err(at)?;
    let planned = flow::plan(app, &parsed, body).await?.map_err(at)?;
    let outlook = flow::outlook(app, &planned).await?;
    let remarks =
        flow::remarks(app, planned.items.iter().map(|item| (item.product_id, item.price_minor)), planned.starts_at)
            .await?;
    let odd = odd(&planned, &remarks, app.now());
    if !yes && !odd.is_empty() {
        return Err(wrong(format!(
            "{}: {}\nhint: if that is meant, repeat the command with --yes; else correct the file",
            file.display(),
            odd.join("\n")
        )));
    }
    let planned = campaigns::New { added_by: actor.to_owned(), ..planned };
    let (name, asked) = (planned.name.clone(), planned.asked.clone());
    let items = planned.items.len();
    let added = match dry_run {
        true => campaigns::refusal(&app.db, planned).await?,
        false => Some(campaigns::add(&app.db, planned, app.now()).await?),
    };
    match added {
        Some(Added::Stored(_)) | None => {}
        Some(Added::Exists) => {
            bail!("there is a campaign {name} already\nhint: ids are used once; `omniprice campaign show {name}`")
        }
        Some(Added::Overlaps { campaign, sku }) => bail!(
            "{} is in campaign {} at that time\nhint: two campaigns cannot decide one price; move or cancel one",
            plain(&sku),
            plain(&campaign)
        ),
    }
    if context.json {
        let value = serde_json::json!({ "stored": !dry_run, "id": name, "products": items, "outlook": outlook, "remarks": remarks, "waits_for_consent_until": asked.as_ref().map(|(_, until)| until.to_string()) });
        say(&serde_json::to_string_pretty(&value)?)?;
    } else {
        let what = if dry_run { "would be stored" } else { "is stored" };
        for remark in &remarks {
            talk(&context.here(&format!("{}: {}", plain(&remark.sku), plain(&remark.what))));
        }
        let waits = asked.map_or_else(String::new, |(why, until)| {
            format!(
                "\n{why}: it decides nothing before somebody else agrees, until {until}: \
                 omniprice approve {PREFIX}{name} --why \"...\""
            )
        });
        say(&context.here(&format!(
            "campaign {name} with {} {what}{waits}\n{}",
            count(items, "product"),
            outlook_text(&outlook)
        )))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is probably a slip: a window that began long ago, and prices that are not lower than today's.
fn odd(planned: &campaigns::New, remarks: &[flow::Remark], now: Millis) -> Vec<String> {
    let mut odd = Vec::new();
    if planned.starts_at < now.plus(-JUST_NOW) {
        let began = local(planned.starts_at.0, &planned.zone);
        odd.push(format!("from: it began at {began} already; its prices would go out at once"));
    }
    let dear: Vec<&flow::Remark> = remarks.iter().filter(|remark| remark.odd).collect();
    odd.extend(dear.iter().take(NAMED).map(|remark| format!("{}: {}", plain(&remark.sku), plain(&remark.what))));
    if dear.len() > NAMED {
        odd.push(format!("and {} more that get no cheaper", count(dear.len() - NAMED, "product")));
    }
    odd
}

async fn show(context: &Context, app: &App, name: &str) -> anyhow::Result<ExitCode> {
    let Some(campaign) = campaigns::by_name(&app.db, name).await? else {
        bail!("there is no campaign `{}`\nhint: omniprice campaign list", plain(name))
    };
    let items = campaigns::items(&app.db, campaign.id, MOST).await?;
    let cancelled = campaign.phase == "cancelled";
    let times = match cancelled {
        true => vec![],
        false => timetable(&flow::windows(app, &*app.rules().await?, &campaign).await?),
    };
    let staged = stages::per_channel(&app.db, campaign.id, app.now()).await?;
    let strikes = strikes::strikes_of(&app.db, campaign.id, MOST).await?;
    let outlook = if campaign.phase == "planned" { flow::outlook_of(app, &campaign, &items).await? } else { vec![] };
    let remarks = match campaign.phase.as_str() {
        "planned" | "running" => {
            let begins = Millis(campaign.starts_at);
            flow::remarks(app, items.iter().map(|item| (item.product_id, item.price_minor)), begins).await?
        }
        _ => vec![],
    };
    let held = |remark: &flow::Remark| campaign.phase == "planned" || remark.waits;
    let remarks = remarks.into_iter().filter(held).collect();
    let shown = Shown { campaign, items, times, staged, strikes, outlook, remarks };
    context.print(&shown, |shown| context.here(&text(shown)))?;
    Ok(ExitCode::SUCCESS)
}

async fn cancel(context: &Context, app: &App, args: &Cancel) -> anyhow::Result<ExitCode> {
    named("--why", &args.why)?;
    let Some(campaign) = campaigns::by_name(&app.db, &args.name).await? else {
        bail!("there is no campaign `{}`\nhint: omniprice campaign list", plain(&args.name))
    };
    let (by, why) = (Some(args.actor.clone()), Some(args.why.clone()));
    if !campaigns::set_phase(&app.db, campaign.id, "cancelled", by, why, app.now()).await? {
        talk(&format!("campaign {} is {} already", campaign.name, campaign.phase));
        return Ok(ExitCode::SUCCESS);
    }
    flow::ended(app, &campaign).await?;
    say(&if context.json {
        serde_json::json!({ "cancelled": campaign.name }).to_string()
    } else {
        let name = &campaign.name;
        let ended = if campaign.starts_at > app.now().0 || campaign.waits_until.is_some() {
            format!("campaign {name} is cancelled; it had not begun, so no price of it went out")
        } else {
            format!(
                "campaign {name} has ended; its products take what the rules say, or the price from before it where they say nothing"
            )
        };
        context.here(
            &[Some(ended), super::pause::meanwhile(app).await?].into_iter().flatten().collect::<Vec<_>>().join("\n"),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// An instant in the campaign's own zone.
fn local(at: i64, zone: &str) -> String {
    let at = Millis(at);
    Zone::parse(zone).map_or_else(|_| at.to_string(), |zone| when::local(&at.to_string(), &zone))
}

fn table(all: &[Campaign]) -> String {
    if all.is_empty() {
        return "no campaigns yet\nomniprice campaign add FILE stores one".to_owned();
    }
    let mut table = super::columns(["id", "phase", "from", "until", "owner", "why"]);
    for one in all {
        let (from, until) = (local(one.starts_at, &one.zone), local(one.ends_at, &one.zone));
        let phase = if one.waits().is_some() { "waits" } else { one.phase.as_str() };
        table.add_row([&one.name, phase, &from, &until, &plain(&one.owner), &plain(&one.why)]);
    }
    table.to_string()
}

fn text(shown: &Shown) -> String {
    let one = &shown.campaign;
    let mut lines = vec![
        format!("{} ({}), by {}: {}", one.name, one.phase, plain(&one.owner), plain(&one.why)),
        format!("from {} until {}", local(one.starts_at, &one.zone), local(one.ends_at, &one.zone)),
        String::new(),
    ];
    if Audience::stored(&one.audience) == Audience::Loyalty {
        lines.insert(2, "for members alone: only channels with audience = \"loyalty\" have its price".to_owned());
    }
    if let Some(until) = one.waits() {
        let (why, until) = (plain(one.asked.as_deref().unwrap_or_default()), local(until.0, &one.zone));
        lines.insert(
            2,
            format!(
                "waits for a second person until {until}: {why}; omniprice approve {PREFIX}{} --why \"...\"",
                one.name
            ),
        );
    } else if let (Some(by), Some(at)) = (&one.consent_by, one.consent_at) {
        let why = plain(one.consent_why.as_deref().unwrap_or_default());
        lines.insert(2, format!("{} agreed to it at {}: {why}", plain(by), local(at, &one.zone)));
    }
    for item in &shown.items {
        let money = |minor| {
            currency(&item.currency).map_or_else(|_| String::new(), |c| Money::from_minor(minor, c).to_string())
        };
        lines.push(format!("  {} {} (now {})", plain(&item.sku), money(item.price_minor), money(item.own_minor)));
    }
    if one.phase == "cancelled" {
        let (by, why) = (one.ended_by.as_deref().unwrap_or("-"), one.ended_why.as_deref().unwrap_or("-"));
        let at = one.ended_at.map_or_else(String::new, |at| format!(" at {}", local(at, &one.zone)));
        lines.push(format!("\ncancelled{at} by {}: {}", plain(by), plain(why)));
    }
    if !shown.times.is_empty() {
        lines.push("\ntimes:".to_owned());
    }
    for due in &shown.times {
        let action =
            serde_json::to_value(due.action).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        lines.push(format!("  {} {} {}", local(due.at.0, &one.zone), action.replace('_', " "), due.channel));
    }
    for on in &shown.staged {
        let rest = match on.listings - on.wanted {
            ..=0 => String::new(),
            rest => format!("; {rest} {} sent the price when it begins", if rest == 1 { "is" } else { "are" }),
        };
        lines.push(format!(
            "  {} begins by itself at {}: {} of {} listings have it{rest}",
            on.channel,
            local(on.starts_at, &one.zone),
            on.confirmed,
            on.listings
        ));
    }
    if !shown.strikes.is_empty() {
        lines.push("\nannounced, frozen at the start:".to_owned());
    }
    for strike in &shown.strikes {
        let money = |units| {
            let price = WirePrice::stored(units, strike.decimals, &strike.currency);
            price.map_or_else(|_| String::new(), |price| price.to_string())
        };
        let prior = strike
            .prior_minor
            .map_or_else(|| "no prior price".to_owned(), |minor| format!("prior price {}", money(minor)));
        let said = if strike.announce != 0 { "announced" } else { "not announced" };
        let reasons: Vec<String> = serde_json::from_str(&strike.reasons).unwrap_or_default();
        lines.push(format!(
            "  {} on {}: {}, {prior}, {said}{}",
            plain(&strike.sku),
            strike.channel,
            money(strike.campaign_minor),
            if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) }
        ));
    }
    lines.push(outlook_text(&shown.outlook));
    lines.extend(shown.remarks.iter().map(|remark| format!("  note: {}: {}", plain(&remark.sku), plain(&remark.what))));
    lines.join("\n")
}

fn outlook_text(outlook: &[flow::Outlook]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for one in outlook {
        let prior =
            one.prior.as_ref().map_or_else(|| "no prior price".to_owned(), |prior| format!("prior price {prior}"));
        let may = match (one.announce, one.max_percent) {
            (true, Some(percent)) => format!("may be announced with up to {percent} %"),
            (true, None) => "may be announced".to_owned(),
            (false, _) => "may not be announced".to_owned(),
        };
        let why = if one.reasons.is_empty() { String::new() } else { format!(" ({})", one.reasons.join(", ")) };
        let better = one.better_from.map(|at| format!("; more from {at}")).unwrap_or_default();
        lines.push(format!("  {} on {}: {}, {prior}, {may}{why}{better}", plain(&one.sku), one.channel, one.price));
    }
    let rules: BTreeSet<&str> = outlook.iter().filter_map(|one| one.rules.as_deref()).collect();
    lines.extend(rules.into_iter().map(|rules| format!("  prior prices follow {}", plain(rules))));
    if lines.is_empty() { String::new() } else { format!("\nif it began as planned:\n{}", lines.join("\n")) }
}
