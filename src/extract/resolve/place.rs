//! Where a page is: language, region, currency and decimal mark by what the user, the site file, the page and its
//! address say.

use super::spoken;
use crate::extract::harvest::Harvest;
use crate::extract::locale::Locale;
use crate::extract::price::Context;
use crate::extract::{Hints, Page, address, scraper};
use crate::money::Money;

/// Language, currency and decimal mark by hints, site file, page and host, in this order.
pub(super) fn surroundings<'a>(
    harvest: &Harvest<'_>,
    page: &Page<'_>,
    site: Option<&scraper::Site>,
    hints: &Hints,
    encoding: &str,
    body: &str,
) -> (Option<Locale>, Context<'a>) {
    let told = hints.locale.as_deref().and_then(Locale::parse).or_else(|| site.and_then(scraper::Site::locale));
    let meta = harvest.meta(&["og:locale", "content-language", "language"]).and_then(|m| Locale::parse(&m.content));
    let own = harvest.lang.as_deref().and_then(Locale::parse);
    let said = match (own, meta) {
        (Some(own), Some(meta)) if own.language() == meta.language() => Some(own.or_region_of(Some(meta))),
        (own, meta) => own.or(meta),
    };
    let locale =
        told.or_else(|| local(said, page.final_url)).or_else(|| script_of(encoding)).or_else(|| spoken::language(body));
    let currency = hints.currency.or_else(|| site.and_then(scraper::Site::currency));
    (locale, Context { locale, currency, ..Context::default() })
}

/// What the page says of its language, in the country that its address names.
fn local(said: Option<Locale>, url: &str) -> Option<Locale> {
    let host = address::host(url);
    let national = host.as_deref().and_then(|host| national(host, said.as_ref()));
    let Some(said) = said else { return national };
    if let Some(place) = in_path(url, &said) {
        return Some(said.in_region_of(place));
    }
    let named = || host.as_deref().and_then(|host| country(host, url, &said));
    Some(match national {
        // A country's domain beats a language without region, and the region that comes with a template: `lang=en-US`
        // stands on pages of shops everywhere.
        Some(home) if said.region().is_none() => said.or_region_of(Some(home)),
        Some(home) if is_usual(&said) && is_spoken(&said, &home) && !names_own(url, &said) => said.in_region_of(home),
        Some(_) => said,
        None if said.region().is_none() || is_usual(&said) => named().map_or(said, |place| said.in_region_of(place)),
        None => said,
    })
}

/// The country of a host. `.co` is sold to everybody: it is Colombia's where people write Spanish.
fn national(host: &str, said: Option<&Locale>) -> Option<Locale> {
    let everybody = host.ends_with(".co") && said.is_some_and(|said| said.language() != "es");
    Locale::from_host(host).filter(|_| !everybody)
}

/// Whether the region of a tag is the one that software writes behind the language when nobody sets it.
fn is_usual(said: &Locale) -> bool {
    let english = said.language() == "en" && matches!(said.region(), Some("US" | "GB"));
    english || Locale::parse(said.language()).is_some_and(|bare| bare.likely_region() == said.region())
}

/// Countries whose shops write in more than the language of their domain and English.
const SPOKEN: [(&str, &[&str]); 10] = [
    ("CH", &["de", "fr", "it"]),
    ("BE", &["nl", "fr", "de"]),
    ("LU", &["fr", "de"]),
    ("CA", &["en", "fr"]),
    ("FI", &["fi", "sv"]),
    ("IN", &["en", "hi"]),
    ("SG", &["en", "zh"]),
    ("MY", &["ms", "zh"]),
    ("HK", &["zh"]),
    ("CY", &["el"]),
];

/// Whether shops of a country write in a page's language. English is written everywhere.
fn is_spoken(said: &Locale, home: &Locale) -> bool {
    let more = |region: &str| SPOKEN.iter().any(|(of, spoken)| *of == region && spoken.contains(&said.language()));
    said.language() == "en" || said.language() == home.language() || home.region().is_some_and(more)
}

/// Parts of an address that are the codes of countries and mostly mean something else.
const WORDS: [&str; 5] = ["id", "my", "co", "is", "to"];

/// The country that the first label of a host without one names, or one of the first two parts of the path:
/// `au.shop.com`, `/au/`, `/ca/en/`.
fn country(host: &str, url: &str, said: &Locale) -> Option<Locale> {
    let label = host.split('.').next().filter(|_| host.split('.').count() > 2);
    let places = label.into_iter().chain(url.split('/').skip(3).take(2));
    let named = places.filter(|part| part.len() == 2 && !WORDS.contains(part) && *part != said.language());
    let home = |part: &str| if part == "gb" { Locale::parse("en-GB") } else { Locale::from_host(part) };
    named.filter_map(|part| home(&part.to_ascii_lowercase())).find(|home| is_spoken(said, home))
}

/// Whether the path names the region of the page's own tag: `lang=de-CH` in `/ch/`.
fn names_own(url: &str, said: &Locale) -> bool {
    let own = |part: &str| said.region().is_some_and(|region| part.eq_ignore_ascii_case(region));
    url.split('/').skip(3).take(2).any(own)
}

/// The locale that the first part of an address names beside the page's language: `/en-se/`, `/se-en/`.
fn in_path(url: &str, said: &Locale) -> Option<Locale> {
    let (one, other) = url.split('/').nth(3)?.split_once(['-', '_'])?;
    let language = said.language();
    let region = match (one.eq_ignore_ascii_case(language), other.eq_ignore_ascii_case(language)) {
        (true, _) => other,
        (_, true) => one,
        _ => return None,
    };
    Locale::parse(&format!("{language}-{region}")).filter(|locale| locale.region().is_some())
}

/// Old encodings belong to one language each.
fn script_of(encoding: &str) -> Option<Locale> {
    Locale::parse(match encoding {
        "GBK" | "gb18030" => "zh-CN",
        "Big5" => "zh-TW",
        "EUC-KR" => "ko-KR",
        "Shift_JIS" | "EUC-JP" | "ISO-2022-JP" => "ja-JP",
        _ => return None,
    })
}

/// Euro conversion rates of moneys that shops still show beside it, in hundred-thousandths of the former money
/// (Council Regulation (EC) No 2866/98 as amended).
const EURO_RATES: [(&str, i128); 2] = [("HRK", 753_450), ("BGN", 195_583)];

/// Whether the second amount is the first one in the money that its country had before the euro, to the last unit.
pub(super) fn is_in_euro(euro: Money, former: Money) -> bool {
    const UNIT: i128 = 100_000;
    let rate = EURO_RATES.iter().find(|(code, _)| *code == former.currency().code()).map(|(_, rate)| *rate);
    euro.currency().code() == "EUR"
        && rate.is_some_and(|rate| {
            // Either of the two may be the one that was rounded.
            (i128::from(euro.minor()) * rate - i128::from(former.minor()) * UNIT).abs() <= rate
        })
}
