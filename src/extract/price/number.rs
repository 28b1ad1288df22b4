//! Numbers as people write them: finding them in a text, and saying which mark is the decimal one.
//!
//! A number whose marks can be read two ways is reported as two readings; nothing here guesses.

use crate::money::Decimal;

/// Longest run of digits that can be an amount.
const MAX_DIGITS: usize = 18;

/// A number in a text: its groups of digits and the marks between them. Most have one mark or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number<'t> {
    /// Byte range in the normalised text.
    pub start: usize,
    pub end: usize,
    first: &'t str,
    /// Each further group with the mark in front of it.
    rest: Vec<(char, &'t str)>,
    /// A decimal mark stood before the first digit: `.75`.
    leading_mark: bool,
    /// Another number stands in front of the leading mark, a blank between.
    torn: bool,
    /// The first group may be part of a name in front and no part of the number: `Windows 11 139,00`.
    pub lead_doubted: bool,
}

/// What decides between two readings of a number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hints {
    /// Decimals of the currency, if the currency is known.
    pub exponent: Option<u32>,
    /// Decimal mark of the page or the locale, if known.
    pub decimal_mark: Option<char>,
    /// Prices per kilowatt hour or litre are quoted with three decimals.
    pub fine: bool,
}

/// How a number can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    Exactly(Decimal),
    /// Both readings, the one with decimals first.
    Either(Decimal, Decimal),
    /// Digits and marks in an order that no locale writes: a date, a version, a phone number.
    Malformed,
}

/// Every number in a normalised text, at most `limit`.
pub(super) fn find(text: &str, limit: usize) -> Vec<Number<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < limit
        && let Some(step) = text.as_bytes()[at..].iter().position(u8::is_ascii_digit)
    {
        let number = read(text, at + step);
        at = number.end;
        found.push(number);
    }
    found
}

fn read(text: &str, first: usize) -> Number<'_> {
    let mut end = first + digits_at(text, first);
    let (mut group, mut rest) = (&text[first..end], Vec::new());
    let first_group = group;
    while let Some((mark, skip)) = mark_at(&text[end..], group.len(), &rest) {
        let start = end + skip;
        end = start + digits_at(text, start);
        group = &text[start..end];
        rest.push((mark, group));
    }
    // `7 ,49`: where a number stands in front of the mark, a blank between, nobody can tell what the two are.
    let ahead = text[..first].strip_suffix(['.', ',']).map(str::trim_end);
    let torn = ahead.is_some_and(|ahead| ahead.len() + 1 < first && ahead.ends_with(|c: char| c.is_ascii_digit()));
    let mut before = text[..first].chars().rev();
    // `.75` and `$.75` start with a decimal mark; `Fr.75`, `B/.75` and `1..75` do not.
    let leading_mark =
        matches!(before.next(), Some('.' | ',')) && !before.next().is_some_and(|c| c.is_alphanumeric() || c == '/');
    Number { start: first, end, first: first_group, rest, leading_mark, torn, lead_doubted: false }
}

fn digits_at(text: &str, at: usize) -> usize {
    text.as_bytes().get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
}

