//! Line charts of prices and indices, as SVG for reports and as PNG for mails.
//!
//! Coordinates are computed in whole pixels. The PNG of a mail holds lines only: figures stand beside it as text, in the
//! reader's language and for screen readers. One that stands alone carries its figures. Colours are readable on white and on
//! black, backgrounds are transparent.

mod lettering;

use std::fmt::Write as _;

use tiny_skia::{Color, Paint, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

use lettering::Place;

use crate::clock::Millis;

/// Size of a chart in CSS pixels, and how many pixels of a PNG make one of those.
pub const WIDTH: i16 = 560;
pub const HEIGHT: i16 = 120;
const SCALE: i16 = 2;
const MARGIN: i16 = 6;
/// Height of a row of text in CSS pixels.
const TEXT: i16 = 18;

/// One line. Values are minor units of a currency or hundredths of an index; none where there was no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub points: Vec<(Millis, Option<i64>)>,
    /// A price holds until it changes; an index is joined from point to point.
    pub steps: bool,
    pub dashed: bool,
}

/// Lines over one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    pub from: Millis,
    pub until: Millis,
    pub lines: Vec<Line>,
    /// A value that is marked with a thin line over the whole width, such as an index of 100.
    pub mark: Option<i64>,
}

/// What a picture says besides lines.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    pub title: String,
    pub low: String,
    pub high: String,
    pub from: String,
    pub until: String,
}

/// A run of joined points in pixels.
type Stretch = Vec<(i16, i16)>;

impl Chart {
    /// The lowest and highest value; none if nothing has one.
    #[must_use]
    pub fn range(&self) -> Option<(i64, i64)> {
        let values = self.lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value));
        let all: Vec<i64> = values.chain(self.mark).collect();
        Some((*all.iter().min()?, *all.iter().max()?))
    }

    /// Whether any line has a point: a mark alone is nothing to look at.
    #[must_use]
    pub fn has_values(&self) -> bool {
        self.lines.iter().any(|line| line.points.iter().any(|(_, value)| value.is_some()))
    }

    fn x(&self, at: Millis, width: i16) -> i16 {
        let (span, room) = (i128::from(self.until.since(self.from).max(1)), i128::from(width - 2 * MARGIN));
        let along = i128::from(at.since(self.from)).clamp(0, span);
        MARGIN + i16::try_from(along * room / span).unwrap_or(0)
    }

    fn y(&self, value: i64, height: i16) -> i16 {
        let (low, high) = self.range().unwrap_or((0, 0));
        let room = i128::from(height - 2 * MARGIN);
        if low == high {
            return height / 2;
        }
        let up = (i128::from(value) - i128::from(low)) * room / (i128::from(high) - i128::from(low));
        height - MARGIN - i16::try_from(up).unwrap_or(0)
    }

    fn stretches(&self, line: &Line, width: i16, height: i16) -> Vec<Stretch> {
        let mut done = Vec::new();
        let mut current: Stretch = Vec::new();
        for (at, value) in &line.points {
            let x = self.x(*at, width);
            if line.steps
                && let Some((_, y)) = current.last().copied()
            {
                current.push((x, y));
            }
            match value {
                Some(value) => current.push((x, self.y(*value, height))),
                None => done.push(std::mem::take(&mut current)),
            }
        }
        if line.steps
            && let Some((_, y)) = current.last().copied()
        {
            current.push((self.x(self.until, width), y));
        }
        done.push(current);
        done.retain(|stretch| !stretch.is_empty());
        done
    }

    /// A PNG without text; none if nothing has a value.
    #[must_use]
    pub fn png(&self) -> Option<Vec<u8>> {
        self.drawn(HEIGHT * SCALE, 0)?.encode_png().ok()
    }

    /// A PNG that stands alone: title above, the highest and lowest value at the left, days below. None if nothing has a
    /// value.
    #[must_use]
    pub fn labelled_png(&self, labels: &Labels) -> Option<Vec<u8>> {
        let row = TEXT * SCALE;
        let (left, right, chart) = (MARGIN * SCALE, (WIDTH - MARGIN) * SCALE, HEIGHT * SCALE);
        let mut pixmap = self.drawn(chart + 4 * row, 2 * row)?;
        for (place, top, text) in [
            (Place::From(left), 0, &labels.title),
            (Place::From(left), row, &labels.high),
            (Place::From(left), 2 * row + chart, &labels.low),
            (Place::From(left), 3 * row + chart, &labels.from),
            (Place::Until(right), 3 * row + chart, &labels.until),
        ] {
            lettering::write(&mut pixmap, place, top, &super::text::plain(text));
        }
        pixmap.encode_png().ok()
    }

    /// The lines in a picture of a height, so far down in it.
    fn drawn(&self, whole: i16, down: i16) -> Option<Pixmap> {
        self.range()?;
        let (width, height) = (WIDTH * SCALE, HEIGHT * SCALE);
        let mut pixmap = Pixmap::new(u32::from(width.unsigned_abs()), u32::from(whole.unsigned_abs()))?;
        if let Some(mark) = self.mark {
            let y = self.y(mark, height);
            stroke(&mut pixmap, down, &[(MARGIN, y), (width - MARGIN, y)], (0x80, 0x80, 0x80), 2, true);
        }
        for line in &self.lines {
            for stretch in self.stretches(line, width, height) {
                let (colour, thick) = if line.dashed { ((0xd9, 0x77, 0x06), 4) } else { ((0x3b, 0x82, 0xf6), 5) };
                stroke(&mut pixmap, down, &stretch, colour, thick, line.dashed);
            }
        }
        Some(pixmap)
    }

    /// An SVG with its figures as text, readable on white and, where the viewer prefers it, on black.
    #[must_use]
    pub fn svg(&self, labels: &Labels) -> String {
        let (width, height) = (WIDTH, HEIGHT);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" width=\"{width}\" height=\"{}\" role=\"img\" aria-label=\"{title}\">\n\
             <title>{title}</title>\n\
             <style>text{{font:12px sans-serif;fill:#4d4d4d}}polyline{{fill:none}}@media(prefers-color-scheme:dark){{text{{fill:#b5b5b5}}}}</style>\n",
            height + 4 * TEXT,
            height + 4 * TEXT,
            title = escaped(&labels.title),
        );
        // Writing to a String cannot fail.
        // Values stand at their height, days below them on a line of their own: together they would read as one fact.
        let mut write = |at: &str, row: i16, text: &str| {
            let _ = writeln!(out, "<text {at} y=\"{}\">{}</text>", row - 4, escaped(text));
        };
        let (left, right) = (format!("x=\"{MARGIN}\""), format!("x=\"{}\" text-anchor=\"end\"", width - MARGIN));
        write(&left, TEXT, &labels.title);
        write(&left, 2 * TEXT, &labels.high);
        write(&left, height + 3 * TEXT, &labels.low);
        write(&left, height + 4 * TEXT, &labels.from);
        write(&right, height + 4 * TEXT, &labels.until);
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", 2 * TEXT);
        if let Some(mark) = self.mark.filter(|_| self.range().is_some()) {
            let y = self.y(mark, height);
            let _ = writeln!(
                out,
                "<polyline points=\"{MARGIN},{y} {},{y}\" stroke=\"#808080\" stroke-dasharray=\"2 4\"/>",
                width - MARGIN
            );
        }
        for line in &self.lines {
            for stretch in self.stretches(line, width, height) {
                let points: Vec<String> = stretch.iter().map(|(x, y)| format!("{x},{y}")).collect();
                let style = if line.dashed { "#d97706\" stroke-dasharray=\"6 4" } else { "#3b82f6" };
                let _ =
                    writeln!(out, "<polyline points=\"{}\" stroke=\"{style}\" stroke-width=\"2\"/>", points.join(" "));
            }
        }
        out.push_str("</g>\n</svg>\n");
        out
    }
}

