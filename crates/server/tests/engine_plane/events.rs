//! The life of an interface can be read in the log.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use pintle_core::Command;
use pintle_core::command::{CreateVni, NewAttachment, VniChoice};
use pintle_core::model::ReservedIp;
use pintle_server::life;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::support::{Plane, check_addresses, settle};

/// Step and interface of every event of an interface's life.
#[derive(Clone, Default)]
struct Lives(Arc<Mutex<Vec<(String, String)>>>);

#[derive(Default)]
struct Fields {
    step: String,
    vni: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "step" => self.step = format!("{value:?}").replace('"', ""),
            "vni" => self.vni = format!("{value:?}"),
            _ => {}
        }
    }
}

impl<S: Subscriber> Layer<S> for Lives {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == life::TARGET {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.lock().expect("not poisoned").push((fields.step, fields.vni));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a22_every_step_of_an_interfaces_life_is_an_event_with_its_id() {
    let lives = Lives::default();
    // For the whole process: while there is one subscriber for one thread only, another thread that meets an event first has
    // it switched off for good (tracing-core asks that thread's own).
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lives.clone())).expect("nobody else's");
    let plane = Plane::new(1);
    let vpc = plane.vpc().await;
    let subnet = plane.subnet(vpc, "10.0.0.0/24").await;
    let [h1] = plane.hosts().await;
    let instance = plane.instance(vpc, h1.id).await;
    for force in [false, true] {
        let new = CreateVni { subnet: Some(subnet), ..CreateVni::default() };
        let new = NewAttachment::of(VniChoice::New(Box::new(new)));
        let reply = plane.run(Command::Attach(instance, new)).await;
        let pintle_core::Reply::Attachment(attachment) = reply else { panic!("{reply:?}") };
        settle().await;
        plane.run(Command::Detach { attachment: attachment.id, force }).await;
        settle().await;
        if plane.vnis().iter().any(|vni| vni.id == attachment.vni) {
            plane.run(Command::DeleteVni(attachment.vni)).await;
        }
        settle().await;
        let id = attachment.vni.to_string();
        let seen = lives.0.lock().expect("not poisoned").clone();
        let steps: Vec<&str> = seen.iter().filter(|(_, vni)| *vni == id).map(|(step, _)| step.as_str()).collect();
        assert_eq!(steps, ["provision", "allocate", "program", "operate", "detach", "delete"], "force: {force}");
    }
    assert!(h1.entries().len() == 1, "nothing of them is left on the host");
    assert!(plane.all::<ReservedIp>().iter().all(|ip| ip.bound_to.is_none()), "and every address is free");
    check_addresses(&plane, "in the end");
}
