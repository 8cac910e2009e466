//! Makes a part of the page like its newer copy by touching only what differs, so that focus,
//! scroll, selection and open folds stay, and nobody's half-filled form is taken away.

use super::dom;
use leptos::prelude::document;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement, HtmlInputElement, HtmlOptionElement, HtmlSelectElement, HtmlTextAreaElement, Node};

/// The mark of a row that has just come, for as long as it is lit.
const FRESH: &str = "fresh";
const LIT: i32 = 3000;

/// Makes `old` like `new`.
pub fn morph(old: &Element, new: &Element) {
    if old.is_equal_node(Some(new)) || kept(old) {
        return;
    }
    if old.local_name() == "time" && old.get_attribute("datetime") == new.get_attribute("datetime") {
        // The same moment: its words tick by themselves.
        return;
    }
    if old.has_attribute("data-log") && old.get_attribute("data-log") == new.get_attribute("data-log") {
        // The same log: its lines come by its own stream.
        attributes(old, new);
        return;
    }
    attributes(old, new);
    children(old, new);
}

/// Whether it is not ours to change: an island, what says so, and a form in use.
fn kept(element: &Element) -> bool {
    element.has_attribute("data-keep") || element.local_name() == "leptos-island" || in_use(element)
}

/// Whether someone is at it: a form with a changed field, with the focus in a field, or sent.
pub fn in_use(form: &Element) -> bool {
    if form.local_name() != "form" {
        return false;
    }
    let fields = form.query_selector_all("input,select,textarea").map(|found| dom::elements(&found)).unwrap_or_default();
    let focused = document().active_element();
    form.has_attribute("data-sent") || fields.iter().any(|field| focused.as_ref() == Some(field) || changed(field))
}

fn changed(field: &Element) -> bool {
    if let Some(input) = field.dyn_ref::<HtmlInputElement>() {
        return match input.type_().as_str() {
            "hidden" | "submit" | "button" => false,
            "checkbox" | "radio" => input.checked() != input.default_checked(),
            _ => input.value() != input.default_value(),
        };
    }
    if let Some(area) = field.dyn_ref::<HtmlTextAreaElement>() {
        return area.default_value().is_ok_and(|first| area.value() != first);
    }
    field.dyn_ref::<HtmlSelectElement>().is_some_and(|select| chosen(select) != at_first(select))
}

fn chosen(select: &HtmlSelectElement) -> i32 {
    select.selected_index()
}

/// What a list of choices shows before anyone chose: what it marks, else its first.
fn at_first(select: &HtmlSelectElement) -> i32 {
    let options = select.options();
    let marked = (0..options.length()).find(|at| {
        options.item(*at).and_then(|option| option.dyn_into::<HtmlOptionElement>().ok()).is_some_and(|o| o.default_selected())
    });
    match marked {
        Some(at) => i32::try_from(at).unwrap_or(0),
        None if options.length() == 0 => -1,
        None => 0,
    }
}

/// Whether it can be taken away: nothing in it is kept.
fn may_go(node: &Node) -> bool {
    let Some(element) = node.dyn_ref::<Element>() else { return true };
    let inner = element.query_selector_all("[data-keep],form").map(|found| dom::elements(&found)).unwrap_or_default();
    !kept(element) && !inner.iter().any(kept)
}

fn attributes(old: &Element, new: &Element) {
    let lit = old.class_list().contains(FRESH);
    for name in names(new) {
        let value = dom::attribute(new, &name);
        if old.get_attribute(&name).as_deref() != Some(value.as_str()) {
            dom::set(old, &name, &value);
        }
    }
    let fold = old.local_name() == "details";
    for name in names(old) {
        let folds = fold && name == "open";
        if !folds && !new.has_attribute(&name) {
            let _ = old.remove_attribute(&name);
        }
    }
    if lit {
        let _ = old.class_list().add_1(FRESH);
    }
}

fn names(element: &Element) -> Vec<String> {
    element.get_attribute_names().iter().filter_map(|name| name.as_string()).collect()
}

fn children(old: &Element, new: &Element) {
    drop_gone(old, new);
    let wanted = list(new);
    let mut at = old.first_child();
    for (number, child) in wanted.iter().enumerate() {
        let left = wanted.len() - number;
        match partner(old, &mut at, child, left) {
            Some(same) => {
                if at.as_ref() == Some(&same) {
                    at = same.next_sibling();
                } else {
                    let _ = old.insert_before(&same, at.as_ref());
                }
                take(&same, child);
            }
            None => insert(old, child, at.as_ref()),
        }
    }
    while let Some(node) = at {
        at = node.next_sibling();
        if may_go(&node) {
            let _ = old.remove_child(&node);
        }
    }
}

fn list(parent: &Node) -> Vec<Node> {
    let nodes = parent.child_nodes();
    (0..nodes.length()).filter_map(|at| nodes.get(at)).collect()
}

/// Takes away the named rows that are no longer there, so that those behind them need not move.
fn drop_gone(old: &Element, new: &Element) {
    for node in list(old) {
        let Some(id) = id_of(&node) else { continue };
        if named(new, &id).is_none() && may_go(&node) {
            let _ = old.remove_child(&node);
        }
    }
}

fn id_of(node: &Node) -> Option<String> {
    node.dyn_ref::<Element>()?.get_attribute("id")
}

/// The child of `parent` with this id.
fn named(parent: &Element, id: &str) -> Option<Node> {
    let found = parent.owner_document()?.get_element_by_id(id)?;
    (found.parent_element().as_ref() == Some(parent)).then(|| found.into())
}

/// The node of `old` that `child` is the newer copy of: the one of its name, else the next
/// that is of its kind. `at` steps over what stands there too much.
fn partner(old: &Element, at: &mut Option<Node>, child: &Node, left: usize) -> Option<Node> {
    if let Some(id) = id_of(child) {
        return named(old, &id).filter(|same| same.node_name() == child.node_name());
    }
    while let Some(node) = at.clone() {
        if node.node_name() == child.node_name() && id_of(&node).is_none() {
            return Some(node);
        }
        if remaining(&node) <= left || !may_go(&node) {
            return None;
        }
        *at = node.next_sibling();
        let _ = old.remove_child(&node);
    }
    None
}

fn remaining(node: &Node) -> usize {
    std::iter::successors(Some(node.clone()), Node::next_sibling).count()
}

fn take(old: &Node, new: &Node) {
    match (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
        (Some(old), Some(new)) => morph(old, new),
        _ if old.node_value() != new.node_value() => old.set_node_value(new.node_value().as_deref()),
        _ => {}
    }
}

/// Puts a new node in its place; a new row is lit for a moment.
fn insert(old: &Element, child: &Node, before: Option<&Node>) {
    let _ = old.insert_before(child, before);
    let Some(row) = child.dyn_ref::<HtmlElement>().filter(|row| matches!(row.local_name().as_str(), "tr" | "li")) else { return };
    if row.id().is_empty() {
        return;
    }
    let _ = row.class_list().add_1(FRESH);
    let row = row.clone();
    dom::after(LIT, move || {
        let _ = row.class_list().remove_1(FRESH);
    });
}
