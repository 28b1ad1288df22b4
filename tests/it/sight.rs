//! Pages without markup, shaped as shop systems print them in many languages: what a person sees is what is read.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Availability, Outcome};

use crate::extract::read;
use crate::shop_page::prices;

fn check(html: &str, url: &str, price: Option<&str>, list: Option<&str>) {
    let found = read(html, url);
    assert_eq!(
        prices(&found),
        (price.map(str::to_owned), list.map(str::to_owned)),
        "{} {:?}",
        found.explanation,
        found.candidates
    );
}

#[test]
fn an_earlier_price_told_to_screen_readers_is_no_rival() {
    for (lang, was, is) in [
        ("da-DK", "Den oprindelige pris var", "Den aktuelle pris er"),
        ("da-DK", "Prisen har været", "Prisen er nu"),
        ("de-DE", "Ursprünglicher Preis war", "Aktueller Preis ist"),
    ] {
        let page = format!(
            r#"<html lang="{lang}"><title>Brass lamp</title><div class="summary"><h1 class="product_title">Brass lamp</h1><p class="price"><del aria-hidden="true"><span class="amount"><bdi>1.299,00&nbsp;<span>€</span></bdi></span></del> <span class="screen-reader-text">{was}: 1.299,00&nbsp;€.</span><ins><span class="amount"><bdi>999,00&nbsp;<span>€</span></bdi></span></ins><span class="screen-reader-text">{is}: 999,00&nbsp;€.</span></p><button name="add-to-cart">In den Warenkorb</button></div>"#
        );
        check(&page, "https://shop.example/brass-lamp", Some("999.00 EUR"), Some("1299.00 EUR"));
    }
}

#[test]
fn a_number_beside_a_price_does_not_borrow_it() {
    let page = r#"<html lang=en-US><title>Cake Pan</title><h1>Cake Pan</h1><form><div class="block">Stock code: 21785 <span>(34)</span><ul><li>Our Price</li><li><h2>$30.99</h2></li></ul></div><button>Add to cart</button></form>"#;
    let found = read(page, "https://shop.example/cake-pan");
    assert_eq!(prices(&found).0.as_deref(), Some("30.99 USD"));
    let evidence = found.offer.unwrap().evidence.unwrap();
    assert_eq!(evidence.raw, "$30.99", "{evidence:?}");
}

#[test]
fn a_split_price_without_a_sign_is_one_price() {
    let page = r#"<html lang=de-DE><title>Nachttisch</title><h1>Nachttisch</h1><div class="productBox"><span class="currentPrice"> 69.<sup>99</sup><i></i></span><button>In den Warenkorb</button></div>"#;
    check(page, "https://laden.example.de/nachttisch", Some("69.99 EUR"), None);
    let page = r#"<html lang=nl><title>Leeslamp</title><div class="product"><h1>Leeslamp</h1><span class="van">van € 149,-</span> <span class="promo-price">129<sup>95</sup></span><button>In winkelwagen</button><p>Gratis verzending vanaf € 25,-</p></div>"#;
    check(page, "https://winkel.example.nl/leeslamp", Some("129.95 EUR"), Some("149.00 EUR"));
}

#[test]
fn a_dash_for_cents_marks_a_price_as_well_as_a_sign() {
    let page = r#"<html lang=nb><title>Messinglampe</title><div class="product_box"><h1>Messinglampe</h1><div>Ikke på lager</div><div class="product-price">1.299,-</div><button disabled>Legg i handlekurv</button></div>"#;
    let found = read(page, "https://butikk.example.no/messinglampe");
    assert_eq!(prices(&found).0.as_deref(), Some("1299.00 NOK"), "{:?}", found.candidates);
    assert_eq!(found.offer.unwrap().availability, Availability::OutOfStock);
}

#[test]
fn the_earlier_price_is_known_by_its_words_or_its_names() {
    let page = r#"<html lang=fi><title>Lamppu</title><div class="product-info"><h1>Lamppu</h1><div class="price-box"><span class="price">89,90 €</span><span class="old">Ovh. 119,00 €</span><span>30 päivän alin hinta 84,90 €</span></div><button>Lisää ostoskoriin</button></div>"#;
    check(page, "https://kauppa.example.fi/lamppu", Some("89.90 EUR"), Some("119.00 EUR"));
    let page = r#"<html lang=en-US><title>Canvas Shoe</title><div class="product-main-pricing"><h1>Canvas Shoe</h1><div class="product-price"><span class="product-standard-price-strike">$88.00</span> <span class="price-sales">$52.80 Sale</span></div><button>Add to bag</button></div>"#;
    check(page, "https://shop.example/shoe", Some("52.80 USD"), Some("88.00 USD"));
    let page = r#"<html lang=es-CL><title>Lámpara</title><div class="product-detail"><h1>Lámpara</h1><ul class="prices"><li class="price-internet">$ 49.990 <span>Internet</span></li><li class="price-shop">$ 69.990 Normal</li></ul><button>Agregar al carrito</button></div>"#;
    assert_eq!(prices(&read(page, "https://tienda.example.cl/lampara")).0.as_deref(), Some("49990 CLP"));
}

