//! Channels that take net prices: with four decimals buyers see our price, and a shop that keeps fewer is told.

use omniprice::app::App;
use omniprice::channel::wire::amount::{self, Field};
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::decide::rounding::DISPLAY;
use omniprice::decide::vat;
use omniprice::flow;
use omniprice::money::{Currency, Decimal, Money, WirePrice};
use omniprice::publish::channel_price::{ChannelView, channel_price};
use omniprice::store::listings::Listing;
use omniprice::store::{listings, products, progress};

use crate::both_engines;
use crate::connectors::double::Double;
use crate::connectors::schema::Judge;
use crate::connectors::woocommerce::shop::Shop;
use crate::harness::{Setup, TestDb, World, price};

/// Every price in cents up to 200.00 that a channel with these decimals would be sent, and how many of them buyers would
/// see as another one. The price goes the whole way: computed, counted for the store, written for the vendor, parsed back.
fn seen_otherwise(vat_pct: i64, decimals: u32) -> usize {
    let view = ChannelView { net_of: Some(Decimal::from(vat_pct)), ..ChannelView::identity(Currency::EUR) };
    let field = Field { currency: Currency::EUR, decimals };
    let mut other = 0;
    for cents in 1..=20_000 {
        let gross = Money::from_minor(cents, Currency::EUR);
        let net = channel_price(gross, &view, None).unwrap().net.unwrap();
        let price = net.at(decimals).unwrap();
        let units = price.units_at(decimals).unwrap();
        let stored = WirePrice::stored(units, Some(i64::from(decimals)), "EUR").unwrap();
        let written = amount::text(stored.with_decimals(decimals));
        let number = amount::number(stored.amount()).unwrap();
        let (text, json) = (amount::parse(&written, field).unwrap(), amount::parse(number.get(), field).unwrap());
        assert_eq!((text, json), (price, price), "{written}");
        let shown = vat::gross_of(text.amount(), Decimal::from(vat_pct), Currency::EUR, DISPLAY).unwrap();
        assert_eq!(net.shown_otherwise(text), (shown != gross).then_some(shown));
        other += usize::from(shown != gross);
    }
    other
}

#[test]
fn four_decimals_give_back_every_price_and_two_do_not() {
    // SEMANTICS 2.2: 6.5 % at 7 %, 16 % at 19 %, 19 % at 23 %, 20 % at 25 %.
    for (vat_pct, of_two) in [(7, 1_308), (19, 3_193), (23, 3_740), (25, 4_000)] {
        assert_eq!((seen_otherwise(vat_pct, 4), seen_otherwise(vat_pct, 2)), (0, of_two), "{vat_pct} %");
    }
}

both_engines![
    a_net_price_is_computed_stored_sent_read_back_and_told_with_four_decimals,
    a_shop_that_keeps_two_decimals_is_told_and_sent_nothing_again,
    what_was_kept_with_two_decimals_stays_true_when_four_are_set_and_taken_out,
    a_net_price_set_in_the_shop_is_adopted_with_its_tax,
];

const SKU: &str = "KETTLE";

fn shop() -> Shop {
    let mut shop = Shop::new();
    (shop.include_tax, shop.round_at_subtotal) = ("no", "yes");
    shop.products.retain(|id, _| *id == 7);
    shop.products.get_mut(&7).unwrap().regular = "81.60".to_owned();
    shop
}

/// The table of the net shop.
fn table(port: u16, more: &str) -> String {
    format!(
        "[channels.b2b]\nkind = \"woocommerce\"\nurl = \"http://127.0.0.1:{port}\"\nconsumer_key = \"ck_1\"\n\
         consumer_secret = \"cs_1\"\ncurrency = \"DKK\"\ntax = \"net\"\n{more}"
    )
}

/// A world in which everybody asks 102.00, beside a shop that takes prices without its 25 % of VAT.
async fn world(test: TestDb, shop: Shop, more: &str) -> (World, Double<Shop>) {
    let double = Double::open(shop, Judge::new("woocommerce").without_schema()).await;
    let config: &'static str = Box::leak(table(double.port, more).into_boxed_str());
    let setup = Setup { products: vec![(SKU, "102.00", Some("70.50"))], config, ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(Clock::System.now())).await;
    world.drive().await;
    (world, double)
}

