//! Bytes to text: header, byte order mark, meta tag, then sniffing. It never fails; unknown bytes become U+FFFD.
//!
//! Offsets of evidence count in the body as received, so this module can also map a text offset back to a byte.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Bytes searched for a meta tag that names the encoding, as the HTML standard says (1,024) with room for shops.
const META_WINDOW: usize = 4_096;
/// Bytes fed to the sniffer.
const SNIFF_WINDOW: usize = 64 * 1024;
/// Bytes of text that are decoded at a time where offsets are counted.
const PIECE: usize = 2 * 1024;

/// A decoded body.
#[derive(Debug)]
pub struct Decoded<'a> {
    pub text: Cow<'a, str>,
    encoding: &'static Encoding,
    body: &'a [u8],
    /// Bytes of a byte order mark in front of the text.
    skipped: usize,
}

/// Decodes a body. `content_type` is the HTTP header, if there was one.
#[must_use]
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Decoded<'a> {
    let (mark, skipped) = Encoding::for_bom(body).map_or((None, 0), |(encoding, len)| (Some(encoding), len));
    let rest = &body[skipped..];
    // Validation of good text is several times faster than the repairing decoder, and nearly every page is good.
    let valid = simdutf8::basic::from_utf8(rest).ok();
    let encoding = mark.unwrap_or_else(|| choose(body, content_type, valid.is_some()));
    let text = match valid {
        Some(valid) if encoding == UTF_8 => Cow::Borrowed(valid),
        _ if encoding == UTF_8 => String::from_utf8_lossy(rest),
        _ => encoding.decode_without_bom_handling(rest).0,
    };
    Decoded { text, encoding, body, skipped }
}

fn choose(body: &[u8], content_type: Option<&str>, valid_utf8: bool) -> &'static Encoding {
    let header = content_type.and_then(|value| label_in(value.as_bytes()));
    let declared = header.or_else(|| meta(&body[..body.len().min(META_WINDOW)]));
    match declared {
        Some(encoding) if encoding == UTF_8 || !valid_utf8 => encoding,
        // Valid UTF-8 with a wrong label: no other encoding produces such bytes by chance.
        _ if valid_utf8 => UTF_8,
        Some(encoding) => encoding,
        None => sniff(body),
    }
}

/// The encoding named behind `charset=` in a header or a meta tag.
fn label_in(text: &[u8]) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let at = memchr::memmem::find(&lower, b"charset")? + 7;
    let rest = text[at..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end = rest.iter().position(|b| matches!(b, b'"' | b'\'' | b';' | b' ' | b'>' | b'/')).unwrap_or(rest.len());
    Encoding::for_label(&rest[..end])
}

fn meta(head: &[u8]) -> Option<&'static Encoding> {
    let mut pos = 0;
    let lower = head.to_ascii_lowercase();
    while let Some(step) = memchr::memmem::find(&lower[pos..], b"<meta") {
        let start = pos + step;
        let end = memchr::memchr(b'>', &lower[start..]).map_or(lower.len(), |at| start + at);
        if let Some(encoding) = label_in(&head[start..end]) {
            // A page that was read far enough to find an ASCII meta tag is not UTF-16, whatever it says.
            let wide = encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE;
            return Some(if wide { UTF_8 } else { encoding });
        }
        pos = end;
    }
    // `<?xml version="1.0" encoding="iso-8859-2"?>`
    let prolog = head.starts_with(b"<?xml").then(|| memchr::memmem::find(head, b"encoding=")).flatten()?;
    let rest = &head[prolog + 9..];
    let quote = *rest.first()?;
    let end = memchr::memchr(quote, &rest[1..])?;
    Encoding::for_label(&rest[1..=end])
}

fn sniff(body: &[u8]) -> &'static Encoding {
    let window = &body[..body.len().min(SNIFF_WINDOW)];
    // A cut in the middle of a character is no proof against UTF-8; real invalid bytes are.
    match std::str::from_utf8(window) {
        Ok(_) => return UTF_8,
        Err(error) if error.error_len().is_none() => return UTF_8,
        Err(_) => {}
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(window, true);
    let guess = detector.guess(None, chardetng::Utf8Detection::Allow);
    if guess == UTF_8 { WINDOWS_1252 } else { guess }
}

