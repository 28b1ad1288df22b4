//! An exact quotient of two decimals, divided only where a value leaves the arithmetic.
//!
//! A third of a krona has no decimal form. Dividing early and rounding later can turn an exact half into a little more
//! than a half; keeping numerator and divisor apart until the end cannot.

use std::cmp::Ordering;

use crate::money::Decimal;

/// `over / under` with a positive divisor.
#[derive(Debug, Clone, Copy)]
pub struct Quotient {
    over: Decimal,
    under: Decimal,
}

impl Quotient {
    /// None unless the divisor is positive.
    #[must_use]
    pub fn new(over: Decimal, under: Decimal) -> Option<Self> {
        (under > Decimal::ZERO).then_some(Self { over, under })
    }

    #[must_use]
    pub const fn whole(value: Decimal) -> Self {
        Self { over: value, under: Decimal::ONE }
    }

    /// `self * (100 + percent) / 100 + amount`; none on overflow.
    #[must_use]
    pub fn adjusted(self, percent: Decimal, amount: Decimal) -> Option<Self> {
        if percent.is_zero() {
            return self.plus(amount);
        }
        let factor = Decimal::ONE_HUNDRED.checked_add(percent)?;
        let scaled =
            Self { over: self.over.checked_mul(factor)?, under: self.under.checked_mul(Decimal::ONE_HUNDRED)? };
        scaled.plus(amount)
    }

    /// `self * over / under`; none on overflow or a divisor that is not positive.
    #[must_use]
    pub fn times(self, over: Decimal, under: Decimal) -> Option<Self> {
        Self::new(self.over.checked_mul(over)?, self.under.checked_mul(under)?)
    }

    /// `self + amount`; none on overflow.
    #[must_use]
    pub fn plus(self, amount: Decimal) -> Option<Self> {
        if amount.is_zero() {
            return Some(self);
        }
        let over = self.over.checked_add(amount.checked_mul(self.under)?)?;
        Some(Self { over, ..self })
    }

    /// `self + other`; none on overflow.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let over = self.over.checked_mul(other.under)?.checked_add(other.over.checked_mul(self.under)?)?;
        Self::new(over, self.under.checked_mul(other.under)?)
    }

    /// The value with 28 digits; none on overflow.
    #[must_use]
    pub fn value(self) -> Option<Decimal> {
        if self.under == Decimal::ONE { Some(self.over) } else { self.over.checked_div(self.under) }
    }

    /// Exact comparison; none on overflow.
    #[must_use]
    pub fn compare(self, other: Self) -> Option<Ordering> {
        let left = self.over.checked_mul(other.under)?;
        let right = other.over.checked_mul(self.under)?;
        Some(left.cmp(&right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;

    #[test]
    fn an_exact_half_survives_a_division_by_three() {
        let third = Quotient::new(decimal("0.50").unwrap(), Decimal::from(3)).unwrap();
        let adjusted = third.adjusted(decimal("-1").unwrap(), Decimal::ZERO).unwrap();
        assert_eq!(adjusted.value().unwrap(), decimal("0.165").unwrap());
    }

    #[test]
    fn no_divisor_that_is_not_positive() {
        assert!(Quotient::new(Decimal::ONE, Decimal::ZERO).is_none());
        assert!(Quotient::new(Decimal::ONE, Decimal::NEGATIVE_ONE).is_none());
    }

    #[test]
    fn overflow_is_an_answer() {
        let huge = Quotient::whole(Decimal::MAX);
        assert!(huge.adjusted(Decimal::ONE, Decimal::ZERO).is_none());
        assert!(huge.plus(Decimal::MAX).is_none());
    }
}
