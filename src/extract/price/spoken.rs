//! What the words around a number make of it: its role, whether they are those of prices, the tax they name.

use super::seen::{BEFORE_AMOUNT, BEHIND_AMOUNT, Seen};
use super::words::{self, Cue};
use super::{PriceKind, Role, TaxView, condition, tax};

/// Whether the words before an amount say what is saved, a percentage between: `Sie sparen 20% / 10,00 EUR`.
fn saves_percent(before: &str) -> bool {
    let share = before.trim_end_matches([' ', '/', '|', '(', '-', '–', '=']).strip_suffix('%');
    let words = share.map(|rest| rest.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ')));
    words.is_some_and(|words| words::cues(words.trim_end_matches(BEFORE_AMOUNT), "").contains(&Cue::Saving))
}

impl Seen<'_> {
    pub(super) fn cues(&self, later: &[Seen<'_>]) -> (PriceKind, Role) {
        let before = self.lower[..self.from].trim_end_matches(BEFORE_AMOUNT);
        let after = self.lower[self.to.max(self.number.end)..].trim_start_matches(BEHIND_AMOUNT);
        let mut kind = PriceKind::Exact;
        let mut role = if self.plus { Role::Surcharge } else { Role::Price };
        // `De: R$ 459`: without its colon the word joins everything to everything.
        if self.lower[..self.from]
            .trim_end()
            .strip_suffix("de:")
            .is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
        {
            role = Role::List;
        }
        // `AB` ends the name of a company where `ab` begins a price.
        let company = self.text[..self.from].trim_end_matches(BEFORE_AMOUNT).ends_with("AB");
        // `49,90 € zzgl. 4,90 € Versand`: what leads to the next amount speaks of that one.
        let spoken = if self.leads_on(later) { "" } else { after };
        for cue in words::cues(before, spoken) {
            match cue {
                Cue::From if company => {}
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
        if role == Role::Price && saves_percent(before) {
            role = Role::Saving;
        }
        let alone = !later.iter().any(|next| next.mark.is_some());
        if role == Role::Price && (words::of_last_month(before) || alone && words::is_of_last_month(after)) {
            role = Role::List;
        }
        if role == Role::Price && (condition::holds(before, after) || condition::is_told_behind(after)) {
            role = Role::Conditional;
        }
        if role == Role::Price && condition::is_used(before) {
            role = Role::Used;
        }
        if role == Role::Price && condition::ships_free(self.lower) && !self.is_praised(before, after) {
            role = Role::Threshold;
        }
        if self.is_least(after) || self.lower[self.to.max(self.number.end)..].trim_start().starts_with("and up") {
            kind = PriceKind::From;
        }
        (kind, role)
    }

    /// Whether free shipping is told behind a price: `£12.99 & free delivery`. Words in front of an amount, and such as join
    /// it to what is free, `€50 for free shipping`, make it what an order must reach.
    fn is_praised(&self, before: &str, after: &str) -> bool {
        let glued = self.lower[self.to.max(self.number.end)..].starts_with('+');
        // Scripts without blanks between words join all of them into one.
        let spaced = |c: char| u32::from(c) < 0x0e00;
        !glued
            && (before.chars().all(spaced) && words::are_of_price(before) || words::names_price(before))
            && !words::speaks_of_shipping(before)
            && !condition::ships_free(before)
            && condition::begins_with_shipping(after)
    }

    /// Whether a plus says that the amount is the least of several: `99+`, and not `99 + VAT`.
    fn is_least(&self, after: &str) -> bool {
        let Some(rest) = after.strip_prefix('+') else { return false };
        let glued =
            self.lower[self.to.max(self.number.end)..].starts_with('+') && !rest.starts_with(char::is_alphabetic);
        glued || !rest.trim_start().starts_with(char::is_alphabetic)
    }

    /// Whether the words behind the amount lead to the next one, which has its money or is a percentage.
    fn leads_on(&self, later: &[Seen<'_>]) -> bool {
        const LONGEST: usize = 30;
        let Some(next) = later.first() else { return false };
        let start = self.to.max(self.number.end);
        let Some(between) = self.lower.get(start..next.from) else { return false };
        // The amount behind a measure's slash has its label already.
        let measured = self.lower[next.to.max(next.number.end)..].trim_start().starts_with('/');
        let percent = || self.lower[next.number.end..].trim_start().starts_with('%');
        let between = between.trim_matches(|c: char| !c.is_alphanumeric());
        !between.is_empty()
            && !measured
            && between.len() <= LONGEST
            && (next.mark.is_some() || percent())
            && !words::cues(between, "").is_empty()
    }

    /// Whether other words than those of prices stand between the amount and the numbers beside it.
    pub(super) fn is_worded(&self, later: &[Seen<'_>]) -> bool {
        let digit = |c: char| c.is_ascii_digit();
        let before = &self.lower[..self.from];
        let before = &before[before.rfind(digit).map_or(0, |at| at + 1)..];
        let after = &self.lower[self.to.max(self.number.end)..];
        let after = &after[..after.find(digit).unwrap_or(after.len())];
        let after = if later.first().is_some_and(|next| next.mark.is_some()) { "" } else { after };
        !(words::are_of_price(before) && words::are_of_price(after))
    }

    pub(super) fn tax(&self) -> TaxView {
        let after = tax::without_rates(&self.lower[self.to.max(self.number.end)..]);
        let until = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let near = &after[..until];
        let before = self.lower[..self.from].trim_end_matches([' ', ':']);
        if near.len() < 3 && before.len() < 3 {
            return TaxView::Unknown;
        }
        let (net, gross) = match (tax::tax(near, ""), tax::tax("", before)) {
            // `£4.00 ex VAT £4.80 inc VAT`: labels stand all before their amounts or all behind them.
            (behind, ahead) if behind != (false, false) && ahead != (false, false) => {
                let first = self.lower.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
                let labels_first = tax::tax("", self.lower[..first].trim_end_matches([' ', ':'])) != (false, false);
                if labels_first { ahead } else { behind }
            }
            (behind, ahead) => (behind.0 || ahead.0, behind.1 || ahead.1),
        };
        match (net, gross) {
            (true, _) => TaxView::Net,
            (false, true) => TaxView::Gross,
            _ => TaxView::Unknown,
        }
    }
}
