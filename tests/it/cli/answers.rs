//! What the command line answers to people who mistype, ask twice, or want to know why a price stays where it is.

use std::process::Stdio;
use std::time::Duration;

use omniprice::clock::Clock;
use tokio::time::timeout;

use super::second_day::auto;
use super::{Day, command};
use crate::harness::price;

/// The arguments of a command that a text names, with a reason in place of the dots.
fn typed(text: &str, begin: &str) -> Vec<String> {
    let at = text.find(begin).unwrap_or_else(|| panic!("`{begin}` is not in {text}"));
    let line = text[at..].lines().next().unwrap();
    let (line, _) = line.split_once("\"...\"").unwrap_or_else(|| panic!("{line}"));
    let rest = text[at + line.len() + "\"...\"".len()..].split_whitespace().next().filter(|word| *word == "--yes");
    let words = line.split_whitespace().skip(1).map(|word| word.trim_matches('"').to_owned());
    words.filter(|word| !word.is_empty()).chain(["looked".to_owned()]).chain(rest.map(str::to_owned)).collect()
}

async fn run(day: &Day, words: &[String]) -> super::Said {
    day.say(&words.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Cheap products without pages: with so many, one product is no stage of its own.
async fn crowd(day: &Day) {
    let rows: String = (0..150).map(|n| format!("N{n},Thing {n},99.00,20.00\n")).collect();
    day.write("crowd.csv", &format!("sku,title,price,cost\n{rows}"));
    day.say(&["import", "crowd.csv"]).await.ends(0);
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "\n[release]\nstage_least_products = 1\n").unwrap();
}

#[tokio::test]
async fn a_price_that_its_stage_holds_says_until_when_and_how_a_person_sets_it() {
    let day = Day::imported().await;
    auto(&day);
    crowd(&day).await;
    day.near.show("KETTLE", price(48_900));
    day.say(&["once", "--now", "--patience", "1"]).await;
    let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    let headline = "KETTLE in DK stays at 499.00 DKK; the change to 489.00 DKK (-2.00 %) is held.";
    assert!(told.contains(headline) && told.contains("What holds it, and what lets it through:"), "{told}");
    assert!(!told.contains("goes from") && !told.contains("has to approve"), "{told}");
    assert!(told.contains("What the rules would make of other facts:"), "{told}");
    let (_, turn) = told.split_once("of its products so far, on this one from ").unwrap();
    let turn: jiff::Timestamp = turn[.."2026-11-17T12:00:00+01:00".len()].parse().unwrap();
    let hours = turn.duration_since(Clock::System.now().timestamp()).as_hours();
    assert!((23..=48).contains(&hours), "{turn}");
    assert_eq!(day.say(&["review"]).await.ends(0).out, "nothing waits\n", "nobody can approve it");
    run(&day, &typed(&told, "omniprice price set KETTLE 489.00")).await.ends(0);
    day.say(&["once", "--patience", "1"]).await;
    assert_eq!(day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json()["price"], "489.00 DKK");
}

#[tokio::test]
async fn a_large_change_that_guards_hold_is_not_said_to_wait_for_an_approval() {
    let day = Day::imported().await;
    auto(&day);
    let rules = std::fs::read_to_string(day.folder.path().join("rules.toml")).unwrap();
    day.write("rules.toml", &rules.replace("max_step_down_pct = \"5\"", "max_step_down_pct = \"50\""));
    for shop in [&day.near, &day.far] {
        shop.show("KETTLE", price(41_900));
    }
    day.say(&["once", "--now", "--patience", "1"]).await;
    let said = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    assert!(said.contains("the change to 419.00 DKK (-16.03 %) is held"), "{said}");
    assert!(!said.contains("a person has to approve it"), "{said}");
    let step = "a change of -16.03 % in one step; allowed are -10 % to +15 %. Smaller steps pass: max_step_down_pct";
    assert!(said.contains(step), "{said}");
    let set = typed(&said, "omniprice price set KETTLE 419.00");
    assert!(set.contains(&"--yes".to_owned()), "a guard would ask twice: {set:?}");
    run(&day, &set).await.ends(0);
}

#[tokio::test]
async fn a_proposal_names_the_command_that_settles_it_and_a_rejection_who_turned_it_down() {
    let day = Day::imported().await;
    day.near.show("KETTLE", price(48_900));
    day.say(&["once", "--now", "--patience", "1"]).await.ends(3);
    let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    assert!(told.contains("would go from 499.00 DKK to 489.00 DKK (-2.00 %); a person has to approve it."), "{told}");
    let mut reject = typed(&told, "omniprice reject ");
    reject.extend(["--actor".into(), "ann".into()]);
    assert!(!told.contains("follows by itself"), "{told}");
    run(&day, &reject).await.ends(0);
    let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    let headline = "KETTLE in DK stays at 499.00 DKK; the change to 489.00 DKK (-2.00 %) is held: ann turned it down.";
    assert!(told.contains(headline), "{told}");
    assert!(!told.contains("a person has to approve it") && !told.contains("goes from"), "{told}");
    assert!(
        told.contains("ann turned 489.00 DKK down at 20") && told.contains(": looked. It is asked about again"),
        "{told}"
    );
    let data = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert_eq!((&data["turned_down"]["by"], &data["turned_down"]["why"]), (&"ann".into(), &"looked".into()), "{data}");
    // Another price is another question.
    day.near.show("KETTLE", price(47_900));
    day.say(&["once", "--now", "--patience", "1"]).await.ends(3);
    let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    assert!(told.contains("a person has to approve it") && !told.contains("turned"), "{told}");
}

#[tokio::test]
async fn explanations_tell_times_by_the_configured_clocks_and_take_days() {
    let day = Day::imported().await;
    day.say(&["once", "--patience", "1"]).await.ends(0);
    let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    assert!(told.contains("\ntimes: Europe/Copenhagen\n"), "{told}");
    let utc = |text: &str| text.match_indices('Z').any(|(at, _)| text[..at].ends_with(|c: char| c.is_ascii_digit()));
    assert!(!utc(&told) && (told.contains("+01:00") || told.contains("+02:00")), "{told}");
    day.say(&["lock", "KETTLE", "--why", "x", "--until", "7d"]).await.ends(0);
    for other in [&["competitor", "list"][..], &["price", "list"]] {
        let listed = day.say(other).await.ends(0).out;
        assert!(!utc(&listed) && (listed.contains("+01:00") || listed.contains("+02:00")), "{listed}");
    }
    let zone = jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap();
    let today = Clock::System.now().timestamp().to_zoned(zone).date();
    let at = async |at: String| day.say(&["explain", "KETTLE", "--at", &at]).await;
    assert!(at(today.to_string()).await.ends(0).out.contains("499.00 DKK at 20"));
    let early = at(today.yesterday().unwrap().to_string()).await.ends(2);
    assert!(early.err.contains("was imported at"), "{early:?}");
    let future = at(today.tomorrow().unwrap().to_string()).await.ends(2);
    assert!(future.err.contains("has not come yet") && !utc(&future.err), "{future:?}");
    assert!(!utc(&early.err), "one clock in one sentence: {early:?}");
    let night = at(format!("{}T00:30", today.tomorrow().unwrap())).await.ends(2);
    assert!(night.err.contains(&format!("--at {}T00:30:00+0", today.tomorrow().unwrap())), "{night:?}");
    let odd = at("last week".to_owned()).await.ends(2);
    assert!(odd.err.contains("neither a day nor an instant\nhint: 2026-11-20"), "{odd:?}");
}

#[tokio::test]
async fn names_in_rules_that_nothing_has_are_told_with_the_nearest_one() {
    let day = Day::imported().await;
    day.write("named.csv", "sku,title,price,cost,brand,category,tags\nPOT,Pot,99.00,20.00,Acme,kitchen/pots,winter\n");
    day.say(&["import", "named.csv"]).await.ends(0);
    let rules = std::fs::read_to_string(day.folder.path().join("rules.toml")).unwrap();
    let right = "\n[[rule]]\nid = \"right\"\npriority = 300\ntarget = { kind = \"competitor\", names = [\"near.example\"] }\n\
                 select = { brand = [\"Acme\"], sku = [\"POT\"], category_under = [\"kitchen\"], tags_any = [\"winter\"] }\n";
    day.write("rules.toml", &format!("{rules}{right}"));
    let fine = day.say(&["config", "check"]).await.ends(0);
    assert!(!fine.err.contains("warning"), "{fine:?}");
    let wrong = right.replace("near.example", "naer.example").replace("Acme", "Acmee").replace("POT", "POTT");
    let wrong = wrong.replace("kitchen", "kichen").replace("winter", "wintr");
    day.write("rules.toml", &format!("{rules}{wrong}"));
    let said = day.say(&["config", "check"]).await.ends(0).err;
    let checked = day.say(&["check", "--offline"]).await.ends(0).out;
    for expected in [
        "rule right: select.brand: no product has the brand `Acmee`; did you mean `Acme`?",
        "select.sku: no product is `POTT`; did you mean `POT`?",
        "select.category_under: no product is in category `kichen`; did you mean `kitchen`?",
        "select.tags_any: no product has the tag `wintr`; did you mean `winter`?",
        "target.names: no product has a page of `naer.example`; did you mean `near.example`?",
    ] {
        assert!(said.contains(expected) && checked.contains(expected), "{expected}: {said}\n{checked}");
    }
    day.write("wrong.toml", &format!("{rules}{wrong}"));
    day.write("rules.toml", &rules);
    let tried = day.say(&["simulate", "--rules", "wrong.toml"]).await.ends(0);
    assert!(tried.err.contains("did you mean `near.example`?"), "{tried:?}");
    day.write("rules.toml", &rules.replace("country = \"DK\"", "country = \"dk\""));
    let said = day.say(&["config", "check"]).await.ends(2);
    assert!(said.err.contains("market DK: country: `dk` is no country\n  hint: did you mean DK?"), "{said:?}");
}

#[tokio::test]
async fn mistyped_names_in_commands_are_told_with_the_nearest_one() {
    let day = Day::imported().await;
    for (args, code, meant) in [
        (&["explain", "KETLE"][..], 1, "did you mean `KETTLE`?"),
        (&["lock", "kettle", "--why", "x"], 1, "did you mean `KETTLE`?"),
        (&["report", "--chart", "KETTEL"], 1, "did you mean `KETTLE`?"),
        (&["competitor", "retry", "naer.example"], 1, "did you mean `near.example`?"),
        (&["channel", "test", "fed"], 1, "did you mean `feed`?"),
        (&["rollback", "--to", "1h", "--channel", "Feed", "--why", "x"], 1, "did you mean `feed`?"),
        (&["review", "--rule", "match-cheapst"], 2, "did you mean `match-cheapest`?"),
        (&["review", "--category", "audio"], 2, "no product is in category `audio`"),
        (&["approve", "--all", "--rule", "nothing", "--why", "x"], 2, "the rules have match-cheapest"),
    ] {
        let said = day.say(args).await.ends(code);
        assert!(said.err.contains(meant) && said.err.contains("hint: ") && said.out.is_empty(), "{args:?}: {said:?}");
    }
    let none = day.say(&["review", "--rule", "match-cheapest"]).await.ends(0);
    assert!(none.out.contains("nothing of that waits"), "{none:?}");
}

#[tokio::test]
async fn a_second_pause_keeps_the_first_ones_reason_and_owner() {
    let day = Day::imported().await;
    day.say(&["pause", "--why", "stocktaking", "--actor", "ann"]).await.ends(0);
    let again = day.say(&["pause", "--why", "lunch", "--actor", "bo"]).await.ends(0);
    assert!(again.out.contains("paused already") && again.out.contains("by ann: stocktaking"), "{again:?}");
    let data = day.say(&["pause", "--why", "lunch", "--json"]).await.ends(0).json();
    assert_eq!((&data["already"], &data["by"]), (&true.into(), &"ann".into()), "{data}");
    assert!(day.say(&["check", "--offline"]).await.ends(3).out.contains("by ann: stocktaking"));
    day.say(&["resume", "--why", "done"]).await.ends(0);
    let anew = day.say(&["pause", "--why", "lunch", "--actor", "bo"]).await.ends(0);
    assert!(anew.out.contains("pushes stop within seconds"), "{anew:?}");
}

#[tokio::test]
async fn a_number_to_roll_back_to_is_told_as_a_decision_and_asked_about_where_it_may_be_a_version() {
    let day = Day::imported().await;
    day.write("pot.csv", "sku,title,price,cost\nPOT,Pot,99.00,20.00\n");
    day.say(&["import", "pot.csv"]).await.ends(0);
    // Decision 1 is the pot's; version 1 of the kettle is another one.
    for (sku, amount) in [("POT", "98.00"), ("KETTLE", "489.00"), ("KETTLE", "488.00")] {
        day.say(&["price", "set", sku, amount, "--why", "x", "--until", "7d", "--yes"]).await.ends(0);
        day.say(&["once", "--patience", "1"]).await;
    }
    let whole = day.say(&["rollback", "--to", "1", "--why", "x", "--dry-run"]).await.ends(0);
    assert!(whole.err.contains("1 is read as the number of a decision: that of POT at 20"), "{whole:?}");
    assert!(whole.err.contains("1h or 1d") && whole.out.contains("1 price would go back"), "{whole:?}");
    let both = day.say(&["rollback", "--to", "1", "--sku", "KETTLE", "--why", "x", "--dry-run"]).await.ends(2);
    assert!(both.err.contains("1 may be decision 1 (POT, 20") && both.err.contains("version 1 of KETTLE"), "{both:?}");
    let (_, hint) = both.err.split_once("\nhint: --to ").unwrap();
    let (decision, rest) = hint.split_once(" means the decision, --to ").unwrap();
    let (version, _) = rest.split_once(" the version").unwrap();
    let back = async |to: &str| {
        day.say(&["rollback", "--to", to, "--sku", "KETTLE", "--why", "x", "--dry-run"]).await.ends(0).out
    };
    assert!(back(version).await.contains("KETTLE: 488.00 DKK -> 489.00 DKK"));
    assert!(back(decision).await.contains("KETTLE: 488.00 DKK -> 499.00 DKK"));
    // What `explain` calls the number of the last decision is one.
    let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    assert!(told.contains(", decision 3: "), "{told}");
    let none = day.say(&["rollback", "--to", "77", "--why", "x"]).await.ends(2);
    assert!(none.err.contains("there is no decision 77") && none.err.contains("hint: "), "{none:?}");
}

#[tokio::test]
async fn a_reader_that_closes_its_end_is_no_failure() {
    let day = Day::imported().await;
    for args in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["man"],
        &["config", "default"],
        &["config", "show", "--json"],
        &["channel", "kinds"],
        &["channel", "kinds", "--json"],
        &["explain", "KETTLE"],
        &["report"],
        &["report", "--format", "csv"],
        &["digest", "--preview"],
        &["price-text", "--help"],
    ] {
        let mut child = command(day.folder.path(), args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = timeout(Duration::from_secs(60), child.wait_with_output()).await.expect("it ends").unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success() && !told.contains("panicked") && !told.contains("error"), "{args:?}: {told}");
    }
}

