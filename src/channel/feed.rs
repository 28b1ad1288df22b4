//! A Google-style product feed (RSS 2.0 with the `g:` namespace, or a table with tabs), kept as one file that the web
//! server hands out.
//!
//! Always a full snapshot: written beside the old one, synced, renamed over it, so that a reader sees the old or the new
//! file and never a half. Each item carries its sequence number; an older number never replaces a newer. A sale stands in
//! it with its window, so whoever reads the feed ends the sale even while no daemon runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use toml::Table;

use super::wire::files;
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, Ordering, PartialFailure, PriceChange, Probe, ReadBack,
    Receipt, SaleSupport, Seen, Served, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

mod item;
mod legible;
mod tsv;
mod xml;

use item::{Item, Sale};
use legible::legible;

pub const KIND: Kind = Kind {
    name: "feed",
    about: "Google-style product feed (XML or TSV), written as a file and served at /feeds/NAME.xml or .tsv",
    example: r#"[channels.google]
kind = "feed"
path = "feeds/google.xml"
title = "Our shop"
link = "https://shop.example/p/{sku}"  # {sku} is replaced, percent-encoded
currency = "DKK"
tax = "gross"
format = "xml"                         # "tsv": a table with tabs
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| {
        let mut feed = build(table)?;
        feed.path = setting.base.join(&feed.path);
        feed.clock = setting.clock.clone();
        Ok(Arc::new(Arc::new(feed)))
    },
};

const PLACEHOLDER: &str = "{sku}";
/// A feed that is larger was not written by us.
const MAX_FILE: u64 = 1024 * 1024 * 1024;
/// Titles longer than 150 characters are cut by Google (product data specification, title).
const MAX_TITLE: usize = 150;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    path: PathBuf,
    title: String,
    link: String,
    currency: String,
    tax: Tax,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Xml,
    Tsv,
}

struct Feed {
    path: PathBuf,
    title: String,
    link: String,
    currency: Currency,
    tax: Tax,
    format: Format,
    clock: Clock,
}

fn build(table: &Table) -> Result<Feed, String> {
    super::drift(table)?;
    let Settings { path, title, link, currency, tax, format } = super::settings(table)?;
    if !link.contains(PLACEHOLDER) || url::Url::parse(&link.replace(PLACEHOLDER, "x")).is_err() {
        return Err(format!("link must be a URL with {PLACEHOLDER} in it"));
    }
    Ok(Feed { path, title, link, currency: super::currency(&currency)?, tax, format, clock: Clock::System })
}

impl Feed {
    fn item(&self, change: &PriceChange) -> Item {
        let sku: String = url::form_urlencoded::byte_serialize(change.external.as_bytes()).collect();
        Item {
            id: change.external.clone(),
            title: legible(&change.title).chars().take(MAX_TITLE).collect(),
            link: self.link.replace(PLACEHOLDER, &sku.replace('+', "%20")),
            price: change.sale.map_or(change.price, |sale| sale.regular),
            sale: change.sale.map(|sale| Sale {
                price: change.price,
                // The format has no open end; without dates the sale holds until it is taken out.
                window: sale.ends_at.map(|end| (sale.starts_at, end)),
            }),
            in_stock: change.in_stock,
            gtin: change.gtin.as_deref().map(legible),
            brand: change.brand.as_deref().map(legible),
            seq: change.seq,
        }
    }

