//! The words of the LP format.

use super::super::number;
use super::super::read_error::{ReadProblem, excerpt};

/// A section, or the word that begins it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Start,
    Objective { maximise: bool },
    Rows,
    Bounds,
    Integers,
    Binaries,
    End,
}

impl Section {
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "the first lines",
            Self::Objective { .. } => "the objective",
            Self::Rows => "Subject To",
            Self::Bounds => "Bounds",
            Self::Integers => "General",
            Self::Binaries => "Binary",
            Self::End => "End",
        }
    }
}

/// The side of a comparison on which the larger value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    AtMost,
    AtLeast,
    Equal,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    /// A number without a sign.
    Number(f64),
    Name(&'a [u8]),
    /// A name with a colon behind it.
    Label(&'a [u8]),
    Plus,
    Minus,
    Comparison(Comparison),
    /// A word of the format that begins a section.
    Section(Section),
    EndOfFile,
}

/// A place in the text, with the token that begins there.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    /// Where the token after the current one is looked for.
    position: usize,
    /// The line of `position`.
    next_line: u64,
    /// The current token, its text and its line.
    pub token: Token<'a>,
    pub found: &'a [u8],
    pub line: u64,
    section: Section,
}

impl<'a> Lexer<'a> {
    /// Stands before the first token.
    pub fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            position: 0,
            next_line: 1,
            token: Token::EndOfFile,
            found: b"",
            line: 0,
            section: Section::Start,
        }
    }

    /// Moves on to the next token. `section` decides which words begin another one.
    pub fn advance(&mut self) -> Result<(), ReadProblem> {
        let first_of_line = self.skip_blanks() || self.position == 0 || self.line == 0;
        self.line = self.next_line;
        let rest = &self.text[self.position..];
        let Some(&first) = rest.first() else {
            self.token = Token::EndOfFile;
            self.found = b"";
            return Ok(());
        };
        let (token, length) = match first {
            b'+' => (Token::Plus, 1),
            b'-' => (Token::Minus, 1),
            b'<' | b'>' | b'=' => comparison(rest),
            b'0'..=b'9' | b'.' => {
                let length = number_length(rest);
                self.found = &rest[..length];
                let value = number::parse(self.found)
                    .ok_or_else(|| ReadProblem::Number { text: excerpt(self.found) })?;
                (Token::Number(value), length)
            }
            b'[' | b']' | b'^' => {
                return Err(ReadProblem::Unsupported {
                    what: "a quadratic term",
                    found: excerpt(line_of(rest)),
                });
            }
            _ if is_name_byte(first) => self.name(rest, first_of_line)?,
            _ => {
                let expected = "a name, a number, a sign or a comparison";
                return Err(ReadProblem::Expected { expected, found: excerpt(line_of(rest)) });
            }
        };
        self.token = token;
        self.found = &rest[..length];
        self.position += length;
        if let Token::Section(section) = token {
            self.section = section;
        }
        Ok(())
    }

    /// A name, a label or a word of the format.
    fn name(&self, rest: &'a [u8], first_of_line: bool) -> Result<(Token<'a>, usize), ReadProblem> {
        let length = rest.iter().position(|&byte| !is_name_byte(byte)).unwrap_or(rest.len());
        let name = &rest[..length];
        if name.first().is_some_and(|&first| !may_begin_name(first)) || name.eq_ignore_ascii_case(b"nan") {
            return Err(ReadProblem::Expected {
                expected: "a name that does not begin with a comma or a bracket and is not NaN",
                found: excerpt(line_of(rest)),
            });
        }
        let behind = length + blanks(&rest[length..]);
        if rest.get(behind) == Some(&b':') {
            return Ok((Token::Label(name), behind + 1));
        }
        let is_compared = matches!(rest.get(behind), Some(b'<' | b'>' | b'='));
        if !first_of_line || is_compared {
            return Ok((Token::Name(name), length));
        }
        let second = &rest[behind..];
        let second = &second[..second.iter().position(|&byte| !is_name_byte(byte)).unwrap_or(second.len())];
        let is = |a: &str, b: &str| {
            name.eq_ignore_ascii_case(a.as_bytes()) && second.eq_ignore_ascii_case(b.as_bytes())
        };
        if is("subject", "to") || is("such", "that") {
            return Ok((Token::Section(Section::Rows), behind + second.len()));
        }
        let what = if is("lazy", "constraints") {
            Some("a lazy constraint")
        } else if is("user", "cuts") {
            Some("a user cut")
        } else if is("general", "constraints") {
            Some("a general constraint")
        } else {
            unsupported(name)
        };
        if let Some(what) = what {
            return Err(ReadProblem::Unsupported { what, found: excerpt(line_of(rest)) });
        }
        match section_of(name) {
            // There is one objective: later, `min` and `max` are names.
            Some(Section::Objective { .. }) if self.section != Section::Start => {
                Ok((Token::Name(name), length))
            }
            Some(section) => Ok((Token::Section(section), length)),
            None => Ok((Token::Name(name), length)),
        }
    }

    /// Skips blanks, line ends and comments; whether a line ended.
    fn skip_blanks(&mut self) -> bool {
        let mut new_line = false;
        while let Some(&byte) = self.text.get(self.position) {
            match byte {
                b'\n' => {
                    new_line = true;
                    self.next_line += 1;
                }
                b'\\' => {
                    self.position += line_of(&self.text[self.position..]).len();
                    continue;
                }
                _ if byte.is_ascii_whitespace() => {}
                _ => break,
            }
            self.position += 1;
        }
        new_line
    }

    /// Whether nothing but blanks and comments follows.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.position == self.text.len()
    }
}

