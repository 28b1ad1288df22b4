//! The lifecycle as tables: what happened, and what one target is told then.

use super::*;
use crate::config::{Alerts, Config, Wanted};
use crate::store::alerts::{Recent, State};

const MINUTE: i64 = Millis::MINUTE;
const NOW: Millis = Millis(1_800_000_000_000);

fn at(minutes: i64) -> i64 {
    NOW.plus(minutes * MINUTE).0
}

fn policy() -> Alerts {
    Config::load(None, &[]).unwrap().alerts
}

fn event(id: i64, kind: &str, severity: &str, channel: Option<&str>, competitor: Option<&str>, first: i64) -> Event {
    Event {
        id,
        kind: kind.into(),
        severity: severity.into(),
        dedupe: format!("{kind}/{}/{}", channel.unwrap_or_default(), competitor.unwrap_or_default()),
        sku: None,
        channel: channel.map(Into::into),
        competitor: competitor.map(Into::into),
        message: "what happened".into(),
        hint: String::new(),
        times: 1,
        first_at: at(first),
        last_at: at(first),
        resolved_at: None,
    }
}

fn target() -> Target {
    Target {
        name: "ann".into(),
        wanted: Wanted::All,
        quiet: false,
        day_start: NOW.plus(-12 * Millis::HOUR),
        unlimited: false,
    }
}

/// A target with its memory, which lives through time like the real tables do.
struct Ann {
    target: Target,
    states: Vec<State>,
    recent: Vec<Recent>,
    silences: Vec<Silence>,
    policy: Alerts,
    /// The mail server takes nothing: messages stay in the queue.
    down: bool,
}

impl Ann {
    fn new() -> Self {
        Self { target: target(), states: vec![], recent: vec![], silences: vec![], policy: policy(), down: false }
    }

    /// Plans at `minute` and remembers it; the groups of the messages, with how many are open and over.
    fn told(&mut self, minute: i64, events: &[Event]) -> Vec<(String, usize, usize)> {
        let now = Millis(at(minute));
        let situation = Situation {
            everything: events,
            silences: &self.silences,
            states: &self.states,
            recent: &self.recent,
            policy: &self.policy,
            now,
        };
        let plan = plan(&self.target, events, &situation);
        for state in plan.states {
            self.states.retain(|known| known.dedupe != state.dedupe);
            self.states.push(state);
        }
        let mut told = Vec::new();
        for draft in plan.drafts {
            told.push((draft.grp.clone(), draft.body.open, draft.body.resolved));
            self.recent.push(Recent {
                target: "ann".into(),
                grp: draft.grp,
                message_id: format!("<{minute}>"),
                early: i64::from(draft.early),
                created_at: now.0,
                waiting: i64::from(self.down),
            });
        }
        told
    }
}

fn one(grp: &str, open: usize, over: usize) -> Vec<(String, usize, usize)> {
    vec![(grp.to_owned(), open, over)]
}

#[test]
fn a_group_collects_then_tells_once_then_waits() {
    let mut ann = Ann::new();
    let mut events = vec![event(1, "two_writers", "warning", Some("shop"), None, 0)];
    assert_eq!(ann.told(1, &events), []);
    events.push(Event { dedupe: "other".into(), ..event(2, "two_writers", "warning", Some("shop"), None, 1) });
    assert_eq!(ann.told(2, &events), one("two_writers/shop", 2, 0), "both in one message");
    assert_eq!(ann.told(3, &events), []);
    events.push(Event { dedupe: "third".into(), ..event(3, "two_writers", "warning", Some("shop"), None, 10) });
    assert_eq!(ann.told(31, &events), [], "one message per group in half an hour");
    assert_eq!(ann.told(32, &events), one("two_writers/shop", 1, 0), "only what is new");
}

