//! Whether a page shows the price that its markup states, told while the tree of its part grows.
//!
//! It only ever says yes where no other amount stands near the title: without one there is no reduced price, no
//! earlier price and no shipping cost to be found. Everywhere else the whole look decides.

use crate::extract::json::ceil_char;
use crate::extract::offer::{Candidate, Evidence, Offer, Source};
use crate::extract::price::may_mean;
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Builder, Kind};
use crate::money::{self, Money};

/// Points of a confirmed place: enough to count as what a person sees.
const POINTS: i32 = super::ENOUGH + 10;
/// Bytes of one text that are searched for amounts.
const MAX_TEXT: usize = 160;
/// Letters beside a number that may name its currency: `kr`, `DKK`, `lei`.
const MAX_LETTERS: usize = 4;
/// Amounts from this fraction of the price ...
const LEAST: i64 = 3;
/// ... to this multiple of it matter: reduced and earlier prices.
const MOST: i64 = 5;

/// What the texts of a part of a page say about a price.
#[derive(Debug)]
pub enum Shown {
    /// They show it and no other amount: the place that does.
    Alone(Box<Candidate>),
    /// They show it, first at this byte offset, and other amounts as well.
    Beside(usize),
    No,
}

/// Whether the texts of a part of a page up to byte `to` show `price`; no more of it is read than it takes to tell.
#[must_use]
pub fn confirm(part: &mut Builder<'_>, to: usize, price: Money) -> Shown {
    let Some(wanted) = Forms::of(price) else { return Shown::No };
    let mut others = false;
    let mut shown: Option<(usize, &str)> = None;
    let mut within = Name::of("");
    while let Some(index) = part.step(to) {
        let node = part.node(index);
        let text = match node.kind {
            Kind::Element(tag) => {
                within = tag.key;
                continue;
            }
            Kind::Text(text) => &text[..ceil_char(text, text.len().min(to.saturating_sub(node.at)))],
        };
        if within == Name::OPTION || text.len() > MAX_TEXT || !text.bytes().any(|b| b.is_ascii_digit()) {
            continue;
        }
        for digits in amounts(text) {
            if wanted.fit(&digits) {
                // The same digits in another money show another price.
                match shown {
                    None if !may_mean(text, price.currency()) => others = true,
                    _ => shown = shown.or(Some((node.at, text))),
                }
            } else {
                others = others || wanted.may_be_price(&digits, || speaks_of_money(text));
            }
        }
        if let (true, Some((at, _))) = (others, shown) {
            return Shown::Beside(at);
        }
    }
    let Some((at, raw)) = shown else { return Shown::No };
    let offer = Offer {
        price: Some(price),
        currency: Some(price.currency()),
        evidence: Some(Evidence::new(Source::Visible, "text near the title", &text::clean(raw), Some(at))),
        ..Offer::default()
    };
    Shown::Alone(Box::new(Candidate {
        score: POINTS,
        verdict: "the text shows the amount that markup states and no other near it".to_owned(),
        ..Candidate::new(Source::Visible, offer)
    }))
}

/// Whether a text shows an amount in its currency, whatever else it says.
#[must_use]
pub fn shows(text: &str, price: Money) -> bool {
    let fits = |wanted: Forms| amounts(text).any(|digits| wanted.fit(&digits));
    Forms::of(price).is_some_and(fits) && may_mean(text, price.currency())
}

/// Which texts may hold an amount that matters beside a price.
#[derive(Debug)]
pub struct Relevant {
    price: Forms,
    /// The hundredth part: state may count cents and not say so.
    hundredth: Option<Forms>,
}

impl Relevant {
    /// `None` for prices so low that any count on the page could be mistaken for them.
    #[must_use]
    pub fn beside(price: Money) -> Option<Self> {
        let hundredth = (price.minor() % 100 == 0).then(|| Money::from_minor(price.minor() / 100, price.currency()));
        Some(Self { price: Forms::of(price)?, hundredth: hundredth.and_then(Forms::of) })
    }

    /// Whether a text has a sign of money or a number near the price.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        has_sign(text)
            || amounts(text).any(|d| {
                self.price.fit(&d)
                    || self.price.may_be_price(&d, || true)
                    || self.hundredth.as_ref().is_some_and(|price| price.fit(&d))
            })
    }
}

/// Whether a text has a sign of money, or is little more than a number.
fn speaks_of_money(text: &str) -> bool {
    has_sign(text) || text.chars().filter(|c| c.is_alphabetic()).nth(MAX_LETTERS).is_none()
}

fn has_sign(text: &str) -> bool {
    text.contains(|c: char| matches!(c, '$' | '£' | '¥' | '\u{20a0}'..='\u{20cf}' | '&'))
}

