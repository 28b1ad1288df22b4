//! One page for a command, fetched by the daemon's own rules: robots.txt, guard, limits.

use anyhow::{Context as _, bail};
use url::Url;

use super::Context;
use super::extract::FetchedPage;
use crate::clock::Clock;
use crate::config::Robots;
use crate::fetch::robots::{self, Rules};
use crate::fetch::{Client, FetchError, Fetched, Validators};

/// Fetches a page, after asking the host's robots.txt.
///
/// # Errors
/// Why there is no page.
pub fn page(context: &Context, url: &str) -> anyhow::Result<FetchedPage> {
    let config = context.config()?;
    // The daemon installs the same one; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new(&config.fetch).map_err(anyhow::Error::msg)?;
    let url = Url::parse(url).with_context(|| format!("{url} is no URL"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let rules = match config.fetch.robots {
            Robots::Ignore => Rules::AllowAll,
            Robots::Obey => robots(&client, &url).await?,
        };
        match client
            .get(&url, Validators::default(), Clock::System.now(), config.fetch.delay.duration(), &|hop| {
                rules.allows(hop)
            })
            .await?
        {
            Fetched::Page(page) => Ok(FetchedPage {
                body: page.body,
                content_type: page.content_type,
                final_url: page.final_url.to_string(),
                status: page.status,
            }),
            Fetched::NotModified => bail!("{url}: 304 without having asked for it"),
        }
    })
}

async fn robots(client: &Client, url: &Url) -> anyhow::Result<Rules> {
    let location = robots::location(url).context("the URL has no host")?;
    let product = robots::product_token(client.user_agent());
    Ok(
        match client
            .get(&location, Validators::default(), Clock::System.now(), std::time::Duration::ZERO, &|_| true)
            .await
        {
            Ok(Fetched::Page(page)) if page.status < 300 => Rules::parse(&page.body, product),
            Ok(Fetched::Page(_)) | Err(FetchError::RedirectedElsewhere(_)) => Rules::AllowAll,
            Ok(Fetched::NotModified) => Rules::DisallowAll,
            // RFC 9309 section 2.3.1.4: a host whose robots.txt does not come is not asked for anything else.
            Err(error) => {
                return Err(error).with_context(|| format!("{location} did not come, so nothing else is asked for"));
            }
        },
    )
}
