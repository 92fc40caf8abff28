//! Removes secrets from text that came from outside: a server or proxy may send back what it was sent.

/// The prefixes of GitHub's tokens.
/// <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats>
const TOKEN_PREFIXES: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];
/// The schemes of the `Authorization` header.
const SCHEMES: [&str; 4] = ["bearer", "basic", "token", "digest"];
/// What stands in place of a secret.
const MASK: &str = "***";
/// The shortest secret that is masked by value: shorter ones would mask words.
const MIN_SECRET_BYTES: usize = 8;
/// The shortest word after `token`, which is also an ordinary word.
const MIN_CREDENTIAL_BYTES: usize = 16;

/// Masks a known secret, GitHub's tokens, JSON Web Tokens, credentials after `Bearer` and the like, and
/// the queries of URLs, which may be signed.
pub fn mask(text: &str, secret: Option<&str>) -> String {
    let text = match secret.filter(|secret| secret.len() >= MIN_SECRET_BYTES) {
        Some(secret) => text.replace(secret, MASK),
        None => text.to_owned(),
    };
    let mut masked = String::with_capacity(text.len());
    let (mut after_scheme, mut in_query) = (false, false);
    for piece in text.split_inclusive(is_separator) {
        let word = piece.trim_end_matches(is_separator);
        let separator = piece.get(word.len()..).unwrap_or_default();
        if !in_query {
            let is_credential = after_scheme && word.len() >= MIN_CREDENTIAL_BYTES;
            let inside;
            (inside, in_query) = mask_inside(word);
            let is_masked = is_credential || has_json_web_token(word);
            masked.push_str(if is_masked { MASK } else { &inside });
        }
        // A query can have a comma and the like in it, and ends where the URL does.
        in_query &= separator.chars().all(may_be_in_query);
        if !in_query {
            masked.push_str(separator);
        }
        if !word.is_empty() {
            after_scheme = SCHEMES.iter().any(|scheme| ends_with(word, scheme));
        }
    }
    masked
}

/// Masks GitHub's tokens only, wherever they are in a text: for settings, which are quoted in errors.
pub fn mask_tokens(text: &str) -> String {
    let mut masked = text.to_owned();
    for prefix in TOKEN_PREFIXES {
        let mut pieces = masked.split(prefix);
        let mut rest = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            rest.push_str(MASK);
            rest.push_str(end.and_then(|end| piece.get(end..)).unwrap_or_default());
        }
        masked = rest;
    }
    masked
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '\'' | '`' | ',' | ';' | '<' | '>' | '(' | ')')
}

/// Whether a character that separates words may be part of the query of a URL.
fn may_be_in_query(c: char) -> bool {
    matches!(c, ',' | ';' | '(' | ')')
}

/// Whether a word ends with one in ASCII, in upper or lower case: `authorization:Bearer`.
fn ends_with(word: &str, end: &str) -> bool {
    let tail = word.len().checked_sub(end.len()).and_then(|at| word.get(at..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Whether a JSON Web Token is in a word: three parts in base64, of which the first two are JSON objects.
fn has_json_web_token(word: &str) -> bool {
    let mut tokens = word.match_indices("eyJ").filter_map(|(at, _)| word.get(at..));
    tokens.any(|token| {
        let rest = token.split_once('.').map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest.starts_with("eyJ") && rest.contains('.'))
    })
}

/// Masks tokens within a word, and the query of a URL. Returns whether there is one.
fn mask_inside(word: &str) -> (String, bool) {
    let masked = mask_tokens(word);
    let query = masked.find("://").and_then(|scheme| {
        let rest = masked.get(scheme..)?;
        Some(scheme + rest.find('?')?)
    });
    match query.and_then(|query| masked.get(..query)) {
        Some(before) => (format!("{before}?{MASK}"), true),
        None => (masked, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_that_a_server_sends_back_survives() {
        for (text, expected) in [
            ("Bad credentials: Bearer hunter2hunter2hunter2", "Bad credentials: Bearer ***"),
            ("authorization: \"token 0123456789abcdef0123\"", "authorization: \"token ***\""),
            ("you sent ghp_abc123DEF!", "you sent ***!"),
            ("x=github_pat_11AA_bb;y", "x=***;y"),
            ("jwt eyJhbGciOi.eyJpYXQi.c2ln end", "jwt *** end"),
            ("jwt=eyJhbGciOi.eyJpYXQi.c2ln", "***"),
            ("see https://h.example/a/b?sig=abc&se=1 now", "see https://h.example/a/b?*** now"),
            ("Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==", "Proxy-Authorization: Basic ***"),
        ] {
            assert_eq!(mask(text, None), expected);
        }
        assert_eq!(mask("echo: s3cr3t-value.", Some("s3cr3t-value")), "echo: ***.");
    }

    #[test]
    fn a_secret_is_masked_whatever_is_around_it() {
        for (text, expected) in [
            ("x=eyJhbGciOi.eyJpYXQi.c2ln:token y", "*** y"),
            ("https://h.example/jwt/eyJhbGciOi.eyJpYXQi.c2ln", "***"),
            ("authorization:Bearer hunter2hunter2hunter2", "authorization:Bearer ***"),
            ("token https://h.example/a?b=1,2&sig=abc", "token ***"),
            ("(https://h.example/a?fields=a,b;c(d)&sig=abc) no", "(https://h.example/a?*** no"),
            ("\"https://h.example/a?sig=a,b\", \"x\"", "\"https://h.example/a?***\", \"x\""),
        ] {
            assert_eq!(mask(text, None), expected);
        }
    }

    #[test]
    fn ordinary_messages_stay_as_they_are() {
        for text in [
            "Resource not accessible by personal access token",
            "The token expired; basic authentication is required",
            "see https://docs.github.com/rest for details",
            "a short word",
        ] {
            assert_eq!(mask(text, Some("a")), text);
        }
    }
}
