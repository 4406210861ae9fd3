//! Talking to the server: the same HTTP API that everyone else uses.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use reqwest::Method;
use serde_json::Value;

use crate::args::ClientArguments;
use crate::run::token_file_of;

/// Query that the IBM dialect wants on every request.
const VERSION: &str = "version=2026-10-06&generation=2";
/// Longer than the longest wait that the server grants, so that its answer says what happened.
const TIMEOUT: Duration = Duration::from_secs(65);

/// A connection to the API.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    /// Reads the token; nothing is sent yet.
    pub(crate) fn new(arguments: &ClientArguments) -> anyhow::Result<Client> {
        let file = token_file(arguments)?;
        let token = std::fs::read_to_string(&file).with_context(|| {
            format!(
                "the API token can't be read from '{}'; name its file with --token-file, or run as root",
                file.display()
            )
        })?;
        Client::with_token(&arguments.url, token.trim())
    }

    /// A connection with a token that is known.
    pub(crate) fn with_token(url: &str, token: &str) -> anyhow::Result<Client> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Client { http, base: url.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body)).await
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
        let response = request.send().await.map_err(|error| unreachable(&self.base, &error))?;
        let status = response.status();
        let text = response.text().await.context("the server's answer broke off")?;
        let value = if text.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)
                .with_context(|| format!("the server answered {status} with something that is not JSON"))?
        };
        if !status.is_success() {
            bail!("{}", refusal(status.as_u16(), &value));
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

    /// All items of a paginated collection of the native dialect.
    pub(crate) async fn native_list(&self, collection: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut path = format!("{collection}?limit=1000");
        loop {
            let mut page = self.get(&path).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            match page["next"].as_str() {
                Some(start) => path = format!("{collection}?limit=1000&start={start}"),
                None => return Ok(items),
            }
        }
    }

    /// The id of what the user named: an id as it is, or the one object of the collection that has this name.
    pub(crate) async fn id(&self, collection: &str, prefix: &str, named: &str) -> anyhow::Result<String> {
        if named.strip_prefix(prefix).is_some_and(|rest| rest.len() == 18 && rest.starts_with('-')) {
            return Ok(named.to_owned());
        }
        let all = self.list(collection).await?;
        let found: Vec<&str> =
            all.iter().filter(|item| item["name"] == named).filter_map(|item| item["id"].as_str()).collect();
        match found.as_slice() {
            [id] => Ok((*id).to_owned()),
            [] => Err(anyhow!("nothing in {collection} has the id or name '{named}'")),
            several => {
                Err(anyhow!("several of {collection} are named '{named}': name one by its id: {}", several.join(", ")))
            }
        }
    }
}

fn start_token(href: &str) -> Option<&str> {
    href.split(['?', '&']).find_map(|part| part.strip_prefix("start="))
}

fn refusal(status: u16, body: &Value) -> String {
    match body["errors"][0]["message"].as_str() {
        Some(message) => message.to_owned(),
        None => format!("the server answered {status}: {body}"),
    }
}

fn unreachable(base: &str, error: &reqwest::Error) -> anyhow::Error {
    if error.is_connect() {
        anyhow!("no server answers at {base}; start one with 'pintle up', or name it with --url")
    } else if error.is_timeout() {
        anyhow!("the server at {base} did not answer in {} s", TIMEOUT.as_secs())
    } else {
        anyhow!("the request to {base} failed: {error}")
    }
}

/// The given file, or the one that the server on this machine left a note of, or where a server puts it by default.
fn token_file(arguments: &ClientArguments) -> anyhow::Result<PathBuf> {
    if let Some(file) = &arguments.token_file {
        return Ok(file.clone());
    }
    let url = reqwest::Url::parse(&arguments.url).with_context(|| format!("--url '{}' is not a URL", arguments.url))?;
    let local = url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]");
    if local && let Some(file) = url.port_or_known_default().and_then(token_file_of) {
        return Ok(file);
    }
    let data = std::env::var_os("PINTLE_DATA_DIR").map_or_else(|| PathBuf::from("/var/lib/pintle"), PathBuf::from);
    Ok(data.join("token"))
}
