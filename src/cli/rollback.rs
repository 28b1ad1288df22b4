//! `omniprice rollback --to TIME|DECISION`: new decisions that restore what was, never the old ones again.

use std::process::ExitCode;

use super::names::count;
use super::{Context, NEEDS_A_PERSON, named, talk, when, wrong};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::text::Zone;
use crate::money::{Money, WirePrice, currency};
use crate::report::digest::plain;
use crate::store::listings::{self, Desire};
use crate::store::overrides::{self, Kind, New};
use crate::store::{campaigns, decisions, fleet, products};

/// Rows per page of the store.
const PAGE: i64 = 1_000;
/// Lines shown to a person; `--json` has them all.
const SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A day (its end) or a time such as 2026-11-20T07:00, both in the zone of reports, a time with an offset, a span back
    /// from now such as 3h, or the number of a decision
    #[arg(long, value_name = "TIME|DECISION")]
    to: String,
    /// Only what this channel shows, until the next decision
    #[arg(long)]
    channel: Option<String>,
    /// Only these products [default: all whose price has changed since]
    #[arg(long, value_name = "SKU")]
    sku: Vec<String>,
    #[arg(long)]
    why: String,
    /// Who answers for it
    #[arg(long, env = "USER", default_value = "operator")]
    owner: String,
    /// When the rules decide again: a span, a day (its end in the zone of reports) or an instant
    #[arg(long, default_value = "24h")]
    until: String,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Although prices that people set, or running campaigns, are put aside
    #[arg(long)]
    yes: bool,
}

/// One price that goes back.
#[derive(Debug, serde::Serialize)]
struct Back {
    sku: String,
    now: Option<String>,
    then: String,
    /// A price that a person set, or a campaign, which this puts aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
}

/// # Errors
/// An instant or decision that does not exist, an unknown channel or SKU, or the store's.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    named("--why", &args.why)?;
    let now = app.now();
    let at = instant(context, &app, args, now).await?;
    let until = when::until(&args.until, &super::zone_of_reports(&app)?, now).map_err(wrong)?;
    for sku in &args.sku {
        super::names::product(&app, sku).await?;
    }
    if args.channel.is_none() {
        other_money(context, &app, args, at).await?;
    }
    let back = match &args.channel {
        Some(channel) => channel_back(&app, args, channel, at).await?,
        None => {
            let planned = prices_back(&app, args, at, until, true).await?;
            let aside: Vec<&Back> = planned.iter().filter(|back| back.replaces.is_some()).collect();
            if let (false, false, Some(first)) = (args.dry_run, args.yes, aside.first()) {
                return Err(wrong(format!(
                    "what people or campaigns set would be put aside: {}, {} among them ({})\nhint: --dry-run shows them, \
                     --sku names others, --yes goes on",
                    count(aside.len(), "price"),
                    plain(&first.sku),
                    first.replaces.as_deref().unwrap_or_default()
                )));
            }
            if args.dry_run { planned } else { prices_back(&app, args, at, until, false).await? }
        }
    };
    let done = match (args.dry_run, back.len()) {
        (true, _) => "would go back",
        (false, 1) => "goes back",
        (false, _) => "go back",
    };
    context.print(&back, |back| {
        let mut lines = vec![format!("{} {done} to what held at {at}", count(back.len(), "price"))];
        let line = |b: &Back| {
            let aside = b.replaces.as_ref().map_or_else(String::new, |what| format!(", instead of {what}"));
            format!("  {}: {} -> {}{aside}", plain(&b.sku), b.now.as_deref().unwrap_or("none"), b.then)
        };
        lines.extend(back.iter().take(SHOWN).map(line));
        if back.len() > SHOWN {
            lines.push(format!("  and {} more; --json shows all", back.len() - SHOWN));
        }
        let aside = back.iter().filter(|b| b.replaces.is_some()).count();
        if args.dry_run && aside > 0 {
            lines.push(format!(
                "{} that people or campaigns set would be put aside: without --dry-run it needs --yes",
                count(aside, "price")
            ));
        }
        if !args.dry_run && args.channel.is_none() && !back.is_empty() {
            lines.push(format!(
                "rules decide again at {until}; `omniprice price clear SKU --why \"...\"` ends it sooner"
            ));
        }
        context.here(&lines.join("\n"))
    })?;
    Ok(if back.is_empty() { ExitCode::from(NEEDS_A_PERSON) } else { ExitCode::SUCCESS })
}

