//! Which of several amounts of one text is the price.
//!
//! An amount is passed over for another one only where words, signs or taxes say so; without them both are kept.

use super::currency::Mark;
use super::number::{self, Number};
use super::seen::Seen;
use super::{Context, PriceKind, Reading, Refusal, Role, TaxView, condition, lower, normalise, words};
use crate::extract::text;
use crate::money::{Currency, Decimal};

/// Tenths of a percent that a tax adds at most.
const MOST_TAX: i64 = 300;
/// A price before is at most this many times the price: what is further apart is no pair.
const MOST_REDUCED: i64 = 5;
/// Hours of a day: a larger number in front of a colon is no time.
const HOURS: u32 = 24;

/// The first two prices among the numbers of a text, the price in front, and why the first number before all of them is
/// none.
pub(super) fn of_prices(
    seen: &[Seen<'_>],
    any_marked: bool,
    hinted: Option<&Mark>,
    context: &Context<'_>,
) -> (Vec<Reading>, Option<Refusal>) {
    let mut readings: Vec<Reading> = Vec::new();
    let mut places = Vec::new();
    let mut refusal = None;
    let mut skip = 0;
    for (i, one) in seen.iter().enumerate() {
        // `Regular price $399.99 Savings $50.00 $349.99`: what is saved stands between the price before and the price.
        let saved =
            || matches!(readings.as_slice(), [list, saving] if list.role == Role::List && saving.role == Role::Saving);
        if readings.len() == 2 && !saved() {
            break;
        }
        if i < skip || (any_marked && one.mark.is_none()) || one.is_quantity(any_marked) {
            continue;
        }
        match one.reading(context, hinted, &seen[i + 1..]) {
            Ok((reading, used)) => {
                skip = i + 1 + used;
                if readings.len() < 2 {
                    readings.push(reading);
                    places.push(i);
                    continue;
                }
                if one.is_price_behind(&seen[places[0]], &readings[0], &reading) {
                    (readings[1], places[1]) = (reading, i);
                }
                break;
            }
            Err(why) if readings.is_empty() => refusal = refusal.or(Some(why)),
            Err(_) => {}
        }
    }
    if let ([first, second], [one, other]) = (readings.as_slice(), places.as_slice())
        && (seen[*other].is_price_behind(&seen[*one], first, second) || is_with_tax(first, second))
    {
        readings.swap(0, 1);
    } else if let ([first, second], [one, other]) = (readings.as_slice(), places.as_slice())
        && is_rivalled(&seen[*one], first, &seen[*other], second)
    {
        if seen.iter().any(|s| s.is_reduction(first, second)) {
            readings.swap(0, 1);
        } else {
            // Without a place the text is a string in front of its first amount, as readers of prices take it.
            readings[0].rivalled = context.locale.is_some();
        }
    }
    (readings, refusal)
}

/// Whether the second of two amounts is the first one with tax: `100,00 zł netto / 123,00 zł brutto`.
fn is_with_tax(first: &Reading, second: &Reading) -> bool {
    let spoken = second.tax == TaxView::Gross && first.tax != TaxView::Gross;
    let most = first.amount.checked_mul(Decimal::new(1_000 + MOST_TAX, 3));
    spoken
        && first.role == Role::Price
        && second.role == Role::Price
        && first.currency == second.currency
        && first.amount < second.amount
        && most.is_some_and(|most| second.amount <= most)
}

/// Whether nothing says which of two amounts is the price: a struck one in front of a lower one, once the stroke is lost
/// with the markup.
fn is_rivalled(one: &Seen<'_>, first: &Reading, other: &Seen<'_>, second: &Reading) -> bool {
    let bare = |reading: &Reading| {
        reading.role == Role::Price
            && reading.kind == PriceKind::Exact
            && reading.per.is_none()
            && reading.amount.is_sign_positive()
    };
    let same_money = first.currency == second.currency && first.mark.is_some() == second.mark.is_some();
    if !(bare(first) && bare(second) && same_money && second.amount < first.amount) {
        return false;
    }
    let start = one.to.max(one.number.end);
    let apart = one.lower.get(start..other.from.max(start)).is_some_and(|between| between.trim().is_empty());
    let near = second.amount.checked_mul(Decimal::from(MOST_REDUCED)).is_some_and(|most| most >= first.amount);
    let label = one.lower[..one.from].trim_matches([' ', ':', '*', '.']);
    // `£12.00 £10.00 ex VAT`: the second one is the first without tax.
    let net = second.tax == TaxView::Net && first.tax != TaxView::Net;
    apart && near && !net && !words::names_final_price(label) && !words::speaks_of_members(&other.lower[other.to..])
}

impl Seen<'_> {
    /// Whether the number is the percentage that one amount is less than the other: `€ 499,00 € 379,90 -24%`.
    fn is_reduction(&self, first: &Reading, second: &Reading) -> bool {
        let percent = self.lower[self.number.end..].trim_start().starts_with('%');
        let number::Reading::Exactly(share) = self.number.resolve(number::Hints::default()) else { return false };
        let part = (first.amount - second.amount).checked_mul(Decimal::ONE_HUNDRED);
        let part = part.and_then(|part| part.checked_div(first.amount));
        percent && part.is_some_and(|part| (part - share).abs() <= Decimal::ONE)
    }
}

