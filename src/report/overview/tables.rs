//! The lists of an overview, for tables, CSV and workbooks.

use super::super::sheet::{Cell, Table};
use super::super::text::title;
use super::{Overview, ProductRow};
use crate::money::{Decimal, Money};

fn number(n: usize) -> Cell {
    Cell::Number(Decimal::from(n))
}

fn count(n: Option<usize>) -> Cell {
    n.map_or(Cell::Empty, number)
}

fn table(name: &'static str, title: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    Table { title: title.to_owned(), name, columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows }
}

impl Overview {
    /// Figures, products, readiness of channels, reductions that must not be announced, floor hits, sites, and the products
    /// that matter most.
    #[must_use]
    pub fn tables(&self) -> [Table; 7] {
        let figures = self.figures.iter().map(|f| vec![f.name.as_str().into(), f.value.into(), f.unit.as_str().into()]);
        [
            table("figures", "Figures", &["figure", "value", "unit"], figures.collect()),
            table("products", "Products", PRODUCT, self.products.iter().map(product).collect()),
            self.omnibus(),
            self.not_announced(),
            self.floor_hits(),
            self.sites(),
            self.important(),
        ]
    }

    fn omnibus(&self) -> Table {
        let columns = [
            "channel",
            "country",
            "listings",
            "ready to announce",
            "new arrivals",
            "too little history",
            "other",
            "not looked at",
            "next ready",
        ];
        let row = |row: &super::Readiness| {
            vec![
                row.channel.as_str().into(),
                row.country.as_str().into(),
                number(row.listings),
                number(row.ready),
                number(row.new_arrivals),
                number(row.too_little_history),
                number(row.other),
                number(row.not_looked_at),
                row.next_ready.clone().map_or(Cell::Empty, Cell::Text),
            ]
        };
        table("omnibus", "Prior prices", &columns, self.omnibus.iter().map(row).collect())
    }

    fn not_announced(&self) -> Table {
        let row = |row: &super::Refused| {
            vec![
                row.campaign.as_str().into(),
                row.sku.as_str().into(),
                row.channel.as_str().into(),
                row.reasons.join("; ").into(),
            ]
        };
        let rows = self.not_announced.iter().map(row).collect();
        table("not-announced", "Not announced", &["campaign", "sku", "channel", "why"], rows)
    }
}

impl Overview {
    fn floor_hits(&self) -> Table {
        let row = |hit: &super::FloorHit| {
            vec![
                hit.sku.as_str().into(),
                title(&hit.title).into(),
                hit.flags.join(", ").into(),
                hit.since.as_str().into(),
            ]
        };
        let rows = self.floor_hits.iter().map(row).collect();
        table("floor-hits", "Floor hits", &["sku", "title", "flags", "since"], rows)
    }

    fn sites(&self) -> Table {
        let columns = ["competitor", "accepted", "suspect", "quarantined", "rejected", "unreadable", "without a price"];
        let row = |site: &super::Site| {
            let counts = [site.accepted, site.suspect, site.quarantined, site.rejected, site.unreadable, site.no_price];
            let counts = counts.into_iter().map(|n| Cell::Number(Decimal::from(n)));
            std::iter::once(Cell::from(site.competitor.as_str())).chain(counts).collect()
        };
        table("sites", "Sites", &columns, self.sites.iter().map(row).collect())
    }

    fn important(&self) -> Table {
        let columns = ["sku", "title", "margin at risk a day", "currency", "in EUR"];
        let row = |row: &super::Important| {
            vec![
                row.sku.as_str().into(),
                title(&row.title).into(),
                row.margin_at_risk.into(),
                row.currency.into(),
                row.in_euros.into(),
            ]
        };
        table("important", "Most margin at risk", &columns, self.important.iter().map(row).collect())
    }
}

const PRODUCT: &[&str] = &[
    "sku",
    "title",
    "currency",
    "our price",
    "offers",
    "lowest",
    "lowest at",
    "index average",
    "index median",
    "index lowest",
    "rank",
    "of",
    "ties",
    "gap",
    "gap %",
    "headroom",
    "position",
    "recommended",
    "recommended is",
    "offers below it",
    "units a day",
    "days of sales",
    "margin at risk a day",
    "elasticity",
    "days before",
    "days after",
];

fn product(p: &ProductRow) -> Vec<Cell> {
    let [before, after] = p.elasticity_days.map_or([None, None], |days| days.map(Some));
    vec![
        p.sku.as_str().into(),
        title(&p.title).into(),
        p.ours.currency().code().into(),
        p.ours.amount().into(),
        number(p.offers),
        p.lowest.map(Money::amount).into(),
        p.lowest_at.clone().map_or(Cell::Empty, Cell::Text),
        p.index_mean.into(),
        p.index_median.into(),
        p.index_min.into(),
        count(p.rank),
        count(p.of),
        count(p.ties),
        p.gap.into(),
        p.gap_pct.into(),
        p.headroom.into(),
        p.position.into(),
        p.recommended.map(Money::amount).into(),
        p.recommended_is.map_or(Cell::Empty, Cell::from),
        count(p.below),
        p.units_per_day.into(),
        if p.units_per_day.is_some() { number(p.sales_days) } else { Cell::Empty },
        p.margin_at_risk.into(),
        p.elasticity.into(),
        count(before),
        count(after),
    ]
}
