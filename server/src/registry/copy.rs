//! Writing to registries: an image is copied from one to another under the same digest, file by file and each
//! file in parts. A line that breaks costs a part; what is there already is not sent again.

use super::fetch::{Wish, body, led_to, wait_of};
use super::manifest::{self, Parts};
use super::{Registry, answer, gone, not_given, unreachable, unreadable};
use crate::registry::fetch::Answer;
use bytes::Bytes;
use domain::problem::Fault;
use domain::{Digest, ImageName, Problem};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Method, Response, StatusCode, Url};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes of one part: on a slow line one is through within the bound of a request.
const PART: u64 = 4 << 20;
/// Bytes of one image, and images and files of one index.
const MOST_BYTES: u64 = 64 << 30;
const MOST_IMAGES: usize = 60;
const MOST_FILES: usize = 2000;
/// The pauses after which something is tried once more.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(3), Duration::from_secs(10)];

/// A manifest as it is written at the other registry.
struct Whole {
    digest: Digest,
    body: Bytes,
    parts: Parts,
}

impl Registry {
    /// Copies an image, with every image of an index. `say` hears how many bytes are there, of how many.
    ///
    /// # Errors
    /// [`Problem::ImageGone`] when `from` does not have it; [`Problem::Unreachable`],
    /// [`Problem::RegistryBusy`] and [`Problem::RegistryAnswer`] of either registry. What was copied stays
    /// there, and the next try goes on from it.
    pub async fn copy(&self, from: &ImageName, to: &ImageName, digest: &Digest, say: impl Fn(u64, u64)) -> Result<u64, Problem> {
        let manifests = self.whole(from, digest).await?;
        let files: BTreeMap<&Digest, u64> =
            manifests.iter().flat_map(|one| &one.parts.files).map(|(digest, size)| (digest, *size)).collect();
        let all = files.values().fold(0_u64, |sum, size| sum.saturating_add(*size));
        if files.len() > MOST_FILES || all > MOST_BYTES {
            return Err(unreadable(from, "it is larger than Slipway copies"));
        }
        let mut done = 0;
        for (file, size) in files {
            say(done, all);
            if !patiently(|| self.has_file(to, file)).await? {
                self.carry(from, to, (file, size), |sent| say(done + sent, all)).await?;
            }
            done += size;
        }
        for one in &manifests {
            patiently(|| self.put_manifest(to, one.digest.as_str(), one)).await?;
        }
        Ok(all)
    }

    /// Puts a tag on an image of the same repository. False when it was there already.
    ///
    /// # Errors
    /// As [`Registry::resolve`], and [`Problem::RegistryAnswer`] when it does not let Slipway write.
    pub async fn put_tag(&self, image: &ImageName, digest: &Digest, tag: &str) -> Result<bool, Problem> {
        if self.tag_points_at(image, tag).await?.as_ref() == Some(digest) {
            return Ok(false);
        }
        let one = self.one(image, digest).await?;
        self.within(image, self.put_manifest(image, tag, &one)).await?;
        Ok(true)
    }

