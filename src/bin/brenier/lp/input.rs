//! Reading the linear program.

use crate::failure::Failure;
use brenier::lp::{self, ProgramFile};
use std::path::Path;

/// Reads a linear program: in the LP format if the name ends in `.lp` or `.lp.gz`, as MPS otherwise.
pub fn read(path: &Path) -> Result<ProgramFile, Failure> {
    Ok(if is_lp(path) { lp::read_lp(path)? } else { lp::read_mps(path)? })
}

fn is_lp(path: &Path) -> bool {
    let ends_in = |path: &Path, extension: &str| {
        path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
    };
    if ends_in(path, "gz") { ends_in(&path.with_extension(""), "lp") } else { ends_in(path, "lp") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_format() {
        for (name, expected) in [
            ("a.lp", true),
            ("a.LP", true),
            ("a.lp.gz", true),
            ("a.mps", false),
            ("a.mps.gz", false),
            ("lp", false),
            ("a.lp.mps", false),
            ("lp.gz", false),
        ] {
            assert_eq!(is_lp(Path::new(name)), expected, "{name}");
        }
    }
}
