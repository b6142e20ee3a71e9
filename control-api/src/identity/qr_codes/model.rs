//! A QR code as its organisation sees it. No I/O.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::instant::Instant;

/// The row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    pub(crate) code: String,
    pub(crate) created_at: Instant,
}

/// The QR code of an organisation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OrganisationQrCode)]
pub struct QrCode {
    /// Its id.
    pub id: Uuid,
    /// What guests enter by.
    #[schema(example = "k7dqx2mfw9bn3hpt4zcr")]
    pub code: String,
    /// What it leads to, and what stands in the picture.
    #[schema(example = "https://pbx.example.com/g/k7dqx2mfw9bn3hpt4zcr")]
    pub url: String,
    /// Since when.
    pub created_at: Instant,
}

impl QrCode {
    /// That of the row, where the console is at `public_url`.
    pub(crate) fn of(Row { id, code, created_at }: Row, public_url: &str) -> Self {
        let url = format!("{public_url}/g/{code}");
        Self { id, code, url, created_at }
    }
}
