//! The presets of servers in a build without any.

pub fn key_variable(_: &str) -> &'static str {
    ""
}

pub fn foreign_place(_: &str, _: &str) -> Option<String> {
    None
}

pub fn foreign_place_in(_: &str, _: &str) -> Option<String> {
    None
}

pub fn address_variables_of(_: &str) -> &'static [&'static str] {
    &[]
}

pub fn key_variables() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

pub fn address_variables() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}
