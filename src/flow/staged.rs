//! Since when a rule says what it says now, and how many products it matches: what its first stages are measured by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::facts;
use crate::app::{App, Loaded, hex};
use crate::clock::Millis;
use crate::decide::rules::Rule;
use crate::decide::staging::{Queue, Stage, Young};
use crate::decide::{self, Decision, Facts, canonical};
use crate::store::{products, settings};

/// Products read at once.
const PAGE: i64 = 1_000;
/// A catalogue that grows is not counted again sooner: counting takes longer than deciding many products.
const COUNT_AGAIN: i64 = 10 * Millis::MINUTE;

/// The youngest of the rules behind a decision.
#[derive(Debug, Clone, Default)]
pub struct Youngest {
    pub rule: String,
    pub since: Option<Millis>,
    pub products: u32,
    /// None once it is out of its stages.
    pub stages: Option<[Stage; 2]>,
}

/// How many products a rule matches and which come first, as it is remembered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Matched {
    products: u32,
    /// Of so many in the catalogue.
    of: u32,
    /// The settings that the stages follow.
    pct: [u32; 2],
    least: u32,
    stages: [Stage; 2],
}

/// The rule behind a decision that has its present form for the shortest time; of several the first. `whole` is how many
/// products there are.
///
/// # Errors
/// The store's.
pub async fn youngest(
    app: &App,
    loaded: &Loaded,
    facts: &Facts,
    decision: &Decision,
    whole: u32,
    now: Millis,
) -> anyhow::Result<Youngest> {
    let Some(first) = &decision.rule else { return Ok(Youngest::default()) };
    let mut youngest: Option<(&Rule, Millis)> = None;
    for rule in decide::deciding(facts, &loaded.set, now.timestamp()) {
        let since = since(app, rule, now).await?;
        if youngest.is_none_or(|(_, than)| since > than) {
            youngest = Some((rule, since));
        }
    }
    let Some((rule, since)) = youngest else { return Ok(Youngest { rule: first.clone(), ..Youngest::default() }) };
    // Out of its stages a rule acts on all products, however many they are.
    let staged = now.since(since) < 2 * i64::from(app.config.release.stage_h) * Millis::HOUR;
    let (products, stages) = match staged {
        true => {
            let matched = matched(app, loaded, rule, whole, now).await?;
            (matched.products, Some(matched.stages))
        }
        false => (whole, None),
    };
    Ok(Youngest { rule: rule.id.clone(), since: Some(since), products, stages })
}

/// A rule's form: its id and everything it says, so that editing one rule does not make the others new.
fn form(rule: &Rule) -> String {
    named(rule, &canonical::of(rule))
}

/// The form under which older versions remembered a rule: how they print it, which another key of rules changes.
fn former(rule: &Rule) -> String {
    named(rule, &format!("{rule:?}"))
}

fn named(rule: &Rule, form: &str) -> String {
    format!("{}/{}", rule.id, &hex(&Sha256::digest(form))[..16])
}

/// Since when a rule is known to have its present form; none before its first proposal.
async fn known(app: &App, rule: &Rule) -> anyhow::Result<Option<Millis>> {
    for form in [form(rule), former(rule)] {
        if let Some(known) = settings::get(&app.db, &format!("rule/{form}")).await? {
            return Ok(Some(Millis(known.created_at)));
        }
    }
    Ok(None)
}

/// Since when a rule has its present form: remembered at its first proposal.
async fn since(app: &App, rule: &Rule, now: Millis) -> anyhow::Result<Millis> {
    let name = format!("rule/{}", form(rule));
    if let Some(remembered) = settings::get(&app.db, &name).await? {
        return Ok(Millis(remembered.created_at));
    }
    // A rule that an older version knew keeps its age, and is remembered by a name that no version changes.
    let since = known(app, rule).await?.unwrap_or(now);
    let why = "first proposal in this form".to_owned();
    settings::set(&app.db, name, String::new(), "rules".to_owned(), why, since).await?;
    Ok(since)
}

/// How many products a rule matches and which come first: remembered, and counted again when there are more or fewer
/// products, or the stages are set otherwise.
async fn matched(app: &App, loaded: &Loaded, rule: &Rule, whole: u32, now: Millis) -> anyhow::Result<Matched> {
    let name = format!("rule-matches/{}", form(rule));
    let params = &app.config.release;
    if let Some(known) = settings::get(&app.db, &name).await?
        && let Ok(matched) = serde_json::from_str::<Matched>(&known.value)
        && (matched.of == whole || now.since(Millis(known.created_at)) < COUNT_AGAIN)
        && (matched.pct, matched.least) == (params.stage_pct, params.stage_least_products)
    {
        return Ok(matched);
    }
    let queue = count(app, loaded, &[rule], now).await?.pop().unwrap_or_default();
    let (pct, least) = (params.stage_pct, params.stage_least_products);
    let matched = Matched { products: queue.products(), of: whole, pct, least, stages: queue.stages(params) };
    let why = "products that the rule matches, and those that come first".to_owned();
    settings::set(&app.db, name, serde_json::to_string(&matched)?, "rules".to_owned(), why, now).await?;
    Ok(matched)
}

/// The rules that would act on a share of their products first if they were put in force at an instant, by id; those that
/// have had their present form for long enough are left out. Nothing is remembered: the rules are only tried.
///
/// # Errors
/// The store's.
pub async fn tried(app: &App, loaded: &Loaded, begin: Millis) -> anyhow::Result<BTreeMap<String, Young>> {
    let both = 2 * i64::from(app.config.release.stage_h) * Millis::HOUR;
    let mut young: Vec<(&Rule, Millis)> = Vec::new();
    for rule in &loaded.set.rules {
        let since = known(app, rule).await?.map_or(begin, |known| known.min(begin));
        if begin.since(since) < both {
            young.push((rule, since));
        }
    }
    if young.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rules: Vec<&Rule> = young.iter().map(|(rule, _)| *rule).collect();
    let matched = count(app, loaded, &rules, begin).await?;
    let young = young.into_iter().zip(matched).map(|((rule, since), queue)| {
        let stages = Some(queue.stages(&app.config.release));
        (rule.id.clone(), Young { since, products: queue.products(), stages })
    });
    Ok(young.collect())
}

/// Counts the products that each of some rules matches as far as competitors do not matter: too many rather than too few,
/// because a larger number means a smaller share. A product that nothing can be known of matches nothing.
async fn count(app: &App, loaded: &Loaded, rules: &[&Rule], now: Millis) -> anyhow::Result<Vec<Queue>> {
    let (mut after, mut matched) = (0, vec![Queue::default(); rules.len()]);
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(matched) };
        after = last.id;
        for product in &page {
            let Ok(facts) = facts::of_market(app, loaded, product, vec![], None, now) else { continue };
            for (rule, matched) in rules.iter().zip(&mut matched) {
                if rule.is_for(&facts.market) && rule.select.matches_product(&facts) {
                    matched.add(&rule.id, &product.sku);
                }
            }
        }
    }
}
