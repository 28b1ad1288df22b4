//! Alerts through the real store, mailer, hooks and pages: told once whatever restarts, signed, and acted on only by
//! forms.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use omniprice::app::{App, PAUSE};
use omniprice::clock::{Clock, Millis};
use omniprice::config::{Config, Language, address};
use omniprice::report::link::{Claim, Purpose};
use omniprice::report::{self, alerting, detect, people};
use omniprice::store::alerts::{self, Silence, State};
use omniprice::store::decisions::{Evaluated, Written};
use omniprice::store::events::{self, Raise};
use omniprice::store::{decisions, products, reporting, settings, subscriptions, targets};
use omniprice::web;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::sync::CancellationToken;

use crate::both_engines;
use crate::harness::{Engine, RULES, Setup, TestDb, World, database, price};
use crate::logged::{check, evaluation, shown};
use crate::store_suite::{NOW, after, import, one};

both_engines![
    an_alert_is_told_once_whatever_restarts_and_its_end_in_the_same_thread,
    nobody_is_sent_a_digest_of_a_time_before_them,
    silences_events_and_messages_are_kept,
    wishes_are_kept_laid_over_and_forgotten,
    conditions_are_raised_while_they_last,
    what_reports_read_is_what_was_seen,
];

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PEOPLE: &str = "[report]\nlink = \"https://prices.shop.example\"\n[[report.people]]\nmail = \"Ann <ann@shop.example>\"\nlanguage = \"da\"\n\
                      time_zone = \"Europe/Copenhagen\"\ndigest = \"\"\n";

/// An application on a moved clock with mail as files.
pub async fn app(test: &TestDb, clock: &Clock, extra: &str) -> Arc<App> {
    std::fs::write(test.dir.path().join("rules.toml"), RULES).unwrap();
    let file = test.dir.path().join("omniprice.toml");
    std::fs::write(&file, format!("[database]\nurl = \"{}\"\n[web]\nlisten = \"\"\n{extra}", test.url)).unwrap();
    App::build(Config::load(Some(&file), &[]).unwrap(), clock.clone()).await.unwrap()
}

/// Mails written so far, the newest last.
fn mails(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("mail")) else { return vec![] };
    let mut files: Vec<_> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "eml")).collect();
    files.sort_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap());
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn refused(dedupe: &str) -> Raise {
    Raise {
        kind: "channel_refused",
        severity: "critical",
        dedupe: dedupe.into(),
        product_id: None,
        channel: Some("webshop".into()),
        competitor: None,
        message: "webshop takes no prices: the channel refuses the credentials (401)".into(),
        hint: "omniprice channel test webshop".into(),
    }
}

fn headers<'a>(mail: &'a str, name: &str) -> Vec<&'a str> {
    mail.lines()
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.strip_prefix(name))
        .map(str::trim)
        .collect()
}

