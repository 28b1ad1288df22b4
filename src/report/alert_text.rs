//! An alert in the reader's words: what, since when, its effect, what was done already and what to do. Pure.

use std::collections::BTreeMap;

use askama::Template;

use super::alerts::{Body, Item};
use super::digest::Digest;
use super::lang::{Kind, Voice, fill};
use super::text::{hint, message, plain, product};
use crate::clock::Millis;

/// Details that one kind lists; the rest is counted.
const DETAILS: usize = 10;

/// One kind of event in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub title: String,
    pub severity: &'static str,
    pub since: String,
    /// Label and sentence; empty for what is over.
    pub lines: Vec<(&'static str, String)>,
    pub details: Vec<String>,
    /// Events that are counted only.
    pub unnamed: usize,
    pub command: Option<String>,
}

impl Block {
    /// `and 37 more`.
    #[must_use]
    pub fn more(&self, voice: &Voice) -> Option<String> {
        (self.unnamed > 0).then(|| voice.plural(&voice.words.more, self.unnamed, &[]))
    }
}

#[derive(Template)]
#[template(path = "alert.html")]
struct Page<'a> {
    voice: &'a Voice,
    lang: &'a str,
    subject: &'a str,
    lead: Option<&'a str>,
    blocks: &'a [Block],
    details: &'a str,
    foot: &'a str,
    links: &'a [(&'static str, String)],
}

/// Renders a message. `links` stand below it.
///
/// # Errors
/// A fault of the template.
pub fn render(body: &Body, early: bool, voice: &Voice, links: &[(&'static str, String)]) -> Result<Digest, String> {
    let blocks = blocks(body, voice);
    let subject = subject(body, early, voice);
    let lead = early.then_some(voice.words.early_why);
    let foot = fill(voice.words.times, &[("zone", &voice.zone())]);
    let page = Page {
        voice,
        lang: voice.language.code(),
        subject: &subject,
        lead,
        blocks: &blocks,
        details: voice.words.alert_details,
        foot: &foot,
        links,
    };
    let html = page.render().map_err(|e| e.to_string())?;
    let text = text(&blocks, lead, &foot, links, voice);
    Ok(Digest { subject, text, html, ..Digest::default() })
}

/// The channel or competitor that an item is about.
fn about(item: &Item) -> Option<String> {
    item.channel.as_deref().or(item.competitor.as_deref()).map(plain)
}

fn subject(body: &Body, early: bool, voice: &Voice) -> String {
    let words = voice.words;
    if early {
        let critical = body.items.iter().filter(|i| i.resolved_at.is_none() && i.severity == "critical").count();
        let all = voice.plural(&words.alerts, body.open + body.resolved, &[]);
        let critical = (critical > 0).then(|| format!(" - {}", voice.plural(&words.critical, critical, &[])));
        return format!("[{}] {all}{}", words.early_digest, critical.unwrap_or_default());
    }
    let open = body.items.iter().find(|item| item.resolved_at.is_none());
    let Some(first) = open.or_else(|| body.items.first()) else { return words.page_title.to_owned() };
    let label = if open.is_none() { words.resolved } else { severity(&first.severity, voice) };
    let title = Kind::told(&first.kind, &first.message).text(voice.language).title;
    let about = about(first).map_or_else(String::new, |about| format!(": {about}"));
    let n = if open.is_none() { body.resolved } else { body.open };
    let count = if n > 1 { format!(" ({})", voice.count(n)) } else { String::new() };
    format!("[{label}] {title}{about}{count}")
}

const fn severity(name: &str, voice: &Voice) -> &'static str {
    match name.as_bytes() {
        b"critical" => voice.words.severity_critical,
        b"warning" => voice.words.severity_warning,
        _ => voice.words.severity_info,
    }
}

/// Items of one kind, about one channel or competitor, and in one state make one block.
#[must_use]
pub fn blocks(body: &Body, voice: &Voice) -> Vec<Block> {
    let mut folded: BTreeMap<(bool, bool, Kind, Option<String>), Vec<&Item>> = BTreeMap::new();
    for item in &body.items {
        let kind = Kind::told(&item.kind, &item.message);
        let key = (item.resolved_at.is_some(), item.severity != "critical", kind, about(item));
        folded.entry(key).or_default().push(item);
    }
    let mut blocks: Vec<Block> = folded
        .into_iter()
        .map(|((over, _, kind, about), items)| block(over, kind, about.as_deref(), &items, voice))
        .collect();
    let unnamed = (body.open + body.resolved).saturating_sub(body.items.len());
    if let Some(last) = blocks.last_mut().filter(|_| unnamed > 0) {
        last.unnamed += unnamed;
    }
    blocks
}

fn block(over: bool, kind: Kind, about: Option<&str>, items: &[&Item], voice: &Voice) -> Block {
    let (words, text) = (voice.words, kind.text(voice.language));
    let first = items.iter().map(|item| item.first_at).min().unwrap_or_default();
    let end = items.iter().filter_map(|item| item.resolved_at).max();
    let since = match end.filter(|_| over) {
        Some(end) => fill(words.resolved_since, &[("at", &voice.at(Millis(end)))]),
        None => fill(words.alert_since, &[("at", &voice.at(Millis(first)))]),
    };
    let lines = if over {
        vec![]
    } else {
        vec![
            (words.alert_effect, text.effect.to_owned()),
            (words.alert_done, text.done.to_owned()),
            (words.alert_todo, text.todo.to_owned()),
        ]
    };
    let detail = |item: &&Item| {
        let told = message(&voice.tell(&item.message));
        item.sku.as_ref().map_or(told.clone(), |sku| format!("{}: {told}", product(sku, "")))
    };
    let left = items.len().saturating_sub(DETAILS);
    let command = items.first().filter(|_| !over).map(|item| hint(&item.hint, item.sku.as_deref(), voice));
    let worst = if items.iter().any(|item| item.severity == "critical") { "critical" } else { "warning" };
    Block {
        title: about.map_or_else(|| text.title.to_owned(), |about| format!("{}: {about}", text.title)),
        severity: if over { words.resolved } else { severity(worst, voice) },
        since,
        lines,
        details: items.iter().take(DETAILS).map(detail).collect(),
        unnamed: left,
        command: command.filter(|hint| !hint.is_empty()),
    }
}

fn text(blocks: &[Block], lead: Option<&str>, foot: &str, links: &[(&'static str, String)], voice: &Voice) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    // Writing to a String cannot fail.
    if let Some(lead) = lead {
        let _ = writeln!(out, "{lead}\n");
    }
    for block in blocks {
        let _ = writeln!(out, "{} ({})\n{}", block.title, block.severity, block.since);
        for (label, sentence) in &block.lines {
            let _ = writeln!(out, "{label}: {sentence}");
        }
        let _ = writeln!(out, "{}:", voice.words.alert_details);
        for detail in &block.details {
            let _ = writeln!(out, "* {detail}");
        }
        for line in block.more(voice).iter().chain(&block.command) {
            let _ = writeln!(out, "  {line}");
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{foot}");
    for (label, url) in links {
        let _ = writeln!(out, "{label}: {url}");
    }
    out
}

/// The whole message as plain lines, for chats.
#[must_use]
pub fn chat(digest: &Digest) -> String {
    format!("{}\n\n{}", digest.subject, digest.text.trim_end())
}
