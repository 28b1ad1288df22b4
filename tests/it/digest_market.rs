//! The market as digests and reports tell it: the offers that decisions count, each move once, each reader's own products
//! first and limits afterwards.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::config::Language;
use omniprice::decide::offers::eligible;
use omniprice::decide::rules::OfferFilter;
use omniprice::flow::facts as flow_facts;
use omniprice::report::facts::Facts;
use omniprice::report::lang::Voice;
use omniprice::report::overview::{Asked, Overview, Target, overview};
use omniprice::report::reader::Reader;
use omniprice::report::sales::Sales;
use omniprice::report::{digest_for, gather, people, send_slot};
use omniprice::store::decisions::{self, Evaluated};
use omniprice::store::events::{self, Raise};
use omniprice::store::observations::New;
use omniprice::store::products::{self, Import, Product};
use omniprice::store::targets;

use crate::alerts::{app, decided};
use crate::both_engines;
use crate::harness::{Engine, RULES, TestDb, database};
use crate::logged::{check, evaluation, shown};
use crate::store_suite::{NOW, after, import, one};

both_engines![
    figures_rest_on_the_offers_that_decisions_count,
    a_price_that_flaps_is_one_row_and_every_move_is_counted_alike,
    only_what_needs_a_person_needs_you,
    what_is_open_is_told_however_old_it_is,
    figures_of_a_person_are_those_of_their_products,
    what_somebody_else_changed_counts_however_its_listing_went_on,
    a_look_that_gets_no_page_does_not_sell_a_product_out_anew,
];

const SHOPS: &str =
    "\n[[competitor]]\nid = \"net.example\"\ntax = \"net\"\n[[competitor]]\nid = \"own.example\"\nself = true\n";
const ANN: &str = "[report]\ntime_zone = \"Europe/Copenhagen\"\n[[report.people]]\nmail = \"Ann <ann@shop.example>\"\n";

/// The application with a competitor who shows net prices and a shop of our own.
async fn shop(test: &TestDb, clock: &Clock, person: &str) -> Arc<App> {
    let app = app(test, clock, &format!("{ANN}{person}")).await;
    std::fs::write(test.dir.path().join("rules.toml"), format!("{RULES}{SHOPS}")).unwrap();
    app
}

async fn ann(app: &App) -> Reader {
    people::reader(app, "ann@shop.example").await.unwrap()
}

/// Writes down what a competitor's page of a product showed.
async fn note(app: &App, product: &Product, host: &str, observation: New, now: Millis) {
    let pages = targets::of_product(&app.db, product.id).await.unwrap();
    let page = pages.iter().find(|page| page.host == host).unwrap();
    targets::record(&app.db, vec![check(page.id, product.id, observation, now)]).await.unwrap();
}

async fn told(app: &App, reader: &Reader, from: Millis, until: Millis) -> Facts {
    let tracks = gather::tracks(app, from).await.unwrap();
    gather::facts(app, &tracks, reader, from, until).await.unwrap()
}

async fn text(app: &App, from: Millis, until: Millis) -> Option<String> {
    let tracks = gather::tracks(app, from).await.unwrap();
    let digest = digest_for(app, &tracks, &ann(app).await, from, until).await.unwrap();
    digest.map(|digest| format!("{}\n{}", digest.subject, digest.text))
}

async fn report(app: &App, reader: Option<&Reader>, sales: Option<&Sales>, from: Millis) -> Overview {
    let all = gather::tracks(app, from).await.unwrap();
    let tracks = reader.map_or_else(|| all.clone(), |reader| gather::scoped(&all, reader));
    let voice = Voice::new(Language::En, "Europe/Copenhagen");
    let asked = Asked { reader, sales, target: Target::Lowest, voice: &voice };
    overview(app, &tracks, &asked, from, app.now()).await.unwrap()
}

fn figure(report: &Overview, name: &str) -> Option<String> {
    let found = report.figures.iter().find(|figure| figure.name == name)?;
    found.value.map(|value| value.to_string())
}

const PAGES: [&str; 7] =
    ["net.example", "used.example", "own.example", "gross.example", "old.example", "empty.example", "span.example"];

