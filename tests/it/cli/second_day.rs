//! What happens after the first day: new products, imports of a few columns, a change of mode, looks back.

use omniprice::clock::{Clock, Millis};
use serde_json::Value;

use super::Day;
use crate::harness::price;

/// The next whole second: instants are written without their milliseconds.
async fn next_second() -> String {
    tokio::time::sleep(std::time::Duration::from_millis(1_001)).await;
    Clock::System.now().to_string()
}

pub(super) fn auto(day: &Day) {
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("mode = \"review\""), "{text}");
    std::fs::write(&file, text.replacen("mode = \"review\"", "mode = \"auto\"", 1)).unwrap();
}

async fn channels(day: &Day, sku: &str) -> Vec<Value> {
    let told = day.say(&["explain", sku, "--json"]).await.ends(0).json();
    told["channels"].as_array().unwrap().clone()
}

#[tokio::test]
async fn products_that_come_later_reach_the_channels_at_the_next_pass() {
    let day = Day::imported().await;
    day.say(&["once", "--patience", "1"]).await.ends(0);
    assert_eq!(channels(&day, "KETTLE").await.len(), 1);
    day.write("more.csv", "sku,title,price,cost\nPOT,Pot,99.00,20.00\n");
    day.say(&["import", "more.csv"]).await.ends(0);
    day.say(&["once", "--patience", "1"]).await.ends(0);
    assert_eq!(channels(&day, "POT").await.len(), 1, "it has a listing");
}

#[tokio::test]
async fn an_import_of_a_few_columns_leaves_the_others_alone() {
    let day = Day::imported().await;
    day.write(
        "whole.csv",
        "sku,title,price,cost,brand,category,stock\nPOT,Pot,99.00,20.00,Acme,kitchen/pots,7\nPAN,Pan,59.00,,Acme,kitchen,\n",
    );
    let told = day.say(&["import", "whole.csv"]).await.ends(0);
    assert!(
        told.out.contains("with neither cost nor min, so watched and never priced or sent: 1 product\n"),
        "{told:?}"
    );
    day.write("costs.csv", "sku,price,cost\nPOT,99.00,22.00\n");
    day.say(&["import", "costs.csv"]).await.ends(0);
    assert_eq!(day.say(&["explain", "POT", "--json"]).await.ends(0).json()["title"], "Pot");
    // A category that no product is in is refused.
    day.say(&["simulate", "--category", "kitchen/pots"]).await.ends(0);
    // A column that is there and empty still empties.
    day.write("brands.csv", "sku,price,category\nPOT,99.00,\n");
    day.say(&["import", "brands.csv"]).await.ends(0);
    day.say(&["simulate", "--category", "kitchen/pots"]).await.ends(2);
}

#[tokio::test]
async fn what_was_turned_down_stays_down_when_prices_go_out_by_themselves() {
    let day = Day::imported().await;
    day.say(&["once", "--patience", "1"]).await.ends(0);
    day.near.show("KETTLE", price(48_900));
    day.say(&["once", "--now", "--patience", "1"]).await.ends(3);
    let open = day.say(&["review", "--json"]).await.ends(0).json();
    let id = open[0]["id"].to_string();
    let said = day.say(&["reject", &id, "--why", "another kettle", "--actor", "ann"]).await.ends(0);
    assert!(said.out.contains("KETTLE 499.00 DKK -> 489.00 DKK"), "{said:?}");
    auto(&day);
    day.say(&["once", "--patience", "1"]).await;
    let told = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert_eq!((&told["price"], &told["outcome"]), (&"499.00 DKK".into(), &"hold".into()), "{told}");
    assert!(told["why"].as_str().unwrap().contains("turned down by ann: another kettle"), "{told}");
    // Another price is another question.
    day.near.show("KETTLE", price(47_900));
    day.say(&["once", "--now", "--patience", "1"]).await;
    let told = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert!(!told["why"].as_str().unwrap().contains("turned down"), "{told}");
}

