//! One spelling for all spellings: full-width forms, digits of every script, blanks, apostrophes, dashes.
//!
//! It changes how characters are written, never what they say.

use std::borrow::Cow;

use super::number::Number;
use crate::extract::text;

/// Full-width forms, every decimal digit of Unicode, every blank and every apostrophe become the plain ones.
#[must_use]
pub fn normalise(raw: &str) -> Cow<'_, str> {
    if text::is_folded(raw.as_bytes()) && !raw.as_bytes().contains(&b'`') {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(if raw.is_ascii() { normalise_ascii(raw) } else { normalise_any(raw) })
}

fn normalise_any(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut superscript = false;
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if matches!(c, '!'..='_' | 'a'..='~' | '\u{20a0}'..='\u{20cf}') || text::is_common_letter(c) {
            superscript = false;
            out.push(c);
            continue;
        }
        let may_be_raised = matches!(c, '²' | '³' | '¹' | '⁰'..='⁹');
        let raised = if may_be_raised { "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|s| s == c) } else { None };
        if let Some(digit) = raised {
            // Raised digits right behind a digit are the cents: `19⁹⁹`.
            if !superscript && out.ends_with(|p: char| p.is_ascii_digit()) {
                out.push('.');
            }
            out.extend(char::from_digit(u32::try_from(digit).unwrap_or(0), 10));
            superscript = true;
            continue;
        }
        superscript = false;
        match c {
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if text::is_invisible(c) => {}
            '’' | '‘' | 'ʼ' | '´' | '`' | '＇' | '′' => out.push('\''),
            '−' | '﹣' | '－' | '⁻' => out.push('-'),
            '‐' | '‑' | '‒' | '–' | '—' | '―' => out.push('–'),
            '￥' | '￡' | '￦' => out.push(c),
            // A raised point between digits is how Britain used to print the decimal mark: `£12·99`.
            '·' | '∙' | '⋅' if is_between_digits(&out, rest.as_str()) => out.push('.'),
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(u32::from(c) - 0xfee0)),
            c if c.is_ascii() => out.push(c),
            c => out.push(digit_of(c).unwrap_or(c)),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn is_between_digits(before: &str, after: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_digit()) && after.starts_with(|c: char| c.is_ascii_digit())
}

/// [`normalise`] for texts without any other character.
fn normalise_ascii(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for byte in raw.bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            0..0x20 | 0x7f => {}
            b'`' => out.push('\''),
            byte => out.push(char::from(byte)),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The ASCII digit of a decimal digit of another script. Unicode lays each script's ten digits out in a row.
fn digit_of(c: char) -> Option<char> {
    #[rustfmt::skip]
    const ZEROS: [u32; 60] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
        0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
        0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
        0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0,
        0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950,
    ];
    if !c.is_numeric() {
        return None;
    }
    let code = u32::from(c);
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).and_then(|zero| char::from_digit(code - zero, 10))
}

/// Lower case with the byte positions of the original kept: characters whose case changes length stay.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let capitals = text.bytes().fold(false, |any, byte| any | byte.is_ascii_uppercase());
        return if capitals { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) };
    }
    let mut out = String::with_capacity(text.len());
    out.extend(text.chars().map(|c| {
        if let Some(low) = text::small(c).filter(|low| low.len_utf8() == c.len_utf8()) {
            return low;
        }
        let mut low = c.to_lowercase();
        match (low.next(), low.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
            _ => c,
        }
    }));
    Cow::Owned(out)
}

/// A blank-joined pair such as `2 499` inside `10-20` stays apart, a thousands blank joins: done by the number reader.
/// Here only phone-like and date-like chains are dropped: three or more integers joined by the same dash or slash; and
/// numbers with a power of ten, `5E3`, whose letter is no money.
pub(super) fn drop_chains(text: &str, numbers: &mut Vec<Number<'_>>) {
    if numbers.len() < 2 {
        return;
    }
    let chained = |a: &Number<'_>, b: &Number<'_>| matches!(&text[a.end..b.start], "-" | "/" | ":");
    let padded = |n: &Number<'_>| n.integer().is_some_and(|d| d.len() == 2 && d.starts_with('0'));
    let mut drop = vec![false; numbers.len()];
    for i in 1..numbers.len() {
        if matches!(&text[numbers[i - 1].end..numbers[i].start], "e" | "E") {
            (drop[i - 1], drop[i]) = (true, true);
        }
        let joined = chained(&numbers[i - 1], &numbers[i]);
        let date_like = joined && (padded(&numbers[i]) || padded(&numbers[i - 1]));
        let chain_of_three = joined && i >= 2 && chained(&numbers[i - 2], &numbers[i - 1]);
        if date_like || chain_of_three {
            drop[i - 1] = true;
            drop[i] = true;
            // The year of `2024-11-03` is no number of its own either.
            drop[i.saturating_sub(2)] |= chain_of_three;
        }
    }
    let mut at = 0;
    numbers.retain(|_| {
        at += 1;
        !drop[at - 1]
    });
}