async fn figures_rest_on_the_offers_that_decisions_count(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "").await;
    let pages: Vec<(&str, &str)> = PAGES.iter().map(|host| (*host, "mixer")).collect();
    let row = Import { own_minor: 53_000, ..import("MIXER", &pages) };
    products::import(&app.db, vec![row], NOW).await.unwrap();
    let mixer = products::by_sku(&app.db, "MIXER").await.unwrap().unwrap();
    let offer = |minor: i64, offer: &str| New { offer: offer.into(), ..shown(minor) };
    note(&app, &mixer, "old.example", shown(45_000), after(0)).await;
    clock.advance(3 * Millis::DAY);
    let seen = clock.now();
    note(&app, &mixer, "net.example", shown(40_000), seen).await;
    note(&app, &mixer, "used.example", offer(30_000, r#"{"condition":"UsedCondition"}"#), seen).await;
    note(&app, &mixer, "own.example", shown(20_000), seen).await;
    note(&app, &mixer, "gross.example", shown(55_000), seen).await;
    note(&app, &mixer, "empty.example", New { availability: "out_of_stock".into(), ..shown(44_000) }, seen).await;
    note(&app, &mixer, "span.example", offer(10_000, r#"{"kind":"from"}"#), seen).await;
    clock.advance(Millis::HOUR);
    let now = clock.now();
    let tracks = gather::tracks(&app, NOW).await.unwrap();
    let ours: Vec<(String, i64)> =
        tracks[0].offers(now, gather::max_age(&app)).iter().map(|o| (o.competitor.to_owned(), o.minor)).collect();
    assert_eq!(ours, [("net.example".to_owned(), 50_000), ("gross.example".to_owned(), 55_000)]);
    // The engine says the same of the same rows.
    let loaded = app.rules().await.unwrap();
    let facts = flow_facts::facts(&app, &loaded, &mixer, now).await.unwrap();
    let decision = eligible(&facts, &OfferFilter::default(), &loaded.set, (0, None), now.0);
    let theirs: Vec<(String, i64)> =
        decision.offers.iter().map(|one| (facts.offers[one.offer as usize].competitor.clone(), one.minor)).collect();
    assert_eq!(ours, theirs);
    let day = now.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    let sales = Sales::read(format!("sku,day,units,stock\nMIXER,{day},1,9\n").as_bytes()).unwrap();
    let report = report(&app, None, Some(&sales), now.plus(-7 * Millis::DAY)).await;
    let row = &report.products[0];
    assert_eq!((row.offers, row.rank, row.lowest_at.as_deref()), (2, Some(2), Some("net.example")));
    assert_eq!(row.margin_at_risk.map(|risk| risk.to_string()).as_deref(), Some("30.00"));
    assert_eq!(row.headroom.map(|room| room.to_string()).as_deref(), Some("20.00"));
    assert_eq!((report.important.len(), report.important[0].sku.as_str()), (1, "MIXER"));
    assert_eq!(figure(&report, "index against median, DKK basket").as_deref(), Some("100.95"));
    // A page that cannot be read any more may be sold out: a rule that wants stock does not count it.
    let blocked = New { outcome: "blocked".into(), verdict: "none", price_minor: None, currency: None, ..shown(0) };
    note(&app, &mixer, "net.example", New { availability: "unknown".into(), ..blocked }, now).await;
    let tracks = gather::tracks(&app, NOW).await.unwrap();
    let left: Vec<&str> = tracks[0].offers(now, gather::max_age(&app)).iter().map(|o| o.competitor).collect();
    assert_eq!(left, ["gross.example"]);
    // Our own shop and what is no offer of this kind move no market.
    for (host, minor) in [("own.example", 21_000), ("used.example", 31_000), ("gross.example", 54_000)] {
        note(&app, &mixer, host, shown(minor), now).await;
    }
    let moved = told(&app, &ann(&app).await, now.plus(-Millis::HOUR), now).await;
    let names: Vec<&str> = moved.active.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["gross.example"], "{:?}", moved.moves);
}

async fn a_price_that_flaps_is_one_row_and_every_move_is_counted_alike(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "fall_pct = \"5\"\nrise_pct = \"5\"\ncompetitors = [\"c1.example\"]\n").await;
    let flap = one(&app.db, "FLAP", &[("c1.example", "flap"), ("c2.example", "flap")]).await;
    let big = one(&app.db, "BIG", &[("c1.example", "big")]).await;
    note(&app, &flap, "c1.example", shown(19_800), after(0)).await;
    note(&app, &flap, "c2.example", shown(19_800), after(0)).await;
    note(&app, &big, "c1.example", shown(20_000), after(0)).await;
    for step in 1..=20 {
        let minor = if step % 2 == 0 { 19_800 } else { 20_000 };
        note(&app, &flap, "c1.example", shown(minor), after(60 * step)).await;
        note(&app, &flap, "c2.example", shown(minor), after(60 * step)).await;
    }
    note(&app, &big, "c1.example", shown(18_000), after(600)).await;
    let mut ours = 49_900;
    for (at, to) in [(100, 48_000), (200, 49_000), (300, 47_000), (400, 46_000)] {
        ours = decided(&app, "FLAP", ours, to, after(at)).await;
    }
    clock.advance(2 * Millis::HOUR);
    let (from, until) = (after(30), clock.now());
    let reader = ann(&app).await;
    let facts = told(&app, &reader, from, until).await;
    let rows: Vec<(&str, &str, i64, i64, usize)> = facts
        .moves
        .iter()
        .map(|row| (row.sku.as_str(), row.competitor.as_str(), row.was.minor(), row.now.minor(), row.steps.len()))
        .collect();
    assert_eq!(rows, [("BIG", "c1.example", 20_000, 18_000, 1)], "the other is below what Ann wants to read");
    assert_eq!(facts.small_moves, 1, "one product, however often it moved");
    assert_eq!((facts.active.len(), facts.active[0].up, facts.active[0].down), (1, 10, 11), "whatever is listed");
    let [change] = &facts.changes[..] else { panic!("{:?}", facts.changes) };
    assert_eq!((change.row.previous_minor, change.row.price_minor, change.times), (49_900, 46_000, 4));
    let own = report(&app, Some(&reader), None, from).await;
    let both = |report: &Overview| {
        ["competitor moves up", "competitor moves down", "products that competitors moved"]
            .map(|n| figure(report, n).unwrap())
    };
    assert_eq!(both(&own), ["10", "11", "2"], "the report of a person says what their digest says");
    assert_eq!(both(&report(&app, None, None, from).await), ["20", "21", "2"]);
    let told = text(&app, from, until).await.unwrap();
    assert_eq!(told.matches("* FLAP Title of FLAP  DKK").count(), 1, "{told}");
    assert!(told.contains("changed 4 times"), "{told}");
    assert!(told.contains("1 price changed") && told.contains("c1.example (21 moves, 10 up, 11 down)"), "{told}");
    // A window of a moment: nothing moved in it, and offers count as they stand.
    let moment = text(&app, after(-10), after(-9)).await;
    let whole = told_of_moment(&app, &reader).await;
    assert_eq!((whole.moves.len(), whole.market.now.shares.with_data()), (0, 2), "{moment:?}");
}

async fn told_of_moment(app: &App, reader: &Reader) -> Facts {
    told(app, reader, after(-10), after(-9)).await
}

/// Writes down that the engine holds a product.
async fn held(app: &App, sku: &str, flags: &str, why: &str) {
    let product = one(&app.db, sku, &[]).await;
    let evaluated =
        Evaluated { outcome: "hold".into(), flags: flags.into(), why: why.into(), ..evaluation(&product, NOW) };
    decisions::write(&app.db, evaluated).await.unwrap();
}

async fn only_what_needs_a_person_needs_you(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "").await;
    held(&app, "TINY", "[]", "match: reference 479; a change of -0.21 % is not worth one").await;
    let staged = "match: reference 479; the rule is new or edited and acts on 71.42 % of its products so far, on this \
                  one from 2027-01-16T08:00:00Z";
    held(&app, "STAGED", "[]", staged).await;
    held(&app, "BOTH", "[]", &format!("{staged}; a change of -0.21 % is not worth one")).await;
    held(&app, "COOL", "[\"cooldown\"]", "match: reference 479, cooldown").await;
    clock.advance(Millis::HOUR);
    let (from, until) = (NOW.plus(-Millis::HOUR), clock.now());
    let facts = told(&app, &ann(&app).await, from, until).await;
    assert_eq!((facts.held.len(), facts.resting), (0, 4), "{:?}", facts.held);
    assert_eq!(text(&app, from, until).await, None, "nothing matters");
    held(&app, "NOFLOOR", "[\"no_floor\"]", "match, no floor").await;
    held(&app, "STEEP", "[]", &format!("{staged}; a change of -40.00 % in one step; allowed are -10 % to +15 %")).await;
    held(&app, "SAID", "[]", &format!("{staged}; a word that nobody knows")).await;
    let told = text(&app, from, until).await.unwrap();
    assert!(told.contains("3 on hold"), "{told}");
    for sku in ["NOFLOOR", "STEEP", "SAID"] {
        assert!(told.contains(&format!("* {sku} Title of {sku} is on hold")), "{told}");
    }
    assert!(told.contains("4 price changes rest by themselves"), "{told}");
    assert!(!told.contains("TINY") && !told.contains("STAGED "), "{told}");
    // Evaluations are counted by what the engine remarked, and what the floor limits is listed.
    held(
        &app,
        "FLOOR",
        "[\"floor_applied\"]",
        "match, floor applied; a change of -40.00 % in one step; allowed are -10 % to +15 %",
    )
    .await;
    let report = report(&app, None, None, from).await;
    assert_eq!(figure(&report, "evaluations hold").as_deref(), Some("8"));
    assert_eq!(figure(&report, "evaluations hold, floor_applied").as_deref(), Some("1"));
    assert_eq!(figure(&report, "evaluations hold, no_floor").as_deref(), Some("1"));
    let hits: Vec<&str> = report.floor_hits.iter().map(|hit| hit.sku.as_str()).collect();
    assert_eq!(hits, ["FLOOR"]);
}

