//! The binary as a person or a script meets it: an empty folder, one command after the other, exit codes as the manual
//! says, data on stdout and talk on stderr.

mod answers;
mod asked_first;
mod bulk;
mod intent;
mod mistakes;
mod operator;
mod restored;
mod second_day;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use omniprice::demo::market::{Markup, Shop};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::command::{Said, hear, program};
use crate::harness::price;

/// A command that is still running when this returns, and that ends with the test.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = program(folder);
    command.args(args);
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}

async fn say(folder: &Path, args: &[&str]) -> Said {
    let mut command = program(folder);
    command.args(args);
    hear(command).await
}

/// A folder with what `init` writes, and two competitors on loopback that ask our price.
struct Day {
    folder: tempfile::TempDir,
    near: Shop,
    far: Shop,
}

impl Day {
    async fn begin() -> Self {
        let titles = BTreeMap::from([("KETTLE", "Kettle")]);
        let (near, _) = Shop::open("near.example", Markup::JsonLd, titles.clone()).await.unwrap();
        let (far, _) = Shop::open("far.example", Markup::JsonLd, titles).await.unwrap();
        for shop in [&near, &far] {
            shop.show("KETTLE", price(49_900));
        }
        Self { folder: tempfile::tempdir().unwrap(), near, far }
    }

    async fn say(&self, args: &[&str]) -> Said {
        say(self.folder.path(), args).await
    }

    async fn init(&self) -> Said {
        self.say(&[
            "init",
            "--country",
            "DK",
            "--digest-to",
            "You <you@shop.example>",
            "--contact",
            "https://shop.example/checks",
            "--json",
        ])
        .await
    }

