//! Mails in a real browser, narrow and wide, light and dark; and the commands around reports.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use omniprice::clock::{Clock, Millis};
use omniprice::config::Language;
use omniprice::report::alert_text;
use omniprice::report::alerts::{Body, Item};
use omniprice::report::digest::{Digest, render};
use serde_json::{Value, json};

use crate::command::{Said, program};
use crate::digest_day::{full, reader};
use crate::harness::skip;

/// Chromium behind its driver; both end with the test.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.call("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// One request to the driver on loopback; the `value` of its answer.
fn driver(port: u16, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .map_err(|e| e.to_string())?;
    // The driver keeps the connection open whatever it is asked.
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while stream.read_line(&mut line).map_err(|e| e.to_string())? > 2 {
        if let Some(said) = line.to_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse::<usize>().map_err(|e| e.to_string())?;
        }
        line.clear();
    }
    let mut json = vec![0; length];
    stream.read_exact(&mut json).map_err(|e| e.to_string())?;
    let value: Value = serde_json::from_slice(&json).map_err(|e| e.to_string())?;
    match value["value"].get("error") {
        Some(error) => Err(format!("{error}: {}", value["value"]["message"])),
        None => Ok(value["value"].clone()),
    }
}

impl Browser {
    pub fn start() -> Option<Self> {
        let mut driver_process =
            match Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn() {
                Ok(child) => child,
                Err(why) => {
                    skip("mails in Chromium", &format!("chromedriver does not start ({why}); ./test installs it"));
                    return None;
                }
            };
        let out = BufReader::new(driver_process.stdout.take().unwrap());
        let port = out.lines().map_while(Result::ok).find_map(|line| {
            line.contains("started successfully")
                .then(|| line.trim_end_matches('.').rsplit(' ').next()?.parse().ok())?
        });
        // From here on the driver ends with the value, whatever fails.
        let mut browser =
            Self { driver: driver_process, port: port.expect("the driver says its port"), session: String::new() };
        let options = json!({ "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"] });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let session = driver(browser.port, "POST", "/session", &wanted).expect("a session");
        session["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        Some(browser)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        driver(self.port, method, &format!("/session/{}{path}", self.session), body)
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.call("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).unwrap();
    }

    /// Opens a page in a window so wide, with the colours that the reader prefers.
    pub fn open(&self, file: &Path, width: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
        self.call("POST", "/url", &json!({ "url": format!("file://{}", file.display()) })).unwrap();
    }

    pub fn script(&self, text: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": text, "args": [] })).unwrap()
    }

    pub fn screenshot(&self, file: &Path) {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self
            .call("POST", "/goog/cdp/execute", &json!({ "cmd": "Page.captureScreenshot", "params": whole }))
            .unwrap();
        let png = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, png).unwrap();
    }
}

