//! What is done about a price that somebody else changed: told, or put back, by the channel's policy or a person's word.

use super::{Difference, Look, words};
use crate::app::App;
use crate::channel::Drift;
use crate::clock::Millis;
use crate::publish::lane::Lane;
use crate::publish::notice;
use crate::store::events;
use crate::store::lanes;
use crate::store::listings::{self, Desire, Listing};
use crate::store::progress;
use crate::telemetry::Metrics;

/// A price is put back at most this often a day; then a person is told that somebody else keeps writing.
const MAX_REASSERTS: usize = 2;

/// A price that drifted just now: tells of it, and says whether ours goes out again.
pub(super) async fn begins(
    app: &App,
    lane: &Lane,
    look: Look<'_>,
    listing: &Listing,
    difference: &Difference,
) -> anyhow::Result<bool> {
    Metrics::add(&app.metrics.drifts, 1);
    let (now, product) = (app.now(), listing.product_id);
    let asked = look.reasserts(product);
    if lane.drift == Drift::Reassert && !asked && keeps_changing(app, listing, now).await? {
        events::raise(&app.db, notice::two_writers(&lane.name, product, &difference.shows()), now).await?;
        return Ok(false);
    }
    // Where it is adopted, the flow makes a decision of it, so that every channel follows.
    let told = notice::drift(&lane.name, product, &difference.shows(), &words(difference.expected));
    events::raise(&app.db, told, now).await?;
    if asked || lane.drift == Drift::Reassert { again(app, listing, now).await } else { Ok(false) }
}

/// A listing that differs as before: our price goes out again where the policy has come to say so since, or a person says
/// so; otherwise it is told, if nobody is told of it any more.
pub(super) async fn stands(app: &App, lane: &Lane, look: Look<'_>, seen: &Listing) -> anyhow::Result<bool> {
    let (now, product) = (app.now(), seen.product_id);
    let by_policy = lane.drift == Drift::Reassert && seen.state == "drifted";
    if look.reasserts(product) || (by_policy && !keeps_changing(app, seen, now).await?) {
        // A lane or another look may have it, or have brought it on its way since the page was read.
        let Some(fresh) = lanes::claim_one(&app.db, seen.id, now, now.plus(lane.lease_ms)).await? else {
            return Ok(false);
        };
        let lease = (fresh.id, fresh.lease_token, ());
        lanes::advance(&app.db, vec![lease], now, |listing, (), _| lanes::Change::none(listing)).await?;
        return if fresh.state == seen.state { again(app, &fresh, now).await } else { Ok(false) };
    }
    if seen.state == "drifted" {
        let (external, writers) =
            (seen.external.as_deref().unwrap_or_default(), notice::two_writers_key(&lane.name, product));
        if let Some(told) = notice::drifted(&lane.name, product, external, &seen.reason)
            && !events::is_open(&app.db, &writers).await?
        {
            events::note(&app.db, told, now).await?;
        }
    }
    Ok(false)
}

/// Whether somebody else changed it so often of late, or is known to, that writing against them would never end.
async fn keeps_changing(app: &App, listing: &Listing, now: Millis) -> anyhow::Result<bool> {
    let history = progress::live_history(&app.db, listing.id, now.plus(-Millis::DAY)).await?;
    let often = history.iter().filter(|fact| fact.basis == "foreign").count() > MAX_REASSERTS;
    Ok(often || events::is_open(&app.db, &notice::two_writers_key(&listing.channel, listing.product_id)).await?)
}

/// Wants the same price anew, so that the lane sends it; false where none is wanted.
async fn again(app: &App, listing: &Listing, now: Millis) -> anyhow::Result<bool> {
    let Some(minor) = listing.desired_minor else { return Ok(false) };
    let desire = Desire { listing_id: listing.id, price: Ok(minor) };
    listings::desire_again(&app.db, vec![(desire, listing.decision_id)], now).await?;
    Ok(true)
}
