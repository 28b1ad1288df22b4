//! Units sold, from a file that the shop writes: one row per product and day. Nothing of it is stored.
//!
//! With them two figures of SEMANTICS 6.1 can be told: margin at risk and price elasticity. Without them neither is
//! guessed.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::metrics::arc_elasticity;
use crate::catalog::import::separator;
use crate::money::{Decimal, decimal};

/// A file may have this many rows: ten thousand products over a year.
const MAX_ROWS: usize = 4_000_000;
/// Days that must count on each side of a price change.
pub const LEAST_DAYS: usize = 14;
/// Days looked at on each side; demand of months ago says little about a price of today.
const MOST_DAYS: i64 = 28;

/// Why a file of sales cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SalesError {
    #[error("there is no column `{0}`\nhint: the first line reads sku,day,units,stock; stock may be left out")]
    Column(&'static str),
    #[error("line {line}: {column} `{value}` is not {wanted}\nhint: 2026-11-21 is a day, 3 and 2.5 are numbers")]
    Value { line: u64, column: &'static str, value: String, wanted: &'static str },
    #[error("more than {MAX_ROWS} rows\nhint: write fewer days; 90 are enough")]
    TooLarge,
    #[error("it is no CSV: {0}\nhint: UTF-8, separated by commas, semicolons or tabs")]
    Csv(#[from] csv::Error),
}

/// What was sold of a product on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    pub units: Decimal,
    /// Units on hand; none where the file does not say.
    pub stock: Option<Decimal>,
}

/// Units sold per SKU and day.
#[derive(Debug, Clone, Default)]
pub struct Sales {
    days: BTreeMap<String, BTreeMap<Date, Sold>>,
}

/// One of our prices over the days on which it was asked all day long, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub from: Date,
    pub until: Date,
    /// Major units.
    pub price: Decimal,
}

/// How demand answered a change of price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elasticity {
    pub arc: Decimal,
    /// Days that counted before and after the change.
    pub before: usize,
    pub after: usize,
}

impl Sales {
    /// Reads a file with the columns `sku`, `day`, `units` and, if it has it, `stock`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn read(bytes: &[u8]) -> Result<Self, SalesError> {
        // Spreadsheets put a byte order mark before the first column's name.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().delimiter(separator(bytes)).trim(csv::Trim::All).from_reader(bytes);
        let headers = reader.headers()?.clone();
        let place = |name: &str| headers.iter().position(|own| own.eq_ignore_ascii_case(name));
        let needed = |name: &'static str| place(name).ok_or(SalesError::Column(name));
        let (sku, day, units, stock) = (needed("sku")?, needed("day")?, needed("units")?, place("stock"));
        let mut sales = Self::default();
        for (index, record) in reader.records().enumerate() {
            if index >= MAX_ROWS {
                return Err(SalesError::TooLarge);
            }
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let text = |at: usize| record.get(at).unwrap_or_default();
            let wrong = |column, at: usize, wanted| SalesError::Value {
                line,
                column,
                value: super::text::title(text(at)),
                wanted,
            };
            let amount = |column, at: usize| {
                decimal(text(at))
                    .ok()
                    .filter(|amount| *amount >= Decimal::ZERO)
                    .ok_or_else(|| wrong(column, at, "a number of units"))
            };
            let date: Date = text(day).parse().map_err(|_| wrong("day", day, "a day"))?;
            let sold = Sold {
                units: amount("units", units)?,
                stock: match stock.filter(|at| !text(*at).is_empty()) {
                    Some(at) => Some(amount("stock", at)?),
                    None => None,
                },
            };
            sales.days.entry(text(sku).to_owned()).or_default().insert(date, sold);
        }
        Ok(sales)
    }

    /// Every SKU that the file names.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.days.keys().map(String::as_str)
    }

    /// Units of a product per day over `[from, until]`, with the number of days that the file has of them.
    #[must_use]
    pub fn per_day(&self, sku: &str, from: Date, until: Date) -> Option<(Decimal, usize)> {
        let days: Vec<Decimal> = self.days.get(sku)?.range(from..=until).map(|(_, sold)| sold.units).collect();
        Some((mean(&days)?, days.len()))
    }

    /// The elasticity at the newest change of a product's price around which enough days count.
    #[must_use]
    pub fn elasticity(&self, sku: &str, steps: &[Step], campaigns: &[(Date, Date)]) -> Option<Elasticity> {
        elasticity(self.days.get(sku)?, steps, campaigns)
    }
}

fn mean(values: &[Decimal]) -> Option<Decimal> {
    let sum = values.iter().try_fold(Decimal::ZERO, |sum, value| sum.checked_add(*value))?;
    sum.checked_div(Decimal::from(values.len()))
}

