//! The digest as people read it: every section in five languages, hostile texts, ten thousand events in one mail.

use std::fmt::Write as _;

use omniprice::clock::Millis;
use omniprice::config::{Attachment, Config, Format, Language, Mode, Part, Person};
use omniprice::decide::decision::Fate;
use omniprice::decide::war_response::WarResponse;
use omniprice::money::{Currency, Money};
use omniprice::report::digest::{Digest, render};
use omniprice::report::facts::{
    Active, AtFloor, Campaign, Claims, Facts, Headroom, History, MarketFacts, OnChannel, OurChange, Overtaken, Stage,
    Told,
};
use omniprice::report::lang::Limit;
use omniprice::report::link::Links;
use omniprice::report::market::{self, Figures, Seen, Track};
use omniprice::report::moves::{Moved, SoldOut};
use omniprice::report::reader::Reader;
use omniprice::report::sheet::CSV;
use omniprice::store::decisions::{Held, NamedDecision, OutcomeCount, Review};
use omniprice::store::events::Event;
use omniprice::store::observations::Waiting;
use omniprice::store::progress::{Parity, Unsettled};
use omniprice::store::targets::Unhealthy;

/// Saturday, 21 November 2026, 07:00 in Copenhagen.
pub const UNTIL: Millis = Millis(1_795_240_800_000);
const AGE: i64 = Millis::DAY;

fn at(hours_before: i64) -> Millis {
    UNTIL.plus(-hours_before * Millis::HOUR)
}

fn dkk(minor: i64) -> Money {
    Money::from_minor(minor, Currency::DKK)
}

pub fn reader(language: Language, change: impl FnOnce(&mut Person)) -> Reader {
    let mut person = Person { time_zone: Some("Europe/Copenhagen".into()), ..Person::plain("Ann <ann@shop.example>") };
    person.language = Some(language);
    change(&mut person);
    let config = Config::load(None, &[]).unwrap();
    Reader::new(person, &config.report, Links::new("https://prices.shop.example", vec![7; 32]))
}

fn track(sku: &str, title: &str, own: i64, before: i64, near: &[(i64, i64)], far: i64) -> Track {
    let mut seen: Vec<Seen> = Vec::new();
    for (index, (minor, hours)) in near.iter().enumerate() {
        let last = near.get(index + 1).map_or(UNTIL, |(_, next)| at(*next + 1));
        seen.push(Seen {
            target: 1,
            competitor: "near.example".into(),
            minor: *minor,
            fate: Fate::Counted,
            in_stock: true,
            first: at(*hours),
            last,
        });
    }
    seen.push(Seen {
        target: 2,
        competitor: "far.example".into(),
        minor: far,
        fate: Fate::Counted,
        in_stock: true,
        first: at(800),
        last: UNTIL,
    });
    Track {
        id: 1,
        sku: sku.into(),
        title: title.into(),
        brand: Some("Acme".into()),
        category: Some("audio/headphones".into()),
        tags: vec!["kvi".into()],
        market: "DK".into(),
        currency: Currency::DKK,
        own_minor: own,
        recommended: None,
        shipping: 0,
        max_age: None,
        decided: vec![(at(5), before, own)],
        seen,
    }
}

pub fn event(kind: &str, severity: &str, sku: Option<&str>, channel: Option<&str>, message: &str) -> Event {
    Event {
        id: 1,
        kind: kind.into(),
        severity: severity.into(),
        dedupe: format!("{kind}/{sku:?}/{channel:?}"),
        sku: sku.map(Into::into),
        channel: channel.map(Into::into),
        competitor: None,
        message: message.into(),
        hint: "omniprice explain SKU".into(),
        times: 3,
        first_at: at(9).0,
        last_at: at(1).0,
        resolved_at: None,
    }
}

fn decision(sku: &str, title: &str, from: i64, to: i64) -> NamedDecision {
    NamedDecision {
        product_id: 7,
        sku: sku.into(),
        title: title.into(),
        version: 2,
        price_minor: to,
        previous_minor: from,
        currency: "DKK".into(),
        rule: Some("match".into()),
        actor: "rules".into(),
        why: "match: reference 479".into(),
        created_at: at(5).0,
    }
}

