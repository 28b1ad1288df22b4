//! `omniprice channel list|kinds|test|map|adopt|resume`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::names::count;
use super::{Context, NEEDS_A_PERSON, named};
use crate::app::App;
use crate::channel::{KINDS, Tax};
use crate::clock::Millis;
use crate::flow::matches::{self, Pick};
use crate::flow::{self, Mapped, fx, pricing};
use crate::money::{Money, WirePrice, currency};
use crate::publish::halt::{self, Refusal, released_key};
use crate::publish::lane::Lane;
use crate::publish::notice;
use crate::publish::terms::Terms;
use crate::report::digest::plain;
use crate::sentence::Sentence;
use crate::store::channels::{self, ChannelRow};
use crate::store::products::{self, Product};
use crate::store::{events, listings, progress, settings};

/// Products that `test` looks for on a channel, and SKUs asked for at once by `adopt`.
const SAMPLE: i64 = 200;
const FIND_PAGE: i64 = 200;
/// Lines shown to a person; `--json` has them all.
const SHOWN: usize = 20;
/// Open events that a list of channels looks through.
const EVENTS: i64 = 100_000;
/// A channel that a person let go on is not stopped again for this long.
const RELEASE: i64 = Millis::HOUR;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every kind of channel with a complete example
    Kinds,
    /// Look whether credentials, currency and tax mode fit; changes nothing
    Test { name: String },
    /// Match our SKUs to the channel's listings and report what is left over
    Map { name: String },
    /// Take the prices that the channel shows now as the starting point of all channels
    Adopt {
        name: String,
        /// Only show what would be adopted
        #[arg(long)]
        dry_run: bool,
    },
    /// Every channel with its state, its parity and how long prices take to be live there
    List,
    /// Let a channel that stopped by itself go on
    Resume {
        name: String,
        #[arg(long)]
        why: String,
        /// Who
        #[arg(long, env = "USER", default_value = "operator")]
        actor: String,
    },
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
        Command::Adopt { name, dry_run } => adopt(context, name, *dry_run).await,
        Command::List => list(context).await,
        Command::Resume { name, why, actor } => resume(context, name, why, actor).await,
    }
}

fn lane<'a>(app: &'a App, name: &str) -> anyhow::Result<&'a Lane> {
    app.lane(name).ok_or_else(|| super::names::no_channel(app, name))
}

/// What a look at a channel found.
#[derive(serde::Serialize)]
struct Look {
    about: String,
    problems: Vec<String>,
    notes: Vec<String>,
    /// Of the first products that we have: how many the channel has, and some that it lacks.
    looked_for: usize,
    found: usize,
    missing: Vec<String>,
}

async fn test(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let lane = lane(&app, name)?;
    let probe = match lane.channel.probe().await {
        Ok(probe) => probe,
        Err(error) => {
            context.print(&serde_json::json!({ "error": error.to_string() }), |_| format!("{name}: {error}"))?;
            return Ok(ExitCode::from(NEEDS_A_PERSON));
        }
    };
    let sample = products::page(&app.db, 0, SAMPLE).await?;
    let skus: Vec<String> = sample.iter().map(|product| product.sku.clone()).collect();
    let mut look = Look {
        about: probe.about,
        problems: probe.problems,
        notes: probe.notes,
        looked_for: skus.len(),
        found: 0,
        missing: vec![],
    };
    match lane.channel.find(&skus).await {
        Ok(matches) => {
            let has = |sku: &String| matches.iter().any(|found| found.sku == *sku);
            look.found = skus.iter().filter(|sku| has(sku)).count();
            look.notes.extend(ambiguous_line(&matches::several(&skus, &matches)));
            look.notes.extend(shut_lines(&matches::shut(&skus, &matches)));
            look.missing = skus.iter().filter(|sku| !has(sku)).take(SHOWN).cloned().collect();
            let foreign = matches.iter().filter_map(|found| found.price.map(|price| price.currency()));
            let own = lane.channel.capabilities().currency;
            if let Some(other) = foreign.into_iter().find(|currency| *currency != own) {
                look.problems.push(format!("it shows {}; set currency = \"{}\"", other.code(), other.code()));
            }
        }
        Err(error) => look.problems.push(format!("its listings cannot be searched: {error}")),
    }
    look.problems.extend(emptied(&app, lane).await?);
    let stopped = channels::list(&app.db).await?.into_iter().find(|row| row.name == name && row.state != "ok");
    if let Some(row) = stopped {
        look.notes.push(format!("it was stopped ({}); {}", row.reason, goes_on(&app, &row).await?));
    }
    // Rules that cannot be read are told by `omniprice check`; a channel can be looked at without them.
    if let Ok(terms) = app.terms().await {
        look.problems.extend(fx::lacking(&app, name).await?);
        look.notes.extend(shown_otherwise(&terms, &sample, name));
    }
    context.print(&look, |look| {
        let mut lines = vec![format!("{name}: {}", plain(&look.about))];
        lines.push(format!("  {} of {} products of ours have a listing", look.found, look.looked_for));
        if !look.missing.is_empty() {
            let missing: Vec<String> = look.missing.iter().map(|sku| plain(sku)).collect();
            lines.push(format!("  not found, for example: {}", missing.join(", ")));
        }
        lines.extend(look.problems.iter().map(|problem| format!("  problem: {}", plain(problem))));
        lines.extend(look.notes.iter().map(|note| format!("  note: {}", plain(note))));
        if look.problems.is_empty() {
            lines.push("  ok".to_owned());
        }
        lines.join("\n")
    })?;
    Ok(if look.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_A_PERSON) })
}

