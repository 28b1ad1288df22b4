//! Listings whose wish does not go out: rejected by their channel, or held at the door. Nothing of ours is under way there,
//! so whatever moves, somebody else moved it; the state and the wish stay what they are until the wish is seen.

use super::{Difference, Kind};
use crate::clock::Millis;
use crate::money::{WirePrice, currency};
use crate::store::lanes::Change;
use crate::store::listings::Listing;

/// Whether a listing waits with a wish that its channel does not show.
pub(super) fn waits(listing: &Listing) -> bool {
    matches!(listing.state.as_str(), "rejected" | "held")
}

/// What the channel shows of it, against what it showed last.
pub(super) fn kind(listing: &Listing, found: Option<WirePrice>, disputed: bool) -> Option<Kind> {
    let Some(found) = found else { return listing.live_minor.map(|_| Kind::Gone) };
    if Some(found.currency()) != currency(&listing.currency).ok() {
        return Some(Kind::Currency);
    }
    let minor = listing.units(found).ok();
    if minor.is_some() && minor == listing.live_minor {
        return (proved(listing, minor) && !disputed).then_some(Kind::Healed);
    }
    let late = minor.zip(listing.maybe()).is_some_and(|(minor, (low, high))| (low..=high).contains(&minor));
    let ours = minor.is_some() && (minor == listing.sent_minor || minor == wish(listing));
    Some(if ours || late {
        Kind::Healed
    } else if listing.verified_seq == 0 && wish(listing).is_none() {
        // We have never had a say in it.
        Kind::Adopted
    } else {
        Kind::Drifted
    })
}

fn wish(listing: &Listing) -> Option<i64> {
    listing.desired_minor.filter(|_| listing.desired_seq > 0)
}

/// Whether a count is the wish that the channel rejected; one that is held is proved by its lane when its turn comes.
fn proved(listing: &Listing, minor: Option<i64>) -> bool {
    listing.state == "rejected" && minor.is_some() && minor == wish(listing)
}

/// The next state: verified where a rejected wish is shown after all, otherwise the same one, with what is shown now.
pub(super) fn next(listing: &Listing, difference: &Difference, now: Millis) -> Change {
    let same = Change::none(listing);
    let minor = difference.found.and_then(|found| listing.units(found).ok());
    if difference.kind == Kind::Healed && difference.disputed.is_none() && proved(listing, minor) {
        // A push without an answer may still replace it.
        let strays = listing.maybe().filter(|_| now.0 < listing.unsure_until);
        return Change {
            state: "verified",
            reason: String::new(),
            verified_seq: listing.desired_seq,
            live: minor.map(|minor| (minor, now)),
            fact: minor.map(|minor| (minor, "verified")),
            next_at: strays.map(|_| Millis(listing.unsure_until)),
            maybe: strays,
            tries: 0,
            reads: 0,
            ..same
        };
    }
    let live = minor.map(|minor| (minor, now));
    match difference.kind {
        Kind::Adopted | Kind::Healed => Change { live, fact: minor.map(|minor| (minor, "verified")), ..same },
        Kind::Drifted => Change {
            live,
            fact: minor.map(|minor| (minor, "foreign")),
            read: Some(("different", String::new())),
            ..same
        },
        // It is told once: what is not there, or in another currency, is no price to compare the next look with.
        Kind::Gone | Kind::Currency => Change { live: None, read: Some(("absent", String::new())), ..same },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::verify::{change, compare, strike, tests::listing};

    /// 479 was proved, 469 is wanted and was rejected or is held, 479 was seen last.
    fn waiting(state: &str) -> Listing {
        let sent = if state == "rejected" { (2, Some(469)) } else { (1, Some(479)) };
        let wish = Listing { desired_seq: 2, desired_minor: Some(469), ..listing(state, Some(479), Some(479)) };
        Listing { sent_seq: sent.0, sent_minor: sent.1, reason: "too low".into(), ..wish }
    }

    fn seen(listing: &Listing, found: Option<i64>, disputed: Option<&str>) -> Option<(Kind, Change)> {
        let found = found.map(|minor| WirePrice::from_minor(minor, Currency::DKK));
        let told = compare(listing, found, disputed)?;
        Some((told.kind, change(listing, Some(&told), Millis(9))))
    }

    #[test]
    fn a_rejected_wish_that_is_shown_after_all_is_proved_and_a_held_one_waits_on() {
        let (kind, change) = seen(&waiting("rejected"), Some(469), None).unwrap();
        assert_eq!((kind, change.state, change.verified_seq), (Kind::Healed, "verified", 2));
        assert_eq!((change.reason.as_str(), change.live), ("", Some((469, Millis(9)))));
        // Also where the last read had already shown it, and the rejection came with the answer of a push.
        let shown = Listing { live_minor: Some(469), ..waiting("rejected") };
        assert_eq!(seen(&shown, Some(469), None).unwrap().1.state, "verified");
        assert!(seen(&shown, Some(469), Some("2 prices")).is_none(), "a disputed price proves nothing");
        let (kind, change) = seen(&waiting("held"), Some(469), None).unwrap();
        assert_eq!((kind, change.state, change.verified_seq), (Kind::Healed, "held", 1));
        assert_eq!(seen(&waiting("rejected"), Some(469), Some("2 prices")).unwrap().1.state, "rejected");
    }

    #[test]
    fn a_price_that_somebody_else_writes_meanwhile_is_drift_and_the_wish_stays() {
        for state in ["rejected", "held"] {
            let before = waiting(state);
            assert!(seen(&before, Some(479), None).is_none(), "as it was");
            let (kind, change) = seen(&before, Some(50), None).unwrap();
            assert_eq!((kind, change.state, change.reason.as_str()), (Kind::Drifted, state, "too low"));
            assert_eq!((change.live, change.fact), (Some((50, Millis(9))), Some((50, "foreign"))));
            let told = Listing { live_minor: Some(50), ..before };
            assert!(seen(&told, Some(50), None).is_none(), "told once");
            let (kind, change) = seen(&told, None, None).unwrap();
            assert_eq!((kind, change.state, change.live), (Kind::Gone, state, None));
            assert!(seen(&Listing { live_minor: None, ..told }, None, None).is_none(), "told once");
        }
    }

    #[test]
    fn what_we_sent_and_never_saw_is_no_drift_and_a_price_we_had_no_say_in_is_adopted() {
        let late = Listing { maybe_low: Some(450), maybe_high: Some(460), ..waiting("held") };
        assert_eq!(seen(&late, Some(455), None).unwrap().0, Kind::Healed);
        let (kind, change) = seen(&listing("held", Some(499), None), Some(489), None).unwrap();
        assert_eq!((kind, change.state, change.live), (Kind::Adopted, "held", Some((489, Millis(9)))));
        let wished = Listing { desired_seq: 1, desired_minor: Some(479), ..listing("held", Some(499), None) };
        assert_eq!(seen(&wished, Some(489), None).unwrap().0, Kind::Drifted);
    }

    #[test]
    fn a_rejected_reduction_is_proved_only_with_what_is_crossed_out() {
        let dkk = |minor: i64| WirePrice::from_minor(minor, Currency::DKK);
        let reduced = Listing { sent_regular_minor: Some(599), ..waiting("rejected") };
        assert_eq!((strike(&reduced, None), strike(&reduced, Some(Some(dkk(599))))), (None, None));
        assert!(strike(&reduced, Some(None)).is_some() && strike(&waiting("held"), Some(Some(dkk(599)))).is_none());
    }
}
