//! `stormglass report`: writes the report of a stored run again.

use results::store::RunDir;

use crate::cli::args::ReportArgs;
use crate::commands::complain;
use crate::commands::run::write_pages;
use crate::exit::Exit;
use crate::say;

/// Writes `report.html` and `summary.md` from what is stored.
pub fn report(args: &ReportArgs) -> Exit {
    let written = || -> Result<String, Box<dyn std::error::Error>> {
        let dir = RunDir::open(&args.run)?;
        let stored = dir.load()?;
        let (Some(results), Some(history)) = (stored.results.as_ref(), stored.history.as_ref()) else {
            let missing = stored.incomplete().unwrap_or_default();
            return Err(format!("{missing} Judge it first: stormglass check {}", args.run.display()).into());
        };
        write_pages(&dir, results, history)?;
        Ok(dir.join(results::store::file::REPORT).display().to_string())
    };
    match written() {
        Ok(path) => {
            say::out(path);
            Exit::Valid
        }
        Err(error) => complain(Exit::BadInput, &error),
    }
}