async fn what_is_open_is_told_however_old_it_is(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "").await;
    let kettle = one(&app.db, "KETTLE", &[("near.example", "kettle")]).await;
    let raise = |kind: &'static str, severity: &'static str, dedupe: &str, about: Option<&str>| Raise {
        kind,
        severity,
        dedupe: dedupe.into(),
        product_id: Some(kettle.id),
        channel: about.map(Into::into),
        competitor: None,
        message: format!("{dedupe} lasts"),
        hint: "omniprice explain SKU".into(),
    };
    events::raise(&app.db, raise("held_at_door", "critical", "door", Some("webshop")), NOW).await.unwrap();
    clock.advance(8 * Millis::DAY);
    for n in 0..12 {
        let channel = format!("channel-{n:02}");
        let event = raise("order_broken", "warning", &format!("order/{n}"), Some(&channel));
        events::raise(&app.db, event, clock.now().plus(n)).await.unwrap();
    }
    clock.advance(30 * Millis::HOUR);
    let (from, until) = (clock.now().plus(-Millis::DAY), clock.now());
    let told = text(&app, from, until).await.unwrap();
    let rows: Vec<&str> = told.lines().filter(|line| line.starts_with("* A ")).collect();
    assert!(rows[0].contains("webshop"), "the critical one first: {rows:?}");
    assert!(rows[1].contains("channel-00") && rows[9].contains("channel-08"), "then the oldest: {rows:?}");
    assert!(told.contains("and 3 more") && told.contains("since 15 Jan 2027"), "{told}");
    assert!(told.contains("1 critical"), "{told}");
    for dedupe in std::iter::once("door".to_owned()).chain((0..12).map(|n| format!("order/{n}"))) {
        events::resolve(&app.db, dedupe, clock.now()).await.unwrap();
    }
    assert_eq!(text(&app, from, until).await, None);
}