/// Contrast by WCAG 2.2 of every piece of text against the background it stands on, as the browser computed both.
const CONTRAST: &str = r"
const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return { r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1 }; };
const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); };
const light = c => 0.2126 * channel(c.r) + 0.7152 * channel(c.g) + 0.0722 * channel(c.b);
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0) return c; } return { r: 255, g: 255, b: 255, a: 1 }; };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const low = []; let texts = 0, worst = 99;
while (walker.nextNode()) {
  const node = walker.currentNode; if (!node.nodeValue.trim()) continue;
  const e = node.parentElement, style = getComputedStyle(e), size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const r = ratio(parse(style.color), ground(e)); texts += 1; worst = Math.min(worst, r);
  if (r < (large ? 3 : 4.5)) low.push(node.nodeValue.trim().slice(0, 40) + ' ' + r.toFixed(2));
}
const images = [...document.images].map(i => [i.naturalWidth, i.clientWidth, i.alt.length]);
return { low, texts, worst: worst.toFixed(2), scroll: document.documentElement.scrollWidth, width: window.innerWidth,
  body: getComputedStyle(document.body).backgroundColor, size: getComputedStyle(document.body).fontSize, images,
  hidden: (document.body.innerText.match(/[\u0000-\u0008\u000e-\u001f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g) || []).length,
  alerted: window.alerted === true };
";

pub fn folder() -> PathBuf {
    let folder =
        std::env::var_os("TEST_SCREENSHOTS").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn alert() -> Digest {
    let item = |kind: &str, sku: &str, over: Option<i64>| Item {
        kind: kind.into(),
        severity: "critical".into(),
        sku: Some(sku.into()),
        channel: Some("webshop-with-a-long-name.example".into()),
        competitor: None,
        message: "not sent to webshop: <script>window.alerted = true</script>".into(),
        hint: "omniprice explain SKU".into(),
        times: 1,
        first_at: crate::digest_day::UNTIL.0,
        resolved_at: over,
    };
    let items = vec![
        item("held_at_door", "KETTLE-WITH-A-VERY-LONG-NUMBER-000000000000000000000", None),
        item("channel_refused", "A", Some(0)),
    ];
    let body = Body { items, open: 1, resolved: 1 };
    let ann = reader(Language::De, |_| {});
    alert_text::render(&body, true, &ann.voice, &[("Einstellungen", "https://prices.shop.example/people/x".into())])
        .unwrap()
}

#[test]
fn mails_fit_narrow_and_wide_windows_and_are_readable_in_light_and_dark() {
    let Some(browser) = Browser::start() else { return };
    let title = "<script>window.alerted = true</script><img src=x onerror='window.alerted = true'>Kettle".to_owned()
        + &"Ærø".repeat(60);
    // Everything that a page of a shop may hold, in one title.
    let hostile = crate::digest_day::HOSTILE.join(" ");
    let mails = [
        ("digest-hostile", render(&full(&hostile), &reader(Language::Da, |_| {})).unwrap()),
        ("digest-en", render(&full("Kettle Ærø 1.7 l"), &reader(Language::En, |_| {})).unwrap()),
        ("digest-pl", render(&full(&title), &reader(Language::Pl, |_| {})).unwrap()),
        ("alert-de", alert()),
    ];
    for (name, mail) in mails {
        let file = folder().join(format!("{name}.html"));
        std::fs::write(&file, mail.page()).unwrap();
        for width in [360, 800] {
            for scheme in ["light", "dark"] {
                browser.open(&file, width, scheme);
                let seen = browser.script(CONTRAST);
                browser.screenshot(&folder().join(format!("{name}-{width}-{scheme}.png")));
                let about = format!("{name} at {width} px, {scheme}: {seen}");
                assert_eq!(seen["low"], json!([]), "contrast: {about}");
                assert!(seen["texts"].as_u64().unwrap() > 8, "{about}");
                assert_eq!(seen["width"], width, "{about}");
                assert!(seen["scroll"].as_u64().unwrap() <= u64::from(width), "it scrolls sideways: {about}");
                assert_eq!(seen["alerted"], false, "a script ran: {about}");
                assert_eq!(seen["hidden"], 0, "what hides or turns text around is shown: {about}");
                assert_eq!(seen["size"], "16px", "{about}");
                let dark = seen["body"] == "rgb(18, 18, 18)";
                assert_eq!(dark, scheme == "dark", "{about}");
                for image in seen["images"].as_array().unwrap() {
                    assert!(
                        image[0] == 1120 && image[1].as_u64().unwrap() <= 560 && image[2].as_u64().unwrap() > 5,
                        "{about}"
                    );
                }
            }
        }
    }
}

/// A folder with a configuration, two products and no network.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("rules.toml", crate::harness::RULES);
        write(
            "omniprice.toml",
            "[web]\nlisten = \"\"\n[report]\nrecipients = [\"Ann <ann@shop.example>\"]\n[log]\nfilter = \"off\"\n",
        );
        write(
            "products.csv",
            "sku,title,price,cost,urls\nKETTLE,=Kettle,499.00,250.00,http://near.example/k\nLAMP,Lamp,199.00,100.00,http://near.example/l\n",
        );
        let shop = Self { folder };
        shop.run(&["import", "products.csv"], 0);
        shop
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> String {
        let said = Said::of(program(self.folder.path()).args(arguments).output().unwrap()).ends(code);
        if code == 0 { said.out } else { said.told().1 }
    }

    /// What a command says to the person at the terminal.
    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        Said::of(program(self.folder.path()).args(arguments).output().unwrap()).ends(0).err
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.run(arguments, 0);
        serde_json::from_str(&out).unwrap_or_else(|why| panic!("{arguments:?}: {why}\n{out}"))
    }
}

