//! Where asking ends: redirects, sizes, and addresses that are nobody's business.

use super::*;

both_engines![pages_behind_a_long_pause_are_all_read_in_the_end];

const SMALL: &str = "max_body_bytes = 3000000\nmax_redirects = 3\ndelay = \"0s\"\n";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut packer = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut packed = vec![0; packer.gzip_compress_bound(data.len())];
    let size = packer.gzip_compress(data, &mut packed).unwrap();
    packed.truncate(size);
    packed
}

#[tokio::test]
async fn a_redirect_is_followed_within_the_site_and_ends_elsewhere_or_in_a_loop() {
    let test = database(Engine::Sqlite).await.unwrap();
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    web.answers("a.example", "/p/within", 301, &[("location", "/p/new")], "");
    web.answers("a.example", "/p/away", 302, &[("location", &web.url("other.example", "/p/1"))], "");
    web.answers("a.example", "/p/loop", 302, &[("location", "/p/loop")], "");
    let pages = ["/p/within", "/p/away", "/p/loop"].map(|path| web.url("a.example", path));
    let app = app(&test, by_hand(), &format!("{SMALL}{OPEN}"), &pages).await;
    check(&app).await;
    let seen = outcomes(&app).await;
    assert_eq!(pages.map(|url| seen[&url].clone()), ["product", "redirected_elsewhere", "redirected_elsewhere"]);
    assert!(web.paths("a.example").contains(&"/p/new".to_owned()));
    assert!(web.hits("other.example").is_empty(), "another shop is not asked on this one's account");
    let rounds = web.paths("a.example").iter().filter(|path| *path == "/p/loop").count();
    assert_eq!(rounds, 4, "the page and as many redirects as are allowed");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_swells_is_dropped_and_a_packed_page_is_read() {
    let test = database(Engine::Sqlite).await.unwrap();
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    let packed = [("content-type", "text/html; charset=utf-8"), ("content-encoding", "gzip")];
    web.answers("a.example", "/p/large", 200, &[], vec![b'x'; 3_000_001]);
    // Larger than allowed, and smaller but swollen a thousandfold.
    web.answers("a.example", "/p/bomb", 200, &packed, gzip(&vec![0; 8_000_000]));
    web.answers("a.example", "/p/swollen", 200, &packed, gzip(&vec![0; 2_900_000]));
    web.answers("a.example", "/p/packed", 200, &packed, gzip(&page("/", None).body));
    web.answers("a.example", "/p/broken", 200, &packed, &b"\x1f\x8b no gzip after all, of a modest size\x40\0\0\0"[..]);
    let pages =
        ["large", "bomb", "swollen", "packed", "broken"].map(|name| web.url("a.example", &format!("/p/{name}")));
    let clock = by_hand();
    let app = app(&test, clock.clone(), &format!("{SMALL}{OPEN}"), &pages).await;
    for _ in 0..pages.len() {
        check(&app).await;
        clock.advance(Millis::MINUTE);
    }
    let seen = outcomes(&app).await;
    let seen = pages.map(|url| seen[&url].clone());
    assert_eq!(seen, ["too_large", "too_large", "too_large", "product", "parse_failure"]);
}

/// A port that only counts who connects: nobody should.
async fn trap(ip: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let (address, caught) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&caught);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, caught)
}

