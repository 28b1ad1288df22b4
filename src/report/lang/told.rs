//! Sentences of the program in the reader's language, with the reader's numbers, amounts and times.

mod da;
mod de;
mod pl;
mod sv;

use super::Voice;
use crate::config::Language;
use crate::sentence::{Part, Piece, Sentence, amount, find, pieces};

/// Stands where a reader must not see a floor or a cost.
const HIDDEN: &str = "…";
/// Sentences inside sentences inside sentences.
const DEEPEST: usize = 3;

/// The form of a sentence in a language.
#[must_use]
pub const fn form(sentence: Sentence, language: Language) -> &'static str {
    match language {
        Language::En => sentence.english(),
        Language::Da => da::form(sentence),
        Language::Sv => sv::form(sentence),
        Language::Pl => pl::form(sentence),
        Language::De => de::form(sentence),
    }
}

impl Voice {
    /// A kept sentence as the reader is told it. What is none is told as it is, without the hints that follow errors.
    #[must_use]
    pub fn tell(&self, text: &str) -> String {
        self.told(text.split("\n  hint:").next().unwrap_or(text), 0)
    }

    /// Several sentences that are kept in one piece, each told.
    #[must_use]
    pub fn tell_all(&self, text: &str) -> String {
        if find(text).is_some() {
            return self.tell(text);
        }
        text.split("; ").map(|one| self.tell(one)).collect::<Vec<_>>().join("; ")
    }

    fn told(&self, text: &str, depth: usize) -> String {
        let Some(found) = find(text).filter(|_| depth < DEEPEST) else { return text.to_owned() };
        let mut out = String::new();
        for piece in pieces(form(found.sentence, self.language)) {
            match piece {
                Piece::Words(words) => out.push_str(words),
                Piece::Slot { name, .. }
                    if self.hides_costs && (name.starts_with("floor") || name.starts_with("cost")) =>
                {
                    out.push_str(HIDDEN);
                }
                Piece::Slot { name, .. } => {
                    let part = found.parts.iter().find(|(known, _)| *known == name);
                    out.push_str(&part.map(|(_, part)| self.part(part, depth)).unwrap_or_default());
                }
            }
        }
        out
    }

    fn part(&self, part: &Part, depth: usize) -> String {
        match part {
            Part::Text(text) => text.clone(),
            Part::Money(money) => self.money(*money),
            Part::Number(number) => self.number(*number),
            Part::Percent(percent) => self.exact_percent(*percent),
            Part::At(at) => self.at(*at),
            Part::Day(day) => self.civil(*day),
            Part::Days(days) => days.map_or_else(|| "-".to_owned(), |n| self.plural(&self.words.days, n, &[])),
            Part::Said(text) => amount(text).map_or_else(|| self.told(text, depth + 1), |money| self.money(money)),
            Part::List(texts) => texts.iter().map(|text| self.told(text, depth + 1)).collect::<Vec<_>>().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_the_same_things() {
        let slots = |form| {
            let mut names: Vec<&str> = pieces(form)
                .filter_map(|piece| match piece {
                    Piece::Slot { name, .. } => Some(name),
                    Piece::Words(_) => None,
                })
                .collect();
            names.sort_unstable();
            names
        };
        for sentence in Sentence::ALL {
            for language in Language::ALL {
                let own = form(*sentence, language);
                assert_eq!(slots(own), slots(sentence.english()), "{sentence:?} in {}", language.code());
                assert!(language == Language::En || own != sentence.english(), "{sentence:?} in {}", language.code());
            }
        }
    }

    #[test]
    fn what_is_told_in_swedish_is_not_danish() {
        for sentence in Sentence::ALL {
            let own = sv::form(*sentence);
            let words = own.split(|c: char| !c.is_alphabetic());
            let danish = |word: &str| {
                let known = ["og", "ikke", "af", "fra", "til", "hvis", "vores", "vare", "varer"];
                word.contains(['æ', 'ø']) || word.ends_with("erne") || known.contains(&word)
            };
            assert_eq!(words.filter(|word| danish(word)).collect::<Vec<_>>(), Vec::<&str>::new(), "{own}");
        }
    }

    #[test]
    fn a_sentence_is_told_with_the_readers_numbers_and_times() {
        let told = |language: Language, text: &str| Voice::new(language, "Europe/Copenhagen").tell(text);
        let floor = "webshop shows 1479.50 DKK, below the floor 1562.50 DKK of today's cost";
        assert_eq!(
            Language::ALL.map(|language| told(language, floor)),
            [
                "webshop shows DKK\u{a0}1,479.50, below the floor DKK\u{a0}1,562.50 of today's cost",
                "webshop viser 1.479,50\u{a0}kr., under bundprisen 1.562,50\u{a0}kr. efter dagens kostpris",
                "webshop visar 1\u{a0}479,50\u{a0}DKK, under golvet 1\u{a0}562,50\u{a0}DKK efter dagens inköpspris",
                "webshop pokazuje 1479,50\u{a0}DKK, poniżej ceny minimalnej 1562,50\u{a0}DKK według dzisiejszego kosztu",
                "webshop zeigt 1.479,50\u{a0}DKK, unter der Untergrenze 1.562,50\u{a0}DKK nach heutigen Kosten",
            ]
        );
        let frozen = "2 moves answered each other in one direction with near.example within 48 h; frozen until 2026-11-21T06:05:00Z";
        assert_eq!(
            told(Language::Da, frozen),
            "2 ændringer besvarede hinanden i samme retning med near.example inden for 48 timer; fastfrosset til 21. nov. 2026 07.05"
        );
        assert_eq!(
            told(
                Language::De,
                "not sent to webshop: 479.00 EUR is below the floor 500.00 EUR computed from today's cost"
            ),
            "nicht an webshop gesendet: 479,00\u{a0}€ liegt unter der Untergrenze 500,00\u{a0}€ nach heutigen Kosten"
        );
        assert_eq!(
            told(Language::Sv, "campaign Black runs, and its prices are not live: 1200 on webshop, 2 on till"),
            "kampanjen Black pågår, och dess priser är inte live: 1\u{a0}200 på webshop, 2 på till"
        );
        assert_eq!(told(Language::Pl, "webshop takes no prices: HTTP 401"), "webshop nie przyjmuje cen: HTTP 401");
        assert_eq!(told(Language::Pl, "a note by Ann"), "a note by Ann");
        assert_eq!(told(Language::En, "what\n  hint: do this"), "what");
    }

    #[test]
    fn who_must_not_see_costs_sees_none() {
        let voice = Voice::new(Language::En, "UTC").without_costs();
        let told = voice.tell("479.00 DKK is below 500.00 DKK, the present cost with VAT");
        assert_eq!(told, "DKK\u{a0}479.00 is below …, the present cost with VAT");
        let jump = voice.tell("the purchase cost went from 250.00 DKK to 400.00 DKK; confirm the import");
        assert_eq!(jump, "the purchase cost went from … to …; confirm the import");
    }
}
