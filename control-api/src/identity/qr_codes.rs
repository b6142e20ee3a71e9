//! What an organisation hangs on its wall (H-030, H-045, HX-17): one QR code at a time, behind which guests find it. A new one
//! takes the place of the one before, which lets nobody in from then on; who is in stays.

pub mod http;
pub mod model;
mod picture;
pub(super) mod store;

/// QR codes that an organisation makes in a day.
pub const QR_CODES_A_DAY_MAX: i64 = 50;
