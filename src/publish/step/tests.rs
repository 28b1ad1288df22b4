use super::*;

const POLICY: Policy = Policy {
    retry: Vec::new(),
    give_up_after: 12,
    verify_after: 2_000,
    settle_within: 60_000,
    readable: true,
    idempotent: false,
    ordered: false,
    puts_back: false,
    unsure_for: 60_000,
};
const NOW: Millis = Millis(1_000_000);

fn listing(state: &str) -> Listing {
    Listing {
        external: Some("7".into()),
        desired_seq: 8,
        desired_minor: Some(46_900),
        desired_at: Some(0),
        decision_id: Some(1),
        sent_seq: 8,
        sent_minor: Some(46_900),
        sent_at: Some(NOW.0 - 1_000),
        verified_seq: 7,
        live_minor: Some(47_900),
        live_at: Some(0),
        tries: 1,
        next_at: Some(0),
        lease_token: 1,
        ..Listing::plain(state)
    }
}

fn lost() -> ChannelError {
    ChannelError::new(Class::Unknown, "no answer within the deadline")
}

#[test]
fn a_channel_s_ok_is_not_proof_and_an_equal_read_is() {
    let accepted = step(&listing("sent"), &Event::Pushed(Ok(())), &POLICY, NOW);
    assert_eq!((accepted.state, accepted.verified_seq), ("accepted", 7));
    let verified = step(&listing("accepted"), &Event::Read(Ok(Some(Shown::price(46_900)))), &POLICY, NOW);
    assert_eq!((verified.state, verified.verified_seq, verified.next_at), ("verified", 8, None));
}

#[test]
fn an_unknown_outcome_is_read_and_never_resent_blindly() {
    let unknown = step(&listing("sent"), &Event::Pushed(Err(lost())), &POLICY, NOW);
    assert_eq!(unknown.state, "unknown");
    assert_eq!(plan(&listing("unknown"), &POLICY, NOW), Plan::Read);
    let first = step(&listing("unknown"), &Event::Read(Ok(Some(Shown::price(47_900)))), &POLICY, NOW);
    assert_eq!((first.state, first.reads), ("unknown", 1));
    let second =
        step(&Listing { reads: 1, ..listing("unknown") }, &Event::Read(Ok(Some(Shown::price(47_900)))), &POLICY, NOW);
    assert_eq!(second.state, "intended");
}

#[test]
fn a_newer_decision_waits_for_the_unknown_one_to_be_resolved() {
    let newer = Listing { desired_seq: 9, desired_minor: Some(45_900), ..listing("unknown") };
    assert_eq!(plan(&newer, &POLICY, NOW), Plan::Read);
    let resolved = step(&newer, &Event::Read(Ok(Some(Shown::price(46_900)))), &POLICY, NOW);
    assert_eq!((resolved.state, resolved.verified_seq), ("intended", 8));
}

#[test]
fn a_crash_after_the_intent_was_committed_counts_as_unknown() {
    assert_eq!(plan(&listing("sent"), &POLICY, NOW), Plan::Read);
    let blind = Policy { readable: false, ..POLICY };
    assert_eq!(plan(&listing("sent"), &Policy { idempotent: true, ..blind.clone() }, NOW), Plan::Push);
    assert_eq!(plan(&listing("sent"), &blind, NOW), Plan::Rest);
    assert_eq!(step(&listing("sent"), &Event::Rested, &blind, NOW).state, "parked");
}

#[test]
fn a_channel_that_lies_is_parked_with_a_reason() {
    let late = Listing { sent_at: Some(NOW.0 - 120_000), ..listing("accepted") };
    let resend = step(&late, &Event::Read(Ok(Some(Shown::price(47_900)))), &POLICY, NOW);
    assert_eq!(resend.state, "intended");
    let third = Listing { tries: 3, ..late };
    let parked = step(&third, &Event::Read(Ok(Some(Shown::price(47_900)))), &POLICY, NOW);
    assert_eq!((parked.state, parked.next_at), ("parked", None));
}

