//! Programs of others that some nodes need.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

pub(super) fn docker() -> Result<String, String> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = match host.strip_prefix("unix://") {
        Some(path) => path,
        None if host.is_empty() => DOCKER_SOCKET,
        // Asking a machine elsewhere is not for a doctor of this one.
        None => return Ok(format!("DOCKER_HOST is {host:?}; not asked")),
    };
    let client = match program("docker") {
        Some(path) => format!("client is {}", path.display()),
        None => "no client either".to_owned(),
    };
    let answer = ping(socket).map_err(|error| format!("{socket}: {error}; {client}"))?;
    if answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200") {
        Ok(format!("the daemon answers at {socket}"))
    } else {
        let first_line = answer.lines().next().unwrap_or_default();
        Err(format!("{socket} answers {first_line:?}; {client}"))
    }
}

fn ping(socket: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = [0; 512];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

pub(super) fn ssh_client() -> Result<String, String> {
    match program("ssh") {
        Some(path) => Ok(format!("found {}", path.display())),
        None => Err("no ssh in $PATH".to_owned()),
    }
}

/// The first program of that name in `$PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| {
        file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}
