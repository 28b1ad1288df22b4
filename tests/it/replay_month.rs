//! Ten simulated days with more incidents than any shop has, seeded: how many mails each person gets a day, whether
//! anything is repeated, and whether anything critical was missed. The incidents are put in by hand, to load the planner;
//! what the detectors make of a month's market is in `market_month.rs`.

use std::collections::{BTreeMap, BTreeSet};

use omniprice::clock::{Clock, Millis};
use omniprice::report::alerts::Body;
use omniprice::report::{alerting, send_due};
use omniprice::store::alerts::{self, Message};
use omniprice::store::events::{self, Raise};
use omniprice::store::{products, targets};

use crate::alerts::{app, decided, seen};
use crate::harness::{Engine, database};
use crate::month::{ADDRESSES, Dice, PEOPLE, START};
use crate::store_suite::import;

const DAYS: i64 = 10;
const STEP: i64 = 20 * Millis::MINUTE;
/// From the first message of a group to the next, and a step of the simulation: nothing critical may take longer.
const LATEST: i64 = 30 * Millis::MINUTE + 2 * STEP;

/// Something that goes wrong for a while.
struct Episode {
    kind: &'static str,
    severity: &'static str,
    channel: Option<&'static str>,
    competitor: Option<String>,
    start: i64,
    end: i64,
    /// Comes and goes every so many milliseconds in between.
    flaps: Option<i64>,
}

fn incidents(dice: &mut Dice) -> Vec<Episode> {
    let mut episodes = Vec::new();
    let kinds: [(&str, &str, bool); 7] = [
        ("channel_refused", "critical", true),
        ("held_at_door", "critical", true),
        ("run_held", "critical", false),
        ("price_war", "critical", false),
        ("rules_broken", "critical", false),
        ("competitor_unreachable", "warning", false),
        ("two_writers", "warning", true),
    ];
    for _ in 0..40 {
        let (kind, severity, on_channel) = kinds[usize::try_from(dice.below(7)).unwrap()];
        let start = dice.below(DAYS * Millis::DAY - 12 * Millis::HOUR);
        let channel = on_channel.then(|| ["webshop", "till", "market"][usize::try_from(dice.below(3)).unwrap()]);
        let competitor = (!on_channel).then(|| format!("shop-{}.example", dice.below(12)));
        let end = start + Millis::HOUR + dice.below(10 * Millis::HOUR);
        let flaps = (dice.below(3) == 0).then_some(3 * Millis::MINUTE);
        episodes.push(Episode { kind, severity, channel, competitor, start, end, flaps });
    }
    // One very bad day: forty competitors at once.
    for n in 0..40 {
        let start = 4 * Millis::DAY + 9 * Millis::HOUR + n * Millis::MINUTE;
        let competitor = Some(format!("bad-{n:02}.example"));
        let end = start + 6 * Millis::HOUR;
        episodes.push(Episode {
            kind: "competitor_unreachable",
            severity: "warning",
            channel: None,
            competitor,
            start,
            end,
            flaps: None,
        });
    }
    episodes
}

fn dedupe(episode: &Episode) -> String {
    format!(
        "{}/{}/{}",
        episode.kind,
        episode.channel.unwrap_or_default(),
        episode.competitor.as_deref().unwrap_or_default()
    )
}

#[tokio::test]
async fn many_incidents_bring_few_mails_no_repeats_and_misses_nothing_critical() {
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(START);
    let mut app = app(&test, &clock, PEOPLE).await;
    let mut dice = Dice(0x5eed_2026_1101);
    let episodes = incidents(&mut dice);
    let mut pages = Vec::new();
    for n in 0..10 {
        let sku = format!("SKU-{n}");
        let shown = [("near.example", sku.as_str()), ("far.example", sku.as_str())];
        products::import(&app.db, vec![import(&sku, &shown)], START).await.unwrap();
        let product = products::by_sku(&app.db, &sku).await.unwrap().unwrap();
        pages.push((sku, targets::of_product(&app.db, product.id).await.unwrap()));
    }
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    let mut digests = 0;
    for step in 0..(DAYS * Millis::DAY / STEP) {
        let now = clock.now();
        let elapsed = now.since(START);
        for episode in &episodes {
            trouble(&app, episode, elapsed, now, &mut wrong).await;
        }
        if step % 9 == 0 {
            market(&app, &pages, &mut dice, now).await;
        }
        // A new process once a day, in the middle of whatever is going on.
        if step % 72 == 38 {
            app = crate::alerts::app(&test, &clock, PEOPLE).await;
        }
        alerting::round(&app).await.unwrap();
        digests += send_due(&app).await.unwrap();
        clock.advance(STEP);
    }
    let messages = alerts::messages(&app.db, START.plus(-1), 100_000).await.unwrap();
    judge(&episodes, &messages, digests, &events::digests(&app.db, 10_000).await.unwrap());
}

