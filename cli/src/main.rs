//! `unweave`: separates songs into labelled stems that sum to the mix.

fn main() -> anyhow::Result<()> {
    Ok(())
}