    /// Names of the competitors stand for loopback, which is otherwise refused.
    fn on_loopback(&self) {
        let file = self.folder.path().join("omniprice.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let fetch =
            "[fetch]\nallow_networks = [\"127.0.0.0/8\"]\nresolve = { \"*\" = \"127.0.0.1\" }\ndelay = \"0s\"\n";
        assert!(text.contains("[fetch]\n"), "{text}");
        std::fs::write(&file, format!("{}\n[web]\nlisten = \"\"\n", text.replacen("[fetch]\n", fetch, 1))).unwrap();
    }

    fn products(&self) {
        let csv = format!(
            "sku,title,price,cost,urls\nKETTLE,Kettle,499.00,250.00,{} {}\n",
            self.near.url("KETTLE"),
            self.far.url("KETTLE")
        );
        self.write("products.csv", &csv);
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Ready for the first pass.
    async fn imported() -> Self {
        let day = Self::begin().await;
        day.init().await.ends(0);
        day.on_loopback();
        day.products();
        day.say(&["import", "products.csv"]).await.ends(0);
        day
    }
}

#[tokio::test]
async fn alone_it_says_what_to_do_next() {
    let day = Day::begin().await;
    let before = day.say(&[]).await.ends(0);
    assert!(before.out.contains("omniprice demo") && before.out.contains("omniprice init"), "{before:?}");
    assert_eq!(std::fs::read_dir(day.folder.path()).unwrap().count(), 0, "looking leaves nothing behind");
    day.init().await.ends(0);
    let after = day.say(&[]).await.ends(0);
    assert!(after.out.contains("omniprice check") && !after.out.contains("omniprice init"), "{after:?}");
}

#[tokio::test]
async fn init_writes_a_configuration_that_checks_and_never_overwrites_one() {
    let day = Day::begin().await;
    assert_eq!(day.init().await.ends(0).json()["written"].as_array().unwrap().len(), 3);
    let checked = day.say(&["config", "check", "--json"]).await.ends(0).json();
    assert_eq!((&checked["ok"], &checked["channels"]), (&Value::Bool(true), &Value::from(1)));
    assert_eq!(day.say(&["config", "check"]).await.ends(0).out, "", "a good configuration is no data");
    let rules = std::fs::read(day.folder.path().join("rules.toml")).unwrap();
    let again = day.init().await.ends(1);
    assert!(again.err.contains("already there") && again.out.is_empty(), "{again:?}");
    assert_eq!(std::fs::read(day.folder.path().join("rules.toml")).unwrap(), rules);
    // The example of price endings is one as soon as somebody takes the marks away.
    let text = String::from_utf8(rules).unwrap();
    let (before, example) = text.split_once("# [rule.rounding]").expect("an example of endings");
    let example: String = example.lines().map(|line| format!("{}\n", line.trim_start_matches("# "))).collect();
    day.write("rules.toml", &format!("{before}[rule.rounding]{example}"));
    let checked = day.say(&["config", "check", "--json"]).await.ends(0).json();
    assert_eq!(checked["warnings"], Value::from(Vec::<Value>::new()));
    day.write("rules.toml", &format!("{before}[[rule]]\nid = \"a\"\npriority = 900\ntarget = {{ kind = \"lowest\" }}\noffers = {{ exclude = \"outlet.example\" }}\n"));
    let warned = day.say(&["config", "check"]).await.ends(0);
    assert!(warned.err.contains("rules.toml: rule a: leaves out outlet.example and does not say why"), "{warned:?}");
    assert!(warned.err.contains("exclude_reason = \"our own outlet\", or whatever it is"), "{warned:?}");
    day.write("rules.toml", &text);
    // What the manual page of the configuration says is a configuration.
    let default = day.say(&["config", "default"]).await.ends(0);
    day.write("default.toml", &default.out);
    day.say(&["--config", "default.toml", "config", "check"]).await.ends(0);
}

#[tokio::test]
async fn a_wrong_command_line_or_configuration_ends_with_two_and_names_everything() {
    let day = Day::begin().await;
    day.say(&["frobnicate"]).await.ends(2);
    day.say(&["once", "--patience", "soon"]).await.ends(2);
    day.write("omniprice.toml", "mode = \"loud\"\n[fetch]\ntimout = \"5s\"\n[web]\nlisten = \"everywhere\"\n");
    for args in [&["config", "check"][..], &["check", "--offline"], &["once"], &["run"]] {
        let said = day.say(args).await.ends(2);
        assert!(said.out.is_empty(), "{said:?}");
        for named in ["mode", "fetch.timout", "did you mean `timeout`?"] {
            assert!(said.err.contains(named), "{args:?} does not name {named}: {said:?}");
        }
    }
    let missing = day.say(&["--config", "nowhere.toml", "once"]).await.ends(2);
    assert!(missing.err.contains("nowhere.toml") && missing.err.contains("omniprice init"), "{missing:?}");
}

#[tokio::test]
async fn an_import_names_every_bad_row_and_stores_nothing_then() {
    let day = Day::begin().await;
    day.init().await.ends(0);
    day.write(
        "bad.csv",
        "sku,title,price,cost,gtin,urls\nGOOD,Good,499.00,250.00,,https://x.example/1\nA,Comma,\"499,00\",250.00,,\nB,Free,499.00,0,,\n\
         ,Nameless,1.00,1.00,,\nC,Address,10.00,5.00,,ftp://x.example\n",
    );
    for args in [&["import", "bad.csv", "--dry-run"][..], &["import", "bad.csv"]] {
        let said = day.say(args).await.ends(2);
        for line in ["line 3: price", "line 4: cost", "line 5: sku", "line 6: urls"] {
            assert!(said.err.contains(line), "{line} is not named: {said:?}");
        }
        assert!(!said.err.contains("line 2") && said.out.contains("nothing stored"), "{said:?}");
    }
    let told = day.say(&["import", "bad.csv", "--dry-run", "--json"]).await.ends(2).json();
    let lines: Vec<i64> =
        told["errors"].as_array().unwrap().iter().map(|error| error["line"].as_i64().unwrap()).collect();
    assert_eq!(
        lines.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
        [3, 4, 5, 6]
    );
    assert_eq!(told["stored"], false);
    day.say(&["explain", "GOOD"]).await.ends(1);
    day.products();
    let dry = day.say(&["import", "products.csv", "--dry-run", "--json"]).await.ends(0).json();
    assert_eq!(
        (&dry["stored"], &dry["products"], &dry["pages"]),
        (&Value::Bool(false), &Value::from(1), &Value::from(2))
    );
    day.say(&["explain", "KETTLE"]).await.ends(1);
    assert_eq!(day.say(&["import", "products.csv", "--json"]).await.ends(0).json()["stored"], true);
    day.say(&["explain", "KETTLE"]).await.ends(0);
}

#[tokio::test]
async fn a_first_day_goes_from_a_safe_look_to_an_approved_price() {
    let day = Day::imported().await;
    let checked = day.say(&["check", "--offline", "--json"]).await.ends(0).json();
    assert!(checked["findings"].as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{checked}");
    assert!(checked["next"].as_str().unwrap().contains("omniprice"), "{checked}");
    let first = day.say(&["once", "--patience", "1", "--json"]).await.ends(0).json();
    assert_eq!(
        (&first["checked"], &first["reviews"], &first["pushed"]),
        (&Value::from(2), &Value::from(0), &Value::from(0))
    );
    assert_eq!(day.say(&["review", "--json"]).await.ends(0).json(), Value::Array(vec![]));
    // A competitor moves; in review mode that is for a person, and the exit code says so.
    day.near.show("KETTLE", price(48_900));
    let moved = day.say(&["once", "--now", "--patience", "1"]).await.ends(3);
    assert!(moved.out.contains("1 proposal waits for a person: omniprice review"), "{moved:?}");
    let open = day.say(&["review", "--json"]).await.ends(0).json();
    assert_eq!(
        (open.as_array().unwrap().len(), &open[0]["sku"], &open[0]["price_minor"]),
        (1, &Value::from("KETTLE"), &Value::from(48_900))
    );
    let told = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert_eq!((&told["proof"], &told["outcome"]), (&Value::from("equal"), &Value::from("review")), "{told}");
    let raw =
        told["offers"].as_array().unwrap().iter().filter_map(|offer| offer.pointer("/evidence/price/raw")?.as_str());
    assert!(raw.into_iter().any(|raw| raw == "489.00"), "{told}");
    let preview = day.say(&["digest", "--preview", "--json"]).await.ends(0).json();
    assert!(preview["text"].as_str().unwrap().contains("KETTLE"), "{preview}");
    let id = open[0]["id"].to_string();
    day.say(&["approve", &id]).await.ends(2);
    let approved = day.say(&["approve", &id, "--why", "looks right", "--actor", "ann", "--json"]).await.ends(0).json();
    assert_eq!(approved["refused"], 0);
    let late = day.say(&["reject", &id, "--why", "too late"]).await.ends(1);
    assert!(late.out.is_empty() && late.err.contains(&format!("{id} not settled")), "{late:?}");
    day.say(&["once", "--patience", "1"]).await.ends(0);
    let decided = day.say(&["explain", "KETTLE", "--json"]).await.ends(0).json();
    assert_eq!(
        (&decided["price"], &decided["decision"]["actor"]),
        (&Value::from("489.00 DKK"), &Value::from("ann")),
        "{decided}"
    );
    assert_eq!(decided["proof"], "equal");
    let simulated = day.say(&["simulate", "--since", "1d", "--json"]).await.ends(0).json();
    assert_eq!(simulated["products"], 1, "{simulated}");
}

#[tokio::test]
async fn the_switch_works_whatever_else_is_broken_and_the_demo_spares_what_is_not_its_own() {
    let day = Day::begin().await;
    day.init().await.ends(0);
    let file = day.folder.path().join("omniprice.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::create_dir(day.folder.path().join("sites")).unwrap();
    std::fs::write(day.folder.path().join("sites/x.toml"), "curency = 1\n").unwrap();
    let broken =
        format!("{whole}\n[scrapers]\ndir = \"sites\"\n[channels.x]\nkind = \"vendure\"\napi_key = \"${{NOKEY}}\"\n");
    std::fs::write(&file, &broken).unwrap();
    let refused = day.say(&["demo", "--dir", "."]).await.ends(2);
    assert!(refused.err.contains("not empty") && refused.err.contains("\nhint: "), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), broken, "untouched");
    day.say(&["pause", "--why", "an emergency"]).await.ends(0);
    std::fs::write(&file, whole.clone() + "\n[scrapers]\ndir = \"sites\"\n").unwrap();
    let list = day.say(&["price", "list"]).await.ends(0);
    assert!(list.err.contains("site files are left out") && list.err.contains("curency"), "{list:?}");
    let once = day.say(&["once"]).await;
    assert!(once.code != 0 && once.err.contains("curency"), "work that reads pages leaves nothing out: {once:?}");
    std::fs::write(&file, whole).unwrap();
    day.say(&["resume", "--why", "over"]).await.ends(0);
}

#[tokio::test]
async fn a_hint_stands_on_a_line_of_its_own_below_what_went_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let said = say(folder.path(), &["extract", "nofile.html"]).await;
    assert_eq!(
        said.err.trim_end(),
        "error: nofile.html: No such file or directory (os error 2)\nhint: give a saved page or an http(s) address"
    );
}

#[tokio::test]
async fn the_switches_and_the_look_at_channels_answer_in_json() {
    let day = Day::imported().await;
    day.say(&["once", "--patience", "1"]).await.ends(0);
    day.say(&["pause"]).await.ends(2);
    assert_eq!(day.say(&["pause", "--why", "stocktaking", "--json"]).await.ends(0).json()["paused"], true);
    let preview = day.say(&["digest", "--preview"]).await.ends(0);
    assert!(preview.out.contains("stocktaking"), "a pause is told while it lasts: {preview:?}");
    assert_eq!(day.say(&["resume", "--why", "done", "--json"]).await.ends(0).json()["paused"], false);
    let again = day.say(&["resume", "--why", "done"]).await.ends(0);
    assert!(again.out.contains("were not paused"), "{again:?}");
    let reports = day.say(&["verify", "--dry-run", "--json"]).await.ends(0).json();
    assert_eq!(reports[0]["channel"], "feed", "{reports}");
    let unknown = day.say(&["verify", "nowhere", "--dry-run"]).await.ends(1);
    assert!(unknown.err.contains("configured are feed") && unknown.out.is_empty(), "{unknown:?}");
    assert!(day.say(&["channel", "kinds", "--json"]).await.ends(0).json().as_array().unwrap().len() >= 3);
    day.say(&["channel", "map", "feed", "--json"]).await.ends(0).json();
    day.say(&["channel", "test", "feed", "--json"]).await.ends(0).json();
    day.say(&["fx", "show", "--json"]).await.ends(0).json();
}

#[tokio::test]
async fn the_configuration_in_force_is_shown_in_json_without_its_secrets() {
    let day = Day::begin().await;
    day.write("omniprice.toml", "[mail]\npassword = \"s3cret\"\n");
    let shown = day.say(&["config", "show"]).await.ends(0);
    assert!(shown.out.contains("password = \"***\"") && !shown.out.contains("s3cret"), "{shown:?}");
    let json = day.say(&["config", "show", "--json"]).await.ends(0).json();
    assert_eq!((&json["mode"], &json["mail"]["password"]), (&Value::from("review"), &Value::from("***")));
}

#[tokio::test]
async fn a_channel_that_does_not_answer_is_told_in_json_too() {
    let day = Day::begin().await;
    day.init().await.ends(0);
    let mut text = std::fs::read_to_string(day.folder.path().join("omniprice.toml")).unwrap();
    // A port that was free a moment ago and has no listener.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    text.push_str(&format!(
        "\n[channels.shop]\nkind = \"vendure\"\nurl = \"http://127.0.0.1:{free}\"\napi_key = \"key\"\ncurrency = \"DKK\"\ntax = \"gross\"\n"
    ));
    day.write("omniprice.toml", &text);
    let checked = day.say(&["check", "--json"]).await.ends(3).json();
    assert!(
        checked["findings"].as_array().unwrap().iter().any(|f| f["what"] == "channel shop" && f["ok"] == false),
        "{checked}"
    );
    day.say(&["channel", "test", "shop", "--json"]).await.ends(3).json();
}

