import { MikroORM, raw } from '@mikro-orm/postgresql';
import type { EntityManager } from '@mikro-orm/postgresql';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseSessionManager } from '#database/session-manager.ts';
import { assertClean } from '#test/support/assert-clean.ts';
import { everyTypeValues, hostileText } from '#test/support/every-type-values.ts';
import type { EveryTypeValues } from '#test/support/every-type-values.ts';
import { AddressEmbeddable, EVERY_TYPE_TABLE, EveryTypeEntity } from '#test/support/every-type.ts';
import { markerPattern } from '#test/support/canary/canary-values.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { rowOf, VALUE_WAYS } from '#test/support/value-ways.ts';

const RUNS = Number(process.env['FC_RUNS'] ?? 150);
const TIMEOUT_MS = 120_000 + RUNS * 1000;

let database: TestDatabase;
let sessions: DatabaseSessionManager;

beforeAll(async () => {
  database = await TestDatabase.create({ empty: true });
  await database.query(EVERY_TYPE_TABLE);
  sessions = new DatabaseSessionManager();
  await sessions.init(database.options({ entities: [EveryTypeEntity, AddressEmbeddable] }));
});

afterEach(async () => {
  await assertClean(sessions);
});

afterAll(async () => {
  await sessions.close();
  await database.drop();
});

const write = <T>(work: (db: EntityManager) => Promise<T>) => sessions.session(work);
const read = <T>(work: (db: EntityManager) => Promise<T>) =>
  sessions.session(work, { readOnly: true });
const several = fc.array(everyTypeValues, { minLength: 1, maxLength: 4 });

async function add(rows: readonly EveryTypeValues[]): Promise<string[]> {
  return await write(async (db) => {
    const entities = rows.map((row) => db.create(EveryTypeEntity, row));
    await db.flush();
    return entities.map(({ id }) => id);
  });
}

/** The rows with these ids, one by one. */
async function stored(ids: readonly string[]): Promise<unknown[]> {
  return await read(async (db) => {
    const found = await db.find(EveryTypeEntity, { id: { $in: [...ids] } });
    return ids.map((id) => found.find((entity) => entity.id === id));
  });
}

const SCALARS = [
  'text',
  'varchar',
  'uuid',
  'integer',
  'bigint',
  'double',
  'decimal',
  'boolean',
  'at',
  'day',
  'bytes',
  'octets',
  'kind',
  'textOrNull',
  'integerOrNull',
  'atOrNull',
  'bytesOrNull',
] as const;

