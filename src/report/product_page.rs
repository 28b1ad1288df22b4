//! What a link about a product shows to the person whom it was sent to: what we ask and why, what others ask, what each
//! channel shows, and what we did lately. It shows and changes nothing.

use super::chart::Labels;
use super::digest::{reason, state_name};
use super::facts::Told;
use super::gather::{DAYS, scoped};
use super::lang::{Voice, fill};
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
    /// Our price and the lowest offer of the last days, as SVG whose texts are escaped; none where there is nothing to draw.
    pub chart: Option<String>,
    pub offers: Vec<String>,
    pub channels: Vec<String>,
    pub changes: Vec<String>,
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
    if let Some(newest) = decisions::evaluation(&app.db, own.id).await? {
        page.why = reason(&Told::of(&newest.record, &newest.currency), &newest.why, reader);
    }
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

fn change(row: &DecisionRow, reader: &Reader) -> String {
    let voice = &reader.voice;
    let why = reason(&Told::of(&row.record, &row.currency), &row.why, reader);
    let span = voice.span(row.previous_minor, row.price_minor, &row.currency);
    format!("{}: {span} {why}", voice.at(Millis(row.created_at)))
}

fn channel(one: &Listing, voice: &Voice) -> String {
    let live = one.live_minor.map_or_else(|| "-".to_owned(), |minor| voice.minor(minor, &one.currency));
    let waits = one.desired_minor.filter(|wanted| one.live_minor != Some(*wanted));
    let told = waits.map_or_else(String::new, |wanted| {
        let should = fill(voice.words.should_show, &[("price", &voice.minor(wanted, &one.currency))]);
        format!("; {should} ({})", state_name(&one.state, voice))
    });
    format!("{}: {live}{told}", plain(&one.channel))
}
