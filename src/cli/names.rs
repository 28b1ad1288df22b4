//! Names that people type: what they mean in our data, and what was probably meant where they mean nothing.

use std::collections::BTreeSet;

use anyhow::Context as _;

use super::wrong;
use crate::app::App;
use crate::decide::select::upwards;
use crate::nearest::{meant, nearest};
use crate::report::digest::plain;
use crate::store::products::{self, Product};

/// Products read at once.
const PAGE: i64 = 1_000;
/// A mistyped name is compared with the names of so many products at most.
const MOST_COMPARED: usize = 200_000;

/// How many of what, in English: `1 page`, `2 pages`.
pub(super) fn count(n: impl std::fmt::Display, what: &str) -> String {
    let n = n.to_string();
    let plural = if n == "1" { "" } else { "s" };
    format!("{n} {what}{plural}")
}

/// The same with what they do: `1 proposal waits`, `2 proposals wait`.
pub(super) fn waits(n: usize, what: &str) -> String {
    format!("{} {}", count(n, what), if n == 1 { "waits" } else { "wait" })
}

/// Goes through the products, at most [`MOST_COMPARED`].
async fn each_product(app: &App, mut look: impl FnMut(&Product)) -> anyhow::Result<()> {
    let (mut after, mut seen) = (0, 0);
    while seen < MOST_COMPARED {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        seen += page.len();
        page.iter().for_each(&mut look);
    }
    Ok(())
}

/// A product by its SKU.
///
/// # Errors
/// The SKU with what was probably meant, or the store's.
pub(super) async fn product(app: &App, sku: &str) -> anyhow::Result<Product> {
    if let Some(product) = products::by_sku(&app.db, sku).await? {
        return Ok(product);
    }
    let mut known = Vec::new();
    each_product(app, |product| known.push(product.sku.clone())).await?;
    Err(no_product(sku, known.iter().map(String::as_str)))
}

/// An SKU that no product has, with what was probably meant.
pub(super) fn no_product<'a>(sku: &str, known: impl IntoIterator<Item = &'a str>) -> anyhow::Error {
    let hint = nearest(sku, known).map_or_else(
        || "omniprice import FILE stores products".to_owned(),
        |other| format!("did you mean `{}`?", plain(other)),
    );
    anyhow::anyhow!("there is no product `{}`\nhint: {hint}", plain(sku))
}

/// A channel that is not configured, with what was probably meant.
pub(super) fn no_channel(app: &App, name: &str) -> anyhow::Error {
    let meant = meant(name, app.lanes.iter().map(|lane| lane.name.as_str()));
    anyhow::anyhow!("there is no channel `{}`{meant}\nhint: omniprice channel list shows them", plain(name))
}

/// Refuses a category that no product is in.
///
/// # Errors
/// The category with what was probably meant, or the store's.
pub(super) async fn category(app: &App, name: &str) -> anyhow::Result<()> {
    if products::any_under(&app.db, name).await? {
        return Ok(());
    }
    let mut known = BTreeSet::new();
    let above = |product: &Product| product.category.iter().flat_map(|own| upwards(own)).map(str::to_owned).collect();
    each_product(app, |product| known.extend::<Vec<String>>(above(product))).await?;
    let meant = meant(name, known.iter().map(String::as_str));
    Err(wrong(format!(
        "no product is in category `{}`{meant}\nhint: as in the column category of the import, such as Audio/Headphones",
        plain(name)
    )))
}

/// Refuses a rule that is not in force.
///
/// # Errors
/// The id with what was probably meant, or the rules'.
pub(super) async fn rule(app: &App, id: &str) -> anyhow::Result<()> {
    let loaded = app.rules().await.context("rules")?;
    if loaded.set.rule(id).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = loaded.set.rules.iter().map(|rule| rule.id.as_str()).collect();
    let meant = meant(id, known.iter().copied());
    Err(wrong(format!("there is no rule `{}`{meant}\nhint: the rules have {}", plain(id), known.join(", "))))
}
