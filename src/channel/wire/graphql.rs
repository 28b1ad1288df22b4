//! The GraphQL envelope: failures hide behind HTTP 200 in `errors`, and a request can leave no doubt only through `data`.

use serde_json::{Value, json};

use super::http::Answer;
use crate::channel::{ChannelError, Class};

/// A request body.
#[must_use]
pub fn body(query: &str, variables: &Value) -> Vec<u8> {
    json!({ "query": query, "variables": variables }).to_string().into_bytes()
}

/// The first error of an answer, in the words of the specification (section 7.1.2) and the `extensions.code` that most
/// servers add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault<'a> {
    pub message: &'a str,
    pub code: &'a str,
    pub extensions: &'a Value,
}

/// The `data` of an answer. `class` sorts the vendor's errors; what it does not know is `late`: `Unknown` after a push,
/// `Retry` after a question.
///
/// # Errors
/// The answer's first error, or an answer with neither data nor errors.
pub fn data(
    vendor: &str,
    answer: &Value,
    late: Class,
    class: impl Fn(&Fault<'_>) -> Option<Class>,
) -> Result<Value, ChannelError> {
    let Some(error) = answer.get("errors").and_then(|errors| errors.get(0)) else {
        return match answer.get("data") {
            Some(data) if !data.is_null() => Ok(data.clone()),
            _ => Err(ChannelError::new(late, "the answer has neither data nor errors")),
        };
    };
    let extensions = error.get("extensions").unwrap_or(&Value::Null);
    let fault = Fault {
        message: error.get("message").and_then(Value::as_str).unwrap_or("no message"),
        code: extensions.get("code").and_then(Value::as_str).unwrap_or(""),
        extensions,
    };
    let code = if fault.code.is_empty() { "no code" } else { fault.code };
    let class = class(&fault).unwrap_or(late);
    Err(ChannelError::new(class, format!("{vendor} answers {code}: {}", fault.message)))
}

/// The `data` of an answer in a type of the connector's own, for vendors whose amounts are JSON numbers: those must not
/// pass through a binary float, as they do in [`Value`].
///
/// # Errors
/// Like [`data`], or data of another shape.
pub fn typed<T: serde::de::DeserializeOwned>(
    vendor: &str,
    answer: &Answer,
    late: Class,
    class: impl Fn(&Fault<'_>) -> Option<Class>,
) -> Result<T, ChannelError> {
    #[derive(serde::Deserialize)]
    struct Whole<T> {
        data: T,
    }
    data(vendor, &answer.json()?, late, class)?;
    Ok(answer.parse::<Whole<T>>()?.data)
}

/// A text in an answer.
#[must_use]
pub fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_win_over_data_and_nothing_is_an_error_too() {
        let of = |answer: Value| {
            data("Shop", &answer, Class::Unknown, |fault| (fault.code == "FORBIDDEN").then_some(Class::Refused))
        };
        assert_eq!(of(json!({ "data": { "a": 1 } })).unwrap(), json!({ "a": 1 }));
        let both =
            json!({ "data": { "a": 1 }, "errors": [{ "message": "no", "extensions": { "code": "FORBIDDEN" } }] });
        assert_eq!(of(both).unwrap_err().class, Class::Refused);
        let other = of(json!({ "errors": [{ "message": "oops" }] })).unwrap_err();
        assert_eq!((other.class, other.message.as_str()), (Class::Unknown, "Shop answers no code: oops"));
        assert_eq!(of(json!({ "data": null })).unwrap_err().class, Class::Unknown);
    }
}
