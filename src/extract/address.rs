//! Comparing addresses: is this the same product page, does this address name a variant?
//!
//! Texts only; nothing is fetched or resolved.

use url::Url;

/// Host without `www.` and path without trailing slash, both in lower case.
#[must_use]
pub fn key(address: &str, base: &str) -> Option<(String, String)> {
    place(&absolute(address, base)?)
}

fn place(url: &Url) -> Option<(String, String)> {
    let host = url.host_str()?.trim_start_matches("www.").to_ascii_lowercase();
    Some((host, url.path().trim_end_matches('/').to_ascii_lowercase()))
}

/// An address made absolute against the page's.
#[must_use]
pub fn absolute(address: &str, base: &str) -> Option<Url> {
    let address = address.trim();
    whole(address).or_else(|| Url::parse(base).ok()?.join(address).ok())
}

/// An address that needs no other to be absolute.
fn whole(address: &str) -> Option<Url> {
    Url::parse(address).ok().filter(Url::has_host)
}

/// A page's address, taken apart once for all links that are compared with it.
#[derive(Debug)]
pub struct Here<'p> {
    address: &'p str,
    base: Option<Url>,
    key: Option<(String, String)>,
}

impl<'p> Here<'p> {
    #[must_use]
    pub fn of(address: &'p str) -> Self {
        let base = Url::parse(address).ok();
        let own = match &base {
            Some(url) if url.has_host() && address.trim().len() == address.len() => place(url),
            _ => key(address, address),
        };
        Self { address, base, key: own.filter(|(_, path)| !path.is_empty()) }
    }

    /// Whether a link leads to the same path of the same host.
    #[must_use]
    pub fn is_same(&self, link: &str) -> bool {
        self.key.is_some() && (link == self.address || self.absolute(link).is_some_and(|url| place(&url) == self.key))
    }

    fn absolute(&self, link: &str) -> Option<Url> {
        let link = link.trim();
        whole(link).or_else(|| self.base.as_ref()?.join(link).ok())
    }

    /// Whether the page's address picks the variant that has the address `variant`: same path, and the variant's own
    /// query or fragment is part of the page's.
    #[must_use]
    pub fn names_variant(&self, variant: &str) -> bool {
        let whole = self.base.as_ref().filter(|url| url.has_host());
        let own = if whole.is_none() { self.absolute(self.address) } else { None };
        let (Some(page), Some(variant)) = (whole.or(own.as_ref()), self.absolute(variant)) else { return false };
        let path = |u: &Url| u.path().trim_end_matches('/').to_ascii_lowercase();
        if path(page) != path(&variant) || path(page).is_empty() {
            return false;
        }
        let wanted: Vec<_> = variant.query_pairs().collect();
        let has_all = wanted.iter().all(|pair| page.query_pairs().any(|have| have == *pair));
        let fragment = variant.fragment().is_none_or(|f| page.fragment() == Some(f));
        has_all && fragment
    }
}

/// Whether two addresses lead to the same path of the same host.
#[must_use]
pub fn same_page(a: &str, b: &str) -> bool {
    Here::of(b).is_same(a)
}

/// Whether some query parameter of the address has this value.
#[must_use]
pub fn query_has_value(page: &str, value: &str) -> bool {
    !value.is_empty()
        && page.contains('?')
        && Url::parse(page).is_ok_and(|u| u.query_pairs().any(|(_, v)| v.eq_ignore_ascii_case(value)))
}

/// The article number that an address carries, as most shops' addresses do: a long number, or a code with digits in a
/// place of its own such as `/dp/B07C8KMQQ6`.
#[must_use]
pub fn article(page: &str) -> Option<String> {
    let url = Url::parse(page).ok()?;
    let keys = ["sku", "item", "productid", "product_id", "pid", "id", "articleid", "itemid", "prd", "art"];
    let by_query = url
        .query_pairs()
        .find(|(k, v)| {
            keys.contains(&k.to_ascii_lowercase().as_str())
                && (is_article(v) || (v.len() >= 3 && v.bytes().all(|b| b.is_ascii_digit())))
        })
        .map(|(_, v)| v.into_owned());
    let segments: Vec<&str> = url.path_segments()?.filter(|s| !s.is_empty()).collect();
    let stem = |segment: &str| {
        segment
            .trim_end_matches(".html")
            .trim_end_matches(".htm")
            .trim_end_matches(".aspx")
            .trim_end_matches(".php")
            .to_owned()
    };
    let marked = segments
        .windows(2)
        .find(|w| {
            matches!(
                w[0].to_ascii_lowercase().as_str(),
                "dp" | "itm" | "p" | "product" | "item" | "deal" | "pd" | "sku"
            )
        })
        .map(|w| stem(w[1]));
    let whole = segments.iter().rev().map(|s| stem(s)).find(|s| is_article(s));
    let ends = segments.iter().rev().map(|s| stem(s)).find_map(|segment| {
        let parts = || segment.split(['-', '_', ',', '.', '~']);
        let long = |part: &&str| part.len() >= 5 && part.bytes().all(|b| b.is_ascii_digit());
        parts().next_back().filter(long).or_else(|| parts().next().filter(long)).map(str::to_owned)
    });
    let coded = |code: &String| {
        is_article(code)
            || (code.len() == 10
                && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                && code.bytes().any(|b| b.is_ascii_digit()))
    };
    marked.filter(coded).or(by_query).or(whole).or(ends)
}

fn is_article(code: &str) -> bool {
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    let plain = code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    (5..=20).contains(&code.len()) && plain && (digits == code.len() || (digits >= 2 && code.len() >= 8))
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
    fn article_numbers_are_found_in_addresses() {
        for (url, code) in [
            ("https://www.amazon.co.uk/Some-Name/dp/B07C8KMQQ6?th=1", Some("B07C8KMQQ6")),
            ("https://s.pl/lampa-wiszaca-978219/", Some("978219")),
            ("https://s.pt/produto/1257009-lampada.html", Some("1257009")),
            ("https://s.com/Product?Item=N82E16828840014", Some("N82E16828840014")),
            ("https://s.com/lamp-2000", None),
            ("https://s.com/red/lamp", None),
        ] {
            assert_eq!(article(url).as_deref(), code, "{url}");
        }
    }

    #[test]
    fn variants_are_named_by_query() {
        let names = |page: &str, variant: &str| Here::of(page).names_variant(variant);
        assert!(names("https://s.dk/p/lamp?variant=2&utm=x", "/p/lamp?variant=2"));
        assert!(!names("https://s.dk/p/lamp?variant=2", "/p/lamp?variant=3"));
        assert!(!names("https://s.dk/p/lamp", "/p/lamp?variant=3"));
        assert!(same_page("https://www.s.dk/p/lamp/", "http://s.dk/p/lamp?x=1"));
        assert!(!same_page("https://s.dk/", "https://s.dk"));
    }
}
