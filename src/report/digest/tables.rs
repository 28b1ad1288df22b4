//! The full lists behind a digest, for its attachments.

use super::super::facts::{Facts, OurChange};
use super::super::lang::{Kind, Words, change_pct};
use super::super::metrics::shown;
use super::super::reader::Reader;
use super::super::sheet::{Cell, Table};
use super::super::text::hint;
use super::ROWS;
use super::campaigns::campaigns;
use super::health::health;
use super::rows::{self, Content, reason, state_name};
use crate::clock::Millis;
use crate::config::Part;
use crate::money::{Decimal, Money, WirePrice, currency};

pub fn all(facts: &Facts, reader: &Reader) -> Vec<Table> {
    let words = reader.voice.words;
    let parts = [
        (Part::NeedsYou, reviews(facts, reader)),
        (Part::WrongNow, wrong(facts, reader)),
        (Part::WrongNow, late(facts, reader)),
        (Part::Market, moves(facts, reader)),
        (Part::OurChanges, changes(facts, reader)),
        (Part::Opportunities, told("opportunities", words.opportunities, rows::opportunities(facts, reader), words)),
        (Part::Threats, told("threats", words.threats, rows::threats(facts, reader), words)),
        (Part::Campaigns, told("campaigns", words.campaigns, campaigns(facts, reader), words)),
        (Part::Health, told("health", words.health, health(facts, reader), words)),
    ];
    parts.into_iter().filter(|(part, _)| reader.wants(*part)).map(|(_, table)| table).collect()
}

/// An amount in major units, as a number for calculating; its currency has a column of its own.
fn amount(minor: i64, code: &str) -> Cell {
    currency(code).map_or(Cell::Empty, |code| Cell::Number(Money::from_minor(minor, code).amount()))
}

/// An amount of a listing, which may be counted in more decimals than its currency has.
fn counted(units: i64, decimals: Option<i64>, code: &str) -> Cell {
    WirePrice::stored(units, decimals, code).map_or(Cell::Empty, |price| Cell::Number(price.amount()))
}

fn times(n: usize) -> Cell {
    Cell::Number(Decimal::from(n))
}

fn change(old: i64, new: i64) -> Cell {
    change_pct(old, new).map(shown).into()
}

fn table(name: &'static str, title: &str, columns: &[&str]) -> Table {
    Table { title: title.to_owned(), name, columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows: vec![] }
}

/// All rows of a section of which the mail tells only the first ones; of one that is told whole nothing is left to say.
fn told(name: &'static str, title: &str, (_, rows): Content, words: &Words) -> Table {
    let cut = rows.len() > ROWS;
    let rows = rows.into_iter().filter(|_| cut).map(|row| vec![row.what.into(), row.why.into()]).collect();
    Table { rows, ..table(name, title, &[title, words.sheet_why]) }
}

fn reviews(facts: &Facts, reader: &Reader) -> Table {
    let w = reader.voice.words;
    let columns = [
        w.sheet_sku,
        w.sheet_product,
        w.sheet_from,
        w.sheet_to,
        w.sheet_change,
        w.sheet_currency,
        w.sheet_when,
        w.sheet_why,
    ];
    let mut table = table("to-approve", w.needs_you, &columns);
    table.rows.extend(facts.reviews.iter().map(|(review, told)| {
        vec![
            review.sku.as_str().into(),
            review.title.as_str().into(),
            amount(review.previous_minor, &review.currency),
            amount(review.price_minor, &review.currency),
            change(review.previous_minor, review.price_minor),
            review.currency.as_str().into(),
            reader.voice.at(Millis(review.created_at)).into(),
            reason(told, &review.why, reader).into(),
        ]
    }));
    table.rows.extend(facts.held.iter().map(|(held, told)| {
        let at = reader.voice.at(Millis(held.since));
        let why = reason(told, &held.why, reader);
        vec![
            held.sku.as_str().into(),
            held.title.as_str().into(),
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            at.into(),
            why.into(),
        ]
    }));
    table
}

