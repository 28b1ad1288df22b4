//! Looks at every source of a page, picks one offer and says why; refuses when sources disagree.
//!
//! The order is trust: site rules, JSON-LD, microdata, RDFa, meta tags, embedded state, what a person sees.

mod alike;
mod condition;
mod contested;
mod contradiction;
mod finish;
mod judge;
mod place;
mod seen;
mod site;
mod spoken;
mod standing;
mod state;
mod tax;
mod variant;

use std::cell::OnceCell;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::address::Here;
use super::harvest::Harvest;
use super::json::{self, Value};
use super::locale::Locale;
use super::offer::{Availability, Candidate, Offer, Source};
use super::outcome::Outcome;
use super::price::{self, Context, PriceKind, Role, TaxView};
use super::schema::{self, Product, Surroundings};
use super::text::Words;
use super::tree::{Builder, Tree};
use super::visible::confirm::{Shown, confirm};
use super::visible::{self, Interest, View};
use super::{Extraction, Hints, Page, charset, embedded, kind, meta, scraper};
use crate::money::{Currency, Money};

/// Candidates kept in the answer.
const MAX_CANDIDATES: usize = 200;

/// Everything that was read from one page, before judgement.
struct Found {
    candidates: Vec<Candidate>,
    /// Products of structured data that are the page's own subject.
    products: usize,
    /// Structured data describes a list of products.
    listed: usize,
    view: Option<View>,
    says_product: bool,
    /// Where the page is, as far as it is known.
    locale: Option<Locale>,
    /// The site's settings say that its prices are without tax.
    wants_net: bool,
}

pub(super) fn run(page: &Page<'_>, site: Option<&scraper::Site>, hints: &Hints) -> Extraction {
    let decoded = charset::decode(page.body, page.content_type);
    let mut answer = read(&decoded.text, decoded.encoding(), page, site, hints);
    answer.encoding = decoded.encoding();
    // Offsets so far count in the decoded text; evidence counts in the body.
    let offers = answer.offer.iter_mut().chain(answer.candidates.iter_mut().map(|c| &mut c.offer));
    decoded.map_to_body(offers.filter_map(|o| o.evidence.as_mut()?.offset.as_mut()));
    answer
}

fn read(body: &str, encoding: &str, page: &Page<'_>, site: Option<&scraper::Site>, hints: &Hints) -> Extraction {
    let harvest = Harvest::collect(body);
    let (locale, context) = place::surroundings(&harvest, page, site, hints, encoding, body);
    let shown = locale.map(|l| l.to_string());
    let empty = |outcome: Outcome, why: &str| Extraction {
        outcome,
        offer: None,
        confidence: 90,
        explanation: why.to_owned(),
        candidates: Vec::new(),
        locale: shown.clone(),
        encoding: "",
    };
    if let Some(outcome) = kind::from_status(page.status) {
        return empty(outcome, &format!("the shop answered with status {}", page.status));
    }
    if !harvest.is_html && !site.is_some_and(scraper::Site::has_rules) {
        return empty(Outcome::ParseFailure, "the body holds no HTML");
    }
    let roots: Vec<Value<'_>> = harvest.json_ld.iter().flat_map(|s| json::values(s.text, s.at)).collect();
    let found = gather(body, &harvest, &roots, page, site, &context);
    let priced = found.candidates.iter().any(|c| c.source != Source::Visible && c.offer.price.is_some());
    let seen = found.view.as_ref().map_or(0, |view| view.text_bytes);
    if !priced && let Some(outcome) = kind::wall(body, &harvest, page, seen, shows(&found)) {
        return Extraction {
            candidates: found.candidates,
            ..empty(outcome, "the page is a wall, a challenge or says that nothing is here")
        };
    }
    let mut answer = judge::decide(body, &harvest, &roots, page, hints, found);
    answer.locale = shown.clone();
    answer.candidates.truncate(MAX_CANDIDATES);
    answer
}

/// What a page without a price in its markup shows of a product, if it names one.
fn shows(found: &Found) -> Option<kind::Shows> {
    let view = found.view.as_ref().filter(|view| view.titled)?;
    let priced = found.candidates.iter().any(|c| c.source == Source::Visible && c.score >= visible::ENOUGH);
    if priced && view.buy_buttons > 0 {
        return Some(kind::Shows::Sale);
    }
    (found.products == 1 || found.says_product || view.unpriced != visible::unpriced::Said::Nothing)
        .then_some(kind::Shows::Name)
}

