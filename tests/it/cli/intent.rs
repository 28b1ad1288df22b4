//! Locks, prices set by hand, campaigns and competitors by command.

use omniprice::clock::{Clock, Millis};
use serde_json::Value;
use sqlx::Connection as _;

use super::Day;

#[tokio::test]
async fn a_lock_and_a_price_set_by_hand_are_listed_and_lifted() {
    let day = Day::imported().await;
    day.say(&["lock", "NOBODY", "--why", "x", "--owner", "ann"]).await.ends(1);
    day.say(&["lock", "KETTLE", "--owner", "ann"]).await.ends(2);
    day.say(&["lock", "KETTLE", "--why", " ", "--owner", "ann"]).await.ends(2);
    let over = day.say(&["lock", "KETTLE", "--why", "x", "--until", "2020-01-01T00:00:00Z"]).await.ends(2);
    assert!(over.out.is_empty() && over.err.contains("over already"), "{over:?}");
    let locked = day.say(&["lock", "KETTLE", "--why", "promised", "--owner", "ann", "--until", "7d", "--json"]).await;
    assert_eq!(locked.ends(0).json()["locked"], serde_json::json!(["KETTLE"]));
    let set = ["price", "set", "KETTLE", "459.00", "--why", "press", "--owner", "bo", "--until", "1d"];
    let told = day.say(&set).await.ends(0);
    assert!(told.out.contains("459.00 DKK is stored for KETTLE until"), "{told:?}");
    assert!(told.out.contains("ann has locked it until") && told.out.contains("omniprice unlock KETTLE"), "{told:?}");
    let listed = day.say(&["price", "list", "--json"]).await.ends(0).json();
    let seen: Vec<_> = listed.as_array().unwrap().iter().map(|one| (&one["kind"], &one["owner"])).collect();
    assert_eq!(seen, [(&Value::from("lock"), &Value::from("ann")), (&Value::from("price"), &Value::from("bo"))]);
    day.say(&["once", "--patience", "1"]).await;
    let explained = day.say(&["explain", "KETTLE"]).await.ends(0);
    assert!(
        explained.out.contains("ann locked it until") && explained.out.contains("bo set 459.00 DKK until"),
        "{explained:?}"
    );
    let unlocked = day.say(&["unlock", "KETTLE", "--why", "over", "--actor", "ann"]).await.ends(0);
    assert!(unlocked.out.contains("KETTLE costs 459.00 DKK, set by bo until"), "{unlocked:?}");
    let again = day.say(&["unlock", "KETTLE", "--why", "over"]).await.ends(0);
    assert!(again.out.is_empty() || !again.out.contains("follows"), "{again:?}");
    assert!(again.err.contains("was not locked"), "{again:?}");
    day.say(&["once", "--patience", "1"]).await;
    let explained = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert_eq!((&explained["price"], &explained["decision"]["actor"]), (&"459.00 DKK".into(), &"bo".into()));
    day.say(&["price", "clear", "KETTLE", "--why", "over"]).await.ends(0);
    assert_eq!(day.say(&["price", "list", "--json"]).await.ends(0).json(), serde_json::json!([]));
}

#[tokio::test]
async fn a_price_below_the_floor_is_refused_and_an_odd_one_is_asked_about() {
    let day = Day::imported().await;
    let set = |amount: &'static str| ["price", "set", "KETTLE", amount, "--why", "press", "--until", "1d"];
    let low = day.say(&set("312.49")).await.ends(1);
    assert!(low.err.contains("312.49 DKK is below the floor 312.50 DKK") && low.err.contains("hint:"), "{low:?}");
    day.say(&set("four")).await.ends(2);
    day.say(&set("449.001")).await.ends(2);
    let slipped = day.say(&set("4990.00")).await.ends(2);
    assert!(slipped.err.contains("--yes"), "{slipped:?}");
    let mut meant = set("4990.00").to_vec();
    meant.push("--yes");
    day.say(&meant).await.ends(0);
}

