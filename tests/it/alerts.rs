//! Alerts through the real store and mailer: told once whatever restarts, and while what they tell of lasts.

mod hooks;
mod kept;
pub mod links;

use std::path::Path;
use std::sync::Arc;

use omniprice::app::{App, PAUSE};
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::report::{self, alerting, detect, people};
use omniprice::store::alerts;
use omniprice::store::decisions::{Evaluated, Written};
use omniprice::store::events::{self, Raise};
use omniprice::store::{decisions, products, settings, targets};

pub use self::links::ask;
use crate::both_engines;
use crate::harness::{RULES, TestDb};
use crate::logged::{check, evaluation, shown};
use crate::store_suite::{NOW, import, one};

both_engines![
    an_alert_is_told_once_whatever_restarts_and_its_end_in_the_same_thread,
    nobody_is_sent_a_digest_of_a_time_before_them,
    conditions_are_raised_while_they_last,
];
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
