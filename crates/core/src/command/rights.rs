//! Who may ask for what: some commands are the operator's, and the list names every other one, so that none is forgotten.

use super::Command;

impl Command {
    /// What a command does that tenants may not ask for, in words.
    pub fn operators(&self) -> Option<&'static str> {
        Some(match self {
            Command::Batch(commands) => return commands.iter().find_map(Command::operators),
            Command::SetQuota { .. } => "changing quotas",
            Command::ForgetTokens => "forgetting tokens",
            Command::ConfigureRegions(_) => "configuring regions",
            Command::ConfigureIpv6Range(_) => "configuring the IPv6 range",
            Command::EnsureDefaults(_) => "making what an account begins with",
            Command::CreateAccessKey(_) | Command::DeleteAccessKey(_) => "changing access keys",
            Command::CreateApiKey(_) | Command::DeleteApiKey(_) => "changing API keys",
            Command::CreatePolicy(..) | Command::DeletePolicy(_) => "changing what keys may do",
            Command::CreateAccount(_) => "creating an account",
            Command::CreatePublicPool(_) | Command::DeletePublicPool(_) => "changing public pools",
            Command::RegisterHost(_) | Command::DeleteHost(_) | Command::DeleteLostHost(_) => "changing hosts",
            Command::AttachmentRealised(..)
            | Command::AttachmentFailed(..)
            | Command::AttachmentGone(_)
            | Command::InstanceRealised(_)
            | Command::InstanceFailed(..)
            | Command::InstanceStopped(_)
            | Command::InstanceGone(_)
            | Command::ShareRealised(_)
            | Command::ShareFailed(..)
            | Command::ShareGone(_)
            | Command::AdvanceMove(..)
            | Command::AbortMove(..)
            | Command::EndAdoption(_) => "reporting for a host",
            Command::ChangeTags(..)
            | Command::CreateShare(..)
            | Command::UpdateShare(..)
            | Command::DeleteShare(..)
            | Command::CreateMountTarget(..)
            | Command::RenameMountTarget(..)
            | Command::DeleteMountTarget(..)
            | Command::CreateVpc(..)
            | Command::RenameVpc(..)
            | Command::UpdateVpc(..)
            | Command::DeleteVpc(..)
            | Command::DeleteBareVpc(..)
            | Command::CreateDefaultVpc
            | Command::AddVpcRange(..)
            | Command::RemoveVpcRange(..)
            | Command::CreateDhcpOptionSet(..)
            | Command::DeleteDhcpOptionSet(..)
            | Command::AssociateDhcpOptionSet(..)
            | Command::CreateDefaultSubnet(..)
            | Command::AddSubnetRange(..)
            | Command::RemoveSubnetRange(..)
            | Command::CreateSubnetReservation(..)
            | Command::DeleteSubnetReservation(..)
            | Command::CreateSubnet(..)
            | Command::RenameSubnet(..)
            | Command::UpdateSubnet(..)
            | Command::DeleteSubnet(..)
            | Command::CreateReservedIp(..)
            | Command::UpdateReservedIp(..)
            | Command::DeleteReservedIp(..)
            | Command::CreateVni(..)
            | Command::UpdateVni(..)
            | Command::DeleteVni(..)
            | Command::AddVniIp(..)
            | Command::RemoveVniIp(..)
            | Command::MoveVniIp(..)
            | Command::TakeVniIp(..)
            | Command::AddVniPrefix(..)
            | Command::RemoveVniPrefix(..)
            | Command::ChangeVniGroups(..)
            | Command::QuarantineVni(..)
            | Command::ReleaseVni(..)
            | Command::FlushVni(..)
            | Command::ShadowVni(..)
            | Command::CreateVniPermission(..)
            | Command::RevokeVniPermission { .. }
            | Command::CreateSecurityGroup(..)
            | Command::UpdateSecurityGroup(..)
            | Command::DeleteSecurityGroup(..)
            | Command::ChangeRules(..)
            | Command::CreateNetworkAcl(..)
            | Command::RenameNetworkAcl(..)
            | Command::DeleteNetworkAcl(..)
            | Command::ChangeAclRules(..)
            | Command::CreatePrefixList(..)
            | Command::UpdatePrefixList(..)
            | Command::RestorePrefixList { .. }
            | Command::DeletePrefixList(..)
            | Command::UpdateFlowLog(..)
            | Command::AddAddressPrefix(..)
            | Command::UpdateAddressPrefix(..)
            | Command::RemoveAddressPrefix(..)
            | Command::PlaceSubnet(..)
            | Command::CreateRoutingTable(..)
            | Command::RenameRouteTable(..)
            | Command::AddZoneRoute(..)
            | Command::UpdateZoneRoute(..)
            | Command::RemoveZoneRoute(..)
            | Command::CreateSshKey(..)
            | Command::RenameSshKey(..)
            | Command::DeleteSshKey(..)
            | Command::CreateFlowLog(..)
            | Command::DeleteFlowLog(..)
            | Command::CreateFloatingIp(..)
            | Command::RenameFloatingIp(..)
            | Command::AssociateFloatingIp { .. }
            | Command::DisassociateFloatingIp(..)
            | Command::EndAssociation(..)
            | Command::NameFloatingIpDomain(..)
            | Command::ReleaseFloatingIp(..)
            | Command::DeleteFloatingIp(..)
            | Command::CreatePublicGateway(..)
            | Command::RenamePublicGateway(..)
            | Command::DeletePublicGateway(..)
            | Command::CreateNatGateway(..)
            | Command::CreateInternetGateway
            | Command::AttachInternetGateway(..)
            | Command::DetachInternetGateway(..)
            | Command::DeleteInternetGateway(..)
            | Command::CreateRouteTable(..)
            | Command::DeleteRouteTable(..)
            | Command::CreateRoute(..)
            | Command::ReplaceRoute(..)
            | Command::DeleteRoute(..)
            | Command::AssociateRouteTable(..)
            | Command::DisassociateRouteTable(..)
            | Command::ReplaceRouteAssociation(..)
            | Command::CreateInstance(..)
            | Command::CreateInstances(..)
            | Command::ChangeInstances(..)
            | Command::RenameInstance(..)
            | Command::UpdateInstance(..)
            | Command::StartInstance(..)
            | Command::StopInstance(..)
            | Command::DeleteInstance(..)
            | Command::Attach(..)
            | Command::RenameAttachment(..)
            | Command::UpdateAttachment(..)
            | Command::UpdateChild(..)
            | Command::DeleteChild(..)
            | Command::Detach { .. }
            | Command::DeleteAttachment(..)
            | Command::MoveVni { .. } => return None,
        })
    }
}
