//! Every flow, killed at each of its steps: the real binary, a WeChat and a platform's server that live on, and a clock that can
//! be moved. Started again, the flow must end right, once, by itself or by the caller's repeat under the same number.
//!
//! A flow is run unharmed first, which says what its steps are; then once for each of them, with a SIGKILL there.
//!
//! | module | what |
//! |---|---|
//! | [`flows`] | what is done, and how it must end |
//! | [`trap`] | what a step is, and at which one Tally is killed |
//! | [`toll`], [`life`] | the ways in and out of Tally; kills and starts |
//! | [`ahead`] | the clock |
//! | [`hook`] | the platform's own server |
//! | [`stage`] | all around one flow |
//! | [`judge`] | whether both sides have the same money in the end |
//! | [`run`] | all flows, all steps, many at once |

pub mod ahead;
pub mod flows;
pub mod hook;
pub mod judge;
pub mod life;
pub mod run;
pub mod stage;
pub mod toll;
pub mod trap;
