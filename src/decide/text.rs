//! Serde adapters for values that JSON and TOML carry as text: decimals, currency codes, time zones.
//!
//! A decimal is never read from a bare number: a reader that made a binary float of it on the way would go unnoticed.

use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::money::{self, Decimal};

/// A decimal written in quotes, such as `"-1.0"`; bare numbers are refused with the reason.
pub mod decimal {
    use super::*;

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// # Errors
    /// Anything but a plain decimal in quotes.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        deserializer.deserialize_any(QuotedDecimal)
    }
}

/// The same for a value that may be absent or null.
pub mod decimal_option {
    use super::*;

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    /// # Errors
    /// Anything but a plain decimal in quotes, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        Option::<Quoted>::deserialize(deserializer).map(|value| value.map(|Quoted(value)| value))
    }
}

/// A limit that can be switched off: a plain decimal in quotes, or `"off"`.
pub mod limit {
    use super::*;

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str("off"),
        }
    }

    /// # Errors
    /// Anything but a plain decimal in quotes, or `"off"`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(None);
        }
        crate::money::decimal(&text).map(Some).map_err(serde::de::Error::custom)
    }
}

/// A quoted decimal as an element of a list or the payload of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quoted(pub Decimal);

impl Serialize for Quoted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        decimal::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Quoted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal::deserialize(deserializer).map(Self)
    }
}

struct QuotedDecimal;

impl serde::de::Visitor<'_> for QuotedDecimal {
    type Value = Decimal;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a decimal in quotes, such as \"10.00\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
        money::decimal(text).map_err(E::custom)
    }
}

/// An ISO 4217 code.
pub mod currency {
    use super::*;
    use crate::money::Currency;

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.code())
    }

    /// # Errors
    /// Unknown codes and codes without minor units.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let code = String::deserialize(deserializer)?;
        money::currency(&code).map_err(D::Error::custom)
    }
}

/// A calendar day as `2026-11-21`.
pub mod date {
    use super::*;
    use jiff::civil::Date;

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// # Errors
    /// Anything but a calendar day.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A time zone written as an IANA name (`Europe/Copenhagen`) or as a fixed offset (`+01:00`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(pub TimeZone);

impl Zone {
    pub const UTC: Self = Self(TimeZone::UTC);

    /// # Errors
    /// Names that the zone database does not know, and malformed offsets.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        if text.starts_with(['+', '-']) {
            let stamp = format!("2000-01-01T00:00:00{text}[{text}]");
            return Ok(Self(stamp.parse::<jiff::Zoned>()?.time_zone().clone()));
        }
        TimeZone::get(text).map(Self)
    }

    /// The first moment of a day here; none where the calendar ends.
    #[must_use]
    pub fn begins(&self, day: jiff::civil::Date) -> Option<jiff::Timestamp> {
        day.to_zoned(self.0.clone()).ok().map(|midnight| midnight.timestamp())
    }

    /// The first moment after a day here; none where the calendar ends.
    #[must_use]
    pub fn ends(&self, day: jiff::civil::Date) -> Option<jiff::Timestamp> {
        day.tomorrow().ok().and_then(|next| self.begins(next))
    }

    /// The name or offset that [`Zone::parse`] reads back.
    #[must_use]
    pub fn name(&self) -> String {
        match self.0.iana_name() {
            Some(name) => name.to_owned(),
            None => self.0.to_fixed_offset().map_or_else(|_| "UTC".to_owned(), offset_text),
        }
    }
}

fn offset_text(offset: jiff::tz::Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_not_a_decimal() {
        assert_eq!(serde_json::from_str::<Quoted>("\"-1.0\"").unwrap().0.to_string(), "-1.0");
        for text in ["1.5", "1", "\"1e3\"", "\"\"", "true"] {
            assert!(serde_json::from_str::<Quoted>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_has_as_many_hours_as_its_zone_gives_it() {
        let zone = Zone::parse("Europe/Copenhagen").unwrap();
        let hours =
            |day: jiff::civil::Date| (zone.ends(day).unwrap() - zone.begins(day).unwrap()).get_seconds() / 3_600;
        let days = [jiff::civil::date(2026, 3, 29), jiff::civil::date(2026, 7, 1), jiff::civil::date(2026, 10, 25)];
        assert_eq!(days.map(hours), [23, 24, 25]);
        assert_eq!(zone.begins(days[1]).unwrap().to_string(), "2026-06-30T22:00:00Z");
        assert_eq!(zone.ends(jiff::civil::Date::MAX), None);
    }

    #[test]
    fn zones_read_back_what_they_write() {
        for name in ["Europe/Copenhagen", "+01:00", "-09:30", "UTC"] {
            let zone = Zone::parse(name).unwrap();
            assert_eq!(Zone::parse(&zone.name()).unwrap(), zone, "{name}");
        }
        assert!(Zone::parse("Mars/Olympus").is_err());
    }
}
