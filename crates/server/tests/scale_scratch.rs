use std::time::Instant;
use pintle_core::command::*; use pintle_core::{Command, Reply};
use pintle_server::{Config, Server};
fn rss() -> String { std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l| l.starts_with("VmRSS")||l.starts_with("VmHWM")).collect::<Vec<_>>().join(" ") }
fn config() -> Config { let mut c = Config::new("/tmp/plt-scale-scratch"); c.api.set_port(0); c.agents.set_port(0); c }
#[tokio::test(flavor="multi_thread", worker_threads=2)]
async fn a_make() {
    let r = Server::start(config()).await.unwrap();
    let mut subnets = vec![];
    let Reply::Vpc(vpc) = r.engine.execute(Command::CreateVpc(CreateVpc::default())).await.unwrap() else { panic!() };
    for n in 0..50 { let Reply::Subnet(s) = r.engine.execute(Command::CreateSubnet(CreateSubnet{vpc: vpc.id, name: None, zone: "z1".into(), cidr: format!("10.{n}.0.0/20").parse().unwrap()})).await.unwrap() else { panic!() }; subnets.push(s.id); }
    let t = Instant::now();
    let tasks: Vec<_> = subnets.into_iter().map(|s| { let e = r.engine.clone(); tokio::spawn(async move { for _ in 0..2000 { e.execute(Command::CreateVni(CreateVni{subnet: Some(s), ..CreateVni::default()})).await.unwrap(); } }) }).collect();
    for t in tasks { t.await.unwrap(); }
    println!("100k VNIs in {:?}; {}", t.elapsed(), rss());
    r.shutdown().await;
}
#[tokio::test(flavor="multi_thread", worker_threads=2)]
async fn b_start() {
    let t = Instant::now();
    let r = Server::start(config()).await.unwrap();
    println!("started in {:?}; {}", t.elapsed(), rss());
    r.shutdown().await;
}