/// The mark at the start of `rest` if it joins two groups of digits, and how many bytes it takes.
fn mark_at(rest: &str, group_len: usize, marks: &[(char, &str)]) -> Option<(char, usize)> {
    let c = rest.chars().next()?;
    let width = c.len_utf8();
    let next = digits_at(rest, width);
    let blank = rest[width..].starts_with(' ');
    let behind_blank = || digits_at(rest, width + 1);
    match c {
        '.' | ',' | '٫' | '٬' | '،' | '⹁' if next > 0 => Some((if c == '⹁' || c == '،' { ',' } else { c }, width)),
        '\'' if next == 3 => Some((c, width)),
        // `49'95` is how Spain writes cents by hand; it is read as the mark that is decimal wherever it stands.
        '\'' if next == 2 && marks.is_empty() => Some(('٫', width)),
        // A blank groups only threes, and only behind one to three digits.
        ' ' if next == 3 && group_len <= 3 && marks.iter().all(|(mark, _)| *mark == ' ') => Some((' ', width)),
        // `£89 .99`: a mark that begins the cents has its blank in the wrong place.
        ' ' if next == 0
            && rest[width..].starts_with(['.', ','])
            && behind_blank() == 2
            && !rest[width + 3..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '%'))
            && marks.iter().all(|(mark, _)| *mark == ' ') =>
        {
            rest[width..].chars().next().map(|mark| (mark, width + 1))
        }
        // `119. 95`: the blank after the mark is litter when exactly two digits follow and end the number.
        '.' | ',' if blank && behind_blank() == 2 && group_len > 0 => Some((c, width + 1)),
        // `1. 234,50`
        '.' | ','
            if blank
                && behind_blank() == 3
                && group_len <= 3
                && marks.is_empty()
                && rest[width + 4..].starts_with(['.', ',']) =>
        {
            Some((c, width + 1))
        }
        _ => None,
    }
}

impl<'t> Number<'t> {
    /// The number as a plain integer if it has no marks.
    pub(super) fn integer(&self) -> Option<&str> {
        (self.rest.is_empty() && !self.leading_mark).then_some(self.first)
    }

    /// The digits of a number that has no marks but blanks between its groups.
    pub(super) fn spaced_integer(&self) -> Option<String> {
        let plain = !self.leading_mark && self.rest.iter().all(|(mark, _)| *mark == ' ');
        let groups = self.groups(&self.rest);
        (plain && (groups.len() == 1 || grouped(&groups))).then(|| groups.concat())
    }

    /// Two digits behind a decimal mark and nothing in front of it: `.95`.
    pub(super) fn fraction_only(&self) -> bool {
        self.leading_mark && self.rest.is_empty() && self.first.len() == 2
    }

    /// Whether the first group is one or two digits with a blank behind it.
    pub(super) fn has_short_lead(&self) -> bool {
        self.rest.first().is_some_and(|(mark, _)| *mark == ' ') && self.first.len() <= 2 && !self.leading_mark
    }

    /// The first two groups.
    pub(super) fn lead(&self) -> (&'t str, &'t str) {
        (self.first, self.rest.first().map_or("", |(_, group)| *group))
    }

    /// The number without its first group and the mark behind it.
    pub(super) fn without_lead(mut self) -> Self {
        if let Some((mark, group)) = self.rest.first().copied() {
            self.start += self.first.len() + mark.len_utf8();
            self.first = group;
            self.rest.remove(0);
        }
        self.lead_doubted = false;
        self
    }

    /// Digits after the last mark, 0 if there is none.
    pub(super) fn last_group(&self) -> usize {
        self.rest.last().map_or(0, |(_, group)| group.len())
    }

    /// The decimal mark that this number proves by its own form, if it does.
    pub(super) fn proven_mark(&self) -> Option<char> {
        let (last, _) = *self.rest.last()?;
        let other = self.rest.iter().any(|(mark, _)| *mark != last);
        let decimals = self.last_group();
        (matches!(last, '.' | ',') && (other || (self.rest.len() == 1 && matches!(decimals, 1 | 2)))).then_some(last)
    }

