//! How finely a listing's amounts are counted. All of them, in the listing and in what is kept of it, are counted alike:
//! when a channel comes to take more decimals, what is stored is counted anew, without a change of any amount. It is never
//! undone: a channel that takes fewer again is sent prices whose last digits are noughts.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::money::{Currency, MOST_DECIMALS, currency, exponent};

statements! {
    COARSE = Sql::same(
        "select currency, decimals from listings
         where channel = $1 and (decimals is null or decimals < $2) group by currency, decimals order by currency, decimals");
    LIVE_PRICES = Sql::same(
        "update live_prices set minor = minor * $5
         where listing_id in (select id from listings where channel = $1 and currency = $2 and coalesce(decimals, $3) = $4)");
    ATTEMPTS = Sql::same(
        "update attempts set minor = minor * $5
         where listing_id in (select id from listings where channel = $1 and currency = $2 and coalesce(decimals, $3) = $4)");
    STRIKES = Sql::same(
        "update strikes set campaign_minor = campaign_minor * $5, regular_minor = regular_minor * $5, prior_minor = prior_minor * $5
         where listing_id in (select id from listings where channel = $1 and currency = $2 and coalesce(decimals, $3) = $4)");
    STAGES = Sql::same(
        "update stages set minor = minor * $5, regular_minor = regular_minor * $5, prior_minor = prior_minor * $5
         where listing_id in (select id from listings where channel = $1 and currency = $2 and coalesce(decimals, $3) = $4)");
    // Another number of the lease takes it from whoever works on the listing and counts its amounts as before.
    LISTINGS = Sql::same(
        "update listings
         set desired_minor = desired_minor * $5, sent_minor = sent_minor * $5, sent_regular_minor = sent_regular_minor * $5,
             staged_minor = staged_minor * $5, maybe_low = maybe_low * $5, maybe_high = maybe_high * $5,
             live_minor = live_minor * $5, moved_from = moved_from * $5, decimals = $6, lease_token = lease_token + 1
         where channel = $1 and currency = $2 and coalesce(decimals, $3) = $4");
}

#[derive(Debug, sqlx::FromRow)]
struct Coarse {
    currency: String,
    decimals: Option<i64>,
}

/// Counts the amounts of a channel's listings in so many decimals, where they are counted in fewer.
///
/// # Errors
/// The engine's own, also for an amount beyond 64 bits; nothing is changed then.
pub async fn widen(db: &Db, channel: &str, decimals: u32) -> Result<(), StoreError> {
    let wanted = i64::from(decimals.min(MOST_DECIMALS));
    if db.all::<Coarse>(COARSE, args![channel, wanted]).await?.is_empty() {
        return Ok(());
    }
    db.write((channel.to_owned(), wanted), |tx, (channel, wanted)| {
        Box::pin(async move {
            let channel = channel.as_str();
            let groups: Vec<Coarse> = tx.all(COARSE, args![channel, *wanted]).await?;
            for Coarse { currency: code, decimals, .. } in groups {
                // A currency that nobody knows has no decimals to count from.
                let Ok(own) = currency(&code).map(own_decimals) else { continue };
                let have = decimals.unwrap_or(own);
                let Some(factor) = factor(have, *wanted) else { continue };
                let code = code.as_str();
                for kept in [LIVE_PRICES, ATTEMPTS, STRIKES, STAGES] {
                    tx.run(kept, args![channel, code, own, have, factor]).await?;
                }
                tx.run(LISTINGS, args![channel, code, own, have, factor, *wanted]).await?;
            }
            Ok(())
        })
    })
    .await
}

fn own_decimals(currency: Currency) -> i64 {
    i64::from(exponent(currency))
}

/// What a count is multiplied with; nothing where it is fine enough.
fn factor(have: i64, wanted: i64) -> Option<i64> {
    let more = u32::try_from(wanted - have).ok().filter(|more| *more > 0)?;
    10_i64.checked_pow(more)
}
