//! Folders of documents, good and bad ones side by side.

use std::fs;
use std::path::Path;

use holdpoint::dsl::{Format, Loaded, Rules, load_folder};
use holdpoint::model::limits::DOCUMENT_BYTES_MAX;

use super::{HEAD, told};

fn load(folder: &Path) -> Vec<(String, Loaded)> {
    let loaded = load_folder(folder, &Rules::default()).unwrap();
    let name = |file: &Loaded| file.path.file_name().unwrap().to_string_lossy().into_owned();
    loaded.into_iter().map(|file| (name(&file), file)).collect()
}

#[test]
fn a_folder_gives_every_document_and_every_defect() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let good = format!("{HEAD}do: [ {{ a: {{ set: {{ x: 1 }} }} }} ]\n");
    write("b.yaml", good.as_bytes());
    write("a.yml", good.replace("name: test", "name: first").as_bytes());
    write("c.json", br#"{"document": {"name": "third"}, "do": []}"#);
    write("d.yaml", good.replace("x: 1", "x: 2").as_bytes());
    write("e.yaml", good.replace("x: 1", "x: 1 ").as_bytes());
    write("f.yaml", good.replace("1.0.0", "1.0.1").as_bytes());
    write("g.yaml", b"a: [");
    write("h.yaml", b"a: \xff");
    write("i.yaml", &vec![b'#'; DOCUMENT_BYTES_MAX + 1]);
    write(".hidden.yaml", b"a: [");
    write("notes.txt", b"a: [");
    fs::create_dir(folder.path().join("folder.yaml")).unwrap();
    let loaded = load(folder.path());
    let seen: Vec<(&str, Option<&str>, String)> = loaded
        .iter()
        .map(|(file, loaded)| {
            let defects = loaded.result.as_ref().err();
            let first = defects.map(|defects| told(defects).remove(0)).unwrap_or_default();
            (file.as_str(), loaded.name.as_deref(), first)
        })
        .collect();
    let first_defect = |file: &str| {
        &seen.iter().find(|(found, ..)| *found == file).unwrap_or_else(|| panic!("no {file}")).2
    };
    let files: Vec<(&str, Option<&str>)> =
        seen.iter().map(|(file, name, _)| (*file, *name)).collect();
    assert_eq!(
        files,
        [
            ("a.yml", Some("first")),
            ("b.yaml", Some("test")),
            ("c.json", Some("third")),
            ("d.yaml", Some("test")),
            ("e.yaml", Some("test")),
            ("f.yaml", Some("test")),
            ("g.yaml", None),
            ("h.yaml", None),
            ("i.yaml", None),
        ]
    );
    for good in ["a.yml", "b.yaml", "e.yaml", "f.yaml"] {
        assert_eq!(first_defect(good), "", "{good}");
    }
    assert!(first_defect("c.json").contains("`document` needs the member `dsl`"));
    assert!(first_defect("d.yaml").contains("test/test 1.0.0 is also in"));
    assert!(first_defect("d.yaml").contains("b.yaml"));
    assert!(first_defect("g.yaml").contains("no usable YAML"));
    assert!(first_defect("h.yaml").contains("no UTF-8"));
    assert!(first_defect("i.yaml").contains("larger than"));
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(load_folder(&folder.path().join("nowhere"), &Rules::default()).is_err());
    assert!(load(folder.path()).is_empty());
}

#[test]
fn the_ending_says_the_format() {
    let format = |name: &str| Format::of_path(Path::new(name));
    assert_eq!(format("a/b.yaml"), Some(Format::Yaml));
    assert_eq!(format("b.YML"), Some(Format::Yaml));
    assert_eq!(format("b.json"), Some(Format::Json));
    for other in ["yaml", "a.toml", "a.yaml.bak", ""] {
        assert_eq!(format(other), None, "{other}");
    }
}
