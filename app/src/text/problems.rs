//! Problems told to a person: what happened, what was kept, what to do.

use super::{Text, texts};
use crate::view::gate_region;
use domain::Problem;
use domain::gate::{Gate, GateState};
use domain::problem::{Fault, Noun, Refused};

texts! {
    noun_page = "page", "页面";
    noun_user = "user", "用户";
    noun_token = "token", "令牌";
    noun_hook = "hook", "钩子";
    noun_delivery = "delivery", "投递";
    noun_app = "app", "应用";
    noun_build = "build", "构建";
    noun_stack = "stack", "编排";
    noun_environment = "environment", "测试环境";
    noun_verdict = "verdict", "测试结论";
    noun_sign_off = "sign-off", "签核";
    noun_promotion = "promotion", "发布";
    noun_promotion_set = "promotion set", "发布组";
    noun_rollout = "rollout", "区域更新";
    noun_region = "region", "区域";
    noun_plan = "plan", "预案";
    noun_engine = "engine", "引擎";
    noun_registry = "registry", "镜像仓库";
    noun_service = "service", "服务";
    noun_network = "network", "网络";
    noun_volume = "volume", "数据卷";
    noun_run = "CI run", "CI 运行";
    noun_secret = "secret", "密钥";
    noun_target = "target", "通知目标";
    noun_message = "message", "消息";
    noun_log = "log", "日志";
    noun_item = "checklist item", "测试项";
    noun_evidence = "evidence file", "证据文件";
    noun_policy = "policy", "策略";
    noun_freeze = "freeze window", "冻结窗口";
    noun_repository = "git repository", "代码仓库";

    kept_nothing = "Nothing was changed.", "没有任何改动。";
    kept_form = "What you filled in is kept below.", "您填写的内容已保留。";
    kept_recorded = "What was recorded before is kept.", "之前的记录均已保留。";

    p_signed_out = "You are not signed in.", "您尚未登录。";
    d_signed_out = "Sign in and try again.", "请登录后重试。";
    p_forbidden(what: &str) = "Your role may not {what}.", "您的角色不能{what}。";
    d_forbidden(who: &str) = "Ask {who}.", "请联系{who}。";
    p_credentials = "The name or the password is not right.", "用户名或密码不正确。";
    d_credentials = "Check both and try again. An admin can set a new password.", "请核对后重试。管理员可以重设密码。";
    p_throttled = "There were too many attempts.", "尝试次数过多。";
    d_throttled(seconds: u64) = "Wait {seconds} s and try again.", "请等待 {seconds} 秒后重试。";
    p_password = "You signed in more than 15 minutes ago.", "您登录已超过 15 分钟。";
    d_password = "Give your password again and press the button once more.", "请再次输入密码并重新提交。";
    p_cross_site = "The request came from another site and was refused.", "请求来自其他站点，已被拒绝。";
    d_cross_site = "Open Slipway itself and do it there.", "请直接打开 Slipway 操作。";
    p_unproven(why: &str) = "The request did not prove its sender: {why}.", "请求未能证明其来源：{why}。";
    d_unproven = "Compare the hook's secret with the one in the builder's settings.", "请核对钩子密钥与构建系统中的设置。";
    p_registry_busy(name: &str, seconds: u64) = "The registry {name} asks to wait {seconds} s between questions.", "镜像仓库 {name} 要求等待 {seconds} 秒后再查询。";
    d_registry_busy = "It is asked again by itself.", "稍后会自动重试。";
    p_secret_missing(name: &str) = "There is no secret {name}.", "没有名为 {name} 的密钥。";
    p_secret_unreadable(name: &str) = "The secret {name} cannot be read with the key that is in use.", "当前密钥文件无法解开密钥 {name}。";
    d_secret = "An admin sets it under Settings → Secrets.", "请管理员在“设置 → 密钥”中设置。";
    p_plan_unread(plan: &str) = "Nobody but you has read the plan {plan} as it is now.", "除您以外，还没有人审阅过当前的预案 {plan}。";
    d_plan_unread = "Ask another lead to read it and say so on its page.", "请另一位负责人在预案页面审阅确认。";
    p_plan_runs(plan: &str, region: &str) = "The plan {plan} runs in {region}.", "预案 {plan} 正在 {region} 生效。";
    d_plan_runs = "Return from it first.", "请先结束该预案。";
    p_plan_over(plan: &str, region: &str) = "{region} runs nothing under the plan {plan} that could be returned from.", "{region} 当前没有可结束的预案 {plan}。";
    d_plan_over = "Look at the region: somebody may have returned or promoted meanwhile.", "请查看该区域：可能已有人结束预案或发布了新版本。";
    p_not_adoptable(region: &str, parts: &str) = "What was changed by hand in {region} cannot be said in its configuration: {parts}.", "{region} 的手动改动无法写入配置：{parts}。";
    d_not_adoptable = "Only the number of replicas can be adopted. Correct the rest, or change the app's configuration and promote.", "只能采纳副本数。其余请纠正，或修改应用配置后重新发布。";
    p_setup = "The set-up code is not right, or it was used already.", "初始化代码不正确或已被使用。";
    d_setup = "Look at the server's output. Restarting the server prints a new code.", "请查看服务器输出；重启服务器会打印新的代码。";
    p_last_admin = "This is the last admin who can sign in.", "这是最后一位可登录的管理员。";
    d_last_admin = "Make another admin first.", "请先添加另一位管理员。";
    p_not_found(what: &str, id: &str) = "There is no {what} {id}.", "找不到{what} {id}。";
    d_not_found = "It may have been removed, or the address is mistyped. Go back to the list.", "可能已被移除，或地址有误。请返回列表查看。";
    p_invalid(field: &str, why: &str) = "{field}: {why}.", "{field}：{why}。";
    d_invalid = "Correct it and send it again.", "请更正后重新提交。";
    p_role(given: &str) = "There is no role “{given}”.", "没有“{given}”这个角色。";
    d_role = "Choose one of the roles in the list.", "请从列表中选择角色。";
    p_exists(what: &str, name: &str) = "The {what} {name} exists already.", "{what} {name} 已存在。";
    d_exists = "Choose another name.", "请换一个名称。";
    p_stale = "Somebody changed this in the meantime.", "其他人刚刚修改过此内容。";
    d_stale = "Look at it as it is now and decide again.", "请查看最新内容后再决定。";
    p_idempotency = "The request was used before with other content.", "该请求曾以不同内容使用过。";
    d_idempotency = "Send it again as a new request.", "请作为新请求重新提交。";
    p_stack(line: u64, key: &str, why: &str) = "Stack file, line {line}, {key}: {why}.", "编排文件第 {line} 行，{key}：{why}。";
    d_stack = "Mend this line, and try again.", "请修正该行后重试。";
    p_config(place: &str, why: &str) = "Configuration, {place}: {why}.", "配置 {place}：{why}。";
    d_config = "Mend the file and apply it again.", "请修正文件后重新应用。";
    p_quarantined = "This build is quarantined: a standing fail keeps it from running anywhere.", "该构建已被隔离：仍有效的“不通过”使其不能运行。";
    d_quarantined = "Its author can withdraw the fail, or a lead can overrule it with a reason.", "可由结论作者撤回，或由负责人说明理由后否决。";
    p_gates(count: usize) = "Gates that are not green: {count}.", "未满足的条件：{count} 项。";
    p_in_set(set: &str) = "{set} starts this promotion in its turn.", "此发布由 {set} 按顺序启动。";
    d_in_set = "Open the set and start all of it there.", "请打开发布组，在那里整体启动。";
    p_follows(number: i64) = "P-{number} starts by itself as soon as the canary is gone.", "灰度撤回后，P-{number} 会自动启动。";
    d_follows = "Wait for it, or cancel it on its page.", "请等待其启动，或在其页面取消。";
    p_set_closed(members: &str) = "Not everything in the set can start: {members}", "发布组中有发布不能启动：{members}";
    d_set_closed = "Each of them names its gates; start the set when all are green.", "各发布页列出了未满足的条件；全部满足后再启动发布组。";
    p_not_all_approved(members: &str) = "Not everything could be approved: {members}", "未能全部批准：{members}";
    d_not_all_approved = "The others are approved.", "其余均已批准。";
    k_gates = "Nothing was started.", "未启动任何操作。";
    d_gates = "The list shows each gate and who can clear it.", "列表中列出了每一项条件以及可处理的人。";
    p_confirm = "The typed name does not match.", "输入的名称不一致。";
    d_confirm(expected: &str) = "Type {expected} to confirm.", "请输入 {expected} 以确认。";
    p_own = "You requested this promotion, so your approval does not count.", "您是申请人，自己的批准不计入。";
    d_own = "Ask another lead to approve it.", "请另一位负责人批准。";
    p_own_work = "You wrote all commits of this build, so your approval does not count.", "您是该构建的唯一作者，自己的批准不计入。";
    d_own_work = "Ask somebody else to approve it.", "请其他人批准。";
    p_own_review = "You broke the glass yourself.", "紧急启动由您本人执行。";
    d_own_review = "Another lead has to review it.", "须由另一位负责人复核。";
    p_no_glass = "A policy that fits does not allow to break the glass.", "匹配的策略不允许紧急启动。";
    d_no_glass = "The gates have to be cleared by people.", "须由人工满足各项条件。";
    p_approved = "You approved this already.", "您已批准过此项。";
    d_approved = "Nothing more is asked of you here.", "您无需再做什么。";
    p_author = "Only its author may withdraw this.", "只有作者本人可以撤回。";
    d_author = "A lead can overrule a fail with a reason.", "负责人可说明理由后否决“不通过”。";
    p_holder(holder: &str) = "{holder} holds this environment.", "此环境由 {holder} 持有。";
    d_holder(holder: &str) = "Ask {holder}, or a lead.", "请联系 {holder} 或负责人。";
    p_not_now(state: &str) = "The environment is {state} now.", "环境当前状态为“{state}”。";
    d_not_now = "Wait until that is done, then try again.", "请等待其完成后重试。";
    p_quota(whose: &str, most: u32) = "{whose} has {most} environments already, which is the most.", "{whose} 已有 {most} 个测试环境，达到上限。";
    d_quota(stop: &str) = "Stop one first: {stop}.", "请先停止其中一个：{stop}。";
    p_queue(waiting: u32) = "{waiting} launches wait for room already, which is the most.", "已有 {waiting} 个启动在排队，达到上限。";
    d_queue = "Stop an environment first, or try again later.", "请先停止一个测试环境，或稍后重试。";
    p_finished = "This has ended and can no longer be changed.", "此项已结束，不能再修改。";
    d_finished = "Start a new one instead.", "请重新发起一个。";
    p_rollout(app: &str, region: &str) = "Another rollout of {app} runs in {region}.", "{app} 在{region}正有另一次更新。";
    d_rollout = "Wait until it has ended, then try again.", "请等待其结束后重试。";
    p_no_way_back(app: &str, region: &str) = "{region} has run nothing of {app} before.", "{region}之前没有运行过 {app}。";
    d_no_way_back = "There is no way back. Promote another build instead.", "无法回滚。请发布另一个构建。";
    p_unreachable(what: &str, name: &str) = "The {what} {name} cannot be reached.", "{what} {name} 无法连接。";
    d_unreachable = "Try again in a moment. If it lasts, check the network and the machine.", "请稍后重试。若持续如此，请检查网络和机器。";
    p_image_gone(image: &str) = "The registry no longer has {image}.", "仓库中已没有 {image}。";
    d_image_gone = "Push it again or choose another build.", "请重新推送或换一个构建。";
    p_registry_answer(name: &str, why: &str) = "The registry {name} gave no usable answer: {why}.", "镜像仓库 {name} 的应答无法使用：{why}。";
    p_engine(why: &str) = "The engine refused: {why}.", "引擎拒绝：{why}。";
    d_engine = "The steps show where it stopped.", "步骤列表中显示了停在哪里。";
    p_ended(service: &str, code: i64) = "{service} ended with exit code {code}.", "{service} 已退出，退出码 {code}。";
    d_ended = "Its last lines stand with its step, and its log can be read while the container is kept.", "步骤中有其最后几行输出；容器保留期间可查看日志。";
    p_out_of_memory(service: &str, mebibytes: u32) = "{service} used more than its {mebibytes} MiB of memory and was ended.", "{service} 超出 {mebibytes} MiB 内存限制，已被终止。";
    d_out_of_memory = "Give it more in the stack, or the build needs less.", "请在编排中调高内存，或降低构建的内存占用。";
    p_unfinished(service: &str, seconds: u64) = "{service} did not end within {seconds} s, and others wait until it has done its job.", "{service} 在 {seconds} 秒内未结束，而其他服务要等它完成。";
    p_unhealthy(service: &str, seconds: u64) = "{service} did not become healthy within {seconds} s.", "{service} 在 {seconds} 秒内未通过健康检查。";
    p_check_long(service: &str, minutes: i64) = "The check {service} had not ended after {minutes} min.", "检查 {service} 在 {minutes} 分钟后仍未结束。";
    p_services_gone(services: &str) = "The containers of {services} are no longer on the engine.", "引擎上已没有 {services} 的容器。";
    d_services_gone = "Somebody removed them outside Slipway. Stop this environment and launch it again.", "容器在 Slipway 之外被移除。请停止此环境并重新启动。";
    p_uncontained(service: &str, limit: &str) = "The engine did not keep a limit that Slipway sets for {service}: {limit}.", "引擎没有遵守 Slipway 为 {service} 设置的限制：{limit}。";
    d_uncontained = "The container was removed, not started. An operator looks at the engine.", "容器已移除，未启动。请运维检查引擎。";
    p_foreign(service: &str, region: &str) = "{region} has a service {service} that this Slipway did not make.", "{region}已有名为 {service} 的服务，但不是由本 Slipway 创建。";
    d_foreign = "It was not touched. Rename it or remove it, then promote again.", "该服务未被改动。请将其改名或移除后重新发布。";
    p_cannot_pull(region: &str) = "{region} could not pull the image.", "{region}无法拉取镜像。";
    d_cannot_pull = "What ran there was left as it was. The step says what was answered; check the registry that the region pulls from.", "原有服务保持不变。步骤中有应答内容；请检查该区域所用的镜像仓库。";
    p_tasks_failed(app: &str, region: &str, error: &str) = "The tasks of {app} in {region} failed: {error}.", "{app} 在{region}的任务失败：{error}。";
    d_tasks_failed = "Roll back, or promote another build.", "请回滚，或发布另一个构建。";
    p_not_up(app: &str, region: &str, running: u32, wanted: u32, seconds: u32) = "{running} of {wanted} tasks of {app} ran in {region} after {seconds} s.", "{seconds} 秒后，{app} 在{region}仅有 {running}/{wanted} 个任务在运行。";
    d_not_up = "It may still come up. Look at it, then roll back or promote again.", "它可能仍会启动。请查看后再回滚或重新发布。";
    p_others_run(app: &str, region: &str, others: u32, seconds: u32) = "All wanted tasks of {app} run in {region}, but {others} of before had not ended after {seconds} s.", "{app} 在{region}的目标任务均已运行，但 {seconds} 秒后仍有 {others} 个旧任务未结束。";
    d_others_run = "They may be on a node that is away: nobody knows what runs there. Look at the region's nodes, then promote again.", "它们可能在失联的节点上，那里运行着什么无从得知。请检查该区域的节点后重新发布。";
    p_differs(app: &str, region: &str, part: &str) = "The service of {app} in {region} is not what was asked for: {part}.", "{app} 在{region}的服务与要求不符：{part}。";
    d_differs = "Somebody changed it by hand, or the Swarm did not keep it. An operator looks at it.", "可能有人手动修改，或 Swarm 未遵守要求。请运维检查。";
    p_overtaken(region: &str, number: i64) = "P-{number} changed {region} after this promotion had started.", "本次发布启动后，P-{number} 已更改{region}。";
    d_overtaken = "The region was not touched. Request a new promotion if it should still run this build.", "该区域未改动。若仍需运行此构建，请重新申请发布。";
    p_aborted(region: &str, by: &str) = "{by} ended the promotion while {region} was being changed.", "{region}更新期间，{by} 中止了发布。";
    d_aborted = "The region was left as it was at that moment. Look at it, then roll back or promote again.", "该区域保持中止时的状态。请查看后回滚或重新发布。";
    p_paused = "The promotion is paused already.", "发布已处于暂停状态。";
    p_not_paused = "The promotion waits for nobody.", "发布没有在等待任何人。";
    d_look_again = "Look at the page again: somebody else may have been faster.", "请刷新页面，可能已有人操作。";
    p_too_late(region: &str, seconds: u32) = "The time of {seconds} s ran out before {region} was changed.", "{seconds} 秒的时限已过，{region}尚未更改。";
    d_too_late = "What ran there was left as it was. Promote again.", "原有服务保持不变。请重新发布。";
    p_old_engine(region: &str, found: &str) = "The engine in {region} is too old: {found}.", "{region}的引擎版本过旧：{found}。";
    d_old_engine = "Nothing was changed. Version 20.10 is the first that keeps the limits of a service.", "没有任何改动。20.10 起的版本才会遵守服务的限制。";
    part_image = "the image", "镜像";
    part_environment = "the environment variables", "环境变量";
    part_command = "the command", "命令";
    part_replicas = "the number of replicas", "副本数";
    part_ports = "the ports", "端口";
    part_capabilities = "the capabilities", "权限能力";
    part_root = "the read-only root", "只读根目录";
    part_mounts = "the mounts", "挂载";
    part_limits = "the limits", "资源限制";
    part_more = "more than was asked", "超出要求的内容";
    part_gone = "it was removed", "已被移除";
    part_promotion = "it is no longer of this promotion", "已不属于此次发布";

    p_busy = "The service is stopping or overloaded.", "服务正在停止或负载过高。";
    d_busy = "Try again in a moment.", "请稍后重试。";
    p_internal = "Something went wrong on our side.", "系统内部出错。";
    k_internal = "Nothing you sent was half done.", "您提交的内容没有只执行一半。";
    d_internal(reference: &str) = "Try again. If it happens again, tell an operator this reference: {reference}", "请重试。若再次出现，请将此编号告知运维：{reference}";

    f_missing = "this is needed", "此项必填";
    f_too_long(most: u64) = "at most {most} characters", "最多 {most} 个字符";
    f_too_big(most: u64) = "at most {most} bytes", "最多 {most} 字节";
    f_too_short(least: u64) = "at least {least} characters", "至少 {least} 个字符";
    f_range(least: i64, most: i64) = "must be between {least} and {most}", "必须在 {least} 到 {most} 之间";
    f_one_of(choices: &str) = "must be one of: {choices}", "只能是：{choices}";
    f_bad_name = "only lower-case letters, digits and - are allowed, beginning with a letter", "只能使用小写字母、数字和 -，并以字母开头";
    f_bad_digest = "not a digest: write sha256: and 64 hexadecimal digits", "不是摘要：应为 sha256: 加 64 位十六进制数字";
    f_bad_tag = "not a tag: letters, digits, . _ and -, at most 128", "不是标签：只能用字母、数字和 . _ -，最多 128 个";
    f_bad_image = "not an image name: write host/repository in lower case", "不是镜像名：应为小写的 主机/仓库";
    f_bad_release = "not a release tag: write release-v<version>.<month>.<date>.<order>, like release-v5.12.05.02", "不是发布标签：格式为 release-v<版本>.<月>.<日>.<序号>，如 release-v5.12.05.02";
    f_common = "this password is too common", "这个密码太常见";
    f_unknown(what: &str, name: &str) = "it names the {what} {name}, which is not there", "引用的{what} {name} 不存在";
    f_twice = "it stands twice", "重复出现";
    f_refused(reason: &str) = "refused: {reason}", "已拒绝：{reason}";
    f_unknown_key = "Slipway does not know this key", "Slipway 不认识这个键";
    f_unreadable(detail: &str) = "cannot be read: {detail}", "无法读取：{detail}";
}

