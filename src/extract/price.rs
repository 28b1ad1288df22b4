//! Any price text of any locale to an amount and a currency, or the reason why not.
//!
//! It never guesses: a text that can be read two ways is `Ambiguous` and both readings are kept. No binary float.

mod currency;
mod eastern;
mod number;
mod symbols;
mod words;

use serde::Serialize;

pub use self::currency::Mark;
use self::number::{Hints, Number};
use self::words::Cue;
use super::locale::Locale;
use super::text;
use crate::money::{Currency, Decimal, Money, MoneyError};

/// Longest text that is looked at; a price is never longer, a description always is.
pub const MAX_TEXT: usize = 400;
/// Numbers looked at in one text.
const MAX_NUMBERS: usize = 12;

/// What is known besides the text itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    pub locale: Option<Locale>,
    /// The currency of the site or of structured data: settles a shared sign, never overrules a code in the text.
    pub currency: Option<Currency>,
    /// The decimal mark that other prices of the page prove.
    pub decimal_mark: Option<char>,
    /// Text near the price that may name the currency, such as a label.
    pub hint: Option<&'a str>,
    /// Running text: letters such as `K`, `L` or `R` behind a number are money only where that money is used.
    pub strict: bool,
}

/// What kind of amount a text states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    #[default]
    Exact,
    /// The lowest of several: "from 99".
    From,
    Range,
    /// Per kilogram, litre, metre and the like.
    Unit,
    /// A payment per period or one of several.
    Instalment,
}

impl PriceKind {
    /// The name used in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::From => "from",
            Self::Range => "range",
            Self::Unit => "unit",
            Self::Instalment => "instalment",
        }
    }
}

/// Whether an amount includes value added tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxView {
    Gross,
    Net,
    #[default]
    Unknown,
}

/// A price as a text states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub amount: Decimal,
    /// The upper end of a range.
    pub high: Option<Decimal>,
    pub mark: Option<Mark>,
    /// The mark resolved with locale and context, if it can be.
    pub currency: Option<Currency>,
    pub kind: PriceKind,
    pub tax: TaxView,
    /// The unit behind a slash: `kg`, `100 g`, `st`.
    pub per: Option<String>,
    /// A saving, a list price, shipping or a member price by its own words.
    pub role: Role,
    /// The decimal mark that the number proves by its form.
    pub proven_mark: Option<char>,
}

/// What the words around an amount say it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    #[default]
    Price,
    List,
    Saving,
    Shipping,
    Member,
    Deposit,
    Fee,
    Surcharge,
    Threshold,
}

/// Why a text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no_price: the text states no amount")]
    NoPrice,
    #[error("ambiguous: the text can be read as {0} or as {1}")]
    Ambiguous(Decimal, Decimal),
    #[error("no_price: the digits form no number of any locale")]
    Malformed,
    #[error("currency_unknown: the text names no single currency")]
    NoCurrency,
    #[error("too_many_decimals: {0}")]
    TooManyDecimals(MoneyError),
    #[error("out_of_range: {0}")]
    OutOfRange(MoneyError),
}

/// Reads the first price of a text.
///
/// # Errors
/// A [`Refusal`] that says which of the known reasons applies.
pub fn read(raw: &str, context: &Context<'_>) -> Result<Reading, Refusal> {
    read_all(raw, context, 1)?.into_iter().next().ok_or(Refusal::NoPrice)
}

