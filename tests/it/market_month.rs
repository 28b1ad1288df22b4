//! Thirty simulated days in which the real application watches a market that misbehaves: what its own detectors raise, how
//! often each person is told, and what stays untold.
//!
//! Nothing here puts an event in by hand. A competitor refuses us for two days, a channel refuses our writes for a day, a
//! price war breaks out, exchange rates stop coming, one page gives every product the same price, somebody's tool changes
//! prices on a channel twice, and a channel comes and goes; in between the market moves by the dice.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use omniprice::app::{App, PAUSE};
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::demo::market::{Shop, Shown};
use omniprice::report::alerts::{Body, rule};
use omniprice::report::lang::Kind;
use omniprice::report::{alerting, send_due};
use omniprice::store::alerts::{self, Message};
use omniprice::store::channels;
use omniprice::store::events::{self, Event};
use omniprice::store::settings::{self, Rate};
use sqlx::{Connection as _, Executor as _};

use crate::harness::{Engine, Setup, World, database, price};
use crate::replay_month::Dice;

const DAYS: i64 = 30;
/// The watch, in the simulation; while a channel comes and goes it is [`QUICK`].
const STEP: i64 = HOUR;
const QUICK: i64 = 10 * Millis::MINUTE;
/// Pages are looked at this often.
const LOOKS: i64 = 3 * HOUR;
/// Sunday, 1 November 2026, midnight in UTC.
const START: Millis = Millis(1_793_491_200_000);
/// Rounds in which what is under way arrives; what a channel refuses would be looked at for ever.
const ROUNDS: usize = 40;
const HOUR: i64 = Millis::HOUR;
const DAY: i64 = Millis::DAY;
/// A group collects, and then waits for its half hour; nothing critical may take longer than that and a step each.
const TOLD_WITHIN: i64 = 30 * Millis::MINUTE + 2 * STEP;
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
[[report.people]]
mail = "Ann <ann@shop.example>"
time_zone = "Europe/Copenhagen"
digest = "0 7 * * *"
[[report.people]]
mail = "Bo <bo@shop.example>"
language = "sv"
time_zone = "Europe/Stockholm"
digest = "0 8 * * MON-FRI"
quiet = "20:00-07:00"
[[report.people]]
mail = "Ola <ola@shop.example>"
language = "pl"
time_zone = "Europe/Warsaw"
digest = "0 7 * * *"
alerts = "critical"
"#;
const PEOPLE: [&str; 4] = ["pricing@shop.example", "ann@shop.example", "bo@shop.example", "ola@shop.example"];

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
    // Writes are tried again at growing distances, at most half of the time that the refusal has lasted.
    ("channel_refused", "webshop", CLOSED_CHANNEL, 12 * HOUR, 13 * HOUR),
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
        if elapsed == CLOSED_CHANNEL.1 {
            // Somebody mends the key and says so.
            let (db, now) = (&world.app.db, world.app.now());
            channels::set_state(db, "webshop".into(), "ok", String::new(), now).await.unwrap();
        }
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
    let setup = Setup { products: PRODUCTS.to_vec(), rules: RULES, config: CONFIG, ..Setup::default() };
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
    table(&messages, &rows, digests);
    let mut wrong = by_the_script(&raised);
    for person in PEOPLE {
        let told = told(&messages, person);
        wrong.extend(untold(person, &told, &raised));
        wrong.extend(repeated(person, &told));
        wrong.extend(ends(person, &told, &raised));
        wrong.extend(too_many(person, &messages));
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

/// What one message says of one event.
struct Told {
    what: String,
    kind: String,
    at: Millis,
    over: bool,
    first_at: i64,
}

/// What a person takes for one and the same thing, whatever it is stored as: a war that two parts of the program noticed is
/// one war. Each held run is one of its own.
fn what((kind, message): (&str, &str), sku: Option<&str>, of: [Option<&str>; 2], first_at: i64) -> String {
    let run = (kind == "run_held").then(|| Millis(first_at).to_string());
    let kind = format!("{:?}", Kind::told(kind, message));
    let parts = [Some(kind.as_str()), sku, of[0], of[1], run.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

fn of_event(event: &Event) -> String {
    let of = [event.channel.as_deref(), event.competitor.as_deref()];
    what((&event.kind, &event.message), event.sku.as_deref(), of, event.first_at)
}

fn told(messages: &[Message], person: &str) -> Vec<Told> {
    let mut told = Vec::new();
    for message in messages.iter().filter(|message| message.target == person) {
        assert_eq!(message.state, "sent", "{}", message.detail);
        let body: Body = serde_json::from_str(&message.body).unwrap();
        assert_eq!(body.items.len(), body.open + body.resolved, "nothing is left to be counted only");
        told.extend(body.items.into_iter().map(|item| Told {
            what: what(
                (&item.kind, &item.message),
                item.sku.as_deref(),
                [item.channel.as_deref(), item.competitor.as_deref()],
                item.first_at,
            ),
            kind: item.kind,
            at: Millis(message.created_at),
            over: item.resolved_at.is_some(),
            first_at: item.first_at,
        }));
    }
    told.sort_by_key(|one| one.at);
    told
}

/// Every trouble of the script was noticed in its time, and its end, too.
fn by_the_script(raised: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (kind, whose, spell, noticed, mended) in SCRIPT {
        let (from, until) = (START.plus(spell.0), START.plus(spell.1));
        let mine = |event: &&Event| {
            event.kind == kind
                && (whose.is_empty() || [&event.channel, &event.competitor].into_iter().flatten().any(|of| of == whose))
        };
        let began = |event: &&Event| (0..=noticed).contains(&Millis(event.first_at).since(from));
        let those: Vec<&Event> = raised.iter().filter(mine).filter(began).collect();
        if those.is_empty() {
            wrong.push(format!("{kind} of {whose} from {from} on was never raised"));
        }
        for event in those {
            if event.resolved_at.is_none_or(|end| Millis(end).since(until) > mended) {
                wrong.push(format!("{kind} of {whose} until {until} lasts: {event:?}"));
            }
        }
    }
    wrong
}

/// Whether an event was explained by another one that stood open when it began.
fn covered(event: &Event, raised: &[Event]) -> bool {
    let causes: &[&str] = match event.kind.as_str() {
        "channel_late" | "parity_below_goal" | "drift" => {
            &["channel_refused", "channel_unreachable", "fleet_breaker", "paused"]
        }
        "price_war" | "rivalry" => &["competitor_unreachable", "competitor_suspended", "paused"],
        "paused" | "floor_breach" => &[],
        _ => &["paused"],
    };
    raised.iter().any(|other| {
        causes.contains(&other.kind.as_str())
            && (other.kind == "paused"
                || (other.channel == event.channel && event.channel.is_some())
                || (other.competitor == event.competitor && event.competitor.is_some()))
            && other.first_at <= event.first_at + TOLD_WITHIN
            && other.resolved_at.is_none_or(|end| end >= event.first_at)
    })
}

/// Critical events that a person did not hear of in time. What came back before its end was told is known already.
fn untold(person: &str, told: &[Told], raised: &[Event]) -> Vec<String> {
    let mut missed = Vec::new();
    let month_end = START.plus(DAYS * DAY);
    for event in raised.iter().filter(|event| event.severity == "critical") {
        let begun = Millis(event.first_at);
        let short = event.resolved_at.is_some_and(|end| Millis(end).since(begun) < TOLD_WITHIN);
        if !rule(Kind::of(&event.kind)).immediate
            || covered(event, raised)
            || short
            || month_end.since(begun) < TOLD_WITHIN
        {
            continue;
        }
        let name = of_event(event);
        // Rates are stale for a week before that is critical: until then it waits out quiet hours, and whoever wants only
        // what is critical hears of it then.
        let within = match (event.kind.as_str(), person.split_once('@').map(|(name, _)| name)) {
            ("fx_stale", Some("bo")) => 14 * HOUR,
            ("fx_stale", Some("ola")) => 7 * DAY,
            _ => TOLD_WITHIN,
        };
        let known = told.iter().rfind(|one| one.what == name && one.at.since(begun) <= within);
        if known.is_none_or(|one| one.over) {
            missed.push(format!("{person} was not told of {name} since {begun}: {}", event.message));
        }
    }
    missed
}

/// What was said again although nothing had changed, sooner than its kind is reminded of.
fn repeated(person: &str, told: &[Told]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut last: BTreeMap<&str, &Told> = BTreeMap::new();
    for one in told {
        let Some(before) = last.insert(&one.what, one) else {
            if one.over {
                wrong.push(format!("{person} was told the end of {} and never its beginning", one.what));
            }
            continue;
        };
        let apart = one.at.since(before.at);
        let repeat = rule(Kind::of(&one.kind)).repeat;
        match (before.over, one.over) {
            (true, true) => wrong.push(format!("{person} was told the end of {} twice, at {}", one.what, one.at)),
            (false, false) if one.first_at == before.first_at && repeat.is_none_or(|repeat| apart < repeat) => {
                wrong.push(format!(
                    "{person} was reminded of {} after {} min, at {}",
                    one.what,
                    apart / 60_000,
                    one.at
                ));
            }
            (false, false) if repeat.is_some_and(|repeat| apart < repeat) => {
                wrong.push(format!("{person} was told {} anew after {} min, at {}", one.what, apart / 60_000, one.at));
            }
            _ => {}
        }
    }
    wrong
}

/// What was told, and is over for a day and a half without having come back, was told to be over.
fn ends(person: &str, told: &[Told], raised: &[Event]) -> Vec<String> {
    let mut newest: BTreeMap<String, &Event> = BTreeMap::new();
    for event in raised {
        let known = newest.entry(of_event(event)).or_insert(event);
        if event.id > known.id {
            *known = event;
        }
    }
    let settled = START.plus(DAYS * DAY - 36 * HOUR);
    let over = newest.iter().filter(|(_, event)| event.resolved_at.is_some_and(|end| end < settled.0));
    over.filter(|(name, _)| told.iter().rfind(|one| one.what == **name).is_some_and(|one| !one.over))
        .map(|(name, _)| format!("{person} was not told that {name} is over"))
        .collect()
}

/// Messages of one person by day, and whether each was an early digest. All four live in UTC or an hour ahead of it.
fn by_day<'a>(person: &str, messages: &'a [Message]) -> BTreeMap<i64, Vec<&'a Message>> {
    let ahead = if person.starts_with("pricing") { 0 } else { HOUR };
    let mut days: BTreeMap<i64, Vec<&Message>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.target == person) {
        days.entry((Millis(message.created_at).since(START) + ahead) / DAY).or_default().push(message);
    }
    days
}

