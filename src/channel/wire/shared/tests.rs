//! Turns within a process and among daemons, and buckets that channels share.

use std::collections::BTreeMap;

use super::*;

const TIMEOUT: Duration = Duration::from_millis(200);
const SHORT: Duration = Duration::from_millis(20);
/// Longer than a request, as in the defaults.
const LATE: Duration = Duration::from_millis(500);
const DONE: Result<(), ChannelError> = Ok(());

fn shop() -> Url {
    Url::parse("https://shop.example/").unwrap()
}

#[tokio::test]
async fn a_product_is_written_by_one_channel_at_a_time_and_nothing_is_remembered() {
    let (shared, shop) = (Shared::default(), shop());
    let held = shared.turn(&shop, "a", &["b", "a", "b"], TIMEOUT).await.unwrap();
    let error = shared.turn_within(&shop, "b", &["a"], TIMEOUT, SHORT).await.err().expect("it is taken");
    assert_eq!(error.class, Class::Retry { after_ms: None });
    let other = Url::parse("https://other.example/").unwrap();
    assert!(shared.turn(&shop, "b", &["c"], TIMEOUT).await.is_ok());
    assert!(shared.turn(&other, "b", &["a"], TIMEOUT).await.is_ok());
    held.still_ours().unwrap();
    held.end(&DONE).await;
    assert!(shared.turn(&shop, "b", &["a", "b"], TIMEOUT).await.is_ok());
    drop(shared.lock("x"));
    assert_eq!(shared.products.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn channels_that_a_vendor_counts_together_have_one_bucket() {
    let shared = Shared::default();
    let of = |host: &str, token: &str| shared.pace(&[&"requests", &host, &token], 2, 1);
    let (one, other) = (of("https://shop.example/", "key"), of("https://shop.example/", "key"));
    one.take(1).await.unwrap();
    other.take(1).await.unwrap();
    assert!(one.take(1).await.is_err(), "two points were in it, and both are used");
    // What one learns or is told to wait, the other one knows.
    other.learn(1, 2, 1).await;
    one.take(1).await.unwrap();
    for alone in
        [of("https://shop.example/", "key2"), of("https://shop.example", "/key"), of("https://b.example/", "key")]
    {
        alone.take(2).await.unwrap();
    }
}

/// The database's part in memory: who writes, and until when each product is taken.
#[derive(Default)]
struct Memory {
    writers: Mutex<Vec<String>>,
    taken: Mutex<BTreeMap<String, (u64, Instant)>>,
    asked: AtomicU64,
}

#[async_trait]
impl Turns for Memory {
    async fn join(&self, _shop: &str, channel: &str) -> Result<Company, String> {
        let mut writers = self.writers.lock().unwrap();
        let new = !writers.iter().any(|known| known == channel);
        if new {
            writers.push(channel.to_owned());
        }
        Ok(match (writers.len(), new) {
            (1, _) => Company::Alone,
            (_, true) => Company::New,
            (_, false) => Company::Others,
        })
    }

    async fn take(&self, turn: &Taken, lease: Duration) -> Result<bool, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (mut taken, now) = (self.taken.lock().unwrap(), Instant::now());
        let free = turn.products.iter().all(|product| taken.get(product).is_none_or(|(_, until)| *until <= now));
        if free {
            taken.extend(turn.products.iter().map(|product| (product.clone(), (turn.number, now + lease))));
        }
        Ok(free)
    }

    async fn give_back(&self, turn: &Taken) {
        self.taken.lock().unwrap().retain(|_, (number, _)| *number != turn.number);
    }
}

#[tokio::test]
async fn daemons_take_turns_and_one_that_died_is_waited_for_no_longer_than_its_lease() {
    let (memory, shop) = (Arc::new(Memory::default()), shop());
    let (here, there) = (Shared::among(memory.clone(), LATE), Shared::among(memory.clone(), LATE));
    // Alone it asks for nothing.
    here.turn(&shop, "eur", &["a"], TIMEOUT).await.unwrap().end(&DONE).await;
    assert_eq!(memory.asked.load(Ordering::Relaxed), 0);
    // The second one waits once: the first may be writing without a turn.
    let error = there.turn(&shop, "sek", &["a"], TIMEOUT).await.err().expect("it is new");
    assert_eq!(error.class, Class::Retry { after_ms: Some(700) });
    let held = here.turn(&shop, "eur", &["a", "b"], TIMEOUT).await.unwrap();
    let error = there.turn_within(&shop, "sek", &["b", "c"], TIMEOUT, SHORT).await.err().expect("b is taken");
    assert_eq!(error.class, Class::Retry { after_ms: None });
    assert_eq!(memory.taken.lock().unwrap().len(), 2, "c is not kept from others meanwhile");
    held.end(&DONE).await;
    // Killed with the product in its hands: another one has it when the lease is over, not before.
    let started = Instant::now();
    drop(there.turn(&shop, "sek", &["a"], TIMEOUT).await.unwrap());
    let next = here.turn(&shop, "eur", &["a"], TIMEOUT).await.unwrap();
    assert!(started.elapsed() >= TIMEOUT + LATE, "what it sent may still take effect: {:?}", started.elapsed());
    next.still_ours().unwrap();
    // Suspended for longer than a request: nothing more is sent.
    tokio::time::sleep(TIMEOUT + SHORT).await;
    assert_eq!(next.still_ours().unwrap_err().class, Class::Retry { after_ms: None });
}

#[tokio::test]
async fn what_was_sent_without_an_answer_keeps_the_others_away_until_it_can_no_longer_take_effect() {
    let (memory, shop) = (Arc::new(Memory::default()), shop());
    let shared = Shared::among(memory, LATE);
    for channel in ["eur", "sek"] {
        let _ = shared.turn(&shop, channel, &["a"], TIMEOUT).await;
    }
    let answered = |class| Err::<(), _>(ChannelError::new(class, "a test"));
    for class in [Class::Rejected, Class::Refused, Class::Retry { after_ms: None }] {
        shared.turn(&shop, "eur", &["a"], TIMEOUT).await.unwrap().end(&answered(class)).await;
        let next = shared.turn_within(&shop, "sek", &["a"], TIMEOUT, SHORT).await.unwrap();
        next.end(&DONE).await;
    }
    let started = Instant::now();
    shared.turn(&shop, "eur", &["a"], TIMEOUT).await.unwrap().end(&answered(Class::Unknown)).await;
    // Of the same process, too.
    let error = shared.turn_within(&shop, "sek", &["a"], TIMEOUT, SHORT).await.err().expect("it may still land");
    assert_eq!(error.class, Class::Retry { after_ms: None });
    shared.turn(&shop, "sek", &["a"], TIMEOUT).await.unwrap().end(&DONE).await;
    assert!(started.elapsed() >= TIMEOUT + LATE, "{:?}", started.elapsed());
}
