//! Reads listings around those that the channel forbids. One that may not be read, because it is somebody else's or in a
//! closed category, must hide neither what the others show nor that it is not seen itself; an account that lost its right
//! must stop the channel.

use std::collections::{BTreeMap, VecDeque};

use super::forbidden::MANY;
use super::lane::Lane;
use crate::channel::wire::found;
use crate::channel::{ChannelError, Class, Seen};
use crate::store::listings::Listing;
use crate::store::{Db, StoreError, unread};

/// Listings that one read finds to be forbidden; those beyond them are left to the next, which knows these.
const MOST_FOUND: usize = 16;
/// Other listings that are asked for when nothing that was asked for may be read.
const OTHERS: usize = 3;

/// What a read brought.
#[derive(Debug, Default)]
pub struct Reading {
    /// What the channel showed, by its own references.
    pub seen: BTreeMap<String, Seen>,
    /// Listings that may not be read, with the channel's words.
    pub forbidden: BTreeMap<String, Unreadable>,
    /// Listings that might not be read the last time and may now.
    pub readable: Vec<String>,
    /// Why the others were not read: the channel's own error.
    pub error: Option<ChannelError>,
    /// How many of them were left because too many others are forbidden.
    pub left: usize,
}

/// A listing that may not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub why: String,
    /// It was asked for in this read, and not only known from an earlier one.
    pub asked: bool,
}

/// Reads listings. Where the channel forbids it, those that it forbade before are set aside, and the others are halved until
/// those that it forbids now stand alone. Of the ones set aside `again` are asked for once more, each by itself, those
/// first whose last time is longest ago. Forbidden as a whole it is only if other listings may not be read either.
///
/// # Errors
/// The store's; the channel's is part of the result.
pub async fn read(db: &Db, lane: &Lane, listings: &[Listing], again: usize) -> Result<Reading, StoreError> {
    let externals: Vec<String> = listings.iter().filter_map(|listing| listing.external.clone()).collect();
    let mut search = Search { db, lane, reading: Reading::default(), answers: false };
    let Some(error) = search.ask(&externals).await else { return Ok(search.reading) };
    let (mut known, mut fresh) = (Vec::new(), Vec::new());
    for listing in listings {
        let Some(external) = listing.external.clone() else { continue };
        match unread::known(db, listing.id).await? {
            Some(one) => known.push((one.at, external, one.detail)),
            None => fresh.push(external),
        }
    }
    known.sort_unstable();
    // What stands alone has been asked for by itself.
    if let ([_], [(_, external, _)]) = (externals.as_slice(), known.as_slice()) {
        fresh.push(external.clone());
        known.clear();
    }
    // Nothing new is to be learnt of the whole by asking for it twice.
    let asked = known.is_empty().then_some(error);
    if search.halve(&fresh, asked).await? && search.set_aside(known, again).await? {
        search.judge().await?;
    }
    Ok(search.reading)
}

struct Search<'a> {
    db: &'a Db,
    lane: &'a Lane,
    reading: Reading,
    /// The channel lets some listing be read.
    answers: bool,
}

