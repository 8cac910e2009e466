//! What became of a delivery, and why.

use super::{Text, fault_text, problem_text, texts};
use domain::delivery::{Reason, Unproven};

texts! {
    r_no_events = "there was no event in it", "其中没有事件";
    r_not_a_push(action: &str) = "not a push: {action}", "不是推送：{action}";
    r_not_an_image(media_type: &str) = "not an image: {media_type}", "不是镜像：{media_type}";
    r_attachment(tag: &str) = "a signature or an attestation of another image: {tag}", "其他镜像的签名或证明：{tag}";
    r_no_tag(image: &str) = "{image} was pushed without a tag; it is listed once a tag names it", "{image} 推送时没有标签；有标签后才会登记";
    r_unusable(field: &str, given: &str, why: &str) = "{field} “{given}”: {why}", "{field}“{given}”：{why}";
    r_unknown_app(image: &str) = "no app of the configuration has the image {image}", "配置中没有应用使用镜像 {image}";
    r_own_tag(tag: &str) = "{tag} is a tag of Slipway's own: it keeps an image", "{tag} 是 Slipway 自己的标签，用于保留镜像";
    r_no_channel(tag: &str) = "listed without a channel: none gathers the tag {tag}", "已登记但不属于任何通道：没有通道收录标签 {tag}";
    r_not_a_release(tag: &str) = "listed, but {tag} is not a release tag like release-v5.12.05.02 and has no place in the order of releases", "已登记，但 {tag} 不是 release-v5.12.05.02 这样的发布标签，不参与发布排序";
    r_moved_on(tag: &str) = "came late: the tag {tag} has moved on since and stays where it is", "到达较晚：标签 {tag} 之后已移动，保持现状";
    r_not_a_build(event: &str) = "says nothing about builds: {event}", "与构建无关：{event}";
    r_refused(why: &str) = "not believed: {why}", "不可信：{why}";
    r_not_read(why: &str) = "not understood: {why}", "无法识别：{why}";
    r_unknown_repository(repository: &str) = "no app of the configuration has the git repository {repository}", "配置中没有应用使用代码仓库 {repository}";
    r_run_over(run: &str) = "{run} was over already", "{run} 已结束";
    u_missing(header: &str) = "the header {header} is missing", "缺少请求头 {header}";
    u_no_secret = "the hook has no secret to compare with", "该钩子没有可核对的密钥";
    u_wrong = "it was made with another secret, or for another body", "签名与密钥或内容不符";
    u_stale(seconds: i64) = "its time is {seconds} s away from ours", "其时间与本机相差 {seconds} 秒";
    r_given_up(problem: &str) = "given up: {problem}", "已放弃：{problem}";
}

impl Text {
    /// Why an event changed nothing, or less than it might have.
    pub fn delivery_reason(self, reason: &Reason) -> String {
        match reason {
            Reason::NoEvents => self.r_no_events().to_owned(),
            Reason::NotAPush { action } => self.r_not_a_push(action),
            Reason::NotAnImage { media_type } => self.r_not_an_image(media_type),
            Reason::Attachment { tag } => self.r_attachment(tag),
            Reason::NoTag { image } => self.r_no_tag(image),
            Reason::Unusable { field, given, why } => self.r_unusable(field, given, &fault_text(self, why)),
            Reason::UnknownApp { image } => self.r_unknown_app(image),
            Reason::NoChannel { tag } => self.r_no_channel(tag),
            Reason::OwnTag { tag } => self.r_own_tag(tag),
            Reason::NotARelease { tag } => self.r_not_a_release(tag),
            Reason::MovedOn { tag } => self.r_moved_on(tag),
            Reason::NotABuildEvent { event } => self.r_not_a_build(event),
            Reason::Refused { why } => self.r_refused(&self.unproven(why)),
            Reason::NotRead { why } => self.r_not_read(&fault_text(self, why)),
            Reason::UnknownRepository { repository } => self.r_unknown_repository(repository),
            Reason::RunOver { run } => self.r_run_over(run),
            Reason::GivenUp { problem } => self.r_given_up(&problem_text(self, problem).happened),
        }
    }

    /// Why a request was not believed.
    pub fn unproven(self, why: &Unproven) -> String {
        match why {
            Unproven::Missing { header } => self.u_missing(header),
            Unproven::NoSecret => self.u_no_secret().to_owned(),
            Unproven::Wrong => self.u_wrong().to_owned(),
            Unproven::Stale { seconds } => self.u_stale(*seconds),
        }
    }
}
