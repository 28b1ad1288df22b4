//! Offers and price specifications of one product, read into plain terms.
//!
//! Nothing is chosen here: every offer that is stated becomes one entry.

use super::bounds::Bounds;
use super::terms::Terms;
use super::{MAX_OFFERS, Walker, condition, gtin_of, types};
use crate::extract::json::{Object, Value};
use crate::extract::offer::{Availability, Evidence, MAX_FIELD, UnitPrice, field};
use crate::extract::price::{self, Context, PriceKind, Refusal, TaxView};
use crate::extract::{address, text};
use crate::money::{Currency, Money};

impl<'w, 'a> Walker<'w, 'a> {
    /// Collects every offer of a product: direct, in lists, in aggregates, nested.
    pub(super) fn terms_of(&self, object: &'w Object<'a>, path: &str, terms: &mut Vec<Terms>) {
        if let Some(offers) = object.get("offers").or_else(|| object.get("offer")) {
            for (i, value) in offers.each().iter().enumerate() {
                let path = if matches!(offers, Value::List(_)) {
                    format!("{path}.offers[{i}]")
                } else {
                    format!("{path}.offers")
                };
                if let Some(offer) = self.resolve(value) {
                    self.offer(offer, &path, None, terms, 0);
                }
            }
        } else if object.first(&["price", "lowPrice", "priceSpecification"]).is_some() {
            self.offer(object, path, None, terms, 0);
        }
    }

    fn offer(
        &self,
        offer: &'w Object<'a>,
        path: &str,
        currency: Option<Currency>,
        terms: &mut Vec<Terms>,
        depth: usize,
    ) {
        if terms.len() >= MAX_OFFERS || depth > 4 {
            return;
        }
        let currency = self.currency(offer).or(currency);
        let before = terms.len();
        for (i, nested) in offer.get("offers").map(Value::each).unwrap_or_default().iter().enumerate() {
            if let Some(nested) = self.resolve(nested) {
                self.offer(nested, &format!("{path}.offers[{i}]"), currency, terms, depth + 1);
            }
        }
        let nested = terms[before..].iter().any(|t| t.price.is_some());
        let mut own = self.terms(offer, path, currency);
        own.aggregate = offer.get("lowPrice").is_some();
        // Real offers inside an aggregate say more than its two ends.
        if nested && (own.aggregate || own.price.is_none()) {
            let availability = own.availability;
            for term in &mut terms[before..] {
                if term.availability == Availability::Unknown {
                    term.availability = availability;
                }
            }
        } else {
            terms.truncate(before);
            terms.push(own);
        }
    }

    fn currency(&self, object: &Object<'_>) -> Option<Currency> {
        let named = object.first(&["priceCurrency", "currency", "pricecurrency"]).and_then(Value::text)?;
        price::currency_of(named, &self.around.context)
    }

    fn terms(&self, offer: &'w Object<'a>, path: &str, currency: Option<Currency>) -> Terms {
        let first = |keys: &[&str]| offer.first(keys).and_then(Value::text);
        let mut terms = Terms {
            currency,
            availability: first(&["availability"]).map_or(Availability::Unknown, Availability::parse),
            condition: first(&["itemCondition"]).and_then(condition),
            seller: offer.first(&["seller", "offeredBy"]).and_then(|s| {
                self.resolve(s)
                    .and_then(|o| o.get("name"))
                    .and_then(Value::text)
                    .or_else(|| s.text())
                    .and_then(|n| field(n, MAX_FIELD))
            }),
            url: first(&["url"]).map(str::to_owned),
            sku: first(&["sku"]).and_then(|s| field(s, MAX_FIELD)).map(super::without_scheme),
            mpn: first(&["mpn"]).and_then(|s| field(s, MAX_FIELD)),
            gtin: ["gtin13", "gtin14", "gtin12", "gtin8", "gtin"].iter().filter_map(|k| first(&[k])).find_map(gtin_of),
            valid_until: first(&["priceValidUntil", "validThrough"]).and_then(|s| field(s, 40)),
            for_members: first(&["name"]).is_some_and(names_members),
            ..Terms::default()
        };
        if terms.availability == Availability::Unknown
            && let Some(level) = offer.get("inventoryLevel").and_then(Value::text)
        {
            terms.availability = if level == "0" { Availability::OutOfStock } else { Availability::InStock };
        }
        terms.named = if terms.sku.as_deref().is_some_and(|sku| address::names_in_query(self.around.url, sku)) {
            super::BY_CODE
        } else {
            terms.url.as_deref().map_or(0, |u| self.fit(u))
        };
        terms.other = terms.named == 0 && terms.url.as_deref().is_some_and(|u| self.is_other(u));
        let contradicts = offer.contradicts("price");
        let key = ["price", "lowPrice"].into_iter().find(|k| offer.first(&[k]).is_some());
        if let Some((key, value)) = key.and_then(|k| offer.get(k).map(|v| (k, v))) {
            for (i, value) in value.each().iter().enumerate() {
                // A list of prices is the same price in several spellings, or it is a contradiction.
                self.amount(&mut terms, value, &format!("{path}.{key}"), i > 0);
            }
            if contradicts {
                terms.open.push(format!("{path}.price is given twice with different values"));
                terms.price = None;
            }
            if key == "lowPrice" {
                let high = offer.first(&["highPrice"]).and_then(|v| self.money(v, terms.currency).ok());
                terms.high = high.filter(|h| terms.price.is_some_and(|low| low.minor() < h.minor()));
                terms.kind = if terms.high.is_some() { PriceKind::Range } else { PriceKind::Exact };
            }
        }
        let specifications = offer.get("priceSpecification").map(Value::each).unwrap_or_default();
        let several = specifications.len() > 1 || terms.price.is_some();
        for (i, spec) in specifications.iter().enumerate() {
            if let Some(spec) = self.resolve(spec) {
                self.specification(&mut terms, spec, &format!("{path}.priceSpecification[{i}]"), several);
            }
        }
        self.shipping(&mut terms, offer);
        Bounds::of(offer).mark(&mut terms);
        terms
    }