#[test]
fn a_price_that_the_channel_disputes_proves_nothing_and_is_sent_again() {
    let late = Listing { sent_at: Some(NOW.0 - 120_000), ..listing("accepted") };
    let disputed = Shown { disputed: true, ..Shown::price(46_900) };
    let again = step(&late, &Event::Read(Ok(Some(disputed))), &POLICY, NOW);
    assert_eq!((again.state, again.verified_seq), ("intended", late.verified_seq));
}

#[test]
fn what_the_channel_already_shows_is_proved_instead_of_sent() {
    let intended = Listing { live_minor: Some(46_900), sent_seq: 7, ..listing("intended") };
    assert_eq!(plan(&intended, &POLICY, NOW), Plan::Read);
    let proved = step(&intended, &Event::Read(Ok(Some(Shown::price(46_900)))), &POLICY, NOW);
    assert_eq!((proved.state, proved.verified_seq), ("verified", 8));
    let changed = step(&intended, &Event::Read(Ok(Some(Shown::price(1)))), &POLICY, NOW);
    assert_eq!((changed.state, changed.reads), ("intended", 1));
    assert_eq!(plan(&Listing { reads: 1, ..intended }, &POLICY, NOW), Plan::Push);
}

#[test]
fn a_proved_listing_that_a_late_push_took_away_is_put_back_and_not_looked_for_for_ever() {
    let maybe = Some(46_900);
    let proved = Listing { maybe_low: maybe, maybe_high: maybe, verified_seq: 8, ..listing("verified") };
    assert_eq!(plan(&proved, &POLICY, NOW), Plan::Read, "an earlier push may still land");
    let away = step(&proved, &Event::Read(Ok(None)), &POLICY, NOW);
    assert_eq!((away.state, away.reads, away.next_at), ("intended", 1, Some(NOW)));
    let again = Listing { state: away.state.into(), reads: away.reads, ..proved };
    assert_eq!(plan(&again, &POLICY, NOW), Plan::Push);
}

#[test]
fn a_listing_that_its_own_push_took_away_is_sent_again() {
    let puts_back = Policy { puts_back: true, ..POLICY };
    let gone =
        |state: &str, reads: i64| step(&Listing { reads, ..listing(state) }, &Event::Read(Ok(None)), &puts_back, NOW);
    assert_eq!((gone("unknown", 0).state, gone("unknown", 1).state), ("unknown", "intended"));
    assert_eq!(gone("accepted", 0).state, "accepted", "not there yet");
    assert_eq!(gone("verified", 0).state, "rejected", "nothing of ours is under way");
}

#[test]
fn a_listing_that_must_wait_forgets_nothing_and_is_read_on() {
    let full = |listing: &Listing| step(listing, &Event::Full(NOW.plus(Millis::DAY), "full".into()), &POLICY, NOW);
    let late = Listing { sent_at: Some(NOW.0 - 120_000), ..listing("accepted") };
    let missed = step(&late, &Event::Read(Ok(Some(Shown::price(47_900)))), &POLICY, NOW);
    assert_eq!((missed.state, missed.maybe), ("intended", Some((46_900, 46_900))));
    let unseen =
        Listing { state: "intended".into(), maybe_low: Some(46_900), maybe_high: Some(46_900), reads: 1, ..late };
    let waits = full(&unseen);
    assert_eq!((waits.state, waits.maybe, waits.tries), ("accepted", Some((46_900, 46_900)), 1));
    assert!(waits.next_at.unwrap() < NOW.plus(POLICY.settle_within), "it is looked at again soon");
    let doubtful = full(&Listing { unsure_until: 1, ..unseen.clone() });
    assert_eq!(doubtful.state, "unknown", "nobody acknowledged it");
    let seen = full(&Listing { verified_seq: 8, ..unseen });
    assert_eq!((seen.state, seen.next_at), ("intended", Some(NOW.plus(Millis::DAY))));
    let never_sent = full(&Listing { sent_seq: 0, sent_minor: None, verified_seq: 0, ..listing("intended") });
    assert_eq!((never_sent.state, never_sent.next_at), ("intended", Some(NOW.plus(Millis::DAY))));
}

