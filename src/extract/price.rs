//! Any price text of any locale to an amount and a currency, or the reason why not.
//!
//! It never guesses: a text that can be read two ways is `Ambiguous` and both readings are kept. No binary float.

mod choice;
mod codes;
mod condition;
mod count;
mod currency;
mod doubt;
mod eastern;
mod endings;
mod lead;
mod markup;
mod members;
mod normal;
mod number;
mod seen;
mod spoken;
mod symbols;
mod tax;
mod words;

use serde::Serialize;

pub use self::currency::Mark;
pub use self::members::{Payer, payer, pays_less};
use self::normal::lower;
pub use self::normal::normalise;
use self::seen::Seen;
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
    /// Beside the amount stand words that are no part of a price: what it is for may be something else.
    pub worded: bool,
    /// Beside the amount stands what may name another money: it is in no currency that the text does not name.
    pub doubted: bool,
    /// A lower amount of the same money stands behind it, and no word says which of the two is the price.
    pub rivalled: bool,
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
    /// Of a thing that is not new.
    Used,
    /// With a code, in an app, for several pieces, for a set: not what the product costs.
    Conditional,
}

/// Why a text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no_price: the text states no amount")]
    NoPrice,
    #[error("ambiguous: the text can be read as {0} or as {1}")]
    Ambiguous(Decimal, Decimal),
    #[error("no_price: the text states what one saves, not what one pays")]
    Saving,
    #[error("no_price: the text states what an order must reach to be shipped free")]
    Threshold,
    #[error("no_price: the digits form no number of any locale")]
    Malformed,
    #[error("currency_unknown: the text names no single currency")]
    NoCurrency,
    #[error("too_many_decimals: {0}")]
    TooManyDecimals(MoneyError),
    #[error("out_of_range: {0}")]
    OutOfRange(MoneyError),
}

/// Reads the first price of a text; what its words call a list price or a saving is passed over for the price behind it.
///
/// # Errors
/// A [`Refusal`] that says which of the known reasons applies.
pub fn read(raw: &str, context: &Context<'_>) -> Result<Reading, Refusal> {
    let (first, second) = read_two(raw, context)?;
    choice::one_of(first, second)
}

/// Reads the price that a text states, as [`read`] does, and refuses a text that by its words states only what one saves
/// or what an order must reach to be shipped free.
///
/// # Errors
/// A [`Refusal`] that says which of the known reasons applies.
pub fn stated(raw: &str, context: &Context<'_>) -> Result<Reading, Refusal> {
    let (first, second) = read_two(raw, context)?;
    choice::refuse_unpaid(raw, &first, second.as_ref())?;
    choice::one_of(first, second)
}

/// Reads the first price of a text, as [`read`] does, and the one behind it if there is one.
///
/// # Errors
/// A [`Refusal`] that says which of the known reasons applies.
pub fn read_two(raw: &str, context: &Context<'_>) -> Result<(Reading, Option<Reading>), Refusal> {
    read_as(raw, context, true)
}

/// [`read_two`] for a text of which a number without money beside it says nothing: such a text is refused, before it is
/// read any further.
///
/// # Errors
/// A [`Refusal`]; not always the one that [`read_two`] gives.
pub fn read_two_marked(raw: &str, context: &Context<'_>) -> Result<(Reading, Option<Reading>), Refusal> {
    read_as(raw, context, false)
}

fn read_as(raw: &str, context: &Context<'_>, bare: bool) -> Result<(Reading, Option<Reading>), Refusal> {
    let raw = text::cut(raw, MAX_TEXT);
    if !may_hold_number(raw) {
        return Err(Refusal::NoPrice);
    }
    let plain = markup::plain(raw);
    let (found, refusal) = gather(&plain, context, bare);
    first_of(found, refusal)
}

/// Whether a text has a digit, or characters among which a digit of another script may be.
#[must_use]
pub fn may_hold_number(text: &str) -> bool {
    !text.is_ascii() || text.bytes().any(|byte| byte.is_ascii_digit())
}

fn first_of(found: Vec<Reading>, refusal: Option<Refusal>) -> Result<(Reading, Option<Reading>), Refusal> {
    let mut found = found.into_iter();
    match (found.next(), refusal) {
        // The amount that cannot be decided stands first and may be the price.
        (Some(_), Some(why @ Refusal::Ambiguous(..))) => Err(why),
        (Some(first), _) => Ok((first, found.next())),
        (None, why) => Err(why.unwrap_or(Refusal::NoPrice)),
    }
}