/// Alerts of one person beyond what a day, and a month, may bring.
fn too_many(person: &str, messages: &[Message]) -> Vec<String> {
    let days = by_day(person, messages);
    let all: usize = days.values().map(Vec::len).sum();
    let mut wrong = Vec::new();
    for (day, own) in &days {
        if own.len() > MOST_A_DAY {
            wrong.push(format!("{person} got {} alerts on day {day}", own.len()));
        }
    }
    if all > MOST_A_MONTH {
        wrong.push(format!("{person} got {all} alerts in a month"));
    }
    wrong
}

/// Ten messages and the early digest (SEMANTICS 6.3).
const MOST_A_DAY: usize = 11;
/// Some of the month's troubles last for days, and are told again as often as the table says.
const MOST_A_MONTH: usize = 110;

fn table(messages: &[Message], rows: &[events::DigestRow], digests: u64) {
    println!("{} alert mails and {digests} digests in {DAYS} days", messages.len());
    let mut head = format!("{:>22}", "alerts on day");
    for day in 0..=DAYS {
        write!(head, "{day:>3}").unwrap();
    }
    println!("{head}  all  digests");
    for person in PEOPLE {
        let days = by_day(person, messages);
        let mut line = format!("{person:>22}");
        for day in 0..=DAYS {
            write!(line, "{:>3}", days.get(&day).map_or(0, Vec::len)).unwrap();
        }
        let all: usize = days.values().map(Vec::len).sum();
        let sent = rows.iter().filter(|row| row.recipient == person && row.state == "sent").count();
        println!("{line}  {all:>3}  {sent}");
    }
}
