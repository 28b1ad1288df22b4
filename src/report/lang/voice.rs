//! One reader's numbers, amounts, dates and plurals: the facts of CLDR 48 for five locales (en means en-GB).

use jiff::tz::TimeZone;
use rust_decimal::RoundingStrategy;

use super::{Plural, Words, fill};
use crate::clock::Millis;
use crate::config::Language;
use crate::money::{Decimal, Money, WirePrice, currency, exponent};

/// Does not break, so that an amount stays on one line with its currency.
const NBSP: char = '\u{a0}';

/// How a reader is spoken to.
#[derive(Debug, Clone)]
pub struct Voice {
    pub language: Language,
    pub words: &'static Words,
    /// Floors and costs are left out of what the program says.
    pub(super) hides_costs: bool,
    zone: TimeZone,
}

struct Marks {
    decimal: char,
    group: char,
    minus: char,
    /// A number of so many digits is not grouped yet (`minimumGroupingDigits` of CLDR plus three).
    ungrouped: usize,
    percent: &'static str,
    own: (&'static str, &'static str),
}

impl Voice {
    /// `zone` is an IANA name that the configuration has checked; UTC if it is unknown.
    #[must_use]
    pub fn new(language: Language, zone: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Self { language, words: Words::of(language), hides_costs: false, zone }
    }

    /// The same for somebody who must not see floors and costs.
    #[must_use]
    pub fn without_costs(self) -> Self {
        Self { hides_costs: true, ..self }
    }

    const fn marks(&self) -> Marks {
        match self.language {
            Language::En => {
                Marks { decimal: '.', group: ',', minus: '-', ungrouped: 3, percent: "%", own: ("GBP", "£") }
            }
            Language::Da => {
                Marks { decimal: ',', group: '.', minus: '-', ungrouped: 3, percent: "\u{a0}%", own: ("DKK", "kr.") }
            }
            Language::Sv => {
                Marks { decimal: ',', group: NBSP, minus: '−', ungrouped: 3, percent: "\u{a0}%", own: ("SEK", "kr") }
            }
            Language::Pl => {
                Marks { decimal: ',', group: NBSP, minus: '-', ungrouped: 4, percent: "%", own: ("PLN", "zł") }
            }
            Language::De => {
                Marks { decimal: ',', group: '.', minus: '-', ungrouped: 3, percent: "\u{a0}%", own: ("EUR", "€") }
            }
        }
    }

    /// The decimal sign.
    #[must_use]
    pub const fn decimal(&self) -> char {
        self.marks().decimal
    }

    /// A number with all its decimals.
    #[must_use]
    pub fn number(&self, value: Decimal) -> String {
        let marks = self.marks();
        let text = value.abs().to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut out = String::with_capacity(text.len() + 4);
        if value.is_sign_negative() && !value.is_zero() {
            out.push(marks.minus);
        }
        for (index, digit) in whole.chars().enumerate() {
            let left = whole.len() - index;
            if index > 0 && left.is_multiple_of(3) && whole.len() > marks.ungrouped {
                out.push(marks.group);
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push(marks.decimal);
            out.push_str(fraction);
        }
        out
    }

    #[must_use]
    pub fn count(&self, n: usize) -> String {
        self.number(Decimal::from(n))
    }

    /// A number rounded to one decimal, as indices are shown.
    #[must_use]
    pub fn tenths(&self, value: Decimal) -> String {
        self.number(one_decimal(value))
    }

    /// A change rounded to one decimal, with its sign; one so small that nothing would be left keeps two, since a change
    /// is never told as none.
    #[must_use]
    pub fn signed(&self, value: Decimal) -> String {
        let rounded = match one_decimal(value) {
            none if none.is_zero() && !value.is_zero() => {
                let least = Decimal::new(1, 2);
                let two = value.abs().round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero).max(least);
                if value.is_sign_negative() { -two } else { two }
            }
            rounded => rounded,
        };
        let sign = if rounded.is_sign_positive() && !rounded.is_zero() { "+" } else { "" };
        format!("{sign}{}", self.number(rounded))
    }

    /// A percentage rounded to one decimal.
    #[must_use]
    pub fn percent(&self, value: Decimal) -> String {
        format!("{}{}", self.tenths(value), self.marks().percent)
    }

    /// A percentage with all its decimals.
    #[must_use]
    pub fn exact_percent(&self, value: Decimal) -> String {
        format!("{}{}", self.number(value), self.marks().percent)
    }

    #[must_use]
    pub fn signed_percent(&self, value: Decimal) -> String {
        format!("{}{}", self.signed(value), self.marks().percent)
    }

    /// An amount with its currency: a symbol where readers of the language use one, the code elsewhere.
    #[must_use]
    pub fn money(&self, money: impl Into<WirePrice>) -> String {
        let money = money.into();
        let money = money.with_decimals(exponent(money.currency()));
        let number = self.number(money.amount());
        let (own, own_symbol) = self.marks().own;
        let code = money.currency().code();
        let symbol = match code {
            _ if code == own => own_symbol,
            "EUR" => "€",
            _ => code,
        };
        if self.language != Language::En {
            return format!("{number}{NBSP}{symbol}");
        }
        // English puts it first; a code keeps a space, a symbol does not, and the sign stays in front of both.
        let (sign, digits) = number.strip_prefix('-').map_or(("", number.as_str()), |digits| ("-", digits));
        let space = if symbol == code { "\u{a0}" } else { "" };
        format!("{sign}{symbol}{space}{digits}")
    }

