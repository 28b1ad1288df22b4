//! Small pages of what an attack on the visible heuristics found: numbers that swallow the price, labels that were
//! dropped, money guessed from words that nobody sees, amounts of other products.

use omniprice::extract::Outcome;

use crate::extract::read;
use crate::shop_page::{self, BUY, page, prices};

const URL: &str = "https://www.shop.com/p/brass-lamp";

#[track_caller]
fn check_in(lang: &str, body: &str, price: &str, list: &str) {
    shop_page::check(&page(lang, "Brass Lamp", "", body), URL, price, list);
}

#[track_caller]
fn check(body: &str, price: &str, list: &str) {
    check_in("en", body, price, list);
}

#[test]
fn a_number_with_digits_of_the_price_swallows_it_from_neither_side() {
    let beside = [
        "<div class=rating><span>4.5</span></div>",
        "<div class=rating>4.5 out of 5</div>",
        "<a href=#r>(45)</a>",
        "<span>45 sold</span>",
        "<p>SKU: <b>45</b></p>",
        "<p>Weight: <b>4.5</b> kg</p>",
        "<p>45 x 60 cm</p>",
        "<span>450</span>",
        "<label>45</label>",
        "<ul><li>45</li><li>46</li></ul>",
    ];
    for number in beside {
        for (price, list) in [
            ("<span class=price>$45.00</span>", "-"),
            ("<span class=price>$45<sup>00</sup></span>", "-"),
            ("<s>$59.00</s> <span class=price>$45.00</span>", "59.00 USD"),
        ] {
            let product = |text: String| format!("<div class=product-info>{text}{BUY}</div>");
            check(&product(format!("{number}<div class=price-box>{price}</div>")), "45.00 USD", list);
            check(&product(format!("<div class=price-box>{price}</div>{number}")), "45.00 USD", list);
        }
    }
}

#[test]
fn split_prices_are_still_put_together() {
    for price in ["$<b>45</b><sup>00</sup>", "<i>$</i><b>45</b>.<i>00</i>", "<b>45</b><sup>00</sup> <i>USD</i>"] {
        check(&format!("<div class=price>{price}</div>{BUY}"), "45.00 USD", "-");
        let with_copy = format!("<div class=price>{price} <span hidden>$45.00</span></div>{BUY}");
        check(&with_copy, "45.00 USD", "-");
    }
}

#[test]
fn what_stands_behind_an_amount_says_per_what_it_is() {
    let rest = "<div>299,00 €</div><button>In den Warenkorb</button>";
    for per in ["/ Monat", "/kg", "pro 100 ml", "/ 100 g", "je Liter", "/ m²"] {
        check_in("de", &format!("<div class=price><b>12,90 €</b> {per}</div>{rest}"), "299.00 EUR", "-");
    }
    check_in("de", &format!("<div>ab <b>12,90 €</b> / Monat</div>{rest}"), "299.00 EUR", "-");
    let pack = "<div class=price><b>12,90 €</b> / m²</div><p>Paketpreis (2,5 m²): <b>32,25 €</b></p>";
    check_in("de", &format!("{pack}<button>In den Warenkorb</button>"), "32.25 EUR", "-");
}

#[test]
fn words_that_lead_on_to_an_amount_are_about_it() {
    for (lang, words) in [
        ("en", "<span>Free delivery from</span> <b>€49.00</b>"),
        ("de", "<span>Kostenlose Lieferung ab</span><span>49,00 €</span>"),
        ("de", "<a href=/v>Gratis Versand ab</a> <b>49,00 €</b>"),
        ("de", "<a href=/v>Versandkosten</a> <b>4,99 €</b>"),
        ("de", "<a href=/m>Mitgliederpreis</a> <b>49,00 €</b>"),
    ] {
        check_in(lang, &format!("<div>{words}</div>{BUY}"), "-", "-");
    }
    let list = "<div><b>99,00 €</b></div><div><a href=/uvp>UVP</a> <b>129,00 €</b></div>";
    check_in("de", &format!("{list}<button>In den Warenkorb</button>"), "99.00 EUR", "129.00 EUR");
    // A link of its own is none.
    check(&format!("<a href=/delivery>Delivery</a><div class=price>$22.00</div>{BUY}"), "22.00 USD", "-");
    check(&format!("<p><b>$99.00</b></p><p><i>Friends & Family price</i> <b>$89.00</b></p>{BUY}"), "99.00 USD", "-");
}

