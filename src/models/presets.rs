//! What the presets of servers say where the library was built without any.

#![expect(missing_docs, reason = "as those of the feature")]

pub fn key_variable(_: &str) -> &'static str {
    ""
}

pub fn foreign_place(_: &str, _: &str) -> Option<String> {
    None
}

#[cfg(feature = "cli")]
pub fn foreign_place_in(_: &str, _: &str) -> Option<String> {
    None
}

#[cfg(feature = "cli")]
pub fn address_variables_of(_: &str) -> &'static [&'static str] {
    &[]
}

#[cfg(feature = "cli")]
pub fn key_variables() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

#[cfg(feature = "cli")]
pub fn address_variables() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}
