//! Competitors that answer our prices after a delay, so that a race to the bottom shows before it happens.
//!
//! A model, not a forecast: a rival that we undercut goes below us by a fixed step until its own floor, and returns to
//! its recorded price when we do.

use crate::clock::Millis;
use crate::decide::facts::Facts;
use crate::decide::fx::FxTable;
use crate::decide::rounding::DISPLAY;
use crate::money::{Decimal, Money};

/// How rivals answer.
#[derive(Debug, Clone)]
pub struct Follow {
    pub delay_ms: i64,
    /// How far a rival goes below us, in percent of our price.
    pub undercut_pct: Decimal,
    /// How far a rival goes below its own recorded price at most, in percent.
    pub deepest_pct: Decimal,
}

impl Default for Follow {
    fn default() -> Self {
        Self { delay_ms: 4 * Millis::HOUR, undercut_pct: Decimal::ONE, deepest_pct: Decimal::from(30) }
    }
}

impl Follow {
    /// Decisions are simulated this often, so that an answer can be answered.
    #[must_use]
    pub const fn tick_ms(&self) -> i64 {
        self.delay_ms
    }
}

/// The rivals of one product during a simulation.
#[derive(Debug)]
pub struct Rivals {
    follow: Option<Follow>,
    /// Our prices that rivals have not answered yet, oldest first.
    pending: Vec<(Millis, Money)>,
    /// Our price as rivals know it.
    known: Option<Money>,
}

impl Rivals {
    #[must_use]
    pub const fn new(follow: Option<Follow>) -> Self {
        Self { follow, pending: Vec::new(), known: None }
    }

    /// Remembers a price of ours that rivals will answer after their delay.
    pub fn notice(&mut self, price: Money, at: Millis) {
        if let Some(follow) = &self.follow {
            self.pending.push((at.plus(follow.delay_ms), price));
        }
    }

    /// Puts the rivals' answers in place of their recorded prices.
    pub fn enter(&mut self, facts: &mut Facts, now: Millis) {
        let Some(follow) = self.follow.clone() else { return };
        while self.pending.first().is_some_and(|(due, _)| *due <= now) {
            self.known = Some(self.pending.remove(0).1);
        }
        let (known, fx) = (self.known, facts.fx.as_ref());
        for offer in &mut facts.offers {
            offer.observed_at = offer.observed_at.max(now);
            let answer = known.and_then(|ours| answer(ours, offer.price, &follow, fx));
            offer.price = answer.unwrap_or(offer.price);
        }
    }
}

/// A rival's answer to our price, in its own currency; none if we are not below what it was recorded to ask, or without a
/// rate to compare the two.
fn answer(ours: Money, recorded: Money, follow: &Follow, fx: Option<&FxTable>) -> Option<Money> {
    let own = recorded.currency();
    let ours = if ours.currency() == own {
        ours
    } else {
        let seen = fx?.convert(ours.amount(), ours.currency(), own).ok()?;
        Money::rounded(seen, own, DISPLAY).ok()?
    };
    if ours.minor() >= recorded.minor() {
        return None;
    }
    let less = |price: Money, percent: Decimal| {
        let left = Decimal::ONE_HUNDRED.checked_sub(percent)?;
        let minor = Decimal::from(price.minor()).checked_mul(left)?.checked_div(Decimal::ONE_HUNDRED)?;
        i64::try_from(minor.floor()).ok()
    };
    let minor = less(ours, follow.undercut_pct)?.max(less(recorded, follow.deepest_pct)?).max(1);
    Some(Money::from_minor(minor.min(recorded.minor()), recorded.currency()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::fx::Freshness;
    use crate::decide::text::Quoted;
    use crate::money::Currency;

    #[test]
    fn a_rival_answers_down_to_its_own_floor_and_returns() {
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let follow = Follow::default();
        assert_eq!(answer(dkk(47_000), dkk(48_000), &follow, None), Some(dkk(46_530)));
        assert_eq!(answer(dkk(20_000), dkk(48_000), &follow, None), Some(dkk(33_600)));
        assert_eq!(answer(dkk(48_000), dkk(48_000), &follow, None), None);
    }

    #[test]
    fn a_rival_in_another_currency_answers_in_its_own() {
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let eur = |minor| Money::from_minor(minor, Currency::EUR);
        let rates = [("DKK".to_owned(), Quoted(Decimal::new(75, 1)))];
        let fx = FxTable {
            date: jiff::civil::date(2026, 11, 20),
            rates: rates.into(),
            freshness: Freshness::Fresh,
            buffer_pct: Decimal::ZERO,
        };
        let follow = Follow::default();
        // 450.00 DKK are 60.00 EUR, and one percent below that is 59.40.
        assert_eq!(answer(dkk(45_000), eur(6_200), &follow, Some(&fx)), Some(eur(5_940)));
        assert_eq!(answer(dkk(45_000), eur(6_000), &follow, Some(&fx)), None);
        assert_eq!(answer(dkk(45_000), eur(6_200), &follow, None), None, "without a rate nobody knows who is cheaper");
    }
}
