//! Moves, step by step, as three hosts see them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use pintle_core::Command;
use pintle_core::host_spec::{EntryKey, PortMode};
use pintle_core::id::{AttachmentId, InstanceId, VniId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{Attachment, Move, MoveStep, ReservedIp, Vni};
use pintle_core::net::Mac;
use tokio::time::Instant;

use crate::support::{FakeHost, Plane, check_addresses, settle};

/// An interface on h1 that is about to move to h2, with h3 looking on.
struct Scene {
    plane: Plane,
    hosts: [FakeHost; 3],
    vni: VniId,
    mac: Mac,
    address: IpAddr,
    from: AttachmentId,
    target: InstanceId,
}

impl Scene {
    async fn new(seed: u64) -> Scene {
        let plane = Plane::new(seed);
        let vpc = plane.vpc().await;
        let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
        let hosts: [FakeHost; 3] = plane.hosts().await;
        let source = plane.instance(vpc, hosts[0].id).await;
        let target = plane.instance(vpc, hosts[1].id).await;
        let looker = plane.instance(vpc, hosts[2].id).await;
        plane.attach(looker, plane.vni(subnet).await).await;
        let vni = plane.vni(subnet).await;
        let from = plane.attach(source, vni).await;
        settle().await;
        let record = plane.get::<Vni>(vni);
        let address = plane.get::<ReservedIp>(record.primary_ip()).address;
        Scene { plane, hosts, vni, mac: record.mac, address, from, target }
    }

    async fn start(&self) -> Move {
        let moving = self.plane.move_to(self.vni, self.target).await;
        settle().await;
        moving
    }

    fn modes(&self, to: AttachmentId) -> (Option<PortMode>, Option<PortMode>) {
        (self.hosts[0].mode(self.from), self.hosts[1].mode(to))
    }

    /// Whom the third host sends to, and whom it accepts from.
    fn seen_from_outside(&self) -> (Option<u8>, Vec<u8>) {
        let number = |vtep: Ipv4Addr| vtep.octets()[3];
        let endpoint = self.hosts[2].endpoint(self.address);
        let location = self.hosts[2].location(self.mac);
        let mut from: Vec<u8> = location.into_iter().flat_map(|l| [l.vtep, l.alt_vtep]).flatten().map(number).collect();
        from.sort_unstable();
        (endpoint.and_then(|endpoint| endpoint.vtep).map(number), from)
    }

    fn silence(&self, silent: bool) {
        self.hosts.iter().for_each(|host| host.silent(silent));
    }

    async fn all_report(&self) {
        self.hosts.iter().for_each(FakeHost::report);
        settle().await;
    }

    fn assert_moved(&self, moving: &Move) {
        assert_eq!(self.plane.step(self.vni), None);
        assert_eq!(self.plane.get::<Vni>(self.vni).attachment, Some(moving.to));
        assert_eq!(self.plane.get::<Vni>(self.vni).lifecycle, Lifecycle::Stable);
        assert_eq!(self.plane.attachment(moving.to).lifecycle, Lifecycle::Stable);
        assert_eq!(self.seen_from_outside(), (Some(2), vec![2]), "no other host is believed");
        check_addresses(&self.plane, "after the move");
    }

    fn assert_stayed(&self, moving: &Move, why: &str) {
        assert_eq!(self.plane.step(self.vni), None);
        assert_eq!(self.plane.get::<Vni>(self.vni).attachment, Some(self.from));
        assert_eq!(self.plane.get::<Vni>(self.vni).lifecycle, Lifecycle::Stable);
        assert_eq!(self.hosts[0].mode(self.from), Some(PortMode::Active), "the old side has never stopped");
        assert_eq!(self.seen_from_outside(), (Some(1), vec![1]));
        let abandoned = self.plane.find::<Attachment>(moving.to);
        assert!(abandoned.is_none_or(|a| a.failure.is_some_and(|text| text.contains(why))));
    }
}

/// How long the old side may still answer what it got.
const DRAIN: Duration = Duration::from_millis(10);

/// Everything that can happen by itself has happened, the old side's time to drain included.
async fn drained() {
    settle().await;
    tokio::time::sleep(DRAIN).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a15_every_step_of_a_move_is_seen_by_all_hosts_before_the_next() {
    let scene = Scene::new(1).await;
    scene.silence(true);
    let moving = scene.start().await;
    use PortMode::{Active, Fenced, Prepared};
    // The table in `pintle_core::model::Move`'s module, row by row: ports, whom others send to, whom they accept from.
    let rows = [
        (Some(MoveStep::Prepare), (Some(Active), Some(Prepared)), (Some(1), vec![1, 2])),
        (Some(MoveStep::Open), (Some(Active), Some(Active)), (Some(1), vec![1, 2])),
        (Some(MoveStep::Drain), (Some(Active), Some(Active)), (Some(1), vec![1, 2])),
        (Some(MoveStep::Settle), (Some(Fenced), Some(Active)), (Some(2), vec![1, 2])),
        (None, (None, Some(Active)), (Some(2), vec![2])),
    ];
    for (step, ports, outside) in rows {
        assert_eq!(scene.plane.step(scene.vni), step);
        assert_eq!(scene.modes(moving.to), ports, "{step:?}");
        assert_eq!(scene.seen_from_outside(), outside, "{step:?}");
        settle().await;
        assert_eq!(scene.plane.step(scene.vni), step, "nobody has reported, so nothing goes on");
        scene.all_report().await;
        if step == Some(MoveStep::Drain) {
            assert_eq!(scene.plane.step(scene.vni), step, "the old side may still answer what it got");
            drained().await;
        }
    }
    scene.all_report().await;
    scene.assert_moved(&moving);
    assert!(scene.plane.find::<Attachment>(scene.from).is_none(), "the old attachment has gone");
}

#[tokio::test(start_paused = true)]
async fn a_move_between_willing_hosts_takes_no_longer_than_the_old_side_drains() {
    let scene = Scene::new(2).await;
    let began = Instant::now();
    let moving = scene.start().await;
    drained().await;
    scene.assert_moved(&moving);
    assert_eq!(began.elapsed(), DRAIN, "every other step follows from a report, none from a timer");
}

#[tokio::test(start_paused = true)]
async fn a15_connections_that_began_elsewhere_are_taken_in_until_ten_seconds_after_the_move() {
    let scene = Scene::new(20).await;
    // The new side is made ready, but slowly: its move runs for longer than the ten seconds.
    scene.hosts[1].silent(true);
    let moving = scene.start().await;
    let adopting = || scene.hosts[1].port(moving.to).map(|port| port.policy.adopting);
    assert_eq!(adopting(), Some(true));
    tokio::time::sleep(Duration::from_secs(9)).await;
    scene.hosts[1].silent(false);
    scene.all_report().await;
    drained().await;
    scene.assert_moved(&moving);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(adopting(), Some(true), "nine seconds after its end");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(adopting(), Some(false));
    let settled = scene.plane.revision();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(scene.plane.revision(), settled);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_server_ends_an_adoption_too() {
    let scene = Scene::new(21).await;
    let moving = scene.start().await;
    drained().await;
    assert!(scene.plane.attachment(moving.to).adopting);
    let plane = scene.plane.restart().await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(!plane.attachment(moving.to).adopting, "no host needs to be there for it");
}

#[tokio::test(start_paused = true)]
async fn a_move_within_one_host_ends_too() {
    let scene = Scene::new(3).await;
    let vpc = scene.plane.get::<Vni>(scene.vni).vpc;
    let neighbour = scene.plane.instance(vpc, scene.hosts[0].id).await;
    settle().await;
    let moving = scene.plane.move_to(scene.vni, neighbour).await;
    drained().await;
    assert_eq!(scene.plane.get::<Vni>(scene.vni).attachment, Some(moving.to));
    assert_eq!(scene.plane.attachment(moving.to).lifecycle, Lifecycle::Stable);
    assert_eq!(scene.hosts[0].endpoint(scene.address).and_then(|endpoint| endpoint.port), Some(moving.to));
}

#[tokio::test(start_paused = true)]
async fn a_new_side_that_fails_leaves_the_interface_where_it_was() {
    let scene = Scene::new(4).await;
    scene.hosts[1].state().all_ports_fail = Some("no such namespace".into());
    let moving = scene.start().await;
    scene.assert_stayed(&moving, "no such namespace");
    scene.hosts[1].state().all_ports_fail = None;
    scene.hosts[1].report();
    settle().await;
    assert!(scene.plane.find::<Attachment>(moving.to).is_none(), "nothing is left of the attempt");
    let moving = scene.start().await;
    drained().await;
    scene.assert_moved(&moving);
}

#[tokio::test(start_paused = true)]
async fn a_new_side_that_is_lost_leaves_the_interface_where_it_was() {
    let mut scene = Scene::new(5).await;
    scene.hosts[1].silent(true);
    let moving = scene.start().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Prepare));
    let [h1, h2, h3] = scene.hosts;
    let left = h2.disconnect().await;
    settle().await;
    scene.hosts = [h1, FakeHost::connect(&scene.plane.sessions, 2, Some(left)), h3];
    scene.assert_stayed(&moving, "lost");
}

#[tokio::test(start_paused = true)]
async fn a_new_side_that_says_nothing_is_given_up_after_ten_seconds() {
    let scene = Scene::new(6).await;
    scene.hosts[1].silent(true);
    let moving = scene.start().await;
    tokio::time::sleep(Duration::from_millis(9_900)).await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Prepare));
    tokio::time::sleep(Duration::from_millis(200)).await;
    settle().await;
    scene.assert_stayed(&moving, "within 10s");
}

