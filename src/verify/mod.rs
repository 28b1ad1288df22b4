//! Reads a whole channel, compares it with what was proved before, and handles drift by policy. The comparison is
//! pure; reading and repairing are beside it.

mod drift;
mod waiting;

use std::collections::BTreeSet;

use crate::app::App;
use crate::channel::Seen;
use crate::clock::Millis;
use crate::money::{WirePrice, currency};
use crate::publish::lane::Lane;
use crate::publish::notice;
use crate::publish::reading::{self, Reading};
use crate::sentence::Sentence;
use crate::store::lanes::{self, Change};
use crate::store::listings::{self, Listing};
use crate::store::{channels, events, strikes, unread};

/// Listings read per request to a channel.
const PAGE: i64 = 500;
/// Listings of a page that are asked for once more though they might not be read the last time.
const ASKED_AGAIN: usize = 8;
/// The end of a sale that a channel keeps by itself is decided within this; what shows the price before it later has drifted.
const ENDS_ARE_FOLLOWED: i64 = 30 * Millis::MINUTE;

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
    let proved = listing.state == "verified" && listing.verified_seq == listing.sent_seq;
    // What was rejected is only proved together with what it crosses out.
    let awaited = listing.state == "rejected" && listing.desired_seq == listing.sent_seq;
    if listing.sent_seq == 0 || !(proved || awaited) || shown.map(|shown| listing.units(shown).ok()) == ours.map(Some) {
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
        // What was seen last: the wish did not get there.
        _ if waiting::waits(listing) => money(listing.live_minor),
        // Looking was proof enough: it was never sent.
        true if listing.verified_seq > listing.sent_seq => money(listing.desired_minor),
        true => money(listing.sent_minor.or(listing.desired_minor)),
        false => money(listing.live_minor),
    };
    let disputed = disputed.filter(|_| listing.state != "idle");
    let agrees = found == expected && disputed.is_none();
    let kind = match (found, listing.state.as_str()) {
        _ if waiting::waits(listing) => waiting::kind(listing, found, disputed.is_some())?,
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

/// A listing that differed before and still does.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Standing {
    pub listing_id: i64,
    pub product_id: i64,
    pub external: String,
    /// `drifted`, `parked` or `rejected`.
    pub state: String,
    pub since: Millis,
    pub wanted: Option<WirePrice>,
    pub found: Option<WirePrice>,
    pub reason: String,
}

impl Standing {
    fn of(listing: &Listing, found: Option<WirePrice>) -> Self {
        Self {
            listing_id: listing.id,
            product_id: listing.product_id,
            external: listing.external.clone().unwrap_or_default(),
            state: listing.state.clone(),
            since: Millis(listing.state_since),
            wanted: listing.desired_minor.and_then(|minor| listing.price(minor).ok()),
            found,
            reason: listing.reason.clone(),
        }
    }
}

/// A listing whose price a channel does not tell, or does not let us see.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unread {
    pub listing_id: i64,
    pub product_id: i64,
    pub external: String,
    /// The channel's words.
    pub why: String,
}

impl Unread {
    fn of(listing: &Listing, why: &str) -> Self {
        let external = listing.external.clone().unwrap_or_default();
        Self { listing_id: listing.id, product_id: listing.product_id, external, why: why.to_owned() }
    }
}

/// What a look at a whole channel does about what differs.
#[derive(Debug, Clone, Copy)]
pub enum Look<'a> {
    /// Nothing: it only tells.
    Only,
    /// What the channel's policy says.
    ByPolicy,
    /// The same, and our price goes out again for what drifted, was rejected, waits or was given up: of these products, or
    /// of all where none is named. A person says so, so that it is not counted who wrote how often.
    Reassert(&'a BTreeSet<i64>),
}

impl Look<'_> {
    fn reasserts(self, product_id: i64) -> bool {
        matches!(self, Self::Reassert(products) if products.is_empty() || products.contains(&product_id))
    }
}

/// What a reconciliation found.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    pub channel: String,
    pub compared: usize,
    /// Listings that still differ as was told before.
    pub standing: Vec<Standing>,
    pub differences: Vec<Difference>,
    /// Listings that the channel has and does not tell the price of.
    pub unread: Vec<Unread>,
    /// Products whose price goes out again, because the channel's policy or a person says so.
    pub reasserted: Vec<i64>,
    /// The channel cannot be read back by its nature; its acknowledgements are all there is.
    pub unreadable: bool,
    /// Why the channel could not be read to its end.
    pub error: Option<String>,
}

