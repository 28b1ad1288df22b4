//! Links of campaigns that wait for a second person: looking changes nothing, only the form acts, and nobody agrees to a
//! campaign of their own.

mod asked;
mod entered;

use std::sync::Arc;

use omniprice::clock::Millis;
use omniprice::config::Language;
use omniprice::decide::release::is_same_person;
use omniprice::report::link::{Claim, Purpose};
use omniprice::report::people;
use omniprice::report::{digest_for, tracks};
use omniprice::store::campaigns::{self, Campaign};
use omniprice::web;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::alerts::links::ask;
use crate::harness::{Engine, Setup, World, database};
use crate::intent;

const CONFIG: &str = "[release]\noff = [\"quorum\", \"dead_band\", \"velocity\", \"oscillation\", \"loop\", \"corridor\", \"staging\"]\n\
                      second_person_above_pct = \"10\"\n";

async fn planned() -> (World, Campaign) {
    let setup = Setup { config: CONFIG, ..Setup::default() };
    let world = intent::world(database(Engine::Sqlite).await.unwrap(), setup).await;
    intent::add(&world, Millis::DAY, 3 * Millis::DAY, "").await;
    let one = campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap();
    assert!(one.waits().is_some());
    (world, one)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_agreed_to_by_the_form_behind_its_link_and_not_by_who_planned_it() {
    let (world, one) = planned().await;
    let app = Arc::clone(&world.app);
    for mail in ["ann@shop.example", "bob@shop.example"] {
        people::change(&app, mail, Map::from_iter([("alerts".to_owned(), Value::from("all"))]), "ops", "joins")
            .await
            .unwrap();
    }
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&app), listener, stop.clone()));
    let links = people::links(&app).await.unwrap();
    let path = |who: &str, purpose| {
        let claim = Claim { purpose, person: format!("{who}@shop.example"), until: one.waits_until.unwrap() };
        format!("/people/{}", links.token(&claim).unwrap())
    };
    let now = async || campaigns::by_id(&app.db, one.id).await.unwrap().unwrap();

    let approve = path("bob", Purpose::ApproveCampaign(one.id));
    for method in ["GET", "HEAD", "GET"] {
        let shown = ask(port, method, &approve, "").await;
        assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
        if method == "GET" {
            let expected =
                ["<form method=\"post\">", "black-week waits until", "somebody else than ann", "KETTLE", "399.00"];
            expected.iter().for_each(|part| assert!(shown.contains(part), "{part}: {shown}"));
        }
    }
    assert!(now().await.waits().is_some(), "looking changes nothing");
    let own = path("ann", Purpose::ApproveCampaign(one.id));
    let refused = ask(port, "POST", &own, "why=mine").await;
    assert!(refused.starts_with("HTTP/1.1 409") && refused.contains("ann planned this campaign"), "{refused}");
    assert!(now().await.waits().is_some(), "who planned it cannot agree to it");
    // A link of a review with the same number does nothing to the campaign.
    assert!(ask(port, "POST", &path("bob", Purpose::Approve(one.id)), "").await.starts_with("HTTP/1.1 409"));
    assert!(now().await.waits().is_some());

    let done = ask(port, "POST", &approve, "why=the+shelf+is+full").await;
    assert!(done.starts_with("HTTP/1.1 200") && done.contains("goes ahead"), "{done}");
    let agreed = now().await;
    let consent = (agreed.consent_by.as_deref(), agreed.consent_why.as_deref(), agreed.waits());
    assert_eq!(consent, (Some("bob@shop.example"), Some("the shelf is full"), None));
    for (method, who) in [("POST", "bob"), ("GET", "ann")] {
        let late = ask(port, method, &path(who, Purpose::RejectCampaign(one.id)), "").await;
        assert!(late.starts_with("HTTP/1.1 409") && late.contains("bob@shop.example approved it"), "{late}");
    }
    assert_eq!(now().await.phase, "planned", "a link that comes too late cancels nothing");
    let (by, why) = (Some("carl@shop.example".to_owned()), Some("sold out".to_owned()));
    assert!(campaigns::set_phase(&app.db, one.id, "cancelled", by, why, app.now()).await.unwrap());
    let over = ask(port, "GET", &path("ann", Purpose::ApproveCampaign(one.id)), "").await;
    assert!(over.contains("bob@shop.example approved it"), "{over}");
    assert!(
        over.contains("carl@shop.example turned it down") && over.contains("sold out"),
        "and what became of it: {over}"
    );
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_cancelled_by_the_form_behind_its_link() {
    let (world, one) = planned().await;
    let app = Arc::clone(&world.app);
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&app), listener, stop.clone()));
    let reader = people::readers(&app).await.unwrap().remove(0);
    let claim = Claim { purpose: Purpose::RejectCampaign(one.id), person: reader.address.clone(), until: 0 };
    let path = format!("/people/{}", people::links(&app).await.unwrap().token(&claim).unwrap());
    assert!(ask(port, "GET", &path, "").await.contains("Cancel this campaign?"));
    let done = ask(port, "POST", &path, "").await;
    assert!(done.starts_with("HTTP/1.1 200") && done.contains("Cancelled."), "{done}");
    let ended = campaigns::by_id(&app.db, one.id).await.unwrap().unwrap();
    assert_eq!((ended.phase.as_str(), ended.ended_by), ("cancelled", Some(reader.address)));
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn digests_carry_the_links_in_every_language_and_commands_where_there_is_no_address() {
    let (world, one) = planned().await;
    let app = &world.app;
    let now = app.now();
    let mut reader = people::readers(app).await.unwrap().remove(0);
    let (from, tracks) = (now.plus(-Millis::DAY), tracks(app, now.plus(-Millis::DAY)).await.unwrap());
    let told = digest_for(app, &tracks, &reader, from, now).await.unwrap().unwrap().text;
    assert!(told.contains("omniprice approve campaign/black-week --why"), "{told}");
    reader.links = omniprice::report::link::Links::new("https://prices.example", vec![7; 32]);
    for language in [Language::En, Language::Da, Language::Sv, Language::Pl, Language::De] {
        reader.voice.language = language;
        reader.voice.words = omniprice::report::lang::Words::of(language);
        let told = digest_for(app, &tracks, &reader, from, now).await.unwrap().unwrap().text;
        let words = reader.voice.words;
        let purposes =
            [(words.approve, Purpose::ApproveCampaign(one.id)), (words.reject, Purpose::RejectCampaign(one.id))];
        for (label, purpose) in purposes {
            let url = reader.link(purpose, one.waits()).unwrap();
            assert!(told.contains(&format!("{label}: {url}")), "{language:?}: {told}");
        }
        assert!(!told.contains("omniprice approve campaign"), "{told}");
    }
}

#[test]
fn an_address_and_the_name_before_its_at_are_one_person() {
    assert!(is_same_person("Ann", " ann@shop.example") && is_same_person("ann@shop.example", "ANN"));
    assert!(is_same_person("Ann@shop.example", "ann@Shop.example"));
    assert!(!is_same_person("ann@shop.example", "ann@other.example"), "two addresses are two persons");
    assert!(!is_same_person("bob", "ann@shop.example") && !is_same_person(" ", "") && !is_same_person("", "@x"));
}
