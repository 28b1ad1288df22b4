//! The command line: one file per command. Data goes to stdout, talk to stderr, and every command takes `--json`.
//!
//! Exit codes: 0 done; 1 failed; 2 the command line or the configuration is wrong, or another daemon has the database;
//! 3 done, and something needs a person.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::app::{App, BrokenRules};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::decide::text::Zone;
use crate::store::Db;
use crate::store::products::Product;

mod alert;
mod backup;
mod campaign;
pub mod case;
mod channel;
mod check;
mod competitor;
mod config;
mod demo;
mod digest;
mod explain;
pub mod extract;
mod fetch;
mod fx;
mod import;
mod init;
mod lock;
mod mail;
mod names;
mod once;
mod pause;
mod price;
pub mod price_text;
mod product;
mod report;
mod review;
mod rollback;
mod run;
pub mod scraper;
mod simulate;
mod subscription;
mod verify;
mod when;

/// Nothing of what was asked for was done.
pub const FAILED: u8 = 1;
/// Done, and something needs a person.
pub const NEEDS_A_PERSON: u8 = 3;
/// The command line or the configuration is wrong.
pub const WRONG_INPUT: u8 = 2;
const CONFIG_FILE: &str = "omniprice.toml";

/// Competitor prices in, one decision, every sales channel updated and read back, a digest out.
#[derive(Debug, Parser)]
#[command(name = "omniprice", version, propagate_version = true, arg_required_else_help = false)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 done but something needs a person."
)]
struct Cli {
    /// Configuration file [default: omniprice.toml if it is there]
    #[arg(long, short, global = true, env = "OMNIPRICE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Machine-readable output on stdout
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a configuration and a first, safe rule set
    Init(init::Args),
    /// Import products and competitor pages from CSV
    Import(import::Args),
    /// Check configuration, scrapers, database, channels and mail, and say what to do next
    Check(check::Args),
    /// Run the daemon
    Run,
    /// Do everything that is due once; the exit code tells how it went
    Once(once::Args),
    /// Say what a price is and why, from the stored record, and prove it by computing it again
    Explain(explain::Args),
    /// List proposals that wait for a person
    Review(review::Which),
    /// Carry out proposals
    Approve(review::Settle),
    /// Turn proposals down
    Reject(review::Settle),
    /// Keep prices as they are, whatever rules say
    Lock(lock::Lock),
    /// Let rules decide again
    Unlock(lock::Unlock),
    /// Prices set by hand, with owner, reason and end
    #[command(subcommand)]
    Price(price::Command),
    /// Products of another market, or in another money
    #[command(subcommand)]
    Product(product::Command),
    /// Reductions with one window for all their channels
    #[command(subcommand)]
    Campaign(campaign::Command),
    /// Competitors, and whose prices are not believed
    #[command(subcommand)]
    Competitor(competitor::Command),
    /// Stop all pushes until `resume`; checking and deciding go on
    Pause(pause::Args),
    /// Let pushes go on
    Resume(pause::ResumeArgs),
    /// Go back to earlier prices, by new decisions
    Rollback(rollback::Args),
    /// Read channels back and compare them with what was proved
    Verify(verify::Args),
    /// Show or send the digest
    Digest(digest::Args),
    /// Look at what is wrong, silence what is known, resolve what is over
    #[command(subcommand)]
    Alert(alert::Command),
    /// Who is told what
    #[command(subcommand)]
    Subscription(subscription::Command),
    /// Try the mail server
    #[command(subcommand)]
    Mail(mail::Command),
    /// The market's figures and charts
    Report(report::Args),
    /// Look at sales channels
    #[command(subcommand)]
    Channel(channel::Command),
    /// Read pages: price, availability and more, with evidence
    Extract(extract::Args),
    /// Propose and check site files
    Scraper(scraper::Args),
    /// Read price texts of any locale, one per line
    PriceText(price_text::Args),
    /// Compute pricing cases from stdin: the engine as a tool anyone can test
    Case(case::Args),
    /// Try rules on recorded history before they touch a price
    Simulate(simulate::Args),
    /// Copy the embedded database while the daemon runs, or note a backup that another tool made
    Backup(backup::Args),
    /// Exchange rates of the European Central Bank
    #[command(subcommand)]
    Fx(fx::Command),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Watch the whole loop work on a small market of its own: no accounts, no network
    Demo(demo::Args),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
}

/// What a command needs to know about how it was called.
pub struct Context {
    file: Option<PathBuf>,
    pub json: bool,
}

