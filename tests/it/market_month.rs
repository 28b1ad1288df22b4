//! Thirty simulated days in which the real application watches a market that misbehaves: what its own detectors raise, how
//! often each person is told, and what stays untold.
//!
//! Nothing here puts an event in by hand. A competitor refuses us for two days, a channel refuses our writes for a day, a
//! price war breaks out, exchange rates stop coming, one page gives every product the same price, somebody's tool changes
//! prices on a channel twice, and a channel comes and goes; in between the market moves by the dice.

mod told;

use omniprice::app::{App, PAUSE};
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::demo::market::{Shop, Shown};
use omniprice::report::{alerting, send_due};
use omniprice::store::settings::{self, Rate};
use omniprice::store::{alerts, events};
use sqlx::{Connection as _, Executor as _};

use crate::harness::{Engine, Setup, World, database, price};
use crate::month::{ADDRESSES, Dice, PEOPLE as ALL_THREE, START};

const DAYS: i64 = 30;
/// The watch, in the simulation; while a channel comes and goes it is [`QUICK`].
const STEP: i64 = HOUR;
const QUICK: i64 = 10 * Millis::MINUTE;
/// Pages are looked at this often.
const LOOKS: i64 = 3 * HOUR;
/// Rounds in which what is under way arrives; what a channel refuses would be looked at for ever.
const ROUNDS: usize = 40;
const HOUR: i64 = Millis::HOUR;
const DAY: i64 = Millis::DAY;
/// Our prices lie so near each other that one price for all of them moves each a little only.
const PRODUCTS: [(&str, &str, Option<&str>); 4] = [
    ("KETTLE", "499.00", Some("250.00")),
    ("LAMP", "501.00", Some("250.00")),
    ("CHAIR", "503.00", Some("250.00")),
    ("TABLE", "505.00", Some("250.00")),
];
const RULES: &str = r#"
[[competitor]]
id = "nord.example"
currency = "SEK"
[[rule]]
id = "under"
priority = 900
mode = "auto"
target = { kind = "lowest" }
adjust = { amount = "-1.00" }
bounds = { min = [ { margin_pct = "10" } ] }
"#;
const CONFIG: &str = r#"
[fx]
fetch = "off"
[guards.rivalry]
least_alternations = 6
[guards.run]
same_value_least = 2
[alerts]
drift_above = 2
"#;
/// The one whom the configuration names, and those of the months.
const PEOPLE: [&str; 4] = ["pricing@shop.example", ADDRESSES[0], ADDRESSES[1], ADDRESSES[2]];

/// Days and hours from the start.
const fn at(day: i64, hour: i64) -> i64 {
    day * DAY + hour * HOUR
}

/// A time in which something is so.
#[derive(Debug, Clone, Copy)]
struct Spell(i64, i64);

impl Spell {
    const fn has(self, elapsed: i64) -> bool {
        self.0 <= elapsed && elapsed < self.1
    }
}

const REFUSING_HOST: Spell = Spell(at(2, 9), at(4, 9));
const CLOSED_CHANNEL: Spell = Spell(at(6, 12), at(7, 12));
const WAR: Spell = Spell(at(9, 8), at(9, 20));
/// After the publication of Wednesday, 11 November, until that of Friday, 27 November.
const NO_RATES: Spell = Spell(at(11, 0), at(26, 15));
const ONE_PRICE: Spell = Spell(at(14, 10), at(14, 22));
const TOOL: Spell = Spell(at(17, 10), at(17, 20));
const TOOL_AGAIN: Spell = Spell(at(18, 10), at(19, 10));
const FLAPPING: Spell = Spell(at(21, 9), at(21, 15));
const KILL_SWITCH: Spell = Spell(at(24, 9), at(24, 13));