#[tokio::test]
async fn a_product_without_cost_is_watched_and_alarms_nobody() {
    let day = Day::imported().await;
    day.write("iron.csv", "sku,title,price\nIRON,Iron,199.00\n");
    day.say(&["import", "iron.csv"]).await.ends(0);
    auto(&day);
    day.say(&["once", "--patience", "2"]).await;
    let open = day.say(&["alert", "list", "--json"]).await.ends(0).json();
    assert_eq!(open["open"], Value::Array(vec![]), "{open}");
    let iron = channels(&day, "IRON").await;
    assert!(iron.iter().all(|channel| channel["state"] == "idle"), "{iron:?}");
    let kettle = channels(&day, "KETTLE").await;
    assert!(kettle.iter().any(|channel| channel["live"] == "499.00 DKK"), "{kettle:?}");
}

#[tokio::test]
async fn a_look_back_says_what_held_then_and_nothing_of_what_was_not_known() {
    // A time to the second is the whole of it: what follows belongs to another one.
    let before = next_second().await;
    next_second().await;
    let day = Day::imported().await;
    day.say(&["once", "--patience", "1"]).await.ends(0);
    let first = next_second().await;
    next_second().await;
    day.near.show("KETTLE", price(48_900));
    day.say(&["once", "--now", "--patience", "1"]).await.ends(3);
    let id = day.say(&["review", "--json"]).await.ends(0).json()[0]["id"].to_string();
    day.say(&["approve", &id, "--why", "ok"]).await.ends(0);
    let at = async |at: &str| day.say(&["explain", "KETTLE", "--at", at, "--json"]).await;
    let then = at(&first).await.ends(0).json();
    assert_eq!((&then["price"], &then["version"]), (&"499.00 DKK".into(), &0.into()), "{then}");
    let after = at(&next_second().await).await.ends(0).json();
    assert_eq!((&after["price"], &after["version"]), (&"489.00 DKK".into(), &1.into()), "{after}");
    let early = at(&before).await.ends(2);
    assert!(early.err.contains("KETTLE was imported at"), "{early:?}");
    let future = at(&Clock::System.now().plus(Millis::DAY).to_string()).await.ends(2);
    assert!(future.err.contains("has not come yet"), "{future:?}");
}

#[tokio::test]
async fn wishes_that_would_silence_a_person_are_refused() {
    let day = Day::imported().await;
    let set = async |wish: &str| day.say(&["subscription", "set", "ann@shop.example", wish]).await;
    for (wish, what) in
        [("kinds=held_at_dor", "no kind of event `held_at_dor`"), ("channels=webshop", "no channel `webshop`")]
    {
        let said = set(wish).await.ends(1);
        assert!(said.err.contains(what) && said.err.contains("\nhint: "), "{said:?}");
    }
    set("kinds=held_at_door,channel_late").await.ends(0);
    set("channels=feed").await.ends(0);
    // A category may get its products later.
    let said = set("categories=homee").await.ends(0);
    assert!(said.err.contains("no product is in `homee`"), "{said:?}");
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "\n[[report.people]]\nmail = \"bo@shop.example\"\nkinds = [\"noise\"]\n").unwrap();
    let checked = day.say(&["check", "--offline"]).await.ends(3);
    assert!(
        checked.out.contains("BAD  person bo@shop.example: kinds: there is no kind of event `noise`"),
        "{checked:?}"
    );
}

#[tokio::test]
async fn a_campaign_says_whose_price_it_waits_for() {
    let day = Day::imported().await;
    day.say(&["price", "set", "KETTLE", "469.00", "--until", "2030-01-02", "--why", "window", "--owner", "ann"])
        .await
        .ends(0);
    day.write(
        "campaign.toml",
        "id = \"days\"\nfrom = 2030-01-01T00:00:00+01:00\nuntil = 2030-01-08T00:00:00+01:00\nannounce = true\nowner = \"bo\"\nwhy = \"x\"\n\
         [[item]]\nsku = \"KETTLE\"\npercent = \"10\"\n",
    );
    let said = day.say(&["campaign", "add", "campaign.toml"]).await.ends(0);
    assert!(said.err.contains("KETTLE: ann has set 469.00 DKK until"), "{said:?}");
    let shown = day.say(&["campaign", "show", "days"]).await.ends(0);
    assert!(shown.out.contains("note: KETTLE: ann has set 469.00 DKK"), "{shown:?}");
}

