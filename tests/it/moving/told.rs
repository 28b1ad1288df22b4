//! What the commands say after a move.

use super::*;

both_engines![a_rollback_to_before_a_move_says_what_stays];

async fn a_rollback_to_before_a_move_says_what_stays(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    write(&world, &format!("{RULES}\n{EURO}"));
    world.pass().await;
    let before = world.app.now().to_string();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    carry_out(&world, wish(Some("1 EUR = 7.46 DKK"))).await;
    let said = world.say(&["rollback", "--to", &before, "--why", "x", "--dry-run"]).await;
    let told = "1 product went into another money or tax view after ";
    assert!(said.err.contains(told) && said.err.contains("given back: KETTLE; omniprice price set"), "{said:?}");
    assert!(said.out.starts_with("0 prices would go back"), "{said:?}");
}
