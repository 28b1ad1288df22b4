//! Pages about several products or about none: which price is the page's own, and when none is.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::Outcome;

use crate::extract::read;
use crate::shop_page::{SHOP, json_ld, list, page, price};

#[test]
fn a_reduction_is_no_tax() {
    let shown = |a: &str, b: &str| format!("<div class=a>{a}</div><div class=b>{b}</div><button>Add to cart</button>");
    let read_gb = |body: &str| read(&page("en-GB", "Brass Lamp", "", body), "https://shop.example.co.uk/p/lamp");
    assert_eq!(price(&read_gb(&shown("£120.00", "£100.00"))), None, "nothing says which one is paid");
    assert_eq!(price(&read_gb(&shown("£120.00 inc VAT", "£100.00 ex VAT"))).as_deref(), Some("120.00 GBP"));
    let reduced = read_gb(&shown("£100.00", "£120.00 <span>-17%</span>"));
    assert_eq!((price(&reduced).as_deref(), list(&reduced).as_deref()), (Some("100.00 GBP"), Some("120.00 GBP")));
    let swedish = "<div class=a>108,10 kr inkl. moms</div><div class=b>100,00 kr</div><button>Köp</button>";
    let found = read(&page("sv", "Lampa", "", swedish), "https://butik.example.se/p/lampa");
    assert_eq!(price(&found), None, "8.1 % is no rate of Sweden");
}

#[test]
fn an_alternative_to_a_product_that_is_gone_is_not_its_price() {
    let body = "<p>This product is no longer available</p><h2>Alternatives</h2><ul><li><a href=/p/2>Steel lamp</a><b>$10.00</b><button>Add to cart</button></li></ul>";
    let found = read(&page("en-US", "Brass Lamp", "", body), SHOP);
    assert_eq!((found.outcome, price(&found)), (Outcome::OutOfStock, None));
    // A heading above the product's own price changes nothing.
    let own = "<h2>Order</h2><div><b>$10.00</b><a href=/delivery>Delivery</a><button>Add to cart</button></div>";
    assert_eq!(price(&read(&page("en-US", "Brass Lamp", "", own), SHOP)).as_deref(), Some("10.00 USD"));
}

#[test]
fn carts_and_orders_are_no_products_in_any_language() {
    for (lang, heading) in [
        ("de", "Ihr Warenkorb"),
        ("da", "Indkøbskurv"),
        ("fr", "Votre panier"),
        ("sv", "Kassa"),
        ("de", "Danke für Ihre Bestellung"),
    ] {
        let body = "<table><tr><td><a href=/p/1>Lamp</a><td>87,90 €</table><div>Total <b>87,90 €</b></div>";
        assert_eq!(price(&read(&page(lang, heading, "", body), SHOP)), None, "{heading}");
    }
    let body = "<div class=product-info><p class=price>87,90 €</p><button>Ajouter au panier</button></div>";
    let basket = read(&page("fr", "Panier à linge", "", body), SHOP);
    assert_eq!(price(&basket).as_deref(), Some("87.90 EUR"), "a basket for sale");
    let found = read(&page("fr", "Lampe", "", body), "https://www.shop.example.com/fr/panier");
    assert_eq!(price(&found), None);
}

#[test]
fn a_related_product_that_alone_is_marked_up_is_not_the_page() {
    let related = "<p class=price>$79.00</p><button>Add to cart</button><section class=crosssell><h2>More</h2><div itemscope itemtype='https://schema.org/Product'><a href=/p/2><span itemprop=name>Steel Chair</span></a><div itemprop=offers itemscope itemtype='https://schema.org/Offer'><meta itemprop=priceCurrency content=USD><span itemprop=price content=40.00>$40.00</span></div></div></section>";
    assert_eq!(price(&read(&page("en-US", "Brass Lamp", "", related), SHOP)).as_deref(), Some("79.00 USD"));
    let own = related.replace("Steel Chair", "Brass Lamp 40 cm").replace("$79.00", "");
    assert_eq!(price(&read(&page("en-US", "Brass Lamp", "", &own), SHOP)).as_deref(), Some("40.00 USD"));
}

