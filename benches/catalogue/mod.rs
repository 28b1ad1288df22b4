//! A large catalogue in SQLite for benchmarks: the same rows for the same numbers, written by the engine itself, because
//! an import of millions of rows would take longer than what is measured.

mod start;

use std::path::Path;
use std::sync::Arc;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
pub use start::number;

/// What is in the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub products: usize,
    /// Pages per product, each of another competitor.
    pub offers: usize,
    /// Prices that each page has shown, one after the other.
    pub runs: usize,
    /// Days over which they are spread.
    pub days: usize,
}

pub const NOW: Millis = Millis(1_795_510_800_000);

const RULES: &str = "[[rule]]\nid = \"headphones\"\npriority = 20\nmode = \"auto\"\nselect = { category_under = \"audio/headphones\" }\ntarget = { kind = \"lowest\" }\nadjust = { percent = \"-1\" }\nbounds = { min = [ { margin_pct = \"10\" } ] }\n\
rounding = { direction = \"down\", tiers = [{ below = \"100.00\", modulus = \"1.00\", endings = [\"0.95\"] }, { modulus = \"10.00\", endings = [\"9.00\"] }] }\nlimits = { max_step_down_pct = \"10\", max_step_up_pct = \"10\" }\n\
[[rule]]\nid = \"all\"\npriority = 1\nmode = \"auto\"\ntarget = { kind = \"median\" }\nbounds = { min = [ { margin_pct = \"10\" } ] }\n";

/// Writes the catalogue and opens the application on it, at a fixed time.
pub async fn open(folder: &Path, size: Size) -> Arc<App> {
    let app = start::app(folder, RULES, ("", "[log]\nfilter = \"error\"\n"), Clock::manual(NOW)).await;
    let url = format!("sqlite://{}", folder.join("bench.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("the database");
    for statement in statements(size) {
        connection.execute(AssertSqlSafe(statement)).await.expect("a row of the catalogue");
    }
    connection.close().await.expect("the database closes");
    app
}

/// Multiplications by large odd numbers spread prices without a generator; the same everywhere and every time.
fn statements(Size { products, offers, runs, days }: Size) -> Vec<String> {
    let now = NOW.0;
    let pages = products * offers;
    let observations = pages * runs;
    let span = i64::try_from(days).unwrap_or(30) * Millis::DAY / i64::try_from(runs).unwrap_or(1);
    let count = |n: usize| format!("with recursive n(i) as (select 1 union all select i + 1 from n where i < {n})");
    vec![
        "pragma synchronous = off".to_owned(),
        format!(
            "insert into hosts (host, next_allowed_at, leased_until, lease_token, delay_ms, failures, blocked_until, created_at)
             {} select 'shop' || i || '.example', 0, 0, 0, 0, 0, 0, {now} from n",
            count(offers)
        ),
        format!(
            "insert into products (id, sku, title, brand, category, tags, market, currency, own_minor, cost_net, pack_qty,
                 vat_class, locked, dirty_at, leased_until, version, created_at, updated_at)
             {} select i, 'SKU-' || i, 'Product ' || i, 'Brand ' || (i % 100),
                 case i % 3 when 0 then 'audio/headphones' when 1 then 'audio/speakers' else 'video/tv' end, '[]', 'DK', 'DKK',
                 5000 + (i * 2654435761) % 200000, ((5000 + (i * 2654435761) % 200000) / 200) || '.00', 1, 'standard', 0, null,
                 0, 0, {now}, {now} from n",
            count(products)
        ),
        format!(
            "insert into targets (id, product_id, competitor, url, host, due_at, attempts, outcome, checked_at, created_at)
             {} select i, (i - 1) / {offers} + 1, 'shop' || ((i - 1) % {offers} + 1) || '.example', 'https://x/' || i,
                 'shop' || ((i - 1) % {offers} + 1) || '.example', {now}, 0, 'product', {now}, {now} from n",
            count(pages)
        ),
        format!(
            "insert into observations (id, target_id, outcome, verdict, reason, price_minor, currency, availability, offer,
                 evidence, first_seen, last_seen, checks)
             {} select i, (i - 1) / {runs} + 1, 'product', 'accepted', 'normal',
                 (5000 + (((i - 1) / {runs} / {offers} + 1) * 2654435761) % 200000) * (90 + (i * 40503) % 20) / 100, 'DKK',
                 'in_stock', '{{}}', '{{}}', {now} - ({runs} - (i - 1) % {runs}) * {span}, {now} - ({runs} - 1 - (i - 1) % {runs}) * {span} - 1000,
                 4 from n",
            count(observations)
        ),
        "analyze".to_owned(),
    ]
}

/// Resident memory of this process in MiB.
pub fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
