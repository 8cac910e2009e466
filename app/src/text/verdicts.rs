//! Test plans, evidence, what is sent back, and what waits for whom.

use super::texts;

texts! {
    checklist = "Checklist", "测试清单";
    checklist_rule = "An item that failed makes the verdict a fail. A pass with items not done or blocked needs a note that says why.", "有测试项不通过时，结论只能是“不通过”。有未做或受阻的测试项时，“通过”必须在备注中说明原因。";
    item_not_done = "not done", "未做";
    plan_counts(passed: usize, all: usize) = "{passed} of {all} items pass", "{all} 项中 {passed} 项通过";
    plan_version(version: &str) = "checklist {version}", "清单版本 {version}";
    evidence = "Evidence", "证据";
    evidence_hint = "Screenshots (png, jpeg, webp, gif), pdf, or plain text: up to 10 files, 10 MB each, 32 MB together. If the form is refused, choose them again.", "截图（png、jpeg、webp、gif）、pdf 或纯文本：最多 10 个文件，每个不超过 10 MB，合计不超过 32 MB。若表单被退回，请重新选择文件。";
    screenshot(name: &str) = "Screenshot {name}", "截图 {name}";
    superseded = "a later verdict took its place", "已被之后的结论取代";
    later_verdict = "see it", "查看";
    seen_in(number: i64, generation: i64) = "Seen in E-{number}, release set {generation}", "于 E-{number} 第 {generation} 组构建中测试";
    note_markdown_hint = "Steps, links, ticket numbers, in Markdown. Needed for fail and blocked. A new verdict takes the place of your earlier one.", "步骤、链接、工单号，支持 Markdown。“不通过”和“受阻”必填。新的结论会取代您之前的结论。";

    send_back = "Send back", "退回";
    send_back_help = "Not accepted: everybody reads why, and it cannot be promoted until it is signed off after all.", "不予接受：所有人都能看到原因，重新签核前不能发布。";
    send_back_reason = "What has to be mended", "需要修正什么";
    sent_back_by(name: &str) = "sent back by {name}", "被 {name} 退回";
    sent_back = "sent back", "已退回";
    signed_after = "signed off since", "之后已签核";
    done_sent_back = "The build is sent back.", "已退回该构建。";

    quarantined_running = "quarantined, still running", "已隔离，仍在运行";
    quarantined_runs_in(regions: &str) = "It still runs in {regions}. A lead can roll back on the Regions page.", "它仍在 {regions} 运行。负责人可在“区域”页面回滚。";

    nav_waiting = "Waiting for me", "待我处理";
    waiting_title = "Waiting for me", "待我处理";
    waiting_none = "Nothing waits for you", "没有待您处理的事项";
    waiting_none_help = "What waits for your role appears here: builds to test, builds to sign off, promotions to approve or to review.", "待您角色处理的事项会显示在这里：待测试的构建、待签核的构建、待批准或待复核的发布。";
    waiting_sign = "To sign off", "待签核";
    waiting_test = "To test", "待测试";
    waiting_approve = "To approve", "待批准";
    waiting_review = "Broken glass to review", "待复核的紧急发布";
    newest_in(channels: &str) = "newest in {channels}", "{channels} 中最新";
    older = "a newer build is there", "已有更新的构建";
    what_changed = "What changed", "变更内容";
    verdict_count(n: usize) = "{n} verdicts", "{n} 条结论";
    environment_compared(number: i64, build: &str, before: i64) = "Variables of E-{number} beside E-{before}, where {build} was tested", "E-{number} 与测试 {build} 的 E-{before} 的变量差异";
    environment_same = "none differs", "没有差异";
    variables_added = "added", "新增";
    variables_removed = "removed", "移除";
    variables_changed = "changed", "变更";
    accept = "Accept", "接受";
    look_at_build = "Open the build", "打开构建";
}