async fn an_alert_is_told_once_whatever_restarts_and_its_end_in_the_same_thread(test: TestDb) {
    let clock = Clock::manual(NOW);
    let folder = test.dir.path().to_owned();
    let first = app(&test, &clock, PEOPLE).await;
    events::raise(&first.db, refused("channel-refused/webshop"), NOW).await.unwrap();
    assert_eq!(alerting::round(&first).await.unwrap(), 0, "it collects first");
    clock.advance(20 * Millis::SECOND);
    assert_eq!(alerting::round(&first).await.unwrap(), 1);
    // Another process, and the same one again: nothing is repeated.
    let second = app(&test, &clock, PEOPLE).await;
    clock.advance(5 * Millis::MINUTE);
    assert_eq!(alerting::round(&second).await.unwrap() + alerting::round(&first).await.unwrap(), 0);
    let told = mails(&folder);
    let [mail] = &told[..] else { panic!("{} mails", told.len()) };
    for expected in ["List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Auto-Submitted: auto-generated"] {
        assert!(mail.contains(expected), "{expected} in {mail}");
    }
    let id = headers(mail, "Message-ID:")[0].to_owned();
    assert!(headers(mail, "List-Unsubscribe:")[0].starts_with("<https://prices.shop.example/people/"), "{mail}");
    events::resolve(&first.db, "channel-refused/webshop".into(), clock.now()).await.unwrap();
    clock.advance(4 * Millis::MINUTE);
    assert_eq!(alerting::round(&second).await.unwrap(), 0, "it must stay resolved for a while");
    clock.advance(26 * Millis::MINUTE);
    assert_eq!(alerting::round(&second).await.unwrap(), 1);
    let over = mails(&folder).pop().unwrap();
    assert_eq!(headers(&over, "References:"), [id.as_str()]);
    assert_eq!(headers(&over, "In-Reply-To:"), [id.as_str()]);
    // What lasts longer than anything is remembered ends in the thread of its beginning.
    events::raise(&first.db, refused("lasting"), clock.now()).await.unwrap();
    clock.advance(31 * Millis::MINUTE);
    assert_eq!(alerting::round(&first).await.unwrap(), 1);
    let began = headers(&mails(&folder).pop().unwrap(), "References:")[0].to_owned();
    clock.advance(3 * Millis::HOUR);
    alerting::round(&first).await.unwrap();
    clock.advance(3 * Millis::DAY);
    events::resolve(&first.db, "lasting".into(), clock.now()).await.unwrap();
    clock.advance(31 * Millis::MINUTE);
    assert_eq!(alerting::round(&first).await.unwrap(), 1);
    let over = mails(&folder).pop().unwrap();
    assert_eq!(headers(&over, "References:"), [began], "{over}");
    // A crash between claim and mark leaves the message in the queue under its id.
    events::raise(&first.db, refused("again"), clock.now()).await.unwrap();
    clock.advance(31 * Millis::MINUTE);
    let everything = alerts::messages(&first.db, NOW.plus(-1), 10).await.unwrap();
    assert!(everything.iter().all(|message| message.state == "sent"));
    assert_eq!(alerting::round(&first).await.unwrap(), 1);
}

async fn nobody_is_sent_a_digest_of_a_time_before_them(test: TestDb) {
    // 09:00 in Copenhagen on Friday, 15 January 2027.
    let clock = Clock::manual(NOW);
    let people = "[report]\ndigest = \"0 7 * * *\"\ntime_zone = \"Europe/Copenhagen\"\n\
                  [[report.people]]\nmail = \"Ann <ann@shop.test>\"\nquiet_day = \"short\"\n";
    let app = app(&test, &clock, people).await;
    let sent = async || report::send_due(&app).await.unwrap();
    clock.advance(23 * Millis::HOUR);
    assert_eq!(sent().await, 0, "there is nothing to tell of a shop without products");
    products::import(&app.db, vec![import("A", &[])], clock.now()).await.unwrap();
    assert_eq!(sent().await, 0, "seven o'clock was before there was anything");
    clock.advance(23 * Millis::HOUR);
    assert_eq!(sent().await, 1);
    assert_eq!(sent().await, 0);
    let wish = |key: &str, value: &str| serde_json::Map::from_iter([(key.to_owned(), serde_json::Value::from(value))]);
    people::change(&app, "bob@shop.test", wish("quiet_day", "short"), "ops", "new").await.unwrap();
    assert_eq!(sent().await, 1, "the mail of this very minute");
    clock.advance(15 * Millis::HOUR);
    people::change(&app, "cat@shop.test", wish("quiet_day", "short"), "ops", "new").await.unwrap();
    people::change(&app, "ann@shop.test", wish("digest", "0 21 * * *"), "ann", "evenings").await.unwrap();
    assert_eq!(sent().await, 0, "22:00: today's times lay behind them");
    clock.advance(9 * Millis::HOUR);
    assert_eq!(sent().await, 2, "bob and cat at seven");
    clock.advance(14 * Millis::HOUR);
    assert_eq!(sent().await, 1, "ann at nine in the evening");
}

