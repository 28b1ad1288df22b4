//! The digest: what needs a person, what is wrong now, what moved, what we did and why. Pure: facts in, mail out.
//!
//! Everything scraped is hostile here: control and direction characters are removed, the template escapes the rest.

mod campaigns;
mod health;
mod rows;
mod tables;

use askama::Template;
use base64::Engine as _;

use super::chart::{Chart, Seen};
use super::facts::{Facts, History};
use super::lang::{Voice, fill};
use super::link::Purpose;
use super::reader::Reader;
use super::sheet::{self, File};
pub use super::text::plain;
use crate::clock::Millis;
use crate::config::{Attachment, Format, Mode, Part};
use crate::money::Decimal;
pub use rows::is_late;
pub(super) use rows::{DETAILS_FOR, reason, state_name};

/// Rows shown per section; the rest is counted.
pub const ROWS: usize = 10;
/// A digest that goes out this long after its time says so.
const LATE: i64 = 15 * Millis::MINUTE;

/// A rendered digest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digest {
    pub subject: String,
    pub text: String,
    /// Empty for people who want text only.
    pub html: String,
    pub images: Vec<Image>,
    pub files: Vec<File>,
    /// Whether anything in it matters; if not it is the short mail of a quiet day.
    pub quiet: bool,
}

impl Digest {
    /// The HTML part as a browser can show it: pictures stand in the page itself.
    #[must_use]
    pub fn page(&self) -> String {
        self.images.iter().fold(self.html.clone(), |page, image| {
            let data = base64::engine::general_purpose::STANDARD.encode(&image.png);
            page.replace(&format!("cid:{}", image.cid), &format!("data:image/png;base64,{data}"))
        })
    }
}

/// A picture inside the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub cid: String,
    pub png: Vec<u8>,
}

/// One part of the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub part: Part,
    pub title: &'static str,
    /// Sentences before the rows.
    pub notes: Vec<String>,
    pub rows: Vec<Row>,
    pub more: Option<String>,
    pub pictures: Vec<Picture>,
}

/// One line of a section, with what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    pub what: String,
    pub price: Option<String>,
    pub why: String,
    pub links: Vec<(&'static str, String)>,
    pub command: Option<String>,
}

/// A picture with the sentence that says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub cid: String,
    pub caption: String,
    pub alt: String,
}

