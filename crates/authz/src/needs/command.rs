//! The needs of each command.

use pintle_core::DecideError;
use pintle_core::command::{
    Command as C, CreateInstance, CreateVni, GroupsChange, InstancesChange, IpChoice, NewAttachment, UpdateVni,
    VniChoice,
};
use pintle_core::id::{AttachmentId, FloatingIpId, InstanceId, ReservedIpId, RouteTableId, VniId};
use pintle_core::model::{Attachment, FloatingIp, FloatingIpTarget, FlowLogTarget, Instance, ReservedIp};
use pintle_core::model::{ResourceType as T, Verb as V};
use pintle_core::model::{Role, RouteTable, TargetKind, Vni, VniUse};
use pintle_core::query;
use pintle_core::txn::Snapshot;

use super::{Need, Thing};
use crate::table::Action;

/// What a command needs, as far as what it names exists for who looks. The first is the one that the command is about.
///
/// # Errors
/// When the store can't be read.
pub fn needs(sight: &dyn Snapshot, command: &C) -> Result<Vec<Need>, DecideError> {
    let look = Look(sight);
    let one = |verb, thing: Thing| vec![Need::one(verb, thing)];
    let any = |on, verb| vec![Need::any(on, verb)];
    Ok(match command {
        C::Batch(commands) => {
            let each = commands.iter().map(|command| needs(sight, command));
            each.collect::<Result<Vec<_>, DecideError>>()?.concat()
        }
        // The operator's and the server's own: others are refused before anything else.
        C::SetQuota { .. }
        | C::ForgetTokens
        | C::ConfigureRegions(_)
        | C::ConfigureIpv6Range(_)
        | C::EnsureDefaults(_)
        | C::CreateAccessKey(_)
        | C::DeleteAccessKey(_)
        | C::CreateApiKey(_)
        | C::DeleteApiKey(_)
        | C::CreatePolicy(..)
        | C::DeletePolicy(_)
        | C::CreateAccount(_)
        | C::CreatePublicPool(_)
        | C::DeletePublicPool(_)
        | C::RegisterHost(_)
        | C::DeleteHost(_)
        | C::DeleteLostHost(_)
        | C::AttachmentRealised(..)
        | C::AttachmentFailed(..)
        | C::AttachmentGone(_)
        | C::InstanceRealised(_)
        | C::InstanceStopped(_)
        | C::InstanceFailed(..)
        | C::InstanceGone(_)
        | C::ShareRealised(_)
        | C::ShareFailed(..)
        | C::ShareGone(_)
        | C::AdvanceMove(..)
        | C::AbortMove(..)
        | C::EndAdoption(_) => Vec::new(),

        C::ChangeTags(change) => {
            let tagged = change.resources.iter().map(|id| look.tagged(id));
            tagged.collect::<Result<Vec<_>, DecideError>>()?.concat()
        }

        C::CreateVpc(_) | C::CreateDefaultVpc => any(T::Vpc, V::Create),
        C::RenameVpc(id, _) | C::UpdateVpc(id, _) | C::AddVpcRange(id, _) | C::AssociateDhcpOptionSet(id, _) => {
            one(V::Update, (*id).into())
        }
        C::DeleteVpc(id) | C::DeleteBareVpc(id) => one(V::Delete, (*id).into()),
        C::RemoveVpcRange(_) | C::CreateDhcpOptionSet(_) | C::DeleteDhcpOptionSet(_) => any(T::Vpc, V::Update),
        C::CreateInternetGateway | C::DeleteInternetGateway(_) => any(T::Vpc, V::Update),
        C::AttachInternetGateway(_, vpc) | C::DetachInternetGateway(_, vpc) => one(V::Update, (*vpc).into()),
        C::CreateRouteTable(vpc) | C::AddAddressPrefix(vpc, _) => one(V::Update, (*vpc).into()),
        C::UpdateAddressPrefix(..) | C::RemoveAddressPrefix(_) => any(T::Vpc, V::Update),
        C::CreateRoutingTable(create) => one(V::Update, create.vpc.into()),
        C::RenameRouteTable(table, _)
        | C::AddZoneRoute(table, _)
        | C::UpdateZoneRoute(table, ..)
        | C::RemoveZoneRoute(table, _)
        | C::DeleteRouteTable(table)
        | C::CreateRoute(table, _)
        | C::ReplaceRoute(table, _)
        | C::DeleteRoute(table, _) => look.of_table(*table)?,

        C::CreateSubnet(create) => {
            let mut needs = vec![Need::any(T::Subnet, V::Create), Need::one(V::Operate, create.vpc)];
            needs.extend(create.acl.map(|acl| Need::one(V::Operate, acl)));
            needs.extend(create.public_gateway.map(|gateway| Need::one(V::Operate, gateway)));
            needs
        }
        C::PlaceSubnet(place) => {
            let mut needs = vec![Need::any(T::Subnet, V::Create), Need::one(V::Operate, place.vpc)];
            needs.extend(place.acl.map(|acl| Need::one(V::Operate, acl)));
            needs.extend(place.public_gateway.map(|gateway| Need::one(V::Operate, gateway)));
            needs
        }
        C::CreateDefaultSubnet(_) => any(T::Subnet, V::Create),
        C::RenameSubnet(id, _) | C::AddSubnetRange(id, _) => one(V::Update, (*id).into()),
        C::UpdateSubnet(id, update) => {
            let mut needs = one(V::Update, (*id).into());
            needs.extend(update.acl.map(|acl| Need::one(V::Operate, acl)));
            needs.extend(update.public_gateway.flatten().map(|gateway| Need::one(V::Operate, gateway)));
            needs
        }
        C::DeleteSubnet(id) => one(V::Delete, (*id).into()),
        C::CreateSubnetReservation(create) => one(V::Update, create.subnet.into()),
        C::RemoveSubnetRange(_) | C::DeleteSubnetReservation(_) => any(T::Subnet, V::Update),
        C::AssociateRouteTable(subnet, _) => one(V::Update, (*subnet).into()),
        C::DisassociateRouteTable(_) | C::ReplaceRouteAssociation(..) => any(T::Subnet, V::Update),
        C::CreateReservedIp(create) => {
            let mut needs = one(V::Update, create.subnet.into());
            needs.extend(create.target.map(|vni| Need::one(V::Update, vni)));
            needs
        }
        C::UpdateReservedIp(id, _) | C::DeleteReservedIp(id) => look.of_reserved(*id, V::Update)?,

        C::CreateVni(create) => look.of_new_vni(create)?,
        C::UpdateVni(id, update) => of_update(*id, update),
        C::DeleteVni(id) => one(V::Delete, (*id).into()),
        C::AddVniIp(id, choice) => {
            let mut needs = one(V::Update, (*id).into());
            needs.extend(look.of_choice(choice)?);
            needs
        }
        C::RemoveVniIp(id, _) | C::AddVniPrefix(id, _) | C::RemoveVniPrefix(id, _) => one(V::Update, (*id).into()),
        C::MoveVniIp(ip, to) => {
            let mut needs = one(V::Update, (*to).into());
            needs.extend(look.holder(*ip)?.map(|from| Need::one(V::Update, from)));
            needs
        }
        // From whichever interface has the address.
        C::TakeVniIp(id, _) => vec![Need::one(V::Update, *id), Need::any(T::Vni, V::Update)],
        C::ChangeVniGroups(id, change) => {
            let mut needs = one(V::Update, (*id).into());
            match change {
                GroupsChange::Set(groups) => needs.extend(groups.iter().map(|group| Need::one(V::Operate, *group))),
                GroupsChange::Add(group) | GroupsChange::Remove(group) => needs.push(Need::one(V::Operate, *group)),
            }
            needs
        }
        C::QuarantineVni(id, groups) => {
            let mut needs = one(V::Update, (*id).into());
            needs.extend(groups.iter().map(|group| Need::one(V::Operate, *group)));
            needs
        }
        C::ReleaseVni(id) | C::FlushVni(id) => one(V::Update, (*id).into()),
        C::ShadowVni(id, groups) => {
            let mut needs = one(V::Update, (*id).into());
            needs.extend(groups.iter().flatten().map(|group| Need::one(V::Operate, *group)));
            needs
        }
        C::CreateVniPermission(create) => one(V::ManageAccess, create.vni.into()),
        C::RevokeVniPermission { .. } => any(T::Vni, V::ManageAccess),

        C::CreateSecurityGroup(create) => {
            vec![Need::any(T::SecurityGroup, V::Create), Need::one(V::Operate, create.vpc)]
        }
        C::UpdateSecurityGroup(id, _) | C::ChangeRules(id, _) => one(V::Update, (*id).into()),
        C::DeleteSecurityGroup(id) => one(V::Delete, (*id).into()),
        C::CreatePrefixList(_) => any(T::SecurityGroup, V::Create),
        C::UpdatePrefixList(id, _) | C::RestorePrefixList { id, .. } => one(V::Update, (*id).into()),
        C::DeletePrefixList(id) => one(V::Delete, (*id).into()),
        C::CreateNetworkAcl(create) => vec![Need::any(T::NetworkAcl, V::Create), Need::one(V::Operate, create.vpc)],
        C::RenameNetworkAcl(id, _) | C::ChangeAclRules(id, _) => one(V::Update, (*id).into()),
        C::DeleteNetworkAcl(id) => one(V::Delete, (*id).into()),

        C::CreateShare(create) => {
            let mut needs = any(T::Share, V::Create);
            for target in &create.mount_targets {
                needs.extend(look.of_choice_of_vni(&target.vni)?);
            }
            needs
        }
        C::UpdateShare(id, _) => one(V::Update, (*id).into()),
        C::DeleteShare(id) => one(V::Delete, (*id).into()),
        C::CreateMountTarget(share, target) => {
            let mut needs = look.of_choice_of_vni(&target.vni)?;
            needs.push(Need::one(V::Operate, *share));
            needs
        }
        C::RenameMountTarget(id, _) => look.on_its_target(V::Update, *id)?,
        C::DeleteMountTarget(id) => look.of_detachment(*id)?,

        C::CreateFlowLog(create) => {
            let mut needs = any(T::FlowLogCollector, V::Create);
            needs.extend(match create.target {
                FlowLogTarget::Vpc(id) => one(V::Operate, id.into()),
                FlowLogTarget::Subnet(id) => one(V::Operate, id.into()),
                FlowLogTarget::Vni(id) => one(V::Operate, id.into()),
                FlowLogTarget::Instance(id) => look.on_target(V::Operate, id)?,
                FlowLogTarget::Attachment(id) => look.on_its_target(V::Operate, id)?,
            });
            needs
        }
        C::UpdateFlowLog(id, _) => one(V::Update, (*id).into()),
        C::DeleteFlowLog(id) => one(V::Delete, (*id).into()),

        C::CreateFloatingIp(create) => {
            let mut needs = any(T::FloatingIp, V::Create);
            if let Some(target) = &create.target {
                needs.push(look.of_usable(V::Operate, target.vni, VniUse::Associate)?);
            }
            needs
        }
        C::RenameFloatingIp(id, _) | C::NameFloatingIpDomain(id, _) => one(V::Update, (*id).into()),
        C::AssociateFloatingIp { id, target, .. } => {
            let mut needs =
                vec![Need::one(V::Operate, *id), look.of_usable(V::Operate, target.vni, VniUse::Associate)?];
            needs.extend(look.led_to(*id)?.map(|vni| Need::one(V::Operate, vni)));
            needs
        }
        C::DisassociateFloatingIp(id) => {
            let mut needs = one(V::Operate, (*id).into());
            needs.extend(look.led_to(*id)?.map(|vni| Need::one(V::Operate, vni)));
            needs
        }
        C::EndAssociation(_) => vec![Need::any(T::FloatingIp, V::Operate), Need::any(T::Vni, V::Operate)],
        C::ReleaseFloatingIp(id) => one(V::Delete, (*id).into()),
        C::DeleteFloatingIp(id) => {
            let mut needs = one(V::Delete, (*id).into());
            needs.extend(look.led_to(*id)?.map(|vni| Need::one(V::Operate, vni)));
            needs
        }

        C::CreatePublicGateway(create) => {
            let mut needs = vec![Need::any(T::PublicGateway, V::Create), Need::one(V::Operate, create.vpc)];
            needs.extend(create.floating_ip.map(|ip| Need::one(V::Operate, ip)));
            needs
        }
        C::CreateNatGateway(create) => vec![
            Need::any(T::PublicGateway, V::Create),
            Need::one(V::Operate, create.subnet),
            Need::one(V::Operate, create.floating_ip),
        ],
        C::RenamePublicGateway(id, _) => one(V::Update, (*id).into()),
        C::DeletePublicGateway(id) => one(V::Delete, (*id).into()),

        C::CreateSshKey(_) => any(T::Key, V::Create),
        C::RenameSshKey(..) => any(T::Key, V::Update),
        C::DeleteSshKey(_) => any(T::Key, V::Delete),

        C::CreateInstance(create) => look.of_new_instance(create)?,
        C::CreateInstances(create) => look.of_new_instance(&create.each)?,
        C::ChangeInstances(ids, change) => {
            let verb = match change {
                InstancesChange::Start | InstancesChange::Stop => V::Operate,
                InstancesChange::Delete => V::Delete,
            };
            let each = ids.iter().map(|id| look.on_target(verb, *id));
            each.collect::<Result<Vec<_>, DecideError>>()?.concat()
        }
        C::RenameInstance(id, _) | C::UpdateInstance(id, _) => look.on_target(V::Update, *id)?,
        C::StartInstance(id) | C::StopInstance(id) => look.on_target(V::Operate, *id)?,
        C::DeleteInstance(id) => look.on_target(V::Delete, *id)?,
        C::Attach(instance, new) => {
            let mut needs = look.of_attachment(new)?;
            needs.extend(look.on_target(V::Operate, *instance)?);
            needs
        }
        C::RenameAttachment(id, _) | C::UpdateAttachment(id, _) => look.on_its_target(V::Update, *id)?,
        // A child interface is a part of its server.
        C::UpdateChild(id, update) => {
            let mut needs = look.on_its_target(V::Update, *id)?;
            needs.extend(of_properties(update.allow_ip_spoofing, None, None));
            needs
        }
        C::DeleteChild(id) => look.on_its_target(V::Update, *id)?,
        C::Detach { attachment, .. } | C::DeleteAttachment(attachment) => look.of_detachment(*attachment)?,
        C::MoveVni { vni, to, .. } => {
            let mut needs = vec![Need::one(V::Attach, *vni), Need::one(V::Detach, *vni)];
            needs.extend(look.on_target(V::Operate, *to)?);
            needs.extend(look.target_of(*vni)?);
            needs
        }
    })
}

