//! Since when a rule says what it says now, and how many products it matches: what its first stages are measured by.

use sha2::{Digest as _, Sha256};

use super::facts;
use crate::app::{App, Loaded, hex};
use crate::clock::Millis;
use crate::decide::rules::Rule;
use crate::decide::{self, Decision, Facts};
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
    let products = if staged { matched(app, loaded, rule, whole, now).await? } else { whole };
    Ok(Youngest { rule: rule.id.clone(), since: Some(since), products })
}

/// A rule's form: its id and everything it says, so that editing one rule does not make the others new.
fn form(rule: &Rule) -> String {
    format!("{}/{}", rule.id, &hex(&Sha256::digest(format!("{rule:?}")))[..16])
}

/// Since when a rule has its present form: remembered at its first proposal.
async fn since(app: &App, rule: &Rule, now: Millis) -> anyhow::Result<Millis> {
    let name = format!("rule/{}", form(rule));
    if let Some(known) = settings::get(&app.db, &name).await? {
        return Ok(Millis(known.created_at));
    }
    settings::set(&app.db, name, String::new(), "rules".to_owned(), "first proposal in this form".to_owned(), now)
        .await?;
    Ok(now)
}

/// How many products a rule matches: remembered, and counted again when there are more or fewer products.
async fn matched(app: &App, loaded: &Loaded, rule: &Rule, whole: u32, now: Millis) -> anyhow::Result<u32> {
    let name = format!("rule-matches/{}", form(rule));
    if let Some(known) = settings::get(&app.db, &name).await?
        && let Some((matched, of)) = read(&known.value)
        && (of == whole || now.since(Millis(known.created_at)) < COUNT_AGAIN)
    {
        return Ok(matched);
    }
    let matched = count(app, loaded, rule, now).await?;
    let why = "products that the rule matches, of all".to_owned();
    settings::set(&app.db, name, format!("{matched} of {whole}"), "rules".to_owned(), why, now).await?;
    Ok(matched)
}

fn read(value: &str) -> Option<(u32, u32)> {
    let (matched, of) = value.split_once(" of ")?;
    Some((matched.parse().ok()?, of.parse().ok()?))
}

/// Counts the products that a rule matches as far as competitors do not matter: too many rather than too few, because a
/// larger number means a smaller share. A product that nothing can be known of matches nothing.
async fn count(app: &App, loaded: &Loaded, rule: &Rule, now: Millis) -> anyhow::Result<u32> {
    let (mut after, mut matched) = (0, 0_u32);
    loop {
        let page = products::page(&app.db, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(matched) };
        after = last.id;
        for product in &page {
            let facts = facts::of_market(app, loaded, product, vec![], None, now);
            let matches = |facts: &Facts| rule.is_for(&facts.market) && rule.select.matches_product(facts);
            matched += u32::from(facts.is_ok_and(|facts| matches(&facts)));
        }
    }
}