async fn figures_of_a_person_are_those_of_their_products(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "categories = [\"audio\"]\n").await;
    let rows = ["audio", "video"].map(|category| Import {
        category: Some(category.into()),
        ..import(&category.to_uppercase(), &[("near.example", category), ("far.example", category)])
    });
    products::import(&app.db, rows.into(), NOW).await.unwrap();
    for sku in ["AUDIO", "VIDEO"] {
        let product = products::by_sku(&app.db, sku).await.unwrap().unwrap();
        note(&app, &product, "near.example", shown(40_000), after(10)).await;
        note(&app, &product, "near.example", shown(41_000), after(20)).await;
        let odd = New { verdict: "quarantined", ..shown(4_100) };
        note(&app, &product, "far.example", odd, after(20)).await;
        let broken = New { outcome: "parse_failure".into(), verdict: "none", price_minor: None, ..shown(0) };
        note(&app, &product, "far.example", broken, after(30)).await;
        decided(&app, sku, 49_900, 41_000, after(40)).await;
    }
    clock.advance(Millis::HOUR);
    let (whole, mut reader) = (report(&app, None, None, NOW).await, ann(&app).await);
    let counts = |report: &Overview| {
        ["observations accepted", "observations quarantined", "observations unreadable", "evaluations change"]
            .map(|name| figure(report, name).unwrap_or_default())
    };
    assert_eq!(counts(&whole), ["4", "2", "2", "2"]);
    assert_eq!(counts(&report(&app, Some(&reader), None, NOW).await), ["2", "1", "1", "1"]);
    let sites: Vec<(&str, i64, i64)> =
        whole.sites.iter().map(|site| (site.competitor.as_str(), site.accepted, site.unreadable)).collect();
    assert_eq!(sites, [("far.example", 0, 2), ("near.example", 4, 0)]);
    reader.person.competitors = vec!["far.example".into()];
    assert_eq!(counts(&report(&app, Some(&reader), None, NOW).await), ["0", "1", "1", "1"]);
    reader.person.categories = vec!["garden".into()];
    let nobody = report(&app, Some(&reader), None, NOW).await;
    assert_eq!(counts(&nobody), ["0", "0", "0", ""], "no product is not the whole shop");
}

