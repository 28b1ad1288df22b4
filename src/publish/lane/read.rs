//! A lane's reads: what a channel shows of the listings that wait for proof.

use std::time::Duration;

use tokio::time::Instant;

use super::{Lane, Moved, advance};
use crate::channel::{ChannelError, Class, Seen};
use crate::clock::Clock;
use crate::money::{MoneyError, WirePrice};
use crate::publish::reading::{self, Reading};
use crate::publish::step::{Event, Shown};
use crate::sentence::Sentence;
use crate::store::listings::Listing;
use crate::store::{Db, StoreError};

/// Listings read at first in one go; more as long as the channel answers fast.
const READ_AT_FIRST: usize = 64;

/// Reads in parts and writes each down as it comes. What half the lease is not enough for is left to the next round:
/// after the whole of it, what was read would be another worker's to write.
pub(super) async fn all(
    db: &Db,
    clock: &Clock,
    lane: &Lane,
    mut read: Vec<Listing>,
    claimed_at: Instant,
) -> Result<Moved, StoreError> {
    let half = Duration::from_millis((lane.lease_ms / 2).unsigned_abs());
    let (mut moved, mut size) = (Moved::default(), READ_AT_FIRST);
    while !read.is_empty() {
        if claimed_at.elapsed() > half {
            let left = read.drain(..).map(|listing| (listing.id, listing.lease_token, Event::Rested)).collect();
            advance(db, clock, lane, left).await?;
            break;
        }
        let mut part: Vec<Listing> = read.drain(..size.min(read.len())).collect();
        let started = Instant::now();
        // What may not be read is asked for by itself less and less often, so that all of it is asked for here.
        let reading = reading::read(db, lane, &part, usize::MAX).await?;
        if reading.error.is_some() {
            // A channel that does not answer is not asked about the others either.
            part.append(&mut read);
        }
        let event = |listing: Listing| (listing.id, listing.lease_token, event(&listing, &reading));
        moved = moved.and(advance(db, clock, lane, part.into_iter().map(event).collect()).await?);
        if started.elapsed() < half / 8 {
            size *= 2;
        }
    }
    Ok(moved)
}

/// What a read says about one listing.
fn event(listing: &Listing, reading: &Reading) -> Event {
    let external = listing.external.as_deref().unwrap_or_default();
    if let Some(one) = reading.forbidden.get(external) {
        return Event::Unreadable { why: one.why.clone(), forbidden: true };
    }
    let Some(seen) = reading.seen.get(external) else {
        let left =
            || ChannelError::new(Class::Retry { after_ms: None }, Sentence::LeftToNext.with(&[("n", &reading.left)]));
        return Event::Read(Err(reading.error.clone().unwrap_or_else(left)));
    };
    match (seen.price, &seen.refused) {
        // The listing is there, and the channel says why its price cannot be told.
        (None, Some(why)) => Event::Unreadable { why: why.clone(), forbidden: false },
        (None, None) => Event::Read(Ok(None)),
        (Some(price), _) => Event::Read(shown(listing, seen, price).map(Some)),
    }
}

/// What a listing shows, in its own currency.
fn shown(listing: &Listing, seen: &Seen, price: WirePrice) -> Result<Shown, ChannelError> {
    // Another currency is another price: it can never prove ours.
    if price.currency().code() != listing.currency {
        let text = format!("the channel shows {} instead of {}", price.currency().code(), listing.currency);
        return Err(ChannelError::new(Class::Retry { after_ms: None }, text));
    }
    let odd = |why: MoneyError| ChannelError::new(Class::Retry { after_ms: None }, format!("the channel shows {why}"));
    let units = |price: WirePrice| listing.units(price).map_err(odd);
    Ok(Shown {
        minor: units(price)?,
        regular: seen.regular.map(|regular| regular.map(units).transpose()).transpose()?,
        refused: seen.refused.clone(),
        complaint: seen.complaint.clone(),
        disputed: seen.disputed.is_some(),
    })
}
