import { createPostgreSqlTypeParsers } from '@mikro-orm/postgresql';
import pg from 'pg';

const TEXT_ARRAY_OID = 1009;

/** Dates and times as the server's text, as MikroORM expects them. */
export function typeParsers(): pg.TypeOverrides {
  const types = new pg.TypeOverrides();
  // oxlint-disable-next-line typescript/consistent-type-assertions -- adapter: pg declares its parsers by the number in their first overload.
  const parseTextArray = types.getTypeParser(TEXT_ARRAY_OID, 'text') as unknown as (
    text: string,
  ) => string[];
  for (const [oid, parser] of Object.entries(createPostgreSqlTypeParsers(parseTextArray))) {
    types.setTypeParser(Number(oid), parser);
  }
  return types;
}