/// The instant that `--to` means.
async fn instant(context: &Context, app: &App, args: &Args, now: Millis) -> anyhow::Result<Millis> {
    let text = &args.to;
    match (text.parse::<i64>(), crate::config::Span::try_from(text.to_owned())) {
        (Ok(number), _) => of_number(context, app, args, number).await,
        // Of a span longer than anything is known, the first prices are what is meant.
        (_, Ok(span)) if span.0 > 0 => Ok(now.plus(-span.0)),
        (_, Ok(_)) => Err(wrong(format!("`{text}` is not in the past\nhint: 3h means three hours ago"))),
        _ => {
            let at = moment(text, &super::zone_of_reports(app)?, now)?;
            known_at(app, args, at).await?;
            Ok(at)
        }
    }
}

/// The end of a day, or of the second of a time, as `explain --at` takes them; what is not over yet is no place to go back to.
fn moment(text: &str, zone: &Zone, now: Millis) -> anyhow::Result<Millis> {
    let Some((begin, end)) = when::begin(text, zone).zip(when::end(text, zone)) else {
        return Err(wrong(format!(
            "`{text}` is neither an instant, a day, a span nor a decision\nhint: 3h, 2026-11-20 (its end), 2026-11-20T07:00 \
             or 2026-11-20T07:00+01:00; the number of a decision alone, such as 3"
        )));
    };
    let at = if begin == end { when::last_of(text, begin).min(now.plus(-1)) } else { end.plus(-1) };
    if begin >= now {
        return Err(wrong(format!("`{text}` is not in the past\nhint: 3h means three hours ago")));
    }
    if at >= now {
        return Err(wrong(format!("`{text}` is not over: a day means its end\nhint: {text}T00:00 is its beginning")));
    }
    Ok(at)
}

/// Nothing can be restored of a time before the products were known.
async fn known_at(app: &App, args: &Args, at: Millis) -> anyhow::Result<()> {
    let mut first = if args.sku.is_empty() { products::first(&app.db).await? } else { None };
    for sku in &args.sku {
        let product = super::names::product(app, sku).await?;
        let since = products::since(&app.db, product.id).await?;
        first = first.into_iter().chain(since).min();
    }
    match first.filter(|first| at < *first) {
        Some(first) => Err(wrong(format!(
            "--to {at}: the first of these products was imported at {first}\nhint: nothing is known before"
        ))),
        None => Ok(()),
    }
}

/// A bare number is a decision's, and is told to be. Where it may as well be a version of a product that `--sku` names,
/// somebody has to say which.
async fn of_number(context: &Context, app: &App, args: &Args, number: i64) -> anyhow::Result<Millis> {
    let decision = fleet::numbered(&app.db, number).await?;
    for sku in &args.sku {
        let product = super::names::product(app, sku).await?;
        let history = decisions::of_product_since(&app.db, product.id, Millis(0)).await?;
        let Some(other) = history.into_iter().find(|one| one.version == number && one.id != number) else { continue };
        let (sku, version_at) = (plain(sku), Millis(other.created_at).exact());
        return Err(wrong(match &decision {
            Some(decision) => format!(
                "{number} may be decision {number} ({}, {}) or version {number} of {sku} ({version_at})\n\
                 hint: --to {} means the decision, --to {version_at} the version",
                plain(&decision.sku),
                Millis(decision.created_at).exact(),
                Millis(decision.created_at).exact()
            ),
            None => format!(
                "there is no decision {number}, and versions have no number of their own here\n\
                 hint: --to {version_at} means version {number} of {sku}"
            ),
        }));
    }
    let decision = decision.ok_or_else(|| {
        wrong(format!(
            "there is no decision {number}\nhint: `omniprice explain SKU` shows their numbers; {number}h is a span of hours"
        ))
    })?;
    talk(&context.here(&format!(
        "{number} is read as the number of a decision: that of {} at {}; a span would be {number}h or {number}d",
        plain(&decision.sku),
        Millis(decision.created_at).exact()
    )));
    Ok(Millis(decision.created_at))
}