fn review(title: &str) -> Review {
    Review {
        id: 12,
        product_id: 1,
        sku: "HP-900".into(),
        title: title.into(),
        price_minor: 129_900,
        previous_minor: 149_900,
        currency: "DKK".into(),
        rule: Some("match".into()),
        why: "match".into(),
        record: String::new(),
        facts_hash: String::new(),
        settled_at: None,
        state: "open".into(),
        first_by: None,
        first_why: None,
        first_at: None,
        settled_by: None,
        settled_why: None,
        expires_at: UNTIL.plus(12 * Millis::HOUR).0,
        created_at: at(3).0,
    }
}

fn told() -> Told {
    Told {
        rule: Some("match".into()),
        reference: Some(dkk(47_900)),
        competitor: Some("near.example".into()),
        floor: Some(dkk(42_250)),
        limits: vec![Limit::Floor, Limit::Step],
        ..Told::default()
    }
}

/// Something in every section. `title` is the product's title wherever one is shown.
pub fn full(title: &str) -> Facts {
    let kettle = track("KETTLE", title, 47_900, 49_900, &[(49_900, 700), (48_500, 90), (47_900, 20)], 52_900);
    let lamp = track("LAMP", "Lamp", 19_900, 19_900, &[(24_900, 700)], 26_900);
    let tracks = [kettle.clone(), lamp];
    Facts {
        from: at(24),
        until: UNTIL,
        at: UNTIL,
        mode: Mode::Auto,
        paused: None,
        markets: vec!["DK".into()],
        products: 1_234,
        max_age: AGE,
        reviews: vec![(review(title), told())],
        held: vec![(
            Held {
                product_id: 7,
                sku: "TV-1".into(),
                title: "Television".into(),
                outcome: "hold".into(),
                flags: "[]".into(),
                why: "match; a change of -12.50 % is not worth one".into(),
                since: at(4).0,
            },
            Told {
                limits: vec![Limit::NoData],
                findings: vec![
                    "the purchase cost went from 2500.00 DKK to 4000.00 DKK; confirm the import".into(),
                    "a change of 24.06 % in one step; allowed are -10 % to +15 %".into(),
                ],
                ..Told::default()
            },
        )],
        events: vec![
            event(
                "held_at_door",
                "critical",
                Some("RADIO"),
                Some("webshop"),
                "not sent to webshop: 1479.00 DKK is below the floor 1562.50 DKK computed from today's cost",
            ),
            event("drift", "warning", Some("A-1"), Some("till"), "till shows 1.00 DKK where 1499.00 DKK was proved"),
            event("drift", "warning", Some("A-2"), Some("till"), "till shows nothing where 1499.00 DKK was proved"),
        ],
        late: vec![
            Unsettled {
                channel: "webshop".into(),
                sku: "KETTLE".into(),
                title: title.into(),
                state: "rejected".into(),
                state_since: at(2).0,
                reason: "given up after 12 tries: no answer within the deadline".into(),
                currency: "DKK".into(),
                decimals: None,
                desired_minor: Some(47_900),
                live_minor: Some(49_900),
            },
            Unsettled {
                channel: "till".into(),
                sku: "LAMP".into(),
                title: "Lamp".into(),
                state: "unknown".into(),
                state_since: at(3).0,
                reason: "no answer within the deadline".into(),
                currency: "DKK".into(),
                decimals: None,
                desired_minor: Some(19_900),
                live_minor: Some(20_900),
            },
        ],
        waiting: vec![Waiting {
            sku: "KETTLE".into(),
            title: title.into(),
            competitor: "near.example".into(),
            url: "https://near.example/kettle".into(),
            id: 7,
            verdict: "suspect".into(),
            reason: "far".into(),
            price_minor: Some(4_790),
            currency: Some("DKK".into()),
            last_seen: at(1).0,
        }],
        unhealthy: vec![Unhealthy {
            competitor: "far.example".into(),
            outcome: "blocked".into(),
            n: 14,
            problem: None,
        }],
        moves: vec![Moved {
            sku: "KETTLE".into(),
            title: title.into(),
            competitor: "near.example".into(),
            was: dkk(48_500),
            now: dkk(47_900),
            steps: vec![(48_500, 47_500), (47_500, 48_000), (48_000, 47_900)],
            at: at(20),
        }],
        small_moves: 4,
        active: vec![Active { name: "near.example".into(), up: 1, down: 6 }],
        changes: vec![OurChange { row: decision("KETTLE", title, 49_900, 47_900), told: told(), times: 2 }],
        resting: 3,
        rivalry: WarResponse::Freeze,
        outcomes: vec![
            OutcomeCount { outcome: "keep".into(), n: 1_230 },
            OutcomeCount { outcome: "change".into(), n: 4 },
        ],
        parity: vec![Parity { channel: "webshop".into(), listings: 1_234, live: 1_233, unverified: 0 }],
        market: MarketFacts {
            now: Figures::at(&tracks, UNTIL, AGE),
            before: Figures::at(&tracks, at(24), AGE),
            week: Figures::at(&tracks, at(168), AGE),
            freshness: market::freshness(&tracks, UNTIL, AGE),
            trend: Some(market::trend(&tracks, UNTIL, 30, AGE)),
        },
        headroom: vec![Headroom {
            sku: "LAMP".into(),
            title: "Lamp".into(),
            amount: dkk(5_000),
            competitor: "near.example".into(),
            price: dkk(24_900),
        }],
        sold_out: vec![SoldOut {
            sku: "LAMP".into(),
            title: "Lamp".into(),
            competitor: "far.example".into(),
            first_seen: at(6),
        }],
        overtaken: vec![Overtaken {
            sku: "RADIO".into(),
            title: "Radio".into(),
            competitor: "near.example".into(),
            price: dkk(30_000),
        }],
        floors: vec![
            AtFloor { sku: "PAN".into(), title: "Pan".into(), floor: Some(dkk(19_900)), below: Some(dkk(18_900)) },
            AtFloor { sku: "OVEN".into(), title: "Oven".into(), floor: Some(dkk(250_000)), below: None },
        ],
        campaigns: campaigns(),
        histories: vec![History {
            sku: "KETTLE".into(),
            title: title.into(),
            currency: "DKK".into(),
            chart: kettle.history(at(30 * 24), UNTIL, AGE),
        }],
        backup: Some(at(3)),
        small_changes: 3,
        notices: vec!["robots.txt is not obeyed: allowed in writing".into()],
    }
}

