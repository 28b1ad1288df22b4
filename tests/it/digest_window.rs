//! Where the window of a digest begins: nothing that happened between two mails is told by neither.

use std::path::Path;
use std::sync::Arc;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::report::{send_due, send_slot};
use omniprice::store::events;
use omniprice::store::products::{self, Import};
use omniprice::store::targets;

use crate::alerts::app;
use crate::both_engines;
use crate::harness::TestDb;
use crate::logged::{check, shown};
use crate::store_suite::{NOW, import};

both_engines![
    what_a_slot_passed_over_in_silence_is_told_by_the_next_mail,
    a_first_digest_covers_a_round_of_its_schedule,
];

const ANN: &str = "ann@shop.example";
const PAGE: &str = "near.example";

/// A mixer that we sell above its only competitor, and Ann, who is told of falls of five percent.
async fn shop(test: &TestDb, clock: &Clock, schedule: &str) -> Arc<App> {
    let person = format!(
        "[report]\ntime_zone = \"Europe/Copenhagen\"\n[[report.people]]\nmail = \"Ann <{ANN}>\"\nfall_pct = \"5\"\n\
         quiet_day = \"skip\"\ndigest = \"{schedule}\"\n"
    );
    let app = app(test, clock, &person).await;
    let row = Import { own_minor: 60_000, ..import("MIXER", &[(PAGE, "mixer")]) };
    products::import(&app.db, vec![row], clock.now()).await.unwrap();
    app
}

/// The competitor's page shows a price.
async fn see(app: &App, minor: i64) {
    let product = products::by_sku(&app.db, "MIXER").await.unwrap().unwrap();
    let page = targets::of_product(&app.db, product.id).await.unwrap().remove(0);
    targets::record(&app.db, vec![check(page.id, product.id, shown(minor), app.now())]).await.unwrap();
}

/// The text of the newest mail.
fn newest(folder: &Path) -> String {
    let files = std::fs::read_dir(folder.join("mail")).unwrap().map(|entry| entry.unwrap().path());
    let mut mails: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "eml")).collect();
    mails.sort_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap());
    std::fs::read_to_string(mails.pop().unwrap()).unwrap()
}

async fn states(app: &App) -> Vec<String> {
    let mut rows = events::digests(&app.db, 20).await.unwrap();
    rows.reverse();
    rows.into_iter().map(|row| row.state).collect()
}

async fn what_a_slot_passed_over_in_silence_is_told_by_the_next_mail(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "").await;
    let slot = async || {
        clock.advance(12 * Millis::HOUR);
        send_slot(&app, ANN, app.now()).await.unwrap()
    };
    see(&app, 40_000).await;
    assert!(!slot().await, "nothing moved");
    clock.advance(12 * Millis::HOUR);
    see(&app, 38_800).await;
    assert!(!slot().await, "three percent are no news");
    clock.advance(12 * Millis::HOUR);
    see(&app, 37_600).await;
    assert!(slot().await, "six percent since the last that she was told are");
    assert!(newest(test.dir.path()).contains("400.00"), "{}", newest(test.dir.path()));
    clock.advance(12 * Millis::HOUR);
    see(&app, 37_000).await;
    assert!(!slot().await, "what was told is not told again");
    // Nobody is there for two slots.
    clock.advance(12 * Millis::HOUR);
    see(&app, 34_000).await;
    clock.advance(2 * Millis::DAY);
    see(&app, 34_000).await;
    assert!(slot().await, "the fall lay two days back");
    let mail = newest(test.dir.path());
    assert!(mail.contains("376.00") && mail.contains("340.00"), "{mail}");
    assert_eq!(states(&app).await, ["skipped", "skipped", "sent", "skipped", "sent"]);
}

async fn a_first_digest_covers_a_round_of_its_schedule(test: TestDb) {
    // 09:00 in Copenhagen on Friday, 15 January 2027.
    let clock = Clock::manual(NOW);
    let app = shop(&test, &clock, "0 7 * * MON").await;
    see(&app, 40_000).await;
    clock.advance(6 * Millis::HOUR);
    see(&app, 35_000).await;
    clock.advance(2 * Millis::DAY + 15 * Millis::HOUR);
    see(&app, 35_000).await;
    clock.advance(2 * Millis::HOUR);
    assert_eq!(send_due(&app).await.unwrap(), 1, "Friday's fall, on Monday");
    let mail = newest(test.dir.path());
    assert!(mail.contains("400.00") && mail.contains("350.00"), "{mail}");
}