async fn silences_events_and_messages_are_kept(test: TestDb) {
    let db = &test.db;
    let silence = Silence {
        id: 0,
        kind: Some("drift".into()),
        channel: None,
        competitor: None,
        sku: None,
        owner: "ann".into(),
        why: "stocktaking".into(),
        ends_at: after(60).0,
        created_at: NOW.0,
    };
    let id = alerts::silence(db, silence).await.unwrap();
    assert_eq!(alerts::silences(db, after(59)).await.unwrap()[0].why, "stocktaking");
    assert!(alerts::silences(db, after(60)).await.unwrap().is_empty());
    assert!(alerts::end_silence(db, id, after(10)).await.unwrap());
    assert!(!alerts::end_silence(db, id, after(11)).await.unwrap(), "it is over already");
    assert!(alerts::silences(db, after(11)).await.unwrap().is_empty());

    events::raise(db, refused("a"), NOW).await.unwrap();
    events::raise(db, refused("b"), after(10)).await.unwrap();
    events::resolve(db, "a".into(), after(20)).await.unwrap();
    let seen: Vec<String> = alerts::events(db, after(5), 10).await.unwrap().into_iter().map(|e| e.dedupe).collect();
    assert_eq!(seen, ["b", "a"], "the newest first");
    let long_after = alerts::events(db, after(1_000_000), 10).await.unwrap();
    assert_eq!(long_after.iter().map(|e| e.dedupe.as_str()).collect::<Vec<_>>(), ["b"], "what is open stays");
    let event = alerts::events(db, after(5), 10).await.unwrap().remove(0);
    assert_eq!(alerts::event(db, event.id).await.unwrap().unwrap().dedupe, "b");
    assert!(alerts::event(db, 999).await.unwrap().is_none());

    let state = State {
        target: "ann@x".into(),
        dedupe: "b".into(),
        grp: "g".into(),
        event_id: event.id,
        told_at: after(30).0,
        resolved_at: None,
    };
    let queue = |id: &str| alerts::Queue {
        target: "ann@x".into(),
        grp: "g".into(),
        message_id: id.into(),
        thread: None,
        early: false,
        body: "{}".into(),
    };
    alerts::tell(db, vec![queue("<1@x>")], vec![state.clone()], after(30)).await.unwrap();
    alerts::tell(db, vec![queue("<1@x>")], vec![State { resolved_at: Some(after(40).0), ..state }], after(40))
        .await
        .unwrap();
    assert_eq!(alerts::states(db, NOW).await.unwrap()[0].resolved_at, Some(after(40).0));
    assert_eq!(alerts::recent(db, NOW).await.unwrap().len(), 1, "one Message-ID is one message");
    assert!(alerts::claim(db, "webhook", after(40), after(50)).await.unwrap().is_none(), "a person's");
    let claimed = alerts::claim(db, "mail", after(40), after(50)).await.unwrap().unwrap();
    assert_eq!(claimed.tries, 1);
    assert!(alerts::claim(db, "mail", after(49), after(60)).await.unwrap().is_none(), "leased");
    alerts::settle(db, claimed.id, "queued", "later".into(), None, after(100)).await.unwrap();
    assert!(alerts::claim(db, "mail", after(99), after(120)).await.unwrap().is_none(), "not before its time");
    assert_eq!(alerts::next_at(db).await.unwrap(), Some(after(100)));
    let again = alerts::claim(db, "mail", after(100), after(120)).await.unwrap().unwrap();
    assert_eq!((again.tries, again.message_id.as_str()), (2, "<1@x>"));
    assert_eq!(alerts::thread(db, "ann@x", "g", after(20)).await.unwrap().as_deref(), Some("<1@x>"));
    assert_eq!(alerts::thread(db, "ann@x", "g", after(1_000)).await.unwrap(), None, "another incident");
    alerts::settle(db, again.id, "sent", "ok".into(), Some(after(101)), after(101)).await.unwrap();
    assert_eq!(alerts::messages(db, NOW, 10).await.unwrap()[0].state, "sent");
    assert_eq!(alerts::next_at(db).await.unwrap(), None);
}

