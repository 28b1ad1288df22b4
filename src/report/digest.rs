//! The digest: what needs a person, what is wrong now, what moved, what we did and why. Pure: facts in, mail out.
//!
//! Everything scraped is hostile here: control and direction characters are removed, the template escapes the rest.

use askama::Template;

use crate::clock::Millis;
use crate::money::{Money, currency};
use crate::store::decisions::{Held, NamedDecision, OutcomeCount, Review};
use crate::store::events::Event;
use crate::store::listings::{Parity, Unsettled};
use crate::store::observations::{Move, VerdictCount, Waiting};
use crate::store::targets::Unhealthy;

/// Rows shown per section; the rest is counted.
pub const ROWS: usize = 10;
/// Titles are cut to this many characters.
const MAX_TITLE: usize = 80;

/// What a digest is made of: one window of the log, and the state at its end.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub from: Millis,
    pub until: Millis,
    /// `auto`, `review` or `shadow`.
    pub mode: &'static str,
    pub paused: Option<String>,
    pub products: i64,
    pub reviews: Vec<Review>,
    pub held: Vec<Held>,
    pub events: Vec<Event>,
    pub unsettled: Vec<Unsettled>,
    pub waiting: Vec<Waiting>,
    pub unhealthy: Vec<Unhealthy>,
    pub moves: Vec<Move>,
    pub decisions: Vec<NamedDecision>,
    pub outcomes: Vec<OutcomeCount>,
    pub verdicts: Vec<VerdictCount>,
    pub parity: Vec<Parity>,
    /// Deviations that every report repeats, such as robots.txt being ignored and why.
    pub notices: Vec<String>,
}

/// A rendered digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub subject: String,
    pub text: String,
    pub html: String,
}

struct Section {
    title: &'static str,
    rows: Vec<Row>,
    more: usize,
}

struct Row {
    what: String,
    price: Option<String>,
    why: String,
    command: Option<String>,
}

#[derive(Template)]
#[template(path = "digest.html")]
struct Page<'a> {
    subject: &'a str,
    headline: &'a str,
    sections: &'a [Section],
    footer: &'a str,
}

/// Renders a digest; `None` when nothing moved, nothing was done and nothing needs anybody.
///
/// # Errors
/// Only a fault of the template itself.
pub fn render(facts: &Facts) -> Result<Option<Digest>, askama::Error> {
    let sections = sections(facts);
    if sections.iter().all(|section| section.title == HEALTH) {
        return Ok(None);
    }
    let subject = subject(facts);
    let headline = format!("Prices from {} to {}", minute(facts.from), minute(facts.until));
    let footer = footer(facts);
    let html = Page { subject: &subject, headline: &headline, sections: &sections, footer: &footer }.render()?;
    let text = text(&headline, &sections, &footer);
    Ok(Some(Digest { subject, text, html }))
}

const HEALTH: &str = "Health";

fn sections(facts: &Facts) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut add = |title, rows: Vec<Row>| {
        if !rows.is_empty() {
            let more = rows.len().saturating_sub(ROWS);
            sections.push(Section { title, rows: rows.into_iter().take(ROWS).collect(), more });
        }
    };
    add("Needs you", needs_you(facts));
    add("Wrong now", wrong_now(facts));
    add("Market", facts.moves.iter().map(market_row).collect());
    add("Our changes", facts.decisions.iter().map(change_row).collect());
    add("Not trusted yet", facts.waiting.iter().map(waiting_row).collect());
    add(HEALTH, health(facts));
    sections
}

fn needs_you(facts: &Facts) -> Vec<Row> {
    let reviews = facts.reviews.iter().map(|review| Row {
        what: format!("{} {}", plain(&review.sku), title(&review.title)),
        price: Some(span(review.previous_minor, review.price_minor, &review.currency)),
        why: plain(&review.why),
        command: Some(format!(
            "omniprice approve {} --why \"...\"   or   omniprice reject {} --why \"...\"",
            review.id, review.id
        )),
    });
    let held = facts.held.iter().map(|held| Row {
        what: format!("{} {} is on hold", plain(&held.sku), title(&held.title)),
        price: None,
        why: plain(&held.why),
        command: Some(format!("omniprice explain {}", plain(&held.sku))),
    });
    reviews.chain(held).collect()
}

