//! Where files are dropped: a folder, or a folder of an SFTP server that proves to be the one we know.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate, decode_secret_key};
use russh_sftp::client::SftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::fs::File as SftpFile;
use russh_sftp::protocol::{OpenFlags, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use crate::channel::wire::files;
use crate::channel::{ChannelError, Class};

const SSH_PORT: u16 = 22;
/// Names in a folder; more is not a folder for prices.
const MAX_NAMES: usize = 100_000;
/// An acknowledgement that is larger is none.
const MAX_FILE: u64 = 64 * 1024 * 1024;

pub(super) enum Place {
    Folder(PathBuf),
    Sftp(Box<Remote>),
}

/// A folder of an SFTP server.
pub(super) struct Remote {
    host: String,
    port: u16,
    user: String,
    folder: String,
    key: SecretString,
    known: PublicKey,
    pub patience: Duration,
}

/// One visit: an open folder.
pub(super) enum Visit {
    Folder(PathBuf),
    /// The connection lives as long as its handle.
    Sftp {
        sftp: Box<SftpSession>,
        folder: String,
        _connection: Box<Handle<Known>>,
    },
}

fn retry(text: impl Into<String>) -> ChannelError {
    ChannelError::new(Class::Retry { after_ms: None }, text)
}

impl Place {
    /// # Errors
    /// `Refused` for a key or a folder that is not taken, `Retry` for a server that is not there.
    pub(super) async fn open(&self) -> Result<Visit, ChannelError> {
        match self {
            // Never made here: where another disk should be mounted, a folder of ours would swallow the files.
            Self::Folder(folder) if !folder.is_dir() => Err(ChannelError::new(
                Class::Refused,
                format!("there is no folder {0}; make it (mkdir -p {0}) or mount it", folder.display()),
            )),
            Self::Folder(folder) => Ok(Visit::Folder(folder.clone())),
            Self::Sftp(remote) => {
                let opened = tokio::time::timeout(remote.patience, remote.connect()).await;
                opened.map_err(|_| retry("the SFTP server does not answer within the deadline"))?
            }
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => format!("folder {}", folder.display()),
            Self::Sftp(remote) => format!("SFTP folder {} on {}:{}", remote.folder, remote.host, remote.port),
        }
    }
}

impl Remote {
    /// # Errors
    /// A text for a person.
    pub(super) fn new(url: &Url, key: SecretString, known_host: &str) -> Result<Box<Self>, String> {
        let host = url.host_str().filter(|_| url.scheme() == "sftp").ok_or("url looks like sftp://user@host/folder")?;
        if url.username().is_empty() || url.password().is_some() {
            return Err("url names a user and no password: sftp://user@host/folder".to_owned());
        }
        // A line of known_hosts has names before the key, ssh-keyscan prints them too.
        let parts: Vec<&str> = known_host.split_whitespace().collect();
        let at = parts.iter().position(|part| part.starts_with("ssh-") || part.starts_with("ecdsa-"));
        let known = at.and_then(|at| parts.get(at..at + 2)).map(|pair| pair.join(" "));
        let known = known.and_then(|text| PublicKey::from_openssh(&text).ok());
        Ok(Box::new(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(SSH_PORT),
            user: url.username().to_owned(),
            folder: url.path().trim_end_matches('/').to_owned(),
            key,
            known: known.ok_or("known_host looks like \"ssh-ed25519 AAAAC3Nza...\"; ssh-keyscan HOST prints it")?,
            patience: Duration::from_secs(30),
        }))
    }

    async fn connect(&self) -> Result<Visit, ChannelError> {
        let refused = |text: String| ChannelError::new(Class::Refused, text);
        let key = self.private_key().map_err(refused)?;
        let config = client::Config { inactivity_timeout: Some(self.patience), ..client::Config::default() };
        let known = Known { key: self.known.clone() };
        let connected = client::connect(Arc::new(config), (self.host.as_str(), self.port), known).await;
        let mut connection = connected.map_err(|error| match error {
            russh::Error::UnknownKey => refused("the SFTP server has another key than known_host says".to_owned()),
            other => retry(format!("the SFTP server cannot be reached: {other}")),
        })?;
        let hash = connection.best_supported_rsa_hash().await.ok().flatten().flatten();
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let login = connection.authenticate_publickey(self.user.as_str(), key).await;
        if !login.map_err(|why| retry(format!("the SFTP login broke off: {why}")))?.success() {
            return Err(refused(format!("the SFTP server does not take the key of {}", self.user)));
        }
        let broken = |why: String| retry(format!("the SFTP server opens no session: {why}"));
        let channel = connection.channel_open_session().await.map_err(|why| broken(why.to_string()))?;
        channel.request_subsystem(true, "sftp").await.map_err(|why| broken(why.to_string()))?;
        let sftp = SftpSession::new(channel.into_stream()).await.map_err(|why| broken(why.to_string()))?;
        sftp.set_timeout(self.patience.as_secs().max(1));
        Ok(Visit::Sftp { sftp: Box::new(sftp), folder: self.folder.clone(), _connection: Box::new(connection) })
    }

    fn private_key(&self) -> Result<PrivateKey, String> {
        // Keys in environment variables often carry the two characters \n instead of line ends.
        let pem = self.key.expose_secret().replace("\\n", "\n");
        decode_secret_key(&pem, None)
            .map_err(|_| "private_key is no key that can be read without a passphrase".to_owned())
    }
}

/// Takes the one server key that the table names.
pub(super) struct Known {
    key: PublicKey,
}

impl client::Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(&mut self, server: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(match server {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.key_data() == self.key.key_data(),
            PublicKeyOrCertificate::Certificate(_) => false,
        })
    }
}

