//! The last step: fields no markup stated, the outcome of pages without a price, and a word on every candidate.

use std::borrow::Cow;

use super::judge::{Verdict, close};
use super::{Found, overlap, share, titles};
use crate::extract::harvest::Harvest;
use crate::extract::json::Value;
use crate::extract::offer::{Availability, Candidate, Evidence, Offer, Source};
use crate::extract::outcome::Outcome;
use crate::extract::text::Words;
use crate::extract::visible::sold::Denial;
use crate::extract::visible::unpriced::Said;
use crate::extract::visible::{View, buttons};
use crate::extract::{Extraction, Hints, Page, address, gtin, kind, price};

/// Fills what no structured source said from the page's words and address.
pub(super) fn complete(
    offer: &mut Offer,
    found: &Found,
    body: &str,
    harvest: &Harvest<'_>,
    view: &View,
    page: &Page<'_>,
) {
    if let Some(name) = name_of_product(offer, found, &titles(harvest)) {
        offer.title = Some(name);
    }
    offer.title = better_title(offer, view)
        .or_else(|| offer.title.take())
        .or_else(|| harvest.title.as_deref().map(str::to_owned));
    if let (Some(title), Some(brand)) = (&offer.title, &offer.brand)
        && overlap(brand, title) < 100
        && titles(harvest).iter().any(|page| leads(brand, title, page) && overlap(title, page) >= 50)
    {
        // Shops print the brand above the name; the page's own title has both in a row.
        offer.title = Some(format!("{brand} {title}"));
    }
    if let Some(title) = &mut offer.title {
        let of_items = |c: &&Candidate| matches!(c.source, Source::JsonLd | Source::Microdata | Source::Rdfa);
        let names = found.candidates.iter().filter(of_items).filter_map(|c| c.offer.title.as_deref());
        if view.unheaded
            && let Some(name) = behind_shop(title, harvest, page)
        {
            *title = name;
        }
        let name = name_alone(title, &names.collect::<Vec<_>>(), harvest, page);
        title.truncate(name.end);
        title.drain(..name.start);
    }
    offer.sku = offer.sku.take().or_else(|| view.labels.sku.clone()).or_else(|| address::article(page.final_url));
    offer.mpn = offer.mpn.take().or_else(|| view.labels.mpn.clone());
    offer.brand = offer.brand.take().or_else(|| view.labels.brand.clone());
    offer.gtin = offer.gtin.take().or_else(|| view.labels.gtin.clone()).or_else(|| isbn_in_titles(harvest));
    if offer.availability == Availability::Unknown {
        // A button beside no price sells nothing: then the words decide.
        let out = view.says_out && offer.price.is_none();
        offer.availability = if out { Availability::OutOfStock } else { view.availability };
    }
    let promised = matches!(offer.availability, Availability::InStock | Availability::Limited);
    match view.denial {
        Denial::Sure if promised => offer.availability = Availability::OutOfStock,
        Denial::Doubtful if promised => offer.availability = Availability::Unknown,
        _ => {}
    }
    if offer.availability == Availability::Unknown
        && view.denial == Denial::None
        && offer.price.is_some()
        && buttons::has_buy_control(body)
    {
        offer.availability = Availability::InStock;
    }
    let canonical = harvest.canonical.as_deref().or(offer.canonical_url.as_deref());
    offer.canonical_url = canonical.and_then(|c| address::absolute(c, page.final_url)).map(|u| u.to_string());
    offer.image =
        offer.image.take().and_then(|i| address::absolute(&i, page.final_url).map(|u| u.to_string()).or(Some(i)));
}

