//! The standard's own documents, and ours.
use holdpoint::dsl::{Format, Rules, parse};
#[test]
fn probe() {
    let dir = std::path::Path::new("/work/shared/swf/examples");
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().to_string();
        match parse(&text, Format::Yaml, &Rules::default()) {
            Ok(_) => println!("OK   {name}"),
            Err(d) => {
                println!("FAIL {name}");
                for d in d {
                    println!("       {d}");
                }
            }
        }
    }
}
