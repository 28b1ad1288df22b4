//! What an amount on a page is for: with or without tax, on a condition, of which variant; and what pages are that show
//! none.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Availability, Outcome, TaxView};

use crate::extract::read;
use crate::shop_page::{SHOP, page, price};

fn shown(lang: &str, host: &str, body: &str) -> Option<String> {
    price(&read(&page(lang, "Lamp Nova", "", body), &format!("https://{host}/p/lamp-nova")))
}

#[test]
fn of_a_price_with_and_without_tax_the_one_with_it_is_told() {
    for (lang, host, net, gross, price) in [
        (
            "da",
            "shop.example.dk",
            "<b>100,00 kr.</b><i>ekskl. moms</i>",
            "<b>125,00 kr.</b><i>inkl. moms</i>",
            "125.00 DKK",
        ),
        (
            "de",
            "shop.example.de",
            "<b>100,00 €</b><i>zzgl. 19 % MwSt.</i>",
            "<b>119,00 €</b><i>inkl. 19 % MwSt.</i>",
            "119.00 EUR",
        ),
        ("pl", "shop.example.pl", "<b>100,00 zł</b><i>netto</i>", "<b>123,00 zł</b><i>brutto</i>", "123.00 PLN"),
        (
            "cs",
            "shop.example.cz",
            "<i>Cena bez DPH</i><b>1 000 Kč</b>",
            "<i>Cena s DPH</i><b>1 210 Kč</b>",
            "1210.00 CZK",
        ),
        ("en-GB", "shop.example.co.uk", "<b>£100.00</b><i>ex. VAT</i>", "<b>£120.00</b><i>inc. VAT</i>", "120.00 GBP"),
        ("fr", "shop.example.fr", "<b>100,00 €</b><i>HT</i>", "<b>120,00 €</b><i>TVA comprise</i>", "120.00 EUR"),
    ] {
        for (one, other) in [(net, gross), (gross, net)] {
            let body =
                format!("<div class=a>{one}</div><div class=b>{other}</div><button class=add-to-cart>x</button>");
            let found = read(&page(lang, "Lamp Nova", "", &body), &format!("https://{host}/p/lamp-nova"));
            assert_eq!(self::price(&found).as_deref(), Some(price), "{body} {}", found.explanation);
            assert_eq!(found.offer.unwrap().tax, TaxView::Gross, "{body}");
        }
    }
    let one_text = "<div>100,00 zł netto / 123,00 zł brutto</div><button>Do koszyka</button>";
    assert_eq!(shown("pl", "shop.example.pl", one_text).as_deref(), Some("123.00 PLN"));
}

#[test]
fn markup_without_tax_gives_way_to_the_price_with_it() {
    let json = |price: &str| {
        format!(
            r#"<script type="application/ld+json">{{"@type":"Product","name":"Lamp Nova","offers":{{"price":"{price}","priceCurrency":"EUR"}}}}</script>"#
        )
    };
    let body = "<p class=price>119,00 €</p><p>100,00 € netto</p><button>In den Warenkorb</button>";
    for stated in ["100.00", "119.00"] {
        let found = shown("de", "shop.example.de", &(json(stated) + body));
        assert_eq!(found.as_deref(), Some("119.00 EUR"), "markup says {stated}");
    }
    // A net price alone is told as what it is.
    let found = read(
        &page("de", "Lamp Nova", "", "<p class=price>100,00 € netto</p><button>In den Warenkorb</button>"),
        "https://shop.example.de/p/lamp-nova",
    );
    assert_eq!((price(&found).as_deref(), found.offer.unwrap().tax), (Some("100.00 EUR"), TaxView::Net));
}

