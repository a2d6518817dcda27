//! The model check of a withdrawal's life, as deep as a short test goes. `tally-proof model` goes further.

use tally_proof::model::{Explored, WORLDS, explore};

#[test]
fn to_depth_eight_no_interleaving_of_a_withdrawals_life_breaks_a_claim() {
    for world in WORLDS {
        let Explored { states, depth, counterexample, .. } = explore(world, 8);
        if let Some(found) = counterexample {
            panic!("{}\n{found}", world.name);
        }
        assert_eq!(depth, 8);
        assert!(states > 100, "{}: only {states} states", world.name);
    }
}

#[test]
fn with_one_payer_a_whole_life_breaks_no_claim() {
    for world in WORLDS.iter().filter(|world| world.payers == 1) {
        let Explored { statuses, counterexample, .. } = explore(world, 13);
        if let Some(found) = counterexample {
            panic!("{}\n{found}", world.name);
        }
        let by_wechat = [
            "awaiting_approval",
            "failed",
            "rejected",
            "requested",
            "sending",
            "succeeded",
            "unknown",
        ];
        let reached: Vec<&str> = statuses.into_keys().collect();
        let by_hand = by_wechat.iter().filter(|status| !["sending", "unknown"].contains(status));
        let wanted: Vec<&str> =
            if world.name == "by hand" { by_hand.copied().collect() } else { by_wechat.to_vec() };
        assert_eq!(reached, wanted, "{}", world.name);
    }
}

/// Nothing is left out that one payer may meet, however long it goes on.
#[track_caller]
fn holds_to_the_end(name: &str) {
    let world = WORLDS.iter().find(|world| world.name == name).expect("a world of that name");
    let Explored { complete, counterexample, .. } = explore(world, world.depth);
    if let Some(found) = counterexample {
        panic!("{name}\n{found}");
    }
    assert!(complete, "{name}: there is more");
}

#[test]
fn where_refusals_are_true_nothing_that_can_happen_to_one_payer_breaks_a_claim() {
    holds_to_the_end("one payer, refusals are true");
}

#[test]
fn where_wechat_keeps_no_word_nothing_that_can_happen_to_one_payer_breaks_a_claim() {
    holds_to_the_end("one payer, WeChat without a word");
}

/// The first payer's transfer was refused, and whoever asks about that try must give up none that follows.
#[test]
fn what_a_second_payer_with_a_clock_far_ahead_hears_of_a_try_gives_up_no_other() {
    let world = WORLDS.iter().find(|world| world.name.ends_with("refused once")).expect("it is");
    let Explored { counterexample, .. } = explore(world, 18);
    if let Some(found) = counterexample {
        panic!("{found}");
    }
}
