//! WooCommerce, as version 7.9 behaved: it eats locale numbers, drops sales silently and fails items behind 200. Over the
//! plain http of these tests it wants signed requests.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use omniprice::clock::Clock;
use omniprice::money::Currency;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::connectors::double::{Reply, Request, Vendor};

const BASE: &str = "/wp-json/wc/v3";

#[derive(Clone)]
pub struct Product {
    pub sku: &'static str,
    /// The variable product above a variation.
    pub parent: Option<u64>,
    pub variable: bool,
    pub regular: String,
    pub sale: String,
}

#[derive(Clone)]
pub struct Shop {
    pub products: BTreeMap<u64, Product>,
    /// What a host allows per batch.
    pub most: usize,
    /// A plug-in that rewrites prices on their way into the database.
    pub eats_points: bool,
    /// Whether the key's user belongs to the back office: settings and the currency are its own.
    pub settings: bool,
    pub read_only: bool,
    /// The plug-in is switched off, so WordPress alone answers.
    pub off: bool,
    /// A plug-in that rounds prices on their way into the database.
    pub keeps: Option<u32>,
    pub round_at_subtotal: &'static str,
    pub calc_taxes: &'static str,
    pub include_tax: &'static str,
    /// What plug-ins make of a product's fields on their way out.
    pub odd: BTreeMap<u64, Value>,
    pub nonces: BTreeSet<String>,
}

impl Shop {
    pub fn new() -> Self {
        let product = |sku, parent, variable, regular: &str| Product {
            sku,
            parent,
            variable,
            regular: regular.to_owned(),
            sale: String::new(),
        };
        let products = [
            (7, product("KETTLE", None, false, "499.00")),
            (8, product("LAMP", None, false, "349")),
            (30, product("SHIRT", None, true, "")),
            (31, product("SHIRT-S", Some(30), false, "99.00")),
            (32, product("SHIRT-M", Some(30), false, "99.00")),
        ];
        Self {
            products: products.into(),
            most: 100,
            eats_points: false,
            settings: true,
            read_only: false,
            off: false,
            keeps: None,
            round_at_subtotal: "no",
            calc_taxes: "yes",
            include_tax: "yes",
            odd: BTreeMap::new(),
            nonces: BTreeSet::new(),
        }
    }

    fn show(&self, id: u64, product: &Product) -> Value {
        let price = if product.sale.is_empty() { &product.regular } else { &product.sale };
        let kind = match product {
            Product { variable: true, .. } => "variable",
            Product { parent: Some(_), .. } => "variation",
            _ => "simple",
        };
        let mut shown = json!({ "id": id, "sku": product.sku, "type": kind, "parent_id": product.parent.unwrap_or(0),
            "price": price, "regular_price": product.regular, "sale_price": product.sale,
            "on_sale": !product.sale.is_empty() });
        for (key, value) in self.odd.get(&id).and_then(Value::as_object).into_iter().flatten() {
            shown[key] = value.clone();
        }
        shown
    }