fn wrong_now(facts: &Facts) -> Vec<Row> {
    let events = facts.events.iter().filter(|e| e.resolved_at.is_none() && e.severity != "info").map(|event| Row {
        what: match &event.sku {
            Some(sku) => format!("{}: {}", plain(sku), plain(&event.message)),
            None => plain(&event.message),
        },
        price: None,
        why: match event.times {
            1 => format!("since {}", minute(Millis(event.first_at))),
            times => format!("since {}, {times} times", minute(Millis(event.first_at))),
        },
        command: Some(hint(event)).filter(|hint| !hint.is_empty()),
    });
    let paused = facts.paused.iter().map(|why| Row {
        what: "Pushes are paused".to_owned(),
        price: None,
        why: plain(why),
        command: Some("omniprice resume --why \"...\"".to_owned()),
    });
    let late = facts.unsettled.iter().map(|late| Row {
        what: format!("{} on {} is {}", plain(&late.sku), plain(&late.channel), late.state),
        price: late.desired_minor.map(|minor| format!("should show {}", amount(minor, &late.currency))),
        why: if late.reason.is_empty() {
            format!("since {}", minute(Millis(late.state_since)))
        } else {
            plain(&late.reason)
        },
        command: None,
    });
    paused.chain(events).chain(late).collect()
}

/// Hints speak of `SKU`; here it is known, so that the command can be pasted.
fn hint(event: &Event) -> String {
    let hint = plain(&event.hint);
    event.sku.as_ref().map_or(hint.clone(), |sku| hint.replace(" SKU", &format!(" {}", plain(sku))))
}

fn market_row(moved: &Move) -> Row {
    let code = moved.currency.as_deref().unwrap_or("");
    let price = moved.old_minor.map_or_else(|| amount(moved.new_minor, code), |old| span(old, moved.new_minor, code));
    Row {
        what: format!("{}: {} {}", plain(&moved.competitor), plain(&moved.sku), title(&moved.title)),
        price: Some(price),
        why: String::new(),
        command: None,
    }
}

fn change_row(decision: &NamedDecision) -> Row {
    Row {
        what: format!("{} {}", plain(&decision.sku), title(&decision.title)),
        price: Some(span(decision.previous_minor, decision.price_minor, &decision.currency)),
        why: plain(&decision.why),
        command: None,
    }
}

fn waiting_row(waiting: &Waiting) -> Row {
    let code = waiting.currency.as_deref().unwrap_or("");
    Row {
        what: format!("{}: {} {}", plain(&waiting.competitor), plain(&waiting.sku), title(&waiting.title)),
        price: waiting.price_minor.map(|minor| amount(minor, code)),
        why: format!("{}: {}", waiting.verdict, plain(&waiting.reason)),
        command: None,
    }
}

fn health(facts: &Facts) -> Vec<Row> {
    let row = |what: String, why: String| Row { what, price: None, why, command: None };
    let parity = facts.parity.iter().map(|p| {
        let unverified =
            if p.unverified > 0 { format!("{} acknowledged, not readable", p.unverified) } else { String::new() };
        row(format!("{}: {} of {} prices read back equal", plain(&p.channel), p.live, p.listings), unverified)
    });
    let pages = facts
        .unhealthy
        .iter()
        .map(|u| row(format!("{}: {} pages {}", plain(&u.competitor), u.n, plain(&u.outcome)), String::new()));
    let notices = facts.notices.iter().map(|notice| row(plain(notice), String::new()));
    parity.chain(pages).chain(notices).collect()
}

fn subject(facts: &Facts) -> String {
    let mut parts = Vec::new();
    let mut part = |n: usize, one: &str, many: &str| {
        if n > 0 {
            parts.push(format!("{n} {}", if n == 1 { one } else { many }));
        }
    };
    part(facts.reviews.len(), "to approve", "to approve");
    part(facts.held.len(), "on hold", "on hold");
    let critical = facts.events.iter().filter(|e| e.resolved_at.is_none() && e.severity == "critical").count();
    part(critical, "critical", "critical");
    part(facts.decisions.len(), "price changed", "prices changed");
    part(facts.moves.len(), "competitor move", "competitor moves");
    part(facts.unsettled.len(), "listing not live", "listings not live");
    if parts.is_empty() { "Prices: news from the market".to_owned() } else { format!("Prices: {}", parts.join(" - ")) }
}

fn footer(facts: &Facts) -> String {
    let outcomes: Vec<String> = facts.outcomes.iter().map(|o| format!("{} {}", o.n, o.outcome)).collect();
    let verdicts: Vec<String> = facts.verdicts.iter().map(|v| format!("{} {}", v.n, v.verdict)).collect();
    format!(
        "{} products in mode {}. Newest evaluations: {}. Observations in this window: {}. Times are UTC.",
        facts.products,
        facts.mode,
        if outcomes.is_empty() { "none".to_owned() } else { outcomes.join(", ") },
        if verdicts.is_empty() { "none".to_owned() } else { verdicts.join(", ") },
    )
}