#[test]
fn what_is_paid_on_a_condition_is_not_the_price() {
    for (lang, host, body, price) in [
        ("en-US", "shop.example.com", "<div>$80.00</div><div>With code SAVE10: $72.00</div>", "80.00 USD"),
        ("en-US", "shop.example.com", "<div>$80.00</div><div>$72.00 with code SAVE10</div>", "80.00 USD"),
        ("sv", "shop.example.se", "<div>249 kr</div><div>Köp 2 för 400 kr</div>", "249.00 SEK"),
        ("da", "shop.example.dk", "<div>129,00 kr.</div><div>2 for 200,00 kr.</div>", "129.00 DKK"),
        ("da", "shop.example.dk", "<div>Medlemspris 99,00 kr.</div><div>129,00 kr.</div>", "129.00 DKK"),
        ("de", "shop.example.de", "<div>Nur in der App</div><div><b>72,00 €</b></div><div>80,00 €</div>", "80.00 EUR"),
        ("de", "shop.example.de", "<div>80,00 €</div><div>Paketpreis: <b>145,00 €</b></div>", "80.00 EUR"),
        ("de", "shop.example.de", "<div>59,99 €</div><div class=buybox><p>Gebraucht: 39,99 €</p></div>", "59.99 EUR"),
        (
            "en-GB",
            "shop.example.co.uk",
            "<div>£59.99</div><div class=buybox><label><input type=checkbox> 2 year cover £9.99</label></div>",
            "59.99 GBP",
        ),
    ] {
        let body = format!("{body}<button class=add-to-cart>x</button>");
        assert_eq!(shown(lang, host, &body).as_deref(), Some(price), "{body}");
    }
    for only in [
        "<p>Free shipping over $50</p>",
        "<p>Worth $100</p>",
        "<p>Bought it for $681.00 elsewhere, great</p>",
        "<p>Members only: $72.00</p>",
    ] {
        let body = format!("{only}<button>Add to cart</button>");
        assert_eq!(shown("en-US", "shop.example.com", &body), None, "{only}");
    }
}

#[test]
fn only_a_price_that_says_so_overrules_markup() {
    let json = r#"<script type="application/ld+json">{"@type":"Product","name":"Lamp Nova","offers":{"price":"265.49","priceCurrency":"GBP"}}</script>"#;
    for beside in [
        "<p>Free delivery over £99</p>",
        "<p>or 3 payments of £88.50</p>",
        "<div>Warranty 3 years £29.99</div>",
        "<div>£19.99</div>",
        "<p>Paid £199.00 last year</p>",
    ] {
        let body = format!("{json}{beside}<button>Add to basket</button>");
        assert_eq!(shown("en-GB", "shop.example.co.uk", &body).as_deref(), Some("265.49 GBP"), "{beside}");
    }
    let stale = format!("{json}<p class=current-price>£199.00</p><button>Add to basket</button>");
    assert_eq!(shown("en-GB", "shop.example.co.uk", &stale).as_deref(), Some("199.00 GBP"));
}

#[test]
fn numbers_of_neighbours_lend_and_borrow_nothing() {
    for (lang, host, body, price) in [
        (
            "nl",
            "shop.example.nl",
            "<div class=price-box><h1>iPhone 15</h1><div class=price>€ 799,00</div>",
            Some("799.00 EUR"),
        ),
        ("de", "shop.example.de", "<h1>Nova</h1><span>Menge: 1</span><span>€ 79,00</span>", Some("79.00 EUR")),
        (
            "da",
            "shop.example.dk",
            "<h1>Nova</h1><div><span>Fri fragt over 693 kr.</span><span>30 d retur</span></div>",
            None,
        ),
        ("fr", "shop.example.fr", "<h1>Nova</h1><div class=price>128<sup>€49</sup></div>", Some("128.49 EUR")),
        (
            "nl",
            "shop.example.nl",
            "<h1>Nova</h1><span class=promo-price>159\n <sup>29</sup></span>",
            Some("159.29 EUR"),
        ),
        ("en-GB", "shop.example.co.uk", "<h1>Nova</h1><p><span>£129</span> <span>£99</span></p>", None),
        (
            "en-GB",
            "shop.example.co.uk",
            "<h1>Nova</h1><p><i>£</i><i>1</i><i>2</i><i>9</i><i>.</i><i>0</i><i>0</i></p>",
            Some("129.00 GBP"),
        ),
        (
            "cs",
            "shop.example.cz",
            "<h1>Nova</h1><div class=price><span class=price__compare>5 879 Kč</span><span class=price__now>4 349,-</span></div>",
            Some("4349.00 CZK"),
        ),
    ] {
        let html = format!(
            "<html lang={lang}><title>{}</title>{body}<button class=add-to-cart>x</button>",
            if body.contains("15") { "iPhone 15" } else { "Nova" }
        );
        let found = read(&html, &format!("https://{host}/p/nova"));
        assert_eq!(self::price(&found).as_deref(), price, "{body} {}", found.explanation);
    }
}

