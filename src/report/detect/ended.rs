//! Conditions that end where nobody looks: a person lets a channel go on, a listing is matched anew, a campaign is
//! cancelled, a channel that cannot be read back takes a price after all.
//!
//! Whoever raised an event resolves it when the condition ends before their eyes; here the rest is looked up.

use std::collections::BTreeSet;

use crate::app::App;
use crate::clock::Millis;
use crate::flow::pricing::RUN_HELD;
use crate::publish::notice;
use crate::store::events::{self, Event};
use crate::store::reporting::{self, ListingEvent};
use crate::store::{campaigns, channels, decisions, progress, rivals};

/// Rows looked at per list.
const LIMIT: i64 = 10_000;
/// How guards begin when they speak of a whole run.
const RUN: &str = "run held: ";

/// Resolves every open event whose condition is over.
///
/// # Errors
/// The store's.
pub async fn all(app: &App, open: &[Event]) -> anyhow::Result<()> {
    let mut over = Vec::new();
    channels(app, open, &mut over).await?;
    of_listings(app, &mut over).await?;
    competitors(app, open, &mut over).await?;
    of_campaigns(app, open, &mut over).await?;
    let held: Vec<&Event> = open.iter().filter(|event| event.dedupe.starts_with(RUN_HELD)).collect();
    if !held.is_empty() {
        let waiting = decisions::open_reviews(&app.db, LIMIT).await?;
        if !waiting.iter().any(|review| review.expires_at > app.now().0 && review.why.contains(RUN)) {
            over.extend(held.iter().map(|event| event.dedupe.clone()));
        }
    }
    for dedupe in over {
        events::resolve(&app.db, dedupe, app.now()).await?;
    }
    Ok(())
}

/// A stopped or refused channel goes on, or is not configured any more.
async fn channels(app: &App, open: &[Event], over: &mut Vec<String>) -> anyhow::Result<()> {
    let known = channels::list(&app.db).await?;
    for event in open {
        let Some(row) = known.iter().find(|row| event.channel.as_ref() == Some(&row.name)) else { continue };
        let goes_on = match event.kind.as_str() {
            "channel_refused" => row.state != "refused",
            "fleet_breaker" => row.state != "breaker",
            _ => false,
        };
        if goes_on || app.lane(&row.name).is_none() {
            over.push(event.dedupe.clone());
        }
    }
    Ok(())
}

/// A listing is not in the state any more that was told.
async fn of_listings(app: &App, over: &mut Vec<String>) -> anyhow::Result<()> {
    let day = app.now().plus(-Millis::DAY);
    for event in reporting::of_listings(&app.db, LIMIT).await? {
        if lasts(&event) {
            continue;
        }
        // Two writers are quiet for a day before anybody believes that one of them is gone.
        if let Some(listing) = event.listing_id.filter(|_| event.kind == "two_writers") {
            let facts = progress::live_history(&app.db, listing, day).await?;
            if facts.iter().any(|fact| fact.basis == "foreign") {
                continue;
            }
        }
        over.push(event.dedupe);
    }
    Ok(())
}

/// Whether the listing of an event is still in the state that the event tells of; a listing that is gone is in none.
fn lasts(event: &ListingEvent) -> bool {
    let Some(state) = event.state.as_deref() else { return false };
    match event.kind.as_str() {
        // The cause may have become another one, which is told as what it is.
        kind @ ("held_at_door" | "not_sent") => {
            state == "held" && event.reason.as_deref().is_some_and(|reason| notice::at_door(reason) == kind)
        }
        "listing_parked" | "price_rejected" => matches!(state, "parked" | "rejected"),
        // A price that is being put right is not right yet.
        "drift" => !matches!(state, "verified" | "unverified" | "idle"),
        // What waits with its wish stays in its state when its listing goes missing.
        "listing_lost" => matches!(state, "drifted" | "rejected" | "held"),
        _ => state == "drifted",
    }
}

/// A suspended competitor was resumed, or a host that did not answer has no page left to ask for.
async fn competitors(app: &App, open: &[Event], over: &mut Vec<String>) -> anyhow::Result<()> {
    let of = |prefix: &'static str| {
        open.iter().filter_map(move |event| Some((event.dedupe.strip_prefix(prefix)?, &event.dedupe)))
    };
    if of("competitor-suspended/").next().is_some() {
        let suspended: BTreeSet<String> =
            rivals::suspended(&app.db).await?.into_iter().map(|row| row.competitor).collect();
        over.extend(of("competitor-suspended/").filter(|(name, _)| !suspended.contains(*name)).map(|(_, d)| d.clone()));
    }
    if of("host-blocked/").next().is_some() {
        let hosts: BTreeSet<String> = reporting::hosts(&app.db).await?.into_iter().collect();
        over.extend(of("host-blocked/").filter(|(host, _)| !hosts.contains(*host)).map(|(_, d)| d.clone()));
    }
    Ok(())
}

/// A campaign that was not ready, or did not start everywhere, is over; one that its policy cancelled is told until it
/// would have ended.
async fn of_campaigns(app: &App, open: &[Event], over: &mut Vec<String>) -> anyhow::Result<()> {
    let told: Vec<(i64, &String)> = open
        .iter()
        .filter(|event| event.kind.starts_with("campaign"))
        .filter_map(|event| Some((event.dedupe.rsplit('/').next()?.parse().ok()?, &event.dedupe)))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let all = campaigns::list(&app.db, LIMIT).await?;
    for (id, dedupe) in told {
        let campaign = all.iter().find(|campaign| campaign.id == id);
        if campaign.is_none_or(|campaign| campaign.phase == "over" || campaign.ends_at <= app.now().0) {
            over.push(dedupe.clone());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_holds_a_run_says_so() {
        use crate::sentence::Sentence::{RunAverage, RunFar, RunManyHeld, RunOnePrice, RunTooMany};
        for sentence in [RunTooMany, RunAverage, RunFar, RunOnePrice, RunManyHeld] {
            assert!(sentence.english().starts_with(RUN), "{sentence:?}");
        }
    }

    #[test]
    fn an_event_of_a_listing_lasts_as_long_as_its_state() {
        let because = |kind: &str, state: Option<&str>, reason: &str| {
            lasts(&ListingEvent {
                dedupe: String::new(),
                kind: kind.into(),
                listing_id: Some(1),
                state: state.map(str::to_owned),
                reason: Some(reason.to_owned()),
            })
        };
        let of = |kind: &str, state: Option<&str>| because(kind, state, "");
        let below = "479.00 DKK is below the floor 499.00 DKK computed from today's cost";
        let vat = "no VAT rate for class `food` in DK on 2026-11-23";
        for (kind, reason, other) in [("held_at_door", below, vat), ("not_sent", vat, below)] {
            assert!(because(kind, Some("held"), reason) && !because(kind, Some("unverified"), reason), "{kind}");
            assert!(!because(kind, Some("held"), other), "{kind} for another cause");
        }
        assert!(of("listing_parked", Some("parked")) && !of("listing_parked", Some("intended")));
        assert!(of("drift", Some("sent")) && of("drift", Some("drifted")) && !of("drift", Some("unverified")));
        assert!(of("listing_lost", Some("rejected")) && !of("two_writers", Some("rejected")));
        assert!(of("listing_lost", Some("drifted")) && !of("listing_lost", Some("verified")));
        assert!(!of("two_writers", None) && !of("drift", None), "a listing that is gone");
    }
}
