//! Answers of searches and reads in the form that the contract asks for.

use std::collections::HashMap;

use super::amount::Shown;
use crate::channel::Seen;
use crate::money::WirePrice;

/// A listing found by SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub sku: String,
    pub external: String,
    pub price: Option<WirePrice>,
    /// Why it cannot be priced for this SKU alone, if it cannot: the product is left out, and the others are not.
    pub shut: Option<String>,
}

impl Match {
    /// A listing that can be priced for its SKU.
    #[must_use]
    pub fn new(sku: impl Into<String>, external: impl Into<String>, price: Option<WirePrice>) -> Self {
        Self { sku: sku.into(), external: external.into(), price, shut: None }
    }
}

/// Takes listings that several SKUs share out of what is priced: `why` says it of all their SKUs.
#[must_use]
pub fn apart(found: Vec<Match>, why: impl Fn(&[&str]) -> String) -> Vec<Match> {
    let mut skus: HashMap<String, Vec<String>> = HashMap::new();
    for one in &found {
        let known = skus.entry(one.external.clone()).or_default();
        if !known.contains(&one.sku) {
            known.push(one.sku.clone());
        }
    }
    let shut = |one: Match| {
        let together: Vec<&str> = skus[&one.external].iter().map(String::as_str).collect();
        let why = (together.len() > 1).then(|| why(&together));
        Match { shut: one.shut.clone().or(why), ..one }
    };
    found.into_iter().map(shut).collect()
}

/// Each listing once. A SKU that several listings carry keeps them all: it cannot be mapped without guessing, and the
/// others can.
#[must_use]
pub fn distinct(found: Vec<Match>) -> Vec<Match> {
    let mut known = std::collections::HashSet::new();
    found.into_iter().filter(|one| known.insert((one.sku.clone(), one.external.clone()))).collect()
}

/// One listing per reference, in order; what was not seen has no price.
#[must_use]
pub fn in_order(externals: &[String], seen: Vec<Seen>) -> Vec<Seen> {
    let mut by_external: HashMap<String, Seen> = seen.into_iter().map(|seen| (seen.external.clone(), seen)).collect();
    let take = |external: &String| by_external.remove(external).unwrap_or_else(|| Seen::plain(external.clone(), None));
    externals.iter().map(take).collect()
}

/// A listing by what its price field shows: a rounded price is told and proves nothing, and what is no price is refused
/// with its text instead of passing for a listing that is gone.
#[must_use]
pub fn shown(external: String, price: Result<Option<Shown>, String>) -> Seen {
    match price {
        Ok(Some(Shown { price, exact: true })) => Seen::plain(external, Some(price)),
        Ok(Some(Shown { price, .. })) => unproved(Seen::plain(external, Some(price))),
        Ok(None) => Seen::plain(external, None),
        Err(why) => {
            let refused = Some(format!("the listing {external} shows {why}"));
            Seen { refused, ..Seen::plain(external, None) }
        }
    }
}

/// The same with the higher price that stands crossed out beside it, or none; one that cannot be told exactly proves nothing.
#[must_use]
pub fn crossed_out(seen: Seen, regular: Result<Option<Shown>, String>) -> Seen {
    let Some(price) = seen.price.filter(|_| seen.regular.is_none()) else { return seen };
    match regular {
        Ok(Some(Shown { price: regular, exact })) if regular.amount() > price.amount() => {
            if exact {
                Seen { regular: Some(Some(regular)), ..seen }
            } else {
                unproved(seen)
            }
        }
        Ok(_) => Seen { regular: Some(None), ..seen },
        Err(_) => unproved(seen),
    }
}

/// A listing that looks like a price and is not proof of it: it is told with its own price crossed out, which no reduction
/// of ours has, so it equals nothing that was ever sent.
#[must_use]
pub fn unproved(seen: Seen) -> Seen {
    Seen { regular: Some(seen.price), ..seen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::wire::amount;
    use crate::money::Currency;

    #[test]
    fn a_listing_is_found_once_and_a_sku_with_two_listings_keeps_both() {
        let one = |sku: &str, external: &str| Match::new(sku, external, None);
        let found = distinct(vec![one("A", "1"), one("B", "2"), one("A", "1"), one("B", "3")]);
        assert_eq!(found, [one("A", "1"), one("B", "2"), one("B", "3")]);
    }

    #[test]
    fn a_listing_of_several_skus_is_shut_and_the_others_are_not() {
        let one = |sku: &str, external: &str| Match::new(sku, external, None);
        let found = apart(vec![one("A", "1"), one("B", "2"), one("C", "1"), one("A", "1")], |skus| skus.join(" and "));
        let shut: Vec<_> = found.iter().map(|one| one.shut.as_deref()).collect();
        assert_eq!(shut, [Some("A and C"), None, Some("A and C"), Some("A and C")]);
    }

    #[test]
    fn a_rounded_price_and_a_text_that_is_none_prove_nothing() {
        let eur = |minor| WirePrice::from_minor(minor, Currency::EUR);
        let of = |written: &str| shown("7".to_owned(), amount::shown(written, Currency::EUR));
        assert_eq!(of("41.32"), Seen::plain("7".to_owned(), Some(eur(4_132))));
        let rounded = of("41.3223");
        assert_eq!((rounded.price, rounded.regular), (Some(eur(4_132)), Some(Some(eur(4_132)))));
        let beside = |written: &str| crossed_out(of("41.32"), amount::shown(written, Currency::EUR)).regular;
        assert_eq!(beside("45.00"), Some(Some(eur(4_500))));
        assert_eq!((beside("41.32"), beside("null")), (Some(None), Some(None)), "a regular price that is no higher");
        assert_eq!((beside("45.0001"), beside("x")), (Some(Some(eur(4_132))), Some(Some(eur(4_132)))));
        assert_eq!(crossed_out(of("41.3223"), Ok(None)), rounded, "still no proof");
        let odd = of("from 4");
        assert_eq!(
            (odd.price, odd.refused.as_deref()),
            (None, Some("the listing 7 shows `from 4`, which is no price"))
        );
        assert_eq!(of("null"), Seen::plain("7".to_owned(), None));
    }

    #[test]
    fn reads_keep_the_order_of_the_question() {
        let externals = ["b", "x", "a"].map(str::to_owned);
        let seen =
            vec![Seen::plain("a".into(), None), Seen { refused: Some("no".into()), ..Seen::plain("b".into(), None) }];
        let seen = in_order(&externals, seen);
        assert_eq!(seen.iter().map(|s| s.external.as_str()).collect::<Vec<_>>(), ["b", "x", "a"]);
        assert_eq!(seen[0].refused.as_deref(), Some("no"));
    }
}
