//! Products that go to another market or into another money: a country takes the euro, or a market gets another id.
//!
//! No amount is ever kept as a number of another money. It stays where money and tax view stay, it is converted at a rate that
//! somebody names, or it comes from a file; what is left over is a problem, and then nothing moves.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::RoundingStrategy;

use crate::app::App;
use crate::decide::facts::Tax;
use crate::decide::fx::FxTable;
use crate::decide::rounding::{DISPLAY, FLOOR};
use crate::decide::select::is_under;
use crate::decide::world::MarketRules;
use crate::money::{Currency, Decimal, Money, currency, decimal};
use crate::report::text::plain;
use crate::store::moves::{self, Move};
use crate::store::overrides::{self, Kind};
use crate::store::products::{self, Import, Product};
use crate::store::{decisions, listings};

/// Products read at once.
const PAGE: i64 = 1_000;
/// Problems told at once.
const MOST_PROBLEMS: usize = 20;

/// How amounts get into the new money.
#[derive(Debug, Clone)]
pub enum Rate {
    /// `1 EUR = 7.46 DKK`: an official fixed rate.
    Fixed { one: Currency, other: Currency, rate: Decimal },
    /// The newest stored rates, as published.
    Recorded(FxTable),
}

impl Rate {
    /// Reads `1 EUR = 7.46 DKK`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let ["1", one, "=", rate, other] = words[..] else { return None };
        let (one, other) = (currency(one).ok()?, currency(other).ok()?);
        let rate = decimal(rate).ok().filter(|rate| *rate > Decimal::ZERO)?;
        (one != other).then_some(Self::Fixed { one, other, rate })
    }

    /// An amount in another money, not rounded; none where the rate is of other currencies.
    fn convert(&self, amount: Decimal, from: Currency, to: Currency) -> Option<Decimal> {
        match self {
            Self::Fixed { one, other, rate } if (*one, *other) == (from, to) => amount.checked_mul(*rate),
            Self::Fixed { one, other, rate } if (*other, *one) == (from, to) => amount.checked_div(*rate),
            Self::Fixed { .. } => None,
            Self::Recorded(table) => table.convert(amount, from, to).ok(),
        }
    }

    /// What the stored rates say instead, where a given one is so far from them that it is a slip: turned round, or a
    /// digit too many.
    fn slip(&self, stored: &FxTable) -> Option<String> {
        const TIMES: i64 = 2;
        let Self::Fixed { one, other, rate } = self else { return None };
        let known = stored.convert(Decimal::ONE, *one, *other).ok().filter(|known| *known > Decimal::ZERO)?;
        let (low, high) = if *rate < known { (*rate, known) } else { (known, *rate) };
        let far = low.checked_mul(Decimal::from(TIMES)).is_none_or(|twice| twice < high);
        far.then(|| {
            format!(
                "--rate 1 {} = {} {}: by the stored rates of {} it is {}\nhint: look which of the two is the larger, or --rate recorded",
                one.code(),
                rate.normalize(),
                other.code(),
                stored.date,
                known.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero).normalize()
            )
        })
    }

    fn told(&self) -> String {
        match self {
            Self::Fixed { one, other, rate } => format!("at 1 {} = {} {}", one.code(), rate.normalize(), other.code()),
            Self::Recorded(table) => format!("at the recorded rates of {}", table.date),
        }
    }
}

/// What is to be moved, and how.
#[derive(Debug, Default)]
pub struct Wish {
    pub market: String,
    /// Products that any of these select.
    pub skus: BTreeSet<String>,
    pub category: Option<String>,
    pub from: Option<String>,
    pub rate: Option<Rate>,
    /// New amounts by SKU, as an import file has them.
    pub amounts: BTreeMap<String, Import>,
}

/// What would be moved, and why it cannot be.
#[derive(Debug, Default)]
pub struct Plan {
    pub moves: Vec<Move>,
    /// Selected products that are there already.
    pub there: usize,
    pub problems: Vec<String>,
    /// Problems beyond those that are listed.
    pub more: usize,
}

impl Plan {
    fn problem(&mut self, text: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(text);
        } else {
            self.more += 1;
        }
    }
}