#[derive(Template)]
#[template(path = "digest.html")]
struct Page<'a> {
    lang: &'a str,
    subject: &'a str,
    headline: &'a str,
    lead: &'a [String],
    sections: &'a [Section],
    legend: Option<&'a str>,
    foot: &'a [String],
    settings: Option<(&'a str, String)>,
    unsubscribe: Option<(&'a str, String)>,
}

/// Whether a digest has anything to tell that is worth a mail.
#[must_use]
pub fn matters(facts: &Facts, reader: &Reader) -> bool {
    let any = |part: Part, empty: bool| reader.wants(part) && !empty;
    let wrong = facts.paused.is_none() && facts.late.is_empty() && facts.events.iter().all(|e| e.severity == "info");
    let asked = facts.campaigns.iter().any(|campaign| campaign.waits());
    any(Part::NeedsYou, facts.reviews.is_empty() && facts.held.is_empty() && !asked)
        || any(Part::WrongNow, wrong)
        || any(Part::Market, facts.moves.is_empty())
        || any(Part::OurChanges, facts.changes.is_empty())
        || any(Part::Opportunities, facts.sold_out.is_empty())
        || any(Part::Threats, facts.overtaken.is_empty())
        || any(Part::Campaigns, !facts.campaigns.iter().any(|campaign| campaign.is_news(facts.from, facts.at)))
}

/// Renders a digest. A quiet one is a short mail; whether it is sent is the caller's to decide.
///
/// # Errors
/// A fault of the template or of a spreadsheet.
pub fn render(facts: &Facts, reader: &Reader) -> Result<Digest, String> {
    let voice = &reader.voice;
    let quiet = !matters(facts, reader);
    let mut images = Vec::new();
    let sections = if quiet { vec![] } else { sections(facts, reader, &mut images) };
    let subject = subject(facts, reader, quiet);
    let headline = fill(voice.words.headline, &[("from", &voice.at(facts.from)), ("until", &voice.at(facts.until))]);
    let mut lead = Vec::new();
    if facts.at.since(facts.until) > LATE {
        lead.push(fill(voice.words.sent_late, &[("at", &voice.at(facts.at))]));
    }
    if quiet {
        lead.push(voice.words.quiet.to_owned());
    }
    let foot = foot(facts, reader);
    let settings = reader.link(Purpose::Settings, None).map(|url| (voice.words.settings, url));
    let unsubscribe = reader.link(Purpose::Unsubscribe, None).map(|url| (voice.words.unsubscribe, url));
    let text = text(&headline, &lead, &sections, &foot, &[&settings, &unsubscribe]);
    let html = if reader.person.format == Format::Text {
        images.clear();
        String::new()
    } else {
        let legend = (!images.is_empty()).then_some(voice.words.legend);
        let lang = voice.language.code();
        let page = Page {
            lang,
            subject: &subject,
            headline: &headline,
            lead: &lead,
            sections: &sections,
            legend,
            foot: &foot,
            settings,
            unsubscribe,
        };
        page.render().map_err(|e| e.to_string())?
    };
    let files = if quiet { vec![] } else { files(facts, reader)? };
    Ok(Digest { subject, text, html, images, files, quiet })
}

fn files(facts: &Facts, reader: &Reader) -> Result<Vec<File>, String> {
    let wanted = |kind| reader.person.attachments.contains(&kind);
    if reader.person.attachments.is_empty() {
        return Ok(vec![]);
    }
    let tables = tables::all(facts, reader);
    sheet::files(&tables, wanted(Attachment::Xlsx), wanted(Attachment::Csv), &reader.voice)
}

/// `[DK audio] 3 to approve - index 98.4 (-0.6) - 2 channels late`.
fn subject(facts: &Facts, reader: &Reader, quiet: bool) -> String {
    let voice = &reader.voice;
    let words = voice.words;
    let mut parts = Vec::new();
    if quiet {
        parts.push(words.quiet_subject.to_owned());
    }
    let critical = facts.events.iter().filter(|event| event.severity == "critical").count();
    let late = facts.late.iter().filter(|late| rows::is_late(&late.state));
    let late: std::collections::BTreeSet<&str> = late.map(|late| late.channel.as_str()).collect();
    let waiting = facts.campaigns.iter().filter(|campaign| campaign.waits()).count();
    let counted = [
        (Part::NeedsYou, &words.to_approve, facts.reviews.len() + waiting),
        (Part::NeedsYou, &words.held, facts.held.len()),
        (Part::WrongNow, &words.critical, critical),
        (Part::OurChanges, &words.prices_changed, facts.changes.len()),
    ];
    for (part, plural, n) in counted {
        if n > 0 && !quiet && reader.wants(part) {
            parts.push(voice.plural(plural, n, &[]));
        }
    }
    if let Some(index) = facts.market.now.index().filter(|_| reader.wants(Part::Market)) {
        let change = facts.market.before.index().and_then(|before| index.checked_sub(before));
        let change = change.map_or_else(String::new, |change| format!(" ({})", voice.signed(change)));
        parts.push(format!("{}{change}", fill(words.subject_index, &[("index", &voice.tenths(index))])));
    } else if !facts.moves.is_empty() && reader.wants(Part::Market) {
        parts.push(voice.plural(&words.competitor_moves, facts.moves.len(), &[]));
    }
    if !late.is_empty() && !quiet && reader.wants(Part::WrongNow) {
        parts.push(voice.plural(&words.late_channels, late.len(), &[]));
    }
    format!("[{}] {}", reader.scope(&facts.markets), parts.join(" - "))
}

fn sections(facts: &Facts, reader: &Reader, images: &mut Vec<Image>) -> Vec<Section> {
    let words = reader.voice.words;
    let all = [
        (Part::NeedsYou, words.needs_you, rows::needs_you(facts, reader)),
        (Part::WrongNow, words.wrong_now, rows::wrong_now(facts, reader)),
        (Part::Market, words.market, rows::market(facts, reader)),
        (Part::OurChanges, words.our_changes, rows::our_changes(facts, reader)),
        (Part::Opportunities, words.opportunities, rows::opportunities(facts, reader)),
        (Part::Threats, words.threats, rows::threats(facts, reader)),
        (Part::Campaigns, words.campaigns, campaigns::campaigns(facts, reader)),
        (Part::Health, words.health, health::health(facts, reader)),
    ];
    let mut sections = Vec::new();
    for (part, title, (notes, rows)) in all {
        if !reader.wants(part) || (notes.is_empty() && rows.is_empty()) {
            continue;
        }
        let pictures = match part {
            Part::Market => facts.market.trend.iter().filter_map(|chart| trend(chart, &reader.voice, images)).collect(),
            Part::OurChanges => facts.histories.iter().filter_map(|h| history(h, &reader.voice, images)).collect(),
            _ => vec![],
        };
        let left = rows.len().saturating_sub(ROWS);
        let more = (left > 0).then(|| reader.voice.plural(&words.more, left, &[]));
        sections.push(Section { part, title, notes, rows: rows.into_iter().take(ROWS).collect(), more, pictures });
    }
    sections
}

/// What stands in the place of a value that there is none of now.
const NONE: &str = "-";

fn trend(chart: &Chart, voice: &Voice, images: &mut Vec<Image>) -> Option<Picture> {
    let points = &chart.lines.first()?.points;
    let first = points.iter().find_map(|(_, value)| *value)?;
    let last = points.last()?.1;
    let index = |hundredths: i64| voice.tenths(Decimal::new(hundredths, 2));
    let now = last.map_or_else(|| NONE.to_owned(), index);
    let days = voice.count(usize::try_from(chart.until.since(chart.from) / Millis::DAY).unwrap_or(0));
    let caption = fill(voice.words.trend_alt, &[("n", &days), ("from", &index(first)), ("until", &now)]);
    let short = fill(voice.words.subject_index, &[("index", &now)]);
    picture("trend", short, caption, chart, images)
}

/// A picture needs something to show: a price that never moved and no competitor is none, and a first day is a dot.
fn history(history: &History, voice: &Voice, images: &mut Vec<Image>) -> Option<Picture> {
    if history.chart.seen() != Seen::Lines {
        return None;
    }
    let ends = |line: usize| {
        let points = &history.chart.lines.get(line)?.points;
        Some((points.iter().find_map(|(_, value)| *value)?, points.last()?.1))
    };
    let ((ours_from, ours), (theirs_from, theirs)) = (ends(0)?, ends(1)?);
    // The lines of a new shop begin later than the picture.
    let begun = history.chart.lines.iter().filter_map(|line| Some(line.points.first()?.0)).min();
    let money = |minor| voice.minor(minor, &history.currency);
    let values = [
        ("sku", super::text::product(&history.sku, &history.title)),
        ("from", voice.day(begun.unwrap_or(history.chart.from))),
        ("until", voice.day(history.chart.until)),
        ("ours_from", money(ours_from)),
        ("ours", ours.map_or_else(|| NONE.to_owned(), money)),
        ("theirs_from", money(theirs_from)),
        ("theirs", theirs.map_or_else(|| NONE.to_owned(), money)),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The sentence stands beside the picture in any case; with images off the other text only names it.
    let short = format!("{}. {}", super::text::product(&history.sku, &history.title), voice.words.legend);
    picture(&format!("history{}", images.len()), short, fill(voice.words.history_alt, &values), &history.chart, images)
}

fn picture(name: &str, alt: String, caption: String, chart: &Chart, images: &mut Vec<Image>) -> Option<Picture> {
    let cid = format!("{name}@omniprice");
    images.push(Image { cid: cid.clone(), png: chart.png()? });
    Some(Picture { cid, caption, alt })
}

fn foot(facts: &Facts, reader: &Reader) -> Vec<String> {
    let voice = &reader.voice;
    let words = voice.words;
    let mode = match facts.mode {
        Mode::Auto => words.mode_auto,
        Mode::Review => words.mode_review,
        Mode::Shadow => words.mode_shadow,
    };
    let scope = fill(words.scope, &[("scope", &reader.scope(&facts.markets))]);
    vec![
        format!("{scope} {}, {mode}.", voice.plural(&words.products, facts.products, &[])),
        fill(words.times, &[("zone", &voice.zone())]),
    ]
}

/// The text part: as complete as the HTML one.
fn text(
    headline: &str,
    lead: &[String],
    sections: &[Section],
    foot: &[String],
    links: &[&Option<(&str, String)>],
) -> String {
    use std::fmt::Write as _;
    let mut out = format!("{headline}\n");
    // Writing to a String cannot fail.
    for line in lead {
        let _ = writeln!(out, "{line}");
    }
    for section in sections {
        let rule = "-".repeat(section.title.chars().count());
        let _ = write!(out, "\n{}\n{rule}\n", section.title.to_uppercase());
        for note in section.notes.iter().chain(section.pictures.iter().map(|picture| &picture.caption)) {
            let _ = writeln!(out, "{note}");
        }
        for row in &section.rows {
            let price = row.price.as_deref().map_or_else(String::new, |price| format!("  {price}"));
            let _ = writeln!(out, "* {}{price}", row.what);
            for line in [Some(&row.why).filter(|why| !why.is_empty()), row.command.as_ref()].into_iter().flatten() {
                let _ = writeln!(out, "  {line}");
            }
            for (label, url) in &row.links {
                let _ = writeln!(out, "  {label}: {url}");
            }
        }
        if let Some(more) = &section.more {
            let _ = writeln!(out, "  {more}");
        }
    }
    let _ = write!(out, "\n{}\n", foot.join("\n"));
    for (label, url) in links.iter().filter_map(|link| link.as_ref()) {
        let _ = writeln!(out, "{label}: {url}");
    }
    out
}
