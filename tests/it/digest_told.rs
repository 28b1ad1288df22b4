//! How a digest names things: what is late and what is something else, which rivalry it is, and nothing twice.

use omniprice::config::{Language, Part};
use omniprice::decide::war_response::WarResponse;
use omniprice::report::digest::render;
use omniprice::report::facts::{Facts, Told};
use omniprice::store::events::Event;

use crate::digest_day::{event, full, reader};

#[test]
fn late_is_what_waits_and_everything_else_is_named_by_what_it_is() {
    let mut facts = full("Kettle");
    facts.late.truncate(1);
    let told = |facts: &Facts| render(facts, &reader(Language::En, |p| p.sections = [Part::WrongNow].into())).unwrap();
    for (state, name) in [
        ("rejected", "rejected"),
        ("drifted", "changed by somebody else"),
        ("held", "held back"),
        ("parked", "given up"),
    ] {
        state.clone_into(&mut facts.late[0].state);
        let digest = told(&facts);
        assert!(!digest.subject.contains("late"), "{state}: {}", digest.subject);
        assert!(digest.text.contains(&format!("* webshop: 1 price ({name})")), "{state}: {}", digest.text);
    }
    for state in ["intended", "sent", "accepted", "unknown"] {
        state.clone_into(&mut facts.late[0].state);
        let digest = told(&facts);
        assert!(digest.subject.contains("1 channel late"), "{state}: {}", digest.subject);
        assert!(digest.text.contains("* webshop: 1 price not live yet ("), "{state}: {}", digest.text);
    }
}

#[test]
fn a_rivalry_is_told_by_its_kind_and_with_the_configured_answer() {
    let told = |message: &str, competitor: Option<&str>, rivalry: WarResponse| {
        let event = Event {
            competitor: competitor.map(Into::into),
            ..event("rivalry", "warning", Some("KETTLE"), None, message)
        };
        let facts = Facts { events: vec![event], late: vec![], rivalry, ..full("Kettle") };
        let parts = [Part::WrongNow, Part::Threats];
        render(&facts, &reader(Language::En, |p| p.sections = parts.into())).unwrap().text
    };
    let flips = "our price went back to the one before last 3 times within a day";
    let frozen = format!("{flips}; frozen until 2026-11-22T06:05:00Z");
    for message in [flips, frozen.as_str()] {
        let own = told(message, None, WarResponse::Review);
        assert!(own.contains("* Our own rules contradict each other (KETTLE)"), "{own}");
        assert!(!own.contains("price war") && !own.contains("Margin") && !own.contains("answer:"), "{own}");
    }
    let war = "price war with near.example: 4 cuts in turn, our price fell by 8 %";
    let answers = [
        (WarResponse::Freeze, "its price stays where it is"),
        (WarResponse::FloorThenHold, "follows down to its floor"),
        (WarResponse::StepToNext, "goes by the next competitor"),
        (WarResponse::Review, "waits for a person"),
    ];
    for (answer, words) in answers {
        let text = told(war, Some("near.example"), answer);
        assert!(text.matches("A price war: near.example").count() == 2 && text.contains(words), "{text}");
    }
}

#[test]
fn one_finding_is_told_once() {
    let facts = full("Kettle");
    let mut held = facts.held[0].clone();
    let twice = "a change of 24.06 % in one step; allowed are -10 % to +15 %";
    held.1 = Told { findings: vec![twice.into(), twice.into()], ..Told::default() };
    let mut facts = Facts { held: vec![held], ..facts };
    let text = render(&facts, &reader(Language::Sv, |_| {})).unwrap().text;
    assert_eq!(text.matches("24,06").count(), 1, "{text}");
    let turns = "the price would turn its direction 3 times within 24 h";
    let frozen = format!("{turns}; frozen until 2026-11-22T06:05:00Z");
    facts.held[0].1.findings = vec![turns.into(), frozen];
    let danish = render(&facts, &reader(Language::Da, |_| {})).unwrap().text;
    assert_eq!(danish.matches("skifte retning for 3. gang").count(), 1, "{danish}");
    assert!(danish.contains("fastfrosset til 22. nov. 2026 07.05"), "{danish}");
    assert!(text.contains("tillåtet är −10\u{a0}% till +15\u{a0}%"), "one minus sign in a sentence: {text}");
}

