//! Writing prices: base prices, special prices and their end, in the order that each edition of the shop needs.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::bodies::{Base, Prices, Special, bytes, number, quoted, window};
use super::shown::Row;
use super::{Magento, staging, taken};
use crate::channel::wire::http::Answer;
use crate::channel::wire::outgoing;
use crate::channel::wire::worklist::Outcome;
use crate::channel::{ChannelError, Class, PriceChange, Receipt};
use crate::publish::gate::{Door, Pass};

impl Magento {
    /// Base prices of all changes, and these special prices, as two bodies that passed the door; in the queue each item is
    /// an operation of its own.
    fn passes(
        &self,
        changes: &[&PriceChange],
        special: Vec<Special>,
        queued: bool,
        door: &Door,
    ) -> Result<(Pass, Option<Pass>), ChannelError> {
        fn body<T: serde::Serialize>(items: Vec<T>, queued: bool) -> Result<Vec<u8>, ChannelError> {
            if queued {
                return bytes(&items.into_iter().map(|item| Prices { prices: vec![item] }).collect::<Vec<_>>());
            }
            bytes(&Prices { prices: items })
        }
        let base = |change: &&PriceChange| {
            let regular = change.sale.map_or(change.price, |sale| sale.regular);
            Ok(Base { price: number(regular)?, store_id: self.store_id, sku: change.external.clone() })
        };
        let base = changes.iter().map(base).collect::<Result<Vec<Base>, ChannelError>>()?;
        let base = body(base, queued)?;
        let special = (!special.is_empty()).then(|| body(special, queued)).transpose()?;
        let quotes = quoted(&base, special.as_deref(), self.store_id, self.currency);
        let base = outgoing::pass(door, changes, base, quotes.clone())?;
        Ok((base, special.map(|body| outgoing::pass(door, changes, body, quotes)).transpose()?))
    }

    /// Sends one body; the problems by place in the batch, empty if everything was taken.
    async fn send(
        &self,
        call: &str,
        skus: &[&str],
        pass: Pass,
        queued: bool,
    ) -> Result<Vec<(usize, ChannelError)>, ChannelError> {
        if !queued {
            let path = [&self.store, "V1", "products", call];
            return problems(&taken(self.rest.push(Method::POST, &path, &[], pass).await?)?, skus);
        }
        #[derive(Deserialize)]
        struct Accepted {
            bulk_uuid: String,
            #[serde(default)]
            request_items: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Item {
            id: usize,
            status: String,
            error_message: Option<String>,
        }
        let path = [&self.store, "async", "bulk", "V1", "products", call];
        let accepted: Accepted = taken(self.rest.push(Method::POST, &path, &[], pass).await?)?.parse()?;
        for (place, sku) in skus.iter().enumerate() {
            self.jobs.remember(std::iter::once(*sku), &format!("{}#{place}", accepted.bulk_uuid));
        }
        let refused = accepted.request_items.into_iter().filter(|item| item.status != "accepted");
        let error = |item: Item| {
            let why = item.error_message.unwrap_or(item.status);
            (item.id, ChannelError::new(Class::Rejected, format!("the queue refuses the price: {why}")))
        };
        Ok(refused.map(error).collect())
    }

    /// Deletes these special prices, each by its exact row.
    async fn end_sales(&self, stale: Vec<Row>) -> Result<(), ChannelError> {
        if stale.is_empty() {
            return Ok(());
        }
        let skus: Vec<String> = stale.iter().map(|row| row.sku.clone()).collect();
        let special = |row: Row| Special {
            price: row.price,
            store_id: row.store_id,
            sku: row.sku,
            price_from: row.price_from.unwrap_or_default(),
            price_to: row.price_to.unwrap_or_default(),
        };
        let body = bytes(&Prices { prices: stale.into_iter().map(special).collect() })?;
        let body: Value =
            serde_json::from_slice(&body).map_err(|e| ChannelError::new(Class::Rejected, e.to_string()))?;
        let path = [self.store.as_str(), "V1", "products", "special-price-delete"];
        let answer = taken(self.rest.ask(Method::POST, &path, &body).await?)?;
        let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
        match problems(&answer, &skus)?.into_iter().next() {
            None => Ok(()),
            Some((_, error)) => Err(ChannelError::new(Class::Retry { after_ms: None }, error.message)),
        }
    }

    pub(super) async fn update(&self, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let skus: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let reduced: Vec<usize> = (0..changes.len()).filter(|place| changes[*place].sale.is_some()).collect();
        if !reduced.is_empty() {
            let names: Vec<&str> = reduced.iter().map(|place| skus[*place]).collect();
            let bad = self.takes_no_sale(&names).await?;
            if !bad.is_empty() {
                let place_of = |(place, error): (usize, ChannelError)| Some((*reduced.get(place)?, error));
                return Ok(Outcome::Bad(bad.into_iter().filter_map(place_of).collect()));
            }
        }
        let mut held = self.rows("special-price-information", &skus).await?;
        held.retain(|row| row.store_id == self.store_id);
        if (!reduced.is_empty() || !held.is_empty()) && self.staged().await? {
            return self.update_staged(changes, &held, door).await;
        }
        match self.update_plain(changes, held.clone(), door).await? {
            Outcome::Bad(bad)
                if !self.queue && bad.iter().any(|(place, error)| begins_too_early(changes[*place], error)) =>
            {
                // Nothing was written: special prices go first, and a shop with staging refuses them all.
                self.edition.learned(true);
                self.update_staged(changes, &held, door).await
            }
            outcome => Ok(outcome),
        }
    }

    /// Special prices first: with an old base price beside it a new special price is what buyers pay already, and one that
    /// is refused leaves everything as it was. A special price that no change asks for goes last.
    async fn update_plain(
        &self,
        changes: &[&PriceChange],
        mut held: Vec<Row>,
        door: &Door,
    ) -> Result<Outcome, ChannelError> {
        let mut special = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            let Some(sale) = change.sale else { continue };
            let (price_from, price_to) = window(&sale);
            let (sku, store_id) = (change.external.clone(), self.store_id);
            special.push((place, Special { price: number(change.price)?, store_id, sku, price_from, price_to }));
        }
        let (places, special): (Vec<usize>, Vec<Special>) = special.into_iter().unzip();
        let skus: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let names: Vec<&str> = places.iter().map(|place| skus[*place]).collect();
        let (base, special) = self.passes(changes, special, self.queue, door)?;
        let part: fn(ChannelError) -> ChannelError = if special.is_some() { half_done } else { |error| error };
        if let Some(special) = special {
            let bad = self.send("special-price", &names, special, self.queue).await?;
            if !bad.is_empty() {
                // The good ones are written; writing them again changes nothing.
                let place_of = |(place, error): (usize, ChannelError)| Some((*places.get(place)?, error));
                return Ok(Outcome::Bad(bad.into_iter().filter_map(place_of).collect()));
            }
        }
        let bad = self.send("base-prices", &skus, base, self.queue).await.map_err(part)?;
        if !bad.is_empty() {
            return Ok(Outcome::Bad(bad));
        }
        // A new special price has replaced the row that a SKU had.
        held.retain(|row| !names.contains(&row.sku.as_str()));
        self.end_sales(held).await.map_err(half_done)?;
        Ok(Outcome::Each(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect()))
    }