async fn wishes_are_kept_laid_over_and_forgotten(test: TestDb) {
    let app = app(&test, &Clock::manual(NOW), PEOPLE).await;
    let change = |text: &str| serde_json::Map::from_iter([people::parse(text).unwrap()]);
    people::change(&app, "ann@shop.example", change("categories=audio, video"), "ann", "test").await.unwrap();
    people::change(&app, "ANN@shop.example", change("rise_pct=5"), "ann", "test").await.unwrap();
    people::change(&app, "Bob <bob@shop.example>", change("language=pl"), "ann", "test").await.unwrap();
    let everybody = people::everybody(&app).await.unwrap();
    let [ann, bob] = &everybody[..] else { panic!("{everybody:?}") };
    assert_eq!(ann.categories, ["audio", "video"]);
    assert_eq!(ann.language, Some(Language::Da), "what is not changed stays as configured");
    assert!(!ann.rise_pct.0.is_zero() && bob.language == Some(Language::Pl));
    for wrong in [
        "language=klingon",
        "digest=0 7 * *",
        "time_zone=Mars/Olympus",
        "quiet=late",
        "mail=eve@shop.example",
        "rise_pct=-3",
    ] {
        assert!(people::change(&app, "ann@shop.example", change(wrong), "ann", "t").await.is_err(), "{wrong}");
    }
    assert!(people::parse("nonsense=1").is_err() && people::parse("nothing").is_err());
    for (text, value) in [("hide_costs=True", true), ("off=1", true), ("off=no", false), ("hide_costs=", false)] {
        assert_eq!(people::parse(text).unwrap().1, serde_json::json!(value), "{text}");
    }
    let unclear = people::parse("hide_costs=ja").unwrap_err().to_string();
    assert!(unclear.contains("hide_costs=yes or hide_costs=no"), "{unclear}");
    let (_, comma) = people::parse("categories=audio, \"Home, Garden\"").unwrap();
    assert_eq!(comma, serde_json::json!(["audio", "Home, Garden"]));
    assert_eq!(people::list(["audio", "Home, Garden"]), "audio, \"Home, Garden\"");
    assert!(people::parse("categories=\"Home").is_err());
    assert_eq!(subscriptions::get(&app.db, "ann@shop.example").await.unwrap().unwrap().actor, "ann");
    assert_eq!(subscriptions::all(&app.db).await.unwrap().len(), 2);
    assert!(subscriptions::remove(&app.db, "ann@shop.example".into()).await.unwrap());
    assert!(!subscriptions::remove(&app.db, "ann@shop.example".into()).await.unwrap());
    assert!(people::everybody(&app).await.unwrap()[0].categories.is_empty());
    // What is stored but makes no sense any more does not keep others from their mail.
    let (bob, now) = ("bob@shop.example".to_owned(), NOW);
    subscriptions::set(&app.db, bob, "{\"gone\":1}".into(), "x".into(), "y".into(), now).await.unwrap();
    assert_eq!(people::everybody(&app).await.unwrap().len(), 1);
    let (one, two) = tokio::join!(
        subscriptions::keep_first(&app.db, "k", "1".into(), "t", NOW),
        subscriptions::keep_first(&app.db, "k", "2".into(), "t", NOW)
    );
    assert_eq!(one.unwrap(), two.unwrap(), "both use the first");
    assert_eq!(events::last_mail(&app.db, "ann@shop.example").await.unwrap(), None);
}

async fn conditions_are_raised_while_they_last(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = app(&test, &clock, PEOPLE).await;
    let open = async || -> Vec<String> {
        detect::all(&app).await.unwrap();
        let mut open: Vec<String> = events::open(&app.db, 50).await.unwrap().into_iter().map(|e| e.kind).collect();
        open.sort();
        open
    };
    assert_eq!(open().await, Vec::<String>::new(), "without pages there is nothing to fetch");
    one(&app.db, "KETTLE", &[("near.example", "kettle")]).await;
    clock.advance(12 * Millis::HOUR);
    assert_eq!(open().await, Vec::<String>::new());
    clock.advance(Millis::MINUTE);
    assert_eq!(open().await, ["nothing_fetched"]);
    settings::set(&app.db, PAUSE.into(), "on".into(), "ann".into(), "stocktaking".into(), clock.now()).await.unwrap();
    assert_eq!(open().await, ["nothing_fetched", "paused"]);
    settings::clear(&app.db, PAUSE).await.unwrap();
    let page =
        targets::of_product(&app.db, products::by_sku(&app.db, "KETTLE").await.unwrap().unwrap().id).await.unwrap();
    let mut ours = 49_900;
    // Six cuts that answer each other: a war; then a day without one.
    for round in 0..4 {
        seen(&app, page[0].id, 49_800 - round * 600, clock.now()).await;
        clock.advance(10 * Millis::MINUTE);
        ours = decided(&app, "KETTLE", ours, 49_500 - round * 600, clock.now()).await;
        clock.advance(10 * Millis::MINUTE);
    }
    assert_eq!(open().await, ["price_war"], "and prices are seen again");
    clock.advance(80 * Millis::HOUR);
    seen(&app, page[0].id, 47_000, clock.now()).await;
    assert_eq!(open().await, Vec::<String>::new());
}

