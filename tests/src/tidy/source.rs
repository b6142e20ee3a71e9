//! Rust text without its comments and literals, so that a guard judges code and not prose.
//!
//! A lexer of a few states, not a parser: it knows line and nested block comments, plain, raw and byte
//! strings, and characters as against lifetimes (Rust Reference, "Tokens"). Masked text keeps every line
//! break and every byte offset, so a place in it is a place in the file.

/// A string literal and the line it starts on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Line of the opening quote.
    pub line: usize,
    /// What stands between the quotes, escapes untouched.
    pub text: String,
}

/// A file's text, taken apart.
#[derive(Clone, Debug)]
pub struct Source {
    /// The text with comments and the insides of literals blanked out.
    pub code: String,
    /// Every string literal, in order.
    pub literals: Vec<Literal>,
}

/// A function as it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of its `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both included.
    pub lines: usize,
}

impl Source {
    /// Takes `text` apart. Unclosed comments and literals reach to the end of the text.
    pub fn new(text: &str) -> Self {
        Lexer { bytes: text.as_bytes(), at: 0, code: Vec::with_capacity(text.len()), literals: Vec::new() }
            .run(text)
    }

    /// The code with every `#[cfg(test)]` item blanked out too.
    pub fn production_code(&self) -> String {
        const MARK: &str = "#[cfg(test)]";
        let mut code = self.code.clone();
        let mut from = 0;
        while let Some(start) = code[from..].find(MARK).map(|found| from + found) {
            let end = end_of_item(&code, start + MARK.len());
            code.replace_range(start..end, &blanked(&code[start..end]));
            from = end;
        }
        code
    }

    /// Every function with a body.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for at in word_positions(&self.code, "fn") {
            let rest = self.code[at + 2..].trim_start();
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let end = end_of_item(&self.code, at);
            // A type such as `fn(u8)` has no name, a trait's declaration no body.
            if name.is_empty() || !self.code[at..end].ends_with('}') {
                continue;
            }
            let lines = self.code[at..end].matches('\n').count() + 1;
            found.push(Function { name, line: line_of(&self.code, at), lines });
        }
        found
    }
}

/// Line of byte `at`, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Where `word` stands with no letter, digit or underscore beside it.
pub fn word_positions(code: &str, word: &str) -> Vec<usize> {
    let joins = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| !joins(at.checked_sub(1).and_then(|before| bytes.get(before))))
        .filter(|at| {
            // A pattern that ends in punctuation needs nothing after it.
            !word.ends_with(|c: char| c.is_alphanumeric() || c == '_') || !joins(bytes.get(at + word.len()))
        })
        .collect()
}

/// End of the item that starts at `from`: behind its `;` or its outermost closing brace.
fn end_of_item(code: &str, from: usize) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => others += 1,
            b')' | b']' => others = others.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 => return at + 1,
            b'}' => braces -= 1,
            b';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn blanked(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) }).collect()
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    code: Vec<u8>,
    literals: Vec<Literal>,
}

