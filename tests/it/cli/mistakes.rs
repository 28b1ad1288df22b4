//! What people mistype or find broken, and what the binary says then.

use super::{Day, say};

#[tokio::test]
async fn a_folder_that_nobody_set_up_gets_no_database() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["review"][..], &["pause", "--why", "x"], &["import", "products.csv"], &["once"], &["run"]] {
        let said = say(folder.path(), args).await.ends(2);
        assert!(said.err.contains("omniprice init") && said.out.is_empty(), "{args:?}: {said:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "looking leaves nothing behind");
}

#[tokio::test]
async fn a_database_server_that_does_not_answer_is_named_at_once() {
    let day = Day::begin().await;
    day.init().await.ends(0);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = std::fs::read_to_string(day.folder.path().join("omniprice.toml")).unwrap();
    let url = format!("\n[database]\nurl = \"postgres://ann:s3cret@127.0.0.1:{free}/shop\"\n");
    day.write("omniprice.toml", &(config.clone() + &url));
    let said = day.say(&["review"]).await.ends(1);
    assert!(said.err.contains(&format!("PostgreSQL at 127.0.0.1 port {free}")), "{said:?}");
    assert!(said.err.contains("\nhint: `pg_isready") && !said.err.contains("s3cret"), "{said:?}");
    day.write(
        "omniprice.toml",
        &(config + "\n[database]\nurl = \"mysql://ann:s3cret@127.0.0.1/shop\"\n[log]\nfilter = \"omniprice=loud\"\n"),
    );
    let said = day.say(&["config", "check"]).await.ends(2);
    assert!(said.err.contains("database.url: starts with neither") && said.err.contains("log.filter"), "{said:?}");
    assert!(!said.err.contains("s3cret"), "{said:?}");
}

#[tokio::test]
async fn a_check_of_the_configuration_looks_at_the_files_it_names() {
    let day = Day::begin().await;
    day.init().await.ends(0);
    let config = std::fs::read_to_string(day.folder.path().join("omniprice.toml")).unwrap();
    day.write("omniprice.toml", &(config.clone() + "\n[scrapers]\ndir = \"nowhere\"\n"));
    let said = day.say(&["config", "check"]).await.ends(1);
    assert!(said.err.contains("scrapers.dir") && said.err.contains("nowhere"), "{said:?}");
    day.write("omniprice.toml", &config);
    day.write("rules.toml", "schema = 1\nnonsense = true\n");
    let said = day.say(&["config", "check"]).await;
    assert!(said.code != 0 && said.err.contains("rules.toml") && said.err.contains("nonsense"), "{said:?}");
}

#[tokio::test]
async fn names_that_nobody_has_are_refused_with_where_to_look() {
    let day = Day::imported().await;
    for (args, names) in [
        (&["alert", "silence", "--channel", "nowhere", "--why", "x"][..], "omniprice channel list"),
        (&["alert", "silence", "--competitor", "nobody.example", "--why", "x"], "omniprice competitor list"),
        (&["alert", "silence", "--sku", "NOTHING", "--why", "x"], "omniprice import"),
        (&["alert", "silence", "--kind", "noise", "--why", "x"], "docs/digests.md"),
        (&["competitor", "resume", "nobody.example", "--why", "x"], "omniprice competitor list"),
        (&["competitor", "retry", "nobody.example"], "omniprice competitor list"),
        (&["digest", "--for", "nobody@shop.example"], "you@shop.example"),
        (&["report", "--for", "nobody@shop.example"], "you@shop.example"),
    ] {
        let said = day.say(args).await.ends(1);
        assert!(said.err.contains("\nhint: ") && said.err.contains(names) && said.out.is_empty(), "{args:?}: {said:?}");
    }
    let said = day.say(&["simulate", "--category", "Nothing"]).await.ends(2);
    assert!(said.err.contains("no product is in category `Nothing`"), "{said:?}");
    day.say(&["alert", "silence", "--channel", "feed", "--kind", "channel_late", "--why", "x"]).await.ends(0);
    day.say(&["digest", "--preview", "--for", "you@shop.example"]).await.ends(0);
}

#[tokio::test]
async fn a_competitor_that_does_not_answer_is_told_with_the_cause_and_can_be_asked_at_once() {
    let day = Day::imported().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let pages: Vec<String> = (0..4).map(|n| format!("http://shut.example:{free}/{n}")).collect();
    day.write("more.csv", &format!("sku,title,price,cost,urls\nPOT,Pot,99.00,20.00,{}\n", pages.join(" ")));
    let imported = day.say(&["import", "more.csv"]).await.ends(0);
    assert!(imported.out.contains("not in this file: 1 product of earlier imports"), "{imported:?}");
    let once = day.say(&["once", "--patience", "1"]).await;
    assert!(once.out.contains("not read: shut.example") && once.out.contains("refused"), "{once:?}");
    assert!(once.out.contains("shut.example is left alone until 20"), "{once:?}");
    assert!(once.out.contains("omniprice competitor retry shut.example asks it again"), "{once:?}");
    let listed = day.say(&["competitor", "list"]).await.ends(0);
    assert!(listed.out.contains("left alone until") && listed.out.contains("refused"), "{listed:?}");
    day.say(&["competitor", "retry", "shut.example"]).await.ends(0);
    let listed = day.say(&["competitor", "list", "--json"]).await.ends(0).json();
    let shut = listed.as_array().unwrap().iter().find(|one| one["competitor"] == "shut.example").unwrap();
    assert_eq!(shut["blocked_until"], 0, "{shut}");
}

#[tokio::test]
async fn a_check_says_what_holds_pushes_back_and_the_pause_ends_its_event() {
    let day = Day::imported().await;
    day.say(&["pause", "--why", "stocktaking", "--actor", "ann"]).await.ends(0);
    day.say(&["once", "--patience", "1"]).await;
    let rules = std::fs::read_to_string(day.folder.path().join("rules.toml")).unwrap();
    day.write("rules.toml", &(rules + "\n[[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\n"));
    let checked = day.say(&["check", "--offline"]).await.ends(3);
    assert!(checked.out.contains("paused since") && checked.out.contains("by ann: stocktaking"), "{checked:?}");
    assert!(checked.out.contains("the rules name `till`"), "{checked:?}");
    assert!(day.say(&["alert", "list"]).await.ends(0).out.contains("paused"));
    day.say(&["resume", "--why", "done"]).await.ends(0);
    assert!(!day.say(&["alert", "list"]).await.ends(0).out.contains("paused"));
}

#[tokio::test]
async fn a_net_channel_that_cannot_show_a_price_is_told_before_anything_goes_there() {
    let day = Day::begin().await;
    day.init().await.ends(0);
    day.write("products.csv", "sku,title,price,cost\nPOT,Pot,99.97,20.00\nPAN,Pan,99.95,20.00\n");
    day.say(&["import", "products.csv"]).await.ends(0);
    let config = std::fs::read_to_string(day.folder.path().join("omniprice.toml")).unwrap();
    let hook = "\n[channels.outlet]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/prices\"\n\
                secret = \"whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0\"\ncurrency = \"DKK\"\ntax = \"net\"\n";
    day.write("omniprice.toml", &(config.clone() + hook));
    let said = day.say(&["channel", "test", "outlet"]).await.ends(0);
    assert!(
        said.out.contains("of 2 products looked at, 1 are seen otherwise, such as POT, 99.98 DKK for 99.97 DKK"),
        "{said:?}"
    );
    day.write("omniprice.toml", &(config + &hook.replace("\"net\"", "\"gross\"")));
    let said = day.say(&["channel", "test", "outlet"]).await.ends(0);
    assert!(!said.out.contains("seen otherwise"), "{said:?}");
}