/// Says which products no price of then can be given back to, because it was in another money.
async fn other_money(context: &Context, app: &App, args: &Args, at: Millis) -> anyhow::Result<()> {
    let mut gone = fleet::in_other_money(&app.db, at, PAGE).await?;
    gone.retain(|sku| args.sku.is_empty() || args.sku.contains(sku));
    if let Some(first) = gone.first() {
        talk(&context.here(&format!(
            "{} went into another money or tax view after {at}, and no price of then is given back: {}{}; omniprice price set gives one another price",
            count(gone.len(), "product"),
            plain(first),
            if gone.len() > 1 { " and others" } else { "" }
        )));
    }
    Ok(())
}

/// Every price goes back as one that a person set: with owner, reason and end, past every guard, on all channels.
async fn prices_back(app: &App, args: &Args, at: Millis, until: Millis, only_look: bool) -> anyhow::Result<Vec<Back>> {
    let (mut back, mut after) = (Vec::new(), 0);
    loop {
        let page = fleet::prices_at(&app.db, at, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(back) };
        after = last.product_id;
        for then in page.into_iter().filter(|then| args.sku.is_empty() || args.sku.contains(&then.sku)) {
            let money = |minor| currency(&then.currency).map(|own| Money::from_minor(minor, own).to_string());
            back.push(Back {
                sku: then.sku.clone(),
                now: Some(money(then.own_minor)?),
                then: money(then.price_minor)?,
                replaces: put_aside(app, then.product_id).await?,
            });
            if only_look {
                continue;
            }
            let new = New {
                product_id: then.product_id,
                kind: Kind::Price,
                price_minor: Some(then.price_minor),
                currency: then.currency,
                owner: args.owner.clone(),
                why: format!("rollback to {at}: {}", args.why),
                until: Some(until),
            };
            overrides::set(&app.db, new, app.now()).await?;
        }
    }
}

/// The price that a person set for a product, or the campaign that it is in.
async fn put_aside(app: &App, product_id: i64) -> anyhow::Result<Option<String>> {
    let now = app.now();
    let set = overrides::of_product(&app.db, product_id, now).await?;
    if let Some(one) = set.into_iter().find(|one| one.kind == Kind::Price.as_str()) {
        let price = one.price_minor.zip(currency(&one.currency).ok()).map(|(m, c)| Money::from_minor(m, c).to_string());
        let end = one.until_at.map_or_else(String::new, |at| format!(" until {}", Millis(at)));
        return Ok(Some(format!("{} set by {}{end}", price.unwrap_or_default(), plain(&one.owner))));
    }
    let running = campaigns::of_product(&app.db, product_id, now).await?.into_iter().find(|one| one.starts_at <= now.0);
    Ok(running.map(|one| format!("campaign {}", one.name)))
}

/// One channel goes back to what it showed; the gate holds what is below today's floor.
async fn channel_back(app: &App, args: &Args, channel: &str, at: Millis) -> anyhow::Result<Vec<Back>> {
    if app.lane(channel).is_none() {
        return Err(super::names::no_channel(app, channel));
    }
    let (mut back, mut after) = (Vec::new(), 0);
    loop {
        let page = fleet::live_at(&app.db, channel, at, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(back) };
        after = last.listing_id;
        let mut desires = Vec::new();
        for then in page.into_iter().filter(|then| args.sku.is_empty() || args.sku.contains(&then.sku)) {
            let price = |units| WirePrice::stored(units, then.decimals, &then.currency).map(|price| price.to_string());
            back.push(Back {
                now: then.desired_minor.map(price).transpose()?,
                then: price(then.minor)?,
                sku: then.sku.clone(),
                replaces: None,
            });
            desires.push((Desire { listing_id: then.listing_id, price: Ok(then.minor) }, then.decision_id));
        }
        if !args.dry_run {
            listings::desire_again(&app.db, desires, app.now()).await?;
        }
    }
}
