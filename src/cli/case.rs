//! `omniprice case KIND`: the pricing engine as a tool. One case per line in, one answer per line out.
//!
//! It computes from the case alone: no configuration, no database, no clock. A line that cannot be understood gets an
//! answer that says so, and the next line is read.

mod channels;
mod metrics;
mod observed;
mod priors;
mod rules;
mod tax;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::decide::grammar::Figure;
use crate::money::{self, Currency, Decimal, MoneyError, WirePrice};

/// A longer line is not a case.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Computes pricing cases from standard input, one JSON object per line
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the cases are about
    #[arg(value_enum)]
    pub kind: Kind,
}

/// The kinds of cases, named like the files that hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    PricingRules,
    VatRounding,
    Omnibus,
    Anomalies,
    Channels,
    Metrics,
}

/// Reads cases and writes answers until the input ends.
///
/// # Errors
/// Only those of the input and output themselves; a wrong case is an answer.
pub fn run(args: &Args, input: &mut dyn BufRead, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut line = Vec::new();
    let mut failed = false;
    while next_line(input, &mut line)? {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let (answer, understood) = answer_line(args.kind, &line);
        failed |= !understood;
        serde_json::to_writer(&mut *out, &answer)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads up to and including a line end; bytes beyond the limit are skipped, so that the line then fails to parse.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        let room = (MAX_LINE_BYTES + 1).saturating_sub(line.len());
        line.extend_from_slice(&buffer[..taken.min(room)]);
        input.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[derive(Deserialize)]
struct Case {
    inputs: Value,
}

/// The answer to a line, and whether the line was understood (an answer may well be an error of the domain).
fn answer_line(kind: Kind, line: &[u8]) -> (Value, bool) {
    // Editors on Windows begin a file with a byte order mark.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    if line.len() > MAX_LINE_BYTES {
        return (json!({"id": null, "error": "malformed", "message": "the line is too long"}), false);
    }
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => return (json!({"id": null, "error": "malformed", "message": error.to_string()}), false),
    };
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    let whole = if value.is_object() { Ok(value) } else { Err(CaseError::malformed("a case is a JSON object")) };
    let case = whole.and_then(|value| serde_json::from_value::<Case>(value).map_err(CaseError::malformed));
    let result = case.and_then(|case| match kind {
        Kind::PricingRules => rules::answer(case.inputs),
        Kind::VatRounding => tax::answer(case.inputs),
        Kind::Omnibus => priors::answer(case.inputs),
        Kind::Anomalies => observed::answer(case.inputs),
        Kind::Channels => channels::answer(case.inputs),
        Kind::Metrics => metrics::answer(case.inputs),
    });
    let mut answer = Map::from_iter([("id".to_owned(), id)]);
    let understood = !matches!(&result, Err(error) if error.code == CaseError::MALFORMED);
    match result {
        Ok(Value::Object(keys)) => answer.extend(keys),
        Ok(other) => _ = answer.insert("result".to_owned(), other),
        Err(CaseError { code, message }) => {
            answer.insert("error".to_owned(), Value::String(code.to_owned()));
            answer.insert("message".to_owned(), Value::String(message));
        }
    }
    (Value::Object(answer), understood)
}

/// Why a case has no answer: a stable code and a sentence.
#[derive(Debug)]
struct CaseError {
    code: &'static str,
    message: String,
}

impl CaseError {
    const MALFORMED: &'static str = "malformed";

    fn new(code: &'static str, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }

    fn malformed(error: impl ToString) -> Self {
        Self::new(Self::MALFORMED, error)
    }
}

impl From<MoneyError> for CaseError {
    fn from(error: MoneyError) -> Self {
        let code = match error {
            MoneyError::CurrencyMismatch { .. } => "currency_mismatch",
            MoneyError::TooManyDecimals { .. } | MoneyError::TooFine { .. } => "too_many_decimals",
            MoneyError::OutOfRange(_) => "out_of_range",
            MoneyError::NotANumber(_) => Self::MALFORMED,
            MoneyError::UnknownCurrency(_) => "unknown_currency",
        };
        Self::new(code, error)
    }
}

type Answer = Result<Value, CaseError>;

/// A key that is null is a key that is not there; an element of a list that is null stays, and is refused by its type.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Reads the inputs of a case into their type; unknown keys are refused by the types.
fn read<T: DeserializeOwned>(inputs: Value) -> Result<T, CaseError> {
    if !inputs.is_object() {
        return Err(CaseError::malformed("inputs: must be a JSON object"));
    }
    serde_path_to_error::deserialize(without_nulls(inputs)).map_err(|error| {
        let path = if error.path().iter().next().is_none() { String::new() } else { format!(".{}", error.path()) };
        CaseError::malformed(format!("inputs{path}: {}", error.into_inner()))
    })
}

/// Takes out the key that says which operation a case is about.
fn take_key(inputs: &mut Value, key: &str) -> Option<String> {
    let taken = inputs.as_object_mut()?.remove(key)?;
    taken.as_str().map(str::to_owned)
}

fn currency(code: &str) -> Result<Currency, CaseError> {
    Ok(money::currency(code)?)
}

fn amount(money: impl Into<WirePrice>) -> Value {
    Value::String(money.into().amount().to_string())
}

/// A figure with the decimals of the currency, or more where it has more.
fn unrounded(value: Decimal, currency: Currency) -> Value {
    let mut value = value.normalize();
    if value.scale() < money::exponent(currency) {
        value.rescale(money::exponent(currency));
    }
    Value::String(value.to_string())
}

/// Pieces in a pack; one where nothing is said.
fn pieces(quantity: Option<u32>) -> Result<u32, CaseError> {
    match quantity {
        Some(0) => Err(CaseError::malformed("a pack of 0 pieces")),
        other => Ok(other.unwrap_or(1)),
    }
}

fn figure(value: &Figure) -> Decimal {
    value.0
}
