//! Judges requests as the vendor would: by the vendor's own schema with every object closed, and by the limits that the
//! vendor states in prose only (`limits/KIND.toml`). Schemas are looked for in `../shared`, which is no part of the
//! product; without them the limits still judge.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::double::Request;
use super::limits::Limits;
use crate::harness::skip;

/// What a request must obey.
#[derive(Clone)]
pub struct Judge {
    checks: Vec<Check>,
    limits: Limits,
    /// All schemas were found, so a write that none of them speaks about is a complaint.
    complete: bool,
}

#[derive(Clone)]
enum Check {
    OpenApi { prefix: &'static str, document: Arc<Value> },
    Part { method: &'static str, path: &'static str, at: &'static str, validator: Arc<Validator> },
    Graph { path: &'static str, schema: Arc<Valid<Schema>> },
}

impl Judge {
    /// Limits of `limits/KIND.toml`, no schema yet.
    pub fn new(kind: &str) -> Self {
        Self { checks: vec![], limits: Limits::of(kind), complete: true }
    }

    /// Only limits judge: nobody publishes a schema of this vendor.
    #[must_use]
    pub fn without_schema(mut self) -> Self {
        self.complete = false;
        self
    }

    /// The same vendor with a price precision of so many decimals in place of two.
    #[must_use]
    pub fn keeping(mut self, decimals: u32) -> Self {
        self.limits.keep(decimals);
        self
    }

    /// An OpenAPI 3 or Swagger 2 document; `prefix` is what precedes its paths in ours.
    #[must_use]
    pub fn openapi(mut self, prefix: &'static str, file: &str) -> Self {
        match document(file) {
            Some(document) => self.checks.push(Check::OpenApi { prefix, document: Arc::new(closed(document)) }),
            None => self.complete = false,
        }
        self
    }

    /// A schema inside a file (a JSON pointer, empty for the whole) for a part of one request's body; `*` in `at` walks
    /// arrays.
    #[must_use]
    pub fn part(
        mut self,
        (method, path): (&'static str, &'static str),
        at: &'static str,
        file: &str,
        pointer: &str,
    ) -> Self {
        let Some(document) = document(file) else {
            self.complete = false;
            return self;
        };
        let document = closed(document);
        let schema = document.pointer(pointer).unwrap_or_else(|| panic!("{file} has no {pointer}"));
        let validator = Arc::new(validator(&document, schema));
        self.checks.push(Check::Part { method, path, at, validator });
        self
    }

    /// A GraphQL schema for everything that is posted to a path ending in `path`.
    #[must_use]
    pub fn graphql(mut self, path: &'static str, file: &str) -> Self {
        let Some(packed) = specification(file) else {
            self.complete = false;
            return self;
        };
        let text = unpacked(&packed);
        let schema = Schema::parse_and_validate(text, file).map_err(|with| with.errors.to_string());
        let schema = Arc::new(schema.unwrap_or_else(|errors| panic!("{file}: {}", &errors[..errors.len().min(2_000)])));
        self.checks.push(Check::Graph { path, schema });
        self
    }

    /// # Errors
    /// What the vendor would object to.
    pub fn judge(&self, request: &Request, writes: bool) -> Result<(), String> {
        let mut known = false;
        for check in &self.checks {
            known |= check.judge(request)?;
        }
        self.limits.judge(request)?;
        if writes && self.complete && !known {
            return Err("the vendor's schema has no such operation".to_owned());
        }
        Ok(())
    }
}

impl Check {
    /// Whether this check speaks about the request at all.
    fn judge(&self, request: &Request) -> Result<bool, String> {
        match self {
            Self::OpenApi { prefix, document } => openapi(prefix, document, request),
            Self::Part { method, path, at, validator } => {
                if request.method != *method || !matches(path, &request.path) {
                    return Ok(false);
                }
                for (place, part) in parts(&request.json(), at) {
                    complaint(validator, &part).map_err(|why| format!("{place}: {why}"))?;
                }
                Ok(true)
            }
            Self::Graph { path, schema } => {
                if !request.path.ends_with(path) {
                    return Ok(false);
                }
                graph(schema, &request.json()).map(|()| true)
            }
        }
    }
}

fn openapi(prefix: &str, document: &Value, request: &Request) -> Result<bool, String> {
    let Some(path) = request.path.strip_prefix(prefix) else { return Ok(false) };
    let paths = document["paths"].as_object().unwrap();
    // A literal path wins over a template that fits as well.
    let fitting = paths.keys().filter(|template| matches(template, path)).min_by_key(|t| t.matches('{').count());
    let method = request.method.to_lowercase();
    let Some((item, operation)) = fitting.and_then(|template| Some((&paths[template], paths[template].get(&method)?)))
    else {
        return Ok(false);
    };
    let parameters: Vec<&Value> = [item, operation]
        .iter()
        .filter_map(|place| place["parameters"].as_array())
        .flatten()
        .map(|parameter| resolved(document, parameter))
        .collect();
    let names: BTreeSet<&str> =
        parameters.iter().filter(|p| p["in"] == "query").filter_map(|p| p["name"].as_str()).collect();
    // `fields[]`, `filter[x]`: the name before the bracket counts.
    if let Some(unknown) = request.query.keys().find(|key| {
        let stem = key.split('[').next().unwrap_or(key);
        // BigCommerce, "Filtering": a filter of one value takes a list of them as `filter:in`.
        let stem = stem.strip_suffix(":in").unwrap_or(stem);
        !names.iter().any(|name| name == key || name.split('[').next() == Some(stem))
    }) {
        return Err(format!("the operation has no query parameter `{unknown}`; it has {names:?}"));
    }
    let content = resolved(document, &operation["requestBody"])["content"].as_object();
    let body = content.and_then(|content| content.get("application/json").or_else(|| content.values().next()));
    let schema = body.map(|media| &media["schema"]);
    let swagger = parameters.iter().find(|p| p["in"] == "body").map(|p| &p["schema"]);
    match schema.or(swagger) {
        Some(schema) => complaint(&validator(document, schema), &instance(request))?,
        None if !request.body.is_empty() => return Err("the operation takes no body".to_owned()),
        None => {}
    }
    Ok(true)
}

/// The body as its schema sees it: JSON, or the parts of a form by name.
fn instance(request: &Request) -> Value {
    let Some((_, boundary)) = request.header("content-type").split_once("boundary=") else { return request.json() };
    let (text, boundary) = (request.text(), format!("--{boundary}"));
    let parts = text.split(&boundary).filter_map(|part| part.split_once("\r\n\r\n"));
    let named = parts.filter_map(|(head, content)| {
        let name = head.split_once(" name=\"")?.1.split_once('"')?.0;
        Some((name.to_owned(), Value::from(content.strip_suffix("\r\n")?)))
    });
    Value::Object(named.collect())
}

fn graph(schema: &Valid<Schema>, body: &Value) -> Result<(), String> {
    let query = body["query"].as_str().ok_or("no query")?;
    let document =
        ExecutableDocument::parse_and_validate(schema, query, "request").map_err(|with| with.errors.to_string())?;
    let operation = document.operations.get(None).map_err(|error| format!("{error:?}"))?;
    let variables = match body.get("variables") {
        None | Some(Value::Null) => json!({}),
        Some(variables) => variables.clone(),
    };
    let variables: apollo_compiler::response::JsonMap =
        serde_json::from_value(variables).map_err(|error| error.to_string())?;
    apollo_compiler::request::coerce_variable_values(schema, operation, &variables)
        .map(drop)
        .map_err(|error| format!("variables: {error:?}"))
}

/// Segments in braces stand for any one segment.
pub fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.trim_matches('/').split('/'), path.trim_matches('/').split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted.starts_with('{') || wanted == found => {}
            _ => return false,
        }
    }
}

