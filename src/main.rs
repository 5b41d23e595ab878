//! The `counterfoil` binary: parses nothing and decides nothing, see [`counterfoil::cli`].

fn main() -> std::process::ExitCode {
    counterfoil::cli::run()
}
