//! django-oscar through django-oscar-api 3. Facts that shape this file, seen on a real server:
//!
//! - A price belongs to a stock record, which a `PATCH` of its product changes by partner and partner SKU; records that
//!   are not named stay as they are.
//! - One product per request; the throttle of the Django REST framework answers 429 with Retry-After.
//! - Negative prices are accepted, so the floor is ours. There is no crossed-out price and no window.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Table;
use url::Url;

use super::wire::http::{self, Answer, Http};
use super::wire::rest::Rest;
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{amount, found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PriceChange, Probe, ReadBack, Receipt, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "oscar",
    about: "django-oscar shop with django-oscar-api: the price of one partner's stock records, read as a shopper sees it",
    example: r#"[channels.oscar]
kind = "oscar"
url = "https://shop.example/api/"   # where django-oscar-api is
token = "${OSCAR_TOKEN}"            # a staff user's REST framework token
partner = 1                         # id of the partner whose stock records carry our prices
requests_per_minute = 60            # the shop's throttle for a user
currency = "EUR"
tax = "gross"                       # gross if the shop's strategy shows stock record prices with tax included
drift = "alert"                     # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Oscar::new(table, setting)?)),
};

/// Listings pushed in one go, each by a request of its own.
const MAX_BATCH: usize = 10;
/// Pages of the product list looked through for SKUs.
const MAX_PAGES: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    token: SecretString,
    partner: u64,
    #[serde(default = "per_minute")]
    requests_per_minute: u32,
    currency: String,
    tax: Tax,
}

/// What a shop without a word about it takes.
const fn per_minute() -> u32 {
    60
}

struct Oscar {
    rest: Rest,
    partner: String,
    currency: Currency,
    tax: Tax,
    clock: Clock,
}

/// What a change of one product says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    upc: Option<String>,
    product_class: Option<String>,
    stockrecords: Vec<Record>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    partner: String,
    partner_sku: String,
    price_currency: String,
    price: Option<String>,
}

/// A product as the admin API shows it.
#[derive(Debug, Deserialize)]
struct Held {
    upc: Option<String>,
    product_class: Option<String>,
    #[serde(default)]
    stockrecords: Vec<HeldRecord>,
}

#[derive(Debug, Deserialize)]
struct HeldRecord {
    partner: String,
    partner_sku: String,
    price_currency: String,
    price: Option<String>,
}

fn build(table: &Table) -> Result<(Url, HeaderMap, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::secure_base(&settings.url)?;
    let mut headers = HeaderMap::new();
    http::secret_header(&mut headers, "authorization", &format!("Token {}", settings.token.expose_secret()))?;
    if settings.requests_per_minute == 0 {
        return Err("requests_per_minute must be at least 1".to_owned());
    }
    super::currency(&settings.currency)?;
    Ok((base, headers, settings))
}

