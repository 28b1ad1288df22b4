#![doc = "map written below"]
pub mod clock;
pub mod money;