#[tokio::test]
async fn settings_that_cannot_hold_are_told_with_what_would() {
    let day = Day::begin().await;
    day.init().await.ends(0);
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("Europe/Copenhagen", "Europe/Copenhagn")).unwrap();
    let said = day.say(&["config", "check"]).await.ends(2).err;
    for key in ["report.time_zone", "schedule.time_zone"] {
        let expected = format!("{key}: `Europe/Copenhagn` is not a time zone that is known here");
        assert!(said.contains(&expected), "{said}");
    }
    assert_eq!(said.matches("hint: did you mean \"Europe/Copenhagen\"?").count(), 2, "{said}");
    assert!(!said.contains("five fields"), "{said}");
    let vat = "\n[vat]\nrates = [{ country = \"dk\", class = \"books\", from = \"2026-07-01\", percent = \"0\" }]\n\
               [vat.on_change_in]\n\"EL/food\" = \"pass_through\"\n";
    std::fs::write(&file, format!("{text}{vat}")).unwrap();
    let said = day.say(&["config", "check"]).await.ends(2).err;
    assert!(said.contains("`dk` is no country") && said.contains("did you mean DK?"), "{said}");
    assert!(said.contains("`EL/food` is neither a country") && said.contains("did you mean GR?"), "{said}");
    for (hold, code) in [("59m", 2), ("1h", 0), ("72h", 0), ("31d", 2)] {
        std::fs::write(&file, format!("{text}\n[guards.rivalry]\nhold = \"{hold}\"\n")).unwrap();
        let said = day.say(&["config", "check"]).await.ends(code);
        assert_eq!(said.err.contains("guards.rivalry.hold"), code == 2, "{said:?}");
    }
}

