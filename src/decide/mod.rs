//! Decides our price: a pure function of facts, rules and time, and everything pure around it.
//!
//! No I/O, no clock, no binary floats. It must never know how a price is published or stored; whatever a decision
//! depends on is in its arguments, so that a decision can be recomputed from its record and must come out equal.

pub mod bounds;
pub mod breaker;
pub mod campaign;
pub mod campaign_file;
pub mod campaign_place;
pub mod canonical;
pub mod check;
pub mod check_amounts;
pub mod check_rule;
pub mod check_world;
pub mod country;
pub mod damping;
pub mod decision;
pub mod ecb;
pub mod edges;
pub mod engine;
pub mod explain;
pub mod facts;
pub mod fallback;
pub mod fx;
pub mod gates;
pub mod grammar;
pub mod moments;
pub mod offers;
pub mod prior;
pub mod prior_rules;
mod prior_steps;
pub mod prior_table;
pub mod quotient;
pub mod read;
pub mod reference;
pub mod reference_claims;
pub mod release;
pub mod release_guards;
pub mod rivalry;
pub mod rivals;
pub mod rounding;
pub mod rules;
pub mod run_gate;
pub mod select;
pub mod simulate;
pub mod simulated;
pub mod simulated_set;
pub mod staging;
mod target;
pub mod target_days;
pub mod text;
pub mod vat;
pub mod war_response;
pub mod whatif;
pub mod window;
pub mod world;

pub use decision::{Decision, Flag, Outcome, Step};
pub use engine::{deciding, price};
pub use facts::{Facts, Market, OfferFact, Product};
pub use rules::RuleSet;
