//! A digest through a real MTA with STARTTLS and authentication, fetched back over IMAP and read by a mail parser that
//! is not ours.

use std::time::Duration;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::report::digest::Digest;
use omniprice::report::mail::{Envelope, MailError};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::harness::{Engine, database, skip, uuid};

struct Server {
    smtp: String,
    imap: u16,
    ca: String,
    user: String,
    password: String,
}

fn server() -> Option<Server> {
    let get = |name: &str| std::env::var(name).ok();
    let found = (|| {
        Some(Server {
            smtp: get("TEST_SMTP_PORT")?,
            imap: get("TEST_IMAP_PORT")?.parse().ok()?,
            ca: get("TEST_SMTP_CA")?,
            user: get("TEST_MAIL_USER")?,
            password: get("TEST_MAIL_PASSWORD")?,
        })
    })();
    if found.is_none() {
        skip("mail through Postfix", "TEST_SMTP_PORT is not set; ./test starts Postfix and Dovecot");
    }
    found
}

async fn app(server: &Server, password: &str) -> (std::sync::Arc<App>, crate::harness::TestDb) {
    let test = database(Engine::Sqlite).await.unwrap();
    let file = test.dir.path().join("omniprice.toml");
    let text = format!(
        "[database]\nurl = \"{}\"\n[mail]\ntransport = \"smtp\"\nhost = \"localhost\"\nport = {}\nsecurity = \"starttls\"\nuser = \"{}\"\npassword = \"{password}\"\n\
         ca_file = \"{}\"\nfrom = \"omniprice <{}>\"\n[web]\nlisten = \"\"\n",
        test.url, server.smtp, server.user, server.ca, server.user
    );
    std::fs::write(&file, text).unwrap();
    let app = App::build(Config::load(Some(&file), &[]).unwrap(), Clock::System).await.unwrap();
    (app, test)
}

fn digest(subject: &str) -> Digest {
    Digest {
        subject: subject.to_owned(),
        text: "KETTLE 499.00 -> 479.00 DKK æøå\n".into(),
        html: "<p>KETTLE <b>479.00</b> æøå</p>".into(),
        ..Digest::default()
    }
}

fn envelope(server: &Server, to: &str, id: &str) -> Envelope {
    Envelope {
        from: format!("omniprice <{}>", server.user),
        to: to.to_owned(),
        message_id: id.to_owned(),
        at: Millis(1_795_251_600_000),
        ..Envelope::default()
    }
}

/// Logs in and fetches the newest message whose subject holds `marker`.
async fn fetch(server: &Server, marker: &str) -> Option<Vec<u8>> {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.imap)).await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let login = format!(
        "a LOGIN \"{}\" \"{}\"\r\nb SELECT INBOX\r\nc SEARCH SUBJECT \"{marker}\"\r\n",
        server.user, server.password
    );
    stream.write_all(login.as_bytes()).await.unwrap();
    let mut found = None;
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the IMAP server hung up");
        if let Some(numbers) = line.strip_prefix("* SEARCH") {
            found = numbers.split_whitespace().last().map(str::to_owned);
        }
        if line.starts_with("c ") {
            break;
        }
    }
    let number = found?;
    stream.write_all(format!("d FETCH {number} BODY[]\r\n").as_bytes()).await.unwrap();
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    let size: usize = line.rsplit_once('{').unwrap().1.trim_end().trim_end_matches('}').parse().unwrap();
    let mut message = vec![0; size];
    stream.read_exact(&mut message).await.unwrap();
    Some(message)
}

#[tokio::test]
async fn a_digest_reaches_a_real_mailbox_and_opens_in_a_mail_parser() {
    let Some(server) = server() else { return };
    let (app, test) = app(&server, &server.password).await;
    app.mailer.probe().await.unwrap();
    let marker = format!("marker{}", uuid().replace('_', "x"));
    let id = format!("<{marker}@omniprice.localhost>");
    let to = format!("Pricing Ærø <{}>", server.user);
    app.mailer.send(&digest(&format!("Prices: {marker} æøå")), &envelope(&server, &to, &id)).await.unwrap();
    let mut message = None;
    for _ in 0..100 {
        message = fetch(&server, &marker).await;
        if message.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let file = test.dir.path().join("got.eml");
    std::fs::write(&file, message.expect("the mail arrived")).unwrap();
    // Python's own mail package stands for a client that we did not write.
    let script = "import email,sys;from email import policy;m=email.message_from_file(open(sys.argv[1],encoding='utf-8',errors='replace'),policy=policy.default)\n\
                  print(m['subject']);print(m['message-id']);print(m['auto-submitted']);print(m.get_body(('plain',)).get_content().strip());print(m.get_body(('html',)).get_content().strip())";
    let parsed = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&file)
        .env("PYTHONIOENCODING", "utf-8")
        .output()
        .unwrap();
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    let parsed = String::from_utf8(parsed.stdout).unwrap();
    let lines: Vec<&str> = parsed.lines().collect();
    assert_eq!(lines[0], format!("Prices: {marker} æøå"));
    assert_eq!(lines[1], id);
    assert_eq!(lines[2], "auto-generated");
    assert_eq!(lines[3], "KETTLE 499.00 -> 479.00 DKK æøå");
    assert_eq!(lines[4], "<p>KETTLE <b>479.00</b> æøå</p>");
}

#[tokio::test]
async fn refusals_for_good_and_for_now_are_told_apart() {
    let Some(server) = server() else { return };
    let (good, _dir) = app(&server, &server.password).await;
    let unknown = good.mailer.send(&digest("x"), &envelope(&server, "nobody@shop.test", "<1@x>")).await.unwrap_err();
    assert!(matches!(unknown, MailError::Permanent(_)), "{unknown}");
    let (bad, _dir) = app(&server, "wrong").await;
    let refused = bad.mailer.send(&digest("x"), &envelope(&server, &server.user, "<2@x>")).await.unwrap_err();
    assert!(matches!(refused, MailError::Permanent(_)), "{refused}");
    let nobody = Server { smtp: "1".into(), ..server };
    let (down, _dir) = app(&nobody, "x").await;
    let gone = down.mailer.send(&digest("x"), &envelope(&nobody, "a@shop.test", "<3@x>")).await.unwrap_err();
    assert!(matches!(gone, MailError::Temporary(_)), "{gone}");
}