/// A problem in three sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub happened: String,
    pub kept: String,
    pub to_do: String,
}

impl Text {
    pub const fn noun(self, noun: Noun) -> &'static str {
        match noun {
            Noun::Page => self.noun_page(),
            Noun::User => self.noun_user(),
            Noun::Token => self.noun_token(),
            Noun::Hook => self.noun_hook(),
            Noun::Delivery => self.noun_delivery(),
            Noun::App => self.noun_app(),
            Noun::Build => self.noun_build(),
            Noun::Stack => self.noun_stack(),
            Noun::Environment => self.noun_environment(),
            Noun::Verdict => self.noun_verdict(),
            Noun::SignOff => self.noun_sign_off(),
            Noun::Promotion => self.noun_promotion(),
            Noun::PromotionSet => self.noun_promotion_set(),
            Noun::Rollout => self.noun_rollout(),
            Noun::Region => self.noun_region(),
            Noun::Plan => self.noun_plan(),
            Noun::Engine => self.noun_engine(),
            Noun::Registry => self.noun_registry(),
            Noun::Service => self.noun_service(),
            Noun::Network => self.noun_network(),
            Noun::Volume => self.noun_volume(),
            Noun::Run => self.noun_run(),
            Noun::Secret => self.noun_secret(),
            Noun::Target => self.noun_target(),
            Noun::Message => self.noun_message(),
            Noun::Repository => self.noun_repository(),
            Noun::Log => self.noun_log(),
            Noun::Item => self.noun_item(),
            Noun::Evidence => self.noun_evidence(),
            Noun::Policy => self.noun_policy(),
            Noun::Freeze => self.noun_freeze(),
        }
    }

    /// A part of a service, for [`Problem::ServiceDiffers`]; an unknown one stands as it is.
    pub fn service_part(self, part: &str) -> &str {
        match part {
            "image" => self.part_image(),
            "environment" => self.part_environment(),
            "command" => self.part_command(),
            "replicas" => self.part_replicas(),
            "ports" => self.part_ports(),
            "capabilities" => self.part_capabilities(),
            "read-only root" => self.part_root(),
            "mounts" => self.part_mounts(),
            "secrets" => self.part_secrets(),
            "limits" => self.part_limits(),
            "more than was asked" => self.part_more(),
            "removed" => self.part_gone(),
            "promotion" => self.part_promotion(),
            other => other,
        }
    }
}

