//! Secrets: set and named, never shown.

use crate::parts::{Field, Form, Reader, panel, when};
use crate::view::{SecretView, SettingsView};
use leptos::prelude::*;

pub(super) fn secrets(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let rows = settings.secrets.iter().map(|secret| row(r, secret)).collect_view();
    let list = (!settings.secrets.is_empty()).then(|| {
        view! {
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">{t.called()}</th>
                        <th scope="col">{t.secret_used_by()}</th>
                        <th scope="col">{t.secret_changed()}</th>
                        <th scope="col">{t.who()}</th>
                        <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    let form = Form::of(r, "/do/secrets/set", None);
    let content = view! {
        <p class="pad-line hint">{t.secrets_help()}</p>
        {list}
        <details class="fold part" open=form.refused()>
            <summary>{t.secret_set_title()}</summary>
            <form method="post" action="/do/secrets/set" class="stack">
                {form.alert()}
                <div class="fields">
                    {form.input(Field { most: Some(40), ..Field::text("name", t.called()) }.hint(t.secret_name_hint()))}
                    {form.input(Field { most: Some(8192), ..Field::password("value", t.secret_value(), "off") }.hint(t.secret_value_hint()))}
                </div>
                <div class="row"><button class="btn go">{t.secret_set()}</button></div>
            </form>
        </details>
    };
    view! { <div id="secrets">{panel(t.secrets(), (), content)}</div> }.into_any()
}

fn row(r: &Reader, secret: &SecretView) -> AnyView {
    let t = r.t;
    let form = Form::of(r, "/do/secrets/remove", Some(("name", &secret.name)));
    let (name, label) = (secret.name.clone(), t.secret_remove_of(&secret.name));
    let used = if secret.used_by.is_empty() { t.secret_unused().to_owned() } else { secret.used_by.join(", ") };
    view! {
        <tr>
            <td class="c-name"><code>{secret.name.clone()}</code></td>
            <td class="c-detail" data-label=t.secret_used_by()><span class="quiet">{used}</span></td>
            <td class="c-when" data-label=t.secret_changed()><span class="quiet">{when(r, secret.changed_at)}</span></td>
            <td class="c-who">{secret.changed_by.clone()}</td>
            <td class="c-act end">
                <form method="post" action="/do/secrets/remove">
                    {form.alert()}
                    <input type="hidden" name="name" value=name/>
                    <button class="btn small danger" aria-label=label>{t.secret_remove()}</button>
                </form>
            </td>
        </tr>
    }
    .into_any()
}
