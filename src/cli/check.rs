//! `omniprice check`: everything that can be wrong before the first run, and what to do next.

use std::path::Path;
use std::process::ExitCode;

use super::names::{count, waits};
use super::{Context, NEEDS_A_PERSON};
use crate::app::{App, PAUSE, rules_text};
use crate::clock::Millis;
use crate::config::Mode;
use crate::decide::RuleSet;
use crate::decide::rules::Constraint;
use crate::extract::scraper;
use crate::flow::{names, odd_rules};
use crate::report::digest::plain;
use crate::report::people;
use crate::store::settings::{self, BACKUP};
use crate::store::{campaigns, channels, decisions, products, progress, targets};

/// Proposals counted.
const MOST: i64 = 10_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do not ask channels and the mail server
    #[arg(long)]
    offline: bool,
}

#[derive(serde::Serialize)]
struct Finding {
    what: String,
    ok: bool,
    detail: String,
}

#[derive(serde::Serialize)]
struct Report {
    findings: Vec<Finding>,
    next: String,
}

/// # Errors
/// A configuration or database that cannot be used at all.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let mut findings = Vec::new();
    let mut add = |what: &str, ok: bool, detail: String| findings.push(Finding { what: what.to_owned(), ok, detail });
    let file = context.file().map_or_else(|| "defaults only".to_owned(), |f| f.display().to_string());
    add("configuration", true, file);
    let rules = app.rules().await;
    match &rules {
        Ok(loaded) => add(
            "rules",
            true,
            format!(
                "revision {}, {}, {}",
                loaded.revision,
                count(loaded.set.rules.len(), "rule"),
                count(loaded.set.markets.len(), "market")
            ),
        ),
        Err(error) => add("rules", false, format!("{error:#}")),
    }
    for warning in rule_warnings(&app) {
        add("rules", true, warning);
    }
    if let Ok(loaded) = &rules {
        for strange in names::unknown(&app.db, &loaded.set).await? {
            add("rules", true, format!("warning: {strange}"));
        }
        for odd in odd_rules::odd(&app, &loaded.set, app.now()).await? {
            let mark = if odd.stops { "" } else { "warning: " };
            add("rules", !odd.stops, format!("{mark}{}", odd.what));
        }
    }
    let (sites_ok, sites) = site_files(&app);
    add("site files", sites_ok, sites);
    add("database", true, app.db.engine().to_owned());
    if !args.offline {
        for lane in &app.lanes {
            match lane.channel.probe().await {
                Ok(mut probe) => {
                    probe.problems.extend(super::channel::emptied(&app, lane).await?);
                    add(
                        &format!("channel {}", lane.name),
                        probe.problems.is_empty(),
                        [vec![probe.about], probe.problems, probe.notes].concat().join("; "),
                    );
                }
                Err(error) => add(&format!("channel {}", lane.name), false, error.message),
            }
        }
        match app.mailer.probe().await {
            Ok(detail) => add("mail", true, detail),
            Err(error) => add("mail", false, error.to_string()),
        }
    }
    let backup = match settings::get(&app.db, BACKUP).await? {
        Some(last) => format!("last one {}: {}", Millis(last.created_at), last.value),
        None => "none yet: omniprice backup FILE".to_owned(),
    };
    add("backup", true, backup);
    if let Some(pause) = settings::get(&app.db, PAUSE).await? {
        let since = format!("paused since {} by {}: {}", Millis(pause.created_at), pause.actor, pause.why);
        add("pushes", false, format!("{since}; omniprice resume --why \"...\" lets them go on"));
    }
    for person in people::everybody(&app).await? {
        let strange = people::strange(&app, &person);
        for strange in strange.into_iter().chain(people::empty_categories(&app, &person).await?) {
            add(&format!("person {}", person.address()), false, strange.replace("\nhint: ", "; "));
        }
    }
    for row in channels::list(&app.db).await? {
        if row.state != "ok" && app.lane(&row.name).is_some() {
            let since = Millis(row.since);
            let goes_on = super::channel::goes_on(&app, &row).await?;
            let detail = format!("stopped since {since}: {}; {goes_on}", plain(&row.reason));
            add(&format!("channel {}", row.name), false, detail);
        }
    }
    let waiting = decisions::open_reviews(&app.db, MOST).await?.len();
    if waiting > 0 {
        add("proposals", true, format!("{} for a person: omniprice review", waits(waiting, "proposal")));
    }
    let waiting = campaigns::waiting(&app.db).await?.len();
    if waiting > 0 {
        add("campaigns", true, format!("{} for a second person: omniprice review", waits(waiting, "campaign")));
    }
    if let Ok(loaded) = &rules {
        let missing = unconfigured(&app, &loaded.set);
        if !missing.is_empty() {
            add(
                "channels",
                false,
                format!("the rules name {}, which omniprice.toml does not configure", missing.join(", ")),
            );
        }
    }
    if let Ok(loaded) = &rules {
        for strange in incomparable(&app, &loaded.set) {
            add("channels", false, strange);
        }
    }
    for notice in app.notices() {
        add("notice", true, notice);
    }
    let next = next(&app, rules.is_ok(), waiting).await?;
    let report = Report { findings, next };
    context.print(&report, |report| context.here(&text(report)))?;
    Ok(if report.findings.iter().all(|f| f.ok) { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_A_PERSON) })
}

