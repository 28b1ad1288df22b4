//! Prices for members: on channels that only they see, in a history of their own, and never what the public was asked.

mod opened;

use omniprice::clock::Millis;
use omniprice::decide::RuleSet;
use omniprice::decide::campaign_file::CampaignFile;
use omniprice::decide::prior::{Audience, LivePrice, Reduction, prior_price};
use omniprice::decide::prior_table::PriorTable;
use omniprice::flow::campaigns as planning;
use omniprice::money::{Currency, WirePrice};
use omniprice::report;
use omniprice::store::campaigns::{self, New};
use omniprice::store::{progress, strikes};

use crate::both_engines;
use crate::harness::{RULES, Setup, TestDb, World};
use crate::intent::{self, shown, turns};

both_engines![
    members_prices_are_kept_apart_and_a_campaign_for_members_stays_with_them,
    a_channel_that_opens_to_everybody_has_no_public_history_yet,
    a_campaign_for_members_names_no_channel_that_everybody_sees,
    a_connector_that_everybody_sees_gets_no_price_for_members,
];

const MEMBERS: &str = "[[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\naudience = \"loyalty\"\nadjust = { percent = \"-10\" }\n";

async fn world(test: TestDb, rules: &'static str) -> World {
    intent::world(test, Setup { rules, ..Setup::default() }).await
}

async fn audiences(world: &World, channel: &str) -> Vec<(i64, String)> {
    let listing = world.listing("KETTLE", channel).await.id;
    let history = progress::live_history(&world.app.db, listing, Millis(0)).await.unwrap();
    let mut told: Vec<_> = history.into_iter().map(|row| (row.minor, row.audience)).collect();
    told.dedup();
    told
}

async fn planned(world: &World, extra: &str) -> Result<New, Vec<String>> {
    let at = |ms: i64| world.app.now().plus(ms);
    let text = format!(
        "id = \"club\"\nfrom = \"{}\"\nuntil = \"{}\"\nowner = \"ann\"\nwhy = \"club week\"\nannounce = true\n{extra}\n\
         [[item]]\nsku = \"KETTLE\"\nprice = \"399.00\"\n",
        at(Millis::HOUR),
        at(3 * Millis::DAY)
    );
    let file = CampaignFile::parse(&text)?;
    planning::plan(&world.app, &file, text).await.unwrap()
}

async fn members_prices_are_kept_apart_and_a_campaign_for_members_stays_with_them(test: TestDb) {
    let world = world(test, MEMBERS).await;
    assert_eq!(shown(&world).await, [Some(49_900), Some(49_900), Some(44_910)]);
    assert_eq!(audiences(&world, "till").await, [(44_910, "loyalty".to_owned())]);
    assert_eq!(audiences(&world, "webshop").await, [(49_900, "public".to_owned())]);
    world.app.clock.advance(45 * Millis::DAY);
    let id = intent::add(&world, Millis::HOUR, 3 * Millis::DAY, "audience = \"loyalty\"").await;
    let stored = campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap();
    assert_eq!((stored.audience.as_str(), stored.channels.as_str()), ("loyalty", "[\"till\"]"));
    let now = world.app.now();
    let mut reader = report::people::readers(&world.app).await.unwrap().remove(0);
    reader.person.quiet_day = omniprice::config::QuietDay::Short;
    let tracks = report::tracks(&world.app, now.plus(-Millis::DAY)).await.unwrap();
    let mail =
        report::digest_for(&world.app, &tracks, &reader, now.plus(-Millis::DAY), now).await.unwrap().unwrap().text;
    assert!(mail.contains("1 product; for members alone; "), "{mail}");
    assert!(mail.contains("prices on till are for members alone"), "every report names the channel: {mail}");
    world.app.clock.advance(Millis::HOUR);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(49_900), Some(49_900), Some(35_910)], "nobody else gets it");
    assert_eq!(world.ours("KETTLE").await, 49_900);
    let frozen = strikes::strikes_of(&world.app.db, id, 10).await.unwrap();
    let told: Vec<_> = frozen.iter().map(|one| (one.channel.as_str(), one.announce, one.prior_minor)).collect();
    assert_eq!(told, [("till", 1, Some(44_910))], "the lowest that members could have had: {frozen:?}");
    world.app.clock.advance(3 * Millis::DAY);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(49_900), Some(49_900), Some(44_910)]);
}

async fn a_channel_that_opens_to_everybody_has_no_public_history_yet(test: TestDb) {
    let world = world(test, MEMBERS).await;
    world.app.clock.advance(45 * Millis::DAY);
    let open = MEMBERS.replace("audience = \"loyalty\"\n", "");
    std::fs::write(world.test.dir.path().join("rules.toml"), format!("{RULES}\n{open}")).unwrap();
    world.drive().await;
    world.app.clock.advance(Millis::DAY);
    world.drive().await;
    let till = audiences(&world, "till").await;
    assert_eq!(till, [(44_910, "loyalty".to_owned()), (44_910, "public".to_owned())]);
    let outlook = planning::outlook(&world.app, &planned(&world, "").await.unwrap()).await.unwrap();
    let may = |channel: &str| outlook.iter().find(|one| one.channel == channel).map(|one| one.announce);
    assert_eq!((may("webshop"), may("till")), (Some(true), Some(false)), "{outlook:?}");
    let till = outlook.iter().find(|one| one.channel == "till").unwrap();
    assert!(till.reasons.iter().any(|why| why == "insufficient history"), "{till:?}");
}

