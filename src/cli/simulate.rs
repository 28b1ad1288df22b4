//! `omniprice simulate`: the rules of a file against recorded history, before they touch a price.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::names::count;
use super::{Context, say, talk, when};
use crate::app::{App, Loaded, parse_rules};
use crate::clock::Millis;
use crate::config::{Mode, Span};
use crate::decide::moments::Pace;
use crate::decide::rivals::Follow;
use crate::decide::select::is_under;
use crate::decide::simulate::{BeforeAfter, SimParams, SimReport, Simulation};
use crate::decide::simulated::{Guards, Runs};
use crate::decide::text::Zone;
use crate::flow::{names, replay, staged};
use crate::report::digest::plain;
use crate::store::{catalogue, products};

const PAGE: i64 = 500;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rules to try [default: those in force]
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// How far back: a span, a day (its beginning) or a time, read as those of --until are
    #[arg(long, default_value = "30d", value_name = "SPAN|DAY|TIME")]
    since: String,
    /// The end of the window: a day (its end) or a time such as 2026-11-21T10:00, both in the zone of reports, or with an
    /// offset, 2026-11-21T10:00+01:00 [default: now]
    #[arg(long)]
    until: Option<String>,
    /// Only this category and what is below it
    #[arg(long)]
    category: Option<String>,
    /// Competitors that answer our prices after a delay, so that a race to the bottom shows before it happens
    #[arg(long, value_enum)]
    rivals: Option<Rivals>,
    /// Let every proposal go out, also those that the guards of `[release]` or the answers to rivalries would hold
    #[arg(long)]
    no_guards: bool,
    /// The rules alone: without the locks, prices set by hand and campaigns of that time
    #[arg(long)]
    rules_only: bool,
    /// Changes to explain
    #[arg(long, default_value_t = 5)]
    sample: usize,
    /// One line of CSV per figure
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Rivals {
    Follow,
}

