//! What rules and channels say that can hardly be meant, beside names: rules that are over, and currencies that do not fit.

use crate::app::App;
use crate::clock::Millis;
use crate::decide::RuleSet;
use crate::money::Currency;
use crate::store::products::{self, InMarket};

/// Something odd, in a sentence with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    pub what: String,
    /// Prices stay where they are because of it.
    pub stops: bool,
}

/// What is odd about rules as of now.
///
/// # Errors
/// The store's.
pub async fn odd(app: &App, set: &RuleSet, now: Millis) -> anyhow::Result<Vec<Odd>> {
    let mut odd = over(set, now);
    let used = products::in_markets(&app.db).await?;
    odd.extend(markets(set, &used));
    // A market without products has no prices that a channel could show.
    let sells = |market: &str| used.is_empty() || used.iter().any(|one| one.market == market);
    let rates = app.fx().await?;
    let convertible = |money: Currency| rates.as_ref().is_some_and(|rates| rates.rate(money).is_ok());
    for lane in &app.lanes {
        let own = lane.channel.capabilities().currency;
        odd.extend(channel(set, &lane.name, own, &convertible, &sells));
    }
    Ok(odd)
}

/// Rules whose time is over decide nothing, and nothing else says so.
fn over(set: &RuleSet, now: Millis) -> Vec<Odd> {
    let ended = set.rules.iter().filter_map(|rule| Some((rule, Millis::from(rule.schedule.until?))));
    let ended = ended.filter(|(_, until)| *until <= now);
    let told = ended.map(|(rule, until)| {
        format!(
            "rule {}: its `valid` ended at {until}, so it decides nothing; take it out, or give it another end",
            rule.id
        )
    });
    told.map(|what| Odd { what, stops: false }).collect()
}

/// Products whose prices are amounts of another currency than their market's.
fn markets(set: &RuleSet, products: &[InMarket]) -> Vec<Odd> {
    let strange = products.iter().filter_map(|one| {
        let own = set.market(&one.market)?.market.currency.code();
        (own != one.currency).then(|| {
            format!(
                "market {}: its currency is {own}, and {} of its products were imported in {}, so nothing is decided for \
                 them; if the market took {own}, omniprice product move --from {0} --market {0} --rate \"1 {2} = ... {own}\" --why \"...\" \
                 takes them along; else correct its currency in the rules",
                one.market, one.products, one.currency
            )
        })
    });
    strange.map(|what| Odd { what, stops: true }).collect()
}

/// A channel in another currency than the market it sells in: meant abroad, and a slip at home.
fn channel(
    set: &RuleSet,
    name: &str,
    own: Currency,
    convertible: &dyn Fn(Currency) -> bool,
    sells: &dyn Fn(&str) -> bool,
) -> Option<Odd> {
    let declared = set.channel(name).and_then(|channel| set.market(&channel.market));
    let markets: Vec<_> = match declared {
        Some(market) => vec![market],
        None => set.markets.iter().filter(|market| market.derived_from.is_none() && sells(&market.market.id)).collect(),
    };
    let other = markets.iter().find(|market| market.market.currency != own)?;
    if declared.is_none() && markets.iter().any(|market| market.market.currency == own) {
        return None;
    }
    let (id, money) = (&other.market.id, other.market.currency);
    let what =
        format!("channel {name}: its currency is {}, and prices of market {id} are in {}", own.code(), money.code());
    let euro = Currency::EUR;
    Some(if [own, money].into_iter().all(|one| one == euro || convertible(one)) {
        Odd { what: format!("{what}: each is converted at the day's rate"), stops: false }
    } else {
        Odd {
            what: format!(
                "{what}, for which there is no rate, so nothing goes out; omniprice fx fetch brings rates, or \
                 currency = \"{}\" in [channels.{name}]",
                money.code()
            ),
            stops: true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
schema = 1
[[market]]
id = "DK"
country = "DK"
currency = "DKK"
tz = "Europe/Copenhagen"
vat = "standard"
[[rule]]
id = "spring"
priority = 1
valid = { until = "2026-06-01T00:00:00Z" }
target = { kind = "lowest" }
[[rule]]
id = "calm"
priority = 2
target = { kind = "lowest" }
"#;

    #[test]
    fn rules_that_are_over_and_currencies_that_do_not_fit_are_told() {
        let (set, warnings) = RuleSet::parse(RULES).unwrap();
        assert_eq!(warnings, vec![]);
        let end: jiff::Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let end = Millis::from(end);
        assert_eq!(over(&set, end.plus(-1)), vec![]);
        let told = over(&set, end);
        assert!(told.len() == 1 && told[0].what.contains("rule spring: its `valid` ended at 2026-06-01T00:00:00Z"));
        let of = |currency: &str| InMarket { market: "DK".to_owned(), currency: currency.to_owned(), products: 3 };
        assert_eq!(markets(&set, &[of("DKK")]), vec![]);
        let strange = markets(&set, &[of("DKK"), of("EUR")]);
        let command = "omniprice product move --from DK --market DK --rate \"1 EUR = ... DKK\" --why \"...\"";
        assert!(strange[0].what.contains(command), "{strange:?}");
        assert!(strange[0].stops && strange[0].what.contains("3 of its products were imported in EUR"), "{strange:?}");
        assert_eq!(channel(&set, "feed", Currency::DKK, &|_| false, &|_| true), None);
        // All products went into euros, and the channel stayed.
        let text = RULES.replace("[[rule]]\nid = \"spring\"", "[[market]]\nid = \"DKE\"\ncountry = \"DK\"\ncurrency = \"EUR\"\ntz = \"Europe/Copenhagen\"\nvat = \"standard\"\n[[rule]]\nid = \"spring\"");
        let (both, _) = RuleSet::parse(&text).unwrap();
        assert_eq!(channel(&both, "feed", Currency::DKK, &|_| false, &|_| true), None);
        let moved = channel(&both, "feed", Currency::DKK, &|_| false, &|market| market == "DKE").unwrap();
        assert!(moved.stops && moved.what.contains("prices of market DKE are in EUR"), "{moved:?}");
        let held = channel(&set, "feed", Currency::EUR, &|_| false, &|_| true).unwrap();
        assert!(held.stops && held.what.contains("no rate") && held.what.contains("currency = \"DKK\""), "{held:?}");
        let converted = channel(&set, "feed", Currency::EUR, &|_| true, &|_| true).unwrap();
        assert!(!converted.stops && converted.what.contains("converted"), "{converted:?}");
    }

    #[test]
    fn a_country_with_anothers_money_and_an_empty_category_are_warned_of() {
        let warned = |text: &str| {
            let (_, warnings) = RuleSet::parse(text).unwrap();
            warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let swedish = warned(&RULES.replace("country = \"DK\"", "country = \"SE\""));
        assert!(swedish.contains("market DK: prices in SE are usually in SEK, and its currency is DKK"), "{swedish}");
        let empty = warned(&RULES.replace("priority = 2", "priority = 2\nselect = { category_under = \"\" }"));
        assert!(
            empty.contains("rule calm: select.category_under has an empty name") && empty.contains("leave it out"),
            "{empty}"
        );
        let former = RULES.replace("country = \"DK\"", "country = \"BG\"").replace("\"DKK\"", "\"BGN\"");
        assert_eq!(warned(&former), "");
    }
}
