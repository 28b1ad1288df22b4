//! What `explain` proves: a row that was changed behind the store's back, a record that was made up, guards that answered
//! otherwise. Each must be told, and what is true must come out equal.

use omniprice::clock::{Clock, Millis};
use omniprice::demo::market::Shown;
use omniprice::flow;
use omniprice::flow::pricing;
use omniprice::store::{decisions, products};
use serde_json::{Value, json};

use crate::command::Said;
use crate::harness::{Engine, Setup, World, database, price};
use crate::intent;
use crate::store_suite::behind_its_back;

/// 2026-10-06, ten in the morning in Copenhagen.
const START: Millis = Millis(1_791_273_600_000);

async fn explain(world: &World, rest: &[&str]) -> Said {
    world.say(&[&["explain", "KETTLE"], rest].concat()).await
}

/// What it says where everything is as it should be.
async fn told(world: &World, rest: &[&str]) -> String {
    explain(world, rest).await.ends(0).out
}

/// The mismatch that it tells, and fails for.
async fn mismatch(world: &World, rest: &[&str]) -> String {
    let text = explain(world, rest).await.ends(1).out;
    let line = text.lines().find(|line| line.starts_with("proof: ")).unwrap();
    line.strip_prefix("proof: MISMATCH: ").unwrap_or_else(|| panic!("{line}")).to_owned()
}

/// A kettle that followed near.example to 479.00 and an hour later to 469.00.
async fn world(setup: Setup) -> World {
    let test = database(Engine::Sqlite).await.unwrap();
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    for minor in [47_900, 46_900] {
        world.app.clock.advance(Millis::HOUR - world.app.now().0 % Millis::MINUTE);
        world.near.show("KETTLE", price(minor));
        world.drive().await;
    }
    world
}

async fn sql(world: &World, text: String) {
    behind_its_back(&world.test, Box::leak(text.into_boxed_str())).await.unwrap();
}

/// Takes the log's own protection away, as somebody with the file can.
async fn unprotected(world: &World) {
    sql(world, "drop trigger decisions_no_update".to_owned()).await;
}

/// Writes a record anew, changed.
async fn forge(world: &World, table: &str, change: impl FnOnce(&mut Value)) {
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let record = match table {
        "decisions" => decisions::latest(&world.app.db, product.id).await.unwrap().unwrap().record,
        _ => decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap().record,
    };
    let mut record: Value = serde_json::from_str(&record).unwrap();
    change(&mut record);
    let text = record.to_string().replace('\'', "''");
    let newest = if table == "decisions" { " where version = (select max(version) from decisions)" } else { "" };
    sql(world, format!("update {table} set record = '{text}'{newest}")).await;
}

#[tokio::test]
async fn a_decision_row_that_was_changed_is_told() {
    let world = world(Setup::default()).await;
    assert!(told(&world, &[]).await.contains("proof: computed again from its record, it comes out equal"));
    unprotected(&world).await;
    sql(&world, "update decisions set actor = 'mallory' where version = 2".to_owned()).await;
    assert_eq!(mismatch(&world, &[]).await, "decision 2 says it was made by mallory, its record rules");
    sql(&world, "update decisions set price_minor = 12300 where version = 2".to_owned()).await;
    let price = "decision 2 says the price is 123.00 DKK, its record 469.00 DKK";
    assert_eq!(mismatch(&world, &[]).await, price);
    assert_eq!(mismatch(&world, &["--at", "2026-10-10"]).await, price, "also where its own record is told");
    for (column, value, said) in [
        ("previous_minor", "1", "the price before was 0.01 DKK, its record 479.00 DKK"),
        ("rule", "'other'", "the rule is other, its record match"),
        ("rule_revision", "null", "the rule revision is none, its record 1"),
    ] {
        sql(&world, "update decisions set price_minor = 46900, actor = 'rules' where version = 2".to_owned()).await;
        let before = told(&world, &["--json"]).await;
        let kept: Value = serde_json::from_str(&before).unwrap();
        assert_eq!(kept["proof"], "equal");
        sql(&world, format!("update decisions set {column} = {value} where version = 2")).await;
        assert_eq!(mismatch(&world, &[]).await, format!("decision 2 says {said}"));
        let back = match column {
            "previous_minor" => "previous_minor = 47900",
            "rule" => "rule = 'match'",
            _ => "rule_revision = 1",
        };
        sql(&world, format!("update decisions set {back} where version = 2")).await;
    }
}

#[tokio::test]
async fn a_made_up_record_is_not_believed_because_it_says_adopted() {
    let world = world(Setup::default()).await;
    forge(&world, "evaluations", |record| {
        record["decision"]["price"]["amount"] = json!("111.00");
        record["release"] = json!(["adopted from webshop"]);
    })
    .await;
    assert!(mismatch(&world, &[]).await.contains("cannot be reproduced from its record"));
    // Nor is the row beside a record that is true.
    let world = self::world(Setup::default()).await;
    sql(&world, "update evaluations set price_minor = 11100".to_owned()).await;
    assert!(mismatch(&world, &[]).await.contains("the newest evaluation says Some(11100), its record Some(46900)"));
}

