import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL(import.meta.resolve('#test/support/shutdown-listener.ts')));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});

function start(kind: string) {
  const child = fork(program, [kind], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
  children.push(child);
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  return { child, messages };
}

function elapsed(milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, milliseconds);
  return promise;
}

describe('a process that listens for its end', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('hears %s, and at the second one exits with %d', async (signal, code) => {
    const { child, messages } = start('signals');
    await once(child, 'message');

    child.kill(signal);
    await once(child, 'message');
    await elapsed(300);
    expect(child.exitCode).toBeNull();
    const exit = once(child, 'exit');
    child.kill(signal);

    expect(await exit).toEqual([code, null]);
    expect(messages).toEqual(['ready', { first: signal }]);
  });

  it('lives on when npm repeats the signal at once', async () => {
    const { child, messages } = start('signals');
    await once(child, 'message');

    child.kill('SIGINT');
    await once(child, 'message');
    child.kill('SIGINT');
    await elapsed(150);

    expect(child.exitCode).toBeNull();
    expect(messages).toEqual(['ready', { first: 'SIGINT' }]);
  });

  it.each([
    ['exception', 'uncaughtException', 'Error: thrown'],
    ['rejection', 'unhandledRejection', 'Error: rejected'],
  ])('says of an unexpected %s what it was, shuts down and exits with 1', async (...row) => {
    const [kind, fatal, message] = row;
    const { child, messages } = start(kind);

    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(messages).toEqual(['ready', { fatal, message }, { shutdown: true }, { exit: 1 }]);
  });
});
