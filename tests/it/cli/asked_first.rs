//! What a command says before somebody relies on it: which answer it will need, and what is missing.

use super::Day;
use super::second_day::auto;

#[tokio::test]
async fn a_dry_run_of_a_rollback_says_that_it_will_need_a_yes() {
    let day = Day::imported().await;
    auto(&day);
    for amount in ["489.00", "485.00"] {
        day.say(&["price", "set", "KETTLE", amount, "--why", "x", "--until", "7d", "--yes"]).await.ends(0);
        day.say(&["once", "--patience", "1"]).await;
    }
    let tried = day.say(&["rollback", "--to", "1", "--why", "x", "--dry-run"]).await.ends(0);
    assert!(tried.out.contains("1 price that people or campaigns set would be put aside"), "{tried:?}");
    assert!(tried.out.contains("--yes"), "{tried:?}");
    day.say(&["rollback", "--to", "1", "--why", "x"]).await.ends(2);
    let done = day.say(&["rollback", "--to", "1", "--why", "x", "--yes"]).await.ends(0);
    assert!(!done.out.contains("--dry-run"), "{done:?}");
}

#[tokio::test]
async fn a_channel_in_another_currency_says_that_it_lacks_rates() {
    let day = Day::imported().await;
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("currency = \"DKK\""), "{text}");
    let plain = day.say(&["check", "--offline"]).await;
    assert!(!plain.out.contains("no rate"), "{plain:?}");
    std::fs::write(&file, text.replace("currency = \"DKK\"", "currency = \"EUR\"")).unwrap();
    let told = "no exchange rate of DKK is stored, so that none goes out; omniprice fx fetch";
    let checked = day.say(&["check", "--offline"]).await.ends(3);
    assert!(checked.out.contains("there is no rate, so nothing goes out"), "{checked:?}");
    let tested = day.say(&["channel", "test", "feed"]).await.ends(3);
    assert!(tested.out.contains(told), "{tested:?}");
    day.write("rates.xml", "<Cube><Cube time='2026-11-20'><Cube currency='DKK' rate='7.4600'/></Cube></Cube>");
    day.say(&["fx", "import", "rates.xml"]).await.ends(0);
    assert!(!day.say(&["check", "--offline"]).await.out.contains("there is no rate"));
    assert!(!day.say(&["channel", "test", "feed"]).await.out.contains("no exchange rate"));
}

#[tokio::test]
async fn lists_end_after_their_last_row_and_an_hour_may_be_23() {
    let day = Day::imported().await;
    let list = day.say(&["report", "--format", "csv", "--list", "products"]).await.ends(0);
    assert!(list.out.ends_with("\r\n") && !list.out.ends_with("\r\n\n"), "{:?}", list.out);
    let late = day.say(&["subscription", "set", "ann@shop.example", "digest=0 24 * * *"]).await;
    assert!(late.code != 0 && late.err.contains("at most 23") && !late.err.contains("less than"), "{late:?}");
    // A product of an earlier file that has no floor is not this file's.
    day.write("pan.csv", "sku,title,price,cost\nPAN,Pan,59.00,\n");
    let pan = day.say(&["import", "pan.csv"]).await.ends(0);
    assert!(pan.out.contains("with neither cost nor min, so watched and never priced or sent: 1 product"), "{pan:?}");
    day.write("pot.csv", "sku,title,price,cost\nPOT,Pot,99.00,20.00\n");
    let pot = day.say(&["import", "pot.csv"]).await.ends(0);
    assert!(!pot.out.contains("with neither cost nor min"), "{pot:?}");
}
