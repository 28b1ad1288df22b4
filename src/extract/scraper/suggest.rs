//! Proposes a site file from a page and the price a person sees on it.
//!
//! A proposal is a start: it says what it found and leaves the example for the person to confirm.
