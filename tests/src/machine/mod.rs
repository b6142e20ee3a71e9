//! The package on a machine with systemd. Runs inside `bin/machine`, as root: [`installed`] follows the documentation
//! from `dpkg -i` to a switch that takes calls, [`hang`] stops one thread of a process, [`stories`] put it together.
//! Outside such a machine nothing of this is to be called: it installs and removes packages.

pub mod hang;
pub mod installed;
pub mod stories;
