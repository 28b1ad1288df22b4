//! `omniprice alert list|silence|resolve`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::Context;
use crate::app::App;
use crate::clock::Millis;
use crate::config::Span;
use crate::report::alerts::{Surroundings, standing};
use crate::report::lang::Kind;
use crate::report::text::{message, plain};
use crate::store::alerts::{self, Silence, State};
use crate::store::events::{self, Event};

/// Rows shown, and how far back.
const LIMIT: i64 = 10_000;
const BACK: i64 = 7 * Millis::DAY;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what is open, whether it is an alert, who silenced what, and what was sent
    List,
    /// Keep quiet about something that is known, until a time
    Silence(Quiet),
    /// Say that something is over; if it is not, it is raised and told again
    Resolve {
        /// Numbers from `omniprice alert list`
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

#[derive(Debug, clap::Args)]
pub struct Quiet {
    /// An event from `omniprice alert list`: its kind, channel, competitor and SKU
    id: Option<i64>,
    #[arg(long)]
    kind: Option<String>,
    #[arg(long)]
    channel: Option<String>,
    #[arg(long)]
    competitor: Option<String>,
    #[arg(long)]
    sku: Option<String>,
    /// How long, such as 90m, 4h or 2d
    #[arg(long = "for", default_value = "4h", value_parser = |text: &str| Span::try_from(text.to_owned()))]
    span: Span,
    /// Why; others see it
    #[arg(long, required_unless_present = "end")]
    why: Option<String>,
    /// Who silences
    #[arg(long, env = "USER", default_value = "operator")]
    owner: String,
    /// End the silence with this number now
    #[arg(long, value_name = "SILENCE", conflicts_with = "why")]
    end: Option<i64>,
}

/// # Errors
/// An unknown number, a silence of everything, or the store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    match command {
        Command::List => list(context, &app).await,
        Command::Silence(quiet) => silence(context, &app, quiet).await,
        Command::Resolve { ids } => resolve(context, &app, ids).await,
    }
}

