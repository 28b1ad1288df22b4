//! Reads a whole channel, compares it with what was proved before, and handles drift by policy. The comparison is
//! pure; reading and repairing are beside it.

use crate::app::App;
use crate::channel::Drift;
use crate::clock::Millis;
use crate::money::{WirePrice, currency};
use crate::publish::lane::Lane;
use crate::sentence::Sentence;
use crate::store::events::{self, Raise};
use crate::store::lanes::{self, Change};
use crate::store::listings::{self, Desire, Listing};
use crate::store::progress;
use crate::store::strikes;
use crate::store::{StoreError, channels};
use crate::telemetry::Metrics;

/// Listings read per request to a channel.
const PAGE: i64 = 500;
/// The end of a sale that a channel keeps by itself is decided within this; what shows the price before it later has drifted.
const ENDS_ARE_FOLLOWED: i64 = 30 * Millis::MINUTE;
/// A price is put back at most this often a day; then a person is told that somebody else keeps writing.
const MAX_REASSERTS: usize = 2;

/// What a listing should show and what it shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    pub listing_id: i64,
    pub product_id: i64,
    pub channel: String,
    pub external: String,
    pub kind: Kind,
    pub expected: Option<WirePrice>,
    pub found: Option<WirePrice>,
    /// Why the price found cannot be relied on, whatever it is.
    pub disputed: Option<String>,
}

impl Difference {
    /// What the channel shows, for a person.
    fn shows(&self) -> String {
        let price = words(self.found);
        self.disputed.as_ref().map_or_else(|| price.clone(), |why| format!("{price} ({why})"))
    }
}

fn words(price: Option<WirePrice>) -> String {
    price.map_or_else(|| Sentence::Nothing.with(&[]), |price| price.to_string())
}

/// What is wrong with what a channel crosses out beside a price that we proved: null where it cannot tell, or where
/// nothing of ours was proved.
#[must_use]
pub fn strike(listing: &Listing, seen: Option<Option<WirePrice>>) -> Option<String> {
    let shown = seen?;
    let ours = listing.sent_regular_minor;
    let proved = listing.state == "verified" && listing.verified_seq == listing.sent_seq && listing.sent_seq > 0;
    if !proved || shown.map(|shown| listing.units(shown).ok()) == ours.map(Some) {
        return None;
    }
    Some(match (shown, ours) {
        (Some(shown), None) => Sentence::StrikeByOthers.with(&[("shown", &shown)]),
        (Some(shown), Some(_)) => Sentence::StrikeChanged.with(&[("shown", &shown)]),
        (None, _) => Sentence::StrikeGone.with(&[]),
    })
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing was decided for it yet: the live price is the starting point.
    Adopted,
    /// Somebody else changed a price that we had proved.
    Drifted,
    /// A price that had drifted or was parked shows our decision again.
    Healed,
    /// The channel does not have the listing any more.
    Gone,
    /// The channel shows another currency.
    Currency,
}

/// Compares one listing with what the channel shows; `None` when they agree. A price that the channel itself disputes
/// proves nothing.
#[must_use]
pub fn compare(listing: &Listing, found: Option<WirePrice>, disputed: Option<&str>) -> Option<Difference> {
    let own = currency(&listing.currency).ok()?;
    let money = |minor: Option<i64>| minor.and_then(|minor| listing.price(minor).ok());
    let decided = listing.desired_seq > 0 && listing.verified_seq > 0;
    let expected = match decided {
        // Looking was proof enough: it was never sent.
        true if listing.verified_seq > listing.sent_seq => money(listing.desired_minor),
        true => money(listing.sent_minor.or(listing.desired_minor)),
        false => money(listing.live_minor),
    };
    let disputed = disputed.filter(|_| listing.state != "idle");
    let agrees = found == expected && disputed.is_none();
    let kind = match (found, listing.state.as_str()) {
        (None, "idle") if listing.live_minor.is_none() => return None,
        (None, _) => Kind::Gone,
        (Some(found), _) if found.currency() != own => Kind::Currency,
        (Some(_), "drifted" | "parked") if agrees => Kind::Healed,
        _ if agrees => return None,
        (found, "drifted" | "parked") if found == money(listing.live_minor) => return None,
        (_, "idle") => Kind::Adopted,
        _ => Kind::Drifted,
    };
    Some(Difference {
        listing_id: listing.id,
        product_id: listing.product_id,
        channel: listing.channel.clone(),
        external: listing.external.clone().unwrap_or_default(),
        kind,
        expected,
        found,
        disputed: disputed.map(str::to_owned),
    })
}