/// Reads up to `limit` prices of a text in order.
///
/// # Errors
/// A [`Refusal`] when there is none, or when the first number that could be one cannot be read.
pub fn read_all(raw: &str, context: &Context<'_>, limit: usize) -> Result<Vec<Reading>, Refusal> {
    let normal = normalise(text::cut(raw, MAX_TEXT));
    let lower = lower(&normal);
    if let Some(reading) = eastern::read(&normal, &lower, context) {
        return Ok(vec![reading]);
    }
    let mut numbers = number::find(&normal, MAX_NUMBERS);
    if numbers.is_empty() {
        return Err(Refusal::NoPrice);
    }
    join_ranges(&normal, &mut numbers);
    let seen: Vec<Seen<'_>> = numbers.iter().map(|n| Seen::new(&normal, &lower, n).believed(context)).collect();
    let any_marked = seen.iter().any(|s| s.mark.is_some());
    let hinted = context.hint.and_then(|hint| {
        let hint = normalise(text::cut(hint, MAX_TEXT));
        currency::anywhere(&hint, &self::lower(&hint))
    });
    let mut readings = Vec::new();
    let mut refusal = None;
    let mut skip = 0;
    for (i, one) in seen.iter().enumerate() {
        if i < skip || (any_marked && one.mark.is_none()) || one.is_quantity(any_marked) || readings.len() >= limit {
            continue;
        }
        match one.reading(context, hinted.as_ref(), &seen[i + 1..]) {
            Ok((reading, used)) => {
                skip = i + 1 + used;
                readings.push(reading);
            }
            Err(why) => refusal = refusal.or(Some(why)),
        }
    }
    match (readings.is_empty(), refusal) {
        (true, why) => Err(why.unwrap_or(Refusal::NoPrice)),
        (false, Some(why @ Refusal::Ambiguous(..))) if limit == 1 => Err(why),
        (false, _) => Ok(readings),
    }
}

/// The currency that a text names, such as `DKK`, `kr.` or `Preis in €`, with shared signs settled by the context.
#[must_use]
pub fn currency_of(raw: &str, context: &Context<'_>) -> Option<Currency> {
    let normal = normalise(text::cut(raw.trim(), 60));
    let upper = normal.to_ascii_uppercase();
    if let Ok(currency) = crate::money::currency(&upper) {
        return Some(currency);
    }
    currency::anywhere(&normal, &lower(&normal))?.resolve(context.currency, context.locale)
}

/// The currency a text names, as a code where it is one currency, as written where it is shared or no ISO currency.
#[must_use]
pub fn written_currency(raw: &str, context: &Context<'_>) -> Option<String> {
    let normal = normalise(text::cut(raw.trim(), 60));
    let mark = currency::anywhere(&normal, &lower(&normal))?;
    let resolved = mark.resolve(context.currency, context.locale);
    Some(resolved.map_or_else(|| mark.as_written().to_owned(), |c| c.code().to_owned()))
}

/// The first price of a text as money.
///
/// # Errors
/// A [`Refusal`]; also when the currency stays open or cannot hold the decimals.
pub fn money(raw: &str, context: &Context<'_>) -> Result<Money, Refusal> {
    let reading = read(raw, context)?;
    reading.money(context.currency)
}

/// Reads an amount of structured data, where a point is the decimal mark by convention.
///
/// Shops break the convention, so a text that is no plain number goes through [`read`], and three digits behind one
/// point stay ambiguous unless the currency has no decimals at all.
///
/// # Errors
/// A [`Refusal`].
pub fn machine(raw: &str, context: &Context<'_>) -> Result<Reading, Refusal> {
    let raw = raw.trim();
    let plain = Reading::plain(raw, context);
    let Some(reading) = plain else { return read(raw, context) };
    let decimals = raw.rsplit_once('.').map_or(0, |(_, d)| d.len());
    let whole = raw.split('.').next().map_or(0, str::len);
    let exponent = context.currency.map(crate::money::exponent);
    if decimals == 3 && whole <= 3 && !raw.ends_with('0') && exponent.is_none_or(|e| e < 3) || decimals == 3 && exponent == Some(0) {
        let grouped: Decimal = Decimal::from(1000).checked_mul(reading.amount).ok_or(Refusal::Malformed)?.normalize();
        if exponent == Some(0) {
            return Ok(Reading { amount: grouped, ..reading });
        }
        return Err(Refusal::Ambiguous(reading.amount, grouped));
    }
    Ok(Reading { amount: without_float_noise(reading.amount, exponent), ..reading })
}