#[test]
fn a_first_push_that_did_not_arrive_is_sent_again_and_a_vanished_listing_is_told() {
    let never = Listing { live_minor: None, live_at: None, reads: 1, ..listing("unknown") };
    assert_eq!(step(&never, &Event::Read(Ok(None)), &POLICY, NOW).state, "intended");
    assert_eq!(step(&listing("unknown"), &Event::Read(Ok(None)), &POLICY, NOW).state, "rejected");
}

#[test]
fn a_complaint_about_an_older_write_rejects_nothing_before_the_new_one_had_its_time_to_show() {
    let why = || Some("the price does not match the page".to_owned());
    let complained = Shown { complaint: why(), ..Shown::price(47_900) };
    let read = |seen: &Shown, now| step(&listing("accepted"), &Event::Read(Ok(Some(seen.clone()))), &POLICY, now);
    let early = read(&complained, NOW);
    assert_eq!((early.state, early.next_at.is_some()), ("accepted", true));
    let lasting = read(&complained, NOW.plus(POLICY.settle_within));
    assert_eq!((lasting.state, Some(lasting.reason), lasting.next_at), ("rejected", why(), None));
    let shown = Shown { minor: 46_900, ..complained };
    assert_eq!(read(&shown, NOW).state, "verified", "it complains and shows it all the same");
    // What became of this very write is known at once.
    let refused = Shown { refused: why(), ..Shown::price(47_900) };
    assert_eq!(read(&refused, NOW).state, "rejected");
}

#[test]
fn refused_credentials_stop_the_listing_until_the_channel_recovers() {
    let refused = ChannelError::new(Class::Refused, "dead key");
    let change = step(&listing("sent"), &Event::Pushed(Err(refused)), &POLICY, NOW);
    assert_eq!((change.state, change.next_at), ("intended", None));
}

#[test]
fn a_rest_that_is_over_before_it_is_written_down_is_no_rest() {
    let until = NOW.0 + 5;
    let waiting = Listing { unsure_until: until, sent_seq: 7, ..listing("intended") };
    assert_eq!(plan(&waiting, &POLICY, NOW), Plan::Rest, "an earlier push may still land");
    assert_eq!(step(&waiting, &Event::Rested, &POLICY, NOW).next_at, Some(Millis(until)));
    let late = NOW.plus(10);
    assert_eq!(step(&waiting, &Event::Rested, &POLICY, late).next_at, Some(late), "a worker that paused in between");
    assert_eq!(step(&listing("verified"), &Event::Rested, &POLICY, NOW).next_at, None);
}

#[test]
fn a_channel_that_goes_by_numbers_has_to_be_told_the_newer_one() {
    let ordered = Policy { ordered: true, ..POLICY };
    let lost = Listing { reads: 1, ..listing("unknown") };
    let resent = step(&lost, &Event::Read(Ok(Some(Shown::price(47_900)))), &ordered, NOW);
    assert_eq!((resent.state, resent.maybe), ("intended", Some((46_900, 46_900))));
    assert!(resent.unsure_until > NOW.0, "the push without an answer may still land");
    // The next decision wants what the channel shows already; the late push would undo it unless a newer one is sent.
    let back = Listing {
        desired_seq: 9,
        desired_minor: Some(47_900),
        unsure_until: resent.unsure_until,
        maybe_low: Some(46_900),
        maybe_high: Some(46_900),
        ..listing("intended")
    };
    assert_eq!(plan(&back, &ordered, NOW), Plan::Push);
    assert_eq!(plan(&back, &ordered, Millis(resent.unsure_until)), Plan::Read);
    let sent = Listing { state: "accepted".into(), sent_seq: 9, sent_minor: Some(47_900), ..back };
    let proved = step(&sent, &Event::Read(Ok(Some(Shown::price(47_900)))), &ordered, NOW);
    assert_eq!((proved.state, proved.maybe, proved.unsure_until), ("verified", None, 0), "the older one is shut out");
}

