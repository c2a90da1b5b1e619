import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertClean } from '#test/support/assert-clean.ts';
import { buildTestService } from '#test/support/build-test-service.ts';
import type { TestService } from '#test/support/build-test-service.ts';
import { echoRoute, echoSchema } from '#test/support/chaos/echo-route.ts';
import { Figures } from '#test/support/chaos/figures.ts';
import { Load } from '#test/support/chaos/load.ts';
import { rounds } from '#test/support/chaos/rounds.ts';

const CLIENTS = 50;
const OF_THE_CONTROL = 500;

/** What requests took for their own and was not, and what else was wrong with their answers. */
interface CrossTalk {
  /** Ids of others that a request took for its own. */
  own: number;
  /** Ids of others that a request found in a shared variable. */
  shared: number;
  /** Answers with another status, or with the request id of another. */
  wrongAnswers: number;
}

describe('H12: requests that run at the same time', () => {
  const figures = new Figures('H12', rounds.requests);
  let service: TestService;

  beforeEach(async () => {
    service = await buildTestService({
      routes: [echoRoute],
      env: { LOG_LEVEL: 'fatal', DB_QUEUE_LIMIT: '100' },
    });
  });
  afterEach(async () => {
    await service.close();
  });
  afterAll(figures.publish);

  async function send(count: number): Promise<CrossTalk> {
    const found: CrossTalk = { own: 0, shared: 0, wrongAnswers: 0 };
    let begun = 0;
    const load = new Load(CLIENTS, async () => {
      begun += 1;
      if (begun > count) return false;
      const id = randomUUID();
      const response = await fetch(`${service.url}/echo/${id}`, {
        method: 'POST',
        headers: { 'X-Request-Id': id },
      });
      const echo = echoSchema.safeParse(await response.json());
      const isRight = response.status === 200 && response.headers.get('x-request-id') === id;
      found.wrongAnswers += isRight && echo.success ? 0 : 1;
      found.own += echo.data?.own.filter((seen) => seen !== id).length ?? 0;
      found.shared += echo.data?.shared.filter((seen) => seen !== id).length ?? 0;
      return true;
    });
    await load.ended();
    return found;
  }

  it('F40: are each themselves after every await, timer, event and statement', async () => {
    const { own, wrongAnswers } = await send(rounds.requests);

    figures.note('taken for somebody else, wrong answers', `${own}, ${wrongAnswers}`);
    expect({ own, wrongAnswers }).toEqual({ own: 0, wrongAnswers: 0 });
    await assertClean(service);
  });

  it('would be noticed to be somebody else: what they find in a global variable is', async () => {
    const { shared } = await send(OF_THE_CONTROL);

    figures.control(`in a global variable, of ${OF_THE_CONTROL} requests`, shared);
    expect(shared).toBeGreaterThan(0);
  });
});
