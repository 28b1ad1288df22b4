//! Proposals settled many at a time, sales of products that nobody knows, and days in place of instants.

use serde_json::Value;

use super::{Day, Said};

/// Three products that wait for a person: two of one rule in one category, one of another.
async fn waiting() -> Day {
    let day = Day::begin().await;
    day.init().await.ends(0);
    let plus = |id: &str, select: &str, priority: u16| {
        format!(
            "[[rule]]\nid = \"{id}\"\npriority = {priority}\nmode = \"auto\"\n{select}\
             target = {{ kind = \"cost_plus\", markup_pct = \"52\" }}\n"
        )
    };
    let rules = std::fs::read_to_string(day.folder.path().join("rules.toml")).unwrap();
    let (market, _) = rules.split_once("[[rule]]").unwrap();
    let audio = plus("audio", "select = { category_under = \"audio\" }\n", 900);
    day.write("rules.toml", &format!("{market}{audio}{}", plus("rest", "", 800)));
    day.write(
        "products.csv",
        "sku,title,price,cost,category\nCD,Disc,200.00,100.00,audio/discs\nLP,Record,200.00,100.00,audio\nPOT,Pot,200.00,100.00,audiobooks\n",
    );
    day.say(&["import", "products.csv"]).await.ends(0);
    day.say(&["once", "--patience", "1"]).await;
    day
}

fn skus(said: Said) -> Vec<String> {
    let listed = said.ends(0).json();
    let mut skus: Vec<String> =
        listed.as_array().unwrap().iter().map(|review| review["sku"].as_str().unwrap().to_owned()).collect();
    skus.sort_unstable();
    skus
}

#[tokio::test]
async fn proposals_are_settled_by_category_by_rule_and_all_at_once() {
    let day = waiting().await;
    assert_eq!(skus(day.say(&["review", "--json"]).await), ["CD", "LP", "POT"]);
    assert_eq!(skus(day.say(&["review", "--json", "--category", "audio"]).await), ["CD", "LP"]);
    assert_eq!(skus(day.say(&["review", "--json", "--rule", "rest"]).await), ["POT"]);
    day.say(&["approve", "--why", "x"]).await.ends(2);
    day.say(&["approve", "1", "--all", "--why", "x"]).await.ends(2);
    let alone = day.say(&["approve", "1", "--rule", "rest", "--why", "x"]).await.ends(2);
    assert!(alone.err.contains("--all"), "{alone:?}");
    let nobody = day.say(&["approve", "--all", "--category", "video", "--why", "x"]).await.ends(2);
    assert!(nobody.err.contains("no product is in category `video`") && nobody.err.contains("hint: "), "{nobody:?}");
    let discs = day.say(&["approve", "--all", "--category", "audio/discs", "--why", "checked"]).await.ends(0);
    assert!(discs.out.contains("CD 200.00 DKK -> 190.00 DKK"), "{discs:?}");
    assert_eq!(skus(day.say(&["review", "--json"]).await), ["LP", "POT"]);
    let rest = day.say(&["reject", "--all", "--rule", "rest", "--why", "no", "--json"]).await.ends(0).json();
    assert_eq!((rest["done"].as_array().unwrap().len(), &rest["refused"]), (1, &Value::from(0)));
    day.say(&["approve", "--all", "--why", "the others too"]).await.ends(0);
    assert_eq!(skus(day.say(&["review", "--json"]).await), Vec::<String>::new());
    let nothing = day.say(&["approve", "--all", "--category", "audio", "--why", "x"]).await.ends(1);
    assert!(nothing.err.contains("nothing of that waits") && nothing.err.contains("hint: "), "{nothing:?}");
}

