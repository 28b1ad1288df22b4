//! Which listing of a channel is a product's, out of what a search brought: only one that can be priced for it alone.

use crate::channel::Match;

/// What a search says about one of our products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick<'a> {
    Missing,
    One(&'a Match),
    /// Several listings carry its SKU; two of them would be priced as one, so that is for a person to mend.
    Several,
    /// There is a listing, and why it cannot be priced for this product.
    Shut(String),
}

/// The listing of a SKU.
#[must_use]
pub fn pick<'a>(sku: &str, matches: &'a [Match]) -> Pick<'a> {
    let mut hits = matches.iter().filter(|found| found.sku == sku);
    let (hit, more) = (hits.next(), hits.next());
    let Some(hit) = hit else { return Pick::Missing };
    if more.is_some() {
        return Pick::Several;
    }
    if let Some(why) = &hit.shut {
        return Pick::Shut(why.clone());
    }
    match matches.iter().find(|other| other.external == hit.external && other.sku != sku) {
        Some(other) => Pick::Shut(format!("it and {} are one listing there, which has one price", other.sku)),
        None => Pick::One(hit),
    }
}

/// The SKUs that several matches carry.
#[must_use]
pub fn several(skus: &[String], matches: &[Match]) -> Vec<String> {
    skus.iter().filter(|sku| pick(sku, matches) == Pick::Several).cloned().collect()
}

/// The SKUs whose listing cannot be priced for them, and why.
#[must_use]
pub fn shut(skus: &[String], matches: &[Match]) -> Vec<(String, String)> {
    let why = |sku: &String| match pick(sku, matches) {
        Pick::Shut(why) => Some((sku.clone(), why)),
        _ => None,
    };
    skus.iter().filter_map(why).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_taken_only_if_it_is_one_product_s_and_can_be_priced_for_it() {
        let one = |sku: &str, external: &str| Match::new(sku, external, None);
        let matches = [
            one("A", "1"),
            one("B", "2"),
            one("B", "3"),
            one("C", "4"),
            one("D", "4"),
            Match { shut: Some("it has a surcharge".into()), ..one("E", "5") },
        ];
        assert_eq!(pick("A", &matches), Pick::One(&matches[0]));
        assert_eq!(pick("B", &matches), Pick::Several);
        assert_eq!(pick("C", &matches), Pick::Shut("it and D are one listing there, which has one price".into()));
        assert_eq!(pick("F", &matches), Pick::Missing);
        let skus = ["A", "B", "D", "E", "F"].map(str::to_owned);
        assert_eq!(several(&skus, &matches), ["B"]);
        let shut = shut(&skus, &matches);
        assert_eq!(shut.iter().map(|(sku, _)| sku.as_str()).collect::<Vec<_>>(), ["D", "E"]);
        assert_eq!(shut[1].1, "it has a surcharge");
    }
}
