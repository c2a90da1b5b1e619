import { expect, it } from 'vitest';
import { ErrandProcess } from '#test/support/errand-process.ts';
import { TestDatabase } from '#test/support/test-database.ts';

it('a process that forgets to close its sessions ends when nobody holds a connection or waits for one', async () => {
  await using database = await TestDatabase.create();
  await using errand = new ErrandProcess('forgetToClose', database.connection);

  expect(await errand.said()).toEqual({ done: 2, idle: 1 });
  expect(await errand.ended).toEqual({ code: 0, stderr: '' });
});
