//! Medusa 2 through its admin API, proved through its store API. Facts that shape this file, seen on a real server:
//!
//! - `prices` replaces the set: what is not sent again is deleted, with HTTP 200. So the other currencies and the prices
//!   with rules are read first and travel along, unchanged.
//! - Overlapping writes leave several prices of one currency, and the shopper pays the lowest. So one write at a time,
//!   and a read counts the rows.
//! - A sale is a price list with a start and an end, which the shop keeps to the second by itself. Ours carry our name;
//!   other lists are the merchant's and stay as they are.
//! - Amounts are JSON numbers in major units (version 1 had minor units). Any currency code is accepted.

mod bodies;
mod held;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::amount::{self, Shown};
use super::wire::graphql::text;
use super::wire::http::{self, Answer, Http};
use super::wire::rest::Rest;
use super::wire::shared::{Shared, Turn};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Sale, SaleSupport, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::Door;
use bodies::{LIST_NAME, ListPrice, ListPrices, Row, Variant, Variants, bytes, new_list, quoted, title};
use held::{Held, HeldList, HeldPrice};

pub const KIND: Kind = Kind {
    name: "medusa",
    about: "Medusa 2 shop: variant prices, sales as price lists with a window, read back as a shopper sees them",
    example: r#"[channels.medusa]
kind = "medusa"
url = "https://shop.example"                    # where /admin and /store are
api_key = "${MEDUSA_API_KEY}"                   # a secret API key
publishable_key = "${MEDUSA_PUBLISHABLE_KEY}"   # of the sales channel, for looking as a shopper
region = "reg_01ABC"                            # the region whose shoppers are asked about
currency = "DKK"                                # the region's
tax = "gross"                                   # gross if the currency's prices include tax
drift = "alert"                                 # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Medusa::new(table, setting)?)),
};

/// Variants per call: 50 with two currencies take the server up to two seconds.
const MAX_BATCH: usize = 50;
const MAX_READ: usize = 50;
const PAGE: &str = "200";
const LIST_PAGE: &str = "100";
const PRICES: &str = "id,sku,product_id,*prices,*prices.price_rules";
/// Without these a list comes without its prices, and prices without their variants.
const LIST_FIELDS: &str = "id,title,prices.*,prices.price_set.variant.id";
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    api_key: SecretString,
    publishable_key: SecretString,
    region: String,
    currency: String,
    tax: Tax,
}

struct Medusa {
    /// Where the shop is, and what is being written there.
    shop: Url,
    shared: Arc<Shared>,
    name: String,
    timeout: Duration,
    admin: Rest,
    store: Rest,
    region: String,
    currency: Currency,
    tax: Tax,
    clock: Clock,
}

fn build(table: &Table) -> Result<(Url, HeaderMap, HeaderMap, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::secure_base(&settings.url)?;
    let mut admin = HeaderMap::new();
    let pair = BASE64.encode(format!("{}:", settings.api_key.expose_secret()));
    http::secret_header(&mut admin, "authorization", &format!("Basic {pair}"))?;
    let mut store = HeaderMap::new();
    http::secret_header(&mut store, "x-publishable-api-key", settings.publishable_key.expose_secret())?;
    if settings.region.is_empty() {
        return Err("region must be the id of a region, such as reg_01ABC".to_owned());
    }
    super::currency(&settings.currency)?;
    Ok((base, admin, store, settings))
}

/// `PRODUCT/VARIANT`, both Medusa's ids.
fn reference(external: &str) -> (&str, &str) {
    external.split_once('/').unwrap_or(("", external))
}

/// What has to be sent for one product's variants.
struct Plan {
    base: Vec<u8>,
    /// Path below `/admin` and body of each list that gets prices.
    lists: Vec<ListBody>,
    /// Prices of our lists that must go: list and price ids.
    gone: Vec<(String, Vec<String>)>,
    /// The rows that only travel along, by variant.
    kept: Vec<(String, Vec<Row>)>,
}

