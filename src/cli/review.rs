//! `omniprice review`, `approve` and `reject`.

use std::process::ExitCode;

use super::{Context, FAILED, NEEDS_A_PERSON, named, say, talk};
use crate::flow::pricing::{self, Refused};
use crate::money::{Money, currency};
use crate::report::digest::plain;
use crate::store::decisions::{self, Review};

#[derive(Debug, clap::Args)]
pub struct Settle {
    /// Numbers from `omniprice review`
    #[arg(required = true)]
    ids: Vec<i64>,
    /// Why; kept in the decision log
    #[arg(long)]
    why: String,
    /// Who decides
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

/// # Errors
/// The store's.
pub async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let reviews = decisions::open_reviews(&app.db, 10_000).await?;
    context.print(&reviews, |reviews| table(reviews))?;
    Ok(ExitCode::SUCCESS)
}

fn table(reviews: &[Review]) -> String {
    if reviews.is_empty() {
        return "nothing waits".to_owned();
    }
    let mut table = super::columns(["id", "sku", "from", "to", "why"]);
    for review in reviews {
        let (from, to) = amounts(review);
        table.add_row([review.id.to_string(), plain(&review.sku), from, to, plain(&review.why)]);
    }
    format!("{table}\n\nomniprice approve ID --why \"...\"   or   omniprice reject ID --why \"...\"")
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
    let app = context.app().await?;
    let mut failed = 0;
    let mut done = Vec::new();
    for id in &args.ids {
        let told = decisions::review(&app.db, *id).await?.map_or_else(String::new, |review| {
            let (from, to) = amounts(&review);
            format!(": {} {from} -> {to}", plain(&review.sku))
        });
        let result = if approve {
            pricing::approve(&app, *id, &args.actor, &args.why)
                .await
                .map(|version| format!("{id} approved{told}, version {version}"))
        } else {
            match decisions::settle_review(&app.db, *id, "rejected", args.actor.clone(), args.why.clone(), app.now())
                .await?
            {
                true => Ok(format!("{id} rejected{told}")),
                false => Err(Refused::NotOpen(*id).into()),
            }
        };
        match result {
            Ok(text) => done.push(text),
            Err(error) if error.is::<Refused>() => {
                failed += 1;
                talk(&format!("{id} not settled: {error}"));
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
        (_, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(FAILED),
        (false, _) => ExitCode::from(NEEDS_A_PERSON),
    })
}