    /// Merges changes into the snapshot under a lock on the folder's lock file; blocking.
    fn merge(&self, changes: &[PriceChange], door: &Door) -> Result<Vec<Result<Receipt, ChannelError>>, ChannelError> {
        let io =
            |what: &str, e: &std::io::Error| ChannelError::new(Class::Retry { after_ms: None }, format!("{what}: {e}"));
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|e| io("feed folder", &e))?;
        let lock = File::create(self.path.with_extension("lock")).map_err(|e| io("feed lock", &e))?;
        lock.lock().map_err(|e| io("feed lock", &e))?;
        let mut items = self.load()?;
        let before: BTreeMap<String, WirePrice> =
            items.iter().map(|(id, item)| (id.clone(), item.quote().price)).collect();
        let (mut stale, mut odd) = (Vec::new(), Vec::new());
        for change in changes {
            // Ids are compared as they are, so nothing can be dropped from one.
            if legible(&change.external) != change.external {
                odd.push(change.external.as_str());
            } else if items.get(&change.external).is_some_and(|item| item.seq > change.seq) {
                stale.push(change.external.as_str());
            } else {
                items.insert(change.external.clone(), self.item(change));
            }
        }
        let fresh: Vec<&str> =
            changes.iter().map(|c| c.external.as_str()).filter(|e| !stale.contains(e) && !odd.contains(e)).collect();
        let body = self.render(items.values()).map_err(|e| io("feed", &e))?;
        let said = self.parse(&body).map_err(|why| ChannelError::from(GateError::Unreadable(why)))?;
        let quoted: Vec<Quote> = said.iter().map(Item::quote).collect();
        let pass = door.narrowed(&fresh).check_snapshot(body, &quoted, &before)?;
        files::replace(&self.path, &pass.into_body()).map_err(|e| io("feed file", &e))?;
        Ok(changes
            .iter()
            .map(|change| {
                let external = change.external.as_str();
                if odd.contains(&external) {
                    let why = "its id has a control character, which no reader of a feed takes; give it another SKU";
                    Err(ChannelError::new(Class::Rejected, why))
                } else if stale.contains(&external) {
                    Err(ChannelError::new(Class::Rejected, "the feed already holds a newer decision"))
                } else {
                    Ok(Receipt { echoed: Some(change.price) })
                }
            })
            .collect())
    }

    fn load(&self) -> Result<BTreeMap<String, Item>, ChannelError> {
        let broken = |what: String| ChannelError::new(Class::Refused, format!("{}: {what}", self.path.display()));
        let text = match std::fs::metadata(&self.path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(e) => return Err(broken(e.to_string())),
            Ok(meta) if meta.len() > MAX_FILE => return Err(broken("larger than any feed of ours".to_owned())),
            Ok(_) => std::fs::read(&self.path).map_err(|e| broken(e.to_string()))?,
        };
        let items = self
            .parse(&text)
            .map_err(|why| broken(format!("not a feed of ours ({why}); move it away to start anew")))?;
        Ok(items.into_iter().map(|item| (item.id.clone(), item)).collect())
    }

    fn render<'a>(&self, items: impl Iterator<Item = &'a Item>) -> std::io::Result<Vec<u8>> {
        match self.format {
            Format::Xml => xml::render(&legible(&self.title), &self.link.replace(PLACEHOLDER, ""), items),
            Format::Tsv => tsv::render(items),
        }
    }

    fn parse(&self, text: &[u8]) -> Result<Vec<Item>, String> {
        match self.format {
            Format::Xml => xml::parse(text),
            Format::Tsv => tsv::parse(text),
        }
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ChannelError> + Send + 'static,
    ) -> Result<T, ChannelError> {
        let feed = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || work(&feed));
        task.await.unwrap_or_else(|_| Err(ChannelError::new(Class::Unknown, "the feed writer panicked")))
    }
}

#[async_trait]
impl Channel for Arc<Feed> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            idempotent: true,
            max_batch: 5_000,
            seeded_by_us: true,
            attributes: true,
            sale: SaleSupport::Window,
            stages: true,
            partial: PartialFailure::Atomic,
            ordering: Ordering::Version,
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let (owned, door) = (changes.to_vec(), door.clone());
        match self.blocking(move |feed| feed.merge(&owned, &door)).await {
            Ok(results) => results,
            Err(error) => super::all_failed(changes, &error),
        }
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let items = self.blocking(Feed::load).await?;
        let now = self.clock.now();
        let seen = |external: &String| match items.get(external).map(|item| item.shown(now)) {
            Some((price, regular)) => Seen { regular: Some(regular), ..Seen::plain(external.clone(), Some(price)) },
            None => Seen::plain(external.clone(), None),
        };
        Ok(externals.iter().map(seen).collect())
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let items = self.blocking(Feed::load).await?;
        let now = self.clock.now();
        let found = |sku: &String| Match::new(sku, sku, items.get(sku).map(|item| item.shown(now).0));
        Ok(skus.iter().map(found).collect())
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let items = self.blocking(Feed::load).await?;
        let foreign = items.values().filter(|item| item.price.currency() != self.currency).count();
        let problems =
            if foreign == 0 { vec![] } else { vec![format!("{foreign} items of the file are in another currency")] };
        Ok(Probe::of(format!("feed with {} items", items.len()), problems))
    }

    fn served(&self) -> Option<Served<'_>> {
        let media_type = match self.format {
            Format::Xml => "application/xml; charset=utf-8",
            Format::Tsv => "text/tab-separated-values; charset=utf-8",
        };
        Some(Served { path: &self.path, media_type })
    }
}