#[tokio::test]
async fn a_restored_backup_sends_nothing_before_somebody_has_looked() {
    let day = Day::imported().await;
    auto(&day);
    day.say(&["once", "--patience", "1"]).await.ends(0);
    let bare = day.say(&["check", "--offline"]).await.ends(0);
    assert!(bare.out.contains("omniprice backup FILE"), "{bare:?}");
    // A folder whose name means something in a URL.
    std::fs::create_dir(day.folder.path().join("100% safe?")).unwrap();
    let copy = "100% safe?/monday.db";
    let made = day.say(&["backup", copy, "--json"]).await.ends(0).json();
    assert!(made["bytes"].as_u64().unwrap() > 10_000 && made["place"].as_str().unwrap().ends_with(copy), "{made}");
    day.write("100% safe?/tuesday.db.part", "somebody's");
    day.say(&["backup", "100% safe?/tuesday.db"]).await.ends(0);
    let again = day.say(&["backup", copy]).await.ends(2);
    assert!(again.err.contains("is there already") && again.err.contains("hint:"), "{again:?}");
    let left: Vec<_> = std::fs::read_dir(day.folder.path().join("100% safe?")).unwrap().collect();
    assert_eq!(left.len(), 3, "nothing is taken away, no part is left: {left:?}");
    let told = day.say(&["check", "--offline"]).await.ends(0);
    assert!(told.out.contains("tuesday.db"), "{told:?}");
    let database = day.folder.path().join("omniprice.db");
    for end in ["", "-wal", "-shm"] {
        _ = std::fs::remove_file(format!("{}{end}", database.display()));
    }
    std::fs::copy(day.folder.path().join(copy), &database).unwrap();
    let paused = day.say(&["check", "--offline"]).await.ends(3);
    assert!(paused.out.contains("restored from the backup of"), "{paused:?}");
    day.say(&["price", "set", "KETTLE", "469.00", "--until", "7d", "--why", "window", "--owner", "ann"]).await.ends(0);
    day.say(&["once", "--patience", "1"]).await;
    let waiting = channels(&day, "KETTLE").await.remove(0);
    assert_eq!(waiting["state"], "held", "{waiting}");
    assert!(waiting["reason"].as_str().unwrap().contains("restored from the backup of"), "{waiting}");
    day.say(&["resume", "--why", "compared"]).await.ends(0);
    day.say(&["check", "--offline"]).await.ends(0);
}

#[tokio::test]
async fn a_backup_of_another_tool_is_noted() {
    let day = Day::imported().await;
    let empty = day.say(&["backup", "--made", " "]).await.ends(2);
    assert!(empty.err.contains("--made is empty"), "{empty:?}");
    day.say(&["backup"]).await.ends(2);
    let noted = day.say(&["backup", "--made", "pg_dump to the vault"]).await.ends(0);
    assert!(noted.out.starts_with("noted: backup pg_dump to the vault of 20"), "{noted:?}");
    assert!(day.say(&["check", "--offline"]).await.ends(0).out.contains("pg_dump to the vault"));
}

#[tokio::test]
async fn what_waits_for_its_time_alone_asks_nobody() {
    let day = Day::imported().await;
    auto(&day);
    day.near.show("KETTLE", price(48_900));
    day.say(&["once", "--now", "--patience", "1"]).await;
    day.near.show("KETTLE", price(47_900));
    day.say(&["once", "--now", "--patience", "1"]).await;
    let told = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert!(told["outcome"] == "hold" && told["why"].as_str().unwrap().ends_with("cooldown"), "{told}");
    let digest = day.say(&["digest", "--preview"]).await.ends(0);
    assert!(!digest.out.contains("NEEDS YOU"), "{digest:?}");
    // Without a cost nothing can be decided until somebody enters one.
    day.write("costs.csv", "sku,price,cost\nKETTLE,489.00,\n");
    day.say(&["import", "costs.csv"]).await.ends(0);
    day.say(&["once", "--patience", "1"]).await;
    let digest = day.say(&["digest", "--preview"]).await.ends(0);
    assert!(digest.out.contains("NEEDS YOU"), "{digest:?}");
}

