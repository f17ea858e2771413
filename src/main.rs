//! The `holdpoint` binary: hands the arguments to the command line and returns its exit code.

/// A job is thousands of small allocations, many of them freed by the thread of the store: with the
/// allocator of glibc they take a fifth of the processor.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    holdpoint::cli::main()
}
