//! Mail through SMTP, or as .eml files until a server is configured. Temporary and permanent failures are told apart;
//! the Message-ID is chosen before the first try and stays the same.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::digest::Digest;
use crate::clock::Millis;
use crate::config::{Config, MailSecurity, MailTransport};

/// A whole conversation may take so many times the timeout of one command: a server that answers slowly, but does
/// answer, must not hold a worker for ever.
const CONVERSATION: u32 = 4;

/// Where mail goes.
pub enum Mailer {
    Smtp {
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        deadline: Duration,
    },
    /// One .eml per mail, named after its Message-ID, so that a repeat replaces itself.
    Directory(PathBuf),
}

/// A mail that did not go out.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Greylisting, a busy or unreachable server, credentials that it does not take, or a connection cut after the data:
    /// try again, same Message-ID.
    #[error("not sent yet: {0}")]
    Temporary(String),
    /// The server will not take this mail: unknown recipient, too large, refused for what is in it.
    #[error("refused: {0}\nhint: `omniprice mail test` shows what the server says")]
    Permanent(String),
}

/// A mail's envelope.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    pub from: String,
    pub to: String,
    pub message_id: String,
    pub at: Millis,
    /// The signed address that ends all mails by one POST (RFC 8058).
    pub unsubscribe: Option<String>,
    /// Message-IDs of the thread that this mail goes on with, oldest first.
    pub references: Vec<String>,
}

impl Mailer {
    /// # Errors
    /// A certificate file that cannot be read, or a TLS set-up that fails.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mail = &config.mail;
        if mail.transport == MailTransport::Directory {
            return Ok(Self::Directory(config.path(&mail.directory)));
        }
        let mut tls = TlsParameters::builder(mail.host.clone());
        if !mail.ca_file.as_os_str().is_empty() {
            let path = config.path(&mail.ca_file);
            let pem = std::fs::read(&path).map_err(|e| format!("mail.ca_file: {}: {e}", path.display()))?;
            tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| format!("mail.ca_file: {e}"))?);
        }
        let tls = match mail.security {
            MailSecurity::None => Tls::None,
            MailSecurity::Starttls => Tls::Required(tls.build().map_err(|e| format!("mail: {e}"))?),
            MailSecurity::Tls => Tls::Wrapper(tls.build().map_err(|e| format!("mail: {e}"))?),
        };
        let timeout = mail.timeout.duration().max(Duration::from_secs(1));
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host)
            .port(mail.port)
            .tls(tls)
            .timeout(Some(timeout));
        if !mail.user.is_empty() {
            smtp = smtp.credentials(Credentials::new(mail.user.clone(), mail.password.expose_secret().to_owned()));
        }
        Ok(Self::Smtp { transport: Box::new(smtp.build()), deadline: timeout * CONVERSATION })
    }

    /// Sends one digest to one person.
    ///
    /// # Errors
    /// `Temporary` is worth another try, `Permanent` is not.
    pub async fn send(&self, digest: &Digest, envelope: &Envelope) -> Result<String, MailError> {
        let message = compose(digest, envelope).map_err(MailError::Permanent)?;
        match self {
            Self::Smtp { transport, deadline } => {
                match tokio::time::timeout(*deadline, transport.send(message)).await {
                    Ok(Ok(response)) => Ok(response.message().collect::<Vec<_>>().join(" ")),
                    Ok(Err(error)) if error.is_permanent() && !is_about_us(&error) => {
                        Err(MailError::Permanent(error.to_string()))
                    }
                    Ok(Err(error)) => Err(MailError::Temporary(error.to_string())),
                    Err(_) => Err(MailError::Temporary(format!("not done after {} s", deadline.as_secs()))),
                }
            }
            Self::Directory(folder) => write(folder, &message.formatted(), &envelope.message_id)
                .await
                .map_err(|e| MailError::Temporary(format!("{}: {e}", folder.display()))),
        }
    }

    /// Asks the server whether it takes our connection and credentials, without sending anything.
    ///
    /// # Errors
    /// What it says.
    pub async fn probe(&self) -> Result<String, MailError> {
        match self {
            Self::Smtp { transport, deadline } => {
                match tokio::time::timeout(*deadline, transport.test_connection()).await {
                    Ok(Ok(true)) => Ok("the mail server takes our connection".to_owned()),
                    Ok(Ok(false)) => Err(MailError::Temporary("the mail server does not answer NOOP".to_owned())),
                    Ok(Err(error)) => Err(MailError::Temporary(error.to_string())),
                    Err(_) => Err(MailError::Temporary(format!("not done after {} s", deadline.as_secs()))),
                }
            }
            Self::Directory(folder) => Ok(format!("mail is written to {}", folder.display())),
        }
    }
}

/// Whether a refusal is of our login and not of the mail: somebody can mend it, and then the mail goes (RFC 4954 section 6;
/// 521 of RFC 7504 is a host that takes no mail at all, which is a setting of ours, too).
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    matches!(code, Some(521 | 530 | 534 | 535 | 538))
}

