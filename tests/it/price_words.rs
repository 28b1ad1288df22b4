//! Which of several numbers of one text is the price, and when a word beside a number names no money.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::price::{self, Context, PriceKind, Refusal, Role};
use omniprice::money::Currency;

use crate::shop_page::context;

fn money(text: &str, locale: &str) -> Option<String> {
    price::money(text, &context(locale)).ok().map(|m| m.to_string())
}

#[test]
fn the_price_is_told_and_not_the_one_before_it() {
    for (text, locale, wanted) in [
        ("Ord. pris 9 999 kr Nu 1 299 kr", "sv-SE", "1299.00 SEK"),
        ("statt 79,99 € nur 49,99 €", "de-DE", "49.99 EUR"),
        ("De R$ 199,90 por R$ 149,90", "pt-BR", "149.90 BRL"),
        ("Du sparer 100 kr. Nu 399 kr.", "da-DK", "399.00 DKK"),
        ("-20% 79,99 € 99,99 €", "de-DE", "79.99 EUR"),
        ("30% 27,930원 39,900원", "ko-KR", "27930 KRW"),
        ("205/55 R16 91V 1 149,00 kr", "sv-SE", "1149.00 SEK"),
        ("0,75 L – 89,00 kr", "da-DK", "89.00 DKK"),
        ("5 499 00 zł", "pl-PL", "5499.00 PLN"),
    ] {
        assert_eq!(money(text, locale).as_deref(), Some(wanted), "{text}");
    }
    // What one saves on orders of an amount is not followed by the price.
    let saving = price::read("Spar 100 kr. ved køb over 499 kr.", &context("da-DK")).unwrap();
    assert_eq!(saving.role, Role::Saving);
    assert_eq!(price::read("$100 deposit", &context("en-US")).unwrap().role, Role::Deposit);
    assert_eq!(price::read("£2.50 Clubcard Price", &context("en-GB")).unwrap().role, Role::Member);
    assert_eq!(price::read("199,00 € dont 0,50 € d'éco-participation", &context("fr-FR")).unwrap().role, Role::Price);
}

#[test]
fn names_sizes_and_words_of_others_are_no_money() {
    for (text, locale, wanted) in [
        ("iPhone 15 € 799,00", "nl-NL", Some("799.00 EUR")),
        ("Nova 3 CHF 79.–", "de-CH", Some("79.00 CHF")),
        ("PlayStation 5 kr 5.499,-", "nb-NO", Some("5499.00 NOK")),
        ("ab 12 € 9,90 €", "de-DE", Some("12.00 EUR")),
        ("Van € 19,99 voor € 14,99", "nl-NL", Some("14.99 EUR")),
        ("£12·99", "en-GB", Some("12.99 GBP")),
        ("Rp129rb", "id-ID", Some("129000.00 IDR")),
        ("Rp 1,5 juta", "id-ID", Some("1500000.00 IDR")),
        ("E27", "de-DE", None),
        ("TOP 10", "en-GB", None),
        ("ALL 4 wheels", "en-GB", None),
        ("1 299 ALL", "sq-AL", Some("1299.00 ALL")),
        ("25 øre", "da-DK", Some("0.25 DKK")),
        ("7,95 Eur", "lt-LT", Some("7.95 EUR")),
        ("Levi's 501 Original", "en-GB", None),
        ("R 1,370.00", "en-ZA", Some("1370.00 ZAR")),
    ] {
        assert_eq!(money(text, locale).as_deref(), wanted, "{text}");
    }
}

#[test]
fn the_first_number_of_a_range_has_the_money_of_the_second() {
    for (text, locale, low, high) in [
        ("1 299 – 1 899 kr", "sv-SE", "1299", "1899"),
        ("100-200 kr", "da-DK", "100", "200"),
        ("zwischen 20 und 30 €", "de-DE", "20", "30"),
        ("от 1 200 до 3 400 ₽", "ru-RU", "1200", "3400"),
    ] {
        let found = price::read(text, &context(locale)).unwrap();
        let ends = (found.amount.to_string(), found.high.map(|h| h.to_string()));
        assert_eq!((found.kind, ends), (PriceKind::Range, (low.to_owned(), Some(high.to_owned()))), "{text}");
    }
    assert_eq!(money("Sofa 3 - 4 999 kr", "sv-SE").as_deref(), Some("4999.00 SEK"), "a count opens no range");
}

#[test]
fn markup_in_a_text_is_resolved() {
    for (text, locale, wanted) in [
        ("$1<sup>00</sup>", "en-US", "1.00 USD"),
        ("$1<sup>99</sup>", "en-US", "1.99 USD"),
        ("<b>12</b><sup>90</sup> kr", "da-DK", "12.90 DKK"),
        ("<del>1 299</del> <ins>999 kr</ins>", "sv-SE", "999.00 SEK"),
        ("&#8364; 12,99", "nl-NL", "12.99 EUR"),
        ("1&nbsp;299,00&nbsp;€", "fi-FI", "1299.00 EUR"),
    ] {
        assert_eq!(money(text, locale).as_deref(), Some(wanted), "{text}");
    }
}

