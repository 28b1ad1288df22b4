//! `omniprice review`, `approve` and `reject`.

use std::fmt;
use std::process::ExitCode;

use super::{Context, FAILED, NEEDS_A_PERSON, named, names, say, talk, wrong};
use crate::app::App;
use crate::decide::select::is_under;
use crate::flow::campaign_consent::{self, NotAgreed, PREFIX};
use crate::flow::pricing::{self, Approved, Refused};
use crate::money::{Money, currency};
use crate::report::digest::plain;
use crate::store::campaigns::{self, Campaign};
use crate::store::decisions::{self, Review};
use crate::store::products;

/// Proposals looked at.
const MOST: i64 = 10_000;

#[derive(Debug, clap::Args)]
pub struct Settle {
    /// Numbers from `omniprice review`, or campaign/NAME
    #[arg(value_name = "ID", required_unless_present = "all", value_parser = Id::parse)]
    ids: Vec<Id>,
    /// Everything that waits, or as much of it as --rule and --category leave
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    which: Which,
    /// Why; kept in the decision log
    #[arg(long)]
    why: String,
    /// Who decides
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

/// What waits for a person, as `review` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Id {
    Proposal(i64),
    Campaign(String),
}

impl Id {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix(PREFIX) {
            Some(name) => Ok(Self::Campaign(name.to_owned())),
            None => text.parse().map(Self::Proposal).map_err(|_| {
                format!(
                    "neither a number nor {PREFIX}NAME\nhint: omniprice review lists what waits, each with its number"
                )
            }),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposal(number) => write!(f, "{number}"),
            Self::Campaign(name) => write!(f, "{PREFIX}{}", plain(name)),
        }
    }
}

/// What waits, in the order in which it is listed.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Waits {
    Price(Box<Review>),
    Campaign { campaign: Box<Campaign> },
}

/// What of all that waits.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only what this rule proposes
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Only this category and what is below it
    #[arg(long)]
    category: Option<String>,
}

/// # Errors
/// The store's.
pub async fn list(context: &Context, which: &Which) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    known(&app, which).await?;
    let mut waits: Vec<Waits> = Vec::new();
    for campaign in campaigns_of(&app, which).await? {
        waits.push(Waits::Campaign { campaign: Box::new(campaign) });
    }
    waits.extend(waiting(&app, which).await?.into_iter().map(|review| Waits::Price(Box::new(review))));
    let narrow = which.rule.is_some() || which.category.is_some();
    let nothing = if narrow { "nothing of that waits; omniprice review lists all that does" } else { "nothing waits" };
    context.print(&waits, |waits| context.here(&table(waits, nothing)))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses a rule and a category that nobody has: what waits for them is nothing, and would look like good news.
async fn known(app: &App, which: &Which) -> anyhow::Result<()> {
    // What a rule proposed may still wait although the rule is gone.
    if let Some(rule) = &which.rule
        && !decisions::open_reviews(&app.db, MOST).await?.iter().any(|review| review.rule.as_ref() == Some(rule))
    {
        names::rule(app, rule).await?;
    }
    if let Some(category) = &which.category {
        names::category(app, category).await?;
    }
    Ok(())
}

/// Campaigns that wait for a second person; those of a rule or a category alone are none.
async fn campaigns_of(app: &App, which: &Which) -> anyhow::Result<Vec<Campaign>> {
    if which.rule.is_some() || which.category.is_some() {
        return Ok(vec![]);
    }
    Ok(campaigns::waiting(&app.db).await?)
}

/// Open proposals of a rule and a category, the oldest first.
async fn waiting(app: &App, which: &Which) -> anyhow::Result<Vec<Review>> {
    let mut reviews = decisions::open_reviews(&app.db, MOST).await?;
    if let Some(rule) = &which.rule {
        reviews.retain(|review| review.rule.as_ref() == Some(rule));
    }
    let Some(under) = &which.category else { return Ok(reviews) };
    let mut inside = Vec::new();
    for review in reviews {
        let product = products::by_id(&app.db, review.product_id).await?;
        if product.and_then(|product| product.category).is_some_and(|own| is_under(&own, under)) {
            inside.push(review);
        }
    }
    Ok(inside)
}

