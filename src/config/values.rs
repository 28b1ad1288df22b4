//! Values that the configuration writes as texts: spans of time and exact percentages.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::clock::Millis;
use crate::money::Decimal;

/// A span of time in milliseconds, written as `500ms`, `90s`, `5m`, `6h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub i64);

impl Span {
    /// The span for timers.
    #[must_use]
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.unsigned_abs())
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || format!("`{text}` is not a span of time such as 500ms, 90s, 5m, 6h or 7d");
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let (number, unit) = text.split_at(digits);
        let unit = match unit {
            "ms" => 1,
            "s" => Millis::SECOND,
            "m" => Millis::MINUTE,
            "h" => Millis::HOUR,
            "d" => Millis::DAY,
            _ => return Err(refused()),
        };
        number.parse::<i64>().ok().and_then(|n| n.checked_mul(unit)).map(Self).ok_or_else(refused)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(Millis::DAY, "d"), (Millis::HOUR, "h"), (Millis::MINUTE, "m"), (Millis::SECOND, "s")] {
            if self.0 >= unit && self.0 % unit == 0 {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}ms", self.0)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A percentage as an exact decimal, written as a text so that no float is ever involved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Percent(pub Decimal);

impl TryFrom<String> for Percent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let value = crate::money::decimal(&text).map_err(|e| e.to_string())?;
        if value.is_sign_negative() { Err(format!("`{text}` is negative")) } else { Ok(Self(value)) }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