fn kept(double: &Double<Shop>) -> String {
    double.with(|shop| shop.products[&7].regular.clone())
}

fn told(listing: &Listing, units: Option<i64>) -> String {
    units.map_or_else(|| "-".to_owned(), |units| listing.price(units).unwrap().to_string())
}

async fn a_net_price_is_computed_stored_sent_read_back_and_told_with_four_decimals(test: TestDb) {
    let (world, double) = world(test, shop(), "net_decimals = 4\n").await;
    world.near.show(SKU, price(9_997));
    world.drive().await;
    assert_eq!(world.ours(SKU).await, 9_997);
    // 99.97 / 1.25: with two decimals buyers would see 99.98.
    assert_eq!(kept(&double), "79.9760");
    let listing = world.listing(SKU, "b2b").await;
    assert_eq!((listing.state.as_str(), listing.decimals, listing.desired_minor), ("verified", Some(4), Some(799_760)));
    assert_eq!((listing.sent_minor, listing.live_minor), (Some(799_760), Some(799_760)));
    let parity = progress::parity(&world.app.db).await.unwrap();
    let own = parity.iter().find(|row| row.channel == "b2b").unwrap();
    assert_eq!((own.listings, own.live), (1, 1));
    let history = progress::live_history(&world.app.db, listing.id, Millis(0)).await.unwrap();
    assert_eq!(history.last().map(|row| (row.minor, row.decimals)), Some((799_760, Some(4))));
    let explained = world.say(&["explain", SKU, "--channel", "b2b"]).await.told().1;
    assert!(explained.contains("79.976 DKK"), "{explained}");
    let tested = world.say(&["channel", "test", "b2b"]).await.told().1;
    assert!(!tested.contains("problem") && !tested.contains("do not give back"), "{tested}");
    double.with(|shop| shop.round_at_subtotal = "no");
    let tested = world.say(&["channel", "test", "b2b"]).await.told().1;
    assert!(tested.contains("turn on \"round tax at subtotal level\""), "{tested}");
    // The floor of a cost of 70.50, ten percent and the tax is 97.92; without the tax it is held to four decimals.
    world.near.show(SKU, price(9_701));
    world.drive().await;
    let listing = world.listing(SKU, "b2b").await;
    assert_eq!((kept(&double).as_str(), listing.state.as_str()), ("78.3360", "verified"), "{}", listing.reason);
}

async fn a_shop_that_keeps_two_decimals_is_told_and_sent_nothing_again(test: TestDb) {
    let (world, double) =
        world(test, Shop { keeps: Some(2), ..shop() }, "net_decimals = 4\ndrift = \"reassert\"\n").await;
    world.near.show(SKU, price(9_997));
    world.drive().await;
    let listing = world.listing(SKU, "b2b").await;
    assert_eq!((kept(&double).as_str(), listing.state.as_str()), ("79.98", "rejected"), "{}", listing.reason);
    assert_eq!(
        listing.reason,
        "the channel keeps 79.98 DKK where 79.976 DKK was sent, so its prices have fewer decimals; lower net_decimals in \
         [channels.b2b], or let the shop keep more; omniprice channel test b2b looks"
    );
    let writes = double.written().len();
    for _ in 0..3 {
        flow::reconcile(&world.app, world.app.lane("b2b").unwrap(), false).await.unwrap();
        world.drive().await;
    }
    assert_eq!(double.written().len(), writes, "it would be cut short again");
    let alerts = world.say(&["alert", "list"]).await.told().1;
    assert!(alerts.contains("fewer decimals"), "{alerts}");
    // A price whose last digits are noughts is proved there.
    world.near.show(SKU, price(9_850));
    world.drive().await;
    assert_eq!(world.listing(SKU, "b2b").await.state, "verified");
    assert_eq!(kept(&double), "78.80");
}