    /// What `check_oauth_signature`, `check_oauth_timestamp_and_nonce` and `check_permissions` of the vendor object to.
    fn objection(&mut self, request: &Request) -> Option<Reply> {
        let refused = |code: &str, message: &str| {
            Some(Reply::json(401, &json!({ "code": code, "message": message, "data": { "status": 401 } })))
        };
        let wrong = "woocommerce_rest_authentication_error";
        let given = |name: &str| request.query.get(name).cloned().unwrap_or_default();
        if given("oauth_consumer_key").is_empty() {
            return refused("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.");
        }
        if given("oauth_consumer_key") != "ck_1" {
            return refused(wrong, "Consumer key is invalid.");
        }
        let signed = request.pairs.iter().filter(|(name, _)| name != "oauth_signature");
        let signed: BTreeMap<String, String> = signed.cloned().collect();
        let pairs: Vec<String> =
            signed.iter().map(|(name, value)| raw(&format!("{}={}", raw(name), raw(value)))).collect();
        let place = raw(&format!("http://{}{}", request.header("host"), request.path));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"cs_1&").unwrap();
        mac.update(format!("{}&{place}&{}", request.method, pairs.join("%26")).as_bytes());
        if given("oauth_signature_method") != "HMAC-SHA256"
            || given("oauth_signature") != BASE64.encode(mac.finalize().into_bytes())
        {
            return refused(wrong, "Invalid signature - provided signature does not match.");
        }
        let now = Clock::System.now().0 / 1_000;
        if given("oauth_timestamp").parse::<i64>().unwrap().abs_diff(now) > 15 * 60 {
            return refused(wrong, "Invalid timestamp.");
        }
        if !self.nonces.insert(given("oauth_nonce")) {
            return refused(wrong, "Invalid nonce - nonce has already been used.");
        }
        if self.read_only && request.method != "GET" {
            return refused(wrong, "The API key provided does not have write permissions.");
        }
        None
    }

    fn setting(&self, group: &str, id: &str) -> Reply {
        let value = match (group, id) {
            ("general", "woocommerce_calc_taxes") => self.calc_taxes,
            ("tax", "woocommerce_prices_include_tax") => self.include_tax,
            ("tax", "woocommerce_tax_round_at_subtotal") => self.round_at_subtotal,
            ("general", "woocommerce_price_num_decimals") => "2",
            _ => {
                return Reply::json(
                    404,
                    &json!({ "code": "rest_setting_setting_invalid", "message": "Invalid setting." }),
                );
            }
        };
        Reply::ok(&json!({ "id": id, "value": value }))
    }

    /// Digits and points stay, the rest goes: "12,50" is 1250.
    fn stored(&self, text: &str) -> String {
        let text: String = text.chars().filter(|c| c.is_ascii_digit() || (*c == '.' && !self.eats_points)).collect();
        let rounded = |keeps| {
            let amount = omniprice::money::decimal(&text).ok()?;
            Some(amount.round_dp_with_strategy(keeps, rust_decimal::RoundingStrategy::MidpointAwayFromZero).to_string())
        };
        self.keeps.and_then(rounded).unwrap_or(text)
    }

    fn batch(&mut self, parent: Option<u64>, items: &[Value]) -> Reply {
        if items.len() > self.most {
            let body = json!({ "code": "woocommerce_rest_request_entity_too_large", "message": "Unable to accept more than this many items for this request.", "data": { "status": 413 } });
            return Reply::json(413, &body);
        }
        let mut done = vec![];
        for item in items {
            let id = item["id"].as_u64().unwrap();
            let (regular, sale) = (
                self.stored(item["regular_price"].as_str().unwrap()),
                self.stored(item["sale_price"].as_str().unwrap()),
            );
            match self.products.get_mut(&id).filter(|product| product.parent.is_some() == parent.is_some()) {
                Some(product) => {
                    // A variation becomes the child of the product that the path names.
                    product.parent = parent;
                    if !product.variable {
                        // A sale that is no reduction is dropped without a word.
                        let number = |text: &str| omniprice::money::decimal(text).unwrap_or_default();
                        product.sale = if number(&sale) < number(&regular) { sale } else { String::new() };
                        product.regular = regular;
                    }
                    let product = product.clone();
                    done.push(self.show(id, &product));
                }
                None => done.push(json!({ "id": id, "error": { "code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": { "status": 400 } } })),
            }
        }
        // The list of nothing is an empty array in PHP, whatever its keys were.
        Reply::ok(&if items.is_empty() { json!([]) } else { json!({ "update": done }) })
    }

    fn list(&self, parent: Option<u64>, query: &BTreeMap<String, String>) -> Reply {
        if parent.is_some_and(|parent| !self.products.contains_key(&parent)) {
            let body = json!({ "code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": { "status": 404 } });
            return Reply::json(404, &body);
        }
        let ids: Option<Vec<u64>> =
            query.get("include").map(|list| list.split(',').map(|id| id.parse().unwrap()).collect());
        let skus: Option<Vec<&str>> = query.get("sku").map(|list| list.split(',').collect());
        let own = self.products.iter().filter(|(id, product)| match (&ids, &skus) {
            (Some(ids), _) => ids.contains(id) && product.parent == parent,
            (_, Some(skus)) => skus.contains(&product.sku),
            _ => product.parent == parent,
        });
        Reply::ok(&own.map(|(id, product)| self.show(*id, product)).collect())
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST" && request.json()["update"].as_array().is_some_and(|items| !items.is_empty())
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let nowhere = || Reply::json(404, &json!({ "code": "rest_no_route", "message": "No route was found" }));
        if self.off {
            return nowhere();
        }
        if let Some(objection) = self.objection(request) {
            return objection;
        }
        let path = request.path.strip_prefix(BASE).unwrap_or("").to_owned();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let items = || request.json()["update"].as_array().cloned().unwrap_or_default();
        match parts.as_slice() {
            ["products", "batch"] => self.batch(None, &items()),
            ["products", parent, "variations", "batch"] => self.batch(parent.parse().ok(), &items()),
            ["products"] => self.list(None, &request.query),
            ["products", parent, "variations"] => self.list(parent.parse().ok(), &request.query),
            ["data", "currencies", "current"] | ["settings", ..] if !self.settings => {
                let body = json!({ "code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources.", "data": { "status": 403 } });
                Reply::json(403, &body)
            }
            ["data", "currencies", "current"] => {
                Reply::ok(&json!({ "code": "DKK", "name": "Danish krone", "symbol": "kr." }))
            }
            ["settings", group, id] => self.setting(group, id),
            _ => nowhere(),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let product = self.products.get(&external.rsplit('/').next()?.parse().ok()?)?;
        let price = if product.sale.is_empty() { &product.regular } else { &product.sale };
        omniprice::money::Money::parse(price, Currency::DKK).ok().map(|price| price.minor())
    }
}

/// PHP's `rawurlencode`.
fn raw(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
