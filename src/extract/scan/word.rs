//! Eight bytes compared at once in an ordinary register, for distances too short for a vector search.

/// One in each of eight bytes.
pub(super) const ONES: u64 = u64::MAX / 255;

/// The eight bytes at an offset, the first one lowest.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// Marks the bytes below `limit`, exactly up to the first of them.
#[inline]
pub(super) const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & (ONES * 0x80)
}

/// Marks the bytes equal to `byte`, exactly up to the first of them.
#[inline]
pub(super) const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

/// Words that are looked at one by one before a vector search is set up.
const NEAR: usize = 3;

/// Byte offset of the next byte at or after `from` that is one of at most three, where it is mostly near.
#[inline]
pub(in crate::extract) fn find_near<const N: usize>(bytes: &[u8], from: usize, wanted: [u8; N]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let (words, _) = rest.as_chunks();
    let mut passed = 0;
    for eight in words.iter().take(NEAR) {
        let word = u64::from_le_bytes(*eight);
        let found = wanted.iter().fold(0, |marks, byte| marks | equal(word, *byte));
        if found != 0 {
            return Some(from + passed + found.trailing_zeros() as usize / 8);
        }
        passed += 8;
    }
    let rest = &rest[passed..];
    let step = match wanted.as_slice() {
        [one] => memchr::memchr(*one, rest),
        [one, two] => memchr::memchr2(*one, *two, rest),
        [one, two, three, ..] => memchr::memchr3(*one, *two, *three, rest),
        [] => None,
    };
    step.map(|step| from + passed + step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mark_is_the_first_byte_that_fits() {
        for at in 0..8 {
            let mut bytes = [0xbc; 8];
            bytes[at] = b'<';
            bytes[7] = b'<';
            let word = word_at(&bytes, 0).unwrap();
            assert_eq!(equal(word, b'<').trailing_zeros() / 8, at as u32);
            assert_eq!(below(word, 0x3d).trailing_zeros() / 8, at as u32);
        }
        assert_eq!(word_at(&[0; 8], 1), None);
    }

    #[test]
    fn near_and_far_bytes_are_found() {
        for at in [0, 7, 8, 23, 24, 31, 90] {
            let mut bytes = [b' '; 91];
            bytes[at] = b'>';
            assert_eq!(find_near(&bytes, 0, *b">"), Some(at));
            assert_eq!(find_near(&bytes, 0, *b"\">"), Some(at));
            assert_eq!(find_near(&bytes, 0, *b"\"'>"), Some(at));
            assert_eq!(find_near(&bytes, at + 1, *b">"), None);
        }
        assert_eq!(find_near(&[0; 8], 9, *b">"), None);
    }
}
