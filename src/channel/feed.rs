//! A Google-style product feed (RSS 2.0 with the `g:` namespace), kept as one file that the web server hands out.
//!
//! Always a full snapshot: written beside the old one, synced, renamed over it, so that a reader sees the old or the new
//! file and never a half. Each item carries its sequence number in a comment; an older number never replaces a newer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use quick_xml::events::{BytesText, Event};
use quick_xml::{Reader, Writer};
use serde::Deserialize;
use toml::Table;

use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, Ordering, PartialFailure, PriceChange, Probe, ReadBack,
    Receipt, Seen, Served, Tax,
};
use crate::money::{Currency, Money};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "feed",
    about: "Google-style product feed (XML), written as a file and served at /feeds/NAME.xml",
    example: r#"[channels.google]
kind = "feed"
path = "feeds/google.xml"
title = "Our shop"
link = "https://shop.example/p/{sku}"  # {sku} is replaced, percent-encoded
currency = "DKK"
tax = "gross"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| {
        let mut feed = build(table)?;
        feed.path = setting.base.join(&feed.path);
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
}

struct Feed {
    path: PathBuf,
    title: String,
    link: String,
    currency: Currency,
    tax: Tax,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    id: String,
    title: String,
    link: String,
    price: Money,
    in_stock: bool,
    gtin: Option<String>,
    brand: Option<String>,
    seq: i64,
}

fn build(table: &Table) -> Result<Feed, String> {
    super::drift(table)?;
    let Settings { path, title, link, currency, tax } = super::settings(table)?;
    if !link.contains(PLACEHOLDER) || url::Url::parse(&link.replace(PLACEHOLDER, "x")).is_err() {
        return Err(format!("link must be a URL with {PLACEHOLDER} in it"));
    }
    Ok(Feed { path, title, link, currency: super::currency(&currency)?, tax })
}