/// The currency that a Shopify shop shows its prices in, as its own script names it.
fn shopify_currency(harvest: &Harvest<'_>) -> Option<Currency> {
    const REACH: usize = 120;
    static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Shopify.currency"));
    let rest = harvest.scripts.iter().find_map(|script| script.text.get(NAME.find(script.text.as_bytes())?..))?;
    let stated = super::text::cut(rest, REACH).split("\"active\"").nth(1)?;
    Currency::from_code(stated.split('"').nth(1)?)
}

fn gather(
    body: &str,
    harvest: &Harvest<'_>,
    roots: &[Value<'_>],
    page: &Page<'_>,
    site: Option<&scraper::Site>,
    context: &Context<'_>,
) -> Found {
    let around = Surroundings { context: *context, url: page.final_url, source: Source::JsonLd };
    let mut candidates = Vec::new();
    if let Some(site) = site.filter(|s| s.has_rules()) {
        candidates.extend(site::candidate(site, body, harvest, page.final_url, context));
    }
    let titles = titles(harvest);
    let (mut products, mut listed) = (0, 0);
    let sources = [(roots, Source::JsonLd), (&harvest.microdata, Source::Microdata), (&harvest.rdfa, Source::Rdfa)];
    for (values, source) in sources {
        let all = schema::products(values, &Surroundings { source, ..around });
        listed += all.iter().filter(|p| p.related && p.candidate.offer.price.is_some()).count();
        let own = main_product(all, page, harvest, &titles);
        products = products.max(own.1);
        candidates.extend(own.0);
    }
    alike::drop(&mut candidates, harvest);
    candidates.extend(meta::candidate(harvest, context));
    let known = embedded::Known {
        price: candidates.iter().any(|c| c.offer.price.is_some()),
        stock: candidates.iter().any(|c| c.offer.availability != Availability::Unknown),
    };
    let mut named: Vec<&str> = candidates
        .iter()
        .filter_map(|c| c.offer.title.as_deref())
        .chain(titles.iter().copied())
        .chain(harvest.headings.iter().map(|h| h.0.as_str()))
        .collect();
    // Markup, titles and headings mostly say the same.
    named.sort_unstable();
    named.dedup();
    let sku = candidates.iter().find_map(|c| c.offer.sku.as_deref());
    let own = with_currency(context, &candidates);
    let own = Context { currency: own.currency.or_else(|| shopify_currency(harvest)), ..own };
    let identity = embedded::Identity { url: page.final_url, names: &named, sku };
    let state = embedded::candidates(body, harvest, &identity, &own, known);
    candidates.extend(state);
    let context = with_currency(&own, &candidates);
    let mut view = view_of(body, harvest, &mut candidates, products, &context, &titles, page);
    let open = |field: fn(&Offer) -> bool| !candidates.iter().any(|c| field(&c.offer));
    if view.labels.gtin.is_none()
        && view.labels.brand.is_none()
        && open(|o| o.gtin.is_some())
        && open(|o| o.brand.is_some())
    {
        let table = visible::table::far(body, harvest.headings.first().map_or(0, |h| h.1));
        view.labels.fill(table.unwrap_or_default());
    }
    Found {
        candidates,
        products,
        listed,
        view: Some(view),
        says_product: meta::says_product(harvest),
        locale: context.locale,
        wants_net: site.is_some_and(|site| site.tax() == TaxView::Net),
    }
}

/// What a person sees, looked at no further than markup leaves it open.
fn view_of(
    body: &str,
    harvest: &Harvest<'_>,
    candidates: &mut Vec<Candidate>,
    products: usize,
    context: &Context<'_>,
    titles: &[&str],
    page: &Page<'_>,
) -> View {
    let window = confirmed_window(harvest, candidates, products);
    let range = window.clone().unwrap_or(0..body.len());
    let look = |tree: &Tree<'_>, interest| visible::look(tree, harvest, context, titles, page.final_url, interest);
    let stated =
        window.as_ref().and_then(|_| candidates.iter().find(|c| c.offer.price.is_some_and(Money::is_positive)));
    // Beside the lowest of several prices the same amounts can matter as beside a single one.
    let lowest =
        stated.filter(|c| matches!(c.offer.kind, PriceKind::From | PriceKind::Range)).and_then(|c| c.offer.price);
    let stated = stated.filter(|c| c.offer.kind == PriceKind::Exact).and_then(|c| c.offer.price);
    let says = |field: fn(&Offer) -> bool| candidates.iter().any(|c| field(&c.offer));
    let described = says(|o| o.availability != Availability::Unknown) && says(|o| o.brand.is_some());
    let complete = described && says(|o| o.sku.is_some());
    let mut range = range;
    let mut part = Builder::new(body, range.start);
    let mut shown = stated.map_or(Shown::No, |price| confirm(&mut part, range.end, price, context));
    if let (Shown::No, Some(price)) = (&shown, stated) {
        // Some shops build the price in front of the title.
        let start = range.start.saturating_sub(visible::AFTER_PRICE);
        if !matches!(confirm(&mut Builder::new(body, start), range.start, price, context), Shown::No) {
            let mut wider = Builder::new(body, start);
            let again = confirm(&mut wider, range.end, price, context);
            if !matches!(again, Shown::No) {
                (part, range.start, shown) = (wider, start, again);
            }
        }
    }
    // An instalment or a price per kilogram of that amount confirms no price: what else is there decides.
    if let Shown::Alone(confirmed) = &shown
        && is_other_amount(confirmed, context)
    {
        let until = range.end;
        let interest = Interest::Prices { stated: None, words: true, until };
        let mut view = look(&part.tree(until), interest);
        candidates.append(&mut view.candidates);
        return view;
    }
    match shown {
        Shown::Alone(confirmed) => {
            let view = if complete && !may_deny(body, &range) && !visible::sold::may_say(&part) {
                View { heading: heading_of(harvest, candidates), ..View::default() }
            } else {
                look(&part.tree(range.end), Interest::Words)
            };
            candidates.push(*confirmed);
            view
        }
        Shown::Beside(at) => {
            let until = range.end.min(at + visible::AFTER_PRICE);
            let end = if complete { until } else { range.end };
            let mut view = look(&part.tree(end), Interest::Prices { stated, words: !complete, until });
            candidates.append(&mut view.candidates);
            view
        }
        Shown::No => {
            let until = range.end;
            let stated = stated.or(lowest);
            let mut view = look(&part.tree(until), Interest::Prices { stated, words: true, until });
            candidates.append(&mut view.candidates);
            view
        }
    }
}

/// Whether the text of a place calls its amount an instalment, a price per measure or the price of something else.
fn is_other_amount(place: &Candidate, context: &Context<'_>) -> bool {
    let raw = place.offer.evidence.as_ref().map_or("", |e| e.raw.as_str());
    price::read(raw, context).is_ok_and(|reading| {
        matches!(reading.kind, PriceKind::Instalment | PriceKind::Unit) || reading.role != Role::Price
    })
}

/// Whether a part of a page has a control that is switched off: one of the signs of a product that is not for sale.
fn may_deny(body: &str, range: &std::ops::Range<usize>) -> bool {
    let part = &body.as_bytes()[range.start..range.end.min(body.len())];
    memchr::memmem::find(part, b"disabled").is_some()
}

/// The heading that names the product that markup describes.
fn heading_of(harvest: &Harvest<'_>, candidates: &[Candidate]) -> Option<(String, usize)> {
    let title = candidates.iter().find_map(|c| c.offer.title.as_deref())?;
    visible::naming_heading(harvest, title).map(|(words, _)| (words.clone(), 0))
}

/// Where to look when markup has answered: around the heading that names the same product. The whole page is looked at
/// only when markup leaves the price open or no heading names the product.
fn confirmed_window(
    harvest: &Harvest<'_>,
    candidates: &[Candidate],
    products: usize,
) -> Option<std::ops::Range<usize>> {
    let answered = candidates.iter().find(|c| c.offer.price.is_some_and(Money::is_positive))?;
    if products > 1 {
        return None;
    }
    let named = candidates.iter().find_map(|c| c.offer.title.as_deref());
    let title = answered.offer.title.as_deref().or(named).or(harvest.title.as_deref())?;
    visible::window(harvest, title)
}

/// The context with the currency that structured data names, for prices whose sign is shared.
fn with_currency<'a>(context: &Context<'a>, candidates: &[Candidate]) -> Context<'a> {
    let named = candidates.iter().find_map(|c| c.offer.currency);
    Context { currency: context.currency.or(named), ..*context }
}

