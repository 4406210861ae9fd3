//! CreateRouteTable.

use pintle_core::refusal::Noun;
use pintle_core::{Command, Reply, query};

use super::show::TableView;
use crate::ec2::operation::{Operation, Work, other_reply};
use crate::view::View;

pub(in crate::ec2) const OPERATION: Operation =
    Operation::change("CreateRouteTable", "whole; in VPCs that route by tables", |params, caller| {
        let caller = caller.clone();
        let vpc = params.required_id("VpcId")?;
        params.tagged("route-table", Noun::RouteTable)?;
        let token = params.client_token()?;
        Ok(Work::change(Command::CreateRouteTable(vpc), move |snapshot, reply, xml| {
            let Reply::RouteTable(table) = reply else { return Err(other_reply(&reply)) };
            let tags = query::tags(snapshot, &table)?;
            let view = TableView::read(snapshot, table.id)?;
            xml.nest("routeTable", |xml| view.write_item(xml, &caller, &tags));
            xml.option("clientToken", token);
            Ok(())
        }))
    });
