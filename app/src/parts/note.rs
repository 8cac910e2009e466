//! What people wrote in Markdown, drawn piece by piece: every text as text.

use domain::markdown::{Piece, Shape, read};
use leptos::prelude::*;

/// A note, its issue keys leading to the tracker.
pub fn note(text: &str, issues: Option<&str>) -> AnyView {
    if text.is_empty() {
        return ().into_any();
    }
    view! { <div class="said written">{all(read(text, issues))}</div> }.into_any()
}

fn all(pieces: Vec<Piece>) -> AnyView {
    pieces.into_iter().map(piece).collect_view().into_any()
}

fn piece(piece: Piece) -> AnyView {
    match piece {
        Piece::Text(text) => view! { {text} }.into_any(),
        Piece::Code(code) => view! { <code>{code}</code> }.into_any(),
        Piece::Block(code) => view! { <pre tabindex="0">{code}</pre> }.into_any(),
        Piece::Break => view! { <br/> }.into_any(),
        Piece::Rule => view! { <hr/> }.into_any(),
        Piece::Link { url, inside } => {
            view! { <a href=url target="_blank" rel="noopener noreferrer nofollow">{all(inside)}</a> }.into_any()
        }
        Piece::Within(shape, inside) => within(shape, all(inside)),
    }
}

fn within(shape: Shape, inside: AnyView) -> AnyView {
    match shape {
        Shape::Paragraph => view! { <p>{inside}</p> }.into_any(),
        // The page's own headings are its outline; somebody's note is no part of it.
        Shape::Heading => view! { <p class="written-head">{inside}</p> }.into_any(),
        Shape::Quote => view! { <blockquote>{inside}</blockquote> }.into_any(),
        Shape::List => view! { <ul>{inside}</ul> }.into_any(),
        Shape::Numbered(first) => view! { <ol start=first.to_string()>{inside}</ol> }.into_any(),
        Shape::Item => view! { <li>{inside}</li> }.into_any(),
        Shape::Strong => view! { <strong>{inside}</strong> }.into_any(),
        Shape::Emphasis => view! { <em>{inside}</em> }.into_any(),
        Shape::Struck => view! { <del>{inside}</del> }.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_becomes_html_only_where_it_was_meant() {
        let text = "**a** <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n[x](https://a.example/\"onclick=alert(1)) `<b>`\n\n```\n</pre><script>\n```\n\n- ABC-1";
        let html = note(text, Some("https://issues.example.com/{key}")).to_html();
        for bad in ["<script", "<img", "<b>", "\"onclick"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        // Marks of the renderer between pieces.
        let html = html.replace("<!>", "");
        assert!(html.contains("<strong>a</strong>") && html.contains("href=\"https://issues.example.com/ABC-1\""), "{html}");
        assert!(html.contains("rel=\"noopener noreferrer nofollow\"") && html.contains("&lt;script&gt;"), "{html}");
    }
}
