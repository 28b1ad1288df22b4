//! Rotated tokens of channels, kept in the database that all workers of a deployment share.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use crate::channel::wire::oauth::Vault;
use crate::clock::Clock;
use crate::store::{Db, secrets};

/// The vault of a database.
pub struct Stored {
    db: Db,
    clock: Clock,
}

impl Stored {
    #[must_use]
    pub const fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }
}

#[async_trait]
impl Vault for Stored {
    async fn load(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String> {
        let value = secrets::newest(&self.db, channel, name).await.map_err(|e| e.to_string())?;
        Ok(value.map(SecretString::from))
    }

    async fn store(&self, channel: &str, name: &str, value: SecretString) -> Result<(), String> {
        let (channel, name, value) = (channel.to_owned(), name.to_owned(), value.expose_secret().to_owned());
        secrets::keep(&self.db, channel, name, value, self.clock.now()).await.map_err(|e| e.to_string())
    }
}