/// A variant with what its shoppers pay and what they would pay without a sale.
type ShopPrice = (String, Result<Option<Shown>, String>, Result<Option<Shown>, String>);

/// The references in one price list's request, and its bytes.
type ListBody = (Vec<String>, Vec<u8>);

impl Medusa {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (base, admin, store, settings) = build(table)?;
        let http = Http::new(setting)?;
        Ok(Self {
            shared: Arc::clone(&setting.shared),
            name: setting.name.clone(),
            timeout: setting.timeout,
            admin: Rest::new(http.clone(), http::place(&base, &["admin"], &[]), admin),
            store: Rest::new(http, http::place(&base, &["store"], &[]), store),
            region: settings.region,
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            clock: setting.clock.clone(),
            shop: base,
        })
    }

    fn code(&self) -> String {
        self.currency.code().to_ascii_lowercase()
    }

    /// What an amount shows: the shop keeps more decimals than the currency has, and such a price is not gone.
    fn money(&self, price: &RawValue) -> Result<Option<Shown>, String> {
        amount::shown(price.get(), self.currency)
    }

    /// The lowest of several rows in our currency, which is the one that a shopper pays.
    fn lowest<'a>(&self, rows: impl Iterator<Item = &'a RawValue>) -> Result<Option<Shown>, String> {
        let mut lowest: Option<Shown> = None;
        for shown in rows.map(|price| self.money(price)) {
            // Of two that round to the same price, the one with more decimals says that it is not ours.
            let key = |shown: Shown| (shown.price.amount(), shown.exact);
            lowest = match (lowest, shown?) {
                (Some(known), Some(other)) => Some(if key(other) < key(known) { other } else { known }),
                (known, other) => known.or(other),
            };
        }
        Ok(lowest)
    }

    fn number(money: WirePrice) -> Result<Box<RawValue>, ChannelError> {
        amount::number(money.amount()).map_err(|why| ChannelError::new(Class::Rejected, why))
    }

    /// Variants by a filter of the admin API: `id[]` or `sku[]`.
    async fn variants(&self, key: &str, values: &[&str]) -> Result<Vec<Held>, ChannelError> {
        #[derive(Deserialize)]
        struct Page {
            variants: Vec<Held>,
        }
        let mut query: Vec<(&str, &str)> = values.iter().map(|value| (key, *value)).collect();
        query.extend([("fields", PRICES), ("limit", PAGE)]);
        let page: Page = self.admin.get(&["product-variants"], &query).await?.ok()?.parse()?;
        Ok(page.variants)
    }

    /// Our own price lists with their prices.
    async fn lists(&self) -> Result<Vec<HeldList>, ChannelError> {
        #[derive(Deserialize)]
        struct Page {
            price_lists: Vec<HeldList>,
        }
        let query = [("q", LIST_NAME.trim_end()), ("limit", LIST_PAGE), ("fields", LIST_FIELDS)];
        let page: Page = self.admin.get(&["price-lists"], &query).await?.ok()?.parse()?;
        Ok(page.price_lists.into_iter().filter(|list| list.title.starts_with(LIST_NAME)).collect())
    }

    fn plan(&self, changes: &[&PriceChange], held: &[Held], lists: &[HeldList]) -> Result<Plan, ChannelError> {
        let mut update = Vec::with_capacity(changes.len());
        let mut kept = Vec::with_capacity(changes.len());
        for change in changes {
            let id = reference(&change.external).1;
            let prices = held.iter().find(|held| held.id == id).map(|held| held.prices.as_slice()).unwrap_or_default();
            // Overlapping writes leave copies of these rows as well; one of each is what was meant.
            let mut others: Vec<Row> = Vec::new();
            for row in prices.iter().map(HeldPrice::row).filter(|row| !row.plain(self.currency)) {
                if !others.iter().any(|known| known.same(&row)) {
                    others.push(row);
                }
            }
            let base = change.sale.map_or(change.price, |sale| sale.regular);
            let (currency_code, amount) = (self.code(), Self::number(base)?);
            let own = Row { currency_code, amount, min_quantity: None, max_quantity: None, rules: None };
            update.push(Variant { id: id.to_owned(), prices: std::iter::once(own).chain(others.clone()).collect() });
            kept.push((id.to_owned(), others));
        }
        let base = bytes(&Variants { update })?;
        Ok(Plan { base, lists: self.list_bodies(changes, lists)?, gone: self.gone(changes, lists), kept })
    }

    fn list_bodies(&self, changes: &[&PriceChange], lists: &[HeldList]) -> Result<Vec<ListBody>, ChannelError> {
        let mut windows: Vec<Sale> = Vec::new();
        for sale in changes.iter().filter_map(|change| change.sale) {
            if !windows.iter().any(|known| title(known) == title(&sale)) {
                windows.push(sale);
            }
        }
        let mut bodies = Vec::with_capacity(windows.len());
        for window in windows {
            let list = lists.iter().find(|list| list.title == title(&window));
            let (mut create, mut update) = (Vec::new(), Vec::new());
            for change in changes.iter().filter(|c| c.sale.is_some_and(|sale| title(&sale) == title(&window))) {
                let variant_id = reference(&change.external).1.to_owned();
                let id = list.and_then(|list| self.rows_of(list, &variant_id).next()).map(|row| row.id.clone());
                let target = if id.is_some() { &mut update } else { &mut create };
                let (currency_code, amount) = (self.code(), Self::number(change.price)?);
                target.push(ListPrice { id, variant_id, currency_code, amount });
            }
            bodies.push(match list {
                Some(list) => {
                    let path = ["price-lists", &list.id, "prices", "batch"].map(str::to_owned).to_vec();
                    (path, bytes(&ListPrices { create, update })?)
                }
                None => (vec!["price-lists".to_owned()], bytes(&new_list(&window, create))?),
            });
        }
        Ok(bodies)
    }

    fn rows_of<'a>(&self, list: &'a HeldList, variant: &str) -> impl Iterator<Item = &'a HeldPrice> {
        let (code, variant) = (self.code(), variant.to_owned());
        list.prices.iter().filter(move |row| row.currency_code == code && row.variant_id.as_deref() == Some(&variant))
    }

    /// Prices of our lists that no change of this push asks for.
    fn gone(&self, changes: &[&PriceChange], lists: &[HeldList]) -> Vec<(String, Vec<String>)> {
        let stale = |list: &HeldList| {
            let ids = changes.iter().flat_map(|change| {
                let current = change.sale.is_some_and(|sale| title(&sale) == list.title);
                // Of several rows in the current list, the first one was updated.
                self.rows_of(list, reference(&change.external).1).skip(usize::from(current)).map(|row| row.id.clone())
            });
            (list.id.clone(), ids.collect::<Vec<_>>())
        };
        lists.iter().map(stale).filter(|(_, ids)| !ids.is_empty()).collect()
    }

    async fn update(&self, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let product = changes.first().map_or("", |change| reference(&change.external).0);
        // Another channel for another currency of this shop merges its price into the same sets.
        let turn = self.shared.turn(&self.shop, &self.name, &[product], self.timeout).await?;
        let outcome = self.merge(product, changes, door, &turn).await;
        turn.end(&outcome).await;
        outcome
    }

    /// Base prices first: while a sale runs the shopper pays the list's price, so nothing shows in between.
    async fn merge(
        &self,
        product: &str,
        changes: &[&PriceChange],
        door: &Door,
        turn: &Turn,
    ) -> Result<Outcome, ChannelError> {
        let ids: Vec<&str> = changes.iter().map(|change| reference(&change.external).1).collect();
        let held = self.variants("id[]", &ids).await?;
        let unknown: Vec<(usize, ChannelError)> = ids
            .iter()
            .enumerate()
            .filter(|(_, id)| !held.iter().any(|held| held.id == **id && held.product_id.as_deref() == Some(product)))
            .map(|(place, id)| {
                (place, ChannelError::new(Class::Rejected, format!("the shop has no variant {id} of {product}")))
            })
            .collect();
        if !unknown.is_empty() {
            return Ok(Outcome::Bad(unknown));
        }
        let plan = self.plan(changes, &held, &self.lists().await?)?;
        let list_bodies: Vec<&[u8]> = plan.lists.iter().map(|(_, body)| body.as_slice()).collect();
        let quotes = quoted(&plan.base, &list_bodies, &plan.kept, product, self.currency);
        let base = outgoing::pass(door, changes, plan.base.clone(), quotes.clone())?;
        let mut lists = Vec::with_capacity(plan.lists.len());
        for (path, body) in &plan.lists {
            lists.push((path, outgoing::pass(door, changes, body.clone(), quotes.clone())?));
        }
        let path = ["products", product, "variants", "batch"];
        turn.still_ours()?;
        let answer = self.admin.push(Method::POST, &path, &[("fields", "id")], base).await?.ok()?;
        if answer.json()?.get("updated").is_none() {
            return Err(answer.unclear("the answer has no `updated`"));
        }
        for (path, pass) in lists {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            turn.still_ours().map_err(half_done)?;
            let answer = self.admin.push(Method::POST, &path, &[], pass).await;
            answer.and_then(Answer::ok).map_err(half_done)?;
        }
        for (list, ids) in &plan.gone {
            let body = json!({ "create": [], "update": [], "delete": ids });
            let answer = self.admin.ask(Method::POST, &["price-lists", list, "prices", "batch"], &body).await;
            answer.and_then(Answer::ok).map_err(half_done)?;
        }
        Ok(Outcome::Each(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect()))
    }

    /// What shoppers of the region pay: price and price without the sale, by variant.
    async fn shown(&self, products: &[&str]) -> Result<Vec<ShopPrice>, ChannelError> {
        #[derive(Deserialize)]
        struct Page {
            products: Vec<Product>,
        }
        #[derive(Deserialize)]
        struct Product {
            #[serde(default)]
            variants: Vec<ShownVariant>,
        }
        #[derive(Deserialize)]
        struct ShownVariant {
            id: String,
            calculated_price: Option<Calculated>,
        }
        #[derive(Deserialize)]
        struct Calculated {
            calculated_amount: Option<Box<RawValue>>,
            original_amount: Option<Box<RawValue>>,
            currency_code: Option<String>,
        }
        let mut query: Vec<(&str, &str)> = products.iter().map(|id| ("id[]", *id)).collect();
        query.extend([
            ("region_id", self.region.as_str()),
            ("fields", "id,*variants.calculated_price"),
            ("limit", PAGE),
        ]);
        let page: Page = self.store.get(&["products"], &query).await?.ok()?.parse()?;
        let one = |shown: ShownVariant| {
            let calculated = shown.calculated_price.filter(|c| c.currency_code.as_deref() == Some(&self.code()));
            let money = |pick: fn(&Calculated) -> &Option<Box<RawValue>>| {
                let picked = calculated.as_ref().and_then(|calculated| pick(calculated).as_deref());
                picked.map_or(Ok(None), |price| self.money(price))
            };
            (shown.id, money(|c| &c.calculated_amount), money(|c| &c.original_amount))
        };
        Ok(page.products.into_iter().flat_map(|product| product.variants).map(one).collect())
    }

    async fn read_part(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let ids: Vec<&str> = externals.iter().map(|external| reference(external).1).collect();
        let mut products: Vec<&str> = externals.iter().map(|external| reference(external).0).collect();
        products.sort_unstable();
        products.dedup();
        let held = self.variants("id[]", &ids).await?;
        let shown = self.shown(&products).await?;
        let one = |external: &String| {
            let own = held.iter().find(|held| held.id == reference(external).1)?;
            let rows: Vec<Row> = own.prices.iter().map(HeldPrice::row).filter(|row| row.plain(self.currency)).collect();
            // A product that is not published has no shopper; its own price still tells.
            let lowest = self.lowest(rows.iter().map(|row| row.amount.as_ref()));
            let shop = shown.iter().find(|(id, ..)| *id == own.id);
            let (price, original) =
                shop.map_or((lowest.clone(), Ok(None)), |(_, price, original)| (price.clone(), original.clone()));
            let disagree = rows.iter().any(|row| self.money(&row.amount) != lowest);
            let disputed = disagree.then(|| {
                let (count, code) = (rows.len(), self.currency.code());
                format!("the shop holds {count} prices in {code} for it and asks the lowest; somebody else writes prices at the same time")
            });
            let seen = found::shown(external.clone(), price);
            Some(Seen { disputed, ..found::crossed_out(seen, original) })
        };
        Ok(externals.iter().filter_map(one).collect())
    }
}