    /// Reads the number; `hints` decide only where the form allows two readings.
    pub(super) fn resolve(&self, hints: Hints) -> Reading {
        let digits: usize = self.first.len() + self.rest.iter().map(|(_, group)| group.len()).sum::<usize>();
        if digits == 0 || digits > MAX_DIGITS + 6 {
            return Reading::Malformed;
        }
        if self.torn {
            return Reading::Malformed;
        }
        if self.leading_mark {
            return self.resolve_leading();
        }
        if self.lead_doubted {
            let whole = Self { lead_doubted: false, ..self.clone() };
            return match (whole.clone().without_lead().resolve(hints), whole.resolve(hints)) {
                (Reading::Exactly(rest), Reading::Exactly(whole)) => Reading::Either(rest, whole),
                (_, whole) => whole,
            };
        }
        let Some((&(last, fraction), inner)) = self.rest.split_last() else {
            return exactly(self.first, "");
        };
        if inner.iter().any(|(mark, _)| *mark != last) {
            // Two kinds of mark: the last one is decimal, the others must group.
            let whole = self.groups(inner);
            let one_kind = inner.windows(2).all(|pair| pair[0].0 == pair[1].0);
            let repeated = inner.iter().any(|(mark, _)| *mark == last);
            if repeated || !one_kind || !grouped(&whole) || last == ' ' || last == '\'' {
                return Reading::Malformed;
            }
            return exactly(&whole.concat(), fraction);
        }
        match (last, inner) {
            ('٫', []) => exactly(self.first, fraction),
            (' ' | '\'' | '٬', _) => self.all_grouped(),
            (_, []) => self.single_mark(last, fraction, hints),
            _ => self.all_grouped(),
        }
    }

