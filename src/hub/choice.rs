//! Which files of a repository are the model: one GGUF, which may be split into several files.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;

use super::name::{is_part, missing_part};
use crate::error::{Error, ErrorKind, Result};

/// Quantizations in the order in which they are preferred where none is named: first those of about four bits, which
/// most machines can hold and which lose little, then larger ones, then smaller ones, then unquantized weights.
const PREFERRED: [&str; 22] = [
    "Q4_K_M", "Q4_K_S", "Q4_K_L", "Q4_0", "Q4_1", "IQ4_NL", "IQ4_XS", "MXFP4", "Q5_K_M", "Q5_K_S",
    "Q5_0", "Q5_1", "Q6_K", "Q8_0", "Q3_K_L", "Q3_K_M", "Q3_K_S", "IQ3_M", "Q2_K", "BF16", "F16",
    "F32",
];

/// The number of a part, and of all parts, at the end of a file's name.
static PART: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)-(\d{5})-of-(\d{5})\.gguf$").ok());

/// A quantization in the name of a file.
static QUANTIZATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:^|[-._/])(I?Q\d(?:_[A-Z0-9]+)*|MXFP4|TQ\d_\d|BF16|F16|FP16|F32)(?:$|[-.])")
        .ok()
});

/// The files of one model, in the order of its parts.
type Parts = Vec<String>;

/// The files of the model among those of a repository: the file or quantization that is wanted, otherwise the
/// preferred quantization.
///
/// # Errors
/// [`ErrorKind::Config`]: there is no such GGUF file, several fit equally well, or a part of it is missing.
pub(super) fn chosen(repo: &str, files: &[String], wanted: Option<&str>) -> Result<Parts> {
    let models = models(files);
    let fail = |what: String| {
        let names: Vec<_> = models.keys().take(20).map(|name| format!("`{name}`")).collect();
        let error = Error::new(ErrorKind::Config, format!("`{repo}` has {what}"));
        if names.is_empty() {
            error.hint("look for a repository with GGUF files; their names often end with `-GGUF`")
        } else {
            error.hint(format!("name one after a colon: {}", names.join(", ")))
        }
    };
    let name = match wanted {
        Some(wanted) => match fitting(&models, wanted).as_slice() {
            [name] => *name,
            [] => return Err(fail(format!("no GGUF file `{wanted}`"))),
            several => {
                return Err(fail(format!("{} GGUF files that fit `{wanted}`", several.len())));
            }
        },
        None => match preferred(&models).as_slice() {
            [name] => *name,
            [] => return Err(fail("no GGUF file".into())),
            _ => return Err(fail("several models".into())),
        },
    };
    let parts = models.get(name).cloned().unwrap_or_default();
    let counted: Vec<_> = parts.iter().map(|part| numbers(part)).collect();
    match missing_part(&counted, 1) {
        Some(part) => Err(fail(format!("no part {part} of `{name}`"))),
        None => Ok(parts),
    }
}

/// The models among the files, by their names without the numbers of parts. Other GGUF files (projectors of images,
/// statistics for quantization) are left out, and so are paths that no cache may follow.
fn models(files: &[String]) -> BTreeMap<String, Parts> {
    let mut models = BTreeMap::<String, Parts>::new();
    for file in files {
        let name = file.rsplit('/').next().unwrap_or(file).to_lowercase();
        let is_other = ["mmproj", "imatrix"].iter().any(|part| name.contains(part));
        if !is_gguf(file) || is_other || !file.split('/').all(is_part) {
            continue;
        }
        let whole = match PART.as_ref().and_then(|part| part.find(file)) {
            Some(part) => format!("{}.gguf", &file[..part.start()]),
            None => file.clone(),
        };
        models.entry(whole).or_default().push(file.clone());
    }
    models.values_mut().for_each(|parts| parts.sort());
    models
}

/// Whether a name is that of a GGUF file.
fn is_gguf(name: &str) -> bool {
    name.to_lowercase().rsplit_once('.').is_some_and(|(_, extension)| extension == "gguf")
}

