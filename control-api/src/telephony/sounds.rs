//! Sounds of an organisation's own: in place of the prompts and the music that the switch brings along, and under names of their own, which
//! greetings and rules name (decision 0068). What is no sound for the switch is refused here, by what the switch itself decodes with.

pub mod http;
pub mod model;
mod store;
