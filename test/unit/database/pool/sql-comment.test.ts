import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sqlComment } from '#database/pool/sql-comment.ts';

const scope = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  isSampled: true,
  route: '/users/:id',
};
const TRACEPARENT = `traceparent='00-${scope.traceId}-${scope.spanId}-01'`;

describe('the comment of a statement', () => {
  it('holds route and traceparent as sqlcommenter has them, keys in order, values URL-encoded', () => {
    expect(sqlComment('select 1', scope)).toBe(`/*route='%2Fusers%2F%3Aid',${TRACEPARENT}*/`);
  });

  it('holds traceparent alone where there is no route', () => {
    const { route: _route, ...routeless } = scope;

    expect(sqlComment('select 1', routeless)).toBe(`/*${TRACEPARENT}*/`);
  });

  it.each([
    ['a trace that is not recorded', 'select 1', { ...scope, isSampled: false }],
    ['work without a scope', 'select 1', undefined],
    ['a statement that has a comment', 'select /* mine */ 1', scope],
    ['a statement that ends in a comment', 'select 1 -- mine', scope],
    ['a statement that may have one', "select '--'", scope],
  ])('is not there for %s', (_kind, text, work) => {
    expect(sqlComment(text, work)).toBeUndefined();
  });

  it('cannot be ended, or a quote in it, by what a route holds', () => {
    const route = fc.oneof(
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      fc.constantFrom('*/ drop table users; /*', "'", "a*/b'c", '--\n'),
    );

    fc.assert(
      fc.property(route, (route) => {
        expect(sqlComment('select 1', { ...scope, route })).toMatch(
          /^\/\*route='[\w%.~-]*',traceparent='[0-9a-f-]+'\*\/$/,
        );
      }),
    );
  });
});
