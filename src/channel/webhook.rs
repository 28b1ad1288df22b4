//! A signed webhook by the Standard Webhooks specification 1.0: one message per price, the same `webhook-id` on every
//! try, HMAC-SHA256 over `id.timestamp.body`. The receiver orders by `sequence` and drops repeats by id.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use toml::Table;
use url::Url;

use super::wire::amount;
use super::wire::http::{Answer, Call, Http};
use super::wire::signed::{self, MAX_PAYLOAD};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, Ordering, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "webhook",
    about: "signed messages (Standard Webhooks) to a receiver of yours; read back through its GET if it offers one",
    example: r#"[channels.erp]
kind = "webhook"
url = "https://erp.example/prices"
secret = "${ERP_WEBHOOK_SECRET}"  # whsec_ and the base64 of 24 to 64 random bytes
read_url = "https://erp.example/prices/{sku}"  # answers {"sku","price":{"amount","currency"}}; empty: unverified
currency = "DKK"
tax = "gross"
# net_decimals = 4                # with tax = "net": decimals that the receiver keeps; 2 unless it is set
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| {
        Ok(Arc::new(Webhook { http: Http::new(setting)?, receiver: build(table)?, clock: setting.clock.clone() }))
    },
};

const PLACEHOLDER: &str = "{sku}";
/// No product is called like this.
const PROBE_SKU: &str = "omniprice-probe";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    secret: SecretString,
    #[serde(default)]
    read_url: String,
    currency: String,
    tax: Tax,
    net_decimals: Option<u32>,
}

struct Webhook {
    http: Http,
    receiver: Receiver,
    clock: Clock,
}

/// The checked settings.
struct Receiver {
    url: Url,
    key: Vec<u8>,
    read_url: Option<String>,
    currency: Currency,
    tax: Tax,
    net_decimals: Option<u32>,
}

/// A message as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    r#type: String,
    timestamp: String,
    data: Data,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    sku: String,
    price: WirePrice,
    tax: String,
    /// The reduction that `price` is; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sale: Option<SaleData>,
    /// Grows with every change of this SKU on this channel; drop a message whose number is not larger.
    sequence: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaleData {
    regular: WirePrice,
    /// The lowest price of the 30 days before, where the law wants it shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prior: Option<WirePrice>,
    starts_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
}

/// What a receiver's GET answers; more keys are its own business.
#[derive(Debug, Deserialize)]
struct Held {
    price: WirePrice,
}

fn build(table: &Table) -> Result<Receiver, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let secret = settings.secret.expose_secret();
    let key = signed::key(secret).ok_or("secret must be whsec_ and the base64 of 24 to 64 bytes")?;
    let read_url = match settings.read_url.as_str() {
        "" => None,
        url if url.contains(PLACEHOLDER) && Url::parse(&url.replace(PLACEHOLDER, "x")).is_ok() => Some(url.to_owned()),
        _ => return Err(format!("read_url must be a URL with {PLACEHOLDER} in it")),
    };
    let currency = super::currency(&settings.currency)?;
    let Settings { url, tax, net_decimals, .. } = settings;
    amount::net_decimals(currency, tax, net_decimals)?;
    Ok(Receiver { url, key, read_url, currency, tax, net_decimals })
}

impl Webhook {
    async fn send(&self, change: &PriceChange, door: &Door) -> Result<Receipt, ChannelError> {
        let message = Message {
            r#type: "price.updated".to_owned(),
            timestamp: change.at.to_string(),
            data: Data {
                sku: change.external.clone(),
                price: change.price,
                tax: if self.receiver.tax == Tax::Gross { "gross" } else { "net" }.to_owned(),
                sale: change.sale.map(|sale| SaleData {
                    regular: sale.regular,
                    prior: sale.prior,
                    starts_at: sale.starts_at.to_string(),
                    ends_at: sale.ends_at.map(|end| end.to_string()),
                }),
                sequence: change.seq,
            },
        };
        let body = serde_json::to_vec(&message).map_err(|e| ChannelError::new(Class::Rejected, e.to_string()))?;
        if body.len() > MAX_PAYLOAD {
            return Err(ChannelError::new(Class::Rejected, format!("the message is larger than {MAX_PAYLOAD} bytes")));
        }
        // Id and body are the same on every try; the timestamp is the try's own, since receivers refuse old ones.
        let headers = signed::headers(&self.receiver.key, &change.key, self.clock.now(), &body)
            .ok_or_else(|| ChannelError::new(Class::Rejected, "cannot be signed: the id is no header value"))?;
        let quoted = quoted(&body)?;
        let pass = door.narrowed(&[change.external.as_str()]).check(body, &quoted)?;
        let answer = self.http.push(Call::json(Method::POST, self.receiver.url.clone(), headers), pass).await?;
        if answer.status == 410 {
            let why = "the receiver is gone (410): it asks not to be called again";
            return Err(ChannelError::new(Class::Gone, why));
        }
        answer.ok().map(|_| Receipt { echoed: None })
    }

