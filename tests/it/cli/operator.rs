//! What an operator tries in the first week: what is locked, quotas, imports that are nearly right, campaigns that are planned.

use super::Day;

const FILE: &str = "id = \"kitchen-days\"\nfrom = 2030-01-01\nuntil = 2030-01-07\nzone = \"Europe/Copenhagen\"\nowner = \"ann\"\n\
                    why = \"x\"\n[[item]]\nsku = \"KETTLE\"\nprice = \"449.00\"\n";

#[tokio::test]
async fn whoever_locked_it_explain_says_that_it_is_locked() {
    let day = Day::imported().await;
    day.say(&["once", "--patience", "1"]).await.ends(0);
    let head = async || {
        let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
        told.lines().next().unwrap().to_owned()
    };
    assert!(!head().await.contains("locked"));
    day.say(&["lock", "KETTLE", "--why", "photo"]).await.ends(0);
    assert!(head().await.ends_with(", locked"), "{}", head().await);
    day.say(&["unlock", "KETTLE", "--why", "done"]).await.ends(0);
    assert!(!head().await.contains("locked"));
}

#[tokio::test]
async fn a_day_that_is_used_up_says_what_was_counted_and_when_it_goes_on() {
    let day = Day::imported().await;
    super::second_day::auto(&day);
    let rules = std::fs::read_to_string(day.folder.path().join("rules.toml")).unwrap();
    day.write(
        "rules.toml",
        &rules.replace("max_changes_per_day = 4", "max_changes_per_day = 2").replace("cooldown_min = 60\n", ""),
    );
    for amount in ["489.00", "485.00"] {
        day.say(&["price", "set", "KETTLE", amount, "--why", "x", "--until", "7d", "--yes"]).await.ends(0);
        day.say(&["once", "--patience", "1"]).await;
    }
    day.say(&["price", "clear", "KETTLE", "--why", "done"]).await.ends(0);
    day.say(&["once", "--patience", "1"]).await;
    let told = day.say(&["explain", "KETTLE"]).await.ends(0).out;
    let counted = "2 changes were made since midnight, those of people and campaigns among them, and the rule allows 2";
    assert!(told.contains(counted), "{told}");
    let (_, held) = told.split_once("What holds it, and what lets it through:").expect(&told);
    assert!(held.contains("It is decided again by itself at 20") && held.contains("T00:00:00+0"), "{told}");
    assert!(held.contains("omniprice price set KETTLE AMOUNT --until 7d"), "{told}");
}

#[tokio::test]
async fn words_of_an_import_that_mean_nothing_are_refused_and_hints_can_be_followed() {
    let day = Day::imported().await;
    for word in ["ja", "maybe", "2"] {
        day.write("odd.csv", &format!("sku,title,price,cost,locked\nPOT,Pot,99.00,20.00,{word}\n"));
        let told = day.say(&["import", "odd.csv"]).await.ends(2);
        assert!(told.err.contains(&format!("locked: `{word}` says neither yes nor no")), "{told:?}");
        assert!(told.err.contains("true, false, yes, no, 1, 0"), "{told:?}");
    }
    for (word, locked) in [("TRUE", true), ("no", false), ("1", true), ("0", false), ("yes", true), ("", true)] {
        day.write("pot.csv", &format!("sku,title,price,cost,locked\nPOT,Pot,99.00,20.00,{word}\n"));
        day.say(&["import", "pot.csv"]).await.ends(0);
        let told = day.say(&["explain", "POT", "--json"]).await.ends(0).json();
        assert_eq!(told["locked"], locked, "{word}");
    }
    for amount in ["-349.00", "0", ""] {
        day.write("odd.csv", &format!("sku,title,price\nPAN,Pan,{amount}\n"));
        let told = day.say(&["import", "odd.csv"]).await.ends(2);
        assert!(told.err.contains("hint: the price you ask now, with VAT, such as 499.00"), "{told:?}");
        assert!(!told.err.contains("leave it empty"), "{told:?}");
    }
    day.write("odd.csv", "sku,title,prize\nPAN,Pan,49.00\n");
    let told = day.say(&["import", "odd.csv"]).await.ends(2);
    assert!(told.err.contains("hint: did you mean `price`?"), "{told:?}");
}