/// # Errors
/// Rules that are wrong, or the store's.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let loaded = app.rules().await?;
    let set = match &args.rules {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| {
                format!("--rules {}; hint: it names a rule file, such as a changed copy of rules.toml", path.display())
            })?;
            Arc::new(parse_rules(path, &text)?)
        }
        None => Arc::clone(&loaded.set),
    };
    if args.rules.is_some() {
        for strange in names::unknown(&app.db, &set).await? {
            talk(&format!("warning: {strange}"));
        }
    }
    let until = match &args.until {
        None => app.now(),
        Some(text) => when::end(text, &super::zone_of_reports(&app)?).ok_or_else(|| {
            super::wrong(format!(
                "--until {text}: neither a day nor an instant\nhint: 2026-11-21, 2026-11-21T10:00 or 2026-11-21T10:00+01:00"
            ))
        })?,
    };
    // Only what was recorded can be tried; today is not over yet.
    if until > app.now() {
        talk(&format!("--until {until} is later than now: it ends now"));
    }
    let until = until.min(app.now());
    let since = begin(&args.since, &super::zone_of_reports(&app)?, until)?;
    let follow = args.rivals.map(|Rivals::Follow| Follow::default());
    let watch = app.config.guards.rivalry.params();
    let (war, rivalry) = (watch.war, (!args.no_guards).then_some(watch));
    // What is tried is the whole file: its markets and competitors count as its rules do.
    let tried = Loaded { set: Arc::clone(&set), hash: loaded.hash.clone(), config: loaded.config.clone(), ..*loaded };
    let total = u64::try_from(products::count(&app.db).await?).unwrap_or(0);
    let guards = if args.no_guards { None } else { Some(guards(&app, &tried, since, total).await?) };
    let pace = Pace { step_after_ms: Some(app.schedule.interval(until)) };
    let window = replay::Window { since, end: until, rules_only: args.rules_only };
    let params = SimParams {
        follow,
        end: Some(until),
        sample: args.sample,
        war,
        rivalry,
        guards,
        pace,
        rules_only: args.rules_only,
    };
    let mut simulation = Simulation::new(&set, params);
    let rates = replay::Rates::of(&app, (since, until)).await?;
    let bar =
        ProgressBar::new(total).with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} products, {eta} left")?);
    if let Some(category) = &args.category {
        super::names::category(&app, category).await?;
    }
    let mut after = 0;
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let moments = replay::page(&app, &tried, &rates, &page, &window).await?;
        for (product, moments) in page.iter().zip(moments) {
            bar.inc(1);
            if wanted(product.category.as_deref(), args.category.as_deref()) {
                simulation.leave_out(moments.left_out);
                simulation.product(moments.replayed);
            }
        }
    }
    bar.finish_and_clear();
    let history = history(catalogue::first_seen(&app.db).await?, since, until);
    let told = Told { history, report: simulation.finish() };
    if args.csv {
        say(&csv(&told.report)?)?;
    } else {
        context.print(&told, |told| context.here(&text(told, &args.since)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The beginning of the window.
fn begin(text: &str, zone: &Zone, until: Millis) -> anyhow::Result<Millis> {
    let since = match Span::try_from(text.to_owned()) {
        Ok(span) => Some(until.plus(-span.0)),
        Err(_) => when::begin(text, zone),
    };
    let since = since.ok_or_else(|| {
        super::wrong(format!(
            "--since {text}: neither a span, a day nor an instant\nhint: 30d, 2026-11-01 or 2026-11-01T10:00"
        ))
    })?;
    if since < until {
        return Ok(since);
    }
    Err(super::wrong(format!(
        "--since {text}: the window ends at {until}, before it begins\nhint: a time before that, such as 30d"
    )))
}

/// The release layer as it would be if the rules were put in force at the beginning of the window.
async fn guards(app: &App, tried: &Loaded, since: Millis, products: u64) -> anyhow::Result<Guards> {
    let mut guards = Guards::new(app.config.release.clone());
    guards.all_wait = app.config.mode == Mode::Review;
    guards.stages = staged::tried(app, tried, since).await?;
    let products = u32::try_from(products).unwrap_or(u32::MAX);
    guards.runs = Some(Runs { params: app.config.guards.run.clone(), products });
    Ok(guards)
}

/// The report with how much history it stands on.
#[derive(serde::Serialize)]
struct Told {
    history: String,
    #[serde(flatten)]
    report: SimReport,
}

/// How much of the window was recorded at all.
fn history(first: Option<Millis>, since: Millis, now: Millis) -> String {
    let days = |ms: i64| ms / Millis::DAY;
    let asked = days(now.since(since));
    match first {
        None => "there is no history yet: nothing was ever seen".to_owned(),
        Some(first) if first <= since => format!("history covers all {asked} days"),
        Some(first) if first >= now => format!("history begins at {first}, after the window: none of its {asked} days"),
        Some(first) => format!("history begins at {first}: {} of the {asked} days asked for", days(now.since(first))),
    }
}

fn wanted(category: Option<&str>, under: Option<&str>) -> bool {
    under.is_none_or(|under| category.is_some_and(|own| is_under(own, under)))
}

/// Name and value of every figure of the report.
fn figures(r: &SimReport) -> Vec<(String, String)> {
    let pair = |b: &BeforeAfter| {
        let show = |value: &Option<crate::decide::text::Quoted>| {
            value.as_ref().map_or_else(|| "-".to_owned(), |q| q.0.to_string())
        };
        (show(&b.before), show(&b.after))
    };
    let ((margin, margin_after), (index, index_after)) = (pair(&r.margin_pct), pair(&r.index));
    let mut rows = vec![
        ("products".to_owned(), r.products.to_string()),
        ("decisions".to_owned(), r.decisions.to_string()),
        ("moments left out".to_owned(), r.left_out.to_string()),
        ("products cut short".to_owned(), r.cut_short.to_string()),
        ("products changed".to_owned(), r.products_changed.to_string()),
        ("changes up".to_owned(), r.changes_up.to_string()),
        ("changes down".to_owned(), r.changes_down.to_string()),
        ("set by people and campaigns".to_owned(), r.changes_set.to_string()),
        ("for review".to_owned(), r.reviews.to_string()),
        ("for a new rule's next stage".to_owned(), r.staged.to_string()),
        (
            "held with their run".to_owned(),
            format!("{} in {}", r.held_with_run, count(r.runs_held.cast_signed(), "run")),
        ),
        ("held by guards".to_owned(), r.held.to_string()),
        ("products with a page in match review".to_owned(), r.in_match_review.to_string()),
        (
            "average change %".to_owned(),
            r.average_change_pct.as_ref().map_or_else(|| "-".to_owned(), |q| q.0.to_string()),
        ),
        ("margin % before".to_owned(), margin),
        ("margin % after".to_owned(), margin_after),
        ("index before".to_owned(), index),
        ("index after".to_owned(), index_after),
        ("no rule touches".to_owned(), r.untouched.to_string()),
        ("price wars".to_owned(), r.wars.to_string()),
        ("spirals".to_owned(), r.spirals.to_string()),
        ("flip-flops".to_owned(), r.flip_flops.to_string()),
        ("held by answers to rivals".to_owned(), r.held_in_rivalry.to_string()),
        ("stepped past a rival".to_owned(), r.stepped_past_rival.to_string()),
    ];
    if let Some(largest) = &r.largest_change {
        rows.push(("largest change".to_owned(), format!("{} {} -> {}", plain(&largest.sku), largest.from, largest.to)));
    }
    rows.extend(r.outcomes.iter().map(|(name, n)| (format!("outcome {name}"), n.to_string())));
    rows.extend(
        r.rules
            .iter()
            .map(|(name, n)| (format!("rule {name}"), format!("{} decided, {} changed", n.decided, n.changed))),
    );
    rows.extend(r.guards.iter().map(|(guard, n)| (format!("guard {}", guard.as_str()), format!("{n} held"))));
    rows.extend(r.rivalries.iter().map(|(kind, n)| (format!("rivalry {kind}"), format!("{n} answered"))));
    rows.extend(r.flags.iter().map(|(name, n)| (format!("flag {name}"), n.to_string())));
    rows
}

fn csv(report: &SimReport) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["figure", "value"])?;
    for (name, value) in figures(report) {
        writer.write_record([name, value])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn text(told: &Told, since: &str) -> String {
    let report = &told.report;
    let mut table = super::columns([]);
    for (name, value) in figures(report) {
        table.add_row([name, value]);
    }
    let window =
        if Span::try_from(since.to_owned()).is_ok() { format!("the last {since}") } else { format!("since {since}") };
    let mut out = format!("{window}, replayed; {}\n\n{table}\n", told.history);
    out += "\nNot simulated, but taken for granted:\n";
    out.extend(report.assumes.iter().map(|assumed| format!("  - {assumed}\n")));
    for sample in &report.sample {
        out += &format!("\n--- {} at {}\n{}\n", plain(&sample.change.sku), sample.change.at, sample.explanation);
    }
    if !std::io::stdout().is_terminal() {
        out = out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    }
    out
}