#[test]
fn a_bundle_is_not_the_product() {
    let page = r#"<html lang=en-US><title>Ground Coffee</title><section id="detail"><h1>Ground Coffee</h1><p>In Stock</p><div class="moduleMoreOptions"><div id="buyTogether"><span class="addToCartSpecialPrice">Price for both: $17.98</span><button>Add both to cart</button></div></div><dl><dt>Price</dt><dd class="bold"><span>$8.99</span></dd></dl><button>Add to cart</button></section>"#;
    check(page, "https://shop.example/coffee", Some("8.99 USD"), None);
}

#[test]
fn prices_for_kinds_of_customers_do_not_overrule_markup() {
    let levels: String = [("Bronze", "3.95", 3), ("Silver", "3.83", 6), ("Gold", "3.71", 9)]
        .iter()
        .map(|(name, price, percent)| format!(r#"<li class="PriceInf"><strong>{name} Price:</strong> <p class="Price">US ${price}</p> {percent}%off</li>"#))
        .collect();
    let page = format!(
        r#"<html lang=en><title>Copper Wire</title><div itemscope itemtype="http://schema.org/Product"><h1 itemprop="name">Copper Wire</h1><div itemprop="offers" itemscope itemtype="http://schema.org/Offer"><meta itemprop="price" content="4.07"><meta itemprop="priceCurrency" content="USD"></div><ul><li class="PriceInf"><strong>Package:</strong> <s>US $4.07</s></li>{levels}</ul><button>Add to cart</button></div>"#
    );
    assert_eq!(prices(&read(&page, "https://shop.example/wire")).0.as_deref(), Some("4.07 USD"));
}

#[test]
fn a_wrong_currency_code_is_settled_by_what_people_see() {
    let page = r#"<html lang=ru><title>Аккумулятор</title><div itemscope itemtype="http://schema.org/Product"><h1 itemprop="name">Аккумулятор</h1><div itemprop="offers" itemscope itemtype="http://schema.org/Offer">Цена: <meta content="UAN" itemprop="priceCurrency"><span content="253" itemprop="price">253.0 грн</span></div><button>Купить</button></div>"#;
    check(page, "https://shop.example.com/battery", Some("253.00 UAH"), None);
}

#[test]
fn words_that_deny_the_sale_decide_where_no_price_is() {
    let page = r#"<html lang=ru><title>Эхолот</title><div class="des"><h1>Эхолот</h1><span>Нет в наличии</span><span class="price">0.00 руб.</span><button>В корзину</button><div>Артикул: HB-788</div></div>"#;
    let found = read(page, "https://shop.example.ru/sonar");
    assert_eq!((found.outcome, prices(&found).0), (Outcome::OutOfStock, None), "{}", found.explanation);
    let page = r#"<html lang=de><title>Alte Lampe</title><div class="product-detail"><h1>Alte Lampe</h1><p>Artikelnummer: AL-1</p><p>Dieses Produkt ist nicht mehr verfügbar.</p></div>"#;
    let found = read(page, "https://laden.example.de/alte-lampe");
    assert_eq!((found.outcome, prices(&found).0), (Outcome::OutOfStock, None), "{}", found.explanation);
}

#[test]
fn codes_are_read_however_they_are_labelled() {
    for (text, code) in [
        ("In Stock - Item #601576", "601576"),
        ("Item #: <span>14013</span>", "14013"),
        ("Ref. LL-8", "LL-8"),
        ("SKU LM-77", "LM-77"),
    ] {
        let page = format!(
            r#"<html lang=en-US><title>Oak Lamp</title><div class="product-info"><h1>Oak Lamp</h1><span class="price">$9.00</span><p>{text}</p><button>Add to cart</button></div>"#
        );
        assert_eq!(read(&page, "https://shop.example/oak-lamp").offer.unwrap().sku.as_deref(), Some(code), "{text}");
    }
    let page = r#"<html lang=en-US><title>Oak Lamp</title><h1>Oak Lamp</h1><script type="application/ld+json">{"@type":"Product","name":"Oak Lamp","sku":"sku:856802","offers":{"price":9,"priceCurrency":"USD"}}</script>"#;
    assert_eq!(read(page, "https://shop.example/oak-lamp").offer.unwrap().sku.as_deref(), Some("856802"));
}

#[test]
fn lists_are_no_products() {
    let items = |product: fn(usize) -> String| (1..7).map(product).collect::<String>();
    let marked = items(|i| {
        format!(
            r#"<div itemscope itemtype="http://schema.org/Product"><a href="/p/{i}"><span itemprop="name">Deck shoe model {i}x</span></a><div itemprop="offers" itemscope itemtype="http://schema.org/Offer"><span itemprop="price">{i}21,00</span><meta itemprop="priceCurrency" content="DKK"></div></div>"#
        )
    });
    let page = format!("<html lang=da><title>Deck shoe sale</title><h1>Deck shoe</h1>{marked}");
    check(&page, "https://butik.example.dk/shoes/deck/", None, None);
    let plain = items(|i| {
        format!(
            r#"<div class="entry"><h3>Brewing kit {i}</h3><span class="price">$40.00</span><button>Add to cart</button></div>"#
        )
    });
    let page = format!("<html lang=en-US><title>Brewing kit</title><h1>Brewing kit</h1>{plain}");
    check(&page, "https://shop.example/brewing-kit", None, None);
}

#[test]
fn numbers_of_neighbouring_elements_are_never_one_price() {
    for (lang, url, body, price, list) in [
        (
            "sv",
            "https://butik.example.se/p",
            "<h1>Lampa</h1><p class=price><del>1 299</del><ins>999 kr</ins></p>",
            "999.00 SEK",
            Some("1299.00 SEK"),
        ),
        (
            "sv",
            "https://butik.example.se/p",
            "<div class=product><h1>Mobil 15</h1><span class=price>999 kr</span></div>",
            "999.00 SEK",
            None,
        ),
        (
            "sv",
            "https://butik.example.se/p",
            "<h1>Lampa</h1><div class=price><div>Antal: 2</div><div>499 kr</div></div>",
            "499.00 SEK",
            None,
        ),
        (
            "de",
            "https://laden.example.de/p",
            "<div class=product-info><h1>Lampe Nord 40</h1><div class=price>142,50 €</div></div>",
            "142.50 EUR",
            None,
        ),
        (
            "cs",
            "https://obchod.example.cz/p",
            "<div class=detail><h1>Sada 12</h1><strong class=price>120 Kč</strong></div>",
            "120.00 CZK",
            None,
        ),
        (
            "ro",
            "https://magazin.example.ro/p",
            "<h1>Lampa</h1><p class=price>1.299<sup>99</sup> Lei</p>",
            "1299.99 RON",
            None,
        ),
        (
            "sv",
            "https://butik.example.se/p",
            "<h1>Lampa</h1><p class=price><span>1</span><span>&nbsp;</span><span>299</span> kr</p>",
            "1299.00 SEK",
            None,
        ),
        (
            "da",
            "https://butik.example.dk/p",
            "<h1>Lampe</h1><p class=price><b>12</b><b>.990</b> kr.</p>",
            "12990.00 DKK",
            None,
        ),
    ] {
        let title = body.split("<h1>").nth(1).unwrap().split('<').next().unwrap();
        let page = format!("<html lang={lang}><title>{title}</title>{body}<button class=add-to-cart>x</button>");
        check(&page, url, Some(price), list);
    }
}

#[test]
fn digits_of_a_title_inside_those_of_a_price_are_not_the_price() {
    let page = "<html lang=pl><title>Zestaw 12</title><div class=detail><h1>Zestaw 12</h1><b>1 129,00 zł</b><button>Do koszyka</button></div>";
    let found = read(page, "https://sklep.example.pl/zestaw");
    assert_eq!(prices(&found).0.as_deref(), Some("1129.00 PLN"));
    assert_eq!(found.offer.unwrap().evidence.unwrap().raw, "1 129,00 zł");
}

#[test]
fn money_that_the_page_names_is_not_the_money_of_its_language() {
    let page = |text: &str| {
        format!(
            "<html lang=en><title>Lamp</title><h1>Lamp</h1><div class=price>{text}</div><button>Add to cart</button>"
        )
    };
    for (text, price) in [
        ("1 370 kr", None),
        ("1 370 Kč", Some("1370.00 CZK")),
        ("137.00 zł", Some("137.00 PLN")),
        ("137.00", Some("137.00 USD")),
    ] {
        check(&page(text), "https://shop.example.com/lamp", price, None);
    }
}
