//! The figures that pricing managers read: indices, rank, gap, headroom, shares, elasticity, freshness.
//!
//! Pure functions of prices on one basis, used by mails and dashboard alike, so that the two can never disagree. A
//! figure without data is none, never zero; who shows it also shows how many products had none.

use crate::decide::quotient::Quotient;
use crate::money::Decimal;
use crate::observe::zscore::median;

/// The basket's geometric mean is found by halving an interval this often: far below a hundredth of a percent.
const HALVINGS: u32 = 60;
/// Products outside `10^±9` are brought back into the number range with their power counted.
const POWER: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

pub use crate::decide::rounding::two_decimals as shown;

fn percent_of(part: Decimal, whole: Decimal) -> Option<Decimal> {
    part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)
}

fn sum(values: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    values.into_iter().try_fold(Decimal::ZERO, |sum, value| sum.checked_add(value))
}

fn mean(values: &[Decimal]) -> Option<Decimal> {
    sum(values.iter().copied())?.checked_div(Decimal::from(values.len()))
}

/// Our place on the market of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Cheapest,
    /// As cheap as the cheapest offer.
    Shared,
    BelowAverage,
    AboveAverage,
    /// Dearer than every offer.
    MostExpensive,
    NoData,
}

/// Classifies a price against eligible offers on the same basis.
#[must_use]
pub fn position(ours: Decimal, offers: &[Decimal]) -> Position {
    let (Some(low), Some(high), Some(average)) = (offers.iter().min(), offers.iter().max(), mean(offers)) else {
        return Position::NoData;
    };
    if ours < *low {
        Position::Cheapest
    } else if ours == *low {
        Position::Shared
    } else if ours > *high {
        Position::MostExpensive
    } else if ours < average {
        Position::BelowAverage
    } else {
        Position::AboveAverage
    }
}

/// The figures of one product. Indices are percent: 100 is the market, less is cheaper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductIndex {
    pub index_mean: Decimal,
    pub index_median: Decimal,
    pub index_min: Decimal,
    /// One more than the number of cheaper offers.
    pub rank: usize,
    /// Offers with exactly our price.
    pub ties: usize,
    /// Offers and ourselves.
    pub of: usize,
    /// Our price minus the lowest offer; negative if we are cheaper.
    pub gap_to_lowest: Decimal,
    pub gap_to_lowest_pct: Decimal,
    /// How far we could rise before reaching the next dearer offer; none if there is none.
    pub headroom: Option<Decimal>,
}

/// Computes the figures of one product; offers that are not positive are no offers, and without any there is none.
#[must_use]
pub fn product_index(ours: Decimal, offers: &[Decimal]) -> Option<ProductIndex> {
    let mut sorted: Vec<Decimal> = offers.iter().copied().filter(|offer| *offer > Decimal::ZERO).collect();
    sorted.sort_unstable();
    let lowest = *sorted.first()?;
    let gap = ours.checked_sub(lowest)?;
    let next = sorted.iter().find(|offer| **offer > ours);
    Some(ProductIndex {
        // Divided once: a mean cut at its 28th digit turns an exact half into a little less.
        index_mean: percent_of(ours.checked_mul(Decimal::from(sorted.len()))?, sum(sorted.iter().copied())?)?,
        index_median: percent_of(ours, median(&sorted)?)?,
        index_min: percent_of(ours, lowest)?,
        rank: 1 + sorted.iter().filter(|offer| **offer < ours).count(),
        ties: sorted.iter().filter(|offer| **offer == ours).count(),
        of: sorted.len() + 1,
        gap_to_lowest: gap,
        gap_to_lowest_pct: percent_of(gap, lowest)?,
        headroom: next.and_then(|next| next.checked_sub(ours)),
    })
}

/// One product of a basket: our price, the market's value and the units sold.
#[derive(Debug, Clone, Copy)]
pub struct BasketItem {
    pub ours: Decimal,
    pub market: Decimal,
    pub weight: Decimal,
}

/// Three ways to sum up a basket; they differ, so whoever shows one says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasketIndex {
    /// `100 * sum(weight * ours) / sum(weight * market)`.
    pub basket: Decimal,
    /// The plain mean of the products' indices.
    pub mean_of_indices: Decimal,
    /// The geometric mean of the products' indices.
    pub geometric: Decimal,
    /// Products left out because one of the two prices is not known.
    pub no_data: usize,
}

