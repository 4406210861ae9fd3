//! The server ends and begins again, and everything goes on from what is stored.

use std::time::Duration;

use pintle_core::Command;
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Instance, Move, Vni};

use crate::support::{FakeHost, Plane, check_addresses, expected_entries, settle};

#[tokio::test(start_paused = true)]
async fn r01_a_restart_in_the_middle_of_everything_converges_and_then_nothing_is_written() {
    let mut plane = Plane::new(1);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let hosts: [FakeHost; 3] = plane.hosts().await;
    let mut instances = Vec::new();
    for host in &hosts {
        instances.push(plane.instance(vpc, host.id).await);
        instances.push(plane.instance(vpc, host.id).await);
    }
    let mut attached = Vec::new();
    for n in 0..12 {
        let vni = plane.vni(subnet).await;
        attached.push((vni, plane.attach(instances[n % 6], vni).await));
    }
    settle().await;
    hosts.iter().for_each(|host| host.silent(true));
    // One of each in the middle: attaching, detaching, moving, stopping, deleting.
    let waiting = plane.attach(instances[0], plane.vni(subnet).await).await;
    plane.run(Command::Detach { attachment: attached[1].1, force: false }).await;
    let moving = plane.move_to(attached[2].0, instances[4]).await;
    plane.run(Command::StopInstance(instances[3])).await;
    plane.run(Command::DeleteInstance(instances[5])).await;
    settle().await;
    assert_eq!(plane.attachment(waiting).lifecycle, Lifecycle::Pending);
    assert!(plane.find::<Move>(moving.vni).is_some());

    plane.kill().await;
    let mut left = Vec::new();
    for host in hosts {
        left.push(host.disconnect().await);
    }
    let plane = plane.restart().await;
    settle().await;
    let hosts: Vec<FakeHost> = (1u8..=3)
        .zip(left)
        .map(|(n, mut left)| {
            left.silent = false;
            FakeHost::connect(&plane.sessions, n, Some(left))
        })
        .collect();
    settle().await;
    // Connections that began before the move are taken in for ten seconds after it.
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(plane.all::<Attachment>().iter().all(|attachment| !attachment.adopting));
    assert!(plane.all::<Attachment>().iter().all(|a| matches!(a.lifecycle, Lifecycle::Stable | Lifecycle::Waiting)));
    assert_eq!(plane.all::<Move>(), []);
    assert_eq!(plane.get::<Vni>(moving.vni).attachment, Some(moving.to));
    assert!(plane.find::<Instance>(instances[5]).is_none());
    let expected = expected_entries(&plane);
    for host in &hosts {
        assert_eq!(Some(&host.entries()), expected.get(&host.id));
    }
    check_addresses(&plane, "after the restart");

    let settled = plane.revision();
    hosts.iter().for_each(FakeHost::report);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(plane.revision(), settled, "what is settled is left alone");
    let mut left = Vec::new();
    for host in hosts {
        left.push(host.disconnect().await);
    }
    let plane = plane.restart().await;
    let _hosts: Vec<FakeHost> =
        (1u8..=3).zip(left).map(|(n, left)| FakeHost::connect(&plane.sessions, n, Some(left))).collect();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(plane.revision(), settled, "also by another restart");
}

#[tokio::test(start_paused = true)]
async fn a_move_goes_on_after_a_restart_even_if_the_old_host_never_comes_back() {
    let mut plane = Plane::new(2);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1, h2] = plane.hosts().await;
    let (source, target) = (plane.instance(vpc, h1.id).await, plane.instance(vpc, h2.id).await);
    let vni = plane.vni(subnet).await;
    plane.attach(source, vni).await;
    settle().await;
    h2.silent(true);
    let moving = plane.move_to(vni, target).await;
    settle().await;
    plane.kill().await;
    let mut left = h2.disconnect().await;
    left.silent = false;
    drop(h1.disconnect().await);
    let plane = plane.restart().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let _h2 = FakeHost::connect(&plane.sessions, 2, Some(left));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(plane.find::<Move>(vni), None);
    assert_eq!(plane.get::<Vni>(vni).attachment, Some(moving.to));
}