/// `16.989999771118164` is the binary float of 16.99: shops print them, and only such long tails are healed.
fn without_float_noise(amount: Decimal, exponent: Option<u32>) -> Decimal {
    let scale = exponent.unwrap_or(2);
    if amount.scale() < scale + 5 {
        return amount;
    }
    let rounded = amount.round_dp_with_strategy(scale, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    let near = (amount - rounded).abs() <= Decimal::new(1, scale + 3);
    if near { rounded } else { amount }
}

impl Reading {
    /// The amount as money of its own currency, else of `fallback`.
    ///
    /// # Errors
    /// `NoCurrency`, `TooManyDecimals` or `OutOfRange`.
    pub fn money(&self, fallback: Option<Currency>) -> Result<Money, Refusal> {
        let currency = match (&self.mark, self.currency) {
            (_, Some(currency)) => currency,
            (None, None) => fallback.ok_or(Refusal::NoCurrency)?,
            (Some(_), None) => return Err(Refusal::NoCurrency),
        };
        Money::exact(self.amount, currency).map_err(|error| match error {
            MoneyError::TooManyDecimals { .. } => Refusal::TooManyDecimals(error),
            other => Refusal::OutOfRange(other),
        })
    }

    fn plain(raw: &str, context: &Context<'_>) -> Option<Self> {
        let amount = crate::money::decimal(raw).ok()?;
        Some(Self {
            amount,
            high: None,
            mark: None,
            currency: context.currency,
            kind: PriceKind::Exact,
            tax: TaxView::Unknown,
            per: None,
            role: Role::Price,
            proven_mark: None,
        })
    }
}

/// Full-width forms, every decimal digit of Unicode, every blank and every apostrophe become the plain ones.
#[must_use]
pub fn normalise(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut superscript = false;
    for c in raw.chars() {
        let raised = "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|s| s == c);
        if let Some(digit) = raised {
            // Raised digits right behind a digit are the cents: `19⁹⁹`.
            if !superscript && out.ends_with(|p: char| p.is_ascii_digit()) {
                out.push('.');
            }
            out.extend(char::from_digit(u32::try_from(digit).unwrap_or(0), 10));
            superscript = true;
            continue;
        }
        superscript = false;
        match c {
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if text::is_invisible(c) => {}
            '’' | '‘' | 'ʼ' | '´' | '`' | '＇' | '′' => out.push('\''),
            '−' | '﹣' | '－' => out.push('-'),
            '‐' | '‑' | '‒' | '–' | '—' | '―' => out.push('–'),
            '￥' | '￡' | '￦' => out.push(c),
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(u32::from(c) - 0xfee0)),
            c => out.push(digit_of(c).unwrap_or(c)),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The ASCII digit of a decimal digit of another script. Unicode lays each script's ten digits out in a row.
fn digit_of(c: char) -> Option<char> {
    const ZEROS: [u32; 14] =
        [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xe50, 0xed0, 0x1040, 0x17e0];
    let code = u32::from(c);
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).and_then(|zero| char::from_digit(code - zero, 10))
}

/// Lower case with the byte positions of the original kept: characters whose case changes length stay.
fn lower(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut low = c.to_lowercase();
            match (low.next(), low.next()) {
                (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
                _ => c,
            }
        })
        .collect()
}

/// A blank-joined pair such as `2 499` inside `10-20` stays apart, a thousands blank joins: done by the number reader.
/// Here only phone-like and date-like chains are dropped: three or more integers joined by the same dash or slash.
fn join_ranges(text: &str, numbers: &mut Vec<Number>) {
    let chained = |a: &Number, b: &Number| matches!(&text[a.end..b.start], "-" | "/" | ":");
    let padded = |n: &Number| n.integer().is_some_and(|d| d.len() == 2 && d.starts_with('0'));
    let mut drop = vec![false; numbers.len()];
    for i in 1..numbers.len() {
        let joined = chained(&numbers[i - 1], &numbers[i]);
        let date_like = joined && (padded(&numbers[i]) || padded(&numbers[i - 1]));
        let chain_of_three = joined && i >= 2 && chained(&numbers[i - 2], &numbers[i - 1]);
        if date_like || chain_of_three {
            drop[i - 1] = true;
            drop[i] = true;
        }
    }
    let mut at = 0;
    numbers.retain(|_| {
        at += 1;
        !drop[at - 1]
    });
}

/// A number with what stands around it.
struct Seen<'a> {
    text: &'a str,
    lower: &'a str,
    number: &'a Number,
    mark: Option<Mark>,
    /// Where text before the number and its leading mark ends, and where text behind number and mark starts.
    from: usize,
    to: usize,
    negative: bool,
    plus: bool,
}