/// The arc elasticity at the newest change with at least [`LEAST_DAYS`] days on each side (SEMANTICS 6.1). A day counts
/// if goods were known to be on hand and no campaign ran; what happened on other days says nothing about the price.
#[must_use]
pub fn elasticity(days: &BTreeMap<Date, Sold>, steps: &[Step], campaigns: &[(Date, Date)]) -> Option<Elasticity> {
    let counts = |day: &Date, sold: &Sold| {
        sold.stock.is_some_and(|stock| stock > Decimal::ZERO)
            && !campaigns.iter().any(|(from, until)| from <= day && day <= until)
    };
    let units = |from: Date, until: Date| -> Vec<Decimal> {
        if from > until {
            return vec![];
        }
        days.range(from..=until).filter(|(day, sold)| counts(day, sold)).map(|(_, sold)| sold.units).collect()
    };
    steps.windows(2).rev().find_map(|pair| {
        let [old, new] = pair else { return None };
        let reach = (MOST_DAYS - 1).days();
        let earliest = old.until.checked_sub(reach).unwrap_or(old.from).max(old.from);
        let latest = new.from.checked_add(reach).unwrap_or(new.until).min(new.until);
        let (before, after) = (units(earliest, old.until), units(new.from, latest));
        if before.len() < LEAST_DAYS || after.len() < LEAST_DAYS {
            return None;
        }
        let arc = arc_elasticity(mean(&before)?, mean(&after)?, old.price, new.price)?;
        Some(Elasticity { arc, before: before.len(), after: after.len() })
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::report::metrics::shown;

    fn sold(from: Date, units: &[i64], stock: i64) -> BTreeMap<Date, Sold> {
        let day = |n: usize| from.checked_add(i64::try_from(n).unwrap().days()).unwrap();
        let sold = |units: i64| Sold { units: Decimal::from(units), stock: Some(Decimal::from(stock)) };
        units.iter().enumerate().map(|(n, units)| (day(n), sold(*units))).collect()
    }

    fn steps() -> [Step; 2] {
        let step = |from, until, price: i64| Step { from, until, price: Decimal::from(price) };
        [
            step(date(2026, 9, 1), date(2026, 9, 30), 100),
            // The price changed during the first of October, which counts on neither side.
            step(date(2026, 10, 2), date(2026, 10, 31), 90),
        ]
    }

    /// The worked example M07: 50 units at 100, 61 at 90.
    fn both(before: usize, after: usize) -> BTreeMap<Date, Sold> {
        let mut days = sold(
            date(2026, 9, 30).checked_sub(i64::try_from(before - 1).unwrap().days()).unwrap(),
            &vec![50; before],
            9,
        );
        days.extend(sold(date(2026, 10, 2), &vec![61; after], 9));
        days
    }

    #[test]
    fn elasticity_needs_fourteen_days_on_each_side() {
        let found = elasticity(&both(14, 14), &steps(), &[]).unwrap();
        assert_eq!((shown(found.arc).to_string().as_str(), found.before, found.after), ("-1.88", 14, 14));
        assert_eq!(elasticity(&both(13, 14), &steps(), &[]), None);
        assert_eq!(elasticity(&both(14, 13), &steps(), &[]), None);
        let many = elasticity(&both(30, 30), &steps(), &[]).unwrap();
        assert_eq!((many.before, many.after), (28, 28), "what is longer ago says little");
    }

    #[test]
    fn days_without_stock_or_with_a_campaign_do_not_count() {
        let mut empty = both(14, 14);
        empty.insert(date(2026, 10, 5), Sold { units: Decimal::ZERO, stock: Some(Decimal::ZERO) });
        assert_eq!(elasticity(&empty, &steps(), &[]), None);
        empty.insert(date(2026, 10, 5), Sold { units: Decimal::from(61), stock: None });
        assert_eq!(elasticity(&empty, &steps(), &[]), None, "nobody knows whether there were any");
        let campaign = (date(2026, 9, 20), date(2026, 9, 20));
        assert_eq!(elasticity(&both(14, 14), &steps(), &[campaign]), None);
        assert!(elasticity(&both(15, 14), &steps(), &[campaign]).is_some());
    }

    #[test]
    fn a_file_says_what_is_wrong_with_it() {
        let sales = Sales::read(b"day,SKU,units\n2026-11-20,A,2\n2026-11-21,A,3\n").unwrap();
        let (mean, days) = sales.per_day("A", date(2026, 11, 1), date(2026, 11, 30)).unwrap();
        assert_eq!((mean, days), (Decimal::new(25, 1), 2));
        assert_eq!(sales.per_day("B", date(2026, 11, 1), date(2026, 11, 30)), None);
        assert_eq!(sales.per_day("A", date(2026, 12, 1), date(2026, 12, 30)), None, "no day is not none sold");
        for (file, wanted) in [
            ("sku,units\n", "no column `day`"),
            ("sku,day,units\nA,21.11.2026,1\n", "line 2: day `21.11.2026` is not a day"),
            ("sku,day,units\nA,2026-11-21,-1\n", "line 2: units `-1` is not a number of units"),
            ("sku,day,units,stock\nA,2026-11-21,1,many\n", "line 2: stock `many`"),
        ] {
            let error = Sales::read(file.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(wanted) && error.contains("hint:"), "{error}");
        }
    }
}