impl Oscar {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (base, headers, settings) = build(table)?;
        let rate = settings.requests_per_minute;
        let pace = setting.shared.pace(&[&"requests", &base.as_str(), &headers["authorization"]], rate, rate);
        Ok(Self {
            rest: Rest::new(Http::new(setting)?.paced(pace), base, headers),
            partner: format!("/partners/{}/", settings.partner),
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            clock: setting.clock.clone(),
        })
    }

    /// Django redirects addresses without the slash at their end.
    fn path(external: &str, admin: bool) -> Vec<&str> {
        let head: &[&str] = if admin { &["admin", "products"] } else { &["products"] };
        let tail: &[&str] = if admin { &[""] } else { &["price", ""] };
        head.iter().copied().chain(std::iter::once(external)).chain(tail.iter().copied()).collect()
    }

    async fn held(&self, external: &str) -> Result<Option<Held>, ChannelError> {
        let answer = self.rest.get(&Self::path(external, true), &[]).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        answer.ok()?.parse().map(Some)
    }

    fn own(&self, partner: &str) -> bool {
        // Partners are named by their address.
        partner.ends_with(&self.partner)
    }

    async fn send(&self, change: &PriceChange, door: &Door) -> Result<Receipt, ChannelError> {
        let rejected = |text: String| ChannelError::new(Class::Rejected, text);
        let held = self.held(&change.external).await?;
        let held = held.ok_or_else(|| rejected(format!("the shop has no product {}", change.external)))?;
        let own = held.stockrecords.iter().find(|one| self.own(&one.partner)).map(record);
        let own = own.ok_or_else(|| {
            rejected(format!("product {} has no stock record of the partner; add one there", change.external))
        })?;
        let currency = self.currency.code();
        if own.price_currency != currency {
            return Err(rejected(format!("its stock record is in {}, not in {currency}", own.price_currency)));
        }
        let own = Record { price: Some(amount::text(change.price)), ..own };
        let patch = Patch { upc: held.upc, product_class: held.product_class, stockrecords: vec![own] };
        let body = serde_json::to_vec(&patch).map_err(|error| rejected(error.to_string()))?;
        let quotes = quoted(&body, &change.external, &self.partner);
        let pass = outgoing::pass(door, &[change], body, quotes)?;
        let answer = self.rest.push(Method::PATCH, &Self::path(&change.external, true), &[], pass).await?;
        if answer.status == 400 {
            let words: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
            return Err(rejected(format!("the shop refuses the price: {words}")));
        }
        let answer = answer.ok()?;
        let stored: Held = answer.parse()?;
        let echoed = stored.stockrecords.iter().find(|one| self.own(&one.partner)).and_then(|one| one.price.as_deref());
        let echoed = echoed.and_then(|price| amount::parse(price, self.currency).ok());
        Ok(Receipt { echoed })
    }

    /// What a shopper is told.
    async fn shown(&self, external: &str) -> Result<Option<WirePrice>, ChannelError> {
        #[derive(Deserialize)]
        struct Price {
            currency: Option<String>,
            excl_tax: Option<String>,
            incl_tax: Option<String>,
        }
        let answer = self.rest.get_in_turn(&Self::path(external, false), &[]).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let price: Price = answer.ok()?.parse()?;
        let side = if self.tax == Tax::Gross { price.incl_tax.or(price.excl_tax) } else { price.excl_tax };
        let currency = price.currency.and_then(|code| super::currency(&code).ok());
        Ok(side.zip(currency).and_then(|(side, currency)| amount::parse(&side, currency).ok()))
    }

    /// Whether the user may change a product: the REST framework names what it takes from whom in its answer to OPTIONS.
    /// `None` where the shop switched that off.
    async fn may_write(&self, external: &str) -> Result<Option<bool>, ChannelError> {
        let answer = self.rest.options(&Self::path(external, true)).await?;
        if answer.status == 405 {
            return Ok(None);
        }
        Ok(Some(answer.ok()?.json()?.pointer("/actions/PUT").is_some()))
    }

    /// One page of the product list: with or without a pagination class.
    fn page(answer: &Answer) -> Result<(Vec<Listed>, bool), ChannelError> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Page {
            Plain(Vec<Listed>),
            Paged { results: Vec<Listed>, next: Option<Value> },
        }
        Ok(match answer.parse::<Page>()? {
            Page::Plain(list) => (list, false),
            Page::Paged { results, next } => (results, next.is_some()),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Listed {
    url: Option<String>,
    id: Option<u64>,
    upc: Option<String>,
}

impl Listed {
    fn external(&self) -> Option<String> {
        let from_url = || Some(self.url.as_ref()?.trim_end_matches('/').rsplit('/').next()?.to_owned());
        self.id.map(|id| id.to_string()).or_else(from_url)
    }
}

fn record(held: &HeldRecord) -> Record {
    Record {
        partner: held.partner.clone(),
        partner_sku: held.partner_sku.clone(),
        price_currency: held.price_currency.clone(),
        price: held.price.clone(),
    }
}

/// Reads the price back out of an outgoing change, by its text alone; the product stands in the path.
fn quoted(body: &[u8], external: &str, partner: &str) -> Result<Vec<Quote>, GateError> {
    let patch: Patch = outgoing::parse(body)?;
    let [own] = patch.stockrecords.as_slice() else { return Err(outgoing::unreadable(&"not one stock record")) };
    if !own.partner.ends_with(partner) {
        return Err(outgoing::unreadable(&"a stock record of another partner"));
    }
    let currency = outgoing::currency(&own.price_currency)?;
    let price = own.price.as_deref().ok_or_else(|| GateError::Missing(external.to_owned()))?;
    Ok(vec![Quote::new(external, outgoing::money(price, currency)?)])
}

const NO_PRODUCTS: &str = "the shop has no products, so nothing but the credentials was looked at";
const TAX_BY_HAND: &str = "the first product is not sold, so what shoppers are told is unknown; compare tax with the shop's \
                           pricing strategy by hand";

#[async_trait]
impl Channel for Oscar {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        // One at a time; a throttle that speaks up leaves the rest for later.
        let work = Worklist::of(changes, 1);
        work.through(changes, |one| async move {
            let mut sent = Vec::with_capacity(one.len());
            for change in one {
                sent.push(Ok(self.send(change, door).await?));
            }
            Ok(Outcome::Each(sent))
        })
        .await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for external in externals {
            seen.push(Seen::plain(external.clone(), self.shown(external).await?));
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches = Vec::new();
        for page in 1..=MAX_PAGES {
            let query = [("page", &*page.to_string())];
            let answer = self.rest.get_in_turn(&["admin", "products", ""], &query).await?.ok()?;
            let (list, more) = Self::page(&answer)?;
            for one in list {
                let known = one.upc.as_ref().filter(|upc| skus.contains(upc)).cloned();
                let Some((sku, external)) = known.zip(one.external()) else { continue };
                matches.push(Match { sku, external, price: None, shut: None });
            }
            if !more {
                break;
            }
        }
        let mut matches = found::distinct(matches);
        for one in &mut matches {
            one.price = self.shown(&one.external).await?;
        }
        Ok(matches)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let answer = self.rest.get(&["admin", "products", ""], &[("page", "1")]).await?.ok()?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let first = Self::page(&answer)?.0.iter().find_map(Listed::external);
        let Some(external) = first else {
            return Ok(Probe::of("django-oscar shop", problems).noting([NO_PRODUCTS.to_owned()]));
        };
        if self.may_write(&external).await? == Some(false) {
            problems
                .push("the user may not change products; give it the permission catalogue | change product".to_owned());
        }
        let mut notes = Vec::new();
        let held = self.held(&external).await?;
        let own = held.iter().flat_map(|held| &held.stockrecords).find(|one| self.own(&one.partner));
        match own {
            None => problems.push("the first product has no stock record of the partner; check partner".to_owned()),
            Some(own) if own.price_currency != self.currency.code() => {
                let code = &own.price_currency;
                problems.push(format!("its stock records are in {code}; set currency = \"{code}\""));
            }
            Some(own) => {
                let price = own.price.as_deref().and_then(|price| amount::parse(price, self.currency).ok());
                let shown = self.shown(&external).await?;
                match price.zip(shown) {
                    None => notes.push(TAX_BY_HAND.to_owned()),
                    Some((price, shown)) if price == shown => {}
                    Some((price, shown)) => problems.push(format!(
                        "shoppers are told {shown} where the partner's stock record says {price}: check tax, and \
                         whether the shop's strategy takes this partner's record"
                    )),
                }
            }
        }
        Ok(Probe::of("django-oscar shop", problems).noting(notes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |price: &str, more: &str| {
            let own = format!(
                r#"{{"partner":"http://x/api/admin/partners/1/","partner_sku":"A","price_currency":"EUR","price":"{price}"}}"#
            );
            let body = format!(r#"{{"upc":"A","product_class":"std","stockrecords":[{own}{more}]}}"#);
            quoted(body.as_bytes(), "7", "/partners/1/")
        };
        assert_eq!(of("12.50", "").unwrap(), [Quote::new("7", WirePrice::from_minor(1_250, Currency::EUR))]);
        let stray =
            r#",{"partner":"http://x/api/admin/partners/2/","partner_sku":"A","price_currency":"EUR","price":"1"}"#;
        assert!(of("12.50", stray).is_err(), "a second stock record");
        assert!(of("12,50", "").is_err());
    }
}
