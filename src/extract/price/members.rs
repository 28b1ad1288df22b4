//! Labels of amounts that only some people pay, and of the amounts beside them that everybody pays: `with Clubcard`,
//! `uden kort`, `Mitgliederpreis`.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::words::{self, Cue};
use crate::extract::phrases::Openings;
use crate::extract::text;

/// Who pays the amount that a label stands beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// Members, holders of a card, users of an app.
    Member,
    /// Those who have something that is not known here to be a card: `with Nectar`, `with charger`.
    With,
    /// Those who do not have it: everybody.
    Without,
    /// Everybody, by a word for the usual price.
    Anyone,
}

/// Bytes of such a label at most.
const MAX_LABEL: usize = 48;
/// Words behind `with` at most.
const MOST_WORDS: usize = 4;

/// Words in lower case that say what one has.
#[rustfmt::skip]
const WITH: [&str; 24] = [
    "with", "med", "mit", "avec", "con", "com", "met", "z", "ze", "s", "se", "so", "cu", "с", "со", "з", "із", "със", "με", "sa", "ar", "su", "amb", "w/",
];
/// Words in lower case that say what one has not.
#[rustfmt::skip]
const WITHOUT: [&str; 20] = [
    "without", "w/o", "uden", "utan", "uten", "ohne", "sans", "sin", "senza", "sem", "zonder", "bez", "fără", "fara", "без", "χωρίς", "ilman", "ilma", "be", "sense",
];
/// What the word for a card or a membership ends in, in lower case.
#[rustfmt::skip]
const CARDS: [&str; 48] = [
    "card", "kort", "kortet", "karte", "carte", "tarjeta", "carta", "tessera", "cartão", "cartao", "kaart", "kartą", "karty", "kartou", "karta", "картой", "карты", "картою", "карткою", "картки", "карта", "κάρτα", "kortti", "kortilla", "korttia", "kaardiga", "karti", "kartīti",
    "club", "klub", "klubb", "membership", "medlemskap", "medlemskab", "mitgliedschaft", "lidmaatschap", "adhésion", "članstvom", "cardul", "card-ul", "app", "appen", "appli", "prime", "plus", "pass", "clubcard", "członkostwem",
];
/// What cards are that are bought and not shown at a till, in lower case.
#[rustfmt::skip]
const THINGS: [&str; 26] = [
    "memory", "sd", "sim", "gift", "sound", "graphic", "video", "grafik", "speicher", "hukommelse", "minnes", "minne", "gave", "geschenk", "cadeau", "regalo", "regal", "pamięci", "paměť", "post", "vykort", "jule", "jul", "greeting", "gru", "glückwunsch",
];

/// How every label of those who pay less begins: nearly every text begins in another way.
static OPENINGS: LazyLock<Openings> = LazyLock::new(|| {
    // The table lives as long as the program, and so do its phrases: behind a short word stands a blank.
    let with = WITH.into_iter().filter(|word| word.chars().nth(1).is_some()).map(|word| &*format!("{word} ").leak());
    Openings::of(with.chain(MEMBERS.iter().copied()))
});

static MEMBERS: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
    words::phrases_before().filter(|(_, cue)| *cue == Cue::Member).map(|(phrase, _)| phrase).collect()
});

/// Who pays the amount beside a label, if the whole label says so.
#[must_use]
pub fn payer(label: &str) -> Option<Payer> {
    let label = text::trim(label).trim_matches(LITTER);
    let lettered = label.starts_with(char::is_alphabetic);
    if !lettered || label.len() > MAX_LABEL || label.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let low = text::lower(label);
    let (first, rest) = low.split_once([' ', '\u{a0}']).unwrap_or((&low, ""));
    if WITHOUT.contains(&first) {
        let alone = (first.chars().count() > 2 || !rest.is_empty()) && !is_of_tax(rest);
        return (alone && rest.split_whitespace().count() <= MOST_WORDS).then_some(Payer::Without);
    }
    if WITH.contains(&first) && (1..=MOST_WORDS).contains(&rest.split_whitespace().count()) && !is_of_tax(rest) {
        return Some(if names_card(rest) || is_member(&low) { Payer::Member } else { Payer::With });
    }
    if is_member(&low) {
        return Some(Payer::Member);
    }
    // `Non-members`.
    let (ahead, last) = low.rsplit_once([' ', '-', '‑', '–'])?;
    if is_member(last) && !ahead.contains(' ') && words::is_for_others(ahead) {
        return Some(Payer::Without);
    }
    words::names_usual_price(&low).then_some(Payer::Anyone)
}

/// Whether a label is that of those who pay less, [`Payer::Member`] or [`Payer::With`].
#[must_use]
pub fn pays_less(label: &str) -> bool {
    /// Bytes of the shortest one: `club`.
    const SHORTEST: usize = 4;
    if label.len() < SHORTEST || label.len() > MAX_LABEL * 2 {
        return false;
    }
    let label = text::trim(label);
    let lettered = label.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    let label = if lettered { label } else { label.trim_start_matches(LITTER) };
    let first = label.as_bytes().first().copied().unwrap_or(b' ');
    if first.is_ascii() && !first.is_ascii_alphabetic() || label.len() < SHORTEST || !OPENINGS.may_begin(label) {
        return false;
    }
    let low = text::lower(label.trim_end_matches(LITTER));
    let first = low.find([' ', '\u{a0}']).map_or("", |end| &low[..end]);
    (MEMBERS.contains(&*low) || WITH.contains(&first)) && matches!(payer(label), Some(Payer::Member | Payer::With))
}

const LITTER: [char; 9] = [' ', ':', '(', ')', '*', '.', ',', '\u{a0}', '-'];

/// `s DPH`, `without VAT`: who pays it is everybody.
fn is_of_tax(words: &str) -> bool {
    words.split(|c: char| !c.is_alphabetic()).any(|word| !word.is_empty() && super::tax::is_word(word))
}

/// Whether words in lower case are nothing but what names members.
fn is_member(words: &str) -> bool {
    MEMBERS.contains(words)
}

/// Whether a word in lower case is a card that one shows, or a membership.
fn names_card(words: &str) -> bool {
    let mut parts = words.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|word| !word.is_empty());
    let thing = |word: &str| THINGS.iter().any(|thing| word.starts_with(thing));
    parts.clone().any(|word| CARDS.iter().any(|card| word.ends_with(card))) && !parts.any(thing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_who_pays() {
        for (label, payer) in [
            ("with Clubcard", Payer::Member),
            ("med Coop-kort", Payer::Member),
            ("(mit Kundenkarte)", Payer::Member),
            ("z kartą", Payer::Member),
            ("avec la carte fidélité", Payer::Member),
            ("Medlemspris", Payer::Member),
            ("Clubcard Price", Payer::Member),
            ("with Nectar", Payer::With),
            ("with charger", Payer::With),
            ("with memory card", Payer::With),
            ("without", Payer::Without),
            ("uden kort", Payer::Without),
            ("ohne Kundenkarte", Payer::Without),
            ("bez karty", Payer::Without),
            ("Non-members", Payer::Without),
            ("Ordinarie pris", Payer::Anyone),
        ] {
            assert_eq!(super::payer(label), Some(payer), "{label}");
        }
        for label in [
            "Add to cart",
            "s DPH",
            "bez DPH",
            "ohne MwSt.",
            "without VAT",
            "Withdraw",
            "Members earn points on every order",
            "be",
            "med",
            "4 cards",
            "",
        ] {
            assert_eq!(payer(label), None, "{label}");
        }
    }
}
