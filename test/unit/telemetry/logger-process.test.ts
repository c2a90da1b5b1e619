import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL(import.meta.resolve('#test/support/log-writer.ts')));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});

async function outputOf(format: string, count: number, ending: string): Promise<string[]> {
  const child = spawn(process.execPath, [program, format, String(count), ending], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const chunks: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  await once(child, 'close');
  return chunks.join('').trimEnd().split('\n');
}

function numbersOf(lines: readonly string[]): number[] {
  return lines.map((line) => Number(JSON.parse(line).line));
}

const all = Array.from({ length: 10_000 }, (_, line) => line);

describe('a process that logs to standard output', () => {
  it('loses no line when it closes the logger and exits', async () => {
    expect(numbersOf(await outputOf('json', 10_000, 'close'))).toEqual(all);
  });

  it('has written everything when a flush has ended, even if it is killed then', async () => {
    expect(numbersOf(await outputOf('json', 10_000, 'flush'))).toEqual(all);
  });

  it('loses no line to an error that nobody catches, which is the last of them', async () => {
    const lines = await outputOf('json', 10_000, 'fatal');

    expect(numbersOf(lines.slice(0, -1))).toEqual(all);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      level: 'fatal',
      event: 'process.fatal',
    });
  });

  it('would lose lines if it were killed without a flush', async () => {
    expect((await outputOf('json', 10_000, 'kill')).length).toBeLessThan(10_000);
  });

  it('writes what waits when it exits without closing', async () => {
    const lines = await outputOf('json', 100, 'exit');

    // The thread pool may end what it is writing after the exit has written the rest.
    expect(numbersOf(lines).toSorted((one, other) => one - other)).toEqual(all.slice(0, 100));
  });

  it('writes every line before it goes on where people read', async () => {
    expect(await outputOf('pretty', 100, 'exit')).toHaveLength(100);
  });

  it.each(['json', 'pretty'])('lives on when its reader goes away (%s)', async (format) => {
    const child = await withoutReader(format, 'stay');

    await elapsed(200);
    const exit = once(child, 'exit');
    child.send('stop');

    expect(await exit).toEqual([0, null]);
  });

  it('would end with its reader if it wrote without the logger', async () => {
    const child = await withoutReader('json', 'unheard');

    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});

async function withoutReader(format: string, ending: string): Promise<ChildProcess> {
  const child = fork(program, [format, '10', ending], {
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    execArgv: [],
  });
  children.push(child);
  await once(child, 'message');
  child.stdout?.destroy();
  return child;
}

function elapsed(milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, milliseconds);
  return promise;
}
