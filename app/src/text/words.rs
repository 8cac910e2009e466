//! The words for what is kept as a stable word: steps, and what the record says.

use super::Text;

impl Text {
    /// What a step does; a kind that the catalogue does not know stands as it is.
    pub fn step(self, kind: &str) -> String {
        STEP_WORDS
            .iter()
            .find(|(word, ..)| *word == kind)
            .map_or_else(|| kind.to_owned(), |(_, en, zh)| self.pick(en, zh).to_owned())
    }

    /// What happened, for the record; an unknown word stands as it is.
    pub fn audit_action(self, action: &str) -> String {
        ACTION_WORDS
            .iter()
            .find(|(word, ..)| *word == action)
            .map_or_else(|| action.to_owned(), |(_, en, zh)| self.pick(en, zh).to_owned())
    }

    /// The kind of thing that a row of the record is about.
    pub fn subject_kind(self, kind: &str) -> String {
        SUBJECT_WORDS
            .iter()
            .find(|(word, ..)| *word == kind)
            .map_or_else(|| kind.to_owned(), |(_, en, zh)| self.pick(en, zh).to_owned())
    }
}

const STEP_WORDS: &[(&str, &str, &str)] = &[
    ("pull", "Pull the image", "拉取镜像"),
    ("network", "Make the network", "创建网络"),
    ("volume", "Make the volume", "创建数据卷"),
    ("create", "Create", "创建容器"),
    ("start", "Start", "启动"),
    ("health", "Wait until healthy", "等待健康检查"),
    ("check", "Run the check", "运行检查"),
    ("finish", "Wait until it has done its job", "等待任务完成"),
    ("inspect", "Look at what runs there now", "查看当前运行情况"),
    ("update", "Update the service", "更新服务"),
    ("tasks", "Wait for the tasks", "等待任务就绪"),
    ("soak", "Watch it run", "观察运行"),
    ("verify", "Check the digests of the running tasks", "核对运行任务的摘要"),
    ("stop", "Stop", "停止"),
    ("remove", "Remove", "移除"),
    ("freeze", "Stop and keep", "停止并保留"),
    ("thaw", "Start again", "重新启动"),
    ("restart", "Restart", "重启"),
];