/// Whether a name may stand in an LP file: its letters, its beginning, and that it is no word of the format.
pub(super) fn is_writable(name: &str) -> bool {
    let bytes = name.as_bytes();
    let Some(first) = bytes.first() else { return false };
    // Other readers take `e5` for the exponent of the coefficient before it.
    let is_exponent = matches!(first, b'e' | b'E') && bytes.get(1).is_none_or(u8::is_ascii_digit);
    bytes.len() <= 255
        && bytes.iter().all(|&byte| is_name_byte(byte))
        && !first.is_ascii_digit()
        && *first != b'.'
        && may_begin_name(*first)
        && !is_exponent
        && section_of(bytes).is_none()
        && unsupported(bytes).is_none()
        && !["subject", "such", "lazy", "user", "free", "inf", "infinity", "nan"]
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word))
}

/// Whether a name is that of infinity.
pub(super) fn is_infinity(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"inf") || name.eq_ignore_ascii_case(b"infinity")
}

fn section_of(name: &[u8]) -> Option<Section> {
    const WORDS: [(&str, Section); 31] = [
        ("min", Section::Objective { maximise: false }),
        ("minimize", Section::Objective { maximise: false }),
        ("minimise", Section::Objective { maximise: false }),
        ("minimum", Section::Objective { maximise: false }),
        ("max", Section::Objective { maximise: true }),
        ("maximize", Section::Objective { maximise: true }),
        ("maximise", Section::Objective { maximise: true }),
        ("maximum", Section::Objective { maximise: true }),
        ("st", Section::Rows),
        ("s.t.", Section::Rows),
        ("st.", Section::Rows),
        ("s.t", Section::Rows),
        ("bound", Section::Bounds),
        ("bounds", Section::Bounds),
        ("general", Section::Integers),
        ("generals", Section::Integers),
        ("gen", Section::Integers),
        ("gens", Section::Integers),
        ("integer", Section::Integers),
        ("integers", Section::Integers),
        ("int", Section::Integers),
        ("ints", Section::Integers),
        ("binary", Section::Binaries),
        ("binaries", Section::Binaries),
        ("bin", Section::Binaries),
        ("bins", Section::Binaries),
        ("end", Section::End),
        ("subjectto", Section::Rows),
        ("subject_to", Section::Rows),
        ("suchthat", Section::Rows),
        ("such_that", Section::Rows),
    ];
    const LONGEST: usize = 10;
    if name.len() > LONGEST {
        return None;
    }
    WORDS.iter().find(|(word, _)| name.eq_ignore_ascii_case(word.as_bytes())).map(|&(_, section)| section)
}

fn unsupported(name: &[u8]) -> Option<&'static str> {
    let is = |words: [&str; 3]| words.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()));
    if is(["semi", "semis", "semicontinuous"]) {
        Some("a semi-continuous variable")
    } else if is(["sos", "sos1", "sos2"]) {
        Some("a special ordered set")
    } else if name.eq_ignore_ascii_case(b"pwlobj") {
        Some("a piecewise linear objective")
    } else {
        None
    }
}

fn comparison(rest: &[u8]) -> (Token<'static>, usize) {
    let (kind, length) = match rest {
        [b'<', b'=', ..] | [b'=', b'<', ..] => (Comparison::AtMost, 2),
        [b'>', b'=', ..] | [b'=', b'>', ..] => (Comparison::AtLeast, 2),
        [b'=', b'=', ..] => (Comparison::Equal, 2),
        [b'<', ..] => (Comparison::AtMost, 1),
        [b'>', ..] => (Comparison::AtLeast, 1),
        _ => (Comparison::Equal, 1),
    };
    (Token::Comparison(kind), length)
}

/// The length of the longest number at the beginning: digits with at most one point, and an exponent if it has digits.
fn number_length(rest: &[u8]) -> usize {
    let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    if rest.get(length) == Some(&b'.') {
        length += 1;
        length += digits(length);
    }
    if matches!(rest.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
        let exponent = rest.get(length + 1 + sign..).map_or(0, |_| digits(length + 1 + sign));
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!\"#$%&(),.;?@_'`{}~".contains(&byte)
}

/// `x <= 3, y <= 1` and `2 (x + y)` are mistakes, not names: `,` and `(x` would be variables without anyone noticing.
fn may_begin_name(byte: u8) -> bool {
    !matches!(byte, b',' | b'(' | b')')
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|&&byte| byte != b'\n' && byte.is_ascii_whitespace()).count()
}

/// The text up to the end of its line.
fn line_of(text: &[u8]) -> &[u8] {
    let line = &text[..text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len())];
    line.strip_suffix(b"\r").unwrap_or(line)
}