#[test]
fn a_dash_is_a_sign_only_where_nothing_else_can_stand() {
    for (text, locale, wanted) in [
        ("Preis - 12,50 €", "de-DE", "12.50 EUR"),
        ("Sofa - 4 999 kr", "sv-SE", "4999.00 SEK"),
        ("החל מ- 89 ₪", "he-IL", "89.00 ILS"),
        ("-,79 €", "de-DE", "0.79 EUR"),
        ("–12,50 €", "de-DE", "-12.50 EUR"),
        ("‑5,00 €", "fi-FI", "-5.00 EUR"),
        ("⁻5,00 €", "fi-FI", "-5.00 EUR"),
        ("EUR -12,50", "de-DE", "-12.50 EUR"),
        ("Rabatt: -50 kr", "sv-SE", "-50.00 SEK"),
        ("-$0.75", "en-US", "-0.75 USD"),
    ] {
        assert_eq!(money(text, locale).as_deref(), Some(wanted), "{text}");
    }
}

#[test]
fn cents_with_a_name_of_their_own_belong_to_the_amount() {
    for (text, locale, wanted) in [
        ("5 dollars 25 cents", "en-US", "5.25 USD"),
        ("12 Euro 50 Cent", "de-DE", "12.50 EUR"),
        ("12 kr 50 øre", "da-DK", "12.50 DKK"),
        ("19 zł 99 gr", "pl-PL", "19.99 PLN"),
        ("199 руб. 90 коп.", "ru-RU", "199.90 RUB"),
    ] {
        assert_eq!(money(text, locale).as_deref(), Some(wanted), "{text}");
    }
    assert_eq!(money("5 EUR 10 EUR", "en-US").as_deref(), Some("5.00 EUR"), "two amounts are no compound");
}

#[test]
fn of_two_names_of_money_the_one_that_cannot_be_misread_counts() {
    for (text, locale, wanted) in [
        ("\\890원", "ko-KR", "890 KRW"),
        ("P249.00", "fil-PH", "249.00 PHP"),
        ("P249.00", "en-BW", "249.00 BWP"),
        ("7.00ポーランド ズウォティ", "ja-JP", "7.00 PLN"),
        ("R16", "en-ZA", "16.00 ZAR"),
    ] {
        assert_eq!(money(text, locale).as_deref(), Some(wanted), "{text}");
    }
}

#[test]
fn counts_are_no_money_although_the_money_is_known() {
    let dollars = |locale| Context { currency: Some(Currency::USD), ..context(locale) };
    for (text, locale) in [
        ("1-3 Werktage", "de-DE"),
        ("4,7 (312)", "da-DK"),
        ("4.5/5", "en-US"),
        ("24 h delivery", "en-GB"),
        ("99+ på lager", "da-DK"),
        ("Bonus points: 250", "en-US"),
        ("Арт. 884512", "ru-RU"),
        ("3D", "en"),
        ("3 for 2", "en-GB"),
        ("+45 70 20 30 40", "da-DK"),
    ] {
        assert_eq!(price::read(text, &dollars(locale)).err(), Some(Refusal::NoPrice), "{text}");
    }
    for (text, locale, amount) in [("36x99:-", "sv-SE", "99"), ("3 för 100:-", "sv-SE", "100")] {
        assert_eq!(price::read(text, &dollars(locale)).unwrap().amount.to_string(), amount, "{text}");
    }
}

#[test]
fn a_name_of_money_that_is_doubted_leaves_no_other_money() {
    let strict = Context { strict: true, ..context("en-US") };
    let told = |text: &str| price::money(text, &Context { currency: Some(Currency::USD), ..strict });
    for (text, wanted) in [("137.00 zł", "137.00 PLN"), ("1 370 Kč", "1370.00 CZK"), ("S/ 137.00", "137.00 PEN")] {
        assert_eq!(told(text).unwrap().to_string(), wanted, "{text}");
    }
    for text in ["1 370 kr", "137.00 lei", "size 12 km away", "5 L"] {
        assert!(told(text).is_err(), "{text}");
    }
    assert_eq!(told("137.00").unwrap().to_string(), "137.00 USD");
}

#[test]
fn three_decimals_of_software_are_groups_where_points_group() {
    let euro = |locale| Context { currency: Some(Currency::EUR), ..context(locale) };
    assert!(matches!(price::machine("1.290", &euro("de-DE")), Err(Refusal::Ambiguous(..))));
    assert_eq!(price::machine("1.290", &euro("en-IE")).unwrap().amount.to_string(), "1.290");
    assert_eq!(price::machine("0.290", &euro("de-DE")).unwrap().amount.to_string(), "0.290");
}
