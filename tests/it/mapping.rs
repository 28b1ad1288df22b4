//! Which products get a listing on a channel: those that can be priced there for themselves, and no others because of them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use omniprice::channel::{Capabilities, Channel, ChannelError, Match, PriceChange, Probe, Receipt, Seen};
use omniprice::flow;
use omniprice::publish::gate::Door;
use omniprice::store::listings;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World};

both_engines![products_of_one_listing_are_left_out_with_the_reason_and_all_others_map];

/// A channel on which some SKUs are products of one template, number 7.
struct Template {
    channel: Arc<dyn Channel>,
    skus: Mutex<Vec<&'static str>>,
}

#[async_trait]
impl Channel for Template {
    fn capabilities(&self) -> Capabilities {
        self.channel.capabilities()
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        self.channel.push(changes, door).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        self.channel.read(externals).await
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let ours = self.skus.lock().unwrap().clone();
        let mut found = self.channel.find(skus).await?;
        found.retain(|one| one.sku == "LAMP" || ours.contains(&one.sku.as_str()));
        found.iter_mut().filter(|one| ours.contains(&one.sku.as_str())).for_each(|one| one.external = "7".into());
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        self.channel.probe().await
    }
}

async fn listed(world: &World) -> Vec<String> {
    let all = listings::reconcilable(&world.app.db, "webshop", 0, 10).await.unwrap();
    all.into_iter().filter_map(|listing| listing.external).collect()
}

async fn products_of_one_listing_are_left_out_with_the_reason_and_all_others_map(test: TestDb) {
    let products = ["RED", "LAMP", "BLUE"].map(|sku| (sku, "499.00", Some("250.00"))).to_vec();
    let world = World::open(test, Setup { products, ..Setup::default() }).await;
    let mut lane = world.app.lane("webshop").unwrap().clone();
    let template = Arc::new(Template { channel: Arc::clone(&lane.channel), skus: Mutex::new(vec!["RED", "BLUE"]) });
    lane.channel = template.clone();
    let mapped = flow::map(&world.app, &lane).await.unwrap();
    assert_eq!((mapped.added, mapped.error), (1, None), "the lamp is found");
    let why = |other: &str| format!("it and {other} are one listing there, which has one price");
    let mut shut = mapped.shut;
    shut.sort();
    assert_eq!(shut, [("BLUE".to_owned(), why("RED")), ("RED".to_owned(), why("BLUE"))]);
    assert_eq!(listed(&world).await.len(), 1);
    // One that came alone keeps the listing; the other one is told whose it is.
    *template.skus.lock().unwrap() = vec!["RED"];
    let mapped = flow::map(&world.app, &lane).await.unwrap();
    assert_eq!((mapped.added, mapped.shut), (1, vec![]));
    *template.skus.lock().unwrap() = vec!["RED", "BLUE"];
    let mapped = flow::map(&world.app, &lane).await.unwrap();
    let taken = "its listing there is RED's already, and has one price".to_owned();
    assert_eq!((mapped.added, mapped.shut), (0, vec![("BLUE".to_owned(), taken)]));
    let id = omniprice::store::products::by_sku(&world.app.db, "RED").await.unwrap().unwrap().id;
    assert_eq!(listings::holder(&world.app.db, "webshop", "7", id).await.unwrap(), None, "its own");
    // Until the shop has renamed it.
    *template.skus.lock().unwrap() = vec!["BLUE"];
    let mapped = flow::map(&world.app, &lane).await.unwrap();
    assert_eq!((mapped.added, mapped.shut), (1, vec![]));
}
