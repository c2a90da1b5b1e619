import { describe, expect, it } from 'vitest';

import { parseProcessTable, processTable } from '#database/embedded/process-table.ts';

describe('the table of processes', () => {
  it('is parsed from the output of ps, without zombies and damaged lines', () => {
    const text =
      '    1 /sbin/launchd\n  77 postgres: tidegauge-ab: walwriter  \n 78 <defunct>\n\nx y\n';

    expect(parseProcessTable(text)).toEqual([
      { pid: 1, command: '/sbin/launchd' },
      { pid: 77, command: 'postgres: tidegauge-ab: walwriter' },
    ]);
  });

  it('holds this very process', async () => {
    const table = await processTable();

    expect(table.map(({ pid }) => pid)).toContain(process.pid);
  });
});
