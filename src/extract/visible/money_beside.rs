//! The money that a text beside an amount names where the amount has a sign that several moneys share: `Price (CAD): $49`.

use super::neighbours::MAX_LABEL;
use super::spots::{Reader, Spot};
use crate::extract::price::{self, Mark};
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::Kind;
use crate::money::{Currency, Money};

/// Codes that are words in capitals as well.
const WORDS: [&str; 4] = ["TOP", "CUP", "MOP", "ALL"];
/// Dollars by the sign that no other country writes so.
const SIGNS: [(&str, Currency); 8] = [
    ("US$", Currency::USD),
    ("CA$", Currency::CAD),
    ("C$", Currency::CAD),
    ("AU$", Currency::AUD),
    ("A$", Currency::AUD),
    ("NZ$", Currency::NZD),
    ("HK$", Currency::HKD),
    ("NT$", Currency::TWD),
];
/// What stands between a label and the code of its money.
const IN: [&str; 7] = ["in", "en", "em", "i", "w", "v", "στα"];

impl Reader<'_, '_> {
    /// Lets the code of a money right in front of an amount or right behind it settle the sign that the amount has: what
    /// stands beside it is nearer than what the page says of its language. Two codes settle nothing.
    pub(super) fn money_beside(&self, spot: &mut Spot, ahead: Option<usize>, behind: Option<usize>) {
        let Some(Mark::Shared { codes, .. }) = &spot.reading.mark else { return };
        let named = |i: usize| {
            let Kind::Text(raw) = self.tree.nodes[i].kind else { return None };
            let capitals = || raw.bytes().filter(u8::is_ascii_uppercase).nth(2).is_some();
            let may_name = raw.len() <= MAX_LABEL && (raw.contains('$') || capitals());
            if !may_name || self.in_heading(i) || self.is_choice_of_money(i) || self.is_of_another(spot.node, i) {
                return None;
            }
            code_in(&text::clean(raw)).filter(|code| codes.contains(code))
        };
        // Behind an amount the code is that of the next one where one follows in the same box.
        let own = |i: &usize| !self.box_of(spot.node, *i).is_none_or(|outer| self.followed(*i, outer));
        let currency = match (ahead.and_then(named), behind.and_then(named)) {
            (Some(one), Some(other)) if one != other => None,
            (Some(one), _) => Some(one),
            (None, Some(one)) if behind.as_ref().is_some_and(own) => Some(one),
            (None, _) => return,
        };
        if currency == spot.reading.currency {
            return;
        }
        spot.reading.currency = currency;
        let of = |money: Option<Money>| Money::exact(money?.amount(), currency?).ok();
        spot.money = currency.and_then(|currency| Money::exact(spot.reading.amount, currency).ok());
        spot.second = of(spot.second);
        spot.rival = of(spot.rival);
    }

    /// Whether a text is a link or one of several to choose from: shops let people choose among moneys.
    fn is_choice_of_money(&self, text: usize) -> bool {
        const MAX_CLIMB: usize = 3;
        let nodes = &self.tree.nodes;
        let control =
            |i: usize| [Name::A, Name::BUTTON, Name::OPTION, Name::SELECT].iter().any(|name| nodes[i].is(*name));
        self.tree.ancestors(text).take(MAX_CLIMB).any(control)
    }
}

/// The money that a text names by its code: alone, in brackets, or at the end of a label of prices.
fn code_in(words: &str) -> Option<Currency> {
    if let Some((_, currency)) = SIGNS.iter().find(|(sign, _)| words.trim() == *sign) {
        return Some(*currency);
    }
    let words = words.trim_matches(|c: char| !c.is_alphabetic() && !matches!(c, '(' | ')'));
    let (label, code) = match words.rsplit_once(['(', ' ']) {
        Some((label, code)) => (label, code),
        None => ("", words),
    };
    let code = code.trim_matches(|c: char| !c.is_alphabetic());
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) || WORDS.contains(&code) {
        return None;
    }
    let label = label.trim_end_matches(|c: char| !c.is_alphabetic());
    let joined =
        IN.iter().find_map(|word| label.strip_suffix(word).filter(|rest| rest.is_empty() || rest.ends_with(' ')));
    let label = joined.unwrap_or(label).trim_end();
    let speaks = || price::names_price(label) || price::names_usual_price(label) || price::may_qualify(label, true);
    (label.is_empty() || speaks()).then(|| Currency::from_code(code)).flatten()
}
