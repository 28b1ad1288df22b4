//! `omniprice report`: the market's figures, and charts.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use super::names::count;
use super::{Context, say, talk, when};
use crate::app::App;
use crate::clock::Millis;
use crate::config::Language;
use crate::decide::text::Zone;
use crate::money::{Decimal, Money};
use crate::report::bars::{Bars, What};
use crate::report::chart::{Chart, Labels, Seen};
use crate::report::lang::{Voice, fill};
use crate::report::market::{self, Track};
use crate::report::overview::{Asked, Overview, Target, overview};
use crate::report::sales::Sales;
use crate::report::sheet::{Cell, Table, xlsx};
use crate::report::{gather, people, text};

/// SKUs of sales that are named; the rest is counted.
const NAMED: usize = 5;
/// A file of sales may be this large.
const MAX_SALES: u64 = 256 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Days back from now
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=730))]
    days: u32,
    /// Only the scope of this person, by mail address
    #[arg(long = "for", value_name = "PERSON")]
    person: Option<String>,
    /// Form of the figures: that of the file's ending, else a table
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// The list that CSV holds
    #[arg(long, value_enum, default_value_t = List::Products)]
    list: List,
    /// Units sold, as CSV with the columns sku,day,units,stock: for margin at risk and elasticity
    #[arg(long, value_name = "FILE")]
    sales: Option<PathBuf>,
    /// The position whose price margin at risk is counted against
    #[arg(long, value_enum, default_value_t = Target::Lowest)]
    target: Target,
    /// A chart instead: `index`, a SKU, `margin-at-risk`, `elasticity`, `below` or `readiness`
    #[arg(long, value_name = "WHAT")]
    chart: Option<String>,
    /// File to write; a chart's ending says .svg or .png
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Json,
    Csv,
    Xlsx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum List {
    Figures,
    Products,
    /// Readiness of channels to announce a reduction
    Omnibus,
    /// Reductions of campaigns that must not be announced
    NotAnnounced,
    /// Products that their floor keeps from where their rule wants them
    FloorHits,
    /// What was read of each competitor's pages
    Sites,
    /// The products with the most margin at risk
    Important,
}

/// # Errors
/// The store's, an unknown SKU, or a file that cannot be written.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let until = app.now();
    let from = until.plus(-i64::from(args.days) * Millis::DAY);
    let all = gather::tracks(&app, from).await?;
    let known: BTreeSet<String> = all.iter().map(|track| track.sku.clone()).collect();
    let reader = match &args.person {
        Some(mail) => Some(people::known(&app, mail).await?),
        None => None,
    };
    let (tracks, voice) = match &reader {
        Some(reader) => (gather::scoped(&all, reader), reader.voice.clone()),
        None => (all, Voice::new(Language::En, &app.config.report.time_zone)),
    };
    let bars = args.chart.as_deref().and_then(What::of);
    if let Some(what) = args.chart.as_ref().filter(|_| bars.is_none()) {
        return chart(args, &app, &tracks, what, (from, until), &voice);
    }
    let sales = args.sales.as_deref().map(sales).transpose()?;
    let asked = Asked { reader: reader.as_ref(), sales: sales.as_ref(), target: args.target, voice: &voice };
    if let Some(told) = sales.as_ref().and_then(|sales| unmatched(sales, &known)) {
        talk(&told);
    }
    let overview = overview(&app, &tracks, &asked, from, until).await?;
    if let Some(what) = bars {
        return drawn(args, what, &overview, &voice);
    }
    let form = if context.json { Form::Json } else { args.format.unwrap_or_else(|| named_by(args.out.as_deref())) };
    let bytes = match form {
        Form::Table => table(&overview, &Zone::parse(&voice.zone()).map_err(anyhow::Error::msg)?).into_bytes(),
        Form::Json => serde_json::to_vec_pretty(&overview)?,
        Form::Csv => overview.tables()[args.list as usize].csv(&voice)?,
        Form::Xlsx => xlsx(&overview.tables())?,
    };
    if form == Form::Xlsx && args.out.is_none() {
        bail!("a workbook is no text\nhint: --out report.xlsx");
    }
    write(args.out.as_deref(), &bytes)?;
    Ok(ExitCode::SUCCESS)
}

/// A file called `report.xlsx` is meant to be a workbook.
fn named_by(out: Option<&Path>) -> Form {
    match out.and_then(Path::extension).and_then(|ending| ending.to_str()) {
        Some("xlsx") => Form::Xlsx,
        Some("csv") => Form::Csv,
        Some("json") => Form::Json,
        _ => Form::Table,
    }
}

/// Rows of sales that are no product's count nowhere; a misspelt column of numbers would otherwise look like no sales.
fn unmatched(sales: &Sales, known: &BTreeSet<String>) -> Option<String> {
    let strange: Vec<&str> = sales.skus().filter(|sku| !known.contains(*sku)).collect();
    let names: Vec<String> = strange.iter().take(NAMED).map(|sku| text::title(sku)).collect();
    let more = strange.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (n, of) = (strange.len(), sales.skus().count());
    (n > 0).then(|| {
        format!(
            "--sales: {n} of {of} SKUs are no products here and count nowhere: {}{more}\n\
             hint: write them as the column sku of the import has them",
            names.join(", ")
        )
    })
}

