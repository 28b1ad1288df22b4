//! Alerts of every kind in every language: what producers say, taken apart and told.

use omniprice::clock::Millis;
use omniprice::config::Language;
use omniprice::report::alert_text;
use omniprice::report::alerts::{Body, Item};

use crate::digest_day::{UNTIL, reader, snapshot};

/// One of every kind of event, as its producer says it.
fn alerts() -> Body {
    let told = [
        (
            "floor_breach",
            "KETTLE",
            "webshop",
            "",
            "webshop shows 479.00 DKK, below the floor 562.50 DKK of today's cost",
            "omniprice explain KETTLE",
        ),
        (
            "advert_below_checkout",
            "",
            "google",
            "",
            "google promises less than webshop asks; products: 1200, KETTLE among them",
            "omniprice verify google --dry-run",
        ),
        (
            "channel_late",
            "",
            "till",
            "",
            "till: prices that wait: 1200, the oldest since 2026-11-21T04:05:00Z",
            "omniprice channel test till",
        ),
        (
            "parity_below_goal",
            "",
            "webshop",
            "",
            "webshop: 30 of 1234 prices are not live after 30m",
            "omniprice verify webshop --dry-run",
        ),
        (
            "kvi_undercut",
            "KETTLE",
            "",
            "near.example",
            "near.example asks 459.00 DKK, we ask 499.00 DKK: 8.7 % more",
            "omniprice explain KETTLE",
        ),
        (
            "rivalry",
            "KETTLE",
            "",
            "near.example",
            "price war with near.example: 6 cuts in turn, our price fell by 12.50 %; frozen until 2026-11-22T06:00:00Z",
            "omniprice explain KETTLE shows both histories; [guards.rivalry] says what is done",
        ),
        (
            "rivalry",
            "LAMP",
            "",
            "near.example",
            "our price went back to the one before last 3 times within a day; frozen until 2026-11-22T06:00:00Z",
            "omniprice explain LAMP shows both histories; [guards.rivalry] says what is done",
        ),
        (
            "competitor_suspended",
            "",
            "",
            "far.example",
            "far.example is suspended: 12 of 20 prices are suspect; its last believed prices count until they are too old",
            "look at a page with omniprice extract, then omniprice competitor resume far.example --why \"...\"",
        ),
        (
            "run_held",
            "",
            "",
            "",
            "run held: 240 of 1234 products would change",
            "omniprice review lists the proposals; omniprice approve or reject settles them",
        ),
        (
            "fx_stale",
            "",
            "",
            "",
            "exchange rates are stale: the newest are of 2026-11-18; decisions that need them are held",
            "omniprice fx fetch asks the bank; omniprice fx import FILE takes a file",
        ),
        (
            "cost_stale",
            "",
            "",
            "",
            "purchase costs older than 30d: 240, the oldest that of KETTLE, of 2026-10-01T09:00:00Z",
            "omniprice import FILE with today's costs; alerts.cost_stale_after says how old is too old",
        ),
        (
            "match_review",
            "KETTLE",
            "",
            "near.example",
            "near.example asks 199.00 DKK where we ask 499.00 DKK, far apart since 2026-11-13T06:00:00Z: probably another variant; https://near.example/p?v=2 does not count",
            "omniprice extract \"https://near.example/p?v=2\" shows the page; omniprice alert resolve says that it is our product after all",
        ),
        (
            "order_broken",
            "",
            "webshop",
            "",
            "webshop must never be below till and is; products: 240, KETTLE among them",
            "omniprice verify webshop --dry-run",
        ),
        (
            "campaign",
            "",
            "",
            "",
            "campaign Black Week runs, and its prices are not live: 1200 on webshop, 2 on till",
            "omniprice campaign show \"Black Week\"",
        ),
        (
            "fleet_breaker",
            "",
            "till",
            "",
            "till is stopped: 700 of 1234 listings are to move at once (56 %)",
            "omniprice channel resume till --why \"...\"",
        ),
        (
            "price_rejected",
            "KETTLE",
            "webshop",
            "",
            "webshop rejects the price: HTTP 422: price too low",
            "omniprice explain SKU shows every attempt",
        ),
    ];
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let items: Vec<Item> = told
        .into_iter()
        .map(|(kind, sku, channel, competitor, message, hint)| Item {
            kind: kind.into(),
            severity: "critical".into(),
            sku: some(sku),
            channel: some(channel),
            competitor: some(competitor),
            message: message.into(),
            hint: hint.into(),
            times: 1,
            first_at: UNTIL.plus(-2 * Millis::HOUR).0,
            resolved_at: None,
        })
        .collect();
    Body { open: items.len(), resolved: 0, items }
}

#[test]
fn alerts_speak_the_readers_language_down_to_their_details() {
    let english = alert_text::render(&alerts(), false, &reader(Language::En, |_| {}).voice, &[]).unwrap().text;
    for language in Language::ALL {
        let told = alert_text::render(&alerts(), false, &reader(language, |_| {}).voice, &[]).unwrap().text;
        snapshot(&format!("alerts-{}", language.code()), &told);
        let details =
            |text: &str| text.lines().filter(|line| line.starts_with("* ")).map(str::to_owned).collect::<Vec<_>>();
        for (own, reference) in details(&told).iter().zip(details(&english)) {
            assert!(language == Language::En || *own != reference, "{own}");
        }
    }
}
