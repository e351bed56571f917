//! Reading a stage that a scenario may leave out.

use super::{Result, Table};

impl Table {
    /// The stage at `key`, read by `read`; `None` where the scenario has no such table, or switches it off
    /// with `enabled = false` (what it says is checked all the same).
    pub fn stage<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        let stated = self.has(key);
        let mut table = self.table(key)?;
        if !stated {
            return Ok(None);
        }
        let enabled = table.flag("enabled", true)?;
        let stage = read(&mut table)?;
        table.finish()?;
        Ok(enabled.then_some(stage))
    }
}