/// Everything at a JSON pointer in which `*` stands for each item of an array or object, with its place.
pub fn parts(value: &Value, pointer: &str) -> Vec<(String, Value)> {
    let mut found = vec![(String::new(), value.clone())];
    for step in pointer.split('/').skip(1) {
        let mut next = Vec::new();
        for (place, value) in found {
            match (step, &value) {
                ("*", Value::Array(items)) => {
                    next.extend(items.iter().enumerate().map(|(n, item)| (format!("{place}/{n}"), item.clone())));
                }
                ("*", Value::Object(items)) => {
                    next.extend(items.iter().map(|(key, item)| (format!("{place}/{key}"), item.clone())));
                }
                (step, value) => next
                    .extend(value.pointer(&format!("/{step}")).map(|item| (format!("{place}/{step}"), item.clone()))),
            }
        }
        found = next;
    }
    found
}

fn complaint(validator: &Validator, value: &Value) -> Result<(), String> {
    let errors: Vec<String> =
        validator.iter_errors(value).take(3).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

/// A validator of one schema inside a document whose references stay good.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema] });
    for (key, part) in document.as_object().unwrap() {
        if !key.starts_with('$') && !["allOf", "title", "type", "properties", "required"].contains(&key.as_str()) {
            root[key] = part.clone();
        }
    }
    jsonschema::options().should_validate_formats(true).build(&root).unwrap_or_else(|error| panic!("schema: {error}"))
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(value),
        None => value,
    }
}

/// The document in the words of JSON Schema 2020-12, with every object that lists its properties closed. What stands in
/// an `allOf` stays open, since the object around it is closed instead.
fn closed(mut document: Value) -> Value {
    let mut parts = BTreeSet::new();
    references_in_all_of(&document, &mut parts);
    close(&mut document, "#", &parts, false);
    document
}

fn references_in_all_of(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references_in_all_of(item, found)),
        Value::Object(object) => {
            for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                found.extend(part.get("$ref").and_then(Value::as_str).map(str::to_owned));
            }
            object.values().for_each(|item| references_in_all_of(item, found));
        }
        _ => {}
    }
}