/// Works out every amount of every product that is to be moved; nothing is stored.
///
/// # Errors
/// The rules' and the store's.
pub async fn plan(app: &App, wish: &Wish) -> anyhow::Result<Plan> {
    let loaded = app.rules().await?;
    let mut plan = Plan::default();
    let Some(target) = loaded.set.market(&wish.market) else {
        let known: Vec<&str> = loaded.set.markets.iter().map(|market| market.market.id.as_str()).collect();
        plan.problem(format!(
            "--market {}: the rules have no such market\nhint: one of {}, or add it with [[market]]",
            plain(&wish.market),
            known.join(", ")
        ));
        return Ok(plan);
    };
    if let Some(source) = loaded.set.source_of(&wish.market) {
        plan.problem(format!(
            "--market {}: it is derived from {source} and prices no products\nhint: --market {source}",
            wish.market
        ));
        return Ok(plan);
    }
    if let (Some(rate), Some(stored)) = (&wish.rate, app.fx().await?)
        && let Some(slip) = rate.slip(&stored)
    {
        plan.problem(slip);
        return Ok(plan);
    }
    let mut unused: BTreeSet<&str> = wish.amounts.keys().map(String::as_str).collect();
    let mut after = 0;
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for product in page.iter().filter(|product| wish.selects(product)) {
            unused.remove(product.sku.as_str());
            if product.market == target.market.id && product.currency == target.market.currency.code() {
                plan.there += 1;
                continue;
            }
            match one(app, wish, target, product, loaded.set.market(&product.market)).await? {
                Ok(found) => plan.moves.push(found),
                Err(problems) => problems.into_iter().for_each(|problem| plan.problem(problem)),
            }
        }
    }
    for sku in unused {
        plan.problem(format!(
            "--amounts: {} is none of the selected products\nhint: correct the SKU, select it with --sku {0}, or take the row out",
            plain(sku)
        ));
    }
    Ok(plan)
}

impl Wish {
    fn selects(&self, product: &Product) -> bool {
        let under = |own: &String| self.category.as_ref().is_some_and(|category| is_under(own, category));
        self.skus.contains(&product.sku)
            || product.category.as_ref().is_some_and(under)
            || self.from.as_ref().is_some_and(|from| *from == product.market)
    }
}

/// Whether prices of a product's present market contain VAT: by the rules, or by its newest evaluation where the market has
/// left them already.
async fn view(app: &App, product: &Product, rules: Option<&MarketRules>) -> anyhow::Result<Option<Tax>> {
    if let Some(rules) = rules {
        return Ok(Some(rules.market.tax));
    }
    let evaluation = decisions::evaluation(&app.db, product.id).await?;
    let record =
        evaluation.and_then(|evaluation| serde_json::from_str::<super::pricing::Record>(&evaluation.record).ok());
    Ok(record.filter(|record| record.facts.market.id == product.market).map(|record| record.facts.market.tax))
}

async fn one(
    app: &App,
    wish: &Wish,
    target: &MarketRules,
    product: &Product,
    rules: Option<&MarketRules>,
) -> anyhow::Result<Result<Move, Vec<String>>> {
    let sku = plain(&product.sku);
    let (from, to) = (currency(&product.currency)?, target.market.currency);
    let Some(tax) = view(app, product, rules).await? else {
        let what = format!(
            "{sku}: market {} is not in the rules, and nothing tells whether its prices contain VAT\nhint: keep its [[market]] until its products are moved",
            plain(&product.market)
        );
        return Ok(Err(vec![what]));
    };
    let same_view = tax == target.market.tax;
    let row = wish.amounts.get(&product.sku);
    let mut amounts = Amounts {
        sku: &sku,
        from,
        to,
        same: same_view && from == to,
        rate: wish.rate.as_ref().filter(|_| same_view && from != to),
        by_file: false,
        by_rate: false,
        problems: vec![],
    };
    if let Some(name) = moves::campaign_of(&app.db, product.id).await? {
        let what = format!(
            "{sku}: campaign {name} has a price for it in {}\nhint: omniprice campaign cancel {name} --why \"...\", or wait until it is over",
            from.code()
        );
        amounts.problems.push(what);
    }
    let own = amounts.money("price", Some(product.own_minor), row.map(|row| row.own_minor), DISPLAY);
    let cost_net = amounts.cost(product.cost_net.as_deref(), row.and_then(|row| row.cost_net.as_deref()));
    let regular_minor = amounts.money("regular", product.regular_minor, row.and_then(|row| row.regular_minor), DISPLAY);
    let msrp_minor = amounts.money("msrp", product.msrp_minor, row.and_then(|row| row.msrp_minor), DISPLAY);
    let map_minor = amounts.money("map", product.map_minor, row.and_then(|row| row.map_minor), DISPLAY);
    // A minimum is never lowered by its rounding.
    let min_minor = amounts.money("min", product.min_minor, row.and_then(|row| row.min_minor), FLOOR);
    let own_shipping_minor =
        amounts.money("shipping", product.own_shipping_minor, row.and_then(|row| row.own_shipping_minor), DISPLAY);
    let set = overrides::of_product(&app.db, product.id, app.now()).await?;
    let set = set.into_iter().find(|one| one.kind == Kind::Price.as_str()).and_then(|one| one.price_minor);
    let known = amounts.problems.len();
    let set_minor = amounts.money("set by hand", set, None, DISPLAY);
    if amounts.problems.len() > known {
        amounts.problems.truncate(known);
        amounts.problems.push(format!(
            "{sku}: a person has set a price in {}, and there is no rate for it\nhint: omniprice price clear {sku} --why \"...\", or name a rate",
            from.code()
        ));
    }
    if !amounts.problems.is_empty() {
        return Ok(Err(amounts.problems));
    }
    let how = match (amounts.by_file, wish.rate.as_ref().filter(|_| amounts.by_rate)) {
        (true, Some(rate)) => format!("from a file, the rest {}", rate.told()),
        (true, None) => "from a file".to_owned(),
        (false, Some(rate)) => rate.told(),
        (false, None) => "in the same money".to_owned(),
    };
    Ok(Ok(Move {
        product_id: product.id,
        sku: product.sku.clone(),
        version: product.version,
        from_market: product.market.clone(),
        from_currency: product.currency.clone(),
        from_minor: product.own_minor,
        market: target.market.id.clone(),
        currency: to.code().to_owned(),
        own_minor: own.unwrap_or(product.own_minor),
        cost_net,
        regular_minor,
        msrp_minor,
        map_minor,
        min_minor,
        own_shipping_minor,
        set_minor: set_minor.filter(|_| !amounts.same),
        new_amounts: !amounts.same,
        how,
    }))
}

