//! Layers: embedded defaults, the file, the environment; then secrets. Texts are replaced only as whole values, after
//! parsing, so that every problem keeps its path.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{ConfigError, DEFAULT, Problem, problem};

const ENV_PREFIX: &str = "OMNIPRICE_";
/// Keys whose values are never printed, wherever they stand.
const SECRET_KEYS: &[&str] =
    &["password", "secret", "token", "api_key", "client_secret", "refresh_token", "slack", "teams"];

/// The embedded defaults.
pub(super) fn default_table() -> Table {
    #[expect(clippy::expect_used, reason = "embedded and parsed by a test; without it nothing can run")]
    DEFAULT.parse().expect("config/default.toml is TOML")
}

/// The merged table of defaults, file and environment, with secrets filled in, before validation.
///
/// # Errors
/// An unreadable file, broken TOML, or a `${NAME}` that the environment lacks.
pub fn merged(file: Option<&Path>, environment: &[(String, String)]) -> Result<(Table, PathBuf), ConfigError> {
    merged_part(file, environment, |_| true)
}

/// The same, with only the wanted sections of file and environment.
pub(super) fn merged_part(
    file: Option<&Path>,
    environment: &[(String, String)],
    wanted: impl Fn(&str) -> bool,
) -> Result<(Table, PathBuf), ConfigError> {
    let mut table = default_table();
    let mut base = PathBuf::from(".");
    let mut problems = Vec::new();
    if let Some(file) = file {
        let path = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|e| ConfigError(vec![problem(&path, &e.to_string(), "run `omniprice init` to write one")]))?;
        let mut own: Table = text.parse().map_err(|e: toml::de::Error| {
            ConfigError(vec![problem(&path, &e.to_string(), "strings need quotes; tables start with [name]")])
        })?;
        own.retain(|section, _| wanted(section));
        merge(&mut table, own);
        base =
            file.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    }
    for (name, value) in environment {
        // OMNIPRICE_CONFIG and the like are not settings: those have a section, or are the one key without.
        if let Some(key) = name.strip_prefix(ENV_PREFIX).filter(|key| key.contains("__") || *key == "MODE") {
            let key = key.to_ascii_lowercase();
            let path: Vec<&str> = key.split("__").collect();
            if wanted(path[0]) {
                set(&mut table, &path, value);
            }
        }
    }
    fill_in(&mut table, "", environment, &base, &mut problems);
    if problems.is_empty() { Ok((table, base)) } else { Err(ConfigError(problems)) }
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// An environment value takes the type of the key it replaces; unknown keys are texts and are refused later.
fn set(table: &mut Table, path: &[&str], text: &str) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        let value = match table.get(*first) {
            Some(Value::Integer(_)) => text.parse().map(Value::Integer).ok(),
            Some(Value::Boolean(_)) => text.parse().map(Value::Boolean).ok(),
            Some(Value::Array(_)) => {
                Some(Value::Array(text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(Value::from).collect()))
            }
            _ => None,
        };
        table.insert((*first).to_owned(), value.unwrap_or_else(|| Value::String(text.to_owned())));
    } else if let Value::Table(inner) = table.entry(*first).or_insert_with(|| Value::Table(Table::new())) {
        set(inner, rest, text);
    }
}

/// Replaces `${NAME}` values and `KEY_file` keys. Only whole values: nothing is ever interpolated into a text.
fn fill_in(table: &mut Table, path: &str, environment: &[(String, String)], base: &Path, problems: &mut Vec<Problem>) {
    let files: Vec<String> = table
        .iter()
        .filter(|(key, value)| value.is_str() && key.strip_suffix("_file").is_some_and(|k| SECRET_KEYS.contains(&k)))
        .map(|(key, _)| key.clone())
        .collect();
    for key in files {
        let Some(Value::String(file)) = table.remove(&key) else { continue };
        match std::fs::read_to_string(base.join(&file)) {
            Ok(secret) => {
                let secret = Value::String(secret.trim_end_matches(['\r', '\n']).to_owned());
                table.insert(key.trim_end_matches("_file").to_owned(), secret);
            }
            Err(error) => problems.push(problem(
                &join(path, &key),
                &format!("{file}: {error}"),
                "check the path and its permissions",
            )),
        }
    }
    for (key, value) in table.iter_mut() {
        let path = join(path, key);
        match value {
            Value::Table(inner) => fill_in(inner, &path, environment, base, problems),
            Value::String(text) => {
                let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else { continue };
                match environment.iter().find(|(known, _)| known == name) {
                    Some((_, found)) => *text = found.clone(),
                    None => problems.push(problem(
                        &path,
                        &format!("the environment has no variable {name}"),
                        &format!("export {name}=..., or use {key}_file with a path"),
                    )),
                }
            }
            _ => {}
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Finds unknown keys and wrong types by comparing with the defaults, so that all of them are reported at once.
pub(super) fn compare(own: &Table, defaults: &Table, path: &str, problems: &mut Vec<Problem>) {
    for (key, value) in own {
        let here = join(path, key);
        match defaults.get(key) {
            _ if ["channels", "fetch.resolve", "prior_price", "vat.on_change_in"].contains(&path) => {}
            None => {
                let known = defaults.keys().map(String::as_str);
                problems.push(problem(&here, "there is no such key", &closest(key, known)));
            }
            Some(Value::Table(inner)) => match value {
                Value::Table(own) => compare(own, inner, &here, problems),
                _ => problems.push(problem(&here, "must be a table", &format!("write [{here}] and its keys below"))),
            },
            Some(default) if default.type_str() != value.type_str() => {
                // A number that wants quotes is told as it was meant.
                let example = match (default, value) {
                    (Value::String(_), Value::Integer(_) | Value::Float(_)) => Value::String(value.to_string()),
                    _ => default.clone(),
                };
                problems.push(problem(
                    &here,
                    &format!("is {} where {} is expected", value.type_str(), default.type_str()),
                    &format!("for example {key} = {example}"),
                ));
            }
            Some(_) => {}
        }
    }
}

fn closest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let distance = |a: &str, b: &str| {
        let shared = a.chars().filter(|c| b.contains(*c)).count();
        a.len().max(b.len()) - shared.min(a.len().min(b.len()))
    };
    match known.iter().min_by_key(|candidate| distance(key, candidate)) {
        Some(best) if distance(key, best) <= 2 => format!("did you mean `{best}`?"),
        _ => format!("known keys: {}", known.join(", ")),
    }
}

/// The merged configuration as TOML with secrets masked, for `config show`.
#[must_use]
pub fn masked(table: &Table) -> String {
    fn mask(table: &mut Table) {
        for (key, value) in table.iter_mut() {
            match value {
                Value::Table(inner) => mask(inner),
                Value::String(text) if SECRET_KEYS.iter().any(|secret| key.ends_with(secret)) && !text.is_empty() => {
                    "***".clone_into(text);
                }
                Value::String(text) if key == "url" => {
                    if let Ok(mut url) = url::Url::parse(text)
                        && url.password().is_some()
                    {
                        // A URL that cannot carry a password has none to hide.
                        let _ = url.set_password(Some("***"));
                        *text = url.to_string();
                    }
                }
                _ => {}
            }
        }
    }
    let mut table = table.clone();
    mask(&mut table);
    toml::to_string_pretty(&table).unwrap_or_else(|e| format!("# cannot be shown: {e}\n"))
}
