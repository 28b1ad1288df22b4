//! `omniprice config check|show|default`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::names::count;
use super::{Context, environment, say, talk};
use crate::app;
use crate::config::{Config, DEFAULT, masked, merged};
use crate::decide::RuleSet;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check configuration, rules and site files without touching database or network
    Check,
    /// Print the configuration in force, secrets masked
    Show,
    /// Print every key with its default and what it is for
    Default,
}

/// # Errors
/// Every problem of the configuration.
pub fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let file = context.file();
    match command {
        Command::Default => say(DEFAULT)?,
        Command::Show => {
            let (table, base) = merged(file.as_deref(), &environment())?;
            let shown = masked(&table);
            Config::from_table(table, base)?;
            context.print(&shown.parse::<toml::Table>()?, |_| shown.clone())?;
        }
        Command::Check => {
            let config = context.config()?;
            let (path, text) = app::rules_text(&config)?;
            app::parse_rules(&path, &text)?;
            let warnings = RuleSet::parse(&text).map(|(_, warnings)| warnings).unwrap_or_default();
            let warnings: Vec<String> =
                warnings.iter().map(|warning| format!("{}: {warning}", path.display())).collect();
            app::sites(&config).context("scrapers.dir")?;
            let from = file.map_or_else(|| "defaults and environment".to_owned(), |f| f.display().to_string());
            if context.json {
                let channels = config.channels.len();
                say(&serde_json::json!({ "ok": true, "source": from, "channels": channels, "warnings": warnings })
                    .to_string())?;
            } else {
                warnings.iter().for_each(|warning| talk(&format!("warning: {warning}")));
                talk(&format!("{from}: ok, {}", count(config.channels.len(), "channel")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
