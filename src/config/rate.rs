//! How many requests there may be in a time, as in `100/s`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// So many requests in a second, a minute or an hour; all of them may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The requests.
    pub requests: NonZeroU32,
    /// A second, a minute or an hour.
    pub per: Duration,
}

/// Not a number above 0, a slash and a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 1 to 1000000, a slash and s, m or h, as in \"100/s\"")]
pub struct NoRateLimit;

/// The most requests that can be said.
const MOST: u32 = 1_000_000;

const UNITS: [(&str, Duration); 3] =
    [("s", Duration::from_secs(1)), ("m", Duration::from_secs(60)), ("h", Duration::from_secs(3600))];

impl FromStr for RateLimit {
    type Err = NoRateLimit;

    fn from_str(text: &str) -> Result<Self, NoRateLimit> {
        let (number, unit) = text.split_once('/').ok_or(NoRateLimit)?;
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let requests = number.parse().ok().filter(|number| plain && *number <= MOST);
        let requests = requests.and_then(NonZeroU32::new).ok_or(NoRateLimit)?;
        let per = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NoRateLimit)?.1;
        Ok(Self { requests, per })
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, per)| *per == self.per).map_or("s", |(name, _)| name);
        write!(f, "{}/{unit}", self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_alike() {
        for text in ["1/s", "600/m", "1000000/h"] {
            assert_eq!(text.parse::<RateLimit>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "0/s",
            "10",
            "/s",
            "10/",
            "10/d",
            "-1/s",
            "+1/s",
            "1.5/s",
            "1000001/s",
            " 1/s",
            "1/s ",
            "1/S",
        ] {
            assert_eq!(text.parse::<RateLimit>(), Err(NoRateLimit), "{text:?}");
        }
    }
}
