//! Links of mails: looking changes nothing, only forms act, and only on what the link is for.

use std::sync::Arc;
use std::time::Duration;

use omniprice::config::address;
use omniprice::report::link::{Claim, Purpose};
use omniprice::report::people;
use omniprice::store::{decisions, subscriptions};
use omniprice::web;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::harness::{Engine, Setup, World, database, price};

/// Asks the served application; the whole answer.
pub async fn ask(port: u16, method: &str, path: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_show_on_get_and_act_on_post_only() {
    let world =
        World::open(database(Engine::Sqlite).await.unwrap(), Setup { mode: "review", ..Setup::default() }).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let app = Arc::clone(&world.app);
    let review = decisions::open_reviews(&app.db, 5).await.unwrap().remove(0);
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&app), listener, stop.clone()));
    let links = people::links(&app).await.unwrap();
    let person = address(&app.config.report.recipients[0]);
    let path = |purpose, until: i64| {
        format!("/people/{}", links.token(&Claim { purpose, person: person.clone(), until }).unwrap())
    };
    let state = async || decisions::review(&app.db, review.id).await.unwrap().unwrap().state;

    let approve = path(Purpose::Approve(review.id), review.expires_at);
    for _ in 0..3 {
        let shown = ask(port, "GET", &approve, "").await;
        assert!(
            shown.starts_with("HTTP/1.1 200") && shown.contains("<form method=\"post\">") && shown.contains("DKK"),
            "{shown}"
        );
        assert!(shown.contains("cache-control: no-store") && shown.contains("referrer-policy: no-referrer"), "{shown}");
    }
    assert_eq!(ask(port, "HEAD", &approve, "").await.lines().next().unwrap(), "HTTP/1.1 200 OK");
    assert_eq!(state().await, "open", "looking changes nothing");
    let forged = format!("{}x", approve);
    assert!(ask(port, "POST", &forged, "").await.starts_with("HTTP/1.1 404"));
    let expired = path(Purpose::Approve(review.id), 1);
    assert!(ask(port, "POST", &expired, "").await.starts_with("HTTP/1.1 410"));
    // A link to reject cannot approve, whatever is posted to it; one for another review is not this one's.
    assert!(ask(port, "POST", &path(Purpose::Approve(review.id + 99), 0), "").await.starts_with("HTTP/1.1 409"));
    assert_eq!(state().await, "open");
    let done = ask(port, "POST", &approve, "why=looks+right%0d%0aX").await;
    assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    assert_eq!(state().await, "approved");
    let decision = decisions::latest(&app.db, review.product_id).await.unwrap().unwrap();
    assert_eq!((decision.actor.as_str(), decision.price_minor), (person.as_str(), 47_900));
    assert!(ask(port, "POST", &approve, "").await.starts_with("HTTP/1.1 409"), "once");
    assert!(ask(port, "GET", &approve, "").await.starts_with("HTTP/1.1 409"));

    let product = path(Purpose::Product(review.product_id), 0);
    let shown = ask(port, "GET", &product, "").await;
    for expected in ["HTTP/1.1 200", "KETTLE", "<svg", "479.00", "webshop: ", "near.example: "] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    assert!(ask(port, "POST", &product, "").await.starts_with("HTTP/1.1 405"));
    assert!(ask(port, "GET", &path(Purpose::Product(9_999), 0), "").await.starts_with("HTTP/1.1 410"));

    let settings = path(Purpose::Settings, 0);
    let shown = ask(port, "GET", &settings, "").await;
    assert!(shown.contains("name=\"categories\""), "{shown}");
    let saved =
        ask(port, "POST", &settings, "language=pl&categories=audio%2C+%3Cb%3E&alerts=critical&off=true&mail=eve%40x")
            .await;
    assert!(saved.contains("Zapisano") && saved.contains("audio, &#60;b&#62;"), "{saved}");
    let reader = people::reader(&app, &person).await.unwrap();
    assert!(!reader.person.off && reader.address == person, "only what the form asks can be changed");
    let stored = subscriptions::get(&app.db, &person).await.unwrap().unwrap().value;
    let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let keys: Vec<&String> = stored.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["alerts", "categories", "language"], "what the page asks, and only what was changed");
    let shown = ask(port, "POST", &settings, "language=pl&alerts=critical&quiet_day=skip&quiet=22%3A00-06%3A00").await;
    assert!(shown.contains("Żaden produkt jeszcze tego nie ma: audio"), "an empty scope is said: {shown}");
    let stored = subscriptions::get(&app.db, &person).await.unwrap().unwrap().value;
    assert!(stored.contains("\"quiet\"") && !stored.contains("quiet_day"), "{stored}");
    let body = "categories=%22Home%2C+Garden%22&kinds=price_war&sections=market&attachments=csv&rise_amount=2.50";
    let saved = ask(port, "POST", &settings, body).await;
    assert!(saved.contains("&#34;Home, Garden&#34;"), "{saved}");
    let person_now = people::reader(&app, &person).await.unwrap().person;
    assert_eq!(
        (person_now.categories, person_now.kinds),
        (vec!["Home, Garden".to_owned()], vec!["price_war".to_owned()])
    );
    assert_eq!((person_now.sections.len(), person_now.attachments.len()), (1, 1));
    assert_eq!(person_now.rise_amount.0.to_string(), "2.50");
    let wrong = ask(port, "POST", &settings, "digest=never").await;
    assert!(wrong.starts_with("HTTP/1.1 422") && wrong.contains("To nie jest harmonogram."), "{wrong}");

    let leave = path(Purpose::Unsubscribe, 0);
    ask(port, "GET", &leave, "").await;
    assert_eq!(people::readers(&app).await.unwrap().len(), 1, "a scanner that follows the link unsubscribes nobody");
    let gone = ask(port, "POST", &leave, "List-Unsubscribe=One-Click").await;
    assert!(gone.starts_with("HTTP/1.1 200"), "{gone}");
    assert!(people::readers(&app).await.unwrap().is_empty());
    ask(port, "POST", &leave, "List-Unsubscribe=One-Click").await;
    assert!(people::readers(&app).await.unwrap().is_empty(), "twice is once");
    ask(port, "POST", &leave, "again=on").await;
    assert_eq!(people::readers(&app).await.unwrap().len(), 1);

    // Somebody who was added with costs hidden, and removed: old links bring nobody back.
    let hidden = serde_json::Map::from_iter([("hide_costs".to_owned(), serde_json::Value::Bool(true))]);
    people::change(&app, "eve@shop.test", hidden, "ops", "asked for").await.unwrap();
    let of_eve = |purpose, until: i64| {
        let claim = Claim { purpose, person: "eve@shop.test".to_owned(), until };
        format!("/people/{}", links.token(&claim).unwrap())
    };
    assert!(ask(port, "GET", &of_eve(Purpose::Settings, 0), "").await.starts_with("HTTP/1.1 200"));
    assert!(subscriptions::remove(&app.db, "eve@shop.test".into()).await.unwrap());
    assert!(ask(port, "GET", &of_eve(Purpose::Settings, 0), "").await.starts_with("HTTP/1.1 410"));
    assert!(ask(port, "POST", &of_eve(Purpose::Settings, 0), "language=da").await.starts_with("HTTP/1.1 410"));
    assert!(ask(port, "POST", &of_eve(Purpose::Unsubscribe, 0), "again=on").await.starts_with("HTTP/1.1 200"));
    let everybody = people::everybody(&app).await.unwrap();
    assert!(everybody.iter().all(|person| person.address() != "eve@shop.test"), "{everybody:?}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
