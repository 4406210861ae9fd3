//! What was decoded last, per thread: a decision and its answer decode the same few records (a VPC, a subnet, limits) again and
//! again, and copying one costs a tenth of that.
//!
//! What is kept is a function of the bytes and nothing else, and the bytes are compared: a value that was written anew, or is of
//! another store, is decoded anew.

use std::any::Any;
use std::cell::RefCell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Places, of which each key has one.
const PLACES: usize = 64;
/// Larger values are not kept; a thread keeps some hundred KiB at most, what they decode to included.
const LARGEST: usize = 2 << 10;

struct Known {
    key: Box<str>,
    bytes: Box<[u8]>,
    decoded: Box<dyn Any>,
}

thread_local! {
    static KNOWN: RefCell<[Option<Known>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// What these bytes decode to.
pub(crate) fn of<T: Clone + 'static, E>(
    key: &str,
    bytes: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, E> {
    let place = BuildHasherDefault::<DefaultHasher>::default().hash_one(key) as usize % PLACES;
    let known = KNOWN.with_borrow(|known| {
        let known = known[place].as_ref().filter(|known| *known.key == *key && *known.bytes == *bytes)?;
        known.decoded.downcast_ref::<T>().cloned()
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let decoded = decode(bytes)?;
    if bytes.len() <= LARGEST {
        let known = Known { key: key.into(), bytes: bytes.into(), decoded: Box::new(decoded.clone()) };
        KNOWN.with_borrow_mut(|all| all[place] = Some(known));
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_same_bytes_are_decoded_once_and_others_anew() {
        let decoded = Cell::new(0);
        let text = |bytes: &[u8]| {
            decoded.set(decoded.get() + 1);
            String::from_utf8(bytes.to_vec())
        };
        for _ in 0..3 {
            assert_eq!(of("key", b"one", text).unwrap(), "one");
        }
        assert_eq!(decoded.get(), 1);
        assert_eq!(of("key", b"two", text).unwrap(), "two");
        of("key", &[0xff], text).unwrap_err();
        assert_eq!(of("key", b"two", text).unwrap(), "two");
        assert_eq!(of("key", b"two", |bytes| Ok::<_, ()>(bytes.len())).unwrap(), 3, "another type is decoded anew");
        assert_eq!(decoded.get(), 3);
    }
}
