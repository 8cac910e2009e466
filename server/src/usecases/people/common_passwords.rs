//! Passwords that are guessed first.
//!
//! With ten characters and more, lists of leaked passwords are mostly one well-known word with
//! digits around it, two such words, or a walk over the keyboard. So the words stand here, and
//! what is made of them alone is refused in every spelling.

/// Words and walks that make up most guessed passwords, without their digits.
const STEMS: &[&str] = &[
    "abc",
    "abcd",
    "abcde",
    "abcdef",
    "access",
    "admin",
    "administrator",
    "aini",
    "alexander",
    "amanda",
    "andrea",
    "andrew",
    "angel",
    "anthony",
    "apple",
    "asd",
    "asdf",
    "asdfg",
    "asdfgh",
    "asdfghjkl",
    "ashley",
    "baby",
    "backup",
    "baseball",
    "basketball",
    "batman",
    "beijing",
    "butterfly",
    "changeme",
    "charlie",
    "cheese",
    "china",
    "chocolate",
    "company",
    "computer",
    "cookie",
    "corvette",
    "daniel",
    "default",
    "demo",
    "deploy",
    "dev",
    "docker",
    "dragon",
    "edc",
    "family",
    "flower",
    "football",
    "forever",
    "freedom",
    "friends",
    "fuckyou",
    "george",
    "guest",
    "hangzhou",
    "hannah",
    "hello",
    "hunter",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jordan",
    "joshua",
    "justin",
    "killer",
    "letmein",
    "liverpool",
    "login",
    "love",
    "lovely",
    "maggie",
    "manager",
    "master",
    "matthew",
    "maverick",
    "michael",
    "michelle",
    "midnight",
    "monkey",
    "mustang",
    "naruto",
    "nicole",
    "ninja",
    "office",
    "orange",
    "pass",
    "passwd",
    "password",
    "patrick",
    "pokemon",
    "princess",
    "prod",
    "production",
    "purple",
    "qaz",
    "qazwsx",
    "qwe",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyui",
    "qwertyuiop",
    "rainbow",
    "registry",
    "release",
    "robert",
    "root",
    "samantha",
    "samsung",
    "secret",
    "server",
    "shadow",
    "shanghai",
    "slipway",
    "soccer",
    "solo",
    "starwars",
    "summer",
    "sunshine",
    "super",
    "superman",
    "supervisor",
    "support",
    "sysadmin",
    "system",
    "temp",
    "test",
    "tester",
    "testing",
    "thomas",
    "tigger",
    "tinkle",
    "trustno",
    "user",
    "victoria",
    "wang",
    "welcome",
    "whatever",
    "william",
    "winter",
    "woaini",
    "world",
    "wsx",
    "xiaoming",
    "zaq",
    "zhang",
    "zxc",
    "zxcv",
    "zxcvbn",
    "zxcvbnm",
];

/// Digits and signs that can stand around the words without making a guess much harder.
const MOST_AROUND: usize = 7;

/// Whether this password would be among the first guesses, the user's own name included.
pub fn is_common(name: &str, password: &str) -> bool {
    let lower = password.to_lowercase();
    let chars: Vec<char> = lower.chars().collect();
    let mut distinct = chars.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let digits = chars.len() < 16 && chars.iter().all(char::is_ascii_digit);
    distinct.len() <= 3 || digits || is_row(&chars) || made_of_stems(name, &lower)
}

/// Neighbours in the alphabet or among the digits, up or down: `abcdefghij`, `9876543210`.
fn is_row(chars: &[char]) -> bool {
    let code = |at: usize| chars.get(at).map(|c| u32::from(*c));
    let near = |at: usize| code(at).zip(code(at + 1)).is_some_and(|(one, next)| one.abs_diff(next) <= 1);
    (0..chars.len().saturating_sub(1)).all(near)
}

fn made_of_stems(name: &str, lower: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let name = letters(&name.to_lowercase());
    let stem = |word: &str| STEMS.contains(&word) || (word.chars().count() > 1 && word == name);
    // What stands before and after the words is decoration, not letters in disguise.
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let straightened = |text: &str| text.chars().map(straight).collect::<String>();
    [lower.to_owned(), straightened(lower), straightened(core)].iter().any(|spelled| {
        let word = letters(spelled);
        let around = lower.chars().count().saturating_sub(word.chars().count());
        !word.is_empty() && around <= MOST_AROUND && splits(&word, &stem)
    })
}

/// What a digit or a sign stands for when it is put for a letter.
fn straight(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Whether the whole text is a sequence of such words.
fn splits(text: &str, stem: &dyn Fn(&str) -> bool) -> bool {
    // `reached` holds the places at which a sequence of words ends.
    let mut reached = vec![0];
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    for end in ends {
        let starts = |start: &&usize| text.get(**start..end).is_some_and(stem);
        if reached.iter().any(|start| starts(&start)) {
            reached.push(end);
        }
    }
    reached.last() == Some(&text.len())
}

#[cfg(test)]
mod tests {
    use super::is_common;

    #[test]
    fn what_is_guessed_first_is_refused_in_every_spelling() {
        for bad in [
            "password123",
            "Password2026!",
            "P@ssw0rd123",
            "passwordpassword",
            "welcome12345",
            "letmein1234",
            "1qaz2wsx3edc",
            "1q2w3e4r5t6",
            "qwertyuiop",
            "qwerty123456",
            "asdfghjkl;'",
            "abcdefghij",
            "9876543210",
            "1234567890",
            "13812345678",
            "aaaaaaaaaa",
            "1212121212",
            "abababababab",
            "slipway2026",
            "SlipwayAdmin1",
            "woaini5201314",
            "adminadmin1",
            "iloveyou!!1",
            "Hello-World1",
            "lea.lea.lea.",
            "lea1234567",
            "password\u{a0}\u{a0}12",
        ] {
            assert!(is_common("lea", bad), "{bad}");
        }
    }

    #[test]
    fn what_nobody_guesses_first_is_taken() {
        for good in [
            "seven grey herons",
            "k3v9-xq2m-81ze",
            "correct horse battery staple",
            "a long sentence of a password",
            "sunshine93847261",
            "我喜欢在杭州吃西湖醋鱼",
            "my cat is called lea",
            "2026-11-24 at nine",
            "Tr0ub4dor&3x",
        ] {
            assert!(!is_common("lea", good), "{good}");
        }
        assert!(!is_common("", "x9x9x9y8y8z7"), "an empty name is in every password");
    }
}
