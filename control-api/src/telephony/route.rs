//! What a call would come to, and why ("try this number at this time"). The switch answers, because its plan is what calls go
//! by (decision 0052); here stands who may ask, and only of their own organisation.

pub mod http;
pub mod model;
