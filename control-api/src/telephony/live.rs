//! What goes on now in the organisation: calls, queues, phones. The switch knows; nothing of it is stored.

pub mod http;
pub mod model;
