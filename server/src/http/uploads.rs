//! Forms with files: multipart, read within bounds, the files apart from the fields.

use crate::ctx::Ctx;
use app::view::Upload;
use axum::body::Body;
use domain::Problem;
use domain::evidence::{MOST_FILE, MOST_FILES, MOST_TOGETHER};
use domain::problem::Fault;
use multer::{Constraints, Multipart, SizeLimit};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// All fields that are no files, together.
const MOST_FIELDS: usize = 64 * 1024;
const MOST_PARTS: usize = 200;
/// Whoever sends slower than this has to send less.
const LONGEST: Duration = Duration::from_secs(120);

/// A form as it came in. The turn is given back when it is dropped with its files.
pub struct Posted {
    pub fields: Vec<(String, String)>,
    pub files: Vec<Upload>,
    pub turn: OwnedSemaphorePermit,
}

/// Whether a body of this type is a form with files.
pub fn is_multipart(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// Reads a form with files.
///
/// # Errors
/// [`Problem::Invalid`] for what is too big, too much or no form; [`Problem::Busy`] when others
/// take too long, or the sender does.
pub async fn read(ctx: &Ctx, content_type: &str, body: Body) -> Result<Posted, Problem> {
    let boundary = multer::parse_boundary(content_type).map_err(|error| problem(&error))?;
    let turn = ctx.evidence.turn().await?;
    let limits = SizeLimit::new().whole_stream((MOST_TOGETHER + MOST_FIELDS) as u64).per_field(MOST_FILE as u64);
    let form = Multipart::with_constraints(body.into_data_stream(), boundary, Constraints::new().size_limit(limits));
    let (fields, files) = tokio::time::timeout(LONGEST, parts(form)).await.map_err(|_| Problem::Busy)??;
    Ok(Posted { fields, files, turn })
}

async fn parts(mut form: Multipart<'_>) -> Result<(Vec<(String, String)>, Vec<Upload>), Problem> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    let mut room = MOST_FIELDS;
    for _ in 0..MOST_PARTS {
        let Some(field) = form.next_field().await.map_err(|error| problem(&error))? else { return Ok((fields, files)) };
        let name = field.name().unwrap_or_default().to_owned();
        let file = field.file_name().map(ToOwned::to_owned);
        let bytes = field.bytes().await.map_err(|error| problem(&error))?;
        match file {
            // A browser sends an empty part where no file was chosen.
            Some(file) if file.is_empty() && bytes.is_empty() => {}
            Some(_) if files.len() == MOST_FILES => return Err(too_many()),
            Some(file) => files.push(Upload { name: file, bytes: bytes.into() }),
            None => {
                room = room.checked_sub(bytes.len()).ok_or_else(|| too_big(MOST_FIELDS))?;
                fields.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    Err(too_many())
}

fn problem(error: &multer::Error) -> Problem {
    match error {
        multer::Error::FieldSizeExceeded { .. } => too_big(MOST_FILE),
        multer::Error::StreamSizeExceeded { .. } => too_big(MOST_TOGETHER),
        _ => Problem::invalid("form", Fault::Unreadable { detail: "a form that is whole".to_owned() }),
    }
}

fn too_big(most: usize) -> Problem {
    Problem::invalid("files", Fault::TooBig { most: most as u64 })
}

fn too_many() -> Problem {
    Problem::invalid("files", Fault::Refused { reason: format!("more than {MOST_FILES} files") })
}