/// The first two prices of a text, and why the first number before all of them is none; `bare` asks for those without
/// money beside them too.
fn gather(raw: &str, context: &Context<'_>, bare: bool) -> (Vec<Reading>, Option<Refusal>) {
    let normal = normalise(raw);
    let low = lower(&normal);
    if let Some(reading) = eastern::read(&normal, &low, context) {
        return (vec![reading], None);
    }
    let mut numbers = number::find(&normal, MAX_NUMBERS);
    if numbers.is_empty() {
        return (Vec::new(), None);
    }
    if let Some(reading) = choice::split_by_colon(&normal, &low, &numbers, context) {
        return (vec![reading], None);
    }
    normal::drop_chains(&normal, &mut numbers);
    lead::part(raw, &normal, &low, &mut numbers, context.locale);
    let mut seen: Vec<Seen<'_>> = Vec::with_capacity(numbers.len());
    for number in &numbers {
        let taken = seen.last().map_or(0, |before| before.to);
        seen.push(Seen::new(&normal, &low, number, taken));
    }
    doubt::settle(&mut seen, context);
    if doubt::is_telephone(&seen, &normal) {
        return (Vec::new(), None);
    }
    let any_marked = seen.iter().any(|s| s.mark.is_some());
    let hinted = context.hint.and_then(|hint| {
        let hint = normalise(text::cut(hint, MAX_TEXT));
        currency::anywhere(&hint, &lower(&hint))
    });
    if !(bare || any_marked || hinted.is_some()) {
        return (Vec::new(), None);
    }
    if let Some(reading) = choice::split_by_blank(&normal, &seen, context, hinted.as_ref()) {
        return (vec![reading], None);
    }
    choice::of_prices(&seen, any_marked, hinted.as_ref(), context)
}

/// Whether words without a number can say something about an amount that stands behind them, or before them: what it
/// is for, per what it is, with which tax.
#[must_use]
pub fn may_qualify(words: &str, stands_before: bool) -> bool {
    let normal = normalise(text::cut(words, MAX_TEXT));
    let low = lower(&normal);
    let low = low.trim();
    // The word next to the amount may be its currency: then the one beyond it speaks.
    let further =
        if stands_before { low.rsplit_once(' ') } else { low.split_once(' ').map(|(near, rest)| (rest, near)) };
    std::iter::once(low).chain(further.map(|(rest, _)| rest)).any(|words| seen::qualifies(words, stands_before))
}

/// The numbers of a normalised text as their digits, without zeros in front.
#[must_use]
pub fn written_numbers(normal: &str) -> Vec<String> {
    let digits = |n: &number::Number<'_>| {
        let digits: String = normal[n.start..n.end].chars().filter(char::is_ascii_digit).collect();
        digits.trim_start_matches('0').to_owned()
    };
    number::find(normal, MAX_NUMBERS).iter().map(digits).collect()
}

/// Whether a text has two numbers, without which it is no range.
#[must_use]
pub fn may_be_range(raw: &str) -> bool {
    number::find(&normalise(text::cut(raw, MAX_TEXT)), 2).len() == 2
}

/// What words without an amount of their own say about the tax of the amount beside them: `ekskl. moms`, `TTC`.
#[must_use]
pub fn tax_named(words: &str) -> TaxView {
    tax::named(&lower(&normalise(text::cut(words, MAX_TEXT))))
}

/// What words before an amount, or behind it, make of it: paid on a condition, with a code or for two pieces, or for a
/// used thing. `None` where they say nothing of that.
#[must_use]
pub fn condition_of(before: &str, after: &str) -> Option<Role> {
    let plain = |words: &str| lower(&normalise(text::cut(words, MAX_TEXT))).into_owned();
    let before = plain(before);
    if condition::holds(before.trim(), plain(after).trim()) {
        return Some(Role::Conditional);
    }
    (condition::is_used(before.trim()) || condition::names_used(&plain(after))).then_some(Role::Used)
}

/// Whether words name those who pay an amount: members, holders of a card.
#[must_use]
pub fn speaks_of_members(words: &str) -> bool {
    let low = text::lower(words);
    words::cues(low.trim(), "").contains(&words::Cue::Member) || words::speaks_of_members(&low)
}

/// Whether a text is a number with a unit or a count of pieces: `500ml`, `2-pack`.
#[must_use]
pub fn is_quantity(text: &str) -> bool {
    let unit =
        text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | 'x' | 'X' | '×' | '-' | ' '));
    let unit = text::lower(unit);
    unit.len() < text.len()
        && (words::is_quantity(&unit) || words::PIECES.contains(&&*unit) || words::MEASURES.contains(&&*unit))
}

