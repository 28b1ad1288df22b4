//! Competing prices over time as decisions see them.
//!
//! Every recorded run goes through `decide::offers` with the product's own rule: currency, tax view, pack, condition, stock,
//! own shops and sellers left out count here exactly as they do in a price.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::market::{Recommended, Seen, Track};
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::decision::Fate;
use crate::decide::facts::{Facts, OfferFact};
use crate::decide::fx::FxTable;
use crate::decide::rules::{Basis, OfferFilter, OutOfBounds, Rule, RuleSet};
use crate::decide::{bounds, offers};
use crate::flow::facts;
use crate::money::{Money, currency};
use crate::store::observations::Latest;
use crate::store::products::{self, Product};
use crate::store::{decisions, reporting};

/// Products per page, and runs of their pages that are read at once.
const PAGE: i64 = 1_000;
const PAGE_RUNS: i64 = 200_000;
/// Runs kept in all. Beyond them further products keep their present market and lose their history before [`RECENT`].
const RUNS: usize = 2_000_000;
const RECENT: i64 = 2 * Millis::DAY;
/// Outcomes of pages of the product: of every other one its stock is as unknown as its price.
const TELLS_STOCK: [&str; 4] = ["product", "no_price", "out_of_stock", "ambiguous"];
/// Our own price changes that are read.
const DECIDED: i64 = 2_000_000;

/// How old a competing price may be to count where no rule says otherwise.
#[must_use]
pub fn max_age(app: &App) -> i64 {
    app.config.observe.max_age.0.max(app.schedule.interval(app.now()).saturating_mul(3) / 2)
}

/// Every product without its market, by id: enough to say whose business it is.
///
/// # Errors
/// The store's.
pub async fn catalogue(app: &App) -> anyhow::Result<Vec<Track>> {
    let (mut tracks, mut after) = (Vec::new(), 0);
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(tracks) };
        after = last.id;
        tracks.extend(page.into_iter().filter_map(|product| bare(product, false)));
    }
}

/// Every product with its own and competing prices since an instant, and with what was in force then, by id.
///
/// # Errors
/// The store's.
pub async fn tracks(app: &App, since: Millis) -> anyhow::Result<Vec<Track>> {
    // Without rules nothing says what counts; then no product has a market, and coverage says so.
    let loaded = app.rules().await.ok();
    let fx = app.fx().await?;
    let (mut tracks, mut after, mut left) = (Vec::new(), 0, RUNS);
    let mut names = Names::default();
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        let range = (after, last.id);
        after = last.id;
        let mut runs = runs(app, range, if left == 0 { recent(app, since) } else { since }, since).await?;
        left = left.saturating_sub(runs.values().map(Vec::len).sum());
        for product in page {
            let own = runs.remove(&product.id).unwrap_or_default();
            tracks.extend(track(app, loaded.as_deref(), fx.as_ref(), product, &own, &mut names));
        }
    }
    let places: BTreeMap<i64, usize> = tracks.iter().enumerate().map(|(place, track)| (track.id, place)).collect();
    for row in reporting::decided(&app.db, since, DECIDED).await? {
        if let Some(track) = places.get(&row.product_id).and_then(|place| tracks.get_mut(*place)) {
            track.decided.push((Millis(row.created_at), row.previous_minor, row.price_minor));
        }
    }
    Ok(tracks)
}

/// One product with its prices since an instant; none for a currency that is not one.
///
/// # Errors
/// The store's.
pub async fn one(app: &App, product: Product, since: Millis) -> anyhow::Result<Option<Track>> {
    let (loaded, fx) = (app.rules().await.ok(), app.fx().await?);
    let id = product.id;
    let own = runs(app, (id - 1, id), since, since).await?.remove(&id).unwrap_or_default();
    let found = track(app, loaded.as_deref(), fx.as_ref(), product, &own, &mut Names::default());
    let Some(mut track) = found else { return Ok(None) };
    for row in decisions::of_product_since(&app.db, id, since).await? {
        track.decided.push((Millis(row.created_at), row.previous_minor, row.price_minor));
    }
    Ok(Some(track))
}

fn recent(app: &App, since: Millis) -> Millis {
    since.max(app.now().plus(-RECENT))
}