/// What buyers of a net channel see that is not our price, if there is such a product.
fn shown_otherwise(terms: &Terms, sample: &[Product], channel: &str) -> Option<String> {
    let odd = |product: &Product| {
        let price = Money::from_minor(product.own_minor, currency(&product.currency).ok()?);
        Some((product.sku.clone(), terms.shown_otherwise(product, price, channel).ok()??))
    };
    let odd: Vec<_> = sample.iter().filter_map(odd).collect();
    let (sku, (meant, shown)) = odd.first()?;
    Some(format!(
        "net prices with these decimals do not give back every price: of {} products looked at, {} are seen otherwise, such as {sku}, {shown} for {meant}; set net_decimals = 4 if the channel keeps four, let prices be entered with tax there, or choose endings that survive",
        sample.len(),
        odd.len()
    ))
}

/// What a person has to mend where several listings carry one SKU.
fn ambiguous_line(skus: &[String]) -> Option<String> {
    let some: Vec<String> = skus.iter().take(SHOWN).map(|sku| plain(sku)).collect();
    let line = || {
        format!(
            "{} on several listings there and not priced, for example: {}; give each listing its own SKU",
            count(skus.len(), "SKU"),
            some.join(", ")
        )
    };
    (!skus.is_empty()).then(line)
}

/// Why listings cannot be priced for their SKU.
fn shut_lines(shut: &[(String, String)]) -> Vec<String> {
    let line = |(sku, why): &(String, String)| format!("{} is not priced there: {}", plain(sku), plain(why));
    let mut lines: Vec<String> = shut.iter().take(SHOWN).map(line).collect();
    if shut.len() > SHOWN {
        lines.push(format!("{} more are not priced there; `--json` lists them", shut.len() - SHOWN));
    }
    lines
}

/// Why a listing that was found has nothing to adopt.
const UNPRICED: &str = "the channel shows no price of its own for it";

/// A price of a channel that becomes ours, or why not.
#[derive(serde::Serialize)]
struct Adopted {
    sku: String,
    from: String,
    to: String,
    left: Option<&'static str>,
}

