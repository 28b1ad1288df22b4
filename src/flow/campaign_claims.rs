//! What may be said about a reduction: the prior price on each listing, from prices that were really live there, frozen
//! when its price goes out.

use super::campaigns;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::prior::{Audience, LivePrice, PriorPrice, Reduction, better_from, prior_price};
use crate::decide::prior_rules::{NewArrival, PriorRules};
use crate::money::{Currency, WirePrice};
use crate::sentence::Sentence;
use crate::store::campaigns::{self as stored, OfProduct};
use crate::store::listings::{self, Desire, Listing};
use crate::store::products::Product;
use crate::store::progress;
use crate::store::stages;
use crate::store::strikes::{self, Frozen};

/// Steps of a progressive reduction followed back.
const MOST_STEPS: usize = 20;
/// Goods with this tag follow the rules for what perishes quickly.
const PERISHABLE: &str = "perishable";

/// What may be said about a reduction on each listing that gets a campaign's price, as of its start now.
///
/// # Errors
/// The store's.
pub(super) async fn strikes(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    name: &str,
    desired: &[Desire],
    now: Millis,
) -> anyhow::Result<Vec<Frozen>> {
    let running = stored::of_product(&app.db, product.id, now).await?;
    let Some(campaign) = running.into_iter().find(|one| one.name == name) else { return Ok(vec![]) };
    freeze(app, loaded, product, &campaign, desired, now).await
}

pub(super) async fn freeze(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    campaign: &OfProduct,
    desired: &[Desire],
    now: Millis,
) -> anyhow::Result<Vec<Frozen>> {
    let listings = listings::of_product(&app.db, product.id).await?;
    let mut frozen = Vec::with_capacity(desired.len());
    for desire in desired {
        let Some(listing) = listings.iter().find(|listing| listing.id == desire.listing_id) else { continue };
        // A channel that began by itself already shows the reduction: what was before it was noted when it was staged.
        let staged = stages::of_one(&app.db, listing.id).await?;
        let staged = staged.filter(|stage| {
            let given = listing.staged_minor == Some(stage.minor) && listing.sent_minor == Some(stage.regular_minor);
            given && stage.campaign_id == campaign.id && stage.starts_at <= now.0
        });
        let before = listing.live_minor.or(listing.desired_minor);
        let (Ok(minor), Some(regular)) = (&desire.price, staged.map(|stage| stage.regular_minor).or(before)) else {
            continue;
        };
        let begun = staged.map_or(now, |stage| Millis(stage.starts_at));
        let planned = listing.price(*minor)?;
        let end = campaigns::window(campaign, &listing.channel).until;
        let begins = Millis(campaign.starts_at);
        let (prior, _) = prior_of(app, loaded, product, listing, planned, (begins, begun, end)).await?;
        let mut reasons = reasons(&prior);
        if campaign.announce == 0 {
            reasons.push(Sentence::NothingAnnounced.with(&[]));
        }
        frozen.push(Frozen {
            campaign_id: campaign.id,
            listing_id: listing.id,
            campaign_minor: *minor,
            regular_minor: regular,
            prior_minor: prior.prior.map(|prior| listing.units(prior)).transpose()?,
            currency: listing.currency.clone(),
            window_from: prior.window_start.map(Millis::from),
            started_at: begun,
            ends_at: end,
            announce: campaign.announce != 0 && prior.announce == Some(true),
            max_percent: prior.max_percent,
            reasons: serde_json::to_string(&reasons)?,
        });
    }
    Ok(frozen)
}

/// The prior price of a reduction on one listing, and from when the same price could claim more. The instants are those
/// at which its campaign begins, at which its price goes out, and at which it ends.
///
/// # Errors
/// The store's, or a stored currency that is not one.
pub async fn prior_of(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    listing: &Listing,
    planned: WirePrice,
    (begins, start, end): (Millis, Millis, Millis),
) -> anyhow::Result<(PriorPrice, Option<Millis>)> {
    let market = loaded.set.channel(&listing.channel).map_or(product.market.as_str(), |rules| rules.market.as_str());
    let Some(market) = loaded.set.market(market) else { anyhow::bail!("market {market} is not in the rules") };
    let readable = app.lane(&listing.channel).is_none_or(|lane| lane.policy.readable);
    let rows = progress::live_history(&app.db, listing.id, Millis(0)).await?;
    let spans = spans(&rows, planned.currency(), readable);
    let tags: Vec<String> = serde_json::from_str(&product.tags).unwrap_or_default();
    let reduction = Reduction {
        start: start.timestamp(),
        end: Some(end.timestamp()),
        price: planned,
        audience: loaded.set.audience(&listing.channel),
        perishable: tags.iter().any(|tag| tag == PERISHABLE),
        earlier_steps: earlier_steps(app, listing, begins).await?,
    };
    let rules = of_history(app.prior.of(&market.omnibus), &rows, planned.currency());
    let zone = &market.market.tz.0;
    let prior = prior_price(&spans, &reduction, &rules, zone);
    let better = better_from(&spans, &reduction, &rules, zone).map(Millis::from);
    Ok((prior, better))
}

/// When the earlier steps went live of which the campaign that begins then is the next, without a gap in between.
async fn earlier_steps(app: &App, listing: &Listing, begins: Millis) -> anyhow::Result<Vec<jiff::Timestamp>> {
    let mut steps = Vec::new();
    let mut end = begins;
    while steps.len() < MOST_STEPS {
        let Some((at, began)) = strikes::step_before(&app.db, listing.id, end).await? else { break };
        steps.push(at.timestamp());
        end = began;
    }
    steps.reverse();
    Ok(steps)
}

