//! How every benchmark that runs the application begins: a market, a folder with rules and a configuration, and numbers
//! from the command line.

use std::path::Path;
use std::sync::Arc;

use omniprice::app::App;
use omniprice::clock::Clock;
use omniprice::config::Config;

/// The one market; rules follow it.
const MARKET: &str = "schema = 1\n[[market]]\nid = \"DK\"\ncountry = \"DK\"\ncurrency = \"DKK\"\ntax = \"gross\"\ntz = \"Europe/Copenhagen\"\nvat = \"standard\"\nomnibus = \"DK\"\n";
/// No page, and a database beside the configuration.
const CONFIG: &str = "[database]\nurl = \"sqlite://bench.db\"\n[web]\nlisten = \"\"\n";

/// The application in a folder. `head` is configuration that stands before all sections, `sections` comes after them.
pub async fn app(folder: &Path, rules: &str, (head, sections): (&str, &str), clock: Clock) -> Arc<App> {
    std::fs::write(folder.join("rules.toml"), format!("{MARKET}{rules}")).expect("a rule file");
    let file = folder.join("omniprice.toml");
    std::fs::write(&file, format!("{head}{CONFIG}{sections}")).expect("a configuration");
    let config = Config::load(Some(&file), &[]).expect("the configuration loads");
    App::build(config, clock).await.expect("the application")
}

/// A number from the command line: `--name N`.
pub fn number(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().and_then(|number| number.parse().ok()).unwrap_or(default)
}
