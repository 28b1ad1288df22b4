//! Small pages on which words, markup and numbers say another thing than they seem to: prices that another buyer pays,
//! costs that come on top, numbers as software writes them.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Extraction, Outcome};

use crate::extract::read;
use crate::shop_page::{self, BUY, KAUFEN, SHOP, json_ld, page, prices};

fn lamp(lang: &str, head: &str, body: &str) -> Extraction {
    read(&page(lang, "Brass Lamp", head, body), SHOP)
}

/// Checks a page of a lamp: what stands behind its heading, the price told and the list price told.
#[track_caller]
fn check(lang: &str, head: &str, body: &str, price: &str, list: &str) {
    shop_page::check(&page(lang, "Brass Lamp", head, body), SHOP, price, list);
}

#[test]
fn a_number_with_a_power_of_ten_is_that_number() {
    for (raw, currency, price) in [
        ("1.25E7", "IDR", "12500000.00 IDR"),
        ("\"1.0E7\"", "VND", "10000000 VND"),
        ("1.2990e3", "EUR", "1299.00 EUR"),
        ("\"1E+2\"", "USD", "100.00 USD"),
        ("2.5e-1", "USD", "0.25 USD"),
    ] {
        let stated = json_ld(&format!(r#"{{"price":{raw},"priceCurrency":"{currency}"}}"#));
        check("en", &stated, BUY, price, "-");
    }
    check("en", "", &format!("<div class=price>€5E3</div>{BUY}"), "-", "-");
}

#[test]
fn markup_whose_sign_is_not_its_currency_is_not_believed() {
    for raw in ["$99.00 USD", "99.00 USD", "99,00 zł"] {
        let stated = json_ld(&format!(r#"{{"price":"{raw}","priceCurrency":"EUR"}}"#));
        assert_eq!(lamp("fr", &stated, BUY).outcome, Outcome::Ambiguous, "{raw}");
        // The page that shows it in that other money says no more than the markup does.
        let shown = format!("<div class=price>{raw}</div>{BUY}");
        assert_eq!(prices(&lamp("fr", &stated, &shown)).0, None, "{raw}");
    }
    let tags =
        "<meta property=product:price:amount content='99.00 USD'><meta property=product:price:currency content=EUR>";
    assert_eq!(prices(&lamp("fr", tags, BUY)).0, None);
    check("fr", &json_ld(r#"{"price":"99.00 €","priceCurrency":"EUR"}"#), BUY, "99.00 EUR", "-");
}

#[test]
fn an_offer_that_few_can_take_is_not_the_price() {
    let plain = r#"{"price":"99","priceCurrency":"GBP"}"#;
    for bound in [
        r#""eligibleQuantity":{"@type":"QuantitativeValue","minValue":10}"#,
        r#""eligibleQuantity":10"#,
        r#""eligibleTransactionVolume":{"price":"500","priceCurrency":"GBP"}"#,
        r#""eligibleCustomerType":"http://purl.org/goodrelations/v1#Reseller""#,
        r#""businessFunction":"http://purl.org/goodrelations/v1#LeaseOut""#,
        r#""billingDuration":"P1M""#,
        r#""priceSpecification":{"price":"9","priceCurrency":"GBP","unitCode":"MON"}"#,
    ] {
        let own = if bound.contains("priceSpecification") { String::new() } else { r#""price":"9","#.to_owned() };
        let other = format!(r#"{{{own}"priceCurrency":"GBP",{bound}}}"#);
        check("en", &json_ld(&format!("[{other},{plain}]")), BUY, "99.00 GBP", "-");
        check("en", &json_ld(&format!("[{plain},{other}]")), BUY, "99.00 GBP", "-");
    }
    // For one piece, and the least that is sold.
    let one = r#"[{"price":"99","priceCurrency":"GBP","eligibleQuantity":{"minValue":1}},{"price":"90","priceCurrency":"GBP","eligibleQuantity":{"minValue":10}}]"#;
    check("en", &json_ld(one), BUY, "99.00 GBP", "-");
    let least = r#"{"price":"90","priceCurrency":"GBP","eligibleQuantity":{"minValue":10}}"#;
    check("en", &json_ld(least), BUY, "90.00 GBP", "-");
}

#[test]
fn a_specification_for_a_month_or_for_many_is_not_the_price() {
    for bound in [r#""billingDuration":"P1M""#, r#""unitCode":"MON""#, r#""eligibleQuantity":{"minValue":25}"#] {
        let stated = json_ld(&format!(
            r#"{{"priceSpecification":[{{"price":"9.00","priceCurrency":"GBP",{bound}}},{{"price":"199","priceCurrency":"GBP"}}]}}"#
        ));
        check("en", &stated, BUY, "199.00 GBP", "-");
    }
    let alone = json_ld(
        r#"{"priceSpecification":{"price":"9.00","priceCurrency":"GBP","billingDuration":24,"unitCode":"MON"}}"#,
    );
    check("en", &alone, BUY, "-", "-");
}

#[test]
fn an_offer_that_may_not_have_begun_leaves_it_to_the_page() {
    let stated = json_ld(
        r#"[{"price":"99","priceCurrency":"GBP"},{"price":"79","priceCurrency":"GBP","validFrom":"2099-01-01"}]"#,
    );
    assert_eq!(lamp("en", &stated, BUY).outcome, Outcome::Ambiguous);
    check("en", &stated, &format!("<div class=price>£99.00</div>{BUY}"), "99.00 GBP", "-");
    let begun = stated.replace(r#"{"price":"99","#, r#"{"validFrom":"2099-01-01","price":"79","#);
    check("en", &begun, BUY, "79.00 GBP", "-");
}

#[test]
fn what_may_be_four_thousand_is_not_rounded_to_five() {
    for (raw, beside) in [("4.999", "5,00 €"), ("1.299", "1,30 €"), ("9.995", "10,00 €")] {
        let stated = json_ld(&format!(r#"{{"price":"{raw}","priceCurrency":"EUR"}}"#));
        let found = lamp("de", &stated, &format!("<p>Express <b>{beside}</b></p>{KAUFEN}"));
        assert_eq!(prices(&found).0, None, "{raw}: {}", found.explanation);
    }
    let fine = json_ld(r#"{"price":"109899.9961","priceCurrency":"EUR"}"#);
    check("de", &fine, &format!("<b>109.900 €</b>{KAUFEN}"), "109900.00 EUR", "-");
}

#[test]
fn what_few_pay_is_no_reduction_for_all() {
    for (lang, words) in [
        ("de", "Mit Code LAMPE10"),
        ("de", "Für Mitglieder"),
        ("de", "Spar-Abo"),
        ("de", "In der App"),
        ("de", "ab 10 Stück"),
        ("de", "Erste Bestellung"),
        ("en", "Autoship"),
        ("en", "Student"),
        ("en", "In the app"),
    ] {
        let pair =
            format!("<div><b>100,00 €</b></div><div><span>{words}</span> <span>-10%</span> <b>90,00 €</b></div>");
        check(lang, "", &format!("{pair}{KAUFEN}"), "100.00 EUR", "-");
        let stated = json_ld(r#"{"price":"100.00","priceCurrency":"EUR"}"#);
        check(lang, &stated, &format!("{pair}{KAUFEN}"), "100.00 EUR", "-");
    }
    let plain =
        format!("<div><b>100,00 €</b></div><div><span>Angebot</span> <span>-10%</span> <b>90,00 €</b></div>{KAUFEN}");
    check("de", "", &plain, "90.00 EUR", "100.00 EUR");
}

#[test]
fn several_percentages_of_one_price_are_a_ladder() {
    let rung = |count: &str, percent: &str, cost: &str| format!("<tr><td>{count}<td>-{percent}%<td>{cost} €");
    let ladder = [rung("ab 10", "10", "11,61"), rung("ab 100", "20", "10,32")].concat();
    let body = format!("<div><b>12,90 €</b></div><table>{ladder}</table>{KAUFEN}");
    check("de", "", &body, "12.90 EUR", "-");
}

#[test]
fn a_stated_price_under_the_sign_of_another_money_is_not_confirmed() {
    for (currency, lang, shown) in [("USD", "en", "£49.00"), ("EUR", "en", "49,00 kr")] {
        let stated = json_ld(&format!(r#"{{"price":"49.00","priceCurrency":"{currency}"}}"#));
        let found = lamp(lang, &stated, &format!("<div class=price>{shown}</div>{BUY}"));
        assert_eq!(found.outcome, Outcome::Ambiguous, "{shown}: {}", found.explanation);
    }
    let dollars = json_ld(r#"{"price":"49.00","priceCurrency":"USD"}"#);
    check("en", &dollars, &format!("<div class=price>$49.00</div>{BUY}"), "49.00 USD", "-");
}

#[test]
fn shipping_told_behind_a_price_leaves_it_the_price() {
    for (lang, words) in [
        ("de", "zzgl. Versand"),
        ("de", "zzgl. Versandkosten"),
        ("de", "Versand gratis"),
        ("de", "kostenloser Versand"),
        ("de", "inkl. MwSt., kostenloser Versand"),
        ("de", "zzgl. Pfand"),
        ("de", "+ Versand"),
        ("en", "free shipping"),
        ("en", "& free delivery"),
        ("en", "delivery included"),
        ("en", "shipping extra"),
        ("sv", "fri frakt"),
        ("da", "fri fragt"),
        ("fr", "livraison gratuite"),
        ("fr", "livraison en sus"),
        ("nl", "gratis verzending"),
        ("pl", "darmowa dostawa"),
        ("it", "spedizione gratuita"),
        ("es", "envío gratis"),
        ("es", "gastos de envío incluidos"),
        ("ru", "бесплатная доставка"),
        ("ja", "送料無料"),
    ] {
        for body in [
            format!("<div class=price>99,00 € {words}</div>"),
            format!("<div><b class=price>99,00 €</b> <span>{words}</span></div>"),
        ] {
            check(lang, "", &format!("{body}{KAUFEN}"), "99.00 EUR", "-");
        }
    }
    for fee in [
        "4,99 € Versand",
        "4,99 € Pfand",
        "Kostenloser Versand ab 49,00 €",
        "50 € für kostenlosen Versand",
        "50€+ gratis Versand",
    ] {
        check("de", "", &format!("<div class=price>{fee}</div>{KAUFEN}"), "-", "-");
    }
}

#[test]
fn of_a_ladder_from_ten_on_no_rung_is_the_price() {
    let row = |count: &str, cost: &str| format!("<tr><td>{count}</td><td>{cost} €</td></tr>");
    let rows = [row("ab 10", "11,90"), row("ab 50", "10,90"), row("ab 1000", "9,90")].concat();
    check("de", "", &format!("<table>{rows}</table>{KAUFEN}"), "-", "-");
    check("de", "", &format!("<table>{}{rows}</table>{KAUFEN}", row("1", "12,90")), "12.90 EUR", "-");
    for count in ["ab 100", "25+"] {
        check("de", "", &format!("<div><i>{count}</i> <b>11,90 €</b></div>{KAUFEN}"), "-", "-");
    }
    // A year, an age.
    for other in ["ab 2026", "18+"] {
        check("de", "", &format!("<div><i>{other}</i> <b>11,90 €</b></div>{KAUFEN}"), "11.90 EUR", "-");
    }
}

#[test]
fn what_consumers_pay_is_no_earlier_price_of_what_traders_pay() {
    for (lang, retail, trade, button) in [
        ("ru", "Розничная цена", "Оптовая цена", "В корзину"),
        ("uk", "Роздрібна ціна", "Оптова ціна", "До кошика"),
        ("pl", "Cena detaliczna", "Cena hurtowa", "Do koszyka"),
        ("el", "Λιανική τιμή", "Χονδρική τιμή", "Στο καλάθι"),
        ("et", "Jaehind", "Hulgihind", "Lisa korvi"),
        ("en", "Retail price", "Trade price", "Add to cart"),
        ("es", "P.V.P.", "Precio mayorista", "Añadir al carrito"),
        ("fr", "Prix public", "Prix pro", "Ajouter au panier"),
        ("de", "Ladenpreis", "Händlerpreis", "In den Warenkorb"),
        ("hu", "Kiskereskedelmi ár", "Nagykereskedelmi ár", "Kosárba"),
    ] {
        let row = |label: &str, cost: &str| format!("<div>{label} <b>{cost} €</b></div>");
        let button = format!("<button>{button}</button>");
        let both = [row(retail, "99,00"), row(trade, "79,00")].concat();
        check(lang, "", &format!("{both}{button}"), "99.00 EUR", "-");
        check(lang, "", &format!("{}{button}", row(retail, "99,00")), "99.00 EUR", "-");
        let sale = format!("{}<div><b>79,00 €</b></div>", row(retail, "99,00"));
        check(lang, "", &format!("{sale}{button}"), "79.00 EUR", "99.00 EUR");
    }
}

#[test]
fn a_price_without_tax_does_not_overrule_the_stated_one_with_it() {
    for (lang, words, with, money) in [
        ("en-GB", "ex VAT", "120.00", "GBP"),
        ("de", "ohne MwSt.", "119.00", "EUR"),
        ("da", "ekskl. moms", "125.00", "DKK"),
    ] {
        let stated = json_ld(&format!(r#"{{"price":"{with}","priceCurrency":"{money}"}}"#));
        for body in [
            format!("<div class=price>100,00 {money} {words}</div>{BUY}"),
            format!("<div><b>100,00 {money}</b> <small>{words}</small></div>{BUY}"),
        ] {
            check(lang, &stated, &body, &format!("{with} {money}"), "-");
        }
    }
}

#[test]
fn a_count_of_pieces_is_no_price() {
    for count in ["ab 3 Stück", "ab 3", "3 Stück", "3er Pack", "1 - 14"] {
        let found = lamp("de", "", &format!("<div><b>99,00 €</b></div><div class=price>{count}</div>{KAUFEN}"));
        assert_eq!(prices(&found).0.as_deref(), Some("99.00 EUR"), "{count}: {}", found.explanation);
    }
}

#[test]
fn a_thing_whose_name_speaks_of_results_is_for_sale() {
    let serum =
        |title: &str| prices(&read(&page("en-GB", title, "", &format!("<div class=price>£19.00</div>{BUY}")), SHOP)).0;
    assert_eq!(serum("Quick Results for Hair Serum 50 ml").as_deref(), Some("19.00 GBP"));
    for title in ["Results for lamps", "12 search results for lamps", "Showing all results for lamps"] {
        assert_eq!(serum(title), None, "{title}");
    }
}

#[test]
fn a_size_in_brackets_is_part_of_the_name() {
    for (name, told) in [
        ("Hair Shampoo [500ml]", "Hair Shampoo [500ml]"),
        ("Hair Shampoo [2-pack]", "Hair Shampoo [2-pack]"),
        ("Hair Shampoo [HS-4711]", "Hair Shampoo"),
    ] {
        let head = json_ld(r#"{"price":"19.00","priceCurrency":"GBP"}"#).replace("Brass Lamp", name);
        let page = format!(
            "<html lang=en-GB><title>Hair Shampoo | Shop</title>{head}<h1>{name}</h1><div class=price>£19.00</div>{BUY}"
        );
        let title = read(&page, SHOP).offer.unwrap().title;
        assert_eq!(title.as_deref(), Some(told));
    }
}

#[test]
fn kronor_and_ore_with_a_colon_are_one_amount_among_words() {
    check("sv", "", "<div class=price>Ca: 89:90 kr/st</div><button>Köp</button>", "89.90 SEK", "-");
}