#[tokio::test(start_paused = true)]
async fn peers_that_say_nothing_are_waited_for_half_a_second() {
    let scene = Scene::new(7).await;
    scene.hosts[2].silent(true);
    let began = Instant::now();
    let moving = scene.start().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Prepare));
    tokio::time::sleep(Duration::from_millis(499)).await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Prepare));
    tokio::time::sleep(Duration::from_millis(2)).await;
    drained().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Settle), "peers matter in the first and the last step");
    tokio::time::sleep(Duration::from_millis(501)).await;
    settle().await;
    scene.assert_moved(&moving);
    assert!(began.elapsed() < Duration::from_millis(1_100));
}

#[tokio::test(start_paused = true)]
async fn f16_an_old_host_that_is_cut_off_holds_nothing_up_and_is_believed_by_nobody() {
    let mut scene = Scene::new(8).await;
    let [h1, h2, h3] = scene.hosts;
    let left = h1.disconnect().await;
    settle().await;
    scene.hosts = [FakeHost::connect(&scene.plane.sessions, 9, None), h2, h3];
    let began = Instant::now();
    let moving = scene.start().await;
    settle().await;
    scene.assert_moved(&moving);
    assert_eq!(began.elapsed(), Duration::ZERO, "a host that is known to be away is not waited for");
    assert_eq!(scene.plane.attachment(scene.from).lifecycle, Lifecycle::Deleting, "it has not said that it let go");

    let back = FakeHost::connect(&scene.plane.sessions, 1, Some(left));
    settle().await;
    assert_eq!(back.port(scene.from), None, "it is told when it comes back");
    assert!(scene.plane.find::<Attachment>(scene.from).is_none());
}

