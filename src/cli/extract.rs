//! `omniprice extract`: what the daemon would read from a page, with the evidence and, on request, every reason.

use std::fs;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::extract::scraper::{Site, Sites};
use crate::extract::{Extraction, Hints, Page, address, extract};
use crate::money::{self, Money};

/// Largest page that is read, decompressed.
const MAX_PAGE: usize = 32 * 1024 * 1024;
/// Inputs of one manifest.
const MAX_ENTRIES: usize = 1_000_000;

/// Extract offers from pages.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files (plain or gzip) or http(s) addresses.
    #[arg(required_unless_present = "manifest")]
    pub inputs: Vec<String>,
    /// The address a file was saved from: it names the shop, the locale and the variant.
    #[arg(long)]
    pub url: Option<String>,
    /// One JSON object per input.
    #[arg(long)]
    pub json: bool,
    /// Every candidate of every source and why it won or lost.
    #[arg(long)]
    pub explain: bool,
    /// A site file to use instead of the one for the host.
    #[arg(long, value_name = "FILE")]
    pub scraper: Option<PathBuf>,
    /// Directory of site files added to the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub scrapers: Option<PathBuf>,
    /// JSON Lines with `file` and `url`, or `id` and `html`; prints one flat JSON line per entry.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["inputs", "explain"])]
    pub manifest: Option<PathBuf>,
    /// Currency of the site where the page does not name it.
    #[arg(long)]
    pub currency: Option<String>,
    /// Language tag of the site where the page does not name it.
    #[arg(long)]
    pub locale: Option<String>,
}

/// A page fetched by the polite fetcher.
#[derive(Debug, Clone)]
pub struct FetchedPage {
    /// Content encoding already removed.
    pub body: Vec<u8>,
    pub content_type: Option<String>,
    pub final_url: String,
    pub status: u16,
}

/// Fetches one address politely.
pub type Fetch<'f> = &'f dyn Fn(&str) -> anyhow::Result<FetchedPage>;

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    charset: Option<String>,
}

/// The flat form of one manifest entry.
#[derive(Debug, Serialize)]
struct Flat<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outcome: &'static str,
    confidence: u8,
    price: Option<String>,
    list_price: Option<String>,
    currency: Option<&'static str>,
    availability: Option<&'static str>,
    title: Option<&'a str>,
    sku: Option<&'a str>,
    gtin: Option<&'a str>,
    brand: Option<&'a str>,
    source: Option<&'a str>,
}

/// Runs the command; `fetch` is used for inputs that are addresses.
///
/// # Errors
/// When an option, an input or the output cannot be used.
pub fn run(args: &Args, fetch: Fetch<'_>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let sites = load_sites(args.scrapers.as_deref())?;
    let forced = args.scraper.as_deref().map(load_site).transpose()?;
    let currency = args
        .currency
        .as_deref()
        .map(money::currency)
        .transpose()
        .context("--currency; hint: write an ISO 4217 code such as DKK")?;
    let hints = Hints { currency, locale: args.locale.clone(), ..Hints::default() };
    if let Some(manifest) = &args.manifest {
        return run_manifest(manifest, &sites, forced.as_ref(), &hints, out);
    }
    let mut priced = 0;
    for input in &args.inputs {
        let (page, url) = load(input, args.url.as_deref(), fetch).with_context(|| input.clone())?;
        let site = forced.as_ref().or_else(|| site_of(&sites, &url));
        let view = Page {
            body: &page.body,
            content_type: page.content_type.as_deref(),
            url: &url,
            final_url: &page.final_url,
            status: page.status,
        };
        let found = extract(&view, site, &hints);
        priced += usize::from(found.outcome.is_price());
        if args.json {
            print_json(input, &found, out)?;
        } else {
            print_human(input, &found, out)?;
        }
        if args.explain {
            crate::extract::explain::table(&found, out)?;
        }
    }
    Ok(if priced == args.inputs.len() { ExitCode::SUCCESS } else { ExitCode::from(super::NEEDS_A_PERSON) })
}

/// The embedded site files, with those of a directory if one is given.
///
/// # Errors
/// Every problem of every file, one a line.
pub fn load_sites(directory: Option<&Path>) -> anyhow::Result<Sites> {
    let loaded = directory.map_or_else(Sites::embedded, Sites::load);
    loaded.map_err(|errors| anyhow::anyhow!(join(&errors)))
}

/// One site file.
///
/// # Errors
/// Every problem of the file, one a line.
pub fn load_site(path: &Path) -> anyhow::Result<Site> {
    let source =
        fs::read_to_string(path).with_context(|| format!("{}; hint: --scraper takes a TOML file", path.display()))?;
    Site::parse(&path.display().to_string(), &source).map_err(|errors| anyhow::anyhow!(join(&errors)))
}

fn join(errors: &[crate::extract::scraper::SiteError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn site_of<'s>(sites: &'s Sites, url: &str) -> Option<&'s Site> {
    sites.for_host(&address::host(url)?)
}

/// Reads a file, decompressing gzip, or fetches an address.
///
/// # Errors
/// When the input cannot be read or fetched, or is larger than the limit.
pub fn load(input: &str, url: Option<&str>, fetch: Fetch<'_>) -> anyhow::Result<(FetchedPage, String)> {
    if input.starts_with("http://") || input.starts_with("https://") {
        let page = fetch(input).map_err(|error| {
            let told = format!("{error:#}");
            if told.contains("hint:") {
                return error;
            }
            anyhow::anyhow!("{told}; hint: save the page in a browser and read it with --url {input} FILE")
        })?;
        return Ok((page, input.to_owned()));
    }
    let url = url.unwrap_or("").to_owned();
    let body = read_page(Path::new(input))?;
    Ok((FetchedPage { body, content_type: None, final_url: url.clone(), status: 200 }, url))
}

