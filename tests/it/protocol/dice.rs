//! Chance that a seed repeats.

/// SplitMix64: a seed gives the same schedule on every machine.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: i64) -> i64 {
        i64::try_from(self.roll() % n.max(1).unsigned_abs()).unwrap_or(0)
    }

    pub fn percent(&mut self, chance: i64) -> bool {
        self.below(100) < chance
    }
}