fn stroke(pixmap: &mut Pixmap, down: i16, points: &[(i16, i16)], colour: (u8, u8, u8), thick: i16, dashed: bool) {
    let mut path = PathBuilder::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let (x, y) = (f32::from(*x), f32::from(*y));
        if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    if let ([(x, y)], true) = (points, points.len() == 1) {
        // A single point would be invisible: a short dash shows it.
        path.line_to(f32::from(x.saturating_add(4)), f32::from(*y));
    }
    let Some(path) = path.finish() else { return };
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(Color::from_rgba8(colour.0, colour.1, colour.2, 255));
    let dash = if dashed { StrokeDash::new(vec![12.0, 8.0], 0.0) } else { None };
    let stroke = Stroke { width: f32::from(thick), dash, ..Stroke::default() };
    pixmap.stroke_path(&path, &paint, &stroke, Transform::from_translate(0.0, f32::from(down)), None);
}

/// Text for XML: what could end it or its attribute is replaced, what XML forbids is dropped.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in super::text::plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(i64, Option<i64>)>, steps: bool) -> Chart {
        let points = points.into_iter().map(|(at, value)| (Millis(at), value)).collect();
        Chart { from: Millis(0), until: Millis(100), lines: vec![Line { points, steps, dashed: false }], mark: None }
    }

    #[test]
    fn a_price_holds_until_it_changes_and_a_gap_stays_a_gap() {
        let chart = chart(vec![(0, Some(100)), (50, Some(200)), (75, None)], true);
        let stretches = chart.stretches(&chart.lines[0], 112, 112);
        assert_eq!(stretches, [vec![(6, 106), (56, 106), (56, 6), (81, 6)]]);
        let apart = self::chart(vec![(0, Some(1)), (10, None), (20, Some(2))], false);
        assert_eq!(apart.stretches(&apart.lines[0], 112, 112).len(), 2);
    }

    #[test]
    fn values_of_any_size_stay_inside_the_picture() {
        let wild = chart(vec![(-50, Some(i64::MIN)), (500, Some(i64::MAX)), (i64::MAX, Some(0))], true);
        for stretch in wild.stretches(&wild.lines[0], WIDTH, HEIGHT) {
            assert!(stretch.iter().all(|(x, y)| (0..=WIDTH).contains(x) && (0..=HEIGHT).contains(y)), "{stretch:?}");
        }
        assert!(wild.png().is_some());
    }

    #[test]
    fn a_png_has_its_size_and_both_lines_and_nothing_makes_none() {
        let mut both = chart(vec![(0, Some(100)), (60, Some(300))], true);
        both.lines.push(Line { points: vec![(Millis(0), Some(250))], steps: true, dashed: true });
        let png = both.png().unwrap();
        let pixmap = Pixmap::decode_png(&png).unwrap();
        assert_eq!((pixmap.width(), pixmap.height()), (1_120, 240));
        let solid = |colour: (u8, u8, u8)| {
            pixmap.pixels().iter().filter(|p| p.alpha() == 255 && (p.red(), p.green(), p.blue()) == colour).count()
        };
        assert!(solid((0x3b, 0x82, 0xf6)) > 500 && solid((0xd9, 0x77, 0x06)) > 500);
        assert!(png.len() < 20_000, "{} bytes", png.len());
        assert!(chart(vec![(0, None)], true).png().is_none());
    }

    #[test]
    fn a_png_that_stands_alone_is_lettered_above_and_below_its_lines() {
        let chart = chart(vec![(0, Some(100)), (60, Some(300))], true);
        let labels = |title: &str| Labels {
            title: title.to_owned(),
            low: "479,00 kr".into(),
            high: "499,00 kr".into(),
            from: "15. lis".into(),
            until: "22. gru".into(),
        };
        let read = |labels: &Labels| Pixmap::decode_png(&chart.labelled_png(labels).unwrap()).unwrap();
        let lettered = read(&labels("Kettle"));
        assert_eq!((lettered.width(), lettered.height()), (1_120, 384));
        let inked = |pixmap: &Pixmap, rows: std::ops::Range<usize>| {
            let width = usize::try_from(pixmap.width()).unwrap();
            pixmap.pixels()[rows.start * width..rows.end * width].iter().filter(|p| p.alpha() > 0).count()
        };
        for row in [0..36, 36..72, 312..348, 348..384] {
            assert!(inked(&lettered, row.clone()) > 100, "{row:?}");
        }
        let more = read(&labels("Kettle with a lid"));
        assert!(inked(&more, 0..36) > inked(&lettered, 0..36), "the title is written");
        let longest = read(&labels(&"łąÅØß漢".repeat(90)));
        assert!(inked(&longest, 0..36) > 0 && longest.width() == 1_120, "what does not fit is cut off");
        assert!(self::chart(vec![(0, None)], true).labelled_png(&Labels::default()).is_none());
    }

    #[test]
    fn an_svg_says_values_and_days_apart() {
        let words = ["Kettle", "499.00", "479.00", "15 Nov", "22 Nov"].map(String::from);
        let [title, high, low, from, until] = words.clone();
        let svg =
            chart(vec![(0, Some(47_900)), (60, Some(49_900))], true).svg(&Labels { title, low, high, from, until });
        let row = |word: &String| {
            let line = svg.lines().find(|line| line.starts_with("<text") && line.contains(&format!(">{word}<")));
            let (_, rest) = line.unwrap_or_else(|| panic!("{word} in {svg}")).split_once("y=\"").unwrap();
            rest.split('"').next().unwrap().parse::<i16>().unwrap()
        };
        let rows = words.each_ref().map(row);
        assert!(rows[0] < rows[1] && rows[1] < rows[2] && rows[2] < rows[3] && rows[3] == rows[4], "{rows:?}");
    }

    #[test]
    fn an_svg_is_well_formed_whatever_its_title_says() {
        let labels = Labels { title: "</title><script>\u{202e}\"&".into(), ..Labels::default() };
        let svg = chart(vec![(0, Some(100))], true).svg(&labels);
        let mut reader = quick_xml::Reader::from_str(&svg);
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(tag) => assert_ne!(tag.name().as_ref(), "script"),
                _ => {}
            }
        }
    }
}
