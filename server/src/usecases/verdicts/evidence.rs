//! Files beside verdicts: taken in by what they are, and given out to whoever may read.

use super::judge::require_stands;
use super::record;
use crate::ctx::Ctx;
use crate::store::decisions::{self as decisions, evidence as rows, evidence::EvidenceRow};
use crate::store::{Tx, missing};
use crate::usecases::deciding;
use app::view::{EvidenceView, Upload};
use domain::evidence::{EvidenceKind, MOST_FILES, MOST_KEPT, MOST_TOGETHER, shown_name};
use domain::id::{EvidenceId, VerdictId};
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};

const FIELD: &str = "files";

/// Puts files beside one's own verdict, as long as it stands. What it says is not changed.
///
/// # Errors
/// [`Problem::Invalid`] for a file; [`Problem::NotFound`], [`Problem::NotTheAuthor`],
/// [`Problem::Finished`].
pub async fn attach_evidence(
    ctx: &Ctx,
    actor: &Actor,
    verdict: &VerdictId,
    files: Vec<Upload>,
) -> Result<Vec<EvidenceId>, Problem> {
    actor.require(Action::RecordVerdict)?;
    let subject = ctx.store.existing_build(&ctx.store.verdict(verdict).await?.build).await?;
    let kept = keep(ctx, files).await?;
    if kept.is_empty() {
        return Err(Problem::invalid(FIELD, Fault::Missing));
    }
    let (mut tx, person) = deciding::begin(ctx, actor, Action::RecordVerdict, &subject.app, &subject.digest).await?;
    let row = decisions::verdict_in(&mut tx, verdict).await?;
    if row.author != person.id {
        return Err(Problem::NotTheAuthor);
    }
    require_stands(&row)?;
    if rows::count(&mut tx, verdict).await? + kept.len() > MOST_FILES {
        return Err(too_many());
    }
    insert(&mut tx, verdict, &kept).await?;
    let names: Vec<&str> = kept.iter().map(|row| row.view.name.as_str()).collect();
    record(ctx, &mut tx, actor, "verdict.evidence_added", &subject, &names.join(", ")).await?;
    deciding::finish(ctx, tx, None).await?;
    Ok(kept.into_iter().map(|row| row.view.id).collect())
}

/// A file with its bytes.
///
/// # Errors
/// [`Problem::NotFound`], also when its bytes are no longer in the folder.
pub async fn evidence(ctx: &Ctx, actor: &Actor, id: &EvidenceId) -> Result<(EvidenceView, Vec<u8>), Problem> {
    actor.require(Action::Read)?;
    let gone = || missing(Noun::Evidence, id.as_str());
    let row = ctx.store.evidence(id).await?.ok_or_else(gone)?;
    let bytes = ctx.evidence.get(&row.hash).await?.ok_or_else(gone)?;
    Ok((row.view, bytes))
}

/// Puts files on the disk, all or none of them good. Their rows are written later, in the
/// transaction of the decision: what that refuses leaves bytes that nothing leads to.
pub(super) async fn keep(ctx: &Ctx, files: Vec<Upload>) -> Result<Vec<EvidenceRow>, Problem> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    if files.len() > MOST_FILES {
        return Err(too_many());
    }
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    if bytes > MOST_TOGETHER {
        return Err(Problem::invalid(FIELD, Fault::TooBig { most: MOST_TOGETHER as u64 }));
    }
    let kinds: Vec<EvidenceKind> =
        files.iter().map(|file| EvidenceKind::of(&file.bytes)).collect::<Result<_, _>>().map_err(refused)?;
    if ctx.store.evidence_bytes().await?.saturating_add(bytes as u64) > MOST_KEPT {
        let reason = "the room for evidence of this installation is used up; an admin has to know".to_owned();
        return Err(refused(Fault::Refused { reason }));
    }
    let mut kept = Vec::with_capacity(files.len());
    for (file, kind) in files.into_iter().zip(kinds) {
        let view = EvidenceView {
            id: ctx.new_id(),
            name: shown_name(&file.name, kind),
            kind,
            bytes: i64::try_from(file.bytes.len()).unwrap_or(i64::MAX),
            at: ctx.now(),
        };
        kept.push(EvidenceRow { view, hash: ctx.evidence.put(file.bytes).await? });
    }
    Ok(kept)
}

pub(super) async fn insert(tx: &mut Tx, verdict: &VerdictId, files: &[EvidenceRow]) -> Result<(), Problem> {
    for (place, file) in files.iter().enumerate() {
        rows::insert(tx, verdict, file, place).await?;
    }
    Ok(())
}

fn refused(why: Fault) -> Problem {
    Problem::invalid(FIELD, why)
}

fn too_many() -> Problem {
    refused(Fault::Refused { reason: format!("more than {MOST_FILES} files") })
}
