//! How an amount is written: whether the digits of one text are those of the amount that the box around it reads as.

use crate::extract::price::{self, Reading};

/// Letters beside digits that stand for the cents of a price: its currency and no more.
const CENTS_LETTERS: usize = 4;

/// Whether a text has more letters than the cents of a price or its money have.
pub(super) fn is_worded(raw: &str) -> bool {
    raw.chars().filter(|c| c.is_alphabetic()).nth(CENTS_LETTERS).is_some()
}

/// Whether a number of a text is one of the amounts that the box around it reads as, or its whole part or its cents.
pub(super) fn shows(amounts: &(Reading, Option<Reading>), raw: &str) -> bool {
    let normal = price::normalise(raw);
    let (first, second) = amounts;
    let stated = [Some(first.amount), first.high, second.as_ref().map(|r| r.amount)];
    let few_letters = normal.chars().filter(|c| c.is_alphabetic()).count() <= CENTS_LETTERS;
    // Among words only the number that ends the text can go on behind it: `Unser Preis 12` and `99 €`.
    let may_go_on = |own: &str| few_letters || normal.trim_end().ends_with(own);
    let bare = !normal.chars().any(char::is_alphabetic);
    // Multiplying letters and numerals stand for zeros that are not written.
    let multiplies = normal.contains(['k', 'K', 'M', '百', '千', '万', '萬', '億', '亿', '천', '만', '억']);
    stated.into_iter().flatten().any(|amount| {
        let digits = amount.mantissa().unsigned_abs().to_string();
        let scale = amount.scale() as usize;
        let (whole, cents) = digits.split_at(digits.len().saturating_sub(scale));
        price::written_numbers(&normal).iter().any(|own| {
            let multiplied = || multiplies && whole.strip_prefix(own.as_str()).is_some_and(is_zeros);
            (!own.is_empty() && (own == whole && may_go_on(own) || multiplied()))
                || (own.is_empty() && whole.is_empty())
                || (own.starts_with(&*digits) && is_zeros(&own[digits.len()..]))
                || (digits.starts_with(own.as_str()) && own.len() >= whole.len() && is_zeros(&digits[own.len()..]))
                || (bare && is_group(own, whole))
                || (few_letters && scale > 0 && own.len() <= scale && cents.trim_start_matches('0') == own)
        })
    })
}

/// Whether digits, written without zeros in front, are one of the groups of thousands of a number.
fn is_group(own: &str, whole: &str) -> bool {
    let Some((first, rest)) = whole.split_at_checked((whole.len().max(1) - 1) % 3 + 1) else { return false };
    let same = |group: &str| group.trim_start_matches('0') == own;
    !rest.is_empty()
        && (same(first) || rest.as_bytes().chunks(3).any(|group| same(std::str::from_utf8(group).unwrap_or_default())))
}

fn is_zeros(digits: &str) -> bool {
    digits.bytes().all(|b| b == b'0')
}

/// `1.299,-`, `1 299:-`, `1’249.–`: nothing but a price ends that way.
pub(super) fn has_dash_for_cents(raw: &str) -> bool {
    let end = raw.trim_end_matches([' ', '*']).trim_end_matches(['-', '–', '—']);
    end.len() < raw.trim_end_matches([' ', '*']).len()
        && end.strip_suffix([',', '.', ':']).is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()))
}