async fn adopt(context: &Context, name: &str, dry_run: bool) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let lane = lane(&app, name)?;
    let capabilities = lane.channel.capabilities();
    let terms = app.terms().await?;
    let (mut adopted, mut after) = (Vec::new(), 0);
    loop {
        let page = products::page(&app.db, after, FIND_PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let skus: Vec<String> = page.iter().map(|product| product.sku.clone()).collect();
        let found = lane.channel.find(&skus).await.with_context(|| format!("{name} cannot be searched"))?;
        for product in page {
            let Pick::One(hit) = matches::pick(&product.sku, &found) else { continue };
            let ours = Money::from_minor(product.own_minor, currency(&product.currency)?);
            let Some(live) = hit.price else {
                let (from, to) = (ours.to_string(), Sentence::Nothing.with(&[]));
                adopted.push(Adopted { sku: product.sku, from, to, left: Some(UNPRICED) });
                continue;
            };
            // A channel with a surcharge, another currency or net prices shows something else than our decision.
            let identity = capabilities.tax == Tax::Gross
                && live.currency() == ours.currency()
                && terms.price(&product, ours, name).is_ok_and(|(price, _)| price == ours);
            if live == ours && identity {
                continue;
            }
            let left = if identity {
                in_transit(&app, product.id, name, live).await?
            } else {
                Some("the channel's price is derived from ours, not equal to it")
            };
            if left.is_none() && !dry_run {
                pricing::adopt(&app, product.id, live, name).await?;
            }
            adopted.push(Adopted { sku: product.sku, from: ours.to_string(), to: live.to_string(), left });
        }
    }
    context.print(&adopted, |adopted| {
        let taken = adopted.iter().filter(|one| one.left.is_none()).count();
        let verb = if dry_run { "would be adopted" } else { "adopted" };
        let mut lines = vec![format!("{name}: {} {verb}, {} left alone", count(taken, "price"), adopted.len() - taken)];
        if adopted.is_empty() {
            lines.push("every price it shows for a product of ours is ours already".to_owned());
        }
        if taken > 0 {
            lines.push(
                "adopted prices are locked; `omniprice unlock SKU --why \"...\"` lets rules decide one again"
                    .to_owned(),
            );
        }
        for one in adopted.iter().take(SHOWN) {
            let left = one.left.map(|why| format!(" (left alone: {why})")).unwrap_or_default();
            lines.push(format!("  {}: {} -> {}{left}", plain(&one.sku), one.from, one.to));
        }
        lines.join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Why a price that a channel shows was set by nobody else: it is the last one that we proved there.
async fn in_transit(app: &App, product_id: i64, name: &str, live: WirePrice) -> anyhow::Result<Option<&'static str>> {
    let all = listings::of_product(&app.db, product_id).await?;
    let Some(listing) = all.into_iter().find(|listing| listing.channel == name) else { return Ok(None) };
    let Ok(minor) = listing.units(live) else { return Ok(None) };
    if listing.verified_seq == 0 || listing.live_minor != Some(minor) {
        return Ok(None);
    }
    let history = progress::live_history(&app.db, listing.id, Millis(0)).await?;
    if history.iter().rev().find(|fact| fact.minor == minor).is_none_or(|fact| fact.basis == "foreign") {
        return Ok(None);
    }
    Ok(Some(if listing.desired_minor == Some(minor) {
        "it is the price that is wanted there"
    } else {
        "it is still the price that was proved there last; the one wanted waits for its turn"
    }))
}

/// What a channel that only we fill should hold and does not: its file was lost, or is not the one that the database knows.
/// What the channel has was asked for before, so that an error here is one of the channel.
///
/// # Errors
/// The store's.
pub(super) async fn emptied(app: &App, lane: &Lane) -> anyhow::Result<Option<String>> {
    if !lane.channel.capabilities().seeded_by_us {
        return Ok(None);
    }
    let mut proved = listings::reconcilable(&app.db, &lane.name, 0, SAMPLE).await?;
    proved.retain(|listing| listing.verified_seq > 0);
    let externals: Vec<String> = proved.iter().filter_map(|listing| listing.external.clone()).collect();
    let Ok(seen) = lane.channel.read(&externals).await else { return Ok(None) };
    let missing = seen.iter().filter(|seen| seen.price.is_none()).count();
    let line = || {
        format!(
            "prices that were proved there and that it lacks: {missing} of {}; its file was lost or begun anew, and omniprice verify {} writes them again",
            externals.len(),
            lane.name
        )
    };
    Ok((missing > 0).then(line))
}

/// A channel as the list shows it. Times are milliseconds from the wish to the read that proved it, of the last week.
#[derive(serde::Serialize)]
struct Row {
    name: String,
    kind: String,
    state: String,
    since: String,
    reason: String,
    /// How it goes on, where it has stopped.
    goes_on: Option<String>,
    /// What the last look at the whole channel could not compare.
    not_compared: Option<String>,
    listings: i64,
    live: i64,
    unverified: i64,
    p50_ms: Option<i64>,
    p95_ms: Option<i64>,
    p99_ms: Option<i64>,
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let parity = progress::parity(&app.db).await?;
    let open = events::open(&app.db, EVENTS).await?;
    let not_compared = |channel: &str| {
        let key = notice::not_compared_key(channel);
        open.iter().find(|event| event.dedupe == key).map(|event| event.message.clone())
    };
    let mut rows = Vec::new();
    for row in channels::list(&app.db).await?.into_iter().filter(|row| app.lane(&row.name).is_some()) {
        let own = parity.iter().find(|parity| parity.channel == row.name);
        let spans = progress::convergence(&app.db, &row.name, app.now().plus(-7 * Millis::DAY)).await?;
        let at = |percent| progress::percentile(&spans, percent);
        let goes_on = if row.state == "ok" { None } else { Some(goes_on(&app, &row).await?) };
        rows.push(Row {
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            listings: own.map_or(0, |own| own.listings),
            live: own.map_or(0, |own| own.live),
            unverified: own.map_or(0, |own| own.unverified),
            since: Millis(row.since).to_string(),
            goes_on,
            not_compared: not_compared(&row.name),
            name: row.name,
            kind: row.kind,
            state: row.state,
            reason: row.reason,
        });
    }
    context.print(&rows, |rows| {
        if rows.is_empty() {
            return "no channels are configured\nomniprice channel kinds shows examples".to_owned();
        }
        let seconds = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100));
        let line = |row: &Row| {
            let next = row.goes_on.as_ref().map_or_else(String::new, |next| format!("\n  {next}"));
            let why = if row.reason.is_empty() { String::new() } else { format!(": {}", plain(&row.reason)) };
            let unseen = row.not_compared.as_ref().map_or_else(String::new, |told| format!("\n  {}", plain(told)));
            format!(
                "{} ({}) {} since {}{why}{}\n  {} of {} prices read back equal, {} acknowledged only; live after p50 {}, p95 {}, p99 {}{unseen}",
                row.name, row.kind, row.state, row.since, next, row.live, row.listings, row.unverified,
                seconds(row.p50_ms), seconds(row.p95_ms), seconds(row.p99_ms)
            )
        };
        context.here(&rows.iter().map(line).collect::<Vec<_>>().join("\n"))
    })?;
    let stopped = rows.iter().any(|row| row.state != "ok");
    Ok(if stopped { ExitCode::from(NEEDS_A_PERSON) } else { ExitCode::SUCCESS })
}

