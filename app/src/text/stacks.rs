//! Settings → Stacks.

use super::texts;

texts! {
    stacks_help = "A stack is a compose file in which ${BUILD_<APP>} stands for the build of an app. Whoever edits one makes a new version of the configuration; nothing that runs is changed.", "编排是一个 compose 文件，其中 ${BUILD_<APP>} 代表某个应用的构建。编辑后会产生新的配置版本，不影响正在运行的环境。";
    no_stacks = "There is no stack yet", "还没有编排";
    no_stacks_help = "A stack says which containers a test environment is made of.", "编排描述测试环境由哪些容器组成。";
    new_stack = "New stack", "新建编排";
    new_stack_title = "A new stack", "新建编排";
    stack_name = "Name", "名称";
    stack_name_hint = "Lower-case letters, digits and -", "小写字母、数字和 -";
    stack_text = "Compose file", "compose 文件";
    stack_text_hint = "Every key of the Compose specification is supported, or refused with the reason.", "compose 规范中的每个键要么受支持，要么给出拒绝原因。";
    stack_save = "Save", "保存";
    stack_create = "Create stack", "创建编排";
    stack_try = "Try it out", "试运行";
    stack_fits = "It can be launched", "可以启动";
    stack_line(line: u64) = "Line {line}", "第 {line} 行";
    stack_broken = "It cannot be read yet", "尚不能读取";
    stack_checking = "What the file says", "文件内容";
    stack_checks_live = "It is checked as you type.", "输入时会自动检查。";
    stack_checks_on_save = "It is checked when it is saved; a text that is refused stays here.", "保存时检查；被拒绝的内容会保留在此处。";
    stack_empty = "Nothing to draw yet.", "暂无内容可绘制。";
    stack_graph = "Services, and what each waits for", "各服务及其等待关系";
    stack_waits_started(service: &str, other: &str) = "{service} starts after {other}", "{service} 在 {other} 启动后启动";
    stack_waits_healthy(service: &str, other: &str) = "{service} waits until {other} is healthy", "{service} 等待 {other} 通过健康检查";
    stack_waits_completed(service: &str, other: &str) = "{service} waits until {other} has done its job", "{service} 等待 {other} 完成任务";
    stack_under_test = "the build under test", "被测构建";
    stack_networks = "Networks", "网络";
    stack_internal(name: &str) = "{name}, without a way out", "{name}（不能访问外部）";
    stack_volumes = "Volumes", "数据卷";
    stack_variables = "Variables", "变量";
    stack_variables_help = "They are filled in at a launch.", "启动时填写。";
    variable_needed = "needed", "必填";
    variable_default = "Default", "默认值";
    variable_lines = "Lines", "所在行";
    stack_default_of = "Launched by default for", "默认用于";
    stack_services(n: u32) = "{n} services", "{n} 个服务";
    stack_versions = "Versions", "版本";
    stack_version(n: i64) = "Version {n}", "版本 {n}";
    stack_now = "in force", "当前";
    stack_removed = "removed", "已删除";
    stack_no_versions = "Its texts are kept from the next change on.", "从下一次修改起保留历史版本。";
    stack_compare = "See what changed", "查看改动";
    stack_compare_of(n: i64) = "See what changed in version {n}", "查看版本 {n} 的改动";
    stack_restore = "Restore this text", "恢复此版本";
    stack_changed_by = "Changed by", "修改者";
    stack_same_lines(n: usize) = "{n} lines as before", "{n} 行未变";
    stack_read_only = "Testers, leads and admins edit stacks.", "测试、负责人和管理员可以编辑编排。";
    col_services = "Services", "服务";
    edit = "Edit", "编辑";
    done_stack_saved = "The stack is saved; the next launch takes it.", "编排已保存，下次启动时生效。";
}
