//! What a link about a product shows to the person whom it was sent to: what we ask and why, what others ask, what each
//! channel shows, and what we did lately. It shows and changes nothing.

use super::chart::Labels;
use super::digest::{reason, state_name};
use super::facts::Told;
use super::gather::{DAYS, scoped};
use super::lang::{Voice, fill};
use super::link::Purpose;
use super::reader::Reader;
use super::text::{plain, product};
use super::tracks;
use crate::app::App;
use crate::clock::Millis;
use crate::money::Money;
use crate::store::decisions::{self, DecisionRow};
use crate::store::listings::{self, Listing};
use crate::store::products::Product;

/// Decisions and offers told at most.
const MOST: usize = 20;

/// The page's content, in the reader's language.
#[derive(Debug, Clone, Default)]
pub struct ProductPage {
    pub title: String,
    /// What we ask, and one sentence on why.
    pub ours: String,
    pub why: String,
    /// What a rule wants instead, where it does not hold yet.
    pub proposal: Option<Proposal>,
    /// Our price and the lowest offer of the last days, as SVG whose texts are escaped; none where there is nothing to draw.
    pub chart: Option<String>,
    pub offers: Vec<String>,
    pub channels: Vec<String>,
    pub changes: Vec<String>,
}

/// A price that is not ours yet: it waits for a person, or something holds it.
#[derive(Debug, Clone, Default)]
pub struct Proposal {
    /// Our price and the proposed one.
    pub span: String,
    pub why: String,
    /// Until when somebody may approve it; empty where nobody is asked.
    pub until: String,
    /// Labels and addresses of the pages that settle it.
    pub links: Vec<(&'static str, String)>,
}

/// Gathers the page of a product for a reader.
///
/// # Errors
/// The store's.
pub async fn of(app: &App, reader: &Reader, own: Product) -> anyhow::Result<ProductPage> {
    let (voice, now) = (&reader.voice, app.now());
    let from = now.plus(-DAYS * Millis::DAY);
    let mut page = ProductPage {
        title: product(&own.sku, &own.title),
        ours: voice.minor(own.own_minor, &own.currency),
        ..ProductPage::default()
    };
    page.why = why(app, reader, &own).await?;
    page.proposal = proposal(app, reader, &own).await?;
    let mut lately = decisions::of_product_since(&app.db, own.id, from).await?;
    lately.reverse();
    page.changes = lately.iter().take(MOST).map(|row| change(row, reader)).collect();
    page.channels = listings::of_product(&app.db, own.id).await?.iter().map(|one| channel(one, voice)).collect();
    let track = tracks::one(app, own, from).await?;
    if let Some(track) = track.and_then(|track| scoped(&[track], reader).pop()) {
        let age = tracks::max_age(app);
        let money = |minor: i64| voice.money(Money::from_minor(minor, track.currency));
        let offers = track.offers(now, age).into_iter().take(MOST);
        page.offers = offers.map(|offer| format!("{}: {}", plain(offer.competitor), money(offer.minor))).collect();
        let chart = track.history(from, now, age);
        page.chart = chart.range().map(|(low, high)| {
            let title = fill(voice.words.chart_price, &[("product", &page.title)]);
            let (low, high) = (money(low), money(high));
            chart.svg(&Labels { title, low, high, from: voice.day(from), until: voice.day(now) })
        });
    }
    Ok(page)
}

/// Why we ask what we ask: the reason of the evaluation that keeps the price, else of the decision that brought it. A price
/// that came by import has none.
async fn why(app: &App, reader: &Reader, own: &Product) -> anyhow::Result<String> {
    if let Some(newest) = decisions::evaluation(&app.db, own.id).await?
        && newest.price_minor.is_none_or(|minor| minor == own.own_minor)
    {
        return Ok(reason(&Told::of(&newest.record, &newest.currency), &newest.why, reader));
    }
    let last = decisions::latest(&app.db, own.id).await?.filter(|last| last.price_minor == own.own_minor);
    Ok(last.map_or_else(String::new, |last| reason(&Told::of(&last.record, &last.currency), &last.why, reader)))
}

/// What the newest evaluation wants and does not have: an open proposal with the links that settle it, or a price on hold.
async fn proposal(app: &App, reader: &Reader, own: &Product) -> anyhow::Result<Option<Proposal>> {
    let (voice, now) = (&reader.voice, app.now());
    let open = decisions::newest_review(&app.db, own.id, now).await?;
    if let Some(open) = open.filter(|review| review.state == "open" && review.expires_at > now.0) {
        let until = Millis(open.expires_at);
        let link = |label, purpose| Some((label, reader.link(purpose, Some(until))?));
        return Ok(Some(Proposal {
            span: voice.span(own.own_minor, open.price_minor, &open.currency),
            why: reason(&Told::of(&open.record, &open.currency), &open.why, reader),
            until: fill(voice.words.valid_until, &[("at", &voice.at(until))]),
            links: [
                link(voice.words.approve, Purpose::Approve(open.id)),
                link(voice.words.reject, Purpose::Reject(open.id)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }));
    }
    let newest = decisions::evaluation(&app.db, own.id).await?;
    let held = newest.filter(|newest| newest.outcome == "hold");
    Ok(held.and_then(|held| {
        let wanted = held.price_minor.filter(|minor| *minor != own.own_minor)?;
        Some(Proposal {
            span: voice.span(own.own_minor, wanted, &held.currency),
            why: reason(&Told::of(&held.record, &held.currency), &held.why, reader),
            ..Proposal::default()
        })
    }))
}

fn change(row: &DecisionRow, reader: &Reader) -> String {
    let voice = &reader.voice;
    let why = reason(&Told::of(&row.record, &row.currency), &row.why, reader);
    let span = voice.span(row.previous_minor, row.price_minor, &row.currency);
    format!("{}: {span} {why}", voice.at(Millis(row.created_at)))
}

fn channel(one: &Listing, voice: &Voice) -> String {
    let live = one.live_minor.map_or_else(|| "-".to_owned(), |units| voice.counted(units, one.decimals, &one.currency));
    let waits = one.desired_minor.filter(|wanted| one.live_minor != Some(*wanted));
    let told = waits.map_or_else(String::new, |wanted| {
        let should = fill(voice.words.should_show, &[("price", &voice.counted(wanted, one.decimals, &one.currency))]);
        format!("; {should} ({})", state_name(&one.state, voice))
    });
    format!("{}: {live}{told}", plain(&one.channel))
}
