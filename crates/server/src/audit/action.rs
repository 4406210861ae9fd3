//! What a command is called in the audit log, and what it is about.

use pintle_core::command::{CreateVni, InstancesChange, IpChoice, VniChoice};
use pintle_core::model::TargetKind;
use pintle_core::{Command, Reply};

use super::Marks;

/// What a command is called, and what it is about as far as the request says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Kind and verb.
    pub action: &'static str,
    /// Ids, the most important one first.
    pub ids: Vec<String>,
    /// The kind of target, where something is attached or detached and that is known.
    pub kind: Option<TargetKind>,
    /// What is worth knowing of it.
    pub marks: Marks,
}

impl About {
    fn new(action: &'static str) -> Self {
        About { action, ..About::default() }
    }

    fn of(mut self, id: impl ToString) -> Self {
        self.add(id.to_string());
        self
    }

    fn all(self, ids: impl IntoIterator<Item = impl ToString>) -> Self {
        ids.into_iter().fold(self, About::of)
    }

    fn add(&mut self, id: String) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }
}

/// What a command is called and is about.
pub fn about(command: &Command) -> About {
    About { marks: Marks::of(command), ..named(command) }
}

fn named(command: &Command) -> About {
    use Command as C;
    let new = About::new;
    match command {
        // Commands that go together are of one kind.
        C::Batch(commands) => {
            let mut all = commands.iter().map(named);
            let first = all.next().unwrap_or_else(|| new("nothing"));
            all.flat_map(|other| other.ids).fold(first, About::of)
        }
        C::ChangeTags(change) => new("tags.change").all(&change.resources),
        C::SetQuota { account, quota, .. } => new("quota.set").of(account).of(quota),
        C::ForgetTokens => new("tokens.forget"),
        C::ConfigureRegions(_) => new("regions.configure"),
        C::ConfigureIpv6Range(_) => new("ipv6-range.configure"),
        C::EnsureDefaults(owner) => new("account.ensure-defaults").of(owner.account),
        C::CreateAccessKey(create) => new("access-key.create").of(create.id).of(create.account),
        C::DeleteAccessKey(id) => new("access-key.delete").of(id),
        C::UpdateFlowLog(id, _) => new("flow-log.update").of(id),
        C::AddAddressPrefix(vpc, _) => new("vpc.add-range").of(vpc),
        C::UpdateAddressPrefix(id, _) => new("vpc.update-range").of(id),
        C::RemoveAddressPrefix(id) => new("vpc.remove-range").of(id),
        C::PlaceSubnet(place) => new("subnet.create").of(place.vpc).all(place.route_table),
        C::CreateRoutingTable(create) => new("route-table.create").of(create.vpc),
        C::RenameRouteTable(id, _) => new("route-table.update").of(id),
        C::AddZoneRoute(table, _) => new("route-table.add-route").of(table),
        C::UpdateZoneRoute(table, id, _) => new("route-table.replace-route").of(table).of(id),
        C::RemoveZoneRoute(table, id) => new("route-table.delete-route").of(table).of(id),
        C::CreateSshKey(_) => new("ssh-key.create"),
        C::RenameSshKey(id, _) => new("ssh-key.update").of(id),
        C::DeleteSshKey(id) => new("ssh-key.delete").of(id),
        C::CreateApiKey(create) => new("api-key.create").all(create.id).of(create.account),
        C::DeleteApiKey(id) => new("api-key.delete").of(id),
        C::CreatePolicy(key, _) => new("policy.create").of(key),
        C::DeletePolicy(id) => new("policy.delete").of(id),
        C::CreateAccount(create) => new("account.create").all(create.id),
        C::CreateVpc(_) => new("vpc.create"),
        C::RenameVpc(id, _) | C::UpdateVpc(id, _) => new("vpc.update").of(id),
        C::DeleteVpc(id) | C::DeleteBareVpc(id) => new("vpc.delete").of(id),
        C::CreateDefaultVpc => new("vpc.create"),
        C::AddVpcRange(id, _) => new("vpc.add-range").of(id),
        C::RemoveVpcRange(id) => new("vpc.remove-range").of(id),
        C::CreateDhcpOptionSet(_) => new("dhcp-option-set.create"),
        C::DeleteDhcpOptionSet(id) => new("dhcp-option-set.delete").of(id),
        C::AssociateDhcpOptionSet(vpc, set) => new("vpc.set-dhcp-options").of(vpc).all(set),
        C::CreateDefaultSubnet(_) => new("subnet.create"),
        C::AddSubnetRange(id, _) => new("subnet.add-range").of(id),
        C::RemoveSubnetRange(id) => new("subnet.remove-range").of(id),
        C::CreateSubnetReservation(create) => new("subnet-reservation.create").of(create.subnet),
        C::DeleteSubnetReservation(id) => new("subnet-reservation.delete").of(id),
        C::CreateSubnet(create) => new("subnet.create").of(create.vpc),
        C::RenameSubnet(id, _) | C::UpdateSubnet(id, _) => new("subnet.update").of(id),
        C::DeleteSubnet(id) => new("subnet.delete").of(id),
        C::CreateReservedIp(create) => new("reserved-ip.create").of(create.subnet).all(create.target),
        C::UpdateReservedIp(id, _) => new("reserved-ip.update").of(id),
        C::DeleteReservedIp(id) => new("reserved-ip.delete").of(id),
        C::CreateVni(create) => created(new("vni.create"), create),
        C::UpdateVni(id, _) => new("vni.update").of(id),
        C::DeleteVni(id) => new("vni.delete").of(id),
        C::AddVniIp(id, choice) => new("vni.add-ip").of(id).all(existing(choice)),
        C::RemoveVniIp(id, ip) => new("vni.remove-ip").of(id).of(ip),
        C::MoveVniIp(ip, to) => new("vni.move-ip").of(to).of(ip),
        C::TakeVniIp(id, _) => new("vni.move-ip").of(id),
        C::AddVniPrefix(id, _) => new("vni.add-prefix").of(id),
        C::RemoveVniPrefix(id, _) => new("vni.remove-prefix").of(id),
        C::ChangeVniGroups(id, _) => new("vni.set-security-groups").of(id),
        C::QuarantineVni(id, groups) => new("vni.quarantine").of(id).all(groups),
        C::ReleaseVni(id) => new("vni.release").of(id),
        C::FlushVni(id) => new("vni.flush").of(id),
        C::ShadowVni(id, groups) => new("vni.shadow").of(id).all(groups.iter().flatten()),
        C::CreateVniPermission(create) => new("vni-permission.create").of(create.vni).of(create.account),
        C::RevokeVniPermission { id, .. } => new("vni-permission.revoke").of(id),
        C::CreateSecurityGroup(create) => new("security-group.create").of(create.vpc),
        C::UpdateSecurityGroup(id, _) => new("security-group.update").of(id),
        C::DeleteSecurityGroup(id) => new("security-group.delete").of(id),
        C::ChangeRules(id, _) => new("security-group.change-rules").of(id),
        C::CreateNetworkAcl(create) => new("network-acl.create").of(create.vpc),
        C::RenameNetworkAcl(id, _) => new("network-acl.update").of(id),
        C::DeleteNetworkAcl(id) => new("network-acl.delete").of(id),
        C::ChangeAclRules(id, _) => new("network-acl.change-rules").of(id),
        C::CreatePrefixList(_) => new("prefix-list.create"),
        C::UpdatePrefixList(id, _) => new("prefix-list.update").of(id),
        C::RestorePrefixList { id, .. } => new("prefix-list.restore").of(id),
        C::CreateFlowLog(create) => new("flow-log.create").of(create.target),
        C::DeleteFlowLog(id) => new("flow-log.delete").of(id),
        C::DeletePrefixList(id) => new("prefix-list.delete").of(id),
        C::CreatePublicPool(_) => new("public-pool.create"),
        C::DeletePublicPool(id) => new("public-pool.delete").of(id),
        C::CreateFloatingIp(_) => new("floating-ip.create"),
        C::RenameFloatingIp(id, _) => new("floating-ip.update").of(id),
        C::AssociateFloatingIp { id, .. } => new("floating-ip.associate").of(id),
        C::DisassociateFloatingIp(id) => new("floating-ip.disassociate").of(id),
        C::EndAssociation(id) => new("floating-ip.disassociate").of(id),
        C::NameFloatingIpDomain(id, _) => new("floating-ip.update").of(id),
        C::DeleteFloatingIp(id) | C::ReleaseFloatingIp(id) => new("floating-ip.delete").of(id),
        C::CreatePublicGateway(create) => new("public-gateway.create").of(create.vpc),
        C::RenamePublicGateway(id, _) => new("public-gateway.update").of(id),
        C::DeletePublicGateway(id) => new("public-gateway.delete").of(id),
        C::CreateNatGateway(create) => new("public-gateway.create").of(create.subnet),
        C::CreateInternetGateway => new("internet-gateway.create"),
        C::AttachInternetGateway(id, vpc) => new("internet-gateway.attach").of(id).of(vpc),
        C::DetachInternetGateway(id, vpc) => new("internet-gateway.detach").of(id).of(vpc),
        C::DeleteInternetGateway(id) => new("internet-gateway.delete").of(id),
        C::CreateRouteTable(vpc) => new("route-table.create").of(vpc),
        C::DeleteRouteTable(id) => new("route-table.delete").of(id),
        C::CreateRoute(table, _) => new("route-table.add-route").of(table),
        C::ReplaceRoute(table, _) => new("route-table.replace-route").of(table),
        C::DeleteRoute(table, _) => new("route-table.delete-route").of(table),
        C::AssociateRouteTable(subnet, table) => new("route-table.associate").of(table).of(subnet),
        C::DisassociateRouteTable(id) => new("route-table.disassociate").of(id),
        C::ReplaceRouteAssociation(id, table) => new("route-table.replace-association").of(table).of(id),
        C::CreateInstance(create) => new("instance.create").of(create.vpc).all(create.host),
        C::CreateInstances(create) => new("instance.create").of(create.each.vpc),
        C::ChangeInstances(ids, InstancesChange::Start) => new("instance.start").all(ids),
        C::ChangeInstances(ids, InstancesChange::Stop) => new("instance.stop").all(ids),
        C::ChangeInstances(ids, InstancesChange::Delete) => new("instance.delete").all(ids),
        C::RenameInstance(id, _) | C::UpdateInstance(id, _) => new("instance.update").of(id),
        C::StartInstance(id) => new("instance.start").of(id),
        C::StopInstance(id) => new("instance.stop").of(id),
        C::DeleteInstance(id) => new("instance.delete").of(id),
        C::Attach(instance, attachment) => match &attachment.vni {
            VniChoice::Existing(vni) => new("vni.attach").of(vni).of(instance),
            VniChoice::New(create) => created(new("vni.attach"), create).of(instance),
            VniChoice::Child(create) => created(new("network-interface.create"), create).of(instance),
        },
        C::RenameAttachment(id, _) | C::UpdateAttachment(id, _) => new("attachment.update").of(id),
        C::UpdateChild(id, _) => new("network-interface.update").of(id),
        C::DeleteChild(id) => new("network-interface.delete").of(id),
        C::Detach { attachment, force: false } => new("vni.detach").of(attachment),
        C::DeleteAttachment(id) => new("vni.detach-and-delete").of(id),
        C::Detach { attachment, force: true } => new("vni.force-detach").of(attachment),
        C::MoveVni { vni, to, .. } => new("vni.move").of(vni).of(to),
        C::CreateShare(create) => new("share.create").all(create.host),
        C::UpdateShare(id, _) => new("share.update").of(id),
        C::DeleteShare(id) => new("share.delete").of(id),
        C::CreateMountTarget(share, target) => match &target.vni {
            VniChoice::Existing(vni) => new("share.create-mount-target").of(share).of(vni),
            VniChoice::New(create) | VniChoice::Child(create) => {
                created(new("share.create-mount-target").of(share), create)
            }
        },
        C::RenameMountTarget(id, _) => new("share.update-mount-target").of(id),
        C::DeleteMountTarget(id) => new("share.delete-mount-target").of(id),
        C::ShareRealised(id) => new("share.realised").of(id),
        C::ShareFailed(id, _) => new("share.failed").of(id),
        C::ShareGone(id) => new("share.gone").of(id),
        C::RegisterHost(register) => new("host.register").of(register.id),
        C::DeleteHost(id) => new("host.delete").of(id),
        C::DeleteLostHost(id) => new("host.delete-lost").of(id),
        C::AttachmentRealised(id, _) => new("attachment.realised").of(id),
        C::AttachmentFailed(id, ..) => new("attachment.failed").of(id),
        C::AttachmentGone(id) => new("attachment.gone").of(id),
        C::InstanceRealised(id) => new("instance.realised").of(id),
        C::InstanceFailed(id, _) => new("instance.failed").of(id),
        C::InstanceStopped(id) => new("instance.stopped").of(id),
        C::InstanceGone(id) => new("instance.gone").of(id),
        C::AdvanceMove(id, _) => new("vni.advance-move").of(id),
        C::AbortMove(id, _) => new("vni.abort-move").of(id),
        C::EndAdoption(id) => new("attachment.end-adoption").of(id),
    }
}