    /// Base prices first, since a version takes along what the product has when it is made; never by the queue, which keeps
    /// no order between its kinds of operation.
    async fn update_staged(
        &self,
        changes: &[&PriceChange],
        held: &[Row],
        door: &Door,
    ) -> Result<Outcome, ChannelError> {
        let special = match staging::specials(changes, held, self.store_id, self.clock.now()) {
            Ok(special) => special,
            Err(bad) => return Ok(Outcome::Bad(bad)),
        };
        let (places, special): (Vec<usize>, Vec<Special>) = special.into_iter().unzip();
        let queued = self.queue && special.is_empty();
        let skus: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let names: Vec<&str> = places.iter().map(|place| skus[*place]).collect();
        let (base, special) = self.passes(changes, special, queued, door)?;
        let bad = self.send("base-prices", &skus, base, queued).await?;
        if !bad.is_empty() {
            return Ok(Outcome::Bad(bad));
        }
        if let Some(special) = special {
            let bad = self.send("special-price", &names, special, false).await.map_err(half_done)?;
            if !bad.is_empty() {
                let place_of =
                    |(place, error): (usize, ChannelError)| Some((*places.get(place)?, staging::refused(error)));
                return Ok(Outcome::Bad(bad.into_iter().filter_map(place_of).collect()));
            }
        }
        Ok(Outcome::Each(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect()))
    }
}

/// Whether a shop refused a special price for its start: it repeats the start that we gave it, whatever its language.
fn begins_too_early(change: &PriceChange, error: &ChannelError) -> bool {
    change.sale.is_some_and(|sale| error.message.contains(&window(&sale).0))
}

/// Something was written, so only a look tells what buyers pay now.
fn half_done(error: ChannelError) -> ChannelError {
    let class = if error.class.refuses() { error.class } else { Class::Unknown };
    ChannelError::new(class, format!("only a part of the price was written: {}", error.message))
}

/// A price call answers with what it did not do. Each problem names its SKU in `parameters`.
fn problems(answer: &Answer, skus: &[&str]) -> Result<Vec<(usize, ChannelError)>, ChannelError> {
    #[derive(Deserialize)]
    struct Problem {
        message: String,
        #[serde(default)]
        parameters: Value,
    }
    let list: Vec<Problem> = answer.parse()?;
    let mut bad = Vec::with_capacity(list.len());
    for problem in list {
        let values = match &problem.parameters {
            Value::Array(values) => values.iter().collect(),
            Value::Object(values) => values.values().collect(),
            _ => vec![],
        };
        let named = skus.iter().position(|sku| values.iter().any(|value| value.as_str() == Some(sku)));
        let words: Vec<String> = values.iter().filter_map(|value| value.as_str()).map(str::to_owned).collect();
        let text = format!("{} ({})", problem.message, words.join(", "));
        let Some(place) = named else {
            return Err(ChannelError::new(Class::Unknown, format!("a problem of no known SKU: {text}")));
        };
        bad.push((place, ChannelError::new(Class::Rejected, text)));
    }
    Ok(bad)
}
