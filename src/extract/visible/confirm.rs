//! Whether a page shows the price that its markup states, told while the tree of its part grows.
//!
//! It only ever says yes where nothing near the title can be another price of the product: no other amount of money that
//! its words do not call a cost, a saving or a threshold, no number in the form of a price or called one by its names.
//! Everywhere else the whole look decides.

use super::classes::{self, Facts, Known};
use super::seams::begins_with_cents;
use super::spots::is_sign;
use super::written::has_dash_for_cents;
use crate::extract::offer::{Candidate, Evidence, Offer, Source};
use crate::extract::price::{self, Context, PriceKind, Reading, Role, may_mean};
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Builder, Kind};
use crate::money::{self, Money};

/// Points of a confirmed place: enough to count as what a person sees.
const POINTS: i32 = super::ENOUGH + 10;
/// Bytes of one text that are searched for amounts.
const MAX_TEXT: usize = 160;
/// Texts with other numbers that are read as prices: where there are more, the whole look costs no more.
const MAX_READ: usize = 6;
/// Bytes of a text without a number that may be the money of the number beside it.
const MAX_MONEY: usize = 12;
/// Elements around an amount whose names speak of it.
const NEAR: usize = 3;
/// Amounts from this fraction of the price ...
const LEAST: i64 = 3;
/// ... to this multiple of it matter: reduced and earlier prices.
const MOST: i64 = 5;

/// What the texts of a part of a page say about a price.
#[derive(Debug)]
pub enum Shown {
    /// They show it and nothing that may be another price: the place that does.
    Alone(Box<Candidate>),
    /// They show it, first at this byte offset, and what may be other prices as well.
    Beside(usize),
    No,
}

/// Whether the texts of a part of a page up to byte `to` show `price`; no more of it is read than it takes to tell, and
/// what stands far behind the place that shows it has nothing to do with it.
#[must_use]
pub fn confirm(part: &mut Builder<'_>, to: usize, price: Money, context: &Context<'_>) -> Shown {
    let Some(wanted) = Forms::of(price) else { return Shown::No };
    let context = Context { strict: true, ..*context };
    let mut search = Search {
        price,
        wanted,
        context,
        shown: None,
        others: false,
        ahead: "",
        bare: false,
        whole: false,
        right_behind: false,
        read: 0,
    };
    let mut within = Name::of("");
    while let Some(index) = part.step(search.shown.map_or(to, |(at, _)| to.min(at + super::AFTER_PRICE))) {
        let node = part.node(index);
        match node.kind {
            Kind::Element(tag) => within = tag.key,
            Kind::Text(text) => {
                let text = &text[..text.ceil_char_boundary(to.saturating_sub(node.at))];
                let numbered = text.len() <= MAX_TEXT && text.bytes().any(|b| b.is_ascii_digit());
                if numbered && within != Name::OPTION {
                    search.number(part, index, text);
                } else {
                    search.words(text);
                }
            }
        }
        if let (true, Some((at, _))) = (search.others, search.shown) {
            return Shown::Beside(at);
        }
    }
    let Some((at, raw)) = search.shown else { return Shown::No };
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

/// What the texts of a part have said so far.
struct Search<'p, 'c> {
    price: Money,
    wanted: Forms,
    context: Context<'c>,
    /// The first place that shows the price: its byte offset and its text.
    shown: Option<(usize, &'p str)>,
    /// Something may be another price.
    others: bool,
    /// The text in front, if it has no number.
    ahead: &'p str,
    /// The text in front is a number, which money behind it would make an amount.
    bare: bool,
    /// The text in front shows the price as a whole number, which cents behind it would make another one.
    whole: bool,
    /// The text in front shows the price.
    right_behind: bool,
    /// Texts that were read as prices.
    read: usize,
}

impl<'p> Search<'p, '_> {
    /// Takes a text without a number.
    fn words(&mut self, text: &'p str) {
        self.others = self.others || self.bare && self.is_money(text) || self.right_behind && self.is_other_money(text);
        (self.ahead, self.bare, self.right_behind) = (text, false, false);
    }

    /// Takes a text with numbers.
    fn number(&mut self, part: &Builder<'p>, index: usize, text: &'p str) {
        let plain = text::decode(text);
        let (mut near, mut full, mut fits) = (false, false, false);
        self.others |= self.whole && begins_with_cents(text::trim(&plain));
        self.whole = false;
        for digits in amounts(&plain).filter(|digits| !digits.percent) {
            if self.wanted.fit(&digits) {
                self.whole |= digits.decimals == 0 && self.wanted.exponent > 0;
                // The same digits in another money show another price.
                if self.shown.is_some() || may_mean(text, self.price.currency()) {
                    self.shown = self.shown.or(Some((part.node(index).at, text)));
                    self.others |= is_earlier(part, index) || self.is_other_money(self.ahead);
                    fits = true;
                } else {
                    self.others = true;
                }
            } else if self.wanted.is_near(&digits) {
                near = true;
                full |= self.wanted.exponent > 0 && digits.decimals == self.wanted.exponent as usize;
            }
        }
        let bare = near && !plain.contains(char::is_alphabetic);
        if near && !self.others {
            self.others =
                names_price(part, index) || self.may_compete(&plain, full) || bare && self.is_money(self.ahead);
        }
        (self.ahead, self.bare, self.right_behind) = ("", bare, fits);
    }

    /// Whether a text with a number near the price, which may have all decimals of the money, can be a price of the
    /// product by its own words and signs.
    fn may_compete(&mut self, plain: &str, full: bool) -> bool {
        let signed = plain.contains(is_sign);
        if has_dash_for_cents(plain) || self.read >= MAX_READ {
            return true;
        }
        if !signed && !plain.contains(char::is_alphabetic) {
            return full;
        }
        self.read += 1;
        match price::read_two_marked(&text::fold_space(plain), &self.context) {
            Ok((first, second)) => !is_aside(&first) || second.is_some_and(|second| !is_aside(&second)),
            // What cannot be read is left to the whole look if it has to do with money.
            Err(_) => signed || full,
        }
    }

    /// Whether a text beside the price is the code or the sign of another money, `CAD` behind `$49.00`.
    fn is_other_money(&self, text: &str) -> bool {
        let text = text::trim(text);
        // A code in capitals or a sign: most texts are words.
        let capitals = || text.bytes().filter(u8::is_ascii_uppercase).nth(2).is_some() || text.contains('$');
        (1..=MAX_MONEY).contains(&text.len())
            && capitals()
            && price::currency_of(text.trim_matches(['(', ')', ' ', ':']), &self.context)
                .is_some_and(|named| named != self.price.currency())
    }

    /// Whether a text without a number is a sign or a name of money.
    fn is_money(&self, text: &str) -> bool {
        let text = text::clean(text);
        (1..=MAX_MONEY).contains(&text.len()) && price::currency_of(&text, &self.context).is_some()
    }
}

/// Whether the words of an amount call it something that is no price of the product, not an earlier one either.
fn is_aside(reading: &Reading) -> bool {
    let role = matches!(
        reading.role,
        Role::Saving | Role::Shipping | Role::Deposit | Role::Fee | Role::Surcharge | Role::Threshold
    );
    role || reading.kind == PriceKind::Instalment
}

/// Whether the names of the elements around a text call it a price.
fn names_price(part: &Builder<'_>, index: usize) -> bool {
    facts_around(part, index).any(|facts| facts.hints.price && !facts.hints.not_price)
}

/// Whether the elements around a text strike it out or call it the earlier price.
fn is_earlier(part: &Builder<'_>, index: usize) -> bool {
    let old = |hints: classes::Hints| hints.former || hints.old && !(hints.current && hints.price);
    facts_around(part, index).any(|facts| facts.struck || old(facts.hints))
}

fn facts_around<'p>(part: &Builder<'p>, index: usize) -> impl Iterator<Item = Facts<'p>> {
    let mut known = Known::default();
    part.around(index).take(NEAR).map(move |tag| classes::facts(tag, &mut known))
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
                    || self.price.is_near(&d)
                    || self.hundredth.as_ref().is_some_and(|price| price.fit(&d))
            })
    }
}