/// Writes down that a page showed a price.
pub async fn seen(app: &App, target: i64, minor: i64, now: Millis) {
    targets::record(&app.db, vec![check(target, 1, shown(minor), now)]).await.unwrap();
}

/// Writes down a released change of our price; returns the new price.
pub async fn decided(app: &App, sku: &str, from: i64, to: i64, now: Millis) -> i64 {
    let product = products::by_sku(&app.db, sku).await.unwrap().unwrap();
    let evaluated = Evaluated {
        outcome: "change".into(),
        price_minor: Some(to),
        previous_minor: from,
        flags: "[\"floor_applied\"]".into(),
        ..evaluation(&product, now)
    };
    assert!(matches!(decisions::write(&app.db, evaluated).await.unwrap(), Written::Decided { .. }));
    to
}

async fn what_reports_read_is_what_was_seen(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = app(&test, &clock, PEOPLE).await;
    let product = one(&app.db, "KETTLE", &[("near.example", "kettle")]).await;
    let page = targets::of_product(&app.db, product.id).await.unwrap().remove(0);
    assert_eq!(reporting::last_price(&app.db).await.unwrap(), Some(NOW), "since there are pages");
    seen(&app, page.id, 48_000, after(60)).await;
    seen(&app, page.id, 47_000, after(120)).await;
    decided(&app, "KETTLE", 49_900, 47_000, after(130)).await;
    let runs = async |since| -> Vec<(Option<i64>, i64)> {
        let rows = reporting::seen(&app.db, 0, product.id, since, 10).await.unwrap();
        rows.into_iter().map(|row| (row.latest.price_minor, row.latest.first_seen)).collect()
    };
    let both = [(Some(48_000), after(60).0), (Some(47_000), after(120).0)];
    assert_eq!(runs(NOW).await, both);
    assert_eq!(runs(after(61)).await, both, "the price before the window is the one that moved");
    assert_eq!(runs(after(121)).await, both[1..]);
    assert!(reporting::seen(&app.db, product.id, product.id + 9, NOW, 10).await.unwrap().is_empty());
    assert_eq!(reporting::seen(&app.db, 0, product.id, NOW, 1).await.unwrap().len(), 1);
    assert_eq!(reporting::decided(&app.db, NOW, 10).await.unwrap()[0].price_minor, 47_000);
    assert_eq!(reporting::record(&app.db, "KETTLE", 1).await.unwrap().as_deref(), Some("{}"));
    assert_eq!(reporting::record(&app.db, "KETTLE", 2).await.unwrap(), None);
    assert_eq!(reporting::limited(&app.db, 10).await.unwrap()[0].sku, "KETTLE");
    assert_eq!(reporting::last_price(&app.db).await.unwrap(), Some(after(120)));
    assert_eq!(reporting::restless(&app.db, NOW, 2, 10).await.unwrap()[0].n, 2);
    assert!(reporting::restless(&app.db, NOW, 3, 10).await.unwrap().is_empty());
    let changes = reporting::changes(&app.db, NOW, after(130), 10).await.unwrap();
    assert_eq!((changes.len(), changes[0].sku.as_str(), changes[0].price_minor), (1, "KETTLE", 47_000));
    assert!(reporting::changes(&app.db, after(130), after(500), 10).await.unwrap().is_empty());
    let quality = reporting::quality(&app.db, 0, product.id, NOW, 10).await.unwrap();
    assert_eq!((quality.len(), quality[0].competitor.as_str(), quality[0].n), (1, "near.example", 2));
    let evaluated = reporting::evaluated(&app.db, clock.now(), 10).await.unwrap();
    assert_eq!((evaluated[0].product_id, evaluated[0].outcome.as_str()), (product.id, "change"));
}