/// The stable words of the record and what they mean to a reader.
pub const ACTION_WORDS: &[(&str, &str, &str)] = &[
    ("build.recorded", "listed a build", "登记了构建"),
    ("build.described", "read a build's labels", "读取了构建标签"),
    ("tag.moved", "moved a tag", "移动了标签"),
    ("digest.copied", "copied an image to a region's registry", "将镜像复制到了区域仓库"),
    ("digest.kept", "keeps an image for a region", "为区域保留了镜像"),
    ("environment.launched", "launched an environment", "启动了测试环境"),
    ("environment.replaced", "replaced builds in an environment", "替换了测试环境中的构建"),
    ("environment.not_launched", "could not launch a new build by itself", "未能自动启动新构建"),
    ("check.passed", "a check passed", "检查通过"),
    ("check.failed", "a check failed", "检查未通过"),
    ("check.broken", "a check could not be carried out", "检查未能完成"),
    ("environment.failed", "an environment failed to start", "测试环境启动失败"),
    ("environment.stopped", "stopped an environment", "停止了测试环境"),
    ("environment.queued", "queued a launch", "将启动加入队列"),
    ("environment.begun", "a launch's turn came", "排队的启动已开始"),
    ("environment.extended", "extended a lease", "延长了租期"),
    ("environment.handed_over", "handed an environment over", "移交了测试环境"),
    ("environment.frozen", "froze an environment", "冻结了测试环境"),
    ("environment.thawed", "thawed an environment", "解冻了测试环境"),
    ("environment.service_restarted", "restarted a service", "重启了服务"),
    ("environment.ended", "an environment ended", "测试环境已结束"),
    ("shell.opened", "opened a shell", "打开了终端"),
    ("shell.closed", "closed a shell", "关闭了终端"),
    ("environment.opened", "opened what runs in an environment", "打开了测试环境中的应用"),
    ("stack.saved", "saved a stack", "保存了编排"),
    ("verdict.recorded", "recorded a verdict", "记录了测试结论"),
    ("verdict.withdrawn", "withdrew a verdict", "撤回了测试结论"),
    ("verdict.overruled", "overruled a fail", "否决了“不通过”"),
    ("sign_off.given", "signed a build off", "签核了构建"),
    ("sign_off.withdrawn", "withdrew a sign-off", "撤回了签核"),
    ("build.sent_back", "sent a build back", "退回了构建"),
    ("verdict.evidence_added", "added evidence to a verdict", "为测试结论补充了证据"),
    ("promotion.requested", "requested a promotion", "申请了发布"),
    ("promotion.approved", "approved a promotion", "批准了发布"),
    ("promotion.rejected", "sent a promotion back", "驳回了发布"),
    ("promotion.expired", "a promotion expired", "发布已过期"),
    ("promotion.booked", "booked a promotion to start by itself", "预约了自动启动"),
    ("promotion.unbooked", "took a booking back", "取消了自动启动"),
    ("freeze.lifted", "made an exception from a freeze", "批准了冻结例外"),
    ("glass.broken", "broke the glass", "执行了紧急启动"),
    ("glass.reviewed", "reviewed a broken glass", "复核了紧急启动"),
    ("promotion.superseded", "a newer release took the place of a draft", "更新的版本取代了草稿"),
    ("promotion.tag_moved", "the tag of a drafted release was moved", "已起草版本的标签被移动"),
    ("promotion.not_drafted", "a release could not be drafted", "未能为版本起草发布"),
    ("promotion.started", "started a promotion", "启动了发布"),
    ("promotion.cancelled", "cancelled a promotion", "取消了发布"),
    ("set.requested", "requested a promotion set", "申请了发布组"),
    ("set.started", "started a promotion set", "启动了发布组"),
    ("set.booked", "booked a promotion set to start by itself", "预约了发布组自动启动"),
    ("set.unbooked", "took the booking of a promotion set back", "取消了发布组自动启动"),
    ("set.cancelled", "withdrew a promotion set", "撤回了发布组"),
    ("set.rejected", "sent a promotion set back", "驳回了发布组"),
    ("promotion.paused", "paused a promotion", "暂停了发布"),
    ("promotion.resumed", "let a promotion go on", "继续了发布"),
    ("promotion.wave_begun", "let the next wave of a promotion begin", "开始了发布的下一批"),
    ("promotion.aborted", "ended a promotion that ran", "中止了发布"),
    ("promotion.verified", "a promotion was verified", "发布已验证"),
    ("promotion.failed", "a promotion failed", "发布失败"),
    ("rollout.started", "a rollout started", "区域更新开始"),
    ("rollout.verified", "a region was verified", "区域已验证"),
    ("rollout.failed", "a region failed", "区域更新失败"),
    ("rollback.requested", "rolled a region back", "回滚了区域"),
    ("drift.corrected", "put back what was changed by hand", "纠正了手动改动"),
    ("drift.adopted", "adopted what was changed by hand", "采纳了手动改动"),
    ("plan.reviewed", "read a contingency plan", "审阅了应急预案"),
    ("plan.started", "used a contingency plan", "启用了应急预案"),
    ("plan.returned", "returned from a contingency plan", "结束了应急预案"),
    ("canary.withdrawn", "withdrew a canary", "撤回了灰度"),
    ("canary.extended", "extended a canary", "延长了灰度"),
    ("canary.returning", "a canary goes back", "灰度开始撤回"),
    ("canary.returned", "a canary has returned", "灰度已撤回"),
    ("rollback.withheld", "a region did not go back by itself", "区域未自动回滚"),
    ("rollback.follows", "withdrew a canary to roll its region back", "撤回灰度后回滚区域"),
    ("rollback.given_up", "a rollback after a canary was given up", "灰度撤回后的回滚已放弃"),
    ("rollback.started", "rolled a region back", "回滚了区域"),
    ("hook.secret_rotated", "gave a hook a new secret", "更换了钩子密钥"),
    ("hook.address_shown", "had a hook's address shown", "查看了钩子地址"),
    ("delivery.replayed", "had a delivery processed once more", "重新处理了投递"),
    ("secret.set", "set a secret", "设置了密钥"),
    ("secret.removed", "removed a secret", "删除了密钥"),
    ("region_secret.set", "set a secret of a region", "设置了区域密钥"),
    ("region_secret.removed", "removed a secret of a region", "删除了区域密钥"),
    ("sweep.asked", "had a registry read", "读取了镜像仓库"),
    ("user.added", "added a user", "添加了用户"),
    ("user.role_changed", "changed a role", "修改了角色"),
    ("user.disabled", "disabled a user", "停用了用户"),
    ("user.enabled", "enabled a user", "启用了用户"),
    ("user.password_reset", "reset a password", "重设了密码"),
    ("user.password_changed", "changed the own password", "修改了自己的密码"),
    ("session.started", "signed in", "登录"),
    ("session.ended", "signed out", "退出登录"),
    ("token.added", "added a token", "添加了令牌"),
    ("token.revoked", "revoked a token", "吊销了令牌"),
    ("hook.added", "added a hook", "添加了钩子"),
    ("hook.revoked", "revoked a hook", "吊销了钩子"),
    ("configuration.applied", "applied a configuration", "应用了配置"),
    ("notification.tested", "sent a test message", "发送了测试消息"),
    ("notification.replayed", "replayed a message", "重新发送了消息"),
];

/// The kinds of things that rows of the record are about.
pub const SUBJECT_WORDS: &[(&str, &str, &str)] = &[
    ("app", "app", "应用"),
    ("build", "build", "构建"),
    ("delivery", "delivery", "投递"),
    ("secret", "secret", "密钥"),
    ("tag", "tag", "标签"),
    ("environment", "environment", "测试环境"),
    ("verdict", "verdict", "测试结论"),
    ("sign_off", "sign-off", "签核"),
    ("promotion", "promotion", "发布"),
    ("promotion_set", "promotion set", "发布组"),
    ("rollout", "rollout", "区域更新"),
    ("region", "region", "区域"),
    ("plan", "plan", "预案"),
    ("user", "user", "用户"),
    ("token", "token", "令牌"),
    ("hook", "hook", "钩子"),
    ("configuration", "configuration", "配置"),
    ("stack", "stack", "编排"),
    ("image", "image", "镜像"),
    ("session", "session", "会话"),
    ("target", "notification target", "通知目标"),
    ("message", "message", "消息"),
];
