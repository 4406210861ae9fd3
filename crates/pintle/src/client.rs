//! Talking to the server: the same HTTP API that everyone else uses.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use reqwest::{Method, Url};
use serde_json::Value;

use crate::args::ClientArguments;
use crate::run::token_file_of;

/// Query that the IBM dialect wants on every request.
const VERSION: &str = "version=2026-10-06&generation=2";
/// Longer than the longest wait that the server grants, so that its answer says what happened.
const TIMEOUT: Duration = Duration::from_secs(65);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection to the API.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    /// Reads the token. Nothing is sent, unless the token can't be read: then, whether there is a server at all.
    pub(crate) async fn new(arguments: &ClientArguments) -> anyhow::Result<Client> {
        let url = url(&arguments.url)?;
        if let Some(file) = &arguments.api_key_file {
            let key = std::fs::read_to_string(file)
                .with_context(|| format!("the API key can't be read from '{}'", file.display()))?;
            return Client::with_api_key(&arguments.url, key.trim()).await;
        }
        let file = token_file(&url, arguments.token_file.as_deref())?;
        let unreadable = match std::fs::read_to_string(&file) {
            Ok(token) => return Client::with_token(&arguments.url, token.trim()),
            Err(error) => error,
        };
        // Without a server the token is not what is missing.
        match Client::with_token(&arguments.url, "")?.get("/healthz").await {
            Err(error) if error.is::<NoServer>() => Err(error),
            _ => Err(unreadable).with_context(|| {
                format!(
                    "the API token can't be read from '{}'; name its file with --token-file, or run as root",
                    file.display()
                )
            }),
        }
    }

    /// A connection with a token that is known.
    pub(crate) fn with_token(url: &str, token: &str) -> anyhow::Result<Client> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT).no_proxy().build()?;
        Ok(Client { http, base: url.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// A connection as the account of an API key, which is exchanged for a token.
    async fn with_api_key(url: &str, key: &str) -> anyhow::Result<Client> {
        if !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            bail!("the file of --api-key-file does not hold the secret of an API key: letters, digits, '-' and '_'");
        }
        let client = Client::with_token(url, "")?;
        let form = format!("grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey={key}");
        let request = client.http.post(format!("{}/identity/token", client.base));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let response = request.send().await.map_err(|error| failed(&client.base, error))?;
        let answer: Value = response.json().await.context("the server's answer to the API key is not JSON")?;
        match answer["access_token"].as_str() {
            Some(token) => Client::with_token(url, token),
            None => bail!("the API key is refused: {}", answer["errorMessage"].as_str().unwrap_or("no reason given")),
        }
    }

    /// Where the API is.
    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// As [`get`](Self::get), but nothing where there is no such thing.
    pub(crate) async fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        match self.get(path).await {
            Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == 404) => Ok(None),
            other => other.map(Some),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let query = if path.starts_with("/v1") { format!("{separator}{VERSION}") } else { String::new() };
        let mut request = self.http.request(method, format!("{}{path}{query}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| failed(&self.base, error))?;
        let status = response.status();
        let text = response.text().await.context("the server's answer broke off")?;
        if text.trim().is_empty() && status.is_success() {
            return Ok(Value::Null);
        }
        let value = serde_json::from_str(&text).map_err(|_| {
            anyhow!("{} answered {status} with something that is not JSON; is it Pintle's API?", self.base)
        })?;
        if !status.is_success() {
            bail!(Refused { status: status.as_u16(), message: refusal(status.as_u16(), &value) });
        }
        Ok(value)
    }

    /// All items of a paginated collection of the IBM dialect.
    pub(crate) async fn list(&self, collection: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut path = format!("/v1/{collection}?limit=100");
        loop {
            let mut page = self.get(&path).await?;
            if let Some(Value::Array(found)) = page.get_mut(collection).map(Value::take) {
                items.extend(found);
            }
            match page["next"]["href"].as_str().and_then(start_token) {
                Some(start) => path = format!("/v1/{collection}?limit=100&start={start}"),
                None => return Ok(items),
            }
        }
    }

    /// All items of a paginated collection of the native dialect; it may come with a filter.
    pub(crate) async fn native_list(&self, collection: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let separator = if collection.contains('?') { '&' } else { '?' };
        let first = format!("{collection}{separator}limit=1000");
        let mut path = first.clone();
        loop {
            let mut page = self.get(&path).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            match page["next"].as_str() {
                Some(start) => path = format!("{first}&start={start}"),
                None => return Ok(items),
            }
        }
    }

    /// The id of the object of a kind (`vpc`, `subnet` …) that has this id or name.
    pub(crate) async fn id(&self, kind: &str, named: &str) -> anyhow::Result<String> {
        let found = self.get(&format!("/native/v1/resolve/{kind}/{named}")).await?;
        found["id"].as_str().map(str::to_owned).with_context(|| format!("the server's answer has no id: {found}"))
    }
}

/// Nothing listens where the server should.
#[derive(Debug)]
struct NoServer {
    base: String,
    reason: String,
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoServer { base, reason } = self;
        write!(f, "no server answers at {base}: {reason}; start one with 'pintle up', or name it with --url")
    }
}