/// A receiver on loopback that answers with the given codes, then with 200, and keeps what it got.
async fn receiver(codes: Vec<u16>) -> (u16, Arc<Mutex<Vec<(String, Vec<u8>)>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&got);
    tokio::spawn(async move {
        let mut codes = codes.into_iter();
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while stream.read_line(&mut head).await.unwrap() > 2 {}
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            let mut body = vec![0; length.map_or(0, |l| l.trim().parse().unwrap())];
            stream.read_exact(&mut body).await.unwrap();
            kept.lock().unwrap().push((head, body));
            let answer =
                format!("HTTP/1.1 {} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", codes.next().unwrap_or(200));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, got)
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_delays_mails_alone() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (hook, got) = receiver(vec![]).await;
    let extra = format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\ntimeout = \"3s\"\nfrom = \"o@shop.test\"\n\
         [alerts]\nwebhook = \"http://127.0.0.1:{hook}/alerts\"\nwebhook_secret = \"{SECRET}\"\n\
         [report]\nrecipients = [\"ann@shop.test\", \"bob@shop.test\", \"cid@shop.test\"]\n",
        silent.local_addr().unwrap().port()
    );
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(NOW);
    let app = app(&test, &clock, &extra).await;
    events::raise(&app.db, refused("channel-refused/webshop"), NOW).await.unwrap();
    clock.advance(20 * Millis::SECOND);
    alerting::watch(&app).await.unwrap();
    let sending = alerting::send_queued(&app);
    let hooked = async {
        while got.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        alerts::messages(&app.db, NOW, 10).await.unwrap()
    };
    tokio::pin!(sending);
    let meanwhile = tokio::select! {
        _ = &mut sending => panic!("the hook waited for the mails"),
        meanwhile = hooked => meanwhile,
    };
    let mut mails = meanwhile.iter().filter(|message| message.target.contains('@'));
    assert!(mails.all(|message| message.state == "queued"), "{meanwhile:?}");
    assert_eq!(sending.await.unwrap(), 1);
    let mut tries: Vec<i64> = alerts::messages(&app.db, NOW, 10).await.unwrap().iter().map(|m| m.tries).collect();
    tries.sort_unstable();
    assert_eq!(tries, [0, 0, 1, 1], "what keeps one mail waiting would keep the next");
}

#[tokio::test]
async fn whoever_was_removed_gets_nothing_that_was_queued_before() {
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(NOW);
    let both = "[report]\nrecipients = [\"ann@shop.test\", \"bob@shop.test\"]\n";
    let before = app(&test, &clock, both).await;
    events::raise(&before.db, refused("channel-refused/webshop"), NOW).await.unwrap();
    clock.advance(20 * Millis::SECOND);
    alerting::watch(&before).await.unwrap();
    let after = app(&test, &clock, "[report]\nrecipients = [\"ann@shop.test\"]\n").await;
    assert_eq!(alerting::send_queued(&after).await.unwrap(), 1);
    let told = alerts::messages(&after.db, NOW, 10).await.unwrap();
    let of = |target: &str| told.iter().find(|message| message.target == target).unwrap();
    assert_eq!((of("ann@shop.test").state.as_str(), of("bob@shop.test").state.as_str()), ("sent", "failed"));
    assert!(of("bob@shop.test").detail.contains("told nothing any more"));
    let [mail] = &mails(test.dir.path())[..] else { panic!("one mail") };
    assert!(headers(mail, "To:")[0].contains("ann@"));
}

#[tokio::test]
async fn hooks_get_the_same_signed_message_on_every_try() {
    let test = database(Engine::Sqlite).await.unwrap();
    let (port, got) = receiver(vec![503]).await;
    let (chat, chatted) = receiver(vec![]).await;
    let extra = format!(
        "[alerts]\nwebhook = \"http://127.0.0.1:{port}/alerts\"\nwebhook_secret = \"{SECRET}\"\nslack = \"http://127.0.0.1:{chat}/slack\"\n\
         teams = \"http://127.0.0.1:{chat}/teams\"\nwebhook_language = \"de\"\nslack_language = \"pl\"\n"
    );
    let clock = Clock::manual(NOW);
    let app = app(&test, &clock, &extra).await;
    events::raise(&app.db, refused("channel-refused/webshop"), NOW).await.unwrap();
    clock.advance(20 * Millis::SECOND);
    assert_eq!(alerting::round(&app).await.unwrap(), 2, "both chats took it, the webhook was busy");
    clock.advance(Millis::MINUTE);
    assert_eq!(alerting::round(&app).await.unwrap(), 1);
    let got = got.lock().unwrap();
    let [(first, body), (second, again)] = &got[..] else { panic!("{} tries", got.len()) };
    let header = |head: &str, name: &str| {
        head.lines().find_map(|l| l.strip_prefix(&format!("{name}: ")).map(str::to_owned)).unwrap()
    };
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert_eq!(header(first, name), header(second, name));
    }
    assert_eq!(body, again);
    let key = base64::engine::general_purpose::STANDARD.decode(&SECRET[6..]).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", header(first, "webhook-id"), header(first, "webhook-timestamp")).as_bytes());
    mac.update(body);
    let signature = base64::engine::general_purpose::STANDARD.decode(&header(first, "webhook-signature")[3..]).unwrap();
    mac.verify_slice(&signature).unwrap();
    let message: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!((message["type"].as_str(), message["data"]["open"].as_i64()), (Some("alert.raised"), Some(1)));
    let chatted: Vec<String> =
        chatted.lock().unwrap().iter().map(|(head, body)| format!("{head}{}", String::from_utf8_lossy(body))).collect();
    assert_eq!(chatted.len(), 2);
    for (path, words) in [("/slack", "Kanał nas odrzuca"), ("/teams", "Ein Kanal weist uns ab")] {
        assert!(chatted.iter().any(|text| text.contains(path) && text.contains(words)), "{path}: {chatted:?}");
    }
    let event = &message["data"]["events"][0];
    assert_eq!((&event["kind"], &event["title"]), (&"channel_refused".into(), &"Ein Kanal weist uns ab".into()));
    let said = "webshop nimmt keine Preise an: the channel refuses the credentials (401)";
    assert_eq!(event["message"], said, "the channel's own words stay");
}

