import type pg from 'pg';

/** Asks the server one question, without values. */
export type Ask = <R extends pg.QueryResultRow>(text: string) => Promise<readonly R[]>;