/// Computes a basket's indices over the products that have both prices; none if there is no such product, or for a weight
/// that is negative.
#[must_use]
pub fn basket_index(items: &[BasketItem]) -> Option<BasketIndex> {
    if items.iter().any(|item| item.weight < Decimal::ZERO) {
        return None;
    }
    let (all, priced) = (items.len(), |item: &&BasketItem| item.ours > Decimal::ZERO && item.market > Decimal::ZERO);
    let items: Vec<&BasketItem> = items.iter().filter(priced).collect();
    if items.is_empty() {
        return None;
    }
    let weighted = |price: fn(&BasketItem) -> Decimal| {
        items.iter().try_fold(Decimal::ZERO, |sum, item| sum.checked_add(price(item).checked_mul(item.weight)?))
    };
    let indices: Option<Vec<Decimal>> = items.iter().map(|item| percent_of(item.ours, item.market)).collect();
    let indices = indices?;
    Some(BasketIndex {
        basket: percent_of(weighted(|item| item.ours)?, weighted(|item| item.market)?)?,
        mean_of_indices: mean_of_ratios(&items).or_else(|| mean(&indices))?,
        geometric: geometric_mean(&indices)?,
        no_data: all - items.len(),
    })
}

/// The mean of the products' indices, divided once; none where so many ratios have no common divisor within the number
/// range.
fn mean_of_ratios(items: &[&BasketItem]) -> Option<Decimal> {
    let mut sum = Quotient::whole(Decimal::ZERO);
    for item in items {
        sum = sum.and(Quotient::new(item.ours, item.market)?)?;
    }
    sum.times(Decimal::ONE_HUNDRED, Decimal::from(items.len()))?.value()
}

