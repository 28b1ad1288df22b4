//! Manners on the web, through the real application: a web on loopback that writes down who asked for what, when, and
//! how many asked at once.

mod limits;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::flow;
use omniprice::store::{observations, products, targets};
use tokio::net::TcpListener;

use crate::both_engines;
use crate::harness::{Engine, RULES, TestDb, database};

both_engines![
    two_workers_never_ask_a_host_twice_at_once_and_keep_its_pause,
    robots_txt_is_fetched_once_per_host_and_day_and_obeyed,
    retry_after_pauses_the_whole_host_and_no_other,
    an_unchanged_page_costs_no_reading_and_extends_its_run,
];

/// One request as the web saw it.
#[derive(Debug, Clone)]
struct Hit {
    host: String,
    path: String,
    from: Instant,
    until: Instant,
    /// Requests to this host in flight when this one came, itself included.
    together: usize,
    conditional: bool,
}

#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// Every host of a fake web on one loopback port. What has no answer of its own is a product page, and no robots.txt.
#[derive(Clone)]
struct Web {
    address: SocketAddr,
    answers: Arc<Mutex<BTreeMap<(String, String), Answer>>>,
    hits: Arc<Mutex<Vec<Hit>>>,
    open: Arc<Mutex<BTreeMap<String, usize>>>,
    /// How long an answer takes, so that two requests at once would meet.
    takes: Duration,
}