/// A page file, decompressed when it starts with the gzip magic.
///
/// # Errors
/// When the file cannot be read, is no valid gzip, or is larger than the limit.
pub fn read_page(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = fs::File::open(path)
        .with_context(|| format!("{}; hint: give a saved page or an http(s) address", path.display()))?;
    let mut raw = Vec::new();
    file.take(MAX_PAGE as u64 + 1).read_to_end(&mut raw)?;
    if raw.len() > MAX_PAGE {
        bail!("{}: larger than {MAX_PAGE} bytes; hint: a product page is a hundred times smaller", path.display());
    }
    if !raw.starts_with(&[0x1f, 0x8b]) {
        return Ok(raw);
    }
    gunzip(&raw).with_context(|| format!("{}: no valid gzip; hint: try `gzip -t`", path.display()))
}

/// Inflates one gzip member; the size in its trailer is a hint, the limit is not.
fn gunzip(raw: &[u8]) -> anyhow::Result<Vec<u8>> {
    let claimed = raw.last_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    let mut size = claimed.clamp(4_096, MAX_PAGE);
    let mut decompressor = libdeflater::Decompressor::new();
    loop {
        let mut body = vec![0; size];
        match decompressor.gzip_decompress(raw, &mut body) {
            Ok(written) => {
                body.truncate(written);
                return Ok(body);
            }
            Err(libdeflater::DecompressionError::InsufficientSpace) if size < MAX_PAGE => {
                size = (size * 2).min(MAX_PAGE)
            }
            Err(error) => bail!("{error}"),
        }
    }
}

fn run_manifest(
    path: &Path,
    sites: &Sites,
    forced: Option<&Site>,
    hints: &Hints,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let source = fs::read_to_string(path)
        .with_context(|| format!("{}; hint: --manifest takes a JSON Lines file", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    for (number, line) in source.lines().enumerate().take(MAX_ENTRIES).filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("{}, line {}", path.display(), number + 1);
        let entry: Entry = serde_json::from_str(line).with_context(|| {
            format!("{}: no manifest entry; hint: {{\"file\",\"url\"}} or {{\"id\",\"html\"}}", place())
        })?;
        let url = entry.url.clone().unwrap_or_default();
        let body = match (&entry.file, &entry.html) {
            (Some(file), _) => read_page(&folder.join(file)).with_context(place)?,
            (None, Some(html)) => html.clone().into_bytes(),
            (None, None) => bail!("{}: neither `file` nor `html`; hint: give one of them", place()),
        };
        // Inline pages are text already; a saved page may have lost the header that named its encoding.
        let charset = entry.charset.as_deref().or(entry.html.is_some().then_some("utf-8"));
        let content_type = charset.map(|c| format!("text/html; charset={c}"));
        let page = Page { body: &body, content_type: content_type.as_deref(), url: &url, final_url: &url, status: 200 };
        let found = extract(&page, forced.or_else(|| site_of(sites, &url)), hints);
        serde_json::to_writer(&mut *out, &flat(&entry, &found))?;
        writeln!(out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn flat<'a>(entry: &'a Entry, found: &'a Extraction) -> Flat<'a> {
    let offer = found.offer.as_ref();
    let usable = offer.filter(|_| found.outcome.is_price());
    let amount = |m: Option<Money>| m.map(|m| m.amount().to_string());
    Flat {
        file: entry.file.as_deref(),
        id: entry.id.as_deref(),
        outcome: found.outcome.as_str(),
        confidence: found.confidence,
        price: usable.and_then(|o| amount(o.price)),
        list_price: usable.and_then(|o| amount(o.list_price)),
        currency: offer.and_then(|o| o.currency).map(|c| c.code()),
        availability: offer.and_then(|o| o.availability.schema_name()),
        title: offer.and_then(|o| o.title.as_deref()),
        sku: offer.and_then(|o| o.sku.as_deref()),
        gtin: offer.and_then(|o| o.gtin.as_deref()),
        brand: offer.and_then(|o| o.brand.as_deref()),
        source: usable.and_then(|o| o.evidence.as_ref()).map(|e| e.source.as_str()),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    input: &'a str,
    #[serde(flatten)]
    found: &'a Extraction,
}

fn print_json(input: &str, found: &Extraction, out: &mut dyn Write) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, &Document { input, found })?;
    writeln!(out)?;
    Ok(())
}

fn print_human(input: &str, found: &Extraction, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{input}")?;
    writeln!(out, "  outcome       {} ({} %)", found.outcome, found.confidence)?;
    if let Some(offer) = &found.offer {
        let fields = [
            ("price", offer.price.map(|p| p.to_string())),
            ("list price", offer.list_price.map(|p| p.to_string())),
            ("unit price", offer.unit_price.as_ref().map(|u| format!("{} per {}", u.amount, u.per))),
            ("availability", Some(offer.availability.as_str().to_owned())),
            ("title", offer.title.clone()),
            ("brand", offer.brand.clone()),
            ("sku", offer.sku.clone()),
            ("gtin", offer.gtin.clone()),
            ("seller", offer.seller.clone()),
            ("evidence", offer.evidence.as_ref().map(|e| format!("{} {} `{}`", e.source, e.path, e.raw))),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                writeln!(out, "  {name:<13} {value}")?;
            }
        }
    }
    writeln!(out, "  why           {}", found.explanation)?;
    Ok(())
}
