//! Every decoder under bytes that chance has changed: from the corpora in `tests/fuzz/corpus` and
//! whatever once broke something. On stable Rust, without coverage, the same from one seed.
//!
//! `HOLDPOINT_FUZZ_RUNS` sets the number of inputs for each target, `HOLDPOINT_FUZZ_SEED` where
//! chance begins. An input that breaks a target is written to `tests/regressions/fuzz`, named after
//! it; whoever mends the fault commits it.

mod door;
mod language;
mod store;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// Inputs for each target when nobody says how many.
const RUNS: u64 = 3_000;
/// Largest input, bytes: decoders are bounded by limits of their own, this bounds the test.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// Most changes of one input.
const CHANGES_MAX: u64 = 8;
/// Bytes and pieces that mean something to some decoder.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b",",
    b":",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"0x10",
    b"%00",
    b"..",
    b"/",
    b"\n",
    b"\r\n",
    b"\xc3\x28",
    b"\xf0\x9f\x92\xa9",
    b"\xe2\x80\xae",
    b"${ ",
    b" }",
    b".",
    b"|",
    b"$",
    b"&a ",
    b"*a",
    b"- ",
    b"---\n",
    b"<<: ",
    b"=",
    b"'''",
    b"#",
    b"!!int ",
    b"PT1S",
    b"[[",
    b"]]",
];

/// A generator of numbers: splitmix64, the same everywhere.
pub struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"))
}

fn below_tests(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// The files of a folder, in order; none when there is no folder.
fn files(folder: PathBuf) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let paths: BTreeSet<PathBuf> = entries.collect();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Gives a target its corpus, what once broke it, and `share` of all runs of changed inputs.
pub fn run(target: &str, share: u64, decode: impl FnMut(&[u8])) {
    run_with(target, share, &below_tests("regressions/fuzz"), decode);
}

fn run_with(target: &str, share: u64, folder: &Path, mut decode: impl FnMut(&[u8])) {
    let corpus = files(below_tests("fuzz/corpus").join(target));
    assert!(corpus.len() >= 3, "{target} has a corpus of {}", corpus.len());
    let broken = files(folder.to_owned());
    let mut feed = |input: &[u8]| {
        let done = catch_unwind(AssertUnwindSafe(|| decode(input)));
        if let Err(panic) = done {
            let hash = holdpoint::model::id::ContentHash::of(input).to_string();
            fs::create_dir_all(folder).ok();
            let path = folder.join(format!("{target}-{}", &hash[..16]));
            fs::write(&path, input).ok();
            eprintln!("{target}: the input is in {}", path.display());
            resume_unwind(panic);
        }
    };
    for (path, input) in &broken {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(target)) {
            feed(input);
        }
    }
    let inputs: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    inputs.iter().for_each(|input| feed(input));
    let mut chance = Chance(number("HOLDPOINT_FUZZ_SEED", 1));
    for _ in 0..number("HOLDPOINT_FUZZ_RUNS", RUNS) / share {
        feed(&changed(&inputs, &mut chance));
    }
}

/// One of the inputs with a few changes.
fn changed(inputs: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = inputs[chance.below(inputs.len())].clone();
    for _ in 0..=chance.next() % CHANGES_MAX {
        let at = chance.below(input.len() + 1);
        let end = (at + chance.below(32)).min(input.len());
        match chance.next() % 7 {
            0 if at < input.len() => input[at] ^= 1 << (chance.next() % 8),
            1 if at < input.len() => input[at] = chance.next().to_le_bytes()[0],
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                let times = 1 + chance.below(4);
                for _ in 0..times {
                    input.splice(at..at, piece.iter().copied());
                }
            }
            4 => {
                let other = &inputs[chance.below(inputs.len())];
                let from = chance.below(other.len() + 1);
                let to = (from + chance.below(128)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            5 => input.truncate(at),
            _ => {
                let piece = PIECES[chance.below(PIECES.len())];
                input.splice(at..at, piece.iter().copied());
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

/// Runs one future on this thread.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn chance_changes_inputs_in_many_ways_and_the_same_from_one_seed() {
    let inputs = vec![b"abc".to_vec()];
    let mut chance = Chance(7);
    let seen: BTreeSet<Vec<u8>> = (0..1_000).map(|_| changed(&inputs, &mut chance)).collect();
    assert!(seen.len() > 500, "changes differ: {}", seen.len());
    assert!(seen.iter().any(|input| input.len() < 3) && seen.iter().any(|input| input.len() > 6));
    let mut chance = Chance(7);
    assert!((0..1_000).all(|_| seen.contains(&changed(&inputs, &mut chance))));
}

#[test]
fn an_input_that_breaks_a_target_is_kept_and_comes_first_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let long = |input: &[u8]| assert!(input.len() < 40, "planted for this test");
    let heard = catch_unwind(|| run_with("ids", 1, folder.path(), long));
    assert!(heard.is_err(), "the target was found to panic");
    let kept = files(folder.path().to_owned());
    let [(path, input)] = &kept[..] else { panic!("{kept:?}") };
    assert!(path.file_name().unwrap().to_str().unwrap().starts_with("ids-"));
    assert!(input.len() >= 40);
    let mut first = None;
    run_with("ids", 1_000, folder.path(), |input| {
        first.get_or_insert_with(|| input.to_vec());
    });
    assert_eq!(first.as_ref(), Some(input));
}