/// The runs of a range of products; where there are too many of them, the recent ones.
async fn runs(
    app: &App,
    (after, until): (i64, i64),
    since: Millis,
    whole: Millis,
) -> anyhow::Result<BTreeMap<i64, Vec<Latest>>> {
    let age = max_age(app);
    let mut rows = reporting::seen(&app.db, after, until, since.plus(-age), PAGE_RUNS).await?;
    if i64::try_from(rows.len()).is_ok_and(|n| n >= PAGE_RUNS) {
        rows = reporting::seen(&app.db, after, until, recent(app, whole).plus(-age), PAGE_RUNS).await?;
    }
    let mut runs: BTreeMap<i64, Vec<Latest>> = BTreeMap::new();
    for row in rows {
        runs.entry(row.product_id).or_default().push(row.latest);
    }
    Ok(runs)
}

/// Names of competitors, each kept once.
#[derive(Default)]
struct Names(BTreeMap<String, Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(name);
        self.0.insert(name.to_owned(), Arc::clone(&new));
        new
    }
}

/// A product without its market; none for a currency that is not one.
fn bare(product: Product, allows_minimum: bool) -> Option<Track> {
    let recommended = recommended(&product, allows_minimum);
    Some(Track {
        id: product.id,
        currency: currency(&product.currency).ok()?,
        sku: product.sku,
        title: product.title,
        brand: product.brand,
        category: product.category,
        tags: serde_json::from_str(&product.tags).unwrap_or_default(),
        market: product.market,
        own_minor: product.own_minor,
        recommended,
        shipping: 0,
        max_age: None,
        decided: vec![],
        seen: vec![],
    })
}

/// A minimum advertised price where the market allows one, a recommendation everywhere else.
fn recommended(product: &Product, allows_minimum: bool) -> Option<Recommended> {
    match product.map_minor.filter(|_| allows_minimum) {
        Some(minor) => Some(Recommended { minor, is_minimum: true }),
        None => product.msrp_minor.or(product.map_minor).map(|minor| Recommended { minor, is_minimum: false }),
    }
}

fn track(
    app: &App,
    loaded: Option<&Loaded>,
    fx: Option<&FxTable>,
    product: Product,
    runs: &[Latest],
    names: &mut Names,
) -> Option<Track> {
    let market = loaded.and_then(|loaded| loaded.set.market(&product.market));
    let allows_minimum = market.is_some_and(|market| market.market.map_allowed);
    // What the engine cannot decide has no market either.
    let judge = loaded.and_then(|loaded| Judge::of(app, loaded, &product, runs, fx).ok());
    let mut track = bare(product, allows_minimum)?;
    if let Some(mut judge) = judge {
        (track.shipping, track.max_age) = (judge.shipping(), Some(judge.max_age(max_age(app))));
        for page in runs.chunk_by(|a, b| a.target_id == b.target_id) {
            judge.page(page, names, &mut track.seen);
        }
    }
    Some(track)
}

/// Judges the offers of one product as its decision would.
struct Judge<'a> {
    rules: &'a RuleSet,
    facts: Facts,
    filter: OfferFilter,
    /// Floor and ceiling in minor units, where the rule leaves out what is beyond them.
    bounds: (i64, Option<i64>),
    now: Millis,
}

impl<'a> Judge<'a> {
    fn of(
        app: &App,
        loaded: &'a Loaded,
        product: &Product,
        runs: &[Latest],
        fx: Option<&FxTable>,
    ) -> anyhow::Result<Self> {
        let (rules, now): (&RuleSet, Millis) = (&loaded.set, app.now());
        // Only a rule that counts competitors has to see them before it is chosen.
        let counts = |rule: &Rule| rule.select.in_stock_competitors.is_some();
        let newest = if rules.rules.iter().any(counts) { newest(runs) } else { vec![] };
        let facts = facts::of_market(app, loaded, product, newest, fx, now)?;
        let applies =
            |rule: &&Rule| rule.is_open(&facts.market, now.timestamp()) && rule.select.matches(&facts, rules, now.0);
        let rule = rules.rules.iter().find(applies);
        let filter = rule.map(|rule| rule.offers.clone()).unwrap_or_default();
        let limits = rule.filter(|_| filter.out_of_bounds == OutOfBounds::Ignore);
        let limits = limits.and_then(|rule| bounds::bounds(&facts, rule, &rules.engine));
        let bounds = limits.map_or((0, None), |limits| (limits.floor, limits.ceiling.map(|(minor, _)| minor)));
        Ok(Self { rules, facts, filter, bounds, now })
    }