    /// Reads one stated amount into `terms.price`; a second one must agree.
    fn amount(&self, terms: &mut Terms, value: &Value<'_>, path: &str, again: bool) {
        let Some((raw, at)) = value.scalar() else { return };
        // A dash in the place of a price states none.
        if !raw.contains(char::is_alphanumeric) {
            return;
        }
        let context = Context { currency: terms.currency.or(self.around.context.currency), ..self.around.context };
        match price::machine(raw, &context).and_then(|r| r.money(context.currency).map(|m| (r, m))) {
            // `priceCurrency` and the sign in the price say two different things: neither is believed.
            Ok((_, money)) if terms.currency.is_some_and(|stated| stated != money.currency()) => {
                terms.open.push(format!("{path} `{}` is in another money than stated", text::cut(raw, 40)));
                terms.price = None;
                terms.raw = Some(raw.to_owned());
                terms.evidence = Some(Evidence::new(self.around.source, path, raw, Some(at)));
            }
            Ok((_, money)) if again => {
                if terms.price.is_some_and(|p| p != money) {
                    terms.open.push(format!("{path} is also given as {raw}"));
                    terms.price = None;
                }
            }
            Ok((reading, money)) => {
                terms.price = Some(money);
                terms.currency = Some(money.currency());
                terms.tax = reading.tax;
                terms.evidence = Some(Evidence::new(self.around.source, path, raw, Some(at)));
            }
            Err(refusal) => {
                terms.note(path, raw, &refusal);
                terms.raw = Some(raw.to_owned());
                terms.evidence = Some(Evidence::new(self.around.source, path, raw, Some(at)));
            }
        }
    }

    fn money(&self, value: &Value<'_>, currency: Option<Currency>) -> Result<Money, Refusal> {
        let (raw, _) = value.scalar().ok_or(Refusal::NoPrice)?;
        let context = Context { currency: currency.or(self.around.context.currency), ..self.around.context };
        price::machine(raw, &context)?.money(context.currency)
    }

