//! For whose sake a channel forbids a write. A listing that we may not change, because it is somebody else's or in a closed
//! category, must not stop the others; an account that lost its right must stop the channel. One answer does not tell them
//! apart, what the channel says to other listings does.

use super::step::Event;
use crate::channel::Class;
use crate::clock::Millis;
use crate::store::progress::{self, Forbidden, Others};
use crate::store::{Db, StoreError};

/// Forbidden writes of one request that took nothing: too many for each to be a listing's own matter.
pub(super) const MANY: usize = 3;
/// A listing that was forbidden longer ago is judged anew: it may be another reason.
const REMEMBERED_MS: i64 = 30 * Millis::DAY;

/// For whose sake a write is forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sake {
    /// This listing's; the channel takes others.
    Listing,
    /// The account's: nothing else is taken either.
    Channel,
    /// Not known yet: it is tried again after others had their turn.
    Unclear,
}

impl Sake {
    /// `taken` and `forbidden` are the writes of the same request; `known` is what became of the listing and of others
    /// before.
    #[must_use]
    pub const fn of(taken: usize, forbidden: usize, known: Forbidden) -> Self {
        if taken > 0 || known.alone {
            return Self::Listing;
        }
        match known.others {
            Others::Before => Self::Listing,
            Others::Meanwhile => Self::Unclear,
            Others::None if known.before || forbidden >= MANY => Self::Channel,
            Others::None => Self::Unclear,
        }
    }
}

/// Judges the forbidden writes among the answers to one request.
///
/// # Errors
/// The store's.
pub async fn judged(
    db: &Db,
    channel: &str,
    mut answers: Vec<(i64, i64, Event)>,
    now: Millis,
) -> Result<Vec<(i64, i64, Event)>, StoreError> {
    let is_forbidden = |event: &Event| matches!(event, Event::Pushed(Err(error)) if error.class == Class::Forbidden);
    let forbidden = answers.iter().filter(|(_, _, event)| is_forbidden(event)).count();
    if forbidden == 0 {
        return Ok(answers);
    }
    let taken = answers.iter().filter(|(_, _, event)| matches!(event, Event::Pushed(Ok(())))).count();
    for (id, _, event) in &mut answers {
        let Event::Pushed(Err(error)) = &*event else { continue };
        if error.class != Class::Forbidden {
            continue;
        }
        let known = progress::forbidden(db, channel, *id, now.plus(-REMEMBERED_MS)).await?;
        *event = Event::Forbidden(Sake::of(taken, forbidden, known), error.clone());
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_channel_says_to_others_tells_for_whose_sake_it_forbids_one() {
        let known = |before, others| Forbidden { before, alone: false, others };
        let (none, new) = (known(true, Others::None), known(false, Others::None));
        assert_eq!(Sake::of(1, 1, new), Sake::Listing, "it took another one of the same request");
        assert_eq!(Sake::of(0, 1, new), Sake::Unclear);
        assert_eq!(Sake::of(0, MANY, new), Sake::Channel);
        assert_eq!(Sake::of(0, 1, none), Sake::Channel, "and nothing else in between");
        let before = known(true, Others::Before);
        assert_eq!(Sake::of(0, 1, before), Sake::Listing, "it took another one in between");
        assert_eq!(Sake::of(0, 1, known(true, Others::Meanwhile)), Sake::Unclear, "this one may have come too early");
        let alone = Forbidden { alone: true, ..none };
        assert_eq!(Sake::of(0, 1, alone), Sake::Listing, "once known, it says nothing about the channel any more");
        assert_eq!(Sake::of(0, MANY, before), Sake::Listing, "these few are known");
    }
}
