//! Bar charts of figures that products or channels have side by side: margin at risk, elasticity, offers below recommended
//! prices, readiness to announce a reduction. As SVG, since bars say nothing without their names.

use std::fmt::Write as _;

use super::chart::{WIDTH, escaped};
use super::lang::{Voice, Words};
use super::overview::Overview;
use super::sales::LEAST_DAYS;
use super::text::{product, title};
use crate::money::{Decimal, Money};

/// Bars of one chart; the rest is counted.
const MOST: usize = 20;
/// Height of a row, and the widths that names and values take, in pixels.
const ROW: i16 = 22;
const NAMES: i16 = 200;
const VALUES: i16 = 90;
/// Characters of a name that fit beside its bar.
const NAME: usize = 30;

/// What can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    MarginAtRisk,
    Elasticity,
    Below,
    Readiness,
}

impl What {
    pub const ALL: [Self; 4] = [Self::MarginAtRisk, Self::Elasticity, Self::Below, Self::Readiness];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MarginAtRisk => "margin-at-risk",
            Self::Elasticity => "elasticity",
            Self::Below => "below",
            Self::Readiness => "readiness",
        }
    }

    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.name() == name)
    }

    const fn title(self, words: &Words) -> &'static str {
        match self {
            Self::MarginAtRisk => words.chart_risk,
            Self::Elasticity => words.chart_elasticity,
            Self::Below => words.chart_below,
            Self::Readiness => words.chart_readiness,
        }
    }

    /// Why there is nothing to draw over so many days, and what brings something. `sales`: somebody brought units sold.
    #[must_use]
    pub fn nothing(self, sales: bool, days: u32) -> String {
        match self {
            Self::MarginAtRisk | Self::Elasticity if !sales => {
                "nobody knows what was sold\nhint: --sales FILE brings units sold; docs/digests.md says what they need"
                    .to_owned()
            }
            Self::MarginAtRisk => "no product that was sold asks more than the position of --target needs\n\
                 hint: --target average or median asks for less or more; omniprice report --sales FILE shows every product"
                .to_owned(),
            Self::Elasticity if usize::try_from(days).is_ok_and(|days| days < 2 * LEAST_DAYS + 1) => format!(
                "{days} days cannot hold a change of price with {LEAST_DAYS} days on each side\nhint: --days 60"
            ),
            Self::Elasticity => format!(
                "no change of price in these {days} days has {LEAST_DAYS} days on each side with sales, goods in stock and \
                 no campaign\nhint: --days looks further back; the column `stock` of --sales must not be missing"
            ),
            Self::Below => "no offer is below a price that a manufacturer names\n\
                 hint: import products with the column msrp, or map in markets that allow it"
                .to_owned(),
            Self::Readiness => {
                "no product is listed on a channel\nhint: omniprice channel map NAME lists products on a channel".to_owned()
            }
        }
    }
}

/// One bar. Only bars of one unit are drawn to one scale.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    name: String,
    value: Decimal,
    unit: &'static str,
    told: String,
}

/// A drawing, the largest bar of each unit first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    title: &'static str,
    bars: Vec<Bar>,
    unnamed: usize,
}

impl Bars {
    /// The bars of a figure; none where nothing has one.
    #[must_use]
    pub fn of(what: What, overview: &Overview, voice: &Voice) -> Option<Self> {
        let mut bars = match what {
            What::Readiness => channels(overview, voice),
            _ => products(what, overview, voice),
        };
        bars.sort_by(|a, b| {
            a.unit.cmp(b.unit).then(b.value.abs().cmp(&a.value.abs())).then_with(|| a.name.cmp(&b.name))
        });
        let unnamed = bars.len().saturating_sub(MOST);
        bars.truncate(MOST);
        (!bars.is_empty()).then_some(Self { title: what.title(voice.words), bars, unnamed })
    }

