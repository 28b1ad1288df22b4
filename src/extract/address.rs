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

/// Whether a link stays on its page, whatever page that is: `#reviews`, `javascript:void(0)`.
#[must_use]
pub fn stays(target: &str) -> bool {
    let target = target.trim();
    target.starts_with('#') || target.get(..11).is_some_and(|scheme| scheme.eq_ignore_ascii_case("javascript:"))
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
        let Some((host, path)) = &self.key else { return false };
        link == self.address
            || !self.is_plainly_elsewhere(link.trim(), host, path)
                && self.absolute(link).is_some_and(|url| place(&url) == self.key && !self.is_of_another_product(&url))
    }

    /// Whether a link leads elsewhere, told from its letters where nothing has to be resolved or escaped in it: nearly
    /// all links of a page do.
    fn is_plainly_elsewhere(&self, link: &str, host: &str, path: &str) -> bool {
        let whole = ["https://", "http://"].iter().find_map(|scheme| link.strip_prefix(scheme));
        let (other, target) = match whole {
            Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
            // Where the page has another scheme, its links mean something else.
            None if self.address.starts_with("http") && link.starts_with('/') && !link.starts_with("//") => ("", link),
            None => return false,
        };
        let named = other.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
        let target = &target[..target.find(['?', '#']).unwrap_or(target.len())];
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~' | b',' | b'+');
        // `/./` and `/../` are resolved, whatever stands in front of them.
        let resolved = target.contains("/.");
        let same_host = other.is_empty() || other.trim_start_matches("www.") == host;
        let same_path = target.trim_end_matches('/').eq_ignore_ascii_case(path);
        named && !resolved && target.bytes().all(plain) && !(same_host && same_path)
    }

    /// Whether a link to the same script names another product: `product_info.php?products_id=16`.
    fn is_of_another_product(&self, url: &Url) -> bool {
        const NAMES: [&str; 14] = [
            "products_id",
            "product_id",
            "productid",
            "prod_id",
            "product",
            "pid",
            "id",
            "item_id",
            "itemid",
            "item",
            "goods_id",
            "goodsno",
            "branduid",
            "product_no",
        ];
        if url.query().is_none() {
            return false;
        }
        let page = || self.base.clone().filter(Url::has_host).or_else(|| self.absolute(self.address));
        let named = |key: &str| NAMES.iter().any(|name| key.eq_ignore_ascii_case(name));
        url.query_pairs().filter(|(key, _)| named(key)).any(|(key, other)| {
            page().is_some_and(|page| page.query_pairs().any(|(own, value)| own == key && value != other))
        })
    }

    fn absolute(&self, link: &str) -> Option<Url> {
        let link = link.trim();
        whole(link).or_else(|| self.base.as_ref()?.join(link).ok())
    }

    /// How surely the page's address picks the variant that has the address `variant`: same path, and the variant's own
    /// query and fragment are part of the page's. The more of them there are, the better it fits; `None` if it does not.
    #[must_use]
    pub fn fit_of_variant(&self, variant: &str) -> Option<usize> {
        let (page, variant) = self.beside(variant)?;
        let wanted: Vec<_> = variant.query_pairs().collect();
        let has_all = wanted.iter().all(|pair| page.query_pairs().any(|have| have == *pair));
        let fragment = variant.fragment().is_none_or(|f| page.fragment() == Some(f));
        (has_all && fragment).then(|| wanted.len() + usize::from(variant.fragment().is_some()))
    }

    /// Whether the page's address names another variant than `variant`: same path, and a parameter that names variants
    /// has another value.
    #[must_use]
    pub fn names_another_than(&self, variant: &str) -> bool {
        const NAMES: [&str; 8] =
            ["variant", "variantid", "variant_id", "variation_id", "skuid", "sku_id", "sku", "vid"];
        let Some((page, variant)) = self.beside(variant) else { return false };
        page.query_pairs().any(|(key, value)| {
            let names = NAMES.iter().any(|name| key.eq_ignore_ascii_case(name)) || key.starts_with("attribute_");
            names && variant.query_pairs().any(|(own, other)| own == key && other != value)
        })
    }

    /// The page's address and that of a variant, if they lead to the same path.
    fn beside(&self, variant: &str) -> Option<(Url, Url)> {
        let whole = self.base.clone().filter(Url::has_host);
        let page = whole.or_else(|| self.absolute(self.address))?;
        let variant = self.absolute(variant)?;
        let path = |u: &Url| u.path().trim_end_matches('/').to_ascii_lowercase();
        (path(&page) == path(&variant) && !path(&page).is_empty()).then_some((page, variant))
    }
}