#[test]
fn the_same_number_in_another_money_confirms_nothing() {
    let head = json_ld(r#"{"price":"1370","priceCurrency":"USD"}"#);
    let body = "<div class=price>1 370 kr</div><button>Köp</button>";
    let found = read(&page("sv", "Brass Lamp", &head, body), "https://butik.example.se/p/lamp");
    assert_ne!(price(&found).as_deref(), Some("1370.00 USD"), "{}", found.explanation);
}

#[test]
fn the_address_and_the_shop_system_name_the_money() {
    let body = "<p class=price>1,370 kr</p><button>Add to cart</button>";
    let found = read(&page("en", "Brass Lamp", "", body), "https://www.shop.example.com/en-se/p/lamp");
    assert_eq!(price(&found).as_deref(), Some("1370.00 SEK"));
    let head = r#"<script>Shopify.currency = {"active":"DKK","rate":"1.0"};</script>"#;
    assert_eq!(price(&read(&page("en", "Brass Lamp", head, body), SHOP)).as_deref(), Some("1370.00 DKK"));
    assert_eq!(price(&read(&page("en", "Brass Lamp", "", body), SHOP)), None);
}

#[test]
fn stale_markup_is_no_price_before() {
    let head = json_ld(r#"{"price":"44490","priceCurrency":"EUR"}"#);
    let body = "<p class=price>444,90 €</p><button>In den Warenkorb</button>";
    let found = read(&page("de", "Brass Lamp", &head, body), "https://laden.example.de/p/lamp");
    assert_eq!((price(&found).as_deref(), list(&found)), (Some("444.90 EUR"), None));
}

#[test]
fn of_several_offers_the_one_that_the_page_shows_is_told() {
    let head = json_ld(
        r#"[{"price":90,"priceCurrency":"USD","seller":{"name":"Other"}},{"price":100,"priceCurrency":"USD","seller":{"name":"Shop"}}]"#,
    );
    let body = "<p class=price>$100.00</p><button>Add to cart</button>";
    assert_eq!(price(&read(&page("en-US", "Brass Lamp", &head, body), SHOP)).as_deref(), Some("100.00 USD"));
}

#[test]
fn a_page_without_a_heading_is_read_by_its_title() {
    let page = "<html lang=de><title>Messinglampe Nord | Laden</title><nav><a href=/>Start</a></nav><div><div class=x1>Messinglampe Nord</div><div class=x2>142,50 €</div><button>In den Warenkorb</button></div>";
    let found = read(page, "https://laden.example.de/p/lampe");
    assert_eq!(price(&found).as_deref(), Some("142.50 EUR"));
    assert_eq!(found.offer.unwrap().title.as_deref(), Some("Messinglampe Nord"));
}

#[test]
fn buy_buttons_are_known_in_more_languages() {
    for (lang, button, text, price_wanted) in [
        ("hi-IN", "कार्ट में जोड़ें", "₹1,390", "1390.00 INR"),
        ("th-TH", "เพิ่มลงตะกร้า", "฿1,390", "1390.00 THB"),
        ("he-IL", "הוספה לסל", "139 ₪", "139.00 ILS"),
        ("ja-JP", "かごに追加", "1,390円", "1390 JPY"),
        ("en-IE", "Add to bag", "£139.00", "139.00 GBP"),
    ] {
        let body = format!("<div class=q>{text}</div><button>{button}</button>");
        assert_eq!(price(&read(&page(lang, "GSR 12V", "", &body), SHOP)).as_deref(), Some(price_wanted), "{lang}");
    }
}

#[test]
fn walls_and_missing_pages_are_known_in_more_languages() {
    for (title, body, outcome) in [
        ("Không tìm thấy trang", "", Outcome::SoftNotFound),
        ("Halaman tidak ditemukan", "", Outcome::SoftNotFound),
        ("הדף לא נמצא", "", Outcome::SoftNotFound),
        ("Sicherheit", "<p>Bitte bestätigen Sie, dass Sie kein Roboter sind</p>", Outcome::Blocked),
        ("Проверка", "<p>Подтвердите, что вы не робот</p>", Outcome::Blocked),
        ("Welcome", "<p>You must be 21 or older to enter</p>", Outcome::AgeWall),
        ("Willkommen", "<p>Bist du schon über 18?</p>", Outcome::AgeWall),
        ("Cookies", "<button>Accepter alle</button>", Outcome::ConsentWall),
    ] {
        assert_eq!(read(&page("en", title, "", body), SHOP).outcome, outcome, "{title}");
    }
}