#[tokio::test]
async fn a_dry_run_says_what_the_import_would_say() {
    let day = Day::imported().await;
    day.write("whole.csv", "sku,title,price,cost\nPOT,Pot,99.00,20.00\n");
    day.say(&["import", "whole.csv"]).await.ends(0);
    // One product more without a floor, and one that loses its cost.
    day.write("wipe.csv", "sku,title,price,cost,urls\nPOT,Pot,99.00,,https://pot.example/p\nPAN,Pan,59.00,,\n");
    let tried = day.say(&["import", "wipe.csv", "--dry-run"]).await.ends(0);
    assert!(tried.out.contains("1 page new: all good, nothing stored (dry run)"), "{tried:?}");
    let again = day.say(&["import", "wipe.csv", "--dry-run", "--json"]).await.ends(0).json();
    assert_eq!((&again["stored"], &again["new_pages"], &again["without_floor"]), (&false.into(), &1.into(), &2.into()));
    let stored = day.say(&["import", "wipe.csv"]).await.ends(0);
    for said in [
        "with neither cost nor min, so watched and never priced or sent: 2 products",
        "not in this file: 1 product of earlier imports",
        "1 page new",
    ] {
        assert!(tried.out.contains(said) && stored.out.contains(said), "{said}: {tried:?} {stored:?}");
    }
}

#[tokio::test]
async fn a_price_that_is_over_before_a_campaign_is_no_obstacle_and_a_cancelled_plan_has_not_ended() {
    let day = Day::imported().await;
    day.write("campaign.toml", FILE);
    day.say(&["price", "set", "KETTLE", "489.00", "--why", "x", "--until", "7d"]).await.ends(0);
    let added = day.say(&["campaign", "add", "campaign.toml", "--dry-run"]).await.ends(0);
    assert!(!added.err.contains("waits for that"), "{added:?}");
    day.say(&["price", "set", "KETTLE", "489.00", "--why", "x", "--until", "2030-01-03"]).await.ends(0);
    let added = day.say(&["campaign", "add", "campaign.toml"]).await.ends(0);
    assert!(added.err.contains("has set 489.00 DKK until") && added.err.contains("waits for that"), "{added:?}");
    let cancelled = day.say(&["campaign", "cancel", "kitchen-days", "--why", "x"]).await.ends(0);
    assert!(cancelled.out.contains("campaign kitchen-days is cancelled; it had not begun"), "{cancelled:?}");
    assert!(!cancelled.out.contains("has ended"), "{cancelled:?}");
}

#[tokio::test]
async fn check_mentions_rules_that_are_over_and_currencies_that_do_not_fit() {
    let day = Day::imported().await;
    let file = |name: &str| std::fs::read_to_string(day.folder.path().join(name)).unwrap();
    let (rules, config) = (file("rules.toml"), file("omniprice.toml"));
    let check = async || day.say(&["check", "--offline"]).await;
    assert!(!check().await.out.contains("warning"), "{:?}", check().await);
    day.write(
        "rules.toml",
        &rules.replace("priority = 100", "priority = 100\nvalid = { until = \"2026-01-01T00:00:00Z\" }"),
    );
    let over = check().await;
    assert!(
        over.out.contains("warning: rule match-cheapest: its `valid` ended at 2026-01-01T01:00:00+01:00"),
        "{over:?}"
    );
    day.write("rules.toml", &rules.replace("currency = \"DKK\"", "currency = \"EUR\""));
    let foreign = check().await.ends(3);
    for told in [
        "BAD  rules: market DK: its currency is EUR, and 1 of its products were imported in DKK",
        "warning: market DK: prices in DK are usually in DKK, and its currency is EUR",
    ] {
        assert!(foreign.out.contains(told), "{told}: {foreign:?}");
    }
    day.write("rules.toml", &rules);
    day.write("omniprice.toml", &config.replace("currency = \"DKK\"", "currency = \"SEK\""));
    let channel = check().await.ends(3);
    let told =
        "BAD  rules: channel feed: its currency is SEK, and prices of market DK are in DKK, for which there is no rate";
    assert!(channel.out.contains(told) && channel.out.contains("omniprice fx fetch"), "{channel:?}");
}

