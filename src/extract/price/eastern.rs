//! Amounts written with the numerals of East Asia: `36.57亿元`, `4천 820만 달러`, `50元6角3分`, `7千円`.
//!
//! Only texts that contain such a numeral come here; everything else is none of its business.

use super::currency::{self, Mark};
use super::words::{MYRIADS, SECTION};
use super::{Context, PriceKind, Reading, Role, TaxView};
use crate::money::Decimal;

/// Reads a text whose number mixes digits with numeral characters, or yuan with jiao and fen.
pub(super) fn read(text: &str, lower: &str, context: &Context<'_>) -> Option<Reading> {
    if text.is_ascii() {
        return None;
    }
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let numeral = |c: char| zeros(c).is_some();
    if !text[first..].chars().any(|c| numeral(c) || matches!(c, '角' | '分' | '銭' | '毛')) {
        return None;
    }
    let (amount, end) = number(&text[first..])?;
    let end = first + end;
    let rest = text[end..].trim_start();
    let start = text.len() - rest.len();
    let (mark, len) = currency::at_start(rest, &lower[start..])
        .or_else(|| currency::at_end(text[..first].trim_end(), lower[..first].trim_end()).map(|(mark, _)| (mark, 0)))?;
    let amount = amount.checked_add(fraction(&rest[len..]))?;
    let plain = text[first..end].chars().all(|c| !numeral(c));
    if plain && fraction(&rest[len..]).is_zero() {
        return None;
    }
    let currency = mark.resolve(context.currency, context.locale);
    Some(Reading {
        amount: amount.normalize(),
        high: None,
        currency: if matches!(mark, Mark::Subunit(_)) { None } else { currency },
        mark: Some(mark),
        kind: PriceKind::Exact,
        tax: TaxView::Unknown,
        per: None,
        role: Role::Price,
        proven_mark: None,
        worded: false,
        doubted: false,
        rivalled: false,
    })
}

fn zeros(c: char) -> Option<(u32, bool)> {
    let find = |table: &[(char, u32)]| table.iter().find(|(n, _)| *n == c).map(|(_, z)| *z);
    find(SECTION).map(|z| (z, false)).or_else(|| find(MYRIADS).map(|z| (z, true)))
}

/// The value of `4천 820만` and the bytes it takes.
fn number(text: &str) -> Option<(Decimal, usize)> {
    let mut total = Decimal::ZERO;
    let mut section = Decimal::ZERO;
    let mut digits = String::new();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if c.is_ascii_digit() || (c == '.' && !digits.is_empty()) {
            digits.push(c);
            end = at + 1;
        } else if c == ',' && !digits.is_empty() {
            // A group mark between digits; the digits decide.
        } else if let Some((zeros, closes)) = zeros(c) {
            let factor = Decimal::from(10_i64.checked_pow(zeros)?);
            let value = pending(&digits)?;
            digits.clear();
            if closes {
                section = section.checked_add(value.unwrap_or(Decimal::ZERO))?;
                let base = if section.is_zero() && value.is_none() { Decimal::ONE } else { section };
                total = total.checked_add(base.checked_mul(factor)?)?;
                section = Decimal::ZERO;
            } else {
                section = section.checked_add(value.unwrap_or(Decimal::ONE).checked_mul(factor)?)?;
            }
            end = at + c.len_utf8();
        } else if c == ' ' {
            let more = text[at..].trim_start();
            // A blank ends the number unless more digits or numerals follow.
            if !more.starts_with(|c: char| c.is_ascii_digit() || zeros(c).is_some()) {
                break;
            }
        } else {
            break;
        }
    }
    let value = pending(&digits)?.unwrap_or(Decimal::ZERO);
    Some((total.checked_add(section)?.checked_add(value)?, end))
}

/// Digits collected so far: `None` inside if there are none, `None` outside if they form no number.
fn pending(digits: &str) -> Option<Option<Decimal>> {
    if digits.is_empty() {
        return Some(None);
    }
    crate::money::decimal(digits.trim_end_matches('.')).ok().map(Some)
}

/// Jiao, fen, sen and cents behind the main amount: `6角3分`, `13銭`.
fn fraction(text: &str) -> Decimal {
    let mut sum = Decimal::ZERO;
    let mut digits = String::new();
    for c in text.chars() {
        let parsed = || digits.parse::<i64>().unwrap_or(0);
        match c {
            c if c.is_ascii_digit() && digits.len() < 2 => digits.push(c),
            '角' | '毛' => {
                sum += Decimal::new(parsed(), 1);
                digits.clear();
            }
            '分' | '銭' => {
                sum += Decimal::new(parsed(), 2);
                digits.clear();
            }
            ' ' | 'と' | '和' => {}
            _ => break,
        }
    }
    sum
}
