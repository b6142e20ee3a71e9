//! Messages in mailboxes, for whoever they were left for and for those who may look after everybody's: seen, heard by links, marked and
//! deleted (decision 0068).

pub mod http;
pub mod model;
mod store;
