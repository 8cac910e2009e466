//! Webhook deliveries: store, then process.

use crate::ctx::Ctx;
use app::view::{DeliveryRow, Page, Paging};
use domain::{Action, Actor, Problem};

pub async fn deliveries(_ctx: &Ctx, actor: &Actor, _paging: Paging) -> Result<Page<DeliveryRow>, Problem> {
    actor.require(Action::SeeDeliveries)?;
    Err(Problem::Busy)
}
