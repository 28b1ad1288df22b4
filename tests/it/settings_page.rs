//! The settings behind a mail's link: a wrong entry is told in the reader's language beside its field, and costs nobody
//! what they typed.

use std::sync::Arc;

use omniprice::config::{Language, address};
use omniprice::report::lang::Words;
use omniprice::report::link::{Claim, Purpose};
use omniprice::report::people;
use omniprice::store::subscriptions;
use omniprice::web;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::harness::{Engine, Setup, World, database};

/// One request on loopback, and the whole answer.
async fn post(port: u16, path: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The input of a field, from `<label>` to `</label>`.
fn label<'a>(page: &'a str, name: &str) -> &'a str {
    let labels = page.split("<label>").skip(1).filter_map(|label| label.split("</label>").next());
    labels.into_iter().find(|label| label.contains(&format!("name=\"{name}\""))).unwrap()
}

#[tokio::test]
async fn wrong_settings_are_told_beside_their_fields_in_every_language_and_nothing_typed_is_lost() {
    let world = World::open(database(Engine::Sqlite).await.unwrap(), Setup::default()).await;
    let app = Arc::clone(&world.app);
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&app), listener, stop.clone()));
    let person = address(&app.config.report.recipients[0]);
    let claim = Claim { purpose: Purpose::Settings, person: person.clone(), until: 0 };
    let path = format!("/people/{}", people::links(&app).await.unwrap().token(&claim).unwrap());
    let body = "digest=never&time_zone=Mars%2FBase&quiet=late&fall_pct=some&kinds=price_war%2C+thunder&sections=weather\
                &channels=till%2C+moon&tags=%22open&alerts=loudly&categories=audio&brands=Acme&rise_pct=2.5";
    for language in Language::ALL {
        let words = Words::of(language);
        let saved = post(port, &path, &format!("language={}", language.code())).await;
        assert!(saved.starts_with("HTTP/1.1 200") && saved.contains(words.settings_saved), "{saved}");
        let before = subscriptions::get(&app.db, &person).await.unwrap().map(|stored| stored.value);
        let page = post(port, &path, body).await;
        assert!(page.starts_with("HTTP/1.1 422"), "{page}");
        let after = subscriptions::get(&app.db, &person).await.unwrap().map(|stored| stored.value);
        assert_eq!(before, after, "all or nothing");
        let names = |names: &str| words.wrong_name.replace("{names}", names);
        for (name, typed, told) in [
            ("digest", "never", words.wrong_schedule.to_owned()),
            ("time_zone", "Mars/Base", words.wrong_zone.to_owned()),
            ("quiet", "late", words.wrong_hours.to_owned()),
            ("fall_pct", "some", words.wrong_number.to_owned()),
            ("kinds", "price_war, thunder", names("thunder")),
            ("sections", "weather", names("weather")),
            ("channels", "till, moon", names("moon")),
            ("tags", "&#34;open", words.wrong_list.to_owned()),
            ("alerts", "", words.wrong_value.to_owned()),
        ] {
            let field = label(&page, name);
            assert!(
                field.contains(&format!("<span class=\"wrong\" id=\"wrong-{name}\">{told}</span>")),
                "{name}: {field}"
            );
            assert!(
                field.contains(&format!("aria-invalid=\"true\" aria-describedby=\"wrong-{name}\"")),
                "{name}: {field}"
            );
            assert!(typed.is_empty() || field.contains(&format!("value=\"{typed}\"")), "{name}: {field}");
            if language != Language::En {
                assert_ne!(told, Words::of(Language::En).wrong_value);
            }
        }
        for (name, typed) in [("categories", "audio"), ("brands", "Acme"), ("rise_pct", "2.5")] {
            let field = label(&page, name);
            assert!(
                field.contains(&format!("value=\"{typed}\"")) && !field.contains("aria-invalid"),
                "{name}: {field}"
            );
        }
        let summary = words.not_saved.split('{').next().unwrap();
        assert!(page.contains(&format!("<p class=\"wrong\" role=\"alert\">{summary}")), "{page}");
        assert!(page.contains(&format!("<html lang=\"{}\">", language.code())) && !page.contains("hint:"), "{page}");
    }
    // A channel that was taken out of the configuration is named, though nobody typed it now.
    let stored = serde_json::json!({ "channels": ["till", "moon"] }).to_string();
    subscriptions::set(&app.db, person.clone(), stored, "ops".into(), "before".into(), app.now()).await.unwrap();
    let page = post(port, &path, "channels=till%2C+moon&brands=Acme").await;
    let field = label(&page, "channels");
    assert!(page.starts_with("HTTP/1.1 422") && field.contains("Not known here: moon"), "{page}");
    assert!(post(port, &path, "channels=till&brands=Acme").await.starts_with("HTTP/1.1 200"));
    assert_eq!(people::reader(&app, &person).await.unwrap().person.brands, ["Acme"]);
    stop.cancel();
    serving.await.unwrap().unwrap();
}
