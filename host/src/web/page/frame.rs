//! What every chart has around its values.

/// What every chart has around its values.
pub(super) struct Frame<'a> {
    /// Its id on the page.
    pub id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What it shows.
    pub help: &'a str,
    /// The query that selects it, in the links to its values.
    pub query: &'a str,
}
