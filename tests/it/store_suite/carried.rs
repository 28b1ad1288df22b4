//! What goes to some channels beside a price, and what an import of it makes of their listings.

use omniprice::store::listings;
use omniprice::store::products::{self, Import};

use super::lanes::{SHOP, listed, wish};
use super::{NOW, after, import};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![an_import_sends_a_price_again_only_where_it_carries_something_that_changed];

async fn an_import_sends_a_price_again_only_where_it_carries_something_that_changed(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 2).await;
    wish(db, [all[0].id], Ok(49_900), NOW).await;
    let seqs = async || {
        let mut seqs = Vec::new();
        for one in &all {
            let now = listings::of_product(db, one.product_id).await.unwrap().remove(0);
            seqs.push((now.desired_seq, now.must_stage()));
        }
        seqs
    };
    let again = async |carriers: &[&str], change: &dyn Fn(&mut Import)| {
        let carriers = carriers.iter().map(|name| (*name).to_owned()).collect();
        let mut rows: Vec<Import> = (0..2).map(|i| import(&format!("P{i:03}"), &[])).collect();
        rows.iter_mut().for_each(change);
        products::import_for(db, rows, carriers, after(5)).await.unwrap();
    };
    let retitled = |row: &mut Import| row.title = "Other".to_owned();
    again(&[SHOP], &|_| ()).await;
    assert_eq!(seqs().await, [(1, false), (0, false)], "the same file says nothing");
    again(&["till"], &|row| row.cost_net = Some("1.00".to_owned())).await;
    again(&[SHOP], &|row| row.cost_net = Some("2.00".to_owned())).await;
    assert_eq!(seqs().await, [(1, false), (0, false)], "no channel tells a cost");
    again(&[SHOP], &retitled).await;
    assert_eq!(seqs().await, [(2, true), (0, false)], "a listing that no price is wanted for is sent none");
    let listing = listings::of_product(db, all[0].product_id).await.unwrap().remove(0);
    assert_eq!((listing.desired_minor, listing.state.as_str()), (Some(49_900), "intended"));
}
