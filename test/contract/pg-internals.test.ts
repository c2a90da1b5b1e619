import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, it } from 'vitest';

// The pool reads these although pg does not declare them: an upgrade that moves one must fail here, not in production.
// `readyForQuery` is there once a client is connected: a pool that could not read it would reuse no connection.
describe('what the pool reads of pg and pg does not declare', () => {
  const client = new pg.Client();
  const connection: unknown = Reflect.get(client, 'connection');

  it.each(['processID', 'secretKey', 'connection'])('client.%s is where it was', (name) => {
    expect(Object.hasOwn(client, name)).toBe(true);
  });

  it.each(['stream', 'parsedStatements'])('client.connection.%s is where it was', (name) => {
    expect(connection).toHaveProperty(name);
  });

  it('client.saslSession is where SCRAM leaves it, and looks for the socket that it is bound to', () => {
    const text = readFileSync('node_modules/pg/lib/client.js', 'utf8');

    expect(text).toContain('this.saslSession = null');
    expect(text).toContain('this.enableChannelBinding && this.connection.stream');
  });

  it('client.connection emits what the server reports by itself', () => {
    expect(connection).toBeInstanceOf(EventEmitter);
  });

  it('a client that is not connected has no transaction status', () => {
    expect(client.getTransactionStatus()).toBeNull();
  });

  it('pg is pinned exactly', () => {
    const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));

    expect(manifest).toHaveProperty('dependencies.pg', expect.stringMatching(/^\d+\.\d+\.\d+$/));
  });
});
