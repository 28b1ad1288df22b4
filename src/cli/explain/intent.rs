//! What people, campaigns and the watch over rivals have to do with a price, in sentences.

use crate::app::App;
use crate::clock::Millis;
use crate::flow::campaigns as flow;
use crate::money::{Money, WirePrice, currency};
use crate::report::digest::plain;
use crate::store::campaigns::Campaign;
use crate::store::overrides::{self, Kind, Override};
use crate::store::products::Product;
use crate::store::{campaigns, rivals, strikes};

/// Overrides looked through: only what held at the instant is told.
const MOST: i64 = 100;

/// Whether an override held at an instant.
fn held(one: &Override, at: Millis) -> bool {
    let over = one.ended_at.or(one.until_at).is_some_and(|end| end <= at.0);
    one.created_at <= at.0 && !over
}

/// Whether a person's lock, or that of a price that was adopted from a channel, held at an instant.
///
/// # Errors
/// The store's.
pub(super) async fn locked(app: &App, product: &Product, at: Millis) -> anyhow::Result<bool> {
    let all = overrides::history(&app.db, product.id, MOST).await?;
    Ok(all.iter().any(|one| one.kind == Kind::Lock.as_str() && held(one, at)))
}

/// One sentence for everything that held at an instant.
///
/// # Errors
/// The store's.
pub(super) async fn sentences(
    app: &App,
    product: &Product,
    channel: Option<&str>,
    at: Millis,
) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    let all = overrides::history(&app.db, product.id, MOST).await?;
    for one in all.into_iter().filter(|one| held(one, at)) {
        let end =
            one.until_at.map_or_else(|| "until somebody ends it".to_owned(), |at| format!("until {}", Millis(at)));
        let what = match amount(one.price_minor, &one.currency) {
            Some(price) => format!("set {price}"),
            None => "locked it".to_owned(),
        };
        told.push(format!("{} {what} {end}: {}", plain(&one.owner), plain(&one.why)));
    }
    let planned = campaigns::of_product(&app.db, product.id, at).await?;
    for one in planned.into_iter().filter(|one| one.created_at <= at.0) {
        let price = amount(Some(one.price_minor), &one.currency).unwrap_or_default();
        let (from, until) = (Millis(one.starts_at), Millis(one.ends_at));
        let on = flow::scope(app, &one.channels, &one.audience);
        let on = on.map(|names| format!(" on {}", names.join(", "))).unwrap_or_default();
        let agreed = campaigns::by_name(&app.db, &one.name).await?.as_ref().and_then(consent).unwrap_or_default();
        told.push(format!("campaign {}{on}: {price} from {from} until {until}{agreed}", one.name));
        for strike in strikes::strikes_of(&app.db, one.id, flow::MOST_ITEMS).await? {
            let concerned = strike.sku == product.sku && channel.is_none_or(|name| name == strike.channel);
            if concerned && strike.started_at <= at.0 {
                told.push(announced(&strike));
            }
        }
    }
    for one in campaigns::waiting(&app.db).await?.into_iter().filter(|one| one.created_at <= at.0) {
        let items = campaigns::items(&app.db, one.id, flow::MOST_ITEMS).await?;
        let Some(item) = items.into_iter().find(|item| item.product_id == product.id) else { continue };
        let price = amount(Some(item.price_minor), &item.currency).unwrap_or_default();
        told.push(format!("campaign {}: {price} waits for a second person: {}", one.name, waits(&one)));
    }
    for rivalry in rivals::open(&app.db, product.id, at).await?.into_iter().filter(|r| r.created_at <= at.0) {
        told.push(format!("{}; answered until {}", plain(&rivalry.message), Millis(rivalry.until_at)));
    }
    Ok(told)
}

/// Who agreed to a campaign that needed two persons.
fn consent(one: &Campaign) -> Option<String> {
    let (by, at) = (one.consent_by.as_deref()?, Millis(one.consent_at?));
    Some(format!("; {} agreed to it at {at}: {}", plain(by), plain(one.consent_why.as_deref().unwrap_or_default())))
}

/// Why a campaign waits, and the command that settles it.
fn waits(one: &Campaign) -> String {
    let until = one.waits().map_or_else(String::new, |until| until.to_string());
    let why = plain(one.asked.as_deref().unwrap_or_default());
    format!(
        "{why}; somebody else than {} agrees with omniprice approve campaign/{} --why \"...\" until {until}",
        plain(&one.owner),
        one.name
    )
}

fn announced(strike: &strikes::StrikeRow) -> String {
    let reasons: Vec<String> = serde_json::from_str(&strike.reasons).unwrap_or_default();
    let why = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    let said = if strike.announce != 0 { "announced" } else { "not announced" };
    let prior = prior(strike).map_or_else(
        || "no prior price".to_owned(),
        |prior| match strike.window_from {
            Some(from) => format!("prior price {prior}, the lowest since {}", Millis(from)),
            None => format!("prior price {prior}"),
        },
    );
    format!("  {}: {said}, {prior}{why}", strike.channel)
}

fn prior(strike: &strikes::StrikeRow) -> Option<WirePrice> {
    WirePrice::stored(strike.prior_minor?, strike.decimals, &strike.currency).ok()
}

fn amount(minor: Option<i64>, code: &str) -> Option<String> {
    Some(Money::from_minor(minor?, currency(code).ok()?).to_string())
}