fn has_sign(text: &str) -> bool {
    let sign = |c: char| matches!(c, '$' | '£' | '¥' | '\u{20a0}'..='\u{20cf}');
    // A sign may be written as a reference; the ampersand of `Tips & tricks` is none.
    let refers = |(at, _): (usize, &str)| {
        let name = &text[at + 1..];
        name.starts_with(|c: char| c == '#' || c.is_ascii_alphabetic()) && !name.starts_with("amp;")
    };
    text.contains(sign) || text.match_indices('&').any(refers)
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
    fn is_near(&self, digits: &Digits) -> bool {
        let Some(value) = digits.value else { return false };
        let Some(scale) = u32::try_from(digits.decimals).ok().and_then(|d| self.exponent.checked_sub(d)) else {
            return false;
        };
        let minor = value.saturating_mul(10_i64.saturating_pow(scale));
        (self.minor / LEAST..self.minor.saturating_mul(MOST)).contains(&minor)
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
    /// `%` stands behind it.
    percent: bool,
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
        let mut digits = Digits { value: Some(i64::from(first)), length: 1, decimals: 0, percent: false };
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
        digits.percent = chars.clone().find(|c| !matches!(c, ' ' | '\u{a0}')) == Some('%');
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
        let context = Context::default();
        matches!(confirm(&mut Builder::new(page, 0), page.len(), price(), &context), Shown::Alone(_))
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
        for beside in [
            "<del>1.499 €</del>",
            "<i>999,00 €</i>",
            "<i>999,00</i>",
            "<i>999,-</i>",
            "<i>nur 999 Euro</i>",
            "<i>999</i><i>€</i>",
            "<i>€</i><i>999</i>",
            "<i class=price-now>999</i>",
            "<i>€ 433,00 / kg</i>",
            "<i>999,00 EUR (UVP 1.499,00 EUR)</i>",
        ] {
            assert!(!shows(&format!("<h1>Lamp</h1><b>1.299,00 €</b>{beside}")), "{beside}");
        }
        assert!(!shows("<h1>Lamp</h1><del>1.299,00 €</del>") && !shows("<h1>Lamp</h1><b class=old-price>1.299 €</b>"));
    }

    #[test]
    fn what_is_no_price_of_the_product_does_not_matter() {
        for beside in [
            "<i>(1452)</i>",
            "<i>1200</i><i>1400</i>",
            "<i>1400 x 600 mm</i>",
            "<i>Typ 1450-B</i>",
            "<i>Free delivery over €500</i>",
            "<i>Sie sparen 500 €</i>",
            "<i>- 20 %</i>",
            "<i>L&#8217;offre n&#1039;1</i>",
        ] {
            assert!(shows(&format!("<h1>Lamp</h1><b>1.299,00 €</b>{beside}")), "{beside}");
        }
    }
}
