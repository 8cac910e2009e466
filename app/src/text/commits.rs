//! Commits between builds.

use super::texts;

texts! {
    commits = "Commits", "提交";
    commits_since = "Since", "对比";
    commits_channel(channel: &str) = "the build before it in {channel}", "通道 {channel} 的前一个构建";
    commits_in_region(region: &str) = "what {region} runs", "{region} 正在运行的版本";
    commits_unknown_build = "a build that Slipway does not know", "Slipway 未知的构建";
    commits_first = "This is the first build of its channel.", "这是该通道的第一个构建。";
    commits_new(n: u32) = "{n} new", "新增 {n} 个提交";
    commits_lacking(n: u32) = "{n} missing", "缺少 {n} 个提交";
    commits_only_there(n: u32) = "{n} commits that this build does not have", "本构建没有的 {n} 个提交";
    commits_more(n: usize) = "{n} more", "另外 {n} 个";
    commits_cut(shown: usize, total: u32) = "The newest {shown} of {total} are listed.", "仅列出 {total} 个提交中最新的 {shown} 个。";
    commits_regions = "Since what each region runs", "对比各区域正在运行的版本";
    range_waiting = "being read", "读取中";
    range_waiting_why = "The history is being read; this fills in by itself.", "正在读取提交历史，完成后会自动显示。";
    range_same = "same commit", "同一提交";
    range_same_why = "Both were built from the same commit.", "两者由同一提交构建。";
    range_behind = "older", "更旧";
    range_behind_why = "This build is older: it has nothing that the other lacks.", "此构建更旧：没有对方缺少的提交。";
    range_diverged = "diverged", "已分叉";
    range_diverged_why = "Each has commits that the other lacks: they come from different branches, or the history was rewritten by a force-push.", "双方各有对方没有的提交：来自不同分支，或历史被强制推送改写。";
    range_unrelated = "unrelated", "无共同历史";
    range_unrelated_why = "The two have no commit in common: the repository was begun anew, or these are two repositories.", "两者没有任何共同提交：仓库被重新创建，或来自不同仓库。";
    range_missing = "commit missing", "缺少提交";
    range_base_missing_why = "The repository does not have the other build's commit: it was removed by a force-push, or never pushed. It is looked for again.", "仓库中没有对方构建的提交：可能被强制推送移除，或从未推送。稍后会再次查找。";
    range_head_missing_why = "The repository does not have this build's commit: it was removed by a force-push, or is not pushed yet. It is looked for again.", "仓库中没有此构建的提交：可能被强制推送移除，或尚未推送。稍后会再次查找。";
    range_both_missing_why = "The repository has neither commit: the app's git address may be that of another repository. They are looked for again.", "仓库中没有这两个提交：应用配置的 git 地址可能属于另一个仓库。稍后会再次查找。";
    range_no_commit = "no commit", "无提交信息";
    range_no_commit_why = "One of the images does not say which commit it was built from. Builders say it in the label org.opencontainers.image.revision.", "其中一个镜像没有说明由哪个提交构建。构建器应写入标签 org.opencontainers.image.revision。";
    range_no_repository = "no repository", "无仓库";
    range_no_repository_why = "The configuration names no git repository for this app.", "配置中没有为此应用指定 git 仓库。";
    range_failed = "not readable", "无法读取";
    range_again = "Nothing else depends on it; it is tried again by itself.", "其他功能不受影响，系统会自动重试。";
    trouble_address = "The app's git address is none that Slipway reads: https, ssh or file.", "应用的 git 地址不受支持：只接受 https、ssh 或 file。";
    trouble_away = "The git host did not answer in time.", "git 主机未及时响应。";
    trouble_refused = "The git host does not give the repository out: it is not there, or other credentials are needed.", "git 主机拒绝提供该仓库：仓库不存在，或需要其他凭据。";
    trouble_secret = "A secret that the configuration names for the git host is missing or cannot be opened.", "配置中为 git 主机指定的密钥不存在或无法解密。";
    trouble_host_key = "The git host's ssh key is not the one that the configuration names.", "git 主机的 ssh 密钥与配置不符。";
    trouble_too_big = "The repository is larger than Slipway keeps.", "仓库大小超出 Slipway 的保存上限。";
    trouble_no_git = "The program git is not installed where Slipway runs.", "Slipway 所在的机器没有安装 git。";
    trouble_unreadable = "What the git host sent cannot be read.", "git 主机返回的内容无法解析。";
}
