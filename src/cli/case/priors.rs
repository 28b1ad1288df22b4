//! x
use super::{Answer, CaseError};
use serde_json::Value;
pub(super) fn answer(_: Value) -> Answer { Err(CaseError::malformed("x")) }