    /// An amount as stored.
    #[must_use]
    pub fn minor(&self, minor: i64, code: &str) -> String {
        currency(code).map_or_else(|_| format!("{minor} {code}"), |code| self.money(Money::from_minor(minor, code)))
    }

    /// An amount of a listing as the store counts it: in minor units, or in as many decimals as it says.
    #[must_use]
    pub fn counted(&self, units: i64, decimals: Option<i64>, code: &str) -> String {
        WirePrice::stored(units, decimals, code).map_or_else(|_| format!("{units} {code}"), |price| self.money(price))
    }

    /// `479.00 → 474.21 kr. (-1.0 %)`.
    #[must_use]
    pub fn span(&self, old: i64, new: i64, code: &str) -> String {
        let (from, to) = (self.minor(old, code), self.minor(new, code));
        match change_pct(old, new) {
            Some(percent) => format!("{from} → {to} ({})", self.signed_percent(percent)),
            None => format!("{from} → {to}"),
        }
    }

    /// A plural's text with `{n}` and more filled in.
    #[must_use]
    pub fn plural(&self, plural: &Plural, n: usize, values: &[(&str, &str)]) -> String {
        let text = match (self.language, n) {
            (_, 1) => plural.one,
            (Language::Pl, _) if matches!(n % 10, 2..=4) && !matches!(n % 100, 12..=14) => plural.few,
            _ => plural.many,
        };
        let count = self.count(n);
        let mut all = vec![("n", count.as_str())];
        all.extend_from_slice(values);
        fill(text, &all)
    }

    fn local(&self, at: Millis) -> jiff::Zoned {
        at.timestamp().to_zoned(self.zone.clone())
    }

    /// The calendar day in the reader's zone.
    #[must_use]
    pub fn date(&self, at: Millis) -> jiff::civil::Date {
        self.local(at).date()
    }

    /// The instant at which the reader's day began.
    #[must_use]
    pub fn midnight(&self, at: Millis) -> Millis {
        self.local(at).start_of_day().map_or(at, |start| start.timestamp().into())
    }

    /// The time of day in the reader's zone.
    #[must_use]
    pub fn clock(&self, at: Millis) -> jiff::civil::Time {
        self.local(at).time()
    }

    /// `21 Nov 2026`, as the locale's medium date.
    #[must_use]
    pub fn day(&self, at: Millis) -> String {
        self.civil(self.date(at))
    }

