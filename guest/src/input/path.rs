//! The path of a value in its row.

/// The keys that lead to a value. Array indexes are not part of the schema.
#[derive(Clone, Copy)]
pub enum Path<'p> {
    /// The row itself.
    Root,
    /// A field of an object.
    Key { parent: &'p Path<'p>, key: &'p str },
}

impl Path<'_> {
    /// Writes the keys, separated by periods.
    pub fn write(&self, out: &mut String) {
        if let Path::Key { parent, key } = self {
            parent.write(out);
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(key);
        }
    }
}