/// Titles that the page gives itself outside its body.
fn titles<'h>(harvest: &'h Harvest<'_>) -> Vec<&'h str> {
    let og = harvest.meta(&["og:title", "twitter:title"]).map(|m| m.content.as_ref());
    og.into_iter().chain(harvest.title.as_deref()).collect()
}

/// The product a page is about, and how many products compete for that.
fn main_product(all: Vec<Product>, page: &Page<'_>, harvest: &Harvest<'_>, titles: &[&str]) -> (Vec<Candidate>, usize) {
    let mut own: Vec<Product> = all.into_iter().filter(|p| !p.related).collect();
    alike::drop_products(&mut own, page, harvest);
    let called = OnceCell::new();
    let called = || called.get_or_init(|| Called::of(harvest, titles));
    own.retain(|product| !is_of_another_page(product, page, harvest, called));
    if own.len() <= 1 {
        let count = own.len();
        return (own.into_iter().map(|p| p.candidate).collect(), count);
    }
    let headings = harvest.headings.iter().map(|h| h.0.as_str());
    let names: Vec<Words> = titles.iter().copied().chain(headings).map(Words::of).collect();
    let canonical = harvest.canonical.as_deref().filter(|canonical| !canonical.is_empty());
    let own_pages: Vec<Here<'_>> = std::iter::once(page.final_url).chain(canonical).map(Here::of).collect();
    let mut ranked: Vec<(i32, Product)> = own.into_iter().map(|p| (rank(&p, &own_pages, &names), p)).collect();
    ranked.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
    let best = ranked[0].0;
    let tied: Vec<_> = ranked.iter().filter(|(points, _)| *points == best).collect();
    let prices: Vec<_> = tied.iter().filter_map(|(_, p)| p.candidate.offer.price).collect();
    let agree = prices.windows(2).all(|w| w[0] == w[1]);
    let named = |p: &Product| p.candidate.offer.title.clone().unwrap_or_default();
    let same_name = tied.windows(2).all(|w| named(&w[0].1) == named(&w[1].1) || named(&w[1].1).is_empty());
    // A list of products is no page of the one among them whose name fits the list's title best.
    let wins = |p: &Product| p.named_by_url || is_page(p, &own_pages) || fit(p, &names) >= SURE_FIT;
    let lost = ranked.len() >= LIST && !wins(&ranked[0].1);
    let count = match tied.len() {
        _ if lost => ranked.len(),
        1 => 1,
        _ if agree && same_name => 1,
        several => several,
    };
    let for_sale = tied.iter().any(|(_, p)| p.candidate.offer.availability == Availability::InStock);
    let candidates = ranked.into_iter().map(|(points, product)| {
        let mut candidate = product.candidate;
        candidate.score = points;
        // Variants listed as products of their own: what can be had in one size is not sold out.
        if count == 1 && points == best && for_sale && candidate.offer.availability == Availability::OutOfStock {
            candidate.offer.availability = Availability::InStock;
        }
        if points < best || count > 1 {
            candidate.verdict = if points < best {
                "another product fits the page better"
            } else {
                "several products fit the page equally"
            }
            .to_owned();
        }
        candidate
    });
    let keep = if count == 1 { usize::MAX } else { 0 };
    (candidates.filter(|c| c.score == best).take(keep).collect(), count)
}

