//! Mutations that carry prices: their bodies, how prices are read back out of them, and what their answers say.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::channel::wire::graphql::{self, text};
use crate::channel::wire::{amount, outgoing};
use crate::channel::{ChannelError, Class, PriceChange, Receipt};
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{GateError, Quote};

pub(super) const UPDATE: &str = "mutation($p:ID!,$v:[ProductVariantsBulkInput!]!){productVariantsBulkUpdate(productId:$p,\
variants:$v,allowPartialUpdates:false){productVariants{id price compareAtPrice} userErrors{field message code}}}";

/// The same, and then, in one request and in this order, what stood beside a reduction that is over.
const UPDATE_AND_CLEAR: &str = "mutation($p:ID!,$v:[ProductVariantsBulkInput!]!,$m:[MetafieldIdentifierInput!]!)\
{productVariantsBulkUpdate(productId:$p,variants:$v,allowPartialUpdates:false){productVariants{id price compareAtPrice} \
userErrors{field message code}} metafieldsDelete(metafields:$m){deletedMetafields{ownerId key} userErrors{field message}}}";

/// Metafield of type `money`: the lowest price of the 30 days before a reduction.
pub(super) const LOWEST: &str = "lowest_30d";
/// Metafield of type `date_time`: the first instant whose price counted for [`LOWEST`].
const SINCE: &str = "prior_price_from";

pub(super) const FIX: &str = "mutation($l:ID!,$p:[PriceListPriceInput!]!){priceListFixedPricesAdd(priceListId:$l,prices:$p)\
{prices{variant{id} price{amount currencyCode}} userErrors{field message code}}}";

pub(super) fn gid(class: &str, number: &str) -> String {
    format!("gid://shopify/{class}/{number}")
}

/// `PRODUCT/VARIANT` for base prices, `VARIANT` for a price list: the numbers at the end of Shopify's ids.
pub(super) fn reference(external: &str) -> (&str, &str) {
    external.rsplit_once('/').unwrap_or(("", external))
}

