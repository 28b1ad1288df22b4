//! Alerts to Slack, Teams and any other receiver by HTTP. The generic one is signed by Standard Webhooks 1.0: the same
//! `webhook-id` on every try, HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

use super::alert_text;
use super::alerts::Body;
use super::digest::Digest;
use super::mail::MailError;
use crate::channel::http::Http;
use crate::channel::{Class, Setting};
use crate::clock::Millis;
use crate::config::Config;

/// The specification asks for secrets of 24 to 64 bytes, and for messages below 20 kB.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const MAX_PAYLOAD: usize = 20_000;
/// Slack takes 3,000 characters in a section; Teams some 28 kB in a message.
const MAX_CHAT: usize = 2_900;

/// The key inside `whsec_...`; none if it has another form or length.
#[must_use]
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let encoded = secret.strip_prefix("whsec_")?;
    BASE64.decode(encoded).ok().filter(|key| SECRET_BYTES.contains(&key.len()))
}

/// A receiver of alerts other than a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    Slack,
    Teams,
    Webhook,
}

impl Hook {
    pub const ALL: [Self; 3] = [Self::Slack, Self::Teams, Self::Webhook];

    /// The name of the target; no mail address looks like it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slack => "hook:slack",
            Self::Teams => "hook:teams",
            Self::Webhook => "hook:webhook",
        }
    }

    /// The receiver with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }

    fn address(self, config: &Config) -> &str {
        match self {
            Self::Slack => config.alerts.slack.expose_secret(),
            Self::Teams => config.alerts.teams.expose_secret(),
            Self::Webhook => &config.alerts.webhook,
        }
    }

    #[must_use]
    pub fn is_configured(self, config: &Config) -> bool {
        !self.address(config).is_empty()
    }

    /// Sends one message. `id` and `at` are those of the message, so that every try carries the same bytes.
    ///
    /// # Errors
    /// `Temporary` is worth another try, `Permanent` is not.
    pub async fn send(
        self,
        config: &Config,
        id: &str,
        at: Millis,
        body: &Body,
        told: &Digest,
    ) -> Result<String, MailError> {
        let permanent = |why: String| MailError::Permanent(format!("{}: {why}", self.name()));
        let url = Url::parse(self.address(config)).map_err(|e| permanent(e.to_string()))?;
        let payload = match self {
            Self::Slack => slack(told),
            Self::Teams => teams(told),
            Self::Webhook => webhook(at, body, told),
        };
        let payload = serde_json::to_vec(&payload).map_err(|e| permanent(e.to_string()))?;
        let headers = match self {
            Self::Slack | Self::Teams => HeaderMap::new(),
            Self::Webhook => {
                let key = key(config.alerts.webhook_secret.expose_secret())
                    .ok_or_else(|| permanent("alerts.webhook_secret has another form".to_owned()))?;
                signed(&key, id, at, &payload).ok_or_else(|| permanent("cannot be signed".to_owned()))?
            }
        };
        let setting = Setting {
            name: self.name().to_owned(),
            timeout: config.publish.timeout.duration(),
            base: config.base.clone(),
        };
        let http = Http::new(&setting).map_err(permanent)?;
        match http.ask(&url, headers, payload).await {
            Ok(answer) => Ok(format!("{} answered {}", self.name(), answer.status)),
            Err(error) => Err(match error.class {
                Class::Rejected | Class::Refused => permanent(error.message),
                Class::Retry { .. } | Class::Unknown => {
                    MailError::Temporary(format!("{}: {}", self.name(), error.message))
                }
            }),
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// Plain text blocks: nothing in them is read as markup, so scraped text cannot mention or link.
fn slack(told: &Digest) -> Value {
    let section =
        json!({ "type": "section", "text": { "type": "plain_text", "text": cut(&alert_text::chat(told), MAX_CHAT) } });
    let fallback = told.subject.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": fallback, "blocks": [section] })
}

/// Rich text runs: unlike text blocks they know no markup.
fn teams(told: &Digest) -> Value {
    let run = |text: &str, weight: &str| {
        json!({
            "type": "RichTextBlock",
            "inlines": [{ "type": "TextRun", "text": text, "weight": weight }],
        })
    };
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [run(&told.subject, "Bolder"), run(&cut(&told.text, MAX_CHAT), "Default")],
    });
    json!({ "type": "message", "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "content": card }] })
}

fn webhook(at: Millis, body: &Body, told: &Digest) -> Value {
    let kind = if body.open > 0 { "alert.raised" } else { "alert.resolved" };
    let mut named = body.items.len();
    loop {
        let data = json!({
            "subject": told.subject, "open": body.open, "resolved": body.resolved,
            "events": body.items.get(..named).unwrap_or_default(),
        });
        let message = json!({ "type": kind, "timestamp": at.to_string(), "data": data });
        if named == 0 || message.to_string().len() <= MAX_PAYLOAD {
            return message;
        }
        named /= 2;
    }
}

fn signed(key: &[u8], id: &str, at: Millis, body: &[u8]) -> Option<HeaderMap> {
    let timestamp = (at.0 / Millis::SECOND).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let signature = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
    let mut headers = HeaderMap::new();
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::alerts::Item;

    fn body(n: usize) -> Body {
        let item = Item {
            kind: "drift".into(),
            severity: "warning".into(),
            sku: Some("A".into()),
            channel: Some("shop".into()),
            competitor: None,
            message: "x".repeat(1_000),
            hint: String::new(),
            times: 1,
            first_at: 0,
            resolved_at: None,
        };
        Body { items: vec![item; n], open: n, resolved: 0 }
    }

    #[test]
    fn messages_stay_below_what_receivers_take() {
        let told = Digest { subject: "<!channel> & @all".into(), text: "ø".repeat(90_000), ..Digest::default() };
        let message = webhook(Millis(0), &body(50), &told);
        assert!(message.to_string().len() <= MAX_PAYLOAD);
        assert_eq!(message["data"]["open"], 50, "what is not named is counted");
        let slack = slack(&told);
        assert_eq!(slack["text"], "&lt;!channel&gt; &amp; @all");
        assert!(slack["blocks"][0]["text"]["text"].as_str().unwrap().chars().count() <= MAX_CHAT);
        assert!(teams(&told).to_string().len() < 28_000);
    }

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example of the Standard Webhooks specification.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Millis(1_614_265_330_000);
        let headers = signed(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(super::key("whsec_c2hvcnQ=").is_none() && super::key("nonsense").is_none());
    }
}