/// Says a problem in the reader's language.
pub fn problem_text(t: Text, problem: &Problem) -> Explained {
    let (happened, to_do) = told(t, problem);
    Explained { happened, kept: kept(t, problem).to_owned(), to_do }
}

fn kept(t: Text, problem: &Problem) -> &'static str {
    match problem {
        Problem::GatesClosed { .. } | Problem::ConfirmationMismatch { .. } | Problem::SetClosed { .. } => t.k_gates(),
        Problem::NotAllApproved { .. } => "",
        Problem::Invalid { .. } | Problem::Exists { .. } | Problem::PasswordNeeded | Problem::UnknownRole { .. } => t.kept_form(),
        Problem::Unreachable { .. } | Problem::RegistryAnswer { .. } | Problem::EngineRefused { .. } => t.kept_recorded(),
        Problem::ForeignService { .. }
        | Problem::ForeignSecret { .. }
        | Problem::SecretGone { .. }
        | Problem::CannotPull { .. }
        | Problem::TasksFailed { .. }
        | Problem::NotUpInTime { .. }
        | Problem::OthersRun { .. }
        | Problem::ServiceDiffers { .. }
        | Problem::Overtaken { .. }
        | Problem::Aborted { .. }
        | Problem::PausedAlready
        | Problem::NotPaused
        | Problem::TooLate { .. }
        | Problem::EngineTooOld { .. } => "",
        Problem::ServiceEnded { .. }
        | Problem::OutOfMemory { .. }
        | Problem::ServiceUnhealthy { .. }
        | Problem::CheckTooLong { .. }
        | Problem::ServiceUnfinished { .. }
        | Problem::ServicesGone { .. }
        | Problem::Uncontained { .. } => t.kept_recorded(),
        Problem::Internal { .. } => t.k_internal(),
        Problem::NotFound { .. } | Problem::SignedOut | Problem::WrongCredentials | Problem::Throttled { .. } => "",
        _ => t.kept_nothing(),
    }
}

