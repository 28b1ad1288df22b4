//! Alerts to Slack, Teams and any other receiver by HTTP. The generic one is signed by Standard Webhooks 1.0: the same
//! `webhook-id` on every try, HMAC-SHA256 over `id.timestamp.body`.

use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;

use super::alert_text;
use super::alerts::{Body, Item};
use super::digest::Digest;
use super::lang::{Kind, Voice};
use super::mail::MailError;
use super::text::{hint, message};
use crate::channel::Class;
use crate::channel::wire::http::{Answer, Call, Http};
use crate::channel::wire::signed::{self, MAX_PAYLOAD};
use crate::clock::Millis;
use crate::config::{Config, Language};

/// Slack takes 3,000 characters in a section; Teams some 28 kB in a message.
const MAX_CHAT: usize = 2_900;

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

    /// The language that it is spoken to in.
    #[must_use]
    pub fn language(self, config: &Config) -> Language {
        let own = match self {
            Self::Slack => config.alerts.slack_language,
            Self::Teams => config.alerts.teams_language,
            Self::Webhook => None,
        };
        own.unwrap_or(config.alerts.webhook_language)
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
        voice: &Voice,
    ) -> Result<String, MailError> {
        let permanent = |why: String| MailError::Permanent(format!("{}: {why}", self.name()));
        let url = Url::parse(self.address(config)).map_err(|e| permanent(e.to_string()))?;
        let payload = match self {
            Self::Slack => slack(told),
            Self::Teams => teams(told),
            Self::Webhook => webhook(at, body, told, voice),
        };
        let payload = serde_json::to_vec(&payload).map_err(|e| permanent(e.to_string()))?;
        let headers = match self {
            Self::Slack | Self::Teams => HeaderMap::new(),
            Self::Webhook => {
                let key = signed::key(config.alerts.webhook_secret.expose_secret())
                    .ok_or_else(|| permanent("alerts.webhook_secret has another form".to_owned()))?;
                signed::headers(&key, id, at, &payload).ok_or_else(|| permanent("cannot be signed".to_owned()))?
            }
        };
        let http = Http::with_timeout(config.publish.timeout.duration()).map_err(permanent)?;
        let answer = http.ask(Call::json(Method::POST, url, headers), payload).await;
        match answer.and_then(Answer::ok) {
            Ok(answer) => Ok(format!("{} answered {}", self.name(), answer.status)),
            Err(error) => Err(match error.class {
                Class::Rejected | Class::Refused | Class::Forbidden | Class::Gone => permanent(error.message),
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

/// An event as the receiver reads it: kinds, names and instants are the same in every language, sentences are not.
fn event(item: &Item, voice: &Voice) -> Value {
    json!({
        "kind": item.kind, "severity": item.severity, "sku": item.sku, "channel": item.channel,
        "competitor": item.competitor, "title": Kind::told(&item.kind, &item.message).text(voice.language).title,
        "message": message(&voice.tell(&item.message)), "hint": hint(&item.hint, item.sku.as_deref(), voice),
        "times": item.times, "first_at": item.first_at, "resolved_at": item.resolved_at,
    })
}

fn webhook(at: Millis, body: &Body, told: &Digest, voice: &Voice) -> Value {
    let kind = if body.open > 0 { "alert.raised" } else { "alert.resolved" };
    let events: Vec<Value> = body.items.iter().map(|item| event(item, voice)).collect();
    let mut named = events.len();
    loop {
        let data = json!({
            "language": voice.language.code(), "subject": told.subject, "open": body.open, "resolved": body.resolved,
            "events": events.get(..named).unwrap_or_default(),
        });
        let message = json!({ "type": kind, "timestamp": at.to_string(), "data": data });
        if named == 0 || message.to_string().len() <= MAX_PAYLOAD {
            return message;
        }
        named /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let voice = Voice::new(Language::De, "UTC");
        let message = webhook(Millis(0), &body(50), &told, &voice);
        assert!(message.to_string().len() <= MAX_PAYLOAD);
        assert_eq!((&message["data"]["open"], &message["data"]["language"]), (&json!(50), &json!("de")));
        assert!(message["data"]["events"].as_array().unwrap().len() <= 50, "what is not named is counted");
        let slack = slack(&told);
        assert_eq!(slack["text"], "&lt;!channel&gt; &amp; @all");
        assert!(slack["blocks"][0]["text"]["text"].as_str().unwrap().chars().count() <= MAX_CHAT);
        assert!(teams(&told).to_string().len() < 28_000);
    }
}
