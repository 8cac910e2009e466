//! Forms: labelled fields, refilled after a refusal, with the problem beside them.

use super::{Icon, Reader, icon};
use crate::context::Flash;
use crate::text::{Text, fault_text, problem_text};
use domain::Problem;
use leptos::prelude::*;

/// The text area, made safe. Leptos 0.8 writes a text area's child without escaping it,
/// so user text put there would be live HTML: this and [`text_lines`] are the only ones in the crate.
pub fn text_area(id: String, name: &'static str, rows: u32, most: u32, required: bool, value: &str) -> AnyView {
    // A leading line break is dropped by the parser; one more keeps the reader's own.
    let safe = format!("\n{}", escape(value));
    view! {
        <textarea id=id.clone() name=name rows=rows maxlength=most required=required aria-describedby=format!("{id}-hint")>{safe}</textarea>
    }
    .into_any()
}

/// A text of many lines with their numbers beside it: a label, the numbers, and the text area made
/// safe as in [`text_area`]. More numbers stand there than lines; the style sheet shows as many as the
/// text is high, so that it needs no scripts. `line` is marked.
pub fn text_lines(id: String, name: &'static str, label: &'static str, most: u32, value: &str, line: Option<u64>) -> AnyView {
    let safe = format!("\n{}", escape(value));
    let count = value.lines().count() + 400;
    let number = |range: std::ops::Range<usize>| range.map(|n| format!("{n}\n")).collect::<String>();
    let marked = line.and_then(|line| usize::try_from(line).ok()).filter(|line| (1..=count).contains(line));
    let numbers = match marked {
        Some(line) => view! { {number(1..line)}<mark>{format!("{line}\n")}</mark>{number(line + 1..count + 1)} }.into_any(),
        None => view! { {number(1..count + 1)} }.into_any(),
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <div class="numbered">
                <pre class="line-numbers" aria-hidden="true">{numbers}</pre>
                <textarea
                    id=id.clone()
                    name=name
                    rows=value.lines().count().clamp(20, 40).to_string()
                    maxlength=most
                    required=true
                    wrap="off"
                    spellcheck="false"
                    autocapitalize="off"
                    autocomplete="off"
                    aria-describedby=format!("{id}-hint")
                >{safe}</textarea>
            </div>
        </div>
    }
    .into_any()
}

/// Text as HTML, for the two places in which Leptos 0.8 writes it unescaped: the text area
/// and the title.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            c => safe.push(c),
        }
    }
    safe
}

/// One form on a page and what the last attempt at it left.
pub struct Form {
    t: Text,
    /// Makes the ids of its fields unique on the page.
    key: String,
    flash: Option<Flash>,
}

impl Form {
    /// The form that posts to `action`. Where a page has several of the same, `subject` is
    /// the hidden field that tells them apart, and its value.
    pub fn of(r: &Reader, action: &str, subject: Option<(&str, &str)>) -> Self {
        Self::new(r.t, r.ctx.flash.as_ref(), action, subject)
    }

