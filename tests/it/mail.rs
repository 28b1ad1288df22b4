//! A digest through a real MTA with STARTTLS and authentication, fetched back over IMAP and read by a mail parser that
//! is not ours.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::config::{Config, Language};
use omniprice::report::digest::{Digest, render};
use omniprice::report::mail::{Envelope, MailError};
use omniprice::report::{people, send_due, send_slot};
use omniprice::store::events;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::digest_day::{full, reader};
use crate::harness::{Engine, database, skip, uuid};
use crate::store_suite::NOW;

struct Server {
    smtp: String,
    smtps: String,
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
            smtps: get("TEST_SMTPS_PORT")?,
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
    app_by(server, password, "starttls").await
}

async fn app_by(server: &Server, password: &str, security: &str) -> (std::sync::Arc<App>, crate::harness::TestDb) {
    let port = if security == "tls" { &server.smtps } else { &server.smtp };
    let test = database(Engine::Sqlite).await.unwrap();
    let file = test.dir.path().join("omniprice.toml");
    let text = format!(
        "[database]\nurl = \"{}\"\n[mail]\ntransport = \"smtp\"\nhost = \"localhost\"\nport = {}\nsecurity = \"{security}\"\nuser = \"{}\"\npassword = \"{password}\"\n\
         ca_file = \"{}\"\nfrom = \"omniprice <{}>\"\n[web]\nlisten = \"\"\n",
        test.url, port, server.user, server.ca, server.user
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

/// The message whose subject holds `marker`, once it is there.
async fn arrived(server: &Server, marker: &str) -> Vec<u8> {
    for _ in 0..100 {
        if let Some(message) = fetch(server, marker).await {
            return message;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no mail with {marker} arrived")
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
    let file = test.dir.path().join("got.eml");
    std::fs::write(&file, arrived(&server, &marker).await).unwrap();
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
    assert!(matches!(refused, MailError::Temporary(_)), "a password can be mended, and the mail goes then: {refused}");
    let nobody = Server { smtp: "1".into(), ..server };
    let (down, _dir) = app(&nobody, "x").await;
    let gone = down.mailer.send(&digest("x"), &envelope(&nobody, "a@shop.test", "<3@x>")).await.unwrap_err();
    assert!(matches!(gone, MailError::Temporary(_)), "{gone}");
}

/// Opens a mail as a client would: parts, pictures by their content ids, and the spreadsheets.
const OPEN: &str = r#"
import csv, email, io, json, re, sys, zipfile
from email import policy
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=policy.default)
html = m.get_body(("html",)).get_content()
text = m.get_body(("plain",)).get_content()
pictures = {p["content-id"].strip("<>"): p.get_content() for p in m.walk() if p.get_content_type() == "image/png"}
wanted = re.findall(r'src="cid:([^"]+)"', html)
files = {p.get_filename(): p.get_content() for p in m.iter_attachments()}
book = zipfile.ZipFile(io.BytesIO(files["omniprice.xlsx"]))
cells = "".join(book.read(n).decode() for n in book.namelist() if n.endswith(".xml"))
lists = {n: (b.decode("utf-8-sig") if isinstance(b, bytes) else b.lstrip("\ufeff")) for n, b in files.items() if n.endswith(".csv")}
rows = [row for t in lists.values() for row in csv.reader(io.StringIO(t), delimiter=";")]
print(json.dumps({
  "subject": m["subject"], "id": m["message-id"], "defects": [str(d) for p in m.walk() for d in p.defects],
  "unsubscribe": m["list-unsubscribe"], "post": m["list-unsubscribe-post"], "auto": m["auto-submitted"], "list": m["list-id"],
  "date": m["date"].datetime.isoformat(), "from": str(m["from"]), "kind": m.get_content_type(),
  "broken_pictures": [c for c in wanted if not pictures.get(c, b"").startswith(b"\x89PNG")], "pictures": len(wanted),
  "formulas": [c for r in rows for c in r if c.startswith(("=", "@", "+"))], "rows": len(rows), "formula_cells": cells.count("<f>"),
  "book_has_title": "Kettle" in cells, "html_has": "Kettle" in html, "text_has": "Kettle" in text, "scripts": html.count("<script"),
}))
"#;

#[tokio::test]
async fn tls_from_the_first_byte_brings_a_mail_and_needs_a_certificate_that_is_known() {
    let Some(server) = server() else { return };
    let (app, _test) = app_by(&server, &server.password, "tls").await;
    app.mailer.probe().await.unwrap();
    let marker = format!("marker{}", uuid().replace('_', "x"));
    let id = format!("<{marker}@omniprice.localhost>");
    app.mailer.send(&digest(&marker), &envelope(&server, &server.user, &id)).await.unwrap();
    assert!(String::from_utf8_lossy(&arrived(&server, &marker).await).contains(&id));
    // The same port without TLS from the first byte, and the other port with it.
    let crossed = Server { smtp: server.smtps.clone(), smtps: server.smtp.clone(), ..server };
    for security in ["tls", "starttls"] {
        let (app, _test) = app_by(&crossed, &crossed.password, security).await;
        let refused = app.mailer.send(&digest("x"), &envelope(&crossed, &crossed.user, "<x@x>")).await.unwrap_err();
        assert!(matches!(refused, MailError::Temporary(_)), "{security}: {refused}");
    }
}

#[tokio::test]
async fn a_whole_digest_travels_with_pictures_and_lists_and_opens_in_a_client() {
    let Some(server) = server() else { return };
    let (app, test) = app(&server, &server.password).await;
    let marker = format!("marker{}", uuid().replace('_', "x"));
    let hostile = "=HYPERLINK(\"http://evil.example\") Kettle <script>x</script>\r\nBcc: eve@example.com";
    let mut digest = render(&full(hostile), &reader(Language::Pl, |_| {})).unwrap();
    digest.subject = format!("{} {marker}", digest.subject);
    let link = format!("https://prices.shop.example/people/{}", "x".repeat(240));
    let sent = Envelope {
        unsubscribe: Some(link.clone()),
        ..envelope(
            &server,
            &format!("Ærø, Pricing <{}>", server.user).replace(',', ""),
            &format!("<{marker}@shop.test>"),
        )
    };
    app.mailer.send(&digest, &sent).await.unwrap();
    let file = test.dir.path().join("whole.eml");
    std::fs::write(&file, arrived(&server, &marker).await).unwrap();
    let opened = std::process::Command::new("python3").args(["-c", OPEN]).arg(&file).output().unwrap();
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let seen: serde_json::Value = serde_json::from_slice(&opened.stdout).unwrap();
    assert_eq!(seen["subject"], digest.subject);
    assert_eq!(seen["unsubscribe"], format!("<{link}>"), "not folded, not encoded");
    assert_eq!(seen["post"], "List-Unsubscribe=One-Click");
    assert_eq!(
        (&seen["auto"], &seen["list"]),
        (&"auto-generated".into(), &"omniprice digest <digest.shop.test>".into())
    );
    assert_eq!((&seen["kind"], &seen["date"]), (&"multipart/mixed".into(), &"2026-11-21T09:00:00+00:00".into()));
    for (name, nothing) in
        [("defects", "[]"), ("broken_pictures", "[]"), ("formulas", "[]"), ("formula_cells", "0"), ("scripts", "0")]
    {
        assert_eq!(seen[name].to_string(), nothing, "{name}: {seen}");
    }
    for name in ["book_has_title", "html_has", "text_has"] {
        assert_eq!(seen[name], true, "{name}: {seen}");
    }
    assert!(seen["pictures"] == 2 && seen["rows"].as_u64().unwrap() > 8, "{seen}");
}

#[tokio::test]
async fn a_real_server_that_puts_off_is_asked_again_and_one_without_our_trust_is_not_spoken_to() {
    let Some(server) = server() else { return };
    let (good, _dir) = app(&server, &server.password).await;
    let later = good.mailer.send(&digest("x"), &envelope(&server, "greylisted@shop.test", "<4@x>")).await.unwrap_err();
    assert!(matches!(&later, MailError::Temporary(why) if why.contains("4.7.1")), "{later}");
    let large = Digest { text: "x".repeat(2 * 1024 * 1024), ..digest("x") };
    let refused = good.mailer.send(&large, &envelope(&server, &server.user, "<5@x>")).await.unwrap_err();
    assert!(matches!(refused, MailError::Permanent(_)), "{refused}");
    let stranger = Server { ca: String::new(), ..server };
    let (untrusting, _dir) = app(&stranger, &stranger.password).await;
    let unknown =
        untrusting.mailer.send(&digest("x"), &envelope(&stranger, &stranger.user, "<6@x>")).await.unwrap_err();
    assert!(matches!(unknown, MailError::Temporary(_)), "a certificate nobody vouches for: {unknown}");
}

/// How a scripted server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nasty {
    /// 451 to the first recipient, as greylisting does.
    Greylists,
    Refuses,
    /// Knows nobody by our password, until somebody mends it.
    ForgetsUs,
    /// Takes the mail, then cuts the connection before it says so; the second time it answers.
    CutsAfterData,
    /// Says a letter of its greeting now and then.
    Drips,
    /// Offers TLS and then speaks nonsense.
    BreaksTls,
}

/// A scripted SMTP server on loopback, for what no well-behaved one does; keeps the mails it saw to their end.
async fn nasty(mode: Nasty) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mails = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&mails);
    tokio::spawn(async move {
        let mut round = 0;
        while let Ok((stream, _)) = listener.accept().await {
            round += 1;
            // A client that hangs up in the middle is what some of these tests are about.
            let _ = conversation(stream, mode, round, &kept).await;
        }
    });
    (port, mails)
}

