//! The `counterfoil` binary: parses nothing and decides nothing, see [`counterfoil::cli`].

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    counterfoil::cli::run()
}
