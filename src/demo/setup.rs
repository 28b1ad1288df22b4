//! The shop of the demo: its products, its rules and its configuration.

use std::path::Path;

use super::World;
use crate::app::App;
use crate::catalog;
use crate::config::Config;
use crate::store::products;

pub(super) const TITLES: [(&str, &str); 5] = [
    ("KETTLE", "Kettle 1.7 l"),
    ("PHONES", "Headphones Over-Ear"),
    ("LAMP", "Desk lamp, oak"),
    ("MIXER", "Stand mixer 4.8 l"),
    ("TOASTER", "Toaster, two slots"),
];

/// SKU, our price and our cost (none: unknown, so nothing is decided) in DKK.
const PRODUCTS: [(&str, &str, Option<&str>); 5] = [
    ("KETTLE", "499.00", Some("250.00")),
    ("PHONES", "1299.00", Some("800.00")),
    ("LAMP", "349.00", Some("200.00")),
    ("MIXER", "949.00", Some("640.00")),
    ("TOASTER", "279.00", None),
];

/// The site file that the third competitor needs.
const SITE: &str = r#"hosts = ["torv.example"]
locale = "da-DK"
currency = "DKK"
tax = "gross"

[[field.price]]
css = ".torv-amt"
attribute = "data-kroner"

[[field.availability]]
css = ".torv-lager"
transform = [{ map = { "På lager" = "in_stock", "Udsolgt" = "out_of_stock" } }]
"#;

pub(super) fn config(folder: &Path, world: &World) -> anyhow::Result<Config> {
    std::fs::create_dir_all(folder.join("sites"))?;
    std::fs::write(folder.join("sites/torv.toml"), SITE)?;
    std::fs::write(folder.join("rules.toml"), RULES)?;
    let text = format!(
        r#"mode = "auto"
[database]
url = "sqlite://demo.db"
[scrapers]
dir = "sites"
[schedule]
every = "1h"
[fetch]
delay = "0s"
allow_networks = ["127.0.0.0/8"]
resolve = {{ "*" = "127.0.0.1" }}
timeout = "5s"
[release]
# The market of the demo moves in seconds, so one witness has to do.
off = ["quorum"]
[publish]
retry = ["300ms", "600ms", "1s"]
timeout = "1s"
lease = "5s"
verify_after = "200ms"
settle_within = "2s"
late_within = "1s"
reconcile_every = "1s"
per_minute = 60000
[report]
recipients = ["Pricing <pricing@shop.example>"]
[web]
listen = "127.0.0.1:0"
[channels.webshop]
kind = "vendure"
url = "http://127.0.0.1:{}"
api_key = "demo"
currency = "DKK"
tax = "gross"
drift = "reassert"
[channels.google]
kind = "feed"
path = "feeds/google.xml"
title = "Demo shop"
link = "https://shop.example/p/{{sku}}"
currency = "DKK"
tax = "gross"
[channels.till]
kind = "webhook"
url = "http://127.0.0.1:{}/prices"
secret = "whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0"
read_url = "http://127.0.0.1:{}/prices/{{sku}}"
currency = "DKK"
tax = "gross"
"#,
        world.webshop.port, world.till.port, world.till.port
    );
    let file = folder.join("omniprice.toml");
    std::fs::write(&file, text)?;
    Ok(Config::load(Some(&file), &[])?)
}

const RULES: &str = r#"schema = 1

[[market]]
id = "DK"
country = "DK"
currency = "DKK"
tax = "gross"
tz = "Europe/Copenhagen"
vat = "standard"
omnibus = "DK"

[[rule]]
id = "match-cheapest"
priority = 100
mode = "auto"

[rule.target]
kind = "lowest"

[rule.bounds]
min = [ { margin_pct = "10" } ]
on_below_floor = "floor"
on_no_data = [ "keep" ]

# The feed advertises what the web shop sells for, never less.
[[channel]]
id = "google"
kind = "feed"
market = "DK"

[[channel]]
id = "webshop"
kind = "shop"
market = "DK"

[[constraint]]
never_below = ["google", "webshop"]
"#;

pub(super) async fn import(app: &App, world: &World) -> anyhow::Result<()> {
    let mut csv = String::from("sku,title,price,cost,urls\n");
    for (sku, price, cost) in PRODUCTS {
        let title = TITLES.iter().find(|(known, _)| *known == sku).map_or(sku, |(_, title)| title);
        let urls = [&world.nordlys, &world.havn, &world.torv].map(|shop| shop.url(sku)).join(" ");
        csv += &format!("{sku},\"{title}\",{price},{},{urls}\n", cost.unwrap_or(""));
    }
    let rules = app.rules().await?;
    let parsed = catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
    anyhow::ensure!(parsed.errors.is_empty(), "the demo's own catalogue: {:?}", parsed.errors);
    products::import(&app.db, parsed.rows, app.now()).await?;
    Ok(())
}
