import { defineEntity, p } from '@mikro-orm/postgresql';
import { baseProperties } from '#database/base-entity.ts';

export const AddressEmbeddable = defineEntity({
  embeddable: true,
  name: 'Address',
  properties: { street: p.text(), zip: p.integer().nullable() },
});

/** One property of every type that entities use. */
export const EveryTypeEntity = defineEntity({
  name: 'EveryType',
  tableName: 'every_type',
  properties: {
    ...baseProperties,
    text: p.text(),
    varchar: p.string(),
    uuid: p.uuid(),
    integer: p.integer(),
    bigint: p.bigint(),
    double: p.double(),
    decimal: p.decimal(),
    boolean: p.boolean(),
    at: p.datetime(3),
    day: p.date(),
    bytes: p.blob(),
    octets: p.uint8array(),
    json: p.json<unknown>().nullable(),
    texts: p.array(),
    integers: p.array(Number, String).columnType('int[]'),
    kind: p.enum(['a', 'b']),
    textOrNull: p.text().nullable(),
    integerOrNull: p.integer().nullable(),
    atOrNull: p.datetime(3).nullable(),
    bytesOrNull: p.blob().nullable(),
    textsOrNull: p.array().nullable(),
    address: () => p.embedded(AddressEmbeddable),
    home: () => p.embedded(AddressEmbeddable).object().nullable(),
    places: () => p.embedded(AddressEmbeddable).array().nullable(),
  },
});

/** The table of EveryTypeEntity. */
export const EVERY_TYPE_TABLE = `create table every_type (
  id uuid primary key, created_at timestamptz(3) not null, updated_at timestamptz(3) not null,
  version int not null default 1,
  text text not null, varchar varchar(255) not null, uuid uuid not null, integer int not null,
  bigint bigint not null, double double precision not null, "decimal" numeric not null,
  boolean boolean not null, at timestamptz(3) not null, day date not null, bytes bytea not null,
  octets bytea not null, json jsonb, texts text[] not null, integers int[] not null,
  kind text not null check (kind in ('a', 'b')),
  text_or_null text, integer_or_null int, at_or_null timestamptz(3), bytes_or_null bytea,
  texts_or_null text[], address_street text not null, address_zip int, home jsonb, places jsonb)`;
