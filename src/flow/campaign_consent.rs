//! Campaigns that two persons must agree to: a reduction beyond the limit of the release layer decides nothing, is not staged
//! and is told to no till before somebody else than whoever planned it has agreed. The consent is to the campaign as a whole.

use std::cmp::Reverse;

use super::campaigns::CHANGED;
use crate::app::App;
use crate::clock::Millis;
use crate::decide::release::{Guard, ReleaseParams, is_same_person, person};
use crate::decide::release_guards::{change_pct, needs_two};
use crate::money::Money;
use crate::report::text::plain;
use crate::sentence::Sentence;
use crate::store::campaigns::{self, Campaign};
use crate::store::events::{self, Raise};

/// How `review`, `approve` and `reject` name a campaign: `campaign/black-week`.
pub const PREFIX: &str = "campaign/";
/// Who ends a campaign that nobody agreed to.
const POLICY: &str = "policy";

/// Why a campaign could not be agreed to, or turned down.
#[derive(Debug, thiserror::Error)]
pub enum NotAgreed {
    #[error("there is no campaign `{0}`\nhint: `omniprice review` lists those that wait")]
    Unknown(String),
    #[error("campaign {name} waits for nobody: {how}\nhint: `omniprice campaign show {name}` tells where it is")]
    NotWaiting { name: String, how: String },
    #[error("campaign {name} could be agreed to until {until}\nhint: store it again under another id")]
    Expired { name: String, until: Millis },
    #[error(
        "campaign {name} needs two persons, and {by} planned it\nhint: somebody else approves it under another name; `omniprice reject campaign/{name} --why \"...\"` ends it"
    )]
    SamePerson { name: String, by: String },
    #[error(
        "campaign {0} needs two persons, and an approval without a name is nobody's\nhint: --actor says who approves"
    )]
    Nameless(String),
}

/// A price before a campaign, in it, and the stock at stake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reduction {
    pub from: Money,
    pub to: Money,
    pub stock: Option<i64>,
}

/// Why reductions need a second person: the largest of those that do. Raises and small steps need nobody.
pub(super) fn asked(params: &ReleaseParams, reductions: &[Reduction]) -> Option<String> {
    if params.off.contains(&Guard::SecondPerson) {
        return None;
    }
    let lower = reductions.iter().filter(|one| one.to.minor() < one.from.minor());
    let needs = |one: &Reduction| {
        let why = needs_two(params, one.from, one.to, one.stock)?;
        Some((change_pct(one.from, one.to)?, why))
    };
    lower.filter_map(needs).max_by_key(|(change, _)| Reverse(*change)).map(|(_, why)| why)
}

/// Until when a second person may agree: until the start, for as long as approvals are valid at least, and no longer than
/// the campaign would last.
#[must_use]
pub fn until(app: &App, starts_at: Millis, ends_at: Millis) -> Millis {
    let valid = app.now().plus(i64::from(app.config.release.approval_valid_h) * Millis::HOUR);
    starts_at.max(valid).min(ends_at)
}

/// The second person agrees: the campaign is planned like any other from now on, and begins at once where its start has
/// passed.
///
/// # Errors
/// [`NotAgreed`] or the store's.
pub async fn approve(app: &App, name: &str, actor: &str, why: &str) -> anyhow::Result<()> {
    let now = app.now();
    let (one, until) = waiting(app, name).await?;
    let name = one.name.clone();
    if person(actor).is_none() {
        return Err(NotAgreed::Nameless(name).into());
    }
    if let Some(by) = planners(&one).find(|by| is_same_person(by, actor)) {
        return Err(NotAgreed::SamePerson { by: plain(by), name }.into());
    }
    if until <= now {
        expire(app, &one, until, now).await?;
        return Err(NotAgreed::Expired { name, until }.into());
    }
    if campaigns::consent(&app.db, one.id, actor.to_owned(), why.to_owned(), now).await? {
        return Ok(());
    }
    // Somebody else's word came first.
    let after = campaigns::by_name(&app.db, &name).await?.unwrap_or(one);
    Err(NotAgreed::NotWaiting { how: standing(&after), name }.into())
}

