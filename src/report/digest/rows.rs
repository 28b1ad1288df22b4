//! The rows of each section: facts told in the reader's language. Texts that others wrote pass through `text`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{Facts, OurChange, Told};
use super::super::lang::{Kind, Limit, Voice, change_pct, fill};
use super::super::link::Purpose;
use super::super::reader::Reader;
use super::super::text::{hint, message, plain, product, quoted};
use super::{Row, campaigns};
use crate::clock::Millis;
use crate::decide::war_response::WarResponse;
use crate::money::Decimal;
use crate::store::decisions::Review;
use crate::store::events::Event;
use crate::store::progress::Unsettled;

/// Sentences before the rows, and the rows.
pub type Content = (Vec<String>, Vec<Row>);

/// So long the page behind an old mail can be opened.
pub const DETAILS_FOR: i64 = 30 * Millis::DAY;
/// SKUs that one row names.
const NAMED: usize = 3;
/// Causes that one row tells of several events of one kind.
const CAUSES: usize = 2;
/// Competitors named as the most active.
const ACTIVE: usize = 3;

pub fn needs_you(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let reviews = facts.reviews.iter().map(|(review, told)| {
        let mut row = review_row(review, told, reader);
        row.links.extend(details(review.product_id, facts.at, reader));
        row
    });
    let held = facts.held.iter().map(|(held, told)| Row {
        what: fill(voice.words.on_hold, &[("product", &product(&held.sku, &held.title))]),
        why: reason(told, &held.why, reader),
        links: details(held.product_id, facts.at, reader).into_iter().collect(),
        command: Some(format!("omniprice explain {}", quoted(&held.sku))),
        ..Row::default()
    });
    (vec![], campaigns::waiting(facts, reader).into_iter().chain(reviews).chain(held).collect())
}

/// The link to a product's page.
fn details(product_id: i64, now: Millis, reader: &Reader) -> Option<(&'static str, String)> {
    let url = reader.link(Purpose::Product(product_id), Some(now.plus(DETAILS_FOR)))?;
    Some((reader.voice.words.alert_details, url))
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
    let agreed = review.first_by.as_ref().map(|by| fill(voice.words.agreed_by, &[("person", &message(by))]));
    let why: Vec<String> = [reason(told, &review.why, reader)].into_iter().chain(agreed).chain([valid]).collect();
    Row {
        what: product(&review.sku, &review.title),
        price: Some(voice.span(review.previous_minor, review.price_minor, &review.currency)),
        why: why.join("; "),
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
    // A price that was raised to the floor is the floor.
    let shown = |limit: &&Limit| !reader.person.hide_costs || !matches!(limit, Limit::Floor | Limit::BelowFloor);
    parts.extend(told.limits.iter().filter(shown).map(|limit| limit.text(voice.language).to_owned()));
    if let Some(rule) = &told.rule {
        parts.push(fill(words.rule, &[("rule", &plain(rule))]));
    }
    let mut whole: Vec<String> = Some(parts.join(", ")).filter(|parts| !parts.is_empty()).into_iter().collect();
    let findings: Vec<String> = told.findings.iter().map(|finding| message(&voice.tell(finding))).collect();
    for (place, finding) in findings.iter().enumerate() {
        // Engine and guards may find the same, and what froze a price is told again with the end of the frost.
        let longer = |other: &String| other != finding && other.contains(finding.as_str());
        if !parts.contains(finding) && !findings[..place].contains(finding) && !findings.iter().any(longer) {
            whole.push(finding.clone());
        }
    }
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
        let kind = Kind::told(&event.kind, &event.message);
        let place = *places.entry((kind, about)).or_insert(folded.len());
        match folded.get_mut(place) {
            Some((.., events)) => events.push(event),
            None => folded.push((kind, about, vec![event])),
        }
    }
    let events = folded.iter().map(|(kind, about, events)| event_row(*kind, *about, events, facts.rivalry, voice));
    let mut late: BTreeMap<(&str, &str), Vec<&Unsettled>> = BTreeMap::new();
    let told: BTreeSet<(Kind, &str, &str)> = facts
        .events
        .iter()
        .filter(shown)
        .filter_map(|event| Some((Kind::of(&event.kind), event.channel.as_deref()?, event.sku.as_deref()?)))
        .collect();
    let named =
        |row: &&Unsettled| kinds_of(&row.state).iter().any(|kind| told.contains(&(*kind, &row.channel, &row.sku)));
    for row in facts.late.iter().filter(|row| !named(row)) {
        late.entry((&row.channel, &row.state)).or_default().push(row);
    }
    let late = late.iter().map(|((channel, state), rows)| late_row(channel, state, rows, voice));
    (vec![], paused.chain(events).chain(late).collect())
}

