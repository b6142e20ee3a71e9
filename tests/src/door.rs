//! The switch's own door, asked by whoever may read its data folder: one HTTP request, one answer.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request to the switch with the data folder `data` and gives the whole answer, which must be a 200.
pub fn ask(data: &Path, method: &str, path: &str, body: &str) -> Result<String> {
    let read = |name: &str| std::fs::read_to_string(data.join(name)).with_context(|| name.to_owned());
    let (url, token) = (read("switch_api.url")?, read("switch_api.token")?);
    let address = url.trim().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(answer)
}

/// One of its figures, as Prometheus reads them, such as `sambung_calls_live`.
pub fn figure(data: &Path, name: &str) -> Result<u64> {
    let page = ask(data, "GET", "/metrics", "")?;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("{name} in\n{page}"))?.trim().parse()?)
}
