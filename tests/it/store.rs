//! One behavioural suite, run on both engines, and the test that replaces compile-time checking of SQL.

use crate::both_engines;
use crate::harness::TestDb;

both_engines![every_statement_prepares];

async fn every_statement_prepares(test: TestDb) {
    let mut broken = Vec::new();
    for (name, sql) in omniprice::store::statements() {
        if let Err(error) = test.db.prepare(sql).await {
            broken.push(format!("{name}: {error}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
