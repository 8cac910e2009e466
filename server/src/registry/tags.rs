//! Listing a repository's tags, page by page.

use super::{Registry, answer, not_given};
use crate::registry::fetch::Answer;
use domain::problem::Fault;
use domain::{ImageName, Problem, Tag};
use serde::Deserialize;

const MOST_LIST: usize = 4 << 20;
/// Tags of one repository; pages end where this is reached.
const MOST_TAGS: usize = 20_000;
const MOST_PAGES: usize = 500;
/// Tags asked for in one page; a registry may give fewer.
const PAGE: usize = 200;

#[derive(Deserialize)]
struct TagList {
    tags: Option<Vec<String>>,
}

impl Registry {
    /// Every tag of a repository, in the registry's order, at most 20000. What follows no grammar is
    /// left out. A repository that is not there has none.
    ///
    /// # Errors
    /// [`Problem::Unreachable`], [`Problem::RegistryAnswer`], [`Problem::RegistryBusy`].
    pub async fn tags(&self, image: &ImageName) -> Result<Vec<Tag>, Problem> {
        let base = self.base(image.host());
        let list = format!("{base}/v2/{}/tags/list", image.repository());
        let mut url = format!("{list}?n={PAGE}");
        let mut tags: Vec<Tag> = Vec::new();
        for _ in 0..MOST_PAGES {
            let asked = self.get(image.host(), Some(image.repository()), &url, "application/json", MOST_LIST);
            let (body, next) = match self.within(image, asked).await? {
                Answer::Body(body, next) => (body, next),
                Answer::Missing => return Ok(tags),
                other => return Err(not_given(image.host(), &other)),
            };
            let page: TagList = serde_json::from_slice(&body)
                .map_err(|_| answer(image.host(), Fault::Unreadable { detail: "its list of tags".to_owned() }))?;
            tags.extend(page.tags.unwrap_or_default().into_iter().filter_map(|tag| tag.parse().ok()));
            // A short page is not the end; a page without a next one is.
            let next = next.as_deref().and_then(query_of_next);
            match next {
                Some(query) if tags.len() < MOST_TAGS => url = format!("{list}?{query}"),
                _ => break,
            }
        }
        tags.truncate(MOST_TAGS);
        Ok(tags)
    }
}

/// `Link: </v2/web/tags/list?n=2&last=b>; rel="next"`: of the address only the query is believed,
/// so that no answer leads the questions elsewhere.
fn query_of_next(link: &str) -> Option<&str> {
    let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = rest.split(';').any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
    let (_, query) = address.split_once('?')?;
    let plain = query.len() <= 1000 && query.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    (is_next && plain).then_some(query)
}

#[cfg(test)]
mod tests {
    use super::query_of_next;

    #[test]
    fn only_the_query_of_the_next_page_is_taken() {
        assert_eq!(query_of_next("</v2/web/tags/list?n=2&last=b>; rel=\"next\""), Some("n=2&last=b"));
        assert_eq!(query_of_next("<https://elsewhere.example/v2/x?last=b>; rel=next"), Some("last=b"));
        for bad in ["", "</v2/web?last=b>", "</v2/web>; rel=\"next\"", "</v2/web?a b>; rel=\"next\"", "</v2?x>; rel=\"prev\""] {
            assert_eq!(query_of_next(bad), None, "{bad}");
        }
    }
}