    /// <https://schema.org/PriceSpecification> with the price types Google documents for merchants.
    ///
    /// Beside others a price per measure is not the price of the thing.
    fn specification(&self, terms: &mut Terms, spec: &'w Object<'a>, path: &str, several: bool) {
        let kind = types(spec);
        let currency = self.currency(spec).or(terms.currency);
        let Some(value) = spec.first(&["price", "minPrice"]) else { return };
        let label = spec.first(&["priceType", "name", "description"]).and_then(Value::text).unwrap_or("");
        let label = label.rsplit(['/', '#']).next().unwrap_or("").to_ascii_lowercase();
        let reference = spec.get("referenceQuantity").and_then(|v| self.resolve(v));
        let tax = match spec.get("valueAddedTaxIncluded").and_then(Value::boolean) {
            Some(true) => TaxView::Gross,
            Some(false) => TaxView::Net,
            None => TaxView::Unknown,
        };
        if kind.contains("DeliveryChargeSpecification") || kind.contains("PaymentChargeSpecification") {
            if kind.contains("Delivery") {
                terms.shipping = terms.shipping.or(self.money(value, currency).ok());
            }
            return;
        }
        if [
            "listprice",
            "srp",
            "msrp",
            "strikethroughprice",
            "regularprice",
            "suggestedretailprice",
            "minimumadvertisedprice",
        ]
        .contains(&label.as_str())
        {
            if label != "minimumadvertisedprice" {
                terms.list = terms.list.or(self.money(value, currency).ok());
            }
            return;
        }
        if spec.get("validForMemberTier").is_some() || label.contains("member") {
            terms.member = terms.member.or(self.money(value, currency).ok());
            return;
        }
        let bounds = Bounds::of(spec);
        if bounds.unsold || bounds.periodic || several && bounds.is_conditional() {
            return;
        }
        if let Some(reference) = reference {
            let amount = value.scalar().and_then(|(raw, _)| crate::money::decimal(raw).ok());
            let number = |key: &str| reference.get(key).and_then(Value::text).unwrap_or("").to_owned();
            let unit = reference.first(&["unitText", "unitCode"]).and_then(Value::text).unwrap_or("");
            let per = format!("{} {unit}", number("value")).trim().to_owned();
            let is_piece = matches!(unit, "C62" | "H87" | "EA" | "PCE" | "ST") || per.is_empty();
            if let Some(amount) = amount.filter(|_| !is_piece) {
                terms.unit = Some(UnitPrice { amount, currency, per });
                return;
            }
        }
        let unit =
            spec.first(&["unitText", "unitCode"]).and_then(Value::text).filter(|unit| several && is_measure(unit));
        if let Some(unit) = unit {
            let amount = value.scalar().and_then(|(raw, _)| crate::money::decimal(raw).ok());
            terms.unit =
                amount.map(|amount| UnitPrice { amount, currency, per: unit.to_owned() }).or(terms.unit.take());
            return;
        }
        let mut own = Terms { currency, ..Terms::default() };
        self.amount(&mut own, value, &format!("{path}.price"), false);
        if terms.tax == TaxView::Unknown && (terms.price.is_none() || own.price == terms.price) {
            terms.tax = tax;
        }
        match (terms.price, own.price) {
            (None, Some(_)) => {
                terms.price = own.price;
                terms.currency = own.currency;
                terms.evidence = own.evidence;
                terms.tax = tax;
            }
            (Some(price), Some(other)) if tax == TaxView::Net && other.minor() < price.minor() => {}
            // People pay the one with tax, whichever is stated first.
            (Some(price), Some(other))
                if terms.tax == TaxView::Net
                    && tax == TaxView::Gross
                    && other.currency() == price.currency()
                    && other.minor() > price.minor() =>
            {
                terms.price = Some(other);
                terms.tax = tax;
                terms.evidence = own.evidence;
            }
            // A sale price beside the offer's price wins when its type says so; otherwise the higher one is the reference.
            (Some(price), Some(other)) if label == "saleprice" && other.currency() == price.currency() => {
                terms.list = terms.list.or((price.minor() > other.minor()).then_some(price));
                terms.price = Some(other);
                terms.evidence = own.evidence;
            }
            (None, None) => {
                terms.open.extend(own.open);
                terms.evidence = terms.evidence.take().or(own.evidence);
                terms.raw = terms.raw.take().or(own.raw);
            }
            _ => {}
        }
    }

    fn shipping(&self, terms: &mut Terms, offer: &'w Object<'a>) {
        let details = offer.get("shippingDetails").map(Value::each).unwrap_or_default();
        let rate = details
            .iter()
            .filter_map(|d| self.resolve(d))
            .filter_map(|d| d.get("shippingRate"))
            .find_map(|r| self.resolve(r));
        if let Some(rate) = rate
            && let Some(value) = rate.first(&["value", "price", "maxValue"])
        {
            let currency = self.currency(rate).or(terms.currency);
            terms.shipping = terms.shipping.or(self.money(value, currency).ok());
        }
    }
}

/// Whether the unit of a price is a measure, as people write it or by its code of UN/CEFACT recommendation 20.
fn is_measure(unit: &str) -> bool {
    const MEASURES: [&str; 20] = [
        "kg", "g", "100g", "100 g", "l", "ml", "100ml", "100 ml", "m", "m2", "m²", "kgm", "grm", "ltr", "mlt", "mtr",
        "mtk", "mtq", "lb", "oz",
    ];
    MEASURES.iter().any(|measure| unit.trim().eq_ignore_ascii_case(measure))
}

/// Whether the name of an offer has a word for members of a club.
fn names_members(name: &str) -> bool {
    const WORDS: [&str; 16] = [
        "member",
        "members",
        "medlem",
        "medlemspris",
        "medlemmer",
        "medlemmar",
        "mitglied",
        "mitglieder",
        "club",
        "klub",
        "klubb",
        "premium",
        "prime",
        "plus",
        "adhérent",
        "socios",
    ];
    name.split(|c: char| !c.is_alphabetic()).any(|word| WORDS.contains(&word.to_lowercase().as_str()))
}
