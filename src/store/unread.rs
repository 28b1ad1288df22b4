//! Listings that a channel does not let us read: which they are, and which others it can be asked about instead.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::listings::Listing;
use crate::clock::Millis;

statements! {
    // However long it lasts, it is one row: from the first such read to the last.
    AGAIN = Sql::same(
        "update attempts set finished_at = $2, detail = $3
         where id = (select max(a.id) from attempts a where a.listing_id = $1 and a.kind = 'read') and outcome = 'forbidden'");
    BEGUN = Sql::same(
        "insert into attempts (listing_id, seq, kind, minor, currency, outcome, detail, started_at, finished_at)
         values ($1, $2, 'read', null, $3, $4, $5, $6, $6)");
    KNOWN = Sql::same(
        "select a.detail, a.finished_at as at from attempts a
         where a.listing_id = $1 and a.kind = 'read' and a.outcome = 'forbidden'
           and not exists (select 1 from attempts t where t.listing_id = $1 and t.id > a.id and t.kind = 'read'
                           and t.outcome not in ('forbidden', 'failed'))
         order by a.id desc limit 1");
    REFERENCES = Sql::same(
        "select l.external as name from listings l
         where l.channel = $1 and l.external is not null
           and not exists (select 1 from attempts a where a.listing_id = l.id and a.kind = 'read' and a.outcome = 'forbidden'
                           and not exists (select 1 from attempts t where t.listing_id = l.id and t.id > a.id and t.kind = 'read'
                                           and t.outcome not in ('forbidden', 'failed')))
         order by case when l.state = 'verified' then 0 else 1 end, coalesce(l.live_at, 0) desc, l.id limit $2");
}

/// The outcome of a read that the channel forbids for the listing's sake.
pub const FORBIDDEN: &str = "forbidden";
/// The outcome of a read that ends such a time, and says nothing about the price.
const READABLE: &str = "readable";

/// A listing that may not be read.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Known {
    /// The channel's words.
    pub detail: String,
    /// When it was asked last, UTC milliseconds.
    pub at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Name {
    name: String,
}

/// Notes a forbidden read of a listing in its open time, or as the first of one.
pub(super) async fn note(tx: &mut Tx, listing: &Listing, why: &str, now: Millis) -> Result<(), StoreError> {
    if tx.run(AGAIN, args![listing.id, now, why]).await? == 0 {
        let (seq, code) = (listing.sent_seq, listing.currency.as_str());
        tx.run(BEGUN, args![listing.id, seq, code, FORBIDDEN, why, now]).await?;
    }
    Ok(())
}

/// Notes what a look at a whole channel found: listings that may not be read, with the channel's words, and those that may
/// again.
///
/// # Errors
/// The engine's own.
pub async fn found(
    db: &Db,
    forbidden: Vec<(Listing, String)>,
    readable: Vec<Listing>,
    now: Millis,
) -> Result<(), StoreError> {
    if forbidden.is_empty() && readable.is_empty() {
        return Ok(());
    }
    db.write((forbidden, readable, now), |tx, (forbidden, readable, now)| {
        Box::pin(async move {
            for (listing, why) in forbidden {
                note(tx, listing, why, *now).await?;
            }
            for one in readable {
                tx.run(BEGUN, args![one.id, one.sent_seq, one.currency.as_str(), READABLE, "", *now]).await?;
            }
            Ok(())
        })
    })
    .await
}

/// What is known of a listing that might not be read the last time; nothing for one that might.
///
/// # Errors
/// The engine's own.
pub async fn known(db: &Db, listing_id: i64) -> Result<Option<Known>, StoreError> {
    db.maybe(KNOWN, args![listing_id]).await
}

/// The channel's references of listings that are not known to be forbidden, those first whose price was proved last: what
/// it says of them tells whether it lets anything be read.
///
/// # Errors
/// The engine's own.
pub async fn references(db: &Db, channel: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Name> = db.all(REFERENCES, args![channel, limit]).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