#[tokio::test]
async fn an_import_names_what_will_surprise_somebody() {
    let day = Day::imported().await;
    let rows = "sku,title,price,cost,min,vat\nPOT,Pot,99.00,20.00,120.00,\nBOOK,Book,99.00,20.00,,bokos\n";
    day.write("odd.csv", rows);
    for args in [&["import", "odd.csv", "--dry-run"][..], &["import", "odd.csv"]] {
        let said = day.say(args).await.ends(0);
        assert!(
            said.err.contains(
                "VAT class `bokos`, for which DK has no rate today, so that no price goes out: 1 product, BOOK"
            ),
            "{said:?}"
        );
        assert!(said.err.contains("to which the next decision raises it: 1 product, POT"), "{said:?}");
    }
    let plain = day.say(&["import", "products.csv", "--json"]).await.ends(0).json();
    assert_eq!(plain["notes"], serde_json::json!([]));
}

#[tokio::test]
async fn a_deep_campaign_that_begins_at_once_ends_at_the_rules_price_in_one_step() {
    let day = Day::imported().await;
    auto(&day);
    day.say(&["once", "--patience", "1"]).await.ends(0);
    let (from, until) = (Clock::System.now().to_string(), Clock::System.now().plus(9 * Millis::SECOND).to_string());
    let item = "[[item]]\nsku = \"KETTLE\"\nprice = \"379.00\"\n";
    let head = "id = \"flash\"\ncart_grace_min = 0\nowner = \"bo\"\nwhy = \"x\"\n";
    day.write("campaign.toml", &format!("{head}from = {from}\nuntil = {until}\n{item}"));
    day.say(&["campaign", "add", "campaign.toml"]).await.ends(0);
    let shown = day.say(&["campaign", "show", "flash", "--json"]).await.ends(0).json();
    assert!(shown["campaign"]["windows"].as_str().is_some_and(|text| text.contains("feed")), "{shown}");
    day.say(&["once", "--patience", "1"]).await;
    let price = async || day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert_eq!(price().await["price"], "379.00 DKK");
    // Looked at again while it runs, so that its record knows the price before.
    day.near.show("KETTLE", crate::harness::price(49_800));
    day.say(&["once", "--now", "--patience", "1"]).await;
    let running = price().await;
    let story = running["story"].as_str().unwrap();
    assert!(story.contains("After the campaign: the price goes to 498.00 DKK"), "{story}");
    while Clock::System.now().to_string() <= until {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    day.say(&["once", "--patience", "1"]).await;
    let after = price().await;
    assert_eq!(after["price"], "498.00 DKK", "{} {}", after["outcome"], after["story"]);
}

#[tokio::test]
async fn a_pass_ends_although_pages_come_due_again_meanwhile() {
    let day = Day::imported().await;
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("every = \"6h\""), "{text}");
    std::fs::write(&file, text.replacen("every = \"6h\"", "every = \"1s\"", 1)).unwrap();
    let said = day.say(&["once", "--patience", "2", "--json"]).await.json();
    assert!((2..=8).contains(&said["checked"].as_u64().unwrap()), "{said}");
}

/// What was imported below its cost is sent nowhere before a rule or a person has decided.
#[tokio::test]
async fn a_price_below_the_cost_is_told_and_not_lifted_by_a_channel() {
    let day = Day::imported().await;
    auto(&day);
    day.write("loss.csv", "sku,title,price,cost\nLOSS,Loss,10.00,50.00\n");
    let said = day.say(&["import", "loss.csv"]).await.ends(0);
    assert!(said.err.contains("a price below the purchase cost with VAT: 1 product, LOSS"), "{said:?}");
    day.say(&["once", "--patience", "3"]).await;
    let told = channels(&day, "LOSS").await;
    assert!(told.iter().all(|one| one["desired"].is_null() && one["live"].is_null()), "{told:?}");
    let kettle = channels(&day, "KETTLE").await;
    assert!(kettle.iter().any(|one| !one["live"].is_null()), "{kettle:?}");
}
