//! What every shop has to stand, whatever it is made of.

use std::time::{Duration, Instant};

use omniprice::clock::Millis;
use omniprice::flow;
use omniprice::store::{channels, events, progress};

use super::relay::{At, Relay};
use super::server::Server;
use super::world::{LIMIT, PRODUCTS, World};
use crate::harness::minor;

/// A shop as its buyers and its back office see it.
pub trait Front {
    /// What a buyer is asked for, in minor units.
    async fn asks(&self, sku: &str) -> i64;
    /// Somebody changes a price by hand, past the daemon.
    async fn edit(&self, sku: &str, minor: i64);
    /// Somebody deletes the product there.
    async fn remove(&self, sku: &str);
}

/// A shop, the relay before it and the application beside it.
pub struct Live<F> {
    pub world: World,
    pub relay: Relay,
    pub server: Server,
    pub front: F,
}

impl<F: Front> Live<F> {
    pub async fn shows(&self, expected: &[(&str, i64)]) {
        for (sku, minor) in expected {
            assert_eq!(self.front.asks(sku).await, *minor, "{sku} as a buyer sees it");
        }
    }

    /// Adopts what the shop asks, lowers everything, and proves it; a product that the shop lacks is left over.
    pub async fn is_repriced_and_proved(&self) {
        let probe = self.world.lane().channel.probe().await.unwrap();
        assert_eq!(probe.problems, Vec::<String>::new());
        self.world.pass().await;
        self.shows(&PRODUCTS.map(|(sku, price)| (sku, minor(price)))).await;
        assert_eq!(self.relay.written().len(), 0, "the live price is the starting point");
        let lowered = self.world.undercut(2);
        self.world.pass().await;
        self.world.settle().await;
        self.shows(&lowered).await;
        assert_eq!(self.world.listings("GHOST").await.len(), 0, "the shop does not have it");
    }

    /// A price that somebody changes is noticed, told, and put back.
    pub async fn puts_back_what_somebody_edits(&self) {
        let ours = self.front.asks("LAMP").await;
        self.front.edit("LAMP", ours - 1_000).await;
        assert_eq!(self.front.asks("LAMP").await, ours - 1_000);
        let report = flow::reconcile(&self.world.app, self.world.lane(), false).await.unwrap();
        assert_eq!(report.differences.len(), 1, "{report:?}");
        let open = events::open(&self.world.app.db, 10).await.unwrap();
        assert!(open.iter().any(|event| event.kind == "drift"), "{open:?}");
        self.world.settle().await;
        assert_eq!(self.front.asks("LAMP").await, ours);
    }

    /// The daemon dies when the shop has done a write whose answer never came, the one after `after` others; the next
    /// daemon goes on.
    pub async fn survives_the_death_of_the_daemon(&self, percent: i64, after: usize) {
        let lowered = self.world.undercut(percent);
        self.world.decide().await;
        let stopped = self.relay.stop(At::Answered, after);
        let mut first = self.world.daemon();
        stopped.reached().await;
        first.now();
        stopped.release();
        let mut cut = Vec::new();
        for (sku, _) in PRODUCTS {
            let listing = self.world.listing(sku).await;
            if listing.state == "sent" {
                cut.push((sku, listing.sent_seq));
            }
        }
        assert!(!cut.is_empty(), "nothing was cut off in the middle");
        let mut second = self.world.daemon();
        self.world.settled_by(&mut second).await;
        second.now();
        self.world.alone().await;
        self.shows(&lowered).await;
        let open = progress::unfinished_attempts(&self.world.app.db, self.world.app.now()).await.unwrap();
        assert_eq!(open, 0, "every attempt has an end");
    }

