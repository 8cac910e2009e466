//! The frame, sign-in, errors, and words that several pages share.

use super::{Text, texts};

texts! {
    slipway = "Slipway", "Slipway";
    skip = "Skip to content", "跳到正文";
    main_nav = "Main", "主导航";
    nav_builds = "Builds", "构建";
    nav_environments = "Environments", "测试环境";
    nav_promotions = "Promotions", "发布";
    nav_regions = "Regions", "区域";
    nav_activity = "Activity", "动态";
    nav_settings = "Settings", "设置";
    waiting_count(n: u32) = "{n} waiting", "{n} 项待处理";
    running_count(n: u32) = "{n} running", "{n} 个运行中";

    preferences = "Preferences", "偏好";
    language = "Language", "语言";
    theme = "Theme", "主题";
    theme_system = "System", "跟随系统";
    theme_light = "Light", "浅色";
    theme_dark = "Dark", "深色";
    account_of(name: &str) = "Account of {name}", "{name} 的账户";
    sign_out = "Sign out", "退出登录";

    live = "live", "实时";
    reconnecting = "reconnecting", "重新连接中";
    signed_out_word = "signed out", "已退出登录";
    connecting = "connecting", "连接中";

    sign_in = "Sign in", "登录";
    sign_in_lead = "Sign in to see builds and what runs where.", "登录后查看构建和各区域的运行情况。";
    name = "Name", "用户名";
    called = "Name", "名称";
    password = "Password", "密码";
    old_password = "Present password", "当前密码";
    new_password = "New password", "新密码";
    password_hint = "At least 10 characters. A long sentence is better than a short riddle.", "至少 10 个字符。一句长话胜过一个短谜。";
    no_account = "No account? An admin adds one under Settings.", "没有账户？请管理员在“设置”中添加。";
    set_up = "Set up Slipway", "初始化 Slipway";
    set_up_lead = "Nobody has an account yet. The server printed a one-time code when it started: with it you make the first admin.", "目前还没有任何账户。服务器启动时打印了一次性代码：用它创建第一位管理员。";
    set_up_code = "One-time code", "一次性代码";
    set_up_button = "Make the first admin", "创建首位管理员";

    account_title = "Your account", "我的账户";
    signed_in_as(name: &str, role: &str) = "Signed in as {name}, {role}.", "当前登录：{name}（{role}）。";
    change_password = "Change password", "修改密码";
    change_password_note = "All your sessions end; sign in again with the new password.", "修改后所有会话都会结束，请用新密码重新登录。";
    what_you_may = "What your role may do", "您的角色可以做什么";

    not_found_title = "There is nothing here", "这里没有内容";
    forbidden_title = "This is not for your role", "您的角色无权访问";
    trouble_title = "That did not work", "操作未成功";
    signed_out_title = "Sign in first", "请先登录";
    unavailable_title = "Not available right now", "暂时不可用";
    way_back = "To the builds", "返回构建列表";
    try_again = "Try again", "重试";

    problem = "Problem", "问题";
    next_page = "Older", "更早";
    first_page = "Newest", "最新";
    paging = "Pages of this list", "翻页";
    search = "Search", "搜索";
    all = "All", "全部";
    dash = "—", "—";
    copy = "Copy", "复制";
    copied = "Copied", "已复制";
    copy_digest = "Copy the whole digest", "复制完整摘要";
    optional = "optional", "可选";
    app = "App", "应用";
    state = "State", "状态";
    build = "Build", "构建";
    tag = "Tag", "标签";
    tags = "Tags", "标签";
    digest = "Digest", "摘要";
    commit = "Commit", "提交";
    region = "Region", "区域";
    regions = "Regions", "区域";
    reason = "Reason", "理由";
    note = "Note", "备注";
    role_word = "Role", "角色";
    who = "Who", "操作者";
    when = "When", "时间";
    what = "What", "内容";
    since = "since", "开始于";
    col_since = "Since", "开始于";
    facts = "Facts", "概要";
    col_started = "Started", "启动";
    change = "Change", "修改";
    type_to_confirm(app: &str) = "Type {app} to confirm", "输入 {app} 以确认";
    password_again = "Your password again", "再次输入密码";
    password_again_why = "You signed in more than 15 minutes ago.", "您登录已超过 15 分钟。";
    only_may(who: &str, what: &str) = "Only {who} may {what}.", "只有{who}可以{what}。";
    form_part = "form", "表单";

    done_verdict_recorded = "The verdict is recorded.", "测试结论已记录。";
    done_verdict_withdrawn = "The verdict is withdrawn.", "测试结论已撤回。";
    done_verdict_overruled = "The fail is overruled. The record keeps your reason.", "“不通过”已被否决，理由已记录。";
    done_signed_off = "The build is signed off.", "构建已签核。";
    done_sign_off_withdrawn = "The sign-off is withdrawn.", "签核已撤回。";
    done_stop = "The environment is being stopped.", "正在停止测试环境。";
    done_approved = "Your approval is recorded.", "您的批准已记录。";
    done_started = "The rollout has started. You can leave this page; it goes on.", "更新已开始。离开此页不影响进行。";
    done_set_started = "The set has started: one promotion after another. You can leave this page; it goes on.", "发布组已启动，将逐个发布。离开此页不影响进行。";
    done_set_booked = "The set starts by itself when every gate of each is green.", "各发布的条件全部满足后，发布组将自动启动。";
    done_set_unbooked = "The set starts by hand.", "发布组已改为手动启动。";
    done_set_approved = "Your approvals are recorded.", "您的批准均已记录。";
    done_set_cancelled = "What was open of the set is withdrawn.", "发布组中未启动的发布均已撤回。";
    done_set_rejected = "What was open of the set is sent back.", "发布组中未启动的发布均已驳回。";
    done_cancelled = "The promotion is cancelled.", "发布已取消。";
    done_paused = "It is paused. No other region starts.", "已暂停，不会再开始其他区域。";
    done_resumed = "It goes on.", "已继续。";
    done_aborted = "It is ended. The regions stay as they are.", "已中止，各区域保持现状。";
    done_rejected = "The promotion is sent back.", "发布已驳回。";
    done_booked = "It starts by itself when every gate is green.", "所有条件满足后将自动启动。";
    done_unbooked = "It starts by hand.", "已改为手动启动。";
    done_exempted = "The exception is recorded.", "例外已记录。";
    done_reviewed = "The review is closed.", "复核已完成。";
    done_user_added = "The user is added. Tell them the password in person.", "用户已添加，请当面告知密码。";
    done_role = "The role is changed. Their sessions have ended.", "角色已修改，其会话已结束。";
    done_disabled = "The user is disabled. Their sessions have ended.", "用户已停用，其会话已结束。";
    done_enabled = "The user is enabled again.", "用户已重新启用。";
    done_reset = "The password is set. Their sessions have ended.", "密码已重设，其会话已结束。";
    done_password = "Your password is changed.", "密码已修改。";
    done_token_revoked = "The token is revoked.", "令牌已吊销。";
    done_replayed = "The delivery is processed once more.", "正在重新处理该投递。";
    done_secret_set = "The secret is set.", "密钥已设置。";
    done_secret_removed = "The secret is removed.", "密钥已删除。";
    done_sweep = "The registry is being read; the progress stands with the app.", "正在读取镜像仓库，进度显示在应用处。";
    done_hook_revoked = "The hook is revoked; its address no longer answers.", "钩子已吊销，其地址不再响应。";

    field_code = "One-time code", "一次性代码";
    field_stack = "Stack", "编排";
    field_lease = "Lease", "租期";
    field_kind = "Verdict", "结论";
    field_owner = "Owner", "所有者";
    field_source = "Source", "来源";
}

impl Text {
    /// A form field's label, for messages about it; an unknown one stands as it is.
    pub fn field(self, field: &str) -> String {
        match field {
            "name" => self.name(),
            "password" => self.password(),
            "old" => self.old_password(),
            "new" => self.new_password(),
            "code" => self.field_code(),
            "note" => self.note(),
            "reason" => self.reason(),
            "regions" => self.regions(),
            "builds" => self.builds_title(),
            "waves" => self.waves_title(),
            "region" => self.region(),
            "role" => self.role_word(),
            "stack" => self.field_stack(),
            "compose" => self.stack_text(),
            "lease_hours" => self.field_lease(),
            "kind" => self.field_kind(),
            "owner" => self.field_owner(),
            "source" => self.field_source(),
            "app" => self.app(),
            "form" => self.form_part(),
            other => return other.to_owned(),
        }
        .to_owned()
    }
}