#[tokio::test]
async fn an_adopted_price_comes_out_equal_also_as_the_first_version_wrote_it() {
    let world = world(Setup { drift: "adopt", ..Setup::default() }).await;
    world.webshop.edit("KETTLE", 47_500);
    let lane = world.app.lane("webshop").unwrap();
    flow::reconcile(&world.app, lane, false).await.unwrap();
    assert_eq!(world.ours("KETTLE").await, 47_500);
    assert!(told(&world, &[]).await.contains("by channel webshop"));
    // The first version had no price beside the engine's, no settings and no actor.
    unprotected(&world).await;
    for table in ["decisions", "evaluations"] {
        forge(&world, table, |record| {
            let adopted = record["carried"].take();
            record["decision"]["price"] = adopted;
            for key in ["carried", "config", "actor", "reference", "guarded"] {
                record.as_object_mut().unwrap().remove(key);
            }
        })
        .await;
    }
    told(&world, &[]).await;
    sql(&world, "update decisions set actor = 'rules' where version = 3".to_owned()).await;
    assert!(mismatch(&world, &[]).await.contains("cannot be reproduced from its record"));
}

#[tokio::test]
async fn the_guards_are_asked_again_with_the_settings_of_then() {
    let world = world(Setup::default()).await;
    let data: Value = serde_json::from_str(&told(&world, &["--json"]).await).unwrap();
    assert_eq!(data["cites"]["settings_values"]["release"]["step_down_pct"], "10", "{}", data["cites"]);
    assert_eq!(data["cites"]["settings_values"]["mode"], "auto");
    assert!(!data["cites"]["settings_values"].to_string().contains("url"), "limits and nothing else");
    assert!(
        told(&world, &["--at", "2026-10-10"])
            .await
            .contains("guards: passed by eligibility, fresh_floor, plausibility")
    );
    // Other settings in force change nothing about what was decided.
    let config = std::fs::read_to_string(&world.config).unwrap();
    std::fs::write(&world.config, config.replace("[release]\n", "[release]\nstep_down_pct = \"1\"\n")).unwrap();
    assert!(told(&world, &["--at", "2026-10-10"]).await.contains("settings revision 1"));
    unprotected(&world).await;
    forge(&world, "decisions", |record| record["guarded"]["inputs"]["paused"] = json!(true)).await;
    assert_eq!(mismatch(&world, &[]).await, "the guards answer otherwise than recorded");
    forge(&world, "decisions", |record| {
        record["guarded"]["release"]["checks"][0]["finding"] = json!("pushing is paused");
    })
    .await;
    assert_eq!(mismatch(&world, &[]).await, "it was released although a guard holds it: pushing is paused");
    forge(&world, "decisions", |record| {
        record.as_object_mut().unwrap().remove("guarded");
    })
    .await;
    assert_eq!(mismatch(&world, &[]).await, "it was released and its record has no answers of the guards");
    sql(
        &world,
        "update config_revisions set body = replace(body, '\"step_down_pct\":\"10\"', '\"step_down_pct\":\"99\"')"
            .to_owned(),
    )
    .await;
    assert_eq!(mismatch(&world, &[]).await, "settings revision 1 is not the one that it cites");
}

#[tokio::test]
async fn an_approval_is_part_of_what_the_guards_were_asked() {
    let world = world(Setup { mode: "review", ..Setup::default() }).await;
    let open = decisions::open_reviews(&world.app.db, 10).await.unwrap();
    pricing::approve(&world.app, open[0].id, "ann", "fine").await.unwrap();
    assert!(told(&world, &[]).await.contains("by ann, decision 1"));
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let row = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    let record: pricing::Record = serde_json::from_str(&row.record).unwrap();
    let approved = record.guarded.unwrap().inputs.approved.unwrap();
    assert_eq!((approved.by.as_str(), approved.price.minor()), ("ann", 46_900));
    unprotected(&world).await;
    forge(&world, "decisions", |record| {
        record["guarded"]["inputs"].as_object_mut().unwrap().remove("approved");
    })
    .await;
    assert_eq!(mismatch(&world, &[]).await, "it was released in mode \"review\" and nobody approved it");
}