fn close(value: &mut Value, place: &str, parts: &BTreeSet<String>, open: bool) {
    if let Value::Array(items) = value {
        for (index, item) in items.iter_mut().enumerate() {
            close(item, &format!("{place}/{index}"), parts, open);
        }
        return;
    }
    let Some(object) = value.as_object_mut() else { return };
    let schema =
        object.get("properties").is_some_and(Value::is_object) || object.get("allOf").is_some_and(Value::is_array);
    let listed = object.get("properties").is_some_and(Value::is_object);
    for (key, item) in object.iter_mut() {
        let step = key.replace('~', "~0").replace('/', "~1");
        // Examples are data, and may look like anything.
        if !["example", "examples", "default", "enum", "x-examples"].contains(&key.as_str()) {
            // The branches of an object that lists properties of its own only narrow it.
            let part = key == "allOf" || (listed && ["oneOf", "anyOf"].contains(&key.as_str()));
            close(item, &format!("{place}/{step}"), parts, part);
        }
    }
    translate(object);
    let says = ["additionalProperties", "unevaluatedProperties"].iter().any(|key| object.contains_key(*key));
    if schema && !says && !open && !parts.contains(place) {
        object.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// Draft-04 and OpenAPI 3.0 words that 2020-12 says otherwise.
fn translate(object: &mut serde_json::Map<String, Value>) {
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        match object.get(exclusive).and_then(Value::as_bool) {
            Some(true) if object.contains_key(limit) => {
                let bound = object.remove(limit).unwrap_or_default();
                object.insert(exclusive.to_owned(), bound);
            }
            Some(_) => drop(object.remove(exclusive)),
            None => {}
        }
    }
    // `required: true` belongs to parameters and to draft-03; inside a schema it would be an error.
    if object.get("required").is_some_and(Value::is_boolean) && !object.contains_key("in") {
        object.remove("required");
    }
    if object.get("type") == Some(&json!("date-time")) {
        object.insert("type".to_owned(), json!("string"));
    }
    // WordPress's word for anything.
    if object.get("type") == Some(&json!("mixed")) {
        object.remove("type");
    }
    let nullable = object.remove("nullable").or_else(|| object.get("x-nullable").cloned());
    if nullable == Some(json!(true)) {
        if let Some(Value::String(name)) = object.get("type").cloned() {
            object.insert("type".to_owned(), json!([name, "null"]));
        }
        if let Some(Value::Array(values)) = object.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    for key in ["id", "discriminator"] {
        if object.get(key).is_some_and(Value::is_string) {
            object.remove(key);
        }
    }
}

fn specification(file: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/channels/specs");
    let read = std::fs::read(folder.join(file));
    if read.is_err() {
        skip(&format!("the vendor's schema {file}"), "../shared/channels/specs is not there; limits still judge");
    }
    read.ok()
}

fn document(file: &str) -> Option<Value> {
    let bytes = specification(file)?;
    let value = if file.ends_with(".yml") {
        serde_saphyr::from_str(&String::from_utf8(bytes).unwrap()).map_err(|error| error.to_string())
    } else {
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    };
    Some(value.unwrap_or_else(|error| panic!("{file}: {error}")))
}

/// A gzip file names its size at its end (RFC 1952).
fn unpacked(packed: &[u8]) -> String {
    let size = u32::from_le_bytes(packed[packed.len() - 4..].try_into().unwrap());
    let mut text = vec![0; size as usize];
    libdeflater::Decompressor::new().gzip_decompress(packed, &mut text).unwrap();
    let mut checked = String::new();
    text.as_slice().read_to_string(&mut checked).unwrap();
    checked
}

#[test]
fn a_closed_schema_refuses_what_an_open_one_lets_pass() {
    let base = json!({ "components": { "schemas": {
        "Base": { "type": "object", "properties": { "id": { "type": "integer" } } },
        "Whole": { "allOf": [{ "$ref": "#/components/schemas/Base" }, { "type": "object", "properties": {
            "price": { "type": "number", "minimum": 0, "exclusiveMinimum": true, "nullable": true } } }] },
    } } });
    let validator = validator(&closed(base), &json!({ "$ref": "#/components/schemas/Whole" }));
    for (value, good) in [
        (json!({ "id": 1, "price": 12.5 }), true),
        (json!({ "id": 1, "price": null }), true),
        (json!({ "id": 1, "price": 0 }), false),
        (json!({ "id": 1, "prise": 12.5 }), false),
        (json!({ "id": "1" }), false),
    ] {
        assert_eq!(complaint(&validator, &value).is_ok(), good, "{value}");
    }
}

#[test]
fn a_graphql_request_is_judged_with_its_variables() {
    let text = "type Query{a:Int} type Mutation{set(input:[Price!]!):Int} input Price{id:ID! price:String}";
    let schema = Schema::parse_and_validate(text, "s").unwrap();
    let query = "mutation($i:[Price!]!){set(input:$i)}";
    let of = |query: &str, input: Value| graph(&schema, &json!({ "query": query, "variables": { "i": input } }));
    assert!(of(query, json!([{ "id": "1", "price": "12.50" }])).is_ok());
    assert!(of(query, json!([{ "id": "1", "prise": "12.50" }])).is_err(), "inputs are closed");
    assert!(of(query, json!([{ "price": "12.50" }])).is_err(), "id is required");
    assert!(of("mutation($i:[Price!]!){sett(input:$i)}", json!([])).is_err(), "no such field");
}