/// Raises and resolves what an episode says about this step.
async fn trouble(
    app: &omniprice::app::App,
    episode: &Episode,
    elapsed: i64,
    now: Millis,
    wrong: &mut BTreeSet<String>,
) {
    let key = dedupe(episode);
    let lasts = (episode.start..episode.end).contains(&elapsed);
    let away = episode.flaps.is_some_and(|flap| lasts && (elapsed - episode.start) / STEP % 2 == 1 && flap > 0);
    // What lasts is seen again by whoever raises it, once an hour.
    let due = episode.flaps.is_some() || (elapsed - episode.start) % Millis::HOUR < STEP;
    if lasts && !away && due {
        let raise = Raise {
            kind: episode.kind,
            severity: episode.severity,
            dedupe: key.clone(),
            product_id: None,
            channel: episode.channel.map(Into::into),
            competitor: episode.competitor.clone(),
            message: format!("{} since {now}", episode.kind),
            hint: "omniprice alert list".into(),
        };
        events::raise(&app.db, raise, now).await.unwrap();
        wrong.insert(key);
    } else if away && episode.flaps.is_some() {
        // Away for three minutes in the middle of a step, and back.
        events::resolve(&app.db, key.clone(), now.plus(-3 * Millis::MINUTE)).await.unwrap();
        let raise = Raise {
            kind: episode.kind,
            severity: episode.severity,
            dedupe: key,
            product_id: None,
            channel: episode.channel.map(Into::into),
            competitor: episode.competitor.clone(),
            message: "back".into(),
            hint: String::new(),
        };
        events::raise(&app.db, raise, now).await.unwrap();
    } else if elapsed >= episode.end && elapsed < episode.end + STEP && wrong.remove(&key) {
        events::resolve(&app.db, key, now).await.unwrap();
    }
}

/// Competitors are seen, some move, and sometimes we follow.
async fn market(app: &omniprice::app::App, pages: &[(String, Vec<targets::TargetRow>)], dice: &mut Dice, now: Millis) {
    for (sku, targets) in pages {
        let ours = products::by_sku(&app.db, sku).await.unwrap().unwrap().own_minor;
        for target in targets {
            seen(app, target.id, ours + 100 * (dice.below(9) - 4) * i64::from(dice.below(12) == 0), now).await;
        }
        if dice.below(40) == 0 {
            decided(app, sku, ours, ours + 500 * (dice.below(5) - 2).signum() - 250, now).await;
        }
    }
}

/// Which person was told of an event, and when.
fn told(messages: &[Message], person: &str) -> Vec<(String, Millis, bool)> {
    let mut told = Vec::new();
    for message in messages.iter().filter(|m| m.target == person) {
        assert_eq!(message.state, "sent", "{}", message.detail);
        let body: Body = serde_json::from_str(&message.body).unwrap();
        assert!(body.items.len() <= 50);
        for item in body.items {
            let key =
                format!("{}/{}/{}", item.kind, item.channel.unwrap_or_default(), item.competitor.unwrap_or_default());
            told.push((key, Millis(message.created_at), item.resolved_at.is_some()));
        }
    }
    told.sort_by_key(|(_, at, _)| *at);
    told
}

/// The first episode that covers others of the same cause does not count: being covered is not being missed.
fn covered(episode: &Episode, all: &[Episode]) -> bool {
    // Episodes of one key that overlap are one event to the store.
    all.iter().any(|other| {
        !std::ptr::eq(other, episode)
            && dedupe(other) == dedupe(episode)
            && other.start <= episode.end + Millis::HOUR
            && other.end + Millis::HOUR >= episode.start
    }) || (episode.kind == "price_war"
        && all.iter().any(|other| {
            other.kind == "competitor_unreachable"
                && other.competitor == episode.competitor
                && other.start <= episode.end
                && other.end >= episode.start
        }))
}