/// Products from which on a page may be a list of them.
const LIST: usize = 4;
/// Percent of a product's words that the page's titles must have to be about it, among many.
const SURE_FIT: i32 = 75;

/// What a page is called, in words: by its first heading and by the titles outside its body.
struct Called {
    names: Vec<Words>,
    titled: bool,
}

impl Called {
    fn of(harvest: &Harvest<'_>, titles: &[&str]) -> Self {
        let heading = harvest.headings.first().map(|heading| heading.0.as_str());
        Self {
            names: heading.into_iter().chain(titles.iter().copied()).map(Words::of).collect(),
            titled: !titles.is_empty(),
        }
    }
}

/// Whether a product that is marked up in the page's visible part is another one than the page's: behind the first
/// heading, with no word of the page's titles in its name.
fn is_of_another_page<'c>(
    product: &Product,
    page: &Page<'_>,
    harvest: &Harvest<'_>,
    called: impl Fn() -> &'c Called,
) -> bool {
    let candidate = &product.candidate;
    let (Some(name), Some((_, at))) = (candidate.offer.title.as_deref(), harvest.headings.first()) else {
        return false;
    };
    let behind = candidate.offer.evidence.as_ref().and_then(|e| e.offset).is_some_and(|offset| offset > *at);
    let visible = matches!(candidate.source, Source::Microdata | Source::Rdfa);
    let named = || {
        let own = Words::of(name);
        called().names.iter().any(|title| share(&own, title) > 0 || share(title, &own) > 0)
    };
    visible
        && behind
        && !product.named_by_url
        && called().titled
        && !named()
        // Few get here: a page's address is taken apart for them alone.
        && !is_page(product, &[Here::of(page.final_url)])
}

