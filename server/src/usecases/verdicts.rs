//! Verdicts, sign-offs and send-backs: what people decide about a digest.

mod evidence;
mod judge;
mod read;
mod sign_off;

pub use evidence::{attach_evidence, evidence};
pub use judge::{overrule_verdict, record_verdict, record_verdict_with, withdraw_verdict};
pub(super) use read::verdicts_on;
pub use read::{of_build, send_backs_of};
pub use sign_off::{send_back, sign_off, withdraw_sign_off};

use crate::ctx::{Ctx, Entry};
use crate::store::Tx;
use crate::store::builds::BuildRecord;
use domain::{Actor, Problem};

/// The record names the build; the detail begins with the digest, which is what was judged.
async fn record(ctx: &Ctx, tx: &mut Tx, actor: &Actor, action: &str, subject: &BuildRecord, detail: &str) -> Result<(), Problem> {
    let entry = Entry {
        action,
        subject_kind: "build",
        subject: subject.id.as_str(),
        app: Some(&subject.app),
        detail: format!("{} {detail}", subject.digest.short()).trim_end().to_owned(),
    };
    ctx.audit(tx, actor, entry).await
}