/// What must be raised by the detectors themselves, and be over again: kind, whose, the spell, and how long after its
/// beginning and its end the detector may take.
const SCRIPT: [(&str, &str, Spell, i64, i64); 8] = [
    // A host that refuses rests for up to a day before it is asked again.
    ("competitor_unreachable", "near.example", REFUSING_HOST, 8 * HOUR, 25 * HOUR),
    // Nobody says that the key is mended: a write is tried every hour, and here lanes go on every three.
    ("channel_refused", "webshop", CLOSED_CHANNEL, 12 * HOUR, LOOKS + HOUR),
    ("rivalry", "near.example", WAR, 12 * HOUR, 25 * HOUR),
    // Two publications have to be missed first; a weekend has none.
    ("fx_stale", "", NO_RATES, 5 * DAY, HOUR),
    ("run_held", "", ONE_PRICE, 7 * HOUR, 27 * HOUR),
    ("drift", "webshop", TOOL, 3 * HOUR, 3 * HOUR),
    ("drift", "webshop", TOOL_AGAIN, 3 * HOUR, 3 * HOUR),
    ("paused", "", KILL_SWITCH, HOUR, HOUR),
];

fn show_all(shop: &Shop, shown: impl Fn(usize) -> Shown) {
    for (n, (sku, ..)) in PRODUCTS.iter().enumerate() {
        shop.show(sku, shown(n));
    }
}

/// What the market asks, beside what is scripted.
struct Market {
    near: Vec<i64>,
    far: Vec<i64>,
    edited: bool,
}

impl Market {
    /// Small moves around the same level; nothing moves while somebody's tool is looked at.
    fn roll(&mut self, dice: &mut Dice, elapsed: i64) {
        if Spell(TOOL.0 - DAY, TOOL_AGAIN.1 + 6 * HOUR).has(elapsed) {
            return;
        }
        for (n, ours) in PRODUCTS.iter().map(|row| crate::harness::minor(row.1)).enumerate() {
            let war = n == 0 && Spell(WAR.0 - 6 * HOUR, WAR.1 + DAY).has(elapsed);
            for asked in [&mut self.near, &mut self.far] {
                if dice.below(24) == 0 && !war {
                    asked[n] = ours + 100 * (dice.below(11) - 4);
                }
            }
        }
    }

    async fn show(&mut self, world: &World, elapsed: i64, outages: &[Spell]) {
        // A price has to go out for a channel to refuse it.
        if elapsed == CLOSED_CHANNEL.0 {
            self.near[1] = 49_100;
        }
        let of = |asked: &[i64]| {
            let asked = asked.to_vec();
            move |n: usize| price(asked[n])
        };
        match () {
            () if REFUSING_HOST.has(elapsed) => show_all(&world.near, |_| Shown::Challenge),
            () if ONE_PRICE.has(elapsed) => show_all(&world.near, |_| price(48_900)),
            () => show_all(&world.near, of(&self.near)),
        }
        let out = outages.iter().any(|spell| spell.has(elapsed));
        if out {
            show_all(&world.far, |_| Shown::Challenge)
        } else {
            show_all(&world.far, of(&self.far))
        }
        if WAR.has(elapsed) {
            // A rival that goes below us whenever we move.
            self.near[0] = world.ours("KETTLE").await - 700;
            world.near.show("KETTLE", price(self.near[0]));
        } else if Spell(WAR.1, WAR.1 + DAY).has(elapsed) {
            self.near[0] = 49_900;
        }
        world.webshop.close(CLOSED_CHANNEL.has(elapsed));
        world.webshop.mute(FLAPPING.has(elapsed) && (elapsed / QUICK) % 2 == 0);
        let tool = TOOL.has(elapsed) || TOOL_AGAIN.has(elapsed);
        if tool != self.edited {
            self.edited = tool;
            for (sku, ..) in &PRODUCTS[1..] {
                let ours = world.listing(sku, "webshop").await.desired_minor.unwrap();
                world.webshop.edit(sku, if tool { ours + 1_000 } else { ours });
            }
        }
    }
}

