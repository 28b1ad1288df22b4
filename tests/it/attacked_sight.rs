//! Small pages of what an attack on the visible heuristics found: numbers that swallow the price, labels that were
//! dropped, money guessed from words that nobody sees, amounts of other products.

use crate::extract::read;
use crate::shop_page::prices;

const URL: &str = "https://www.shop.com/p/brass-lamp";

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
