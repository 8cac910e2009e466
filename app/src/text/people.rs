//! Settings: people, tokens, hooks, deliveries, and what is configured.

use super::texts;

texts! {
    settings_title = "Settings", "设置";
    config_version(n: i64) = "configuration version {n}", "配置版本 {n}";
    sections = "Sections", "分区";
    people = "People", "人员";
    people_help = "A change of role or password ends a person's sessions.", "修改角色或密码会结束该人员的会话。";
    add_user_title = "Add a person", "添加人员";
    add_user_button = "Add person", "添加";
    col_sessions = "Sessions", "会话";
    col_added = "Added", "添加于";
    active = "active", "正常";
    disabled = "disabled", "已停用";
    disable = "Disable", "停用";
    enable = "Enable", "启用";
    set_role = "Set role", "设置角色";
    set_role_of(name: &str) = "Role of {name}", "{name} 的角色";
    set_password = "Set password", "设置密码";
    set_password_of(name: &str) = "New password of {name}", "{name} 的新密码";
    manage_of(name: &str) = "Change {name}", "修改 {name}";
    you = "you", "本人";
    tokens = "API tokens", "API 令牌";
    tokens_help = "A token acts for its owner and never beyond either role.", "令牌代表其所有者，权限不超过两者的角色。";
    no_tokens = "There is no token.", "还没有令牌。";
    add_token_title = "Add a token", "添加令牌";
    add_token_button = "Add token", "添加令牌";
    token_name = "What it is for", "用途";
    col_owner = "Owner", "所有者";
    col_last_used = "Last used", "最近使用";
    never = "never", "从未";
    revoke = "Revoke", "吊销";
    revoke_of(name: &str) = "Revoke {name}", "吊销 {name}";
    revoked = "revoked", "已吊销";
    secret_once = "Shown once: copy it now.", "只显示一次：请立即复制。";
    token_made(name: &str) = "The token {name} is made", "令牌 {name} 已创建";
    token_use = "Send it as a bearer token to /api/v1.", "以 Bearer 令牌形式发送到 /api/v1。";
    apps = "Apps", "应用";
    stacks = "Stacks", "编排";
    engines = "Engines", "引擎";
    regions_section = "Regions", "区域";
    configured_by = "These come from the applied configuration. Change the file and run:", "以下来自已应用的配置。修改文件后运行：";
    col_channels = "Channels", "通道";
    col_port = "Port", "端口";
    col_git = "Git", "Git";
    col_engine_url = "Engine", "引擎";
    col_address = "Address", "地址";
    col_zone = "Time zone", "时区";
    col_registry = "Registry", "仓库";
    col_replicas = "Replicas", "副本";
    col_variables = "Variables", "变量";
    own_registry = "the app's own", "应用自带";
    kind_branch = "branch", "分支";
    kind_release = "release", "发布";
    nothing_configured = "Nothing is configured yet.", "尚未配置。";
}