    async fn asked(&self, sku: &str) -> Result<Answer, ChannelError> {
        let Some(template) = &self.receiver.read_url else {
            return Err(ChannelError::new(Class::Rejected, "this receiver cannot be read back"));
        };
        let sku: String = url::form_urlencoded::byte_serialize(sku.as_bytes()).collect();
        let url = Url::parse(&template.replace(PLACEHOLDER, &sku.replace('+', "%20")))
            .map_err(|e| ChannelError::new(Class::Rejected, e.to_string()))?;
        self.http.get(&url, HeaderMap::new()).await
    }

    async fn held(&self, sku: &str) -> Result<Option<WirePrice>, ChannelError> {
        let answer = self.asked(sku).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let answer = answer.ok()?;
        let held: Held =
            answer.parse().map_err(|_| answer.unclear("the receiver's answer is not {\"price\":{...}}"))?;
        Ok(Some(held.price))
    }
}

fn quoted(body: &[u8]) -> Result<Vec<Quote>, GateError> {
    let message: Message = serde_json::from_slice(body).map_err(|e| GateError::Unreadable(e.to_string()))?;
    let Data { sku, price, sale, .. } = message.data;
    Ok(vec![Quote { regular: sale.map(|sale| sale.regular), ..Quote::new(sku, price) }])
}

#[async_trait]
impl Channel for Webhook {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: self.receiver.read_url.is_some(),
            idempotent: true,
            concurrency: 4,
            seeded_by_us: true,
            sale: SaleSupport::Window,
            prior_price: true,
            ordering: Ordering::Version,
            read_back: if self.receiver.read_url.is_some() { ReadBack::Effective } else { ReadBack::None },
            net_decimals: self.receiver.net_decimals,
            ..Capabilities::cautious(self.receiver.currency, self.receiver.tax)
        }
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
            seen.push(Seen::plain(external.clone(), self.held(external).await?));
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut found = Vec::with_capacity(skus.len());
        for sku in skus {
            let price = if self.receiver.read_url.is_some() { self.held(sku).await? } else { None };
            found.push(Match { sku: sku.clone(), external: sku.clone(), price, shut: None });
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        if self.receiver.read_url.is_none() {
            let note = "without read_url it cannot be read back: its prices stay unverified, and nothing was asked now";
            return Ok(Probe::of("webhook", vec![]).noting([note.to_owned()]));
        }
        // Any SKU will do: what is looked at is whether the receiver answers, whom it lets in, and its clock.
        let answer = self.asked(PROBE_SKU).await?;
        let problems = answer.skew(self.clock.now()).into_iter().collect();
        if answer.status != 404 {
            answer.ok()?;
        }
        Ok(Probe::of("webhook that can be read back", problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_secret_or_a_template_without_sku_is_refused() {
        let table = |secret: &str, read: &str| -> Table {
            format!("kind='webhook'\nurl='https://x.example/'\nsecret='{secret}'\nread_url='{read}'\ncurrency='DKK'\ntax='gross'")
                .parse()
                .unwrap()
        };
        let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(build(&table(good, "")).is_ok());
        assert!(build(&table("whsec_c2hvcnQ=", "")).is_err());
        assert!(build(&table("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "")).is_err());
        assert!(build(&table(good, "https://x.example/prices")).is_err());
    }
}
