//! Amounts in the shapes that state has: a number, a text, `{amount, currency}`, `{sales: {value}, list: {value}}`, a list
//! with a price for each variant or offer.

use super::Search;
use super::keys::{self, AMOUNTS, CURRENCIES, DEFAULTS, NAMES, SELECTED, VARIANTS, prices_of, stock};
use super::named::in_address;
use crate::extract::address;
use crate::extract::json::{Object, Value};
use crate::extract::offer::Availability;
use crate::extract::price::{self, Context};
use crate::money::{Currency, Money};

/// Objects inside each other that may lead to an amount.
const MAX_NESTED: usize = 6;
/// Variants or offers of one product that are compared.
const MAX_VARIANTS: usize = 500;
/// Variants inside variants: a product, its colours, the offers for each.
const MAX_LEVELS: usize = 2;

/// An amount of state and what stands beside it.
#[derive(Debug, Clone)]
pub(super) struct Amount {
    pub money: Money,
    /// Upper end, where the amount is the lower end of a range.
    pub high: Option<Money>,
    /// The price before.
    pub list: Option<Money>,
    /// As written.
    pub shown: String,
    /// Byte offset in the source.
    pub at: usize,
}

/// How the amounts at a place are written.
#[derive(Debug, Clone, Copy)]
struct Writing {
    currency: Option<Currency>,
    /// Whether they count cents, where that is said.
    cents: Option<bool>,
}

/// The price of an object, and where in it that stands.
pub(super) struct Found<'o, 'a> {
    pub amount: Amount,
    /// `price`, `selectedVariant.price`.
    pub way: String,
    /// The one variant or offer that has the price.
    pub variant: Option<&'o Object<'a>>,
    /// Whether the thing is there, as its variants together say.
    pub availability: Availability,
}