/// `late` is the class of what may have happened although no answer said so.
fn sftp_error(what: &str, error: &SftpError, late: Class) -> ChannelError {
    let class = match error {
        SftpError::Status(status) => match status.status_code {
            StatusCode::PermissionDenied | StatusCode::NoSuchFile => Class::Refused,
            _ => Class::Retry { after_ms: None },
        },
        _ => late,
    };
    ChannelError::new(class, format!("{what}: {error}"))
}

impl Visit {
    /// All names in the folder.
    pub(super) async fn names(&mut self) -> Result<Vec<String>, ChannelError> {
        let names: Vec<String> = match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || {
                    let entries = std::fs::read_dir(&folder)?.take(MAX_NAMES + 1);
                    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
                })
                .await
                .map_err(|why| folder_error("the folder cannot be listed", &why))?
            }
            Self::Sftp { sftp, folder, .. } => {
                let listed = sftp.read_dir(if folder.is_empty() { "/" } else { folder.as_str() }).await;
                let listed = listed
                    .map_err(|why| sftp_error("the folder cannot be listed", &why, Class::Retry { after_ms: None }));
                listed?.take(MAX_NAMES + 1).map(|entry| entry.file_name()).collect()
            }
        };
        if names.len() > MAX_NAMES {
            return Err(ChannelError::new(
                Class::Refused,
                format!("the folder has more than {MAX_NAMES} files; clear it"),
            ));
        }
        Ok(names)
    }

    /// A file's content; `None` if it is not there.
    pub(super) async fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, ChannelError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let body = blocking(move || {
                    let mut body = Vec::new();
                    std::io::Read::read_to_end(
                        &mut std::io::Read::take(std::fs::File::open(path)?, MAX_FILE),
                        &mut body,
                    )?;
                    Ok(body)
                });
                match body.await {
                    Ok(body) => Ok(Some(body)),
                    Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(why) => Err(folder_error(name, &why)),
                }
            }
            Self::Sftp { sftp, folder, .. } => {
                let file = match sftp.open(format!("{folder}/{name}")).await {
                    Ok(file) => file,
                    Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => return Ok(None),
                    Err(why) => return Err(sftp_error(name, &why, Class::Retry { after_ms: None })),
                };
                let mut body = Vec::new();
                file.take(MAX_FILE).read_to_end(&mut body).await.map_err(|why| retry(format!("{name}: {why}")))?;
                Ok(Some(body))
            }
        }
    }

    /// Writes a file that must not be there yet; false if it is, because somebody else has taken its name.
    ///
    /// In a folder it is written under a temporary name, so that nobody sees a half. Not every SFTP server renames without
    /// replacing, so that there the file is opened under its own name, for us alone.
    ///
    /// # Errors
    /// The place's own; what may be half written has no manifest.
    pub(super) async fn create(&mut self, name: &str, body: &[u8]) -> Result<bool, ChannelError> {
        match self {
            Self::Folder(folder) => {
                let (path, body) = (folder.join(name), body.to_vec());
                blocking(move || files::create(&path, &body)).await.map_err(|why| folder_error(name, &why))
            }
            Self::Sftp { sftp, folder, .. } => {
                let target = format!("{folder}/{name}");
                let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
                match sftp.open_with_flags(target.as_str(), flags).await {
                    Ok(file) => fill(file, name, body).await.map(|()| true),
                    // The protocol has no word of its own for a name that is taken.
                    Err(_) if sftp.try_exists(target).await.unwrap_or(false) => Ok(false),
                    Err(why) => Err(sftp_error(name, &why, Class::Retry { after_ms: None })),
                }
            }
        }
    }

    /// Writes a file under a temporary name and renames it, so that nobody sees a half.
    ///
    /// # Errors
    /// `Unknown` if the rename may have happened.
    pub(super) async fn put(&mut self, name: &str, body: &[u8]) -> Result<(), ChannelError> {
        match self {
            Self::Folder(folder) => {
                let (path, body) = (folder.join(name), body.to_vec());
                let done = blocking(move || files::replace(&path, &body)).await;
                done.map_err(|why| folder_error(name, &why))
            }
            Self::Sftp { sftp, folder, .. } => {
                let (temporary, target) = (format!("{folder}/.{name}.tmp"), format!("{folder}/{name}"));
                let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
                let opened = sftp.open_with_flags(temporary.as_str(), flags).await;
                let file = opened.map_err(|why| sftp_error(name, &why, Class::Retry { after_ms: None }))?;
                fill(file, name, body).await?;
                let renamed = sftp.rename(temporary, target).await;
                renamed.map_err(|why| sftp_error(name, &why, Class::Unknown))
            }
        }
    }
}

async fn fill(mut file: SftpFile, name: &str, body: &[u8]) -> Result<(), ChannelError> {
    file.write_all(body).await.map_err(|why| retry(format!("{name}: {why}")))?;
    // A server without the fsync extension has no better promise to give.
    match file.sync_all().await {
        Ok(()) => {}
        Err(SftpError::Status(status)) if status.status_code == StatusCode::OpUnsupported => {}
        Err(why) => return Err(sftp_error(name, &why, Class::Retry { after_ms: None })),
    }
    file.shutdown().await.map_err(|why| retry(format!("{name}: {why}")))
}

fn folder_error(what: &str, error: &std::io::Error) -> ChannelError {
    let class = match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::NotADirectory => {
            Class::Refused
        }
        _ => Class::Retry { after_ms: None },
    };
    ChannelError::new(class, format!("{what}: {error}"))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(std::io::Error::other("the file task panicked")))
}