impl Search<'_> {
    /// Reads listings in one go; why it is forbidden, if it is. Any other error ends the search.
    async fn ask(&mut self, part: &[String]) -> Option<ChannelError> {
        match self.lane.channel.read(part).await {
            Ok(seen) => {
                self.answers |= !part.is_empty();
                let seen = found::in_order(part, seen);
                self.reading.seen.extend(seen.into_iter().map(|seen| (seen.external.clone(), seen)));
                None
            }
            Err(error) if error.class == Class::Forbidden => Some(error),
            Err(error) => {
                self.reading.error = Some(error);
                None
            }
        }
    }

    /// Halves listings until those that are forbidden stand alone; `asked` is what was said of all of them already. True if
    /// the search may go on.
    async fn halve(&mut self, fresh: &[String], mut asked: Option<ChannelError>) -> Result<bool, StoreError> {
        let mut open = VecDeque::from([fresh]);
        let (mut calls, mut alone) = (0, 0);
        while let Some(part) = open.pop_front().filter(|part| !part.is_empty()) {
            if alone >= MOST_FOUND || calls >= worth(fresh.len(), alone) {
                if !self.judge().await? {
                    return Ok(false);
                }
                self.reading.left = part.len() + open.iter().map(|part| part.len()).sum::<usize>();
                break;
            }
            calls += 1;
            let error = match asked.take() {
                Some(error) => Some(error),
                None => self.ask(part).await,
            };
            if self.reading.error.is_some() {
                return self.unproved();
            }
            match (error, part) {
                (None, _) => {}
                (Some(error), [one]) => {
                    alone += 1;
                    self.alone(one.clone(), error.message, true);
                    if alone >= MANY && !self.judge().await? {
                        return Ok(false);
                    }
                }
                (Some(_), many) => {
                    let (left, right) = many.split_at(many.len() / 2);
                    open.push_front(right);
                    open.push_front(left);
                }
            }
        }
        Ok(true)
    }

    /// Asks once more for some of the listings that might not be read the last time. True if the search may go on.
    async fn set_aside(&mut self, known: Vec<(i64, String, String)>, again: usize) -> Result<bool, StoreError> {
        for (place, (_, external, words)) in known.into_iter().enumerate() {
            if place >= again {
                self.alone(external, words, false);
                continue;
            }
            match self.ask(std::slice::from_ref(&external)).await {
                Some(error) => self.alone(external, error.message, true),
                None if self.reading.error.is_some() => return self.unproved(),
                None => self.reading.readable.push(external),
            }
        }
        Ok(true)
    }

    fn alone(&mut self, external: String, why: String, asked: bool) {
        self.reading.forbidden.insert(external, Unreadable { why, asked });
    }

    /// The search ends: what was forbidden without anything else being read is nobody's own matter yet.
    fn unproved(&mut self) -> Result<bool, StoreError> {
        if !self.answers {
            self.reading.forbidden.clear();
        }
        Ok(false)
    }

    /// Whether it is for the listings' own sake that they are forbidden: the channel lets another one be read. If it does
    /// not, that is its answer to all of them.
    async fn judge(&mut self) -> Result<bool, StoreError> {
        let Some(why) = self.reading.forbidden.values().next().map(|one| one.why.clone()) else { return Ok(true) };
        if self.answers {
            return Ok(true);
        }
        let but: Vec<&str> = self.reading.forbidden.keys().map(String::as_str).collect();
        match another(self.db, self.lane, &but).await? {
            Ok(true) => self.answers = true,
            Ok(false) => self.reading.error = Some(ChannelError::new(Class::Forbidden, why)),
            Err(error) => self.reading.error = Some(error),
        }
        if self.answers { Ok(true) } else { self.unproved() }
    }
}

/// Calls that a search through so many listings is worth once so many of them were found to be forbidden: each is at the
/// end of one way through the halves, and at every turn of it the other half is asked for too.
const fn worth(listings: usize, alone: usize) -> usize {
    let turns = (usize::BITS - listings.leading_zeros()) as usize;
    (alone + 1) * (2 * turns + 1)
}

/// Whether the channel lets any other listing be read, by what it says of a few: one of them alone may be forbidden for
/// its own sake. An error that is about something else says nothing.
///
/// # Errors
/// The store's.
pub async fn another(db: &Db, lane: &Lane, but: &[&str]) -> Result<Result<bool, ChannelError>, StoreError> {
    let most = i64::try_from(but.len() + OTHERS).unwrap_or(i64::MAX);
    let others = unread::references(db, &lane.name, most).await?;
    let mut other = None;
    for one in others.into_iter().filter(|one| !but.contains(&one.as_str())).take(OTHERS) {
        match lane.channel.read(&[one]).await {
            Ok(_) => return Ok(Ok(true)),
            Err(error) if error.class.stops_the_lane() => {}
            Err(error) => other = Some(error),
        }
    }
    Ok(other.map_or(Ok(false), Err))
}

#[cfg(test)]
mod tests {
    use super::worth;

    /// Calls that find so many forbidden listings among others, where each takes the longest way.
    fn needed(listings: usize, alone: usize) -> usize {
        let depth = listings.next_power_of_two().ilog2() as usize;
        1 + alone * 2 * depth
    }

    #[test]
    fn every_forbidden_listing_is_worth_its_way_through_the_halves() {
        for listings in [1, 2, 3, 64, 65, 500, 512] {
            for alone in 1..8 {
                let before_the_last_call = needed(listings, alone) - 1;
                assert!(before_the_last_call <= worth(listings, alone - 1), "{alone} of {listings}");
            }
        }
    }
}
