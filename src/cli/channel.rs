//! `omniprice channel kinds|test|map`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::{Context, NEEDS_A_PERSON};
use crate::channel::KINDS;
use crate::flow;
use crate::store::listings;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every kind of channel with a complete example
    Kinds,
    /// Look whether credentials, currency and tax mode fit; changes nothing
    Test { name: String },
    /// Match our SKUs to the channel's listings and report what is left over
    Map { name: String },
}

/// # Errors
/// An unknown channel, or the store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Kinds => {
            let kinds: Vec<_> = KINDS
                .iter()
                .map(|k| serde_json::json!({ "kind": k.name, "about": k.about, "example": k.example }))
                .collect();
            let text = || KINDS.iter().map(|k| format!("# {}\n{}", k.about, k.example)).collect::<Vec<_>>().join("\n");
            context.print(&kinds, |_| text())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { name } => test(context, name).await,
        Command::Map { name } => map(context, name).await,
    }
}

async fn test(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let lane = app
        .lane(name)
        .with_context(|| format!("there is no channel `{name}`\nhint: omniprice config show lists them"))?;
    match lane.channel.probe().await {
        Ok(probe) => {
            context.print(&probe, |p| {
                let problems: Vec<String> = p.problems.iter().map(|problem| format!("  problem: {problem}")).collect();
                format!(
                    "{name}: {}\n{}",
                    p.about,
                    if problems.is_empty() { "  ok".to_owned() } else { problems.join("\n") }
                )
            })?;
            Ok(if probe.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_A_PERSON) })
        }
        Err(error) => {
            context.print(&serde_json::json!({ "error": error.to_string() }), |_| format!("{name}: {error}"))?;
            Ok(ExitCode::from(NEEDS_A_PERSON))
        }
    }
}

async fn map(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let lane = app
        .lane(name)
        .with_context(|| format!("there is no channel `{name}`\nhint: omniprice config show lists them"))?;
    let added = flow::map(&app, lane).await?;
    let left: Vec<String> = listings::unlisted(&app.db, name, 0, 10_000).await?.into_iter().map(|p| p.sku).collect();
    let report = serde_json::json!({ "added": added, "left_over": left });
    context.print(&report, |_| {
        let rest = if left.is_empty() {
            String::new()
        } else {
            format!("\nnot found there: {}", left.iter().take(50).cloned().collect::<Vec<_>>().join(", "))
        };
        format!("{name}: {added} listings added, {} products without one{rest}", left.len())
    })?;
    Ok(ExitCode::SUCCESS)
}
