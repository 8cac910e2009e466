//! Which images regions are waiting for.

use crate::store::{Store, internal};
use domain::{Digest, ImageName, Problem};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// An image that an open promotion wants in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub app: String,
    pub region: String,
    /// Where the build was pushed to.
    pub image: ImageName,
    pub digest: Digest,
}

impl Store {
    /// What open promotions want, the newest first, at most `most`.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn wanted_images(&self, most: i64) -> Result<Vec<Wanted>, Problem> {
        let rows = sqlx::query(
            "SELECT p.app, r.region, b.image, p.digest FROM promotions p
             JOIN rollouts r ON r.promotion_id = p.id JOIN builds b ON b.id = p.build_id
             WHERE p.state = 'open' ORDER BY p.requested_at DESC, p.id DESC, r.position LIMIT $1",
        )
        .bind(most)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(wanted).collect()
    }
}

fn wanted(row: &AnyRow) -> Result<Wanted, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    Ok(Wanted {
        app: text("app")?,
        region: text("region")?,
        image: text("image")?.parse().map_err(internal)?,
        digest: text("digest")?.parse().map_err(internal)?,
    })
}
