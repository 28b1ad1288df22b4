//! Prices whose parts stand in elements of their own: `<b>1 574</b><sup>90</sup> zł`, `39<i>.</i>99`.
//!
//! A seam is where two inline elements meet; whether it stands for a decimal mark depends on the digits around it.

use std::borrow::Cow;

use crate::extract::tree::{SEAM, STRUCK};

/// Stands where two elements meet whose digits are numbers of their own.
const APART: &str = " | ";

/// Removes the seams of split prices: `1 574|90 zł` becomes `1 574.90 zł`, `39|.|99` becomes `39.99`.
///
/// Digits on both sides of any other border stay numbers of their own: no reader crosses what is put between them.
///
/// The flag says whether two digits stand alone between seams right behind a number.
#[must_use]
pub fn join(text: &str) -> (Cow<'_, str>, bool) {
    let (joined, split) = match text.contains(SEAM) {
        false => (Cow::Borrowed(text), false),
        true if may_join(text) => {
            let (joined, split) = joined(text);
            (Cow::Owned(joined), split)
        }
        true => (Cow::Owned(text.split(SEAM).collect::<Vec<_>>().join(" ")), false),
    };
    (without_blank_in_numbers(joined), split)
}

/// `39. 95` as one number: the blank between mark and cents is litter. The one behind `inkl.` or `kr.` is not.
fn without_blank_in_numbers(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_litter = |part: &[u8]| matches!(part, [b'0'..=b'9' | b' ', b'.', b' ', b'0'..=b'9']);
    let blanks: Vec<usize> =
        text.as_bytes().windows(4).enumerate().filter(|(_, part)| is_litter(part)).map(|(at, _)| at + 2).collect();
    if blanks.is_empty() {
        return text;
    }
    let kept = text.char_indices().filter(|(at, _)| !blanks.contains(at));
    Cow::Owned(kept.map(|(_, c)| c).collect())
}

/// Whether any seam stands behind a number or its mark and in front of digits or a mark: all others become blanks.
fn may_join(text: &str) -> bool {
    text.match_indices(SEAM).any(|(at, seam)| {
        let before = text[..at].trim_end_matches([' ', SEAM, STRUCK]).as_bytes().last();
        let behind = text[at + seam.len()..].trim_start_matches(' ').as_bytes().first();
        [before, behind].iter().all(|byte| matches!(byte, Some(b'0'..=b'9' | b'.' | b',')))
    })
}

/// The text with its seams joined or blank, and whether one was joined.
fn joined(text: &str) -> (String, bool) {
    let mut split = false;
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (i, c) in chars.iter().enumerate() {
        if *c == STRUCK {
            out.push_str(if are_apart(&out, &chars[i + 1..], true) { APART } else { " " });
            continue;
        }
        if *c != SEAM {
            out.push(*c);
            continue;
        }
        let before = out.chars().rev().find(|c| *c != ' ');
        let touching = out.ends_with(|c: char| c.is_ascii_digit());
        let rest = &chars[i + 1..chars.len().min(i + 7)];
        let digits = rest.iter().skip_while(|c| **c == ' ').take_while(|c| c.is_ascii_digit()).count();
        let spaced = rest.first() == Some(&' ');
        let mark_next = matches!(rest.first(), Some('.' | ','));
        let after = rest.iter().skip_while(|c| **c == ' ').nth(digits).copied();
        let ends = after.is_none_or(|c| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '%')));
        // The other mark than the one that groups: `2.649|50` is `2.649,50`.
        let decimal = if last_number(&out).contains('.') { ',' } else { '.' };
        split |= touching && (mark_next || digits == 2 && ends) && !has_decimals(&out);
        split |= matches!(before, Some('.' | ',')) && digits == 2 && !spaced;
        if touching && digits == 2 && ends && !spaced && !has_decimals(&out) {
            out.push(decimal);
        } else if (touching && mark_next) || matches!(before, Some('.' | ',')) && digits == 2 && !spaced {
            // The mark stands in an element of its own.
        } else if touching && digits == 2 && ends && spaced && !has_decimals(&out) && after == Some(SEAM) {
            out.push(decimal);
        } else {
            out.push_str(if are_apart(&out, &chars[i + 1..], false) { APART } else { " " });
        }
    }
    (out, split)
}

