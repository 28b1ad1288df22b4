//! Printing money as every locale of CLDR does and reading it back: the same money, or a stated refusal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::locale::Locale;
use omniprice::extract::price::{self, Context, Refusal};
use omniprice::money::{Currency, Money, currency, exponent};

/// One line of the table: how a number and a currency are put together.
struct Style<'t> {
    positive: String,
    negative: Option<String>,
    decimal: String,
    group: String,
    minus: String,
    zero: char,
    locales: Vec<&'t str>,
}

fn unescape(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        out.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

fn styles() -> Vec<Style<'static>> {
    let table = include_str!("cldr_styles.tsv").lines().filter(|line| !line.starts_with('#'));
    table
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let pattern = unescape(fields[0]);
            let (positive, negative) = match pattern.split_once(';') {
                Some((positive, negative)) => (positive.to_owned(), Some(negative.to_owned())),
                None => (pattern, None),
            };
            Style {
                positive,
                negative,
                decimal: unescape(fields[1]),
                group: unescape(fields[2]),
                minus: unescape(fields[3]),
                zero: char::from_u32(u32::from_str_radix(fields[4], 16).unwrap()).unwrap(),
                locales: fields[5].split(' ').collect(),
            }
        })
        .collect()
}

impl Style<'_> {
    /// Digits between group marks, counted from the decimal mark: the first group, then all others.
    fn groups(&self) -> (usize, usize) {
        let whole = self.positive.split('.').next().unwrap();
        let sizes: Vec<usize> = whole.split(',').map(|part| part.matches(['#', '0']).count()).collect();
        let first = *sizes.last().unwrap();
        (first, if sizes.len() > 2 { sizes[sizes.len() - 2] } else { first })
    }

    /// Prints money with `sign` in the place of the currency.
    fn print(&self, money: Money, sign: &str) -> String {
        let plain = money.amount().abs().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let (first, others) = self.groups();
        let mut number = String::new();
        for (i, digit) in whole.chars().enumerate() {
            let left = whole.len() - i;
            if i > 0 && (left == first || (left > first && (left - first).is_multiple_of(others))) {
                number.push_str(&self.group);
            }
            number.push(digit);
        }
        if !fraction.is_empty() {
            number.push_str(&self.decimal);
            number.push_str(fraction);
        }
        let local = |c: char| c.to_digit(10).map_or(c, |d| char::from_u32(u32::from(self.zero) + d).unwrap());
        let number: String = number.chars().map(local).collect();
        let negative = money.minor() < 0;
        let pattern = match (&self.negative, negative) {
            (Some(pattern), true) => pattern.replace('-', &self.minus),
            (None, true) => format!("{}{}", self.minus, self.positive),
            (_, false) => self.positive.clone(),
        };
        let start = pattern.find(['#', '0']).unwrap();
        let end = pattern.rfind(['#', '0']).unwrap() + 1;
        let (mut before, mut after) = (pattern[..start].to_owned(), pattern[end..].to_owned());
        // CLDR puts a blank between digits and letters: `EUR 5` where `€5` has none.
        if before.ends_with('¤') && sign.ends_with(char::is_alphabetic) {
            before.push('\u{a0}');
        }
        if after.starts_with('¤') && sign.starts_with(char::is_alphabetic) {
            after.insert(0, '\u{a0}');
        }
        format!("{before}{number}{after}").replace('¤', sign)
    }
}

/// Minor units that show every shape: no whole part, no group, one group, several.
const AMOUNTS: [i64; 9] = [5, 75, 999, 1_000, 123_456, 129_900, 1_234_567, 12_345_678, 987_654_321_098];

/// The locale of one table entry, its currency and that currency's sign.
fn entry(entry: &str) -> (&str, Option<(Currency, String)>) {
    let (tag, money) = entry.split_once(':').map_or((entry, None), |(tag, money)| (tag, Some(money)));
    let money = money.map(|money| {
        let (code, sign) = money.split_once('=').unwrap_or((money, money));
        (currency(code).unwrap(), unescape(sign))
    });
    (tag, money)
}

#[test]
fn every_style_of_cldr_reads_back_as_it_was_printed() {
    let (mut read, mut refused) = (0, 0);
    for style in styles() {
        // Toki Pona groups in twos all the way, which is how everybody else writes cents.
        for tag in style.locales.iter().filter(|tag| !tag.starts_with("tok")) {
            let (tag, local) = entry(tag);
            let context = Context { locale: Locale::parse(tag), ..Context::default() };
            let codes = ["EUR", "JPY", "KWD"].map(|code| currency(code).unwrap());
            for code in codes.into_iter().chain(local.map(|(code, _)| code)) {
                // Frisian puts the minus behind, where others put a dash for no cents.
                let signs = if tag.starts_with("fy") { 1..2 } else { 0..2 };
                let both = AMOUNTS.into_iter().flat_map(|minor| [-minor, minor][signs.clone()].to_vec());
                for minor in both {
                    let money = Money::from_minor(minor, code);
                    let text = style.print(money, code.code());
                    match price::money(&text, &context) {
                        Ok(found) => {
                            assert_eq!(found, money, "{tag} {text:?}");
                            read += 1;
                        }
                        // Thousandths behind one mark, in a language whose mark is not known here.
                        Err(Refusal::Ambiguous(..)) if exponent(code) == 3 => refused += 1,
                        Err(why) => panic!("{tag} {text:?}: {why}"),
                    }
                }
            }
        }
    }
    println!("{read} texts read back, {refused} with thousandths refused as ambiguous");
    assert!(refused * 100 <= read, "{refused} of {read}");
}

#[test]
fn local_signs_are_the_local_money_or_open_but_never_another() {
    let (mut read, mut open) = (0, Vec::new());
    for style in styles() {
        for tag in style.locales.iter().filter(|tag| !tag.starts_with("tok")) {
            let (tag, Some((code, sign))) = entry(tag) else { continue };
            let context = Context { locale: Locale::parse(tag), ..Context::default() };
            for minor in AMOUNTS {
                let money = Money::from_minor(minor, code);
                let text = style.print(money, &sign);
                match price::money(&text, &context) {
                    Ok(found) => {
                        assert_eq!(found, money, "{tag} {text:?}");
                        read += 1;
                    }
                    Err(Refusal::NoCurrency | Refusal::Ambiguous(..)) => open.push(format!("{tag} {text:?}")),
                    Err(why) => panic!("{tag} {text:?}: {why}"),
                }
            }
        }
    }
    println!("{read} texts read back, {} left open", open.len());
    open.iter().step_by(9).for_each(|text| println!("open {text}"));
    assert!(open.len() * 50 <= read, "{} of {read}", open.len());
}