#[test]
fn retries_end() {
    let busy = ChannelError::new(Class::Retry { after_ms: Some(9_000) }, "429");
    let change = step(&listing("sent"), &Event::Pushed(Err(busy.clone())), &POLICY, NOW);
    assert_eq!(change.state, "intended");
    assert!(change.next_at.unwrap() >= NOW.plus(9_000));
    let tired = Listing { tries: 12, ..listing("sent") };
    assert_eq!(step(&tired, &Event::Pushed(Err(busy)), &POLICY, NOW).state, "parked");
}

/// A listing whose channel was given a start that has come by now.
fn begun() -> Listing {
    Listing {
        desired_seq: 9,
        desired_minor: Some(39_900),
        live_minor: Some(46_900),
        staged_minor: Some(39_900),
        staged_from: Some(NOW.0 - 1),
        staged_until: Some(NOW.0 + Millis::DAY),
        ..listing("intended")
    }
}

fn reduced(minor: i64, regular: i64) -> Event {
    Event::Read(Ok(Some(Shown { regular: Some(Some(regular)), ..Shown::price(minor) })))
}

#[test]
fn a_sale_that_the_channel_began_is_proved_and_not_sent() {
    assert_eq!(plan(&begun(), &POLICY, NOW), Plan::Read);
    let change = step(&begun(), &reduced(39_900, 46_900), &POLICY, NOW);
    assert_eq!((change.state, change.verified_seq, change.took_over), ("verified", 9, true));
    assert_eq!(change.fact, Some((39_900, "verified")));
    // A channel that did not begin is written to at once, and so is one that crosses out something else.
    for shown in [Event::Read(Ok(Some(Shown::price(46_900)))), reduced(39_900, 50_000)] {
        let change = step(&begun(), &shown, &POLICY, NOW);
        assert_eq!((change.state, change.reads, change.took_over), ("intended", 1, false), "{shown:?}");
        assert_eq!(plan(&Listing { reads: change.reads, ..begun() }, &POLICY, NOW), Plan::Push);
    }
    let later = Listing { staged_from: Some(NOW.0 + Millis::HOUR), ..begun() };
    assert_eq!(plan(&later, &POLICY, NOW), Plan::Push, "its time has not come");
    let over = Listing { staged_until: Some(NOW.0), ..begun() };
    assert_eq!(plan(&over, &POLICY, NOW), Plan::Push);
    let blind = Policy { readable: false, ..POLICY };
    assert_eq!(plan(&begun(), &blind, NOW), Plan::Push);
}

#[test]
fn a_start_is_sent_although_the_channel_shows_the_price() {
    let live = Listing { desired_seq: 9, live_minor: Some(46_900), ..listing("intended") };
    assert_eq!(plan(&live, &POLICY, NOW), Plan::Read);
    assert_eq!(plan(&Listing { stage_seq: 9, ..live.clone() }, &POLICY, NOW), Plan::Push);
    // A push of an earlier number that was under way does not carry it.
    let landed = Listing { stage_seq: 9, ..listing("accepted") };
    let landed = Listing { desired_seq: 9, ..landed };
    let change = step(&landed, &Event::Read(Ok(Some(Shown::price(46_900)))), &POLICY, NOW);
    assert_eq!(change.state, "intended");
    let again = Listing { state: "intended".into(), live_minor: Some(46_900), ..landed };
    assert_eq!(plan(&again, &POLICY, NOW), Plan::Push);
}

#[test]
fn a_push_that_was_under_way_when_its_sale_began_is_proved_by_the_sale() {
    let sent = Listing { state: "accepted".into(), desired_seq: 8, desired_minor: Some(46_900), ..begun() };
    let change = step(&sent, &reduced(39_900, 46_900), &POLICY, NOW);
    assert_eq!((change.state, change.verified_seq, change.took_over), ("verified", 8, false));
    assert_eq!(change.live.map(|(minor, _)| minor), Some(39_900));
    let others = step(&sent, &reduced(39_900, 50_000), &POLICY, NOW);
    assert_eq!(others.state, "accepted", "somebody else crosses out another price");
}