/// Each problem on its own line: a new one without its words does not compile.
#[allow(clippy::too_many_lines, reason = "one for each problem")]
fn told(t: Text, problem: &Problem) -> (String, String) {
    match problem {
        Problem::SignedOut => (t.p_signed_out().into(), t.d_signed_out().into()),
        Problem::Forbidden { action } => (t.p_forbidden(t.action(*action)), t.d_forbidden(&t.who_may(*action))),
        Problem::WrongCredentials => (t.p_credentials().into(), t.d_credentials().into()),
        Problem::Throttled { seconds } => (t.p_throttled().into(), t.d_throttled(*seconds)),
        Problem::PasswordNeeded => (t.p_password().into(), t.d_password().into()),
        Problem::CrossSite => (t.p_cross_site().into(), t.d_cross_site().into()),
        Problem::WrongSetupCode => (t.p_setup().into(), t.d_setup().into()),
        Problem::LastAdmin => (t.p_last_admin().into(), t.d_last_admin().into()),
        Problem::NotFound { what, id } => (t.p_not_found(t.noun(*what), id), t.d_not_found().into()),
        Problem::Invalid { field, why } => (t.p_invalid(&t.field(field), &fault_text(t, why)), t.d_invalid().into()),
        Problem::UnknownRole { given } => (t.p_role(given), t.d_role().into()),
        Problem::Exists { what, name } => (t.p_exists(t.noun(*what), name), t.d_exists().into()),
        Problem::Stale => (t.p_stale().into(), t.d_stale().into()),
        Problem::IdempotencyMismatch => (t.p_idempotency().into(), t.d_idempotency().into()),
        Problem::Stack { line, key, why } => (t.p_stack(*line, key, &fault_text(t, why)), t.d_stack().into()),
        Problem::Config { place, why } => (t.p_config(place, &fault_text(t, why)), t.d_config().into()),
        Problem::Quarantined => (t.p_quarantined().into(), t.d_quarantined().into()),
        Problem::GatesClosed { gates } => (t.p_gates(closed(gates).count()), t.d_gates().into()),
        Problem::InSet { set } => (t.p_in_set(&set.to_string()), t.d_in_set().into()),
        Problem::FollowsCanary { number } => (t.p_follows(*number), t.d_follows().into()),
        Problem::SetClosed { members } => (t.p_set_closed(&refused_words(t, members)), t.d_set_closed().into()),
        Problem::NotAllApproved { members } => (t.p_not_all_approved(&refused_words(t, members)), t.d_not_all_approved().into()),
        Problem::ConfirmationMismatch { expected } => (t.p_confirm().into(), t.d_confirm(expected)),
        Problem::OwnRequest => (t.p_own().into(), t.d_own().into()),
        Problem::OwnWork => (t.p_own_work().into(), t.d_own_work().into()),
        Problem::OwnReview => (t.p_own_review().into(), t.d_own_review().into()),
        Problem::GlassNotAllowed => (t.p_no_glass().into(), t.d_no_glass().into()),
        Problem::ApprovedAlready => (t.p_approved().into(), t.d_approved().into()),
        Problem::NotTheAuthor => (t.p_author().into(), t.d_author().into()),
        Problem::NotTheHolder { holder } => (t.p_holder(holder), t.d_holder(holder)),
        Problem::NotNow { state } => (t.p_not_now(t.environment_state(*state)), t.d_not_now().into()),
        Problem::QuotaReached { whose, most, stop } => (t.p_quota(whose, *most), t.d_quota(stop)),
        Problem::QueueFull { waiting } => (t.p_queue(*waiting), t.d_queue().into()),
        Problem::Finished { .. } => (t.p_finished().into(), t.d_finished().into()),
        Problem::RolloutRunning { app, region } => (t.p_rollout(app, region), t.d_rollout().into()),
        Problem::PlanUnread { plan } => (t.p_plan_unread(plan), t.d_plan_unread().into()),
        Problem::PlanRuns { plan, region } => (t.p_plan_runs(plan, region), t.d_plan_runs().into()),
        Problem::PlanOver { plan, region } => (t.p_plan_over(plan, region), t.d_plan_over().into()),
        Problem::NotAdoptable { region, parts } => (t.p_not_adoptable(region, parts), t.d_not_adoptable().into()),
        Problem::NothingToRollBackTo { app, region } => (t.p_no_way_back(app, region), t.d_no_way_back().into()),
        Problem::Unreachable { what, name } => (t.p_unreachable(t.noun(*what), name), t.d_unreachable().into()),
        Problem::ImageGone { image } => (t.p_image_gone(image), t.d_image_gone().into()),
        Problem::RegistryAnswer { name, why } => (t.p_registry_answer(name, &fault_text(t, why)), t.d_unreachable().into()),
        Problem::EngineRefused { why } => (t.p_engine(&fault_text(t, why)), t.d_engine().into()),
        Problem::ServiceEnded { service, exit_code } => (t.p_ended(service, *exit_code), t.d_ended().into()),
        Problem::OutOfMemory { service, mebibytes } => (t.p_out_of_memory(service, *mebibytes), t.d_out_of_memory().into()),
        Problem::ServiceUnhealthy { service, seconds } => (t.p_unhealthy(service, *seconds), t.d_ended().into()),
        Problem::CheckTooLong { service, minutes } => (t.p_check_long(service, *minutes), t.d_ended().into()),
        Problem::ServiceUnfinished { service, seconds } => (t.p_unfinished(service, *seconds), t.d_ended().into()),
        Problem::ServicesGone { services } => (t.p_services_gone(services), t.d_services_gone().into()),
        Problem::Uncontained { service, limit } => (t.p_uncontained(service, limit), t.d_uncontained().into()),
        Problem::ForeignService { service, region } => (t.p_foreign(service, region), t.d_foreign().into()),
        Problem::ForeignSecret { secret, region } => (t.p_foreign_secret(secret, region), t.d_foreign_secret().into()),
        Problem::SecretGone { app, region, secret, version } => {
            (t.p_secret_gone(app, region, secret, *version), t.d_secret_gone().into())
        }
        Problem::CannotPull { region } => (t.p_cannot_pull(region), t.d_cannot_pull().into()),
        Problem::TasksFailed { app, region, error } => (t.p_tasks_failed(app, region, error), t.d_tasks_failed().into()),
        Problem::NotUpInTime { app, region, running, wanted, seconds } => {
            (t.p_not_up(app, region, *running, *wanted, *seconds), t.d_not_up().into())
        }
        Problem::OthersRun { app, region, others, seconds } => {
            (t.p_others_run(app, region, *others, *seconds), t.d_others_run().into())
        }
        Problem::ServiceDiffers { app, region, part } => (t.p_differs(app, region, t.service_part(part)), t.d_differs().into()),
        Problem::Overtaken { region, number } => (t.p_overtaken(region, *number), t.d_overtaken().into()),
        Problem::Aborted { region, by } => (t.p_aborted(region, by), t.d_aborted().into()),
        Problem::PausedAlready => (t.p_paused().into(), t.d_look_again().into()),
        Problem::NotPaused => (t.p_not_paused().into(), t.d_look_again().into()),
        Problem::TooLate { region, seconds } => (t.p_too_late(region, *seconds), t.d_too_late().into()),
        Problem::EngineTooOld { region, found } => (t.p_old_engine(region, found), t.d_old_engine().into()),
        Problem::Unproven { why } => (t.p_unproven(&t.unproven(why)), t.d_unproven().into()),
        Problem::SecretMissing { name } => (t.p_secret_missing(name), t.d_secret().into()),
        Problem::SecretUnreadable { name } => (t.p_secret_unreadable(name), t.d_secret().into()),
        Problem::RegistryBusy { name, seconds } => (t.p_registry_busy(name, *seconds), t.d_registry_busy().into()),
        Problem::Busy => (t.p_busy().into(), t.d_busy().into()),
        Problem::Internal { reference } => (t.p_internal().into(), t.d_internal(reference)),
    }
}

