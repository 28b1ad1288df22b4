//! `omniprice config check|show|default`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::names::count;
use super::{Context, environment, say, talk};
use crate::app;
use crate::config::{Config, DEFAULT, masked, merged};
use crate::decide::RuleSet;
use crate::flow::names;
use crate::store::Db;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check configuration, rules and site files; names in rules are compared with an embedded database that is there
    Check,
    /// Print the configuration in force, secrets masked
    Show,
    /// Print every key with its default and what it is for
    Default,
}

impl Command {
    /// Whether it looks into the database.
    #[must_use]
    pub const fn looks_at_data(&self) -> bool {
        matches!(self, Self::Check)
    }
}

/// # Errors
/// Every problem of the configuration, the rules and the site files.
pub async fn check(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let (path, text) = app::rules_text(&config)?;
    let set = app::parse_rules(&path, &text)?;
    let warnings = RuleSet::parse(&text).map(|(_, warnings)| warnings).unwrap_or_default();
    let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    app::sites(&config).context("scrapers.dir")?;
    // A server is not asked: this command works without a network.
    if config.database_file().is_some_and(|file| file.exists()) {
        let db = Db::open(&config.database_url()).await.context("database.url")?;
        match names::unknown(&db, &set).await {
            Ok(strange) => warnings.extend(strange),
            Err(error) => talk(&format!("names in rules are not compared: {error}\nhint: omniprice check does it")),
        }
    }
    let from = context.file().map_or_else(|| "defaults and environment".to_owned(), |file| file.display().to_string());
    let warnings: Vec<String> = warnings.iter().map(|warning| format!("{}: {warning}", path.display())).collect();
    if context.json {
        let channels = config.channels.len();
        say(&serde_json::json!({ "ok": true, "source": from, "channels": channels, "warnings": warnings }).to_string())?;
    } else {
        warnings.iter().for_each(|warning| talk(&format!("warning: {warning}")));
        talk(&format!("{from}: ok, {}", count(config.channels.len(), "channel")));
    }
    Ok(ExitCode::SUCCESS)
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
        // It needs a runtime: see [`check`].
        Command::Check => {}
    }
    Ok(ExitCode::SUCCESS)
}