/// The price of a text with these first two amounts.
pub(super) fn one_of(first: Reading, second: Option<Reading>) -> Result<Reading, Refusal> {
    match second {
        Some(second) if first.rivalled => Err(Refusal::Ambiguous(second.amount, first.amount)),
        // `Medlemspris 299 kr Ordinær pris 349 kr`: what everybody pays is the ordinary price.
        Some(second)
            if first.role == Role::Member
                && second.role == Role::List
                && second.currency == first.currency
                && second.amount > first.amount =>
        {
            Ok(second)
        }
        _ => Ok(first),
    }
}

/// Refuses a text whose amounts are all what one saves, or what an order must reach to be shipped free.
pub(super) fn refuse_unpaid(raw: &str, first: &Reading, second: Option<&Reading>) -> Result<(), Refusal> {
    let unpaid = |reading: &Reading| matches!(reading.role, Role::Saving | Role::Threshold);
    if !unpaid(first) || !second.is_none_or(unpaid) {
        return Ok(());
    }
    if first.role == Role::Saving {
        return Err(Refusal::Saving);
    }
    let normal = normalise(text::cut(raw, super::MAX_TEXT));
    let low = lower(&normal);
    let ahead = &low[..low.find(|c: char| c.is_ascii_digit()).unwrap_or(low.len())];
    // Words behind the amount praise the thing that it is the price of: `£12.99 free delivery`.
    let shipped = condition::ships_free(ahead) || words::speaks_of_shipping(ahead);
    if shipped { Err(Refusal::Threshold) } else { Ok(()) }
}

/// `49:50`, as Sweden used to write kronor and öre; among words, or as a time of the day, only where the money says so.
pub(super) fn split_by_colon(text: &str, low: &str, numbers: &[Number<'_>], context: &Context<'_>) -> Option<Reading> {
    let [whole, cents] = numbers else { return None };
    if &text[whole.end..cents.start] != ":" {
        return None;
    }
    let (kronor, ore) = (whole.integer()?, cents.integer().filter(|digits| digits.len() == 2)?);
    let mut seen = Seen::new(text, low, cents, whole.end);
    let local = context.currency.or_else(|| context.locale.and_then(|l| l.currency()));
    let marked =
        seen.mark.as_ref().is_some_and(|mark| mark.resolve(context.currency, context.locale) == Some(Currency::SEK));
    let time = kronor.parse::<u32>().is_ok_and(|hours| hours <= HOURS) && ore < "60";
    let known = marked || (seen.mark.is_none() && context.currency == Some(Currency::SEK) && !time);
    let behind = text[seen.to..].trim_matches(['*', ' ', '.']);
    // With its money behind it the pair is an amount among words too: `Ca: 89:90 kr/st`.
    let alone = marked || whole.start == 0 && (behind.is_empty() || behind.starts_with("/"));
    if !known || !alone || local != Some(Currency::SEK) {
        return None;
    }
    let amount = crate::money::decimal(&format!("{kronor}.{ore}")).ok()?;
    seen.from = whole.start;
    let (reading, _) = seen.reading(context, None, &[]).ok()?;
    Some(Reading { amount, ..reading })
}

/// `149 99 Lei` and nothing else: markup raised the cents, and the text that is left has a blank in their place.
pub(super) fn split_by_blank(
    text: &str,
    seen: &[Seen<'_>],
    context: &Context<'_>,
    hinted: Option<&Mark>,
) -> Option<Reading> {
    let [whole, cents] = seen else { return None };
    let digits = whole.joined_by_blank(cents, text)?;
    let (reading, _) = cents.reading(context, hinted, &[]).ok()?;
    let amount = crate::money::decimal(&digits).ok()?;
    (reading.kind == PriceKind::Exact && reading.role == Role::Price).then_some(Reading { amount, ..reading })
}
