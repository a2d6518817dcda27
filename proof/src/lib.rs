//! The proof that no interleaving, crash or disk can lose or invent a fen: tools to try to break Tally with.
//!
//! | module | what |
//! |---|---|
//! | [`history`] | what a client saw and what is stored at the end, in plain words |
//! | [`auditor`] | judges a history; shares no code with what it judges |
//! | [`sim`] | the simulator: one seed decides everything |
//! | [`model`] | explores every interleaving of a withdrawal's life |
//! | `mutants` | known defects, built in on purpose and caught |
//! | [`crash`] | kills the real binary under load |
//! | [`steps`] | kills the real binary at each step of each flow |
//! | [`power`] | a disk that forgets what was not synced |
//! | [`preload`] | libraries between the real binary and the kernel |
//! | [`lists`] | all that a store has of a merchant |
//! | [`translate`] | from the engine's types to the words of a history |
//! | [`random`] | every choice, from one seed |
//! | [`servers`] | private servers of other programs, for tests |

pub mod auditor;
pub mod crash;
pub mod history;
pub mod lists;
pub mod model;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod power;
pub mod preload;
pub mod random;
pub mod servers;
pub mod sim;
pub mod steps;
pub mod translate;
