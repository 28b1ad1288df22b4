//! The last gate: parses prices back out of the bytes that are about to leave and compares them with what was decided.
//!
//! It shares no code with the engine, so that a fault there cannot pass here; it must never import `decide`.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::money::WirePrice;

/// What may leave for one listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// The price as decided for this channel.
    pub price: WirePrice,
    /// Recomputed from the product's cost in the transaction that committed the intent.
    pub floor: Option<WirePrice>,
    /// The crossed-out price of an announced reduction; without one the body must not cross anything out.
    pub regular: Option<WirePrice>,
}

/// What an outgoing body says about one listing, parsed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub external: String,
    /// What a buyer will pay.
    pub price: WirePrice,
    /// The crossed-out price, if the body has one.
    pub regular: Option<WirePrice>,
}

impl Quote {
    /// A price with nothing crossed out.
    #[must_use]
    pub fn new(external: impl Into<String>, price: WirePrice) -> Self {
        Self { external: external.into(), price, regular: None }
    }
}

/// Why nothing leaves. Always a fault of ours, never the channel's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    #[error("the outgoing body cannot be parsed back: {0}")]
    Unreadable(String),
    #[error("the outgoing body prices `{0}`, which nobody decided")]
    Undecided(String),
    #[error("the outgoing body says {found} for `{external}` where {decided} was decided")]
    Different { external: String, found: WirePrice, decided: WirePrice },
    #[error("the outgoing body crosses out {found} for `{external}` where {decided} was decided")]
    Strike { external: String, found: String, decided: String },
    #[error("{price} for `{external}` is below the floor {floor}")]
    BelowFloor { external: String, price: WirePrice, floor: WirePrice },
    #[error("`{external}` has no floor: without a known cost or minimum no price goes out by itself")]
    NoFloor { external: String },
    #[error("{price} for `{external}` is not a positive price")]
    NotPositive { external: String, price: WirePrice },
    #[error("the outgoing body lacks `{0}`")]
    Missing(String),
    #[error("the outgoing body prices `{0}` twice")]
    Twice(String),
    #[error("the snapshot would shrink from {before} to {after} items")]
    Shrinks { before: usize, after: usize },
}

/// Bytes that passed. Only a [`Door`] makes one, and sending needs one.
#[derive(Debug)]
pub struct Pass {
    body: Vec<u8>,
    until: Option<Instant>,
}

impl Pass {
    /// Until when it may be sent; waits for a turn or for the vendor's pace come between the gate and the request.
    #[must_use]
    pub const fn until(&self) -> Option<Instant> {
        self.until
    }

    #[must_use]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// The decided prices of one batch, by the channel's own references.
#[derive(Debug, Clone, Default)]
pub struct Door {
    allowed: BTreeMap<String, Allowed>,
    until: Option<Instant>,
}

/// A snapshot may lose at most this share of its items (in percent) before a person must look.
const MAX_SHRINK_PCT: usize = 20;

impl Door {
    #[must_use]
    pub const fn new(allowed: BTreeMap<String, Allowed>) -> Self {
        Self { allowed, until: None }
    }

    /// The same for a worker that may send until an instant: by then what it sends may be another worker's to send.
    #[must_use]
    pub fn until(self, until: Instant) -> Self {
        Self { until: Some(until), ..self }
    }

    /// A door for the given references only, for channels that send a batch in parts.
    #[must_use]
    pub fn narrowed(&self, externals: &[&str]) -> Self {
        let allowed = self.allowed.iter().filter(|(key, _)| externals.contains(&key.as_str()));
        Self { allowed: allowed.map(|(key, value)| (key.clone(), *value)).collect(), until: self.until }
    }

    /// Lets a body through whose parsed prices are exactly the decided ones: all of them, no others, none under its
    /// floor.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, body: Vec<u8>, quoted: &[Quote]) -> Result<Pass, GateError> {
        let mut seen = BTreeMap::new();
        for quote in quoted {
            let external = &quote.external;
            let Some(allowed) = self.allowed.get(external) else { return Err(GateError::Undecided(external.clone())) };
            examine(quote, allowed)?;
            if seen.insert(external, ()).is_some() {
                return Err(GateError::Twice(external.clone()));
            }
        }
        match self.allowed.keys().find(|external| !seen.contains_key(external)) {
            Some(missing) => Err(GateError::Missing(missing.clone())),
            None => Ok(Pass { body, until: self.until }),
        }
    }

    /// The same for a full snapshot: other items may stand in it only with the price they had in the snapshot before.
    ///
    /// # Errors
    /// The first difference, or a snapshot that lost too many items.
    pub fn check_snapshot(
        &self,
        body: Vec<u8>,
        quoted: &[Quote],
        before: &BTreeMap<String, WirePrice>,
    ) -> Result<Pass, GateError> {
        let mut seen = BTreeMap::new();
        for quote in quoted {
            let external = &quote.external;
            match self.allowed.get(external) {
                Some(allowed) => examine(quote, allowed)?,
                None => match before.get(external) {
                    Some(old) if *old == quote.price => {}
                    Some(old) => {
                        let (found, decided) = (quote.price, *old);
                        return Err(GateError::Different { external: external.clone(), found, decided });
                    }
                    None => return Err(GateError::Undecided(external.clone())),
                },
            }
            if seen.insert(external, ()).is_some() {
                return Err(GateError::Twice(external.clone()));
            }
        }
        if let Some(missing) = self.allowed.keys().find(|external| !seen.contains_key(external)) {
            return Err(GateError::Missing(missing.clone()));
        }
        if seen.len() * 100 < before.len() * (100 - MAX_SHRINK_PCT) {
            return Err(GateError::Shrinks { before: before.len(), after: seen.len() });
        }
        Ok(Pass { body, until: self.until })
    }
}