/// More moves than any list holds, and Ann's is the oldest of them.
#[tokio::test]
async fn a_scope_is_cut_before_any_limit() {
    const MOST: usize = 10_050;
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "categories = [\"audio\"]\n").await;
    let row = |n: usize| Import {
        category: Some(if n == 0 { "audio" } else { "video" }.into()),
        ..import(&format!("P{n:05}"), &[("near.example", &format!("p{n}"))])
    };
    products::import(&app.db, (0..MOST).map(row).collect(), NOW).await.unwrap();
    let first = products::page(&app.db, 0, 1).await.unwrap()[0].id;
    let mut checks = Vec::with_capacity(2 * MOST);
    for n in 0..i64::try_from(MOST).unwrap() {
        let page = targets_of(&app, first, n).await;
        checks.push(check(page.0, page.1, shown(44_000), after(10)));
        checks.push(check(page.0, page.1, shown(40_000), after(3_600 + n)));
    }
    for some in checks.chunks(2_000) {
        targets::record(&app.db, some.to_vec()).await.unwrap();
    }
    clock.advance(6 * Millis::HOUR);
    let mut reader = ann(&app).await;
    let own = told(&app, &reader, after(60), clock.now()).await;
    let [moved] = &own.moves[..] else { panic!("{} moves", own.moves.len()) };
    assert_eq!((moved.sku.as_str(), moved.was.minor(), moved.now.minor()), ("P00000", 44_000, 40_000));
    assert_eq!((own.products, own.market.now.shares.with_data()), (1, 1));
    reader.person.categories.clear();
    let all = told(&app, &reader, after(60), clock.now()).await;
    assert_eq!((all.moves.len(), all.active[0].down), (MOST, MOST), "every one is counted");
}

/// The page and the product of the `n`th import; pages were made in the order of products.
async fn targets_of(app: &App, first: i64, n: i64) -> (i64, i64) {
    let page = targets::of_product(&app.db, first + n).await.unwrap().remove(0);
    (page.id, first + n)
}

#[tokio::test]
async fn a_sign_of_life_comes_once_a_week_and_only_when_wanted() {
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(NOW);
    let bob = "quiet_day = \"weekly\"\n[[report.people]]\nmail = \"Bob <bob@shop.example>\"\nquiet_day = \"skip\"\n";
    let app = shop(&test, &clock, bob).await;
    one(&app.db, "KETTLE", &[]).await;
    let (mut ann, mut bob) = (Vec::new(), 0);
    for day in 0..15 {
        clock.advance(Millis::DAY);
        if send_slot(&app, "ann@shop.example", clock.now()).await.unwrap() {
            ann.push(day);
        }
        bob += i32::from(send_slot(&app, "bob@shop.example", clock.now()).await.unwrap());
    }
    assert_eq!((ann, bob), (vec![0, 7, 14], 0));
    let mails = eml(test.dir.path());
    assert_eq!(mails.len(), 3);
    assert!(mails.iter().all(|mail| mail.contains("nothing needs you")), "{mails:?}");
}