/// The geometric mean of positive values: the number by which all can be divided so that their product is one.
fn geometric_mean(values: &[Decimal]) -> Option<Decimal> {
    let (mut low, mut high) = (*values.iter().min()?, *values.iter().max()?);
    for _ in 0..HALVINGS {
        let middle = low.checked_add(high)?.checked_div(Decimal::TWO)?;
        if product_exceeds_one(values, middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// Whether the product of `value / divisor` is above one. The product itself may be far outside any number range.
fn product_exceeds_one(values: &[Decimal], divisor: Decimal) -> Option<bool> {
    let (mut product, mut powers) = (Decimal::ONE, 0_i64);
    for value in values {
        product = product.checked_mul(value.checked_div(divisor)?)?;
        if product >= POWER {
            product = product.checked_div(POWER)?;
            powers += 1;
        } else if product < Decimal::ONE.checked_div(POWER)? {
            product = product.checked_mul(POWER)?;
            powers -= 1;
        }
    }
    // Without counted powers the product is its own answer; with them it lies within one power of one.
    while powers > 0 && product < Decimal::ONE {
        product = product.checked_mul(POWER)?;
        powers -= 1;
    }
    while powers < 0 && product > Decimal::ONE {
        product = product.checked_div(POWER)?;
        powers += 1;
    }
    Some(if powers == 0 { product > Decimal::ONE } else { powers > 0 })
}

/// How many products are at which position. Products without data are counted apart and in no share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shares {
    pub cheapest: usize,
    pub shared: usize,
    pub below_average: usize,
    pub above_average: usize,
    pub most_expensive: usize,
    pub no_data: usize,
}

impl Shares {
    pub fn count(&mut self, position: Position) {
        let counter = match position {
            Position::Cheapest => &mut self.cheapest,
            Position::Shared => &mut self.shared,
            Position::BelowAverage => &mut self.below_average,
            Position::AboveAverage => &mut self.above_average,
            Position::MostExpensive => &mut self.most_expensive,
            Position::NoData => &mut self.no_data,
        };
        *counter += 1;
    }

    #[must_use]
    pub const fn with_data(&self) -> usize {
        self.cheapest + self.shared + self.below_average + self.above_average + self.most_expensive
    }

    /// Cheapest or shared cheapest, in percent of the products with data.
    #[must_use]
    pub fn cheapest_pct(&self) -> Option<Decimal> {
        percent_of(Decimal::from(self.cheapest + self.shared), Decimal::from(self.with_data()))
    }

    /// Products with data in percent of all: shown beside every share.
    #[must_use]
    pub fn coverage_pct(&self) -> Option<Decimal> {
        percent_of(Decimal::from(self.with_data()), Decimal::from(self.with_data() + self.no_data))
    }
}

/// Arc elasticity: the change of units per change of price, each against its middle. None if a middle is zero or the
/// price did not change.
#[must_use]
pub fn arc_elasticity(q0: Decimal, q1: Decimal, p0: Decimal, p1: Decimal) -> Option<Decimal> {
    // Both middles are halves of sums; the halves cancel out.
    let units = q1.checked_sub(q0)?.checked_mul(p0.checked_add(p1)?)?;
    let price = p1.checked_sub(p0)?.checked_mul(q0.checked_add(q1)?)?;
    units.checked_div(price)
}

/// What a day's sales lose if a price must come down to the one that a position needs; nothing if it need not.
#[must_use]
pub fn margin_at_risk(ours: Decimal, needed: Decimal, units_per_day: Decimal) -> Option<Decimal> {
    ours.checked_sub(needed)?.max(Decimal::ZERO).checked_mul(units_per_day)
}

/// Offers below a recommended or minimum advertised price.
#[must_use]
pub fn below(offers: &[Decimal], limit: Decimal) -> usize {
    offers.iter().filter(|offer| **offer < limit).count()
}

/// How old the newest accepted observations are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshnessFigures {
    pub median: Decimal,
    /// The 95th percentile by nearest rank.
    pub p95: Decimal,
    pub within_limit_pct: Decimal,
}

/// Sums up ages against a limit in the same unit; none without ages.
#[must_use]
pub fn freshness(ages: &[Decimal], limit: Decimal) -> Option<FreshnessFigures> {
    let mut sorted = ages.to_vec();
    sorted.sort_unstable();
    let within = sorted.iter().filter(|age| **age <= limit).count();
    Some(FreshnessFigures {
        median: median(&sorted)?,
        p95: nearest_rank(&sorted, 95)?,
        within_limit_pct: percent_of(Decimal::from(within), Decimal::from(sorted.len()))?,
    })
}

/// The smallest of the sorted values that is not below `percent` of them.
#[must_use]
pub fn nearest_rank(sorted: &[Decimal], percent: usize) -> Option<Decimal> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;

    #[test]
    fn the_geometric_mean_of_a_large_basket_stays_in_range() {
        let item = |ours: &str| BasketItem {
            ours: decimal(ours).unwrap(),
            market: Decimal::ONE_HUNDRED,
            weight: Decimal::ONE,
        };
        let mut items = vec![item("50"); 2_000];
        items.extend(vec![item("200"); 2_000]);
        assert_eq!(shown(basket_index(&items).unwrap().geometric), decimal("100.00").unwrap());
        items.extend(vec![item("800"); 1]);
        let geometric = basket_index(&items).unwrap().geometric;
        assert!(geometric > Decimal::ONE_HUNDRED && geometric < decimal("100.06").unwrap(), "{geometric}");
    }

    #[test]
    fn a_half_of_a_hundredth_is_still_one_after_a_division_by_three() {
        let decimals = |texts: &[&str]| texts.iter().map(|text| decimal(text).unwrap()).collect::<Vec<_>>();
        let index = product_index(decimal("71.40").unwrap(), &decimals(&["12.00", "10.00", "10.00"])).unwrap();
        assert_eq!(shown(index.index_mean), decimal("669.38").unwrap(), "669.375 exactly");
        let item = |ours: &str, market: &str| BasketItem {
            ours: decimal(ours).unwrap(),
            market: decimal(market).unwrap(),
            weight: Decimal::ONE,
        };
        let items = [item("10.00", "12.00"), item("140.44", "8.00"), item("8.00", "15.00"), item("10.00", "3.00")];
        assert_eq!(shown(basket_index(&items).unwrap().mean_of_indices), decimal("556.38").unwrap(), "556.375 exactly");
    }

    #[test]
    fn no_data_is_not_zero() {
        assert_eq!(position(Decimal::ONE, &[]), Position::NoData);
        assert!(product_index(Decimal::ONE, &[]).is_none() && freshness(&[], Decimal::ONE).is_none());
        assert!(basket_index(&[]).is_none() && Shares::default().cheapest_pct().is_none());
        assert!(arc_elasticity(Decimal::ONE, Decimal::TWO, Decimal::ONE, Decimal::ONE).is_none());
    }

    #[test]
    fn at_risk_is_what_has_to_be_given_up_and_never_less_than_nothing() {
        let of = |ours: &str, needed: &str, units: &str| {
            let [ours, needed, units] = [ours, needed, units].map(|text| decimal(text).unwrap());
            margin_at_risk(ours, needed, units).unwrap()
        };
        assert_eq!(of("499.00", "479.00", "2.5"), decimal("50").unwrap());
        assert_eq!(of("459.00", "479.00", "2.5"), Decimal::ZERO, "already there");
        assert_eq!(below(&[Decimal::ONE, Decimal::TWO, Decimal::TEN], Decimal::TWO), 1, "equal is not below");
    }
}