    fn shipping(&self) -> i64 {
        let own = self.facts.product.own_shipping.filter(|_| self.filter.basis == Basis::Delivered);
        own.map_or(0, Money::minor)
    }

    fn max_age(&self, usual: i64) -> i64 {
        self.filter.max_age_ms.unwrap_or_else(|| self.rules.engine.max_offer_age_ms.max(usual))
    }

    /// What one page showed over time; `runs` are all of its runs, oldest first.
    fn page(&mut self, runs: &[Latest], names: &mut Names, out: &mut Vec<Seen>) {
        let mut believed: Option<(&Latest, OfferFact)> = None;
        let (mut kept, begin) = (None, out.len());
        for run in runs {
            if run.verdict == "accepted" {
                let pack = self.facts.product.pack_qty;
                believed = facts::offer(run, self.rules, 0, pack).map(|offer| (run, offer));
            }
            // The newest look says whether it can be bought, the newest believed one what it costs.
            let (from, minor, fate) = match &believed {
                Some((from, offer)) => {
                    let availability = facts::availability(&run.availability);
                    let (minor, fate) = self.judged(OfferFact { availability, ..offer.clone() });
                    (*from, minor, fate)
                }
                None if out.len() > begin => (run, 0, Fate::NotAccepted),
                None => continue,
            };
            // A look that got no page of the product says nothing of its stock.
            let in_stock = match out.get(begin..).and_then(<[Seen]>::last) {
                Some(last) if !TELLS_STOCK.contains(&run.outcome.as_str()) => last.in_stock,
                _ => run.availability != "out_of_stock",
            };
            let seen = Seen {
                target: run.target_id,
                competitor: names.of(&run.competitor),
                minor,
                fate,
                in_stock,
                first: Millis(run.first_seen),
                last: Millis(from.last_seen),
            };
            let same = |last: &&mut Seen| {
                kept == Some(from.id) && (last.minor, last.fate, last.in_stock) == (minor, fate, seen.in_stock)
            };
            if out.last_mut().filter(same).is_none() {
                out.push(seen);
            }
            kept = Some(from.id);
        }
    }

    /// The comparable price in minor units, and what a decision makes of the offer whatever its age.
    fn judged(&mut self, offer: OfferFact) -> (i64, Fate) {
        let offer = OfferFact { observed_at: self.now, ..offer };
        let (price, fate) = self.eligible(offer.clone());
        if fate != Fate::Availability {
            return (price, fate);
        }
        // What cannot be bought now still has a price that can move.
        let Some(availability) = self.filter.availability.first().copied() else { return (price, fate) };
        match self.eligible(OfferFact { availability, ..offer }) {
            (price, Fate::Counted | Fate::OutOfBounds) => (price, fate),
            other => other,
        }
    }

    fn eligible(&mut self, offer: OfferFact) -> (i64, Fate) {
        self.facts.offers.clear();
        self.facts.offers.push(offer);
        let found = offers::eligible(&self.facts, &self.filter, self.rules, self.bounds, self.now.0);
        match found.seen.first() {
            // A rate that is too old holds a decision; here the offer is left out.
            Some(seen) if found.unconverted.is_none() => (seen.price.map_or(0, Money::minor), seen.fate),
            _ => (0, Fate::NoRate),
        }
    }
}

/// The newest believed run of every page, with what the newest look said of its stock.
fn newest(runs: &[Latest]) -> Vec<Latest> {
    let pages = runs.chunk_by(|a, b| a.target_id == b.target_id);
    let newest = pages.filter_map(|page| {
        let believed = page.iter().rfind(|run| run.verdict == "accepted")?;
        let newest_availability = page.last().map(|run| run.availability.clone());
        Some(Latest { newest_availability, ..believed.clone() })
    });
    newest.collect()
}
