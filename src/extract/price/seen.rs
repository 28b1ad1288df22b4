//! A number in its surroundings: sign, currency on either side, unit, role, tax, range, cents behind the currency.
//!
//! It reads what stands there; which number of a text is the price is decided by the caller.

use super::currency::{self, Mark};
use super::number::{self, Hints, Number};
use super::tax;
use super::words;
use super::{Context, PriceKind, Reading, Refusal};
use crate::extract::text;
use crate::money::Decimal;

/// A number with what stands around it.
pub(super) struct Seen<'a> {
    pub(super) text: &'a str,
    pub(super) lower: &'a str,
    pub(super) number: &'a Number<'a>,
    pub(super) mark: Option<Mark>,
    /// Where text before the number and its leading mark ends, and where text behind number and mark starts.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) negative: bool,
    /// A name of money stands beside the number that is not believed to be one.
    pub(super) doubted: bool,
    pub(super) plus: bool,
}

impl<'a> Seen<'a> {
    /// Reads what stands around a number; `taken` is where the number before it and the mark behind that one end.
    pub(super) fn new(text: &'a str, lower: &'a str, number: &'a Number<'a>, taken: usize) -> Self {
        let mut seen = Self {
            text,
            lower,
            number,
            mark: None,
            from: number.start,
            to: number.end,
            negative: false,
            doubted: false,
            plus: false,
        };
        seen.read_sign();
        let before = seen.mark_before();
        let end = seen.to;
        let mut after = seen.mark_after();
        // `£9.99p`: one letter behind an amount that has its sign already is no second currency.
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic() && !currency::is_sign(*c)).count();
        if before.is_some() && after.is_some() && letters(&text[end..seen.to]) == 1 {
            after = None;
            seen.to = end;
        }
        // `CHF 99.– CHF 79.–`: a name in front of a number belongs to it where the amount has its own already.
        let number_next = || seen.text[seen.to..].trim_start().starts_with(|c: char| c.is_ascii_digit());
        if before.is_some() && after.is_some() && number_next() {
            after = None;
            seen.to = end;
        }
        // A code beats a sign that several currencies share: `$ SGD4.90`, `£94.50 GBP`.
        seen.mark = match (before, after) {
            (Some(Mark::One(one)), Some(Mark::One(other))) if one != other && seen.weaker_before(end) => {
                seen.from = seen.number.start;
                Some(Mark::One(other))
            }
            // `12 Euro 50 Cent`: the name in front is that of the number before.
            (Some(_), Some(coin @ Mark::Subunit(_))) if seen.from < taken => {
                seen.from = seen.number.start;
                Some(coin)
            }
            (Some(one @ Mark::One(_)), _) | (_, Some(one @ Mark::One(_))) => Some(one),
            (Some(Mark::Shared { .. }), Some(Mark::Subunit(_))) => seen.before_only(),
            (before, after) => before.or(after),
        };
        seen
    }

    /// Whether the name in front of the number is bare letters and the one behind it a sign or a code.
    fn weaker_before(&self, end: usize) -> bool {
        let plain = |text: &str| !text.chars().any(currency::is_sign);
        let before = self.text[self.from..self.number.start].trim_matches([' ', '.', ':']);
        let behind = self.text[end..self.to].trim_matches([' ', '.']);
        let code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
        plain(before) && !code(before) && (!plain(behind) || code(behind))
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
            Some('-') if self.is_minus(before) => {
                self.negative = true;
                self.from = before.len() - 1;
            }
            // Nothing but a sign can stand there: `–12,50 €`.
            Some('–') if before == "–" && self.text[before.len()..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.negative = true;
                self.from = 0;
            }
            Some('+') if adds(before) => {
                self.plus = true;
                self.from = before.len() - 1;
            }
            _ => {}
        }
    }

    /// Whether the dash at the end of `before` is a sign: not in a range, not behind a word, `Preis - 12,50`, and not in
    /// the place of zero, `-.95`.
    fn is_minus(&self, before: &str) -> bool {
        let outer = &before[..before.len() - 1];
        let between = &self.text[before.len()..self.number.start];
        let word = outer.trim_end();
        let apart = outer.len() == word.len() || between.starts_with(' ');
        let behind_word =
            apart && word.ends_with(char::is_alphabetic) && currency::at_end(word, &self.lower[..word.len()]).is_none();
        let zero = matches!(between, "." | ",") && self.number.fraction_only() && !word.ends_with(currency::is_sign);
        !behind_word && !zero && !word.ends_with(|c: char| c.is_ascii_digit())
    }

    fn mark_before(&mut self) -> Option<Mark> {
        let mut end = self.text[..self.from].trim_end_matches([' ', ':', '.', '(', '\'']).len();
        let (mut mark, mut len) = currency::at_end(&self.text[..end], &self.lower[..end]).or_else(|| {
            // A name may end in the point just trimmed: `Fr.`, `Rs.`, `kr.`.
            let full = self.text[..self.from].trim_end_matches([' ', ':']).len();
            let found = (full != end).then(|| currency::at_end(&self.text[..full], &self.lower[..full])).flatten();
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
        } else if outside == "–" && !self.text[outside.len()..].starts_with(' ') {
            self.negative = true;
            self.from = 0;
        } else if adds(outside) {
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
        if tail.starts_with('-')
            && decimals
            && self.text[self.to + 1..].trim_start().chars().next().is_none_or(|c| !c.is_ascii_digit())
        {
            self.negative = true;
        }
        let starts_dash = tail.trim_start_matches([',', '.', ':', ' ']).starts_with(['-', '–']);
        // A dash in front of another number joins a range instead.
        // `12,– €` has a dash for no cents and its sign; only a number behind the sign makes a range of it.
        let number_next = rest[dashes..].trim_start_matches(|c| currency::is_sign(c) || c == ' ');
        let joins = number_next.starts_with(|c: char| c.is_ascii_digit()) && starts_dash;
        let at = if joins || !(starts_dash || tail.trim_matches(['*', ' ', '.', ',']).is_empty()) { 0 } else { dashes };
        let open = usize::from(rest[at..].starts_with('('));
        let start = self.to + at + open;
        let (mut mark, mut len) = currency::at_start(&self.text[start..], &self.lower[start..])?;
        // `2016 R$81.90`: a sign that touches the next number belongs to it.
        let apart = self.text[self.to..start].contains(' ');
        if apart && self.text[start + len..].starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if apart && self.belongs_behind(start + len) {
            return None;
        }
        // `10k$`: the letter counts thousands when the money stands behind it.
        if &self.lower[start..start + len] == "k"
            && let Some((sign, more)) = currency::at_start(&self.text[start + len..], &self.lower[start + len..])
        {
            (mark, len) = (sign, len + more);
        }
        // A single letter unit right behind a blank is a unit or an initial, not money: `5 L`, unless nothing follows.
        self.to = start + len;
        if self.text[self.to..].trim() == "-" && decimals {
            self.negative = true;
        }
        Some(mark)
    }

    /// Whether a sign with blanks around it, which ends at `end`, belongs to the amount behind it and not to this count:
    /// `iPhone 15 € 799,00`, `Nova 3 CHF 79.–`.
    fn belongs_behind(&self, end: usize) -> bool {
        let rest = &self.text[end..];
        let behind = rest.trim_start_matches(' ');
        if self.number.integer().is_none_or(|digits| digits.len() > 3) || behind.len() == rest.len() {
            return false;
        }
        let Some(next) = number::find(behind, 1).into_iter().next().filter(|next| next.start == 0) else {
            return false;
        };
        let tail = &behind[next.end..];
        let dashed = tail.trim_start_matches([',', '.', ':']).starts_with(['-', '–']) && !tail.starts_with(['-', '–']);
        let cents = next.proven_mark().is_some() && next.last_group() == 2;
        let marked = tail.trim_start_matches([' ', ',', '.', ':', '-', '–']);
        let at = self.text.len() - marked.len();
        // A word in front makes the count part of a name; a sign of its own makes the next one another amount.
        let named = self.lower[..self.from].trim_end().ends_with(char::is_alphabetic);
        named && (dashed || cents) && currency::at_start(marked, &self.lower[at..]).is_none()
    }

    /// `149` and `99` of a text that is nothing but `149 99 Lei`, as one number.
    pub(super) fn joined_by_blank(&self, cents: &Seen<'_>, text: &str) -> Option<String> {
        let (whole, part) = (self.number.spaced_integer()?, cents.number.integer()?);
        let alone = self.number.start == 0 && text[cents.to..].trim_matches(['*', ' ']).is_empty();
        let blank = &text[self.number.end..cents.number.start] == " ";
        let marked = self.mark.is_none() && matches!(cents.mark, Some(Mark::One(_) | Mark::Shared { .. }));
        (alone && blank && marked && cents.to > cents.number.end && part.len() == 2 && whole.len() <= 6)
            .then(|| format!("{whole}.{part}"))
    }

    pub(super) fn reading(
        &self,
        context: &Context<'_>,
        hinted: Option<&Mark>,
        later: &[Seen<'_>],
    ) -> Result<(Reading, usize), Refusal> {
        let (per, kind_of_unit) = self.unit();
        let mark = self.mark.clone().or_else(|| hinted.cloned());
        let currency = match &mark {
            Some(mark) => mark.resolve(context.currency, context.locale),
            None => context.currency,
        };
        let exponent = currency.map(crate::money::exponent).or_else(|| mark.as_ref().and_then(shared_exponent));
        let decimal_mark = context.decimal_mark.or_else(|| context.locale.and_then(|l| l.decimal_mark()));
        let exponent = if currency.is_some_and(is_whole_in_trade) { Some(0) } else { exponent };
        let hints = Hints { exponent, decimal_mark, fine: kind_of_unit == Some(PriceKind::Unit) };
        let mut amount = match self.number.resolve(hints) {
            number::Reading::Exactly(amount) => amount,
            number::Reading::Either(a, b) => return Err(Refusal::Ambiguous(a, b)),
            number::Reading::Malformed => return Err(Refusal::Malformed),
        };
        let mut used = 0;
        let zeros = if self.is_kwacha(currency) { 0 } else { self.multiplier() };
        if zeros > 0 {
            amount =
                amount.checked_mul(Decimal::from(10_i64.pow(zeros.min(15)))).ok_or(Refusal::Malformed)?.normalize();
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
        let (cue_kind, role) = self.cues(later);
        // `(1,89 € / 1 Stück)`: beside the price of a pack, what one of it costs.
        let aside = per.is_some() && self.opens_bracket();
        let kind = if self.instalments() {
            PriceKind::Instalment
        } else if let Some(kind) = kind_of_unit.or(aside.then_some(PriceKind::Unit)) {
            kind
        } else if high.is_some() {
            PriceKind::Range
        } else {
            cue_kind
        };
        let tax = self.tax();
        Ok((
            Reading {
                amount,
                high,
                mark,
                currency,
                kind,
                tax,
                per,
                role,
                proven_mark: self.number.proven_mark(),
                worded: self.is_worded(later),
                doubted: self.doubted,
                rivalled: false,
            },
            used,
        ))
    }

    fn opens_bracket(&self) -> bool {
        self.text[..self.from].trim_end().ends_with('(')
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
        let joined = matches!(
            between,
            "" | "and"
                | "et"
                | "en"
                | "og"
                | "och"
                | "i"
                | "si"
                | "și"
                | "e"
                | "y"
                | "con"
                | "com"
                | "und"
                | "и"
                | "da"
                | "და"
                | "と"
                | "agus"
                | "và"
                | "و"
                | "ו"
        ) || (between.starts_with('和') && between.len() == 3);
        let mark_between = self.to > self.number.end && self.to <= next.number.start;
        // `$20 43`: a sign in front, then a bare pair; only when nothing else follows.
        let bare_pair = self.to == self.number.end && between.is_empty();
        let bare = next.mark.is_none() && digits.len() == 2 || sub || (mark_between && digits.len() == 2);
        let behind = &self.lower[next.number.end..];
        // `34€90 TTC`: what touches the sign is its cents whatever follows.
        let touches = mark_between && self.to == next.number.start && !behind.trim_start().starts_with('%');
        let ends = sub || touches || behind.trim_matches([' ', '.', '*', ',', '-']).is_empty();
        if !(joined && bare && ends && (mark_between || bare_pair)) {
            return None;
        }
        let scale = 2;
        let value: i64 = digits.parse().ok()?;
        Some(Decimal::new(if digits.len() == 1 && !sub { value * 10 } else { value }, scale))
    }

    fn multiplier(&self) -> u32 {
        let after_number = self.lower[self.number.end..].trim_start();
        // `$1.2M`: a capital glued to the number counts millions, a small one measures metres.
        let mut glued = self.text[self.number.end..].chars();
        let (letter, next) = (glued.next(), glued.next());
        if self.mark.is_some() && next.is_none_or(|c| !c.is_alphanumeric()) && matches!(letter, Some('M' | 'B')) {
            return if letter == Some('M') { 6 } else { 9 };
        }
        let after_mark = self.lower[self.to.max(self.number.end)..].trim_start();
        let zeros = words::zeros(after_number);
        if zeros > 0 { zeros } else { words::zeros(after_mark) }
    }

    /// `389 K` where people pay in kwacha or kyat.
    fn is_kwacha(&self, currency: Option<crate::money::Currency>) -> bool {
        let behind = self.lower.get(self.number.end..self.to).unwrap_or("").trim();
        behind == "k" && currency.is_some_and(|c| matches!(c.code(), "ZMW" | "PGK" | "MMK"))
    }

    /// The unit behind `/`, `per`, `pro` and what it makes of the amount.
    fn unit(&self) -> (Option<String>, Option<PriceKind>) {
        let rest = self.lower[self.to.max(self.number.end)..].trim_start_matches([' ', '*', ')']);
        if !rest.starts_with(UNIT_LEADS) {
            let unit = self.unit_ahead();
            return (unit.map(str::to_owned), unit.map(|_| PriceKind::Unit));
        }
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
        } else if self.opens_bracket() && first.chars().count() > 2 && first.chars().all(char::is_alphabetic) {
            // `(32,90 € / Kanister)`: in a bracket beside a price, whatever it is a price of.
            (Some(first.to_owned()), Some(PriceKind::Unit))
        } else {
            (None, None)
        }
    }

    /// The measure in front of an amount: `per kg €16,45`, `pr. liter: 12,90`.
    fn unit_ahead(&self) -> Option<&'a str> {
        const LEADS: [&str; 8] = ["per", "pr", "je", "pro", "za", "por", "par", "pour"];
        let before = self.lower[..self.from].trim_end_matches([' ', ':', '(']);
        let (ahead, unit) = before.rsplit_once([' ', '/'])?;
        let ahead = ahead.trim_end_matches([' ', '1', '.']);
        let lead = ahead.rsplit(' ').next().unwrap_or("");
        (LEADS.contains(&lead) && words::MEASURES.contains(&unit.trim_end_matches('.'))).then_some(unit)
    }

    /// `36 x 99 kr`, `12 × 9,99`: one of several payments.
    pub(super) fn instalments(&self) -> bool {
        let before = self.lower[..self.from].trim_end();
        let before = before.strip_suffix(" de").unwrap_or(before);
        let before = before.strip_suffix(['x', '×', '*', 'х']).map(str::trim_end);
        before.is_some_and(|b| b.ends_with(|c: char| c.is_ascii_digit()))
    }

    fn range_end(&self, later: &[Seen<'_>], hints: Hints) -> Option<Decimal> {
        let next = later.first()?;
        // `24,90 € -30 %`: what is taken off.
        if self.lower[next.number.end..].trim_start().starts_with('%') {
            return None;
        }
        let dash = self.leads_to(next);
        let number::Reading::Exactly(high) = next.number.resolve(hints) else { return None };
        let low = self.number.resolve(hints);
        (dash && matches!(low, number::Reading::Exactly(low) if low < high)).then_some(high)
    }

    /// Whether a dash or a word joins the number to the next one: `100-200`, `zwischen 20 und 30`.
    pub(super) fn leads_to(&self, next: &Seen<'_>) -> bool {
        let start = self.to.max(self.number.end);
        let Some(between) = self.lower.get(start..next.from.max(start)) else { return false };
        let between = between.trim();
        let and = matches!(between, "and" | "und" | "et" | "y" | "e" | "en" | "og" | "och" | "a" | "i" | "и");
        let opens = || words::opens_range(self.lower[..self.from].trim_end());
        matches!(
            between,
            "-" | "–" | "to" | "til" | "till" | "bis" | "do" | "à" | "a" | "до" | "~" | "tot" | "hasta" | "..."
        ) || (next.negative && between.is_empty())
            || (and && opens())
    }
}

/// Litter between an amount and the words in front of it.
pub(super) const BEFORE_AMOUNT: [char; 6] = [' ', ':', '(', '*', '-', '–'];
/// Litter between an amount and the words behind it.
pub(super) const BEHIND_AMOUNT: [char; 6] = [' ', ')', '*', ',', '-', '–'];
/// What `/`, `per`, `pro` and their like begin with.
const UNIT_LEADS: [char; 6] = ['/', 'p', 'j', 'з', 'a', 'n'];

/// Whether words end in a plus that adds the amount behind it: the one of `A++` and `128 GB+` belongs to its word.
fn adds(words: &str) -> bool {
    words.strip_suffix('+').is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '+'))
}

/// Whether words in lower case right before or right behind an amount can change how it is read.
pub(super) fn qualifies(words: &str, stands_before: bool) -> bool {
    if stands_before {
        let near = words.trim_end_matches(BEFORE_AMOUNT);
        adds(words) || !words::cues(near, "").is_empty() || tax::tax("", near) != (false, false)
    } else {
        let near = words.trim_start_matches(BEHIND_AMOUNT);
        near.starts_with(UNIT_LEADS) || near.starts_with('+') || tax::tax(words, "") != (false, false)
    }
}

/// Whether trade has no coins of a currency that ISO 4217 gives two decimals: three digits behind a mark are a group.
/// CLDR prints these amounts without decimals, in all of trade or in cash.
fn is_whole_in_trade(currency: crate::money::Currency) -> bool {
    use crate::money::Currency::{
        AFN, ALL, AMD, COP, HUF, IDR, IRR, KHR, LAK, LBP, MGA, MMK, MNT, RSD, SOS, SYP, TZS, UZS, YER,
    };
    matches!(
        currency,
        AFN | ALL | AMD | COP | HUF | IDR | IRR | KHR | LAK | LBP | MGA | MMK | MNT | RSD | SYP | TZS | UZS | YER | SOS
    )
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
