//! Comparing addresses: is this the same product page, does this address name a variant?
//!
//! Texts only; nothing is fetched or resolved.

use url::Url;

/// Host without `www.` and path without trailing slash, both in lower case.
#[must_use]
pub fn key(address: &str, base: &str) -> Option<(String, String)> {
    let parsed = absolute(address, base)?;
    let host = parsed.host_str()?.trim_start_matches("www.").to_ascii_lowercase();
    Some((host, parsed.path().trim_end_matches('/').to_ascii_lowercase()))
}

/// An address made absolute against the page's.
#[must_use]
pub fn absolute(address: &str, base: &str) -> Option<Url> {
    let address = address.trim();
    match Url::parse(address) {
        Ok(url) if url.has_host() => Some(url),
        _ => Url::parse(base).ok()?.join(address).ok(),
    }
}

/// Whether two addresses lead to the same path of the same host.
#[must_use]
pub fn same_page(a: &str, b: &str) -> bool {
    match (key(a, b), key(b, b)) {
        (Some(x), Some(y)) => x == y && !y.1.is_empty(),
        _ => false,
    }
}

/// Whether the page's address picks the variant that has the address `variant`: same path, and the variant's own
/// query or fragment is part of the page's.
#[must_use]
pub fn names_variant(page: &str, variant: &str) -> bool {
    let (Some(page), Some(variant)) = (absolute(page, page), absolute(variant, page)) else { return false };
    let path = |u: &Url| u.path().trim_end_matches('/').to_ascii_lowercase();
    if path(&page) != path(&variant) || path(&page).is_empty() {
        return false;
    }
    let wanted: Vec<_> = variant.query_pairs().collect();
    let has_all = wanted.iter().all(|pair| page.query_pairs().any(|have| have == *pair));
    let fragment = variant.fragment().is_none_or(|f| page.fragment() == Some(f));
    has_all && fragment
}

/// Whether some query parameter of the address has this value.
#[must_use]
pub fn query_has_value(page: &str, value: &str) -> bool {
    !value.is_empty() && Url::parse(page).is_ok_and(|u| u.query_pairs().any(|(_, v)| v.eq_ignore_ascii_case(value)))
}

/// The host of an address in lower case, without `www.`.
#[must_use]
pub fn host(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(|h| h.trim_start_matches("www.").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_named_by_query() {
        assert!(names_variant("https://s.dk/p/lamp?variant=2&utm=x", "/p/lamp?variant=2"));
        assert!(!names_variant("https://s.dk/p/lamp?variant=2", "/p/lamp?variant=3"));
        assert!(!names_variant("https://s.dk/p/lamp", "/p/lamp?variant=3"));
        assert!(same_page("https://www.s.dk/p/lamp/", "http://s.dk/p/lamp?x=1"));
        assert!(!same_page("https://s.dk/", "https://s.dk"));
    }
}