#[test]
fn a_page_s_language_is_what_it_shows() {
    let told = |title: &str, body: &str| {
        let page = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1>{body}");
        let found = read(&page, URL);
        (prices(&found).0, found.explanation)
    };
    for (title, body) in [
        (
            "Lámpara",
            "<p class=price>$1,499.00</p><button>Agregar al carrito</button><script>t={add:'Add to cart'}</script>",
        ),
        (
            "Lámpara",
            "<p class=price>$1,499.00</p><button>Comprar</button><!-- the end of the list and of your cart -->",
        ),
        ("檯燈", "<p class=price>$1,499</p><button>加入購物車</button>"),
        (
            "Desk lamp",
            "<select><option selected>CAD $<option>USD $</select><p class=price>$49.00</p><button>Add to cart</button>",
        ),
        ("Desk lamp", "<p class=price>$49.00</p><button>Add to cart</button><p>Prices in Canadian dollars</p>"),
    ] {
        let (price, why) = told(title, body);
        assert_eq!(price, None, "{body}\n{why}");
    }
    for (body, price) in [
        ("<p class=price>$49.00</p><input type=submit value='Add to cart'>", "49.00 USD"),
        ("<ul><li>US Dollar<li>Canadian Dollar</ul><p class=price>$49.00</p><button>Add to cart</button>", "49.00 USD"),
        ("<p class=price>249 kr</p><button>LÄGG I VARUKORG</button>", "249.00 SEK"),
    ] {
        let (told, why) = told("Desk lamp", body);
        assert_eq!(told.as_deref(), Some(price), "{body}\n{why}");
    }
}

#[test]
fn a_code_beside_an_amount_settles_its_sign() {
    for (body, price) in [
        ("<div>Price (CAD): <b>$49.00</b></div>", "49.00 CAD"),
        ("<p><span>AUD</span> <span>$49.00</span></p>", "49.00 AUD"),
        ("<div class=price>$49.00</div><div>CAD</div>", "49.00 CAD"),
        (
            "<table><tr><th>Size</th><th>Price (AUD)</th></tr><tr><td>Large</td><td>$49.00</td></tr></table>",
            "49.00 AUD",
        ),
        ("<div>NZ$ <b>$49.00</b></div>", "49.00 NZD"),
        ("<div><a href=?c=CAD>CAD</a> <b>$49.00</b></div>", "49.00 USD"),
        ("<h2>Lamp for CAD</h2><b>$49.00</b>", "49.00 USD"),
        ("<div>TOP <b>$49.00</b></div>", "49.00 USD"),
    ] {
        check(&format!("{body}{BUY}"), price, "-");
    }
}

#[test]
fn the_only_amount_is_not_the_price_where_its_box_leads_to_another_page() {
    let tile = "<img src=x><span>Copper Torch</span></a><span class=price>£599.00</span>";
    for (heading, body) in [
        ("Sorry, this product is gone", format!("<p>You may like</p><div><a href=/p/2>{tile}</div>")),
        ("Desk lamps", format!("<p>1 product</p><ul><li><a href=/p/2>{tile}</li></ul>")),
    ] {
        let page = format!("<html lang=en><title>{heading}</title><body><h1>{heading}</h1>{body}");
        let found = read(&page, URL);
        assert_eq!(prices(&found).0, None, "{body}\n{}", found.explanation);
        assert_ne!(found.outcome, Outcome::Product);
    }
    // Its own price needs no names as before, and a box that holds the heading is the product's.
    check("<p>Part number: AV-12</p><div>$207.57</div>", "207.57 USD", "-");
    let card = "<html lang=en><title>Boots | Shop</title><body><section class=product-card><h1>Boots</h1><p class=price>$69.95</p><a href=/sizes>Size guide</a></section><footer><p>1<p>2<p>3<p>4<p>5<p>6<p>7<p>8<p>9<p>a<p>b<p>c</footer>";
    let found = read(card, URL);
    assert_eq!(prices(&found).0.as_deref(), Some("69.95 USD"), "{}", found.explanation);
}