#[test]
fn critical_kinds_go_almost_at_once_each_by_the_table() {
    for (kind, severity, after_seconds) in [
        ("held_at_door", "critical", 20),
        ("run_held", "critical", 20),
        ("channel_refused", "critical", 20),
        ("price_war", "critical", 20),
        ("parity_below_goal", "critical", 20),
        ("nothing_fetched", "critical", 20),
        ("competitor_unreachable", "warning", 120),
    ] {
        let event = event(1, kind, severity, Some("shop"), Some("near"), 0);
        for (seconds, told) in [(after_seconds - 1, false), (after_seconds, true)] {
            let policy = policy();
            let now = NOW.plus(seconds * Millis::SECOND);
            let everything = [event.clone()];
            let situation =
                Situation { everything: &everything, silences: &[], states: &[], recent: &[], policy: &policy, now };
            assert_eq!(!plan(&target(), &everything, &situation).drafts.is_empty(), told, "{kind} after {seconds} s");
        }
    }
}

#[test]
fn what_can_wait_waits_for_the_digest() {
    for kind in ["not_sent", "listing_parked", "price_rejected", "listing_lost", "never_heard_of"] {
        assert_eq!(Ann::new().told(60, &[event(1, kind, "warning", Some("shop"), None, 0)]), [], "{kind}");
    }
    let drift = |n: i64| Event { dedupe: format!("drift/{n}"), ..event(n, "drift", "warning", Some("shop"), None, 0) };
    let few: Vec<Event> = (1..=5).map(drift).collect();
    assert_eq!(Ann::new().told(60, &few), [], "five drifted prices are for the digest");
    let many: Vec<Event> = (1..=6).map(drift).collect();
    assert_eq!(Ann::new().told(60, &many), one("drift/shop", 6, 0));
}

#[test]
fn repeats_come_by_the_table_and_not_before() {
    let hours = |hours: i64| hours * 60;
    for (kind, repeat) in [
        ("floor_breach", Some(hours(1))),
        ("channel_refused", Some(hours(4))),
        ("price_war", Some(hours(24))),
        ("rules_broken", Some(hours(12))),
        ("campaign", Some(15)),
        ("run_held", None),
        ("paused", None),
        ("campaign_changed", None),
    ] {
        let mut ann = Ann::new();
        let events = [event(1, kind, "critical", Some("shop"), Some("near"), 0)];
        assert_eq!(ann.told(1, &events).len(), 1, "{kind}");
        let mut again = Vec::new();
        for minute in 2..=hours(25) {
            // The day turns; budgets are not what is tested here.
            ann.target.day_start = Millis(at(minute - 30));
            if !ann.told(minute, &events).is_empty() {
                again.push(minute);
            }
        }
        let expected: Vec<i64> =
            repeat.map(|r| (1..).map(|n| 1 + n * r).take_while(|m| *m <= hours(25)).collect()).unwrap_or_default();
        assert_eq!(again, expected, "{kind}");
    }
}

#[test]
fn the_end_is_told_once_it_lasts_and_arms_the_alert_again() {
    let mut ann = Ann::new();
    let open = event(1, "channel_refused", "critical", Some("shop"), None, 0);
    assert_eq!(ann.told(1, std::slice::from_ref(&open)).len(), 1);
    let over = Event { resolved_at: Some(at(40)), ..open };
    assert_eq!(ann.told(44, std::slice::from_ref(&over)), [], "not yet sure");
    assert_eq!(ann.told(45, std::slice::from_ref(&over)), one("channel_refused/shop", 0, 1));
    assert_eq!(ann.told(90, std::slice::from_ref(&over)), [], "once");
    let again = event(2, "channel_refused", "critical", Some("shop"), None, 100);
    assert_eq!(ann.told(101, &[over, again]), one("channel_refused/shop", 1, 0), "a new one is told anew");
}

