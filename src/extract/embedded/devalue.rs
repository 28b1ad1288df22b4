//! State written as one flat list in which members are indexes of the list, as Nuxt 3 ships it.
//!
//! `[["Reactive", 1], {"name": 2, "price": 3}, "Lamp", 129.5]` stands for `{"name": "Lamp", "price": 129.5}`.

use crate::extract::json::{Object, Value};

/// Values made of one list at most: it may refer to the same item again and again.
const MAX_VALUES: usize = 200_000;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;

/// What a list of this form stands for; `None` for a list of any other form.
pub(super) fn resolve<'a>(items: &[Value<'a>]) -> Option<Value<'a>> {
    let refers = |value: &Value<'_>| matches!(value, Value::Number(..));
    let is_root = match items.first()? {
        Value::Object(object) => !object.entries.is_empty() && object.entries.iter().all(|(_, inner)| refers(inner)),
        Value::List(inner) => inner.iter().any(refers) && inner.iter().skip(1).all(refers),
        _ => false,
    };
    let mut resolver = Resolver { items, open: vec![false; items.len()], left: MAX_VALUES };
    is_root.then(|| resolver.item(0, 0))
}

struct Resolver<'l, 'a> {
    items: &'l [Value<'a>],
    /// Items that are being resolved: what refers to one of them is a circle.
    open: Vec<bool>,
    left: usize,
}

impl<'a> Resolver<'_, 'a> {
    fn item(&mut self, index: usize, depth: usize) -> Value<'a> {
        if depth > MAX_DEPTH || self.left == 0 || self.open.get(index).is_none_or(|open| *open) {
            return Value::Null;
        }
        self.left -= 1;
        self.open[index] = true;
        let items = self.items;
        let value = match &items[index] {
            Value::Object(object) => Value::Object(Object {
                entries: object
                    .entries
                    .iter()
                    .map(|(key, inner)| (key.clone(), self.referred(inner, depth + 1)))
                    .collect(),
                at: object.at,
            }),
            Value::List(list) => self.list(list, depth + 1),
            plain => plain.clone(),
        };
        self.open[index] = false;
        value
    }

    /// A list of indexes, or a marked value: `["Ref", 4]`, `["Date", "2026-01-01"]`, `["null", "key", 4]`.
    fn list(&mut self, list: &[Value<'a>], depth: usize) -> Value<'a> {
        match list {
            [Value::Text(mark, _), rest @ ..] if mark == "null" => {
                let pairs = rest.chunks_exact(2).filter_map(|pair| match pair {
                    [Value::Text(key, _), inner] => Some((key.clone(), self.referred(inner, depth))),
                    _ => None,
                });
                Value::Object(Object { entries: pairs.collect(), at: 0 })
            }
            [Value::Text(..), one @ Value::Number(..)] => self.referred(one, depth),
            [Value::Text(..), one @ Value::Text(..)] => one.clone(),
            _ => Value::List(list.iter().map(|inner| self.referred(inner, depth)).collect()),
        }
    }

    /// Negative indexes stand for what JSON cannot say: undefined, holes, infinities.
    fn referred(&mut self, index: &Value<'a>, depth: usize) -> Value<'a> {
        match index {
            Value::Number(index, _) => index.parse().map_or(Value::Null, |index| self.item(index, depth)),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::json;

    fn resolved(source: &str) -> Option<Value<'_>> {
        let value = json::value_at(source, 0, 0).unwrap();
        resolve(value.each())
    }

    #[test]
    fn indexes_lead_to_values() {
        let value =
            resolved(r#"[["ShallowReactive",1],{"a":2,"b":4,"c":-1},["Ref",3],"x",[3,5],["null","k",3]]"#).unwrap();
        let object = value.object().unwrap();
        assert_eq!(object.get("a").and_then(Value::text), Some("x"));
        let list = object.get("b").unwrap().each();
        assert_eq!(list[0].text(), Some("x"));
        assert_eq!(list[1].object().and_then(|o| o.get("k")).and_then(Value::text), Some("x"));
        assert_eq!(object.get("c"), Some(&Value::Null));
        assert_eq!(resolved(r#"[{"name":"Lamp","price":129.5}]"#), None);
    }

    #[test]
    fn circles_and_growth_are_bounded() {
        assert!(resolved(r#"[{"a":1},[0,1,1]]"#).is_some());
        let doubling: Vec<String> = (1..60).map(|i| format!("[{i},{i}]")).collect();
        assert!(resolved(&format!("[{}]", doubling.join(","))).is_some());
    }
}