async fn list(context: &Context, app: &App) -> anyhow::Result<ExitCode> {
    let now = app.now();
    let open = events::open(&app.db, LIMIT).await?;
    let silences = alerts::silences(&app.db, now).await?;
    let above = app.config.alerts.drift_above;
    let around = Surroundings::of(&open);
    let standings: Vec<String> = open.iter().map(|event| standing(event, &around, &silences, now, above)).collect();
    let shown: Vec<_> = open
        .iter()
        .zip(&standings)
        .map(|(event, standing)| serde_json::json!({ "event": event, "standing": standing }))
        .collect();
    let sent = alerts::messages(&app.db, now.plus(-BACK), 100).await?;
    let whole = serde_json::json!({ "open": shown, "silences": silences, "messages": sent });
    context.print(&whole, |_| {
        let mut table = super::columns(["id", "severity", "kind", "since", "times", "what", "standing"]);
        for (event, standing) in open.iter().zip(&standings) {
            table.add_row([
                event.id.to_string(),
                event.severity.clone(),
                event.kind.clone(),
                // Put into the reader's zone before the columns are made as wide as they are.
                context.here(&Millis(event.first_at).to_string()),
                event.times.to_string(),
                context.here(&message(&event.message)),
                context.here(&plain(standing)),
            ]);
        }
        let mut text = if open.is_empty() { "nothing is open".to_owned() } else { table.to_string() };
        for silence in &silences {
            text = format!("{text}\n{}", described(silence));
        }
        for message in sent.iter().take(10) {
            let at = Millis(message.created_at);
            text = format!(
                "{text}\n{at} {} to {}: {} ({})",
                message.grp,
                message.target,
                message.state,
                plain(&message.detail)
            );
        }
        context.here(&text)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn described(silence: &Silence) -> String {
    let parts = [
        ("kind", &silence.kind),
        ("channel", &silence.channel),
        ("competitor", &silence.competitor),
        ("sku", &silence.sku),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", plain(value))))
        .collect();
    format!(
        "silence {}: {} until {} ({}: {})",
        silence.id,
        parts.join(" "),
        Millis(silence.ends_at),
        plain(&silence.owner),
        plain(&silence.why)
    )
}

async fn silence(context: &Context, app: &App, quiet: &Quiet) -> anyhow::Result<ExitCode> {
    let now = app.now();
    if let Some(id) = quiet.end {
        if !alerts::end_silence(&app.db, id, now).await? {
            bail!("there is no silence {id} that still holds\nhint: omniprice alert list");
        }
        context.print(&serde_json::json!({ "ended": id }), |_| format!("silence {id} has ended"))?;
        return Ok(ExitCode::SUCCESS);
    }
    meant(app, quiet).await?;
    let event = match quiet.id {
        Some(id) => Some(lasting(app, id).await?),
        None => None,
    };
    let of = |own: &Option<String>, event: Option<String>| own.clone().or(event);
    let mut silence = Silence {
        id: 0,
        kind: of(&quiet.kind, event.as_ref().map(|e| e.kind.clone())),
        channel: of(&quiet.channel, event.as_ref().and_then(|e| e.channel.clone())),
        competitor: of(&quiet.competitor, event.as_ref().and_then(|e| e.competitor.clone())),
        sku: of(&quiet.sku, event.as_ref().and_then(|e| e.sku.clone())),
        owner: quiet.owner.clone(),
        why: quiet.why.clone().unwrap_or_default(),
        ends_at: now.plus(quiet.span.0).0,
        created_at: now.0,
    };
    if silence.kind.is_none() && silence.channel.is_none() && silence.competitor.is_none() && silence.sku.is_none() {
        bail!(
            "that would silence everything\nhint: name an event's number, or --kind, --channel, --competitor or --sku"
        );
    }
    silence.id = alerts::silence(&app.db, silence.clone()).await?;
    context.print(&silence, |silence| context.here(&described(silence)))?;
    Ok(ExitCode::SUCCESS)
}

/// The open event of a number. One that is over needs no silence, and a silence by what little it names would keep the
/// next one of its kind quiet, the kill switch's included.
async fn lasting(app: &App, id: i64) -> anyhow::Result<Event> {
    let event = alerts::event(&app.db, id).await?.with_context(|| unknown(id))?;
    let Some(end) = event.resolved_at else { return Ok(event) };
    let again = events::open(&app.db, LIMIT).await?.into_iter().find(|open| open.dedupe == event.dedupe);
    let (what, hint) = match again {
        Some(open) => (", and has come back", format!("omniprice alert silence {} --why \"...\"", open.id)),
        None => ("", format!("omniprice alert silence --kind {} --why \"...\" silences every one to come", event.kind)),
    };
    bail!("event {id} ({}) has been over since {}{what}\nhint: {hint}", plain(&event.kind), Millis(end))
}

/// A silence of something that does not exist would keep nobody quiet, and nobody would notice.
async fn meant(app: &App, quiet: &Quiet) -> anyhow::Result<()> {
    if let Some(kind) = quiet.kind.as_deref().filter(|kind| Kind::of(kind) == Kind::Other) {
        bail!(
            "there is no kind of event `{}`{}\nhint: docs/digests.md lists them; omniprice alert list shows those that are open",
            plain(kind),
            crate::nearest::meant(kind, Kind::NAMES.iter().copied())
        );
    }
    if let Some(channel) = quiet.channel.as_deref().filter(|channel| app.lane(channel).is_none()) {
        return Err(super::names::no_channel(app, channel));
    }
    if let Some(name) = &quiet.competitor {
        super::competitor::known(app, name).await?;
    }
    if let Some(sku) = &quiet.sku {
        super::names::product(app, sku).await?;
    }
    Ok(())
}

fn unknown(id: i64) -> String {
    format!("there is no event {id}\nhint: omniprice alert list")
}

async fn resolve(context: &Context, app: &App, ids: &[i64]) -> anyhow::Result<ExitCode> {
    let now = app.now();
    let states = alerts::states(&app.db, Millis(0)).await?;
    let (mut done, mut over) = (Vec::new(), Vec::new());
    for id in ids {
        let event = alerts::event(&app.db, *id).await?.with_context(|| unknown(*id))?;
        if let Some(end) = event.resolved_at {
            // The one that has come back since has a number of its own.
            over.push(format!("event {id} ({}) has been over since {}", plain(&event.kind), Millis(end)));
            done.push(serde_json::json!({ "id": id, "was_open": false, "over_since": Millis(end).to_string() }));
            continue;
        }
        let was_open = events::resolve(&app.db, event.dedupe.clone(), now).await?;
        // Whoever was told hears no second time that it is over, and is told anew if it comes back.
        let told = states.iter().filter(|state| state.dedupe == event.dedupe && state.resolved_at.is_none());
        let armed: Vec<State> = told.map(|state| State { resolved_at: Some(now.0), ..state.clone() }).collect();
        alerts::tell(&app.db, vec![], armed, now).await?;
        done.push(serde_json::json!({ "id": id, "was_open": was_open }));
    }
    let resolved = done.len() - over.len();
    context.print(&done, |_| {
        let mut lines = over.clone();
        if resolved > 0 {
            lines.push(format!("{resolved} resolved; what still lasts is raised and told again within minutes"));
        }
        context.here(&lines.join("\n"))
    })?;
    Ok(ExitCode::SUCCESS)
}
