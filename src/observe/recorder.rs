//! Writes finished checks in batches: many checks share one transaction, and each waits for its own to be stored.

use tokio::sync::{mpsc, oneshot};

use crate::store::targets::{Checked, Recorded};
use crate::store::{Db, StoreError, targets};

/// Checks per transaction, and how many may wait.
const BATCH: usize = 200;
const QUEUE: usize = 1_000;

type Waiting = (Checked, oneshot::Sender<Result<Recorded, String>>);

/// A handle on the batch writer; the writer ends when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Waiting>,
}

impl Recorder {
    /// Starts the writer on the current runtime.
    #[must_use]
    pub fn start(db: Db) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Waiting>(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                let (checks, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
                let results = targets::record(&db, checks).await;
                match results {
                    Ok(recorded) => {
                        for (answer, one) in answers.into_iter().zip(recorded) {
                            // Whoever asked may have been cancelled; the check is stored all the same.
                            let _ = answer.send(Ok(one));
                        }
                    }
                    Err(error) => {
                        for answer in answers {
                            let _ = answer.send(Err(error.to_string()));
                        }
                    }
                }
            }
        });
        Self { queue }
    }

    /// Stores a check and waits until it is.
    ///
    /// # Errors
    /// The store's; nothing is stored then, and the page stays due.
    pub async fn record(&self, check: Checked) -> Result<Recorded, StoreError> {
        let (answer, stored) = oneshot::channel();
        self.queue.send((check, answer)).await.map_err(|_| StoreError::Panicked)?;
        match stored.await {
            Ok(Ok(recorded)) => Ok(recorded),
            Ok(Err(why)) => Err(StoreError::Batch(why)),
            Err(_) => Err(StoreError::Panicked),
        }
    }
}
