//! `omniprice pause` and `resume`: the switch that stops all pushes, on every machine, across restarts.

use std::process::ExitCode;

use super::{Context, say, talk, wrong};
use crate::app::{App, PAUSE};
use crate::clock::{Clock, Millis};
use crate::config::{Mode, Span};
use crate::report::detect::PAUSED;
use crate::report::digest::plain;
use crate::store::settings::{self, Setting};
use crate::store::{events, restored, stages};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Why; shown in every digest while it lasts
    #[arg(long)]
    why: String,
    /// Who
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// Why
    #[arg(long)]
    why: String,
    /// Who
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
    /// The database was restored by another tool, such as `pg_restore`, from a backup this old: 3h, 2d. A copy of `omniprice
    /// backup` knows it by itself
    #[arg(long, value_name = "AGE")]
    restored: Option<String>,
}

/// # Errors
/// The store's.
pub async fn pause(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let db = context.store().await?;
    let (actor, why) = (args.actor.clone(), args.why.clone());
    let now = Clock::System.now();
    if let Some(first) = settings::get(&db, PAUSE).await? {
        return already(context, &first, args);
    }
    settings::set(&db, PAUSE.to_owned(), "on".to_owned(), actor, why, now).await?;
    let (staged, first) = stages::ahead(&db, now).await?;
    if context.json {
        say(
            &serde_json::json!({ "paused": true, "begin_by_themselves": staged, "first_begins_at": first }).to_string()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(first) = first {
        // What a channel was given ahead is out of our hands; only a push could take it back.
        talk(&format!(
            "channels have campaign prices already and begin them by themselves: {staged} of their listings, the first at {first}"
        ));
        talk(
            "`omniprice campaign list` names it; `omniprice resume` and then `omniprice campaign cancel` take it back",
        );
    }
    say("pushes stop within seconds; checking and deciding go on\nomniprice resume --why \"...\" lets them go on")?;
    Ok(ExitCode::SUCCESS)
}

/// Why nothing that is decided now reaches a channel soon, where that is so.
///
/// # Errors
/// The store's.
pub(super) async fn meanwhile(app: &App) -> anyhow::Result<Option<String>> {
    if let Some(pause) = settings::get(&app.db, PAUSE).await? {
        let since = Millis(pause.created_at);
        return Ok(Some(format!(
            "pushes are paused since {since} by {}: channels keep what they have until omniprice resume --why \"...\"",
            plain(&pause.actor)
        )));
    }
    let shadow = app.config.mode == Mode::Shadow;
    Ok(shadow.then(|| "mode = \"shadow\": prices are decided and no channel gets them".to_owned()))
}

/// A second pause leaves the first one as it is: whoever lifts it must know who began it, and why.
fn already(context: &Context, first: &Setting, second: &Args) -> anyhow::Result<ExitCode> {
    tracing::info!("pushes were paused already when {} paused them: {}", second.actor, second.why);
    let since = Millis(first.created_at);
    say(&if context.json {
        serde_json::json!({ "paused": true, "already": true, "since": since.to_string(), "by": first.actor, "why": first.why })
            .to_string()
    } else {
        let told = format!(
            "pushes are paused already, since {since} by {}: {}\nthat pause stays as it is, and yours is only in the log; omniprice resume --why \"...\" ends it",
            plain(&first.actor),
            plain(&first.why)
        );
        context.here(&told)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// # Errors
/// An age that is none, or the store's.
pub async fn resume(context: &Context, args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    let db = context.store().await?;
    let now = Clock::System.now();
    let made = args.restored.as_deref().map(|age| made(age, now)).transpose()?;
    // First: what goes out before it would be older, for whoever orders prices by their number.
    if let Some(by) = restored::catch_up(&db, made, now).await? {
        talk(&format!("restored from a backup: the numbers by which channels order prices go on {by} higher"));
    }
    let was = settings::clear(&db, PAUSE).await?;
    events::resolve(&db, PAUSED.to_owned(), now).await?;
    if was {
        tracing::info!("pushes resumed by {}: {}", args.actor, args.why);
    }
    let text = if was { "pushes go on" } else { "pushes were not paused" };
    say(if context.json { "{\"paused\":false}" } else { text })?;
    Ok(ExitCode::SUCCESS)
}

/// When a backup of an age was made.
fn made(age: &str, now: Millis) -> anyhow::Result<Millis> {
    match Span::try_from(age.to_owned()) {
        Ok(span) if span.0 > 0 => Ok(now.plus(-span.0)),
        _ => Err(wrong(format!("--restored `{}` is no age\nhint: 3h, 2d: how old the backup is", plain(age)))),
    }
}
