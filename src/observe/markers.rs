//! Words near a number that say it is not the public price of the article, in the languages of the markets.
//!
//! A closed list, compared by whole words: a marker that fires on ordinary text would quarantine good prices.

use crate::observe::gate::{Marker, TaxLabel};

/// Only this much text near a number is looked at, in characters.
pub const MAX_CONTEXT_CHARS: usize = 200;

const PER_MONTH: &[&str] = &[
    "/md",
    "md.",
    "mdr",
    "/mdr",
    "pr. måned",
    "måneden",
    "/mån",
    "mån",
    "per månad",
    "i månaden",
    "mies",
    "/mies",
    "miesięcznie",
    "rata",
    "raty",
    "monatlich",
    "/monat",
    "pro monat",
    "mtl",
    "kk",
    "/kk",
    "per month",
    "/month",
    "monthly",
    "/mo",
    "p/m",
    "a month",
];
const PER_UNIT: &[&str] = &[
    "pr. kg",
    "/kg",
    "per kg",
    "pro kg",
    "za kg",
    "/100 g",
    "/100g",
    "pr. liter",
    "/liter",
    "/l",
    "per liter",
    "pr. l",
    "/100 ml",
    "/100ml",
    "pr. stk",
    "per stk",
    "/stk",
    "pr. meter",
    "/m",
    "/m2",
    "/m²",
    "per styck",
    "/st",
    "/szt",
    "za szt",
    "pro stück",
    "/stück",
    "/kpl",
    "each",
    "jmf-pris",
    "jmf",
    "jämförpris",
    "jfr-pris",
    "grundpreis",
    "cena jedn",
    "cena jednostkowa",
    "unit price",
    "enhedspris",
    "kilopris",
    "literpris",
];
const FROM: &[&str] = &["fra", "från", "fr.o.m", "od", "ab", "from", "starting at", "as low as", "alkaen", "vanaf"];
const NET: &[&str] = &[
    "ekskl. moms",
    "eks. moms",
    "ex. moms",
    "excl. moms",
    "exkl. moms",
    "exkl moms",
    "ekskl moms",
    "uden moms",
    "utan moms",
    "netto",
    "zzgl. mwst",
    "zzgl. ust",
    "exkl. mwst",
    "ohne mwst",
    "bez vat",
    "+ vat",
    "ex vat",
    "ex. vat",
    "excl. vat",
    "excl vat",
    "excluding vat",
    "exc vat",
    "alv 0",
    "plus vat",
];
const GROSS: &[&str] = &[
    "inkl. moms",
    "incl. moms",
    "inkl moms",
    "med moms",
    "inkl. mwst",
    "inkl. ust",
    "brutto",
    "z vat",
    "inc vat",
    "inc. vat",
    "incl. vat",
    "incl vat",
    "including vat",
    "sis. alv",
];
const MEMBER: &[&str] = &[
    "medlem",
    "medlemspris",
    "medlemmer",
    "medlemmar",
    "klub",
    "klubpris",
    "klubbpris",
    "kundeklub",
    "prime",
    "klubowa",
    "karta klienta",
    "mitglied",
    "mitgliederpreis",
    "member",
    "members",
    "loyalty",
    "jäsen",
    "plussa",
];

/// The marker in the text next to a number; the most certain kind first.
#[must_use]
pub fn marker_near(text: &str) -> Option<Marker> {
    let text = prepared(text);
    let kinds = [
        (PER_MONTH, Marker::PerMonth),
        (PER_UNIT, Marker::PerUnit),
        (NET, Marker::Net),
        (MEMBER, Marker::Member),
        (FROM, Marker::From),
    ];
    kinds.into_iter().find(|(words, _)| contains_any(&text, words)).map(|(_, marker)| marker)
}

/// The VAT label in the text next to a number; none if it names both views or neither.
#[must_use]
pub fn tax_label_near(text: &str) -> Option<TaxLabel> {
    let text = prepared(text);
    match (contains_any(&text, GROSS), contains_any(&text, NET)) {
        (true, false) => Some(TaxLabel::Incl),
        (false, true) => Some(TaxLabel::Excl),
        _ => None,
    }
}

fn prepared(text: &str) -> String {
    let near: String = text.chars().take(MAX_CONTEXT_CHARS).collect();
    near.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| contains_word(text, word))
}

/// Whether a word or phrase stands in the text by itself: no letter runs into it on either side.
fn contains_word(text: &str, word: &str) -> bool {
    let starts_with_letter = word.chars().next().is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(char::is_alphabetic);
        let after = text[at + word.len()..].chars().next().is_some_and(char::is_alphanumeric);
        !(after || starts_with_letter && before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_whole_words() {
        for (text, marker) in [
            ("45,00 kr./md. i 24 mdr.", Some(Marker::PerMonth)),
            ("od 199 zł", Some(Marker::From)),
            ("24,95 pr. kg", Some(Marker::PerUnit)),
            ("Medlemspris 449 kr", Some(Marker::Member)),
            ("399,20 ekskl. moms", Some(Marker::Net)),
            ("ab 99,99 €", Some(Marker::From)),
            ("479,00 kr. Farvekode abrikos, produkt 4", None),
            ("499 kr inkl. moms", None),
            ("kr 1 299,00", None),
        ] {
            assert_eq!(marker_near(text), marker, "{text}");
        }
    }

    #[test]
    fn a_page_that_names_both_tax_views_labels_neither() {
        assert_eq!(tax_label_near("499 kr inkl. moms"), Some(TaxLabel::Incl));
        assert_eq!(tax_label_near("399,20 exkl. moms"), Some(TaxLabel::Excl));
        assert_eq!(tax_label_near("399,20 exkl. moms / 499 inkl. moms"), None);
    }
}