/// Open proposals, or what is to be said where there are none.
fn table(waits: &[Waits], nothing: &str) -> String {
    if waits.is_empty() {
        return nothing.to_owned();
    }
    let mut table = super::columns(["id", "sku", "from", "to", "why"]);
    for one in waits {
        let review = match one {
            Waits::Price(review) => review,
            Waits::Campaign { campaign } => {
                table.add_row(row_of(campaign));
                continue;
            }
        };
        let (from, to) = amounts(review);
        let agreed = review
            .first_by
            .as_deref()
            .map_or_else(String::new, |by| format!("; {} has agreed, a second person must too", plain(by)));
        table.add_row([review.id.to_string(), plain(&review.sku), from, to, plain(&review.why) + &agreed]);
    }
    format!("{table}\n\nomniprice approve ID --why \"...\"   or   omniprice reject ID --why \"...\"   (or --all)")
}

/// A campaign in the list: it has many prices, so the columns for one are empty.
fn row_of(campaign: &Campaign) -> [String; 5] {
    let until = campaign.waits().map_or_else(String::new, |until| until.to_string());
    let why = format!(
        "{}: {}; {}; somebody else must agree until {until}",
        plain(&campaign.owner),
        plain(&campaign.why),
        plain(campaign.asked.as_deref().unwrap_or_default())
    );
    [format!("{PREFIX}{}", campaign.name), String::new(), String::new(), String::new(), why]
}

fn amounts(review: &Review) -> (String, String) {
    let amount =
        |minor| currency(&review.currency).map_or_else(|_| String::new(), |c| Money::from_minor(minor, c).to_string());
    (amount(review.previous_minor), amount(review.price_minor))
}

/// # Errors
/// The store's; a proposal that cannot be carried out is said and counted.
pub async fn settle(context: &Context, args: &Settle, approve: bool) -> anyhow::Result<ExitCode> {
    named("--why", &args.why)?;
    if !args.all && (args.which.rule.is_some() || args.which.category.is_some()) {
        return Err(wrong(
            "--rule and --category say what --all is\nhint: add --all, or leave them out and give numbers",
        ));
    }
    let app = context.app().await?;
    known(&app, &args.which).await?;
    let ids = if args.all {
        let waiting = waiting(&app, &args.which).await?;
        let campaigns = campaigns_of(&app, &args.which).await?.into_iter().map(|one| Id::Campaign(one.name));
        waiting.iter().map(|review| Id::Proposal(review.id)).chain(campaigns).collect()
    } else {
        args.ids.clone()
    };
    if ids.is_empty() {
        talk("nothing of that waits\nhint: omniprice review lists what does");
    }
    let mut failed = 0;
    let mut done = Vec::new();
    for id in &ids {
        let result = match id {
            Id::Proposal(number) => settle_price(&app, *number, args, approve).await,
            Id::Campaign(name) => settle_campaign(&app, name, args, approve).await,
        };
        match result {
            Ok(text) => done.push(text),
            Err(error) if error.is::<Refused>() || error.is::<NotAgreed>() => {
                failed += 1;
                talk(&context.here(&format!("{id} not settled: {error}")));
            }
            Err(error) => return Err(error),
        }
    }
    if context.json {
        say(&serde_json::json!({ "done": done, "refused": failed }).to_string())?;
    } else if !done.is_empty() {
        say(&done.join("\n"))?;
    }
    Ok(match (done.is_empty(), failed) {
        (false, 0) => ExitCode::SUCCESS,
        (true, 0) => ExitCode::from(FAILED),
        (true, _) => ExitCode::from(FAILED),
        (false, _) => ExitCode::from(NEEDS_A_PERSON),
    })
}

/// What became of a proposal.
async fn settle_price(app: &App, id: i64, args: &Settle, approve: bool) -> anyhow::Result<String> {
    let told = decisions::review(&app.db, id).await?.map_or_else(String::new, |review| {
        let (from, to) = amounts(&review);
        format!(": {} {from} -> {to}", plain(&review.sku))
    });
    if !approve {
        pricing::reject(app, id, &args.actor, &args.why).await?;
        return Ok(format!("{id} rejected{told}"));
    }
    Ok(match pricing::approve(app, id, &args.actor, &args.why).await? {
        Approved::Decided { version } => format!("{id} approved{told}, version {version}"),
        Approved::First => format!("{id} noted{told}; a second person must approve it too"),
    })
}

/// What became of a campaign that waits for a second person.
async fn settle_campaign(app: &App, name: &str, args: &Settle, approve: bool) -> anyhow::Result<String> {
    let id = Id::Campaign(name.to_owned());
    if approve {
        campaign_consent::approve(app, name, &args.actor, &args.why).await?;
        return Ok(format!("{id} approved: it is planned"));
    }
    campaign_consent::reject(app, name, &args.actor, &args.why).await?;
    Ok(format!("{id} rejected: it is cancelled"))
}
