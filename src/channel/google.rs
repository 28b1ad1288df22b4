//! Google Merchant Center through the Merchant API (products v1). Facts that shape this file:
//!
//! - `insert` replaces a product input as a whole and is refused when its `versionNumber` is lower than the stored one:
//!   the one channel that keeps our order itself. It fits a data source that nobody else fills.
//! - `patch` touches what its mask names; a field in the mask without a value is deleted, which is how a sale ends.
//! - What was written shows minutes later as the processed product; a product may be updated twice a day.

mod product;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use toml::Table;
use url::Url;

use super::wire::found;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::jwt;
use super::wire::oauth::{Assertion, Client, ClientAuth, Grant, Tokens};
use super::wire::session::{Bearer, Session};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, Ordering, PartialFailure, PriceChange, Probe, ReadBack,
    Receipt, SaleSupport, Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::Currency;
use crate::publish::gate::Door;
use product::{Attributes, Input, Interval, Issue, Page, Price, Product, Shown, quoted};

pub const KIND: Kind = Kind {
    name: "google",
    about: "Google Merchant Center products through the Merchant API, read back as processed products",
    example: r#"[channels.google-shopping]
kind = "google"
account = "123456789"                       # the Merchant Center account
data_source = "987654321"                   # of type API; see docs/channels/google.md
content_language = "da"
feed_label = "DK"
client_email = "omniprice@project.iam.gserviceaccount.com"
private_key = "${GOOGLE_PRIVATE_KEY}"       # of the service account, PKCS#8 in PEM
currency = "DKK"
tax = "gross"                               # net in the United States and Canada
write = "patch"                             # "insert": the data source is ours alone, and ordered by version
link = "https://shop.example/p/{sku}"       # for "insert": the landing page
image = "https://shop.example/i/{sku}.jpg"  # for "insert"
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Google::new(build(table)?, setting)?)),
};

const API: &str = "https://merchantapi.googleapis.com";
const TOKEN: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/content";
const PLACEHOLDER: &str = "{sku}";
/// Requests a minute before Google has told its quota (`quota.list`, per method group).
const PER_MINUTE: u32 = 600;
const BURST: u32 = 20;
/// Updates of one product in a day (Merchant API, "Manage your products", update frequency).
const DAILY: u32 = 2;
/// Titles longer than 150 characters are cut by Google (product data specification, title).
const MAX_TITLE: usize = 150;
/// Products of a page (`products.list`), and pages looked through for SKUs.
const PAGE: &str = "1000";
const MAX_PAGES: usize = 1_000;
/// More SKUs than this are found by listing everything.
const MAX_SINGLE: usize = 100;
const MASK: &str = "productAttributes.price,productAttributes.salePrice,productAttributes.salePriceEffectiveDate";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    account: String,
    data_source: String,
    content_language: String,
    feed_label: String,
    client_email: String,
    private_key: SecretString,
    currency: String,
    tax: Tax,
    #[serde(default)]
    write: Write,
    #[serde(default)]
    link: String,
    #[serde(default)]
    image: String,
    api_url: Option<Url>,
    token_url: Option<Url>,
}

/// How prices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Write {
    #[default]
    Patch,
    Insert,
}

/// The checked settings.
struct Merchant {
    base: Url,
    account: String,
    /// `accounts/1/dataSources/2`.
    data_source: String,
    language: String,
    label: String,
    currency: Currency,
    tax: Tax,
    write: Write,
    link: String,
    image: String,
    token_url: Url,
    key: Assertion,
}

fn build(table: &Table) -> Result<Merchant, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    for (key, value) in [("account", &settings.account), ("data_source", &settings.data_source)] {
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("{key} must be a number"));
        }
    }
    if settings.content_language.len() != 2 || settings.feed_label.is_empty() {
        return Err("content_language has two letters, feed_label is usually a country such as DK".to_owned());
    }
    let template = |text: &str| text.contains(PLACEHOLDER) && Url::parse(&text.replace(PLACEHOLDER, "x")).is_ok();
    if settings.write == Write::Insert && !(template(&settings.link) && template(&settings.image)) {
        return Err(format!("write = \"insert\" needs link and image, URLs with {PLACEHOLDER} in them"));
    }
    let token_url = http::vendor_url("token_url", settings.token_url.as_ref(), TOKEN)?;
    Ok(Merchant {
        base: http::vendor_url("api_url", settings.api_url.as_ref(), API)?,
        data_source: format!("accounts/{}/dataSources/{}", settings.account, settings.data_source),
        account: settings.account,
        language: settings.content_language,
        label: settings.feed_label,
        currency: super::currency(&settings.currency)?,
        tax: settings.tax,
        write: settings.write,
        link: settings.link,
        image: settings.image,
        key: Assertion {
            issuer: settings.client_email,
            audience: token_url.to_string(),
            scope: SCOPE.to_owned(),
            key: settings.private_key,
        },
        token_url,
    })
}

struct Google {
    merchant: Merchant,
    session: Session,
    clock: Clock,
}