    /// The digest that a tag points at; none when there is no such tag.
    ///
    /// # Errors
    /// As [`Registry::resolve`].
    pub async fn tag_points_at(&self, image: &ImageName, tag: &str) -> Result<Option<Digest>, Problem> {
        let tag = tag.parse().map_err(crate::store::internal)?;
        match self.resolve(image, &tag).await {
            Ok(digest) => Ok(Some(digest)),
            Err(Problem::ImageGone { .. }) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    // ---- Manifests -------------------------------------------------------------------------

    /// The manifest and, of an index, those of its images before it: a registry takes in no index of what
    /// it does not have.
    async fn whole(&self, from: &ImageName, digest: &Digest) -> Result<Vec<Whole>, Problem> {
        let top = self.one(from, digest).await?;
        if top.parts.images.len() > MOST_IMAGES {
            return Err(unreadable(from, "an index of more images than Slipway copies"));
        }
        let mut all = Vec::with_capacity(top.parts.images.len() + 1);
        for image in &top.parts.images {
            let one = self.one(from, image).await?;
            if !one.parts.images.is_empty() {
                return Err(unreadable(from, "an index inside an index"));
            }
            all.push(one);
        }
        all.push(top);
        Ok(all)
    }

    async fn one(&self, image: &ImageName, digest: &Digest) -> Result<Whole, Problem> {
        let read = || self.within(image, self.raw_manifest(image, digest.as_str(), Some(digest)));
        let (digest, body) = patiently(read).await?;
        let parts = manifest::parts(&body).map_err(|why| answer(image.host(), why))?;
        Ok(Whole { digest, body: body.into(), parts })
    }

    async fn put_manifest(&self, to: &ImageName, reference: &str, one: &Whole) -> Result<(), Problem> {
        let url = self.address(to, &format!("manifests/{reference}"))?;
        let headers = vec![(CONTENT_TYPE, one.parts.media_type.clone())];
        let wish = Wish { method: Method::PUT, url, headers, body: one.body.clone(), push: true };
        self.written(to, &wish).await.map(drop)
    }

    // ---- Files -----------------------------------------------------------------------------

    async fn has_file(&self, image: &ImageName, file: &Digest) -> Result<bool, Problem> {
        let url = self.address(image, &format!("blobs/{file}"))?;
        let wish = Wish { push: true, ..Wish::read(Method::HEAD, url, "*/*") };
        let response = self.answered(image, &wish).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            // It leads to where it keeps the file.
            status if status.is_redirection() => Ok(true),
            _ => demand_well(image, response).map(|_| true),
        }
    }

    /// Carries one file over in parts, and hashes it on the way: a registry that gives other bytes than it
    /// was asked for is noticed here, not only by the one that takes them.
    async fn carry(
        &self,
        from: &ImageName,
        to: &ImageName,
        (file, size): (&Digest, u64),
        say: impl Fn(u64),
    ) -> Result<(), Problem> {
        let mut upload = patiently(|| self.begin(to)).await?;
        let mut hash = sha2::Sha256::new();
        let mut at = 0;
        while at < size {
            let most = PART.min(size - at);
            let part = patiently(|| self.part(from, file, at, most)).await?;
            hash.update(&part);
            let sent = part.len() as u64;
            upload = self.send_part(to, upload, at, part).await?;
            at += sent;
            say(at);
        }
        if format!("sha256:{}", hex::encode(hash.finalize())) != file.as_str() {
            return Err(unreadable(from, "its bytes do not have the digest that was asked for"));
        }
        patiently(|| self.end(to, &upload, file)).await
    }

    /// `most` bytes of a file from `at` on.
    async fn part(&self, from: &ImageName, file: &Digest, at: u64, most: u64) -> Result<Bytes, Problem> {
        let mut wish = Wish::read(Method::GET, self.address(from, &format!("blobs/{file}"))?, "*/*");
        wish.headers.push((RANGE, format!("bytes={at}-{}", at + most - 1)));
        let response = self.follow(from.host(), wish.clone(), self.answered(from, &wish).await?).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(gone(from, file.as_str()));
        }
        let response = demand_well(from, response)?;
        if at > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(unreadable(from, "it gives files as a whole only"));
        }
        let bound = usize::try_from(most).unwrap_or(usize::MAX);
        let part = body(from.host(), response, bound).await?;
        if part.len() != bound { Err(unreachable(from.host())) } else { Ok(part.into()) }
    }

    async fn begin(&self, to: &ImageName) -> Result<Url, Problem> {
        let url = self.address(to, "blobs/uploads/")?;
        let headers = vec![(CONTENT_LENGTH, "0".to_owned())];
        let wish = Wish { method: Method::POST, url: url.clone(), headers, body: Bytes::new(), push: true };
        led_to(to.host(), &url, &self.written(to, &wish).await?)
    }

    /// Sends a part. After a line that broke the registry is asked how much arrived, and the rest is sent.
    async fn send_part(&self, to: &ImageName, mut upload: Url, begin: u64, part: Bytes) -> Result<Url, Problem> {
        let end = begin + part.len() as u64;
        let mut there = begin;
        let mut pauses = PAUSES.into_iter();
        loop {
            let rest = usize::try_from(there - begin).map(|sent| part.slice(sent..)).map_err(crate::store::internal)?;
            let problem = match self.patch(to, &upload, there, rest).await {
                Ok(next) => return Ok(next),
                Err(problem) => problem,
            };
            let (true, Some(pause)) = (may_come_right(&problem), pauses.next()) else { return Err(problem) };
            tokio::time::sleep(pause).await;
            let Ok((next, arrived)) = self.arrived(to, &upload).await else { continue };
            upload = next;
            match arrived {
                arrived if arrived == end => return Ok(upload),
                arrived if (begin..end).contains(&arrived) => there = arrived,
                _ => return Err(unreadable(to, "it lost a part of what it had taken")),
            }
        }
    }

    async fn patch(&self, to: &ImageName, upload: &Url, at: u64, part: Bytes) -> Result<Url, Problem> {
        let last = at + part.len() as u64 - 1;
        let headers = vec![(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_RANGE, format!("{at}-{last}"))];
        let wish = Wish { method: Method::PATCH, url: upload.clone(), headers, body: part, push: true };
        led_to(to.host(), upload, &self.written(to, &wish).await?)
    }

    /// Where an upload goes on, and how many bytes of it arrived.
    async fn arrived(&self, to: &ImageName, upload: &Url) -> Result<(Url, u64), Problem> {
        let wish = Wish { push: true, ..Wish::read(Method::GET, upload.clone(), "*/*") };
        let response = self.written(to, &wish).await?;
        let range = response.headers().get(RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let last = range.rsplit('-').next().and_then(|last| last.parse::<u64>().ok());
        let last = last.ok_or_else(|| unreadable(to, "it does not say how much arrived"))?;
        // Nothing at all is told as `0-0`.
        let arrived = if last == 0 { 0 } else { last + 1 };
        Ok((led_to(to.host(), upload, &response).unwrap_or_else(|_| upload.clone()), arrived))
    }

    async fn end(&self, to: &ImageName, upload: &Url, file: &Digest) -> Result<(), Problem> {
        let mut url = upload.clone();
        url.query_pairs_mut().append_pair("digest", file.as_str());
        let headers = vec![(CONTENT_LENGTH, "0".to_owned())];
        let wish = Wish { method: Method::PUT, url, headers, body: Bytes::new(), push: true };
        match self.written(to, &wish).await {
            Ok(_) => Ok(()),
            // It may have taken it before the line broke.
            Err(problem) => {
                if self.has_file(to, file).await? {
                    Ok(())
                } else {
                    Err(problem)
                }
            }
        }
    }

    // ---- Asking ----------------------------------------------------------------------------

    fn address(&self, image: &ImageName, rest: &str) -> Result<Url, Problem> {
        let url = format!("{}/v2/{}/{rest}", self.base(image.host()), image.repository());
        Url::parse(&url).map_err(crate::store::internal)
    }

    async fn answered(&self, image: &ImageName, wish: &Wish) -> Result<Response, Problem> {
        // A registry may have uploads taken in elsewhere: the account stays at home.
        let home = self.address(image, "")?;
        if wish.url.origin() != home.origin() {
            return self.send(image.host(), wish, None).await;
        }
        let response = self.asked(image.host(), Some(image.repository()), wish).await?;
        response.ok_or_else(|| not_given(image.host(), &Answer::Refused(401)))
    }

    async fn written(&self, image: &ImageName, wish: &Wish) -> Result<Response, Problem> {
        demand_well(image, self.answered(image, wish).await?)
    }
}

/// A registry that stumbles is one that cannot be reached now; one that refuses is not asked again.
fn demand_well(image: &ImageName, response: Response) -> Result<Response, Problem> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::TOO_MANY_REQUESTS => {
            Err(Problem::RegistryBusy { name: image.host().to_owned(), seconds: wait_of(&response) })
        }
        status if status.is_server_error() || status == StatusCode::RANGE_NOT_SATISFIABLE => Err(unreachable(image.host())),
        status => Err(answer(image.host(), Fault::Refused { reason: format!("status {}", status.as_u16()) })),
    }
}

const fn may_come_right(problem: &Problem) -> bool {
    matches!(problem, Problem::Unreachable { .. } | Problem::RegistryBusy { .. })
}

/// Tries what may come right some times more, with longer and longer pauses.
async fn patiently<T, F: Future<Output = Result<T, Problem>>>(what: impl Fn() -> F) -> Result<T, Problem> {
    for pause in PAUSES {
        match what().await {
            Err(problem) if may_come_right(&problem) => tokio::time::sleep(pause).await,
            done => return done,
        }
    }
    what().await
}