impl Web {
    async fn open(ip: &str, takes: Duration) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let web = Self {
            address: listener.local_addr().unwrap(),
            answers: Arc::default(),
            hits: Arc::default(),
            open: Arc::default(),
            takes,
        };
        let routes = axum::Router::new().fallback(answer).with_state(web.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        web
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    fn answers(&self, host: &str, path: &str, status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.answers.lock().unwrap().insert((host.into(), path.into()), Answer { status, headers, body: body.into() });
    }

    fn hits(&self, host: &str) -> Vec<Hit> {
        self.hits.lock().unwrap().iter().filter(|hit| hit.host == host).cloned().collect()
    }

    fn paths(&self, host: &str) -> Vec<String> {
        self.hits(host).into_iter().map(|hit| hit.path).collect()
    }
}

async fn answer(State(web): State<Web>, uri: Uri, headers: HeaderMap) -> Response {
    let from = Instant::now();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = header("host").unwrap_or("").split(':').next().unwrap_or("").to_owned();
    let (path, condition) = (uri.path().to_owned(), header("if-none-match").map(str::to_owned));
    let together = {
        let mut open = web.open.lock().unwrap();
        let here = open.entry(host.clone()).or_default();
        *here += 1;
        *here
    };
    tokio::time::sleep(web.takes).await;
    let own = web.answers.lock().unwrap().get(&(host.clone(), path.clone())).cloned();
    let answer = own.unwrap_or_else(|| page(&path, condition.as_deref()));
    *web.open.lock().unwrap().get_mut(&host).unwrap() -= 1;
    web.hits.lock().unwrap().push(Hit {
        host,
        path,
        from,
        until: Instant::now(),
        together,
        conditional: condition.is_some(),
    });
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    response.body(answer.body.into()).unwrap()
}

fn page(path: &str, condition: Option<&str>) -> Answer {
    let etag = ("etag", "\"v1\"".to_owned());
    if path == "/robots.txt" {
        return Answer { status: 404, headers: vec![], body: vec![] };
    }
    if condition == Some("\"v1\"") {
        return Answer { status: 304, headers: vec![etag], body: vec![] };
    }
    let body = "<html><head><title>Kettle</title><script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"@type\":\"Product\",\
                \"name\":\"Kettle\",\"offers\":{\"@type\":\"Offer\",\"price\":\"499.00\",\"priceCurrency\":\"DKK\",\
                \"availability\":\"https://schema.org/InStock\"}}</script></head><body><h1>Kettle</h1><p>499,00 kr.</p></body></html>";
    Answer {
        status: 200,
        headers: vec![etag, ("content-type", "text/html; charset=utf-8".to_owned())],
        body: body.into(),
    }
}

const OPEN: &str = "allow_networks = [\"127.0.0.0/8\"]\nresolve = { \"*\" = \"127.0.0.1\" }\n";

/// The application with one product that has these pages.
async fn app(test: &TestDb, clock: Clock, fetch: &str, pages: &[String]) -> Arc<App> {
    let folder = test.dir.path();
    std::fs::write(folder.join("rules.toml"), RULES).unwrap();
    let text = format!("[database]\nurl = \"{}\"\n[web]\nlisten = \"\"\n[fetch]\ntimeout = \"5s\"\n{fetch}", test.url);
    std::fs::write(folder.join("omniprice.toml"), text).unwrap();
    let config = Config::load(Some(&folder.join("omniprice.toml")), &[]).unwrap();
    let app = App::build(config, clock).await.unwrap();
    let csv = format!("sku,title,price,cost,urls\nKETTLE,Kettle,499.00,250.00,{}\n", pages.join(" "));
    let rules = app.rules().await.unwrap();
    let parsed = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
    assert_eq!(parsed.errors, vec![]);
    products::import(&app.db, parsed.rows, app.now()).await.unwrap();
    app
}

fn by_hand() -> Clock {
    Clock::manual(Millis(1_800_000_000_000))
}

/// Visits until nothing more may be asked at this instant.
async fn check(app: &Arc<App>) {
    while flow::check_due(app).await.unwrap() > 0 {}
}

/// Outcome by page address.
async fn outcomes(app: &App) -> BTreeMap<String, String> {
    let product = products::by_sku(&app.db, "KETTLE").await.unwrap().unwrap();
    let pages = targets::of_product(&app.db, product.id).await.unwrap();
    pages.into_iter().map(|page| (page.url, page.outcome.unwrap_or_default())).collect()
}

async fn outcome(app: &App, url: &str) -> String {
    outcomes(app).await.remove(url).unwrap_or_else(|| panic!("{url} is no page"))
}

const DELAY: Duration = Duration::from_millis(150);

/// Every request began at least the pause after the one before it had ended.
fn paused(hits: &[Hit]) {
    for pair in hits.windows(2) {
        let gap = pair[1].from.saturating_duration_since(pair[0].until);
        // Stored instants are whole milliseconds.
        assert!(
            gap + Duration::from_millis(1) >= DELAY,
            "{} came {gap:?} after {} of {}",
            pair[1].path,
            pair[0].path,
            pair[1].host
        );
    }
}

async fn two_workers_never_ask_a_host_twice_at_once_and_keep_its_pause(test: TestDb) {
    let web = Web::open("127.0.0.1", Duration::from_millis(20)).await;
    let hosts = ["one.example", "two.example", "three.example"];
    // More pages than one claim takes, so that hosts change hands.
    let pages: Vec<String> = hosts.iter().flat_map(|host| (0..20).map(|n| web.url(host, &format!("/p/{n}")))).collect();
    let fetch = format!("delay = \"150ms\"\n{OPEN}");
    let first = app(&test, Clock::System, &fetch, &pages).await;
    let second = App::build(first.config.clone(), Clock::System).await.unwrap();
    let limit = Instant::now() + Duration::from_secs(40);
    let work = async |app: &Arc<App>| {
        while targets::count_due(&app.db, app.now()).await.unwrap() > 0 {
            assert!(Instant::now() < limit, "the pages are not read in time");
            if flow::check_due(app).await.unwrap() == 0 {
                // Nothing may be asked yet: the hosts' pause is what is waited for, not a test's guess.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    tokio::join!(work(&first), work(&second));
    for host in hosts {
        let hits: Vec<Hit> = web.hits(host).into_iter().filter(|hit| hit.path != "/robots.txt").collect();
        assert_eq!(hits.len(), 20, "{host}: every page once");
        assert_eq!(web.hits(host).iter().map(|hit| hit.together).max(), Some(1), "{host}: one request at a time");
        paused(&hits);
    }
    assert!(outcomes(&first).await.values().all(|outcome| outcome == "product"));
}

async fn robots_txt_is_fetched_once_per_host_and_day_and_obeyed(test: TestDb) {
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    let robots = "User-agent: *\nDisallow: /\n\nUser-agent: omniprice\nDisallow: /p/secret\n";
    web.answers("a.example", "/robots.txt", 200, &[("content-type", "text/plain")], robots);
    web.answers("a.example", "/p/moved", 302, &[("location", "/p/secret")], "");
    let mut pages: Vec<String> = (0..20).map(|n| web.url("a.example", &format!("/p/{n}"))).collect();
    pages.extend(["/p/secret", "/p/moved"].map(|path| web.url("a.example", path)));
    pages.push(web.url("b.example", "/p/1"));
    let clock = by_hand();
    let app = app(&test, clock.clone(), &format!("delay = \"0s\"\n{OPEN}"), &pages).await;
    let robots =
        || ["a.example", "b.example"].map(|host| web.paths(host).iter().filter(|path| *path == "/robots.txt").count());
    check(&app).await;
    targets::due_now(&app.db, None, app.now()).await.unwrap();
    check(&app).await;
    assert_eq!(robots(), [1, 1]);
    assert!(!web.paths("a.example").contains(&"/p/secret".to_owned()), "neither directly nor behind a redirect");
    let seen = outcomes(&app).await;
    for path in ["/p/secret", "/p/moved"] {
        assert_eq!(seen[&web.url("a.example", path)], "robots_disallowed", "{path}");
    }
    assert_eq!(seen.values().filter(|outcome| *outcome == "not_modified").count(), 21);
    // A day later it is asked for again; a host in trouble then keeps what it said before.
    web.answers("a.example", "/robots.txt", 500, &[], "");
    clock.advance(25 * Millis::HOUR);
    targets::due_now(&app.db, None, app.now()).await.unwrap();
    check(&app).await;
    assert_eq!(robots(), [2, 2]);
    assert!(!web.paths("a.example").contains(&"/p/secret".to_owned()));
    assert_eq!(outcome(&app, &web.url("a.example", "/p/1")).await, "not_modified");
}

#[tokio::test]
async fn a_host_that_cannot_say_what_it_allows_is_closed_and_asked_again_later() {
    let test = database(Engine::Sqlite).await.unwrap();
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    web.answers("a.example", "/robots.txt", 503, &[], "");
    let page = web.url("a.example", "/p/1");
    let clock = by_hand();
    let app = app(&test, clock.clone(), &format!("delay = \"0s\"\n{OPEN}"), std::slice::from_ref(&page)).await;
    check(&app).await;
    assert_eq!(web.paths("a.example"), ["/robots.txt"], "no page is asked for");
    assert_eq!(outcome(&app, &page).await, "robots_disallowed");
    web.answers("a.example", "/robots.txt", 404, &[], "");
    clock.advance(59 * Millis::MINUTE);
    targets::due_now(&app.db, None, app.now()).await.unwrap();
    check(&app).await;
    assert_eq!(web.paths("a.example").len(), 1, "not more often than once an hour");
    clock.advance(2 * Millis::MINUTE);
    targets::due_now(&app.db, None, app.now()).await.unwrap();
    check(&app).await;
    assert_eq!(web.paths("a.example"), ["/robots.txt", "/robots.txt", "/p/1"]);
    assert_eq!(outcome(&app, &page).await, "product");
}

async fn retry_after_pauses_the_whole_host_and_no_other(test: TestDb) {
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    web.answers("a.example", "/p/1", 429, &[("retry-after", "120")], "");
    let pages = [web.url("a.example", "/p/1"), web.url("a.example", "/p/2"), web.url("b.example", "/p/1")];
    let clock = by_hand();
    let app = app(&test, clock.clone(), &format!("delay = \"0s\"\n{OPEN}"), &pages).await;
    let start = app.now();
    check(&app).await;
    assert_eq!(web.paths("a.example"), ["/robots.txt", "/p/1"], "the second page is not even tried");
    assert_eq!(outcome(&app, &pages[0]).await, "overloaded");
    assert_eq!(outcome(&app, &pages[2]).await, "product");
    assert_eq!(targets::next_due(&app.db).await.unwrap(), Some(start.plus(120 * Millis::SECOND)));
    targets::due_now(&app.db, None, app.now()).await.unwrap();
    clock.advance(119_999);
    check(&app).await;
    assert_eq!(web.paths("a.example").len(), 2, "the whole host rests");
    assert_eq!(outcome(&app, &pages[2]).await, "not_modified", "the other one does not");
    web.answers("a.example", "/p/1", 200, &[], "<html></html>");
    clock.advance(1);
    check(&app).await;
    assert!(web.paths("a.example").len() > 2, "the pause is over");
}

async fn an_unchanged_page_costs_no_reading_and_extends_its_run(test: TestDb) {
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    // The second host gives no validators: the same bytes are recognised all the same.
    let body = page("/p/1", None).body;
    web.answers("b.example", "/p/1", 200, &[("content-type", "text/html; charset=utf-8")], body);
    let pages = [web.url("a.example", "/p/1"), web.url("b.example", "/p/1")];
    let clock = by_hand();
    let app = app(&test, clock.clone(), &format!("delay = \"0s\"\n{OPEN}"), &pages).await;
    let first = app.now();
    check(&app).await;
    let read = app.metrics.prices.load(Ordering::Relaxed);
    assert_eq!(read, 2);
    clock.advance(Millis::HOUR);
    targets::due_now(&app.db, None, app.now()).await.unwrap();
    check(&app).await;
    assert_eq!(outcomes(&app).await.into_values().collect::<Vec<_>>(), ["not_modified", "unchanged"]);
    assert!(web.hits("a.example").last().unwrap().conditional);
    assert_eq!(
        (app.metrics.prices.load(Ordering::Relaxed), app.metrics.unchanged.load(Ordering::Relaxed)),
        (read, 2),
        "nothing was read again"
    );
    let product = products::by_sku(&app.db, "KETTLE").await.unwrap().unwrap();
    for page in targets::of_product(&app.db, product.id).await.unwrap() {
        let runs = observations::recent(&app.db, page.id, 9).await.unwrap();
        let told: Vec<_> =
            runs.iter().map(|run| (run.price_minor, run.checks, run.first_seen, run.last_seen)).collect();
        assert_eq!(told, [(Some(49_900), 2, first.0, app.now().0)], "{}", page.url);
    }
}