fn examine(quote: &Quote, allowed: &Allowed) -> Result<(), GateError> {
    let (external, price) = (|| quote.external.clone(), quote.price);
    if price != allowed.price {
        return Err(GateError::Different { external: external(), found: price, decided: allowed.price });
    }
    if !price.is_positive() {
        return Err(GateError::NotPositive { external: external(), price });
    }
    if quote.regular != allowed.regular {
        let text = |money: Option<WirePrice>| money.map_or_else(|| "nothing".to_owned(), |money| money.to_string());
        let (found, decided) = (text(quote.regular), text(allowed.regular));
        return Err(GateError::Strike { external: external(), found, decided });
    }
    let Some(floor) = allowed.floor else { return Err(GateError::NoFloor { external: external() }) };
    match price.compare(floor) {
        Ok(std::cmp::Ordering::Less) | Err(_) => Err(GateError::BelowFloor { external: external(), price, floor }),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn dkk(minor: i64) -> WirePrice {
        WirePrice::from_minor(minor, Currency::DKK)
    }

    fn door() -> Door {
        let allowed = |price| Allowed { price: dkk(price), floor: Some(dkk(40_000)), regular: None };
        Door::new([("a".to_owned(), allowed(47_900)), ("b".to_owned(), allowed(49_900))].into())
    }

    fn quotes(list: &[(&str, i64)]) -> Vec<Quote> {
        list.iter().map(|(external, minor)| Quote::new(*external, dkk(*minor))).collect()
    }

    #[test]
    fn exactly_what_was_decided_passes() {
        assert!(door().check(vec![], &quotes(&[("a", 47_900), ("b", 49_900)])).is_ok());
    }

    #[test]
    fn anything_else_stays_inside() {
        for (list, expected) in [
            (vec![("a", 47_900)], "lacks"),
            (vec![("a", 479), ("b", 49_900)], "where 479.00 DKK was decided"),
            (vec![("a", 47_900), ("b", 49_900), ("c", 1)], "nobody decided"),
            (vec![("a", 47_900), ("a", 47_900), ("b", 49_900)], "twice"),
        ] {
            let error = door().check(vec![], &quotes(&list)).unwrap_err().to_string();
            assert!(error.contains(expected), "{list:?}: {error}");
        }
        let low =
            Door::new([("a".to_owned(), Allowed { price: dkk(100), floor: Some(dkk(40_000)), regular: None })].into());
        assert!(matches!(low.check(vec![], &quotes(&[("a", 100)])), Err(GateError::BelowFloor { .. })));
        let blank = Door::new([("a".to_owned(), Allowed { price: dkk(100), floor: None, regular: None })].into());
        assert!(matches!(blank.check(vec![], &quotes(&[("a", 100)])), Err(GateError::NoFloor { .. })));
        let foreign = Door::new(
            [(
                "a".to_owned(),
                Allowed { price: dkk(47_900), floor: Some(WirePrice::from_minor(1, Currency::SEK)), regular: None },
            )]
            .into(),
        );
        assert!(matches!(foreign.check(vec![], &quotes(&[("a", 47_900)])), Err(GateError::BelowFloor { .. })));
    }

    #[test]
    fn a_snapshot_keeps_the_other_items_as_they_were_and_does_not_shrink() {
        let before: BTreeMap<String, WirePrice> = (0..10).map(|n| (format!("x{n}"), dkk(1_000 + n))).collect();
        let mut list: Vec<Quote> = before.iter().map(|(k, v)| Quote::new(k.as_str(), *v)).collect();
        list.extend(quotes(&[("a", 47_900), ("b", 49_900)]));
        assert!(door().check_snapshot(vec![], &list, &before).is_ok());
        let mut touched = list.clone();
        touched[3].price = dkk(1);
        assert!(matches!(door().check_snapshot(vec![], &touched, &before), Err(GateError::Different { .. })));
        let small: Vec<_> = list.iter().skip(6).cloned().collect();
        assert!(matches!(door().check_snapshot(vec![], &small, &before), Err(GateError::Shrinks { .. })));
    }

    #[test]
    fn a_reduction_is_announced_exactly_as_decided_or_not_at_all() {
        let allowed = |regular| Allowed { price: dkk(47_900), floor: Some(dkk(40_000)), regular };
        let quote = |regular| Quote { regular, ..Quote::new("a", dkk(47_900)) };
        let verdict =
            |decided, said| Door::new([("a".to_owned(), allowed(decided))].into()).check(vec![], &[quote(said)]);
        assert!(verdict(Some(dkk(59_900)), Some(dkk(59_900))).is_ok());
        for (decided, said) in [(None, Some(59_900)), (Some(59_900), None), (Some(59_900), Some(69_900))] {
            let error = verdict(decided.map(dkk), said.map(dkk)).unwrap_err();
            assert!(matches!(error, GateError::Strike { .. }), "{error}");
        }
    }
}
