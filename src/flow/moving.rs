//! Products that go to another market or into another money: a country takes the euro, or a market gets another id.
//!
//! No amount is ever kept as a number of another money. It stays where money and tax view stay, it is converted at a rate that
//! somebody names, or it comes from a file; what is left over is a problem, and then nothing moves.

mod rate;

use std::collections::{BTreeMap, BTreeSet};

pub use rate::Rate;

use rust_decimal::RoundingStrategy;

use crate::app::{App, Loaded};
use crate::decide::facts::Tax;
use crate::decide::fx::FxTable;
use crate::decide::rounding::{DISPLAY, FLOOR};
use crate::decide::select::is_under;
use crate::decide::world::MarketRules;
use crate::money::{Currency, Money, currency, decimal};
use crate::report::text::plain;
use crate::store::moves::{self, Move};
use crate::store::overrides::{self, Kind};
use crate::store::products::{self, Import, Product};
use crate::store::{decisions, listings};

/// Products read at once.
const PAGE: i64 = 1_000;
/// Problems told at once.
const MOST_PROBLEMS: usize = 20;

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
    /// No stored rate tells whether the one that was given is a slip.
    pub unmeasured: bool,
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
    let stored = app.fx().await?;
    if let Some(rate) = &wish.rate {
        let measure = rate::measure(app, rate, stored.as_ref()).await?;
        if let Some(slip) = measure.as_ref().and_then(|measure| rate.slip(measure)) {
            plan.problem(slip);
            return Ok(plan);
        }
        plan.unmeasured = measure.is_none();
    }
    let way = Way { loaded: &loaded, target, stored: stored.as_ref() };
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
            match one(app, wish, &way, product).await? {
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

/// Where products go, and what is known on the way.
struct Way<'a> {
    loaded: &'a Loaded,
    target: &'a MarketRules,
    /// The newest stored rates.
    stored: Option<&'a FxTable>,
}

