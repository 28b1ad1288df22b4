//! Allegro through its REST API: price change commands, one offer each. Facts that shape this file:
//!
//! - A command's id is ours: the same id is the same command, so it is derived from the change's key and a repeat is safe.
//! - `PUT` may answer while the command is still running, and a running command may still fail.
//! - Refresh tokens rotate: each one works once.
//! - Commands for many offers apply one rule to all of them, which does not fit prices that differ.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use toml::Table;
use url::Url;
use uuid::Uuid;

use super::wire::amount::{self, Shown};
use super::wire::found;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::oauth::{Client, ClientAuth, Grant, Tokens};
use super::wire::pace::Pace;
use super::wire::session::{Bearer, Session};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, Ordering, PartialFailure, PriceChange, Probe, ReadBack,
    Receipt, Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "allegro",
    about: "Allegro offers by SKU (the offer's external id), one price command each, read back from the offer",
    example: r#"[channels.allegro]
kind = "allegro"
client_id = "0123456789abcdef0123456789abcdef"
client_secret = "${ALLEGRO_CLIENT_SECRET}"
refresh_token = "${ALLEGRO_REFRESH_TOKEN}"  # the first one; later ones are kept in the database
currency = "PLN"
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Allegro::new(build(table)?, setting)?)),
};

const API: &str = "https://api.allegro.pl";
const TOKEN: &str = "https://allegro.pl/auth/oauth/token";
const MEDIA_TYPE: &str = "application/vnd.allegro.public.v1+json";
/// 9,000 requests a minute for each client (developer.allegro.pl, limits); a third of it is left to others.
const PER_MINUTE: u32 = 6_000;
/// Of these, 3,500 may read, and commands may change 150,000 offers an hour, which is 2,500 a minute; the same share is left.
const READS_PER_MINUTE: u32 = 2_300;
const COMMANDS_PER_MINUTE: u32 = 1_650;
const BURST: u32 = 50;
/// Offers listed for one SKU: enough to see that there are several.
const MAX_OFFERS: &str = "10";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
    currency: String,
    api_url: Option<Url>,
    token_url: Option<Url>,
}

/// The checked settings.
struct Seller {
    base: Url,
    currency: Currency,
    client: Client,
}

fn build(table: &Table) -> Result<Seller, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    Ok(Seller {
        base: http::vendor_url("api_url", settings.api_url.as_ref(), API)?,
        currency: super::currency(&settings.currency)?,
        client: Client {
            token_url: http::vendor_url("token_url", settings.token_url.as_ref(), TOKEN)?,
            id: settings.client_id,
            secret: settings.client_secret,
            auth: ClientAuth::Basic,
            grant: Grant::RefreshToken { first: settings.refresh_token, scope: String::new() },
        },
    })
}

struct Allegro {
    seller: Seller,
    session: Session,
    /// What Allegro counts of one kind, within the bucket of all requests.
    reads: Arc<Pace>,
    commands: Arc<Pace>,
    /// Part of every command id, so that two channels never share one.
    name: String,
    clock: Clock,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    id: String,
    input: Input,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    buy_now_price: Amount,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    amount: String,
    currency: String,
}

impl Amount {
    fn money(&self) -> Result<WirePrice, String> {
        let currency = crate::money::currency(&self.currency).map_err(|why| why.to_string())?;
        amount::parse(&self.amount, currency)
    }
}

#[derive(Debug, Deserialize)]
struct Commanded {
    output: Option<Output>,
}

#[derive(Debug, Default, Deserialize)]
struct Output {
    #[serde(default)]
    status: String,
    #[serde(default)]
    errors: Vec<Failure>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    #[serde(default)]
    code: String,
    message: Option<String>,
    user_message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Offers {
    #[serde(default)]
    offers: Vec<Offer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    #[serde(default)]
    id: String,
    selling_mode: Option<Mode>,
    external: Option<External>,
}

#[derive(Debug, Deserialize)]
struct Mode {
    price: Option<Amount>,
}

#[derive(Debug, Deserialize)]
struct External {
    id: Option<String>,
}

impl Offer {
    fn shown(&self) -> Result<Option<Shown>, String> {
        let price = self.selling_mode.as_ref().and_then(|mode| mode.price.as_ref());
        let Some(Amount { amount, currency }) = price else { return Ok(None) };
        amount::shown(amount, crate::money::currency(currency).map_err(|why| why.to_string())?)
    }

