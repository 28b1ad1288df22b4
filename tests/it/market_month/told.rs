//! What the month's people were told, held against what happened: nothing late, nothing twice, nothing left open, and
//! never too much.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use omniprice::clock::Millis;
use omniprice::report::alerts::{Body, rule};
use omniprice::report::lang::Kind;
use omniprice::store::alerts::Message;
use omniprice::store::events::{self, Event};

use super::{DAY, DAYS, HOUR, PEOPLE, SCRIPT, STEP};
use crate::month::START;

/// A group collects, and then waits for its half hour; nothing critical may take longer than that and a step each.
const TOLD_WITHIN: i64 = 30 * Millis::MINUTE + 2 * STEP;

/// What one message says of one event.
pub struct Told {
    what: String,
    kind: String,
    message: String,
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

pub fn told(messages: &[Message], person: &str) -> Vec<Told> {
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
            message: item.message,
            at: Millis(message.created_at),
            over: item.resolved_at.is_some(),
            first_at: item.first_at,
        }));
    }
    told.sort_by_key(|one| one.at);
    told
}

/// Every trouble of the script was noticed in its time, and its end, too.
pub fn by_the_script(raised: &[Event]) -> Vec<String> {
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
        "channel_late" | "parity_below_goal" | "drift" | "advert_below_checkout" => {
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
                || promised_below(event, other)
                || (other.competitor == event.competitor && event.competitor.is_some()))
            && other.first_at <= event.first_at + TOLD_WITHIN
            && other.resolved_at.is_none_or(|end| end >= event.first_at)
    })
}

/// Whether an event is about an advert below the checkout of another one's channel.
fn promised_below(event: &Event, other: &Event) -> bool {
    event.kind == "advert_below_checkout"
        && other.channel.as_deref().is_some_and(|shop| event.message.contains(&format!("than {shop} asks")))
}

/// What was said of adverts while one of the two channels was told to take no writes: that says all anybody can act on.
pub fn adverts_told(person: &str, told: &[Told], raised: &[Event]) -> Vec<String> {
    let refused = |one: &Told| {
        let about = |event: &&Event| {
            event.kind == "channel_refused" && one.message.contains(&format!("than {} asks", channel(event)))
        };
        let open = |event: &Event| event.first_at < one.at.0 && event.resolved_at.is_none_or(|end| one.at.0 < end);
        raised.iter().filter(about).any(open)
    };
    let adverts = told.iter().filter(|one| one.kind == "advert_below_checkout" && !one.over).filter(|one| refused(one));
    adverts.map(|one| format!("{person} was told {} at {} of a channel that refuses", one.what, one.at)).collect()
}

fn channel(event: &Event) -> &str {
    event.channel.as_deref().unwrap_or_default()
}

/// Critical events that a person did not hear of in time. What came back before its end was told is known already.
pub fn untold(person: &str, told: &[Told], raised: &[Event]) -> Vec<String> {
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
pub fn repeated(person: &str, told: &[Told]) -> Vec<String> {
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
pub fn ends(person: &str, told: &[Told], raised: &[Event]) -> Vec<String> {
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
pub fn too_many(person: &str, messages: &[Message]) -> Vec<String> {
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

pub fn table(messages: &[Message], rows: &[events::DigestRow], digests: u64) {
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
