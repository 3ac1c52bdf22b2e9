//! Reads the stored messages for the tests.

use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wire")
}

/// The bytes of one vector, by its name without `.hex`.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = directory().join(name).with_extension("hex");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    let digits: Vec<u32> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars)
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits fit a byte"))
        .collect()
}

/// The names of all vectors that begin with `prefix`.
pub(crate) fn names(prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory())
        .expect("the directory of vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hex"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names
}

/// A SEQUENCE in a SEQUENCE and so on, each with the shortest definite length: what a parser that
/// recurses ends its process on.
pub(crate) fn nested_sequences(depth: usize) -> Vec<u8> {
    let mut backwards: Vec<u8> = Vec::new();
    for _ in 0..depth {
        let length = backwards.len();
        let bytes = length.to_le_bytes();
        let significant = bytes.len() - length.leading_zeros() as usize / 8;
        backwards.extend(&bytes[..significant.max(1)]);
        if length > 0x7f {
            backwards.push(0x80 + u8::try_from(significant).expect("at most eight"));
        }
        backwards.push(0x30);
    }
    backwards.reverse();
    backwards
}
