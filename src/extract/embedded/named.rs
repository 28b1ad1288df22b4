//! Whether an object of state is the page's product: by its codes in the address, by its name.

use super::keys::{CODES, NAMES};
use super::{Identity, Search};
use crate::extract::json::{Object, Value};
use crate::extract::text::Words;

impl Search<'_> {
    /// How well an object fits the page: by its codes in the address, by its name.
    pub(super) fn fit(&self, object: &Object<'_>, name: Option<&str>, path: &str) -> (i32, bool) {
        let mut points = 0;
        let mut named = false;
        for code in CODES.iter().filter_map(|key| object.get(key).and_then(Value::text)) {
            if self.identity.sku.is_some_and(|sku| sku.eq_ignore_ascii_case(code)) {
                points = points.max(60);
            }
            if code.len() >= 4 && in_address(self.identity.url, code) {
                points = points.max(60);
                named = true;
            }
        }
        if let Some(name) = name {
            let own = Words::of(name);
            let own: Vec<&str> = own.iter().collect();
            let fit = self
                .page_words()
                .iter()
                .map(|other| own.iter().filter(|w| other.contains(w)).count() * 100 / own.len().max(1))
                .max()
                .unwrap_or(0);
            let enough = own.len() >= 2 || own.iter().any(|w| w.chars().count() > 5);
            points += if enough && fit >= 80 {
                50
            } else if enough && fit >= 60 {
                25
            } else {
                0
            };
        }
        let path = path.to_ascii_lowercase();
        (points + if path.contains("product") || path.contains("item") { 10 } else { 0 }, named)
    }

    /// What an object calls itself; shops in several countries have a name for each language.
    pub(super) fn name_of<'o>(&self, object: &'o Object<'_>) -> Option<&'o str> {
        let name = object.first(NAMES)?;
        let is_language = |key: &str| {
            let (language, region) = key.split_once(['-', '_']).unwrap_or((key, "xx"));
            let letters = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_alphabetic());
            letters(language) && letters(region)
        };
        let by_language = name.object().filter(|o| o.entries.iter().all(|(key, _)| is_language(key)));
        let Some(by_language) = by_language else { return name.text() };
        let own = self.context.locale.and_then(|locale| {
            by_language
                .entries
                .iter()
                .find(|(key, _)| key.get(..2).is_some_and(|k| k.eq_ignore_ascii_case(locale.language())))
        });
        own.or(by_language.entries.first()).and_then(|(_, name)| name.text())
    }

    /// Whether a name has most words of one of the page's names: among many things a name that is part of the page's
    /// may be another thing's.
    pub(super) fn says_all(&self, name: &str) -> bool {
        const MOST: usize = 60;
        let own = Words::of(name);
        self.page_words().iter().any(|page| {
            let (count, shared) =
                page.iter().fold((0, 0), |(count, shared), word| (count + 1, shared + usize::from(own.contains(word))));
            count > 0 && shared * 100 >= count * MOST
        })
    }

    pub(super) fn shares_a_word(&self, name: &str) -> bool {
        let own = Words::of(name);
        self.page_words().iter().any(|page| own.iter().any(|word| page.contains(word)))
    }

    fn page_words(&self) -> &[Words] {
        self.words.get_or_init(|| words_of(self.identity))
    }
}

fn words_of(identity: &Identity<'_>) -> Vec<Words> {
    identity.names.iter().map(|name| Words::of(name)).collect()
}

/// Whether a code stands in an address as a word of its own.
pub(super) fn in_address(url: &str, code: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let code = code.to_ascii_lowercase();
    lower.match_indices(&code).any(|(at, _)| {
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !word(lower[..at].chars().next_back()) && !word(lower[at + code.len()..].chars().next())
    })
}