    /// The drawing.
    #[must_use]
    pub fn svg(&self, voice: &Voice) -> String {
        let rows = i16::try_from(self.bars.len() + 2).unwrap_or(i16::MAX / ROW);
        let (width, height, heading) = (WIDTH, rows * ROW, escaped(self.title));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{heading}\">\n\
             <title>{heading}</title>\n\
             <style>text{{font:12px sans-serif;fill:#4d4d4d}}rect{{fill:#3b82f6}}@media(prefers-color-scheme:dark){{text{{fill:#b5b5b5}}}}</style>\n\
             <text x=\"0\" y=\"15\">{heading}</text>\n"
        );
        let mut base = ROW;
        for bar in &self.bars {
            let (from, length) = self.place(bar);
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "<text x=\"0\" y=\"{}\">{}</text><rect x=\"{from}\" y=\"{}\" width=\"{length}\" height=\"{}\"/><text x=\"{width}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                base + 15,
                escaped(&bar.name),
                base + 4,
                ROW - 8,
                base + 15,
                escaped(&bar.told),
            );
            base += ROW;
        }
        if self.unnamed > 0 {
            let more = voice.plural(&voice.words.more, self.unnamed, &[]);
            let _ = writeln!(out, "<text x=\"0\" y=\"{}\">{}</text>", base + 15, escaped(&more));
        }
        out.push_str("</svg>\n");
        out
    }

    /// Where a bar begins and how long it is: from nought to its value, on the scale of its unit.
    fn place(&self, bar: &Bar) -> (i16, i16) {
        let own = || self.bars.iter().filter(|other| other.unit == bar.unit).map(|other| other.value);
        let low = own().min().unwrap_or_default().min(Decimal::ZERO);
        let high = own().max().unwrap_or_default().max(Decimal::ZERO);
        let room = WIDTH - NAMES - VALUES;
        let at = |value: Decimal| {
            let along = (value - low).checked_mul(Decimal::from(room)).and_then(|v| v.checked_div(high - low));
            NAMES + along.and_then(|along| i16::try_from(along.trunc().mantissa()).ok()).unwrap_or(0)
        };
        let (one, other) = (at(bar.value.min(Decimal::ZERO)), at(bar.value.max(Decimal::ZERO)));
        // What has a value has a bar that can be seen.
        (one, (other - one).max(1))
    }
}

fn products(what: What, overview: &Overview, voice: &Voice) -> Vec<Bar> {
    let bar = |row: &super::overview::ProductRow| {
        let currency = row.ours.currency();
        let (value, unit, told) = match what {
            What::MarginAtRisk => {
                let value = row.margin_at_risk.filter(|value| !value.is_zero())?;
                let told =
                    Money::exact(value, currency).map_or_else(|_| voice.number(value), |money| voice.money(money));
                (value, currency.code(), told)
            }
            What::Elasticity => {
                let value = row.elasticity?;
                (value, "", voice.number(value))
            }
            What::Below | What::Readiness => {
                let below = row.below.filter(|below| *below > 0)?;
                (Decimal::from(below), "", voice.count(below))
            }
        };
        Some(Bar { name: short(&product(&row.sku, &row.title)), value, unit, told })
    };
    overview.products.iter().filter_map(bar).collect()
}

fn channels(overview: &Overview, voice: &Voice) -> Vec<Bar> {
    let bar = |row: &super::readiness::Readiness| {
        let looked_at = row.listings - row.not_looked_at;
        let share = Decimal::from(100 * row.ready).checked_div(Decimal::from(looked_at))?;
        let told = format!("{} / {}", voice.count(row.ready), voice.count(looked_at));
        Some(Bar { name: short(&title(&format!("{} ({})", row.channel, row.country))), value: share, unit: "", told })
    };
    overview.omnibus.iter().filter_map(bar).collect()
}

fn short(name: &str) -> String {
    if name.chars().count() <= NAME { name.to_owned() } else { name.chars().take(NAME - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(values: &[(&str, i64, &'static str)]) -> Bars {
        let bar = |(name, value, unit): &(&str, i64, &'static str)| Bar {
            name: (*name).to_owned(),
            value: Decimal::from(*value),
            unit,
            told: value.to_string(),
        };
        Bars { title: "a title", bars: values.iter().map(bar).collect(), unnamed: 0 }
    }

    #[test]
    fn bars_of_one_unit_share_a_scale_that_holds_nought() {
        let drawn = bars(&[("a", 100, "DKK"), ("b", 25, "DKK"), ("c", 9, "EUR")]);
        let lengths: Vec<i16> = drawn.bars.iter().map(|bar| drawn.place(bar).1).collect();
        let room = WIDTH - NAMES - VALUES;
        assert_eq!(lengths, [room, room / 4, room], "kroner are not compared with euros");
        let both = bars(&[("falls", -2, ""), ("rises", 1, ""), ("still", 0, "")]);
        let [falls, rises, still] = [0, 1, 2].map(|at: usize| both.place(&both.bars[at]));
        assert_eq!((falls.0, falls.0 + falls.1, still), (NAMES, rises.0, (rises.0, 1)));
    }

    #[test]
    fn a_name_is_text_whatever_it_holds_and_what_is_not_drawn_is_counted() {
        let voice = Voice::new(crate::config::Language::En, "UTC");
        let hostile = Bars { unnamed: 3, ..bars(&[("<script>&\u{202e}", 5, "")]) };
        let svg = hostile.svg(&voice);
        assert!(svg.contains("&lt;script&gt;&amp;") && !svg.contains("<script"), "{svg}");
        assert!(svg.contains("and 3 more"), "{svg}");
        assert_eq!(short(&"æ".repeat(99)).chars().count(), NAME);
    }
}
