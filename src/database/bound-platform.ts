import { ExceptionConverter } from '@mikro-orm/core';
import type { DriverException, RawQueryFragment } from '@mikro-orm/core';
import { PostgreSqlPlatform } from '@mikro-orm/postgresql';
import { carryParameters, carryValue } from './bind-parameters.ts';
import { mapDatabaseError } from './map-database-error.ts';
import { toArrayLiteral } from './to-parameter.ts';

/** Leaves errors that are mapped already as they are; MikroORM's own classes would repeat PostgreSQL's DETAIL. */
class BoundExceptionConverter extends ExceptionConverter {
  override convertException(error: Error): DriverException {
    return mapDatabaseError(error) ?? error;
  }
}

/** PostgreSQL as MikroORM knows it, with our errors, and arrays that keep every character. */
export class BoundPlatform extends PostgreSqlPlatform {
  protected override readonly exceptionConverter = new BoundExceptionConverter();

  /** MikroORM's own escapes as JSON does, which PostgreSQL reads otherwise, and leaves blanks and NULL unquoted. */
  override marshallArray(values: readonly unknown[]): string {
    return toArrayLiteral(values, this);
  }
}

/**
 * The platform of sessions. Where MikroORM turns a value into text ahead of time (fragments with values, sub-queries)
 * the text gets a token that is bound with the statement. Constants of the code, such as the keys of a JSON path, stay
 * literals, since an index is found by them.
 */
export class SessionPlatform extends BoundPlatform {
  #isLiteral = false;

  override formatQuery(sql: string, params: readonly unknown[]): string {
    return this.#isLiteral ? super.formatQuery(sql, params) : carryParameters(sql, params, this);
  }

  override quoteValue(value: unknown): string {
    return this.#isLiteral ? super.quoteValue(value) : carryValue(value, this);
  }

  override getSearchJsonPropertyKey(
    path: string[],
    type: string,
    aliased: boolean | string,
    value?: unknown,
  ): string | RawQueryFragment {
    return this.#literally(() => super.getSearchJsonPropertyKey(path, type, aliased, value));
  }

  override getJsonArrayElementPropertySQL(alias: string, property: string, type: string): string {
    return this.#literally(() => super.getJsonArrayElementPropertySQL(alias, property, type));
  }

  override generateCustomOrder(escapedColumn: string, values: unknown[]): string {
    return this.#literally(() => super.generateCustomOrder(escapedColumn, values));
  }

  #literally<T>(work: () => T): T {
    this.#isLiteral = true;
    try {
      return work();
    } finally {
      this.#isLiteral = false;
    }
  }
}