/// Whether two addresses lead to the same path of the same host.
#[must_use]
pub fn same_page(a: &str, b: &str) -> bool {
    Here::of(b).is_same(a)
}

/// The value of a parameter of the query.
#[must_use]
pub fn query_value(page: &str, name: &str) -> Option<String> {
    let url = Url::parse(page).ok().filter(|u| u.query().is_some())?;
    url.query_pairs().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.into_owned())
}

/// The parameters of the query whose names begin with `prefix`, those without a value left out.
#[must_use]
pub fn query_with_prefix(page: &str, prefix: &str) -> Vec<(String, String)> {
    let Some(url) = Url::parse(page).ok().filter(|u| u.query().is_some()) else { return Vec::new() };
    let pairs = url.query_pairs().filter(|(key, value)| key.starts_with(prefix) && !value.is_empty());
    pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

/// What the query or the fragment chooses for an attribute: `?color=49`, `#93=49&142=168`.
#[must_use]
pub fn chosen(page: &str, name: &str) -> Option<String> {
    query_value(page, name).or_else(|| {
        let (_, fragment) = page.split_once('#')?;
        let mut pairs = fragment.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    })
}

/// Whether a parameter of the query has this identifier as its value: any parameter for a long one, one that is called
/// after a variant, a product or an article for a short one.
#[must_use]
pub fn names_in_query(page: &str, id: &str) -> bool {
    const LONG: usize = 5;
    const NAMES: [&str; 10] =
        ["variant", "variation", "sku", "vid", "pid", "item", "product", "article", "artikel", "model"];
    let named = |key: &str| {
        let key = key.to_ascii_lowercase();
        key == "id" || NAMES.iter().any(|name| key.contains(name))
    };
    !id.is_empty()
        && page.contains('?')
        && Url::parse(page)
            .is_ok_and(|u| u.query_pairs().any(|(k, v)| v.eq_ignore_ascii_case(id) && (id.len() >= LONG || named(&k))))
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
    fn links_that_are_plainly_elsewhere_are_elsewhere() {
        let here = Here::of("https://www.s.dk/p/Lamp-2/?id=3");
        let (host, path) = here.key.clone().unwrap();
        for (link, plainly) in [
            ("/p/lamp-3", true),
            ("/", true),
            ("https://www.s.dk/p/lamp", true),
            ("https://s.no/p/lamp-2", true),
            ("http://s.dk", true),
            ("/p/lamp-2", false),
            ("/P/LAMP-2/?id=4", false),
            ("https://s.dk/p/lamp-2#top", false),
            ("https://WWW.S.dk/p/lamp-2", false),
            ("/q/../p/lamp-2", false),
            ("/p/%6camp-2", false),
            ("//s.dk/p/lamp-2", false),
            ("lamp-3", false),
            ("https://s.dk:443/p/lamp-2", false),
            ("https://sø.dk/p/lamp-2", false),
        ] {
            assert_eq!(here.is_plainly_elsewhere(link, &host, &path), plainly, "{link}");
            assert!(!plainly || here.absolute(link).and_then(|url| place(&url)) != here.key, "{link}");
        }
    }

    #[test]
    fn variants_are_named_by_query() {
        let names = |page: &str, variant: &str| Here::of(page).fit_of_variant(variant).is_some();
        assert!(names("https://s.dk/p/lamp?variant=2&utm=x", "/p/lamp?variant=2"));
        assert!(!names("https://s.dk/p/lamp?variant=2", "/p/lamp?variant=3"));
        assert!(!names("https://s.dk/p/lamp", "/p/lamp?variant=3"));
        let named = Here::of("https://s.dk/p/lamp?variant=2&utm=x");
        assert!(named.fit_of_variant("/p/lamp?variant=2") > named.fit_of_variant("/p/lamp"));
        assert!(named.names_another_than("/p/lamp?variant=3") && !named.names_another_than("/p/lamp"));
        assert!(same_page("https://www.s.dk/p/lamp/", "http://s.dk/p/lamp?x=1"));
        assert!(!same_page("https://s.dk/", "https://s.dk"));
    }
}
