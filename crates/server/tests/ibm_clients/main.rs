//! The VPC API under schemathesis: requests made from the OpenAPI document against a server of the test's own.
//!
//! Schemathesis is in `target/ibm`, where `scripts/setup-clients.sh` puts it. `PINTLE_LONG=1` sends a hundred thousand
//! requests; otherwise it is as many as a test run has time for.

use std::path::PathBuf;
use std::process::Command;

use pintle_server::{Config, Server};

/// What must hold of every answer: no status of the 500s, and status, content type, headers and body as the document says.
/// Whether a request that fits its schema is accepted is not asked: most rules are about what exists, and no schema tells them.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,ignored_auth";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_made_from_the_document_get_the_answers_that_it_describes() {
    let program = root().join("target/ibm/bin/schemathesis");
    assert!(program.exists(), "{} is missing: run scripts/setup-clients.sh", program.display());
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::new(data.path().join("data"));
    (config.api, config.agents) = ("127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap());
    let server = Server::start(config).await.unwrap();
    let long = std::env::var_os("PINTLE_LONG").is_some();
    let mut command = Command::new(program);
    command.current_dir(data.path()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONPATH", root().join("crates/server/tests/ibm_clients")).env("SCHEMATHESIS_HOOKS", "fuzz_hooks");
    command.args(["run", &format!("http://{}/v1/openapi.json", server.api_addr), "--checks", CHECKS]);
    command.args(["--header", &format!("Authorization: Bearer {}", server.token), "--phases", "fuzzing,stateful"]);
    command.args(["--max-examples", if long { "700" } else { "12" }, "--mode", "all", "--seed", "1", "--workers", "2"]);
    command.args([
        "--suppress-health-check",
        "all",
        "--generation-database",
        "none",
        "--no-color",
        "--warnings",
        "off",
    ]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    println!("{}", text(&output.stdout));
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    server.shutdown().await;
}