/// Reads all resting listings of a channel and handles the differences. Safe to repeat.
///
/// # Errors
/// The store's own; a channel that cannot be read is part of the report.
pub async fn look(app: &App, lane: &Lane, look: Look<'_>) -> anyhow::Result<Report> {
    let dry_run = matches!(look, Look::Only);
    let mut report = Report { channel: lane.name.clone(), ..Report::default() };
    if !lane.channel.capabilities().readable {
        report.unreadable = true;
        return Ok(report);
    }
    let (mut after, mut left) = (0, 0);
    loop {
        let page = listings::reconcilable(&app.db, &lane.name, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let reading = reading::read(&app.db, lane, &page, ASKED_AGAIN).await?;
        if !dry_run {
            noted(app, &page, &reading).await?;
        }
        for listing in &page {
            let seen = match read(listing, &reading) {
                Ok(Some(seen)) => seen,
                Ok(None) => continue,
                Err(why) => {
                    report.unread.push(Unread::of(listing, why));
                    continue;
                }
            };
            report.compared += 1;
            if let Some(price) = seen.price
                && by_itself(app, listing, price).await?
            {
                continue;
            }
            let disputed = seen.disputed.clone().or_else(|| strike(listing, seen.regular));
            if let Some(difference) = compare(listing, seen.price, disputed.as_deref()) {
                if !dry_run && handle(app, lane, look, listing, &difference).await? {
                    report.reasserted.push(listing.product_id);
                }
                report.differences.push(difference);
            } else if matches!(listing.state.as_str(), "drifted" | "parked" | "rejected") {
                // What agrees again would be a difference of its own.
                if !dry_run && drift::stands(app, lane, look, listing).await? {
                    report.reasserted.push(listing.product_id);
                }
                report.standing.push(Standing::of(listing, seen.price));
            } else if listing.state == "held"
                && look.reasserts(listing.product_id)
                && drift::stands(app, lane, look, listing).await?
            {
                report.reasserted.push(listing.product_id);
            }
        }
        if let Some(error) = reading.error {
            report.error = Some(error.message);
            break;
        }
        left += reading.left;
    }
    if left > 0 {
        report.error.get_or_insert_with(|| Sentence::LeftToNext.with(&[("n", &left)]));
    }
    if !dry_run {
        if report.error.is_none() {
            channels::reconciled(&app.db, lane.name.clone(), app.now()).await?;
        }
        told(app, &report).await?;
    }
    Ok(report)
}

/// What a page's reading says of one of its listings: nothing, if it was not read to it; why, if the channel has the listing
/// and does not tell its price. Such a listing is not gone.
fn read<'a>(listing: &Listing, reading: &'a Reading) -> Result<Option<&'a Seen>, &'a str> {
    let external = listing.external.as_deref().unwrap_or_default();
    match (reading.forbidden.get(external), reading.seen.get(external)) {
        (Some(one), _) => Err(&one.why),
        (None, Some(Seen { price: None, refused: Some(why), .. })) => Err(why),
        (None, seen) => Ok(seen),
    }
}

/// Notes which listings may not be read, so that the next look reads around them.
async fn noted(app: &App, page: &[Listing], reading: &Reading) -> anyhow::Result<()> {
    let of = |external: &String| page.iter().find(|listing| listing.external.as_ref() == Some(external)).cloned();
    let asked = reading.forbidden.iter().filter(|(_, one)| one.asked);
    let forbidden = asked.filter_map(|(external, one)| Some((of(external)?, one.why.clone())));
    let readable = reading.readable.iter().filter_map(of);
    Ok(unread::found(&app.db, forbidden.collect(), readable.collect(), app.now()).await?)
}

/// What was not compared is told as long as it lasts: nobody sees what it shows.
async fn told(app: &App, report: &Report) -> anyhow::Result<()> {
    let (name, now) = (&report.channel, app.now());
    let event = match (&report.error, report.unread.first()) {
        (Some(error), _) => notice::not_compared(name, error),
        (None, Some(first)) => {
            let (n, all) = (report.unread.len(), report.compared + report.unread.len());
            notice::not_readable(name, n, all, &first.why)
        }
        (None, None) => {
            events::resolve(&app.db, notice::not_compared_key(name), now).await?;
            return Ok(());
        }
    };
    events::note(&app.db, event, now).await?;
    Ok(())
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

/// Whether our price goes out again.
async fn handle(
    app: &App,
    lane: &Lane,
    look: Look<'_>,
    read: &Listing,
    difference: &Difference,
) -> anyhow::Result<bool> {
    let now = app.now();
    // A lane may have taken the listing since the page was read; then its own read-back decides.
    let Some(listing) = lanes::claim_one(&app.db, difference.listing_id, now, now.plus(lane.lease_ms)).await? else {
        return Ok(false);
    };
    // Or it may have sent another price and given the listing back: what was read is of the time before.
    let moved = listing.state != read.state || listing.sent_seq != read.sent_seq;
    let still = compare(&listing, difference.found, difference.disputed.as_deref()).filter(|_| !moved);
    let kind = still.as_ref().map(|d| d.kind);
    let change = match kind {
        Some(Kind::Gone) if lane.channel.capabilities().seeded_by_us && listing.desired_minor.is_some() => {
            tracing::warn!(channel = lane.name, "{} lost {} and gets it again", lane.name, difference.external);
            missing(&listing, now)
        }
        _ => change(&listing, still.as_ref(), now),
    };
    let verified = change.state == "verified";
    lanes::advance(&app.db, vec![(listing.id, listing.lease_token, change)], now, |_, change, _| change.clone())
        .await?;
    match kind {
        Some(Kind::Drifted) => drift::begins(app, lane, look, &listing, difference).await,
        Some(Kind::Healed) => {
            events::resolve(&app.db, notice::drift_key(&lane.name, listing.product_id), now).await?;
            if verified {
                events::resolve(&app.db, notice::listing_key(&lane.name, listing.product_id), now).await?;
            }
            Ok(false)
        }
        Some(Kind::Gone | Kind::Currency)
            if !lane.channel.capabilities().seeded_by_us || kind == Some(Kind::Currency) =>
        {
            let told = notice::lost(&lane.name, listing.product_id, &difference.external, &difference.shows());
            // It is found missing at every look, and went missing once.
            events::note(&app.db, told, now).await?;
            Ok(false)
        }
        Some(Kind::Gone | Kind::Currency | Kind::Adopted) | None => Ok(false),
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
    if waiting::waits(listing) {
        return waiting::next(listing, difference, now);
    }
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

#[cfg(test)]
mod tests;
