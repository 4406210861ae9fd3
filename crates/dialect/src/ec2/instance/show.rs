//! An instance as EC2 shows it.

use pintle_core::id::{FloatingIpId, InstanceId, ReservationId};
use pintle_core::lifecycle::Lifecycle;
use pintle_core::model::{DepartedInstance, FloatingIp, Instance, Tags, Timestamp, Vni};
use pintle_core::record::floating_ips_of_vni;
use pintle_core::txn::{Revision, Snapshot};
use pintle_core::{DecideError, query, record};

use super::interface::InterfaceOf;
use super::notes::{self, Notes, is_on, or};
use super::state::State;
use crate::ec2::caller::Caller;
use crate::ec2::private_name;
use crate::ec2::xml::Xml;
use crate::view::{View, VniView};
use crate::wire;

/// An instance with what a reply shows beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ec2) struct InstanceView {
    /// The instance.
    pub(super) instance: Instance,
    /// Whether it has gone.
    pub(super) departed: bool,
    /// What its launch said that means nothing to Pintle.
    pub(super) notes: Notes,
    /// Its interfaces, the primary one first.
    pub(super) interfaces: Vec<InterfaceOf>,
    /// Its VPC's domain name, if it has one of its own.
    pub(super) domain: Option<String>,
    /// Its tags.
    pub(super) tags: Tags,
}

impl InstanceView {
    /// The view of an instance that there is.
    ///
    /// # Errors
    /// [`pintle_core::Refusal::NotFound`], or when the store can't be read.
    pub(super) fn of_id(snapshot: &dyn Snapshot, id: InstanceId) -> Result<Self, DecideError> {
        let (instance, revision) = query::get::<Instance>(snapshot, id)?;
        Self::of(snapshot, instance, revision)
    }

