//! The types of the functions that a component exports, without compiling it: only its type sections
//! matter, and the code of its functions is skipped.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use wasmparser::component_types::{
    ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentValType,
};
use wasmparser::types::Types;
use wasmparser::{Parser, ValidPayload, Validator, WasmFeatures};

use super::DEFAULT_MAPPING;
use super::version::{INTERFACE, Version};
use crate::model::text::sanitize;

/// The functions of an interface by name, with their types in words.
type Functions = BTreeMap<String, String>;

/// The longest type: a few lines of text can describe one that is endless in words.
const MAX_TYPE_BYTES: usize = 64 << 10;
/// How much of a type an error shows, before and after the first difference.
const SHOWN_CHARS: usize = 60;

/// The contract of the default mapping. For others there is nothing to compare with.
const NEWEST_VERSION: Version = Version::V0_2;

/// The functions of the newest contract, as the default mapping exports them.
static NEWEST: LazyLock<Option<Functions>> =
    LazyLock::new(|| exported(DEFAULT_MAPPING, NEWEST_VERSION));

/// Says how the functions of a component differ from the contract. `None`: they don't, or it can't be told
/// before the component is compiled.
pub(super) fn difference(bytes: &[u8], version: Version) -> Option<String> {
    let wanted = NEWEST.as_ref().filter(|_| version == NEWEST_VERSION)?;
    let found = exported(bytes, version)?;
    wanted.iter().find_map(|(name, wanted)| match found.get(name) {
        None => Some(format!("it does not export the function `{name}`")),
        Some(found) => describe(name, wanted, found),
    })
}

fn describe(name: &str, wanted: &str, found: &str) -> Option<String> {
    if wanted == found {
        return None;
    }
    let same = wanted.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    // A whole word differs, not its last letter.
    let start: String = wanted.chars().take(same).collect();
    let word = start.rfind([' ', '<', '(', '{', ',']).map_or(0, |at| at + 1);
    let start = start.get(..word).unwrap_or_default();
    let skipped = start.chars().count();
    let before: Vec<char> = start.chars().rev().take(SHOWN_CHARS).collect();
    let before: String = before.into_iter().rev().collect();
    let after = |text: &str| -> String { text.chars().skip(skipped).take(SHOWN_CHARS).collect() };
    let (wanted, found) = (after(wanted), after(found));
    Some(sanitize(&format!(
        "the function `{name}` has other types than the contract: after `{before}` comes `{found}` instead of `{wanted}`"
    )))
}

/// The functions of the contract's interface that a component exports. `None` if its types can't be read.
fn exported(bytes: &[u8], version: Version) -> Option<Functions> {
    // What the engine does not support, it refuses itself.
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut types = None;
    for payload in Parser::new(0).parse_all(bytes) {
        if let ValidPayload::End(of) = validator.payload(&payload.ok()?).ok()? {
            types = Some(of);
        }
    }
    let types = types?;
    let item = types.component_item_for_export(&format!("{INTERFACE}@{version}"))?;
    let ComponentEntityType::Instance(instance) = item.ty else { return None };
    let mut functions = Functions::new();
    for (name, item) in &types[instance].exports {
        if let ComponentEntityType::Func(function) = item.ty {
            functions.insert(name.clone(), function_text(&types, &types[function])?);
        }
    }
    Some(functions)
}

fn function_text(types: &Types, function: &ComponentFuncType) -> Option<String> {
    let mut text = String::from(if function.async_ { "async func(" } else { "func(" });
    for (name, ty) in &function.params {
        write!(text, "{name}: ").ok()?;
        write_type(types, *ty, &mut text)?;
        text.push_str(", ");
    }
    text.push(')');
    if let Some(ty) = function.result {
        text.push_str(" -> ");
        write_type(types, ty, &mut text)?;
    }
    Some(text)
}

/// Writes a type in words. `None` if it is too long, or of a kind that no contract has.
fn write_type(types: &Types, ty: ComponentValType, text: &mut String) -> Option<()> {
    if text.len() > MAX_TYPE_BYTES {
        return None;
    }
    let id = match ty {
        ComponentValType::Primitive(primitive) => {
            text.push_str(&primitive.to_string());
            return Some(());
        }
        ComponentValType::Type(id) => id,
    };
    match &types[id] {
        ComponentDefinedType::Primitive(primitive) => text.push_str(&primitive.to_string()),
        ComponentDefinedType::Record(record) => {
            text.push_str("record {");
            for (name, ty) in &record.fields {
                write!(text, "{name}: ").ok()?;
                write_type(types, *ty, text)?;
                text.push_str(", ");
            }
            text.push('}');
        }
        ComponentDefinedType::Variant(variant) => {
            text.push_str("variant {");
            for (name, case) in &variant.cases {
                write!(text, "{name}(").ok()?;
                write_optional(types, case.ty, text)?;
                text.push_str("), ");
            }
            text.push('}');
        }
        ComponentDefinedType::List { element, .. } => {
            text.push_str("list<");
            write_type(types, *element, text)?;
            text.push('>');
        }
        ComponentDefinedType::Tuple(tuple) => {
            text.push_str("tuple<");
            for ty in &tuple.types {
                write_type(types, *ty, text)?;
                text.push_str(", ");
            }
            text.push('>');
        }
        ComponentDefinedType::Enum(names) => {
            text.push_str("enum {");
            names.iter().try_for_each(|name| write!(text, "{name}, ")).ok()?;
            text.push('}');
        }
        ComponentDefinedType::Option { ty, .. } => {
            text.push_str("option<");
            write_type(types, *ty, text)?;
            text.push('>');
        }
        ComponentDefinedType::Result { ok, err, .. } => {
            text.push_str("result<");
            write_optional(types, *ok, text)?;
            text.push_str(", ");
            write_optional(types, *err, text)?;
            text.push('>');
        }
        ComponentDefinedType::Own(_) => text.push_str("own<resource>"),
        ComponentDefinedType::Borrow(_) => text.push_str("borrow<resource>"),
        _ => return None,
    }
    Some(())
}

fn write_optional(types: &Types, ty: Option<ComponentValType>, text: &mut String) -> Option<()> {
    match ty {
        Some(ty) => write_type(types, ty, text),
        None => {
            text.push('_');
            Some(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_mapping_has_the_functions_of_the_contract() {
        let functions = NEWEST.as_ref().unwrap();
        let names: Vec<_> = functions.keys().map(String::as_str).collect();
        let wanted = ["[constructor]run", "[method]run.feed", "[method]run.finish", "describe"];
        assert_eq!(names, wanted);
        assert!(functions["describe"].starts_with("func() -> record {name: string, "));
        assert_eq!(difference(DEFAULT_MAPPING, NEWEST_VERSION), None);
        // What is not a component is refused elsewhere.
        assert_eq!(difference(b"text", NEWEST_VERSION), None);
    }

    #[test]
    fn an_error_shows_where_types_differ() {
        let wanted = "func() -> record {name: string, version: string, }";
        let found = "func() -> record {name: string, version: s32, }";
        assert_eq!(
            describe("describe", wanted, found).unwrap(),
            "the function `describe` has other types than the contract: after `func() -> record {name: string, \
             version: ` comes `s32, }` instead of `string, }`"
        );
        assert_eq!(describe("describe", wanted, wanted), None);
    }
}