    pub fn new(t: Text, flash: Option<&Flash>, action: &str, subject: Option<(&str, &str)>) -> Self {
        let mine = |flash: &&Flash| {
            flash.form == action && subject.is_none_or(|(name, value)| flash.field(name).is_none_or(|given| given == value))
        };
        let flash = flash.filter(mine).cloned();
        if let Some(flash) = &flash {
            flash.claim();
        }
        let mut key: String = action.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        if let Some((_, value)) = subject {
            key.push('-');
            key.extend(value.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-'));
        }
        Self { t, key: key.trim_matches('-').to_owned(), flash }
    }

    pub fn id(&self, field: &str) -> String {
        format!("{}-{field}", self.key)
    }

    /// What had been filled in.
    pub fn value(&self, field: &str) -> Option<String> {
        self.flash.as_ref().and_then(|flash| flash.field(field)).map(ToOwned::to_owned)
    }

    /// Whether this value of a repeated field had been chosen; `None` when nothing was sent.
    pub fn chosen(&self, field: &str, value: &str) -> Option<bool> {
        self.flash.as_ref().map(|flash| flash.all(field).any(|given| given == value))
    }

    pub fn refused(&self) -> bool {
        self.flash.is_some()
    }

    pub fn problem(&self) -> Option<&Problem> {
        self.flash.as_ref().map(|flash| &flash.problem)
    }

    /// The problem, above the fields. `data-keep` tells the page not to refresh it away.
    pub fn alert(&self) -> AnyView {
        let Some(problem) = self.problem() else { return ().into_any() };
        view! { <div data-keep="">{alert(self.t, problem)}</div> }.into_any()
    }

    /// Why this field was refused, if it was.
    fn fault(&self, field: &str) -> Option<String> {
        match (self.problem()?, field) {
            (Problem::Invalid { field: bad, why }, _) if bad == field => Some(fault_text(self.t, why)),
            (Problem::ConfirmationMismatch { expected }, "app" | "typed") => Some(self.t.d_confirm(expected)),
            (Problem::PasswordNeeded, "password") => Some(self.t.password_again_why().to_owned()),
            _ => None,
        }
    }

    /// What a field is about, or why it was refused.
    pub fn hint(&self, field: &str, hint: &str) -> AnyView {
        let id = format!("{}-hint", self.id(field));
        match self.fault(field) {
            Some(fault) => view! { <span id=id class="fault">{icon(Icon::Alert)}{fault}</span> }.into_any(),
            None => view! { <span id=id class="hint">{hint.to_owned()}</span> }.into_any(),
        }
    }

    /// A one-line field.
    pub fn input(&self, field: Field) -> AnyView {
        let id = self.id(field.name);
        let secret = field.kind == "password";
        let value = if secret { None } else { self.value(field.name).or(field.value) };
        view! {
            <div class="field">
                <label for=id.clone()>{field.label}</label>
                <input
                    id=id.clone()
                    name=field.name
                    type=field.kind
                    value=value
                    required=field.required
                    minlength=field.least
                    maxlength=field.most
                    min=field.range.map(|(least, _)| least)
                    max=field.range.map(|(_, most)| most)
                    pattern=field.pattern
                    autocomplete=field.complete
                    autocapitalize="off"
                    spellcheck="false"
                    autofocus=field.focus
                    data-guard=field.guard
                    aria-invalid=self.fault(field.name).map(|_| "true")
                    aria-describedby=format!("{id}-hint")
                />
                {self.hint(field.name, &field.hint)}
            </div>
        }
        .into_any()
    }

    /// A text of several lines.
    pub fn area(&self, name: &'static str, label: &'static str, hint: &'static str, required: bool) -> AnyView {
        let id = self.id(name);
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                {text_area(id, name, 3, 2000, required, &self.value(name).unwrap_or_default())}
                {self.hint(name, hint)}
            </div>
        }
        .into_any()
    }

    /// A choice from a list: value and word.
    pub fn select(&self, name: &'static str, label: &str, choices: Vec<(String, String)>, present: Option<&str>) -> AnyView {
        let id = self.id(name);
        let chosen = self.value(name).or_else(|| present.map(ToOwned::to_owned));
        let options = choices
            .into_iter()
            .map(|(value, word)| {
                let selected = chosen.as_deref() == Some(value.as_str());
                view! { <option value=value selected=selected>{word}</option> }
            })
            .collect_view();
        view! {
            <div class="field">
                <label for=id.clone()>{label.to_owned()}</label>
                <select id=id.clone() name=name aria-describedby=format!("{id}-hint")>{options}</select>
                {self.hint(name, "")}
            </div>
        }
        .into_any()
    }
}

/// One of several answers to choose from.
pub struct Choice {
    pub value: String,
    pub word: AnyView,
    /// What choosing it means; may be empty.
    pub about: String,
    pub chosen: bool,
}

