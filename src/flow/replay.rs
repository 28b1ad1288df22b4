//! Recorded history as facts over time: what the engine would have been asked, at every moment something moved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::facts;
use super::facts::OUT_OF_STOCK;
use super::replay_set::{self, Set};
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::Facts;
use crate::decide::facts::OfferFact;
use crate::decide::fx::{self, FxTable};
use crate::decide::moments::{Moment, Sighting};
use crate::decide::target_days::ClosingDays;
use crate::money::{Money, currency};
use crate::store::catalogue::{self, DecidedOf, RunOf};
use crate::store::products::Product;

/// Pages of one pass answer one after the other; what is seen so soon after the first of them is one moment, as it is for
/// the daemon, which decides after a pass.
const ONE_MOMENT: i64 = Millis::MINUTE;
/// Moments replayed per product, the newest: a page that flaps must not make a simulation endless.
pub const MAX_MOMENTS: usize = 400;

/// Exchange rates by the time at which they became known, oldest first: what the daemon would have converted with.
#[derive(Debug, Default)]
pub struct Rates(Vec<(Millis, FxTable)>);

impl Rates {
    /// The stored rates that were known at some time of a window.
    ///
    /// # Errors
    /// The store's, or a stored rate that cannot be read.
    pub async fn of(app: &App, (since, end): (Millis, Millis)) -> anyhow::Result<Self> {
        let day = |at: Millis| at.timestamp().to_zoned(TimeZone::UTC).date();
        let mut known: Vec<(Millis, FxTable)> = Vec::new();
        // The rates of the day before are in force until those of the first day are published.
        let first = day(since).yesterday().unwrap_or(Date::MIN);
        for day in first.series(1.day()).take_while(|date| *date <= day(end)) {
            let Some(table) = app.fx_of(day).await? else { continue };
            let Some(at) = fx::published(table.date).map(Millis::from) else { continue };
            if known.last().is_none_or(|(_, last)| last.date != table.date) {
                known.push((at, table));
            }
        }
        Ok(Self(known))
    }

    /// The rates known at an instant; none where there were none yet.
    fn at(&self, at: Millis) -> Option<FxTable> {
        let (_, table) = self.0.iter().rev().find(|(known, _)| *known <= at)?;
        Some(table.clone().seen_at(at.timestamp(), &ClosingDays::target()))
    }
}

/// What of the past is replayed.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub since: Millis,
    pub end: Millis,
    /// Without what people and campaigns had set.
    pub rules_only: bool,
}

/// A product's facts at every moment at which a competitor's accepted price changed, or something that people or
/// campaigns had set began or ended, oldest first; of a product without pages, at the beginning.
#[derive(Debug, Default)]
pub struct Moments {
    pub replayed: Vec<Moment>,
    /// Moments before these that are left out, because there are too many.
    pub left_out: usize,
}

/// What happened to products that follow each other by id, from one instant to another.
///
/// Prices in another currency are converted at the rates of their time, and new rates are a moment of their own; where none
/// were stored yet, today's stand in. Our own price starts where it was at the first and then follows the simulated rules;
/// cost, stock and tags are today's, as older values are not recorded. Locks, prices set by hand and campaigns are in force
/// as they were, unless the rules alone are tried.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub async fn page(
    app: &App,
    loaded: &Loaded,
    rates: &Rates,
    products: &[Product],
    window: &Window,
) -> anyhow::Result<Vec<Moments>> {
    let Window { since, end, rules_only } = *window;
    let (Some(first), Some(last)) = (products.first(), products.last()) else { return Ok(vec![]) };
    let (after, until) = (first.id - 1, last.id);
    let bases = facts::page(app, loaded, products, end).await?;
    let mut runs: BTreeMap<i64, Vec<RunOf>> = BTreeMap::new();
    for run in catalogue::runs(&app.db, after, until, since).await? {
        if run.first_seen <= end.0 {
            runs.entry(run.product_id).or_default().push(run);
        }
    }
    let mut set = if rules_only { BTreeMap::new() } else { replay_set::page(app, products, (since, end)).await? };
    let mut decided: BTreeMap<i64, Vec<DecidedOf>> = BTreeMap::new();
    for row in catalogue::decided(&app.db, after, until, since).await? {
        decided.entry(row.product_id).or_default().push(row);
    }
    let mut all = Vec::with_capacity(products.len());
    for (product, base) in products.iter().zip(bases) {
        let runs: &[RunOf] = runs.get(&product.id).map_or(&[], Vec::as_slice);
        // Without pages nothing but the import tells since when it could have been decided.
        let since = if runs.is_empty() { since.max(Millis(product.created_at)) } else { since };
        let set = set.remove(&product.id).unwrap_or_default();
        let mut moments = moments(base, runs, &set, (since, end), rates);
        // The price in force at the first moment, not today's, is where a simulation starts.
        let begin =
            moments.replayed.first().filter(|_| moments.left_out > 0).map_or(since, |first| Millis::from(first.at));
        let later = decided.get(&product.id).and_then(|rows| rows.iter().find(|row| row.created_at >= begin.0));
        if let Some(row) = later {
            let start = Money::from_minor(row.previous_minor, currency(&product.currency)?);
            moments.replayed.iter_mut().for_each(|moment| moment.facts.product.current = Some(start));
        }
        all.push(moments);
    }
    Ok(all)
}

