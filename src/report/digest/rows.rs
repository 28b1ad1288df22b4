//! The rows of each section: facts told in the reader's language. Texts that others wrote pass through `text`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{Facts, Told};
use super::super::lang::{Kind, Voice, change_pct, fill};
use super::super::link::Purpose;
use super::super::reader::Reader;
use super::super::text::{hint, message, plain, product};
use super::Row;
use crate::clock::Millis;
use crate::money::Decimal;
use crate::store::decisions::Review;
use crate::store::events::Event;
use crate::store::progress::Unsettled;

/// Sentences before the rows, and the rows.
pub type Content = (Vec<String>, Vec<Row>);

/// SKUs that one row names.
const NAMED: usize = 3;
/// Competitors named as the most active.
const ACTIVE: usize = 3;

pub fn needs_you(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let reviews = facts.reviews.iter().map(|(review, told)| review_row(review, told, reader));
    let held = facts.held.iter().map(|(held, told)| Row {
        what: fill(voice.words.on_hold, &[("product", &product(&held.sku, &held.title))]),
        why: reason(told, &held.why, reader),
        command: Some(format!("omniprice explain {}", plain(&held.sku))),
        ..Row::default()
    });
    (vec![], reviews.chain(held).collect())
}

fn review_row(review: &Review, told: &Told, reader: &Reader) -> Row {
    let (voice, until) = (&reader.voice, Millis(review.expires_at));
    let link = |label, purpose| reader.link(purpose, Some(until)).map(|url| (label, url));
    let links: Vec<_> =
        [link(voice.words.approve, Purpose::Approve(review.id)), link(voice.words.reject, Purpose::Reject(review.id))]
            .into_iter()
            .flatten()
            .collect();
    let command = links
        .is_empty()
        .then(|| format!("omniprice approve {0} --why \"...\"   omniprice reject {0} --why \"...\"", review.id));
    let valid = fill(voice.words.valid_until, &[("at", &voice.at(until))]);
    Row {
        what: product(&review.sku, &review.title),
        price: Some(voice.span(review.previous_minor, review.price_minor, &review.currency)),
        why: format!("{}; {valid}", reason(told, &review.why, reader)),
        links,
        command,
    }
}

/// One sentence on why a price is what it is; the stored one if its record tells nothing.
pub fn reason(told: &Told, stored: &str, reader: &Reader) -> String {
    let voice = &reader.voice;
    let words = voice.words;
    let mut parts = Vec::new();
    if let Some(person) = &told.approved_by {
        parts.push(fill(words.approved_by, &[("person", &message(person))]));
    }
    if let Some(channel) = &told.adopted_from {
        parts.push(fill(words.adopted_from, &[("channel", &plain(channel))]));
    }
    match (&told.reference, &told.competitor) {
        (Some(price), Some(competitor)) => {
            let values = [("price", voice.money(*price)), ("competitor", plain(competitor))];
            parts.push(filled(words.reference_of, &values));
        }
        (Some(price), None) => parts.push(fill(words.reference, &[("price", &voice.money(*price))])),
        (None, _) => {}
    }
    if let Some(floor) = told.floor.filter(|_| !reader.person.hide_costs) {
        parts.push(fill(words.floor, &[("price", &voice.money(floor))]));
    }
    parts.extend(told.limits.iter().map(|limit| limit.text(voice.language).to_owned()));
    if let Some(rule) = &told.rule {
        parts.push(fill(words.rule, &[("rule", &plain(rule))]));
    }
    let findings = told.findings.iter().map(|finding| message(&voice.tell(finding)));
    let whole: Vec<String> =
        Some(parts.join(", ")).filter(|parts| !parts.is_empty()).into_iter().chain(findings).collect();
    // What is stored in one piece may name the floor, which this reader must not see.
    if whole.is_empty() && !reader.person.hide_costs { message(&voice.tell_all(stored)) } else { whole.join("; ") }
}

