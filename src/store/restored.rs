//! What a database that came back from a backup has to catch up with: channels know newer numbers than it does.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use super::settings::Setting;
use crate::clock::Millis;

/// Stands in a copy alone, with the time at which it was made.
pub const COPIED: &str = "backup/copied";
/// What the sequence numbers of listings that were never given a price begin above.
const BASE: &str = "sequences/base";

statements! {
    TAKE = Sql::same("delete from settings where name = $1 returning name, value, actor, why, created_at");
    // What was sent, proved and staged keeps its distance to what is wanted. Whoever holds a listing lets go of it.
    LIFT = Sql::same(
        "update listings
         set desired_seq = desired_seq + $1, lease_token = lease_token + 1,
             sent_seq = case when sent_seq > 0 then sent_seq + $1 else 0 end,
             verified_seq = case when verified_seq > 0 then verified_seq + $1 else 0 end,
             stage_seq = case when stage_seq > 0 then stage_seq + $1 else 0 end
         where desired_seq > 0");
    LIFT_OPEN = Sql::same("update attempts set seq = seq + $1 where finished_at is null");
    LIFT_BASE = Sql::same(
        "insert into settings (name, value, actor, why, created_at) values ($1, cast(cast($2 as bigint) as text), 'omniprice', $3, $4)
         on conflict (name) do update set
             value = cast(cast(settings.value as bigint) + cast($2 as bigint) as text), created_at = excluded.created_at");
}

/// Numbers beside the seconds since a backup: a burst of changes right before it was restored.
const BURST: i64 = 1_000;

/// Raises the sequence number of every listing above whatever channels were sent between a backup and now, so that those
/// that order prices by it take ours again. `made` says when the backup was made; none: the copy itself says so, and a
/// database that is none is left alone. Returns by how much, or none if nothing was raised.
///
/// # Errors
/// The engine's own; then nothing is raised.
pub async fn catch_up(db: &Db, made: Option<Millis>, now: Millis) -> Result<Option<i64>, StoreError> {
    db.write((made, now), |tx, &(made, now)| {
        Box::pin(async move {
            let copied: Option<Setting> = tx.maybe(TAKE, args![COPIED]).await?;
            let Some(made) = made.or(copied.map(|copied| Millis(copied.created_at))) else { return Ok(None) };
            // Nothing is wanted anew more than once a second for long.
            let by = now.since(made).max(0) / Millis::SECOND + BURST;
            tx.run(LIFT, args![by]).await?;
            tx.run(LIFT_OPEN, args![by]).await?;
            tx.run(LIFT_BASE, args![BASE, by, "a backup was restored", now]).await?;
            Ok(Some(by))
        })
    })
    .await
}
