import { ServiceProcess } from '#test/support/service-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';
import { describe, expect, it } from 'vitest';

describe('npm start', () => {
  it('passes a signal on to the service, which ends in order and leaves nothing behind', async () => {
    await using database = await TestDatabase.create();
    const service = await ServiceProcess.start({
      command: ['npm', 'start'],
      cwd: process.cwd(),
      env: { DATABASE_URL: database.url },
    });

    await service.stop();

    expect(service.output).toContain('"event":"service.stopped"');
    await expect(fetch(`${service.url}/livez`)).rejects.toThrow('fetch failed');
  });
});
