//! Any text, read as a prompt file: refused or ready, and never a panic or a hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal::Prompt;

fuzz_target!(|body: &str| {
    let _ = Prompt::parse("fuzzed", body);
    let _ = Prompt::parse("fuzzed", &format!("---\nkind: label\nverdict: 'V: *'\n---\nuser:\n{body}"));
});
