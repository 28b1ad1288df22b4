//! A number that belongs to the name in front of it: `iPhone 15 799 €`, `Windows 11 139,00 €`.

use super::number::Number;
use super::{condition, currency, tax, words};
use crate::extract::locale::Locale;

/// Parts from a number what belongs to the name in front of it, as far as the place tells: where people group digits
/// with a blank, and where the place is unknown, the number stays whole and doubted.
pub(super) fn part(raw: &str, text: &str, lower: &str, numbers: &mut [Number<'_>], locale: Option<Locale>) {
    for number in numbers.iter_mut().filter(|number| number.has_short_lead()) {
        if !follows_name(&text[..number.start], &lower[..number.start]) || is_joined(raw, number) {
            continue;
        }
        if locale.is_some_and(|locale| never_groups_with_blank(&locale)) {
            *number = number.clone().without_lead();
        } else {
            number.lead_doubted = true;
        }
    }
}

/// Whether a blank that keeps a number on one line joins the first two groups.
fn is_joined(raw: &str, number: &Number<'_>) -> bool {
    const KEPT: [char; 4] = ['\u{a0}', '\u{202f}', '\u{2009}', '\u{2007}'];
    let (first, second) = number.lead();
    let behind = |at: usize| raw[at + first.len()..].strip_prefix(KEPT).is_some_and(|rest| rest.starts_with(second));
    raw.match_indices(first).any(|(at, _)| behind(at))
}

/// Whether a text ends in a word with a capital and a blank, and the word is none of money, of prices or of joining.
fn follows_name(text: &str, lower: &str) -> bool {
    let (Some(named), Some(low)) = (text.strip_suffix(' '), lower.strip_suffix(' ')) else { return false };
    let word = &named[named.rfind(' ').map_or(0, |at| at + 1)..];
    let is_name = word.chars().all(|c| c.is_alphabetic() || c == '-') && word.contains(char::is_uppercase);
    is_name
        && currency::at_end(named, low).is_none()
        && !words::leads_to_price(&low[low.len() - word.len()..])
        && words::cues(low, "").is_empty()
        && tax::tax("", low) == (false, false)
        && !condition::holds(low, "")
        && !condition::is_used(low)
}

/// Whether people of a place never write a blank between the digits of a number.
fn never_groups_with_blank(locale: &Locale) -> bool {
    match (locale.language(), locale.region()) {
        ("de", Some(region)) => matches!(region, "DE" | "CH" | "LI"),
        ("en", Some(region)) => {
            matches!(region, "US" | "GB" | "IE" | "AU" | "NZ" | "IN" | "SG" | "HK" | "PH" | "MY" | "NG" | "KE")
        }
        ("es", region) => region != Some("CR"),
        ("pt", region) => region == Some("BR"),
        (
            "de" | "en" | "it" | "nl" | "da" | "tr" | "id" | "ms" | "el" | "ro" | "hr" | "ja" | "ko" | "zh" | "th"
            | "vi" | "he" | "hi",
            _,
        ) => true,
        _ => false,
    }
}