/// Something was written, so only a look tells what buyers pay now.
fn half_done(error: ChannelError) -> ChannelError {
    let class = if error.class.refuses() { error.class } else { Class::Unknown };
    ChannelError::new(class, format!("the base price was written, the sale was not: {}", error.message))
}

#[async_trait]
impl Channel for Medusa {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            // One writer: overlapping writes multiply the rows.
            concurrency: 1,
            sale: SaleSupport::Window,
            stages: true,
            partial: PartialFailure::Atomic,
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let work = Worklist::grouped(changes, MAX_BATCH, |change| reference(&change.external).0.to_owned());
        work.through(changes, |batch| async move { self.update(&batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            seen.extend(self.read_part(part).await?);
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches = Vec::new();
        for part in skus.chunks(MAX_READ) {
            let part: Vec<&str> = part.iter().map(String::as_str).collect();
            matches.extend(self.variants("sku[]", &part).await?.into_iter().filter_map(|held| {
                let external = format!("{}/{}", held.product_id?, held.id);
                let plain = held.prices.iter().filter(|price| price.row().plain(self.currency));
                let lowest = self.lowest(plain.map(|price| price.amount.as_ref()));
                let price = lowest.ok().flatten().map(|shown| shown.price);
                Some(Match { sku: held.sku?, external, price, shut: None })
            }));
        }
        Ok(found::distinct(matches))
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let answer = self.admin.get(&["regions", &self.region], &[]).await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        if answer.status == 404 {
            problems.push(format!("the shop has no region {}; set region to the id of one", self.region));
            return Ok(Probe::of("Medusa shop", problems));
        }
        let region = answer.ok()?.json()?.get("region").cloned().unwrap_or_default();
        let code = text(&region, "currency_code").unwrap_or_default().to_ascii_uppercase();
        if code != self.currency.code() {
            problems.push(format!("the region sells in {code}; set currency = \"{code}\""));
        }
        let preferences = self.admin.get(&["price-preferences"], &[("limit", PAGE)]).await?.ok()?.json()?;
        let all = preferences.get("price_preferences").and_then(Value::as_array).cloned().unwrap_or_default();
        let of = |attribute: &str, value: &str| {
            let own = |p: &&Value| {
                text(p, "attribute").as_deref() == Some(attribute) && text(p, "value").as_deref() == Some(value)
            };
            all.iter().find(own).and_then(|p| p.get("is_tax_inclusive")?.as_bool())
        };
        // The region's word counts more than the currency's.
        let gross = of("region_id", &self.region).or_else(|| of("currency_code", &self.code())).unwrap_or(false);
        if gross != (self.tax == Tax::Gross) {
            let says = if gross { "gross" } else { "net" };
            problems.push(format!("prices in {} are {says} in this shop; set tax = \"{says}\"", self.currency.code()));
        }
        let look = self.store.get(&["products"], &[("limit", "1"), ("region_id", &self.region)]).await?;
        if look.status != 200 {
            problems.push("the shop refuses publishable_key; take one that belongs to the sales channel".to_owned());
        }
        Ok(Probe::of(format!("Medusa region {}", text(&region, "name").unwrap_or_default()), problems))
    }
}
