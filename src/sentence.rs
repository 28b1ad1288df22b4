//! Sentences of the program, said in English and found again.
//!
//! Records, logs, the store and the command line keep one English sentence. People read theirs in their own language:
//! [`find`] takes a kept sentence apart into its form and its values, and whoever tells it puts the values into the form
//! of another language. What is no sentence of the program (an answer of a channel, a note of a person) is found by
//! nothing and stays as it is.

mod forms;

use std::fmt::{Display, Write as _};
use std::sync::LazyLock;

pub use forms::Sentence;

use crate::clock::Millis;
use crate::money::{Decimal, WirePrice, decimal};

/// A longer text is no sentence.
const MAX_TEXT: usize = 1_000;

/// What stands in a slot of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A name, or what somebody else said.
    Text(String),
    Money(WirePrice),
    Number(Decimal),
    /// In percent.
    Percent(Decimal),
    At(Millis),
    Day(jiff::civil::Date),
    /// A number of days; none where none is known.
    Days(Option<usize>),
    /// An amount, or a sentence of its own if [`find`] knows it.
    Said(String),
    /// Several of them.
    List(Vec<String>),
}

/// A sentence with its values by the names of their slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub sentence: Sentence,
    pub parts: Vec<(&'static str, Part)>,
}

/// A piece of a form: `{name:kind}` is a slot, `{name}` a slot for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    Words(&'static str),
    Slot { name: &'static str, kind: &'static str },
}

/// Takes a form apart.
pub fn pieces(form: &'static str) -> impl Iterator<Item = Piece> {
    let mut rest = form;
    std::iter::from_fn(move || {
        if let Some(after) = rest.strip_prefix('{') {
            let (slot, end) = after.split_once('}').unwrap_or((after, ""));
            rest = end;
            let (name, kind) = slot.split_once(':').unwrap_or((slot, "text"));
            return Some(Piece::Slot { name, kind });
        }
        let end = rest.find('{').unwrap_or(rest.len());
        let (words, end) = rest.split_at(end);
        rest = end;
        (!words.is_empty()).then_some(Piece::Words(words))
    })
}

impl Sentence {
    /// The English sentence with these values. Amounts and times are written as [`WirePrice`] and [`Millis`] write them;
    /// percentages get their sign here.
    #[must_use]
    pub fn with(self, values: &[(&str, &dyn Display)]) -> String {
        let mut out = String::with_capacity(self.english().len() + 32);
        for piece in pieces(self.english()) {
            // Writing to a String cannot fail.
            let _ = match piece {
                Piece::Words(words) => write!(out, "{words}"),
                Piece::Slot { name, kind } => {
                    let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
                    debug_assert!(value.is_some(), "{self:?} has no {name}");
                    let sign = if kind == "percent" { " %" } else { "" };
                    value.map_or(Ok(()), |value| write!(out, "{value}{sign}"))
                }
            };
        }
        out
    }
}

/// Every form in its pieces; forms that say more come before those that would swallow them.
static FORMS: LazyLock<Vec<(Sentence, Vec<Piece>)>> =
    LazyLock::new(|| Sentence::ALL.iter().map(|form| (*form, pieces(form.english()).collect())).collect());

/// Finds the sentence that a text is.
#[must_use]
pub fn find(text: &str) -> Option<Found> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let fits = |pieces: &[Piece]| pieces.iter().all(|p| !matches!(p, Piece::Words(words) if !text.contains(words)));
    FORMS.iter().filter(|(_, pieces)| fits(pieces)).find_map(|(sentence, pieces)| {
        let mut parts = matched(pieces, text)?;
        parts.reverse();
        Some(Found { sentence: *sentence, parts })
    })
}