/// How a channel goes on that stopped.
pub(super) async fn goes_on(app: &App, row: &ChannelRow) -> anyhow::Result<String> {
    let refused = row.state == "refused";
    let by_itself = match if refused { Some(halt::refusal(&app.db, &row.name).await?) } else { None } {
        Some(Refusal::Read) => "once that is mended it is tried again by itself, within the hour, or at once after ",
        Some(Refusal::Write) => "it is tried with one price, at least once an hour, or at once after ",
        Some(Refusal::Gone) | None => "it waits for ",
    };
    Ok(format!("{by_itself}omniprice channel resume {} --why \"...\"", row.name))
}

async fn resume(context: &Context, name: &str, why: &str, actor: &str) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    named("--why", why)?;
    lane(&app, name)?;
    let now = app.now();
    let until = now.plus(RELEASE);
    let stopped = channels::list(&app.db).await?.iter().any(|row| row.name == name && row.state != "ok");
    if !stopped {
        let told = serde_json::json!({ "channel": name, "resumed": false });
        context.print(&told, |_| format!("{name} was not stopped; nothing was changed"))?;
        return Ok(ExitCode::SUCCESS);
    }
    settings::set(&app.db, released_key(name), until.0.to_string(), actor.to_owned(), why.to_owned(), now).await?;
    let changed = channels::set_state(&app.db, name.to_owned(), "ok", String::new(), now).await?;
    for key in [notice::stopped_key(name), notice::refused_key(name)] {
        events::resolve(&app.db, key, now).await?;
    }
    let told = serde_json::json!({ "channel": name, "resumed": changed, "until": until.to_string() });
    context.print(&told, |_| {
        context.here(&format!("{name} goes on; whatever moves until {until} does not stop it again"))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn map(context: &Context, name: &str) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let lane = lane(&app, name)?;
    let Mapped { added, ambiguous, shut, error } = flow::map(&app, lane).await?;
    let left: Vec<String> = listings::unlisted(&app.db, name, 0, 10_000).await?.into_iter().map(|p| p.sku).collect();
    let told = |sku: &String| ambiguous.contains(sku) || shut.iter().any(|(other, _)| other == sku);
    let left: Vec<String> = left.into_iter().filter(|sku| !told(sku)).collect();
    let not_priced: BTreeMap<&String, &String> = shut.iter().map(|(sku, why)| (sku, why)).collect();
    let report = serde_json::json!({
        "added": added, "left_over": left, "ambiguous": ambiguous, "not_priced": not_priced, "error": error
    });
    context.print(&report, |_| {
        let rest = if left.is_empty() {
            String::new()
        } else {
            format!("\nnot found there: {}", left.iter().take(50).cloned().collect::<Vec<_>>().join(", "))
        };
        let mut twice = ambiguous_line(&ambiguous).map_or_else(String::new, |line| format!("\n{line}"));
        for line in shut_lines(&shut) {
            twice = format!("{twice}\n{line}");
        }
        let cut = error.as_ref().map_or_else(String::new, |why| format!("\nnot searched to the end: {}", plain(why)));
        let left = count(left.len(), "product");
        format!("{name}: {} added, {left} without one{rest}{twice}{cut}", count(added, "listing"))
    })?;
    Ok(if error.is_none() && ambiguous.is_empty() && shut.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NEEDS_A_PERSON)
    })
}
