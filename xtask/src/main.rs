//! Set-up, tests and releases of Unweave.

fn main() -> anyhow::Result<()> {
    Ok(())
}