async fn rebuilt(world: &mut World, without: &str, with: &str) {
    let text = std::fs::read_to_string(&world.config).unwrap();
    std::fs::write(&world.config, text.replace(without, with)).unwrap();
    let clock = world.app.clock.clone();
    world.app = App::build(Config::load(Some(&world.config), &[]).unwrap(), clock).await.unwrap();
}

async fn what_was_kept_with_two_decimals_stays_true_when_four_are_set_and_taken_out(test: TestDb) {
    let (mut world, double) = world(test, shop(), "drift = \"alert\"\n").await;
    world.near.show(SKU, price(9_997));
    world.drive().await;
    let before = world.listing(SKU, "b2b").await;
    assert_eq!((kept(&double).as_str(), before.decimals, before.live_minor), ("79.98", None, Some(7_998)));
    let tested = world.say(&["channel", "test", "b2b"]).await.told().1;
    assert!(tested.contains("do not give back every price") && tested.contains("net_decimals"), "{tested}");
    let tenth =
        |listing: &Listing| (listing.decimals, told(listing, listing.desired_minor), told(listing, listing.live_minor));
    rebuilt(&mut world, "tax = \"net\"\n", "tax = \"net\"\nnet_decimals = 4\n").await;
    let counted = world.listing(SKU, "b2b").await;
    assert_eq!(
        tenth(&counted),
        (Some(4), "79.98 DKK".to_owned(), "79.98 DKK".to_owned()),
        "counted anew, and the same"
    );
    let history = async |world: &World| {
        let rows = progress::live_history(&world.app.db, before.id, Millis(0)).await.unwrap();
        let told =
            |row: &progress::LivePrice| WirePrice::stored(row.minor, row.decimals, &row.currency).unwrap().to_string();
        rows.iter().map(told).collect::<Vec<_>>()
    };
    assert!(history(&world).await.contains(&"79.98 DKK".to_owned()));
    world.drive().await;
    let after = world.listing(SKU, "b2b").await;
    assert_eq!((kept(&double).as_str(), after.state.as_str()), ("79.9760", "verified"));
    assert_eq!(tenth(&after), (Some(4), "79.976 DKK".to_owned(), "79.976 DKK".to_owned()));
    rebuilt(&mut world, "net_decimals = 4\n", "").await;
    world.drive().await;
    let back = world.listing(SKU, "b2b").await;
    assert_eq!((kept(&double).as_str(), back.state.as_str()), ("79.98", "verified"));
    assert_eq!(tenth(&back), (Some(4), "79.98 DKK".to_owned(), "79.98 DKK".to_owned()));
    let all = history(&world).await;
    assert!(all.contains(&"79.976 DKK".to_owned()) && all.last().unwrap() == "79.98 DKK", "{all:?}");
}

async fn a_net_price_set_in_the_shop_is_adopted_with_its_tax(test: TestDb) {
    let (world, double) = world(test, shop(), "net_decimals = 4\ndrift = \"adopt\"\n").await;
    world.near.show(SKU, price(9_997));
    world.drive().await;
    let set = async |regular: &str| {
        double.with(|shop| shop.products.get_mut(&7).unwrap().regular = regular.to_owned());
        flow::reconcile(&world.app, world.app.lane("b2b").unwrap(), false).await.unwrap();
        world.settle().await;
        world.ours(SKU).await
    };
    // No price in øre is this one without its tax.
    assert_eq!(set("80.7761").await, 9_997);
    assert_eq!(set("80.7760").await, 10_097, "80.7760 and 25 %");
    let product = products::by_sku(&world.app.db, SKU).await.unwrap().unwrap();
    let all = listings::of_product(&world.app.db, product.id).await.unwrap();
    let shown: Vec<String> = all.iter().map(|one| format!("{} {}", one.channel, told(one, one.live_minor))).collect();
    assert!(
        shown.contains(&"webshop 100.97 DKK".to_owned()) && shown.contains(&"b2b 80.776 DKK".to_owned()),
        "{shown:?}"
    );
}