describe('every value of every type', () => {
  it(
    'is stored to the last byte by one insert and by one for many rows',
    async () => {
      await fc.assert(
        fc.asyncProperty(several, async (rows) => {
          expect(await stored(await add(rows))).toMatchObject(rows);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'is stored to the last byte by one update and by one for many rows',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(everyTypeValues, everyTypeValues), { minLength: 1, maxLength: 4 }),
          async (pairs) => {
            const ids = await add(pairs.map(([before]) => before));

            await write(async (db) => {
              for (const [index, id] of ids.entries()) {
                db.assign(await db.findOneOrFail(EveryTypeEntity, id), pairs[index]?.[1] ?? {});
              }
            });

            expect(await stored(ids)).toMatchObject(pairs.map(([, after]) => after));
          },
        ),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'finds its row, alone and in a list',
    async () => {
      await fc.assert(
        fc.asyncProperty(everyTypeValues, everyTypeValues, async (row, other) => {
          const [id] = await add([row]);

          for (const property of SCALARS) {
            const value = row[property];
            const list = [value, other[property]].filter((item) => item !== null);
            const [alone, listed] = await read((db) =>
              Promise.all(
                [value, { $in: list }].map((condition) => {
                  const where: Record<string, unknown> = { id, [property]: condition };
                  return db.createQueryBuilder(EveryTypeEntity).where(where).getCount();
                }),
              ),
            );
            expect([property, alone]).toEqual([property, 1]);
            expect([property, listed]).toEqual([property, value === null ? 0 : 1]);
          }
        }),
        { numRuns: Math.ceil(RUNS / 4) },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'survives insert, upsert, nativeUpdate and statements of the query builder',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          everyTypeValues,
          everyTypeValues,
          everyTypeValues,
          async (first, second, third) => {
            const [id = ''] = await add([first]);

            await write((db) => db.nativeUpdate(EveryTypeEntity, { id }, second));
            expect(await stored([id])).toMatchObject([second]);
            await write((db) =>
              db.createQueryBuilder(EveryTypeEntity).update(third).where({ id }).execute(),
            );
            expect(await stored([id])).toMatchObject([third]);
            await write((db) =>
              db.upsert(EveryTypeEntity, {
                ...first,
                id,
                createdAt: new Date(),
                updatedAt: new Date(),
              }),
            );
            expect(await stored([id])).toMatchObject([first]);
          },
        ),
        { numRuns: Math.ceil(RUNS / 2) },
      );
    },
    TIMEOUT_MS,
  );
});

describe('a hostile text', () => {
  it.each(Object.entries(VALUE_WAYS))(
    'goes through %s to the last byte',
    async (_way, use) => {
      await fc.assert(
        fc.asyncProperty(hostileText, async (text) => {
          const [id = ''] = await add([rowOf(text)]);

          expect(await write((db) => use(db, id, text))).toBe(text);
        }),
        { numRuns: Math.ceil(RUNS / 10), examples: [["c4n4ry'?$1\\--"], ['"c4n4ry\\"']] },
      );
    },
    TIMEOUT_MS,
  );
});

describe('what the server shows of the last statement', () => {
  const canary = markerPattern(['c4n4ry']);
  const lastStatement = async (db: EntityManager) => {
    const [backend] = await db.execute<{ pid: number }[]>('select pg_backend_pid() as pid');
    return async () => {
      const [row] = await database.query<{ query: string }>(
        'select query from pg_stat_activity where pid = $1',
        [backend?.pid],
      );
      return row?.query;
    };
  };

  it.each(Object.entries(VALUE_WAYS))('holds no value after %s', async (_way, use) => {
    const [id = ''] = await add([rowOf('c4n4ry')]);

    const shown = await write(async (db) => {
      const query = await lastStatement(db);
      await use(db, id, 'c4n4ry');
      return await query();
    });

    expect(shown).toMatch(/every_type/);
    expect(shown).not.toMatch(canary);
  });

  it('holds the value with the stock driver of MikroORM: this check would find one', async () => {
    const [id = ''] = await add([rowOf('c4n4ry')]);
    const orm = await MikroORM.init({
      clientUrl: database.url,
      entities: [EveryTypeEntity, AddressEmbeddable],
    });

    const shown = await orm.em.fork().transactional(async (db) => {
      const query = await lastStatement(db);
      await db.find(EveryTypeEntity, { id, text: 'c4n4ry' });
      return await query();
    });
    await orm.close(true);

    expect(shown).toMatch(canary);
  });
});

describe('what cannot be bound', () => {
  it.each([
    ['undefined', undefined],
    ['a function', () => 'c4n4ry'],
    ['a symbol', Symbol('c4n4ry')],
    ['a map', new Map([['c4n4ry', 1]])],
    ['an instance of a class', new (class Money {})()],
    ['an invalid date', new Date(Number.NaN)],
  ])('fails loudly: %s', async (_kind, value) => {
    const attempts = [
      (db: EntityManager) => db.execute('select ? :: text', [value]),
      (db: EntityManager) => db.execute(raw('select ? :: text', [value])),
      (db: EntityManager) => db.find(EveryTypeEntity, { [raw('text = ?', [value])]: [] }),
      (db: EntityManager) =>
        db
          .createQueryBuilder(EveryTypeEntity)
          .select([raw('?', [value])])
          .execute(),
    ];

    for (const attempt of attempts) {
      await expect(read(attempt)).rejects.toMatchObject({ code: 'DB_UNBINDABLE_VALUE' });
    }
  });

  it.each([
    ['a NUL, by the server', 'c4n4ry\0', '22021'],
    ['half of a surrogate pair, before it is sent', 'c4n4ry\ud83d', undefined],
    ['the other half', '\udc00c4n4ry', undefined],
  ])('is refused as text: %s', async (_kind, text, sqlState) => {
    const { total } = sessions.stats();
    const attempts: ((db: EntityManager) => Promise<unknown>)[] = [
      (db: EntityManager) => db.find(EveryTypeEntity, { text }),
      (db: EntityManager) => db.execute('select ? :: text', [text]),
      (db: EntityManager) => db.nativeUpdate(EveryTypeEntity, { text: '' }, { text }),
      (db: EntityManager) =>
        db.insert(EveryTypeEntity, { ...rowOf(text), octets: new Uint8Array() }),
      (db: EntityManager) =>
        db
          .getKysely<{ every_type: { text: string } }>()
          .selectFrom('every_type')
          .where('text', '=', text)
          .select('text')
          .execute(),
      async (db: EntityManager) => {
        const rows = db
          .getKysely<{ every_type: { text: string } }>()
          .selectFrom('every_type')
          .where('text', '=', text)
          .select('text')
          .stream();
        for await (const row of rows) {
          return row;
        }
        return undefined;
      },
    ];

    for (const attempt of attempts) {
      const failure = await write(attempt).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'DB_INVALID_TEXT' });
      expect(failure).toMatchObject(sqlState === undefined ? {} : { details: { sqlState } });
      expect(String(failure)).not.toMatch(/c4n4ry/);
    }
    // The connection is none the worse for it.
    expect(sessions.stats().total).toBeLessThanOrEqual(Math.max(total, 1));
  });

  it('is refused inside JSON: a NUL, half of a surrogate pair', async () => {
    for (const text of ['\0', '\ud83d']) {
      await expect(
        write((db) => db.insert(EveryTypeEntity, { ...rowOf('a'), json: { key: text } })),
      ).rejects.toMatchObject({
        code: 'DB_INVALID_TEXT',
      });
    }
  });

  it('is refused when its type does not fit', async () => {
    await expect(
      read((db) => db.execute('select 1 from every_type where integer = ?', ['x'])),
    ).rejects.toMatchObject({ code: 'DB_INVALID_TEXT' });
    await expect(
      read((db) => db.execute('select 1 from every_type where integer = ?', [2 ** 40])),
    ).rejects.toMatchObject({ code: 'DB_OUT_OF_RANGE' });
  });

  it('is a parameter whose type the server cannot infer: it wants a cast', async () => {
    await expect(read((db) => db.execute('select ? is null', [1]))).rejects.toMatchObject({
      code: 'DB_QUERY_FAILED',
      details: { sqlState: '42P18' },
    });
    expect(await read((db) => db.execute('select ? :: int is null as "isNull"', [1]))).toEqual([
      { isNull: false },
    ]);
  });
});