    /// The first group and some of those behind it.
    fn groups(&self, behind: &[(char, &'t str)]) -> Vec<&'t str> {
        std::iter::once(self.first).chain(behind.iter().map(|(_, group)| *group)).collect()
    }

    fn all_grouped(&self) -> Reading {
        let groups = self.groups(&self.rest);
        if grouped(&groups) { exactly(&groups.concat(), "") } else { Reading::Malformed }
    }

    fn resolve_leading(&self) -> Reading {
        match self.rest.as_slice() {
            [] if self.first.len() <= 2 => exactly("0", self.first),
            [(_, fraction)] if fraction.len() <= 3 => exactly(self.first, fraction),
            _ => Reading::Malformed,
        }
    }

    /// One point or comma: `12,5` and `1.2345` say what they are, `1.299` does not.
    fn single_mark(&self, mark: char, fraction: &str, hints: Hints) -> Reading {
        let whole = self.first;
        if fraction.len() != 3 || whole.len() > 3 || whole.starts_with('0') {
            return exactly(whole, fraction);
        }
        let (decimal, group) = (exactly(whole, fraction), exactly(&[whole, fraction].concat(), ""));
        let decimal_by_locale = hints.decimal_mark.map(|known| known == mark);
        match (decimal_by_locale, hints.exponent) {
            // Every currency without thousandths reads three digits as a group, unless the locale objects.
            (Some(false), _) | (None, Some(0..=2)) if !hints.fine => group,
            (_, Some(0)) => group,
            (Some(true), None | Some(3..)) => decimal,
            (Some(true), Some(_)) if hints.fine => decimal,
            (Some(false), None | Some(3..)) => group,
            _ => match (decimal, group) {
                (Reading::Exactly(decimal), Reading::Exactly(group)) => Reading::Either(decimal, group),
                _ => Reading::Malformed,
            },
        }
    }
}

/// The number of a text that is nothing but one with a power of ten behind an `E`, as software writes large and small
/// numbers: `1.25E7`. `None` for any other text, and for what no decimal holds.
pub(super) fn with_exponent(text: &str) -> Option<Decimal> {
    // A decimal holds no more places on either side of its point.
    const MOST: i32 = 28;
    let (factor, power) = text.split_once(['e', 'E'])?;
    let digits = power.strip_prefix(['+', '-']).unwrap_or(power);
    if !(1..=2).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let power: i32 = power.parse().ok().filter(|power: &i32| power.abs() <= MOST)?;
    let factor = crate::money::decimal(factor).ok()?.normalize();
    let (digits, scale) = (factor.mantissa(), i32::try_from(factor.scale()).ok()? - power);
    if scale >= 0 {
        return Decimal::try_from_i128_with_scale(digits, u32::try_from(scale).ok()?).ok();
    }
    let zeros = 10_i128.checked_pow(scale.unsigned_abs())?;
    Decimal::try_from_i128_with_scale(digits.checked_mul(zeros)?, 0).ok()
}

/// Whether digits are grouped in threes, or in twos before a last three as in India.
fn grouped(groups: &[&str]) -> bool {
    let Some((first, rest)) = groups.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return !first.is_empty() };
    let threes = middle.iter().all(|g| g.len() == 3);
    let twos = middle.iter().all(|g| g.len() == 2) && first.len() <= 2;
    (1..=3).contains(&first.len()) && last.len() == 3 && (threes || twos) && !(*first == "0" || *first == "00")
}

fn exactly(whole: &str, fraction: &str) -> Reading {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if whole.len() > MAX_DIGITS {
        return Reading::Malformed;
    }
    if whole.len() + fraction.len() <= MAX_DIGITS {
        // Eighteen digits always fit in 64 bits.
        let digits = whole.bytes().chain(fraction.bytes());
        let minor = digits.fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return u32::try_from(fraction.len())
            .map_or(Reading::Malformed, |scale| Reading::Exactly(Decimal::new(minor, scale)));
    }
    let text = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    crate::money::decimal(&text).map_or(Reading::Malformed, Reading::Exactly)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, hints: Hints) -> Reading {
        find(text, 1)[0].resolve(hints)
    }

    fn exact(text: &str) -> Reading {
        Reading::Exactly(text.parse().unwrap())
    }

    #[test]
    fn forms_that_prove_themselves_need_no_hint() {
        for (text, amount) in [
            ("1.234,56", "1234.56"),
            ("1,234.56", "1234.56"),
            ("1 234,5", "1234.5"),
            ("1'049.95", "1049.95"),
            ("5,00,100.05", "500100.05"),
            ("1.234.567", "1234567"),
            ("12,34", "12.34"),
            ("3.3900", "3.3900"),
            (".75", "0.75"),
            ("0.999", "0.999"),
            ("119. 95", "119.95"),
            ("49'95", "49.95"),
            ("٣".replace('٣', "3").as_str(), "3"),
        ] {
            assert_eq!(read(text, Hints::default()), exact(amount), "{text}");
        }
    }

    #[test]
    fn three_digits_after_one_mark_need_a_reason() {
        let either = Reading::Either("1.299".parse().unwrap(), "1299".parse().unwrap());
        assert_eq!(read("1.299", Hints::default()), either);
        assert_eq!(read("1.299", Hints { exponent: Some(2), ..Hints::default() }), exact("1299"));
        assert_eq!(read("1.299", Hints { decimal_mark: Some(','), ..Hints::default() }), exact("1299"));
        assert_eq!(read("1.299", Hints { decimal_mark: Some('.'), ..Hints::default() }), exact("1.299"));
        assert_eq!(read("1.299", Hints { decimal_mark: Some('.'), exponent: Some(2), fine: false }), either);
        assert_eq!(read("1.299", Hints { decimal_mark: Some('.'), exponent: Some(3), fine: false }), exact("1.299"));
    }

    #[test]
    fn a_power_of_ten_is_multiplied_out() {
        for (text, amount) in [
            ("1.25E7", "12500000"),
            ("1e3", "1000"),
            ("1E+2", "100"),
            ("1.5e-1", "0.15"),
            ("9.99E0", "9.99"),
            ("-1.0E7", "-10000000"),
            ("1.2345678E7", "12345678"),
        ] {
            assert_eq!(with_exponent(text).map(|number| number.to_string()).as_deref(), Some(amount), "{text}");
        }
        for text in ["12 E", "99E", "E7", "1,5E3", "1E7 EUR", "1E99", "9.9E28", "1e1e1", "1e", "1e+", "1e++1"] {
            assert_eq!(with_exponent(text), None, "{text}");
        }
    }

    #[test]
    fn dates_and_versions_are_no_numbers() {
        for text in ["15.08.2017", "1,23,4", "1.2.3", "12,34,56"] {
            assert_eq!(read(text, Hints::default()), Reading::Malformed, "{text}");
        }
    }
}