impl Context {
    /// Loads the configuration: the named file, `omniprice.toml`, or the defaults.
    ///
    /// # Errors
    /// Every problem of the configuration.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.file().as_deref(), &environment())?)
    }

    /// Refuses to make a database in a folder that nobody set up: a mistyped folder would look like a shop without
    /// products.
    fn set_up(&self, config: &Config) -> anyhow::Result<()> {
        let named = environment().iter().any(|(name, _)| name.eq_ignore_ascii_case("OMNIPRICE_DATABASE__URL"));
        match config.database_file() {
            Some(path) if self.file().is_none() && !named && !path.exists() => Err(wrong(
                "there is neither omniprice.toml nor a database in this folder\nhint: `omniprice init` sets it up; `--config FILE` names a configuration elsewhere",
            )),
            _ => Ok(()),
        }
    }

    /// The configuration file that counts.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| Some(PathBuf::from(CONFIG_FILE)).filter(|file| file.exists()))
    }

    /// Builds the application, with logging.
    ///
    /// # Errors
    /// The configuration's or the database's.
    pub async fn app(&self) -> anyhow::Result<Arc<App>> {
        let config = self.config()?;
        self.set_up(&config)?;
        crate::telemetry::start(&config.log)?;
        let app = App::build_for_people(config, Clock::System).await?;
        if let Some(problem) = &app.site_problem {
            talk(&format!("site files are left out: {problem}"));
        }
        Ok(app)
    }

    /// Builds the application for work that reads pages: nothing may be left out.
    ///
    /// # Errors
    /// The configuration's, the site files' or the database's.
    pub async fn worker(&self) -> anyhow::Result<Arc<App>> {
        let config = self.config()?;
        self.set_up(&config)?;
        crate::telemetry::start(&config.log)?;
        App::build(config, Clock::System).await
    }

    /// Opens the database and nothing else, whatever is wrong with channels, site files or rules: what a person needs in
    /// an emergency must not fail for another reason.
    ///
    /// # Errors
    /// The database's, or a configuration that does not say which.
    pub async fn store(&self) -> anyhow::Result<Db> {
        let config = Config::load_part(self.file().as_deref(), &environment(), &["database", "log"])?;
        self.set_up(&config)?;
        crate::telemetry::start(&config.log)?;
        let db = Db::open(&config.database_url()).await.context("database.url")?;
        db.migrate().await?;
        Ok(db)
    }

    /// A text with its instants by the clocks of `report.time_zone`, where a configuration says which; JSON keeps UTC.
    fn here(&self, text: &str) -> String {
        let zone = self.config().ok().and_then(|config| Zone::parse(&config.report.time_zone).ok());
        zone.map_or_else(|| text.to_owned(), |zone| when::local(text, &zone))
    }

    /// Prints a value as JSON, or as text for people.
    ///
    /// # Errors
    /// A closed stdout.
    pub fn print<T: serde::Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        let out = if self.json { serde_json::to_string_pretty(value)? } else { text(value) };
        say(&out)
    }
}

/// The environment as pairs; names or values that are no Unicode cannot be ours.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Writes a text and a line end to stdout.
///
/// # Errors
/// A closed stdout.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.trim_end().as_bytes())?;
    out.write_all(b"\n")?;
    Ok(())
}

/// A table for people: no lines, and on a terminal no wider than that.
fn columns<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if N > 0 {
        table.set_header(header);
    }
    if let Some((width, _)) = terminal_size::terminal_size_of(std::io::stdout()) {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(width.0);
    }
    table
}

/// Talks to the person at the terminal: stderr, never data.
#[expect(clippy::print_stderr, reason = "the one place where commands talk")]
pub fn talk(text: &str) {
    eprintln!("{text}");
}

/// Runs the command line and returns the process's exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let reader = Context { file: cli.config.clone(), json: cli.json };
    match run(cli) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Times are typed again as they are told: in the reader's zone, as everywhere else.
            talk(&reader.here(&told(&error)));
            let wrong = error.is::<ConfigError>() || error.is::<BrokenRules>() || error.is::<WrongInput>();
            ExitCode::from(if wrong { WRONG_INPUT } else { FAILED })
        }
    }
}

/// An error with its causes, and what to do about it on a line of its own below them.
fn told(error: &anyhow::Error) -> String {
    let (mut what, mut hints) = (Vec::new(), Vec::new());
    for cause in error.chain().map(ToString::to_string) {
        let cut =
            ["\nhint: ", "; hint: "].into_iter().filter_map(|mark| cause.find(mark).map(|at| (at, mark.len()))).min();
        let (text, hint) = cut.map_or((cause.as_str(), None), |(at, len)| (&cause[..at], Some(&cause[at + len..])));
        // A cause is often told by its effect already.
        if !text.is_empty() && !what.iter().any(|known: &String| known.contains(text)) {
            what.push(text.to_owned());
        }
        hints.extend(hint.filter(|hint| !hints.iter().any(|known: &String| known == hint)).map(str::to_owned));
    }
    let hints: String = hints.iter().map(|hint| format!("\nhint: {hint}")).collect();
    format!("error: {}{hints}", what.join(": "))
}