#[test]
fn what_an_amount_is_called_in_its_own_line_is_no_price() {
    for words in ["Energy a year", "Part exchange value"] {
        check(&format!("<p>{words} <i>$80.00</i></p>"), "-", "-");
    }
}

#[test]
fn a_heading_above_an_amount_is_its_label() {
    let table = |heads: [&str; 2], tag: &str| {
        let [one, two] = heads;
        format!(
            "<table><tr><{tag}>{one}</{tag}><{tag}>{two}</{tag}></tr><tr><td>$129.00</td><td>$99.00</td></tr></table>{BUY}"
        )
    };
    for tag in ["td", "th"] {
        check(&table(["RRP", "Our price"], tag), "99.00 USD", "129.00 USD");
        check(&table(["Was", "Now"], tag), "99.00 USD", "129.00 USD");
        check(&table(["Price", "Deposit"], tag), "129.00 USD", "-");
        check(&table(["Price", "Per month"], tag), "129.00 USD", "-");
        check(&table(["New", "Used"], tag), "129.00 USD", "-");
    }
    let named = "<table><tr><th>Set</th><th>RRP</th><th>Our price</th></tr><tr><td>Lamp</td><td>$129.00</td><td>$99.00</td></tr></table>";
    check(&format!("{named}{BUY}"), "99.00 USD", "129.00 USD");
    let breaks = "<table><tr><th>1 - 14</th><th>15 - 49</th><th>50+</th></tr><tr><td>$3.46</td><td>$2.49</td><td>$1.71</td></tr></table>";
    check(&format!("{breaks}{BUY}"), "3.46 USD", "-");
    // A table of one column and a row with its own label are read as before.
    check(&format!("<table><tr><td>Our price</td></tr><tr><td>$99.00</td></tr></table>{BUY}"), "99.00 USD", "-");
    let rows = "<table><tr><td>RRP</td><td>$129.00</td></tr><tr><td>Our price</td><td>$99.00</td></tr></table>";
    check(&format!("{rows}{BUY}"), "99.00 USD", "129.00 USD");
    let over = "<table><tr><td colspan=2>RRP</td></tr><tr><td></td><td>$129.00</td></tr><tr><td colspan=2>Our price</td></tr><tr><td></td><td>$99.00</td></tr></table>";
    check(&format!("{over}{BUY}"), "99.00 USD", "129.00 USD");
}

#[test]
fn tiles_are_told_by_links_that_begin_with_any_letter() {
    let tile =
        |n: usize| format!("<div class=t><a href=jeans-{n}>Jeans number {n}</a><span class=price>$49.00</span></div>");
    let body: String = (0..4).map(tile).collect();
    let found = read(&format!("<html lang=en><title>Jeans</title><body><h1>Jeans</h1>{body}"), URL);
    assert_eq!((prices(&found).0, found.outcome), (None, Outcome::Category), "{}", found.explanation);
}

#[test]
fn a_price_that_is_not_drawn_is_none() {
    for class in ["d-none", "hidden", "is-hidden"] {
        check(&format!("<div class='price {class}'>$79.00</div><div><b>$99.00</b></div>{BUY}"), "99.00 USD", "-");
    }
    let wide = format!("<div class='price d-none d-md-block'>$79.00</div>{BUY}");
    check(&wide, "79.00 USD", "-");
}

#[test]
fn a_count_of_pieces_or_of_reviews_is_no_amount() {
    check_in("de", "<div class=price>ab 3 Stück</div><div><b>99,00 €</b></div><button>Kaufen</button>", "-", "-");
    check("<div class=prices><p class=price>$<i id=p></i></p><a href=#r>(47 reviews)</a></div>", "-", "-");
}

#[test]
fn the_price_before_is_told_from_a_box_of_choices() {
    let body = "<div class='product_options swatch_container'><div id=productPrice><span class=was_price>was $160.00</span> <span class=now_price>now $80.00</span></div></div>";
    check(&format!("{body}{BUY}"), "80.00 USD", "160.00 USD");
}