#[tokio::test]
async fn a_chart_of_a_new_shop_says_from_when_there_is_something_to_see() {
    let day = Day::imported().await;
    let before = day.say(&["report", "--chart", "index"]).await.ends(1);
    assert!(before.err.contains("there is nothing to draw yet\nhint: omniprice once"), "{before:?}");
    day.say(&["once", "--patience", "1"]).await.ends(0);
    for what in ["index", "KETTLE"] {
        let said = day.say(&["report", "--chart", what]).await.ends(1);
        let expected =
            "there are too few points for a chart of 7 days yet\nhint: the same command shows something from 20";
        assert!(said.err.contains(expected) && said.out.is_empty(), "{what}: {said:?}");
    }
}

#[tokio::test]
async fn a_channel_that_stopped_names_the_command_that_lets_it_go_on() {
    let day = Day::imported().await;
    auto(&day);
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let drop = "\n[channels.tills]\nkind = \"file\"\nfolder = \"drop/prices\"\nformat = \"csv\"\nacknowledged = false\ncurrency = \"DKK\"\ntax = \"gross\"\n";
    std::fs::write(&file, text + drop).unwrap();
    day.near.show("KETTLE", price(48_900));
    day.say(&["once", "--now", "--patience", "3"]).await;
    let listed = day.say(&["channel", "list"]).await.ends(3).out;
    assert!(listed.contains("tills (file) refused since") && listed.contains("there is no folder"), "{listed}");
    std::fs::create_dir_all(day.folder.path().join("drop/prices")).unwrap();
    let tested = day.say(&["channel", "test", "tills"]).await.ends(0).out;
    let checked = day.say(&["check", "--offline"]).await.ends(3).out;
    for told in [&listed, &tested, &checked] {
        assert!(told.contains("omniprice channel resume tills --why \"...\""), "{told}");
    }
    run(&day, &typed(&listed, "omniprice channel resume tills")).await.ends(0);
    day.say(&["once", "--patience", "3"]).await;
    assert!(std::fs::read_dir(day.folder.path().join("drop/prices")).unwrap().count() > 0, "prices were dropped");
}