    /// The same for whoever proves nothing with it.
    fn price(&self) -> Option<WirePrice> {
        self.shown().ok().flatten().map(|shown| shown.price)
    }
}

impl Allegro {
    fn new(seller: Seller, setting: &Setting) -> Result<Self, String> {
        let http = Http::new(setting)?;
        let (name, clock, vault) = (setting.name.clone(), setting.clock.clone(), Arc::clone(&setting.vault));
        // The vendor counts the requests of an application.
        let pace = |kind: &str, per_minute| {
            setting.shared.pace(&[&kind, &seller.base.as_str(), &seller.client.id], BURST, per_minute)
        };
        let (reads, commands) = (pace("reads", READS_PER_MINUTE), pace("commands", COMMANDS_PER_MINUTE));
        let pace = pace("requests", PER_MINUTE);
        let tokens = Tokens::new(http.clone(), seller.client.clone(), name.clone(), clock.clone(), vault);
        let session = Session::new(http.paced(pace), tokens, Bearer::Standard);
        Ok(Self { seller, session, reads, commands, name, clock })
    }

    fn call(&self, method: Method, segments: &[&str], query: &[(&str, &str)]) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
        Call::json(method, http::place(&self.seller.base, segments, query), headers).typed(MEDIA_TYPE)
    }

    async fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Answer, ChannelError> {
        self.reads.take(1).await?;
        self.session.ask(self.call(Method::GET, segments, query), Vec::new()).await
    }

    async fn send(&self, change: &PriceChange, door: &Door) -> Result<Receipt, ChannelError> {
        let id = command_id(&self.name, change).to_string();
        let price = Amount { amount: amount::text(change.price), currency: change.price.currency().code().to_owned() };
        let body = serde_json::to_vec(&Command { id: id.clone(), input: Input { buy_now_price: price } });
        let body = body.map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))?;
        let quoted = quoted(&change.external, &body)?;
        self.commands.take(1).await?;
        let pass = door.narrowed(&[change.external.as_str()]).check(body, &quoted)?;
        let call = self.call(Method::PUT, &["offers", &change.external, "change-price-commands", &id], &[]);
        let answer = self.session.push(call, pass).await?;
        if answer.status == 409 {
            // The same id with another price would be a fault of ours; the same price is there already.
            return Err(answer.unclear("Allegro already has a command with this id"));
        }
        let answer = answer.ok()?;
        let commanded: Commanded = answer.parse()?;
        let output = commanded.output.unwrap_or_default();
        if matches!(output.status.as_str(), "ERROR" | "RUNNING_BUT_WITH_ERRORS") || !output.errors.is_empty() {
            let first = output.errors.into_iter().next();
            let words = first.map_or_else(|| output.status.clone(), |failure| failure.sentence());
            return Err(ChannelError::new(Class::Rejected, format!("Allegro refuses the price: {words}")));
        }
        Ok(Receipt { echoed: None })
    }

    /// The offers with this external id; one of ours has one. A relisted item has it too, so offers that have ended or
    /// are drafts count only where none is on sale.
    async fn offers_of(&self, sku: &str) -> Result<Vec<Offer>, ChannelError> {
        let is_sku = |offer: &Offer| offer.external.as_ref().and_then(|e| e.id.as_deref()) == Some(sku);
        let asked = [("external.id", sku), ("limit", MAX_OFFERS)];
        let on_sale = [asked[0], asked[1], ("publication.status", "ACTIVE")];
        for query in [&on_sale[..], &asked[..]] {
            let mut list: Offers = self.get(&["sale", "offers"], query).await?.ok()?.parse()?;
            list.offers.retain(is_sku);
            if !list.offers.is_empty() {
                return Ok(list.offers);
            }
        }
        Ok(Vec::new())
    }
}