#[test]
fn flapping_is_one_alert_and_what_nobody_was_told_of_ends_in_silence() {
    let mut ann = Ann::new();
    let mut events = vec![event(1, "channel_late", "critical", Some("shop"), None, 0)];
    let mut told = ann.told(1, &events).len();
    for round in 1..100 {
        // Over for four minutes, back again, over again.
        if let Some(last) = events.last_mut() {
            last.resolved_at = Some(at(round * 5 - 4));
        }
        told += ann.told(round * 5 - 1, &events).len();
        events.push(event(1 + round, "channel_late", "critical", Some("shop"), None, round * 5));
        told += ann.told(round * 5, &events).len();
    }
    assert_eq!(told, 1 + 2, "the first, and its repeats after four and eight hours");
    let untold = Event { resolved_at: Some(at(1)), ..event(1, "two_writers", "warning", Some("x"), None, 0) };
    assert_eq!(Ann::new().told(60, &[untold]), []);
}

#[test]
fn rates_that_are_missing_cover_what_waits_for_them_and_nothing_else() {
    for (why, covered) in [
        ("waits for newer exchange rates; the newest are of 2026-11-20", true),
        ("no exchange rates for SEK", true),
        ("DKK is not SEK, and there is no FX table\n  hint: import rates with `omniprice fx import FILE`", true),
        ("no rate for SEK on 2026-11-20\n  hint: import a table that has it", true),
        ("no VAT rate for class `food` in DK on 2026-11-23", false),
        ("479.00 DKK is below the floor 499.00 DKK computed from today's cost", false),
    ] {
        let rates = event(1, "fx_stale", "critical", None, None, 0);
        let told = notice::listing("shop", 2, "held", why).unwrap();
        let message = told.message.clone();
        let held = Event { dedupe: told.dedupe, message, ..event(2, told.kind, "warning", Some("shop"), None, 0) };
        let all = [rates, held.clone()];
        assert_eq!(Surroundings::of(&all).inhibitor(&held).is_some(), covered, "{why}");
    }
}

#[test]
fn a_cause_covers_its_effects_by_the_table() {
    let shop = Some("shop");
    for (cause, effect, channel, competitor, covered) in [
        ("channel_unreachable", "channel_late", shop, None, true),
        ("channel_refused", "parity_below_goal", shop, None, true),
        ("channel_refused", "parity_below_goal", Some("till"), None, false),
        ("channel_unreachable", "floor_breach", shop, None, false),
        ("competitor_unreachable", "kvi_undercut", None, Some("near"), true),
        ("competitor_unreachable", "kvi_undercut", None, Some("far"), false),
        ("price_war", "rivalry", None, Some("near"), true),
        ("price_war", "rivalry", None, Some("far"), false),
        ("nothing_fetched", "competitor_unreachable", None, Some("near"), true),
        ("paused", "parity_below_goal", shop, None, true),
        ("paused", "nothing_fetched", None, None, true),
        ("paused", "floor_breach", shop, None, false),
    ] {
        let cause_event = event(1, cause, "critical", shop, Some("near"), 0);
        let effect_event = Event { dedupe: "effect".into(), ..event(2, effect, "critical", channel, competitor, 0) };
        let all = [cause_event.clone(), effect_event.clone()];
        let found = Surroundings::of(&all).inhibitor(&effect_event).is_some();
        assert_eq!(found, covered, "{cause} and {effect}");
        // A cause that is over covers nothing.
        let over = Event { resolved_at: Some(at(0)), ..cause_event };
        assert!(Surroundings::of(&[over]).inhibitor(&effect_event).is_none());
    }
}

