//! Ways out of alerts beside each other: a mail server that hangs, people who were removed, and signed webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use omniprice::clock::{Clock, Millis};
use omniprice::report::alerting;
use omniprice::store::{alerts, events};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::{app, headers, mails, refused};
use crate::harness::{Engine, database};
use crate::store_suite::NOW;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver on loopback that answers with the given codes, then with 200, and keeps what it got.
async fn receiver(codes: Vec<u16>) -> (u16, Arc<Mutex<Vec<(String, Vec<u8>)>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&got);
    tokio::spawn(async move {
        let mut codes = codes.into_iter();
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while stream.read_line(&mut head).await.unwrap() > 2 {}
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            let mut body = vec![0; length.map_or(0, |l| l.trim().parse().unwrap())];
            stream.read_exact(&mut body).await.unwrap();
            kept.lock().unwrap().push((head, body));
            let answer =
                format!("HTTP/1.1 {} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", codes.next().unwrap_or(200));
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, got)
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_delays_mails_alone() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (hook, got) = receiver(vec![]).await;
    let extra = format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\ntimeout = \"3s\"\nfrom = \"o@shop.test\"\n\
         [alerts]\nwebhook = \"http://127.0.0.1:{hook}/alerts\"\nwebhook_secret = \"{SECRET}\"\n\
         [report]\nrecipients = [\"ann@shop.test\", \"bob@shop.test\", \"cid@shop.test\"]\n",
        silent.local_addr().unwrap().port()
    );
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(NOW);
    let app = app(&test, &clock, &extra).await;
    events::raise(&app.db, refused("channel-refused/webshop"), NOW).await.unwrap();
    clock.advance(20 * Millis::SECOND);
    alerting::watch(&app).await.unwrap();
    let sending = alerting::send_queued(&app);
    let hooked = async {
        while got.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        alerts::messages(&app.db, NOW, 10).await.unwrap()
    };
    tokio::pin!(sending);
    let meanwhile = tokio::select! {
        _ = &mut sending => panic!("the hook waited for the mails"),
        meanwhile = hooked => meanwhile,
    };
    let mut mails = meanwhile.iter().filter(|message| message.target.contains('@'));
    assert!(mails.all(|message| message.state == "queued"), "{meanwhile:?}");
    assert_eq!(sending.await.unwrap(), 1);
    let mut tries: Vec<i64> = alerts::messages(&app.db, NOW, 10).await.unwrap().iter().map(|m| m.tries).collect();
    tries.sort_unstable();
    assert_eq!(tries, [0, 0, 1, 1], "what keeps one mail waiting would keep the next");
}

#[tokio::test]
async fn whoever_was_removed_gets_nothing_that_was_queued_before() {
    let test = database(Engine::Sqlite).await.unwrap();
    let clock = Clock::manual(NOW);
    let both = "[report]\nrecipients = [\"ann@shop.test\", \"bob@shop.test\"]\n";
    let before = app(&test, &clock, both).await;
    events::raise(&before.db, refused("channel-refused/webshop"), NOW).await.unwrap();
    clock.advance(20 * Millis::SECOND);
    alerting::watch(&before).await.unwrap();
    let after = app(&test, &clock, "[report]\nrecipients = [\"ann@shop.test\"]\n").await;
    assert_eq!(alerting::send_queued(&after).await.unwrap(), 1);
    let told = alerts::messages(&after.db, NOW, 10).await.unwrap();
    let of = |target: &str| told.iter().find(|message| message.target == target).unwrap();
    assert_eq!((of("ann@shop.test").state.as_str(), of("bob@shop.test").state.as_str()), ("sent", "failed"));
    assert!(of("bob@shop.test").detail.contains("told nothing any more"));
    let [mail] = &mails(test.dir.path())[..] else { panic!("one mail") };
    assert!(headers(mail, "To:")[0].contains("ann@"));
}

#[tokio::test]
async fn hooks_get_the_same_signed_message_on_every_try() {
    let test = database(Engine::Sqlite).await.unwrap();
    let (port, got) = receiver(vec![503]).await;
    let (chat, chatted) = receiver(vec![]).await;
    let extra = format!(
        "[alerts]\nwebhook = \"http://127.0.0.1:{port}/alerts\"\nwebhook_secret = \"{SECRET}\"\nslack = \"http://127.0.0.1:{chat}/slack\"\n\
         teams = \"http://127.0.0.1:{chat}/teams\"\nwebhook_language = \"de\"\nslack_language = \"pl\"\n"
    );
    let clock = Clock::manual(NOW);
    let app = app(&test, &clock, &extra).await;
    events::raise(&app.db, refused("channel-refused/webshop"), NOW).await.unwrap();
    clock.advance(20 * Millis::SECOND);
    assert_eq!(alerting::round(&app).await.unwrap(), 2, "both chats took it, the webhook was busy");
    clock.advance(Millis::MINUTE);
    assert_eq!(alerting::round(&app).await.unwrap(), 1);
    let got = got.lock().unwrap();
    let [(first, body), (second, again)] = &got[..] else { panic!("{} tries", got.len()) };
    let header = |head: &str, name: &str| {
        head.lines().find_map(|l| l.strip_prefix(&format!("{name}: ")).map(str::to_owned)).unwrap()
    };
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert_eq!(header(first, name), header(second, name));
    }
    assert_eq!(body, again);
    let key = base64::engine::general_purpose::STANDARD.decode(&SECRET[6..]).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", header(first, "webhook-id"), header(first, "webhook-timestamp")).as_bytes());
    mac.update(body);
    let signature = base64::engine::general_purpose::STANDARD.decode(&header(first, "webhook-signature")[3..]).unwrap();
    mac.verify_slice(&signature).unwrap();
    let message: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!((message["type"].as_str(), message["data"]["open"].as_i64()), (Some("alert.raised"), Some(1)));
    let chatted: Vec<String> =
        chatted.lock().unwrap().iter().map(|(head, body)| format!("{head}{}", String::from_utf8_lossy(body))).collect();
    assert_eq!(chatted.len(), 2);
    for (path, words) in [("/slack", "Kanał nas odrzuca"), ("/teams", "Ein Kanal weist uns ab")] {
        assert!(chatted.iter().any(|text| text.contains(path) && text.contains(words)), "{path}: {chatted:?}");
    }
    let event = &message["data"]["events"][0];
    assert_eq!((&event["kind"], &event["title"]), (&"channel_refused".into(), &"Ein Kanal weist uns ab".into()));
    let said = "webshop nimmt keine Preise an: der Kanal lehnt die Zugangsdaten ab (401)";
    assert_eq!(event["message"], said);
}
