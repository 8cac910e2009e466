//! The words for the secrets of regions.

use super::{Text, texts};
use domain::region_secrets::SecretState;

texts! {
    tab_secrets = "Secrets", "密钥";
    region_secrets_lead = "A service reads each as a file, /run/secrets/NAME. Values are sealed at rest and shown to nobody. What runs keeps the value that it was given; another one comes with the next promotion.", "服务以文件 /run/secrets/名称 读取。取值加密保存，不再显示。运行中的服务沿用原值，新值随下一次发布生效。";
    no_region_secrets = "No app needs a secret here", "没有应用在此使用密钥";
    no_region_secrets_help = "An app names what it needs in the configuration, and each region is given a value of its own: secrets = [\"db-password\"] under [apps.service].", "应用在配置的 [apps.service] 中写明所需密钥，例如 secrets = [\"db-password\"]，再为每个区域分别设置取值。";
    col_secret = "Secret", "密钥";
    col_secret_changed = "Changed", "变更";
    secret_not_set = "not set", "未设置";
    secret_unused_yet = "set, waits", "已设置，待发布";
    secret_newer_waits = "newer value waits", "新值待发布";
    secret_given = "given", "已生效";
    about_secret_not_set = "Nothing new goes here before it is set.", "设置之前无法向此区域发布。";
    about_secret_unused = "The next promotion gives it to the service.", "将随下一次发布提供给服务。";
    about_secret_newer = "A newer value waits for the next promotion.", "新的取值等待下一次发布。";
    secret_version(version: i64) = "version {version}", "版本 {version}";
    secret_runs_with(version: i64) = "runs with version {version}", "正在使用版本 {version}";
    secret_not_used = "not used", "未使用";
    secret_set_it = "set it", "去设置";
    secret_not_named = "The app no longer names it: it is given to nobody.", "应用已不再使用该密钥。";
    region_secret_title(app: &str) = "Set a value for {app}", "为 {app} 设置取值";
    region_secret_hint = "It takes the place of what is set. One of several lines is sent over REST.", "将替换现有取值。多行内容请通过 REST 提交。";
    region_secret_remove_of(name: &str) = "Remove {name} here", "删除此处的 {name}";
    region_secret_remove_hint = "What runs keeps it. Nothing new goes here until it is set again.", "运行中的服务不受影响；重新设置之前无法发布。";
    done_region_secret_set = "The value is kept. The next promotion gives it to the service.", "取值已保存，将随下一次发布生效。";
    done_region_secret_removed = "The value is removed. What runs keeps it until the next promotion.", "取值已删除，运行中的服务在下一次发布前不受影响。";
    gate_secrets(region: &str) = "{region} has the secrets that the app names", "{region}已设置应用所需的密钥";
    note_secrets = "secrets, all of them set", "个密钥，均已设置";
    help_secrets = "Set them on the region's page, under Secrets.", "请在区域页面的“密钥”中设置。";
    adds_secrets = "Secrets added", "新增密钥";
    changes_secrets = "Secrets with another value", "更换取值的密钥";
    removes_secrets = "Secrets removed", "移除密钥";
    drift_secrets = "Secrets", "密钥";
    part_secrets = "the secrets", "密钥";
    do_region_secrets = "set the secrets of regions", "设置区域密钥";
    p_foreign_secret(secret: &str, region: &str) = "{region} has a secret {secret} that this Slipway did not make.", "{region}已有名为 {secret} 的密钥，但不是由本 Slipway 创建。";
    d_foreign_secret = "It was not touched, and what ran there was left as it was. Remove it from the Swarm, then promote again.", "该密钥与原有服务均未改动。请从 Swarm 中移除后重新发布。";
    p_secret_gone(app: &str, region: &str, secret: &str, version: i64) = "The secret {secret} of {app} cannot be given to {region} in version {version}, which this promotion started with.", "无法向{region}提供 {app} 的密钥 {secret}（版本 {version}，即本次发布启动时的取值）。";
    d_secret_gone = "It was set anew or removed meanwhile, or cannot be read. What ran there was left as it was. Set it on the region's page if it is missing, then promote again.", "该密钥此后被重新设置、删除或无法解开。原有服务保持不变。若未设置，请在区域页面设置后重新发布。";
}

impl Text {
    /// How a secret stands, in a word, and what that means; given ones need no explanation.
    pub const fn secret_state(self, state: SecretState) -> (&'static str, &'static str) {
        match state {
            SecretState::Missing => (self.secret_not_set(), self.about_secret_not_set()),
            SecretState::Unused => (self.secret_unused_yet(), self.about_secret_unused()),
            SecretState::Newer => (self.secret_newer_waits(), self.about_secret_newer()),
            SecretState::Given => (self.secret_given(), ""),
        }
    }
}
