import { describe, expect, it } from 'vitest';
import { StatementNames } from '#database/pool/statement-names.ts';

describe('the name of a statement', () => {
  it('is given from the second use on and stays the same', () => {
    const names = new StatementNames();

    expect(names.nameOf('select $1')).toBeUndefined();
    const name = names.nameOf('select $1');
    expect(name).toMatch(/^tidegauge_\d+$/);
    expect(names.nameOf('select $1')).toBe(name);
  });

  it('belongs to one text', () => {
    const names = new StatementNames();
    const texts = Array.from({ length: 100 }, (_unused, index) => `select $1, ${index}`);
    const given = texts.map((text) => [names.nameOf(text), names.nameOf(text)][1]);

    expect(new Set(given).size).toBe(100);
    expect(given).not.toContain(undefined);
  });

  it('is not given to a long text, which is a list of changing length', () => {
    const names = new StatementNames();
    const text = `select ${'$1, '.repeat(2000)}$1`;

    expect([names.nameOf(text), names.nameOf(text)]).toEqual([undefined, undefined]);
  });

  it('is forgotten when too many texts have come since, and never given to another text', () => {
    const names = new StatementNames();
    names.nameOf('select $1');
    const name = names.nameOf('select $1');
    const others = Array.from({ length: 3000 }, (_unused, index) => `select $1, ${index}`);
    const given = others.map((text) => [names.nameOf(text), names.nameOf(text)][1]);

    expect(names.nameOf('select $1')).toBeUndefined();
    expect(names.nameOf('select $1')).not.toBe(name);
    expect(given).not.toContain(name);
  });
});