async fn write(folder: &std::path::Path, eml: &[u8], message_id: &str) -> std::io::Result<String> {
    let name: String =
        message_id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    tokio::fs::create_dir_all(folder).await?;
    let (temporary, path) = (folder.join(format!("{name}.tmp")), folder.join(format!("{name}.eml")));
    tokio::fs::write(&temporary, eml).await?;
    tokio::fs::rename(&temporary, &path).await?;
    Ok(path.display().to_string())
}

/// Addresses are parsed from text without control characters: lettre panics on a line break in a display name.
fn mailbox(text: &str) -> Result<Mailbox, String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    clean.parse().map_err(|e| format!("`{clean}`: {e}"))
}

fn compose(digest: &Digest, envelope: &Envelope) -> Result<Message, String> {
    let date = std::time::UNIX_EPOCH + Duration::from_millis(envelope.at.0.unsigned_abs());
    let mut builder = Message::builder()
        .from(mailbox(&envelope.from)?)
        .to(mailbox(&envelope.to)?)
        .subject(&digest.subject)
        .date(date)
        .message_id(Some(envelope.message_id.clone()));
    if let Some(last) = envelope.references.last() {
        builder = builder.in_reply_to(last.clone()).references(envelope.references.join(" "));
    }
    let mut message = builder.multipart(body(digest)?).map_err(|e| e.to_string())?;
    // RFC 3834: a machine wrote this; RFC 2919: one list, so that people can filter it.
    let list = format!("omniprice digest <digest.{}>", domain(&envelope.from));
    // Constants of ours and a signed address: ASCII without line breaks.
    let mut headers = vec![("Auto-Submitted", "auto-generated".to_owned()), ("List-Id", list)];
    if let Some(url) = &envelope.unsubscribe {
        headers.push(("List-Unsubscribe", format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    for (name, value) in headers {
        // Ready as it is: an encoder would break a long signed address, which has no place to fold.
        message.headers_mut().insert_raw(HeaderValue::dangerous_new_pre_encoded(
            HeaderName::new_from_ascii_str(name),
            value.clone(),
            value,
        ));
    }
    Ok(message)
}

/// Text and HTML as alternatives, pictures related to the HTML, files beside both.
fn body(digest: &Digest) -> Result<MultiPart, String> {
    let kind = |media_type: &str| ContentType::parse(media_type).map_err(|e| format!("{media_type}: {e}"));
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(digest.text.clone());
    let mut both = MultiPart::alternative().singlepart(text);
    if !digest.html.is_empty() {
        let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(digest.html.clone());
        both = if digest.images.is_empty() {
            both.singlepart(html)
        } else {
            let mut related = MultiPart::related().singlepart(html);
            for image in &digest.images {
                let picture = Attachment::new_inline(image.cid.clone()).body(image.png.clone(), kind("image/png")?);
                related = related.singlepart(picture);
            }
            both.multipart(related)
        };
    }
    if digest.files.is_empty() {
        return Ok(both);
    }
    let mut mixed = MultiPart::mixed().multipart(both);
    for file in &digest.files {
        let attachment = Attachment::new(file.name.clone()).body(file.bytes.clone(), kind(file.media_type)?);
        mixed = mixed.singlepart(attachment);
    }
    Ok(mixed)
}

/// The domain of our own address: what Message-IDs and the list are named after.
#[must_use]
pub fn domain(from: &str) -> String {
    let address = crate::config::address(from);
    let domain = address.rsplit_once('@').map_or("omniprice.localhost", |(_, domain)| domain);
    domain.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        Digest {
            subject: "Prices: 3 æøå".into(), text: "text".into(), html: "<p>html</p>".into(), ..Digest::default()
        }
    }

    fn envelope(to: &str) -> Envelope {
        Envelope {
            from: "omniprice <o@localhost>".into(),
            to: to.into(),
            message_id: "<1.a@localhost>".into(),
            ..Envelope::default()
        }
    }

    #[test]
    fn both_parts_and_the_headers_of_a_machine_are_there() {
        let eml = String::from_utf8(compose(&digest(), &envelope("A <a@shop.test>")).unwrap().formatted()).unwrap();
        for expected in [
            "Message-ID: <1.a@localhost>",
            "Auto-Submitted: auto-generated",
            "List-Id:",
            "multipart/alternative",
            "text/plain",
            "text/html",
        ] {
            assert!(eml.contains(expected), "{expected} in {eml}");
        }
    }

    #[test]
    fn a_line_break_in_a_name_adds_no_header() {
        let eml = compose(&digest(), &envelope("A\r\nBcc: x@example.com <a@shop.test>"));
        if let Ok(message) = eml {
            let text = String::from_utf8(message.formatted()).unwrap();
            assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        }
    }
}