/// The models that a text names: by path, by file name, or by quantization.
fn fitting<'m>(models: &'m BTreeMap<String, Parts>, wanted: &str) -> Vec<&'m String> {
    let wanted = wanted.to_lowercase();
    let stem = |name: &str| name.to_lowercase().trim_end_matches(".gguf").to_owned();
    let named = stem(&wanted);
    let is_path = |name: &&String| stem(name) == named;
    let is_file = |name: &&String| stem(name).rsplit('/').next() == Some(&*named);
    let is_part = |(_, parts): &(&String, &Parts)| {
        parts.iter().any(|part| part.to_lowercase().ends_with(&wanted))
    };
    let is_of = |name: &&String| quantization(name).is_some_and(|it| it.to_lowercase() == wanted);
    let by = |test: &dyn Fn(&&String) -> bool| models.keys().filter(test).collect::<Vec<_>>();
    let by_part = || models.iter().filter(is_part).map(|(name, _)| name).collect();
    [by(&is_path), by(&is_file), if is_gguf(&wanted) { by_part() } else { Vec::new() }, by(&is_of)]
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The models of the preferred quantization.
fn preferred(models: &BTreeMap<String, Parts>) -> Vec<&String> {
    let rank = |name: &String| {
        let own = quantization(name).unwrap_or_default().to_uppercase().replace("FP16", "F16");
        PREFERRED.iter().position(|other| *other == own).unwrap_or(PREFERRED.len())
    };
    let best = models.keys().map(rank).min();
    models.keys().filter(|name| Some(rank(name)) == best).collect()
}

/// The quantization in the name of a model, such as `Q4_K_M`.
fn quantization(name: &str) -> Option<&str> {
    let stem = name.len().checked_sub(".gguf".len()).map_or(name, |end| &name[..end]);
    let found = QUANTIZATION.as_ref()?.captures_iter(stem).last()?;
    found.get(1).map(|text| text.as_str())
}

/// The number of a part, counted from 1, and that of all parts, where a name ends with them.
fn numbers(file: &str) -> Option<(usize, usize)> {
    let found = PART.as_ref()?.captures(file)?;
    Some((found[1].parse().ok()?, found[2].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str], wanted: Option<&str>) -> Result<Vec<String>> {
        let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
        chosen("a/b", &files, wanted)
    }

    const FILES: [&str; 7] = [
        "README.md",
        "mmproj-f16.gguf",
        "m-Q2_K.gguf",
        "m-Q8_0.gguf",
        "m.Q4_K_M.gguf",
        "m-IQ4_XS.gguf",
        "bf16/m-bf16.gguf",
    ];

    #[test]
    fn without_a_name_four_bits_are_preferred() {
        assert_eq!(of(&FILES, None).unwrap(), ["m.Q4_K_M.gguf"]);
        assert_eq!(of(&FILES[..4], None).unwrap(), ["m-Q8_0.gguf"]);
        assert_eq!(of(&["only.gguf"], None).unwrap(), ["only.gguf"]);
    }

    #[test]
    fn a_file_or_a_quantization_can_be_named() {
        for (wanted, file) in [
            ("m-Q8_0.gguf", "m-Q8_0.gguf"),
            ("M-q8_0", "m-Q8_0.gguf"),
            ("q2_k", "m-Q2_K.gguf"),
            ("IQ4_XS", "m-IQ4_XS.gguf"),
            ("BF16", "bf16/m-bf16.gguf"),
            ("m-bf16.gguf", "bf16/m-bf16.gguf"),
        ] {
            assert_eq!(of(&FILES, Some(wanted)).unwrap(), [file], "{wanted}");
        }
    }

    #[test]
    fn parts_of_a_split_model_belong_together_and_none_may_be_missing() {
        let parts = ["x-Q4_K_M-00002-of-00002.gguf", "x-Q4_K_M-00001-of-00002.gguf"];
        let sorted = [parts[1], parts[0]];
        assert_eq!(of(&parts, None).unwrap(), sorted);
        assert_eq!(of(&parts, Some("Q4_K_M")).unwrap(), sorted);
        assert_eq!(of(&parts, Some(parts[1])).unwrap(), sorted);
        let error = of(&parts[..1], None).unwrap_err();
        assert!(error.to_string().contains("no part 1 of `x-Q4_K_M.gguf`"), "{error}");
    }

    #[test]
    fn what_is_missing_or_unclear_is_said_with_what_there_is() {
        for (files, wanted, what) in [
            (&FILES[..], Some("Q6_K"), "no GGUF file `Q6_K`"),
            (&["a-Q4_0.gguf", "b-Q4_0.gguf"][..], None, "several models"),
            (&["a-Q4_0.gguf", "b-Q4_0.gguf"][..], Some("Q4_0"), "2 GGUF files that fit `Q4_0`"),
            (&["model.safetensors"][..], None, "no GGUF file"),
            (&["../evil.gguf", "/etc/x.gguf"][..], None, "no GGUF file"),
        ] {
            let error = of(files, wanted).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(error.hints().len(), 1);
        }
    }
}