#[tokio::test]
async fn times_of_commands_are_told_by_the_readers_clocks_and_a_day_is_its_end() {
    let day = Day::imported().await;
    for amount in ["489.00", "485.00"] {
        day.say(&["price", "set", "KETTLE", amount, "--why", "x", "--until", "7d", "--yes"]).await.ends(0);
        day.say(&["once", "--patience", "1"]).await;
    }
    let utc = |text: &str| {
        text.split_whitespace().any(|word| {
            word.contains("-") && word.contains("T") && word.trim_end_matches([',', ';', ')', ':']).ends_with('Z')
        })
    };
    let back = day.say(&["rollback", "--to", "1", "--why", "x", "--dry-run"]).await.ends(0);
    assert!(back.err.contains("1 is read as the number of a decision: that of KETTLE at 20"), "{back:?}");
    assert!(!utc(&back.err) && !utc(&back.out), "{back:?}");
    let early = day.say(&["rollback", "--to", "2020-01-01", "--why", "x"]).await.ends(2);
    assert!(
        early.err.contains("--to 2020-01-01T23:59:59+01:00: the first of these products was imported at"),
        "{early:?}"
    );
    assert!(early.err.contains("hint: nothing is known before") && !utc(&early.err), "{early:?}");
    let today = omniprice::clock::Clock::System
        .now()
        .timestamp()
        .to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap())
        .date();
    let open = day.say(&["rollback", "--to", &today.to_string(), "--why", "x"]).await.ends(2);
    assert!(open.err.contains("is not over: a day means its end"), "{open:?}");
    let form = day.say(&["rollback", "--to", "decision:3", "--why", "x"]).await.ends(2);
    assert!(form.err.contains("the number of a decision alone, such as 3"), "{form:?}");
    let since = day.say(&["simulate", "--since", "2026-01-01"]).await.ends(0);
    assert!(since.out.starts_with("since 2026-01-01, replayed"), "{since:?}");
    let future = day.say(&["simulate", "--since", "2100-12-01"]).await.ends(2);
    assert!(future.err.contains("before it begins") && future.err.contains("hint: "), "{future:?}");
}

#[tokio::test]
async fn slips_of_the_pen_are_told_with_what_was_meant() {
    let day = Day::imported().await;
    day.write("pot.csv", "sku,title,price,cost,category\nPOT,Pot,99.00,20.00,kitchen\n");
    day.say(&["import", "pot.csv"]).await.ends(0);
    let price = day.say(&["price", "set", "KETTLE", "-5", "--why", "x", "--until", "7d"]).await.ends(2);
    assert!(price.err.contains("-5.00 DKK is negative, and no price\nhint: "), "{price:?}");
    for (from, to, told) in [
        ("\"449.00\"", "\"-5.00\"", "item[0].price: -5.00 is no price\nhint: above zero"),
        (
            "sku = \"KETTLE\"",
            "category_under = \"kithcen\"",
            "no product is in category `kithcen`; did you mean `kitchen`?\nhint: ",
        ),
        ("until = 2030-01-07", "until = 2029-01-07", "a day is the last one of the campaign"),
        ("price = \"449.00\"", "", "needs either a `price` or a `percent`\nhint: "),
    ] {
        day.write("campaign.toml", &FILE.replace(from, to));
        let said = day.say(&["campaign", "add", "campaign.toml"]).await.ends(2);
        assert!(said.err.contains(told), "{told}: {said:?}");
    }
    for (args, told) in [
        (&["subscription", "set", "ann@shop.example", "rise_pct=5%"][..], "rise_pct: "),
        (&["subscription", "set", "ann@shop.example", "rise_pct=5%"], "hint: rise_pct=5\n"),
        (&["init", "--dir", "x", "--margin", "10%"], "--margin 10%: not a percentage\nhint: "),
        (&["init", "--dir", "x", "--currency", "XYZ"], "--currency XYZ: `XYZ` is not an ISO 4217 currency"),
        (&["simulate", "--rules", "nope.toml"], "hint: it names a rule file"),
        (&["alert", "silence", "--kind", "drfit", "--why", "x"], "did you mean `drift`?"),
    ] {
        let said = day.say(args).await;
        assert!(said.code != 0 && said.err.contains(told), "{told}: {said:?}");
    }
    let config = std::fs::read_to_string(day.folder.path().join("omniprice.toml")).unwrap();
    let config = config.replace("kind = \"feed\"", "kind = \"fed\"");
    day.write("omniprice.toml", &format!("{config}\n[release]\nsecond_person_above_pct = 10\n"));
    let said = day.say(&["config", "check"]).await.ends(2);
    assert!(said.err.contains("for example second_person_above_pct = \"10\""), "{said:?}");
    day.write("omniprice.toml", &config);
    let said = day.say(&["config", "check"]).await.ends(2);
    assert!(said.err.contains("there is no kind `fed`; did you mean `feed`?"), "{said:?}");
}