fn judge(episodes: &[Episode], messages: &[Message], digests: u64, rows: &[events::DigestRow]) {
    let (mut missed, mut repeats, mut critical) = (Vec::new(), Vec::new(), 0);
    for person in ADDRESSES {
        let told = told(messages, person);
        for episode in episodes.iter().filter(|e| e.severity == "critical" && !covered(e, episodes)) {
            critical += 1;
            let (start, key) = (START.plus(episode.start), dedupe(episode));
            let in_time = |(k, at, over): &&(String, Millis, bool)| {
                *k == key && !*over && (0..=LATEST).contains(&at.since(start))
            };
            if !told.iter().any(|entry| in_time(&entry)) {
                missed.push(format!("{person}: {key} at {start}"));
            }
        }
        // The same thing said twice with nothing in between, sooner than the shortest repeat of the table that occurs here.
        let mut last: BTreeMap<&str, (Millis, bool)> = BTreeMap::new();
        for (key, at, over) in &told {
            let before = last.insert(key, (*at, *over));
            if before.is_some_and(|(then, said)| said == *over && at.since(then) < 4 * Millis::HOUR) {
                repeats.push(format!("{person}: {key} at {at}"));
            }
        }
    }
    let ids: BTreeSet<&str> = messages.iter().map(|m| m.message_id.as_str()).collect();
    assert_eq!(ids.len(), messages.len());
    let slots: BTreeSet<(&str, i64)> = rows.iter().map(|row| (row.recipient.as_str(), row.slot)).collect();
    assert_eq!(slots.len(), rows.len(), "one digest per person and slot");
    println!("{} critical things to tell, {} alert mails, {digests} digests in {DAYS} days", critical, messages.len());
    for person in ADDRESSES {
        let own: Vec<&Message> = messages.iter().filter(|m| m.target == person).collect();
        let mut days: BTreeMap<i64, Vec<&Message>> = BTreeMap::new();
        for message in &own {
            // All three live an hour ahead of UTC in November.
            days.entry((Millis(message.created_at).since(START) + Millis::HOUR) / Millis::DAY)
                .or_default()
                .push(message);
        }
        let sent = rows.iter().filter(|row| row.recipient == person && row.state == "sent").count();
        let counts: Vec<usize> = (0..=DAYS).map(|day| days.get(&day).map_or(0, Vec::len)).collect();
        let mean = own.len() * 10 / usize::try_from(DAYS).unwrap();
        println!("{person}: {sent} digests; alerts per day {counts:?}, {}.{} on average", mean / 10, mean % 10);
        days.values().for_each(|day| within_budget(person, day));
        assert!(sent >= 6, "{person}: {sent} digests");
    }
    assert!(critical > 25, "the days must be worth looking at");
    assert_eq!(missed, Vec::<String>::new(), "missed");
    assert_eq!(repeats, Vec::<String>::new(), "repeated");
}

/// Ten messages and one early digest a day; whatever else comes is critical, and nothing is told twice at a pace faster
/// than a group's.
fn within_budget(person: &str, day: &[&Message]) {
    let ordinary = day.iter().filter(|message| message.early == 0).count();
    assert!(ordinary <= 10, "{person}: {ordinary} messages in a day");
    let mut early: Vec<&&Message> = day.iter().filter(|message| message.early != 0).collect();
    early.sort_by_key(|message| message.created_at);
    for pair in early.windows(2) {
        let apart = Millis(pair[1].created_at).since(Millis(pair[0].created_at));
        let [before, body] = [&pair[0].body, &pair[1].body].map(|body| serde_json::from_str::<Body>(body).unwrap());
        assert!(
            body.items.iter().all(|item| item.severity == "critical" && item.resolved_at.is_none()),
            "{person}: {body:?}"
        );
        let same = |item: &omniprice::report::alerts::Item| {
            before.items.iter().any(|told| told.message == item.message && told.first_at == item.first_at)
        };
        assert!(apart >= 30 * Millis::MINUTE || !body.items.iter().any(same), "{person}: {apart} ms apart");
    }
}
