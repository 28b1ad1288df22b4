//! The simulated table and the store's own, move by move: the same operations must leave the same rows on both engines.

use std::sync::Arc;

use omniprice::channel::{ChannelError, Class};
use omniprice::clock::Millis;
use omniprice::publish::step::{Event, Policy, Shown, step};
use omniprice::store::lanes::{self, Begun, Door, Shut};
use omniprice::store::listings::{self, Desire, Found, Listing};
use omniprice::store::{Db, channels, products};

use super::dice::Dice;
use super::table::{Table, row};
use crate::both_engines;
use crate::harness::{TestDb, permit};
use crate::store_suite::{NOW, import};

both_engines![the_simulated_table_moves_as_the_store_does];

const MOVES: i64 = 250;
const SHOP: &str = "shop";

fn policy() -> Policy {
    Policy {
        retry: vec![100, 400],
        give_up_after: 5,
        verify_after: 50,
        settle_within: 600,
        readable: true,
        idempotent: false,
        ordered: false,
        puts_back: false,
        unsure_for: 900,
    }
}

async fn rows(db: &Db, products: &[i64]) -> Vec<Listing> {
    let mut rows = Vec::new();
    for id in products {
        rows.extend(listings::of_product(db, *id).await.unwrap());
    }
    rows.sort_by_key(|row| row.id);
    rows
}

async fn the_simulated_table_moves_as_the_store_does(test: TestDb) {
    let db = &test.db;
    products::import(db, (0..3).map(|i| import(&format!("P{i}"), &[])).collect(), NOW).await.unwrap();
    channels::add(db, SHOP.into(), "webhook", NOW).await.unwrap();
    let ids: Vec<i64> = products::page(db, 0, 10).await.unwrap().iter().map(|product| product.id).collect();
    let found = |id: &i64| Found {
        channel: SHOP.into(),
        product_id: *id,
        external: String::new(),
        currency: "DKK".into(),
        live_minor: Some(50_000),
        decimals: None,
    };
    listings::add(db, ids.iter().map(found).collect(), NOW).await.unwrap();
    let mut table = Table::default();
    for real in rows(db, &ids).await {
        let mut twin = row(real.id, SHOP, real.product_id, 50_000);
        (twin.external, twin.state_since, twin.live_at) = (real.external, real.state_since, real.live_at);
        table.rows.push(twin);
    }
    let mut dice = Dice::new(7);
    let mut now = NOW;
    let mut leases: Vec<(i64, i64)> = Vec::new();
    for turn in 0..MOVES {
        now = now.plus(dice.below(200));
        let pick = usize::try_from(dice.below(3)).unwrap();
        let id = table.rows[pick].id;
        let lease = leases.iter().find(|(held, _)| *held == id).copied().unwrap_or((id, 0));
        match dice.below(5) {
            0 => {
                let price = if dice.below(6) == 0 { Err("no floor".to_owned()) } else { Ok(40_000 + dice.below(5)) };
                listings::desire_again(db, vec![(Desire { listing_id: id, price: price.clone() }, None)], now)
                    .await
                    .unwrap();
                table.desire(id, &price, now);
            }
            1 | 2 => {
                let until = now.plus(300);
                let real = lanes::claim(db, SHOP.into(), now, until, 2).await.unwrap();
                let mut twin = table.claim(SHOP, now, until, 2);
                let mut real_ids: Vec<i64> = real.iter().map(|row| row.id).collect();
                real_ids.sort_unstable();
                twin.sort_by_key(|row| row.id);
                assert_eq!(real_ids, twin.iter().map(|row| row.id).collect::<Vec<_>>(), "turn {turn}");
                leases.retain(|(held, _)| !real_ids.contains(held));
                leases.extend(real.iter().map(|row| (row.id, row.lease_token)));
            }
            3 => {
                let open = dice.below(4) > 0;
                let shut = Shut { state: "held", reason: "waits".into(), next_at: Some(now.plus(70)) };
                let may = move |listing: &Listing| match (open, listing.desired_minor) {
                    (true, Some(minor)) => Ok(minor),
                    _ => Err(shut.clone()),
                };
                let twin = table.begin(lease, now, now.plus(300), |listing, _| may(listing));
                let door: Arc<Door> = Arc::new(move |listing, _, _, _| may(listing).map(permit));
                let real = lanes::begin_push(db, vec![lease], now, now.plus(300), None, door).await.unwrap().remove(0);
                let same = matches!(
                    (&real, &twin),
                    (Begun::Send { .. }, Ok(_)) | (Begun::Shut { .. }, Err(Some(_))) | (Begun::Lost, Err(None))
                );
                assert!(same, "turn {turn}: {real:?} and {twin:?}");
            }
            _ => {
                let seen = [50_000, table.rows[pick].sent_minor.unwrap_or(1), 40_001];
                let error = |class| Err(ChannelError::new(class, "simulated"));
                let event = match dice.below(7) {
                    0 => Event::Pushed(Ok(())),
                    1 => Event::Pushed(error(Class::Unknown)),
                    2 => Event::Pushed(error(Class::Rejected)),
                    3 => Event::Pushed(error(Class::Retry { after_ms: Some(90) })),
                    4 => Event::Rested,
                    n => Event::Read(Ok(Some(Shown::price(seen[usize::try_from(n).unwrap() % 3])))),
                };
                let policy = policy();
                let twin = table.advance(lease.0, lease.1, &event, &policy, now);
                let apply = move |listing: &Listing, event: &Event, now: Millis| step(listing, event, &policy, now);
                let real = lanes::advance(db, vec![(lease.0, lease.1, event)], now, apply).await.unwrap().remove(0);
                assert_eq!(real.map(|(_, change)| change), twin, "turn {turn}");
            }
        }
        assert_eq!(rows(db, &ids).await, table.rows, "turn {turn}");
    }
    let states: std::collections::BTreeSet<&str> = table.rows.iter().map(|row| row.state.as_str()).collect();
    assert!(!states.contains("idle"), "every row has moved: {states:?}");
}