/// The rules for what has such a history: on offer before in another money, it is no new arrival, and nothing is claimed until
/// its window is in this one.
fn of_history(rules: PriorRules, rows: &[progress::LivePrice], of: Currency) -> PriorRules {
    let came_over = rows.iter().any(|row| row.currency != of.code());
    PriorRules { new_arrival: if came_over { NewArrival::Block } else { rules.new_arrival }, ..rules }
}

/// Recorded price facts as spans. A price that was sent may be live from then on, and the one before it stays possible
/// until another one is proved; what was seen (or acknowledged, where nothing can be read) proves that the product was on
/// offer, and nothing before that counts as offered.
fn spans(rows: &[progress::LivePrice], of: Currency, readable: bool) -> Vec<LivePrice> {
    let proves = |basis: &str| matches!(basis, "verified" | "foreign") || !readable && basis == "accepted";
    let rows: Vec<_> = rows.iter().filter(|row| row.currency == of.code()).collect();
    let Some(offered) = rows.iter().find(|row| proves(&row.basis)).map(|row| row.seen_at) else { return vec![] };
    let mut spans = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let replaced = rows[index + 1..]
            .iter()
            .find(|later| proves(&later.basis) && (later.minor != row.minor || later.audience != row.audience));
        let until = replaced.map(|later| later.seen_at);
        let from = row.seen_at.max(offered);
        let price = WirePrice::stored(row.minor, row.decimals, &row.currency);
        if let Ok(price) = price
            && until.is_none_or(|until| until > from)
        {
            spans.push(LivePrice {
                from: Millis(from).timestamp(),
                until: until.map(|until| Millis(until).timestamp()),
                price,
                audience: Audience::stored(&row.audience),
            });
        }
    }
    spans
}

/// Everything that speaks for or against a claim, in words.
pub(super) fn reasons(prior: &PriorPrice) -> Vec<String> {
    let mut reasons: Vec<String> = prior.flags.iter().map(flag_text).collect();
    if let Some(claim) = &prior.claim {
        let days = |count: Option<i64>| count.map_or_else(|| "-".to_owned(), |days| format!("{days} days"));
        reasons.push(Sentence::FormerPrice.with(&[
            ("days", &claim.days_at_reference),
            ("share", &claim.share_of_last_90_days),
            ("last", &days(claim.age_of_reference)),
            ("offer", &days(claim.offer_days)),
        ]));
    }
    reasons
}

fn flag_text<T: serde::Serialize>(flag: &T) -> String {
    let value = serde_json::to_value(flag).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(minor: i64, basis: &str, seen_at: i64) -> progress::LivePrice {
        let audience = "public".into();
        progress::LivePrice { minor, currency: "DKK".into(), decimals: None, basis: basis.into(), seen_at, audience }
    }

    fn spanned(rows: &[progress::LivePrice], readable: bool) -> Vec<(i64, Option<i64>, i64)> {
        let ms = |at: jiff::Timestamp| Millis::from(at).0;
        let spans = spans(rows, Currency::DKK, readable);
        spans.into_iter().map(|span| (ms(span.from), span.until.map(ms), span.price.minor().unwrap())).collect()
    }

    #[test]
    fn a_price_that_was_sent_may_be_live_until_another_is_proved() {
        let rows = [row(500, "verified", 10), row(400, "sent", 20), row(400, "unknown", 21), row(500, "verified", 30)];
        let spans = spanned(&rows, true);
        assert!(spans.contains(&(20, Some(30), 400)), "{spans:?}");
        assert!(spans.contains(&(10, None, 500)), "{spans:?}");
    }

    #[test]
    fn a_channel_that_opens_to_everybody_begins_a_public_price() {
        let members = progress::LivePrice { audience: "loyalty".into(), ..row(400, "verified", 10) };
        let spans = spans(&[members, row(400, "verified", 20)], Currency::DKK, true);
        let told: Vec<_> = spans.iter().map(|span| (span.audience, span.until.map(|at| Millis::from(at).0))).collect();
        assert_eq!(told, [(Audience::Loyalty, Some(20)), (Audience::Public, None)]);
    }

    #[test]
    fn what_came_over_from_another_money_is_no_new_arrival() {
        let rules = crate::decide::prior_table::PriorTable::new(&std::collections::BTreeMap::new()).of("PL");
        assert_eq!(rules.new_arrival, NewArrival::SinceStart);
        let rows = [row(400, "verified", 10), row(390, "verified", 20)];
        assert_eq!(of_history(rules.clone(), &rows, Currency::DKK).new_arrival, NewArrival::SinceStart);
        let over = [rows[0].clone(), progress::LivePrice { currency: "EUR".into(), ..row(52, "verified", 30) }];
        assert_eq!(of_history(rules, &over, Currency::EUR).new_arrival, NewArrival::Block);
    }

    #[test]
    fn only_proof_makes_an_offer() {
        let rows = [row(400, "sent", 10), row(400, "accepted", 11)];
        assert_eq!(spanned(&rows, true), [], "a readable channel has to show it");
        assert_eq!(spanned(&rows, false), [(11, None, 400), (11, None, 400)]);
        let later = [row(400, "sent", 10), row(400, "verified", 15), row(300, "verified", 20)];
        assert_eq!(spanned(&later, true)[0], (15, Some(20), 400));
    }
}