impl Search<'_> {
    /// The price that an object has itself, else the one of its selected variant, else the one that all its variants or
    /// offers have, else the range of theirs.
    pub(super) fn price<'o, 'a>(&self, object: &'o Object<'a>) -> Option<Found<'o, 'a>> {
        let own = self.own_price(object, self.currency);
        if own.as_ref().is_some_and(|found| found.amount.high.is_none()) {
            return own;
        }
        // The variant that is shown says more than the range of all.
        let inner = self.inner_price(object, self.currency, 0);
        inner.filter(|found| own.is_none() || found.amount.high.is_none()).or(own)
    }

    /// An amount in any of the shapes state has, as written, and its byte offset in the source.
    pub(super) fn amount(
        &self,
        value: &Value<'_>,
        key: &str,
        currency: Option<Currency>,
    ) -> Option<(Money, String, usize)> {
        let found = self.nested(value, key, Writing { currency, cents: None }, 0)?;
        Some((found.money, found.shown, found.at))
    }

    fn own_price<'o, 'a>(&self, object: &'o Object<'a>, currency: Option<Currency>) -> Option<Found<'o, 'a>> {
        let writing = Writing { currency: self.currency_of(object).or(currency), cents: None };
        prices_of(object).into_iter().find_map(|(key, value)| {
            let mut amount = self.nested(value, key, writing, 0)?;
            self.add_beside(object, key, false, writing, &mut amount);
            let (mut way, full) = (key, amount.money);
            let of_same = Writing { currency: Some(full.currency()), ..writing };
            let mut reduced =
                keys::reduced(object, key).filter_map(|(key, value)| Some((key, self.nested(value, key, of_same, 0)?)));
            if let Some((key, lower)) = reduced.find(|(_, r)| is_below(r.money, full)) {
                way = key;
                amount = Amount { list: Some(amount.list.unwrap_or(full)), ..lower };
            }
            Some(Found { amount, way: way.to_owned(), variant: None, availability: stock(object) })
        })
    }

    fn inner_price<'o, 'a>(
        &self,
        object: &'o Object<'a>,
        currency: Option<Currency>,
        level: usize,
    ) -> Option<Found<'o, 'a>> {
        if level >= MAX_LEVELS {
            return None;
        }
        let currency = self.currency_of(object).or(currency);
        let of = |variant: &'o Object<'a>, key: &str| {
            let mut found =
                self.own_price(variant, currency).or_else(|| self.inner_price(variant, currency, level + 1))?;
            found.way = format!("{key}.{}", found.way);
            found.variant = Some(variant);
            Some(found)
        };
        let one = |keys: &[&'static str]| {
            keys.iter().find_map(|key| object.get(key).and_then(Value::object).and_then(|variant| of(variant, key)))
        };
        let mut variants = Vec::new();
        for key in VARIANTS {
            let members = members(object.get(key));
            if members.is_empty() || (*key == "offers" && self.are_others(&members)) {
                continue;
            }
            variants.extend(members.into_iter().take(MAX_VARIANTS).filter_map(|variant| of(variant, key)));
            break;
        }
        let named = variants.iter().position(|found| found.variant.is_some_and(|v| self.is_named_by_address(v)));
        if let Some(named) = named {
            return Some(variants.swap_remove(named));
        }
        if let Some(selected) = one(SELECTED) {
            return Some(selected);
        }
        let several = variants.len() > 1;
        let mut all = one(DEFAULTS).into_iter().chain(variants);
        let mut first = all.next()?;
        for other in all {
            first.amount.high = joined(&first.amount, &other.amount)?;
            if other.amount.money.minor() < first.amount.money.minor() {
                first.amount.money = other.amount.money;
            }
            first.amount.list = first.amount.list.filter(|list| other.amount.list == Some(*list));
            first.availability = either(first.availability, other.availability);
            first.variant = first.variant.filter(|_| !several);
        }
        Some(first)
    }

    /// Whether the things in a list of offers have names that share no word with the page's.
    fn are_others(&self, members: &[&Object<'_>]) -> bool {
        let named = members.iter().filter_map(|member| member.first(NAMES).and_then(Value::text));
        named.into_iter().any(|name| !self.shares_a_word(name))
    }

    /// Whether the page's address names a variant by its number or article code.
    fn is_named_by_address(&self, variant: &Object<'_>) -> bool {
        const LONG: usize = 4;
        let url = self.identity.url;
        let codes = ["id", "sku", "variantId"].into_iter().filter_map(|key| variant.get(key).and_then(Value::text));
        let sku = variant.get("sku").and_then(Value::text);
        codes.into_iter().any(|code| address::names_in_query(url, code.rsplit('/').next().unwrap_or(code)))
            || sku.is_some_and(|sku| sku.len() >= LONG && in_address(url, sku))
    }

    fn currency_of(&self, object: &Object<'_>) -> Option<Currency> {
        object.first(CURRENCIES).and_then(Value::text).and_then(|code| price::currency_of(code, self.context))
    }

    fn nested(&self, value: &Value<'_>, key: &str, writing: Writing, depth: usize) -> Option<Amount> {
        let writing = if keys::counts_cents(key) { Writing { cents: Some(true), ..writing } } else { writing };
        match value {
            _ if depth > MAX_NESTED => None,
            Value::Object(object) => self.of_object(object, writing, depth),
            Value::List(items) => self.of_list(items, key, writing, depth),
            single => self.of_scalar(single, writing),
        }
    }

    fn of_object(&self, object: &Object<'_>, writing: Writing, depth: usize) -> Option<Amount> {
        let has = |key: &str| object.get(key).is_some();
        let single = object.get("__typename").and_then(Value::text) == Some("SinglePrice");
        let cents = match writing.cents {
            // WooCommerce's store interface says how many of the digits are cents, and Vendure always counts them.
            _ if single || has("currency_minor_unit") => Some(true),
            // Shopify counts cents in its themes and units here.
            None if has("amount") && has("currencyCode") => Some(false),
            said => said,
        };
        let writing = Writing { currency: self.currency_of(object).or(writing.currency), cents };
        let known = AMOUNTS.iter().filter_map(|key| Some((*key, object.get(key)?)));
        let (key, mut amount) = known
            .chain(prices_of(object))
            .find_map(|(key, value)| Some((key, self.nested(value, key, writing, depth + 1)?)))?;
        self.add_beside(object, key, true, writing, &mut amount);
        Some(amount)
    }

    /// Adds the price before and the upper end that stand beside an amount in its object.
    fn add_beside(&self, object: &Object<'_>, key: &str, price: bool, writing: Writing, amount: &mut Amount) {
        let money = amount.money;
        let writing = Writing { currency: Some(money.currency()), ..writing };
        let higher = |(name, value): (&str, &Value<'_>)| {
            let other = self.nested(value, name, writing, MAX_NESTED - 2)?.money;
            is_below(money, other).then_some(other)
        };
        // What the object says itself is nearer to what it means than what stands in its price.
        amount.list = keys::before(object, key, price).find_map(higher).or(amount.list);
        amount.high = amount.high.or_else(|| keys::upper_end(object, key).and_then(higher));
    }

    /// The amount that all entries of a list have, or all those in the page's money: one for each currency is common.
    fn of_list(&self, items: &[Value<'_>], key: &str, writing: Writing, depth: usize) -> Option<Amount> {
        let all: Vec<Amount> =
            items.iter().take(MAX_VARIANTS).filter_map(|item| self.nested(item, key, writing, depth + 1)).collect();
        let alike = |one: &Amount, all: &[Amount], currency: Option<Currency>| {
            let of = all.iter().filter(|a| currency.is_none_or(|c| a.money.currency() == c));
            of.into_iter().all(|other| other.money == one.money)
        };
        let first = all.first()?;
        if alike(first, &all, None) {
            return Some(first.clone());
        }
        let own = self.context.currency.or(self.context.locale.and_then(|locale| locale.currency()))?;
        let first = all.iter().find(|a| a.money.currency() == own)?;
        alike(first, &all, Some(own)).then(|| first.clone())
    }

    fn of_scalar(&self, value: &Value<'_>, writing: Writing) -> Option<Amount> {
        let (raw, at) = value.scalar()?;
        let context = Context { currency: writing.currency.or(self.context.currency), ..*self.context };
        let reading = price::machine(raw, &context).ok()?;
        let whole = raw.bytes().all(|b| b.is_ascii_digit());
        let money = reading.money(context.currency).ok()?;
        let money = if whole && writing.cents.unwrap_or(self.cents) && crate::money::exponent(money.currency()) == 2 {
            Money::from_minor(money.minor() / 100, money.currency())
        } else {
            money
        };
        money.is_positive().then(|| Amount { money, high: None, list: None, shown: raw.to_owned(), at })
    }
}

/// Whether an amount is lower than another in the same money.
fn is_below(low: Money, high: Money) -> bool {
    low.currency() == high.currency() && low.minor() < high.minor()
}

/// The objects of a list, which GraphQL wraps: `{nodes: [..]}`, `{edges: [{node: ..}]}`.
fn members<'o, 'a>(list: Option<&'o Value<'a>>) -> Vec<&'o Object<'a>> {
    let Some(list) = list else { return Vec::new() };
    let wrapped = list.object().and_then(|o| o.get("nodes").or_else(|| o.get("edges")));
    let objects = wrapped.unwrap_or(list).each().iter().filter_map(Value::object);
    objects.map(|o| o.get("node").and_then(Value::object).unwrap_or(o)).collect()
}

/// The upper end of what two amounts span, which is none where they are equal; outer `None` if nothing spans them.
fn joined(one: &Amount, other: &Amount) -> Option<Option<Money>> {
    if one.money.currency() != other.money.currency() {
        return None;
    }
    let ends = |amount: &Amount| amount.high.unwrap_or(amount.money).minor();
    let high = ends(one).max(ends(other));
    let low = one.money.minor().min(other.money.minor());
    Some((high > low).then(|| Money::from_minor(high, one.money.currency())))
}

/// Whether a thing is there of which there are several.
fn either(one: Availability, other: Availability) -> Availability {
    match (one, other) {
        (one, other) if one == other => one,
        (Availability::InStock, _) | (_, Availability::InStock) => Availability::InStock,
        _ => Availability::Unknown,
    }
}