/// Rates come on working days in the afternoon.
async fn rates(app: &App, elapsed: i64) {
    let day = app.now().timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    let working = !matches!(day.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
    let first = elapsed == 0;
    if first || (working && elapsed % DAY == 15 * HOUR && !NO_RATES.has(elapsed)) {
        let day = if first { day.yesterday().unwrap().yesterday().unwrap() } else { day };
        let row =
            |currency: &str, rate: &str| Rate { day: day.to_string(), currency: currency.into(), rate: rate.into() };
        settings::keep_rates(&app.db, vec![row("DKK", "7.4600"), row("SEK", "11.3500")], app.now()).await.unwrap();
    }
}

#[tokio::test]
async fn detectors_tell_a_month_s_troubles_once_each_and_in_few_mails() {
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(START);
    let config: &'static str = format!("{CONFIG}{ALL_THREE}").leak();
    let setup = Setup { products: PRODUCTS.to_vec(), rules: RULES, config, ..Setup::default() };
    let mut world = World::open_at(test, setup, clock.clone()).await;
    let mut dice = Dice(0x5eed_2026_1123);
    let ours: Vec<i64> = PRODUCTS.iter().map(|row| crate::harness::minor(row.1)).collect();
    let mut market = Market { near: ours.clone(), far: ours, edited: false };
    // Short ones of the other competitor, by the dice.
    let mut outage = |_| {
        let start = dice.below(DAYS * DAY);
        Spell(start, start + 2 * HOUR + dice.below(6 * HOUR))
    };
    let outages: Vec<Spell> = (0..2).map(&mut outage).collect();
    let mut hosts = sqlx::SqliteConnection::connect(&world.test.url).await.unwrap();
    let mut digests = 0;
    let mut elapsed = 0;
    while elapsed < DAYS * DAY {
        clock.advance(START.plus(elapsed).since(clock.now()));
        rates(&world.app, elapsed).await;
        if elapsed % LOOKS == 0 {
            market.roll(&mut dice, elapsed);
        }
        market.show(&world, elapsed, &outages).await;
        kill_switch(&world.app, elapsed).await;
        unhurried(&mut hosts).await;
        let busy = FLAPPING.has(elapsed - HOUR) || FLAPPING.has(elapsed);
        if elapsed % LOOKS == 0 || busy {
            world.drive_for(ROUNDS).await;
        }
        // A new process once a day, in the middle of whatever is going on.
        if elapsed % DAY == 13 * HOUR {
            world.app = App::build(Config::load(Some(&world.config), &[]).unwrap(), clock.clone()).await.unwrap();
        }
        alerting::round(&world.app).await.unwrap();
        digests += send_due(&world.app).await.unwrap();
        elapsed += if busy { QUICK } else { STEP };
    }
    let db = &world.app.db;
    let messages = alerts::messages(db, START.plus(-1), 100_000).await.unwrap();
    let raised = alerts::events(db, START.plus(-1), 100_000).await.unwrap();
    let rows = events::digests(db, 10_000).await.unwrap();
    told::table(&messages, &rows, digests);
    let mut wrong = told::by_the_script(&raised);
    for person in PEOPLE {
        let told = told::told(&messages, person);
        wrong.extend(told::untold(person, &told, &raised));
        wrong.extend(told::repeated(person, &told));
        wrong.extend(told::ends(person, &told, &raised));
        wrong.extend(told::too_many(person, &messages));
        wrong.extend(told::adverts_told(person, &told, &raised));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Pauses between the pages of a host that refused us are waited for in real time; this month has none to spare. How long
/// the host is left alone altogether is counted by the simulated clock, and stays.
async fn unhurried(hosts: &mut sqlx::SqliteConnection) {
    hosts.execute("update hosts set delay_ms = 0").await.unwrap();
}

async fn kill_switch(app: &App, elapsed: i64) {
    if elapsed == KILL_SWITCH.0 {
        let [key, on, who, why] = [PAUSE, "on", "ann", "stocktaking"].map(str::to_owned);
        settings::set(&app.db, key, on, who, why, app.now()).await.unwrap();
    } else if elapsed == KILL_SWITCH.1 {
        settings::clear(&app.db, PAUSE).await.unwrap();
    }
}
