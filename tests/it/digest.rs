//! The digest as people read it: every section in five languages, hostile texts, ten thousand events in one mail.

use std::fmt::Write as _;

use omniprice::clock::Millis;
use omniprice::config::{Attachment, Format, Language, Part};
use omniprice::report::digest::{Digest, render};
use omniprice::report::facts::{Facts, OurChange};
use omniprice::report::moves::SoldOut;
use omniprice::report::sheet::CSV;

use crate::digest_day::{HOSTILE, UNTIL, at, decision, event, full, quiet, reader, snapshot, told};

#[test]
fn every_section_in_every_language() {
    for language in Language::ALL {
        let digest = render(&full("Kettle Ærø 1,7 l"), &reader(language, |_| {})).unwrap();
        let mut whole = format!("Subject: {}\n\n{}", digest.subject, digest.text);
        // Links differ with every key; their purpose is what counts here.
        while let Some(start) = whole.find("/people/") {
            let end = whole[start..].find('\n').map_or(whole.len(), |end| start + end);
            whole.replace_range(start..end, "/LINK");
        }
        snapshot(&format!("digest-{}", language.code()), &whole);
        let mut lists = String::new();
        for file in digest.files.iter().filter(|file| file.media_type == CSV) {
            writeln!(lists, "{}\n{}", file.name, String::from_utf8(file.bytes.clone()).unwrap()).unwrap();
        }
        snapshot(&format!("lists-{}", language.code()), &lists.replace('\r', ""));
    }
}

#[test]
fn both_parts_tell_the_same() {
    let digest = render(&full("Kettle"), &reader(Language::De, |_| {})).unwrap();
    let html = digest.html.replace("&#38;", "&").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    for line in digest.text.lines().map(|line| line.trim_start_matches("* ").trim()) {
        let underline = line.chars().all(|c| c == '-');
        // A headline stands in capitals in the text; a link is a label and an address there.
        let told = underline || html.to_uppercase().contains(&line.to_uppercase()) || line.contains(": https://");
        assert!(told || line.split("  ").all(|part| html.contains(part)), "{line}\n{html}");
    }
}

#[test]
fn a_first_day_has_no_picture_of_a_dot() {
    let mut facts = full("Kettle");
    let pictures = |facts: &Facts| render(facts, &reader(Language::En, |_| {})).unwrap().images.len();
    let before = pictures(&facts);
    for line in &mut facts.histories[0].chart.lines {
        line.points = vec![(UNTIL.plus(-Millis::HOUR), Some(49_900))];
    }
    assert_eq!(pictures(&facts), before - 1);
}

#[test]
fn a_quiet_day_is_a_short_mail_that_says_so() {
    let digest = render(&quiet(), &reader(Language::En, |_| {})).unwrap();
    assert!(digest.quiet && digest.files.is_empty() && digest.images.is_empty());
    assert!(digest.text.lines().count() <= 8, "{}", digest.text);
    assert!(!render(&full("Kettle"), &reader(Language::En, |_| {})).unwrap().quiet);
    // What a person does not want to read cannot make a day loud.
    let other = reader(Language::En, |p| p.sections = [Part::Campaigns].into());
    let facts = Facts { campaigns: vec![], ..full("Kettle") };
    assert!(render(&facts, &other).unwrap().quiet);
}

#[test]
fn a_late_digest_shows_its_window_and_when_it_was_sent() {
    let late = Facts { from: at(72), at: UNTIL.plus(3 * Millis::HOUR), ..full("Kettle") };
    let digest = render(&late, &reader(Language::En, |_| {})).unwrap();
    let head: Vec<&str> = digest.text.lines().take(2).collect();
    assert_eq!(head[0], "Prices from 18 Nov 2026 07:00 to 21 Nov 2026 07:00");
    assert_eq!(head[1], "Sent late, at 21 Nov 2026 10:00: what is open is as of then.");
}

#[test]
fn wishes_are_kept_parts_form_attachments_and_what_a_role_may_not_see() {
    let picky = reader(Language::En, |p| {
        p.sections = [Part::OurChanges, Part::NeedsYou].into();
        p.format = Format::Text;
        p.attachments = [Attachment::Csv].into();
        p.hide_costs = true;
        p.scope = "headphones".into();
    });
    let digest = render(&full("Kettle"), &picky).unwrap();
    assert!(digest.html.is_empty() && digest.images.is_empty(), "text only");
    assert!(
        digest.subject.starts_with("[headphones] 2 to approve - 1 on hold - 1 price changed"),
        "{}",
        digest.subject
    );
    assert!(digest.text.contains("* Spring waits until") && !digest.text.contains("CAMPAIGNS"), "{}", digest.text);
    assert!(!digest.text.contains("MARKET") && !digest.text.contains("422.50"), "{}", digest.text);
    assert!(digest.files.iter().all(|file| file.media_type == CSV && !file.name.contains("market")));
    let lists: String = digest.files.iter().map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).collect();
    assert!(!lists.contains("422"), "{lists}");
    for told in [&digest.text, &lists] {
        assert!(!told.contains("raised to the floor"), "a price named as the floor is the floor: {told}");
    }
    let ours = reader(Language::En, |p| p.sections = [Part::OurChanges].into());
    assert!(render(&full("Kettle"), &ours).unwrap().text.contains("raised to the floor"), "others may know");
}