/// [`fill`] with values that were made for it.
pub fn filled(text: &str, values: &[(&str, String)]) -> String {
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fill(text, &values)
}

pub fn wrong_now(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let paused = facts.paused.iter().map(|why| Row {
        what: voice.words.paused.to_owned(),
        why: message(why),
        command: Some("omniprice resume --why \"...\"".to_owned()),
        ..Row::default()
    });
    let shown =
        |event: &&Event| event.severity != "info" && !(facts.paused.is_some() && Kind::of(&event.kind) == Kind::Paused);
    let mut folded: Vec<(Kind, Option<&str>, Vec<&Event>)> = Vec::new();
    let mut places: BTreeMap<(Kind, Option<&str>), usize> = BTreeMap::new();
    for event in facts.events.iter().filter(shown) {
        let about = event.channel.as_deref().or(event.competitor.as_deref());
        let kind = Kind::of(&event.kind);
        let place = *places.entry((kind, about)).or_insert(folded.len());
        match folded.get_mut(place) {
            Some((.., events)) => events.push(event),
            None => folded.push((kind, about, vec![event])),
        }
    }
    let events = folded.iter().map(|(kind, about, events)| event_row(*kind, *about, events, voice));
    let mut late: BTreeMap<(&str, &str), Vec<&Unsettled>> = BTreeMap::new();
    for row in &facts.late {
        late.entry((&row.channel, &row.state)).or_default().push(row);
    }
    let late = late.iter().map(|((channel, state), rows)| late_row(channel, state, rows, voice));
    (vec![], paused.chain(events).chain(late).collect())
}

/// All open events of one kind about one channel or competitor.
fn event_row(kind: Kind, about: Option<&str>, events: &[&Event], voice: &Voice) -> Row {
    let mut what = kind.text(voice.language).title.to_owned();
    if let Some(about) = about {
        what = format!("{what}: {}", plain(about));
    }
    let skus: Vec<&str> = events.iter().filter_map(|event| event.sku.as_deref()).collect();
    if !skus.is_empty() {
        what = format!("{what} ({})", named(&skus, voice));
    }
    let since = events.iter().map(|event| event.first_at).min().unwrap_or_default();
    let times =
        events.iter().map(|event| usize::try_from(event.times).unwrap_or(usize::MAX)).fold(0, usize::saturating_add);
    let mut why = fill(voice.words.since, &[("at", &voice.at(Millis(since)))]);
    if times > 1 {
        why = format!("{why}, {}", voice.plural(&voice.words.times_seen, times, &[]));
    }
    let [event] = events else { return Row { what, why, ..Row::default() } };
    Row {
        what,
        why: format!("{why}: {}", message(&voice.tell(&event.message))),
        command: Some(hint(&event.hint, event.sku.as_deref(), voice)).filter(|hint| !hint.is_empty()),
        ..Row::default()
    }
}

/// The first few SKUs and how many more.
pub fn named(skus: &[&str], voice: &Voice) -> String {
    let mut text = skus.iter().take(NAMED).map(|sku| product(sku, "")).collect::<Vec<_>>().join(", ");
    if skus.len() > NAMED {
        text = format!("{text} {}", voice.plural(&voice.words.more, skus.len() - NAMED, &[]));
    }
    text
}

/// What a listing's state is called.
pub const fn state_name(state: &str, voice: &Voice) -> &'static str {
    let words = voice.words;
    match state.as_bytes() {
        b"sent" => words.state_sent,
        b"accepted" | b"applied" => words.state_accepted,
        b"unknown" => words.state_unknown,
        b"rejected" => words.state_rejected,
        b"held" => words.state_held,
        b"parked" => words.state_parked,
        b"drifted" => words.state_drifted,
        _ => words.state_intended,
    }
}