#[test]
fn an_advert_below_a_checkout_spends_no_mails_while_one_of_the_two_refuses() {
    let hours = |hours: i64| hours * 60;
    for (refusing, covered) in [("feed", true), ("shop", true), ("till", false)] {
        let mut ann = Ann::new();
        let refused = event(1, "channel_refused", "critical", Some(refusing), None, 0);
        let advert = Event {
            dedupe: "advert/feed/shop".into(),
            ..event(2, "advert_below_checkout", "critical", Some("feed"), None, 20)
        };
        let mut events = [refused, advert];
        let mut told: Vec<String> = Vec::new();
        for minute in (1..hours(23)).step_by(5) {
            told.extend(ann.told(minute, &events).into_iter().map(|(grp, ..)| grp));
        }
        let adverts = told.iter().filter(|grp| grp.starts_with("advert_below_checkout/")).count();
        assert_eq!(adverts == 0, covered, "{refusing}: {told:?}");
        assert!(!covered || told.len() == 1 + 5, "the channel itself is told every four hours: {told:?}");
        // It takes writes again, and the advert still promises too little.
        events[0].resolved_at = Some(at(hours(23)));
        ann.target.day_start = Millis(at(hours(23)));
        let after = ann.told(hours(23) + 1, &events);
        assert!(after.iter().any(|(grp, open, _)| grp == "advert_below_checkout/feed" && *open == 1), "{after:?}");
    }
}

#[test]
fn silences_match_by_every_field_that_is_set_and_end() {
    let silence = |kind: Option<&str>, channel: Option<&str>| Silence {
        id: 1,
        kind: kind.map(Into::into),
        channel: channel.map(Into::into),
        competitor: None,
        sku: None,
        owner: "ann".into(),
        why: "known".into(),
        ends_at: at(60),
        created_at: at(0),
    };
    let events = [event(1, "channel_refused", "critical", Some("shop"), None, 0)];
    for (silence, hides) in [
        (silence(None, None), true),
        (silence(Some("channel_refused"), None), true),
        (silence(Some("channel_refused"), Some("shop")), true),
        (silence(Some("channel_refused"), Some("till")), false),
        (silence(Some("drift"), None), false),
    ] {
        let mut ann = Ann::new();
        ann.silences = vec![silence];
        assert_eq!(ann.told(10, &events).is_empty(), hides);
        assert_eq!(ann.told(60, &events).len(), usize::from(hides), "what is still true afterwards is told then");
    }
}

#[test]
fn quiet_hours_hold_everything_but_what_is_critical() {
    let mut ann = Ann::new();
    ann.target.quiet = true;
    let warning = event(1, "two_writers", "warning", Some("shop"), None, 0);
    let critical = event(2, "channel_refused", "critical", Some("till"), None, 0);
    assert_eq!(ann.told(10, &[warning.clone(), critical.clone()]), one("channel_refused/till", 1, 0));
    ann.target.quiet = false;
    assert_eq!(ann.told(60, &[warning, critical]), one("two_writers/shop", 1, 0), "told when the quiet ends");
}

#[test]
fn the_budget_ends_in_one_early_digest_and_drops_nothing_critical() {
    let mut ann = Ann::new();
    let warnings: Vec<Event> =
        (0..30).map(|n| event(n, "competitor_unreachable", "warning", None, Some(&format!("c{n:02}")), 0)).collect();
    // Six an hour, ten a day, then one that holds the rest.
    let mut counts = Vec::new();
    for hour in 0..4 {
        let told = ann.told(10 + hour * 61, &warnings);
        counts.push((told.len(), told.iter().map(|(_, open, _)| open).sum::<usize>()));
    }
    assert_eq!(counts, [(6, 6), (5, 24), (0, 0), (0, 0)], "four more and the early digest with twenty");
    assert_eq!(ann.recent.iter().filter(|m| m.early != 0).count(), 1);
    let mut all = warnings;
    all.push(event(100, "channel_refused", "critical", Some("shop"), None, 300));
    all.push(event(101, "competitor_unreachable", "warning", None, Some("late"), 300));
    assert_eq!(ann.told(301, &all), one(EARLY, 1, 0), "critical ones still come");
    all.push(event(102, "channel_refused", "critical", Some("till"), None, 302));
    assert_eq!(ann.told(303, &all), one(EARLY, 1, 0), "a new one never waits");
    assert_eq!(ann.told(331, &all), [], "and is not told again so soon");
    assert_eq!(ann.told(700, &all), [], "what was told is not repeated when the day's messages are used up");
    ann.target.day_start = Millis(at(710));
    let next: Vec<_> = ann.told(711, &all).into_iter().map(|(group, ..)| group).collect();
    let own = ["channel_refused/shop", "channel_refused/till", "competitor_unreachable/late"];
    assert_eq!(next, own, "a new day has its own budget");
}