#[tokio::test(start_paused = true)]
async fn f16_an_old_host_that_does_not_answer_is_waited_for_one_second() {
    let scene = Scene::new(9).await;
    scene.hosts[0].silent(true);
    let moving = scene.start().await;
    tokio::time::sleep(Duration::from_millis(502)).await;
    settle().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Drain));
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    settle().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Settle));
    tokio::time::sleep(Duration::from_millis(501)).await;
    settle().await;
    scene.assert_moved(&moving);
}

#[tokio::test(start_paused = true)]
async fn a_new_side_that_cannot_speak_does_not_silence_the_old_one() {
    let scene = Scene::new(10).await;
    scene.silence(true);
    let moving = scene.start().await;
    scene.all_report().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Open));
    scene.hosts[1].state().failing.insert(EntryKey::Port(moving.to), "no memory".into());
    scene.all_report().await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Open));
    assert_eq!(scene.plane.attachment(moving.to).failure.as_deref(), Some("no memory"));
    assert_eq!(scene.hosts[0].mode(scene.from), Some(PortMode::Active));
    scene.hosts[1].state().failing.clear();
    scene.silence(false);
    scene.all_report().await;
    drained().await;
    scene.assert_moved(&moving);
}

#[tokio::test(start_paused = true)]
async fn a_new_side_that_goes_on_failing_to_speak_is_given_up() {
    let scene = Scene::new(12).await;
    scene.silence(true);
    let moving = scene.start().await;
    scene.all_report().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Open));
    scene.hosts[1].state().failing.insert(EntryKey::Port(moving.to), "no memory".into());
    scene.silence(false);
    scene.all_report().await;
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    settle().await;
    scene.assert_stayed(&moving, "no memory");
}