fn late_row(channel: &str, state: &str, rows: &[&Unsettled], voice: &Voice) -> Row {
    let words = voice.words;
    let told = state_name(state, voice);
    let n = voice.plural(&words.prices, rows.len(), &[]);
    let what = filled(words.not_live, &[("channel", plain(channel)), ("n", n), ("state", told.to_owned())]);
    let skus: Vec<&str> = rows.iter().map(|row| row.sku.as_str()).collect();
    let since = rows.iter().map(|row| row.state_since).min().unwrap_or_default();
    let mut why = format!("{}; {}", named(&skus, voice), fill(words.since, &[("at", &voice.at(Millis(since)))]));
    let reasons: BTreeSet<&str> =
        rows.iter().map(|row| row.reason.as_str()).filter(|reason| !reason.is_empty()).collect();
    if let Some(reason) = reasons.first() {
        why = format!("{why}: {}", message(&voice.tell(reason)));
    }
    let one = if let [row] = rows { row.desired_minor.map(|minor| voice.minor(minor, &row.currency)) } else { None };
    Row { what, price: one.map(|price| fill(words.should_show, &[("price", &price)])), why, ..Row::default() }
}

pub fn market(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let words = voice.words;
    let (now, before, week) = (&facts.market.now, &facts.market.before, &facts.market.week);
    let mut notes = Vec::new();
    let change = |text: &str, then: Option<Decimal>| {
        let moved = now.index()?.checked_sub(then?)?;
        Some(fill(text, &[("change", &voice.signed(moved))]))
    };
    match now.index() {
        Some(index) => {
            let mut line = vec![fill(words.index, &[("index", &voice.tenths(index))])];
            line.extend(change(words.index_change, before.index()));
            line.extend(change(words.index_week, week.index()));
            notes.push(line.join(", "));
        }
        None => notes.push(words.index_none.to_owned()),
    }
    let share = |value: Option<Decimal>| value.map_or_else(|| "-".to_owned(), |share| voice.percent(share));
    if now.shares.with_data() > 0 {
        let values = [("share", share(now.shares.cheapest_pct())), ("before", share(before.shares.cheapest_pct()))];
        notes.push(filled(words.cheapest, &values));
    }
    let (with, all) = (now.shares.with_data(), now.shares.with_data() + now.shares.no_data);
    let values = [("share", share(now.shares.coverage_pct())), ("with", voice.count(with)), ("all", voice.count(all))];
    notes.push(filled(words.coverage, &values));
    notes.extend(most_active(facts, voice));
    let hours = Decimal::from(facts.max_age).checked_div(Decimal::from(Millis::HOUR)).unwrap_or_default();
    let mut rows: Vec<Row> = facts
        .moves
        .iter()
        .map(|moved| Row {
            what: format!("{}: {}", plain(&moved.competitor), product(&moved.sku, &moved.title)),
            price: Some(voice.span(
                moved.old_minor.unwrap_or(moved.new_minor),
                moved.new_minor,
                moved.currency.as_deref().unwrap_or_default(),
            )),
            ..Row::default()
        })
        .collect();
    if facts.small_moves > 0 && rows.len() < super::ROWS {
        let what = fill(words.small_moves, &[("n", &voice.count(facts.small_moves))]);
        rows.push(Row { what, ..Row::default() });
    }
    notes.push(fill(words.basis, &[("age", &voice.hours(hours))]));
    if all == 0 && rows.is_empty() { (vec![], vec![]) } else { (notes, rows) }
}

/// The competitors with the most moves, with how many went up and down.
fn most_active(facts: &Facts, voice: &Voice) -> Option<String> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for moved in &facts.moves {
        let (up, down) = counts.entry(&moved.competitor).or_default();
        let counter = if moved.old_minor.is_some_and(|old| moved.new_minor > old) { up } else { down };
        *counter += 1;
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by_key(|(name, (up, down))| (std::cmp::Reverse(up + down), *name));
    let told: Vec<String> = sorted
        .iter()
        .take(ACTIVE)
        .map(|(name, (up, down))| {
            let (name, up_text, down_text) = (plain(name), voice.count(*up), voice.count(*down));
            let values = [("name", name.as_str()), ("up", &up_text), ("down", &down_text)];
            voice.plural(&voice.words.moves, up + down, &values)
        })
        .collect();
    (!told.is_empty()).then(|| fill(voice.words.most_moves, &[("competitors", &told.join(", "))]))
}