fn created(about: About, create: &CreateVni) -> About {
    about.all(create.subnet).all(&create.security_groups)
}

fn existing(choice: &IpChoice) -> Option<impl ToString> {
    match choice {
        IpChoice::Reserved(id) => Some(*id),
        IpChoice::Auto { .. } | IpChoice::Address { .. } => None,
    }
}

/// Adds what the reply shows. What was created comes first; where it is about an interface, that does.
pub fn add_reply(about: &mut About, reply: &Reply) {
    if let Reply::Batch(replies) = reply {
        return replies.iter().for_each(|reply| add_reply(about, reply));
    }
    let creates = about.action.ends_with(".create");
    let mut ids: Vec<String> = match reply {
        Reply::AccessKey(key) => vec![key.id.to_string()],
        Reply::ApiKey(key) => vec![key.id.to_string(), key.account.to_string()],
        Reply::Policy(key, policy) => vec![policy.id.to_string(), key.to_string()],
        Reply::Account(account) => vec![account.id.to_string()],
        Reply::Vpc(vpc) => vec![vpc.id.to_string()],
        Reply::Subnet(subnet) => vec![subnet.id.to_string(), subnet.vpc.to_string()],
        Reply::ReservedIp(ip) => vec![ip.id.to_string(), ip.subnet.to_string()],
        Reply::Vni(vni) => vec![vni.id.to_string()],
        Reply::VniPermission(permission) => vec![permission.id.to_string(), permission.vni.to_string()],
        Reply::Instance(instance) => vec![instance.id.to_string()],
        Reply::InstanceChanges(changes) => changes.iter().map(|change| change.after.id.to_string()).collect(),
        Reply::Attachment(made) => {
            vec![made.vni.to_string(), made.id.to_string(), made.instance.to_string(), made.host.to_string()]
        }
        Reply::Move(moving) => vec![moving.vni.to_string(), moving.from.to_string(), moving.to.to_string()],
        Reply::Host(host) => vec![host.id.to_string()],
        Reply::SecurityGroup(group) => vec![group.id.to_string(), group.vpc.to_string()],
        Reply::NetworkAcl(acl) => vec![acl.id.to_string(), acl.vpc.to_string()],
        Reply::PrefixList(list) => vec![list.id.to_string()],
        Reply::FlowLog(log) => vec![log.id.to_string(), log.target.to_string()],
        Reply::PublicPool(pool) => vec![pool.id.to_string()],
        Reply::FloatingIp(ip) => vec![ip.id.to_string()],
        Reply::PublicGateway(gateway) => vec![gateway.id.to_string(), gateway.vpc.to_string()],
        Reply::InternetGateway(gateway) => vec![gateway.id.to_string()],
        Reply::RouteTable(table) => vec![table.id.to_string(), table.vpc.to_string()],
        Reply::RouteAssociation(made) => vec![made.table.to_string(), made.id.to_string()],
        Reply::Prefix(_) | Reply::Batch(_) | Reply::Done => Vec::new(),
        Reply::VpcRange(vpc, range) => vec![vpc.id.to_string(), range.id.to_string()],
        Reply::SubnetReservation(made) => vec![made.id.to_string(), made.subnet.to_string()],
        Reply::DhcpOptionSet(set) => vec![set.id.to_string()],
        Reply::SshKey(key) => vec![key.id.to_string()],
        Reply::AddressPrefix(prefix) => vec![prefix.vpc.to_string(), prefix.id.to_string()],
        Reply::Share(share) => vec![share.id.to_string(), share.host.to_string()],
    };
    let first = matches!(reply, Reply::Attachment(_)) && about.action.starts_with("vni.");
    if creates || first {
        std::mem::swap(&mut ids, &mut about.ids);
    }
    ids.into_iter().for_each(|id| about.add(id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use pintle_core::id::{AttachmentId, HostId, InstanceId, VniId, VpcId};
    use pintle_core::lifecycle::Lifecycle;
    use pintle_core::model::{AccountId, Attachment, Nic, Owner, Timestamp};

    #[test]
    fn p04_what_is_detached_is_found_by_the_interface_the_instance_and_the_host() {
        let attachment = AttachmentId::from_bits(1);
        let mut about = about(&Command::Detach { attachment, force: true });
        assert_eq!((about.action, about.ids.len()), ("vni.force-detach", 1));
        let reply = Reply::Attachment(Attachment {
            id: attachment,
            owner: Owner::new(AccountId::FIRST, "local"),
            name: "a".into(),
            created_at: Timestamp(0),
            vni: VniId::from_bits(2),
            vpc: VpcId::from_bits(3),
            instance: InstanceId::from_bits(4),
            host: HostId::from_bits(5),
            index: 0,
            card: 0,
            card_index: 0,
            nic: Nic::default(),
            own_public_address: false,
            primary: false,
            default_route: false,
            generation: 1,
            port_speed: None,
            adopting: false,
            lifecycle: Lifecycle::Deleting,
            failure: None,
        });
        add_reply(&mut about, &reply);
        let kinds: Vec<&str> = about.ids.iter().map(|id| id.rsplit_once('-').unwrap().0).collect();
        assert_eq!(kinds, ["eni", "eni-attach", "i", "host"]);
    }
}
