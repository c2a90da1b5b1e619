import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineRoute } from '#http/route.ts';

describe('defineRoute', () => {
  it('refuses a schema that lets unknown keys pass', () => {
    const define = () =>
      defineRoute({
        method: 'post',
        path: '/things',
        operationId: 'createThing',
        summary: 'Add a thing',
        tags: [],
        body: z.object({ name: z.string() }),
        responses: { 204: { description: 'Done.' } },
        errors: [],
        handler: () => Promise.resolve({ status: 204 }),
      });

    expect(define).toThrow('bug: createThing takes unknown keys, use z.strictObject');
  });
});