#[tokio::test]
async fn a_product_of_one_market_is_not_imported_into_another() {
    let day = Day::imported().await;
    let rules = std::fs::read_to_string(day.folder.path().join("rules.toml")).unwrap();
    let market = "\n[[market]]\nid = \"DE\"\ncountry = \"DE\"\ncurrency = \"EUR\"\ntz = \"Europe/Berlin\"\n";
    day.write("rules.toml", &(rules + market));
    day.write("de.csv", "sku,title,market,price,cost\nPAN,Pan,DE,59.90,20.00\nKETTLE,Kettle,DE,69.90,33.00\n");
    for args in [&["import", "de.csv", "--dry-run"][..], &["import", "de.csv"]] {
        let said = day.say(args).await.ends(2);
        let told = "line 3: market: `KETTLE` is priced in DK in DKK";
        assert!(said.err.contains(told) && said.err.contains("hint: a SKU keeps its market"), "{said:?}");
        assert!(said.out.contains("nothing stored"), "{said:?}");
    }
    // The hint can be followed: shown first, then done, then explained, and the import goes through.
    let hint = day.say(&["import", "de.csv"]).await.ends(2);
    assert!(hint.err.contains("`omniprice product move --sku SKU --market ID --why \"...\"`"), "{hint:?}");
    let to = ["product", "move", "--sku", "KETTLE", "--market", "DE", "--why", "sold from Berlin", "--actor", "ann"];
    let bare = day.say(&to).await.ends(2);
    assert!(
        bare.err.contains("KETTLE: `price` 499.00 DKK has no amount") && bare.err.contains("hint: --rate"),
        "{bare:?}"
    );
    let at_rate = [&to[..], &["--rate", "1 EUR = 7.46 DKK"]].concat();
    let shown = day.say(&at_rate).await.ends(0);
    assert!(
        shown.out.contains("KETTLE: DK 499.00 DKK -> DE 66.89 EUR") && shown.out.contains("nothing is stored"),
        "{shown:?}"
    );
    assert!(day.say(&["import", "de.csv"]).await.ends(2).err.contains("is priced in DK"), "looking moves nothing");
    let done = day.say(&[&at_rate[..], &["--yes"]].concat()).await.ends(0);
    assert!(done.out.contains("1 product moved to DE"), "{done:?}");
    let told = day.say(&["explain", "KETTLE"]).await.ends(0);
    let moved = "ann moved it from DK (499.00 DKK) to DE (66.89 EUR) at ";
    assert!(told.out.contains(moved) && told.out.contains("at 1 EUR = 7.46 DKK: sold from Berlin"), "{told:?}");
    let none = day.say(&["product", "move", "--market", "DE", "--why", "x"]).await.ends(2);
    assert!(none.err.contains("--sku"), "{none:?}");
    day.say(&["explain", "PAN"]).await.ends(1);
    day.write("de.csv", "sku,title,market,price,cost\nPAN,Pan,DE,59.90,20.00\n");
    day.say(&["import", "de.csv"]).await.ends(0);
}