async fn conversation(
    stream: tokio::net::TcpStream,
    mode: Nasty,
    round: u32,
    kept: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if mode == Nasty::Drips {
        for letter in b"220 a very slow server".iter().cycle().take(500) {
            stream.write_all(&[*letter]).await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
    stream.write_all(b"220 mx.shop.test ESMTP\r\n").await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let said = std::mem::take(&mut line).to_uppercase();
        let answer: &[u8] = match said.split([' ', '\r']).next().unwrap_or_default() {
            "EHLO" if mode == Nasty::BreaksTls => b"250-mx.shop.test\r\n250 STARTTLS\r\n",
            "EHLO" => b"250 mx.shop.test\r\n",
            "STARTTLS" => b"220 go ahead\r\nthis is no handshake\r\n",
            "MAIL" if mode == Nasty::ForgetsUs && round == 1 => b"530 5.7.0 log in first\r\n",
            "RCPT" if mode == Nasty::Refuses => b"550 5.1.1 no such user\r\n",
            "RCPT" if mode == Nasty::Greylists && round == 1 => b"451 4.7.1 come back later\r\n",
            "DATA" => {
                stream.write_all(b"354 go ahead\r\n").await?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") && stream.read_line(&mut mail).await? > 0 {}
                kept.lock().unwrap().push(mail);
                if mode == Nasty::CutsAfterData && round == 1 {
                    return Ok(());
                }
                b"250 2.0.0 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await?;
    }
    Ok(())
}

/// Sends a slot's digest until it is settled, a try a minute; what became of it, and how many tries it took.
async fn settled(mode: Nasty) -> (String, i64, Vec<String>) {
    let (port, mails) = nasty(mode).await;
    let test = database(Engine::Sqlite).await.unwrap();
    let security = if mode == Nasty::BreaksTls { "starttls" } else { "none" };
    let extra = format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"{security}\"\ntimeout = \"1s\"\nfrom = \"o@shop.test\"\n\
         [[report.people]]\nmail = \"Ann <ann@shop.test>\"\nquiet_day = \"short\"\n"
    );
    let clock = Clock::manual(NOW);
    let app = crate::alerts::app(&test, &clock, &extra).await;
    for _ in 0..2 {
        send_slot(&app, "ann@shop.test", NOW).await.unwrap();
        clock.advance(6 * Millis::MINUTE);
    }
    let row = events::digests(&app.db, 1).await.unwrap().remove(0);
    let mails = mails.lock().unwrap().clone();
    (row.state, row.tries, mails)
}

#[tokio::test]
async fn an_address_that_is_refused_for_good_is_told_to_the_others_and_left_alone() {
    let (port, _) = nasty(Nasty::Refuses).await;
    let test = database(Engine::Sqlite).await.unwrap();
    let extra = format!(
        "[mail]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\ntimeout = \"1s\"\nfrom = \"o@shop.test\"\n\
         [report]\ndigest = \"0 * * * *\"\n[[report.people]]\nmail = \"Ann <ann@shop.test>\"\nquiet_day = \"short\"\n"
    );
    let clock = Clock::manual(NOW);
    let app = crate::alerts::app(&test, &clock, &extra).await;
    crate::store_suite::one(&app.db, "KETTLE", &[]).await;
    for _ in 0..6 {
        clock.advance(Millis::HOUR);
        send_due(&app).await.unwrap();
    }
    let tried = events::digests(&app.db, 10).await.unwrap();
    assert_eq!(tried.len(), 3, "and then no more");
    assert!(tried.iter().all(|row| row.state == "failed"), "{tried:?}");
    let open = events::open(&app.db, 10).await.unwrap();
    let [event] = &open[..] else { panic!("{open:?}") };
    assert_eq!((event.kind.as_str(), event.times), ("mail_refused", 3));
    assert!(event.message.starts_with("mails to ann@shop.test are refused"), "{}", event.message);
    assert!(omniprice::sentence::find(&event.message).is_some(), "{}", event.message);
    // Somebody changed something: it begins anew.
    let change = serde_json::Map::from_iter([people::parse("off=no").unwrap()]);
    people::change(&app, "ann@shop.test", change, "bob", "a test").await.unwrap();
    clock.advance(Millis::HOUR);
    send_due(&app).await.unwrap();
    assert_eq!(events::digests(&app.db, 10).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_server_that_misbehaves_loses_no_digest_and_repeats_it_only_under_its_own_id() {
    let id = |mail: &str| mail.lines().find_map(|line| line.strip_prefix("Message-ID:").map(str::to_owned)).unwrap();
    let (state, tries, mails) = settled(Nasty::Greylists).await;
    assert_eq!((state.as_str(), tries, mails.len()), ("sent", 2, 1), "greylisting is over at the second try");
    let (state, tries, mails) = settled(Nasty::CutsAfterData).await;
    assert_eq!((state.as_str(), tries, mails.len()), ("sent", 2, 2), "it cannot be known that the first one arrived");
    assert_eq!(id(&mails[0]), id(&mails[1]));
    let (state, tries, mails) = settled(Nasty::ForgetsUs).await;
    assert_eq!((state.as_str(), tries, mails.len()), ("sent", 2, 1), "a login that is refused is no refused mail");
    let (state, tries, mails) = settled(Nasty::Refuses).await;
    assert_eq!((state.as_str(), tries, mails.len()), ("failed", 1, 0), "a refusal is final");
    for mode in [Nasty::Drips, Nasty::BreaksTls] {
        let started = std::time::Instant::now();
        let (state, tries, mails) = settled(mode).await;
        assert_eq!((state.as_str(), tries, mails.len()), ("claimed", 2, 0), "{mode:?} waits for its next try");
        assert!(started.elapsed() < Duration::from_secs(30), "{mode:?} held the worker for {:?}", started.elapsed());
    }
}
