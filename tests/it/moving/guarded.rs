//! A move is no way round the guards: what it need not change stays, and a price from a file has to pass like one set by hand.

use omniprice::catalog::import;
use omniprice::flow::intent::examine;
use omniprice::money::{Currency, Money};

use super::*;

both_engines![
    where_nothing_has_to_change_a_file_changes_nothing,
    a_price_of_a_file_has_to_pass_the_guards,
    a_locked_product_keeps_its_price_on_its_way,
    a_rate_of_other_currencies_is_told,
    a_price_set_after_a_move_is_compared_with_no_older_one,
];

const RATE: &str = "1 EUR = 7.46 DKK";

async fn amounts(world: &World, market: &str, file: &str) -> BTreeMap<String, products::Import> {
    let rules = world.app.rules().await.unwrap();
    let read = import::read_in(file.as_bytes(), &rules.set, Some(market), |_| {});
    assert_eq!(read.errors, vec![]);
    read.rows.into_iter().map(|row| (row.sku.clone(), row)).collect()
}

async fn where_nothing_has_to_change_a_file_changes_nothing(test: TestDb) {
    let world = world(test).await;
    write(&world, &format!("{}\n{EURO}", RULES.replace("id = \"DK\"", "id = \"NORTH\"")));
    let to = |amounts| Wish { market: "NORTH".into(), amounts, ..wish(None) };
    let file = "sku,title,price,cost,min\nKETTLE,Kettle,47.90,250.010,\n";
    let refused = plan(&world, to(amounts(&world, "NORTH", file).await)).await;
    assert_eq!((refused.moves.len(), refused.problems.len()), (0, 1), "{:?}", refused.problems);
    let told = "KETTLE: `price` is 479.00 DKK and --amounts says 47.90 DKK, but money and tax view stay";
    assert!(refused.problems[0].starts_with(told), "{:?}", refused.problems);
    let file = "sku,title,price,cost,min\nKETTLE,Kettle,479.00,200.00,10.00\n";
    let refused = plan(&world, to(amounts(&world, "NORTH", file).await)).await.problems.join("\n");
    assert!(refused.contains("`cost` is 250.01 and --amounts says 200.00"), "{refused}");
    assert!(refused.contains("`min` is 300.00 DKK and --amounts says 10.00 DKK"), "{refused}");
    let file = "sku,title,price,cost,min\nKETTLE,Kettle,479.00,250.01,300.00\n";
    let same = plan(&world, to(amounts(&world, "NORTH", file).await)).await;
    assert_eq!((same.problems, same.moves[0].how.as_str()), (vec![], "in the same money"));
    // Without a market of its own a row is of the one that was named; an import has none to take.
    let rules = world.app.rules().await.unwrap();
    assert_eq!(import::read(file.as_bytes(), &rules.set, |_| {}).errors[0].column, "market");
}

async fn a_price_of_a_file_has_to_pass_the_guards(test: TestDb) {
    let world = world(test).await;
    let rated = |amounts| Wish { amounts, ..wish(Some(RATE)) };
    for (price, told) in [
        ("6.42", "KETTLE: --amounts: 6.42 EUR is below the product's own minimum"),
        ("642.10", "KETTLE: --amounts: "),
        ("41.00", "KETTLE: --amounts: 41.00 EUR is below the floor"),
    ] {
        let file = format!("sku,title,price\nKETTLE,Kettle,{price}\n");
        let plan = plan(&world, rated(amounts(&world, "DKE", &file).await)).await;
        assert!(plan.moves.is_empty() && plan.problems.len() == 1, "{price}: {:?}", plan.problems);
        assert!(plan.problems[0].starts_with(told), "{:?}", plan.problems);
        let hint = "\nhint: correct the row, or move it at a rate and then omniprice price set KETTLE";
        assert!(plan.problems[0].contains(hint), "{:?}", plan.problems);
    }
    let file = "sku,title,price\nKETTLE,Kettle,64.99\n";
    let plan = plan(&world, rated(amounts(&world, "DKE", file).await)).await;
    assert_eq!((plan.problems, plan.moves[0].own_minor), (vec![], 6_499));
}

async fn a_locked_product_keeps_its_price_on_its_way(test: TestDb) {
    let world = world(test).await;
    intent::set(&world, Kind::Lock, None, 30 * Millis::DAY).await;
    let file = "sku,title,price\nKETTLE,Kettle,64.99\n";
    let other = Wish { amounts: amounts(&world, "DKE", file).await, ..wish(Some(RATE)) };
    let refused = plan(&world, other).await.problems.join("\n");
    let told = "KETTLE: ann has locked it: price promise, and --amounts gives it another price, 64.99 EUR\nhint: ";
    assert!(refused.starts_with(told), "{refused}");
    let file = "sku,title,price\nKETTLE,Kettle,64.21\n";
    let same = Wish { amounts: amounts(&world, "DKE", file).await, ..wish(Some(RATE)) };
    assert_eq!(plan(&world, same).await.problems, Vec::<String>::new(), "479.00 DKK at the rate");
    carry_out(&world, wish(Some(RATE))).await;
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 6_421);
    assert_eq!(world.listing("KETTLE", "webshop").await.live_minor, Some(47_901));
}

async fn a_rate_of_other_currencies_is_told(test: TestDb) {
    let world = world(test).await;
    let told = plan(&world, wish(Some("1 EUR = 11 SEK"))).await.problems.join("\n");
    assert!(told.contains("`price` 479.00 DKK has no amount in the new market: --rate is 1 EUR = 11 SEK, and says nothing of DKK and EUR\nhint: --rate \"1 EUR = ... DKK\""), "{told}");
}

async fn a_price_set_after_a_move_is_compared_with_no_older_one(test: TestDb) {
    let world = world(test).await;
    carry_out(&world, wish(Some(RATE))).await;
    let price = Money::from_minor(6_299, Currency::EUR);
    let found = examine(&world.app, &kettle(&world).await, price, world.app.now()).await.unwrap();
    assert_eq!(found, vec![], "its cost went from no kroner to euros");
}