impl Feed {
    fn item(&self, change: &PriceChange) -> Item {
        let sku: String = url::form_urlencoded::byte_serialize(change.external.as_bytes()).collect();
        Item {
            id: change.external.clone(),
            title: change.title.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect(),
            link: self.link.replace(PLACEHOLDER, &sku.replace('+', "%20")),
            price: change.price,
            in_stock: change.in_stock,
            gtin: change.gtin.clone(),
            brand: change.brand.clone(),
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
        let before: BTreeMap<String, Money> = items.iter().map(|(id, item)| (id.clone(), item.price)).collect();
        let mut stale = Vec::new();
        for change in changes {
            if items.get(&change.external).is_some_and(|item| item.seq > change.seq) {
                stale.push(change.external.as_str());
            } else {
                items.insert(change.external.clone(), self.item(change));
            }
        }
        let fresh: Vec<&str> = changes.iter().map(|c| c.external.as_str()).filter(|e| !stale.contains(e)).collect();
        let body = self.render(items.values()).map_err(|e| io("feed", &e))?;
        let quoted: Vec<Quote> = parse(&body)
            .map_err(|e| ChannelError::from(GateError::Unreadable(e)))?
            .into_iter()
            .map(|item| Quote::new(item.id, item.price))
            .collect();
        let pass = door.narrowed(&fresh).check_snapshot(body, &quoted, &before)?;
        replace(&self.path, &pass.into_body()).map_err(|e| io("feed file", &e))?;
        Ok(changes
            .iter()
            .map(|change| {
                if stale.contains(&change.external.as_str()) {
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
        let items =
            parse(&text).map_err(|why| broken(format!("not a feed of ours ({why}); move it away to start anew")))?;
        Ok(items.into_iter().map(|item| (item.id.clone(), item)).collect())
    }

    fn render<'a>(&self, items: impl Iterator<Item = &'a Item>) -> std::io::Result<Vec<u8>> {
        let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
        xml.write_event(Event::Decl(quick_xml::events::BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        xml.create_element("rss")
            .with_attribute(("version", "2.0"))
            .with_attribute(("xmlns:g", "http://base.google.com/ns/1.0"))
            .write_inner_content(|xml| {
                xml.create_element("channel").write_inner_content(|xml| {
                    element(xml, "title", &self.title)?;
                    element(xml, "link", &self.link.replace(PLACEHOLDER, ""))?;
                    element(xml, "description", &self.title)?;
                    for item in items {
                        write_item(xml, item)?;
                    }
                    Ok(())
                })?;
                Ok(())
            })?;
        Ok(xml.into_inner())
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

fn element<W: std::io::Write>(xml: &mut Writer<W>, name: &str, text: &str) -> std::io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(text))?;
    Ok(())
}

fn write_item<W: std::io::Write>(xml: &mut Writer<W>, item: &Item) -> std::io::Result<()> {
    xml.create_element("item").write_inner_content(|xml| {
        xml.write_event(Event::Comment(BytesText::new(&format!(" seq {} ", item.seq))))?;
        element(xml, "g:id", &item.id)?;
        element(xml, "g:title", &item.title)?;
        element(xml, "g:link", &item.link)?;
        element(xml, "g:price", &item.price.to_string())?;
        element(xml, "g:availability", if item.in_stock { "in_stock" } else { "out_of_stock" })?;
        if let Some(gtin) = &item.gtin {
            element(xml, "g:gtin", gtin)?;
        }
        if let Some(brand) = &item.brand {
            element(xml, "g:brand", brand)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Reads a feed of ours back, item by item. Entities other than the five of XML are refused, as is a document type.
fn parse(text: &[u8]) -> Result<Vec<Item>, String> {
    let mut reader = Reader::from_reader(text);
    let mut items = Vec::new();
    let mut fields: Option<BTreeMap<String, String>> = None;
    let mut open = String::new();
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).map_err(|e| e.to_string())? {
            Event::Start(start) => {
                let name = start.name().as_ref().to_owned();
                if name == "item" {
                    fields = Some(BTreeMap::new());
                }
                open = name;
            }
            Event::Text(text) => {
                collect(fields.as_mut(), &open, &text);
            }
            Event::GeneralRef(entity) => {
                let text = match entity.resolve_char_ref().map_err(|e| e.to_string())? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&entity)
                        .ok_or_else(|| format!("unknown entity &{};", &*entity))?
                        .to_owned(),
                };
                collect(fields.as_mut(), &open, &text);
            }
            Event::Comment(comment) => {
                if let (Some(fields), Some(seq)) = (fields.as_mut(), comment.trim().strip_prefix("seq ")) {
                    fields.insert("seq".to_owned(), seq.to_owned());
                }
            }
            Event::End(end) if end.name().as_ref() == "item" => {
                items.push(item(fields.take().unwrap_or_default())?);
                open.clear();
            }
            Event::End(_) => open.clear(),
            Event::DocType(_) => return Err("a document type".to_owned()),
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    if fields.is_some() {
        return Err("cut off inside an item".to_owned());
    }
    Ok(items)
}

fn collect(fields: Option<&mut BTreeMap<String, String>>, open: &str, text: &str) {
    if let Some(fields) = fields
        && !open.is_empty()
        && open != "item"
    {
        fields.entry(open.to_owned()).or_default().push_str(text);
    }
}

fn item(mut fields: BTreeMap<String, String>) -> Result<Item, String> {
    let id = fields.remove("g:id").ok_or("an item without g:id")?;
    let price = fields.remove("g:price").ok_or_else(|| format!("{id} has no g:price"))?;
    Ok(Item {
        price: price.parse().map_err(|e| format!("{id}: {e}"))?,
        title: fields.remove("g:title").unwrap_or_default(),
        link: fields.remove("g:link").unwrap_or_default(),
        in_stock: fields.remove("g:availability").is_some_and(|a| a == "in_stock"),
        gtin: fields.remove("g:gtin"),
        brand: fields.remove("g:brand"),
        seq: fields.remove("seq").and_then(|seq| seq.trim().parse().ok()).unwrap_or(0),
        id,
    })
}

/// Temporary name, sync, rename, sync of the folder: after a power cut there is the old file or the new one.
fn replace(path: &Path, body: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(body)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[async_trait]
impl Channel for Arc<Feed> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            idempotent: true,
            max_batch: 5_000,
            seeded_by_us: true,
            partial: PartialFailure::Atomic,
            ordering: Ordering::Version,
            read_back: ReadBack::Submitted,
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
        let seen = |external: &String| Seen::plain(external.clone(), items.get(external).map(|item| item.price));
        Ok(externals.iter().map(seen).collect())
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let items = self.blocking(Feed::load).await?;
        let found = |sku: &String| Match {
            sku: sku.clone(),
            external: sku.clone(),
            price: items.get(sku).map(|item| item.price),
        };
        Ok(skus.iter().map(found).collect())
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let items = self.blocking(Feed::load).await?;
        let foreign = items.values().filter(|item| item.price.currency() != self.currency).count();
        let problems =
            if foreign == 0 { vec![] } else { vec![format!("{foreign} items of the file are in another currency")] };
        Ok(Probe { about: format!("feed with {} items", items.len()), problems })
    }

    fn served(&self) -> Option<Served<'_>> {
        Some(Served { path: &self.path, media_type: "application/xml; charset=utf-8" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(title: &str) -> Item {
        Item {
            id: "SKU-1".to_owned(),
            title: title.to_owned(),
            link: "https://shop.example/p/SKU-1?a=1&b=2".to_owned(),
            price: "479.00 DKK".parse().unwrap(),
            in_stock: true,
            gtin: Some("5701234567899".to_owned()),
            brand: None,
            seq: 12,
        }
    }

    fn feed() -> Feed {
        let text =
            "path='f.xml'\ntitle='A & B <shop>'\nlink='https://shop.example/p/{sku}'\ncurrency='DKK'\ntax='gross'";
        build(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn hostile_titles_survive_the_round_trip_as_text() {
        for title in ["Tea & <script>alert('x')</script>", "]]> &amp; \"quoted\"", "Kaffe æøå ☕"] {
            let item = sample(title);
            let xml = feed().render([&item].into_iter()).unwrap();
            assert_eq!(parse(&xml).unwrap(), vec![item]);
        }
    }

    #[test]
    fn a_half_written_or_foreign_file_is_refused() {
        let xml = feed().render([&sample("x")].into_iter()).unwrap();
        assert!(parse(&xml[..xml.len() / 2]).is_err());
        assert!(
            parse(b"<!DOCTYPE x [<!ENTITY a 'b'>]><rss><channel><item><g:id>&a;</g:id></item></channel></rss>")
                .is_err()
        );
        assert!(parse(b"<rss><channel><item><g:id>1</g:id><g:price>cheap</g:price></item></channel></rss>").is_err());
    }
}