/// The values of the slots, the last one first.
fn matched(pieces: &[Piece], text: &str) -> Option<Vec<(&'static str, Part)>> {
    match pieces {
        [] => text.is_empty().then(Vec::new),
        [Piece::Words(words), rest @ ..] => matched(rest, text.strip_prefix(words)?),
        [Piece::Slot { name, kind }] => Some(vec![(name, part(kind, text)?)]),
        [Piece::Slot { name, kind }, Piece::Words(words), rest @ ..] => {
            text.match_indices(words).find_map(|(at, _)| {
                let value = part(kind, &text[..at])?;
                let mut parts = matched(rest, &text[at + words.len()..])?;
                parts.push((name, value));
                Some(parts)
            })
        }
        // Nothing says where one slot ends and the next begins.
        [Piece::Slot { .. }, Piece::Slot { .. }, ..] => None,
    }
}

fn part(kind: &str, text: &str) -> Option<Part> {
    let number = |text: &str| decimal(text).ok();
    match kind {
        _ if text.is_empty() => None,
        "money" => amount(text).map(Part::Money),
        "number" => number(text).map(Part::Number),
        "percent" => text.strip_suffix(" %").and_then(number).map(Part::Percent),
        "at" => text.parse::<jiff::Timestamp>().ok().map(|at| Part::At(at.into())),
        "day" => text.parse().ok().map(Part::Day),
        "days" if text == "-" => Some(Part::Days(None)),
        "days" => text.strip_suffix(" days")?.parse().ok().map(|n| Part::Days(Some(n))),
        "said" => Some(Part::Said(text.to_owned())),
        "list" => Some(Part::List(text.split(", ").map(str::to_owned).collect())),
        _ => Some(Part::Text(text.to_owned())),
    }
}

/// An amount as [`WirePrice`] and [`crate::money::Money`] write it.
#[must_use]
pub fn amount(text: &str) -> Option<WirePrice> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: &str) -> &'static str {
        match kind {
            "money" => "479.00 DKK",
            "number" => "-12.5",
            "percent" => "8.7",
            "at" => "2026-11-21T06:05:00Z",
            "day" => "2026-11-20",
            "days" => "12 days",
            "said" => "no price is wanted",
            "list" => "3 on webshop, 2 on till",
            _ => "near.example",
        }
    }

    #[test]
    fn every_sentence_is_found_again_with_its_values() {
        for form in Sentence::ALL {
            let slots: Vec<(&str, &str)> = pieces(form.english())
                .filter_map(|piece| match piece {
                    Piece::Slot { name, kind } => Some((name, kind)),
                    Piece::Words(_) => None,
                })
                .collect();
            let values: Vec<(&str, &dyn Display)> =
                slots.iter().map(|(name, kind)| (*name, Box::leak(Box::new(sample(kind))) as &dyn Display)).collect();
            let said = form.with(&values);
            let found = find(&said).unwrap_or_else(|| panic!("{form:?}: {said}"));
            assert_eq!(found.sentence, *form, "{said}");
            let names: Vec<&str> = found.parts.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, slots.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{said}");
            for ((_, part), (_, kind)) in found.parts.iter().zip(&slots) {
                assert!(!matches!(part, Part::Text(_)) || *kind == "text", "{said}: {part:?} is no {kind}");
            }
        }
    }

    #[test]
    fn what_others_say_is_no_sentence_of_ours() {
        for text in ["", "HTTP 422: price too low", "near shows cheap, below the floor dear of today's cost"] {
            assert_eq!(find(text), None, "{text}");
        }
        assert_eq!(find(&"no price is wanted".repeat(100)), None);
    }

    #[test]
    fn an_amount_keeps_its_currency() {
        let found = find("webshop shows 1,5 where 479.00 DKK was proved").unwrap();
        assert_eq!(found.parts[1], ("shown", Part::Said("1,5".into())));
        assert_eq!(amount("479.00 DKK").unwrap().minor(), Ok(47_900));
        assert_eq!(amount("11080 JPY").unwrap().minor(), Ok(11_080));
        assert!(amount("479.00").is_none() && amount("a DKK").is_none());
    }
}
