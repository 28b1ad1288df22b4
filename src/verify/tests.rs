use super::*;
use crate::money::Currency;
use crate::money::WirePrice;

pub(super) fn listing(state: &str, live: Option<i64>, sent: Option<i64>) -> Listing {
    Listing {
        external: Some("7".into()),
        desired_seq: i64::from(sent.is_some()),
        desired_minor: sent,
        sent_seq: i64::from(sent.is_some()),
        sent_minor: sent,
        verified_seq: i64::from(sent.is_some()),
        live_minor: live,
        live_at: live.map(|_| 0),
        lease_token: 1,
        ..Listing::plain(state)
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
    assert_eq!(compare(&listing("verified", Some(479), Some(479)), Some(found), None).unwrap().kind, Kind::Currency);
}
