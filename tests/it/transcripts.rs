//! The transcripts in `docs/explain.md` are what the program says: they are made here, by running the binary on a small
//! recorded world, and compared. `OMNIPRICE_WRITE_DOCS=1` writes them anew.

use std::path::Path;
use std::process::Command;

use omniprice::clock::{Clock, Millis};
use omniprice::decide::campaign_file::CampaignFile;
use omniprice::flow::campaigns as planning;
use omniprice::store::overrides::{self, Kind, New};
use omniprice::store::{campaigns, products};

use crate::harness::{Engine, Setup, World, database, price};

/// 2026-10-06, ten in the morning in Copenhagen.
const START: Millis = Millis(1_791_273_600_000);
const RULES: &str = "[[rule]]\nid = \"beat-the-cheapest\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\nadjust = { percent = \"-1\" }\n\
                     bounds = { min = [ { margin_pct = \"10\" } ] }\nrounding = { modulus = \"10.00\", endings = [\"9.00\"], direction = \"down\" }\n";

/// Seven weeks of a kettle, a lamp and a mixer: moves of competitors, a price set by hand, a campaign, a change too large.
async fn recorded() -> World {
    let products = vec![
        ("KETTLE", "499.00", Some("250.00")),
        ("LAMP", "299.00", Some("210.00")),
        ("MIXER", "899.00", Some("400.00")),
    ];
    let test = database(Engine::Sqlite).await.unwrap();
    let world = World::open_at(test, Setup { products, rules: RULES, ..Setup::default() }, Clock::manual(START)).await;
    world.drive().await;
    let weeks = 7 * Millis::DAY;
    for (near, far) in [(47_900, 49_900), (48_900, 47_500), (45_900, 47_500), (46_500, 49_900)] {
        to_the_minute(&world, weeks);
        world.near.show("KETTLE", price(near));
        world.far.show("KETTLE", price(far));
        world.near.show("LAMP", price(near - 20_000));
        world.far.show("MIXER", price(79_900));
        world.drive().await;
    }
    to_the_minute(&world, weeks);
    by_hand(&world).await;
    to_the_minute(&world, weeks);
    campaign(&world).await;
    to_the_minute(&world, 3 * Millis::HOUR);
    world.near.show("LAMP", price(24_900));
    world.drive().await;
    world
}

/// Times in transcripts must not depend on how often a round had to be repeated.
fn to_the_minute(world: &World, milliseconds: i64) {
    let now = world.app.now();
    world.app.clock.advance(milliseconds - now.0 % Millis::MINUTE);
}

async fn by_hand(world: &World) {
    let lamp = products::by_sku(&world.app.db, "LAMP").await.unwrap().unwrap();
    let new = New {
        product_id: lamp.id,
        kind: Kind::Price,
        price_minor: Some(27_900),
        currency: "DKK".into(),
        owner: "anna".into(),
        why: "the catalogue is printed".into(),
        until: Some(world.app.now().plus(30 * Millis::DAY)),
    };
    overrides::set(&world.app.db, new, world.app.now()).await.unwrap();
    world.drive().await;
}

async fn campaign(world: &World) {
    let now = world.app.now();
    let text = format!(
        "id = \"kitchen-days\"\nfrom = \"{}\"\nuntil = \"{}\"\nzone = \"Europe/Copenhagen\"\nannounce = true\nowner = \"anna\"\nwhy = \"kitchen days\"\n\
         [[item]]\nsku = \"KETTLE\"\nprice = \"399.00\"\n",
        now.plus(Millis::HOUR),
        now.plus(4 * Millis::DAY)
    );
    let file = CampaignFile::parse(&text).unwrap();
    let planned = planning::plan(&world.app, &file, text).await.unwrap().unwrap();
    campaigns::add(&world.app.db, planned, now).await.unwrap();
    to_the_minute(world, Millis::HOUR + Millis::MINUTE);
    world.drive().await;
}

fn run(config: &Path, line: &str) -> String {
    let arguments = line.strip_prefix("omniprice ").unwrap().split_whitespace();
    let output = Command::new(env!("CARGO_BIN_EXE_omniprice"))
        .arg("--config")
        .arg(config)
        .args(arguments)
        .env("OMNIPRICE_LOG__FILTER", "off")
        .env("OMNIPRICE_REPORT__TIME_ZONE", "Europe/Copenhagen")
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[tokio::test]
async fn transcripts_in_the_manual_are_what_the_program_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/explain.md");
    let old = std::fs::read_to_string(&page).unwrap();
    let world = recorded().await;
    let (mut new, mut rest, mut count) = (String::new(), old.as_str(), 0);
    // A block that begins with `$ omniprice ...` is a transcript.
    while let Some((before, block)) = rest.split_once("```console\n$ ") {
        let (line, after) = block.split_once('\n').unwrap();
        let (_, after) = after.split_once("```").unwrap();
        new += &format!("{before}```console\n$ {line}\n{}\n```", run(&world.config, line));
        rest = after;
        count += 1;
    }
    new += rest;
    assert!(count >= 4, "only {count} transcripts");
    if std::env::var_os("OMNIPRICE_WRITE_DOCS").is_some() {
        std::fs::write(&page, new).unwrap();
    } else {
        assert!(
            new == old,
            "docs/explain.md is stale\nhint: OMNIPRICE_WRITE_DOCS=1 cargo nextest run --test it transcripts\n{new}"
        );
    }
}