    /// A shop that keeps windows begins a campaign while no daemon runs; the next daemon finds it begun, and sends nothing.
    pub async fn begins_a_campaign_without_us(&self, sku: &str) {
        let ours = self.front.asks(sku).await;
        let reduced = ours * 8 / 10;
        self.world.has_history().await;
        // Starts are staged in whole minutes; this one is far enough away for a busy machine to stage it.
        let soonest = self.world.app.now().plus(25 * Millis::SECOND);
        let from = Millis((soonest.0 / Millis::MINUTE + 1) * Millis::MINUTE);
        self.world.campaign("staged", (sku, reduced), (from, from.plus(Millis::HOUR)), true);
        let mut daemon = self.world.daemon();
        let pushed = async || self.world.attempts(sku).await.iter().filter(|attempt| attempt.kind == "push").count();
        let started = Instant::now();
        loop {
            let listing = self.world.listing(sku).await;
            if listing.staged_minor == Some(reduced) && listing.state == "verified" {
                break;
            }
            assert!(started.elapsed() < LIMIT, "{listing:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        daemon.now();
        let given = pushed().await;
        assert!(self.world.app.now() < from, "the machine is too slow for this test");
        while self.world.app.now() < from {
            let asked = self.front.asks(sku).await;
            assert!(asked == ours || self.world.app.now() >= from, "{sku} is asked for at {asked} before {from}");
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        while self.front.asks(sku).await != reduced {
            assert!(started.elapsed() < 2 * LIMIT, "the shop does not begin by itself");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let late = self.world.app.now().since(from);
        println!("campaign: the shop began by itself {late} ms after its start, no daemon was there");
        let mut daemon = self.world.daemon();
        let taken = async || self.world.listing(sku).await.sent_regular_minor == Some(ours);
        while !taken().await {
            assert!(started.elapsed() < 3 * LIMIT, "{:?}", self.world.listing(sku).await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.world.settled_by(&mut daemon).await;
        assert_eq!(pushed().await, given, "looking was proof enough");
        assert_eq!(self.front.asks(sku).await, reduced);
        self.world.types(&["campaign", "cancel", "staged", "--why", "a test"]);
        while self.front.asks(sku).await != ours {
            assert!(started.elapsed() < 4 * LIMIT, "{:?}", self.world.listing(sku).await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.world.settled_by(&mut daemon).await;
        daemon.now();
        self.world.alone().await;
    }

    /// A campaign's price is asked in its window and at no other time, although the daemon dies in the middle of it; then
    /// the rules' price is back, and proved.
    pub async fn keeps_the_window_of_a_campaign(&self, sku: &str) {
        let ours = self.front.asks(sku).await;
        let reduced = ours * 8 / 10;
        // Windows are kept to the second; the first one is far enough away for a busy machine to store it.
        let from = Millis((self.world.app.now().0 + 15_000) / 1_000 * 1_000);
        let until = from.plus(20 * Millis::SECOND);
        self.world.campaign("window", (sku, reduced), (from, until), false);
        let mut daemon = self.world.daemon();
        let (mut begun, mut over) = (None, None);
        let started = Instant::now();
        while over.is_none() {
            let before = self.world.app.now();
            let asked = self.front.asks(sku).await;
            let after = self.world.app.now();
            match (asked == reduced, begun) {
                (true, None) => {
                    assert!(after >= from, "it began at {after}, before {from}");
                    begun = Some(after);
                    daemon.now();
                    daemon = self.world.daemon();
                }
                (false, Some(_)) => {
                    assert!(after >= until, "it was over at {before}, before {until}");
                    over = Some(after);
                }
                _ => {}
            }
            assert!(asked == reduced || asked == ours, "{sku} is asked for at {asked}");
            assert!(started.elapsed() < 2 * LIMIT, "begun {begun:?}, of {from} to {until}: asked for {asked}");
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        self.world.settled_by(&mut daemon).await;
        daemon.now();
        self.world.alone().await;
        let late = |at: Option<Millis>, due: Millis| at.map(|at| (at.0 - due.0) / Millis::SECOND);
        println!("campaign: {:?} s after its start, {:?} s after its end", late(begun, from), late(over, until));
        assert_eq!(self.front.asks(sku).await, ours);
    }

    /// The shop dies while it works on a push, and comes back: nobody knows what it did, and everything converges.
    pub async fn survives_the_death_of_the_shop(&mut self, percent: i64, after: usize) {
        let lowered = self.world.undercut(percent);
        self.world.decide().await;
        let stopped = self.relay.stop(At::Sent, after);
        let app = std::sync::Arc::clone(&self.world.app);
        let push = tokio::spawn(async move { flow::publish_due(&app, &app.lanes[0]).await });
        stopped.reached().await;
        tokio::time::sleep(Duration::from_millis(15)).await;
        self.server.kill();
        push.await.unwrap().unwrap();
        let mut states = Vec::new();
        for (sku, _) in PRODUCTS {
            states.push(self.world.listing(sku).await.state);
        }
        println!("after the kill: {states:?}");
        assert!(states.iter().any(|state| state != "verified"), "the kill came too late");
        self.server.boot_again();
        self.world.settle().await;
        self.shows(&lowered).await;
    }

    /// A product that was deleted in the shop is told, and the others of its batch go out.
    pub async fn goes_on_without_a_product_that_is_gone(&self, percent: i64) {
        self.front.remove("CUP").await;
        let lowered = self.world.undercut(percent);
        self.world.pass().await;
        let gone = self.world.listing("CUP").await;
        assert_eq!(gone.state, "rejected", "{}", gone.reason);
        println!("gone: {}", gone.reason);
        let others: Vec<_> = lowered.into_iter().filter(|(sku, _)| *sku != "CUP").collect();
        self.shows(&others).await;
    }

    /// A credential that may only look is told before a price is sent with it.
    pub async fn tells_that_it_may_not_write(&self, good: &str, reader: &str, problem: &str) {
        let looking = self.world.rebuilt(|text| text.replace(good, reader)).await;
        let problems = looking.lanes[0].channel.probe().await.unwrap().problems;
        assert!(problems.len() == 1 && problems[0].contains(problem), "{problems:?}");
    }

    /// A dead credential stops the channel and is told; nothing changes, and nothing is lost when it is mended.
    pub async fn stops_at_a_dead_credential(&self, percent: i64, good: &str, dead: &str) {
        let before = self.front.asks("KETTLE").await;
        let broken = self.world.rebuilt(|text| {
            assert!(text.contains(good), "the configuration has no {good}");
            text.replace(good, dead)
        });
        let broken = broken.await;
        let lowered = self.world.undercut(percent);
        self.world.decide().await;
        let started = Instant::now();
        let channel = loop {
            // A price whose push got lost before may wait until that one can no longer arrive.
            flow::publish_due(&broken, &broken.lanes[0]).await.unwrap();
            let channel = channels::list(&self.world.app.db).await.unwrap().remove(0);
            if channel.state == "refused" {
                break channel;
            }
            assert!(started.elapsed() < LIMIT, "the channel is {}", channel.state);
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let open = events::open(&self.world.app.db, 10).await.unwrap();
        assert!(open.iter().any(|event| event.kind == "channel_refused" && event.severity == "critical"), "{open:?}");
        assert_eq!(self.front.asks("KETTLE").await, before);
        let now = self.world.app.now();
        channels::set_state(&self.world.app.db, channel.name, "ok", String::new(), now).await.unwrap();
        self.world.settle().await;
        self.shows(&lowered).await;
    }
}