#[tokio::test]
async fn what_is_set_says_that_channels_keep_what_they_have_while_nothing_goes_out() {
    let day = Day::imported().await;
    let set = ["price", "set", "KETTLE", "459.00", "--why", "press", "--owner", "bo", "--until", "1d"];
    let freely = day.say(&set).await.ends(0);
    assert!(!freely.out.contains("channels keep"), "{freely:?}");
    day.say(&["pause", "--why", "stocktaking", "--actor", "ann"]).await.ends(0);
    let kept = "by ann: channels keep what they have until omniprice resume --why \"...\"";
    day.say(&["lock", "KETTLE", "--why", "promised", "--owner", "ann"]).await.ends(0);
    for paused in [&set[..], &["price", "clear", "KETTLE", "--why", "over"], &["unlock", "KETTLE", "--why", "over"]] {
        let told = day.say(paused).await.ends(0);
        assert!(told.out.contains(kept) || told.out.contains("has locked it"), "{told:?}");
    }
    let follows = day.say(&["price", "clear", "KETTLE", "--why", "over"]).await.ends(0);
    assert!(follows.err.contains("nobody has set a price"), "{follows:?}");
    day.say(&set).await.ends(0);
    let follows = day.say(&["price", "clear", "KETTLE", "--why", "over"]).await.ends(0);
    assert!(follows.out.contains("KETTLE follows rules again\npushes are paused since") && follows.out.contains(kept));
    day.write("campaign.toml", CAMPAIGN);
    day.say(&["campaign", "add", "campaign.toml"]).await.ends(0);
    let cancelled = day.say(&["campaign", "cancel", "kitchen-days", "--why", "over"]).await.ends(0);
    assert!(
        cancelled.out.contains("campaign kitchen-days is cancelled; it had not begun") && cancelled.out.contains(kept),
        "{cancelled:?}"
    );
}

const CAMPAIGN: &str = "id = \"kitchen-days\"\nfrom = 2030-01-01T00:00:00+01:00\nuntil = 2030-01-08T00:00:00+01:00\nannounce = true\nowner = \"ann\"\nwhy = \"x\"\n\
                        [[item]]\nsku = \"KETTLE\"\npercent = \"10\"\n";

