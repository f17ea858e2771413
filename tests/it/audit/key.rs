//! The key that signs the trail, and the file of its heads.

use std::os::unix::fs::PermissionsExt;

use holdpoint::engine::audit::{AuditKey, KeyError, read_heads_file, verify_head};
use holdpoint::model::audit::{AuditHead, SignedHead};
use holdpoint::model::time::Timestamp;

fn signed(key: &AuditKey) -> SignedHead {
    key.sign_head("store".to_owned(), 3, AuditHead::genesis(), Timestamp(1_000_000))
}

#[test]
fn the_first_start_makes_a_key_that_only_its_owner_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.key");
    assert!(matches!(AuditKey::open(&path), Err(KeyError::File { .. })));
    let key = AuditKey::open_or_make(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(AuditKey::open_or_make(&path).unwrap().public(), key.public());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!format!("{key:?}").contains(text.trim()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(AuditKey::open(&path), Err(KeyError::Readable { .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "no key").unwrap();
    assert!(matches!(AuditKey::open_or_make(&path), Err(KeyError::NoKey { .. })));
}

#[test]
fn a_head_holds_only_as_it_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let key = AuditKey::open_or_make(&folder.path().join("one")).unwrap();
    let other = AuditKey::open_or_make(&folder.path().join("other")).unwrap();
    assert_ne!(key.public(), other.public());
    let head = signed(&key);
    assert_eq!(verify_head(&head), Ok(()));
    let changed: [fn(&mut SignedHead); 7] = [
        |head| head.store_id.push('x'),
        |head| head.generation += 1,
        |head| head.count += 1,
        |head| head.hash.0[31] ^= 1,
        |head| head.at.push('Z'),
        |head| head.signature.replace_range(..2, "zz"),
        |head| head.signature.truncate(126),
    ];
    for change in changed {
        let mut head = head.clone();
        change(&mut head);
        assert!(verify_head(&head).is_err(), "{head:?}");
    }
    let foreign = SignedHead { key: other.public(), ..head };
    assert!(verify_head(&foreign).is_err());
}

#[test]
fn half_a_line_at_the_end_of_the_file_of_heads_is_what_a_crash_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heads.jsonl");
    let head = signed(&AuditKey::open_or_make(&folder.path().join("key")).unwrap());
    let line = serde_json::to_string(&head).unwrap();
    std::fs::write(&path, format!("{line}\n{}", &line[..40])).unwrap();
    assert_eq!(read_heads_file(&path).unwrap(), [(1, Ok(head.clone()))]);
    std::fs::write(&path, format!("{}\n{line}\n{{}}\n", &line[..40])).unwrap();
    let read = read_heads_file(&path).unwrap();
    assert!(matches!(&read[..], [(1, Err(_)), (2, Ok(second)), (3, Err(_))] if *second == head));
}