async fn one(app: &App, wish: &Wish, way: &Way<'_>, product: &Product) -> anyhow::Result<Result<Move, Vec<String>>> {
    let (sku, target) = (plain(&product.sku), way.target);
    let (from, to) = (currency(&product.currency)?, target.market.currency);
    let Some(tax) = view(app, product, way.loaded.set.market(&product.market)).await? else {
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
    let by_hand = overrides::of_product(&app.db, product.id, app.now()).await?;
    let set = by_hand.iter().find(|one| one.kind == Kind::Price.as_str()).and_then(|one| one.price_minor);
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
    let found = Move {
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
    };
    if row.is_some() && !amounts.same {
        // Of another tax view the price of before is no measure.
        let rate = wish.rate.clone().or_else(|| way.stored.cloned().map(Rate::Recorded)).filter(|_| same_view);
        let before = rate.and_then(|rate| rate.brought(product.own_minor, from, to));
        let lock = by_hand.iter().find(|one| one.kind == Kind::Lock.as_str());
        let locked = lock.map(|lock| format!("{} has locked it: {}", plain(&lock.owner), plain(&lock.why)));
        let locked = locked.or_else(|| (product.locked != 0).then(|| "it is locked by the catalogue".to_owned()));
        let problems = named(app, way.loaded, product, &found, before, locked).await?;
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
    }
    Ok(Ok(found))
}

/// What is odd about a price that a file names: it goes to every channel, so it has to pass where one that is set by hand does.
/// `before` is the price of now in the new money, if that is known.
async fn named(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    found: &Move,
    before: Option<i64>,
    locked: Option<String>,
) -> anyhow::Result<Vec<String>> {
    let (sku, price) = (plain(&product.sku), Money::from_minor(found.own_minor, currency(&found.currency)?));
    if let Some(locked) = locked.filter(|_| before != Some(found.own_minor)) {
        let what = format!(
            "{sku}: {locked}, and --amounts gives it another price, {price}\nhint: --rate alone keeps its price, or omniprice unlock {sku} --why \"...\""
        );
        return Ok(vec![what]);
    }
    let there = Product {
        market: found.market.clone(),
        currency: found.currency.clone(),
        own_minor: before.unwrap_or(found.own_minor),
        cost_net: found.cost_net.clone(),
        regular_minor: found.regular_minor,
        msrp_minor: found.msrp_minor,
        map_minor: found.map_minor,
        min_minor: found.min_minor,
        own_shipping_minor: found.own_shipping_minor,
        amounts_since: Some(app.now().0),
        ..product.clone()
    };
    let findings = super::intent::examine_there(app, loaded, &there, price, app.now()).await?;
    let odd: Vec<&str> = findings.iter().map(|(_, why)| why.as_str()).collect();
    let what = format!(
        "{sku}: --amounts: {}\nhint: correct the row, or move it at a rate and then omniprice price set {sku} {} --until 7d --why \"...\"",
        odd.join("; "),
        price.amount()
    );
    Ok(if odd.is_empty() { vec![] } else { vec![what] })
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
        if self.same {
            let told = |minor: i64| Money::from_minor(minor, self.to).to_string();
            if let Some(new) = new.filter(|new| old != Some(*new)) {
                self.stays(column, old.map(told).as_deref(), &told(new));
            }
            return old;
        }
        if let Some(new) = new {
            self.by_file = true;
            return Some(new);
        }
        let old = old?;
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
        if self.same {
            let differs = |new: &&str| old.and_then(|old| decimal(old).ok()) != decimal(new).ok();
            if let Some(new) = new.filter(differs) {
                self.stays("cost", old, new);
            }
            return old.map(str::to_owned);
        }
        if let Some(new) = new {
            self.by_file = true;
            return Some(new.to_owned());
        }
        let old = old?;
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

    /// A move is no way round the guards: where nothing has to change, nothing does.
    fn stays(&mut self, column: &str, old: Option<&str>, new: &str) {
        self.problems.push(format!(
            "{}: `{column}` is {} and --amounts says {new}, but money and tax view stay, and so do its amounts\nhint: take the row out; afterwards omniprice price set changes a price, and omniprice import the rest",
            self.sku,
            old.unwrap_or("not known")
        ));
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
        let other = self.rate.filter(|rate| !rate.is_between(self.from, self.to)).map_or_else(String::new, |rate| {
            format!(": --rate is {}, and says nothing of {} and {}", rate.text(), self.from.code(), self.to.code())
        });
        self.problems
            .push(format!("{}: `{column}` {old} has no amount in the new market{other}\nhint: {way}", self.sku));
    }
}

/// Moves what was planned, all of it or none. What their channels are to show now is due with it: [`tend`] sees to that.
///
/// # Errors
/// The store's; nothing is moved then.
pub async fn carry_out(app: &App, moves: Vec<Move>, actor: &str, why: &str) -> anyhow::Result<()> {
    Ok(moves::apply(&app.db, moves, (actor.to_owned(), why.to_owned()), app.now()).await?)
}

/// Gives every listing of a moved product that has, or waits for, a price of ours the one it is to have now, without a decision.
/// It is due until it is stored, whatever became of the command that moved the product.
///
/// # Errors
/// The rules' and the store's.
pub async fn tend(app: &App) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let due = moves::due(&app.db, after, PAGE).await?;
        let Some(last) = due.last() else { return Ok(()) };
        after = *last;
        let terms = app.terms().await?;
        for id in due {
            let Some(product) = products::by_id(&app.db, id).await? else { continue };
            let price = Money::from_minor(product.own_minor, currency(&product.currency)?);
            let known = listings::of_product(&app.db, id).await?;
            let mut desires = super::pricing::desired(app, &terms, &product, price, None).await?;
            desires.retain(|desire| {
                let listing = known.iter().find(|one| one.id == desire.listing_id && one.desired_seq > 0);
                listing.is_some_and(|listing| desire.says_else_than(listing.desired_minor))
            });
            let newest = decisions::latest(&app.db, id).await?.map(|decision| decision.id);
            let desires = desires.into_iter().map(|desire| (desire, newest)).collect();
            // One that was decided meanwhile is looked at again at the next round.
            moves::show(&app.db, id, product.version, desires, app.now()).await?;
        }
    }
}
