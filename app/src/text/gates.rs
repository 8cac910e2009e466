//! The words for gates about the world.

use super::{Text, texts};
use domain::gate::{Gate, GateKind, GateState};

texts! {
    gate_image_in(region: &str) = "The registry of {region} has the image", "{region}的仓库中有镜像";
    gate_room(region: &str) = "{region} has room for it", "{region}容量足够";
    gate_variables(region: &str) = "{region} has the variables it was tested with", "{region}具备测试时所用的变量";
    gate_not_older(region: &str) = "Not older than what {region} runs", "不旧于{region}正在运行的版本";
    gate_way_back(region: &str) = "The way back in {region} is kept", "{region}的回滚版本仍在";
    note_room = "tasks at most / tasks that the nodes hold", "最多任务数 / 节点可容纳任务数";
    note_variables = "variables, all of them set", "个变量，均已设置";
    note_missing = "missing", "缺少";
    note_no_environment = "unknown: no passing verdict names an environment", "未知：没有“通过”结论注明测试环境";
    note_unknown_runs = "what runs there is no build that Slipway knows", "当前运行的不是 Slipway 已知的构建";
    note_runs = "runs there and is newer", "正在运行且更新";
    note_back_to = "is where a rollback would go", "为回滚目标";
    note_nothing_back = "nothing to go back to: the first rollout here", "首次更新，没有可回滚的版本";
    help_image_in = "Push it there, mend the registry, or let Slipway copy it: push = true for that registry in the configuration.", "请将镜像推送到该仓库或修复仓库，也可在配置中为该仓库设置 push = true，由 Slipway 复制。";
    help_room = "Bring nodes back, add some, or ask for fewer replicas.", "请恢复或增加节点，或减少副本数。";
    help_variables = "Set them for the app or for the region in the configuration.", "请在配置中为应用或区域设置这些变量。";
    help_not_older = "To go back, use rollback on the Regions page.", "若要恢复旧版本，请在“区域”页面使用回滚。";
    help_way_back = "Push that image to the registry again, or mend the registry.", "请将该镜像重新推送到仓库，或修复仓库。";
}

impl Text {
    /// What stands behind the detail of a gate about the world, or what is so when it has none.
    pub fn gate_words(self, gate: &Gate) -> Option<&'static str> {
        let green = gate.state == GateState::Green;
        match (&gate.kind, &gate.detail) {
            (GateKind::EnoughRoom { .. }, Some(_)) => Some(self.note_room()),
            (GateKind::VariablesThere { .. }, Some(_)) => Some(if green { self.note_variables() } else { self.note_missing() }),
            (GateKind::VariablesThere { .. }, None) => Some(self.note_no_environment()),
            (GateKind::SecretsThere { .. }, Some(_)) => Some(if green { self.note_secrets() } else { self.note_missing() }),
            (GateKind::NotOlder { .. }, Some(_)) => Some(if green { self.note_unknown_runs() } else { self.note_runs() }),
            (GateKind::WayBackKept { .. }, Some(_)) => Some(self.note_back_to()),
            (GateKind::NoCanary { .. }, _) => Some(self.note_no_canary()),
            (GateKind::CanaryFits { .. }, _) => Some(self.note_canary_fits()),
            (GateKind::WayBackKept { .. }, None) => Some(self.note_nothing_back()),
            _ => None,
        }
    }
}
