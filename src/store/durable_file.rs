//! Files that are there whole or not at all: written under another name, synced, renamed, and the
//! folder synced. It knows nothing of what is in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::model::id::ContentHash;

/// Bytes that are read at a time: files may be larger than memory.
const READ_BYTES: usize = 1 << 20;

/// The path with this behind its name: `a/b.redb` and `.part` make `a/b.redb.part`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// The folder that holds a path.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the names in the folder of this path durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// A new file that only this user may read: stores and their copies hold what people entrusted to
/// them. It must not exist.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Puts these bytes into a file, in place of whatever it held: after a crash it holds the old or
/// the new ones.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = beside(path, ".writing");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_folder(path)
}

/// The SHA-256 and the length of what a reader gives.
pub fn digest_of(mut from: impl Read) -> io::Result<(ContentHash, u64)> {
    copy(&mut from, &mut io::sink())
}

/// Copies everything; answers its SHA-256 and length.
pub fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(ContentHash, u64)> {
    let (mut hasher, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok((ContentHash(hasher.finalize().into()), length)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = buffer.get(..read).unwrap_or_default();
        hasher.update(part);
        to.write_all(part)?;
        length += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_its_digest_is_that_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note");
        // What a crash left under the unfinished name is in nobody's way.
        fs::write(beside(&path, ".writing"), b"half").unwrap();
        for text in ["first", "second, and longer", ""] {
            write_whole(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            let digest = digest_of(File::open(&path).unwrap()).unwrap();
            assert_eq!(digest, (ContentHash::of(text.as_bytes()), text.len() as u64));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(folder_of(Path::new("x")), Path::new("."));
        assert_eq!(beside(Path::new("a/b.c"), ".d"), Path::new("a/b.c.d"));
    }
}