/// Whether one of a product's own addresses is one of the page's.
fn is_page(product: &Product, pages: &[Here<'_>]) -> bool {
    product.urls.iter().any(|url| pages.iter().any(|page| page.is_same(url)))
}

/// How much of a product's name the page's titles have, in percent.
fn fit(product: &Product, names: &[Words]) -> i32 {
    let own = Words::of(product.candidate.offer.title.as_deref().unwrap_or(""));
    names.iter().map(|name| share(&own, name)).max().unwrap_or(0)
}

fn rank(product: &Product, pages: &[Here<'_>], names: &[Words]) -> i32 {
    let mut points = 0;
    points += if product.named_by_url { 40 } else { 0 };
    points += if is_page(product, pages) { 30 } else { 0 };
    points += if product.candidate.offer.price.is_some() { 20 } else { 0 };
    points + fit(product, names) / 4
}

/// Share of the words of `name` that are in `other`, in percent.
pub(super) fn overlap(name: &str, other: &str) -> i32 {
    share(&Words::of(name), &Words::of(other))
}

/// Share of the words of `own` that are among `theirs`, in percent.
fn share(own: &Words, theirs: &Words) -> i32 {
    let (count, shared) =
        own.iter().fold((0, 0), |(count, shared), word| (count + 1, shared + usize::from(theirs.contains(word))));
    i32::try_from(shared * 100 / count.max(1)).unwrap_or(0)
}

/// Fills fields of `offer` that are empty from another offer of the same page.
fn fill(offer: &mut Offer, other: &Offer) {
    offer.title = offer.title.take().or_else(|| other.title.clone());
    offer.brand = offer.brand.take().or_else(|| other.brand.clone());
    offer.sku = offer.sku.take().or_else(|| other.sku.clone());
    offer.mpn = offer.mpn.take().or_else(|| other.mpn.clone());
    offer.gtin = offer.gtin.take().or_else(|| other.gtin.clone());
    offer.image = offer.image.take().or_else(|| other.image.clone());
    offer.canonical_url = offer.canonical_url.take().or_else(|| other.canonical_url.clone());
    offer.condition = offer.condition.take().or_else(|| other.condition.clone());
    offer.seller = offer.seller.take().or_else(|| other.seller.clone());
    offer.valid_until = offer.valid_until.take().or_else(|| other.valid_until.clone());
    offer.variant = offer.variant.take().or_else(|| other.variant.clone());
    offer.currency = offer.currency.or(other.currency);
    if offer.availability == Availability::Unknown {
        offer.availability = other.availability;
    }
    let same = |m: &Money| offer.price.is_none_or(|p| p.currency() == m.currency());
    offer.shipping = offer.shipping.or(other.shipping.filter(same));
    offer.member_price = offer.member_price.or(other.member_price.filter(same));
    // What stands beside another price is the earlier one of that: state may count cents, or speak of a variant.
    let of_this = other.price.zip(offer.price).is_none_or(|(theirs, own)| judge::close(theirs, own));
    let higher = other.list_price.filter(|_| of_this).filter(same);
    let higher = higher.filter(|l| offer.price.is_some_and(|p| l.minor() > p.minor()));
    offer.list_price = offer.list_price.or(higher);
    offer.unit_price = offer.unit_price.take().or_else(|| other.unit_price.clone());
    if offer.tax == TaxView::Unknown && offer.price == other.price {
        offer.tax = other.tax;
    }
}
