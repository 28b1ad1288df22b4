//! Tax rates that begin, channel settings that change, exchange rates by schedule: what moves prices although nobody and
//! no competitor moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use omniprice::clock::{Clock, Millis};
use omniprice::decide::fx::Freshness;
use omniprice::flow;
use omniprice::store::{decisions, events, listings, products, settings, terms};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World};

both_engines![
    a_new_tax_rate_is_passed_on_at_local_midnight_where_the_policy_says_so,
    a_new_tax_rate_is_kept_from_buyers_by_default_and_the_floor_follows,
    new_channel_settings_are_wanted_on_that_channel_alone_and_never_below_its_floor,
    rates_are_fetched_while_a_publication_is_missing_and_prices_follow_large_moves_only,
];

/// 2026-11-30, ten in the evening in Copenhagen.
const EVENING: Millis = Millis(1_796_072_400_000);
const KEEP: &str = "[[rule]]\nid = \"stay\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"keep\" }\n";

fn tax(policy: &str) -> &'static str {
    let text = format!(
        "[vat]\nrates = [{{ country = \"DK\", class = \"standard\", from = \"2020-01-01\", until = \"2026-11-30\", percent = \"25\" }}, \
         {{ country = \"DK\", class = \"standard\", from = \"2026-12-01\", percent = \"20\" }}]\non_change_in = {{ DK = \"{policy}\" }}\n"
    );
    Box::leak(text.into_boxed_str())
}

async fn a_new_tax_rate_is_passed_on_at_local_midnight_where_the_policy_says_so(test: TestDb) {
    let setup = Setup { rules: KEEP, config: tax("pass_through"), ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(EVENING)).await;
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 49_900, "the day is not over");
    world.app.clock.advance(Millis::HOUR);
    world.settle().await;
    // 499.00 / 1.25 * 1.20 = 479.04
    assert_eq!(world.ours("KETTLE").await, 47_904);
    assert_eq!(world.listing("KETTLE", "webshop").await.live_minor, Some(47_904));
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let newest = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    assert_eq!(newest.actor, "vat");
    assert!(newest.why.contains("from 25 to 20 %"), "{}", newest.why);
    assert_eq!(terms::vat_of(&world.app.db, product.id).await.unwrap().unwrap().percent, "20");
    world.app.clock.advance(Millis::DAY);
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_904, "once");
}

async fn a_new_tax_rate_is_kept_from_buyers_by_default_and_the_floor_follows(test: TestDb) {
    let setup = Setup { rules: KEEP, config: tax("keep_gross"), ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(EVENING)).await;
    world.drive().await;
    world.app.clock.advance(3 * Millis::HOUR);
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 49_900);
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let evaluation = decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
    assert!(evaluation.evaluated_at >= EVENING.plus(2 * Millis::HOUR).0, "it was decided again");
    assert!(evaluation.record.contains("DK/standard/2026-12-01"), "with the new row");
}

/// The rules of a world with other settings of the till.
fn till(world: &World, percent: &str) {
    let path = world.test.dir.path().join("rules.toml");
    let rules = format!(
        "{}\n{KEEP}\n[[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\nadjust = {{ percent = \"{percent}\" }}\n\
         floor = {{ margin_pct = \"10\" }}\n",
        crate::harness::RULES
    );
    std::fs::write(path, rules).unwrap();
}

async fn new_channel_settings_are_wanted_on_that_channel_alone_and_never_below_its_floor(test: TestDb) {
    let world = World::open_at(test, Setup { rules: KEEP, ..Setup::default() }, Clock::manual(EVENING)).await;
    world.drive().await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    // A first decision, so that prices are wanted at all.
    let listing = world.listing("KETTLE", "till").await;
    let wish = listings::Desire { listing_id: listing.id, price: Ok(49_900) };
    listings::desire_again(&world.app.db, vec![(wish, None)], world.app.now()).await.unwrap();
    world.settle().await;
    let seq = |channel: &'static str| {
        let world = &world;
        async move { world.listing("KETTLE", channel).await.desired_seq }
    };
    let before = (seq("webshop").await, seq("till").await);
    till(&world, "4");
    world.settle().await;
    world.settle().await;
    let after = world.listing("KETTLE", "till").await;
    assert_eq!((after.live_minor, after.desired_seq), (Some(51_896), before.1 + 1), "499.00 and four percent");
    assert_eq!(seq("webshop").await, before.0);
    assert_eq!(decisions::latest(&world.app.db, product.id).await.unwrap().map(|d| d.version), None, "no decision");
    world.settle().await;
    assert_eq!(seq("till").await, before.1 + 1, "unchanged terms want nothing");
    till(&world, "-60");
    world.settle().await;
    world.settle().await;
    // 250.00 / 0.90 * 1.25
    assert_eq!(world.listing("KETTLE", "till").await.live_minor, Some(34_723));
}

/// A bank on loopback: serves the file it is given, or fails while there is none.
pub struct Bank {
    pub port: u16,
    file: Arc<std::sync::Mutex<Option<String>>>,
    asked: Arc<AtomicU16>,
}

