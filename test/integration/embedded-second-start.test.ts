import { afterAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#database/embedded/embedded-postgres.ts';
import { endOwner, startOwner, temporaryFolder, withClient } from '#test/support/embedded-owner.ts';

describe('a second start', () => {
  const one = temporaryFolder('one');
  const two = temporaryFolder('two');
  afterAll(() => {
    one.remove();
    two.remove();
  });

  it('in the same folder is refused with the process and the port of the first, which stays unharmed', async () => {
    await using first = await startEmbeddedPostgres({ dataDir: one.path, persistent: true });

    const { child, answer } = await startOwner({ dataDir: one.path, persistent: true });

    await endOwner(child, 'SIGTERM');
    expect(answer).toEqual({
      code: 'CONFIG_INVALID',
      message: `embedded postgresql: one is already running in ${one.path} (process ${process.pid}, port ${first.connection.port}); stop that process first`,
    });
    await expect(withClient(first.connection, async () => 'in')).resolves.toBe('in');
  });

  it('in another folder at the same time runs beside the first, with data of its own', async () => {
    const [first, second] = await Promise.all(
      [one, two].map(({ path }) => startEmbeddedPostgres({ dataDir: path, persistent: true })),
    );

    expect(first?.connection.port).not.toBe(second?.connection.port);
    expect(first?.connection.password).not.toBe(second?.connection.password);
    await Promise.all([first?.stop(), second?.stop()]);
  });

  it('works at once after the first was killed', async () => {
    const { child, answer } = await startOwner({ dataDir: one.path, persistent: true });
    await endOwner(child, 'SIGKILL');

    await using second = await startEmbeddedPostgres({ dataDir: one.path, persistent: true });

    expect(second.connection).toEqual('connection' in answer && answer.connection);
    await expect(withClient(second.connection, async () => 'in')).resolves.toBe('in');
  });
});
