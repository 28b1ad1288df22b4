//! An older copy of the database comes back, and channels that order prices by number take ours again.

use super::Day;
use super::second_day::auto;

fn feed(day: &Day) -> String {
    std::fs::read_to_string(day.folder.path().join("feeds/products.xml")).unwrap()
}

async fn sell_at(day: &Day, amount: &str) {
    day.say(&["price", "set", "KETTLE", amount, "--until", "7d", "--why", "window", "--owner", "ann", "--yes"]).await;
    day.say(&["once", "--patience", "20"]).await;
    assert!(feed(day).contains(&format!("{amount} DKK")), "{amount}: {}", feed(day));
}

#[tokio::test]
async fn a_feed_takes_our_price_again_after_an_older_copy_is_restored() {
    let day = Day::imported().await;
    auto(&day);
    day.say(&["once", "--patience", "1"]).await.ends(0);
    sell_at(&day, "469.00").await;
    day.say(&["backup", "monday.db"]).await.ends(0);
    for amount in ["468.00", "467.00", "466.00"] {
        sell_at(&day, amount).await;
    }
    let database = day.folder.path().join("omniprice.db");
    for end in ["", "-wal", "-shm"] {
        _ = std::fs::remove_file(format!("{}{end}", database.display()));
    }
    std::fs::copy(day.folder.path().join("monday.db"), &database).unwrap();
    let looked = day.say(&["verify", "--dry-run"]).await.ends(3);
    assert!(looked.out.contains("shows 466.00 DKK, proved 469.00 DKK"), "{looked:?}");
    let put = day.say(&["verify", "--reassert"]).await;
    assert!(put.out.contains("omniprice resume"), "{put:?}");
    day.say(&["resume", "--restored", "soon", "--why", "compared"]).await.ends(2);
    let resumed = day.say(&["resume", "--why", "compared"]).await.ends(0);
    assert!(resumed.err.contains("restored from a backup"), "{resumed:?}");
    day.say(&["once", "--patience", "1"]).await;
    assert!(feed(&day).contains("469.00 DKK"), "{}", feed(&day));
    day.say(&["verify", "--dry-run"]).await.ends(0);
    // What comes after is newer still, and nothing is raised twice.
    sell_at(&day, "465.00").await;
    day.say(&["pause", "--why", "tea"]).await.ends(0);
    let again = day.say(&["resume", "--why", "tea"]).await.ends(0);
    assert!(!again.err.contains("restored"), "{again:?}");
}
