//! Just enough reading of our own HTML to ask what stands on a page.

use std::collections::BTreeMap;

/// One opening tag: its name, its attributes, and where what follows it begins.
#[derive(Clone, Debug)]
pub struct Tag {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub end: usize,
}

impl Tag {
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }
}

/// Every opening tag, in order. Scripts and text areas hold no tags of ours.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = html[at..].find('<') {
        let start = at + open + 1;
        at = start;
        if !html[start..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let tag = read(html, start);
        at = tag.end;
        if matches!(tag.name.as_str(), "script" | "textarea") {
            at += html[at..].find(&format!("</{}", tag.name)).unwrap_or(0);
        }
        found.push(tag);
    }
    found
}

fn read(html: &str, start: usize) -> Tag {
    let name_end = start + html[start..].find([' ', '>', '/', '\n']).expect("a tag ends");
    let mut attributes = BTreeMap::new();
    let mut at = name_end;
    loop {
        at += html[at..].find(|c: char| !c.is_whitespace() && c != '/').expect("a tag ends");
        if html[at..].starts_with('>') {
            break;
        }
        let key_end = at + html[at..].find(['=', ' ', '>', '\n']).expect("an attribute ends");
        let key = html[at..key_end].to_owned();
        at = key_end;
        let mut value = String::new();
        if html[at..].starts_with("=\"") {
            let value_end = at + 2 + html[at + 2..].find('"').expect("a value ends");
            value = plain(&html[at + 2..value_end]);
            at = value_end + 1;
        } else if html[at..].starts_with('=') {
            let value_end = at + html[at..].find([' ', '>']).expect("a value ends");
            value = plain(&html[at + 1..value_end]);
            at = value_end;
        }
        attributes.insert(key, value);
    }
    Tag { name: html[start..name_end].to_owned(), attributes, end: at + 1 }
}

/// The text that entities stand for.
pub fn plain(html: &str) -> String {
    let words = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")];
    words.iter().fold(html.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

/// What a reader reads: no tags, no comments, no scripts.
pub fn text(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let ending = if after.starts_with("script") {
            "</script>"
        } else if after.starts_with("!--") {
            "-->"
        } else {
            ">"
        };
        rest = after.split_once(ending).map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    plain(&out)
}

/// A form: where it goes, its fields in order, and its text.
#[derive(Clone, Debug)]
pub struct Form {
    pub tag: Tag,
    pub fields: Vec<Tag>,
    pub text: String,
    pub html: String,
}

impl Form {
    pub fn action(&self) -> &str {
        self.tag.get("action")
    }
}

/// Every form of the page.
pub fn forms(html: &str) -> Vec<Form> {
    let forms = tags(html).into_iter().filter(|tag| tag.name == "form");
    forms
        .map(|tag| {
            let inside = &html[tag.end..tag.end + html[tag.end..].find("</form>").expect("a form ends")];
            let mut fields = tags(inside);
            fields.retain(|field| matches!(field.name.as_str(), "input" | "select" | "textarea" | "button") && field.has("name"));
            Form { tag, fields, text: text(inside), html: inside.to_owned() }
        })
        .collect()
}

/// The first option's value of a select in this HTML, or the chosen one's.
pub fn choice(html: &str, name: &str) -> String {
    let all = tags(html);
    let place = all.iter().position(|tag| tag.name == "select" && tag.get("name") == name).expect("the select");
    let options: Vec<&Tag> = all[place + 1..].iter().take_while(|tag| tag.name == "option").collect();
    options
        .iter()
        .find(|option| option.has("selected"))
        .or(options.first())
        .map_or(String::new(), |option| option.get("value").to_owned())
}

/// What stands between the tag with this id and the end of its element's line of text.
pub fn by_id<'a>(html: &'a str, id: &str) -> Option<&'a str> {
    let tag = tags(html).into_iter().find(|tag| tag.get("id") == id)?;
    let end = html[tag.end..].find(&format!("</{}>", tag.name))?;
    Some(&html[tag.end..tag.end + end])
}