async fn a_campaign_for_members_names_no_channel_that_everybody_sees(test: TestDb) {
    let world = world(test, MEMBERS).await;
    let refused =
        planned(&world, "audience = \"loyalty\"\nchannels = [\"till\", \"webshop\"]").await.unwrap_err().join("\n");
    assert!(
        refused.contains("`webshop` shows its prices to everybody") && refused.contains("hint: audience"),
        "{refused}"
    );
    let feed = planned(&world, "audience = \"loyalty\"\nchannels = [\"google\"]").await.unwrap_err().join("\n");
    assert!(feed.contains("hint: leave it out of `channels`") && !feed.contains("audience ="), "{feed}");
    let single = planned(&world, "audience = \"individual\"").await.unwrap_err().join("\n");
    assert!(single.contains("audience: prices for single persons") && single.contains("hint: "), "{single}");
    assert_eq!(planned(&world, "audience = \"loyalty\"\nchannels = [\"till\"]").await.unwrap().channels, ["till"]);
    std::fs::write(world.test.dir.path().join("rules.toml"), RULES).unwrap();
    let none = planned(&world, "audience = \"loyalty\"").await.unwrap_err().join("\n");
    assert!(none.contains("no channel is for members\nhint: "), "{none}");
}

async fn a_connector_that_everybody_sees_gets_no_price_for_members(test: TestDb) {
    let rules = "[[channel]]\nid = \"google\"\nkind = \"api\"\nmarket = \"DK\"\naudience = \"loyalty\"\nadjust = { percent = \"-10\" }\n";
    let world = world(test, rules).await;
    world.near.show("KETTLE", crate::harness::price(48_900));
    world.drive().await;
    let held = world.listing("KETTLE", "google").await;
    assert_eq!((held.state.as_str(), held.live_minor), ("held", None), "{}", held.reason);
    assert!(held.reason.contains("shows prices to everybody: take audience"), "{}", held.reason);
    assert_eq!(world.listing("KETTLE", "webshop").await.live_minor, Some(48_900));
}

#[test]
fn kinds_that_everybody_sees_and_single_persons_are_refused_by_the_rules() {
    let parsed = |kind: &str, audience: &str| {
        let channel =
            format!("[[channel]]\nid = \"a\"\nkind = \"{kind}\"\nmarket = \"DK\"\naudience = \"{audience}\"\n");
        RuleSet::parse(&format!("{RULES}\n{channel}")).map(|(set, _)| set.audience("a")).map_err(|e| format!("{e:?}"))
    };
    assert_eq!(parsed("pos", "loyalty"), Ok(Audience::Loyalty));
    for kind in ["marketplace", "feed", "shelf_label"] {
        let refused = parsed(kind, "loyalty").unwrap_err();
        assert!(refused.contains("shows its prices to everybody") && refused.contains("hint"), "{refused}");
        assert_eq!(parsed(kind, "public"), Ok(Audience::Public));
    }
    assert!(parsed("shop", "individual").unwrap_err().contains("single persons"));
}

/// 199.00 for all, and 139.00 for members for a week in between.
#[test]
fn members_could_have_had_both_prices_and_the_public_only_one() {
    let at = |text: &str| format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().unwrap();
    let live = |from: &str, until: Option<&str>, minor: i64, audience: Audience| LivePrice {
        from: at(from),
        until: until.map(at),
        price: WirePrice::from_minor(minor, Currency::DKK),
        audience,
    };
    let history = [
        live("2026-06-01", None, 19_900, Audience::Public),
        live("2026-11-02", Some("2026-11-09"), 13_900, Audience::Loyalty),
    ];
    let rules = PriorTable::new(&Default::default()).of("DK");
    let of = |audience: Audience| {
        let reduction = Reduction {
            start: at("2026-11-27"),
            end: None,
            price: WirePrice::from_minor(14_900, Currency::DKK),
            audience,
            perishable: false,
            earlier_steps: vec![],
        };
        let found = prior_price(&history, &reduction, &rules, &jiff::tz::TimeZone::UTC);
        (found.prior.map(|prior| prior.to_string()), found.announce)
    };
    assert_eq!(of(Audience::Public), (Some("199.00 DKK".to_owned()), Some(true)));
    assert_eq!(of(Audience::Loyalty), (Some("139.00 DKK".to_owned()), Some(false)));
    assert_eq!(of(Audience::Individual), (None, None));
}
