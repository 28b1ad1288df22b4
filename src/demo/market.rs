//! Three competitor shops on loopback with markup and manners of their own: JSON-LD, microdata behind a slow server,
//! and one that only a site file can read. What they show is changed by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How a shop writes its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    JsonLd,
    /// Answers after a third of a second.
    SlowMicrodata,
    /// No markup at all, amounts in øre in an attribute.
    Bare,
}

/// What a shop shows for a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Minor units, in stock or not.
    Price {
        minor: i64,
        in_stock: bool,
    },
    /// A bot challenge instead of a page.
    Challenge,
    Gone,
}

/// A competitor's shop.
#[derive(Clone)]
pub struct Shop {
    pub host: &'static str,
    pub port: u16,
    state: Arc<State_>,
}

struct State_ {
    markup: Markup,
    titles: BTreeMap<&'static str, &'static str>,
    shown: Mutex<BTreeMap<String, Shown>>,
}

impl Shop {
    /// Opens the shop on a free loopback port.
    ///
    /// # Errors
    /// No port is free.
    pub async fn open(
        host: &'static str,
        markup: Markup,
        titles: BTreeMap<&'static str, &'static str>,
    ) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State_ { markup, titles, shown: Mutex::default() });
        let routes = Router::new()
            .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /checkout\n" }))
            .route("/p/{sku}", get(page))
            .with_state(Arc::clone(&state));
        let task = tokio::spawn(async move {
            // The demo's own server ends with the demo.
            let _ = axum::serve(listener, routes).await;
        });
        Ok((Self { host, port, state }, task))
    }

    /// Changes what the shop shows.
    pub fn show(&self, sku: &str, shown: Shown) {
        self.state.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(sku.to_owned(), shown);
    }

    /// A product's address.
    #[must_use]
    pub fn url(&self, sku: &str) -> String {
        format!("http://{}:{}/p/{sku}", self.host, self.port)
    }
}

async fn page(State(shop): State<Arc<State_>>, Path(sku): Path<String>, headers: HeaderMap) -> Response {
    if shop.markup == Markup::SlowMicrodata {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let shown = shop.shown.lock().unwrap_or_else(PoisonError::into_inner).get(&sku).cloned();
    let title = shop.titles.get(sku.as_str()).copied().unwrap_or("");
    match shown {
        Some(Shown::Price { minor, in_stock }) => {
            let body = html(shop.markup, title, &sku, minor, in_stock);
            let etag = format!("\"{minor}-{in_stock}\"");
            if headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(etag.as_str()) {
                return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
            }
            ([(header::ETAG, etag)], Html(body)).into_response()
        }
        Some(Shown::Challenge) => {
            let body = "<html><head><title>Just a moment...</title></head><body>Checking your browser before you continue. Please enable JavaScript and cookies.</body></html>";
            (StatusCode::FORBIDDEN, Html(body)).into_response()
        }
        Some(Shown::Gone) => (StatusCode::GONE, Html("<h1>Gone</h1>")).into_response(),
        None => (StatusCode::NOT_FOUND, Html("<h1>Not found</h1>")).into_response(),
    }
}

fn html(markup: Markup, title: &str, sku: &str, minor: i64, in_stock: bool) -> String {
    let (kroner, ore) = (minor / 100, minor % 100);
    let stock = if in_stock { "InStock" } else { "OutOfStock" };
    let button = if in_stock { "<button>Læg i kurv</button>" } else { "<p>Udsolgt</p>" };
    let mut page = format!("<!doctype html><html lang=\"da\"><head><meta charset=\"utf-8\"><title>{title}</title>");
    // Writing to a String cannot fail.
    let _ = match markup {
        Markup::JsonLd => write!(
            page,
            "<script type=\"application/ld+json\">{{\"@context\":\"https://schema.org\",\"@type\":\"Product\",\"name\":\"{title}\",\
             \"sku\":\"{sku}\",\"offers\":{{\"@type\":\"Offer\",\"price\":\"{kroner}.{ore:02}\",\"priceCurrency\":\"DKK\",\
             \"availability\":\"https://schema.org/{stock}\"}}}}</script></head><body><h1>{title}</h1><p>{kroner},{ore:02} kr.</p>{button}"
        ),
        Markup::SlowMicrodata => write!(
            page,
            "</head><body><div itemscope itemtype=\"https://schema.org/Product\"><h1 itemprop=\"name\">{title}</h1>\
             <div itemprop=\"offers\" itemscope itemtype=\"https://schema.org/Offer\"><span itemprop=\"price\" content=\"{kroner}.{ore:02}\">\
             {kroner},{ore:02} kr.</span><meta itemprop=\"priceCurrency\" content=\"DKK\">\
             <link itemprop=\"availability\" href=\"https://schema.org/{stock}\"></div></div>{button}"
        ),
        Markup::Bare => write!(
            page,
            "</head><body><h1>{title}</h1><div class=\"torv-amt\" data-kroner=\"{kroner}.{ore:02}\"></div>\
             <div class=\"torv-lager\">{}</div>",
            if in_stock { "På lager" } else { "Udsolgt" }
        ),
    };
    page.push_str("</body></html>");
    page
}