#[test]
fn a_number_before_an_amount_that_may_be_its_thousands_is_refused() {
    let split = "<p><span>1</span><span>299 kr</span></p><button>Köp</button>";
    let found = read(&page("sv", "Lamp Nova", "", split), "https://shop.example.se/p/lamp-nova");
    assert_eq!((found.outcome, price(&found)), (Outcome::Ambiguous, None), "{}", found.explanation);
    let counted = "<p><span>Antal:</span><span>1</span><span>299 kr</span></p><button>Köp</button>";
    assert_eq!(shown("sv", "shop.example.se", counted).as_deref(), Some("299.00 SEK"));
    for (said, price) in [("1299", "1299.00 SEK"), ("299", "299.00 SEK")] {
        let stated = format!(
            r#"<meta property="product:price:amount" content="{said}"><meta property="product:price:currency" content="SEK">{split}"#
        );
        assert_eq!(shown("sv", "shop.example.se", &stated).as_deref(), Some(price));
    }
}

const SHOPIFY: &str = r#"<script>Shopify.currency = {"active":"AUD"};</script><span class=price>$695.00</span><button>Add to cart</button><script type="application/json" id="ProductJson-main">{"id":1,"title":"Lamp Nova","price":69500,"price_min":69500,"price_max":104200,"variants":[{"id":4000,"sku":"L-1","available":true,"price":69500,"barcode":"4006381333931"},{"id":4002,"sku":"L-3","available":false,"price":104200,"barcode":"5012345678900"}]}</script>"#;

#[test]
fn the_variant_that_the_address_names_is_told_and_no_other() {
    let at = |query: &str| {
        read(
            &page("en", "Lamp Nova", "", SHOPIFY),
            &format!("https://shop.example.com.au/products/lamp?variant={query}"),
        )
    };
    let found = at("4002");
    assert_eq!(price(&found).as_deref(), Some("1042.00 AUD"), "{}", found.explanation);
    let offer = found.offer.unwrap();
    assert_eq!(
        (offer.sku.as_deref(), offer.gtin.as_deref(), offer.availability),
        (Some("L-3"), Some("5012345678900"), Availability::OutOfStock)
    );
    let gone = at("4009");
    assert_eq!((gone.outcome, price(&gone)), (Outcome::Ambiguous, None), "{}", gone.explanation);
}

#[test]
fn markup_of_the_first_variant_does_not_stand_in_for_another() {
    let json = r#"<script type="application/ld+json">{"@type":"Product","name":"Lamp Nova","sku":"L-1","offers":{"@type":"Offer","url":"/products/lamp?variant=4000","price":"695.00","priceCurrency":"EUR","availability":"InStock"}}</script><button>Add to cart</button>"#;
    let found = read(&page("en", "Lamp Nova", "", json), "https://shop.example.ie/products/lamp?variant=4002");
    assert_eq!((found.outcome, price(&found)), (Outcome::Ambiguous, None), "{}", found.explanation);
    let own = read(&page("en", "Lamp Nova", "", json), "https://shop.example.ie/products/lamp?variant=4000");
    assert_eq!(price(&own).as_deref(), Some("695.00 EUR"));
    // The product's own address fits every variant's page, but that of the variant fits better.
    let group = r#"<script type="application/ld+json">{"@type":"ProductGroup","name":"Lamp Nova","hasVariant":[{"@type":"Product","sku":"A","url":"/p/lamp","offers":{"price":"10.00","priceCurrency":"EUR"}},{"@type":"Product","sku":"B","url":"/p/lamp?size=2","offers":{"price":"20.00","priceCurrency":"EUR"}}]}</script>"#;
    let found = read(&page("en", "Lamp Nova", "", group), "https://shop.example.ie/p/lamp?size=2");
    assert_eq!((price(&found).as_deref(), found.offer.unwrap().sku.as_deref()), (Some("20.00 EUR"), Some("B")));
}

