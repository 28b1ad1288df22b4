//! What a look at a Shopware shop asks: the currency, the integration's rights and who sees which side of a price. All of
//! it is read.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shopware;
use crate::channel::wire::graphql::text;
use crate::channel::{ChannelError, Class, Probe, Tax};

/// What reading and writing prices takes; an administrator has them all.
const RIGHTS: [&str; 4] = ["product:read", "product:update", "tax:read", "currency:read"];

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    acl_roles: Vec<Role>,
}

#[derive(Deserialize)]
struct Role {
    #[serde(default)]
    privileges: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    #[serde(default)]
    display_gross: bool,
}

impl Integration {
    /// The rights that prices need and that none of its roles has.
    fn lacks(&self) -> Vec<&'static str> {
        let has = |right: &str| self.acl_roles.iter().any(|role| role.privileges.iter().any(|own| own == right));
        RIGHTS.into_iter().filter(|right| !self.admin && !has(right)).collect()
    }
}

/// The right that an answer says to be missing, as far as it says.
fn missing_right(status: u16, answer: &Value) -> Option<String> {
    let detail = answer.pointer("/errors/0").and_then(|error| text(error, "detail"));
    let detail = detail.and_then(|detail| serde_json::from_str::<Value>(&detail).ok());
    let first = detail.as_ref().and_then(|detail| detail.pointer("/missingPrivileges/0")).and_then(Value::as_str);
    (status == 403).then(|| first.unwrap_or("product:read").chars().take(60).collect())
}

impl Shopware {
    /// Rows of a search; nothing where the integration has no right to ask.
    async fn allowed<T: serde::de::DeserializeOwned>(
        &self,
        entity: &str,
        criteria: &Value,
    ) -> Result<Option<Vec<T>>, ChannelError> {
        match self.search(entity, criteria).await {
            Ok(answer) => Ok(Some(answer.parse::<Page<T>>()?.data)),
            Err(error) if error.class == Class::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The rights that the integration lacks: a problem if the shop tells, a note of what to compare if it does not.
    async fn rights(&self, problems: &mut Vec<String>, notes: &mut Vec<String>) -> Result<(), ChannelError> {
        let lacks = |rights: &str| format!("the integration lacks {rights}; give its role this right");
        let sample = json!({ "limit": 1, "associations": { "tax": {} },
            "includes": { "product": ["id"], "tax": ["taxRate"] } });
        let call = self.call(Method::POST, &["search", "product"]);
        let answer = self.session.ask(call, sample.to_string().into_bytes()).await?;
        match missing_right(answer.status, &answer.json().unwrap_or_default()) {
            Some(right) => problems.push(lacks(&right)),
            None => drop(answer.ok()?),
        }
        let own = json!({ "limit": 1, "associations": { "aclRoles": {} },
            "filter": [{ "type": "equals", "field": "accessKey", "value": self.client_id }],
            "includes": { "integration": ["admin", "aclRoles"], "acl_role": ["privileges"] } });
        match self.allowed::<Integration>("integration", &own).await?.and_then(|own| own.into_iter().next()) {
            Some(own) => {
                let missing = own.lacks();
                let told = |right: &&str| !problems.contains(&lacks(right));
                let missing: Vec<&str> = missing.into_iter().filter(told).collect();
                if !missing.is_empty() {
                    problems.push(lacks(&missing.join(", ")));
                }
            }
            None => notes.push(format!(
                "the shop does not tell this integration its own rights (that takes integration:read); compare its role with {}",
                RIGHTS.join(", ")
            )),
        }
        Ok(())
    }

    /// Who sees which side of a price. Both are written, so neither is wrong by itself; a person has to know.
    async fn sides(&self) -> Result<String, ChannelError> {
        let criteria = json!({ "limit": 100, "includes": { "customer_group": ["displayGross"] } });
        let Some(groups) = self.allowed::<Group>("customer-group", &criteria).await? else {
            return Ok(
                "the shop does not tell which customers see net prices (that takes customer_group:read); compare tax with Settings, Customer groups"
                    .to_owned(),
            );
        };
        let gross = groups.iter().filter(|group| group.display_gross).count();
        let net = groups.len() - gross;
        let ours = if self.tax == Tax::Gross { "gross" } else { "net" };
        Ok(format!(
            "{gross} customer groups see gross prices and {net} see net ones; our prices are the {ours} side and the other one is computed"
        ))
    }

    pub(super) async fn look(&self) -> Result<Probe, ChannelError> {
        let answer = self.session.ask(self.call(Method::GET, &["_info", "version"]), vec![]).await?.ok()?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let version = text(&answer.json()?, "version").unwrap_or_default();
        match self.currency_id().await {
            Ok(_) => {}
            Err(error) if error.class == Class::Forbidden => {
                problems.push("the integration lacks currency:read; give its role this right".to_owned());
            }
            Err(error) if error.class.refuses() => {
                problems.push(format!("{}; set currency to one that it has", error.message));
            }
            Err(error) => return Err(error),
        }
        let mut notes = Vec::new();
        self.rights(&mut problems, &mut notes).await?;
        notes.push(self.sides().await?);
        Ok(Probe::of(format!("Shopware {version}"), problems).noting(notes))
    }
}
