//! Answers of searches and reads in the form that the contract asks for.

use crate::channel::{ChannelError, Class, Match, Seen};

/// One match per SKU; a SKU that several listings carry cannot be mapped without guessing.
///
/// # Errors
/// The first SKU with two listings.
pub fn one_each(found: Vec<Match>) -> Result<Vec<Match>, ChannelError> {
    let mut kept: Vec<Match> = Vec::with_capacity(found.len());
    let mut by_sku = std::collections::HashMap::new();
    for one in found {
        match by_sku.insert(one.sku.clone(), one.external.clone()) {
            None => kept.push(one),
            Some(other) if other == one.external => {}
            Some(other) => {
                let text = format!(
                    "SKU {} belongs to two listings, {other} and {}; give each its own SKU there",
                    one.sku, one.external
                );
                return Err(ChannelError::new(Class::Rejected, text));
            }
        }
    }
    Ok(kept)
}

/// One listing per reference, in order; what was not seen has no price.
#[must_use]
pub fn in_order(externals: &[String], seen: Vec<Seen>) -> Vec<Seen> {
    let mut by_external: std::collections::HashMap<String, Seen> =
        seen.into_iter().map(|seen| (seen.external.clone(), seen)).collect();
    let take = |external: &String| by_external.remove(external).unwrap_or_else(|| Seen::plain(external.clone(), None));
    externals.iter().map(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_with_two_listings_is_an_error_and_no_guess() {
        let one = |sku: &str, external: &str| Match { sku: sku.into(), external: external.into(), price: None };
        assert_eq!(one_each(vec![one("A", "1"), one("B", "2"), one("A", "1")]).unwrap().len(), 2);
        let error = one_each(vec![one("A", "1"), one("A", "2")]).unwrap_err();
        assert!(error.message.contains("1 and 2"), "{error}");
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