#[test]
fn lists_say_their_character_set() {
    let digest = render(&full("Kettle Ærø"), &reader(Language::Da, |_| {})).unwrap();
    let lists: Vec<_> = digest.files.iter().filter(|file| file.name.ends_with(".csv")).collect();
    assert!(!lists.is_empty());
    for file in lists {
        assert_eq!(file.media_type, "text/csv; charset=utf-8", "{}", file.name);
    }
}

#[test]
fn a_fault_that_an_event_names_is_not_told_again_by_the_state_of_its_listing() {
    let told = |events: Vec<Event>, state: &str| {
        let mut facts = Facts { events, ..full("Kettle") };
        facts.late.truncate(1);
        state.clone_into(&mut facts.late[0].state);
        render(&facts, &reader(Language::En, |p| p.sections = [Part::WrongNow].into())).unwrap().text
    };
    for (kind, state) in
        [("drift", "drifted"), ("listing_parked", "parked"), ("price_rejected", "rejected"), ("held_at_door", "held")]
    {
        let named = vec![event(kind, "warning", Some("KETTLE"), Some("webshop"), "see the shop")];
        let elsewhere = vec![event(kind, "warning", Some("KETTLE"), Some("till"), "see the shop")];
        assert!(!told(named, state).contains("* webshop: 1 price ("), "{kind}");
        assert!(told(elsewhere, state).contains("* webshop: 1 price ("), "{kind} on another channel");
    }
    // What is late is no fault that an event of another kind names.
    let drifted = vec![event("drift", "warning", Some("KETTLE"), Some("webshop"), "see the shop")];
    assert!(told(drifted, "sent").contains("* webshop: 1 price not live yet ("));
}

#[test]
fn several_events_of_one_kind_keep_their_causes_and_a_command() {
    let parked = |sku: &str, message: &str| Event {
        hint: format!("omniprice explain {sku}"),
        ..event("listing_parked", "warning", Some(sku), Some("webshop"), message)
    };
    let told = |messages: &[&str]| {
        let events = messages.iter().zip(["A-1", "A-2", "A-3", "A-4"]).map(|(message, sku)| parked(sku, message));
        let facts = Facts { events: events.collect(), late: vec![], ..full("Kettle") };
        render(&facts, &reader(Language::En, |p| p.sections = [Part::WrongNow].into())).unwrap().text
    };
    let two = told(&["webshop does not show the price: cache", "webshop does not show the price: cache"]);
    assert_eq!(two.matches("does not show the price: cache").count(), 1, "{two}");
    assert!(two.contains("omniprice explain A-1"), "{two}");
    let four = told(&["a wall", "a fence", "a ditch", "a gate"]);
    assert!(four.contains("a wall; a fence; and 2 more"), "{four}");
}

#[test]
fn what_every_channel_may_answer_is_told_in_the_readers_language() {
    let refused = event(
        "channel_refused",
        "critical",
        None,
        Some("till"),
        "till takes no prices: the channel refuses the credentials (401)",
    );
    let facts = Facts { events: vec![refused], late: vec![], ..full("Kettle") };
    let told = |language| render(&facts, &reader(language, |p| p.sections = [Part::WrongNow].into())).unwrap().text;
    for (language, words) in [
        (Language::De, "till nimmt keine Preise an: der Kanal lehnt die Zugangsdaten ab (401)"),
        (Language::Da, "kanalen afviser adgangsoplysningerne (401)"),
        (Language::Sv, "kanalen avvisar inloggningsuppgifterna (401)"),
        (Language::Pl, "kanał odrzuca dane logowania (401)"),
    ] {
        assert!(told(language).contains(words), "{}", told(language));
    }
}

#[test]
fn a_line_that_ended_has_no_value_now() {
    let mut facts = full("Kettle");
    let text = |facts: &Facts| render(facts, &reader(Language::En, |_| {})).unwrap().text;
    let before = text(&facts);
    assert!(before.contains("lowest competing offer DKK") && !before.contains(", now -"), "{before}");
    for history in &mut facts.histories {
        let theirs = &mut history.chart.lines[1].points;
        theirs.push((history.chart.until, None));
    }
    let trend = facts.market.trend.as_mut().expect("a trend");
    let until = trend.until;
    trend.lines[0].points.push((until, None));
    let ended = text(&facts);
    assert!(ended.contains("at first, - now, 100 is the market"), "{ended}");
    let captions: Vec<&str> = ended.lines().filter(|line| line.contains("lowest competing offer DKK")).collect();
    assert!(!captions.is_empty() && captions.iter().all(|line| line.ends_with(", now -")), "{captions:?}");
}
