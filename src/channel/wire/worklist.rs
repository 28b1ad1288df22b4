//! Worklist that a vendor takes whole or not at all: one bad price must not hold up the good ones.

use std::collections::VecDeque;

use crate::channel::{ChannelError, Class, PriceChange, Receipt};

/// Extra calls that one push may spend on finding bad items.
const MAX_EXTRA_CALLS: usize = 24;
/// Items that are forbidden one by one, before any is taken, after which the others are not tried any more.
const MANY_FORBIDDEN: usize = 3;

/// What became of one request.
#[derive(Debug)]
pub enum Outcome {
    /// Every item has its own result, in order.
    Each(Vec<Result<Receipt, ChannelError>>),
    /// Nothing was written because of these items (places in the batch); the others may go again.
    Bad(Vec<(usize, ChannelError)>),
    /// The request as a whole failed.
    Whole(ChannelError),
}

/// Worklist of one push. A batch refused for its prices, or forbidden, is split in halves until the bad ones stand alone;
/// when the vendor cannot be reached or refuses us, what was not sent yet stays unsent.
#[derive(Debug)]
pub struct Worklist {
    open: VecDeque<Vec<usize>>,
    results: Vec<Option<Result<Receipt, ChannelError>>>,
    extra_calls: usize,
    /// Items that were forbidden one by one.
    forbidden: usize,
}

/// Whether one item may be the reason why a whole request failed.
const fn may_be_one(error: &ChannelError) -> bool {
    matches!(error.class, Class::Rejected | Class::Forbidden)
}

impl Worklist {
    /// Groups of places among the changes, each a request.
    #[must_use]
    pub fn new(groups: Vec<Vec<usize>>, changes: usize) -> Self {
        Self { open: groups.into(), results: vec![None; changes], extra_calls: 0, forbidden: 0 }
    }

    /// Consecutive changes, `size` at a time.
    #[must_use]
    pub fn of(changes: &[PriceChange], size: usize) -> Self {
        Self::grouped(changes, size, |_| ())
    }