#[tokio::test]
async fn nothing_on_a_private_network_is_connected_to_under_any_name() {
    let (address, caught) = trap("127.0.0.1").await;
    let hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "shop.example", "0.0.0.0"];
    let port = address.port();
    let pages = hosts.map(|host| format!("http://{host}:{port}/p/{}", host.len()));
    // Asking for robots.txt is a connection, too: with and without.
    for robots in ["robots = \"obey\"\n", "robots = \"ignore\"\nrobots_reason = \"ours\"\n"] {
        let test = database(Engine::Sqlite).await.unwrap();
        let app =
            app(&test, by_hand(), &format!("delay = \"0s\"\n{robots}resolve = {{ \"*\" = \"127.0.0.1\" }}\n"), &pages)
                .await;
        check(&app).await;
        let seen: Vec<String> = outcomes(&app).await.into_values().collect();
        // A name's robots.txt cannot be asked for either, which closes the host before the page is looked at.
        let closed = ["refused", "robots_disallowed"];
        assert!(seen.len() == 7 && seen.iter().all(|outcome| closed.contains(&outcome.as_str())), "{seen:?}");
    }
    assert_eq!(caught.load(Ordering::SeqCst), 0);
    // The trap works: it counts this one.
    tokio::net::TcpStream::connect(address).await.unwrap();
    while caught.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_redirect_of_a_permitted_host_does_not_lead_to_a_private_one() {
    let test = database(Engine::Sqlite).await.unwrap();
    let (trap, caught) = trap("127.0.0.1").await;
    let web = Web::open("127.0.0.2", Duration::ZERO).await;
    // The same site by name, another address behind it; and the address itself.
    let twin = format!("http://www.shop.example:{}/p/1", trap.port());
    let literal = format!("http://{trap}/p/1");
    web.answers("shop.example", "/p/twin", 302, &[("location", &twin)], "");
    web.answers("shop.example", "/p/literal", 302, &[("location", &literal)], "");
    web.answers("robots.example", "/robots.txt", 302, &[("location", &literal)], "");
    let pages = [
        web.url("shop.example", "/p/1"),
        web.url("shop.example", "/p/twin"),
        web.url("shop.example", "/p/literal"),
        web.url("robots.example", "/p/1"),
    ];
    let fetch = "delay = \"0s\"\nallow_networks = [\"127.0.0.2\"]\nresolve = { \"*\" = \"127.0.0.2\", \"www.shop.example\" = \"127.0.0.1\" }\n";
    let app = app(&test, by_hand(), fetch, &pages).await;
    check(&app).await;
    let seen = outcomes(&app).await;
    assert_eq!(seen[&pages[0]], "product", "the permitted address is asked");
    assert_eq!((seen[&pages[1]].as_str(), seen[&pages[2]].as_str()), ("refused", "redirected_elsewhere"));
    assert_eq!(caught.load(Ordering::SeqCst), 0);
}

/// What the configuration calls a pause between two requests holds for every request, not only for pages.
#[tokio::test]
async fn the_pause_holds_after_robots_txt() {
    let test = database(Engine::Sqlite).await.unwrap();
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    let page = web.url("a.example", "/p/1");
    let app = app(&test, Clock::System, &format!("delay = \"150ms\"\n{OPEN}"), &[page]).await;
    check(&app).await;
    paused(&web.hits("a.example"));
}

#[tokio::test]
async fn the_pause_holds_between_a_redirect_and_its_target() {
    let test = database(Engine::Sqlite).await.unwrap();
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    web.answers("a.example", "/p/old", 301, &[("location", "/p/new")], "");
    let page = web.url("a.example", "/p/old");
    let app = app(&test, Clock::System, &format!("delay = \"150ms\"\n{OPEN}"), &[page]).await;
    check(&app).await;
    let hits: Vec<Hit> = web.hits("a.example").into_iter().filter(|hit| hit.path != "/robots.txt").collect();
    assert_eq!(hits.len(), 2);
    paused(&hits);
}

/// Each visit of a host with a long pause reads one page and leaves the others for later; none may be given up for that.
async fn pages_behind_a_long_pause_are_all_read_in_the_end(test: TestDb) {
    let web = Web::open("127.0.0.1", Duration::ZERO).await;
    web.answers("a.example", "/robots.txt", 200, &[], "User-agent: *\nCrawl-delay: 20\n");
    let pages: Vec<String> = (0..9).map(|n| web.url("a.example", &format!("/p/{n}"))).collect();
    let clock = by_hand();
    let app = app(&test, clock.clone(), &format!("delay = \"0s\"\n{OPEN}"), &pages).await;
    // One round more than pages: robots.txt may take a turn of its own.
    for _ in 0..=pages.len() {
        check(&app).await;
        clock.advance(20 * Millis::SECOND);
    }
    assert_eq!(web.paths("a.example").len(), 1 + pages.len(), "one page per pause, each once");
    let given_up: Vec<String> = outcomes(&app)
        .await
        .into_iter()
        .filter(|(_, outcome)| outcome != "product")
        .map(|(url, outcome)| format!("{url}: {outcome}"))
        .collect();
    assert!(given_up.is_empty(), "{}", given_up.join("\n"));
}
