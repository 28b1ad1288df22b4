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
    match by_digits(text) {
        Some(whole) => (Cow::Owned(join_parts(&whole).0.into_owned()), true),
        None => join_parts(text),
    }
}

fn join_parts(text: &str) -> (Cow<'_, str>, bool) {
    let (joined, split) = match text.contains(SEAM) {
        false => (Cow::Borrowed(text), false),
        true if may_join(text) || may_part(text) || may_sign(text) || may_strike(text) => {
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

/// Whether any seam stands between a sign of money and digits, which may be the cents of a number in front of the sign.
fn may_sign(text: &str) -> bool {
    text.match_indices(SEAM).any(|(at, seam)| {
        text[..at].ends_with(super::spots::is_sign) && text[at + seam.len()..].starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Digits from which on elements with one character each are one number.
const MIN_SINGLES: usize = 4;

/// Whether digits or marks touch each other across a seam: nearly no text has such a place.
pub(super) fn touch(text: &str) -> bool {
    /// The byte that a seam begins with, and few other characters of a page.
    const FIRST: u8 = 0xee;
    let bytes = text.as_bytes();
    let near = |at: usize| matches!(bytes.get(at), Some(b'0'..=b'9' | b'.' | b','));
    let mut from = 1;
    while let Some(at) = bytes.get(from..).and_then(|rest| memchr::memchr(FIRST, rest)) {
        from += at + 1;
        if near(from - 2) && near(from - 1 + SEAM.len_utf8()) {
            return true;
        }
    }
    false
}

/// A number of which every digit stands in an element of its own, as counters draw it, put together.
fn by_digits(text: &str) -> Option<String> {
    // Each of its digits but one has a seam behind it.
    if text.len() < MIN_SINGLES + (MIN_SINGLES - 1) * SEAM.len_utf8() || !touch(text) {
        return None;
    }
    let single = |part: &&str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_ascii_digit() || matches!(c, '.' | ',')) && chars.next().is_none()
    };
    let alone: Vec<bool> = text.split(SEAM).map(|part| single(&part)).collect();
    if !alone.chunk_by(|one, next| one == next).any(|run| run[0] && run.len() >= MIN_SINGLES) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut before = false;
    for (i, part) in text.split(SEAM).enumerate() {
        let one = single(&part);
        if i > 0 && !(before && one) {
            out.push(SEAM);
        }
        out.push_str(part);
        before = one;
    }
    Some(out)
}

/// Whether any seam stands between a number and money that has a number of its own in its element.
fn may_part(text: &str) -> bool {
    text.match_indices(SEAM).any(|(at, seam)| {
        let before = text[..at].trim_end_matches([' ', SEAM, STRUCK]);
        let behind = text[at + seam.len()..].trim_start_matches([' ', SEAM, STRUCK]);
        let ends = |text: &str| text.ends_with(|c: char| c.is_ascii_digit());
        let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        ends(before) && !begins(behind) && leads_number(behind)
            || begins(behind) && !ends(before) && follows_number(before)
    })
}

/// Whether a struck number stands in front of the sign of another one.
fn may_strike(text: &str) -> bool {
    text.match_indices(STRUCK).any(|(at, _)| {
        let before = text[..at].trim_end_matches([' ', SEAM]);
        before.ends_with(|c: char| c.is_ascii_digit()) && leads_next(&text[at..])
    })
}

/// Whether the next element with words is the name of a money and nothing else, and digits follow it.
fn leads_next(text: &str) -> bool {
    let text = text.trim_start_matches([' ', SEAM, STRUCK]);
    text.split_once(SEAM).is_some_and(|(mark, behind)| {
        is_mark(mark.trim_end_matches([' ', '\u{a0}', '\u{202f}']))
            && behind.trim_start_matches([' ', SEAM]).starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Characters of a money's name at most: `CHF`, `kr.`, `Lei`.
const MAX_MARK: usize = 4;

/// Whether an element begins with the name of a money and its number: `€ 799`.
fn leads_number(text: &str) -> bool {
    let element = text.split([SEAM, STRUCK]).next().unwrap_or(text);
    let number = element.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mark = element[..element.len() - number.len()].trim_end_matches([' ', '\u{a0}', '\u{202f}']);
    !number.is_empty() && is_mark(mark)
}

/// Whether an element ends with a number and the name of its money: `693 kr.`.
fn follows_number(text: &str) -> bool {
    let element = text.rsplit([SEAM, STRUCK]).next().unwrap_or(text);
    let number = element.trim_end_matches(|c: char| !c.is_ascii_digit());
    let mark = element[number.len()..].trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    !number.is_empty() && is_mark(mark)
}

fn is_mark(mark: &str) -> bool {
    (1..=MAX_MARK).contains(&mark.chars().count())
        && mark.chars().all(|c| c.is_alphabetic() || c == '.' || super::spots::is_sign(c))
        && mark.chars().any(|c| c != '.')
}

/// Whether an element is a sign and two digits, `€49`, right behind a number: its cents.
fn are_cents(text: &str) -> bool {
    let element = text.split([SEAM, STRUCK]).next().unwrap_or(text);
    let digits = element.trim_start_matches(super::spots::is_sign);
    digits.len() < element.len()
        && digits.trim_end_matches('*').len() == 2
        && digits.bytes().take(2).all(|b| b.is_ascii_digit())
}

/// Whether a text begins with a decimal mark and two digits and no more: `,49`, `.99 £`.
pub(super) fn begins_with_cents(text: &str) -> bool {
    let Some(digits) = text.strip_prefix([',', '.']) else { return false };
    digits.bytes().take_while(u8::is_ascii_digit).count() == 2
        && !digits[2..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '%'))
}

/// Whether a sign stands alone in its element in front of two digits in theirs: `€|90`.
fn is_sign_and_cents(text: &str) -> bool {
    let rest = text.trim_start_matches(super::spots::is_sign);
    let Some(cents) = rest.strip_prefix(SEAM).filter(|_| rest.len() < text.len()) else { return false };
    cents.bytes().take_while(u8::is_ascii_digit).count() == 2
        && cents.chars().nth(2).is_none_or(|c| matches!(c, SEAM | STRUCK | '*'))
}

/// The text with its seams joined or blank, and whether one was joined.
fn joined(text: &str) -> (String, bool) {
    let mut split = false;
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (i, c) in chars.iter().enumerate() {
        if *c == STRUCK {
            // What is struck is whole: the sign behind it belongs to the next number.
            let ended = || out.trim_end_matches(' ').ends_with(|c: char| c.is_ascii_digit());
            let apart = are_apart(&out, &chars[i + 1..], true)
                || ended() && leads_next(&chars[i + 1..].iter().take(MAX_TEXT).collect::<String>());
            out.push_str(if apart { APART } else { " " });
            continue;
        }
        if *c != SEAM {
            out.push(*c);
            continue;
        }
        let before = out.chars().rev().find(|c| *c != ' ');
        let number_ahead = out.trim_end_matches(' ').ends_with(|c: char| c.is_ascii_digit());
        let behind: String =
            chars[i + 1..].iter().skip_while(|c| matches!(**c, ' ' | SEAM | STRUCK)).take(MAX_TEXT).collect();
        // `7|,49` in boxes below each other: nothing else begins with a mark and two digits right behind a number.
        let struck = chars[..i].iter().rev().find(|c| **c != ' ') == Some(&STRUCK);
        if number_ahead && !struck && !has_decimals(out.trim_end()) && begins_with_cents(&behind) {
            out.truncate(out.trim_end().len());
            split = true;
            continue;
        }
        if number_ahead
            && !has_decimals(&out)
            && out.ends_with(|c: char| c.is_ascii_digit())
            && !out.contains(super::spots::is_sign)
            && is_bare_number(&out)
            && are_cents(&behind)
        {
            split = true;
            continue;
        }
        // `34|€|90`: the sign stands for the decimal mark.
        let whole = out.trim_end_matches(super::spots::is_sign);
        let two = behind.bytes().take_while(u8::is_ascii_digit).count() == 2;
        let ended = behind.chars().nth(2).is_none_or(|c| matches!(c, SEAM | STRUCK | '*'));
        if whole.len() < out.len()
            && whole.ends_with(|c: char| c.is_ascii_digit())
            && !has_decimals(whole)
            && is_bare_number(whole)
            && (two && ended)
        {
            split = true;
            continue;
        }
        if behind.starts_with(super::spots::is_sign)
            && out.ends_with(|c: char| c.is_ascii_digit())
            && is_sign_and_cents(&behind)
        {
            split = true;
            continue;
        }
        let money_behind = number_ahead && !behind.starts_with(|c: char| c.is_ascii_digit()) && leads_number(&behind);
        let cents = {
            let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
            digits == 2 && behind[2..].chars().next().is_none_or(|c| matches!(c, SEAM | STRUCK | '*'))
        };
        let money_ahead = !number_ahead
            && !cents
            && behind.starts_with(|c: char| c.is_ascii_digit())
            && follows_number(out.trim_end_matches(' '));
        if money_behind || money_ahead {
            out.push_str(APART);
            continue;
        }
        // `159 |29`: a blank in front of raised cents, where nothing but the number stands before them.
        if cents && number_ahead && !has_decimals(&out) && out.ends_with(' ') && is_bare_number(&out) {
            out.truncate(out.trim_end().len());
            out.push('.');
            split = true;
            continue;
        }
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

/// Characters behind a seam that are looked at.
const MAX_TEXT: usize = 24;
/// Digits of a number at least that has raised cents behind a blank: fewer count things.
const MIN_DIGITS: usize = 2;

/// Whether a text is a number with at most the name of its money.
fn is_bare_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits >= MIN_DIGITS && text.chars().filter(|c| c.is_alphabetic()).count() < MAX_MARK && !text.contains('|')
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
            ("34|€|90|TTC", "34€90 TTC"),
            ("34€|90", "34€90"),
            ("34 €|20 %", "34 € | 20 %"),
            ("7 |,49 |€", "7,49  €"),
            ("€ 5 |.94", "€ 5.94"),
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
            ("1.299,00~|R$|799,90", "1.299,00 |  R$ 799,90"),
            ("1|299| kr", "1 299  kr"),
            ("12|990|,-", "12 990,-"),
            ("1| |299| kr", "1   299  kr"),
            ("149 |99 Lei", "149  99 Lei"),
            ("kr |499", "kr  499"),
            ("7 |.499", "7  .499"),
            ("12,50 |,49", "12,50  ,49"),
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
