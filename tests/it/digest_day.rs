//! What tests make digests of: a day with something in every section, a quiet one, and readers in five languages.

use omniprice::clock::Millis;
use omniprice::config::{Config, Language, Mode, Person};
use omniprice::decide::decision::Fate;
use omniprice::decide::war_response::WarResponse;
use omniprice::money::{Currency, Money};
use omniprice::report::facts::{
    Active, AtFloor, Campaign, Claims, Facts, Headroom, History, MarketFacts, OnChannel, OurChange, Overtaken, Stage,
    Told,
};
use omniprice::report::lang::Limit;
use omniprice::report::link::Links;
use omniprice::report::market::{self, Figures, Seen, Track};
use omniprice::report::moves::{Moved, SoldOut};
use omniprice::report::reader::Reader;
use omniprice::store::decisions::{Held, NamedDecision, OutcomeCount, Review};
use omniprice::store::events::Event;
use omniprice::store::observations::Waiting;
use omniprice::store::progress::{Parity, Unsettled};
use omniprice::store::targets::Unhealthy;

/// Saturday, 21 November 2026, 07:00 in Copenhagen.
pub const UNTIL: Millis = Millis(1_795_240_800_000);
const AGE: i64 = Millis::DAY;

pub fn at(hours_before: i64) -> Millis {
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

pub fn decision(sku: &str, title: &str, from: i64, to: i64) -> NamedDecision {
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
        money_since: 0,
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

pub fn told() -> Told {
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
    let campaign = |name: &str, stage: Stage| Campaign {
        name: name.into(),
        for_members: name == "Autumn",
        stage,
        products: 2,
        channels: vec![],
        claims: vec![],
    };
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
            "Spring",
            Stage::Waits {
                id: 7,
                until: UNTIL.plus(Millis::DAY),
                planned_by: "Ann".into(),
                why: "a change of -20.04 % needs two persons' consent".into(),
            },
        ),
        campaign(
            "Singles Day",
            Stage::Cancelled { why: "campaign Singles Day starts soon and till cannot be written to".into() },
        ),
    ]
}

/// A day on which nothing moved; some things are as they always are.
pub fn quiet() -> Facts {
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

/// Titles that attack each part of a mail in its own way.
pub const HOSTILE: [&str; 7] = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>\" onmouseover=\"x",
    "Kettle\r\nBcc: x@example.com\r\n\r\nbody",
    "abc \u{202e}gnp.exe \u{2066}x\u{200b}\u{feff}\u{0}\u{7}",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "{{ 7*7 }} ${7*7} {from} %s",
    "קומקום חשמלי 1.7",
    "غلاية كهربائية",
];