/// Asks the served application; the whole answer.
pub async fn ask(port: u16, method: &str, path: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_show_on_get_and_act_on_post_only() {
    let world =
        World::open(database(Engine::Sqlite).await.unwrap(), Setup { mode: "review", ..Setup::default() }).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let app = Arc::clone(&world.app);
    let review = decisions::open_reviews(&app.db, 5).await.unwrap().remove(0);
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&app), listener, stop.clone()));
    let links = people::links(&app).await.unwrap();
    let person = address(&app.config.report.recipients[0]);
    let path = |purpose, until: i64| {
        format!("/people/{}", links.token(&Claim { purpose, person: person.clone(), until }).unwrap())
    };
    let state = async || decisions::review(&app.db, review.id).await.unwrap().unwrap().state;

    let approve = path(Purpose::Approve(review.id), review.expires_at);
    for _ in 0..3 {
        let shown = ask(port, "GET", &approve, "").await;
        assert!(
            shown.starts_with("HTTP/1.1 200") && shown.contains("<form method=\"post\">") && shown.contains("DKK"),
            "{shown}"
        );
        assert!(shown.contains("cache-control: no-store") && shown.contains("referrer-policy: no-referrer"), "{shown}");
    }
    assert_eq!(ask(port, "HEAD", &approve, "").await.lines().next().unwrap(), "HTTP/1.1 200 OK");
    assert_eq!(state().await, "open", "looking changes nothing");
    let forged = format!("{}x", approve);
    assert!(ask(port, "POST", &forged, "").await.starts_with("HTTP/1.1 404"));
    let expired = path(Purpose::Approve(review.id), 1);
    assert!(ask(port, "POST", &expired, "").await.starts_with("HTTP/1.1 410"));
    // A link to reject cannot approve, whatever is posted to it; one for another review is not this one's.
    assert!(ask(port, "POST", &path(Purpose::Approve(review.id + 99), 0), "").await.starts_with("HTTP/1.1 409"));
    assert_eq!(state().await, "open");
    let done = ask(port, "POST", &approve, "why=looks+right%0d%0aX").await;
    assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    assert_eq!(state().await, "approved");
    let decision = decisions::latest(&app.db, review.product_id).await.unwrap().unwrap();
    assert_eq!((decision.actor.as_str(), decision.price_minor), (person.as_str(), 47_900));
    assert!(ask(port, "POST", &approve, "").await.starts_with("HTTP/1.1 409"), "once");
    assert!(ask(port, "GET", &approve, "").await.starts_with("HTTP/1.1 409"));

    let product = path(Purpose::Product(review.product_id), 0);
    let shown = ask(port, "GET", &product, "").await;
    for expected in ["HTTP/1.1 200", "KETTLE", "<svg", "479.00", "webshop: ", "near.example: "] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    assert!(ask(port, "POST", &product, "").await.starts_with("HTTP/1.1 405"));
    assert!(ask(port, "GET", &path(Purpose::Product(9_999), 0), "").await.starts_with("HTTP/1.1 410"));

    let settings = path(Purpose::Settings, 0);
    let shown = ask(port, "GET", &settings, "").await;
    assert!(shown.contains("name=\"categories\""), "{shown}");
    let saved =
        ask(port, "POST", &settings, "language=pl&categories=audio%2C+%3Cb%3E&alerts=critical&off=true&mail=eve%40x")
            .await;
    assert!(saved.contains("Zapisano") && saved.contains("audio, &#60;b&#62;"), "{saved}");
    let reader = people::reader(&app, &person).await.unwrap();
    assert!(!reader.person.off && reader.address == person, "only what the form asks can be changed");
    let stored = subscriptions::get(&app.db, &person).await.unwrap().unwrap().value;
    let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let keys: Vec<&String> = stored.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["alerts", "categories", "language"], "what the page asks, and only what was changed");
    let shown = ask(port, "POST", &settings, "language=pl&alerts=critical&quiet_day=skip&quiet=22%3A00-06%3A00").await;
    assert!(shown.contains("Żaden produkt jeszcze tego nie ma: audio"), "an empty scope is said: {shown}");
    let stored = subscriptions::get(&app.db, &person).await.unwrap().unwrap().value;
    assert!(stored.contains("\"quiet\"") && !stored.contains("quiet_day"), "{stored}");
    let body = "categories=%22Home%2C+Garden%22&kinds=price_war&sections=market&attachments=csv&rise_amount=2.50";
    let saved = ask(port, "POST", &settings, body).await;
    assert!(saved.contains("&#34;Home, Garden&#34;"), "{saved}");
    let person_now = people::reader(&app, &person).await.unwrap().person;
    assert_eq!(
        (person_now.categories, person_now.kinds),
        (vec!["Home, Garden".to_owned()], vec!["price_war".to_owned()])
    );
    assert_eq!((person_now.sections.len(), person_now.attachments.len()), (1, 1));
    assert_eq!(person_now.rise_amount.0.to_string(), "2.50");
    let wrong = ask(port, "POST", &settings, "digest=never").await;
    assert!(wrong.starts_with("HTTP/1.1 422") && wrong.contains("To nie jest harmonogram."), "{wrong}");

    let leave = path(Purpose::Unsubscribe, 0);
    ask(port, "GET", &leave, "").await;
    assert_eq!(people::readers(&app).await.unwrap().len(), 1, "a scanner that follows the link unsubscribes nobody");
    let gone = ask(port, "POST", &leave, "List-Unsubscribe=One-Click").await;
    assert!(gone.starts_with("HTTP/1.1 200"), "{gone}");
    assert!(people::readers(&app).await.unwrap().is_empty());
    ask(port, "POST", &leave, "List-Unsubscribe=One-Click").await;
    assert!(people::readers(&app).await.unwrap().is_empty(), "twice is once");
    ask(port, "POST", &leave, "again=on").await;
    assert_eq!(people::readers(&app).await.unwrap().len(), 1);

    // Somebody who was added with costs hidden, and removed: old links bring nobody back.
    let hidden = serde_json::Map::from_iter([("hide_costs".to_owned(), serde_json::Value::Bool(true))]);
    people::change(&app, "eve@shop.test", hidden, "ops", "asked for").await.unwrap();
    let of_eve = |purpose, until: i64| {
        let claim = Claim { purpose, person: "eve@shop.test".to_owned(), until };
        format!("/people/{}", links.token(&claim).unwrap())
    };
    assert!(ask(port, "GET", &of_eve(Purpose::Settings, 0), "").await.starts_with("HTTP/1.1 200"));
    assert!(subscriptions::remove(&app.db, "eve@shop.test".into()).await.unwrap());
    assert!(ask(port, "GET", &of_eve(Purpose::Settings, 0), "").await.starts_with("HTTP/1.1 410"));
    assert!(ask(port, "POST", &of_eve(Purpose::Settings, 0), "language=da").await.starts_with("HTTP/1.1 410"));
    assert!(ask(port, "POST", &of_eve(Purpose::Unsubscribe, 0), "again=on").await.starts_with("HTTP/1.1 200"));
    let everybody = people::everybody(&app).await.unwrap();
    assert!(everybody.iter().all(|person| person.address() != "eve@shop.test"), "{everybody:?}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