#[expect(clippy::too_many_arguments, reason = "the last step sees everything; a struct would only rename the list")]
pub(super) fn finish(
    verdict: Verdict,
    mut offer: Offer,
    found: Found,
    harvest: &Harvest<'_>,
    roots: &[Value<'_>],
    page: &Page<'_>,
    hints: &Hints,
    view: &View,
) -> Extraction {
    let other = || kind::other(harvest, roots, page, 0, 0);
    // A title that has no word of the heading is the shop's on every page, and says nothing against the product.
    let unsaid = |heading: &str| titles(harvest).iter().all(|title| overlap(heading, title) == 0);
    let named = view.titled
        || view.unpriced == Said::Gone
            && view.heading.as_ref().is_some_and(|(words, _)| unsaid(words))
            && !kind::is_side_page(page)
            && other() == Outcome::Other;
    let sells_nothing = || matches!(other(), Outcome::Home | Outcome::Search | Outcome::Article);
    let gone = named
        && !matches!(other(), Outcome::Search | Outcome::Article)
        && offer.availability == Availability::OutOfStock
        && (view.unpriced == Said::Gone || view.labels.sku.is_some() || address::article(page.final_url).is_some());
    let asks = view.titled && view.unpriced == Said::OnRequest && !kind::is_side_page(page) && !sells_nothing();
    let is_product = gone
        || asks
        || found.products == 1
        || found.says_product
        || (view.heading.is_some() && view.buy_buttons > 0 && view.tiles < 3 && !sells_nothing());
    let (mut outcome, confidence, mut why) = match verdict {
        Verdict::Price { confidence, why, .. } => (Outcome::Product, confidence, why),
        Verdict::Ambiguous(why) => (Outcome::Ambiguous, 50, why),
        Verdict::None if is_product && offer.availability == Availability::OutOfStock => {
            (Outcome::OutOfStock, 80, "the product cannot be bought and no price is shown".to_owned())
        }
        Verdict::None if is_product && (found.listed < 2 || asks) => {
            (Outcome::NoPrice, 60, "a product page, but no price is stated".to_owned())
        }
        Verdict::None => {
            let outcome = kind::other(harvest, roots, page, view.tiles, found.products.max(found.listed));
            (outcome, 70, "nothing on the page is one product with a price".to_owned())
        }
    };
    if matches!(outcome, Outcome::Product | Outcome::NoPrice | Outcome::OutOfStock)
        && let Some(reason) = elsewhere(&offer, page, hints)
    {
        outcome = Outcome::RedirectedElsewhere;
        why = reason;
    }
    if outcome != Outcome::Product {
        offer.price = None;
        offer.high_price = None;
    }
    let keep = matches!(outcome, Outcome::Product | Outcome::NoPrice | Outcome::OutOfStock | Outcome::Ambiguous);
    if keep && offer.evidence.is_none() {
        offer.evidence = offer.title.as_deref().map(|t| Evidence::new(Source::Visible, "title", t, None));
    }
    let mut candidates = found.candidates;
    for candidate in &mut candidates {
        explain(candidate, &offer);
    }
    Extraction {
        outcome,
        offer: keep.then_some(offer),
        confidence,
        explanation: why,
        candidates,
        locale: None,
        encoding: "",
    }
}

/// Whether this is another product than the listing's.
fn elsewhere(offer: &Offer, page: &Page<'_>, hints: &Hints) -> Option<String> {
    if kind::redirected(page) {
        return Some(format!("asked for {}, got the front page", page.url));
    }
    let wanted = hints.expected_gtin.as_deref().and_then(gtin::canonical);
    if let (Some(wanted), Some(got)) = (&wanted, &offer.gtin) {
        return (wanted != got).then(|| format!("the listing is GTIN {wanted}, the page is {got}"));
    }
    let moved = page.url != page.final_url && !address::same_page(page.url, page.final_url);
    if let (true, Some(wanted), Some(got)) = (moved, hints.expected_title.as_deref(), offer.title.as_deref()) {
        let fit = overlap(wanted, got).max(overlap(got, wanted));
        return (fit < 40).then(|| format!("redirected to `{got}`, the listing is `{wanted}`"));
    }
    None
}

fn explain(candidate: &mut Candidate, chosen: &Offer) {
    let note = match (candidate.chosen, candidate.offer.price, chosen.price) {
        (true, ..) => Cow::Borrowed("chosen"),
        (false, None, _) if !candidate.open.is_empty() => Cow::Owned(candidate.open.join("; ")),
        (false, None, _) => Cow::Borrowed("states no price"),
        (false, Some(own), Some(best)) if close(own, best) => Cow::Borrowed("agrees"),
        (false, Some(_), _) => Cow::Borrowed("not chosen"),
    };
    candidate.verdict = if candidate.verdict.is_empty() || candidate.chosen && candidate.source != Source::Visible {
        note.into_owned()
    } else {
        [&note, ": ", &candidate.verdict].concat()
    };
}

/// The ISBN that a book's page has in its title: no other number of a title has such a prefix and check digit.
fn isbn_in_titles(harvest: &Harvest<'_>) -> Option<String> {
    let titles = titles(harvest);
    // Hardly any title has these digits, and looking for them costs less than taking it apart.
    let numbers = titles
        .iter()
        .filter(|title| title.contains("97"))
        .flat_map(|title| title.split(|c: char| !(c.is_ascii_digit() || c == '-')));
    let books = numbers.filter(|number| number.starts_with("978") || number.starts_with("979"));
    books.filter(|number| number.bytes().filter(u8::is_ascii_digit).count() == 13).find_map(gtin::canonical)
}

/// What stands between a product's name and the shop's.
const BARS: [&str; 7] = [" | ", "｜", " – ", " — ", " :: ", " · ", " - "];

/// The part of a title that is the name: without the shop's own name in front of a bar or behind it, and without a code in
/// brackets that the page's titles do not have. `names` are those that markup gives the product.
fn name_alone(title: &str, names: &[&str], harvest: &Harvest<'_>, page: &Page<'_>) -> std::ops::Range<usize> {
    let pages = titles(harvest);
    if let Some((name, code)) = title.strip_suffix(']').and_then(|title| title.rsplit_once(" ["))
        && !code.contains(char::is_whitespace)
        && code.contains(|c: char| c.is_ascii_digit())
        && !price::is_quantity(code)
        && !name.trim().is_empty()
        && pages.iter().any(|page| overlap(name, page) == 100)
        && !pages.iter().any(|page| page.contains(code))
    {
        return 0..name.trim_end().len();
    }
    let bars = BARS.iter().filter(|bar| bar.is_ascii() || !title.is_ascii());
    let bar = bars.filter_map(|bar| title.rfind(bar).map(|at| (at, at + bar.len()))).max();
    let Some((end, behind)) = bar.filter(|(end, _)| !title[..*end].trim().is_empty()) else { return 0..title.len() };
    let (name, last) = (&title[..end], &title[behind..]);
    let upright = title[end..behind].contains(['|', '｜']);
    // A first heading says where the name ends, of a title that is the page's own.
    let of_page = || upright && pages.iter().any(|page| squeezed(page) == squeezed(title));
    let headed = |name: &str, other: &str| {
        of_page() && harvest.headings.iter().any(|(words, _)| overlap(name, words) == 100 && overlap(other, words) == 0)
    };
    if !squeezed(last).is_empty() && (is_shop(last, harvest, page) || headed(name, last)) {
        return 0..name.trim_end().len();
    }
    // `Shop | Brass Lamp`: behind the bar where the shop is in front of it, or where heading or markup say nothing else.
    let said = || {
        let own = squeezed(last);
        let headings = harvest.headings.iter().map(|(words, _)| words.as_str());
        headings.chain(names.iter().copied()).any(|words| squeezed(words) == own)
    };
    let shop_first = upright && !squeezed(last).is_empty();
    if shop_first && (is_shop(name, harvest, page) || said() || headed(last, name)) {
        return behind + (last.len() - last.trim_start().len())..title.len();
    }
    0..title.len()
}

/// Whether words are the shop's own name, as the page or its address tells it.
fn is_shop(words: &str, harvest: &Harvest<'_>, page: &Page<'_>) -> bool {
    let words = squeezed(words);
    let site = harvest.meta(&["og:site_name"]).map(|m| squeezed(&m.content));
    let host = || address::host(page.final_url).unwrap_or_default();
    site.is_some_and(|site| site == words)
        || words.is_ascii() && host().split('.').rev().skip(1).any(|label| squeezed(label) == words)
}

/// What stands behind the shop's name in the page's own title, where nothing but that name was taken for the product's.
fn behind_shop(title: &str, harvest: &Harvest<'_>, page: &Page<'_>) -> Option<String> {
    let whole = harvest.title.as_deref()?;
    let rest = whole.strip_prefix(title)?;
    let rest = BARS[..2].iter().find_map(|bar| rest.strip_prefix(bar))?;
    let end = BARS.iter().filter_map(|bar| rest.find(bar)).min().unwrap_or(rest.len());
    let name = rest[..end].trim();
    (name.chars().any(char::is_alphabetic) && is_shop(title, harvest, page)).then(|| name.to_owned())
}

/// Letters and digits of a name in lower case.
fn squeezed(name: &str) -> String {
    Words::of(name).iter().collect()
}

/// The name that markup gives the page's one product, where the words taken for its heading have nothing of it: they are
/// those of a box beside it, unless the page's titles know them and not the name.
fn name_of_product(offer: &Offer, found: &Found, titles: &[&str]) -> Option<String> {
    let heading = offer.title.as_deref().filter(|_| found.products == 1)?;
    let of_items = |c: &&Candidate| matches!(c.source, Source::JsonLd | Source::Microdata | Source::Rdfa);
    let name = found.candidates.iter().filter(of_items).find_map(|c| c.offer.title.as_deref())?;
    let (heading, words) = (Words::of(heading), Words::of(name));
    if share(&words, &heading) > 0 {
        return None;
    }
    let titles: Vec<Words> = titles.iter().copied().map(Words::of).collect();
    let known = |name: &Words| titles.iter().any(|title| share(name, title) > 0);
    (known(&words) || !known(&heading)).then(|| name.to_owned())
}

/// Whether a page's title has a brand right in front of a word of the name: behind it, or with a mark between them, it
/// is the shop's.
fn leads(brand: &str, name: &str, title: &str) -> bool {
    let (brand, name) = (Words::of(brand), Words::of(name));
    let brand: Vec<&str> = brand.iter().collect();
    let parts = title.split(['|', '–', '—', '·', '•', ':', '»']).flat_map(|part| part.split(" - ")).map(Words::of);
    !brand.is_empty()
        && parts.into_iter().any(|part| {
            let part: Vec<&str> = part.iter().collect();
            part.windows(brand.len() + 1).any(|row| row.starts_with(&brand) && name.contains(row[brand.len()]))
        })
}

/// The heading a person reads, where it names the same thing in more words than the markup.
fn better_title(offer: &Offer, view: &View) -> Option<String> {
    let heading = view.heading.as_ref().map(|h| h.0.as_str())?;
    let Some(own) = offer.title.as_deref() else { return Some(heading.to_owned()) };
    let (own, words) = (Words::of(own), Words::of(heading));
    let longer = words.iter().count() > own.iter().count();
    let fits = longer && (share(&own, &words) >= 50 || share(&words, &own) >= 50);
    (fits && heading.chars().count() <= 250).then(|| heading.to_owned())
}
