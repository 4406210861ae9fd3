//! The one operation of the security token service that clients call before they do anything: who am I.

use super::operation::{Class, Operation, Service, Work};

pub(super) const GET_CALLER_IDENTITY: Operation = Operation {
    name: "GetCallerIdentity",
    service: Service::Sts,
    class: Class::Read,
    about: "the account of the access key; every key acts as its account's root",
    decode: |_, caller| {
        let account = caller.account.to_string();
        Ok(Work::read(move |_, xml| {
            xml.text("Arn", format!("arn:aws:iam::{account}:root"));
            xml.text("UserId", &account);
            xml.text("Account", &account);
            Ok(())
        }))
    },
};