impl<'a> Seen<'a> {
    fn new(text: &'a str, lower: &'a str, number: &'a Number) -> Self {
        let mut seen =
            Self { text, lower, number, mark: None, from: number.start, to: number.end, negative: false, plus: false };
        seen.read_sign();
        let before = seen.mark_before();
        let after = seen.mark_after();
        // A code beats a sign that several currencies share: `$ SGD4.90`, `£94.50 GBP`.
        seen.mark = match (before, after) {
            (Some(one @ Mark::One(_)), _) | (_, Some(one @ Mark::One(_))) => Some(one),
            (Some(Mark::Shared { .. }), Some(Mark::Subunit(_))) => seen.before_only(),
            (before, after) => before.or(after),
        };
        seen
    }

    /// Drops a mark of bare letters that is not the money of the place, when the text is running text.
    fn believed(mut self, context: &Context<'_>) -> Self {
        let weak = self.mark.as_ref().is_some_and(|mark| {
            let written = self.text.get(self.from..self.to).unwrap_or("");
            let signs = written.chars().any(|c| currency::is_sign(c) || currency::is_cjk(c));
            let letters = written.chars().filter(|c| c.is_alphabetic()).count();
            let code = matches!(mark, Mark::One(c) if written.contains(c.code()));
            let local = context.locale.and_then(|l| l.currency());
            let resolved = mark.resolve(context.currency, context.locale);
            !signs && !code && letters <= 3 && (resolved.is_none() || (resolved != local && resolved != context.currency))
        });
        let glued = self.text[..self.number.start].ends_with(|c: char| c.is_alphabetic()) && self.from == self.number.start;
        if context.strict && (weak || (glued && self.mark.is_some())) {
            self.mark = None;
            (self.from, self.to) = (self.number.start, self.number.end);
        }
        self
    }

    fn before_only(&mut self) -> Option<Mark> {
        let from = self.from;
        self.from = self.number.start;
        let mark = self.mark_before();
        self.from = from;
        mark
    }

    fn read_sign(&mut self) {
        let before = self.text[..self.from].trim_end_matches([' ', '.', ',']);
        match before.chars().next_back() {
            Some('-') if !before[..before.len() - 1].trim_end().ends_with(|c: char| c.is_ascii_digit()) => {
                self.negative = true;
                self.from = before.len() - 1;
            }
            Some('+') => {
                self.plus = true;
                self.from = before.len() - 1;
            }
            _ => {}
        }
    }

    fn mark_before(&mut self) -> Option<Mark> {
        let mut end = self.text[..self.from].trim_end_matches([' ', ':', '.', '(', '\'']).len();
        let (mut mark, mut len) = currency::at_end(&self.text[..end], &self.lower[..end]).or_else(|| {
            // A name may end in the point just trimmed: `Fr.`, `Rs.`, `kr.`.
            let full = self.text[..self.from].trim_end_matches([' ', ':']).len();
            let found = currency::at_end(&self.text[..full], &self.lower[..full]);
            end = if found.is_some() { full } else { end };
            found
        })?;
        // `$ SGD4.90`, `USD $100`, `NZD $100.70`: two marks in a row, the code decides.
        let outer = self.text[..end - len].trim_end_matches(' ').len();
        if let Some((Mark::One(code), more)) = currency::at_end(&self.text[..outer], &self.lower[..outer])
            && matches!(mark, Mark::Shared { .. })
        {
            mark = Mark::One(code);
            len += more + (end - len - outer);
        } else if matches!(mark, Mark::One(_)) && self.text[..outer].ends_with('$') {
            len += 1 + (end - len - outer);
        }
        self.from = end - len;
        let outside = self.text[..self.from].trim_end();
        if outside.ends_with('-') && !outside[..outside.len() - 1].trim_end().ends_with(|c: char| c.is_alphanumeric()) {
            self.negative = true;
            self.from = outside.len() - 1;
        } else if outside.ends_with('+') {
            self.plus = true;
        }
        Some(mark)
    }