/// What the rule file allows and probably does not mean; none for a file that cannot be used.
fn rule_warnings(app: &App) -> Vec<String> {
    let read = rules_text(&app.config).ok().and_then(|(_, text)| RuleSet::parse(&text).ok());
    read.map(|(_, warnings)| warnings.iter().map(|warning| format!("warning: {warning}")).collect()).unwrap_or_default()
}

/// The operator's own site files with their examples; the embedded ones are checked by the test command.
fn site_files(app: &App) -> (bool, String) {
    let count = app.sites.iter().count();
    let dir = &app.config.scrapers.dir;
    if dir.as_os_str().is_empty() {
        return (true, format!("{count} embedded"));
    }
    let dir = app.config.path(dir);
    if let Some(problem) = &app.site_problem {
        return (false, problem.clone());
    }
    let own = app.sites.iter().filter(|site| Path::new(site.file()).starts_with(&dir));
    let mut wrong = Vec::new();
    for site in own {
        match scraper::check::run(site, &dir) {
            Ok(differences) => wrong.extend(differences.iter().map(|d| {
                format!("{}: {} {}: expected {}, found {}", site.file(), d.url, d.field, d.expected, d.found)
            })),
            Err(error) => wrong.push(format!("{}: {error}", site.file())),
        }
    }
    if wrong.is_empty() { (true, format!("{count} loaded, their examples hold")) } else { (false, wrong.join("; ")) }
}

/// Channels that rules speak of and no section of the configuration describes: their rules bind nobody.
fn unconfigured(app: &App, set: &RuleSet) -> Vec<String> {
    set.channels.iter().filter(|named| app.lane(&named.id).is_none()).map(|named| format!("`{}`", named.id)).collect()
}

/// Pairs of `never_below` that nobody can keep, because their prices are amounts of two currencies.
fn incomparable(app: &App, set: &RuleSet) -> Vec<String> {
    let of = |name: &String| app.lane(name).map(|lane| lane.channel.capabilities().currency);
    let pair = |constraint: &Constraint| {
        let (above, below) = &constraint.never_below;
        let (one, other) = (of(above)?, of(below)?);
        let text = || {
            format!(
                "never_below {above}, {below}: {} and {} cannot be compared; take the pair out of the rules",
                one.code(),
                other.code()
            )
        };
        (one != other).then(text)
    };
    set.constraints.iter().filter_map(pair).collect()
}

/// The one thing to do next.
async fn next(app: &App, rules_ok: bool, waiting: usize) -> anyhow::Result<String> {
    let products = products::count(&app.db).await?;
    let due = targets::next_due(&app.db).await?;
    Ok(if !rules_ok && app.config.path(&app.config.rules.file).exists() {
        "correct the rules; what is wrong stands above".to_owned()
    } else if !rules_ok {
        "omniprice init writes a first rule set; put it where rules.file points".to_owned()
    } else if products == 0 {
        "omniprice import products.csv --dry-run".to_owned()
    } else if due.is_none() {
        "none of the products has a competitor page: add a column urls and import again".to_owned()
    } else if settings::get(&app.db, PAUSE).await?.is_some() {
        "omniprice verify --dry-run shows what channels have; omniprice resume --why \"...\" lets prices go out again"
            .to_owned()
    } else if app.lanes.is_empty() {
        "omniprice channel kinds shows how to add a sales channel; omniprice once already compares prices".to_owned()
    } else if progress::parity(&app.db).await?.is_empty() {
        "omniprice once".to_owned()
    } else if waiting > 0 {
        "omniprice review".to_owned()
    } else if app.config.mode != Mode::Auto {
        "omniprice run; mode = \"auto\" lets released prices go out by themselves".to_owned()
    } else {
        "omniprice run".to_owned()
    })
}

fn text(report: &Report) -> String {
    let line = |f: &Finding| format!("{} {}: {}", if f.ok { "ok  " } else { "BAD " }, f.what, f.detail);
    let lines: Vec<String> = report.findings.iter().map(line).collect();
    format!("{}\n\nnext: {}", lines.join("\n"), report.next)
}