impl Bank {
    pub async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let file = Arc::new(std::sync::Mutex::new(None::<String>));
        let asked = Arc::new(AtomicU16::new(0));
        let (served, counted) = (Arc::clone(&file), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut request = [0_u8; 4096];
                let _ = stream.read(&mut request).await;
                let body = served.lock().unwrap().clone();
                let (status, body) = body.map_or(("503 Unavailable", String::new()), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(body.as_bytes()).await;
            }
        });
        Self { port, file, asked }
    }

    pub fn publish(&self, day: &str, dkk: &str, sek: &str) {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" \
             xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\"><Cube><Cube time='{day}'>\
             <Cube currency='DKK' rate='{dkk}'/><Cube currency='SEK' rate='{sek}'/></Cube></Cube></gesmes:Envelope>"
        );
        *self.file.lock().unwrap() = Some(text);
    }

    pub fn asked(&self) -> u16 {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn rates_are_fetched_while_a_publication_is_missing_and_prices_follow_large_moves_only(test: TestDb) {
    let bank = Bank::open().await;
    let config = format!(
        "[fx]\nurl = \"http://127.0.0.1:{}/daily.xml\"\nretry_every = \"30m\"\n\
         [channels.sweden]\nkind = \"feed\"\npath = \"feeds/sweden.xml\"\ntitle = \"Shop\"\nlink = \"https://shop.example/p/{{sku}}\"\n\
         currency = \"SEK\"\ntax = \"gross\"\n",
        bank.port
    );
    let setup = Setup { rules: KEEP, config: Box::leak(config.into_boxed_str()), ..Setup::default() };
    // Tuesday, ten in the morning in Frankfurt: Monday's rates are the newest that are due.
    let world = World::open_at(test, setup, Clock::manual(Millis(1_796_115_600_000))).await;
    world.drive().await;
    let open = |kind: &'static str| {
        let db = world.app.db.clone();
        async move { events::open(&db, 50).await.unwrap().into_iter().any(|e| e.kind == kind) }
    };
    assert_eq!(bank.asked(), 1);
    assert!(open("fx_fetch_failed").await && open("fx_stale").await);
    world.settle().await;
    assert_eq!(bank.asked(), 1, "a bank that fails is left alone for a while");
    bank.publish("2026-11-30", "7.4500", "11.0000");
    world.app.clock.advance(31 * Millis::MINUTE);
    world.settle().await;
    assert_eq!(bank.asked(), 2);
    assert_eq!(world.app.fx().await.unwrap().unwrap().freshness, Freshness::Fresh);
    assert!(!open("fx_fetch_failed").await && !open("fx_stale").await);
    let id = world.listing("KETTLE", "sweden").await.id;
    let wish = listings::Desire { listing_id: id, price: Ok(73_678) };
    listings::desire_again(&world.app.db, vec![(wish, None)], world.app.now()).await.unwrap();
    world.app.clock.advance(2 * Millis::HOUR);
    world.settle().await;
    assert_eq!(bank.asked(), 2, "fresh rates are not asked for");
    // A small move the next day, then a large one.
    world.app.clock.advance(Millis::DAY);
    bank.publish("2026-12-01", "7.4500", "11.0300");
    world.settle().await;
    assert_eq!((bank.asked(), world.listing("KETTLE", "sweden").await.desired_minor), (3, Some(73_678)), "0.27 %");
    world.app.clock.advance(Millis::DAY);
    bank.publish("2026-12-02", "7.4500", "11.2200");
    world.settle().await;
    // 499.00 / 7.45 * 11.22 = 751.51
    assert_eq!(world.listing("KETTLE", "sweden").await.desired_minor, Some(75_151), "2 %");
    // The bank falls silent: late, then stale and told.
    world.app.clock.advance(7 * Millis::DAY);
    *bank.file.lock().unwrap() = None;
    world.settle().await;
    assert!(open("fx_stale").await);
    assert!(settings::get(&world.app.db, "fx/used").await.unwrap().is_some());
    flow::tend(&world.app).await.unwrap();
    // What is live stays, and nothing that was computed with such rates goes out.
    let wish = listings::Desire { listing_id: id, price: Ok(73_000) };
    listings::desire_again(&world.app.db, vec![(wish, None)], world.app.now()).await.unwrap();
    world.settle().await;
    let held = world.listing("KETTLE", "sweden").await;
    assert_eq!((held.state.as_str(), held.live_minor), ("held", Some(75_151)), "{}", held.reason);
    assert_eq!(held.reason, "waits for newer exchange rates; the newest are of 2026-12-02");
    assert!(!open("held_at_door").await && !open("not_sent").await, "what is told is the rates");
    bank.publish("2026-12-09", "7.4500", "11.2200");
    world.app.clock.advance(31 * Millis::MINUTE);
    world.settle().await;
    let sent = world.listing("KETTLE", "sweden").await;
    assert_eq!((sent.live_minor, open("fx_stale").await), (Some(73_000), false), "{}", sent.reason);
}