impl Google {
    fn new(merchant: Merchant, setting: &Setting) -> Result<Self, String> {
        jwt::key(&merchant.key)?;
        let http = Http::new(setting)?;
        let client = Client {
            token_url: merchant.token_url.clone(),
            id: String::new(),
            secret: SecretString::default(),
            auth: ClientAuth::None,
            grant: Grant::Assertion { sign: jwt::rs256, key: merchant.key.clone() },
        };
        let clock = setting.clock.clone();
        let tokens = Tokens::new(http.clone(), client, setting.name.clone(), clock.clone(), Arc::clone(&setting.vault));
        let pace = setting.shared.pace(&[&"requests", &merchant.base.as_str(), &merchant.account], BURST, PER_MINUTE);
        let session = Session::new(http.paced(pace), tokens, Bearer::Standard);
        Ok(Self { merchant, session, clock })
    }

    fn input(&self, change: &PriceChange) -> Result<Input, ChannelError> {
        let insert = self.merchant.write == Write::Insert;
        let sku: String = url::form_urlencoded::byte_serialize(change.external.as_bytes()).collect();
        let filled = |template: &str| insert.then(|| template.replace(PLACEHOLDER, &sku.replace('+', "%20")));
        let title: String = change.title.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
        let stock = if change.in_stock { "IN_STOCK" } else { "OUT_OF_STOCK" };
        let sale = change.sale;
        Ok(Input {
            offer_id: change.external.clone(),
            content_language: self.merchant.language.clone(),
            feed_label: self.merchant.label.clone(),
            version_number: insert.then(|| change.seq.to_string()),
            product_attributes: Attributes {
                title: insert.then_some(title),
                link: filled(&self.merchant.link),
                image_link: filled(&self.merchant.image),
                availability: insert.then(|| stock.to_owned()),
                brand: change.brand.clone().filter(|_| insert),
                gtins: change.gtin.iter().filter(|_| insert).cloned().collect(),
                price: Price::of(sale.map_or(change.price, |sale| sale.regular))?,
                sale_price: sale.map(|_| Price::of(change.price)).transpose()?,
                sale_price_effective_date: sale.map(|sale| Interval {
                    start_time: Some(sale.starts_at.to_string()),
                    end_time: sale.ends_at.map(|end| end.to_string()),
                }),
            },
        })
    }

    async fn send(&self, change: &PriceChange, door: &Door) -> Result<Receipt, ChannelError> {
        let body = serde_json::to_vec(&self.input(change)?);
        let body = body.map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))?;
        let quoted = quoted(&body)?;
        let pass = door.narrowed(&[change.external.as_str()]).check(body, &quoted)?;
        let source = ("dataSource", self.merchant.data_source.as_str());
        let call = match self.merchant.write {
            Write::Insert => Call::json(Method::POST, self.url(&["productInputs:insert"], &[source]), HeaderMap::new()),
            Write::Patch => {
                let name = self.name(&change.external);
                let url = self.url(&["productInputs", &name], &[source, ("updateMask", MASK)]);
                Call::json(Method::PATCH, url, HeaderMap::new())
            }
        };
        let answer = self.session.push(call, pass).await?;
        // A success that is no JSON is somebody else's, such as a proxy's.
        accepted(answer)?.json()?;
        Ok(Receipt { echoed: None })
    }

    fn url(&self, rest: &[&str], query: &[(&str, &str)]) -> Url {
        let head = ["products", "v1", "accounts", self.merchant.account.as_str()];
        let segments: Vec<&str> = head.into_iter().chain(rest.iter().copied()).collect();
        http::place(&self.merchant.base, &segments, query)
    }

    /// The last part of a product's name; Google wants it in base64 where the id has other than plain characters.
    fn name(&self, offer: &str) -> String {
        let name = format!("{}~{}~{offer}", self.merchant.language, self.merchant.label);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if offer.bytes().all(plain) { name } else { BASE64URL.encode(name) }
    }

    async fn get(&self, url: Url) -> Result<Answer, ChannelError> {
        self.session.ask(Call::json(Method::GET, url, HeaderMap::new()), Vec::new()).await
    }

    async fn product(&self, offer: &str) -> Result<Option<Product>, ChannelError> {
        let answer = self.get(self.url(&["products", &self.name(offer)], &[])).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        accepted(answer)?.parse().map(Some)
    }

    /// All products of our language and label.
    async fn everything(&self) -> Result<Vec<Product>, ChannelError> {
        let mut found = Vec::new();
        let mut token = String::new();
        for _ in 0..MAX_PAGES {
            let url = self.url(&["products"], &[("pageSize", PAGE), ("pageToken", &token)]);
            let page: Page = accepted(self.get(url).await?)?.parse()?;
            let own = page.products.into_iter().filter(|product| {
                product.content_language == self.merchant.language && product.feed_label == self.merchant.label
            });
            found.extend(own);
            match page.next_page_token.filter(|token| !token.is_empty()) {
                Some(next) => token = next,
                None => return Ok(found),
            }
        }
        Err(ChannelError::new(Class::Rejected, format!("the account has more than {MAX_PAGES} pages of products")))
    }

    fn seen(&self, external: &str, product: Option<Product>) -> Seen {
        let Some(product) = product else { return Seen::plain(external.to_owned(), None) };
        let Shown { price, sale_price, sale_price_effective_date: window } = product.product_attributes;
        let shown = |price: Option<Price>| price.map(|price| price.shown()).transpose();
        let now = self.clock.now();
        let sale = sale_price.filter(|_| window.is_none_or(|window| window.holds(now)));
        let (paid, regular) = if sale.is_some() { (sale, price) } else { (price, None) };
        let seen = found::crossed_out(found::shown(external.to_owned(), shown(paid)), shown(regular));
        let issue = product.product_status.item_level_issues.into_iter().find(Issue::about_price);
        let complaint = issue.map(|issue| format!("{} ({})", issue.description, issue.code));
        Seen { complaint, ..seen }
    }
}

