//! Exchange rates by schedule: fetched while a publication of the European Central Bank is missing, told when they grow
//! stale, and products decided again when a rate they need has moved.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};

use crate::app::App;
use crate::config::FxFetch;
use crate::decide::ecb;
use crate::decide::fx::{Freshness, FxTable};
use crate::decide::text::Quoted;
use crate::money::{Currency, Decimal, currency, decimal};
use crate::sentence::Sentence;
use crate::store::events::{self, Raise};
use crate::store::settings::{self, Rate};
use crate::store::terms as stored;
use crate::telemetry::Metrics;

/// The daily file has two kilobytes, one with 90 days a hundred; more is not read.
const MAX_BYTES: usize = 1024 * 1024;
const STALE: &str = "fx-stale";
const FAILED: &str = "fx-fetch";
/// The rates that competitors' prices were last converted with when their products were asked for a decision.
const USED: &str = "fx/used";

/// Whether anything of ours needs a rate, and which currencies.
///
/// # Errors
/// The rules'.
pub async fn needed(app: &App) -> anyhow::Result<Vec<Currency>> {
    let loaded = app.rules().await?;
    let mut needed: Vec<Currency> = Vec::new();
    for market in &loaded.set.markets {
        let own = market.market.currency;
        // A derived market's channels show the prices of its source.
        let source = loaded.set.source_of(&market.market.id).and_then(|id| loaded.set.market(id));
        let decided = source.map_or(own, |source| source.market.currency);
        let channels = app
            .lanes
            .iter()
            .filter(|lane| loaded.set.channel(&lane.name).is_none_or(|rules| rules.market == market.market.id));
        let channels = channels.map(|lane| lane.channel.capabilities().currency);
        let serves =
            |c: &&crate::decide::rules::Competitor| c.markets.is_empty() || c.markets.contains(&market.market.id);
        let competitors = loaded.set.competitors.iter().filter(serves).filter_map(|c| c.currency);
        let pairs = channels.map(|shown| (shown, decided)).chain(competitors.map(|asked| (asked, own)));
        needed.extend(pairs.filter(|(one, other)| one != other).flat_map(<[Currency; 2]>::from));
    }
    needed.sort_unstable_by_key(|currency| currency.code());
    needed.dedup();
    needed.retain(|currency| *currency != Currency::EUR);
    Ok(needed)
}

/// What a channel in another currency than its prices are decided in lacks: the currencies that no rate is stored of, in a
/// sentence with what to do. None where nothing is converted, or every rate is there.
///
/// # Errors
/// The rules' and the store's.
pub async fn lacking(app: &App, channel: &str) -> anyhow::Result<Option<String>> {
    let loaded = app.rules().await?;
    let Some(lane) = app.lane(channel) else { return Ok(None) };
    let shown = lane.channel.capabilities().currency;
    let of = loaded.set.channel(channel).map(|rules| rules.market.as_str());
    let mut wanted: Vec<Currency> = Vec::new();
    for market in loaded.set.markets.iter().filter(|market| of.is_none_or(|of| of == market.market.id)) {
        let source = loaded.set.source_of(&market.market.id).and_then(|id| loaded.set.market(id));
        let decided = source.unwrap_or(market).market.currency;
        wanted.extend([shown, decided].into_iter().filter(|one| shown != decided && *one != Currency::EUR));
    }
    let table = app.fx().await?;
    wanted.retain(|one| table.as_ref().is_none_or(|table| table.rate(*one).is_err()));
    wanted.sort_unstable_by_key(|one| one.code());
    wanted.dedup();
    let codes: Vec<&str> = wanted.iter().map(|one| one.code()).collect();
    Ok((!codes.is_empty()).then(|| {
        format!(
            "its prices are converted, and no exchange rate of {} is stored, so that none goes out; omniprice fx fetch, or \
             omniprice fx import eurofxref-daily.xml",
            codes.join(" and ")
        )
    }))
}

/// Fetches what is missing, tells what is stale, and asks for decisions where a rate has moved.
///
/// # Errors
/// The rules' and the store's; a bank that does not answer is an event.
pub async fn tend(app: &App) -> anyhow::Result<()> {
    let needed = needed(app).await?;
    let wanted = match app.config.fx.fetch {
        FxFetch::On => true,
        FxFetch::Off => false,
        FxFetch::Auto => !needed.is_empty(),
    };
    let mut table = app.fx().await?;
    let missing = table.as_ref().is_none_or(|table| table.freshness != Freshness::Fresh);
    if !(wanted && missing) {
        resolve_open(app, FAILED).await?;
    } else {
        let every = app.config.fx.retry_every.0;
        if super::duty(app, "fx", every, attempt(app)).await?.is_some() {
            table = app.fx().await?;
        }
    }
    if needed.is_empty() {
        return resolve_open(app, STALE).await;
    }
    tell_staleness(app, table.as_ref()).await?;
    match table {
        Some(table) => follow(app, &table, &needed).await,
        None => Ok(()),
    }
}

/// Looking first costs less than a write in every round.
async fn resolve_open(app: &App, dedupe: &str) -> anyhow::Result<()> {
    if events::is_open(&app.db, dedupe).await? {
        events::resolve(&app.db, dedupe.to_owned(), app.now()).await?;
    }
    Ok(())
}

