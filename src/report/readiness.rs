//! Which channels have prior-price history enough for a reduction to be announced, and what campaigns may not announce.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::market::Track;
use crate::app::App;
use crate::clock::Millis;
use crate::decide::prior::{PriorFlag, PriorPrice};
use crate::flow::campaigns::{outlook_of, prior_of};
use crate::store::{campaigns, listings, products, strikes};

/// Listings whose history is read for one report; the rest is counted.
const LOOKED_AT: usize = 20_000;
/// Campaigns and their rows in one report.
const CAMPAIGNS: i64 = 100;
const ROWS: i64 = 10_000;
/// The shortest reduction that is worth announcing.
const DURATION: i64 = 7 * Millis::DAY;

/// One channel's readiness to announce a reduction that began now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub channel: String,
    /// ISO 3166-1 code of the market whose rules count.
    pub country: String,
    pub listings: usize,
    /// History is long enough; whether a price is low enough is another question.
    pub ready: usize,
    /// On offer for less than the window, where the country lets the time since then count.
    pub new_arrivals: usize,
    pub too_little_history: usize,
    /// Neither: perishable goods, personal prices, or no price seen yet.
    pub other: usize,
    pub not_looked_at: usize,
    /// When the first of those that are not ready will be.
    pub next_ready: Option<String>,
}

/// What history says about one listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub channel: String,
    pub country: String,
    /// None if it was not looked at.
    pub answer: Option<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub announce: bool,
    pub flags: Vec<PriorFlag>,
    pub better_from: Option<Millis>,
}

/// A reduction that a campaign must not announce.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    pub campaign: String,
    pub sku: String,
    pub channel: String,
    pub reasons: Vec<String>,
}

/// The readiness of every channel over the listings of these products.
///
/// # Errors
/// The rules' and the store's.
pub async fn readiness(app: &App, tracks: &[Track]) -> anyhow::Result<Vec<Readiness>> {
    let Ok(loaded) = app.rules().await else { return Ok(vec![]) };
    let (now, mut looked) = (app.now(), Vec::new());
    for track in tracks {
        let Some(product) = products::by_id(&app.db, track.id).await? else { continue };
        for listing in listings::of_product(&app.db, track.id).await? {
            let named = loaded.set.channel(&listing.channel).map_or(product.market.as_str(), |rules| &rules.market);
            let Some(market) = loaded.set.market(named) else { continue };
            let answer = if looked.len() < LOOKED_AT {
                // The least price there is: nothing but history can speak against it.
                let least = listing.price(1)?;
                let instants = (now, now, now.plus(DURATION));
                let (prior, better) = prior_of(app, &loaded, &product, &listing, least, instants).await?;
                let PriorPrice { announce, flags, .. } = prior;
                Some(Answer { announce: announce == Some(true), flags, better_from: better })
            } else {
                None
            };
            let country = market.market.country.clone();
            looked.push(Looked { channel: listing.channel, country, answer });
        }
    }
    Ok(sum_up(looked))
}

/// Counts what was looked at by channel.
#[must_use]
pub fn sum_up(looked: Vec<Looked>) -> Vec<Readiness> {
    let mut channels: BTreeMap<(String, String), Vec<Option<Answer>>> = BTreeMap::new();
    for one in looked {
        channels.entry((one.channel, one.country)).or_default().push(one.answer);
    }
    let sum = |((channel, country), answers): ((String, String), Vec<Option<Answer>>)| {
        let known: Vec<&Answer> = answers.iter().flatten().collect();
        let with = |flag, answers: &[&Answer]| answers.iter().filter(|answer| answer.flags.contains(&flag)).count();
        let (ready, refused): (Vec<&Answer>, Vec<&Answer>) = known.iter().copied().partition(|answer| answer.announce);
        let too_little = with(PriorFlag::InsufficientHistory, &refused);
        Readiness {
            channel,
            country,
            listings: answers.len(),
            ready: ready.len(),
            new_arrivals: with(PriorFlag::NewArrivalSinceStart, &known),
            too_little_history: too_little,
            other: refused.len() - too_little,
            not_looked_at: answers.len() - known.len(),
            next_ready: refused.iter().filter_map(|answer| answer.better_from).min().map(|at| at.to_string()),
        }
    };
    channels.into_iter().map(sum).collect()
}

/// Every reduction of campaigns that run or are planned which must not be announced, and why.
///
/// # Errors
/// The rules' and the store's.
pub async fn refused(app: &App, skus: &BTreeSet<&str>) -> anyhow::Result<Vec<Refused>> {
    let (mut all, has_rules) = (Vec::new(), app.rules().await.is_ok());
    for one in campaigns::list(&app.db, CAMPAIGNS).await? {
        let rows: Vec<(String, String, bool, Vec<String>)> = match one.phase.as_str() {
            "running" => {
                let strikes = strikes::strikes_of(&app.db, one.id, ROWS).await?.into_iter();
                let reasons = |text: &str| serde_json::from_str(text).unwrap_or_default();
                strikes.map(|s| (s.sku, s.channel, s.announce != 0, reasons(&s.reasons))).collect()
            }
            "planned" if has_rules => {
                let items = campaigns::items(&app.db, one.id, ROWS).await?;
                let outlook = outlook_of(app, &one, &items).await?.into_iter();
                outlook.map(|o| (o.sku, o.channel, o.announce, o.reasons)).collect()
            }
            _ => continue,
        };
        let rows = rows.into_iter().filter(|(sku, _, announce, _)| !announce && skus.contains(sku.as_str()));
        all.extend(rows.map(|(sku, channel, _, reasons)| Refused {
            campaign: one.name.clone(),
            sku,
            channel,
            reasons,
        }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listing_is_counted_once_and_none_is_hidden() {
        let looked = |channel: &str, answer: Option<(bool, Vec<PriorFlag>, Option<i64>)>| Looked {
            channel: channel.into(),
            country: "DK".into(),
            answer: answer.map(|(announce, flags, better)| Answer { announce, flags, better_from: better.map(Millis) }),
        };
        let all = vec![
            looked("webshop", Some((true, vec![], None))),
            looked("webshop", Some((true, vec![PriorFlag::NewArrivalSinceStart], None))),
            looked("webshop", Some((false, vec![PriorFlag::InsufficientHistory], Some(9_000)))),
            looked("webshop", Some((false, vec![PriorFlag::InsufficientHistory], Some(5_000)))),
            looked("webshop", Some((false, vec![PriorFlag::PerishableExempt], None))),
            looked("webshop", None),
            looked("till", Some((true, vec![], None))),
        ];
        let [till, webshop] = &sum_up(all)[..] else { panic!("two channels") };
        assert_eq!((till.listings, till.ready, till.next_ready.as_deref()), (1, 1, None));
        let counts =
            (webshop.listings, webshop.ready, webshop.too_little_history, webshop.other, webshop.not_looked_at);
        assert_eq!(counts, (6, 2, 2, 1, 1));
        assert_eq!((webshop.new_arrivals, webshop.next_ready.as_deref()), (1, Some("1970-01-01T00:00:05Z")));
    }
}