/// Anybody may turn it down: it is cancelled.
///
/// # Errors
/// [`NotAgreed`] or the store's.
pub async fn reject(app: &App, name: &str, actor: &str, why: &str) -> anyhow::Result<()> {
    let (one, _) = waiting(app, name).await?;
    campaigns::set_phase(&app.db, one.id, "cancelled", Some(actor.to_owned()), Some(why.to_owned()), app.now()).await?;
    Ok(())
}

/// Cancels what nobody else agreed to in time, and says so.
///
/// # Errors
/// The store's.
pub(super) async fn tend(app: &App, now: Millis) -> anyhow::Result<()> {
    for one in campaigns::waiting(&app.db).await? {
        if let Some(until) = one.waits().filter(|until| *until <= now) {
            expire(app, &one, until, now).await?;
        }
    }
    Ok(())
}

async fn expire(app: &App, one: &Campaign, until: Millis, now: Millis) -> anyhow::Result<()> {
    let why = Sentence::CampaignUnagreed.with(&[("name", &one.name), ("until", &until)]);
    // Told first: a crash in between tells it again, and nothing is cancelled in silence.
    let event = Raise {
        kind: CHANGED,
        severity: "critical",
        dedupe: format!("campaign-consent/{}", one.id),
        product_id: None,
        channel: None,
        competitor: None,
        message: why.clone(),
        hint: format!("omniprice campaign show {}", one.name),
    };
    events::raise(&app.db, event, now).await?;
    campaigns::set_phase(&app.db, one.id, "cancelled", Some(POLICY.to_owned()), Some(why), now).await?;
    Ok(())
}

/// Everybody who planned a campaign: its owner, and whoever stored it.
pub fn planners(one: &Campaign) -> impl Iterator<Item = &str> {
    [Some(one.owner.as_str()), one.added_by.as_deref()].into_iter().flatten()
}

async fn waiting(app: &App, name: &str) -> anyhow::Result<(Campaign, Millis)> {
    let one = campaigns::by_name(&app.db, name).await?.ok_or_else(|| NotAgreed::Unknown(plain(name)))?;
    match one.waits() {
        Some(until) => Ok((one, until)),
        None => Err(NotAgreed::NotWaiting { how: standing(&one), name: one.name }.into()),
    }
}

/// What became of it.
fn standing(one: &Campaign) -> String {
    match (one.phase.as_str(), &one.consent_by, one.consent_at) {
        ("planned" | "running", Some(by), Some(at)) => format!("{} agreed at {}", plain(by), Millis(at)),
        ("planned" | "running", ..) => "it needs one person only".to_owned(),
        (ended, ..) => format!("it is {ended}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Currency, Decimal};

    fn reduction(from: i64, to: i64, stock: Option<i64>) -> Reduction {
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        Reduction { from: dkk(from), to: dkk(to), stock }
    }

    #[test]
    fn the_largest_reduction_beyond_the_limit_says_why() {
        let params = ReleaseParams { second_person_above_pct: Some(Decimal::TEN), ..ReleaseParams::default() };
        let small = reduction(10_000, 9_000, None);
        assert_eq!(asked(&params, &[small, reduction(10_000, 15_000, None)]), None, "raises are no reductions");
        let many = [reduction(10_000, 8_500, None), reduction(10_000, 7_000, None), small];
        assert_eq!(asked(&params, &many).as_deref(), Some("a change of -30.00 % needs two persons' consent"));
        assert_eq!(asked(&ReleaseParams::default(), &many), None);
        let off = ReleaseParams { off: [Guard::SecondPerson].into(), ..params };
        assert_eq!(asked(&off, &many), None);
        let money = Some(Decimal::ONE_HUNDRED);
        let stake = ReleaseParams { second_person_above_amount: money, ..ReleaseParams::default() };
        assert_eq!(asked(&stake, &[reduction(10_000, 9_000, Some(10))]), None);
        assert!(asked(&stake, &[reduction(10_000, 9_000, Some(11))]).is_some(), "10.00 on each of eleven");
    }
}
