//! Masks what names a person, so that a log helps to find a fault but not a person.

/// What stands for the rest of a name.
const REST: &str = "***";
/// Longest end of a domain that is shown, in characters; the longest real one has 24 (in its ASCII
/// form), but most are short, and a name written after a dot must not pass for one.
const LONGEST_END: usize = 8;

/// Masks user names and e-mail addresses, or leaves them as they are where the log may name people.
///
/// The same name gives the same mask, so that a person's requests can be followed through a log;
/// several people may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask(
    /// Whether anything is masked.
    pub bool,
);

impl Mask {
    /// `personal` as it may stand in the log: `bjensen@example.com` as `b***@e***.com`, `bjensen`
    /// as `b***`.
    pub fn mask(&self, personal: &str) -> String {
        if !self.0 {
            return personal.to_owned();
        }
        match personal.rsplit_once('@') {
            Some((local, domain)) => format!("{}@{}{}", part(local), part(domain), end(domain)),
            None => part(personal),
        }
    }
}

/// The first character, if it is one that can be seen, and a sign for whatever follows.
fn part(text: &str) -> String {
    let first = text.chars().next();
    first.filter(|first| !first.is_control()).into_iter().chain(REST.chars()).collect()
}

/// The end of a domain with its dot, such as `.com`.
fn end(domain: &str) -> String {
    match domain.rsplit_once('.') {
        Some((_, end))
            if (1..=LONGEST_END).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphabetic()) =>
        {
            format!(".{end}")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_letters_and_the_end_of_the_domain_stay() {
        for (personal, masked) in [
            ("bjensen@example.com", "b***@e***.com"),
            ("Babs.Jensen+x@mail.contoso.co.uk", "B***@m***.uk"),
            ("bjensen", "b***"),
            ("b", "b***"),
            ("", "***"),
            ("@example.com", "***@e***.com"),
            ("bjensen@", "b***@***"),
            ("bjensen@localhost", "b***@l***"),
            ("a@b@example.com", "a***@e***.com"),
            ("bjensen@10.0.0.1", "b***@1***"),
            ("bjensen@x.Babs Jensen", "b***@x***"),
            ("bjensen@x.", "b***@x***"),
            ("Øyvind@über.example", "Ø***@ü***.example"),
            ("\u{1f600}smile", "\u{1f600}***"),
            ("\nforged", "***"),
        ] {
            assert_eq!(Mask(true).mask(personal), masked, "{personal:?}");
            assert_eq!(Mask(false).mask(personal), personal);
        }
    }

    proptest! {
        #[test]
        fn a_mask_is_short_stable_and_on_one_line(personal in ".*") {
            let masked = Mask(true).mask(&personal);
            prop_assert_eq!(&masked, &Mask(true).mask(&personal));
            prop_assert!(masked.chars().count() <= 18);
            prop_assert!(!masked.contains(char::is_control));
        }
    }
}