/// Whether words call the amount behind them the price one pays: `Our price:`, `Cena`.
#[must_use]
pub fn names_price(words: &str) -> bool {
    is_label(words, words::names_price)
}

/// Whether a text speaks of the lowest price of the last thirty days.
#[must_use]
pub fn tells_last_month(text: &str) -> bool {
    words::names_last_month(&text::lower(text))
}

/// Whether words are a label that says nothing of prices: `Montering`, `Bonus:`.
#[must_use]
pub fn names_something_else(words: &str) -> bool {
    const LONGEST: usize = 40;
    let letters = words.chars().filter(|c| c.is_alphabetic()).count();
    letters > 2 && words.len() <= LONGEST && !words::are_of_price(&text::lower(words))
}

fn is_label(words: &str, says: fn(&str) -> bool) -> bool {
    let words = words.trim_matches([' ', ':', '*', '\u{a0}', '.']);
    !words.is_empty() && words.len() <= 40 && says(&text::lower(words))
}

/// Whether words call the amount behind them the price after a reduction: `Sale price:`, `You pay`.
#[must_use]
pub fn names_final_price(words: &str) -> bool {
    is_label(words, words::names_final_price)
}

/// Whether words call the amount behind them the usual price: `Regular price`, `Normalpris`.
#[must_use]
pub fn names_usual_price(words: &str) -> bool {
    is_label(words, words::names_usual_price)
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

/// Whether the money that stands beside the first number of a text, if any does, can be `currency`.
#[must_use]
pub fn may_mean(raw: &str, currency: Currency) -> bool {
    let context = Context { strict: true, ..Context::default() };
    match read(&text::clean(raw), &context).ok().and_then(|reading| reading.mark) {
        Some(Mark::One(named)) => named == currency,
        Some(Mark::Shared { codes, .. }) => codes.contains(&currency),
        _ => true,
    }
}

/// The currency a text names, as a code where it is one currency, as written where it is shared or no ISO currency.
#[must_use]
pub fn written_currency(raw: &str, context: &Context<'_>) -> Option<String> {
    let normal = normalise(text::cut(raw.trim(), 60));
    let mark = currency::anywhere(&normal, &lower(&normal))?;
    let resolved = mark.resolve(context.currency, context.locale);
    Some(resolved.map_or_else(|| mark.common_sign().to_owned(), |c| c.code().to_owned()))
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
    let Some(reading) = plain else {
        // Software writes numbers from ten million on as `1.25E7`: none of them was grouped by a person.
        let large = number::with_exponent(raw).map(|amount| Reading::of(amount, context));
        return large.map_or_else(|| read(raw, context), Ok);
    };
    let decimals = raw.rsplit_once('.').map_or(0, |(_, d)| d.len());
    let whole = raw.split('.').next().map_or(0, str::len);
    let exponent = context.currency.map(crate::money::exponent);
    // A zero at the end is a third decimal that software printed, unless people of the place group with points.
    let mark = context.decimal_mark.or_else(|| context.locale.and_then(|l| l.decimal_mark()));
    let grouping = mark == Some(',') && whole > 0 && !raw.starts_with('0');
    if decimals == 3 && whole <= 3 && (!raw.ends_with('0') || grouping) && exponent.is_none_or(|e| e < 3)
        || decimals == 3 && exponent == Some(0)
    {
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
            (None, Some(_)) if self.doubted => return Err(Refusal::NoCurrency),
            (_, Some(currency)) => currency,
            (None, None) if self.doubted => return Err(Refusal::NoCurrency),
            (None, None) => fallback.ok_or(Refusal::NoCurrency)?,
            (Some(_), None) => return Err(Refusal::NoCurrency),
        };
        Money::exact(self.amount, currency).map_err(|error| match error {
            MoneyError::TooManyDecimals { .. } => Refusal::TooManyDecimals(error),
            other => Refusal::OutOfRange(other),
        })
    }

    fn plain(raw: &str, context: &Context<'_>) -> Option<Self> {
        crate::money::decimal(raw).ok().map(|amount| Self::of(amount, context))
    }

    /// An amount that nothing is said about.
    fn of(amount: Decimal, context: &Context<'_>) -> Self {
        Self {
            amount,
            high: None,
            mark: None,
            currency: context.currency,
            kind: PriceKind::Exact,
            tax: TaxView::Unknown,
            per: None,
            role: Role::Price,
            proven_mark: None,
            worded: false,
            doubted: false,
            rivalled: false,
        }
    }
}