#[tokio::test(start_paused = true)]
async fn a_new_side_that_is_lost_before_it_spoke_keeps_nobody_from_detaching() {
    let mut scene = Scene::new(13).await;
    scene.silence(true);
    let moving = scene.start().await;
    scene.all_report().await;
    assert_eq!(scene.plane.step(scene.vni), Some(MoveStep::Open));
    scene.silence(false);
    let [h1, h2, h3] = scene.hosts;
    drop(h2.disconnect().await);
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    settle().await;
    scene.hosts = [h1, FakeHost::connect(&scene.plane.sessions, 9, None), h3];
    scene.assert_stayed(&moving, "within 10s");
    scene.plane.run(Command::Detach { attachment: scene.from, force: false }).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_side_that_is_lost_before_it_was_noted_does_not_keep_a_move_from_ending() {
    let mut scene = Scene::new(14).await;
    scene.silence(true);
    let moving = scene.start().await;
    for step in [MoveStep::Prepare, MoveStep::Open, MoveStep::Drain] {
        scene.plane.run(Command::AdvanceMove(scene.vni, step)).await;
    }
    scene.silence(false);
    let [h1, h2, h3] = scene.hosts;
    drop(h2.disconnect().await);
    scene.hosts = [h1, FakeHost::connect(&scene.plane.sessions, 9, None), h3];
    scene.all_report().await;
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    settle().await;
    assert_eq!(scene.plane.step(scene.vni), None);
    assert_eq!(scene.plane.get::<Vni>(scene.vni).attachment, Some(moving.to));
}

#[tokio::test(start_paused = true)]
async fn a06_a_hundred_moves_at_once_all_end() {
    let plane = Plane::new(11);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let hosts: [FakeHost; 3] = plane.hosts().await;
    let mut vnis = Vec::new();
    for n in 0..100 {
        let source = plane.instance(vpc, hosts[n % 3].id).await;
        let target = plane.instance(vpc, hosts[(n + 1) % 3].id).await;
        let vni = plane.vni(subnet).await;
        plane.attach(source, vni).await;
        vnis.push((vni, target));
    }
    settle().await;
    let commands =
        vnis.iter().map(|(vni, to)| plane.engine.execute(Command::MoveVni { vni: *vni, to: *to, nic: None }));
    assert!(futures::future::join_all(commands).await.iter().all(Result::is_ok));
    for _ in 0..10 {
        drained().await;
    }
    assert_eq!(plane.all::<Move>(), []);
    for (vni, target) in vnis {
        let attachment = plane.get::<Vni>(vni).attachment.expect("attached");
        assert_eq!(plane.attachment(attachment).instance, target);
    }
    check_addresses(&plane, "after a hundred moves");
}