#[tokio::test]
async fn completions_and_the_manual_page_name_the_commands() {
    let day = Day::begin().await;
    let bash = day.say(&["completions", "bash"]).await.ends(0);
    let man = day.say(&["man"]).await.ends(0);
    for command in ["import", "once", "explain", "simulate"] {
        assert!(bash.out.contains(command) && man.out.contains(command), "{command}");
    }
    assert!(man.out.contains(".TH omniprice") && man.err.is_empty() && bash.err.is_empty());
    day.say(&["completions", "cobol"]).await.ends(2);
}

/// Starts the daemon and waits until it says that it runs.
async fn daemon(day: &Day) -> Child {
    let mut child = command(day.folder.path(), &["run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    timeout(Duration::from_secs(30), async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("running with") {
                return;
            }
        }
        panic!("the daemon ended before it ran");
    })
    .await
    .expect("the daemon starts");
    // Its talk is read on, so that a full pipe never stops it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

#[tokio::test]
async fn a_second_daemon_is_refused_with_the_firsts_number_and_a_term_signal_ends_it_well() {
    let day = Day::imported().await;
    let mut first = daemon(&day).await;
    let pid = first.id().unwrap().to_string();
    let second = day.say(&["run"]).await.ends(2);
    assert!(second.err.contains(&format!("process {pid}")) && second.out.is_empty(), "{second:?}");
    // Commands beside a daemon are what a person uses all day.
    day.say(&["review"]).await.ends(0);
    let killed = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().await.unwrap();
    assert!(killed.success());
    let ended = timeout(Duration::from_secs(25), first.wait()).await.expect("it drains within its bound").unwrap();
    assert_eq!(ended.code(), Some(0));
    // The place is free again.
    let mut next = daemon(&day).await;
    next.kill().await.unwrap();
}