/// An amount as digits, with and without its decimals.
#[derive(Debug)]
struct Forms {
    minor: i64,
    /// How many digits [`Self::minor`] has.
    length: usize,
    /// The amount without decimals where they are zeros, and its length.
    whole: Option<(i64, usize)>,
    exponent: u32,
}

impl Forms {
    /// `None` for amounts so short that any count on the page could be mistaken for them.
    fn of(price: Money) -> Option<Self> {
        let exponent = money::exponent(price.currency());
        let minor = price.minor();
        let length = digit_count(minor)?;
        let unit = 10_i64.checked_pow(exponent)?;
        let whole = if minor % unit == 0 && exponent > 0 { Some(minor / unit) } else { None };
        let whole = whole.and_then(|whole| Some((whole, digit_count(whole)?)));
        (length >= 3).then_some(Self { minor, length, whole, exponent })
    }

    fn fit(&self, digits: &Digits) -> bool {
        let full = digits.are(self.minor, self.length);
        (digits.decimals == self.exponent as usize && full)
            || (digits.decimals == 0
                && self.whole.is_some_and(|(whole, length)| length >= 2 && digits.are(whole, length)))
            || (self.exponent == 0 && full)
    }

    /// Whether a number may be an amount that matters beside the price.
    fn may_be_price(&self, digits: &Digits, money: impl FnOnce() -> bool) -> bool {
        let Some(value) = digits.value else { return false };
        let Some(scale) = u32::try_from(digits.decimals).ok().and_then(|d| self.exponent.checked_sub(d)) else {
            return false;
        };
        let minor = value.saturating_mul(10_i64.saturating_pow(scale));
        let decimals = digits.decimals > 0 && scale == 0;
        (self.minor / LEAST..self.minor.saturating_mul(MOST)).contains(&minor) && (decimals || money())
    }
}

/// How many digits an amount has that is not negative.
fn digit_count(minor: i64) -> Option<usize> {
    u64::try_from(minor).ok().map(|minor| minor.checked_ilog10().map_or(1, |tens| tens as usize + 1))
}

/// A number of a text: its digits and how many of them stand behind the last point or comma.
struct Digits {
    /// `None` for what is larger than any amount.
    value: Option<i64>,
    /// Zeros in front included.
    length: usize,
    decimals: usize,
}

impl Digits {
    fn push(&mut self, digit: u32) {
        self.value = self.value.and_then(|value| value.checked_mul(10)?.checked_add(i64::from(digit)));
        self.length += 1;
    }

    /// Whether these are exactly the digits of a number of this length.
    fn are(&self, number: i64, length: usize) -> bool {
        self.length == length && self.value == Some(number)
    }
}

/// The numbers of a text, groups joined.
fn amounts(text: &str) -> impl Iterator<Item = Digits> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let first = chars.find_map(|c| c.to_digit(10))?;
        let mut digits = Digits { value: Some(i64::from(first)), length: 1, decimals: 0 };
        let mut group = 1;
        let mut last_mark = None;
        while let Some(next) = chars.peek().copied() {
            if let Some(digit) = next.to_digit(10) {
                digits.push(digit);
                group += 1;
            } else if matches!(next, '.' | ',' | '\'' | '’' | '\u{a0}' | '\u{202f}' | ' ') {
                let mut ahead = chars.clone();
                ahead.next();
                if !ahead.peek().is_some_and(char::is_ascii_digit) {
                    break;
                }
                last_mark = Some(next);
                group = 0;
            } else {
                break;
            }
            chars.next();
        }
        digits.decimals = if matches!(last_mark, Some('.' | ',')) && group <= 2 { group } else { 0 };
        Some(digits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Money {
        Money::from_minor(129_900, money::currency("EUR").unwrap())
    }

    fn shows(page: &str) -> bool {
        matches!(confirm(&mut Builder::new(page, 0), page.len(), price()), Shown::Alone(_))
    }

    #[test]
    fn the_same_amount_in_any_spelling_confirms() {
        for text in ["1.299,00 €", "€1,299.00", "1 299 €", "1'299.00", "1299,-"] {
            assert!(shows(&format!("<h1>Lamp</h1><b>{text}</b>")), "{text}");
        }
        assert!(!shows("<h1>Lamp</h1><b>12,99 €</b>"));
        assert!(!shows("<h1>Lamp</h1><b data-price=1299>soon</b>"));
    }

    #[test]
    fn the_same_digits_in_another_money_do_not_confirm() {
        for text in ["1 299 kr", "1.299,00 zł", "$1,299.00", "1.299,00 USD"] {
            assert!(!shows(&format!("<h1>Lamp</h1><b>{text}</b>")), "{text}");
        }
    }

    #[test]
    fn any_hint_at_another_price_leaves_it_to_the_whole_look() {
        for beside in ["<del>1.499 €</del>", "<i>999,00 €</i>"] {
            assert!(!shows(&format!("<h1>Lamp</h1><b>1.299,00 €</b>{beside}")), "{beside}");
        }
    }
}