impl std::error::Error for NoServer {}

/// The server's no, in its own words.
#[derive(Debug)]
struct Refused {
    status: u16,
    message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

fn start_token(href: &str) -> Option<&str> {
    href.split(['?', '&']).find_map(|part| part.strip_prefix("start="))
}

/// What the server says, in whichever dialect.
fn refusal(status: u16, body: &Value) -> String {
    let message = [&body["errors"][0]["message"], &body["error"]["message"]].into_iter().find_map(Value::as_str);
    match (status, message) {
        (401, Some(message)) => format!("{message}; the token's file is named with --token-file"),
        (_, Some(message)) => message.to_owned(),
        (_, None) => format!("the server answered {status}: {body}"),
    }
}

fn failed(base: &str, error: reqwest::Error) -> anyhow::Error {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let reason = cause.to_string();
    if error.is_connect() {
        anyhow!(NoServer { base: base.to_owned(), reason })
    } else if error.is_timeout() {
        anyhow!("the server at {base} did not answer within {} s", TIMEOUT.as_secs())
    } else {
        anyhow!("the request to {base} failed: {reason}")
    }
}

fn url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("--url '{text}' is not a URL such as http://127.0.0.1:7480"))?;
    if url.scheme() != "http" || url.host().is_none() {
        bail!("--url '{text}' can't be used: the API is served at http://ADDRESS:PORT");
    }
    Ok(url)
}

/// The given file, or the one that the server on this machine left a note of, or where a server puts it by default.
///
/// # Errors
/// When none is given for a server on another machine: it would be sent the token of this one's.
fn token_file(url: &Url, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(file) = given {
        return Ok(file.to_owned());
    }
    if !is_local(url) {
        let why = "name the file of its API token with --token-file, or of an API key with --api-key-file";
        bail!("the server of {url} is on another machine: {why}");
    }
    if let Some(file) = url.port_or_known_default().and_then(token_file_of) {
        return Ok(file);
    }
    let data_dir = std::env::var_os("PINTLE_DATA_DIR").map(PathBuf::from);
    Ok(data_dir.unwrap_or_else(|| PathBuf::from("/var/lib/pintle")).join("token"))
}

/// Whether a URL leads to this machine, whoever answers for names: a name may begin as an address does.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// Where the data of the server on this machine is, if the client's arguments lead to one.
pub(crate) fn local_data_dir(arguments: &ClientArguments) -> anyhow::Result<PathBuf> {
    let token = token_file(&url(&arguments.url)?, arguments.token_file.as_deref())?;
    Ok(token.parent().map_or_else(PathBuf::new, Path::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_dialects_refusals_are_shown_in_words() {
        assert_eq!(refusal(404, &json!({ "errors": [{ "message": "no such VPC" }] })), "no such VPC");
        assert_eq!(refusal(409, &json!({ "error": { "message": "it is attached" } })), "it is attached");
        assert!(refusal(401, &json!({ "error": { "message": "no" } })).contains("--token-file"));
        assert!(refusal(500, &json!({})).contains("500"));
    }

    #[test]
    fn k16_no_other_machine_is_sent_the_token_of_this_ones_server() {
        let file = |url: &str, given: Option<&str>| token_file(&Url::parse(url).unwrap(), given.map(Path::new));
        let error = file("http://192.0.2.9:7480", None).unwrap_err();
        assert!(error.to_string().contains("--token-file"), "{error}");
        assert_eq!(file("http://192.0.2.9:7480", Some("theirs")).unwrap(), Path::new("theirs"));
        for local in ["http://127.0.0.1:1", "http://127.9.9.9:1", "http://LOCALHOST:1", "http://[::1]:1"] {
            assert!(file(local, None).unwrap().ends_with("token"), "{local}");
        }
        let elsewhere = ["127.0.0.1.evil.example", "127.evil.example", "localhost.evil.example", "[::ffff:192.0.2.1]"];
        for host in elsewhere {
            assert!(file(&format!("http://{host}:1"), None).is_err(), "{host}");
        }
    }

    #[test]
    fn a_url_that_can_not_work_is_refused_before_anything_is_sent() {
        url("http://127.0.0.1:7480").unwrap();
        for bad in ["127.0.0.1:7480", "https://127.0.0.1:7480", "nonsense", "http://"] {
            assert!(url(bad).unwrap_err().to_string().contains("http"), "{bad}");
        }
    }
}
