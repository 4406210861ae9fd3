//! Profiles of file shares: how large a share may be, and how fast for its size. The numbers are IBM VPC's.

/// A profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareProfile {
    /// Its name.
    pub name: &'static str,
    /// Where each range of sizes ends (inclusive, in gigabytes), and the fewest and the most operations per second of a share
    /// in it; in ascending order.
    pub ranges: &'static [(u32, u32, u32)],
    /// The smallest share in gigabytes.
    pub least_gb: u32,
}

/// All profiles.
pub const PROFILES: &[ShareProfile] = &[ShareProfile {
    name: "dp2",
    ranges: &[
        (39, 100, 1_000),
        (79, 100, 2_000),
        (99, 100, 4_000),
        (499, 100, 6_000),
        (999, 100, 10_000),
        (1_999, 100, 20_000),
        (3_999, 200, 40_000),
        (7_999, 300, 40_000),
        (15_999, 500, 64_000),
        (32_000, 2_000, 96_000),
    ],
    least_gb: 10,
}];

/// The bytes of the largest operation, for the bandwidth that follows from operations per second.
const OPERATION: u64 = 256 * 1024;
/// The most bandwidth of any share, in megabits per second.
const MOST_BANDWIDTH: u32 = 8_192;

/// The profile with this name.
pub fn find(name: &str) -> Option<&'static ShareProfile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

impl ShareProfile {
    /// The largest share in gigabytes.
    pub fn most_gb(&self) -> u32 {
        self.ranges.last().map_or(0, |(end, ..)| *end)
    }

    /// The fewest and the most operations per second of a share of this size; `None`: there is no such share.
    pub fn iops(&self, size_gb: u32) -> Option<(u32, u32)> {
        let range = self.ranges.iter().find(|(end, ..)| size_gb <= *end).filter(|_| size_gb >= self.least_gb);
        range.map(|(_, least, most)| (*least, *most))
    }

    /// The fewest and the most operations per second of any share.
    pub fn any_iops(&self) -> (u32, u32) {
        let least = self.ranges.iter().map(|(_, least, _)| *least).min().unwrap_or(0);
        (least, self.ranges.iter().map(|(.., most)| *most).max().unwrap_or(0))
    }
}

/// The bandwidth of a share with so many operations per second, in megabits (1,000,000 bits) per second.
pub fn bandwidth(iops: u32) -> u32 {
    let bits = u64::from(iops) * OPERATION * 8;
    u32::try_from(bits / 1_000_000).unwrap_or(u32::MAX).min(MOST_BANDWIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_of_a_profile_has_one_range() {
        for profile in PROFILES {
            assert_eq!(find(profile.name), Some(profile));
            assert!(profile.ranges.is_sorted_by(|a, b| a.0 < b.0 && a.2 <= b.2), "{profile:?}");
            assert!(profile.ranges.iter().all(|(_, least, most)| least < most), "{profile:?}");
            assert!(profile.iops(profile.least_gb).is_some() && profile.iops(profile.most_gb()).is_some());
            assert!(profile.iops(profile.least_gb - 1).is_none() && profile.iops(profile.most_gb() + 1).is_none());
        }
        let dp2 = find("dp2").unwrap();
        assert_eq!((dp2.iops(39), dp2.iops(40)), (Some((100, 1_000)), Some((100, 2_000))));
        assert_eq!(dp2.any_iops(), (100, 96_000));
    }

    #[test]
    fn bandwidth_follows_operations_up_to_the_most() {
        assert_eq!(bandwidth(100), 209);
        assert_eq!(bandwidth(96_000), 8_192);
    }
}
