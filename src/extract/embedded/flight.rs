//! Flights: how pages of React server components carry their data, pushed by many small scripts as pieces of one text.
//!
//! The joined text is rows of `id:JSON`; a piece may end anywhere, inside a name or an amount too.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::extract::harvest::Script;
use crate::extract::json::{self, Value};

/// Whether a script pushes a piece of a flight.
pub(super) fn is_piece(script: &Script<'_>) -> bool {
    let opening = script.text.trim_start();
    let list = opening.strip_prefix('(').unwrap_or(opening);
    let list = list.strip_prefix("self.").or_else(|| list.strip_prefix("window.")).unwrap_or(list);
    list.starts_with("__next_f")
}

/// The text that the pieces of a page make together; `None` if it is longer than `limit` bytes.
pub(super) fn joined<'s>(pieces: impl Iterator<Item = &'s Script<'s>>, limit: usize) -> Option<String> {
    static PUSH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("push([1,"));
    let mut whole = String::new();
    for script in pieces {
        for at in PUSH.find_iter(script.text.as_bytes()) {
            let start = at + PUSH.needle().len();
            let Some(Value::Text(piece, _)) = json::value_at(script.text, start, 0) else { continue };
            // A push that has no end is read up to the end of its script: the limit also bounds how often that happens.
            if whole.len() + piece.len() > limit {
                return None;
            }
            whole.push_str(&piece);
        }
    }
    Some(whole)
}

/// Gives out the JSON of every row. Rows of text, which may hold anything, are passed over by the length they state.
pub(super) fn rows<'f>(flight: &'f str, mut take: impl FnMut(Value<'f>)) {
    let mut rest = flight;
    while !rest.is_empty() {
        let line = rest.find('\n').unwrap_or(rest.len());
        let id = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let row = rest.get(id..line).and_then(|row| row.strip_prefix(':'));
        if let Some((length, body)) = row.and_then(text_row) {
            let start = line - row.map_or(0, str::len) + body;
            // No row ends inside a character unless it lies about its length.
            rest = rest.get(start.saturating_add(length)..).unwrap_or("");
            continue;
        }
        if let Some(row) = row {
            for mut value in json::values(row, 0) {
                settle(&mut value);
                take(value);
            }
        }
        rest = rest.get(line + 1..).unwrap_or("");
    }
}

/// `T4f2,`: the bytes of text that follow, and where they begin.
fn text_row(row: &str) -> Option<(usize, usize)> {
    let (length, _) = row.strip_prefix('T')?.split_once(',')?;
    Some((usize::from_str_radix(length, 16).ok()?, 1 + length.len() + 1))
}

/// Undoes what a flight does to its texts: a dollar sign in front is doubled, and a single one refers to something else,
/// `$5:props` to another row, and is no amount.
fn settle(value: &mut Value<'_>) {
    match value {
        Value::List(items) => items.iter_mut().for_each(settle),
        Value::Object(object) => object.entries.iter_mut().for_each(|(_, inner)| settle(inner)),
        Value::Text(text, at) if text.starts_with("$$") => {
            *value = Value::Text(Cow::Owned(text[1..].to_owned()), *at);
        }
        Value::Text(text, at) if text.starts_with("$n") && text[2..].bytes().all(|b| b.is_ascii_digit()) => {
            *value = Value::Text(Cow::Owned(text[2..].to_owned()), *at);
        }
        Value::Text(text, _) if text.starts_with('$') => *value = Value::Null,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Script<'_> {
        Script { id: "", kind: "", text, at: 0 }
    }

    #[test]
    fn pieces_are_joined_wherever_they_were_cut() {
        let scripts = [
            script(r#"(self.__next_f=self.__next_f||[]).push([0])"#),
            script(r#"self.__next_f.push([1,"1:I[12,[\"a.js\"]]\n2:T5,}{]\"\n3:{\"na"])"#),
            script(r#"self.__next_f.push([1,"me\":\"Lamp\",\"a\":\"$$5\",\"b\":\"$5\"}\n"])"#),
        ];
        assert!(scripts.iter().all(is_piece) && !is_piece(&script("var a = {\"price\": 1}")));
        let flight = joined(scripts.iter(), 1_000).unwrap();
        let mut last = None;
        rows(&flight, |value| last = Some(value));
        let last = last.unwrap();
        let row = last.object().unwrap();
        assert_eq!(row.get("name").and_then(Value::text), Some("Lamp"));
        assert_eq!(row.get("a").and_then(Value::text), Some("$5"));
        assert_eq!(row.get("b"), Some(&Value::Null));
        assert_eq!(joined(scripts.iter(), 20), None);
    }

    #[test]
    fn hostile_flights_are_bounded() {
        let endless = "__next_f push([1,\"".repeat(20_000);
        assert!(joined([script(&endless)].iter(), 1 << 20).is_none_or(|whole| whole.len() <= 1 << 20));
        for flight in ["1:Tffffffffffffffff,a", "1:T2,é\n:T", ":", "T", "\n\n1:", "1:T1,é2:{}"] {
            rows(flight, drop);
        }
    }
}