fn sales(path: &Path) -> anyhow::Result<Sales> {
    let file = || format!("{}; hint: --sales takes a CSV file, as docs/digests.md shows", path.display());
    let size = std::fs::metadata(path).with_context(file)?.len();
    if size > MAX_SALES {
        bail!("{}: larger than {MAX_SALES} bytes\nhint: write fewer days; 90 are enough", path.display());
    }
    let bytes = std::fs::read(path).with_context(file)?;
    Sales::read(&bytes).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}

fn write(out: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    match out {
        Some(path) => {
            std::fs::write(path, bytes).with_context(|| path.display().to_string())?;
            talk(&format!("written to {}", path.display()));
        }
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes)?;
            if !bytes.ends_with(b"\n") {
                stdout.write_all(b"\n")?;
            }
        }
    }
    Ok(())
}

/// All lists for people, with their times by the clocks of a zone.
fn table(overview: &Overview, zone: &Zone) -> String {
    let tables = overview.tables();
    let shown: Vec<String> =
        tables.iter().filter(|table| !table.rows.is_empty()).map(|table| lines(table, zone)).collect();
    let window = when::local(&format!("{} to {}", overview.from, overview.until), zone);
    format!("{window}\nBasis: {}\n\n{}", overview.basis, shown.join("\n\n"))
}

fn lines(table: &Table, zone: &Zone) -> String {
    let mut lines = super::columns([]);
    // A column without any value, such as sales that nobody brought, only makes the others narrow.
    let used: Vec<bool> = (0..table.columns.len())
        .map(|at| table.rows.iter().any(|row| !matches!(row.get(at), None | Some(Cell::Empty))))
        .collect();
    let kept = |at: usize| used.get(at).copied().unwrap_or_default();
    let header = table.columns.iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, name)| name);
    lines.set_header(header);
    for row in &table.rows {
        lines.add_row(row.iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, cell)| match cell {
            Cell::Text(text) => when::local(&text::plain(text), zone),
            Cell::Number(number) => number.to_string(),
            Cell::Empty => "-".to_owned(),
        }));
    }
    lines.to_string()
}

/// Bars have names and are drawn as SVG alone.
fn drawn(args: &Args, what: What, overview: &Overview, voice: &Voice) -> anyhow::Result<ExitCode> {
    let Some(bars) = Bars::of(what, overview, voice) else {
        bail!("there is nothing to draw: {}", what.nothing(args.sales.is_some(), args.days))
    };
    match args.out.as_deref().map(|path| path.extension().and_then(|ending| ending.to_str())) {
        None | Some(Some("svg")) => write(args.out.as_deref(), bars.svg(voice).as_bytes())?,
        Some(_) => bail!("bars are drawn as SVG, where they keep their names\nhint: --out {}.svg", what.name()),
    }
    Ok(ExitCode::SUCCESS)
}

fn chart(
    args: &Args,
    app: &App,
    tracks: &[Track],
    what: &str,
    (from, until): (Millis, Millis),
    voice: &Voice,
) -> anyhow::Result<ExitCode> {
    let age = gather::max_age(app);
    let (chart, title, value): (Chart, String, Box<dyn Fn(i64) -> String>) = if what == "index" {
        let chart = market::trend(tracks, until, i64::from(args.days), age);
        let index = |hundredths: i64| voice.number(Decimal::new(hundredths, 2));
        (chart, voice.words.chart_index.to_owned(), Box::new(index))
    } else {
        let track = tracks.iter().find(|track| track.sku == what);
        let named = What::ALL.iter().map(|bars| bars.name()).chain(["index"]);
        let known = || named.chain(tracks.iter().map(|track| track.sku.as_str()));
        let track = track.ok_or_else(|| super::names::no_product(what, known()))?;
        let money = |minor: i64| voice.money(Money::from_minor(minor, track.currency));
        let named = text::product(&track.sku, &track.title);
        let title = fill(voice.words.chart_price, &[("product", &named)]);
        (track.history(from, until, age), title, Box::new(money))
    };
    let Some((low, high)) = chart.range() else {
        bail!("there is nothing to draw yet\nhint: omniprice once checks the pages")
    };
    match chart.seen() {
        Seen::Lines => {}
        Seen::Nothing => bail!("there is nothing to draw yet\nhint: omniprice once checks the pages"),
        Seen::From(from) => {
            let when = when::local(&from.to_string(), &super::zone_of_reports(app)?);
            let days = count(args.days, "day");
            bail!(
                "there are too few points for a chart of {days} yet\nhint: the same command shows something from {when} on"
            )
        }
    }
    let labels = Labels { title, low: value(low), high: value(high), from: voice.day(from), until: voice.day(until) };
    let ending = args.out.as_deref().and_then(Path::extension).and_then(|e| e.to_str()).unwrap_or("svg");
    match ending {
        "svg" if args.out.is_none() => say(&chart.svg(&labels))?,
        "svg" => write(args.out.as_deref(), chart.svg(&labels).as_bytes())?,
        "png" => write(args.out.as_deref(), &chart.labelled_png(&labels).context("the picture cannot be drawn")?)?,
        other => bail!("`.{other}` is no kind of picture here\nhint: --out chart.svg or --out chart.png"),
    }
    Ok(ExitCode::SUCCESS)
}
