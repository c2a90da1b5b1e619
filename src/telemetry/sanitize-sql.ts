import { scan, type TokenKind } from '#sql/statement-tokens.ts';

/** Characters of a sanitised statement at most. */
const SANITIZED_LENGTH = 2000;

/**
 * The text of a statement as it may leave the process: every literal is a `?`, comments are gone; parameters (`$1`),
 * names and layout stay. A sign belongs to the number behind it, except where it can only be an operator (`n-1`). Where
 * a text cannot be read with certainty, one `?` stands for all the rest. At most 2000 characters, in linear time.
 */
export function sanitizeSql(text: string): string {
  const sanitizer = new Sanitizer(text);
  scan(text, (kind, start, end) => sanitizer.add(kind, start, end));
  return sanitizer.sanitized.slice(0, SANITIZED_LENGTH);
}

class Sanitizer {
  readonly #text: string;
  sanitized = '';
  /** Of what is neither blank nor comment. */
  #last: 'string' | 'number' | 'sign' | 'operand' | 'other' = 'other';
  /** What stood between the last token and this one. */
  #isApart = true;
  #isNewLine = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** True when there is nothing more to say. */
  add(kind: TokenKind, start: number, end: number): boolean {
    if (kind === 'blank') {
      this.#addBlank(this.#text.slice(start, end));
    } else if (kind === 'comment') {
      this.#dropComment(this.#text.charAt(end));
    } else {
      this.#addToken(kind, start, end);
      this.#isApart = false;
      this.#isNewLine = false;
    }
    return this.sanitized.length >= SANITIZED_LENGTH;
  }

  #addBlank(blank: string): void {
    this.sanitized += blank;
    this.#isApart = true;
    this.#isNewLine ||= /[\n\r]/.test(blank);
  }

  /** What it stood between stays two tokens. */
  #dropComment(next: string): void {
    if (!this.#isApart && !/^\s?$/.test(next)) {
      this.sanitized += ' ';
    }
    this.#isApart = true;
  }

  #addToken(kind: Exclude<TokenKind, 'blank' | 'comment'>, start: number, end: number): void {
    switch (kind) {
      case 'string':
        // `'a'` and `'b'` on the next line are one string.
        this.sanitized += this.#last === 'string' && this.#isNewLine ? '' : '?';
        this.#last = 'string';
        break;
      case 'number':
        if (this.#last === 'sign' && !this.#isApart) {
          this.sanitized = this.sanitized.slice(0, -1);
        }
        this.sanitized += '?';
        this.#last = 'number';
        break;
      case 'word':
        // `12ab` is what somebody wrote without quotes.
        if (this.#last !== 'number' || this.#isApart) {
          this.sanitized += this.#text.slice(start, end);
          this.#last = 'operand';
        }
        break;
      case 'parameter':
      case 'identifier':
        this.sanitized += this.#text.slice(start, end);
        this.#last = 'operand';
        break;
      case 'symbol':
        this.#addSymbol(this.#text.charAt(start));
        break;
      case 'unclear':
        this.sanitized += '?';
    }
  }

  #addSymbol(symbol: string): void {
    const isOperator = this.#last === 'operand' && !this.#isApart;
    this.sanitized += symbol;
    if (/[-+]/.test(symbol) && !isOperator) {
      this.#last = 'sign';
    } else {
      this.#last = /[)\]]/.test(symbol) ? 'operand' : 'other';
    }
  }
}
