//! Tally's engine.
//!
//! | module | what |
//! |---|---|
//! | [`domain`] | the rules of money, pure |
//! | [`ports`] | what the engine needs of the outside |
//! | [`error`] | what a caller hears: final, or ask again |
//! | [`engine`] | the front door |

pub mod domain;
pub mod engine;
pub mod error;
pub mod ports;