/// All open events of one kind about one channel or competitor.
fn event_row(kind: Kind, about: Option<&str>, events: &[&Event], answer: WarResponse, voice: &Voice) -> Row {
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
    let Some(event) = events.first() else { return Row { what, why, ..Row::default() } };
    let mut told = causes(events.iter().map(|event| message(&voice.tell(&event.message))), voice);
    // What is wrong with our own prices is held whatever the answer to rivals is; the message says until when.
    if event.kind == "rivalry" && matches!(kind, Kind::PriceWar | Kind::Spiral) && event.competitor.is_some() {
        told = format!("{told}; {}", answered(answer, voice));
    }
    Row {
        what,
        why: format!("{why}: {told}"),
        command: Some(hint(&event.hint, event.sku.as_deref(), voice)).filter(|hint| !hint.is_empty()),
        ..Row::default()
    }
}

/// The first few of several causes, each once, and how many more.
fn causes(all: impl Iterator<Item = String>, voice: &Voice) -> String {
    let mut told: Vec<String> = Vec::new();
    for cause in all.filter(|cause| !cause.is_empty()) {
        if !told.contains(&cause) {
            told.push(cause);
        }
    }
    let left = told.len().saturating_sub(CAUSES);
    told.truncate(CAUSES);
    told.extend((left > 0).then(|| voice.plural(&voice.words.more, left, &[])));
    told.join("; ")
}

/// What the configured answer to a rival does.
const fn answered(answer: WarResponse, voice: &Voice) -> &'static str {
    match answer {
        WarResponse::Freeze => voice.words.answer_freeze,
        WarResponse::FloorThenHold => voice.words.answer_floor,
        WarResponse::StepToNext => voice.words.answer_next,
        WarResponse::Review => voice.words.answer_review,
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

/// Whether a listing in this state is late (SEMANTICS 7: an old version after its time). The others wait for nothing: a price
/// that was rejected, held, given up or changed by somebody else is named so.
pub fn is_late(state: &str) -> bool {
    !matches!(state, "rejected" | "parked" | "drifted" | "held")
}

/// Kinds of events that say of a listing what its state says.
const fn kinds_of(state: &str) -> &'static [Kind] {
    match state.as_bytes() {
        b"drifted" => &[Kind::Drift, Kind::TwoWriters, Kind::ListingLost],
        b"parked" => &[Kind::ListingParked],
        b"rejected" => &[Kind::PriceRejected],
        b"held" => &[Kind::HeldAtDoor, Kind::NotSent],
        _ => &[],
    }
}

fn late_row(channel: &str, state: &str, rows: &[&Unsettled], voice: &Voice) -> Row {
    let words = voice.words;
    let told = state_name(state, voice);
    let n = voice.plural(&words.prices, rows.len(), &[]);
    let what = if is_late(state) {
        filled(words.not_live, &[("channel", plain(channel)), ("n", n), ("state", told.to_owned())])
    } else {
        format!("{}: {n} ({told})", plain(channel))
    };
    let skus: Vec<&str> = rows.iter().map(|row| row.sku.as_str()).collect();
    let since = rows.iter().map(|row| row.state_since).min().unwrap_or_default();
    let mut why = format!("{}; {}", named(&skus, voice), fill(words.since, &[("at", &voice.at(Millis(since)))]));
    let reasons: BTreeSet<&str> =
        rows.iter().map(|row| row.reason.as_str()).filter(|reason| !reason.is_empty()).collect();
    let told = causes(reasons.into_iter().map(|reason| message(&voice.tell(reason))), voice);
    if !told.is_empty() {
        why = format!("{why}: {told}");
    }
    let one = if let [row] = rows {
        row.desired_minor.map(|units| voice.counted(units, row.decimals, &row.currency))
    } else {
        None
    };
    Row { what, price: one.map(|price| fill(words.should_show, &[("price", &price)])), why, ..Row::default() }
}

pub fn market(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let words = voice.words;
    let (now, before, week) = (&facts.market.now, &facts.market.before, &facts.market.week);
    let mut notes = Vec::new();
    let change = |text: &str, then: Option<Decimal>| {
        let moved = now.index()?.checked_sub(then?)?;
        Some(fill(text, &[("change", &voice.signed(moved)), ("at", &voice.at(facts.from))]))
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
            price: Some(voice.span(moved.was.minor(), moved.now.minor(), moved.now.currency().code())),
            why: often(moved.steps.len(), voice),
            ..Row::default()
        })
        .collect();
    if facts.small_moves > 0 && rows.len() < super::ROWS {
        let what = voice.plural(&words.small_moves, facts.small_moves, &[]);
        rows.push(Row { what, ..Row::default() });
    }
    notes.push(fill(words.basis, &[("age", &voice.hours(hours))]));
    if all == 0 && rows.is_empty() { (vec![], vec![]) } else { (notes, rows) }
}

