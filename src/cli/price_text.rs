//! `omniprice price-text`: reads price texts the way the daemon does and says what it made of each.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::extract::locale::Locale;
use crate::extract::price::{self, Context, Reading, Refusal};
use crate::money;

/// Longest line of input in bytes.
const MAX_LINE: u64 = 1 << 20;

/// Read price texts and print amount and currency, or the reason why not.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Texts to read; without any, lines from standard input.
    pub texts: Vec<String>,
    /// Input lines are JSON objects {"id","text","locale","currency_hint"}; output is JSON Lines.
    #[arg(long)]
    pub jsonl: bool,
    /// Language tag such as da-DK.
    #[arg(long)]
    pub locale: Option<String>,
    /// Currency of the site, such as DKK.
    #[arg(long)]
    pub currency: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    id: Option<serde_json::Value>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    currency_hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    amount: Option<String>,
    currency: Option<String>,
    kind: Option<&'static str>,
    high: Option<String>,
    reason: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When an option, a line of input or the output cannot be used.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let locale = match &args.locale {
        Some(tag) => Some(
            Locale::parse(tag)
                .with_context(|| format!("--locale {tag}: no language tag; hint: write one such as da-DK"))?,
        ),
        None => None,
    };
    let currency = args
        .currency
        .as_deref()
        .map(money::currency)
        .transpose()
        .context("--currency; hint: write an ISO 4217 code such as DKK")?;
    let context = Context { locale, currency, ..Context::default() };
    let mut refused = 0;
    if args.texts.is_empty() {
        let mut input = std::io::stdin().lock();
        let mut number = 0;
        while let Some(line) = read_line(&mut input)? {
            number += 1;
            if !line.trim().is_empty() {
                refused += usize::from(
                    !one(&line, args.jsonl, &context, out).with_context(|| format!("standard input, line {number}"))?,
                );
            }
        }
    } else {
        for text in &args.texts {
            refused += usize::from(!one(text, args.jsonl, &context, out)?);
        }
    }
    let single = args.texts.len() == 1 && !args.jsonl;
    Ok(if single && refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read_line(input: &mut impl BufRead) -> anyhow::Result<Option<String>> {
    let mut line = Vec::new();
    let read = std::io::Read::take(&mut *input, MAX_LINE).read_until(b'\n', &mut line)?;
    Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
}

/// Reads one text and prints the answer; says whether there was a price.
fn one(line: &str, jsonl: bool, context: &Context<'_>, out: &mut dyn Write) -> anyhow::Result<bool> {
    if !jsonl {
        let answer = answer(line.trim_end_matches(['\r', '\n']), context);
        let found = answer.amount.is_some();
        match (&answer.amount, &answer.reason) {
            (Some(amount), reason) => {
                let note = reason.as_ref().map(|r| format!("  ({r})")).unwrap_or_default();
                writeln!(out, "{amount} {}{note}", answer.currency.as_deref().unwrap_or("?"))?;
            }
            (None, reason) => writeln!(out, "- {}", reason.as_deref().unwrap_or("no_price"))?,
        }
        return Ok(found);
    }
    let line: Line = serde_json::from_str(line)
        .context("no JSON object {\"id\",\"text\",\"locale\",\"currency_hint\"}; hint: drop --jsonl for plain lines")?;
    let hint = line.currency_hint.as_deref().filter(|h| !h.trim().is_empty());
    let hinted = hint.and_then(|h| money::currency(h.trim()).ok());
    let own = Context {
        locale: line.locale.as_deref().and_then(Locale::parse).or(context.locale),
        currency: hinted.or(context.currency),
        hint,
        ..*context
    };
    let text = line.text.unwrap_or_default();
    let mut answer = answer(&text, &own);
    answer.text = None;
    answer.id = line.id;
    let found = answer.amount.is_some();
    serde_json::to_writer(&mut *out, &answer)?;
    writeln!(out)?;
    Ok(found)
}

fn answer<'a>(text: &'a str, context: &Context<'_>) -> Answer<'a> {
    let empty =
        Answer { id: None, text: Some(text), amount: None, currency: None, kind: None, high: None, reason: None };
    match price::stated(text, context).and_then(|reading| checked(reading, context)) {
        Ok((reading, reason)) => {
            // A sign that stays open is shown as written: the amount is known even where the currency is not.
            let written = || reading.mark.as_ref().map(|m| m.common_sign().to_owned());
            Answer {
                amount: Some(reading.amount.to_string()),
                currency: reading.currency.map(|c| c.code().to_owned()).or_else(written),
                kind: Some(reading.kind.as_str()),
                high: reading.high.map(|h| h.to_string()),
                reason,
                ..empty
            }
        }
        // What is no price names no currency, whatever its letters remind of.
        Err(refusal @ (Refusal::NoPrice | Refusal::Saving | Refusal::Threshold)) => {
            let hinted = context.hint.and_then(|h| price::written_currency(h, context));
            Answer { currency: hinted, reason: Some(refusal.to_string()), ..empty }
        }
        Err(refusal) => {
            let named = price::currency_of(text, context).or(context.currency);
            let hinted = || context.hint.and_then(|h| price::written_currency(h, context));
            let currency =
                named.map(|c| c.code().to_owned()).or_else(|| price::written_currency(text, context)).or_else(hinted);
            Answer { currency, reason: Some(refusal.to_string()), ..empty }
        }
    }
}

/// An amount that its own currency can hold; why the currency is open where it is.
fn checked(reading: Reading, context: &Context<'_>) -> Result<(Reading, Option<String>), Refusal> {
    match reading.money(context.currency) {
        Ok(_) => Ok((reading, None)),
        Err(Refusal::NoCurrency) => {
            let why = match &reading.mark {
                Some(mark) => format!("currency_open: `{}` is shared or no ISO 4217 currency", mark.as_written()),
                None => "currency_unknown: the text names none".to_owned(),
            };
            Ok((reading, Some(why)))
        }
        Err(refusal) => Err(refusal),
    }
}
