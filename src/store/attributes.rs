//! What goes to some channels together with a price: title, brand, number and availability. When an import changes them,
//! such a channel is sent the price that it has once more, since nothing else would take them there.

use super::StoreError;
use super::db::{Sql, Tx, args, statements};
use super::stages;
use crate::clock::Millis;

statements! {
    BEFORE = Sql::same("select title, brand, gtin, stock from products where sku = $1");
    // What was changed there by somebody else, or given up, waits for a person and not for a title.
    CARRIED = Sql::same(
        "select id from listings
         where product_id = $1 and channel = $2 and external is not null and desired_minor is not null
           and state in ('intended', 'sent', 'accepted', 'applied', 'unknown', 'verified', 'unverified', 'rejected')");
}

/// What of a product travels with its price.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Attributes {
    title: String,
    brand: Option<String>,
    gtin: Option<String>,
    stock: Option<i64>,
}

impl Attributes {
    /// Those of a product, if it is known.
    ///
    /// # Errors
    /// The engine's own.
    pub(super) async fn of(tx: &mut Tx, sku: &str) -> Result<Option<Self>, StoreError> {
        tx.maybe(BEFORE, args![sku]).await
    }

    /// Channels say whether there is any, not how many.
    fn says_the_same(&self, other: &Self) -> bool {
        let told =
            |one: &Self| (one.title.clone(), one.brand.clone(), one.gtin.clone(), one.stock.is_none_or(|n| n > 0));
        told(self) == told(other)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}

/// Sends a product's price once more to channels that carry its attributes, if an import changed what they say. The price
/// stays, so that it is no change of price anywhere.
///
/// # Errors
/// The engine's own.
pub(super) async fn imported(
    tx: &mut Tx,
    (product_id, sku): (i64, &str),
    before: Option<Attributes>,
    carriers: &[String],
    now: Millis,
) -> Result<(), StoreError> {
    let (Some(before), Some(after)) = (before, Attributes::of(tx, sku).await?) else { return Ok(()) };
    if after.says_the_same(&before) {
        return Ok(());
    }
    for channel in carriers {
        if let Some(Id { id }) = tx.maybe(CARRIED, args![product_id, channel.as_str()]).await? {
            stages::send_again(tx, id, now).await?;
        }
    }
    Ok(())
}
