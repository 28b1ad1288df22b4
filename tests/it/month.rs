//! What the simulated months share: when they begin, whom they tell, and their dice.

use omniprice::clock::Millis;

/// Sunday, 1 November 2026, midnight in UTC: a week after the clocks went back, weekends included.
pub const START: Millis = Millis(1_793_491_200_000);

/// Three people with three languages and three wishes.
pub const PEOPLE: &str = r#"
[[report.people]]
mail = "Ann <ann@shop.example>"
time_zone = "Europe/Copenhagen"
digest = "0 7 * * *"
[[report.people]]
mail = "Bo <bo@shop.example>"
language = "sv"
time_zone = "Europe/Stockholm"
digest = "0 8 * * MON-FRI"
quiet = "20:00-07:00"
[[report.people]]
mail = "Ola <ola@shop.example>"
language = "pl"
time_zone = "Europe/Warsaw"
digest = "0 7 * * *"
alerts = "critical"
fall_pct = "3"
rise_pct = "3"
"#;

/// Their addresses, in that order.
pub const ADDRESSES: [&str; 3] = ["ann@shop.example", "bo@shop.example", "ola@shop.example"];

/// A small generator (xorshift64*), so that every run is the same month.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        i64::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % n
    }
}
