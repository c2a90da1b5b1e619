import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatabaseError } from '#database/database-error.ts';
import { createLogger, type LoggerOptions } from '#telemetry/logger.ts';

function subject(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger(
    { level: 'debug', format: 'json', ...options },
    { write: (line) => lines.push(line) },
  );
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}');
  return { logger, lines, last };
}

describe('a log line', () => {
  it('is one JSON object with time, level as a word, service, event and message', () => {
    const { logger, lines, last } = subject();

    logger.info({ event: 'service.started', port: 3000 }, 'listening');

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{[^\n]*\}\n$/);
    expect(last()).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'info',
      service: 'tidegauge',
      event: 'service.started',
      port: 3000,
      msg: 'listening',
    });
  });

  it('carries the fields of the scope it is written in', () => {
    let scope: Record<string, string> | undefined = { request_id: 'r-1', trace_id: 't-1' };
    const { logger, last } = subject({ scope: () => scope });

    logger.info({}, 'within');
    expect(last()).toMatchObject({ request_id: 'r-1', trace_id: 't-1' });

    scope = undefined;
    logger.info({}, 'outside');
    expect(last()).not.toHaveProperty('request_id');
  });

  it('has its own value of a field that the scope has as well, an absent one too', () => {
    const { logger, last } = subject({ scope: () => ({ request_id: 'r-1', trace_id: 't-1' }) });

    logger.info({ trace_id: 't-2', request_id: undefined }, 'of another request');

    expect(last()).toMatchObject({ trace_id: 't-2' });
    expect(last()).not.toHaveProperty('request_id');
  });

  it('is written though a field cannot be read', () => {
    const { logger, last } = subject({ scope: () => ({ request_id: 'r-1' }) });
    const fields = Object.defineProperty({ event: 'x' }, 'broken', {
      enumerable: true,
      get: () => {
        throw new Error('not to be read');
      },
    });

    logger.info(fields, 'said all the same');

    expect(last()).toMatchObject({ request_id: 'r-1', event: 'x', msg: 'said all the same' });
  });

  it('has each of its own fields once, whatever is logged', () => {
    const { logger, lines } = subject();

    logger.info({ time: 1, level: 'x', service: 'x', msg: 'x' }, 'mine');

    expect(lines[0]?.match(/"(?:time|level|service|msg)":/g)).toHaveLength(4);
    expect(lines[0]).toContain('"msg":"mine"');
  });

  it('is one parseable line with every control character in names, values and message', () => {
    const { logger, lines, last } = subject();
    const controls = Array.from({ length: 0x30 }, (_, code) => String.fromCharCode(code)).join('');
    const hostile = `${controls}\u007f\u0085\u009b\u2028\u2029\ud800"\\`;

    logger.info({ [hostile]: hostile, nested: { [hostile]: [hostile] } }, hostile);

    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd().split(/[\r\n]/)).toHaveLength(1);
    expect(last()).toMatchObject({ nested: expect.anything() });
  });

  it('is one parseable line for any fields', () => {
    const { logger, lines } = subject();
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.string(), (fields, msg) => {
        lines.length = 0;
        logger.info(fields, msg);
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/^[^\n]*\n$/);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', service: 'tidegauge' });
      }),
    );
  });
});

describe('levels', () => {
  it('below the set one are not written, and the level may change at run time', () => {
    const { logger, lines } = subject({ level: 'warn' });

    logger.info({}, 'no');
    logger.warn({}, 'yes');
    logger.level = 'debug';
    logger.debug({}, 'yes');
    logger.level = 'silent';
    logger.fatal({}, 'no');

    expect(lines).toHaveLength(2);
    expect(logger.level).toBe('silent');
  });

  it('are words', () => {
    const { logger, lines } = subject();

    logger.debug({}, '');
    logger.info({}, '');
    logger.warn({}, '');
    logger.error({}, '');
    logger.fatal({}, '');

    expect(lines.map((line) => JSON.parse(line).level)).toEqual([
      'debug',
      'info',
      'warn',
      'error',
      'fatal',
    ]);
  });
});

describe('a line for people', () => {
  it('moves no cursor and breaks no line, whatever is logged', () => {
    const { logger, lines } = subject({ format: 'pretty' });
    const hostile = 'a\r\n\u001b[2J\u001b]0;title\u0007\u009b31m\u202eb\u2028c';

    logger.info({ field: hostile, nested: { [hostile]: [hostile] } }, hostile);

    // oxlint-disable-next-line no-control-regex -- its own colours are all a terminal may get
    const plain = (lines[0] ?? '').replace(/\u001b\[\d+m/g, '');
    // oxlint-disable-next-line no-control-regex -- control characters are the subject
    expect(plain.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    expect(plain).toContain('INFO');
    expect(plain).toContain(String.raw`a\u000d\u000a\u001b[2J`);
  });

  it('shows an error with its code and frames', () => {
    const { logger, lines } = subject({ format: 'pretty' });

    logger.error({ err: new DatabaseError('DB_UNIQUE', 'already there') }, 'refused');

    expect(lines[0]).toContain('DB_UNIQUE');
    expect(lines[0]).toMatch(/\n\s+at .*logger\.test\.ts:\d+:\d+/);
  });
});