#[tokio::test]
async fn a_campaign_is_checked_stored_shown_and_cancelled() {
    let day = Day::imported().await;
    day.say(&["campaign", "add", "nowhere.toml"]).await.ends(1);
    day.write(
        "broken.toml",
        &CAMPAIGN.replace("percent = \"10\"", "percent = \"60\"").replace("KETTLE\"", "KETTLE\"\nchannels = 1"),
    );
    day.say(&["campaign", "add", "broken.toml"]).await.ends(2);
    day.write("low.toml", &CAMPAIGN.replace("\"10\"", "\"60\""));
    let low = day.say(&["campaign", "add", "low.toml"]).await.ends(2);
    let told = "low.toml: line 9, item[0].percent: KETTLE: 199.60 DKK is below the floor 312.50 DKK (its cost 250.00 DKK with VAT;";
    assert!(low.err.contains(told), "{low:?}");
    let within = CAMPAIGN.replace("percent = \"10\"", "price = \"330.00\"").replace("kitchen-days", "within");
    day.write("within.toml", &within);
    let within = day.say(&["campaign", "add", "within.toml", "--dry-run"]).await.ends(0);
    assert!(
        within.err.contains("330.00 DKK is below 347.23 DKK, the floor of rule match-cheapest")
            && within.err.contains("campaigns may go down to 312.50 DKK"),
        "{within:?}"
    );
    day.write("past.toml", &CAMPAIGN.replace("from = 2030", "from = 2024").replace("kitchen-days", "past"));
    let past = day.say(&["campaign", "add", "past.toml"]).await.ends(2);
    assert!(past.err.contains("it began at 2024-01-01T00:00:00+01:00") && past.err.contains("--yes"), "{past:?}");
    day.say(&["campaign", "add", "past.toml", "--dry-run", "--yes"]).await.ends(0);
    day.write("typo.toml", &CAMPAIGN.replace("percent = \"10\"", "percnt = \"10\""));
    let typo = day.say(&["campaign", "add", "typo.toml"]).await.ends(2);
    assert!(typo.err.contains("typo.toml: line 9, item[0].percnt: unknown field"), "{typo:?}");
    day.write("nobody.toml", &CAMPAIGN.replace("KETTLE", "NOBODY"));
    let nobody = day.say(&["campaign", "add", "nobody.toml"]).await.ends(2);
    assert!(nobody.err.contains("line 8, item[0].sku: no product is `NOBODY`"), "{nobody:?}");
    day.write("nearly.toml", &CAMPAIGN.replace("\"KETTLE\"", "[\"KETTLE\", \"KETLE\"]"));
    let nearly = day.say(&["campaign", "add", "nearly.toml"]).await.ends(2);
    assert!(nearly.err.contains("no product is `KETLE`; did you mean `KETTLE`?"), "{nearly:?}");
    day.write("no-brand.toml", &CAMPAIGN.replace("sku = \"KETTLE\"", "brand = \"Nobody\""));
    let nobody = day.say(&["campaign", "add", "no-brand.toml"]).await.ends(2);
    assert!(nobody.err.contains("line 7, item[0]: selects no product"), "{nobody:?}");
    day.write("campaign.toml", CAMPAIGN);
    let tried = day.say(&["campaign", "add", "campaign.toml", "--dry-run", "--json"]).await.ends(0).json();
    assert_eq!((&tried["stored"], &tried["products"]), (&false.into(), &1.into()));
    assert!(day.say(&["campaign", "list"]).await.ends(0).out.contains("no campaigns yet"));
    day.say(&["campaign", "add", "campaign.toml"]).await.ends(0);
    day.say(&["campaign", "add", "campaign.toml"]).await.ends(1);
    day.write("second.toml", &CAMPAIGN.replace("kitchen-days", "second"));
    let overlaps = day.say(&["campaign", "add", "second.toml"]).await.ends(1);
    assert!(overlaps.err.contains("KETTLE is in campaign kitchen-days at that time"), "{overlaps:?}");
    for (file, why) in
        [("second.toml", "is in campaign kitchen-days"), ("campaign.toml", "a campaign kitchen-days already")]
    {
        let tried = day.say(&["campaign", "add", file, "--dry-run"]).await.ends(1);
        assert!(tried.err.contains(why), "what would be refused is not promised: {tried:?}");
    }
    let shown = day.say(&["campaign", "show", "kitchen-days"]).await.ends(0);
    assert!(shown.out.contains("449.10 DKK (now 499.00 DKK)"), "{shown:?}");
    assert!(shown.out.contains("from 2030-01-01T00:00:00+01:00 until 2030-01-08T00:00:00+01:00\n"), "{shown:?}");
    day.say(&["campaign", "show", "nothing"]).await.ends(1);
    let dear = CAMPAIGN.replace("percent = \"10\"", "price = \"599.00\"").replace("kitchen-days", "dear");
    day.write("dear.toml", &dear.replace("2030", "2031"));
    for more in [&["--dry-run"][..], &[]] {
        let dear = day.say(&[&["campaign", "add", "dear.toml"], more].concat()).await.ends(2);
        assert!(dear.err.contains("KETTLE: 599.00 DKK is no reduction, it costs 499.00 DKK now"), "{dear:?}");
        assert!(dear.err.contains("\nhint: ") && dear.err.contains("--yes") && dear.out.is_empty(), "{dear:?}");
    }
    let meant = day.say(&["campaign", "add", "dear.toml", "--yes"]).await.ends(0);
    assert!(meant.out.contains("campaign dear with 1 product is stored"), "{meant:?}");
    day.say(&["campaign", "cancel", "kitchen-days", "--why", "enough", "--actor", "ann"]).await.ends(0);
    let over = day.say(&["campaign", "show", "kitchen-days"]).await.ends(0);
    assert!(over.out.contains("by ann: enough") && !over.out.contains("times:"), "{over:?}");
    let again = day.say(&["campaign", "cancel", "kitchen-days", "--why", "enough"]).await.ends(0);
    assert!(again.err.contains("cancelled already"), "{again:?}");
    let listed = day.say(&["campaign", "list", "--json"]).await.ends(0).json();
    let ended = listed.as_array().unwrap().iter().find(|one| one["name"] == "kitchen-days").unwrap();
    assert_eq!((&ended["phase"], &ended["ended_by"]), (&"cancelled".into(), &"ann".into()));
}

#[tokio::test]
async fn competitors_are_listed_and_windows_that_mean_nothing_are_refused() {
    let day = Day::imported().await;
    let listed = day.say(&["competitor", "list"]).await.ends(0);
    assert!(listed.out.contains("near.example") && listed.out.contains("believed"), "{listed:?}");
    let resumed = day.say(&["competitor", "resume", "near.example", "--why", "x"]).await.ends(0);
    assert!(resumed.err.contains("is not suspended"), "{resumed:?}");
    let since = day.say(&["simulate", "--since", "soon"]).await.ends(2);
    assert!(since.err.contains("--since"), "{since:?}");
    let none = day.say(&["simulate", "--json"]).await.ends(0).json();
    assert!(none["history"].as_str().unwrap().contains("no history yet"), "{none}");
    let explained = day.say(&["explain", "KETTLE"]).await.ends(0);
    assert!(
        explained.out.contains("nothing was ever read") && explained.out.contains("not checked yet"),
        "{explained:?}"
    );
}