#[test]
fn reports_come_as_table_json_csv_workbook_and_charts() {
    let shop = Shop::open();
    let table = shop.run(&["report"], 0);
    assert!(
        table.contains("products without data") && table.contains("Basis: prices in each product's currency"),
        "{table}"
    );
    // By the clocks of the mails (UTC here unless it is said), in the form in which a time can be typed.
    std::fs::write(shop.folder.path().join("zoned.toml"), {
        let plain = std::fs::read_to_string(shop.folder.path().join("omniprice.toml")).unwrap();
        plain.replace("[report]\n", "[report]\ntime_zone = \"Asia/Kolkata\"\n")
    })
    .unwrap();
    let zoned = shop.run(&["report", "--config", "zoned.toml"], 0);
    let head = zoned.lines().next().unwrap();
    assert_eq!(head.matches("+05:30").count(), 2, "{head}");
    assert!(!head.contains('Z') && !head.contains('['), "{head}");
    let json = shop.json(&["report", "--json"]);
    let figure = |name: &str| json["figures"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone();
    assert_eq!(figure("products without data")["value"], "2");
    assert_eq!(figure("index against average")["value"], Value::Null, "no data is not zero");
    assert_eq!(json["products"][0]["position"], "no data");
    let csv = shop.run(&["report", "--format", "csv"], 0);
    assert!(csv.contains("KETTLE,'=Kettle,DKK,499.00"), "{csv}");
    shop.run(&["report", "--format", "xlsx", "--out", "r.xlsx"], 0);
    let book = std::fs::read(shop.folder.path().join("r.xlsx")).unwrap();
    assert!(book.starts_with(b"PK\x03\x04"));
    assert!(shop.run(&["report", "--format", "xlsx"], 1).contains("hint:"));
    let svg = shop.run(&["report", "--chart", "KETTLE"], 0);
    assert!(svg.starts_with("<svg") && svg.contains("DKK 499.00") && !svg.contains("=Kettle<script"), "{svg}");
    shop.run(&["report", "--chart", "KETTLE", "--out", "k.png"], 0);
    assert!(std::fs::read(shop.folder.path().join("k.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(shop.run(&["report", "--chart", "NOPE"], 1).contains("there is no product `NOPE`"));
    assert!(shop.run(&["report", "--chart", "KETTLE", "--out", "k.gif"], 1).contains("hint:"));
    let empty = shop.run(&["report", "--chart", "index"], 1);
    assert!(empty.contains("nothing to draw"), "a mark without a line is no chart: {empty}");
    for list in ["floor-hits", "sites", "important"] {
        let csv = shop.run(&["report", "--format", "csv", "--list", list], 0);
        assert_eq!(csv.lines().filter(|line| !line.is_empty()).count(), 1, "{list} has a header and no row yet: {csv}");
    }
    for (bars, hint) in [("margin-at-risk", "--sales FILE"), ("below", "msrp"), ("readiness", "channel map")] {
        let nothing = shop.run(&["report", "--chart", bars], 1);
        assert!(nothing.contains("nothing to draw") && nothing.contains(hint), "{nothing}");
    }
}

#[test]
fn sales_bring_margin_at_risk_and_every_list_comes_as_csv() {
    let shop = Shop::open();
    let day = |back: i64| {
        let at = Clock::System.now().plus(-back * Millis::DAY).timestamp();
        at.to_zoned(jiff::tz::TimeZone::UTC).date()
    };
    let sold = format!("sku,day,units,stock\nKETTLE,{},3,9\nKETTLE,{},4,9\n", day(3), day(2));
    std::fs::write(shop.folder.path().join("sales.csv"), sold).unwrap();
    let json = shop.json(&["report", "--sales", "sales.csv", "--json"]);
    let kettle = json["products"].as_array().unwrap().iter().find(|row| row["sku"] == "KETTLE").unwrap();
    assert_eq!((&kettle["units_per_day"], &kettle["sales_days"]), (&json!("3.50"), &json!(2)));
    assert_eq!(kettle["margin_at_risk"], Value::Null, "nobody is known to be cheaper");
    assert_eq!(kettle["elasticity"], Value::Null, "two days say nothing");
    let figures = json["figures"].as_array().unwrap();
    let left_out = figures.iter().find(|one| one["name"] == "products sold in DKK without a market").unwrap();
    assert_eq!(left_out["value"], "1", "what cannot be compared is counted: {left_out}");
    let table = shop.run(&["report"], 0);
    assert!(!table.contains("units a day"), "columns without a value are left out: {table}");
    let figures = shop.run(&["report", "--format", "csv", "--list", "figures"], 0);
    assert!(figures.contains("products without data,2,count"), "{figures}");
    for (list, header) in [("omnibus", "ready to announce"), ("not-announced", "campaign,sku,channel,why")] {
        assert!(shop.run(&["report", "--format", "csv", "--list", list], 0).contains(header), "{list}");
    }
    let spreadsheet = format!("\u{feff}sku;day;units;stock\r\nKETTLE;{};3;9\r\nKETTLE;{};4;9\r\n", day(3), day(2));
    std::fs::write(shop.folder.path().join("saved.csv"), spreadsheet).unwrap();
    let saved = shop.json(&["report", "--sales", "saved.csv", "--json"]);
    assert_eq!(saved["products"], json["products"], "as a spreadsheet saves it");
    std::fs::write(shop.folder.path().join("bad.csv"), "sku,day,units\nKETTLE,today,3\n").unwrap();
    let bad = shop.run(&["report", "--sales", "bad.csv"], 1);
    assert!(bad.contains("bad.csv: line 2: day `today`") && bad.contains("hint:"), "{bad}");
}

#[test]
fn a_preview_is_kept_for_its_owner_where_no_browser_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = Shop::open();
    shop.run(&["subscription", "set", "ann@shop.example", "quiet_day=short"], 0);
    let empty = shop.folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let output = program(shop.folder.path())
        .args(["digest", "--preview", "--open"])
        .env("PATH", &empty)
        .env("TMPDIR", &empty)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("no browser could be started"), "{said}");
    assert!(said.contains("the digest of ann@shop.example; --for PERSON shows another one"), "{said}");
    let file = std::fs::read_dir(&empty).unwrap().next().unwrap().unwrap();
    assert!(said.contains(&format!("hint: open {}", file.path().display())), "{said}");
    assert!(std::fs::read_to_string(file.path()).unwrap().contains("<html"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "its links act for the reader");
}

#[test]
fn people_are_listed_changed_and_removed_by_command() {
    let shop = Shop::open();
    assert_eq!(shop.json(&["subscription", "list", "--json"])[0]["mail"], "Ann <ann@shop.example>");
    shop.run(&["subscription", "set", "ann@shop.example", "language=pl", "tags=kvi, top", "fall_pct=2.5"], 0);
    shop.run(&["subscription", "set", "Bo <bo@shop.example>", "digest="], 0);
    let all = shop.json(&["subscription", "list", "--json"]);
    assert_eq!(
        (&all[0]["language"], &all[0]["tags"], &all[0]["fall_pct"]),
        (&json!("pl"), &json!(["kvi", "top"]), &json!("2.5"))
    );
    assert_eq!(all[1]["digest"], "");
    assert!(shop.run(&["subscription", "set", "ann@shop.example", "langage=pl"], 1).contains("hint: known are"));
    assert!(shop.run(&["subscription", "set", "nobody", "language=pl"], 1).contains("hint:"));
    let sent = shop.json(&["digest", "--send-now", "--json"]);
    assert_eq!((&sent[0]["state"], &sent[1]["state"]), (&json!("skipped"), &json!("skipped")), "a quiet day");
    shop.run(&["subscription", "set", "ann@shop.example", "quiet_day=short"], 0);
    assert_eq!(shop.json(&["digest", "--send-now", "--json"])[0]["state"], "sent");
    let shown = shop.run(&["digest", "--preview", "--for", "ann@shop.example"], 0);
    assert!(shown.starts_with("Subject: [kvi top] nic nie wymaga decyzji"), "{shown}");
    assert_eq!(shop.run(&["digest", "--preview", "--json", "--for", "bo@shop.example"], 0).trim(), "null");
    // Whoever has unsubscribed is told nothing, whatever their wishes are.
    for arguments in [
        &["subscription", "set", "bo@shop.example", "off=true"][..],
        &["subscription", "set", "bo@shop.example", "language=da"],
        &["digest", "--preview", "--for", "bo@shop.example"],
    ] {
        let said = shop.said(arguments);
        assert!(said.contains("bo@shop.example has unsubscribed and is sent nothing"), "{arguments:?}: {said}");
        assert!(said.contains("hint: `omniprice subscription set bo@shop.example off=false`"), "{said}");
    }
    assert!(!shop.said(&["subscription", "set", "bo@shop.example", "off=false"]).contains("unsubscribed"));
    shop.run(&["subscription", "remove", "bo@shop.example"], 0);
    assert!(shop.run(&["subscription", "remove", "bo@shop.example"], 1).contains("hint:"));
    let tested = shop.json(&["mail", "test", "--json"]);
    assert_eq!(
        (&tested[0]["ok"], &tested[1]["to"], &tested[1]["ok"]),
        (&json!(true), &json!("ann@shop.example"), &json!(true))
    );
}

#[test]
fn alerts_are_listed_silenced_and_resolved_by_command() {
    let shop = Shop::open();
    shop.run(&["pause", "--why", "stocktaking"], 0);
    // Pages that nobody serves need a person.
    shop.run(&["once"], 3);
    let listed = shop.json(&["alert", "list", "--json"]);
    let open = &listed["open"][0];
    assert_eq!((&open["event"]["kind"], &open["standing"]), (&json!("paused"), &json!("alert")));
    let id = open["event"]["id"].to_string();
    shop.run(&["alert", "silence", &id, "--for", "2h", "--why", "known", "--owner", "ann"], 0);
    let listed = shop.json(&["alert", "list", "--json"]);
    assert!(listed["open"][0]["standing"].as_str().unwrap().starts_with("silenced by ann until "), "{listed}");
    let silence = listed["silences"][0]["id"].to_string();
    shop.run(&["alert", "silence", "--end", &silence], 0);
    assert!(shop.run(&["alert", "silence", "--end", &silence], 1).contains("hint:"));
    assert!(shop.run(&["alert", "silence", "--why", "everything"], 1).contains("would silence everything"));
    assert!(shop.run(&["alert", "resolve", "999"], 1).contains("hint:"));
    shop.run(&["resume", "--why", "done"], 0);
    shop.run(&["alert", "resolve", &id], 0);
    // What is over needs no silence; one by its kind would keep the next use of the kill switch quiet.
    let over = shop.run(&["alert", "silence", &id, "--why", "known"], 1);
    assert!(over.contains(&format!("event {id} (paused) has been over since 20")), "{over}");
    assert!(over.contains("hint: omniprice alert silence --kind paused --why"), "{over}");
    assert_eq!(shop.json(&["alert", "list", "--json"])["silences"], json!([]), "nothing is silenced");
    shop.run(&["pause", "--why", "again"], 0);
    shop.run(&["once"], 3);
    let again = shop.json(&["alert", "list", "--json"])["open"][0]["event"]["id"].to_string();
    let over = shop.run(&["alert", "silence", &id, "--why", "known"], 1);
    assert!(again != id && over.contains(&format!("hint: omniprice alert silence {again} --why")), "{over}");
    shop.run(&["alert", "silence", &again, "--why", "known"], 0);
    shop.run(&["resume", "--why", "done"], 0);
    shop.run(&["alert", "resolve", &again], 0);
    assert!(shop.run(&["alert", "list"], 0).contains("nothing is open"));
}
