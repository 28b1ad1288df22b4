//! Which of the names of money beside the numbers of one text are believed, and which number lends its name to another.
//!
//! A letter or a short word beside a number may be a unit, an initial or a size: the rest of the text decides.

use super::currency::{self, Mark};
use super::number::{self, Hints};
use super::seen::Seen;
use super::words;
use super::{Context, PriceKind, Role, TaxView};
use crate::money::{Currency, Decimal};

/// ISO 4217 codes that headings in capitals hold as words.
const CODES_THAT_ARE_WORDS: [&str; 12] =
    ["ALL", "TOP", "TRY", "CUP", "DOP", "MAD", "SOS", "PEN", "BOB", "COP", "NAD", "RON"];
/// The upper end of a range is at most this many times the lower one.
const MOST_IN_RANGE: i64 = 20;
/// Percent that a price with tax is of the one without, at least and at most.
const MARKUP_OF_TAX: (i64, i64) = (102, 130);
/// Numbers with only blanks between them from which on they are a telephone number.
const TELEPHONE: usize = 4;

/// Drops the names of money that are none, and lends that of a range's upper end to the lower one.
pub(super) fn settle(seen: &mut [Seen<'_>], context: &Context<'_>) {
    let local = context.currency.or_else(|| context.locale.and_then(|l| l.currency()));
    for one in seen.iter_mut().filter(|s| matches!(s.mark, Some(Mark::One(Currency::SYP)))) {
        // Until 2013 Latvia paid in lats, whose sign is that of the Syrian pound.
        let latvia = context.locale.is_some_and(|l| l.likely_region() == Some("LV"));
        if latvia && one.written().trim_matches(|c: char| !c.is_alphabetic()) == "Ls" {
            one.mark = Some(Mark::Other("LVL".to_owned()));
        }
    }
    if local.is_some_and(|c| c.code() == "PHP") {
        // A capital P is the pula's sign in tables, and the peso's in its country.
        for one in seen.iter_mut().filter(|s| s.mark.is_some() && s.written().contains('P') && s.is_marked_by_letter())
        {
            one.mark = local.map(Mark::One);
        }
    }
    for one in seen.iter_mut().filter(|s| s.is_marked_elsewhere(local, context)) {
        one.doubted = matches!(one.mark, Some(Mark::Subunit(_)));
        one.drop_mark();
    }
    for i in 0..seen.len() {
        if seen[i].is_count_of_pieces(&seen[..i], &seen[i + 1..]) {
            seen[i].drop_mark();
        }
        let sure = || seen.iter().any(|s| s.mark.is_some() && !s.is_marked_by_letter());
        if seen[i].is_doubtful(context, sure) {
            seen[i].drop_mark();
            seen[i].doubted = true;
        }
    }
    for i in (1..seen.len()).rev() {
        let [.., low, high] = &mut seen[..=i] else { continue };
        if low.mark.is_none() && high.mark.is_some() && low.leads_to(high) && may_be_range(low, high) {
            low.mark.clone_from(&high.mark);
        }
    }
}

/// Whether two numbers are near enough to be the ends of one range, as far as their forms tell.
fn may_be_range(low: &Seen<'_>, high: &Seen<'_>) -> bool {
    let hints = Hints { exponent: Some(2), ..Hints::default() };
    match (low.number.resolve(hints), high.number.resolve(hints)) {
        (number::Reading::Exactly(low), number::Reading::Exactly(high)) => {
            low < high && low.checked_mul(Decimal::from(MOST_IN_RANGE)).is_some_and(|most| high <= most)
        }
        _ => true,
    }
}

/// Whether a text is a telephone number: many short numbers with nothing but blanks between them.
pub(super) fn is_telephone(seen: &[Seen<'_>], text: &str) -> bool {
    let short = |s: &Seen<'_>| s.mark.is_none() && s.number.integer().is_some_and(|digits| digits.len() <= 3);
    let blank = |pair: &[Seen<'_>]| text[pair[0].number.end..pair[1].number.start].trim().is_empty();
    seen.len() >= TELEPHONE && seen.iter().all(short) && seen.windows(2).all(blank)
}

impl Seen<'_> {
    /// Whether this amount is the price where the one in front of it is the price before, or what is saved:
    /// `statt 79,99 € nur 49,99 €`, `De R$ 199,90 por R$ 149,90`, `Du sparer 100 kr. Nu 399 kr.`
    pub(super) fn is_price_behind(&self, ahead: &Self, first: &super::Reading, own: &super::Reading) -> bool {
        let price = own.role == Role::Price && matches!(own.kind, PriceKind::Exact | PriceKind::From);
        let same_money = own.mark.is_some() == first.mark.is_some() && own.currency == first.currency;
        if !price || !same_money || !own.amount.is_sign_positive() || own.amount.is_zero() {
            return false;
        }
        let start = ahead.to.max(ahead.number.end);
        let litter = [' ', '.', ',', ':', ';', '-', '–', '|', ')', '!'];
        let between = self.lower.get(start..self.from).unwrap_or("").trim_matches(litter);
        let lower = own.amount < first.amount;
        if self.is_gross_of(ahead, first, own) {
            return true;
        }
        match first.role {
            Role::List => lower,
            Role::Conditional | Role::Member => !between.is_empty(),
            Role::Saving => between.is_empty() || words::names_price(between.rsplit(' ').next().unwrap_or("")),
            Role::Price if lower && between.is_empty() && words::may_be_list(&self.lower[..ahead.from]) => true,
            Role::Price => lower && words::reduces(&self.lower[..ahead.number.start], between),
            _ => false,
        }
    }

    /// Whether this amount is the one in front of it with tax: `£100.00 (£120.00 inc VAT)`, `100 zł netto / 123 zł brutto`.
    fn is_gross_of(&self, ahead: &Self, first: &super::Reading, own: &super::Reading) -> bool {
        let start = ahead.to.max(ahead.number.end);
        let between = self.lower.get(start..self.from).unwrap_or("");
        // Words behind a bracket or a slash speak of the amount that follows.
        let apart = between.trim_start().starts_with(['(', '（', '/', '|', '[']);
        let called = own.tax == TaxView::Gross || super::tax::tax("", between.trim_end_matches([' ', ':', '.'])).1;
        let spoken = first.tax == TaxView::Net || (called && (apart || first.tax == TaxView::Unknown));
        let (least, most) = MARKUP_OF_TAX;
        let factor =
            |percent: i64| first.amount.checked_mul(Decimal::from(percent)).map(|sum| sum / Decimal::ONE_HUNDRED);
        first.role == Role::Price
            && first.kind == PriceKind::Exact
            && own.kind == PriceKind::Exact
            && own.tax != TaxView::Net
            && spoken
            && factor(least).is_some_and(|least| own.amount >= least)
            && factor(most).is_some_and(|most| own.amount <= most)
    }

    fn drop_mark(&mut self) {
        self.mark = None;
        (self.from, self.to) = (self.number.start, self.number.end);
    }

    /// Whether the name of money is none here, because of its form or because it is one only where people pay with it: `N` is the naira's in Nigeria, `Ks` the kyat's in
    /// Myanmar and a word for pieces in Prague.
    fn is_marked_elsewhere(&self, local: Option<Currency>, context: &Context<'_>) -> bool {
        // `Typ C 1 m`: cents are written small and behind their number.
        if matches!(&self.mark, Some(Mark::Subunit(coin)) if coin == "c") {
            return self.from < self.number.start || self.written().contains('C');
        }
        let Some(Mark::One(named)) = &self.mark else { return false };
        if !matches!(named, Currency::NGN | Currency::MMK) {
            return false;
        }
        let letters = || self.written().chars().filter(|c| c.is_alphabetic());
        let at_home = local == Some(*named) || context.locale.and_then(|l| l.currency()) == Some(*named);
        !at_home && matches!((letters().next(), letters().count()), (Some('N' | 'n'), 1) | (Some('K' | 'k'), 2))
    }

    /// Whether `ct` counts pieces and no cents, because the text has an amount with the money that it is in:
    /// `100 ct $12.99`, and not `5 € 50 ct`.
    fn is_count_of_pieces(&self, ahead: &[Self], behind: &[Self]) -> bool {
        let coin =
            matches!(&self.mark, Some(Mark::Subunit(coin)) if matches!(coin.trim_end_matches('.'), "ct" | "cts"));
        let Some(digits) = self.number.integer().filter(|_| coin) else { return false };
        let in_money = |s: &Self| s.mark.as_ref().is_some_and(|mark| !matches!(mark, Mark::Subunit(_)));
        let cents_of = |s: &Self| in_money(s) && s.number.integer().is_some() && digits.len() <= 2;
        !ahead.last().is_some_and(cents_of) && ahead.iter().chain(behind).any(in_money)
    }

    fn written(&self) -> &str {
        self.text.get(self.from..self.to).unwrap_or("")
    }

    /// Whether the money is named by one letter alone: `R16`, `0,75 L`, `3D`.
    fn is_marked_by_letter(&self) -> bool {
        let mut letters =
            self.written().chars().filter(|c| !c.is_ascii_digit() && !matches!(c, ' ' | '.' | ',' | '-' | '–'));
        letters.next().is_some_and(|c| c.is_alphabetic() && !currency::is_cjk(c)) && letters.next().is_none()
    }

    fn is_doubtful(&self, context: &Context<'_>, sure: impl Fn() -> bool) -> bool {
        let Some(mark) = &self.mark else { return false };
        let local = context.locale.and_then(|l| l.currency());
        let resolved = mark.resolve(context.currency, context.locale);
        let expected = resolved.is_some() && (resolved == local || resolved == context.currency);
        if !expected && self.is_marked_by_letter() && !matches!(mark, Mark::Subunit(_)) {
            // Another number has a name that cannot be misread, or the letter sticks to a count: `3D`.
            let touches = |c: char| c.is_alphabetic() || c == '-';
            let behind = self.to > self.number.end && self.text[self.number.end..].starts_with(touches);
            // `E27`, `R16`: a letter that touches a short count is a size.
            let size = self.text[..self.number.start].ends_with(char::is_alphabetic)
                && self.number.integer().is_some_and(|digits| digits.len() <= 3);
            let elsewhere = local.is_some() || context.currency.is_some();
            if ((behind || size) && elsewhere && self.number.integer().is_some()) || sure() {
                return true;
            }
        }
        // `TOP 10`, `ALL 4 wheels`: a code that is a word beside a short count.
        let foreign = !expected && (local.is_some() || context.currency.is_some());
        let short = self.number.integer().is_some_and(|digits| digits.len() <= 2);
        if foreign && short && CODES_THAT_ARE_WORDS.contains(&self.written().trim_matches(|c: char| !c.is_alphabetic()))
        {
            return true;
        }
        if !context.strict {
            return false;
        }
        let glued = self.text[..self.number.start].ends_with(|c: char| c.is_alphabetic() && !currency::is_cjk(c))
            && self.from == self.number.start;
        glued || (!expected && self.is_weak(mark) && !self.is_whole_text(mark))
    }

    /// Whether the money is named by bare letters that may be a word of running text.
    fn is_weak(&self, mark: &Mark) -> bool {
        let written = self.written();
        let signs = written.chars().any(|c| currency::is_sign(c) || currency::is_cjk(c));
        let letters = written.chars().filter(|c| c.is_alphabetic()).count();
        let code = matches!(mark, Mark::One(c) if written.contains(c.code()));
        let coins = matches!(mark, Mark::Subunit(_));
        // Three letters of another script, such as `руб` or `грн`, are no word that stands there by chance.
        let foreign = letters >= 3 && !coins && written.chars().all(|c| !c.is_ascii_alphabetic());
        !signs && !code && !foreign && letters <= 3
    }

    /// Whether the text is the number and its name of money and nothing else but a word for price: then no other word
    /// is left that the letters could belong to.
    fn is_whole_text(&self, mark: &Mark) -> bool {
        let litter = [' ', '*', '.', ',', ':', '-', '–'];
        let before = self.lower[..self.from].trim_matches(litter);
        let alone = (before.is_empty() || words::names_price(before))
            && self.lower[self.to.max(self.number.end)..].trim_matches(litter).is_empty();
        let letters = || self.written().chars().filter(|c| c.is_alphabetic());
        let several = letters().nth(1).is_some();
        // `10 km`, `6 ft`: units in small letters. `R 1,370`: a letter needs an amount that is no size.
        let unit = several && words::is_unit(self.written().trim_matches(|c: char| !c.is_alphabetic()));
        let amount = self.number.integer().is_none_or(|digits| digits.len() >= 3);
        let ahead = self.from < self.number.start && letters().all(char::is_uppercase);
        alone && !matches!(mark, Mark::Subunit(_)) && !unit && (several || (ahead && amount))
    }
}