impl Failure {
    fn sentence(self) -> String {
        let words = self.user_message.or(self.message).unwrap_or_else(|| "no reason given".to_owned());
        format!("{words} ({})", self.code)
    }
}

/// Version 5: the same for the same change on every try and every machine. Price and time belong to it, because keys
/// begin anew in a new database.
fn command_id(channel: &str, change: &PriceChange) -> Uuid {
    let name = format!("omniprice:{channel}:{}:{}:{}", change.key, change.price, change.at.0);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

/// The offer stands in the request's path.
fn quoted(external: &str, body: &[u8]) -> Result<Vec<Quote>, GateError> {
    let command: Command = serde_json::from_slice(body).map_err(|why| GateError::Unreadable(why.to_string()))?;
    let price = command.input.buy_now_price.money().map_err(GateError::Unreadable)?;
    Ok(vec![Quote::new(external, price)])
}

#[async_trait]
impl Channel for Allegro {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            idempotent: true,
            concurrency: 4,
            visible_after_ms: 5 * Millis::SECOND,
            partial: PartialFailure::Single,
            ordering: Ordering::CommandId,
            read_back: ReadBack::Submitted,
            ..Capabilities::cautious(self.seller.currency, Tax::Gross)
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
            let answer = self.get(&["sale", "product-offers", external], &[]).await?;
            let price = if answer.status == 404 { Ok(None) } else { answer.ok()?.parse::<Offer>()?.shown() };
            seen.push(found::shown(external.clone(), price));
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut found = Vec::new();
        for sku in skus {
            for offer in self.offers_of(sku).await? {
                let price = offer.price();
                found.push(Match { sku: sku.clone(), external: offer.id, price, shut: None });
            }
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let answer = self.get(&["sale", "offers"], &[("limit", "1")]).await?.ok()?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let list: Offers = answer.parse()?;
        let price = list.offers.iter().find_map(Offer::price);
        if let Some(other) = price.map(WirePrice::currency).filter(|other| *other != self.seller.currency) {
            problems.push(format!("offers are in {0}; set currency = \"{0}\"", other.code()));
        }
        Ok(Probe::of("Allegro seller account", problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_keeps_its_id_and_no_other_has_it() {
        let change = |key: &str, at| PriceChange {
            external: "7".to_owned(),
            sku: "A".to_owned(),
            seq: 3,
            price: WirePrice::from_minor(1_250, Currency::PLN),
            sale: None,
            after_sale: false,
            vat_pct: None,
            title: String::new(),
            gtin: None,
            brand: None,
            in_stock: true,
            key: key.to_owned(),
            at: Millis(at),
        };
        let id = command_id("allegro", &change("7:3", 1));
        assert_eq!((id, id.get_version_num()), (command_id("allegro", &change("7:3", 1)), 5));
        for other in [command_id("allegro", &change("7:4", 1)), command_id("allegro", &change("7:3", 2))] {
            assert_ne!(id, other);
        }
        assert_ne!(id, command_id("allegro-2", &change("7:3", 1)));
    }

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let good = r#"{"id":"x","input":{"buyNowPrice":{"amount":"12.50","currency":"PLN"}}}"#;
        let price = WirePrice::from_minor(1_250, Currency::PLN);
        assert_eq!(quoted("o", good.as_bytes()).unwrap(), vec![Quote::new("o", price)]);
        for sneaky in [
            good.replace("\"buyNowPrice\"", "\"startingPrice\":{\"amount\":\"1\"},\"buyNowPrice\""),
            good.replace("12.50", "12,50"),
            good.replace("\"12.50\"", "12.5"),
        ] {
            assert!(quoted("o", sneaky.as_bytes()).is_err(), "{sneaky}");
        }
    }
}