#[test]
fn variations_and_swatches_are_picked_by_the_address() {
    let woo = r#"<p class=price>10,00 € – 20,00 €</p><form data-product_variations='[{"attributes":{"attribute_pa_size":"s"},"display_price":10,"sku":"W-S","variation_id":7,"is_in_stock":true},{"attributes":{"attribute_pa_size":"l"},"display_price":20,"sku":"W-L","variation_id":8,"is_in_stock":true}]'><button>In den Warenkorb</button></form>"#;
    let found = read(
        &page("de-DE", "Lamp Nova", "", &format!(r#"<meta property="og:price:currency" content="EUR">{woo}"#)),
        "https://shop.example.de/p/lamp?attribute_pa_size=l",
    );
    assert_eq!(
        (price(&found).as_deref(), found.offer.unwrap().sku.as_deref()),
        (Some("20.00 EUR"), Some("W-L")),
        "{}",
        found.explanation
    );
    let magento = r#"<meta property="product:price:currency" content="EUR"><span class=price>59,00 €</span><button>In den Warenkorb</button><script type="text/x-magento-init">{"#.to_owned()
        + r##""[data-role=swatch-options]":{"jsonConfig":{"attributes":{"93":{"id":"93","code":"color","options":[{"id":"49","label":"Black","products":["1815"]},{"id":"50","label":"Blue","products":["1816"]}]}},"optionPrices":{"1815":{"finalPrice":{"amount":59}},"1816":{"finalPrice":{"amount":69}}},"sku":{"1815":"M-BLACK","1816":"M-BLUE"}}}}</script>"##;
    let found = read(&page("de-DE", "Lamp Nova", "", &magento), "https://shop.example.de/p/lamp#93=50");
    assert_eq!(
        (price(&found).as_deref(), found.offer.unwrap().sku.as_deref()),
        (Some("69.00 EUR"), Some("M-BLUE")),
        "{}",
        found.explanation
    );
}

#[test]
fn a_product_without_a_price_is_no_list_of_others() {
    let tiles: String = (1..6)
        .map(|i| format!("<li class=item><a href=/p/{i}><img src=x>Chair {i}</a><span>{i}9,00 €</span></li>"))
        .collect();
    for (lang, words, outcome) in [
        ("de", "Preis auf Anfrage", Outcome::NoPrice),
        ("sv", "Begär offert", Outcome::NoPrice),
        ("pl", "Cena na zapytanie", Outcome::NoPrice),
        ("ja", "価格はお問い合わせください", Outcome::NoPrice),
        ("el", "Εξαντλημένο", Outcome::OutOfStock),
        ("da", "Udgået", Outcome::OutOfStock),
    ] {
        let body = format!("<p>{words}</p><section class=related><h2>More</h2><ul>{tiles}</ul></section>");
        let found = read(&page(lang, "Lamp Nova", "", &body), SHOP);
        assert_eq!((found.outcome, price(&found)), (outcome, None), "{words} {}", found.explanation);
    }
    let list = format!("<ul>{tiles}<li class=item><a href=/p/9><img src=x>Chair 9</a><span>Sold out</span></li></ul>");
    assert_eq!(
        read(&page("en", "Chairs", "", &list), "https://www.shop.example.com/c/chairs").outcome,
        Outcome::Category
    );
}

#[test]
fn a_list_of_one_product_is_not_that_product() {
    let one = "<p>1 result</p><div class=grid><a href=/p/7><img src=x>Steel Chair</a><b class=price>$88.00</b><button>Add to cart</button></div>";
    assert_eq!(price(&read(&page("en-US", "Lamps", "", one), "https://www.shop.example.com/collections/lamps")), None);
}

#[test]
fn walls_are_known_in_every_language() {
    for (outcome, texts) in [
        (
            Outcome::SoftNotFound,
            &[
                "Diese Seite existiert leider nicht",
                "Cette page n’existe plus",
                "お探しのページは見つかりませんでした",
                "Deze pagina bestaat niet",
                "Stránka neexistuje",
                "Товар не найден",
                "Az oldal nem található",
                "Varen findes ikke",
            ][..],
        ),
        (
            Outcome::Blocked,
            &[
                "Bekræft, at du er et menneske",
                "Подтвердите, что вы не робот",
                "ロボットではありません",
                "Zugriff verweigert",
                "비정상적인 접근입니다",
                "Potwierdź, że jesteś człowiekiem",
                "Pääsy estetty",
            ],
        ),
        (
            Outcome::AgeWall,
            &[
                "Oletko yli 18 vuotta?",
                "Je vám 18 let?",
                "Elmúltál 18 éves?",
                "Вам есть 18 лет?",
                "18 yaşından büyük müsünüz?",
                "Ben je 18 jaar?",
                "您已年满18岁吗",
            ],
        ),
        (
            Outcome::LoginWall,
            &[
                "Du skal logge ind for at se siden",
                "Musisz się zalogować",
                "Необходимо войти",
                "ログインが必要です",
                "Πρέπει να συνδεθείτε",
            ],
        ),
        (
            Outcome::RegionWall,
            &["Vælg dit land", "Wybierz swój kraj", "Vyberte zemi", "Выберите страну", "国・地域を選択"],
        ),
        (
            Outcome::ConsentWall,
            &["Acceptera alla cookies", "Přijmout vše", "Összes elfogadása", "Принять все", "すべて同意"],
        ),
    ] {
        for text in texts {
            let found = read(&format!("<html><title>Shop</title><div><p>{text}</p><a href=/>OK</a></div>"), SHOP);
            assert_eq!((found.outcome, price(&found)), (outcome, None), "{text}");
        }
    }
    for source in [
        "<script>window.KPSDK={};</script>",
        "<script>window.gokuProps = {}</script>",
        "<div id=sec-if-cpt-container></div>",
        "<script>var dd={'rt':'c','host':'geo.captcha-delivery.com'}</script>",
    ] {
        assert_eq!(read(&format!("<html><title>shop</title>{source}"), SHOP).outcome, Outcome::Blocked, "{source}");
    }
}

#[test]
fn a_banner_or_a_script_in_front_of_a_product_is_no_wall() {
    for wall in [
        "<div class=cookies><p>Accept all cookies</p></div>",
        "<div>Are you over 18?</div>",
        "<div>Select your country</div>",
        "<script src=https://www.google.com/recaptcha/api.js></script><div class=g-recaptcha></div>",
        "<script src=/cdn-cgi/challenge-platform/scripts/jsd/main.js></script>",
    ] {
        let body = format!("{wall}<p class=price>$79.00</p><button>Add to cart</button>");
        assert_eq!(price(&read(&page("en-US", "Brass Lamp", "", &body), SHOP)).as_deref(), Some("79.00 USD"), "{wall}");
    }
}

#[test]
fn the_country_of_the_domain_goes_before_the_region_of_a_template() {
    for (lang, host, text, price) in [
        ("en-US", "shop.example.com.au", "$399.00", "399.00 AUD"),
        ("en-US", "shop.example.ca", "$399.00", "399.00 CAD"),
        ("en-US", "shop.example.co.uk", "£1,299.00", "1299.00 GBP"),
        ("en-US", "www.example.com", "$399.00", "399.00 USD"),
        ("en", "example.co", "$1,299.00", "1299.00 USD"),
    ] {
        let body = format!("<p class=price>{text}</p><button>Add to cart</button>");
        assert_eq!(shown(lang, host, &body).as_deref(), Some(price), "{lang} {host}");
    }
}
