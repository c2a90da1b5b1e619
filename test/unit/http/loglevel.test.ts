import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { RecordingLog, testApp } from './http-fixture.ts';

/** Knows which level there was when it was told of a change. */
class WatchedLog extends RecordingLog {
  readonly written: object[] = [];

  override info = (fields: object) => {
    if ('from' in fields) {
      this.written.push({ at: this.level, ...fields });
    }
  };
}

describe('the level of the log', () => {
  it('is shown as it is now', async () => {
    const { app, log } = testApp();
    log.level = 'warn';

    const response = await request(app).get('/loglevel');

    expect(response.status).toBe(200);
    expect(response.body).toEqual({ level: 'warn' });
  });

  it.each(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'])(
    'is changed to %s when that is asked for, which is answered with the level now',
    async (level) => {
      const { app, log } = testApp();

      const response = await request(app).put('/loglevel').send({ level });

      expect(response.status).toBe(200);
      expect(response.body).toEqual({ level });
      expect(log.level).toBe(level);
    },
  );

  it.each([
    ['debug', 'error', 'debug'],
    ['error', 'debug', 'debug'],
    ['info', 'info', 'info'],
  ] as const)(
    'from %s to %s is told while it is %s, so that the change is in the log',
    async (from, to, written) => {
      const log = new WatchedLog();
      log.level = from;

      await request(testApp({ log }).app).put('/loglevel').send({ level: to });

      expect(log.written).toEqual([{ at: written, event: 'log.level.changed', from, to }]);
    },
  );

  it.each([
    ['a level that there is not', { level: 'loud' }, 422],
    ['no level', {}, 422],
    ['more than a level', { level: 'info', until: 'noon' }, 422],
    ['no object', [1], 422],
  ])('stays with %s', async (_what, body, status) => {
    const { app, log } = testApp();

    const response = await request(app).put('/loglevel').send(body);

    expect(response.status).toBe(status);
    expect(response.body.code).toBe('INPUT_INVALID');
    expect(log.level).toBe('info');
  });

  it('stays with what is no JSON', async () => {
    const { app, log } = testApp();

    const response = await request(app)
      .put('/loglevel')
      .set('Content-Type', 'application/json')
      .send('{"level":');

    expect(response.status).toBe(400);
    expect(log.level).toBe('info');
  });

  it('is not changed by looking, nor by a method that it does not have', async () => {
    const { app } = testApp();

    const response = await request(app).post('/loglevel').send({ level: 'debug' });

    expect(response.status).toBe(405);
    expect(response.headers['allow']).toBe('GET, PUT, HEAD, OPTIONS');
  });
});
