//! Sums of terms and constants.

use super::super::read_error::{ReadProblem, excerpt};
use super::lexer::{Token, is_infinity};
use super::read::Parser;

/// A sum of coefficient · column and numbers.
#[derive(Debug, Default)]
pub(super) struct Expression {
    pub terms: Vec<(usize, f64)>,
    pub constant: f64,
    /// How many terms and constants there were.
    pub count: usize,
}

/// Where an expression ends if nothing else ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// It may go on over lines.
    Lines,
    /// It ends with the line on which its first number or name stands.
    OneLine,
}

impl<'a> Parser<'a> {
    /// The expression that begins at the current token. It ends before whatever cannot go on with it.
    pub(super) fn expression(&mut self, extent: Extent) -> Result<Expression, ReadProblem> {
        let mut sum = Expression::default();
        let mut last_line = self.lexer.line;
        loop {
            let goes_on = extent == Extent::Lines || sum.count == 0 || self.lexer.line == last_line;
            let is_sign = matches!(self.lexer.token, Token::Plus | Token::Minus);
            if !goes_on || (sum.count > 0 && !is_sign) {
                return Ok(sum);
            }
            let sign = self.signs()?;
            last_line = self.lexer.line;
            match self.lexer.token {
                Token::Number(number) => {
                    let text = self.lexer.found;
                    self.lexer.advance()?;
                    let same_line = self.lexer.line == last_line;
                    match self.lexer.token {
                        Token::Name(name) if extent == Extent::Lines || same_line => {
                            if number.is_infinite() {
                                let requirement = "too large for a coefficient";
                                return Err(ReadProblem::Range { text: excerpt(text), requirement });
                            }
                            last_line = self.lexer.line;
                            self.term(&mut sum, sign * number, name)?;
                        }
                        _ => sum.constant += sign * number,
                    }
                }
                Token::Name(name) if is_infinity(name) => {
                    sum.constant += sign * f64::INFINITY;
                    self.lexer.advance()?;
                }
                Token::Name(name) => self.term(&mut sum, sign, name)?,
                _ if is_sign => return Err(self.expected("a number or a name behind the sign")),
                _ => return Ok(sum),
            }
            sum.count += 1;
        }
    }

    /// The product of the signs at the current token: 1 if there is none.
    pub(super) fn signs(&mut self) -> Result<f64, ReadProblem> {
        let mut sign = 1.0;
        loop {
            match self.lexer.token {
                Token::Plus => {}
                Token::Minus => sign = -sign,
                _ => return Ok(sign),
            }
            self.lexer.advance()?;
        }
    }

    fn term(&mut self, sum: &mut Expression, coefficient: f64, name: &'a [u8]) -> Result<(), ReadProblem> {
        let column = self.column_of_current_name(name)?;
        sum.terms.push((column, coefficient));
        self.lexer.advance()
    }
}
