//! One product of a feed and its fields, by the names of Google's product data specification.

use std::collections::BTreeMap;

use super::legible::legible;
use crate::clock::Millis;
use crate::money::WirePrice;
use crate::publish::gate::Quote;

/// Instants of `sale_price_effective_date`, which has minutes but no seconds.
const MINUTE: &str = "%Y-%m-%dT%H:%M%z";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub id: String,
    pub title: String,
    pub link: String,
    /// The price, or the crossed-out one while there is a sale.
    pub price: WirePrice,
    pub sale: Option<Sale>,
    pub in_stock: bool,
    pub gtin: Option<String>,
    pub brand: Option<String>,
    pub seq: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sale {
    pub price: WirePrice,
    /// From, inclusive, and to, exclusive; without a window the sale holds until further notice.
    pub window: Option<(Millis, Millis)>,
}

impl Item {
    /// What the feed says about the price, whether the sale's window is open or not.
    pub(super) fn quote(&self) -> Quote {
        match self.sale {
            None => Quote::new(self.id.as_str(), self.price),
            Some(sale) => Quote { regular: Some(self.price), ..Quote::new(self.id.as_str(), sale.price) },
        }
    }

    /// What a buyer pays at an instant, and what is crossed out then.
    pub(super) fn shown(&self, now: Millis) -> (WirePrice, Option<WirePrice>) {
        let open = |sale: &Sale| sale.window.is_none_or(|(from, to)| from <= now && now < to);
        match self.sale.filter(open) {
            Some(sale) => (sale.price, Some(self.price)),
            None => (self.price, None),
        }
    }

    /// Name and text of each field, in the order in which they are written; absent ones are empty.
    pub(super) fn fields(&self) -> [(&'static str, String); 9] {
        let text = |minute: Millis| minute.timestamp().strftime(MINUTE).to_string();
        let window = self.sale.and_then(|sale| sale.window);
        [
            ("id", self.id.clone()),
            ("title", self.title.clone()),
            ("link", self.link.clone()),
            ("price", self.price.to_string()),
            ("sale_price", self.sale.map_or_else(String::new, |sale| sale.price.to_string())),
            (
                "sale_price_effective_date",
                window.map_or_else(String::new, |(from, to)| format!("{}/{}", text(from), text(to))),
            ),
            ("availability", if self.in_stock { "in_stock" } else { "out_of_stock" }.to_owned()),
            ("gtin", self.gtin.clone().unwrap_or_default()),
            ("brand", self.brand.clone().unwrap_or_default()),
        ]
    }

    /// The item that fields describe; a field that we do not write is not one of ours.
    pub(super) fn from_fields(mut fields: BTreeMap<String, String>, seq: i64) -> Result<Self, String> {
        let mut take = |name: &str| fields.remove(name).filter(|text| !text.is_empty());
        let id = take("id").ok_or("an item without id")?;
        let money = |text: String| text.parse::<WirePrice>().map_err(|why| format!("{id}: {why}"));
        let price = take("price").ok_or_else(|| format!("{id} has no price")).and_then(money)?;
        let reduced = take("sale_price").map(money).transpose()?;
        let window = take("sale_price_effective_date");
        let window = window.map(|text| parse_window(&text).ok_or_else(|| format!("{id}: {text}"))).transpose()?;
        let item = Self {
            // A file of an older version may hold what no reader takes; written again it is clean.
            title: take("title").map(|text| legible(&text)).unwrap_or_default(),
            link: take("link").unwrap_or_default(),
            price,
            sale: reduced.map(|price| Sale { price, window }),
            in_stock: take("availability").is_some_and(|text| text == "in_stock"),
            gtin: take("gtin").map(|text| legible(&text)),
            brand: take("brand").map(|text| legible(&text)),
            seq,
            id,
        };
        match fields.into_keys().next() {
            Some(unknown) => Err(format!("{}: a field `{unknown}`", item.id)),
            None => Ok(item),
        }
    }
}

fn parse_window(text: &str) -> Option<(Millis, Millis)> {
    let at = |text: &str| {
        let parsed = jiff::fmt::strtime::parse(MINUTE, text).ok()?;
        parsed.to_timestamp().ok().map(Millis::from)
    };
    let (from, to) = text.split_once('/')?;
    Some((at(from)?, at(to)?))
}

#[cfg(test)]
pub(super) fn sample(title: &str) -> Item {
    Item {
        id: "SKU-1".to_owned(),
        title: title.to_owned(),
        link: "https://shop.example/p/SKU-1?a=1&b=2".to_owned(),
        price: "479.00 DKK".parse().unwrap(),
        sale: None,
        in_stock: true,
        gtin: Some("5701234567899".to_owned()),
        brand: None,
        seq: 12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_is_what_buyers_pay_inside_its_window_only() {
        let at = |text: &str| Millis::from(text.parse::<jiff::Timestamp>().unwrap());
        let window = (at("2026-12-01T00:00:00Z"), at("2026-12-05T00:00:00Z"));
        let reduced: WirePrice = "399.00 DKK".parse().unwrap();
        let item = Item { sale: Some(Sale { price: reduced, window: Some(window) }), ..sample("x") };
        assert_eq!(item.shown(at("2026-11-30T23:59:59Z")), (item.price, None));
        assert_eq!(item.shown(window.0), (reduced, Some(item.price)));
        assert_eq!(item.shown(window.1), (item.price, None));
        let fields = item.fields().map(|(name, text)| (name.to_owned(), text));
        assert_eq!(fields[5].1, "2026-12-01T00:00+0000/2026-12-05T00:00+0000");
        assert_eq!(Item::from_fields(fields.into(), 12).unwrap(), item);
    }

    #[test]
    fn a_second_price_that_is_not_ours_is_seen() {
        let mut fields: BTreeMap<String, String> =
            sample("x").fields().map(|(name, text)| (name.to_owned(), text)).into();
        fields.insert("cost_of_goods_sold".to_owned(), "1.00 DKK".to_owned());
        assert!(Item::from_fields(fields, 1).unwrap_err().contains("cost_of_goods_sold"));
    }
}
