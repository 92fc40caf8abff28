//! What a component says about itself without being compiled: the names of its imports and exports.

use wasmparser::{BinaryReaderError, Parser, Payload};

/// The names of what a component imports and exports.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Header {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

impl Header {
    /// Reads the names. It takes time in proportion to the size of the file, whatever is in it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BinaryReaderError> {
        let (mut header, mut depth) = (Self::default(), 0_usize);
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        header.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        header.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(header)
    }
}

/// The names of what a component imports, and of what it exports. The error says why it is not a valid one.
pub fn import_and_export_names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
    let Header { imports, exports } = Header::read(bytes).map_err(|error| error.to_string())?;
    Ok((imports, exports))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::DEFAULT_MAPPING;

    #[test]
    fn the_names_are_those_of_the_component_not_of_its_parts() {
        let header = Header::read(DEFAULT_MAPPING).unwrap();
        assert_eq!(header.exports, ["copilot-metrics-exporter:mapping/mapper@0.2.0"]);
        assert!(header.imports.iter().all(|name| name.starts_with("wasi:")), "{header:?}");
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let length = DEFAULT_MAPPING.len();
        for end in [9, length / 3, length - 1] {
            assert!(Header::read(&DEFAULT_MAPPING[..end]).is_err(), "{end} bytes");
        }
    }
}
