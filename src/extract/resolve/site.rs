//! Runs the rules of a site file on a page and makes one candidate of what they find.

use crate::extract::harvest::Harvest;
use crate::extract::locale::Locale;
use crate::extract::offer::{Availability, Candidate, Evidence, MAX_FIELD, MAX_TITLE, Offer, Source, UnitPrice, field};
use crate::extract::price::{self, Context};
use crate::extract::scraper::rules::{Found, Target};
use crate::extract::scraper::{Field, Site};
use crate::extract::{address, gtin, schema};
use crate::money::Money;

/// What the site's rules find on a page; `None` when none of them matches.
pub(super) fn candidate(
    site: &Site,
    body: &str,
    harvest: &Harvest<'_>,
    url: &str,
    context: &Context<'_>,
) -> Option<Candidate> {
    let variant = site.variant_from().and_then(|from| variant(from, url));
    let target = Target::new(body, harvest, variant);
    let mut candidate = Candidate::new(Source::SiteRule, Offer::default());
    let first = |field: Field| {
        site.rules(field).find_map(|rule| rule.run(&target).map(|found| (found, rule.shown().to_owned())))
    };
    let words = |field: Field, max: usize| first(field).and_then(|(found, _)| self::field(&found.text, max));
    let mut offer = Offer {
        title: words(Field::Title, MAX_TITLE),
        brand: words(Field::Brand, MAX_FIELD),
        sku: words(Field::Sku, MAX_FIELD),
        mpn: words(Field::Mpn, MAX_FIELD),
        gtin: words(Field::Gtin, MAX_FIELD).and_then(|code| gtin::canonical(&code)),
        image: words(Field::Image, 2_048),
        seller: words(Field::Seller, MAX_FIELD),
        valid_until: words(Field::ValidUntil, 40),
        condition: words(Field::Condition, 40).and_then(|c| schema::condition(&c)),
        variant: words(Field::Variant, MAX_FIELD).or_else(|| target.variant().map(str::to_owned)),
        tax: site.tax(),
        ..Offer::default()
    };
    offer.availability =
        words(Field::Availability, MAX_FIELD).map_or(Availability::Unknown, |a| Availability::parse(&a));
    let named = words(Field::Currency, 40).and_then(|c| price::currency_of(&c, context));
    // One file may serve a shop in several countries: there the host's country says which money a bare number is in.
    let local = || address::host(url).and_then(|host| Locale::from_host(&host)).and_then(|l| l.currency());
    let stated = || target.stated_currency().and_then(|c| price::currency_of(&c, context));
    let context = Context { currency: named.or(context.currency).or_else(stated).or_else(local), ..*context };
    offer.currency = context.currency;
    if let Some((found, shown)) = first(Field::Price) {
        offer.evidence = Some(Evidence::new(Source::SiteRule, shown, &found.text, found.at));
        match price::machine(&found.text, &context).and_then(|r| r.money(context.currency).map(|m| (r, m))) {
            Ok((reading, money)) => {
                offer.price = Some(money);
                offer.currency = Some(money.currency());
                offer.kind = reading.kind;
                offer.high_price = reading.high.and_then(|h| Money::exact(h, money.currency()).ok());
            }
            Err(refusal) => candidate.open.push(format!("`{}`: {refusal}", crate::extract::text::cut(&found.text, 40))),
        }
    }
    let context = Context { currency: offer.currency.or(context.currency), ..context };
    let money = |found: Found| price::machine(&found.text, &context).ok()?.money(context.currency).ok();
    offer.list_price = first(Field::ListPrice)
        .and_then(|(f, _)| money(f))
        .filter(|l| offer.price.is_none_or(|p| l.minor() > p.minor()));
    offer.member_price = first(Field::MemberPrice).and_then(|(f, _)| money(f));
    offer.shipping = first(Field::Shipping).and_then(|(f, _)| money(f));
    offer.unit_price = first(Field::UnitPrice).and_then(|(found, _)| {
        let reading = price::read(&found.text, &context).ok()?;
        Some(UnitPrice { amount: reading.amount, currency: reading.currency, per: reading.per? })
    });
    candidate.offer = offer;
    let nothing = candidate.offer.price.is_none()
        && candidate.offer.title.is_none()
        && candidate.offer.sku.is_none()
        && candidate.open.is_empty();
    (!nothing).then_some(candidate)
}

/// `query:NAME`, or `path:REGEX` whose first group is the variant.
fn variant(from: &str, url: &str) -> Option<String> {
    let url = address::absolute(url, url)?;
    if let Some(name) = from.strip_prefix("query:") {
        return url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    }
    let pattern = regex::Regex::new(from.strip_prefix("path:")?).ok()?;
    let captures = pattern.captures(url.path())?;
    captures.get(1).map(|m| m.as_str().to_owned())
}
