//! Text in a picture of pixels, from a font of fixed width that the program carries.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use tiny_skia::{Pixmap, PremultipliedColorU8};

const WEIGHT: FontWeight = FontWeight::Regular;
const SIZE: RasterHeight = RasterHeight::Size20;
/// Grey that is readable on white and on black.
const GREY: u8 = 0x76;
/// Stands for what the font does not have.
const STRANGE: char = '?';
/// Ends a text that does not fit.
const CUT: &str = "...";

/// Where a text begins, or where it ends, in pixels from the left.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    From(i16),
    Until(i16),
}

/// Writes one line of text whose upper edge is so many pixels from the top. What does not fit into the picture is cut off.
pub fn write(pixmap: &mut Pixmap, place: Place, top: i16, text: &str) {
    let each = get_raster_width(WEIGHT, SIZE);
    let width = usize::try_from(pixmap.width()).unwrap_or(0);
    let pixels = |at: i16| usize::try_from(at).unwrap_or(0).min(width);
    let room = match place {
        Place::From(left) => width.saturating_sub(2 * pixels(left)),
        Place::Until(right) => pixels(right),
    };
    let text = fitting(text, room / each);
    let begin = match place {
        Place::From(left) => pixels(left),
        Place::Until(right) => pixels(right).saturating_sub(text.chars().count() * each),
    };
    for (index, letter) in text.chars().enumerate() {
        glyph(pixmap, begin + index * each, pixels(top), letter);
    }
}

fn fitting(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(CUT.len())).chain(CUT.chars()).collect()
}

fn glyph(pixmap: &mut Pixmap, left: usize, top: usize, letter: char) {
    let Some(raster) = get_raster(letter, WEIGHT, SIZE).or_else(|| get_raster(STRANGE, WEIGHT, SIZE)) else { return };
    let width = usize::try_from(pixmap.width()).unwrap_or(0);
    for (down, row) in raster.rows().enumerate() {
        for (along, ink) in row.iter().enumerate().filter(|(_, ink)| **ink > 0) {
            let grey = u8::try_from(u16::from(GREY) * u16::from(*ink) / 255).unwrap_or(GREY);
            let colour = PremultipliedColorU8::from_rgba(grey, grey, grey, *ink);
            let at = (top + down) * width + left + along;
            if let (Some(pixel), Some(colour), true) = (pixmap.pixels_mut().get_mut(at), colour, left + along < width) {
                *pixel = colour;
            }
        }
    }
}