    /// A calendar day, as [`Voice::day`] writes it.
    #[must_use]
    pub fn civil(&self, date: jiff::civil::Date) -> String {
        let (day, year) = (date.day(), date.year());
        let month = usize::from(date.month().unsigned_abs()).saturating_sub(1);
        let named = |names: [&'static str; 12]| names.get(month).copied().unwrap_or_default();
        match self.language {
            Language::En => format!(
                "{day} {} {year}",
                named(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"])
            ),
            Language::Da => format!(
                "{day}. {} {year}",
                named(["jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.", "dec."])
            ),
            Language::Sv => format!(
                "{day} {} {year}",
                named(["jan.", "feb.", "mars", "apr.", "maj", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "dec."])
            ),
            Language::Pl => format!(
                "{day} {} {year}",
                named(["sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"])
            ),
            Language::De => format!("{day:02}.{:02}.{year}", date.month()),
        }
    }

    /// Day and time of day.
    #[must_use]
    pub fn at(&self, at: Millis) -> String {
        let local = self.local(at);
        let mark = if self.language == Language::Da { '.' } else { ':' };
        format!("{} {:02}{mark}{:02}", self.day(at), local.hour(), local.minute())
    }

    /// The zone's name, so that a mail says whose times it tells.
    #[must_use]
    pub fn zone(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }

    /// An age given in hours: below an hour in whole minutes, of which there is at least one.
    #[must_use]
    pub fn age(&self, hours: Decimal) -> String {
        if hours >= Decimal::ONE {
            return self.hours(hours);
        }
        let unit = match self.language {
            Language::En | Language::Sv | Language::Pl => "min",
            Language::Da => "min.",
            Language::De => "Min.",
        };
        let minutes = hours.checked_mul(Decimal::from(60)).unwrap_or_default().ceil().max(Decimal::ONE);
        format!("{}{NBSP}{unit}", self.number(minutes.normalize()))
    }

    /// Hours to one decimal.
    #[must_use]
    pub fn hours(&self, hours: Decimal) -> String {
        let unit = match self.language {
            Language::En | Language::Sv | Language::De => "h",
            Language::Da => "t.",
            Language::Pl => "godz.",
        };
        format!("{}{NBSP}{unit}", self.number(one_decimal(hours).normalize()))
    }
}

fn one_decimal(value: Decimal) -> Decimal {
    let mut rounded = value.round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(1);
    rounded
}

/// A change in percent of the old amount.
#[must_use]
pub fn change_pct(old: i64, new: i64) -> Option<Decimal> {
    let moved = Decimal::from(new).checked_sub(Decimal::from(old))?;
    moved.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(Decimal::from(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;

    fn voice(language: Language) -> Voice {
        Voice::new(language, "Europe/Copenhagen")
    }

    #[test]
    fn numbers_follow_the_locale() {
        let value = decimal("-1234567.5").unwrap();
        let told: Vec<String> = Language::ALL.iter().map(|language| voice(*language).number(value)).collect();
        assert_eq!(
            told,
            ["-1,234,567.5", "-1.234.567,5", "−1\u{a0}234\u{a0}567,5", "-1\u{a0}234\u{a0}567,5", "-1.234.567,5"]
        );
        // Polish groups from five digits on.
        let told: Vec<String> = Language::ALL.iter().map(|language| voice(*language).count(1_234)).collect();
        assert_eq!(told, ["1,234", "1.234", "1\u{a0}234", "1234", "1.234"]);
    }

    #[test]
    fn amounts_put_the_currency_where_readers_expect_it() {
        let told = |code: &str| -> Vec<String> {
            Language::ALL.iter().map(|language| voice(*language).minor(-47_950, code)).collect()
        };
        assert_eq!(
            told("DKK"),
            ["-DKK\u{a0}479.50", "-479,50\u{a0}kr.", "−479,50\u{a0}DKK", "-479,50\u{a0}DKK", "-479,50\u{a0}DKK"]
        );
        assert_eq!(told("EUR"), ["-€479.50", "-479,50\u{a0}€", "−479,50\u{a0}€", "-479,50\u{a0}€", "-479,50\u{a0}€"]);
        assert_eq!(voice(Language::Pl).minor(129_900, "PLN"), "1299,00\u{a0}zł");
        assert_eq!(voice(Language::En).minor(12_680, "JPY"), "JPY\u{a0}12,680");
    }

    #[test]
    fn percentages_keep_one_decimal_and_their_sign() {
        assert_eq!(voice(Language::De).signed_percent(decimal("4.96").unwrap()), "+5,0\u{a0}%");
        assert_eq!(voice(Language::Pl).signed_percent(decimal("-0.04").unwrap()), "-0,04%");
        assert_eq!(voice(Language::Pl).signed_percent(decimal("-0.0004").unwrap()), "-0,01%", "a cut is never none");
        assert_eq!(voice(Language::En).signed_percent(decimal("0.049").unwrap()), "+0.05%");
        assert_eq!(voice(Language::En).signed_percent(Decimal::ZERO), "0.0%");
        assert_eq!(voice(Language::En).span(49_900, 47_421, "GBP"), "£499.00 → £474.21 (-5.0%)");
    }

    #[test]
    fn an_age_below_an_hour_is_told_in_minutes_and_never_as_nothing() {
        let told = |hours: &str| voice(Language::En).age(decimal(hours).unwrap());
        assert_eq!(
            ["0", "0.01", "0.5", "0.999", "1", "2.25"].map(told),
            ["1\u{a0}min", "1\u{a0}min", "30\u{a0}min", "60\u{a0}min", "1\u{a0}h", "2.3\u{a0}h"]
        );
        assert_eq!(voice(Language::Da).age(Decimal::ZERO), "1\u{a0}min.");
    }

    #[test]
    fn polish_tells_one_few_and_many_apart() {
        let more = &Words::of(Language::Pl).products;
        let told: Vec<String> =
            [1, 2, 4, 5, 12, 14, 22, 25, 112, 122].map(|n| voice(Language::Pl).plural(more, n, &[])).into();
        let words: Vec<&str> = told.iter().filter_map(|text| text.split_once(' ').map(|(_, word)| word)).collect();
        let (few, many) = ("produkty", "produktów");
        assert_eq!(words, ["produkt", few, few, many, many, many, few, many, many, few]);
    }

    #[test]
    fn times_are_the_readers_own_across_a_change_of_clocks() {
        let at = |text: &str| Millis::from(text.parse::<jiff::Timestamp>().unwrap());
        let told: Vec<String> =
            Language::ALL.iter().map(|language| voice(*language).at(at("2026-07-21T05:05:00Z"))).collect();
        assert_eq!(
            told,
            ["21 Jul 2026 07:05", "21. jul. 2026 07.05", "21 juli 2026 07:05", "21 lip 2026 07:05", "21.07.2026 07:05"]
        );
        assert_eq!(voice(Language::En).at(at("2026-11-21T06:05:00Z")), "21 Nov 2026 07:05");
        let long_day = voice(Language::En);
        let (start, next) =
            (long_day.midnight(at("2026-10-25T12:00:00Z")), long_day.midnight(at("2026-10-26T12:00:00Z")));
        assert_eq!(next.since(start), 25 * Millis::HOUR);
    }
}