/// A feed keeps the start of a campaign by itself; whoever asks, or stops everything, is told so.
#[tokio::test]
async fn a_start_that_a_channel_keeps_is_shown_and_told_to_who_pauses() {
    let day = Day::imported().await;
    super::second_day::auto(&day);
    day.near.show("KETTLE", crate::harness::price(49_500));
    day.say(&["once", "--patience", "10"]).await.ends(0);
    // Live for long enough that a reduction may be announced.
    let file = day.folder.path().join("omniprice.db");
    let mut store = sqlx::SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let back = 45 * Millis::DAY;
    sqlx::query("update live_prices set seen_at = seen_at - $1").bind(back).execute(&mut store).await.unwrap();
    let now = Clock::System.now();
    let (from, until) = (now.plus(30 * Millis::MINUTE), now.plus(Millis::DAY));
    day.write(
        "soon.toml",
        &format!(
            "id = \"soon\"\nannounce = true\nfrom = {from}\nuntil = {until}\nowner = \"ann\"\nwhy = \"x\"\n\
             [[item]]\nsku = \"KETTLE\"\nprice = \"449.00\"\n"
        ),
    );
    day.say(&["campaign", "add", "soon.toml"]).await.ends(0);
    day.say(&["once", "--patience", "10"]).await.ends(0);
    let shown = day.say(&["campaign", "show", "soon"]).await.ends(0);
    assert!(shown.out.contains(" begins by itself at ") && shown.out.contains("1 of 1 listings have it"), "{shown:?}");
    let told = day.say(&["explain", "KETTLE"]).await.ends(0);
    assert!(told.out.contains("begins 449.00 DKK by itself at "), "{told:?}");
    let paused = day.say(&["pause", "--why", "a test"]).await.ends(0);
    assert!(paused.err.contains("begin them by themselves: 1 of their listings, the first at "), "{paused:?}");
    day.say(&["resume", "--why", "a test"]).await.ends(0);
    day.say(&["campaign", "cancel", "soon", "--why", "a test"]).await.ends(0);
    day.say(&["once", "--patience", "10"]).await.ends(0);
    let told = day.say(&["explain", "KETTLE"]).await.ends(0);
    assert!(!told.out.contains("by itself"), "{told:?}");
    let paused = day.say(&["pause", "--why", "a test", "--json"]).await.ends(0).json();
    assert_eq!((&paused["begin_by_themselves"], &paused["first_begins_at"]), (&0.into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn an_override_of_a_countrys_rules_is_named_by_the_preview_and_kept_with_decisions() {
    let day = Day::imported().await;
    let file = day.folder.path().join("omniprice.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let with = |rows: &str| std::fs::write(&file, format!("{text}\n[prior_price.DK]\n{rows}\n")).unwrap();
    with("window_days = 14");
    let weak = day.say(&["config", "check"]).await.ends(2).err;
    assert!(weak.contains("prior_price.DK.window_days: 14 days are less than the directive's 30"), "{weak}");
    assert!(weak.contains("hint: legal_basis = \"...\""), "{weak}");
    with("window = 60");
    assert!(day.say(&["config", "check"]).await.ends(2).err.contains("prior_price.DK: unknown field `window`"));
    with("window_days = 60");
    day.say(&["config", "check"]).await.ends(0);
    day.say(&["once", "--patience", "1"]).await.ends(0);
    day.write("campaign.toml", CAMPAIGN);
    let told = day.say(&["campaign", "add", "campaign.toml"]).await.ends(0).out;
    assert!(told.contains("prior prices follow [prior_price.DK] window_days = 60"), "{told}");
    let shown = day.say(&["campaign", "show", "kitchen-days"]).await.ends(0).out;
    assert!(shown.contains("prior prices follow [prior_price.DK] window_days = 60"), "{shown}");
    let told = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert_eq!(told["cites"]["settings_values"]["prior_price"]["DK"]["window_days"], 60, "{told}");
    assert_eq!(told["proof"], "equal");
}
