//! Data sets of the Hugging Face Hub among the named files: they are downloaded, and their files are read in their place.

use super::note;
use tribunal::{
    environment::Environment,
    error::Result,
    hub::{self, DataFiles},
    report::escaped,
};

/// The named files, all of them on this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct LocalFiles {
    /// Their paths and patterns.
    pub(super) paths: Vec<String>,
    /// What was named; of a data set with the commit that is read.
    pub(super) names: Vec<String>,
}

/// Downloads the data sets among these names, and prints which commits are read unless `quiet`.
///
/// # Errors
/// A data set is not there or may not be read, or it is not clear which of its files are meant.
pub(super) async fn local(names: &[String], quiet: bool) -> Result<LocalFiles> {
    let mut local = LocalFiles::default();
    for name in names {
        if !hub::is_name(name) {
            local.paths.push(name.clone());
            local.names.push(name.clone());
            continue;
        }
        let DataFiles { name, files, .. } = downloaded(name, quiet).await?;
        if !quiet {
            note(&format!("reading {}", escaped(&name)));
        }
        local.paths.extend(files.iter().map(|path| path.display().to_string()));
        local.names.push(name);
    }
    Ok(local)
}

#[cfg(feature = "hub")]
async fn downloaded(name: &str, quiet: bool) -> Result<DataFiles> {
    hub::data_files(name, &Environment::process(), Some(super::downloads::shown(quiet))).await
}

#[cfg(not(feature = "hub"))]
async fn downloaded(name: &str, _: bool) -> Result<DataFiles> {
    hub::data_files(name, &Environment::process(), None).await
}