fn eml(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("mail")).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "eml"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// What a mail program's library makes of a list beside a mail.
const READ: &str = r#"
import email, email.policy, sys
message = email.message_from_bytes(open(sys.argv[1], "rb").read(), policy=email.policy.default)
for part in message.walk():
    if part.get_content_type() == "text/csv":
        print(part.get_content_charset(), "Æble" in part.get_content())
"#;

#[tokio::test]
async fn a_list_beside_a_mail_says_its_character_set() {
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "attachments = [\"csv\"]\n").await;
    let row = Import { title: "Æble".into(), ..import("A", &[("near.example", "a")]) };
    products::import(&app.db, vec![row], NOW).await.unwrap();
    let product = products::by_sku(&app.db, "A").await.unwrap().unwrap();
    note(&app, &product, "near.example", shown(40_000), after(1)).await;
    note(&app, &product, "near.example", shown(41_000), after(60)).await;
    clock.advance(Millis::HOUR);
    assert!(send_slot(&app, "ann@shop.example", clock.now()).await.unwrap());
    let mail = eml(test.dir.path()).remove(0);
    assert!(mail.contains("Content-Type: text/csv; charset=utf-8"), "{mail}");
    let file = test.dir.path().join("one.eml");
    std::fs::write(&file, mail).unwrap();
    let Ok(read) = Command::new("python3").arg("-c").arg(READ).arg(&file).output() else {
        return crate::harness::skip("a list read by Python's mail library", "python3 does not start");
    };
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "utf-8 True", "{}", String::from_utf8_lossy(&read.stderr));
}

async fn what_somebody_else_changed_counts_however_its_listing_went_on(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "").await;
    products::import(&app.db, vec![import("MIXER", &[]), import("MUG", &[])], NOW).await.unwrap();
    let changed = async |sku: &str, channel: &str, kind: &'static str| {
        let product = products::by_sku(&app.db, sku).await.unwrap().unwrap();
        let event = Raise {
            kind,
            severity: "warning",
            dedupe: format!("{kind}/{channel}/{sku}"),
            product_id: Some(product.id),
            channel: Some(channel.into()),
            competitor: None,
            message: "see the shop".into(),
            hint: String::new(),
        };
        events::raise(&app.db, event.clone(), app.now()).await.unwrap();
        events::resolve(&app.db, event.dedupe, app.now()).await.unwrap();
    };
    let counted = async || figure(&report(&app, None, None, NOW).await, "prices changed by somebody else");
    clock.advance(Millis::HOUR);
    assert_eq!(counted().await.as_deref(), Some("0"));
    changed("MIXER", "webshop", "drift").await;
    // The same listing by another tool, and one that was only given up.
    changed("MIXER", "webshop", "two_writers").await;
    changed("MUG", "webshop", "listing_parked").await;
    changed("MIXER", "till", "drift").await;
    assert_eq!(counted().await.as_deref(), Some("2"));
}

async fn a_look_that_gets_no_page_does_not_sell_a_product_out_anew(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "").await;
    let lamp = one(&app.db, "LAMP", &[("c1.example", "lamp")]).await;
    let gone = |outcome: &str, availability: &str| New {
        outcome: outcome.into(),
        verdict: "none",
        price_minor: None,
        currency: None,
        availability: availability.into(),
        ..shown(0)
    };
    let hour = |hours: i64| NOW.plus(hours * Millis::HOUR);
    note(&app, &lamp, "c1.example", shown(20_000), hour(0)).await;
    note(&app, &lamp, "c1.example", gone("out_of_stock", "out_of_stock"), hour(1)).await;
    note(&app, &lamp, "c1.example", gone("blocked", "unknown"), hour(2)).await;
    note(&app, &lamp, "c1.example", gone("out_of_stock", "out_of_stock"), hour(3)).await;
    clock.advance(4 * Millis::HOUR);
    let since = async |from: i64| {
        let facts = told(&app, &ann(&app).await, hour(from), app.now()).await;
        facts.sold_out.iter().map(|one| one.first_seen).collect::<Vec<_>>()
    };
    assert_eq!(since(0).await, [hour(1)]);
    assert_eq!(since(2).await, [], "it was sold out before");
    // A page that shows the product without a word on stock can be bought from again.
    note(&app, &lamp, "c1.example", gone("no_price", "unknown"), app.now()).await;
    assert_eq!(since(0).await, []);
}