    fn mark_after(&mut self) -> Option<Mark> {
        let rest = &self.text[self.to..];
        // `12,-` `1 299:-` `5.99.-` `229,–`: the dash stands for no cents.
        let dashes = rest.find(|c: char| !matches!(c, ',' | '.' | ':' | '-' | '–' | '*' | ' ')).unwrap_or(rest.len());
        let tail = &rest[..dashes];
        let decimals = self.number.last_group() == 2 || self.number.last_group() == 1;
        if tail.starts_with('-') && decimals && self.text[self.to + 1..].trim_start().chars().next().is_none_or(|c| !c.is_ascii_digit()) {
            self.negative = true;
        }
        let starts_dash = tail.trim_start_matches([',', '.', ':', ' ']).starts_with(['-', '–']);
        // A dash in front of another number joins a range instead.
        let joins = rest[dashes..].starts_with(|c: char| c.is_ascii_digit() || currency::is_sign(c)) && starts_dash;
        let at = if joins || !(starts_dash || tail.trim_matches(['*', ' ', '.', ',']).is_empty()) { 0 } else { dashes };
        let open = usize::from(rest[at..].starts_with('('));
        let start = self.to + at + open;
        let (mark, len) = currency::at_start(&self.text[start..], &self.lower[start..])?;
        // A single letter unit right behind a blank is a unit or an initial, not money: `5 L`, unless nothing follows.
        self.to = start + len;
        if self.text[self.to..].trim() == "-" && decimals {
            self.negative = true;
        }
        Some(mark)
    }

    /// Whether the number counts or measures something else.
    fn is_quantity(&self, any_marked: bool) -> bool {
        let after = self.lower[self.number.end..].trim_start();
        let before = self.lower[..self.number.start].trim_end();
        if after.starts_with('%') || after.starts_with("٪") || before.ends_with('%') || after.starts_with("percent") {
            return true;
        }
        if self.mark.is_some() {
            return false;
        }
        if any_marked || before.ends_with(|c: char| c.is_alphabetic()) && !self.text[..self.number.start].ends_with(' ') {
            return true;
        }
        let word: &str = after.split(|c: char| c == ' ' || c == ',' || c == ')').next().unwrap_or("");
        words::QUANTITIES.contains(&word.trim_end_matches('.'))
    }