/// One that starts, one that runs, one that a channel has not taken back, one that was cancelled.
fn campaigns() -> Vec<Campaign> {
    let campaign =
        |name: &str, stage: Stage| Campaign { name: name.into(), stage, products: 2, channels: vec![], claims: vec![] };
    let on = |channel: &str, live: i64, unverified: i64, still: i64| OnChannel {
        channel: channel.into(),
        listings: 1_200,
        live,
        unverified,
        still,
    };
    let claims = Claims {
        country: "DK".into(),
        allowed: 1,
        of: 2,
        prior: Some(dkk(149_900).into()),
        reasons: vec!["insufficient history".into()],
    };
    vec![
        Campaign { claims: vec![claims], ..campaign("Black Week", Stage::Starts(UNTIL.plus(2 * Millis::DAY))) },
        Campaign {
            channels: vec![on("webshop", 1_200, 0, 0), on("till", 0, 1_100, 0)],
            ..campaign("Autumn", Stage::Runs { until: UNTIL.plus(Millis::DAY) })
        },
        Campaign {
            channels: vec![on("webshop", 3, 0, 3), on("till", 0, 0, 0)],
            ..campaign("October", Stage::Ended(at(30)))
        },
        campaign(
            "Singles Day",
            Stage::Cancelled { why: "campaign Singles Day starts soon and till cannot be written to".into() },
        ),
    ]
}

/// A day on which nothing moved; some things are as they always are.
fn quiet() -> Facts {
    let busy = full("Kettle");
    Facts {
        reviews: vec![],
        held: vec![],
        events: vec![event("note", "info", None, None, "for the record")],
        late: vec![],
        moves: vec![],
        changes: vec![],
        sold_out: vec![],
        overtaken: vec![],
        campaigns: vec![],
        histories: vec![],
        ..busy
    }
}

pub fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "report", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

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
        digest.subject.starts_with("[headphones] 1 to approve - 1 on hold - 1 price changed"),
        "{}",
        digest.subject
    );
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

pub const HOSTILE: [&str; 7] = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>\" onmouseover=\"x",
    "Kettle\r\nBcc: x@example.com\r\n\r\nbody",
    "abc \u{202e}gnp.exe \u{2066}x\u{200b}\u{feff}\u{0}\u{7}",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "{{ 7*7 }} ${7*7} {from} %s",
    "קומקום חשמלי 1.7",
    "غلاية كهربائية",
];

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
