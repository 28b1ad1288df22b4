//! A batch that is refused as a whole is split in halves until the bad item stands alone, within a number of calls.

use std::ops::Range;

use crate::channel::{ChannelError, Class, Receipt};

/// One result per change.
pub type Results = Vec<Result<Receipt, ChannelError>>;

/// Calls for one batch; a batch of 1,000 with one bad item needs 21.
const MAX_CALLS: usize = 64;

/// Sends `0..len` in parts of at most `size`. A part that is `Rejected` as a whole is halved; any other error counts
/// for all of its items, because sending them again could do harm or nothing.
pub async fn halved<Send, Sent>(len: usize, size: usize, send: Send) -> Results
where
    Send: Fn(Range<usize>) -> Sent,
    Sent: Future<Output = Result<Results, ChannelError>>,
{
    let size = size.max(1);
    let mut results: Results = Vec::with_capacity(len);
    let mut open: Vec<Range<usize>> = (0..len).step_by(size).map(|at| at..(at + size).min(len)).rev().collect();
    let mut calls = 0;
    // The stack holds the parts in order, the first on top, so that results are appended in order.
    while let Some(part) = open.pop() {
        calls += 1;
        match send(part.clone()).await {
            Ok(list) => results.extend(list),
            Err(error) if error.class == Class::Rejected && part.len() > 1 && calls < MAX_CALLS => {
                let middle = part.start + part.len() / 2;
                open.push(middle..part.end);
                open.push(part.start..middle);
            }
            Err(error) => {
                // Not one of several may be called bad for the others.
                let alone = error.class != Class::Rejected || part.len() == 1;
                let class = if alone { error.class } else { Class::Retry { after_ms: None } };
                results.extend(part.map(|_| Err(ChannelError::new(class, error.message.clone()))));
            }
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn the_bad_item_stands_alone_and_the_others_are_sent_once() {
        let calls = AtomicUsize::new(0);
        let sent = std::sync::Mutex::new(Vec::new());
        let results = halved(100, 40, |part| {
            calls.fetch_add(1, Ordering::Relaxed);
            let bad = part.contains(&57);
            if !bad {
                sent.lock().unwrap().extend(part.clone());
            }
            async move {
                if bad {
                    return Err(ChannelError::new(Class::Rejected, "57"));
                }
                Ok(part.map(|_| Ok(Receipt { echoed: None })).collect())
            }
        })
        .await;
        let failed: Vec<usize> = (0..100).filter(|&at| results[at].is_err()).collect();
        assert_eq!((results.len(), failed), (100, vec![57]));
        let mut sent = sent.into_inner().unwrap();
        sent.sort_unstable();
        assert_eq!(sent, (0..100).filter(|&at| at != 57).collect::<Vec<_>>());
        assert!(calls.into_inner() <= 15);
    }

    #[tokio::test]
    async fn only_a_rejection_is_split_and_never_for_ever() {
        for (class, most) in
            [(Class::Unknown, 1), (Class::Retry { after_ms: None }, 1), (Class::Rejected, 2 * MAX_CALLS)]
        {
            let calls = AtomicUsize::new(0);
            let results = halved(1_000, 1_000, |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                async move { Err(ChannelError::new(class, "no")) }
            })
            .await;
            assert_eq!(results.len(), 1_000);
            assert!(results.iter().all(Result::is_err));
            assert!(calls.into_inner() <= most, "{class:?}");
        }
    }
}