fn closed(gates: &[Gate]) -> impl Iterator<Item = &Gate> {
    gates.iter().filter(|gate| gate.state != GateState::Green)
}

/// `web P-3: …; worker P-4: …`, with the gates by name.
fn refused_words(t: Text, members: &[Refused]) -> String {
    let word = |refused: &Refused| {
        let why = match &refused.why {
            Problem::GatesClosed { gates } => {
                let words = closed(gates).map(|gate| t.gate(&gate.kind, gate_region(&gate.kind).unwrap_or_default()));
                words.collect::<Vec<_>>().join(" · ")
            }
            why => told(t, why).0,
        };
        format!("{} {}: {why}", refused.app, t.promotion_number(refused.number))
    };
    members.iter().map(word).collect::<Vec<_>>().join("; ")
}

/// Says why one value was refused.
pub fn fault_text(t: Text, fault: &Fault) -> String {
    match fault {
        Fault::Missing => t.f_missing().into(),
        Fault::TooLong { most } => t.f_too_long(*most),
        Fault::TooShort { least } => t.f_too_short(*least),
        Fault::TooBig { most } => t.f_too_big(*most),
        Fault::OutOfRange { least, most } => t.f_range(*least, *most),
        Fault::NotOneOf { choices } => t.f_one_of(choices),
        Fault::BadName => t.f_bad_name().into(),
        Fault::BadDigest => t.f_bad_digest().into(),
        Fault::BadTag => t.f_bad_tag().into(),
        Fault::BadImage => t.f_bad_image().into(),
        Fault::BadReleaseTag => t.f_bad_release().into(),
        Fault::CommonPassword => t.f_common().into(),
        Fault::Unknown { what, name } => t.f_unknown(t.noun(*what), name),
        Fault::Twice => t.f_twice().into(),
        Fault::Refused { reason } => t.f_refused(reason),
        Fault::UnknownKey => t.f_unknown_key().into(),
        Fault::Unreadable { detail } => t.f_unreadable(detail),
    }
}