fn wrong(facts: &Facts, reader: &Reader) -> Table {
    let w = reader.voice.words;
    let columns = [
        w.sheet_kind,
        w.sheet_sku,
        w.sheet_channel,
        w.sheet_competitor,
        w.sheet_when,
        w.sheet_times,
        w.sheet_why,
        w.alert_todo,
    ];
    let mut table = table("wrong-now", w.wrong_now, &columns);
    table.rows.extend(facts.events.iter().map(|event| {
        vec![
            Kind::told(&event.kind, &event.message).text(reader.voice.language).title.into(),
            event.sku.clone().unwrap_or_default().into(),
            event.channel.clone().unwrap_or_default().into(),
            event.competitor.clone().unwrap_or_default().into(),
            reader.voice.at(Millis(event.first_at)).into(),
            Decimal::from(event.times).into(),
            reader.voice.tell(&event.message).into(),
            hint(&event.hint, event.sku.as_deref(), &reader.voice).into(),
        ]
    }));
    table
}

fn late(facts: &Facts, reader: &Reader) -> Table {
    let w = reader.voice.words;
    let columns = [
        w.sheet_channel,
        w.sheet_sku,
        w.sheet_product,
        w.sheet_state,
        w.sheet_from,
        w.sheet_to,
        w.sheet_currency,
        w.sheet_when,
        w.sheet_why,
    ];
    let mut table = table("not-live", w.sheet_channel, &columns);
    table.rows.extend(facts.late.iter().map(|late| {
        let shows = late.live_minor.map_or(Cell::Empty, |units| counted(units, late.decimals, &late.currency));
        let should = late.desired_minor.map_or(Cell::Empty, |units| counted(units, late.decimals, &late.currency));
        vec![
            late.channel.as_str().into(),
            late.sku.as_str().into(),
            late.title.as_str().into(),
            state_name(&late.state, &reader.voice).into(),
            shows,
            should,
            late.currency.as_str().into(),
            reader.voice.at(Millis(late.state_since)).into(),
            reader.voice.tell(&late.reason).into(),
        ]
    }));
    table
}

fn moves(facts: &Facts, reader: &Reader) -> Table {
    let w = reader.voice.words;
    let columns = [
        w.sheet_competitor,
        w.sheet_sku,
        w.sheet_product,
        w.sheet_from,
        w.sheet_to,
        w.sheet_change,
        w.sheet_currency,
        w.sheet_when,
        w.sheet_times,
    ];
    let mut table = table("market", w.market, &columns);
    table.rows.extend(facts.moves.iter().map(|moved| {
        vec![
            moved.competitor.as_str().into(),
            moved.sku.as_str().into(),
            moved.title.as_str().into(),
            moved.was.amount().into(),
            moved.now.amount().into(),
            change(moved.was.minor(), moved.now.minor()),
            moved.now.currency().code().into(),
            reader.voice.at(moved.at).into(),
            times(moved.steps.len()),
        ]
    }));
    table
}

fn changes(facts: &Facts, reader: &Reader) -> Table {
    let w = reader.voice.words;
    let columns = [
        w.sheet_sku,
        w.sheet_product,
        w.sheet_from,
        w.sheet_to,
        w.sheet_change,
        w.sheet_currency,
        w.sheet_when,
        w.sheet_times,
        w.sheet_why,
    ];
    let mut table = table("changes", w.our_changes, &columns);
    table.rows.extend(facts.changes.iter().map(|OurChange { row: change_row, told, times: n }| {
        vec![
            change_row.sku.as_str().into(),
            change_row.title.as_str().into(),
            amount(change_row.previous_minor, &change_row.currency),
            amount(change_row.price_minor, &change_row.currency),
            change(change_row.previous_minor, change_row.price_minor),
            change_row.currency.as_str().into(),
            reader.voice.at(Millis(change_row.created_at)).into(),
            times(*n),
            reason(told, &change_row.why, reader).into(),
        ]
    }));
    table
}