impl Lexer<'_> {
    fn run(mut self, text: &str) -> Source {
        while let Some(byte) = self.peek(0) {
            let joined = self.code.last().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
            match (byte, self.peek(1)) {
                (b'/', Some(b'/')) => self.blank_until(|lexer| lexer.peek(0) == Some(b'\n')),
                (b'/', Some(b'*')) => self.block_comment(),
                (b'"', _) => self.string(0, true),
                (b'r', Some(b'"' | b'#')) if !joined => self.raw_string(1),
                (b'b', Some(b'r')) if !joined && matches!(self.peek(2), Some(b'"' | b'#')) => {
                    self.raw_string(2);
                }
                (b'\'', _) => self.character(),
                _ => self.keep(),
            }
        }
        // Only whole comments and literals were blanked, byte for byte, so this is text again.
        let code = String::from_utf8(self.code).unwrap_or_else(|_| blanked(text));
        Source { code, literals: self.literals }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        self.code.extend(self.peek(0));
        self.at += 1;
    }

    fn blank(&mut self) {
        self.code.push(if self.peek(0) == Some(b'\n') { b'\n' } else { b' ' });
        self.at += 1;
    }

    fn blank_until(&mut self, done: impl Fn(&Self) -> bool) {
        while self.at < self.bytes.len() && !done(self) {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            let change = match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => 1,
                (Some(b'*'), Some(b'/')) => -1,
                _ => {
                    self.blank();
                    continue;
                }
            };
            self.blank();
            self.blank();
            depth = depth.saturating_add_signed(change);
            if depth == 0 {
                return;
            }
        }
    }

    /// From the opening quote to the closing one with `hashes` signs behind it.
    fn string(&mut self, hashes: usize, escapes: bool) {
        let line = self.code.iter().filter(|byte| **byte == b'\n').count() + 1;
        self.keep();
        let start = self.at;
        while let Some(byte) = self.peek(0) {
            let closes = byte == b'"' && (1..=hashes).all(|n| self.peek(n) == Some(b'#'));
            if closes {
                break;
            }
            if byte == b'\\' && escapes && self.peek(1).is_some() {
                self.blank();
            }
            self.blank();
        }
        let text = String::from_utf8_lossy(&self.bytes[start..self.at.min(self.bytes.len())]).into_owned();
        self.literals.push(Literal { line, text });
        for _ in 0..=hashes {
            if self.peek(0).is_some() {
                self.keep();
            }
        }
    }

    fn raw_string(&mut self, prefix: usize) {
        let hashes = (0..).take_while(|n| self.peek(prefix + n) == Some(b'#')).count();
        if self.peek(prefix + hashes) != Some(b'"') {
            return self.keep(); // a raw identifier, r#type
        }
        for _ in 0..prefix + hashes {
            self.keep();
        }
        self.string(hashes, false);
    }

    /// `'x'`, `'\n'`, `'é'`; otherwise a lifetime or a label.
    fn character(&mut self) {
        let closing = match self.peek(1) {
            Some(b'\\') => (3..=12).find(|n| self.peek(*n) == Some(b'\'')),
            Some(_) => (2..=5).find(|n| self.peek(*n) == Some(b'\'')).filter(|n| self.is_one_char(*n)),
            None => None,
        };
        self.keep();
        let Some(closing) = closing else { return };
        for _ in 1..closing {
            self.blank();
        }
        self.keep();
    }

    fn is_one_char(&self, closing: usize) -> bool {
        let inside = self.bytes.get(self.at + 1..self.at + closing).unwrap_or_default();
        std::str::from_utf8(inside).is_ok_and(|text| text.chars().count() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, code: &str) {
        assert_eq!(Source::new(text).code, code);
    }

    #[test]
    fn comments_and_literals_are_blanked_and_code_stays() {
        check("a // todo!()\nb", "a           \nb");
        check("a /* x /* y */ z */ b", "a                   b");
        check(r#"let s = "dbg!(\"x\")"; t"#, r#"let s = "           "; t"#);
        check("r#\"a \" b\"# + r#type", "r#\"     \"# + r#type");
        check("f('\"', '\\'', 'é'); <'a>", "f(' ', '  ', '  '); <'a>");
        check("b'\"' x", "b' ' x");
        check("\"é\n\" x", "\"  \n\" x");
    }

    #[test]
    fn literals_carry_their_line() {
        let found = Source::new("x\n\"one\" r\"two\"").literals;
        assert_eq!(
            found,
            [Literal { line: 2, text: "one".to_owned() }, Literal { line: 2, text: "two".to_owned() }]
        );
    }

    #[test]
    fn production_code_has_no_test_items() {
        let source = Source::new("fn a() {}\n#[cfg(test)]\nmod tests { fn b() { c[1]; } }\nfn d() {}");
        let code = source.production_code();
        assert!(code.contains("fn a") && code.contains("fn d"));
        assert!(!code.contains("fn b"));
        assert_eq!(code.len(), source.code.len());
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let source = Source::new(
            "trait T { fn no(&self); }\nfn yes(a: [u8; 2]) -> fn(u8)\nwhere A: B {\n  if x { y }\n}\n",
        );
        assert_eq!(source.functions(), [Function { name: "yes".to_owned(), line: 2, lines: 4 }]);
    }

    #[test]
    fn words_have_borders() {
        assert_eq!(word_positions("tokio tokio_x xtokio tokio::a", "tokio"), [0, 21]);
        assert_eq!(word_positions("a.unwrap() todo!(x)", "todo!"), [11]);
    }
}