impl Decoded<'_> {
    /// Turns byte offsets in the text into those of the bytes in the body that became them.
    ///
    /// Bodies in UTF-8 map one to one; others are decoded once more, in bounded pieces, up to the last offset.
    pub fn map_to_body<'o>(&self, offsets: impl Iterator<Item = &'o mut usize>) {
        if let (UTF_8_NAME, Cow::Borrowed(_)) = (self.encoding.name(), &self.text) {
            return offsets.for_each(|offset| *offset = (self.skipped + *offset).min(self.body.len()));
        }
        let mut ascending: Vec<&mut usize> = offsets.collect();
        ascending.sort_unstable_by_key(|offset| **offset);
        let mut decoder = self.encoding.new_decoder_without_bom_handling();
        let mut buffer = [0_u8; PIECE];
        let (mut read, mut written) = (self.skipped, 0);
        for offset in ascending {
            while read < self.body.len() && written < *offset {
                let left = *offset - written;
                let room = buffer.len().min(left.max(8));
                // No byte becomes more than three of text, so a piece never reaches beyond the offset.
                let step = &self.body[read..self.body.len().min(read + 1 + left / 4)];
                let (_, used, produced, _) = decoder.decode_to_utf8(step, &mut buffer[..room], false);
                read += used;
                written += produced;
                if used == 0 && produced == 0 {
                    break;
                }
            }
            *offset = read.min(self.body.len());
        }
    }

    /// The name of the encoding, as the Encoding Standard spells it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        self.encoding.name()
    }
}

const UTF_8_NAME: &str = "UTF-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_mark_meta_and_sniffing_in_this_order() {
        let latin = b"<p>5 \xa3";
        assert_eq!(decode(latin, Some("text/html; charset=ISO-8859-1")).text, "<p>5 £");
        assert_eq!(decode(b"\xef\xbb\xbf\xc2\xa3", Some("text/html; charset=latin1")).text, "£");
        let meta = b"<meta charset='windows-1250'><p>5 k\xe8";
        assert_eq!(decode(meta, None).text, "<meta charset='windows-1250'><p>5 kč");
        assert_eq!(decode("<meta charset=iso-8859-1><p>5 €".as_bytes(), None).encoding(), "UTF-8");
        assert_eq!(decode(b"\xff\xfe\x35\x00", None).text, "5");
    }

    #[test]
    fn offsets_point_into_the_body() {
        let body_offset = |decoded: &Decoded<'_>, mut offset: usize| {
            decoded.map_to_body(std::iter::once(&mut offset));
            offset
        };
        let body = b"<meta charset=windows-1252>\xa3\xa3\xa3 price 5";
        let decoded = decode(body, None);
        let at = decoded.text.find("price").unwrap();
        assert_eq!(&body[body_offset(&decoded, at)..][..5], b"price");
        let broken = b"\xff\xff price";
        let decoded = decode(broken, Some("text/html; charset=utf-8"));
        let at = decoded.text.find("price").unwrap();
        assert_eq!(&broken[body_offset(&decoded, at)..][..5], b"price");
    }

    #[test]
    fn offsets_in_any_order_are_mapped_in_one_go() {
        for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::GB18030, encoding_rs::ISO_2022_JP, WINDOWS_1252] {
            let line = if encoding == WINDOWS_1252 { "£5 €6 " } else { "価格 5円、あ a\n" };
            let (body, _, _) = encoding.encode(line);
            let body = body.repeat(900);
            let decoded = decode(&body, Some(&format!("text/html; charset={}", encoding.name())));
            let starts: Vec<usize> = decoded.text.match_indices('5').map(|(at, _)| at).rev().collect();
            let mut mapped = starts.clone();
            decoded.map_to_body(mapped.iter_mut());
            assert_eq!(mapped.len(), 900, "{}", encoding.name());
            for (i, at) in mapped.iter().rev().enumerate() {
                assert_eq!((body[*at], *at / (body.len() / 900)), (b'5', i), "{}", encoding.name());
            }
        }
    }
}