/// How often a price changed; nothing for once, which goes without saying.
fn often(times: usize, voice: &Voice) -> String {
    if times > 1 { voice.plural(&voice.words.changed_times, times, &[]) } else { String::new() }
}

/// The competitors with the most moves, with how many went up and down.
fn most_active(facts: &Facts, voice: &Voice) -> Option<String> {
    let told: Vec<String> = facts
        .active
        .iter()
        .take(ACTIVE)
        .map(|one| {
            let (name, up, down) = (plain(&one.name), voice.count(one.up), voice.count(one.down));
            let values = [("name", name.as_str()), ("up", &up), ("down", &down)];
            voice.plural(&voice.words.moves, one.up + one.down, &values)
        })
        .collect();
    (!told.is_empty()).then(|| fill(voice.words.most_moves, &[("competitors", &told.join(", "))]))
}

pub fn our_changes(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let small = voice.plural(&voice.words.small_moves, facts.small_changes, &[]);
    let small = (facts.small_changes > 0).then_some(small);
    let resting = (facts.resting > 0).then(|| voice.plural(&voice.words.resting, facts.resting, &[]));
    let notes = small.into_iter().chain(resting);
    if facts.changes.is_empty() {
        return (notes.collect(), vec![]);
    }
    let moved = |rises: bool| {
        let there = |change: &&OurChange| match change.row.price_minor.cmp(&change.row.previous_minor) {
            Ordering::Greater => rises,
            Ordering::Less => !rises,
            Ordering::Equal => false,
        };
        voice.count(facts.changes.iter().filter(there).count())
    };
    let percents: Vec<Decimal> =
        facts.changes.iter().filter_map(|c| change_pct(c.row.previous_minor, c.row.price_minor)).collect();
    let sum = percents.iter().try_fold(Decimal::ZERO, |sum, percent| sum.checked_add(*percent));
    let mean = sum.and_then(|sum| sum.checked_div(Decimal::from(percents.len())));
    let values = [
        ("up", moved(true)),
        ("down", moved(false)),
        ("mean", mean.map_or_else(|| "-".to_owned(), |mean| voice.signed_percent(mean))),
    ];
    let rows = facts.changes.iter().map(|change| {
        let (row, times) = (&change.row, often(change.times, voice));
        let why = [times, reason(&change.told, &row.why, reader)];
        Row {
            what: product(&row.sku, &row.title),
            price: Some(voice.span(row.previous_minor, row.price_minor, &row.currency)),
            why: why.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; "),
            links: details(row.product_id, facts.at, reader).into_iter().collect(),
            ..Row::default()
        }
    });
    let balance = filled(voice.words.change_balance, &values);
    (std::iter::once(balance).chain(notes).collect(), rows.collect())
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
        let values = [("competitor", plain(&gone.competitor)), ("at", voice.at(gone.first_seen))];
        Row { what: product(&gone.sku, &gone.title), why: filled(voice.words.sold_out, &values), ..Row::default() }
    });
    (vec![], gone.chain(room).collect())
}

pub fn threats(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    // What our own rules do to a price is wrong now; it is no threat from the market.
    let kind = |event: &Event| Kind::told(&event.kind, &event.message);
    let from_rivals =
        |event: &&Event| matches!(kind(event), Kind::PriceWar | Kind::Spiral) && event.competitor.is_some();
    let wars = facts.events.iter().filter(from_rivals).map(|event| {
        let who = event.competitor.as_deref().map_or_else(String::new, |name| format!(": {}", plain(name)));
        Row {
            what: format!("{}{who}", kind(event).text(voice.language).title),
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
        why: match (held.floor.filter(|_| !reader.person.hide_costs), held.below) {
            (Some(floor), Some(ours)) => {
                filled(voice.words.below_floor, &[("price", voice.money(ours)), ("floor", voice.money(floor))])
            }
            (Some(floor), None) => fill(voice.words.at_floor, &[("price", &voice.money(floor))]),
            (None, _) => voice.words.unreachable_target.to_owned(),
        },
        ..Row::default()
    });
    (vec![], wars.chain(overtaken).chain(floors).collect())
}
