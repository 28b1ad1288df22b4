//! Events about many products of a channel at once, as a reader with a scope is told of them: only where a product of theirs
//! is concerned, and with the figures of their products. Figures that cannot be cut are called the whole channel's.

use std::collections::{BTreeMap, BTreeSet};

use super::detect::{self, Patience};
use super::market::Track;
use crate::app::App;
use crate::clock::Millis;
use crate::config::Span;
use crate::sentence::Sentence;
use crate::store::events::Event;
use crate::store::progress;
use crate::store::reporting::{self, Listed};
use crate::store::shown::{self, LateProduct};

/// Rows read per list, so many that a scope is cut from the whole.
const WHOLE: i64 = 1_000_000;

/// The products of a reader's scope.
#[derive(Debug, Default)]
pub struct Own {
    pub skus: BTreeSet<String>,
    ids: BTreeSet<i64>,
}

impl Own {
    /// Of tracks that are cut to a reader already.
    pub fn of<'a>(tracks: impl Iterator<Item = &'a Track>) -> Self {
        let (skus, ids) = tracks.map(|track| (track.sku.clone(), track.id)).unzip();
        Self { skus, ids }
    }
}

/// What an event is about, and how it is told of some of that.
#[derive(Debug)]
enum Concern {
    /// Prices of a channel that are not live in time.
    NotLive { late: Vec<String>, span: Span },
    /// Prices that wait for a channel.
    Waiting(Vec<LateProduct>),
    /// Prices of a channel that are below those of another one, in the words for that.
    Lower { skus: Vec<String>, other: String, told: Sentence },
    /// Everything that a channel lists.
    Listed,
}

/// What open events about whole channels are about now.
#[derive(Debug, Default)]
pub struct Concerns {
    events: BTreeMap<String, Concern>,
    /// Products by the channels that list them.
    listed: BTreeMap<String, Vec<i64>>,
}

/// Whether an event is about what a channel has, and not about one product of it.
fn is_wide(event: &Event) -> bool {
    let kinds = [
        "parity_below_goal",
        "channel_late",
        "channel_unreachable",
        "advert_below_checkout",
        "order_broken",
        "channel_refused",
        "fleet_breaker",
        "not_compared",
    ];
    event.sku.is_none() && event.channel.is_some() && kinds.contains(&event.kind.as_str())
}

/// Looks up what events about whole channels are about.
///
/// # Errors
/// The store's.
pub async fn of(app: &App, events: &[Event]) -> anyhow::Result<Concerns> {
    let wide: Vec<&Event> = events.iter().filter(|event| is_wide(event)).collect();
    let mut concerns = Concerns::default();
    if wide.is_empty() {
        return Ok(concerns);
    }
    for Listed { channel, product_id, .. } in reporting::listed(&app.db, WHOLE).await? {
        concerns.listed.entry(channel).or_default().push(product_id);
    }
    let patience = Patience::of(app).await;
    for event in wide.into_iter().filter(|event| event.resolved_at.is_none()) {
        let channel = event.channel.as_deref().unwrap_or_default();
        let concern = match event.kind.as_str() {
            "parity_below_goal" => {
                let span = patience.within(channel);
                let since = app.now().plus(-span);
                let late = progress::unsettled(&app.db, WHOLE).await?.into_iter();
                let late = late.filter(|row| row.channel == channel && row.state_since < since.0);
                Concern::NotLive { late: late.map(|row| row.sku).collect(), span: Span(span) }
            }
            "channel_late" | "channel_unreachable" => {
                let before = app.now().plus(-detect::late_after(&patience, channel));
                Concern::Waiting(shown::late_products(&app.db, channel, before, WHOLE).await?)
            }
            "advert_below_checkout" | "order_broken" => match detect::lower(app, &patience, event, WHOLE).await? {
                Some((other, skus)) => {
                    let advert = event.kind == "advert_below_checkout";
                    let told = if advert { Sentence::AdvertLower } else { Sentence::OrderBroken };
                    Concern::Lower { skus, other, told }
                }
                None => Concern::Listed,
            },
            _ => Concern::Listed,
        };
        concerns.events.insert(event.dedupe.clone(), concern);
    }
    Ok(concerns)
}

impl Concerns {
    /// An event as somebody with these products is told of it; `None` if none of them is concerned.
    #[must_use]
    pub fn cut(&self, event: &Event, own: &Own) -> Option<Event> {
        if !is_wide(event) {
            return Some(event.clone());
        }
        let channel = event.channel.as_deref().unwrap_or_default();
        let listed = self.listed.get(channel).map_or(&[][..], Vec::as_slice);
        let all = listed.iter().filter(|id| own.ids.contains(id)).count();
        let mine = |skus: &[String]| skus.iter().filter(|sku| own.skus.contains(*sku)).cloned().collect::<Vec<_>>();
        let message = match self.events.get(&event.dedupe) {
            Some(Concern::NotLive { late, span }) => {
                let n = mine(late).len();
                (n > 0).then(|| {
                    Sentence::NotLive.with(&[("channel", &channel), ("n", &n), ("all", &all.max(n)), ("span", span)])
                })?
            }
            Some(Concern::Waiting(late)) => {
                let late: Vec<&LateProduct> = late.iter().filter(|one| own.skus.contains(&one.sku)).collect();
                let since = Millis(late.iter().map(|one| one.desired_at).min()?);
                Sentence::PricesWait.with(&[("channel", &channel), ("n", &late.len()), ("since", &since)])
            }
            Some(Concern::Lower { skus, other, told }) => {
                let skus = mine(skus);
                let (one, two) =
                    if *told == Sentence::AdvertLower { ("advert", "checkout") } else { ("above", "below") };
                told.with(&[(one, &channel), (two, other), ("n", &skus.len()), ("sku", skus.first()?)])
            }
            // A channel that lists nothing yet is everybody's: nobody's products would be told of it.
            Some(Concern::Listed) if all == 0 && !listed.is_empty() => return None,
            // What is over is told to whoever was told of it, and what it was about is not known any more.
            Some(Concern::Listed) | None => Sentence::OfWholeChannel.with(&[("what", &event.message)]),
        };
        Some(Event { message, ..event.clone() })
    }
}
