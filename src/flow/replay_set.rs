//! What people and campaigns had set on products, and when: a replay has it in force as it was.

use std::collections::BTreeMap;

use super::facts;
use crate::app::App;
use crate::clock::Millis;
use crate::decide;
use crate::decide::campaign::CampaignPrice;
use crate::decide::facts::{Lock, ManualPrice};
use crate::money::currency;
use crate::store::catalogue;
use crate::store::products::Product;

/// Something that was in force on a product from one instant to another.
#[derive(Debug)]
enum Thing {
    Lock(Lock),
    Price(ManualPrice),
    Campaign(CampaignPrice),
}

/// What was in force on one product, with its `[from, until)` in milliseconds.
#[derive(Debug, Default)]
pub struct Set {
    things: Vec<(i64, i64, Thing)>,
    /// A lock of the catalogue, whose age is not known.
    imported: Option<Lock>,
}

impl Set {
    /// Puts what was in force at an instant into a product's facts, and nothing else.
    pub fn put(&self, at: i64, product: &mut decide::Product) {
        (product.lock, product.manual, product.campaign) = (self.imported.clone(), None, None);
        for (_, _, thing) in self.things.iter().filter(|(from, until, _)| *from <= at && at < *until) {
            match thing {
                Thing::Lock(lock) => product.lock = Some(lock.clone()),
                Thing::Price(price) => product.manual = Some(price.clone()),
                Thing::Campaign(campaign) => product.campaign = Some(campaign.clone()),
            }
        }
    }

    /// The instants at which something began or ended.
    pub fn edges(&self) -> impl Iterator<Item = i64> {
        self.things.iter().flat_map(|(from, until, _)| [*from, *until])
    }
}

/// What was in force on products that follow each other by id at some time of a window. Campaigns of some channels only and
/// those for members are no price of the product.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub async fn page(
    app: &App,
    products: &[Product],
    (since, end): (Millis, Millis),
) -> anyhow::Result<BTreeMap<i64, Set>> {
    let (Some(first), Some(last)) = (products.first(), products.last()) else { return Ok(BTreeMap::new()) };
    let (after, until) = (first.id - 1, last.id);
    let mut sets = BTreeMap::new();
    for product in products {
        let imported = facts::lock(product, &[]);
        sets.insert(product.id, (currency(&product.currency)?, Set { things: vec![], imported }));
    }
    for mut row in catalogue::set_during(&app.db, after, until, (since, end)).await? {
        let Some((own, set)) = sets.get_mut(&row.product_id) else { continue };
        let over = row.ended_at.into_iter().chain(row.until_at).min();
        row.until_at = over;
        let thing = match facts::manual(&row, *own) {
            Some(price) => Some(Thing::Price(price)),
            None => facts::lock_by_hand(&row).map(Thing::Lock),
        };
        set.things.extend(thing.map(|thing| (row.created_at, over.unwrap_or(i64::MAX), thing)));
    }
    for row in catalogue::campaigns_during(&app.db, after, until, (since, end)).await? {
        let Some((own, set)) = sets.get_mut(&row.product_id) else { continue };
        let price = facts::campaign_price(app, row.campaign)?.filter(|one| one.price.currency() == *own);
        set.things.extend(price.map(|one| (one.from.0, one.until.0, Thing::Campaign(one))));
    }
    Ok(sets.into_iter().map(|(id, (_, set))| (id, set)).collect())
}
