//! The feed with sales: written whole, read back as a buyer sees it, ended by its own window.

use std::path::Path;
use std::sync::Arc;

use omniprice::channel::wire::oauth::Forgetful;
use omniprice::channel::{Channel, Class, PriceChange, Sale, SaleSupport, Setting};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;

use crate::connectors::double::{AT, change, door, on_sale};

fn connect(format: &str, base: &Path, clock: Clock) -> Arc<dyn Channel> {
    let table: toml::Table = format!(
        "kind = \"feed\"\npath = \"out/feed.{format}\"\ntitle = \"Shop\"\nlink = \"https://shop.example/p/{{sku}}\"\n\
         currency = \"DKK\"\ntax = \"gross\"\nformat = \"{format}\"\n"
    )
    .parse()
    .unwrap();
    let kind = omniprice::channel::kind(&table).unwrap();
    (kind.check)(&table).unwrap();
    let setting = Setting {
        name: "feed".to_owned(),
        timeout: std::time::Duration::from_secs(1),
        base: base.to_owned(),
        clock,
        vault: Arc::new(Forgetful::default()),
        shared: Arc::default(),
    };
    (kind.build)(&table, &setting).unwrap()
}

async fn push(channel: &Arc<dyn Channel>, changes: &[PriceChange]) {
    for result in channel.push(changes, &door(changes)).await {
        result.unwrap();
    }
}

async fn shown(channel: &Arc<dyn Channel>, sku: &str) -> (Option<i64>, Option<Option<i64>>) {
    let seen = channel.read(&[sku.to_owned()]).await.unwrap().remove(0);
    (
        seen.price.map(|price| price.minor().unwrap()),
        seen.regular.map(|regular| regular.map(|price| price.minor().unwrap())),
    )
}

fn tea(seq: i64, minor: i64) -> PriceChange {
    PriceChange { seq, ..change("TEA", "TEA", minor, Currency::DKK) }
}

#[tokio::test]
async fn a_sale_ends_by_its_window_or_by_the_next_price() {
    for format in ["xml", "tsv"] {
        let base = tempfile::tempdir().unwrap();
        let clock = Clock::manual(AT.plus(Millis::HOUR));
        let channel = connect(format, base.path(), clock.clone());
        assert_eq!(channel.capabilities().sale, SaleSupport::Window);
        push(&channel, &[on_sale(tea(1, 1_500), 2_500), change("CUP", "CUP", 900, Currency::DKK)]).await;
        assert_eq!(shown(&channel, "TEA").await, (Some(1_500), Some(Some(2_500))));
        assert_eq!(shown(&channel, "CUP").await, (Some(900), Some(None)));
        let text = std::fs::read_to_string(channel.served().unwrap().path).unwrap();
        assert!(text.contains("25.00 DKK") && text.contains("15.00 DKK"), "{text}");
        assert!(text.contains("2027-03-01T12:00+0000/2027-03-11T12:00+0000"), "{text}");
        // Nobody writes anything, and yet the sale is over.
        clock.advance(10 * Millis::DAY);
        assert_eq!(shown(&channel, "TEA").await, (Some(2_500), Some(None)));
        push(&channel, &[on_sale(tea(2, 1_400), 2_500)]).await;
        push(&channel, &[tea(3, 2_300)]).await;
        assert_eq!(shown(&channel, "TEA").await, (Some(2_300), Some(None)));
        let text = std::fs::read_to_string(channel.served().unwrap().path).unwrap();
        assert!(!text.contains("14.00 DKK") && !text.contains("2027-"), "cleared: {text}");
        let late = channel.push(&[tea(2, 1_400)], &door(&[tea(2, 1_400)])).await.remove(0).unwrap_err();
        assert_eq!(late.class, Class::Rejected, "an older price never replaces a newer");
        let names: Vec<_> =
            std::fs::read_dir(base.path().join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "the feed and its lock: {names:?}");
    }
}

#[tokio::test]
async fn a_sale_until_further_notice_has_no_dates_and_other_items_stay() {
    let base = tempfile::tempdir().unwrap();
    let channel = connect("tsv", base.path(), Clock::manual(AT.plus(365 * Millis::DAY)));
    let open = on_sale(tea(1, 1_500), 2_500);
    let sale = open.sale.map(|sale| Sale { ends_at: None, ..sale });
    push(&channel, &[PriceChange { sale, ..open }]).await;
    push(&channel, &[change("CUP", "CUP", 900, Currency::DKK)]).await;
    assert_eq!(shown(&channel, "TEA").await, (Some(1_500), Some(Some(2_500))), "a year later, beside another change");
    assert!(channel.served().unwrap().media_type.starts_with("text/tab-separated-values"));
}

/// XML 1.0, section 2.2: everything that a document may hold.
fn xml_char(c: char) -> bool {
    matches!(c as u32, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x1_0000..=0x10_FFFF)
}

#[tokio::test]
async fn one_odd_character_of_a_product_does_not_make_the_feed_unreadable() {
    for format in ["xml", "tsv"] {
        let base = tempfile::tempdir().unwrap();
        let channel = connect(format, base.path(), Clock::manual(AT));
        let odd = "Ac\u{1}me\u{fffe}\tof\nTea\u{b}";
        let hostile = PriceChange {
            title: odd.to_owned(),
            brand: Some(odd.to_owned()),
            gtin: Some("570\u{c}1".to_owned()),
            ..tea(1, 1_500)
        };
        let bad_id = change("C\u{2}UP", "CUP", 900, Currency::DKK);
        let changes = [hostile, bad_id, change("POT", "POT", 2_900, Currency::DKK)];
        let classes: Vec<Option<Class>> = channel
            .push(&changes, &door(&changes))
            .await
            .into_iter()
            .map(|result| result.err().map(|error| error.class))
            .collect();
        assert_eq!(classes, [None, Some(Class::Rejected), None], "{format}");
        let text = std::fs::read_to_string(channel.served().unwrap().path).unwrap();
        assert!(text.chars().all(xml_char), "{text:?}");
        assert!(text.contains("Acme of Tea") && text.contains("5701"), "{text}");
        if format == "tsv" {
            assert!(text.lines().all(|line| line.matches('\t').count() == 9), "{text}");
        }
        assert_eq!((shown(&channel, "TEA").await.0, shown(&channel, "POT").await.0), (Some(1_500), Some(2_900)));
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_left_alone() {
    for (format, text) in
        [("xml", "<rss><channel><item><g:id>A</g:id></item></channel></rss>"), ("tsv", "sku\tprice\nA\t1\n")]
    {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("out")).unwrap();
        let file = base.path().join(format!("out/feed.{format}"));
        std::fs::write(&file, text).unwrap();
        let channel = connect(format, base.path(), Clock::manual(AT));
        let error = channel.push(&[tea(1, 1_500)], &door(&[tea(1, 1_500)])).await.remove(0).unwrap_err();
        assert_eq!(error.class, Class::Refused, "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}