    fn reading(&self, context: &Context<'_>, hinted: Option<&Mark>, later: &[Seen<'_>]) -> Result<(Reading, usize), Refusal> {
        let (per, kind_of_unit) = self.unit();
        let mark = self.mark.clone().or_else(|| hinted.cloned());
        let currency = match &mark {
            Some(mark) => mark.resolve(context.currency, context.locale),
            None => context.currency,
        };
        let exponent = currency.map(crate::money::exponent).or_else(|| mark.as_ref().and_then(shared_exponent));
        let decimal_mark = context.decimal_mark.or_else(|| context.locale.and_then(|l| l.decimal_mark()));
        let hints = Hints { exponent, decimal_mark, fine: kind_of_unit == Some(PriceKind::Unit) };
        let mut amount = match self.number.resolve(hints) {
            number::Reading::Exactly(amount) => amount,
            number::Reading::Either(a, b) => return Err(Refusal::Ambiguous(a, b)),
            number::Reading::Malformed => return Err(Refusal::Malformed),
        };
        let mut used = 0;
        let zeros = self.multiplier();
        if zeros > 0 {
            amount = amount.checked_mul(Decimal::from(10_i64.pow(zeros.min(15)))).ok_or(Refusal::Malformed)?.normalize();
        } else if let Some(cents) = self.cents(later) {
            amount += cents;
            used = 1;
        }
        if matches!(mark, Some(Mark::Subunit(_))) && currency.is_some() {
            amount = amount.checked_div(Decimal::ONE_HUNDRED).ok_or(Refusal::Malformed)?;
        }
        if self.negative || self.in_parentheses() {
            amount = -amount;
        }
        let high = if used == 0 { self.range_end(later, hints) } else { None };
        used += usize::from(high.is_some());
        let (cue_kind, role) = self.cues();
        let kind = if self.instalments() {
            PriceKind::Instalment
        } else if let Some(kind) = kind_of_unit {
            kind
        } else if high.is_some() {
            PriceKind::Range
        } else {
            cue_kind
        };
        let tax = self.tax();
        Ok((Reading { amount, high, mark, currency, kind, tax, per, role, proven_mark: self.number.proven_mark() }, used))
    }

    fn in_parentheses(&self) -> bool {
        let before = self.text[..self.from].trim();
        let after = self.text[self.to.max(self.number.end)..].trim();
        before == "(" && after == ")"
    }

    /// `20 dollars 43 cents`, `140€33`, `1250€ 60`: cents behind the currency.
    fn cents(&self, later: &[Seen<'_>]) -> Option<Decimal> {
        let next = later.first()?;
        if self.mark.is_none() || self.number.last_group() == 2 && self.number.proven_mark().is_some() {
            return None;
        }
        let digits = next.number.integer().filter(|d| d.len() <= 2)?;
        let between = self.lower[self.to.max(self.number.end)..next.number.start].trim();
        let sub = matches!(next.mark, Some(Mark::Subunit(_)));
        let joined = matches!(between, "" | "and" | "et" | "en" | "og" | "och" | "i" | "si" | "și" | "e" | "y" | "con" | "com" | "und" | "и" | "da" | "და" | "と" | "agus" | "và" | "و" | "ו")
            || (between.starts_with('和') && between.len() == 3);
        let mark_between = self.to > self.number.end && self.to <= next.number.start;
        // `$20 43`: a sign in front, then a bare pair; only when nothing else follows.
        let bare_pair = self.to == self.number.end && between.is_empty();
        let bare = next.mark.is_none() && digits.len() == 2 || sub || (mark_between && digits.len() == 2);
        let ends = sub || self.lower[next.number.end..].trim_matches([' ', '.', '*', ',', '-']).is_empty();
        if !(joined && bare && ends && (mark_between || bare_pair)) {
            return None;
        }
        let scale = 2;
        let value: i64 = digits.parse().ok()?;
        Some(Decimal::new(if digits.len() == 1 && !sub { value * 10 } else { value }, scale))
    }

    fn multiplier(&self) -> u32 {
        let after_number = self.lower[self.number.end..].trim_start();
        let after_mark = self.lower[self.to.max(self.number.end)..].trim_start();
        let starts = |text: &str| {
            words::MULTIPLIERS
                .iter()
                .filter(|(word, _)| {
                    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic()))
                })
                .max_by_key(|(word, _)| word.len())
                .map_or(0, |(_, zeros)| *zeros)
        };
        let zeros = starts(after_number);
        if zeros > 0 { zeros } else { starts(after_mark) }
    }

    /// The unit behind `/`, `per`, `pro` and what it makes of the amount.
    fn unit(&self) -> (Option<String>, Option<PriceKind>) {
        let rest = self.lower[self.to.max(self.number.end)..].trim_start_matches([' ', '*', ')']);
        let unit = ["/", "per ", "pro ", "pr. ", "pr ", "je ", "за ", "/ ", "a ", "por ", "par ", "al ", "/1", "na "]
            .iter()
            .filter_map(|lead| rest.strip_prefix(lead))
            .min_by_key(|rest| rest.len());
        let Some(unit) = unit.map(|u| u.trim_start().trim_start_matches("1 ")) else { return (None, None) };
        let end = unit.find([',', '(', ';', ')', '|']).unwrap_or(unit.len());
        let unit = text::cut(unit[..end].trim(), 20);
        let first: &str = unit.split(' ').next().unwrap_or("");
        let amount_unit = unit.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let measured = amount_unit.split(' ').next().unwrap_or("");
        let is = |list: &[&str], word: &str| list.contains(&word) || list.contains(&word.trim_end_matches('.'));
        if is(words::PERIODS, first) {
            (Some(first.to_owned()), Some(PriceKind::Instalment))
        } else if is(words::PIECES, first) {
            (Some(first.to_owned()), None)
        } else if is(words::MEASURES, first) || (amount_unit.len() < unit.len() && is(words::MEASURES, measured)) {
            (Some(unit.to_owned()), Some(PriceKind::Unit))
        } else {
            (None, None)
        }
    }

    /// `36 x 99 kr`, `12 × 9,99`: one of several payments.
    fn instalments(&self) -> bool {
        let before = self.lower[..self.from].trim_end();
        let before = before.strip_suffix(['x', '×', '*', 'х']).map(str::trim_end);
        before.is_some_and(|b| b.ends_with(|c: char| c.is_ascii_digit()))
    }

    fn range_end(&self, later: &[Seen<'_>], hints: Hints) -> Option<Decimal> {
        let next = later.first()?;
        let start = self.to.max(self.number.end);
        let between = self.lower.get(start..next.from.max(start))?.trim();
        let dash = matches!(between, "-" | "–" | "to" | "til" | "till" | "bis" | "do" | "à" | "a" | "до" | "~" | "tot" | "hasta" | "-- " | "...")
            || (next.negative && between.is_empty());
        let number::Reading::Exactly(high) = next.number.resolve(hints) else { return None };
        let low = self.number.resolve(hints);
        (dash && matches!(low, number::Reading::Exactly(low) if low < high)).then_some(high)
    }

    fn cues(&self) -> (PriceKind, Role) {
        let before = self.lower[..self.from].trim_end_matches([' ', ':', '(', '*', '-', '–']);
        let after = self.lower[self.to.max(self.number.end)..].trim_start_matches([' ', ')', '*', ',', '-', '–']);
        let mut kind = PriceKind::Exact;
        let mut role = if self.plus { Role::Surcharge } else { Role::Price };
        for cue in words::cues(before, after) {
            match cue {
                Cue::From => kind = PriceKind::From,
                Cue::PerMonth => kind = PriceKind::Instalment,
                Cue::UpTo => role = Role::Threshold,
                Cue::Saving => role = Role::Saving,
                Cue::List => role = Role::List,
                Cue::Shipping => role = Role::Shipping,
                Cue::Member => role = Role::Member,
                Cue::Deposit => role = Role::Deposit,
                Cue::Fee => role = Role::Fee,
            }
        }
        if after.starts_with('+') || self.lower[self.to.max(self.number.end)..].trim_start().starts_with("and up") {
            kind = PriceKind::From;
        }
        (kind, role)
    }

    fn tax(&self) -> TaxView {
        let after = &self.lower[self.to.max(self.number.end)..];
        let until = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let near = &after[..until];
        let before = self.lower[..self.from].trim_end_matches([' ', ':']);
        if near.len() < 3 && before.len() < 3 {
            return TaxView::Unknown;
        }
        let (net, gross) = words::tax(near, before);
        match (net, gross) {
            (true, _) => TaxView::Net,
            (false, true) => TaxView::Gross,
            _ => TaxView::Unknown,
        }
    }
}

/// The number of decimals that every currency of a shared sign has, if they agree.
fn shared_exponent(mark: &Mark) -> Option<u32> {
    match mark {
        Mark::One(currency) => Some(crate::money::exponent(*currency)),
        Mark::Shared { codes, .. } => {
            // `¥` and `$` cover currencies without decimals too: at most two is what all of them have in common.
            codes.iter().all(|c| crate::money::exponent(*c) <= 2).then_some(2)
        }
        Mark::Subunit(_) => None,
        Mark::Other(_) => Some(2),
    }
}