#[tokio::test]
async fn a_day_is_the_whole_day_of_the_market() {
    let day = Day::imported().await;
    let set = ["price", "set", "KETTLE", "489.00", "--why", "press", "--until", "2030-01-15", "--json"];
    let until = day.say(&set).await.ends(0).json()["until"].as_i64().unwrap();
    // Midnight in Copenhagen is eleven in the evening before.
    assert_eq!(until, 1_894_748_400_000, "2030-01-15T23:00:00Z");
    let locked = day.say(&["lock", "KETTLE", "--why", "x", "--until", "2030-01-15", "--json"]).await.ends(0).json();
    assert_eq!(locked["until"], until);
    let over = day.say(&["lock", "KETTLE", "--why", "x", "--until", "2020-01-15"]).await.ends(2);
    assert!(over.err.contains("over already"), "{over:?}");
    let help = day.say(&["price", "set", "--help"]).await.ends(0);
    assert!(help.out.contains("a day (its end in the market's zone)"), "{help:?}");
    day.say(&["simulate", "--until", "2026-11-30"]).await.ends(0);
    let wrong = day.say(&["simulate", "--until", "yesterday"]).await.ends(2);
    assert!(wrong.err.contains("neither a day nor an instant"), "{wrong:?}");
    let back = day.say(&["rollback", "--to", "2020-01-01", "--why", "x", "--dry-run"]).await;
    assert!(!back.err.contains("neither"), "{back:?}");
}

#[tokio::test]
async fn sales_of_products_that_nobody_knows_are_told() {
    let day = Day::imported().await;
    day.write("sales.csv", "sku,day,units\nKETTLE,2026-11-21,3\nKETTEL,2026-11-21,3\nPAN,2026-11-21,1\n");
    let told = day.say(&["report", "--sales", "sales.csv", "--json"]).await.ends(0);
    assert!(told.err.contains("2 of 3 SKUs are no products here") && told.err.contains("KETTEL, PAN"), "{told:?}");
    told.json();
    day.write("sales.csv", "sku,day,units\nKETTLE,2026-11-21,3\n");
    let told = day.say(&["report", "--sales", "sales.csv", "--format", "csv", "--list", "figures"]).await.ends(0);
    assert!(!told.err.contains("SKUs are no products"), "{told:?}");
    assert!(told.out.contains(",%\r\n") && !told.out.contains("'%"), "a unit is no formula: {told:?}");
    let none = day.say(&["report", "--chart", "elasticity", "--sales", "sales.csv"]).await.ends(1);
    assert!(none.err.contains("7 days cannot hold") && none.err.contains("hint: --days 60"), "{none:?}");
}

/// Markets and competitors of a file that is tried count as its rules do, not those in force.
#[tokio::test]
async fn the_whole_of_a_tried_rule_file_is_simulated() {
    let day = Day::imported().await;
    day.write("rules.toml", crate::harness::RULES);
    day.near.show("KETTLE", crate::harness::price(48_990));
    day.say(&["once", "--now", "--patience", "1"]).await;
    let goes_to = async |text: &str| {
        day.write("tried.toml", text);
        let told = day.say(&["simulate", "--since", "1d", "--no-guards", "--rules", "tried.toml", "--json"]).await;
        told.ends(0).json()["largest_change"]["to"]["amount"].as_str().map(str::to_owned)
    };
    assert_eq!(goes_to(crate::harness::RULES).await.as_deref(), Some("489.90"));
    let stepped =
        crate::harness::RULES.replace("currency = \"DKK\"\n", "currency = \"DKK\"\nprice_increment = \"10.00\"\n");
    assert_eq!(goes_to(&stepped).await.as_deref(), Some("480.00"), "the market's step");
    // Near's price with VAT is 612.38, so the other one is the cheapest.
    let net = format!("{}\n[[competitor]]\nid = \"near.example\"\ntax = \"net\"\n", crate::harness::RULES);
    assert_eq!(goes_to(&net).await, None, "499.00 is what we ask already");
    day.write("tried.toml", &crate::harness::RULES.replace("id = \"DK\"", "id = \"SE\""));
    let other = day.say(&["simulate", "--rules", "tried.toml"]).await.ends(1);
    assert!(other.err.contains("KETTLE: market DK is not in the rules\nhint: "), "{other:?}");
}