    /// Changes of the same group, `size` at a time, for vendors that take one product per request.
    #[must_use]
    pub fn grouped<K: PartialEq>(changes: &[PriceChange], size: usize, group: impl Fn(&PriceChange) -> K) -> Self {
        let mut groups: Vec<(K, Vec<usize>)> = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            let key = group(change);
            match groups.iter_mut().find(|(known, places)| *known == key && places.len() < size.max(1)) {
                Some((_, places)) => places.push(place),
                None => groups.push((key, vec![place])),
            }
        }
        Self::new(groups.into_iter().map(|(_, places)| places).collect(), changes.len())
    }

    /// Sends what is open, a request at a time, until every change has its result; one per change, in order. `send` says
    /// what became of one request; its error counts for the request as a whole.
    pub async fn through<'a, Sent>(
        mut self,
        changes: &'a [PriceChange],
        send: impl Fn(Vec<&'a PriceChange>) -> Sent,
    ) -> Vec<Result<Receipt, ChannelError>>
    where
        Sent: Future<Output = Result<Outcome, ChannelError>>,
    {
        while let Some(places) = self.take() {
            let batch = places.iter().filter_map(|place| changes.get(*place)).collect();
            let outcome = send(batch).await.unwrap_or_else(Outcome::Whole);
            self.done(&places, outcome);
        }
        self.results()
    }

    /// The next request's places.
    fn take(&mut self) -> Option<Vec<usize>> {
        self.open.pop_front()
    }

    /// Gives a place its result without a request.
    pub fn settle(&mut self, place: usize, result: Result<Receipt, ChannelError>) {
        for batch in &mut self.open {
            batch.retain(|other| *other != place);
        }
        self.open.retain(|batch| !batch.is_empty());
        self.put(place, result);
    }

    /// Files the outcome of a request.
    fn done(&mut self, places: &[usize], outcome: Outcome) {
        match outcome {
            Outcome::Each(results) => {
                let mut results = results.into_iter();
                for place in places {
                    let missing = || Err(ChannelError::new(Class::Unknown, "the answer lacks this listing"));
                    self.put(*place, results.next().unwrap_or_else(missing));
                }
            }
            Outcome::Bad(bad) if !bad.is_empty() && self.may_go_on() => {
                let mut rest = places.to_vec();
                for (index, error) in bad {
                    if let Some(place) = places.get(index) {
                        rest.retain(|other| other != place);
                        self.put(*place, Err(error));
                    }
                }
                if !rest.is_empty() {
                    self.open.push_front(rest);
                }
            }
            Outcome::Bad(bad) => {
                let first = bad.into_iter().next().map(|(_, error)| error);
                let error = first.unwrap_or_else(|| ChannelError::new(Class::Rejected, "refused without a reason"));
                self.fail(places, &error);
            }
            Outcome::Whole(error) if may_be_one(&error) && places.len() > 1 && self.may_go_on() => {
                let (left, right) = places.split_at(places.len() / 2);
                self.open.push_front(right.to_vec());
                self.open.push_front(left.to_vec());
            }
            Outcome::Whole(error) if error.class == Class::Forbidden => self.forbidden(places, error),
            Outcome::Whole(error) => {
                self.fail(places, &error);
                if error.class != Class::Rejected {
                    self.stop(&error);
                }
            }
        }
    }

    /// One result per change, in order.
    fn results(self) -> Vec<Result<Receipt, ChannelError>> {
        let unsent = || Err(ChannelError::new(Class::Retry { after_ms: None }, "not sent"));
        self.results.into_iter().map(|result| result.unwrap_or_else(unsent)).collect()
    }

    /// The others still go: they tell whether it is this one's matter or the account's. A few are enough for that.
    fn forbidden(&mut self, places: &[usize], error: ChannelError) {
        if places.len() > 1 {
            // Not looked at one by one, so nothing is known of each.
            self.fail(places, &ChannelError { class: Class::Retry { after_ms: None }, ..error });
            return;
        }
        self.fail(places, &error);
        self.forbidden += 1;
        if self.forbidden >= MANY_FORBIDDEN && !self.results.iter().flatten().any(Result::is_ok) {
            self.stop(&error);
        }
    }

    fn may_go_on(&mut self) -> bool {
        self.extra_calls += 1;
        self.extra_calls <= MAX_EXTRA_CALLS
    }

    fn put(&mut self, place: usize, result: Result<Receipt, ChannelError>) {
        if let Some(slot) = self.results.get_mut(place) {
            *slot = Some(result);
        }
    }

    fn fail(&mut self, places: &[usize], error: &ChannelError) {
        for place in places {
            self.put(*place, Err(error.clone()));
        }
    }

    /// What was not sent has not arrived, even where the last request may have.
    fn stop(&mut self, error: &ChannelError) {
        let class = match error.class {
            Class::Unknown | Class::Forbidden => Class::Retry { after_ms: None },
            class => class,
        };
        let unsent = ChannelError::new(class, format!("not sent: {}", error.message));
        while let Some(places) = self.open.pop_front() {
            self.fail(&places, &unsent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Millis;
    use crate::money::{Currency, WirePrice};

    fn changes(count: usize) -> Vec<PriceChange> {
        let one = |n: usize| PriceChange {
            external: n.to_string(),
            sku: n.to_string(),
            seq: 1,
            price: WirePrice::from_minor(100, Currency::DKK),
            sale: None,
            after_sale: false,
            vat_pct: None,
            title: String::new(),
            gtin: None,
            brand: None,
            in_stock: true,
            key: String::new(),
            at: Millis(0),
        };
        (0..count).map(one).collect()
    }

    fn fine(places: &[usize]) -> Outcome {
        Outcome::Each(places.iter().map(|_| Ok(Receipt { echoed: None })).collect())
    }

    #[test]
    fn one_bad_item_is_found_and_the_others_go_through() {
        let mut batches = Worklist::of(&changes(100), 100);
        let mut calls = 0;
        while let Some(places) = batches.take() {
            calls += 1;
            let refused = ChannelError::new(Class::Rejected, "no");
            batches.done(&places, if places.contains(&41) { Outcome::Whole(refused) } else { fine(&places) });
        }
        let results = batches.results();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 99);
        assert_eq!(results[41].as_ref().unwrap_err().class, Class::Rejected);
        assert!(calls <= 16, "{calls}");
    }

    #[test]
    fn a_batch_of_bad_items_does_not_flood_the_vendor() {
        let mut batches = Worklist::of(&changes(100), 100);
        let mut calls = 0;
        while let Some(places) = batches.take() {
            calls += 1;
            batches.done(&places, Outcome::Whole(ChannelError::new(Class::Rejected, "no")));
        }
        assert!(calls <= 2 * MAX_EXTRA_CALLS + 1, "{calls}");
        assert!(batches.results().iter().all(|result| result.as_ref().unwrap_err().class == Class::Rejected));
    }

    #[test]
    fn one_forbidden_item_is_found_and_a_key_without_rights_is_not_tried_on_all() {
        let forbidden = || Outcome::Whole(ChannelError::new(Class::Forbidden, "not yours"));
        let mut batches = Worklist::of(&changes(100), 100);
        while let Some(places) = batches.take() {
            batches.done(&places, if places.contains(&41) { forbidden() } else { fine(&places) });
        }
        let results = batches.results();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 99);
        assert_eq!(results[41].as_ref().unwrap_err().class, Class::Forbidden);
        for size in [1, 100] {
            let (mut batches, mut calls) = (Worklist::of(&changes(100), size), 0);
            while let Some(places) = batches.take() {
                calls += 1;
                batches.done(&places, forbidden());
            }
            assert!(calls <= 12, "{calls} of {size}");
            let classes: Vec<Class> = batches.results().into_iter().map(|result| result.unwrap_err().class).collect();
            let unsent = classes.iter().filter(|class| **class == Class::Retry { after_ms: None }).count();
            assert_eq!((classes[0], unsent), (Class::Forbidden, 97), "what was not sent is forbidden by nobody");
        }
    }

    #[test]
    fn named_items_are_left_out_and_the_rest_goes_again() {
        let mut batches = Worklist::of(&changes(3), 10);
        let first = batches.take().unwrap();
        batches.done(&first, Outcome::Bad(vec![(1, ChannelError::new(Class::Rejected, "no"))]));
        let second = batches.take().unwrap();
        assert_eq!(second, [0, 2]);
        batches.done(&second, fine(&second));
        assert_eq!(batches.results().iter().filter(|result| result.is_ok()).count(), 2);
    }

    #[test]
    fn after_an_unknown_outcome_the_rest_stays_unsent() {
        let mut batches = Worklist::of(&changes(4), 2);
        let first = batches.take().unwrap();
        batches.done(&first, Outcome::Whole(ChannelError::new(Class::Unknown, "no answer")));
        assert_eq!(batches.take(), None);
        let classes: Vec<Class> = batches.results().into_iter().map(|result| result.unwrap_err().class).collect();
        let retry = Class::Retry { after_ms: None };
        assert_eq!(classes, [Class::Unknown, Class::Unknown, retry, retry]);
    }
}