/// The command line is wrong in a way that only the command can see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongInput(String);

/// An error that ends with [`WRONG_INPUT`].
fn wrong(text: impl Into<String>) -> anyhow::Error {
    WrongInput(text.into()).into()
}

/// Refuses a reason or name that is empty.
fn named(flag: &str, text: &str) -> anyhow::Result<()> {
    if text.trim().is_empty() {
        return Err(wrong(format!("{flag} is empty\nhint: a few words are enough; they stay in the log")));
    }
    Ok(())
}

/// The zone of a product's market, in which a day given for it begins and ends.
async fn zone_of(app: &App, product: &Product) -> anyhow::Result<Zone> {
    let rules = app.rules().await?;
    let market = rules.set.market(&product.market);
    market.map_or_else(|| zone_of_reports(app), |market| Ok(market.market.tz.clone()))
}

/// The zone of reports, for days that are no product's.
fn zone_of_reports(app: &App) -> anyhow::Result<Zone> {
    Zone::parse(&app.config.report.time_zone).context("report.time_zone")
}

/// `omniprice ... | head` is no failure, through whatever the output was written.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let through_json = || cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or_else(through_json)
    };
    error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let context = Context { file: cli.config, json: cli.json };
    let Some(command) = cli.command else { return welcome(&context) };
    // Commands without a database or network need no runtime.
    match &command {
        Command::Completions { shell } => {
            // Straight to stdout it would panic where a reader closes it.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "omniprice", &mut script);
            std::io::stdout().write_all(&script)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Config(command) if !command.looks_at_data() => return config::run(&context, command),
        Command::Init(args) => return init::run(&context, args),
        Command::Extract(args) => {
            return extract::run(args, &|url| fetch::page(&context, url), &mut std::io::stdout().lock());
        }
        Command::Scraper(args) => {
            return scraper::run(args, &|url| fetch::page(&context, url), &mut std::io::stdout().lock());
        }
        Command::PriceText(args) => return price_text::run(args, &mut std::io::stdout().lock()),
        Command::Case(args) => return case::run(args, &mut std::io::stdin().lock(), &mut std::io::stdout().lock()),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(dispatch(&context, command))
}

async fn dispatch(context: &Context, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import(args) => import::run(context, &args).await,
        Command::Check(args) => check::run(context, &args).await,
        Command::Run => run::run(context).await,
        Command::Once(args) => once::run(context, &args).await,
        Command::Explain(args) => explain::run(context, &args).await,
        Command::Review(which) => review::list(context, &which).await,
        Command::Product(command) => product::run(context, &command).await,
        Command::Approve(args) => review::settle(context, &args, true).await,
        Command::Reject(args) => review::settle(context, &args, false).await,
        Command::Lock(args) => lock::lock(context, &args).await,
        Command::Unlock(args) => lock::unlock(context, &args).await,
        Command::Price(command) => price::run(context, &command).await,
        Command::Campaign(command) => campaign::run(context, &command).await,
        Command::Competitor(command) => competitor::run(context, &command).await,
        Command::Pause(args) => pause::pause(context, &args).await,
        Command::Resume(args) => pause::resume(context, &args).await,
        Command::Rollback(args) => rollback::run(context, &args).await,
        Command::Verify(args) => verify::run(context, &args).await,
        Command::Digest(args) => digest::run(context, &args).await,
        Command::Alert(command) => alert::run(context, &command).await,
        Command::Subscription(command) => subscription::run(context, &command).await,
        Command::Mail(command) => mail::run(context, &command).await,
        Command::Report(args) => report::run(context, &args).await,
        Command::Channel(command) => channel::run(context, &command).await,
        Command::Simulate(args) => simulate::run(context, &args).await,
        Command::Backup(args) => backup::run(context, &args).await,
        Command::Fx(command) => fx::run(context, &command).await,
        Command::Demo(args) => demo::run(context, &args).await,
        Command::Config(_) => config::check(context).await,
        // Handled before there was a runtime.
        Command::Completions { .. }
        | Command::Man
        | Command::Init(_)
        | Command::Extract(_)
        | Command::Scraper(_)
        | Command::PriceText(_)
        | Command::Case(_) => Ok(ExitCode::SUCCESS),
    }
}

/// `omniprice` alone says what to do next.
fn welcome(context: &Context) -> anyhow::Result<ExitCode> {
    let next = if context.file().is_some() {
        "omniprice check    what is configured, what is missing, what to do next\nomniprice once     one pass: check, decide, publish, verify\nomniprice run      the daemon\nomniprice --help   everything else"
    } else {
        "omniprice demo     see the whole loop work, without accounts or network\nomniprice init     write a configuration for your own shop\nomniprice --help   everything else"
    };
    say(&format!("Competitor prices in, one decision, every sales channel updated and read back.\n\n{next}"))?;
    Ok(ExitCode::SUCCESS)
}
