// The last kysely that loses a pool's slot when a connection dies in a transaction (kysely-org/kysely#1990), in the
// shape that our code imports today.
export * from 'kysely-0.29.6';

/** Came with the release that mended it; the old one never throws it. */
export class AbortedTransactionError extends Error {}