/// Values other than the default ones of these properties need permissions of their own. Who is not checked may send from
/// foreign addresses, whichever API's word for it is used.
fn of_properties(spoofing: Option<bool>, checked: Option<bool>, nat: Option<bool>) -> impl Iterator<Item = Need> {
    let foreign = spoofing == Some(true) || checked == Some(false);
    let spoofing = foreign.then(|| Need::any(T::Vni, V::ManageIpSpoofing));
    let nat = (nat == Some(false)).then(|| Need::any(T::Vni, V::ManageInfrastructureNat));
    spoofing.into_iter().chain(nat)
}

fn of_update(id: VniId, update: &UpdateVni) -> Vec<Need> {
    let UpdateVni { allow_ip_spoofing, source_dest_check, enable_infrastructure_nat, .. } = *update;
    let own = of_properties(allow_ip_spoofing, source_dest_check, enable_infrastructure_nat);
    let own = own.map(|need| Need { of: Some(id.into()), ..need });
    std::iter::once(Need::one(V::Update, id)).chain(own).collect()
}

/// Looking up what commands name indirectly.
struct Look<'a>(&'a dyn Snapshot);

impl Look<'_> {
    fn tagged(&self, id: &str) -> Result<Vec<Need>, DecideError> {
        if let Some(thing) = Thing::named(id) {
            return Ok(vec![Need::one(V::Update, thing)]);
        }
        if let Ok(id) = id.parse() {
            return self.of_reserved(id, V::Update);
        }
        if let Ok(id) = id.parse() {
            return self.of_table(id);
        }
        let kind = match id.split('-').next() {
            Some("sgr") => T::SecurityGroup,
            Some("eni") => T::Vni,
            Some("scr") => T::Subnet,
            _ => T::Vpc,
        };
        Ok(vec![Need::any(kind, V::Update)])
    }

    fn of_table(&self, table: RouteTableId) -> Result<Vec<Need>, DecideError> {
        let found = query::find::<RouteTable>(self.0, table)?;
        Ok(found.map(|(table, _)| Need::one(V::Update, table.vpc)).into_iter().collect())
    }

    /// Reserved addresses are a part of their subnet.
    fn of_reserved(&self, ip: ReservedIpId, verb: V) -> Result<Vec<Need>, DecideError> {
        let found = query::find::<ReservedIp>(self.0, ip)?;
        Ok(found.map(|(ip, _)| Need::one(verb, ip.subnet)).into_iter().collect())
    }

    fn of_choice(&self, choice: &IpChoice) -> Result<Vec<Need>, DecideError> {
        match choice {
            IpChoice::Reserved(ip) => self.of_reserved(*ip, V::Operate),
            IpChoice::Auto { .. } | IpChoice::Address { .. } => Ok(Vec::new()),
        }
    }

    /// What an interface needs of who uses it, which another account may have lent: no role is on that one thing then, but one on
    /// all interfaces.
    fn of_usable(&self, verb: V, vni: VniId, to: VniUse) -> Result<Need, DecideError> {
        if query::find::<Vni>(self.0, vni)?.is_none()
            && let Some((lent, _)) = query::follow_if_there::<Vni>(self.0, vni)?
            && query::permits(self.0, &lent, &query::owner(self.0)?, to)?
        {
            return Ok(Need::any(T::Vni, verb));
        }
        Ok(Need::one(verb, vni))
    }

    fn holder(&self, ip: ReservedIpId) -> Result<Option<VniId>, DecideError> {
        Ok(query::find::<ReservedIp>(self.0, ip)?.and_then(|(ip, _)| ip.bound_to))
    }

    fn led_to(&self, ip: FloatingIpId) -> Result<Option<VniId>, DecideError> {
        let found = query::find::<FloatingIp>(self.0, ip)?;
        Ok(found.and_then(|(ip, _)| match ip.target {
            Some(FloatingIpTarget::Vni { vni, .. }) => Some(vni),
            _ => None,
        }))
    }

    fn of_new_vni(&self, create: &CreateVni) -> Result<Vec<Need>, DecideError> {
        let mut needs = vec![Need::any(T::Vni, V::Create)];
        needs.extend(self.of_described(create)?);
        Ok(needs)
    }

    /// What an interface to be made names, and how it is to be.
    fn of_described(&self, create: &CreateVni) -> Result<Vec<Need>, DecideError> {
        let mut needs: Vec<Need> = create.subnet.map(|subnet| Need::one(V::Operate, subnet)).into_iter().collect();
        for choice in std::iter::once(&create.primary_ip).chain(&create.ips) {
            needs.extend(self.of_choice(choice)?);
        }
        needs.extend(create.security_groups.iter().map(|group| Need::one(V::Operate, *group)));
        needs.extend(of_properties(
            create.allow_ip_spoofing,
            create.source_dest_check,
            create.enable_infrastructure_nat,
        ));
        Ok(needs)
    }

    /// The interface's half of an attachment.
    fn of_attachment(&self, new: &NewAttachment) -> Result<Vec<Need>, DecideError> {
        self.of_choice_of_vni(&new.vni)
    }

    fn of_choice_of_vni(&self, choice: &VniChoice) -> Result<Vec<Need>, DecideError> {
        match choice {
            VniChoice::Existing(vni) => Ok(vec![self.of_usable(V::Attach, *vni, VniUse::Attach)?]),
            VniChoice::New(create) => {
                let mut needs = self.of_new_vni(create)?;
                needs.push(Need::any(T::Vni, V::Attach));
                Ok(needs)
            }
            // It is part of its server, which is asked about; what it names is looked at all the same.
            VniChoice::Child(create) => self.of_described(create),
        }
    }

    fn of_new_instance(&self, create: &CreateInstance) -> Result<Vec<Need>, DecideError> {
        let mut needs = vec![Need::any(type_of(create.role), V::Create), Need::one(V::Operate, create.vpc)];
        for new in create.primary.iter().chain(&create.attachments) {
            needs.extend(self.of_attachment(new)?);
        }
        Ok(needs)
    }

    fn attached(&self, id: AttachmentId) -> Result<Option<Attachment>, DecideError> {
        Ok(query::find::<Attachment>(self.0, id)?.map(|(found, _)| found))
    }

    /// As [`Look::on_target`], of the target that an attachment is of.
    fn on_its_target(&self, verb: V, id: AttachmentId) -> Result<Vec<Need>, DecideError> {
        match self.attached(id)? {
            Some(found) => self.on_target(verb, found.instance),
            None => Ok(Vec::new()),
        }
    }

    /// Either end's owner may end an attachment, and only one of them owns it: what is not theirs needs nothing of them.
    fn of_detachment(&self, id: AttachmentId) -> Result<Vec<Need>, DecideError> {
        let Some((found, _)) = query::follow_if_there::<Attachment>(self.0, id)? else { return Ok(Vec::new()) };
        let is_lent = self.attached(id)?.is_some() && query::find::<Vni>(self.0, found.vni)?.is_none();
        let detach = if is_lent { Need::any(T::Vni, V::Detach) } else { Need::one(V::Detach, found.vni) };
        let mut needs = vec![detach];
        needs.extend(self.on_target(V::Operate, found.instance)?);
        Ok(needs)
    }

    /// The target's half of an attachment: an instance, or what else it is to its users.
    fn on_target(&self, verb: V, id: InstanceId) -> Result<Vec<Need>, DecideError> {
        let Some((found, _)) = query::find::<Instance>(self.0, id)? else { return Ok(Vec::new()) };
        Ok(vec![match found.role {
            Role::ShareMount(share) => Need::one(verb, share),
            role => Need { action: Action { on: type_of(role), verb }, of: Some(id.into()) },
        }])
    }

    fn target_of(&self, vni: VniId) -> Result<Vec<Need>, DecideError> {
        let found = query::find::<Vni>(self.0, vni)?;
        let Some(attachment) = found.and_then(|(vni, _)| vni.attachment) else { return Ok(Vec::new()) };
        match self.attached(attachment)? {
            Some(found) => self.on_target(V::Operate, found.instance),
            None => Ok(Vec::new()),
        }
    }
}

/// Of what type a target is that is kept as an instance.
fn type_of(role: Role) -> T {
    match role.target_kind() {
        TargetKind::Instance => T::Instance,
        TargetKind::BareMetal => T::BareMetalServer,
        TargetKind::ShareMount => T::Share,
    }
}
