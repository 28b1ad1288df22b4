//! Jobs that a vendor does after it has answered: which listing waits for which, until its result was read.
//!
//! Kept in memory only. What is forgotten at the end of the process is a refusal's reason, never a price: a price that a
//! job refused then counts as one that does not show.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Listings remembered at most; beyond that the oldest knowledge goes.
const MAX_REMEMBERED: usize = 100_000;

/// Listings and the job that each waits for.
#[derive(Debug, Default)]
pub struct Jobs {
    open: Mutex<HashMap<String, String>>,
}

impl Jobs {
    /// These listings wait for this job and for no earlier one.
    pub fn remember<'a>(&self, externals: impl Iterator<Item = &'a str>, job: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for external in externals {
            if open.len() >= MAX_REMEMBERED {
                open.clear();
            }
            open.insert(external.to_owned(), job.to_owned());
        }
    }

    /// The jobs that these listings wait for, each with its listings.
    #[must_use]
    pub fn waiting(&self, externals: &[String]) -> Vec<(String, Vec<String>)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut jobs: Vec<(String, Vec<String>)> = Vec::new();
        for external in externals {
            let Some(job) = open.get(external) else { continue };
            match jobs.iter_mut().find(|(known, _)| known == job) {
                Some((_, waiting)) => waiting.push(external.clone()),
                None => jobs.push((job.clone(), vec![external.clone()])),
            }
        }
        jobs
    }

    /// Forgets the listings whose result was read, unless they wait for a newer job meanwhile.
    pub fn read(&self, job: &str, externals: &[String]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for external in externals {
            if open.get(external).is_some_and(|waits| waits == job) {
                open.remove(external);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_waits_for_its_newest_job_until_that_was_read() {
        let jobs = Jobs::default();
        let all = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        jobs.remember(["a", "b"].into_iter(), "1");
        jobs.remember(["b"].into_iter(), "2");
        let waiting = |job: &str, list: &[&str]| (job.to_owned(), list.iter().map(ToString::to_string).collect());
        assert_eq!(jobs.waiting(&all), vec![waiting("1", &["a"]), waiting("2", &["b"])]);
        jobs.read("1", &all);
        assert_eq!(jobs.waiting(&all), vec![waiting("2", &["b"])]);
        jobs.read("2", &all);
        assert_eq!(jobs.waiting(&all), vec![]);
    }
}
