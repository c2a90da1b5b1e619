import { raw } from '@mikro-orm/postgresql';
import type { EntityManager } from '@mikro-orm/postgresql';
import { EveryTypeEntity } from './every-type.ts';

interface Tables {
  every_type: { id: string; text: string; varchar: string };
}

/** One way a value takes to the server: reads the text of the row `id`, whose text it is given, or writes it there. */
export type ValueWay = (db: EntityManager, id: string, text: string) => Promise<unknown>;

const builder = (db: EntityManager) => db.createQueryBuilder(EveryTypeEntity, 'e');
const other = (db: EntityManager) => db.createQueryBuilder(EveryTypeEntity, 's');

async function textOf(db: EntityManager, id: string): Promise<unknown> {
  const { text } = await db.findOneOrFail(EveryTypeEntity, id, { refresh: true });
  return text;
}

async function firstText(found: Promise<readonly { readonly text?: unknown }[]>): Promise<unknown> {
  return (await found)[0]?.text;
}

/** Every way that entities, query builders, fragments and raw statements offer, each resolving to the text of the row. */
export const VALUE_WAYS: Readonly<Record<string, ValueWay>> = {
  find: (db, id, text) => firstText(db.find(EveryTypeEntity, { id, text })),
  'find in a list': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, text: { $in: [text, ''] } })),
  'find by comparison': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, text: { $gte: text, $lte: text } })),
  'find with a limit': (db, id, text) =>
    firstText(
      db.find(EveryTypeEntity, { id, text }, { limit: 1, offset: 0, orderBy: { text: 'asc' } }),
    ),
  'find by cursor': async (db, id, text) => {
    const { items } = await db.findByCursor(EveryTypeEntity, {
      where: { id, text },
      first: 1,
      orderBy: { text: 'asc', id: 'asc' },
    });
    return items[0]?.text;
  },
  'find in an array': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, texts: { $contains: [text] } })),
  'find in JSON': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, json: { key: text } })),
  'find by JSON that contains': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, json: { $contains: { key: text } } })),
  'find in an embeddable': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, address: { street: text } })),
  'find in an embeddable in JSON': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, home: { street: text } })),
  'find in a list of embeddables': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, places: { street: text } })),
  'find by a fragment as key': (db, id, text) =>
    firstText(db.find(EveryTypeEntity, { id, [raw('lower(text) = lower(?)', [text])]: [] })),
  'find by a fragment as value': (db, id, text) =>
    firstText(
      db.find(EveryTypeEntity, { id, text: raw<string>('concat(?::text, ?::text)', [text, '']) }),
    ),
  'find ordered by a fragment': (db, id, text) =>
    firstText(
      db.find(
        EveryTypeEntity,
        { id },
        { orderBy: { [raw('case when text = ? then 1 else 2 end', [text])]: 'asc' } },
      ),
    ),
  stream: async (db, id, text) => {
    for await (const row of db.stream(EveryTypeEntity, { where: { id, text } })) {
      return row.text;
    }
    return undefined;
  },
  'query builder': (db, id, text) =>
    firstText(builder(db).select('*').where({ id, text }).limit(1).getResultList()),
  'query builder with a text condition': (db, id, text) =>
    firstText(builder(db).where('e.id = ? and e.text = ?', [id, text]).getResultList()),
  'query builder with a fragment as condition': (db, id, text) =>
    firstText(
      builder(db)
        .where(raw('e.id = ? and e.text = ?', [id, text]))
        .getResultList(),
    ),
  'query builder that selects a fragment': (db, id, text) =>
    firstText(
      builder(db)
        .select([raw('concat(?::text, null) as text', [text])])
        .where({ id })
        .execute<{ text: string }[]>(),
    ),
  'query builder that groups and orders by a fragment': (db, id, text) => {
    const shown = () => raw('concat(e.text, ?::text)', [text]);
    return firstText(
      builder(db)
        .select([raw('concat(e.text, ?::text) as both', [text]), raw('min(e.text) as text')])
        .where({ id })
        .groupBy(shown())
        .orderBy({ [shown()]: 'asc' })
        .execute<{ text: string }[]>(),
    );
  },
  'query builder with a sub-query as condition': (db, id, text) =>
    firstText(
      builder(db)
        .where({ id: { $in: other(db).select('id').where({ id, text }) } })
        .getResultList(),
    ),
  'query builder with a sub-query as column': (db, id, text) =>
    firstText(
      builder(db)
        .select(['id', other(db).select('text').where({ id, text }).as('text')])
        .where({ id })
        .execute<{ text: string }[]>(),
    ),
  'query builder with a joined sub-query': (db, id, text) =>
    firstText(
      builder(db)
        .select('*')
        .innerJoin(other(db).select('id').where({ id, text }), 'x', { 'x.id': raw<string>('e.id') })
        .getResultList(),
    ),
  'query builder with a common table': (db, id, text) =>
    firstText(
      builder(db)
        .with('w', other(db).select('id').where({ text }))
        .where({ id, [raw('exists (select 1 from w where w.id = e.id)')]: [] })
        .getResultList(),
    ),
  'raw statement': (db, id, text) =>
    firstText(
      db.execute<{ text: string }[]>('select text from every_type where id = ? and text = ?', [
        id,
        text,
      ]),
    ),
  'raw statement with a list': (db, id, text) =>
    firstText(
      db.execute<{ text: string }[]>('select text from every_type where id = ? and text in (?)', [
        id,
        [text, ''],
      ]),
    ),
  'raw statement with names': (db, id, text) =>
    firstText(
      db.execute<{ text: string }[]>(
        raw('select text from every_type where id = :id and text = :text', { id, text }),
      ),
    ),
  'raw statement with an object of values': (db, id, text) =>
    firstText(
      db.execute<{ text: string }[]>(
        'select text from every_type where id = :id and text = :text',
        { id, text },
      ),
    ),
  'raw statement with JSON': (db, id, text) =>
    firstText(
      db.execute<{ text: string }[]>('select text from every_type where id = ? and json @> ?', [
        id,
        { key: text },
      ]),
    ),
  kysely: (db, id, text) =>
    firstText(
      db
        .getKysely<Tables>()
        .selectFrom('every_type')
        .select('text')
        .where('id', '=', id)
        .where('text', '=', text)
        .execute(),
    ),
  'update of an entity': async (db, id, text) => {
    const entity = await db.findOneOrFail(EveryTypeEntity, id);
    entity.text = '';
    await db.flush();
    entity.text = text;
    await db.flush();
    return await textOf(db, id);
  },
  'update of an entity by a fragment': async (db, id, text) => {
    const entity = await db.findOneOrFail(EveryTypeEntity, id);
    entity.text = raw('concat(?::text, null)', [text]);
    await db.flush();
    return await textOf(db, id);
  },
  nativeUpdate: async (db, id, text) => {
    await db.nativeUpdate(EveryTypeEntity, { id }, { text });
    return await textOf(db, id);
  },
  'nativeUpdate by a fragment': async (db, id, text) => {
    await db.nativeUpdate(
      EveryTypeEntity,
      { id },
      { text: raw<string>('concat(?::text, null)', [text]) },
    );
    return await textOf(db, id);
  },
  'update by the query builder': async (db, id, text) => {
    await db.createQueryBuilder(EveryTypeEntity).update({ text }).where({ id, text }).execute();
    return await textOf(db, id);
  },
  'update by kysely': async (db, id, text) => {
    await db
      .getKysely<Tables>()
      .updateTable('every_type')
      .set({ text })
      .where('id', '=', id)
      .execute();
    return await textOf(db, id);
  },
  nativeDelete: async (db, id, text) => {
    await db.nativeDelete(EveryTypeEntity, { id, text: `${text}!` });
    return await textOf(db, id);
  },
};

/** A row whose texts are all the same, for VALUE_WAYS to find. */
export function rowOf(text: string) {
  return {
    text,
    varchar: text,
    uuid: '00000000-0000-4000-8000-000000000000',
    integer: 1,
    bigint: 1n,
    double: 1,
    decimal: '1',
    boolean: true,
    at: new Date(0),
    day: '2026-01-02',
    bytes: Buffer.from(text),
    octets: new Uint8Array(Buffer.from(text)),
    json: { key: text },
    texts: [text],
    integers: [1],
    kind: 'a' as const,
    address: { street: text, zip: 1 },
    home: { street: text, zip: 1 },
    places: [{ street: text, zip: 1 }],
    textOrNull: null,
    integerOrNull: null,
    atOrNull: null,
    bytesOrNull: null,
    textsOrNull: null,
  };
}
