//! The rows of the campaigns section.

use super::super::facts::{Campaign, Claims, Facts, OnChannel, Stage};
use super::super::lang::Voice;
use super::super::link::Purpose;
use super::super::reader::Reader;
use super::super::text::{message, plain};
use super::Row;
use super::rows::{Content, filled};
use crate::config::Part;
use crate::flow::campaign_consent::PREFIX;
use crate::money::Decimal;

/// Reasons that one country names.
const REASONS: usize = 2;

pub fn campaigns(facts: &Facts, reader: &Reader) -> Content {
    // What is to be pressed or typed stands where the reader is asked for it.
    let asked = reader.wants(Part::NeedsYou);
    let told = facts.campaigns.iter().map(|campaign| match row(campaign, reader) {
        row if asked && campaign.waits() => Row { links: vec![], command: None, ..row },
        row => row,
    });
    (vec![], told.collect())
}

/// The rows of campaigns that wait for a second person.
pub fn waiting(facts: &Facts, reader: &Reader) -> Vec<Row> {
    facts.campaigns.iter().filter(|campaign| campaign.waits()).map(|campaign| row(campaign, reader)).collect()
}

fn row(campaign: &Campaign, reader: &Reader) -> Row {
    let voice = &reader.voice;
    let words = voice.words;
    let (text, at) = match &campaign.stage {
        Stage::Starts(at) => (words.campaign_starts, voice.at(*at)),
        Stage::Waits { until, .. } => (words.campaign_waits, voice.at(*until)),
        Stage::Runs { until } => (words.campaign_runs, voice.at(*until)),
        Stage::Ended(at) => (words.campaign_ended, voice.at(*at)),
        Stage::Cancelled { .. } => (words.campaign_cancelled, String::new()),
    };
    let mut why = vec![voice.plural(&words.products, campaign.products, &[])];
    why.extend(campaign.for_members.then(|| words.for_members.to_owned()));
    match &campaign.stage {
        Stage::Cancelled { why: told } | Stage::Waits { why: told, .. } => why.push(message(&voice.tell_all(told))),
        Stage::Ended(_) => why.extend(campaign.channels.iter().filter(|on| on.still > 0).map(|on| still(on, voice))),
        Stage::Starts(_) | Stage::Runs { .. } => why.extend(campaign.channels.iter().map(|on| live(on, voice))),
    }
    why.extend(campaign.claims.iter().map(|claims| claim(claims, voice)));
    why.retain(|part| !part.is_empty());
    let who = match &campaign.stage {
        Stage::Waits { planned_by, .. } => plain(planned_by),
        _ => String::new(),
    };
    let what = filled(text, &[("name", plain(&campaign.name)), ("at", at), ("who", who)]);
    let Stage::Waits { id, until, .. } = campaign.stage else {
        return Row { what, why: why.join("; "), ..Row::default() };
    };
    let link = |label, purpose| reader.link(purpose, Some(until)).map(|url| (label, url));
    let both = [link(words.approve, Purpose::ApproveCampaign(id)), link(words.reject, Purpose::RejectCampaign(id))];
    let links: Vec<_> = both.into_iter().flatten().collect();
    let name = format!("{PREFIX}{}", plain(&campaign.name));
    let command = links
        .is_empty()
        .then(|| format!("omniprice approve {name} --why \"...\"   omniprice reject {name} --why \"...\""));
    Row { what, why: why.join("; "), links, command, ..Row::default() }
}

fn count(n: i64, voice: &Voice) -> String {
    voice.number(Decimal::from(n))
}

fn live(on: &OnChannel, voice: &Voice) -> String {
    let values = [("channel", plain(&on.channel)), ("live", count(on.live, voice)), ("all", count(on.listings, voice))];
    let told = filled(voice.words.parity, &values);
    if on.unverified == 0 {
        return told;
    }
    format!("{told}, {}", filled(voice.words.unverified, &[("n", count(on.unverified, voice))]))
}

fn still(on: &OnChannel, voice: &Voice) -> String {
    filled(voice.words.campaign_still, &[("channel", plain(&on.channel)), ("n", count(on.still, voice))])
}

/// `DK: 3 of 4 reductions may be announced, prior price 499.00 (too little history)`.
fn claim(claims: &Claims, voice: &Voice) -> String {
    let values =
        [("country", plain(&claims.country)), ("n", voice.count(claims.allowed)), ("all", voice.count(claims.of))];
    let mut told = filled(voice.words.claims, &values);
    if let Some(prior) = claims.prior {
        told = format!("{told}, {}", filled(voice.words.prior_price, &[("price", voice.money(prior))]));
    }
    let reasons: Vec<String> = claims.reasons.iter().take(REASONS).map(|reason| message(&voice.tell(reason))).collect();
    if reasons.is_empty() { told } else { format!("{told} ({})", reasons.join("; ")) }
}
