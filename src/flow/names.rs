//! Names in rules that mean nothing in our data: a rule that selects by a mistyped brand selects nothing, in silence.

use std::collections::BTreeSet;

use crate::decide::RuleSet;
use crate::decide::campaign_file::ItemText;
use crate::decide::rules::{Rule, Target};
use crate::decide::select::{is_under, upwards};
use crate::nearest::meant;
use crate::store::Db;
use crate::store::{StoreError, products, rivals};

/// Products read at once, and names of products that are looked through.
const PAGE: i64 = 1_000;
const MOST_PRODUCTS: usize = 500_000;
/// Competitors looked through.
const MOST_COMPETITORS: i64 = 10_000;
/// Names told of one rule and key; a wrong list is wrong from its beginning.
const TOLD: usize = 5;

/// Every name that our products and competitor pages have.
#[derive(Debug, Default)]
struct Known {
    skus: BTreeSet<String>,
    brands: BTreeSet<String>,
    /// With everything above them.
    categories: BTreeSet<String>,
    tags: BTreeSet<String>,
    competitors: BTreeSet<String>,
}

/// What rules name and nothing of ours has, a sentence each, with the nearest name that something has. Kinds of names of
/// which there are none at all yet are not compared: the import may come later.
///
/// # Errors
/// The store's.
pub async fn unknown(db: &Db, rules: &RuleSet) -> Result<Vec<String>, StoreError> {
    let known = known(db).await?;
    let mut told: Vec<String> = rules.rules.iter().flat_map(|rule| of_rule(rule, &known)).collect();
    let declared = rules.competitors.iter().filter(|competitor| !competitor.own);
    let ids = declared.map(|competitor| &competitor.id);
    let strange = ids.filter(|id| !known.competitors.is_empty() && !known.competitors.contains(*id));
    told.extend(strange.map(|id| {
        let meant = meant(id, known.competitors.iter().map(String::as_str));
        format!("competitor {id}: no product has a page of it{meant}")
    }));
    Ok(told)
}

/// Of some SKUs those that no product has, a sentence each.
///
/// # Errors
/// The store's.
pub(super) async fn strange_skus(db: &Db, skus: &[String]) -> Result<Vec<String>, StoreError> {
    let mut strange = Vec::new();
    for sku in skus {
        if products::by_sku(db, sku).await?.is_none() {
            strange.push(sku);
        }
    }
    if strange.is_empty() {
        return Ok(vec![]);
    }
    let known = known(db).await?.skus;
    let told = |sku: &&String| {
        let meant = meant(sku, known.iter().map(String::as_str));
        format!("no product is `{}`{meant}", sku.escape_debug())
    };
    Ok(strange.iter().take(TOLD).map(told).collect())
}

/// What an item of a campaign names and no product has, a sentence each.
///
/// # Errors
/// The store's.
pub(super) async fn strange_groups(db: &Db, item: &ItemText) -> Result<Vec<String>, StoreError> {
    let known = known(db).await?;
    let named = [
        (
            "no product has the brand",
            &known.brands,
            item.brand.0.iter().filter(|name| !known.brands.contains(*name)).collect(),
        ),
        ("no product is in category", &known.categories, outside(&item.category_under.0, &known.categories)),
        (
            "no product has the tag",
            &known.tags,
            item.tags_any.0.iter().filter(|name| !known.tags.contains(*name)).collect(),
        ),
    ];
    let told = |(what, all, names): (&str, &BTreeSet<String>, Vec<&String>)| -> Vec<String> {
        let sentence = |name: &&String| {
            let meant = meant(name, all.iter().map(String::as_str));
            format!("{what} `{}`{meant}", name.escape_debug())
        };
        names.iter().take(TOLD).map(sentence).collect()
    };
    Ok(named.into_iter().flat_map(told).collect())
}

async fn known(db: &Db) -> Result<Known, StoreError> {
    let mut known = Known::default();
    let (mut after, mut seen) = (0, 0);
    while seen < MOST_PRODUCTS {
        let page = products::page(db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        seen += page.len();
        for product in page {
            known.tags.extend(serde_json::from_str::<Vec<String>>(&product.tags).unwrap_or_default());
            known.brands.extend(product.brand);
            known.categories.extend(product.category.iter().flat_map(|own| upwards(own)).map(str::to_owned));
            known.skus.insert(product.sku);
        }
    }
    known.competitors = rivals::list(db, MOST_COMPETITORS).await?.into_iter().map(|one| one.competitor).collect();
    Ok(known)
}

fn of_rule(rule: &Rule, known: &Known) -> Vec<String> {
    let (select, offers) = (&rule.select, &rule.offers);
    let followed: &[String] = if let Target::Competitor(names) = &rule.target { names } else { &[] };
    let named = [
        ("select.sku", "no product is", &known.skus, strange(&select.sku, &known.skus)),
        ("select.brand", "no product has the brand", &known.brands, strange(&select.brand, &known.brands)),
        (
            "select.category_under",
            "no product is in category",
            &known.categories,
            outside(&select.category_under, &known.categories),
        ),
        ("select.tags_any", "no product has the tag", &known.tags, strange(&select.tags_any, &known.tags)),
        ("select.tags_none", "no product has the tag", &known.tags, strange(&select.tags_none, &known.tags)),
        ("target.names", "no product has a page of", &known.competitors, strange(followed, &known.competitors)),
        (
            "offers.include",
            "no product has a page of",
            &known.competitors,
            strange(&offers.include, &known.competitors),
        ),
        (
            "offers.exclude",
            "no product has a page of",
            &known.competitors,
            strange(&offers.exclude, &known.competitors),
        ),
    ];
    let told = |(key, what, all, names): (&str, &str, &BTreeSet<String>, Vec<&String>)| -> Vec<String> {
        // Empty names are told by the check of the rules themselves.
        let names: Vec<&String> = names.into_iter().filter(|name| !name.trim().is_empty()).collect();
        let sentence = |name: &&String| {
            let (told, meant) = (name.escape_debug(), meant(name, all.iter().map(String::as_str)));
            format!("rule {}: {key}: {what} `{told}`{meant}", rule.id)
        };
        // Where nothing has such a name yet, nothing can be said.
        if all.is_empty() { vec![] } else { names.iter().take(TOLD).map(sentence).collect() }
    };
    named.into_iter().flat_map(told).collect()
}

fn strange<'a>(names: impl IntoIterator<Item = &'a String>, known: &BTreeSet<String>) -> Vec<&'a String> {
    names.into_iter().filter(|name| !known.contains(*name)).collect()
}

fn outside<'a>(names: &'a [String], known: &BTreeSet<String>) -> Vec<&'a String> {
    names.iter().filter(|under| !known.iter().any(|own| is_under(own, under))).collect()
}
