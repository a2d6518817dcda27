//! A disk that forgets: what the real binary wrote and did not sync may be gone when the power comes back.
//!
//! | module | what |
//! |---|---|
//! | [`shim`] | stands between the binary and its disk, and writes a trace |
//! | [`trace`] | what the process did to its disk, and which syncs were done |
//! | [`disk`] | what a disk certainly holds after a trace, and what not |
//! | [`image`] | what may be found when the power comes back |
//! | [`witness`] | whether a trace tells the truth |
//! | [`plan`] | what a run is to do, and what it found |
//! | [`cuts`] | the run: the binary under load, a cut, and the examination of images |

pub mod cuts;
pub mod disk;
pub mod image;
pub mod plan;
pub mod shim;
pub mod trace;
pub mod witness;