#[test]
fn hostile_titles_are_harmless_in_every_part() {
    for title in HOSTILE {
        for language in Language::ALL {
            check_harmless(&render(&full(title), &reader(language, |_| {})).unwrap(), title);
        }
    }
}

fn check_harmless(digest: &Digest, title: &str) {
    for tag in ["<script", "<img src=x", "onerror=alert(1)>", "\" onmouseover=\""] {
        assert!(!digest.html.contains(tag), "{title:?}: {tag}");
    }
    for part in [&digest.html, &digest.text, &digest.subject] {
        let hidden =
            |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}' | '\u{feff}');
        assert!(!part.contains(hidden), "{title:?}");
        stays_in_its_place(part, title);
        assert!(!part.lines().any(|line| line.trim_start().starts_with("Bcc:")), "{title:?}");
    }
    for file in digest.files.iter().filter(|file| file.media_type == CSV) {
        let comma = if digest.html.contains("lang=\"en\"") { b',' } else { b';' };
        let mut rows =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(comma).from_reader(&file.bytes[3..]);
        for row in rows.records() {
            for cell in &row.unwrap() {
                let number = cell.replace(',', ".").parse::<f64>().is_ok();
                assert!(number || !cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            }
        }
    }
}

/// What runs from right to left stands between isolates, which end in the line in which they begin.
fn stays_in_its_place(part: &str, title: &str) {
    for line in part.lines() {
        let mut inside = false;
        for c in line.chars() {
            match c {
                '\u{2068}' => inside = true,
                '\u{2069}' => inside = false,
                '\u{590}'..='\u{6ff}' => assert!(inside, "{title:?} turns around {line:?}"),
                _ => {}
            }
        }
        assert!(!inside, "{title:?} in {line:?}");
    }
}

#[test]
fn what_the_mail_cuts_short_stands_whole_in_a_list() {
    let mut facts = full("Kettle");
    let one = facts.sold_out[0].clone();
    facts.sold_out = (0..25).map(|n| SoldOut { sku: format!("GONE-{n}"), ..one.clone() }).collect();
    let digest = render(&facts, &reader(Language::En, |_| {})).unwrap();
    let csv = |name: &str| digest.files.iter().find(|file| file.name == name);
    let list = String::from_utf8(csv("omniprice-opportunities.csv").unwrap().bytes.clone()).unwrap();
    assert!((0..25).all(|n| list.contains(&format!("GONE-{n} "))), "{list}");
    assert!(!digest.text.contains("GONE-24"));
    assert!(csv("omniprice-health.csv").is_none(), "the mail tells it whole");
}

#[test]
fn ten_thousand_events_fold_into_one_small_mail() {
    let mut facts = full("Kettle");
    let channel = |n: usize| ["webshop", "till", "market"][n % 3];
    facts.events = (0..10_000)
        .map(|n| event("drift", "warning", Some(&format!("SKU-{n}")), Some(channel(n)), &"x".repeat(400)))
        .collect();
    let change = OurChange { row: decision("KETTLE", &"long ".repeat(100), 49_900, 47_900), told: told(), times: 1 };
    facts.changes = vec![change; 10_000];
    facts.moves = vec![facts.moves[0].clone(); 10_000];
    let digest = render(&facts, &reader(Language::En, |_| {})).unwrap();
    // Mail clients cut HTML off at 102 kB.
    assert!(digest.html.len() < 60_000, "{} bytes of HTML", digest.html.len());
    assert!(digest.text.len() < 20_000, "{} bytes of text", digest.text.len());
    let files: usize = digest.files.iter().map(|file| file.bytes.len()).sum();
    let pictures: usize = digest.images.iter().map(|image| image.png.len()).sum();
    assert!(files <= 600 * 1024 && pictures < 100_000, "{files} and {pictures} bytes");
    assert!(digest.text.contains("and 9,990 more"));
    let drift: Vec<&str> =
        digest.text.lines().filter(|line| line.starts_with("* Somebody else changed prices")).collect();
    assert_eq!(drift.len(), 3, "one row per channel: {drift:?}");
    assert!(drift[0].contains("(SKU-0, SKU-3, SKU-6 and 3,331 more)"), "{}", drift[0]);
}