#[test]
fn without_a_budget_a_group_still_keeps_its_pace() {
    let mut ann = Ann::new();
    ann.policy.per_day = 0;
    let of = |n: i64, channel: &str, minute: i64| Event {
        dedupe: format!("door/{channel}/{n}"),
        ..event(n, "held_at_door", "critical", Some(channel), None, minute)
    };
    let mut events = vec![of(1, "shop", 0)];
    assert_eq!(ann.told(1, &events), one(EARLY, 1, 0));
    for n in 2..=6 {
        events.push(of(n, "shop", n));
        assert_eq!(ann.told(n + 1, &events), [], "five more of the same channel wait for its turn");
    }
    events.push(of(7, "till", 8));
    assert_eq!(ann.told(9, &events), one(EARLY, 1, 0), "another channel does not");
    assert_eq!(ann.told(31, &events), one(EARLY, 5, 0), "the five come together");
}

#[test]
fn the_kill_switch_is_told_each_time_and_a_run_each_time_it_is_held() {
    for kind in ["paused", "run_held"] {
        let mut ann = Ann::new();
        let first = event(1, kind, "critical", None, None, 0);
        assert_eq!(ann.told(1, std::slice::from_ref(&first)).len(), 1, "{kind}");
        let over = Event { resolved_at: Some(at(2)), ..first };
        let again = event(2, kind, "critical", None, None, 3);
        // Each run has a key of its own.
        let dedupe = if kind == "run_held" { "run-held/2".to_owned() } else { again.dedupe.clone() };
        let again = Event { dedupe, ..again };
        assert_eq!(ann.told(4, &[over.clone(), again.clone()]).len(), 1, "{kind}, a minute later");
        let later = ann.told(60, &[over, again]);
        assert!(later.iter().all(|(_, open, _)| *open == 0), "{kind}, once: {later:?}");
    }
}

#[test]
fn a_message_that_still_waits_for_its_server_is_not_said_again() {
    let mut ann = Ann::new();
    ann.down = true;
    let mut events = vec![event(1, "channel_refused", "critical", Some("shop"), None, 0)];
    assert_eq!(ann.told(1, &events).len(), 1);
    assert_eq!(ann.told(300, &events), [], "five hours without a server");
    events.push(Event { dedupe: "other".into(), ..event(2, "channel_refused", "critical", Some("shop"), None, 301) });
    assert_eq!(ann.told(302, &events), one("channel_refused/shop", 1, 0), "what is new is queued behind it");
    ann.recent.iter_mut().for_each(|message| message.waiting = 0);
    ann.target.day_start = Millis(at(500));
    assert_eq!(ann.told(600, &events), one("channel_refused/shop", 2, 0), "and repeated when mails go again");
}

#[test]
fn wishes_count_and_machines_have_no_budget() {
    let events = [event(1, "competitor_unreachable", "warning", None, Some("near"), 0)];
    for wanted in [Wanted::Critical, Wanted::None] {
        let mut ann = Ann::new();
        ann.target.wanted = wanted;
        assert_eq!(ann.told(60, &events), [], "{wanted:?}");
    }
    let mut hook = Ann::new();
    hook.target.unlimited = true;
    let many: Vec<Event> =
        (0..30).map(|n| event(n, "competitor_unreachable", "warning", None, Some(&format!("c{n}")), 0)).collect();
    assert_eq!(hook.told(60, &many).len(), 30);
}