#[tokio::test]
async fn what_waited_for_a_person_at_an_instant_is_told_with_what_became_of_it() {
    let world = world(Setup { mode: "review", ..Setup::default() }).await;
    world.app.clock.advance(Millis::HOUR);
    let open = decisions::open_reviews(&world.app.db, 10).await.unwrap();
    let during = told(&world, &["--at", "2026-10-06T10:30Z"]).await;
    assert!(during.contains("proposal 2, 499.00 DKK -> 469.00 DKK, since 2026-10-06T"), "{during}");
    assert!(during.contains("it still waits: omniprice review lists it"), "{during}");
    pricing::approve(&world.app, open[0].id, "ann", "fine").await.unwrap();
    let waited = async |at: &str| {
        let data: Value = serde_json::from_str(&told(&world, &["--at", at, "--json"]).await).unwrap();
        assert_eq!(data["proof"], if data["decision"].is_null() { "nothing was decided yet" } else { "equal" });
        let of = |key: &str| data["waited"][key].as_str().map(str::to_owned);
        (of("to"), of("became"), of("by"))
    };
    let said = |texts: [&str; 2]| texts.map(|text| Some(text.to_owned()));
    let [to, became] = said(["479.00 DKK", "superseded"]);
    assert_eq!(waited("2026-10-06T09:30Z").await, (to, became, None));
    let [to, became] = said(["469.00 DKK", "approved"]);
    assert_eq!(waited("2026-10-06T10:30:00+00:00").await, (to, became, Some("ann".to_owned())));
    assert_eq!(waited("2026-10-06T12:30Z").await, (None, None, None), "it was settled by then");
    assert!(told(&world, &["--at", "2026-10-06T10:30Z"]).await.contains("approved by ann at 2026-10-06T"));
}

#[tokio::test]
async fn a_price_that_needed_two_persons_and_had_one_is_told() {
    let config =
        "[release]\noff = [\"quorum\", \"staging\", \"dead_band\", \"velocity\"]\nsecond_person_above_pct = \"3\"\n";
    let world = world(Setup { mode: "review", config, ..Setup::default() }).await;
    let open = decisions::open_reviews(&world.app.db, 10).await.unwrap();
    for person in ["ann", "bob"] {
        pricing::approve(&world.app, open[0].id, person, "fine").await.unwrap();
    }
    assert!(told(&world, &[]).await.contains("it comes out equal"));
    unprotected(&world).await;
    let one = |record: &mut Value| {
        record["guarded"]["inputs"]["approved"].as_object_mut().unwrap().remove("first");
    };
    forge(&world, "decisions", one).await;
    assert_eq!(mismatch(&world, &[]).await, "the guards answer otherwise than recorded");
    let finding = "a change of -6.01 % needs two persons' consent";
    forge(&world, "decisions", |record| {
        let checks = record["guarded"]["release"]["checks"].as_array_mut().unwrap();
        let second = checks.iter_mut().find(|check| check["guard"] == "second_person").unwrap();
        second["finding"] = json!(finding);
    })
    .await;
    assert_eq!(mismatch(&world, &[]).await, format!("it was released although a guard holds it: {finding}"));
}

#[tokio::test]
async fn a_channel_is_told_as_it_was_at_the_instant_that_is_asked_about() {
    let world = world(Setup::default()).await;
    let at = ["--at", "2026-10-06T09:30:00Z", "--channel", "webshop"];
    let text = told(&world, &at).await;
    assert!(text.contains("webshop: asked 479.00 DKK (read back), since 2026-10-06T"), "{text}");
    assert!(text.contains("    now: verified since 2026-10-06T") && text.contains("live 469.00 DKK"), "{text}");
    let data: Value = serde_json::from_str(&told(&world, &[&at[..], &["--json"]].concat()).await).unwrap();
    assert_eq!(data["channels"][0]["then"]["price"], "479.00 DKK");
    assert_eq!(data["channels"][0]["then"]["basis"], "verified");
    let now: Value = serde_json::from_str(&told(&world, &["--json"]).await).unwrap();
    assert!(now["channels"][0]["then"].is_null(), "{now}");
}

#[tokio::test]
async fn the_end_of_a_campaign_in_review_mode_comes_out_equal_although_nobody_approved_it() {
    let test = database(Engine::Sqlite).await.unwrap();
    let world = intent::world(test, Setup { mode: "review", ..Setup::default() }).await;
    intent::add(&world, 0, Millis::DAY, "cart_grace_min = 0").await;
    world.settle().await;
    world.app.clock.advance(Millis::DAY);
    intent::turns(&world).await;
    intent::turns(&world).await;
    assert_eq!(world.ours("KETTLE").await, 49_900);
    let text = told(&world, &[]).await;
    assert!(text.contains("computed again from its record, it comes out equal"), "{text}");

    // The same price by the rules alone is one that somebody should have approved.
    unprotected(&world).await;
    for table in ["decisions", "evaluations"] {
        forge(&world, table, |record| record["actor"] = json!(pricing::RULES)).await;
    }
    let row = format!(
        "update decisions set actor = '{}' where version = (select max(version) from decisions)",
        pricing::RULES
    );
    sql(&world, row).await;
    assert_eq!(mismatch(&world, &[]).await, "it was released in mode \"review\" and nobody approved it");
}

#[tokio::test]
async fn the_reason_names_the_competitor_that_counted() {
    let test = database(Engine::Sqlite).await.unwrap();
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.near.show("KETTLE", Shown::Price { minor: 47_900, in_stock: false });
    world.far.show("KETTLE", price(47_900));
    world.drive().await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let why = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap().why;
    assert!(why.contains("reference 479 (far.example)"), "near.example has none left: {why}");
}