/// The amounts of one product on their way.
struct Amounts<'a> {
    sku: &'a str,
    from: Currency,
    to: Currency,
    /// Money and tax view stay.
    same: bool,
    rate: Option<&'a Rate>,
    by_file: bool,
    by_rate: bool,
    problems: Vec<String>,
}

impl Amounts<'_> {
    /// Minor units in the new money: those of the file, the old ones where nothing changes, or converted and rounded once.
    fn money(&mut self, column: &str, old: Option<i64>, new: Option<i64>, rounded: RoundingStrategy) -> Option<i64> {
        if let Some(new) = new {
            self.by_file = true;
            return Some(new);
        }
        let old = old?;
        if self.same {
            return Some(old);
        }
        let money = Money::from_minor(old, self.from);
        let converted = self.rate.and_then(|rate| rate.convert(money.amount(), self.from, self.to));
        let converted = converted.and_then(|amount| Money::rounded(amount, self.to, rounded).ok());
        match converted.filter(|converted| converted.is_positive() || old <= 0) {
            Some(converted) => {
                self.by_rate = true;
                Some(converted.minor())
            }
            None => {
                self.lacks(column, &money.to_string());
                None
            }
        }
    }

    /// The purchase cost, rounded up: a floor is never lowered by it.
    fn cost(&mut self, old: Option<&str>, new: Option<&str>) -> Option<String> {
        if let Some(new) = new {
            self.by_file = true;
            return Some(new.to_owned());
        }
        let old = old?;
        if self.same {
            return Some(old.to_owned());
        }
        let converted = decimal(old).ok().zip(self.rate);
        let converted = converted.and_then(|(cost, rate)| rate.convert(cost, self.from, self.to));
        match converted.and_then(|cost| Money::rounded(cost, self.to, FLOOR).ok()) {
            Some(cost) => {
                self.by_rate = true;
                Some(cost.amount().to_string())
            }
            None => {
                self.lacks("cost", &format!("{old} {}", self.from.code()));
                None
            }
        }
    }

    fn lacks(&mut self, column: &str, old: &str) {
        let way = if self.from == self.to {
            "it is of another tax view there: give it in the column of --amounts FILE".to_owned()
        } else {
            format!(
                "--rate \"1 {} = ... {}\", --rate recorded, or the column in --amounts FILE",
                self.to.code(),
                self.from.code()
            )
        };
        self.problems.push(format!("{}: `{column}` {old} has no amount in the new market\nhint: {way}", self.sku));
    }
}

/// Moves what was planned, and gives every channel that has a price of them the one it is to have now, without a decision.
///
/// # Errors
/// The rules' and the store's; nothing is moved then.
pub async fn carry_out(app: &App, moves: Vec<Move>, actor: &str, why: &str) -> anyhow::Result<()> {
    let ids: Vec<i64> = moves.iter().map(|one| one.product_id).collect();
    moves::apply(&app.db, moves, (actor.to_owned(), why.to_owned()), app.now()).await?;
    let terms = app.terms().await?;
    for id in ids {
        let Some(product) = products::by_id(&app.db, id).await? else { continue };
        let price = Money::from_minor(product.own_minor, currency(&product.currency)?);
        let known = listings::of_product(&app.db, id).await?;
        let wanted = |listing_id: i64| known.iter().find(|one| one.id == listing_id).and_then(|one| one.desired_minor);
        let mut desires = super::pricing::desired(app, &terms, &product, price, None).await?;
        desires.retain(|desire| {
            let before = wanted(desire.listing_id);
            before.is_some() && desire.price.as_ref().ok() != before.as_ref()
        });
        let newest = decisions::latest(&app.db, id).await?.map(|decision| decision.id);
        let desires = desires.into_iter().map(|desire| (desire, newest)).collect();
        listings::desire_again(&app.db, desires, app.now()).await?;
    }
    Ok(())
}
