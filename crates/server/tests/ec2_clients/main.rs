//! The EC2 API as AWS's own clients use it, unmodified: boto3 and the AWS CLI against a server of the test's own.
//!
//! The clients are in `target/aws`, where `scripts/setup-clients.sh` puts them.

mod golden;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pintle_server::{Config, Running, Server};
use serde_json::{Value, json};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program of the virtual environment.
fn program(name: &str) -> PathBuf {
    let path = root().join("target/aws/bin").join(name);
    assert!(path.exists(), "{} is missing: run scripts/setup-clients.sh", path.display());
    path
}

struct Place {
    server: Option<Running>,
    url: String,
    subnet: String,
    _data: tempfile::TempDir,
}

impl Place {
    async fn new() -> Place {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::new(data.path().join("data"));
        (config.api, config.agents) = ("127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap());
        let server = Server::start(config).await.unwrap();
        let url = format!("http://{}", server.api_addr);
        let post = async |path: &str, body: Value| -> Value {
            let request = reqwest::Client::new().post(format!("{url}/native/v1/{path}")).bearer_auth(&server.token);
            let response = request.json(&body).send().await.unwrap();
            assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
            response.json().await.unwrap()
        };
        let key = post("access_keys", json!({ "id": KEY, "secret": SECRET })).await;
        assert_eq!((&key["id"], &key["secret"]), (&json!(KEY), &json!(SECRET)));
        let vpc = post("vpcs", json!({ "name": "blue" })).await;
        let body = json!({ "vpc": vpc["id"], "zone": "local-1", "cidr": "10.0.0.0/24" });
        let subnet = post("subnets", body).await["id"].as_str().unwrap().to_owned();
        Place { server: Some(server), url, subnet, _data: data }
    }

    /// Runs a client with the environment that `pintle access-key create` prints.
    async fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).env("AWS_ENDPOINT_URL", &self.url).env("AWS_DEFAULT_REGION", "local");
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_CONFIG_FILE", "/dev/null");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PAGER", "").env("PINTLE_SUBNET", &self.subnet);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", root().join("scripts/aws"));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn end(mut self) {
        self.server.take().unwrap().shutdown().await;
    }
}

#[track_caller]
fn good(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_boto3_drives_interfaces_and_every_answer_fits_the_service_model() {
    let place = Place::new().await;
    let script = root().join("crates/server/tests/ec2_clients/interfaces.py");
    println!("{}", good(&place.run(&program("python"), &[script.to_str().unwrap()]).await));
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_boto3_drives_networks_and_every_answer_fits_the_service_model() {
    let place = Place::new().await;
    let script = root().join("crates/server/tests/ec2_clients/network.py");
    println!("{}", good(&place.run(&program("python"), &[script.to_str().unwrap()]).await));
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_the_aws_cli_creates_describes_and_deletes_an_interface() {
    let place = Place::new().await;
    let aws = program("aws");
    let who = good(&place.run(&aws, &["sts", "get-caller-identity", "--query", "Account", "--output", "text"]).await);
    assert_eq!(who.trim(), "123456789012");
    let create = ["ec2", "create-network-interface", "--subnet-id", &place.subnet, "--description", "by the CLI"];
    let made: Value = serde_json::from_str(&good(&place.run(&aws, &create).await)).unwrap();
    let id = made["NetworkInterface"]["NetworkInterfaceId"].as_str().unwrap();
    let describe = ["ec2", "describe-network-interfaces", "--filters", "Name=description,Values=by*"];
    let shown: Value = serde_json::from_str(&good(&place.run(&aws, &describe).await)).unwrap();
    assert_eq!(shown["NetworkInterfaces"][0]["NetworkInterfaceId"], id);
    good(&place.run(&aws, &["ec2", "delete-network-interface", "--network-interface-id", id]).await);
    let gone = place.run(&aws, &["ec2", "describe-network-interfaces", "--network-interface-ids", id]).await;
    let error = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(!gone.status.success() && error.contains("(InvalidNetworkInterfaceID.NotFound)"), "{error}");
    place.end().await;
}