fn text(headline: &str, sections: &[Section], footer: &str) -> String {
    use std::fmt::Write as _;
    let mut out = format!("{headline}\n");
    for section in sections {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{}\n{}\n", section.title.to_uppercase(), "-".repeat(section.title.len()));
        for row in &section.rows {
            let _ = write!(out, "* {}", row.what);
            if let Some(price) = &row.price {
                let _ = write!(out, "  {price}");
            }
            out.push('\n');
            for line in [Some(&row.why).filter(|why| !why.is_empty()), row.command.as_ref()].into_iter().flatten() {
                let _ = writeln!(out, "  {line}");
            }
        }
        if section.more > 0 {
            let _ = writeln!(out, "  and {} more", section.more);
        }
    }
    let _ = write!(out, "\n{footer}\n");
    out
}

/// `499.00 -> 474.21 DKK (-5.0 %)`.
fn span(old: i64, new: i64, code: &str) -> String {
    let (from, to) = (amount(old, code), amount(new, code));
    let from = from.rsplit_once(' ').map_or(from.as_str(), |(number, _)| number);
    match percent(old, new) {
        Some(percent) => format!("{from} -> {to} ({percent} %)"),
        None => format!("{from} -> {to}"),
    }
}

/// The change in percent to one decimal, with its sign; exact integer arithmetic.
fn percent(old: i64, new: i64) -> Option<String> {
    let tenths = i128::from(new - old).checked_mul(1_000)?.checked_div(i128::from(old))?;
    let sign = if tenths < 0 { '-' } else { '+' };
    Some(format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10))
}

fn amount(minor: i64, code: &str) -> String {
    currency(code)
        .map_or_else(|_| format!("{minor} minor units"), |currency| Money::from_minor(minor, currency).to_string())
}

fn minute(at: Millis) -> String {
    at.timestamp().strftime("%Y-%m-%d %H:%M").to_string()
}

fn title(text: &str) -> String {
    let clean = plain(text);
    if clean.chars().count() <= MAX_TITLE { clean } else { clean.chars().take(MAX_TITLE - 1).chain(['…']).collect() }
}

/// Scraped text without what could break a line, turn it around or hide in it.
#[must_use]
pub fn plain(text: &str) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
    };
    text.chars()
        .map(|c| if invisible(c) { ' ' } else { c })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(title: &str) -> NamedDecision {
        NamedDecision {
            sku: "A-1".into(),
            title: title.into(),
            version: 2,
            price_minor: 47_421,
            previous_minor: 49_900,
            currency: "DKK".into(),
            rule: Some("beat".into()),
            actor: "rule".into(),
            why: "1 % under shop.example (479.00)".into(),
            created_at: 0,
        }
    }

    #[test]
    fn nothing_is_sent_when_nothing_matters() {
        let quiet = Facts {
            parity: vec![Parity { channel: "webshop".into(), listings: 5, live: 5, unverified: 0 }],
            ..Facts::default()
        };
        assert_eq!(render(&quiet).unwrap(), None);
    }

    #[test]
    fn a_change_is_told_with_its_reason_in_both_parts() {
        let digest = render(&Facts { decisions: vec![decision("Kettle")], ..Facts::default() }).unwrap().unwrap();
        assert_eq!(digest.subject, "Prices: 1 price changed");
        for part in [&digest.text, &digest.html.replace("&#62;", ">").replace("&gt;", ">")] {
            assert!(part.contains("499.00 -> 474.21 DKK (-4.9 %)"), "{part}");
            assert!(part.contains("1 % under shop.example (479.00)"));
        }
    }

    #[test]
    fn hostile_titles_are_harmless_in_both_parts() {
        let hostile = "<img src=x onerror=alert(1)>\r\nBcc: x@example.com \u{202e}gnp.exe";
        let digest = render(&Facts { decisions: vec![decision(hostile)], ..Facts::default() }).unwrap().unwrap();
        assert!(!digest.html.contains("<img"), "{}", digest.html);
        assert!(!digest.text.contains('\u{202e}') && !digest.text.lines().any(|line| line.starts_with("Bcc")));
    }

    #[test]
    fn ten_thousand_rows_fold_into_one_short_mail() {
        let many = Facts { decisions: vec![decision("Kettle"); 10_000], ..Facts::default() };
        let digest = render(&many).unwrap().unwrap();
        assert!(digest.html.len() < 20_000 && digest.text.contains("and 9990 more"));
    }
}