/// Whether digits in front of a seam and digits behind it are two numbers, unless one of the two is struck. Two digits
/// behind a number without decimals may be its cents, three behind at most three its next group; but three whose money
/// stands in their own element are a whole price.
fn are_apart(before: &str, behind: &[char], struck: bool) -> bool {
    let skipped = behind.iter().take_while(|c| matches!(**c, ' ' | SEAM | STRUCK)).count();
    let behind = &behind[skipped..];
    let digits = behind.iter().take_while(|c| c.is_ascii_digit()).count();
    let before = before.trim_end_matches(' ');
    if !before.ends_with(|c: char| c.is_ascii_digit()) || digits == 0 {
        return false;
    }
    let joins = digits == 2 || digits == 3 && may_lead(before) && !has_money(&behind[digits..]);
    struck || !joins || has_decimals(before)
}

/// Whether a text ends in one to three digits that can be a number's first group.
fn may_lead(before: &str) -> bool {
    let first = last_number(before);
    let front = before[..before.len() - first.len()].trim_end_matches(' ');
    (1..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_digit())
        && !front.ends_with(|c: char| c.is_ascii_digit())
}

/// Whether money is named before the element ends.
fn has_money(rest: &[char]) -> bool {
    rest.iter()
        .take_while(|c| **c != SEAM && **c != STRUCK)
        .any(|c| !c.is_ascii_digit() && !matches!(c, ' ' | '.' | ',' | '-' | ':'))
}

fn last_number(text: &str) -> &str {
    text.rsplit(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).next().unwrap_or("")
}

/// Whether the number at the end of a text has decimals already.
fn has_decimals(text: &str) -> bool {
    let number = last_number(text);
    number.rfind(['.', ',']).is_some_and(|at| number.len() - at - 1 != 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_prices_are_joined() {
        for (split, joined) in [
            ("1 574|90|zł", "1 574.90 zł"),
            ("$|39|.|99", "$ 39.99"),
            ("173|34| Lei", "173.34  Lei"),
            ("2.649|50| €", "2.649,50  €"),
            ("12,50| kr", "12,50  kr"),
            ("-10%|50 kr", "-10% 50 kr"),
        ] {
            assert_eq!(join(&split.replace('|', &SEAM.to_string())).0, joined, "{split}");
        }
    }

    #[test]
    fn numbers_of_neighbours_stay_apart() {
        for (text, read) in [
            ("1 299~|999 kr", "1 299 |  999 kr"),
            ("1299~|99 kr", "1299 |  99 kr"),
            ("iPhone 15 |999 kr", "iPhone 15  | 999 kr"),
            ("Antal: 2 |499 kr", "Antal: 2  | 499 kr"),
            ("12,50 |100 kr", "12,50  | 100 kr"),
            ("2|499 kr", "2 | 499 kr"),
            ("1|299| kr", "1 299  kr"),
            ("12|990|,-", "12 990,-"),
            ("1| |299| kr", "1   299  kr"),
            ("149 |99 Lei", "149  99 Lei"),
            ("kr |499", "kr  499"),
        ] {
            let raw = text.replace('|', &SEAM.to_string()).replace('~', &STRUCK.to_string());
            assert_eq!(join(&raw).0, read, "{text}");
        }
    }

    #[test]
    fn the_blank_behind_an_abbreviation_stays() {
        for (text, kept) in
            [("119,00 € inkl. MwSt.", "119,00 € inkl. MwSt."), ("kr. 499", "kr. 499"), ("39. 95", "39.95")]
        {
            assert_eq!(join(text).0, kept);
        }
    }

    #[test]
    fn a_label_with_a_point_is_no_split_price() {
        let split = |text: &str| join(&text.replace('|', &SEAM.to_string())).1;
        assert!(split("69.|99") && split("1 574|90|zł") && !split("89,90 €|Ovh. 119,00 €") && !split("12,50| kr"));
    }
}