#[test]
fn a_net_price_that_is_kept_with_fewer_decimals_is_told_and_not_sent_for_ever() {
    let sent = |tries| Listing {
        decimals: Some(4),
        desired_minor: Some(83_950),
        sent_minor: Some(83_950),
        sent_at: Some(NOW.0 - 90_000),
        tries,
        ..listing("accepted")
    };
    let shows = |listing: &Listing, units| step(listing, &Event::Read(Ok(Some(Shown::price(units)))), &POLICY, NOW);
    // It may be the price before the last one, so it is sent once more.
    assert_eq!(shows(&sent(1), 84_000).state, "intended");
    for kept in [84_000, 83_900] {
        let told = shows(&sent(2), kept);
        assert_eq!((told.state, told.next_at, told.fact), ("rejected", None, Some((kept, "verified"))));
        assert!(told.reason.contains("8.395 DKK was sent") && told.reason.contains("net_decimals"), "{}", told.reason);
    }
    assert_eq!(shows(&sent(2), 83_950).state, "verified");
    let other = shows(&sent(3), 85_000);
    assert_eq!(other.state, "parked", "another price is another matter: {}", other.reason);
    let unclear = Listing { state: "unknown".into(), reads: 1, ..sent(3) };
    assert_eq!(shows(&unclear, 84_000).state, "rejected");
    let newer = Listing { desired_seq: 9, ..unclear };
    assert_eq!(shows(&newer, 84_000).state, "intended", "what is wanted now is not what was cut short");
    let reduced = Listing { sent_minor: Some(84_000), sent_regular_minor: Some(92_353), ..sent(2) };
    let shown = Shown { regular: Some(Some(92_400)), ..Shown::price(84_000) };
    let told = step(&reduced, &Event::Read(Ok(Some(shown))), &POLICY, NOW);
    assert!(told.state == "rejected" && told.reason.contains("9.24 DKK where 9.2353 DKK"), "{told:?}");
    // Amounts in cents are never cut short, whatever they are counted in.
    assert_eq!(shows(&Listing { decimals: None, sent_minor: Some(8_395), ..sent(2) }, 8_400).state, "intended");
}

#[test]
fn a_price_that_is_not_told_is_asked_for_less_and_less_often_and_counts_as_no_miss() {
    let policy = Policy { retry: vec![5_000, 3_600_000], ..POLICY };
    let asked = |state: &str, lasted: i64| {
        let listing = Listing { sent_at: Some(NOW.0 - lasted), ..listing(state) };
        let event = Event::Unreadable { why: "not yours".into(), forbidden: true };
        step(&listing, &event, &policy, NOW)
    };
    let waits = |lasted: i64| asked("accepted", lasted).next_at.unwrap().since(NOW);
    assert_eq!(waits(0), 5_100, "as any read that failed");
    assert_eq!([120_000, 1_000_000].map(waits), [60_000, 500_000]);
    let forbidden = asked("unknown", 600_000);
    assert_eq!((forbidden.state, forbidden.reads, forbidden.tries), ("unknown", 0, 1));
    assert_eq!(forbidden.read, Some(("forbidden", "not yours".into())));
    assert_eq!(forbidden.reason, "cannot be read: not yours");
    let hour = step(
        &Listing { sent_at: Some(0), ..listing("accepted") },
        &Event::Unreadable { why: "odd".into(), forbidden: false },
        &policy,
        Millis(30 * Millis::DAY),
    );
    assert_eq!(hour.next_at, Some(Millis(30 * Millis::DAY + Millis::HOUR)));
    assert_eq!(hour.read, Some(("failed", "odd".into())));
    let held = asked("held", 1_000_000);
    assert_eq!((held.next_at.unwrap().since(NOW), held.reads), (5_100, 1), "its next try is a push");
}
