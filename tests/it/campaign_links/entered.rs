//! Who answers for a campaign and who entered it may be two persons, and neither of them may agree to it.

use omniprice::decide::campaign_file::CampaignFile;
use omniprice::flow::campaigns as planning;
use omniprice::store::campaigns::{Added, New};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_campaign_names_whoever_entered_it_for_somebody_else() {
    let setup = Setup { config: CONFIG, ..Setup::default() };
    let world = intent::world(database(Engine::Sqlite).await.unwrap(), setup).await;
    let app = Arc::clone(&world.app);
    let now = app.now();
    let stored = async |id: &str, by: &str, day: i64| {
        let text = format!(
            "id = \"{id}\"\nfrom = \"{}\"\nuntil = \"{}\"\nowner = \"ann\"\nwhy = \"x\"\n\
             [[item]]\nsku = \"KETTLE\"\nprice = \"399.00\"\n",
            now.plus(day * Millis::DAY),
            now.plus((day + 1) * Millis::DAY)
        );
        let planned = planning::plan(&app, &CampaignFile::parse(&text).unwrap(), text).await.unwrap().unwrap();
        match campaigns::add(&app.db, New { added_by: by.to_owned(), ..planned }, now).await.unwrap() {
            Added::Stored(id) => id,
            refused => panic!("{refused:?}"),
        }
    };
    let (own, other) = (stored("own", "ann", 1).await, stored("other", "carl", 5).await);
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&app), listener, stop.clone()));
    let reader = people::readers(&app).await.unwrap().remove(0);
    let links = people::links(&app).await.unwrap();
    let shown = async |id: i64| {
        let until = campaigns::by_id(&app.db, id).await.unwrap().unwrap().waits_until.unwrap();
        let claim = Claim { purpose: Purpose::ApproveCampaign(id), person: reader.address.clone(), until };
        ask(port, "GET", &format!("/people/{}", links.token(&claim).unwrap()), "").await
    };
    let (own, other) = (shown(own).await, shown(other).await);
    assert!(own.contains("somebody else than ann") && !own.contains("entered by"), "{own}");
    assert!(other.contains("somebody else than ann") && other.contains("entered by carl"), "{other}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