/// One try; a failure is an event and a wait, never an error of the daemon.
async fn attempt(app: &App) -> anyhow::Result<()> {
    match fetch(app).await {
        Ok(rates) => {
            Metrics::add(&app.metrics.fx_fetches, 1);
            settings::keep_rates(&app.db, rates, app.now()).await?;
            events::resolve(&app.db, FAILED.to_owned(), app.now()).await?;
        }
        Err(error) => {
            tracing::warn!("exchange rates could not be fetched: {error:#}");
            let event = Raise {
                kind: "fx_fetch_failed",
                severity: "warning",
                dedupe: FAILED.to_owned(),
                product_id: None,
                channel: None,
                competitor: None,
                message: Sentence::RatesFailed.with(&[("why", &format!("{error:#}"))]),
                hint: Sentence::HintRates.with(&[]),
            };
            events::raise(&app.db, event, app.now()).await?;
        }
    }
    Ok(())
}

/// Asks the configured address for the newest rates.
///
/// # Errors
/// No answer in time, an answer that is too large, or one that is no rate file.
pub async fn fetch(app: &App) -> anyhow::Result<Vec<Rate>> {
    let config = &app.config.fx;
    #[expect(clippy::disallowed_methods, reason = "one request to one configured address: no redirects, a deadline")]
    let client = reqwest::Client::builder()
        .user_agent(concat!("omniprice/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(config.timeout.duration())
        .no_proxy()
        .build()?;
    let mut response = client.get(&config.url).send().await.map_err(reqwest::Error::without_url).context("fx.url")?;
    if !response.status().is_success() {
        bail!("{} answered {}\nhint: fx.url names the file of daily rates", config.url, response.status().as_u16());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > MAX_BYTES {
            bail!("{} sent more than {MAX_BYTES} bytes\nhint: eurofxref-daily.xml is enough", config.url);
        }
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(body).context("the file of rates is not UTF-8")?;
    rates(&text)
}

/// The rates of an ECB file, as they are stored.
///
/// # Errors
/// A file that is none.
pub fn rates(text: &str) -> anyhow::Result<Vec<Rate>> {
    let of_day = |(day, rates): (jiff::civil::Date, BTreeMap<String, Quoted>)| {
        rates.into_iter().map(move |(currency, rate)| Rate { day: day.to_string(), currency, rate: rate.0.to_string() })
    };
    Ok(ecb::parse(text)?.into_iter().flat_map(of_day).collect())
}

async fn tell_staleness(app: &App, table: Option<&FxTable>) -> anyhow::Result<()> {
    let (severity, message) = match table.map(|table| (table.freshness, table.date)) {
        Some((Freshness::Fresh | Freshness::Late, _)) => {
            return resolve_open(app, STALE).await;
        }
        Some((Freshness::Stale, day)) => ("warning", Sentence::RatesStale.with(&[("day", &day)])),
        Some((Freshness::Expired, day)) => ("critical", Sentence::RatesExpired.with(&[("day", &day)])),
        None => ("critical", Sentence::RatesMissing.with(&[])),
    };
    let event = Raise {
        kind: "fx_stale",
        severity,
        dedupe: STALE.to_owned(),
        product_id: None,
        channel: None,
        competitor: None,
        message: message.clone(),
        hint: Sentence::HintRatesAsk.with(&[]),
    };
    if events::raise(&app.db, event, app.now()).await? {
        tracing::warn!("{message}");
    }
    Ok(())
}

/// Asks for decisions in every market that compares foreign prices, once a needed rate moved far enough or freshness
/// lets decisions through again.
async fn follow(app: &App, table: &FxTable, needed: &[Currency]) -> anyhow::Result<()> {
    let usable = matches!(table.freshness, Freshness::Fresh | Freshness::Late);
    let now_used = format!("{usable} {}", write(&of_table(table, needed)));
    let before = settings::get(&app.db, USED).await?.map(|setting| setting.value);
    let moved = before.as_ref().is_none_or(|before| {
        let (was_usable, rates) = before.split_once(' ').unwrap_or(("", ""));
        was_usable != usable.to_string() || moved(table, &read(rates), needed, app.config.fx.reprice_above_pct.0)
    });
    if !moved {
        return Ok(());
    }
    let now = app.now();
    for market in &app.rules().await?.set.markets {
        stored::mark_market_dirty(&app.db, market.market.id.clone(), now).await?;
    }
    let why = format!("rates of {}", table.date);
    Ok(settings::set(&app.db, USED.to_owned(), now_used, app.owner.clone(), why, now).await?)
}

/// The needed rates of a table.
pub(super) fn of_table(table: &FxTable, needed: &[Currency]) -> BTreeMap<String, Decimal> {
    let rate = |currency: &Currency| Some((currency.code().to_owned(), table.rate(*currency).ok()?));
    needed.iter().filter_map(rate).collect()
}

/// Whether a rate appeared, vanished, or moved at least so far since it was used.
pub(super) fn moved(
    table: &FxTable,
    used: &BTreeMap<String, Decimal>,
    needed: &[Currency],
    threshold: Decimal,
) -> bool {
    needed.iter().any(|currency| match (used.get(currency.code()), table.rate(*currency)) {
        (Some(used), Ok(_)) => table.moved(*currency, *used, threshold),
        (None, Err(_)) => false,
        _ => true,
    })
}

/// Rates as JSON, each as a decimal text.
pub(super) fn write(rates: &BTreeMap<String, Decimal>) -> String {
    let texts: BTreeMap<&String, String> = rates.iter().map(|(code, rate)| (code, rate.to_string())).collect();
    serde_json::to_string(&texts).unwrap_or_default()
}

/// What [`write`] wrote; what cannot be read counts as not used.
pub(super) fn read(text: &str) -> BTreeMap<String, Decimal> {
    let texts: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
    let known = |(code, rate): (String, String)| Some((currency(&code).ok()?.code().to_owned(), decimal(&rate).ok()?));
    texts.into_iter().filter_map(known).collect()
}
