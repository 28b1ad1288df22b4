//! Reads the ECB's rate files: the daily table, the last 90 days, or the whole history, all of one form.
//!
//! `Cube time='YYYY-MM-DD'` holds `Cube currency='SEK' rate='11.3595'`, units per one euro. A file that is cut off or
//! holds an impossible rate is refused as a whole: half a table would silently miss currencies.

use std::collections::BTreeMap;

use jiff::civil::Date;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::decide::text::Quoted;
use crate::money::{self, Decimal};

/// The whole history since 1999 has about 8 MB.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The daily table has about 30 currencies; many more are no rate table.
const MAX_CURRENCIES: usize = 200;

/// What can be wrong with a rate file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EcbError {
    #[error(
        "rate file: larger than {MAX_BYTES} bytes\n  hint: import eurofxref-daily.xml or eurofxref-hist.xml of the ECB"
    )]
    TooLarge,
    #[error("rate file: {0}\n  hint: download the file again; it is XML and must be complete")]
    Syntax(String),
    #[error("rate file: {place}: `{value}` {problem}\n  hint: compare with the ECB's page of reference rates")]
    Value { place: String, value: String, problem: &'static str },
    #[error("rate file: no table of rates in it\n  hint: import eurofxref-daily.xml of the ECB")]
    Empty,
}

/// The tables of a file by day of publication; rates are units per one euro.
///
/// # Errors
/// `TooLarge`, `Syntax`, `Value` or `Empty`.
pub fn parse(xml: &str) -> Result<BTreeMap<Date, BTreeMap<String, Quoted>>, EcbError> {
    if xml.len() > MAX_BYTES {
        return Err(EcbError::TooLarge);
    }
    let mut reader = Reader::from_str(xml);
    let mut tables: BTreeMap<Date, BTreeMap<String, Quoted>> = BTreeMap::new();
    let mut day = None;
    let mut depth = 0_u32;
    loop {
        let event = reader.read_event().map_err(|error| EcbError::Syntax(error.to_string()))?;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof => break,
            _ => {}
        }
        if let Event::Start(element) | Event::Empty(element) = &event
            && element.local_name().as_ref() == "Cube"
        {
            read_cube(element, &mut day, &mut tables)?;
        }
    }
    // The reader takes a file that ends in the middle for one that ends.
    if depth != 0 {
        return Err(EcbError::Syntax("it ends in the middle of an element".to_owned()));
    }
    tables.retain(|_, rates| !rates.is_empty());
    if tables.is_empty() { Err(EcbError::Empty) } else { Ok(tables) }
}

fn read_cube(
    element: &BytesStart,
    day: &mut Option<Date>,
    tables: &mut BTreeMap<Date, BTreeMap<String, Quoted>>,
) -> Result<(), EcbError> {
    if let Some(time) = attribute(element, "time")? {
        let parsed: Date = time.parse().map_err(|_| wrong("time", &time, "is no day"))?;
        *day = Some(parsed);
        tables.entry(parsed).or_default();
    }
    let (Some(code), Some(rate)) = (attribute(element, "currency")?, attribute(element, "rate")?) else {
        return Ok(());
    };
    let table = day.and_then(|day| tables.get_mut(&day)).ok_or_else(|| wrong("currency", &code, "has no day"))?;
    // The ECB still lists currencies that ISO has retired since; they are of no use to a market, and of no harm.
    if money::currency(&code).is_err() {
        return Ok(());
    }
    let value = money::decimal(&rate).ok().filter(|rate| *rate > Decimal::ZERO);
    let value = value.ok_or_else(|| wrong(&code, &rate, "is no rate"))?;
    if table.len() >= MAX_CURRENCIES {
        return Err(wrong("currency", &code, "is one too many"));
    }
    if table.insert(code.clone(), Quoted(value)).is_some() {
        return Err(wrong(&code, &rate, "is the second rate of a day"));
    }
    Ok(())
}

fn attribute(element: &BytesStart, name: &str) -> Result<Option<String>, EcbError> {
    let found = element.try_get_attribute(name).map_err(|error| EcbError::Syntax(error.to_string()))?;
    let unescaped =
        found.map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0).map(std::borrow::Cow::into_owned));
    unescaped.transpose().map_err(|error| EcbError::Syntax(error.to_string()))
}

fn wrong(place: &str, value: &str, problem: &'static str) -> EcbError {
    EcbError::Value { place: place.to_owned(), value: value.chars().take(40).collect(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\"><gesmes:subject>Reference rates</gesmes:subject><Cube>";

    fn file(cubes: &str) -> String {
        format!("{HEAD}{cubes}</Cube></gesmes:Envelope>")
    }

    #[test]
    fn single_and_double_quotes_and_several_days_are_read() {
        let text = file(
            "<Cube time='2026-11-20'><Cube currency='SEK' rate='11.3595'/><Cube currency='XYZ' rate='1'/></Cube>\
             <Cube time=\"2026-11-19\"><Cube currency=\"SEK\" rate=\"11.3000\"></Cube></Cube>",
        );
        let tables = parse(&text).unwrap();
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[&date(2026, 11, 20)]["SEK"].0.to_string(), "11.3595");
        assert!(!tables[&date(2026, 11, 20)].contains_key("XYZ"));
    }

    #[test]
    fn a_file_that_is_cut_off_or_absurd_is_refused() {
        let day = "<Cube time='2026-11-20'><Cube currency='SEK' rate='11.3595'/>";
        assert!(matches!(parse(&format!("{HEAD}{day}")), Err(EcbError::Syntax(_))));
        assert!(matches!(parse(&file("")), Err(EcbError::Empty)));
        for cube in ["rate='0'", "rate='-1'", "rate='1e3'", "rate='11,3595'"] {
            let text = file(&format!("<Cube time='2026-11-20'><Cube currency='SEK' {cube}/></Cube>"));
            assert!(matches!(parse(&text), Err(EcbError::Value { .. })), "{cube}");
        }
        let without_day = file("<Cube><Cube currency='SEK' rate='1'/></Cube>");
        assert!(matches!(parse(&without_day), Err(EcbError::Value { .. })));
        assert!(matches!(parse("<!DOCTYPE x [<!ENTITY a 'b'>]><html><p>Sign in</p></html>"), Err(EcbError::Empty)));
    }
}