/// What a reconciliation found.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    pub channel: String,
    pub compared: usize,
    /// Listings that still differ as was told before.
    pub standing: usize,
    pub differences: Vec<Difference>,
    /// The channel cannot be read back by its nature; its acknowledgements are all there is.
    pub unreadable: bool,
    /// Why the channel could not be read to its end.
    pub error: Option<String>,
}

/// Reads all resting listings of a channel and handles the differences, unless `dry_run`. Safe to repeat.
///
/// # Errors
/// The store's own; a channel that cannot be read is part of the report.
pub async fn reconcile(app: &App, lane: &Lane, dry_run: bool) -> anyhow::Result<Report> {
    let mut report = Report { channel: lane.name.clone(), ..Report::default() };
    if !lane.channel.capabilities().readable {
        report.unreadable = true;
        return Ok(report);
    }
    let mut after = 0;
    loop {
        let page = listings::reconcilable(&app.db, &lane.name, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let externals: Vec<String> = page.iter().filter_map(|l| l.external.clone()).collect();
        let seen = match lane.channel.read(&externals).await {
            Ok(seen) => seen,
            Err(error) => {
                report.error = Some(error.message);
                break;
            }
        };
        for (listing, seen) in page.iter().zip(&seen) {
            report.compared += 1;
            if let Some(price) = seen.price
                && by_itself(app, listing, price).await?
            {
                continue;
            }
            let disputed = seen.disputed.clone().or_else(|| strike(listing, seen.regular));
            if let Some(difference) = compare(listing, seen.price, disputed.as_deref()) {
                if !dry_run {
                    handle(app, lane, &difference).await?;
                }
                report.differences.push(difference);
            } else if matches!(listing.state.as_str(), "drifted" | "parked") {
                // What agrees again would be a difference of its own.
                report.standing += 1;
            }
        }
    }
    if !dry_run && report.error.is_none() {
        channels::reconciled(&app.db, lane.name.clone(), app.now()).await?;
    }
    Ok(report)
}

/// Whether the channel began or ended a sale by itself just now: the decision that says so is on its way.
async fn by_itself(app: &App, listing: &Listing, shown: WirePrice) -> anyhow::Result<bool> {
    let now = app.now();
    let Ok(shown) = listing.units(shown) else { return Ok(false) };
    if listing.begun_with(shown, now) {
        return Ok(true);
    }
    if listing.sent_regular_minor != Some(shown) {
        return Ok(false);
    }
    Ok(strikes::over_since(&app.db, listing.id, now.plus(-ENDS_ARE_FOLLOWED), now).await?)
}

async fn handle(app: &App, lane: &Lane, difference: &Difference) -> anyhow::Result<()> {
    let now = app.now();
    // A lane may have taken the listing since the page was read; then its own read-back decides.
    let Some(listing) = lanes::claim_one(&app.db, difference.listing_id, now, now.plus(lane.lease_ms)).await? else {
        return Ok(());
    };
    let still = compare(&listing, difference.found, difference.disputed.as_deref());
    let kind = still.as_ref().map(|d| d.kind);
    let change = match kind {
        Some(Kind::Gone) if lane.channel.capabilities().seeded_by_us && listing.desired_minor.is_some() => {
            tracing::warn!(channel = lane.name, "{} lost {} and gets it again", lane.name, difference.external);
            missing(&listing, now)
        }
        _ => change(&listing, still.as_ref(), now),
    };
    lanes::advance(&app.db, vec![(listing.id, listing.lease_token, change)], now, |_, change, _| change.clone())
        .await?;
    match kind {
        Some(Kind::Drifted) => drifted(app, lane, &listing, difference).await,
        Some(Kind::Healed) => Ok(events::resolve(&app.db, drift_key(&listing), now).await.map(drop)?),
        Some(Kind::Gone) if lane.channel.capabilities().seeded_by_us => Ok(()),
        Some(Kind::Gone | Kind::Currency) => Ok(raise(app, &listing, "listing_lost", difference).await?),
        Some(Kind::Adopted) | None => Ok(()),
    }
}

/// What only we write and is not there any more is written again: nobody else would.
fn missing(listing: &Listing, now: Millis) -> Change {
    Change {
        state: "intended",
        reason: Sentence::Shown.with(&[("shown", &Sentence::Nothing.with(&[]))]),
        next_at: Some(now),
        live: None,
        tries: 0,
        read: Some(("absent", String::new())),
        ..Change::none(listing)
    }
}

/// The listing's next state; whatever happens, the lease is given back.
fn change(listing: &Listing, difference: Option<&Difference>, now: Millis) -> Change {
    let same = Change::none(listing);
    let Some(difference) = difference else { return same };
    let live = difference.found.and_then(|found| Some((listing.units(found).ok()?, now)));
    match difference.kind {
        Kind::Adopted => Change { live, fact: live.map(|(minor, _)| (minor, "verified")), ..same },
        Kind::Healed => Change {
            state: "verified",
            reason: String::new(),
            verified_seq: listing.sent_seq.max(listing.verified_seq),
            live,
            fact: live.map(|(minor, _)| (minor, "verified")),
            ..same
        },
        Kind::Drifted => Change {
            state: "drifted",
            reason: Sentence::ShownInstead
                .with(&[("shown", &difference.shows()), ("proved", &words(difference.expected))]),
            live,
            fact: live.map(|(minor, _)| (minor, "foreign")),
            read: Some(("different", String::new())),
            ..same
        },
        Kind::Gone | Kind::Currency => Change {
            state: "drifted",
            reason: Sentence::Shown.with(&[("shown", &difference.shows())]),
            read: Some(("different", String::new())),
            ..same
        },
    }
}

fn drift_key(listing: &Listing) -> String {
    format!("drift/{}/{}", listing.channel, listing.product_id)
}

async fn drifted(app: &App, lane: &Lane, listing: &Listing, difference: &Difference) -> anyhow::Result<()> {
    Metrics::add(&app.metrics.drifts, 1);
    let now = app.now();
    match lane.drift {
        Drift::Alert => raise(app, listing, "drift", difference).await?,
        Drift::Reassert => {
            let day = now.plus(-Millis::DAY);
            let history = progress::live_history(&app.db, listing.id, day).await?;
            if history.iter().filter(|fact| fact.basis == "foreign").count() > MAX_REASSERTS {
                raise(app, listing, "two_writers", difference).await?;
            } else if let Some(minor) = listing.desired_minor {
                let desire = Desire { listing_id: listing.id, price: Ok(minor) };
                listings::desire_again(&app.db, vec![(desire, listing.decision_id)], now).await?;
                raise(app, listing, "drift", difference).await?;
            }
        }
        // The flow makes a decision of it, so that every channel follows.
        Drift::Adopt => raise(app, listing, "drift", difference).await?,
    }
    Ok(())
}

async fn raise(app: &App, listing: &Listing, kind: &'static str, difference: &Difference) -> Result<(), StoreError> {
    let (severity, message, hint) = match kind {
        "two_writers" => (
            "critical",
            Sentence::KeepsChanging.with(&[("channel", &listing.channel), ("shown", &difference.shows())]),
            Sentence::HintOtherTool.with(&[("channel", &listing.channel)]),
        ),
        "listing_lost" => (
            "warning",
            Sentence::ShowsForListing.with(&[
                ("channel", &listing.channel),
                ("shown", &difference.shows()),
                ("external", &difference.external),
            ]),
            format!("omniprice channel test {}", listing.channel),
        ),
        _ => (
            "warning",
            Sentence::ShowsInstead.with(&[
                ("channel", &listing.channel),
                ("shown", &difference.shows()),
                ("proved", &words(difference.expected)),
            ]),
            Sentence::HintDrift.with(&[("channel", &listing.channel)]),
        ),
    };
    let event = Raise {
        kind,
        severity,
        dedupe: if kind == "drift" {
            drift_key(listing)
        } else {
            format!("{kind}/{}/{}", listing.channel, listing.product_id)
        },
        product_id: Some(listing.product_id),
        channel: Some(listing.channel.clone()),
        competitor: None,
        message,
        hint,
    };
    events::raise(&app.db, event, app.now()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::money::WirePrice;

    fn listing(state: &str, live: Option<i64>, sent: Option<i64>) -> Listing {
        Listing {
            id: 1,
            channel: "webshop".into(),
            product_id: 1,
            external: Some("7".into()),
            state: state.into(),
            state_since: 0,
            reason: String::new(),
            currency: "DKK".into(),
            decimals: None,
            desired_seq: i64::from(sent.is_some()),
            desired_minor: sent,
            desired_at: None,
            decision_id: None,
            sent_seq: i64::from(sent.is_some()),
            sent_minor: sent,
            sent_regular_minor: None,
            stage_seq: 0,
            staged_minor: None,
            staged_from: None,
            staged_until: None,
            unsure_until: 0,
            maybe_low: None,
            maybe_high: None,
            sent_at: None,
            verified_seq: i64::from(sent.is_some()),
            live_minor: live,
            live_at: live.map(|_| 0),
            tries: 0,
            reads: 0,
            next_at: None,
            leased_until: 0,
            lease_token: 1,
        }
    }

    fn kind(listing: &Listing, found: Option<i64>) -> Option<Kind> {
        compare(listing, found.map(|minor| WirePrice::from_minor(minor, Currency::DKK)), None).map(|d| d.kind)
    }

    #[test]
    fn a_proved_price_that_changed_is_drift_and_an_undecided_one_is_adopted() {
        assert_eq!(kind(&listing("verified", Some(479), Some(479)), Some(479)), None);
        assert_eq!(kind(&listing("verified", Some(479), Some(479)), Some(475)), Some(Kind::Drifted));
        assert_eq!(kind(&listing("verified", Some(479), Some(479)), None), Some(Kind::Gone));
        assert_eq!(kind(&listing("idle", Some(499), None), Some(489)), Some(Kind::Adopted));
    }

    #[test]
    fn a_price_that_was_proved_by_looking_is_expected_though_another_was_sent() {
        let ended = Listing {
            desired_seq: 2,
            desired_minor: Some(599),
            verified_seq: 2,
            ..listing("verified", Some(599), Some(479))
        };
        assert_eq!((kind(&ended, Some(599)), kind(&ended, Some(479))), (None, Some(Kind::Drifted)));
    }

    #[test]
    fn drift_is_told_once_and_heals_by_itself() {
        let drifted = listing("drifted", Some(475), Some(479));
        assert_eq!(kind(&drifted, Some(475)), None);
        assert_eq!(kind(&drifted, Some(470)), Some(Kind::Drifted));
        assert_eq!(kind(&drifted, Some(479)), Some(Kind::Healed));
    }

    #[test]
    fn a_price_that_the_channel_disputes_is_drift_even_if_it_is_ours() {
        let ours = Some(WirePrice::from_minor(479, Currency::DKK));
        let of = |state: &str| compare(&listing(state, Some(479), Some(479)), ours, Some("2 prices"));
        let drift = of("verified").unwrap();
        assert_eq!((drift.kind, drift.shows().as_str()), (Kind::Drifted, "4.79 DKK (2 prices)"));
        assert!(of("drifted").is_none(), "told once");
        assert!(compare(&listing("idle", Some(479), None), ours, Some("2 prices")).is_none(), "nothing was decided");
    }

    #[test]
    fn a_price_crossed_out_by_somebody_else_is_drift_though_the_price_is_ours() {
        let dkk = |minor: i64| WirePrice::from_minor(minor, Currency::DKK);
        let ours = listing("verified", Some(479), Some(479));
        let reduced = Listing { sent_regular_minor: Some(599), ..ours.clone() };
        assert_eq!(strike(&ours, None), None, "the channel cannot tell");
        assert_eq!((strike(&ours, Some(None)), strike(&reduced, Some(Some(dkk(599))))), (None, None));
        for (listing, shown) in [(&ours, Some(dkk(599))), (&reduced, None), (&reduced, Some(dkk(699)))] {
            let found = strike(listing, Some(shown)).expect("a difference");
            let drift = compare(listing, Some(dkk(479)), Some(&found)).expect("drift");
            assert_eq!(drift.kind, Kind::Drifted, "{found}");
        }
        let adopted = listing("verified", Some(479), None);
        assert_eq!(strike(&adopted, Some(Some(dkk(599)))), None, "it was there before us");
    }

    #[test]
    fn another_currency_is_never_a_price() {
        let found = WirePrice::from_minor(479, Currency::SEK);
        assert_eq!(
            compare(&listing("verified", Some(479), Some(479)), Some(found), None).unwrap().kind,
            Kind::Currency
        );
    }
}
