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
        assert!(states > 200, "{}: only {states} states", world.name);
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
