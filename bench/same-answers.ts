import { isDeepStrictEqual } from 'node:util';
import type { Participant } from './block.ts';

/** Throws unless everybody answers the same: a contestant that leaves work out would win. */
export async function requireSameAnswers(
  participants: readonly Participant[],
  id: string,
): Promise<void> {
  const answers = await Promise.all(
    participants.map(async ({ contestant, server }) => ({
      key: contestant.key,
      read: await answer(`${server.url}/users/${id}`),
      list: Reflect.get(await answer(`${server.url}/users?limit=20`), 'items'),
      created: Object.keys(
        await answer(`${server.url}/users`, { email: 'same@example.com', name: 'Same' }),
      ).toSorted(),
    })),
  );
  const [first, ...others] = answers;
  for (const { key, ...other } of others) {
    if (!isDeepStrictEqual({ key, ...other }, { ...first, key })) {
      throw new Error(`${key} answers otherwise than ${first?.key}`);
    }
  }
}

async function answer(url: string, body?: object): Promise<object> {
  const response = await fetch(url, {
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json' },
  });
  const json: unknown = await response.json();
  if (!response.ok || typeof json !== 'object' || json === null) {
    throw new Error(`${url} answers with ${response.status}`);
  }
  return json;
}