impl Form {
    /// One answer of several, each with what it means.
    pub fn radios(&self, name: &'static str, legend: &'static str, choices: Vec<Choice>) -> AnyView {
        self.answers("radio", name, name, legend, choices)
    }

    /// Any number of answers; they are sent as `name[]`, in the order shown.
    pub fn checks(&self, name: &'static str, legend: &'static str, choices: Vec<Choice>) -> AnyView {
        self.answers("checkbox", name, &format!("{name}[]"), legend, choices)
    }

    fn answers(&self, kind: &'static str, name: &'static str, sent: &str, legend: &'static str, choices: Vec<Choice>) -> AnyView {
        let id = self.id(name);
        let items = choices
            .into_iter()
            .map(|choice| {
                let chosen = self.chosen(sent, &choice.value).unwrap_or(choice.chosen);
                let about = (!choice.about.is_empty()).then(|| view! { <span class="about">{choice.about}</span> });
                view! {
                    <label class="answer">
                        <input type=kind name=sent.to_owned() value=choice.value checked=chosen required=kind == "radio"/>
                        <span class="answer-text">{choice.word}{about}</span>
                    </label>
                }
            })
            .collect_view();
        view! {
            <fieldset class="field answers" aria-describedby=format!("{id}-hint")>
                <legend>{legend}</legend>
                {items}
                {self.hint(name, "")}
            </fieldset>
        }
        .into_any()
    }

    /// What a guarded button asks for: the app's name typed and, when the session is no longer
    /// fresh, the password. Scripts open the button when the name is right; without scripts it
    /// is open and the server looks.
    pub fn guard(&self, name: &'static str, app: &str, password: bool) -> AnyView {
        let t = self.t;
        let password = password.then(|| {
            self.input(Field::password("password", t.password_again(), "current-password").hint(t.password_again_why()))
        });
        let typed = Field { guard: Some(app.to_owned()), ..Field::text(name, t.type_to_confirm(app)) };
        view! { {self.input(typed)}{password} }.into_any()
    }
}

/// What a one-line field is.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    pub label: String,
    pub kind: &'static str,
    pub hint: String,
    pub value: Option<String>,
    pub required: bool,
    pub least: Option<u32>,
    pub most: Option<u32>,
    pub range: Option<(u32, u32)>,
    pub pattern: Option<&'static str>,
    pub complete: &'static str,
    pub focus: bool,
    /// What must be typed before the form's guarded button opens.
    pub guard: Option<String>,
}

impl Field {
    /// A needed text of at most 200 characters.
    pub fn text(name: &'static str, label: impl Into<String>) -> Self {
        Self {
            name,
            label: label.into(),
            kind: "text",
            hint: String::new(),
            value: None,
            required: true,
            least: None,
            most: Some(200),
            range: None,
            pattern: None,
            complete: "off",
            focus: false,
            guard: None,
        }
    }

    pub fn password(name: &'static str, label: impl Into<String>, complete: &'static str) -> Self {
        Self { kind: "password", complete, most: Some(512), ..Self::text(name, label) }
    }

    pub fn number(name: &'static str, label: impl Into<String>, least: u32, most: u32, value: u32) -> Self {
        Self { kind: "number", range: Some((least, most)), most: None, value: Some(value.to_string()), ..Self::text(name, label) }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// What happened, what was kept, what to do.
pub fn alert(t: Text, problem: &Problem) -> AnyView {
    let told = problem_text(t, problem);
    view! {
        <div class="note bad" role="alert">
            {icon(Icon::Alert)}
            <div><b>{told.happened}</b><p>{told.kept}" "{told.to_do}</p></div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_area_keeps_user_text_from_becoming_html() {
        let html = text_area("a".into(), "note", 3, 10, false, "</textarea><script>alert(1)</script>&amp;").to_html();
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("\n&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;</textarea>"), "{html}");
        let html = text_lines("a".into(), "compose", "Text", 10, "a\n</textarea><script>alert(1)</script>", Some(2)).to_html();
        assert!(!html.contains("<script>") && html.contains("<mark>2"), "{html}");
    }
}