pub fn our_changes(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let small = fill(voice.words.small_moves, &[("n", &voice.count(facts.small_changes))]);
    let small = (facts.small_changes > 0).then_some(small);
    if facts.changes.is_empty() {
        return (small.into_iter().collect(), vec![]);
    }
    let up = facts.changes.iter().filter(|(change, _)| change.price_minor > change.previous_minor).count();
    let percents: Vec<Decimal> =
        facts.changes.iter().filter_map(|(change, _)| change_pct(change.previous_minor, change.price_minor)).collect();
    let sum = percents.iter().try_fold(Decimal::ZERO, |sum, percent| sum.checked_add(*percent));
    let mean = sum.and_then(|sum| sum.checked_div(Decimal::from(percents.len())));
    let values = [
        ("up", voice.count(up)),
        ("down", voice.count(facts.changes.len() - up)),
        ("mean", mean.map_or_else(|| "-".to_owned(), |mean| voice.signed_percent(mean))),
    ];
    let rows = facts.changes.iter().map(|(change, told)| Row {
        what: product(&change.sku, &change.title),
        price: Some(voice.span(change.previous_minor, change.price_minor, &change.currency)),
        why: reason(told, &change.why, reader),
        ..Row::default()
    });
    let balance = filled(voice.words.change_balance, &values);
    (std::iter::once(balance).chain(small).collect(), rows.collect())
}

pub fn opportunities(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let room = facts.headroom.iter().map(|room| {
        let values = [
            ("amount", voice.money(room.amount)),
            ("competitor", plain(&room.competitor)),
            ("price", voice.money(room.price)),
        ];
        Row { what: product(&room.sku, &room.title), why: filled(voice.words.headroom, &values), ..Row::default() }
    });
    let gone = facts.sold_out.iter().map(|gone| {
        let values = [("competitor", plain(&gone.competitor)), ("at", voice.at(Millis(gone.first_seen)))];
        Row { what: product(&gone.sku, &gone.title), why: filled(voice.words.sold_out, &values), ..Row::default() }
    });
    (vec![], gone.chain(room).collect())
}

pub fn threats(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let wars = facts.events.iter().filter(|event| Kind::of(&event.kind) == Kind::PriceWar).map(|event| {
        let who = event.competitor.as_deref().map_or_else(String::new, |name| format!(": {}", plain(name)));
        Row {
            what: format!("{}{who}", kind_title(Kind::PriceWar, voice)),
            why: event.sku.as_deref().map(|sku| product(sku, "")).unwrap_or_default(),
            ..Row::default()
        }
    });
    let overtaken = facts.overtaken.iter().map(|lost| {
        let values = [("competitor", plain(&lost.competitor)), ("price", voice.money(lost.price))];
        Row { what: product(&lost.sku, &lost.title), why: filled(voice.words.overtaken, &values), ..Row::default() }
    });
    let floors = facts.floors.iter().map(|held| Row {
        what: product(&held.sku, &held.title),
        why: match held.floor.filter(|_| !reader.person.hide_costs) {
            Some(floor) => fill(voice.words.at_floor, &[("price", &voice.money(floor))]),
            None => voice.words.unreachable_target.to_owned(),
        },
        ..Row::default()
    });
    (vec![], wars.chain(overtaken).chain(floors).collect())
}

const fn kind_title(kind: Kind, voice: &Voice) -> &'static str {
    kind.text(voice.language).title
}
