//! The layout of the maps as text, and its version.
//!
//! A new build takes over the maps of the old one with all their entries. That is only right while both mean the same
//! bytes, so the version is part of every map's pinned name, and a test compares the layout with a checked-in copy.

use std::ffi::OsStr;
use std::fmt::Write;
use std::mem::MaybeUninit;

use libbpf_rs::btf::types::{Array, MemberAttr, Struct};
use libbpf_rs::btf::{Btf, BtfType, HasSize};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{AsRawLibbpf, MapType};

use crate::error::{DatapathError, Result};
use crate::maps::MapName;
use crate::skel::PintleSkelBuilder;

/// Raised with every change of a map's key or value.
pub const LAYOUT_VERSION: u32 = 6;

/// The keys and values of every map, field by field, as the compiled object's BTF has them.
///
/// # Errors
/// When the object has no BTF.
pub fn describe() -> Result<String> {
    let failed = |source| DatapathError::Load { source };
    let mut storage = MaybeUninit::uninit();
    let skel = PintleSkelBuilder::default().open(&mut storage).map_err(failed)?;
    // SAFETY: the object lives in `storage`, which outlives the borrow.
    let object = unsafe { skel.open_object().as_libbpf_object().as_ref() };
    let btf = Btf::from_bpf_object(object).map_err(failed)?;
    let btf = btf.ok_or_else(|| failed(libbpf_rs::Error::from(std::io::Error::other("the object has no BTF"))))?;

    let mut text = format!("layout version {LAYOUT_VERSION}\n");
    for name in MapName::ALL.iter().copied() {
        let map = skel.open_object().maps().find(|map| map.name() == name.text()).expect("the skeleton has every map");
        let map_kind: MapType = map.map_type();
        // SAFETY: the map belongs to the open object above.
        let raw = unsafe { map.as_libbpf_object().as_ref() };
        // SAFETY: as above; both calls only read.
        let (key, value) =
            unsafe { (libbpf_sys::bpf_map__btf_key_type_id(raw), libbpf_sys::bpf_map__btf_value_type_id(raw)) };
        let _ = writeln!(text, "\n{} {:?}", name.text(), map_kind);
        for (role, id) in [("key", key), ("value", value)] {
            if let Some(ty) = btf.type_by_id::<BtfType<'_>>(id.into()) {
                describe_type(&mut text, role, &btf, ty);
            }
        }
    }
    Ok(text)
}

fn describe_type(text: &mut String, role: &str, btf: &Btf<'_>, ty: BtfType<'_>) {
    let Ok(structure) = Struct::try_from(ty) else {
        let _ = writeln!(text, "  {role}: {}", type_text(ty));
        return;
    };
    let _ = writeln!(text, "  {role}: struct {}, {} bytes", name_of(ty.name()), structure.size());
    describe_fields(text, btf, &structure, 4);
}

/// The fields, and below a field that is a structure itself, or several, the fields of one.
fn describe_fields(text: &mut String, btf: &Btf<'_>, structure: &Struct<'_>, indent: usize) {
    for member in structure.iter() {
        let (MemberAttr::Normal { offset } | MemberAttr::BitField { offset, .. }) = member.attr;
        let Some(ty) = btf.type_by_id::<BtfType<'_>>(member.ty) else { continue };
        let _ = writeln!(text, "{:indent$}{:3} {}: {}", "", offset / 8, name_of(member.name), type_text(ty));
        let inner = Array::try_from(ty).map_or(ty, |array| array.contained_type());
        if let Ok(inner) = Struct::try_from(inner) {
            describe_fields(text, btf, &inner, indent + 4);
        }
    }
}

/// A field's type as C writes it: the name it was given (`__be32`), or the element and the length of an array.
fn type_text(ty: BtfType<'_>) -> String {
    match Array::try_from(ty) {
        Ok(array) => format!("{}[{}]", name_of(array.contained_type().name()), array.capacity()),
        Err(_) => name_of(ty.name()),
    }
}

fn name_of(name: Option<&OsStr>) -> String {
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