/// The facts at every change; `runs` has the newest first.
fn moments(mut base: Facts, runs: &[RunOf], set: &Set, (since, end): (Millis, Millis), rates: &Rates) -> Moments {
    let templates = std::mem::take(&mut base.offers);
    let product = &mut base.product;
    (product.last_changed, product.day_start, product.last_reference) = (None, None, None);
    (product.before_set, product.set_by_hand) = (None, false);
    product.changes_today = 0;
    let within = |first: i64| set.edges().filter(move |at| *at > first && *at <= end.0);
    if runs.is_empty() && templates.is_empty() && since < end {
        let at = std::iter::once(since.0).chain(within(since.0)).collect();
        let one = |at: i64| {
            let mut then = base.clone();
            set.put(at, &mut then.product);
            Moment::from((Millis(at).timestamp(), then))
        };
        return Moments { replayed: passes(at).into_iter().map(one).collect(), left_out: 0 };
    }
    let mut at: BTreeSet<i64> = runs.iter().map(|run| run.first_seen.max(since.0)).collect();
    if let Some(first) = at.first().copied() {
        at.extend(within(first));
    }
    let own = base.market.currency.code();
    let foreign = runs.iter().any(|run| run.currency.as_deref().is_some_and(|code| code != own));
    if let Some(first) = at.first().copied().filter(|_| foreign) {
        at.extend(rates.0.iter().map(|(known, _)| known.0).filter(|known| *known > first && *known <= end.0));
    }
    let at = passes(at);
    let left_out = at.len().saturating_sub(MAX_MOMENTS);
    let mut replayed = Vec::with_capacity(at.len() - left_out);
    let mut seen = BTreeSet::new();
    for at in at.into_iter().skip(left_out) {
        let mut then = base.clone();
        set.put(at, &mut then.product);
        let mut sightings = Vec::with_capacity(templates.len());
        if foreign {
            then.fx = rates.at(Millis(at)).or(then.fx);
        }
        seen.clear();
        // Newest first: the first run of a page that had begun by then is what it showed.
        for run in runs.iter().filter(|run| run.first_seen <= at) {
            if !seen.insert(run.target_id) {
                continue;
            }
            let Some(Ok(code)) = run.currency.as_deref().map(currency) else { continue };
            let Some(template) = templates.iter().find(|offer| offer.competitor == run.competitor) else { continue };
            let gone = run.availability == OUT_OF_STOCK;
            let absent_since = gone.then_some(Millis(run.first_seen));
            sightings.push(Sighting { last: Millis(run.last_seen), absent_since });
            then.offers.push(OfferFact {
                observation_id: Some(run.id),
                price: Money::from_minor(run.price_minor, code),
                observed_at: Millis(run.last_seen.min(at)),
                availability: facts::availability(&run.availability),
                absence_confirmed: facts::absence_confirmed(&run.availability, run.first_seen, run.last_seen.min(at)),
                ..template.clone()
            });
        }
        replayed.push(Moment { at: Millis(at).timestamp(), facts: then, sightings });
    }
    Moments { replayed, left_out }
}

/// The last instant of every group of instants that are one moment.
fn passes(at: BTreeSet<i64>) -> Vec<i64> {
    let mut groups: Vec<(i64, i64)> = Vec::new();
    for at in at {
        match groups.last_mut() {
            Some((first, last)) if at - *first <= ONE_MOMENT => *last = at,
            _ => groups.push((at, at)),
        }
    }
    groups.into_iter().map(|(_, last)| last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::facts::{Availability, Market, Product as OurProduct};
    use crate::decide::moments::ABSENT_FOR_MS;
    use crate::decide::text::Zone;
    use crate::money::Currency;

    #[test]
    fn stock_is_what_the_page_said_then() {
        let (market, minor) =
            (Market::of_country("DK", Currency::DKK, Zone::parse("Europe/Copenhagen").unwrap()), 49_900);
        let mut base = Facts::new(OurProduct::named("A"), market);
        let price = Money::from_minor(minor, Currency::DKK);
        base.offers =
            vec![OfferFact { availability: Availability::OutOfStock, ..OfferFact::seen("x", price, Millis(9)) }];
        let run = |id: i64, availability: &str, first_seen: i64, last_seen: i64| RunOf {
            product_id: 1,
            id,
            target_id: 1,
            competitor: "x".into(),
            price_minor: minor,
            currency: Some("DKK".into()),
            availability: availability.into(),
            first_seen,
            last_seen,
        };
        let sold_out = 10 * Millis::HOUR;
        let runs = [run(2, "out_of_stock", sold_out, 2 * sold_out), run(1, "in_stock", 1_000, sold_out - 1)];
        let told = moments(base, &runs, &Set::default(), (Millis(0), Millis(i64::MAX)), &Rates::default()).replayed;
        let stock: Vec<_> = told.iter().map(|moment| moment.facts.offers[0].availability).collect();
        assert_eq!(stock, [Availability::InStock, Availability::OutOfStock]);
        let believed = |moment: &Moment, at: i64| moment.as_of(Millis(at)).offers[0].absence_confirmed;
        assert!(told.iter().all(|one| !believed(one, one.at.as_millisecond())), "it had only just sold out");
        assert!(!believed(&told[1], sold_out + ABSENT_FOR_MS - 1) && believed(&told[1], sold_out + ABSENT_FOR_MS));
    }

    #[test]
    fn pages_of_one_pass_are_one_moment() {
        let at = |seconds: &[i64]| seconds.iter().map(|s| s * 1_000).collect::<BTreeSet<_>>();
        let seen = passes(at(&[0, 5, 60, 61, 3_600, 3_605]));
        assert_eq!(seen, [60_000, 61_000, 3_605_000], "a minute counts from the first page");
        assert_eq!(passes(BTreeSet::new()), Vec::<i64>::new());
    }
}
