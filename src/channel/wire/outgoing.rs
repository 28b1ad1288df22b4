//! The way out that every connector shares: the body is parsed back by its text alone, and only what was decided passes.

use serde::de::DeserializeOwned;

use super::amount::{self, Field};
use crate::channel::{ChannelError, PriceChange};
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Pass, Quote};

/// Parses a body that is about to leave into a connector's own closed types.
///
/// # Errors
/// Another shape than the connector means to send.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, GateError> {
    serde_json::from_slice(body).map_err(|error| unreadable(&error))
}

/// # Errors
/// A text that is no amount of this currency, or has more decimals than the field.
pub fn money(written: &str, field: impl Into<Field>) -> Result<WirePrice, GateError> {
    amount::parse(written, field).map_err(|error| unreadable(&error))
}

/// # Errors
/// A code that names no currency.
pub fn currency(code: &str) -> Result<Currency, GateError> {
    crate::money::currency(code).map_err(|error| unreadable(&error))
}

/// The error of a body that cannot be parsed back.
pub fn unreadable(why: &impl ToString) -> GateError {
    GateError::Unreadable(why.to_string())
}

/// A quote of a price and what is crossed out beside it.
#[must_use]
pub fn quote(external: impl Into<String>, price: WirePrice, regular: Option<WirePrice>) -> Quote {
    Quote { regular, ..Quote::new(external, price) }
}

/// Checks a body against the decided prices of exactly these changes.
///
/// # Errors
/// The first difference; nothing leaves.
pub fn pass(
    door: &Door,
    changes: &[&PriceChange],
    body: Vec<u8>,
    quoted: Result<Vec<Quote>, GateError>,
) -> Result<Pass, ChannelError> {
    let externals: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
    Ok(door.narrowed(&externals).check(body, &quoted?)?)
}