    /// The view of an instance that there is.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(super) fn of(snapshot: &dyn Snapshot, instance: Instance, _: Revision) -> Result<Self, DecideError> {
        let mut interfaces = Vec::new();
        for id in query::index(snapshot, &record::attachments_of_instance(instance.id))? {
            let (attachment, _) = query::follow::<pintle_core::model::Attachment>(snapshot, id)?;
            // One that has moved on is shown where it is.
            let Some((vni, at)) = query::follow_if_there::<Vni>(snapshot, attachment.vni)? else { continue };
            if vni.attachment != Some(attachment.id) {
                continue;
            }
            let public = query::index::<FloatingIpId>(snapshot, &floating_ips_of_vni(vni.id))?
                .into_iter()
                .map(|id| query::follow(snapshot, id).map(|(found, _)| found))
                .collect::<Result<Vec<FloatingIp>, DecideError>>()?;
            interfaces.push(InterfaceOf { view: VniView::join(snapshot, vni, at)?, attachment, public });
        }
        let (vpc, _) = query::get::<pintle_core::model::Vpc>(snapshot, instance.vpc)?;
        let notes = query::instance_notes(snapshot, instance.id)?;
        let tags = query::tags(snapshot, &instance)?;
        Ok(InstanceView { instance, departed: false, notes, interfaces, domain: vpc.dhcp.domain, tags })
    }

    /// The view of an instance that has gone.
    pub(super) fn gone(departed: DepartedInstance) -> Self {
        let DepartedInstance { instance, tags, .. } = departed;
        let (notes, interfaces) = (Notes::new(), Vec::new());
        InstanceView { instance, departed: true, notes, interfaces, domain: None, tags }
    }

    /// Its state. One whose primary interface is not there yet is not running yet.
    pub(super) fn state(&self) -> State {
        match (State::of(&self.instance, self.departed), self.primary()) {
            (State::Running, Some(primary)) if primary.attachment.lifecycle == Lifecycle::Pending => State::Pending,
            (state, _) => state,
        }
    }

    /// Its interface at index 0.
    pub(super) fn primary(&self) -> Option<&InterfaceOf> {
        self.interfaces.first().filter(|first| first.attachment.index == 0)
    }

    /// The launch that it came of; one that was made on its own is alone in it.
    pub(super) fn reservation(&self) -> ReservationId {
        let launch = self.instance.launch.as_ref();
        launch.map_or_else(|| ReservationId::from_bits(self.instance.id.bits()), |launch| launch.reservation)
    }

    /// Its private name: what its host tells it by DHCP, within its VPC's domain.
    pub(super) fn private_name(&self) -> String {
        if self.state().ends() && self.interfaces.is_empty() {
            return String::new();
        }
        format!("{}.{}", self.instance.name, private_name::domain(self.domain.as_deref(), &self.instance.owner.region))
    }

    /// Why it last changed its state, as EC2 says it.
    pub(super) fn reason(&self) -> String {
        if !self.state().ends() {
            return String::new();
        }
        let at = wire::timestamp(Timestamp(self.instance.told_at.0 / 1000 * 1000));
        let (date, time) = (at.get(..10).unwrap_or_default(), at.get(11..19).unwrap_or_default());
        format!("User initiated ({date} {time} GMT)")
    }

    /// Why it is in its state, as a code and in words.
    pub(super) fn state_reason(&self) -> Option<(&'static str, String)> {
        let state = self.state();
        match (&self.instance.failure, state.ends()) {
            (Some(failure), _) => Some(("Server.InternalError", format!("Server.InternalError: {failure}"))),
            (None, true) => Some((
                "Client.UserInitiatedShutdown",
                "Client.UserInitiatedShutdown: User initiated shutdown".to_owned(),
            )),
            (None, false) if state == State::Pending => Some(("pending", "pending".to_owned())),
            (None, false) => None,
        }
    }

    fn write_state(&self, xml: &mut Xml) {
        self.state().write(xml, "instanceState");
        xml.text("reason", self.reason());
        if let Some((code, message)) = self.state_reason() {
            xml.nest("stateReason", |xml| {
                xml.text("code", code);
                xml.text("message", message);
            });
        }
    }

    /// Writes it as an item of `instancesSet`.
    pub(super) fn write(&self, xml: &mut Xml, caller: &Caller) {
        let InstanceView { instance, notes, .. } = self;
        let kind = instance.instance_type();
        xml.text("instanceId", instance.id);
        let launch = instance.launch.as_ref();
        xml.option("imageId", launch.map(|launch| &launch.image));
        self.write_state(xml);
        xml.text("privateDnsName", self.private_name());
        xml.empty("dnsName");
        xml.option("keyName", notes.get("key-name"));
        xml.text("amiLaunchIndex", launch.map_or(0, |launch| launch.index));
        xml.empty("productCodes");
        xml.option("instanceType", instance.kind.as_ref());
        xml.time("launchTime", instance.started_at);
        xml.nest("placement", |xml| {
            xml.text("availabilityZone", &instance.zone);
            xml.text("availabilityZoneId", caller.zone_id(&instance.zone));
            xml.text("groupName", or(notes, "placement-group", ""));
            xml.text("tenancy", or(notes, "tenancy", "default"));
        });
        let monitored = if is_on(notes, "monitoring") { "enabled" } else { "disabled" };
        xml.nest("monitoring", |xml| xml.text("state", monitored));
        self.write_network(xml, caller);
        xml.option("architecture", kind.and_then(|kind| kind.architectures.last()));
        xml.text("rootDeviceType", "ebs");
        xml.text("rootDeviceName", super::image::ROOT_DEVICE);
        xml.empty("blockDeviceMapping");
        xml.text("virtualizationType", "hvm");
        xml.text("clientToken", or(notes, "client-token", ""));
        xml.tags(&self.tags);
        xml.text("hypervisor", "xen");
        self.write_options(xml, caller);
    }

    fn write_network(&self, xml: &mut Xml, caller: &Caller) {
        if let Some(primary) = self.primary() {
            xml.text("subnetId", primary.view.vni.subnet);
            xml.text("vpcId", primary.view.vni.vpc);
            xml.text("privateIpAddress", primary.view.primary_ip.address);
            xml.option("ipAddress", primary.public_address(primary.view.primary_ip.id).map(|public| public.address));
            xml.text("sourceDestCheck", primary.view.vni.source_dest_check);
            xml.option("ipv6Address", primary.first_ipv6());
        }
        let groups = self.primary().map(|primary| &primary.view.security_groups[..]).unwrap_or_default();
        xml.set("groupSet", groups, |xml, group| {
            xml.text("groupId", group.id);
            xml.text("groupName", &group.name);
        });
        xml.set("networkInterfaceSet", &self.interfaces, |xml, one| one.write(xml, caller));
    }

    /// What EC2 shows of options that mean nothing here.
    fn write_options(&self, xml: &mut Xml, caller: &Caller) {
        let notes = &self.notes;
        if let Some(arn) = self.profile(caller) {
            xml.nest("iamInstanceProfile", |xml| xml.text("arn", arn));
        }
        xml.text("ebsOptimized", is_on(notes, "ebs-optimized"));
        xml.text("enaSupport", true);
        if let Some((cores, threads)) = self.processors() {
            xml.nest("cpuOptions", |xml| {
                xml.text("coreCount", cores);
                xml.text("threadsPerCore", threads);
                xml.option("amdSevSnp", notes.get("amd-sev-snp"));
            });
        }
        xml.nest("capacityReservationSpecification", |xml| {
            xml.text("capacityReservationPreference", or(notes, "capacity-reservations", "open"));
        });
        xml.nest("hibernationOptions", |xml| xml.text("configured", is_on(notes, "hibernation")));
        notes::write_metadata(xml, "metadataOptions", notes);
        xml.nest("enclaveOptions", |xml| xml.text("enabled", is_on(notes, "enclave")));
        xml.text("platformDetails", "Linux/UNIX");
        xml.text("usageOperation", "RunInstances");
        xml.nest("privateDnsNameOptions", |xml| {
            xml.text("hostnameType", or(notes, "hostname-type", "ip-name"));
            xml.text("enableResourceNameDnsARecord", is_on(notes, "resource-name-a"));
            xml.text("enableResourceNameDnsAAAARecord", is_on(notes, "resource-name-aaaa"));
        });
        xml.nest("maintenanceOptions", |xml| xml.text("autoRecovery", or(notes, "auto-recovery", "default")));
        xml.nest("operator", |xml| xml.text("managed", false));
    }

    fn profile(&self, caller: &Caller) -> Option<String> {
        let by_name = |name| format!("arn:aws:iam::{}:instance-profile/{name}", caller.account);
        self.notes.get("profile-arn").cloned().or_else(|| self.notes.get("profile-name").map(by_name))
    }

    /// How many cores, and threads of each, its type has, or its launch asked for.
    fn processors(&self) -> Option<(u32, u32)> {
        let kind = self.instance.instance_type()?;
        let (cores, vcpus) = (kind.cores?, kind.vcpus?);
        let asked = |note: &str| self.notes.get(note).and_then(|text| text.parse().ok());
        let threads = vcpus.checked_div(cores)?;
        Some((asked("cores").unwrap_or(cores), asked("threads-per-core").unwrap_or(threads)))
    }
}

/// Writes instances by their launches: `None` for the one launch of RunInstances, whose elements stand by themselves.
pub(super) fn write_reservations(xml: &mut Xml, views: &[InstanceView], caller: &Caller, set: Option<&str>) {
    let mut launches: Vec<(ReservationId, Vec<&InstanceView>)> = Vec::new();
    for view in views {
        let id = view.reservation();
        match launches.iter_mut().find(|(known, _)| *known == id) {
            Some((_, together)) => together.push(view),
            None => launches.push((id, vec![view])),
        }
    }
    let write = |xml: &mut Xml, (id, together): (ReservationId, Vec<&InstanceView>)| {
        xml.text("reservationId", id);
        xml.text("ownerId", caller.account);
        xml.empty("groupSet");
        xml.set("instancesSet", together, |xml, view| view.write(xml, caller));
    };
    match set {
        Some(set) => xml.set(set, launches, write),
        None => launches.into_iter().for_each(|launch| write(xml, launch)),
    }
}