/// Errors that Google words itself: an older version, and quotas behind several status codes.
fn accepted(answer: Answer) -> Result<Answer, ChannelError> {
    let text = || String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status >= 400 {
        let text = text();
        if text.contains("daily_limit_exceeded") {
            let class = Class::Retry { after_ms: Some(Millis::HOUR) };
            return Err(ChannelError::new(class, "Google's daily quota of this account is used up"));
        }
        if text.contains("request_rate_too_high") {
            let class = Class::Retry { after_ms: Some(Millis::MINUTE) };
            return Err(ChannelError::new(class, "Google asks for fewer requests a minute"));
        }
        if text.contains("\"ABORTED\"") {
            return Err(ChannelError::new(Class::Rejected, "Google already holds a price with a higher version"));
        }
    }
    answer.ok()
}

#[async_trait]
impl Channel for Google {
    fn capabilities(&self) -> Capabilities {
        let insert = self.merchant.write == Write::Insert;
        Capabilities {
            readable: true,
            idempotent: insert,
            concurrency: 4,
            visible_after_ms: 5 * Millis::MINUTE,
            // Processed products follow within minutes, at busy times within half an hour.
            shows_within_ms: 30 * Millis::MINUTE,
            seeded_by_us: insert,
            attributes: insert,
            sale: SaleSupport::Window,
            stages: true,
            partial: PartialFailure::Single,
            ordering: if insert { Ordering::Version } else { Ordering::None },
            read_back: ReadBack::Effective,
            daily_per_listing: Some(DAILY),
            ..Capabilities::cautious(self.merchant.currency, self.merchant.tax)
        }
    }

    /// Two data sources of one language and label feed the same product.
    fn capped_as(&self) -> Option<String> {
        let Merchant { base, account, language, label, .. } = &self.merchant;
        Some(format!("{base} {account} {language}~{label}"))
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let mut results = Vec::with_capacity(changes.len());
        for change in changes {
            results.push(self.send(change, door).await);
        }
        results
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for external in externals {
            seen.push(self.seen(external, self.product(external).await?));
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut known = Vec::new();
        if skus.len() > MAX_SINGLE {
            known = self.everything().await?;
        } else {
            for sku in skus {
                known.extend(self.product(sku).await?);
            }
        }
        let mut found = Vec::new();
        for sku in skus {
            let at = known.iter().position(|product| product.offer_id == *sku);
            let price = match at {
                Some(at) => self.seen(sku, Some(known.swap_remove(at))).price,
                // A data source of our own gets the product with its first price.
                None if self.merchant.write == Write::Insert => None,
                None => continue,
            };
            found.push(Match { sku: sku.clone(), external: sku.clone(), price, shut: None });
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let answer = accepted(self.get(self.url(&["products"], &[("pageSize", "1")])).await?)?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let page: Page = answer.parse()?;
        let price = page.products.into_iter().find_map(|product| product.product_attributes.price);
        if let Some(other) = price.map(|price| price.currency_code).filter(|c| c != self.merchant.currency.code()) {
            problems.push(format!("the account's products are in {other}; set currency = \"{other}\""));
        }
        let segments: Vec<&str> =
            ["datasources", "v1"].into_iter().chain(self.merchant.data_source.split('/')).collect();
        let source = self.get(http::place(&self.merchant.base, &segments, &[])).await?;
        if source.status == 404 {
            problems.push("the account has no such data_source; its number stands in Merchant Center".to_owned());
        } else {
            let source: Value = accepted(source)?.parse()?;
            let input = source.get("input").and_then(Value::as_str).unwrap_or("API");
            if input != "API" {
                problems.push(format!(
                    "the data source is filled by {input}; a file would overwrite prices, use one of type API"
                ));
            }
            if self.merchant.write == Write::Insert && source.get("primaryProductDataSource").is_none() {
                problems.push("write = \"insert\" needs a primary data source; this one is supplemental".to_owned());
            }
        }
        Ok(Probe::of(format!("Merchant Center account {}", self.merchant.account), problems))
    }
}
