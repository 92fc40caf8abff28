//! The `Link` header of paged lists. RFC 8288, section 3.
//!
//! The crates that parse it split at every comma, or need a regular expression engine for it.

/// The URL of the link with the relation `next`. Commas and semicolons may be part of a URL or of a
/// quoted parameter.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, start)) = rest.split_once('<') {
        let (url, after) = start.split_once('>')?;
        let (parameters, following) = split_parameters(after);
        if parameters.iter().any(|parameter| is_next(parameter)) {
            return Some(url);
        }
        rest = following;
    }
    None
}

/// The parameters of a link, and what follows the comma after them.
fn split_parameters(text: &str) -> (Vec<&str>, &str) {
    let mut parameters = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' | b',' if !is_quoted => {
                parameters.extend(text.get(start..at));
                start = at + 1;
                if byte == b',' {
                    return (parameters, text.get(start..).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    parameters.extend(text.get(start..));
    (parameters, "")
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let relations = value.trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel")
        && relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_every_form_of_the_header() {
        let github = "<https://api.github.com/x?page=2>; rel=\"next\", <https://api.github.com/x?page=9>; rel=\"last\"";
        assert_eq!(next(github), Some("https://api.github.com/x?page=2"));
        for (header, url) in [
            ("<https://a/x?fields=a,b;c>; rel=next", Some("https://a/x?fields=a,b;c")),
            ("<https://a/1>; rel=\"prev\", <https://a/2>;rel=\"next\"", Some("https://a/2")),
            ("<https://a/1>; title=\"a, <b>; rel=next\"; rel=last", None),
            ("<https://a/1>; title=\"\\\",\"; rel=\"up next\"", Some("https://a/1")),
            ("<https://a/1>; REL=Next", Some("https://a/1")),
            ("<https://a/1>; rel=\"nextish\"", None),
            ("<https://a/1", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(next(header), url, "{header}");
        }
    }
}