/// The number at the end of an id.
pub(super) fn number(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Whether metafields of an earlier reduction have to go.
pub(super) fn clears(change: &PriceChange) -> bool {
    change.after_sale && change.sale.and_then(|sale| sale.prior).is_none()
}

/// What the metafields of a variant become: those to write and the keys to delete.
fn metafields(change: &PriceChange, namespace: &str) -> (Vec<Value>, Vec<&'static str>) {
    let field = |key: &str, kind: &str, value: String| json!({ "namespace": namespace, "key": key, "type": kind, "value": value });
    let Some((prior, from)) = change.sale.and_then(|sale| Some((sale.prior?, sale.prior_from))) else {
        return (Vec::new(), if clears(change) { vec![LOWEST, SINCE] } else { Vec::new() });
    };
    let amount = json!({ "amount": amount::text(prior), "currency_code": prior.currency().code() });
    let lowest = field(LOWEST, "money", amount.to_string());
    match from {
        Some(from) => (vec![lowest, field(SINCE, "date_time", from.to_string())], Vec::new()),
        None => (vec![lowest], vec![SINCE]),
    }
}

/// Prices of variants of one product; `namespace` is that of the metafields, if there are to be any.
pub(super) fn base_body(changes: &[&PriceChange], namespace: Option<&str>) -> Vec<u8> {
    let product = changes.first().map_or("", |change| reference(&change.external).0);
    let variant = |change: &&PriceChange| {
        let regular = change.sale.map(|sale| amount::text(sale.regular));
        let id = gid("ProductVariant", reference(&change.external).1);
        json!({ "id": id, "price": amount::text(change.price), "compareAtPrice": regular })
    };
    let mut variants: Vec<Value> = changes.iter().map(variant).collect();
    let mut gone = Vec::new();
    if let Some(namespace) = namespace {
        for (variant, change) in variants.iter_mut().zip(changes) {
            let (written, deleted) = metafields(change, namespace);
            let owner = variant["id"].clone();
            gone.extend(deleted.iter().map(|key| json!({ "ownerId": owner, "namespace": namespace, "key": key })));
            if !written.is_empty() {
                variant["metafields"] = written.into();
            }
        }
    }
    let product = gid("Product", product);
    if gone.is_empty() {
        return graphql::body(UPDATE, &json!({ "p": product, "v": variants }));
    }
    graphql::body(UPDATE_AND_CLEAR, &json!({ "p": product, "v": variants, "m": gone }))
}

pub(super) fn list_body(list: &str, changes: &[&PriceChange]) -> Vec<u8> {
    let money = |money: WirePrice| json!({ "amount": amount::text(money), "currencyCode": money.currency().code() });
    let price = |change: &&PriceChange| {
        let id = gid("ProductVariant", reference(&change.external).1);
        let regular = change.sale.map(|sale| money(sale.regular));
        json!({ "variantId": id, "price": money(change.price), "compareAtPrice": regular })
    };
    graphql::body(FIX, &json!({ "l": list, "p": changes.iter().map(price).collect::<Vec<Value>>() }))
}

/// The items that `userErrors` name by `field: ["variants", "3", "price"]`; `None` if one names no item.
pub(super) fn named(errors: &[Value], count: usize) -> Option<Vec<(usize, ChannelError)>> {
    let place = |error: &Value| {
        let index = error.get("field")?.get(1)?.as_str()?.parse::<usize>().ok()?;
        (index < count).then(|| (index, user_error(error)))
    };
    let mut bad: Vec<(usize, ChannelError)> = errors.iter().map(place).collect::<Option<_>>()?;
    bad.sort_by_key(|(index, _)| *index);
    bad.dedup_by_key(|(index, _)| *index);
    Some(bad)
}

pub(super) fn user_error(error: &Value) -> ChannelError {
    let (code, message) = (text(error, "code").unwrap_or_default(), text(error, "message").unwrap_or_default());
    let class = if code == "PRICE_LIST_NOT_FOUND" { Class::Refused } else { Class::Rejected };
    ChannelError::new(class, format!("Shopify refuses the price: {message} ({code})"))
}

/// A call without errors lists what it wrote.
pub(super) fn written(payload: &Value, change: &PriceChange) -> Result<Receipt, ChannelError> {
    let id = gid("ProductVariant", reference(&change.external).1);
    let lists = ["productVariants", "prices"].iter().filter_map(|key| payload.get(key)?.as_array()).flatten();
    let own = |item: &&Value| item.get("variant").unwrap_or(item).get("id").and_then(Value::as_str) == Some(&id);
    let Some(item) = lists.into_iter().find(own) else {
        return Err(ChannelError::new(Class::Unknown, "the answer does not list this variant"));
    };
    let amount = item.pointer("/price/amount").or_else(|| item.get("price")).and_then(Value::as_str);
    Ok(Receipt { echoed: amount.and_then(|amount| amount::parse(amount, change.price.currency()).ok()) })
}

// The bodies as they leave, key by key: one that is not known here stops at the door.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<V> {
    #[serde(rename = "query")]
    _query: String,
    variables: V,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    p: String,
    v: Vec<Variant>,
    #[serde(default, rename = "m")]
    _m: Vec<Identifier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Identifier {
    #[serde(rename = "ownerId")]
    _owner_id: String,
    #[serde(rename = "namespace")]
    _namespace: String,
    #[serde(rename = "key")]
    _key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Variant {
    id: String,
    price: String,
    compare_at_price: Option<String>,
    #[serde(default)]
    metafields: Vec<Metafield>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metafield {
    #[serde(rename = "namespace")]
    _namespace: String,
    key: String,
    #[serde(rename = "type")]
    _kind: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(rename = "l")]
    _list: String,
    p: Vec<Fixed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fixed {
    variant_id: String,
    price: Amount,
    compare_at_price: Option<Amount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Amount {
    amount: String,
    currency_code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lowest {
    amount: String,
    currency_code: String,
}

impl Amount {
    fn money(&self) -> Result<WirePrice, GateError> {
        outgoing::money(&self.amount, outgoing::currency(&self.currency_code)?)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Base(Base),
    List(List),
}

/// Reads prices back out of an outgoing mutation, by its text alone. Base prices name no currency: it is the shop's.
pub(super) fn quoted(body: &[u8], currency: Currency) -> Result<Vec<Quote>, GateError> {
    match outgoing::parse::<Body<Either>>(body)?.variables {
        Either::Base(base) => base.v.into_iter().map(|variant| base_quote(&base.p, &variant, currency)).collect(),
        Either::List(list) => {
            let one = |fixed: Fixed| {
                let regular = fixed.compare_at_price.map(|amount| amount.money()).transpose()?;
                Ok(outgoing::quote(number(&fixed.variant_id), fixed.price.money()?, regular))
            };
            list.p.into_iter().map(one).collect()
        }
    }
}

fn base_quote(product: &str, variant: &Variant, currency: Currency) -> Result<Quote, GateError> {
    let regular = variant.compare_at_price.as_deref().map(|text| outgoing::money(text, currency)).transpose()?;
    for field in variant.metafields.iter().filter(|field| field.key == LOWEST) {
        let lowest = outgoing::parse::<Lowest>(field.value.as_bytes())?;
        let lowest = outgoing::money(&lowest.amount, outgoing::currency(&lowest.currency_code)?)?;
        // What is crossed out is the lowest price itself wherever a law asks for it.
        if regular != Some(lowest) {
            return Err(GateError::Unreadable(format!("{LOWEST} is {lowest} and another price is crossed out")));
        }
    }
    let external = format!("{}/{}", number(product), number(&variant.id));
    Ok(outgoing::quote(external, outgoing::money(&variant.price, currency)?, regular))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let body = |variant: &str| {
            format!(r#"{{"query":"m","variables":{{"p":"gid://shopify/Product/7","v":[{{{variant}}}]}}}}"#).into_bytes()
        };
        let of = |variant: &str| quoted(&body(variant), Currency::DKK);
        let id = r#""id":"gid://shopify/ProductVariant/9","#;
        let dkk = |minor| WirePrice::from_minor(minor, Currency::DKK);
        let sale = of(&format!(r#"{id}"price":"479.00","compareAtPrice":"599.00""#)).unwrap();
        assert_eq!(sale, [outgoing::quote("7/9", dkk(47_900), Some(dkk(59_900)))]);
        assert_eq!(of(&format!(r#"{id}"price":"479.00","compareAtPrice":null"#)).unwrap()[0].regular, None);
        for bad in [r#""price":"479,00""#, r#""price":479.0"#, r#""price":"479.00","cost":"1.00""#] {
            assert!(of(&format!("{id}{bad}")).is_err(), "{bad}");
        }
        let lowest = |amount: &str| {
            format!(
                r#"{id}"price":"479.00","compareAtPrice":"599.00","metafields":[{{"namespace":"omniprice",
                "key":"lowest_30d","type":"money","value":"{{\"amount\":\"{amount}\",\"currency_code\":\"DKK\"}}"}}]"#
            )
        };
        assert!(of(&lowest("599.00")).is_ok());
        assert!(of(&lowest("589.00")).is_err(), "the lowest price is another than the one crossed out");
        let list = br#"{"query":"m","variables":{"l":"x","p":[{"variantId":"gid://shopify/ProductVariant/9",
            "price":{"amount":"64.00","currencyCode":"EUR"},"compareAtPrice":null}]}}"#;
        let eur = WirePrice::from_minor(6_400, Currency::EUR);
        assert_eq!(quoted(list, Currency::DKK).unwrap(), [Quote::new("9", eur)], "the list's own currency");
    }
}
