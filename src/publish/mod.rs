//! Desired state, not events: each listing converges to its newest desired price, one lane per listing.

pub mod channel_price;
pub mod constraint;
pub mod daily;
pub mod fence;
pub mod fleet;
pub mod forbidden;
pub mod gate;
pub mod halt;
pub mod lane;
pub mod notice;
pub mod order;
pub mod reading;
pub mod step;
pub mod terms;
pub mod turns;
pub mod vault;
