//! Texts of shops as they are copied: list words, struck pairs, models, counts, savings, signs of one country.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::price::{self, Context, Refusal, Role};
use omniprice::money::{Decimal, currency};

use crate::extract::read;
use crate::shop_page::{self, context};

/// A text, its locale, the currency of the site, and the amount and the currency that are read from it.
type Row = (&'static str, &'static str, Option<&'static str>, &'static str, Option<&'static str>);

fn in_context<'a>(locale: &str, hint: Option<&str>) -> Context<'a> {
    Context { currency: hint.map(|code| currency(code).unwrap()), ..context(locale) }
}

fn amounts_are_read(rows: &[Row]) {
    for (text, locale, hint, amount, money) in rows {
        let found = price::stated(text, &in_context(locale, *hint));
        let found = found.unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        assert_eq!(found.amount, amount.parse::<Decimal>().unwrap(), "{text}");
        assert_eq!(found.currency.map(|c| c.code()), *money, "{text}");
    }
}

fn refused(text: &str, locale: &str) -> Option<Refusal> {
    price::stated(text, &context(locale)).err()
}

fn either(one: &str, other: &str) -> Option<Refusal> {
    Some(Refusal::Ambiguous(one.parse().unwrap(), other.parse().unwrap()))
}

#[test]
fn behind_a_word_for_the_price_before_stands_the_price() {
    amounts_are_read(&[
        ("Listenpreis 119,00 € Ihr Preis 89,00 €", "de-DE", None, "89", Some("EUR")),
        ("Cena okładkowa: 49,99 zł 29,99 zł", "pl-PL", None, "29.99", Some("PLN")),
        ("Pôvodne 34,90 € 24,90 €", "sk-SK", None, "24.90", Some("EUR")),
        ("Původně 990 Kč 790 Kč", "cs-CZ", None, "790", Some("CZK")),
        ("Regular Price: $399.99 Instant Savings: $50.00 $349.99", "en-CA", None, "349.99", Some("CAD")),
        ("U.P. S$899.00 S$699.00", "en-SG", None, "699", Some("SGD")),
        ("市售價 NT$26,900 NT$16,900", "zh-TW", None, "16900", Some("TWD")),
        ("Ticket: $1,299.00 $999.00", "en-AU", None, "999", Some("AUD")),
        // Alone it is what a ticket costs.
        ("Ticket $25.00", "en-AU", None, "25", Some("AUD")),
        ("Spar 20 € 79,99 €", "de-DE", None, "79.99", Some("EUR")),
        ("Medlemspris 299 kr Ordinær pris 349 kr", "nb-NO", None, "349", Some("NOK")),
    ]);
    assert_eq!(price::read("Ticket $25.00", &context("en-AU")).unwrap().role, Role::Price);
    // What is saved behind the list price is no price when nothing follows it.
    let list = price::read("Regular Price: $399.99 Savings: $50.00", &context("en-CA")).unwrap();
    assert_eq!((list.amount, list.role), (Decimal::new(39999, 2), Role::List));
}

#[test]
fn two_amounts_without_a_word_are_both_kept() {
    for (text, locale, second, first) in [
        ("13,49 zł 9,99 zł", "pl-PL", "9.99", "13.49"),
        ("Rp300.000 Rp189.000", "id-ID", "189000", "300000"),
        ("R$89,90 R$69,90", "pt-BR", "69.90", "89.90"),
        ("29 990 Ft 24 990 Ft", "hu-HU", "24990", "29990"),
        ("159,000원 129,000원", "ko-KR", "129000", "159000"),
        ("Preis 149,99 € 79,99 €", "de-DE", "79.99", "149.99"),
    ] {
        assert_eq!(refused(text, locale), either(second, first), "{text}");
    }
    amounts_are_read(&[
        // A percentage, a word, the tax or the size of the second one says which of them is the price.
        ("€ 499,00 € 379,90 -24%", "it-IT", None, "379.90", Some("EUR")),
        ("30% 39,900원 27,930원", "ko-KR", None, "27930", Some("KRW")),
        ("Sale price £20.00 £15.00", "en-GB", None, "20", Some("GBP")),
        ("£12.00 £10.00 ex VAT", "en-GB", None, "12", Some("GBP")),
        ("£104.00 £98.80 Motoring Club Premium", "en-GB", None, "104", Some("GBP")),
        ("499 € 4,90 €", "de-DE", None, "499", Some("EUR")),
        ("79,99 € 99,99 €", "de-DE", None, "79.99", Some("EUR")),
        ("249,00 € 19,80 €/kg", "de-DE", None, "249", Some("EUR")),
    ]);
    // The pages' reader is told that the first of them has a rival.
    assert!(price::read_two("13,49 zł 9,99 zł", &context("pl-PL")).unwrap().0.rivalled);
}

#[test]
fn a_struck_pair_in_one_text_of_a_page_is_no_price() {
    let page = |price: &str| {
        let body = [
            "<html lang=\"de\"><title>Kaffeemaschine Bella</title><body><h1>Kaffeemaschine Bella</h1>\
             <div class=\"product\"><div class=\"price\">",
            price,
            "</div><button>In den Warenkorb</button></div></body></html>",
        ]
        .concat();
        shop_page::price(&read(&body, "https://www.shop.de/p/bella"))
    };
    assert_eq!(page("129,99 €").as_deref(), Some("129.99 EUR"));
    assert_eq!(page("149,99 € 129,99 €"), None);
}

#[test]
fn the_number_of_a_model_is_no_part_of_the_price() {
    amounts_are_read(&[
        ("iPhone 15 799 €", "de-DE", None, "799", Some("EUR")),
        ("Windows 11 139,00 €", "de-DE", None, "139", Some("EUR")),
        ("iPad 10 1 299,00 €", "de-DE", None, "1299", Some("EUR")),
        ("Preis 15 799 €", "de-DE", None, "15799", Some("EUR")),
        ("Aktionspreis 15 799 €", "de-DE", None, "15799", Some("EUR")),
        ("iPhone 15\u{a0}799 €", "de-DE", None, "15799", Some("EUR")),
        ("Modell 15\u{a0}799 kr", "sv-SE", None, "15799", Some("SEK")),
        ("Pris 15 799 kr", "sv-SE", None, "15799", Some("SEK")),
        ("cena 12 990 Kč", "cs-CZ", None, "12990", Some("CZK")),
        ("205/55 R16 91V 1 149,00 kr", "sv-SE", None, "1149", Some("SEK")),
    ]);
    for (text, locale, rest, whole) in [
        ("iPhone 15 799 kr", "sv-SE", "799", "15799"),
        ("Windows 11 139,00 zł", "pl-PL", "139.00", "11139.00"),
        ("Windows 11 139,00 €", "fr-FR", "139.00", "11139.00"),
        ("Model 12 990 Kč", "cs-CZ", "990", "12990"),
    ] {
        assert_eq!(refused(text, locale), either(rest, whole), "{text}");
    }
}

#[test]
fn a_text_that_states_only_a_saving_or_a_threshold_is_no_price() {
    for (text, locale) in [
        ("Save £20", "en-GB"),
        ("Spar 1.500 kr.", "da-DK"),
        ("Sie sparen 30,99 €", "de-DE"),
        ("Oszczędzasz 50 zł", "pl-PL"),
        ("You Save: ₹500 (20%)", "en-IN"),
        ("Economize R$ 50,00", "pt-BR"),
    ] {
        assert_eq!(refused(text, locale), Some(Refusal::Saving), "{text}");
    }
    for (text, locale) in [
        ("Free delivery over £40", "en-GB"),
        ("Versandkostenfrei ab 29 €", "de-DE"),
        ("Livraison gratuite dès 35€", "fr-FR"),
        ("Frete grátis acima de R$ 199", "pt-BR"),
        ("Бесплатная доставка от 3 000 ₽", "ru-RU"),
    ] {
        assert_eq!(refused(text, locale), Some(Refusal::Threshold), "{text}");
    }
    assert_eq!(refused("3,465ポイント（10%サービス）", "ja-JP"), Some(Refusal::NoPrice));
    amounts_are_read(&[
        ("£12.99 free delivery", "en-GB", None, "12.99", Some("GBP")),
        ("£12.99 Free delivery over £40", "en-GB", None, "12.99", Some("GBP")),
        ("zzgl. 4,95 € Versand", "de-DE", None, "4.95", Some("EUR")),
        ("over $35", "en-US", None, "35", Some("USD")),
    ]);
}

#[test]
fn names_of_money_are_read_where_people_pay_with_it() {
    amounts_are_read(&[
        ("2 495 kr Finns i lager", "sv-SE", None, "2495", Some("SEK")),
        ("2 495 kronor Finns i lager", "sv-SE", None, "2495", Some("SEK")),
        ("25,000 Ks", "my-MM", None, "25000", Some("MMK")),
        ("125 Kč 1 Ks", "cs-CZ", None, "125", Some("CZK")),
        ("N685,000", "en-NG", None, "685000", Some("NGN")),
        ("129,00 Ls", "lv-LV", None, "129", None),
        ("129,00 Ls", "ar-SY", None, "129", Some("SYP")),
        ("F$12.90", "en-FJ", None, "12.90", Some("FJD")),
        ("2,500 Lekë", "sq-AL", None, "2500", Some("ALL")),
        ("25,000 դր.", "hy-AM", None, "25000", Some("AMD")),
        ("£89 .99", "en-GB", None, "89.99", Some("GBP")),
        ("7 ,49 €", "fr-FR", None, "7.49", Some("EUR")),
    ]);
    assert!(price::money("N685", &context("en-GB")).is_err());
    assert_eq!(price::read("100 mk", &context("fi-FI")).unwrap().currency, None);
    let former = price::read("100 Finnmark", &context("de-DE")).unwrap();
    assert_eq!((former.currency, former.mark.unwrap().as_written().to_owned()), (None, "FIM".to_owned()));
    // From an amount on, with the word that joins it to its money.
    let from = price::read("a partir de R$ 19,90", &context("pt-BR")).unwrap();
    assert_eq!(from.kind, price::PriceKind::From);
    assert_eq!(price::read("3x de R$ 49,97", &context("pt-BR")).unwrap().kind, price::PriceKind::Instalment);
}

#[test]
fn cents_and_counts_are_told_apart() {
    amounts_are_read(&[
        ("100 ct $12.99", "en-US", None, "12.99", Some("USD")),
        ("$12.99 30 ct", "en-US", None, "12.99", Some("USD")),
        ("5 € 50 ct", "de-DE", None, "5.50", Some("EUR")),
        ("75c", "en-AU", None, "0.75", Some("AUD")),
        ("75c", "en", Some("AUD"), "0.75", Some("AUD")),
        ("39 Cent", "de-DE", None, "0.39", Some("EUR")),
        ("49:50", "sv-SE", Some("SEK"), "49.50", Some("SEK")),
        ("19:50 kr", "sv-SE", None, "19.50", Some("SEK")),
        ("89:90/kg", "sv-SE", Some("SEK"), "89.90", Some("SEK")),
    ]);
    // A time of the day, and a count of a place that has cents.
    assert_eq!(price::read("12:30", &in_context("sv-SE", Some("SEK"))), Err(Refusal::NoPrice));
    assert_eq!(price::read("49:50", &in_context("de-DE", Some("EUR"))), Err(Refusal::NoPrice));
    assert_eq!(price::read("100 ct", &context("en-US")).unwrap().currency, None);
    assert_eq!(price::read("34 cents", &context("en")).unwrap().currency, None);
}
